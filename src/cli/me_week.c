/* me_week.c - see me_week.h.
 *
 * A line a day, a column each twenty minutes of it: 72 columns and a label fit a terminal of eighty.
 * Labels are padded by width, so that Korean ones stand in line.  A column shows the best that is true
 * in its middle: a todo, an offered focus block, offered time, time to look.
 */
#include "cli/me_week.h"

#include "cal/civil.h"
#include "cal/format.h"
#include "cli/todo_text.h"
#include "i18n/width.h"

#define DAYS 7
#define COLUMNS 72
#define COLUMN_S (CIVIL_DAY_S / COLUMNS)
#define LABEL_COLUMNS 7

enum shade { SHADE_NONE, SHADE_LOOK, SHADE_OFFERED, SHADE_FOCUS, SHADE_TODO, SHADE_COUNT };
static const char *const shades[2][SHADE_COUNT] = {
    { " ", "▁", "▒", "▓", "█" },
    { " ", "_", "=", "+", "#" },
};

static bool holds(const json_t *span, usec_t at)
{
    return json_integer_value(json_array_get(span, 0)) <= at &&
           at < json_integer_value(json_array_get(span, 1));
}

static enum shade shade_of(const json_t *me, const json_t *todos, usec_t at)
{
    size_t i, k;
    json_t *one, *piece;
    json_array_foreach(todos, i, one)
    {
        if (json_is_true(json_object_get(one, "mine")))
            json_array_foreach(json_object_get(one, "pieces"), k, piece) if (holds(piece, at))
                return SHADE_TODO;
    }
    json_array_foreach(json_object_get(me, "offered"), i, one) if (holds(one, at))
        return json_is_true(json_array_get(one, 2)) ? SHADE_FOCUS : SHADE_OFFERED;
    json_array_foreach(json_object_get(me, "look"), i, one) if (holds(one, at)) return SHADE_LOOK;
    return SHADE_NONE;
}

static void label(struct cli *cli, int64_t day)
{
    char memory[32];
    struct buf text;
    int year, month, date;
    civil_from_day(day, &year, &month, &date);
    buf_init_fixed(&text, memory, sizeof memory);
    buf_printf(&text, "%s %d",
               cal_weekday_name(cli->lang == LANG_KO ? CAL_KOREAN : CAL_ENGLISH,
                                (int)civil_weekday(day)), date);
    width_cell(&cli->out, buf_look(&text), LABEL_COLUMNS, WIDTH_LEFT);
}

static void put_week(struct cli *cli, const json_t *me, const json_t *todos)
{
    const struct zone *zone = cli_zone(cli);
    int64_t now_s = cli->now_at / USEC_PER_SEC, today = civil_day_of(zone_to_local_s(zone, now_s));
    width_cell(&cli->out, STR(""), LABEL_COLUMNS, WIDTH_LEFT);
    for (int hour = 0; hour < 24; hour += 3)
        buf_printf(&cli->out, "%02d       ", hour);
    buf_char(&cli->out, '\n');
    for (int64_t day = today; day < today + DAYS; day++) {
        label(cli, day);
        for (int i = 0; i < COLUMNS; i++) {
            int64_t from_s = zone_edge_utc_s(zone, day * CIVIL_DAY_S + i * COLUMN_S);
            bool now = from_s <= now_s && now_s < from_s + COLUMN_S;
            enum shade shade = shade_of(me, todos, (from_s + COLUMN_S / 2) * USEC_PER_SEC);
            buf_c(&cli->out, now ? cli->ascii ? "v" : "▼" : shades[cli->ascii][shade]);
        }
        buf_char(&cli->out, '\n');
    }
    buf_printf(&cli->out, "\n%s %s  %s %s  %s %s  %s %s  %s %s\n", shades[cli->ascii][SHADE_TODO],
               tr(cli->lang, "todo"), shades[cli->ascii][SHADE_OFFERED], tr(cli->lang, "offered"),
               shades[cli->ascii][SHADE_FOCUS], tr(cli->lang, "focus block"),
               shades[cli->ascii][SHADE_LOOK], tr(cli->lang, "can look"), cli->ascii ? "v" : "▼",
               tr(cli->lang, "now"));
}

static void put_todos(struct cli *cli, const json_t *todos)
{
    size_t i;
    json_t *todo;
    json_array_foreach(todos, i, todo)
    {
        if (!json_is_true(json_object_get(todo, "mine")))
            continue;
        buf_printf(&cli->out, "%4lld  ", (long long)json_i64(todo, "id"));
        todo_name(cli, &cli->out, todo);
        buf_c(&cli->out, "  ");
        todo_when(cli, &cli->out, todo);
        buf_char(&cli->out, '\n');
    }
}

int me_week(struct cli *cli, const char *person)
{
    struct buf path;
    json_t *me = NULL, *answer = NULL;
    buf_init(&path, HTTP_PATH_MAX - 64);
    buf_c(&path, "/v1/me");
    if (person) {
        buf_c(&path, "?for=");
        http_encode(&path, str_of(person));
    }
    int r = path.failed ? err_set(&cli->err, E_USAGE, "That name is too long.") : cli_connect(cli);
    if (r == 0)
        r = cli_call(cli, "GET", path.ptr, NULL, &me);
    buf_clear(&path);
    buf_c(&path, "/v1/todos");
    if (person) {
        buf_c(&path, "?for=");
        http_encode(&path, str_of(person));
    }
    if (r == 0)
        r = cli_call(cli, "GET", path.ptr, NULL, &answer);
    if (r == 0) {
        put_week(cli, me, json_object_get(answer, "todos"));
        put_todos(cli, json_object_get(answer, "todos"));
    }
    json_decref(me);
    json_decref(answer);
    buf_finish(&path);
    return r;
}
