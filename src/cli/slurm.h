/* slurm.h - Slurm's commands, by the name of a link to eoul.
 *
 * sbatch, squeue, scancel, srun, salloc, sinfo, sacct, scontrol and seff are links in a directory of
 * their own (libexec/eoul/slurm) that nobody's PATH has unless they put it there, but the PATH of every
 * job begins with it: a script's own srun, and the sbatch of a tool inside a job, must not reach some
 * other Slurm.  What programs read from them (submitit, Nextflow, Lightning, snakemake) is written as
 * Slurm 22.05 writes it, in English; errors are eoul's own sentences behind the link's name.
 *
 * What would mean something else here is refused in a sentence, never ignored.
 */
#ifndef EOUL_CLI_SLURM_H
#define EOUL_CLI_SLURM_H

#include "cli/cli.h"

/* Is this program called by one of Slurm's names?  Then run it; *ret_status is the exit status. */
bool slurm_named(const char *argv0);
bool slurm_main(struct cli *cli, int argc, char **argv, int *ret_status);

/* One of eoul's own verbs with these arguments (the verb's name is not among them). */
int slurm_verb(struct cli *cli, const char *verb, int argc, char **argv);

/* --- options of one command, in a table -------------------------------------------------------- */

struct slurm_opt {
    const char *name; /* without dashes; NULL ends the table */
    char letter;      /* 0: none */
    bool arg;
};
#define SLURM_OPTS_MAX 40
#define SLURM_WORDS_MAX 4096
struct slurm_args {
    const struct slurm_opt *opts;
    const char *value[SLURM_OPTS_MAX]; /* by index; "" for a flag; NULL: not given */
    char **rest;                       /* operands, in order */
    int rest_n;
};
/* getopt_long's habits: "-p x", "-px", "--opt x", "--opt=x", operands between options.  `stop`: the first
 * operand ends the options.  E_USAGE with a sentence. */
int slurm_args(struct cli *cli, const struct slurm_opt *opts, bool stop, int argc, char **argv,
               struct slurm_args *ret);
/* By name; NULL: not given. */
const char *slurm_value(const struct slurm_args *a, const char *name);

/* --- times as Slurm writes them ------------------------------------------------------------------ */
void slurm_time(struct cli *cli, struct buf *out, usec_t at);      /* 2026-11-24T09:00:00, or N/A */
void slurm_length(struct buf *out, usec_t length_us, bool hours);  /* 1-02:03:04; hours: always HH:MM:SS */

/* --- rows ---------------------------------------------------------------------------------------- */
/* Rows of /v1/jobs: state "live" or "ended". */
int slurm_rows(struct cli *cli, const char *state, bool each_task, json_t **ret);
/* Appends a field of a row by its sacct name (case ignored); false: there is no such field. */
bool slurm_field(struct cli *cli, const json_t *row, struct str name, struct buf *out);

int slurm_squeue(struct cli *cli, int argc, char **argv);
int slurm_sacct(struct cli *cli, int argc, char **argv);
int slurm_sinfo(struct cli *cli, int argc, char **argv);
int slurm_scontrol(struct cli *cli, int argc, char **argv);
int slurm_scancel(struct cli *cli, int argc, char **argv);
int slurm_seff(struct cli *cli, int argc, char **argv);
int slurm_srun(struct cli *cli, int argc, char **argv);
/* These words of srun as a step of job `job`, from outside of it; the step's exit status. */
int slurm_step(struct cli *cli, const char *job, bool pty, int argc, char **words);

#endif
