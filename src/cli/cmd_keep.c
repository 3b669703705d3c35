/* cmd_keep.c - `eoul up`, `down`, `status`, `config check`, and the programs that eoul becomes:
 * sim. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "cli/boost_text.h"
#include "cli/boot.h"
#include "cli/observe.h"
#include "cli/program.h"
#include "cli/quota_text.h"
#include "client/spawn.h"
#include "i18n/text.h"
#include "i18n/width.h"

#define GROUP_BYTES_MAX (4 * 1024 * 1024)

/* --- up
 * ------------------------------------------------------------------------------------------- */

/* A group from /etc/group, by name or number: NSS would need the dynamic C library. */
static int find_group(struct cli *cli, const char *said, gid_t *ret, char *ret_name, size_t size)
{
    struct buf text;
    struct str rest, line, name, field;
    uint64_t wanted = UINT64_MAX, number;
    int r = E_NOT_FOUND;
    if (str_u64(str_of(said), &wanted) < 0)
        wanted = UINT64_MAX;
    buf_init(&text, GROUP_BYTES_MAX);
    (void)io_read_file(AT_FDCWD, "/etc/group", &text);
    rest = buf_look(&text);
    while (r != 0 && str_next(&rest, '\n', &line)) {
        if (!str_next(&line, ':', &name) || !str_next(&line, ':', &field) ||
            !str_next(&line, ':', &field) || str_u64(field, &number) < 0 || name.len >= size)
            continue;
        if (str_is(name, said) || number == wanted) {
            *ret = (gid_t)number;
            snprintf(ret_name, size, "%.*s", STR_ARG(name));
            r = 0;
        }
    }
    buf_finish(&text);
    return r == 0
               ? 0
               : err_set(&cli->err, E_NOT_FOUND,
                         "There is no group \"%s\" in /etc/group; name one you belong to, or its "
                         "number.",
                         said);
}

static bool in_group(gid_t gid)
{
    gid_t groups[PLACE_GROUPS_MAX];
    int n = getgroups(PLACE_GROUPS_MAX, groups);
    for (int i = 0; i < n; i++)
        if (groups[i] == gid)
            return true;
    return getegid() == gid || geteuid() == 0;
}

/* *team becomes the group's name, if a number was said: that is what eould wants. */
static int find_place(struct cli *cli, const char **team, char *name, size_t size)
{
    struct place_env env;
    gid_t gid = 0;
    place_env_of_process(&env);
    int r = place_find(&env, &cli->place, &cli->err);
    if (r < 0 || !*team)
        return r;
    if (cli->place.mode == PLACE_SYSTEM)
        return err_set(
            &cli->err, E_STATE,
            "This machine's daemon already serves everybody; a team's own is not needed.");
    r = find_group(cli, *team, &gid, name, size);
    if (r == 0 && !in_group(gid))
        r = err_set(&cli->err, E_DENIED, "You do not belong to the group \"%s\".", name);
    if (r == 0)
        *team = name;
    return r < 0 || cli->place.mode == PLACE_NAMED
               ? r
               : place_of_team(&env, gid, &cli->place, &cli->err);
}

static void say_up(struct cli *cli, const json_t *status, bool started, const char *team)
{
    buf_printf(
        &cli->out,
        started ? tr(cli->lang, "The daemon is up (process %1$lld); its state is in %2$s.")
                : tr(cli->lang, "The daemon is already up (process %1$lld); its state is in %2$s."),
        (long long)json_i64(status, "pid"), json_text(status, "state_dir"));
    buf_char(&cli->out, '\n');
    if (team)
        buf_printf(
            &cli->out,
            tr(cli->lang, "Members of \"%s\" may submit; their jobs run as you, with your rights."),
            team);
    if (team)
        buf_char(&cli->out, '\n');
}

/* Connect or start, and ask how it is. */
static int up(struct cli *cli, const struct spawn_options *options, bool *ret_started,
              json_t **ret_status)
{
    int r = place_check_run(&cli->place, &cli->err);
    if (r == 0)
        r = http_connect(&cli->place, lang_word(cli->lang), &cli->http, &cli->err);
    if ((r == E_NOT_FOUND || r == E_UNAVAILABLE) && cli->place.mode != PLACE_SYSTEM)
        r = spawn_daemon(&cli->place, options, lang_word(cli->lang), &cli->http, ret_started,
                         &cli->err);
    return r < 0 ? r : cli_call(cli, "GET", "/v1/status", NULL, ret_status);
}

static int run_up(struct cli *cli, struct args *args)
{
    const char *team = args_value(args, "team");
    struct spawn_options options = {.team = team, .config = args_value(args, "config")};
    bool started = false;
    json_t *status = NULL;
    char group[256];
    char config[PATH_MAX]; /* what realpath wants */
    int r = args_operands(cli, args, 0, 0, "[--team GROUP] [--boot]");
    if (r == 0 && args_flag(args, "boot") && args_flag(args, "no-boot"))
        r = err_set(&cli->err, E_USAGE, "--boot and --no-boot contradict each other.");
    if (r == 0 && args_flag(args, "no-boot")) {
        r = boot_remove(cli);
        return r < 0 ? cli_fail(cli) : 0;
    }
    if (r == 0 && options.config) {
        if (!realpath(options.config, config))
            r = err_set(&cli->err, io_from_errno(errno),
                        "The configuration \"%s\" cannot be opened: %s.", options.config,
                        strerror(errno));
        options.config = config;
    }
    if (r == 0)
        r = find_place(cli, &team, group, sizeof group);
    options.team = team;
    if (r == 0)
        r = up(cli, &options, &started, &status);
    if (r == E_UNAVAILABLE && !cli->http.open && !started) /* it died while it was asked */
        r = up(cli, &options, &started, &status);
    if (r == 0) {
        if (started && cli->place.home_fs[0])
            cli_say(cli,
                    tr(cli->lang, "Your home directory is on %1$s, where the store cannot be kept "
                                  "safely; it is kept in %2$s."),
                    cli->place.home_fs, cli->place.state);
        say_up(cli, status, started, team);
        if (args_flag(args, "boot"))
            r = boot_install(cli, team, options.config);
    }
    json_decref(status);
    return r < 0 ? cli_fail(cli) : 0;
}

static const struct opt up_opts[] = {
    {"team", 0, "GROUP", N_("Let the members of this Unix group in; their jobs run as you.")},
    {"boot", 0, NULL, N_("Start it at every boot, and keep it after logout.")},
    {"no-boot", 0, NULL, N_("Undo --boot.")},
    {"config", 0, "FILE", N_("Read this eoul.yaml.")},
    {0},
};

const struct cmd cmd_up = {
    .name = "up",
    .group = "keep",
    .usage = "[--team GROUP] [--boot]",
    .opts = up_opts,
    .flags = CMD_NEEDS_DAEMON | CMD_STARTS_DAEMON,
    .run = run_up,
    .summary = N_("Start the daemon, if it does not run yet."),
    .examples =
        (const char *const[]){"eoul up", N_("for myself, until the next boot"), "eoul up --boot",
                              N_("from now on, at every boot"), "eoul up --team vision",
                              N_("for the Unix group vision"), NULL},
};

/* --- down
 * --------------------------------------------------------------------------------------------- */

static int run_down(struct cli *cli, struct args *args)
{
    json_t *status = NULL, *answer = NULL, *body = json_object();
    bool cancel = args_flag(args, "cancel-jobs");
    int r = args_operands(cli, args, 0, 0, "[--cancel-jobs]");
    if (r == 0)
        r = cli_call(cli, "GET", "/v1/status", NULL, &status);
    if (cancel)
        json_object_set_new(body, "jobs", json_string("cancel"));
    if (r == 0)
        r = cli_call(cli, "POST", "/v1/down", body, &answer);
    if (r == 0) {
        int64_t running = json_i64(json_object_get(status, "counts"), "running");
        if (cancel || running == 0)
            buf_c(&cli->out, tr(cli->lang, "The daemon stops."));
        else
            buf_printf(&cli->out,
                       trn(cli->lang,
                           "The daemon stops; %lld running job goes on and is found again by the "
                           "next one.",
                           "The daemon stops; %lld running jobs go on and are found again by the "
                           "next one.",
                           (unsigned long long)running),
                       (long long)running);
        buf_char(&cli->out, '\n');
    }
    json_decref(status);
    json_decref(answer);
    json_decref(body);
    return r < 0 ? cli_fail(cli) : 0;
}

static const struct opt down_opts[] = {
    {"cancel-jobs", 0, NULL, N_("End the running jobs too.")},
    {0},
};

const struct cmd cmd_down = {
    .name = "down",
    .group = "keep",
    .usage = "[--cancel-jobs]",
    .opts = down_opts,
    .flags = CMD_NEEDS_DAEMON,
    .run = run_down,
    .summary = N_("Stop the daemon; running jobs go on."),
    .examples =
        (const char *const[]){"eoul down", N_("until \"eoul up\" or the next \"eoul run\""), NULL},
};

/* --- status
 * ------------------------------------------------------------------------------------------- */

static void line(struct cli *cli, const char *label, const char *value)
{
    width_cell(&cli->out, str_of(label), 12, WIDTH_LEFT);
    buf_char(&cli->out, ' ');
    cli_clean(&cli->out, value);
    buf_char(&cli->out, '\n');
}

/* Who has used --urgent, and when they may again: for everybody to see. */
static void urgent_lines(struct cli *cli, const json_t *status)
{
    int64_t allowed = json_i64(status, "urgent_allowed");
    size_t i;
    json_t *u;
    json_array_foreach(json_object_get(status, "urgent"), i, u)
    {
        char memory[256], when_memory[96], who_memory[128];
        struct buf text, when, who;
        buf_init_fixed(&text, memory, sizeof memory);
        buf_init_fixed(&when, when_memory, sizeof when_memory);
        buf_init_fixed(&who, who_memory, sizeof who_memory);
        cli_when(cli, &when, json_i64(u, "free_at"));
        cli_clean(&who, json_text(u, "person"));
        buf_char(&who, '\0');
        buf_printf(&text, tr(cli->lang, "%1$s: %2$lld of %3$lld in seven days, one more from %4$s"),
                   who.failed ? "?" : who.ptr, (long long)json_i64(u, "used"), (long long)allowed,
                   when.failed ? "?" : when.ptr);
        line(cli, i == 0 ? tr(cli->lang, "urgent") : "", text.failed ? "?" : memory);
    }
}

/* What an operator put before others', for everybody to see. */
static void boost_lines(struct cli *cli, const json_t *status)
{
    size_t i;
    json_t *b;
    json_array_foreach(json_object_get(status, "boosts"), i, b)
    {
        char memory[1024];
        struct buf text;
        buf_init_fixed(&text, memory, sizeof memory);
        boost_of(cli, &text, b);
        buf_char(&text, ' ');
        boost_told(cli, &text, b);
        buf_char(&text, '\0');
        line(cli, i == 0 ? tr(cli->lang, "boosted") : "", text.failed ? "?" : memory);
    }
}

/* Why it is the mode it is. */
static void week_reason(struct cli *cli, const json_t *week, struct buf *text)
{
    const json_t *seen = json_object_get(week, "seen_us");
    double hour = (double)USEC_PER_HOUR;
    const char *state = json_text(week, "state");
    char memory[64];
    struct buf day;
    usec_t last_at = json_i64(week, "until_at") - USEC_PER_HOUR;
    buf_init_fixed(&day, memory, sizeof memory);
    text_when(&day, cli->lang, last_at, zone_offset_s(cli_zone(cli), last_at / USEC_PER_SEC), TEXT_DATE);
    if (!json_is_true(json_object_get(week, "weekly")))
        buf_c(text, tr(cli->lang, "as eoul.yaml says"));
    else if (strcmp(state, "picked") == 0)
        buf_printf(text, trn(cli->lang, "replayed %1$lld week to %2$s: later %3$.1f h, plan %4$.1f h, area %5$.1f h until seen",
                             "replayed %1$lld weeks to %2$s: later %3$.1f h, plan %4$.1f h, area %5$.1f h until seen",
                             (unsigned long long)json_i64(week, "weeks")),
                   (long long)json_i64(week, "weeks"), day.ptr, (double)json_i64(seen, "later") / hour,
                   (double)json_i64(seen, "plan") / hour, (double)json_i64(seen, "area") / hour);
    else if (strcmp(state, "too-little") == 0)
        buf_printf(text, tr(cli->lang, "too little history: none of the four weeks to %s has 20 results"), day.ptr);
    else
        buf_c(text, tr(cli->lang, "its first replay is still to come"));
    buf_char(text, '\0');
}

static void week_lines(struct cli *cli, const json_t *week)
{
    char memory[512], since_memory[96];
    struct buf text, since;
    if (!json_is_object(week))
        return;
    buf_init_fixed(&text, memory, sizeof memory);
    buf_init_fixed(&since, since_memory, sizeof since_memory);
    cli_when(cli, &since, json_i64(week, "since_at"));
    buf_printf(&text, tr(cli->lang, "%1$s, since %2$s"), json_text(week, "mode"), since.ptr);
    buf_char(&text, '\0');
    line(cli, tr(cli->lang, "mode of week"), text.failed ? "?" : memory);
    buf_clear(&text);
    week_reason(cli, week, &text);
    line(cli, "", text.failed ? "?" : memory);
    if (json_is_true(json_object_get(week, "failed")))
        line(cli, "", tr(cli->lang, "the last replay failed and is made again; the mode stays"));
}

/* What projects have in use of what they may. */
static void account_lines(struct cli *cli, const json_t *status)
{
    size_t i;
    json_t *a;
    json_array_foreach(json_object_get(status, "accounts"), i, a)
    {
        char memory[512];
        struct buf text;
        buf_init_fixed(&text, memory, sizeof memory);
        quota_told(cli, &text, json_text(a, "account"), a);
        buf_char(&text, '\0');
        line(cli, i == 0 ? tr(cli->lang, "accounts") : "", text.failed ? "?" : memory);
    }
}

static void put_status(struct cli *cli, const json_t *status)
{
    char memory[256];
    struct buf text, since;
    char since_memory[96];
    const json_t *counts = json_object_get(status, "counts");
    size_t i;
    json_t *note;
    cli_zone(cli);
    buf_init_fixed(&text, memory, sizeof memory);
    buf_init_fixed(&since, since_memory, sizeof since_memory);
    cli_when(cli, &since, json_i64(status, "started_at"));
    buf_printf(&text, tr(cli->lang, "eould %1$s, process %2$lld, up since %3$s"),
               json_text(status, "version"), (long long)json_i64(status, "pid"), since.ptr);
    line(cli, tr(cli->lang, "daemon"), memory);
    line(cli, tr(cli->lang, "mode"), json_text(status, "mode"));
    buf_clear(&text);
    buf_printf(&text, tr(cli->lang, "%1$lld running, %2$lld waiting, %3$lld held"),
               (long long)json_i64(counts, "running"), (long long)json_waiting(counts),
               (long long)json_i64(counts, "held"));
    line(cli, tr(cli->lang, "jobs"), memory);
    line(cli, tr(cli->lang, "policy"), json_text(status, "policy"));
    week_lines(cli, json_object_get(status, "mode_of_week"));
    const json_t *forecasts = json_object_get(status, "forecasts");
    if (json_i64(forecasts, "scored") > 0) {
        buf_clear(&text);
        buf_printf(&text, tr(cli->lang, "of the last %1$lld, %2$lld ended inside the 90 %% band"),
                   (long long)json_i64(forecasts, "scored"), (long long)json_i64(forecasts, "inside"));
        line(cli, tr(cli->lang, "forecasts"), memory);
    }
    urgent_lines(cli, status);
    boost_lines(cli, status);
    account_lines(cli, status);
    if (json_i64(status, "power_cap_w") > 0) {
        buf_clear(&text);
        buf_printf(&text, tr(cli->lang, "%1$lld of %2$lld W booked by jobs, %3$lld W taken by others"),
                   (long long)json_i64(status, "power_booked_w"), (long long)json_i64(status, "power_cap_w"),
                   (long long)json_i64(status, "power_foreign_w"));
        line(cli, tr(cli->lang, "power"), memory);
    }
    line(cli, tr(cli->lang, "socket"), json_text(status, "socket"));
    line(cli, tr(cli->lang, "state"), json_text(status, "state_dir"));
    if (json_is_true(json_object_get(status, "queue_closed")))
        buf_printf(&cli->out, "%s\n",
                   tr(cli->lang, "The queue is closed; \"eoul undrain\" opens it."));
    json_array_foreach(json_object_get(status, "notes"), i, note)
    {
        cli_clean(&cli->out, json_string_value(note));
        buf_char(&cli->out, '\n');
    }
}

static int run_status(struct cli *cli, struct args *args)
{
    json_t *status = NULL;
    int r = args_operands(cli, args, 0, 0, "[--json]");
    if (r == 0 && args_flag(args, "json")) {
        r = cli_print_json(cli, "/v1/status");
    } else if (r == 0) {
        r = cli_call(cli, "GET", "/v1/status", NULL, &status);
        if (r == 0)
            put_status(cli, status);
        observe_announce(cli); /* a recorder needs no daemon */
        json_decref(status);
    }
    return r < 0 ? cli_fail(cli) : 0;
}

static const struct opt status_opts[] = {
    {"json", 0, NULL, N_("Print the daemon's answer as JSON.")},
    {0},
};

const struct cmd cmd_status = {
    .name = "status",
    .group = "keep",
    .usage = "[--json]",
    .opts = status_opts,
    .flags = CMD_NEEDS_DAEMON,
    .run = run_status,
    .summary = N_("Show the daemon: since when it runs, where its state is, what it has to say."),
    .examples = (const char *const[]){"eoul status", N_("in a few lines"), NULL},
};

/* --- config check, sim
 * ------------------------------------------------------------------------------------ */

/* Where eould looks when it is told no file. */
static int default_config(struct cli *cli, char *ret, size_t size)
{
    const char *base = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME"), *named = getenv("EOUL_CONFIG");
    struct stat st;
    int n;
    if (named && named[0])
        n = snprintf(ret, size, "%s", named);
    else if (lstat(PLACE_SYSTEM_SOCKET, &st) == 0)
        n = snprintf(ret, size, "/etc/eoul/eoul.yaml");
    else if (base && base[0] == '/')
        n = snprintf(ret, size, "%s/eoul/eoul.yaml", base);
    else
        n = snprintf(ret, size, "%s/.config/eoul/eoul.yaml", home ? home : "");
    return n < 0 || (size_t)n >= size
               ? err_set(&cli->err, E_TOO_LARGE, "The path of the configuration is too long.")
               : 0;
}

static int run_config(struct cli *cli, struct args *args)
{
    char file[PLACE_PATH_MAX];
    int r = args_operands(cli, args, 1, 2, "check [FILE]");
    if (r == 0 && strcmp(args->rest[0], "check") != 0)
        r = err_set(&cli->err, E_USAGE, "\"eoul config\" can check: eoul config check [FILE].");
    if (r == 0)
        r = default_config(cli, file, sizeof file);
    if (r == 0) {
        char *argv[] = {"eould", "--check-config", args->rest_n > 1 ? args->rest[1] : file, NULL};
        program_become(cli, "eould", argv);
    }
    return cli_fail(cli);
}

const struct cmd cmd_config = {
    .name = "config",
    .group = "keep",
    .usage = "check [FILE]",
    .run = run_config,
    .summary = N_("Check a configuration file without using it."),
    .examples = (const char *const[]){"eoul config check eoul.yaml",
                                      N_("each mistake with its line"), NULL},
};

static int run_sim(struct cli *cli, struct args *args)
{
    /* argv of the simulator: its name, then what was typed; rest is part of main's argv, which ends
     * in NULL and has the verb before it */
    char **argv = args->rest - 1;
    argv[0] = "eoul-sim";
    program_become(cli, "eoul-sim", argv);
    return cli_fail(cli);
}

const struct cmd cmd_sim = {
    .name = "sim",
    .group = "think",
    .usage = "[ARG...]",
    .flags = CMD_RAW,
    .run = run_sim,
    .summary = N_("Simulate: somebody's log under several policies, a journal again, made-up weeks."),
    .examples =
        (const char *const[]){"eoul sim --trace jobs.csv --gpus 16 --policy easy,saf,blend",
                              N_("what each policy makes of these jobs"),
                              "eoul sim --replay JOURNAL", N_("recompute what the daemon decided"),
                              "eoul sim --help", N_("what else it can do"), NULL},
};
