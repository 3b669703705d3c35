/* tap.c - one answer out of a notice: GET asks whether it is meant, POST gives it, once.
 *
 * Messengers fetch a link to draw a preview of it: only the form's button does anything.
 */
#include <stdio.h>
#include <stdlib.h>

#include "cal/when.h"
#include "web/door.h"
#include "web/form.h"

#define TAP_PAGE_MAX (128u << 10)

struct tap_form {
    char until[WHEN_TEXT_MAX], id[16];
};

/* The name of what it is about, cleaned later. */
static void put_subject(const struct page *p, const struct tap *tap, struct buf *out)
{
    struct daemon *d = p->web->daemon;
    struct todo_info info;
    struct job_info job;
    if (tap->action == TAP_AWAY)
        return;
    buf_c(out, "<h3>");
    buf_u64(out, tap->subject);
    buf_char(out, ' ');
    if (tap->action == TAP_RELEASE) {
        if (daemon_job_info(d, tap->subject, &job) && job.owner == p->no)
            form_html(out, str_of(job.name));
    } else if (todos_get(d, tap->subject, p->no, &info, NULL) == 0 && todos_may_see(&info, p->no)) {
        form_html(out, info.title);
    }
    store_reset(daemon_store(d));
    buf_c(out, "</h3>");
}

static const char *question(const struct tap *tap)
{
    static const char *const texts[TAP_COUNT] = {
        [TAP_DONE] = N_("Is it done?"), [TAP_SNOOZE] = N_("Put it off until later?"),
        [TAP_ACCEPT] = N_("Will you do it?"), [TAP_DECLINE] = N_("Decline it? It costs you nothing."),
        [TAP_RELEASE] = N_("Let this job run? It starts as soon as there is room, tonight if not before."),
        [TAP_AWAY] = N_("Are you away?") };
    return texts[tap->action];
}

static const char *label(const struct tap *tap)
{
    static const char *const texts[TAP_COUNT] = {
        [TAP_DONE] = N_("Done"), [TAP_SNOOZE] = N_("Later"), [TAP_ACCEPT] = N_("Accept"),
        [TAP_DECLINE] = N_("Decline"), [TAP_RELEASE] = N_("Let it run"), [TAP_AWAY] = N_("I am away") };
    return texts[tap->action];
}

/* A page of one sentence, or with the form where `asks`. */
static void reply(struct web *web, struct http_request *r, const struct tap *tap, int status, const char *sentence,
                  bool asks)
{
    struct page p;
    struct buf b = { 0 };
    if (page_init(&p, web, r, tap->person) < 0) {
        http_reply(r, 500, "text/plain", &b);
        return;
    }
    buf_init(&b, TAP_PAGE_MAX);
    page_begin(&p, &b);
    buf_c(&b, status == 200 ? "<section>" : "<section class=\"said bad\">");
    buf_c(&b, "<h2>");
    form_html(&b, str_of(sentence ? sentence : tr(p.lang, question(tap))));
    buf_c(&b, "</h2>");
    put_subject(&p, tap, &b);
    if (asks) {
        buf_c(&b, "<form method=\"post\">");
        if (tap->action == TAP_SNOOZE || tap->action == TAP_AWAY)
            page_choice(&p, &b, tap->action == TAP_AWAY);
        buf_c(&b, "<button class=\"go\" name=\"do\" value=\"yes\">");
        form_html(&b, str_of(tr(p.lang, label(tap))));
        buf_c(&b, "</button></form>");
    }
    buf_c(&b, "</section></main></body></html>\n");
    door_reply(r, status, p.nonce, &b);
}

void tap_show(struct web *web, struct http_request *r, const struct tap *tap)
{
    reply(web, r, tap, 200, NULL, true);
}

static enum lang lang_for(struct web *web, const struct http_request *r, person_no no)
{
    struct person person;
    return people_get(daemon_people(web->daemon), no, &person) && person.lang_known ? person.lang : r->lang;
}

void tap_over(struct web *web, struct http_request *r, const struct tap *tap, int code)
{
    enum lang lang = lang_for(web, r, tap->person);
    reply(web, r, tap, 410,
          code == E_EXISTS ? tr(lang, "This answer has been given already.")
                           : tr(lang, "This link has expired; nothing was done."), false);
}

static void answer_tap(struct web_op *o)
{
    const struct tap tap = o->tap;
    struct web *web = o->web;
    if (o->op.result < 0)
        reply(web, o->r, &tap, err_http_status(o->op.err.code), o->op.err.text, false);
    else
        reply(web, o->r, &tap, 200, tr(lang_for(web, o->r, tap.person), "Thank you, that is noted."), false);
    op_free(o);
}

static int fill(struct web_op *o, const struct page *p, struct tap_form *f, struct err *err)
{
    static const enum todo_action actions[TAP_COUNT] = {
        [TAP_DONE] = TODO_DO_DONE, [TAP_SNOOZE] = TODO_DO_SNOOZE, [TAP_ACCEPT] = TODO_DO_ACCEPT,
        [TAP_DECLINE] = TODO_DO_DECLINE };
    struct when when = { 0 };
    struct span span = { 0, 0 };
    int code = 0;
    snprintf(f->id, sizeof f->id, "%u", o->tap.subject);
    switch (o->tap.action) {
    case TAP_RELEASE:
        o->op.kind = OP_RELEASE;
        o->op.job.id = str_of(f->id);
        return 0;
    case TAP_AWAY:
        code = when_parse_span(str_of(f->until), p->zone, p->now_at, &span, err);
        o->change = (struct person_change){ .has_away_from = true, .has_away_until = true,
                                            .away_from_at = span.from_at, .away_until_at = span.until_at };
        o->op.kind = OP_ME;
        o->op.me.change = &o->change;
        return code;
    case TAP_SNOOZE:
        code = when_parse(str_of(f->until), p->zone, p->now_at, &when, err);
        break;
    case TAP_DONE: case TAP_ACCEPT: case TAP_DECLINE: case TAP_COUNT: break;
    }
    o->op.kind = OP_TODO;
    o->todo = (struct todo_change){ .action = actions[o->tap.action], .id = str_of(f->id),
                                    .not_before_at = when.at };
    o->op.todo.change = &o->todo;
    return code;
}

void tap_give(struct web *web, struct http_request *r, const struct tap *tap)
{
    struct page p;
    struct call c = { .web = web, .r = r, .peer = { (uid_t)-1, (gid_t)-1, 0 } };
    int code = page_init(&p, web, r, tap->person);
    c.err.translate = tr_of(code == 0 ? p.lang : r->lang);
    struct web_op *o = op_new(&c, OP_TODO, answer_tap);
    struct tap_form *f = o ? calloc(1, sizeof *f) : NULL;
    if (!f)
        code = err_set(&c.err, E_NO_MEMORY, "There is not enough memory for this request.");
    if (f) {
        o->form = f;
        o->tap = *tap;
        o->op.by_link = tap->person;
        o->op.tap = &o->tap;
        (void)form_get(r->body, "until", f->until, sizeof f->until);
    }
    if (code == 0)
        code = fill(o, &p, f, &c.err);
    if (code == 0)
        code = op_try_enqueue(o, &c.err);
    if (code == 0)
        return;
    reply(web, r, tap, err_http_status(code), c.err.text, false);
    op_free(o);
}
