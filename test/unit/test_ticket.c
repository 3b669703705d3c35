/* test_ticket.c - what the launcher makes of a ticket: whose it is, how often, for which job, and what it may not lose.
 *
 * The disk's refusals are made by the linker (--wrap): a call that fails is one that this file stands before. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/io.h"
#include "launcher/ticket.h"

#define NOW (1767571200 * USEC_PER_SEC)

static const uint8_t key[TICKET_KEY_BYTES] = { 7 }, another_key[TICKET_KEY_BYTES] = { 8 };
static char dir[] = "/tmp/eoul-ticket-XXXXXX";
static int spent_fd = -1;

/* --- calls that fail ---------------------------------------------------------------------------- */

enum call { NO_CALL, PREAD, PWRITE, FSYNC, FSYNC_DIR, STAT };
static enum call which;
static unsigned passes; /* how many of them go well before */
static int with;        /* errno; a library that fails need not say why */

static bool fails(enum call call)
{
    if (which != call || passes-- > 0)
        return false;
    which = NO_CALL;
    errno = with;
    return true;
}

ssize_t __real_pread64(int fd, void *at, size_t n, off_t from);
int __real_io_pwrite_all(int fd, const void *bytes, size_t len, off_t at);
int __real_io_fsync(int fd);
int __real_io_fsync_dir(int fd);
int __real_fstatat64(int fd, const char *name, struct stat *st, int flags);
ssize_t __wrap_pread64(int fd, void *at, size_t n, off_t from);
int __wrap_io_pwrite_all(int fd, const void *bytes, size_t len, off_t at);
int __wrap_io_fsync(int fd);
int __wrap_io_fsync_dir(int fd);
int __wrap_fstatat64(int fd, const char *name, struct stat *st, int flags);
ssize_t __wrap_pread64(int fd, void *at, size_t n, off_t from)
{
    return fails(PREAD) ? -1 : __real_pread64(fd, at, n, from);
}
int __wrap_io_pwrite_all(int fd, const void *bytes, size_t len, off_t at)
{
    return fails(PWRITE) ? E_IO : __real_io_pwrite_all(fd, bytes, len, at);
}
int __wrap_io_fsync(int fd) { return fails(FSYNC) ? E_IO : __real_io_fsync(fd); }
int __wrap_io_fsync_dir(int fd) { return fails(FSYNC_DIR) ? E_IO : __real_io_fsync_dir(fd); }
int __wrap_fstatat64(int fd, const char *name, struct stat *st, int flags)
{
    return fails(STAT) ? -1 : __real_fstatat64(fd, name, st, flags);
}

/* --- a directory, and tickets ------------------------------------------------------------------- */

static int begin(void **state)
{
    (void)state;
    return mkdtemp(dir) && (spent_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) >= 0 ? 0 : -1;
}

static void sweep(void)
{
    int fd = openat(spent_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *d = fdopendir(fd);
    assert_non_null(d);
    for (struct dirent *e; (e = readdir(d));)
        if (e->d_name[0] != '.')
            assert_int_equal(unlinkat(spent_fd, e->d_name, 0), 0);
    closedir(d);
}

static int end(void **state)
{
    (void)state;
    sweep();
    close(spent_fd);
    return rmdir(dir);
}

/* Two tasks of user 4000, good for a day. */
static struct ticket fresh(uint8_t nonce)
{
    struct ticket t = { .magic = TICKET_MAGIC, .version = TICKET_VERSION, .uid = 4000, .gid = 4000, .tasks = 2,
                        .expires_wall_at = NOW + USEC_PER_DAY, .nonce = { nonce } };
    ticket_sign(&t, key);
    return t;
}

/* --- what passes -------------------------------------------------------------------------------- */

static void one_bit_is_enough(void **state)
{
    (void)state;
    const struct ticket good = fresh(1);
    assert_int_equal(ticket_check(&good, key, NOW), 0);
    assert_int_equal(ticket_check(&good, another_key, NOW), EBADMSG);
    for (size_t bit = 0; bit < 8 * sizeof good; bit++) {
        struct ticket bad = good;
        ((uint8_t *)&bad)[bit / 8] ^= (uint8_t)(1u << bit % 8);
        if (ticket_check(&bad, key, NOW) != EBADMSG)
            fail_msg("bit %zu may be turned", bit);
    }
}

/* Signed by us and yet refused: what a launcher of another version, or with a fault, gave out. */
static void signed_but_wrong(void **state)
{
    (void)state;
    static const struct {
        const char *what;
        struct ticket has;
        int want;
    } table[] = {
        { "right", { TICKET_MAGIC, TICKET_VERSION, 1, 1, 1, 0, NOW, { 0 }, { 0 }, { 0 }, { 0 } }, 0 },
        { "most", { TICKET_MAGIC, TICKET_VERSION, 1, 1, TICKET_TASKS_MAX, TICKET_GROUPS_MAX, NOW, { 0 }, { 0 }, { 0 }, { 0 } }, 0 },
        { "magic", { TICKET_MAGIC + 1, TICKET_VERSION, 1, 1, 1, 0, NOW, { 0 }, { 0 }, { 0 }, { 0 } }, EBADMSG },
        { "version", { TICKET_MAGIC, TICKET_VERSION + 1, 1, 1, 1, 0, NOW, { 0 }, { 0 }, { 0 }, { 0 } }, EBADMSG },
        { "groups", { TICKET_MAGIC, TICKET_VERSION, 1, 1, 1, TICKET_GROUPS_MAX + 1, NOW, { 0 }, { 0 }, { 0 }, { 0 } }, EBADMSG },
        { "no task", { TICKET_MAGIC, TICKET_VERSION, 1, 1, 0, 0, NOW, { 0 }, { 0 }, { 0 }, { 0 } }, EBADMSG },
        { "tasks", { TICKET_MAGIC, TICKET_VERSION, 1, 1, TICKET_TASKS_MAX + 1, 0, NOW, { 0 }, { 0 }, { 0 }, { 0 } }, EBADMSG },
        { "root", { TICKET_MAGIC, TICKET_VERSION, 0, 1, 1, 0, NOW, { 0 }, { 0 }, { 0 }, { 0 } }, EPERM },
        { "old", { TICKET_MAGIC, TICKET_VERSION, 1, 1, 1, 0, NOW - 1, { 0 }, { 0 }, { 0 }, { 0 } }, ESTALE },
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct ticket t = table[i].has;
        ticket_sign(&t, key);
        if (ticket_check(&t, key, NOW) != table[i].want)
            fail_msg("%s: %d", table[i].what, ticket_check(&t, key, NOW));
    }
}

/* --- how often ---------------------------------------------------------------------------------- */

static void one_job_each_attempt_once(void **state)
{
    (void)state;
    const struct ticket t = fresh(2);
    assert_int_equal(ticket_use(spent_fd, &t, 10, 0, 0), EPERM); /* no attempt */
    assert_int_equal(ticket_use(spent_fd, &t, 12, 1, 2), EPERM); /* no such task */
    assert_int_equal(ticket_use(spent_fd, &t, 1, 1, 1), EPERM);  /* its first task would be job 0 */
    assert_int_equal(ticket_use(spent_fd, &t, 10, 1, 0), 0);
    assert_int_equal(ticket_use(spent_fd, &t, 10, 1, 0), EALREADY);
    assert_int_equal(ticket_use(spent_fd, &t, 11, 1, 1), 0); /* the other task counts for itself */
    assert_int_equal(ticket_use(spent_fd, &t, 10, 3, 0), 0); /* an attempt may have been left out */
    assert_int_equal(ticket_use(spent_fd, &t, 10, 2, 0), EALREADY);
    assert_int_equal(ticket_use(spent_fd, &t, 20, 1, 0), EPERM); /* another job */
    struct ticket more = t; /* a ticket of the same nonce for more tasks */
    more.tasks = 3;
    assert_int_equal(ticket_use(spent_fd, &more, 10, 9, 0), EPERM);
    const struct ticket often = fresh(3);
    for (uint32_t attempt = 1; attempt <= TICKET_STARTS; attempt++)
        assert_int_equal(ticket_use(spent_fd, &often, 10, attempt, 1), 0);
    assert_int_equal(ticket_use(spent_fd, &often, 10, TICKET_STARTS + 1, 1), EDQUOT);
}

/* Whatever call fails: nothing may be started, and the attempt is not spent by more than itself. */
static void a_disk_that_refuses(void **state)
{
    (void)state;
    static const struct {
        const char *what;
        enum call call;
        unsigned passes;
        int with, want;
    } table[] = {
        { "reading the head", PREAD, 0, EIO, EIO },       { "reading the line", PREAD, 1, EIO, EIO },
        { "writing the head", PWRITE, 0, ENOSPC, ENOSPC }, { "writing the line", PWRITE, 1, ENOSPC, ENOSPC },
        { "the directory", FSYNC_DIR, 0, EIO, EIO },      { "the line's sync", FSYNC, 0, EIO, EIO },
        { "the directory, unsaid", FSYNC_DIR, 0, 0, EIO }, { "the line's sync, unsaid", FSYNC, 0, 0, EIO },
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        const struct ticket t = fresh((uint8_t)(16 + i));
        which = table[i].call;
        passes = table[i].passes;
        with = table[i].with;
        int error = ticket_use(spent_fd, &t, 10, 1, 0);
        if (error != table[i].want)
            fail_msg("%s: %d", table[i].what, error);
        assert_int_equal(which, NO_CALL); /* it was that call */
        assert_int_equal(ticket_use(spent_fd, &t, 10, 2, 0), 0);
        assert_int_equal(ticket_use(spent_fd, &t, 10, 2, 0), EALREADY);
    }
    const struct ticket t = fresh(4);
    assert_int_equal(ticket_use(-1, &t, 10, 1, 0), EBADF);
}

/* A crash left half a head: nothing was started by it.  A link in its place is somebody's trick. */
static void what_is_there_already(void **state)
{
    (void)state;
    const struct ticket t = fresh(5);
    const char name[] = "05000000000000000000000000000000";
    int fd = openat(spent_fd, name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_int_equal(write(fd, "\x63\0\0", 3), 3);
    close(fd);
    assert_int_equal(ticket_use(spent_fd, &t, 10, 1, 0), 0);
    assert_int_equal(ticket_use(spent_fd, &t, 10, 1, 0), EALREADY);
    fd = openat(spent_fd, name, O_WRONLY | O_TRUNC | O_CLOEXEC);
    assert_int_equal(write(fd, "\x63\0\0\0\0\0\0\0", 8), 8); /* a head of zero tasks */
    close(fd);
    assert_int_equal(ticket_use(spent_fd, &t, 10, 1, 0), 0);
    assert_int_equal(unlinkat(spent_fd, name, 0), 0);
    assert_int_equal(symlinkat("elsewhere", spent_fd, name), 0);
    assert_int_equal(ticket_use(spent_fd, &t, 10, 1, 0), ELOOP);
    assert_int_equal(faccessat(spent_fd, "elsewhere", F_OK, 0), -1);
}

static bool is_there(const char *name)
{
    struct stat st;
    return fstatat(spent_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

static void what_expired_is_forgotten(void **state)
{
    (void)state;
    sweep();
    const struct ticket old = fresh(0xa0), new = fresh(0xb1);
    const char *old_name = "a0000000000000000000000000000000", *new_name = "b1000000000000000000000000000000";
    assert_int_equal(ticket_use(spent_fd, &old, 10, 1, 0), 0);
    const struct timespec then[2] = { { 1000000000, 0 }, { 1000000000, 0 } };
    assert_int_equal(utimensat(spent_fd, old_name, then, 0), 0);
    const usec_t gone_at = 1000000000 * USEC_PER_SEC + TICKET_GOOD_US;
    ticket_clean(spent_fd, gone_at);
    assert_true(is_there(old_name)); /* to the last microsecond */
    which = STAT;
    passes = 0;
    ticket_clean(spent_fd, gone_at + 1);
    assert_true(is_there(old_name)); /* its age is not known */
    assert_int_equal(ticket_use(spent_fd, &new, 20, 1, 0), 0);
    ticket_clean(spent_fd, gone_at + 1);
    assert_false(is_there(old_name));
    assert_true(is_there(new_name));
    ticket_clean(-1, NOW); /* no directory: nothing to forget */
    int file = openat(spent_fd, new_name, O_RDONLY | O_CLOEXEC);
    ticket_clean(file, NOW);
    close(file);
    assert_int_equal(ticket_use(spent_fd, &new, 20, 1, 0), EALREADY); /* and it is remembered */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_bit_is_enough),     cmocka_unit_test(signed_but_wrong),
        cmocka_unit_test(one_job_each_attempt_once), cmocka_unit_test(a_disk_that_refuses),
        cmocka_unit_test(what_is_there_already), cmocka_unit_test(what_expired_is_forgotten),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
