/* marks.h - what a job says of itself in its output: its results, and how far it is.
 *
 *     eoul:result loss=0.12 acc=0.93        anywhere in a line; a later line replaces by name
 *     eoul:result 0.12                      the same as result=0.12
 *     --result 'val_loss: {loss}'           the person's own lines: text, {name} for a number, * for
 *                                           anything, blanks for any blanks
 *     eoul:progress 0.42   42%   420/1000
 *     step 420/1000   Epoch [3/10], Step [100/600]   42%|####   | 42/100 [00:10<00:14]
 *
 * Progress comes from the surest kind of line seen so far: eoul:progress, else epochs and steps, else a
 * bar.  Steps and bars within an epoch count as a part of it.  A bar or a count of steps that begins
 * anew without epochs says nothing about the whole job: it is disbelieved from then on.
 *
 * Runs in the supervisor over every byte of output, so that nothing that comes after a line can push
 * it out of sight.  Bounded: MARKS_LINE_MAX bytes of a line, fixed memory, time linear in the output.
 * Foreign bytes in, printable words out: names and values hold no blanks and no control characters.
 * Pure; no allocation.
 */
#ifndef EOUL_SPEC_MARKS_H
#define EOUL_SPEC_MARKS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

#define MARKS_LINE_MAX    1024u /* a bar as wide as a screen; of longer lines the rest is passed over */
#define MARKS_RESULTS_MAX 12u   /* names; more are not kept */
#define MARKS_NAME_MAX    32u   /* bytes, with the NUL */
#define MARKS_VALUE_MAX   64u
#define MARKS_PATTERN_MAX 512u
#define MARKS_STREAMS     2     /* stdout, stderr */
#define MARKS_UNKNOWN     UINT32_MAX

enum marks_source { MARKS_NONE, MARKS_BAR, MARKS_STEP, MARKS_SAID };

struct marks_result {
    char name[MARKS_NAME_MAX];
    char value[MARKS_VALUE_MAX];
};
struct marks_line {
    char text[MARKS_LINE_MAX];
    uint32_t len;
    bool skipping; /* it was too long: wait for its end */
};
struct marks {
    uint32_t version;  /* rises with every change of what follows */
    uint32_t done_ppm; /* 0..1000000, or MARKS_UNKNOWN */
    uint32_t source;   /* enum marks_source */
    uint32_t results_n;
    struct marks_result result[MARKS_RESULTS_MAX];
    /* inner */
    char pattern[MARKS_PATTERN_MAX];
    uint32_t pattern_len;
    uint32_t epoch, epochs; /* 0: none seen */
    uint32_t inner_ppm;     /* of the present epoch */
    uint32_t part_ppm[MARKS_SAID]; /* last of MARKS_BAR, MARKS_STEP */
    bool disbelieved[MARKS_SAID];
    struct marks_line line[MARKS_STREAMS];
};

/* pattern: spec.result, or empty; one that is too long counts as none. */
void marks_init(struct marks *m, struct str pattern);
void marks_feed(struct marks *m, int stream, const char *bytes, size_t len);
void marks_end(struct marks *m); /* no more will come: a last line needs no newline */

/* Is this a pattern of --result?  E_INVALID, E_TOO_LARGE with a sentence. */
int marks_pattern_check(struct str pattern, struct err *err);

/* Is this "name=value" lines as marks_feed makes them?  For who reads them from a file that the job's user
 * can write. */
bool marks_text_sound(struct str text);

/* A value as a number; "nan" and what is none: false. */
bool marks_number(struct str value, double *ret);

#endif
