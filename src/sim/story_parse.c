/* story_parse.c - lines of a story, word by word. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "cal/civil.h"
#include "cal/when.h"
#include "cal/zone_load.h"
#include "sim/shell.h"
#include "sim/story.h"

struct parse {
    struct story *story;
    struct err *err;
    uint32_t line;
    usec_t action_at, expect_at; /* of the line of its kind before */
};

#define REFUSE(p, ...) err_set((p)->err, E_INVALID, __VA_ARGS__)

/* --- words ---------------------------------------------------------------------------------------- */

static struct str word(struct str *rest)
{
    *rest = str_trim(*rest);
    size_t n = 0;
    while (n < rest->len && rest->ptr[n] != ' ' && rest->ptr[n] != '\t')
        n++;
    struct str w = str_slice(*rest, 0, n);
    *rest = str_trim(str_slice(*rest, n, rest->len));
    return w;
}

static bool take(struct str *rest, const char *expected)
{
    struct str copy = *rest;
    if (!str_is_nocase(word(&copy), expected))
        return false;
    *rest = copy;
    return true;
}

static bool take_u32(struct str *rest, uint32_t max, uint32_t *ret)
{
    struct str copy = *rest;
    uint64_t value;
    if (str_u64(word(&copy), &value) < 0 || value > max)
        return false;
    *rest = copy;
    *ret = (uint32_t)value;
    return true;
}

static bool take_length(struct str text, usec_t *ret_us)
{
    return text.len > 0 && when_parse_length(text, ret_us, NULL) == 0;
}

static int weekday_of(struct str w)
{
    static const char days[7][4] = { "mon", "tue", "wed", "thu", "fri", "sat", "sun" };
    for (int d = 0; d < 7; d++) {
        if (str_is_nocase(w, days[d]))
            return d;
    }
    return -1;
}

static bool clock_of(struct str w, int64_t *ret_s, usec_t *ret_grain)
{
    struct str piece;
    uint64_t part[3] = { 0 }, most[3] = { 24, 59, 59 };
    int n = 0;
    while (n < 3 && str_next(&w, ':', &piece)) {
        if (piece.len != 2 || str_u64(piece, &part[n]) < 0 || part[n] > most[n])
            return false;
        n++;
    }
    if (n < 2 || w.len)
        return false;
    *ret_s = (int64_t)(part[0] * 3600 + part[1] * 60 + part[2]);
    *ret_grain = n == 3 ? USEC_PER_SEC : USEC_PER_MIN;
    return true;
}

/* "[tue] 09:30[:15]" off the front.  *at is the time of the line before and becomes this one's; with
 * `free` times may go backwards. */
static int take_time(struct parse *p, struct str *rest, usec_t *at, bool free, usec_t *ret_grain)
{
    struct story *s = p->story;
    struct str copy = *rest;
    int64_t clock_s, day;
    const struct zone *zone = &s->people[0].zone;
    int weekday = weekday_of(word(&copy));
    if (weekday < 0)
        copy = *rest;
    if (!s->people_n)
        return REFUSE(p, "Line %u comes before any \"team\" line; times need the zone of a person.",
                      p->line);
    struct str w = word(&copy);
    if (!clock_of(w, &clock_s, ret_grain))
        return REFUSE(p, "Line %u: \"%.*s\" is not a time; write for example 09:30 or tue 09:30.",
                      p->line, STR_ARG(w));
    day = s->first_day;
    if (*at)
        day = civil_day_of(zone_to_local_s(zone, *at / USEC_PER_SEC));
    if (weekday >= 0) {
        while (civil_weekday(day) != (enum weekday)weekday)
            day++;
    }
    int64_t utc_s = zone_edge_utc_s(zone, day * CIVIL_DAY_S + clock_s);
    if (!free && utc_s * USEC_PER_SEC < *at)
        return REFUSE(p, "Line %u goes back in time; name the day, for example \"tue %.*s\".", p->line,
                      STR_ARG(w));
    *at = utc_s * USEC_PER_SEC;
    *rest = copy;
    s->last_at = usec_max(s->last_at, *at);
    return 0;
}

static person_no person_of(const struct story *s, struct str name)
{
    for (uint32_t i = 0; i < s->people_n; i++) {
        if (str_is(name, s->people[i].name))
            return (person_no)(i + 1);
    }
    return 0;
}

static int take_person(struct parse *p, struct str *rest, person_no *ret)
{
    struct str name = word(rest);
    *ret = person_of(p->story, name);
    if (!*ret)
        return REFUSE(p, "Line %u names \"%.*s\", who is not in the team.", p->line, STR_ARG(name));
    return 0;
}

/* "A" or "A_3". */
static int take_target(struct parse *p, struct str *rest, struct story_target *ret)
{
    struct str name = word(rest), whole = name;
    ptrdiff_t at = str_find(name, '_');
    uint64_t index = 0;
    *ret = (struct story_target){ 0 };
    if (at > 0) {
        if (str_u64(str_slice(name, (size_t)at + 1, name.len), &index) < 0)
            return REFUSE(p, "Line %u: \"%.*s\" is not a job; a task is written like A_3.", p->line,
                          STR_ARG(name));
        whole = str_slice(name, 0, (size_t)at);
        ret->task = true;
        ret->index = (uint32_t)index;
    }
    for (uint32_t i = 0; i < p->story->jobs_n; i++) {
        const struct story_job *j = &p->story->jobs[i];
        if (!str_is(whole, j->name))
            continue;
        if (ret->task && (!j->tasks.step || index < j->tasks.from || index > j->tasks.until))
            break;
        ret->job = i;
        return 0;
    }
    return REFUSE(p, "Line %u names the job \"%.*s\", which no line before it submits.", p->line,
                  STR_ARG(name));
}

static bool copy_name(char ret[STORY_NAME_MAX], struct str name)
{
    if (name.len == 0 || name.len >= STORY_NAME_MAX || str_find(name, '_') >= 0)
        return false;
    memcpy(ret, name.ptr, name.len);
    ret[name.len] = 0;
    return true;
}

/* --- team ----------------------------------------------------------------------------------------- */

/* The piece up to two blanks or a tab. */
static struct str clause(struct str *rest)
{
    size_t n = 0;
    *rest = str_trim(*rest);
    while (n < rest->len && rest->ptr[n] != '\t'
           && !(rest->ptr[n] == ' ' && n + 1 < rest->len && rest->ptr[n + 1] == ' '))
        n++;
    struct str c = str_trim(str_slice(*rest, 0, n));
    *rest = str_trim(str_slice(*rest, n, rest->len));
    return c;
}

static int team_person(struct parse *p, struct str c)
{
    struct story *s = p->story;
    struct story_person *who = &s->people[s->people_n];
    struct str name = word(&c), zone = word(&c);
    char iana[ZONE_NAME_MAX];
    struct err inner = { 0 };
    if (s->people_n == STORY_PEOPLE_MAX)
        return REFUSE(p, "Line %u: a story has at most %d people.", p->line, STORY_PEOPLE_MAX);
    if (c.len || !zone.len || !copy_name(who->name, name) || person_of(s, name))
        return REFUSE(p, "Line %u: a person is a new NAME and a ZONE, for example \"mina Asia/Seoul\", "
                      "with two blanks after it.", p->line);
    if (zone_load(zone, &who->zone, iana, &inner) < 0)
        return REFUSE(p, "Line %u: there is no time zone \"%.*s\".", p->line, STR_ARG(zone));
    snprintf(who->hours, sizeof(who->hours), "Mon-Fri 09:00-18:00");
    s->people_n++;
    return 0;
}

static int team_hours(struct parse *p, struct str text, char ret[128])
{
    struct hours hours;
    struct err inner = { 0 };
    char all[128];
    bool bare = text.len && text.ptr[0] >= '0' && text.ptr[0] <= '9';
    snprintf(all, sizeof(all), "%s%.*s", bare ? "Mon-Fri " : "", STR_ARG(text));
    if (hours_parse(str_of(all), &hours, &inner) < 0)
        return REFUSE(p, "Line %u: \"%.*s\" are not hours; write for example Mon-Fri 09:00-18:00.",
                      p->line, STR_ARG(text));
    memcpy(ret, all, 128);
    return 0;
}

static int parse_team(struct parse *p, struct str rest)
{
    struct story *s = p->story;
    while (rest.len) {
        struct str c = clause(&rest);
        uint32_t gib;
        int r = 0;
        if (take(&c, "work") && s->people_n) {
            r = team_hours(p, c, s->people[s->people_n - 1].hours);
        } else if (take(&c, "gpus")) {
            if (!take_u32(&c, CORE_GPUS_MAX, &s->gpus) || c.len)
                r = REFUSE(p, "Line %u: \"gpus\" takes a number from 0 to %d.", p->line, CORE_GPUS_MAX);
        } else if (take(&c, "cpus")) {
            if (!take_u32(&c, 4096, &s->cpus) || c.len)
                r = REFUSE(p, "Line %u: \"cpus\" takes a number from 0 to %d.", p->line, 4096);
        } else if (take(&c, "memory")) {
            if (!take_u32(&c, 65536, &gib) || !take(&c, "GB") || c.len)
                r = REFUSE(p, "Line %u: write the memory like \"memory 64 GB\".", p->line);
            else
                s->mem_mib = (uint64_t)gib * 1024;
        } else {
            r = team_person(p, c);
        }
        if (r < 0)
            return r;
    }
    return 0;
}

static int parse_limit(struct parse *p, struct str rest)
{
    person_no who;
    uint32_t n = 0;
    int r = take_person(p, &rest, &who);
    if (r < 0)
        return r;
    struct story_person *person = &p->story->people[who - 1];
    struct str what = word(&rest);
    if (!take_u32(&rest, 100000, &n) || rest.len)
        what = (struct str){ 0 };
    if (str_is(what, "running"))
        person->running_max = n;
    else if (str_is(what, "gpus"))
        person->gpus_max = n;
    else if (str_is(what, "queued"))
        person->queued_max = n;
    else
        return REFUSE(p, "Line %u: a limit is written \"limit NAME running 2\", or gpus, or queued.",
                      p->line);
    return 0;
}

static uint64_t command_key(struct str name)
{
    return hash_bytes(1, name.ptr, name.len) | 1;
}

/* past mina train, 6h, 5 times[, 2 gpus] */
static int parse_past(struct parse *p, struct str rest)
{
    struct story *s = p->story;
    struct str piece;
    person_no who;
    uint32_t n;
    int r = take_person(p, &rest, &who);
    if (r < 0)
        return r;
    if (s->past_n == sizeof(s->past) / sizeof(*s->past))
        return REFUSE(p, "Line %u: a story has at most %d \"past\" lines.", p->line, 16);
    s->past[s->past_n].owner = who;
    s->past[s->past_n].gpus = 1;
    s->past[s->past_n].times = 1;
    for (int i = 0; str_next(&rest, ',', &piece); i++) {
        struct str c = str_trim(piece), copy = c;
        if (i == 0)
            s->past[s->past_n].command_key = command_key(c);
        else if (take_u32(&copy, 30, &n) && take(&copy, "times"))
            s->past[s->past_n].times = n;
        else if (copy = c, take_u32(&copy, CORE_GPUS_MAX, &n) && (take(&copy, "gpus") || take(&copy, "gpu")))
            s->past[s->past_n].gpus = n;
        else if (!take_length(c, &s->past[s->past_n].run_us))
            r = E_INVALID;
    }
    if (r < 0 || !s->past[s->past_n].run_us || !s->past[s->past_n].command_key)
        return REFUSE(p, "Line %u: write the past like \"past mina train, 6h, 5 times\".", p->line);
    s->past_n++;
    return 0;
}

/* --- submits -------------------------------------------------------------------------------------- */

static int option_after(struct parse *p, struct story_job *j, uint32_t kind, struct str c)
{
    struct story_target t;
    int r = take_target(p, &c, &t);
    if (r < 0)
        return r;
    if (j->deps_n == STORY_OPTS_DEPS || c.len)
        return REFUSE(p, "Line %u: a job of a story waits for at most %d others, each written like "
                      "\"afterok A\".", p->line, STORY_OPTS_DEPS);
    j->deps[j->deps_n].kind = kind;
    j->deps[j->deps_n].job = t.job;
    j->deps[j->deps_n].whole = !t.task && p->story->jobs[t.job].tasks.step;
    j->deps[j->deps_n].index = t.task ? t.index - p->story->jobs[t.job].tasks.from : 0;
    j->deps_n++;
    return 0;
}

static bool option_array(struct story_job *j, struct str c)
{
    struct str from, until, most = { 0 };
    uint64_t a, b, m = 0;
    if (!str_next(&c, '-', &from) || !str_next(&c, '%', &until))
        return false;
    most = c;
    if (str_u64(from, &a) < 0 || str_u64(until, &b) < 0 || (most.len && str_u64(most, &m) < 0)
        || a > b || b - a >= 200 || b > 100000 || m > 1000)
        return false;
    j->tasks = (struct range){ (uint32_t)a, (uint32_t)b, 1 };
    j->array_max = (uint32_t)m;
    return true;
}

static bool option_number(struct story_job *j, struct str c)
{
    uint32_t n;
    if (!take_u32(&c, 1u << 20, &n))
        return false;
    if (take(&c, "gpu") || take(&c, "gpus"))
        j->gpus = n;
    else if (take(&c, "cpu") || take(&c, "cpus"))
        j->cpus = n;
    else if (take(&c, "GB"))
        j->mem_mib = (uint64_t)n * 1024;
    else
        return false;
    return c.len == 0;
}

static bool option_trouble(struct story_job *j, struct str c)
{
    if (take(&c, "fails")) {
        j->fails_n = 1;
        if (c.len && (!take_u32(&c, 100, &j->fails_n) || !take(&c, "times")))
            return false;
    } else if (take(&c, "loses")) {
        j->dies_n = 1;
        return take(&c, "its") && take(&c, "supervisor") && !c.len;
    } else if (take(&c, "never")) {
        j->no_launch_n = 100;
        return take(&c, "launches") && !c.len;
    } else {
        return false;
    }
    return c.len == 0;
}

static bool option_flag(struct story_job *j, struct str c)
{
    static const struct { const char *word; uint32_t flag; } flags[] = {
        { "held", JOB_HELD }, { "requeue", JOB_REQUEUE }, { "singleton", JOB_SINGLETON },
        { "first", JOB_FIRST }, { "now", JOB_NOW }, { "urgent", JOB_URGENT },
    };
    for (size_t i = 0; i < sizeof(flags) / sizeof(*flags); i++) {
        if (str_is(c, flags[i].word)) {
            j->flags |= flags[i].flag;
            return true;
        }
    }
    return false;
}

/* A project's number: in the order in which lines name them. */
static bool take_account(struct parse *p, struct str name, uint32_t *ret)
{
    struct story *s = p->story;
    for (*ret = 1; *ret <= s->accounts_n; ++*ret)
        if (str_is(name, s->accounts[*ret - 1]))
            return true;
    return s->accounts_n < STORY_ACCOUNTS_MAX && copy_name(s->accounts[s->accounts_n], name) && ++s->accounts_n;
}

static int submit_option(struct parse *p, struct story_job *j, struct str c)
{
    static const char *const kinds[] = { "after", "afterok", "afternotok", "afterany" };
    struct str all = c;
    usec_t at = p->action_at, grain;
    int64_t nice;
    for (uint32_t k = 0; k < DEP_KIND_COUNT; k++) {
        if (take(&c, kinds[k]))
            return option_after(p, j, k, c);
    }
    if (take(&c, "reviewer"))
        return take_person(p, &c, &j->reviewer);
    if (take(&c, "begin") || take(&c, "deadline")) {
        int r = take_time(p, &c, &at, false, &grain);
        if (r == 0)
            *(take(&all, "begin") ? &j->begin_at : &j->deadline_at) = at;
        return r;
    }
    bool ok = option_number(j, c) || option_flag(j, c) || option_trouble(j, c);
    if (!ok && take(&c, "limit"))
        ok = take_length(c, &j->limit_us);
    else if (!ok && take(&c, "account"))
        ok = take_account(p, c, &j->account);
    else if (!ok && take(&c, "backoff"))
        ok = take_length(c, &j->backoff_us);
    else if (!ok && take(&c, "retries"))
        ok = take_u32(&c, 100, &j->retries) && !c.len;
    else if (!ok && take(&c, "array"))
        ok = option_array(j, c);
    else if (!ok && take(&c, "command"))
        ok = c.len && (j->command_key = command_key(c));
    else if (!ok && take(&c, "nice"))
        ok = str_i64(c, &nice) == 0 && nice >= -10000 && nice <= 10000 && ((j->nice = (int32_t)nice), true);
    else if (!ok)
        ok = take_length(c, &j->run_us);
    if (!ok)
        return REFUSE(p, "Line %u: \"%.*s\" is nothing a job of a story can have; write for example 6h, "
                      "2 gpus, limit 8h, array 1-4%%2, afterok A, held, fails 2 times.", p->line,
                      STR_ARG(all));
    return 0;
}

static int parse_submit(struct parse *p, struct str rest)
{
    struct story *s = p->story;
    struct str piece, name = word(&rest);
    struct story_job *j = &s->jobs[s->jobs_n];
    if (s->jobs_n == STORY_JOBS_MAX)
        return REFUSE(p, "Line %u: a story has at most %d jobs.", p->line, STORY_JOBS_MAX);
    *j = (struct story_job){ .gpus = 1, .cpus = 1 };
    if (!copy_name(j->name, name) || !take(&rest, "by"))
        return REFUSE(p, "Line %u: a submit is written \"submit A by mina, 6h\"; names have no \"_\".",
                      p->line);
    for (uint32_t i = 0; i < s->jobs_n; i++) {
        if (str_is(name, s->jobs[i].name))
            return REFUSE(p, "Line %u: there is a job \"%.*s\" already.", p->line, STR_ARG(name));
    }
    j->command_key = command_key(name);
    if (!str_next(&rest, ',', &piece))
        piece = (struct str){ 0 };
    piece = str_trim(piece);
    int r = take_person(p, &piece, &j->owner);
    while (r == 0 && str_next(&rest, ',', &piece))
        r = submit_option(p, j, str_trim(piece));
    if (r == 0 && !j->run_us)
        r = REFUSE(p, "Line %u does not say how long the job runs; add for example \", 6h\".", p->line);
    s->jobs_n += r == 0;
    return r;
}

/* --- other lines ---------------------------------------------------------------------------------- */

static int parse_set(struct parse *p, struct story_action *a, struct str rest)
{
    usec_t us, grain, at = p->action_at;
    uint32_t n;
    int r = take_target(p, &rest, &a->target);
    if (r < 0)
        return r;
    a->act = ACT_SET;
    if (take(&rest, "begin")) {
        a->field = SET_BEGIN_AT;
        r = take_time(p, &rest, &at, false, &grain);
        a->value = at;
        return r;
    }
    if (take(&rest, "limit") && take_length(rest, &us)) {
        a->field = SET_LIMIT_US;
        a->value = us;
        return 0;
    }
    struct str what = word(&rest);
    a->field = str_is(what, "gpus") ? SET_GPUS : str_is(what, "cpus") ? SET_CPUS
               : str_is(what, "running") ? SET_ARRAY_MAX : SET_FIELD_COUNT;
    if (a->field == SET_FIELD_COUNT || !take_u32(&rest, 100000, &n) || rest.len)
        return REFUSE(p, "Line %u: set takes limit 2h, begin 14:00, gpus 2, cpus 2 or running 3.",
                      p->line);
    a->value = n;
    return 0;
}

static int parse_drain(struct parse *p, struct story_action *a, struct str rest, bool drain)
{
    if (take(&rest, "queue") && !rest.len) {
        a->act = drain ? ACT_DRAIN_QUEUE : ACT_UNDRAIN_QUEUE;
        return 0;
    }
    a->act = drain ? ACT_DRAIN_GPU : ACT_UNDRAIN_GPU;
    if (!take(&rest, "gpu") || !take_u32(&rest, CORE_GPUS_MAX - 1, &a->gpu) || rest.len
        || a->gpu >= p->story->gpus)
        return REFUSE(p, "Line %u: write drain (or undrain) \"gpu 0\" or \"queue\".", p->line);
    return 0;
}

static int parse_gpu(struct parse *p, struct story_action *a, struct str rest)
{
    bool ok = take_u32(&rest, CORE_GPUS_MAX - 1, &a->gpu) && take(&rest, "is")
              && a->gpu < p->story->gpus;
    if (ok && take(&rest, "taken") && !rest.len)
        a->act = ACT_GPU_TAKEN;
    else if (ok && take(&rest, "free") && !rest.len)
        a->act = ACT_GPU_FREE;
    else
        return REFUSE(p, "Line %u: write \"gpu 0 is taken\" or \"gpu 0 is free\".", p->line);
    return 0;
}

static int parse_daemon(struct parse *p, struct story_action *a, struct str rest)
{
    static const struct { const char *words; enum story_act act; uint32_t crash; } ways[] = {
        { "dies", ACT_DAEMON_DIES, CRASH_NONE },
        { "dies before its commit", ACT_CRASH, CRASH_BEFORE_COMMIT },
        { "dies after its commit", ACT_CRASH, CRASH_AFTER_COMMIT },
        { "dies after its answer", ACT_CRASH, CRASH_AFTER_ANSWER },
        { "disk is full", ACT_DISK_FULL, CRASH_NONE },
    };
    for (size_t i = 0; i < sizeof(ways) / sizeof(*ways); i++) {
        if (str_is(rest, ways[i].words)) {
            a->act = ways[i].act;
            a->crash = ways[i].crash;
            return 0;
        }
    }
    return REFUSE(p, "Line %u: write \"daemon dies\", or \"dies before its commit\", \"dies after its "
                  "commit\", \"dies after its answer\", \"disk is full\".", p->line);
}

/* "account vision gpus 2, 6 GPU-hours in 7 days", from now on; "account vision free" */
static int parse_account(struct parse *p, struct story_action *a, struct str rest)
{
    struct str piece, c;
    bool ok = take_account(p, word(&rest), &a->account.account) && rest.len;
    a->act = ACT_ACCOUNT;
    while (ok && str_next(&rest, ',', &piece)) {
        c = str_trim(piece);
        if (take(&c, "gpus"))
            ok = take_u32(&c, CORE_GPUS_MAX, &a->account.gpus_max) && !c.len;
        else if (!str_is(c, "free"))
            ok = take_u32(&c, 1000000, &a->account.quota_hours) && take(&c, "GPU-hours") && take(&c, "in") &&
                 take_u32(&c, QUOTA_DAYS_MAX, &a->account.quota_days) && str_is(c, "days");
    }
    return ok ? 0 : REFUSE(p, "Line %u: write \"account vision gpus 2, 6 GPU-hours in 7 days\", or \"account vision free\".",
                           p->line);
}

/* "mina away until tue 09:00", "mina works 22:00-06:00", "A loses its supervisor" */
static int parse_somebody(struct parse *p, struct story_action *a, struct str first, struct str rest)
{
    struct str all = first;
    usec_t grain;
    a->person = person_of(p->story, first);
    if (a->person && take(&rest, "away") && take(&rest, "until")) {
        a->act = ACT_AWAY;
        a->until_at = p->action_at;
        return take_time(p, &rest, &a->until_at, false, &grain);
    }
    if (a->person && take(&rest, "works")) {
        a->act = ACT_WORKS;
        return team_hours(p, rest, a->hours);
    }
    if (str_is(rest, "loses its supervisor")) {
        a->act = ACT_SUPERVISOR;
        return take_target(p, &first, &a->target);
    }
    return REFUSE(p, "Line %u: \"%.*s\" is nothing that happens in a story; see doc/simulator.md.",
                  p->line, STR_ARG(all));
}

static int parse_action(struct parse *p, struct str rest)
{
    static const struct { const char *word; enum story_act act; } verbs[] = {
        { "cancel", ACT_CANCEL }, { "hold", ACT_HOLD }, { "release", ACT_RELEASE },
        { "requeue", ACT_REQUEUE }, { "first", ACT_FIRST },
    };
    struct story *s = p->story;
    struct story_action *a = &s->actions[s->actions_n];
    usec_t grain;
    int r = take_time(p, &rest, &p->action_at, false, &grain);
    if (r < 0)
        return r;
    *a = (struct story_action){ .wall_at = p->action_at, .line = p->line };
    s->actions_n++;
    struct str verb = word(&rest);
    for (size_t i = 0; i < sizeof(verbs) / sizeof(*verbs); i++) {
        if (str_is(verb, verbs[i].word)) {
            a->act = verbs[i].act;
            return take_target(p, &rest, &a->target);
        }
    }
    if (str_is(verb, "submit")) {
        a->act = ACT_SUBMIT;
        a->target.job = s->jobs_n;
        return parse_submit(p, rest);
    }
    if (str_is(verb, "set"))
        return parse_set(p, a, rest);
    if (str_is(verb, "drain") || str_is(verb, "undrain"))
        return parse_drain(p, a, rest, str_is(verb, "drain"));
    if (str_is(verb, "gpu"))
        return parse_gpu(p, a, rest);
    if (str_is(verb, "daemon"))
        return parse_daemon(p, a, rest);
    if (str_is(verb, "account"))
        return parse_account(p, a, rest);
    if (str_is(verb, "power") && str_is(rest, "fails")) {
        a->act = ACT_POWER;
        return 0;
    }
    return parse_somebody(p, a, verb, rest);
}

/* --- expectations --------------------------------------------------------------------------------- */

static int state_of(struct str w, uint32_t *ret)
{
    for (uint32_t s = JOB_PENDING; s < JOB_STATE_COUNT; s++) {
        if (str_is(w, job_state_word((enum job_state)s))) {
            *ret = s;
            return 0;
        }
    }
    return E_INVALID;
}

static int reason_of(struct str w, uint32_t *ret)
{
    for (uint32_t r = REASON_NONE; r < REASON_COUNT; r++) {
        if (str_is(w, reason_word((enum reason)r))) {
            *ret = r;
            return 0;
        }
    }
    return E_INVALID;
}

static int expect_finally(struct parse *p, struct story_expect *e, struct str rest)
{
    e->kind = EXPECT_FINALLY;
    e->wall_at = USEC_NEVER;
    int r = take_target(p, &rest, &e->target);
    struct str piece = { 0 };
    if (r < 0)
        return r;
    str_next(&rest, ',', &piece);
    bool ok = state_of(str_trim(piece), &e->state) == 0;
    rest = str_trim(rest);
    if (ok && rest.len) {
        ok = take_u32(&rest, 1000, &e->attempts) && (take(&rest, "attempts") || take(&rest, "attempt"));
        e->attempts_given = true;
    }
    if (!ok || rest.len)
        return REFUSE(p, "Line %u: write for example \"expect finally A COMPLETED, 2 attempts\".",
                      p->line);
    return 0;
}

static int expect_what(struct parse *p, struct story_expect *e, struct str rest)
{
    struct str verb = word(&rest), value = rest;
    bool ok = true;
    if (str_is(verb, "start") || str_is(verb, "starts")) {
        e->kind = EXPECT_START;
        if (take(&rest, "on")) {
            e->on_gpu = true;
            ok = take(&rest, "gpu") && take_u32(&rest, CORE_GPUS_MAX - 1, &e->gpu);
        }
        ok = ok && !rest.len;
    } else if (str_is(verb, "end") || str_is(verb, "ends")) {
        e->kind = EXPECT_END;
        e->state = JOB_COMPLETED;
        ok = !rest.len || state_of(value, &e->state) == 0;
    } else if (str_is(verb, "seen")) {
        e->kind = EXPECT_SEEN;
        ok = !rest.len;
    } else if (str_is(verb, "waits")) {
        e->kind = EXPECT_WAITS;
        ok = reason_of(value, &e->reason) == 0;
    } else if (str_is(verb, "is")) {
        e->kind = EXPECT_IS;
        ok = state_of(value, &e->state) == 0;
    } else {
        ok = false;
    }
    if (!ok)
        return REFUSE(p, "Line %u: what is expected is start [on gpu 0], end [STATE], seen, waits REASON "
                      "or is STATE, in Slurm's words.", p->line);
    return 0;
}

static int parse_expect(struct parse *p, struct str rest)
{
    struct story *s = p->story;
    struct story_expect *e = &s->expects[s->expects_n];
    struct str what = rest;
    *e = (struct story_expect){ .line = p->line };
    for (size_t i = 0; i + 4 <= rest.len; i++) {
        if (memcmp(rest.ptr + i, "why:", 4) == 0 && i > 0) {
            struct str why = str_trim(str_slice(rest, i + 4, rest.len));
            snprintf(e->why, sizeof(e->why), "%.*s", STR_ARG(why));
            what = str_trim(str_slice(rest, 0, i));
            break;
        }
    }
    s->expects_n++;
    if (take(&what, "finally"))
        return expect_finally(p, e, what);
    int r = take_time(p, &what, &p->expect_at, false, &e->grain_us);
    e->wall_at = p->expect_at;
    if (r == 0)
        r = take_target(p, &what, &e->target);
    if (r == 0)
        r = expect_what(p, e, what);
    if (r == 0 && !e->why[0])
        r = REFUSE(p, "Line %u expects something without saying why; end it with \"why: ...\".", p->line);
    return r;
}

static int parse_starts(struct parse *p, struct str rest)
{
    uint64_t part[3];
    struct str piece;
    for (int i = 0; i < 3; i++) {
        if (!str_next(&rest, '-', &piece) || str_u64(piece, &part[i]) < 0)
            part[0] = part[1] = part[2] = 0;
    }
    struct civil c = { .year = (int)part[0], .month = (int)part[1], .day = (int)part[2] };
    if (part[0] > 2100 || part[1] > 12 || part[2] > 31 || !civil_valid(c) || c.year < 2000)
        return REFUSE(p, "Line %u: write the first day like \"starts 2026-03-02\".", p->line);
    p->story->first_day = civil_day(c.year, c.month, c.day);
    return 0;
}

static int parse_policy(struct parse *p, struct str rest)
{
    if (policy_parse(rest, &p->story->policy) == 0)
        return 0;
    return REFUSE(p, "Line %u: there is no policy \"%.*s\"; there are blend, fifo, easy, sjf, saf, srsf, las and booked.",
                  p->line, STR_ARG(rest));
}

static int parse_line(struct parse *p, struct str line)
{
    struct str rest = line;
    if (take(&rest, "story")) {
        snprintf(p->story->title, sizeof(p->story->title), "%.*s", STR_ARG(rest));
        return 0;
    }
    if (take(&rest, "starts"))
        return parse_starts(p, rest);
    if (take(&rest, "team"))
        return parse_team(p, rest);
    if (take(&rest, "policy"))
        return parse_policy(p, rest);
    if (take(&rest, "limit"))
        return parse_limit(p, rest);
    if (take(&rest, "past"))
        return parse_past(p, rest);
    if (take(&rest, "age") || take(&rest, "guess")) {
        usec_t *to = line.ptr[0] == 'a' ? &p->story->age_us : &p->story->guess_us;
        if (!take_length(rest, to))
            return REFUSE(p, "Line %u: write a length, for example \"age 2d\" or \"guess 1h\".", p->line);
        return 0;
    }
    if (take(&rest, "expect"))
        return parse_expect(p, rest);
    return parse_action(p, line);
}

int story_parse(struct str text, struct story *ret, struct err *err)
{
    struct parse p = { .story = ret, .err = err };
    struct str line;
    int r = 0;
    *ret = (struct story){ .first_day = civil_day(2026, 3, 2), .gpus = 1, .policy = POLICY_BLEND,
                           .guess_us = USEC_PER_HOUR, .age_us = 7 * USEC_PER_DAY };
    ret->jobs = calloc(STORY_JOBS_MAX, sizeof(*ret->jobs));
    ret->actions = calloc(STORY_LINES_MAX, sizeof(*ret->actions));
    ret->expects = calloc(STORY_LINES_MAX, sizeof(*ret->expects));
    if (!ret->jobs || !ret->actions || !ret->expects)
        r = err_set(err, E_NO_MEMORY, "There is not enough memory for this story.");
    while (r == 0 && text.len && str_next(&text, '\n', &line)) {
        if (++p.line > STORY_LINES_MAX)
            r = REFUSE(&p, "A story has at most %d lines.", STORY_LINES_MAX);
        line = str_trim(line);
        if (r == 0 && line.len && line.ptr[0] != '#')
            r = parse_line(&p, line);
    }
    if (r == 0 && (!ret->people_n || !ret->expects_n))
        r = REFUSE(&p, "A story needs a \"team\" line with a person and at least one \"expect\" line.");
    if (r < 0)
        story_finish(ret);
    return r;
}

void story_finish(struct story *story)
{
    free(story->jobs);
    free(story->actions);
    free(story->expects);
    *story = (struct story){ 0 };
}
