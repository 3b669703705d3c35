/* cmd_feed.c - `eoul me feed`: my plan as a calendar, served by eould at a secret address, or as a file for a
 * web server to publish.
 *
 * Todos take their owner's time; runs and results do not, they only stand there.  With --busy only todos
 * are written, without their names.  The file is replaced whole, and only when something changed: a web
 * server's ETag follows from it.
 */
#include "cli/cmd_feed.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/io.h"
#include "cli/job.h"
#include "cli/todo_text.h"
#include "feed/feed.h"

#define ROWS_MAX 400
#define ENDED_MAX 200
#define LOOK_US (15 * USEC_PER_MIN) /* how long a look at a result is drawn */
#define TITLES_MAX (1u << 20)
#define MODE_NEW 0600

struct writing {
    struct cli *cli;
    json_t *me, *plan, *ended, *todos, *status;
    struct feed_event events[FEED_EVENTS_MAX];
    size_t events_n;
    char origin[20];        /* which eoul: numbers of jobs are unique within one */
    char *text;
    size_t text_len;
    bool only_busy;
};

/* --- asking -------------------------------------------------------------------------------------------- */

static int get(struct writing *w, const char *path, const char *person, json_t **ret)
{
    return cli_get_for(w->cli, path, strchr(path, '?') ? "&owner=" : "?for=", person, ret);
}

static int ask(struct writing *w, const char *person)
{
    char path[64];
    int code = get(w, "/v1/status", NULL, &w->status);
    if (code == 0)
        code = get(w, "/v1/me", person, &w->me);
    snprintf(path, sizeof path, "/v1/plan?limit=%d", ROWS_MAX);
    if (code == 0)
        code = get(w, path, NULL, &w->plan);
    if (code == 0)
        code = get(w, "/v1/todos", person, &w->todos);
    snprintf(path, sizeof path, "/v1/jobs?state=ended&limit=%d", ENDED_MAX);
    if (code == 0 && json_text(w->me, "name")[0])
        code = get(w, path, json_text(w->me, "name"), &w->ended);
    return code;
}

/* --- events --------------------------------------------------------------------------------------------- */

static const char *keep(struct writing *w, const char *text)
{
    size_t len = strlen(text) + 1;
    char *at = w->text + w->text_len;
    if (w->text_len + len > TITLES_MAX)
        return "";
    memcpy(at, text, len);
    w->text_len += len;
    return at;
}

static void add(struct writing *w, const char *uid, const char *title, const char *link,
                struct span span, bool busy)
{
    if (w->events_n >= FEED_EVENTS_MAX || span.from_at <= 0 || span.until_at <= span.from_at)
        return;
    w->events[w->events_n++] = (struct feed_event){
        .uid = keep(w, uid), .title = keep(w, title), .text = "", .link = keep(w, link),
        .from_at = span.from_at, .until_at = span.until_at, .busy = busy };
}

static void add_todo(struct writing *w, const json_t *todo)
{
    char memory[2048], uid[FEED_UID_MAX];
    struct buf title;
    size_t i;
    json_t *piece;
    if (!json_is_true(json_object_get(todo, "mine")))
        return;
    buf_init_fixed(&title, memory, sizeof memory);
    todo_name(w->cli, &title, todo);
    const char *link = json_text(todo, "link");
    json_array_foreach(json_object_get(todo, "pieces"), i, piece)
    {
        const struct span span = { json_integer_value(json_array_get(piece, 0)),
                                   json_integer_value(json_array_get(piece, 1)) };
        snprintf(uid, sizeof uid, "todo-%lld-%zu.%s@eoul", (long long)json_i64(todo, "id"), i + 1,
                 w->origin);
        add(w, uid, w->only_busy || title.failed ? tr(w->cli->lang, "busy") : memory,
            w->only_busy ? "" : link, span, true);
    }
}

static void add_job(struct writing *w, const json_t *row)
{
    char memory[2048], name[1024], id[32], uid[FEED_UID_MAX];
    struct buf title, clean;
    bool over = job_is_over(row);
    const char *name_id = job_name_id(row, id);
    usec_t from_at = json_i64(row, "start_at"), eyes_at = json_i64(row, "eyes_at");
    if (strcmp(json_text(row, "owner"), json_text(w->me, "name")) != 0)
        return;
    buf_init_fixed(&clean, name, sizeof name);
    cli_clean(&clean, json_text(row, "name"));
    buf_init_fixed(&title, memory, sizeof memory);
    buf_printf(&title, !over                 ? tr(w->cli->lang, "%1$s %2$s runs")
                       : job_went_well(row) ? tr(w->cli->lang, "%1$s %2$s: done")
                                            : tr(w->cli->lang, "%1$s %2$s: did not end well"),
               name_id, clean.failed || !clean.ptr ? "?" : name);
    snprintf(uid, sizeof uid, "run-%lld.%s@eoul", (long long)json_i64(row, "id"), w->origin);
    add(w, uid, title.failed ? "" : memory, "",
        (struct span){ from_at, json_i64(row, over ? "end_at" : "end_p50_at") }, false);
    if (over || eyes_at <= 0 || eyes_at == USEC_NEVER)
        return;
    buf_clear(&title);
    buf_printf(&title, tr(w->cli->lang, "look at %1$s %2$s"), name_id, clean.failed || !clean.ptr ? "?" : name);
    snprintf(uid, sizeof uid, "look-%lld.%s@eoul", (long long)json_i64(row, "id"), w->origin);
    add(w, uid, title.failed ? "" : memory, "", (struct span){ eyes_at, eyes_at + LOOK_US }, false);
}

static void add_all(struct writing *w)
{
    char host[256] = "";
    size_t i;
    json_t *one;
    (void)gethostname(host, sizeof host - 1);
    struct str where = str_of(json_text(w->status, "state_dir"));
    snprintf(w->origin, sizeof w->origin, "%016llx",
             (unsigned long long)(hash_bytes(1, where.ptr, where.len) ^ hash_bytes(2, host, strlen(host))));
    json_array_foreach(json_object_get(w->todos, "todos"), i, one) add_todo(w, one);
    if (w->only_busy)
        return;
    json_array_foreach(json_object_get(w->plan, "rows"), i, one) add_job(w, one);
    json_array_foreach(json_object_get(w->ended, "rows"), i, one)
        if (json_i64(one, "end_at") > w->cli->now_at - FEED_KEEP_US)
            add_job(w, one);
}

/* --- the file --------------------------------------------------------------------------------------------- */

static int open_place(struct cli *cli, const char *file, const char **ret_name)
{
    char dir[4096];
    const char *slash = strrchr(file, '/');
    size_t len = slash ? (size_t)(slash - file) : 0;
    *ret_name = slash ? slash + 1 : file;
    if (len >= sizeof dir || !(*ret_name)[0])
        return err_set(&cli->err, E_USAGE, "\"%.200s\" names no file.", file);
    snprintf(dir, sizeof dir, "%.*s", (int)len, file);
    int fd = open(slash ? len ? dir : "/" : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return fd >= 0 ? fd : err_set(&cli->err, E_NOT_FOUND, "The directory of '%.200s' cannot be opened.", file);
}

static int write_file(struct writing *w, int dir, const char *name)
{
    struct cli *cli = w->cli;
    struct buf old, now;
    struct stat st;
    bool changed = false;
    mode_t mode = fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 ? st.st_mode & 0777 : MODE_NEW;
    buf_init(&old, FEED_BYTES_MAX * 2);
    buf_init(&now, FEED_BYTES_MAX * 2);
    int code = io_read_file(dir, name, &old);
    if (code == E_NOT_FOUND)
        code = 0;
    if (code < 0)
        err_set(&cli->err, code, "The file '%.200s' cannot be read.", name);
    const struct feed f = { .name = w->only_busy ? "eoul (busy)" : "eoul", .now_at = cli->now_at,
                            .events = w->events, .events_n = w->events_n };
    if (code == 0)
        code = feed_write(&now, &f, buf_look(&old), &changed, &cli->err);
    if (code == 0 && changed && (code = io_replace_file(dir, name, now.ptr, now.len, mode)) < 0)
        err_set(&cli->err, code, "The file '%.200s' could not be written; the old one is as it was.", name);
    buf_finish(&old);
    buf_finish(&now);
    return code;
}

static int to_file(struct cli *cli, const struct args *args, const char *file)
{
    const char *name = NULL;
    struct writing *w = calloc(1, sizeof *w);
    char *text = malloc(TITLES_MAX);
    int dir = -1;
    int code = w && text ? open_place(cli, file, &name)
                         : err_set(&cli->err, E_NO_MEMORY, "There is not enough memory for this request.");
    dir = code;
    if (code >= 0)
        code = cli_connect(cli);
    if (code == 0) {
        w->cli = cli;
        w->text = text;
        w->only_busy = args_flag(args, "busy");
        code = ask(w, args_value(args, "for"));
    }
    if (code == 0) {
        add_all(w);
        code = write_file(w, dir, name);
    }
    if (dir >= 0)
        close(dir);
    if (w) {
        json_decref(w->me);
        json_decref(w->plan);
        json_decref(w->ended);
        json_decref(w->todos);
        json_decref(w->status);
    }
    free(w);
    free(text);
    return code;
}

/* --- by address ------------------------------------------------------------------------------------------- */

static void put_feeds(struct cli *cli, const struct args *args, const json_t *answer)
{
    const char *path = json_text(answer, "path");
    size_t i;
    json_t *one;
    if (args_flag(args, "json")) {
        cli_put_json(cli, answer);
        return;
    }
    if (path[0] && json_text(answer, "address")[0]) {
        buf_printf(&cli->out, "%s%s\n", json_text(answer, "address"), path);
        cli_say(cli, "%s", tr(cli->lang, "Whoever has this address reads the feed, and it is shown this once."));
        return;
    }
    if (path[0]) {
        buf_printf(&cli->out, "http://127.0.0.1:%lld%s\n", (long long)json_i64(answer, "port"), path);
        cli_say(cli, "%s", tr(cli->lang, "Whoever has this address reads the feed, and it is shown this "
                                         "once. A TLS proxy passes /feeds/ on to it; put its https:// "
                                         "address before the path."));
        return;
    }
    if (json_array_size(json_object_get(answer, "feeds")) == 0)
        buf_printf(&cli->out, "%s\n", tr(cli->lang, "There is no feed; \"eoul me feed add\" makes one."));
    json_array_foreach(json_object_get(answer, "feeds"), i, one)
    {
        cli_clean(&cli->out, json_text(one, "name"));
        if (json_is_true(json_object_get(one, "busy"))) {
            buf_char(&cli->out, ' ');
            buf_c(&cli->out, tr(cli->lang, "(busy only)"));
        }
        buf_c(&cli->out, "  ");
        cli_when(cli, &cli->out, json_i64(one, "add_at"));
        buf_char(&cli->out, '\n');
    }
}

static int by_address(struct cli *cli, const struct args *args, const char *verb)
{
    const char *person = args_value(args, "for"), *name = args_value(args, "name");
    struct buf path;
    json_t *answer = NULL, *body = json_object();
    bool list = strcmp(verb, "list") == 0, remove = strcmp(verb, "remove") == 0;
    buf_init(&path, HTTP_PATH_MAX - 64);
    buf_c(&path, "/v1/me/feeds");
    if (list && person) {
        buf_c(&path, "?for=");
        http_encode(&path, str_of(person));
    } else if (person) {
        json_object_set_new(body, "for", json_string(person));
    }
    if (remove) {
        buf_char(&path, '/');
        http_encode(&path, str_of(args->rest[2]));
        buf_c(&path, "/remove");
    } else if (!list) {
        json_object_set_new(body, "name", json_string(name ? name : "feed"));
        json_object_set_new(body, "busy", json_boolean(args_flag(args, "busy")));
    }
    int code = path.failed ? err_set(&cli->err, E_USAGE, "That name is too long.") : cli_connect(cli);
    if (code == 0)
        code = cli_call(cli, list ? "GET" : "POST", path.ptr, list ? NULL : body, &answer);
    if (code == 0)
        put_feeds(cli, args, answer);
    json_decref(answer);
    json_decref(body);
    buf_finish(&path);
    return code;
}

int feed_verb(struct cli *cli, const struct args *args)
{
    const char *file = args_value(args, "file"), *verb = args->rest_n > 1 ? args->rest[1] : "list";
    if (file && args->rest_n == 1)
        return to_file(cli, args, file);
    if (!file && (((strcmp(verb, "add") == 0 || strcmp(verb, "list") == 0) && args->rest_n <= 2) ||
                  (strcmp(verb, "remove") == 0 && args->rest_n == 3)))
        return by_address(cli, args, verb);
    return err_set(&cli->err, E_USAGE, "Write \"eoul me feed add\", \"list\" or \"remove NAME\", or \"eoul me "
                                       "feed --file FILE.ics\"; --busy leaves names out.");
}
