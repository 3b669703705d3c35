/* option.h - THE table of options: for the command line, for #SBATCH lines, for SBATCH_* variables and
 * for the canonical text, so that the four can never differ.
 *
 * Each row says what kind of value the option takes (which says how it is read and printed), where in
 * struct spec it goes, and how we stand to it:
 *     OPTION_OK        means here what it means in Slurm
 *     OPTION_OWN       eoul's own; never abbreviated
 *     OPTION_HINT      placement or accounting on a cluster; nothing to do on one machine: a warning
 *     OPTION_REFUSED   its meaning would change here: refused with the reason (its help text)
 *     OPTION_REQUEST   of the request, not of the job (--wait, --parsable, --for ...)
 *     OPTION_CAPTURED  no option at all: what the client saw; only in the canonical text
 *
 * Long names may be shortened as getopt_long allows (people write --depend=...).  Pure.
 */
#ifndef EOUL_SPEC_OPTION_H
#define EOUL_SPEC_OPTION_H

#include "spec/spec.h"

enum option_support { OPTION_OK, OPTION_OWN, OPTION_HINT, OPTION_REFUSED, OPTION_REQUEST,
                      OPTION_CAPTURED };
enum option_arg { OPTION_NO_ARG, OPTION_ARG, OPTION_MAY_ARG };

struct option_def {
    const char *name;        /* without dashes */
    const char *alias;       /* a second long name, or NULL */
    char letter;             /* 0: none */
    uint8_t arg;             /* enum option_arg */
    uint8_t kind;            /* how its value is read: enum value_kind */
    uint8_t support;         /* enum option_support */
    uint8_t group;           /* options of one group replace each other across sources */
    uint32_t number;         /* limit or value of the kind */
    size_t offset;           /* in struct spec */
    const char *env;         /* SBATCH_ variable, or NULL */
    const char *value;       /* what help shows: "TIME"; also an example of a right value */
    const char *help;        /* N_() */
};

extern const struct option_def option_table[];
extern const uint32_t option_table_n;

/* A row by its exact long name (or alias), not OPTION_CAPTURED; NULL. */
const struct option_def *option_find(struct str name);
/* The row that a misspelt name most likely means; NULL if none is near. */
const struct option_def *option_nearest(struct str name);

/* --- reading an argument vector --- */

struct option_scan {
    const char *const *argv;
    uint32_t n;
    uint32_t i;              /* the next argument; at the end: the first that is no option */
    const char *letters;     /* rest of "-abc"; NULL */
    bool dashes;             /* the options ended with "--" */
    const struct option_def *extra; /* further options of the caller (--json ...), found first */
    uint32_t extra_n;
};
struct option_hit {
    const struct option_def *def; /* in option_table or in extra */
    struct str value;             /* borrowed from argv */
    bool has_value;
};
/* 1: one option; 0: no more (scan->i is the program or script); else a sentence. */
int option_next(struct option_scan *scan, struct option_hit *ret, struct err *err);

/* --- applying --- */

/* Set what one option says.  `line` is the script's line, 0 elsewhere: sentences name it.  Hints and
 * the like leave a note in the spec.  A stronger source that already spoke is not overwritten. */
int option_apply(struct spec *spec, const struct option_def *def, struct str value,
                 enum spec_source source, unsigned line, struct err *err);

/* All SBATCH_* variables of an environment ("NAME=value", NULL at the end). */
int option_apply_environment(struct spec *spec, const char *const *envp, struct err *err);

/* The whole of a submit's arguments that belong to the table; stops as option_next does.  Options of
 * `scan->extra` are not expected here. */
int option_apply_all(struct spec *spec, struct option_scan *scan, struct err *err);

/* Value of one option, as the canonical text has it. */
void option_print_value(struct buf *out, const struct spec *spec, const struct option_def *def);

#endif
