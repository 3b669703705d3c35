/* config_differ.c - which settings of two eoul.yaml differ, and which of them hold from a start on only. */
#include <string.h>

#include "daemon/config.h"

static bool text_differs(const char *a, const char *b) { return !a || !b ? a != b : strcmp(a, b) != 0; }

static bool limits_differ(const struct config_limits *a, const struct config_limits *b)
{
    return a->running != b->running || a->gpus != b->gpus || a->queued != b->queued || a->gpu_hours != b->gpu_hours ||
           a->days != b->days;
}

static bool gpus_differ(const struct config *a, const struct config *b)
{
    if (a->gpus_given != b->gpus_given || a->gpus_n != b->gpus_n || a->gpu_groups != b->gpu_groups)
        return true;
    for (uint32_t i = 0; i < a->gpu_groups; i++)
        if (text_differs(a->gpus[i].model, b->gpus[i].model) || a->gpus[i].count != b->gpus[i].count ||
            a->gpus[i].watts != b->gpus[i].watts)
            return true;
    return false;
}

static bool defaults_differ(const struct config *a, const struct config *b)
{
    return a->guess_us != b->guess_us || a->grace_us != b->grace_us || a->output_mib != b->output_mib ||
           a->output_rate_mib != b->output_rate_mib;
}

static bool retention_differs(const struct config *a, const struct config *b)
{
    return a->keep_journal_us != b->keep_journal_us || a->keep_logs_us != b->keep_logs_us ||
           a->keep_jobs_us != b->keep_jobs_us;
}

static bool person_differs(const struct config_person *a, const struct config_person *b)
{
    return text_differs(a->name, b->name) || text_differs(a->user, b->user) || text_differs(a->email, b->email) ||
           text_differs(a->zone, b->zone) || text_differs(a->hours, b->hours) || text_differs(a->work, b->work) ||
           text_differs(a->lang, b->lang) || text_differs(a->role, b->role) || limits_differ(&a->limits, &b->limits);
}

static bool people_differ(const struct config *a, const struct config *b)
{
    bool differ = a->people_n != b->people_n;
    for (uint32_t i = 0; i < a->people_n && !differ; i++)
        differ = person_differs(&a->people[i], &b->people[i]);
    return differ;
}

static bool account_differs(const struct config_account *a, const struct config_account *b)
{
    bool differs = text_differs(a->name, b->name) || a->members_count != b->members_count || a->gpus != b->gpus ||
                   a->gpu_hours != b->gpu_hours || a->days != b->days;
    for (uint32_t i = 0; i < a->members_count && !differs; i++)
        differs = text_differs(a->members[i], b->members[i]);
    return differs;
}

static bool accounts_differ(const struct config *a, const struct config *b)
{
    bool differ = a->accounts_n != b->accounts_n;
    for (uint32_t i = 0; i < a->accounts_n && !differ; i++)
        differ = account_differs(&a->accounts[i], &b->accounts[i]);
    return differ;
}

/* X(word, holds from a start on only, do a and b differ) */
#define SETTINGS(X) \
    X("gpus", true, gpus_differ(a, b)) \
    X("feeds", true, a->feeds_port != b->feeds_port) \
    X("address", true, text_differs(a->address, b->address)) \
    X("gpu_ids", false, a->gpu_ids != b->gpu_ids) \
    X("cpus", false, a->cpus != b->cpus) \
    X("memory", false, a->mem_mib != b->mem_mib) \
    X("half_life", false, a->half_life_us != b->half_life_us) \
    X("urgent", false, a->urgent_week != b->urgent_week) \
    X("policy", false, a->policy != b->policy) \
    X("mode", false, a->mode_given != b->mode_given || a->mode != b->mode) \
    X("tariff", false, text_differs(a->tariff, b->tariff)) \
    X("person_hour", false, a->person_hour != b->person_hour) \
    X("power_cap", false, text_differs(a->power_cap, b->power_cap)) \
    X("zone", false, text_differs(a->zone, b->zone)) \
    X("hours", false, text_differs(a->hours, b->hours)) \
    X("work", false, text_differs(a->work, b->work)) \
    X("hands_on", false, a->cap_us != b->cap_us) \
    X("buffer", false, a->buffer_us != b->buffer_us) \
    X("lang", false, a->lang_given != b->lang_given || a->lang != b->lang) \
    X("limits", false, limits_differ(&a->limits, &b->limits)) \
    X("defaults", false, defaults_differ(a, b)) \
    X("retention", false, retention_differs(a, b)) \
    X("people", false, people_differ(a, b)) \
    X("accounts", false, accounts_differ(a, b)) \
    X("others", false, a->others != b->others) \
    X("others_jobs", false, a->others_jobs != b->others_jobs)

static const struct { const char *word; bool at_start; } settings[] = {
#define X(word, at_start, differ) { word, at_start },
    SETTINGS(X)
#undef X
};
#define SETTINGS_N (sizeof settings / sizeof settings[0])
_Static_assert(SETTINGS_N <= 64, "a bit each");

const char *config_setting(uint32_t bit) { return bit < SETTINGS_N ? settings[bit].word : NULL; }

uint64_t config_differ(const struct config *a, const struct config *b)
{
    const bool differ[] = {
#define X(word, at_start, differ) differ,
        SETTINGS(X)
#undef X
    };
    uint64_t ret = 0;
    for (uint32_t i = 0; i < SETTINGS_N; i++)
        ret |= (uint64_t)differ[i] << i;
    return ret;
}

uint64_t config_at_start(void)
{
    uint64_t ret = 0;
    for (uint32_t i = 0; i < SETTINGS_N; i++)
        ret |= (uint64_t)settings[i].at_start << i;
    return ret;
}

void config_keep_start(struct config *next, const struct config *start)
{
    next->gpus_given = start->gpus_given;
    next->gpus_n = start->gpus_n;
    next->gpus = start->gpus;
    next->gpu_groups = start->gpu_groups;
    next->feeds_port = start->feeds_port;
    next->address = start->address;
}
