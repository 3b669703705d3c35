/* habit.c - which hours somebody's own submits suggest: GET /v1/me/habit, for that person alone.
 *
 * Worked out when it is asked for, from the jobs that the history keeps anyway (eight weeks back, those they
 * submitted themselves), to quarters of an hour.  Nothing is kept of it and nothing set.
 */
#include <stdlib.h>

#include "cal/habit.h"
#include "web/internal.h"

#define JOBS_MAX 4000u
#define BACK_US (56 * USEC_PER_DAY)
#define QUARTER_MIN 15
#define DAY_MIN 1440

struct submits {
    person_no no;
    usec_t from_at;
    size_t n;
    usec_t at[JOBS_MAX];
};

static void take(struct submits *s, person_no owner, person_no by, usec_t at)
{
    if (owner == s->no && by == s->no && at >= s->from_at && s->n < JOBS_MAX)
        s->at[s->n++] = at;
}

static int take_ended(const struct store_job *job, void *data)
{
    take(data, (person_no)job->owner, (person_no)job->submitter, job->submit_at);
    return 0;
}

static int by_time(const void *a, const void *b)
{
    const usec_t *x = a, *y = b;
    return *x < *y ? -1 : *x > *y;
}

static void round_to_quarters(struct hours *h)
{
    for (int day = 0; day < 7; day++)
        for (unsigned i = 0; i < h->day[day].n; i++) {
            struct hours_span *s = &h->day[day].span[i];
            s->from_min = (uint16_t)(s->from_min / QUARTER_MIN * QUARTER_MIN);
            s->until_min = (uint16_t)((s->until_min + QUARTER_MIN - 1) / QUARTER_MIN * QUARTER_MIN);
            if (s->until_min > s->from_min + DAY_MIN)
                s->until_min = (uint16_t)(s->from_min + DAY_MIN);
        }
}

static void put_habit(struct json_out *j, struct submits *s, const struct zone *zone)
{
    struct habit_day *days = calloc(s->n + 1, sizeof *days);
    struct hours hours;
    struct buf text;
    size_t n = 0;
    buf_init(&text, HOURS_TEXT_MAX);
    qsort(s->at, s->n, sizeof s->at[0], by_time);
    for (size_t i = 0; days && i < s->n; i++)
        habit_note(days, &n, zone, s->at[i]);
    if (days && habit_hours(days, n, &hours)) {
        round_to_quarters(&hours);
        hours_print(&hours, &text);
    }
    out_put_u64(j, "days", n);
    out_put_u64(j, "days_needed", HABIT_DAYS_MIN);
    out_put_clean(j, "hours", buf_look(&text));
    buf_finish(&text);
    free(days);
}

void habit_show(struct call *c)
{
    struct daemon *d = c->web->daemon;
    struct submits *s = calloc(1, sizeof *s);
    struct person person = { 0 };
    struct core_job job;
    struct buf b;
    struct json_out j;
    person_no no = 0;
    int code = s ? web_whose(c, &no) : err_set(&c->err, E_NO_MEMORY, "There is not enough memory for this request.");
    if (code == 0) {
        s->no = no;
        s->from_at = daemon_now(d).wall_at - BACK_US;
        for (job_id id = 0; no && core_job_after(daemon_core(d), id, &job); id = job.id)
            take(s, job.owner, job.submitter, job.submit_at);
        if (no && (code = store_jobs_each(daemon_store(d), no, 0, USEC_NEVER, JOBS_MAX, take_ended, s)) < 0)
            err_set(&c->err, code, "What is stored could not be read.");
        store_reset(daemon_store(d));
    }
    if (code < 0) {
        free(s);
        web_reply_error(c->web, c->r, &c->err, -1);
        return;
    }
    (void)people_get(daemon_people(d), no, &person);
    web_start(&b, &j);
    put_habit(&j, s, person.zone ? person.zone : people_system_zone(daemon_people(d)));
    out_end(&j);
    free(s);
    web_reply_json(c->web, c->r, &b);
}
