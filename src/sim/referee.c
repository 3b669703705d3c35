/* referee.c - see referee.h.
 *
 * All numbers of the file from a place on are read into one array, lines and headings apart; rows are
 * then found by counting.  That is enough here: the file has been read line by line before.
 */
#include "sim/referee.h"

#include <stdlib.h>
#include <string.h>

struct numbers {
    long long *values;
    size_t n;
};

/* Every run of digits from `at` to `until`, with what is not a digit as separator. */
static struct numbers numbers_in(const char *at, const char *until)
{
    struct numbers all = { malloc(((size_t)(until - at) / 2 + 1) * sizeof(long long)), 0 };
    if (!all.values)
        abort();
    while (at < until) {
        long long value = 0;
        bool any = false;
        for (; at < until && *at >= '0' && *at <= '9'; at++, any = true)
            value = value < 1000000000 ? value * 10 + (*at - '0') : value;
        if (any)
            all.values[all.n++] = value;
        else
            at++;
    }
    return all;
}

struct file {
    struct numbers rows;      /* successors */
    struct numbers needs;
    struct numbers capacities;
    size_t jobs, resources, columns; /* columns: needs of a row, renewable or not */
    bool patterson;
};

static const char *find(struct str text, const char *what, const char *from)
{
    const char *end = text.ptr + text.len;
    return from && from < end ? memmem(from, (size_t)(end - from), what, strlen(what)) : NULL;
}

/* The first number behind a colon behind a line's first word `key`. */
static long long after_colon(struct str text, const char *key)
{
    const char *at = find(text, key, text.ptr);
    while (at && at > text.ptr && at[-1] != '\n' && at[-1] != ' ')
        at = find(text, key, at + 1);
    at = find(text, ":", at);
    const char *end = find(text, "\n", at);
    if (!at || !end)
        return 0;
    struct numbers all = numbers_in(at, end);
    long long value = all.n ? all.values[0] : 0;
    free(all.values);
    return value;
}

/* From behind the line in which `key` stands and the line of column names after it. */
static const char *below(struct str text, const char *key)
{
    const char *at = find(text, "\n", find(text, key, text.ptr));
    at = find(text, "\n", at ? at + 1 : NULL);
    return at ? at + 1 : NULL;
}

static bool file_open(struct file *f, struct str text)
{
    const char *end = text.ptr + text.len;
    const char *rows = below(text, "PRECEDENCE RELATIONS"), *needs = below(text, "REQUESTS/DURATIONS");
    const char *needs_key = find(text, "REQUESTS/DURATIONS", text.ptr);
    const char *last = below(text, "RESOURCEAVAILABILITIES");
    const char *last_key = find(text, "RESOURCEAVAILABILITIES", text.ptr);
    memset(f, 0, sizeof(*f));
    if (!rows) {
        f->patterson = true;
        f->needs = numbers_in(text.ptr, end);
        if (f->needs.n < 2)
            return false;
        f->jobs = (size_t)f->needs.values[0];
        f->resources = f->columns = (size_t)f->needs.values[1];
        return true;
    }
    if (!needs || !last)
        return false;
    f->jobs = (size_t)after_colon(text, "jobs");
    f->resources = (size_t)after_colon(text, "- renewable");
    f->columns = f->resources + (size_t)after_colon(text, "- nonrenewable");
    f->rows = numbers_in(rows, needs_key);
    f->needs = numbers_in(needs, last_key);
    f->capacities = numbers_in(last, end);
    return true;
}

static void file_close(struct file *f)
{
    free(f->rows.values);
    free(f->needs.values);
    free(f->capacities.values);
}

struct table { /* what the rules need, by job */
    long long *length;   /* [jobs] */
    long long *need;     /* [jobs][resources] */
    long long *capacity; /* [resources] */
    size_t jobs, resources;
};

static bool in_row(const struct numbers *all, size_t at, size_t count) { return count <= all->n && at <= all->n - count; }

static bool table_of_sm(const struct file *f, struct table *t)
{
    size_t width = 3 + f->columns;
    if (!in_row(&f->needs, 0, f->jobs * width) || !in_row(&f->capacities, 0, f->resources))
        return false;
    for (size_t k = 0; k < f->jobs; k++) {
        const long long *row = f->needs.values + k * width;
        if (row[0] < 1 || (size_t)row[0] > f->jobs)
            return false;
        size_t job = (size_t)row[0] - 1;
        t->length[job] = row[2];
        memcpy(t->need + job * f->resources, row + 3, f->resources * sizeof(long long));
    }
    memcpy(t->capacity, f->capacities.values, f->resources * sizeof(long long));
    return true;
}

/* Patterson's rows differ in length: this finds where the next one begins. */
static bool patterson_row(const struct file *f, size_t *at, const long long **ret_row, size_t *ret_after_n)
{
    size_t fixed = 2 + f->resources;
    if (!in_row(&f->needs, *at, fixed))
        return false;
    *ret_row = f->needs.values + *at;
    *ret_after_n = (size_t)(*ret_row)[fixed - 1];
    *at += fixed + *ret_after_n;
    return *ret_after_n <= f->jobs && *at <= f->needs.n;
}

static bool table_of_rcp(const struct file *f, struct table *t)
{
    size_t at = 2 + f->resources, after_n;
    const long long *row;
    if (!in_row(&f->needs, 2, f->resources))
        return false;
    memcpy(t->capacity, f->needs.values + 2, f->resources * sizeof(long long));
    for (size_t job = 0; job < f->jobs; job++) {
        if (!patterson_row(f, &at, &row, &after_n))
            return false;
        t->length[job] = row[0];
        memcpy(t->need + job * f->resources, row + 1, f->resources * sizeof(long long));
    }
    return true;
}

/* --- rules ------------------------------------------------------------------------------------ */

static int judge_one_link(const struct table *t, const int32_t *start, size_t job, long long after,
                          struct err *err)
{
    if (after < 1 || (size_t)after > t->jobs)
        return err_set(err, E_INVALID, "job %zu has a successor that is not there", job + 1);
    if (start[after - 1] < start[job] + t->length[job])
        return err_set(err, E_INVALID, "job %lld starts at %d, before job %zu has ended at %lld", after,
                       start[after - 1], job + 1, start[job] + t->length[job]);
    return 0;
}

static int judge_links(const struct file *f, const struct table *t, const int32_t *start, struct err *err)
{
    size_t at = f->patterson ? 2 + f->resources : 0;
    int r = 0;
    for (size_t k = 0; k < f->jobs && r == 0; k++) {
        size_t job = k, after_n = 0;
        const long long *row = NULL, *after;
        if (f->patterson) {
            if (!patterson_row(f, &at, &row, &after_n))
                return err_set(err, E_INVALID, "the file's rows cannot be told apart");
            after = row + 2 + f->resources;
        } else {
            if (!in_row(&f->rows, at, 3) || !in_row(&f->rows, at + 3, (size_t)f->rows.values[at + 2]))
                return err_set(err, E_INVALID, "the file's rows cannot be told apart");
            job = (size_t)f->rows.values[at] - 1;
            after_n = (size_t)f->rows.values[at + 2];
            after = f->rows.values + at + 3;
            at += 3 + after_n;
            if (job >= f->jobs)
                return err_set(err, E_INVALID, "the file's rows cannot be told apart");
        }
        for (size_t a = 0; a < after_n && r == 0; a++)
            r = judge_one_link(t, start, job, after[a], err);
    }
    return r;
}

static int judge_room(const struct table *t, const int32_t *start, int32_t makespan, struct err *err)
{
    long long *use = malloc(((size_t)makespan + 1) * sizeof(*use));
    int r = 0;
    if (!use)
        abort();
    for (size_t k = 0; k < t->resources && r == 0; k++) {
        memset(use, 0, ((size_t)makespan + 1) * sizeof(*use));
        for (size_t job = 0; job < t->jobs; job++)
            for (long long s = start[job]; s < start[job] + t->length[job]; s++)
                use[s] += t->need[job * t->resources + k];
        for (int32_t s = 0; s < makespan && r == 0; s++)
            if (use[s] > t->capacity[k])
                r = err_set(err, E_INVALID, "at step %d, %lld of resource %zu are in use; there are %lld", s,
                            use[s], k + 1, t->capacity[k]);
    }
    free(use);
    return r;
}

static int judge(const struct file *f, const struct table *t, const int32_t *start, int32_t *ret,
                 struct err *err)
{
    long long makespan = 0;
    for (size_t job = 0; job < f->jobs; job++) {
        if (start[job] < 0)
            return err_set(err, E_INVALID, "job %zu has no start", job + 1);
        if (start[job] + t->length[job] > makespan)
            makespan = start[job] + t->length[job];
    }
    if (makespan > INT32_MAX / 2)
        return err_set(err, E_INVALID, "the schedule never ends");
    int r = judge_links(f, t, start, err);
    if (r == 0)
        r = judge_room(t, start, (int32_t)makespan, err);
    if (r == 0)
        *ret = (int32_t)makespan;
    return r;
}

int referee_judge(struct str text, const int32_t *start, uint32_t n, int32_t *ret_makespan,
                  struct err *err)
{
    struct file f;
    struct table t = { 0 };
    int r = 0;
    if (!file_open(&f, text) || f.jobs != n || f.resources > 1000)
        r = err_set(err, E_INVALID, "the file does not have the %u jobs of the schedule", n);
    if (r == 0) {
        t.jobs = f.jobs;
        t.resources = f.resources;
        t.length = calloc(f.jobs + 1, sizeof(long long));
        t.need = calloc(f.jobs * f.resources + 1, sizeof(long long));
        t.capacity = calloc(f.resources + 1, sizeof(long long));
        if (!t.length || !t.need || !t.capacity)
            abort();
        if (f.patterson ? !table_of_rcp(&f, &t) : !table_of_sm(&f, &t))
            r = err_set(err, E_INVALID, "the file's rows cannot be told apart");
    }
    if (r == 0)
        r = judge(&f, &t, start, ret_makespan, err);
    free(t.length);
    free(t.need);
    free(t.capacity);
    file_close(&f);
    return r;
}
