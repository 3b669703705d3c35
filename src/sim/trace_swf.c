/* trace_swf.c - the Standard Workload Format of the Parallel Workloads Archive: a header of comment lines,
 * then 18 numbers a line.  Processors are taken as GPUs; -1 is "not known".
 *
 * What a job asked for counts (field 8); what it got (field 5) only where that is not known.  The group of
 * a job (field 13) is its team, its application (14) its command. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "cal/civil.h"
#include "sim/trace.h"

#define FIELDS 18

enum swf { SWF_JOB, SWF_SUBMIT, SWF_WAIT, SWF_RUN, SWF_GOT, SWF_CPU, SWF_MEM, SWF_ASKED, SWF_LIMIT,
           SWF_ASKED_MEM, SWF_STATUS, SWF_USER, SWF_GROUP, SWF_APP, SWF_QUEUE, SWF_PARTITION,
           SWF_BEFORE, SWF_THINK };

struct swf_head {
    int64_t unix_start_s;
    bool has_start;
};

/* "; MaxProcs: 100" */
static void head_line(struct trace *t, struct swf_head *head, struct str line)
{
    ptrdiff_t colon;
    uint64_t n;
    line = str_trim(str_slice(line, 1, line.len));
    if ((colon = str_find(line, ':')) < 0)
        return;
    struct str name = str_trim(str_slice(line, 0, (size_t)colon));
    struct str value = str_trim(str_slice(line, (size_t)colon + 1, line.len));
    ptrdiff_t blank = str_find(value, ' ');
    struct str word = blank < 0 ? value : str_slice(value, 0, (size_t)blank);
    if (str_is_nocase(name, "UnixStartTime") && str_u64(word, &n) == 0 && n < 100000000000) {
        head->unix_start_s = (int64_t)n;
        head->has_start = true;
    } else if (str_is_nocase(name, "MaxProcs") || (str_is_nocase(name, "MaxNodes") && !t->gpus_hint)) {
        if (str_u64(word, &n) == 0 && n > 0 && n <= TRACE_GPUS_MAX)
            t->gpus_hint = (uint32_t)n;
    } else if (str_is_nocase(name, "TimeZoneString") && word.len < sizeof(t->zone_name)) {
        memcpy(t->zone_name, word.ptr, word.len);
        t->zone_name[word.len] = '\0';
    }
}

/* The numbers of a line; some logs write them with decimals. */
static uint32_t numbers(struct str line, usec_t out[FIELDS])
{
    uint32_t n = 0;
    size_t at = 0;
    for (;;) {
        while (at < line.len && (line.ptr[at] == ' ' || line.ptr[at] == '\t'))
            at++;
        if (at == line.len)
            return n;
        size_t from = at;
        while (at < line.len && line.ptr[at] != ' ' && line.ptr[at] != '\t')
            at++;
        if (n == FIELDS || !trace_seconds(str_slice(line, from, at), &out[n]))
            return FIELDS + 1;
        n++;
    }
}

static void row(struct trace *t, const struct swf_head *head, const struct trace_options *o,
                uint32_t line_no, struct str line)
{
    usec_t f[FIELDS];
    char name[32];
    t->rows++;
    uint32_t n = numbers(line, f);
    if (n != FIELDS) {
        trace_bad(t, err_set(&t->say, E_INVALID, "Line %u is not 18 numbers.", line_no));
        return;
    }
    int64_t asked = f[SWF_ASKED] > 0 ? f[SWF_ASKED] : f[SWF_GOT];
    int64_t user = f[SWF_USER] / USEC_PER_SEC, group = f[SWF_GROUP] / USEC_PER_SEC;
    snprintf(name, sizeof(name), "%" PRId64, group);
    if (o->team.len && !str_is(o->team, name)) {
        t->other_teams++;
        return;
    }
    if (f[SWF_SUBMIT] < 0) {
        trace_bad(t, err_set(&t->say, E_INVALID, "Line %u: the job has no submit time.", line_no));
    } else if (f[SWF_RUN] <= 0 || f[SWF_RUN] > TRACE_RUN_MAX_US) {
        trace_bad(t, err_set(&t->say, E_INVALID,
                             "Line %u: the job ran for %lld s; a run time is more than zero and less "
                             "than ten years.", line_no, (long long)(f[SWF_RUN] / USEC_PER_SEC)));
    } else if (asked <= 0 || asked / USEC_PER_SEC > TRACE_GPUS_MAX) {
        trace_bad(t, err_set(&t->say, E_INVALID, "Line %u asks for %lld processors.", line_no,
                             (long long)(asked / USEC_PER_SEC)));
    } else {
        int64_t app = f[SWF_APP] / USEC_PER_SEC;
        snprintf(name, sizeof(name), "%" PRId64, user);
        uint32_t who = trace_user(t, str_of(name));
        *trace_add(t) = (struct trace_job){
            .submit_at = head->unix_start_s * USEC_PER_SEC + f[SWF_SUBMIT], .run_us = f[SWF_RUN],
            .limit_us = f[SWF_LIMIT] > 0 ? f[SWF_LIMIT] : 0, .gpus = (uint32_t)(asked / USEC_PER_SEC),
            .user = who, .line = line_no, .failed = f[SWF_STATUS] == 0 || f[SWF_STATUS] == 5 * USEC_PER_SEC,
            .command = app > 0 ? hash_mix(3, (uint64_t)app) | 1 : 0 };
    }
}

int trace_read_swf(struct trace *t, struct str text, const struct trace_options *o, struct err *err)
{
    struct swf_head head = { 0 };
    struct str line, rest = text;
    uint32_t line_no = 0;
    /* Without a start the first second is a Monday's. */
    head.unix_start_s = (int64_t)TRACE_MONDAY_DAY * CIVIL_DAY_S;
    while (str_next(&rest, '\n', &line)) {
        line_no++;
        line = str_trim(line);
        if (line.len && line.ptr[0] == ';')
            head_line(t, &head, line);
        else if (t->jobs_n == TRACE_JOBS_MAX)
            return err_set(err, E_TOO_LARGE, "The trace has more than %u jobs.", TRACE_JOBS_MAX);
        else if (line.len)
            row(t, &head, o, line_no, line);
    }
    return 0;
}
