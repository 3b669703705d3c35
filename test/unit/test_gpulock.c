/* test_gpulock.c - two users, two engines, one GPU: never both.  Needs root to become two users; without
 * it, the same with two engines of one user, and it says so. */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/io.h"
#include "engine/gpulock.h"
#include "world.h"

#define GPU "GPU-5a5a5a5a-shared"

static char dir[64];
static const uid_t uids[2] = { 61001, 61002 };

/* The build directory may be closed to the two users: they get the programs from here. */
static char programs[64];

static void copy_program(const char *name)
{
    char from[4200], to[128];
    static char bytes[1 << 16];
    snprintf(from, sizeof from, "%s/%s", getenv("EOUL_BUILD"), name);
    snprintf(to, sizeof to, "%s/%s", programs, name);
    int in = open(from, O_RDONLY | O_CLOEXEC), out = open(to, O_WRONLY | O_CREAT | O_CLOEXEC, 0700);
    assert_true(in >= 0 && out >= 0);
    ssize_t n;
    while ((n = read(in, bytes, sizeof bytes)) > 0)
        assert_int_equal(io_write_all(out, bytes, (size_t)n), 0);
    assert_int_equal(fchmod(out, 0755), 0);
    io_close(&in);
    io_close(&out);
}

static int group_setup(void **state)
{
    (void)state;
    snprintf(programs, sizeof programs, "%s", "/tmp/eoul-programs-XXXXXX");
    assert_non_null(mkdtemp(programs));
    assert_int_equal(chmod(programs, 0755), 0);
    copy_program("eoul-launcher");
    copy_program("eoul-supervisor");
    setenv("EOUL_BUILD", programs, 1);
    return 0;
}

static int group_teardown(void **state)
{
    (void)state;
    static const char *const names[] = { "eoul-launcher", "eoul-supervisor" };
    char path[128];
    for (int i = 0; i < 2; i++) {
        snprintf(path, sizeof path, "%s/%s", programs, names[i]);
        unlink(path);
    }
    return rmdir(programs);
}

static int setup(void **state)
{
    (void)state;
    snprintf(dir, sizeof dir, "%s", "/tmp/eoul-locks-XXXXXX");
    assert_non_null(mkdtemp(dir));
    assert_int_equal(chmod(dir, 01777), 0);
    setenv("EOUL_LOCK_DIR", dir, 1);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    char path[160];
    snprintf(path, sizeof path, "%s/%s", dir, GPU);
    unlink(path);
    snprintf(path, sizeof path, "%s/%s", dir, "GPU-link");
    unlink(path);
    assert_int_equal(rmdir(dir), 0);
    return 0;
}

static void become(uid_t uid)
{
    if (getuid() != 0)
        return;
    assert_int_equal(setgroups(0, NULL), 0);
    assert_int_equal(setresgid(uid, uid, uid), 0);
    assert_int_equal(setresuid(uid, uid, uid), 0);
}

/* A byte over a pipe is all two users need to take turns; nothing within the time is a failure. */
static void say(int fd) { assert_int_equal(io_write_all(fd, "x", 1), 0); }
static void hear(int fd)
{
    char byte;
    struct pollfd p = { .fd = fd, .events = POLLIN };
    assert_int_equal(poll(&p, 1, WORLD_WAIT_MS), 1);
    assert_int_equal(read(fd, &byte, 1), 1);
}

static void open_here(struct world *w)
{
    world_init(w);
    setenv("EOUL_LOCK_DIR", dir, 1); /* not the world's own */
    world_open(w);
}

static void holder(int in, int out)
{
    struct world w;
    open_here(&w);
    struct world_job j = { .argv = { "echo on >flag; while [ ! -e go ]; do sleep 0.02; done" },
                           .shell = 1, .gpu = GPU };
    assert_int_equal(world_start(&w, 7, 1, &j), 0);
    assert_int_equal(world_next(&w, 7).kind, ENGINE_STARTED);
    say(out); /* I have it */
    hear(in); /* the other one was refused */
    int fd = openat(w.dir_fd, "go", O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    io_close(&fd);
    assert_int_equal(world_next(&w, 7).kind, ENGINE_ENDED);
    say(out); /* it is free */
    hear(in);
    world_finish(&w);
}

static void visitor(int in, int out, uid_t other)
{
    struct world w;
    struct gpulock_holder who;
    open_here(&w);
    hear(in);
    int locks = gpulock_directory();
    assert_int_equal(gpulock_look(locks, GPU, &who), 1);
    assert_int_equal(who.uid, other);
    assert_int_equal(who.job, 7);
    struct world_job j = { .argv = { "echo ran >witness" }, .shell = 1, .gpu = GPU };
    assert_int_equal(world_start(&w, 1, 1, &j), 0);
    struct engine_event e = world_next(&w, 1);
    assert_int_equal(e.kind, ENGINE_START_FAILED);
    assert_int_equal(e.cause, ATTEMPT_GPU_BUSY);
    assert_null(world_read(&w, "witness"));
    say(out);
    hear(in);
    assert_int_equal(gpulock_look(locks, GPU, &who), 0);
    assert_int_equal(world_start(&w, 1, 2, &j), 0);
    e = world_next(&w, 1);
    assert_int_equal(e.kind, ENGINE_STARTED);
    assert_int_equal(world_next(&w, 1).kind, ENGINE_ENDED);
    say(out);
    io_close(&locks);
    world_finish(&w);
}

static void test_two_users(void **state)
{
    (void)state;
    int there[2], back[2], status;
    if (getuid() != 0)
        print_message("not root: two engines of one user instead of two users\n");
    assert_int_equal(pipe2(there, O_CLOEXEC), 0);
    assert_int_equal(pipe2(back, O_CLOEXEC), 0);
    pid_t child = fork();
    if (child == 0) {
        /* A failed assertion in a child jumps into its copy of cmocka's runner, which in the end exits
         * with a failure: that is what the parent looks at. */
        alarm(60);
        become(uids[0]);
        holder(back[0], there[1]);
        _exit(0);
    }
    pid_t second = fork();
    if (second == 0) {
        alarm(60);
        become(uids[1]);
        visitor(there[0], back[1], getuid() == uids[1] ? uids[0] : getuid());
        _exit(0);
    }
    assert_int_equal(waitpid(second, &status, 0), second);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

/* --- processes that cannot be found --------------------------------------------------------------- */

/* Wait for the job to say its pid in `flag`, let root share its lock, and let it end. */
static int share(struct world *w, uint32_t job, int in, int out)
{
    struct world_job j = { .argv = { "echo $$ >flag.new; mv flag.new flag; while [ ! -e go ]; do sleep "
                                     "0.02; done" }, .shell = 1, .gpu = GPU, .grace_us = 50000 };
    (void)unlinkat(w->dir_fd, "flag", 0);
    (void)unlinkat(w->dir_fd, "go", 0);
    assert_int_equal(world_start(w, job, 1, &j), 0);
    struct engine_event e = world_next(w, job);
    assert_int_equal(e.kind, ENGINE_STARTED);
    world_wait_file(w, "flag", 2);
    assert_int_equal(io_write_all(out, &e.pid, sizeof e.pid), 0);
    hear(in);
    return e.pid;
}

static void quarantined(int in, int out)
{
    struct world w;
    struct gpulock_holder who;
    open_here(&w);
    int locks = gpulock_directory();
    (void)share(&w, 1, in, out);
    int fd = openat(w.dir_fd, "go", O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    io_close(&fd);
    struct engine_event e = world_next(&w, 1);
    assert_int_equal(e.kind, ENGINE_ENDED); /* it ended, but something of it is still there */
    assert_true(e.quarantine);
    assert_int_equal(e.cause, ATTEMPT_EXIT);
    assert_int_equal(gpulock_look(locks, GPU, &who), 1); /* and nobody gets its GPU */
    world_close(&w);
    world_open(&w);
    assert_int_equal(engine_recover(w.engine, 1, 1), 0); /* the next daemon hears the same */
    assert_int_equal(world_next(&w, 1).kind, ENGINE_STARTED);
    e = world_next(&w, 1);
    assert_int_equal(e.kind, ENGINE_ENDED);
    assert_true(e.quarantine);
    say(out);
    hear(in); /* root let go */
    assert_int_equal(world_next(&w, 1).kind, ENGINE_RELEASED);
    assert_int_equal(gpulock_look(locks, GPU, &who), 0);
    /* The same with a dead supervisor: the launcher keeps looking. */
    (void)share(&w, 2, in, out);
    assert_int_equal(kill(world_supervisor(&w, 2, 1), SIGKILL), 0);
    e = world_next(&w, 2);
    assert_int_equal(e.kind, ENGINE_LOST);
    assert_true(e.quarantine);
    say(out);
    hear(in);
    assert_int_equal(world_next(&w, 2).kind, ENGINE_RELEASED);
    io_close(&locks);
    world_finish(&w);
}

/* Root holds the job's inherited lock; the user's supervisor can neither see nor kill root. */
static void test_quarantine(void **state)
{
    (void)state;
    int there[2], back[2], status, pid;
    if (getuid() != 0) {
        print_message("not root: nobody here is out of the supervisor's sight: skipped\n");
        skip();
    }
    assert_int_equal(pipe2(there, O_CLOEXEC), 0);
    assert_int_equal(pipe2(back, O_CLOEXEC), 0);
    pid_t child = fork();
    if (child == 0) {
        alarm(60);
        setenv("EOUL_NO_CGROUP", "1", 1);
        setenv("EOUL_HURRY", "1", 1);
        become(uids[0]);
        quarantined(back[0], there[1]);
        _exit(0);
    }
    for (int round = 0; round < 2; round++) {
        struct pollfd p = { .fd = there[0], .events = POLLIN };
        assert_int_equal(poll(&p, 1, WORLD_WAIT_MS), 1);
        assert_int_equal(read(there[0], &pid, sizeof pid), sizeof pid);
        int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
        int lock = (int)syscall(SYS_pidfd_getfd, pidfd, 197, 0);
        assert_true(lock >= 0);
        say(back[1]);
        hear(there[0]);
        io_close(&lock);
        io_close(&pidfd);
        say(back[1]);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

/* Somebody without eoul: `flock FILE command` is a holder like any other. */
static void test_flock_by_hand(void **state)
{
    (void)state;
    struct gpulock_holder who, self = { .uid = getuid(), .pid = getpid(), .job = 3 };
    char path[160];
    int locks = gpulock_directory();
    int fd = gpulock_take(locks, GPU, &self, NULL);
    assert_true(fd >= 0);
    assert_int_equal(gpulock_take(locks, GPU, &self, &who), E_BUSY);
    assert_int_equal(who.job, 3);
    io_close(&fd);
    snprintf(path, sizeof path, "%s/%s", dir, GPU);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_int_equal(flock(fd, LOCK_EX | LOCK_NB), 0);
    assert_int_equal(gpulock_look(locks, GPU, &who), 1);
    assert_int_equal(gpulock_take(locks, GPU, &self, NULL), E_BUSY);
    io_close(&fd);
    assert_int_equal(gpulock_look(locks, GPU, &who), 0);
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0666); /* whatever the umask: others must be able to lock it */
    io_close(&locks);
}

static void test_refused(void **state)
{
    (void)state;
    struct gpulock_holder self = { 0 };
    int locks = gpulock_directory();
    assert_int_equal(symlinkat("/etc/passwd", locks, "GPU-link"), 0);
    assert_true(gpulock_take(locks, "GPU-link", &self, NULL) < 0);
    assert_int_equal(gpulock_take(locks, "../x", &self, NULL), E_INVALID);
    assert_int_equal(gpulock_take(locks, "", &self, NULL), E_INVALID);
    assert_int_equal(gpulock_take(locks, ".hidden", &self, NULL), E_INVALID);
    assert_int_equal(gpulock_look(locks, "GPU-never-seen", NULL), 0);
    io_close(&locks);
    /* A directory that strangers can swap files in is no place for locks. */
    assert_int_equal(chmod(dir, 0777), 0);
    assert_int_equal(gpulock_directory(), E_DENIED);
    assert_int_equal(chmod(dir, 01777), 0);
}

int main(void)
{
    umask(077);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_two_users, setup, teardown),
        cmocka_unit_test_setup_teardown(test_quarantine, setup, teardown),
        cmocka_unit_test_setup_teardown(test_flock_by_hand, setup, teardown),
        cmocka_unit_test_setup_teardown(test_refused, setup, teardown),
    };
    return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
