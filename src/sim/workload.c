/* workload.c - see workload.h. */
#include "sim/workload.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cal/zone_load.h"
#include "sim/capped.h"
#include "sim/office.h"

static int zone_by_name(struct workload *w, const char *name, struct err *err)
{
    int r = zone_load(str_of(name), &w->zone, NULL, err);
    if (r == 0)
        snprintf(w->zone_name, sizeof(w->zone_name), "%s", name);
    return r;
}

/* Asked for, or what is known of the format, or this machine's. */
static int find_zone(struct workload *w, const struct compare_options *o, struct err *err)
{
    char name[ZONE_NAME_MAX] = "";
    if (o->zone)
        return zone_by_name(w, o->zone, err);
    if (w->format == TRACE_PHILLY)
        return zone_by_name(w, "America/Los_Angeles", err);
    int r = zone_load_system(&w->zone, name, err);
    snprintf(w->zone_name, sizeof(w->zone_name), "%s", name[0] ? name : "UTC");
    return r;
}

/* Long enough for a queue that does not keep up: twice the work on all GPUs, and two months. */
static usec_t horizon(const struct trace *t, uint32_t gpus)
{
    double area = 0;
    usec_t last_at = t->jobs[t->jobs_n - 1].submit_at;
    for (size_t i = 0; i < t->jobs_n; i++)
        area += (double)t->jobs[i].run_us * t->jobs[i].gpus;
    double us = 2 * area / gpus;
    usec_t most = 10 * 366 * USEC_PER_DAY;
    return last_at + (us > (double)most ? most : (usec_t)us) + 60 * USEC_PER_DAY;
}

static int not_told(const struct compare_options *o, struct err *err)
{
    return err_set(err, E_INVALID, "Only a journal says when people were told to be there, and \"%s\" is none. Say --calendars "
                   "office, infer, always or a folder.", o->trace);
}

static int read_trace(struct workload *w, const struct compare_options *o, struct err *err)
{
    struct trace_options t = { .team = str_of(o->team), .zone = &w->zone,
                               .told = strcmp(o->calendars, "told") == 0 };
    struct buf text;
    buf_init(&text, TRACE_BYTES_MAX);
    int r = trace_slurp(o->trace, &text, err);
    w->format = t.format = o->format_given ? o->format : trace_guess(buf_look(&text));
    if (r == 0)
        r = find_zone(w, o, err);
    if (r == 0)
        r = t.told && t.format != TRACE_JOURNAL ? not_told(o, err)
                                                : trace_read(buf_look(&text), o->trace, &t, &w->trace, err);
    buf_finish(&text);
    if (r == 0 && !o->zone && w->trace.zone_name[0])
        (void)zone_by_name(w, w->trace.zone_name, NULL);
    return r;
}

static int calendars(struct workload *w, const struct compare_options *o, uint32_t least, struct err *err)
{
    struct presence_options p = { .dir = o->calendars, .zone = &w->zone, .sessions = o->sessions,
                                  .until_at = horizon(&w->trace, least) };
    p.kind = strcmp(o->calendars, "office") == 0 ? PRESENCE_OFFICE
           : strcmp(o->calendars, "infer") == 0 ? PRESENCE_INFER
           : strcmp(o->calendars, "told") == 0 ? PRESENCE_TOLD
           : strcmp(o->calendars, "always") == 0 ? PRESENCE_ALWAYS : PRESENCE_DIR;
    return presence_make(&w->trace, &p, &w->presence, err);
}

/* The sample team has its own zone and, unless other calendars are asked for, its own hours. */
static int sample(struct workload *w, const struct compare_options *o, struct err *err)
{
    const struct office_options sample = { .family = OFFICE_16, .weeks = WORKLOAD_SAMPLE_WEEKS,
                                           .load = WORKLOAD_SAMPLE_LOAD, .seed = o->seed };
    struct office office;
    if (strcmp(o->calendars, "told") == 0)
        return not_told(o, err);
    if (o->team)
        return err_set(err, E_INVALID, "The sample is one team; leave --team out.");
    office_make(&sample, &office);
    w->trace = office.trace;
    w->presence = office.presence;
    w->trace.gpus_hint = office.gpus;
    if (o->zone)
        return zone_by_name(w, o->zone, err);
    w->zone = office.zone;
    snprintf(w->zone_name, sizeof(w->zone_name), "Asia/Seoul");
    return 0;
}

static int load(struct workload *w, const struct compare_options *o, uint32_t gpus, uint32_t fit, struct err *err)
{
    int r = compare_billing(o->tariff, &w->billing, err);
    bool made_up = workload_is_sample(o);
    if (r == 0)
        r = made_up ? sample(w, o, err) : read_trace(w, o, err);
    if (r < 0)
        return r;
    w->gpus = gpus ? gpus : o->gpus ? o->gpus : w->trace.gpus_hint;
    if (w->gpus == 0)
        return err_set(err, E_INVALID, "How many GPUs are there? The trace does not say; add for example "
                       "--gpus 16.");
    fit = fit && fit < w->gpus ? fit : w->gpus;
    trace_fit(&w->trace, fit);
    if (w->trace.jobs_n == 0)
        return err_set(err, E_TOO_LARGE, "Every job of \"%s\" is wider than %u GPUs.", o->trace, fit);
    if (o->power_cap)
        capped_fit(&w->trace, &o->cap, o->watts);
    if (w->trace.jobs_n == 0)
        return err_set(err, E_TOO_LARGE, "Every job of \"%s\" takes more than the power cap.", o->trace);
    trace_fold_users(&w->trace, DRIVE_PERSONS_MAX);
    if (w->billing)
        billing_check_holidays(w->billing, &w->zone, w->trace.jobs[w->trace.jobs_n - 1].submit_at / USEC_PER_SEC,
                               err->translate);
    compare_shake(&w->trace, o->shake, o->seed);
    compare_mark(&w->trace, o);
    if (made_up && strcmp(o->calendars, "office") == 0) {
        if (o->sessions)
            presence_add_sessions(&w->trace, &w->presence);
        return 0;
    }
    presence_finish(&w->presence);
    return calendars(w, o, fit, err);
}

bool workload_is_sample(const struct compare_options *o)
{
    return strcmp(o->trace, WORKLOAD_SAMPLE) == 0;
}

int workload_load(const struct compare_options *o, uint32_t gpus, uint32_t fit, struct workload *ret, struct err *err)
{
    memset(ret, 0, sizeof(*ret));
    int r = load(ret, o, gpus, fit, err);
    if (r < 0)
        workload_finish(ret);
    return r;
}

void workload_finish(struct workload *w)
{
    billing_destroy(w->billing);
    presence_finish(&w->presence);
    trace_finish(&w->trace);
    memset(w, 0, sizeof(*w));
}

void workload_tell_faults(const struct workload *w, enum lang lang)
{
    const struct trace *t = &w->trace;
    if (w->billing && w->billing->trouble[0])
        fprintf(stderr, "%s\n", w->billing->trouble);
    if (w->presence.never)
        fprintf(stderr, trn(lang, "%u person (\"%s\") has no hour in which to look at a result; theirs count as seen when they end.\n",
                            "%u people (\"%s\" is one) have no hour in which to look at a result; theirs count as seen when they "
                            "end.\n", w->presence.never), w->presence.never, t->users[w->presence.never_first].name);
    if (t->faults_n == 0)
        return;
    fprintf(stderr, trn(lang, "%" PRIu64 " row of %" PRIu64 " cannot be used and is left out:\n",
                        "%" PRIu64 " rows of %" PRIu64 " cannot be used and are left out; the first of them:\n",
                        t->faults_n), t->faults_n, t->rows);
    for (uint32_t i = 0; i < t->faults_shown; i++)
        fprintf(stderr, "  %s\n", t->faults[i]);
}

usec_t workload_weeks_until(const struct workload *w)
{
    const struct trace *t = &w->trace;
    usec_t from_at = t->jobs[0].submit_at, week = 7 * USEC_PER_DAY;
    usec_t weeks = (t->jobs[t->jobs_n - 1].submit_at - from_at + week - 1) / week;
    return from_at + usec_max(weeks, 1) * week;
}
