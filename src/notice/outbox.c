/* outbox.c - see outbox.h. */
#include "notice/outbox.h"

#include <inttypes.h>
#include <stdio.h>

bool notice_of_job(const struct core_update *u, enum notice_kind *ret)
{
    if (u->to == JOB_COMPLETED)
        *ret = NOTICE_DONE;
    else if (u->to == JOB_PENDING && (u->reason == REASON_HELD_FAILURES || u->reason == REASON_HELD_CANARY))
        *ret = NOTICE_HELD;
    else if (job_state_is_final((enum job_state)u->to) && u->to != JOB_CANCELLED)
        *ret = NOTICE_FAILED;
    else
        return false; /* what somebody cancels is no news to them */
    return true;
}

bool notice_is_listed(struct str list, enum notice_kind kind)
{
    struct str one;
    while (list.len && str_next(&list, ',', &one))
        if (str_is(one, notice_kind_word(kind)))
            return true;
    return false;
}

void notice_dedupe(enum notice_kind kind, uint32_t of, uint64_t sending, char ret[NOTICE_DEDUPE_MAX])
{
    if (sending)
        snprintf(ret, NOTICE_DEDUPE_MAX, "%s/%" PRIu32 "/%" PRIu64, notice_kind_word(kind), of, sending);
    else
        snprintf(ret, NOTICE_DEDUPE_MAX, "%s/%" PRIu32, notice_kind_word(kind), of);
}

/* The brief that is due on this channel; *next_at is drawn near to when to look again. */
static enum brief_kind brief_now(const struct notice_view *v, usec_t now_at, usec_t *next_at)
{
    usec_t at;
    if (!v->brief.morning && !v->brief.evening)
        return BRIEF_NONE;
    enum brief_kind kind = brief_due(&v->brief, v->looked, v->looked_n, now_at, &at);
    usec_t hold_at = notice_hold_at(v->wait.not_before_at, now_at);
    *next_at = usec_min(*next_at, kind && hold_at ? hold_at : at);
    return hold_at ? BRIEF_NONE : kind;
}

bool notice_pick(const struct notice_picking *p, struct notice_pick *ret, usec_t *ret_next_at)
{
    usec_t next_at = p->now_at + NOTICE_LOOK_US_MAX;
    bool waits = false;
    for (uint32_t k = 0; k < p->n; k++) {
        struct notice_view v = { 0 };
        uint32_t i = (uint32_t)(((uint64_t)p->first + k) % p->n);
        p->view(p->data, i, &v);
        *ret = (struct notice_pick){ .channel = i, .brief = brief_now(&v, p->now_at, &next_at) };
        if (ret->brief)
            return true;
        waits |= v.brief.morning || v.brief.evening || v.wait.pages || v.wait.others;
        if (!v.wait.pages && !v.wait.others)
            continue;
        usec_t at = notice_due_at(&v.wait, v.looked, v.looked_n, p->now_at, &ret->only_pages);
        if (at <= p->now_at)
            return true;
        next_at = usec_min(next_at, usec_max(at, p->now_at + USEC_PER_SEC));
    }
    *ret_next_at = waits ? next_at : USEC_NEVER;
    return false;
}
