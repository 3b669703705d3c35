/* job.c - see job.h. */
#include "cli/job.h"

#include <signal.h>
#include <string.h>

#include "i18n/text.h"

const char *job_name_id(const json_t *job, char memory[32])
{
    const char *name_id = json_text(job, "name_id");
    if (name_id[0])
        return name_id;
    snprintf(memory, 32, "%lld", (long long)json_i64(job, "id"));
    return memory;
}

static bool state_is(const json_t *job, const char *state)
{
    return strcmp(json_text(job, "state"), state) == 0;
}

bool job_is_waiting(const json_t *job)
{
    return state_is(job, "PENDING");
}

bool job_is_over(const json_t *job)
{
    return !(state_is(job, "PENDING") || state_is(job, "CONFIGURING") || state_is(job, "RUNNING") ||
             state_is(job, "COMPLETING"));
}

bool job_never_began(const json_t *job)
{
    return job_is_over(job) && strcmp(json_text(job, "reason"), "JobLaunchFailure") == 0;
}

bool job_went_well(const json_t *job)
{
    return state_is(job, "COMPLETED");
}

int job_exit_status(const json_t *job)
{
    int64_t code = json_i64(job, "exit_code");
    int64_t signal_number = json_i64(job, "signal");
    if (signal_number > 0)
        return (int)(128 + (signal_number & 127));
    if (state_is(job, "COMPLETED") || (code > 0 && code < 256))
        return (int)code;
    return CLI_OWN_FAILURE; /* cancelled before it ran, lost, or never to run */
}

void job_gpus(struct buf *out, const json_t *job)
{
    const json_t *list = json_object_get(job, "gpu_list");
    size_t n = json_array_size(list);
    for (size_t i = 0; i < n; i++) {
        buf_c(out, i ? "," : "#");
        buf_i64(out, json_integer_value(json_array_get(list, i)));
    }
    if (n > 0)
        return;
    int64_t gpus = json_i64(job, "gpus");
    if (gpus > 0)
        buf_printf(out, "%lld", (long long)gpus);
    else
        buf_char(out, '-');
}

void job_between(struct cli *cli, struct buf *out, usec_t early_at, usec_t late_at)
{
    char early[64], late[64];
    struct buf a, b;
    buf_init_fixed(&a, early, sizeof early);
    buf_init_fixed(&b, late, sizeof late);
    cli_when(cli, &a, early_at);
    cli_when(cli, &b, late_at);
    buf_str(out, buf_look(&a));
    if (strcmp(early, late) != 0 && late_at > early_at) {
        buf_c(out, cli->lang == LANG_KO ? "~" : "-");
        /* "Wed 01:10-03:20": the day is said once */
        size_t day = 0;
        for (size_t i = 0; i < a.len && i < b.len && early[i] == late[i]; i++)
            if (early[i] == ' ')
                day = i + 1;
        buf_c(out, late + day);
    }
}

void job_end_about(struct cli *cli, struct buf *out, const struct job_end *end)
{
    if (end->p10_at <= 0 || end->p10_at == USEC_NEVER)
        cli_when(cli, out, end->p50_at);
    else
        job_between(cli, out, end->p10_at, end->p90_at);
}

void job_end(struct cli *cli, struct buf *out, const json_t *job)
{
    const struct job_end end = { json_i64(job, "end_p10_at"), json_i64(job, "end_p50_at"),
                                 json_i64(job, "end_p90_at") };
    usec_t end_at = json_i64(job, "end_at");
    if (job_is_over(job) && end_at > 0)
        cli_when(cli, out, end_at);
    else
        job_end_about(cli, out, &end);
}

void job_sentence(struct cli *cli, struct buf *out, const json_t *job)
{
    char memory[32];
    struct buf start, end;
    const char *id = job_name_id(job, memory);
    buf_init(&start, 128);
    buf_init(&end, 128);
    usec_t start_at = json_i64(job, "start_at");
    cli_when(cli, &start, start_at);
    job_end(cli, &end, job);
    bool end_known = end.ptr && strcmp(end.ptr, "-") != 0;
    bool start_known = start_at > 0 && start_at != USEC_NEVER;
    int64_t position = json_i64(job, "position");
    if (job_is_over(job))
        job_ending(cli, out, job);
    else if (!job_is_waiting(job) && end_known)
        buf_printf(out, tr(cli->lang, "Job %1$s runs since %2$s; done about %3$s."), id, start.ptr,
                   end.ptr);
    else if (!job_is_waiting(job))
        buf_printf(out, tr(cli->lang, "Job %1$s runs."), id);
    else if (start_known && end_known && position > 0)
        buf_printf(
            out,
            tr(cli->lang, "Job %1$s waits (place %2$lld); starts about %3$s, done about %4$s."), id,
            (long long)position, start.ptr, end.ptr);
    else if (start_known)
        buf_printf(out, tr(cli->lang, "Job %1$s waits; starts about %2$s."), id, start.ptr);
    else
        buf_printf(out, tr(cli->lang, "Job %1$s waits (%2$s); its start is not planned yet."), id,
                   json_text(job, "reason"));
    buf_finish(&start);
    buf_finish(&end);
}

/* What its last attempt has to say, where the caller may see attempts. */
static const char *last_message(const json_t *job)
{
    const json_t *attempts = json_object_get(job, "attempts");
    size_t n = json_array_size(attempts);
    return n > 0 ? json_text(json_array_get(attempts, n - 1), "message") : "";
}

void job_ending(struct cli *cli, struct buf *out, const json_t *job)
{
    char memory[32];
    const char *id = job_name_id(job, memory);
    int64_t number = json_i64(job, "signal");
    const char *name = number > 0 ? sigabbrev_np((int)number) : NULL;
    if (state_is(job, "COMPLETED"))
        buf_printf(out, tr(cli->lang, "Job %s is done."), id);
    else if (state_is(job, "CANCELLED"))
        buf_printf(out, tr(cli->lang, "Job %s was cancelled."), id);
    else if (state_is(job, "TIMEOUT"))
        buf_printf(out, tr(cli->lang, "Job %s was ended at its time limit."), id);
    else if (state_is(job, "OUT_OF_MEMORY"))
        buf_printf(out, tr(cli->lang, "Job %s was ended because it used more memory than it had."),
                   id);
    else if (state_is(job, "NODE_FAIL"))
        buf_printf(out, tr(cli->lang, "Job %s is lost: it ran, and nobody knows how it ended."),
                   id);
    else if (state_is(job, "DEADLINE"))
        buf_printf(out, tr(cli->lang, "Job %s was given up: it could not end before its deadline."),
                   id);
    else if (number > 0)
        buf_printf(out, tr(cli->lang, "Job %1$s failed: signal %2$s ended it."), id,
                   name ? name : "?");
    else if (job_never_began(job) && last_message(job)[0]) {
        buf_printf(out, tr(cli->lang, "Job %s could not be started: "), id);
        cli_clean(out, last_message(job));
        buf_char(out, '.');
    } else if (job_never_began(job))
        buf_printf(
            out, tr(cli->lang, "Job %1$s could not be started; \"eoul show %1$s\" says why."), id);
    else
        buf_printf(out, tr(cli->lang, "Job %1$s failed with exit code %2$lld."), id,
                   (long long)json_i64(job, "exit_code"));
}

int job_get(struct cli *cli, const char *id, json_t **ret)
{
    char path[64];
    int r = cli_check_id(cli, id);
    if (r < 0)
        return r;
    snprintf(path, sizeof path, "/v1/jobs/%.40s", id);
    return cli_call(cli, "GET", path, NULL, ret);
}

int job_watch(struct cli *cli, const char *id, const json_t *job)
{
    char path[128];
    snprintf(path, sizeof path, "/v1/jobs/%.40s/wait?version=%lld&timeout_s=%d", id,
             (long long)json_i64(job, "version"), JOB_WATCH_S);
    int r = cli_connect(cli);
    return r < 0 ? r : http_send(&cli->http, "GET", path, (struct str){0}, &cli->err);
}
