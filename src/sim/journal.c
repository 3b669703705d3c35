/* journal.c - events as text, and back into a core. */
#include "sim/journal.h"

#include <inttypes.h>
#include <stdlib.h>

#include "sim/timer.h"

void journal_init(struct journal *j)
{
    *j = (struct journal){ 0 };
    buf_init(&j->text, JOURNAL_WEEK_MAX);
    buf_init(&j->snapshot, JOURNAL_WEEK_MAX);
}

void journal_finish(struct journal *j)
{
    buf_finish(&j->text);
    buf_finish(&j->snapshot);
    free(j->rows);
    *j = (struct journal){ 0 };
}

void journal_add(struct journal *j, const struct core_event *ev, uint64_t hash)
{
    j->rows = sim_grow(j->rows, &j->rows_size, j->rows_n + 1, sizeof(*j->rows));
    struct journal_row *row = &j->rows[j->rows_n++];
    row->at = j->text.len;
    event_print(&j->text, ev);
    row->len = j->text.len - row->at;
    row->hash = hash;
    if (j->text.failed) {
        fprintf(stderr, "eoul-sim: the journal of one run is over %zu bytes\n", JOURNAL_WEEK_MAX);
        abort();
    }
}

void journal_snapshot(struct journal *j, const struct core *core)
{
    buf_clear(&j->snapshot);
    core_save(core, &j->snapshot);
    j->snapshot_seq = j->rows_n;
    j->snapshot_hash = core_hash(core);
}

struct str journal_row_text(const struct journal *j, size_t row)
{
    return (struct str){ j->text.ptr + j->rows[row].at, j->rows[row].len };
}

static int replay_row(struct core_box *box, struct str line, uint64_t hash, void **memory,
                      size_t *memory_size, struct err *err)
{
    struct core_event ev;
    *memory = sim_grow(*memory, memory_size, EVENT_LIST_BYTES(line.len), 1);
    int r = event_parse(line, *memory, *memory_size, &ev, err);
    if (r < 0)
        return r;
    r = core_box_check(box, &ev, err);
    if (r < 0)
        return r;
    uint32_t n;
    core_box_step(box, &ev, &n);
    uint64_t now = core_hash(box->core);
    if (now != hash)
        return err_set(err, E_CORRUPT, "The core's hash is %016" PRIx64 "; the journal has %016" PRIx64 ".",
                       now, hash);
    return 0;
}

int journal_replay(const struct journal *j, uint64_t from, struct core_box *box, uint64_t *ret_seq,
                   struct err *err)
{
    void *memory = NULL;
    size_t memory_size = 0;
    int r = 0;
    for (size_t i = from; i < j->rows_n && r == 0; i++) {
        r = replay_row(box, journal_row_text(j, i), j->rows[i].hash, &memory, &memory_size, err);
        *ret_seq = i + 1;
    }
    free(memory);
    return r;
}

int journal_open(const struct journal *j, struct core_box *box, uint64_t *ret_seq, struct err *err)
{
    *ret_seq = j->snapshot_seq;
    if (j->snapshot_seq == 0) {
        core_box_init(box, &BOX_SMALL);
    } else {
        int r = core_box_load(box, buf_look(&j->snapshot), err);
        if (r < 0)
            return r;
        if (core_hash(box->core) != j->snapshot_hash)
            return err_set(err, E_CORRUPT, "A core loaded from its snapshot has another hash.");
    }
    return journal_replay(j, j->snapshot_seq, box, ret_seq, err);
}

void journal_export(const struct journal *j, bool with_snapshot, FILE *out)
{
    size_t from = 0;
    fprintf(out, "eoul-journal 1 groups=%u\n", BOX_SMALL.groups);
    if (with_snapshot && j->snapshot_seq > 0) {
        from = j->snapshot_seq;
        fprintf(out, "snapshot %" PRIu64 " %016" PRIx64 " %zu\n", j->snapshot_seq, j->snapshot_hash,
                j->snapshot.len);
        fwrite(j->snapshot.ptr, 1, j->snapshot.len, out);
        fputc('\n', out);
    }
    for (size_t i = from; i < j->rows_n; i++) {
        struct str line = journal_row_text(j, i);
        fprintf(out, "%zu %016" PRIx64 " %.*s\n", i + 1, j->rows[i].hash, STR_ARG(line));
    }
}
