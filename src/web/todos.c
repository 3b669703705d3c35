/* todos.c - hands-on work: to look at, to ask for, to answer.
 *
 * What a todo is called, where its link leads and who does it is for the people concerned.  Others see
 * that the number exists and when it is expected to be done, in quarters of an hour, because jobs that
 * wait for it show as much.
 */
#include <stdlib.h>
#include <string.h>

#include "web/internal.h"

#define ENDED_MAX 1000 /* ended todos in one answer */

/* --- one todo ----------------------------------------------------------------------------------- */

static bool row_is_mine(const struct todo_row *row, person_no no)
{
    return row->person == no;
}

static void put_pieces(struct json_out *j, const struct core_plan *plan, job_id id)
{
    out_key(j, "pieces");
    out_array(j);
    for (uint32_t i = 0; i < plan->todo_rows_n; i++) {
        const struct todo_row *row = &plan->todo_rows[i];
        if (row->todo != id)
            continue;
        out_array(j);
        out_i64(j, row->from_at);
        out_i64(j, row->until_at);
        out_end(j);
    }
    out_end(j);
}

static const struct todo_row *last_row(const struct core_plan *plan, job_id id)
{
    const struct todo_row *last = NULL;
    for (uint32_t i = 0; i < plan->todo_rows_n; i++)
        if (plan->todo_rows[i].todo == id)
            last = &plan->todo_rows[i];
    return last;
}

static usec_t grain(usec_t at)
{
    return at == 0 || at == USEC_NEVER ? at : (at + WEB_GRAIN_US - 1) / WEB_GRAIN_US * WEB_GRAIN_US;
}

static void put_live(struct json_out *j, const struct web *web, const struct core_todo *t,
                     const struct core_plan *plan, person_no me)
{
    const struct people *people = daemon_people(web->daemon);
    const struct todo_row *last = last_row(plan, t->id);
    bool asked = false;
    out_key(j, "who");
    out_array(j);
    for (uint32_t i = 0; i < t->who_n; i++) {
        out_clean(j, str_of(people_name(people, t->who[i])));
        asked |= t->who[i] == me;
    }
    out_end(j);
    out_put_bool(j, "mine", asked);
    out_put_bool(j, "accepted", t->flags & TODO_ACCEPTED);
    out_put_c(j, "wait", todo_wait_word(t->wait));
    out_put_u64(j, "waits_for", t->blocker);
    out_put_i64(j, "left_us", t->left_us);
    out_put_i64(j, "min_chunk_us", t->min_chunk_us);
    out_put_at(j, "not_before_at", t->not_before_at);
    out_put_at(j, "deadline_at", t->deadline_at);
    out_put_at(j, "pinned_at", t->pin_at);
    out_put_clean(j, "person", last ? str_of(people_name(people, last->person)) : (struct str){ 0 });
    out_put_bool(j, "under_way", t->next_who && t->next_from_at <= daemon_now(web->daemon).wall_at);
    put_pieces(j, plan, t->id);
    out_put_at(j, "done_at", last ? last->until_at : 0);
    out_put_at(j, "done_late_at", last ? last->late_until_at : 0);
}

/* The title of a review is the name of the job it looks at. */
static void put_todo(struct json_out *j, struct web *web, const struct todo_info *info,
                     const struct core_todo *live, const struct core_plan *plan, person_no me)
{
    const struct people *people = daemon_people(web->daemon);
    out_put_u64(j, "id", info->id);
    out_put_c(j, "kind", info->review_of ? "review" : "todo");
    out_put_str(j, "state", info->state);
    if (!todos_may_see(info, me)) {
        const struct todo_row *last = live ? last_row(plan, info->id) : NULL;
        out_put_bool(j, "private", true);
        out_put_at(j, "done_at", grain(last ? last->until_at : 0));
        return;
    }
    out_put_bool(j, "private", false);
    out_put_clean(j, "title", info->title);
    out_put_clean(j, "link", info->link);
    out_put_u64(j, "review_of", info->review_of);
    out_put_clean(j, "asked_by", str_of(people_name(people, info->asker)));
    out_put_i64(j, "takes_us", info->takes_us);
    out_put_at(j, "add_at", info->add_at);
    if (live) {
        put_live(j, web, live, plan, me);
        return;
    }
    out_put_str(j, "reason", info->reason);
    out_put_at(j, "end_at", info->end_at);
    out_put_clean(j, "ended_by", info->end_by ? str_of(people_name(people, info->end_by))
                                              : (struct str){ 0 });
}

static int write_todo(struct json_out *j, struct web *web, job_id id, person_no me, struct err *err)
{
    struct core_plan plan = { 0 };
    struct core_todo live;
    struct todo_info info;
    bool is_live = core_todo_get(daemon_core(web->daemon), id, &live);
    int code = daemon_plan(web->daemon, &plan);
    if (code < 0)
        return err_set(err, code, "There is not enough memory to draw the plan.");
    code = todos_get(web->daemon, id, me, &info, err);
    if (code == 0)
        put_todo(j, web, &info, is_live ? &live : NULL, &plan, me);
    store_reset(daemon_store(web->daemon));
    return code;
}

/* --- lists --------------------------------------------------------------------------------------- */

struct listing {
    struct web *web;
    struct json_out *j;
    person_no me;
    const struct core_plan *plan;
    uint64_t left;
};

static int put_ended(const struct store_todo *row, void *data)
{
    struct listing *l = data;
    struct str who = row->who, one;
    uint64_t n;
    struct todo_info info = {
        .id = row->id, .asker = (person_no)row->asker, .title = row->title, .link = row->link,
        .state = row->state, .reason = row->reason, .review_of = row->review_of,
        .takes_us = row->takes_us, .add_at = row->add_at, .end_at = row->end_at,
        .end_by = (person_no)row->end_by };
    while (str_next(&who, ',', &one))
        info.asked |= str_u64(one, &n) == 0 && n == l->me;
    if (l->left == 0 || !todos_may_see(&info, l->me))
        return 0;
    l->left--;
    out_object(l->j);
    put_todo(l->j, l->web, &info, NULL, l->plan, l->me);
    out_end(l->j);
    return 0;
}

static void put_open(struct listing *l)
{
    const struct core *core = daemon_core(l->web->daemon);
    struct core_todo t;
    for (job_id id = 0; core_todo_after(core, id, &t); id = t.id) {
        struct todo_info info;
        if (todos_get(l->web->daemon, t.id, l->me, &info, NULL) == 0 && todos_may_see(&info, l->me)) {
            out_object(l->j);
            put_todo(l->j, l->web, &info, &t, l->plan, l->me);
            out_end(l->j);
        }
        store_reset(daemon_store(l->web->daemon));
    }
}

void todos_list(struct call *c)
{
    struct core_plan plan = { 0 };
    struct buf b;
    struct json_out j;
    struct listing l = { .web = c->web, .j = &j, .plan = &plan };
    int code = web_whom(c, &l.me);
    if (code == 0)
        code = web_query_u64(c, "ended", 0, ENDED_MAX, &l.left);
    if (code == 0 && (code = daemon_plan(c->web->daemon, &plan)) < 0)
        err_set(&c->err, code, "There is not enough memory to draw the plan.");
    if (code < 0) {
        web_reply_error(c->web, c->r, &c->err, -1);
        return;
    }
    web_start(&b, &j);
    out_put_at(&j, "now_at", daemon_now(c->web->daemon).wall_at);
    out_key(&j, "todos");
    out_array(&j);
    put_open(&l);
    if (l.left)
        (void)store_todos_ended(daemon_store(c->web->daemon), ENDED_MAX, put_ended, &l);
    out_end(&j);
    out_end(&j);
    web_reply_json(c->web, c->r, &b);
}

int todos_write_all(struct json_out *j, struct web *web, person_no me)
{
    struct core_plan plan = { 0 };
    struct listing l = { .web = web, .j = j, .me = me, .plan = &plan, .left = UINT64_MAX };
    int code = daemon_plan(web->daemon, &plan);
    if (code < 0)
        return code;
    out_key(j, "todos");
    out_array(j);
    put_open(&l);
    code = store_todos_ended(daemon_store(web->daemon), UINT32_MAX, put_ended, &l);
    out_end(j);
    return code;
}

void todos_show(struct call *c)
{
    struct buf b;
    struct json_out j;
    job_id id = 0;
    person_no me = 0;
    int code = todos_number(c->part[0], &id, &c->err);
    if (code == 0)
        code = web_whom(c, &me);
    web_start(&b, &j);
    if (code == 0)
        code = write_todo(&j, c->web, id, me, &c->err);
    if (code < 0) {
        buf_finish(&b);
        web_reply_error(c->web, c->r, &c->err, -1);
        return;
    }
    out_put_at(&j, "now_at", daemon_now(c->web->daemon).wall_at);
    out_end(&j);
    web_reply_json(c->web, c->r, &b);
}

void todos_write_plan(struct json_out *j, struct web *web, const struct core_plan *plan, person_no me,
                      bool *shown)
{
    out_key(j, "todos");
    out_array(j);
    for (uint32_t i = 0; i < plan->todo_rows_n; i++) {
        const struct todo_row *row = &plan->todo_rows[i];
        struct todo_info info;
        int code = todos_get(web->daemon, row->todo, me, &info, NULL);
        if (code == 0 && todos_may_see(&info, me)) {
            if (shown)
                shown[row->person] = true;
            out_object(j);
            out_put_u64(j, "id", row->todo);
            out_put_clean(j, "title", info.title);
            out_put_u64(j, "review_of", info.review_of);
            out_put_clean(j, "person", str_of(people_name(daemon_people(web->daemon), row->person)));
            out_put_bool(j, "mine", row_is_mine(row, me));
            out_put_u64(j, "part", row->part);
            out_put_u64(j, "parts", row->parts);
            out_put_bool(j, "pinned", row->pinned);
            out_put_bool(j, "under_way", row->under_way);
            out_put_bool(j, "asked", row->asked);
            out_put_at(j, "from_at", row->from_at);
            out_put_at(j, "until_at", row->until_at);
            out_put_at(j, "late_until_at", row->late_until_at);
            out_end(j);
        }
        store_reset(daemon_store(web->daemon));
    }
    out_end(j);
}

/* --- asking and answering ------------------------------------------------------------------------ */

static void answer_todo(struct web_op *o)
{
    struct buf b;
    struct json_out j;
    struct err err = { .translate = o->op.err.translate };
    const struct people *people = daemon_people(o->web->daemon);
    if (o->op.result < 0) {
        op_refuse(o, -1);
        return;
    }
    person_no me = o->op.for_person.len ? people_find_name(people, o->op.for_person)
                                        : people_find_uid(people, o->op.peer.uid);
    web_start(&b, &j);
    int code = write_todo(&j, o->web, o->op.todo.ret_id, me, &err);
    if (code < 0) { /* it is done all the same; only the looking failed */
        buf_finish(&b);
        web_reply_error(o->web, o->r, &err, -1);
        op_free(o);
        return;
    }
    out_put_at(&j, "now_at", daemon_now(o->web->daemon).wall_at);
    out_end(&j);
    web_reply_json(o->web, o->r, &b);
    op_free(o);
}

/* A list of names. */
static int take_names(const json_t *list, struct todo_change *to, struct err *err)
{
    size_t n = json_array_size(list);
    if (n > TODO_WHO_MAX)
        return err_set(err, E_TOO_LARGE, "A todo is offered to at most %d people.", TODO_WHO_MAX);
    for (size_t i = 0; i < n; i++) {
        const json_t *one = json_array_get(list, i);
        if (!json_is_string(one))
            return err_set(err, E_INVALID, "\"who\" must be a list of names.");
        to->who[i] = str_of(json_string_value(one));
    }
    to->who_n = (uint32_t)n;
    return 0;
}

enum { F_FOR, F_TITLE, F_LINK, F_AFTER, F_BEFORE, F_WHO, F_TAKES, F_CHUNK, F_WHOLE, F_NOT_BEFORE,
       F_DEADLINE, F_AT, F_COUNT };

/* What each action may say besides "for"; a field it does not know is refused by name. */
static const unsigned fields_of[TODO_ACTION_COUNT] = {
    [TODO_DO_ADD] = 1u << F_TITLE | 1u << F_LINK | 1u << F_AFTER | 1u << F_BEFORE | 1u << F_WHO |
                    1u << F_TAKES | 1u << F_CHUNK | 1u << F_WHOLE | 1u << F_NOT_BEFORE |
                    1u << F_DEADLINE | 1u << F_AT,
    [TODO_DO_SNOOZE] = 1u << F_NOT_BEFORE, [TODO_DO_MOVE] = 1u << F_AT,
    [TODO_DO_SET] = 1u << F_WHO | 1u << F_TAKES | 1u << F_CHUNK | 1u << F_NOT_BEFORE |
                    1u << F_DEADLINE,
};

static int take_todo(struct call *c, struct web_op *o, enum todo_action action)
{
    static const struct json_in_field all[F_COUNT] = {
        [F_FOR] = { "for", JSON_IN_STR, false, NULL }, [F_TITLE] = { "title", JSON_IN_STR, true, NULL },
        [F_LINK] = { "link", JSON_IN_STR, false, NULL },
        [F_AFTER] = { "after", JSON_IN_STR, false, NULL },
        [F_BEFORE] = { "before", JSON_IN_STR, false, NULL },
        [F_WHO] = { "who", JSON_IN_ARRAY, false, NULL },
        [F_TAKES] = { "takes_us", JSON_IN_INT, false, NULL },
        [F_CHUNK] = { "min_chunk_us", JSON_IN_INT, false, NULL },
        [F_WHOLE] = { "whole", JSON_IN_BOOL, false, NULL },
        [F_NOT_BEFORE] = { "not_before_at", JSON_IN_INT, false, NULL },
        [F_DEADLINE] = { "deadline_at", JSON_IN_INT, false, NULL },
        [F_AT] = { "at", JSON_IN_INT, false, NULL },
    };
    struct json_in_field f[F_COUNT], *of[F_COUNT];
    static const struct json_in_field absent;
    size_t n = 0;
    for (int i = 0; i < F_COUNT; i++) {
        of[i] = NULL;
        if (i != F_FOR && !(fields_of[action] >> i & 1))
            continue;
        f[n] = all[i];
        of[i] = &f[n++];
    }
    int code = json_in_object(o->body, "request", f, n, &c->err);
    if (code == 0)
        code = op_take_for(c, o, of[F_FOR]);
    if (code < 0)
        return code;
#define FIELD(i) (of[i] ? of[i] : &absent)
    struct todo_change *to = &o->todo;
    *to = (struct todo_change){
        .action = action, .title = json_in_str(FIELD(F_TITLE)), .link = json_in_str(FIELD(F_LINK)),
        .after = json_in_str(FIELD(F_AFTER)), .before = json_in_str(FIELD(F_BEFORE)),
        .takes_us = json_in_int(FIELD(F_TAKES), 0), .min_chunk_us = json_in_int(FIELD(F_CHUNK), 0),
        .whole = json_in_true(FIELD(F_WHOLE)),
        .not_before_at = json_in_int(FIELD(F_NOT_BEFORE), 0),
        .has_not_before = FIELD(F_NOT_BEFORE)->value != NULL,
        .deadline_at = json_in_int(FIELD(F_DEADLINE), 0),
        .has_deadline = FIELD(F_DEADLINE)->value != NULL, .at_at = json_in_int(FIELD(F_AT), 0) };
    return take_names(FIELD(F_WHO)->value, to, &c->err);
#undef FIELD
}

static void enqueue(struct call *c, enum todo_action action)
{
    struct web_op *o = op_new(c, OP_TODO, answer_todo);
    int code = o ? json_in_parse(c->r->body, &o->body, &c->err) : E_NO_MEMORY;
    if (code == 0)
        code = take_todo(c, o, action);
    if (code < 0) {
        op_refuse_call(c, o, -1);
        return;
    }
    o->todo.id = c->part[0]; /* the request's path lives until its reply */
    o->op.todo.change = &o->todo;
    op_enqueue(o);
}

void todos_add(struct call *c)
{
    enqueue(c, TODO_DO_ADD);
}

void todos_action(struct call *c)
{
    enum todo_action action;
    if (!todo_action_read(c->part[1], &action) || action == TODO_DO_ADD) {
        err_set(&c->err, E_NOT_FOUND, "There is no action \"%.*s\"; there are: %s.",
                (int)(c->part[1].len < 32 ? c->part[1].len : 32), c->part[1].ptr,
                "done, drop, accept, decline, snooze, move, set");
        op_refuse_call(c, NULL, -1);
        return;
    }
    enqueue(c, action);
}
