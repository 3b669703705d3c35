/* cmd_brief.c - `eoul brief`: the evening's or the morning's brief of one person.
 *
 * The facts come from the daemon's lists (plan, ended jobs, todos, hours); what they add up to and how
 * it is said is src/brief's.
 */
#include <stdlib.h>
#include <string.h>

#include "brief/brief.h"
#include "cal/when.h"
#include "cli/job.h"
#include "cli/todo_text.h"

#define ENDED_MAX 300   /* ended jobs asked for */
#define TAILS_MAX 8     /* failed jobs whose last output is asked for */
#define TAIL_BYTES 2000
#define TODOS_MAX 128
#define LOOKS_MAX 1024
#define TEXT_MAX (2u << 20) /* all clean strings */
#define NAME_BYTES 1200

struct facts {
    struct cli *cli;
    const char *person;     /* NULL: oneself */
    json_t *me, *plan, *ended, *todos;
    struct brief b;
    struct brief_job jobs[BRIEF_JOBS_MAX];
    struct brief_todo todo[TODOS_MAX];
    struct span looks[LOOKS_MAX];
    char *text;             /* clean strings, TEXT_MAX bytes */
    size_t text_len;
};

/* --- asking ------------------------------------------------------------------------------------- */

static int ask(struct facts *f, const char *path, const char *name_as, const char *name, json_t **ret)
{
    struct buf whole;
    buf_init(&whole, HTTP_PATH_MAX - 64);
    buf_c(&whole, path);
    if (name) {
        buf_c(&whole, strchr(path, '?') ? "&" : "?");
        buf_c(&whole, name_as);
        buf_char(&whole, '=');
        http_encode(&whole, str_of(name));
    }
    int r = whole.failed ? err_set(&f->cli->err, E_USAGE, "That name is too long.")
                         : cli_call(f->cli, "GET", whole.ptr, NULL, ret);
    buf_finish(&whole);
    return r;
}

static int ask_all(struct facts *f)
{
    char path[64];
    int r = ask(f, "/v1/me", "for", f->person, &f->me);
    snprintf(path, sizeof path, "/v1/plan?limit=%d", BRIEF_JOBS_MAX - ENDED_MAX);
    if (r == 0)
        r = ask(f, path, NULL, NULL, &f->plan);
    snprintf(path, sizeof path, "/v1/jobs?state=ended&limit=%d", ENDED_MAX);
    /* somebody who never came by has no name yet, and no jobs */
    if (r == 0 && json_text(f->me, "name")[0])
        r = ask(f, path, "owner", json_text(f->me, "name"), &f->ended);
    if (r == 0)
        r = ask(f, "/v1/todos", "for", f->person, &f->todos);
    return r;
}

/* --- facts -------------------------------------------------------------------------------------- */

/* A clean copy that lives as long as the facts; "" when there is no room. */
static const char *keep(struct facts *f, const char *foreign)
{
    struct buf out;
    char *at = f->text + f->text_len;
    buf_init_fixed(&out, at, TEXT_MAX - f->text_len);
    cli_clean(&out, foreign);
    buf_char(&out, '\0');
    if (out.failed)
        return "";
    f->text_len += out.len;
    return at;
}

/* The same line by line: cli_clean makes one line of what it is given. */
static const char *keep_lines(struct facts *f, struct str text)
{
    struct buf out;
    struct str line;
    char *at = f->text + f->text_len;
    buf_init_fixed(&out, at, TEXT_MAX - f->text_len);
    while (str_next(&text, '\n', &line)) {
        char one[TAIL_BYTES + 1];
        snprintf(one, sizeof one, "%.*s", STR_ARG(line));
        cli_clean(&out, one);
        buf_char(&out, '\n');
    }
    buf_char(&out, '\0');
    if (out.failed)
        return NULL;
    f->text_len += out.len;
    return at;
}

static uint64_t mask_of(const json_t *list)
{
    uint64_t mask = 0;
    for (size_t i = 0; i < json_array_size(list); i++) {
        int64_t gpu = json_integer_value(json_array_get(list, i));
        if (gpu >= 0 && gpu < BRIEF_GPUS_MAX)
            mask |= (uint64_t)1 << gpu;
    }
    return mask;
}

static void add_job(struct facts *f, const json_t *row)
{
    char id[32];
    if (f->b.jobs_n >= BRIEF_JOBS_MAX)
        return;
    uint64_t has = mask_of(json_object_get(row, "gpu_list"));
    bool over = job_is_over(row);
    f->jobs[f->b.jobs_n++] = (struct brief_job){
        .stage = over ? BRIEF_ENDED : job_is_waiting(row) ? BRIEF_WAITS : BRIEF_RUNS,
        .mine = strcmp(json_text(row, "owner"), json_text(f->me, "name")) == 0,
        .id = keep(f, job_name_id(row, id)), .name = keep(f, json_text(row, "name")),
        .owner = keep(f, json_text(row, "owner")), .state = keep(f, json_text(row, "state")),
        .reason = keep(f, json_text(row, "reason")), .gpus = (uint32_t)json_i64(row, "gpus"),
        .attempt = (uint32_t)json_i64(row, "attempt"),
        .gpu_mask = has ? has : mask_of(json_object_get(row, "planned_gpus")),
        .start_at = json_i64(row, "start_at"),
        .end_at = json_i64(row, over ? "end_at" : "end_p50_at"), .eyes_at = json_i64(row, "eyes_at"),
        .limit_us = json_i64(row, "limit_us"), .stalled_at = usec_max(json_i64(row, "stalled_at"), 0), .exit_code = (int32_t)json_i64(row, "exit_code"),
        .signal = (int32_t)json_i64(row, "signal") };
}

static void add_todo(struct facts *f, const json_t *todo)
{
    char memory[NAME_BYTES], number[24] = "";
    struct buf name;
    const json_t *piece = json_array_get(json_object_get(todo, "pieces"), 0);
    const char *wait = json_text(todo, "wait");
    bool own = strcmp(json_text(todo, "asked_by"), json_text(f->me, "name")) == 0;
    bool mine = json_is_true(json_object_get(todo, "mine"));
    if (f->b.todos_n >= TODOS_MAX || (!mine && !own))
        return;
    buf_init_fixed(&name, memory, sizeof memory);
    todo_name(f->cli, &name, todo);
    if (json_i64(todo, "review_of") > 0)
        snprintf(number, sizeof number, "%lld", (long long)json_i64(todo, "review_of"));
    struct brief_todo *t = &f->todo[f->b.todos_n++];
    *t = (struct brief_todo){
        .id = (uint32_t)json_i64(todo, "id"), .name = keep(f, name.failed ? "?" : memory),
        .deadline_at = json_i64(todo, "deadline_at"), .review = number[0] != '\0',
        .review_of = keep(f, number),
        .unanswered = mine && !own && !json_is_true(json_object_get(todo, "accepted")),
        .stuck = own && (strcmp(wait, "Declined") == 0 || strcmp(wait, "NoRoom") == 0 ||
                         strcmp(wait, "DependencyNeverSatisfied") == 0) };
    if (mine && piece) {
        t->from_at = json_integer_value(json_array_get(piece, 0));
        t->until_at = json_integer_value(json_array_get(piece, 1));
    } else if (!t->stuck && !t->unanswered) {
        f->b.todos_n--; /* somebody else does it, at a time of theirs */
    }
}

static void take_facts(struct facts *f)
{
    size_t i;
    json_t *one;
    f->b = (struct brief){ .lang = f->cli->lang, .zone = cli_zone(f->cli), .now_at = f->cli->now_at,
                           .jobs = f->jobs, .todos = f->todo };
    const json_t *told = json_object_get(f->me, "forecasts");
    if (!json_is_true(json_object_get(f->me, "defer")))
        f->b.would = (uint32_t)json_i64(told, "would");
    f->b.right = (uint32_t)json_i64(told, "right");
    json_array_foreach(json_object_get(f->plan, "gpus"), i, one)
    {
        int64_t gpu = json_i64(one, "gpu");
        if (strcmp(json_text(one, "state"), "up") == 0 && gpu >= 0 && gpu < BRIEF_GPUS_MAX)
            f->b.gpus |= (uint64_t)1 << gpu;
    }
    json_array_foreach(json_object_get(f->plan, "rows"), i, one) add_job(f, one);
    json_array_foreach(json_object_get(f->ended, "rows"), i, one) add_job(f, one);
    json_array_foreach(json_object_get(f->todos, "todos"), i, one) add_todo(f, one);
}

static size_t spans_of(struct facts *f, const char *key)
{
    const json_t *list = json_object_get(f->me, key);
    size_t n = 0;
    for (; n < json_array_size(list) && n < LOOKS_MAX; n++) {
        const json_t *one = json_array_get(list, n);
        f->looks[n] = (struct span){ json_integer_value(json_array_get(one, 0)),
                                     json_integer_value(json_array_get(one, 1)) };
    }
    return n;
}

/* Ended before the span: not of this brief. */
static void drop_old(struct facts *f, usec_t since_at)
{
    size_t n = 0;
    for (size_t i = 0; i < f->b.jobs_n; i++)
        if (f->jobs[i].stage != BRIEF_ENDED || f->jobs[i].end_at >= since_at)
            f->jobs[n++] = f->jobs[i];
    f->b.jobs_n = n;
}

/* What failed jobs said last; theirs whose submitter is somebody else stay without. */
static void ask_tails(struct facts *f)
{
    int asked = 0;
    for (size_t i = 0; i < f->b.jobs_n && asked < TAILS_MAX; i++) {
        struct brief_job *j = &f->jobs[i];
        struct http_answer answer;
        char path[96];
        if (j->stage != BRIEF_ENDED || brief_need(j) != BRIEF_NEED_AGAIN)
            continue;
        asked++;
        snprintf(path, sizeof path, "/v1/jobs/%.40s/tail?bytes=%d", j->id, TAIL_BYTES);
        if (cli_connect(f->cli) == 0 &&
            http_call(&f->cli->http, "GET", path, (struct str){ 0 }, &answer, &f->cli->err) == 0) {
            if (answer.status == 200)
                j->tail = keep_lines(f, answer.body);
        }
        err_clear(&f->cli->err);
    }
}

/* --- saying ---------------------------------------------------------------------------------------- */

static json_t *job_json(const struct brief_job *j)
{
    return json_pack("{s:s,s:s,s:s,s:s,s:i,s:I,s:I,s:I,s:i}", "id", j->id, "name", j->name, "state",
                     j->state, "reason", j->reason, "gpus", (int)j->gpus, "start_at",
                     (json_int_t)j->start_at, "end_at", (json_int_t)j->end_at, "eyes_at",
                     (json_int_t)j->eyes_at, "attempt", (int)j->attempt);
}

static void add_jobs_json(const struct facts *f, json_t *to, const struct brief_night *night)
{
    json_t *jobs = json_array(), *decide = json_array(), *fits = json_array();
    for (size_t i = 0; i < f->b.jobs_n; i++) {
        const struct brief_job *j = &f->jobs[i];
        if (!j->mine)
            continue;
        json_t *one = job_json(j);
        if (j->tail)
            json_object_set_new(one, "tail", json_string(j->tail));
        json_array_append_new(jobs, one);
        if (brief_need(j) != BRIEF_NEED_NONE)
            json_array_append_new(decide, json_pack("{s:s,s:s}", "id", j->id, "why",
                                                    brief_need_word(brief_need(j))));
        if (night && brief_fits(night, &f->b, j))
            json_array_append_new(fits, json_pack("{s:s,s:I}", "id", j->id, "free_us",
                                                  (json_int_t)night->free_us[j->gpus]));
    }
    json_object_set_new(to, "jobs", jobs);
    json_object_set_new(to, "decide", decide);
    json_object_set_new(to, "fits", fits);
}

static void add_gpus_json(const struct facts *f, json_t *to, const struct brief_night *night)
{
    json_t *gpus = json_array();
    for (int gpu = 0; gpu < BRIEF_GPUS_MAX; gpu++)
        if (f->b.gpus >> gpu & 1)
            json_array_append_new(gpus, json_pack("{s:i,s:I}", "gpu", gpu, "busy_until_at",
                                                  (json_int_t)night->busy_until_at[gpu]));
    json_object_set_new(to, "gpus", gpus);
    json_object_set_new(to, "gpu_us", json_integer(night->all_us));
    json_object_set_new(to, "empty_gpu_us", json_integer(night->empty_us));
}

static int print_json(struct facts *f, bool morning)
{
    struct brief_night night;
    enum brief_first why;
    json_t *to = json_pack("{s:s,s:I,s:I,s:I}", "brief", morning ? "morning" : "evening", "now_at",
                           (json_int_t)f->b.now_at, "from_at", (json_int_t)f->b.span.from_at,
                           "until_at", (json_int_t)f->b.span.until_at);
    if (!morning) {
        brief_night(&f->b, &night);
        add_gpus_json(f, to, &night);
    }
    add_jobs_json(f, to, morning ? NULL : &night);
    size_t first = morning ? brief_first(&f->b, &why) : SIZE_MAX;
    if (first != SIZE_MAX)
        json_object_set_new(to, "first", json_pack("{s:s,s:s}", "id", f->jobs[first].id, "why",
                                                   brief_first_word(why)));
    if (!to)
        return err_set(&f->cli->err, E_NO_MEMORY, "There is not enough memory for the brief.");
    cli_put_json(f->cli, to);
    json_decref(to);
    return 0;
}

/* Which of the two, and of what time. */
static int choose(struct facts *f, struct args *args, bool *ret_morning)
{
    const char *since = args_value(args, "since");
    usec_t back_us = 0;
    size_t n = spans_of(f, "looked");
    *ret_morning = args_flag(args, "morning") || since ||
                   (!args_flag(args, "evening") && brief_is_morning(f->looks, n, f->b.now_at));
    usec_t since_at = brief_since(f->looks, n, f->b.now_at);
    if (since) {
        int r = when_parse_length(str_of(since), &back_us, &f->cli->err);
        if (r < 0) {
            f->cli->err.code = E_USAGE;
            return r;
        }
        since_at = f->b.now_at - back_us;
    }
    drop_old(f, *ret_morning ? since_at : usec_min(since_at, f->b.now_at - USEC_PER_DAY));
    f->b.span = (struct span){ since_at, f->b.now_at };
    if (!*ret_morning) {
        n = spans_of(f, "look");
        f->b.always_here = !brief_absence(f->looks, n, f->b.now_at, &f->b.span);
    }
    return 0;
}

static int brief_of(struct facts *f, struct args *args)
{
    bool morning;
    f->text = malloc(TEXT_MAX);
    if (!f->text)
        return err_set(&f->cli->err, E_NO_MEMORY, "There is not enough memory for the brief.");
    int r = ask_all(f);
    if (r < 0)
        return r;
    take_facts(f);
    r = choose(f, args, &morning);
    if (r < 0)
        return r;
    if (morning)
        ask_tails(f);
    if (args_flag(args, "json"))
        return print_json(f, morning);
    if (morning)
        brief_morning(&f->cli->out, &f->b);
    else
        brief_evening(&f->cli->out, &f->b);
    return 0;
}

static int run_brief(struct cli *cli, struct args *args)
{
    struct facts *f = calloc(1, sizeof *f);
    int r = f ? args_operands(cli, args, 0, 0, "[OPTION...]")
              : err_set(&cli->err, E_NO_MEMORY, "There is not enough memory for the brief.");
    if (r == 0 && args_flag(args, "evening") && (args_flag(args, "morning") || args_value(args, "since")))
        r = err_set(&cli->err, E_USAGE, "A brief is of the evening or of the morning; --since is of the "
                                        "morning.");
    if (r == 0)
        r = cli_connect(cli);
    if (r == 0) {
        f->cli = cli;
        f->person = args_value(args, "for");
        r = brief_of(f, args);
    }
    if (f) {
        json_decref(f->me);
        json_decref(f->plan);
        json_decref(f->ended);
        json_decref(f->todos);
        free(f->text);
    }
    free(f);
    return r < 0 ? cli_fail(cli) : 0;
}

static const struct opt brief_opts[] = {
    { "evening", 0, NULL, N_("What happens until I can look again, also over a holiday.") },
    { "morning", 0, NULL, N_("What happened since I last could look.") },
    { "since", 0, "TIME", N_("The morning's, of the last TIME instead: 3d, 12h.") },
    { "for", 0, "PERSON", N_("Of another person (only whoever runs the daemon may ask).") },
    { "json", 0, NULL, N_("Print the facts as JSON.") },
    { 0 },
};

const struct cmd cmd_brief = {
    .name = "brief",
    .group = "look",
    .usage = "[OPTION...]",
    .opts = brief_opts,
    .flags = CMD_NEEDS_DAEMON,
    .run = run_brief,
    .summary = N_("Say what to know before going home, or what to look at first in the morning."),
    .examples =
        (const char *const[]){ "eoul brief", N_("whichever the time of day calls for"),
                               "eoul brief --evening",
                               N_("what runs tonight, what needs a decision, what is still empty"),
                               "eoul brief --morning --since 3d",
                               N_("what finished and failed while I was away for three days"), NULL },
    .more = N_("An absence is a gap of five hours or more in the look hours (\"eoul me\"): a night, a "
               "weekend or a leave. A failed job counts as needing a decision for a day; \"eoul requeue\" "
               "tries it again."),
};
