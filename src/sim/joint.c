/* joint.c - see joint.h. */
#include "sim/joint.h"

#include <stdlib.h>
#include <string.h>

#define LENGTH_MAX 10000
#define WATTS_MAX  10000000
#define MONEY_MAX  10000000 /* won per hour, and per kWh */

/* --- memory ----------------------------------------------------------------------------------- */

static void *zeroed(size_t n, size_t each)
{
    void *block = calloc(n + 1, each);
    if (!block)
        abort();
    return block;
}

void joint_finish(struct joint *j)
{
    free(j->gpus);
    free(j->watts);
    free(j->price);
    for (uint32_t p = 0; p < j->people_n; p++) {
        free(j->people[p].look);
        free(j->people[p].work);
    }
    free(j->tasks);
    free(j->links);
    memset(j, 0, sizeof(*j));
}

/* --- reading ---------------------------------------------------------------------------------- */

struct joint_reader {
    struct joint *j;
    struct str words; /* what is left of the line */
    uint32_t line;
    size_t tasks_size, links_size;
    struct err *err;
};

static bool word(struct joint_reader *r, struct str *ret)
{
    r->words = str_trim(r->words);
    size_t n = 0;
    while (n < r->words.len && r->words.ptr[n] != ' ' && r->words.ptr[n] != '\t')
        n++;
    *ret = str_slice(r->words, 0, n);
    r->words = str_slice(r->words, n, r->words.len);
    return n > 0;
}

static int number_of(struct joint_reader *r, struct str text, int64_t min, int64_t max, int64_t *ret)
{
    int64_t value;
    if (str_i64(text, &value) < 0 || value < min || value > max)
        return err_set(r->err, E_INVALID, "line %u: \"%.*s\" stands where a whole number from %lld to %lld is expected",
                       r->line, (int)(text.len < 60 ? text.len : 60), text.ptr, (long long)min, (long long)max);
    *ret = value;
    return 0;
}

static int number(struct joint_reader *r, int64_t min, int64_t max, int64_t *ret)
{
    struct str text = { "", 0 };
    word(r, &text);
    return number_of(r, text, min, max, ret);
}

static int not_understood(struct joint_reader *r, struct str text)
{
    return err_set(r->err, E_INVALID, "line %u: \"%.*s\" is not understood there", r->line,
                   (int)(text.len < 60 ? text.len : 60), text.ptr);
}

/* "steps 336 minutes 30", the first line. */
static int read_steps(struct joint_reader *r)
{
    struct str text = { "", 0 };
    int64_t steps = 0, minutes = 0;
    int code = number(r, 1, JOINT_STEPS_MAX, &steps);
    if (code == 0 && (!word(r, &text) || !str_is(text, "minutes")))
        code = not_understood(r, text);
    if (code == 0)
        code = number(r, 1, 1440, &minutes);
    if (code < 0)
        return code;
    if (r->j->steps)
        return err_set(r->err, E_INVALID, "line %u says a second time how many steps there are", r->line);
    r->j->steps = (int32_t)steps;
    r->j->minutes = (int32_t)minutes;
    r->j->gpus = zeroed((size_t)steps, sizeof(int32_t));
    r->j->watts = zeroed((size_t)steps, sizeof(int32_t));
    r->j->price = zeroed((size_t)steps, sizeof(int32_t));
    for (int32_t t = 0; t < r->j->steps; t++)
        r->j->price[t] = -1;
    return 0;
}

/* "AMOUNT [from A until B]". */
static int read_amount(struct joint_reader *r, int64_t max, int32_t *steps)
{
    struct str text;
    int64_t amount, from = 0, until = r->j->steps;
    int code = number(r, 0, max, &amount);
    if (code == 0 && word(r, &text)) {
        if (!str_is(text, "from"))
            return not_understood(r, text);
        code = number(r, 0, r->j->steps, &from);
        if (code == 0 && (!word(r, &text) || !str_is(text, "until")))
            return not_understood(r, text);
        if (code == 0)
            code = number(r, from, r->j->steps, &until);
    }
    for (int64_t t = from; code == 0 && t < until; t++)
        steps[t] = (int32_t)amount;
    return code;
}

static bool person_find(const struct joint *j, struct str name, uint32_t *ret)
{
    for (uint32_t p = 0; p < j->people_n; p++) {
        if (str_is(name, j->people[p].name)) {
            *ret = p;
            return true;
        }
    }
    return false;
}

/* "18-24" */
static int read_span(struct joint_reader *r, struct str text, uint8_t *steps)
{
    ptrdiff_t dash = str_find(text, '-');
    int64_t from, until;
    if (dash < 0)
        return not_understood(r, text);
    int code = number_of(r, str_slice(text, 0, (size_t)dash), 0, r->j->steps, &from);
    if (code == 0)
        code = number_of(r, str_slice(text, (size_t)dash + 1, text.len), from, r->j->steps, &until);
    if (code == 0)
        memset(steps + from, 1, (size_t)(until - from));
    return code;
}

static int read_person(struct joint_reader *r)
{
    struct joint *j = r->j;
    struct str text = { "", 0 };
    uint32_t other;
    if (j->people_n == JOINT_PEOPLE_MAX)
        return err_set(r->err, E_TOO_LARGE, "line %u: at most %u people can be planned for", r->line, JOINT_PEOPLE_MAX);
    if (!word(r, &text) || text.len >= JOINT_NAME_MAX)
        return not_understood(r, text);
    if (person_find(j, text, &other))
        return err_set(r->err, E_INVALID, "line %u: \"%.*s\" is there already", r->line, STR_ARG(text));
    struct joint_person *p = &j->people[j->people_n++];
    memcpy(p->name, text.ptr, text.len);
    p->look = zeroed((size_t)j->steps, 1);
    p->work = zeroed((size_t)j->steps, 1);
    uint8_t *into = NULL;
    int code = 0;
    while (code == 0 && word(r, &text)) {
        if (str_is(text, "look"))
            into = p->look;
        else if (str_is(text, "work"))
            into = p->work;
        else
            code = into ? read_span(r, text, into) : not_understood(r, text);
    }
    return code;
}

static void *grown(void *old, size_t *size, size_t n, size_t each)
{
    if (n < *size)
        return old;
    *size = *size ? 2 * *size : 64;
    void *fresh = realloc(old, *size * each);
    if (!fresh)
        abort();
    return fresh;
}

/* One "key value" of a task. */
static int read_of_task(struct joint_reader *r, struct joint_task *t, struct str key)
{
    struct str text = { "", 0 };
    int64_t value = 0;
    int code = 0;
    if (str_is(key, "length") && (code = number(r, 1, LENGTH_MAX, &value)) == 0)
        t->length = (int32_t)value;
    else if (str_is(key, "release") && code == 0 && (code = number(r, 0, r->j->steps, &value)) == 0)
        t->release = (int32_t)value;
    else if (str_is(key, "wait") && code == 0 && (code = number(r, 0, MONEY_MAX, &value)) == 0)
        t->wait = value;
    else if (str_is(key, "gpus") && !t->todo && code == 0 && (code = number(r, 0, 1000, &value)) == 0)
        t->gpus = (int32_t)value;
    else if (str_is(key, "watts") && !t->todo && code == 0 && (code = number(r, 0, WATTS_MAX, &value)) == 0)
        t->watts = (int32_t)value;
    else if (str_is(key, "whole") && t->todo)
        t->whole = true;
    else if (code == 0 && str_is(key, "owner")) {
        if (!word(r, &text) || !person_find(r->j, text, &t->owner))
            code = err_set(r->err, E_INVALID, "line %u: there is no person \"%.*s\" above", r->line,
                           (int)(text.len < 60 ? text.len : 60), text.ptr);
    } else if (code == 0) {
        code = not_understood(r, key);
    }
    return code;
}

static int read_task(struct joint_reader *r, bool todo)
{
    struct joint *j = r->j;
    struct joint_task t = { .todo = todo, .owner = UINT32_MAX };
    struct str key;
    int64_t id;
    int code = number(r, j->tasks_n + 1, j->tasks_n + 1, &id); /* in order, from 1 */
    while (code == 0 && word(r, &key))
        code = read_of_task(r, &t, key);
    if (code < 0)
        return code;
    if (t.length == 0)
        return err_set(r->err, E_INVALID, "line %u: task %lld has no length", r->line, (long long)id);
    if (t.owner == UINT32_MAX)
        return err_set(r->err, E_INVALID, "line %u: task %lld has no owner", r->line, (long long)id);
    if (j->tasks_n == SCHEDULE_TASKS_MAX)
        return err_set(r->err, E_TOO_LARGE, "line %u: at most %u tasks can be planned", r->line, SCHEDULE_TASKS_MAX);
    j->tasks = grown(j->tasks, &r->tasks_size, j->tasks_n, sizeof(*j->tasks));
    j->tasks[j->tasks_n++] = t;
    return 0;
}

static int read_link(struct joint_reader *r)
{
    struct joint *j = r->j;
    int64_t before, after;
    int code = number(r, 1, j->tasks_n, &before);
    if (code == 0)
        code = number(r, 1, j->tasks_n, &after);
    if (code < 0)
        return code;
    j->links = grown(j->links, &r->links_size, j->links_n, sizeof(*j->links));
    j->links[j->links_n++] = (struct schedule_link){ (uint32_t)before - 1, (uint32_t)after - 1 };
    return 0;
}

static int read_line(struct joint_reader *r)
{
    struct str what;
    int code;
    if (!word(r, &what))
        return 0;
    if (str_is(what, "steps"))
        code = read_steps(r);
    else if (!r->j->steps)
        return err_set(r->err, E_INVALID, "line %u: the first line must say \"steps N minutes N\"", r->line);
    else if (str_is(what, "gpus"))
        code = read_amount(r, 1000, r->j->gpus);
    else if (str_is(what, "watts"))
        code = read_amount(r, WATTS_MAX, r->j->watts);
    else if (str_is(what, "price"))
        code = read_amount(r, MONEY_MAX, r->j->price);
    else if (str_is(what, "person"))
        code = read_person(r);
    else if (str_is(what, "job") || str_is(what, "todo"))
        code = read_task(r, str_is(what, "todo"));
    else if (str_is(what, "link"))
        code = read_link(r);
    else
        code = not_understood(r, what);
    if (code == 0 && word(r, &what))
        code = not_understood(r, what);
    return code;
}

int joint_read(struct str text, struct joint *ret, struct err *err)
{
    struct joint j = { 0 };
    struct joint_reader r = { .j = &j, .err = err };
    struct str line;
    int code = 0;
    while (code == 0 && str_next(&text, '\n', &line)) {
        ptrdiff_t comment = str_find(line, '#');
        r.words = str_trim(comment < 0 ? line : str_slice(line, 0, (size_t)comment));
        r.line++;
        code = read_line(&r);
    }
    if (code == 0 && j.tasks_n == 0)
        code = err_set(err, E_INVALID, "there is no job and no todo in it");
    for (int32_t t = 0; code == 0 && t < j.steps; t++)
        if (j.price[t] < 0)
            code = err_set(err, E_INVALID, "step %d has no price; say \"price WON from A until B\" for it", t);
    if (code < 0)
        joint_finish(&j);
    else
        *ret = j;
    return code;
}

/* --- writing ---------------------------------------------------------------------------------- */

static void write_amounts(struct buf *out, const char *what, const int32_t *steps, int32_t n)
{
    for (int32_t from = 0, until; from < n; from = until) {
        for (until = from + 1; until < n && steps[until] == steps[from]; until++)
            ;
        buf_printf(out, "%s %d from %d until %d\n", what, steps[from], from, until);
    }
}

static void write_spans(struct buf *out, const char *what, const uint8_t *steps, int32_t n)
{
    buf_printf(out, " %s", what);
    for (int32_t from = 0, until; from < n; from = until) {
        for (until = from + 1; until < n && steps[until] == steps[from]; until++)
            ;
        if (steps[from])
            buf_printf(out, " %d-%d", from, until);
    }
}

void joint_write(const struct joint *j, struct buf *out)
{
    buf_printf(out, "steps %d minutes %d\n", j->steps, j->minutes);
    write_amounts(out, "gpus", j->gpus, j->steps);
    write_amounts(out, "watts", j->watts, j->steps);
    write_amounts(out, "price", j->price, j->steps);
    for (uint32_t p = 0; p < j->people_n; p++) {
        buf_printf(out, "person %s", j->people[p].name);
        write_spans(out, "look", j->people[p].look, j->steps);
        write_spans(out, "work", j->people[p].work, j->steps);
        buf_char(out, '\n');
    }
    for (uint32_t i = 0; i < j->tasks_n; i++) {
        const struct joint_task *t = &j->tasks[i];
        buf_printf(out, "%s %u length %d", t->todo ? "todo" : "job", i + 1, t->length);
        if (!t->todo)
            buf_printf(out, " gpus %d watts %d", t->gpus, t->watts);
        buf_printf(out, " release %d owner %s wait %lld%s\n", t->release, j->people[t->owner].name,
                   (long long)t->wait, t->whole ? " whole" : "");
    }
    for (uint32_t i = 0; i < j->links_n; i++)
        buf_printf(out, "link %u %u\n", j->links[i].before + 1, j->links[i].after + 1);
}

/* --- tables ----------------------------------------------------------------------------------- */

static void add_capacities(const int32_t *steps, int32_t n, uint32_t resource, struct joint_tables *t)
{
    for (int32_t s = 0; s < n; s++)
        if (s == 0 || steps[s] != steps[s - 1])
            t->capacities[t->input.capacities_n++] = (struct schedule_capacity){ resource, s, steps[s] };
}

/* When a todo started at s ends; steps + 1 if not in time.  It must start in an offered step. */
static int32_t todo_end(const struct joint *j, const struct joint_task *task, int32_t s)
{
    const uint8_t *work = j->people[task->owner].work;
    int32_t left = task->length;
    if (s >= j->steps || !work[s])
        return j->steps + 1;
    for (; left > 0 && s < j->steps; s++) {
        if (work[s])
            left--;
        else if (task->whole)
            return j->steps + 1;
    }
    return left > 0 ? j->steps + 1 : s;
}

/* Costs and ends of one task; false if it can start nowhere. */
static bool fill_task(const struct joint *j, uint32_t i, const int32_t *seen, const int64_t *paid,
                      struct joint_tables *t)
{
    const struct joint_task *task = &j->tasks[i];
    int64_t *cost = t->cost + (size_t)i * ((size_t)j->steps + 1);
    int32_t *end = t->end + (size_t)i * ((size_t)j->steps + 1), later = j->steps;
    bool any = false;
    for (int32_t s = j->steps; s >= 0; s--) {
        int32_t e = task->todo ? todo_end(j, task, s) : s + task->length;
        cost[s] = SCHEDULE_NEVER;
        if (e <= j->steps && s >= task->release) {
            int64_t wait = (int64_t)((task->todo ? e : seen[e]) - task->release) * task->wait * 1000 * j->minutes;
            cost[s] = wait + (paid[e] - paid[s]) * task->watts * j->minutes;
            later = e;
            any = true;
        }
        end[s] = later; /* where it cannot start: as if from the next start */
    }
    return any;
}

static void fill_costs(const struct joint *j, struct joint_tables *t, uint32_t *ret_nowhere)
{
    int32_t *seen = zeroed((size_t)j->steps, sizeof(*seen));
    int64_t *paid = zeroed((size_t)j->steps, sizeof(*paid));
    for (int32_t s = 0; s < j->steps; s++)
        paid[s + 1] = paid[s] + j->price[s];
    *ret_nowhere = UINT32_MAX;
    for (uint32_t i = 0; i < j->tasks_n; i++) {
        const uint8_t *look = j->people[j->tasks[i].owner].look;
        seen[j->steps] = j->steps;
        for (int32_t s = j->steps; s-- > 0;)
            seen[s] = look[s] ? s : seen[s + 1];
        if (!fill_task(j, i, seen, paid, t) && *ret_nowhere == UINT32_MAX)
            *ret_nowhere = i;
    }
    free(seen);
    free(paid);
}

int joint_tables(const struct joint *j, struct joint_tables *ret, struct err *err)
{
    struct joint_tables t = { 0 };
    size_t cells = (size_t)j->tasks_n * ((size_t)j->steps + 1);
    uint32_t nowhere;
    t.lengths = zeroed(j->tasks_n, sizeof(*t.lengths));
    t.releases = zeroed(j->tasks_n, sizeof(*t.releases));
    t.demands = zeroed(2 * (size_t)j->tasks_n, sizeof(*t.demands));
    t.capacities = zeroed(2 * (size_t)j->steps + j->people_n, sizeof(*t.capacities));
    t.cost = zeroed(cells, sizeof(*t.cost));
    t.end = zeroed(cells, sizeof(*t.end));
    t.input = (struct schedule_input){ .tasks_n = j->tasks_n, .resources_n = 2 + j->people_n,
        .links_n = j->links_n, .horizon = j->steps, .lengths = t.lengths, .releases = t.releases,
        .links = j->links, .demands = t.demands, .capacities = t.capacities };
    add_capacities(j->gpus, j->steps, 0, &t);
    add_capacities(j->watts, j->steps, 1, &t);
    for (uint32_t p = 0; p < j->people_n; p++)
        t.capacities[t.input.capacities_n++] = (struct schedule_capacity){ 2 + p, 0, 1 };
    for (uint32_t i = 0; i < j->tasks_n; i++) {
        const struct joint_task *task = &j->tasks[i];
        t.lengths[i] = task->length;
        t.releases[i] = task->release;
        if (task->todo) {
            t.demands[t.input.demands_n++] = (struct schedule_demand){ i, 2 + task->owner, 1 };
        } else {
            t.demands[t.input.demands_n++] = (struct schedule_demand){ i, 0, task->gpus };
            t.demands[t.input.demands_n++] = (struct schedule_demand){ i, 1, task->watts };
        }
    }
    fill_costs(j, &t, &nowhere);
    if (nowhere != UINT32_MAX) {
        joint_tables_finish(&t);
        return err_set(err, E_INVALID, "task %u can be done nowhere between its release and the end of time",
                       nowhere + 1);
    }
    *ret = t;
    return 0;
}

void joint_tables_finish(struct joint_tables *t)
{
    free(t->lengths);
    free(t->releases);
    free(t->demands);
    free(t->capacities);
    free(t->cost);
    free(t->end);
    memset(t, 0, sizeof(*t));
}
