/* refusal.c - see refusal.h.
 *
 * Rows lie in the order of their numbers in one array.  A row is dirty until a commit has it; what a commit has is deleted there
 * when it goes.
 *
 * No number is given twice.  The store keeps up to which they may have been told: ID_STEP ahead while this runs, so that
 * a crash, whose last second is not written, skips some; exact at an orderly end.
 */
#include "daemon/refusal.h"

#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "daemon/internal.h"

#define META_ID    "refusal_id"          /* in the store: numbers up to this may have been told */
#define ID_STEP    64u
#define ID_DIGITS  16
#define LOOK_US    USEC_PER_HOUR         /* for what is too old, at the latest */

struct row {
    struct refusal r;
    bool dirty, writing, stored;
};

struct refusals {
    struct row *rows;
    uint32_t n, size;
    uint32_t last_id;
    uint32_t id_stored, id_writing; /* META_ID, and what this turn writes there; 0: nothing */
    struct list gone;       /* uint32_t: to be deleted in the store */
    uint32_t gone_writing;
    usec_t written_boot_at; /* 0: not yet */
    usec_t look_boot_at;    /* for what is too old */
    bool dirty, writing;
};

/* --- looking ---------------------------------------------------------------------------------------- */

static bool is_old(const struct refusal *r, usec_t now_at) { return r->last_at < now_at - REFUSALS_US; }

const struct refusal *daemon_refusal(const struct daemon *d, uint32_t id)
{
    usec_t now_at = daemon_now(d).wall_at;
    for (uint32_t i = 0; i < d->refusals->n; i++)
        if (d->refusals->rows[i].r.id == id && !is_old(&d->refusals->rows[i].r, now_at))
            return &d->refusals->rows[i].r;
    return NULL;
}

/* A repeated one is as new as its last time. */
const struct refusal *daemon_refusal_at(const struct daemon *d, uid_t uid, uint32_t at)
{
    const struct refusal *last = NULL;
    usec_t now_at = daemon_now(d).wall_at;
    for (uint32_t k = 0; k <= at; k++) {
        const struct refusal *best = NULL;
        for (uint32_t i = 0; i < d->refusals->n; i++) {
            const struct refusal *r = &d->refusals->rows[i].r;
            bool older = !last || r->last_at < last->last_at || (r->last_at == last->last_at && r->id < last->id);
            if (r->uid == uid && older && !is_old(r, now_at) &&
                (!best || r->last_at > best->last_at || (r->last_at == best->last_at && r->id > best->id)))
                best = r;
        }
        last = best;
        if (!last)
            break;
    }
    return last;
}

const struct refusal *daemon_refusal_last(const struct daemon *d, uid_t uid) { return daemon_refusal_at(d, uid, 0); }

const struct refusal *daemon_refusal_of_job(const struct daemon *d, uid_t uid, job_id job)
{
    const struct refusal *r;
    for (uint32_t i = 0; (r = daemon_refusal_at(d, uid, i)); i++)
        if (r->job && job >= r->job && job - r->job < r->tasks)
            return r;
    return NULL;
}

/* --- what was asked, in the words of the command line ---------------------------------------------------- */

/* Options that a rule may look at; of the rest `eoul history` knows more. */
static const char *const shown[] = { "account", "array", "begin", "canary", "cpus-per-task", "deadline", "dependency", "flex",
                                     "gpus", "gpus-per-node", "gpus-per-task", "gres", "hold", "mem", "mem-per-cpu",
                                     "mem-per-gpu", "now", "preempt", "requeue", "review", "reviewer", "time", "urgent",
                                     "watts" };

static bool is_shown(struct str key)
{
    for (size_t i = 0; i < sizeof shown / sizeof shown[0]; i++)
        if (str_is(key, shown[i]))
            return true;
    return false;
}

/* Out of the canonical text (spec.h): a line an option. */
static void put_submit(struct buf *out, const struct op *op)
{
    struct str rest = op->submit.items[op->item].spec, line, program = { 0 }, name = { 0 };
    if (op->submit.test)
        buf_c(out, " --test-only");
    while (rest.len && str_next(&rest, '\n', &line)) {
        ptrdiff_t sign = str_find(line, '=');
        if (sign < 0)
            continue;
        struct str key = str_slice(line, 0, (size_t)sign), value = str_slice(line, (size_t)sign + 1, line.len);
        if (str_is(key, "argv") && !program.len)
            program = value;
        else if (str_is(key, "script-name"))
            name = value;
        else if (is_shown(key) && str_is(value, "yes"))
            buf_printf(out, " --%.*s", STR_ARG(key));
        else if (is_shown(key))
            buf_printf(out, " --%.*s=%.*s", STR_ARG(key), STR_ARG(str_slice(value, 0, 60)));
    }
    if (name.len)
        buf_printf(out, " %.*s", STR_ARG(str_slice(name, 0, 60)));
    else if (program.len)
        buf_printf(out, " -- %.*s", STR_ARG(str_slice(program, 0, 60)));
}

static const char *const field_options[SET_FIELD_COUNT] = {
    [SET_LIMIT_US] = "time", [SET_NICE] = "nice", [SET_BEGIN_AT] = "begin", [SET_DEADLINE_AT] = "deadline",
    [SET_ARRAY_MAX] = "at-once", [SET_GPUS] = "gpus", [SET_CPUS] = "cpus-per-task", [SET_MEM_MIB] = "mem",
};

static void put_set(struct buf *out, const struct op *op)
{
    enum set_field field = op->job.field;
    if (field >= SET_FIELD_COUNT || !field_options[field])
        return;
    buf_printf(out, " --%s", field_options[field]);
    if (field == SET_LIMIT_US)
        buf_printf(out, "=%lld", (long long)(op->job.value / USEC_PER_MIN));
    else if (field != SET_BEGIN_AT && field != SET_DEADLINE_AT) /* an instant is a number to nobody */
        buf_printf(out, "=%lld%s", (long long)op->job.value, field == SET_MEM_MIB ? "M" : "");
}

static void put_id(struct buf *out, struct str id)
{
    if (id.len)
        buf_printf(out, " %.*s", STR_ARG(str_slice(id, 0, 40)));
}

static void put_asked(struct buf *out, const struct op *op)
{
    buf_printf(out, "eoul %s", op->kind == OP_CALENDAR ? "me calendar" : op->kind == OP_FEED ? "me feed"
                               : op->kind == OP_CHANNEL ? "me notify" : op->kind == OP_LINK ? "people link"
                                                                                            : op_word(op->kind));
    switch (op->kind) {
    case OP_SUBMIT:
        if (op->for_person.len)
            buf_printf(out, " --for=%.*s", STR_ARG(str_slice(op->for_person, 0, 60)));
        if (op->item < op->submit.items_n)
            put_submit(out, op);
        break;
    case OP_CANCEL: case OP_HOLD: case OP_RELEASE: case OP_FIRST: case OP_REQUEUE: case OP_SIGNAL:
        put_id(out, op->job.id);
        break;
    case OP_SET:
        put_id(out, op->job.id);
        put_set(out, op);
        break;
    case OP_GPU_DRAIN: case OP_GPU_UNDRAIN: put_id(out, op->gpu.id); break;
    case OP_RESERVE:
        if (op->reserve.change->remove) {
            buf_c(out, " --cancel");
            put_id(out, op->reserve.change->id);
            break;
        }
        buf_printf(out, " --gpus=%u", op->reserve.change->gpus);
        if (op->reserve.change->model.len)
            buf_printf(out, " --model=%.*s", STR_ARG(str_slice(op->reserve.change->model, 0, 60)));
        break;
    case OP_BOOST:
        buf_c(out, op->boost.change->remove ? " --cancel" : "");
        put_id(out, op->boost.change->remove ? op->boost.change->id : op->boost.change->of);
        break;
    case OP_TODO:
        buf_printf(out, " %s", todo_action_word(op->todo.change->action));
        put_id(out, op->todo.change->id);
        break;
    default: break;
    }
}

/* --- writing one down ------------------------------------------------------------------------------------- */

static bool is_kept(const struct op *op)
{
    if (op->by_link || op->tap || op->kind == OP_CODE)
        return false; /* nobody who could ask */
    if (op->of_many)
        return false; /* twenty ended jobs would push out all else */
    if (op->err.rule.rule != REFUSED_NONE)
        return true;
    switch (op->result) {
    case E_DENIED: case E_STATE: case E_LIMIT: case E_EXISTS: case E_TOO_LARGE: return true;
    default: return false; /* malformed, not there, or the daemon's own trouble */
    }
}

/* Foreign text for one line, cut at a character. */
static void put_text(char *to, size_t size, struct str text)
{
    char memory[3 * ERR_TEXT_MAX + 1]; /* cleaned, a byte is three at most */
    struct buf b;
    buf_init_fixed(&b, memory, sizeof memory);
    utf8_clean(&b, str_slice(text, 0, ERR_TEXT_MAX));
    size_t n = b.len < size ? b.len : size - 1;
    while (n > 0 && n < b.len && ((unsigned char)memory[n] & 0xC0) == 0x80)
        n--;
    memcpy(to, memory, n);
    to[n] = '\0';
}

/* The job, or todo, that was to be changed. */
static void find_subject(struct daemon *d, const struct op *op, struct refusal *r)
{
    struct job_ref ref;
    struct str id = { 0 };
    switch (op->kind) {
    case OP_CANCEL: case OP_HOLD: case OP_RELEASE: case OP_FIRST: case OP_REQUEUE: case OP_SIGNAL: case OP_SET:
        id = op->job.id;
        break;
    case OP_BOOST:
        if (!op->boost.change->remove && op->boost.change->of.len && op->boost.change->of.ptr[0] >= '0' &&
            op->boost.change->of.ptr[0] <= '9')
            id = op->boost.change->of;
        break;
    default: return;
    }
    if (id.len && daemon_job_find(d, id, &ref, NULL) == 0) {
        r->job = ref.id;
        r->tasks = ref.tasks;
    }
}

static void fill(struct daemon *d, const struct op *op, struct refusal *r)
{
    char memory[4 * REFUSAL_ASKED_MAX];
    struct buf asked;
    buf_init_fixed(&asked, memory, sizeof memory);
    put_asked(&asked, op);
    *r = (struct refusal){ .uid = op->peer.uid, .at = d->now.wall_at, .last_at = d->now.wall_at, .times = 1,
                           .operation = (uint8_t)op->kind, .code = op->result, .rule = op->err.rule };
    r->rule.rule = op->err.rule.rule ? op->err.rule.rule : REFUSED_OTHER;
    r->person = op->for_person.len ? people_find_name(d->people, op->for_person)
                                   : people_find_uid(d->people, op->peer.uid);
    if (op->kind == OP_RESERVE && !op->reserve.change->remove) {
        r->gpus = op->reserve.change->gpus;
        r->from_at = op->reserve.change->from_at ? op->reserve.change->from_at : d->now.wall_at;
        r->until_at = op->reserve.change->until_at;
        put_text(r->model, sizeof r->model, op->reserve.change->model);
    } else if (op->kind == OP_SUBMIT && op->item < op->submit.items_n) {
        r->gpus = op->submit.items[op->item].ret_gpus;
    }
    put_text(r->asked, sizeof r->asked, buf_look(&asked));
    put_text(r->sentence, sizeof r->sentence, str_of(op->err.text));
    find_subject(d, op, r);
}

/* The same asked again: a reservation from "now" begins later each time. */
static bool equal(const struct refusal *a, const struct refusal *b)
{
    return a->uid == b->uid && a->operation == b->operation && a->code == b->code && a->rule.rule == b->rule.rule &&
           a->person == b->person && a->job == b->job && a->gpus == b->gpus &&
           a->until_at - a->from_at == b->until_at - b->from_at && strcmp(a->asked, b->asked) == 0;
}

static void drop(struct refusals *f, uint32_t i)
{
    if (f->rows[i].stored) {
        uint32_t *id = list_add(&f->gone, sizeof *id);
        if (id)
            *id = f->rows[i].r.id;
        f->dirty = true;
    }
    memmove(f->rows + i, f->rows + i + 1, (f->n - i - 1) * sizeof f->rows[0]);
    f->n--;
}

/* Room for one more. */
static void make_room(struct refusals *f, uid_t uid)
{
    uint32_t own = 0;
    for (uint32_t i = f->n; i-- > 0;) {
        own += f->rows[i].r.uid == uid;
        if (f->rows[i].r.uid == uid && own >= REFUSALS_OF_ONE)
            drop(f, i);
    }
    while (f->n >= REFUSALS_MAX)
        drop(f, 0);
}

static struct row *add_row(struct refusals *f)
{
    if (f->n == f->size) {
        uint32_t size = f->size ? 2 * f->size : 16;
        struct row *rows = realloc(f->rows, size * sizeof *rows);
        if (!rows)
            return NULL;
        f->rows = rows;
        f->size = size;
    }
    f->rows[f->n] = (struct row){ 0 };
    return &f->rows[f->n++];
}

void refusals_note(struct daemon *d, struct op *op)
{
    struct refusals *f = d->refusals;
    struct refusal r;
    if (op->refusal || !is_kept(op)) /* the turn is tried again */
        return;
    fill(d, op, &r);
    for (uint32_t i = 0; i < f->n; i++) {
        struct refusal *old = &f->rows[i].r;
        if (!equal(old, &r))
            continue;
        r.id = old->id;
        r.at = old->at;
        r.times = old->times + (old->times < UINT32_MAX);
        *old = r;
        f->rows[i].dirty = f->dirty = true;
        op->refusal = r.id;
        return;
    }
    make_room(f, r.uid);
    struct row *row = add_row(f);
    if (!row)
        return; /* it is refused all the same */
    r.id = ++f->last_id;
    if (r.id > f->id_stored)
        f->written_boot_at = 0; /* with this turn: it is told after the commit */
    *row = (struct row){ .r = r, .dirty = true };
    f->dirty = true;
    op->refusal = r.id;
}

uint32_t refusals_forget(struct daemon *d, const uid_t *uid, person_no person)
{
    struct refusals *f = d->refusals;
    uint32_t n = f->n;
    for (uint32_t i = f->n; i-- > 0;)
        if (uid ? f->rows[i].r.uid == *uid : f->rows[i].r.person == person)
            drop(f, i);
    f->written_boot_at = 0; /* in this turn */
    return n - f->n;
}

/* By the time that is believed: a clock that is wrong takes nothing. */
static void drop_old(struct daemon *d)
{
    struct refusals *f = d->refusals;
    usec_t now_at = believed_now(&d->believed, d->now.wall_at, d->now.boot_at), first_at = USEC_NEVER;
    if (!f->n || d->now.boot_at < f->look_boot_at)
        return;
    for (uint32_t i = f->n; i-- > 0;) {
        if (is_old(&f->rows[i].r, now_at))
            drop(f, i);
        else
            first_at = usec_min(first_at, f->rows[i].r.last_at);
    }
    usec_t next_us = first_at == USEC_NEVER ? LOOK_US : first_at + REFUSALS_US + 1 - now_at;
    f->look_boot_at = d->now.boot_at + usec_max(USEC_PER_SEC, usec_min(next_us, LOOK_US));
}

/* --- the store ---------------------------------------------------------------------------------------------- */

usec_t refusals_due(const struct daemon *d)
{
    const struct refusals *f = d->refusals;
    if (d->disk_full)
        return USEC_NEVER;
    usec_t look_at = f->n ? f->look_boot_at : USEC_NEVER;
    usec_t write_at = f->written_boot_at ? usec_add(f->written_boot_at, REFUSALS_WRITE_US) : 0;
    return f->dirty ? usec_min(look_at, write_at) : look_at;
}

bool refusals_wait(const struct daemon *d) { return refusals_due(d) <= d->now.boot_at; }

static struct store_refusal row_of(const struct refusal *r)
{
    return (struct store_refusal){
        .id = r->id, .uid = r->uid, .at = r->at, .last_at = r->last_at, .times = r->times,
        .operation = str_of(op_word((enum op_kind)r->operation)), .code = str_of(err_word(r->code)),
        .rule = str_of(refused_word((enum refused)r->rule.rule)), .limit = r->rule.limit, .used = r->rule.used,
        .need = r->rule.need, .change_at = r->rule.change_at, .person = r->person, .job = r->job, .tasks = r->tasks,
        .gpus = r->gpus, .model = str_of(r->model), .from_at = r->from_at, .until_at = r->until_at,
        .asked = str_of(r->asked), .sentence = str_of(r->sentence) };
}

/* Numbers up to this may be told from the commit on. */
static int write_id(struct daemon *d, uint32_t id)
{
    char digits[ID_DIGITS];
    struct buf text;
    if (id == d->refusals->id_stored)
        return 0;
    buf_init_fixed(&text, digits, sizeof digits);
    buf_printf(&text, "%u", id);
    d->refusals->id_writing = id;
    return store_meta_put(d->store, META_ID, buf_look(&text));
}

static int write_rows(struct daemon *d)
{
    struct refusals *f = d->refusals;
    int code = 0;
    f->writing = true;
    f->gone_writing = f->gone.n;
    for (uint32_t i = 0; i < f->gone.n && code == 0; i++)
        code = store_refusal_remove(d->store, ((const uint32_t *)f->gone.at)[i]);
    for (uint32_t i = 0; i < f->n && code == 0; i++) {
        if (!f->rows[i].dirty)
            continue;
        struct store_refusal row = row_of(&f->rows[i].r);
        code = store_refusal_put(d->store, &row);
        f->rows[i].writing = true;
    }
    return code;
}

int refusals_write(struct daemon *d)
{
    struct refusals *f = d->refusals;
    if (!refusals_wait(d))
        return 0;
    drop_old(d);
    if (!f->dirty)
        return 0;
    int code = f->last_id > f->id_stored ? write_id(d, f->last_id + ID_STEP) : 0;
    return code < 0 ? code : write_rows(d);
}

void refusals_committed(struct daemon *d)
{
    struct refusals *f = d->refusals;
    if (!f->writing)
        return;
    for (uint32_t i = 0; i < f->n; i++) {
        struct row *row = &f->rows[i];
        row->stored |= row->writing;
        row->dirty &= !row->writing;
        row->writing = false;
    }
    f->gone.n = f->gone_writing = 0;
    f->id_stored = f->id_writing ? f->id_writing : f->id_stored;
    f->id_writing = 0;
    f->dirty = f->writing = false;
    f->written_boot_at = d->now.boot_at;
}

void refusals_rolled_back(struct daemon *d)
{
    for (uint32_t i = 0; i < d->refusals->n; i++)
        d->refusals->rows[i].writing = false;
    d->refusals->gone_writing = d->refusals->id_writing = 0;
    d->refusals->writing = false;
}

void refusals_flush(struct daemon *d)
{
    struct refusals *f = d->refusals;
    if ((!f->dirty && f->last_id == f->id_stored) || d->disk_full || store_begin(d->store) < 0)
        return;
    int code = write_id(d, f->last_id);
    if (code == 0)
        code = write_rows(d);
    if (code == 0)
        code = store_commit(d->store);
    else
        store_rollback(d->store);
    if (code < 0)
        log_line("refusals", "state=not-kept code=%s", err_word(code));
}

static int op_of(struct str word)
{
    for (int i = 0; i < OP_KIND_COUNT; i++)
        if (str_is(word, op_word((enum op_kind)i)))
            return i;
    return -1;
}

static int code_of(struct str word)
{
#define X(code, value, w, status, http) if (str_is(word, w)) return code;
    ERR_LIST(X)
#undef X
    return E_INTERNAL;
}

/* Words of a newer eoul that went back are told by their sentence. */
static uint32_t rule_of(struct str word)
{
    for (int i = 1; i < REFUSED_COUNT; i++)
        if (str_is(word, refused_word((enum refused)i)))
            return (uint32_t)i;
    return REFUSED_OTHER;
}

static int load_row(const struct store_refusal *s, void *data)
{
    struct daemon *d = data;
    struct refusals *f = d->refusals;
    int operation = op_of(s->operation);
    f->last_id = s->id > f->last_id ? s->id : f->last_id;
    struct row *row = operation < 0 ? NULL : add_row(f);
    if (!row)
        return operation < 0 ? 0 : E_NO_MEMORY;
    row->stored = true;
    row->r = (struct refusal){
        .id = s->id, .uid = s->uid, .at = s->at, .last_at = s->last_at, .times = s->times,
        .operation = (uint8_t)operation, .code = code_of(s->code),
        .rule = { .rule = rule_of(s->rule), .limit = s->limit, .used = s->used, .need = s->need, .change_at = s->change_at },
        .person = (person_no)s->person, .job = s->job, .tasks = s->tasks, .gpus = s->gpus, .from_at = s->from_at,
        .until_at = s->until_at };
    put_text(row->r.model, sizeof row->r.model, s->model);
    put_text(row->r.asked, sizeof row->r.asked, s->asked);
    put_text(row->r.sentence, sizeof row->r.sentence, s->sentence);
    return 0;
}

/* A store of before that was kept, or one set back, has none: then what the rows say. */
static int load_id(struct daemon *d, struct err *err)
{
    struct refusals *f = d->refusals;
    char digits[ID_DIGITS];
    struct buf text;
    uint64_t id = 0;
    buf_init_fixed(&text, digits, sizeof digits);
    int code = store_meta_get(d->store, META_ID, &text);
    if (code < 0 && code != E_NOT_FOUND)
        return err_set(err, code, "what was refused could not be read");
    if (code == 0 && str_u64(buf_look(&text), &id) == 0 && id < UINT32_MAX) {
        f->id_stored = (uint32_t)id;
        f->last_id = f->id_stored > f->last_id ? f->id_stored : f->last_id;
    }
    return 0;
}

int refusals_load(struct daemon *d, struct err *err)
{
    d->refusals = calloc(1, sizeof *d->refusals);
    if (!d->refusals)
        return err_set(err, E_NO_MEMORY, "out of memory");
    int code = store_refusals_each(d->store, load_row, d);
    return code < 0 ? err_set(err, code, "what was refused could not be read") : load_id(d, err);
}

void refusals_finish(struct daemon *d)
{
    if (!d->refusals)
        return;
    free(d->refusals->rows);
    list_finish(&d->refusals->gone);
    free(d->refusals);
    d->refusals = NULL;
}
