/* machine.c - processes that live and die on a table of numbers. */
#include "sim/machine.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { DUE_CLAIM, DUE_END, DUE_GONE };

void machine_init(struct machine *m, uint32_t gpus_n, struct verdict *verdict)
{
    *m = (struct machine){ .gpus_n = gpus_n, .verdict = verdict, .heard = true };
}

void machine_finish(struct machine *m)
{
    timers_finish(&m->timers);
    map_finish(&m->by_name);
    free(m->attempts);
    free(m->facts);
    *m = (struct machine){ 0 };
}

static uint64_t name_of(job_id job, uint32_t attempt)
{
    return (uint64_t)job << 32 | attempt;
}

static struct attempt *find(const struct machine *m, job_id job, uint32_t attempt)
{
    uint32_t i;
    return map_get(&m->by_name, name_of(job, attempt), &i) ? &m->attempts[i] : NULL;
}

const struct attempt *machine_find(const struct machine *m, job_id job, uint32_t attempt)
{
    return find(m, job, attempt);
}

static uint32_t index_of(const struct machine *m, const struct attempt *a)
{
    return (uint32_t)(a - m->attempts);
}

static void say(struct machine *m, const struct fact *fact)
{
    if (!m->heard)
        return;
    m->facts = sim_grow(m->facts, &m->facts_size, m->facts_n + 1, sizeof(*m->facts));
    m->facts[m->facts_n++] = *fact;
}

bool machine_next(struct machine *m, struct fact *ret)
{
    if (m->facts_at == m->facts_n) {
        m->facts_at = m->facts_n = 0;
        return false;
    }
    *ret = m->facts[m->facts_at++];
    return true;
}

void machine_deaf(struct machine *m)
{
    m->heard = false;
    m->facts_at = m->facts_n = 0;
}

/* --- witness ------------------------------------------------------------------------------------ */

static void witness_claim(struct machine *m, struct attempt *a)
{
    uint32_t self = index_of(m, a) + 1;
    if (a->claims > 0)
        verdict_break(m->verdict, "start-once", "job %u attempt %u was started %u times", a->job,
                      a->number, a->claims + 1);
    a->claims++;
    for (uint32_t number = 1; number < a->number; number++) {
        const struct attempt *other = find(m, a->job, number);
        if (other && other->tree)
            verdict_break(m->verdict, "no-overlap", "job %u: attempt %u starts while attempt %u lives",
                          a->job, a->number, other->number);
    }
    for (uint32_t g = 0; g < m->gpus_n; g++) {
        if (!(a->gpus >> g & 1))
            continue;
        assert(m->attempts);
        if (m->holder[g] && m->holder[g] != self)
            verdict_break(m->verdict, "gpu-twice", "GPU %u: job %u starts while job %u uses it", g,
                          a->job, m->attempts[m->holder[g] - 1].job);
        m->holder[g] = self;
    }
    a->tree = true;
}

static void witness_gone(struct machine *m, struct attempt *a)
{
    for (uint32_t g = 0; g < m->gpus_n; g++) {
        if (m->holder[g] == index_of(m, a) + 1)
            m->holder[g] = 0;
    }
    a->tree = false;
}

/* --- an attempt's life --------------------------------------------------------------------------- */

static void over(struct machine *m, struct attempt *a, enum attempt_stage stage, struct fact fact)
{
    fact.job = a->job;
    fact.attempt = a->number;
    fact.gpus = a->gpus;
    a->stage = stage;
    a->fact = fact;
    a->quarantine = fact.quarantine;
    if (a->tree && !fact.quarantine)
        witness_gone(m, a);
    else if (a->tree)
        timers_add(&m->timers, a->gone_boot_at, DUE_GONE, index_of(m, a));
    say(m, &a->fact);
}

/* When and how the command will end as things stand. */
static void plan_end(struct machine *m, struct attempt *a)
{
    usec_t at = usec_add(a->claimed_boot_at, a->fate.run_us);
    if (a->limit_us > 0)
        at = usec_min(at, usec_add(a->claimed_boot_at, a->limit_us));
    at = usec_min(at, a->stop_boot_at);
    a->end_boot_at = usec_max(at, m->now_boot_at);
    timers_add(&m->timers, a->end_boot_at, DUE_END, index_of(m, a));
}

/* Is a GPU of it held by somebody?  The lock file says so for our own, the look at the GPU for
 * others'.  Our own holder is the core's mistake, and the claim is where the witness sees it: so the
 * made-up lock guards against foreign processes only. */
static bool gpu_busy(const struct machine *m, const struct attempt *a)
{
    for (uint32_t g = 0; g < m->gpus_n; g++) {
        if ((a->gpus >> g & 1) && m->foreign[g])
            return true;
    }
    return false;
}

static bool gpu_gone(const struct machine *m, const struct attempt *a)
{
    for (uint32_t g = 0; g < m->gpus_n; g++) {
        if ((a->gpus >> g & 1) && m->gone[g])
            return true;
    }
    return false;
}

static void due_claim(struct machine *m, struct attempt *a)
{
    if (a->stage != AT_LAUNCHING)
        return;
    if (gpu_busy(m, a) || gpu_gone(m, a) || a->fate.kind == FATE_NEVER_LAUNCHES) {
        uint32_t cause = gpu_busy(m, a) ? END_GPU_BUSY : END_LAUNCH;
        m->failed++;
        over(m, a, AT_FAILED, (struct fact){ .kind = FACT_START_FAILED, .cause = cause });
        return;
    }
    witness_claim(m, a);
    a->stage = AT_RUNNING;
    a->claimed_boot_at = m->now_boot_at;
    m->starts++;
    say(m, &(struct fact){ .kind = FACT_STARTED, .job = a->job, .attempt = a->number });
    if (a->stop_boot_at != USEC_NEVER)
        a->stop_boot_at = usec_add(m->now_boot_at, a->fate.grace_us);
    plan_end(m, a);
}

static void lose(struct machine *m, struct attempt *a)
{
    bool lingers = a->fate.linger_us > 0;
    a->gone_boot_at = usec_add(m->now_boot_at, a->fate.linger_us);
    m->lost++;
    over(m, a, AT_LOST, (struct fact){ .kind = FACT_LOST, .quarantine = lingers });
}

static void due_end(struct machine *m, struct attempt *a)
{
    if (a->stage != AT_RUNNING || m->now_boot_at != a->end_boot_at)
        return; /* a limit or a stop moved its end */
    usec_t own_at = usec_add(a->claimed_boot_at, a->fate.run_us);
    struct fact end = { .kind = FACT_ENDED, .cause = END_EXIT, .code = a->fate.code };
    a->gone_boot_at = m->now_boot_at;
    if (m->now_boot_at >= a->stop_boot_at) {
        end = (struct fact){ .kind = FACT_ENDED, .cause = END_STOPPED, .signal = 15 };
        if (a->fate.resumes)
            a->kept_us = usec_max(m->now_boot_at - a->claimed_boot_at
                                  - (a->resumed ? a->fate.restart_us : 0), 0);
    } else if (m->now_boot_at < own_at) {
        end = (struct fact){ .kind = FACT_ENDED, .cause = END_TIME_LIMIT, .signal = 15 };
    } else if (a->fate.kind == FATE_LOSES_SUPERVISOR) {
        lose(m, a);
        return;
    } else if (a->fate.kind == FATE_OOM) {
        end = (struct fact){ .kind = FACT_ENDED, .cause = END_OOM, .signal = 9 };
    } else if (a->fate.kind == FATE_SIGNAL) {
        end = (struct fact){ .kind = FACT_ENDED, .cause = END_SIGNAL, .signal = 11 };
    }
    if (end.cause != END_EXIT && a->fate.linger_us > 0) {
        end.quarantine = true; /* unkillable: the end is known, the GPU is not free */
        a->gone_boot_at = usec_add(m->now_boot_at, a->fate.linger_us);
    }
    over(m, a, AT_ENDED, end);
}

static void due_gone(struct machine *m, struct attempt *a)
{
    if (!a->tree || a->stage == AT_RUNNING)
        return;
    witness_gone(m, a);
    say(m, &(struct fact){ .kind = FACT_RELEASED, .job = a->job, .attempt = a->number,
                           .gpus = a->gpus });
}

usec_t machine_due(const struct machine *m)
{
    struct timer t;
    return timers_first(&m->timers, &t) ? t.boot_at : USEC_NEVER;
}

void machine_run(struct machine *m, usec_t boot_at)
{
    struct timer t;
    while (timers_first(&m->timers, &t) && t.boot_at <= boot_at) {
        struct attempt *a = &m->attempts[t.what];
        timers_pop(&m->timers);
        m->now_boot_at = usec_max(m->now_boot_at, t.boot_at);
        if (t.kind == DUE_CLAIM)
            due_claim(m, a);
        else if (t.kind == DUE_END)
            due_end(m, a);
        else
            due_gone(m, a);
    }
    m->now_boot_at = boot_at;
}

/* --- the engine's calls -------------------------------------------------------------------------- */

static struct attempt *attempt_new(struct machine *m, job_id job, uint32_t attempt)
{
    m->attempts = sim_grow(m->attempts, &m->attempts_size, m->attempts_n + 1, sizeof(*m->attempts));
    struct attempt *a = &m->attempts[m->attempts_n];
    *a = (struct attempt){ .job = job, .number = attempt, .stop_boot_at = USEC_NEVER };
    if (map_set(&m->by_name, name_of(job, attempt), (uint32_t)m->attempts_n) < 0)
        abort();
    m->attempts_n++;
    return a;
}

/* What earlier attempts have kept need not be done again. */
static void resume(struct machine *m, struct attempt *a)
{
    usec_t kept_us = 0;
    for (uint32_t number = 1; a->fate.resumes && number < a->number; number++) {
        const struct attempt *other = find(m, a->job, number);
        kept_us += other ? other->kept_us : 0;
    }
    if (kept_us == 0)
        return;
    a->resumed = true;
    a->fate.run_us = usec_max(a->fate.run_us - kept_us, 0) + a->fate.restart_us;
}

int machine_start(struct machine *m, job_id job, uint32_t attempt, uint64_t gpus, usec_t limit_us,
                  const struct fate *fate)
{
    struct attempt *a = find(m, job, attempt);
    if (a && !m->no_claim)
        return E_EXISTS;
    if (!a)
        a = attempt_new(m, job, attempt);
    a->stage = AT_LAUNCHING;
    a->gpus = gpus;
    a->limit_us = limit_us;
    a->fate = *fate;
    resume(m, a);
    timers_add(&m->timers, usec_add(m->now_boot_at, fate->launch_us), DUE_CLAIM, index_of(m, a));
    return 0;
}

void machine_stop(struct machine *m, job_id job, uint32_t attempt)
{
    struct attempt *a = find(m, job, attempt);
    if (!a || a->stop_boot_at != USEC_NEVER)
        return;
    if (a->stage == AT_LAUNCHING) {
        a->stop_boot_at = m->now_boot_at; /* its grace begins with its life */
    } else if (a->stage == AT_RUNNING) {
        a->stop_boot_at = usec_add(m->now_boot_at, a->fate.grace_us);
        plan_end(m, a);
    }
}

void machine_limit(struct machine *m, job_id job, uint32_t attempt, usec_t limit_us)
{
    struct attempt *a = find(m, job, attempt);
    if (!a)
        return;
    a->limit_us = limit_us;
    if (a->stage == AT_RUNNING)
        plan_end(m, a);
}

void machine_recover(struct machine *m, job_id job, uint32_t attempt)
{
    struct attempt *a = find(m, job, attempt);
    m->heard = true;
    if (a && a->forgotten) { /* its directory is gone: as if it had never been */
        say(m, &(struct fact){ .kind = FACT_NEVER_STARTED, .job = job, .attempt = attempt });
        return;
    }
    if (!a) { /* creating the claim ourselves proves that it never ran, and that it never will */
        a = attempt_new(m, job, attempt);
        a->stage = AT_NEVER;
        a->fact = (struct fact){ .kind = FACT_NEVER_STARTED, .job = job, .attempt = attempt };
    }
    if (a->stage == AT_LAUNCHING)
        return; /* its supervisor lives: STARTED or START_FAILED will follow */
    if (a->stage == AT_RUNNING) {
        say(m, &(struct fact){ .kind = FACT_STARTED, .job = job, .attempt = attempt });
        return;
    }
    say(m, &a->fact);
    if (a->quarantine && !a->tree)
        say(m, &(struct fact){ .kind = FACT_RELEASED, .job = job, .attempt = attempt,
                               .gpus = a->gpus });
}

void machine_forget(struct machine *m, job_id job, uint32_t attempt)
{
    struct attempt *a = find(m, job, attempt);
    if (a)
        a->forgotten = true;
}

/* --- what comes from outside --------------------------------------------------------------------- */

bool machine_kill_supervisor(struct machine *m, job_id job, uint32_t attempt)
{
    struct attempt *a = find(m, job, attempt);
    if (!a || a->stage != AT_RUNNING)
        return false;
    lose(m, a);
    return true;
}

void machine_foreign(struct machine *m, uint32_t gpu, bool taken)
{
    m->foreign[gpu] = taken;
    say(m, &(struct fact){ .kind = FACT_GPU, .gpus = (uint64_t)1 << gpu });
}

void machine_gpu_gone(struct machine *m, uint32_t gpu, bool gone)
{
    m->gone[gpu] = gone;
    struct attempt *a = gone && m->holder[gpu] ? &m->attempts[m->holder[gpu] - 1] : NULL;
    if (a && a->stage == AT_RUNNING) { /* "CUDA error: unspecified launch failure" */
        usec_t left_us = usec_min(a->fate.run_us, m->now_boot_at - a->claimed_boot_at + USEC_PER_SEC);
        a->fate = (struct fate){ .kind = FATE_EXITS, .code = 1, .run_us = left_us, .grace_us = a->fate.grace_us };
        plan_end(m, a);
    }
    say(m, &(struct fact){ .kind = FACT_GPU, .gpus = (uint64_t)1 << gpu });
}

/* What is due meanwhile happens at the end of it: the clock of limits goes on, as CLOCK_BOOTTIME does. */
void machine_suspend(struct machine *m, usec_t until_at)
{
    usec_t for_us = until_at - m->now_boot_at;
    m->now_boot_at = until_at;
    for (size_t i = 0; i < m->attempts_n; i++) {
        struct attempt *a = &m->attempts[i];
        if (a->stage != AT_RUNNING)
            continue;
        a->fate.run_us = usec_add(a->fate.run_us, for_us);
        if (a->stop_boot_at != USEC_NEVER)
            a->stop_boot_at = usec_max(a->stop_boot_at, until_at);
        plan_end(m, a);
    }
}

void machine_power_cycle(struct machine *m)
{
    for (size_t i = 0; i < m->attempts_n; i++) {
        struct attempt *a = &m->attempts[i];
        a->fate.linger_us = 0;
        if (a->stage == AT_RUNNING) {
            lose(m, a);
        } else if (a->stage == AT_LAUNCHING) {
            a->stage = AT_NEVER;
            a->fact = (struct fact){ .kind = FACT_NEVER_STARTED, .job = a->job, .attempt = a->number };
        } else if (a->tree) {
            witness_gone(m, a);
        }
    }
}
