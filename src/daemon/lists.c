/* lists.c - see lists.h. */
#include "daemon/lists.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/calendars.h"
#include "daemon/internal.h"
#include "fetch/message.h"

#define ROWS_MAX (4 * FETCH_ITEMS_MAX)  /* open, left and waiting ones of a list */
#define AGAIN_US (5 * USEC_PER_MIN)     /* after a refusal; doubles */
#define AGAIN_US_MAX USEC_PER_HOUR
#define STEP_US (5 * USEC_PER_MIN)      /* lengths are whole steps: the plan has no finer ones */

static const char open_word[] = "OPEN", tick_word[] = "TICK", left_word[] = "LEFT";

struct row {
    struct store_listed l; /* state and trouble point to what lives here, or for ever */
    enum { ROW_OPEN, ROW_TICK, ROW_LEFT, ROW_GONE } state;
    char trouble[40];
};

struct rows {
    struct row *at;
    uint32_t n;
};

/* --- rows ------------------------------------------------------------------------------------------- */

static int take_row(const struct store_listed *l, void *data)
{
    struct rows *rows = data;
    if (rows->n == ROWS_MAX)
        return 0;
    struct row *r = &rows->at[rows->n++];
    r->l = *l;
    r->state = str_is(l->state, open_word) ? ROW_OPEN : str_is(l->state, tick_word) ? ROW_TICK : ROW_LEFT;
    r->l.state = str_of(r->state == ROW_OPEN ? open_word : r->state == ROW_TICK ? tick_word : left_word);
    snprintf(r->trouble, sizeof r->trouble, "%.*s", STR_ARG(str_slice(l->trouble, 0, sizeof r->trouble - 1)));
    r->l.trouble = str_of(r->trouble);
    return 0;
}

/* The caller frees ret->at. */
static int rows_load(struct daemon *d, person_no no, struct str name, struct rows *ret)
{
    *ret = (struct rows){ .at = calloc(ROWS_MAX, sizeof(struct row)) };
    int code = ret->at ? store_listed_each(d->store, no, name, take_row, ret) : E_NO_MEMORY;
    for (uint32_t i = 0; i < ret->n; i++)
        ret->at[i].l.list = name; /* what the store lent is gone */
    return code;
}

static struct row *row_of(const struct rows *rows, uint64_t item)
{
    for (uint32_t i = 0; i < rows->n; i++)
        if (rows->at[i].l.item == item && rows->at[i].state != ROW_GONE)
            return &rows->at[i];
    return NULL;
}

static int row_remove(struct daemon *d, struct row *r)
{
    r->state = ROW_GONE;
    return store_listed_remove(d->store, r->l.person, r->l.list, r->l.item);
}

/* --- what a todo is ------------------------------------------------------------------------------------ */

/* Private ones are called so; the same in every answer, in the person's language. */
static struct str title_of(struct daemon *d, person_no no, const struct list_item *item)
{
    struct person p = { 0 };
    enum lang lang = people_get(d->people, no, &p) && p.lang_known ? p.lang : LANG_EN;
    if (item->secret)
        return str_of(tr(lang, "A private todo"));
    return item->title.len ? item->title : str_of(tr(lang, "A todo without a title"));
}

/* What is still to do of it, in whole steps. */
static usec_t takes_of(const struct list_item *item, usec_t takes_us)
{
    usec_t all_us = usec_min(item->takes_us > 0 ? item->takes_us : takes_us, LIST_TAKES_US_MAX);
    usec_t left_us = all_us / 100 * (100 - item->percent);
    return usec_max((left_us + STEP_US - 1) / STEP_US, 1) * STEP_US;
}

static int set_field(struct daemon *d, job_id id, enum todo_field field, int64_t value, struct err *err)
{
    struct core_event ev = { .kind = EVENT_TODO_SET };
    ev.todo_set = (struct ev_todo_set){ .todo = id, .field = field, .value = value };
    return daemon_event(d, &ev, err);
}

static int set_takes(struct daemon *d, const struct core_todo *live, usec_t takes_us, struct err *err)
{
    bool pieces = takes_us > CORE_CHUNKS_MAX * live->min_chunk_us; /* too many: longer ones */
    usec_t chunk_us = pieces ? live->takes_us : live->min_chunk_us;
    int code = pieces ? set_field(d, live->id, TODO_SET_MIN_CHUNK_US, chunk_us, err) : 0;
    if (code == 0)
        code = set_field(d, live->id, TODO_SET_TAKES_US, usec_min(takes_us, CORE_CHUNKS_MAX * chunk_us), err);
    if (code == 0) /* the list says what is left */
        code = set_field(d, live->id, TODO_SET_WORKED_US, 0, err);
    return code;
}

/* --- bringing together --------------------------------------------------------------------------------- */

static int follow_title(struct daemon *d, job_id id, struct str title)
{
    struct store_todo row;
    int code = store_todo_get(d->store, id, &row);
    bool same = code == 0 && str_eq(row.title, title);
    store_reset(d->store);
    return code < 0 || same ? code : store_todo_title(d->store, id, title);
}

/* What the list changed since it was last read; what was changed here by hand stays otherwise. */
static int follow(struct daemon *d, struct row *r, const struct list_item *item, usec_t takes_us, struct err *err)
{
    struct core_todo live;
    usec_t takes = takes_of(item, takes_us);
    if (!core_todo_get(d->core, r->l.todo, &live))
        return row_remove(d, r); /* it ended and nobody said so: the list's word counts again */
    bool takes_new = takes != r->l.takes_us, due_new = item->due_at != r->l.due_at;
    bool begin_new = item->begin_at != r->l.begin_at;
    int code = follow_title(d, r->l.todo, title_of(d, (person_no)r->l.person, item));
    if (code == 0 && takes_new)
        code = set_takes(d, &live, takes, err);
    if (code == 0 && due_new)
        code = set_field(d, r->l.todo, TODO_SET_DEADLINE_AT, item->due_at, err);
    if (code == 0 && begin_new)
        code = set_field(d, r->l.todo, TODO_SET_NOT_BEFORE_AT, item->begin_at, err);
    if (code < 0 || !(takes_new || due_new || begin_new))
        return code;
    r->l.takes_us = takes;
    r->l.due_at = item->due_at;
    r->l.begin_at = item->begin_at;
    return store_listed_put(d->store, &r->l);
}

/* Done or dropped over there.  The row goes first: what ends without one is nobody's news to the list. */
static int end(struct daemon *d, struct row *r, bool done, struct err *err)
{
    struct core_todo live;
    int code = row_remove(d, r);
    if (code < 0 || !core_todo_get(d->core, r->l.todo, &live))
        return code;
    struct core_event ev = { .kind = done ? EVENT_TODO_DONE : EVENT_TODO_DROP };
    ev.todo_done = (struct ev_todo_done){ .todo = live.id, .by = r->l.person };
    return daemon_event(d, &ev, err);
}

static int begin(struct daemon *d, const struct calendar_change *c, const struct list_item *item, usec_t takes_us,
                 struct err *err)
{
    job_id id = 0;
    struct store_listed l = { .person = c->person, .list = c->name, .item = item->id, .state = str_of(open_word),
                              .begin_at = item->begin_at, .due_at = item->due_at,
                              .takes_us = takes_of(item, takes_us) };
    int code = todos_add_own(d, c->person, title_of(d, c->person, item), l.takes_us, l.begin_at, l.due_at, &id, err);
    l.todo = id;
    return code < 0 ? code : store_listed_put(d->store, &l);
}

static int take_ticked(struct daemon *d, const struct rows *rows, const struct list_ticked *t, usec_t now_at)
{
    struct row *r = row_of(rows, t->id);
    if (!r || r->state != ROW_TICK)
        return 0;
    if (!t->trouble.len)
        return row_remove(d, r);
    uint32_t doublings = r->l.tries < 8 ? r->l.tries : 8;
    r->l.tries++;
    r->l.next_at = now_at + usec_min(AGAIN_US << doublings, AGAIN_US_MAX);
    r->l.trouble = t->trouble;
    return store_listed_put(d->store, &r->l);
}

static int compare_ids(const void *a, const void *b)
{
    const uint64_t *x = a, *y = b;
    return *x < *y ? -1 : *x > *y;
}

static const struct list_item *item_of(const struct calendar_change *c, uint64_t id)
{
    for (size_t i = 0; i < c->items_n; i++)
        if (c->items[i].id == id)
            return &c->items[i];
    return NULL;
}

static int take_known(struct daemon *d, const struct calendar_change *c, struct row *r, usec_t takes_us,
                      struct err *err)
{
    const struct list_item *item = item_of(c, r->l.item);
    if (r->state == ROW_GONE || (item && r->state != ROW_OPEN))
        return 0;
    if (item)
        return follow(d, r, item, takes_us, err);
    if (r->state != ROW_OPEN)
        return row_remove(d, r);
    bool done = c->over_n && bsearch(&r->l.item, c->over, c->over_n, sizeof *c->over, compare_ids);
    return end(d, r, done, err);
}

/* A refusal of the core spoils one todo, not the list; what cannot be written spoils the turn. */
static bool may_go_on(const struct daemon *d, int code)
{
    return !d->broken && !store_failed(d->store) && code != E_NO_MEMORY;
}

int lists_read(struct daemon *d, const struct calendar_change *c, usec_t takes_us, bool *ret_room, struct err *err)
{
    struct rows rows;
    int code = rows_load(d, c->person, c->name, &rows);
    *ret_room = true;
    for (size_t i = 0; code == 0 && i < c->ticked_n; i++)
        code = take_ticked(d, &rows, &c->ticked[i], daemon_now(d).wall_at);
    for (uint32_t i = 0; code == 0 && !c->same && i < rows.n; i++) {
        int one = take_known(d, c, &rows.at[i], takes_us, err);
        *ret_room = *ret_room && one == 0;
        code = one < 0 && !may_go_on(d, one) ? one : 0;
    }
    for (size_t i = 0; code == 0 && !c->same && i < c->items_n; i++) {
        bool twice = item_of(c, c->items[i].id) != &c->items[i]; /* one UID in two lists of an address */
        if (twice || row_of(&rows, c->items[i].id))
            continue;
        int one = begin(d, c, &c->items[i], takes_us, err);
        *ret_room = *ret_room && one == 0;
        code = one < 0 && !may_go_on(d, one) ? one : 0;
    }
    free(rows.at);
    return code;
}

int lists_remove(struct daemon *d, person_no no, struct str name, struct err *err)
{
    struct rows rows;
    int code = rows_load(d, no, name, &rows);
    for (uint32_t i = 0; code == 0 && i < rows.n; i++) {
        int one = rows.at[i].state == ROW_OPEN ? end(d, &rows.at[i], false, err) : row_remove(d, &rows.at[i]);
        code = one < 0 && !may_go_on(d, one) ? one : 0;
    }
    free(rows.at);
    return code;
}

/* --- telling the list ---------------------------------------------------------------------------------- */

static int count_one(const struct store_listed *l, void *data)
{
    struct list_waiting *w = data;
    if (!str_is(l->state, tick_word))
        return 0;
    w->next_at = w->n++ ? usec_min(w->next_at, l->next_at) : l->next_at;
    if (l->trouble.len)
        snprintf(w->trouble, sizeof w->trouble, "%.*s", STR_ARG(str_slice(l->trouble, 0, sizeof w->trouble - 1)));
    return 0;
}

int lists_waiting(struct daemon *d, person_no no, struct str name, struct list_waiting *ret)
{
    *ret = (struct list_waiting){ .next_at = USEC_NEVER };
    return store_listed_each(daemon_store(d), no, name, count_one, ret);
}

int lists_todo_ended(struct daemon *d, job_id todo, enum todo_state to)
{
    struct store_listed l;
    char list[CALENDAR_NAME_MAX + 1];
    int code = store_listed_of_todo(d->store, todo, &l);
    if (code == 0) {
        snprintf(list, sizeof list, "%.*s", STR_ARG(str_slice(l.list, 0, CALENDAR_NAME_MAX)));
        l.list = str_of(list);
        l.state = str_of(to == TODO_DONE ? tick_word : left_word);
        l.trouble = (struct str){ "", 0 };
    }
    store_reset(d->store);
    if (code < 0)
        return code == E_NOT_FOUND ? 0 : code;
    l.done_at = to == TODO_DONE ? d->last_wall_at : 0;
    code = store_listed_put(d->store, &l);
    if (code == 0 && to == TODO_DONE)
        calendars_tick(d->people, d, (person_no)l.person, list);
    return code;
}

struct putting {
    struct buf *fields;
    unsigned n;
    usec_t now_at; /* USEC_NEVER: all */
};

static int put_one(const struct store_listed *l, void *data)
{
    struct putting *p = data;
    char memory[48];
    struct buf text;
    if (!str_is(l->state, tick_word) || l->next_at > p->now_at || p->n == FETCH_TICKS_MAX)
        return 0;
    p->n++;
    buf_init_fixed(&text, memory, sizeof memory);
    buf_hex64(&text, l->item);
    buf_char(&text, ' ');
    buf_i64(&text, l->done_at);
    fetch_field(p->fields, FETCH_TICK_TAG, buf_look(&text));
    return 0;
}

int lists_put_ticks(struct daemon *d, person_no no, struct str name, bool all, struct buf *fields)
{
    struct putting p = { .fields = fields, .now_at = all ? USEC_NEVER : loop_now(d->loop).wall_at };
    return store_listed_each(d->store, no, name, put_one, &p);
}
