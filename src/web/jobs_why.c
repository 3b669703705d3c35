/* jobs_why.c - why a job is where it is: the core's numbers, what the store knows of its attempts, and as much of
 * both as this reader may see, for the sentences of daemon/why.h. */
#include <string.h>

#include "cal/zone_load.h"
#include "daemon/message.h"
#include "daemon/refusal.h"
#include "daemon/trade.h"
#include "daemon/why.h"
#include "web/internal.h"
#include "web/jobs_detail.h"

static void refuse(struct call *c)
{
    web_reply_error(c->web, c->r, &c->err, -1);
}

void web_reader(struct call *c, struct why_facts *f, struct zone *own)
{
    const struct people *people = daemon_people(c->web->daemon);
    struct str zone = http_query(c->r, "zone");
    char name[ZONE_NAME_MAX];
    struct person me;
    struct err ignored = { 0 };
    f->lang = c->r->lang;
    f->zone = people_system_zone(people);
    if (zone.len > 0 && zone_load(zone, own, name, &ignored) == 0) {
        f->zone = own;
        return;
    }
    if (people_get(people, people_find_uid(people, c->peer.uid), &me))
        f->zone = me.zone;
}

static void find_blocker(const struct view *v, job_id blocker, struct why_facts *f,
                         char text[VIEW_NAME_ID_MAX])
{
    struct core_job job;
    struct core_todo todo;
    struct job_info info;
    f->blocker_is_todo = blocker && core_todo_get(daemon_core(v->daemon), blocker, &todo);
    if (f->blocker_is_todo) {
        view_name_id(blocker, 0, 0, text);
        f->blocker_id = text;
        for (uint32_t i = 0; i < v->plan.todo_rows_n; i++)
            if (v->plan.todo_rows[i].todo == blocker) /* its last piece */
                f->blocker_end_at = v->plan.todo_rows[i].until_at;
        return;
    }
    if (!blocker || !core_job_get(daemon_core(v->daemon), blocker, &job))
        return;
    view_name_id(job.id, job.array_id, job.array_index, text);
    f->blocker_id = text;
    if (daemon_job_info(v->daemon, blocker, &info) &&
        daemon_shown(v->daemon, v->peer, info.uid, info.owner) == SHOWN_FULL)
        f->blocker_name = str_of(info.name);
    for (uint32_t i = 0; i < v->plan.rows_n; i++)
        if (v->plan.rows[i].job == blocker && v->plan.rows[i].end_p50_at != USEC_NEVER)
            f->blocker_end_at = v->plan.rows[i].end_p50_at;
}

static void find_reservation(const struct view *v, const struct explanation *x, struct why_facts *f, struct buf *name)
{
    struct reservation r;
    if (!x->reservation || !reserve_find(daemon_core(v->daemon), x->reservation, &r))
        return;
    enum config_shown shown = daemon_shown(v->daemon, v->peer, -1, (person_no)r.person);
    if (shown == SHOWN_FULL)
        reserve_name(name, &r);
    if (shown != SHOWN_BUSY)
        f->reservation_for = people_name(daemon_people(v->daemon), (person_no)r.person);
    f->reservation_name = buf_look(name);
    f->reservation_from_at = r.from_at;
    f->reservation_until_at = r.until_at;
}

static void reply_why(struct call *c, const struct explanation *x, const struct why_facts *f,
                      struct str reason)
{
    struct buf b;
    struct json_out j;
    web_start(&b, &j);
    out_put_u64(&j, "id", x->job);
    out_put_c(&j, "name_id", f->name_id);
    out_put_c(&j, "state", job_state_word(f->state));
    out_put_str(&j, "reason", reason);
    out_key(&j, "sentences");
    why_sentences(x, f, &j);
    out_key(&j, "numbers");
    why_numbers(x, f, &j);
    out_end(&j);
    web_reply_json(c->web, c->r, &b);
}

/* What others may know of whoever looks at the result. */
static void blur_eyes(const struct view *v, const struct core_job *job, struct explanation *x)
{
    usec_t exact_at = x->eyes_at;
    x->eyes_at = daemon_eyes_shown(v->daemon, v->peer, job, x->eyes_at, x->end_p50_at);
    if (x->eyes_at != exact_at) /* it would give the exact hour away */
        x->last_good_at = USEC_NEVER;
    x->eyes_late_at = daemon_eyes_shown(v->daemon, v->peer, job, x->eyes_late_at, x->end_p90_at);
    x->now_eyes_at = daemon_eyes_shown(v->daemon, v->peer, job, x->now_eyes_at, 0);
    x->now_eyes_late_at = daemon_eyes_shown(v->daemon, v->peer, job, x->now_eyes_late_at, 0);
}

/* What the store adds: the attempts of this job, and whose made way for it. */
struct more {
    struct daemon *d;
    const struct op_peer *peer;
    struct why_facts *f;
    struct core_trade trade; /* of the last attempt */
    bool may;                /* the reader may know what only its submitter does */
    bool live;
    job_id gave_for, got_from;
    char gave_id[VIEW_NAME_ID_MAX], got_id[VIEW_NAME_ID_MAX];
    char message[ERR_TEXT_MAX], gave_name[64], got_name[64];
};

static int each_attempt(const struct store_attempt *a, void *data)
{
    struct more *m = data;
    struct why_facts *f = m->f;
    struct buf text;
    f->has_trade = trade_parse(a->trade, &m->trade);
    if (m->live) {
        f->exit_code = a->exit_code;
        f->signal = a->signal;
    }
    buf_init_fixed(&text, m->message, sizeof m->message);
    if (a->state == ATTEMPT_NEVER_STARTED && m->may)
        message_tell(&text, a->message, tr_of(f->lang));
    f->launch_message = buf_look(&text);
    if (a->way_for) {
        m->gave_for = a->way_for;
        f->gave.at = a->open ? 0 : a->end_at;
        f->gave.ran_us = a->start_at && a->end_at > a->start_at ? a->end_at - a->start_at : 0;
    }
    return 0;
}

static int each_way(const struct store_attempt *a, void *data)
{
    struct more *m = data;
    if (m->f->got.n++ == 0 || a->open) {
        m->got_from = a->job;
        m->f->got.at = a->open ? 0 : a->end_at;
    }
    return 0;
}

/* Another job as the reader may know it: its name is its owner's. */
static void name_other(const struct more *m, job_id job, struct why_way *way, char id[VIEW_NAME_ID_MAX], char *name,
                       size_t size)
{
    struct job_info info;
    struct core_job live;
    struct store_job ended;
    struct view_row row;
    struct buf text;
    buf_init_fixed(&text, name, size);
    way->id = id;
    if (core_job_get(daemon_core(m->d), job, &live)) {
        view_name_id(live.id, live.array_id, live.array_index, id);
        if (daemon_job_info(m->d, job, &info) && daemon_shown(m->d, m->peer, info.uid, info.owner) == SHOWN_FULL)
            buf_str(&text, str_slice(str_of(info.name), 0, size - 1));
    } else if (store_job_get(daemon_store(m->d), job, &ended) == 0) {
        view_ended(m->d, m->peer, &ended, &row);
        memcpy(id, row.name_id, VIEW_NAME_ID_MAX);
        buf_str(&text, str_slice(row.name, 0, size - 1));
        store_reset(daemon_store(m->d));
    } else {
        view_name_id(job, 0, 0, id);
    }
    way->name = buf_look(&text);
}

/* m->live and the language are set; a store that cannot be read leaves out what it would have said. */
static void more_find(struct more *m, job_id id)
{
    struct store_request request;
    struct why_facts *f = m->f;
    m->may = store_request_get(daemon_store(m->d), id, &request) == 0 && daemon_may(m->d, m->peer, request.uid);
    (void)store_attempts_each(daemon_store(m->d), id, each_attempt, m);
    (void)store_attempts_way(daemon_store(m->d), id, each_way, m);
    f->trade = m->trade;
    if (m->gave_for)
        name_other(m, m->gave_for, &f->gave, m->gave_id, m->gave_name, sizeof m->gave_name);
    if (m->got_from)
        name_other(m, m->got_from, &f->got, m->got_id, m->got_name, sizeof m->got_name);
}

/* What is the owner's own business: how much their jobs count. */
static bool is_own(const struct more *m, person_no owner)
{
    person_no reader = people_find_uid(daemon_people(m->d), m->peer->uid);
    return owner && reader == owner;
}

/* Boosts of it, or of what the plan has before it that it does not have too. */
static void find_boosts(struct call *c, const struct view *v, job_id id, struct boost_view *views, struct why_facts *f)
{
    const struct core *core = daemon_core(c->web->daemon);
    uint32_t seen = 0, own = core_boost_of(core, id, v->now_at);
    for (uint32_t i = 0; core_boosts_n(core) && i < v->plan.rows_n && f->boosts_n < WHY_BOOSTS_MAX; i++) {
        const struct plan_row *row = &v->plan.rows[i];
        struct boost b;
        uint32_t at = row->job == id ? own : core_boost_of(core, row->job, v->now_at);
        if (at != CORE_NO_BOOST && core_boost_get(core, at, &b) && !(seen >> at & 1) &&
            (row->job == id || own == CORE_NO_BOOST) && (row->state == JOB_PENDING || row->start_at >= b.from_at)) {
            struct boost_view *s = &views[f->boosts_n];
            boosts_of(c->web, &b, &c->peer, s);
            f->boosts[f->boosts_n++] = (struct why_boost){ .own = row->job == id, .id = b.id, .of = s->of,
                .of_person = b.kind == BOOST_PERSON, .of_account = b.kind == BOOST_ACCOUNT, .by = s->by,
                .reason = s->reason, .until_at = s->until_at };
            seen |= UINT32_C(1) << at;
        }
        if (row->job == id)
            return;
    }
}

/* The strings live until the next turn. */
static void find_refused(struct call *c, job_id id, struct why_facts *f)
{
    const struct refusal *r = daemon_refusal_of_job(c->web->daemon, c->peer.uid, id);
    if (r)
        f->refused = (struct why_refused){ .id = r->id, .asked = r->asked, .at = r->last_at };
}

static bool why_live(struct call *c, const struct view *v, job_id id)
{
    struct view_row row;
    struct explanation x;
    struct core_job job;
    char blocker[VIEW_NAME_ID_MAX], kept_memory[RESERVE_NAME_MAX + 1];
    struct buf kept_as;
    struct zone own;
    struct boost_view boosts[WHY_BOOSTS_MAX];
    if (!view_live(v, id, &row) ||
        core_explain(daemon_core(c->web->daemon), id, &v->plan, &x) < 0 ||
        !core_job_get(daemon_core(c->web->daemon), id, &job))
        return false;
    struct core_weight weight = core_weight(daemon_core(c->web->daemon), job.owner);
    blur_eyes(v, &job, &x);
    struct why_facts f = { .now_at = v->now_at, .state = row.job_state, .name_id = row.name_id,
                           .owner = row.owner, .start_at = row.start_at,
                           .end_p10_at = row.end_p10_at, .attempt = row.attempt,
                           .limit_us = row.limit_us, .submit_at = row.submit_at,
                           .stalled_at = daemon_stalled_at(c->web->daemon, id) };
    struct core_counts machine = core_count(daemon_core(c->web->daemon));
    f.urgent = job.flags & JOB_URGENT && core_urgent(daemon_core(c->web->daemon), job.owner, v->now_at).most;
    f.canary = job.canary;
    f.canary_us = job.canary_us;
    f.currency = daemon_currency(c->web->daemon);
    f.cpus = machine.cpus_n;
    f.mem_mib = machine.mem_mib;
    web_reader(c, &f, &own);
    find_blocker(v, x.blocker, &f, blocker);
    find_refused(c, id, &f);
    f.account = x.account ? daemon_account_name(c->web->daemon, x.account) : NULL;
    find_boosts(c, v, id, boosts, &f);
    struct more m = { .d = c->web->daemon, .peer = &c->peer, .f = &f, .live = true };
    more_find(&m, id);
    if (is_own(&m, job.owner) && weight.counts)
        f.weight = &weight;
    f.trade.eyes_at = daemon_eyes_shown(m.d, m.peer, &job, f.trade.eyes_at, f.trade.end_p50_at);
    f.trade.would_at = is_own(&m, job.owner) ? f.trade.would_at : 0; /* what somebody agreed to is theirs to know */
    buf_init_fixed(&kept_as, kept_memory, sizeof kept_memory);
    find_reservation(v, &x, &f, &kept_as);
    reply_why(c, &x, &f, str_of(reason_word(x.reason)));
    return true;
}

static enum job_state state_of(struct str word)
{
    for (int i = 0; i < JOB_STATE_COUNT; i++)
        if (str_is(word, job_state_word((enum job_state)i)))
            return (enum job_state)i;
    return JOB_NONE;
}

static enum reason reason_of(struct str word)
{
    for (int i = 0; i < REASON_COUNT; i++)
        if (str_is(word, reason_word((enum reason)i)))
            return (enum reason)i;
    return REASON_NONE;
}

static bool why_ended(struct call *c, job_id id)
{
    struct store_job job;
    struct view_row row;
    struct zone own;
    if (store_job_get(daemon_store(c->web->daemon), id, &job) < 0)
        return false;
    view_ended(c->web->daemon, &c->peer, &job, &row);
    struct explanation x = { .job = id, .reason = reason_of(row.reason) };
    struct why_facts f = { .now_at = daemon_now(c->web->daemon).wall_at,
                           .state = state_of(row.state), .name_id = row.name_id,
                           .owner = row.owner, .start_at = row.start_at, .end_at = row.end_at,
                           .attempt = row.attempt, .exit_code = row.exit_code,
                           .signal = row.signal, .limit_us = row.limit_us, .submit_at = row.submit_at,
                           .currency = daemon_currency(c->web->daemon) };
    find_refused(c, id, &f);
    person_no owner = (person_no)job.owner;
    char word[64];
    struct buf reason;
    buf_init_fixed(&reason, word, sizeof word); /* the row of the store is gone at the next look-up */
    buf_str(&reason, row.reason);
    web_reader(c, &f, &own);
    struct more m = { .d = c->web->daemon, .peer = &c->peer, .f = &f };
    more_find(&m, id);
    f.trade.eyes_at = is_own(&m, owner) ? f.trade.eyes_at : 0;
    f.trade.would_at = is_own(&m, owner) ? f.trade.would_at : 0;
    reply_why(c, &x, &f, buf_look(&reason));
    store_reset(daemon_store(c->web->daemon));
    return true;
}

/* Of an array: the first task in the plan that waits, else the first that lives, else the first. */
static job_id array_example(const struct view *v, const struct job_ref *ref)
{
    job_id live = 0;
    for (uint32_t i = 0; i < v->plan.rows_n; i++) {
        const struct plan_row *row = &v->plan.rows[i];
        if (row->job < ref->id || row->job - ref->id >= ref->tasks)
            continue;
        if (row->state == JOB_PENDING)
            return row->job;
        live = live ? live : row->job;
    }
    return live ? live : ref->id;
}

void jobs_why(struct call *c)
{
    struct view v = { 0 };
    struct job_ref ref = { 0 };
    enum config_shown shown;
    int code = daemon_job_find(c->web->daemon, c->part[0], &ref, &c->err);
    if (code == 0)
        code = web_may_look(c->web, &c->peer, &ref, &shown, &c->err);
    if (code == 0)
        code = view_init(&v, c->web->daemon, &c->peer, &c->err);
    if (code < 0) {
        refuse(c);
        return;
    }
    job_id id = ref.whole_array ? array_example(&v, &ref) : ref.id;
    if (why_live(c, &v, id) || why_ended(c, id))
        return;
    err_set(&c->err, E_NOT_FOUND, "Job %u is not known any more.", id);
    refuse(c);
}
