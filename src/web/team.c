/* team.c - the daemon, its GPUs, its people and the plan, to look at. */
#include <stdio.h>
#include <string.h>

#include "cal/spans.h"
#include "daemon/week.h"
#include "web/internal.h"

#define PLAN_DAYS 7
#define ME_DAYS 14
#define LOOKED_DAYS 6 /* hours gone by, as they are said now; for the morning's brief */
#define PLAN_ROWS_DEFAULT 200 /* what a terminal's timeline can show */

/* --- the daemon ------------------------------------------------------------------------------------------ */

static void put_note(const char *sentence, void *data)
{
    out_c(data, sentence);
}

static void put_counts(struct json_out *j, const struct core *core)
{
    struct core_counts n = core_count(core);
    out_key(j, "counts");
    out_object(j);
    out_put_u64(j, "pending", n.pending);
    out_put_u64(j, "held", n.held);
    out_put_u64(j, "starting", n.starting);
    out_put_u64(j, "running", n.running);
    out_put_u64(j, "completing", n.completing);
    out_put_u64(j, "gpus", n.gpus_n);
    out_put_u64(j, "gpus_up", n.gpus_up);
    out_put_u64(j, "gpus_busy", n.gpus_busy);
    out_put_u64(j, "cpus", n.cpus_n);
    out_put_u64(j, "cpus_busy", n.cpus_busy);
    out_put_u64(j, "mem_mib", n.mem_mib);
    out_put_u64(j, "mem_busy_mib", n.mem_busy_mib);
    out_end(j);
}

/* The power cap, and what of the one of this hour is taken. */
static void put_power(struct json_out *j, struct daemon *d, usec_t now_at)
{
    struct core_power_use power = core_power_use(daemon_core(d), now_at);
    const char *cap = daemon_power_cap(d);
    out_put_str(j, "power_cap", str_of(cap ? cap : ""));
    out_put_u64(j, "power_cap_w", power.cap_w);
    out_put_u64(j, "power_booked_w", power.booked_w);
    out_put_u64(j, "power_foreign_w", power.foreign_w);
}

/* How forecasts came true: of the team, or of one person with what moving their starts later did. */
static void put_forecasts(struct json_out *j, const struct core *core, person_no no)
{
    struct core_calibration f = core_calibration(core, no);
    out_key(j, "forecasts");
    out_object(j);
    out_put_u64(j, "scored", f.scored);
    out_put_u64(j, "inside", f.inside);
    if (no) {
        out_put_bool(j, "hold", f.holds);
        out_put_u64(j, "moved", f.moved);
        out_put_u64(j, "missed", f.missed);
        out_put_u64(j, "would", f.would);
        out_put_u64(j, "right", f.right);
    }
    out_end(j);
}

/* How much this person's jobs count, and of what: for them alone. */
static void put_weight(struct json_out *j, const struct core *core, person_no no)
{
    struct core_weight w = core_weight(core, no);
    out_key(j, "weight");
    out_object(j);
    out_put_bool(j, "counts", w.counts);
    out_put_u64(j, "all_milli", w.all_milli);
    out_put_u64(j, "own_milli", w.own_milli);
    out_put_u64(j, "fair_milli", w.fair_milli);
    out_put_u64(j, "results_milli", w.results_milli);
    out_put_u64(j, "delay_milli", w.delay_milli);
    out_put_u64(j, "gpu_milli", w.gpu_milli);
    out_put_u64(j, "hours_milli", w.hours_milli);
    out_put_u64(j, "results", w.results);
    out_put_u64(j, "team_results_milli", w.team_results_milli);
    out_put_u64(j, "delay_us", w.delay_us);
    out_put_u64(j, "team_delay_us", w.team_delay_us);
    out_put_u64(j, "gpu_us", w.gpu_us);
    out_put_u64(j, "team_gpu_us", w.team_gpu_us);
    out_end(j);
}

/* Who has used how much of the allowance of urgent submits: for all to see, that is what makes it one. */
static void put_urgent(struct json_out *j, struct daemon *d)
{
    const struct people *people = daemon_people(d);
    usec_t now_at = daemon_now(d).wall_at;
    out_put_u64(j, "urgent_allowed", core_urgent(daemon_core(d), 0, now_at).most);
    out_key(j, "urgent");
    out_array(j);
    for (uint32_t i = 1; i <= people_n(people); i++) {
        struct core_urgent u = core_urgent(daemon_core(d), (person_no)i, now_at);
        if (u.used == 0)
            continue;
        out_object(j);
        out_put_clean(j, "person", str_of(people_name(people, (person_no)i)));
        out_put_u64(j, "used", u.used);
        out_put_at(j, "free_at", u.free_at);
        out_end(j);
    }
    out_end(j);
}

static void put_quota(struct json_out *j, const char *key, const char *name, struct core_quota q)
{
    if (!q.gpus_max && !q.hours)
        return;
    out_object(j);
    out_put_clean(j, key, str_of(name));
    out_put_u64(j, "gpus", q.gpus);
    out_put_u64(j, "gpus_max", q.gpus_max);
    out_put_u64(j, "gpu_hours", (uint64_t)(q.used_us / USEC_PER_HOUR));
    out_put_u64(j, "gpu_hours_max", q.hours);
    out_put_u64(j, "days", q.days);
    out_put_at(j, "free_at", q.free_at);
    out_end(j);
}

/* What projects have of what they may: for all to see, as they share it. */
static void put_quotas(struct json_out *j, struct daemon *d)
{
    out_key(j, "accounts");
    out_array(j);
    for (uint32_t i = 1; i <= ACCOUNTS_MAX; i++)
        put_quota(j, "account", daemon_account_name(d, i), core_account_quota(daemon_core(d), i));
    out_end(j);
}

/* One's own, and those of the accounts that are open to oneself. */
static void put_own_quotas(struct json_out *j, struct daemon *d, person_no no)
{
    const char *name = people_name(daemon_people(d), no);
    out_key(j, "quotas");
    out_array(j);
    put_quota(j, "person", name, core_person_quota(daemon_core(d), no));
    for (uint32_t i = 1; i <= ACCOUNTS_MAX; i++)
        if (daemon_account_may(d, i, name))
            put_quota(j, "account", daemon_account_name(d, i), core_account_quota(daemon_core(d), i));
    out_end(j);
}

void team_write_guards(struct json_out *j, struct daemon *d)
{
    const char *word;
    out_key(j, "guards");
    out_array(j);
    for (uint32_t i = 0; (word = daemon_guard(d, i)) != NULL; i++)
        out_c(j, word);
    out_end(j);
}

/* Of a policy without modes: null. */
static void put_week(struct json_out *j, const struct daemon *d)
{
    struct week_now w;
    daemon_week(d, &w);
    out_key(j, "mode_of_week");
    if (!w.of_blend) {
        out_null(j);
        return;
    }
    out_object(j);
    out_put_c(j, "mode", mode_word(w.mode));
    out_put_bool(j, "weekly", w.weekly);
    out_put_at(j, "since_at", w.since_at);
    out_put_c(j, "state", week_state_word(w.state));
    out_put_at(j, "until_at", w.until_at);
    out_put_i64(j, "weeks", w.weeks);
    out_put_i64(j, "results", w.results);
    out_key(j, "seen_us");
    out_object(j);
    for (int m = 0; m < MODE_COUNT; m++)
        out_put_i64(j, mode_word((enum mode)m), w.seen_mh[m] * (USEC_PER_HOUR / 1000));
    out_end(j);
    out_put_bool(j, "running", w.running);
    out_put_bool(j, "failed", w.failed);
    out_end(j);
}

void team_status(struct call *c)
{
    struct daemon *d = c->web->daemon;
    const struct people *people = daemon_people(d);
    struct daemon_status s;
    struct buf b;
    struct json_out j;
    char hash[24];
    struct http_counts clients = http_count(c->web->http);
    person_no me = people_find_uid(people, c->peer.uid);
    daemon_status(d, &s);
    snprintf(hash, sizeof hash, "%016llx", (unsigned long long)s.hash);
    web_start(&b, &j);
    out_put_c(&j, "version", EOUL_VERSION);
    out_put_c(&j, "mode", s.mode);
    out_put_i64(&j, "pid", s.pid);
    out_put_at(&j, "started_at", s.started_at);
    out_put_at(&j, "now_at", daemon_now(d).wall_at);
    out_put_str(&j, "socket", str_of(s.socket_path));
    out_put_str(&j, "state_dir", str_of(s.state_dir));
    put_counts(&j, daemon_core(d));
    out_key(&j, "journal");
    out_object(&j);
    out_put_u64(&j, "seq", s.journal_seq);
    out_put_c(&j, "hash", hash);
    out_end(&j);
    out_key(&j, "clients");
    out_object(&j);
    out_put_u64(&j, "connections", clients.connections);
    out_put_u64(&j, "waiting", clients.parked);
    out_put_u64(&j, "refused", clients.refused);
    out_put_u64(&j, "expired", clients.expired);
    out_end(&j);
    out_put_bool(&j, "queue_closed", s.queue_closed);
    out_put_c(&j, "policy", policy_word(s.policy));
    put_week(&j, d);
    team_write_guards(&j, d);
    put_forecasts(&j, daemon_core(d), 0);
    put_urgent(&j, d);
    put_quotas(&j, d);
    put_power(&j, d, daemon_now(d).wall_at);
    boosts_write(&j, c->web, &c->peer);
    out_key(&j, "notes");
    out_array(&j);
    daemon_notes(d, c->err.translate, put_note, &j);
    if (c->web->door_failed)
        out_c(&j, tr(c->r->lang, "Feeds are not served: their port cannot be listened at; is it taken?"));
    out_end(&j);
    out_put_clean(&j, "me", me ? str_of(people_name(people, me)) : (struct str){ 0 });
    out_end(&j);
    web_reply_json(c->web, c->r, &b);
}

/* The daemon writes the file with its own rights, so only whoever owns them may say where. */
void team_backup(struct call *c)
{
    struct json_in_field f[] = { { "path", JSON_IN_STR, true, NULL } };
    json_t *body = NULL;
    struct buf b;
    struct json_out j;
    uint64_t bytes = 0;
    int code = daemon_is_operator(c->web->daemon, &c->peer)
                   ? json_in_parse(c->r->body, &body, &c->err)
                   : err_set(&c->err, E_DENIED, "Only whoever runs the daemon may copy its store.");
    if (code == 0)
        code = json_in_object(body, "request", f, 1, &c->err);
    if (code == 0)
        code = daemon_backup(c->web->daemon, json_in_str(&f[0]), &bytes, &c->err);
    if (code < 0) {
        web_reply_error(c->web, c->r, &c->err, -1);
    } else {
        web_start(&b, &j);
        out_put_str(&j, "path", json_in_str(&f[0]));
        out_put_u64(&j, "bytes", bytes);
        out_end(&j);
        web_reply_json(c->web, c->r, &b);
    }
    json_decref(body);
}

/* --- GPUs ---------------------------------------------------------------------------------------------------- */

static const char *gpu_state_word(enum gpu_state state)
{
    static const char *const words[] = { "up", "drained", "foreign", "quarantined", "gone" };
    _Static_assert(sizeof words / sizeof words[0] == GPU_STATE_COUNT, "one word a state");
    return words[state];
}

/* Which plan row runs on each GPU. */
static void holders(const struct view *v, const struct plan_row *ret[CORE_GPUS_MAX])
{
    for (uint32_t i = 0; i < v->plan.rows_n && v->plan.rows[i].state != JOB_PENDING; i++)
        for (uint32_t gpu = 0; gpu < CORE_GPUS_MAX; gpu++)
            if (v->plan.rows[i].gpu_mask >> gpu & 1)
                ret[gpu] = &v->plan.rows[i];
}

static void put_holder(struct json_out *j, const struct view *v, const struct plan_row *row)
{
    struct core_job job;
    struct job_info info;
    char text[VIEW_NAME_ID_MAX] = "";
    const char *owner = "";
    if (row && core_job_get(daemon_core(v->daemon), row->job, &job) &&
        daemon_job_info(v->daemon, row->job, &info)) {
        view_name_id(job.id, job.array_id, job.array_index, text);
        if (daemon_shown(v->daemon, v->peer, info.uid, info.owner) != SHOWN_BUSY)
            owner = people_name(daemon_people(v->daemon), info.owner);
    }
    out_put_c(j, "job", text);
    out_put_clean(j, "owner", str_of(owner));
    out_put_at(j, "until_at", row ? row->end_p50_at : 0);
}

static void put_gpus(struct json_out *j, const struct view *v)
{
    struct daemon *d = v->daemon;
    const struct plan_row *rows[CORE_GPUS_MAX] = { NULL };
    bool told = daemon_shown(d, v->peer, -1, 0) != SHOWN_BUSY;
    holders(v, rows);
    out_key(j, "gpus");
    out_array(j);
    for (uint32_t i = 0; i < daemon_gpus_n(d); i++) {
        struct daemon_gpu gpu;
        struct core_gpu core = { .state = GPU_GONE };
        if (!daemon_gpu_get(d, i, &gpu))
            continue;
        (void)core_gpu_get(daemon_core(d), i, &core); /* not told yet: gone */
        out_object(j);
        out_put_u64(j, "gpu", i);
        out_put_clean(j, "uuid", str_of(gpu.uuid));
        out_put_clean(j, "model", str_of(gpu.model));
        out_put_c(j, "state", gpu_state_word(core.state));
        put_holder(j, v, rows[i]);
        out_put_clean(j, "foreign_user", gpu.foreign && told ? str_of(gpu.foreign_name) : (struct str){ 0 });
        out_put_i64(j, "memory_mib", gpu.memory_mib);
        out_put_i64(j, "memory_used_mib", gpu.memory_used_mib);
        out_put_i64(j, "power_mw", gpu.power_mw);
        out_put_i64(j, "full_mw", core.watts_mw);
        out_put_i64(j, "utilisation", gpu.utilisation);
        out_end(j);
    }
    out_end(j);
}

void team_gpus(struct call *c)
{
    struct view v;
    struct daemon_status s;
    struct buf b;
    struct json_out j;
    struct core_counts n = core_count(daemon_core(c->web->daemon));
    if (view_init(&v, c->web->daemon, &c->peer, &c->err) < 0) {
        web_reply_error(c->web, c->r, &c->err, -1);
        return;
    }
    daemon_status(c->web->daemon, &s);
    web_start(&b, &j);
    out_put_c(&j, "source", s.gpu_source);
    out_put_str(&j, "lock_dir", str_of(s.lock_dir));
    out_put_at(&j, "now_at", v.now_at);
    put_gpus(&j, &v);
    out_put_u64(&j, "cpus", n.cpus_n);
    out_put_u64(&j, "cpus_busy", n.cpus_busy);
    put_power(&j, c->web->daemon, v.now_at);
    out_end(&j);
    web_reply_json(c->web, c->r, &b);
}

/* --- people ------------------------------------------------------------------------------------------------------ */

/* Quarters of an hour, inside the windows: when exactly an appointment ends is its owner's affair. */
static size_t coarsen(struct span *windows, size_t n)
{
    size_t kept = 0;
    for (size_t i = 0; i < n; i++) {
        usec_t from_at = (windows[i].from_at + WEB_GRAIN_US - 1) / WEB_GRAIN_US * WEB_GRAIN_US;
        usec_t until_at = windows[i].until_at / WEB_GRAIN_US * WEB_GRAIN_US;
        if (from_at < until_at)
            windows[kept++] = (struct span){ from_at, until_at };
    }
    return kept;
}

/* [[from_at, until_at], ...] of the days in the range. */
static void put_windows(struct json_out *j, const char *key, const struct people *people,
                        person_no no, bool own, struct span range)
{
    struct span windows[PEOPLE_WINDOWS_MAX];
    size_t n = 0;
    out_key(j, key);
    out_array(j);
    if (people_windows(people, no, range, windows, &n) == 0) {
        n = own ? n : coarsen(windows, n);
        for (size_t i = 0; i < n; i++) {
            out_array(j);
            out_i64(j, windows[i].from_at);
            out_i64(j, windows[i].until_at);
            out_end(j);
        }
    }
    out_end(j);
}

static void put_look(struct json_out *j, const struct people *people, person_no no, bool own,
                     usec_t now_at, int days)
{
    put_windows(j, "look", people, no, own, (struct span){ now_at, now_at + days * USEC_PER_DAY });
}

static bool is_present(const struct people *people, person_no no, bool own, usec_t now_at)
{
    struct span windows[PEOPLE_WINDOWS_MAX];
    size_t n = 0;
    struct span range = { now_at - WEB_GRAIN_US, now_at + 2 * WEB_GRAIN_US };
    if (people_windows(people, no, range, windows, &n) < 0)
        return false;
    return spans_contain(windows, own ? n : coarsen(windows, n), now_at);
}

void team_people(struct call *c)
{
    struct daemon *d = c->web->daemon;
    const struct people *people = daemon_people(d);
    struct buf b;
    struct json_out j;
    web_start(&b, &j);
    out_key(&j, "people");
    out_array(&j);
    for (uint32_t i = 1; i <= people_n(people); i++) {
        struct person person;
        if (!people_get(people, (person_no)i, &person))
            continue;
        out_object(&j);
        out_put_clean(&j, "name", str_of(person.name));
        out_put_c(&j, "zone", person.zone_name);
        bool own = person.uid == (int64_t)c->peer.uid;
        out_put_bool(&j, "me", own);
        out_put_bool(&j, "present", is_present(people, (person_no)i, own, daemon_now(d).wall_at));
        out_end(&j);
    }
    out_end(&j);
    out_end(&j);
    web_reply_json(c->web, c->r, &b);
}

/* [[from_at, until_at, deputy], ...] */
static void put_leaves(struct json_out *j, const struct people *people, person_no no)
{
    struct person_leave leave;
    out_key(j, "leaves");
    out_array(j);
    for (uint32_t i = 0; people_leave(people, no, i, &leave); i++) {
        out_array(j);
        out_i64(j, leave.from_at);
        out_i64(j, leave.until_at);
        out_clean(j, leave.deputy ? str_of(people_name(people, leave.deputy)) : (struct str){ 0 });
        out_end(j);
    }
    out_end(j);
}

/* [[from_at, until_at, focus], ...]; for the person alone. */
static void put_offers(struct json_out *j, const struct people *people, person_no no, usec_t now_at,
                       int days)
{
    struct offer offers[PEOPLE_WINDOWS_MAX];
    size_t n = 0;
    struct span range = { now_at, now_at + days * USEC_PER_DAY };
    out_key(j, "offered");
    out_array(j);
    if (people_offers(people, no, range, offers, &n) == 0)
        for (size_t i = 0; i < n; i++) {
            out_array(j);
            out_i64(j, offers[i].from_at);
            out_i64(j, offers[i].until_at);
            out_bool(j, offers[i].focus != 0);
            out_end(j);
        }
    out_end(j);
}

void team_write_me(struct web *web, person_no no, enum lang lang, struct json_out *j)
{
    const struct people *people = daemon_people(web->daemon);
    struct person me;
    if (!people_get(people, no, &me))
        return;
    out_put_clean(j, "name", str_of(me.name));
    out_put_c(j, "lang", lang_word(me.lang_known ? me.lang : lang));
    out_put_c(j, "zone", me.zone_name);
    out_put_c(j, "zone_from", me.zone_from);
    out_put_clean(j, "hours", str_of(me.hours));
    out_put_c(j, "hours_from", me.hours_from);
    if (strcmp(me.hours_from, "default") == 0)
        out_put_c(j, "hint", tr(lang, "These hours are a guess; say yours with \"eoul me hours "
                                       "'Mon-Fri 09:00-18:00'\", so that results are there when you "
                                       "can look."));
    out_put_clean(j, "work", str_of(me.work));
    out_put_c(j, "work_from", me.work_from);
    out_put_clean(j, "focus", str_of(me.focus));
    out_put_i64(j, "cap_us", me.cap_us);
    out_put_i64(j, "buffer_us", me.buffer_us);
    out_put_bool(j, "defer", me.defer);
    put_forecasts(j, daemon_core(web->daemon), no);
    put_weight(j, daemon_core(web->daemon), no);
    put_own_quotas(j, web->daemon, no);
    out_put_at(j, "away_from_at", me.away_from_at);
    out_put_at(j, "away_until_at", me.away_until_at);
    out_put_at(j, "here_until_at", me.here_until_at);
    out_put_u64(j, "calendars_n", calendars_n(people, no));
    put_leaves(j, people, no);
    put_look(j, people, no, true, daemon_now(web->daemon).wall_at, ME_DAYS);
    usec_t now_at = daemon_now(web->daemon).wall_at;
    put_windows(j, "looked", people, no, true,
                (struct span){ now_at - LOOKED_DAYS * USEC_PER_DAY, now_at + USEC_PER_DAY });
    put_offers(j, people, no, daemon_now(web->daemon).wall_at, ME_DAYS);
}

/* --- the plan ------------------------------------------------------------------------------------------------------ */

static void put_plan_people(struct json_out *j, const struct view *v, const bool *in_plan, person_no me)
{
    const struct people *people = daemon_people(v->daemon);
    out_key(j, "people");
    out_array(j);
    for (uint32_t i = 1; i <= people_n(people); i++) {
        struct person person;
        if ((!in_plan[i] && i != me) || !people_get(people, (person_no)i, &person))
            continue;
        out_object(j);
        out_put_clean(j, "name", str_of(person.name));
        out_put_c(j, "zone", person.zone_name);
        put_look(j, people, (person_no)i, i == me, v->now_at, PLAN_DAYS);
        out_end(j);
    }
    out_end(j);
}

void team_plan(struct call *c)
{
    struct daemon *d = c->web->daemon;
    struct view v = { 0 };
    struct buf b;
    struct json_out j;
    uint64_t limit = 0, rows = 0;
    uint32_t waiting = 0;
    bool in_plan[CORE_PERSONS_MAX + 1] = { false };
    int code = web_query_u64(c, "limit", PLAN_ROWS_DEFAULT, WEB_ROWS_MAX, &limit);
    if (code == 0)
        code = view_init(&v, d, &c->peer, &c->err);
    if (code < 0) {
        web_reply_error(c->web, c->r, &c->err, -1);
        return;
    }
    web_start(&b, &j);
    out_put_u64(&j, "number", v.plan.number);
    out_put_at(&j, "now_at", v.now_at);
    put_gpus(&j, &v);
    out_put_u64(&j, "cpus", core_count(daemon_core(d)).cpus_n);
    out_put_u64(&j, "rows_n", v.plan.rows_n);
    out_key(&j, "rows");
    out_array(&j);
    for (uint32_t i = 0; i < v.plan.rows_n && (limit == 0 || rows < limit); rows++) {
        struct view_row row;
        struct job_info info;
        const struct plan_row *planned = &v.plan.rows[i];
        i += view_planned(&v, i, true, &waiting, &row);
        if (!row.owner)
            continue;
        out_object(&j);
        view_write(&j, &row);
        view_write_mask(&j, "planned_gpus", planned->gpu_mask);
        if (row.shown != SHOWN_BUSY && daemon_stalled_at(d, planned->job))
            out_put_at(&j, "stalled_at", daemon_stalled_at(d, planned->job));
        out_end(&j);
        if (row.shown != SHOWN_BUSY && daemon_job_info(d, planned->job, &info) &&
            info.owner <= CORE_PERSONS_MAX)
            in_plan[info.owner] = true;
    }
    out_end(&j);
    todos_write_plan(&j, c->web, &v.plan, people_find_uid(daemon_people(d), c->peer.uid),
                     in_plan);
    put_plan_people(&j, &v, in_plan, people_find_uid(daemon_people(d), c->peer.uid));
    reserve_write(&j, c->web, &c->peer);
    out_end(&j);
    web_reply_json(c->web, c->r, &b);
}
