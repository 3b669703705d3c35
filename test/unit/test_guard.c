/* test_guard.c - what cgroups keep a job to: the files that are written, and the device filter in the real kernel.
 *
 * Memory, process and CPU limits are looked at in a made-up tree of files: machines whose cgroup v2 has no
 * controllers are common in tests.  The filter needs none; where it may not be attached that is said.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/err.h"
#include "base/io.h"
#include "supervisor/cgroup.h"
#include "supervisor/guard.h"
#include "supervisor/tree.h"

#define ALL (GUARD_TREE | GUARD_MEMORY | GUARD_PIDS | GUARD_CPU)
static const char *const files[] = { "memory.max", "memory.oom.group", "memory.swap.max", "pids.max", "cpu.weight",
                                     "cgroup.subtree_control" };
#define FILES_N (sizeof files / sizeof files[0])

struct tree {
    char path[64];
    int fd;
};

static void tree_make(struct tree *t)
{
    snprintf(t->path, sizeof t->path, "/tmp/eoul-guard-XXXXXX");
    assert_non_null(mkdtemp(t->path));
    t->fd = open(t->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    for (size_t i = 0; i < FILES_N; i++) {
        int fd = openat(t->fd, files[i], O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
        assert_true(fd >= 0);
        io_close(&fd);
    }
}

static void tree_remove(struct tree *t)
{
    for (size_t i = 0; i < FILES_N; i++)
        (void)unlinkat(t->fd, files[i], 0);
    io_close(&t->fd);
    (void)rmdir(t->path);
}

static void assert_holds(const struct tree *t, const char *file, const char *want)
{
    char memory[64];
    struct buf b;
    buf_init_fixed(&b, memory, sizeof memory);
    assert_int_equal(io_read_file(t->fd, file, &b), 0);
    if (!str_is(buf_look(&b), want))
        fail_msg("%s holds \"%.*s\", not \"%s\"", file, (int)b.len, b.ptr, want);
}

static void limits_are_written(void **state)
{
    const struct guard_bounds b = { .mem_bytes = (uint64_t)5 << 30, .pids_max = 16384, .cpu_weight = 300 };
    struct tree t;
    (void)state;
    tree_make(&t);
    assert_int_equal(guard_limit(t.fd, &b, ALL), 0);
    assert_holds(&t, "memory.max", "5368709120");
    assert_holds(&t, "memory.oom.group", "1");
    assert_holds(&t, "memory.swap.max", "0");
    assert_holds(&t, "pids.max", "16384");
    assert_holds(&t, "cpu.weight", "300");
    tree_remove(&t);
}

static void only_what_was_found_is_written(void **state)
{
    const struct guard_bounds b = { .mem_bytes = 1 << 20, .pids_max = 9, .cpu_weight = 100 };
    const struct guard_bounds unlimited = { 0 };
    struct tree t;
    (void)state;
    tree_make(&t);
    assert_int_equal(guard_limit(t.fd, &b, GUARD_TREE | GUARD_PIDS), 0);
    assert_holds(&t, "memory.max", "");
    assert_holds(&t, "pids.max", "9");
    assert_int_equal(guard_limit(t.fd, &unlimited, ALL), 0);
    assert_holds(&t, "memory.max", "");
    tree_remove(&t);
}

/* What was promised and is not there is an error: nothing runs without it. */
static void a_missing_file_is_an_error(void **state)
{
    const struct guard_bounds b = { .mem_bytes = 1 << 20, .pids_max = 9, .cpu_weight = 100 };
    static const struct { const char *file; bool may; } missing[] = {
        { "memory.max", false }, { "memory.oom.group", false }, { "memory.swap.max", true }, { "pids.max", false },
        { "cpu.weight", false } };
    (void)state;
    for (size_t i = 0; i < sizeof missing / sizeof missing[0]; i++) {
        struct tree t;
        tree_make(&t);
        (void)unlinkat(t.fd, missing[i].file, 0);
        int r = guard_limit(t.fd, &b, ALL);
        assert_true(missing[i].may ? r == 0 : r == E_NOT_FOUND);
        assert_int_equal(faccessat(t.fd, missing[i].file, F_OK, 0), -1); /* never made */
        tree_remove(&t);
    }
}

static void put(const struct tree *t, const char *file, const char *text)
{
    int fd = openat(t->fd, file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_int_equal(io_write_all(fd, text, strlen(text)), 0);
    io_close(&fd);
}

/* Who stands at the limit of processes is not given its whole grace. */
static void a_fork_bomb_is_seen(void **state)
{
    static const struct { const char *max, *current; bool crowded; } is[] = {
        { "16384\n", "16384\n", true }, { "16384\n", "15360\n", true }, { "16384\n", "15359\n", false },
        { "max\n", "16384\n", false }, { "16384\n", "", false }, { "", "3\n", false }, { "1\n", "1\n", true } };
    struct tree t;
    (void)state;
    tree_make(&t);
    for (size_t i = 0; i < sizeof is / sizeof is[0]; i++) {
        put(&t, "pids.max", is[i].max);
        put(&t, "pids.current", is[i].current);
        assert_int_equal(tree_cgroup_crowded(t.fd), is[i].crowded);
    }
    (void)unlinkat(t.fd, "pids.max", 0);
    assert_false(tree_cgroup_crowded(t.fd));
    (void)unlinkat(t.fd, "pids.current", 0);
    tree_remove(&t);
}

static void controllers_are_switched_on(void **state)
{
    struct tree t;
    (void)state;
    tree_make(&t);
    assert_int_equal(guard_begin(t.fd, t.fd, false) & ~(uint32_t)GUARD_GPUS, GUARD_TREE);
    assert_holds(&t, "cgroup.subtree_control", "");
    assert_int_equal(guard_begin(t.fd, t.fd, true), ALL); /* the filter needs a real cgroup: not its bit */
    assert_int_equal(guard_delegate(t.fd, GUARD_TREE | GUARD_CPU), 0);
    (void)unlinkat(t.fd, "cgroup.subtree_control", 0);
    assert_int_equal(guard_delegate(t.fd, GUARD_TREE), 0);
    assert_int_equal(guard_delegate(t.fd, GUARD_MEMORY), E_NOT_FOUND);
    assert_int_equal(guard_begin(t.fd, t.fd, true) & ~(uint32_t)GUARD_GPUS, GUARD_TREE);
    tree_remove(&t);
}

/* --- the device filter ------------------------------------------------------------------------- */

/* errno of opening a character device in that cgroup; no such driver is ENXIO, a refusal EPERM. */
static int opened_in(int cgroup_fd, const char *node)
{
    pid_t pid = fork();
    if (pid == 0) {
        int procs = openat(cgroup_fd, "cgroup.procs", O_WRONLY | O_CLOEXEC);
        if (procs < 0 || write(procs, "0", 1) != 1)
            _exit(200);
        int fd = open(node, O_RDWR | O_CLOEXEC);
        _exit(fd < 0 ? errno : 0);
    }
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

/* errno of opening it here; -1: such a node cannot be made. */
static int make_node(char node[64], unsigned major, unsigned minor)
{
    snprintf(node, 64, "/tmp/eoul-guard-node-%d", (int)getpid());
    (void)unlink(node);
    if (mknod(node, S_IFCHR | 0600, makedev(major, minor)) < 0)
        return -1;
    int fd = open(node, O_RDWR | O_CLOEXEC);
    int error = fd < 0 ? errno : 0;
    io_close(&fd);
    return error;
}

static bool refused(int cgroup_fd, unsigned major, unsigned minor)
{
    char node[64];
    int outside = make_node(node, major, minor), inside = opened_in(cgroup_fd, node);
    (void)unlink(node);
    assert_true(outside != EPERM && (inside == outside || inside == EPERM));
    return inside == EPERM;
}

static void only_the_own_gpus_open(void **state)
{
    struct cgroup_place place;
    struct guard_bounds b = { .gpus_known = 1 };
    char path[256], node[64], uuid[16] = "test of filters";
    int error = make_node(node, 195, 0);
    (void)state;
    (void)unlink(node);
    if (error == -1 || error == EPERM || error == EACCES) {
        print_message("device nodes can be neither made nor opened here: nothing to tell apart\n");
        skip();
    }
    if (cgroup_find(&place) < 0 || !(place.guards & GUARD_GPUS)) {
        print_message("no device filter may be attached here (root and cgroup v2 are needed)\n");
        skip();
    }
    b.minors[0] = 1u << 1 | 1u << 3;
    b.minors[253 / 8] = 1u << 253 % 8;
    int fd = cgroup_make(&place, (const uint8_t *)uuid, &b, path);
    assert_true(fd >= 0);
    const struct { unsigned major, minor; bool refused; } tries[] = {
        { 195, 0, true }, { 195, 1, false }, { 195, 2, true }, { 195, 3, false }, { 195, 4, true }, { 195, 9, true },
        { 195, 252, true }, { 195, 253, false }, { 195, 254, false }, { 195, 255, false },
        { 1, 3, false }, { 1, 0, false }, { 5, 0, false }, { 194, 0, false }, { 196, 0, false } };
    for (size_t i = 0; i < sizeof tries / sizeof tries[0]; i++)
        if (refused(fd, tries[i].major, tries[i].minor) != tries[i].refused)
            fail_msg("character device %u:%u is%s refused", tries[i].major, tries[i].minor, tries[i].refused ? " not" : "");
    io_close(&fd);
    cgroup_remove(path);
    b.gpus_known = 0; /* not known: no filter at all */
    fd = cgroup_make(&place, (const uint8_t *)uuid, &b, path);
    assert_true(fd >= 0);
    assert_false(refused(fd, 195, 0));
    io_close(&fd);
    cgroup_remove(path);
    memset(b.minors, 0xff, sizeof b.minors); /* the longest program there can be */
    b.gpus_known = 1;
    fd = cgroup_make(&place, (const uint8_t *)uuid, &b, path);
    assert_true(fd >= 0);
    assert_false(refused(fd, 195, 200));
    io_close(&fd);
    cgroup_remove(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(limits_are_written),
        cmocka_unit_test(only_what_was_found_is_written),
        cmocka_unit_test(a_missing_file_is_an_error),
        cmocka_unit_test(a_fork_bomb_is_seen),
        cmocka_unit_test(controllers_are_switched_on),
        cmocka_unit_test(only_the_own_gpus_open),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
