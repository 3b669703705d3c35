/* state.c - the core's memory, and the one way events get into it.
 *
 * Live: check, step, journal row with the hash after the step, consequences (turn_updates).
 * Restart: newest snapshot, then the journal's events after it through the same check and step; each
 * row's hash must come out again.  Nothing else is believed: tables are read for names, not for state.
 */
#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/internal.h"

#define LISTS_KEPT    (1u << 20) /* bytes of a list kept from turn to turn */

/* --- lists ------------------------------------------------------------------------------------- */

void *list_add(struct list *l, size_t element)
{
    if (l->n == l->size) {
        uint32_t size = l->size ? l->size * 2 : 16;
        void *bigger = reallocarray(l->at, size, element);
        if (!bigger)
            return NULL;
        l->at = bigger;
        l->size = size;
    }
    void *at = (char *)l->at + (size_t)l->n++ * element;
    memset(at, 0, element);
    return at;
}

void list_finish(struct list *l)
{
    free(l->at);
    *l = (struct list){ 0 };
}

/* --- memory ------------------------------------------------------------------------------------ */

static void *block_new(size_t size)
{
    return aligned_alloc(16, (size + 15) & ~(size_t)15);
}

static int core_new(struct daemon *d, const struct core_limits *limits)
{
    size_t size = core_size(limits);
    void *block = block_new(size);
    if (!block)
        return E_NO_MEMORY;
    free(d->block);
    d->block = block;
    d->block_size = size;
    d->limits = *limits;
    d->core = core_init(block, size, limits);
    return 0;
}

static int core_bigger(struct daemon *d, const struct core_event *ev)
{
    struct core_limits limits = core_limits_for(d->core, ev);
    size_t size = core_size(&limits);
    void *block = block_new(size);
    if (!block)
        return E_NO_MEMORY;
    d->core = core_grow(block, size, &limits, d->core);
    free(d->block);
    d->block = block;
    d->block_size = size;
    d->limits = limits;
    return 0;
}

/* core_check, with the memory it asks for. */
static int check(struct daemon *d, const struct core_event *ev, struct err *err)
{
    int code = core_check(d->core, ev, err);
    for (int tries = 0; code == E_FULL && tries < 8; tries++) {
        code = core_bigger(d, ev);
        if (code < 0)
            return err_set(err, code, "There is not enough memory for another job.");
        code = core_check(d->core, ev, err);
    }
    return code;
}

static int updates_room(struct daemon *d, const struct core_event *ev)
{
    uint32_t max = core_updates_max(d->core, ev);
    if (max <= d->updates_size)
        return 0;
    struct core_update *bigger = reallocarray(NULL, max, sizeof *bigger);
    if (!bigger)
        return E_NO_MEMORY;
    free(d->updates);
    d->updates = bigger;
    d->updates_size = max;
    return 0;
}

void state_finish(struct daemon *d)
{
    free(d->block);
    free(d->marked_block);
    free(d->updates);
    plan_drop(d);
    buf_finish(&d->line);
    d->block = d->marked_block = NULL;
    d->updates = NULL;
    d->core = NULL;
}

/* --- events in --------------------------------------------------------------------------------- */

/* Jobs this event may end, as they are before it: after the step they are no longer live.  What it
 * misses (a deadline that passed, ...) is read from the request by turn_updates. */
static int about_to_end(struct daemon *d, const struct core_event *ev, struct list *out)
{
    job_id job = 0;
    uint32_t scope = 0;
    switch (ev->kind) {
    case EVENT_ENDED: job = ev->ended.job; break;
    case EVENT_LOST: job = ev->lost.job; break;
    case EVENT_START_FAILED: job = ev->start_failed.job; break;
    case EVENT_CANCEL: job = ev->cancel.job; scope = ev->cancel.scope; break;
    default: return 0;
    }
    struct core_job j;
    if (!scope) {
        struct ended_row *row = core_job_get(d->core, job, &j) ? list_add(out, sizeof *row) : NULL;
        if (row)
            row->job = j;
        return 0;
    }
    for (job_id after = job ? job - 1 : 0; core_job_after(d->core, after, &j) && j.array_id == job;
         after = j.id) {
        struct ended_row *row = list_add(out, sizeof *row);
        if (!row)
            return E_NO_MEMORY;
        row->job = j;
    }
    return 0;
}

static int journal(struct daemon *d, const struct core_event *ev, uint64_t *ret_seq)
{
    buf_clear(&d->line);
    event_print(&d->line, ev);
    if (d->line.failed)
        return store_failed(d->store) ? store_failed(d->store) : d->line.failed;
    int code = store_journal_add(d->store, buf_look(&d->line), ev->wall_at, core_hash(d->core), ret_seq);
    return code == 0 ? met_note(d, ev) : code;
}

/* Step, write down, work out the consequences.  The event was checked. */
static int apply(struct daemon *d, const struct core_event *ev)
{
    struct list ending = { 0 };
    int code = updates_room(d, ev);
    if (code == 0)
        code = about_to_end(d, ev, &ending);
    if (code < 0)
        goto out;
    uint64_t before = ev->kind == EVENT_DECIDE ? core_hash(d->core) : 0;
    uint32_t n = core_step(d->core, ev, d->updates, d->updates_size);
    d->plan_fresh = false;
    if (ev->kind == EVENT_DECIDE && n == 0 && core_hash(d->core) == before)
        goto out; /* looked, and found nothing to do: not worth a row */
    uint64_t seq = 0;
    code = journal(d, ev, &seq);
    d->turn_events++;
    d->events_since_snapshot++;
    d->last_wall_at = ev->wall_at;
    d->last_boot_at = ev->boot_at;
    if (code == 0)
        code = turn_updates(d, ev, seq, d->updates, n, ending.at, ending.n);
out:
    list_finish(&ending);
    if ((size_t)d->updates_size * sizeof *d->updates > LISTS_KEPT) {
        free(d->updates);
        d->updates = NULL;
        d->updates_size = 0;
    }
    return code;
}

int state_event_at(struct daemon *d, struct core_event *ev, usec_t wall_at, usec_t boot_at,
                   struct err *err)
{
    assert(d->in_turn);
    ev->wall_at = wall_at;
    ev->boot_at = usec_max(boot_at, d->last_boot_at);
    int code = check(d, ev, err);
    if (code < 0)
        return code;
    code = apply(d, ev);
    if (code < 0) /* not a refusal: the core is ahead of the store, so the turn cannot be committed */
        d->broken = err_set(err, code, "The change could not be written down.");
    return code;
}

int state_check(struct daemon *d, struct core_event *ev, struct err *err)
{
    ev->wall_at = d->now.wall_at;
    ev->boot_at = usec_max(d->now.boot_at, d->last_boot_at);
    return check(d, ev, err);
}

int daemon_event(struct daemon *d, struct core_event *ev, struct err *err)
{
    if (ev->kind == EVENT_AVAIL)
        passed_note(d, (person_no)ev->avail.person);
    return state_event_at(d, ev, d->now.wall_at, d->now.boot_at, err);
}

int state_decide(struct daemon *d)
{
    struct core_event ev = { .kind = EVENT_DECIDE, .wall_at = d->now.wall_at,
                             .boot_at = usec_max(d->now.boot_at, d->last_boot_at) };
    struct err err = { 0 };
    int code = check(d, &ev, &err);
    assert(code == 0 || code == E_NO_MEMORY);
    return code < 0 ? code : apply(d, &ev);
}

/* --- several events as one --------------------------------------------------------------------- */

int state_mark(struct daemon *d, struct err *err)
{
    assert(!d->marked_block);
    d->marked_block = block_new(d->block_size);
    if (!d->marked_block)
        return err_set(err, E_NO_MEMORY, "There is not enough memory for so many jobs at once.");
    /* Only what is used of it: room for 131,072 jobs is 74 MB, whoever fills them. */
    (void)core_grow(d->marked_block, d->block_size, &d->limits, d->core);
    d->marked_size = d->block_size;
    d->marked_limits = d->limits;
    d->turn_changes_marked = d->changes.n;
    d->turn_acts_marked = d->acts.n;
    int code = store_mark(d->store);
    if (code < 0) {
        free(d->marked_block);
        d->marked_block = NULL;
        err_set(err, code, "The change could not be written down.");
    }
    return code;
}

int state_unmark(struct daemon *d)
{
    free(d->marked_block);
    d->marked_block = NULL;
    return store_unmark(d->store);
}

int state_back(struct daemon *d)
{
    free(d->block);
    d->block = d->marked_block;
    d->block_size = d->marked_size;
    d->core = d->block;
    d->limits = d->marked_limits;
    d->marked_block = NULL;
    d->changes.n = d->turn_changes_marked;
    d->acts.n = d->turn_acts_marked;
    d->plan_fresh = false;
    index_back(&d->index, core_last_id(d->core));
    return store_back(d->store);
}

/* --- replay ------------------------------------------------------------------------------------ */

struct replay {
    struct daemon *d;
    void *lists;
    size_t lists_size;
    uint64_t rows;
    struct err *err;
};

static int replay_parse(struct replay *r, const struct store_journal_row *row, struct core_event *ev)
{
    size_t need = EVENT_LIST_BYTES(row->line.len);
    if (need > r->lists_size) {
        free(r->lists);
        r->lists = aligned_alloc(16, (need * 2 + 15) & ~(size_t)15);
        r->lists_size = r->lists ? need * 2 : 0;
        if (!r->lists)
            return err_set(r->err, E_NO_MEMORY, "There is not enough memory to read the journal.");
    }
    return event_parse(row->line, r->lists, r->lists_size, ev, r->err);
}

static int replay_row(const struct store_journal_row *row, void *data)
{
    struct replay *r = data;
    struct daemon *d = r->d;
    struct core_event ev;
    int code = replay_parse(r, row, &ev);
    if (code == 0)
        code = check(d, &ev, r->err);
    if (code == 0)
        code = updates_room(d, &ev);
    if (code < 0) {
        char what[ERR_TEXT_MAX];
        memcpy(what, r->err->text, sizeof what);
        return err_set(r->err, code == E_NO_MEMORY || code == E_NEWER ? code : E_CORRUPT,
                       "row %llu of the journal cannot be followed: %s", (unsigned long long)row->seq,
                       what);
    }
    core_step(d->core, &ev, d->updates, d->updates_size);
    d->last_wall_at = ev.wall_at;
    d->last_boot_at = ev.boot_at; /* may be less: the machine was started anew */
    r->rows++;
    if (core_hash(d->core) == row->hash)
        return 0;
    if (d->accept_divergence) {
        log_line("divergence", "seq=%" PRIu64 " accepted=yes", row->seq);
        return 0;
    }
    return err_set(r->err, E_CORRUPT,
                   "row %llu of the journal was decided differently when it was written (another version "
                   "of eoul, or damage): go back to that version, or accept the difference with "
                   "eould --accept-divergence", (unsigned long long)row->seq);
}

static int load_snapshot(struct daemon *d, uint64_t *ret_seq, struct err *err)
{
    struct core_limits limits = CORE_FIRST_LIMITS;
    struct store_snapshot snapshot = { 0 };
    int code = store_snapshot_get(d->store, 0, &snapshot);
    d->snapshot_at = code == 0 ? snapshot.wall_at : loop_now(d->loop).wall_at;
    if (code == E_NOT_FOUND) {
        *ret_seq = 0;
        return core_new(d, &limits);
    }
    if (code == 0)
        code = core_load_limits(snapshot.text, &limits, err);
    if (code == 0)
        code = core_new(d, &limits);
    if (code == 0)
        code = core_load(d->core, snapshot.text, err);
    if (code == 0 && core_hash(d->core) != snapshot.hash && !d->accept_divergence)
        code = err_set(err, E_CORRUPT,
                       "the snapshot at row %llu of the journal does not have the state it was taken of; "
                       "accept it as it is with eould --accept-divergence",
                       (unsigned long long)snapshot.seq);
    *ret_seq = snapshot.seq;
    d->last_wall_at = snapshot.wall_at;
    store_reset(d->store);
    return code;
}

/* The boot clock begins anew with each boot, and the core is told so by its first event that is
 * earlier than the last.  Within one boot nothing may look like that. */
static void load_clock(struct daemon *d)
{
    char memory[128];
    struct buf text;
    struct str rest, boot_id, last;
    int64_t last_boot_at = 0;
    buf_init_fixed(&text, memory, sizeof memory);
    bool same = false;
    if (store_meta_get(d->store, "clock", &text) == 0) {
        rest = buf_look(&text);
        same = str_next(&rest, ' ', &boot_id) && str_is(boot_id, d->boot_id) &&
               str_next(&rest, ' ', &last) && str_i64(last, &last_boot_at) == 0;
    }
    d->last_boot_at = same ? usec_max(d->last_boot_at, last_boot_at) : 0;
}

int state_save_clock(struct daemon *d)
{
    char memory[128];
    struct buf text;
    buf_init_fixed(&text, memory, sizeof memory);
    buf_c(&text, d->boot_id);
    buf_char(&text, ' ');
    buf_i64(&text, d->last_boot_at);
    return store_meta_put(d->store, "clock", buf_look(&text));
}

int state_load(struct daemon *d, struct err *err)
{
    struct replay r = { .d = d, .err = err };
    uint64_t seq = 0;
    if (!d->line.max)
        buf_init(&d->line, STORE_LINE_MAX);
    d->last_boot_at = 0;
    int code = load_snapshot(d, &seq, err);
    if (code == 0)
        code = store_journal_each(d->store, seq, replay_row, &r);
    free(r.lists);
    if (code < 0 && !err->text[0])
        err_set(err, code, "the journal cannot be read: %s", store_last_error(d->store));
    if (code < 0)
        return code;
    d->events_since_snapshot = r.rows;
    d->plan_fresh = false;
    char closed[4] = "";
    struct buf text;
    buf_init_fixed(&text, closed, sizeof closed);
    d->queue_closed = store_meta_get(d->store, "queue_closed", &text) == 0 && closed[0] == '1';
    load_clock(d);
    code = backup_load(d);
    if (code < 0)
        return err_set(err, code, "the store cannot be read: %s", store_last_error(d->store));
    return index_rebuild(d, err);
}

int state_rebuild(struct daemon *d, struct err *err)
{
    free(d->marked_block);
    d->marked_block = NULL;
    people_forget(d->people);
    return state_load(d, err);
}

/* --- snapshot ---------------------------------------------------------------------------------- */

int state_snapshot(struct daemon *d)
{
    struct buf text;
    buf_init(&text, STORE_SNAPSHOT_MAX);
    core_save(d->core, &text);
    FAULT("snapshot");
    struct store_snapshot snapshot = { .seq = store_journal_last(d->store),
                                       .wall_at = d->last_wall_at, .hash = core_hash(d->core),
                                       .text = buf_look(&text) };
    int code = text.failed;
    if (code == 0)
        code = store_begin(d->store);
    if (code == 0) {
        store_snapshot_add(d->store, &snapshot);
        state_save_clock(d);
        code = store_commit(d->store);
    }
    buf_finish(&text);
    if (code == 0) {
        d->events_since_snapshot = 0;
        d->snapshot_at = d->last_wall_at;
    }
    return code;
}
