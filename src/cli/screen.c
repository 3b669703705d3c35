/* screen.c - the terminal: its width, colours, times in the reader's zone, tables. */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/io.h"
#include "base/utf8.h"
#include "cal/civil.h"
#include "cal/zone_load.h"
#include "cli/cli.h"
#include "i18n/text.h"
#include "i18n/width.h"

#define COLUMNS_MIN 40
#define COLUMNS_MAX 500

/* A terminal whose character set is not UTF-8 gets ASCII. */
static bool locale_is_utf8(void)
{
    const char *names[] = {"LC_ALL", "LC_CTYPE", "LANG"};
    for (size_t i = 0; i < 3; i++) {
        const char *value = getenv(names[i]);
        if (value && value[0])
            return strcasestr(value, "utf-8") || strcasestr(value, "utf8");
    }
    return false;
}

static int terminal_columns(void)
{
    const char *said = getenv("COLUMNS");
    uint64_t number;
    struct winsize size;
    int columns = 0;
    if (said && str_u64(str_of(said), &number) == 0 && number > 0)
        columns = (int)(number < COLUMNS_MAX ? number : COLUMNS_MAX);
    else if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0)
        columns = size.ws_col > 0 ? size.ws_col : 80;
    if (columns == 0)
        return 0;
    return columns < COLUMNS_MIN ? COLUMNS_MIN : columns > COLUMNS_MAX ? COLUMNS_MAX : columns;
}

void screen_init(struct cli *cli, bool force_ascii)
{
    const char *no_color = getenv("NO_COLOR");
    const char *term = getenv("TERM");
    cli->out_tty = isatty(STDOUT_FILENO);
    cli->err_tty = isatty(STDERR_FILENO);
    cli->color = cli->out_tty && !(no_color && no_color[0]) && !(term && strcmp(term, "dumb") == 0);
    cli->ascii = force_ascii || !locale_is_utf8();
    cli->columns = terminal_columns();
    buf_init(&cli->out, CLI_OUT_MAX);
    cli->now_at = io_wall_now();
}

int cli_flush(struct cli *cli)
{
    int r = 0;
    if (cli->out.failed)
        r = err_set(&cli->err, cli->out.failed,
                    "There is more to show than memory holds; ask for less with --limit.");
    else if (cli->out.len > 0)
        r = io_write_all(STDOUT_FILENO, cli->out.ptr, cli->out.len);
    if (r < 0 && !cli->out.failed)
        err_set(&cli->err, r, "The output cannot be written: %s.", strerror(errno));
    buf_clear(&cli->out);
    return r;
}

void cli_clean(struct buf *out, const char *foreign)
{
    utf8_clean(out, str_of(foreign));
}

const char *cli_ellipsis(const struct cli *cli)
{
    return cli->ascii ? "..." : "…";
}

/* --- time ---------------------------------------------------------------------------------------
 */

static bool zone_from(struct cli *cli, const char *name)
{
    if (!name || !name[0])
        return false;
    if (name[0] == ':')
        name++;
    struct err ignored = {0};
    if (zone_load(str_of(name), &cli->zone, cli->zone_name, &ignored) == 0)
        return true;
    if (tzif_parse_posix(str_of(name), &cli->zone, &ignored) == 0) {
        snprintf(cli->zone_name, sizeof cli->zone_name, "%s", name);
        return true;
    }
    return false;
}

const struct zone *cli_zone(struct cli *cli)
{
    if (cli->zone_known)
        return &cli->zone;
    cli->zone_known = true;
    if (zone_from(cli, getenv("TZ")))
        return &cli->zone;
    if (cli->http.open) { /* what they told eoul with "eoul me zone" */
        struct err kept = cli->err;
        usec_t now_at = cli->now_at;
        json_t *me;
        bool found = false;
        if (cli_call(cli, "GET", "/v1/me", NULL, &me) == 0) {
            found = zone_from(cli, json_text(me, "zone"));
            json_decref(me);
        }
        cli->err = kept;
        cli->now_at = now_at;
        if (found)
            return &cli->zone;
    }
    struct err ignored = {0};
    if (zone_load_system(&cli->zone, cli->zone_name, &ignored) < 0) {
        zone_init_fixed(&cli->zone, 0);
        snprintf(cli->zone_name, sizeof cli->zone_name, "UTC");
    }
    return &cli->zone;
}

/* A list's times lie in the same half of a year: the rule of the zone is asked once for it. */
static int32_t offset_at(struct cli *cli, int64_t utc_s)
{
    const struct zone *zone = cli_zone(cli);
    if (utc_s < cli->zone_last.from_s || utc_s >= cli->zone_last.until_s)
        cli->zone_last.offset_s =
            zone_stretch(zone, utc_s, &cli->zone_last.from_s, &cli->zone_last.until_s);
    return cli->zone_last.offset_s;
}

static int64_t today_of(struct cli *cli)
{
    if (cli->zone_last.today_of != cli->now_at) {
        int64_t now_s = cli->now_at / USEC_PER_SEC;
        cli->zone_last.today = civil_day_of(now_s + offset_at(cli, now_s));
        cli->zone_last.today_of = cli->now_at;
    }
    return cli->zone_last.today;
}

void cli_when(struct cli *cli, struct buf *out, usec_t at)
{
    if (at <= 0 || at == USEC_NEVER) {
        buf_char(out, '-');
        return;
    }
    int64_t today = today_of(cli);
    int32_t offset_s = offset_at(cli, at / USEC_PER_SEC);
    int64_t day = civil_day_of(at / USEC_PER_SEC + offset_s);
    enum text_when form = day == today                             ? TEXT_TIME
                          : day > today - 6 && day < today + 6     ? TEXT_DAY_TIME
                          : day > today - 180 && day < today + 180 ? TEXT_DATE_TIME
                                                                   : TEXT_FULL;
    text_when(out, cli->lang, at, offset_s, form);
}

void cli_length(struct cli *cli, struct buf *out, usec_t length_us)
{
    text_duration(out, cli->lang, length_us);
}

/* --- colour -------------------------------------------------------------------------------------
 */

const char *paint_on(const struct cli *cli, enum paint paint)
{
    static const char *const codes[] = {"",         "\033[2m",  "\033[1m",  "\033[31m",
                                        "\033[32m", "\033[33m", "\033[34m", "\033[36m"};
    return cli->color ? codes[paint] : "";
}

const char *paint_off(const struct cli *cli)
{
    return cli->color ? "\033[0m" : "";
}

enum paint paint_of_state(const char *state)
{
    if (strcmp(state, "RUNNING") == 0 || strcmp(state, "CONFIGURING") == 0 ||
        strcmp(state, "COMPLETING") == 0)
        return PAINT_GREEN;
    if (strcmp(state, "PENDING") == 0)
        return PAINT_YELLOW;
    if (strcmp(state, "COMPLETED") == 0)
        return PAINT_DIM;
    return strcmp(state, "CANCELLED") == 0 ? PAINT_DIM : PAINT_RED;
}

/* --- tables
 * --------------------------------------------------------------------------------------- */

#define TABLE_COLUMNS_MAX 16
#define TABLE_GAP 2 /* blanks between columns */
#define TABLE_FLEX_MIN 8

struct table {
    struct column column[TABLE_COLUMNS_MAX];
    size_t columns_n;
    size_t width[TABLE_COLUMNS_MAX];
    bool shown[TABLE_COLUMNS_MAX];
    size_t last; /* of those that are shown */
    struct buf text; /* all cells: a struct cell and the text */
    size_t cells_n;
};

struct cell {
    uint32_t len, width; /* bytes and columns of the text behind it */
    uint8_t paint;
};

struct table *table_create(const struct column *columns, size_t columns_n)
{
    struct table *t = calloc(1, sizeof *t);
    if (!t || columns_n > TABLE_COLUMNS_MAX) {
        free(t);
        return NULL;
    }
    buf_init(&t->text, CLI_OUT_MAX);
    t->columns_n = columns_n;
    for (size_t i = 0; i < columns_n; i++) {
        t->column[i] = columns[i];
        t->width[i] = width_of(str_of(columns[i].title));
        t->shown[i] = !columns[i].optional;
    }
    return t;
}

void table_cell(struct table *t, struct str text, enum paint paint)
{
    if (!t)
        return;
    struct cell cell = { (uint32_t)text.len, (uint32_t)width_of(text), (uint8_t)paint };
    size_t column = t->cells_n++ % t->columns_n;
    if (cell.width > t->width[column])
        t->width[column] = cell.width;
    t->shown[column] |= text.len > 0;
    buf_add(&t->text, &cell, sizeof cell);
    buf_str(&t->text, text);
}

void table_drop(struct table *t)
{
    if (t)
        buf_finish(&t->text);
    free(t);
}

static void fit_to(struct table *t, size_t columns)
{
    size_t total = 0;
    for (size_t i = 0; i < t->columns_n; i++)
        total += t->shown[i] ? t->width[i] + (i == t->last ? 0 : TABLE_GAP) : 0;
    /* the widest flexible column gives way first, one blank at a time */
    while (total > columns) {
        size_t widest = t->columns_n;
        for (size_t i = 0; i < t->columns_n; i++)
            if (t->column[i].flexible && t->shown[i] && t->width[i] > TABLE_FLEX_MIN &&
                (widest == t->columns_n || t->width[i] > t->width[widest]))
                widest = i;
        if (widest == t->columns_n)
            return;
        t->width[widest]--;
        total--;
    }
}

/* What fits: its blanks, the text, its blanks. */
static void put_whole(struct buf *out, struct str text, size_t before, size_t behind)
{
    char *at = buf_reserve(out, before + text.len + behind);
    if (!at)
        return;
    memset(at, ' ', before);
    if (text.len)
        memcpy(at + before, text.ptr, text.len);
    memset(at + before + text.len, ' ', behind);
    buf_added(out, before + text.len + behind);
}

static void put_cell(struct table *t, struct cli *cli, size_t column, struct str text, size_t has,
                     enum paint paint)
{
    struct buf *out = &cli->out;
    bool last = column == t->last, right = t->column[column].right;
    size_t width = t->width[column];
    if (!t->shown[column])
        return;
    buf_c(out, paint_on(cli, paint));
    if (has <= width) {
        put_whole(out, text, right ? width - has : 0, right || last ? 0 : width - has);
    } else if (cli->ascii) { /* width_cut's mark is not ASCII */
        buf_str(out, width_fit(text, width > 2 ? width - 2 : width));
        buf_c(out, width > 2 ? ".." : "");
    } else if (last && !right) {
        width_cut(out, text, width);
    } else {
        width_cell(out, text, width, right ? WIDTH_RIGHT : WIDTH_LEFT);
    }
    if (paint != PAINT_NONE)
        buf_c(out, paint_off(cli));
    buf_c(out, last ? "\n" : "  ");
}

void table_finish(struct table *t, struct cli *cli)
{
    if (!t) {
        cli->out.failed = E_NO_MEMORY;
        return;
    }
    if (t->text.failed)
        cli->out.failed = t->text.failed;
    for (size_t i = 0; i < t->columns_n; i++)
        t->last = t->shown[i] ? i : t->last;
    if (cli->columns > 0)
        fit_to(t, (size_t)cli->columns);
    for (size_t i = 0; i < t->columns_n; i++)
        put_cell(t, cli, i, str_of(t->column[i].title), width_of(str_of(t->column[i].title)), PAINT_BOLD);
    const char *at = t->text.ptr;
    assert(t->columns_n > 0);
    for (size_t i = 0; i < t->cells_n && !t->text.failed; i++) {
        struct cell cell;
        memcpy(&cell, at, sizeof cell);
        at += sizeof cell;
        put_cell(t, cli, i % t->columns_n, (struct str){ at, cell.len }, cell.width, (enum paint)cell.paint);
        at += cell.len;
    }
    table_drop(t);
}
