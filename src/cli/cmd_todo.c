/* cmd_todo.c - `eoul todo`: hands-on work, asked for, answered, moved, ticked. */
#include <string.h>

#include "cal/when.h"
#include "cli/cli.h"
#include "cli/todo_text.h"

#define TEXT_BYTES 2048
#define ENDED_SHOWN "50"

/* --- words to numbers ------------------------------------------------------------------------------- */

/* Joins operands with blanks: people do not quote. */
static const char *joined(struct buf *text, char **words, int n)
{
    for (int i = 0; i < n; i++) {
        buf_c(text, i ? " " : "");
        buf_c(text, words[i]);
    }
    return text->failed || !text->ptr ? "" : text->ptr;
}

/* An instant the person named.  Of a day or half a day its start, or with `end` its end: "by fri" has
 * all of Friday, "at fri" begins with it. */
static int instant(struct cli *cli, const char *said, bool end, usec_t *ret)
{
    struct when when;
    int r = when_parse(str_of(said), cli_zone(cli), cli->now_at, &when, &cli->err);
    if (r < 0) {
        cli->err.code = E_USAGE;
        return r;
    }
    *ret = end ? when.until_at : when.at;
    return 0;
}

static int put_instant(struct cli *cli, const struct args *args, json_t *body, const char *option,
                       const char *key, bool end)
{
    const char *said = args_value(args, option);
    usec_t at;
    if (!said)
        return 0;
    int r = instant(cli, said, end, &at);
    if (r == 0)
        json_object_set_new(body, key, json_integer(at));
    return r;
}

static int put_length(struct cli *cli, const struct args *args, json_t *body, const char *option,
                      const char *key)
{
    const char *said = args_value(args, option);
    usec_t length_us;
    if (!said)
        return 0;
    int r = when_parse_length(str_of(said), &length_us, &cli->err);
    if (r < 0)
        cli->err.code = E_USAGE;
    else
        json_object_set_new(body, key, json_integer(length_us));
    return r;
}

/* --for kim or --any-of kim,lee */
static void put_people(const struct args *args, json_t *body)
{
    const char *one = args_value(args, "for"), *any = args_value(args, "any-of");
    struct str rest = str_of(any ? any : one), name;
    if (!rest.len)
        return;
    json_t *who = json_array();
    while (str_next(&rest, ',', &name)) {
        name = str_trim(name);
        json_array_append_new(who, json_stringn(name.ptr, name.len));
    }
    json_object_set_new(body, "who", who);
}

static void put_text(const struct args *args, json_t *body, const char *option)
{
    const char *said = args_value(args, option);
    if (said)
        json_object_set_new(body, option, json_string(said));
}

/* --- asking the daemon -------------------------------------------------------------------------------- */

static int post(struct cli *cli, const struct args *args, const char *path, json_t *body)
{
    json_t *answer = NULL;
    const char *as = args_value(args, "as");
    char memory[TEXT_BYTES];
    struct buf text;
    if (as)
        json_object_set_new(body, "for", json_string(as));
    int r = cli_call(cli, "POST", path, body, &answer);
    if (r == 0 && args_flag(args, "json")) {
        cli_put_json(cli, answer);
    } else if (r == 0) {
        buf_init_fixed(&text, memory, sizeof memory);
        todo_name(cli, &text, answer);
        buf_printf(&cli->out, tr(cli->lang, "Todo %1$lld (%2$s): "), (long long)json_i64(answer, "id"),
                   text.failed || !text.ptr ? "?" : text.ptr);
        todo_sentence(cli, &cli->out, answer);
        buf_char(&cli->out, '\n');
    }
    json_decref(answer);
    return r;
}

static int action(struct cli *cli, const struct args *args, const char *id, const char *word,
                  json_t *body)
{
    struct buf path;
    buf_init(&path, HTTP_PATH_MAX - 64);
    buf_c(&path, "/v1/todos/");
    http_encode(&path, str_of(id));
    buf_char(&path, '/');
    buf_c(&path, word);
    int r = path.failed ? err_set(&cli->err, E_USAGE, "\"%.60s...\" is no todo's number.", id)
                        : post(cli, args, path.ptr, body);
    buf_finish(&path);
    return r;
}

/* --- verbs -------------------------------------------------------------------------------------------- */

static int todo_add(struct cli *cli, struct args *args)
{
    json_t *body = json_object();
    struct buf title;
    buf_init(&title, TEXT_BYTES);
    json_object_set_new(body, "title", json_string(joined(&title, args->rest + 1, args->rest_n - 1)));
    put_people(args, body);
    put_text(args, body, "link");
    put_text(args, body, "after");
    put_text(args, body, "before");
    if (args_flag(args, "no-split"))
        json_object_set_new(body, "whole", json_true());
    int r = args->rest_n > 1 ? 0
                             : err_set(&cli->err, E_USAGE, "Say what is to be done: eoul todo add \"label "
                                                           "200 images\" --takes 2h.");
    if (r == 0 && args_flag(args, "for") && args_flag(args, "any-of"))
        r = err_set(&cli->err, E_USAGE, "Give --for or --any-of, not both.");
    if (r == 0 && !args_flag(args, "takes"))
        r = err_set(&cli->err, E_USAGE, "Say how long it takes, such as --takes 30m.");
    if (r == 0)
        r = put_length(cli, args, body, "takes", "takes_us");
    if (r == 0)
        r = put_length(cli, args, body, "min-chunk", "min_chunk_us");
    if (r == 0)
        r = cli_connect(cli); /* its clock and the person's zone */
    if (r == 0)
        r = put_instant(cli, args, body, "by", "deadline_at", true);
    if (r == 0)
        r = put_instant(cli, args, body, "not-before", "not_before_at", false);
    if (r == 0)
        r = put_instant(cli, args, body, "at", "at", false);
    if (r == 0)
        r = post(cli, args, "/v1/todos", body);
    json_decref(body);
    buf_finish(&title);
    return r;
}

/* done, drop, accept, decline: any number of todos. */
static int todo_answer(struct cli *cli, struct args *args)
{
    int r = 0;
    if (args->rest_n < 2)
        return err_set(&cli->err, E_USAGE, "Say which: eoul todo %s 12.", args->rest[0]);
    for (int i = 1; i < args->rest_n && r == 0; i++) {
        json_t *body = json_object();
        r = action(cli, args, args->rest[i], args->rest[0], body);
        json_decref(body);
    }
    return r;
}

/* snooze 12 mon; move 12 tue 14:00; move 12 off */
static int todo_to(struct cli *cli, struct args *args)
{
    bool move = strcmp(args->rest[0], "move") == 0;
    struct buf said;
    usec_t at = 0, length_us;
    int r = args->rest_n > 2 ? 0
            : move ? err_set(&cli->err, E_USAGE, "Say which and to when: eoul todo move 12 tue 14:00.")
                   : err_set(&cli->err, E_USAGE, "Say which and until when: eoul todo snooze 12 mon.");
    buf_init(&said, TEXT_BYTES);
    if (r == 0)
        r = cli_connect(cli);
    if (r == 0) {
        const char *text = joined(&said, args->rest + 2, args->rest_n - 2);
        bool off = move && (strcmp(text, "off") == 0 || strcmp(text, "끝") == 0);
        struct err length = { .translate = cli->err.translate };
        if (off)
            at = 0;
        else if (!move && when_parse_length(str_of(text), &length_us, &length) == 0)
            at = cli->now_at + length_us;
        else
            r = instant(cli, text, false, &at);
    }
    if (r == 0) {
        json_t *body = json_object();
        json_object_set_new(body, move ? "at" : "not_before_at", json_integer(at));
        r = action(cli, args, args->rest[1], args->rest[0], body);
        json_decref(body);
    }
    buf_finish(&said);
    return r;
}

static int todo_set(struct cli *cli, struct args *args)
{
    json_t *body = json_object();
    int r = args->rest_n == 2 ? 0
                              : err_set(&cli->err, E_USAGE, "Say which and what: eoul todo set 12 --takes "
                                                            "3h.");
    put_people(args, body);
    if (r == 0)
        r = put_length(cli, args, body, "takes", "takes_us");
    if (r == 0)
        r = put_length(cli, args, body, "min-chunk", "min_chunk_us");
    if (r == 0)
        r = cli_connect(cli);
    if (r == 0)
        r = put_instant(cli, args, body, "by", "deadline_at", true);
    if (r == 0)
        r = put_instant(cli, args, body, "not-before", "not_before_at", false);
    if (r == 0)
        r = action(cli, args, args->rest[1], "set", body);
    json_decref(body);
    return r;
}

static void cell(struct table *t, const struct buf *text, enum paint paint)
{
    table_cell(t, text->failed ? STR("?") : buf_look(text), paint);
}

/* Why it has no time yet, in a word or two. */
static const char *wait_words(const struct cli *cli, const char *wait)
{
    static const char *const words[][2] = {
        { "None", "" }, { "Dependency", N_("after others") }, { "DependencyNeverSatisfied", N_("can never come") },
        { "Declined", N_("declined") }, { "Acceptance", N_("not answered") }, { "NoRoom", N_("no room") },
        { "NoOfferedHours", N_("no hours offered") },
    };
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (strcmp(wait, words[i][0]) == 0)
            return words[i][1][0] ? tr(cli->lang, words[i][1]) : "";
    return wait;
}

static void list_row(struct cli *cli, struct table *t, const json_t *todo)
{
    char memory[TEXT_BYTES];
    struct buf text;
    const char *wait = json_text(todo, "wait"), *state = json_text(todo, "state");
    bool open = strcmp(state, "OPEN") == 0;
    bool asked = open && json_is_true(json_object_get(todo, "mine")) &&
                 !json_is_true(json_object_get(todo, "accepted"));
    buf_init_fixed(&text, memory, sizeof memory);
    buf_printf(&text, "%lld", (long long)json_i64(todo, "id"));
    cell(t, &text, PAINT_NONE);
    buf_clear(&text);
    todo_name(cli, &text, todo);
    cell(t, &text, PAINT_NONE);
    buf_clear(&text);
    cli_clean(&text, open ? json_text(todo, "person") : json_text(todo, "ended_by"));
    if (text.len == 0)
        buf_char(&text, '-');
    cell(t, &text, PAINT_NONE);
    buf_clear(&text);
    cli_length(cli, &text, json_i64(todo, open ? "left_us" : "takes_us"));
    cell(t, &text, PAINT_NONE);
    buf_clear(&text);
    if (open)
        todo_when(cli, &text, todo);
    else
        cli_when(cli, &text, json_i64(todo, "end_at"));
    cell(t, &text, json_is_true(json_object_get(todo, "under_way")) ? PAINT_GREEN : PAINT_NONE);
    buf_clear(&text);
    buf_c(&text, !open ? state : asked ? tr(cli->lang, "asked") : wait_words(cli, wait));
    cell(t, &text, asked ? PAINT_YELLOW : PAINT_DIM);
}

static int todo_list(struct cli *cli, struct args *args)
{
    struct buf path;
    json_t *answer = NULL;
    const char *as = args_value(args, "as");
    if (args->rest_n > 1)
        return err_set(&cli->err, E_USAGE, "\"eoul todo list\" takes no words; \"eoul todo show 12\" shows "
                                           "one.");
    buf_init(&path, HTTP_PATH_MAX - 64);
    buf_c(&path, "/v1/todos");
    if (args_flag(args, "all"))
        buf_c(&path, "?ended=" ENDED_SHOWN);
    if (as) {
        buf_c(&path, args_flag(args, "all") ? "&for=" : "?for=");
        http_encode(&path, str_of(as));
    }
    int r = path.failed ? err_set(&cli->err, E_USAGE, "That name is too long.") : cli_connect(cli);
    if (r == 0 && args_flag(args, "json")) {
        r = cli_print_json(cli, path.ptr);
    } else if (r == 0 && (r = cli_call(cli, "GET", path.ptr, NULL, &answer)) == 0) {
        const struct column columns[] = {
            {tr(cli->lang, "TODO"), true, false},    {tr(cli->lang, "WHAT"), false, true},
            {tr(cli->lang, "WHO"), false, false},    {tr(cli->lang, "NEEDS"), true, false},
            {tr(cli->lang, "WHEN"), false, false},   {tr(cli->lang, "NOTE"), false, false},
        };
        const json_t *todos = json_object_get(answer, "todos");
        size_t i;
        json_t *todo;
        cli_zone(cli);
        if (json_array_size(todos) == 0) {
            buf_printf(&cli->out, "%s\n", tr(cli->lang, "There is nothing to do by hand."));
        } else {
            struct table *t = table_create(columns, 6);
            json_array_foreach(todos, i, todo) list_row(cli, t, todo);
            table_finish(t, cli);
        }
    }
    json_decref(answer);
    buf_finish(&path);
    return r;
}

static int todo_show(struct cli *cli, struct args *args)
{
    struct buf path;
    json_t *answer = NULL;
    const char *as = args_value(args, "as");
    if (args->rest_n != 2)
        return err_set(&cli->err, E_USAGE, "Say which: eoul todo %s 12.", args->rest[0]);
    buf_init(&path, HTTP_PATH_MAX - 64);
    buf_c(&path, "/v1/todos/");
    http_encode(&path, str_of(args->rest[1]));
    if (as) {
        buf_c(&path, "?for=");
        http_encode(&path, str_of(as));
    }
    int r = path.failed ? err_set(&cli->err, E_USAGE, "\"%.60s...\" is no todo's number.", args->rest[1])
                        : cli_connect(cli);
    if (r == 0 && args_flag(args, "json"))
        r = cli_print_json(cli, path.ptr);
    else if (r == 0 && (r = cli_call(cli, "GET", path.ptr, NULL, &answer)) == 0)
        todo_put(cli, answer);
    json_decref(answer);
    buf_finish(&path);
    return r;
}

static const struct {
    const char *word;
    int (*run)(struct cli *cli, struct args *args);
} verbs[] = {
    { "add", todo_add },       { "list", todo_list },      { "show", todo_show },
    { "done", todo_answer },   { "accept", todo_answer },  { "decline", todo_answer },
    { "drop", todo_answer },   { "snooze", todo_to },      { "move", todo_to },
    { "set", todo_set },
};

static int run_todo(struct cli *cli, struct args *args)
{
    static char *list[] = { "list" };
    const char *words[sizeof verbs / sizeof verbs[0]];
    if (args->rest_n == 0) {
        args->rest = list;
        args->rest_n = 1;
    }
    for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++) {
        words[i] = verbs[i].word;
        if (strcmp(args->rest[0], verbs[i].word) == 0)
            return verbs[i].run(cli, args) < 0 ? cli_fail(cli) : 0;
    }
    const char *meant = nearest(args->rest[0], words, sizeof verbs / sizeof verbs[0]);
    if (meant)
        err_set(&cli->err, E_USAGE, "\"eoul todo\" has no \"%1$.60s\"; did you mean \"eoul todo %2$s\"?",
                args->rest[0], meant);
    else
        err_set(&cli->err, E_USAGE, "\"eoul todo\" has no \"%.60s\"; \"eoul help todo\" says what it has.",
                args->rest[0]);
    return cli_fail(cli);
}

static const struct opt todo_opts[] = {
    {"for", 0, "PERSON", N_("add, set: who is to do it; without it, oneself.")},
    {"any-of", 0, "PERSON,...", N_("add: any one of these, whoever can first.")},
    {"takes", 0, "LENGTH", N_("add, set: how long it takes, such as 20m or 2h.")},
    {"after", 0, "NUMBER,...", N_("add: jobs and todos that must be done first.")},
    {"before", 0, "NUMBER,...", N_("add: waiting jobs and todos that are to wait for it.")},
    {"by", 0, "WHEN", N_("add, set: deadline; \"fri\" has all of Friday.")},
    {"not-before", 0, "WHEN", N_("add, set: nothing of it is planned before.")},
    {"at", 0, "WHEN", N_("add: at this very time.")},
    {"min-chunk", 0, "LENGTH", N_("add, set: it may be cut into pieces, none shorter than this (30m if it "
                                  "takes over an hour).")},
    {"no-split", 0, NULL, N_("add: in one piece.")},
    {"link", 0, "URL", N_("add: where it is to be done.")},
    {"as", 0, "PERSON", N_("Act as this person (personal mode only).")},
    {"all", 0, NULL, N_("list: those that are done or dropped too.")},
    {"json", 0, NULL, N_("Print the daemon's answer as JSON.")},
    {0},
};

const struct cmd cmd_todo = {
    .name = "todo",
    .group = "people",
    .usage = "[list | add WHAT --takes LENGTH | done N... | accept N... | decline N... | drop N... | snooze N "
             "WHEN | move N WHEN|off | set N | show N]",
    .opts = todo_opts,
    .flags = CMD_NEEDS_DAEMON,
    .run = run_todo,
    .summary = N_("Plan hands-on work beside the jobs: ask for it, answer, move it, tick it off."),
    .examples =
        (const char *const[]){"eoul todo", N_("mine, and those I asked for"),
                              "eoul todo add \"label 200 images\" --for annotator --takes 2h --before 15",
                              N_("job 15 waits for it"),
                              "eoul todo add \"look at the curves\" --takes 20m --after 12",
                              N_("once job 12 is done, in my work hours"),
                              "eoul todo done 13", N_("what waits for it may go on"),
                              "eoul todo move 13 tue 14:00", N_("by hand; that wins"),
                              "eoul todo snooze 13 mon", N_("not before Monday"),
                              "eoul todo decline 13", N_("costs nothing"), NULL},
    .more = N_("A todo is planned into the work hours its person offers (\"eoul me work\"), never into "
               "other free time, with at most so much a day (\"eoul me cap\"). Todos and jobs share one "
               "sequence of numbers: a job may wait for a todo (--dependency=afterok:13) and a todo for a "
               "job (--after 12). What is called how is seen by who asks and who is asked only; others see "
               "\"busy\"."),
};
