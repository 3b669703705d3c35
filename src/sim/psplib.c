/* psplib.c - see psplib.h. */
#include "sim/psplib.h"

#include <stdlib.h>
#include <string.h>

#define LENGTH_MAX 100000 /* steps; ten times the longest in the libraries known to us */

enum { UNHEARD = -2, LINKED = -1 }; /* in place of a length, until it is read */

struct reader {
    struct str rest;     /* lines not yet read */
    uint32_t line;       /* number of the last line read */
    struct str words;    /* what is left of it */
    uint32_t word;       /* number of its last word read */
    struct psplib *out;
    size_t links_size, demands_size;
    int64_t total;       /* of the lengths */
    struct err *err;
};

/* --- lines and numbers ------------------------------------------------------------------------ */

static bool line_next(struct reader *r)
{
    struct str line;
    if (!str_next(&r->rest, '\n', &line))
        return false;
    r->line++;
    r->word = 0;
    r->words = str_trim(line);
    return true;
}

/* Next word of this line. */
static bool word_next(struct reader *r, struct str *ret)
{
    r->words = str_trim(r->words);
    size_t n = 0;
    while (n < r->words.len && r->words.ptr[n] != ' ' && r->words.ptr[n] != '\t')
        n++;
    *ret = str_slice(r->words, 0, n);
    r->words = str_slice(r->words, n, r->words.len);
    r->word += n > 0;
    return n > 0;
}

/* Next number of this line, from min to max. */
static int number(struct reader *r, int64_t min, int64_t max, int64_t *ret)
{
    struct str word;
    int64_t value;
    if (!word_next(r, &word))
        return err_set(r->err, E_INVALID, "line %u ends behind its word %u, where one more number is expected",
                       r->line, r->word);
    if (str_i64(word, &value) < 0 || value < min || value > max)
        return err_set(r->err, E_INVALID, "line %u, word %u is \"%.*s\"; a whole number from %lld to %lld is expected there",
                       r->line, r->word, (int)(word.len < 60 ? word.len : 60), word.ptr,
                       (long long)min, (long long)max);
    *ret = value;
    return 0;
}

/* Next number, on this line or a later one (Patterson's lines may break anywhere). */
static int number_anywhere(struct reader *r, int64_t min, int64_t max, int64_t *ret)
{
    while (str_trim(r->words).len == 0)
        if (!line_next(r))
            return err_set(r->err, E_INVALID, "the file ends after line %u, where one more number is expected",
                           r->line);
    return number(r, min, max, ret);
}

static int line_is_read(struct reader *r)
{
    struct str word;
    if (!word_next(r, &word))
        return 0;
    return err_set(r->err, E_INVALID, "line %u goes on with \"%.*s\" where it should end", r->line,
                   (int)(word.len < 60 ? word.len : 60), word.ptr);
}

/* --- what is found ---------------------------------------------------------------------------- */

static int out_of_memory(struct reader *r)
{
    return err_set(r->err, E_NO_MEMORY, "there is not enough memory for this file");
}

static int begin(struct reader *r, int64_t tasks, int64_t resources)
{
    struct psplib *o = r->out;
    o->input.tasks_n = (uint32_t)tasks;
    o->input.resources_n = o->input.capacities_n = (uint32_t)resources;
    o->lengths = malloc((size_t)(tasks + 1) * sizeof(*o->lengths));
    o->capacities = calloc((size_t)resources + 1, sizeof(*o->capacities));
    if (!o->lengths || !o->capacities)
        return out_of_memory(r);
    for (int64_t i = 0; i < tasks; i++)
        o->lengths[i] = UNHEARD;
    return 0;
}

static void *grown(void *old, size_t *size, size_t n, size_t each)
{
    if (n < *size)
        return old;
    size_t more = *size ? 2 * *size : 256;
    void *fresh = realloc(old, more * each);
    if (fresh)
        *size = more;
    return fresh;
}

static int link_add(struct reader *r, int64_t before, int64_t after)
{
    struct psplib *o = r->out;
    struct schedule_link *links = grown(o->links, &r->links_size, o->input.links_n, sizeof(*links));
    if (!links)
        return out_of_memory(r);
    o->links = links;
    links[o->input.links_n++] = (struct schedule_link){ (uint32_t)before, (uint32_t)after };
    return 0;
}

static int demand_add(struct reader *r, int64_t task, int64_t resource, int64_t amount)
{
    struct psplib *o = r->out;
    struct schedule_demand *demands =
        grown(o->demands, &r->demands_size, o->input.demands_n, sizeof(*demands));
    if (!demands)
        return out_of_memory(r);
    o->demands = demands;
    demands[o->input.demands_n++] =
        (struct schedule_demand){ (uint32_t)task, (uint32_t)resource, (int32_t)amount };
    return 0;
}

static void length_set(struct reader *r, int64_t task, int64_t length)
{
    r->out->lengths[task] = (int32_t)length;
    r->total += length;
}

/* --- PSPLIB ----------------------------------------------------------------------------------- */

struct header {
    int64_t tasks, renewable, nonrenewable, doubly;
};

/* "jobs (incl. supersource/sink ):  32": the number behind the colon, if the line begins so. */
static int header_number(struct reader *r, const char *key, int64_t max, int64_t *ret)
{
    if (!str_starts(r->words, key))
        return 0;
    ptrdiff_t colon = str_find(r->words, ':');
    if (colon < 0)
        return err_set(r->err, E_INVALID, "line %u has no colon before its number", r->line);
    struct str whole = r->words;
    r->words = str_slice(whole, (size_t)colon + 1, whole.len);
    int code = number(r, 0, max, ret);
    r->words = whole;
    return code;
}

static int psp_header(struct reader *r, struct header *h)
{
    *h = (struct header){ -1, -1, 0, 0 };
    while (line_next(r)) {
        if (str_starts(r->words, "PRECEDENCE RELATIONS"))
            break;
        int code = header_number(r, "jobs", SCHEDULE_TASKS_MAX, &h->tasks);
        if (code == 0)
            code = header_number(r, "- renewable", SCHEDULE_RESOURCES_MAX, &h->renewable);
        if (code == 0)
            code = header_number(r, "- nonrenewable", SCHEDULE_RESOURCES_MAX, &h->nonrenewable);
        if (code == 0)
            code = header_number(r, "- doubly constrained", SCHEDULE_RESOURCES_MAX, &h->doubly);
        if (code < 0)
            return code;
    }
    if (h->tasks < 1)
        return err_set(r->err, E_INVALID, "no line \"jobs (incl. supersource/sink )\" with a number stands before \"PRECEDENCE RELATIONS\"");
    if (h->renewable < 0)
        return err_set(r->err, E_INVALID, "no line \"- renewable\" with a number stands before \"PRECEDENCE RELATIONS\"");
    if (h->doubly > 0)
        return err_set(r->err, E_UNSUPPORTED, "it has doubly constrained resources, which are not understood; renewable and used-up ones are");
    return 0;
}

/* Skip to the line that begins with `heading` and over the line of column names behind it. */
static int section(struct reader *r, const char *heading)
{
    while (!str_starts(r->words, heading))
        if (!line_next(r))
            return err_set(r->err, E_INVALID, "the section \"%s\" is missing", heading);
    if (!line_next(r))
        return err_set(r->err, E_INVALID, "the file ends behind the heading \"%s\"", heading);
    return 0;
}

static bool rule_line(struct str words) /* "-----" or "*****" */
{
    return str_starts(words, "---") || str_starts(words, "***");
}

static int psp_links_of(struct reader *r, int64_t tasks)
{
    int64_t job, modes, count, after;
    int code = number(r, 1, tasks, &job);
    if (code == 0)
        code = number(r, 1, 1000, &modes);
    if (code == 0 && modes > 1)
        return err_set(r->err, E_UNSUPPORTED, "line %u: job %lld can be done in %lld ways; only projects whose jobs have one mode each can be planned",
                       r->line, (long long)job, (long long)modes);
    if (code == 0 && r->out->lengths[job - 1] != UNHEARD)
        return err_set(r->err, E_INVALID, "line %u lists job %lld a second time", r->line, (long long)job);
    if (code == 0)
        code = number(r, 0, tasks, &count);
    if (code == 0)
        r->out->lengths[job - 1] = LINKED;
    for (int64_t k = 0; code == 0 && k < count; k++) {
        code = number(r, 1, tasks, &after);
        if (code == 0)
            code = link_add(r, job - 1, after - 1);
    }
    return code == 0 ? line_is_read(r) : code;
}

static int psp_links(struct reader *r, int64_t tasks)
{
    int code = section(r, "PRECEDENCE RELATIONS");
    for (int64_t k = 0; code == 0 && k < tasks; k++) {
        if (!line_next(r) || rule_line(r->words))
            return err_set(r->err, E_INVALID, "line %u: of the %lld jobs' successors only %lld are listed",
                           r->line, (long long)tasks, (long long)k);
        code = psp_links_of(r, tasks);
    }
    return code;
}

static int psp_needs_of(struct reader *r, const struct header *h, int64_t *used_up)
{
    int64_t job, mode, length, amount;
    int code = number(r, 1, h->tasks, &job);
    if (code == 0)
        code = number(r, 1, 1, &mode);
    if (code == 0)
        code = number(r, 0, LENGTH_MAX, &length);
    if (code < 0)
        return code;
    if (r->out->lengths[job - 1] != LINKED)
        return err_set(r->err, E_INVALID, "line %u lists job %lld a second time", r->line, (long long)job);
    length_set(r, job - 1, length);
    for (int64_t k = 0; code == 0 && k < h->renewable + h->nonrenewable; k++) {
        code = number(r, 0, SCHEDULE_AMOUNT_MAX, &amount);
        if (code == 0 && k >= h->renewable)
            used_up[k - h->renewable] += amount;
        else if (code == 0 && amount > 0)
            code = demand_add(r, job - 1, k, amount);
    }
    return code == 0 ? line_is_read(r) : code;
}

static int psp_needs(struct reader *r, const struct header *h, int64_t *used_up)
{
    int code = section(r, "REQUESTS/DURATIONS");
    for (int64_t k = 0; code == 0 && k < h->tasks;) {
        if (!line_next(r) || str_starts(r->words, "***"))
            return err_set(r->err, E_INVALID, "line %u: of the %lld jobs' durations only %lld are listed",
                           r->line, (long long)h->tasks, (long long)k);
        if (rule_line(r->words))
            continue;
        code = psp_needs_of(r, h, used_up);
        k++;
    }
    return code;
}

static int psp_capacities(struct reader *r, const struct header *h, const int64_t *used_up)
{
    int64_t amount;
    int code = section(r, "RESOURCEAVAILABILITIES");
    if (code == 0 && !line_next(r))
        return err_set(r->err, E_INVALID, "the file ends where the resources' availabilities are expected");
    for (int64_t k = 0; code == 0 && k < h->renewable + h->nonrenewable; k++) {
        code = number(r, 0, SCHEDULE_AMOUNT_MAX, &amount);
        if (code < 0)
            return code;
        if (k < h->renewable)
            r->out->capacities[k] = (struct schedule_capacity){ (uint32_t)k, 0, (int32_t)amount };
        else if (used_up[k - h->renewable] > amount)
            return err_set(r->err, E_INVALID, "the jobs use up %lld of nonrenewable resource %lld, of which there is only %lld: no schedule is possible",
                           (long long)used_up[k - h->renewable], (long long)(k - h->renewable + 1),
                           (long long)amount);
    }
    return code;
}

static int psp_read(struct reader *r)
{
    struct header h;
    int64_t used_up[SCHEDULE_RESOURCES_MAX] = { 0 };
    int code = psp_header(r, &h);
    if (code == 0)
        code = begin(r, h.tasks, h.renewable);
    if (code == 0)
        code = psp_links(r, h.tasks);
    if (code == 0)
        code = psp_needs(r, &h, used_up);
    return code == 0 ? psp_capacities(r, &h, used_up) : code;
}

/* --- Patterson -------------------------------------------------------------------------------- */

static int patterson_job(struct reader *r, int64_t job)
{
    int64_t value, count;
    int code = number_anywhere(r, 0, LENGTH_MAX, &value);
    if (code < 0)
        return code;
    length_set(r, job, value);
    for (uint32_t k = 0; code == 0 && k < r->out->input.resources_n; k++) {
        code = number_anywhere(r, 0, SCHEDULE_AMOUNT_MAX, &value);
        if (code == 0 && value > 0)
            code = demand_add(r, job, k, value);
    }
    if (code == 0)
        code = number_anywhere(r, 0, r->out->input.tasks_n, &count);
    for (int64_t k = 0; code == 0 && k < count; k++) {
        code = number_anywhere(r, 1, r->out->input.tasks_n, &value);
        if (code == 0)
            code = link_add(r, job, value - 1);
    }
    return code;
}

static int patterson_read(struct reader *r)
{
    int64_t tasks, resources, amount;
    int code = number_anywhere(r, 1, SCHEDULE_TASKS_MAX, &tasks);
    if (code == 0)
        code = number_anywhere(r, 0, SCHEDULE_RESOURCES_MAX, &resources);
    if (code == 0)
        code = begin(r, tasks, resources);
    for (int64_t k = 0; code == 0 && k < resources; k++) {
        code = number_anywhere(r, 0, SCHEDULE_AMOUNT_MAX, &amount);
        if (code == 0)
            r->out->capacities[k] = (struct schedule_capacity){ (uint32_t)k, 0, (int32_t)amount };
    }
    for (int64_t job = 0; code == 0 && job < tasks; job++)
        code = patterson_job(r, job);
    if (code < 0)
        return code;
    do {
        code = line_is_read(r);
    } while (code == 0 && line_next(r));
    return code;
}

/* --- both ------------------------------------------------------------------------------------- */

static bool contains(struct str text, const char *what)
{
    return text.len > 0 && memmem(text.ptr, text.len, what, strlen(what)) != NULL;
}

int psplib_read(struct str text, struct psplib *ret, struct err *err)
{
    struct psplib out = { 0 };
    struct reader r = { .rest = text, .out = &out, .err = err };
    int code;
    if (contains(text, "PRECEDENCE RELATIONS"))
        code = psp_read(&r);
    else if (str_trim(text).len == 0)
        code = err_set(err, E_INVALID, "the file is empty");
    else if (contains(text, "["))
        code = err_set(err, E_UNSUPPORTED, "it gives time lags in brackets (RCPSP/max), which are not understood; PSPLIB's .sm and Patterson's .rcp are");
    else if (str_trim(text).ptr[0] >= '0' && str_trim(text).ptr[0] <= '9')
        code = patterson_read(&r);
    else
        code = err_set(err, E_INVALID, "it is neither a PSPLIB file (there is no heading \"PRECEDENCE RELATIONS\") nor Patterson's numbers");
    if (code == 0 && r.total > SCHEDULE_STEPS_MAX)
        code = err_set(err, E_TOO_LARGE, "all durations together are %lld steps; at most %d can be planned",
                       (long long)r.total, SCHEDULE_STEPS_MAX);
    if (code < 0) {
        psplib_finish(&out);
        return code;
    }
    out.input.horizon = (int32_t)r.total; /* one after the other, the tasks fit */
    out.input.lengths = out.lengths;
    out.input.links = out.links;
    out.input.demands = out.demands;
    out.input.capacities = out.capacities;
    *ret = out;
    return 0;
}

void psplib_finish(struct psplib *p)
{
    free(p->lengths);
    free(p->links);
    free(p->demands);
    free(p->capacities);
    memset(p, 0, sizeof(*p));
}
