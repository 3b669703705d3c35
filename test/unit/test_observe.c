/* test_observe.c - sightings become runs; the record's folder keeps what it may, and no more. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "observe/record.h"
#include "observe/runs.h"

/* --- runs ---------------------------------------------------------------------------------------------- */

#define MIN(n) ((usec_t)(n) * USEC_PER_MIN)

static struct runs runs;
static struct { struct run run; usec_t end_at; } over[64];
static int over_n;

static void note(const struct run *run, usec_t end_at, void *data)
{
    (void)data;
    over[over_n].run = *run;
    over[over_n++].end_at = end_at;
}

static struct sight on(uint32_t uid, int pid, int parent, int group, uint32_t gpu, usec_t start_at)
{
    return (struct sight){ .uid = uid, .pid = pid, .parent = parent, .group = group, .ticks = (uint64_t)pid * 10, .gpu = gpu,
                           .start_at = start_at, .command = "python3" };
}

static void look(usec_t now_at, uint64_t blind, const struct sight *sights, uint32_t n)
{
    struct round round = { .now_at = now_at, .sights = sights, .sights_n = n, .blind = blind };
    for (int i = 0; i < 64; i++)
        round.gpu_mw[i] = 100000 * (i + 1);
    runs_round(&runs, &round, note, NULL);
}

static int begin(void **state)
{
    (void)state;
    memset(&runs, 0, sizeof runs);
    over_n = 0;
    return 0;
}

/* A command line that forks a worker a GPU, and one whose workers have sessions of their own. */
static void test_together(void **state)
{
    (void)state;
    const struct sight first[] = { on(1, 10, 0, 10, 0, MIN(1)), on(1, 11, 0, 10, 1, MIN(2)),
                                   on(2, 20, 5, 20, 2, MIN(1)), on(2, 21, 5, 21, 3, MIN(1) + 1), on(2, 22, 5, 22, 4, MIN(2)) };
    look(MIN(3), 0, first, 5);
    assert_int_equal(runs.n, 2);
    assert_int_equal(runs.at[0].gpus_n, 2);
    assert_int_equal(runs.at[1].gpus_n, 3);
    assert_int_equal(runs.at[0].start_at, MIN(1));
    look(MIN(5), 0, first + 2, 1); /* a worker is left: the run goes on, with the GPUs it once had */
    assert_int_equal(over_n, 1);
    assert_int_equal(over[0].run.uid, 1);
    assert_int_equal(over[0].end_at, MIN(4));
    look(MIN(7), 0, NULL, 0);
    assert_int_equal(over_n, 2);
    assert_int_equal(over[1].run.gpus_n, 3);
    assert_int_equal(over[1].end_at, MIN(6));
    assert_int_equal(runs.n, 0);
}

/* Not one run: other users, other command lines, one parent's children that began at different times. */
static void test_apart(void **state)
{
    (void)state;
    const struct sight s[] = { on(1, 10, 0, 10, 0, MIN(1)), on(2, 11, 0, 10, 0, MIN(1)), on(1, 12, 0, 12, 0, MIN(1)),
                               on(3, 30, 5, 30, 1, MIN(1)), on(3, 31, 5, 31, 1, MIN(10)) };
    look(MIN(11), 0, s, 5);
    assert_int_equal(runs.n, 5);
    struct sight again = s[0];
    again.ticks++; /* the number was given to another process */
    look(MIN(12), 0, &again, 1);
    assert_int_equal(over_n, 5);
    assert_int_equal(runs.n, 1);
}

static void test_attempts(void **state)
{
    (void)state;
    struct sight s[] = { on(1, 10, 0, 10, 0, MIN(1)), on(1, 11, 0, 11, 1, MIN(9)), on(1, 12, 0, 10, 2, MIN(1)) };
    memcpy(s[0].attempt, "a", 2);
    memcpy(s[1].attempt, "a", 2);
    look(MIN(10), 0, s, 3);
    assert_int_equal(runs.n, 2); /* the third is of no attempt, though of the first's group */
}

/* A GPU that cannot be looked at ends nothing; two on one GPU share its power; a clock set back ends nothing early. */
static void test_blind_power_clock(void **state)
{
    (void)state;
    const struct sight s[] = { on(1, 10, 0, 10, 0, MIN(1)), on(2, 11, 0, 11, 0, MIN(1)), on(3, 12, 0, 12, 1, MIN(1)) };
    look(MIN(2), 0, s, 3);
    look(MIN(4), 1, s + 2, 1);
    assert_int_equal(over_n, 0);
    assert_int_equal(run_mean_mw(&runs.at[0]), 50000);
    assert_int_equal(run_mean_mw(&runs.at[2]), 200000);
    look(MIN(3), 0, NULL, 0);
    assert_int_equal(over_n, 3);
    for (int i = 0; i < 3; i++)
        assert_int_equal(over[i].end_at, MIN(4));
}

static void test_many(void **state)
{
    (void)state;
    static struct sight s[RUNS_MAX + 3];
    for (int i = 0; i < RUNS_MAX + 3; i++)
        s[i] = on(1, 10 + i, 0, 10 + i, (uint32_t)i % 64, MIN(1));
    look(MIN(2), 0, s, RUNS_MAX + 3);
    assert_int_equal(runs.n, RUNS_MAX);
    assert_int_equal(runs.dropped, 3);
    runs_forget(&runs, 1);
    assert_int_equal(runs.n, 0);
}

static bool odd(const struct run *run, void *data)
{
    (void)data;
    return run->pid % 2;
}

static void test_resume(void **state)
{
    (void)state;
    const struct sight s[] = { on(1, 10, 0, 10, 0, MIN(1)), on(1, 11, 0, 11, 1, MIN(1)), on(1, 12, 0, 12, 2, MIN(1)) };
    look(MIN(2), 0, s, 3);
    runs_resume(&runs, odd, note, NULL);
    assert_int_equal(over_n, 2);
    assert_int_equal(over[0].end_at, MIN(2)); /* when it was last seen: nobody knows better */
    assert_int_equal(runs.n, 1);
    assert_int_equal(runs.at[0].pid, 11);
}

/* --- the folder ------------------------------------------------------------------------------------------ */

static char folder[64];
static struct record record;

static int make_record(void **state)
{
    struct err err = { 0 };
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/eoul-record-XXXXXX");
    if (!mkdtemp(folder) || rmdir(folder) < 0 || setenv("EOUL_OBSERVE", folder, 1) < 0) /* allowed: a test */
        return -1;
    umask(022);
    return record_open(&record, true, &err);
}

static int drop_record(void **state)
{
    char command[128];
    (void)state;
    record_close(&record);
    snprintf(command, sizeof command, "rm -rf %s", folder);
    return system(command); /* allowed: a test */
}

static void put(const char *name, const char *text)
{
    int fd = openat(record.fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    assert_true(fd >= 0);
    assert_int_equal(io_write_all(fd, text, strlen(text)), 0);
    io_close(&fd);
}

static size_t rows(struct buf *out)
{
    size_t n = 0;
    struct str rest, line;
    buf_clear(out);
    assert_int_equal(record_rows(&record, geteuid(), out), 0);
    rest = buf_look(out);
    while (str_next(&rest, '\n', &line))
        n++;
    return n;
}

static void test_consent(void **state)
{
    char name[32], other[32];
    usec_t at;
    uid_t people[RECORD_PEOPLE_MAX];
    (void)state;
    snprintf(name, sizeof name, "consent/%u", (unsigned)geteuid());
    snprintf(other, sizeof other, "consent/%u", (unsigned)geteuid() + 1);
    assert_false(record_agreed(&record, geteuid(), &at));
    assert_int_equal(record_join(&record, geteuid(), NULL), 0);
    assert_true(record_agreed(&record, geteuid(), &at));
    assert_true(at > io_wall_now() - MIN(10) && at <= io_wall_now());
    assert_int_equal(record_people(&record, people), 1);
    put(other, "eoul observe: record my use of the GPUs\n"); /* ours: says nothing for them */
    put("consent/notes", "x");
    assert_false(record_agreed(&record, geteuid() + 1, &at));
    assert_int_equal(record_people(&record, people), 1);
    assert_int_equal(linkat(record.fd, name, record.fd, "consent/a", 0), 0);
    assert_false(record_agreed(&record, geteuid(), &at)); /* a second name: may be another's doing */
    assert_int_equal(unlinkat(record.fd, "consent/a", 0), 0);
    put(name, "something else of this user\n");
    assert_false(record_agreed(&record, geteuid(), &at));
    assert_int_equal(record_leave(&record, geteuid(), NULL), 0);
    assert_int_equal(symlinkat("/etc/passwd", record.fd, name), 0);
    assert_false(record_agreed(&record, geteuid(), &at));
    assert_true(record_join(&record, geteuid(), NULL) < 0);
}

static void test_rows(void **state)
{
    struct buf out;
    struct stat st;
    char name[32];
    (void)state;
    buf_init(&out, 2 * RECORD_FILE_MAX);
    snprintf(name, sizeof name, "runs/%u", (unsigned)geteuid());
    assert_int_equal(rows(&out), 0);
    assert_int_equal(record_append(&record, geteuid(), STR("100,5,1,\"a\",\"b\",,boot-1-2\n")), 0);
    assert_int_equal(record_append(&record, geteuid(), STR("200,5,1,\"a\",\"b\",,boot-11-2\n")), 0);
    assert_int_equal(rows(&out), 2);
    assert_true(record_has(&record, geteuid(), STR("boot-1-2")));
    assert_false(record_has(&record, geteuid(), STR("boot-1-")));
    assert_false(record_has(&record, geteuid(), STR("1-2"))); /* the end of a name is not the name */
    assert_int_equal(fstatat(record.fd, name, &st, 0), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    int fd = openat(record.fd, name, O_WRONLY | O_APPEND | O_CLOEXEC);
    assert_int_equal(io_write_all(fd, "300,5,1,\"a", 10), 0); /* the power went here */
    io_close(&fd);
    assert_int_equal(record_trim(&record, geteuid(), 150 * USEC_PER_SEC), 0);
    assert_int_equal(rows(&out), 1);
    assert_true(str_starts(buf_look(&out), "200,"));
    record_forget(&record); /* nobody has agreed */
    assert_int_equal(rows(&out), 0);
    buf_finish(&out);
}

/* Never more than its size, and it is the oldest that go. */
static void test_bounded(void **state)
{
    struct buf out;
    struct stat st;
    char name[32], row[128];
    (void)state;
    buf_init(&out, 2 * RECORD_FILE_MAX);
    snprintf(name, sizeof name, "runs/%u", (unsigned)geteuid());
    struct buf full;
    buf_init(&full, 2 * RECORD_FILE_MAX);
    buf_c(&full, RECORD_HEADER);
    for (int i = 0; full.len < RECORD_FILE_MAX - 200; i++)
        buf_printf(&full, "%d,5,1,\"a\",\"b\",,boot-%d-1\n", 1000000 + i, i);
    put(name, full.ptr);
    for (int i = 0; i < 20; i++) {
        snprintf(row, sizeof row, "%d,5,1,\"a\",\"b\",,last-%d-1\n", 9000000 + i, i);
        assert_int_equal(record_append(&record, geteuid(), str_of(row)), 0);
        assert_int_equal(fstatat(record.fd, name, &st, 0), 0);
        assert_true(st.st_size <= (off_t)RECORD_FILE_MAX + 128);
    }
    assert_true(rows(&out) > 1000);
    assert_true(record_has(&record, geteuid(), STR("last-0-1")));
    assert_true(record_has(&record, geteuid(), STR("last-19-1")));
    assert_false(record_has(&record, geteuid(), STR("boot-0-1")));
    buf_finish(&full);
    buf_finish(&out);
}

static void test_about(void **state)
{
    struct record_about a = { .since_at = 5, .every_us = USEC_PER_SEC, .round_at = 7, .gpus = 4, .pid = getpid() }, b;
    unsigned long long ticks;
    (void)state;
    assert_true(record_about_read(&record, &b) < 0);
    assert_int_equal(io_start_time(getpid(), &ticks), 0);
    a.ticks = ticks;
    for (int i = 0; i < RECORD_WEEKS; i++)
        a.weeks[i] = (struct record_week){ 20000 + 7 * i, i, 2 * i };
    assert_int_equal(record_about_write(&record, &a), 0);
    assert_int_equal(record_about_read(&record, &b), 0);
    assert_memory_equal(&a, &b, sizeof a);
    assert_true(record_runs(&record, &b));
    b.ticks++;
    assert_false(record_runs(&record, &b));
    put("about", "since_at x\nweek 1 2\nweek\n\n99\nevery_us 1\n");
    assert_true(record_about_read(&record, &b) < 0);
}

static void test_loose_folder(void **state)
{
    struct record other;
    struct err err = { 0 };
    (void)state;
    assert_int_equal(chmod(folder, 0777), 0);
    assert_int_equal(record_open(&other, true, &err), E_DENIED);
    assert_int_equal(chmod(folder, 0755), 0);
    assert_int_equal(setenv("EOUL_OBSERVE", "/tmp/eoul-record-is-not-there", 1), 0); /* allowed: a test */
    err_clear(&err);
    assert_int_equal(record_open(&other, false, &err), E_NOT_FOUND);
    assert_int_equal(err.code, 0);
}

int main(void)
{
#define RUNS_TEST(f) cmocka_unit_test_setup(f, begin)
#define RECORD_TEST(f) cmocka_unit_test_setup_teardown(f, make_record, drop_record)
    const struct CMUnitTest tests[] = {
        RUNS_TEST(test_together), RUNS_TEST(test_apart), RUNS_TEST(test_attempts), RUNS_TEST(test_blind_power_clock),
        RUNS_TEST(test_many), RUNS_TEST(test_resume), RECORD_TEST(test_consent), RECORD_TEST(test_rows),
        RECORD_TEST(test_bounded), RECORD_TEST(test_about), RECORD_TEST(test_loose_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
