/* retry.c - see retry.h. */
#include "core/retry.h"

#include <assert.h>

#define CODE_MAX  255u
#define SHELL_SIG 128u /* a shell ends with 128 + n when signal n ended its command */

static uint32_t cause_of(uint32_t rule) { return rule & 0xff; }
static uint32_t code_of(uint32_t rule) { return rule >> 8 & 0xff; }
static uint32_t left_of(uint32_t rule) { return rule >> 16; }

struct failure retry_failure(const struct ev_ended *ev)
{
    struct failure f = { .state = JOB_FAILED, .may_retry = !ev->quarantine };
    switch ((enum end_cause)ev->cause) {
    case END_OOM:
        f.state = JOB_OUT_OF_MEMORY;
        f.reason = REASON_OOM;
        f.end.cause = RETRY_OOM;
        break;
    case END_TIME_LIMIT:
        f.state = JOB_TIMEOUT;
        f.reason = REASON_TIME_LIMIT;
        f.end.cause = RETRY_TIME;
        break;
    case END_SIGNAL:
        f.reason = REASON_SIGNAL;
        f.end = (struct retry_end){ RETRY_SIGNAL, ev->signal };
        break;
    case END_LAUNCH:
        f.reason = REASON_LAUNCH_FAILED;
        f.end.cause = RETRY_LAUNCH;
        break;
    default:
        f.reason = REASON_EXIT_CODE;
        f.end = (struct retry_end){ RETRY_EXIT, (uint32_t)ev->code };
        break;
    }
    return f;
}

int retry_check(const struct ev_submit *ev, struct err *err)
{
    if (ev->retry_by_n > RETRY_RULES_MAX)
        return err_set(err, E_TOO_LARGE, "A job can have at most %u retry rules; this one has %u.",
                       RETRY_RULES_MAX, ev->retry_by_n);
    if (ev->retries > RETRY_MAX)
        return err_set(err, E_TOO_LARGE, "A job can have at most %u retries; this one asks for %u.", RETRY_MAX,
                       ev->retries);
    for (uint32_t i = 0; i < ev->retry_by_n; i++) {
        const struct retry *r = &ev->retry_by[i];
        bool coded = r->cause == RETRY_CODE || r->cause == RETRY_SIGNO;
        if (r->cause == RETRY_NONE || r->cause >= RETRY_CAUSE_COUNT || r->n > RETRY_MAX ||
            r->code > CODE_MAX || (r->code != 0) != coded)
            return err_set(err, E_INVALID, "A retry rule of this job makes no sense.");
    }
    return 0;
}

static void put(struct job *j, uint32_t i, uint32_t rule)
{
    uint32_t *const at[RETRY_RULES_MAX] = { &j->retry0, &j->retry1, &j->retry2, &j->retry3 };
    *at[i] = rule;
}

static uint32_t get(const struct job *j, uint32_t i)
{
    const uint32_t at[RETRY_RULES_MAX] = { j->retry0, j->retry1, j->retry2, j->retry3 };
    return at[i];
}

void retry_set(struct job *j, const struct retry *rules, uint32_t n)
{
    assert(n <= RETRY_RULES_MAX);
    for (uint32_t i = 0; i < n; i++)
        put(j, i, rules[i].cause | rules[i].code << 8 | rules[i].n << 16);
}

static bool fits_code(uint32_t rule, const struct retry_end *end)
{
    uint32_t code = code_of(rule);
    if (cause_of(rule) == RETRY_CODE)
        return end->cause == RETRY_EXIT && end->code == code;
    if (cause_of(rule) == RETRY_SIGNO)
        return end->cause == RETRY_SIGNAL ? end->code == code
                                          : end->cause == RETRY_EXIT && end->code == SHELL_SIG + code;
    return false;
}

/* Number of the rule that decides, or NONE: the common budget does. */
static uint32_t rule_for(const struct job *j, const struct retry_end *end)
{
    uint32_t found = NONE;
    for (uint32_t i = 0; i < RETRY_RULES_MAX; i++) {
        if (fits_code(get(j, i), end))
            return i;
        if (found == NONE && cause_of(get(j, i)) == end->cause)
            found = i;
    }
    return found;
}

bool retry_left(const struct job *j, const struct retry_end *end)
{
    uint32_t i = rule_for(j, end);
    if (i != NONE)
        return left_of(get(j, i)) > 0;
    return end->cause != RETRY_NODE && end->cause != RETRY_TIME && j->retries_left > 0;
}

void retry_spend(struct job *j, const struct retry_end *end)
{
    uint32_t i = rule_for(j, end);
    assert(retry_left(j, end));
    if (i == NONE)
        j->retries_left--;
    else
        put(j, i, get(j, i) - (1u << 16));
}

bool retry_sound(const struct job *j)
{
    for (uint32_t i = 0; i < RETRY_RULES_MAX; i++)
        if (get(j, i) && (cause_of(get(j, i)) == RETRY_NONE ||
                          cause_of(get(j, i)) >= RETRY_CAUSE_COUNT || left_of(get(j, i)) > RETRY_MAX))
            return false;
    return true;
}
