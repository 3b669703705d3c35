/* cmd_show.c - `eoul show`: one job. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "cli/boost_text.h"
#include "cli/job.h"
#include "cli/todo_text.h"
#include "i18n/text.h"
#include "i18n/width.h"

#define LABEL_COLUMNS 14

static void field(struct cli *cli, const char *label, struct str value)
{
    width_cell(&cli->out, str_of(label), LABEL_COLUMNS, WIDTH_LEFT);
    buf_char(&cli->out, ' ');
    buf_str(&cli->out, value);
    buf_char(&cli->out, '\n');
}

static void text_field(struct cli *cli, const char *label, const json_t *job, const char *key)
{
    const char *value = json_text(job, key);
    if (!value[0])
        return;
    struct buf clean;
    buf_init(&clean, 64 * 1024);
    cli_clean(&clean, value);
    field(cli, label, buf_look(&clean));
    buf_finish(&clean);
}

static void when_field(struct cli *cli, const char *label, usec_t at)
{
    char memory[128];
    struct buf text;
    if (at <= 0 || at == USEC_NEVER)
        return;
    buf_init_fixed(&text, memory, sizeof memory);
    text_when(&text, cli->lang, at, zone_offset_s(cli_zone(cli), at / USEC_PER_SEC), TEXT_FULL);
    usec_t from_now = at - cli->now_at;
    char length[64];
    struct buf away;
    buf_init_fixed(&away, length, sizeof length);
    cli_length(cli, &away, from_now < 0 ? -from_now : from_now);
    buf_char(&text, ' ');
    buf_printf(&text, from_now >= 0 ? tr(cli->lang, "(in %s)") : tr(cli->lang, "(%s ago)"),
               away.ptr);
    field(cli, label, buf_look(&text));
}

/* Words as a shell would need them, so that they can be copied. */
static void command_field(struct cli *cli, const json_t *argv)
{
    struct buf text;
    size_t i;
    json_t *word;
    if (json_array_size(argv) == 0)
        return;
    buf_init(&text, 1024 * 1024);
    json_array_foreach(argv, i, word)
    {
        const char *s = json_string_value(word);
        buf_c(&text, i ? " " : "");
        bool plain = s && s[0];
        for (const char *c = s; c && *c && plain; c++)
            plain =
                strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_@%+=:,./-",
                       *c) ||
                (*c & 0x80);
        if (plain) {
            cli_clean(&text, s);
            continue;
        }
        buf_char(&text, '\'');
        for (const char *c = s; c && *c; c++) {
            char one[2] = {*c, '\0'};
            if (*c == '\'')
                buf_c(&text, "'\\''");
            else if ((unsigned char)*c < 0x20 || *c == 0x7f)
                cli_clean(&text, one);
            else
                buf_char(&text, *c);
        }
        buf_char(&text, '\'');
    }
    field(cli, tr(cli->lang, "command"), buf_look(&text));
    buf_finish(&text);
}

/* "lr=1e-3 seed=2" */
static void pairs_field(struct cli *cli, const char *title, const json_t *object)
{
    struct buf text;
    const char *name;
    json_t *value;
    buf_init(&text, 64 * 1024);
    json_object_foreach((json_t *)object, name, value)
    {
        buf_c(&text, text.len ? " " : "");
        cli_clean(&text, name);
        buf_char(&text, '=');
        cli_clean(&text, json_string_value(value));
    }
    if (text.len)
        field(cli, title, buf_look(&text));
    buf_finish(&text);
}

/* What the job printed and no file has. */
static void put_lost(struct cli *cli, uint64_t bytes)
{
    char memory[48];
    struct buf size;
    buf_init_fixed(&size, memory, sizeof memory);
    if (bytes < 1 << 20)
        buf_printf(&size, "%llu B", (unsigned long long)bytes);
    else
        text_mib(&size, bytes >> 20);
    buf_char(&size, '\0');
    buf_printf(&cli->out, tr(cli->lang, "%s of its output could not be written"), memory);
}

static void attempt_line(struct cli *cli, const json_t *attempt)
{
    struct buf start, took;
    usec_t start_at = json_i64(attempt, "start_at"), end_at = json_i64(attempt, "end_at");
    buf_init(&start, 64);
    buf_init(&took, 64);
    cli_when(cli, &start, start_at);
    cli_length(cli, &took, (end_at > 0 ? end_at : cli->now_at) - start_at);
    buf_printf(&cli->out, "  %lld  %s  %s", (long long)json_i64(attempt, "number"),
               json_text(attempt, "state"), start.ptr);
    if (start_at > 0)
        buf_printf(&cli->out, "  %s", took.ptr);
    int64_t rss_kib = json_i64(attempt, "rss_max_kib");
    int64_t number = json_i64(attempt, "signal");
    if (end_at > 0 && number > 0)
        buf_printf(&cli->out, "  SIG%s",
                   sigabbrev_np((int)number) ? sigabbrev_np((int)number) : "?");
    else if (end_at > 0 && strcmp(json_text(attempt, "state"), "NEVER_STARTED") != 0)
        buf_printf(&cli->out, tr(cli->lang, "  exit code %lld"),
                   (long long)json_i64(attempt, "exit_code"));
    if (rss_kib > 0) {
        buf_c(&cli->out, "  ");
        text_mib(&cli->out, (uint64_t)(rss_kib + 1023) / 1024);
    }
    if (json_i64(attempt, "canary_us") > 0) {
        buf_c(&cli->out, "  ");
        buf_c(&cli->out, tr(cli->lang, "canary run"));
    }
    if (json_i64(attempt, "output_lost") > 0) {
        buf_c(&cli->out, "\n     ");
        put_lost(cli, (uint64_t)json_i64(attempt, "output_lost"));
    }
    if (json_text(attempt, "message")[0]) {
        buf_c(&cli->out, "\n     ");
        cli_clean(&cli->out, json_text(attempt, "message"));
    }
    buf_char(&cli->out, '\n');
    buf_finish(&start);
    buf_finish(&took);
}

static void put_terminal(struct cli *cli, const json_t *job)
{
    const json_t *terminal = json_object_get(job, "terminal");
    char memory[160], length[64];
    struct buf text, idle;
    if (!terminal)
        return;
    buf_init_fixed(&text, memory, sizeof memory);
    buf_init_fixed(&idle, length, sizeof length);
    cli_length(cli, &idle, json_i64(terminal, "idle_us"));
    buf_printf(&text, tr(cli->lang, "%1$lld attached, idle for %2$s"), (long long)json_i64(terminal, "attached"),
               idle.ptr);
    field(cli, tr(cli->lang, "terminal"), buf_look(&text));
}

static void put_needs(struct cli *cli, const json_t *job)
{
    char memory[256];
    struct buf text;
    int64_t mem_mib = json_i64(job, "mem_mib"), limit_us = json_i64(job, "limit_us");
    buf_init_fixed(&text, memory, sizeof memory);
    buf_printf(&text, tr(cli->lang, "%1$lld GPU, %2$lld CPU"), (long long)json_i64(job, "gpus"),
               (long long)json_i64(job, "cpus"));
    if (mem_mib > 0) {
        buf_c(&text, ", ");
        text_mib(&text, (uint64_t)mem_mib);
    }
    if (json_array_size(json_object_get(job, "gpu_list")) > 0) {
        buf_c(&text, " (GPU ");
        job_gpus(&text, job);
        buf_char(&text, ')');
    }
    field(cli, tr(cli->lang, "needs"), buf_look(&text));
    if (limit_us > 0 && limit_us != USEC_NEVER) {
        buf_clear(&text);
        cli_length(cli, &text, limit_us);
        field(cli, tr(cli->lang, "time limit"), buf_look(&text));
    }
}

/* What the kernel keeps it to, and what nothing does: a job over its --mem may harm its neighbours then. */
static void put_guards(struct cli *cli, const json_t *job)
{
    static const char *const all[] = { "memory", "pids", "cpu", "gpus" };
    const json_t *guards = json_object_get(job, "guards"), *one;
    char kept[64], not_kept[64], line[256];
    struct buf yes, no, text;
    buf_init_fixed(&yes, kept, sizeof kept);
    buf_init_fixed(&no, not_kept, sizeof not_kept);
    buf_init_fixed(&text, line, sizeof line);
    for (size_t i = 0; guards && i < sizeof all / sizeof all[0]; i++) {
        struct buf *to = &no;
        size_t k;
        json_array_foreach((json_t *)guards, k, one)
            if (strcmp(json_string_value(one), all[i]) == 0)
                to = &yes;
        buf_printf(to, "%s%s", to->len ? ", " : "", all[i]);
    }
    buf_str(&text, buf_look(&yes));
    if (no.len) {
        buf_c(&text, yes.len ? "; " : "");
        buf_printf(&text, tr(cli->lang, "nothing here enforces %s"), not_kept);
    }
    if (guards)
        field(cli, tr(cli->lang, "kept to"), buf_look(&text));
}

#define ODDS_RUNS 30 /* with fewer runs behind a forecast no odds are told, as in "eoul why" */

/* In eight of ten cases between, in nine by then. */
static void put_odds(struct cli *cli, const json_t *job)
{
    char memory[160];
    struct buf text;
    buf_init_fixed(&text, memory, sizeof memory);
    if (json_i64(job, "odds_samples") == 0)
        return;
    if (json_i64(job, "odds_history_n") < ODDS_RUNS) {
        field(cli, tr(cli->lang, "odds"), str_of(tr(cli->lang, "too little history")));
        return;
    }
    if (job_is_waiting(job)) {
        job_between(cli, &text, json_i64(job, "start_p10_at"), json_i64(job, "start_p90_at"));
        field(cli, tr(cli->lang, "start likely"), buf_look(&text));
    }
    when_field(cli, tr(cli->lang, "seen, 9 of 10 by"), json_i64(job, "eyes_p90_at"));
}

static void put_job(struct cli *cli, const json_t *job)
{
    char id[32], memory[1200];
    struct buf text;
    const char *state = json_text(job, "state"), *reason = json_text(job, "reason");
    cli_zone(cli);
    buf_init_fixed(&text, memory, sizeof memory);
    buf_c(&text, job_name_id(job, id));
    buf_c(&text, "  ");
    cli_clean(&text, json_told(job, "name"));
    field(cli, tr(cli->lang, "job"), text.failed ? str_of(id) : buf_look(&text));
    text_field(cli, tr(cli->lang, "owner"), job, "owner");
    if (strcmp(json_text(job, "submitter"), json_text(job, "owner")) != 0)
        text_field(cli, tr(cli->lang, "submitted by"), job, "submitter");
    text_field(cli, tr(cli->lang, "account"), job, "account");
    if (json_text(job, "reviewer")[0])
        text_field(cli, tr(cli->lang, "looked at by"), job, "reviewer");
    buf_clear(&text);
    buf_printf(&text, "%s%s%s", paint_on(cli, paint_of_state(state)), state, paint_off(cli));
    if (reason[0] && strcmp(reason, "None") != 0)
        buf_printf(&text, " (%s)", reason);
    field(cli, tr(cli->lang, "state"), buf_look(&text));
    if (json_object_get(job, "boost")) {
        buf_clear(&text);
        boost_told(cli, &text, json_object_get(job, "boost"));
        field(cli, tr(cli->lang, "boosted"), buf_look(&text));
    }
    put_needs(cli, job);
    when_field(cli, tr(cli->lang, "submitted"), json_i64(job, "submit_at"));
    when_field(cli, tr(cli->lang, "not before"), json_i64(job, "begin_at"));
    when_field(cli, tr(cli->lang, "deadline"), json_i64(job, "deadline_at"));
    when_field(cli, job_is_waiting(job) ? tr(cli->lang, "start planned") : tr(cli->lang, "started"),
               json_i64(job, "start_at"));
    if (job_is_over(job)) {
        when_field(cli, tr(cli->lang, "ended"), json_i64(job, "end_at"));
    } else {
        buf_clear(&text);
        job_end(cli, &text, job);
        field(cli, tr(cli->lang, "end expected"), buf_look(&text));
        when_field(cli, tr(cli->lang, "seen"), json_i64(job, "eyes_at"));
        put_odds(cli, job);
    }
    put_guards(cli, job);
    put_terminal(cli, job);
    text_field(cli, tr(cli->lang, "waits for"), job, "dependencies");
    pairs_field(cli, tr(cli->lang, "point"), json_object_get(job, "point"));
    command_field(cli, json_object_get(job, "argv"));
    text_field(cli, tr(cli->lang, "directory"), job, "cwd");
    text_field(cli, tr(cli->lang, "code"), job, "code");
    text_field(cli, tr(cli->lang, "output"), job, "stdout");
    if (strcmp(json_text(job, "stderr"), json_text(job, "stdout")) != 0)
        text_field(cli, tr(cli->lang, "errors"), job, "stderr");
    text_field(cli, tr(cli->lang, "last line"), job, "last_line");
    pairs_field(cli, tr(cli->lang, "results"), json_object_get(job, "results"));
    if (!job_is_over(job) && json_object_get(job, "done_ppm") && json_i64(job, "done_ppm") >= 0) {
        buf_clear(&text);
        buf_printf(&text, "%lld%%", (long long)(json_i64(job, "done_ppm") / 10000));
        field(cli, tr(cli->lang, "done so far"), buf_look(&text));
    }
    if (json_i64(job, "stalled_at") > 0)
        when_field(cli, tr(cli->lang, "seems to hang since"), json_i64(job, "stalled_at"));
    const json_t *attempts = json_object_get(job, "attempts");
    size_t i;
    json_t *attempt;
    if (json_array_size(attempts) > 0)
        buf_printf(&cli->out, "%s\n", tr(cli->lang, "attempts"));
    json_array_foreach(attempts, i, attempt) attempt_line(cli, attempt);
}

static int run_show(struct cli *cli, struct args *args)
{
    int r = args_operands(cli, args, 1, -1, "JOB...");
    for (int i = 0; r == 0 && i < args->rest_n; i++) {
        json_t *job = NULL;
        char path[64];
        r = cli_check_id(cli, args->rest[i]);
        snprintf(path, sizeof path, "/v1/jobs/%.40s", args->rest[i]);
        if (r == 0 && args_flag(args, "json")) {
            r = cli_print_json(cli, path);
        } else if (r == 0) {
            r = cli_call(cli, "GET", path, NULL, &job);
            if (r == 0) {
                buf_c(&cli->out, i ? "\n" : "");
                put_job(cli, job);
            } else {
                r = todo_instead(cli, args->rest[i], true, r);
            }
            json_decref(job);
        }
    }
    return r < 0 ? cli_fail(cli) : 0;
}

static const struct opt show_opts[] = {
    {"json", 0, NULL, N_("Print the daemon's answer as JSON.")},
    {0},
};

const struct cmd cmd_show = {
    .name = "show",
    .group = "look",
    .usage = "JOB...",
    .opts = show_opts,
    .flags = CMD_NEEDS_DAEMON,
    .run = run_show,
    .summary = N_("Show everything about a job: what it runs, what it needs, its attempts."),
    .examples = (const char *const[]){"eoul show 12", N_("job 12"), "eoul show 12_3",
                                      N_("task 3 of array 12"), NULL},
};
