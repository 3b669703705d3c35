/* brief.c - the two briefs as text; see brief.h.
 *
 * A part that has nothing to say is left out, so that a quiet night is three lines.  Whole sentences,
 * a job a line; lines are not cut here: a phone wraps them.
 */
#include "brief/brief.h"

#include <string.h>

#include "cal/format.h"
#include "i18n/text.h"

#define TAIL_LINES 5
#define TEXT_BYTES 256

static bool is(const char *a, const char *b)
{
    return strcmp(a, b) == 0;
}

/* --- pieces ----------------------------------------------------------------------------------------- */

struct text { /* a short text on the stack */
    char memory[TEXT_BYTES];
};

static const char *when(const struct brief *b, struct text *t, usec_t at)
{
    struct buf out;
    if (at <= 0)
        return "-";
    buf_init_fixed(&out, t->memory, sizeof t->memory);
    cal_format(&out, b->zone, b->lang == LANG_KO ? CAL_KOREAN : CAL_ENGLISH, CAL_SHORT, at, b->now_at);
    return out.ptr && !out.failed ? out.ptr : "-";
}

static const char *length(const struct brief *b, struct text *t, usec_t length_us)
{
    struct buf out;
    buf_init_fixed(&out, t->memory, sizeof t->memory);
    text_duration(&out, b->lang, length_us);
    return out.ptr && !out.failed ? out.ptr : "-";
}

/* Tenths of a GPU-hour, rounded down: nobody is promised more than there is. */
static const char *gpu_hours(struct text *t, usec_t gpu_us)
{
    struct buf out;
    buf_init_fixed(&out, t->memory, sizeof t->memory);
    text_number(&out, gpu_us / USEC_PER_HOUR);
    buf_char(&out, '.');
    buf_u64(&out, (uint64_t)(gpu_us % USEC_PER_HOUR / (USEC_PER_HOUR / 10)));
    return out.ptr ? out.ptr : "-";
}

static void heading(struct buf *out, const char *text)
{
    if (out->len > 0)
        buf_char(out, '\n');
    buf_c(out, text);
    buf_char(out, '\n');
}

/* "  12 train: " */
static void name(struct buf *out, const struct brief_job *j)
{
    buf_printf(out, "  %s %s: ", j->id, j->name);
}

static void more(struct buf *out, const struct brief *b, size_t n)
{
    if (n > BRIEF_LINES_MAX)
        buf_printf(out, trn(b->lang, "  and %zu more\n", "  and %zu more\n", n - BRIEF_LINES_MAX),
                   n - BRIEF_LINES_MAX);
}

static const char *ending(const struct brief *b, struct text *t, const struct brief_job *j)
{
    struct buf out;
    buf_init_fixed(&out, t->memory, sizeof t->memory);
    if (is(j->state, "TIMEOUT"))
        buf_c(&out, tr(b->lang, "its time limit was over"));
    else if (is(j->state, "OUT_OF_MEMORY"))
        buf_c(&out, tr(b->lang, "it used more memory than it had"));
    else if (is(j->state, "NODE_FAIL"))
        buf_c(&out, tr(b->lang, "nobody knows how it ended"));
    else if (is(j->state, "DEADLINE"))
        buf_c(&out, tr(b->lang, "it could not end before its deadline"));
    else if (is(j->reason, "JobLaunchFailure"))
        buf_c(&out, tr(b->lang, "it could not be started"));
    else if (j->signal > 0)
        buf_printf(&out, tr(b->lang, "signal %d"), j->signal);
    else
        buf_printf(&out, tr(b->lang, "exit code %d"), j->exit_code);
    return out.ptr && !out.failed ? out.ptr : "-";
}

/* --- todos ---------------------------------------------------------------------------------------- */

static void put_todo(struct buf *out, const struct brief *b, const struct brief_todo *t)
{
    struct text from;
    buf_printf(out, "  %u %s: ", t->id, t->name);
    if (t->unanswered && b->without_commands)
        buf_c(out, tr(b->lang, "somebody asks you for it and has no answer yet\n"));
    else if (t->stuck && b->without_commands)
        buf_c(out, tr(b->lang, "nobody will do it as things stand\n"));
    else if (t->unanswered)
        buf_printf(out, tr(b->lang, "somebody asks you for it; \"eoul todo accept %1$u\" or \"eoul todo "
                                    "decline %1$u\"\n"), t->id);
    else if (t->stuck)
        buf_printf(out, tr(b->lang, "nobody will do it as things stand; \"eoul todo show %u\" says why\n"),
                   t->id);
    else
        buf_printf(out, tr(b->lang, "planned %s\n"), when(b, &from, t->from_at));
}

/* --- evening ---------------------------------------------------------------------------------------- */

static void put_runs(struct buf *out, const struct brief *b)
{
    size_t mine = 0, others = 0;
    for (size_t i = 0; i < b->jobs_n; i++) {
        const struct brief_job *j = &b->jobs[i];
        struct text start, end, eyes;
        if (j->stage == BRIEF_ENDED || j->start_at <= 0 || j->start_at >= b->span.until_at ||
            (j->stage == BRIEF_WAITS && j->end_at > 0 && j->end_at <= b->now_at))
            continue;
        if (!j->mine) {
            others++;
            continue;
        }
        if (mine++ == 0)
            heading(out, tr(b->lang, "Yours until then"));
        if (mine > BRIEF_LINES_MAX)
            continue;
        name(out, j);
        if (j->stage == BRIEF_RUNS)
            buf_printf(out, tr(b->lang, "runs, done about %1$s, seen %2$s\n"), when(b, &end, j->end_at),
                       when(b, &eyes, j->eyes_at));
        else
            buf_printf(out, tr(b->lang, "starts about %1$s, done about %2$s, seen %3$s\n"),
                       when(b, &start, j->start_at), when(b, &end, j->end_at),
                       when(b, &eyes, j->eyes_at));
    }
    more(out, b, mine);
    if (mine == 0)
        buf_printf(out, "%s\n", tr(b->lang, "Nothing of yours runs until then."));
    if (others > 0)
        buf_printf(out, trn(b->lang, "%zu job of others runs or starts until then.\n",
                            "%zu jobs of others run or start until then.\n", others), others);
}

static void put_gpus(struct buf *out, const struct brief *b, const struct brief_night *night)
{
    struct text a, c;
    if (night->gpus_n == 0)
        return;
    heading(out, tr(b->lang, "GPUs"));
    for (uint32_t gpu = 0; gpu < BRIEF_GPUS_MAX; gpu++) {
        if (!(b->gpus >> gpu & 1))
            continue;
        usec_t until_at = night->busy_until_at[gpu];
        if (until_at == 0)
            buf_printf(out, tr(b->lang, "  GPU %u: nothing planned\n"), gpu);
        else if (until_at >= b->span.until_at)
            buf_printf(out, tr(b->lang, "  GPU %u: busy until then\n"), gpu);
        else
            buf_printf(out, tr(b->lang, "  GPU %1$u: busy until %2$s\n"), gpu, when(b, &a, until_at));
    }
    buf_printf(out, tr(b->lang, "  %1$s of %2$s GPU-hours are still empty.\n"),
               gpu_hours(&a, night->empty_us), gpu_hours(&c, night->all_us));
}

static void put_need_alone(struct buf *out, const struct brief *b, const struct brief_job *j)
{
    struct text end, how;
    switch (brief_need(j)) {
    case BRIEF_NEED_LOOK:
        buf_printf(out, tr(b->lang, "seems to hang since %s\n"), when(b, &end, j->stalled_at));
        break;
    case BRIEF_NEED_RELEASE: buf_c(out, tr(b->lang, "is held until you let it start\n")); break;
    case BRIEF_NEED_MEND: buf_c(out, tr(b->lang, "is held because tasks of its array failed alike\n")); break;
    case BRIEF_NEED_CANARY: buf_c(out, tr(b->lang, "is held because its canary run failed\n")); break;
    case BRIEF_NEED_DROP: buf_c(out, tr(b->lang, "what it waits for can never come\n")); break;
    case BRIEF_NEED_SHRINK: buf_c(out, tr(b->lang, "asks for more than this machine has\n")); break;
    case BRIEF_NEED_AGAIN:
        buf_printf(out, tr(b->lang, "failed %1$s (%2$s)\n"), when(b, &end, j->end_at), ending(b, &how, j));
        break;
    case BRIEF_NEED_NONE:
    case BRIEF_NEED_COUNT:
        break;
    }
}

/* Several tasks of one array. */
static void put_need_tasks(struct buf *out, const struct brief *b, const struct brief_job *j, uint32_t n)
{
    enum brief_need need = brief_need(j);
    struct str array = str_of(j->id);
    ptrdiff_t end = str_find(array, '_');
    array = str_slice(array, 0, end < 0 ? array.len : (size_t)end);
    buf_printf(out, "  %.*s %s: ", STR_ARG(array), j->name);
    if (need == BRIEF_NEED_RELEASE)
        buf_printf(out, tr(b->lang, "%u tasks are held until you let them start"), n);
    else if (need == BRIEF_NEED_MEND)
        buf_printf(out, tr(b->lang, "%u tasks are held because others of the array failed alike"), n);
    else if (need == BRIEF_NEED_CANARY)
        buf_printf(out, tr(b->lang, "%u tasks are held because the array's canary run failed"), n);
    else if (need == BRIEF_NEED_DROP)
        buf_printf(out, tr(b->lang, "what %u tasks wait for can never come"), n);
    else
        buf_printf(out, tr(b->lang, "%u tasks ask for more than this machine has"), n);
    if (!b->without_commands && (need == BRIEF_NEED_RELEASE || need == BRIEF_NEED_MEND || need == BRIEF_NEED_CANARY))
        buf_printf(out, tr(b->lang, "; \"eoul release %.*s\" lets them start"), STR_ARG(array));
    else if (!b->without_commands)
        buf_printf(out, tr(b->lang, "; \"eoul cancel %.*s\" drops them"), STR_ARG(array));
    buf_char(out, '\n');
}

static void put_need(struct buf *out, const struct brief *b, size_t job)
{
    const struct brief_job *j = &b->jobs[job];
    struct text end, how;
    uint32_t alike = brief_alike(b, job);
    if (alike > 1) {
        put_need_tasks(out, b, j, alike);
        return;
    }
    name(out, j);
    if (b->without_commands) {
        put_need_alone(out, b, j);
        return;
    }
    switch (brief_need(j)) {
    case BRIEF_NEED_LOOK:
        buf_printf(out, tr(b->lang, "seems to hang since %1$s; \"eoul logs %2$s\", or \"eoul requeue %2$s\" starts it again\n"),
                   when(b, &end, j->stalled_at), j->id);
        break;
    case BRIEF_NEED_RELEASE:
        buf_printf(out, tr(b->lang, "is held; \"eoul release %s\" lets it start\n"), j->id);
        break;
    case BRIEF_NEED_MEND:
        buf_printf(out, tr(b->lang, "is held because tasks of its array failed alike; mend it, then "
                                    "\"eoul release %s\"\n"), j->id);
        break;
    case BRIEF_NEED_CANARY:
        buf_printf(out, tr(b->lang, "failed its canary run and is held; \"eoul logs %1$s\", mend it, then \"eoul release "
                                    "%1$s\"\n"), j->id);
        break;
    case BRIEF_NEED_DROP:
        buf_printf(out, tr(b->lang, "what it waits for can never come; \"eoul cancel %1$s\" or \"eoul set "
                                    "%1$s\"\n"), j->id);
        break;
    case BRIEF_NEED_SHRINK:
        buf_printf(out, tr(b->lang, "asks for more than this machine has; \"eoul why %s\"\n"), j->id);
        break;
    case BRIEF_NEED_AGAIN:
        buf_printf(out, tr(b->lang, "failed %1$s (%2$s); \"eoul requeue %3$s\" tries it again\n"),
                   when(b, &end, j->end_at), ending(b, &how, j), j->id);
        break;
    case BRIEF_NEED_NONE:
    case BRIEF_NEED_COUNT:
        break;
    }
}

static void put_needs(struct buf *out, const struct brief *b)
{
    size_t n = 0;
    for (size_t i = 0; i < b->jobs_n; i++) {
        if (brief_alike(b, i) == 0)
            continue;
        if (n++ == 0)
            heading(out, tr(b->lang, "Needs a decision of yours"));
        if (n <= BRIEF_LINES_MAX)
            put_need(out, b, i);
    }
    for (size_t i = 0; i < b->todos_n; i++) {
        if (!b->todos[i].unanswered && !b->todos[i].stuck)
            continue;
        if (n++ == 0)
            heading(out, tr(b->lang, "Needs a decision of yours"));
        if (n <= BRIEF_LINES_MAX)
            put_todo(out, b, &b->todos[i]);
    }
    more(out, b, n);
}

static void put_fits(struct buf *out, const struct brief *b, const struct brief_night *night)
{
    size_t n = 0;
    for (size_t i = 0; i < b->jobs_n; i++) {
        const struct brief_job *j = &b->jobs[i];
        struct text stretch;
        if (!brief_fits(night, b, j) || brief_alike(b, i) == 0)
            continue;
        if (n++ == 0)
            heading(out, tr(b->lang, "Of yours, this would fit into what is empty"));
        if (n > BRIEF_LINES_MAX)
            continue;
        name(out, j);
        const char *free_for = length(b, &stretch, night->free_us[j->gpus]);
        buf_printf(out, trn(b->lang, "%1$u GPU is free for up to %2$s\n",
                            "%1$u GPUs are free together for up to %2$s\n", j->gpus),
                   j->gpus, free_for);
    }
    more(out, b, n);
}

static void put_coming_todos(struct buf *out, const struct brief *b, struct span span,
                             const char *title)
{
    size_t n = 0;
    for (size_t i = 0; i < b->todos_n; i++) {
        const struct brief_todo *t = &b->todos[i];
        if (t->unanswered || t->stuck || t->from_at <= 0 || t->from_at >= span.until_at)
            continue;
        if (n++ == 0)
            heading(out, title);
        if (n <= BRIEF_LINES_MAX)
            put_todo(out, b, t);
    }
    more(out, b, n);
}

void brief_evening(struct buf *out, const struct brief *b)
{
    struct brief_night night;
    struct text from, until, away;
    brief_night(b, &night);
    if (b->always_here)
        buf_printf(out, tr(b->lang, "Nothing is known of when you cannot look; this is until %s.\n"),
                   when(b, &until, b->span.until_at));
    else if (b->span.from_at <= b->now_at)
        buf_printf(out, tr(b->lang, "You can look again %1$s, in %2$s.\n"),
                   when(b, &until, b->span.until_at),
                   length(b, &away, b->span.until_at - b->now_at));
    else
        buf_printf(out, tr(b->lang, "You stop looking %1$s and can look again %2$s, %3$s later.\n"),
                   when(b, &from, b->span.from_at), when(b, &until, b->span.until_at),
                   length(b, &away, b->span.until_at - b->span.from_at));
    put_runs(out, b);
    put_gpus(out, b, &night);
    put_needs(out, b);
    put_fits(out, b, &night);
    put_coming_todos(out, b, b->span, tr(b->lang, "By hand until then"));
}

/* --- morning ------------------------------------------------------------------------------------------ */

static bool ended_in(const struct brief *b, const struct brief_job *j)
{
    return j->mine && j->stage == BRIEF_ENDED && j->end_at >= b->span.from_at;
}

/* The last lines, indented; at most TAIL_LINES. */
static void put_tail(struct buf *out, const char *tail)
{
    size_t len = tail ? strlen(tail) : 0, from;
    while (len > 0 && tail[len - 1] == '\n')
        len--;
    from = len;
    for (int lines = 0; from > 0; from--)
        if (tail[from - 1] == '\n' && ++lines == TAIL_LINES)
            break;
    struct str rest = { tail ? tail + from : "", len - from }, line;
    while (rest.len > 0 && str_next(&rest, '\n', &line)) {
        buf_c(out, "    | ");
        buf_str(out, line);
        buf_char(out, '\n');
    }
}

static void put_first(struct buf *out, const struct brief *b)
{
    enum brief_first why;
    struct text how;
    size_t first = brief_first(b, &why);
    if (first == SIZE_MAX)
        return;
    const struct brief_job *j = &b->jobs[first];
    heading(out, tr(b->lang, "Look first at"));
    name(out, j);
    if (why == BRIEF_FIRST_HOLDS) {
        uint32_t held = brief_held_behind(b, j);
        buf_printf(out, trn(b->lang, "it failed (%1$s), and %2$u task of its array is held until that is mended\n",
                            "it failed (%1$s), and %2$u tasks of its array are held until that is mended\n", held),
                   ending(b, &how, j), held);
    } else if (why == BRIEF_FIRST_FAILED)
        buf_printf(out, tr(b->lang, "it failed (%s), and nothing tries it again by itself\n"),
                   ending(b, &how, j));
    else if (why == BRIEF_FIRST_REVIEW)
        buf_printf(out, "%s\n", tr(b->lang, "a look at its result is one of your todos"));
    else
        buf_printf(out, tr(b->lang, "it took the most GPU time (%s)\n"),
                   length(b, &how, j->end_at - j->start_at));
}

static void put_failed(struct buf *out, const struct brief *b)
{
    size_t n = 0;
    for (size_t i = 0; i < b->jobs_n; i++) {
        const struct brief_job *j = &b->jobs[i];
        struct text end, how;
        if (!ended_in(b, j) || brief_need(j) != BRIEF_NEED_AGAIN)
            continue;
        if (n++ == 0)
            heading(out, tr(b->lang, "Failed"));
        if (n > BRIEF_LINES_MAX)
            continue;
        name(out, j);
        buf_printf(out, "%s, %s\n", when(b, &end, j->end_at), ending(b, &how, j));
        put_tail(out, j->tail);
    }
    more(out, b, n);
}

/* What the night held back instead of burning it. */
static void put_held(struct buf *out, const struct brief *b)
{
    size_t n = 0;
    for (size_t i = 0; i < b->jobs_n; i++) {
        enum brief_need need = brief_need(&b->jobs[i]);
        if ((need != BRIEF_NEED_MEND && need != BRIEF_NEED_CANARY) || brief_alike(b, i) == 0)
            continue;
        if (n++ == 0)
            heading(out, tr(b->lang, "Held"));
        if (n <= BRIEF_LINES_MAX)
            put_need(out, b, i);
    }
    more(out, b, n);
}

static void put_finished(struct buf *out, const struct brief *b)
{
    size_t n = 0;
    for (size_t i = 0; i < b->jobs_n; i++) {
        const struct brief_job *j = &b->jobs[i];
        struct text end, took;
        if (!ended_in(b, j) || !is(j->state, "COMPLETED"))
            continue;
        if (n++ == 0)
            heading(out, tr(b->lang, "Finished"));
        if (n > BRIEF_LINES_MAX)
            continue;
        name(out, j);
        buf_printf(out, tr(b->lang, "%1$s, after %2$s\n"), when(b, &end, j->end_at),
                   length(b, &took, j->start_at > 0 ? j->end_at - j->start_at : 0));
    }
    more(out, b, n);
}

static bool retried(const struct brief *b, const struct brief_job *j)
{
    return j->mine && j->attempt > 1 &&
           (j->stage == BRIEF_ENDED ? j->end_at >= b->span.from_at
                                    : j->start_at >= b->span.from_at || j->stage == BRIEF_WAITS);
}

static void put_retried(struct buf *out, const struct brief *b)
{
    size_t n = 0;
    for (size_t i = 0; i < b->jobs_n; i++) {
        const struct brief_job *j = &b->jobs[i];
        if (!retried(b, j))
            continue;
        if (n++ == 0)
            heading(out, tr(b->lang, "Tried again"));
        if (n > BRIEF_LINES_MAX)
            continue;
        name(out, j);
        buf_printf(out, j->stage == BRIEF_RUNS     ? tr(b->lang, "attempt %u runs\n")
                        : j->stage == BRIEF_WAITS  ? tr(b->lang, "attempt %u is over, it waits for the next\n")
                        : is(j->state, "COMPLETED") ? tr(b->lang, "attempt %u went well\n")
                                                    : tr(b->lang, "attempt %u ended as said above\n"),
                   j->attempt);
    }
    more(out, b, n);
}

static void put_now(struct buf *out, const struct brief *b)
{
    size_t n = 0;
    for (size_t i = 0; i < b->jobs_n; i++) {
        const struct brief_job *j = &b->jobs[i];
        struct text end;
        if (!j->mine || j->stage != BRIEF_RUNS)
            continue;
        if (n++ == 0)
            heading(out, tr(b->lang, "Runs now"));
        if (n > BRIEF_LINES_MAX)
            continue;
        if (j->stalled_at) {
            put_need(out, b, i);
            continue;
        }
        name(out, j);
        buf_printf(out, tr(b->lang, "done about %s\n"), when(b, &end, j->end_at));
    }
    more(out, b, n);
}

/* What agreeing to later starts would have brought: in the morning that looks back over the begin of a week, so once a week
 * at most, and nothing has to be remembered for it. */
static void put_would(struct buf *out, const struct brief *b)
{
    int64_t since_s = b->span.from_at / USEC_PER_SEC, now_s = b->now_at / USEC_PER_SEC;
    if (b->would == 0 || zone_week_s(b->zone, since_s) == zone_week_s(b->zone, now_s))
        return;
    buf_char(out, '\n');
    buf_printf(out, trn(b->lang, "Had you agreed to later starts, %1$u of your last runs would have begun later, and you would "
                                 "have seen %2$u no later.",
                        "Had you agreed to later starts, %1$u of your last runs would have begun later; %2$u of them you would "
                        "have seen no later.", b->would), b->would, b->right);
    if (!b->without_commands)
        buf_printf(out, " %s", tr(b->lang, "\"eoul me defer yes\" agrees."));
    buf_char(out, '\n');
}

void brief_morning(struct buf *out, const struct brief *b)
{
    size_t finished = 0, failed = 0, again = 0;
    struct text since;
    for (size_t i = 0; i < b->jobs_n; i++) {
        finished += ended_in(b, &b->jobs[i]) && is(b->jobs[i].state, "COMPLETED");
        failed += ended_in(b, &b->jobs[i]) && brief_need(&b->jobs[i]) == BRIEF_NEED_AGAIN;
        again += retried(b, &b->jobs[i]);
    }
    buf_printf(out, tr(b->lang, "Since %1$s: %2$zu finished, %3$zu failed, %4$zu tried again.\n"),
               when(b, &since, b->span.from_at), finished, failed, again);
    put_first(out, b);
    put_failed(out, b);
    put_held(out, b);
    put_finished(out, b);
    put_retried(out, b);
    put_now(out, b);
    put_coming_todos(out, b, (struct span){ b->now_at, b->now_at + USEC_PER_DAY },
                     tr(b->lang, "By hand today"));
    put_needs(out, &(struct brief){ .lang = b->lang, .zone = b->zone, .now_at = b->now_at,
                                    .without_commands = b->without_commands,
                                    .todos = b->todos, .todos_n = b->todos_n });
    put_would(out, b);
}
