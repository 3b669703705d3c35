/* test_refused.c - base/ before a system that refuses: interrupted calls, full disks, no memory, and what comes of them.
 *
 * The linker puts this file between base/ and libc (--wrap).  What a failure leaves behind is looked at, not only its
 * number: the old file whole, the sentence not cut inside a character, the table as it was. */
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

#include "base/buf.h"
#include "base/err.h"
#include "base/io.h"
#include "base/map.h"
#include "base/prng.h"
#include "base/utf8.h"

/* --- calls that fail ---------------------------------------------------------------------------- */

enum call { NO_CALL, READ, WRITE, PWRITE, FSYNC, RENAME, CALLOC, REALLOC };
static enum call which;
static unsigned passes;
static int with;

static void refuse(enum call call, unsigned after, int error)
{
    which = call;
    passes = after;
    with = error;
}

static bool fails(enum call call)
{
    if (which != call || passes-- > 0)
        return false;
    which = NO_CALL;
    errno = with;
    return true;
}

#define WRAP(type, name, call, answer, parameters, arguments) \
    type __real_##name parameters; \
    type __wrap_##name parameters; \
    type __wrap_##name parameters { return fails(call) ? answer : __real_##name arguments; }
WRAP(ssize_t, read, READ, -1, (int fd, void *at, size_t n), (fd, at, n))
WRAP(ssize_t, write, WRITE, -1, (int fd, const void *at, size_t n), (fd, at, n))
WRAP(ssize_t, pwrite64, PWRITE, -1, (int fd, const void *at, size_t n, off_t to), (fd, at, n, to))
WRAP(int, fsync, FSYNC, -1, (int fd), (fd))
WRAP(int, renameat, RENAME, -1, (int a, const char *from, int b, const char *to), (a, from, b, to))
WRAP(void *, calloc, CALLOC, NULL, (size_t n, size_t size), (n, size))
WRAP(void *, realloc, REALLOC, NULL, (void *old, size_t size), (old, size))

static char dir[] = "/tmp/eoul-refused-XXXXXX";
static int dir_fd = -1;

static int begin(void **state)
{
    (void)state;
    return mkdtemp(dir) && (dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) >= 0 ? 0 : -1;
}

static int end(void **state)
{
    (void)state;
    unlinkat(dir_fd, "note", 0);
    close(dir_fd);
    return rmdir(dir);
}

static void holds(const char *text)
{
    char memory[64];
    struct buf b;
    buf_init_fixed(&b, memory, sizeof memory);
    assert_int_equal(io_read_file(dir_fd, "note", &b), 0);
    assert_string_equal(memory, text);
}

/* --- files -------------------------------------------------------------------------------------- */

static void an_errno_is_one_of_ours(void **state)
{
    (void)state;
    static const struct { int error, code; } table[] = {
        { 0, 0 }, { ENOENT, E_NOT_FOUND }, { ENOTDIR, E_NOT_FOUND }, { EEXIST, E_EXISTS }, { EACCES, E_DENIED },
        { EPERM, E_DENIED }, { EROFS, E_DENIED }, { ENOSPC, E_NO_SPACE }, { EDQUOT, E_NO_SPACE }, { ENOMEM, E_NO_MEMORY },
        { EAGAIN, E_BUSY }, { EBUSY, E_BUSY }, { EMFILE, E_BUSY }, { ENFILE, E_BUSY }, { ECONNREFUSED, E_UNAVAILABLE },
        { ETIMEDOUT, E_TIMEOUT }, { EIO, E_IO }, { EXDEV, E_IO } };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
        assert_int_equal(io_from_errno(table[i].error), table[i].code);
}

/* A signal in between is no failure; everything else is, and a failure without a reason is still one. */
static void interrupted_and_failed(void **state)
{
    (void)state;
    static const struct { int error, code; } rows[] = { { EINTR, 0 }, { ENOSPC, E_NO_SPACE }, { 0, E_IO } };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char memory[16];
        struct buf b;
        int fd = openat(dir_fd, "note", O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        refuse(WRITE, 0, rows[i].error);
        assert_int_equal(io_write_all(fd, "note", 4), rows[i].code);
        refuse(PWRITE, 0, rows[i].error);
        assert_int_equal(io_pwrite_all(fd, "note", 4, 0), rows[i].code);
        refuse(FSYNC, 0, rows[i].error);
        assert_int_equal(io_fsync(fd), rows[i].code);
        buf_init_fixed(&b, memory, sizeof memory);
        refuse(READ, 0, rows[i].error);
        assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
        assert_int_equal(io_read_to_end(fd, &b), rows[i].code);
        if (rows[i].code == 0)
            assert_string_equal(memory, "note");
        assert_int_equal(which, NO_CALL);
        close(fd);
    }
    struct buf grows;
    buf_init(&grows, 100);
    refuse(REALLOC, 0, ENOMEM);
    assert_int_equal(io_read_file(dir_fd, "note", &grows), E_NO_MEMORY);
    buf_finish(&grows);
    assert_int_equal(io_read_file(dir_fd, "nothing", &grows), E_NOT_FOUND);
}

/* Whatever fails, the file is the old one whole or the new one whole, and nothing half lies beside it. */
static void replaced_or_not(void **state)
{
    (void)state;
    static const struct { enum call call; unsigned after; int error, code; const char *is; } rows[] = {
        { WRITE, 0, ENOSPC, E_NO_SPACE, "old" }, { FSYNC, 0, EIO, E_IO, "old" }, { RENAME, 0, EACCES, E_DENIED, "old" },
        { FSYNC, 1, EIO, E_IO, "new" }, /* that it is there is not certain, and said */
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_int_equal(io_replace_file(dir_fd, "note", "old", 3, 0600), 0);
        refuse(rows[i].call, rows[i].after, rows[i].error);
        assert_int_equal(io_replace_file(dir_fd, "note", "new", 3, 0600), rows[i].code);
        assert_int_equal(which, NO_CALL);
        holds(rows[i].is);
        assert_int_equal(faccessat(dir_fd, ".note.new", F_OK, 0), -1);
    }
    char name[300];
    memset(name, 'x', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    assert_int_equal(io_replace_file(dir_fd, name, "new", 3, 0600), E_TOO_LARGE);
    assert_int_equal(io_replace_file(-1, "note", "new", 3, 0600), E_IO);
    assert_int_equal(mkdirat(dir_fd, ".note.new", 0700), 0); /* somebody's directory in the way */
    assert_true(io_replace_file(dir_fd, "note", "new", 3, 0600) < 0);
    assert_int_equal(unlinkat(dir_fd, ".note.new", AT_REMOVEDIR), 0);
    int none = -1;
    errno = ENOSPC;
    io_close(&none);
    assert_int_equal(errno, ENOSPC);
}

/* --- sentences and buffers ---------------------------------------------------------------------- */

static const char *in_korean(const char *text)
{
    return strcmp(text, "%s is full.") == 0 ? "%s: 자리가 없습니다." : text;
}

static void a_sentence_ends_at_a_character(void **state)
{
    (void)state;
    char text[2 * ERR_TEXT_MAX];
    struct err err = { 0 };
    for (size_t shift = 0; shift < 3; shift++) { /* three bytes a syllable: every way to cut one */
        size_t n = 0;
        for (; n < shift; n++)
            text[n] = 'x';
        for (; n + 3 < sizeof text; n += 3)
            memcpy(text + n, "가", 3);
        text[n] = '\0';
        assert_int_equal(err_set(&err, E_BUSY, "%s", text), E_BUSY);
        size_t len = strlen(err.text);
        assert_true(len < sizeof err.text && len >= sizeof err.text - 4);
        assert_int_equal((len - shift) % 3, 0);
    }
    memset(text, 'x', sizeof text - 1);
    err_set(&err, E_BUSY, "%s", text);
    assert_int_equal(strlen(err.text), sizeof err.text - 1);
    err.translate = in_korean;
    errno = ENOSPC;
    err_set(&err, E_NO_SPACE, "%s is full.", "/tmp");
    assert_string_equal(err.text, "/tmp: 자리가 없습니다.");
    assert_int_equal(errno, ENOSPC);
    assert_int_equal(err_set(NULL, E_IO, "nobody %s", "listens"), E_IO);
    err_clear(NULL);
    err_clear(&err);
    assert_true(err.code == 0 && err.text[0] == '\0');
}

static void a_buffer_that_failed_stays_as_it_was(void **state)
{
    (void)state;
    char memory[8];
    struct buf b;
    buf_init_fixed(&b, NULL, 0); /* no room at all */
    buf_c(&b, "x");
    assert_int_equal(b.failed, E_TOO_LARGE);
    buf_init_fixed(&b, memory, sizeof memory);
    buf_printf(&b, "%s", "seven..");
    buf_printf(&b, "%s", "8");
    assert_int_equal(b.failed, E_TOO_LARGE);
    assert_string_equal(memory, "seven..");
    buf_clear(&b);
    buf_c(&b, "abc");
    buf_consume(&b, 0);
    assert_string_equal(memory, "abc");
    buf_consume(&b, 99); /* more than there is: all */
    assert_true(b.len == 0 && memory[0] == '\0');
    buf_finish(&b);
    buf_finish(NULL);
    buf_init(&b, 1000);
    buf_clear(&b); /* it never grew */
    refuse(REALLOC, 0, ENOMEM);
    buf_c(&b, "abc");
    assert_int_equal(b.failed, E_NO_MEMORY);
    assert_int_equal(buf_look(&b).len, 0);
    buf_finish(&b);
}

static void a_table_that_cannot_grow_keeps_what_it_has(void **state)
{
    (void)state;
    for (unsigned after = 0; after < 2; after++) { /* its keys, its values */
        struct map m = { 0 };
        uint32_t value = 0, n = 0;
        assert_false(map_get(&m, 1, &value));
        assert_false(map_remove(&m, 1));
        refuse(CALLOC, after, ENOMEM);
        assert_int_equal(map_set(&m, 1, 10), E_NO_MEMORY);
        for (n = 1; n <= 48; n++)
            assert_int_equal(map_set(&m, n, 10 * n), 0);
        refuse(CALLOC, after, ENOMEM);
        assert_int_equal(map_set(&m, n, 10), E_NO_MEMORY);
        for (uint32_t i = 1; i <= 48; i++)
            assert_true(map_get(&m, i, &value) && value == 10 * i);
        assert_false(map_get(&m, n, &value) || map_get(&m, 0, &value) || map_remove(&m, 0));
        map_finish(&m);
    }
    map_finish(NULL);
}

/* What turns a terminal's line around, hides in it or ends it is shown as a mark; its neighbours stay. */
static void every_edge_of_what_is_dangerous(void **state)
{
    (void)state;
    static const struct { uint32_t first, last; } shut[] = {
        { 0x7F, 0x9F }, { 0x061C, 0x061C }, { 0x200E, 0x200F }, { 0x2028, 0x202E }, { 0x2066, 0x2069 }, { 0xFEFF, 0xFEFF } };
    for (size_t i = 0; i < sizeof shut / sizeof shut[0]; i++)
        for (uint32_t cp = shut[i].first - 1; cp <= shut[i].last + 1; cp++) {
            char in[8], out[8];
            struct buf a, b;
            buf_init_fixed(&a, in, sizeof in);
            buf_init_fixed(&b, out, sizeof out);
            utf8_add(&a, cp);
            utf8_clean(&b, buf_look(&a));
            bool hidden = cp >= shut[i].first && cp <= shut[i].last;
            assert_string_equal(out, hidden ? "\xEF\xBF\xBD" : in);
        }
}

/* A bound that divides 2^64 badly rejects nearly half: every number still comes as often. */
static void luck_is_even_for_a_hard_bound(void **state)
{
    (void)state;
    struct prng p;
    const uint64_t bound = (UINT64_C(1) << 63) + 1, third = bound / 3;
    unsigned low = 0, n = 30000;
    prng_init(&p, 7, 0);
    for (unsigned i = 0; i < n; i++) {
        uint64_t x = prng_below(&p, bound);
        assert_true(x < bound);
        low += x < third;
    }
    assert_in_range(low, n / 3 - 400, n / 3 + 400); /* five standard deviations */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_errno_is_one_of_ours),
        cmocka_unit_test(interrupted_and_failed),
        cmocka_unit_test(replaced_or_not),
        cmocka_unit_test(a_sentence_ends_at_a_character),
        cmocka_unit_test(a_buffer_that_failed_stays_as_it_was),
        cmocka_unit_test(a_table_that_cannot_grow_keeps_what_it_has),
        cmocka_unit_test(every_edge_of_what_is_dangerous),
        cmocka_unit_test(luck_is_even_for_a_hard_bound),
    };
    return cmocka_run_group_tests_name("refused", tests, begin, end);
}
