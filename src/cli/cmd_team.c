/* cmd_team.c - `eoul gpus`, `drain`, `undrain`, `me`, `away`, `here`: the machine and its people.
 */
#include <string.h>

#include "cal/format.h"
#include "cal/hours.h"
#include "cal/when.h"
#include "cal/zone_load.h"
#include "cli/cli.h"
#include "cli/cmd_calendar.h"
#include "cli/cmd_feed.h"
#include "cli/cmd_notify.h"
#include "cli/me_data.h"
#include "cli/me_habit.h"
#include "cli/me_week.h"
#include "cli/quota_text.h"
#include "i18n/text.h"
#include "i18n/width.h"

#define TEXT_MAX 1024
#define DAY_MIN (24 * 60)

/* --- gpus ---------------------------------------------------------------------------------------
 */

static void clean_cell(struct table *t, const char *foreign, enum paint paint)
{
    char memory[TEXT_MAX];
    struct buf text;
    buf_init_fixed(&text, memory, sizeof memory);
    cli_clean(&text, foreign[0] ? foreign : "-");
    table_cell(t, text.failed ? STR("?") : buf_look(&text), paint);
}

static void gpu_row(struct cli *cli, struct table *t, const json_t *gpu)
{
    char memory[128];
    struct buf text;
    const char *state = json_text(gpu, "state"), *user = json_text(gpu, "foreign_user");
    int64_t memory_mib = json_i64(gpu, "memory_mib"), power_mw = json_i64(gpu, "power_mw");
    buf_init_fixed(&text, memory, sizeof memory);
    buf_i64(&text, json_i64(gpu, "gpu"));
    table_cell(t, buf_look(&text), PAINT_NONE);
    clean_cell(t, json_text(gpu, "model"), PAINT_NONE);
    clean_cell(t, state, strcmp(state, "up") == 0 ? PAINT_GREEN : PAINT_RED);
    clean_cell(t, json_text(gpu, "job"), PAINT_NONE);
    clean_cell(t, user[0] ? user : json_text(gpu, "owner"), PAINT_NONE);
    buf_clear(&text);
    cli_when(cli, &text, json_i64(gpu, "until_at"));
    table_cell(t, buf_look(&text), PAINT_NONE);
    buf_clear(&text);
    if (memory_mib > 0) {
        text_mib(&text, (uint64_t)json_i64(gpu, "memory_used_mib"));
        buf_c(&text, " / ");
        text_mib(&text, (uint64_t)memory_mib);
    } else {
        buf_char(&text, '-');
    }
    table_cell(t, buf_look(&text), PAINT_NONE);
    buf_clear(&text);
    if (json_object_get(gpu, "utilisation") && memory_mib > 0)
        buf_printf(&text, "%lld %%", (long long)json_i64(gpu, "utilisation"));
    else
        buf_char(&text, '-');
    table_cell(t, buf_look(&text), PAINT_NONE);
    buf_clear(&text);
    if (power_mw > 0)
        buf_printf(&text, "%lld W", (long long)((power_mw + 500) / 1000));
    else
        buf_char(&text, '-');
    table_cell(t, buf_look(&text), PAINT_NONE);
}

static void put_gpus(struct cli *cli, const json_t *answer)
{
    const struct column columns[] = {
        {"GPU", true, false},
        {tr(cli->lang, "MODEL"), false, true},
        {tr(cli->lang, "STATE"), false, false},
        {tr(cli->lang, "JOB"), false, false},
        {tr(cli->lang, "USER"), false, true},
        {tr(cli->lang, "FREE FROM"), true, false},
        {tr(cli->lang, "MEMORY"), true, false},
        {tr(cli->lang, "BUSY"), true, false},
        {tr(cli->lang, "POWER"), true, false},
    };
    const json_t *gpus = json_object_get(answer, "gpus");
    size_t i;
    json_t *gpu;
    cli_zone(cli);
    if (json_array_size(gpus) > 0) {
        struct table *t = table_create(columns, 9);
        json_array_foreach(gpus, i, gpu) gpu_row(cli, t, gpu);
        table_finish(t, cli);
        buf_char(&cli->out, '\n');
    } else {
        buf_printf(&cli->out, "%s\n", tr(cli->lang, "There is no GPU here; jobs share the CPUs."));
    }
    buf_printf(&cli->out, tr(cli->lang, "CPUs: %1$lld of %2$lld busy"),
               (long long)json_i64(answer, "cpus_busy"), (long long)json_i64(answer, "cpus"));
    buf_char(&cli->out, '\n');
    if (json_i64(answer, "power_cap_w") > 0)
        buf_printf(&cli->out, tr(cli->lang, "Power: %1$lld of %2$lld W booked by jobs, %3$lld W taken by others\n"),
                   (long long)json_i64(answer, "power_booked_w"), (long long)json_i64(answer, "power_cap_w"),
                   (long long)json_i64(answer, "power_foreign_w"));
    if (strcmp(json_text(answer, "source"), "declared") == 0)
        buf_printf(
            &cli->out, "%s\n",
            tr(cli->lang, "The GPUs are declared in the configuration; nobody measures them."));
}

static int run_gpus(struct cli *cli, struct args *args)
{
    json_t *answer = NULL;
    int r = args_operands(cli, args, 0, 0, "[--json]");
    if (r == 0 && args_flag(args, "json")) {
        r = cli_print_json(cli, "/v1/gpus");
    } else if (r == 0) {
        r = cli_call(cli, "GET", "/v1/gpus", NULL, &answer);
        if (r == 0)
            put_gpus(cli, answer);
        json_decref(answer);
    }
    return r < 0 ? cli_fail(cli) : 0;
}

static const struct opt json_opts[] = {
    {"json", 0, NULL, N_("Print the daemon's answer as JSON.")},
    {0},
};

const struct cmd cmd_gpus = {
    .name = "gpus",
    .group = "look",
    .usage = "[--json]",
    .opts = json_opts,
    .flags = CMD_NEEDS_DAEMON,
    .run = run_gpus,
    .summary = N_("Show the GPUs: who holds them, until when, and what others run on them."),
    .examples = (const char *const[]){"eoul gpus", N_("all of them"), NULL},
};

/* --- drain, undrain
 * --------------------------------------------------------------------------------- */

static int run_drain(struct cli *cli, struct args *args)
{
    bool drain = strcmp(args->cmd->name, "drain") == 0;
    char *everything[] = {"queue"};
    char **names = args->rest_n > 0 ? args->rest : everything;
    int names_n = args->rest_n > 0 ? args->rest_n : 1;
    int r = 0;
    for (int i = 0; i < names_n; i++) {
        json_t *answer = NULL;
        struct buf path;
        buf_init(&path, HTTP_PATH_MAX - 64);
        buf_c(&path, "/v1/gpus/");
        http_encode(&path, str_of(names[i]));
        buf_c(&path, drain ? "/drain" : "/undrain");
        json_t *body = json_object();
        r = path.failed ? err_set(&cli->err, E_USAGE, "\"%.60s...\" is no GPU.", names[i])
                        : cli_call(cli, "POST", path.ptr, body, &answer);
        json_decref(body);
        json_decref(answer);
        buf_finish(&path);
        if (r < 0)
            break;
        bool queue = strcmp(names[i], "queue") == 0;
        struct buf name;
        buf_init(&name, TEXT_MAX);
        cli_clean(&name, names[i]);
        if (args_flag(args, "json"))
            buf_c(&cli->out, "{\"changed\":1}");
        else if (queue && drain)
            buf_c(&cli->out, tr(cli->lang, "The queue is closed: what runs goes on, nothing starts "
                                           "until \"eoul undrain\"."));
        else if (queue)
            buf_c(&cli->out, tr(cli->lang, "The queue is open again."));
        else if (drain)
            buf_printf(&cli->out,
                       tr(cli->lang, "GPU %1$s takes no new job; what runs there goes on. \"eoul "
                                     "undrain %1$s\" gives it back."),
                       name.ptr ? name.ptr : "");
        else
            buf_printf(&cli->out, tr(cli->lang, "GPU %s takes jobs again."),
                       name.ptr ? name.ptr : "");
        buf_char(&cli->out, '\n');
        buf_finish(&name);
    }
    return r < 0 ? cli_fail(cli) : 0;
}

const struct cmd cmd_drain = {
    .name = "drain",
    .group = "keep",
    .usage = "[GPU... | queue]",
    .opts = json_opts,
    .flags = CMD_NEEDS_DAEMON,
    .run = run_drain,
    .summary = N_("Let nothing new start on a GPU, or at all; what runs goes on."),
    .examples = (const char *const[]){"eoul drain 3", N_("GPU 3, for example before it is moved"),
                                      "eoul drain", N_("everything"), NULL},
};

const struct cmd cmd_undrain = {
    .name = "undrain",
    .group = "keep",
    .usage = "[GPU... | queue]",
    .opts = json_opts,
    .flags = CMD_NEEDS_DAEMON,
    .run = run_drain,
    .summary = N_("Let jobs start there again."),
    .examples =
        (const char *const[]){"eoul undrain 3", N_("GPU 3"), "eoul undrain", N_("the queue"), NULL},
};

/* --- me
 * -----------------------------------------------------------------------------------------------
 */

static void me_line(struct cli *cli, const char *label, const char *value, const char *note)
{
    width_cell(&cli->out, str_of(label), 14, WIDTH_LEFT);
    buf_char(&cli->out, ' ');
    cli_clean(&cli->out, value);
    if (note && note[0]) {
        buf_c(&cli->out, "  (");
        buf_c(&cli->out, note);
        buf_char(&cli->out, ')');
    }
    buf_char(&cli->out, '\n');
}

static void me_when(struct cli *cli, const char *label, usec_t until_at)
{
    char memory[128];
    struct buf text;
    if (until_at <= cli->now_at)
        return;
    buf_init_fixed(&text, memory, sizeof memory);
    text_when(&text, cli->lang, until_at, zone_offset_s(cli_zone(cli), until_at / USEC_PER_SEC),
              TEXT_FULL);
    me_line(cli, label, until_at == USEC_NEVER ? tr(cli->lang, "until further notice") : memory,
            NULL);
}

static void me_length(struct cli *cli, const char *label, usec_t length_us)
{
    char memory[96];
    struct buf text;
    buf_init_fixed(&text, memory, sizeof memory);
    cli_length(cli, &text, length_us);
    if (length_us > 0)
        me_line(cli, label, memory, NULL);
}

/* Every absence ahead, and who looks meanwhile. */
static void me_leaves(struct cli *cli, const json_t *leaves)
{
    size_t i;
    json_t *leave;
    json_array_foreach(leaves, i, leave)
    {
        char memory[192], note[160];
        struct buf text, by;
        const char *deputy = json_string_value(json_array_get(leave, 2));
        struct span span = {json_integer_value(json_array_get(leave, 0)),
                            json_integer_value(json_array_get(leave, 1))};
        buf_init_fixed(&text, memory, sizeof memory);
        buf_init_fixed(&by, note, sizeof note);
        if (span.from_at <= cli->now_at) { /* on: only its end matters */
            buf_c(&text, tr(cli->lang, "until "));
            cal_format(&text, cli_zone(cli), cli->lang == LANG_KO ? CAL_KOREAN : CAL_ENGLISH, CAL_FULL,
                       span.until_at, cli->now_at);
        } else {
            cal_format_range(&text, cli_zone(cli), cli->lang == LANG_KO ? CAL_KOREAN : CAL_ENGLISH,
                             CAL_FULL, span, cli->now_at);
        }
        if (deputy && deputy[0])
            buf_printf(&by, tr(cli->lang, "%s looks meanwhile"), deputy);
        me_line(cli, i == 0 ? tr(cli->lang, "away") : "", text.failed ? "" : memory,
                by.failed || !by.len ? NULL : note);
    }
}

/* How forecasts of my runs came true, and what moving my starts later did. */
static void me_forecasts(struct cli *cli, const json_t *f, bool agreed)
{
    char memory[256];
    struct buf text;
    buf_init_fixed(&text, memory, sizeof memory);
    if (json_i64(f, "scored") > 0) {
        buf_printf(&text, tr(cli->lang, "of the last %1$lld, %2$lld ended inside the 90 %% band"),
                   (long long)json_i64(f, "scored"), (long long)json_i64(f, "inside"));
        me_line(cli, tr(cli->lang, "forecasts"), memory,
                agreed && !json_is_true(json_object_get(f, "hold"))
                    ? tr(cli->lang, "too few: no start is moved later until they hold again") : NULL);
    }
    if (json_i64(f, "moved") > 0) {
        buf_clear(&text);
        buf_printf(&text, tr(cli->lang, "%1$lld moved, %2$lld of them seen later than otherwise"),
                   (long long)json_i64(f, "moved"), (long long)json_i64(f, "missed"));
        me_line(cli, tr(cli->lang, "moved starts"), memory, NULL);
    }
    if (json_i64(f, "would") > 0 && !agreed) {
        buf_clear(&text);
        buf_printf(&text, tr(cli->lang, "%1$lld would have been moved, %2$lld of them seen no later for it"),
                   (long long)json_i64(f, "would"), (long long)json_i64(f, "right"));
        me_line(cli, tr(cli->lang, "later starts"), memory,
                tr(cli->lang, "\"eoul me defer yes\" agrees to that; \"eoul why JOB\" says what it would have been"));
    }
}

/* Mine and the team's, in whole minutes. */
struct two_lengths {
    char own[64], team[64];
};

static struct two_lengths me_lengths(struct cli *cli, const json_t *w, const char *own, const char *team)
{
    struct two_lengths ret;
    struct buf a, b;
    buf_init_fixed(&a, ret.own, sizeof ret.own);
    buf_init_fixed(&b, ret.team, sizeof ret.team);
    cli_length(cli, &a, json_i64(w, own) / USEC_PER_MIN * USEC_PER_MIN);
    cli_length(cli, &b, json_i64(w, team) / USEC_PER_MIN * USEC_PER_MIN);
    return ret;
}

static void me_delay_and_gpus(struct cli *cli, const json_t *w)
{
    char memory[256];
    struct buf text;
    int64_t delay = json_i64(w, "delay_milli"), gpu = json_i64(w, "gpu_milli");
    struct two_lengths d = me_lengths(cli, w, "delay_us", "team_delay_us"), g = me_lengths(cli, w, "gpu_us", "team_gpu_us");
    buf_init_fixed(&text, memory, sizeof memory);
    buf_printf(&text, tr(cli->lang, "results seen %1$s later than on an empty machine, %2$s in the team: x %3$lld.%4$02lld"),
               d.own, d.team, (long long)delay / 1000, (long long)delay % 1000 / 10);
    if (delay != 1000)
        me_line(cli, "", memory, NULL);
    buf_clear(&text);
    buf_printf(&text, tr(cli->lang, "%1$s of GPU time lately, %2$s a person in the team: x %3$lld.%4$02lld"), g.own, g.team,
               (long long)gpu / 1000, (long long)gpu % 1000 / 10);
    if (gpu != 1000)
        me_line(cli, "", memory, NULL);
}

/* How much my jobs count, and why. */
static void me_weight(struct cli *cli, const json_t *w)
{
    char memory[256];
    struct buf text;
    int64_t all = json_i64(w, "all_milli"), own = json_i64(w, "own_milli"), results = json_i64(w, "results_milli");
    bool plain = all == 1000 && own == 1000 && results == 1000 && json_i64(w, "delay_milli") == 1000 &&
                 json_i64(w, "gpu_milli") == 1000;
    if (!json_is_true(json_object_get(w, "counts")) || plain)
        return;
    buf_init_fixed(&text, memory, sizeof memory);
    buf_printf(&text, tr(cli->lang, "my jobs count %1$lld.%2$02lld times as much as usual"), (long long)all / 1000,
               (long long)all % 1000 / 10);
    me_line(cli, tr(cli->lang, "weight"), memory, NULL);
    if (own != 1000) {
        buf_clear(&text);
        buf_printf(&text, tr(cli->lang, "as the team configured: x %1$lld.%2$02lld"), (long long)own / 1000,
                   (long long)own % 1000 / 10);
        me_line(cli, "", memory, NULL);
    }
    if (results != 1000) {
        int64_t team = json_i64(w, "team_results_milli");
        buf_clear(&text);
        buf_printf(&text, tr(cli->lang, "%1$lld results in 28 days, %2$lld.%3$lld a person in the team: x %4$lld.%5$02lld"),
                   (long long)json_i64(w, "results"), (long long)team / 1000, (long long)team % 1000 / 100,
                   (long long)results / 1000, (long long)results % 1000 / 10);
        me_line(cli, "", memory, NULL);
    }
    me_delay_and_gpus(cli, w);
}

/* My own, and those of the projects that are open to me. */
static void me_quotas(struct cli *cli, const json_t *quotas)
{
    size_t i;
    json_t *q;
    json_array_foreach(quotas, i, q)
    {
        char memory[512];
        struct buf text;
        buf_init_fixed(&text, memory, sizeof memory);
        quota_told(cli, &text, json_text(q, json_object_get(q, "account") ? "account" : "person"), q);
        buf_char(&text, '\0');
        me_line(cli, i == 0 ? tr(cli->lang, "quotas") : "", text.failed ? "?" : memory, NULL);
    }
}

static void put_me(struct cli *cli, const json_t *me)
{
    const char *from = json_text(me, "hours_from");
    cli_zone(cli);
    me_line(cli, tr(cli->lang, "name"), json_text(me, "name"), NULL);
    if (!json_object_get(me, "zone"))
        return; /* somebody else's: changed, and theirs alone to see */
    me_line(cli, tr(cli->lang, "language"), json_text(me, "lang"), NULL);
    me_line(cli, tr(cli->lang, "time zone"), json_text(me, "zone"),
            strcmp(json_text(me, "zone_from"), "default") != 0 ? NULL
                : tr(cli->lang, "the machine's; all hours here are in it; \"eoul me zone Asia/Seoul\" sets another"));
    me_line(cli, tr(cli->lang, "look hours"), json_text(me, "hours"),
            strcmp(from, "default") == 0 ? tr(cli->lang, "assumed; \"eoul me hours\" says better")
            : strcmp(from, "configured") == 0 ? tr(cli->lang, "from the team's configuration")
                                              : NULL);
    from = json_text(me, "work_from");
    if (from[0])
        me_line(cli, tr(cli->lang, "work hours"), json_text(me, "work"),
            strcmp(from, "default") == 0 ? tr(cli->lang, "nothing is offered for todos")
            : strcmp(from, "configured") == 0 ? tr(cli->lang, "from the team's configuration")
                                              : NULL);
    if (from[0] && strcmp(json_text(me, "focus"), "none") != 0)
        me_line(cli, tr(cli->lang, "focus blocks"), json_text(me, "focus"), NULL);
    me_length(cli, tr(cli->lang, "todos a day"), json_i64(me, "cap_us"));
    me_length(cli, tr(cli->lang, "event buffer"), json_i64(me, "buffer_us"));
    if (json_is_true(json_object_get(me, "defer")))
        me_line(cli, tr(cli->lang, "later starts"), tr(cli->lang, "yes"),
                tr(cli->lang, "inside the slack of a job; \"eoul me defer no\" ends it"));
    me_forecasts(cli, json_object_get(me, "forecasts"), json_is_true(json_object_get(me, "defer")));
    me_weight(cli, json_object_get(me, "weight"));
    me_quotas(cli, json_object_get(me, "quotas"));
    if (json_i64(me, "calendars_n") > 0) {
        char number[32];
        snprintf(number, sizeof number, "%lld", (long long)json_i64(me, "calendars_n"));
        me_line(cli, tr(cli->lang, "calendars"), number, NULL);
    }
    me_leaves(cli, json_object_get(me, "leaves"));
    me_when(cli, tr(cli->lang, "here until"), json_i64(me, "here_until_at"));
    size_t i;
    json_t *look;
    json_array_foreach(json_object_get(me, "look"), i, look)
    {
        struct span span = {json_integer_value(json_array_get(look, 0)),
                            json_integer_value(json_array_get(look, 1))};
        char memory[160];
        struct buf text;
        if (i == 3)
            break; /* the next few say whether it was understood */
        buf_init_fixed(&text, memory, sizeof memory);
        cal_format_range(&text, cli_zone(cli), cli->lang == LANG_KO ? CAL_KOREAN : CAL_ENGLISH,
                         CAL_SHORT, span, cli->now_at);
        me_line(cli, i == 0 ? tr(cli->lang, "next looks") : "", text.failed ? "" : memory, NULL);
    }
}

/* Joins operands with blanks: people do not quote. */
static const char *joined(struct buf *text, char **words, int n)
{
    for (int i = 0; i < n; i++) {
        buf_c(text, i ? " " : "");
        buf_c(text, words[i]);
    }
    return text->failed || !text->ptr ? "" : text->ptr;
}

static int send_me(struct cli *cli, const struct args *args, json_t *change)
{
    json_t *me = NULL;
    const char *person = args_value(args, "for");
    if (person)
        json_object_set_new(change, "for", json_string(person));
    int r = cli_call(cli, "POST", "/v1/me", change, &me);
    if (r == 0 && args_flag(args, "json")) {
        cli_put_json(cli, me);
    } else if (r == 0) {
        put_me(cli, me);
    }
    json_decref(me);
    return r;
}

/* 18:00-09:00 may be a slip of who meant the day: it is taken as it stands, and said. */
static void say_overnight(struct cli *cli, const char *value)
{
    struct hours hours;
    struct buf text;
    if (hours_parse(str_of(value), &hours, NULL) < 0)
        return;
    for (unsigned day = 0; day < 7; day++)
        for (unsigned i = 0; i < hours.day[day].n; i++) {
            struct hours_span s = hours.day[day].span[i];
            char memory[32];
            if (s.until_min <= DAY_MIN)
                continue;
            buf_init_fixed(&text, memory, sizeof memory);
            buf_printf(&text, "%02u:%02u-%02u:%02u", s.from_min / 60, s.from_min % 60, (s.until_min - DAY_MIN) / 60,
                       (s.until_min - DAY_MIN) % 60);
            cli_say(cli, tr(cli->lang, "%s lasts until the next morning."), memory);
            return;
        }
}

/* What the daemon will refuse is refused here, with the same sentence, before it is asked. */
static int check_change(struct cli *cli, const char *what, const char *value)
{
    struct hours hours;
    struct zone zone;
    enum lang lang;
    if (strcmp(what, "hours") == 0 || strcmp(what, "work") == 0 || strcmp(what, "focus") == 0)
        return hours_parse(str_of(value), &hours, &cli->err);
    if (strcmp(what, "zone") == 0)
        return zone_load(str_of(value), &zone, NULL, &cli->err);
    if (strcmp(what, "lang") == 0)
        return lang_parse(str_of(value), &lang) < 0
                   ? err_set(&cli->err, E_USAGE,
                             "\"%s\" is not a language of eoul; write en or ko.", value)
                   : 0;
    return err_set(&cli->err, E_USAGE,
                   "\"eoul me\" can set hours, work, focus, cap, buffer, defer, zone, lang and calendar, "
                   "not \"%s\".", what);
}

static bool is_length(const char *what)
{
    return strcmp(what, "cap") == 0 || strcmp(what, "buffer") == 0;
}

/* cap 4h, buffer 10m, buffer none */
static int set_length(struct cli *cli, const char *what, const char *value, json_t *change)
{
    usec_t length_us = 0;
    bool none = strcmp(value, "none") == 0 || strcmp(value, "없음") == 0;
    int r = none && strcmp(what, "buffer") == 0
                ? 0 : when_parse_length(str_of(value), &length_us, &cli->err);
    char key[16];
    struct buf name;
    buf_init_fixed(&name, key, sizeof key);
    buf_c(&name, what);
    buf_c(&name, "_us");
    if (r == 0)
        json_object_set_new(change, key, json_integer(length_us));
    return r;
}

/* defer yes, defer no */
static int set_defer(struct cli *cli, const char *value, json_t *change)
{
    static const char *const yes[] = {"yes", "on", "예"}, *const no[] = {"no", "off", "아니요"};
    for (size_t i = 0; i < sizeof yes / sizeof yes[0]; i++)
        if (strcmp(value, yes[i]) == 0 || strcmp(value, no[i]) == 0)
            return json_object_set_new(change, "defer", json_boolean(strcmp(value, yes[i]) == 0));
    return err_set(&cli->err, E_USAGE, "\"eoul me defer\" takes yes or no, not \"%.60s\".", value);
}

static int run_me(struct cli *cli, struct args *args)
{
    struct buf text, path;
    json_t *me = NULL;
    int r = 0;
    buf_init(&text, 4096);
    buf_init(&path, HTTP_PATH_MAX - 64);
    if (args->rest_n > 0 && strcmp(args->rest[0], "calendar") == 0) {
        r = calendar_verb(cli, args);
    } else if (args->rest_n > 0 && strcmp(args->rest[0], "notify") == 0) {
        r = notify_verb(cli, args);
    } else if (args->rest_n > 0 && strcmp(args->rest[0], "feed") == 0) {
        r = feed_verb(cli, args);
    } else if (args->rest_n == 2 && strcmp(args->rest[0], "hours") == 0 && strcmp(args->rest[1], "suggest") == 0) {
        r = me_habit(cli, args_value(args, "for"), args_flag(args, "json"));
    } else if (args->rest_n == 1 && strcmp(args->rest[0], "week") == 0) {
        r = me_week(cli, args_value(args, "for"));
    } else if (args->rest_n == 1 && strcmp(args->rest[0], "data") == 0) {
        r = me_data(cli, args_value(args, "for"), args_flag(args, "json"));
    } else if (args->rest_n == 2 && strcmp(args->rest[0], "data") == 0 && strcmp(args->rest[1], "delete") == 0) {
        r = me_data_delete(cli, args_value(args, "for"));
    } else if (args->rest_n > 0 && strcmp(args->rest[0], "data") == 0) {
        r = err_set(&cli->err, E_USAGE, "\"eoul me data\" shows what is stored about me, \"eoul me data delete\" deletes it.");
    } else if (args->rest_n == 0) {
        buf_c(&path, "/v1/me");
        if (args_flag(args, "for")) {
            buf_c(&path, "?for=");
            http_encode(&path, str_of(args_value(args, "for")));
        }
        r = cli_connect(cli);
        if (r == 0 && args_flag(args, "json")) {
            r = cli_print_json(cli, path.ptr);
        } else if (r == 0) {
            r = cli_call(cli, "GET", path.ptr, NULL, &me);
            if (r == 0)
                put_me(cli, me);
        }
    } else if (args->rest_n == 1) {
        static const char *const known[] = {"hours", "work", "focus", "cap",
                                            "buffer", "defer", "zone", "lang"};
        r = check_change(cli, args->rest[0], "");
        for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
            if (strcmp(args->rest[0], known[i]) == 0)
                cli->err.code = 0;
        if (cli->err.code == 0)
            r = err_set(&cli->err, E_USAGE,
                        "Say which: eoul me hours \"Mon-Fri 09:00-18:00\", eoul me work \"Mon-Fri "
                        "13:00-18:00\", eoul me cap 3h, eoul me zone Asia/Seoul, eoul me lang ko.");
    } else {
        const char *value = joined(&text, args->rest + 1, args->rest_n - 1);
        json_t *change = json_object();
        if (is_length(args->rest[0])) {
            r = set_length(cli, args->rest[0], value, change);
        } else if (strcmp(args->rest[0], "defer") == 0) {
            r = set_defer(cli, value, change);
        } else {
            r = check_change(cli, args->rest[0], value);
            json_object_set_new(change, args->rest[0], json_string(value));
        }
        if (r < 0)
            cli->err.code = E_USAGE;
        if (r == 0)
            r = send_me(cli, args, change);
        if (r == 0 && !is_length(args->rest[0]))
            say_overnight(cli, value);
        json_decref(change);
    }
    json_decref(me);
    buf_finish(&text);
    buf_finish(&path);
    return r < 0 ? cli_fail(cli) : r;
}

static const struct opt me_opts[] = {
    {"for", 0, "PERSON", N_("Act for this person (personal mode only).")},
    {"json", 0, NULL, N_("Print the daemon's answer as JSON.")},
    {"name", 0, "NAME", N_("calendar add, notify add, feed add: what to call it (default: the name of the file, or the kind).")},
    {"self", 0, "ADDRESS,...", N_("calendar add: my e-mail addresses; what I declined is then free.")},
    {"caldav", 0, NULL, N_("calendar add: the address is a CalDAV server, a home or a calendar there.")},
    {"todos", 0, NULL, N_("calendar add: a list on a CalDAV server; what is open there is my todo, what I do is ticked there.")},
    {"takes", 0, "LENGTH", N_("calendar add --todos: how long a todo takes that does not say (default: 30m).")},
    {"user", 0, "NAME", N_("calendar add, notify add: log in as NAME; the password is asked for, or read from standard input.")},
    {"secrets", 0, "FILE", N_("calendar add, notify add: read lines \"url ...\", \"user ...\", \"password ...\" from FILE, or - for standard input.")},
    {"page", 0, "KIND,...", N_("notify add: these may come at any time, such as job-failed; others wait for my look hours.")},
    {"brief", 0, "WHICH", N_("notify add: morning, evening or morning,evening: the briefs of \"eoul brief\", at the begin and the end of my look hours.")},
    {"file", 0, "FILE", N_("feed: write my plan there as a calendar; an old one keeps what did not change.")},
    {"busy", 0, NULL, N_("feed: only when I am busy by hand, without names.")},
    {0},
};

static const struct opt away_opts[] = {
    {"for", 0, "PERSON", N_("Act for this person (personal mode only).")},
    {"deputy", 0, "PERSON", N_("away: who looks at my results meanwhile.")},
    {"handover", 0, "PERSON", N_("away: for good: who looks at the results of the jobs I have now, and is asked for my open todos.")},
    {"json", 0, NULL, N_("Print the daemon's answer as JSON.")},
    {0},
};

const struct cmd cmd_me = {
    .name = "me",
    .group = "people",
    .usage = "[week | data [delete] | hours TEXT|suggest | work TEXT | focus TEXT | cap LENGTH | buffer LENGTH | defer yes|no | zone ZONE | lang LANG | calendar add WHAT | calendar list | calendar remove "
             "NAME | calendar refresh [NAME] | notify add KIND ADDRESS | notify list | notify test NAME | notify remove NAME | feed add | feed list | feed remove NAME | feed --file FILE]",
    .opts = me_opts,
    .flags = CMD_NEEDS_DAEMON,
    .run = run_me,
    .summary = N_("Show or change what eoul knows about me: hours, time zone, language, calendars."),
    .examples =
        (const char *const[]){"eoul me", N_("all of it"), "eoul me week", N_("the next seven days as a picture"),
                              "eoul me data", N_("all that is stored about me, and how long"),
                              "eoul me data delete", N_("delete what I said and my calendars"),
                              "eoul me hours Mon-Fri 9:00-18:00",
                              N_("when I can glance at a result"),
                              "eoul me hours 'Mon-Fri 10-16,20-22; Sat 9-12'", N_("split days"),
                              "eoul me work 'Mon-Fri 13:00-18:00'", N_("offered for todos; nothing else is"),
                              "eoul me focus 'Tue,Thu 9-12'", N_("blocks that no small todo breaks"),
                              "eoul me cap 4h", N_("at most so much hands-on time is planned a day"),
                              "eoul me buffer 10m", N_("and none so close to an event"),
                              "eoul me hours suggest", N_("which hours my submits suggest; sets nothing"),
                              "eoul me defer yes", N_("my jobs may start later where I see them no later"),
                              "eoul me zone Asia/Seoul", N_("where I am"),
                              "eoul me calendar add work.ics",
                              N_("when I am busy, I cannot look"),
                              "eoul me calendar add ~/.calendars/work",
                              N_("a folder of .ics files, as vdirsyncer keeps it"),
                              "eoul me calendar add --secrets google.txt --name google",
                              N_("a secret https:// address, in a file of mine"),
                              "eoul me calendar add https://dav.example.org/ --caldav --user mina",
                              N_("every calendar of mina on a CalDAV server"),
                              "eoul me calendar add https://dav.example.org/mina/todo/ --todos --user mina",
                              N_("my list there as todos; done here, they are ticked there"),
                              "eoul me calendar add holidays:KR", N_("public holidays of Korea"),
                              "eoul me calendar refresh", N_("read them again now"),
                              "eoul me notify add ntfy https://ntfy.sh/my-secret-topic",
                              N_("tell my phone what ended, when I can look"),
                              "eoul me notify add slack --secrets slack.txt --page job-failed",
                              N_("a secret address in a file of mine; failures at any time"),
                              "eoul me notify add smtp --secrets mail.txt --brief morning,evening",
                              N_("with what to look at first, and what to know before going home"),
                              "eoul me notify test slack", N_("send a test there now"),
                              "eoul me feed add --name phone",
                              N_("a secret address at which a calendar subscribes to my plan"),
                              "eoul me feed --file public/mina.ics",
                              N_("my todos, runs and results as a calendar to subscribe to"), NULL},
    .more = N_("Look hours are when a glance at a result is possible, by phone too. Results are "
               "planned to be there by then. A calendar takes its busy and all-day times out of "
               "them; only these times are kept, never titles, places or people, and others see "
               "quarters of an hour at most."),
};

/* --- away, here
 * ------------------------------------------------------------------------------------------ */

static bool says_off(const char *text)
{
    return strcmp(text, "off") == 0 || strcmp(text, "end") == 0 || strcmp(text, "no") == 0 ||
           strcmp(text, "끝") == 0;
}

/* Not an absence: nothing is said of when. */
static int hand_over(struct cli *cli, struct args *args)
{
    json_t *change = json_object();
    int r = args->rest_n > 0 || args_flag(args, "deputy")
                ? err_set(&cli->err, E_USAGE, "\"eoul away --handover PERSON\" stands alone: it is for good, not for a time.")
                : cli_connect(cli);
    json_object_set_new(change, "handover", json_string(args_value(args, "handover")));
    if (r == 0)
        r = send_me(cli, args, change);
    json_decref(change);
    return r < 0 ? cli_fail(cli) : 0;
}

static int run_away(struct cli *cli, struct args *args)
{
    bool away = strcmp(args->cmd->name, "away") == 0;
    struct buf text;
    struct span span = {0};
    if (away && args_flag(args, "handover"))
        return hand_over(cli, args);
    buf_init(&text, 4096);
    int r = args_operands(cli, args, 1, -1, away ? "WHEN | off" : "LENGTH | until WHEN | off");
    const char *said = joined(&text, args->rest, args->rest_n);
    if (r == 0)
        r = cli_connect(cli);
    if (r == 0 && !says_off(said)) {
        usec_t length_us;
        struct when when;
        const struct zone *zone = cli_zone(cli);
        struct err first = {.translate = cli->err.translate};
        if (when_parse_length(str_of(said), &length_us, &first) == 0)
            span = (struct span){cli->now_at, cli->now_at + length_us};
        else if (!away && when_parse(str_of(said), zone, cli->now_at, &when, &first) == 0)
            span = (struct span){cli->now_at, when.at};
        else if ((r = when_parse_span(str_of(said), zone, cli->now_at, &span, &cli->err)) < 0)
            cli->err.code = E_USAGE;
    }
    json_t *change = json_object();
    if (away) {
        json_object_set_new(change, "away_from_at", json_integer(span.from_at));
        json_object_set_new(change, "away_until_at", json_integer(span.until_at));
        if (args_flag(args, "deputy"))
            json_object_set_new(change, "deputy", json_string(args_value(args, "deputy")));
    } else {
        json_object_set_new(change, "here_until_at", json_integer(span.until_at));
    }
    if (r == 0)
        r = send_me(cli, args, change);
    json_decref(change);
    buf_finish(&text);
    return r < 0 ? cli_fail(cli) : 0;
}

const struct cmd cmd_away = {
    .name = "away",
    .group = "people",
    .usage = "WHEN | off | --handover PERSON",
    .opts = away_opts,
    .flags = CMD_NEEDS_DAEMON,
    .run = run_away,
    .summary = N_("Say when I cannot look, so that nothing is planned for my eyes then."),
    .examples =
        (const char *const[]){"eoul away until tue 9:00", N_("from now on"), "eoul away fri",
                              N_("all Friday"), "eoul away fri afternoon", N_("half a day of leave"),
                              "eoul away fri 16:00-18:00", N_("a quarter"),
                              "eoul away 2026-12-24 to 2026-12-28 --deputy lee",
                              N_("the last day included; lee looks at my results"),
                              "eoul away --handover lee", N_("for good: lee looks, and is asked for my todos"), "eoul away off",
                              N_("I am back, or stay after all"), NULL},
    .more = N_("Several absences may lie ahead; \"eoul me\" lists them. \"off\" ends the one that is on, "
               "or calls off the next. They are forgotten when they are over."),
};

static const struct opt here_opts[] = {
    {"for", 0, "PERSON", N_("Act for this person (personal mode only).")},
    {"json", 0, NULL, N_("Print the daemon's answer as JSON.")},
    {0},
};

const struct cmd cmd_here = {
    .name = "here",
    .group = "people",
    .usage = "LENGTH | until WHEN | off",
    .opts = here_opts,
    .flags = CMD_NEEDS_DAEMON,
    .run = run_away,
    .summary = N_("Say that I can look now, though it is outside my hours."),
    .examples = (const char *const[]){"eoul here 2h", N_("for two hours"), "eoul here until 23:00",
                                      N_("this evening"), "eoul here off", N_("no longer"), NULL},
};
