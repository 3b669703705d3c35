/* page.c - a person's own page, opened by their link: shown, and what its forms ask for.
 *
 * Forms post to the page's own address with `do` and what it needs.  What was done redirects to the page
 * (a reload then repeats nothing); what was refused shows the page with the sentence.
 */
#include <stdlib.h>
#include <string.h>

#include "cal/when.h"
#include "web/door.h"
#include "web/form.h"

#define PAGE_MAX (512u << 10)
#define FIELD_MAX 320

/* X(do, field of the operation, sentence when it is done) */
#define DO_LIST(X) \
    X(DO_DONE, "done", N_("Done. What waited for it goes on.")) \
    X(DO_LATER, "later", N_("Put off.")) \
    X(DO_ACCEPT, "accept", N_("Accepted.")) \
    X(DO_DECLINE, "decline", N_("Declined. It costs you nothing.")) \
    X(DO_AWAY, "away", N_("Noted: nothing is planned for you then.")) \
    X(DO_BACK, "back", N_("Noted: you are here.")) \
    X(DO_HOURS, "hours", N_("Your hours are saved."))
enum page_do {
#define X(id, word, sentence) id,
    DO_LIST(X)
#undef X
    DO_COUNT
};
static const struct {
    const char *word, *sentence;
} dos[DO_COUNT] = {
#define X(id, word, sentence) [id] = { word, sentence },
    DO_LIST(X)
#undef X
};

struct page_form { /* of one POST, as long as its operation */
    enum page_do what;
    char todo[16], until[WHEN_TEXT_MAX], when[WHEN_TEXT_MAX], hours[FIELD_MAX], work[FIELD_MAX];
};

static enum page_do do_of(struct str word)
{
    for (int i = 0; i < DO_COUNT; i++)
        if (str_is(word, dos[i].word))
            return (enum page_do)i;
    return DO_COUNT;
}

/* --- showing ------------------------------------------------------------------------------------------ */

static void send_page(struct page *p, struct http_request *r, int status)
{
    struct buf b;
    buf_init(&b, PAGE_MAX);
    int code = page_write(p, &b);
    if (code < 0) {
        buf_finish(&b);
        b = (struct buf){ 0 };
        status = err_http_status(code);
    }
    door_reply(r, status, p->nonce, &b);
}

static void refuse(struct web *web, struct http_request *r, person_no no, const struct err *err)
{
    struct page p;
    struct buf nothing = { 0 };
    int code = page_init(&p, web, r, no);
    if (code < 0) {
        http_reply(r, err_http_status(code), "text/plain", &nothing);
        return;
    }
    p.said = err->text;
    p.bad = true;
    send_page(&p, r, err_http_status(err->code));
}

void page_show(struct web *web, struct http_request *r, person_no no)
{
    struct page p;
    struct buf nothing = { 0 };
    int code = page_init(&p, web, r, no);
    if (code < 0) {
        http_reply(r, err_http_status(code), "text/plain", &nothing);
        return;
    }
    struct str said = http_query(r, "said");
    enum page_do done = said.ptr ? do_of(said) : DO_COUNT;
    p.said = done < DO_COUNT ? tr(p.lang, dos[done].sentence) : NULL;
    send_page(&p, r, 200);
}

/* --- changing ------------------------------------------------------------------------------------------- */

static void answer_page(struct web_op *o)
{
    static const char *const places[DO_COUNT] = {
#define X(id, word, sentence) [id] = "?said=" word,
        DO_LIST(X)
#undef X
    };
    const struct page_form *f = o->form;
    struct buf nothing = { 0 };
    if (o->op.result < 0) {
        refuse(o->web, o->r, o->op.by_link, &o->op.err);
    } else {
        const struct http_header more[] = { { "Location", places[f->what] },
                                            { "Referrer-Policy", "same-origin" } };
        o->r->more = more;
        o->r->more_n = 2;
        http_reply(o->r, 303, "text/plain", &nothing);
    }
    op_free(o);
}

static int take_form(struct page_form *f, struct str body, struct err *err)
{
    char word[16];
    f->what = form_get(body, "do", word, sizeof word) ? do_of(str_of(word)) : DO_COUNT;
    (void)form_get(body, "todo", f->todo, sizeof f->todo); /* absent: empty, and refused where it is needed */
    (void)form_get(body, "until", f->until, sizeof f->until);
    (void)form_get(body, "when", f->when, sizeof f->when);
    (void)form_get(body, "hours", f->hours, sizeof f->hours);
    (void)form_get(body, "work", f->work, sizeof f->work);
    return f->what < DO_COUNT ? 0 : err_set(err, E_INVALID, "This form says nothing that could be done.");
}

static int fill_todo(struct web_op *o, const struct page *p, const struct page_form *f, struct err *err)
{
    static const enum todo_action actions[DO_COUNT] = {
        [DO_DONE] = TODO_DO_DONE, [DO_LATER] = TODO_DO_SNOOZE, [DO_ACCEPT] = TODO_DO_ACCEPT,
        [DO_DECLINE] = TODO_DO_DECLINE };
    struct when when = { 0 };
    int code = f->what == DO_LATER ? when_parse(str_of(f->until), p->zone, p->now_at, &when, err) : 0;
    o->op.kind = OP_TODO;
    o->todo = (struct todo_change){ .action = actions[f->what], .id = str_of(f->todo), .not_before_at = when.at };
    o->op.todo.change = &o->todo;
    return code;
}

/* What was typed wins over what was chosen. */
static int fill_me(struct web_op *o, const struct page *p, const struct page_form *f, struct err *err)
{
    struct span span = { 0, 0 };
    int code = 0;
    if (f->what == DO_AWAY)
        code = when_parse_span(str_trim(str_of(f->when)).len ? str_of(f->when) : str_of(f->until), p->zone, p->now_at,
                               &span, err);
    if (f->what == DO_HOURS)
        o->change = (struct person_change){ .has_hours = true, .hours = str_trim(str_of(f->hours)),
                                            .has_work = true, .work = str_trim(str_of(f->work)) };
    else
        o->change = (struct person_change){ .has_away_from = f->what == DO_AWAY, .has_away_until = true,
                                            .away_from_at = span.from_at, .away_until_at = span.until_at };
    o->op.kind = OP_ME;
    o->op.me.change = &o->change;
    return code;
}

void page_change(struct web *web, struct http_request *r, person_no no)
{
    struct page p;
    struct call c = { .web = web, .r = r, .peer = { (uid_t)-1, (gid_t)-1, 0 } };
    int code = page_init(&p, web, r, no);
    c.err.translate = tr_of(code == 0 ? p.lang : r->lang);
    struct web_op *o = op_new(&c, OP_TODO, answer_page);
    struct page_form *f = o ? calloc(1, sizeof *f) : NULL;
    if (!f)
        code = err_set(&c.err, E_NO_MEMORY, "There is not enough memory for this request.");
    if (o) {
        o->form = f;
        o->op.by_link = no;
    }
    if (code == 0)
        code = take_form(f, r->body, &c.err);
    if (code == 0)
        code = f->what <= DO_DECLINE ? fill_todo(o, &p, f, &c.err) : fill_me(o, &p, f, &c.err);
    if (code == 0)
        code = op_try_enqueue(o, &c.err);
    if (code == 0)
        return;
    op_free(o);
    refuse(web, r, no, &c.err);
}
