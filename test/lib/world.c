/* world.c - see world.h. */
#include "world.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/io.h"
#include "engine/attempt.h"

void world_init(struct world *w)
{
    *w = (struct world){ .dir_fd = -1, .state_fd = -1 };
    snprintf(w->dir, sizeof w->dir, "%s", "/tmp/eoul-test-XXXXXX");
    assert_non_null(mkdtemp(w->dir));
    w->dir_fd = open(w->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_true(w->dir_fd >= 0);
    assert_int_equal(mkdirat(w->dir_fd, "state", 0700), 0);
    w->state_fd = openat(w->dir_fd, "state", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    char locks[96];
    snprintf(locks, sizeof locks, "%s/locks", w->dir);
    setenv("EOUL_LOCK_DIR", locks, 1);
}

void world_open(struct world *w)
{
    struct engine_local_options o = { .state_fd = w->state_fd, .libexec = getenv("EOUL_BUILD") };
    struct err err = { 0 };
    int r = engine_local_open(&o, &w->engine, &err);
    if (r < 0)
        print_error("engine_local_open: %s\n", err.text);
    assert_int_equal(r, 0);
}

void world_close(struct world *w)
{
    engine_destroy(w->engine);
    w->engine = NULL;
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
    (void)st, (void)flag, (void)ftw;
    return remove(path);
}

void world_finish(struct world *w)
{
    world_close(w);
    io_close(&w->dir_fd);
    io_close(&w->state_fd);
    nftw(w->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

int world_request(const struct world *w, const struct world_job *j)
{
    struct request_builder b;
    int fd = -1;
    request_begin(&b);
    if (j->shell) {
        request_add_c(&b, REQUEST_argv, "/bin/sh");
        request_add_c(&b, REQUEST_argv, "-c");
    }
    for (int i = 0; i < 8 && j->argv[i]; i++)
        request_add_c(&b, REQUEST_argv, j->argv[i]);
    if (j->script) {
        request_add_c(&b, REQUEST_argv, "script");
        request_add_c(&b, REQUEST_script, j->script);
    }
    request_add_c(&b, REQUEST_env, "PATH=/usr/local/bin:/usr/bin:/bin");
    request_add_c(&b, REQUEST_env, "GREETING=annyeong");
    request_add_c(&b, REQUEST_cwd, j->cwd ? j->cwd : w->dir);
    request_add_c(&b, REQUEST_stdin, j->in ? j->in : "");
    request_add_c(&b, REQUEST_stdout, j->out ? j->out : "out");
    request_add_c(&b, REQUEST_stderr, j->err ? j->err : j->out ? j->out : "out");
    request_add_c(&b, REQUEST_open, j->open ? j->open : "truncate");
    request_add_u64(&b, REQUEST_umask, 022);
    request_add_u64(&b, REQUEST_limit_us, j->limit_us);
    request_add_u64(&b, REQUEST_grace_us, j->grace_us ? j->grace_us : 1000000);
    request_add_u64(&b, REQUEST_output_max, j->output_max);
    request_add_u64(&b, REQUEST_output_rate, j->output_rate);
    if (j->warn)
        request_add_c(&b, REQUEST_warn, j->warn);
    if (j->rlimit)
        request_add_c(&b, REQUEST_rlimit, j->rlimit);
    if (j->pty)
        request_add_c(&b, REQUEST_pty, j->pty);
    if (j->meet)
        request_add_c(&b, REQUEST_meet, j->meet);
    if (j->feed)
        request_add_c(&b, REQUEST_feed, "1");
    if (j->gpu)
        request_add_c(&b, REQUEST_gpu, j->gpu);
    assert_int_equal(request_seal(&b, &fd), 0);
    return fd;
}

int world_start(struct world *w, uint32_t job, uint32_t attempt, const struct world_job *j)
{
    struct engine_start s = { .job = job, .attempt = attempt, .request_fd = world_request(w, j) };
    int random = open("/dev/urandom", O_RDONLY | O_CLOEXEC);
    assert_int_equal(read(random, s.uuid, sizeof s.uuid), sizeof s.uuid);
    io_close(&random);
    int r = engine_start(w->engine, &s, NULL);
    io_close(&s.request_fd);
    return r;
}

bool world_wait(struct world *w, struct engine_event *ret, int ms)
{
    usec_t until = io_boot_now() + ms * USEC_PER_MSEC;
    for (;;) {
        if (engine_next(w->engine, ret))
            return true;
        usec_t left = until - io_boot_now();
        if (left <= 0)
            return false;
        struct pollfd p = { .fd = engine_fd(w->engine), .events = POLLIN };
        (void)poll(&p, 1, (int)(left / USEC_PER_MSEC) + 1);
        assert_int_equal(engine_poll(w->engine), 0);
    }
}

struct engine_event world_next(struct world *w, uint32_t job)
{
    struct engine_event e;
    while (world_wait(w, &e, WORLD_WAIT_MS))
        if (e.job == job)
            return e;
    fail_msg("no event of job %u within %d ms", (unsigned)job, WORLD_WAIT_MS);
    return (struct engine_event){ 0 };
}

struct engine_event world_run(struct world *w, uint32_t job, const struct world_job *j)
{
    assert_int_equal(world_start(w, job, 1, j), 0);
    struct engine_event e = world_next(w, job);
    if (e.kind == ENGINE_START_FAILED)
        return e;
    assert_int_equal(e.kind, ENGINE_STARTED);
    assert_true(e.pid > 0);
    return world_next(w, job);
}

const char *world_read(const struct world *w, const char *name)
{
    static char text[1 << 20];
    int fd = openat(w->dir_fd, name, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return NULL;
    size_t len = 0;
    ssize_t n;
    while (len < sizeof text - 1 && (n = read(fd, text + len, sizeof text - 1 - len)) > 0)
        len += (size_t)n;
    io_close(&fd);
    text[len] = 0;
    return text;
}

void world_wait_file(const struct world *w, const char *name, int bytes)
{
    int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    char events[4096];
    assert_true(inotify_add_watch(fd, w->dir, IN_CREATE | IN_MODIFY | IN_MOVED_TO | IN_DELETE) >= 0);
    usec_t until = io_boot_now() + WORLD_WAIT_MS * USEC_PER_MSEC;
    for (;;) {
        struct stat st;
        bool there = fstatat(w->dir_fd, name, &st, 0) == 0;
        if (bytes < 0 ? !there : there && st.st_size >= bytes)
            break;
        usec_t left = until - io_boot_now();
        if (left <= 0)
            fail_msg("waited for \"%s\" to have %d bytes (-1: to go)", name, bytes);
        struct pollfd p = { .fd = fd, .events = POLLIN };
        (void)poll(&p, 1, (int)(left / USEC_PER_MSEC) + 1);
        (void)!read(fd, events, sizeof events);
    }
    io_close(&fd);
}

int world_supervisor(const struct world *w, uint32_t job, uint32_t attempt)
{
    struct wire_status status;
    int attempts = openat(w->state_fd, "attempts", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int dir = attempt_open(attempts, job, attempt);
    assert_true(dir >= 0);
    assert_int_equal(attempt_read_status(dir, &status), 0);
    io_close(&dir);
    io_close(&attempts);
    return status.supervisor_pid;
}

/* A zombie is gone for us: its file descriptors, memory and threads are. */
bool world_wait_gone(int pid, int ms)
{
    int fd = (int)syscall(SYS_pidfd_open, pid, 0);
    if (fd < 0)
        return errno == ESRCH;
    struct pollfd p = { .fd = fd, .events = POLLIN };
    int r = poll(&p, 1, ms);
    io_close(&fd);
    return r == 1;
}
