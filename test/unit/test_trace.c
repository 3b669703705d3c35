/* test_trace.c - readers of other people's logs, and a workload driven through the real core. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cal/civil.h"
#include "energy/tariff.h"
#include "sim/bound.h"
#include "sim/compare.h"
#include "sim/figures.h"
#include "sim/luck.h"
#include "sim/misstate.h"
#include "sim/mode.h"
#include "sim/whatif.h"

#define MONDAY_AT ((usec_t)TRACE_MONDAY_DAY * USEC_PER_DAY) /* in UTC */

static struct zone seoul, utc;

static int read_as(enum trace_format format, const char *text, const char *team, struct trace *t,
                   struct err *err)
{
    struct trace_options o = { .format = format, .zone = &seoul, .team = str_of(team) };
    return trace_read(str_of(text), "a test", &o, t, err);
}

static void reads(enum trace_format format, const char *text, struct trace *t)
{
    struct err err = { 0 };
    if (read_as(format, text, NULL, t, &err) < 0)
        fail_msg("%s", err.text);
}

static void refuses(enum trace_format format, const char *text, const char *sentence)
{
    struct err err = { 0 };
    struct trace t;
    assert_true(read_as(format, text, NULL, &t, &err) < 0);
    assert_string_equal(err.text, sentence);
}

/* --- fields --------------------------------------------------------------------------------------- */

static void test_when(void **state)
{
    (void)state;
    static const struct { const char *text; usec_t at_s; } right[] = {
        { "0", -9 * 3600 }, { "90.5", -9 * 3600 + 90 }, /* a Monday's midnight in Seoul */
        { "2026-03-02T00:00:00", -9 * 3600 }, { "2026-03-02 09:30", 30 * 60 }, { "2026-03-02", -9 * 3600 },
        { "2026-03-02T00:00:00Z", 0 }, { "2026-03-02T09:00:00+09:00", 0 }, { "2026-03-02T04:00:00+0400", 0 },
        { "2026-03-01T19:00:00.999-05", 0 }, { "1772409600", 0 },
        { "20260302T090000", 0 }, { "20260302T000000Z", 0 }, { "20260302T090000.5+0900", 0 },
    };
    static const char *const wrong[] = { "", "x", "-1", "2026-13-01", "2026-02-30", "2026-03-02T25:00:00",
                                         "2026-03-02T09:00:00+99:99", "12:30", "1e5", "2026-03-02Tnoon",
                                         "20260302T0900", "20261302T090000", "2026030T2090000" };
    for (size_t i = 0; i < sizeof right / sizeof right[0]; i++) {
        usec_t at;
        if (!trace_when(str_of(right[i].text), &seoul, &at))
            fail_msg("%s is not read", right[i].text);
        if (floor_div(at - MONDAY_AT, USEC_PER_SEC) != right[i].at_s)
            fail_msg("%s is %lld", right[i].text, (long long)(at - MONDAY_AT));
    }
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        usec_t at;
        if (trace_when(str_of(wrong[i]), &seoul, &at))
            fail_msg("%s is read", wrong[i]);
    }
}

static void test_seconds(void **state)
{
    (void)state;
    usec_t us;
    static const struct { const char *text; int64_t s; } right[] = {
        { "12", 12 }, { "-5", -5 }, { "02:03", 123 }, { "01:00:00", 3600 }, { "1-02:03:04", 93784 },
        { "2-01", 176400 } };
    for (size_t i = 0; i < sizeof right / sizeof right[0]; i++) {
        if (strchr(right[i].text, ':') || !strchr(right[i].text + 1, '-')) {
            assert_true(trace_seconds(str_of(right[i].text), &us));
            assert_int_equal(us, right[i].s * USEC_PER_SEC);
        }
    }
    assert_true(trace_seconds(STR("0.25"), &us));
    assert_int_equal(us, 250000);
    assert_false(trace_seconds(STR("1:2:3:4"), &us));
    assert_false(trace_seconds(STR("UNLIMITED"), &us));
    assert_false(trace_seconds(STR("."), &us));
}

/* --- formats -------------------------------------------------------------------------------------- */

static void test_csv(void **state)
{
    (void)state;
    struct trace t;
    reads(TRACE_CSV, "\xef\xbb\xbfsubmit,runtime,gpus,user,limit,checkpoint,deadline\r\n"
                     "3600,60,2,ann,120,yes,2026-03-03T00:00:00\r\n"
                     "0,\"1.5\",1,\"bo, the second\",,,\r\n\n", &t);
    assert_int_equal(t.jobs_n, 2);
    assert_int_equal(t.faults_n, 0);
    assert_int_equal(t.jobs[0].submit_at, MONDAY_AT - 9 * USEC_PER_HOUR); /* sorted by submit */
    assert_int_equal(t.jobs[0].run_us, 1500000);
    assert_string_equal(t.users[t.jobs[0].user].name, "bo, the second");
    assert_int_equal(t.jobs[1].gpus, 2);
    assert_int_equal(t.jobs[1].limit_us, 120 * USEC_PER_SEC);
    assert_true(t.jobs[1].checkpoint);
    assert_int_equal(t.jobs[1].deadline_at, MONDAY_AT + 15 * USEC_PER_HOUR);
    trace_finish(&t);
}

static void test_garbage(void **state)
{
    (void)state;
    struct trace t;
    static const char *const said[] = {
        "Line 3 has 3 fields; the header has 4.",
        "Line 4: the job ran for -5 s; a run time is more than zero and less than ten years.",
        "Line 5: the job ran for 0 s; a run time is more than zero and less than ten years.",
        "Line 6: the submit time \"soon\" is neither a date such as 2026-03-02T09:00:00 nor a number of seconds.",
        "Line 7 asks for no GPU.",
        "Line 8: the number of GPUs \"1.5\" is not a whole number.",
        "Line 9: the run time \"long\" is not a length in seconds.",
        "Line 10 names no user.",
        "Line 11 asks for 4000000 GPUs, more than any machine has.",
        "Line 12: the submit time \"-3\" is neither a date such as 2026-03-02T09:00:00 nor a number of seconds.",
    };
    reads(TRACE_CSV, "submit,runtime,gpus,user\n0,60,1,ann\n0,60,1\n0,-5,1,ann\n0,0,1,ann\nsoon,60,1,ann\n"
                     "0,60,0,ann\n0,60,1.5,ann\n0,long,1,ann\n0,60,1,\n0,60,4000000,ann\n-3,60,1,ann\n"
                     "eleven\n\x01\x02\xff,,,\n7,60,8,ann\n", &t);
    assert_int_equal(t.rows, 14);
    assert_int_equal(t.faults_n, 12);
    assert_int_equal(t.faults_shown, TRACE_FAULTS_SHOWN);
    for (size_t i = 0; i < sizeof said / sizeof said[0]; i++)
        assert_string_equal(t.faults[i], said[i]);
    assert_int_equal(t.jobs_n, 2);
    trace_fit(&t, 4);
    assert_int_equal(t.jobs_n, 1);
    assert_int_equal(t.faults_n, 13); /* every row is a job or counted */
    trace_finish(&t);
    refuses(TRACE_CSV, "", "\"a test\" is empty.");
    refuses(TRACE_CSV, "submit,gpus,user\n", "This is no csv trace: its first line has no column "
                                             "\"runtime\". The header is \"submit,runtime,gpus,user\"; here it is \"submit,gpus,user\".");
    refuses(TRACE_CSV, "time,total_job_num,running_job_num,pending_job_num,total_gpujob_num\n1,2,3,4,5\n",
            "This is no csv trace: its first line has no column \"submit\". The header is \"submit,runtime,gpus,user\"; here it is "
            "\"time,total_job_num,running_job_num,pending_job_num,total_gpu...\".");
    refuses(TRACE_CSV, "submit,runtime,gpus,user\n", "\"a test\" has no job in it.");
    refuses(TRACE_CSV, "submit,runtime,gpus,user\n1,1,0,u\n",
            "\"a test\" has no usable job as csv; of 1 rows none is right. The first: Line 2 asks for no GPU.");
}

static void test_swf(void **state)
{
    (void)state;
    struct trace t;
    reads(TRACE_SWF, "; UnixStartTime: 1772409600\n; MaxProcs: 100\n; TimeZoneString: Europe/Stockholm\n"
                     "1 10 5 300 4 -1 -1 8 600 -1 1 7 3 2 1 -1 -1 -1\n"
                     "2 20 5 300 4 -1 -1 -1 -1 -1 0 8 3 -1 1 -1 -1 -1\n"
                     "3 30 5 -1 4 -1 -1 -1 -1 -1 5 8 3 -1 1 -1 -1 -1\n"
                     "4 30 5\n", &t);
    assert_int_equal(t.gpus_hint, 100);
    assert_string_equal(t.zone_name, "Europe/Stockholm");
    assert_int_equal(t.jobs_n, 2);
    assert_int_equal(t.jobs[0].gpus, 8); /* asked for, not got */
    assert_int_equal(t.jobs[0].limit_us, 600 * USEC_PER_SEC);
    assert_int_equal(t.jobs[0].submit_at, MONDAY_AT + 10 * USEC_PER_SEC);
    assert_int_equal(t.jobs[1].gpus, 4);
    assert_true(t.jobs[1].failed);
    assert_int_equal(t.jobs[1].limit_us, 0);
    assert_int_equal(t.faults_n, 2);
    trace_finish(&t);
}

/* A quotation mark that is not closed is one bad row, and no more; sacct's are letters like others. */
static void test_quotes(void **state)
{
    (void)state;
    struct trace t;
    reads(TRACE_CSV, "submit,runtime,gpus,user\n0,60,1,\"a, b\"\n1,60,1,\"c\n2,60,1,d\n", &t);
    assert_int_equal(t.jobs_n, 2);
    assert_string_equal(t.users[t.jobs[0].user].name, "a, b");
    assert_string_equal(t.users[t.jobs[1].user].name, "d");
    assert_int_equal(t.faults_n, 1);
    assert_string_equal(t.faults[0], "Line 3 opens a quotation mark and does not close it.");
    trace_finish(&t);
    reads(TRACE_SACCT, "JobID|JobName|User|Submit|ElapsedRaw|AllocTRES\n"
                       "1|\"train|a|2026-03-02T09:00:00|60|gres/gpu=2\n", &t);
    assert_int_equal(t.jobs_n, 1);
    trace_finish(&t);
    refuses(TRACE_CSV, "\xef\xbb\xbf\r\n \n", "\"a test\" is empty.");
}

/* What a file is, whatever marks, quotes or order its header has. */
static void test_guess(void **state)
{
    (void)state;
    static const struct { const char *text; enum trace_format format; } cases[] = {
        { "\xef\xbb\xbftimestamp,duration,num_gpus,gpu_time,cluster\r\n", TRACE_PHILLY },
        { "\"cluster\",\"num_gpus\",\"timestamp\",\"duration\"\n", TRACE_PHILLY },
        { "\n\nsubmit,runtime,gpus,user\n", TRACE_CSV }, { "timestamp,submit,runtime,gpus,user\n", TRACE_CSV },
        { "name,cpu_milli,gpu_milli,qos\n", TRACE_OPENB }, { "\xef\xbb\xbf; Version: 2\n", TRACE_SWF },
        { "JobID|User\n", TRACE_SACCT }, { "", TRACE_CSV },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        if (trace_guess(str_of(cases[i].text)) != cases[i].format)
            fail_msg("case %zu", i);
}

static void test_others(void **state)
{
    (void)state;
    struct trace t;
    struct err err = { 0 };
    static const char philly[] = "timestamp,duration,num_gpus,gpu_time,cluster\n"
                                 "2017-09-04 10:30:41,60.0,8,480.0,7f04ca\n2017-09-05 10:30:41,5.5,1,5.5,6214e9\n";
    reads(TRACE_PHILLY, philly, &t);
    assert_int_equal(t.jobs_n, 2);
    assert_int_equal(t.users_n, 2);
    trace_finish(&t);
    assert_int_equal(read_as(TRACE_PHILLY, philly, "6214e9", &t, &err), 0);
    assert_int_equal(t.jobs_n, 1);
    assert_int_equal(t.other_teams, 1);
    trace_finish(&t);
    assert_true(read_as(TRACE_PHILLY, philly, "nobody", &t, &err) < 0);
    assert_string_equal(err.text, "\"a test\" has no job of a team \"nobody\".");
    reads(TRACE_OPENB, "name,cpu_milli,memory_mib,num_gpu,gpu_milli,gpu_spec,qos,pod_phase,creation_time,"
                       "deletion_time,scheduled_time\np0,1,1,1,460,,LS,Running,100,400,160\n"
                       "p1,1,1,0,0,,BE,Running,100,400,\np2,1,1,2,1000,,BE,Running,100,400,\n", &t);
    assert_int_equal(t.jobs_n, 2);
    assert_int_equal(t.jobs[0].run_us, 240 * USEC_PER_SEC);
    assert_int_equal(t.jobs[1].run_us, 300 * USEC_PER_SEC);
    assert_int_equal(t.faults_n, 1); /* no GPU */
    trace_finish(&t);
    reads(TRACE_SACCT, "JobID|JobName|User|Submit|Start|End|ElapsedRaw|TimelimitRaw|AllocTRES|State\n"
                       "12|train|ann|2026-03-02T09:00:00|2026-03-02T09:10:00|2026-03-02T10:10:00|3600|120|"
                       "billing=4,cpu=4,gres/gpu:a100=2,gres/gpu=2,node=1|COMPLETED\n"
                       "12.batch|batch||2026-03-02T09:00:00|2026-03-02T09:10:00|2026-03-02T10:10:00|3600||"
                       "cpu=4|COMPLETED\n"
                       "13_4|train|bo|2026-03-02T09:00:00|Unknown|Unknown|0|UNLIMITED|gres/gpu=1|CANCELLED by 0\n",
          &t);
    assert_int_equal(t.rows, 2);
    assert_int_equal(t.jobs_n, 1);
    assert_int_equal(t.jobs[0].gpus, 2);
    assert_int_equal(t.jobs[0].limit_us, 2 * USEC_PER_HOUR);
    assert_int_equal(t.jobs[0].submit_at, MONDAY_AT);
    assert_false(t.jobs[0].failed);
    assert_int_equal(t.faults_n, 1);
    trace_finish(&t);
}

static void test_journal(void **state)
{
    (void)state;
    struct trace t;
    reads(TRACE_JOURNAL,
          "eoul-journal 1\n"
          "1 0000000000000000 gpu wall=5000000 boot=1 gpu=1 type=1\n"
          "2 0000000000000000 submit wall=9000000 boot=1 job=1 owner=2 submitter=2 gpus=2 cpus=1 command_key=5\n"
          "3 0000000000000000 submit wall=9000000 boot=1 job=2 owner=1 submitter=1 gpus=1 cpus=1\n"
          "4 0000000000000000 started wall=10000000 boot=2000000 job=1 attempt=1\n"
          "5 0000000000000000 ended wall=20000000 boot=9000000 job=1 attempt=1\n"
          "6 0000000000000000 unheard-of wall=1 boot=1\n", &t);
    assert_int_equal(t.jobs_n, 1);
    assert_int_equal(t.jobs[0].run_us, 7000000);
    assert_int_equal(t.jobs[0].submit_at, 9000000);
    assert_int_equal(t.jobs[0].gpus, 2);
    assert_int_equal(t.gpus_hint, 2);
    assert_int_equal(t.faults_n, 2); /* an event nobody knows, and a job without an end */
    trace_finish(&t);
}

static void test_fold(void **state)
{
    (void)state;
    struct trace t;
    reads(TRACE_CSV, "submit,runtime,gpus,user\n1,1,1,a\n2,1,1,b\n3,1,1,b\n4,1,1,c\n5,1,1,c\n6,1,1,d\n", &t);
    trace_fold_users(&t, 2);
    assert_int_equal(t.users_n, 3);
    assert_string_equal(t.users[0].name, "b");
    assert_string_equal(t.users[1].name, "c");
    assert_int_equal(t.users[2].jobs, 2); /* a and d */
    trace_finish(&t);
}

/* --- presence ------------------------------------------------------------------------------------- */

static void test_infer(void **state)
{
    (void)state;
    struct trace t = { 0 };
    struct presence p;
    /* Twelve weeks: "early" from 07:00 to 15:00 on Mondays to Thursdays, "rare" three times in all. */
    uint32_t early = trace_user(&t, STR("early")), rare = trace_user(&t, STR("rare"));
    for (int d = 0; d < 84; d++)
        for (int h = 7; h <= 15 && d % 7 < 4; h += 2)
            *trace_add(&t) = (struct trace_job){ .user = early, .gpus = 1, .run_us = USEC_PER_MIN,
                .submit_at = MONDAY_AT + d * USEC_PER_DAY + h * USEC_PER_HOUR };
    for (int d = 0; d < 3; d++)
        *trace_add(&t) = (struct trace_job){ .user = rare, .gpus = 1, .run_us = USEC_PER_MIN,
            .submit_at = MONDAY_AT + d * 14 * USEC_PER_DAY + 20 * USEC_PER_HOUR };
    trace_sort(&t);
    struct presence_options o = { .kind = PRESENCE_INFER, .zone = &utc,
                                  .until_at = MONDAY_AT + 90 * USEC_PER_DAY };
    assert_int_equal(presence_make(&t, &o, &p, NULL), 0);
    assert_int_equal(p.inferred, 1);
    usec_t tue = MONDAY_AT + 8 * USEC_PER_DAY;
    assert_int_equal(presence_eyes(&p.known[early], p.until_at, tue + 3 * USEC_PER_HOUR), tue + 7 * USEC_PER_HOUR);
    assert_int_equal(presence_eyes(&p.known[early], p.until_at, tue + 15 * USEC_PER_HOUR), tue + 15 * USEC_PER_HOUR);
    assert_int_equal(presence_eyes(&p.known[early], p.until_at, tue + 16 * USEC_PER_HOUR),
                     tue + USEC_PER_DAY + 7 * USEC_PER_HOUR);
    usec_t fri = MONDAY_AT + 11 * USEC_PER_DAY; /* no Friday of theirs: until Monday */
    assert_int_equal(presence_eyes(&p.known[early], p.until_at, fri), fri + 3 * USEC_PER_DAY + 7 * USEC_PER_HOUR);
    assert_int_equal(presence_eyes(&p.known[rare], p.until_at, fri), fri + 9 * USEC_PER_HOUR); /* office */
    presence_finish(&p);
    trace_finish(&t);
}

/* --- tariff --------------------------------------------------------------------------------------- */

static void test_tariff(void **state)
{
    (void)state;
    struct tariff t;
    struct err err = { 0 };
    assert_int_equal(tariff_parse(STR("currency EUR\nfrom 2026-01-01\n1-12 daily 00-24 0.30\n"
                                      "6-8 mon-fri 15-21 0.5\nfrom 2026-07-01\n1-12 daily 0-24 -0.01\n"),
                                  &t, &err), 0);
    assert_int_equal(tariff_milli(&t, 20260601, 0, 14), 300);
    assert_int_equal(tariff_milli(&t, 20260601, 0, 15), 500);
    assert_int_equal(tariff_milli(&t, 20260601, 5, 15), 300);
    assert_int_equal(tariff_milli(&t, 20200101, 5, 15), 300); /* before the first date */
    assert_int_equal(tariff_milli(&t, 20260701, 5, 15), -10);
    assert_true(tariff_parse(STR("currency EUR\nfrom 2026-01-01\n1-12 daily 22-08 1\n1-12 daily 8-21 2\n"),
                             &t, &err) < 0);
    assert_string_equal(err.text, "The tariff from 2026-01-01 has no price for month 1, mon, 21:00.");
    assert_true(tariff_parse(STR("currency EUR\nfrom 2026-01-01\n1-13 daily 0-24 1\n"), &t, &err) < 0);
    assert_true(tariff_parse(STR("currency EUR\n1-12 daily 0-24 1\n"), &t, &err) < 0);
    struct billing *b = NULL;
    assert_int_equal(compare_billing("none", &b, &err), 0);
    assert_null(b);
    assert_int_equal(compare_billing(NULL, &b, &err), 0); /* the one built in */
    assert_int_equal(tariff_milli(&b->tariff, 20260715, 2, 16), 229000);
    assert_int_equal(tariff_milli(&b->tariff, 20260715, 2, 3), 116000);
    assert_int_equal(tariff_milli(&b->tariff, 20260712, 6, 16), 116000); /* a Sunday */
    assert_int_equal(tariff_milli(&b->tariff, 20260415, 2, 12), 133400); /* the old hours' last day */
    billing_destroy(b);
}

/* --- driving -------------------------------------------------------------------------------------- */

/* Three weeks of five people on four GPUs. */
static void workload(struct trace *t, uint64_t seed, uint32_t jobs)
{
    struct prng p;
    char name[8];
    *t = (struct trace){ 0 };
    prng_init(&p, seed, 1);
    for (uint32_t i = 0; i < jobs; i++) {
        snprintf(name, sizeof(name), "p%u", (unsigned)prng_below(&p, 5));
        struct trace_job j = { .user = trace_user(t, str_of(name)), .line = i + 1,
            .submit_at = MONDAY_AT + luck_between(&p, 0, 20) * USEC_PER_DAY + luck_between(&p, 8, 20) * USEC_PER_HOUR
                         + luck_between(&p, 0, 3599) * USEC_PER_SEC,
            .gpus = 1u << prng_below(&p, 3), .run_us = luck_lognormal(&p, 40 * USEC_PER_MIN, 1.5),
            .limit_us = 100 * USEC_PER_HOUR, .command = 1 + prng_below(&p, 6),
            .checkpoint = luck_chance(&p, 400) };
        *trace_add(t) = j;
    }
    trace_sort(t);
}

static void calendars(const struct trace *t, enum presence_kind kind, struct presence *p)
{
    struct presence_options o = { .kind = kind, .zone = &utc, .until_at = MONDAY_AT + 200 * USEC_PER_DAY };
    assert_int_equal(presence_make(t, &o, p, NULL), 0);
}

static void drive(const struct trace *t, const struct presence *p, struct drive_options o, struct drive_result *r)
{
    struct err err = { 0 };
    o.gpus = o.gpus ? o.gpus : 4;
    o.check = true;
    if (drive_run(t, p, &o, NULL, r, &err) < 0)
        fail_msg("%s", err.text);
}

/* What the run says, against the raw workload: nobody overbooked, everybody served, work neither lost nor
 * made. */
static void check_run(const struct drive_result *r, uint32_t gpus)
{
    double used = 0, work = 0;
    for (size_t i = 0; i < r->jobs_n; i++) {
        const struct drive_job *j = &r->jobs[i];
        assert_true(j->end_at > 0 && j->start_at >= j->what.submit_at);
        assert_true(j->end_at - j->start_at >= j->what.run_us);
        if (j->preemptions == 0)
            assert_int_equal(j->end_at - j->start_at, j->what.run_us);
        assert_true(j->preemptions == 0 || j->what.checkpoint);
        work += (double)j->what.run_us * j->what.gpus;
    }
    for (size_t i = 0; i < r->intervals_n; i++) {
        const struct drive_interval *a = &r->intervals[i];
        uint32_t busy = 0;
        used += (double)(a->until_at - a->from_at) * a->gpus;
        for (size_t k = 0; k < r->intervals_n; k++) {
            const struct drive_interval *b = &r->intervals[k];
            if (b->from_at <= a->from_at && a->from_at < b->until_at)
                busy += b->gpus;
        }
        assert_true(busy <= gpus);
    }
    assert_true(used + 1 >= work);
    if (r->preemptions == 0)
        assert_true(used <= work + 1);
}

static void test_every_policy(void **state)
{
    (void)state;
    static const enum drive_estimates estimates[] = { ESTIMATE_EXACT, ESTIMATE_SIGMA, ESTIMATE_LIMIT,
                                                      ESTIMATE_HISTORY };
    for (enum policy policy = 0; policy < POLICY_COUNT; policy++) {
        for (size_t e = 0; e < 4; e++) {
            struct trace t;
            struct presence p;
            struct drive_result r, again;
            struct drive_options o = { .policy = policy, .preempt = true, .estimates = estimates[e],
                                       .sigma = 0.5, .seed = 7 };
            workload(&t, 11 + e, 150);
            calendars(&t, PRESENCE_OFFICE, &p);
            drive(&t, &p, o, &r);
            check_run(&r, 4);
            drive(&t, &p, o, &again); /* same input, same seed */
            assert_int_equal(r.hash, again.hash);
            drive_result_finish(&r);
            drive_result_finish(&again);
            presence_finish(&p);
            trace_finish(&t);
        }
    }
}

/* Runs that nobody has seen the end of by then take twice as long: nothing decided before may differ. */
static void test_no_foresight(void **state)
{
    (void)state;
    static const enum drive_estimates estimates[] = { ESTIMATE_EXACT, ESTIMATE_SIGMA, ESTIMATE_HISTORY };
    for (uint64_t seed = 1; seed <= 6; seed++) {
        for (enum policy policy = 0; policy < POLICY_COUNT; policy++) {
            struct trace t;
            struct presence p;
            struct drive_result a, b;
            usec_t until_at = MONDAY_AT + 8 * USEC_PER_DAY;
            struct drive_options o = { .policy = policy, .preempt = true, .seed = seed, .sigma = 0.5,
                                       .estimates = estimates[seed % 3], .weekly = true, .agreed = true };
            uint32_t before = 0, after = 0;
            workload(&t, 100 + seed, 120);
            calendars(&t, PRESENCE_OFFICE, &p);
            drive(&t, &p, o, &a);
            o.double_after_at = until_at;
            drive(&t, &p, o, &b);
            for (size_t i = 0; i < a.jobs_n; i++) {
                if (a.jobs[i].start_at > until_at && b.jobs[i].start_at > until_at) {
                    after++;
                    continue;
                }
                assert_int_equal(a.jobs[i].start_at, b.jobs[i].start_at);
                before++;
            }
            assert_true(before > 10 && after > 10);
            assert_true(a.hash != b.hash); /* the doubling was real */
            drive_result_finish(&a);
            drive_result_finish(&b);
            presence_finish(&p);
            trace_finish(&t);
        }
    }
}

/* --- the mode of the week --------------------------------------------------------------------------- */

static struct mode_week a_week(double later_h, double plan_h, double area_h)
{
    const double h[MODE_COUNT] = { later_h, plan_h, area_h };
    struct mode_week w = { .jobs = 70 };
    for (int m = 0; m < MODE_COUNT; m++)
        for (int day = 0; day < 7; day++)
            w.seen_h[m][day] = h[m];
    return w;
}

/* What the last four weeks prove is followed, what one burst or less than 1 % says is not. */
static void test_mode_choice(void **state)
{
    (void)state;
    struct mode_choice c = { 0 };
    struct mode_week w = a_week(100, 99.5, 120), none = { 0 };
    assert_int_equal(c.mode, MODE_LATER);
    assert_false(mode_add(&c, &w)); /* half a per cent */
    assert_false(mode_add(&c, &none));
    assert_int_equal(c.weeks_n, 1);
    w = a_week(100, 100, 100);
    w.seen_h[MODE_LATER][2] = 180; /* one day that came out badly */
    w.seen_h[MODE_LATER][3] = 40;
    assert_false(mode_add(&c, &w));
    w = a_week(100, 80, 95);
    assert_true(mode_add(&c, &w)); /* every day of it */
    assert_int_equal(c.mode, MODE_PLAN);
    w = a_week(100, 100, 70);
    for (int i = 0; i < MODE_WEEKS; i++)
        (void)mode_add(&c, &w);
    assert_int_equal(c.mode, MODE_AREA);
    w = a_week(80, 100, 100);
    for (int i = 0; i < MODE_WEEKS; i++)
        (void)mode_add(&c, &w);
    assert_int_equal(c.mode, MODE_LATER); /* and it may come back */
}

/* A week is played with what had ended by its end, and with nothing else. */
static void test_mode_week(void **state)
{
    (void)state;
    struct trace t;
    struct presence p;
    struct drive_result r, doubled;
    struct drive_options o = { .policy = POLICY_BLEND, .seed = 3, .estimates = ESTIMATE_HISTORY, .weekly = true, .agreed = true, .gpus = 4 };
    struct mode_week a, b, early;
    struct err err = { 0 };
    usec_t until_at = MONDAY_AT + 7 * USEC_PER_DAY;
    workload(&t, 100, 200);
    calendars(&t, PRESENCE_OFFICE, &p);
    drive(&t, &p, o, &r);
    assert_true(r.mode_weeks[MODE_LATER] + r.mode_weeks[MODE_PLAN] + r.mode_weeks[MODE_AREA] > 0);
    assert_int_equal(mode_play(r.jobs, r.jobs_n, &t, &p, &o, until_at, &a, &err), 0);
    assert_true(a.jobs >= MODE_JOBS_MIN && a.seen_h[MODE_AREA][0] > 0);
    o.double_after_at = until_at;
    drive(&t, &p, o, &doubled);
    assert_int_equal(mode_play(doubled.jobs, doubled.jobs_n, &t, &p, &o, until_at, &b, &err), 0);
    assert_memory_equal(&a, &b, sizeof a);
    assert_int_equal(mode_play(r.jobs, r.jobs_n, &t, &p, &o, t.jobs[0].submit_at, &early, &err), 0);
    assert_int_equal(early.jobs, 0); /* nothing had ended */
    drive_result_finish(&r);
    drive_result_finish(&doubled);
    presence_finish(&p);
    trace_finish(&t);
}

/* Everybody always there: time-to-eyes is completion time, and the order of blend is that of saf; what the search
 * makes of it is no worse. */
static void test_always(void **state)
{
    (void)state;
    struct trace t;
    struct presence p;
    struct drive_result saf, order, blend;
    struct figures f, least;
    struct ev_settings plain = CORE_SETTINGS_DEFAULT;
    plain.search_moves = 0;
    workload(&t, 5, 200);
    calendars(&t, PRESENCE_ALWAYS, &p);
    drive(&t, &p, (struct drive_options){ .policy = POLICY_SAF }, &saf);
    drive(&t, &p, (struct drive_options){ .policy = POLICY_BLEND, .settings = &plain }, &order);
    drive(&t, &p, (struct drive_options){ .policy = POLICY_BLEND }, &blend);
    for (size_t i = 0; i < saf.jobs_n; i++)
        assert_int_equal(saf.jobs[i].start_at, order.jobs[i].start_at);
    figures_make(&saf, &p, &(struct figures_options){ .zone = &utc, .gpus = 4 }, &least);
    figures_make(&blend, &p, &(struct figures_options){ .zone = &utc, .gpus = 4 }, &f);
    assert_true(least.tte_mean_h == least.jct_mean_h && f.tte_mean_h == f.jct_mean_h);
    assert_true(f.delay_mean_h >= 0 && f.delay_mean_h <= f.wait_mean_h + 1e-9);
    assert_true(f.tte_mean_h <= 1.01 * least.tte_mean_h);
    drive_result_finish(&saf);
    drive_result_finish(&order);
    drive_result_finish(&blend);
    presence_finish(&p);
    trace_finish(&t);
}

/* The order of rows in a file is nothing. */
static void test_row_order(void **state)
{
    (void)state;
    struct trace t, other = { 0 };
    struct presence p, q;
    struct drive_result a, b;
    workload(&t, 9, 150);
    for (size_t u = 0; u < t.users_n; u++)
        (void)trace_user(&other, str_of(t.users[u].name));
    for (size_t i = t.jobs_n; i-- > 0;)
        *trace_add(&other) = t.jobs[i];
    trace_sort(&other);
    calendars(&t, PRESENCE_OFFICE, &p);
    calendars(&other, PRESENCE_OFFICE, &q);
    drive(&t, &p, (struct drive_options){ .policy = POLICY_BLEND, .estimates = ESTIMATE_HISTORY }, &a);
    drive(&other, &q, (struct drive_options){ .policy = POLICY_BLEND, .estimates = ESTIMATE_HISTORY }, &b);
    assert_int_equal(a.hash, b.hash);
    drive_result_finish(&a);
    drive_result_finish(&b);
    presence_finish(&p);
    presence_finish(&q);
    trace_finish(&t);
    trace_finish(&other);
}

/* Two jobs by hand: figures to the minute. */
static void test_figures(void **state)
{
    (void)state;
    struct trace t;
    struct presence p;
    struct drive_result r;
    struct figures f;
    struct err err = { 0 };
    struct billing *billing = calloc(1, sizeof *billing);
    assert_non_null(billing);
    buf_init(&billing->text, 16);
    /* Monday 09:00 UTC, one GPU: 2 h, then 8 h that end at 19:00 and are seen on Tuesday at 09:00. */
    assert_int_equal(trace_read(STR("submit,runtime,gpus,user\n32400,7200,1,ann\n32400,28800,1,ann\n"), "it",
                                &(struct trace_options){ .zone = &utc }, &t, &err), 0);
    assert_int_equal(tariff_parse(STR("currency KRW\nfrom 2026-01-01\n1-12 daily 0-24 100\n1-12 daily 18-24 50\n"),
                                  &billing->tariff, &err), 0);
    calendars(&t, PRESENCE_OFFICE, &p);
    drive(&t, &p, (struct drive_options){ .policy = POLICY_SAF, .estimates = ESTIMATE_EXACT, .gpus = 1 }, &r);
    figures_make(&r, &p, &(struct figures_options){ .zone = &utc, .billing = billing, .gpu_watts = 1000, .gpus = 1,
                                                    .until_at = MONDAY_AT + 29 * USEC_PER_HOUR }, &f);
    assert_int_equal(f.jobs, 2);
    assert_float_equal(f.tte_mean_h, (2 + 24) / 2.0, 1e-9);
    assert_float_equal(f.delay_mean_h, (24 - 8) / 2.0, 1e-9); /* alone it would have ended at 17:00 */
    assert_float_equal(f.jct_mean_h, (2 + 10) / 2.0, 1e-9);
    assert_float_equal(f.wait_mean_h, 1, 1e-9);
    assert_float_equal(f.utilisation, 10 / 20.0, 1e-9);
    assert_float_equal(f.off_hours_share, 0.1, 1e-9);
    assert_float_equal(f.kwh, 10, 1e-9);
    assert_float_equal(f.cost, 950, 1e-6);
    assert_float_equal(f.cost_per_kwh, 95, 1e-6);
    assert_int_equal(f.off_hours_ends, 1);
    assert_float_equal(f.eta_p90_coverage, 1, 1e-9);
    billing_destroy(billing);
    drive_result_finish(&r);
    presence_finish(&p);
    trace_finish(&t);
}

/* A run in Chuseok, a Friday, is billed as on a Sunday; a week later as on a Friday.  The plan is told the same. */
static void test_figures_of_a_holiday(void **state)
{
    (void)state;
    static const struct { const char *trace; uint32_t date, weekday; } cases[] = {
        { "submit,runtime,gpus,user\n2026-09-25T14:00:00,3600,1,ann\n", 20260925, 6 },
        { "submit,runtime,gpus,user\n2026-10-02T14:00:00,3600,1,ann\n", 20261002, 4 },
    };
    struct err err = { 0 };
    struct billing *billing = NULL;
    assert_int_equal(compare_billing(NULL, &billing, &err), 0);
    for (size_t i = 0; i < 2; i++) {
        struct trace t;
        struct presence p;
        struct drive_result r;
        struct figures f;
        assert_int_equal(trace_read(str_of(cases[i].trace), "it", &(struct trace_options){ .zone = &seoul }, &t, &err), 0);
        calendars(&t, PRESENCE_OFFICE, &p);
        drive(&t, &p, (struct drive_options){ .policy = POLICY_SAF, .estimates = ESTIMATE_EXACT, .gpus = 1,
                                              .billing = billing, .zone = &seoul, .person_hour = 30000 }, &r);
        figures_make(&r, &p, &(struct figures_options){ .zone = &seoul, .billing = billing, .gpu_watts = 1000,
                                                        .gpus = 1 }, &f);
        assert_float_equal(f.cost_per_kwh, (double)tariff_milli(&billing->tariff, cases[i].date, cases[i].weekday, 14) / 1000,
                           1e-6);
        drive_result_finish(&r);
        presence_finish(&p);
        trace_finish(&t);
    }
    billing_destroy(billing);
}

/* More GPUs than the core numbers: the same decisions from one pool. */
static void test_slots(void **state)
{
    (void)state;
    struct trace t;
    struct presence p;
    struct drive_result r;
    struct err err = { 0 };
    workload(&t, 3, 100);
    for (size_t i = 0; i < t.jobs_n; i++)
        t.jobs[i].gpus *= 20;
    calendars(&t, PRESENCE_OFFICE, &p);
    drive(&t, &p, (struct drive_options){ .policy = POLICY_EASY, .gpus = 90 }, &r);
    check_run(&r, 90);
    drive_result_finish(&r);
    assert_true(drive_run(&t, &p, &(struct drive_options){ .policy = POLICY_BOOKED, .gpus = 90 }, NULL, &r,
                          &err) < 0);
    presence_finish(&p);
    trace_finish(&t);
}

/* --- teams, the bound --------------------------------------------------------------------------- */

static void test_offices(void **state)
{
    (void)state;
    for (enum office_family family = 0; family < OFFICE_FAMILY_COUNT; family++) {
        struct office a, b;
        struct office_options o = { .family = family, .weeks = 4, .load = 0.6, .spread = 0.5, .seed = 3 };
        double area = 0;
        office_make(&o, &a);
        office_make(&o, &b);
        assert_int_equal(a.trace.jobs_n, b.trace.jobs_n);
        assert_memory_equal(a.trace.jobs, b.trace.jobs, a.trace.jobs_n * sizeof(*a.trace.jobs));
        for (size_t i = 0; i < a.trace.jobs_n; i++) {
            assert_true(a.trace.jobs[i].gpus <= a.gpus && a.trace.jobs[i].run_us > 0);
            assert_true(a.trace.jobs[i].user < a.people);
            area += (double)a.trace.jobs[i].run_us * a.trace.jobs[i].gpus;
        }
        double load = area / ((double)a.gpus * 4 * 7 * (double)USEC_PER_DAY);
        assert_true(load >= 0.6 && load < 0.9); /* over by one submission at most */
        office_finish(&a);
        office_finish(&b);
    }
}

/* What somebody says who says it wrong: sorted and disjoint, and less or more than the truth as it should be. */
static void test_misstated_hours(void **state)
{
    (void)state;
    struct office f;
    struct office_options o = { .family = OFFICE_LEAVE, .weeks = 4, .load = 0.6, .spread = 0.5, .seed = 2 };
    office_make(&o, &f);
    const struct presence *p = &f.presence;
    for (uint32_t u = 0; u < f.people; u++)
        for (int how = 0; how < MISSTATE_COUNT; how++) {
            struct windows said;
            misstate_windows((enum misstate)how, &p->truth[u], p->from_at, p->until_at, &said);
            assert_true(said.n > 0 && said.spans[0].from_at >= p->from_at);
            for (size_t i = 0; i < said.n; i++) {
                assert_true(said.spans[i].from_at < said.spans[i].until_at);
                assert_true(i == 0 || said.spans[i - 1].until_at < said.spans[i].from_at);
            }
            for (usec_t t = p->from_at; t < p->from_at + 28 * USEC_PER_DAY; t += 7 * USEC_PER_MIN) {
                bool there = presence_there(&p->truth[u], p->until_at, t), told = presence_there(&said, p->until_at, t);
                bool less = how == MISSTATE_NARROWER || how == MISSTATE_MORNINGS;
                assert_true(less ? there || !told : told || !there);
                assert_true(how != MISSTATE_ALWAYS || told);
            }
            free(said.spans);
        }
    office_finish(&f);
}

/* What a run says of its forecasts: the last two runs as they had ended by then, the losses by hand, and whose P90 fits. */
static void test_forecasts(void **state)
{
    (void)state;
    struct trace t;
    struct presence p;
    struct drive_result r;
    struct figures f;
    struct err err = { 0 };
    /* Four GPUs: 1 h, 3 h and 5 h one after another, the last submitted while the 5 h run; bo has run nothing before. */
    assert_int_equal(trace_read(STR("submit,runtime,gpus,user\n32400,3600,1,ann\n40000,10800,1,ann\n60000,18000,1,ann\n"
                                    "61000,7200,1,ann\n61000,7200,1,bo\n"), "it",
                                &(struct trace_options){ .zone = &utc }, &t, &err), 0);
    calendars(&t, PRESENCE_OFFICE, &p);
    drive(&t, &p, (struct drive_options){ .policy = POLICY_SAF, .estimates = ESTIMATE_EXACT }, &r);
    const usec_t last_h[] = { 0, 1, 2, 2, 0 };
    for (size_t i = 0; i < 5; i++) {
        assert_int_equal(r.jobs[i].last_two_us, last_h[i] * USEC_PER_HOUR);
        assert_int_equal(r.jobs[i].run_p50_us, r.jobs[i].what.run_us);
        assert_int_equal(r.jobs[i].run_p90_us, r.jobs[i].what.run_us);
    }
    r.jobs[1].run_p50_us *= 2; /* twice too long: half its logarithm */
    r.jobs[2].run_p90_us /= 2; /* half of what it ran: nine tenths */
    figures_make(&r, &p, &(struct figures_options){ .zone = &utc, .gpus = 4 }, &f);
    assert_int_equal(f.pinball_n, 3);
    assert_float_equal(f.pinball_p50, log(2) / 2 / 3, 1e-9);
    assert_true(fabs(f.pinball_p90 - 0.9 * log(2) / 3) < 1e-9);
    assert_float_equal(f.pinball_last_two, (log(3) + log(2.5) + 0) / 2 / 3, 1e-9);
    assert_float_equal(f.run_p50_coverage, 1, 1e-9);
    assert_true(fabs(f.run_p90_coverage - 2 / 3.0) < 1e-9);
    assert_int_equal(f.eta_users, 0); /* nobody has enough of them */
    drive_result_finish(&r);
    presence_finish(&p);
    trace_finish(&t);

    workload(&t, 3, 2000);
    calendars(&t, PRESENCE_OFFICE, &p);
    assert_int_equal(drive_run(&t, &p, &(struct drive_options){ .policy = POLICY_SAF, .gpus = 16 }, NULL, &r, &err), 0);
    uint32_t jobs = 0;
    for (size_t i = 0; i < r.jobs_n; i++) { /* of user 0 every tenth ends late */
        r.jobs[i].eta_p50_at = r.jobs[i].end_at;
        r.jobs[i].eta_p90_at = r.jobs[i].end_at - (r.jobs[i].what.user == 0 && jobs++ % 10 == 0);
    }
    figures_make(&r, &p, &(struct figures_options){ .zone = &utc, .gpus = 4 }, &f);
    assert_true(jobs >= FIGURES_ETA_MIN && f.eta_users >= 2);
    assert_int_equal(f.eta_users_well, 1);
    assert_float_equal(f.eta_p90_least, 0.9, 0.01);
    assert_float_equal(f.eta_p90_most, 1, 1e-9);
    drive_result_finish(&r);
    presence_finish(&p);
    trace_finish(&t);
}

/* Who submits is there for half an hour, and no policy is told. */
static void test_sessions(void **state)
{
    (void)state;
    struct office_options o = { .family = OFFICE_16, .weeks = 2, .load = 0.5, .spread = 0.5, .seed = 1 };
    struct office f;
    size_t evenings = 0;
    office_make(&o, &f);
    presence_add_sessions(&f.trace, &f.presence);
    for (size_t i = 0; i < f.trace.jobs_n; i++) {
        const struct trace_job *j = &f.trace.jobs[i];
        usec_t at = j->submit_at + PRESENCE_SUBMIT_US - 1;
        assert_true(presence_there(&f.presence.truth[j->user], f.presence.until_at, at));
        evenings += !presence_there(&f.presence.known[j->user], f.presence.until_at, at);
    }
    assert_true(evenings > 0);
    office_finish(&f);
}

static double sum_h(const struct drive_result *r, const struct presence *p, const struct zone *zone, uint32_t gpus)
{
    struct figures f;
    figures_make(r, p, &(struct figures_options){ .zone = zone, .gpus = gpus }, &f);
    return f.tte_mean_h;
}

/* No schedule is better than the bound, interrupted or not; with room for all it is reached. */
static void test_bound(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 4; seed++) {
        struct office f;
        struct office_options o = { .family = seed == 4 ? OFFICE_ALWAYS : OFFICE_16, .gpus = 4, .weeks = 2,
                                    .load = 0.8, .spread = 0.5, .seed = seed };
        struct drive_result r;
        office_make(&o, &f);
        for (size_t i = 0; i < f.trace.jobs_n; i++)
            f.trace.jobs[i].checkpoint = true;
        double best = 1e9, bound, bound_preemptive, least;
        for (enum policy policy = 0; policy < POLICY_COUNT; policy++) {
            for (int preempt = 0; preempt < 2; preempt++) {
                drive(&f.trace, &f.presence, (struct drive_options){ .policy = policy, .preempt = preempt }, &r);
                double h = sum_h(&r, &f.presence, &f.zone, 4);
                if (preempt == 0)
                    best = h < best ? h : best;
                struct bound_options b = { .gpus = 4, .steps = 150, .preemptive = preempt,
                    .target_us = h * (double)USEC_PER_HOUR * (double)f.trace.jobs_n };
                assert_true(bound_tte_h(&f.trace, &f.presence, &b) <= h + 1e-9);
                drive_result_finish(&r);
            }
        }
        struct bound_options b = { .gpus = 4, .steps = 300,
                                   .target_us = best * (double)USEC_PER_HOUR * (double)f.trace.jobs_n };
        bound = bound_tte_h(&f.trace, &f.presence, &b);
        b.preemptive = true;
        bound_preemptive = bound_tte_h(&f.trace, &f.presence, &b);
        b.steps = 0;
        b.preemptive = false;
        least = bound_tte_h(&f.trace, &f.presence, &b);
        assert_true(bound > least * 1.01); /* pricing the GPUs says more than no limit at all */
        assert_true(bound_preemptive <= bound * 1.02 && bound <= best);
        /* As many GPUs as anybody could want: everybody starts at once, and that is the bound. */
        drive(&f.trace, &f.presence, (struct drive_options){ .policy = POLICY_EASY, .gpus = 2000 }, &r);
        assert_float_equal(sum_h(&r, &f.presence, &f.zone, 2000), least, 1e-6);
        drive_result_finish(&r);
        office_finish(&f);
    }
}

static void test_goal(void **state)
{
    (void)state;
    static const struct { const char *text; enum goal_what what; enum goal_of of; bool below; double value; } right[] = {
        { "p90 eyes delay < 4h", GOAL_DELAY, GOAL_P90, true, 4 }, { "delay<90m", GOAL_DELAY, GOAL_MEAN, true, 1.5 },
        { "  median time to eyes <= 1.5d ", GOAL_TTE, GOAL_P50, true, 36 }, { "P95 TTE < 30 min", GOAL_TTE, GOAL_P95, true, 0.5 },
        { "results > 20", GOAL_RESULTS, GOAL_MEAN, false, 20 }, { "utilisation < 80%", GOAL_UTILISATION, GOAL_MEAN, true, 0.8 },
        { "mean wait < 2 hours", GOAL_WAIT, GOAL_MEAN, true, 2 },
    };
    static const char *const wrong[] = { "", "fast", "p90 eyes delay", "p90 eyes delay < ", "p90 eyes delay < 4", "delay > x h",
                                         "p90 wait < 4h", "results > 20h", "p99 delay < 4h", "delay < 4h please" };
    struct goal g;
    struct err err = { 0 };
    for (size_t i = 0; i < sizeof right / sizeof right[0]; i++) {
        if (goal_parse(str_of(right[i].text), &g, &err) < 0)
            fail_msg("%s", err.text);
        assert_int_equal(g.what, right[i].what);
        assert_int_equal(g.of, right[i].of);
        assert_int_equal(g.below, right[i].below);
        assert_float_equal(g.value, right[i].value, 1e-9);
    }
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        if (goal_parse(str_of(wrong[i]), &g, &err) == 0)
            fail_msg("\"%s\" is a goal", wrong[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_when), cmocka_unit_test(test_seconds), cmocka_unit_test(test_csv),
        cmocka_unit_test(test_garbage), cmocka_unit_test(test_swf), cmocka_unit_test(test_others),
        cmocka_unit_test(test_quotes), cmocka_unit_test(test_guess),
        cmocka_unit_test(test_journal), cmocka_unit_test(test_fold), cmocka_unit_test(test_infer),
        cmocka_unit_test(test_tariff), cmocka_unit_test(test_every_policy),
        cmocka_unit_test(test_no_foresight), cmocka_unit_test(test_mode_choice), cmocka_unit_test(test_mode_week),
        cmocka_unit_test(test_always),
        cmocka_unit_test(test_row_order), cmocka_unit_test(test_figures), cmocka_unit_test(test_figures_of_a_holiday),
        cmocka_unit_test(test_slots), cmocka_unit_test(test_forecasts), cmocka_unit_test(test_sessions),
        cmocka_unit_test(test_offices), cmocka_unit_test(test_misstated_hours), cmocka_unit_test(test_bound),
        cmocka_unit_test(test_goal),
    };
    if (tzif_parse_posix(STR("KST-9"), &seoul, NULL) < 0)
        return 1;
    zone_init_fixed(&utc, 0);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
