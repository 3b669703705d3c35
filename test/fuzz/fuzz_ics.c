/* fuzz_ics.c - everything src/cal reads from outside: calendars, rules, zone files, hours, times.
 *
 * The first byte says what the rest is.  What a calendar comes to is written down as a plain
 * calendar and must come to the same when read again; rules, hours and lengths must print and read
 * back the same. Whatever is refused must say why in one sentence on one line.
 */
#include <stdlib.h>
#include <string.h>

#include "cal/expand.h"
#include "cal/format.h"
#include "cal/hours.h"
#include "cal/ics.h"
#include "cal/rrule.h"
#include "cal/spans.h"
#include "cal/when.h"
#include "cal/zone_names.h"

#define NOW_AT (1795483800 * USEC_PER_SEC) /* 2026-11-24 10:30 in Seoul */
#define AGAIN_MAX 500                      /* occurrences that are written down and read again */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool fact)
{
    if (!fact)
        abort();
}

static void check_sentence(const struct err *err)
{
    must(err->text[0] != '\0' && strchr(err->text, '\n') == NULL);
}

/* Two zones by name, so that no file is read: one with summer time, one without. */
static const struct zone *find_zone(void *data, struct str name)
{
    static struct zone zones[2];
    (void)data;
    if (name.len == 0 || (name.ptr[0] != 'E' && name.ptr[0] != 'A'))
        return NULL;
    int n = name.ptr[0] == 'E';
    struct str rule = n ? STR("CET-1CEST,M3.5.0,M10.5.0/3") : STR("KST-9");
    must(tzif_parse_posix(rule, &zones[n], NULL) == 0);
    return &zones[n];
}

static void add_when(struct buf *b, const char *name, struct ics_when when)
{
    buf_c(b, name);
    ics_print_when(b, when);
    buf_c(b, "\r\n");
}

static void write_down(struct buf *b, const struct cal_expansion *e)
{
    static const enum ics_kind kinds[] = { ICS_DATE, ICS_FLOATING, ICS_UTC };
    buf_c(b, "BEGIN:VCALENDAR\r\n");
    for (size_t i = 0; i < e->n; i++) {
        const struct cal_occurrence *o = &e->occurrences[i];
        bool utc = o->kind == CAL_KIND_UTC;
        buf_printf(b, "BEGIN:VEVENT\r\nUID:%zu\r\n", i);
        add_when(
            b, "DTSTART:",
            (struct ics_when){utc ? o->from_at / USEC_PER_SEC : o->from_local_s, kinds[o->kind]});
        if (o->kind == CAL_KIND_DATE)
            buf_printf(b, "DURATION:P%lldD\r\n",
                       (long long)((o->until_local_s - o->from_local_s) / CIVIL_DAY_S));
        else
            add_when(b, "DTEND:",
                     (struct ics_when){utc ? o->until_at / USEC_PER_SEC : o->until_local_s,
                                       kinds[o->kind]});
        buf_c(b, "END:VEVENT\r\n");
    }
}

static void check_calendar(struct str bytes)
{
    static char first[CAL_MEMORY], second[CAL_MEMORY];
    static struct span spans[CAL_OCCURRENCES_MAX];
    struct zone seoul;
    struct err err = { 0 };
    struct cal_expansion e, again;
    must(tzif_parse_posix(STR("KST-9"), &seoul, NULL) == 0);
    struct cal_settings settings = {
        .window = { NOW_AT - 30 * USEC_PER_DAY, NOW_AT + 400 * USEC_PER_DAY },
        .zone = &seoul, .find_zone = find_zone,
        .address = { STR("me@example.org") }, .n_addresses = 1,
    };
    if (cal_expand(bytes, &settings, first, sizeof(first), &e, &err) < 0) {
        check_sentence(&err);
        return;
    }
    for (size_t i = 0; i < e.n_issues; i++)
        must(cal_issue_text(e.issues[i].code)[0] != 0 && cal_issue_word(e.issues[i].code)[0] != 0);
    size_t n;
    must(cal_busy_spans(&e, CAL_PRESENT, spans, CAL_OCCURRENCES_MAX, &n) == 0);
    must(spans_is_normal(spans, n));
    if (e.n > AGAIN_MAX)
        return;
    for (size_t i = 0; i < e.n;
         i++) /* days in the zone of the feed would come out in that of the reader */
        if (e.occurrences[i].kind == CAL_KIND_DATE &&
            e.occurrences[i].from_at != (e.occurrences[i].from_local_s - 9 * 3600) * USEC_PER_SEC)
            return;
    struct buf b;
    buf_init(&b, CAL_BYTES_MAX);
    write_down(&b, &e);
    must(cal_expand(buf_look(&b), &settings, second, sizeof(second), &again, &err) == 0);
    must(again.n == e.n && again.n_issues_all == 0);
    for (size_t i = 0; i < e.n; i++)
        must(again.occurrences[i].from_at == e.occurrences[i].from_at &&
             again.occurrences[i].until_at == e.occurrences[i].until_at);
    buf_finish(&b);
}

static void check_rule(struct str text)
{
    struct rrule rule, again;
    struct rrule_iter it;
    struct err err = { 0 };
    char memory[RRULE_TEXT_MAX];
    struct buf b;
    int64_t at, last = INT64_MIN;
    int r;
    if (rrule_parse(text, &rule, &err) < 0) {
        check_sentence(&err);
        return;
    }
    buf_init_fixed(&b, memory, sizeof(memory));
    rrule_print(&rule, &b);
    must(b.failed == 0 && rrule_parse(buf_look(&b), &again, &err) == 0);
    must(memcmp(&rule, &again, sizeof(rule)) == 0);
    if (rrule_begin(&it, &rule, NOW_AT / USEC_PER_SEC, false, INT64_MAX, RRULE_STEPS_MAX, &err) < 0)
        return;
    while ((r = rrule_next(&it, &at)) == 1) {
        must(at > last && at >= NOW_AT / USEC_PER_SEC);
        last = at;
    }
    must(r == 0 || r == E_LIMIT);
}

static void check_zone(struct str bytes)
{
    struct zone zone;
    struct err err = { 0 };
    char name[ZONE_NAME_MAX];
    for (unsigned k = 0; zone_name_candidate(bytes, k, name); k++)
        must(zone_name_valid(str_of(name)));
    if (tzif_parse(bytes, &zone, &err) < 0 && tzif_parse_posix(bytes, &zone, &err) < 0) {
        check_sentence(&err);
        return;
    }
    for (int64_t s = -3000000000; s < 6000000000; s += 86400 * 97 + 1234) {
        int64_t back;
        enum zone_fit fit = zone_to_utc_s(&zone, zone_to_local_s(&zone, s), &back);
        must(fit != ZONE_GAP && back <= s);
        must(fit == ZONE_TWICE || back == s || s - back < 4 * ZONE_OFFSET_MAX_S);
    }
}

static void check_hours(struct str text)
{
    static struct span out[HOURS_DAYS_MAX * HOURS_SPANS_MAX];
    struct hours hours, again;
    struct zone zone;
    struct err err = { 0 };
    char memory[2][HOURS_TEXT_MAX];
    struct buf b;
    size_t n;
    if (hours_parse(text, &hours, &err) < 0) {
        check_sentence(&err);
        return;
    }
    for (int i = 0; i < 2; i++) {
        buf_init_fixed(&b, memory[i], sizeof(memory[i]));
        hours_print(&hours, &b);
        must(b.failed == 0 && hours_parse(buf_look(&b), &again, &err) == 0);
        hours = again;
    }
    must(strcmp(memory[0], memory[1]) == 0);
    must(tzif_parse_posix(STR("CET-1CEST,M3.5.0,M10.5.0/3"), &zone, NULL) == 0);
    struct span window = { NOW_AT, NOW_AT + 400 * USEC_PER_DAY };
    must(hours_expand(&hours, &zone, window, out, HOURS_DAYS_MAX * HOURS_SPANS_MAX, &n) == 0);
    must(spans_is_normal(out, n));
}

static void check_when(struct str text)
{
    const struct zone *zone = find_zone(NULL, STR("E"));
    struct err err = { 0 };
    struct when when;
    struct span span;
    usec_t us;
    char memory[128];
    struct buf b;
    if (when_parse(text, zone, NOW_AT, &when, &err) < 0) {
        check_sentence(&err);
    } else {
        must(when.until_at >= when.at &&
             (when.grain == WHEN_INSTANT) == (when.until_at == when.at));
        buf_init_fixed(&b, memory, sizeof(memory));
        cal_format(&b, zone, CAL_KOREAN, CAL_SHORT, when.at, NOW_AT);
        cal_format(&b, zone, CAL_ENGLISH, CAL_FULL, when.at, NOW_AT);
        must(b.failed == 0);
    }
    if (when_parse_span(text, zone, NOW_AT, &span, &err) == 0)
        must(span.until_at > span.from_at);
    if (when_parse_length(text, &us, &err) == 0)
        must(us > 0 && us <= WHEN_LENGTH_MAX_US);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    struct str rest = { (const char *)data + 1, size - 1 };
    switch (data[0]) {
    case 'c':
        check_calendar(rest);
        break;
    case 'r':
        check_rule(rest);
        break;
    case 'z':
        check_zone(rest);
        break;
    case 'h':
        check_hours(rest);
        break;
    case 'w':
        check_when(rest);
        break;
    default:
        break;
    }
    return 0;
}
