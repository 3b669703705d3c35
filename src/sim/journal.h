/* journal.h - what a made-up store keeps of the core: every event with the hash after it, a snapshot.
 *
 * The text form is the one the live store exports (store/store.h): `eoul-journal 1` (here with `groups=N`), then
 * `snapshot SEQ HASH BYTES` newline, that many bytes of core_save and a newline (absent when the rows
 * start at the beginning), then `SEQ HASH EVENT` lines.  HASH is 16 hex digits.
 */
#ifndef EOUL_SIM_JOURNAL_H
#define EOUL_SIM_JOURNAL_H

#include <stdio.h>

#include "sim/box.h"

#define JOURNAL_BYTES_MAX ((size_t)1 << 30) /* one file read whole: a year of a busy team is 100 MB */
#define JOURNAL_WEEK_MAX  ((size_t)64 << 20) /* written by a simulated week, of a MB or two: more is one that has no end */

struct journal_row {
    size_t at;
    size_t len;
    uint64_t hash;
};

struct journal {
    struct buf text;
    struct journal_row *rows; /* rows[i] has sequence number i + 1 */
    size_t rows_n, rows_size;
    uint64_t snapshot_seq;    /* 0: none */
    uint64_t snapshot_hash;
    struct buf snapshot;
};

void journal_init(struct journal *j);
void journal_finish(struct journal *j);
void journal_add(struct journal *j, const struct core_event *ev, uint64_t hash);
void journal_snapshot(struct journal *j, const struct core *core);
struct str journal_row_text(const struct journal *j, size_t row);

/* Rows after `from` given to a core; 0 when every hash agrees, else E_CORRUPT and *ret_seq names the
 * first that differs (or cannot be read). */
int journal_replay(const struct journal *j, uint64_t from, struct core_box *box, uint64_t *ret_seq,
                   struct err *err);
/* The core as it was after the last row: snapshot, then the rows after it. */
int journal_open(const struct journal *j, struct core_box *box, uint64_t *ret_seq, struct err *err);

void journal_export(const struct journal *j, bool with_snapshot, FILE *out);

#endif
