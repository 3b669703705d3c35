/* test_calendar.c - the calendar reader: rules and whole calendars from test/tables/, and what no
 * input may do. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/prng.h"
#include "cal/busy.h"
#include "cal/expand.h"
#include "cal/format.h"
#include "cal/ics.h"
#include "cal/rrule.h"
#include "cal/spans.h"
#include "cal/when.h"
#include "cal/zone_load.h"
#include "test/lib/slow_calendars.h"
#include "test/lib/table.h"

/* ---- rules ---- */

static void print_values(struct buf *b, const struct rrule *rule, struct ics_when start, unsigned n)
{
    struct rrule_iter it;
    int64_t at;
    int r = 1;
    if (rrule_begin(&it, rule, start.local_s, start.kind == ICS_DATE, INT64_MAX, RRULE_STEPS_MAX,
                    NULL)) {
        buf_c(b, "refused");
        return;
    }
    while (n-- > 0 && (r = rrule_next(&it, &at)) == 1) {
        ics_print_when(b, (struct ics_when){ at, start.kind });
        buf_char(b, ' ');
    }
    if (r == 1)
        r = rrule_next(&it, &at);
    buf_c(b, r == 1 ? "..." : r == 0 ? "end" : "over");
}

static unsigned words_in(struct str s)
{
    struct str piece;
    unsigned n = 0;
    while (str_next(&s, ' ', &piece))
        n += piece.len >= 8;
    return n;
}

static void rule_case(void *data, unsigned line, struct str left, struct str right)
{
    unsigned *failures = data;
    char memory[4096], again_memory[4096];
    struct str rest = left, start_text;
    struct ics_when start;
    struct rrule rule, again;
    struct err err = { 0 };
    struct buf b;
    buf_init_fixed(&b, memory, sizeof(memory));
    assert_true(str_next(&rest, '|', &start_text));
    assert_true(ics_read_when(start_text, &start));
    if (rrule_parse(str_trim(rest), &rule, &err) < 0) {
        buf_c(&b, "refused");
        if (err.text[0] == 0)
            fail_msg("rrule.txt:%u: refused without a sentence", line);
    } else {
        print_values(&b, &rule, start, words_in(right));
        /* What is printed reads back as the same rule. */
        struct buf text;
        buf_init_fixed(&text, again_memory, sizeof(again_memory));
        rrule_print(&rule, &text);
        assert_int_equal(rrule_parse(buf_look(&text), &again, &err), 0);
        assert_memory_equal(&rule, &again, sizeof(rule));
    }
    if (!str_eq(buf_look(&b), right)) {
        print_error("rrule.txt:%u: '%.*s'\n  wanted %.*s\n  got    %s\n", line, STR_ARG(left),
                    STR_ARG(right), memory);
        (*failures)++;
    }
}

static void rules_give_what_the_standard_says(void **state)
{
    (void)state;
    unsigned failures = 0;
    table_each("rrule.txt", 79, rule_case, &failures);
    assert_int_equal(failures, 0);
}

static void random_rule(struct prng *luck, struct buf *b)
{
    static const char *const freqs[] = { "SECONDLY", "MINUTELY", "HOURLY", "DAILY", "WEEKLY",
                                         "MONTHLY", "YEARLY" };
    static const char *const days[] = { "MO", "TU", "WE", "TH", "FR", "SA", "SU" };
    unsigned freq = (unsigned)prng_below(luck, 7);
    buf_printf(b, "FREQ=%s;INTERVAL=%u", freqs[freq], 1 + (unsigned)prng_below(luck, 4));
    if (prng_below(luck, 3) == 0)
        buf_printf(b, ";BYMONTH=%u,%u", 1 + (unsigned)prng_below(luck, 12),
                   1 + (unsigned)prng_below(luck, 12));
    if (prng_below(luck, 3) == 0)
        buf_printf(b, ";BYMONTHDAY=%u,-%u", 1 + (unsigned)prng_below(luck, 31),
                   1 + (unsigned)prng_below(luck, 31));
    if (freq == 6 && prng_below(luck, 5) == 0)
        buf_printf(b, ";BYWEEKNO=%u,-%u", 1 + (unsigned)prng_below(luck, 53),
                   1 + (unsigned)prng_below(luck, 53));
    if (prng_below(luck, 3) == 0)
        buf_printf(b, ";BYDAY=%s,%s", days[prng_below(luck, 7)], days[prng_below(luck, 7)]);
    if (prng_below(luck, 4) == 0)
        buf_printf(b, ";BYHOUR=%u,%u", (unsigned)prng_below(luck, 24),
                   (unsigned)prng_below(luck, 24));
    if (prng_below(luck, 4) == 0)
        buf_printf(b, ";BYSETPOS=%u,-%u", 1 + (unsigned)prng_below(luck, 4),
                   1 + (unsigned)prng_below(luck, 4));
    if (prng_below(luck, 4) == 0)
        buf_printf(b, ";WKST=%s", days[prng_below(luck, 7)]);
}

/* Seeking is an optimisation only: from any point it gives the tail of the whole. */
static void seeking_changes_nothing(void **state)
{
    (void)state;
    struct prng luck;
    prng_init(&luck, 3, 0);
    for (int round = 0; round < 600; round++) {
        char text[512];
        struct buf b;
        struct rrule rule;
        struct rrule_iter whole, part;
        int64_t a = 0, c,
                start = civil_day(2020, 1, 1) * CIVIL_DAY_S + (int64_t)prng_below(&luck, 40000000);
        int64_t from = start + (int64_t)prng_below(&luck, 100000000);
        buf_init_fixed(&b, text, sizeof(text));
        random_rule(&luck, &b);
        assert_int_equal(rrule_parse(buf_look(&b), &rule, NULL), 0);
        rrule_begin(&whole, &rule, start, false, from + 40000000, 200000, NULL);
        rrule_begin(&part, &rule, start, false, from + 40000000, 200000, NULL);
        rrule_seek(&part, from);
        int r = 1, p;
        while ((r = rrule_next(&whole, &a)) == 1 && a < from)
            ;
        for (int n = 0; n < 50 && r >= 0; n++) {
            p = rrule_next(&part, &c);
            if (p != r || (r == 1 && a != c))
                fail_msg("%s from %lld: %d %lld, not %d %lld", text, (long long)from, p,
                         (long long)c, r, (long long)a);
            if (r != 1)
                break;
            r = rrule_next(&whole, &a);
        }
    }
}

/* ---- calendars ---- */

#define TEXT_MAX 65536

struct sheet {
    struct zone zone;
    usec_t from_at, until_at;
    unsigned cases, failures, line;
    struct buf name, calendar, want, issues, self;
    struct zone_cache cache;
};

static const char *const kind_words[] = { "date", "floating", "utc" };
static const char *const busy_words[] = { "free", "present", "tentative", "busy", "away" };

static void print_occurrence(struct buf *b, const struct cal_occurrence *o)
{
    static const enum ics_kind kinds[] = { ICS_DATE, ICS_FLOATING, ICS_UTC };
    bool utc = o->kind == CAL_KIND_UTC;
    ics_print_when(
        b, (struct ics_when){utc ? o->from_at / USEC_PER_SEC : o->from_local_s, kinds[o->kind]});
    buf_char(b, ' ');
    ics_print_when(
        b, (struct ics_when){utc ? o->until_at / USEC_PER_SEC : o->until_local_s, kinds[o->kind]});
    buf_printf(b, " %s %s %.*s%s\n", kind_words[o->kind], busy_words[o->busy], STR_ARG(o->uid),
               o->doubtful ? " doubtful" : "");
}

static int expand(struct sheet *s, struct str bytes, void *memory, struct cal_expansion *ret,
                  struct err *err)
{
    struct cal_settings settings = {
        .window = { s->from_at, s->until_at }, .zone = &s->zone,
        .find_zone = zone_cache_find, .find_data = &s->cache,
        .address = { buf_look(&s->self) }, .n_addresses = s->self.len > 0,
    };
    return cal_expand(bytes, &settings, memory, CAL_MEMORY, ret, err);
}

static void run_sheet_case(struct sheet *s, void *memory)
{
    char got_memory[TEXT_MAX];
    struct buf got, whole;
    struct cal_expansion e;
    struct err err = { 0 };
    bool complete = strstr(s->calendar.ptr ? s->calendar.ptr : "", "VCALENDAR") != NULL;
    buf_init_fixed(&got, got_memory, sizeof(got_memory));
    buf_init(&whole, TEXT_MAX);
    if (!complete)
        buf_c(&whole, "BEGIN:VCALENDAR\r\n");
    buf_str(&whole, buf_look(&s->calendar));
    s->cases++;
    assert_int_equal(expand(s, buf_look(&whole), memory, &e, &err), 0);
    for (size_t i = 0; i < e.n; i++)
        print_occurrence(&got, &e.occurrences[i]);
    for (size_t i = 0; i < e.n_issues; i++)
        buf_printf(&got, "! %s\n", cal_issue_word(e.issues[i].code));
    buf_str(&s->want, buf_look(&s->issues));
    if (!str_eq(buf_look(&got), buf_look(&s->want))) {
        print_error("calendars.txt:%u: case %s\n--- wanted\n%s--- got\n%s", s->line, s->name.ptr,
                    s->want.len ? s->want.ptr : "", got.len ? got_memory : "");
        s->failures++;
    }
    buf_finish(&whole);
}

static void sheet_clear(struct sheet *s)
{
    buf_clear(&s->name);
    buf_clear(&s->calendar);
    buf_clear(&s->want);
    buf_clear(&s->issues);
    buf_clear(&s->self);
}

static usec_t instant(struct str text)
{
    struct zone utc;
    struct when w;
    zone_init_fixed(&utc, 0);
    assert_int_equal(when_parse(text, &utc, 0, &w, NULL), 0);
    return w.at;
}

static void sheet_line(struct sheet *s, struct str line, void *memory)
{
    struct str rest = line, word;
    if (line.len > 0 && line.ptr[0] == '|') {
        buf_str(&s->calendar, str_slice(line, 2, line.len));
        buf_c(&s->calendar, "\r\n");
    } else if (str_starts(line, "> ")) {
        buf_str(&s->want, str_slice(line, 2, line.len));
        buf_char(&s->want, '\n');
    } else if (str_starts(line, "! ")) {
        buf_str(&s->issues, line);
        buf_char(&s->issues, '\n');
    } else if (str_starts(line, "case ")) {
        if (s->name.len > 0)
            run_sheet_case(s, memory);
        sheet_clear(s);
        buf_str(&s->name, str_slice(line, 5, line.len));
    } else if (str_starts(line, "self ")) {
        buf_str(&s->self, str_slice(line, 5, line.len));
    } else if (str_starts(line, "zone ")) {
        assert_int_equal(zone_load(str_slice(line, 5, line.len), &s->zone, NULL, NULL), 0);
    } else if (str_starts(line, "window ")) {
        assert_true(str_next(&rest, ' ', &word) && str_next(&rest, ' ', &word));
        s->from_at = instant(word);
        s->until_at = instant(rest);
    } else {
        fail_msg("calendars.txt:%u: '%.*s' is nothing", s->line, STR_ARG(line));
    }
}

static void calendars_come_to_what_they_say(void **state)
{
    (void)state;
    struct sheet s = { 0 };
    char path[4096], text[4096];
    void *memory = malloc(CAL_MEMORY);
    const char *folder = getenv("EOUL_TABLES");
    snprintf(path, sizeof(path), "%s/calendars.txt", folder ? folder : "test/tables");
    FILE *f = fopen(path, "re");
    assert_non_null(f);
    zone_cache_init(&s.cache);
    buf_init(&s.name, 1024);
    buf_init(&s.calendar, TEXT_MAX);
    buf_init(&s.want, TEXT_MAX);
    buf_init(&s.issues, TEXT_MAX);
    buf_init(&s.self, 256);
    while (fgets(text, sizeof(text), f)) {
        text[strcspn(text, "\n")] = 0;
        s.line++;
        if (text[0] != 0 && text[0] != '#')
            sheet_line(&s, str_of(text), memory);
    }
    run_sheet_case(&s, memory);
    fclose(f);
    buf_finish(&s.name);
    buf_finish(&s.calendar);
    buf_finish(&s.want);
    buf_finish(&s.issues);
    buf_finish(&s.self);
    zone_cache_finish(&s.cache);
    free(memory);
    assert_true(s.cases >= 39);
    assert_int_equal(s.failures, 0);
}

/* ---- lines and values ---- */

static void lines_are_unfolded_and_split(void **state)
{
    (void)state;
    char scratch[64];
    struct ics_reader r;
    struct ics_line line;
    struct str value;
    ics_begin(&r,
              STR("\xef\xbb\xbf"
                  "A;X=\"a:b;c\";Y=2:va\r\n lue\r\n\r\nb:1\rno "
                  "colon\r\nLONG:0123456789012345678901234567890"
                  "12345678901234567890123456789\r\n 0123\r\nlast:x"),
              scratch, sizeof(scratch));
    assert_true(ics_next(&r, &line));
    assert_true(str_is(line.name, "A") && str_is(line.value, "value") && line.number == 1);
    assert_true(ics_param(line.params, "x", &value) && str_is(value, "a:b;c"));
    assert_true(ics_param(line.params, "Y", &value) && str_is(value, "2"));
    assert_false(ics_param(line.params, "Z", &value));
    assert_true(ics_next(&r, &line)); /* a lone CR is no end where LF is used */
    assert_true(str_is(line.name, "b") && str_is(line.value, "1\rno colon") && line.number == 4);
    assert_true(ics_next(&r, &line) && line.cut);
    assert_true(ics_next(&r, &line) && str_is(line.value, "x") && !line.cut);
    assert_false(ics_next(&r, &line));
    ics_begin(&r, STR("A:1\rB:2"), scratch, sizeof(scratch));
    assert_true(ics_next(&r, &line) && str_is(line.value, "1"));
    assert_true(ics_next(&r, &line) && str_is(line.value, "2"));
    ics_begin(&r, STR("nonsense"), scratch, sizeof(scratch));
    assert_true(ics_next(&r, &line) && line.malformed);
}

static void durations_are_read(void **state)
{
    static const struct {
        const char *text;
        int64_t days, s;
    } good[] = {{"P1W", 7, 0},       {"PT1H30M", 0, 5400}, {"P1DT2H", 1, 7200},
                {"-PT15M", 0, -900}, {"PT0S", 0, 0},       {"P15DT5H0M20S", 15, 18020}};
    static const char *const bad[] = {
        "", "P", "PT", "1H", "P1H", "PT1D", "PT1", "P99999999999W", "PT1H-"};
    (void)state;
    struct ics_duration d;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        assert_true(ics_read_duration(str_of(good[i].text), &d));
        assert_true(d.days == good[i].days && d.s == good[i].s);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_false(ics_read_duration(str_of(bad[i]), &d));
}

/* ---- what no input may do ---- */

static void titles_do_not_leave_the_reader(void **state)
{
    (void)state;
    static const char canary[] = "Canary4711";
    struct sheet s = {.from_at = instant(STR("2026-11-01")),
                      .until_at = instant(STR("2026-12-01"))};
    struct cal_expansion e;
    char *memory = malloc(CAL_MEMORY);
    memset(memory, 0, CAL_MEMORY);
    /* Folded lines pass through the scratch memory, so that is where a title would be found. */
    struct str bytes = STR("BEGIN:VCALENDAR\nBEGIN:VEVENT\nUID:a\nDTSTART:20261124T000000Z\n"
                           "SUMMARY:Canary4711 meets\n  a doctor\nLOCATION:Canary4711\nEND:VEVENT\n"
                           "BEGIN:VEVENT\nUID:b\nDTSTART;TZID=Nowhere:20261124T000000\n"
                           "DESCRIPTION;X=\"Canary4711\":a\n b\nEND:VEVENT\nEND:VCALENDAR\n");
    zone_cache_init(&s.cache);
    assert_int_equal(expand(&s, bytes, memory, &e, NULL), 0);
    assert_int_equal(e.n, 2);
    assert_null(memmem(memory, CAL_MEMORY, canary, strlen(canary)));
    zone_cache_finish(&s.cache);
    free(memory);
}

/* Real text, cut, doubled and flipped: nothing crashes (the sanitizers look on), and what comes out
 * keeps its promises. */
static void mangled_calendars_are_survived(void **state)
{
    static const char text[] =
        "BEGIN:VCALENDAR\r\nX-WR-TIMEZONE:Asia/"
        "Seoul\r\nBEGIN:VTIMEZONE\r\nTZID:Z\r\nBEGIN:STANDARD\r\n"
        "DTSTART:19700101T000000\r\nTZOFFSETFROM:+0900\r\nTZOFFSETTO:+0900\r\nRRULE:FREQ=YEARLY\r\n"
        "END:STANDARD\r\nEND:VTIMEZONE\r\nBEGIN:VEVENT\r\nUID:a\r\nDTSTART;TZID=Z:"
        "20261102T090000\r\n"
        "DTEND;TZID=Z:20261102T100000\r\nRRULE:FREQ=WEEKLY;BYDAY=MO,-1FR;BYSETPOS=1,-1;COUNT=9\r\n"
        "EXDATE;TZID=Z:20261109T090000\r\nRDATE;VALUE=PERIOD:20261110T000000Z/"
        "PT1H\r\nEND:VEVENT\r\n"
        "BEGIN:VEVENT\r\nUID:a\r\nRECURRENCE-ID;RANGE=THISANDFUTURE;TZID=Z:20261116T090000\r\n"
        "DTSTART;TZID=Z:20261116T110000\r\nDURATION:P1DT1H\r\nEND:VEVENT\r\nBEGIN:VFREEBUSY\r\n"
        "FREEBUSY;FBTYPE=BUSY:20261103T000000Z/"
        "20261103T010000Z\r\nEND:VFREEBUSY\r\nBEGIN:VAVAILABILITY\r\n"
        "BEGIN:AVAILABLE\r\nDTSTART:20261102T000000Z\r\nDURATION:PT9H\r\nRRULE:FREQ=DAILY\r\n"
        "END:AVAILABLE\r\nEND:VAVAILABILITY\r\nEND:VCALENDAR\r\n";
    (void)state;
    struct sheet s = {.from_at = instant(STR("2026-11-01")),
                      .until_at = instant(STR("2026-12-01"))};
    struct cal_expansion e;
    void *memory = malloc(CAL_MEMORY);
    struct prng luck;
    zone_cache_init(&s.cache);
    prng_init(&luck, 5, 0);
    for (int round = 0; round < 20000; round++) {
        char copy[sizeof(text) * 2];
        size_t len = sizeof(text) - 1;
        memcpy(copy, text, len);
        for (uint64_t n = 1 + prng_below(&luck, 6); n > 0; n--) {
            size_t at = prng_below(&luck, len), span = 1 + prng_below(&luck, 30);
            span = at + span > len ? len - at : span;
            switch (prng_below(&luck, 3)) {
            case 0:
                copy[at] = (char)prng_below(&luck, 256);
                break;
            case 1:
                memmove(copy + at, copy + at + span, len - at - span);
                len -= span;
                break;
            default:
                if (len + span > sizeof(copy))
                    break;
                memmove(copy + at + span, copy + at, len - at);
                len += span;
                break;
            }
            if (len < 40)
                len = 40;
        }
        /* Exactly as long as it is, so that reading one byte more is noticed. */
        char *exact = malloc(len);
        memcpy(exact, copy, len);
        if (expand(&s, (struct str){ exact, len }, memory, &e, NULL) == 0) {
            for (size_t i = 0; i < e.n; i++) {
                assert_true(e.occurrences[i].until_at >= e.occurrences[i].from_at);
                assert_true(i == 0 || e.occurrences[i].from_at >= e.occurrences[i - 1].from_at);
                assert_true(e.occurrences[i].from_at < s.until_at &&
                            e.occurrences[i].until_at >= s.from_at);
            }
            struct span spans[4096];
            size_t n_spans;
            assert_int_equal(cal_busy_spans(&e, CAL_SOFT, spans, 4096, &n_spans), 0);
            assert_true(spans_is_normal(spans, n_spans));
        }
        free(exact);
    }
    zone_cache_finish(&s.cache);
    free(memory);
}

static void limits_are_refused_in_a_sentence(void **state)
{
    (void)state;
    struct sheet s = { .from_at = 0, .until_at = USEC_PER_DAY };
    struct cal_expansion e;
    struct err err = { 0 };
    void *memory = malloc(CAL_MEMORY);
    char *large = calloc(1, CAL_BYTES_MAX + 1);
    zone_cache_init(&s.cache);
    assert_int_equal(expand(&s, (struct str){large, CAL_BYTES_MAX + 1}, memory, &e, &err),
                     E_TOO_LARGE);
    assert_int_equal(expand(&s, STR("Dear diary"), memory, &e, &err), E_INVALID);
    assert_non_null(strstr(err.text, ".ics"));
    assert_int_equal(expand(&s, STR(""), memory, &e, &err), E_INVALID);
    struct cal_settings settings = { .window = { 0, 1 }, .zone = &s.zone };
    assert_int_equal(cal_expand(STR("BEGIN:VCALENDAR"), &settings, memory, 1000, &e, &err), E_FULL);
    /* 30,000 events: the first 20,000 count and the rest is said. */
    struct buf b;
    buf_init(&b, CAL_BYTES_MAX);
    for (int i = 0; i < 30000; i++)
        buf_printf(&b, "BEGIN:VEVENT\nUID:%d\nDTSTART:19700101T000000Z\nEND:VEVENT\n", i);
    assert_int_equal(expand(&s, buf_look(&b), memory, &e, &err), 0);
    assert_int_equal(e.n, CAL_EVENTS_MAX);
    assert_int_equal(e.n_issues_all, 1);
    assert_int_equal(e.issues[0].code, CAL_ISSUE_EVENTS);
    buf_finish(&b);
    zone_cache_finish(&s.cache);
    free(large);
    free(memory);
}

/* Processor time, with room for sanitizers and slow machines; make bench has the figures (all below
 * 200 ms on a machine of 2020). */
#define SLOW_MS_MAX 3000

static void calendars_made_to_be_slow_are_not(void **state)
{
    (void)state;
    struct sheet s = {.from_at = instant(STR("2026-11-01")),
                      .until_at = instant(STR("2027-12-06"))};
    struct cal_expansion e;
    struct buf b;
    const char *name;
    void *memory = malloc(CAL_MEMORY);
    zone_cache_init(&s.cache);
    buf_init(&b, CAL_BYTES_MAX);
    for (unsigned i = 0; (name = slow_calendar(i, &b)) != NULL; i++) {
        clock_t before = clock();
        assert_int_equal(b.failed, 0);
        expand(&s, buf_look(&b), memory, &e, NULL);
        if ((clock() - before) / (CLOCKS_PER_SEC / 1000) > SLOW_MS_MAX)
            fail_msg("%s took %ld ms", name, (long)((clock() - before) / (CLOCKS_PER_SEC / 1000)));
    }
    buf_finish(&b);
    zone_cache_finish(&s.cache);
    free(memory);
}

/* ---- what is kept ---- */

static struct cal_occurrence occurrence(usec_t from_at, usec_t until_at, enum cal_busy busy)
{
    return (struct cal_occurrence){ .from_at = from_at, .until_at = until_at, .busy = busy };
}

static void the_stronger_meaning_counts(void **state)
{
    (void)state;
    struct cal_occurrence o[] = {
        occurrence(-5, 3, CAL_BUSY),   occurrence(0, 100, CAL_SOFT), occurrence(10, 20, CAL_BUSY),
        occurrence(15, 30, CAL_AWAY),  occurrence(18, 25, CAL_FREE), occurrence(30, 40, CAL_BUSY),
        occurrence(35, 38, CAL_PRESENT), occurrence(40, 40, CAL_AWAY), occurrence(90, 200, CAL_PRESENT),
    };
    struct cal_expansion e = { .occurrences = o, .n = sizeof(o) / sizeof(o[0]) };
    struct busy out[16];
    bool squeezed = true;
    char memory[512];
    struct buf text;
    size_t n = busy_of(&e, (struct span){ 0, 150 }, out, 16, &squeezed);
    buf_init_fixed(&text, memory, sizeof(memory));
    busy_print(&text, out, n);
    assert_string_equal(memory, "0/3/busy,3/10/tentative,10/15/busy,15/30/away,30/40/busy,"
                                "40/100/tentative,100/150/present");
    assert_false(squeezed);
    assert_true(busy_is_normal(out, n));
    assert_int_equal(busy_after(out, n, 15), 3);
    assert_int_equal(busy_after(out, n, 150), n);
}

static void busy_times_read_back(void **state)
{
    (void)state;
    static const char *const wrong[] = { "1/2", "1/2/free", "2/1/busy", "1/3/busy,2/4/away",
                                         "1/2/busy,2/3/busy", "x/2/busy", "1/2/busy/", "/", "1/2/BUSY" };
    struct busy out[4], again[4];
    size_t n = 9, again_n = 9;
    char memory[256];
    struct buf text;
    assert_int_equal(busy_parse(STR(""), out, 4, &n), 0);
    assert_int_equal(n, 0);
    assert_int_equal(busy_parse(STR("-7/2/busy,2/3/away,5/9/present"), out, 4, &n), 0);
    assert_int_equal(n, 3);
    buf_init_fixed(&text, memory, sizeof(memory));
    busy_print(&text, out, n);
    assert_int_equal(busy_parse(buf_look(&text), again, 4, &again_n), 0);
    assert_int_equal(again_n, 3);
    assert_int_equal(busy_parse(STR("1/2/busy,3/4/busy"), out, 1, &n), E_FULL);
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        if (busy_parse(str_of(wrong[i]), out, 4, &n) != E_INVALID)
            fail_msg("'%s' was taken", wrong[i]);
}

/* Any occurrences, any small room: never freer than they are, and what is out is in order. */
static void too_dense_is_busier_never_freer(void **state)
{
    (void)state;
    struct prng luck;
    prng_init(&luck, 7, 0);
    for (int round = 0; round < 2000; round++) {
        struct cal_occurrence o[40];
        struct busy out[40] = { 0 };
        bool squeezed;
        size_t n = 1 + prng_below(&luck, 40), cap = 8 + prng_below(&luck, 33);
        usec_t at = 0;
        for (size_t i = 0; i < n; i++) {
            at += (usec_t)prng_below(&luck, 40) * USEC_PER_MIN;
            o[i] = occurrence(at, at + (usec_t)prng_below(&luck, 60) * USEC_PER_MIN,
                              (enum cal_busy)prng_below(&luck, CAL_AWAY + 1));
        }
        struct cal_expansion e = { .occurrences = o, .n = n };
        struct span window = { 0, 30 * USEC_PER_HOUR };
        size_t out_n = busy_of(&e, window, out, cap, &squeezed);
        assert_true(out_n <= cap && busy_is_normal(out, out_n));
        /* The same as parts in any order. */
        struct busy parts[40], again[40] = { 0 };
        bool again_squeezed;
        for (size_t i = 0; i < n; i++) {
            size_t k = prng_below(&luck, i + 1);
            parts[i] = parts[k];
            parts[k] = (struct busy){ o[i].from_at, o[i].until_at, o[i].busy };
        }
        assert_int_equal(busy_of_parts(parts, n, window, again, cap, &again_squeezed), out_n);
        assert_memory_equal(again, out, out_n * sizeof(out[0]));
        for (usec_t t = 0; t < window.until_at; t += USEC_PER_MIN) {
            enum cal_busy want = CAL_FREE;
            for (size_t i = 0; i < n; i++)
                if (o[i].from_at <= t && t < o[i].until_at && o[i].busy > want)
                    want = o[i].busy;
            size_t i = busy_after(out, out_n, t);
            enum cal_busy got = i < out_n && out[i].from_at <= t ? out[i].kind : CAL_FREE;
            if (squeezed ? got < want : got != want)
                fail_msg("round %d, minute %lld: %d for %d", round, (long long)(t / USEC_PER_MIN), got, want);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_are_unfolded_and_split),
        cmocka_unit_test(durations_are_read),
        cmocka_unit_test(rules_give_what_the_standard_says),
        cmocka_unit_test(seeking_changes_nothing),
        cmocka_unit_test(calendars_come_to_what_they_say),
        cmocka_unit_test(titles_do_not_leave_the_reader),
        cmocka_unit_test(mangled_calendars_are_survived),
        cmocka_unit_test(limits_are_refused_in_a_sentence),
        cmocka_unit_test(calendars_made_to_be_slow_are_not),
        cmocka_unit_test(the_stronger_meaning_counts),
        cmocka_unit_test(busy_times_read_back),
        cmocka_unit_test(too_dense_is_busier_never_freer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
