/* backup.c - copies of the store: when asked, every hour, and back again.
 *
 * `eoul backup FILE` and the hourly copies in STATE/copies (the last 24, of a day at most) are written by the
 * daemon, over its one connection.  The hourly ones go in steps of a megabyte between which clients are answered.
 * They hold when people could look, as the journal does, so none stays for longer than COPY_US_MAX: where nothing
 * changes the newest is made again once a day, and others go.
 *
 * `eoul restore FILE` is eould --restore while no daemon runs.  The copy is checked in a directory of its
 * own and marked there; then it takes the store's place in one rename, and the store that was there
 * stays beside it as eoul.db.replaced.  Killed at any step, the old store or the new one is there whole.
 *
 * A restored store is the past.  What it calls waiting may have run since, so the first start after it
 * holds every waiting job (JobHeldAdmin) before anything is decided, and each job that it calls running
 * as soon as that one waits again; "eoul release" lets them go.  Numbers go on above every number the
 * replaced store or an attempt's directory has, so no number is given out twice.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/io.h"
#include "cal/civil.h"
#include "daemon/internal.h"
#include "engine/attempt.h"

#define COPIES_DIR     "copies"
#define COPIES_MAX     24               /* a day and a night of them */
#define COPY_EVERY_US  USEC_PER_HOUR
#define COPY_NAME_MAX  80
#define COPY_PAUSE_US  (5 * USEC_PER_MSEC)
#define COPY_ROOM      2                /* times its size must be free, else the disk is kept for endings */
#define RESTORE_DIR    "restore"
#define RESTORED_MAX   (64u << 10)      /* text of the jobs that ran in the copy */
#define UNKNOWN_GAP    1000u            /* numbers left out when nobody can say which were given out */

/* --- when asked -------------------------------------------------------------------------------- */

int daemon_backup(struct daemon *d, struct str path, uint64_t *ret_bytes, struct err *err)
{
    char file[PATH_MAX];
    struct stat st;
    if (path.len == 0 || path.ptr[0] != '/' || path.len >= sizeof file || memchr(path.ptr, 0, path.len))
        return err_set(err, E_INVALID, "The copy needs an absolute path of less than %d bytes.", PATH_MAX);
    memcpy(file, path.ptr, path.len);
    file[path.len] = '\0';
    int code = store_backup(d->store, file, false, err);
    if (code == 0)
        *ret_bytes = stat(file, &st) == 0 ? (uint64_t)st.st_size : 0;
    log_line("backup", "code=%s", err_word(code));
    return code;
}

/* --- every hour -------------------------------------------------------------------------------- */

static void hourly_again(struct daemon *d, usec_t in_us);

/* Copies are named by their time, so the oldest come first. */
static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static int is_copy(const struct dirent *e)
{
    size_t len = strlen(e->d_name);
    return e->d_name[0] != '.' && len > 3 && strcmp(e->d_name + len - 3, ".db") == 0;
}

static void copy_name(usec_t at, char ret[COPY_NAME_MAX])
{
    struct civil utc = civil_from_local_s(at / USEC_PER_SEC);
    snprintf(ret, COPY_NAME_MAX, "%04d-%02d-%02dT%02d%02d%02dZ.db", utc.year, utc.month, utc.day, utc.hour,
             utc.minute, utc.second);
}

/* All that are too many or too old, but never the newest.  Is that one too old as well? */
static bool drop_oldest(struct daemon *d)
{
    struct dirent **all = NULL;
    char oldest[COPY_NAME_MAX];
    bool stale = false;
    int n = scandirat(d->state_fd, COPIES_DIR, &all, is_copy, by_name);
    copy_name(loop_now(d->loop).wall_at - COPY_US_MAX, oldest);
    for (int i = 0; i < n; i++) {
        char name[sizeof COPIES_DIR + NAME_MAX + 2];
        bool old = strcmp(all[i]->d_name, oldest) < 0;
        snprintf(name, sizeof name, COPIES_DIR "/%s", all[i]->d_name);
        if (i == n - 1)
            stale = old;
        else if (i < n - COPIES_MAX || old)
            unlinkat(d->state_fd, name, 0);
        free(all[i]);
    }
    free(all);
    return stale;
}

static bool has_room(const struct daemon *d)
{
    struct stat st;
    struct statvfs fs;
    return fstatat(d->state_fd, STORE_FILE, &st, 0) == 0 && fstatvfs(d->state_fd, &fs) == 0 &&
           (uint64_t)fs.f_bavail * fs.f_frsize / COPY_ROOM > (uint64_t)st.st_size + STORE_BALLAST_BYTES;
}

static int hourly_open(struct daemon *d, struct err *err)
{
    char path[PLACE_PATH_MAX + 96], name[COPY_NAME_MAX];
    if (mkdirat(d->state_fd, COPIES_DIR, 0700) < 0 && errno != EEXIST)
        return err_set(err, io_from_errno(errno), "cannot make %s: %s", COPIES_DIR, strerror(errno));
    copy_name(loop_now(d->loop).wall_at, name);
    snprintf(path, sizeof path, "%s/" COPIES_DIR "/%s", d->place.state, name);
    return store_copy_create(d->store, path, true, &d->copy, err);
}

static void hourly_fired(struct loop_timer *t, void *data)
{
    struct daemon *d = data;
    struct err err = { 0 };
    (void)t;
    int code = 0;
    if (!d->copy) {
        bool due = drop_oldest(d) || d->copied_seq != store_journal_last(d->store);
        if (!due || d->disk_full || !has_room(d)) {
            hourly_again(d, d->copy_every_us);
            return;
        }
        code = hourly_open(d, &err);
    }
    if (code == 0)
        code = store_copy_step(d->copy, STORE_COPY_PAGES, &err);
    if (code == 0) {
        hourly_again(d, COPY_PAUSE_US);
        return;
    }
    if (code == 1)
        d->copied_seq = store_journal_last(d->store);
    else
        log_line("copy", "code=%s error=\"%s\"", err_word(code), err.text);
    store_copy_destroy(d->copy);
    d->copy = NULL;
    drop_oldest(d);
    hourly_again(d, d->copy_every_us);
}

static void hourly_again(struct daemon *d, usec_t in_us)
{
    loop_timer_set(d->loop, &d->copy_timer, loop_now(d->loop).boot_at + in_us, hourly_fired, d);
}

void backup_start(struct daemon *d)
{
    uint64_t ms;
    const char *said = getenv("EOUL_COPY_EVERY_MS"); /* for tests: nobody waits an hour for one */
    d->copy_every_us = said && str_u64(str_of(said), &ms) == 0 && ms > 0 && ms <= 3600000
                           ? (usec_t)ms * USEC_PER_MSEC
                           : COPY_EVERY_US;
    hourly_again(d, d->copy_every_us);
}

void backup_stop(struct daemon *d)
{
    store_copy_destroy(d->copy);
    d->copy = NULL;
}

/* --- the first start after a restore ------------------------------------------------------------- */

static int hold(struct daemon *d, job_id id, struct err *err)
{
    struct core_event ev = { .kind = EVENT_HOLD, .hold = { .job = id, .admin = 1 } };
    return daemon_event(d, &ev, err);
}

/* The numbers of the jobs that ran in the copy, "12 15 ", or nothing once all are settled. */
static int save_restored(struct daemon *d)
{
    struct buf text;
    buf_init(&text, RESTORED_MAX);
    const job_id *ids = d->restored.at;
    for (uint32_t i = 0; i < d->restored.n && !text.failed; i++) {
        buf_u64(&text, ids[i]);
        buf_char(&text, ' ');
    }
    int code = text.failed ? text.failed : store_meta_put(d->store, "restored", buf_look(&text));
    buf_finish(&text);
    return code;
}

int backup_load(struct daemon *d)
{
    struct buf text;
    struct str rest, word;
    uint64_t n;
    d->id_floor = 0;
    d->restored.n = 0;
    d->restored_new = false;
    buf_init(&text, RESTORED_MAX);
    if (store_meta_get(d->store, "id_floor", &text) == 0 && str_u64(buf_look(&text), &n) == 0)
        d->id_floor = (job_id)n;
    buf_clear(&text);
    int code = store_meta_get(d->store, "restored", &text);
    rest = buf_look(&text);
    d->restored_new = code == 0 && str_is(rest, "new");
    while (code == 0 && !d->restored_new && str_next(&rest, ' ', &word)) {
        job_id *id = str_u64(word, &n) == 0 ? list_add(&d->restored, sizeof *id) : NULL;
        if (id)
            *id = (job_id)n;
    }
    buf_finish(&text);
    return code == E_NOT_FOUND ? 0 : code;
}

/* Everything that waits is held; what runs in the copy is remembered. */
static int hold_all(struct daemon *d, struct err *err)
{
    struct core_job j;
    uint32_t held = 0;
    int code = 0;
    for (job_id after = 0; code == 0 && core_job_after(d->core, after, &j); after = j.id) {
        if (j.state == JOB_PENDING) {
            code = hold(d, j.id, err);
            held++;
        } else {
            job_id *id = list_add(&d->restored, sizeof *id);
            code = id ? 0 : E_NO_MEMORY;
            if (id)
                *id = j.id;
        }
    }
    d->restored_new = false;
    log_line("restored", "held=%u ran=%u", held, d->restored.n);
    return code < 0 ? code : save_restored(d);
}

int backup_doubt(struct daemon *d, job_id job)
{
    job_id *id = list_add(&d->restored, sizeof *id);
    if (!id)
        return E_NO_MEMORY;
    *id = job;
    d->decide = true;
    return 0;
}

int backup_hold(struct daemon *d, struct err *err)
{
    if (d->restored_new)
        return hold_all(d, err);
    uint32_t kept = 0, before = d->restored.n;
    int code = 0;
    job_id *ids = d->restored.at;
    for (uint32_t i = 0; i < before && code == 0; i++) {
        struct core_job j;
        if (!core_job_get(d->core, ids[i], &j))
            continue; /* it ended */
        if (j.state == JOB_PENDING)
            code = hold(d, ids[i], err);
        else
            ids[kept++] = ids[i];
    }
    if (code < 0 || kept == before)
        return code;
    d->restored.n = kept;
    return save_restored(d);
}

/* --- restore --------------------------------------------------------------------------------------- */

/* The greatest number an attempt's directory has; E_STATE if one of them still runs. */
static int look_at_attempts(int state_fd, uint32_t *ret_max, struct err *err)
{
    int fd = openat(state_fd, "attempts", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    int code = 0;
    if (!dir) {
        io_close(&fd);
        return 0; /* none was ever made */
    }
    for (struct dirent *e; code == 0 && (e = readdir(dir));) {
        struct str rest = str_of(e->d_name), first;
        uint64_t job, attempt;
        if (!str_next(&rest, '.', &first) || str_u64(first, &job) < 0 || str_u64(rest, &attempt) < 0 ||
            job > UINT32_MAX || attempt > UINT32_MAX)
            continue;
        *ret_max = job > *ret_max ? (uint32_t)job : *ret_max;
        int one = attempt_open(dirfd(dir), (uint32_t)job, (uint32_t)attempt);
        if (one >= 0 && attempt_locked(one))
            code = err_set(err, E_STATE, "Job %llu runs, and the copy may not know it; end it (eoul up, eoul "
                           "cancel %llu, eoul down) or wait for it, then restore.",
                           (unsigned long long)job, (unsigned long long)job);
        io_close(&one);
    }
    closedir(dir);
    return code;
}

/* Where numbers must go on: above what the store that is there has given out. */
static void look_at_old(const struct store_options *o, int lock_fd, uint32_t *max)
{
    struct store *s = NULL;
    struct err ignored = { 0 };
    uint32_t last = 0;
    int fd = fcntl(lock_fd, F_DUPFD_CLOEXEC, 0);
    if (fd >= 0 && store_open_locked(o, fd, &s, &ignored) == 0 && store_request_last(s, &last) == 0)
        *max = last > *max ? last : *max;
    else
        *max += UNKNOWN_GAP;
    store_close(s); /* its log is in the file now */
}

static int copy_file(const char *from, int to_dir, const char *name, struct err *err)
{
    int in = open(from, O_RDONLY | O_CLOEXEC);
    if (in < 0)
        return err_set(err, io_from_errno(errno), "The copy %s cannot be read: %s.", from, strerror(errno));
    int out = openat(to_dir, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    ssize_t n = out < 0 ? -1 : 1;
    while (n > 0)
        n = copy_file_range(in, NULL, out, NULL, 1u << 20, 0);
    if (n < 0 || fsync(out) < 0)
        n = err_set(err, io_from_errno(errno), "The copy %s cannot be brought into the state directory: %s.",
                    from, strerror(errno));
    io_close(&in);
    io_close(&out);
    return n < 0 ? (int)n : 0;
}

/* Open it as a store of its own: right version, not damaged, and marked. */
static int check_and_mark(const char *dir, uint32_t last, struct err *err)
{
    struct store *s = NULL;
    const struct store_options o = { .dir = dir };
    char floor[16];
    int code = store_open(&o, &s, err);
    if (code == 0)
        code = store_check(s, err);
    if (code == 0)
        code = store_begin(s);
    if (code == 0) {
        snprintf(floor, sizeof floor, "%u", last);
        store_meta_put(s, "id_floor", str_of(floor));
        store_meta_put(s, "restored", str_of("new"));
        code = store_commit(s);
    }
    if (code < 0 && !err->text[0])
        err_set(err, code, "The copy cannot be written to: %s", s ? store_last_error(s) : err_word(code));
    store_close(s);
    return code;
}

static int take_place(int state_fd, struct err *err)
{
    /* When people could look goes by their numbers, which are others' in another store.  First: killed after it, this one
     * has less to replay. */
    if ((unlinkat(state_fd, PASSED_FILE, 0) < 0 && errno != ENOENT) ||
        (unlinkat(state_fd, "." PASSED_FILE ".new", 0) < 0 && errno != ENOENT))
        return err_set(err, io_from_errno(errno), "The store cannot be replaced: %s.", strerror(errno));
    /* The old store was closed, so nothing of it is in these; a damaged one's belong to it. */
    renameat(state_fd, STORE_FILE "-wal", state_fd, STORE_FILE ".replaced-wal");
    if ((renameat(state_fd, STORE_FILE, state_fd, STORE_FILE ".replaced") < 0 && errno != ENOENT) ||
        renameat(state_fd, RESTORE_DIR "/" STORE_FILE, state_fd, STORE_FILE) < 0 || fsync(state_fd) < 0)
        return err_set(err, io_from_errno(errno), "The store cannot be replaced: %s.", strerror(errno));
    return 0;
}

static void clear_away(int state_fd)
{
    struct dirent **all = NULL;
    int n = scandirat(state_fd, RESTORE_DIR, &all, NULL, NULL);
    for (int i = 0; i < n; i++) {
        char name[sizeof RESTORE_DIR + NAME_MAX + 2];
        snprintf(name, sizeof name, RESTORE_DIR "/%s", all[i]->d_name);
        unlinkat(state_fd, name, 0);
        free(all[i]);
    }
    free(all);
    unlinkat(state_fd, RESTORE_DIR, AT_REMOVEDIR);
}

int backup_restore(const char *state, int state_fd, const char *file, struct err *err)
{
    const struct store_options o = { .dir = state };
    char dir[PLACE_PATH_MAX + sizeof RESTORE_DIR + 1];
    uint32_t last = 0;
    int lock_fd = -1, dir_fd = -1;
    snprintf(dir, sizeof dir, "%s/" RESTORE_DIR, state);
    int code = store_lock(state, &lock_fd, err);
    if (code == 0)
        code = look_at_attempts(state_fd, &last, err);
    if (code == 0) {
        clear_away(state_fd);
        if (mkdirat(state_fd, RESTORE_DIR, 0700) < 0 ||
            (dir_fd = openat(state_fd, RESTORE_DIR, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0)
            code = err_set(err, io_from_errno(errno), "cannot make %s: %s", dir, strerror(errno));
    }
    if (code == 0)
        code = copy_file(file, dir_fd, STORE_FILE, err);
    if (code == 0) {
        if (faccessat(state_fd, STORE_FILE, F_OK, 0) == 0)
            look_at_old(&o, lock_fd, &last);
        code = check_and_mark(dir, last, err);
    }
    if (code == 0)
        code = take_place(state_fd, err);
    if (dir_fd >= 0)
        clear_away(state_fd);
    io_close(&dir_fd);
    io_close(&lock_fd);
    return code;
}
