/* test_loop.c - one thread waits for everything. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/io.h"
#include "base/prng.h"
#include "loop/loop.h"

static struct loop *l;

static int setup(void **state)
{
    (void)state;
    return loop_create(&l);
}

static int teardown(void **state)
{
    (void)state;
    loop_destroy(l);
    return 0;
}

struct seen {
    int n;
    int order[64];
    usec_t at[64];
    struct loop_watch *other;
};

static void quit_now(struct loop_timer *t, void *data)
{
    (void)t, (void)data;
    loop_quit(l, 7);
}

static void note(struct loop_timer *t, void *data)
{
    struct seen *s = data;
    assert_int_equal(t->place, 0);
    s->at[s->n++] = t->boot_at;
}

/* A thousand timers set, moved and cancelled at random fire in order, each once. */
static void test_timers(void **state)
{
    (void)state;
    static struct loop_timer timers[1000], last;
    struct prng luck;
    prng_init(&luck, 4711, 1);
    usec_t now = loop_now(l).boot_at;
    static struct seen s;
    for (int round = 0; round < 5000; round++) {
        struct loop_timer *t = &timers[prng_below(&luck, 1000)];
        if (prng_below(&luck, 3) == 0)
            loop_timer_cancel(l, t);
        else
            assert_int_equal(loop_timer_set(l, t, now - 1 - (usec_t)prng_below(&luck, 100000), note, &s), 0);
    }
    int set = 0;
    for (int i = 0; i < 1000; i++) {
        set += timers[i].place != 0;
        if (set > 60 && timers[i].place)
            loop_timer_cancel(l, &timers[i]), set--;
    }
    assert_int_equal(loop_timer_set(l, &last, now, quit_now, NULL), 0);
    assert_int_equal(loop_run(l), 7);
    assert_int_equal(s.n, set);
    for (int i = 1; i < s.n; i++)
        assert_true(s.at[i - 1] <= s.at[i]);
}

static void test_timer_waits(void **state)
{
    (void)state;
    struct loop_timer t = { 0 };
    usec_t before = io_boot_now();
    assert_int_equal(loop_timer_set(l, &t, before + 30000, quit_now, NULL), 0);
    assert_int_equal(loop_run(l), 7);
    assert_true(io_boot_now() >= before + 30000);
    assert_true(loop_now(l).boot_at >= before + 30000);
}

/* A timer that sets itself again for now does not starve a descriptor. */
static void again_now(struct loop_timer *t, void *data)
{
    assert_int_equal(loop_timer_set(l, t, loop_now(l).boot_at, again_now, data), 0);
}

static void quit_on_read(struct loop_watch *w, uint32_t events, void *data)
{
    (void)w, (void)data;
    assert_true(events & LOOP_READ);
    loop_quit(l, 3);
}

static void test_no_starving(void **state)
{
    (void)state;
    struct loop_timer t = { 0 };
    struct loop_watch w = { 0 };
    int fd = eventfd(1, EFD_CLOEXEC);
    assert_int_equal(loop_timer_set(l, &t, 1, again_now, NULL), 0);
    assert_int_equal(loop_watch_add(l, &w, fd, LOOP_READ, quit_on_read, NULL), 0);
    assert_int_equal(loop_run(l), 3);
    loop_watch_remove(&w);
    loop_watch_remove(&w); /* accepted */
    close(fd);
}

/* Two descriptors ready in one wake-up; the first served removes the other: it must not be called. */
static void remove_other(struct loop_watch *w, uint32_t events, void *data)
{
    struct loop_watch *both = data;
    (void)events;
    struct loop_watch *other = w == &both[0] ? &both[1] : &both[0];
    assert_non_null(other->loop);
    loop_watch_remove(other);
    memset(other, 0x5a, sizeof *other); /* its memory is gone */
    loop_quit(l, 0);
}

static bool stay_once(struct loop *loop, void *data)
{
    (void)loop;
    return ++*(int *)data < 3;
}

static void test_remove_in_callback(void **state)
{
    (void)state;
    static struct loop_watch both[2];
    int a = eventfd(1, EFD_CLOEXEC), b = eventfd(1, EFD_CLOEXEC);
    assert_int_equal(loop_watch_add(l, &both[0], a, LOOP_READ, remove_other, both), 0);
    assert_int_equal(loop_watch_add(l, &both[1], b, LOOP_READ, remove_other, both), 0);
    assert_int_equal(loop_run(l), 0);
    close(a);
    close(b);
}

static void test_before_sleep(void **state)
{
    (void)state;
    int turns = 0;
    struct loop_timer t = { 0 };
    loop_before_sleep(l, stay_once, &turns);
    assert_int_equal(loop_timer_set(l, &t, io_boot_now() + 5000, quit_now, NULL), 0);
    assert_int_equal(loop_run(l), 7);
    assert_true(turns >= 3); /* as long as it said "more", no sleep */
}

static void caught(int signo, void *data)
{
    *(int *)data = signo;
    loop_quit(l, 0);
}

static void test_signal(void **state)
{
    (void)state;
    int got = 0;
    assert_int_equal(loop_signal(l, SIGUSR1, caught, &got), 0);
    assert_int_equal(loop_signal(l, SIGUSR2, caught, &got), 0);
    assert_int_equal(kill(getpid(), SIGUSR2), 0);
    assert_int_equal(loop_run(l), 0);
    assert_int_equal(got, SIGUSR2);
    assert_int_equal(loop_signal(l, 0, caught, &got), E_INVALID);
}

static void test_child(void **state)
{
    (void)state;
    struct loop_watch w = { 0 };
    pid_t pid = fork();
    if (pid == 0)
        _exit(5);
    int fd = (int)syscall(SYS_pidfd_open, pid, 0), status;
    assert_int_equal(loop_watch_add(l, &w, fd, LOOP_READ, quit_on_read, NULL), 0);
    assert_int_equal(loop_run(l), 3);
    assert_int_equal(waitpid(pid, &status, WNOHANG), pid);
    loop_watch_remove(&w);
    close(fd);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(test_timers), T(test_timer_waits), T(test_no_starving), T(test_remove_in_callback),
        T(test_before_sleep), T(test_signal), T(test_child),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
