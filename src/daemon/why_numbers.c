/* why_numbers.c - the numbers that the sentences of why.c rest on; see why.h. */
#include "daemon/why.h"

static bool is_time(usec_t at)
{
    return at != 0 && at != USEC_NEVER;
}

static const char *source_word(enum forecast_source source)
{
    static const char *const words[] = { "own", "person", "team", "guess", "told", "progress", "limit" };
    return words[source];
}

static void put_time(struct json_out *j, const char *key, usec_t at)
{
    if (is_time(at))
        out_put_at(j, key, at);
}

/* What its owner's jobs count, and of what. */
static void weight_numbers(const struct core_weight *w, struct json_out *j)
{
    out_put_u64(j, "weight_milli", w->all_milli);
    out_put_u64(j, "weight_own_milli", w->own_milli);
    out_put_u64(j, "weight_fair_milli", w->fair_milli);
}

static void way_numbers(const struct explanation *x, const struct why_facts *f, struct json_out *j)
{
    if (x->made_way)
        out_put_u64(j, "made_way", x->made_way);
    if (f->gave.id) {
        out_put_c(j, "gave_way_to", f->gave.id);
        put_time(j, "gave_way_at", f->gave.at);
        out_put_i64(j, "gave_way_ran_us", f->gave.ran_us);
        out_put_i64(j, "kept_us", x->kept_us);
        out_put_i64(j, "restart_us", x->restart_us);
    }
    if (f->refused.id) {
        out_put_u64(j, "refused", f->refused.id);
        put_time(j, "refused_at", f->refused.at);
    }
    if (f->got.id) {
        out_put_c(j, "got_way_from", f->got.id);
        out_put_u64(j, "got_way_n", f->got.n);
    }
}

/* Of the start of what runs or has ended. */
static void start_numbers(const struct why_facts *f, struct json_out *j)
{
    const struct core_trade *t = &f->trade;
    out_put_at(j, "submit_at", f->submit_at);
    if (!f->has_trade)
        return;
    put_time(j, "ready_at", t->ready_at);
    if (f->start_at > f->submit_at)
        out_put_i64(j, "waited_us", f->start_at - f->submit_at);
    if (t->ready_at >= f->submit_at)
        out_put_i64(j, "waited_before_us", t->ready_at - f->submit_at);
    if (t->ready_at && f->start_at >= t->ready_at)
        out_put_i64(j, "waited_turn_us", f->start_at - t->ready_at);
    put_time(j, "moved_from_at", t->moved_from_at);
    put_time(j, "expected_end_p50_at", t->end_p50_at);
    if (t->would_at > f->start_at) {
        out_put_at(j, "would_at", t->would_at);
        put_time(j, "would_eyes_late_at", t->eyes_late_at);
        if (job_state_is_final(f->state) && f->end_at > f->start_at)
            out_put_at(j, "would_end_at", usec_add(t->would_at, f->end_at - f->start_at));
    }
    put_time(j, "expected_end_p90_at", t->end_p90_at);
    put_time(j, "expected_eyes_at", t->eyes_at);
    out_put_u64(j, "expected_of_n", t->history_n);
    out_put_u64(j, "passed", t->passed);
    if (f->currency && (t->cost_milli || t->moved_cost_milli)) {
        out_put_i64(j, "cost_milli", t->cost_milli);
        out_put_c(j, "currency", f->currency);
        if (t->moved_from_at) {
            out_put_i64(j, "moved_cost_milli", t->moved_cost_milli);
            out_put_i64(j, "saved_milli", t->moved_cost_milli - t->cost_milli);
        }
        if (t->would_at > f->start_at && t->would_cost_milli) {
            out_put_i64(j, "would_cost_milli", t->would_cost_milli);
            out_put_i64(j, "would_saved_milli", t->cost_milli - t->would_cost_milli);
        }
    }
}

static void waiting_numbers(const struct explanation *x, const struct why_facts *f,
                            struct json_out *j)
{
    out_put_u64(j, "position", x->position);
    out_put_u64(j, "before", x->position > 0 ? x->position - 1 : 0);
    out_put_u64(j, "passed_by", x->passed);
    if (x->blocker_tasks)
        out_put_u64(j, "blocker_tasks", x->blocker_tasks);
    out_put_at(j, "change_at", x->change_at);
    put_time(j, "aged_at", x->aged_at);
    put_time(j, "moved_from_at", x->moved_from_at);
    if (x->freed_gpus)
        out_put_u64(j, "freed_gpus", x->freed_gpus);
    put_time(j, "last_good_at", x->last_good_at);
    put_time(j, "deadline_at", x->deadline_at);
    put_time(j, "last_start_at", x->last_start_at);
    out_put_u64(j, "need_gpus", x->need_gpus);
    out_put_u64(j, "free_gpus", x->free_gpus);
    out_put_u64(j, "up_gpus", x->up_gpus);
    out_put_u64(j, "drained_gpus", x->drained_gpus);
    out_put_u64(j, "foreign_gpus", x->foreign_gpus);
    out_put_u64(j, "quarantined_gpus", x->quarantined_gpus);
    out_put_u64(j, "need_cpus", x->need_cpus);
    out_put_u64(j, "free_cpus", x->free_cpus);
    out_put_u64(j, "need_mem_mib", x->need_mem_mib);
    out_put_u64(j, "free_mem_mib", x->free_mem_mib);
    out_put_u64(j, "cpus", f->cpus);
    out_put_u64(j, "mem_mib", f->mem_mib);
    if (x->cap_w || x->need_w) { /* a cap may be nothing for some hours */
        out_put_u64(j, "need_w", x->need_w);
        out_put_u64(j, "used_w", x->used_w);
        out_put_u64(j, "cap_w", x->cap_w);
    }
    out_put_u64(j, "limit", x->limit);
    out_put_u64(j, "used", x->used);
    if (x->reason == REASON_QUOTA_HOURS)
        out_put_u64(j, "quota_days", x->quota_days);
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
    out_put_at(j, "start_late_at", x->start_p90_at);
    out_put_at(j, "start_p10_at", x->start_p10_at);
    out_put_at(j, "start_p50_at", x->start_p50_at);
    out_put_at(j, "start_p90_at", x->start_p90_at);
    out_put_u64(j, "odds_samples", x->samples);
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
    if (final || x->reason == REASON_BACKOFF) {
        out_put_i64(j, "exit_code", f->exit_code);
        out_put_i64(j, "signal", f->signal);
    }
    out_put_i64(j, "limit_us", f->limit_us);
    out_put_at(j, "start_at", waiting ? x->start_at : f->start_at);
    static const char *const until[WHY_BOOSTS_MAX] = { "boost_until_at", "boost_until_at_2", "boost_until_at_3" };
    for (uint32_t i = 0; i < f->boosts_n && i < WHY_BOOSTS_MAX; i++)
        out_put_at(j, until[i], f->boosts[i].until_at);
    if (f->blocker_id) {
        out_put_u64(j, "blocker", x->blocker);
        out_put_at(j, "blocker_end_at", f->blocker_end_at);
    }
    if (waiting)
        waiting_numbers(x, f, j);
    else
        start_numbers(f, j);
    if (waiting && f->weight)
        weight_numbers(f->weight, j);
    way_numbers(x, f, j);
    if (final) {
        out_put_at(j, "end_at", f->end_at);
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
        out_put_u64(j, "history_own_n", x->forecast.source_n);
        out_put_u64(j, "history_others_n",
                    x->forecast.history_n > x->forecast.source_n ? x->forecast.history_n - x->forecast.source_n : 0);
        out_put_c(j, "history_of", source_word(x->forecast.source));
        if (is_time(f->stalled_at))
            out_put_at(j, "stalled_at", f->stalled_at);
        if (!waiting && f->limit_us)
            out_put_at(j, "limit_at", usec_add(f->start_at, f->limit_us));
    }
    out_end(j);
}
