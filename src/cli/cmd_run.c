/* cmd_run.c - `eoul run`, `eoul shell`, `eoul attach`: into the queue and with the job until its end, with its
 * output, or with its terminal joined to ours.
 *
 * A job with a terminal is met by sessions (session.h) between which it is followed: before its start, after
 * its end until the daemon knows of it, and when it is run again.  The daemon may be gone at the end: then the
 * supervisor's word counts.
 */
#include <string.h>
#include <unistd.h>

#include "cli/feed.h"
#include "cli/follow.h"
#include "cli/job.h"
#include "cli/session.h"
#include "cli/submit.h"

#define LOST_MAX 3 /* supervisors that went without a word before we give up */

struct stay {
    const char *id;
    struct meet meet;
    struct key key;
    bool pty, feeds, cancels, quiet;
    bool greets;          /* say how to leave before the terminal is joined */
    struct allocation *allocation; /* called as salloc: what it said; else NULL */
    int left_status;
    struct wire_end end;  /* of the last attempt we saw the end of */
    bool saw_end;
};

/* --- the end --------------------------------------------------------------------------------------- */

static int say_ending(struct cli *cli, const struct stay *s, json_t *job)
{
    int status = job_exit_status(job);
    if (s->allocation && s->allocation->granted)
        cli_say(cli, "Relinquishing job allocation %s", s->id);
    if (!job_went_well(job) && !s->quiet) {
        struct buf sentence;
        buf_init(&sentence, 1024);
        job_ending(cli, &sentence, job);
        cli_say(cli, "%s", sentence.ptr ? sentence.ptr : "");
        buf_finish(&sentence);
    }
    json_decref(job);
    return status;
}

/* What the supervisor said, where the daemon cannot be asked. */
static int supervisors_word(const struct stay *s)
{
    bool ran = s->end.cause != ATTEMPT_LAUNCH && s->end.cause != ATTEMPT_GPU_BUSY;
    if (s->end.signal > 0)
        return 128 + (s->end.signal & 127);
    return ran && s->end.code >= 0 && s->end.code < 256 ? s->end.code : CLI_OWN_FAILURE;
}

static int left(struct cli *cli, const struct stay *s)
{
    if (s->pty)
        cli_say(cli, tr(cli->lang, "Job %1$s goes on; \"eoul attach %1$s\" comes back to it."), s->id);
    else
        cli_say(cli, tr(cli->lang, "Job %1$s goes on; \"eoul logs -f %1$s\" comes back to it."), s->id);
    return s->left_status;
}

void allocation_say(struct cli *cli, struct allocation *a, const char *id, bool waits)
{
    if (a->granted || (waits && a->pending))
        return;
    if (waits) {
        cli_say(cli, "Pending job allocation %s", id);
        cli_say(cli, "job %s queued and waiting for resources", id);
        a->pending = true;
        return;
    }
    if (a->pending)
        cli_say(cli, "job %s has been allocated resources", id);
    cli_say(cli, "Granted job allocation %s", id);
    a->granted = true;
}

/* --- staying --------------------------------------------------------------------------------------- */

static void greet(struct cli *cli, const struct stay *s)
{
    char key[KEY_TEXT_MAX];
    if (s->allocation) /* its terminal is here: it runs */
        allocation_say(cli, s->allocation, s->id, false);
    if (!s->greets || s->quiet)
        return;
    key_print(&s->key, key);
    if (s->key.first)
        cli_say(cli, tr(cli->lang, "This is job %1$s; %2$s leaves it running, \"eoul attach %1$s\" comes back."), s->id,
                key);
    else
        cli_say(cli, tr(cli->lang, "This is job %s; it ends with its program."), s->id);
}

/* One session; *ret_status is what we return if *ret_done. */
static int join_terminals(struct cli *cli, struct stay *s, unsigned *lost, bool *ret_done, int *ret_status)
{
    struct session_options o = {.ctl_fd = s->meet.came_fd, .asks = s->meet.asks, .key = s->key};
    enum session_end how = SESSION_LOST;
    s->meet.came_fd = -1;
    greet(cli, s);
    int r = session_run(cli, s->id, &o, &how, &s->end);
    close(o.ctl_fd);
    if (r < 0)
        return r;
    s->saw_end |= how == SESSION_OVER;
    *ret_done = how == SESSION_LEFT || how == SESSION_HUNG_UP;
    if (how == SESSION_LEFT)
        *ret_status = left(cli, s);
    else if (how == SESSION_HUNG_UP)
        *ret_status = s->left_status;
    else if (how == SESSION_LOST && ++*lost >= LOST_MAX)
        return err_set(&cli->err, E_UNAVAILABLE,
                       "Whoever runs job %s goes away each time; \"eoul show %s\" says how it is.", s->id, s->id);
    return 0;
}

static int stay(struct cli *cli, struct stay *s)
{
    struct follow_options o = {.output = !s->pty, .cancels = s->cancels, .quiet = s->quiet, .lines = -1,
                               .meet = s->pty || s->feeds ? &s->meet : NULL, .feeds = s->feeds,
                               .allocation = s->allocation};
    unsigned lost = 0;
    for (;;) {
        json_t *job = NULL;
        bool leaves = false, done = false;
        int status = 0;
        int r = follow_job(cli, s->id, &o, &job, &leaves);
        if (r < 0 && s->saw_end)
            return supervisors_word(s);
        if (r < 0)
            return cli_fail(cli);
        if (leaves)
            return left(cli, s);
        if (!s->pty || s->meet.came_fd < 0)
            return say_ending(cli, s, job);
        r = join_terminals(cli, s, &lost, &done, &status);
        if (r < 0)
            return cli_fail(cli);
        if (done)
            return status;
    }
}

/* --- run and shell --------------------------------------------------------------------------------- */

static int stay_with_array(struct cli *cli, const char *id, const json_t *answer)
{
    cli_say(cli,
            tr(cli->lang, "Job %1$s is an array; \"eoul run\" waits for it, and \"eoul "
                          "logs %1$s_1\" shows a task."),
            id);
    int status = submit_wait_for_all(cli, answer);
    return status < 0 ? cli_fail(cli) : status;
}

/* Submit what was read, and stay with it. */
static int send_and_stay(struct cli *cli, struct request *r, struct stay *s)
{
    json_t *answer = NULL;
    char id[32];
    int status;
    if (request_send(cli, r, &answer) < 0)
        return cli_fail(cli);
    const json_t *jobs = json_object_get(answer, "jobs");
    submit_say_warnings(cli, jobs);
    submit_say_whose(cli, r);
    if (r->test_only) {
        submit_say_test(cli, answer);
        json_decref(answer);
        return 0;
    }
    meet_learn(cli, &s->meet);
    snprintf(id, sizeof id, "%lld", (long long)json_i64(json_array_get(jobs, 0), "id"));
    if (json_i64(json_array_get(jobs, 0), "tasks") > 1) {
        status = stay_with_array(cli, id, answer);
    } else {
        s->id = id;
        s->pty = r->pty;
        s->feeds = r->feed;
        s->quiet = r->quiet;
        s->allocation = r->quiet ? NULL : s->allocation;
        status = stay(cli, s);
    }
    json_decref(answer);
    return status;
}

static int submit_and_stay(struct cli *cli, struct args *args, enum request_form form)
{
    struct stay s = {.meet = {.listen_fd = -1, .came_fd = -1}, .cancels = true, .greets = form == REQUEST_SHELL,
                     .left_status = form == REQUEST_SHELL ? 0 : CLI_OWN_FAILURE};
    struct request_client client = {.terminal = session_is_possible(), .feeds = feed_is_wanted()};
    struct request r = {0};
    struct allocation allocation = {0};
    int status = 0;
    int code = session_key(cli, NULL, &s.key);
    if (code == 0 && (client.terminal || client.feeds))
        code = meet_open(cli, &s.meet);
    client.meet = s.meet.name;
    if (strcmp(cli->program, "salloc") == 0)
        s.allocation = &allocation;
    session_size(&client.rows, &client.columns);
    if (code == 0)
        code = request_read(cli, args->rest_n, args->rest, form, &client, &r);
    if (code == 0 && r.help)
        status = help_cmd(cli, args->cmd);
    else if (code == 0 && r.from)
        code = err_set(&cli->err, E_USAGE,
                       "\"eoul run\" follows one job; use \"eoul submit --from %s\".", r.from);
    if (code < 0)
        status = cli_fail(cli);
    else if (!r.help)
        status = send_and_stay(cli, &r, &s);
    meet_close(&s.meet);
    request_finish(&r);
    return status;
}

static int run_run(struct cli *cli, struct args *args)
{
    return submit_and_stay(cli, args, REQUEST_COMMAND);
}

static int run_shell(struct cli *cli, struct args *args)
{
    return submit_and_stay(cli, args, REQUEST_SHELL);
}

const struct cmd cmd_run = {
    .name = "run",
    .group = "work",
    .usage = "[OPTION...] [--] COMMAND [ARG...]",
    .summary = N_("Run a command when there is room for it, and follow its output to the end."),
    .examples = (const char *const[]){"eoul run -- python train.py",
                                      N_("on one GPU or CPU slot, as soon as there is one"),
                                      "eoul run --gpus 2 --time 30 -- ./eval.sh",
                                      N_("with two GPUs, for at most half an hour"),
                                      "zcat data.gz | eoul run -- ./count >table",
                                      N_("with what a pipe brings as its input"), NULL},
    .flags = CMD_RAW | CMD_STARTS_DAEMON | CMD_OWN_CODE | CMD_JOB_OPTS,
    .run = run_run,
    .more = N_("In a terminal the job has one of its own, joined to yours: Ctrl-C and Ctrl-Z are its keys. Ctrl-\\ "
               "leaves it running, and so does closing the terminal; \"eoul attach\" comes back. While it waits for "
               "its start, or without a terminal, Ctrl-C says what can be done and a second Ctrl-C cancels the job. "
               "The exit code is that of the command, 128 and the signal's number if a signal ended it, and 125 if "
               "eoul itself failed. The variable EOUL_DETACH_KEY names another key than Ctrl-\\: ctrl-b d, or none."
               " What comes in by standard input is read to its end, as ssh does: in a loop over lines, add </dev/null."),
};

const struct cmd cmd_shell = {
    .name = "shell",
    .group = "work",
    .usage = "[OPTION...] [[--] COMMAND [ARG...]]",
    .summary = N_("Open a shell with GPUs of its own, which goes on without this terminal."),
    .examples = (const char *const[]){"eoul shell", N_("your shell, as soon as there is room for it"),
                                      "eoul shell --gpus 1 --time 2:00:00",
                                      N_("with one GPU, for at most two hours"),
                                      "eoul shell -- python", N_("another program than the shell"),
                                      "eoul shell <steps.sh",
                                      N_("the lines of a file, one after the other; no terminal"), NULL},
    .flags = CMD_RAW | CMD_STARTS_DAEMON | CMD_OWN_CODE | CMD_JOB_OPTS,
    .run = run_shell,
    .more = N_("The shell outlives this terminal, as in tmux: Ctrl-\\ leaves it running, \"eoul attach\" comes back "
               "from anywhere, several may be attached at once, and the window has the size of whoever typed last. "
               "EOUL_DETACH_KEY names another key. \"exit\" ends it, and its GPUs are free; one that stays idle "
               "holds them, which \"eoul queue\" shows. Its exit code is that of the shell; leaving gives 0."),
};

/* --- attach ---------------------------------------------------------------------------------------- */

static int attach_log(struct cli *cli, const char *id)
{
    struct follow_options o = {.output = true, .quiet = true, .lines = -1};
    json_t *job = NULL;
    bool leaves = false;
    cli_say(cli, tr(cli->lang, "Job %s has no terminal; this is its output, as with \"eoul logs -f\"."), id);
    int r = follow_job(cli, id, &o, &job, &leaves);
    json_decref(job);
    return r < 0 ? cli_fail(cli) : 0;
}

static int attach_terminal(struct cli *cli, struct stay *s)
{
    int r = session_is_possible() ? meet_open(cli, &s->meet)
                                  : err_set(&cli->err, E_STATE,
                                            "Job %s has a terminal, and this is none to join to it; \"eoul logs %s\" "
                                            "shows what is kept of its output.",
                                            s->id, s->id);
    if (r < 0)
        return cli_fail(cli);
    int status = stay(cli, s);
    meet_close(&s->meet);
    return status;
}

static int run_attach(struct cli *cli, struct args *args)
{
    struct stay s = {.meet = {.listen_fd = -1, .came_fd = -1}, .pty = true, .greets = true};
    json_t *job = NULL;
    bool over = false, pty = false;
    int r = args_operands(cli, args, 1, 1, "JOB");
    if (r == 0)
        r = session_key(cli, args_value(args, "detach-key"), &s.key);
    if (r == 0)
        r = job_get(cli, args->rest[0], &job);
    if (r == 0) {
        s.id = args->rest[0];
        s.quiet = args_flag(args, "quiet");
        over = job_is_over(job);
        pty = json_is_true(json_object_get(job, "pty"));
    }
    if (r == 0 && over)
        r = err_set(&cli->err, E_STATE, "Job %s is over; \"eoul logs %s\" shows what it printed.", s.id, s.id);
    if (r == 0 && !over && !json_object_get(job, "cwd")) /* what only its submitter is told */
        r = err_set(&cli->err, E_DENIED, "Job %s is somebody else's; only its submitter may attach to it.", s.id);
    json_decref(job);
    if (r < 0)
        return cli_fail(cli);
    return pty ? attach_terminal(cli, &s) : attach_log(cli, s.id);
}

static const struct opt attach_opts[] = {
    {"detach-key", 0, "KEY", N_("The key that leaves: ctrl-b d, ctrl-], none (default: Ctrl-\\, or EOUL_DETACH_KEY).")},
    {"quiet", 'q', NULL, N_("Do not say how to leave.")},
    {0},
};

const struct cmd cmd_attach = {
    .name = "attach",
    .group = "work",
    .usage = "JOB",
    .opts = attach_opts,
    .flags = CMD_NEEDS_DAEMON | CMD_OWN_CODE,
    .run = run_attach,
    .summary = N_("Come back to the terminal of a job that runs."),
    .examples = (const char *const[]){"eoul attach 12", N_("to the shell that is job 12; Ctrl-\\ leaves it again"),
                                      "eoul attach --detach-key 'ctrl-b d' 12", N_("with the key of tmux"), NULL},
    .more = N_("What was printed lately is shown again. Only who submitted a job may attach to it. One that waits "
               "is attached to when it starts. A job without a terminal, such as a script of \"eoul submit\", has "
               "its output followed as \"eoul logs -f\" does."),
};
