/* web.c - see web.h: the table of routes, and what every reply has in common. */
#include "web/web.h"

#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include "web/door.h"

/* A pattern is compared piece by piece; {} matches one piece, which becomes call.part[i].  Names of
 * query parameters are all there are: others are refused. */
static const struct route {
    bool post;
    const char *pattern;
    void (*handle)(struct call *c);
    const char *const *query;
} routes[] = {
#define QUERY(...) (const char *const[]){ __VA_ARGS__ __VA_OPT__(,) NULL }
    { true, "/v1/jobs", ops_submit, QUERY() },
    { false, "/v1/jobs", jobs_list, QUERY("state", "owner", "account", "limit", "after", "all", "brief") },
    { false, "/v1/jobs/{}", jobs_show, QUERY() },
    { false, "/v1/jobs/{}/wait", waits_wait, QUERY("version", "timeout_s") },
    { false, "/v1/jobs/{}/why", jobs_why, QUERY("zone") },
    { false, "/v1/jobs/{}/tail", jobs_tail, QUERY("bytes") },
    { true, "/v1/jobs/{}/attach", attach_job, QUERY() },
    { true, "/v1/jobs/{}/{}", ops_action, QUERY() },
    { true, "/v1/actions", batch_action, QUERY() },
    { false, "/v1/sweeps/{}", sweeps_show, QUERY("after", "limit") },
    { false, "/v1/plan", team_plan, QUERY("limit") },
    { false, "/v1/gpus", team_gpus, QUERY() },
    { true, "/v1/gpus/{}/{}", ops_gpu, QUERY() },
    { false, "/v1/people", team_people, QUERY() },
    { false, "/v1/me", team_me, QUERY("for") },
    { true, "/v1/me", ops_me_change, QUERY() },
    { false, "/v1/me/data", data_show, QUERY("for") },
    { false, "/v1/me/habit", habit_show, QUERY("for") },
    { false, "/v1/me/calendars", calendars_list, QUERY("for", "name", "timeout_s") },
    { true, "/v1/me/calendars", calendars_put, QUERY() },
    { true, "/v1/me/calendars/{}/{}", calendars_action, QUERY() },
    { false, "/v1/me/notify", notify_list, QUERY("for", "name", "timeout_s") },
    { true, "/v1/me/notify", notify_add, QUERY() },
    { true, "/v1/me/notify/{}/{}", notify_action, QUERY() },
    { false, "/v1/me/feeds", feeds_list, QUERY("for") },
    { true, "/v1/me/feeds", feeds_add, QUERY() },
    { true, "/v1/me/feeds/{}/{}", feeds_remove, QUERY() },
    { false, "/v1/links", links_list, QUERY() },
    { true, "/v1/links", links_add, QUERY() },
    { true, "/v1/links/{}/{}", links_action, QUERY() },
    { false, "/v1/todos", todos_list, QUERY("for", "ended") },
    { true, "/v1/todos", todos_add, QUERY() },
    { false, "/v1/todos/{}", todos_show, QUERY("for") },
    { true, "/v1/todos/{}/{}", todos_action, QUERY() },
    { false, "/v1/reservations", reserve_list, QUERY() },
    { true, "/v1/reservations", reserve_add, QUERY() },
    { true, "/v1/reservations/{}/{}", reserve_action, QUERY() },
    { false, "/v1/boosts", boosts_list, QUERY() },
    { true, "/v1/boosts", boosts_add, QUERY() },
    { true, "/v1/boosts/{}/{}", boosts_action, QUERY() },
    { false, "/v1/refusals", refusals_list, QUERY("for") },
    { false, "/v1/refusals/{}/why", refusals_why, QUERY("zone") },
    { false, "/v1/status", team_status, QUERY() },
    { true, "/v1/reload", ops_reload, QUERY() },
    { true, "/v1/down", ops_down, QUERY() },
    { true, "/v1/backup", team_backup, QUERY() },
#undef QUERY
};
#define ROUTES_N (sizeof routes / sizeof routes[0])

/* --- replies ---------------------------------------------------------------------------------------- */

void web_start(struct buf *b, struct json_out *j)
{
    buf_init(b, WEB_REPLY_MAX);
    out_init(j, b);
    out_object(j);
}

void web_reply_error(struct web *web, struct http_request *r, const struct err *err, int64_t item)
{
    web_reply_refusal(web, r, err, item, 0);
}

void web_reply_refusal(struct web *web, struct http_request *r, const struct err *err, int64_t item, uint32_t refusal)
{
    struct buf b;
    struct json_out j;
    (void)web;
    web_start(&b, &j);
    out_key(&j, "error");
    out_object(&j);
    out_put_c(&j, "code", err_word(err->code));
    out_put_clean(&j, "message", str_of(err->text));
    if (item >= 0)
        out_put_i64(&j, "item", item);
    if (refusal)
        out_put_u64(&j, "refusal", refusal);
    out_end(&j);
    out_end(&j);
    buf_char(&b, '\n');
    http_reply(r, err_http_status(err->code), "application/json", &b);
}

void web_reply_json(struct web *web, struct http_request *r, struct buf *b)
{
    buf_char(b, '\n'); /* for curl in a terminal */
    if (b->failed) {
        struct err err = { .translate = tr_of(r->lang) };
        buf_finish(b);
        *b = (struct buf){ 0 };
        err_set(&err, E_BUSY, "The answer needs more memory than there is; ask for fewer rows.");
        web_reply_error(web, r, &err, -1);
        return;
    }
    http_reply(r, 200, "application/json", b);
}

/* --- small checks ------------------------------------------------------------------------------------- */

int web_query_u64(struct call *c, const char *name, uint64_t otherwise, uint64_t max, uint64_t *ret)
{
    struct str text = http_query(c->r, name);
    uint64_t value;
    if (!text.ptr) {
        *ret = otherwise;
        return 0;
    }
    if (str_u64(text, &value) < 0 || value > max)
        return err_set(&c->err, E_INVALID,
                       "The parameter \"%s\" must be a whole number from 0 to %llu.", name,
                       (unsigned long long)max);
    *ret = value;
    return 0;
}

int web_query_flag(struct call *c, const char *name, bool *ret)
{
    uint64_t value;
    int code = web_query_u64(c, name, 0, 1, &value);
    *ret = code == 0 && value == 1;
    return code;
}

int web_may_act_for(const struct web *web, const struct op_peer *peer, struct err *err)
{
    struct daemon_status status;
    daemon_status(web->daemon, &status);
    if (strcmp(status.mode, "system") != 0 && peer->uid == status.owner_uid)
        return 0;
    return err_set(err, E_DENIED,
                   "Only who started this daemon may act for somebody else, and only outside system "
                   "mode.");
}

int web_may_look(struct web *web, const struct op_peer *peer, const struct job_ref *ref, enum config_shown *ret,
                 struct err *err)
{
    struct store_request r;
    int code = store_request_get(daemon_store(web->daemon), ref->id, &r);
    if (code < 0)
        return err_set(err, code, "Job %u cannot be looked up.", ref->id);
    *ret = daemon_shown(web->daemon, peer, (int64_t)r.uid, (person_no)r.owner);
    store_reset(daemon_store(web->daemon));
    if (*ret == SHOWN_BUSY)
        return err_set(err, E_DENIED, "Job %u is somebody else's; of others' jobs this team shows only that they "
                       "are there.", ref->id);
    return 0;
}

int web_whom(struct call *c, person_no *ret)
{
    const struct people *people = daemon_people(c->web->daemon);
    struct str name = http_query(c->r, "for");
    *ret = people_find_uid(people, c->peer.uid);
    if (name.len == 0)
        return 0;
    int code = web_may_act_for(c->web, &c->peer, &c->err);
    *ret = people_find_name(people, name);
    if (code == 0 && !*ret)
        code = err_set(&c->err, E_NOT_FOUND, "Nobody of the team is called \"%.*s\".",
                       (int)(name.len < 64 ? name.len : 64), name.ptr);
    return code;
}

int web_whose(struct call *c, person_no *ret)
{
    const struct daemon *d = c->web->daemon;
    int code = web_whom(c, ret);
    return code < 0 ? code : calendars_may(daemon_people(c->web->daemon), d, &c->peer, *ret, &c->err);
}

/* --- routing ------------------------------------------------------------------------------------------- */

static bool match(const char *pattern, struct str path, struct str part[2])
{
    struct str want = str_of(pattern), a, b;
    unsigned n = 0;
    for (;;) {
        bool more = str_next(&want, '/', &a);
        if (str_next(&path, '/', &b) != more)
            return false;
        if (!more)
            return true;
        if (str_is(a, "{}")) {
            if (b.len == 0)
                return false;
            part[n++] = b;
        } else if (!str_eq(a, b)) {
            return false;
        }
    }
}

static void refuse_path(struct call *c, bool other_method)
{
    if (other_method) {
        c->r->allow = c->r->is_post ? "GET" : "POST";
        err_set(&c->err, E_USAGE, "\"%.*s\" is asked with %s, not with %s.",
                (int)(c->r->path.len < 100 ? c->r->path.len : 100), c->r->path.ptr, c->r->allow,
                c->r->is_post ? "POST" : "GET");
    } else {
        err_set(&c->err, E_NOT_FOUND, "There is nothing at \"%.*s\"; doc/api.yaml lists what there is.",
                (int)(c->r->path.len < 100 ? c->r->path.len : 100), c->r->path.ptr);
    }
    web_reply_error(c->web, c->r, &c->err, -1);
}

static void on_request(void *data, struct http_request *r)
{
    struct call c = { .web = data, .r = r, .err = { .translate = tr_of(r->lang) } };
    bool other_method = false;
    c.peer = (struct op_peer){ r->peer.uid, r->peer.gid, r->peer.pid };
    if (!daemon_lets_in(c.web->daemon, &c.peer)) { /* a connection outlives a role */
        err_set(&c.err, E_DENIED, "You have no way in any more; an operator can give you one.");
        web_reply_error(c.web, r, &c.err, -1);
        return;
    }
    for (size_t i = 0; i < ROUTES_N; i++) {
        if (!match(routes[i].pattern, r->path, c.part))
            continue;
        if (routes[i].post != r->is_post) {
            other_method = true;
            continue;
        }
        const char *unknown = http_query_unknown(r, routes[i].query);
        if (unknown) {
            err_set(&c.err, E_INVALID, "There is no parameter \"%.64s\" here.", unknown);
            web_reply_error(c.web, r, &c.err, -1);
            return;
        }
        routes[i].handle(&c);
        return;
    }
    refuse_path(&c, other_method);
}

/* --- life -------------------------------------------------------------------------------------------- */

/* Outside system mode there is but one user, or a team that trusts its owner: no cap but the total. */
#define PER_USER_MAX 128
#define MMAP_FROM (256 * 1024)

/* jansson's reader (2.14, lex_save) does not look whether a letter found room: a name would lack it from then on, in the
 * store too. */
static void *json_memory(size_t size)
{
    void *p = malloc(size);
    if (!p)
        daemon_no_memory("json");
    return p;
}

int web_create(struct web **ret, struct daemon *d, struct loop *loop)
{
    struct web *web = calloc(1, sizeof *web);
    struct daemon_status status;
    if (!web)
        return E_NO_MEMORY;
    json_set_alloc_funcs(json_memory, free);
    daemon_status(d, &status);
    web->daemon = d;
    web->loop = loop;
    const struct http_options options = {
        .per_user_max = strcmp(status.mode, "personal") == 0 ? 0 : PER_USER_MAX,
        .handler = on_request, .data = web,
    };
    int code = http_create(loop, &options, &web->http, NULL);
    if (code < 0) {
        free(web);
        return code;
    }
    /* Answers of megabytes come and go: give their memory back to the system instead of letting malloc
     * learn to keep it. */
    (void)mallopt(M_MMAP_THRESHOLD, MMAP_FROM);
    daemon_on_change(d, waits_on_change, web);
    code = door_open(web);
    if (code < 0) /* jobs are not kept waiting by it; "eoul status" says so */
        web->door_failed = true;
    *ret = web;
    return 0;
}

void web_destroy(struct web *web)
{
    if (!web)
        return;
    daemon_on_change(web->daemon, NULL, NULL);
    waits_finish(web);
    door_close(web);
    http_destroy(web->http);
    ops_drop_all(web);
    free(web);
}

void web_take_connection(struct web *web, int fd, const struct op_peer *peer)
{
    const struct http_peer who = { peer->uid, peer->gid, peer->pid };
    http_take(web->http, fd, &who);
}

void web_before_sleep(struct web *web)
{
    holds_look(web);
    http_flush(web->http);
    door_flush(web);
}
