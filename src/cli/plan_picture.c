/* plan_picture.c - GET /v1/plan's answer as the picture of draw/picture.h, in the reader's zone.
 *
 * GPU lanes first (CPU slots where there are no GPUs), then the people the answer names.  A job on
 * several GPUs is a bar on each.  Shows from two hours ago until two days from now, less if the plan
 * ends before tomorrow night; 20:00 to 08:00 of the reader is shaded as night.  A reservation says how many GPUs, not
 * which: it is drawn on those where least of others' work lies then, and says so when pointed at.
 */
#include "cli/plan_picture.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "base/utf8.h"
#include "cal/civil.h"
#include "cal/format.h"
#include "cli/todo_text.h"
#include "draw/picture.h"

enum { BARS_MAX = 20000, LANES_MAX = 64 + 256, WINDOWS_MAX = 8192, BANDS_MAX = 1024, TICKS_MAX = 64, NIGHTS_MAX = 8,
       TEXT_BYTES_MAX = 8 << 20 };

struct canvas {
    struct cli *cli;
    const struct zone *zone;
    struct picture picture;
    struct picture_lane lanes[LANES_MAX];
    struct picture_window windows[WINDOWS_MAX];
    struct picture_eyes eyes[BARS_MAX];
    struct picture_tick ticks[TICKS_MAX];
    struct span nights[NIGHTS_MAX];
    struct str owners[LANES_MAX];
    struct picture_bar bars[BARS_MAX];
    struct picture_band bands[BANDS_MAX];
    struct buf text; /* every string made here; never moves: its room is reserved at once */
    uint32_t gpu_lanes;
};

static enum cal_language language(const struct cli *cli)
{
    return cli->lang == LANG_KO ? CAL_KOREAN : CAL_ENGLISH;
}

/* What was added to c->text since `from`. */
static struct str made(struct canvas *c, size_t from)
{
    return c->text.failed ? STR("") : (struct str){ c->text.ptr + from, c->text.len - from };
}

static struct str when_text(struct canvas *c, enum cal_style style, usec_t at)
{
    size_t from = c->text.len;
    cal_format(&c->text, c->zone, language(c->cli), style, at, c->picture.now_at);
    return made(c, from);
}

static uint32_t owner_of(struct canvas *c, struct str name)
{
    for (uint32_t i = 0; i < c->picture.owners_n; i++)
        if (str_eq(c->owners[i], name))
            return i;
    if (c->picture.owners_n == LANES_MAX)
        return 0;
    c->owners[c->picture.owners_n] = name;
    return c->picture.owners_n++;
}

static struct str field(const json_t *object, const char *key) { return str_of(json_text(object, key)); }

/* Ticks every six hours and at midnight, nights between 20:00 and 08:00, by local time. */
static void mark_time(struct canvas *c)
{
    struct picture *p = &c->picture;
    int64_t from_s = zone_to_local_s(c->zone, p->from_at / USEC_PER_SEC);
    int64_t until_s = zone_to_local_s(c->zone, p->until_at / USEC_PER_SEC);
    for (int64_t day = floor_div(from_s, CIVIL_DAY_S) - 1; day * CIVIL_DAY_S < until_s; day++) {
        int64_t at_s;
        for (int hour = 0; hour < 24 && p->ticks_n < TICKS_MAX; hour += 6) {
            zone_to_utc_s(c->zone, day * CIVIL_DAY_S + hour * 3600, &at_s);
            c->ticks[p->ticks_n++] = (struct picture_tick){
                .at = at_s * USEC_PER_SEC, .day = hour == 0,
                .label = when_text(c, hour == 0 ? CAL_DATE : CAL_TIME, at_s * USEC_PER_SEC) };
        }
        if (p->nights_n < NIGHTS_MAX) {
            struct span *night = &c->nights[p->nights_n++];
            zone_to_utc_s(c->zone, day * CIVIL_DAY_S + 20 * 3600, &at_s);
            night->from_at = at_s * USEC_PER_SEC;
            zone_to_utc_s(c->zone, (day + 1) * CIVIL_DAY_S + 8 * 3600, &at_s);
            night->until_at = at_s * USEC_PER_SEC;
        }
    }
}

static void add_gpu_lanes(struct canvas *c, const json_t *plan)
{
    struct picture *p = &c->picture;
    size_t i;
    json_t *gpu;
    json_array_foreach(json_object_get(plan, "gpus"), i, gpu) {
        if (p->lanes_n == 64)
            break;
        size_t from = c->text.len;
        buf_printf(&c->text, "GPU %d", (int)json_i64(gpu, "gpu"));
        c->lanes[p->lanes_n++] = (struct picture_lane){ .label = made(c, from), .note = field(gpu, "model") };
    }
    if (p->lanes_n == 0) { /* no GPUs: bars are stacked on as many lanes as run or are planned at once */
        int64_t cpus = json_i64(plan, "cpus");
        for (int64_t n = 0; n < cpus && n < 64; n++) {
            size_t from = c->text.len;
            buf_printf(&c->text, tr(c->cli->lang, "Slot %d"), (int)n + 1);
            c->lanes[p->lanes_n++] = (struct picture_lane){ .label = made(c, from) };
        }
    }
    c->gpu_lanes = p->lanes_n;
}

static void add_people(struct canvas *c, const json_t *plan)
{
    struct picture *p = &c->picture;
    size_t i, k;
    json_t *person, *window;
    json_array_foreach(json_object_get(plan, "people"), i, person) {
        if (p->lanes_n == LANES_MAX)
            break;
        uint32_t lane = p->lanes_n++;
        c->lanes[lane] = (struct picture_lane){ .label = field(person, "name"), .note = field(person, "zone"),
            .person = true, .owner = owner_of(c, field(person, "name")) };
        json_array_foreach(json_object_get(person, "look"), k, window) {
            if (p->windows_n == WINDOWS_MAX)
                break;
            c->windows[p->windows_n++] = (struct picture_window){ lane, {
                json_integer_value(json_array_get(window, 0)), json_integer_value(json_array_get(window, 1)) } };
        }
    }
}

static struct str bar_detail(struct canvas *c, const json_t *row)
{
    size_t from = c->text.len;
    utf8_clean(&c->text, field(row, "name_id"));
    buf_c(&c->text, "  ");
    utf8_clean(&c->text, field(row, "name"));
    buf_c(&c->text, "  (");
    utf8_clean(&c->text, field(row, "owner"));
    buf_c(&c->text, ")  ");
    cal_format_range(&c->text, c->zone, language(c->cli), CAL_FULL,
                     (struct span){ json_i64(row, "start_at"), json_i64(row, "end_p50_at") }, c->picture.now_at);
    return made(c, from);
}

/* Lanes for a job that names no GPU: the first ones free at its start. */
static uint32_t free_lane(const usec_t *free_at, uint32_t lanes, usec_t start_at)
{
    uint32_t best = 0;
    for (uint32_t i = 0; i < lanes; i++) {
        if (free_at[i] <= start_at)
            return i;
        if (free_at[i] < free_at[best])
            best = i;
    }
    return best;
}

static void add_row(struct canvas *c, const json_t *row, usec_t *free_at)
{
    struct picture *p = &c->picture;
    usec_t start_at = json_i64(row, "start_at");
    if (start_at == 0 || start_at >= p->until_at || c->gpu_lanes == 0)
        return;
    struct picture_bar bar = {
        .start_at = start_at, .end_early_at = json_i64(row, "end_p10_at"), .end_at = json_i64(row, "end_p50_at"),
        .end_late_at = json_i64(row, "end_p90_at"), .running = strcmp(json_text(row, "state"), "PENDING") != 0,
        .label = field(row, "name"), .detail = bar_detail(c, row), .owner = owner_of(c, field(row, "owner")) };
    const json_t *gpus = json_object_get(row, "gpu_list");
    if (json_array_size(gpus) == 0) /* not yet started: those it is planned on */
        gpus = json_object_get(row, "planned_gpus");
    if (json_array_size(gpus) > 0) {
        size_t i;
        json_t *gpu;
        json_array_foreach(gpus, i, gpu) {
            bar.lane = (uint32_t)json_integer_value(gpu);
            if (bar.lane < c->gpu_lanes && p->bars_n < BARS_MAX) {
                free_at[bar.lane] = usec_max(free_at[bar.lane], bar.end_at);
                c->bars[p->bars_n++] = bar;
            }
        }
    } else {
        int64_t lanes = json_i64(row, "gpus") > 0 ? json_i64(row, "gpus") : 1;
        for (int64_t n = 0; n < lanes && p->bars_n < BARS_MAX; n++) { /* the plan names none: any that are free */
            bar.lane = free_lane(free_at, c->gpu_lanes, start_at);
            free_at[bar.lane] = bar.end_at;
            c->bars[p->bars_n++] = bar;
        }
    }
    for (uint32_t lane = c->gpu_lanes; lane < p->lanes_n && p->eyes_n < BARS_MAX; lane++)
        if (str_eq(c->lanes[lane].label, field(row, "owner")))
            c->eyes[p->eyes_n++] = (struct picture_eyes){ lane, json_i64(row, "eyes_at"), bar.detail };
}

/* A piece of work by hand, in its person's lane. */
static void add_todo(struct canvas *c, const json_t *todo)
{
    struct picture *p = &c->picture;
    const usec_t from_at = json_i64(todo, "from_at"), until_at = json_i64(todo, "until_at");
    uint32_t lane = c->gpu_lanes;
    while (lane < p->lanes_n && !str_eq(c->lanes[lane].label, field(todo, "person")))
        lane++;
    if (lane == p->lanes_n || p->bars_n == BARS_MAX || from_at >= p->until_at)
        return;
    size_t from = c->text.len;
    todo_name(c->cli, &c->text, todo);
    struct str name = made(c, from);
    from = c->text.len;
    buf_printf(&c->text, "%lld  ", (long long)json_i64(todo, "id"));
    buf_str(&c->text, name);
    buf_c(&c->text, "  ");
    cal_format_range(&c->text, c->zone, language(c->cli), CAL_FULL, (struct span){ from_at, until_at },
                     p->now_at);
    c->bars[p->bars_n++] = (struct picture_bar){
        .lane = lane, .start_at = from_at, .end_early_at = until_at, .end_at = until_at, .end_late_at = until_at,
        .owner = c->lanes[lane].owner, .running = json_is_true(json_object_get(todo, "under_way")),
        .hands_on = true, .label = name, .detail = made(c, from) };
    p->legend_todo = str_of(tr(c->cli->lang, "todo"));
}

/* How much of others' work, and of other reservations, lies on the lane in that time. */
static usec_t others_on(const struct canvas *c, uint32_t lane, struct span when, uint32_t owner)
{
    const struct picture *p = &c->picture;
    usec_t sum = 0;
    for (uint32_t i = 0; i < p->bars_n; i++)
        if (c->bars[i].lane == lane && c->bars[i].owner != owner)
            sum += usec_max(usec_min(c->bars[i].end_at, when.until_at) - usec_max(c->bars[i].start_at, when.from_at), 0);
    for (uint32_t i = 0; i < p->bands_n; i++)
        if (c->bands[i].lane == lane)
            sum += usec_max(usec_min(c->bands[i].when.until_at, when.until_at) - usec_max(c->bands[i].when.from_at, when.from_at), 0);
    return sum;
}

/* The lane for one more of its GPUs, `taken` left out; gpu_lanes: there is none. */
static uint32_t lane_to_keep(const struct canvas *c, struct str model, struct span when, uint32_t owner, uint64_t taken)
{
    usec_t least = USEC_NEVER;
    uint32_t best = c->gpu_lanes;
    for (uint32_t lane = 0; lane < c->gpu_lanes; lane++) {
        bool not_its = (taken >> lane & 1) || (model.len && !str_eq(model, c->lanes[lane].note));
        usec_t sum = not_its ? USEC_NEVER : others_on(c, lane, when, owner);
        if (sum < least) {
            least = sum;
            best = lane;
        }
    }
    return best;
}

static void add_reservation(struct canvas *c, const json_t *kept)
{
    struct picture *p = &c->picture;
    struct span when = { json_i64(kept, "from_at"), json_i64(kept, "until_at") };
    int64_t gpus = json_i64(kept, "gpus");
    if (when.from_at >= p->until_at || when.until_at <= p->from_at)
        return;
    size_t from = c->text.len;
    buf_printf(&c->text, trn(c->cli->lang, "%lld GPU is kept, whichever it is then", "%lld GPUs are kept, whichever they are then",
                             (unsigned long long)gpus), (long long)gpus);
    for (int i = 0; i < 2; i++) {
        struct str s = field(kept, i ? "person" : "name");
        if (s.len) {
            buf_c(&c->text, "  ");
            utf8_clean(&c->text, s);
        }
    }
    buf_c(&c->text, "  ");
    cal_format_range(&c->text, c->zone, language(c->cli), CAL_FULL, when, p->now_at);
    struct picture_band band = { .when = when, .detail = made(c, from), .owner = owner_of(c, field(kept, "person")) };
    band.label = field(kept, "name").len ? field(kept, "name") : field(kept, "person");
    uint64_t taken = 0;
    for (int64_t n = 0; n < gpus && p->bands_n < BANDS_MAX; n++) {
        band.lane = lane_to_keep(c, field(kept, "model"), when, band.owner, taken);
        if (band.lane == c->gpu_lanes)
            break;
        taken |= UINT64_C(1) << band.lane;
        c->bands[p->bands_n++] = band;
    }
    p->legend_kept = str_of(tr(c->cli->lang, "reserved"));
}

static void fill(struct canvas *c, const json_t *plan)
{
    struct picture *p = &c->picture;
    enum lang lang = c->cli->lang;
    static usec_t free_at[64];
    size_t i;
    json_t *row;
    p->now_at = json_i64(plan, "now_at");
    p->from_at = p->now_at - 2 * USEC_PER_HOUR;
    p->until_at = p->now_at + 46 * USEC_PER_HOUR;
    p->lanes = c->lanes, p->bars = c->bars, p->windows = c->windows, p->eyes = c->eyes;
    p->bands = c->bands, p->ticks = c->ticks, p->nights = c->nights, p->owners = c->owners;
    add_gpu_lanes(c, plan);
    add_people(c, plan);
    mark_time(c);
    json_array_foreach(json_object_get(plan, "rows"), i, row)
        add_row(c, row, free_at);
    json_array_foreach(json_object_get(plan, "todos"), i, row)
        add_todo(c, row);
    json_array_foreach(json_object_get(plan, "reservations"), i, row)
        add_reservation(c, row);
    p->title = str_of(tr(lang, "Plan"));
    size_t from = c->text.len;
    cal_format(&c->text, c->zone, language(c->cli), CAL_FULL, p->now_at, p->now_at);
    buf_c(&c->text, "  ");
    buf_c(&c->text, c->cli->zone_name);
    p->subtitle = made(c, from);
    p->now_label = when_text(c, CAL_TIME, p->now_at);
    p->legend_running = str_of(tr(lang, "running"));
    p->legend_planned = str_of(tr(lang, "planned"));
    p->legend_eyes = str_of(tr(lang, "result seen"));
}

static int write_file(struct cli *cli, const char *path, struct str bytes)
{
    bool to_stdout = strcmp(path, "-") == 0;
    int fd = to_stdout ? STDOUT_FILENO : open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    int r = fd < 0 ? io_from_errno(errno) : io_write_all(fd, bytes.ptr, bytes.len);
    if (!to_stdout && fd >= 0 && close(fd) < 0 && r == 0)
        r = io_from_errno(errno);
    if (r < 0)
        return err_set(&cli->err, r, "The picture could not be written to %s: %s.", path, strerror(errno));
    return 0;
}

int plan_picture(struct cli *cli, const json_t *plan, bool html, const char *path)
{
    struct canvas *c = calloc(1, sizeof *c);
    struct buf out;
    buf_init(&out, PICTURE_MAX);
    if (!c)
        return err_set(&cli->err, E_NO_MEMORY, "There is not enough memory for the picture.");
    c->cli = cli;
    c->zone = cli_zone(cli);
    buf_init(&c->text, TEXT_BYTES_MAX);
    int r = 0;
    if (!buf_reserve(&c->text, TEXT_BYTES_MAX)) {
        r = err_set(&cli->err, E_NO_MEMORY, "There is not enough memory for the picture.");
        goto out;
    }
    fill(c, plan);
    if (html)
        picture_html(&out, &c->picture, str_of(lang_word(cli->lang)));
    else
        picture_svg(&out, &c->picture);
    if (out.failed || c->text.failed)
        r = err_set(&cli->err, E_TOO_LARGE, "The plan has too many jobs for one picture.");
    else
        r = write_file(cli, path, buf_look(&out));
out:
    buf_finish(&out);
    buf_finish(&c->text);
    free(c);
    return r;
}
