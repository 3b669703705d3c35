/* call.c - requests to the daemon and their refusals; see cli.h. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "base/utf8.h"
#include "cli/cli.h"
#include "client/spawn.h"

/* Said once a command, because a person looks for their jobs at home. */
static void say_where_state_lives(struct cli *cli)
{
    if (cli->place.home_fs[0])
        cli_say(cli,
                tr(cli->lang, "Your home directory is on %1$s, where the store cannot be kept "
                              "safely; it is kept in "
                              "%2$s."),
                cli->place.home_fs, cli->place.state);
}

int cli_connect(struct cli *cli)
{
    if (cli->http.open)
        return 0;
    struct place_env env;
    place_env_of_process(&env);
    int r = place_find(&env, &cli->place, &cli->err);
    if (r < 0)
        return r;
    r = place_check_run(&cli->place, &cli->err);
    if (r == 0)
        r = http_connect(&cli->place, lang_word(cli->lang), &cli->http, &cli->err);
    if (r != E_NOT_FOUND && r != E_UNAVAILABLE)
        return r;
    if (cli->place.mode == PLACE_SYSTEM)
        return err_set(&cli->err, E_UNAVAILABLE,
                       "The daemon of this machine does not answer at \"%s\"; ask whoever looks "
                       "after it (systemctl status eoul).",
                       cli->place.socket);
    if (!(cli->cmd->flags & CMD_STARTS_DAEMON))
        return err_set(
            &cli->err, E_UNAVAILABLE,
            "No eoul daemon of yours runs; \"eoul up\" starts one, and so does the first "
            "\"eoul run\" or \"eoul submit\".");
    struct spawn_options options = {0};
    bool started;
    r = spawn_daemon(&cli->place, &options, lang_word(cli->lang), &cli->http, &started, &cli->err);
    if (r == 0 && started)
        say_where_state_lives(cli);
    return r;
}

int cli_refusal(struct cli *cli, int status, const json_t *answer, int64_t *ret_item)
{
    const json_t *error = json_object_get(answer, "error");
    const char *message = json_text(error, "message");
    const char *word = json_text(error, "code");
    int code = E_INTERNAL;
#define X(e, value, w, exit_status, http_status)                                                   \
    if (strcmp(word, w) == 0)                                                                      \
        code = e;
    ERR_LIST(X)
#undef X
    cli->refusal = (uint32_t)json_i64(error, "refusal");
    if (ret_item && json_object_get(error, "item"))
        *ret_item = json_i64(error, "item");
    if (!message[0])
        return err_set(&cli->err, E_INTERNAL,
                       "The daemon refused with status %d and gave no reason.", status);
    struct buf clean;
    buf_init(&clean, 4 * ERR_TEXT_MAX);
    cli_clean(&clean, message);
    int r = err_set(&cli->err, code, "%s", clean.ptr ? clean.ptr : "");
    buf_finish(&clean);
    return r;
}

int cli_answer(struct cli *cli, usec_t timeout_us, json_t **ret, int64_t *ret_item)
{
    struct http_answer answer;
    int r = http_receive(&cli->http, timeout_us, &answer, &cli->err);
    if (r < 0)
        return r;
    json_error_t where;
    json_t *json =
        json_loadb(answer.body.ptr ? answer.body.ptr : "", answer.body.len, JSON_ALLOW_NUL, &where);
    if (!json)
        return err_set(&cli->err, E_CORRUPT, "The daemon's answer (status %d) is not JSON: %s.",
                       answer.status, where.text);
    if (answer.status >= 200 && answer.status < 300 && json_is_object(json)) {
        int64_t now_at = json_i64(json, "now_at");
        if (now_at > 0)
            cli->now_at = now_at;
        *ret = json;
        return 0;
    }
    r = cli_refusal(cli, answer.status, json, ret_item);
    json_decref(json);
    return r;
}

int cli_call_item(struct cli *cli, const char *method, const char *path, json_t *body, json_t **ret,
                  int64_t *ret_item)
{
    int r = cli_connect(cli);
    char *text = NULL;
    struct str bytes = {0};
    if (r == 0 && body) {
        text = json_dumps(body, JSON_COMPACT);
        if (!text)
            return err_set(&cli->err, E_NO_MEMORY, "There is not enough memory for this request.");
        bytes = str_of(text);
    }
    if (r == 0)
        r = http_send(&cli->http, method, path, bytes, &cli->err);
    free(text);
    return r < 0 ? r : cli_answer(cli, HTTP_ANSWER_US, ret, ret_item);
}

int cli_call(struct cli *cli, const char *method, const char *path, json_t *body, json_t **ret)
{
    return cli_call_item(cli, method, path, body, ret, NULL);
}

int cli_get_for(struct cli *cli, const char *where, const char *key, const char *person, json_t **ret)
{
    struct buf path;
    buf_init(&path, HTTP_PATH_MAX - 64);
    buf_c(&path, where);
    if (person) {
        buf_c(&path, key);
        http_encode(&path, str_of(person));
    }
    int code = path.failed ? err_set(&cli->err, E_USAGE, "That name is too long.")
                           : cli_call(cli, "GET", path.ptr, NULL, ret);
    buf_finish(&path);
    return code;
}

int cli_get_settled(struct cli *cli, const char *where, const char *person, const char *name, unsigned timeout_s,
                    json_t **ret)
{
    struct buf path;
    buf_init(&path, HTTP_PATH_MAX - 64);
    buf_printf(&path, "%s?timeout_s=%u", where, timeout_s);
    if (person) {
        buf_c(&path, "&for=");
        http_encode(&path, str_of(person));
    }
    if (name) {
        buf_c(&path, "&name=");
        http_encode(&path, str_of(name));
    }
    int code = path.failed ? err_set(&cli->err, E_USAGE, "That name is too long.") : cli_connect(cli);
    if (code == 0)
        code = http_send(&cli->http, "GET", path.ptr, (struct str){ 0 }, &cli->err);
    if (code == 0)
        code = cli_answer(cli, (usec_t)timeout_s * USEC_PER_SEC + HTTP_ANSWER_US, ret, NULL);
    buf_finish(&path);
    return code;
}

int cli_post_action(struct cli *cli, const struct args *args, const char *where, const char *name, const char *action,
                    json_t **ret)
{
    struct buf path;
    const char *person = args_value(args, "for");
    json_t *body = person ? json_pack("{s:s}", "for", person) : json_object();
    buf_init(&path, HTTP_PATH_MAX - 64);
    buf_c(&path, where);
    http_encode(&path, str_of(name));
    buf_char(&path, '/');
    buf_c(&path, action);
    int code = path.failed ? err_set(&cli->err, E_USAGE, "That name is too long.")
                           : cli_call(cli, "POST", path.ptr, body, ret);
    json_decref(body);
    buf_finish(&path);
    return code;
}

static int add_piece(const char *bytes, size_t n, void *out)
{
    buf_add(out, bytes, n);
    return 0;
}

void cli_put_json(struct cli *cli, const json_t *json)
{
    if (json_dump_callback(json, add_piece, &cli->out, JSON_COMPACT) < 0 && !cli->out.failed)
        cli->out.failed = E_NO_MEMORY;
    buf_char(&cli->out, '\n');
}

int cli_get(struct cli *cli, const char *path, struct str *ret_body)
{
    int r = cli_connect(cli);
    struct http_answer answer = {0};
    if (r == 0)
        r = http_call(&cli->http, "GET", path, (struct str){0}, &answer, &cli->err);
    if (r < 0)
        return r;
    if (answer.status >= 200 && answer.status < 300) {
        *ret_body = answer.body;
        return 0;
    }
    json_t *json = json_loadb(answer.body.ptr ? answer.body.ptr : "", answer.body.len, 0, NULL);
    r = cli_refusal(cli, answer.status, json, NULL);
    json_decref(json);
    return r;
}

int cli_print_json(struct cli *cli, const char *path)
{
    struct str body = {0};
    int r = cli_get(cli, path, &body);
    if (r < 0)
        return r;
    buf_str(&cli->out, body);
    if (body.len && body.ptr[body.len - 1] != '\n')
        buf_char(&cli->out, '\n');
    return 0;
}

void cli_say(struct cli *cli, const char *sentence, ...)
{
    char text[2 * ERR_TEXT_MAX];
    va_list args;
    va_start(args, sentence);
    int n = vsnprintf(text, sizeof text, sentence, args);
    va_end(args);
    if (n < 0)
        return;
    cli_flush(cli); /* what was said before comes before */
    struct buf line;
    buf_init(&line, sizeof text + 64);
    buf_c(&line, cli->program);
    buf_c(&line, ": ");
    buf_c(&line, text);
    buf_char(&line, '\n');
    (void)io_write_all(STDERR_FILENO, line.ptr, line.len); /* nowhere left to complain */
    buf_finish(&line);
}

/* The libraries' sentences begin as they like, because others are put before them; what a person
 * reads begins with a capital and ends with a full stop. */
static void round_off(char *text, size_t size)
{
    size_t len = strlen(text), word = strcspn(text, " ");
    if (len == 0 || len + 2 > size)
        return;
    bool plain = text[word] == ' ';
    for (size_t i = 0; i < word; i++)
        plain = plain && text[i] >= 'a' && text[i] <= 'z';
    if (plain && strncmp(text, "eoul", word) != 0)
        text[0] = (char)(text[0] - 'a' + 'A');
    if (!strchr(".?!:", text[len - 1])) {
        text[len] = '.';
        text[len + 1] = '\0';
    }
}

int cli_fail(struct cli *cli)
{
    if (cli->err.text[0] == '\0')
        err_set(&cli->err, cli->err.code ? cli->err.code : E_NO_MEMORY,
                "There is not enough memory.");
    round_off(cli->err.text, sizeof cli->err.text);
    cli_say(cli, "%s", cli->err.text);
    if (cli->refusal && cli->err.code != E_STATE) /* of a job's state that sentence says all */
        cli_say(cli, tr(cli->lang, "What would change that: \"eoul why r%u\"."), cli->refusal);
    cli->refusal = 0;
    if (cli->cmd && (cli->cmd->flags & CMD_OWN_CODE))
        return CLI_OWN_FAILURE;
    return cli->err.code == E_USAGE ? CLI_USAGE : CLI_FAILED;
}

int64_t json_i64(const json_t *object, const char *key)
{
    return json_integer_value(json_object_get(object, key));
}

int64_t json_waiting(const json_t *counts)
{
    int64_t waiting = json_i64(counts, "pending") - json_i64(counts, "held");
    return waiting > 0 ? waiting : 0;
}

const char *json_text(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "";
}

const char *json_told(const json_t *object, const char *key)
{
    const char *text = json_text(object, key);
    return text[0] ? text : "-";
}

int cli_check_id(struct cli *cli, const char *id)
{
    struct str whole = str_of(id);
    ptrdiff_t mark = str_find(whole, '_');
    uint64_t number;
    struct str job = mark < 0 ? whole : str_slice(whole, 0, (size_t)mark);
    bool good = str_u64(job, &number) == 0 && number > 0 && number <= UINT32_MAX;
    if (good && mark >= 0)
        good = str_u64(str_slice(whole, (size_t)mark + 1, whole.len), &number) == 0 &&
               number <= UINT32_MAX;
    if (good)
        return 0;
    struct buf shown;
    buf_init(&shown, 512);
    cli_clean(&shown, id);
    int r = err_set(
        &cli->err, E_USAGE,
        "\"%.60s\" is not a job; a job is a number such as 12, or 12_3 for one task of an array.",
        shown.ptr ? shown.ptr : "");
    buf_finish(&shown);
    return r;
}
