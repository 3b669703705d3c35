/* cmd_submit.c - `eoul submit`: into the queue. */
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/follow.h"
#include "cli/job.h"
#include "cli/request.h"
#include "cli/slurm.h"
#include "cli/submit.h"

void submit_say_warnings(struct cli *cli, const json_t *jobs)
{
    size_t i, j;
    json_t *job, *warning;
    json_array_foreach(jobs, i, job)
        json_array_foreach(json_object_get(job, "warnings"), j, warning)
    {
        struct buf clean;
        buf_init(&clean, 4096);
        cli_clean(&clean, json_string_value(warning));
        cli_say(cli, "%s", clean.ptr ? clean.ptr : "");
        buf_finish(&clean);
    }
}

/* The plan's word on it, for a person who looks. */
static void say_expectation(struct cli *cli, const char *id)
{
    json_t *job;
    if (job_get(cli, id, &job) < 0)
        return; /* it is accepted: that is what was asked */
    cli_zone(cli);
    job_sentence(cli, &cli->out, job);
    usec_t eyes_at = json_i64(job, "eyes_at");
    if (!job_is_over(job) && eyes_at > 0 && eyes_at != USEC_NEVER) {
        struct buf at;
        buf_init(&at, 64);
        cli_when(cli, &at, eyes_at);
        buf_char(&cli->out, ' ');
        buf_printf(&cli->out, tr(cli->lang, "You will see it about %s."), at.ptr);
        buf_finish(&at);
    }
    buf_char(&cli->out, '\n');
    json_decref(job);
}

static void print_accepted(struct cli *cli, const struct request *r, const json_t *answer, bool sweep)
{
    const json_t *jobs = json_object_get(answer, "jobs");
    size_t i;
    json_t *job;
    json_array_foreach(jobs, i, job)
    {
        long long id = (long long)json_i64(job, "id");
        long long tasks = (long long)json_i64(job, "tasks");
        if (r->parsable) {
            buf_printf(&cli->out, "%lld\n", id);
        } else if (strcmp(cli->program, "sbatch") == 0) { /* programs read this */
            buf_printf(&cli->out, "Submitted batch job %lld\n", id);
        } else if (r->quiet) {
            continue;
        } else if (sweep) {
            buf_printf(&cli->out,
                       trn(cli->lang,
                           "Sweep %1$lld is in the queue: %2$lld point. \"eoul sweep show %1$lld\" shows it.",
                           "Sweep %1$lld is in the queue: %2$lld points. \"eoul sweep show %1$lld\" shows "
                           "them.",
                           (uint64_t)tasks),
                       id, tasks);
            buf_char(&cli->out, '\n');
        } else if (tasks > 1) {
            buf_printf(&cli->out,
                       tr(cli->lang, "Job %1$lld is in the queue: an array of %2$lld tasks."), id,
                       tasks);
            buf_char(&cli->out, '\n');
        } else {
            buf_printf(&cli->out, tr(cli->lang, "Job %lld is in the queue."), id);
            buf_char(&cli->out, '\n');
        }
    }
}

int submit_wait_for_all(struct cli *cli, const json_t *answer)
{
    struct follow_options o = {.quiet = false, .lines = -1};
    size_t i;
    json_t *accepted, *job;
    int status = 0;
    json_array_foreach(json_object_get(answer, "jobs"), i, accepted)
    {
        char id[32];
        bool left;
        snprintf(id, sizeof id, "%lld", (long long)json_i64(accepted, "id"));
        if (follow_job(cli, id, &o, &job, &left) < 0)
            return -1;
        if (left)
            return CLI_OWN_FAILURE;
        int code = job_exit_status(job);
        status = status ? status : code;
        json_decref(job);
    }
    return status;
}

/* In a team's daemon a job runs with the rights of whoever opened it: that must not surprise. */
void submit_say_whose(struct cli *cli, const struct request *r)
{
    struct stat st;
    char name[256];
    if (cli->place.mode != PLACE_TEAM || r->quiet || r->parsable || r->json ||
        lstat(cli->place.run_dir, &st) < 0 || st.st_uid == cli->place.uid)
        return;
    place_user_name("/etc/passwd", st.st_uid, name, sizeof name);
    cli_say(cli, tr(cli->lang, "This is the team's daemon of \"%s\"; the job runs as that user."),
            name);
}

/* As sbatch writes it; programs read this, and Slurm says it on standard error. */
static void say_slurm_test(struct cli *cli, const json_t *job, const json_t *forecast)
{
    char host[256] = "";
    struct buf at;
    buf_init(&at, 64);
    usec_t start_at = json_i64(forecast, "start_at");
    slurm_time(cli, &at, start_at > 0 && start_at < cli->now_at ? cli->now_at : start_at);
    (void)gethostname(host, sizeof host - 1);
    if (start_at > 0)
        cli_say(cli, "Job %lld to start at %s using %lld processors on nodes %s in partition eoul",
                (long long)json_i64(job, "id"), at.ptr, (long long)json_i64(forecast, "cpus"), host);
    else
        cli_say(cli, "allocation failure: it would wait without a planned start (%s)", json_text(forecast, "reason"));
    buf_finish(&at);
}

void submit_say_test(struct cli *cli, const json_t *answer)
{
    const json_t *jobs = json_object_get(answer, "jobs");
    size_t i, n = json_array_size(jobs);
    json_t *job;
    cli_zone(cli);
    json_array_foreach(jobs, i, job)
    {
        const json_t *forecast = json_object_get(job, "forecast");
        usec_t start_at = json_i64(forecast, "start_at");
        struct buf start, end;
        if (strcmp(cli->program, "eoul") != 0) {
            say_slurm_test(cli, job, forecast);
            continue;
        }
        buf_init(&start, 64);
        buf_init(&end, 128);
        cli_when(cli, &start, start_at);
        job_end(cli, &end, forecast);
        if (n > 1)
            buf_printf(&cli->out, "%zu: ", i + 1);
        if (start_at <= 0)
            buf_printf(&cli->out, tr(cli->lang, "It would wait (%s), and its start cannot be planned."),
                       json_text(forecast, "reason"));
        else if (start_at <= cli->now_at + USEC_PER_SEC)
            buf_printf(&cli->out, tr(cli->lang, "It would start now, and be done about %s."), end.ptr);
        else
            buf_printf(&cli->out, tr(cli->lang, "It would start about %1$s, and be done about %2$s."), start.ptr, end.ptr);
        buf_char(&cli->out, '\n');
        buf_finish(&start);
        buf_finish(&end);
    }
    if (strcmp(cli->program, "eoul") == 0) {
        buf_c(&cli->out, tr(cli->lang, "Nothing was submitted."));
        buf_char(&cli->out, '\n');
    }
}

/* A sweep is one request with parameters. */
static int check_sweep(struct cli *cli, const struct request *r)
{
    if (r->from)
        return err_set(&cli->err, E_USAGE,
                       "\"eoul sweep\" is one command with parameters; use \"eoul submit --from %s\".",
                       r->from);
    if (!r->has_params)
        return err_set(&cli->err, E_USAGE,
                       "A sweep needs parameters: eoul sweep --param lr=1e-3,1e-4 -- python train.py --lr "
                       "{lr}.");
    return 0;
}

static int show_points(struct cli *cli, struct request *r)
{
    const json_t *spec = json_object_get(json_array_get(r->jobs, 0), "spec");
    int code = sweep_put_points(cli, (struct str){json_string_value(spec), json_string_length(spec)});
    request_finish(r);
    return code < 0 ? cli_fail(cli) : 0;
}

int submit_verb(struct cli *cli, struct args *args, bool sweep)
{
    struct request r;
    json_t *answer = NULL;
    int status;
    int code = request_read(cli, args->rest_n, args->rest, REQUEST_SCRIPT, NULL, &r);
    if (code == 0 && r.help) {
        request_finish(&r);
        return help_cmd(cli, args->cmd);
    }
    if (code == 0 && sweep)
        code = check_sweep(cli, &r);
    if (code == 0 && r.test_only && sweep)
        return show_points(cli, &r);
    if (code == 0)
        code = request_send(cli, &r, &answer);
    if (code < 0) {
        status = cli_fail(cli);
        request_finish(&r);
        return status;
    }
    const json_t *jobs = json_object_get(answer, "jobs");
    submit_say_warnings(cli, jobs);
    submit_say_whose(cli, &r);
    status = 0;
    if (r.test_only && !r.json) {
        submit_say_test(cli, answer);
    } else if (r.json) {
        cli_put_json(cli, answer);
    } else {
        bool expect =
            cli->out_tty && strcmp(cli->program, "eoul") == 0 && !r.parsable && !r.quiet &&
            json_array_size(jobs) == 1 && !r.wait && !sweep;
        if (expect) {
            char id[32];
            snprintf(id, sizeof id, "%lld", (long long)json_i64(json_array_get(jobs, 0), "id"));
            say_expectation(cli, id);
        } else {
            print_accepted(cli, &r, answer, sweep);
        }
    }
    if (r.wait && !r.test_only) {
        status = submit_wait_for_all(cli, answer);
        if (status < 0)
            status = cli_fail(cli);
    }
    json_decref(answer);
    request_finish(&r);
    return status;
}

static int run_submit(struct cli *cli, struct args *args)
{
    return submit_verb(cli, args, false);
}

static const struct opt submit_opts[] = {
    {"from", 0, "FILE",
     N_("Submit many jobs in one go: each line of FILE (-: standard input) is what you would write "
        "behind "
        "\"eoul submit\", or a bare command. All are accepted or none.")},
    {"json", 0, NULL, N_("Print the answer as JSON.")},
    {0},
};

const struct cmd cmd_submit = {
    .name = "submit",
    .group = "work",
    .usage = "[OPTION...] SCRIPT [ARG...] | -- COMMAND [ARG...] | --from FILE",
    .summary = N_("Put a script or command into the queue and return."),
    .examples =
        (const char *const[]){
            "eoul submit train.sbatch", N_("a Slurm script, as it is"),
            "eoul submit --gpus 2 --time 8:00:00 -- python train.py",
            N_("a command, with two GPUs for at most eight hours"),
            "eoul submit --array 0-9 --wrap 'python train.py --seed $SLURM_ARRAY_TASK_ID'",
            N_("ten tasks"), "eoul submit --dependency afterok:12 eval.sh",
            N_("when job 12 has succeeded"), "eoul submit --from jobs.txt",
            N_("a file with a job in each line"), NULL},
    .opts = submit_opts,
    .flags = CMD_RAW | CMD_STARTS_DAEMON | CMD_JOB_OPTS,
    .run = run_submit,
};
