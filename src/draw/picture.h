/* picture.h - the plan as a picture: an SVG, or one page that holds it.
 *
 * Says nothing but what it is given: lanes (GPUs, then people), bars on them, marks of time.  The
 * caller has put instants into the viewer's zone already: it hands over labels for ticks, and the
 * spans that are night.  Everything is drawn with text as text, so names can be searched and copied,
 * and widths count columns, so Korean names fit where Latin ones do.  Colours mean owners: the same
 * owner has the same one in every lane.  Pure; the picture goes to a struct buf and is complete or the
 * buf has failed.  No scripts, no fonts or images from elsewhere.
 */
#ifndef EOUL_DRAW_PICTURE_H
#define EOUL_DRAW_PICTURE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/str.h"
#include "base/usec.h"

#define PICTURE_MAX (16u << 20) /* bytes; a plan of 10,000 bars takes about 6 MB */

struct picture_bar { /* one job on one lane */
    uint32_t lane;
    usec_t start_at;
    usec_t end_early_at, end_at, end_late_at; /* 10, 50, 90 % forecast: drawn solid to the first and
                                               * fading to the last; all equal: it ended */
    uint32_t owner;        /* picks the colour */
    bool running;          /* else planned: lighter, dashed edge */
    bool hands_on;         /* a todo in its person's lane: of one shade, as long as it is planned */
    struct str label;      /* job name */
    struct str detail;     /* one sentence shown when pointed at */
};

struct picture_band { /* a GPU that is kept for somebody: hatched, behind the bars */
    uint32_t lane;
    struct span when;
    uint32_t owner;
    struct str label, detail;
};

struct picture_lane {
    struct str label;      /* "GPU 0", "Mina" */
    struct str note;       /* second line, small: model, hours */
    bool person;           /* a person's lane: open windows instead of bars */
    uint32_t owner;        /* a person's colour */
};

struct picture_window { uint32_t lane; struct span when; };           /* when that person can look */
struct picture_eyes { uint32_t lane; usec_t at; struct str detail; }; /* a result is seen there */
struct picture_tick { usec_t at; struct str label; bool day; };       /* day: midnight, with the date */

struct picture {
    struct str title, subtitle;
    struct str now_label;
    usec_t from_at, until_at, now_at;
    const struct picture_lane *lanes;     uint32_t lanes_n; /* GPUs first, then people */
    const struct picture_bar *bars;       uint32_t bars_n;
    const struct picture_band *bands;     uint32_t bands_n;
    const struct picture_window *windows; uint32_t windows_n;
    const struct picture_eyes *eyes;      uint32_t eyes_n;
    const struct picture_tick *ticks;     uint32_t ticks_n;
    const struct span *nights;            uint32_t nights_n;
    const struct str *owners;             uint32_t owners_n; /* names for the legend */
    struct str legend_planned, legend_running, legend_eyes;
    struct str legend_todo; /* empty: no todo in it */
    struct str legend_kept; /* empty: no band in it */
};

/* The SVG element, usable as a file of its own. */
void picture_svg(struct buf *out, const struct picture *p);

/* A whole HTML page around it: adapts to dark mode, prints well, loads nothing. `lang` is "en"/"ko". */
void picture_html(struct buf *out, const struct picture *p, struct str lang);

#endif
