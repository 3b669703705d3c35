/* fuzz_trace.c - what other queues wrote down: CSV, SWF, Philly, OpenB, sacct --parsable2, journals.
 *
 * The first byte says which.  Nothing is dropped without being counted, no row that is kept makes no sense, and
 * the same text read twice gives the same.
 */
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "sim/trace.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool fact)
{
    if (!fact)
        abort();
}

static void check(const struct trace *t)
{
    must(t->jobs_n > 0 && t->jobs_n <= TRACE_JOBS_MAX && t->users_n > 0);
    must(t->faults_shown <= TRACE_FAULTS_SHOWN && t->faults_shown <= t->faults_n);
    for (size_t i = 0; i < t->jobs_n; i++) {
        const struct trace_job *j = &t->jobs[i];
        must(j->user < t->users_n && j->gpus <= TRACE_GPUS_MAX);
        must(j->run_us >= 0 && j->run_us <= TRACE_RUN_MAX_US && j->limit_us >= 0);
        must(i == 0 || t->jobs[i - 1].submit_at <= j->submit_at);
    }
    for (uint32_t i = 0; i < t->faults_shown; i++)
        must(t->faults[i][0] && !strchr(t->faults[i], '\n') && utf8_valid(str_of(t->faults[i])));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    struct trace_options o = { .format = (enum trace_format)(data[0] % TRACE_FORMAT_COUNT) };
    struct str text = { (const char *)data + 1, size - 1 };
    struct err err = { 0 };
    struct trace first, second;
    (void)trace_guess(text);
    if (trace_read(text, "file", &o, &first, &err) < 0) {
        must(err.text[0] && !strchr(err.text, '\n') && utf8_valid(str_of(err.text)));
        return 0;
    }
    check(&first);
    must(trace_read(text, "file", &o, &second, &err) == 0);
    must(first.jobs_n == second.jobs_n && first.rows == second.rows && first.faults_n == second.faults_n);
    must(memcmp(first.jobs, second.jobs, first.jobs_n * sizeof *first.jobs) == 0);
    trace_finish(&first);
    trace_finish(&second);
    return 0;
}
