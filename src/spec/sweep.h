/* sweep.h - a sweep: one array whose tasks are points, each with its own values of named parameters.
 *
 *     --param lr=1e-3,1e-4 --param seed=1..5        the grid: 10 points, the last parameter fastest
 *     --param 'lr=1e-5..1e-1:log' --random 20       20 points drawn
 *
 * Values of a parameter, by commas:
 *     text            as it is; quoted ('a,b' or "a,b") if it holds a comma or looks like a range
 *     1..5            whole numbers        1..10:2   0..1:0.25   with a step, exact in decimal
 *     1e-5..1e-1:*10  times ten each       1..1000:log4   0..1:lin11   so many, evenly spread
 *     0.0..1.0, 1e-5..1e-1:log             only drawn: evenly, or evenly in the logarithm
 *
 * sweep_settle makes of what was written what is kept: texts and stepped ranges for a grid; for drawn
 * points one list of texts per parameter, point i being the i-th of each.  What was drawn or spread is
 * kept as text, so that no later eoul can give an accepted point another value.
 *
 * In arguments, the job's name, output patterns and values of --export, {lr} stands for the point's
 * value.  ${lr} is the shell's and stays, {{lr}} gives {lr}, and braces around what is no parameter
 * stay.  The job is told all values as EOUL_PARAM_lr (dots and dashes in a name become _).
 *
 * A sweep borrows the spec's texts and owns its index: sweep_close frees it and accepts a zeroed one.
 * Pure.
 */
#ifndef EOUL_SPEC_SWEEP_H
#define EOUL_SPEC_SWEEP_H

#include "spec/spec.h"

#define SWEEP_PARAMS_MAX 32u  /* columns of a table somebody can still read */
#define SWEEP_NAME_MAX   64u
#define SWEEP_POINTS_MAX ((uint64_t)SPEC_ARRAY_MAX)
#define SWEEP_HOLD_AFTER 3u   /* equal failures in a row, if nobody says otherwise */

struct sweep_piece; /* a text or a range */
struct sweep_param {
    struct str name;
    struct sweep_piece *piece;
    uint32_t pieces_n;
    uint64_t values_n;
};
struct sweep {
    struct sweep_param param[SWEEP_PARAMS_MAX];
    uint32_t params_n;
    bool columns;    /* drawn: point i has the i-th value of each */
    uint64_t points; /* saturates at UINT64_MAX */
};

/* As written by a person, or as settled.  E_INVALID, E_TOO_LARGE, E_NO_MEMORY. */
int sweep_open(struct sweep *sweep, const struct spec *spec, struct err *err);
void sweep_close(struct sweep *sweep);

/* Of a settled one, point < points. */
void sweep_value(const struct sweep *sweep, uint32_t param, uint32_t point, struct buf *out);
enum sweep_use {
    SWEEP_TEXT,
    SWEEP_FILE, /* in an output pattern: "/" becomes "_", "%" is doubled */
};
void sweep_expand(const struct sweep *sweep, uint32_t point, struct str text, enum sweep_use use,
                  struct buf *out);
/* "NAME=value" strings, each with its NUL: EOUL_PARAM_*, and those of --export that hold a {name}. */
void sweep_environ(const struct sweep *sweep, uint32_t point, struct str export_env, struct buf *out);

/* Is there a {name} for this parameter in any text of the spec? */
bool sweep_is_used(const struct sweep *sweep, uint32_t param, const struct spec *spec);

/* On the submitting side, before spec_check: count or draw the points and make the array of them.
 * Nothing to do without --param.  `seed` is for points to be drawn unless --random-seed was given; it
 * is then kept in the spec. */
int sweep_settle(struct spec *spec, uint32_t seed, struct err *err);

/* Of spec_check: do the options about sweeps go together, and does the array fit the points? */
int sweep_check(const struct spec *spec, struct err *err);

/* --- for sweep_make.c and tests ----------------------------------------------------------------- */

enum sweep_kind { SWEEP_LITERAL, SWEEP_STEPS, SWEEP_FACTOR, SWEEP_LIN, SWEEP_LOG, SWEEP_DRAW,
                  SWEEP_DRAW_LOG };
struct sweep_piece {
    uint64_t before;    /* values of the pieces before it */
    uint64_t n;         /* its own; SWEEP_DRAW*: 1 */
    struct str text;    /* SWEEP_LITERAL: between its quotes */
    char quote;         /* 0, ' or " */
    uint8_t kind;       /* enum sweep_kind */
    int64_t from, until, step; /* x 10^e; FACTOR: the factor is step x 10^step_e */
    int32_t e, step_e;
};

const struct sweep_piece *sweep_piece_at(const struct sweep_param *param, uint64_t i);
void sweep_put_piece(const struct sweep_piece *piece, uint64_t i, struct buf *out);
/* A text as it must be written to be read back as itself. */
void sweep_put_literal(struct buf *out, struct str text);

#endif
