/* index.c - names of live jobs in memory, and looking a job up by what people write. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/internal.h"

/* --- live requests ----------------------------------------------------------------------------- */

/* Place of the last request with id <= id, plus one; 0: none. */
static uint32_t upper(const struct live_index *x, job_id id)
{
    uint32_t low = 0;
    uint32_t high = x->n;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (x->at[middle]->id <= id)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

struct live_request *index_find(const struct live_index *x, job_id id)
{
    uint32_t place = upper(x, id);
    if (place == 0)
        return NULL;
    assert(x->at);
    struct live_request *r = x->at[place - 1];
    return id - r->id < r->tasks ? r : NULL;
}

int index_add(struct live_index *x, const struct store_request *r, uint32_t live, uint64_t version)
{
    struct live_request *known = index_find(x, r->id);
    if (known) { /* requeued while others of its array live, or before the sweep */
        x->dead -= known->live == 0;
        known->live += live;
        known->version = version;
        return 0;
    }
    if (x->n == x->size) {
        uint32_t size = x->size ? x->size * 2 : 256;
        struct live_request **bigger = reallocarray(x->at, size, sizeof *bigger);
        if (!bigger)
            return E_NO_MEMORY;
        x->at = bigger;
        x->size = size;
    }
    struct live_request *e = malloc(sizeof *e + r->name.len + 1);
    if (!e)
        return E_NO_MEMORY;
    *e = (struct live_request){ .id = r->id, .tasks = r->tasks, .live = live, .uid = r->uid,
                                .owner = (person_no)r->owner, .submitter = (person_no)r->submitter,
                                .array = r->array, .version = version };
    memcpy(e->name, r->name.ptr ? r->name.ptr : "", r->name.len);
    e->name[r->name.len] = '\0';
    uint32_t place = upper(x, r->id);
    memmove(x->at + place + 1, x->at + place, (x->n - place) * sizeof *x->at);
    x->at[place] = e;
    x->n++;
    return 0;
}

static void sweep(struct live_index *x)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < x->n; i++)
        if (x->at[i]->live)
            x->at[kept++] = x->at[i];
        else
            free(x->at[i]);
    x->n = kept;
    x->dead = 0;
}

void index_ended(struct live_index *x, struct live_request *r)
{
    assert(r->live > 0);
    if (--r->live == 0 && ++x->dead > 64 && x->dead > x->n / 2)
        sweep(x);
}

void index_back(struct live_index *x, job_id last)
{
    while (x->n && x->at[x->n - 1]->id > last)
        free(x->at[--x->n]);
}

void index_clear(struct live_index *x)
{
    for (uint32_t i = 0; i < x->n; i++)
        free(x->at[i]);
    free(x->at);
    *x = (struct live_index){ 0 };
}

int index_rebuild(struct daemon *d, struct err *err)
{
    struct live_index *x = &d->index;
    index_clear(x);
    struct core_job j;
    uint64_t seq = store_journal_last(d->store);
    for (job_id after = 0; core_job_after(d->core, after, &j); after = j.id) {
        struct live_request *known = x->n ? x->at[x->n - 1] : NULL;
        if (known && j.id - known->id < known->tasks) {
            known->live++;
            continue;
        }
        struct store_request r;
        int code = store_request_get(d->store, j.id, &r);
        if (code == E_NOT_FOUND)
            return err_set(err, E_CORRUPT, "job %u is in the journal but its request is not stored",
                           j.id);
        if (code == 0)
            code = index_add(x, &r, 1, seq);
        if (code < 0)
            return err_set(err, code, "the names of the live jobs cannot be read: %s",
                           store_last_error(d->store));
    }
    store_reset(d->store);
    return 0;
}

bool daemon_job_info(const struct daemon *d, job_id id, struct job_info *ret)
{
    const struct live_request *r = index_find(&d->index, id);
    if (!r)
        return false;
    *ret = (struct job_info){ .request = r->id, .tasks = r->tasks, .uid = r->uid, .owner = r->owner,
                              .submitter = r->submitter, .array = r->array, .name = r->name,
                              .version = r->version };
    return true;
}

/* --- array indices ----------------------------------------------------------------------------- */

/* One piece of "1-5,7,10-20:5". */
static bool piece(struct str *rest, uint32_t *from, uint32_t *until, uint32_t *step)
{
    struct str p;
    if (!str_next(rest, ',', &p))
        return false;
    uint64_t a = 0, b = 0, c = 1;
    ptrdiff_t colon = str_find(p, ':');
    if (colon >= 0 && str_u64(str_slice(p, (size_t)colon + 1, p.len), &c) < 0)
        return false;
    struct str span = colon >= 0 ? str_slice(p, 0, (size_t)colon) : p;
    ptrdiff_t dash = str_find(span, '-');
    if (str_u64(dash >= 0 ? str_slice(span, 0, (size_t)dash) : span, &a) < 0)
        return false;
    b = a;
    if (dash >= 0 && str_u64(str_slice(span, (size_t)dash + 1, span.len), &b) < 0)
        return false;
    if (b < a || c == 0 || b > UINT32_MAX)
        return false;
    *from = (uint32_t)a;
    *until = (uint32_t)b;
    *step = (uint32_t)c;
    return true;
}

bool ranges_index(struct str ranges, uint32_t i, uint32_t *ret_index)
{
    uint32_t from, until, step;
    while (piece(&ranges, &from, &until, &step)) {
        uint32_t n = (until - from) / step + 1;
        if (i < n) {
            *ret_index = from + i * step;
            return true;
        }
        i -= n;
    }
    return false;
}

bool ranges_place(struct str ranges, uint32_t index, uint32_t *ret_i)
{
    uint32_t from, until, step;
    uint32_t before = 0;
    while (piece(&ranges, &from, &until, &step)) {
        if (index >= from && index <= until && (index - from) % step == 0) {
            *ret_i = before + (index - from) / step;
            return true;
        }
        before += (until - from) / step + 1;
    }
    return false;
}

/* --- "12", "12_3" ------------------------------------------------------------------------------ */

int daemon_job_find(struct daemon *d, struct str text, struct job_ref *ret, struct err *err)
{
    ptrdiff_t bar = str_find(text, '_');
    uint64_t id = 0;
    uint64_t task = 0;
    if (str_u64(bar >= 0 ? str_slice(text, 0, (size_t)bar) : text, &id) < 0 || id == 0 ||
        id > UINT32_MAX ||
        (bar >= 0 && (str_u64(str_slice(text, (size_t)bar + 1, text.len), &task) < 0 ||
                      task > UINT32_MAX)))
        return err_set(err, E_INVALID, "\"%.*s\" is not a job: write its number, such as 12 or 12_3.",
                       (int)(text.len < 64 ? text.len : 64), text.ptr);
    struct store_request r;
    int code = store_request_get(d->store, (uint32_t)id, &r);
    if (code == E_NOT_FOUND)
        return err_set(err, E_NOT_FOUND, "There is no job %llu.", (unsigned long long)id);
    if (code < 0)
        return err_set(err, code, "Job %llu cannot be looked up.", (unsigned long long)id);
    *ret = (struct job_ref){ .id = (uint32_t)id, .request = r.id, .tasks = 1 };
    if (bar >= 0) {
        uint32_t i = 0;
        if (!r.array || r.id != id)
            code = err_set(err, E_NOT_FOUND, "Job %llu is not an array.", (unsigned long long)id);
        else if (!ranges_place(r.ranges, (uint32_t)task, &i))
            code = err_set(err, E_NOT_FOUND, "Array %llu has no task %llu.", (unsigned long long)id,
                           (unsigned long long)task);
        ret->id = r.id + i;
    } else if (r.array && r.id == id) {
        ret->whole_array = true;
        ret->tasks = r.tasks;
    }
    store_reset(d->store);
    return code;
}
