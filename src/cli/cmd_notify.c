/* cmd_notify.c - `eoul me notify add|list|test|remove`: where I am told what happened. */
#include "cli/cmd_notify.h"

#include <stdlib.h>
#include <string.h>

#include "cli/secrets.h"

#define TEST_S 40 /* the daemon gives a service twenty-five */

static void put_trouble(struct cli *cli, struct buf *out, const json_t *c)
{
    const char *sentence = json_text(c, "trouble_sentence"), *word = json_text(c, "trouble");
    if (sentence[0])
        cli_clean(out, sentence);
    else if (strncmp(word, "status ", 7) == 0 && strcmp(json_text(c, "kind"), "command") == 0)
        buf_printf(out, tr(cli->lang, "The command ended with status %.3s."), word + 7);
    else if (strncmp(word, "status ", 7) == 0)
        buf_printf(out, tr(cli->lang, "The service refused it with status %.3s."), word + 7);
    else
        cli_clean(out, word);
}

static void put_all(struct cli *cli, const struct args *args, const json_t *answer)
{
    const json_t *list = json_object_get(answer, "channels");
    size_t i;
    json_t *c;
    if (args_flag(args, "json")) {
        cli_put_json(cli, answer);
        return;
    }
    if (json_array_size(list) == 0)
        buf_printf(&cli->out, "%s\n", tr(cli->lang, "There is no channel; \"eoul me notify add ntfy "
                                                    "https://ntfy.sh/TOPIC\" makes one."));
    json_array_foreach(list, i, c)
    {
        int64_t waiting = json_i64(c, "waiting");
        cli_clean(&cli->out, json_text(c, "name"));
        buf_printf(&cli->out, ": %s ", json_text(c, "kind"));
        cli_clean(&cli->out, json_text(c, "place"));
        buf_char(&cli->out, '\n');
        if (json_text(c, "page")[0]) {
            buf_printf(&cli->out, tr(cli->lang, "  at any time: %s"), json_text(c, "page"));
            buf_char(&cli->out, '\n');
        }
        if (json_text(c, "brief")[0]) {
            buf_printf(&cli->out, tr(cli->lang, "  briefs: %s"), json_text(c, "brief"));
            buf_char(&cli->out, '\n');
        }
        if (waiting > 0) {
            char memory[128];
            struct buf when;
            buf_init_fixed(&when, memory, sizeof memory);
            cli_when(cli, &when, json_i64(c, "next_at"));
            buf_printf(&cli->out, trn(cli->lang, "  %1$lld notice waits until %2$s\n",
                                      "  %1$lld notices wait until %2$s\n", (unsigned long long)waiting),
                       (long long)waiting, when.ptr ? when.ptr : "-");
        }
        if (json_text(c, "trouble")[0]) {
            buf_c(&cli->out, "  ");
            put_trouble(cli, &cli->out, c);
            buf_char(&cli->out, '\n');
        }
    }
}

/* --- adding ------------------------------------------------------------------------------------------ */

static int send_add(struct cli *cli, const struct args *args, const char *kind, const struct secrets *s,
                    json_t **ret)
{
    const char *name = args_value(args, "name"), *page = args_value(args, "page");
    const char *person = args_value(args, "for"), *brief = args_value(args, "brief");
    json_t *body = json_pack("{s:s,s:s,s:s,s:s,s:s,s:s,s:s}", "name", name ? name : kind, "kind", kind,
                             "address", s->url, "user", s->user, "secret", s->password, "page",
                             page ? page : "", "brief", brief ? brief : "");
    if (!body)
        return err_set(&cli->err, E_INVALID, "Names and addresses must be UTF-8 text.");
    if (person)
        json_object_set_new(body, "for", json_string(person));
    int code = cli_call(cli, "POST", "/v1/me/notify", body, ret);
    json_decref(body);
    return code;
}

static int add(struct cli *cli, const struct args *args, const char *kind, const char *address,
               json_t **ret)
{
    const char *user = args_value(args, "user"), *file = args_value(args, "secrets");
    struct secrets *s = calloc(1, sizeof *s);
    int code = s ? 0 : err_set(&cli->err, E_NO_MEMORY, "There is not enough memory for this request.");
    if (code == 0 && file)
        code = secrets_read(cli, file, s);
    if (code == 0 && address)
        snprintf(s->url, sizeof s->url, "%s", address);
    if (code == 0 && user)
        snprintf(s->user, sizeof s->user, "%s", user);
    if (code == 0 && !s->url[0])
        code = err_set(&cli->err, E_USAGE, "Say where it is: an address, or a line \"url ADDRESS\" in "
                                           "the file of --secrets.");
    if (code == 0 && s->user[0] && !s->password[0])
        code = secrets_ask_password(cli, s);
    if (code == 0)
        code = send_add(cli, args, kind, s, ret);
    if (s)
        explicit_bzero(s, sizeof *s);
    free(s);
    return code;
}

/* --- trying and removing -------------------------------------------------------------------------------- */

static const json_t *channel_named(const json_t *answer, const char *name)
{
    size_t i;
    json_t *c;
    json_array_foreach(json_object_get(answer, "channels"), i, c)
        if (strcmp(json_text(c, "name"), name) == 0)
            return c;
    return NULL;
}

/* Sends one notice and says how it went. */
static int test(struct cli *cli, const struct args *args, const char *name)
{
    json_t *answer = NULL;
    const json_t *c = NULL;
    int code = cli_post_action(cli, args, "/v1/me/notify/", name, "test", &answer);
    json_decref(answer);
    answer = NULL;
    if (code == 0)
        code = cli_get_settled(cli, "/v1/me/notify", args_value(args, "for"), name, TEST_S, &answer);
    if (code == 0) {
        c = channel_named(answer, name);
        bool arrived = c && !json_text(c, "trouble")[0];
        if (arrived)
            buf_c(&cli->out, tr(cli->lang, "It arrived."));
        else if (c)
            put_trouble(cli, &cli->out, c);
        else
            buf_c(&cli->out, tr(cli->lang, "It was removed meanwhile."));
        buf_char(&cli->out, '\n');
        code = arrived ? 0 : 1;
    }
    json_decref(answer);
    return code;
}

int notify_verb(struct cli *cli, const struct args *args)
{
    const char *verb = args->rest_n > 1 ? args->rest[1] : "list";
    const char *what = args->rest_n > 2 ? args->rest[2] : "";
    json_t *answer = NULL;
    int code = cli_connect(cli);
    if (code < 0)
        return code;
    if (strcmp(verb, "list") == 0 && args->rest_n <= 2)
        code = cli_get_for(cli, "/v1/me/notify", "?for=", args_value(args, "for"), &answer);
    else if (strcmp(verb, "add") == 0 && (args->rest_n == 3 || args->rest_n == 4))
        code = add(cli, args, what, args->rest_n == 4 ? args->rest[3] : NULL, &answer);
    else if (strcmp(verb, "remove") == 0 && args->rest_n == 3)
        code = cli_post_action(cli, args, "/v1/me/notify/", what, "remove", &answer);
    else if (strcmp(verb, "test") == 0 && args->rest_n == 3)
        return test(cli, args, what);
    else
        code = err_set(&cli->err, E_USAGE,
                       "Write \"eoul me notify add KIND ADDRESS\" (webhook, ntfy, slack, discord, teams, "
                       "kakaowork, smtp or command), \"list\", \"test NAME\" or \"remove NAME\".");
    if (code >= 0 && answer)
        put_all(cli, args, answer);
    json_decref(answer);
    return code;
}
