/* slurmenv.c - see slurmenv.h.  Names and conditions after sbatch(1), "OUTPUT ENVIRONMENT VARIABLES". */
#include "spec/slurmenv.h"

#include "spec/option.h"

static void put_text(struct buf *out, const char *name, struct str value)
{
    buf_c(out, name);
    buf_char(out, '=');
    buf_str(out, value);
    buf_char(out, '\0');
}

static void put_number(struct buf *out, const char *name, uint64_t value)
{
    buf_c(out, name);
    buf_char(out, '=');
    buf_u64(out, value);
    buf_char(out, '\0');
}

static void put_if(struct buf *out, const char *name, struct str value)
{
    if (value.len > 0)
        put_text(out, name, value);
}

/* The value of an option as it was asked for ("a100:2"). */
static void put_option(struct buf *out, const struct spec *spec, const char *name,
                       const char *option)
{
    if (!spec_has(spec, option))
        return;
    buf_c(out, name);
    buf_char(out, '=');
    option_print_value(out, spec, option_find(str_of(option)));
    buf_char(out, '\0');
}

static void put_identity(struct buf *out, const struct spec *spec,
                         const struct slurmenv_facts *facts)
{
    put_number(out, "SLURM_JOB_ID", facts->job);
    put_number(out, "SLURM_JOBID", facts->job);
    put_text(out, "SLURM_JOB_NAME", spec_name(spec));
    put_text(out, "SLURM_JOB_USER", facts->user);
    put_number(out, "SLURM_JOB_UID", facts->uid);
    put_number(out, "SLURM_JOB_GID", facts->gid);
    put_text(out, "SLURM_JOB_PARTITION", spec->partition.len > 0 ? spec->partition : STR("eoul"));
    put_if(out, "SLURM_JOB_ACCOUNT", spec->account);
    put_if(out, "SLURM_JOB_QOS", spec->qos);
    put_if(out, "SLURM_JOB_RESERVATION", spec->reservation);
    put_if(out, "SLURM_JOB_COMMENT", spec->comment);
    put_option(out, spec, "SLURM_JOB_DEPENDENCY", "dependency");
    put_text(out, "SLURM_CLUSTER_NAME", STR("eoul"));
    put_text(out, "SLURM_SUBMIT_DIR", spec->submit_dir.len > 0 ? spec->submit_dir : spec->chdir);
    put_text(out, "SLURM_SUBMIT_HOST", spec->submit_host.len > 0 ? spec->submit_host : facts->host);
    put_number(out, "SLURM_JOB_START_TIME", (uint64_t)(facts->start_at / USEC_PER_SEC));
    if (facts->end_at > 0 && facts->end_at != USEC_NEVER)
        put_number(out, "SLURM_JOB_END_TIME", (uint64_t)(facts->end_at / USEC_PER_SEC));
    if (facts->restarts > 0)
        put_number(out, "SLURM_RESTART_COUNT", facts->restarts);
}

static void put_place(struct buf *out, const struct slurmenv_facts *facts)
{
    put_text(out, "SLURM_JOB_NODELIST", facts->host);
    put_text(out, "SLURM_NODELIST", facts->host);
    put_text(out, "SLURMD_NODENAME", facts->host);
    put_text(out, "HOSTNAME", facts->host);
    put_text(out, "SLURM_TOPOLOGY_ADDR", facts->host);
    put_text(out, "SLURM_TOPOLOGY_ADDR_PATTERN", STR("node"));
    put_number(out, "SLURM_JOB_NUM_NODES", 1);
    put_number(out, "SLURM_NNODES", 1);
    put_number(out, "SLURM_NODEID", 0);
    put_number(out, "SLURM_PROCID", 0);
    put_number(out, "SLURM_LOCALID", 0);
    put_number(out, "SLURM_GTIDS", 0);
    put_number(out, "SLURM_PRIO_PROCESS", 0);
}

static void put_shares(struct buf *out, const struct spec *spec,
                       const struct slurmenv_facts *facts)
{
    struct spec_need need = { .tasks = 1, .cpus = 1 };
    spec_check(spec, &need, NULL); /* it was accepted: this cannot refuse now */
    put_number(out, "SLURM_CPUS_ON_NODE", facts->cpus);
    put_number(out, "SLURM_JOB_CPUS_PER_NODE", facts->cpus);
    bool said = spec_has(spec, "ntasks") || spec_has(spec, "ntasks-per-node") ||
        spec_has(spec, "ntasks-per-gpu");
    /* Not said: as many as fit on the CPUs asked for. */
    uint32_t fit = need.cpus / (spec->cpus_per_task ? spec->cpus_per_task : 1);
    put_number(out, "SLURM_TASKS_PER_NODE", said || fit == 0 ? need.tasks : fit);
    if (said) {
        put_number(out, "SLURM_NTASKS", need.tasks);
        put_number(out, "SLURM_NPROCS", need.tasks);
    }
    put_option(out, spec, "SLURM_NTASKS_PER_NODE", "ntasks-per-node");
    put_option(out, spec, "SLURM_NTASKS_PER_GPU", "ntasks-per-gpu");
    put_option(out, spec, "SLURM_CPUS_PER_TASK", "cpus-per-task");
    put_option(out, spec, "SLURM_CPUS_PER_GPU", "cpus-per-gpu");
    if (spec->overcommit)
        put_number(out, "SLURM_OVERCOMMIT", 1);
    if (spec->mem_mib > 0)
        put_number(out, "SLURM_MEM_PER_NODE", spec->mem_mib);
    if (spec->mem_per_cpu_mib > 0)
        put_number(out, "SLURM_MEM_PER_CPU", spec->mem_per_cpu_mib);
    if (spec->mem_per_gpu_mib > 0)
        put_number(out, "SLURM_MEM_PER_GPU", spec->mem_per_gpu_mib);
    put_option(out, spec, "SLURM_GPUS", "gpus");
    put_option(out, spec, "SLURM_GPUS_PER_NODE", "gpus-per-node");
    put_option(out, spec, "SLURM_GPUS_PER_TASK", "gpus-per-task");
    if (facts->gpus_n == 0)
        return;
    put_number(out, "SLURM_GPUS_ON_NODE", facts->gpus_n);
    buf_c(out, "SLURM_JOB_GPUS=");
    for (uint32_t i = 0; i < facts->gpus_n; i++) {
        if (i > 0)
            buf_char(out, ',');
        buf_u64(out, facts->gpus[i]);
    }
    buf_char(out, '\0');
}

static void put_array(struct buf *out, const struct spec *spec, const struct slurmenv_facts *facts)
{
    if (facts->array_job == 0 || spec->array.range_n == 0)
        return;
    const struct spec_range *first = &spec->array.range[0];
    const struct spec_range *last = &spec->array.range[spec->array.range_n - 1];
    put_number(out, "SLURM_ARRAY_JOB_ID", facts->array_job);
    put_number(out, "SLURM_ARRAY_TASK_ID", facts->array_index);
    put_number(out, "SLURM_ARRAY_TASK_COUNT", spec->array.tasks);
    put_number(out, "SLURM_ARRAY_TASK_MIN", first->from);
    put_number(out, "SLURM_ARRAY_TASK_MAX", last->until);
    put_number(out, "SLURM_ARRAY_TASK_STEP", spec->array.range_n == 1 ? first->step : 1);
}

void slurmenv_make(struct buf *out, const struct spec *spec, const struct slurmenv_facts *facts)
{
    put_identity(out, spec, facts);
    put_place(out, facts);
    put_shares(out, spec, facts);
    put_array(out, spec, facts);
    if (spec->script.len > 0)
        put_text(out, "ENVIRONMENT", STR("BATCH"));
    put_option(out, spec, "SLURM_EXPORT_ENV", "export");
    if (spec->open_mode != SPEC_OPEN_DEFAULT)
        put_text(out, "SLURM_OPEN_MODE", spec->open_mode == SPEC_OPEN_APPEND ? STR("a") : STR("t"));
    put_if(out, "TMPDIR", facts->tmpdir);
}
