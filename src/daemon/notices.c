/* notices.c - see notices.h.
 *
 * What is known of channels between turns is read from the store again after whatever may have changed
 * it: nothing here can differ from what was committed.  One delivery is under way at a time; a service
 * that hangs holds up other notices for ASK_US at most, and the daemon never.
 */
#include "daemon/notices.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
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
#include "daemon/view.h"
#include "engine/local.h"
#include "fetch/message.h"
#include "fetch/trouble.h"

#define ASK_US        (25 * USEC_PER_SEC) /* eoul-fetch gives a service fifteen */
#define PROGRAM_AGAIN_US (10 * USEC_PER_SEC)
#define AHEAD_US      (14 * USEC_PER_DAY) /* look hours that are looked for */
#define ROWS_MAX      5000u               /* told in one message, most of them as a number */
#define NAMES_MAX     (256u << 10)
#define TROUBLE_MAX   40
#define CHANNEL_BRIEF_MAX 32

struct chan {
    person_no person;
    char name[CHANNEL_NAME_MAX + 1], place[NOTICE_PLACE_MAX], page[CHANNEL_PAGE_MAX + 1];
    char trouble[TROUBLE_MAX], brief[CHANNEL_BRIEF_MAX + 1];
    enum channel_kind kind;
    usec_t trouble_at, morning_at, evening_at;
    uint32_t waiting, pages_waiting;
    usec_t not_before_at;
    uint32_t brief_tries;       /* in vain; of this daemon alone, as is: */
    usec_t brief_again_boot_at;
};

struct notices {
    struct daemon *d;
    struct list channels;    /* struct chan, by person and name */
    struct list before;      /* as they were, while they are read again */
    bool stale;              /* channels and what waits are to be read again */
    bool look;               /* something may be due */
    struct loop_timer due, patience;
    uint32_t turn;           /* whose turn it is: a channel that hangs comes last next time */
    /* the process; fd -1: not running */
    int fd, pidfd;
    enum fetch_kind mode;    /* of it: FETCH_NETWORK or FETCH_COMMANDS */
    struct loop_watch watch;
    struct fetch_reader in;
    uint32_t number;
    usec_t again_boot_at;
    /* what is being sent; person 0: nothing */
    person_no person;
    char name[CHANNEL_NAME_MAX + 1];
    enum channel_kind kind;
    uint64_t last;
    uint32_t tries;
    bool only_pages;
    enum brief_kind brief;   /* this, and no rows */
    struct span looked[PEOPLE_WINDOWS_MAX]; /* of the channel that is looked at */
};

struct told_op {
    struct op op; /* first */
    struct channel_change change;
    char name[CHANNEL_NAME_MAX + 1], trouble[TROUBLE_MAX];
};

/* --- channels ------------------------------------------------------------------------------------- */

static struct chan *chan_at(const struct notices *n, uint32_t i)
{
    struct chan *all = n->channels.at;
    assert(all && i < n->channels.n);
    return all + i;
}

static struct chan *find_in(const struct list *list, person_no no, struct str name)
{
    struct chan *all = list->at;
    for (uint32_t i = 0; i < list->n; i++)
        if (all[i].person == no && str_is(name, all[i].name))
            return &all[i];
    return NULL;
}

static struct chan *chan_find(const struct notices *n, person_no no, struct str name)
{
    return find_in(&n->channels, no, name);
}

static void copy(char *to, size_t size, struct str from)
{
    snprintf(to, size, "%.*s", (int)(from.len < size ? from.len : size - 1), from.ptr);
}

/* Is something under way on this channel? */
static bool is_sending(const struct notices *n, const struct chan *c)
{
    return n->person == c->person && strcmp(n->name, c->name) == 0;
}

static int take_channel(const struct store_channel *row, void *data)
{
    struct notices *n = data;
    struct chan *c = list_add(&n->channels, sizeof *c);
    if (!c)
        return E_NO_MEMORY;
    const struct chan *was = find_in(&n->before, (person_no)row->person, row->name);
    if (was)
        *c = (struct chan){ .brief_tries = was->brief_tries, .brief_again_boot_at = was->brief_again_boot_at };
    c->person = (person_no)row->person;
    copy(c->name, sizeof c->name, row->name);
    copy(c->place, sizeof c->place, row->place);
    copy(c->page, sizeof c->page, row->page);
    copy(c->trouble, sizeof c->trouble, row->trouble);
    copy(c->brief, sizeof c->brief, row->brief);
    c->morning_at = row->morning_at;
    c->evening_at = row->evening_at;
    c->trouble_at = row->trouble_at;
    if (!channel_kind_read(row->kind, &c->kind))
        n->channels.n--; /* of a newer eoul: kept, and not used */
    return 0;
}

static int take_waiting(const struct store_waiting *w, void *data)
{
    struct chan *c = chan_find(data, (person_no)w->person, w->channel);
    if (!c)
        return 0;
    c->waiting += w->n;
    c->pages_waiting += w->page ? w->n : 0;
    c->not_before_at = usec_max(c->not_before_at, w->not_before_at);
    return 0;
}

static int read_all(struct notices *n)
{
    n->before = n->channels;
    n->channels = (struct list){ 0 };
    int code = store_channels_each(n->d->store, take_channel, n);
    if (code == 0)
        code = store_notices_waiting(n->d->store, take_waiting, n);
    list_finish(&n->before);
    n->stale = code < 0;
    return code;
}

int notices_load(struct daemon *d, struct err *err)
{
    struct notices *n = calloc(1, sizeof *n);
    if (!n)
        return err_set(err, E_NO_MEMORY, "There is not enough memory for notices.");
    *n = (struct notices){ .d = d, .fd = -1, .pidfd = -1 };
    d->notices = n;
    return read_all(n);
}

static void look_again(struct notices *n)
{
    n->stale = n->look = true;
}

void notices_forget(struct daemon *d)
{
    if (d->notices)
        look_again(d->notices);
}

void notices_look(struct daemon *d)
{
    if (d->notices)
        d->notices->look = true;
}

static usec_t due_at(struct daemon *d, const struct chan *c, bool *ret_only_pages);

bool notices_channel(struct daemon *d, person_no no, uint32_t i, struct channel *ret)
{
    struct notices *n = d->notices;
    bool only_pages;
    if (n && n->stale && read_all(n) < 0)
        return false;
    for (uint32_t k = 0; n && k < n->channels.n; k++) {
        const struct chan *c = chan_at(n, k);
        if (c->person != no || i-- > 0)
            continue;
        usec_t next_at = c->waiting ? due_at(d, c, &only_pages) : 0;
        *ret = (struct channel){ .name = c->name, .place = c->place, .page = c->page,
                                 .brief = c->brief, .trouble = c->trouble, .kind = c->kind,
                                 .trouble_at = c->trouble_at, .next_at = next_at,
                                 .waiting = c->waiting,
                                 .sending = is_sending(n, c) };
        return true;
    }
    return false;
}

/* --- rows, in the turn of what they tell ------------------------------------------------------------- */

static int add_row(struct daemon *d, const struct chan *c, enum notice_kind kind, uint32_t subject,
                   const char *dedupe, bool page)
{
    const struct store_notice row = {
        .person = c->person, .channel = str_of(c->name), .kind = str_of(notice_kind_word(kind)),
        .subject = subject, .dedupe = str_of(dedupe), .page = page, .made_at = d->now.wall_at,
        .expire_at = d->now.wall_at + NOTICE_EXPIRE_US };
    return store_notice_add(d->store, &row);
}

static int add_rows(struct daemon *d, enum notice_kind kind, uint32_t subject, uint32_t of,
                    person_no whom)
{
    struct notices *n = d->notices;
    char dedupe[NOTICE_DEDUPE_MAX];
    int code = 0;
    for (uint32_t i = 0; n && i < n->channels.n && code == 0; i++) {
        const struct chan *c = chan_at(n, i);
        if (c->person != whom)
            continue;
        notice_dedupe(kind, of, is_sending(n, c) && !n->brief ? n->last : 0, dedupe);
        code = add_row(d, c, kind, subject, dedupe, notice_is_listed(str_of(c->page), kind));
    }
    if (n)
        look_again(n);
    return code;
}

int notices_job(struct daemon *d, const struct core_update *u, person_no owner, job_id array)
{
    enum notice_kind kind;
    return notice_of_job(u, &kind) ? add_rows(d, kind, u->job, array ? array : u->job, owner) : 0;
}

int notices_stalled(struct daemon *d, job_id job)
{
    struct job_info info;
    return daemon_job_info(d, job, &info) ? add_rows(d, NOTICE_STALLED, job, job, info.owner) : 0;
}

int notices_todo(struct daemon *d, enum notice_kind kind, job_id id, person_no whom)
{
    return add_rows(d, kind, id, id, whom);
}

/* --- operations ------------------------------------------------------------------------------------- */

/* Channels and calendars have files of secrets in one directory; no calendar's name has a colon. */
struct str notices_secret_name(struct str name, char memory[CHANNEL_NAME_MAX + 2])
{
    snprintf(memory, CHANNEL_NAME_MAX + 2, ":%.*s", STR_ARG(str_slice(name, 0, CHANNEL_NAME_MAX)));
    return str_of(memory);
}

static int check_page(struct str list, struct err *err)
{
    struct str rest = list, one;
    enum notice_kind kind;
    if (list.len > CHANNEL_PAGE_MAX)
        return err_set(err, E_TOO_LARGE, "The list of kinds is too long.");
    while (rest.len && str_next(&rest, ',', &one))
        if (!notice_kind_read(one, &kind))
            return err_set(err, E_INVALID,
                           "There is no notice \"%.*s\"; there are job-done, job-failed, job-held, "
                           "job-stalled, todo-asked, todo-done and todo-dropped.", STR_ARG(str_slice(one, 0, 32)));
    return 0;
}

static int check_brief(struct str list, struct err *err)
{
    struct str rest = list, one;
    bool ok = list.len <= CHANNEL_BRIEF_MAX;
    while (ok && rest.len && str_next(&rest, ',', &one))
        ok = str_is(one, "morning") || str_is(one, "evening");
    return ok ? 0 : err_set(err, E_INVALID, "Briefs are \"morning\", \"evening\" or \"morning,evening\".");
}

static uint32_t channels_of(const struct notices *n, person_no no)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < n->channels.n; i++)
        count += chan_at(n, i)->person == no;
    return count;
}

static int add_channel(struct daemon *d, person_no no, const struct channel_change *c, struct err *err)
{
    char place[NOTICE_PLACE_MAX], memory[CHANNEL_NAME_MAX + 2];
    int code = calendar_name_ok(c->name) && c->name.len <= CHANNEL_NAME_MAX
                   ? 0 : err_set(err, E_INVALID, "A channel is called by 1 to %d letters, digits, "
                                                 "-, _ or dots.", CHANNEL_NAME_MAX);
    if (code == 0 && c->kind == CHANNEL_COMMAND && strcmp(d->mode, "system") == 0)
        code = err_set(err, E_UNSUPPORTED, "A command would run as the user of the system's eoul; use a web hook.");
    if (code == 0)
        code = notice_address_check(c->kind, c->address, c->secret, place, err);
    if (code == 0)
        code = check_page(c->page, err);
    if (code == 0)
        code = check_brief(c->brief, err);
    if (code == 0 && !chan_find(d->notices, no, c->name) && channels_of(d->notices, no) >= CHANNELS_MAX)
        code = err_set(err, E_TOO_LARGE, "A person has at most %d channels; remove one first.",
                       CHANNELS_MAX);
    if (code < 0)
        return code;
    const struct calendar_secrets secrets = { c->address, c->user, c->secret };
    code = credentials_put(d, no, notices_secret_name(c->name, memory), &secrets);
    if (code < 0)
        return err_set(err, code, "The address could not be written down.");
    const struct store_channel row = { .person = no, .name = c->name,
                                       .kind = str_of(channel_kind_word(c->kind)),
                                       .place = str_of(place), .page = c->page,
                                       .brief = c->brief, .add_at = d->now.wall_at };
    code = store_channel_put(d->store, &row);
    return code < 0 ? d->broken = err_set(err, code, "The channel could not be written down.") : 0;
}

static int remove_channel(struct daemon *d, person_no no, struct str name, struct err *err)
{
    char memory[CHANNEL_NAME_MAX + 2];
    int code = store_channel_remove(d->store, no, name);
    if (code < 0)
        return d->broken = err_set(err, code, "The channel could not be removed.");
    credentials_remove(d, no, notices_secret_name(name, memory));
    return 0;
}

int notices_remove_all(struct daemon *d, person_no no, struct err *err)
{
    char names[CHANNELS_MAX][CHANNEL_NAME_MAX + 1];
    struct channel channel;
    uint32_t n = 0;
    int code = 0;
    while (d->notices && n < CHANNELS_MAX && notices_channel(d, no, n, &channel)) {
        snprintf(names[n], sizeof names[n], "%s", channel.name);
        n++;
    }
    for (uint32_t i = 0; i < n && code == 0; i++)
        code = remove_channel(d, no, str_of(names[i]), err);
    if (n > 0)
        notices_forget(d);
    return code;
}

/* What came of a delivery.  The channel may be gone meanwhile. */
static int told(struct daemon *d, const struct channel_change *c)
{
    struct chan *chan = chan_find(d->notices, c->person, c->name);
    if (!chan)
        return 0;
    int code = c->told       ? 0
               : c->trouble.len ? store_notices_later(d->store, c->person, c->name, c->only_pages, c->last,
                                                    d->now.wall_at + c->again_us)
                                : store_notices_told(d->store, c->person, c->name, c->only_pages, c->last);
    if (code == 0 && !c->trouble.len)
        code = store_notices_free(d->store, c->person, c->name);
    if (code == 0)
        code = store_notices_expire(d->store, d->now.wall_at);
    bool arrived = c->told && !c->trouble.len;
    if (code == 0 && (arrived || !str_is(c->trouble, chan->trouble))) {
        const struct store_channel row = {
            .person = c->person, .name = c->name, .kind = str_of(channel_kind_word(chan->kind)),
            .place = str_of(chan->place), .page = str_of(chan->page), .trouble = c->trouble,
            .brief = str_of(chan->brief),
            .morning_at = arrived && c->told == BRIEF_MORNING ? d->now.wall_at : chan->morning_at,
            .evening_at = arrived && c->told == BRIEF_EVENING ? d->now.wall_at : chan->evening_at,
            .trouble_at = c->trouble.len ? d->now.wall_at : 0 };
        code = store_channel_put(d->store, &row);
    }
    return code < 0 ? d->broken = code : 0;
}

int notices_op(struct daemon *d, struct op *op)
{
    const struct channel_change *c = op->channel.change;
    person_no no = 0;
    if (!d->notices)
        return err_set(&op->err, E_UNAVAILABLE, "This daemon cannot deliver notices.");
    look_again(d->notices);
    if (c->action == CHANNEL_TOLD)
        return told(d, c);
    int code = people_of_op(d->people, d, op, &no, &op->err);
    if (code == 0)
        code = calendars_may(d->people, d, &op->peer, no, &op->err);
    if (code == 0 && c->action == CHANNEL_ADD)
        return add_channel(d, no, c, &op->err);
    struct chan *chan = code == 0 ? chan_find(d->notices, no, c->name) : NULL;
    if (code == 0 && !chan)
        code = err_set(&op->err, E_NOT_FOUND, "There is no channel \"%.*s\"; \"eoul me notify list\" "
                                              "names them.", STR_ARG(str_slice(c->name, 0, 40)));
    if (code < 0 || !chan)
        return code;
    if (c->action == CHANNEL_REMOVE)
        return remove_channel(d, no, c->name, &op->err);
    code = add_row(d, chan, NOTICE_TEST, 0, "test", true); /* whoever asks for it is there */
    return code < 0 ? d->broken = code : 0;
}

/* --- the process -------------------------------------------------------------------------------------- */

static void sender_end(struct notices *n)
{
    loop_watch_remove(&n->watch);
    loop_timer_cancel(n->d->loop, &n->patience);
    if (n->pidfd >= 0)
        syscall(SYS_pidfd_send_signal, n->pidfd, SIGKILL, NULL, 0);
    io_close(&n->pidfd);
    io_close(&n->fd);
    fetch_reader_finish(&n->in);
}

static void told_done(struct op *op, void *context)
{
    (void)context;
    if (op->result < 0)
        log_line("notice", "error=%s", err_word(op->result));
    free(op);
}

/* What came of the present delivery goes into the next turn. */
static void finish(struct notices *n, const char *trouble, usec_t again_us)
{
    struct told_op *o = n->person ? calloc(1, sizeof *o) : NULL;
    if (o) {
        o->op = (struct op){ .kind = OP_CHANNEL, .peer = { .uid = geteuid() }, .done = told_done };
        o->op.channel.change = &o->change;
        memcpy(o->name, n->name, sizeof o->name);
        copy(o->trouble, sizeof o->trouble, str_of(trouble));
        o->change = (struct channel_change){
            .action = CHANNEL_TOLD, .person = n->person, .name = str_of(o->name), .last = n->last,
            .only_pages = n->only_pages, .told = n->brief, .trouble = str_of(o->trouble),
            .again_us = notice_again_us(n->tries, again_us) };
        struct chan *c = n->brief ? chan_find(n, n->person, str_of(n->name)) : NULL;
        if (c) {
            c->brief_tries = trouble[0] ? c->brief_tries + 1 : 0;
            c->brief_again_boot_at = trouble[0] ? loop_now(n->d->loop).boot_at + o->change.again_us : 0;
        }
        if (trouble[0])
            log_line("notice", "person=%u channel=%s trouble=\"%s\"", n->person, n->name, trouble);
        if (daemon_enqueue(n->d, &o->op) < 0)
            free(o); /* stopping, or a crowd: it is sent again, with the same id */
    }
    n->person = 0;
    look_again(n);
    loop_timer_cancel(n->d->loop, &n->patience);
}

static void take_answer(struct notices *n, struct str fields)
{
    char trouble[TROUBLE_MAX] = "";
    struct str word = fetch_get(fields, FETCH_TROUBLE_TAG);
    int64_t status = fetch_get_i64(fields, FETCH_STATUS_TAG, 0);
    int64_t wait_s = fetch_get_i64(fields, FETCH_RETRY_AFTER_S_TAG, 0);
    if (word.len)
        copy(trouble, sizeof trouble, trouble_read(word, NULL) == TROUBLE_NONE
                                          ? str_of(trouble_word(TROUBLE_PROTOCOL)) : word);
    else if (!notice_arrived(n->kind, status, fetch_get(fields, FETCH_BODY_TAG)))
        snprintf(trouble, sizeof trouble, "status %" PRId64, status);
    finish(n, trouble, wait_s > 0 && wait_s < 86400 ? wait_s * USEC_PER_SEC : 0);
}

static void ready(struct loop_watch *w, uint32_t events, void *data)
{
    struct notices *n = data;
    int code;
    (void)w, (void)events;
    while ((code = fetch_receive(&n->in, n->fd)) == 1)
        if (n->in.head.kind == FETCH_DONE && n->in.head.number == n->number && n->person)
            take_answer(n, buf_look(&n->in.fields));
    if (code < 0) {
        log_line("notice", "state=gone code=%s", err_word(code));
        finish(n, trouble_word(TROUBLE_HUNG), 0);
        sender_end(n);
    }
}

static void impatient(struct loop_timer *t, void *data)
{
    struct notices *n = data;
    (void)t;
    log_line("notice", "state=hangs action=kill");
    finish(n, trouble_word(TROUBLE_HUNG), 0);
    sender_end(n);
}

static int sender_begin(struct notices *n, enum fetch_kind mode)
{
    struct daemon *d = n->d;
    struct err err = { 0 };
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
        return io_from_errno(errno);
    int code = engine_local_spawn(d->engine, LOCAL_FETCH, pair[1], pair[1], &n->pidfd, &err);
    io_close(&pair[1]);
    n->fd = pair[0];
    n->mode = mode;
    if (code == 0 && fcntl(n->fd, F_SETFL, O_NONBLOCK) < 0)
        code = io_from_errno(errno);
    if (code == 0)
        code = fetch_send(n->fd, mode, 0, (struct str){ "", 0 });
    if (code == 0)
        code = loop_watch_add(d->loop, &n->watch, n->fd, LOOP_READ, ready, n);
    if (code < 0) {
        log_line("notice", "state=not-started error=\"%s\"", err.text);
        sender_end(n);
    }
    return code;
}

/* --- one letter ------------------------------------------------------------------------------------------ */

struct row { /* of the store, copied: looking names up asks the store again */
    enum notice_kind kind;
    uint32_t subject, n;
    usec_t made_at;
};

struct letter {
    struct row rows[NOTICE_ITEMS_MAX];
    struct notice_item items[NOTICE_ITEMS_MAX];
    size_t rows_n, more;
    uint64_t last;
    uint32_t tries;
    usec_t made_at;      /* of the oldest */
    struct buf names;
    char names_memory[NAMES_MAX];
};

static int take_row(const struct store_notice *n, void *data)
{
    struct letter *l = data;
    struct row r = { .subject = n->subject, .n = n->n, .made_at = n->made_at };
    l->last = n->id;
    l->tries = n->tries > l->tries ? n->tries : l->tries;
    if (!l->made_at)
        l->made_at = n->made_at;
    if (!notice_kind_read(n->kind, &r.kind))
        return 0; /* of a newer eoul */
    if (l->rows_n < NOTICE_ITEMS_MAX)
        l->rows[l->rows_n++] = r;
    else
        l->more += n->n;
    return 0;
}

/* A clean copy that lives as long as the letter. */
static const char *keep(struct letter *l, struct str text)
{
    char *at = l->names_memory + l->names.len;
    size_t before = l->names.len;
    utf8_clean(&l->names, text);
    buf_char(&l->names, '\0');
    if (!l->names.failed)
        return at;
    l->names.failed = 0;
    l->names.len = before;
    return "";
}

static void fill_job(struct daemon *d, struct letter *l, const struct row *r, struct notice_item *to)
{
    struct store_job ended;
    struct job_info info;
    char id[VIEW_NAME_ID_MAX];
    bool is_ended = store_job_get(d->store, r->subject, &ended) == 0;
    if (is_ended) {
        view_name_id(r->n > 1 ? ended.array_id : ended.id, r->n > 1 ? 0 : ended.array_id,
                     ended.array_index, id);
        to->name = keep(l, ended.name);
        to->state = keep(l, ended.state);
        to->reason = keep(l, ended.reason);
        to->exit_code = ended.exit_code;
        to->signal = ended.signal;
    } else {
        struct core_job job;
        bool live = core_job_get(d->core, r->subject, &job) && daemon_job_info(d, r->subject, &info);
        view_name_id(r->subject, live ? job.array_id : 0, live ? job.array_index : 0, id);
        to->name = keep(l, live ? str_of(info.name) : (struct str){ "", 0 });
        to->reason = live ? reason_word(job.reason) : "";
    }
    to->id = keep(l, str_of(id));
    store_reset(d->store);
}

static void fill(struct daemon *d, struct letter *l, const struct row *r, struct notice_item *to)
{
    struct todo_info todo;
    char id[16];
    *to = (struct notice_item){ .kind = r->kind, .n = r->n, .id = "", .name = "", .state = "",
                                .reason = "", .at = r->made_at };
    if (r->kind <= NOTICE_STALLED) {
        fill_job(d, l, r, to);
    } else if (r->kind != NOTICE_TEST) {
        snprintf(id, sizeof id, "%u", r->subject);
        to->id = keep(l, str_of(id));
        if (todos_get(d, r->subject, 0, &todo, NULL) == 0)
            to->name = keep(l, todo.title);
        store_reset(d->store);
    }
}

static void put_request(struct buf *out, const struct notice_request *r, const struct notice_channel *c)
{
    fetch_field(out, FETCH_URL_TAG, buf_look(&r->url));
    fetch_field(out, FETCH_HEADER_TAG, buf_look(&r->headers));
    fetch_field(out, FETCH_BODY_TAG, buf_look(&r->body));
    if (r->to.len == 0)
        return;
    fetch_field(out, FETCH_FROM_TAG, buf_look(&r->from));
    fetch_field(out, FETCH_TO_TAG, buf_look(&r->to));
    fetch_field(out, FETCH_USER_TAG, c->user);
    fetch_field(out, FETCH_PASSWORD_TAG, c->secret);
}

/* The letter as a request for eoul-fetch. */
static int write_letter(struct notices *n, const struct chan *c, struct letter *l, struct buf *title,
                        struct buf *text, struct answers *answers)
{
    struct daemon *d = n->d;
    struct person person = { 0 };
    (void)people_get(d->people, c->person, &person);
    answers_begin(d, answers, c->person, person.lang_known ? person.lang : LANG_EN, loop_now(d->loop).wall_at);
    if (n->brief) {
        answers_brief(d, answers);
        return briefs_write(d, c->person, n->brief == BRIEF_MORNING, true, title, text);
    }
    const struct notice_text what = {
        .lang = person.lang_known ? person.lang : LANG_EN,
        .zone = person.zone ? person.zone : people_system_zone(d->people),
        .now_at = loop_now(d->loop).wall_at, .items = l->items, .items_n = l->rows_n, .more = l->more };
    for (size_t i = 0; i < l->rows_n; i++) {
        fill(d, l, &l->rows[i], &l->items[i]);
        if (l->rows[i].kind == NOTICE_ASKED)
            answers_todo(d, answers, l->rows[i].subject, true);
        if (l->rows[i].kind == NOTICE_HELD)
            answers_held(d, answers, l->rows[i].subject);
    }
    notice_title(title, &what);
    notice_lines(text, &what);
    return title->failed || text->failed ? E_TOO_LARGE : 0;
}

static int compose(struct notices *n, const struct chan *c, struct letter *l,
                   const struct calendar_secrets *secrets, struct buf *out)
{
    struct buf title, text;
    struct notice_request request = { 0 };
    struct answers answers;
    char id[64];
    buf_init(&title, 4096);
    buf_init(&text, NOTICE_TEXT_MAX * 8);
    int code = write_letter(n, c, l, &title, &text, &answers);
    snprintf(id, sizeof id, "%" PRIu64 ".%lld", l->last, (long long)l->made_at);
    const struct notice_channel channel = { c->kind, secrets->url, secrets->user, secrets->password };
    const struct notice_message message = { .id = id, .title = buf_look(&title),
                                            .text = buf_look(&text), .page = n->only_pages,
                                            .now_at = loop_now(n->d->loop).wall_at,
                                            .answers = answers.at, .answers_n = answers.n };
    if (code == 0)
        code = notice_request(&channel, &message, &request);
    if (code == 0)
        put_request(out, &request, &channel);
    notice_request_finish(&request);
    explicit_bzero(&answers, sizeof answers);
    buf_finish(&title);
    buf_finish(&text);
    return code < 0 ? code : out->failed;
}

static int post(struct notices *n, const struct chan *c, struct letter *l)
{
    struct calendar_secrets secrets = { 0 };
    char memory[CALENDAR_SECRET_MAX + 2048], name[CHANNEL_NAME_MAX + 2];
    struct buf kept, fields;
    buf_init_fixed(&kept, memory, sizeof memory);
    buf_init(&fields, FETCH_LEN_MAX);
    int code = credentials_get(n->d, c->person, notices_secret_name(str_of(c->name), name), &kept, &secrets);
    const char *trouble = code < 0 ? trouble_word(TROUBLE_CREDENTIALS) : "";
    if (code == 0 && (code = compose(n, c, l, &secrets, &fields)) < 0)
        trouble = trouble_word(TROUBLE_TOO_LARGE);
    if (code == 0 && (code = fetch_send(n->fd, FETCH_NOTICE, ++n->number, buf_look(&fields))) < 0)
        trouble = trouble_word(TROUBLE_HUNG);
    explicit_bzero(memory, sizeof memory);
    if (fields.ptr)
        explicit_bzero(fields.ptr, fields.size);
    buf_finish(&fields);
    if (code < 0)
        finish(n, trouble, 0);
    return code;
}

static void send_to(struct notices *n, const struct chan *c, bool only_pages, enum brief_kind brief)
{
    struct letter *l = calloc(1, sizeof *l);
    if (!l)
        return; /* the next look tries again */
    buf_init_fixed(&l->names, l->names_memory, sizeof l->names_memory);
    int code = brief ? 0 : store_notices_each(n->d->store, c->person, str_of(c->name), only_pages, ROWS_MAX,
                                              take_row, l);
    if (brief) { /* the same id at each try of one morning, or evening */
        l->tries = c->brief_tries;
        l->made_at = brief == BRIEF_MORNING ? c->morning_at : c->evening_at;
    }
    n->brief = brief;
    if (code == 0 && (l->last || brief)) {
        n->person = c->person;
        memcpy(n->name, c->name, sizeof n->name);
        n->kind = c->kind;
        n->last = l->last;
        n->tries = l->tries;
        n->only_pages = only_pages;
        loop_timer_set(n->d->loop, &n->patience, loop_now(n->d->loop).boot_at + ASK_US, impatient, n);
        (void)post(n, c, l);
    }
    free(l);
}

/* --- when ------------------------------------------------------------------------------------------------ */

static struct notice_wait wait_of(const struct chan *c, struct loop_now now)
{
    usec_t brief_wait_us = usec_max(c->brief_again_boot_at - now.boot_at, 0);
    return (struct notice_wait){ .pages = c->pages_waiting > 0, .others = c->waiting > c->pages_waiting,
                                 .not_before_at = usec_max(notice_hold_at(c->not_before_at, now.wall_at),
                                                           now.wall_at + brief_wait_us) };
}

/* When to send on this channel, and whether only what may come at any time. */
static usec_t due_at(struct daemon *d, const struct chan *c, bool *ret_only_pages)
{
    struct span windows[PEOPLE_WINDOWS_MAX];
    size_t count = 0;
    const struct notice_wait w = wait_of(c, loop_now(d->loop));
    usec_t now_at = loop_now(d->loop).wall_at;
    if (people_windows(d->people, c->person, (struct span){ now_at, now_at + AHEAD_US }, windows, &count) < 0)
        count = 0;
    return notice_due_at(&w, windows, count, now_at, ret_only_pages);
}

static bool wants(const struct chan *c, const char *which)
{
    struct str list = str_of(c->brief), one;
    while (list.len && str_next(&list, ',', &one))
        if (str_is(one, which))
            return true;
    return false;
}

static void view_channel(void *data, uint32_t i, struct notice_view *ret)
{
    struct notices *n = data;
    const struct chan *c = chan_at(n, i);
    struct loop_now now = loop_now(n->d->loop);
    *ret = (struct notice_view){
        .wait = wait_of(c, now), .looked = n->looked,
        .brief = { wants(c, "morning"), wants(c, "evening"), c->morning_at, c->evening_at } };
    int code = !c->brief[0] && !c->waiting ? E_NOT_FOUND
             : c->brief[0] ? briefs_windows(n->d, c->person, now.wall_at, n->looked, &ret->looked_n)
                           : people_windows(n->d->people, c->person,
                                            (struct span){ now.wall_at, now.wall_at + AHEAD_US },
                                            n->looked, &ret->looked_n);
    if (code < 0)
        ret->looked_n = 0;
}

static void due_fired(struct loop_timer *t, void *data)
{
    (void)t;
    ((struct notices *)data)->look = true;
}

/* What runs the first time after a start, and whenever a process could not be started before. */
static bool sender_is_there(struct notices *n, const struct chan *c, struct loop_now now)
{
    enum fetch_kind mode = c->kind == CHANNEL_COMMAND ? FETCH_COMMANDS : FETCH_NETWORK;
    if (n->fd >= 0 && n->mode == mode)
        return true;
    if (n->fd >= 0) { /* one that has read the network runs nothing, and the other way round */
        sender_end(n);
        return sender_begin(n, mode) == 0;
    }
    if (n->again_boot_at > now.boot_at)
        return false;
    n->again_boot_at = now.boot_at + PROGRAM_AGAIN_US;
    return sender_begin(n, mode) == 0;
}

void notices_step(struct daemon *d)
{
    struct notices *n = d->notices;
    if (!n || !n->look || n->person || d->stopping || d->disk_full || !d->fetch)
        return;
    if (n->stale && read_all(n) < 0)
        return;
    n->look = false;
    struct loop_now now = loop_now(d->loop);
    const struct notice_picking all = { .n = n->channels.n, .first = n->turn, .now_at = now.wall_at,
                                        .data = n, .view = view_channel };
    struct notice_pick pick;
    usec_t next_at = now.wall_at + USEC_PER_SEC;
    if (notice_pick(&all, &pick, &next_at)) {
        const struct chan *c = chan_at(n, pick.channel);
        n->turn = pick.channel + 1;
        if (sender_is_there(n, c, now)) {
            send_to(n, c, pick.only_pages, pick.brief);
            return; /* its answer wakes us */
        }
    }
    if (next_at == USEC_NEVER)
        loop_timer_cancel(d->loop, &n->due);
    else
        loop_timer_set(d->loop, &n->due, now.boot_at + next_at - now.wall_at, due_fired, n);
}

void notices_start(struct daemon *d)
{
    notices_forget(d);
    notices_step(d);
}

void notices_finish(struct daemon *d)
{
    struct notices *n = d->notices;
    if (!n)
        return;
    sender_end(n);
    loop_timer_cancel(d->loop, &n->due);
    list_finish(&n->channels);
    free(n);
    d->notices = NULL;
}
