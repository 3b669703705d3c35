/* lint.h - the lines of a script that Slurm drops, refuses or reads otherwise than they look.
 *
 * Each finding says in a sentence what becomes of the line, and where it can be known, how the line was
 * probably meant.  Found: directives behind the first command; "# SBATCH", "##SBATCH", "#sbatch" and
 * indented ones; dashes and quotes from a word processor; remarks without #, or a # inside a value;
 * variables and ~, which nobody expands; blanks around = and in names; a value missing at the end of
 * a line; a backslash at the end; misspelt options and wrong values; one option twice; array tasks that
 * all write one file; CR LF, a byte order mark, NUL, no "#!".  Pure.
 */
#ifndef EOUL_SPEC_LINT_H
#define EOUL_SPEC_LINT_H

#include "base/str.h"

enum lint_effect {
    LINT_IGNORED,   /* Slurm drops it without a word */
    LINT_REFUSED,   /* Slurm refuses the script (older versions dropped it and all that follows) */
    LINT_OTHERWISE, /* Slurm takes it to mean something else */
    LINT_HERE,      /* fine for Slurm; different or impossible here */
};

struct lint_finding {
    unsigned line;           /* 0: the whole script */
    enum lint_effect effect;
    struct str text;         /* a sentence in the reader's language */
    struct str meant;        /* how to write the line; "": no idea.  Cleaned, as text is (utf8_clean) */
};

/* Calls found() in the order of the lines; all text is gone when it returns.  Returns how many were
 * found; it stops after a thousand.  `translate` as in struct err; NULL: English. */
unsigned lint_script(struct str text, const char *(*translate)(const char *format),
                     void (*found)(void *data, const struct lint_finding *finding), void *data);

#endif
