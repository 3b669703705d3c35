/* test_faults.c - launcher and supervisor killed at every named point: at most one run, and always an
 * answer.  The same with a build that has no claim must fail, or this test proves nothing.
 *
 * The job appends a line to its own witness file.  After the kill the daemon dies, too, comes back and
 * asks; then "never started" must mean an empty witness, and another attempt may run. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/io.h"
#include "world.h"

struct point {
    const char *name;
    enum engine_event_kind expect;
    int witness; /* lines in it afterwards; -1: none or one */
};

static const struct point points[] = {
    { "launch", ENGINE_NEVER_STARTED, 0 },
    { "mkdir", ENGINE_NEVER_STARTED, 0 },
    { "files", ENGINE_NEVER_STARTED, 0 },
    { "spawned", ENGINE_ENDED, 1 },  /* the launcher dies, the supervisor does not care */
    { "launched", ENGINE_ENDED, 1 },
    { "lock", ENGINE_NEVER_STARTED, 0 },
    { "gpu-locked", ENGINE_NEVER_STARTED, 0 },
    { "claim-before", ENGINE_NEVER_STARTED, 0 },
    { "claim-made", ENGINE_LOST, 0 },
    { "claim-synced", ENGINE_LOST, 0 },
    { "exec-before", ENGINE_LOST, 0 },
    { "exec-child", ENGINE_ENDED, 0 }, /* the command's process died of a kill: so it is told */
    { "exec-after", ENGINE_LOST, -1 },
    { "exit-before", ENGINE_LOST, 1 },
    { "exit-written", ENGINE_LOST, 1 },
    { "exit-named", ENGINE_ENDED, 1 },
    { "exit-synced", ENGINE_ENDED, 1 },
    { "told", ENGINE_ENDED, 1 },
};

struct outcome {
    enum engine_event_kind kind;
    bool died; /* somebody passed the point */
    int witness;
};

static const struct world_job job = { .argv = { "echo ran >>witness" }, .shell = 1, .gpu = "GPU-fault" };

static int lines(const struct world *w)
{
    const char *text = world_read(w, "witness");
    int n = 0;
    for (; text && *text; text++)
        n += *text == '\n';
    return n;
}

/* One attempt with a death at the point, then a restart of the daemon and recovery. */
static struct outcome play(struct world *w, const char *point, bool restart)
{
    char fault[160], token[96];
    struct engine_event e;
    struct outcome o = { .kind = ENGINE_EVENT_COUNT };
    world_init(w);
    snprintf(token, sizeof token, "%s/token", w->dir);
    snprintf(fault, sizeof fault, "%s@%s", point, token);
    int fd = open(token, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    io_close(&fd);
    setenv("EOUL_FAULT", fault, 1);
    world_open(w);
    assert_int_equal(world_start(w, 1, 1, &job), 0);
    /* Until it is over or the launcher is gone. */
    while (o.kind == ENGINE_EVENT_COUNT && world_wait(w, &e, WORLD_WAIT_MS))
        if (e.kind != ENGINE_STARTED)
            o.kind = e.kind;
    if (o.kind == ENGINE_ENDED)
        world_wait_file(w, "token", -1); /* the last point comes after the last word */
    o.died = access(token, F_OK) < 0;
    unsetenv("EOUL_FAULT");
    if (restart || o.kind == ENGINE_DOWN) {
        world_close(w);
        world_open(w);
        assert_int_equal(engine_recover(w->engine, 1, 1), 0);
        do
            e = world_next(w, 1);
        while (e.kind == ENGINE_STARTED);
        o.kind = e.kind;
    }
    o.witness = lines(w);
    return o;
}

static void check_all(bool restart)
{
    for (size_t i = 0; i < sizeof points / sizeof points[0]; i++) {
        struct world w;
        const struct point *p = &points[i];
        struct outcome o = play(&w, p->name, restart);
        if (!o.died || o.kind != p->expect || (p->witness >= 0 && o.witness != p->witness) ||
            o.witness > 1)
            fail_msg("killed at \"%s\": died %d, event %d (expected %d), %d runs (expected %d)",
                     p->name, o.died, o.kind, p->expect, o.witness, p->witness);
        if (o.kind == ENGINE_NEVER_STARTED) {
            /* The next attempt runs, and this one never will: its claim is gone for good. */
            assert_int_equal(world_start(&w, 1, 2, &job), 0);
            struct engine_event e = world_next(&w, 1);
            while (e.kind == ENGINE_STARTED)
                e = world_next(&w, 1);
            assert_int_equal(e.kind, ENGINE_ENDED);
            assert_int_equal(e.attempt, 2);
            assert_int_equal(lines(&w), 1);
        }
        world_finish(&w);
    }
}

static void test_points(void **state)
{
    (void)state;
    check_all(false);
}

/* NEVER_STARTED, told before the restart, leaves a claim that nobody holds: the second asking finds it
 * claimed, and LOST is the honest answer then; the daemon has committed the first one by that time. */
static void test_points_restart(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof points / sizeof points[0]; i++) {
        struct world w;
        struct outcome o = play(&w, points[i].name, true);
        if (!o.died || o.witness > 1 || (o.kind == ENGINE_NEVER_STARTED && o.witness != 0) ||
            (o.kind == ENGINE_ENDED && points[i].expect != ENGINE_ENDED))
            fail_msg("killed at \"%s\", then restarted: died %d, event %d, %d runs", points[i].name,
                     o.died, o.kind, o.witness);
        world_finish(&w);
    }
}

/* Without the claim, a supervisor killed after its job ran looks as if it had never started. */
static void test_mutant_is_caught(void **state)
{
    (void)state;
    const char *mutant = getenv("EOUL_MUTANT"), *build = getenv("EOUL_BUILD");
    struct world w;
    assert_non_null(mutant);
    char saved[4096];
    snprintf(saved, sizeof saved, "%s", build);
    setenv("EOUL_BUILD", mutant, 1);
    struct outcome o = play(&w, "exit-before", false);
    bool wrong = o.kind == ENGINE_NEVER_STARTED && o.witness == 1;
    if (wrong) { /* and believing it runs the job twice */
        assert_int_equal(world_start(&w, 1, 2, &job), 0);
        struct engine_event e;
        while (world_wait(&w, &e, WORLD_WAIT_MS) && e.kind != ENGINE_ENDED)
            ;
        assert_int_equal(lines(&w), 2);
    }
    world_finish(&w);
    setenv("EOUL_BUILD", saved, 1);
    assert_true(wrong);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_points),
        cmocka_unit_test(test_points_restart),
        cmocka_unit_test(test_mutant_is_caught),
    };
    int failed = cmocka_run_group_tests_name("faults, with cgroups if any", tests, NULL, NULL);
    setenv("EOUL_NO_CGROUP", "1", 1);
    failed += cmocka_run_group_tests_name("faults, without cgroups", tests, NULL, NULL);
    return failed ? 1 : 0;
}
