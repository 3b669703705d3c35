/* why.c - of a job that waits; see why.h. */
#include "daemon/why_say.h"

#include <string.h>

#include "base/utf8.h"
#include "i18n/text.h"

/* --- parts of sentences ---------------------------------------------------------------------------- */

static struct why_part mib_text(uint64_t mib)
{
    struct why_part p = {""};
    struct buf b;
    buf_init_fixed(&b, p.text, sizeof p.text);
    text_mib(&b, mib);
    return p;
}

static struct why_part blocker_text(const struct why *w)
{
    return why_job(w->f->blocker_id, w->f->blocker_name);
}

/* "1.3": of thousandths. */
static struct why_part factor_text(uint32_t milli)
{
    struct why_part p = {""};
    struct buf b;
    buf_init_fixed(&b, p.text, sizeof p.text);
    buf_printf(&b, "%u.%02u", (milli + 5) / 1000, (milli + 5) % 1000 / 10);
    return p;
}

/* --- what binds ----------------------------------------------------------------------------------
 */

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
static struct why_part watts_text(uint32_t watts)
{
    struct why_part p = {""};
    struct buf b;
    buf_init_fixed(&b, p.text, sizeof p.text);
    text_watts(&b, watts);
    return p;
}

static void say_power(const struct why *w)
{
    const struct explanation *x = w->x;
    struct why_part need = watts_text(x->need_w), used = watts_text(x->used_w), cap = watts_text(x->cap_w);
    if (x->need_w > x->cap_w && !why_is_time(x->start_at))
        why_say(w, tr(w->lang, "It takes %1$s, and the power cap is %2$s: it cannot start under it. If it takes less, submit it "
                           "again with --watts."), need.text, cap.text);
    else if (x->need_w > x->cap_w)
        why_say(w, tr(w->lang, "It takes %1$s, and the power cap of this hour is %2$s."), need.text, cap.text);
    else if (short_of(x) != SHORT_POWER)
        why_say(w, tr(w->lang, "A lower power cap begins while it might still run, and leaves too little for the %s it takes; "
                           "give it a shorter --time if it needs less."), need.text);
    else if (why_is_time(x->start_at))
        why_say(w, tr(w->lang, "It waits for power: %1$s of %2$s are in use until about %3$s, and it takes %4$s."), used.text,
            cap.text, why_at(w, x->start_at).text, need.text);
    else
        why_say(w, tr(w->lang, "It waits for power: %1$s of %2$s are in use, and it takes %3$s."), used.text, cap.text, need.text);
}

static void say_resources(const struct why *w)
{
    const struct explanation *x = w->x;
    struct why_part need = mib_text(x->need_mem_mib), have = mib_text(x->free_mem_mib);
    switch (short_of(x)) {
    case SHORT_GPUS:
        why_say(w,
            trn(w->lang, "It is next in line and needs %u GPU; %u of the %u it could use are free now.",
                "It is next in line and needs %u GPUs at once; %u of the %u it could use "
                "are free now.", x->need_gpus),
            x->need_gpus, x->free_gpus, x->up_gpus);
        break;
    case SHORT_CPUS:
        why_say(w, trn(w->lang, "It is next in line and needs %u CPU; %u are free now.",
                   "It is next in line and needs %u CPUs at once; %u are free now.", x->need_cpus),
            x->need_cpus, x->free_cpus);
        break;
    case SHORT_MEM:
        why_say(w, tr(w->lang, "It is next in line and needs %s of memory; %s is free now."), need.text,
            have.text);
        break;
    case SHORT_POWER:
        say_power(w);
        break;
    case SHORT_NOTHING:
        why_say(w, tr(w->lang, "It is next in line and is about to start."));
        break;
    }
}

static void say_never_fits(const struct why *w)
{
    const struct explanation *x = w->x;
    if (x->need_gpus && x->up_gpus + x->drained_gpus + x->foreign_gpus + x->quarantined_gpus == 0)
        why_say(w, trn(w->lang, "It asks for %u GPU, but this machine has none that it could use; \"eoul gpus\" lists what there is.",
                   "It asks for %u GPUs, but this machine has none that it could use; \"eoul gpus\" lists what there is.",
                   x->need_gpus), x->need_gpus);
    else if (x->need_gpus > x->up_gpus)
        why_say(w,
            trn(w->lang, "It asks for %u GPU, but there are only %u it could use; let drained ones back in.",
                "It asks for %u GPUs, but there are only %u it could use; ask for fewer, "
                "or let drained ones back in.", x->need_gpus),
            x->need_gpus, x->up_gpus);
    else if (x->need_cpus > w->f->cpus)
        why_say(w, tr(w->lang, "It asks for %u CPUs, but this machine has only %u to give; ask for fewer."),
            x->need_cpus, w->f->cpus);
    else
        why_say(w, tr(w->lang, "It asks for %s of memory, but this machine has only %s to give; ask for less."),
            mib_text(x->need_mem_mib).text, mib_text(w->f->mem_mib).text);
}

static void say_dependency(const struct why *w)
{
    if (!w->f->blocker_id)
        why_say(w, tr(w->lang, "It waits for other jobs that it depends on."));
    else if (w->f->blocker_is_todo && w->f->blocker_end_at)
        why_say(w, tr(w->lang, "It waits for todo %s, somebody's hands-on work, which is expected to be done "
                           "around %s."), w->f->blocker_id, why_at(w, w->f->blocker_end_at).text);
    else if (w->f->blocker_is_todo)
        why_say(w, tr(w->lang, "It waits for todo %s, somebody's hands-on work that has no time yet; \"eoul show "
                           "%s\" says why."), w->f->blocker_id, w->f->blocker_id);
    else if (w->x->blocker_started)
        why_say(w, tr(w->lang, "It was asked to start no sooner than some time after the start of job %1$s: it may from %2$s."),
            blocker_text(w).text, why_at(w, w->x->change_at).text);
    else if (w->x->blocker_tasks > 1 && why_is_time(w->x->change_at))
        why_say(w, tr(w->lang, "It depends on an array of which %1$u tasks have not ended; the last, %2$s, is expected to end around "
                           "%3$s."), w->x->blocker_tasks, blocker_text(w).text, why_at(w, w->x->change_at).text);
    else if (w->x->blocker_tasks > 1)
        why_say(w, tr(w->lang, "It depends on an array of which %1$u tasks have not ended; nobody can say yet when the last, %2$s, "
                           "does."), w->x->blocker_tasks, blocker_text(w).text);
    else if (w->x->blocker_starts && why_is_time(w->x->change_at))
        why_say(w, tr(w->lang, "It waits until job %1$s has started, which is planned for %2$s."), blocker_text(w).text,
            why_at(w, w->x->change_at).text);
    else if (w->x->blocker_starts)
        why_say(w, tr(w->lang, "It waits until job %s has started; nobody can say yet when that will be."), blocker_text(w).text);
    else if (w->f->blocker_end_at)
        why_say(w, tr(w->lang, "It depends on job %s, which is expected to end around %s."),
            blocker_text(w).text, why_at(w, w->f->blocker_end_at).text);
    else
        why_say(w, tr(w->lang, "It depends on job %s; nobody can say yet when that ends."),
            blocker_text(w).text);
}

static void say_priority(const struct why *w)
{
    uint32_t before = w->x->position > 0 ? w->x->position - 1 : 0;
    why_say(w, trn(w->lang, "%u job comes before it.", "%u jobs come before it.", before), before);
    if (short_of(w->x) == SHORT_NOTHING)
        why_say(w,
            tr(w->lang,
               "There is room for it at this moment, but the jobs before it will need that room."));
}

static void say_limit(const struct why *w)
{
    const struct explanation *x = w->x;
    if (x->reason == REASON_ARRAY_LIMIT)
        why_say(w, trn(w->lang, "Its array runs at most %u task at once, and %u is running.",
                   "Its array runs at most %u tasks at once, and %u are running.", x->limit), x->limit, x->used);
    else if (x->reason == REASON_PERSON_RUNNING)
        why_say(w, trn(w->lang, "%s may have %u job running at once, and has %u.", "%s may have %u jobs running at once, and has %u.",
                   x->limit), w->f->owner, x->limit, x->used);
    else if (x->reason == REASON_ACCOUNT_GPUS)
        why_say(w, trn(w->lang, "Account %1$s has %3$u of its %2$u GPU in use; this job needs %4$u.",
                   "Account %1$s has %3$u of its %2$u GPUs in use; this job needs %4$u.", x->limit),
            w->f->account ? w->f->account : "?", x->limit, x->used, x->need_gpus);
    else
        why_say(w, tr(w->lang, "%s may use %u GPUs at once and uses %u; this job needs %u."),
            w->f->owner, x->limit, x->used, x->need_gpus);
    if (x->reason == REASON_ACCOUNT_GPUS && x->need_gpus > x->limit)
        why_say(w, tr(w->lang, "It never starts so: it needs more GPUs at once than the account may have."));
}

/* GPU-hours: whose they are, and when the first of them come back. */
static void say_quota(const struct why *w)
{
    const struct explanation *x = w->x;
    if (w->f->account)
        why_say(w, tr(w->lang, "Account %1$s has used %2$u of its %3$u GPU-hours of the last %4$u days."), w->f->account,
            x->used, x->limit, x->quota_days);
    else
        why_say(w, tr(w->lang, "%1$s has used %2$u of %3$u GPU-hours of the last %4$u days."), w->f->owner, x->used, x->limit,
            x->quota_days);
    if (why_is_time(x->change_at))
        why_say(w, tr(w->lang, "Enough of them come back at %s, if nothing more is used until then."), why_at(w, x->change_at).text);
}

/* What the later start changes in its electricity, as far as that can be said in whole units. */
static void say_money(const struct why *w)
{
    const struct explanation *x = w->x;
    int64_t saved = x->now_cost_milli - x->start_cost_milli, least = MONEY_LEAST_MILLI;
    if (!w->f->currency || x->power_mw == 0 || x->now_cost_milli < 0 || x->start_cost_milli < 0)
        return;
    if (saved >= least)
        why_say(w, tr(w->lang, "Its electricity is about %1$s cheaper then: %2$s instead of %3$s."), why_money(w, saved).text,
            why_money(w, x->start_cost_milli).text, why_money(w, x->now_cost_milli).text);
    else if (saved <= -least)
        why_say(w, tr(w->lang, "Its electricity is about %1$s dearer then: %2$s instead of %3$s."), why_money(w, -saved).text,
            why_money(w, x->start_cost_milli).text, why_money(w, x->now_cost_milli).text);
}

static void say_moved(const struct why *w)
{
    const struct explanation *x = w->x;
    struct why_part to = why_at(w, x->start_at), from = why_at(w, x->moved_from_at);
    bool was = why_is_time(x->moved_from_at);
    if (x->need_gpus && was)
        why_say(w, trn(w->lang, "Its start was moved from %2$s to %3$s inside its slack, as its owner agreed: until then "
                            "its %1$u GPU is left to others.",
                   "Its start was moved from %2$s to %3$s inside its slack, as its owner agreed: until then "
                   "its %1$u GPUs are left to others.", x->need_gpus), x->need_gpus, from.text, to.text);
    else if (x->need_gpus)
        why_say(w, trn(w->lang, "Its start was moved to %2$s inside its slack, as its owner agreed: until then "
                            "its %1$u GPU is left to others.",
                   "Its start was moved to %2$s inside its slack, as its owner agreed: until then "
                   "its %1$u GPUs are left to others.", x->need_gpus), x->need_gpus, to.text);
    else if (was)
        why_say(w, tr(w->lang, "Its start was moved from %1$s to %2$s inside its slack, as its owner agreed: until then its "
                           "CPUs are left to others."), from.text, to.text);
    else
        why_say(w, tr(w->lang, "Its start was moved to %s inside its slack, as its owner agreed: until then its "
                           "CPUs are left to others."), to.text);
}

/* What the later start gives and what it costs; odds only where there is enough history for them. */
static void say_deferred(const struct why *w)
{
    const struct explanation *x = w->x;
    bool odds = why_is_time(x->eyes_late_at) && why_is_time(x->now_eyes_late_at);
    if (!why_is_time(x->start_at))
        return; /* what is planned says that it has none */
    say_moved(w);
    if (x->freed_gpus)
        why_say(w, trn(w->lang, "%u GPU runs somebody else's work now that would have had no room.",
                   "%u GPUs run other people's work now that would have had no room.", x->freed_gpus), x->freed_gpus);
    if (x->forecast.history_n < WHY_ODDS_RUNS)
        why_say(w, tr(w->lang, "There is too little history to give odds: %u runs are known."),
            x->forecast.history_n);
    else if (odds && x->eyes_late_at > x->now_eyes_late_at)
        why_say(w, tr(w->lang, "Nine times in ten %s sees it by %s instead of %s, as its --flex allows."),
            w->f->owner, why_at(w, x->eyes_late_at).text, why_at(w, x->now_eyes_late_at).text);
    else if (odds)
        why_say(w, tr(w->lang, "Nine times in ten %s sees it by %s either way."), w->f->owner,
            why_at(w, x->now_eyes_late_at).text);
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
        why_say(w, tr(w->lang, "It might still hold GPUs that are kept for somebody then; \"eoul reserve\" lists that."));
    else if (f->reservation_name.len && !name.failed)
        why_say(w, tr(w->lang, "It might still hold GPUs that are kept for %1$s (%2$s) from %3$s to %4$s; give it a "
                           "shorter --time if it needs less."), f->reservation_for, name.ptr,
            why_at(w, f->reservation_from_at).text, why_at(w, f->reservation_until_at).text);
    else
        why_say(w, tr(w->lang, "It might still hold GPUs that are kept for %1$s from %2$s to %3$s; give it a shorter "
                           "--time if it needs less."), f->reservation_for, why_at(w, f->reservation_from_at).text,
            why_at(w, f->reservation_until_at).text);
}

static void say_backoff(const struct why *w)
{
    const struct why_facts *f = w->f;
    struct why_part from = why_at(w, w->x->change_at);
    if (f->launch_message.len)
        why_say(w, tr(w->lang, "Attempt %1$u could not be started: %2$.*3$s; the next one may start from %4$s."), f->attempt,
            f->launch_message.ptr, (int)f->launch_message.len, from.text);
    else if (f->signal)
        why_say(w, tr(w->lang, "Attempt %1$u was ended by signal %2$d; the next one may start from %3$s."), f->attempt,
            f->signal, from.text);
    else if (f->exit_code)
        why_say(w, tr(w->lang, "Attempt %1$u failed with exit code %2$d; the next one may start from %3$s."), f->attempt,
            f->exit_code, from.text);
    else
        why_say(w, tr(w->lang, "Attempt %u failed; the next one may start from %s."), f->attempt, from.text);
}

/* Which of those it could use are not up, and what brings them back. */
static void say_gpus_down(const struct why *w)
{
    const struct explanation *x = w->x;
    if (x->up_gpus == 0)
        why_say(w, trn(w->lang, "It needs %u GPU, but none of those it could use is up.",
                   "It needs %u GPUs, but none of those it could use is up.", x->need_gpus), x->need_gpus);
    else
        why_say(w, trn(w->lang, "It needs %u GPU, but %u of those it could use are up.",
               "It needs %u GPUs, but only %u of those it could use are up.", x->need_gpus), x->need_gpus, x->up_gpus);
    if (x->foreign_gpus)
        why_say(w, trn(w->lang, "%u is used by somebody outside of eoul and comes back when that ends.",
                   "%u are used by somebody outside of eoul and come back when that ends.", x->foreign_gpus),
            x->foreign_gpus);
    if (x->drained_gpus)
        why_say(w, trn(w->lang, "%u is drained; \"eoul undrain\" lets it back in.",
                   "%u are drained; \"eoul undrain\" lets them back in.", x->drained_gpus), x->drained_gpus);
    if (x->quarantined_gpus)
        why_say(w, trn(w->lang, "%u is in quarantine, because something of an earlier attempt may still run on it; it comes "
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
        why_say(w,
            tr(w->lang, "A job it depends on did not end as it requires, so it will never start; "
                        "run that job again, or cancel this one with \"eoul cancel %s\"."),
            w->f->name_id);
        break;
    case REASON_BEGIN_TIME:
        why_say(w, tr(w->lang, "It was asked not to start before %s."), why_at(w, x->change_at).text);
        break;
    case REASON_HELD_USER:
        why_say(w, tr(w->lang, "It is held; \"eoul release %s\" lets it go."), w->f->name_id);
        break;
    case REASON_HELD_FAILURES:
        why_say(w, trn(w->lang,
                   "It is held because %u task of its array failed; mend what they failed of, then \"eoul "
                   "release %s\" lets it go.",
                   "It is held because %u tasks of its array failed alike in a row; mend what they failed "
                   "of, then \"eoul release %s\" lets it go.", x->limit), x->limit, w->f->name_id);
        break;
    case REASON_HELD_CANARY:
        why_say(w, tr(w->lang, "It is held because its canary run failed (\"eoul show %1$s\" says how, \"eoul logs %1$s\" shows "
                           "its output); mend that, then \"eoul release %1$s\" lets it go."), w->f->name_id);
        break;
    case REASON_HELD_ADMIN:
        why_say(w, tr(w->lang, "An operator holds it and must release it."));
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
        why_say(w, tr(w->lang, "It waits until no other job of %s with the same name is there."),
            w->f->owner);
        break;
    case REASON_QUEUE_CLOSED:
        why_say(w,
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
        why_say(w, tr(w->lang, "It was put back in line after attempt %u."), w->f->attempt);
        break;
    case REASON_PREEMPTED:
        why_say(w, tr(w->lang, "It is making way for a job that counts for more now, as its --preempt "
                           "allows, and goes back in line."));
        break;
    default:
        why_say(w, tr(w->lang, "It was submitted a moment ago and is planned at the next decision."));
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
        why_say(w, tr(w->lang, "Room is expected when job %s ends, around %s."), blocker_text(w).text,
            why_at(w, w->f->blocker_end_at).text);
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
    if (x->aged && why_is_time(x->aged_at))
        why_say(w, tr(w->lang, "It has waited so long that since %s it goes before all that have not."),
            why_at(w, x->aged_at).text);
    else if (x->passed)
        why_say(w, trn(w->lang, "%u job that was submitted later runs or stands before it: that one is shorter, needs less or "
                            "counts for more.",
                   "%u jobs that were submitted later run or stand before it: they are shorter, need less or count for "
                   "more.", x->passed), x->passed);
    if (!x->aged && why_is_time(x->aged_at) && x->start_at > x->aged_at)
        why_say(w, tr(w->lang, "From %s it goes before all that have not waited as long."), why_at(w, x->aged_at).text);
}

/* How much its owner's jobs count at present: for the owner alone. */
static void say_weight(const struct why *w)
{
    if (w->f->weight && is_in_line(w->x) && factor_differs(w->f->weight->all_milli))
        why_say(w, tr(w->lang, "Your jobs count %s times as much as usual at present; \"eoul me\" says why."),
            factor_text(w->f->weight->all_milli).text);
}

static void say_deadline(const struct why *w)
{
    const struct explanation *x = w->x;
    struct why_part deadline = why_at(w, x->deadline_at), start = why_at(w, x->last_start_at);
    if (!why_is_time(x->deadline_at))
        return;
    if (why_is_time(x->start_at) && x->start_at >= x->deadline_at)
        why_say(w, tr(w->lang, "Its deadline is %1$s, but the plan has no room for it before %2$s: as things stand it is given up "
                           "then. \"eoul set %3$s --deadline\" moves the deadline, \"eoul first %3$s\" the job to the front of "
                           "its owner's."), deadline.text, why_at(w, x->start_at).text, w->f->name_id);
    else if (x->last_start_at <= w->f->now_at)
        why_say(w, tr(w->lang, "Its deadline is %s; as long as its runs take it may miss that even if it starts now. What has not "
                           "started by its deadline is given up."), deadline.text);
    else if (why_is_time(x->start_at) && x->start_at > x->last_start_at)
        why_say(w, tr(w->lang, "Its deadline is %1$s: it should start by %2$s, and the plan has no room for it before %3$s. What "
                           "has not started by its deadline is given up."), deadline.text, start.text,
            why_at(w, x->start_at).text);
    else
        why_say(w, tr(w->lang, "Its deadline is %1$s: it should start by %2$s, and does as planned."), deadline.text, start.text);
}

/* --- what is expected
 * ------------------------------------------------------------------------------ */

/* What ends this wait is somebody's word, or somebody else's luck. */
static bool is_unseen(enum reason reason)
{
    switch (reason) {
    case REASON_HELD_USER: case REASON_HELD_ADMIN: case REASON_HELD_FAILURES: case REASON_HELD_CANARY: case REASON_DEPENDENCY:
    case REASON_DEPENDENCY_NEVER: case REASON_SINGLETON: case REASON_QUEUE_CLOSED: return true;
    default: return false;
    }
}

/* Enough is known for odds: runs, or what its owner or the job itself has said. */
static bool has_odds(const struct forecast *f)
{
    return f->history_n >= WHY_ODDS_RUNS || f->source == FORECAST_TOLD || f->source == FORECAST_PROGRESS;
}

static void say_plan(const struct why *w)
{
    const struct explanation *x = w->x;
    bool sampled = x->samples && has_odds(&x->forecast);
    if (!why_is_time(x->start_at)) {
        why_say(w, tr(w->lang, "As things stand the plan has no start for it."));
        return;
    }
    if (sampled && x->start_p90_at > usec_add(x->start_p10_at, USEC_PER_MIN))
        why_say(w, tr(w->lang, "It starts about %1$s, in eight of ten cases between %2$s and %3$s."), why_at(w, x->start_p50_at).text,
            why_at(w, x->start_p10_at).text, why_at(w, x->start_p90_at).text);
    else if (!x->samples && why_is_time(x->start_p90_at) && x->start_p90_at > usec_add(x->start_at, USEC_PER_MIN))
        why_say(w, tr(w->lang, "Planned start: %s, or %s if the jobs before it run long."),
            why_at(w, x->start_at).text, why_at(w, x->start_p90_at).text);
    else
        why_say(w, tr(w->lang, "Planned start: %s."), why_at(w, x->start_at).text);
    if (!why_is_time(x->end_p50_at) || !why_is_time(x->eyes_at))
        return;
    if (!has_odds(&x->forecast))
        why_say(w, x->reason == REASON_DEFERRED /* that has been said then */
                   ? tr(w->lang, "It should end around %s, and %s can look from %s.")
                   : tr(w->lang, "It should end around %s, and %s can look from %s; there is too little history to give "
                                 "odds."),
            why_at(w, x->end_p50_at).text, w->f->owner, why_at(w, x->eyes_at).text);
    else if (sampled && why_is_time(x->eyes_late_at) && why_is_time(w->f->end_p10_at) && x->end_p90_at > w->f->end_p10_at + USEC_PER_MIN)
        why_say(w, tr(w->lang, "It should end around %1$s, in eight of ten cases between %2$s and %3$s; %4$s can look from %5$s, in "
                               "nine of ten by %6$s."),
            why_at(w, x->end_p50_at).text, why_at(w, w->f->end_p10_at).text, why_at(w, x->end_p90_at).text, w->f->owner,
            why_at(w, x->eyes_at).text, why_at(w, x->eyes_late_at).text);
    else
        why_say(w,
            tr(w->lang,
               "It should end around %s (nine times in ten by %s), and %s can look from %s."),
            why_at(w, x->end_p50_at).text, why_at(w, x->end_p90_at).text, w->f->owner,
            why_at(w, x->eyes_at).text);
}

/* Could it start earlier at all, if others or the plan let it? */
static bool could_start(enum reason reason)
{
    return reason != REASON_BEGIN_TIME && reason != REASON_DEPENDENCY && reason != REASON_SINGLETON;
}

static void say_cost(const struct why *w)
{
    const struct explanation *x = w->x;
    if (!could_start(x->reason) || !why_is_time(x->eyes_at) || !why_is_time(x->now_eyes_at) || !why_is_time(x->start_at) ||
        x->start_at <= w->f->now_at + USEC_PER_MIN)
        return;
    if (x->now_eyes_at >= x->eyes_at && why_is_time(x->last_good_at) && x->last_good_at > x->start_at + WHY_LATER_US)
        why_say(w, tr(w->lang, "If it started now, %1$s would see it from %2$s either way: waiting costs nothing, as long as it "
                           "starts by %3$s."), w->f->owner, why_at(w, x->eyes_at).text, why_at(w, x->last_good_at).text);
    else if (x->now_eyes_at >= x->eyes_at)
        why_say(w,
            tr(w->lang,
               "If it started now, %s would see it from %s either way: waiting costs nothing."),
            w->f->owner, why_at(w, x->eyes_at).text);
    else
        why_say(w, tr(w->lang, "If it started now, %s would see it from %s: waiting costs %s."),
            w->f->owner, why_at(w, x->now_eyes_at).text,
            why_about(w, x->eyes_at - x->now_eyes_at).text);
    if (x->reason != REASON_DEFERRED) /* that has said it */
        say_money(w);
}

static void say_forecast(const struct why *w)
{
    const struct forecast *c = &w->x->forecast;
    uint32_t others = c->history_n > c->source_n ? c->history_n - c->source_n : 0;
    struct why_part middle = why_about(w, c->p50_us), low = why_about(w, c->p10_us),
                high = why_about(w, c->p90_us);
    switch (c->source) {
    case FORECAST_OWN:
        if (others)
            why_say(w, trn(w->lang, "Its run time, %s (%s to %s), is taken from %u earlier run of this command, and a little from %u "
                                "of others.",
                       "Its run time, %s (%s to %s), is taken from %u earlier runs of this command, and a little from %u of "
                       "others.", c->source_n), middle.text, low.text, high.text, c->source_n, others);
        else
            why_say(w, trn(w->lang, "Its run time, %s (%s to %s), is taken from %u earlier run of this command.",
                       "Its run time, %s (%s to %s), is taken from %u earlier runs of this command.", c->source_n),
                middle.text, low.text, high.text, c->source_n);
        break;
    case FORECAST_LIMIT:
        why_say(w, trn(w->lang, "Its run time, %s (%s to %s), is taken from %u run of %s with the same time limit, and a little from "
                            "others.",
                   "Its run time, %s (%s to %s), is taken from %u runs of %s with the same time limit, and a little from "
                   "others.", c->source_n),
            middle.text, low.text, high.text, c->source_n, w->f->owner);
        break;
    case FORECAST_PROGRESS:
        why_say(w, tr(w->lang, "Its run time, %s (%s to %s), is taken mostly from how far it says it is."),
            middle.text, low.text, high.text);
        break;
    case FORECAST_PERSON:
        why_say(w, trn(w->lang, "Its run time, %s (%s to %s), is taken from %u other run of %s, and a little from the team's.",
                   "Its run time, %s (%s to %s), is taken from %u other runs of %s, and a little from the team's.", c->source_n),
            middle.text, low.text, high.text, c->source_n, w->f->owner);
        break;
    case FORECAST_TEAM:
        why_say(w, trn(w->lang, "Its run time, %s (%s to %s), is taken from %u run of the team.",
                   "Its run time, %s (%s to %s), is taken from %u runs of the team.", c->source_n),
            middle.text, low.text, high.text, c->source_n);
        break;
    case FORECAST_TOLD:
        why_say(w, tr(w->lang, "Its run time, %s (%s to %s), is what was said at its submit."),
            middle.text, low.text, high.text);
        break;
    case FORECAST_GUESS:
        why_say(w,
            tr(w->lang, "Its run time, %s (%s to %s), is a guess: nothing like it has ended yet."),
            middle.text, low.text, high.text);
        break;
    }
}

/* Foreign words, for one line. */
static struct why_part clean_text(const char *words)
{
    struct why_part p = {""};
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
        struct why_part by = clean_text(b->by), of = clean_text(b->of), why = clean_text(b->reason);
        struct why_part until = why_at(w, b->until_at);
        if (b->own)
            why_say(w, tr(w->lang, "%1$s put it before others until %2$s: %3$s."), by.text, until.text, why.text);
        else if (!b->of[0])
            why_say(w, tr(w->lang, "%1$s put somebody's work before it until %2$s: %3$s."), by.text, until.text, why.text);
        else if (b->of_person)
            why_say(w, tr(w->lang, "%1$s put the work of %2$s before it until %3$s: %4$s."), by.text, of.text, until.text,
                why.text);
        else if (b->of_account)
            why_say(w, tr(w->lang, "%1$s put what is for account %2$s before it until %3$s: %4$s."), by.text, of.text, until.text,
                why.text);
        else
            why_say(w, tr(w->lang, "%1$s put job %2$s before it until %3$s: %4$s."), by.text, of.text, until.text, why.text);
    }
}

/* What is known of its start before it starts. */
static void say_canary(const struct why *w)
{
    if (w->f->canary == CANARY_PASSED)
        why_say(w, tr(w->lang, "Its canary run went well: it starts as it should."));
    else if (w->f->canary == CANARY_WANTED)
        why_say(w, tr(w->lang, "If room for %s shows while %s is there, a canary run proves before that it starts at all."),
            why_length(w, w->f->canary_us).text, w->f->owner);
}

/* Asked about a job, whoever was refused a change of it may have meant that. */
static void say_refused(const struct why *w)
{
    const struct why_refused *r = &w->f->refused;
    if (r->id)
        why_say(w, tr(w->lang, "\"%1$s\" was refused at %2$s; \"eoul why r%3$u\" says why."), r->asked, why_at(w, r->at).text, r->id);
}

void why_sentences(const struct explanation *x, const struct why_facts *f, struct json_out *j)
{
    const struct why w = {f->lang, x, f, j};
    out_array(j);
    if (f->state == JOB_PENDING) {
        say_waiting_reason(&w);
        say_blocker(&w);
        say_boosts(&w);
        why_say_got_way(&w);
        why_say_gave_way(&w);
        say_order(&w);
        say_weight(&w);
        if (f->urgent)
            why_say(&w, tr(w.lang, "It is urgent: of the jobs that wait, only those over their age and those that GPUs are "
                               "reserved for go before it."));
        if (x->reason != REASON_HELD_USER && x->reason != REASON_HELD_ADMIN &&
            x->reason != REASON_HELD_FAILURES && x->reason != REASON_HELD_CANARY &&
            x->reason != REASON_DEPENDENCY_NEVER && x->reason != REASON_NEVER_FITS) {
            say_plan(&w);
            say_cost(&w);
            say_deadline(&w);
        }
        if (is_unseen(x->reason) && !why_is_time(x->start_at))
            why_say(&w, tr(w.lang, "When it can start depends on what nobody can foresee, so there are no odds."));
        say_canary(&w);
        say_forecast(&w);
    } else if (job_state_is_final(f->state)) {
        why_say_ended(&w);
    } else {
        why_say_running(&w);
        if (f->state == JOB_RUNNING)
            say_forecast(&w);
    }
    say_refused(&w);
    out_end(j);
}
