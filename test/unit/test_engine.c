/* test_engine.c - real jobs through launcher and supervisor: how they end, and what is left of them.
 * Everything runs twice: with cgroups, where this machine gives us some, and without. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/io.h"
#include "engine/attempt.h"
#include "engine/gpulock.h"
#include "world.h"

static struct world w;

static int setup(void **state)
{
    (void)state;
    world_init(&w);
    world_open(&w);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    world_finish(&w);
    return 0;
}

static int attempt_dir(uint32_t job)
{
    int attempts = openat(w.state_fd, "attempts", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int dir = attempt_open(attempts, job, 1);
    io_close(&attempts);
    return dir;
}

/* The first child of `parent` whose command line begins so; 0: none now. */
static int child_named(int parent, const char *begins)
{
    char path[64], text[4096] = "", line[256];
    struct buf children;
    snprintf(path, sizeof path, "/proc/%d/task/%d/children", parent, parent);
    buf_init_fixed(&children, text, sizeof text);
    (void)io_read_file(AT_FDCWD, path, &children);
    for (char *at = text, *end; (parent = (int)strtol(at, &end, 10)) > 0; at = end) {
        struct buf words;
        memset(line, 0, sizeof line);
        buf_init_fixed(&words, line, sizeof line);
        snprintf(path, sizeof path, "/proc/%d/cmdline", parent);
        (void)io_read_file(AT_FDCWD, path, &words);
        if (strncmp(line, begins, strlen(begins)) == 0)
            return parent;
    }
    return 0;
}

static int waiting_supervisor(void)
{
    usec_t until = io_boot_now() + WORLD_WAIT_MS * USEC_PER_MSEC;
    int launcher = child_named(getpid(), "eoul-launcher"), pid = 0;
    assert_true(launcher > 0);
    while (pid == 0 && io_boot_now() < until) {
        pid = child_named(launcher, "eoul-supervisor waiting");
        sched_yield();
    }
    assert_true(pid > 0);
    return pid;
}

/* One supervisor is made ahead.  It gets the next attempt; killed, another does; it ends with the launcher. */
static void test_made_ahead(void **state)
{
    (void)state;
    const struct world_job lasts = { .argv = { "read x <go" }, .shell = 1 };
    char go[128];
    snprintf(go, sizeof go, "%s/go", w.dir);
    assert_int_equal(mkfifo(go, 0600), 0);
    int first = waiting_supervisor();
    assert_int_equal(world_start(&w, 1, 1, &lasts), 0);
    assert_int_equal(world_next(&w, 1).kind, ENGINE_STARTED);
    assert_int_equal(world_supervisor(&w, 1, 1), first);
    int second = waiting_supervisor();
    assert_true(second != first);
    kill(second, SIGKILL);
    assert_true(world_wait_gone(second, WORLD_WAIT_MS));
    struct engine_event e = world_run(&w, 2, &(struct world_job){ .argv = { "exit 5" }, .shell = 1 });
    assert_int_equal(e.kind, ENGINE_ENDED);
    assert_int_equal(e.code, 5);
    int fd = open(go, O_WRONLY | O_CLOEXEC);
    assert_int_equal(io_write_all(fd, "\n", 1), 0);
    io_close(&fd);
    assert_int_equal(world_next(&w, 1).kind, ENGINE_ENDED);
    int last = waiting_supervisor();
    world_close(&w);
    assert_true(world_wait_gone(last, WORLD_WAIT_MS));
}

static void test_exit_code(void **state)
{
    (void)state;
    struct engine_event e = world_run(&w, 1, &(struct world_job){ .argv = { "exit 0" }, .shell = 1 });
    assert_int_equal(e.kind, ENGINE_ENDED);
    assert_int_equal(e.cause, ATTEMPT_EXIT);
    assert_int_equal(e.code, 0);
    assert_true(e.wall_at >= e.started_wall_at && e.started_wall_at > 0);
    e = world_run(&w, 2, &(struct world_job){ .argv = { "exit 41" }, .shell = 1 });
    assert_int_equal(e.cause, ATTEMPT_EXIT);
    assert_int_equal(e.code, 41);
    assert_int_equal(e.signal, 0);
}

static void test_signal(void **state)
{
    (void)state;
    struct engine_event e =
        world_run(&w, 1, &(struct world_job){ .argv = { "kill -SEGV $$" }, .shell = 1 });
    assert_int_equal(e.cause, ATTEMPT_SIGNAL);
    assert_int_equal(e.signal, SIGSEGV);
    e = world_run(&w, 2, &(struct world_job){ .argv = { "kill -KILL $$" }, .shell = 1 });
    assert_int_equal(e.cause, ATTEMPT_SIGNAL);
    assert_int_equal(e.signal, SIGKILL);
}

static void test_usage(void **state)
{
    (void)state;
    struct engine_event e = world_run(&w, 1, &(struct world_job){
        .argv = { "i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done" }, .shell = 1 });
    assert_true(e.user_us > 1000);
    assert_true(e.max_rss_kib > 100);
}

static void test_environment(void **state)
{
    (void)state;
    char want[128];
    struct engine_event e = world_run(&w, 7, &(struct world_job){
        .argv = { "echo $GREETING $EOUL_JOB_ID ${#EOUL_ATTEMPT} $(umask); pwd; ls /proc/self/fd" },
        .shell = 1 });
    assert_int_equal(e.code, 0);
    /* 3 is ls itself looking; without a cgroup there is the inherited lock, too. */
    snprintf(want, sizeof want, "annyeong 7 36 0022\n%s\n0\n1\n%s2\n3\n", w.dir,
             engine_local_has_cgroup(w.engine) ? "" : "197\n");
    assert_string_equal(world_read(&w, "out"), want);
}

static void test_script(void **state)
{
    (void)state;
    world_run(&w, 1, &(struct world_job){ .script = "#!/bin/sh\necho script $1\nexit 3\n" });
    assert_string_equal(world_read(&w, "out"), "script\n");
    struct engine_event e = world_run(&w, 2, &(struct world_job){ .script = "echo plain\nexit 4\n" });
    assert_string_equal(world_read(&w, "out"), "plain\n");
    assert_int_equal(e.code, 4);
    e = world_run(&w, 3, &(struct world_job){ .script = "#!/no/such/interpreter\n" });
    assert_int_equal(e.kind, ENGINE_START_FAILED);
    assert_int_equal(e.stage, STAGE_EXEC);
    assert_int_equal(e.error, ENOENT);
}

static void test_output(void **state)
{
    (void)state;
    struct world_job j = { .argv = { "echo one; echo two >&2" }, .shell = 1, .out = "a", .err = "b" };
    world_run(&w, 1, &j);
    assert_string_equal(world_read(&w, "a"), "one\n");
    assert_string_equal(world_read(&w, "b"), "two\n");
    j.open = "append";
    world_run(&w, 2, &j);
    assert_string_equal(world_read(&w, "a"), "one\none\n");
    j.open = "truncate";
    j.err = "a";
    world_run(&w, 3, &j);
    assert_string_equal(world_read(&w, "a"), "one\ntwo\n");
    assert_int_equal(mkdirat(w.dir_fd, "sub", 0700), 0);
    j.out = j.err = "sub/deep";
    j.in = "a";
    j.argv[0] = "cat";
    world_run(&w, 4, &j);
    assert_string_equal(world_read(&w, "sub/deep"), "one\ntwo\n");
}

static void test_tail(void **state)
{
    (void)state;
    char text[512];
    struct buf b;
    uint64_t total;
    struct engine_event e = world_run(&w, 1, &(struct world_job){
        .argv = { "seq 1 100000; echo last" }, .shell = 1 });
    assert_int_equal(e.output_bytes, 588895 + 5);
    int dir = attempt_dir(1);
    buf_init_fixed(&b, text, 17);
    assert_int_equal(attempt_read_tail(dir, 16, &b, &total), 0);
    assert_string_equal(b.ptr, "999\n100000\nlast\n");
    assert_int_equal(total, 588900);
    io_close(&dir);
    world_run(&w, 2, &(struct world_job){ .argv = { "echo short" }, .shell = 1 });
    dir = attempt_dir(2);
    buf_init_fixed(&b, text, sizeof text);
    assert_int_equal(attempt_read_tail(dir, 500, &b, &total), 0);
    assert_string_equal(b.ptr, "short\n");
    struct stat st;
    assert_int_equal(fstatat(dir, "lock", &st, 0), 0);
    assert_true(st.st_size < 5000); /* given back */
    io_close(&dir);
}

static void test_time_limit(void **state)
{
    (void)state;
    struct engine_event e = world_run(&w, 1, &(struct world_job){
        .argv = { "sleep", "60" }, .limit_us = 100000 });
    assert_int_equal(e.cause, ATTEMPT_TIME_LIMIT);
    assert_int_equal(e.signal, SIGTERM);
    /* Ignores SIGTERM: killed after its grace. */
    usec_t before = io_boot_now();
    e = world_run(&w, 2, &(struct world_job){
        .argv = { "trap '' TERM; while :; do sleep 60; done" }, .shell = 1, .limit_us = 100000,
        .grace_us = 300000 });
    assert_int_equal(e.cause, ATTEMPT_TIME_LIMIT);
    assert_int_equal(e.signal, SIGKILL);
    assert_true(io_boot_now() - before >= 400000);
    assert_true(io_boot_now() - before < 5000000);
    /* Uses its grace to save its work. */
    e = world_run(&w, 3, &(struct world_job){
        .argv = { "trap 'echo saved; exit 9' TERM; while :; do sleep 0.05; done" }, .shell = 1,
        .limit_us = 100000, .grace_us = 5000000 });
    assert_int_equal(e.cause, ATTEMPT_TIME_LIMIT);
    assert_int_equal(e.code, 9);
    assert_non_null(strstr(world_read(&w, "out"), "saved\n"));
}

static void test_set_limit(void **state)
{
    (void)state;
    struct world_job j = { .argv = { "sleep", "60" } };
    assert_int_equal(world_start(&w, 1, 1, &j), 0);
    assert_int_equal(world_next(&w, 1).kind, ENGINE_STARTED);
    assert_int_equal(engine_set_limit(w.engine, 1, 1, 1000), 0);
    struct engine_event e = world_next(&w, 1);
    assert_int_equal(e.cause, ATTEMPT_TIME_LIMIT);
    assert_int_equal(engine_set_limit(w.engine, 1, 1, 1000), E_NOT_FOUND);
}

static void test_stop(void **state)
{
    (void)state;
    struct world_job j = { .argv = { "trap 'exit 5' TERM; echo ready; while :; do sleep 0.05; done" },
                           .shell = 1, .grace_us = 60000000 };
    assert_int_equal(world_start(&w, 1, 1, &j), 0);
    world_wait_file(&w, "out", 6);
    assert_int_equal(engine_stop(w.engine, 1, 1, 0), 0);
    assert_int_equal(world_next(&w, 1).kind, ENGINE_STARTED);
    struct engine_event e = world_next(&w, 1);
    assert_int_equal(e.cause, ATTEMPT_STOPPED);
    assert_int_equal(e.code, 5);
    /* A second stop with a shorter grace counts. */
    j.argv[0] = "trap '' TERM; echo steady; while :; do sleep 60; done";
    j.out = "second";
    assert_int_equal(world_start(&w, 2, 1, &j), 0);
    world_wait_file(&w, "second", 7);
    assert_int_equal(engine_stop(w.engine, 2, 1, 0), 0);
    assert_int_equal(engine_stop(w.engine, 2, 1, 50000), 0);
    assert_int_equal(world_next(&w, 2).kind, ENGINE_STARTED);
    e = world_next(&w, 2);
    assert_int_equal(e.cause, ATTEMPT_STOPPED);
    assert_int_equal(e.signal, SIGKILL);
}

/* Stop before it runs: the record waits in the socket and is obeyed. */
static void test_stop_early(void **state)
{
    (void)state;
    struct world_job j = { .argv = { "sleep", "60" } };
    assert_int_equal(world_start(&w, 1, 1, &j), 0);
    assert_int_equal(engine_stop(w.engine, 1, 1, 0), 0);
    assert_int_equal(world_next(&w, 1).kind, ENGINE_STARTED);
    assert_int_equal(world_next(&w, 1).cause, ATTEMPT_STOPPED);
}

static void test_warn_signal(void **state)
{
    (void)state;
    /* 2 s before a limit of 2.2 s, to the command itself (B:) */
    struct engine_event e = world_run(&w, 1, &(struct world_job){
        .argv = { "trap 'echo warned; exit 6' USR1; while :; do sleep 0.05; done" }, .shell = 1,
        .limit_us = 2200000, .warn = "10 2 1" });
    assert_int_equal(e.cause, ATTEMPT_EXIT);
    assert_int_equal(e.code, 6);
    assert_string_equal(world_read(&w, "out"), "warned\n");
    /* of a script: to what it started, not to its shell */
    e = world_run(&w, 2, &(struct world_job){
        .script = "#!/bin/sh\nsh -c 'trap \"echo child; exit 8\" USR1; while :; do sleep 0.05; done'\n"
                  "echo shell saw $?\n",
        .limit_us = 2200000, .warn = "10 2 0" });
    assert_int_equal(e.cause, ATTEMPT_EXIT);
    assert_non_null(strstr(world_read(&w, "out"), "shell saw"));
    assert_int_equal(e.code, 0);
}

static void test_engine_signal(void **state)
{
    (void)state;
    struct world_job j = { .argv = { "trap 'exit 7' USR2; echo ready; while :; do sleep 0.05; done" },
                           .shell = 1 };
    assert_int_equal(world_start(&w, 1, 1, &j), 0);
    world_wait_file(&w, "out", 6);
    assert_int_equal(world_next(&w, 1).kind, ENGINE_STARTED);
    assert_int_equal(engine_signal(w.engine, 1, 1, SIGUSR2, WIRE_TO_MAIN), 0);
    struct engine_event e = world_next(&w, 1);
    assert_int_equal(e.code, 7);
    assert_int_equal(e.cause, ATTEMPT_EXIT);
}

/* While a job sleeps its supervisor sleeps, too. */
static void test_quiet(void **state)
{
    (void)state;
    struct world_job j = { .argv = { "sleep", "0.5" } };
    assert_int_equal(world_start(&w, 1, 1, &j), 0);
    assert_int_equal(world_next(&w, 1).kind, ENGINE_STARTED);
    char path[64], text[1024];
    struct buf b;
    int supervisor = world_supervisor(&w, 1, 1);
    snprintf(path, sizeof path, "/proc/%d/schedstat", supervisor);
    buf_init_fixed(&b, text, sizeof text);
    (void)usleep(300000); /* not a wait for something: the span that is looked at */
    assert_int_equal(io_read_file(AT_FDCWD, path, &b), 0);
    assert_true(strtoull(text, NULL, 10) < 50000000); /* ns on a CPU */
    assert_int_equal(world_next(&w, 1).kind, ENGINE_ENDED);
}

/* A double fork with its own session that ignores SIGTERM: gone when the end is told. */
static void test_escape(void **state)
{
    (void)state;
    usec_t before = io_boot_now();
    struct engine_event e = world_run(&w, 1, &(struct world_job){
        .argv = { "setsid sh -c '(trap \"\" TERM HUP; env -i sh -c \"echo \\$\\$ >pid; while :; do sleep "
                  "60; done\") &' & while [ ! -s pid ]; do sleep 0.02; done; exit 2" },
        .shell = 1, .grace_us = 60000000 });
    assert_int_equal(e.cause, ATTEMPT_EXIT);
    assert_int_equal(e.code, 2);
    assert_true(io_boot_now() - before < 5000000);
    const char *pid = world_read(&w, "pid");
    assert_non_null(pid);
    assert_true(world_wait_gone((int)strtol(pid, NULL, 10), 0));
}

static void test_refusals(void **state)
{
    (void)state;
    struct engine_event e = world_run(&w, 1, &(struct world_job){
        .argv = { "true" }, .cwd = "/no/such/place" });
    assert_int_equal(e.kind, ENGINE_START_FAILED);
    assert_int_equal(e.cause, ATTEMPT_LAUNCH);
    assert_int_equal(e.stage, STAGE_CWD);
    assert_int_equal(e.error, ENOENT);
    assert_string_equal(e.detail, "/no/such/place");
    struct err err = { 0 };
    attempt_explain(e.cause, e.stage, e.error, e.detail, &err);
    assert_string_equal(err.text,
        "cannot enter the working directory \"/no/such/place\": No such file or directory");
    e = world_run(&w, 2, &(struct world_job){ .argv = { "true" }, .out = "no/such/dir/out" });
    assert_int_equal(e.stage, STAGE_STDOUT);
    assert_int_equal(e.error, ENOENT);
    e = world_run(&w, 3, &(struct world_job){ .argv = { "true" }, .out = "x", .err = "/proc/nothing" });
    assert_int_equal(e.stage, STAGE_STDERR);
    e = world_run(&w, 4, &(struct world_job){ .argv = { "true" }, .in = "missing" });
    assert_int_equal(e.stage, STAGE_STDIN);
    assert_int_equal(e.error, ENOENT);
    e = world_run(&w, 5, &(struct world_job){ .argv = { "no-such-command-anywhere" } });
    assert_int_equal(e.kind, ENGINE_START_FAILED);
    assert_int_equal(e.stage, STAGE_EXEC);
    assert_int_equal(e.error, ENOENT);
    assert_string_equal(e.detail, "no-such-command-anywhere");
    e = world_run(&w, 6, &(struct world_job){ .argv = { "/etc/passwd" } });
    assert_int_equal(e.stage, STAGE_EXEC);
    assert_int_equal(e.error, EACCES);
    /* A FIFO without a reader must fail, not hang. */
    assert_int_equal(mkfifoat(w.dir_fd, "fifo", 0600), 0);
    e = world_run(&w, 7, &(struct world_job){ .argv = { "true" }, .out = "fifo" });
    assert_int_equal(e.stage, STAGE_STDOUT);
    assert_int_equal(e.error, ENXIO);
}

/* As root nothing is forbidden, so this one runs the whole engine as somebody else. */
static void test_unwritable(void **state)
{
    (void)state;
    if (getuid() != 0) {
        assert_int_equal(mkdirat(w.dir_fd, "closed", 0500), 0);
        struct engine_event e = world_run(&w, 1, &(struct world_job){
            .argv = { "true" }, .out = "closed/out" });
        assert_int_equal(e.stage, STAGE_STDOUT);
        assert_int_equal(e.error, EACCES);
        return;
    }
    struct engine_event e = world_run(&w, 1, &(struct world_job){
        .argv = { "true" }, .out = "/sys/kernel/out" });
    assert_int_equal(e.kind, ENGINE_START_FAILED);
    assert_int_equal(e.stage, STAGE_STDOUT);
    assert_true(e.error == EACCES || e.error == EPERM);
}

static void test_disk_full(void **state)
{
    (void)state;
    struct engine_event e = world_run(&w, 1, &(struct world_job){
        .argv = { "echo lost; echo done >marker; exit 3" }, .shell = 1, .out = "/dev/full" });
    assert_int_equal(e.cause, ATTEMPT_EXIT); /* the job never noticed */
    assert_int_equal(e.code, 3);
    assert_int_equal(e.output_lost, 5);
    assert_string_equal(world_read(&w, "marker"), "done\n");
    /* A capped file: the rest is counted, the tail still has it. */
    e = world_run(&w, 2, &(struct world_job){ .argv = { "echo 0123456789" }, .shell = 1,
                                              .output_max = 4 });
    assert_int_equal(e.output_lost, 7);
    assert_non_null(strstr(world_read(&w, "out"), "0123"));
    assert_non_null(strstr(world_read(&w, "out"), "7 bytes of output are missing here"));
}

/* A real full disk: a small file system of our own, if we may mount one. */
static bool small_disk(const char *name)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", w.dir, name);
    assert_int_equal(mkdir(path, 0700), 0);
    if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
        mount("none", path, "tmpfs", 0, "size=65536") < 0) {
        print_message("cannot mount a small file system here (%s): skipped\n", strerror(errno));
        return false;
    }
    return true;
}

static void test_small_disk(void **state)
{
    (void)state;
    char path[128];
    world_close(&w);
    if (!small_disk("small")) {
        world_open(&w);
        skip();
    }
    world_open(&w);
    struct engine_event e = world_run(&w, 1, &(struct world_job){
        .argv = { "head -c 200000 /dev/zero; echo after; exit 3" }, .shell = 1,
        .out = "small/out" });
    assert_int_equal(e.cause, ATTEMPT_EXIT);
    assert_int_equal(e.code, 3);
    assert_true(e.output_lost > 100000);
    assert_int_equal(e.output_bytes, 200006);
    /* and an attempt whose record finds no room does not run at all */
    io_close(&w.state_fd);
    snprintf(path, sizeof path, "%s/small/out", w.dir);
    assert_int_equal(unlink(path), 0);
    world_close(&w);
    snprintf(path, sizeof path, "%s/small", w.dir); /* by path: dir_fd is of the old namespace */
    w.state_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    world_open(&w);
    static const char zeros[65536];
    int filler = openat(w.state_fd, "filler", O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    (void)io_write_all(filler, zeros, sizeof zeros);
    assert_int_equal(io_write_all(filler, zeros, 1), E_NO_SPACE);
    e = world_run(&w, 2, &(struct world_job){ .argv = { "echo ran >witness" }, .shell = 1 });
    assert_int_equal(e.kind, ENGINE_START_FAILED);
    assert_int_equal(e.stage, STAGE_DIRECTORY);
    assert_int_equal(e.error, ENOSPC);
    assert_null(world_read(&w, "witness"));
    /* Room for the record and a page of the tail: the end is recorded, the tail says it is not whole. */
    struct buf b;
    uint64_t total;
    static char text[65537];
    assert_int_equal(ftruncate(filler, 65536 - 4096 * 3), 0);
    e = world_run(&w, 3, &(struct world_job){ .argv = { "head -c 30000 /dev/zero; exit 5" },
                                              .shell = 1, .out = "/dev/null" });
    assert_int_equal(e.kind, ENGINE_ENDED);
    assert_int_equal(e.code, 5);
    assert_int_equal(e.output_bytes, 30000);
    assert_int_equal(e.output_lost, 0);
    int dir = attempt_dir(3);
    struct wire_exit record;
    assert_int_equal(attempt_read_exit(dir, &record), 0);
    assert_int_equal(record.end.code, 5);
    buf_init_fixed(&b, text, sizeof text);
    assert_int_equal(attempt_read_tail(dir, 65536, &b, &total), E_CORRUPT);
    io_close(&dir);
    /* Room again while it writes: the next output makes it whole. */
    struct world_job j = { .argv = { "head -c 30000 /dev/zero; echo full >flag; while [ ! -e go ]; do "
                                     "sleep 0.02; done; echo end" }, .shell = 1, .out = "/dev/null" };
    assert_int_equal(engine_forget(w.engine, 3, 1), 0);
    assert_int_equal(world_start(&w, 4, 1, &j), 0);
    world_wait_file(&w, "flag", 5);
    assert_int_equal(ftruncate(filler, 0), 0);
    io_close(&filler);
    filler = openat(w.dir_fd, "go", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    io_close(&filler);
    assert_int_equal(world_next(&w, 4).kind, ENGINE_STARTED);
    assert_int_equal(world_next(&w, 4).kind, ENGINE_ENDED);
    dir = attempt_dir(4);
    assert_int_equal(attempt_read_tail(dir, 65536, &b, &total), 0);
    assert_int_equal(total, 30004);
    assert_int_equal(b.len, 30004);
    assert_string_equal(b.ptr + 30000, "end\n");
    io_close(&dir);
    world_close(&w);
    io_close(&w.state_fd);
    assert_int_equal(umount2(path, MNT_DETACH), 0);
}

static void test_no_descriptors(void **state)
{
    (void)state;
    struct rlimit saved, small;
    world_close(&w);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &saved), 0);
    for (rlim_t n = 24; n <= 28; n++) { /* the launcher runs out at one step after another */
        small = (struct rlimit){ n, saved.rlim_max };
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &small), 0);
        world_open(&w);
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &saved), 0);
        uint32_t job = (uint32_t)n;
        struct engine_event e = world_run(&w, job, &(struct world_job){ .argv = { "true" } });
        if (n == 24) {
            assert_int_equal(e.kind, ENGINE_START_FAILED);
            assert_int_equal(e.error, EMFILE);
        }
        assert_true(e.kind == ENGINE_START_FAILED ? e.error == EMFILE : e.kind == ENGINE_ENDED);
        assert_int_equal(engine_local_active(w.engine), 0);
        world_close(&w);
    }
}

static void test_rate(void **state)
{
    (void)state;
    usec_t before = io_boot_now();
    struct engine_event e = world_run(&w, 1, &(struct world_job){
        .argv = { "head -c 300000 /dev/zero" }, .shell = 1, .output_rate = 200000 });
    assert_int_equal(e.output_bytes, 300000);
    assert_int_equal(e.output_lost, 0);
    assert_true(io_boot_now() - before > 500000);
}

static void test_limits(void **state)
{
    (void)state;
    char text[64];
    snprintf(text, sizeof text, "%d 20 30", RLIMIT_NOFILE);
    struct engine_event e = world_run(&w, 1, &(struct world_job){
        .argv = { "ulimit -Sn; ulimit -Hn" }, .shell = 1, .rlimit = text });
    assert_int_equal(e.code, 0);
    assert_string_equal(world_read(&w, "out"), "20\n30\n");
}

static void test_twice(void **state)
{
    (void)state;
    struct world_job j = { .argv = { "echo once >>witness" }, .shell = 1 };
    world_run(&w, 1, &j);
    /* The same pair again: the directory is there, its end is read, nothing runs. */
    assert_int_equal(world_start(&w, 1, 1, &j), 0);
    struct engine_event e = world_next(&w, 1);
    assert_int_equal(e.kind, ENGINE_ENDED);
    assert_int_equal(e.code, 0);
    assert_string_equal(world_read(&w, "witness"), "once\n");
}

static void test_forget(void **state)
{
    (void)state;
    world_run(&w, 1, &(struct world_job){ .argv = { "true" } });
    int dir = attempt_dir(1);
    assert_true(dir >= 0);
    io_close(&dir);
    assert_int_equal(engine_forget(w.engine, 1, 1), 0);
    /* When it is quiet it goes; with the next start it would wait. */
    struct engine_event none;
    for (int i = 0; i < 100 && (dir = attempt_dir(1)) >= 0; i++) {
        io_close(&dir);
        assert_false(world_wait(&w, &none, 100));
    }
    assert_int_equal(attempt_dir(1), E_NOT_FOUND);
    /* One whose supervisor lives does not go. */
    struct world_job j = { .argv = { "sleep", "60" } };
    assert_int_equal(world_start(&w, 3, 1, &j), 0);
    assert_int_equal(world_next(&w, 3).kind, ENGINE_STARTED);
    assert_int_equal(engine_forget(w.engine, 3, 1), E_STATE);
    assert_int_equal(engine_stop(w.engine, 3, 1, 0), 0);
    assert_int_equal(world_next(&w, 3).kind, ENGINE_ENDED);
}

/* --- the daemon dies, supervisors die ---------------------------------------------------------- */

static void test_adopt(void **state)
{
    (void)state;
    struct world_job j = { .argv = { "echo ready >flag; while [ ! -e go ]; do sleep 0.02; done; exit 17" },
                           .shell = 1 };
    assert_int_equal(world_start(&w, 1, 1, &j), 0);
    world_wait_file(&w, "flag", 6);
    world_close(&w);
    world_open(&w);
    assert_int_equal(engine_recover(w.engine, 1, 1), 0);
    struct engine_event e = world_next(&w, 1);
    assert_int_equal(e.kind, ENGINE_STARTED);
    assert_true(e.recovered);
    int fd = openat(w.dir_fd, "go", O_CREAT | O_WRONLY, 0600);
    io_close(&fd);
    e = world_next(&w, 1);
    assert_int_equal(e.kind, ENGINE_ENDED);
    assert_int_equal(e.code, 17);
}

static void test_end_unseen(void **state)
{
    (void)state;
    struct world_job j = { .argv = { "echo ready >flag; while [ ! -e go ]; do sleep 0.02; done; exit 18" },
                           .shell = 1 };
    assert_int_equal(world_start(&w, 1, 1, &j), 0);
    world_wait_file(&w, "flag", 6);
    int supervisor = world_supervisor(&w, 1, 1);
    world_close(&w);
    int fd = openat(w.dir_fd, "go", O_CREAT | O_WRONLY, 0600);
    io_close(&fd);
    assert_true(world_wait_gone(supervisor, WORLD_WAIT_MS));
    world_open(&w);
    assert_int_equal(engine_recover(w.engine, 1, 1), 0);
    struct engine_event e = world_next(&w, 1);
    assert_int_equal(e.kind, ENGINE_ENDED);
    assert_int_equal(e.code, 18);
    assert_true(e.recovered);
    /* and as often as asked */
    assert_int_equal(engine_recover(w.engine, 1, 1), 0);
    assert_int_equal(world_next(&w, 1).code, 18);
}

static void test_never_started(void **state)
{
    (void)state;
    assert_int_equal(engine_recover(w.engine, 5, 1), 0);
    assert_int_equal(world_next(&w, 5).kind, ENGINE_NEVER_STARTED);
    /* and it can never start any more: the claim is taken */
    struct world_job j = { .argv = { "echo once >>witness" }, .shell = 1 };
    assert_int_equal(world_start(&w, 5, 1, &j), 0);
    struct engine_event e = world_next(&w, 5);
    assert_int_equal(e.kind, ENGINE_LOST);
    assert_null(world_read(&w, "witness"));
}

/* kill -9 of the supervisor: LOST, and nothing of the job is left when that is told. */
static void test_supervisor_killed(void **state)
{
    (void)state;
    struct world_job j = {
        .argv = { "setsid sh -c 'echo $$ >pid; while :; do sleep 60; done' & "
                  "while [ ! -s pid ]; do sleep 0.02; done; echo ready >flag; sleep 60" }, .shell = 1 };
    assert_int_equal(world_start(&w, 1, 1, &j), 0);
    struct engine_event e = world_next(&w, 1);
    assert_int_equal(e.kind, ENGINE_STARTED);
    world_wait_file(&w, "flag", 6);
    int escaped = (int)strtol(world_read(&w, "pid"), NULL, 10);
    assert_int_equal(kill(world_supervisor(&w, 1, 1), SIGKILL), 0);
    int command = e.pid;
    e = world_next(&w, 1);
    assert_int_equal(e.kind, ENGINE_LOST);
    assert_false(e.quarantine);
    assert_true(world_wait_gone(command, 0));
    assert_true(world_wait_gone(escaped, 0));
}

static void test_both_killed(void **state)
{
    (void)state;
    struct world_job j = {
        .argv = { "setsid sh -c 'echo $$ >pid; while :; do sleep 60; done' & "
                  "while [ ! -s pid ]; do sleep 0.02; done; echo ready >flag; sleep 60" }, .shell = 1 };
    assert_int_equal(world_start(&w, 1, 1, &j), 0);
    assert_int_equal(world_next(&w, 1).kind, ENGINE_STARTED);
    world_wait_file(&w, "flag", 6);
    int escaped = (int)strtol(world_read(&w, "pid"), NULL, 10);
    int supervisor = world_supervisor(&w, 1, 1);
    world_close(&w);
    assert_int_equal(kill(supervisor, SIGKILL), 0);
    assert_true(world_wait_gone(supervisor, WORLD_WAIT_MS));
    world_open(&w);
    assert_int_equal(engine_recover(w.engine, 1, 1), 0);
    struct engine_event e = world_next(&w, 1);
    assert_int_equal(e.kind, ENGINE_LOST);
    assert_true(world_wait_gone(escaped, 0));
}

/* An array of 100 in flight, nothing left behind. */
static void test_many(void **state)
{
    (void)state;
    for (uint32_t i = 1; i <= 100; i++)
        assert_int_equal(world_start(&w, i, 1, &(struct world_job){
            .argv = { "echo x >>witness; exit $EOUL_JOB_ID" }, .shell = 1 }), 0);
    int started = 0, ended = 0;
    struct engine_event e;
    while (ended < 100 && world_wait(&w, &e, WORLD_WAIT_MS)) {
        started += e.kind == ENGINE_STARTED;
        if (e.kind == ENGINE_ENDED) {
            ended++;
            assert_int_equal(e.code, (int)e.job);
        }
    }
    assert_int_equal(started, 100);
    assert_int_equal(ended, 100);
    assert_int_equal(strlen(world_read(&w, "witness")), 200);
    assert_int_equal(engine_local_active(w.engine), 0);
}

/* --- GPUs -------------------------------------------------------------------------------------- */

static void test_gpu_lock(void **state)
{
    (void)state;
    struct gpulock_holder who;
    struct world_job j = { .argv = { "echo ready >flag; while [ ! -e go ]; do sleep 0.02; done" },
                           .shell = 1, .gpu = "GPU-0123-test" };
    assert_int_equal(world_start(&w, 1, 1, &j), 0);
    assert_int_equal(world_next(&w, 1).kind, ENGINE_STARTED);
    world_wait_file(&w, "flag", 6);
    int dir = gpulock_directory();
    assert_true(dir >= 0);
    assert_int_equal(gpulock_look(dir, "GPU-0123-test", &who), 1);
    assert_int_equal(who.uid, getuid());
    assert_int_equal(who.job, 1);
    assert_int_equal(who.pid, world_supervisor(&w, 1, 1));
    assert_int_equal(gpulock_look(dir, "GPU-other", &who), 0);
    /* a second attempt on it, as from another daemon */
    struct world_job k = { .argv = { "echo never >witness" }, .shell = 1, .gpu = "GPU-0123-test" };
    assert_int_equal(world_start(&w, 2, 1, &k), 0);
    struct engine_event e = world_next(&w, 2);
    assert_int_equal(e.kind, ENGINE_START_FAILED);
    assert_int_equal(e.cause, ATTEMPT_GPU_BUSY);
    assert_string_equal(e.detail, "GPU-0123-test");
    assert_null(world_read(&w, "witness"));
    int fd = openat(w.dir_fd, "go", O_CREAT | O_WRONLY, 0600);
    io_close(&fd);
    assert_int_equal(world_next(&w, 1).kind, ENGINE_ENDED);
    /* The moment the end is told, the GPU is free. */
    assert_int_equal(gpulock_look(dir, "GPU-0123-test", &who), 0);
    e = world_run(&w, 3, &k);
    assert_int_equal(e.kind, ENGINE_ENDED);
    e = world_run(&w, 4, &(struct world_job){ .argv = { "true" }, .gpu = "../../etc/passwd" });
    assert_int_equal(e.kind, ENGINE_START_FAILED);
    assert_int_equal(e.stage, STAGE_GPU);
    assert_int_equal(e.error, EINVAL);
    io_close(&dir);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(test_exit_code), T(test_signal), T(test_usage), T(test_environment), T(test_script),
        T(test_output), T(test_tail), T(test_time_limit), T(test_set_limit), T(test_stop),
        T(test_stop_early), T(test_quiet), T(test_warn_signal), T(test_engine_signal), T(test_escape),
        T(test_refusals), T(test_unwritable), T(test_disk_full), T(test_small_disk), T(test_no_descriptors), T(test_rate), T(test_limits),
        T(test_twice), T(test_forget), T(test_adopt), T(test_end_unseen), T(test_never_started),
        T(test_supervisor_killed), T(test_both_killed), T(test_many), T(test_gpu_lock), T(test_made_ahead),
    };
    int failed = cmocka_run_group_tests_name("engine, with cgroups if any", tests, NULL, NULL);
    setenv("EOUL_NO_CGROUP", "1", 1);
    failed += cmocka_run_group_tests_name("engine, without cgroups", tests, NULL, NULL);
    /* The program eoul-supervisor instead of a fork of the launcher: what differs is how it begins. */
    const struct CMUnitTest begins[] = { T(test_exit_code), T(test_environment), T(test_refusals),
                                         T(test_adopt), T(test_supervisor_killed), T(test_gpu_lock) };
    setenv("EOUL_REEXEC", "1", 1);
    failed += cmocka_run_group_tests_name("engine, supervisor executed", begins, NULL, NULL);
    return failed ? 1 : 0;
}
