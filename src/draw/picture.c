/* picture.c - see picture.h.  Geometry is in whole pixels; time to x is one multiplication in 128 bits. */
#include "draw/picture.h"

#include "base/utf8.h"
#include "i18n/width.h"

enum {
    LABEL_MIN = 40,      /* narrower, a bar's solid part holds no name */
    LEFT = 132,          /* lane labels */
    PLOT = 1080,
    RIGHT = 24,
    WIDTH = LEFT + PLOT + RIGHT,
    TOP = 92,            /* title, subtitle, tick labels */
    LANE = 34,
    BAR = 24,
    PERSON_BAR = 12,
    GAP_BEFORE_PEOPLE = 26,
    FOOT = 58,
    COLUMN_TENTHS = 66,  /* width of one text column at 12 px, in tenths of a pixel */
};

/* Twelve hues that stay apart for the common kinds of colour blindness when neighbours differ in
 * lightness too; after Paul Tol's "muted" scheme (2021). */
static const char *const hues[] = { "#4477aa", "#c8622d", "#228833", "#aa3377", "#997700", "#0099ad",
                                    "#6a4c93", "#cc6677", "#557755", "#5566cc", "#aa7744", "#446688" };

static const char *hue(uint32_t owner) { return hues[owner % (sizeof hues / sizeof hues[0])]; }

static void number(struct buf *out, int64_t value) { buf_i64(out, value); }

/* Text for XML: cleaned of control characters, markup escaped. */
static void text(struct buf *out, struct str s)
{
    struct str rest = s;
    while (rest.len > 0 && !out->failed) {
        struct str before = rest;
        int32_t c = utf8_next(&rest);
        switch (c) {
        case '&': buf_c(out, "&amp;"); break;
        case '<': buf_c(out, "&lt;"); break;
        case '>': buf_c(out, "&gt;"); break;
        case '"': buf_c(out, "&quot;"); break;
        default: utf8_clean(out, str_slice(before, 0, before.len - rest.len));
        }
    }
}

static int64_t x_at(const struct picture *p, usec_t at)
{
    if (at <= p->from_at)
        return LEFT;
    if (at >= p->until_at)
        return LEFT + PLOT;
    return LEFT + (int64_t)((__int128)(at - p->from_at) * PLOT / (p->until_at - p->from_at));
}

static int64_t y_of(const struct picture *p, uint32_t lane)
{
    int64_t y = TOP + (int64_t)lane * LANE;
    return p->lanes[lane].person ? y + GAP_BEFORE_PEOPLE : y;
}

static int64_t bottom(const struct picture *p)
{
    return TOP + (int64_t)p->lanes_n * LANE + GAP_BEFORE_PEOPLE;
}

/* <rect x y width height `rest`/> */
static void rect(struct buf *out, int64_t x, int64_t y, int64_t width, int64_t height, const char *rest)
{
    buf_c(out, "<rect x=\"");
    number(out, x);
    buf_c(out, "\" y=\"");
    number(out, y);
    buf_c(out, "\" width=\"");
    number(out, width);
    buf_c(out, "\" height=\"");
    number(out, height);
    buf_c(out, "\" ");
    buf_c(out, rest);
    buf_c(out, "/>\n");
}

static void line(struct buf *out, int64_t x, int64_t from_y, int64_t until_y, const char *class)
{
    buf_c(out, "<path class=\"");
    buf_c(out, class);
    buf_c(out, "\" d=\"M");
    number(out, x);
    buf_c(out, ".5 ");
    number(out, from_y);
    buf_c(out, "V");
    number(out, until_y);
    buf_c(out, "\"/>\n");
}

static void label(struct buf *out, int64_t x, int64_t y, const char *class, struct str s)
{
    buf_c(out, "<text class=\"");
    buf_c(out, class);
    buf_c(out, "\" x=\"");
    number(out, x);
    buf_c(out, "\" y=\"");
    number(out, y);
    buf_c(out, "\">");
    text(out, s);
    buf_c(out, "</text>\n");
}

static void label_cut(struct buf *out, int64_t x, int64_t y, int64_t room_px, const char *class,
                      struct str s)
{
    char memory[512];
    struct buf cut;
    buf_init_fixed(&cut, memory, sizeof memory);
    int64_t columns = room_px * 10 / COLUMN_TENTHS;
    if (columns < 2)
        return;
    width_cut(&cut, str_slice(s, 0, 400), (size_t)columns);
    label(out, x, y, class, buf_look(&cut));
}

/* Plain colours first: not every viewer of an SVG file knows media queries or variables. */
static void style(struct buf *out)
{
    buf_c(out,
          "<style>\n"
          ".eoul{font:12px system-ui,\"Noto Sans CJK KR\",\"Noto Sans KR\",\"Malgun Gothic\",sans-serif}\n"
          ".eoul text{fill:#1c2330}.eoul .soft{fill:#667085;font-size:10.5px}"
          ".eoul .title{font-size:18px;font-weight:600}.eoul .day{font-weight:600}"
          ".eoul .on{fill:#fff;font-weight:500;pointer-events:none}.eoul .faded{pointer-events:none}.eoul .mid{text-anchor:middle}\n"
          ".eoul .paper{fill:#fff}.eoul .night{fill:#eef1f8}.eoul .rule{fill:#d8dde6}"
          ".eoul .kepttext{font-size:9.5px;font-weight:600;paint-order:stroke;stroke:#fff;stroke-width:3px}"
          ".eoul .keptmark{stroke:#667085;fill:none}"
          ".eoul .mark{fill:#667085}.eoul .ghost{fill:#667085;fill-opacity:.4;stroke:#667085}"
          ".eoul .tick{stroke:#d8dde6;fill:none}.eoul .midnight{stroke:#98a2b3;fill:none}"
          ".eoul .now{stroke:#d92d20;stroke-width:2;fill:none}.eoul .nowtext{fill:#d92d20;font-weight:600}"
          ".eoul .eyes{stroke:#fff;stroke-width:1.5}\n"
          "@media(prefers-color-scheme:dark){.eoul text{fill:#e6e9f0}.eoul .soft{fill:#98a2b3}"
          ".eoul .on{fill:#fff}.eoul .paper{fill:#141923}.eoul .night{fill:#1d2433}.eoul .rule{fill:#3a4252}"
          ".eoul .tick{stroke:#3a4252}.eoul .kepttext{stroke:#141923}.eoul .eyes{stroke:#141923}.eoul .nowtext{fill:#ff6f61}}\n"
          "</style>\n");
}

/* One gradient per bar: solid until the early end, half at the middle, gone at the late one. */
static void bar_fade(struct buf *out, const struct picture *p, uint32_t number_of)
{
    const struct picture_bar *b = &p->bars[number_of];
    int64_t from = x_at(p, b->start_at), width = x_at(p, b->end_late_at) - from;
    if (width <= 0)
        return;
    if (b->hands_on)
        return;
    int64_t early = (x_at(p, b->end_early_at) - from) * 100 / width;
    int64_t middle = (x_at(p, b->end_at) - from) * 100 / width;
    bool open = b->end_late_at > p->until_at; /* goes on beyond the picture: no fade at its edge */
    buf_c(out, "<linearGradient id=\"f");
    number(out, number_of);
    buf_c(out, "\">");
    const struct { int64_t at; const char *opacity; } stops[] = {
        { early, b->running ? "1" : ".78" }, { middle, b->running ? ".8" : ".6" },
        { 100, open ? ".5" : ".12" } };
    for (int i = 0; i < 3; i++) {
        buf_c(out, "<stop offset=\"");
        number(out, stops[i].at < 0 ? 0 : stops[i].at);
        buf_c(out, "%\" stop-color=\"");
        buf_c(out, hue(b->owner));
        buf_c(out, "\" stop-opacity=\"");
        buf_c(out, stops[i].opacity);
        buf_c(out, "\"/>");
    }
    buf_c(out, "</linearGradient>\n");
}

static void bar(struct buf *out, const struct picture *p, uint32_t number_of)
{
    const struct picture_bar *b = &p->bars[number_of];
    if (b->lane >= p->lanes_n || b->start_at >= p->until_at || b->end_late_at <= p->from_at)
        return;
    int64_t from = x_at(p, b->start_at), width = x_at(p, b->end_late_at) - from;
    int64_t y = y_of(p, b->lane) + (LANE - BAR) / 2;
    if (width < 2)
        width = 2;
    buf_c(out, "<g><title>");
    text(out, b->detail);
    buf_c(out, "</title>");
    buf_c(out, "<rect x=\"");
    number(out, from);
    buf_c(out, "\" y=\"");
    number(out, y);
    buf_c(out, "\" width=\"");
    number(out, width);
    buf_c(out, "\" height=\"");
    number(out, BAR);
    buf_c(out, "\" rx=\"4\" fill=\"");
    if (b->hands_on) {
        buf_c(out, hue(b->owner));
    } else {
        buf_c(out, "url(#f");
        number(out, number_of);
        buf_c(out, ")");
    }
    buf_c(out, "\" stroke=\"");
    buf_c(out, hue(b->owner));
    buf_c(out, b->running || b->hands_on ? "\"/>" : "\" stroke-dasharray=\"4 3\"/>");
    int64_t solid = x_at(p, b->end_at) - from;
    if (solid >= LABEL_MIN)
        label_cut(out, from + 6, y + 16, solid - 10, "on", b->label);
    else /* its name stands where its end fades: a short run that may last is no nameless one */
        label_cut(out, from + (solid > 0 ? solid : 0) + 6, y + 16, width - (solid > 0 ? solid : 0) - 10, "faded", b->label);
    buf_c(out, "</g>\n");
}

/* Stripes of its owner's colour: whoever looks sees both that it is kept and what runs on it. */
static void stripes(struct buf *out, const struct picture *p, uint32_t number_of)
{
    buf_c(out, "<pattern id=\"k");
    number(out, number_of);
    buf_c(out, "\" width=\"7\" height=\"7\" patternUnits=\"userSpaceOnUse\" patternTransform=\"rotate(45)\">"
               "<rect width=\"2\" height=\"7\" fill=\"");
    buf_c(out, hue(p->bands[number_of].owner));
    buf_c(out, "\" fill-opacity=\".7\"/></pattern>\n");
}

static void band(struct buf *out, const struct picture *p, uint32_t number_of)
{
    const struct picture_band *b = &p->bands[number_of];
    int64_t from = x_at(p, b->when.from_at), width = x_at(p, b->when.until_at) - from;
    if (b->lane >= p->lanes_n || width <= 0)
        return;
    int64_t y = y_of(p, b->lane) + 1;
    buf_c(out, "<g><title>");
    text(out, b->detail);
    buf_c(out, "</title><rect class=\"kept\" x=\"");
    number(out, from);
    buf_c(out, "\" y=\"");
    number(out, y);
    buf_c(out, "\" width=\"");
    number(out, width < 2 ? 2 : width);
    buf_c(out, "\" height=\"");
    number(out, LANE - 3);
    buf_c(out, "\" fill=\"url(#k");
    number(out, number_of);
    buf_c(out, ")\" stroke=\"");
    buf_c(out, hue(b->owner));
    buf_c(out, "\"/>");
    label_cut(out, from + 4, y + 9, width - 6, "kepttext", b->label);
    buf_c(out, "</g>\n");
}

static void background(struct buf *out, const struct picture *p)
{
    int64_t end = bottom(p);
    rect(out, 0, 0, WIDTH, end + FOOT, "class=\"paper\"");
    for (uint32_t i = 0; i < p->nights_n; i++) {
        int64_t from = x_at(p, p->nights[i].from_at), until = x_at(p, p->nights[i].until_at);
        if (until > from)
            rect(out, from, TOP - 6, until - from, end - TOP + 6, "class=\"night\"");
    }
    for (uint32_t i = 0; i < p->ticks_n; i++) {
        const struct picture_tick *t = &p->ticks[i];
        if (t->at < p->from_at || t->at >= p->until_at)
            continue;
        int64_t x = x_at(p, t->at);
        line(out, x, t->day ? TOP - 34 : TOP - 6, end, t->day ? "midnight" : "tick");
        if (t->day)
            label_cut(out, x + 6, TOP - 26, LEFT + PLOT + RIGHT - x, "day", t->label);
        else
            label(out, x, TOP - 12, "soft mid", t->label);
    }
}

static void lanes(struct buf *out, const struct picture *p)
{
    for (uint32_t i = 0; i < p->lanes_n; i++) {
        const struct picture_lane *l = &p->lanes[i];
        int64_t y = y_of(p, i);
        if (l->person) {
            buf_c(out, "<rect x=\"4\" y=\"");
            number(out, y + 7);
            buf_c(out, "\" width=\"4\" height=\"20\" rx=\"2\" fill=\"");
            buf_c(out, hue(l->owner));
            buf_c(out, "\"/>\n");
        }
        label_cut(out, 14, y + 16, LEFT - 20, "lane", l->label);
        label_cut(out, 14, y + 29, (LEFT - 16) * 11 / 10, "soft", l->note);
        rect(out, LEFT, y + LANE - 1, PLOT, 1, "class=\"rule\"");
    }
    for (uint32_t i = 0; i < p->windows_n; i++) {
        const struct picture_window *w = &p->windows[i];
        int64_t from = x_at(p, w->when.from_at), until = x_at(p, w->when.until_at);
        if (w->lane >= p->lanes_n || until <= from)
            continue;
        char rest[96];
        struct buf b;
        buf_init_fixed(&b, rest, sizeof rest);
        buf_c(&b, "rx=\"3\" fill-opacity=\".45\" fill=\"");
        buf_c(&b, hue(p->lanes[w->lane].owner));
        buf_c(&b, "\"");
        rect(out, from, y_of(p, w->lane) + (LANE - PERSON_BAR) / 2, until - from, PERSON_BAR, rest);
    }
}

static void eyes(struct buf *out, const struct picture *p)
{
    for (uint32_t i = 0; i < p->eyes_n; i++) {
        const struct picture_eyes *e = &p->eyes[i];
        if (e->lane >= p->lanes_n || e->at < p->from_at || e->at >= p->until_at)
            continue;
        buf_c(out, "<circle class=\"eyes\" r=\"5\" cx=\"");
        number(out, x_at(p, e->at));
        buf_c(out, "\" cy=\"");
        number(out, y_of(p, e->lane) + LANE / 2);
        buf_c(out, "\" fill=\"");
        buf_c(out, hue(p->lanes[e->lane].owner));
        buf_c(out, "\"><title>");
        text(out, e->detail);
        buf_c(out, "</title></circle>\n");
    }
}

static int64_t legend_item(struct buf *out, int64_t x, int64_t y, const char *mark, struct str name)
{
    buf_c(out, "<g transform=\"translate(");
    number(out, x);
    buf_c(out, " ");
    number(out, y);
    buf_c(out, ")\">");
    buf_c(out, mark);
    label(out, 18, 10, "soft", name);
    buf_c(out, "</g>\n");
    return x + 34 + (int64_t)width_of(name) * COLUMN_TENTHS / 10;
}

static void legend(struct buf *out, const struct picture *p)
{
    int64_t x = LEFT, y = bottom(p) + 22;
    for (uint32_t i = 0; i < p->owners_n && x < WIDTH - 420; i++) {
        if (p->owners[i].len == 0) /* somebody who is not shown by name */
            continue;
        char mark[128];
        struct buf b;
        buf_init_fixed(&b, mark, sizeof mark);
        buf_c(&b, "<rect width=\"12\" height=\"12\" rx=\"3\" fill=\"");
        buf_c(&b, hue(i));
        buf_c(&b, "\"/>");
        x = legend_item(out, x, y, mark, p->owners[i]);
    }
    x = legend_item(out, x, y, "<rect class=\"mark\" width=\"12\" height=\"12\" rx=\"3\"/>",
                    p->legend_running);
    x = legend_item(out, x, y,
                    "<rect class=\"ghost\" width=\"12\" height=\"12\" rx=\"3\" stroke-dasharray=\"4 3\"/>", p->legend_planned);
    x = legend_item(out, x, y, "<circle class=\"mark\" cx=\"6\" cy=\"6\" r=\"5\"/>", p->legend_eyes);
    if (p->legend_todo.len > 0)
        x = legend_item(out, x, y, "<rect class=\"mark\" y=\"2\" width=\"12\" height=\"8\"/>",
                        p->legend_todo);
    if (p->legend_kept.len > 0)
        legend_item(out, x, y, "<path class=\"keptmark\" d=\"M0 3L3 0M0 8L8 0M1 12L12 1M6 12L12 6M.5.5H11.5V11.5H.5Z\"/>",
                    p->legend_kept);
}

void picture_svg(struct buf *out, const struct picture *p)
{
    int64_t height = bottom(p) + FOOT;
    buf_c(out, "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"eoul\" role=\"img\" viewBox=\"0 0 ");
    number(out, WIDTH);
    buf_c(out, " ");
    number(out, height);
    buf_c(out, "\" width=\"");
    number(out, WIDTH);
    buf_c(out, "\" height=\"");
    number(out, height);
    buf_c(out, "\">\n<title>");
    text(out, p->title);
    buf_c(out, "</title>\n");
    style(out);
    buf_c(out, "<defs>\n");
    for (uint32_t i = 0; i < p->bars_n; i++)
        bar_fade(out, p, i);
    for (uint32_t i = 0; i < p->bands_n; i++)
        stripes(out, p, i);
    buf_c(out, "</defs>\n");
    background(out, p);
    label(out, 14, 30, "title", p->title);
    label(out, 14, 48, "soft", p->subtitle);
    lanes(out, p);
    for (uint32_t i = 0; i < p->bands_n; i++)
        band(out, p, i);
    for (uint32_t i = 0; i < p->bars_n; i++)
        bar(out, p, i);
    eyes(out, p);
    if (p->now_at >= p->from_at && p->now_at < p->until_at) {
        int64_t x = x_at(p, p->now_at);
        line(out, x, TOP - 8, bottom(p), "now");
        label(out, x + 4, bottom(p) + 12, "nowtext", p->now_label);
    }
    legend(out, p);
    buf_c(out, "</svg>\n");
}

void picture_html(struct buf *out, const struct picture *p, struct str lang)
{
    buf_c(out, "<!doctype html>\n<html lang=\"");
    text(out, lang);
    buf_c(out, "\">\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" content=\"width=device-width\">\n"
               "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
               "style-src 'unsafe-inline'\">\n<title>");
    text(out, p->title);
    buf_c(out, "</title>\n<style>:root{color-scheme:light dark}body{margin:1.5rem;overflow-x:auto}"
               "svg{max-width:100%;min-width:720px;height:auto}</style>\n");
    picture_svg(out, p);
    buf_c(out, "</html>\n");
}
