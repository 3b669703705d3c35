/* fetch.c - calendars read by somebody else: eoul-fetch, one process for files and one for the network.
 *
 * Each is started when something is due for it, asked one thing at a time, and killed when an answer
 * takes longer than ASK_US: then that calendar has had trouble, and the others go on in a new process.
 * A file system that hangs holds up a process, never the daemon.
 *
 *     due ─▶ ask ─▶ answer ─▶ an operation of our own (OP_CALENDAR, READ) in the next turn
 *              ╰─ too long, or the process is gone: the same, with trouble
 */
#include <errno.h>
#include <inttypes.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/io.h"
#include "base/utf8.h"
#include "daemon/calendars.h"
#include "daemon/internal.h"
#include "daemon/todos.h"
#include "engine/local.h"
#include "fetch/message.h"
#include "fetch/trouble.h"

#define ASK_US        (120 * USEC_PER_SEC)
#define AGAIN_US      USEC_PER_SEC       /* to start one that could not be started; doubles */
#define AGAIN_US_MAX  (10 * USEC_PER_MIN)
#define ID_TEXT       17u                /* 16 digits and a comma */
#define INSTANT_MAX   (253402300800 * USEC_PER_SEC) /* the year 10000 */
#define FRESH_DAYS    370                /* a copy that reaches less far is read again whole */
#define ASK_BYTES_MAX 16384u

struct reader { /* one process */
    struct fetch *f;
    bool network;
    int fd, pidfd;           /* -1: not running */
    struct loop_watch watch;
    struct loop_timer patience;
    struct fetch_reader in;
    uint32_t number;         /* of the last ask */
    usec_t again_us, again_boot_at;
    /* what is being asked; person 0: nothing */
    person_no person;
    char name[CALENDAR_NAME_MAX + 1];
    uint64_t asked;
};

struct fetch {
    struct daemon *d;
    struct reader readers[2];
    struct loop_timer due;
};

/* An answer on its way through a turn. */
struct read_op {
    struct op op; /* first */
    struct calendar_change change;
    struct calendar_issue issues[CALENDAR_ISSUES_MAX];
    struct buf text;     /* what change points into */
    struct busy *busy;
    struct list_item *items;
    uint64_t *over;
    struct list_ticked ticked[FETCH_TICKS_MAX];
};

/* --- the process ------------------------------------------------------------------------------------ */

static void reader_end(struct reader *r)
{
    loop_watch_remove(&r->watch);
    loop_timer_cancel(r->f->d->loop, &r->patience);
    if (r->pidfd >= 0)
        syscall(SYS_pidfd_send_signal, r->pidfd, SIGKILL, NULL, 0);
    io_close(&r->pidfd);
    io_close(&r->fd);
    fetch_reader_finish(&r->in);
}

static void ready(struct loop_watch *w, uint32_t events, void *data);

static int reader_begin(struct reader *r)
{
    struct daemon *d = r->f->d;
    struct err err = { 0 };
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
        return io_from_errno(errno);
    int code = engine_local_spawn(d->engine, LOCAL_FETCH, pair[1], pair[1], &r->pidfd, &err);
    io_close(&pair[1]);
    r->fd = pair[0];
    if (code == 0 && fcntl(r->fd, F_SETFL, O_NONBLOCK) < 0)
        code = io_from_errno(errno);
    if (code == 0)
        code = fetch_send(r->fd, r->network ? FETCH_NETWORK : FETCH_FILES, 0, (struct str){ "", 0 });
    if (code == 0)
        code = loop_watch_add(d->loop, &r->watch, r->fd, LOOP_READ, ready, r);
    if (code < 0) {
        log_line("fetch", "state=not-started error=\"%s\"", err.text);
        reader_end(r);
        return code;
    }
    return 0;
}

/* --- answers ---------------------------------------------------------------------------------------- */

static void read_op_free(struct read_op *o)
{
    if (!o)
        return;
    if (o->text.ptr) /* titles may stand there */
        explicit_bzero(o->text.ptr, o->text.size);
    buf_finish(&o->text);
    free(o->busy);
    free(o->items);
    free(o->over);
    free(o);
}

static void read_op_done(struct op *op, void *context)
{
    struct read_op *o = (struct read_op *)op;
    (void)context;
    if (op->result < 0)
        log_line("calendar", "person=%u error=%s", o->change.person, err_word(op->result));
    read_op_free(o);
}

static struct read_op *read_op_new(const struct reader *r, struct str text)
{
    struct read_op *o = calloc(1, sizeof *o);
    if (!o)
        return NULL;
    o->op = (struct op){ .kind = OP_CALENDAR, .peer = { .uid = geteuid() }, .done = read_op_done };
    o->op.calendar.change = &o->change;
    buf_init(&o->text, FETCH_LEN_MAX + CALENDAR_NAME_MAX);
    buf_c(&o->text, r->name);
    buf_str(&o->text, text);
    if (o->text.failed) {
        read_op_free(o);
        return NULL;
    }
    size_t name_len = strlen(r->name);
    o->change = (struct calendar_change){ .action = CALENDAR_READ, .person = r->person,
                                          .asked = r->asked,
                                          .name = str_slice(buf_look(&o->text), 0, name_len) };
    return o;
}

static bool take_issue(struct read_op *o, struct str text)
{
    struct calendar_issue *to = &o->issues[o->change.listed_n];
    struct str word, line;
    uint64_t number = 0;
    if (o->change.listed_n == CALENDAR_ISSUES_MAX)
        return true;
    if (!str_next(&text, ' ', &word) || !str_next(&text, ' ', &line) || str_u64(line, &number) < 0 ||
        number > UINT32_MAX || !cal_issue_read(word, &to->code))
        return false;
    to->line = (uint32_t)number;
    to->detail = text;
    o->change.listed_n++;
    return true;
}

static bool take_number(struct str *rest, int64_t max, int64_t *ret)
{
    struct str word;
    return str_next(rest, ' ', &word) && str_i64(word, ret) == 0 && *ret >= 0 && *ret <= max;
}

static bool take_item(struct read_op *o, struct str text)
{
    struct list_item *to = &o->items[o->change.items_n];
    struct str id;
    int64_t secret;
    bool ok = o->change.items_n < FETCH_ITEMS_MAX && str_next(&text, ' ', &id) && fetch_id(id, &to->id) &&
              take_number(&text, INSTANT_MAX, &to->begin_at) && take_number(&text, INSTANT_MAX, &to->due_at) &&
              take_number(&text, INSTANT_MAX, &to->takes_us) && take_number(&text, 99, &to->percent) &&
              take_number(&text, 1, &secret) && text.len <= TODO_TITLE_MAX && utf8_valid(text);
    for (size_t i = 0; ok && i < text.len; i++)
        ok = (unsigned char)text.ptr[i] >= ' ';
    if (!ok)
        return false;
    to->secret = secret != 0;
    to->title = secret ? (struct str){ "", 0 } : text;
    o->change.items_n++;
    return true;
}

static bool take_ticked(struct read_op *o, struct str text)
{
    struct list_ticked *to = &o->ticked[o->change.ticked_n];
    struct str id;
    if (o->change.ticked_n == FETCH_TICKS_MAX || !str_next(&text, ' ', &id) || !fetch_id(id, &to->id) ||
        (text.len && trouble_read(text, NULL) == TROUBLE_NONE))
        return false;
    to->trouble = text;
    o->change.ticked = o->ticked;
    o->change.ticked_n++;
    return true;
}

static int by_id(const void *a, const void *b)
{
    const uint64_t *x = a, *y = b;
    return *x < *y ? -1 : *x > *y;
}

static bool take_over(struct read_op *o, struct str text)
{
    struct str id;
    size_t n = text.len / ID_TEXT + 1;
    o->over = calloc(n, sizeof *o->over);
    if (!o->over)
        return false;
    while (o->change.over_n < n && str_next(&text, ',', &id))
        if (!fetch_id(id, &o->over[o->change.over_n++]))
            return false;
    qsort(o->over, o->change.over_n, sizeof *o->over, by_id);
    o->change.over = o->over;
    return true;
}

static bool count_of(struct str fields, enum fetch_tag tag, uint32_t *ret)
{
    int64_t n = fetch_get_i64(fields, tag, -1);
    *ret = (uint32_t)n;
    return n >= 0 && n <= UINT32_MAX;
}

static bool take_contents(struct read_op *o, struct str fields)
{
    struct calendar_change *c = &o->change;
    enum fetch_tag tag;
    struct str rest = fields, value;
    o->busy = calloc(CALENDAR_BUSY_MAX, sizeof *o->busy);
    bool ok = o->busy &&
              busy_parse(fetch_get(fields, FETCH_BUSY_TAG), o->busy, CALENDAR_BUSY_MAX, &c->busy_n) == 0 &&
              count_of(fields, FETCH_EVENTS_TAG, &c->events) &&
              count_of(fields, FETCH_ISSUES_N_TAG, &c->issues_n);
    c->busy = o->busy;
    c->issues = o->issues;
    c->until_at = fetch_get_i64(fields, FETCH_KNOWN_UNTIL_AT_TAG, 0);
    o->items = calloc(FETCH_ITEMS_MAX, sizeof *o->items);
    ok = ok && o->items && take_over(o, fetch_get(fields, FETCH_OVER_TAG));
    c->items = o->items;
    while (ok && fetch_next(&rest, &tag, &value))
        ok = tag == FETCH_ISSUE_TAG ? take_issue(o, value) : tag == FETCH_ITEM_TAG ? take_item(o, value) : true;
    return ok;
}

/* eoul-fetch reads what strangers wrote: its answer is checked like any input. */
static void take_answer(struct read_op *o, struct str fields)
{
    struct calendar_change *c = &o->change;
    struct str marks = fetch_get(fields, FETCH_MARKS_TAG);
    c->trouble = fetch_get(fields, FETCH_TROUBLE_TAG);
    c->marks = marks.len <= CALENDAR_MARKS_MAX && utf8_valid(marks) ? marks : (struct str){ "", 0 };
    c->same = fetch_get(fields, FETCH_SAME_TAG).len > 0;
    if (c->trouble.len && trouble_read(c->trouble, NULL) == TROUBLE_NONE)
        c->trouble = str_of(trouble_word(TROUBLE_PROTOCOL));
    bool ok = c->trouble.len || c->same || take_contents(o, fields);
    enum fetch_tag tag;
    struct str rest = fields, value;
    while (ok && !c->trouble.len && fetch_next(&rest, &tag, &value))
        ok = tag != FETCH_TICKED_TAG || take_ticked(o, value);
    if (!ok)
        c->trouble = str_of(trouble_word(TROUBLE_PROTOCOL));
}

/* What came of the present ask goes into the next turn; nothing is asked any more. */
static void finish_ask(struct reader *r, struct str fields)
{
    struct read_op *o = r->person ? read_op_new(r, fields) : NULL;
    if (o)
        take_answer(o, str_slice(buf_look(&o->text), strlen(r->name), o->text.len));
    if (r->person && (!o || daemon_enqueue(r->f->d, &o->op) < 0)) {
        read_op_free(o);
        calendars_ask_again(r->f->d->people);
    }
    r->person = 0;
    loop_timer_cancel(r->f->d->loop, &r->patience);
}

static void fail_ask(struct reader *r, enum trouble t)
{
    char memory[64];
    struct buf fields;
    buf_init_fixed(&fields, memory, sizeof memory);
    fetch_field(&fields, FETCH_TROUBLE_TAG, str_of(trouble_word(t)));
    finish_ask(r, buf_look(&fields));
}

static void ready(struct loop_watch *w, uint32_t events, void *data)
{
    struct reader *r = data;
    int code;
    (void)w, (void)events;
    while ((code = fetch_receive(&r->in, r->fd)) == 1) {
        r->again_us = AGAIN_US;
        if (r->in.head.kind == FETCH_DONE && r->in.head.number == r->number && r->person)
            finish_ask(r, buf_look(&r->in.fields));
    }
    if (code < 0) {
        log_line("fetch", "network=%d state=gone code=%s", r->network, err_word(code));
        fail_ask(r, TROUBLE_HUNG);
        reader_end(r);
    }
}

static void impatient(struct loop_timer *t, void *data)
{
    struct reader *r = data;
    (void)t;
    log_line("fetch", "network=%d state=hangs action=kill", r->network);
    fail_ask(r, TROUBLE_HUNG);
    reader_end(r);
}

/* --- asks ------------------------------------------------------------------------------------------- */

static void put_ask(struct daemon *d, const struct calendar_due *due, const struct calendar *c,
                    const struct calendar_secrets *secrets, struct buf *out)
{
    struct person person = { 0 };
    usec_t now_at = loop_now(d->loop).wall_at;
    char key[CALENDAR_NAME_MAX + 32];
    (void)people_get(d->people, due->person, &person);
    snprintf(key, sizeof key, "%u %s", due->person, c->name);
    fetch_field(out, FETCH_KIND_TAG, str_of(calendar_kind_word(c->kind)));
    fetch_field(out, FETCH_URL_TAG, secrets->url.len ? secrets->url : str_of(c->place));
    fetch_field(out, FETCH_USER_TAG, secrets->user);
    fetch_field(out, FETCH_PASSWORD_TAG, secrets->password);
    fetch_field(out, FETCH_KEY_TAG, str_of(key));
    fetch_field(out, FETCH_SELF_TAG, str_of(c->self));
    fetch_field(out, FETCH_ZONE_TAG, str_of(person.zone_name));
    fetch_field_i64(out, FETCH_FROM_AT_TAG, now_at - USEC_PER_DAY);
    fetch_field_i64(out, FETCH_UNTIL_AT_TAG, now_at + CALENDAR_DAYS * USEC_PER_DAY);
    /* "Nothing changed" is no answer to a window that has moved on, or to a copy that is lost. */
    if (c->until_at > now_at + FRESH_DAYS * USEC_PER_DAY &&
        trouble_read(str_of(c->trouble), NULL) != TROUBLE_DAMAGED)
        fetch_field(out, FETCH_MARKS_TAG, str_of(c->marks));
}

static bool find_calendar(struct people *p, const struct calendar_due *due, struct calendar *ret)
{
    for (uint32_t i = 0; calendars_get(p, due->person, i, ret); i++)
        if (strcmp(ret->name, due->name) == 0)
            return true;
    return false;
}

static void ask(struct reader *r, const struct calendar_due *due)
{
    struct daemon *d = r->f->d;
    struct calendar c;
    struct calendar_secrets secrets = { 0 };
    char memory[CALENDAR_SECRET_MAX + 2048], fields_memory[ASK_BYTES_MAX];
    struct buf kept, fields;
    if (!find_calendar(d->people, due, &c))
        return;
    r->person = due->person;
    snprintf(r->name, sizeof r->name, "%s", c.name);
    r->asked = calendars_ask(d->people, due->person, c.name);
    buf_init_fixed(&kept, memory, sizeof memory);
    buf_init_fixed(&fields, fields_memory, sizeof fields_memory);
    if (r->network && credentials_get(d, due->person, str_of(c.name), &kept, &secrets) < 0) {
        fail_ask(r, TROUBLE_CREDENTIALS);
        return;
    }
    put_ask(d, due, &c, &secrets, &fields);
    int code = c.kind == CALENDAR_TODOS
                   ? lists_put_ticks(d, due->person, str_of(c.name), due->due_at == 0, &fields) : 0;
    if (code == 0)
        code = fields.failed ? fields.failed
                             : fetch_send(r->fd, FETCH_CALENDAR, ++r->number, buf_look(&fields));
    explicit_bzero(memory, sizeof memory);
    explicit_bzero(fields_memory, sizeof fields_memory);
    if (code < 0) {
        fail_ask(r, TROUBLE_HUNG);
        reader_end(r);
        return;
    }
    loop_timer_set(d->loop, &r->patience, loop_now(d->loop).boot_at + ASK_US, impatient, r);
}

/* --- when --------------------------------------------------------------------------------------------- */

static void due_fired(struct loop_timer *t, void *data)
{
    (void)t, (void)data; /* the turn that follows looks */
}

/* Ask what is due; when to look again (boot time). */
static usec_t look_at(struct reader *r)
{
    struct daemon *d = r->f->d;
    struct calendar_due due;
    struct loop_now now = loop_now(d->loop);
    if (r->person || !calendars_due(d->people, r->network, &due))
        return USEC_NEVER;
    if (due.due_at > now.wall_at)
        return usec_add(now.boot_at, due.due_at - now.wall_at);
    if (r->fd < 0) {
        if (r->again_boot_at > now.boot_at)
            return r->again_boot_at;
        int code = reader_begin(r);
        if (code < 0) {
            r->again_boot_at = now.boot_at + r->again_us;
            r->again_us = usec_min(r->again_us * 2, AGAIN_US_MAX);
            r->person = due.person;
            snprintf(r->name, sizeof r->name, "%s", due.name);
            r->asked = calendars_ask(d->people, due.person, due.name);
            fail_ask(r, TROUBLE_PROGRAM);
            return r->again_boot_at;
        }
    }
    ask(r, &due);
    return USEC_NEVER; /* its answer wakes us */
}

void fetch_step(struct daemon *d)
{
    struct fetch *f = d->fetch;
    usec_t at = USEC_NEVER;
    if (!f || d->stopping || d->disk_full) /* what is read could not be kept */
        return;
    for (unsigned i = 0; i < 2; i++)
        at = usec_min(at, look_at(&f->readers[i]));
    if (at == USEC_NEVER)
        loop_timer_cancel(d->loop, &f->due);
    else
        loop_timer_set(d->loop, &f->due, usec_max(at, loop_now(d->loop).boot_at + USEC_PER_SEC),
                       due_fired, f);
}

int fetch_start(struct daemon *d)
{
    struct fetch *f = calloc(1, sizeof *f);
    if (!f)
        return E_NO_MEMORY;
    f->d = d;
    for (unsigned i = 0; i < 2; i++)
        f->readers[i] = (struct reader){ .f = f, .network = i == 1, .fd = -1, .pidfd = -1,
                                         .again_us = AGAIN_US };
    d->fetch = f;
    credentials_sweep(d, d->people);
    fetch_step(d);
    return 0;
}

void fetch_finish(struct daemon *d)
{
    struct fetch *f = d->fetch;
    if (!f)
        return;
    for (unsigned i = 0; i < 2; i++)
        reader_end(&f->readers[i]);
    loop_timer_cancel(d->loop, &f->due);
    free(f);
    d->fetch = NULL;
}
