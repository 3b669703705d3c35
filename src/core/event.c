/* event.c - names and the journal's text form, all made from the lists of event.h.
 *
 * One table of fields (offset, width, sign, or list shape) is built from the X-macros; printing,
 * parsing and (elsewhere) the hash of an event walk it.  Nothing here knows an event by name.
 */
#include "core/event.h"
#include "core/refused.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

/* --- words ------------------------------------------------------------------------------------ */

static const char *const event_words[] = {
#define X(NAME, name, FIELDS) #name,
    EVENT_LIST(X)
#undef X
};
static const char *const state_words[] = {
#define X(name, word, letters) word,
    JOB_STATE_LIST(X)
#undef X
};
static const char *const state_letters[] = {
#define X(name, word, letters) letters,
    JOB_STATE_LIST(X)
#undef X
};
static const char *const reason_words[] = {
#define X(name, word) word,
    REASON_LIST(X)
#undef X
};
static const char *const cause_words[] = {
#define X(name, word) word,
    END_CAUSE_LIST(X)
#undef X
};
static const char *const update_words[] = {
#define X(name, word) word,
    UPDATE_LIST(X)
#undef X
};

static const char *const todo_state_words[] = {
#define X(name, word) word,
    TODO_STATE_LIST(X)
#undef X
};
static const char *const todo_wait_words[] = {
#define X(name, word) word,
    TODO_WAIT_LIST(X)
#undef X
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
_Static_assert(COUNT(event_words) == EVENT_COUNT, "one word per event");
_Static_assert(COUNT(state_words) == JOB_STATE_COUNT, "one word per state");
_Static_assert(COUNT(reason_words) == REASON_COUNT, "one word per reason");
_Static_assert(COUNT(cause_words) == END_CAUSE_COUNT, "one word per cause");
_Static_assert(COUNT(update_words) == UPDATE_COUNT, "one word per update");

static const char *const refused_words[] = {
#define X(rule, word) [rule] = word,
    REFUSED_LIST(X)
#undef X
};

/* Numbers outside the lists come from damaged records only; "?" (of a rule: nothing) says so without failing. */
const char *refused_word(enum refused rule) { return rule < REFUSED_COUNT ? refused_words[rule] : ""; }

const char *event_word(enum event_kind kind)
{
    return (size_t)kind < COUNT(event_words) ? event_words[kind] : "?";
}
const char *job_state_word(enum job_state state)
{
    return (size_t)state < COUNT(state_words) ? state_words[state] : "?";
}
const char *job_state_letters(enum job_state state)
{
    return (size_t)state < COUNT(state_letters) ? state_letters[state] : "?";
}
const char *reason_word(enum reason reason)
{
    return (size_t)reason < COUNT(reason_words) ? reason_words[reason] : "?";
}
const char *end_cause_word(enum end_cause cause)
{
    return (size_t)cause < COUNT(cause_words) ? cause_words[cause] : "?";
}
const char *update_word(enum update_kind kind)
{
    return (size_t)kind < COUNT(update_words) ? update_words[kind] : "?";
}
const char *todo_state_word(enum todo_state state)
{
    return (size_t)state < COUNT(todo_state_words) ? todo_state_words[state] : "?";
}
const char *todo_wait_word(enum todo_wait wait)
{
    return (size_t)wait < COUNT(todo_wait_words) ? todo_wait_words[wait] : "?";
}

/* --- the table of fields ---------------------------------------------------------------------- */

enum shape { SHAPE_U32, SHAPE_I32, SHAPE_U64, SHAPE_I64, SHAPE_LIST };

struct field {
    const char *name;
    uint16_t offset;   /* in the event's own struct */
    uint16_t n_offset; /* of a list's count */
    uint8_t shape;
    uint8_t item_parts; /* numbers in one item of a list */
    uint8_t item_shape;
};

#define SHAPE_OF(type) _Generic((type)0, uint32_t: SHAPE_U32, int32_t: SHAPE_I32, \
                                uint64_t: SHAPE_U64, int64_t: SHAPE_I64)
/* Items are structs of equal numbers without padding, read as an array of that number. */
#define PARTS_span  2
#define PARTS_range 3
#define PARTS_dep   6
#define PARTS_retry 3
#define ITEM_span   SHAPE_I64
#define ITEM_range  SHAPE_U32
#define ITEM_dep    SHAPE_U32
#define ITEM_retry  SHAPE_U32
#define PARTS_number 1
#define PARTS_before 2
#define PARTS_offer 4
#define ITEM_number SHAPE_U32
#define ITEM_before SHAPE_U32
#define ITEM_offer  SHAPE_I64
#define PARTS_rate  2
#define ITEM_rate   SHAPE_I64
#define PARTS_cap   2
#define ITEM_cap    SHAPE_I64
_Static_assert(sizeof(struct span) == 2 * sizeof(int64_t), "no padding");
_Static_assert(sizeof(struct range) == 3 * sizeof(uint32_t), "no padding");
_Static_assert(sizeof(struct retry) == 3 * sizeof(uint32_t), "no padding");
_Static_assert(sizeof(struct dep) == 6 * sizeof(uint32_t), "no padding");
_Static_assert(sizeof(struct number) == sizeof(uint32_t), "no padding");
_Static_assert(sizeof(struct before) == 2 * sizeof(uint32_t), "no padding");
_Static_assert(sizeof(struct rate) == 2 * sizeof(int64_t), "no padding");
_Static_assert(sizeof(struct cap) == 2 * sizeof(int64_t), "no padding");
_Static_assert(sizeof(struct offer) == 4 * sizeof(int64_t), "no padding");

/* One bit each tells a field given twice; two more are wall and boot. */
#define FIELDS_MAX 62

/* A field list does not know which event it belongs to, so each event gets a function in which
 * `self` is its struct. */
#define FIELD(type, field) \
    { #field, offsetof(self, field), 0, SHAPE_OF(type), 0, 0 },
#define LIST(type, field) \
    { #field, offsetof(self, field), offsetof(self, field##_n), SHAPE_LIST, PARTS_##type, \
      ITEM_##type },
#define X(NAME, name, FIELDS) \
    static const struct field *fields_##name(void) \
    { \
        typedef struct ev_##name self; \
        static const struct field table[] = { \
            FIELDS(FIELD, LIST) { NULL, sizeof(self), 0, 0, 0, 0 } }; \
        _Static_assert(COUNT(table) <= FIELDS_MAX, "the seen-mask holds every field"); \
        return table; \
    }
EVENT_LIST(X)
#undef X

static const struct field *event_fields(enum event_kind kind)
{
    switch (kind) {
#define X(NAME, name, FIELDS) case EVENT_##NAME: return fields_##name();
    EVENT_LIST(X)
#undef X
    case EVENT_COUNT: break;
    }
    static const struct field none[] = { { NULL, 0, 0, 0, 0, 0 } };
    return none;
}

/* Where every event's own struct begins. */
#define BODY offsetof(struct core_event, settings)

/* --- numbers at an address -------------------------------------------------------------------- */

static size_t shape_size(enum shape shape)
{
    return shape == SHAPE_U32 || shape == SHAPE_I32 ? 4 : 8;
}

/* The value as 64 bits, sign-extended where the shape has a sign. */
static uint64_t load(const void *at, enum shape shape)
{
    uint32_t u32;
    uint64_t u64;
    if (shape_size(shape) == 8) {
        memcpy(&u64, at, 8);
        return u64;
    }
    memcpy(&u32, at, 4);
    return shape == SHAPE_I32 ? (uint64_t)(int64_t)(int32_t)u32 : u32;
}

static void print_number(struct buf *out, const void *at, enum shape shape)
{
    if (shape == SHAPE_I32 || shape == SHAPE_I64)
        buf_i64(out, (int64_t)load(at, shape));
    else
        buf_u64(out, load(at, shape));
}

/* 0 or E_INVALID: not a number, or it does not fit. */
static int parse_number(struct str text, enum shape shape, void *at)
{
    uint64_t u = 0;
    int64_t i = 0;
    if (shape == SHAPE_U32 || shape == SHAPE_U64) {
        if (str_u64(text, &u) < 0 || (shape == SHAPE_U32 && u > UINT32_MAX))
            return E_INVALID;
    } else {
        if (str_i64(text, &i) < 0 || (shape == SHAPE_I32 && (i > INT32_MAX || i < INT32_MIN)))
            return E_INVALID;
        u = (uint64_t)i;
    }
    uint32_t low = (uint32_t)u;
    if (shape_size(shape) == 4)
        memcpy(at, &low, 4);
    else
        memcpy(at, &u, 8);
    return 0;
}

/* --- printing --------------------------------------------------------------------------------- */

static void print_list(struct buf *out, const struct field *f, const struct core_event *ev)
{
    const char *items;
    uint32_t n;
    memcpy(&items, (const char *)ev + BODY + f->offset, sizeof items);
    memcpy(&n, (const char *)ev + BODY + f->n_offset, sizeof n);
    if (n == 0)
        return;
    size_t part = shape_size((enum shape)f->item_shape);
    buf_char(out, ' ');
    buf_c(out, f->name);
    for (uint32_t i = 0; i < n; i++)
        for (uint32_t p = 0; p < f->item_parts; p++) {
            buf_char(out, p ? '/' : i ? ',' : '=');
            print_number(out, items, (enum shape)f->item_shape);
            items += part;
        }
}

void event_print(struct buf *out, const struct core_event *ev)
{
    buf_c(out, event_word(ev->kind));
    buf_c(out, " wall=");
    buf_i64(out, ev->wall_at);
    buf_c(out, " boot=");
    buf_i64(out, ev->boot_at);
    for (const struct field *f = event_fields(ev->kind); f->name; f++) {
        const char *at = (const char *)ev + BODY + f->offset;
        if (f->shape == SHAPE_LIST) {
            print_list(out, f, ev);
        } else if (load(at, (enum shape)f->shape) != 0) {
            buf_char(out, ' ');
            buf_c(out, f->name);
            buf_char(out, '=');
            print_number(out, at, (enum shape)f->shape);
        }
    }
}

/* --- parsing ---------------------------------------------------------------------------------- */

struct lists { /* the caller's memory, filled from the front */
    char *at;
    size_t left;
};

static int parse_list(const struct field *f, struct str text, struct lists *memory,
                      struct core_event *ev)
{
    size_t part = shape_size((enum shape)f->item_shape);
    size_t skew = (8 - (uintptr_t)memory->at % 8) % 8;
    struct str item, number;
    uint32_t n = 0;
    if (skew > memory->left)
        return E_FULL;
    char *items = memory->at + skew, *at = items;
    size_t left = memory->left - skew;
    if (text.len == 0 || text.ptr[text.len - 1] == ',')
        return E_INVALID; /* an empty list is left out, never written */
    while (str_next(&text, ',', &item)) {
        uint32_t parts = 0;
        if (item.len == 0 || item.ptr[item.len - 1] == '/')
            return E_INVALID;
        while (str_next(&item, '/', &number)) {
            if (parts == f->item_parts)
                return E_INVALID;
            if (left < part)
                return E_FULL;
            if (parse_number(number, (enum shape)f->item_shape, at) < 0)
                return E_INVALID;
            at += part;
            left -= part;
            parts++;
        }
        if (parts != f->item_parts)
            return E_INVALID;
        n++;
    }
    memory->at = at;
    memory->left = left;
    memcpy((char *)ev + BODY + f->offset, &items, sizeof items);
    memcpy((char *)ev + BODY + f->n_offset, &n, sizeof n);
    return 0;
}

static int find_kind(struct str word, enum event_kind *ret)
{
    for (size_t i = 0; i < EVENT_COUNT; i++)
        if (str_is(word, event_words[i])) {
            *ret = (enum event_kind)i;
            return 0;
        }
    return E_NEWER;
}

/* Bits 0 and 1 of the seen-mask are wall and boot; the event's own fields follow. */
static const struct field *find_field(struct core_event *ev, struct str name, unsigned *ret_bit,
                                      void **ret_at)
{
    static const struct field time = { "time", 0, 0, SHAPE_I64, 0, 0 };
    *ret_bit = str_is(name, "boot");
    *ret_at = *ret_bit ? &ev->boot_at : &ev->wall_at;
    if (*ret_bit || str_is(name, "wall"))
        return &time;
    *ret_bit = 2;
    for (const struct field *f = event_fields(ev->kind); f->name; f++, ++*ret_bit) {
        *ret_at = (char *)ev + BODY + f->offset;
        if (str_is(name, f->name))
            return f;
    }
    return NULL;
}

static int parse_field(struct str text, struct core_event *ev, struct lists *memory,
                       uint64_t *seen, struct err *err)
{
    unsigned bit;
    void *at;
    ptrdiff_t equals = str_find(text, '=');
    if (equals <= 0)
        return err_set(err, E_INVALID, "\"%.*s\" in a journal line is not field=value.",
                       STR_ARG(text));
    struct str name = str_slice(text, 0, (size_t)equals);
    struct str value = str_slice(text, (size_t)equals + 1, text.len);
    const struct field *f = find_field(ev, name, &bit, &at);
    if (!f)
        return err_set(err, E_NEWER, "This eoul does not know the field \"%.*s\" of the event "
                       "\"%s\"; a newer one wrote it.", STR_ARG(name), event_word(ev->kind));
    if (*seen & (UINT64_C(1) << bit))
        return err_set(err, E_INVALID, "The field \"%.*s\" stands twice in one event.",
                       STR_ARG(name));
    *seen |= UINT64_C(1) << bit;
    int r = f->shape == SHAPE_LIST ? parse_list(f, value, memory, ev)
                                   : parse_number(value, (enum shape)f->shape, at);
    if (r == E_INVALID)
        return err_set(err, r, "\"%.*s\" cannot be the field \"%.*s\" of the event \"%s\".",
                       STR_ARG(str_slice(value, 0, 40)), STR_ARG(name), event_word(ev->kind));
    if (r == E_FULL)
        return err_set(err, r, "The lists of this event need more memory than they were given.");
    return r;
}

int event_parse(struct str line, void *memory, size_t size, struct core_event *ret_ev,
                struct err *err)
{
    struct core_event ev;
    struct lists lists = { memory, size };
    struct str word;
    uint64_t seen = 0;
    memset(&ev, 0, sizeof ev);
    if (!str_next(&line, ' ', &word))
        return err_set(err, E_INVALID, "An event cannot be an empty line.");
    if (find_kind(word, &ev.kind) < 0)
        return err_set(err, E_NEWER,
                       "This eoul does not know the event \"%.*s\"; a newer one wrote "
                       "it.",
                       STR_ARG(str_slice(word, 0, 40)));
    while (str_next(&line, ' ', &word)) {
        int r = parse_field(word, &ev, &lists, &seen, err);
        if (r < 0)
            return r;
    }
    if ((seen & 3) != 3)
        return err_set(err, E_INVALID, "An event needs its two times, wall= and boot=.");
    *ret_ev = ev;
    return 0;
}
