/* keep.c - what is done when nobody waits for an answer: snapshots, retention, the ballast, tails.
 *
 * A tail is the last output of an attempt, kept in STATE/tails/JOB.ATTEMPT when its directory goes:
 * `eoul show` and a brief can quote an ended job without touching its owner's files.  It is a copy
 * for looking at, so it is not synced, and it goes by age and number.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "daemon/history.h"
#include "daemon/internal.h"
#include "engine/attempt.h"
#include "engine/local.h"

#define RETAIN_ROWS   500u                 /* of each table in one step: bounds a pause */
#define JOBS_MAX      1000000u             /* ended jobs kept, whatever their age */
#define KEYS_US       (7 * USEC_PER_DAY)   /* a client that retries for longer is not retrying */
#define TAILS_MAX     20000u               /* files in one directory; 64 KiB each at most */

/* --- tails --------------------------------------------------------------------------------------- */

static int tails_fd(const struct daemon *d)
{
    if (mkdirat(d->state_fd, "tails", 0700) < 0 && errno != EEXIST)
        return io_from_errno(errno);
    int fd = openat(d->state_fd, "tails", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    return fd < 0 ? io_from_errno(errno) : fd;
}

static int read_living(struct daemon *d, uint32_t job, uint32_t attempt, size_t max, struct buf *out,
                       uint64_t *ret_total)
{
    int dir = attempt_open(engine_local_attempts(d->engine), job, attempt);
    int code = dir < 0 ? dir : attempt_read_tail(dir, max, out, ret_total);
    io_close(&dir);
    return code;
}

void keep_tail(struct daemon *d, uint32_t job, uint32_t attempt)
{
    struct buf text;
    uint64_t total = 0;
    char name[ATTEMPT_NAME_MAX];
    buf_init(&text, TAIL_BYTES + 64);
    attempt_name(job, attempt, name);
    if (!d->disk_full && read_living(d, job, attempt, TAIL_BYTES, &text, &total) == 0 && text.len) {
        int dir = tails_fd(d);
        int fd = dir < 0 ? -1 : openat(dir, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW,
                                       0600);
        if (fd >= 0 && io_write_all(fd, text.ptr, text.len) < 0)
            unlinkat(dir, name, 0);
        else if (fd >= 0)
            d->tails_n++;
        io_close(&fd);
        io_close(&dir);
    }
    buf_finish(&text);
}

int keep_tail_read(struct daemon *d, uint32_t job, uint32_t attempt, size_t max, struct buf *out,
                   uint64_t *ret_total)
{
    char name[ATTEMPT_NAME_MAX];
    *ret_total = 0;
    int code = read_living(d, job, attempt, max, out, ret_total);
    if (code == 0)
        return 0;
    attempt_name(job, attempt, name);
    int dir = tails_fd(d);
    struct buf text;
    buf_init(&text, TAIL_BYTES + 64);
    code = dir < 0 ? dir : io_read_file(dir, name, &text);
    if (code == 0) {
        struct str tail = buf_look(&text);
        buf_str(out, str_slice(tail, tail.len > max ? tail.len - max : 0, tail.len));
        *ret_total = tail.len;
    }
    buf_finish(&text);
    io_close(&dir);
    return code == E_NOT_FOUND ? 0 : code; /* it wrote nothing, or long ago */
}

struct tail {
    uint64_t age_order; /* of its last change */
    char name[ATTEMPT_NAME_MAX];
};

static int older(const void *a, const void *b)
{
    uint64_t x = ((const struct tail *)a)->age_order, y = ((const struct tail *)b)->age_order;
    return (x > y) - (x < y);
}

/* Takes fd; NULL: it cannot be read. */
static DIR *open_dir(int fd)
{
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    if (!dir)
        io_close(&fd);
    return dir;
}

static void sweep_tails(struct daemon *d, usec_t now_at)
{
    struct list all = { 0 };
    DIR *dir = open_dir(tails_fd(d));
    if (!dir)
        return;
    for (struct dirent *e; (e = readdir(dir));) {
        struct stat st;
        if (strlen(e->d_name) >= ATTEMPT_NAME_MAX || e->d_name[0] == '.' ||
            fstatat(dirfd(dir), e->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
            continue;
        usec_t at = (usec_t)st.st_mtime * USEC_PER_SEC;
        if (d->config->keep_logs_us && at < now_at - d->config->keep_logs_us) {
            unlinkat(dirfd(dir), e->d_name, 0);
            continue;
        }
        struct tail *t = list_add(&all, sizeof *t);
        if (!t)
            break;
        t->age_order = (uint64_t)at;
        memcpy(t->name, e->d_name, strlen(e->d_name) + 1);
    }
    if (all.n > TAILS_MAX) {
        qsort(all.at, all.n, sizeof(struct tail), older);
        for (uint32_t i = 0; i < all.n - TAILS_MAX; i++)
            unlinkat(dirfd(dir), ((struct tail *)all.at)[i].name, 0);
        all.n = TAILS_MAX;
    }
    d->tails_n = all.n;
    list_finish(&all);
    closedir(dir);
}

/* --- retention ------------------------------------------------------------------------------------ */

static bool is_live(uint32_t request, void *data)
{
    const struct live_request *r = index_find(&((struct daemon *)data)->index, request);
    return r && r->live;
}

/* Before anything is written with a clock that may be wrong. */
void keep_begin(struct daemon *d)
{
    char memory[32];
    struct buf text;
    int64_t last_at = 0;
    const struct loop_now now = loop_now(d->loop);
    buf_init_fixed(&text, memory, sizeof memory);
    if (store_meta_get(d->store, "believed_at", &text) < 0 || str_i64(buf_look(&text), &last_at) < 0)
        last_at = d->last_wall_at;
    store_reset(d->store);
    believed_begin(&d->believed, last_at, now.wall_at, now.boot_at);
}

/* The time of day that is believed, kept once a day: a start with a clock that was set meanwhile compares with it. */
static int keep_believed(struct daemon *d, usec_t now_at)
{
    char memory[32];
    struct buf text;
    if (d->believed_at && now_at >= d->believed_at && now_at - d->believed_at < USEC_PER_DAY)
        return 0;
    buf_init_fixed(&text, memory, sizeof memory);
    buf_i64(&text, now_at);
    int code = store_meta_put(d->store, "believed_at", buf_look(&text));
    if (code == 0)
        d->believed_at = now_at;
    return code;
}

/* Copies that a migration or a restore left: they tell when people could look, which is gone after a week everywhere. */
static void sweep_copies(const struct daemon *d, usec_t now_at)
{
    DIR *dir = open_dir(openat(d->state_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!dir)
        return;
    for (struct dirent *e; (e = readdir(dir));) {
        struct stat st;
        bool copy = strncmp(e->d_name, "eoul.db.v", 9) == 0 || strncmp(e->d_name, "eoul.db.replaced", 16) == 0;
        if (copy && fstatat(d->state_fd, e->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode) &&
            (usec_t)st.st_mtime * USEC_PER_SEC < now_at - CONFIG_PRESENCE_US)
            unlinkat(d->state_fd, e->d_name, 0);
    }
    closedir(dir);
}

static void retain(struct daemon *d)
{
    /* Rows go from a snapshot backwards, and one is made a day; a row tells of windows since the day before; a copy
     * holds it for a day more. */
    usec_t journal_us = usec_min(d->config->keep_journal_us, CONFIG_PRESENCE_US - COPY_US_MAX);
    const struct store_retention r = { .journal_us = journal_us - SNAPSHOT_US_MAX - USEC_PER_DAY,
                                       .jobs_us = d->config->keep_jobs_us, .jobs_max = JOBS_MAX,
                                       .keys_us = KEYS_US, .met_us = HISTORY_US };
    bool more = false;
    const struct loop_now now = loop_now(d->loop);
    usec_t now_at = believed_now(&d->believed, now.wall_at, now.boot_at);
    int code = keep_believed(d, now_at);
    if (code == 0)
        code = store_retain(d->store, &r, now_at, RETAIN_ROWS, is_live, d, &more);
    if (code < 0 && code != E_NO_SPACE)
        turn_abort(d, code, "retention");
    if (!more) {
        sweep_tails(d, now_at);
        sweep_copies(d, now_at);
    }
    snapshots_look(d);
    keep_start(d);
    if (more)
        loop_timer_set(d->loop, &d->retain, loop_now(d->loop).boot_at + USEC_PER_SEC, keep_fired, d);
}

void keep_fired(struct loop_timer *t, void *data)
{
    (void)t;
    ((struct daemon *)data)->retain_due = true;
}

void keep_start(struct daemon *d)
{
    d->retain_due = false;
    loop_timer_set(d->loop, &d->retain, loop_now(d->loop).boot_at + RETAIN_US, keep_fired, d);
}

/* --- the disk --------------------------------------------------------------------------------------- */

static void restore_fired(struct loop_timer *t, void *data)
{
    struct daemon *d = data;
    (void)t;
    if (store_ballast_make(d->store) < 0) {
        loop_timer_set(d->loop, &d->restore, loop_now(d->loop).boot_at + RESTORE_US, restore_fired, d);
        return;
    }
    d->disk_full = false;
    log_line("disk", "state=enough");
}

static void snapshot(struct daemon *d)
{
    uint64_t due = core_jobs_n(d->core) / 2;
    bool old = d->events_since_snapshot > 0 && d->last_wall_at >= d->snapshot_at + SNAPSHOT_US_MAX;
    if (!old && d->events_since_snapshot < (due > SNAPSHOT_EVENTS_MIN ? due : SNAPSHOT_EVENTS_MIN))
        return;
    int code = state_snapshot(d);
    if (code == E_NO_SPACE)
        return;
    if (code < 0)
        turn_abort(d, code, "snapshot");
}

void keep_step(struct daemon *d)
{
    if (d->disk_full) {
        if (!d->restore.place)
            loop_timer_set(d->loop, &d->restore, loop_now(d->loop).boot_at + RESTORE_US,
                           restore_fired, d);
    } else {
        snapshot(d);
    }
    int code = store_tidy(d->store);
    if (code < 0)
        turn_abort(d, code, "checkpoint");
    if (d->retain_due && !d->disk_full)
        retain(d);
}
