/* cmd_observe.c - `eoul observe`: record who uses the GPUs, of those who agree, and schedule nothing.
 *
 * The recorder is a program of its own (src/observe); here is what people do with it: agree, leave, look.  Everybody
 * sees since when and how much; rows of a person are shown to that person, and to whoever records (record.h). */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/io.h"
#include "cli/observe.h"
#include "cli/program.h"
#include "observe/record.h"

#define ROWS_MAX_BYTES ((size_t)RECORD_PEOPLE_MAX * RECORD_FILE_MAX)
#define SHOWN_ROWS 30
#define STOP_MS    30000 /* a look may take SIGHT_US_MAX */

static void recorder_name(const struct record *r, char name[64]) { place_user_name("/etc/passwd", r->owner, name, 64); }

/* The record that is there, and what it says of itself. */
static int find(struct cli *cli, struct record *r, struct record_about *about)
{
    int code = record_open(r, false, &cli->err);
    if (code == 0 && record_about_read(r, about) < 0) {
        record_close(r);
        code = E_NOT_FOUND;
    }
    if (code == E_NOT_FOUND && !cli->err.code)
        return err_set(&cli->err, E_NOT_FOUND,
                       "Nobody records the use of GPUs here; \"eoul observe start\" begins to.");
    return code;
}

/* --- join, leave ------------------------------------------------------------------------------------- */

static int agree(struct cli *cli)
{
    struct record r = { .fd = -1 };
    struct record_about about = { 0 };
    char name[64];
    int code = find(cli, &r, &about);
    if (code < 0)
        return code;
    recorder_name(&r, name);
    code = record_join(&r, geteuid(), &cli->err);
    if (code == 0)
        buf_printf(&cli->out, tr(cli->lang, "From now on %s's record has when your programs use GPUs, how many, and what the "
                                            "programs are called; %s and you can read it. \"eoul observe show\" shows it, \"eoul "
                                            "observe leave\" deletes it.\n"), name, name);
    record_close(&r);
    return code;
}

static int leave(struct cli *cli)
{
    struct record r = { .fd = -1 };
    struct record_about about = { 0 };
    char name[64];
    int code = find(cli, &r, &about);
    if (code < 0)
        return code;
    recorder_name(&r, name);
    code = record_leave(&r, geteuid(), &cli->err);
    if (code == 0 && record_runs(&r, &about))
        buf_printf(&cli->out, tr(cli->lang, "You are not recorded any more. What there is of you is deleted at the next look, "
                                            "within %lld s.\n"), (long long)(about.every_us / USEC_PER_SEC));
    else if (code == 0)
        buf_printf(&cli->out, tr(cli->lang, "You are not recorded any more. What there is of you is deleted as soon as %s's recorder "
                                            "runs again; \"%s/runs/%u\" is the file, should you want to ask for it.\n"),
                   name, r.path, (unsigned)geteuid());
    record_close(&r);
    return code;
}

/* --- status ------------------------------------------------------------------------------------------ */

static json_t *weeks_json(const struct record_about *a)
{
    json_t *weeks = json_array();
    for (uint32_t i = 0; i < RECORD_WEEKS && a->weeks[i].monday; i++) {
        json_t *week = json_object();
        json_object_set_new(week, "monday_at", json_integer(a->weeks[i].monday * USEC_PER_DAY));
        json_object_set_new(week, "recorded_gpu_s", json_integer(a->weeks[i].named_s));
        json_object_set_new(week, "others_gpu_s", json_integer(a->weeks[i].others_s));
        json_array_append_new(weeks, week);
    }
    return weeks;
}

static void put_status_json(struct cli *cli, const struct record *r, const struct record_about *a, uint32_t people,
                            bool agreed)
{
    char name[64];
    json_t *j = json_object();
    recorder_name(r, name);
    json_object_set_new(j, "recorder", json_string(name));
    json_object_set_new(j, "folder", json_string(r->path));
    json_object_set_new(j, "running", json_boolean(record_runs(r, a)));
    json_object_set_new(j, "since_at", json_integer(a->since_at));
    json_object_set_new(j, "last_look_at", json_integer(a->round_at));
    json_object_set_new(j, "every_us", json_integer(a->every_us));
    json_object_set_new(j, "gpus", json_integer(a->gpus));
    json_object_set_new(j, "people", json_integer(people));
    json_object_set_new(j, "agreed", json_boolean(agreed));
    json_object_set_new(j, "weeks", weeks_json(a));
    cli_put_json(cli, j);
    json_decref(j);
}

static void put_weeks(struct cli *cli, const struct record_about *a)
{
    const struct column columns[] = { { tr(cli->lang, "WEEK FROM"), false, false }, { tr(cli->lang, "GPU-H RECORDED"), true, false },
                                      { tr(cli->lang, "OF OTHERS"), true, false }, { tr(cli->lang, "COVERS"), true, false } };
    if (!a->weeks[0].monday)
        return;
    struct table *t = table_create(columns, 4);
    for (uint32_t i = 0; i < RECORD_WEEKS && a->weeks[i].monday; i++) {
        const struct record_week *w = &a->weeks[i];
        char memory[64];
        struct buf text;
        int64_t all = w->named_s + w->others_s;
        buf_init_fixed(&text, memory, sizeof memory);
        cli_when(cli, &text, w->monday * USEC_PER_DAY);
        table_cell(t, buf_look(&text), PAINT_NONE);
        for (int k = 0; k < 2; k++) {
            int64_t s = k ? w->others_s : w->named_s;
            buf_clear(&text);
            buf_printf(&text, "%lld.%lld", (long long)(s / 3600), (long long)(s % 3600 / 360));
            table_cell(t, buf_look(&text), PAINT_NONE);
        }
        buf_clear(&text);
        if (all)
            buf_printf(&text, "%lld %%", (long long)(w->named_s * 100 / all));
        table_cell(t, buf_look(&text), PAINT_NONE);
    }
    table_finish(t, cli);
}

static void put_mine(struct cli *cli, const char *name, bool agreed)
{
    if (agreed)
        buf_printf(&cli->out, "%s\n", tr(cli->lang, "You are in it; \"eoul observe leave\" ends that and deletes what there is of you."));
    else
        buf_printf(&cli->out, tr(cli->lang, "You are not in it: of you nothing is kept, neither name nor time. \"eoul observe join\" lets "
                                            "yours count, for you and %s to read.\n"), name);
}

static int show_status(struct cli *cli, bool json)
{
    struct record r = { .fd = -1 };
    struct record_about about = { 0 };
    uid_t people[RECORD_PEOPLE_MAX];
    usec_t since_at = 0;
    char name[64], memory[64], seen[64];
    struct buf since, last;
    int code = find(cli, &r, &about);
    if (code < 0)
        return code;
    uint32_t n = record_people(&r, people);
    bool agreed = record_agreed(&r, geteuid(), &since_at);
    recorder_name(&r, name);
    buf_init_fixed(&since, memory, sizeof memory);
    buf_init_fixed(&last, seen, sizeof seen);
    if (json) {
        put_status_json(cli, &r, &about, n, agreed);
        record_close(&r);
        return 0;
    }
    cli_when(cli, &since, about.since_at);
    cli_when(cli, &last, about.round_at);
    if (record_runs(&r, &about))
        buf_printf(&cli->out, tr(cli->lang, "%s records the use of %lld GPUs since %s, every %lld s; the last look was at %s.\n"), name,
                   (long long)about.gpus, memory, (long long)(about.every_us / USEC_PER_SEC), seen);
    else
        buf_printf(&cli->out, tr(cli->lang, "%s recorded the use of %lld GPUs from %s to %s and does not now; \"eoul observe start\" goes "
                                            "on.\n"), name, (long long)about.gpus, memory, seen);
    buf_printf(&cli->out, trn(cli->lang, "%u person has agreed.\n", "%u people have agreed.\n", n), n);
    put_mine(cli, name, agreed);
    put_weeks(cli, &about);
    record_close(&r);
    return 0;
}

void observe_announce(struct cli *cli)
{
    struct record r = { .fd = -1 };
    struct record_about about = { 0 };
    usec_t since_at = 0;
    char name[64];
    if (record_open(&r, false, NULL) < 0)
        return;
    if (record_about_read(&r, &about) == 0 && record_runs(&r, &about)) {
        recorder_name(&r, name);
        buf_printf(&cli->out, tr(cli->lang, "%s records the use of this machine's GPUs, of those who agreed.\n"), name);
        put_mine(cli, name, record_agreed(&r, geteuid(), &since_at));
    }
    record_close(&r);
}

/* --- show -------------------------------------------------------------------------------------------- */

int observe_trace(struct cli *cli, struct buf *csv, int64_t *ret_gpus)
{
    struct record r = { .fd = -1 };
    struct record_about about = { 0 };
    uid_t people[RECORD_PEOPLE_MAX];
    char name[64];
    int code = find(cli, &r, &about);
    if (code < 0)
        return code;
    recorder_name(&r, name);
    *ret_gpus = about.gpus;
    buf_c(csv, RECORD_HEADER);
    for (uint32_t i = 0, n = record_people(&r, people); i < n && code == 0; i++)
        code = record_rows(&r, people[i], csv);
    code = csv->failed ? csv->failed : code;
    record_close(&r);
    if (code == E_DENIED)
        return err_set(&cli->err, code, "Only %s can read everybody's rows; \"eoul observe show\" shows yours.", name);
    return code < 0 ? err_set(&cli->err, code, "The record in \"%s\" cannot be read: %s.", r.path, err_word(code)) : 0;
}

/* The fields of a row: when, seconds, GPUs, user, command. */
static bool fields_of(struct str row, int64_t ret_n[3], struct str *ret_command)
{
    struct str word = { 0 };
    for (int i = 0; i < 3; i++)
        if (!str_next(&row, ',', &word) || str_i64(word, &ret_n[i]) < 0)
            return false;
    for (int i = 0; i < 3; i++) /* "user", and what stands before and behind it */
        if (!str_next(&row, '"', &word))
            return false;
    return str_next(&row, '"', ret_command);
}

static void put_run(struct cli *cli, struct table *t, const int64_t n[3], struct str command)
{
    char memory[256];
    struct buf text;
    buf_init_fixed(&text, memory, sizeof memory);
    cli_when(cli, &text, n[0] * USEC_PER_SEC);
    table_cell(t, buf_look(&text), PAINT_NONE);
    buf_clear(&text);
    cli_length(cli, &text, n[1] * USEC_PER_SEC);
    table_cell(t, buf_look(&text), PAINT_NONE);
    buf_clear(&text);
    buf_i64(&text, n[2]);
    table_cell(t, buf_look(&text), PAINT_NONE);
    char word[32];
    snprintf(word, sizeof word, "%.*s", STR_ARG(str_slice(command, 0, sizeof word - 1)));
    buf_clear(&text);
    cli_clean(&text, word);
    table_cell(t, buf_look(&text), PAINT_NONE);
}

static void put_rows(struct cli *cli, struct str rows)
{
    const struct column columns[] = { { tr(cli->lang, "BEGAN"), false, false }, { tr(cli->lang, "FOR"), true, false },
                                      { tr(cli->lang, "GPUS"), true, false }, { tr(cli->lang, "PROGRAM"), false, true } };
    struct str row, rest = rows, command = { 0 };
    int64_t n[3] = { 0 }, gpu_s = 0;
    uint32_t all = 0, at = 0;
    while (str_next(&rest, '\n', &row)) {
        if (fields_of(row, n, &command)) {
            all++;
            gpu_s += n[1] * n[2];
        }
    }
    if (all == 0) {
        buf_printf(&cli->out, "%s\n", tr(cli->lang, "No run of yours has been recorded to its end yet."));
        return;
    }
    struct table *t = table_create(columns, 4);
    rest = rows;
    while (str_next(&rest, '\n', &row))
        if (fields_of(row, n, &command) && ++at + SHOWN_ROWS > all)
            put_run(cli, t, n, command);
    table_finish(t, cli);
    buf_printf(&cli->out, trn(cli->lang, "%u run, %lld.%lld GPU-hours.\n", "%u runs, %lld.%lld GPU-hours.\n", all), all,
               (long long)(gpu_s / 3600), (long long)(gpu_s % 3600 / 360));
}

static void put_rows_json(struct cli *cli, struct str rows)
{
    struct str row, command = { 0 };
    json_t *list = json_array(), *j = json_object();
    int64_t n[3] = { 0 };
    while (str_next(&rows, '\n', &row)) {
        if (!fields_of(row, n, &command))
            continue;
        json_t *one = json_object(), *text = json_stringn(command.ptr, command.len);
        json_object_set_new(one, "start_at", json_integer(n[0] * USEC_PER_SEC));
        json_object_set_new(one, "run_us", json_integer(n[1] * USEC_PER_SEC));
        json_object_set_new(one, "gpus", json_integer(n[2]));
        json_object_set_new(one, "command", text ? text : json_string("?")); /* not UTF-8 */
        json_array_append_new(list, one);
    }
    json_object_set_new(j, "rows", list);
    cli_put_json(cli, j);
    json_decref(j);
}

static int show(struct cli *cli, const struct args *args)
{
    struct record r = { .fd = -1 };
    struct record_about about = { 0 };
    struct buf rows;
    char name[64];
    int64_t gpus;
    buf_init(&rows, ROWS_MAX_BYTES);
    int code;
    if (args_flag(args, "csv")) {
        code = observe_trace(cli, &rows, &gpus);
        buf_str(&cli->out, buf_look(&rows));
        buf_finish(&rows);
        return code;
    }
    code = find(cli, &r, &about);
    if (code == 0) {
        code = record_rows(&r, geteuid(), &rows);
        recorder_name(&r, name);
        if (code < 0)
            err_set(&cli->err, code, "This file system cannot show you your rows in \"%s\" (%s); ask %s for them.", r.path,
                    err_word(code), name);
        else if (args_flag(args, "json"))
            put_rows_json(cli, buf_look(&rows));
        else
            put_rows(cli, buf_look(&rows));
        record_close(&r);
    }
    buf_finish(&rows);
    return code;
}

/* --- start, stop ------------------------------------------------------------------------------------- */

static int start(struct cli *cli, const struct args *args)
{
    char *argv[5] = { "eoul-observe" };
    const char *every = args_value(args, "every");
    int n = 1;
    if (every) {
        argv[n++] = "--every";
        argv[n++] = (char *)every;
    }
    if (args_flag(args, "foreground"))
        argv[n++] = "--foreground";
    return program_become(cli, "eoul-observe", argv);
}

static int end_it(struct cli *cli, const struct record *r, const struct record_about *about)
{
    /* By descriptor, and looked at again once it is held: a number that is used again would be somebody else's. */
    int pidfd = (int)syscall(SYS_pidfd_open, (pid_t)about->pid, 0u);
    struct pollfd ended = { .fd = pidfd, .events = POLLIN };
    int code = 0;
    if (pidfd < 0 || !record_runs(r, about))
        code = err_set(&cli->err, E_STATE, "Nothing is recorded now.");
    else if (syscall(SYS_pidfd_send_signal, pidfd, SIGTERM, NULL, 0u) < 0)
        code = err_set(&cli->err, io_from_errno(errno), "The recorder cannot be stopped: %s.", strerror(errno));
    else if (poll(&ended, 1, STOP_MS) <= 0)
        code = err_set(&cli->err, E_TIMEOUT, "The recorder has not ended after %d s.", STOP_MS / 1000);
    io_close(&pidfd);
    return code;
}

static int stop(struct cli *cli)
{
    struct record r = { .fd = -1 };
    struct record_about about = { 0 };
    char name[64];
    int code = find(cli, &r, &about);
    if (code < 0)
        return code;
    recorder_name(&r, name);
    if (!record_runs(&r, &about))
        code = err_set(&cli->err, E_STATE, "Nothing is recorded now.");
    else if (geteuid() != r.owner && geteuid() != 0)
        code = err_set(&cli->err, E_DENIED, "Only %s, who records, can stop that; \"eoul observe leave\" takes yours out.", name);
    else
        code = end_it(cli, &r, &about);
    if (code == 0)
        buf_printf(&cli->out, tr(cli->lang, "Nothing is recorded any more. What there is stays in \"%s\"; \"eoul whatif --from "
                                            "observed\" uses it.\n"), r.path);
    record_close(&r);
    return code;
}

static int run_observe(struct cli *cli, struct args *args)
{
    const char *verb = args->rest_n > 0 ? args->rest[0] : "status";
    int code;
    cli->now_at = io_wall_now();
    if (args->rest_n > 1)
        code = err_set(&cli->err, E_USAGE, "Write \"eoul observe start\", \"stop\", \"status\", \"show\", \"join\" or \"leave\".");
    else if (strcmp(verb, "start") == 0)
        code = start(cli, args);
    else if (strcmp(verb, "stop") == 0)
        code = stop(cli);
    else if (strcmp(verb, "status") == 0)
        code = show_status(cli, args_flag(args, "json"));
    else if (strcmp(verb, "show") == 0)
        code = show(cli, args);
    else if (strcmp(verb, "join") == 0)
        code = agree(cli);
    else if (strcmp(verb, "leave") == 0)
        code = leave(cli);
    else
        code = err_set(&cli->err, E_USAGE, "Write \"eoul observe start\", \"stop\", \"status\", \"show\", \"join\" or \"leave\".");
    return code < 0 ? cli_fail(cli) : 0;
}

static const struct opt observe_opts[] = {
    { "every", 0, "TIME", N_("start: look so often (30s; 1s to 1h).") },
    { "foreground", 0, NULL, N_("start: do not leave the terminal (for a service).") },
    { "csv", 0, NULL, N_("show: everybody's rows, for eoul sim; only whoever records can read them.") },
    { "json", 0, NULL, N_("status, show: print JSON.") },
    { 0 },
};

const struct cmd cmd_observe = {
    .name = "observe",
    .group = "think",
    .usage = "[start | stop | status | show | join | leave]",
    .opts = observe_opts,
    .run = run_observe,
    .summary = N_("Record how the GPUs are used, of those who agree, without scheduling anything."),
    .examples =
        (const char *const[]){ "eoul observe start", N_("begin to record; no rights and no daemon are needed"),
                               "eoul observe join", N_("let mine count"), "eoul observe show", N_("what is recorded of me"),
                               "eoul observe leave", N_("no more, and delete what there is"),
                               "eoul whatif --from observed --gpus +2", N_("what another order or more GPUs would have changed"), NULL },
    .more = N_("A run is a command line whose programs use GPUs: when it began, how long, how many GPUs, whose, the program's name "
               "and its power. Of those who have not agreed nothing is kept but their part of the sum of GPU-hours a week. Rows go "
               "back 13 weeks. \"eoul status\" says that somebody records; if root does, the login message does too."),
};
