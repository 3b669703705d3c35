/* config_tell.c - `eoul config check`: the file is right, and this is what holds. */
#include "cal/format.h"
#include "daemon/config.h"
#include "i18n/text.h"

static void tell_length(struct buf *out, const char *key, usec_t length_us, enum lang lang)
{
    buf_printf(out, "  %-18s ", key);
    cal_format_length(out, lang == LANG_KO ? CAL_KOREAN : CAL_ENGLISH, length_us);
    buf_char(out, '\n');
}

static void tell_gpus(struct buf *out, const struct config *c, enum lang lang)
{
    if (!c->gpus_given) {
        buf_printf(out, "  %-18s %s\n", "gpus", tr(lang, "detected"));
        return;
    }
    buf_printf(out, "  %-18s %u\n", "gpus", c->gpus_n);
    for (uint32_t i = 0; i < c->gpu_groups; i++)
        buf_printf(out, "  %-18s %u x %s\n", "", c->gpus[i].count,
                   c->gpus[i].model ? c->gpus[i].model : "GPU");
}

static void tell_limit(struct buf *out, const char *key, uint32_t limit, enum lang lang)
{
    if (limit)
        buf_printf(out, "  %-18s %u\n", key, limit);
    else
        buf_printf(out, "  %-18s %s\n", key, tr(lang, "no limit"));
}

/* "vision  4 GPUs, 500 GPU-hours in 30 days: kim lee" */
static void tell_accounts(struct buf *out, const struct config *c, enum lang lang)
{
    for (uint32_t i = 0; i < c->accounts_n; i++) {
        const struct config_account *a = &c->accounts[i];
        buf_printf(out, "  %-18s %s ", i == 0 ? "accounts" : "", a->name);
        if (a->gpus)
            buf_printf(out, " gpus %u", a->gpus);
        if (a->gpu_hours)
            buf_printf(out, " gpu_hours %u days %u", a->gpu_hours, a->days ? a->days : CONFIG_QUOTA_DAYS);
        if (!a->gpus && !a->gpu_hours)
            buf_printf(out, " %s", tr(lang, "no limit"));
        for (uint32_t m = 0; m < a->members_count; m++)
            buf_printf(out, "%s%s", m ? ", " : "  ", a->members[m]);
        buf_char(out, '\n');
    }
}

static void tell_people(struct buf *out, const struct config *c)
{
    for (uint32_t i = 0; i < c->people_n; i++) {
        const struct config_person *p = &c->people[i];
        buf_printf(out, "  %-18s %s  %s%s%s%s%s\n", i == 0 ? "people" : "", p->name,
                   p->hours ? p->hours : c->hours, p->zone ? "  " : "", p->zone ? p->zone : "",
                   p->role ? "  " : "", p->role ? p->role : "");
    }
    if (c->others != ROLE_USER)
        buf_printf(out, "  %-18s %s\n", "others", config_role_word(c->others));
    buf_printf(out, "  %-18s %s\n", "others_jobs", config_shown_word(c->others_jobs));
}

void config_tell(const struct config *c, const char *path, enum lang lang, struct buf *out)
{
    buf_printf(out, tr(lang, "%s is right. This is what holds:\n"), path);
    tell_gpus(out, c, lang);
    if (c->cpus)
        buf_printf(out, "  %-18s %u\n", "cpus", c->cpus);
    else
        buf_printf(out, "  %-18s %s\n", "cpus", tr(lang, "detected"));
    if (c->feeds_port)
        buf_printf(out, "  %-18s 127.0.0.1:%u\n", "feeds", c->feeds_port);
    if (c->address)
        buf_printf(out, "  %-18s %s\n", "address", c->address);
    buf_printf(out, "  %-18s ", "memory");
    if (c->mem_mib)
        text_mib(out, c->mem_mib);
    else
        buf_c(out, tr(lang, "detected"));
    buf_printf(out, "\n  %-18s %s\n", "policy", policy_word(c->policy));
    if (c->policy == POLICY_BLEND)
        buf_printf(out, "  %-18s %s\n", "mode", c->mode_given ? mode_word(c->mode) : CONFIG_WEEKLY);
    tell_length(out, "half_life", c->half_life_us, lang);
    buf_printf(out, "  %-18s %u\n", "urgent", c->urgent_week);
    buf_printf(out, "  %-18s %s\n", "tariff", c->tariff ? c->tariff : tr(lang, "none"));
    if (c->tariff)
        buf_printf(out, "  %-18s %u\n", "person_hour", c->person_hour);
    buf_printf(out, "  %-18s %s\n", "power_cap", c->power_cap ? c->power_cap : tr(lang, "no limit"));
    buf_printf(out, "  %-18s %s\n", "hours", c->hours);
    buf_printf(out, "  %-18s %s\n", "work", c->work);
    tell_length(out, "hands_on", c->cap_us, lang);
    tell_length(out, "buffer", c->buffer_us, lang);
    buf_printf(out, "  %-18s %s\n", "zone", c->zone ? c->zone : tr(lang, "the system's"));
    tell_limit(out, "limits.running", c->limits.running, lang);
    tell_limit(out, "limits.gpus", c->limits.gpus, lang);
    tell_limit(out, "limits.queued", c->limits.queued, lang);
    tell_limit(out, "limits.gpu_hours", c->limits.gpu_hours, lang);
    if (c->limits.gpu_hours)
        buf_printf(out, "  %-18s %u\n", "limits.days", c->limits.days ? c->limits.days : CONFIG_QUOTA_DAYS);
    tell_length(out, "defaults.time", c->guess_us, lang);
    tell_length(out, "defaults.grace", c->grace_us, lang);
    buf_printf(out, "  %-18s ", "defaults.output");
    text_mib(out, c->output_mib);
    buf_printf(out, "\n  %-18s ", "defaults.output_rate");
    text_mib(out, c->output_rate_mib);
    buf_char(out, '\n');
    tell_length(out, "retention.journal", c->keep_journal_us, lang);
    tell_length(out, "retention.logs", c->keep_logs_us, lang);
    tell_length(out, "retention.jobs", c->keep_jobs_us, lang);
    tell_people(out, c);
    tell_accounts(out, c, lang);
}
