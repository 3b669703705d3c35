/* cmd_cal.c - `eoul cal`: anybody's calendar against anybody's expectation.
 *
 *     eoul cal expand FILE --from DATE --to DATE [--zone ZONE] [--json]
 *     eoul cal rrule 'FREQ=...' --dtstart TIME [--count N] [--json]
 *
 * A thin shell around src/cal: it reads the file, knows the system's zone files and prints.  With
 * --json expand writes one object on one line: file, window, count and occurrences (each [start,
 * end, kind, uid, status, transp], sorted; kind date, floating or utc), then freebusy, unavailable
 * (each [start, end, meaning]) and not_understood.  Titles never appear: the reader does not keep
 * them.
 *
 * It asks no daemon.  Exit status: 0, 1 for a file or rule that cannot be read, 2 usage.
 */
#include <getopt.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "cal/busy.h"
#include "cal/expand.h"
#include "cal/format.h"
#include "cal/ics.h"
#include "cal/rrule.h"
#include "cal/when.h"
#include "cal/zone_load.h"
#include "cli/calendar_file.h"
#include "cli/cmd_cal.h"
#include "i18n/tr.h"

#define COUNT_DEFAULT 10
#define COUNT_MAX 100000

struct request {
    FILE *out, *errors;
    enum lang lang;
    struct err err;
    const char *from, *to, *zone, *dtstart, *count;
    const char *self;
    bool json;
};

static const char *const status_words[] = { "", "TENTATIVE", "CONFIRMED", "CANCELLED" };
static const char *const transp_words[] = { "", "OPAQUE", "TRANSPARENT" };
static const char *const kind_words[] = { "date", "floating", "utc" };

static int fail(struct request *r)
{
    fprintf(r->errors, "eoul: %s\n", r->err.text);
    return err_exit_status(r->err.code);
}

static int usage(struct request *r)
{
    err_set(&r->err, E_USAGE,
            "Write 'eoul cal expand FILE --from DATE --to DATE' or 'eoul cal rrule RULE --dtstart "
            "TIME'.");
    return fail(r);
}

/* ---- expand ---- */

static int read_day(struct request *r, const char *text, const struct zone *zone, usec_t *ret_at)
{
    struct when when;
    if (text == NULL)
        return err_set(&r->err, E_USAGE, "Say which days: --from 2026-11-01 --to 2026-12-01.");
    int e = when_parse(str_of(text), zone, 0, &when, &r->err);
    if (e == 0)
        *ret_at = when.at;
    return e;
}

static void add_iso_day(struct buf *b, const struct zone *zone, usec_t at)
{
    char text[40];
    struct buf iso;
    buf_init_fixed(&iso, text, sizeof(text));
    cal_format(&iso, zone, CAL_ENGLISH, CAL_ISO, at, at);
    buf_str(b, str_slice(buf_look(&iso), 0, 10));
}

/* Foreign text as JSON can hold it: bytes that are not UTF-8 become U+FFFD. */
static json_t *foreign(struct str s)
{
    struct buf clean;
    buf_init(&clean, 1024 * 1024);
    utf8_clean(&clean, s);
    json_t *j = json_stringn(clean.ptr ? clean.ptr : "", clean.ptr ? clean.len : 0);
    buf_finish(&clean);
    return j;
}

static void print_moment(char text[20], const struct cal_occurrence *o, bool end)
{
    static const enum ics_kind kinds[] = { ICS_DATE, ICS_FLOATING, ICS_UTC };
    struct buf b;
    struct ics_when when = { end ? o->until_local_s : o->from_local_s, kinds[o->kind] };
    if (o->kind == CAL_KIND_UTC)
        when.local_s = (end ? o->until_at : o->from_at) / USEC_PER_SEC;
    buf_init_fixed(&b, text, 20);
    ics_print_when(&b, when);
}

static void add_occurrence(json_t *list, const struct cal_occurrence *o)
{
    char start[20], end[20];
    print_moment(start, o, false);
    print_moment(end, o, true);
    if (o->source == CAL_EVENT)
        json_array_append_new(list, json_pack("[s,s,s,o,s,s]", start, end, kind_words[o->kind],
                                              foreign(o->uid), status_words[o->status],
                                              transp_words[o->transp]));
    else
        json_array_append_new(list, json_pack("[s,s,s]", start, end, cal_busy_word(o->busy)));
}

static json_t *issues_json(const struct cal_expansion *e)
{
    json_t *list = json_array();
    for (size_t i = 0; i < e->n_issues; i++) {
        const struct cal_issue *issue = &e->issues[i];
        json_t *one = json_pack("{s:s,s:i,s:o}", "what", cal_issue_word(issue->code), "line",
                                (int)issue->line, "uid", foreign(issue->uid));
        if (issue->detail.len > 0)
            json_object_set_new(one, "detail", foreign(issue->detail));
        json_array_append_new(list, one);
    }
    return list;
}

static void print_json(struct request *r, const char *path, const struct zone *zone,
                       struct span window, const struct cal_expansion *e)
{
    char days[2][16];
    struct buf b;
    json_t *lists[] = { json_array(), json_array(), json_array() }; /* by enum cal_source */
    buf_init_fixed(&b, days[0], sizeof(days[0]));
    add_iso_day(&b, zone, window.from_at);
    buf_init_fixed(&b, days[1], sizeof(days[1]));
    add_iso_day(&b, zone, window.until_at);
    for (size_t i = 0; i < e->n; i++)
        add_occurrence(lists[e->occurrences[i].source], &e->occurrences[i]);
    json_t *all = json_pack(
        "{s:o,s:[s,s],s:i,s:o,s:o,s:o,s:o,s:i}", "file", foreign(str_of(path)), "window", days[0],
        days[1], "count", (int)json_array_size(lists[CAL_EVENT]), "occurrences", lists[CAL_EVENT],
        "freebusy", lists[CAL_FREEBUSY], "unavailable", lists[CAL_AVAILABILITY], "not_understood",
        issues_json(e), "not_understood_count", (int)e->n_issues_all);
    char *text = all ? json_dumps(all, JSON_COMPACT) : NULL;
    if (text)
        fprintf(r->out, "%s\n", text);
    free(text);
    json_decref(all);
}

static void print_people(struct request *r, const struct zone *zone, const struct cal_expansion *e)
{
    enum cal_language language = r->lang == LANG_KO ? CAL_KOREAN : CAL_ENGLISH;
    for (size_t i = 0; i < e->n; i++) {
        const struct cal_occurrence *o = &e->occurrences[i];
        struct buf b;
        buf_init(&b, 1024 * 1024);
        cal_format_range(&b, zone, language, o->kind == CAL_KIND_DATE ? CAL_DATE : CAL_FULL,
                         (struct span){ o->from_at, o->until_at }, o->from_at);
        buf_c(&b, "  ");
        buf_c(&b, tr(r->lang, cal_busy_word(o->busy)));
        buf_c(&b, "  ");
        utf8_clean(&b, o->uid);
        if (!b.failed)
            fprintf(r->out, "%s\n", b.ptr);
        buf_finish(&b);
    }
    for (size_t i = 0; i < e->n_issues; i++) {
        struct buf uid;
        buf_init(&uid, 1024 * 1024);
        utf8_clean(&uid, e->issues[i].uid);
        fprintf(r->errors, tr(r->lang, "eoul: line %u: %s (%s)\n"), e->issues[i].line,
                tr(r->lang, cal_issue_text(e->issues[i].code)), uid.ptr ? uid.ptr : "");
        buf_finish(&uid);
    }
    if (e->n_issues_all > e->n_issues)
        fprintf(r->errors, tr(r->lang, "eoul: %zu more are not listed\n"),
                e->n_issues_all - e->n_issues);
}

static int expand(struct request *r, const char *path)
{
    struct zone zone;
    struct zone_cache cache;
    struct cal_expansion expansion;
    char zone_name[ZONE_NAME_MAX], *bytes = NULL;
    size_t len = 0;
    struct cal_settings settings = {
        .zone = &zone, .find_zone = zone_cache_find, .find_data = &cache};
    void *memory = NULL;
    zone_cache_init(&cache);
    int e = r->zone ? zone_load(str_of(r->zone), &zone, NULL, &r->err)
                    : zone_load_system(&zone, zone_name, &r->err);
    if (e == 0)
        e = read_day(r, r->from, &zone, &settings.window.from_at);
    if (e == 0)
        e = read_day(r, r->to, &zone, &settings.window.until_at);
    if (e == 0 && settings.window.until_at <= settings.window.from_at)
        e = err_set(&r->err, E_USAGE, "The window is empty: --to must be later than --from.");
    if (e == 0)
        e = calendar_file_read(path, &bytes, &len, &r->err);
    if (e == 0 && (memory = malloc(CAL_MEMORY)) == NULL)
        e = err_set(&r->err, E_NO_MEMORY, "There is not enough memory to read a calendar.");
    if (r->self) {
        settings.address[0] = str_of(r->self);
        settings.n_addresses = 1;
    }
    if (e == 0)
        e = cal_expand((struct str){bytes, len}, &settings, memory, CAL_MEMORY, &expansion,
                       &r->err);
    if (e == 0 && r->json)
        print_json(r, path, &zone, settings.window, &expansion);
    else if (e == 0)
        print_people(r, &zone, &expansion);
    free(memory);
    free(bytes);
    zone_cache_finish(&cache);
    return e < 0 ? fail(r) : 0;
}

/* ---- rrule ---- */

/* Where the rule starts: a time as iCalendar writes it, also with what stands before it in a file:
 * "20261110T090000", "TZID=Asia/Seoul:20261110T090000", "DTSTART;VALUE=DATE:20261110". */
static int read_start(struct request *r, struct zone *zone, bool *ret_zoned, struct ics_when *ret)
{
    struct str text = str_of(r->dtstart ? r->dtstart : ""), params, name;
    *ret_zoned = false;
    bool found = ics_read_when(text, ret);
    for (size_t i = 0; i < text.len && !found; i++) { /* a colon may stand in the time as well */
        found = text.ptr[i] == ':' && ics_read_when(str_slice(text, i + 1, text.len), ret);
        params = str_slice(text, 0, found ? i : 0);
        if (found && str_starts(params, "DTSTART"))
            params = str_slice(params, sizeof "DTSTART;" - 1, params.len);
        *ret_zoned = found && ics_param(params, "TZID", &name);
    }
    if (!found)
        return err_set(&r->err, E_USAGE, "Say when the rule starts: --dtstart 20261124T090000.");
    return *ret_zoned ? zone_load(name, zone, NULL, &r->err) : 0;
}

/* The values of the rule; with a zone, local times that do not exist there are skipped, and an UNTIL
 * in UTC is an instant. */
static int next_value(struct rrule_iter *it, const struct zone *zone, int64_t until_utc_s, int64_t *ret)
{
    int n;
    while ((n = rrule_next(it, ret)) == 1 && zone) {
        int64_t utc_s;
        if (zone_to_utc_s(zone, *ret, &utc_s) != ZONE_GAP)
            return utc_s <= until_utc_s;
        rrule_uncount(it);
    }
    return n;
}

static int list_rule(struct request *r, const struct rrule *rule, struct ics_when start,
                     const struct zone *zone, uint64_t count)
{
    struct rrule_iter it;
    struct rrule local = *rule;
    json_t *list = json_array();
    int64_t at, until_utc_s = INT64_MAX;
    if (zone && rule->until_kind == RRULE_UNTIL_UTC) {
        until_utc_s = rule->until_s;
        local.until_kind = RRULE_UNTIL_NONE;
    }
    int n = rrule_begin(&it, &local, start.local_s, start.kind == ICS_DATE, INT64_MAX, RRULE_STEPS_MAX,
                        &r->err);
    if (n < 0) {
        json_decref(list);
        return n;
    }
    while (count-- > 0 && (n = next_value(&it, zone, until_utc_s, &at)) == 1) {
        char text[20];
        struct buf b;
        buf_init_fixed(&b, text, sizeof(text));
        ics_print_when(&b, (struct ics_when){ at, start.kind });
        if (r->json)
            json_array_append_new(list, json_string(text));
        else
            fprintf(r->out, "%s\n", text);
    }
    char *text = r->json ? json_dumps(list, JSON_COMPACT) : NULL;
    if (text)
        fprintf(r->out, "%s\n", text);
    free(text);
    json_decref(list);
    return n < 0 ? err_set(&r->err, n,
                           "The rule needs more than %d steps; what came before is printed.",
                           RRULE_STEPS_MAX)
                 : 0;
}

static int rrule(struct request *r, const char *text)
{
    struct rrule rule;
    struct ics_when start = { 0 };
    struct zone zone;
    bool zoned = false;
    uint64_t count = COUNT_DEFAULT;
    int e = rrule_parse(str_of(text), &rule, &r->err);
    if (e == 0)
        e = read_start(r, &zone, &zoned, &start);
    if (e == 0 && r->count &&
        (str_u64(str_of(r->count), &count) < 0 || count < 1 || count > COUNT_MAX))
        e = err_set(&r->err, E_USAGE, "--count is a number from 1 to %d.", COUNT_MAX);
    if (e == 0 && r->count == NULL && rule.count)
        count = rule.count < COUNT_MAX ? rule.count : COUNT_MAX;
    else if (e == 0 && r->count == NULL && rule.until_kind != RRULE_UNTIL_NONE)
        count = COUNT_MAX;
    if (e == 0)
        e = list_rule(r, &rule, start, zoned ? &zone : NULL, count);
    return e < 0 ? fail(r) : 0;
}

int cmd_cal(int argc, char **argv, FILE *out, FILE *errors)
{
    static const struct option options[] = {
        { "from", required_argument, NULL, 'f' },  { "to", required_argument, NULL, 't' },
        { "zone", required_argument, NULL, 'z' },  { "json", no_argument, NULL, 'j' },
        { "dtstart", required_argument, NULL, 'd' }, { "count", required_argument, NULL, 'c' },
        { "self", required_argument, NULL, 's' },  { NULL, 0, NULL, 0 },
    };
    struct request r = {
        .out = out, .errors = errors,
        .lang = lang_from_env(getenv("LC_ALL"), getenv("LC_MESSAGES"), getenv("LANG"),
                              getenv("LANGUAGE")),
    };
    int option;
    r.err.translate = tr_of(r.lang);
    opterr = 0;
    optind = 0;
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        switch (option) {
        case 'f': r.from = optarg; break;
        case 't': r.to = optarg; break;
        case 'z': r.zone = optarg; break;
        case 'j': r.json = true; break;
        case 'd': r.dtstart = optarg; break;
        case 'c': r.count = optarg; break;
        case 's': r.self = optarg; break;
        default: return usage(&r);
        }
    }
    if (argc - optind != 2)
        return usage(&r);
    if (strcmp(argv[optind], "expand") == 0)
        return expand(&r, argv[optind + 1]);
    if (strcmp(argv[optind], "rrule") == 0)
        return rrule(&r, argv[optind + 1]);
    return usage(&r);
}
