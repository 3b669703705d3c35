/* environ.h - which variables a job gets: --export over the environment of whoever submits.
 *
 *     ALL (default)    everything, but what an enclosing job was told about itself (SLURM_*, EOUL_JOB_*,
 *                      CUDA_VISIBLE_DEVICES and its like): this job is told its own
 *     NONE             HOME, USER, LOGNAME, SHELL, LANG and a standard PATH (Slurm runs a login shell
 *                      there; a daemon that acts for many does not)
 *     NIL              nothing
 *     A,B=1            what NONE gives, A as it is now, and B set to 1
 *     ALL,B=1          everything, with B set to 1
 * Values that hold commas may be quoted: ALL,LIST='1,2'.  Pure.
 */
#ifndef EOUL_SPEC_ENVIRON_H
#define EOUL_SPEC_ENVIRON_H

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

#define ENVIRON_BYTES_MAX (1u << 20) /* kept per job; the kernel takes 2 MiB with the arguments */

enum environ_word { ENVIRON_VARIABLE, ENVIRON_ALL, ENVIRON_NONE, ENVIRON_NIL };
struct environ_item {
    enum environ_word word;
    struct str name;  /* ENVIRON_VARIABLE */
    struct str value; /* quotes taken off */
    bool has_value;
};
/* Take the next item off the front of an --export value: 1, 0 at the end, or E_INVALID. */
int environ_next(struct str *rest, struct environ_item *ret);

/* The environment to record: "NAME=value" strings, each with its NUL, appended to `out` (give it
 * ENVIRON_BYTES_MAX).  `export_env` is spec.export_env, `envp` the caller's environment. */
int environ_make(struct buf *out, struct str export_env, const char *const *envp, struct err *err);

#endif
