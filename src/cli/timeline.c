/* timeline.c - see timeline.h. */
#include "cli/timeline.h"

#include <string.h>

#include "base/utf8.h"
#include "cal/civil.h"
#include "i18n/text.h"
#include "i18n/width.h"

struct cell {
    char
        glyph[20]; /* one character with its combining marks; "" in the second cell of a wide one */
    uint8_t len;
    uint8_t paint; /* enum look */
};

enum look {
    LOOK_NONE,
    LOOK_RUNS,
    LOOK_PLANNED,
    LOOK_LATE,
    LOOK_NOW,
    LOOK_EYES,
    LOOK_TODO,
    LOOK_HEAD,
    LOOK_COUNT
};

/* In the order of enum look; reverse video makes a bar of a label. */
static const char *const colours[LOOK_COUNT] = {
    "", "\033[30;42m", "\033[30;46m", "\033[2;36m", "\033[1;31m", "\033[33m", "\033[30;43m", "\033[1m"};

struct glyphs {
    const char *runs, *planned, *late, *open, *close, *now, *now_head, *eyes, *todo;
};
static const struct glyphs drawn = {"━", "─", "┄", "[", "]", "│", "▼", "▂", "═"};
static const struct glyphs ascii = {"=", "-", ".", "[", "]", "|", "v", "_", "~"};

struct canvas {
    const struct timeline *t;
    const struct glyphs *g;
    size_t cells, name_columns;
    usec_t cell_us;
    struct cell row[TIMELINE_CELLS_MAX];
};

/* --- cells
 * ------------------------------------------------------------------------------------------ */

static void clear_row(struct canvas *c)
{
    for (size_t i = 0; i < c->cells; i++)
        c->row[i] = (struct cell){.glyph = " ", .len = 1};
}

static void put(struct canvas *c, size_t at, const char *glyph, enum look look)
{
    if (at >= c->cells)
        return;
    size_t len = strlen(glyph);
    memcpy(c->row[at].glyph, glyph, len);
    c->row[at].len = (uint8_t)len;
    c->row[at].paint = (uint8_t)look;
}

/* Text from `at`, within `room` cells; returns how many cells it took. */
static size_t put_text(struct canvas *c, size_t at, size_t room, struct str text, enum look look)
{
    size_t used = 0;
    text = width_fit(text, room);
    while (text.len > 0 && at + used < c->cells) {
        const char *from = text.ptr;
        int32_t cp = utf8_next(&text);
        size_t len = (size_t)(text.ptr - from);
        unsigned width = cp < 0 ? 1 : width_char((uint32_t)cp);
        if (width == 0) { /* joins the character before it */
            if (used > 0) {
                struct cell *last = &c->row[at + used - 1];
                while (last > c->row && last->len == 0)
                    last--;
                if (last->len + len <= sizeof last->glyph) {
                    memcpy(last->glyph + last->len, from, len);
                    last->len = (uint8_t)(last->len + len);
                }
            }
            continue;
        }
        if (used + width > room || at + used + width > c->cells)
            break;
        struct cell *cell = &c->row[at + used];
        memcpy(cell->glyph, from, len);
        cell->len = (uint8_t)len;
        cell->paint = (uint8_t)look;
        if (width == 2)
            c->row[at + used + 1] = (struct cell){.len = 0, .paint = (uint8_t)look};
        used += width;
    }
    return used;
}

static size_t cell_of(const struct canvas *c, usec_t at)
{
    if (at <= c->t->from_at)
        return 0;
    usec_t n = (at - c->t->from_at) / c->cell_us;
    return n > (usec_t)c->cells ? c->cells : (size_t)n;
}

static void print_row(struct buf *out, const struct canvas *c, const char *name)
{
    size_t end = c->cells;
    enum look look = LOOK_NONE;
    while (end > 0 && c->row[end - 1].len == 1 && c->row[end - 1].glyph[0] == ' ')
        end--;
    if (end == 0) {
        buf_str(out, width_fit(str_of(name), c->name_columns));
        buf_char(out, '\n');
        return;
    }
    if (c->t->ascii)
        width_cell(out, width_fit(str_of(name), c->name_columns), c->name_columns, WIDTH_LEFT);
    else
        width_cell(out, str_of(name), c->name_columns, WIDTH_LEFT);
    buf_char(out, ' ');
    for (size_t i = 0; i < end; i++) {
        const struct cell *cell = &c->row[i];
        if (c->t->color && cell->paint != look) {
            buf_c(out, look == LOOK_NONE ? "" : "\033[0m");
            buf_c(out, colours[cell->paint]);
            look = cell->paint;
        }
        buf_add(out, cell->glyph, cell->len);
    }
    if (c->t->color && look != LOOK_NONE)
        buf_c(out, "\033[0m");
    buf_char(out, '\n');
}

/* --- hours
 * -------------------------------------------------------------------------------------------- */

/* The instant of a local hour of the day that `at` is in, `hours` after its midnight. */
static usec_t local_hour(const struct zone *zone, usec_t at, int hours)
{
    int64_t day = civil_day_of(zone_to_local_s(zone, at / USEC_PER_SEC));
    return zone_edge_utc_s(zone, day * CIVIL_DAY_S + hours * 3600) * USEC_PER_SEC;
}

void timeline_span(struct timeline *t)
{
    int64_t local_s = zone_to_local_s(t->zone, t->now_at / USEC_PER_SEC);
    int hour = (int)(floor_mod(local_s, CIVIL_DAY_S) / 3600);
    t->from_at = local_hour(t->zone, t->now_at, hour > 0 ? hour - 1 : 0);
    t->until_at = local_hour(t->zone, t->now_at, 48);
}

static void draw_days(struct buf *out, struct canvas *c)
{
    clear_row(c);
    size_t free_from = 0;
    for (int day = 0; day <= 7; day++) {
        usec_t midnight = local_hour(c->t->zone, c->t->now_at, 24 * day);
        if (midnight >= c->t->until_at)
            break;
        size_t at = cell_of(c, usec_max(midnight, c->t->from_at));
        char memory[64];
        struct buf text;
        buf_init_fixed(&text, memory, sizeof memory);
        text_when(&text, c->t->lang, usec_max(midnight, c->t->from_at),
                  zone_offset_s(c->t->zone, usec_max(midnight, c->t->from_at) / USEC_PER_SEC),
                  TEXT_DATE);
        if (at >= free_from)
            free_from = at + put_text(c, at, c->cells - at, buf_look(&text), LOOK_HEAD) + 1;
    }
    print_row(out, c, "");
}

static void draw_hours(struct buf *out, struct canvas *c)
{
    static const int steps[] = {1, 2, 3, 4, 6, 12};
    int step = 12;
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++)
        if (steps[i] * USEC_PER_HOUR >= 4 * c->cell_us) {
            step = steps[i];
            break;
        }
    clear_row(c);
    for (int hour = 0; hour < 24 * 8; hour += step) {
        usec_t at = local_hour(c->t->zone, c->t->now_at, hour);
        if (at < c->t->from_at || at >= c->t->until_at)
            continue;
        char text[4] = {(char)('0' + hour % 24 / 10), (char)('0' + hour % 24 % 10), '\0'};
        size_t now = cell_of(c, c->t->now_at), here = cell_of(c, at);
        if (now != here && now != here + 1) /* half an hour's number would be misread */
            put_text(c, here, 2, str_of(text), LOOK_NONE);
    }
    put(c, cell_of(c, c->t->now_at), c->g->now_head, LOOK_NOW);
    print_row(out, c, "");
}

/* --- bars
 * ---------------------------------------------------------------------------------------------- */

static void draw_bar(struct canvas *c, const struct timeline_bar *bar)
{
    if (bar->until_at <= c->t->from_at || bar->from_at >= c->t->until_at)
        return;
    size_t from = cell_of(c, bar->from_at), until = cell_of(c, bar->until_at),
           late = cell_of(c, bar->late_at);
    enum look look = bar->hands_on ? LOOK_TODO : bar->running ? LOOK_RUNS : LOOK_PLANNED;
    const char *fill = bar->hands_on ? c->g->todo : bar->running ? c->g->runs : c->g->planned;
    if (from >= c->cells)
        return;
    if (until <= from)
        until = from + 1;
    for (size_t i = from; i < until && i < c->cells; i++)
        put(c, i, fill, look);
    for (size_t i = until; i < late && i < c->cells; i++)
        put(c, i, c->g->late, LOOK_LATE);
    size_t length = until - from;
    if (length >= 2 && bar->from_at >= c->t->from_at)
        put(c, from, c->g->open, look);
    if (length >= 2 && until <= c->cells && bar->until_at <= c->t->until_at)
        put(c, until - 1, c->g->close, look);
    if (length >= 4) /* one cell of fill at the end shows whether it runs */
        put_text(c, from + 1, length - 3, str_of(bar->label), look);
    else if (length <= 1)
        put(c, from, bar->hands_on ? fill : bar->running ? "#" : "+", look);
}

static void draw_now(struct canvas *c)
{
    size_t at = cell_of(c, c->t->now_at);
    if (at < c->cells && c->row[at].paint == LOOK_NONE)
        put(c, at, c->g->now, LOOK_NOW);
}

static void draw_lanes(struct buf *out, struct canvas *c)
{
    for (uint32_t lane = 0; lane < c->t->lanes_n; lane++) {
        clear_row(c);
        for (size_t i = 0; i < c->t->bars_n; i++)
            if (c->t->bars[i].lane == lane)
                draw_bar(c, &c->t->bars[i]);
        draw_now(c);
        print_row(out, c, c->t->lane_names[lane]);
    }
}

static void draw_people(struct buf *out, struct canvas *c)
{
    for (size_t p = 0; p < c->t->people_n; p++) {
        const struct timeline_row *row = &c->t->people[p];
        clear_row(c);
        for (size_t i = 0; i < row->look_n; i++) {
            size_t until = cell_of(c, row->look[i].until_at);
            if (row->look[i].until_at <= c->t->from_at)
                continue;
            for (size_t at = cell_of(c, row->look[i].from_at); at < until && at < c->cells; at++)
                put(c, at, c->g->eyes, LOOK_EYES);
        }
        for (size_t i = 0; i < c->t->todos_n; i++)
            if (c->t->todos[i].lane == p)
                draw_bar(c, &c->t->todos[i]);
        draw_now(c);
        print_row(out, c, row->name);
    }
}

static size_t name_columns(const struct timeline *t)
{
    size_t widest = 4;
    for (uint32_t i = 0; i < t->lanes_n; i++)
        widest = width_of(str_of(t->lane_names[i])) > widest ? width_of(str_of(t->lane_names[i]))
                                                             : widest;
    for (size_t i = 0; i < t->people_n; i++)
        widest = width_of(str_of(t->people[i].name)) > widest ? width_of(str_of(t->people[i].name))
                                                              : widest;
    return widest < TIMELINE_NAME_MAX ? widest : TIMELINE_NAME_MAX;
}

void timeline_draw(struct buf *out, const struct timeline *t)
{
    struct canvas c = {.t = t, .g = t->ascii ? &ascii : &drawn, .name_columns = name_columns(t)};
    size_t columns = t->columns < 40 ? 40 : (size_t)t->columns;
    c.cells = columns - c.name_columns - 1;
    if (c.cells > TIMELINE_CELLS_MAX)
        c.cells = TIMELINE_CELLS_MAX;
    usec_t span_us = t->until_at - t->from_at;
    c.cell_us = (span_us + (usec_t)c.cells - 1) / (usec_t)c.cells;
    c.cell_us = (c.cell_us + USEC_PER_MIN - 1) / USEC_PER_MIN * USEC_PER_MIN;
    draw_days(out, &c);
    draw_hours(out, &c);
    draw_lanes(out, &c);
    draw_people(out, &c);
    size_t minutes = (size_t)(c.cell_us / USEC_PER_MIN);
    buf_char(out, '\n');
    buf_printf(out,
               tr(t->lang, "%1$s runs  %2$s planned  %3$s may last  %4$s owner can look  %5$s now  "
                           "(a column is %6$zu min)"),
               c.g->runs, c.g->planned, c.g->late, c.g->eyes, c.g->now_head, minutes);
    buf_char(out, '\n');
    if (t->todos_n > 0) {
        buf_printf(out, tr(t->lang, "%s planned by hand"), c.g->todo);
        buf_char(out, '\n');
    }
}

bool timeline_place(struct timeline_bar *bars, size_t bars_n, size_t which, uint32_t from,
                    uint32_t n)
{
    struct timeline_bar *bar = &bars[which];
    for (uint32_t lane = from; lane < from + n; lane++) {
        bool taken = false;
        for (size_t i = 0; i < bars_n && !taken; i++)
            taken = i != which && bars[i].lane == lane && bars[i].from_at < bar->until_at &&
                    bar->from_at < bars[i].until_at;
        if (!taken) {
            bar->lane = lane;
            return true;
        }
    }
    return false;
}
