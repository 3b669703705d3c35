/* cmd_calendar.c - `eoul me calendar add|list|remove|refresh`: the calendars I keep.
 *
 * A file is read here, in its owner's own process; only when they are busy goes to the daemon
 * (cal/busy.h).  Titles, places and names do not leave this process.  Directories and addresses are
 * read by eoul-fetch; a password is asked for or read from a file, never taken from the arguments.
 * With --todos the address is a list on a CalDAV server, whose todos become the person's own.
 */
#include "cli/cmd_calendar.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include "base/utf8.h"
#include "cal/busy.h"
#include "cal/when.h"
#include "cal/zone_load.h"
#include "cli/calendar_file.h"
#include "cli/secrets.h"
#include "i18n/text.h"

#define PATH_MAX_BYTES 4096
#define READ_S 300 /* eoul-fetch has less for one; with many before it, ask again */
#define SUFFIX ".ics"
#define HOLIDAYS "holidays:" /* and a country */

struct reading { /* one calendar on its way to the daemon */
    struct cal_expansion e;
    struct busy *busy;
    size_t busy_n;
    bool squeezed;
    struct span window;
};

/* --- reading -------------------------------------------------------------------------------------- */

static unsigned own_addresses(const char *self, struct str *out)
{
    struct str rest = str_of(self), one;
    unsigned n = 0;
    while (n < CAL_ADDRESSES_MAX && str_next(&rest, ',', &one)) {
        out[n] = str_trim(one);
        n += out[n].len > 0;
    }
    return n;
}

/* `memory` and `bytes` stay lent as long as r->e is looked at. */
static int expand(struct cli *cli, struct str bytes, const char *zone_name, const char *self,
                  void *memory, struct reading *r)
{
    struct zone zone;
    struct zone_cache cache;
    struct cal_settings settings = { .zone = &zone, .find_zone = zone_cache_find,
                                     .find_data = &cache };
    int code = zone_load(str_of(zone_name), &zone, NULL, &cli->err);
    if (code < 0)
        return code;
    r->window = (struct span){ cli->now_at - USEC_PER_DAY,
                               cli->now_at + CALENDAR_DAYS * USEC_PER_DAY };
    settings.window = r->window;
    settings.n_addresses = own_addresses(self, settings.address);
    zone_cache_init(&cache);
    code = cal_expand(bytes, &settings, memory, CAL_MEMORY, &r->e, &cli->err);
    zone_cache_finish(&cache);
    if (code == 0)
        r->busy_n = busy_of(&r->e, r->window, r->busy, CALENDAR_BUSY_MAX, &r->squeezed);
    return code;
}

static json_t *busy_json(const struct reading *r)
{
    json_t *list = json_array();
    for (size_t i = 0; i < r->busy_n; i++)
        json_array_append_new(list, json_pack("[I,I,s]", (json_int_t)r->busy[i].from_at,
                                              (json_int_t)r->busy[i].until_at,
                                              cal_busy_word(r->busy[i].kind)));
    return list;
}

static json_t *issues_json(const struct reading *r)
{
    json_t *list = json_array();
    if (r->squeezed)
        json_array_append_new(list, json_pack("[s,i,s]", cal_issue_word(CAL_ISSUE_DENSE), 0, ""));
    for (size_t i = 0; i < r->e.n_issues && i < CALENDAR_ISSUES_MAX; i++) {
        const struct cal_issue *issue = &r->e.issues[i];
        char memory[CALENDAR_DETAIL_MAX * 3 + 1]; /* a byte may become three */
        struct buf detail;
        buf_init_fixed(&detail, memory, sizeof memory);
        utf8_clean(&detail, str_slice(issue->detail, 0, CALENDAR_DETAIL_MAX));
        json_array_append_new(list, json_pack("[s,I,s]", cal_issue_word(issue->code),
                                              (json_int_t)issue->line,
                                              detail.failed || !detail.ptr ? "" : memory));
    }
    return list;
}

struct wanted { /* of one calendar */
    const char *path, *name, *self, *person;
};

static int send_reading(struct cli *cli, const struct wanted *w, const struct reading *r,
                        json_t **ret)
{
    json_t *body = json_pack(
        "{s:s,s:s,s:s,s:s,s:I,s:I,s:I,s:o,s:o}", "name", w->name, "kind", "file", "place", w->path,
        "self", w->self, "until_at", (json_int_t)r->window.until_at, "events",
        (json_int_t)r->e.n_events, "not_understood_n",
        (json_int_t)r->e.n_issues_all + (r->squeezed ? 1 : 0), "not_understood", issues_json(r), "busy",
        busy_json(r));
    if (!body)
        return err_set(&cli->err, E_INVALID,
                       "The name of a calendar and its file must be UTF-8 text.");
    if (w->person)
        json_object_set_new(body, "for", json_string(w->person));
    int code = cli_call(cli, "POST", "/v1/me/calendars", body, ret);
    json_decref(body);
    return code;
}

/* The zone that counts for floating times is the person's, not this terminal's. */
static int zone_of_person(struct cli *cli, const char *person, char ret[ZONE_NAME_MAX])
{
    json_t *me = NULL;
    json_t *body = person ? json_pack("{s:s}", "for", person) : json_object();
    int code = cli_call(cli, "POST", "/v1/me", body, &me); /* changes nothing; makes who is new */
    if (code == 0 && snprintf(ret, ZONE_NAME_MAX, "%s", json_text(me, "zone")) >= ZONE_NAME_MAX)
        code = err_set(&cli->err, E_INTERNAL, "The daemon's answer is not understood.");
    json_decref(body);
    json_decref(me);
    return code;
}

static int read_and_send(struct cli *cli, const struct wanted *w, json_t **ret)
{
    char zone_name[ZONE_NAME_MAX], *bytes = NULL;
    size_t len = 0;
    struct reading r = { .busy = calloc(CALENDAR_BUSY_MAX, sizeof *r.busy) };
    void *memory = malloc(CAL_MEMORY);
    int code = r.busy && memory
                   ? calendar_file_read(w->path, &bytes, &len, &cli->err)
                   : err_set(&cli->err, E_NO_MEMORY,
                             "There is not enough memory to read a calendar.");
    if (code == 0)
        code = zone_of_person(cli, w->person, zone_name);
    if (code == 0)
        code = expand(cli, (struct str){ bytes, len }, zone_name, w->self, memory, &r);
    if (code == 0)
        code = send_reading(cli, w, &r, ret);
    free(memory);
    free(r.busy);
    free(bytes);
    return code;
}

/* --- showing -------------------------------------------------------------------------------------- */

static void cell_clean(struct table *t, const char *foreign)
{
    struct buf text;
    buf_init(&text, CALENDAR_PLACE_MAX * 4);
    cli_clean(&text, foreign);
    table_cell(t, buf_look(&text), PAINT_NONE);
    buf_finish(&text);
}

static void cell_number(struct table *t, int64_t n, enum paint paint)
{
    char memory[32];
    struct buf text;
    buf_init_fixed(&text, memory, sizeof memory);
    text_number(&text, n);
    table_cell(t, buf_look(&text), paint);
}

static void put_row(struct cli *cli, struct table *t, const json_t *c, usec_t now_at)
{
    char memory[64];
    struct buf age;
    int64_t issues_n = json_i64(c, "not_understood_n");
    cell_clean(t, json_text(c, "name"));
    cell_clean(t, json_text(c, "place"));
    buf_init_fixed(&age, memory, sizeof memory);
    text_duration(&age, cli->lang, usec_max(now_at - json_i64(c, "read_at"), 0));
    if (json_i64(c, "read_at") == 0)
        buf_clear(&age);
    if (json_i64(c, "read_at") == 0)
        buf_char(&age, '-');
    table_cell(t, buf_look(&age), json_text(c, "trouble")[0] ? PAINT_RED : PAINT_NONE);
    cell_number(t, json_i64(c, "events"), PAINT_NONE);
    cell_number(t, json_i64(c, "busy_n"), PAINT_NONE);
    cell_number(t, issues_n, issues_n ? PAINT_YELLOW : PAINT_NONE);
}

static void put_issues(struct cli *cli, const json_t *c)
{
    size_t i;
    json_t *issue;
    struct buf name, detail;
    buf_init(&name, 4096);
    buf_init(&detail, 4096);
    cli_clean(&name, json_text(c, "name"));
    if (json_text(c, "trouble")[0]) {
        cli_clean(&detail, json_text(c, "trouble"));
        buf_printf(&cli->out, "%s: %s (%s)\n", name.ptr ? name.ptr : "",
                   json_text(c, "trouble_sentence"), detail.ptr ? detail.ptr : "");
    }
    json_array_foreach(json_object_get(c, "not_understood"), i, issue)
    {
        buf_clear(&detail);
        cli_clean(&detail, json_text(issue, "detail"));
        buf_printf(&cli->out, tr(cli->lang, "%1$s line %2$lld: %3$s"), name.ptr ? name.ptr : "",
                   (long long)json_i64(issue, "line"), json_text(issue, "sentence"));
        if (detail.len)
            buf_printf(&cli->out, " (%s)", detail.ptr);
        buf_char(&cli->out, '\n');
    }
    int64_t more = json_i64(c, "not_understood_n") -
                   (int64_t)json_array_size(json_object_get(c, "not_understood"));
    if (more > 0)
        buf_printf(&cli->out, tr(cli->lang, "%1$s: %2$lld more are not listed\n"),
                   name.ptr ? name.ptr : "", (long long)more);
    buf_finish(&name);
    buf_finish(&detail);
}

static void put_waiting(struct cli *cli, const json_t *c)
{
    struct buf name;
    int64_t n = json_i64(c, "ticks_n");
    if (n <= 0)
        return;
    buf_init(&name, 4096);
    cli_clean(&name, json_text(c, "name"));
    buf_printf(&cli->out, trn(cli->lang, "%1$s: %2$lld todo that is done here is not ticked there yet.",
                              "%1$s: %2$lld todos that are done here are not ticked there yet.",
                              (unsigned long long)n), name.ptr ? name.ptr : "", (long long)n);
    if (json_text(c, "tick_trouble")[0])
        buf_printf(&cli->out, " %s (%s)", json_text(c, "tick_trouble_sentence"), json_text(c, "tick_trouble"));
    buf_char(&cli->out, '\n');
    buf_finish(&name);
}

static void put_all(struct cli *cli, const struct args *args, const json_t *answer)
{
    const json_t *list = json_object_get(answer, "calendars");
    const struct column columns[] = {
        { tr(cli->lang, "CALENDAR"), false, true }, { tr(cli->lang, "FROM"), false, true },
        { tr(cli->lang, "AGE"), true, false },      { tr(cli->lang, "EVENTS"), true, false },
        { tr(cli->lang, "BUSY TIMES"), true, false }, { tr(cli->lang, "NOT UNDERSTOOD"), true, false },
    };
    size_t i;
    json_t *c;
    if (args_flag(args, "json")) {
        cli_put_json(cli, answer);
        return;
    }
    if (json_array_size(list) == 0) {
        buf_printf(&cli->out, "%s\n",
                   tr(cli->lang, "There is no calendar yet; \"eoul me calendar add WHAT\" adds one."));
        return;
    }
    struct table *t = table_create(columns, 6);
    json_array_foreach(list, i, c) put_row(cli, t, c, json_i64(answer, "now_at"));
    table_finish(t, cli);
    json_array_foreach(list, i, c)
    {
        put_issues(cli, c);
        put_waiting(cli, c);
    }
}

/* --- verbs ---------------------------------------------------------------------------------------- */

/* "calendars/work.ics" is called "work". */
static void name_of(const char *path, char *ret, size_t size)
{
    const char *slash = strrchr(path, '/');
    struct str name = str_of(slash ? slash + 1 : path);
    size_t suffix = sizeof SUFFIX - 1;
    if (name.len > suffix &&
        str_is_nocase(str_slice(name, name.len - suffix, name.len), SUFFIX))
        name.len -= suffix;
    snprintf(ret, size, "%.*s", (int)(name.len < size ? name.len : size - 1), name.ptr);
    for (char *c = ret; *c; c++)
        if (*c == ':' || *c == ',')
            *c = '-';
}

static int absolute(struct cli *cli, const char *path, char *ret, size_t size)
{
    char here[PATH_MAX_BYTES] = "";
    bool whole = path[0] == '/' || strcmp(path, "-") == 0;
    if (!whole && !getcwd(here, sizeof here))
        return err_set(&cli->err, E_IO, "The present directory cannot be found.");
    int n = snprintf(ret, size, "%s%s%s", here, whole ? "" : "/", path);
    if (n < 0 || (size_t)n >= size)
        return err_set(&cli->err, E_TOO_LARGE, "The name of the file is too long.");
    return 0;
}

/* --- addresses ------------------------------------------------------------------------------------ */

static bool is_address(const char *text)
{
    return strstr(text, "://") != NULL;
}

/* "https://cal.example.org/x" is called "cal.example.org". */
static void name_of_address(const char *url, char *ret, size_t size)
{
    const char *host = strstr(url, "://");
    host = host ? host + 3 : url;
    size_t len = strcspn(host, "/:?#");
    snprintf(ret, size, "%.*s", (int)(len < size ? len : size - 1), host);
}

/* Until eoul-fetch has looked; the daemon gives up before we do. */
static int wait_read(struct cli *cli, const char *person, const char *name, json_t **ret)
{
    bool reading;
    do {
        size_t i;
        json_t *c;
        json_decref(*ret);
        *ret = NULL;
        int code = cli_get_settled(cli, "/v1/me/calendars", person, name, READ_S, ret);
        if (code < 0)
            return code;
        reading = false;
        json_array_foreach(json_object_get(*ret, "calendars"), i, c)
            reading = reading || (json_is_true(json_object_get(c, "reading")) &&
                                  (!name || strcmp(name, json_text(c, "name")) == 0));
    } while (reading);
    return 0;
}

static int send_place(struct cli *cli, const struct args *args, const char *kind, const char *name,
                      const char *place, const struct secrets *s, json_t **ret)
{
    const char *takes = args_value(args, "takes");
    usec_t takes_us = 0;
    if (takes && when_parse_length(str_of(takes), &takes_us, &cli->err) < 0)
        return cli->err.code = E_USAGE;
    const char *person = args_value(args, "for"), *self = args_value(args, "self");
    json_t *body = json_pack("{s:s,s:s,s:s}", "name", name, "kind", kind, "self", self ? self : "");
    if (place)
        json_object_set_new(body, "place", json_string(place));
    if (takes_us)
        json_object_set_new(body, "takes_us", json_integer(takes_us));
    if (person)
        json_object_set_new(body, "for", json_string(person));
    if (s && s->url[0]) {
        json_object_set_new(body, "url", json_string(s->url));
        json_object_set_new(body, "user", json_string(s->user));
        json_object_set_new(body, "password", json_string(s->password));
    }
    int code = body ? cli_call(cli, "POST", "/v1/me/calendars", body, ret)
                    : err_set(&cli->err, E_INVALID,
                              "The name of a calendar and its file must be UTF-8 text.");
    json_decref(body);
    return code < 0 ? code : wait_read(cli, person, name, ret);
}

static int add_address(struct cli *cli, const struct args *args, const char *what, json_t **ret)
{
    char named[CALENDAR_NAME_MAX + 1];
    const char *name = args_value(args, "name"), *user = args_value(args, "user");
    const char *file = args_value(args, "secrets");
    struct secrets *s = calloc(1, sizeof *s);
    int code = s ? 0 : err_set(&cli->err, E_NO_MEMORY, "There is not enough memory for this request.");
    if (code == 0 && file)
        code = secrets_read(cli, file, s);
    if (code == 0 && what)
        snprintf(s->url, sizeof s->url, "%s", what);
    if (code == 0 && user)
        snprintf(s->user, sizeof s->user, "%s", user);
    if (code == 0 && !s->url[0])
        code = err_set(&cli->err, E_USAGE, "Say where it is: an address, or a line \"url ADDRESS\" in "
                                           "the file of --secrets.");
    if (code == 0 && s->user[0] && !s->password[0])
        code = secrets_ask_password(cli, s);
    if (code == 0 && !name) {
        name_of_address(s->url, named, sizeof named);
        name = named;
    }
    if (code == 0)
        code = send_place(cli, args, args_flag(args, "todos") ? "todos" : args_flag(args, "caldav") ? "caldav" : "url",
                          name, NULL, s, ret);
    if (s)
        explicit_bzero(s, sizeof *s);
    free(s);
    return code;
}

static int add(struct cli *cli, const struct args *args, const char *what, json_t **ret)
{
    char path[CALENDAR_PLACE_MAX + 1], name[CALENDAR_NAME_MAX + 1];
    struct stat st;
    struct wanted w = { .path = path, .name = args_value(args, "name"),
                        .self = args_value(args, "self"), .person = args_value(args, "for") };
    if (args_value(args, "takes") && !args_flag(args, "todos"))
        return err_set(&cli->err, E_USAGE, "--takes is for a list of todos: eoul me calendar add https://... --todos "
                                           "--takes 30m.");
    if (!what || is_address(what))
        return add_address(cli, args, what, ret);
    if (args_flag(args, "todos"))
        return err_set(&cli->err, E_USAGE, "A list of todos is on a CalDAV server: give its https:// address.");
    if (strncmp(what, HOLIDAYS, sizeof HOLIDAYS - 1) == 0) {
        const char *country = what + sizeof HOLIDAYS - 1;
        snprintf(name, sizeof name, "holidays-%s", country);
        return send_place(cli, args, "holidays", w.name ? w.name : name, country, NULL, ret);
    }
    if (strcmp(what, "-") == 0 && !w.name)
        return err_set(&cli->err, E_USAGE, "Say what to call it: --name NAME.");
    int code = absolute(cli, what, path, sizeof path);
    if (!w.name) {
        name_of(path, name, sizeof name);
        w.name = name;
    }
    w.self = w.self ? w.self : "";
    if (code == 0 && stat(path, &st) == 0 && S_ISDIR(st.st_mode))
        return send_place(cli, args, "directory", w.name, path, NULL, ret);
    return code < 0 ? code : read_and_send(cli, &w, ret);
}

static bool has_trouble(const json_t *answer, const char *name)
{
    size_t i;
    json_t *c;
    json_array_foreach(json_object_get(answer, "calendars"), i, c)
        if ((!name || strcmp(name, json_text(c, "name")) == 0) && json_text(c, "trouble")[0])
            return true;
    return false;
}

/* A file is read here, the others by eoul-fetch. */
static int refresh_one(struct cli *cli, const struct args *args, const json_t *c, json_t **ret)
{
    const struct wanted w = { .path = json_text(c, "place"), .name = json_text(c, "name"),
                              .self = json_text(c, "self"), .person = args_value(args, "for") };
    if (strcmp(json_text(c, "kind"), "file") != 0) {
        int code = cli_post_action(cli, args, "/v1/me/calendars/", w.name, "refresh", ret);
        return code < 0 ? code : wait_read(cli, w.person, w.name, ret);
    }
    if (strcmp(w.path, "-") == 0)
        return err_set(&cli->err, E_UNSUPPORTED,
                       "The calendar \"%s\" came from standard input; add it again.", w.name);
    return read_and_send(cli, &w, ret);
}

/* Every one again, or the one named.  One that cannot be read keeps its last copy; the others are
 * read all the same. */
static int refresh(struct cli *cli, const struct args *args, const char *name, json_t **ret)
{
    json_t *all = NULL, *c;
    size_t i;
    bool found = false;
    int failed = 0;
    int code = cli_get_for(cli, "/v1/me/calendars", "?for=", args_value(args, "for"), &all);
    json_array_foreach(json_object_get(all, "calendars"), i, c)
    {
        if (code < 0 || (name && strcmp(name, json_text(c, "name")) != 0))
            continue;
        found = true;
        json_decref(*ret);
        *ret = NULL;
        int one = refresh_one(cli, args, c, ret);
        if (one < 0 && !failed)
            failed = one;
        if (one < 0)
            cli_say(cli, "%s", cli->err.text);
    }
    json_decref(all);
    if (code == 0 && name && !found)
        return err_set(&cli->err, E_NOT_FOUND,
                       "There is no calendar \"%s\"; \"eoul me calendar list\" names them.", name);
    if (code == 0 && !*ret)
        code = cli_get_for(cli, "/v1/me/calendars", "?for=", args_value(args, "for"), ret);
    return code == 0 && (failed || has_trouble(*ret, name)) ? 1 : code;
}

int calendar_verb(struct cli *cli, const struct args *args)
{
    const char *verb = args->rest_n > 1 ? args->rest[1] : "list";
    const char *what = args->rest_n > 2 ? args->rest[2] : NULL;
    json_t *answer = NULL;
    int code = cli_connect(cli);
    if (code < 0)
        return code;
    if (strcmp(verb, "list") == 0 && args->rest_n <= 2)
        code = cli_get_for(cli, "/v1/me/calendars", "?for=", args_value(args, "for"), &answer);
    else if (strcmp(verb, "refresh") == 0 && args->rest_n <= 3)
        code = refresh(cli, args, what, &answer);
    else if (strcmp(verb, "add") == 0 &&
             (args->rest_n == 3 || (args->rest_n == 2 && args_flag(args, "secrets"))))
        code = add(cli, args, what, &answer);
    else if (strcmp(verb, "remove") == 0 && args->rest_n == 3)
        code = cli_post_action(cli, args, "/v1/me/calendars/", what, "remove", &answer);
    else
        code = err_set(&cli->err, E_USAGE,
                       "Write \"eoul me calendar add WHAT\" (a file, a directory, an https:// address or "
                       "holidays:KR), "
                       "\"list\", \"remove NAME\" or \"refresh [NAME]\".");
    if (code >= 0 && answer)
        put_all(cli, args, answer);
    json_decref(answer);
    return code;
}
