/* test_probe.c - the probe against a driver that plays a scenario: all layouts, missing symbols, a lost
 * GPU, an Xid, a hang. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/io.h"
#include "probe/probe.h"

#define WAIT_MS 10000

static struct {
    char scenario[64];
    int fd;
    pid_t pid;
    struct probe_reader reader;
    struct probe_gpu gpus[8];
    unsigned gpu_n;
    struct probe_process processes[32];
    unsigned process_n;
    struct probe_record xid;
} p;

static void begin(const char *library, const char *scenario)
{
    char path[4200], program[4200];
    int pair[2];
    memset(&p, 0, sizeof p);
    snprintf(p.scenario, sizeof p.scenario, "%s", "/tmp/eoul-nvml-XXXXXX");
    int fd = mkstemp(p.scenario);
    assert_int_equal(io_write_all(fd, scenario, strlen(scenario)), 0);
    io_close(&fd);
    snprintf(path, sizeof path, "%s/test/lib/libfake_nvml_%s.so", getenv("EOUL_BUILD"), library);
    snprintf(program, sizeof program, "%s/eoul-probe", getenv("EOUL_BUILD"));
    setenv("EOUL_NVML", path, 1);
    setenv("EOUL_FAKE_NVML", p.scenario, 1);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    p.pid = fork();
    if (p.pid == 0) {
        dup2(pair[1], 0);
        dup2(pair[1], 1);
        execl(program, "eoul-probe", (char *)NULL);
        _exit(127);
    }
    io_close(&pair[1]);
    p.fd = pair[0];
    assert_int_equal(fcntl(p.fd, F_SETFL, O_NONBLOCK), 0);
}

static void finish(void)
{
    int status;
    io_close(&p.fd); /* the end of its stdin */
    assert_int_equal(waitpid(p.pid, &status, 0), p.pid);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    unlink(p.scenario);
}

/* The next record, or kind 0 after ms. */
static struct probe_record next(int ms)
{
    struct probe_record r = { 0 };
    usec_t until = io_boot_now() + ms * USEC_PER_MSEC;
    for (;;) {
        int n = probe_read(&p.reader, p.fd, &r);
        if (n == 1)
            return r;
        assert_int_equal(n, 0);
        usec_t left = until - io_boot_now();
        if (left <= 0)
            return (struct probe_record){ 0 };
        struct pollfd in = { .fd = p.fd, .events = POLLIN };
        (void)poll(&in, 1, (int)(left / USEC_PER_MSEC) + 1);
    }
}

static void take_round(uint64_t number)
{
    p.gpu_n = p.process_n = 0;
    for (;;) {
        struct probe_record r = next(WAIT_MS);
        assert_int_not_equal(r.kind, 0);
        if (r.kind == PROBE_GPU)
            p.gpus[p.gpu_n++] = r.gpu;
        else if (r.kind == PROBE_PROCESS)
            p.processes[p.process_n++] = r.process;
        else if (r.kind == PROBE_XID)
            p.xid = r;
        else if (r.kind == PROBE_ROUND) {
            assert_int_equal(r.value, number);
            assert_int_equal(r.state, p.gpu_n);
            return;
        }
    }
}

static void hello(enum probe_state state)
{
    struct probe_record r = next(WAIT_MS);
    assert_int_equal(r.kind, PROBE_HELLO);
    assert_int_equal(r.state, state);
}

static void test_facts(void **state)
{
    (void)state;
    begin("v3", "gpu GPU-aaaa 81559 NVIDIA H100 80GB HBM3\n"
                "gpu GPU-bbbb 24576 NVIDIA GeForce RTX 4090\n"
                "power 0 100000 250500 690000\nenergy 0 5000\nbusy 0 97\nmig 1\n");
    hello(PROBE_READY);
    assert_int_equal(probe_ask(p.fd, 0, 11), 0);
    take_round(11);
    assert_int_equal(p.gpu_n, 2);
    assert_string_equal(p.gpus[0].uuid, "GPU-aaaa");
    assert_string_equal(p.gpus[0].name, "NVIDIA H100 80GB HBM3");
    assert_int_equal(p.gpus[0].memory_total_mib, 81559);
    assert_int_equal(p.gpus[0].power_mw, 100000);
    assert_int_equal(p.gpus[0].power_limit_mw, 700000);
    assert_int_equal(p.gpus[0].busy_ppm, 970000);
    assert_true(p.gpus[0].energy_mj > 5000);
    assert_int_equal(p.gpus[1].index, 1);
    assert_int_equal(p.gpus[1].flags, PROBE_GPU_MIG);
    assert_int_equal(p.gpus[1].power_mw, PROBE_UNKNOWN); /* not supported there: not 0 */
    assert_int_equal(p.gpus[1].energy_mj, PROBE_UNKNOWN);
    assert_int_equal(p.process_n, 0);
    assert_int_equal(probe_ask(p.fd, 0, 12), 0);
    take_round(12);
    assert_int_equal(p.gpus[0].power_mw, 250500); /* the curve goes on */
    finish();
}

static void test_period(void **state)
{
    (void)state;
    begin("v3", "gpu GPU-aaaa 1000 X\n");
    hello(PROBE_READY);
    usec_t before = io_boot_now();
    assert_int_equal(probe_ask(p.fd, 30, 5), 0);
    for (int i = 0; i < 4; i++)
        take_round(5);
    assert_true(io_boot_now() - before >= 80000);
    assert_int_equal(probe_ask(p.fd, 0, 6), 0); /* once, and no more */
    struct probe_record r;
    do
        r = next(WAIT_MS);
    while (r.kind != PROBE_ROUND || r.value != 6);
    assert_int_equal(next(150).kind, 0);
    finish();
}

/* The same processes whatever the layout and whatever the call is named. */
static void layouts(const char *library, int layout)
{
    char scenario[512];
    snprintf(scenario, sizeof scenario,
             "gpu GPU-aaaa 81559 X\ngpu GPU-bbbb 81559 Y\n"
             "process 0 %d 1024\nprocess 0 1 2048\nprocess 0 4000000 -1\ngraphics 0 %d 7\n"
             "graphics 0 2 64\nlayout %d\n", (int)getpid(), (int)getpid(), layout);
    begin(library, scenario);
    hello(PROBE_READY);
    assert_int_equal(probe_ask(p.fd, 0, 1), 0);
    take_round(1);
    assert_int_equal(p.gpus[0].flags, 0);
    assert_int_equal(p.gpus[0].process_n, 4); /* ours in both lists counts once */
    assert_int_equal(p.process_n, 4);
    assert_int_equal(p.gpus[1].process_n, 0);
    assert_int_equal(p.processes[0].pid, getpid());
    assert_int_equal(p.processes[0].uid, getuid());
    assert_int_equal(p.processes[0].memory_used_mib, 1024);
    assert_string_equal(p.processes[0].gpu_uuid, "GPU-aaaa");
    assert_true(strncmp(p.processes[0].command, "test_probe", 10) == 0);
    assert_true(p.processes[0].ticks > 0);
    assert_int_equal(p.processes[1].pid, 1);
    assert_int_equal(p.processes[1].uid, 0);
    assert_int_equal(p.processes[2].memory_used_mib, PROBE_UNKNOWN);
    assert_int_equal(p.processes[2].uid, UINT32_MAX); /* gone already */
    assert_int_equal(p.processes[3].pid, 2);
    finish();
}

static void test_layouts(void **state)
{
    (void)state;
    layouts("v1", 16);
    layouts("v2", 24);
    layouts("v3", 24);
    layouts("v3", 32); /* some 535 drivers */
    layouts("v2", 16); /* and mixed up */
    layouts("v1", 24);
}

static void test_garbage(void **state)
{
    (void)state;
    begin("v3", "gpu GPU-aaaa 81559 X\nprocess 0 77 1024\nprocess 0 78 1024\ngarbage\n");
    hello(PROBE_READY);
    assert_int_equal(probe_ask(p.fd, 0, 1), 0);
    take_round(1);
    assert_int_equal(p.gpus[0].flags, PROBE_GPU_NO_PROCESSES); /* unknown, not "empty" */
    assert_int_equal(p.process_n, 0);
    finish();
}

static void test_attempt(void **state)
{
    (void)state;
    char scenario[128];
    static const char uuid[] = "01234567-89ab-cdef-0123-456789abcdef";
    int ready[2];
    assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
    pid_t job = fork();
    if (job == 0) {
        setenv("EOUL_ATTEMPT", uuid, 1);
        execlp("sleep", "sleep", "60", (char *)NULL);
        _exit(127);
    }
    io_close(&ready[1]);
    char byte;
    assert_int_equal(read(ready[0], &byte, 1), 0); /* executed: its copy is closed */
    io_close(&ready[0]);
    snprintf(scenario, sizeof scenario, "gpu GPU-aaaa 81559 X\nprocess 0 %d 5\n", (int)job);
    begin("v3", scenario);
    hello(PROBE_READY);
    assert_int_equal(probe_ask(p.fd, 0, 1), 0);
    take_round(1);
    assert_string_equal(p.processes[0].attempt, uuid);
    assert_string_equal(p.processes[0].command, "sleep");
    finish();
    kill(job, SIGKILL);
    waitpid(job, NULL, 0);
}

static void test_lost(void **state)
{
    (void)state;
    begin("v3", "gpu GPU-aaaa 81559 X\ngpu GPU-bbbb 81559 Y\npower 0 1\npower 1 2\nlost 0\n"
                "xid 0 79 20\n");
    hello(PROBE_READY);
    assert_int_equal(probe_ask(p.fd, 0, 1), 0);
    take_round(1);
    assert_true(p.gpus[0].flags & PROBE_GPU_LOST);
    assert_string_equal(p.gpus[0].uuid, "GPU-aaaa");
    assert_int_equal(p.gpus[0].power_mw, PROBE_UNKNOWN);
    assert_int_equal(p.gpus[1].flags, 0); /* only that one */
    assert_int_equal(p.gpus[1].power_mw, 2);
    if (p.xid.kind == 0)
        p.xid = next(WAIT_MS);
    assert_int_equal(p.xid.kind, PROBE_XID);
    assert_int_equal(p.xid.value, 79);
    assert_string_equal(p.xid.gpu.uuid, "GPU-aaaa");
    finish();
}

static void test_missing(void **state)
{
    (void)state;
    begin("bare", "gpu GPU-aaaa 81559 X\n");
    hello(PROBE_READY);
    assert_int_equal(probe_ask(p.fd, 0, 1), 0);
    take_round(1);
    assert_int_equal(p.gpu_n, 1);
    assert_string_equal(p.gpus[0].uuid, "GPU-aaaa");
    assert_string_equal(p.gpus[0].name, "");
    assert_int_equal(p.gpus[0].memory_total_mib, PROBE_UNKNOWN);
    assert_int_equal(p.gpus[0].flags, PROBE_GPU_NO_PROCESSES);
    finish();
    begin("nowhere", "");
    hello(PROBE_NO_LIBRARY);
    assert_int_equal(probe_ask(p.fd, 0, 1), 0);
    take_round(1);
    assert_int_equal(p.gpu_n, 0);
    finish();
    begin("v3", "init 9\n");
    hello(PROBE_NO_DRIVER);
    finish();
}

/* What the kernel says about it, and what a driver's library in wrong hands can still do: map and ask devices, read
 * what its user may, and nothing else. */
static void test_shut_in(void **state)
{
    char path[] = "/tmp/eoul-probe-store-XXXXXX", scenario[256], made[64], text[4096];
    struct buf b;
    (void)state;
    if (getenv("EOUL_COVERAGE"))
        skip(); /* this build does not shut it in (test/lib/coverage.c) */
    int fd = mkstemp(path);
    assert_int_equal(io_write_all(fd, "store", 5), 0);
    io_close(&fd);
    snprintf(scenario, sizeof scenario, "gpu GPU-aaaa 81559 X\nmischief %s\n", path);
    begin("v3", scenario);
    assert_int_equal(next(WAIT_MS).kind, PROBE_HELLO);
    assert_int_equal(probe_ask(p.fd, 0, 1), 0);
    take_round(1);
    assert_string_equal(p.gpus[0].name, "exec 1 socket 1 make 1 write 27 read 0 device 0 kill 1");
    snprintf(made, sizeof made, "%s.made", path);
    assert_int_equal(access(made, F_OK), -1);
    buf_init_fixed(&b, text, sizeof text);
    assert_int_equal(io_read_file(AT_FDCWD, path, &b), 0);
    assert_true(str_is(buf_look(&b), "store"));
    snprintf(made, sizeof made, "/proc/%d/status", (int)p.pid);
    buf_init_fixed(&b, text, sizeof text - 1);
    assert_int_equal(io_read_file(AT_FDCWD, made, &b), 0);
    text[b.len] = 0;
    assert_non_null(strstr(text, "NoNewPrivs:\t1"));
    assert_non_null(strstr(text, "Seccomp:\t2"));
    finish();
    unlink(path);
}

/* It hangs alone: nothing comes, and it dies when it is killed. */
static void test_hang(void **state)
{
    (void)state;
    int status;
    begin("v3", "gpu GPU-aaaa 81559 X\npower 0 1\nhang power\n");
    hello(PROBE_READY);
    assert_int_equal(probe_ask(p.fd, 0, 1), 0);
    assert_int_equal(next(200).kind, 0);
    assert_int_equal(kill(p.pid, SIGKILL), 0);
    assert_int_equal(waitpid(p.pid, &status, 0), p.pid);
    struct probe_record r;
    assert_int_equal(probe_read(&p.reader, p.fd, &r), E_UNAVAILABLE);
    io_close(&p.fd);
    unlink(p.scenario);
}

/* What is none is refused. */
static void test_reader(void **state)
{
    (void)state;
    int ends[2];
    struct probe_record r = { .magic = 1 };
    struct probe_reader reader = { 0 };
    assert_int_equal(pipe2(ends, O_NONBLOCK | O_CLOEXEC), 0);
    assert_int_equal(io_write_all(ends[1], &r, 100), 0);
    assert_int_equal(probe_read(&reader, ends[0], &r), 0); /* a part: wait */
    assert_int_equal(io_write_all(ends[1], (char *)&r + 100, sizeof r - 100), 0);
    assert_int_equal(probe_read(&reader, ends[0], &r), E_CORRUPT);
    r = (struct probe_record){ .magic = PROBE_MAGIC, .version = PROBE_VERSION, .kind = PROBE_GPU };
    memset(r.gpu.uuid, 'x', sizeof r.gpu.uuid);
    assert_int_equal(io_write_all(ends[1], &r, sizeof r), 0);
    assert_int_equal(probe_read(&reader, ends[0], &r), 1);
    assert_int_equal(strlen(r.gpu.uuid), sizeof r.gpu.uuid - 1);
    assert_int_equal(io_write_all(ends[1], &r, 7), 0);
    io_close(&ends[1]);
    assert_int_equal(probe_read(&reader, ends[0], &r), E_CORRUPT); /* cut off */
    io_close(&ends[0]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_facts), cmocka_unit_test(test_period), cmocka_unit_test(test_layouts),
        cmocka_unit_test(test_garbage), cmocka_unit_test(test_attempt), cmocka_unit_test(test_lost),
        cmocka_unit_test(test_missing), cmocka_unit_test(test_hang),
        cmocka_unit_test(test_shut_in), cmocka_unit_test(test_reader),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
