/* why.c - see why.h. */
#include "daemon/why.h"

#include <stdarg.h>
#include <string.h>

#include "base/utf8.h"
#include "cal/format.h"
#include "i18n/particle.h"
#include "i18n/text.h"

#define WHY_ODDS_RUNS 30 /* with fewer runs behind a forecast no odds are told */
#define WHY_LATER_US (15 * USEC_PER_MIN) /* of later than a planned start less is not worth a word */
#define MONEY_LEAST_MILLI 1000 /* nor is less than one of the currency */
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
static struct part job_text(const char *id, struct str called)
{
    struct part p = {""};
    struct buf b;
    buf_init_fixed(&b, p.text, sizeof p.text - 4);
    buf_c(&b, id);
    if (called.len) {
        char clean[3 * 40 + 1];
        struct buf name;
        buf_init_fixed(&name, clean, sizeof clean);
        utf8_clean(&name, str_slice(called, 0, 40));
        buf_c(&b, " (");
        buf_str(&b, buf_look(&name));
        buf_c(&b, ")");
    }
    return p;
}

static struct part blocker_text(const struct why *w)
{
    return job_text(w->f->blocker_id, w->f->blocker_name);
}

/* "1.3": of thousandths. */
static struct part factor_text(uint32_t milli)
{
    struct part p = {""};
    struct buf b;
    buf_init_fixed(&b, p.text, sizeof p.text);
    buf_printf(&b, "%u.%02u", (milli + 5) / 1000, (milli + 5) % 1000 / 10);
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
enum short_of { SHORT_GPUS, SHORT_CPUS, SHORT_MEM, SHORT_POWER, SHORT_NOTHING };

static enum short_of short_of(const struct explanation *x)
{
    if (x->need_gpus > x->free_gpus)
        return SHORT_GPUS;
    if (x->need_cpus > x->free_cpus)
        return SHORT_CPUS;
    if (x->need_mem_mib > x->free_mem_mib)
        return SHORT_MEM;
    return x->need_w && (uint64_t)x->used_w + x->need_w > x->cap_w ? SHORT_POWER : SHORT_NOTHING;
}

/* "5.2 kW", "450 W". */
static struct part watts_text(uint32_t watts)
{
    struct part p = {""};
    struct buf b;
    buf_init_fixed(&b, p.text, sizeof p.text);
    text_watts(&b, watts);
    return p;
}

static void say_power(const struct why *w)
{
    const struct explanation *x = w->x;
    struct part need = watts_text(x->need_w), used = watts_text(x->used_w), cap = watts_text(x->cap_w);
    if (x->need_w > x->cap_w && !is_time(x->start_at))
        say(w, tr(w->lang, "It takes %1$s, and the power cap is %2$s: it cannot start under it. If it takes less, submit it "
                           "again with --watts."), need.text, cap.text);
    else if (x->need_w > x->cap_w)
        say(w, tr(w->lang, "It takes %1$s, and the power cap of this hour is %2$s."), need.text, cap.text);
    else if (short_of(x) != SHORT_POWER)
        say(w, tr(w->lang, "A lower power cap begins while it might still run, and leaves too little for the %s it takes; "
                           "give it a shorter --time if it needs less."), need.text);
    else if (is_time(x->start_at))
        say(w, tr(w->lang, "It waits for power: %1$s of %2$s are in use until about %3$s, and it takes %4$s."), used.text,
            cap.text, at_text(w, x->start_at).text, need.text);
    else
        say(w, tr(w->lang, "It waits for power: %1$s of %2$s are in use, and it takes %3$s."), used.text, cap.text, need.text);
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
    case SHORT_POWER:
        say_power(w);
        break;
    case SHORT_NOTHING:
        say(w, tr(w->lang, "It is next in line and is about to start."));
        break;
    }
}

static void say_never_fits(const struct why *w)
{
    const struct explanation *x = w->x;
    if (x->need_gpus && x->up_gpus + x->drained_gpus + x->foreign_gpus + x->quarantined_gpus == 0)
        say(w, trn(w->lang, "It asks for %u GPU, but this machine has none that it could use; \"eoul gpus\" lists what there is.",
                   "It asks for %u GPUs, but this machine has none that it could use; \"eoul gpus\" lists what there is.",
                   x->need_gpus), x->need_gpus);
    else if (x->need_gpus > x->up_gpus)
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
    else if (w->x->blocker_started)
        say(w, tr(w->lang, "It was asked to start no sooner than some time after the start of job %1$s: it may from %2$s."),
            blocker_text(w).text, at_text(w, w->x->change_at).text);
    else if (w->x->blocker_tasks > 1 && is_time(w->x->change_at))
        say(w, tr(w->lang, "It depends on an array of which %1$u tasks have not ended; the last, %2$s, is expected to end around "
                           "%3$s."), w->x->blocker_tasks, blocker_text(w).text, at_text(w, w->x->change_at).text);
    else if (w->x->blocker_tasks > 1)
        say(w, tr(w->lang, "It depends on an array of which %1$u tasks have not ended; nobody can say yet when the last, %2$s, "
                           "does."), w->x->blocker_tasks, blocker_text(w).text);
    else if (w->x->blocker_starts && is_time(w->x->change_at))
        say(w, tr(w->lang, "It waits until job %1$s has started, which is planned for %2$s."), blocker_text(w).text,
            at_text(w, w->x->change_at).text);
    else if (w->x->blocker_starts)
        say(w, tr(w->lang, "It waits until job %s has started; nobody can say yet when that will be."), blocker_text(w).text);
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
        say(w, trn(w->lang, "Its array runs at most %u task at once, and %u is running.",
                   "Its array runs at most %u tasks at once, and %u are running.", x->limit), x->limit, x->used);
    else if (x->reason == REASON_PERSON_RUNNING)
        say(w, trn(w->lang, "%s may have %u job running at once, and has %u.", "%s may have %u jobs running at once, and has %u.",
                   x->limit), w->f->owner, x->limit, x->used);
    else if (x->reason == REASON_ACCOUNT_GPUS)
        say(w, trn(w->lang, "Account %1$s has %3$u of its %2$u GPU in use; this job needs %4$u.",
                   "Account %1$s has %3$u of its %2$u GPUs in use; this job needs %4$u.", x->limit),
            w->f->account ? w->f->account : "?", x->limit, x->used, x->need_gpus);
    else
        say(w, tr(w->lang, "%s may use %u GPUs at once and uses %u; this job needs %u."),
            w->f->owner, x->limit, x->used, x->need_gpus);
    if (x->reason == REASON_ACCOUNT_GPUS && x->need_gpus > x->limit)
        say(w, tr(w->lang, "It never starts so: it needs more GPUs at once than the account may have."));
}

/* GPU-hours: whose they are, and when the first of them come back. */
static void say_quota(const struct why *w)
{
    const struct explanation *x = w->x;
    if (w->f->account)
        say(w, tr(w->lang, "Account %1$s has used %2$u of its %3$u GPU-hours of the last %4$u days."), w->f->account,
            x->used, x->limit, x->quota_days);
    else
        say(w, tr(w->lang, "%1$s has used %2$u of %3$u GPU-hours of the last %4$u days."), w->f->owner, x->used, x->limit,
            x->quota_days);
    if (is_time(x->change_at))
        say(w, tr(w->lang, "Enough of them come back at %s, if nothing more is used until then."), at_text(w, x->change_at).text);
}

/* What the later start changes in its electricity, as far as that can be said in whole units. */
static void say_money(const struct why *w)
{
    const struct explanation *x = w->x;
    int64_t saved = x->now_cost_milli - x->start_cost_milli, least = MONEY_LEAST_MILLI;
    if (!w->f->currency || x->power_mw == 0 || x->now_cost_milli < 0 || x->start_cost_milli < 0)
        return;
    if (saved >= least)
        say(w, tr(w->lang, "Its electricity is about %1$s cheaper then: %2$s instead of %3$s."), money_text(w, saved).text,
            money_text(w, x->start_cost_milli).text, money_text(w, x->now_cost_milli).text);
    else if (saved <= -least)
        say(w, tr(w->lang, "Its electricity is about %1$s dearer then: %2$s instead of %3$s."), money_text(w, -saved).text,
            money_text(w, x->start_cost_milli).text, money_text(w, x->now_cost_milli).text);
}

static void say_moved(const struct why *w)
{
    const struct explanation *x = w->x;
    struct part to = at_text(w, x->start_at), from = at_text(w, x->moved_from_at);
    bool was = is_time(x->moved_from_at);
    if (x->need_gpus && was)
        say(w, trn(w->lang, "Its start was moved from %2$s to %3$s inside its slack, as its owner agreed: until then "
                            "its %1$u GPU is left to others.",
                   "Its start was moved from %2$s to %3$s inside its slack, as its owner agreed: until then "
                   "its %1$u GPUs are left to others.", x->need_gpus), x->need_gpus, from.text, to.text);
    else if (x->need_gpus)
        say(w, trn(w->lang, "Its start was moved to %2$s inside its slack, as its owner agreed: until then "
                            "its %1$u GPU is left to others.",
                   "Its start was moved to %2$s inside its slack, as its owner agreed: until then "
                   "its %1$u GPUs are left to others.", x->need_gpus), x->need_gpus, to.text);
    else if (was)
        say(w, tr(w->lang, "Its start was moved from %1$s to %2$s inside its slack, as its owner agreed: until then its "
                           "CPUs are left to others."), from.text, to.text);
    else
        say(w, tr(w->lang, "Its start was moved to %s inside its slack, as its owner agreed: until then its "
                           "CPUs are left to others."), to.text);
}

/* What the later start gives and what it costs; odds only where there is enough history for them. */
static void say_deferred(const struct why *w)
{
    const struct explanation *x = w->x;
    bool odds = is_time(x->eyes_late_at) && is_time(x->now_eyes_late_at);
    if (!is_time(x->start_at))
        return; /* what is planned says that it has none */
    say_moved(w);
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

static void say_backoff(const struct why *w)
{
    const struct why_facts *f = w->f;
    struct part from = at_text(w, w->x->change_at);
    if (f->launch_message.len)
        say(w, tr(w->lang, "Attempt %1$u could not be started: %2$.*3$s; the next one may start from %4$s."), f->attempt,
            f->launch_message.ptr, (int)f->launch_message.len, from.text);
    else if (f->signal)
        say(w, tr(w->lang, "Attempt %1$u was ended by signal %2$d; the next one may start from %3$s."), f->attempt,
            f->signal, from.text);
    else if (f->exit_code)
        say(w, tr(w->lang, "Attempt %1$u failed with exit code %2$d; the next one may start from %3$s."), f->attempt,
            f->exit_code, from.text);
    else
        say(w, tr(w->lang, "Attempt %u failed; the next one may start from %s."), f->attempt, from.text);
}

/* Which of those it could use are not up, and what brings them back. */
static void say_gpus_down(const struct why *w)
{
    const struct explanation *x = w->x;
    if (x->up_gpus == 0)
        say(w, trn(w->lang, "It needs %u GPU, but none of those it could use is up.",
                   "It needs %u GPUs, but none of those it could use is up.", x->need_gpus), x->need_gpus);
    else
        say(w, trn(w->lang, "It needs %u GPU, but %u of those it could use are up.",
               "It needs %u GPUs, but only %u of those it could use are up.", x->need_gpus), x->need_gpus, x->up_gpus);
    if (x->foreign_gpus)
        say(w, trn(w->lang, "%u is used by somebody outside of eoul and comes back when that ends.",
                   "%u are used by somebody outside of eoul and come back when that ends.", x->foreign_gpus),
            x->foreign_gpus);
    if (x->drained_gpus)
        say(w, trn(w->lang, "%u is drained; \"eoul undrain\" lets it back in.",
                   "%u are drained; \"eoul undrain\" lets them back in.", x->drained_gpus), x->drained_gpus);
    if (x->quarantined_gpus)
        say(w, trn(w->lang, "%u is in quarantine, because something of an earlier attempt may still run on it; it comes "
                            "back when that has ended.",
                   "%u are in quarantine, because something of an earlier attempt may still run on them; they come back "
                   "when that has ended.", x->quarantined_gpus), x->quarantined_gpus);
}

static bool factor_differs(uint32_t milli)
{
    return milli < 950 || milli > 1050;
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
    case REASON_HELD_CANARY:
        say(w, tr(w->lang, "It is held because its canary run failed (\"eoul show %1$s\" says how, \"eoul logs %1$s\" shows "
                           "its output); mend that, then \"eoul release %1$s\" lets it go."), w->f->name_id);
        break;
    case REASON_HELD_ADMIN:
        say(w, tr(w->lang, "An operator holds it and must release it."));
        break;
    case REASON_ARRAY_LIMIT:
    case REASON_PERSON_RUNNING:
    case REASON_PERSON_GPUS:
    case REASON_ACCOUNT_GPUS:
        say_limit(w);
        break;
    case REASON_QUOTA_HOURS:
        say_quota(w);
        break;
    case REASON_BACKOFF:
        say_backoff(w);
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
        say_gpus_down(w);
        break;
    case REASON_DEFERRED:
        say_deferred(w);
        break;
    case REASON_RESERVED:
        say_reserved(w);
        break;
    case REASON_POWER:
        say_power(w);
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
                x->reason == REASON_PERSON_GPUS || x->reason == REASON_ACCOUNT_GPUS || x->reason == REASON_SINGLETON;
    if (room && w->f->blocker_id && w->f->blocker_end_at)
        say(w, tr(w->lang, "Room is expected when job %s ends, around %s."), blocker_text(w).text,
            at_text(w, w->f->blocker_end_at).text);
}

/* --- what stands between it and its start
 * ------------------------------------------------------------------------------------------ */

static bool is_in_line(const struct explanation *x)
{
    return x->position > 0;
}

/* Jobs that came later and are served earlier, and from when none can be. */
static void say_order(const struct why *w)
{
    const struct explanation *x = w->x;
    if (!is_in_line(x))
        return;
    if (x->aged && is_time(x->aged_at))
        say(w, tr(w->lang, "It has waited so long that since %s it goes before all that have not."),
            at_text(w, x->aged_at).text);
    else if (x->passed)
        say(w, trn(w->lang, "%u job that was submitted later runs or stands before it: that one is shorter, needs less or "
                            "counts for more.",
                   "%u jobs that were submitted later run or stand before it: they are shorter, need less or count for "
                   "more.", x->passed), x->passed);
    if (!x->aged && is_time(x->aged_at) && x->start_at > x->aged_at)
        say(w, tr(w->lang, "From %s it goes before all that have not waited as long."), at_text(w, x->aged_at).text);
}

/* How much its owner's jobs count at present: for the owner alone. */
static void say_weight(const struct why *w)
{
    if (w->f->weight && is_in_line(w->x) && factor_differs(w->f->weight->all_milli))
        say(w, tr(w->lang, "Your jobs count %s times as much as usual at present; \"eoul me\" says why."),
            factor_text(w->f->weight->all_milli).text);
}

static void say_deadline(const struct why *w)
{
    const struct explanation *x = w->x;
    struct part deadline = at_text(w, x->deadline_at), start = at_text(w, x->last_start_at);
    if (!is_time(x->deadline_at))
        return;
    if (is_time(x->start_at) && x->start_at >= x->deadline_at)
        say(w, tr(w->lang, "Its deadline is %1$s, but the plan has no room for it before %2$s: as things stand it is given up "
                           "then. \"eoul set %3$s --deadline\" moves the deadline, \"eoul first %3$s\" the job to the front of "
                           "its owner's."), deadline.text, at_text(w, x->start_at).text, w->f->name_id);
    else if (x->last_start_at <= w->f->now_at)
        say(w, tr(w->lang, "Its deadline is %s; as long as its runs take it may miss that even if it starts now. What has not "
                           "started by its deadline is given up."), deadline.text);
    else if (is_time(x->start_at) && x->start_at > x->last_start_at)
        say(w, tr(w->lang, "Its deadline is %1$s: it should start by %2$s, and the plan has no room for it before %3$s. What "
                           "has not started by its deadline is given up."), deadline.text, start.text,
            at_text(w, x->start_at).text);
    else
        say(w, tr(w->lang, "Its deadline is %1$s: it should start by %2$s, and does as planned."), deadline.text, start.text);
}

/* It ran, and somebody else needed the room more; what that cost, and what of it is left. */
static void say_gave_way(const struct why *w)
{
    const struct why_way *g = &w->f->gave;
    const struct explanation *x = w->x;
    if (!g->id || !is_time(g->at))
        return;
    struct part other = job_text(g->id, g->name), at = at_text(w, g->at);
    say(w, tr(w->lang, "It made way for job %1$s at %2$s, after it had run for %3$s, as its --preempt allows."), other.text,
        at.text, length_text(w, g->ran_us).text);
    if (w->f->state != JOB_PENDING)
        return; /* it goes on, or has done so */
    if (x->kept_us)
        say(w, tr(w->lang, "What it had done is kept, %1$s of work; going on costs it about %2$s."),
            length_text(w, x->kept_us).text, length_text(w, x->restart_us).text);
    else
        say(w, tr(w->lang, "It begins anew when there is room again."));
}

static void say_got_way(const struct why *w)
{
    const struct why_way *g = &w->f->got;
    if (!g->id)
        return;
    struct part other = job_text(g->id, g->name);
    if (g->n > 1)
        say(w, tr(w->lang, "%1$u jobs make way for it, job %2$s among them: it counts for more now."), g->n, other.text);
    else if (g->at)
        say(w, tr(w->lang, "Job %s made way for it: it counted for more then."), other.text);
    else
        say(w, tr(w->lang, "Job %s is making way for it: it counts for more now."), other.text);
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

/* Could it start earlier at all, if others or the plan let it? */
static bool could_start(enum reason reason)
{
    return reason != REASON_BEGIN_TIME && reason != REASON_DEPENDENCY && reason != REASON_SINGLETON;
}

static void say_cost(const struct why *w)
{
    const struct explanation *x = w->x;
    if (!could_start(x->reason) || !is_time(x->eyes_at) || !is_time(x->now_eyes_at) || !is_time(x->start_at) ||
        x->start_at <= w->f->now_at + USEC_PER_MIN)
        return;
    if (x->now_eyes_at >= x->eyes_at && is_time(x->last_good_at) && x->last_good_at > x->start_at + WHY_LATER_US)
        say(w, tr(w->lang, "If it started now, %1$s would see it from %2$s either way: waiting costs nothing, as long as it "
                           "starts by %3$s."), w->f->owner, at_text(w, x->eyes_at).text, at_text(w, x->last_good_at).text);
    else if (x->now_eyes_at >= x->eyes_at)
        say(w,
            tr(w->lang,
               "If it started now, %s would see it from %s either way: waiting costs nothing."),
            w->f->owner, at_text(w, x->eyes_at).text);
    else
        say(w, tr(w->lang, "If it started now, %s would see it from %s: waiting costs %s."),
            w->f->owner, at_text(w, x->now_eyes_at).text,
            rough_text(w, x->eyes_at - x->now_eyes_at).text);
    if (x->reason != REASON_DEFERRED) /* that has said it */
        say_money(w);
}

static void say_forecast(const struct why *w)
{
    const struct forecast *c = &w->x->forecast;
    uint32_t others = c->history_n > c->source_n ? c->history_n - c->source_n : 0;
    struct part middle = rough_text(w, c->p50_us), low = rough_text(w, c->p10_us),
                high = rough_text(w, c->p90_us);
    switch (c->source) {
    case FORECAST_OWN:
        if (others)
            say(w, trn(w->lang, "Its run time, %s (%s to %s), is taken from %u earlier run of this command, and a little from %u "
                                "of others.",
                       "Its run time, %s (%s to %s), is taken from %u earlier runs of this command, and a little from %u of "
                       "others.", c->source_n), middle.text, low.text, high.text, c->source_n, others);
        else
            say(w, trn(w->lang, "Its run time, %s (%s to %s), is taken from %u earlier run of this command.",
                       "Its run time, %s (%s to %s), is taken from %u earlier runs of this command.", c->source_n),
                middle.text, low.text, high.text, c->source_n);
        break;
    case FORECAST_PERSON:
        say(w, trn(w->lang, "Its run time, %s (%s to %s), is taken from %u other run of %s, and a little from the team's.",
                   "Its run time, %s (%s to %s), is taken from %u other runs of %s, and a little from the team's.", c->source_n),
            middle.text, low.text, high.text, c->source_n, w->f->owner);
        break;
    case FORECAST_TEAM:
        say(w, trn(w->lang, "Its run time, %s (%s to %s), is taken from %u run of the team.",
                   "Its run time, %s (%s to %s), is taken from %u runs of the team.", c->source_n),
            middle.text, low.text, high.text, c->source_n);
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

/* It was told to stop. */
static void say_stopping(const struct why *w)
{
    const struct why_way *g = &w->f->gave;
    switch (w->x->reason) {
    case REASON_PREEMPTED:
        if (g->id)
            say(w, tr(w->lang, "It is making way for job %s, which counts for more now, as its --preempt allows, and goes back "
                               "in line."), job_text(g->id, g->name).text);
        else
            say(w, tr(w->lang, "It is making way for a job that counts for more now, as its --preempt "
                               "allows, and goes back in line."));
        break;
    case REASON_REQUEUED:
        say(w, tr(w->lang, "It was told to stop and goes back in line when it has ended."));
        break;
    case REASON_STOP_RULE:
        say(w, tr(w->lang, "The stop rule of its sweep gives it up for better points; it is ending."));
        break;
    case REASON_CANCELLED:
        say(w, tr(w->lang, "It was cancelled and is ending."));
        break;
    default:
        say(w, tr(w->lang, "It was told to stop and is ending."));
        break;
    }
}

/* How long it waited, and for what. */
static void say_waited(const struct why *w)
{
    const struct why_facts *f = w->f;
    usec_t before_us = f->trade.ready_at - f->submit_at, turn_us = f->start_at - f->trade.ready_at;
    if (f->attempt > 1 || f->start_at < f->submit_at)
        return; /* earlier attempts lie between */
    if (f->start_at - f->submit_at < USEC_PER_MIN)
        say(w, tr(w->lang, "It started as soon as it was submitted."));
    else if (before_us >= USEC_PER_MIN && turn_us >= USEC_PER_MIN)
        say(w, tr(w->lang, "It waited %1$s until nothing but room kept it (what it depends on, its begin time, a hold), and "
                           "then %2$s for its turn."), length_text(w, before_us).text, length_text(w, turn_us).text);
    else if (before_us >= USEC_PER_MIN)
        say(w, tr(w->lang, "It waited %s for what it depends on, its begin time or a hold, and then started at once."),
            length_text(w, before_us).text);
    else
        say(w, tr(w->lang, "It waited %s for its turn."), length_text(w, f->start_at - f->submit_at).text);
}

/* Its start was moved later: was it worth anything? */
static void say_was_moved(const struct why *w)
{
    const struct why_facts *f = w->f;
    const struct core_trade *t = &f->trade;
    int64_t saved = t->moved_cost_milli - t->cost_milli;
    if (!is_time(t->moved_from_at) || f->start_at <= t->moved_from_at + USEC_PER_MIN)
        return;
    say(w, tr(w->lang, "Its start was moved from %1$s to %2$s inside its slack."), at_text(w, t->moved_from_at).text,
        at_text(w, f->start_at).text);
    if (f->currency && saved >= MONEY_LEAST_MILLI && t->cost_milli >= 0)
        say(w, tr(w->lang, "That made its electricity about %1$s cheaper: %2$s instead of %3$s."), money_text(w, saved).text,
            money_text(w, t->cost_milli).text, money_text(w, t->moved_cost_milli).text);
}

/* What its start rested on, as it was written down then. */
static void say_start(const struct why *w)
{
    const struct core_trade *t = &w->f->trade;
    if (w->f->has_trade) {
        say_waited(w);
        say_was_moved(w);
        if (t->passed)
            say(w, trn(w->lang, "It started before %u job that was submitted earlier: that one needed more room, had a "
                                "limit in the way or counted for less.",
                       "It started before %u jobs that were submitted earlier: they needed more room, had a limit in "
                       "the way or counted for less.", t->passed), t->passed);
    }
    say_got_way(w);
    say_gave_way(w);
}

static void say_expected(const struct why *w)
{
    const struct core_trade *t = &w->f->trade;
    if (!w->f->has_trade || !is_time(t->end_p50_at))
        return;
    if (t->history_n < WHY_ODDS_RUNS || !is_time(t->end_p90_at))
        say(w, tr(w->lang, "When it started it was expected to end around %s; there was too little history to give odds."),
            at_text(w, t->end_p50_at).text);
    else
        say(w, tr(w->lang, "When it started it was expected to end around %1$s (nine times in ten by %2$s)."),
            at_text(w, t->end_p50_at).text, at_text(w, t->end_p90_at).text);
}

static void say_running(const struct why *w)
{
    const struct explanation *x = w->x;
    if (w->f->canary == CANARY_RUNS) {
        say(w, tr(w->lang, "What runs is its canary, which ends by %s and only shows that it starts; the run itself is "
                           "planned then."), at_text(w, usec_add(w->f->start_at, w->f->limit_us)).text);
        return;
    }
    if (w->f->state == JOB_CONFIGURING) {
        say(w, tr(w->lang, "It is being started."));
        say_start(w);
        return;
    }
    if (w->f->state == JOB_COMPLETING) {
        say_stopping(w);
        return;
    }
    say(w, tr(w->lang, "It has been running since %s."), at_text(w, w->f->start_at).text);
    say_start(w);
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
        say(w, tr(w->lang, "When that is mended, \"eoul requeue %s\" runs it again."), w->f->name_id);
        return; /* it never ran */
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
    if (w->f->start_at) {
        say_start(w);
        say_expected(w);
    }
}

/* Foreign words, for one line. */
static struct part clean_text(const char *words)
{
    struct part p = {""};
    struct buf b;
    buf_init_fixed(&b, p.text, sizeof p.text - 1);
    utf8_clean(&b, str_of(words));
    if (b.failed)
        memcpy(p.text, "...", sizeof "...");
    return p;
}

static void say_boosts(const struct why *w)
{
    for (uint32_t i = 0; i < w->f->boosts_n; i++) {
        const struct why_boost *b = &w->f->boosts[i];
        struct part by = clean_text(b->by), of = clean_text(b->of), why = clean_text(b->reason);
        struct part until = at_text(w, b->until_at);
        if (b->own)
            say(w, tr(w->lang, "%1$s put it before others until %2$s: %3$s."), by.text, until.text, why.text);
        else if (!b->of[0])
            say(w, tr(w->lang, "%1$s put somebody's work before it until %2$s: %3$s."), by.text, until.text, why.text);
        else if (b->of_person)
            say(w, tr(w->lang, "%1$s put the work of %2$s before it until %3$s: %4$s."), by.text, of.text, until.text,
                why.text);
        else
            say(w, tr(w->lang, "%1$s put job %2$s before it until %3$s: %4$s."), by.text, of.text, until.text, why.text);
    }
}

/* What is known of its start before it starts. */
static void say_canary(const struct why *w)
{
    if (w->f->canary == CANARY_PASSED)
        say(w, tr(w->lang, "Its canary run went well: it starts as it should."));
    else if (w->f->canary == CANARY_WANTED)
        say(w, tr(w->lang, "If room for %s shows while %s is there, a canary run proves before that it starts at all."),
            length_text(w, w->f->canary_us).text, w->f->owner);
}

void why_sentences(const struct explanation *x, const struct why_facts *f, struct json_out *j)
{
    const struct why w = {f->lang, x, f, j};
    out_array(j);
    if (f->state == JOB_PENDING) {
        say_waiting_reason(&w);
        say_blocker(&w);
        say_boosts(&w);
        say_got_way(&w);
        say_gave_way(&w);
        say_order(&w);
        say_weight(&w);
        if (f->urgent)
            say(&w, tr(w.lang, "It is urgent: of the jobs that wait, only those over their age and those that GPUs are "
                               "reserved for go before it."));
        if (x->reason != REASON_HELD_USER && x->reason != REASON_HELD_ADMIN &&
            x->reason != REASON_HELD_FAILURES && x->reason != REASON_HELD_CANARY &&
            x->reason != REASON_DEPENDENCY_NEVER && x->reason != REASON_NEVER_FITS) {
            say_plan(&w);
            say_cost(&w);
            say_deadline(&w);
        }
        say_canary(&w);
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
