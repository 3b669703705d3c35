/* todos.c - see todos.h. */
#include "daemon/todos.h"

#include <string.h>

#include "daemon/internal.h"
#include "daemon/lists.h"

#define WHO_TEXT_MAX 64 /* eight person numbers and commas */

static const char *const action_words[] = {
#define X(action, word) [action] = word,
    TODO_ACTION_LIST(X)
#undef X
};

const char *todo_action_word(enum todo_action action)
{
    return action < TODO_ACTION_COUNT ? action_words[action] : "?";
}

bool todo_action_read(struct str word, enum todo_action *ret)
{
    for (int i = 0; i < TODO_ACTION_COUNT; i++)
        if (str_is(word, action_words[i])) {
            *ret = (enum todo_action)i;
            return true;
        }
    return false;
}

int todos_number(struct str text, job_id *ret, struct err *err)
{
    uint64_t n = 0;
    if (str_u64(text, &n) < 0 || n == 0 || n >= UINT32_MAX)
        return err_set(err, E_INVALID, "A todo is named by its number, such as 12; not \"%.*s\".",
                       STR_ARG(str_slice(text, 0, 40)));
    *ret = (job_id)n;
    return 0;
}

/* --- looking ------------------------------------------------------------------------------------ */

static bool who_names(struct str list, person_no no)
{
    struct str one;
    uint64_t n;
    while (str_next(&list, ',', &one))
        if (str_u64(one, &n) == 0 && n == no)
            return true;
    return false;
}

static bool asked_now(const struct core_todo *t, person_no no)
{
    for (uint32_t i = 0; i < t->who_n; i++)
        if (t->who[i] == no)
            return true;
    return false;
}

int todos_get(struct daemon *d, job_id id, person_no no, struct todo_info *ret, struct err *err)
{
    struct store_todo row;
    struct core_todo live;
    int code = store_todo_get(d->store, id, &row);
    if (code == E_NOT_FOUND)
        return err_set(err, code, "There is no todo %u.", id);
    if (code < 0)
        return err_set(err, code, "Todo %u cannot be looked up.", id);
    *ret = (struct todo_info){
        .id = id, .asker = (person_no)row.asker, .title = row.title, .link = row.link,
        .state = row.state, .reason = row.reason, .review_of = row.review_of,
        .takes_us = row.takes_us, .add_at = row.add_at, .end_at = row.end_at,
        .end_by = (person_no)row.end_by, .asked = who_names(row.who, no),
    };
    if (core_todo_get(d->core, id, &live)) {
        ret->takes_us = live.takes_us;
        ret->asked |= asked_now(&live, no);
    }
    return 0;
}

bool todos_may_see(const struct todo_info *info, person_no no)
{
    return no && (info->asked || info->asker == no);
}

/* --- adding ------------------------------------------------------------------------------------- */

static int64_t day_of(struct daemon *d, person_no no, usec_t at)
{
    struct person p;
    const struct zone *zone = people_get(d->people, no, &p) && p.zone ? p.zone
                                                                      : people_system_zone(d->people);
    return people_local_day(zone, at);
}

static int check_text(const struct todo_change *c, struct err *err)
{
    if (c->title.len == 0 || c->title.len > TODO_TITLE_MAX)
        return err_set(err, E_INVALID, "Say what is to be done in 1 to %d bytes.", TODO_TITLE_MAX);
    if (c->link.len > TODO_LINK_MAX)
        return err_set(err, E_TOO_LARGE, "A link has at most %d bytes.", TODO_LINK_MAX);
    for (size_t i = 0; i < c->title.len; i++)
        if ((unsigned char)c->title.ptr[i] < ' ')
            return err_set(err, E_INVALID, "A title is one line of text.");
    if (c->link.len && !str_starts(c->link, "https://") && !str_starts(c->link, "http://") &&
        !str_starts(c->link, "file:///"))
        return err_set(err, E_INVALID, "A link must begin with https://, http:// or file:///.");
    for (size_t i = 0; i < c->link.len; i++)
        if ((unsigned char)c->link.ptr[i] <= ' ')
            return err_set(err, E_INVALID, "A link has no blanks; write %%20 for one.");
    return 0;
}

static int find_people(struct daemon *d, const struct todo_change *c, person_no self,
                       struct number *who, uint32_t *ret_n, struct err *err)
{
    *ret_n = c->who_n ? c->who_n : 1;
    who[0].n = self;
    for (uint32_t i = 0; i < c->who_n; i++) {
        who[i].n = people_find_name(d->people, c->who[i]);
        if (who[i].n == 0)
            return err_set(err, E_NOT_FOUND, "Nobody here is called \"%.*s\".",
                           STR_ARG(str_slice(c->who[i], 0, 64)));
        for (uint32_t k = 0; k < i; k++)
            if (who[k].n == who[i].n)
                return err_set(err, E_INVALID, "\"%.*s\" stands there twice.",
                               STR_ARG(str_slice(c->who[i], 0, 64)));
    }
    return 0;
}

static int chunks(const struct todo_change *c, struct ev_todo_add *ev, struct err *err)
{
    ev->takes_us = c->takes_us;
    if (c->takes_us <= 0)
        return err_set(err, E_INVALID, "Say how long it takes, such as 30m or 2h.");
    if (c->whole && c->min_chunk_us)
        return err_set(err, E_INVALID, "It is either in one piece or has a least piece, not both.");
    if (c->whole || (!c->min_chunk_us && c->takes_us <= TODO_WHOLE_US))
        ev->min_chunk_us = c->takes_us;
    else if (c->min_chunk_us)
        ev->min_chunk_us = usec_min(c->min_chunk_us, c->takes_us);
    else
        ev->min_chunk_us = usec_max(TODO_CHUNK_US,
                                    (c->takes_us + CORE_CHUNKS_MAX - 1) / CORE_CHUNKS_MAX);
    return 0;
}

/* "12" or "12_3": a job, an array or a todo, live or ended. */
static int find_work(struct daemon *d, struct str text, uint32_t *ret_id, uint32_t *ret_scope,
                     struct err *err)
{
    struct job_ref ref;
    struct core_todo live;
    struct store_todo ended;
    uint64_t n = 0;
    if (str_u64(text, &n) == 0 && n < UINT32_MAX &&
        (core_todo_get(d->core, (job_id)n, &live) ||
         store_todo_get(d->store, (uint32_t)n, &ended) == 0)) {
        *ret_id = (uint32_t)n;
        *ret_scope = 0;
        return 0;
    }
    int code = daemon_job_find(d, text, &ref, err);
    if (code < 0)
        return code;
    *ret_id = ref.id;
    *ret_scope = ref.whole_array;
    return 0;
}

static int find_after(struct daemon *d, struct str list, struct dep *deps, uint32_t *ret_n,
                      struct err *err)
{
    struct str one;
    *ret_n = 0;
    while (list.len && str_next(&list, ',', &one)) {
        struct dep *dep = &deps[*ret_n];
        if (*ret_n == CORE_DEPS_MAX)
            return err_set(err, E_TOO_LARGE, "A todo can come after at most %d others.",
                           CORE_DEPS_MAX);
        *dep = (struct dep){ .kind = DEP_AFTEROK, .group = *ret_n };
        int code = find_work(d, one, &dep->job, &dep->scope, err);
        if (code == 0)
            code = deps_outcome(d, dep, err);
        if (code < 0)
            return code;
        ++*ret_n;
    }
    return 0;
}

static int find_before(struct daemon *d, struct str list, struct before *before, uint32_t *ret_n,
                       struct err *err)
{
    struct str one;
    *ret_n = 0;
    while (list.len && str_next(&list, ',', &one)) {
        if (*ret_n == CORE_DEPS_MAX)
            return err_set(err, E_TOO_LARGE, "A todo can come before at most %d others.",
                           CORE_DEPS_MAX);
        int code = find_work(d, one, &before[*ret_n].job, &before[*ret_n].scope, err);
        if (code < 0)
            return code;
        ++*ret_n;
    }
    return 0;
}

static int write_row(struct daemon *d, const struct ev_todo_add *ev, struct str title, struct str link,
                     job_id review_of, struct err *err)
{
    char memory[WHO_TEXT_MAX];
    struct buf who;
    buf_init_fixed(&who, memory, sizeof memory);
    for (uint32_t i = 0; i < ev->who_n; i++) {
        if (i)
            buf_char(&who, ',');
        buf_u64(&who, ev->who[i].n);
    }
    const struct store_todo row = {
        .id = ev->todo, .asker = ev->by, .who = buf_look(&who), .title = title, .link = link,
        .review_of = review_of, .takes_us = ev->takes_us, .add_at = d->now.wall_at,
    };
    int code = store_todo_add(d->store, &row);
    return code < 0 ? d->broken = err_set(err, code, "The todo could not be written down.") : 0;
}

static int tell(struct daemon *d, enum notice_kind kind, job_id id, person_no whom)
{
    int code = notices_todo(d, kind, id, whom);
    return code < 0 ? d->broken = code : 0;
}

/* Check, row, event: the check is the last thing that may refuse. */
static int add(struct daemon *d, struct ev_todo_add *add, struct str title, struct str link,
               job_id review_of, job_id *ret, struct err *err)
{
    struct core_event ev = { .kind = EVENT_TODO_ADD };
    add->todo = core_last_id(d->core) + 1;
    ev.todo_add = *add;
    int code = state_check(d, &ev, err);
    if (code == 0)
        code = write_row(d, add, title, link, review_of, err);
    if (code == 0)
        code = daemon_event(d, &ev, err);
    for (uint32_t i = 0; i < add->who_n && code == 0; i++)
        if (add->who[i].n != add->by)
            code = tell(d, NOTICE_ASKED, add->todo, (person_no)add->who[i].n);
    if (code == 0)
        *ret = add->todo;
    return code;
}

static int op_add(struct daemon *d, struct op *op, person_no self)
{
    const struct todo_change *c = op->todo.change;
    struct number who[TODO_WHO_MAX];
    struct dep deps[CORE_DEPS_MAX];
    struct before before[CORE_DEPS_MAX];
    struct ev_todo_add ev = { .by = self, .who = who, .deps = deps, .before = before,
                              .not_before_at = c->not_before_at, .deadline_at = c->deadline_at,
                              .at_at = c->at_at };
    int code = check_text(c, &op->err);
    if (code == 0)
        code = find_people(d, c, self, who, &ev.who_n, &op->err);
    if (code == 0)
        code = chunks(c, &ev, &op->err);
    if (code == 0 && c->deadline_at && c->deadline_at <= d->now.wall_at)
        code = err_set(&op->err, E_INVALID, "The deadline is already over.");
    if (code == 0 && c->at_at && c->at_at < d->now.wall_at)
        code = err_set(&op->err, E_INVALID, "That time is already over.");
    if (code == 0)
        code = find_after(d, c->after, deps, &ev.deps_n, &op->err);
    if (code == 0)
        code = find_before(d, c->before, before, &ev.before_n, &op->err);
    if (code < 0)
        return code;
    if (ev.at_at)
        ev.at_day = day_of(d, (person_no)who[0].n, ev.at_at);
    return add(d, &ev, c->title, c->link, 0, &op->todo.ret_id, &op->err);
}

int todos_review(struct daemon *d, job_id job, bool array, const char *name, person_no asker,
                 person_no who, usec_t takes_us, job_id *ret, struct err *err)
{
    const struct number one = { who };
    const struct dep dep = { .kind = DEP_AFTEROK, .job = job, .scope = array };
    struct todo_change c = { .takes_us = takes_us };
    struct ev_todo_add ev = { .by = asker, .flags = TODO_REVIEW, .who = &one, .who_n = 1,
                              .deps = &dep, .deps_n = 1 };
    int code = chunks(&c, &ev, err);
    return code < 0 ? code : add(d, &ev, str_of(name), (struct str){ 0 }, job, ret, err);
}

int todos_add_own(struct daemon *d, person_no no, struct str title, usec_t takes_us, usec_t not_before_at,
                  usec_t deadline_at, job_id *ret, struct err *err)
{
    const struct number one = { no };
    const struct todo_change c = { .title = title, .takes_us = takes_us };
    struct ev_todo_add ev = { .by = no, .who = &one, .who_n = 1, .not_before_at = not_before_at,
                              .deadline_at = deadline_at };
    int code = check_text(&c, err);
    if (code == 0)
        code = chunks(&c, &ev, err);
    return code < 0 ? code : add(d, &ev, title, (struct str){ "", 0 }, 0, ret, err);
}

/* --- answering and changing ---------------------------------------------------------------------- */

static int one_event(struct daemon *d, struct op *op, enum event_kind kind, job_id id, person_no by)
{
    struct core_event ev = { .kind = kind };
    ev.todo_done = (struct ev_todo_done){ .todo = id, .by = by };
    return daemon_event(d, &ev, &op->err);
}

/* Moving by hand to a time that is over would only be taken back. */
static int op_move(struct daemon *d, struct op *op, job_id id, person_no by)
{
    usec_t at = op->todo.change->at_at;
    struct core_event ev = { .kind = EVENT_TODO_MOVE };
    if (at && at < d->now.wall_at)
        return err_set(&op->err, E_INVALID, "That time is already over.");
    ev.todo_move = (struct ev_todo_move){ .todo = id, .by = by, .at_at = at,
                                          .at_day = at ? day_of(d, by, at) : 0 };
    return daemon_event(d, &ev, &op->err);
}

static int set_one(struct daemon *d, struct op *op, job_id id, enum todo_field field, int64_t value)
{
    struct core_event ev = { .kind = EVENT_TODO_SET };
    ev.todo_set = (struct ev_todo_set){ .todo = id, .field = field, .value = value };
    return daemon_event(d, &ev, &op->err);
}

static int op_set(struct daemon *d, struct op *op, job_id id, person_no by)
{
    const struct todo_change *c = op->todo.change;
    person_no who = c->who_n ? people_find_name(d->people, c->who[0]) : 0;
    int code = 0;
    if (c->who_n && !who)
        return err_set(&op->err, E_NOT_FOUND, "Nobody here is called \"%.*s\".",
                       STR_ARG(str_slice(c->who[0], 0, 64)));
    if (!c->who_n && !c->takes_us && !c->min_chunk_us && !c->has_deadline && !c->has_not_before)
        return err_set(&op->err, E_INVALID, "There is nothing to set; say what should change.");
    if (c->takes_us)
        code = set_one(d, op, id, TODO_SET_TAKES_US, c->takes_us);
    if (code == 0 && c->min_chunk_us)
        code = set_one(d, op, id, TODO_SET_MIN_CHUNK_US, c->min_chunk_us);
    if (code == 0 && c->has_deadline)
        code = set_one(d, op, id, TODO_SET_DEADLINE_AT, c->deadline_at);
    if (code == 0 && c->has_not_before)
        code = set_one(d, op, id, TODO_SET_NOT_BEFORE_AT, c->not_before_at);
    if (code == 0 && who)
        code = set_one(d, op, id, TODO_SET_WHO, who);
    if (code == 0 && who && who != by)
        code = tell(d, NOTICE_ASKED, id, who);
    return code;
}

static int op_change(struct daemon *d, struct op *op, job_id id, person_no by)
{
    const struct todo_change *c = op->todo.change;
    switch (c->action) {
    case TODO_DO_DONE: return one_event(d, op, EVENT_TODO_DONE, id, by);
    case TODO_DO_DROP: return one_event(d, op, EVENT_TODO_DROP, id, by);
    case TODO_DO_ACCEPT: return one_event(d, op, EVENT_TODO_ACCEPT, id, by);
    case TODO_DO_DECLINE: return one_event(d, op, EVENT_TODO_DECLINE, id, by);
    case TODO_DO_MOVE: return op_move(d, op, id, by);
    case TODO_DO_SET: return op_set(d, op, id, by);
    case TODO_DO_SNOOZE: {
        struct core_event ev = { .kind = EVENT_TODO_SNOOZE };
        if (c->not_before_at <= d->now.wall_at)
            return err_set(&op->err, E_INVALID, "Put it off until a time that is still to come.");
        ev.todo_snooze = (struct ev_todo_snooze){ .todo = id, .by = by, .until_at = c->not_before_at };
        return daemon_event(d, &ev, &op->err);
    }
    case TODO_DO_ADD: case TODO_ACTION_COUNT: break;
    }
    return err_set(&op->err, E_INVALID, "That cannot be done to a todo.");
}

int todos_op(struct daemon *d, struct op *op)
{
    const struct todo_change *c = op->todo.change;
    struct todo_info info;
    struct core_todo live;
    person_no by = 0;
    job_id id = 0;
    int code = people_of_op(d->people, d, op, &by, &op->err);
    if (code == 0 && c->action == TODO_DO_ADD)
        return op_add(d, op, by);
    if (code == 0)
        code = todos_number(c->id, &id, &op->err);
    if (code == 0)
        code = todos_get(d, id, by, &info, &op->err);
    if (code < 0)
        return code;
    if (!core_todo_get(d->core, id, &live))
        return err_set(&op->err, E_STATE, "Todo %u is over already.", id);
    /* Whoever runs the daemon may clear away what is nobody's any more; answers are personal. */
    bool finish = c->action == TODO_DO_DROP || c->action == TODO_DO_SET;
    if (!asked_now(&live, by) && live.by != by && !(finish && daemon_is_operator(d, &op->peer)))
        return err_by_rule(&op->err, err_set(&op->err, E_DENIED, "Todo %u is somebody else's.", id),
                           (struct err_rule){ .rule = REFUSED_OTHERS });
    op->todo.ret_id = id;
    op->changed = 1;
    bool several = c->action == TODO_DO_SET;
    if (several)
        code = state_mark(d, &op->err);
    if (code == 0)
        code = op_change(d, op, id, by);
    if (several && d->marked_block) {
        if (code < 0 && !d->broken)
            state_back(d);
        else
            state_unmark(d);
    }
    return code;
}

int todos_handover(struct daemon *d, person_no from, person_no to, uint32_t *changed, struct err *err)
{
    struct core_todo t;
    int code = 0;
    for (job_id id = 0; code == 0 && core_todo_after(d->core, id, &t); id = t.id) {
        struct core_event ev = { .kind = EVENT_TODO_SET };
        if (t.who_n != 1 || t.who[0] != from)
            continue; /* of several, the others are still asked */
        ev.todo_set = (struct ev_todo_set){ .todo = t.id, .field = TODO_SET_WHO, .value = to };
        code = daemon_event(d, &ev, err);
        if (code == 0)
            code = tell(d, NOTICE_ASKED, t.id, to);
        *changed += code == 0;
    }
    return code;
}

int todos_ended(struct daemon *d, const struct core_update *u)
{
    struct store_todo row;
    int code = store_todo_get(d->store, u->job, &row);
    person_no asker = code == 0 ? (person_no)row.asker : 0;
    store_reset(d->store);
    if (asker && u->value != asker && (u->to == TODO_DONE || u->to == TODO_DROPPED))
        code = notices_todo(d, u->to == TODO_DONE ? NOTICE_TICKED : NOTICE_DROPPED, u->job, asker);
    if (code < 0 && code != E_NOT_FOUND)
        return code;
    code = lists_todo_ended(d, u->job, (enum todo_state)u->to);
    if (code < 0)
        return code;
    return store_todo_end(d->store, u->job, str_of(todo_state_word((enum todo_state)u->to)),
                          str_of(todo_wait_word((enum todo_wait)u->reason)), d->last_wall_at,
                          (uint32_t)u->value);
}
