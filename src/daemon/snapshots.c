/* snapshots.c - frozen trees of code (cli/code.h) go when nobody needs them.
 *
 * STATE/snapshots/NAME holds `tree` and the note `jobs`, "FIRST TASKS": written by the client once its
 * submit was answered.  A tree goes when none of these jobs is live; one without a note is of a client
 * that died, or is being made, and goes after a day.  What goes is renamed first (NAME.gone), so nothing
 * half deleted is ever taken for a whole one, and is deleted in steps between which clients are answered.
 * Looked at after every ending of a job, at a start, and with retention.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "daemon/internal.h"

#define SNAPSHOTS      "snapshots"
#define ORPHAN_US      USEC_PER_DAY
#define STEP_ENTRIES   500u                  /* deleted at once: a few milliseconds */
#define STEP_US        (10 * USEC_PER_MSEC)
#define LOOK_US        (500 * USEC_PER_MSEC) /* after an ending: an array's tasks end together */
#define GONE           ".gone"

static bool any_live(const struct daemon *d, uint64_t first, uint64_t tasks)
{
    struct core_job j;
    return tasks > 0 && core_job_after(d->core, (job_id)(first - 1), &j) && j.id < first + tasks;
}

/* The client died before it wrote the note, perhaps after the daemon had its job. */
static bool is_named(struct daemon *d, const char *name)
{
    char path[NAME_MAX + 32];
    size_t n = (size_t)snprintf(path, sizeof path, "/" SNAPSHOTS "/%s/", name);
    bool found = false;
    for (uint32_t i = 0; i < d->index.n && !found; i++) {
        struct store_request r;
        if (!d->index.at[i]->live || store_request_get(d->store, d->index.at[i]->id, &r) < 0)
            continue;
        found = memmem(r.spec.ptr, r.spec.len, path, n) != NULL;
    }
    store_reset(d->store);
    return found;
}

static bool is_needed(struct daemon *d, int dir_fd, const char *name, usec_t now_at)
{
    char file[NAME_MAX + 8], memory[64];
    struct stat st;
    struct buf text;
    struct str rest, word;
    uint64_t first = 0, tasks = 0;
    buf_init_fixed(&text, memory, sizeof memory);
    snprintf(file, sizeof file, "%s/jobs", name);
    if (io_read_file(dir_fd, file, &text) < 0) {
        if (fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
            return true;
        return (usec_t)st.st_mtime * USEC_PER_SEC > now_at - ORPHAN_US || is_named(d, name);
    }
    rest = buf_look(&text);
    if (!str_next(&rest, ' ', &word) || str_u64(word, &first) < 0 || !str_next(&rest, '\n', &word) ||
        str_u64(word, &tasks) < 0 || first > UINT32_MAX || tasks > UINT32_MAX || (tasks > 0 && first == 0))
        return true; /* damaged: for a person to look at */
    return any_live(d, first, tasks);
}

static bool is_gone(const char *name)
{
    size_t len = strlen(name);
    return len > sizeof GONE - 1 && strcmp(name + len - (sizeof GONE - 1), GONE) == 0;
}

/* Delete at most *left entries below `path`; true: it is gone altogether. */
static bool delete_some(int dir_fd, const char *path, uint32_t *left)
{
    char at[PATH_MAX];
    snprintf(at, sizeof at, "%s", path);
    while (*left > 0) {
        int fd = openat(dir_fd, at, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        DIR *dir = fd < 0 ? NULL : fdopendir(fd);
        bool deeper = false;
        if (!dir) {
            io_close(&fd);
            return false;
        }
        for (struct dirent *e; !deeper && *left > 0 && (e = readdir(dir));) {
            size_t len = strlen(at);
            if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
                continue;
            --*left;
            if (unlinkat(dirfd(dir), e->d_name, 0) == 0)
                continue;
            if (errno == EPERM || errno == EACCES) /* a directory the job made read-only */
                fchmod(dirfd(dir), 0700);
            int n = snprintf(at + len, sizeof at - len, "/%s", e->d_name);
            deeper = n > 0 && (size_t)n < sizeof at - len;
            if (!deeper)
                at[len] = '\0';
        }
        bool empty = !deeper && *left > 0;
        closedir(dir);
        if (!empty)
            continue;
        if (unlinkat(dir_fd, at, AT_REMOVEDIR) < 0)
            return false;
        if (strlen(at) <= strlen(path))
            return true;
        *strrchr(at, '/') = '\0';
    }
    return false;
}

static void fired(struct loop_timer *t, void *data)
{
    struct daemon *d = data;
    (void)t;
    int fd = openat(d->state_fd, SNAPSHOTS, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    uint32_t left = STEP_ENTRIES;
    usec_t now_at = loop_now(d->loop).wall_at;
    if (!dir) {
        io_close(&fd);
        return; /* nobody ever made one */
    }
    for (struct dirent *e; left > 0 && (e = readdir(dir));) {
        char gone[NAME_MAX + sizeof GONE];
        if (e->d_name[0] == '.')
            continue;
        snprintf(gone, sizeof gone, "%s%s", e->d_name, is_gone(e->d_name) ? "" : GONE);
        if (!is_gone(e->d_name)) {
            if (is_needed(d, dirfd(dir), e->d_name, now_at) || renameat(dirfd(dir), e->d_name, dirfd(dir), gone) < 0)
                continue;
            log_line("snapshot-gone", "name=%s", e->d_name);
        }
        (void)delete_some(dirfd(dir), gone, &left);
    }
    closedir(dir);
    if (left == 0)
        loop_timer_set(d->loop, &d->snapshots, loop_now(d->loop).boot_at + STEP_US, fired, d);
}

void snapshots_look(struct daemon *d)
{
    if (!d->snapshots.place)
        loop_timer_set(d->loop, &d->snapshots, loop_now(d->loop).boot_at + LOOK_US, fired, d);
}
