/* misstate.c - see misstate.h. */
#include "sim/misstate.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>


#define NARROWER_US (90 * USEC_PER_MIN)
#define WIDER_BEFORE_US (2 * USEC_PER_HOUR)
#define WIDER_BEHIND_US (3 * USEC_PER_HOUR)

const char *misstate_word(enum misstate how)
{
    static const char *const words[] = {
#define X(name, word) [name] = word,
        MISSTATE_LIST(X)
#undef X
    };
    return words[how];
}

static struct span said(enum misstate how, struct span s)
{
    switch (how) {
    case MISSTATE_NARROWER: return (struct span){ s.from_at + NARROWER_US, s.until_at - NARROWER_US };
    case MISSTATE_WIDER: return (struct span){ s.from_at - WIDER_BEFORE_US, s.until_at + WIDER_BEHIND_US };
    case MISSTATE_MORNINGS: return (struct span){ s.from_at, s.from_at + (s.until_at - s.from_at) / 2 };
    case MISSTATE_ALWAYS: case MISSTATE_COUNT: break;
    }
    return s;
}

void misstate_windows(enum misstate how, const struct windows *w, usec_t from_at, usec_t until_at,
                      struct windows *ret)
{
    *ret = (struct windows){ .spans = calloc(w->n + 1, sizeof(struct span)) };
    if (!ret->spans)
        abort();
    if (how == MISSTATE_ALWAYS) {
        ret->spans[ret->n++] = (struct span){ from_at, until_at };
        return;
    }
    for (size_t i = 0; i < w->n; i++) {
        struct span s = said(how, w->spans[i]);
        s.from_at = usec_max(s.from_at, from_at);
        s.until_at = usec_min(s.until_at, until_at);
        if (s.from_at >= s.until_at)
            continue;
        struct span *last = ret->n ? &ret->spans[ret->n - 1] : NULL;
        if (last && last->until_at >= s.from_at)
            last->until_at = usec_max(last->until_at, s.until_at);
        else
            ret->spans[ret->n++] = s;
    }
}

/* --- one run -------------------------------------------------------------------------------------- */

struct office_run {
    const struct team_options *t;
    const struct office *office;
    uint64_t seed;
};

/* Mean hours until each of the people sees a result, by their true hours; of nobody's jobs: 0. */
static int seen_h(const struct office_run *o, const struct presence *told, double *ret, uint32_t people, struct err *err)
{
    const struct compare_options *c = o->t->compare;
    const struct compare_policy *policy = &c->policies[0];
    struct drive_options d = { .policy = policy->policy, .preempt = policy->preempt, .gpus = o->office->gpus,
                               .seed = o->seed, .estimates = c->estimates, .sigma = c->sigma, .no_eta = true,
                               .settings = &c->settings, .gpu_watts = c->watts,
                               .cap = o->office->capped ? &o->office->cap : NULL, .zone = &o->office->zone };
    struct drive_result run;
    uint32_t jobs[DRIVE_PERSONS_MAX] = { 0 };
    int r = drive_run(&o->office->trace, told, &d, NULL, &run, err);
    if (r < 0)
        return r;
    memset(ret, 0, people * sizeof *ret);
    for (size_t i = 0; i < run.jobs_n; i++) {
        const struct drive_job *j = &run.jobs[i];
        uint32_t user = j->what.user;
        if (user >= people || !j->end_at)
            continue;
        usec_t seen_at = j->end_at < j->what.submit_at + PRESENCE_SUBMIT_US
                             ? j->end_at
                             : presence_eyes(&o->office->presence.truth[user], o->office->presence.until_at, j->end_at);
        ret[user] += (double)(seen_at - j->what.submit_at) / (double)USEC_PER_HOUR;
        jobs[user]++;
    }
    for (uint32_t u = 0; u < people; u++)
        ret[u] = jobs[u] ? ret[u] / jobs[u] : 0;
    drive_result_finish(&run);
    return 0;
}

/* What each of the people gains by each way of saying it wrong. */
static int gains(const struct office_run *o, uint32_t people, double (*ret)[MISSTATE_COUNT], struct err *err)
{
    const struct presence *honest = &o->office->presence;
    struct presence told = *honest;
    double before[DRIVE_PERSONS_MAX], after[DRIVE_PERSONS_MAX];
    int r = seen_h(o, honest, before, people, err);
    told.known = calloc(honest->users_n, sizeof *told.known);
    if (!told.known)
        abort();
    memcpy(told.known, honest->known, honest->users_n * sizeof *told.known);
    for (uint32_t u = 0; u < people && r == 0; u++)
        for (int how = 0; how < MISSTATE_COUNT && r == 0; how++) {
            misstate_windows((enum misstate)how, &honest->known[u], honest->from_at, honest->until_at, &told.known[u]);
            r = seen_h(o, &told, after, people, err);
            free(told.known[u].spans);
            told.known[u] = honest->known[u];
            ret[u][how] = r == 0 && before[u] > 0 ? 1 - after[u] / before[u] : 0;
        }
    free(told.known);
    return r;
}

/* --- many ------------------------------------------------------------------------------------------ */

struct sums { /* over people and seeds; spread is of the seeds' means */
    double mean[MISSTATE_COUNT], squares[MISSTATE_COUNT], worst[MISSTATE_COUNT];
    uint32_t seeds, people;
};

static void take(struct sums *s, double (*of)[MISSTATE_COUNT], uint32_t people)
{
    for (int how = 0; how < MISSTATE_COUNT; how++) {
        double mean = 0;
        for (uint32_t u = 0; u < people; u++) {
            mean += of[u][how] / people;
            s->worst[how] = s->seeds + u == 0 ? of[u][how] : fmax(s->worst[how], of[u][how]);
        }
        s->mean[how] += mean;
        s->squares[how] += mean * mean;
    }
    s->people = people;
    s->seeds++;
}

/* Standard error of the mean over seeds; 0 with one. */
static double error_of(const struct sums *s, int how)
{
    double n = s->seeds, mean = s->mean[how] / n;
    return n > 1 ? sqrt(fmax(s->squares[how] / n - mean * mean, 0) / (n - 1)) : 0;
}

static void print(const struct sums *s, const struct team_options *t, enum office_family family, double load,
                  enum lang lang)
{
    printf(tr(lang, "%s, load %.2f, %u weeks, %s: %u people of each of %u teams from seed %llu say other hours\n"),
           office_family_word(family), load, t->weeks, t->compare->policies[0].word, s->people, s->seeds,
           (unsigned long long)t->seed);
    printf("%-10s %8s %8s %8s\n", "said", "gain_%", "+-", "most_%");
    for (int how = 0; how < MISSTATE_COUNT; how++)
        printf("%-10s %8.2f %8.2f %8.2f\n", misstate_word((enum misstate)how), 100 * s->mean[how] / s->seeds,
               100 * error_of(s, how), 100 * s->worst[how]);
}

static json_t *json_of(const struct sums *s, enum office_family family, double load)
{
    json_t *j = json_pack("{s:s,s:f,s:i,s:i}", "family", office_family_word(family), "load", load, "seeds",
                          (int)s->seeds, "people", (int)s->people);
    for (int how = 0; how < MISSTATE_COUNT; how++)
        json_object_set_new(j, misstate_word((enum misstate)how),
                            json_pack("{s:f,s:f,s:f}", "gain", s->mean[how] / s->seeds, "standard_error",
                                      error_of(s, how), "most", s->worst[how]));
    return j;
}

static int of_seed(const struct team_options *t, enum office_family family, double load, uint64_t seed, struct sums *s,
                   struct err *err)
{
    struct office_options oo = { .family = family, .gpus = t->gpus, .people = t->people, .weeks = t->weeks,
                                 .load = load, .spread = t->spread, .seed = seed };
    double (*of)[MISSTATE_COUNT] = calloc(DRIVE_PERSONS_MAX, sizeof *of);
    struct office office;
    if (!of)
        abort();
    office_make(&oo, &office);
    struct compare_options mark = *t->compare;
    mark.seed = seed;
    team_cap(&mark, &office);
    compare_mark(&office.trace, &mark);
    const struct office_run run = { t, &office, seed };
    uint32_t people = t->misstate < office.people ? t->misstate : office.people;
    int r = gains(&run, people, of, err);
    if (r == 0)
        take(s, of, people);
    office_finish(&office);
    free(of);
    return r;
}

int misstate_run(const struct team_options *t, enum lang lang)
{
    struct err err = { .translate = tr_of(lang) };
    json_t *all = json_array();
    uint32_t loads_n = t->loads_n ? t->loads_n : 1;
    int r = 0;
    for (uint32_t i = 0; i < t->families_n && r == 0; i++)
        for (uint32_t l = 0; l < loads_n && r == 0; l++) {
            double load = t->loads_n ? t->loads[l] : t->families[i] == OFFICE_OVERLOAD ? 1.1 : 0.7;
            struct sums s = { .seeds = 0 };
            for (uint32_t k = 0; k < t->seeds && r == 0; k++)
                r = of_seed(t, t->families[i], load, t->seed + k, &s, &err);
            if (r == 0 && t->compare->json)
                json_array_append_new(all, json_of(&s, t->families[i], load));
            else if (r == 0)
                print(&s, t, t->families[i], load, lang);
            fflush(stdout);
        }
    if (r == 0 && t->compare->json) {
        json_dumpf(all, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(6));
        putchar('\n');
    }
    if (r < 0)
        fprintf(stderr, "eoul sim: %s\n", err.text);
    json_decref(all);
    return err_exit_status(r);
}
