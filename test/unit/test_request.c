/* test_request.c - what a supervisor is asked to run: there and back, and nothing else gets through.
 * And the supervisor's table: what it does in each state. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/io.h"
#include "base/prng.h"
#include "supervisor/request.h"
#include "supervisor/state.h"

static void fill(struct request_builder *b)
{
    request_begin(b);
    request_add_c(b, REQUEST_argv, "python3");
    request_add_c(b, REQUEST_argv, "");
    request_add_c(b, REQUEST_argv, "train.py --name \"한글 \n\"");
    request_add_c(b, REQUEST_env, "A=1");
    request_add_c(b, REQUEST_env, "B=");
    request_add_c(b, REQUEST_script, "#!/bin/sh\necho\n");
    request_add_c(b, REQUEST_cwd, "/tmp");
    request_add_c(b, REQUEST_stdin, "");
    request_add_c(b, REQUEST_stdout, "out");
    request_add_c(b, REQUEST_stderr, "err");
    request_add_c(b, REQUEST_open, "append");
    request_add_u64(b, REQUEST_umask, 027);
    request_add_c(b, REQUEST_nice, "-5");
    request_add_u64(b, REQUEST_oom_score, 300);
    request_add_c(b, REQUEST_rlimit, "7 1024 18446744073709551615");
    request_add_u64(b, REQUEST_limit_us, 3600000000);
    request_add_u64(b, REQUEST_grace_us, 5000000);
    request_add_c(b, REQUEST_warn, "10 60 1");
    request_add_c(b, REQUEST_gpu, "GPU-a");
    request_add_c(b, REQUEST_gpu, "GPU-b");
    request_add_u64(b, REQUEST_output_max, 99);
    request_add_u64(b, REQUEST_output_rate, 98);
    request_add_c(b, REQUEST_result, "loss: {loss}");
    request_add_c(b, REQUEST_pty, "50 132");
    request_add_c(b, REQUEST_feed, "1");
    request_add_c(b, REQUEST_meet, "1000 eoul-meet 0123");
}

static void test_round_trip(void **state)
{
    (void)state;
    struct request_builder b;
    struct request r;
    int fd;
    fill(&b);
    assert_int_equal(request_seal(&b, &fd), 0);
    assert_int_equal(request_read(fd, &r), 0);
    assert_int_equal(r.argc, 3);
    assert_string_equal(r.argv[0], "python3");
    assert_string_equal(r.argv[1], "");
    assert_string_equal(r.argv[2], "train.py --name \"한글 \n\"");
    assert_null(r.argv[3]);
    assert_int_equal(r.envc, 2);
    assert_string_equal(r.env[1], "B=");
    assert_null(r.env[2]);
    assert_true(str_is(r.script, "#!/bin/sh\necho\n"));
    assert_string_equal(r.cwd, "/tmp");
    assert_null(r.stdin_path);
    assert_string_equal(r.stdout_path, "out");
    assert_string_equal(r.stderr_path, "err");
    assert_true(r.append);
    assert_int_equal(r.umask, 027);
    assert_int_equal(r.nice, -5);
    assert_int_equal(r.oom_score, 300);
    assert_int_equal(r.limit_n, 1);
    assert_int_equal(r.limits[0].resource, 7);
    assert_true(r.limits[0].value.rlim_max == RLIM_INFINITY);
    assert_int_equal(r.limit_us, 3600000000);
    assert_int_equal(r.grace_us, 5000000);
    assert_int_equal(r.warn_signal, 10);
    assert_int_equal(r.warn_before_us, 60000000);
    assert_int_equal(r.warn_main_only, 1);
    assert_int_equal(r.gpu_n, 2);
    assert_string_equal(r.gpus[1], "GPU-b");
    assert_int_equal(r.output_max, 99);
    assert_int_equal(r.output_rate, 98);
    assert_string_equal(r.result, "loss: {loss}");
    assert_int_equal(r.pty_rows, 50);
    assert_int_equal(r.pty_columns, 132);
    assert_true(r.pty && r.feed);
    assert_int_equal(r.meet_uid, 1000);
    assert_string_equal(r.meet, "eoul-meet 0123");
    request_finish(&r);
    request_finish(&r);
    /* Nobody can change it any more, not even who made it. */
    assert_int_equal(pwrite(fd, "x", 1, 20), -1);
    assert_int_equal(ftruncate(fd, 1), -1);
    io_close(&fd);
}

/* Bytes in a memfd, sealed as the builder does. */
static int sealed(const char *bytes, size_t len, unsigned seals)
{
    int fd = memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    assert_int_equal(io_write_all(fd, bytes, len), 0);
    assert_int_equal(fcntl(fd, F_ADD_SEALS, seals), 0);
    return fd;
}

#define ALL_SEALS (F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW)

static size_t valid_bytes(char *bytes, size_t size)
{
    struct request_builder b;
    int fd;
    fill(&b);
    assert_int_equal(request_seal(&b, &fd), 0);
    ssize_t n = pread(fd, bytes, size, 0);
    assert_true(n > 0 && (size_t)n < size);
    io_close(&fd);
    return (size_t)n;
}

static int try_read(const char *bytes, size_t len)
{
    struct request r = { 0 };
    int fd = sealed(bytes, len, ALL_SEALS);
    int e = request_read(fd, &r);
    if (e == 0)
        request_finish(&r);
    io_close(&fd);
    return e;
}

static void test_damage(void **state)
{
    (void)state;
    static char bytes[4096], work[4096];
    size_t len = valid_bytes(bytes, sizeof bytes);
    struct request r;
    assert_int_equal(try_read(bytes, len), 0);
    for (size_t n = 0; n < len; n++) /* cut anywhere */
        assert_true(try_read(bytes, n) < 0);
    int fd = sealed(bytes, len, F_SEAL_SHRINK | F_SEAL_GROW); /* could still change under our eyes */
    assert_int_equal(request_read(fd, &r), E_CORRUPT);
    io_close(&fd);
    /* Any bytes: refused or read, never worse (the sanitizers watch). */
    struct prng luck;
    prng_init(&luck, 20261124, 1);
    int refused = 0;
    for (int round = 0; round < 5000; round++) {
        memcpy(work, bytes, len);
        for (uint64_t k = 1 + prng_below(&luck, 4); k > 0; k--)
            work[prng_below(&luck, len)] = (char)prng_u64(&luck);
        refused += try_read(work, len) < 0;
    }
    assert_true(refused > 1000);
}

static void one(enum request_key key, const char *value, int expect)
{
    struct request_builder b;
    struct request r;
    int fd;
    request_begin(&b);
    request_add_c(&b, REQUEST_argv, "true");
    request_add_c(&b, REQUEST_cwd, "/");
    request_add_c(&b, key, value);
    assert_int_equal(request_seal(&b, &fd), 0);
    int e = request_read(fd, &r);
    if (e != expect)
        fail_msg("\"%s\" for key %d: %d", value, (int)key, e);
    if (e == 0)
        request_finish(&r);
    io_close(&fd);
}

static void test_values(void **state)
{
    (void)state;
    one(REQUEST_cwd, "relative", E_CORRUPT);
    one(REQUEST_open, "append", 0);
    one(REQUEST_open, "Append", E_CORRUPT);
    one(REQUEST_umask, "511", 0);
    one(REQUEST_umask, "512", E_CORRUPT);
    one(REQUEST_nice, "20", E_CORRUPT);
    one(REQUEST_nice, "", E_CORRUPT);
    one(REQUEST_limit_us, "-1", E_CORRUPT);
    one(REQUEST_rlimit, "7 2 1", E_CORRUPT);
    one(REQUEST_rlimit, "99 1 1", E_CORRUPT);
    one(REQUEST_rlimit, "7 1", E_CORRUPT);
    one(REQUEST_rlimit, "7 1 1 1", E_CORRUPT);
    one(REQUEST_warn, "65 1 0", E_CORRUPT);
    one(REQUEST_warn, "10 1 2", E_CORRUPT);
    one(REQUEST_gpu, "", E_CORRUPT);
    one(REQUEST_oom_score, "1001", E_CORRUPT);
    one(REQUEST_pty, "0 0", 0);
    one(REQUEST_pty, "24", E_CORRUPT);
    one(REQUEST_pty, "24 80 1", E_CORRUPT);
    one(REQUEST_pty, "65536 80", E_CORRUPT);
    one(REQUEST_feed, "0", E_CORRUPT);
    one(REQUEST_meet, "0 x", 0);
    one(REQUEST_meet, "-1 x", E_CORRUPT);
    one(REQUEST_meet, "0 ", E_CORRUPT);
    one(REQUEST_meet, "x", E_CORRUPT);
    one(REQUEST_meet, "0 12345678901234567890123456789012345678901234567890123456789012345678901234567890"
                      "123456789012345678901", E_CORRUPT);
}

/* A newer daemon asks for something we do not know: not half of it. */
static void test_unknown_key(void **state)
{
    (void)state;
    static char bytes[4096];
    size_t len = valid_bytes(bytes, sizeof bytes);
    char *at = memmem(bytes, len, "oom_score", 9);
    assert_non_null(at);
    memcpy(at, "oom_scarf", 9);
    assert_int_equal(try_read(bytes, len), E_NEWER);
}

static void test_too_much(void **state)
{
    (void)state;
    struct request_builder b;
    int fd = -1;
    char *huge = calloc(1, REQUEST_MAX + 10);
    memset(huge, 'x', REQUEST_MAX + 9);
    request_begin(&b);
    request_add_c(&b, REQUEST_argv, "true");
    request_add_c(&b, REQUEST_env, huge);
    assert_int_equal(request_seal(&b, &fd), E_TOO_LARGE);
    assert_int_equal(fd, -1);
    free(huge);
    for (int i = 0; i < 3; i++) { /* just over each bound of the reader */
        static const enum request_key keys[] = { REQUEST_argv, REQUEST_gpu, REQUEST_rlimit };
        static const uint32_t max[] = { REQUEST_ARGV_MAX, REQUEST_GPUS_MAX, REQUEST_LIMITS_MAX };
        static const char *const values[] = { "x", "GPU-x", "7 1 1" };
        struct request r;
        request_begin(&b);
        request_add_c(&b, REQUEST_argv, "true");
        request_add_c(&b, REQUEST_cwd, "/");
        for (uint32_t n = 0; n <= max[i]; n++)
            request_add_c(&b, keys[i], values[i]);
        assert_int_equal(request_seal(&b, &fd), 0);
        assert_int_equal(request_read(fd, &r), E_TOO_LARGE);
        io_close(&fd);
    }
}

/* --- the table ---------------------------------------------------------------------------------- */

static void rule(enum attempt_phase phase, enum state_event event, enum state_action action,
                 enum attempt_phase next)
{
    struct state_rule r = state_rule(phase, event);
    if (r.action != action || r.next != next)
        fail_msg("phase %d, event %d: action %d, next %d", phase, event, r.action, r.next);
}

static void test_table(void **state)
{
    (void)state;
    for (int phase = PHASE_RUNNING; phase <= PHASE_QUARANTINE; phase++) {
        /* Wherever it is: when nothing is left, it is over; and only then. */
        for (int event = 0; event < STATE_EVENT_COUNT; event++) {
            struct state_rule r = state_rule((enum attempt_phase)phase, (enum state_event)event);
            assert_int_equal(r.next == PHASE_OVER, event == SV_TREE_EMPTY);
            assert_int_equal(r.action == DO_FINISH, event == SV_TREE_EMPTY);
            /* Never back to running, and never out of quarantine but by proof. */
            if (phase != PHASE_RUNNING)
                assert_int_not_equal(r.next, PHASE_RUNNING);
            if (phase == PHASE_QUARANTINE && event != SV_TREE_EMPTY)
                assert_int_equal(r.next, PHASE_QUARANTINE);
        }
        /* SIGKILL can always be asked for. */
        struct state_rule kill = state_rule((enum attempt_phase)phase, SV_KILL);
        assert_true(kill.action == DO_KILL || kill.action == DO_KILL_STOP ||
                    kill.action == DO_QUARANTINE);
    }
    rule(PHASE_RUNNING, SV_MAIN_ENDED, DO_LEFTOVERS, PHASE_LEFTOVERS);
    rule(PHASE_RUNNING, SV_LIMIT, DO_TERM_LIMIT, PHASE_STOPPING);
    rule(PHASE_RUNNING, SV_STOP, DO_TERM_STOP, PHASE_STOPPING);
    rule(PHASE_RUNNING, SV_WARN, DO_WARN, PHASE_RUNNING);
    rule(PHASE_STOPPING, SV_DEADLINE, DO_KILL, PHASE_KILLING);
    rule(PHASE_STOPPING, SV_STOP, DO_AGAIN, PHASE_STOPPING);
    rule(PHASE_STOPPING, SV_LIMIT, DO_NOTHING, PHASE_STOPPING); /* the first cause counts */
    rule(PHASE_LEFTOVERS, SV_DEADLINE, DO_KILL, PHASE_KILLING);
    rule(PHASE_KILLING, SV_DEADLINE, DO_QUARANTINE, PHASE_QUARANTINE);
    rule(PHASE_QUARANTINE, SV_DEADLINE, DO_QUARANTINE, PHASE_QUARANTINE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip), cmocka_unit_test(test_damage),
        cmocka_unit_test(test_values), cmocka_unit_test(test_unknown_key),
        cmocka_unit_test(test_too_much), cmocka_unit_test(test_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
