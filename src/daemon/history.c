/* history.c - see history.h. */
#include "daemon/history.h"

#include <stdlib.h>
#include <string.h>

#include "daemon/internal.h"
#include "daemon/trade.h"
#include "spec/spec.h"

#define STEP_ROWS   200u                /* some milliseconds */
#define STEP_PEOPLE 10u                 /* the same */
#define MET_MAX     50000u              /* more than a store keeps (store.h), and a fifth of BYTES_MAX */
#define AHEAD_US    (40 * USEC_PER_DAY) /* a replay goes on until all has ended */
#define BYTES_MAX   (32u << 20)
#define WEEKS_US    (MODE_WEEKS * 7 * USEC_PER_DAY)
#define BOOT_US     USEC_PER_DAY        /* at from_at */

struct row { /* of store_job, whose words are gone after the call */
    uint32_t job, request, owner, gpus, attempts;
    usec_t submit_at, deadline_at, start_at, end_at, limit_us;
    uint32_t account;
    int64_t watts_mw;
    bool ended_well, at_limit;
};

struct history {
    struct daemon *d;
    usec_t from_at, until_at;
    usec_t before_at;  /* what ended from here on is read */
    struct buf text;
    uint32_t line, people, rows, recent;
    int64_t met_seq;         /* up to here what they met is read */
    uint32_t met_n;          /* of a step */
    bool began, met_all;
    struct row step[STEP_ROWS];
    uint32_t step_n, step_seen;
    struct ev_submit of_request; /* what the jobs of one request have in common */
    uint32_t request;            /* 0: none */
};

static void put(struct history *h, usec_t at, struct core_event *ev)
{
    ev->wall_at = at;
    ev->boot_at = at - h->from_at + BOOT_US;
    buf_printf(&h->text, "%u %016x ", ++h->line, 0);
    event_print(&h->text, ev);
    buf_char(&h->text, '\n');
}

uint32_t history_gpus(const struct daemon *d)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < d->gpus_n; i++)
        n += d->gpus[i].present;
    return n ? n : d->cpus;
}

static bool has_gpus(const struct daemon *d)
{
    for (uint32_t i = 0; i < d->gpus_n; i++)
        if (d->gpus[i].present)
            return true;
    return false;
}

/* --- people ------------------------------------------------------------------------------------------- */

static int put_windows(struct history *h, person_no no, struct span range)
{
    struct span windows[PEOPLE_WINDOWS_MAX];
    size_t n = 0;
    int code = people_planned(h->d->people, no, range, windows, &n);
    if (code < 0)
        return code;
    struct core_event ev = { .kind = EVENT_AVAIL, .avail = { .person = no, .until_at = range.until_at, .windows = windows,
                                                             .windows_n = (uint32_t)n } };
    put(h, range.from_at, &ev);
    return 0;
}

/* In place of that, as far as it is known, what was told when it was not yet past. */
static void put_passed(struct history *h, person_no no)
{
    struct span known;
    struct core_event ev = { .kind = EVENT_AVAIL, .avail = { .person = no } };
    const struct span *at;
    size_t n;
    if (!passed_get(h->d, no, &known, &at, &n) || known.from_at >= h->until_at || known.until_at < h->until_at)
        return;
    ev.avail.until_at = known.until_at;
    ev.avail.windows = at;
    ev.avail.windows_n = (uint32_t)n;
    put(h, known.from_at, &ev);
}

/* Whose hours cannot be planned with has the office's. */
static void put_person(struct history *h, person_no no)
{
    struct person p;
    if (!people_get(h->d->people, no, &p))
        return;
    struct core_event ev = { .kind = EVENT_PERSON };
    people_limits(h->d->people, no, &ev.person);
    put(h, h->from_at, &ev);
    if (put_windows(h, no, (struct span){ h->from_at, h->until_at }) < 0)
        return;
    put_passed(h, no);
    (void)put_windows(h, no, (struct span){ h->until_at, h->until_at + AHEAD_US });
}

/* --- jobs --------------------------------------------------------------------------------------------- */

static int keep_row(const struct store_job *j, void *data)
{
    struct history *h = data;
    bool slots = !has_gpus(h->d);
    h->step_seen++;
    h->before_at = j->end_at;
    if (j->start_at <= 0 || j->end_at <= j->start_at || usec_max(j->submit_at, j->begin_at) < h->from_at ||
        (j->gpus == 0 && !slots))
        return 0;
    h->step[h->step_n++] = (struct row){ .job = j->id, .request = j->request, .owner = j->owner,
        .gpus = slots ? j->cpus : j->gpus, .attempts = j->attempts, .submit_at = usec_max(j->submit_at, j->begin_at),
        .account = j->account, .watts_mw = j->watts_mw, .deadline_at = j->deadline_at, .start_at = j->start_at, .end_at = j->end_at, .limit_us = j->limit_us,
        .ended_well = str_is(j->state, job_state_word(JOB_COMPLETED)), .at_limit = str_is(j->state, job_state_word(JOB_TIMEOUT)) };
    return 0;
}

static void look_up(struct history *h, uint32_t request)
{
    struct store_request r;
    struct spec spec;
    if (h->request == request)
        return;
    h->request = request;
    h->of_request = (struct ev_submit){ 0 };
    spec_init(&spec);
    if (store_request_get(h->d->store, request, &r) == 0 && spec_parse(&spec, r.spec, NULL) == 0)
        h->of_request = (struct ev_submit){ .command_key = spec_command_key(&spec), .flags = submit_flags(&spec) &
            (JOB_NOW | JOB_URGENT | JOB_CLEAN_TREE), .flex_us = spec.flex_us,
            .preempt = spec.preempt == SPEC_PREEMPT_CHECKPOINT ? PREEMPT_CHECKPOINT : PREEMPT_NEVER,
            .watts_mw = (int64_t)spec.watts * 1000 };
    spec_finish(&spec);
    store_reset(h->d->store);
}

struct attempts {
    usec_t run_us;   /* of all of them */
    usec_t ready_at; /* when the first could have started; 0: not known */
};

static int add_attempt(const struct store_attempt *a, void *data)
{
    struct attempts *all = data;
    struct core_trade trade;
    if (a->canary_us)
        return 0;
    if (!all->ready_at && trade_parse(a->trade, &trade))
        all->ready_at = trade.ready_at;
    if (a->start_at > 0 && a->end_at > a->start_at)
        all->run_us += a->end_at - a->start_at;
    return 0;
}

static usec_t run_of(const struct history *h, const struct row *r, const struct attempts *all)
{
    if (r->attempts > 1 && h->of_request.preempt == PREEMPT_CHECKPOINT && all->run_us > 0)
        return usec_min(all->run_us, r->end_at - h->from_at); /* boot times begin there */
    return r->end_at - r->start_at;
}

/* A job that waited for others, or was held, comes when nothing but its place in line kept it. */
static usec_t ready_of(const struct row *r, const struct attempts *all)
{
    return all->ready_at > r->submit_at && all->ready_at < r->start_at ? all->ready_at : r->submit_at;
}

static void put_job(struct history *h, const struct row *r)
{
    struct attempts all = { 0 };
    look_up(h, r->request);
    if (store_attempts_each(h->d->store, r->job, add_attempt, &all) < 0)
        all = (struct attempts){ 0 };
    usec_t start_at = r->end_at - run_of(h, r, &all), ready_at = ready_of(r, &all);
    struct core_event ev = { .kind = EVENT_SUBMIT, .submit = h->of_request };
    ev.submit.job = r->job;
    ev.submit.owner = ev.submit.submitter = r->owner;
    ev.submit.gpus = r->gpus;
    ev.submit.cpus = 1;
    ev.submit.limit_us = r->limit_us;
    ev.submit.deadline_at = r->deadline_at;
    ev.submit.account = r->account;
    put(h, ready_at, &ev);
    ev = (struct core_event){ .kind = EVENT_STARTED, .started = { .job = r->job, .attempt = 1 } };
    put(h, start_at, &ev);
    ev = (struct core_event){ .kind = EVENT_ENDED, .ended = { .job = r->job, .attempt = 1,
        .cause = r->at_limit ? END_TIME_LIMIT : END_EXIT, .code = r->ended_well ? 0 : 1, .watts_mw = r->watts_mw } };
    put(h, r->end_at, &ev);
    h->rows++;
    h->recent += ready_at >= h->until_at - WEEKS_US;
}

/* --- what they met --------------------------------------------------------------------------------------- */

/* Of before the time that is read what still held in it, in the order in which it came. */
static int put_met(const struct store_met *m, void *data)
{
    struct history *h = data;
    h->met_n++;
    struct core_event ev;
    _Alignas(8) char memory[EVENT_LIST_BYTES(64)]; /* none of them has lists */
    if (m->wall_at >= h->until_at || (m->until_at > 0 && m->until_at <= h->from_at))
        return 0;
    if (event_parse(m->line, memory, sizeof memory, &ev, NULL) < 0)
        return 0; /* of another version */
    put(h, usec_max(m->wall_at, h->from_at), &ev);
    return 0;
}

/* Quotas of now: what the projects may have next week. */
static void put_accounts(struct history *h)
{
    for (uint32_t i = 1; i <= h->d->accounts.n; i++) {
        struct core_quota q = core_account_quota(h->d->core, i);
        struct core_event ev = { .kind = EVENT_ACCOUNT, .account = { .account = i, .gpus_max = q.gpus_max,
                                                                     .quota_hours = q.hours, .quota_days = q.days } };
        put(h, h->from_at, &ev);
    }
}

int history_step(struct history *h)
{
    if (h->people == 0 && !h->began) {
        h->began = true;
        put_accounts(h);
        int code = store_met_newest(h->d->store, MET_MAX, &h->met_seq);
        if (code < 0)
            return code;
    }
    if (!h->met_all) {
        h->met_n = 0;
        int code = store_met_each(h->d->store, &h->met_seq, STEP_ROWS, put_met, h);
        h->met_all = h->met_n < STEP_ROWS;
        return code < 0 ? code : h->text.failed ? E_TOO_LARGE : 0;
    }
    if (h->people < people_n(h->d->people)) {
        for (uint32_t i = 0; i < STEP_PEOPLE && h->people < people_n(h->d->people); i++)
            put_person(h, (person_no)++h->people);
        return h->text.failed ? E_TOO_LARGE : 0;
    }
    h->step_n = h->step_seen = 0;
    /* Of jobs that ended in the same microsecond as the last of a step the others are left out. */
    int code = store_jobs_each(h->d->store, 0, 0, h->before_at, STEP_ROWS, keep_row, h);
    if (code < 0)
        return code;
    for (uint32_t i = 0; i < h->step_n && h->rows < HISTORY_JOBS_MAX; i++)
        put_job(h, &h->step[i]);
    if (h->text.failed)
        return E_TOO_LARGE;
    return h->step_seen < STEP_ROWS || h->before_at < h->from_at || h->rows == HISTORY_JOBS_MAX;
}

/* --- all ---------------------------------------------------------------------------------------------- */

int history_create(struct daemon *d, usec_t until_at, struct history **ret)
{
    struct history *h = calloc(1, sizeof *h);
    if (!h)
        return E_NO_MEMORY;
    h->d = d;
    h->from_at = until_at - HISTORY_US;
    h->until_at = h->before_at = until_at;
    buf_init(&h->text, BYTES_MAX);
    buf_c(&h->text, "eoul-journal 1\n");
    *ret = h;
    return 0;
}

void history_destroy(struct history *h)
{
    if (!h)
        return;
    buf_finish(&h->text);
    free(h);
}

struct str history_text(const struct history *h)
{
    return buf_look(&h->text);
}

uint32_t history_recent(const struct history *h)
{
    return h->recent;
}
