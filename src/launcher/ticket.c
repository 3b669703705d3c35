/* ticket.c - see ticket.h. */
#include "launcher/ticket.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "base/sha256.h"

#define NAME_SIZE 33 /* a nonce in hexadecimal */

static void mac_of(const struct ticket *t, const uint8_t key[TICKET_KEY_BYTES], uint8_t ret[32])
{
    const char *secret = (const char *)key;
    hmac_sha256((struct str){ secret, TICKET_KEY_BYTES },
                (struct str){ (const char *)t, offsetof(struct ticket, mac) }, ret);
}

void ticket_sign(struct ticket *t, const uint8_t key[TICKET_KEY_BYTES])
{
    mac_of(t, key, t->mac);
}

int ticket_check(const struct ticket *t, const uint8_t key[TICKET_KEY_BYTES], usec_t wall_at)
{
    uint8_t mac[32];
    unsigned differs = 0;
    mac_of(t, key, mac);
    for (size_t i = 0; i < sizeof mac; i++) /* in the same time, whatever differs */
        differs |= (unsigned)(mac[i] ^ t->mac[i]);
    if (differs || t->magic != TICKET_MAGIC || t->version != TICKET_VERSION)
        return EBADMSG;
    if (t->groups_n > TICKET_GROUPS_MAX || t->tasks == 0 || t->tasks > TICKET_TASKS_MAX)
        return EBADMSG;
    if (t->uid == 0)
        return EPERM;
    return t->expires_wall_at < wall_at ? ESTALE : 0;
}

/* --- what was used --------------------------------------------------------------------------------- */

struct head {
    uint32_t job;
    uint32_t tasks;
};

struct line {
    uint32_t attempt;
    uint32_t starts;
};

static void name_of(const struct ticket *t, char ret[NAME_SIZE])
{
    for (size_t i = 0; i < sizeof t->nonce; i++)
        snprintf(ret + 2 * i, 3, "%02x", t->nonce[i]);
}

/* Its file, with the head in it; made at the first use. */
static int open_file(int dir_fd, const struct ticket *t, const struct head *first, struct head *ret)
{
    char name[NAME_SIZE];
    name_of(t, name);
    int fd = openat(dir_fd, name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return -1;
    ssize_t n = pread(fd, ret, sizeof *ret, 0);
    if (n == (ssize_t)sizeof *ret && ret->tasks != 0)
        return fd;
    /* New, or cut off by a crash before its first use was certain: nothing was started by it. */
    *ret = *first;
    if (n < 0 || io_pwrite_all(fd, first, sizeof *first, 0) < 0 || io_fsync_dir(dir_fd) < 0)
        io_close(&fd);
    return fd;
}

static int judge(const struct head *head, const struct head *want, const struct line *line, uint32_t attempt)
{
    if (head->job != want->job || head->tasks != want->tasks)
        return EPERM;
    if (attempt <= line->attempt)
        return EALREADY;
    return line->starts >= TICKET_STARTS ? EDQUOT : 0;
}

int ticket_use(int spent_fd, const struct ticket *t, uint32_t job, uint32_t attempt, uint32_t task)
{
    if (task >= t->tasks || job <= task || attempt == 0)
        return EPERM;
    const struct head want = { .job = job - task, .tasks = t->tasks };
    struct head head;
    struct line line = { 0 };
    off_t at = (off_t)(sizeof head + task * sizeof line);
    errno = 0;
    int fd = open_file(spent_fd, t, &want, &head);
    if (fd < 0)
        return errno ? errno : EIO;
    ssize_t n = pread(fd, &line, sizeof line, at);
    if (n != (ssize_t)sizeof line)
        line = (struct line){ 0 }; /* beyond the end: never used */
    int error = n < 0 ? errno : judge(&head, &want, &line, attempt);
    if (error == 0) {
        line = (struct line){ .attempt = attempt, .starts = line.starts + 1 };
        if (io_pwrite_all(fd, &line, sizeof line, at) < 0 || io_fsync(fd) < 0)
            error = errno ? errno : EIO;
    }
    io_close(&fd);
    return error;
}

void ticket_clean(int spent_fd, usec_t wall_at)
{
    int fd = openat(spent_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    if (!dir) {
        io_close(&fd);
        return;
    }
    for (struct dirent *e; (e = readdir(dir));) {
        struct stat st;
        if (e->d_name[0] != '.' && fstatat(spent_fd, e->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
            (usec_t)st.st_mtime * USEC_PER_SEC + TICKET_GOOD_US < wall_at)
            (void)unlinkat(spent_fd, e->d_name, 0);
    }
    closedir(dir);
}
