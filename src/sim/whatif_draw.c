/* whatif_draw.c - the answer as a table with bars for a terminal, and as a picture (SVG). */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "i18n/text.h"
#include "i18n/width.h"
#include "sim/whatif.h"

#define COLUMNS  12 /* the last only under a power cap */
#define BAR      40
#define CELL_MAX 48
#define ALIKE    0.01 /* no difference */
#define JOBS_FEW 50 /* with fewer, one job more or less turns the answer */

/* --- words ---------------------------------------------------------------------------------------- */

static void option_word(const struct whatif_row *r, char out[CELL_MAX])
{
    snprintf(out, CELL_MAX, "%u x %s", r->gpus, r->policy.word);
}

static void money(struct buf *out, double value, const char *currency, enum lang lang)
{
    int64_t whole = llround(value);
    if (strcmp(currency, "KRW") == 0) {
        text_krw(out, lang, whole * 1000);
        return;
    }
    text_number(out, whole);
    buf_printf(out, " %s", currency);
}

/* --- a table -------------------------------------------------------------------------------------- */

struct cells {
    char at[WHATIF_OPTIONS_MAX + 1][COLUMNS][CELL_MAX];
    uint32_t rows_n;
    int columns;
};

static void cell_number(char out[CELL_MAX], double value, int digits)
{
    snprintf(out, CELL_MAX, "%.*f", digits, value);
}

static void cell_whole(char out[CELL_MAX], double value)
{
    struct buf b;
    char memory[CELL_MAX];
    buf_init_fixed(&b, memory, sizeof(memory));
    text_number(&b, llround(value));
    snprintf(out, CELL_MAX, "%s", b.failed ? "" : memory);
}

static void fill(const struct whatif_table *t, enum lang lang, struct cells *c)
{
    const char *const heads[COLUMNS] = {
        tr(lang, "GPUs x order"), tr(lang, "until seen h"), tr(lang, "delay h"), tr(lang, "p90 delay h"),
        tr(lang, "wait h"), tr(lang, "results"), tr(lang, "in use"), tr(lang, "while away"), tr(lang, "kWh/year"),
        tr(lang, "power/year"), tr(lang, "GPUs/year"), tr(lang, "peak kW") };
    c->columns = t->power_cap ? COLUMNS : COLUMNS - 1;
    for (int k = 0; k < c->columns; k++)
        snprintf(c->at[0][k], CELL_MAX, "%s", heads[k]);
    for (uint32_t i = 0; i < t->rows_n; i++) {
        const struct whatif_row *r = &t->rows[i];
        char (*row)[CELL_MAX] = c->at[i + 1];
        option_word(r, row[0]);
        cell_number(row[1], r->f.tte_mean_h, 1);
        cell_number(row[2], r->f.delay_mean_h, 1);
        cell_number(row[3], r->f.delay_p90_h, 1);
        cell_number(row[4], r->f.wait_mean_h, 1);
        cell_number(row[5], r->results, 1);
        snprintf(row[6], CELL_MAX, "%.0f %%", r->f.utilisation * 100);
        cell_whole(row[7], r->f.off_hours_ends);
        cell_whole(row[8], r->kwh_year);
        cell_whole(row[9], r->power_year);
        cell_whole(row[10], r->gpus_year);
        cell_number(row[11], r->f.peak_kw, 2);
    }
    c->rows_n = t->rows_n + 1;
}

static void padded(struct buf *out, const char *s, size_t width, bool right)
{
    size_t w = width_of(str_of(s));
    if (!right)
        buf_c(out, s);
    for (size_t i = w; i < width; i++)
        buf_char(out, ' ');
    if (right)
        buf_c(out, s);
}

static void widths(const struct cells *c, size_t width[COLUMNS])
{
    memset(width, 0, COLUMNS * sizeof(*width));
    for (uint32_t i = 0; i < c->rows_n; i++) {
        for (int k = 0; k < c->columns; k++) {
            size_t w = width_of(str_of(c->at[i][k]));
            width[k] = w > width[k] ? w : width[k];
        }
    }
}

static void put_cells(struct buf *out, const struct cells *c)
{
    size_t width[COLUMNS];
    widths(c, width);
    for (uint32_t i = 0; i < c->rows_n; i++) {
        for (int k = 0; k < c->columns; k++) {
            if (k)
                buf_c(out, "  ");
            padded(out, c->at[i][k], width[k], k > 0);
        }
        buf_char(out, '\n');
    }
}

/* --- bars and hours ------------------------------------------------------------------------------- */

static void put_bars(const struct whatif_table *t, enum lang lang, bool ascii, struct buf *out)
{
    double most = 0;
    char word[CELL_MAX];
    for (uint32_t i = 0; i < t->rows_n; i++)
        most = fmax(most, t->rows[i].f.tte_mean_h);
    buf_printf(out, "\n%s\n", tr(lang, "Hours until the owner sees a result, on average"));
    for (uint32_t i = 0; i < t->rows_n; i++) {
        const struct whatif_row *r = &t->rows[i];
        int cells = most > 0 ? (int)lround(r->f.tte_mean_h / most * BAR) : 0;
        option_word(r, word);
        padded(out, word, 16, false);
        for (int k = 0; k < cells; k++)
            buf_c(out, ascii ? "#" : "\xe2\x96\x88");
        buf_printf(out, " %.1f\n", r->f.tte_mean_h);
    }
}

static void put_hours(const struct whatif_table *t, enum lang lang, bool ascii, struct buf *out)
{
    static const char *const blocks[] = { " ", "\xe2\x96\x81", "\xe2\x96\x82", "\xe2\x96\x83", "\xe2\x96\x84",
                                          "\xe2\x96\x85", "\xe2\x96\x86", "\xe2\x96\x87", "\xe2\x96\x88" };
    char word[CELL_MAX];
    buf_printf(out, "\n%s\n", tr(lang, "GPUs in use by hour of the day"));
    padded(out, "", 16, false);
    buf_c(out, "0     6     12    18   \n");
    for (uint32_t i = 0; i < t->rows_n; i++) {
        option_word(&t->rows[i], word);
        padded(out, word, 16, false);
        for (int h = 0; h < 24; h++) {
            int level = (int)lround(fmin(fmax(t->rows[i].busy_by_hour[h], 0), 1) * (ascii ? 9 : 8));
            if (ascii)
                buf_char(out, (char)('0' + level));
            else
                buf_c(out, blocks[level]);
        }
        buf_char(out, '\n');
    }
}

/* --- sentences ------------------------------------------------------------------------------------ */

static void sentence(const struct whatif_table *t, const struct whatif_row *r, enum lang lang, struct buf *out)
{
    const struct whatif_row *now = &t->rows[0];
    char memory[96];
    struct buf b;
    double more = r->gpus_year + r->power_year - now->power_year;
    buf_init_fixed(&b, memory, sizeof(memory));
    money(&b, fabs(more), t->currency, lang);
    if (b.failed)
        return;
    if (more >= 0)
        buf_printf(out, tr(lang, "%u GPUs in the order %s: seen after %.1f h instead of %.1f h, %.1f results a person-week instead "
                                 "of %.1f, for %s more a year.\n"), r->gpus, r->policy.word, r->f.tte_mean_h,
                   now->f.tte_mean_h, r->results, now->results, memory);
    else
        buf_printf(out, tr(lang, "%u GPUs in the order %s: seen after %.1f h instead of %.1f h, %.1f results a person-week instead "
                                 "of %.1f, for %s less a year.\n"), r->gpus, r->policy.word, r->f.tte_mean_h,
                   now->f.tte_mean_h, r->results, now->results, memory);
}

/* The best of another order on the GPUs that there are (`added` false), or of more GPUs in the order in use; NULL: none was asked for. */
static const struct whatif_row *best_of(const struct whatif_table *t, bool added)
{
    const struct whatif_row *now = &t->rows[0], *best = NULL;
    for (uint32_t i = 1; i < t->rows_n; i++) {
        const struct whatif_row *r = &t->rows[i];
        bool same = r->policy.policy == now->policy.policy && r->policy.preempt == now->policy.preempt;
        if ((added ? same && r->gpus > now->gpus : !same && r->gpus == now->gpus) &&
            (!best || r->f.tte_mean_h < best->f.tte_mean_h))
            best = r;
    }
    return best;
}

/* What the whole table is for. */
static void either_sentence(const struct whatif_table *t, enum lang lang, struct buf *out)
{
    const struct whatif_row *order = best_of(t, false), *gpus = best_of(t, true);
    char memory[96];
    struct buf b;
    buf_init_fixed(&b, memory, sizeof(memory));
    if (!order || !gpus || t->jobs_n < JOBS_FEW)
        return;
    double more = gpus->gpus_year + gpus->power_year - order->power_year;
    money(&b, more, t->currency, lang);
    if (more <= 0 || b.failed)
        return;
    double by = order->f.tte_mean_h / fmax(gpus->f.tte_mean_h, 1e-9);
    if (fabs(by - 1) < ALIKE)
        buf_printf(out, tr(lang, "More GPUs, or the nights? The order %s on the %u GPUs there are does as much as %u GPUs in the order "
                                 "%s (seen after %.1f h and %.1f h), for %s less a year.\n"), order->policy.word, order->gpus,
                   gpus->gpus, gpus->policy.word, order->f.tte_mean_h, gpus->f.tte_mean_h, memory);
    else if (by < 1)
        buf_printf(out, tr(lang, "More GPUs, or the nights? The order %s on the %u GPUs there are does more than %u GPUs in the order "
                                 "%s (seen after %.1f h and %.1f h), for %s less a year.\n"), order->policy.word, order->gpus,
                   gpus->gpus, gpus->policy.word, order->f.tte_mean_h, gpus->f.tte_mean_h, memory);
    else
        buf_printf(out, tr(lang, "More GPUs, or the nights? %u GPUs in the order %s do more than the order %s on the %u there are "
                                 "(seen after %.1f h and %.1f h), for %s more a year.\n"), gpus->gpus, gpus->policy.word,
                   order->policy.word, order->gpus, gpus->f.tte_mean_h, order->f.tte_mean_h, memory);
}

static void goal_number(const struct goal *g, double value, char out[96])
{
    if (g->what == GOAL_UTILISATION)
        snprintf(out, 96, "%.2f", value);
    else
        snprintf(out, 96, g->what == GOAL_RESULTS ? "%.1f" : value < 1 ? "%.2f h" : "%.1f h", value);
}

static void goal_sentence(const struct whatif_table *t, enum lang lang, struct buf *out)
{
    char memory[96];
    struct buf b;
    if (!t->goal->given)
        return;
    if (t->best < 0) {
        const struct whatif_row *near = &t->rows[t->nearest];
        goal_number(t->goal, near->goal_value, memory);
        buf_printf(out, tr(lang, "None of these reaches \"%s\"; nearest to it comes %u GPUs in the order %s, with %s.\n"), t->goal->text,
                   near->gpus, near->policy.word, memory);
        return;
    }
    const struct whatif_row *r = &t->rows[t->best];
    buf_init_fixed(&b, memory, sizeof(memory));
    money(&b, r->gpus_year + r->power_year, t->currency, lang);
    if (!b.failed)
        buf_printf(out, tr(lang, "The cheapest that reaches \"%s\": %u GPUs in the order %s, %s a year for added GPUs and "
                                 "electricity.\n"), t->goal->text, r->gpus, r->policy.word, memory);
}

static void cap_sentence(const struct whatif_table *t, enum lang lang, struct buf *out)
{
    double over_h = 0;
    if (!t->power_cap)
        return;
    buf_printf(out, tr(lang, "Under the power cap \"%s\": seen after %.1f h instead of %.1f h without it (%s on %u GPUs).\n"),
               t->power_cap, t->rows[0].f.tte_mean_h, t->uncapped->f.tte_mean_h, t->rows[0].policy.word, t->rows[0].gpus);
    for (uint32_t i = 0; i < t->rows_n; i++)
        over_h = fmax(over_h, t->rows[i].f.over_cap_h);
    if (over_h >= 0.05)
        buf_printf(out, tr(lang, "What runs when a cap falls goes on, and some take more than was booked: for up to %.1f h in all more "
                                 "was drawn than the cap.\n"), over_h);
}

static void put_sentences(const struct whatif_table *t, enum lang lang, struct buf *out)
{
    if (t->jobs_n < JOBS_FEW)
        buf_printf(out, trn(lang, "There is only %zu job: nothing can be concluded from so few.\n",
                            "There are only %zu jobs: nothing can be concluded from so few.\n", t->jobs_n), t->jobs_n);
    for (uint32_t i = 1; i < t->rows_n; i++)
        sentence(t, &t->rows[i], lang, out);
    either_sentence(t, lang, out);
    cap_sentence(t, lang, out);
    goal_sentence(t, lang, out);
    bool blend = false;
    for (uint32_t i = 0; i < t->rows_n; i++)
        blend |= t->rows[i].policy.policy == POLICY_BLEND;
    if (blend && t->agreed)
        buf_printf(out, "%s\n", tr(lang, "blend is reckoned as if everybody had agreed that starts are moved later (--agreed "
                                         "nobody: without that)."));
    buf_printf(out, "%s\n", tr(lang, "Nobody is called outside their hours under any of these; results that come while their owner is "
                                     "away wait for the morning."));
}

void whatif_draw_text(const struct whatif_table *t, enum lang lang, bool ascii, struct buf *out)
{
    struct cells *c = calloc(1, sizeof(*c));
    if (!c)
        abort();
    fill(t, lang, c);
    put_cells(out, c);
    free(c);
    put_bars(t, lang, ascii, out);
    put_hours(t, lang, ascii, out);
    buf_char(out, '\n');
    put_sentences(t, lang, out);
}

/* --- SVG ------------------------------------------------------------------------------------------ */

#define SVG_WIDTH 860
#define SVG_LEFT  150
#define SVG_PLOT  560
#define SVG_ROW   30
#define SVG_LINE  18  /* of the table and the sentences */
#define SVG_SENTENCES_MAX (64u << 10)

static void svg_text(struct buf *out, double x, double y, const char *anchor, const char *s)
{
    buf_printf(out, "<text x=\"%.0f\" y=\"%.0f\" text-anchor=\"%s\">", x, y, anchor);
    for (const char *c = s; *c; c++) {
        if (*c == '&')
            buf_c(out, "&amp;");
        else if (*c == '<')
            buf_c(out, "&lt;");
        else if (*c == '>')
            buf_c(out, "&gt;");
        else
            buf_char(out, *c);
    }
    buf_c(out, "</text>\n");
}

/* Two bars an option: hours until seen (dark), and of it what waiting in line costs (light). */
static double svg_bars(const struct whatif_table *t, enum lang lang, double y, struct buf *out)
{
    double most = 0;
    char word[CELL_MAX];
    for (uint32_t i = 0; i < t->rows_n; i++)
        most = fmax(most, t->rows[i].f.tte_mean_h);
    svg_text(out, 20, y, "start", tr(lang, "Hours until the owner sees a result, on average; lighter: the part that the queue costs"));
    y += 14;
    for (uint32_t i = 0; i < t->rows_n; i++, y += SVG_ROW) {
        const struct whatif_row *r = &t->rows[i];
        double scale = most > 0 ? SVG_PLOT / most : 0, all = r->f.tte_mean_h * scale, queue = r->f.delay_mean_h * scale;
        option_word(r, word);
        svg_text(out, SVG_LEFT - 8, y + 18, "end", word);
        buf_printf(out, "<rect x=\"%d\" y=\"%.0f\" width=\"%.1f\" height=\"20\" fill=\"#4477aa\"/>\n", SVG_LEFT, y + 4, all - queue);
        buf_printf(out, "<rect x=\"%.1f\" y=\"%.0f\" width=\"%.1f\" height=\"20\" fill=\"#99bbdd\"/>\n", SVG_LEFT + all - queue,
                   y + 4, queue);
        snprintf(word, sizeof(word), "%.1f h", r->f.tte_mean_h);
        svg_text(out, SVG_LEFT + all + 6, y + 18, "start", word);
    }
    return y + 26;
}

static double svg_hours(const struct whatif_table *t, enum lang lang, double y, struct buf *out)
{
    static const char *const hues[] = { "#4477aa", "#c8622d", "#228833", "#aa3377", "#997700", "#0099ad", "#6a4c93", "#cc6677" };
    double top = y + 14, height = 160;
    char word[CELL_MAX];
    svg_text(out, 20, y, "start", tr(lang, "GPUs in use by hour of the day"));
    buf_printf(out, "<rect x=\"%d\" y=\"%.0f\" width=\"%d\" height=\"%.0f\" fill=\"none\" stroke=\"#999\"/>\n", SVG_LEFT, top, SVG_PLOT,
               height);
    for (int h = 0; h <= 24; h += 6) {
        snprintf(word, sizeof(word), "%d", h);
        svg_text(out, SVG_LEFT + h * SVG_PLOT / 24.0, top + height + 16, "middle", word);
    }
    svg_text(out, SVG_LEFT - 8, top + 8, "end", "100 %");
    svg_text(out, SVG_LEFT - 8, top + height, "end", "0");
    for (uint32_t i = 0; i < t->rows_n; i++) {
        const char *hue = hues[i % (sizeof hues / sizeof hues[0])];
        buf_printf(out, "<polyline fill=\"none\" stroke=\"%s\" stroke-width=\"2\" points=\"", hue);
        for (int h = 0; h < 24; h++)
            buf_printf(out, "%.1f,%.1f ", SVG_LEFT + (h + 0.5) * SVG_PLOT / 24,
                       top + height * (1 - fmin(t->rows[i].busy_by_hour[h], 1)));
        buf_c(out, "\"/>\n");
        option_word(&t->rows[i], word);
        buf_printf(out, "<rect x=\"%d\" y=\"%.0f\" width=\"10\" height=\"10\" fill=\"%s\"/>\n", SVG_LEFT + SVG_PLOT + 14, top + i * 18.0, hue);
        svg_text(out, SVG_LEFT + SVG_PLOT + 28, top + i * 18.0 + 10, "start", word);
    }
    return top + fmax(height + 40, t->rows_n * 18.0 + 20);
}

/* Every measure of every option, as in the terminal; the answer to the goal stands out. */
static double svg_table(const struct whatif_table *t, enum lang lang, double y, struct buf *out)
{
    struct cells *c = calloc(1, sizeof(*c));
    if (!c)
        abort();
    fill(t, lang, c);
    size_t width[COLUMNS], all = 0;
    widths(c, width);
    for (int k = 0; k < c->columns; k++)
        all += width[k] + 2;
    for (uint32_t i = 0; i < c->rows_n; i++, y += SVG_LINE) {
        bool best = t->goal->given && t->best >= 0 && i == (uint32_t)t->best + 1;
        buf_printf(out, "<g font-size=\"11\"%s%s>\n", i == 0 ? " fill=\"#667085\"" : "", best ? " font-weight=\"bold\"" : "");
        size_t end = 0; /* the right edge of a column, in characters */
        for (int k = 0; k < c->columns; k++) {
            end += width[k] + 2;
            svg_text(out, k == 0 ? 20 : 20 + (double)end * (SVG_WIDTH - 40) / (double)all, y, k == 0 ? "start" : "end", c->at[i][k]);
        }
        buf_c(out, "</g>\n");
    }
    free(c);
    return y + 8;
}

static double svg_sentences(const struct whatif_table *t, enum lang lang, double y, struct buf *out)
{
    struct buf text;
    buf_init(&text, SVG_SENTENCES_MAX);
    put_sentences(t, lang, &text);
    struct str line, rest = buf_look(&text);
    buf_c(out, "<g font-size=\"10.5\">\n");
    for (; !text.failed && str_next(&rest, '\n', &line); y += SVG_LINE) {
        text.ptr[line.ptr + line.len - text.ptr] = '\0'; /* where its end of line was */
        svg_text(out, 20, y, "start", line.ptr);
    }
    buf_c(out, "</g>\n");
    buf_finish(&text);
    return y;
}

void whatif_draw_svg(const struct whatif_table *t, enum lang lang, struct buf *out)
{
    double height = 70 + t->rows_n * SVG_ROW + 40 + fmax(214, t->rows_n * 18.0 + 40) + (2 * t->rows_n + 7) * SVG_LINE;
    buf_printf(out, "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%.0f\" viewBox=\"0 0 %d %.0f\" "
                    "font-family=\"sans-serif\" font-size=\"13\">\n<rect width=\"100%%\" height=\"100%%\" fill=\"white\"/>\n",
               SVG_WIDTH, height, SVG_WIDTH, height);
    double y = svg_bars(t, lang, 30, out);
    y = svg_hours(t, lang, y + 10, out);
    y = svg_table(t, lang, y + 24, out);
    (void)svg_sentences(t, lang, y + 6, out);
    buf_c(out, "</svg>\n");
}
