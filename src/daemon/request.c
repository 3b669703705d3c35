/* request.c - what a supervisor is asked to run: a stored request and one attempt's facts, as a
 * sealed memfd (supervisor/request.h).
 *
 * In personal mode it is made here (supervisor/make.h).  In system mode the supervisor makes it again from
 * what its user signed, so it gets just that: the text, the environment, and the facts (supervisor/order.h).
 */
#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "client/ticket.h"
#include "daemon/internal.h"
#include "spec/spec.h"
#include "supervisor/make.h"
#include "supervisor/order.h"

#define PIDS_MAX 16384u     /* processes and threads of one job: a fork bomb ends there, and the rest of a usual
                             * pid_max of 32,768 is the others' */
#define WEIGHT_OF_CPU 100u  /* the kernel's default for a cgroup, for each CPU that was asked for */
#define WEIGHT_MAX 10000u   /* the kernel's limit */
#define CODE_LATE_US (10 * USEC_PER_SEC) /* a start so long after the submit looks whether its code is the same */

struct asking {
    struct daemon *d;
    struct core_job job;
    struct spec spec;
    struct buf env;
    struct make_facts facts;
    uint32_t index[CORE_GPUS_MAX];
    const char *uuid[CORE_GPUS_MAX];
    char user[64], host[256], before[MAKE_PATH_MAX];
};

/* Told by UUID where the driver has one: indices move when a GPU falls off the bus.  A job without
 * GPUs sees none, so that it cannot sit down on another's by mistake. */
static void gpu_facts(struct asking *a, uint64_t gpus)
{
    struct daemon *d = a->d;
    bool by_index = strcmp(d->gpu_source, "nvml") != 0 || d->config->gpu_ids == CONFIG_GPU_INDEX;
    a->facts.gpu_words = d->gpus_n == 0 ? MAKE_GPUS_UNSAID
                         : by_index     ? MAKE_GPUS_BY_INDEX
                                        : MAKE_GPUS_BY_UUID;
    for (uint32_t i = 0; i < d->gpus_n; i++) {
        if (!(gpus >> i & 1))
            continue;
        a->index[a->facts.gpu_n] = d->gpus[i].index;
        a->uuid[a->facts.gpu_n++] = d->gpus[i].uuid;
    }
    a->facts.gpu_index = a->index;
    a->facts.gpu_uuid = a->uuid;
}

/* What the kernel keeps it to, where the launcher can (supervisor/guard.h). */
static struct guard_bounds bounds(const struct asking *a, uint64_t gpus)
{
    const struct daemon *d = a->d;
    struct guard_bounds b = { .mem_bytes = a->job.mem_mib << 20, .pids_max = PIDS_MAX,
                              .cpu_weight = a->job.cpus ? a->job.cpus * WEIGHT_OF_CPU : WEIGHT_OF_CPU };
    if (b.cpu_weight > WEIGHT_MAX)
        b.cpu_weight = WEIGHT_MAX;
    b.gpus_known = strcmp(d->gpu_source, "nvml") == 0;
    for (uint32_t i = 0; i < d->gpus_n; i++) {
        uint32_t minor = d->gpus[i].minor1 - 1;
        if (!(gpus >> i & 1))
            continue;
        if (minor < 8 * sizeof b.minors)
            b.minors[minor / 8] |= (uint8_t)(1u << minor % 8);
        else
            b.gpus_known = 0; /* which node its own GPU is nobody knows: then none is refused */
    }
    return b;
}

static void names(struct asking *a)
{
    struct passwd entry, *found = NULL;
    char memory[4096];
    struct buf out;
    buf_init_fixed(&out, a->user, sizeof a->user);
    if (getpwuid_r(a->facts.uid, &entry, memory, sizeof memory, &found) == 0 && found)
        buf_c(&out, entry.pw_name);
    else
        buf_u64(&out, a->facts.uid);
    if (gethostname(a->host, sizeof a->host - 1) < 0)
        a->host[0] = '\0';
    char *dot = strchr(a->host, '.');
    if (dot)
        *dot = '\0';
    a->facts.user = a->user;
    a->facts.host = a->host;
    a->facts.slurm_dir = a->d->slurm_dir;
    make_before(a->d->slurm_dir, a->before);
    a->facts.before = a->before;
}

static void facts(struct asking *a, const struct store_request *r, uint64_t gpus)
{
    const struct core_job *j = &a->job;
    bool is_canary = j->canary == CANARY_RUNS;
    usec_t late_us = getenv("EOUL_HURRY") ? CODE_LATE_US / 20 : CODE_LATE_US;
    a->facts = (struct make_facts){
        .job = j->id, .array_job = j->array_id, .array_index = j->array_index, .attempt = j->attempt,
        .restarts = j->attempt ? j->attempt - 1 - (j->canaries_n - is_canary) : 0,
        .canary_us = is_canary ? j->limit_us : 0, .cpus = j->cpus, .uid = r->uid, .gid = r->gid, .start_at = a->d->now.wall_at,
        .limit_us = j->limit_us, .grace_us = a->d->config->grace_us,
        .output_max = a->d->config->output_mib << 20, .output_rate = a->d->config->output_rate_mib << 20,
        .looks = a->d->now.wall_at - r->submit_at >= late_us,
    };
    gpu_facts(a, gpus);
    names(a);
}

static int seal(struct asking *a, int *ret_fd, struct err *err)
{
    struct request_builder b;
    request_begin(&b);
    int code = a->d->system ? order_request(&a->spec, buf_look(&a->env), &a->facts, &b)
                            : make_request(&a->spec, buf_look(&a->env), &a->facts, &b, err);
    if (code == 0)
        return request_seal(&b, ret_fd);
    buf_finish(&b.bytes);
    return code;
}

int request_of_attempt(struct daemon *d, uint32_t job, uint64_t gpus, struct engine_start *ret, struct err *err)
{
    struct asking a = { .d = d };
    struct store_request r;
    if (!core_job_get(d->core, job, &a.job))
        return err_set(err, E_NOT_FOUND, "job %u is not live", job);
    spec_init(&a.spec);
    buf_init(&a.env, OP_ENV_MAX);
    int code = store_request_get(d->store, job, &r);
    if (code == 0) {
        facts(&a, &r, gpus);
        code = spec_parse(&a.spec, r.spec, err);
    }
    if (code == 0)
        code = store_env_get(d->store, r.env, &a.env);
    if (code == 0)
        code = seal(&a, &ret->request_fd, err);
    ret->bounds = bounds(&a, gpus);
    if (code == 0 && d->system) {
        code = ticket_read(a.spec.ticket, &ret->ticket);
        ret->has_ticket = code == 0;
        ret->task = job - r.id;
        if (code < 0)
            io_close(&ret->request_fd);
    }
    buf_finish(&a.env);
    spec_finish(&a.spec);
    if (code < 0 && err && !err->text[0])
        err_set(err, code, "the request of job %u cannot be put together", job);
    return code;
}

void request_links(struct daemon *d)
{
    char program[PLACE_PATH_MAX];
    const char *libexec = getenv("EOUL_LIBEXEC");
    ssize_t n = readlink("/proc/self/exe", program, sizeof program - 1);
    char *slash = n > 0 ? (program[n] = '\0', strrchr(program, '/')) : NULL;
    if (slash)
        *slash = '\0';
    const char *const formats[] = { "%s/slurm", "%s/../libexec/eoul/slurm" };
    d->slurm_dir[0] = '\0';
    for (size_t i = 0; i < 2; i++) {
        char dir[sizeof d->slurm_dir], *real;
        const char *base = i == 0 && libexec ? libexec : slash ? program : "";
        if (snprintf(dir, sizeof dir, formats[i], base) >= (int)sizeof dir || !(real = realpath(dir, NULL)))
            continue;
        if (strlen(real) < sizeof d->slurm_dir && !strchr(real, ':'))
            memcpy(d->slurm_dir, real, strlen(real) + 1);
        free(real);
        if (d->slurm_dir[0])
            return;
    }
}
