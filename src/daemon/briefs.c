/* briefs.c - what the evening's and the morning's brief of a person are made of; see notices.h.
 *
 * The same facts that `eoul brief` asks for over the API, read here: the plan, the person's ended jobs with
 * their last output, their todos, their hours.  Others' jobs are counted, never named.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "brief/brief.h"
#include "daemon/internal.h"
#include "daemon/view.h"

#define ENDED_MAX 300
#define TAILS_MAX 8
#define TAIL_US_BYTES 2000u
#define TODOS_MAX 128
#define TEXT_MAX (1u << 20)
#define LOOKED_US (6 * USEC_PER_DAY)
#define AHEAD_US (14 * USEC_PER_DAY)

struct facts {
    struct daemon *d;
    person_no no;
    usec_t since_at;
    struct brief b;
    struct brief_job jobs[BRIEF_JOBS_MAX];
    struct brief_todo todos[TODOS_MAX];
    struct span windows[PEOPLE_WINDOWS_MAX];
    size_t windows_n;
    struct buf text;
    char text_memory[TEXT_MAX];
};

int briefs_windows(struct daemon *d, person_no no, usec_t now_at, struct span *out, size_t *ret_n)
{
    return people_windows(d->people, no, (struct span){ now_at - LOOKED_US, now_at + AHEAD_US }, out,
                          ret_n);
}

/* A clean copy that lives as long as the facts; `lines`: line by line. */
static const char *keep(struct facts *f, struct str text, bool lines)
{
    char *at = f->text_memory + f->text.len;
    size_t before = f->text.len;
    struct str line;
    if (!lines)
        utf8_clean(&f->text, text);
    while (lines && text.len && str_next(&text, '\n', &line)) {
        utf8_clean(&f->text, line);
        buf_char(&f->text, '\n');
    }
    buf_char(&f->text, '\0');
    if (!f->text.failed)
        return at;
    f->text.failed = 0;
    f->text.len = before;
    return "";
}

static struct brief_job *add_job(struct facts *f, const struct view_row *row, enum brief_stage stage,
                                 bool mine)
{
    if (f->b.jobs_n >= BRIEF_JOBS_MAX)
        return NULL;
    struct brief_job *j = &f->jobs[f->b.jobs_n++];
    *j = (struct brief_job){
        .stage = stage, .mine = mine, .id = "", .name = "", .owner = "", .state = "", .reason = "",
        .tasks = row->tasks, .gpus = row->gpus, .attempt = row->attempt, .gpu_mask = row->gpu_mask,
        .start_at = row->start_at, .end_at = stage == BRIEF_ENDED ? row->end_at : row->end_p50_at,
        .eyes_at = row->eyes_at, .limit_us = row->limit_us, .exit_code = row->exit_code,
        .signal = row->signal };
    if (mine) {
        j->id = keep(f, str_of(row->name_id), false);
        j->name = keep(f, row->name, false);
        j->state = keep(f, row->state, false);
        j->reason = keep(f, row->reason, false);
    }
    return j;
}

static int add_planned(struct facts *f)
{
    struct view v;
    uint32_t waiting = 0;
    int code = view_init(&v, f->d, NULL, NULL);
    for (uint32_t i = 0; code == 0 && i < v.plan.rows_n && i < BRIEF_JOBS_MAX - ENDED_MAX;) {
        const struct plan_row *planned = &v.plan.rows[i];
        struct view_row row;
        struct job_info info;
        i += view_planned(&v, i, true, &waiting, &row);
        if (!row.owner || !daemon_job_info(f->d, planned->job, &info))
            continue;
        row.gpu_mask = row.gpu_mask ? row.gpu_mask : planned->gpu_mask;
        struct brief_job *j =
            add_job(f, &row, planned->state == JOB_PENDING ? BRIEF_WAITS : BRIEF_RUNS, info.owner == f->no);
        if (j && j->stage == BRIEF_RUNS)
            j->stalled_at = daemon_stalled_at(f->d, planned->job);
    }
    return code;
}

static int add_ended(const struct store_job *job, void *data)
{
    struct facts *f = data;
    struct view_row row;
    if (job->end_at < f->since_at)
        return 0;
    view_ended(f->d, NULL, job, &row);
    add_job(f, &row, BRIEF_ENDED, true);
    return 0;
}

static void add_tails(struct facts *f)
{
    unsigned asked = 0;
    for (size_t i = 0; i < f->b.jobs_n && asked < TAILS_MAX; i++) {
        struct brief_job *j = &f->jobs[i];
        struct job_ref ref;
        struct buf tail;
        uint64_t total;
        if (j->stage != BRIEF_ENDED || brief_need(j) != BRIEF_NEED_AGAIN ||
            daemon_job_find(f->d, str_of(j->id), &ref, NULL) < 0)
            continue;
        asked++;
        buf_init(&tail, TAIL_US_BYTES + 64);
        if (daemon_tail(f->d, ref.id, TAIL_US_BYTES, &tail, &total) == 0 && tail.len)
            j->tail = keep(f, buf_look(&tail), true);
        buf_finish(&tail);
        store_reset(f->d->store);
    }
}

static void add_todo(struct facts *f, const struct core_plan *plan, const struct core_todo *t)
{
    struct todo_info info;
    char text[TODO_TITLE_MAX * 4 + 64], number[16] = "";
    struct buf name;
    if (f->b.todos_n >= TODOS_MAX || todos_get(f->d, t->id, f->no, &info, NULL) < 0)
        return;
    bool own = info.asker == f->no;
    buf_init_fixed(&name, text, sizeof text);
    if (info.review_of) {
        buf_printf(&name, tr(f->b.lang, "look at job %1$lld (%2$s)"), (long long)info.review_of,
                   keep(f, info.title, false));
        snprintf(number, sizeof number, "%u", info.review_of);
    } else {
        buf_str(&name, info.title);
    }
    struct brief_todo one = {
        .id = t->id, .name = keep(f, name.failed ? info.title : buf_look(&name), false),
        .deadline_at = t->deadline_at, .review = info.review_of != 0,
        .review_of = keep(f, str_of(number), false),
        .unanswered = info.asked && !own && !(t->flags & TODO_ACCEPTED),
        .stuck = own && (t->wait == TODO_WAIT_DECLINED || t->wait == TODO_WAIT_ROOM ||
                         t->wait == TODO_WAIT_NEVER) };
    for (uint32_t i = 0; i < plan->todo_rows_n && !one.from_at; i++)
        if (plan->todo_rows[i].todo == t->id && plan->todo_rows[i].person == f->no) {
            one.from_at = plan->todo_rows[i].from_at;
            one.until_at = plan->todo_rows[i].until_at;
        }
    if (one.unanswered || one.stuck || one.from_at)
        f->todos[f->b.todos_n++] = one;
}

static int take_facts(struct facts *f)
{
    struct core_plan plan;
    struct core_todo t;
    struct core_gpu gpu;
    int code = add_planned(f);
    if (code == 0)
        code = store_jobs_each(f->d->store, f->no, 0, USEC_NEVER, ENDED_MAX, add_ended, f);
    if (code == 0)
        code = daemon_plan(f->d, &plan);
    for (uint32_t i = 0; code == 0 && i < daemon_gpus_n(f->d) && i < BRIEF_GPUS_MAX; i++)
        if (core_gpu_get(f->d->core, i, &gpu) && gpu.state == GPU_UP)
            f->b.gpus |= (uint64_t)1 << i;
    for (job_id id = 0; code == 0 && core_todo_after(f->d->core, id, &t); id = t.id) {
        add_todo(f, &plan, &t);
        store_reset(f->d->store);
    }
    return code;
}

int briefs_write(struct daemon *d, person_no no, bool morning, bool commands, struct buf *title, struct buf *out)
{
    struct facts *f = calloc(1, sizeof *f);
    struct person person = { 0 };
    usec_t now_at = loop_now(d->loop).wall_at;
    if (!f)
        return E_NO_MEMORY;
    (void)people_get(d->people, no, &person);
    f->d = d;
    f->no = no;
    f->b = (struct brief){ .lang = person.lang_known ? person.lang : LANG_EN,
                           .zone = person.zone ? person.zone : people_system_zone(d->people),
                           .now_at = now_at, .without_commands = !commands, .jobs = f->jobs, .todos = f->todos };
    struct core_calibration told = core_calibration(d->core, no);
    f->b.would = person.defer ? 0 : told.would;
    f->b.right = told.right;
    buf_init_fixed(&f->text, f->text_memory, sizeof f->text_memory);
    int code = briefs_windows(d, no, now_at, f->windows, &f->windows_n);
    usec_t since_at = code == 0 ? brief_since(f->windows, f->windows_n, now_at) : 0;
    f->since_at = morning ? since_at : usec_min(since_at, now_at - USEC_PER_DAY);
    f->b.span = (struct span){ since_at, now_at };
    if (code == 0)
        code = take_facts(f);
    if (code == 0 && morning) {
        add_tails(f);
        buf_c(title, tr(f->b.lang, "eoul: good morning"));
        brief_morning(out, &f->b);
    } else if (code == 0) {
        f->b.always_here = !brief_absence(f->windows, f->windows_n, now_at, &f->b.span);
        buf_c(title, tr(f->b.lang, "eoul: before you go"));
        brief_evening(out, &f->b);
    }
    free(f);
    return code < 0 ? code : out->failed | title->failed ? E_TOO_LARGE : 0;
}
