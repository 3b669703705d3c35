/* cmd_job.c - what is done to jobs that exist: cancel, hold, release, requeue, first, set, wait,
 * logs. */
#include <string.h>

#include "cal/when.h"
#include "cli/follow.h"
#include "cli/job.h"
#include "spec/value.h"

#define ACT_ON_MAX 1000 /* jobs in one request, as doc/api.yaml says */

/* --- one action on several jobs
 * --------------------------------------------------------------------- */

/* Does what can be done: a job that refuses does not keep the others from it.  Adds to *changed. */
static int act(struct cli *cli, const char *id, const char *action, json_t *body, int64_t *changed)
{
    char path[96];
    json_t *answer;
    int r = cli_check_id(cli, id);
    if (r < 0)
        return r;
    snprintf(path, sizeof path, "/v1/jobs/%.40s/%s", id, action);
    r = cli_call(cli, "POST", path, body, &answer);
    if (r == 0) {
        *changed += json_i64(answer, "changed");
        json_decref(answer);
    }
    return r;
}

struct verb {
    const char *action;
    const char *one, *many; /* what was done */
};

static const struct verb verbs[] = {
    {"cancel", N_("%lld job cancelled."), N_("%lld jobs cancelled.")},
    {"hold", N_("%lld job held; \"eoul release\" lets it go."),
     N_("%lld jobs held; \"eoul release\" lets them go.")},
    {"release", N_("%lld job released."), N_("%lld jobs released.")},
    {"requeue", N_("%lld job waits again."), N_("%lld jobs wait again.")},
    {"set", N_("%lld job changed."), N_("%lld jobs changed.")},
    {"first", N_("%lld job moved to the front of yours."),
     N_("%lld jobs moved to the front of yours.")},
    {"signal", N_("The signal was sent to %lld job."), N_("The signal was sent to %lld jobs.")},
};

static void say_done(struct cli *cli, const char *action, int64_t changed)
{
    for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++)
        if (strcmp(verbs[i].action, action) == 0) {
            buf_printf(&cli->out,
                       trn(cli->lang, verbs[i].one, verbs[i].many, (unsigned long long)changed),
                       (long long)changed);
            buf_char(&cli->out, '\n');
        }
}

static int act_on_all(struct cli *cli, struct args *args, const char *action, json_t *body)
{
    int64_t changed = 0;
    int status = 0;
    for (int i = 0; i < args->rest_n; i++)
        if (act(cli, args->rest[i], action, body, &changed) < 0) {
            status = cli_fail(cli);
            err_clear(&cli->err);
            if (!cli->http.open && i + 1 < args->rest_n)
                break; /* nobody answers: the rest would say the same */
        }
    if (args_flag(args, "json"))
        buf_printf(&cli->out, "{\"changed\":%lld}\n", (long long)changed);
    else if (changed > 0 || status == 0)
        say_done(cli, action, changed);
    return status;
}

/* Many at once; those that are over or gone in the meantime are no failure.  0, or the first refusal. */
static int act_on_many(struct cli *cli, const char *action, json_t *ids, int64_t *changed)
{
    json_t *body = json_pack("{s:s, s:O}", "action", action, "ids", ids), *answer = NULL, *refused;
    size_t i;
    int r = body ? cli_call(cli, "POST", "/v1/actions", body, &answer)
                 : err_set(&cli->err, E_NO_MEMORY, "There is not enough memory for this request.");
    json_array_foreach(json_object_get(answer, "refused"), i, refused)
    {
        if (r == 0)
            r = cli_refusal(cli, 0, refused, NULL);
        if (r == E_NOT_FOUND || r == E_STATE) {
            err_clear(&cli->err);
            cli->refusal = 0;
            r = 0;
        }
    }
    *changed += json_i64(answer, "changed");
    json_decref(answer);
    json_decref(body);
    json_array_clear(ids);
    return r;
}

/* All of one's own jobs that `state` lists and `wanted` accepts. */
static int act_on_mine(struct cli *cli, struct args *args, const char *state, const char *action,
                       bool (*wanted)(const json_t *row))
{
    json_t *me = NULL, *list = NULL, *row, *ids = json_array();
    struct buf path;
    int64_t changed = 0;
    size_t i;
    buf_init(&path, HTTP_PATH_MAX - 64);
    int r = cli_call(cli, "GET", "/v1/me", NULL, &me);
    if (r == 0) {
        buf_printf(&path, "/v1/jobs?state=%s&limit=0&owner=", state);
        http_encode(&path, str_of(json_text(me, "name")));
        r = cli_call(cli, "GET", path.ptr, NULL, &list);
    }
    json_array_foreach(json_object_get(list, "rows"), i, row)
    {
        char id[32];
        if (r < 0 || !wanted(row))
            continue;
        snprintf(id, sizeof id, "%s", job_name_id(row, id));
        char *tasks = strstr(id, "_[");
        if (tasks) /* waiting tasks stand together: the array's number means all of them */
            *tasks = '\0';
        json_array_append_new(ids, json_string(id));
        if (json_array_size(ids) == ACT_ON_MAX)
            r = act_on_many(cli, action, ids, &changed);
    }
    if (r == 0 && json_array_size(ids) > 0)
        r = act_on_many(cli, action, ids, &changed);
    json_decref(ids);
    json_decref(list);
    json_decref(me);
    buf_finish(&path);
    if (r < 0)
        return cli_fail(cli);
    if (args_flag(args, "json"))
        buf_printf(&cli->out, "{\"changed\":%lld}\n", (long long)changed);
    else
        say_done(cli, action, changed);
    return 0;
}

static bool any_row(const json_t *row)
{
    (void)row;
    return true;
}

static bool failed_row(const json_t *row)
{
    return !job_went_well(row) && strcmp(json_text(row, "state"), "CANCELLED") != 0;
}

/* `eoul cancel --signal USR1`: no cancelling, but a word to what runs. */
static int run_signal(struct cli *cli, struct args *args, const char *name)
{
    uint32_t number = value_signal_number(str_of(name));
    bool batch = args_flag(args, "batch"), full = args_flag(args, "full");
    if (args_flag(args, "mine"))
        err_set(&cli->err, E_USAGE, "A signal goes to jobs named by their number: eoul cancel --signal %s 12.", name);
    else if (!number)
        err_set(&cli->err, E_USAGE, "There is no signal \"%s\": write a name such as USR1 or INT, or a number from 1 to 64.",
                name);
    else if (batch && full)
        err_set(&cli->err, E_USAGE, "--batch is the first process alone and --full all of them: choose one.");
    else
        args_operands(cli, args, 1, -1, "JOB...");
    if (cli->err.code < 0)
        return cli_fail(cli);
    json_t *body = json_pack("{s:i, s:s}", "signal", (int)number, "to", batch ? "main" : full ? "tree" : "steps");
    int status = act_on_all(cli, args, "signal", body);
    json_decref(body);
    return status;
}

static int run_action(struct cli *cli, struct args *args)
{
    if (args_value(args, "signal"))
        return run_signal(cli, args, args_value(args, "signal"));
    if (args_flag(args, "batch") || args_flag(args, "full")) {
        err_set(&cli->err, E_USAGE, "--batch and --full say whom a signal is for: add --signal USR1, or leave them out.");
        return cli_fail(cli);
    }
    const char *verb = args->cmd->name;
    bool all = args_flag(args, "mine"), failed = args_flag(args, "failed");
    if ((all || failed) && args->rest_n > 0)
        err_set(&cli->err, E_USAGE, "%s already names the jobs; \"%s\" is one too many.",
                all ? "--mine" : "--failed", args->rest[0]);
    else if (!all && !failed)
        args_operands(cli, args, 1, -1, "JOB...");
    if (cli->err.code < 0)
        return cli_fail(cli);
    if (all)
        return act_on_mine(cli, args, "live", verb, any_row);
    if (failed)
        return act_on_mine(cli, args, "ended", verb, failed_row);
    json_t *empty = json_object();
    int status = act_on_all(cli, args, verb, empty);
    json_decref(empty);
    return status;
}

static const struct opt action_opts[] = {
    {"json", 0, NULL, N_("Print the answer as JSON.")},
    {0},
};
static const struct opt cancel_opts[] = {
    {"mine", 0, NULL, N_("All my own jobs, waiting and running.")},
    {"signal", 's', "SIGNAL",
     N_("Cancel nothing; send USR1, INT or another signal to what the job runs: of a script to what it started "
        "(to the script itself if that is nothing), of a command to all its processes.")},
    {"batch", 'b', NULL, N_("The signal is for the job's first process alone: the script, or the command.")},
    {"full", 'f', NULL, N_("The signal is for all its processes, the script as well.")},
    {"json", 0, NULL, N_("Print the answer as JSON.")},
    {0},
};
static const struct opt requeue_opts[] = {
    {"failed", 0, NULL, N_("All my own jobs that failed and are still remembered.")},
    {"json", 0, NULL, N_("Print the answer as JSON.")},
    {0},
};

#define ACTION(verb, options, text, ...)                                                           \
    const struct cmd cmd_##verb = {.name = #verb,                                                  \
                                   .group = "work",                                                \
                                   .usage = "JOB...",                                              \
                                   .opts = options,                                                \
                                   .flags = CMD_NEEDS_DAEMON,                                      \
                                   .run = run_action,                                              \
                                   .summary = text,                                                \
                                   .examples = (const char *const[]){__VA_ARGS__, NULL}}

ACTION(cancel, cancel_opts, N_("End jobs, or take them out of the queue."), "eoul cancel 12",
       N_("job 12; for an array, all its tasks"), "eoul cancel 12_3 14",
       N_("one task of it, and job 14"), "eoul cancel --mine", N_("everything of mine"),
       "eoul cancel --signal USR1 12", N_("cancel nothing: tell what job 12 runs to save, if it listens to that"));
ACTION(hold, action_opts, N_("Keep waiting jobs from starting."), "eoul hold 12",
       N_("until \"eoul release 12\""));
ACTION(release, action_opts, N_("Let held jobs start again."), "eoul release 12",
       N_("job 12 may start"));
ACTION(requeue, requeue_opts, N_("Run jobs again under their number."), "eoul requeue 12",
       N_("stop it if it runs, and let it wait again"), "eoul requeue --failed",
       N_("everything of mine that failed"));
ACTION(first, action_opts, N_("Move jobs to the front of one's own."), "eoul first 14",
       N_("before my other jobs"));

/* --- set
 * ---------------------------------------------------------------------------------------------- */

static const struct {
    const char *option;
    const char *field;
    char kind; /* t: length of time, n: number, m: memory, w: when */
    int64_t min, max; /* n */
} settable[] = {
    {"time", "limit_us", 't', 0, 0},        {"nice", "nice", 'n', -INT32_MAX, INT32_MAX}, {"begin", "begin_at", 'w', 0, 0},
    {"deadline", "deadline_at", 'w', 0, 0}, {"at-once", "array_max", 'n', 0, INT32_MAX},  {"gpus", "gpus", 'n', 0, SPEC_GPUS_MAX},
    {"cpus-per-task", "cpus", 'n', 1, INT32_MAX}, {"mem", "mem_mib", 'm', 0, 0},
};

static int add_setting(struct cli *cli, json_t *body, size_t i, const char *value)
{
    struct err why = {.translate = cli->err.translate};
    usec_t length_us;
    uint64_t number;
    int64_t signed_number;
    struct when when;
    int r = 0;
    json_t *json = NULL;
    switch (settable[i].kind) {
    case 't':
        r = value_read_time(str_of(value), &length_us, &why);
        json = json_integer(length_us == USEC_NEVER ? 0 : length_us);
        break;
    case 'm':
        r = value_read_mib(str_of(value), &number, &why);
        json = json_integer((json_int_t)number);
        break;
    case 'w':
        r = when_parse(str_of(value), cli_zone(cli), cli->now_at, &when, &why);
        json = json_integer(when.at);
        if (r == 0 && strcmp(settable[i].option, "begin") == 0 && when.until_at < cli->now_at)
            cli_say(cli, tr(cli->lang, "--begin=%s lies in the past; the job may start at once."), value);
        break;
    case 'n':
        if (str_i64(str_of(value), &signed_number) < 0)
            r = err_set(&why, E_INVALID, "\"%s\" is not a number.", value);
        else if (signed_number < settable[i].min || signed_number > settable[i].max)
            r = err_set(&why, E_INVALID, "it can be from %1$lld to %2$lld.", (long long)settable[i].min,
                        (long long)settable[i].max);
        json = json_integer(signed_number);
        break;
    default:
        json = json_string(value);
    }
    if (r < 0 || !json) {
        json_decref(json);
        return err_set(&cli->err, E_USAGE, "--%1$s: %2$s", settable[i].option, why.text);
    }
    json_object_set_new(body, settable[i].field, json);
    return 0;
}

static int run_set(struct cli *cli, struct args *args)
{
    json_t *body = json_object();
    int r = args_operands(cli, args, 1, -1, "JOB... --OPTION VALUE");
    for (size_t i = 0; r == 0 && i < sizeof settable / sizeof settable[0]; i++) {
        const char *value = args_value(args, settable[i].option);
        if (value)
            r = add_setting(cli, body, i, value);
    }
    if (r == 0 && json_object_size(body) == 0)
        r = err_set(&cli->err, E_USAGE,
                    "Nothing is to be set; say what, as in \"eoul set %s --time 4:00:00\".",
                    args->rest[0]);
    int status;
    int64_t changed = 0;
    if (r < 0) {
        status = cli_fail(cli);
    } else {
        status = 0;
        for (int i = 0; i < args->rest_n; i++)
            if (act(cli, args->rest[i], "set", body, &changed) < 0) {
                status = cli_fail(cli);
                err_clear(&cli->err);
            }
        if (args_flag(args, "json"))
            buf_printf(&cli->out, "{\"changed\":%lld}\n", (long long)changed);
        else if (changed > 0 || status == 0)
            say_done(cli, "set", changed);
    }
    json_decref(body);
    return status;
}

static const struct opt set_opts[] = {
    {"time", 't', "TIME",
     N_("Its time limit: minutes, HH:MM:SS or D-HH:MM:SS; also of a running job.")},
    {"begin", 'b', "WHEN", N_("Not before: 22:00, tomorrow 9:00, now+2h.")},
    {"deadline", 0, "WHEN", N_("Given up when it cannot end by then.")},
    {"nice", 0, "N", N_("Larger: later among one's own jobs.")},
    {"gpus", 'G', "N", N_("So many GPUs.")},
    {"cpus-per-task", 'c', "N", N_("So many CPUs.")},
    {"mem", 0, "SIZE", N_("So much memory: 64G, 512M.")},
    {"at-once", 0, "N", N_("Of an array: at most so many tasks at once; 0 means any.")},
    {"json", 0, NULL, N_("Print the answer as JSON.")},
    {0},
};

const struct cmd cmd_set = {
    .name = "set",
    .group = "work",
    .usage = "JOB... --OPTION VALUE...",
    .opts = set_opts,
    .flags = CMD_NEEDS_DAEMON,
    .run = run_set,
    .summary = N_("Change a job that waits; the time limit also while it runs."),
    .examples = (const char *const[]){"eoul set 12 --time 12:00:00", N_("more time"),
                                      "eoul set 12 --begin 22:00",
                                      N_("not before ten in the evening"), NULL},
};

/* --- wait
 * ------------------------------------------------------------------------------------------------
 */

static int run_wait(struct cli *cli, struct args *args)
{
    struct follow_options o = {.quiet = args_flag(args, "quiet"), .lines = -1};
    int status = 0;
    if (args_operands(cli, args, 1, -1, "JOB...") < 0)
        return cli_fail(cli);
    for (int i = 0; i < args->rest_n; i++) /* a slip is said before hours are waited */
        if (cli_check_id(cli, args->rest[i]) < 0)
            return cli_fail(cli);
    for (int i = 0; i < args->rest_n; i++) {
        json_t *job = NULL;
        bool left = false;
        if (follow_job(cli, args->rest[i], &o, &job, &left) < 0) {
            status = cli_fail(cli);
            err_clear(&cli->err);
            continue;
        }
        if (left)
            return CLI_OWN_FAILURE;
        int code = job_exit_status(job);
        if (status == 0)
            status = code;
        if (args_flag(args, "json")) {
            cli_put_json(cli, job);
        } else if (!o.quiet) {
            job_ending(cli, &cli->out, job);
            buf_char(&cli->out, '\n');
        }
        json_decref(job);
    }
    return status;
}

static const struct opt wait_opts[] = {
    {"quiet", 'q', NULL, N_("Say nothing; the exit code tells.")},
    {"json", 0, NULL, N_("Print each job as JSON when it has ended.")},
    {0},
};

const struct cmd cmd_wait = {
    .name = "wait",
    .group = "work",
    .usage = "JOB...",
    .opts = wait_opts,
    .flags = CMD_NEEDS_DAEMON | CMD_OWN_CODE,
    .run = run_wait,
    .summary = N_("Wait until jobs have ended."),
    .examples =
        (const char *const[]){"eoul wait 12 && ./next-step", N_("go on when job 12 has succeeded"),
                              "eoul wait 12 13 14", N_("until all three have ended"), NULL},
    .more = N_("The exit code is that of the first job that failed, in the order given, else 0; "
               "125 is a failure of eoul itself. "
               "Ctrl-C stops waiting and touches no job."),
};

/* --- logs
 * -------------------------------------------------------------------------------------------------
 */

#define LOG_LINES_MAX 1000000

static int run_logs(struct cli *cli, struct args *args)
{
    struct follow_options o = {.output = true, .quiet = true, .lines = -1};
    json_t *job = NULL;
    bool left = false;
    int r = args_operands(cli, args, 1, 1, "JOB");
    if (r == 0)
        r = args_number(cli, args, "lines", -1, LOG_LINES_MAX, &o.lines);
    o.stream = args_flag(args, "errors") ? 2 : args_flag(args, "output") ? 1 : 0;
    o.once = !args_flag(args, "follow");
    if (r == 0)
        r = cli_check_id(cli, args->rest[0]);
    if (r == 0)
        r = follow_job(cli, args->rest[0], &o, &job, &left);
    if (r < 0)
        return cli_fail(cli);
    if (job && job_never_began(job)) {
        struct buf sentence;
        buf_init(&sentence, 4 * ERR_TEXT_MAX);
        job_ending(cli, &sentence, job);
        cli_say(cli, "%s", sentence.failed ? "?" : sentence.ptr);
        buf_finish(&sentence);
    }
    json_decref(job);
    return 0;
}

static const struct opt logs_opts[] = {
    {"follow", 'f', NULL, N_("Go on until the job ends.")},
    {"lines", 'n', "N", N_("Begin with the last N lines.")},
    {"errors", 'e', NULL, N_("Only what went to its error file.")},
    {"output", 'o', NULL, N_("Only what went to its output file.")},
    {0},
};

const struct cmd cmd_logs = {
    .name = "logs",
    .group = "work",
    .usage = "[-f] JOB",
    .opts = logs_opts,
    .flags = CMD_NEEDS_DAEMON,
    .run = run_logs,
    .summary = N_("Show a job's output, and follow it."),
    .examples = (const char *const[]){"eoul logs 12", N_("what it has printed"), "eoul logs -f 12",
                                      N_("and what it prints from now on"), "eoul logs -n 20 12",
                                      N_("the last twenty lines"), NULL},
    .more = N_("What the job wrote to its error file comes out as standard error, unless both go "
               "to one file."),
};
