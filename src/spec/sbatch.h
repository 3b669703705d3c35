/* sbatch.h - scripts with #SBATCH lines, read as sbatch reads them.
 *
 *   - A directive is a line that begins with "#SBATCH", before the first line that is neither blank nor
 *     a comment.  "# SBATCH", "##SBATCH" and an indented "#SBATCH" are comments.
 *   - A line holds any number of words, split at blanks.  Quotes of both kinds group, a backslash takes
 *     the next character as it is, an unquoted # ends the line, also inside a word.
 *   - The words of all directives together are one argument vector; a word that is no option is refused
 *     ("Invalid directive found in batch script"), as sbatch does since 18.08.
 *   - Variables are not expanded.
 *   - "#SBATCH hetjob" (or packjob) asks for several different allocations: refused.
 * The command line overrides directives (option.h).  sbatch.c cites what it follows.  Pure.
 */
#ifndef EOUL_SPEC_SBATCH_H
#define EOUL_SPEC_SBATCH_H

#include "base/err.h"
#include "base/str.h"
#include "spec/spec.h"

#define SBATCH_WORDS_MAX 4096 /* in all directives of one script */

enum sbatch_line_kind {
    SBATCH_BLANK,     /* nothing, or a comment */
    SBATCH_DIRECTIVE,
    SBATCH_COMMAND,
};

/* One line of a script: what it is for sbatch, and for a directive what stands behind "#SBATCH". */
enum sbatch_line_kind sbatch_line(struct str line, struct str *ret_rest);

/* Does the rest of a directive ask for a further, different allocation (hetjob, packjob)? */
bool sbatch_is_hetjob(struct str rest);

/* Take the next word of a directive off the front of *rest, unquoted, appended to `out` (a NUL is put
 * behind it).  1: a word; 0: no more; E_INVALID: a quote is never closed. */
int sbatch_word(struct str *rest, struct buf *out);

/* spec_set_script and then every directive of the text. */
int sbatch_read(struct spec *spec, struct str name, struct str text, struct err *err);

#endif
