/* waits.c - requests that wait for a job: parked until a change concerns them, never polled.
 *
 * A waiter without `version` waits for the end: of all tasks, if it named an array.  With `version` it
 * waits for any change of the row; a changed state wakes it at once, a changed place in the plan too,
 * but at most once in RECHECK_US (a plan of 10,000 rows costs milliseconds; a burst of a hundred
 * commits a second must not be paid for by those who watch).
 */
#include <stdlib.h>
#include <string.h>

#include "web/internal.h"

#define TIMEOUT_S_DEFAULT 60
#define TIMEOUT_S_MAX 600
#define RECHECK_US USEC_PER_SEC

struct waiter {
    struct web *web;
    struct http_request *r;
    struct op_peer peer;
    char id[WEB_ID_MAX];
    struct job_ref ref;
    bool has_version;
    uint64_t version;
    struct loop_timer timeout;
    struct waiter *previous, *next;
};

static void waiter_free(struct waiter *w)
{
    loop_timer_cancel(w->web->loop, &w->timeout);
    *(w->previous ? &w->previous->next : &w->web->waiters) = w->next;
    if (w->next)
        w->next->previous = w->previous;
    free(w);
}

static void answer_with_job(struct web *web, struct http_request *r, const struct op_peer *peer,
                            const char *id)
{
    struct buf b;
    struct json_out j;
    struct err err = { .translate = tr_of(r->lang) };
    web_start(&b, &j);
    int code = jobs_write(web, peer, str_of(id), &j, &err);
    out_end(&j);
    if (code == 0) {
        web_reply_json(web, r, &b);
    } else {
        buf_finish(&b);
        web_reply_error(web, r, &err, -1);
    }
}

static void wake(struct waiter *w)
{
    answer_with_job(w->web, w->r, &w->peer, w->id);
    waiter_free(w);
}

static void on_timeout(struct loop_timer *t, void *data)
{
    (void)t;
    wake(data);
}

static void on_gone(void *data, struct http_request *r)
{
    (void)r;
    waiter_free(data);
}

/* Is no task of it live?  Asks the core, not the store: an array's tasks are found by one step. */
static bool all_ended(const struct web *web, const struct job_ref *ref)
{
    struct core_job job;
    return !core_job_after(daemon_core(web->daemon), ref->id - 1, &job) ||
           job.id - ref->id >= ref->tasks;
}

static bool is_due(const struct waiter *w)
{
    struct jobs_glance now;
    if (!w->has_version)
        return all_ended(w->web, &w->ref);
    return jobs_glance(w->web, &w->ref, &now, NULL) < 0 || now.version != w->version;
}

static void on_recheck(struct loop_timer *t, void *data)
{
    struct web *web = data;
    struct waiter *next;
    (void)t;
    web->recheck_set = false;
    web->rechecked_boot_at = loop_now(web->loop).boot_at;
    for (struct waiter *w = web->waiters; w; w = next) {
        next = w->next;
        if (w->has_version && is_due(w))
            wake(w);
    }
}

static bool concerns(const struct waiter *w, const struct daemon_change *changes, uint32_t n)
{
    job_id from = w->ref.id, last = w->ref.id + (w->ref.tasks - 1);
    for (uint32_t i = 0; i < n; i++)
        if (changes[i].job <= last && changes[i].job + (changes[i].n - 1) >= from)
            return true;
    return false;
}

void waits_recheck(struct web *web)
{
    bool watching = false;
    for (const struct waiter *w = web->waiters; w && !watching; w = w->next)
        watching = w->has_version; /* NOLINT(clang-analyzer-unix.Malloc): who is freed leaves the list */
    if (!watching || web->recheck_set)
        return;
    usec_t now = loop_now(web->loop).boot_at;
    usec_t at = web->rechecked_boot_at ? web->rechecked_boot_at + RECHECK_US : now;
    web->recheck_set =
        loop_timer_set(web->loop, &web->recheck, usec_max(at, now), on_recheck, web) == 0;
}

void waits_on_change(const struct daemon_change *changes, uint32_t n, void *data)
{
    struct web *web = data;
    struct waiter *next;
    for (struct waiter *w = web->waiters; w; w = next) {
        next = w->next;
        if (concerns(w, changes, n) && is_due(w))
            wake(w);
    }
    waits_recheck(web);
}

static int read_query(struct call *c, struct waiter *w, usec_t *ret_timeout_us)
{
    struct str version = http_query(c->r, "version");
    uint64_t seconds;
    int code = web_query_u64(c, "timeout_s", TIMEOUT_S_DEFAULT, TIMEOUT_S_MAX, &seconds);
    if (code == 0 && version.ptr) {
        w->has_version = true;
        code = web_query_u64(c, "version", 0, INT64_MAX, &w->version);
    }
    *ret_timeout_us = (usec_t)seconds * USEC_PER_SEC;
    return code;
}

static void park(struct call *c, const struct waiter *asked, usec_t timeout_us)
{
    struct web *web = c->web;
    struct waiter *w = malloc(sizeof *w);
    usec_t until = loop_now(web->loop).boot_at + timeout_us;
    if (!w) {
        err_set(&c->err, E_NO_MEMORY, "There is not enough memory for this request.");
        web_reply_error(web, c->r, &c->err, -1);
        return;
    }
    *w = *asked;
    w->next = web->waiters;
    if (w->next)
        w->next->previous = w;
    web->waiters = w;
    if (loop_timer_set(web->loop, &w->timeout, until, on_timeout, w) < 0) {
        wake(w); /* no memory for a timer: the job as it is now */
        return;
    }
    http_await(c->r, on_gone, w);
}

void waits_wait(struct call *c)
{
    struct waiter w = { .web = c->web, .r = c->r, .peer = c->peer };
    usec_t timeout_us;
    enum config_shown shown;
    int code = read_query(c, &w, &timeout_us);
    if (code == 0 && c->part[0].len >= sizeof w.id)
        code = err_set(&c->err, E_INVALID, "A job is named by its number, such as 12 or 12_3.");
    if (code == 0)
        code = daemon_job_find(c->web->daemon, c->part[0], &w.ref, &c->err);
    if (code == 0)
        code = web_may_look(c->web, &c->peer, &w.ref, &shown, &c->err);
    if (code < 0) {
        web_reply_error(c->web, c->r, &c->err, -1);
        return;
    }
    memcpy(w.id, c->part[0].ptr, c->part[0].len);
    if (timeout_us == 0 || is_due(&w))
        answer_with_job(c->web, c->r, &c->peer, w.id);
    else
        park(c, &w, timeout_us);
}

void waits_finish(struct web *web)
{
    /* http_destroy tells each parked request that it is over, which frees its waiter. */
    loop_timer_cancel(web->loop, &web->recheck);
    web->recheck_set = false;
}
