/* request.c - see request.h. */
#include "cli/request.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "base/utf8.h"
#include "cal/when.h"
#include "cli/code.h"
#include "cli/missing.h"
#include "cli/program.h"
#include "client/spawn.h"
#include "client/ticket.h"
#include "spec/environ.h"
#include "spec/sbatch.h"
#include "spec/sweep.h"
#include "spec/value.h"

extern char **environ;

#define AWAY_US (10 * USEC_PER_SEC) /* a restart of the machine's daemon */
#define WORDS_MAX 4096              /* words of one line of --from */

enum { EXTRA_HELP, EXTRA_LANG, EXTRA_ASCII, EXTRA_FROM, EXTRA_JSON, EXTRA_COUNT };
const struct option_def request_extra[] = {
    [EXTRA_HELP] = {.name = "help", .letter = 'h'},
    [EXTRA_LANG] = {.name = "lang", .arg = OPTION_ARG},
    [EXTRA_ASCII] = {.name = "ascii"},
    [EXTRA_FROM] = {.name = "from", .arg = OPTION_ARG},
    [EXTRA_JSON] = {.name = "json"},
};
const uint32_t request_extra_n = EXTRA_COUNT;

/* --- what the client sees
 * ----------------------------------------------------------------------------- */

static const struct {
    const char *name;
    int resource;
} limits[] = {
    {"as", RLIMIT_AS},         {"core", RLIMIT_CORE},   {"cpu", RLIMIT_CPU},
    {"data", RLIMIT_DATA},     {"fsize", RLIMIT_FSIZE}, {"memlock", RLIMIT_MEMLOCK},
    {"nofile", RLIMIT_NOFILE}, {"nproc", RLIMIT_NPROC}, {"rss", RLIMIT_RSS},
    {"stack", RLIMIT_STACK},
};

static void limit_text(struct buf *out, rlim_t value)
{
    if (value == RLIM_INFINITY)
        buf_c(out, "unlimited");
    else
        buf_u64(out, value);
}

/* What is no option but recorded all the same has rows in the table too. */
int request_record(struct spec *spec, const char *name, struct str value, struct err *err)
{
    for (uint32_t i = 0; i < option_table_n; i++)
        if (strcmp(option_table[i].name, name) == 0)
            return option_apply(spec, &option_table[i], value, SPEC_FROM_COMMAND, 0, err);
    return err_set(err, E_INTERNAL, "There is no option \"%s\".", name);
}

static int record_limits(struct spec *spec, struct err *err)
{
    int r = 0;
    for (size_t i = 0; i < sizeof limits / sizeof limits[0] && r == 0; i++) {
        struct rlimit limit;
        char memory[96];
        struct buf text;
        if (getrlimit((__rlimit_resource_t)limits[i].resource, &limit) < 0)
            continue;
        buf_init_fixed(&text, memory, sizeof memory);
        buf_c(&text, limits[i].name);
        buf_char(&text, ':');
        limit_text(&text, limit.rlim_cur);
        buf_char(&text, ':');
        limit_text(&text, limit.rlim_max);
        r = request_record(spec, "rlimit", buf_look(&text), err);
    }
    return r;
}

/* Clock times mean the reader's zone and this moment: the daemon gets an instant. */
static int fix_time(struct cli *cli, struct spec *spec, struct str *field, const char *option)
{
    struct when when;
    char memory[32];
    struct buf text;
    if (field->len == 0 || field->ptr[0] == '@')
        return 0;
    if (when_parse(*field, cli_zone(cli), cli->now_at, &when, &cli->err) < 0) {
        char why[ERR_TEXT_MAX];
        memcpy(why, cli->err.text, sizeof why);
        return err_set(&cli->err, E_USAGE, "--%1$s: %2$s", option, why);
    }
    if (field == &spec->deadline && when.at <= cli->now_at)
        return err_set(&cli->err, E_INVALID, "--deadline=%.*s lies in the past; give a time ahead.", STR_ARG(*field));
    if (field == &spec->begin && when.until_at < cli->now_at)
        cli_say(cli, tr(cli->lang, "--begin=%.*s lies in the past; the job may start at once."), STR_ARG(*field));
    buf_init_fixed(&text, memory, sizeof memory);
    buf_char(&text, '@');
    buf_i64(&text, when.at / USEC_PER_SEC);
    return spec_copy(spec, buf_look(&text), field);
}

/* What the client will bring, and the size of its terminal. */
static int record_client(struct cli *cli, struct spec *spec, struct request *r)
{
    const struct request_client *client = r->client;
    char rows[16], columns[16];
    if (!client)
        return 0;
    bool shell = r->form == REQUEST_SHELL && client->terminal;
    if (shell && (spec->input.len > 0 || spec->error.len > 0))
        return err_set(&cli->err, E_USAGE,
                       "A shell reads from and writes to its terminal; --input and --error are for \"eoul run\".");
    bool plain = spec->input.len == 0 && spec->array.range_n == 0 && spec->params.n == 0;
    r->pty = shell || (client->terminal && plain && spec->error.len == 0);
    r->feed = !r->pty && client->feeds && plain;
    if (!r->pty && !r->feed)
        return 0;
    snprintf(rows, sizeof rows, "%u", client->rows);
    snprintf(columns, sizeof columns, "%u", client->columns);
    int code = request_record(spec, r->pty ? "pty" : "feed", STR("yes"), &cli->err);
    if (code == 0 && r->pty)
        code = request_record(spec, "rows", str_of(rows), &cli->err);
    if (code == 0 && r->pty)
        code = request_record(spec, "columns", str_of(columns), &cli->err);
    if (code == 0)
        code = request_record(spec, "meet", str_of(client->meet), &cli->err);
    if (code == 0 && r->pty && spec->flex_us == 0 && spec->canary_us == 0) /* somebody sits there and waits */
        code = request_record(spec, "now", STR("yes"), &cli->err);
    if (code == 0 && shell && spec->output.len == 0) /* what is on a screen is not worth a file */
        code = request_record(spec, "output", STR("/dev/null"), &cli->err);
    return code;
}

static int capture(struct cli *cli, struct spec *spec)
{
    char text[PLACE_PATH_MAX * 4];
    int r = 0;
    if (!getcwd(text, sizeof text))
        return err_set(
            &cli->err, E_NOT_FOUND,
            "The present directory cannot be named (%s); change to one that exists, or give "
            "--chdir.",
            strerror(errno));
    if (text[0] != '/')
        return err_set(&cli->err, E_NOT_FOUND,
                       "The present directory is out of reach from here; change to another one.");
    r = request_record(spec, "submit-dir", str_of(text), &cli->err);
    if (r == 0 && spec->chdir.len == 0) {
        r = request_record(spec, "chdir", str_of(text), &cli->err);
    } else if (r == 0 && spec->chdir.ptr[0] != '/') {
        struct buf whole;
        buf_init(&whole, sizeof text + SPEC_TEXT_MAX);
        buf_str(&whole, spec->submit_dir);
        buf_char(&whole, '/');
        buf_str(&whole, spec->chdir);
        r = whole.failed ? whole.failed : spec_copy(spec, buf_look(&whole), &spec->chdir);
        buf_finish(&whole);
    }
    if (r == 0 && gethostname(text, 256) == 0) {
        text[255] = '\0';
        r = request_record(spec, "submit-host", str_of(text), &cli->err);
    }
    mode_t mask = umask(077);
    umask(mask);
    snprintf(text, sizeof text, "%03o", mask & 0777u);
    if (r == 0)
        r = request_record(spec, "umask", str_of(text), &cli->err);
    if (r == 0)
        r = record_limits(spec, &cli->err);
    if (r == 0)
        code_record(cli, spec);
    if (r == 0)
        r = fix_time(cli, spec, &spec->begin, "begin");
    if (r == 0)
        r = fix_time(cli, spec, &spec->deadline, "deadline");
    if (r < 0 && cli->err.text[0] == '\0')
        err_set(&cli->err, r, "There is not enough memory for this request.");
    return r;
}

/* --- the program
 * ------------------------------------------------------------------------------------------ */

static int read_script(struct cli *cli, const char *name, struct buf *ret)
{
    bool standard_input = strcmp(name, "-") == 0;
    if (!name[0])
        return err_set(&cli->err, E_USAGE, "The name of the script is empty.");
    int fd = standard_input ? STDIN_FILENO : open(name, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0 && errno == ENOENT && !strchr(name, '/') && program_exists(name))
        return err_set(&cli->err, E_USAGE, "There is no script \"%1$s\" here; for the command of that name write two dashes "
                       "before it: -- %1$s.", name);
    if (fd < 0)
        return err_set(&cli->err, io_from_errno(errno), "The script \"%s\" cannot be opened: %s.",
                       name, strerror(errno));
    struct stat st;
    int r = 0;
    if (fstat(fd, &st) == 0 && S_ISDIR(st.st_mode))
        r = err_set(&cli->err, E_INVALID,
                    "\"%s\" is a directory; a script or \"-- command\" is wanted.", name);
    buf_init(ret, SPEC_SCRIPT_MAX);
    if (r == 0) {
        r = io_read_to_end(fd, ret);
        if (r == E_TOO_LARGE)
            err_set(&cli->err, r,
                    "The script \"%s\" is larger than the %u MiB a script may have; start a "
                    "program from a short "
                    "one.",
                    name, SPEC_SCRIPT_MAX >> 20);
        else if (r < 0)
            err_set(&cli->err, r, "The script \"%s\" cannot be read: %s.", name, strerror(errno));
    }
    if (r == 0 && standard_input && ret->len == 0)
        r = err_set(&cli->err, E_INVALID, "There is no script on standard input; write eoul %1$s FILE, or eoul %1$s -- COMMAND.",
                    cli->cmd->name);
    if (!standard_input)
        close(fd);
    return r;
}

static int set_script(struct cli *cli, struct spec *spec, const char *name, char **argv, int argc)
{
    struct buf text = {0};
    int r = read_script(cli, name, &text);
    const char *base = strrchr(name, '/');
    if (r == 0)
        r = sbatch_read(spec,
                        strcmp(name, "-") == 0 ? (struct str){0} : str_of(base ? base + 1 : name),
                        buf_look(&text), &cli->err);
    buf_finish(&text);
    if (r == 0 && argc > 0)
        r = spec_set_argv(spec, (const char *const *)argv, (uint32_t)argc, &cli->err);
    return r;
}

static int set_shell(struct cli *cli, struct spec *spec)
{
    const char *own = getenv("SHELL");
    return spec_set_argv(spec, (const char *const[]){own && own[0] == '/' ? own : "/bin/sh"}, 1, &cli->err);
}

static int set_program(struct cli *cli, struct spec *spec, bool dashes, enum request_form form,
                       char **argv, int argc)
{
    bool as_command = form != REQUEST_SCRIPT;
    if (spec->wrapped) {
        if (argc > 0)
            return err_set(&cli->err, E_USAGE,
                           "--wrap already is the command; \"%s\" is one too many.", argv[0]);
        return 0;
    }
    if (argc > 0 && (dashes || as_command))
        return spec_set_argv(spec, (const char *const *)argv, (uint32_t)argc, &cli->err);
    if (argc > 0)
        return set_script(cli, spec, argv[0], argv + 1, argc - 1);
    if (form == REQUEST_SHELL)
        return set_shell(cli, spec);
    if (as_command)
        return err_set(&cli->err, E_USAGE,
                       "There is nothing to run; write the command: eoul run -- python train.py.");
    if (dashes || isatty(STDIN_FILENO)) /* sbatch takes a script from standard input, but not behind "--" */
        return err_set(
            &cli->err, E_USAGE,
            "There is nothing to submit; name a script (eoul submit train.sbatch) or a command "
            "(eoul submit -- python train.py).");
    return set_script(cli, spec, "-", NULL, 0);
}

/* --- one job
 * ---------------------------------------------------------------------------------------------- */

static int add_env(struct cli *cli, struct spec *spec, struct request *r, json_t *job)
{
    struct buf text;
    buf_init(&text, ENVIRON_BYTES_MAX);
    int code = environ_make(&text, spec->export_env, (const char *const *)environ, &cli->err);
    json_t *list = json_array();
    struct str rest = buf_look(&text), variable;
    buf_finish(&r->env);
    buf_init(&r->env, ENVIRON_BYTES_MAX + 1);
    while (code == 0 && str_next(&rest, '\0', &variable)) {
        if (variable.len == 0)
            continue;
        if (!utf8_valid(variable)) {
            ptrdiff_t equals = str_find(variable, '=');
            struct str name = str_slice(variable, 0, equals < 0 ? 0 : (size_t)equals);
            if (utf8_valid(name))
                cli_say(
                    cli,
                    tr(cli->lang, "The variable %.*s is not UTF-8 text; the job will not have it."),
                    STR_ARG(name));
            continue;
        }
        json_array_append_new(list, json_stringn_nocheck(variable.ptr, variable.len));
        buf_str(&r->env, variable);
        buf_char(&r->env, '\0');
    }
    buf_finish(&text);
    if (code == 0)
        code = r->env.failed;
    if (code < 0) {
        json_decref(list);
        return code;
    }
    r->had_env = true;
    json_object_set_new(job, "env", list);
    return 0;
}

static void say_notes(struct cli *cli, const struct spec *spec)
{
    for (uint32_t i = 0; i < spec->notes_n; i++)
        cli_say(cli, "%.*s", STR_ARG(spec->notes[i].text));
}

/* System mode: the launcher gives us the proof that we asked for just this. */
static int sign(struct cli *cli, struct spec *spec, const struct request *r)
{
    struct place_env env;
    struct ticket ticket;
    uint8_t hash[32];
    char memory[2 * sizeof ticket + 1];
    struct buf text;
    place_env_of_process(&env);
    int code = place_find(&env, &cli->place, &cli->err);
    if (code < 0 || (cli->place.mode != PLACE_SYSTEM && !getenv("EOUL_LAUNCHER")))
        return code;
    code = spec_order_hash(spec, buf_look(&r->env), hash);
    if (code < 0)
        return err_set(&cli->err, code, "There is not enough memory for this request.");
    code = ticket_get(hash, spec->array.range_n ? spec->array.tasks : 1, &ticket, &cli->err);
    if (code < 0)
        return code;
    buf_init_fixed(&text, memory, sizeof memory);
    ticket_print(&text, &ticket);
    return request_record(spec, "ticket", buf_look(&text), &cli->err);
}

static int add_job(struct cli *cli, struct spec *spec, struct request *r)
{
    struct buf text;
    buf_init(&text, SPEC_PRINT_MAX);
    uint32_t seed = 1;
    if (spec->random && getrandom(&seed, sizeof seed, 0) != (ssize_t)sizeof seed)
        seed = 1; /* luck is not there: the points are then those of seed 1 */
    int code = capture(cli, spec);
    if (code == 0)
        code = record_client(cli, spec, r);
    if (code == 0)
        code = sweep_settle(spec, seed, &cli->err);
    r->has_params |= spec->params.n > 0;
    if (code == 0)
        code = spec_check(spec, NULL, &cli->err);
    if (code == 0)
        missing_directories(cli, spec);
    if (code == 0 && spec->snapshot && !r->test_only) {
        if (r->snapshot[0])
            code = err_set(&cli->err, E_UNSUPPORTED, "--snapshot is for one job or array a call; submit them one by one.");
        else
            code = code_freeze(cli, spec, r->snapshot);
    }
    json_t *job = json_object();
    /* the same environment as the job before unless --export says otherwise */
    if (code == 0 && (!r->had_env || spec->export_env.len > 0))
        code = add_env(cli, spec, r, job);
    if (code == 0)
        missing_program(cli, spec, buf_look(&r->env));
    if (code == 0)
        code = sign(cli, spec, r);
    if (code == 0) {
        spec_print(&text, spec);
        if (text.failed)
            code = err_set(&cli->err, text.failed,
                           "The job with its script and arguments is larger than can be kept.");
    }
    if (code == 0)
        json_object_set_new(job, "spec", json_stringn_nocheck(text.ptr, text.len));
    if (code == 0) {
        say_notes(cli, spec);
        struct str name = spec_name(spec);
        snprintf(r->name, sizeof r->name, "%.*s", STR_ARG(str_slice(name, 0, SPEC_NAME_MAX)));
        json_array_append(r->jobs, job);
    }
    json_decref(job);
    buf_finish(&text);
    return code;
}

/* --- options
 * --------------------------------------------------------------------------------------------------
 */

static int take_extra(struct cli *cli, struct request *r, const struct option_hit *hit)
{
    switch (hit->def - request_extra) {
    case EXTRA_HELP:
        r->help = true;
        return 0;
    case EXTRA_ASCII:
        cli->ascii = true;
        return 0;
    case EXTRA_JSON:
        r->json = true;
        return 0;
    case EXTRA_FROM:
        r->from = hit->value.ptr;
        return 0;
    default:
        if (lang_parse(hit->value, &cli->lang) < 0)
            return err_set(&cli->err, E_USAGE, "--lang is \"%s\"; it can be en or ko.",
                           hit->value.ptr);
        cli->err.translate = tr_of(cli->lang);
        return 0;
    }
}

static int read_options(struct cli *cli, struct spec *spec, struct option_scan *scan,
                        struct request *r)
{
    struct option_hit hit;
    int code;
    while ((code = option_next(scan, &hit, &cli->err)) > 0) {
        bool extra = hit.def >= request_extra && hit.def < request_extra + request_extra_n;
        code = extra ? take_extra(cli, r, &hit)
                     : option_apply(spec, hit.def, hit.has_value ? hit.value : (struct str){0},
                                    SPEC_FROM_COMMAND, 0, &cli->err);
        if (code < 0)
            break;
    }
    if (code < 0)
        cli->err.code = E_USAGE;
    return code < 0 ? E_USAGE : 0;
}

static void note_request(const struct spec *spec, struct request *r)
{
    r->wait |= spec->wait;
    r->parsable |= spec->parsable;
    r->test_only |= spec->test_only;
    r->quiet |= spec->quiet;
    if (spec->for_person.len > 0 && spec->for_person.len < sizeof r->for_person)
        snprintf(r->for_person, sizeof r->for_person, "%.*s", STR_ARG(spec->for_person));
    if (spec->key.len > 0 && spec->key.len < sizeof r->key)
        snprintf(r->key, sizeof r->key, "%.*s", STR_ARG(spec->key));
}

int words_split(char *line, char **words, int words_max, struct err *err)
{
    char *from = line, *to = line;
    int n = 0;
    for (;;) {
        while (*from == ' ' || *from == '\t')
            from++;
        if (*from == '\0' || *from == '#')
            return n;
        if (n == words_max)
            return err_set(err, E_TOO_LARGE, "it has more than %d words", words_max);
        words[n++] = to;
        char quote = 0;
        for (; *from && (quote || (*from != ' ' && *from != '\t')); from++) {
            if (*from == '\\' && quote != '\'' && from[1]) {
                *to++ = *++from;
            } else if (quote ? *from == quote : *from == '\'' || *from == '"') {
                quote = quote ? 0 : *from;
            } else {
                *to++ = *from;
            }
        }
        if (quote)
            return err_set(err, E_INVALID, "a quote (%c) is not closed", quote);
        if (*from)
            from++;
        *to++ = '\0';
    }
}

/* Read one set of arguments into one job. */
static int read_job(struct cli *cli, struct spec *spec, int argc, char **argv, enum request_form form,
                    bool bare_is_command, struct request *r)
{
    struct option_scan scan = {.argv = (const char *const *)argv,
                               .n = (uint32_t)argc,
                               .extra = request_extra,
                               .extra_n = request_extra_n};
    int code = read_options(cli, spec, &scan, r);
    if (code < 0 || r->help)
        return code;
    note_request(spec, r);
    int rest = (int)scan.i;
    if (r->from)
        return argc > rest
                   ? err_set(&cli->err, E_USAGE,
                             "--from already names the jobs; \"%s\" is one too many.", argv[rest])
                   : 0;
    code = set_program(cli, spec, scan.dashes, bare_is_command && rest == 0 ? REQUEST_COMMAND : form,
                       argv + rest, argc - rest);
    if (code == 0)
        note_request(spec, r); /* a script's #SBATCH --wait counts too */
    return code < 0 ? code
                    : option_apply_environment(spec, (const char *const *)environ, &cli->err);
}

/* Options of the command line hold for every line of --from that does not say otherwise: they are
 * read first, then the line's own over them. */
static int read_line(struct cli *cli, int argc, char **argv, char *line, struct request *r)
{
    char *words[WORDS_MAX];
    struct spec spec;
    struct request ignored = {0};
    struct option_scan scan = {.argv = (const char *const *)argv,
                               .n = (uint32_t)argc,
                               .extra = request_extra,
                               .extra_n = request_extra_n};
    int n = words_split(line, words, WORDS_MAX, &cli->err);
    if (n <= 0)
        return n;
    spec_init(&spec);
    int code = read_options(cli, &spec, &scan, &ignored);
    struct request own = {0};
    if (code == 0)
        code = read_job(cli, &spec, n, words, REQUEST_SCRIPT, true, &own);
    if (code == 0 && (own.from || own.help))
        code = err_set(&cli->err, E_USAGE, "a line of --from holds a job, not --from or --help");
    if (code == 0)
        code = add_job(cli, &spec, r);
    spec_finish(&spec);
    return code;
}

static int read_from(struct cli *cli, int argc, char **argv, struct request *r)
{
    struct buf text;
    bool standard_input = strcmp(r->from, "-") == 0;
    int fd = standard_input ? STDIN_FILENO : open(r->from, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0)
        return err_set(&cli->err, io_from_errno(errno), "The file \"%s\" cannot be opened: %s.",
                       r->from, strerror(errno));
    buf_init(&text, REQUEST_FILE_MAX);
    int code = io_read_to_end(fd, &text);
    if (!standard_input)
        close(fd);
    if (code < 0)
        err_set(&cli->err, code, "\"%s\" cannot be read, or is larger than %d MiB.", r->from,
                REQUEST_FILE_MAX >> 20);
    int number = 0;
    char *at = text.ptr, *end = text.ptr ? text.ptr + text.len : NULL;
    while (code == 0 && at && at < end) {
        char *newline = memchr(at, '\n', (size_t)(end - at));
        char *stop = newline ? newline : end;
        number++;
        if (memchr(at, '\0', (size_t)(stop - at))) {
            code = err_set(&cli->err, E_INVALID, "it holds a NUL byte");
        } else {
            *stop = '\0';
            if (stop > at && stop[-1] == '\r')
                stop[-1] = '\0';
            code = read_line(cli, argc, argv, at, r);
        }
        if (code == 0 && json_array_size(r->jobs) > REQUEST_JOBS_MAX)
            code = err_set(&cli->err, E_TOO_LARGE,
                           "there are more than %d jobs; use an array or several calls",
                           REQUEST_JOBS_MAX);
        if (code < 0) {
            char why[ERR_TEXT_MAX];
            memcpy(why, cli->err.text, sizeof why);
            code = err_set(&cli->err, E_INVALID,
                           "Nothing was submitted, because of line %1$d of \"%2$s\": %3$s", number,
                           r->from, why);
        }
        at = stop + 1;
    }
    buf_finish(&text);
    if (code == 0 && json_array_size(r->jobs) == 0)
        code = err_set(&cli->err, E_INVALID,
                       "\"%s\" names no jobs; each line is one, written as behind \"eoul submit\".",
                       r->from);
    return code;
}

int request_read(struct cli *cli, int argc, char **argv, enum request_form form,
                 const struct request_client *client, struct request *ret)
{
    struct spec spec;
    *ret = (struct request){.jobs = json_array(), .form = form, .client = client};
    spec_init(&spec);
    int code = read_job(cli, &spec, argc, argv, form, false, ret);
    if (code == 0 && !ret->help)
        code = ret->from ? read_from(cli, argc, argv, ret) : add_job(cli, &spec, ret);
    spec_finish(&spec);
    return code;
}

void request_finish(struct request *r)
{
    json_decref(r->jobs);
    r->jobs = NULL;
    buf_finish(&r->env);
}

/* --- sending
 * ----------------------------------------------------------------------------------------------------
 */

static void make_key(char key[65])
{
    static const char digits[] = "0123456789abcdef";
    unsigned char bytes[16];
    if (getrandom(bytes, sizeof bytes, 0) != (ssize_t)sizeof bytes)
        return; /* no key: then a broken connection is reported instead of repeated */
    for (size_t i = 0; i < sizeof bytes; i++) {
        key[2 * i] = digits[bytes[i] >> 4];
        key[2 * i + 1] = digits[bytes[i] & 15];
    }
    key[2 * sizeof bytes] = '\0';
}

int request_send(struct cli *cli, struct request *r, json_t **ret_answer)
{
    if (!r->key[0])
        make_key(r->key);
    json_t *body = json_object();
    if (r->key[0])
        json_object_set_new(body, "key", json_string(r->key));
    if (r->for_person[0])
        json_object_set_new(body, "for", json_string(r->for_person));
    json_object_set(body, "jobs", r->jobs);
    if (r->test_only)
        json_object_set_new(body, "test", json_true());
    int64_t item = -1;
    int code = cli_connect(cli);
    if (code == 0) {
        code = cli_call_item(cli, "POST", "/v1/jobs", body, ret_answer, &item);
        if (code == E_UNAVAILABLE && !cli->http.open && r->key[0]) {
            /* The daemon went away after it was asked: whether it had the jobs, the key will tell.
             */
            code = cli->place.mode == PLACE_SYSTEM ? spawn_await(&cli->place, lang_word(cli->lang),
                                                                 AWAY_US, &cli->http, &cli->err)
                                                   : cli_connect(cli);
            if (code == 0)
                code = cli_call_item(cli, "POST", "/v1/jobs", body, ret_answer, &item);
        }
    }
    if (r->snapshot[0]) {
        const json_t *first = code == 0 ? json_array_get(json_object_get(*ret_answer, "jobs"), 0) : NULL;
        if (first)
            code_keep(cli, r->snapshot, (uint32_t)json_i64(first, "id"), (uint32_t)json_i64(first, "tasks"));
        else if (code != E_UNAVAILABLE) /* else nobody knows: it goes after a day if no job has it */
            code_drop(cli, r->snapshot);
    }
    if (code < 0 && item >= 0 && json_array_size(r->jobs) > 1) {
        char why[ERR_TEXT_MAX];
        memcpy(why, cli->err.text, sizeof why);
        err_set(&cli->err, code,
                "Nothing was submitted, because job %1$lld of %2$zu is refused: %3$s",
                (long long)item + 1, json_array_size(r->jobs), why);
    }
    json_decref(body);
    return code;
}
