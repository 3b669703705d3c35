/* feeds.c - see feeds.h. */
#include "daemon/feeds.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/io.h"
#include "base/sha256.h"
#include "base/utf8.h"
#include "daemon/calendars.h"
#include "daemon/internal.h"
#include "daemon/view.h"
#include "feed/feed.h"

#define ENDED_MAX 200
#define LOOK_US (15 * USEC_PER_MIN) /* how long a look at a result is drawn */
#define TEXT_MAX (512u << 10)

void feeds_hash(struct str token, char ret[65])
{
    struct sha256 s;
    uint8_t digest[SHA256_BYTES];
    sha256_init(&s);
    sha256_add(&s, token);
    sha256_end(&s, digest);
    sha256_hex(digest, ret);
}

/* --- events -------------------------------------------------------------------------------------- */

struct making {
    struct daemon *d;
    person_no no;
    bool busy;
    enum lang lang;
    usec_t now_at;
    char origin[20];      /* which eoul: numbers of jobs are unique within one */
    struct feed_event events[FEED_EVENTS_MAX];
    size_t events_n;
    struct buf text;
    char text_memory[TEXT_MAX];
};

/* A clean copy that lives as long as the making. */
static const char *keep(struct making *m, struct str text)
{
    char *at = m->text_memory + m->text.len;
    size_t before = m->text.len;
    utf8_clean(&m->text, text);
    buf_char(&m->text, '\0');
    if (!m->text.failed)
        return at;
    m->text.failed = 0;
    m->text.len = before;
    return "";
}

static void add(struct making *m, const char *uid, const char *title, struct str link, struct span span,
                bool busy)
{
    if (m->events_n >= FEED_EVENTS_MAX || span.from_at <= 0 || span.until_at <= span.from_at ||
        span.until_at == USEC_NEVER)
        return;
    m->events[m->events_n++] = (struct feed_event){
        .uid = keep(m, str_of(uid)), .title = keep(m, str_of(title)), .text = "", .link = keep(m, link),
        .from_at = span.from_at, .until_at = span.until_at, .busy = busy };
}

static void add_todo(struct making *m, const struct todo_row *row)
{
    struct todo_info info;
    char uid[FEED_UID_MAX], title[TODO_TITLE_MAX * 4 + 64];
    struct buf name;
    if (row->person != m->no || todos_get(m->d, row->todo, m->no, &info, NULL) < 0)
        return;
    buf_init_fixed(&name, title, sizeof title);
    if (m->busy)
        buf_c(&name, tr(m->lang, "busy"));
    else if (info.review_of)
        buf_printf(&name, tr(m->lang, "look at job %1$lld (%2$s)"), (long long)info.review_of,
                   keep(m, info.title));
    else
        buf_str(&name, info.title);
    buf_char(&name, '\0');
    snprintf(uid, sizeof uid, "todo-%u-%u.%s@eoul", row->todo, row->part, m->origin);
    add(m, uid, name.failed ? "?" : title, m->busy ? (struct str){ "", 0 } : info.link,
        (struct span){ row->from_at, row->until_at }, true);
    store_reset(m->d->store);
}

static void add_job(struct making *m, const struct view_row *row, bool over)
{
    char uid[FEED_UID_MAX], title[2048];
    struct buf text;
    const char *name = keep(m, row->name);
    buf_init_fixed(&text, title, sizeof title);
    buf_printf(&text, !over                            ? tr(m->lang, "%1$s %2$s runs")
                      : str_is(row->state, "COMPLETED") ? tr(m->lang, "%1$s %2$s: done")
                                                        : tr(m->lang, "%1$s %2$s: did not end well"),
               row->name_id, name);
    snprintf(uid, sizeof uid, "run-%u.%s@eoul", row->id, m->origin);
    add(m, uid, text.failed ? "?" : title, (struct str){ "", 0 },
        (struct span){ row->start_at, over ? row->end_at : row->end_p50_at }, false);
    if (over || row->eyes_at <= 0)
        return;
    buf_clear(&text);
    buf_printf(&text, tr(m->lang, "look at %1$s %2$s"), row->name_id, name);
    snprintf(uid, sizeof uid, "look-%u.%s@eoul", row->id, m->origin);
    add(m, uid, text.failed ? "?" : title, (struct str){ "", 0 },
        (struct span){ row->eyes_at, row->eyes_at + LOOK_US }, false);
}

static int add_ended(const struct store_job *job, void *data)
{
    struct making *m = data;
    struct view_row row;
    if (job->end_at <= m->now_at - FEED_KEEP_US)
        return 0;
    view_ended(m->d, NULL, job, &row);
    add_job(m, &row, true);
    return 0;
}

static int add_all(struct making *m)
{
    struct view v;
    uint32_t waiting = 0;
    int code = view_init(&v, m->d, NULL, NULL);
    for (uint32_t i = 0; code == 0 && i < v.plan.todo_rows_n; i++)
        add_todo(m, &v.plan.todo_rows[i]);
    if (code < 0 || m->busy)
        return code;
    for (uint32_t i = 0; i < v.plan.rows_n && m->events_n < FEED_EVENTS_MAX;) {
        struct view_row row;
        struct job_info info;
        job_id id = v.plan.rows[i].job;
        i += view_planned(&v, i, true, &waiting, &row);
        if (row.owner && daemon_job_info(m->d, id, &info) && info.owner == m->no)
            add_job(m, &row, false);
    }
    return store_jobs_each(m->d->store, m->no, 0, USEC_NEVER, ENDED_MAX, add_ended, m);
}

/* --- reading ---------------------------------------------------------------------------------------- */

static int open_dir(const struct daemon *d)
{
    if (mkdirat(d->state_fd, FEED_DIR, 0700) < 0 && errno != EEXIST)
        return io_from_errno(errno);
    int fd = openat(d->state_fd, FEED_DIR, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    return fd < 0 ? io_from_errno(errno) : fd;
}

/* By the hash's first letters: the file's name says nothing of the token. */
static void name_of_file(const char *hash, char ret[24])
{
    snprintf(ret, 24, "%.16s.ics", hash);
}

static int publish(struct making *m, const char *hash, struct buf *out)
{
    char file[24];
    struct buf old;
    bool changed = false;
    const struct feed f = { .name = m->busy ? "eoul (busy)" : "eoul", .now_at = m->now_at,
                            .events = m->events, .events_n = m->events_n };
    buf_init(&old, FEED_BYTES_MAX * 2);
    name_of_file(hash, file);
    int dir = open_dir(m->d);
    int code = dir < 0 ? dir : io_read_file(dir, file, &old);
    if (code == E_NOT_FOUND)
        code = 0;
    if (code == 0)
        code = feed_write(out, &f, buf_look(&old), &changed, NULL);
    if (code == 0 && changed && io_replace_file(dir, file, out->ptr, out->len, 0600) < 0)
        log_line("feed", "state=not-kept"); /* it is still right; its numbers may repeat after a restart */
    io_close(&dir);
    buf_finish(&old);
    return code;
}

/* The plan of this person for whom `hash` stands, so that what was published last is found again. */
static int make(struct daemon *d, person_no no, bool busy, const char *hash, struct buf *out)
{
    char host[256] = "";
    struct person person = { 0 };
    struct making *m = calloc(1, sizeof *m);
    if (!m)
        return E_NO_MEMORY;
    m->d = d;
    m->no = no;
    m->busy = busy;
    m->now_at = daemon_now(d).wall_at;
    (void)people_get(d->people, m->no, &person);
    m->lang = person.lang_known ? person.lang : LANG_EN;
    (void)gethostname(host, sizeof host - 1);
    snprintf(m->origin, sizeof m->origin, "%016llx",
             (unsigned long long)(hash_bytes(1, d->place.state, strlen(d->place.state)) ^
                                  hash_bytes(2, host, strlen(host))));
    buf_init_fixed(&m->text, m->text_memory, sizeof m->text_memory);
    int code = add_all(m);
    store_reset(d->store);
    if (code == 0)
        code = publish(m, hash, out);
    free(m);
    return code;
}

int feeds_read(struct daemon *d, struct str token, struct buf *out)
{
    char hash[65];
    struct store_feed row;
    feeds_hash(token, hash);
    int code = token.len == FEED_TOKEN_TEXT ? store_feed_find(d->store, str_of(hash), &row) : E_NOT_FOUND;
    person_no no = code == 0 ? (person_no)row.person : 0;
    bool busy = code == 0 && row.busy;
    store_reset(d->store);
    return code == 0 ? make(d, no, busy, hash, out) : code;
}

int feeds_of_link(struct daemon *d, person_no no, struct str token, struct buf *out)
{
    char hash[65];
    feeds_hash(token, hash);
    return make(d, no, false, hash, out);
}

/* --- operations ---------------------------------------------------------------------------------------- */

struct search {
    person_no no;
    struct str name;
    uint32_t n;
    bool found;
    char hash[65];
};

static int look_at(const struct store_feed *row, void *data)
{
    struct search *s = data;
    if (row->person != s->no)
        return 0;
    s->n++;
    if (str_eq(row->name, s->name)) {
        s->found = true;
        snprintf(s->hash, sizeof s->hash, "%.*s", (int)(row->hash.len < 64 ? row->hash.len : 64),
                 row->hash.ptr);
    }
    return 0;
}

void feeds_forget(struct daemon *d, const char *hash)
{
    char file[24];
    name_of_file(hash, file);
    int dir = open_dir(d);
    if (dir >= 0)
        unlinkat(dir, file, 0);
    io_close(&dir);
}

int feeds_op(struct daemon *d, struct op *op)
{
    const struct feed_change *c = op->feed.change;
    struct search s = { .name = c->name };
    int code = people_of_op(d->people, d, op, &s.no, &op->err);
    if (code == 0)
        code = calendars_may(d->people, d, &op->peer, s.no, &op->err);
    if (code == 0 && (code = store_feeds_each(d->store, look_at, &s)) < 0)
        err_set(&op->err, code, "The feeds cannot be looked up.");
    if (code < 0)
        return code;
    if (c->remove && !s.found)
        return err_set(&op->err, E_NOT_FOUND, "There is no feed \"%.*s\"; \"eoul me feed list\" names them.",
                       STR_ARG(str_slice(c->name, 0, 40)));
    if (!c->remove && (!calendar_name_ok(c->name) || c->name.len > FEED_NAME_MAX))
        return err_set(&op->err, E_INVALID, "A feed is called by 1 to %d letters, digits, -, _ or dots.",
                       FEED_NAME_MAX);
    if (!c->remove && s.found) /* whoever subscribes to it would be cut off */
        return err_set(&op->err, E_EXISTS, "There is a feed \"%.*s\" already, and addresses are shown once only; take another "
                       "--name, or end it with \"eoul me feed remove %.*s\" first.", STR_ARG(c->name), STR_ARG(c->name));
    if (!c->remove && s.n >= FEEDS_MAX)
        return err_set(&op->err, E_TOO_LARGE, "A person has at most %d feeds; remove one first.", FEEDS_MAX);
    const struct store_feed row = { .person = s.no, .name = c->name, .hash = c->hash, .busy = c->busy,
                                    .add_at = d->now.wall_at };
    code = c->remove ? store_feed_remove(d->store, s.no, c->name) : store_feed_put(d->store, &row);
    if (code < 0)
        return d->broken = err_set(&op->err, code, "The feed could not be written down.");
    if (c->remove)
        feeds_forget(d, s.hash);
    return 0;
}

struct listed {
    person_no no;
    uint32_t n;
    char names[FEEDS_MAX][FEED_NAME_MAX + 1], hashes[FEEDS_MAX][65];
};

static int take(const struct store_feed *row, void *data)
{
    struct listed *l = data;
    if (row->person != l->no || l->n >= FEEDS_MAX)
        return 0;
    snprintf(l->names[l->n], sizeof l->names[0], "%.*s", STR_ARG(str_slice(row->name, 0, FEED_NAME_MAX)));
    snprintf(l->hashes[l->n++], sizeof l->hashes[0], "%.*s", STR_ARG(str_slice(row->hash, 0, 64)));
    return 0;
}

int feeds_remove_all(struct daemon *d, person_no no, struct err *err)
{
    struct listed l = { .no = no };
    int code = store_feeds_each(d->store, take, &l);
    for (uint32_t i = 0; i < l.n && code == 0; i++) {
        code = store_feed_remove(d->store, no, str_of(l.names[i]));
        feeds_forget(d, l.hashes[i]);
    }
    return code < 0 ? d->broken = err_set(err, code, "The feed could not be written down.") : 0;
}
