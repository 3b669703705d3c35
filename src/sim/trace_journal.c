/* trace_journal.c - a workload out of an eoul journal: every submit, and what became of its first success.
 *
 * Only events are read, no decisions: who asked for what when, and how long each attempt ran until its end.
 * Asked for what was told of people (trace_options.told), their windows are those that each `avail` said of the time
 * from then on, and a start stays that could not be moved as it was submitted: without clean code, --now, --urgent, or
 * of an owner who had not agreed by then.  So are what people and projects may have (the last word of each person), and what
 * jobs met: GPUs in and out of use, a closed queue, reservations, boosts.
 * A job that ran several times counts with its last whole run.  A job that never ran, or still runs when
 * the journal ends, is a bad row: nobody knows how long it takes. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/core.h"
#include "sim/timer.h"
#include "sim/trace.h"

struct seen {
    job_id id;
    struct trace_job job;
    usec_t started_at; /* of the attempt under way, boot clock; 0: none */
    bool ended;
};

struct journal_reader {
    struct trace *t;
    const struct trace_options *o;
    bool agreed[CORE_PERSONS_MAX + 1]; /* by person */
    struct seen *seen;
    size_t seen_n, seen_size;
    struct map of_id;
    void *memory;
    size_t memory_size;
    uint32_t line, gpus;
};

static struct seen *of(struct journal_reader *r, job_id id)
{
    uint32_t at;
    return map_get(&r->of_id, id, &at) ? &r->seen[at] : NULL;
}

#define PERSON_NAME_MAX 32

static void person_name(uint32_t person, char ret[PERSON_NAME_MAX])
{
    snprintf(ret, PERSON_NAME_MAX, "person-%u", person);
}

static void submit_one(struct journal_reader *r, const struct core_event *ev, job_id id)
{
    const struct ev_submit *e = &ev->submit;
    char name[PERSON_NAME_MAX];
    if (of(r, id)) /* an ended job that was queued again: its first submit stands */
        return;
    person_name(e->owner, name);
    bool moves = (e->flags & JOB_CLEAN_TREE) && !(e->flags & (JOB_NOW | JOB_URGENT)) && e->owner <= CORE_PERSONS_MAX &&
                 (r->agreed[e->owner] || e->flex_us > 0);
    uint32_t user = trace_user(r->t, str_of(name));
    if (r->o->told)
        r->t->users[user].limits.person = e->owner;
    r->seen = sim_grow(r->seen, &r->seen_size, r->seen_n + 1, sizeof(*r->seen));
    r->seen[r->seen_n] = (struct seen){ .id = id, .job = {
        .submit_at = ev->wall_at, .limit_us = e->limit_us, .deadline_at = e->deadline_at,
        .command = e->command_key, .user = user, .gpus = e->gpus,
        .line = r->line, .stays = r->o->told && !moves, .checkpoint = e->preempt == PREEMPT_CHECKPOINT, .restart_us = e->restart_us,
        .watts_mw = e->watts_mw, .said_mw = r->o->told ? e->watts_mw : 0, .account = r->o->told ? e->account : 0, .id = id } };
    if (map_set(&r->of_id, id, (uint32_t)r->seen_n++) < 0)
        abort();
}

static void submit(struct journal_reader *r, const struct core_event *ev)
{
    uint32_t n = ev->submit.tasks_n == 0;
    for (uint32_t i = 0; i < ev->submit.tasks_n; i++) {
        const struct range *range = &ev->submit.tasks[i];
        if (range->step > 0 && range->until >= range->from)
            n += (range->until - range->from) / range->step + 1;
    }
    for (uint32_t i = 0; i < n && i < 1000000; i++)
        submit_one(r, ev, ev->submit.job + i);
}

static void ended(struct journal_reader *r, const struct core_event *ev)
{
    struct seen *s = of(r, ev->ended.job);
    if (!s || s->started_at == 0)
        return;
    usec_t us = ev->boot_at - s->started_at;
    s->started_at = 0;
    if (ev->ended.cause == END_STOPPED || us <= 0)
        return;
    s->job.run_us = us;
    s->job.end_at = ev->wall_at;
    if (ev->ended.watts_mw > 0) /* what it took, rather than what was said */
        s->job.watts_mw = ev->ended.watts_mw;
    s->job.failed = ev->ended.cause != END_EXIT || ev->ended.code != 0;
    s->ended = true;
}

/* What was said before of the time from now on is over. */
static void avail(struct journal_reader *r, const struct core_event *ev)
{
    const struct ev_avail *e = &ev->avail;
    char name[PERSON_NAME_MAX];
    person_name(e->person, name);
    uint32_t user = trace_user(r->t, str_of(name));
    struct trace_user *u = &r->t->users[user];
    while (u->look_n && u->look[u->look_n - 1].from_at >= ev->wall_at)
        u->look_n--;
    if (u->look_n)
        u->look[u->look_n - 1].until_at = usec_min(u->look[u->look_n - 1].until_at, ev->wall_at);
    u->look = sim_grow(u->look, &u->look_size, u->look_n + e->windows_n + 1, sizeof(*u->look));
    for (uint32_t i = 0; i < e->windows_n; i++) {
        struct span s = { usec_max(e->windows[i].from_at, ev->wall_at), e->windows[i].until_at };
        if (s.from_at < s.until_at)
            u->look[u->look_n++] = s;
    }
    u->look_until_at = e->until_at;
}

/* What is played again beside the jobs.  A queue's limit keeps nobody from submitting what was submitted. */
static void person(struct journal_reader *r, const struct ev_person *e)
{
    char name[PERSON_NAME_MAX];
    person_name(e->person, name);
    uint32_t user = trace_user(r->t, str_of(name));
    r->t->users[user].limits = *e;
    r->t->users[user].limits.queued_max = 0;
}

static void met(struct journal_reader *r, const struct core_event *ev)
{
    struct trace *t = r->t;
    t->met = sim_grow(t->met, &t->met_size, t->met_n + 1, sizeof *t->met);
    t->met[t->met_n] = (struct trace_met){ .at = ev->wall_at, .order = (uint32_t)t->met_n, .ev = *ev,
        .until_at = ev->kind == EVENT_RESERVE ? ev->reserve.until_at : ev->kind == EVENT_BOOST ? ev->boost.until_at : 0 };
    t->met_n++;
}

static void event(struct journal_reader *r, const struct core_event *ev)
{
    struct seen *s;
    switch (ev->kind) {
    case EVENT_SUBMIT: submit(r, ev); break;
    case EVENT_STARTED:
        if ((s = of(r, ev->started.job)))
            s->started_at = ev->boot_at;
        break;
    case EVENT_ENDED: ended(r, ev); break;
    case EVENT_GPU:
        if (ev->gpu.gpu < 64)
            r->gpus = ev->gpu.gpu + 1 > r->gpus ? ev->gpu.gpu + 1 : r->gpus;
        if (r->o->told)
            met(r, ev);
        break;
    case EVENT_QUEUE: case EVENT_ACCOUNT: case EVENT_RESERVE: case EVENT_UNRESERVE: case EVENT_BOOST: case EVENT_UNBOOST:
        if (r->o->told)
            met(r, ev);
        break;
    case EVENT_AVAIL:
        if (r->o->told)
            avail(r, ev);
        break;
    case EVENT_PERSON:
        if (ev->person.person <= CORE_PERSONS_MAX)
            r->agreed[ev->person.person] = ev->person.defer;
        if (r->o->told)
            person(r, &ev->person);
        break;
    default: break;
    }
}

static void read_line(struct journal_reader *r, struct str line)
{
    struct core_event ev;
    struct str number, hash;
    struct err why = { .translate = r->t->say.translate };
    r->t->rows++;
    if (!str_next(&line, ' ', &number) || !str_next(&line, ' ', &hash) || hash.len != 16) {
        trace_bad(r->t, err_set(&r->t->say, E_INVALID,
                                "Line %u is not \"NUMBER HASH EVENT\".", r->line));
        return;
    }
    r->memory = sim_grow(r->memory, &r->memory_size, EVENT_LIST_BYTES(line.len), 1);
    if (event_parse(line, r->memory, r->memory_size, &ev, &why) < 0)
        trace_bad(r->t, err_set(&r->t->say, E_INVALID, "Line %u: %s", r->line, why.text));
    else
        event(r, &ev);
}

/* `snapshot SEQ HASH BYTES`: jobs in it were submitted before the journal begins and are passed over. */
static void skip_snapshot(struct journal_reader *r, struct str line, struct str *rest)
{
    struct str word = { 0 };
    uint64_t bytes = 0;
    while (str_next(&line, ' ', &word))
        ;
    if (str_u64(word, &bytes) < 0 || bytes > rest->len)
        return;
    for (size_t i = 0; i < bytes; i++)
        r->line += rest->ptr[i] == '\n';
    *rest = str_slice(*rest, bytes, rest->len);
}

static int by_time(const void *a, const void *b)
{
    const struct trace_met *x = a, *y = b;
    return x->at < y->at ? -1 : x->at > y->at ? 1 : x->order < y->order ? -1 : x->order > y->order;
}

int trace_read_journal(struct trace *t, struct str text, const struct trace_options *o,
                       struct err *err)
{
    struct journal_reader r = { .t = t, .o = o };
    struct str line, rest = text;
    if (o->team.len)
        return err_set(err, E_INVALID, "This trace does not say which team a job belongs to.");
    if (!str_starts(text, "eoul-journal 1"))
        return err_set(err, E_INVALID,
                       "This is no journal of eoul: its first line is not \"eoul-journal 1\".");
    while (rest.len && str_next(&rest, '\n', &line)) {
        r.line++;
        if (str_starts(line, "snapshot "))
            skip_snapshot(&r, line, &rest);
        else if (line.len && line.ptr[0] != '#' && !str_starts(line, "eoul-journal "))
            read_line(&r, line);
    }
    for (size_t i = 0; i < r.seen_n; i++) {
        const struct seen *s = &r.seen[i];
        if (!s->ended)
            trace_bad(t, err_set(&t->say, E_INVALID, "Line %u: job %u has no end in this journal.",
                                 s->job.line, s->id));
        else if (s->job.gpus == 0)
            trace_bad(t, err_set(&t->say, E_INVALID, "Line %u asks for no GPU.", s->job.line));
        else
            *trace_add(t) = s->job;
    }
    if (t->met_n)
        qsort(t->met, t->met_n, sizeof *t->met, by_time);
    t->told = o->told;
    t->gpus_hint = r.gpus;
    free(r.seen);
    free(r.memory);
    map_finish(&r.of_id);
    return 0;
}
