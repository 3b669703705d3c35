/* vtodo.c - see vtodo.h.
 *
 * Two readers look at a resource: a walk over its lines, which knows where the VTODO begins and ends
 * and which bytes are whose (reading facts, ticking), and the feed (feed.h), which knows zones.
 */
#include "cal/vtodo.h"

#include <string.h>

#include "base/hash.h"
#include "base/utf8.h"
#include "cal/civil.h"
#include "cal/feed.h"

#define WORK_S_MAX (12 * 3600) /* a DURATION that long is a span of time, not of work */
#define UID_SEED 1
#define SUMMARY_MAX 4096       /* looked at; what is behind cannot be in the title */

/* --- walking ------------------------------------------------------------------------------------------ */

struct walk {
    struct ics_reader r;
    const char *from, *end; /* the bytes of this line, with what folds it and ends it */
    struct ics_line line;
    bool in_todo;      /* inside the VTODO, its BEGIN and END too */
    bool own;          /* a property of the VTODO itself, not of an alarm in it */
    bool inner_begin;  /* the BEGIN of a component in it */
    bool ends;         /* its END */
    unsigned inner, todos;
    bool broken;       /* END:VTODO is missing, or something else stands there */
};

static void walk_begin(struct walk *w, struct str bytes, char *scratch)
{
    *w = (struct walk){ 0 };
    ics_begin(&w->r, bytes, scratch, ICS_LINE_MAX);
}

static bool is_line(const struct ics_line *l, const char *name, const char *value)
{
    return str_is_nocase(l->name, name) && str_is_nocase(str_trim(l->value), value);
}

static bool walk_next(struct walk *w)
{
    bool inside = w->in_todo && !w->ends;
    w->from = w->r.rest.ptr;
    if (!ics_next(&w->r, &w->line)) {
        w->broken = w->broken || inside;
        return false;
    }
    w->end = w->r.rest.ptr;
    w->own = w->inner_begin = w->ends = false;
    w->in_todo = inside;
    if (!inside && is_line(&w->line, "BEGIN", "VTODO")) {
        w->in_todo = true;
        w->todos++;
        w->inner = 0;
    } else if (inside && str_is_nocase(w->line.name, "BEGIN")) {
        w->inner_begin = w->inner++ == 0;
    } else if (inside && str_is_nocase(w->line.name, "END")) {
        w->ends = w->inner == 0;
        w->broken = w->broken || (w->ends && !is_line(&w->line, "END", "VTODO"));
        w->inner -= w->inner > 0;
    } else if (inside) {
        w->own = w->inner == 0;
    }
    return true;
}

/* --- facts ------------------------------------------------------------------------------------------- */

enum status { STATUS_UNSAID, STATUS_OPEN, STATUS_DONE, STATUS_CANCELLED };

struct facts {
    struct vtodo *to;
    enum status status;
    bool has_uid, has_summary, completed, repeats, organized, has_sequence;
    int64_t percent, sequence;
    int64_t work_s, length_s; /* ESTIMATED-DURATION; DURATION, if it may be one of work */
};

static enum status status_of(struct str value)
{
    value = str_trim(value);
    if (str_is_nocase(value, "COMPLETED"))
        return STATUS_DONE;
    if (str_is_nocase(value, "CANCELLED") || str_is_nocase(value, "CANCELED"))
        return STATUS_CANCELLED;
    return STATUS_OPEN;
}

/* TEXT of RFC 5545 section 3.3.11, on one line. */
static void unescape(struct buf *out, struct str value)
{
    for (size_t i = 0; i < value.len && i < SUMMARY_MAX; i++) {
        char c = value.ptr[i];
        if (c == '\\' && i + 1 < value.len) {
            c = value.ptr[++i];
            c = c == 'n' || c == 'N' ? ' ' : c;
        }
        buf_char(out, c);
    }
}

static void read_title(struct vtodo *to, struct str value)
{
    char plain_memory[SUMMARY_MAX + 1], clean_memory[3 * SUMMARY_MAX + 1];
    struct buf plain, clean;
    buf_init_fixed(&plain, plain_memory, sizeof plain_memory);
    buf_init_fixed(&clean, clean_memory, sizeof clean_memory);
    unescape(&plain, value);
    utf8_clean(&clean, buf_look(&plain));
    struct str text = str_trim(buf_look(&clean)), rest = text;
    size_t fits = 0;
    while (rest.len && utf8_next(&rest) >= 0 && text.len - rest.len <= VTODO_TITLE_MAX)
        fits = text.len - rest.len;
    if (fits)
        memcpy(to->title, text.ptr, fits);
    to->title[fits] = '\0';
    memset(plain_memory, 0, sizeof plain_memory); /* it may turn out to be private */
    memset(clean_memory, 0, sizeof clean_memory);
}

static bool number_of(struct str value, int64_t *ret)
{
    return str_i64(str_trim(value), ret) == 0;
}

static int64_t work_of(struct str value, bool only_short)
{
    struct ics_duration d;
    if (!ics_read_duration(value, &d) || (only_short && (d.days || d.s > WORK_S_MAX)))
        return 0;
    int64_t s = d.days * CIVIL_DAY_S + d.s;
    return s > 0 ? s : 0;
}

static void take_fact(struct facts *f, const struct ics_line *l)
{
    struct ics_when when;
    int64_t n;
    if (str_is_nocase(l->name, "UID") && !f->has_uid && str_trim(l->value).len) {
        struct str uid = str_trim(l->value);
        f->has_uid = true;
        f->to->id = hash_bytes(UID_SEED, uid.ptr, uid.len);
        f->to->id += f->to->id == 0;
    } else if (str_is_nocase(l->name, "SUMMARY") && !f->has_summary) {
        f->has_summary = true;
        read_title(f->to, l->value);
    } else if (str_is_nocase(l->name, "STATUS")) {
        f->status = status_of(l->value);
    } else if (str_is_nocase(l->name, "COMPLETED")) {
        f->completed = ics_read_when(l->value, &when);
    } else if (str_is_nocase(l->name, "PERCENT-COMPLETE") && number_of(l->value, &n)) {
        f->percent = n;
    } else if (str_is_nocase(l->name, "SEQUENCE") && number_of(l->value, &n) && n >= 0) {
        f->has_sequence = true;
        f->sequence = n;
    } else if (str_is_nocase(l->name, "CLASS")) {
        f->to->secret = !str_is_nocase(str_trim(l->value), "PUBLIC"); /* unknown ones are PRIVATE: section 3.8.1.3 */
    } else if (str_is_nocase(l->name, "ORGANIZER")) {
        f->organized = true;
    } else if (str_is_nocase(l->name, "ESTIMATED-DURATION")) {
        f->work_s = work_of(l->value, false);
    } else if (str_is_nocase(l->name, "DURATION")) {
        f->length_s = work_of(l->value, true);
    } else if ((str_is_nocase(l->name, "RRULE") && str_trim(l->value).len) || str_is_nocase(l->name, "RDATE") ||
               str_is_nocase(l->name, "RECURRENCE-ID")) {
        f->repeats = true;
    }
}

static enum vtodo_state state_of(const struct facts *f)
{
    if (f->status == STATUS_DONE || (f->status == STATUS_UNSAID && (f->completed || f->percent >= 100)))
        return VTODO_DONE;
    return f->status == STATUS_CANCELLED ? VTODO_CANCELLED : VTODO_OPEN;
}

/* Everything but times.  false: it is no todo, or none that is taken; `to` says so. */
static bool read_facts(struct str bytes, char *scratch, struct facts *f)
{
    struct walk w;
    walk_begin(&w, bytes, scratch);
    while (walk_next(&w)) {
        if (w.own)
            take_fact(f, &w.line);
        else if (w.in_todo && w.todos == 1 && !f->to->line)
            f->to->line = w.line.number;
    }
    memset(scratch, 0, ICS_LINE_MAX); /* a folded title went through it */
    bool one = w.todos == 1 && !w.broken && f->has_uid;
    f->to->state = w.todos == 0 ? VTODO_NONE : one && !f->repeats ? state_of(f) : VTODO_REFUSED;
    f->to->issue = f->repeats ? CAL_ISSUE_REPEATS : CAL_ISSUE_NO_TODO;
    return one && !f->repeats;
}

/* --- times ------------------------------------------------------------------------------------------- */

static int64_t due_s(const struct feed *f, const struct event *e)
{
    const struct moment *from = &e->start;
    if (e->has_end && e->end.kind == ICS_DATE)
        return zone_edge_utc_s(feed_zone_of(f, e, &e->end), e->end.local_s + CIVIL_DAY_S);
    if (e->has_end)
        return feed_utc_s(f, e, &e->end);
    if (!e->has_start || !e->has_duration)
        return 0;
    struct moment to = *from;
    to.local_s += e->duration.days * CIVIL_DAY_S;
    return feed_utc_s(f, e, &to) + e->duration.s;
}

static void note(struct vtodo *to, enum cal_issue_code issue, struct str detail)
{
    struct buf b;
    buf_init_fixed(&b, to->detail, sizeof to->detail);
    utf8_clean(&b, str_slice(detail, 0, sizeof to->detail / 3 - 1)); /* a byte may become three */
    to->has_issue = true;
    to->issue = issue;
}

/* An instant that is none becomes "not said": the year 1 or 9999 is nobody's plan. */
static usec_t sensible(int64_t s)
{
    const int64_t last_s = 253402300800; /* the year 10000 */
    return s > 0 && s < last_s ? s * USEC_PER_SEC : 0;
}

static void take_times(const struct feed *f, const struct event *e, struct vtodo *to)
{
    to->due_at = sensible(due_s(f, e));
    to->begin_at = e->has_start ? sensible(feed_utc_s(f, e, &e->start)) : 0;
    if (to->due_at && to->begin_at >= to->due_at)
        to->begin_at = 0;
    bool start_unknown = e->has_start && feed_zone_unknown(f, &e->start);
    const struct moment *unknown = start_unknown ? &e->start : &e->end;
    if (start_unknown || (e->has_end && feed_zone_unknown(f, &e->end)))
        note(to, CAL_ISSUE_ZONE,
             unknown->zone == FEED_ZONE_NONE ? (struct str){ "", 0 } : f->zones[unknown->zone].name);
    else if (e->bad_time)
        note(to, CAL_ISSUE_TIME, (struct str){ "", 0 });
}

int vtodo_read(struct str bytes, const struct cal_settings *settings, void *memory, size_t size,
               struct vtodo *ret)
{
    struct cal_expansion none = { 0 };
    struct feed f = { .settings = settings, .out = &none, .steps_left = CAL_STEPS_MAX, .todos = true };
    struct facts facts = { .to = ret };
    *ret = (struct vtodo){ 0 };
    if (bytes.len > CAL_BYTES_MAX)
        return E_TOO_LARGE;
    arena_init(&f.arena, memory, size);
    f.scratch = arena_take(&f.arena, ICS_LINE_MAX, 1);
    none.issues = arena_take(&f.arena, CAL_ISSUES_MAX, sizeof *none.issues); /* of zones; what matters is seen below */
    if (!f.scratch || !none.issues)
        return E_FULL;
    bool taken = read_facts(bytes, f.scratch, &facts);
    feed_read(&f, bytes);
    memset(f.scratch, 0, ICS_LINE_MAX);
    if (ret->secret || ret->state != VTODO_OPEN)
        memset(ret->title, 0, sizeof ret->title);
    if (!f.is_calendar)
        return E_INVALID;
    if (f.full)
        return size < CAL_MEMORY ? E_FULL : E_TOO_LARGE;
    if (!taken)
        return 0;
    ret->percent = facts.percent > 0 && facts.percent < 100 ? (int)facts.percent : 0;
    ret->takes_us = (facts.work_s ? facts.work_s : facts.length_s) * USEC_PER_SEC;
    feed_resolve_zones(&f);
    if (f.events)
        take_times(&f, f.events, ret);
    return 0;
}

/* --- ticking ----------------------------------------------------------------------------------------- */

enum ticked { T_STATUS, T_COMPLETED, T_PERCENT, T_MODIFIED, T_STAMP, T_SEQUENCE, TICKED_N };

static const char *const ticked_names[TICKED_N] = {
    [T_STATUS] = "STATUS", [T_COMPLETED] = "COMPLETED", [T_PERCENT] = "PERCENT-COMPLETE",
    [T_MODIFIED] = "LAST-MODIFIED", [T_STAMP] = "DTSTAMP", [T_SEQUENCE] = "SEQUENCE",
};

struct ticking {
    struct buf *out;
    const struct facts *facts;
    usec_t done_at, now_at;
    struct str newline;
    bool written[TICKED_N];
};

static void put_instant(struct buf *out, usec_t at)
{
    ics_print_when(out, (struct ics_when){ .local_s = at / USEC_PER_SEC, .kind = ICS_UTC });
}

static void put_ticked(struct ticking *t, enum ticked which)
{
    if (t->written[which])
        return;
    t->written[which] = true;
    buf_c(t->out, ticked_names[which]);
    buf_char(t->out, ':');
    switch (which) {
    case T_STATUS: buf_c(t->out, "COMPLETED"); break;
    case T_PERCENT: buf_c(t->out, "100"); break;
    case T_COMPLETED: put_instant(t->out, t->done_at); break;
    case T_MODIFIED:
    case T_STAMP: put_instant(t->out, t->now_at); break;
    case T_SEQUENCE:
        buf_i64(t->out, t->facts->sequence < INT32_MAX ? t->facts->sequence + 1 : INT32_MAX);
        break;
    case TICKED_N: break;
    }
    buf_str(t->out, t->newline);
}

static bool ticks(const struct ticking *t, struct str name, enum ticked *ret)
{
    for (int i = 0; i < TICKED_N; i++)
        if (str_is_nocase(name, ticked_names[i]) && (i != T_SEQUENCE || !t->facts->organized)) {
            *ret = (enum ticked)i;
            return true;
        }
    return false;
}

/* What was not there comes behind the last property: alarms must stay behind all of them. */
static void put_missing(struct ticking *t)
{
    for (int i = 0; i < TICKED_N; i++)
        if (i != T_SEQUENCE || !t->facts->organized)
            put_ticked(t, (enum ticked)i);
}

/* As the line that begins the VTODO ends: CR LF, LF alone or CR alone. */
static struct str newline_of(const struct walk *w)
{
    struct str text = { w->from, (size_t)(w->end - w->from) };
    ptrdiff_t lf = str_find(text, '\n'), cr = str_find(text, '\r');
    return lf < 0 ? (cr < 0 ? STR("\r\n") : STR("\r")) : cr >= 0 && cr == lf - 1 ? STR("\r\n") : STR("\n");
}

static void tick_lines(struct ticking *t, struct str bytes, char *scratch)
{
    struct walk w;
    enum ticked which;
    walk_begin(&w, bytes, scratch);
    const char *kept = bytes.ptr; /* everything before is written */
    while (walk_next(&w)) {
        if (w.in_todo && t->newline.len == 0)
            t->newline = newline_of(&w);
        bool own = w.own && ticks(t, w.line.name, &which);
        if (!own && !w.inner_begin && !w.ends)
            continue;
        buf_add(t->out, kept, (size_t)(w.from - kept));
        kept = own ? w.end : w.from;
        if (own)
            put_ticked(t, which); /* a second one of its name goes */
        else
            put_missing(t);
    }
    buf_add(t->out, kept, (size_t)(bytes.ptr + bytes.len - kept));
}

int vtodo_tick(struct str bytes, usec_t done_at, usec_t now_at, void *memory, size_t size,
               struct buf *out)
{
    struct vtodo todo = { 0 };
    struct facts facts = { .to = &todo };
    struct ticking t = { .out = out, .facts = &facts, .done_at = done_at, .now_at = now_at };
    if (size < ICS_LINE_MAX || bytes.len > CAL_BYTES_MAX)
        return E_TOO_LARGE;
    bool taken = read_facts(bytes, memory, &facts);
    memset(&todo.title, 0, sizeof todo.title);
    if (!taken)
        return E_INVALID;
    if (todo.state != VTODO_OPEN)
        return E_STATE;
    tick_lines(&t, bytes, memory);
    memset(memory, 0, ICS_LINE_MAX);
    return 0;
}
