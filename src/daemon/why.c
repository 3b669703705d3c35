/* why.c - see why.h. */
#include "daemon/why.h"

#include <stdarg.h>
#include <string.h>

#include "base/utf8.h"
#include "cal/format.h"
#include "i18n/particle.h"
#include "i18n/text.h"

#define WHY_ODDS_RUNS 30 /* with fewer runs behind a forecast no odds are told */
#define PART_MAX 160 /* a time, a length, a name inside a sentence */

struct why {
    enum lang lang;
    const struct explanation *x;
    const struct why_facts *f;
    struct json_out *j;
};

/* --- parts of sentences
 * --------------------------------------------------------------------------- */

struct part {
    char text[PART_MAX];
};

static struct part at_text(const struct why *w, usec_t at)
{
    struct part p = {""};
    struct buf b;
    buf_init_fixed(&b, p.text, sizeof p.text);
    cal_format(&b, w->f->zone, w->lang == LANG_KO ? CAL_KOREAN : CAL_ENGLISH, CAL_SHORT, at,
               w->f->now_at);
    return p;
}

static struct part length_text(const struct why *w, usec_t length_us)
{
    struct part p = {""};
    struct buf b;
    buf_init_fixed(&b, p.text, sizeof p.text);
    cal_format_length(&b, w->lang == LANG_KO ? CAL_KOREAN : CAL_ENGLISH, length_us);
    return p;
}

/* A forecast is not known to the second: "59 min 57 s" claims more than it knows. */
usec_t why_rough(usec_t length_us)
{
    usec_t grain = length_us < 2 * USEC_PER_MIN     ? USEC_PER_SEC
                   : length_us < 10 * USEC_PER_MIN  ? 10 * USEC_PER_SEC
                   : length_us < 2 * USEC_PER_HOUR  ? USEC_PER_MIN
                   : length_us < 12 * USEC_PER_HOUR ? 5 * USEC_PER_MIN
                                                    : 30 * USEC_PER_MIN;
    return (length_us + grain / 2) / grain * grain;
}

static struct part rough_text(const struct why *w, usec_t length_us)
{
    return length_text(w, why_rough(length_us));
}

static struct part mib_text(uint64_t mib)
{
    struct part p = {""};
    struct buf b;
    buf_init_fixed(&b, p.text, sizeof p.text);
    text_mib(&b, mib);
    return p;
}

/* "410 won", "1.20 EUR": of thousandths. */
static struct part money_text(const struct why *w, int64_t milli)
{
    struct part p = {""};
    struct buf b;
    buf_init_fixed(&b, p.text, sizeof p.text);
    if (strcmp(w->f->currency, "KRW") == 0)
        buf_printf(&b, tr(w->lang, "%lld won"), (long long)(milli + 500) / 1000);
    else
        buf_printf(&b, "%lld.%02lld %s", (long long)milli / 1000, (long long)milli % 1000 / 10, w->f->currency);
    return p;
}

/* "9 (train)": a job's name is foreign text. */
static struct part blocker_text(const struct why *w)
{
    struct part p = {""};
    struct buf b;
    buf_init_fixed(&b, p.text, sizeof p.text - 4);
    buf_c(&b, w->f->blocker_id);
    if (w->f->blocker_name.len) {
        char clean[3 * 40 + 1];
        struct buf name;
        buf_init_fixed(&name, clean, sizeof clean);
        utf8_clean(&name, str_slice(w->f->blocker_name, 0, 40));
        buf_c(&b, " (");
        buf_str(&b, buf_look(&name));
        buf_c(&b, ")");
    }
    return p;
}

static void __attribute__((format(printf, 2, 3))) say(const struct why *w, const char *format, ...)
{
    char raw[WHY_SENTENCE_MAX], resolved[WHY_SENTENCE_MAX];
    struct buf b, out;
    va_list args;
    buf_init_fixed(&b, raw, sizeof raw);
    va_start(args, format);
    buf_vprintf(&b, format, args);
    va_end(args);
    buf_init_fixed(&out, resolved, sizeof resolved);
    if (w->lang == LANG_KO)
        ko_particles(&out, buf_look(&b));
    out_clean(w->j, buf_look(w->lang == LANG_KO && !out.failed ? &out : &b));
}

/* --- what binds ----------------------------------------------------------------------------------
 */

static bool is_time(usec_t at)
{
    return at != 0 && at != USEC_NEVER;
}

/* The resource of which too little is free (or exists), in this order. */
enum short_of { SHORT_GPUS, SHORT_CPUS, SHORT_MEM, SHORT_NOTHING };

static enum short_of short_of(const struct explanation *x)
{
    if (x->need_gpus > x->free_gpus)
        return SHORT_GPUS;
    if (x->need_cpus > x->free_cpus)
        return SHORT_CPUS;
    return x->need_mem_mib > x->free_mem_mib ? SHORT_MEM : SHORT_NOTHING;
}

static void say_resources(const struct why *w)
{
    const struct explanation *x = w->x;
    struct part need = mib_text(x->need_mem_mib), have = mib_text(x->free_mem_mib);
    switch (short_of(x)) {
    case SHORT_GPUS:
        say(w,
            trn(w->lang, "It is next in line and needs %u GPU; %u of the %u it could use are free now.",
                "It is next in line and needs %u GPUs at once; %u of the %u it could use "
                "are free now.", x->need_gpus),
            x->need_gpus, x->free_gpus, x->up_gpus);
        break;
    case SHORT_CPUS:
        say(w, trn(w->lang, "It is next in line and needs %u CPU; %u are free now.",
                   "It is next in line and needs %u CPUs at once; %u are free now.", x->need_cpus),
            x->need_cpus, x->free_cpus);
        break;
    case SHORT_MEM:
        say(w, tr(w->lang, "It is next in line and needs %s of memory; %s is free now."), need.text,
            have.text);
        break;
    case SHORT_NOTHING:
        say(w, tr(w->lang, "It is next in line and is about to start."));
        break;
    }
}

static void say_never_fits(const struct why *w)
{
    const struct explanation *x = w->x;
    if (x->need_gpus > x->up_gpus)
        say(w,
            trn(w->lang, "It asks for %u GPU, but there are only %u it could use; let drained ones back in.",
                "It asks for %u GPUs, but there are only %u it could use; ask for fewer, "
                "or let drained ones back in.", x->need_gpus),
            x->need_gpus, x->up_gpus);
    else if (x->need_cpus > w->f->cpus)
        say(w, tr(w->lang, "It asks for %u CPUs, but this machine has only %u to give; ask for fewer."),
            x->need_cpus, w->f->cpus);
    else
        say(w, tr(w->lang, "It asks for %s of memory, but this machine has only %s to give; ask for less."),
            mib_text(x->need_mem_mib).text, mib_text(w->f->mem_mib).text);
}

static void say_dependency(const struct why *w)
{
    if (!w->f->blocker_id)
        say(w, tr(w->lang, "It waits for other jobs that it depends on."));
    else if (w->f->blocker_is_todo && w->f->blocker_end_at)
        say(w, tr(w->lang, "It waits for todo %s, somebody's hands-on work, which is expected to be done "
                           "around %s."), w->f->blocker_id, at_text(w, w->f->blocker_end_at).text);
    else if (w->f->blocker_is_todo)
        say(w, tr(w->lang, "It waits for todo %s, somebody's hands-on work that has no time yet; \"eoul show "
                           "%s\" says why."), w->f->blocker_id, w->f->blocker_id);
    else if (w->f->blocker_end_at)
        say(w, tr(w->lang, "It depends on job %s, which is expected to end around %s."),
            blocker_text(w).text, at_text(w, w->f->blocker_end_at).text);
    else
        say(w, tr(w->lang, "It depends on job %s; nobody can say yet when that ends."),
            blocker_text(w).text);
}

static void say_priority(const struct why *w)
{
    uint32_t before = w->x->position > 0 ? w->x->position - 1 : 0;
    say(w, trn(w->lang, "%u job comes before it.", "%u jobs come before it.", before), before);
    if (short_of(w->x) == SHORT_NOTHING)
        say(w,
            tr(w->lang,
               "There is room for it at this moment, but the jobs before it will need that room."));
}

static void say_limit(const struct why *w)
{
    const struct explanation *x = w->x;
    if (x->reason == REASON_ARRAY_LIMIT)
        say(w, tr(w->lang, "Its array runs at most %u tasks at once, and %u are running."),
            x->limit, x->used);
    else if (x->reason == REASON_PERSON_RUNNING)
        say(w, tr(w->lang, "%s may have %u jobs running at once, and has %u."), w->f->owner,
            x->limit, x->used);
    else
        say(w, tr(w->lang, "%s may use %u GPUs at once and uses %u; this job needs %u."),
            w->f->owner, x->limit, x->used, x->need_gpus);
}

/* What the later start changes in its electricity, as far as that can be said in whole units. */
static void say_money(const struct why *w)
{
    const struct explanation *x = w->x;
    int64_t saved = x->now_cost_milli - x->start_cost_milli, least = 1000;
    if (!w->f->currency || x->power_mw == 0 || x->now_cost_milli < 0 || x->start_cost_milli < 0)
        return;
    if (saved >= least)
        say(w, tr(w->lang, "Its electricity is about %1$s cheaper then: %2$s instead of %3$s."), money_text(w, saved).text,
            money_text(w, x->start_cost_milli).text, money_text(w, x->now_cost_milli).text);
    else if (saved <= -least)
        say(w, tr(w->lang, "Its electricity is about %1$s dearer then: %2$s instead of %3$s."), money_text(w, -saved).text,
            money_text(w, x->start_cost_milli).text, money_text(w, x->now_cost_milli).text);
}

/* What the later start gives and what it costs; odds only where there is enough history for them. */
static void say_deferred(const struct why *w)
{
    const struct explanation *x = w->x;
    bool odds = is_time(x->eyes_late_at) && is_time(x->now_eyes_late_at);
    if (!is_time(x->start_at))
        return; /* what is planned says that it has none */
    if (x->need_gpus)
        say(w, trn(w->lang, "Its start was moved to %2$s inside its slack, as its owner agreed: until then "
                            "its %1$u GPU is left to others.",
                   "Its start was moved to %2$s inside its slack, as its owner agreed: until then "
                   "its %1$u GPUs are left to others.", x->need_gpus),
            x->need_gpus, at_text(w, x->start_at).text);
    else
        say(w, tr(w->lang, "Its start was moved to %s inside its slack, as its owner agreed: until then its "
                           "CPUs are left to others."), at_text(w, x->start_at).text);
    if (x->forecast.history_n < WHY_ODDS_RUNS)
        say(w, tr(w->lang, "There is too little history to give odds: %u runs are known."),
            x->forecast.history_n);
    else if (odds && x->eyes_late_at > x->now_eyes_late_at)
        say(w, tr(w->lang, "Nine times in ten %s sees it by %s instead of %s, as its --flex allows."),
            w->f->owner, at_text(w, x->eyes_late_at).text, at_text(w, x->now_eyes_late_at).text);
    else if (odds)
        say(w, tr(w->lang, "Nine times in ten %s sees it by %s either way."), w->f->owner,
            at_text(w, x->now_eyes_late_at).text);
    say_money(w);
}

static void say_reserved(const struct why *w)
{
    const struct why_facts *f = w->f;
    char clean[3 * 40 + 1];
    struct buf name;
    buf_init_fixed(&name, clean, sizeof clean);
    utf8_clean(&name, f->reservation_name);
    buf_char(&name, '\0');
    if (!f->reservation_for)
        say(w, tr(w->lang, "It might still hold GPUs that are kept for somebody then; \"eoul reserve\" lists that."));
    else if (f->reservation_name.len && !name.failed)
        say(w, tr(w->lang, "It might still hold GPUs that are kept for %1$s (%2$s) from %3$s to %4$s; give it a "
                           "shorter --time if it needs less."), f->reservation_for, name.ptr,
            at_text(w, f->reservation_from_at).text, at_text(w, f->reservation_until_at).text);
    else
        say(w, tr(w->lang, "It might still hold GPUs that are kept for %1$s from %2$s to %3$s; give it a shorter "
                           "--time if it needs less."), f->reservation_for, at_text(w, f->reservation_from_at).text,
            at_text(w, f->reservation_until_at).text);
}

static void say_waiting_reason(const struct why *w)
{
    const struct explanation *x = w->x;
    switch (x->reason) {
    case REASON_RESOURCES:
        say_resources(w);
        break;
    case REASON_PRIORITY:
        say_priority(w);
        break;
    case REASON_DEPENDENCY:
        say_dependency(w);
        break;
    case REASON_DEPENDENCY_NEVER:
        say(w,
            tr(w->lang, "A job it depends on did not end as it requires, so it will never start; "
                        "run that job again, or cancel this one with \"eoul cancel %s\"."),
            w->f->name_id);
        break;
    case REASON_BEGIN_TIME:
        say(w, tr(w->lang, "It was asked not to start before %s."), at_text(w, x->change_at).text);
        break;
    case REASON_HELD_USER:
        say(w, tr(w->lang, "It is held; \"eoul release %s\" lets it go."), w->f->name_id);
        break;
    case REASON_HELD_FAILURES:
        say(w, trn(w->lang,
                   "It is held because %u task of its array failed; mend what they failed of, then \"eoul "
                   "release %s\" lets it go.",
                   "It is held because %u tasks of its array failed alike in a row; mend what they failed "
                   "of, then \"eoul release %s\" lets it go.", x->limit), x->limit, w->f->name_id);
        break;
    case REASON_HELD_ADMIN:
        say(w, tr(w->lang, "An operator holds it and must release it."));
        break;
    case REASON_ARRAY_LIMIT:
    case REASON_PERSON_RUNNING:
    case REASON_PERSON_GPUS:
        say_limit(w);
        break;
    case REASON_BACKOFF:
        say(w, tr(w->lang, "Attempt %u failed; the next one may start from %s."), w->f->attempt,
            at_text(w, x->change_at).text);
        break;
    case REASON_SINGLETON:
        say(w, tr(w->lang, "It waits until no other job of %s with the same name is there."),
            w->f->owner);
        break;
    case REASON_QUEUE_CLOSED:
        say(w,
            tr(w->lang,
               "The queue is drained: running jobs go on, nothing starts until \"eoul undrain\"."));
        break;
    case REASON_NEVER_FITS:
        say_never_fits(w);
        break;
    case REASON_GPU_TAKEN:
        say(w,
            tr(w->lang, "It needs %u GPUs, but only %u are up: the others are drained, in "
                        "quarantine or used by somebody outside of eoul."),
            x->need_gpus, x->up_gpus);
        break;
    case REASON_DEFERRED:
        say_deferred(w);
        break;
    case REASON_RESERVED:
        say_reserved(w);
        break;
    case REASON_REQUEUED:
        say(w, tr(w->lang, "It was put back in line after attempt %u."), w->f->attempt);
        break;
    case REASON_PREEMPTED:
        say(w, tr(w->lang, "It is making way for a job that counts for more now, as its --preempt "
                           "allows, and goes back in line."));
        break;
    default:
        say(w, tr(w->lang, "It was submitted a moment ago and is planned at the next decision."));
        break;
    }
}

/* Whose end lets it start, where the reason did not say so yet. */
static void say_blocker(const struct why *w)
{
    const struct explanation *x = w->x;
    bool room = x->reason == REASON_RESOURCES || x->reason == REASON_PRIORITY ||
                x->reason == REASON_ARRAY_LIMIT || x->reason == REASON_PERSON_RUNNING ||
                x->reason == REASON_PERSON_GPUS || x->reason == REASON_SINGLETON;
    if (room && w->f->blocker_id && w->f->blocker_end_at)
        say(w, tr(w->lang, "Room is expected when job %s ends, around %s."), blocker_text(w).text,
            at_text(w, w->f->blocker_end_at).text);
}

/* --- what is expected
 * ------------------------------------------------------------------------------ */

static void say_plan(const struct why *w)
{
    const struct explanation *x = w->x;
    if (!is_time(x->start_at)) {
        say(w, tr(w->lang, "As things stand the plan has no start for it."));
        return;
    }
    if (is_time(x->start_late_at) && x->start_late_at > x->start_at + USEC_PER_MIN)
        say(w, tr(w->lang, "Planned start: %s, or %s if the jobs before it run long."),
            at_text(w, x->start_at).text, at_text(w, x->start_late_at).text);
    else
        say(w, tr(w->lang, "Planned start: %s."), at_text(w, x->start_at).text);
    if (!is_time(x->end_p50_at) || !is_time(x->eyes_at))
        return;
    if (x->forecast.history_n < WHY_ODDS_RUNS && x->forecast.source != FORECAST_TOLD)
        say(w, x->reason == REASON_DEFERRED /* that has been said then */
                   ? tr(w->lang, "It should end around %s, and %s can look from %s.")
                   : tr(w->lang, "It should end around %s, and %s can look from %s; there is too little history to give "
                                 "odds."),
            at_text(w, x->end_p50_at).text, w->f->owner, at_text(w, x->eyes_at).text);
    else
        say(w,
            tr(w->lang,
               "It should end around %s (nine times in ten by %s), and %s can look from %s."),
            at_text(w, x->end_p50_at).text, at_text(w, x->end_p90_at).text, w->f->owner,
            at_text(w, x->eyes_at).text);
}

static void say_cost(const struct why *w)
{
    const struct explanation *x = w->x;
    if (!is_time(x->eyes_at) || !is_time(x->now_eyes_at) || !is_time(x->start_at) ||
        x->start_at <= w->f->now_at + USEC_PER_MIN)
        return;
    if (x->now_eyes_at >= x->eyes_at)
        say(w,
            tr(w->lang,
               "If it started now, %s would see it from %s either way: waiting costs nothing."),
            w->f->owner, at_text(w, x->eyes_at).text);
    else
        say(w, tr(w->lang, "If it started now, %s would see it from %s: waiting costs %s."),
            w->f->owner, at_text(w, x->now_eyes_at).text,
            rough_text(w, x->eyes_at - x->now_eyes_at).text);
}

static void say_forecast(const struct why *w)
{
    const struct forecast *c = &w->x->forecast;
    struct part middle = rough_text(w, c->p50_us), low = rough_text(w, c->p10_us),
                high = rough_text(w, c->p90_us);
    switch (c->source) {
    case FORECAST_OWN:
        say(w,
            tr(w->lang,
               "Its run time, %s (%s to %s), is taken from %u earlier runs of this command."),
            middle.text, low.text, high.text, c->history_n);
        break;
    case FORECAST_PERSON:
        say(w, tr(w->lang, "Its run time, %s (%s to %s), is taken from %u other runs of %s."),
            middle.text, low.text, high.text, c->history_n, w->f->owner);
        break;
    case FORECAST_TEAM:
        say(w, tr(w->lang, "Its run time, %s (%s to %s), is taken from %u runs of the team."),
            middle.text, low.text, high.text, c->history_n);
        break;
    case FORECAST_TOLD:
        say(w, tr(w->lang, "Its run time, %s (%s to %s), is what was said at its submit."),
            middle.text, low.text, high.text);
        break;
    case FORECAST_GUESS:
        say(w,
            tr(w->lang, "Its run time, %s (%s to %s), is a guess: nothing like it has ended yet."),
            middle.text, low.text, high.text);
        break;
    }
}

/* --- running and ended
 * ------------------------------------------------------------------------------ */

static void say_running(const struct why *w)
{
    const struct explanation *x = w->x;
    if (w->f->state == JOB_CONFIGURING) {
        say(w, tr(w->lang, "It is being started."));
        return;
    }
    if (w->f->state == JOB_COMPLETING) {
        say(w, tr(w->lang, "It was told to stop and is ending."));
        return;
    }
    say(w, tr(w->lang, "It has been running since %s."), at_text(w, w->f->start_at).text);
    if (is_time(w->f->stalled_at))
        say(w, tr(w->lang, "It seems to hang: no step since %s, its CPUs and GPUs idle."),
            at_text(w, w->f->stalled_at).text);
    else if (is_time(x->end_p50_at) && is_time(x->eyes_at))
        say(w, tr(w->lang, "It should end around %s (between %s and %s), and %s can look from %s."),
            at_text(w, x->end_p50_at).text, at_text(w, w->f->end_p10_at).text,
            at_text(w, x->end_p90_at).text, w->f->owner, at_text(w, x->eyes_at).text);
    if (w->f->limit_us)
        say(w, tr(w->lang, "Its time limit would end it by %s."),
            at_text(w, usec_add(w->f->start_at, w->f->limit_us)).text);
}

static void say_ended(const struct why *w)
{
    struct part at = at_text(w, w->f->end_at);
    switch (w->x->reason) {
    case REASON_EXIT_CODE:
        say(w, tr(w->lang, "It failed with exit code %d (%s)."), w->f->exit_code, at.text);
        break;
    case REASON_SIGNAL:
        say(w, tr(w->lang, "It was killed by signal %d (%s)."), w->f->signal, at.text);
        break;
    case REASON_TIME_LIMIT:
        say(w, tr(w->lang, "It reached its time limit of %s and was stopped (%s)."),
            length_text(w, w->f->limit_us).text, at.text);
        break;
    case REASON_OOM:
        say(w, tr(w->lang, "It ran out of memory and was killed (%s)."), at.text);
        break;
    case REASON_CANCELLED:
        say(w, tr(w->lang, "It was cancelled (%s)."), at.text);
        break;
    case REASON_STOP_RULE:
        say(w, tr(w->lang, "The stop rule of its sweep gave it up for better points (%s)."), at.text);
        break;
    case REASON_LOST:
        say(w,
            tr(w->lang,
               "It was lost: its processes were found gone (%s) and nobody knows how it ended."),
            at.text);
        break;
    case REASON_LAUNCH_FAILED:
        if (w->f->launch_message.len > 0)
            say(w, tr(w->lang, "It could not be started: %.*s."), STR_ARG(w->f->launch_message));
        else
            say(w, tr(w->lang, "It could not be started (%s)."), at.text);
        break;
    case REASON_DEADLINE:
        say(w, tr(w->lang, "Its deadline passed before it could be done (%s)."), at.text);
        break;
    case REASON_DEPENDENCY_NEVER:
        say(w,
            tr(w->lang, "A job it depended on did not end as required, so it was cancelled (%s)."),
            at.text);
        break;
    default:
        say(w, tr(w->lang, "It ended well (%s)."), at.text);
        break;
    }
    if (w->f->start_at && w->f->end_at > w->f->start_at)
        say(w, tr(w->lang, "It ran for %s."), length_text(w, w->f->end_at - w->f->start_at).text);
}

void why_sentences(const struct explanation *x, const struct why_facts *f, struct json_out *j)
{
    const struct why w = {f->lang, x, f, j};
    out_array(j);
    if (f->state == JOB_PENDING) {
        say_waiting_reason(&w);
        say_blocker(&w);
        if (f->urgent)
            say(&w, tr(w.lang, "It is urgent: of the jobs that wait, only those over their age and those that GPUs are "
                               "reserved for go before it."));
        if (x->reason != REASON_HELD_USER && x->reason != REASON_HELD_ADMIN &&
            x->reason != REASON_HELD_FAILURES &&
            x->reason != REASON_DEPENDENCY_NEVER && x->reason != REASON_NEVER_FITS) {
            say_plan(&w);
            say_cost(&w);
        }
        say_forecast(&w);
    } else if (job_state_is_final(f->state)) {
        say_ended(&w);
    } else {
        say_running(&w);
        if (f->state == JOB_RUNNING)
            say_forecast(&w);
    }
    out_end(j);
}

/* --- numbers
 * -------------------------------------------------------------------------------------- */

static const char *source_word(enum forecast_source source)
{
    static const char *const words[] = { "own", "person", "team", "guess", "told" };
    return words[source];
}

static void waiting_numbers(const struct explanation *x, const struct why_facts *f,
                            struct json_out *j)
{
    out_put_u64(j, "position", x->position);
    out_put_u64(j, "before", x->position > 0 ? x->position - 1 : 0);
    out_put_at(j, "change_at", x->change_at);
    out_put_u64(j, "need_gpus", x->need_gpus);
    out_put_u64(j, "free_gpus", x->free_gpus);
    out_put_u64(j, "up_gpus", x->up_gpus);
    out_put_u64(j, "need_cpus", x->need_cpus);
    out_put_u64(j, "free_cpus", x->free_cpus);
    out_put_u64(j, "need_mem_mib", x->need_mem_mib);
    out_put_u64(j, "free_mem_mib", x->free_mem_mib);
    out_put_u64(j, "cpus", f->cpus);
    out_put_u64(j, "mem_mib", f->mem_mib);
    out_put_u64(j, "limit", x->limit);
    out_put_u64(j, "used", x->used);
    if (x->reservation)
        out_put_u64(j, "reservation", x->reservation);
    if (x->reservation && f->reservation_for) {
        out_put_at(j, "reservation_from_at", f->reservation_from_at);
        out_put_at(j, "reservation_until_at", f->reservation_until_at);
    }
    if (f->currency && x->power_mw) {
        out_put_i64(j, "power_mw", x->power_mw);
        out_put_i64(j, "now_cost_milli", x->now_cost_milli);
        out_put_i64(j, "start_cost_milli", x->start_cost_milli);
        out_put_i64(j, "saved_milli", x->now_cost_milli - x->start_cost_milli);
        out_put_c(j, "currency", f->currency);
    }
    out_put_at(j, "start_late_at", x->start_late_at);
    out_put_at(j, "now_eyes_at", x->now_eyes_at);
    out_put_at(j, "now_eyes_late_at", x->now_eyes_late_at);
    if (is_time(x->eyes_at) && is_time(x->now_eyes_at))
        out_put_i64(j, "waiting_costs_us",
                    x->eyes_at > x->now_eyes_at ? x->eyes_at - x->now_eyes_at : 0);
}

void why_numbers(const struct explanation *x, const struct why_facts *f, struct json_out *j)
{
    bool waiting = f->state == JOB_PENDING;
    bool final = job_state_is_final(f->state);
    out_object(j);
    out_put_at(j, "now_at", f->now_at);
    out_put_u64(j, "attempt", f->attempt);
    out_put_i64(j, "limit_us", f->limit_us);
    out_put_at(j, "start_at", waiting ? x->start_at : f->start_at);
    if (f->blocker_id) {
        out_put_u64(j, "blocker", x->blocker);
        out_put_at(j, "blocker_end_at", f->blocker_end_at);
    }
    if (waiting)
        waiting_numbers(x, f, j);
    if (final) {
        out_put_at(j, "end_at", f->end_at);
        out_put_i64(j, "exit_code", f->exit_code);
        out_put_i64(j, "signal", f->signal);
        out_put_i64(j, "ran_us",
                    f->start_at && f->end_at > f->start_at ? f->end_at - f->start_at : 0);
    } else {
        out_put_at(j, "end_p10_at", f->end_p10_at);
        out_put_at(j, "end_p50_at", x->end_p50_at);
        out_put_at(j, "end_p90_at", x->end_p90_at);
        out_put_at(j, "eyes_at", x->eyes_at);
        out_put_at(j, "eyes_late_at", x->eyes_late_at);
        out_put_i64(j, "run_p10_us", x->forecast.p10_us);
        out_put_i64(j, "run_p50_us", x->forecast.p50_us);
        out_put_i64(j, "run_p90_us", x->forecast.p90_us);
        out_put_u64(j, "history_n", x->forecast.history_n);
        out_put_c(j, "history_of", source_word(x->forecast.source));
        if (is_time(f->stalled_at))
            out_put_at(j, "stalled_at", f->stalled_at);
        if (!waiting && f->limit_us)
            out_put_at(j, "limit_at", usec_add(f->start_at, f->limit_us));
    }
    out_end(j);
}
