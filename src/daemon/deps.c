/* deps.c - what a submit waits for: numbers people wrote become conditions of the core.
 *
 * The core knows live jobs only.  Of one that is over, the store knows how it ended; of one whose
 * history is gone, nobody does (DEP_UNKNOWN).  An array as a whole counts as live while one task is,
 * but for afterok one task that ended badly decides it: the core may have forgotten that task (the
 * array had ended and another task of it was requeued).
 */
#include <string.h>

#include "daemon/internal.h"
#include "spec/spec.h"

static const uint32_t kind_of[] = {
    [SPEC_AFTER] = DEP_AFTER, [SPEC_AFTEROK] = DEP_AFTEROK, [SPEC_AFTERNOTOK] = DEP_AFTERNOTOK,
    [SPEC_AFTERANY] = DEP_AFTERANY, [SPEC_AFTERCORR] = DEP_AFTEROK,
};

static enum dep_outcome outcome_of_word(struct str state)
{
    return str_is(state, job_state_word(JOB_COMPLETED)) ? DEP_OK : DEP_NOT_OK;
}

static int outcome_of_job(struct daemon *d, uint32_t id, uint32_t *ret)
{
    struct core_job live;
    struct store_job ended;
    if (core_job_get(d->core, id, &live)) {
        *ret = DEP_LIVE;
        return 0;
    }
    int code = store_job_get(d->store, id, &ended);
    if (code == 0)
        *ret = outcome_of_word(ended.state);
    else if (code == E_NOT_FOUND)
        *ret = DEP_UNKNOWN;
    store_reset(d->store);
    return code == E_NOT_FOUND ? 0 : code;
}

static int worst(const struct store_job *j, void *data)
{
    uint32_t *outcome = data;
    if (*outcome == DEP_UNKNOWN)
        *outcome = DEP_OK;
    bool given_up = str_is(j->reason, reason_word(REASON_STOP_RULE)); /* no failure of the whole */
    if (outcome_of_word(j->state) == DEP_NOT_OK && !given_up)
        *outcome = DEP_NOT_OK;
    return 0;
}

static int outcome_of_array(struct daemon *d, uint32_t kind, uint32_t id, uint32_t *ret)
{
    const struct live_request *r = index_find(&d->index, id);
    bool live = r && r->live;
    *ret = DEP_UNKNOWN;
    int code = live && kind != DEP_AFTEROK ? 0 : store_jobs_of_request(d->store, id, worst, ret);
    if (live && *ret != DEP_NOT_OK)
        *ret = DEP_LIVE;
    return code == E_NOT_FOUND ? 0 : code;
}

static int outcome_of_todo(struct daemon *d, uint32_t id, uint32_t *ret)
{
    struct store_todo ended;
    struct core_todo live;
    if (core_todo_get(d->core, id, &live)) {
        *ret = DEP_LIVE;
        return 0;
    }
    int code = store_todo_get(d->store, id, &ended);
    if (code == 0)
        *ret = str_is(ended.state, todo_state_word(TODO_DONE)) ? DEP_OK : DEP_NOT_OK;
    store_reset(d->store);
    return code;
}

int deps_outcome(struct daemon *d, struct dep *dep, struct err *err)
{
    int code = dep->scope ? E_NOT_FOUND : outcome_of_todo(d, dep->job, &dep->outcome);
    if (code == E_NOT_FOUND)
        code = dep->scope ? outcome_of_array(d, dep->kind, dep->job, &dep->outcome)
                          : outcome_of_job(d, dep->job, &dep->outcome);
    return code < 0 ? err_set(err, code, "%u cannot be looked up.", dep->job) : 0;
}

static int resolve_one(struct daemon *d, const struct spec_dep *s, struct dep *out, struct err *err)
{
    struct store_request r;
    if (s->job > core_last_id(d->core))
        return err_set(err, E_NOT_FOUND, "There is no job %u to wait for.", s->job);
    out->job = s->job;
    int code = store_request_get(d->store, s->job, &r);
    if (code == E_NOT_FOUND && s->task < 0) { /* a todo, or a job whose history is gone */
        code = outcome_of_todo(d, s->job, &out->outcome);
        if (code == 0)
            return 0;
    }
    if (code == E_NOT_FOUND) {
        out->outcome = DEP_UNKNOWN;
        return 0;
    }
    if (code == 0 && s->task >= 0) {
        uint32_t i = 0;
        if (!r.array || r.id != s->job || s->task > UINT32_MAX ||
            !ranges_place(r.ranges, (uint32_t)s->task, &i))
            return err_set(err, E_NOT_FOUND, "There is no task %lld in job %u to wait for.",
                           (long long)s->task, s->job);
        out->job = r.id + i;
    } else if (code == 0 && r.array && r.id == s->job) {
        out->scope = 1;
    }
    if (code == 0)
        code = out->scope ? outcome_of_array(d, out->kind, out->job, &out->outcome)
                          : outcome_of_job(d, out->job, &out->outcome);
    store_reset(d->store);
    return code < 0 ? err_set(err, code, "Job %u cannot be looked up.", s->job) : 0;
}

int deps_resolve(struct daemon *d, const struct spec *spec, struct dep *out, uint32_t *ret_n,
                 uint32_t *corr, uint32_t *ret_corr_n, struct err *err)
{
    uint32_t n = 0;
    uint32_t corr_n = 0;
    for (uint32_t i = 0; i < spec->deps.n; i++) {
        const struct spec_dep *s = &spec->deps.dep[i];
        if (s->kind == SPEC_SINGLETON)
            continue; /* a flag of the job */
        out[n] = (struct dep){ .kind = kind_of[s->kind], .group = spec->deps.any ? 0 : n,
                               .delay_s = s->delay_min * 60 };
        int code = resolve_one(d, s, &out[n], err);
        if (code < 0)
            return code;
        if (s->kind == SPEC_AFTERCORR && out[n].scope && spec->array.range_n)
            corr[corr_n++] = n;
        n++;
    }
    *ret_n = n;
    *ret_corr_n = corr_n;
    return 0;
}

int deps_corresponding(struct daemon *d, struct dep *dep, uint32_t index, struct err *err)
{
    const struct spec_dep one = { .kind = SPEC_AFTEROK, .job = dep->job, .task = index };
    struct dep out = { .kind = dep->kind, .group = dep->group };
    int code = resolve_one(d, &one, &out, err);
    if (code == 0)
        *dep = out;
    return code;
}
