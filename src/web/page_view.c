/* page_view.c - a person's page as HTML: what is to be done, being away, hours, brief, calendar.
 *
 * Made on the server for a phone: no script, one column, forms that post to the page's own address.  Every
 * foreign word goes through form_html.  Times are in the person's zone and language.
 */
#include <stdio.h>
#include <string.h>

#include "brief/brief.h"
#include "cal/civil.h"
#include "cal/format.h"
#include "daemon/config.h"
#include "web/door.h"
#include "web/form.h"

#define TODOS_SHOWN_MAX 60u
#define BRIEF_MAX (64u << 10)
#define WEEK_DAYS 7
#define MINUTES_PER_UNIT 6   /* of the drawing: a day is 240 wide */
#define LEFT 34              /* before it, for the day's name */
#define ROW 15
#define DAY_S 86400

extern const char web_page_css[];

static enum cal_language language(const struct page *p)
{
    return p->lang == LANG_KO ? CAL_KOREAN : CAL_ENGLISH;
}

static void text(struct buf *out, const char *foreign)
{
    form_html(out, str_of(foreign));
}

/* An element around a sentence of ours. */
static void put(struct buf *out, const char *open, const char *sentence, const char *close)
{
    buf_c(out, open);
    text(out, sentence);
    buf_c(out, close);
}

int page_init(struct page *p, struct web *web, struct http_request *r, person_no no)
{
    struct people *people = daemon_people(web->daemon);
    *p = (struct page){ .web = web, .no = no, .path = r->path, .now_at = daemon_now(web->daemon).wall_at };
    if (!people_get(people, no, &p->person))
        return E_NOT_FOUND;
    p->lang = p->person.lang_known ? p->person.lang : r->lang;
    p->zone = p->person.zone ? p->person.zone : people_system_zone(people);
    return door_nonce(p->nonce);
}

void page_begin(const struct page *p, struct buf *out)
{
    buf_printf(out, "<!doctype html>\n<html lang=\"%s\"><head><meta charset=\"utf-8\">"
                    "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">"
                    "<meta name=\"robots\" content=\"noindex\"><title>eoul</title><style nonce=\"%s\">",
               lang_word(p->lang), p->nonce);
    buf_c(out, web_page_css);
    buf_c(out, "</style></head><body><main><header><p class=\"brand\">eoul 어울</p><h1>");
    text(out, p->person.name);
    buf_c(out, "</h1><p class=\"now\">");
    cal_format(out, p->zone, language(p), CAL_FULL, p->now_at, p->now_at);
    if (p->person.zone_name && p->person.zone_name[0]) {
        buf_c(out, " · ");
        text(out, p->person.zone_name);
    }
    buf_c(out, "</p></header>");
    if (p->said) {
        buf_c(out, p->bad ? "<section class=\"said bad\" role=\"alert\">" : "<section class=\"said\" role=\"status\">");
        text(out, p->said);
        buf_c(out, "</section>");
    }
}

void page_end(const struct page *p, struct buf *out)
{
    put(out, "<footer><p>", tr(p->lang, "This page is yours alone: whoever has its address opens it. If it got into "
                                        "other hands, ask whoever sent it to you to take it back and send a new one."),
        "</p></footer></main></body></html>\n");
}

/* --- todos ------------------------------------------------------------------------------------------------ */

struct shown {
    struct core_todo t;
    usec_t from_at, until_at; /* its next piece; 0: no time yet */
};

static bool asked(const struct core_todo *t, person_no no)
{
    for (uint32_t i = 0; i < t->who_n; i++)
        if (t->who[i] == no)
            return true;
    return false;
}

static bool before(const struct shown *a, const struct shown *b)
{
    usec_t x = a->from_at ? a->from_at : USEC_NEVER, y = b->from_at ? b->from_at : USEC_NEVER;
    return x < y || (x == y && a->t.id < b->t.id);
}

/* Those asked of this person, by when they come. */
static uint32_t collect(const struct page *p, const struct core_plan *plan, struct shown *to)
{
    const struct core *core = daemon_core(p->web->daemon);
    struct core_todo t;
    uint32_t n = 0;
    for (job_id id = 0; n < TODOS_SHOWN_MAX && core_todo_after(core, id, &t); id = t.id) {
        struct shown s = { .t = t };
        if (!asked(&t, p->no))
            continue;
        for (uint32_t i = 0; i < plan->todo_rows_n && !s.from_at; i++)
            if (plan->todo_rows[i].todo == t.id && plan->todo_rows[i].person == p->no) {
                s.from_at = plan->todo_rows[i].from_at;
                s.until_at = plan->todo_rows[i].until_at;
            }
        uint32_t at = n++;
        for (; at > 0 && before(&s, &to[at - 1]); at--)
            to[at] = to[at - 1];
        to[at] = s;
    }
    return n;
}

static void put_when(const struct page *p, struct buf *out, const struct shown *s)
{
    buf_c(out, "<div class=\"when\">");
    if (s->from_at && s->from_at != USEC_NEVER)
        cal_format_range(out, p->zone, language(p), CAL_SHORT, (struct span){ s->from_at, s->until_at }, p->now_at);
    else
        text(out, tr(p->lang, "no time yet"));
    buf_c(out, "</div>");
}

static bool may_link(struct str link)
{
    return str_starts(link, "https://") || str_starts(link, "http://");
}

static void put_meta(const struct page *p, struct buf *out, const struct shown *s, const struct todo_info *info)
{
    buf_c(out, "<p class=\"meta\">");
    cal_format_length(out, language(p), s->t.left_us);
    if (info->asker != p->no) {
        char sentence[CONFIG_NAME_MAX * 4 + 64];
        snprintf(sentence, sizeof sentence, tr(p->lang, "asked by %s"),
                 people_name(daemon_people(p->web->daemon), info->asker));
        put(out, " · ", sentence, "");
    }
    if (s->t.deadline_at && s->t.deadline_at != USEC_NEVER) {
        put(out, " · ", tr(p->lang, "due"), " ");
        cal_format(out, p->zone, language(p), CAL_SHORT, s->t.deadline_at, p->now_at);
    }
    if (may_link(info->link)) {
        buf_c(out, "<br><a rel=\"noreferrer noopener\" href=\"");
        form_html(out, info->link);
        buf_c(out, "\">");
        form_html(out, info->link);
        buf_c(out, "</a>");
    }
    buf_c(out, "</p>");
}

static void button(struct buf *out, const char *value, const char *label, bool first)
{
    buf_printf(out, "<button name=\"do\" value=\"%s\"%s>", value, first ? " class=\"go\"" : "");
    text(out, label);
    buf_c(out, "</button>");
}

static void put_answers(const struct page *p, struct buf *out, const struct shown *s, const struct todo_info *info)
{
    buf_printf(out, "<form method=\"post\"><input type=\"hidden\" name=\"todo\" value=\"%u\">", s->t.id);
    if (info->asker != p->no && !(s->t.flags & TODO_ACCEPTED)) {
        button(out, "accept", tr(p->lang, "Accept"), true);
        button(out, "decline", tr(p->lang, "Decline"), false);
    }
    button(out, "done", tr(p->lang, "Done"), info->asker == p->no || s->t.flags & TODO_ACCEPTED);
    buf_c(out, "</form><form method=\"post\">");
    buf_printf(out, "<input type=\"hidden\" name=\"todo\" value=\"%u\">", s->t.id);
    page_choice(p, out, false);
    button(out, "later", tr(p->lang, "Later"), false);
    buf_c(out, "</form>");
}

static void put_todo(const struct page *p, struct buf *out, const struct shown *s)
{
    struct daemon *d = p->web->daemon;
    struct todo_info info;
    if (todos_get(d, s->t.id, p->no, &info, NULL) == 0) {
        buf_c(out, "<article>");
        put_when(p, out, s);
        buf_c(out, "<h3>");
        if (info.review_of) {
            char sentence[96];
            snprintf(sentence, sizeof sentence, tr(p->lang, "Look at job %u"), info.review_of);
            put(out, "", sentence, " ");
        }
        form_html(out, info.title);
        buf_c(out, "</h3>");
        put_meta(p, out, s, &info);
        put_answers(p, out, s, &info);
        buf_c(out, "</article>");
    }
    store_reset(daemon_store(d));
}

static int put_todos(const struct page *p, struct buf *out)
{
    struct shown all[TODOS_SHOWN_MAX];
    struct core_plan plan = { 0 };
    int code = daemon_plan(p->web->daemon, &plan);
    uint32_t n = code == 0 ? collect(p, &plan, all) : 0;
    put(out, "<section><h2>", tr(p->lang, "To do"), "</h2>");
    for (uint32_t i = 0; i < n; i++)
        put_todo(p, out, &all[i]);
    if (n == 0)
        put(out, "<p class=\"none\">", tr(p->lang, "Nothing. Free time is yours."), "</p>");
    buf_c(out, "</section>");
    return code;
}

/* --- being away ---------------------------------------------------------------------------------------------- */

void page_choice(const struct page *p, struct buf *out, bool until)
{
    static const struct { const char *value, *label; } instants[] = {
        { "in 1h", N_("in an hour") }, { "in 3h", N_("in three hours") }, { "tomorrow 9:00", N_("tomorrow 9:00") },
        { "next mon 9:00", N_("next Monday 9:00") } };
    static const struct { const char *value, *label; } ends[] = {
        { "until tomorrow 9:00", N_("until tomorrow 9:00") }, { "for 2h", N_("for two hours") },
        { "tomorrow", N_("all of tomorrow") }, { "until next mon 9:00", N_("until next Monday 9:00") } };
    size_t n = until ? sizeof ends / sizeof ends[0] : sizeof instants / sizeof instants[0];
    buf_printf(out, "<select name=\"until\" aria-label=\"%s\">", tr(p->lang, "Until when"));
    for (size_t i = 0; i < n; i++) {
        buf_printf(out, "<option value=\"%s\">", until ? ends[i].value : instants[i].value);
        text(out, tr(p->lang, until ? ends[i].label : instants[i].label));
        buf_c(out, "</option>");
    }
    buf_c(out, "</select>");
}

static void put_away(const struct page *p, struct buf *out)
{
    struct people *people = daemon_people(p->web->daemon);
    struct person_leave leave;
    put(out, "<section><h2>", tr(p->lang, "Away"), "</h2>");
    for (uint32_t i = 0; people_leave(people, p->no, i, &leave); i++) {
        buf_c(out, "<p class=\"meta\">");
        cal_format_range(out, p->zone, language(p), CAL_SHORT, (struct span){ leave.from_at, leave.until_at },
                         p->now_at);
        buf_c(out, "</p>");
    }
    if (p->person.leaves_n) {
        buf_c(out, "<form method=\"post\">");
        button(out, "back", p->person.away_from_at <= p->now_at ? tr(p->lang, "I am back")
                                                               : tr(p->lang, "I stay after all"), true);
        buf_c(out, "</form>");
    }
    buf_c(out, "<form method=\"post\">");
    page_choice(p, out, true);
    buf_printf(out, "<input name=\"when\" maxlength=\"100\" autocomplete=\"off\" aria-label=\"%s\" placeholder=\"%s\">",
               tr(p->lang, "Another time"), tr(p->lang, "or e.g. fri 14:00-18:00"));
    button(out, "away", tr(p->lang, "I am away"), !p->person.leaves_n);
    put(out, "</form><p class=\"hint\">", tr(p->lang, "Nothing is planned for you then, and nobody writes to you."),
        "</p></section>");
}

/* --- hours ----------------------------------------------------------------------------------------------------- */

/* A stretch of local time as one bar a day. */
static void put_bar(const struct page *p, struct buf *out, struct span span, int64_t first_day, const char *class)
{
    int64_t from_s = zone_to_local_s(p->zone, span.from_at / USEC_PER_SEC);
    int64_t until_s = zone_to_local_s(p->zone, span.until_at / USEC_PER_SEC);
    for (int i = 0; i < WEEK_DAYS; i++) {
        int64_t day_s = (first_day + i) * DAY_S;
        int64_t a = from_s > day_s ? from_s - day_s : 0, b = until_s < day_s + DAY_S ? until_s - day_s : DAY_S;
        if (a < b)
            buf_printf(out, "<rect class=\"%s\" x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" rx=\"2\"/>", class,
                       LEFT + (int)(a / 60 / MINUTES_PER_UNIT), i * ROW + 2,
                       (int)((b - a) / 60 / MINUTES_PER_UNIT), ROW - 4);
    }
}

static void put_days(const struct page *p, struct buf *out, int64_t first_day)
{
    for (int i = 0; i < WEEK_DAYS; i++)
        buf_printf(out, "<text x=\"0\" y=\"%d\">%s</text><rect class=\"ground\" x=\"%d\" y=\"%d\" width=\"240\" "
                        "height=\"%d\" rx=\"2\"/>", i * ROW + 11,
                   cal_weekday_name(language(p), (int)civil_weekday(first_day + i)), LEFT, i * ROW + 2, ROW - 4);
}

static void put_ticks(struct buf *out, int now_x)
{
    for (int hour = 0; hour <= 24; hour += 6)
        buf_printf(out, "<line class=\"tick\" x1=\"%d\" y1=\"0\" x2=\"%d\" y2=\"%d\"/><text x=\"%d\" y=\"%d\" "
                        "text-anchor=\"%s\">%d</text>", LEFT + hour * 10, LEFT + hour * 10, WEEK_DAYS * ROW,
                   LEFT + hour * 10, WEEK_DAYS * ROW + 9, hour == 24 ? "end" : hour ? "middle" : "start", hour);
    buf_printf(out, "<line class=\"rightnow\" x1=\"%d\" y1=\"0\" x2=\"%d\" y2=\"%d\"/></svg>", LEFT + now_x,
               LEFT + now_x, ROW);
}

static void put_week(const struct page *p, struct buf *out)
{
    struct people *people = daemon_people(p->web->daemon);
    struct span look[PEOPLE_WINDOWS_MAX];
    struct offer work[PEOPLE_WINDOWS_MAX];
    size_t look_n = 0, work_n = 0;
    int64_t local_s = zone_to_local_s(p->zone, p->now_at / USEC_PER_SEC);
    int64_t first_day = people_local_day(p->zone, p->now_at);
    const struct span week = { p->now_at - USEC_PER_DAY, p->now_at + (WEEK_DAYS + 1) * USEC_PER_DAY };
    buf_printf(out, "<svg viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"%s\">", LEFT + 242, WEEK_DAYS * ROW + 12,
               tr(p->lang, "My hours in the coming week"));
    put_days(p, out, first_day);
    if (people_windows(people, p->no, week, look, &look_n) < 0)
        look_n = 0;
    for (size_t i = 0; i < look_n; i++)
        put_bar(p, out, look[i], first_day, "look");
    if (people_offers(people, p->no, week, work, &work_n) < 0)
        work_n = 0;
    for (size_t i = 0; i < work_n; i++)
        put_bar(p, out, (struct span){ work[i].from_at, work[i].until_at }, first_day, "work");
    put_ticks(out, (int)((local_s - first_day * DAY_S) / 60 / MINUTES_PER_UNIT));
    put(out, "<p class=\"hint\"><span class=\"key l\"></span>", tr(p->lang, "I can look"), " &nbsp; ");
    put(out, "<span class=\"key w\"></span>", tr(p->lang, "offered for work by hand"), "</p>");
}

static void field(struct buf *out, const char *name, const char *label, const char *value)
{
    buf_printf(out, "<label for=\"%s\">", name);
    text(out, label);
    buf_printf(out, "</label><input id=\"%s\" name=\"%s\" maxlength=\"300\" autocomplete=\"off\" value=\"", name, name);
    text(out, value);
    buf_c(out, "\">");
}

static void put_hours(const struct page *p, struct buf *out)
{
    put(out, "<section><h2>", tr(p->lang, "My hours"), "</h2>");
    put_week(p, out);
    buf_c(out, "<form method=\"post\">");
    field(out, "hours", tr(p->lang, "When I can look at results and messages"), p->person.hours);
    field(out, "work", tr(p->lang, "When I may be asked to work by hand (none: never)"), p->person.work);
    button(out, "hours", tr(p->lang, "Save"), false);
    buf_c(out, "</form></section>");
}

/* --- the rest -------------------------------------------------------------------------------------------------- */

static int put_brief(const struct page *p, struct buf *out)
{
    struct span windows[PEOPLE_WINDOWS_MAX];
    struct buf title, lines;
    size_t n = 0;
    int code = briefs_windows(p->web->daemon, p->no, p->now_at, windows, &n);
    bool morning = code == 0 && brief_is_morning(windows, n, p->now_at);
    buf_init(&title, 4096);
    buf_init(&lines, BRIEF_MAX);
    if (code == 0)
        code = briefs_write(p->web->daemon, p->no, morning, false, &title, &lines);
    store_reset(daemon_store(p->web->daemon));
    put(out, "<section><h2>", morning ? tr(p->lang, "This morning") : tr(p->lang, "Tonight"), "</h2><pre>");
    struct str rest = buf_look(&lines), line;
    while (rest.len && str_next(&rest, '\n', &line)) { /* form_html takes every break for foreign */
        form_html(out, line);
        buf_char(out, '\n');
    }
    buf_c(out, "</pre></section>");
    buf_finish(&title);
    buf_finish(&lines);
    return code;
}

static void put_feed(const struct page *p, struct buf *out)
{
    const char *address = daemon_config(p->web->daemon)->address;
    put(out, "<section><h2>", tr(p->lang, "In my calendar"), "</h2>");
    put(out, "<p class=\"hint\">", tr(p->lang, "Subscribe to this address, and what is planned for you stands in your "
                                              "calendar:"), "</p>");
    buf_c(out, "<p class=\"meta\"><a href=\"webcal://");
    text(out, address + sizeof "https://" - 1);
    form_html(out, p->path);
    buf_c(out, "/eoul.ics\">");
    text(out, address);
    form_html(out, p->path);
    buf_c(out, "/eoul.ics</a></p></section>");
}

int page_write(const struct page *p, struct buf *out)
{
    page_begin(p, out);
    int code = put_todos(p, out);
    put_away(p, out);
    if (code == 0)
        code = put_brief(p, out);
    put_hours(p, out);
    put_feed(p, out);
    page_end(p, out);
    return code < 0 ? code : out->failed;
}
