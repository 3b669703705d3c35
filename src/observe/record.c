/* record.c - see record.h. */
#include "observe/record.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/io.h"

#define ABOUT_MAX 4096
/* Another's file that was moved there does not say this. */
#define AGREED "eoul observe: record my use of the GPUs\n"

/* --- the folder ------------------------------------------------------------------------------------- */

static int make_folder(int dir_fd, const char *name, mode_t mode)
{
    if (mkdirat(dir_fd, name, 0700) == 0)
        return fchmodat(dir_fd, name, mode, 0) == 0 ? 0 : io_from_errno(errno);
    return errno == EEXIST ? 0 : io_from_errno(errno);
}

static int cannot(struct err *err, const char *path)
{
    return err_set(err, io_from_errno(errno), "The record's folder \"%s\" cannot be used: %s.", path, strerror(errno));
}

int record_open(struct record *r, bool make, struct err *err)
{
    const char *named = getenv("EOUL_OBSERVE");
    struct stat st;
    *r = (struct record){ .fd = -1 };
    int n = snprintf(r->path, sizeof r->path, "%s", named && named[0] ? named : RECORD_PLACE);
    if (n < 0 || (size_t)n >= sizeof r->path)
        return err_set(err, E_TOO_LARGE, "The path in EOUL_OBSERVE is too long.");
    if (make && make_folder(AT_FDCWD, r->path, 0755) < 0)
        return cannot(err, r->path);
    r->fd = open(r->path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (r->fd < 0 && errno == ENOENT && !make)
        return E_NOT_FOUND;
    if (r->fd < 0 || fstat(r->fd, &st) < 0)
        return cannot(err, r->path);
    r->owner = st.st_uid;
    if (st.st_mode & (S_IWGRP | S_IWOTH)) {
        record_close(r);
        return err_set(err, E_DENIED, "Others may write in the record's folder \"%s\": remove it.", r->path);
    }
    if (make && r->owner == geteuid()
        && (make_folder(r->fd, "consent", 01777) < 0 || make_folder(r->fd, "runs", 0755) < 0))
        return cannot(err, r->path);
    return 0;
}

void record_close(struct record *r) { io_close(&r->fd); }

/* --- about ------------------------------------------------------------------------------------------- */

static bool number(struct str *line, int64_t *ret)
{
    struct str word = { 0 };
    return str_next(line, ' ', &word) && str_i64(word, ret) == 0;
}

static void about_line(struct record_about *a, struct str line, uint32_t *weeks)
{
    struct str word = { 0 };
    int64_t value;
    if (!str_next(&line, ' ', &word))
        return;
    if (str_is(word, "week") && *weeks < RECORD_WEEKS) {
        struct record_week *w = &a->weeks[*weeks];
        *weeks += number(&line, &w->monday) && number(&line, &w->named_s) && number(&line, &w->others_s);
        return;
    }
    if (!number(&line, &value))
        return;
    if (str_is(word, "since_at"))
        a->since_at = value;
    else if (str_is(word, "every_us"))
        a->every_us = value;
    else if (str_is(word, "round_at"))
        a->round_at = value;
    else if (str_is(word, "gpus"))
        a->gpus = value;
    else if (str_is(word, "pid"))
        a->pid = value;
    else if (str_is(word, "ticks"))
        a->ticks = (uint64_t)value;
}

int record_about_read(const struct record *r, struct record_about *ret)
{
    char text[ABOUT_MAX];
    struct buf b;
    struct str rest, line;
    uint32_t weeks = 0;
    buf_init_fixed(&b, text, sizeof text);
    int code = io_read_file(r->fd, "about", &b);
    if (code < 0)
        return code;
    *ret = (struct record_about){ 0 };
    rest = buf_look(&b);
    while (str_next(&rest, '\n', &line))
        about_line(ret, line, &weeks);
    return ret->since_at > 0 && ret->every_us > 0 ? 0 : E_CORRUPT;
}

int record_about_write(const struct record *r, const struct record_about *a)
{
    char text[ABOUT_MAX];
    struct buf b;
    buf_init_fixed(&b, text, sizeof text);
    buf_printf(&b, "since_at %" PRId64 "\nevery_us %" PRId64 "\nround_at %" PRId64 "\ngpus %" PRId64 "\npid %" PRId64
               "\nticks %" PRIu64 "\n", a->since_at, a->every_us, a->round_at, a->gpus, a->pid, a->ticks);
    for (uint32_t i = 0; i < RECORD_WEEKS && a->weeks[i].monday; i++)
        buf_printf(&b, "week %" PRId64 " %" PRId64 " %" PRId64 "\n", a->weeks[i].monday, a->weeks[i].named_s,
                   a->weeks[i].others_s);
    return b.failed ? b.failed : io_replace_file(r->fd, "about", b.ptr, b.len, 0644);
}

bool record_lives(pid_t pid, uint64_t its_ticks)
{
    char path[32], text[1024];
    unsigned long long ticks;
    struct buf b;
    if (io_start_time(pid, &ticks) < 0 || ticks != its_ticks)
        return false;
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    buf_init_fixed(&b, text, sizeof text);
    const char *at = io_read_file(AT_FDCWD, path, &b) == 0 ? strrchr(text, ')') : NULL;
    return at && at[1] == ' ' && at[2] != 'Z'; /* one that nobody has waited for yet has ended all the same */
}

bool record_runs(const struct record *r, const struct record_about *about)
{
    char path[32];
    struct stat st;
    if (about->pid <= 0 || about->pid > INT32_MAX)
        return false;
    snprintf(path, sizeof path, "/proc/%d", (int)about->pid);
    return stat(path, &st) == 0 && st.st_uid == r->owner && record_lives((pid_t)about->pid, about->ticks);
}

/* --- who has agreed ---------------------------------------------------------------------------------- */

static int person_file(char ret[32], const char *folder, uid_t uid)
{
    return snprintf(ret, 32, "%s/%u", folder, (unsigned)uid);
}

bool record_agreed(const struct record *r, uid_t uid, usec_t *ret_since_at)
{
    char name[32], text[sizeof AGREED];
    struct stat st;
    struct buf b;
    person_file(name, "consent", uid);
    int fd = openat(r->fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    buf_init_fixed(&b, text, sizeof text);
    bool agreed = fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_uid == uid && st.st_nlink == 1
                  && io_read_to_end(fd, &b) == 0 && str_is(buf_look(&b), AGREED);
    io_close(&fd);
    if (agreed)
        *ret_since_at = (usec_t)st.st_mtim.tv_sec * USEC_PER_SEC + st.st_mtim.tv_nsec / 1000;
    return agreed;
}

/* Calls each(uid) for the numbers that files of a folder are named after. */
static void each_number(const struct record *r, const char *folder, void (*each)(const struct record *, uid_t, void *),
                        void *data)
{
    int fd = openat(r->fd, folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
    const struct dirent *entry;
    uint64_t uid;
    if (!dir) {
        io_close(&fd);
        return;
    }
    while ((entry = readdir(dir)))
        if (str_u64(str_of(entry->d_name), &uid) == 0 && uid < UINT32_MAX)
            each(r, (uid_t)uid, data);
    closedir(dir);
}

struct people {
    uid_t *at;
    uint32_t n;
};

static void add_person(const struct record *r, uid_t uid, void *data)
{
    struct people *p = data;
    usec_t since_at;
    if (p->n == RECORD_PEOPLE_MAX || !record_agreed(r, uid, &since_at))
        return;
    uint32_t i = p->n++;
    for (; i > 0 && p->at[i - 1] > uid; i--)
        p->at[i] = p->at[i - 1];
    p->at[i] = uid;
}

uint32_t record_people(const struct record *r, uid_t ret[RECORD_PEOPLE_MAX])
{
    struct people p = { .at = ret };
    each_number(r, "consent", add_person, &p);
    return p.n;
}

int record_join(const struct record *r, uid_t uid, struct err *err)
{
    char name[32];
    usec_t since_at;
    person_file(name, "consent", uid);
    if (record_agreed(r, uid, &since_at))
        return 0;
    int fd = openat(r->fd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
    if (fd < 0 && errno == EEXIST)
        return err_set(err, E_DENIED, "\"%s/%s\" is not yours; ask whoever records to remove it.", r->path, name);
    if (fd < 0)
        return cannot(err, r->path);
    int code = fchmod(fd, 0644) < 0 ? io_from_errno(errno) : io_write_all(fd, AGREED, sizeof AGREED - 1);
    io_close(&fd);
    if (code == 0)
        return 0;
    (void)unlinkat(r->fd, name, 0);
    return cannot(err, r->path);
}

int record_leave(const struct record *r, uid_t uid, struct err *err)
{
    char name[32];
    person_file(name, "consent", uid);
    return unlinkat(r->fd, name, 0) == 0 || errno == ENOENT ? 0 : cannot(err, r->path);
}

/* --- runs -------------------------------------------------------------------------------------------- */

int record_rows(const struct record *r, uid_t uid, struct buf *out)
{
    char name[32];
    struct buf text;
    struct str rest, line;
    person_file(name, "runs", uid);
    buf_init(&text, RECORD_FILE_MAX + 4096);
    int code = io_read_file(r->fd, name, &text);
    rest = buf_look(&text);
    if (code == 0 && str_next(&rest, '\n', &line) && rest.len)
        buf_str(out, rest);
    buf_finish(&text);
    return code == E_NOT_FOUND ? 0 : code;
}

/* Of the kernel's acl.h (linux/posix_acl_xattr.h): the file's owner writes, that user reads, nobody else. */
struct acl_entry { uint16_t tag, perm; uint32_t id; };
struct acl { uint32_t version; struct acl_entry at[5]; };
_Static_assert(sizeof(struct acl) == 4 + 5 * 8, "as the kernel has it");

static void let_read(int fd, uid_t uid)
{
    const struct acl acl = { 2, { { 0x01, 6, UINT32_MAX }, { 0x02, 4, uid }, { 0x04, 0, UINT32_MAX },
                                  { 0x10, 4, UINT32_MAX }, { 0x20, 0, UINT32_MAX } } };
    if (uid != geteuid()) /* where a file system has no access lists, `eoul observe show` says so to them */
        (void)fsetxattr(fd, "system.posix_acl_access", &acl, sizeof acl, 0);
}

int record_append(const struct record *r, uid_t uid, struct str row)
{
    char name[32];
    struct stat st = { 0 };
    int code = 0;
    person_file(name, "runs", uid);
    int fd = openat(r->fd, name, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0 || fstat(fd, &st) < 0)
        code = io_from_errno(errno);
    if (code == 0 && st.st_size == 0) {
        let_read(fd, uid);
        code = io_write_all(fd, RECORD_HEADER, sizeof RECORD_HEADER - 1);
    }
    if (code == 0)
        code = io_write_all(fd, row.ptr, row.len);
    if (code == 0)
        code = io_fsync(fd);
    io_close(&fd);
    if (code == 0 && st.st_size + (off_t)row.len > (off_t)RECORD_FILE_MAX)
        code = record_trim(r, uid, 0);
    return code;
}

static usec_t row_at(struct str row)
{
    struct str word = { 0 };
    int64_t s;
    return str_next(&row, ',', &word) && str_i64(word, &s) == 0 ? s * USEC_PER_SEC : 0;
}

int record_trim(const struct record *r, uid_t uid, usec_t from_at)
{
    char name[32], path[sizeof name];
    struct buf text, kept;
    struct str rest, line;
    person_file(name, "runs", uid);
    snprintf(path, sizeof path, "%u", (unsigned)uid);
    buf_init(&text, 2 * RECORD_FILE_MAX);
    buf_init(&kept, 2 * RECORD_FILE_MAX);
    int code = io_read_file(r->fd, name, &text), folder = -1;
    if (code == 0) {
        size_t drop = text.len > RECORD_FILE_MAX ? text.len / 2 : 0;
        buf_c(&kept, RECORD_HEADER);
        while (text.len && text.ptr[text.len - 1] != '\n')
            text.len--;
        rest = buf_look(&text);
        if (str_next(&rest, '\n', &line))
            while (str_next(&rest, '\n', &line))
                if ((size_t)(line.ptr - text.ptr) >= drop && row_at(line) >= from_at)
                    buf_printf(&kept, "%.*s\n", STR_ARG(line));
        folder = openat(r->fd, "runs", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        code = kept.failed ? kept.failed : folder < 0 ? io_from_errno(errno)
             : io_replace_file(folder, path, kept.ptr, kept.len, 0600);
    }
    int fd = code == 0 ? openat(r->fd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC) : -1;
    if (fd >= 0)
        let_read(fd, uid);
    io_close(&fd);
    io_close(&folder);
    buf_finish(&text);
    buf_finish(&kept);
    return code == E_NOT_FOUND ? 0 : code;
}

static void forget_one(const struct record *r, uid_t uid, void *data)
{
    char name[32];
    usec_t since_at;
    (void)data;
    person_file(name, "runs", uid);
    if (!record_agreed(r, uid, &since_at))
        (void)unlinkat(r->fd, name, 0);
}

void record_forget(const struct record *r) { each_number(r, "runs", forget_one, NULL); }

bool record_has(const struct record *r, uid_t uid, struct str name)
{
    struct buf text;
    struct str rest, line;
    bool found = false;
    buf_init(&text, 2 * RECORD_FILE_MAX);
    if (record_rows(r, uid, &text) == 0) {
        rest = buf_look(&text);
        while (!found && str_next(&rest, '\n', &line))
            found = line.len > name.len && str_eq(str_slice(line, line.len - name.len, line.len), name)
                    && line.ptr[line.len - name.len - 1] == ',';
    }
    buf_finish(&text);
    return found;
}
