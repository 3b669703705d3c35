/* timeline.h - the plan as lines of characters: GPUs as rows, hours across, owners' look hours
 * below.
 *
 * A cell is so many minutes that the span fits the width; what happens inside one cell is drawn as
 * one character.  Labels stand inside their bars, in columns and not in bytes: a Hangul syllable
 * takes two cells.  Box-drawing characters may be two columns wide in some Korean terminals:
 * `ascii` draws without them.  Draws to a buf and asks nobody.
 */
#ifndef EOUL_CLI_TIMELINE_H
#define EOUL_CLI_TIMELINE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/usec.h"
#include "cal/tzif.h"
#include "i18n/tr.h"

#define TIMELINE_CELLS_MAX 480
#define TIMELINE_LANES_MAX 72 /* 64 GPUs and some CPU lanes */
#define TIMELINE_NAME_MAX 14  /* columns of the names at the left */

struct timeline_bar {
    uint32_t lane;
    usec_t from_at, until_at, late_at; /* late_at: may last until then (P90) */
    bool running;
    bool hands_on;     /* a todo: in its person's row, `lane` is the number of that row */
    const char *label; /* clean */
};

struct timeline_row { /* a person and the hours in which they can look */
    const char *name; /* clean */
    const struct span *look;
    size_t look_n;
};

struct timeline {
    enum lang lang;
    bool ascii, color;
    int columns;
    const struct zone *zone;
    usec_t now_at, from_at, until_at;
    const char *lane_names[TIMELINE_LANES_MAX]; /* clean */
    uint32_t lanes_n;
    const struct timeline_bar *bars; /* by start */
    size_t bars_n;
    const struct timeline_row *people;
    size_t people_n;
    const struct timeline_bar *todos;
    size_t todos_n;
};

/* From an hour ago (full hour) to the end of tomorrow, in the reader's zone. */
void timeline_span(struct timeline *t);
void timeline_draw(struct buf *out, const struct timeline *t);

/* Bars that have no lane yet (lane == UINT32_MAX) are put on the first of the lanes [from, from +
 * n) that is free at that time; false if there is none. */
bool timeline_place(struct timeline_bar *bars, size_t bars_n, size_t which, uint32_t from,
                    uint32_t n);

#endif
