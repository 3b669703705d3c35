/* collect.c - see collect.h. */
#include "fetch/collect.h"

#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "cal/civil.h"
#include "cal/holiday.h"

int collect_begin(struct collect *c, struct str ask)
{
    struct str rest = fetch_get(ask, FETCH_SELF_TAG), one;
    *c = (struct collect){ .memory = malloc(CAL_MEMORY),
                           .parts = calloc(COLLECT_PARTS_MAX, sizeof *c->parts),
                           .room = calloc(COLLECT_PARTS_MAX, sizeof *c->room) };
    c->todos = str_is(fetch_get(ask, FETCH_KIND_TAG), "todos");
    zone_cache_init(&c->zones);
    if (!c->memory || !c->parts || !c->room)
        return E_NO_MEMORY;
    if (zone_load(fetch_get(ask, FETCH_ZONE_TAG), &c->zone, NULL, NULL) < 0)
        return E_INVALID;
    c->settings = (struct cal_settings){
        .window = { fetch_get_i64(ask, FETCH_FROM_AT_TAG, 0), fetch_get_i64(ask, FETCH_UNTIL_AT_TAG, 0) },
        .zone = &c->zone, .find_zone = zone_cache_find, .find_data = &c->zones,
    };
    while (c->settings.n_addresses < CAL_ADDRESSES_MAX && str_next(&rest, ',', &one)) {
        c->settings.address[c->settings.n_addresses] = str_trim(one);
        c->settings.n_addresses += str_trim(one).len > 0;
    }
    return c->settings.window.from_at < c->settings.window.until_at ? 0 : E_INVALID;
}

void collect_finish(struct collect *c)
{
    zone_cache_finish(&c->zones);
    free(c->memory);
    free(c->parts);
    free(c->room);
    free(c->open);
    free(c->over);
    *c = (struct collect){ 0 };
}

static enum trouble trouble_of(int code)
{
    switch (code) {
    case E_TOO_LARGE: return TROUBLE_TOO_LARGE;
    case E_INVALID: return TROUBLE_NO_CALENDAR;
    default: return TROUBLE_MEMORY;
    }
}

static void note_issue(struct collect *c, const struct cal_issue *issue, struct collect_issue *ret)
{
    char memory[CALENDAR_DETAIL_MAX * 3 + 1];
    struct buf clean;
    buf_init_fixed(&clean, memory, sizeof memory);
    utf8_clean(&clean, str_slice(issue->detail, 0, CALENDAR_DETAIL_MAX));
    *ret = (struct collect_issue){ .code = issue->code, .line = issue->line };
    struct str detail = clean.failed ? (struct str){ "", 0 } : buf_look(&clean);
    memcpy(ret->detail, detail.ptr ? detail.ptr : "", detail.len <= CALENDAR_DETAIL_MAX ? detail.len : 0);
    (void)c;
}

/* Make room: what is there already, put together as it would be at the end. */
static void compact(struct collect *c)
{
    bool squeezed;
    size_t n = busy_of_parts(c->parts, c->parts_n, c->settings.window, c->room, COLLECT_PARTS_MAX / 2,
                             &squeezed);
    struct busy *swap = c->parts;
    c->squeezed = c->squeezed || squeezed;
    c->parts = c->room;
    c->room = swap;
    c->parts_n = n;
}

static void add_part(struct collect *c, struct busy b)
{
    if (c->parts_n == COLLECT_PARTS_MAX)
        compact(c);
    c->parts[c->parts_n++] = b;
}

static void add_issue(struct collect *c, const struct collect_issue *issue)
{
    if (c->listed_n < CALENDAR_ISSUES_MAX)
        c->issues[c->listed_n++] = *issue;
}

enum trouble collect_stream(struct collect *c, struct str bytes)
{
    struct cal_expansion e;
    int code = cal_expand(bytes, &c->settings, c->memory, CAL_MEMORY, &e, NULL);
    if (code < 0)
        return trouble_of(code);
    for (size_t i = 0; i < e.n; i++)
        if (e.occurrences[i].busy != CAL_FREE)
            add_part(c, (struct busy){ e.occurrences[i].from_at, e.occurrences[i].until_at,
                                       e.occurrences[i].busy });
    c->events += e.n_events;
    c->issues_n += (uint32_t)e.n_issues_all;
    for (size_t i = 0; i < e.n_issues; i++) {
        struct collect_issue issue;
        note_issue(c, &e.issues[i], &issue);
        add_issue(c, &issue);
    }
    return TROUBLE_NONE;
}

enum trouble collect_holidays(struct collect *c, struct str text)
{
    struct holidays h = { 0 };
    struct holiday *days = calloc(HOLIDAYS_MAX, sizeof *days);
    int code = days ? holidays_parse(text, days, HOLIDAYS_MAX, &h, NULL) : E_NO_MEMORY;
    if (code == 0) {
        struct span *window = &c->settings.window;
        usec_t end_at = zone_edge_utc_s(&c->zone, (h.known_until_day + 1) * CIVIL_DAY_S) * USEC_PER_SEC;
        code = end_at <= window->from_at + USEC_PER_DAY ? E_STATE : 0; /* the window begins a day ago */
        window->until_at = usec_min(window->until_at, end_at);
        c->parts_n = holidays_busy(&h, &c->zone, *window, c->parts, COLLECT_PARTS_MAX);
        c->events = (uint32_t)h.n;
    }
    free(days);
    return code == 0 ? TROUBLE_NONE : code == E_STATE ? TROUBLE_OVER
         : code == E_NO_MEMORY ? TROUBLE_MEMORY : TROUBLE_NO_CALENDAR;
}

static void note_todo_issue(struct collect *c, const struct vtodo *todo, struct collected *ret)
{
    const struct cal_issue issue = { .code = todo->issue, .line = todo->line, .detail = str_of(todo->detail) };
    ret->issues_n = 1;
    note_issue(c, &issue, &ret->issue);
}

static enum trouble collect_todo(struct collect *c, struct str bytes, struct collected *ret)
{
    struct vtodo todo;
    int code = vtodo_read(bytes, &c->settings, c->memory, CAL_MEMORY, &todo);
    if (code < 0)
        return trouble_of(code);
    if (todo.state == VTODO_REFUSED || todo.has_issue)
        note_todo_issue(c, &todo, ret);
    if (todo.state == VTODO_OPEN || todo.state == VTODO_DONE)
        ret->todo_id = todo.id;
    if (todo.state == VTODO_OPEN) {
        ret->events = 1;
        ret->todo = malloc(sizeof *ret->todo);
        if (ret->todo)
            *ret->todo = todo;
    }
    explicit_bzero(&todo, sizeof todo);
    return ret->events && !ret->todo ? TROUBLE_MEMORY : TROUBLE_NONE;
}

enum trouble collect_one(struct collect *c, struct str bytes, struct collected *ret)
{
    struct cal_expansion e;
    bool squeezed;
    *ret = (struct collected){ 0 };
    if (c->todos)
        return collect_todo(c, bytes, ret);
    int code = cal_expand(bytes, &c->settings, c->memory, CAL_MEMORY, &e, NULL);
    if (code < 0)
        return trouble_of(code);
    ret->busy_n = (uint32_t)busy_of(&e, c->settings.window, c->room, COLLECT_PARTS_MAX, &squeezed);
    ret->busy = calloc(ret->busy_n ? ret->busy_n : 1, sizeof *ret->busy);
    if (!ret->busy)
        return TROUBLE_MEMORY;
    memcpy(ret->busy, c->room, ret->busy_n * sizeof *ret->busy);
    ret->events = e.n_events;
    ret->issues_n = (uint32_t)e.n_issues_all;
    if (e.n_issues)
        note_issue(c, &e.issues[0], &ret->issue);
    return TROUBLE_NONE;
}

/* Lists grow by doubling; n is how many there are. */
static void *room_for_one_more(void *list, size_t n, size_t each)
{
    bool full = (n & (n + 1)) == 0; /* 0, 1, 3, 7, ... */
    return full ? reallocarray(list, 2 * n + 1, each) : list;
}

static enum trouble add_todo(struct collect *c, const struct collected *one)
{
    if (one->todo) {
        const struct vtodo **open = room_for_one_more(c->open, c->open_n, sizeof(struct vtodo *));
        if (!open)
            return TROUBLE_MEMORY;
        c->open = open;
        c->open[c->open_n++] = one->todo;
    } else if (one->todo_id) {
        uint64_t *over = room_for_one_more(c->over, c->over_n, sizeof *over);
        if (!over)
            return TROUBLE_MEMORY;
        c->over = over;
        c->over[c->over_n++] = one->todo_id;
    }
    return TROUBLE_NONE;
}

enum trouble collect_add(struct collect *c, const struct collected *one)
{
    for (uint32_t i = 0; i < one->busy_n; i++)
        add_part(c, one->busy[i]);
    c->events += one->events;
    c->issues_n += one->issues_n;
    if (one->issues_n)
        add_issue(c, &one->issue);
    return add_todo(c, one);
}

void collected_finish(struct collected *one)
{
    free(one->busy);
    if (one->todo)
        explicit_bzero(one->todo, sizeof *one->todo);
    free(one->todo);
    *one = (struct collected){ 0 };
}

static void put_issue(struct buf *out, enum cal_issue_code code, uint32_t line, const char *detail)
{
    char memory[CALENDAR_DETAIL_MAX + 64];
    struct buf text;
    buf_init_fixed(&text, memory, sizeof memory);
    buf_c(&text, cal_issue_word(code));
    buf_char(&text, ' ');
    buf_u64(&text, line);
    buf_char(&text, ' ');
    buf_c(&text, detail);
    fetch_field(out, FETCH_ISSUE_TAG, buf_look(&text));
}

/* What is due first comes first, what is not due last. */
static int by_due(const void *a, const void *b)
{
    const struct vtodo *x = *(const struct vtodo *const *)a, *y = *(const struct vtodo *const *)b;
    usec_t x_at = x->due_at ? x->due_at : USEC_NEVER, y_at = y->due_at ? y->due_at : USEC_NEVER;
    if (x_at != y_at)
        return x_at < y_at ? -1 : 1;
    return x->id < y->id ? -1 : x->id > y->id;
}

static void put_item(struct buf *out, const struct vtodo *t)
{
    char memory[VTODO_TITLE_MAX + 160];
    struct buf text;
    buf_init_fixed(&text, memory, sizeof memory);
    buf_hex64(&text, t->id);
    const int64_t numbers[] = { t->begin_at, t->due_at, t->takes_us, t->percent, t->secret };
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        buf_char(&text, ' ');
        buf_i64(&text, numbers[i]);
    }
    buf_char(&text, ' ');
    buf_c(&text, t->title);
    fetch_field(out, FETCH_ITEM_TAG, buf_look(&text));
    explicit_bzero(memory, sizeof memory);
}

static void answer_todos(struct collect *c, struct buf *out)
{
    struct buf over;
    if (c->open_n)
        qsort(c->open, c->open_n, sizeof c->open[0], by_due);
    for (size_t i = 0; i < c->open_n && i < FETCH_ITEMS_MAX; i++)
        put_item(out, c->open[i]);
    if (c->open_n > FETCH_ITEMS_MAX)
        put_issue(out, CAL_ISSUE_TODOS, 0, "");
    buf_init(&over, FETCH_LEN_MAX / 2);
    for (size_t i = 0; i < c->over_n; i++) {
        if (i)
            buf_char(&over, ',');
        buf_hex64(&over, c->over[i]);
    }
    fetch_field(out, FETCH_OVER_TAG, buf_look(&over));
    if (over.failed)
        out->failed = over.failed;
    buf_finish(&over);
}

void collect_answer_ticked(const struct collect *c, struct buf *out)
{
    for (unsigned i = 0; i < c->ticked_n; i++) {
        char memory[96];
        struct buf text;
        buf_init_fixed(&text, memory, sizeof memory);
        buf_hex64(&text, c->ticked[i].id);
        if (c->ticked[i].trouble) {
            buf_char(&text, ' ');
            buf_c(&text, trouble_word(c->ticked[i].trouble));
        }
        if (c->ticked[i].trouble && c->ticked[i].detail) {
            buf_char(&text, ' ');
            buf_i64(&text, c->ticked[i].detail);
        }
        fetch_field(out, FETCH_TICKED_TAG, buf_look(&text));
    }
}

void collect_answer(struct collect *c, struct buf *out)
{
    bool squeezed, many = c->open_n > FETCH_ITEMS_MAX;
    struct buf text;
    size_t n = busy_of_parts(c->parts, c->parts_n, c->settings.window, c->room, CALENDAR_BUSY_MAX,
                             &squeezed);
    buf_init(&text, FETCH_LEN_MAX / 2);
    busy_print(&text, c->room, n);
    squeezed = squeezed || c->squeezed;
    fetch_field(out, FETCH_BUSY_TAG, buf_look(&text));
    fetch_field_i64(out, FETCH_EVENTS_TAG, c->events);
    fetch_field_i64(out, FETCH_ISSUES_N_TAG, (int64_t)c->issues_n + squeezed + many);
    fetch_field_i64(out, FETCH_KNOWN_UNTIL_AT_TAG, c->settings.window.until_at);
    if (squeezed)
        put_issue(out, CAL_ISSUE_DENSE, 0, "");
    if (c->todos)
        answer_todos(c, out);
    for (uint32_t i = 0; i < c->listed_n; i++)
        put_issue(out, c->issues[i].code, c->issues[i].line, c->issues[i].detail);
    if (text.failed)
        out->failed = text.failed;
    buf_finish(&text);
}
