/* why_started.c - of a job that has started, or is over; see why.h. */
#include "daemon/why_say.h"

/* It ran, and somebody else needed the room more; what that cost, and what of it is left. */
void why_say_gave_way(const struct why *w)
{
    const struct why_way *g = &w->f->gave;
    const struct explanation *x = w->x;
    if (!g->id || !why_is_time(g->at))
        return;
    struct why_part other = why_job(g->id, g->name), at = why_at(w, g->at);
    why_say(w, tr(w->lang, "It made way for job %1$s at %2$s, after it had run for %3$s, as its --preempt allows."), other.text,
        at.text, why_length(w, g->ran_us).text);
    if (w->f->state != JOB_PENDING)
        return; /* it goes on, or has done so */
    if (x->kept_us)
        why_say(w, tr(w->lang, "What it had done is kept, %1$s of work; going on costs it about %2$s."),
            why_length(w, x->kept_us).text, why_length(w, x->restart_us).text);
    else
        why_say(w, tr(w->lang, "It begins anew when there is room again."));
}

void why_say_got_way(const struct why *w)
{
    const struct why_way *g = &w->f->got;
    if (!g->id)
        return;
    struct why_part other = why_job(g->id, g->name);
    if (g->n > 1)
        why_say(w, tr(w->lang, "%1$u jobs make way for it, job %2$s among them: it counts for more now."), g->n, other.text);
    else if (g->at)
        why_say(w, tr(w->lang, "Job %s made way for it: it counted for more then."), other.text);
    else
        why_say(w, tr(w->lang, "Job %s is making way for it: it counts for more now."), other.text);
}

/* It was told to stop. */
static void say_stopping(const struct why *w)
{
    const struct why_way *g = &w->f->gave;
    switch (w->x->reason) {
    case REASON_PREEMPTED:
        if (g->id)
            why_say(w, tr(w->lang, "It is making way for job %s, which counts for more now, as its --preempt allows, and goes back "
                               "in line."), why_job(g->id, g->name).text);
        else
            why_say(w, tr(w->lang, "It is making way for a job that counts for more now, as its --preempt "
                               "allows, and goes back in line."));
        break;
    case REASON_REQUEUED:
        why_say(w, tr(w->lang, "It was told to stop and goes back in line when it has ended."));
        break;
    case REASON_STOP_RULE:
        why_say(w, tr(w->lang, "The stop rule of its sweep gives it up for better points; it is ending."));
        break;
    case REASON_CANCELLED:
        why_say(w, tr(w->lang, "It was cancelled and is ending."));
        break;
    default:
        why_say(w, tr(w->lang, "It was told to stop and is ending."));
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
        why_say(w, tr(w->lang, "It started as soon as it was submitted."));
    else if (before_us >= USEC_PER_MIN && turn_us >= USEC_PER_MIN)
        why_say(w, tr(w->lang, "It waited %1$s until nothing but room kept it (what it depends on, its begin time, a hold), and "
                           "then %2$s for its turn."), why_length(w, before_us).text, why_length(w, turn_us).text);
    else if (before_us >= USEC_PER_MIN)
        why_say(w, tr(w->lang, "It waited %s for what it depends on, its begin time or a hold, and then started at once."),
            why_length(w, before_us).text);
    else
        why_say(w, tr(w->lang, "It waited %s for its turn."), why_length(w, f->start_at - f->submit_at).text);
}

/* Its start was moved later: was it worth anything? */
static void say_was_moved(const struct why *w)
{
    const struct why_facts *f = w->f;
    const struct core_trade *t = &f->trade;
    int64_t saved = t->moved_cost_milli - t->cost_milli;
    if (!why_is_time(t->moved_from_at) || f->start_at <= t->moved_from_at + USEC_PER_MIN)
        return;
    why_say(w, tr(w->lang, "Its start was moved from %1$s to %2$s inside its slack."), why_at(w, t->moved_from_at).text,
        why_at(w, f->start_at).text);
    if (f->currency && saved >= MONEY_LEAST_MILLI && t->cost_milli >= 0)
        why_say(w, tr(w->lang, "That made its electricity about %1$s cheaper: %2$s instead of %3$s."), why_money(w, saved).text,
            why_money(w, t->cost_milli).text, why_money(w, t->moved_cost_milli).text);
}

/* Its owner, who reads, has not agreed to later starts: what they would have brought. */
static void say_would(const struct why *w)
{
    const struct why_facts *f = w->f;
    const struct core_trade *t = &f->trade;
    int64_t saved = t->cost_milli - t->would_cost_milli;
    if (!why_is_time(t->would_at) || f->start_at >= t->would_at)
        return;
    why_say(w, tr(w->lang, "Had you agreed to later starts (\"eoul me defer yes\"), it would have begun at %1$s instead of "
                           "%2$s."), why_at(w, t->would_at).text, why_at(w, f->start_at).text);
    if (job_state_is_final(f->state) && f->end_at > f->start_at)
        why_say(w, tr(w->lang, "Having run as long, it would have ended at %s."),
                why_at(w, usec_add(t->would_at, f->end_at - f->start_at)).text);
    else if (t->history_n >= WHY_ODDS_RUNS && why_is_time(t->eyes_late_at))
        why_say(w, tr(w->lang, "Nine times in ten %s sees it by %s either way."), f->owner, why_at(w, t->eyes_late_at).text);
    else
        why_say(w, tr(w->lang, "There is too little history to give odds: %u runs are known."), t->history_n);
    if (f->currency && saved >= MONEY_LEAST_MILLI && t->would_cost_milli > 0)
        why_say(w, tr(w->lang, "That would have made its electricity about %1$s cheaper: %2$s instead of %3$s."),
                why_money(w, saved).text, why_money(w, t->would_cost_milli).text, why_money(w, t->cost_milli).text);
}

/* What its start rested on, as it was written down then. */
static void say_start(const struct why *w)
{
    const struct core_trade *t = &w->f->trade;
    if (w->f->has_trade) {
        say_waited(w);
        say_was_moved(w);
        say_would(w);
        if (t->passed)
            why_say(w, trn(w->lang, "It started before %u job that was submitted earlier: that one needed more room, had a "
                                "limit in the way or counted for less.",
                       "It started before %u jobs that were submitted earlier: they needed more room, had a limit in "
                       "the way or counted for less.", t->passed), t->passed);
    }
    why_say_got_way(w);
    why_say_gave_way(w);
}

static void say_expected(const struct why *w)
{
    const struct core_trade *t = &w->f->trade;
    if (!w->f->has_trade || !why_is_time(t->end_p50_at))
        return;
    if (t->history_n < WHY_ODDS_RUNS || !why_is_time(t->end_p90_at))
        why_say(w, tr(w->lang, "When it started it was expected to end around %s; there was too little history to give odds."),
            why_at(w, t->end_p50_at).text);
    else
        why_say(w, tr(w->lang, "When it started it was expected to end around %1$s (nine times in ten by %2$s)."),
            why_at(w, t->end_p50_at).text, why_at(w, t->end_p90_at).text);
}

void why_say_running(const struct why *w)
{
    const struct explanation *x = w->x;
    if (w->f->canary == CANARY_RUNS) {
        why_say(w, tr(w->lang, "What runs is its canary, which ends by %s and only shows that it starts; the run itself is "
                           "planned then."), why_at(w, usec_add(w->f->start_at, w->f->limit_us)).text);
        return;
    }
    if (w->f->state == JOB_CONFIGURING) {
        why_say(w, tr(w->lang, "It is being started."));
        say_start(w);
        return;
    }
    if (w->f->state == JOB_COMPLETING) {
        say_stopping(w);
        return;
    }
    why_say(w, tr(w->lang, "It has been running since %s."), why_at(w, w->f->start_at).text);
    say_start(w);
    if (why_is_time(w->f->stalled_at))
        why_say(w, tr(w->lang, "It seems to hang: no step since %s, its CPUs and GPUs idle."),
            why_at(w, w->f->stalled_at).text);
    else if (why_is_time(x->end_p50_at) && why_is_time(x->eyes_at))
        why_say(w, tr(w->lang, "It should end around %s (between %s and %s), and %s can look from %s."),
            why_at(w, x->end_p50_at).text, why_at(w, w->f->end_p10_at).text,
            why_at(w, x->end_p90_at).text, w->f->owner, why_at(w, x->eyes_at).text);
    if (w->f->limit_us)
        why_say(w, tr(w->lang, "Its time limit would end it by %s."),
            why_at(w, usec_add(w->f->start_at, w->f->limit_us)).text);
}

void why_say_ended(const struct why *w)
{
    struct why_part at = why_at(w, w->f->end_at);
    switch (w->x->reason) {
    case REASON_EXIT_CODE:
        why_say(w, tr(w->lang, "It failed with exit code %d (%s)."), w->f->exit_code, at.text);
        break;
    case REASON_SIGNAL:
        why_say(w, tr(w->lang, "It was killed by signal %d (%s)."), w->f->signal, at.text);
        break;
    case REASON_TIME_LIMIT:
        why_say(w, tr(w->lang, "It reached its time limit of %s and was stopped (%s)."),
            why_length(w, w->f->limit_us).text, at.text);
        break;
    case REASON_OOM:
        why_say(w, tr(w->lang, "It ran out of memory and was killed (%s)."), at.text);
        break;
    case REASON_CANCELLED:
        why_say(w, tr(w->lang, "It was cancelled (%s)."), at.text);
        break;
    case REASON_STOP_RULE:
        why_say(w, tr(w->lang, "The stop rule of its sweep gave it up for better points (%s)."), at.text);
        break;
    case REASON_LOST:
        why_say(w,
            tr(w->lang,
               "It was lost: its processes were found gone (%s) and nobody knows how it ended."),
            at.text);
        break;
    case REASON_LAUNCH_FAILED:
        if (w->f->launch_message.len > 0)
            why_say(w, tr(w->lang, "It could not be started: %.*s."), STR_ARG(w->f->launch_message));
        else
            why_say(w, tr(w->lang, "It could not be started (%s)."), at.text);
        why_say(w, tr(w->lang, "When that is mended, \"eoul requeue %s\" runs it again."), w->f->name_id);
        return; /* it never ran */
    case REASON_DEADLINE:
        why_say(w, tr(w->lang, "Its deadline passed before it could be done (%s)."), at.text);
        break;
    case REASON_DEPENDENCY_NEVER:
        why_say(w,
            tr(w->lang, "A job it depended on did not end as required, so it was cancelled (%s)."),
            at.text);
        break;
    default:
        why_say(w, tr(w->lang, "It ended well (%s)."), at.text);
        break;
    }
    if (w->f->start_at && w->f->end_at > w->f->start_at)
        why_say(w, tr(w->lang, "It ran for %s."), why_length(w, w->f->end_at - w->f->start_at).text);
    if (w->f->start_at) {
        say_start(w);
        say_expected(w);
    }
}
