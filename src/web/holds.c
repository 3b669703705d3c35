/* holds.c - answers kept back until something under way is over: a calendar being read, a notice on its
 * way.  As in waits.c nothing is polled: what ends such a thing wakes the loop, and before the loop sleeps
 * again each answer still held is looked at (holds_look); there are as many as people at a prompt.
 */
#include <stdlib.h>
#include <string.h>

#include "web/internal.h"

struct hold {
    struct web *web;
    struct http_request *r;
    const struct hold_kind *kind;
    person_no no;
    struct loop_timer timeout;
    struct hold *previous, *next;
    char name[HOLD_NAME_MAX + 1]; /* empty: all of that person's */
};

static void hold_free(struct hold *h)
{
    loop_timer_cancel(h->web->loop, &h->timeout);
    *(h->previous ? &h->previous->next : &h->web->holds) = h->next;
    if (h->next)
        h->next->previous = h->previous;
    free(h);
}

static void let_go(struct hold *h)
{
    h->kind->reply(h->web, h->r, h->no);
    hold_free(h);
}

static void on_timeout(struct loop_timer *t, void *data)
{
    (void)t;
    let_go(data);
}

static void on_gone(void *data, struct http_request *r)
{
    (void)r;
    hold_free(data);
}

void holds_look(struct web *web)
{
    struct hold *next;
    for (struct hold *h = web->holds; h; h = next) {
        next = h->next;
        if (!h->kind->busy(h->web, h->no, str_of(h->name)))
            let_go(h); /* NOLINT(clang-analyzer-unix.Malloc): who is freed leaves the list */
    }
}

static int keep(struct call *c, const struct hold_kind *kind, person_no no, struct str name,
                usec_t timeout_us)
{
    struct web *web = c->web;
    struct hold *h = malloc(sizeof *h);
    usec_t until = loop_now(web->loop).boot_at + timeout_us;
    if (!h)
        return err_set(&c->err, E_NO_MEMORY, "There is not enough memory for this request.");
    *h = (struct hold){ .web = web, .r = c->r, .kind = kind, .no = no, .next = web->holds };
    if (name.len)
        memcpy(h->name, name.ptr, name.len);
    if (loop_timer_set(web->loop, &h->timeout, until, on_timeout, h) < 0) {
        free(h);
        return err_set(&c->err, E_NO_MEMORY, "There is not enough memory for this request.");
    }
    if (h->next)
        h->next->previous = h;
    web->holds = h;
    http_await(c->r, on_gone, h);
    return 0;
}

void holds_reply(struct call *c, const struct hold_kind *kind)
{
    struct str name = http_query(c->r, "name");
    uint64_t seconds = 0;
    person_no no = 0;
    int code = web_whose(c, &no);
    if (code == 0)
        code = web_query_u64(c, "timeout_s", 0, HOLD_S_MAX, &seconds);
    if (code == 0 && name.len > HOLD_NAME_MAX)
        code = err_set(&c->err, E_NOT_FOUND, "Nothing of that person's is called \"%.*s\".",
                       STR_ARG(str_slice(name, 0, HOLD_NAME_MAX)));
    if (code == 0 && seconds > 0 && kind->busy(c->web, no, name))
        code = keep(c, kind, no, name, (usec_t)seconds * USEC_PER_SEC);
    else if (code == 0)
        kind->reply(c->web, c->r, no);
    if (code < 0)
        web_reply_error(c->web, c->r, &c->err, -1);
}
