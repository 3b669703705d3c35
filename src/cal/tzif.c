/* tzif.c - see tzif.h.  RFC 8536 (TZif), POSIX.1-2017 section 8.3 (TZ). */
#include "cal/tzif.h"

#include <string.h>

#include "cal/civil.h"
#include "cal/shown.h"

#define TZIF_HEADER_SIZE 44

struct tzif_counts {
    uint32_t isut, isstd, leap, time, type, chars;
};

static uint32_t be32(const unsigned char *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static int64_t be64(const unsigned char *p)
{
    return (int64_t)((uint64_t)be32(p) << 32 | be32(p + 4));
}

/* ---- the POSIX TZ string ---- */

static bool take_char(struct str *s, char c)
{
    if (s->len == 0 || s->ptr[0] != c)
        return false;
    s->ptr++;
    s->len--;
    return true;
}

static bool take_number(struct str *s, int max, int *ret)
{
    int value = 0;
    size_t digits = 0;
    while (s->len > 0 && s->ptr[0] >= '0' && s->ptr[0] <= '9' && digits < 4) {
        value = value * 10 + (s->ptr[0] - '0');
        s->ptr++;
        s->len--;
        digits++;
    }
    if (digits == 0 || value > max)
        return false;
    *ret = value;
    return true;
}

static bool take_name(struct str *s)
{
    size_t n = 0;
    if (take_char(s, '<')) {
        ptrdiff_t end = str_find(*s, '>');
        if (end < 3)
            return false;
        *s = str_slice(*s, (size_t)end + 1, s->len);
        return true;
    }
    while (n < s->len && ((s->ptr[n] | 32) >= 'a' && (s->ptr[n] | 32) <= 'z'))
        n++;
    *s = str_slice(*s, n, s->len);
    return n >= 3;
}

/* [+-]hh[:mm[:ss]] */
static bool take_time(struct str *s, int hours_max, int *ret_s)
{
    int hours, minutes = 0, seconds = 0;
    bool negative = take_char(s, '-');
    if (!negative)
        take_char(s, '+');
    if (!take_number(s, hours_max, &hours))
        return false;
    if (take_char(s, ':')) {
        if (!take_number(s, 59, &minutes))
            return false;
        if (take_char(s, ':') && !take_number(s, 59, &seconds))
            return false;
    }
    *ret_s = hours * 3600 + minutes * 60 + seconds;
    if (negative)
        *ret_s = -*ret_s;
    return true;
}

static bool take_change(struct str *s, struct zone_change *ret)
{
    *ret = (struct zone_change){ .time_s = 2 * 3600 };
    if (!take_char(s, ','))
        return false;
    if (take_char(s, 'M')) {
        ret->form = 'M';
        if (!take_number(s, 12, &ret->month) || ret->month < 1 || !take_char(s, '.') ||
            !take_number(s, 5, &ret->week) || ret->week < 1 || !take_char(s, '.') ||
            !take_number(s, 6, &ret->weekday))
            return false;
    } else if (take_char(s, 'J')) {
        ret->form = 'J';
        if (!take_number(s, 365, &ret->day) || ret->day < 1)
            return false;
    } else {
        ret->form = 'N';
        if (!take_number(s, 365, &ret->day))
            return false;
    }
    return !take_char(s, '/') || take_time(s, 167, &ret->time_s);
}

static bool parse_rule(struct str text, struct zone *z)
{
    int offset;
    z->has_dst = false;
    if (!take_name(&text) || !take_time(&text, 24, &offset))
        return false;
    z->std_offset_s = -offset;
    if (text.len == 0)
        return true;
    z->has_dst = true;
    z->dst_offset_s = z->std_offset_s + 3600;
    if (!take_name(&text))
        return false;
    if (text.len > 0 && text.ptr[0] != ',') {
        if (!take_time(&text, 24, &offset))
            return false;
        z->dst_offset_s = -offset;
    }
    return take_change(&text, &z->dst_from) && take_change(&text, &z->dst_until) && text.len == 0;
}

int tzif_parse_posix(struct str text, struct zone *ret, struct err *err)
{
    struct zone z = { .has_rule = true };
    struct shown quoted = shown(text);
    if (!parse_rule(text, &z))
        return err_set(err, E_INVALID, "'%.*s' is not a POSIX time zone such as KST-9",
                       SHOWN_ARG(quoted));
    z.first_offset_s = z.std_offset_s;
    *ret = z;
    return 0;
}

void zone_init_fixed(struct zone *zone, int32_t offset_s)
{
    *zone = (struct zone){ .first_offset_s = offset_s };
}

/* ---- the file ---- */

static bool read_counts(struct str bytes, size_t at, struct tzif_counts *ret)
{
    const unsigned char *p = (const unsigned char *)bytes.ptr + at;
    if (at > bytes.len || bytes.len - at < TZIF_HEADER_SIZE || memcmp(p, "TZif", 4) != 0)
        return false;
    *ret = (struct tzif_counts){ be32(p + 20), be32(p + 24), be32(p + 28),
                                 be32(p + 32), be32(p + 36), be32(p + 40) };
    return ret->type >= 1 && ret->type <= ZONE_TYPES_MAX && ret->time <= ZONE_TRANSITIONS_MAX &&
           ret->leap <= ZONE_FILE_MAX && ret->chars <= ZONE_FILE_MAX && ret->isut <= ret->type &&
           ret->isstd <= ret->type;
}

static size_t block_size(const struct tzif_counts *c, size_t time_size)
{
    return c->time * (time_size + 1) + c->type * 6 + c->chars + c->leap * (time_size + 4) +
           c->isstd + c->isut;
}

/* The data block that follows a header; everything it says is checked here. */
static bool read_block(const unsigned char *p, const struct tzif_counts *c, size_t time_size,
                       struct zone *z)
{
    int32_t offsets[ZONE_TYPES_MAX];
    const unsigned char *index = p + c->time * time_size;
    const unsigned char *types = index + c->time;
    for (uint32_t i = 0; i < c->type; i++) {
        offsets[i] = (int32_t)be32(types + 6 * i);
        if (offsets[i] < -ZONE_OFFSET_MAX_S || offsets[i] > ZONE_OFFSET_MAX_S)
            return false;
    }
    z->first_offset_s = offsets[0];
    z->n = 0;
    for (uint32_t i = 0; i < c->time; i++) {
        int64_t at = time_size == 8 ? be64(p + 8 * i) : (int32_t)be32(p + 4 * i);
        if (index[i] >= c->type || (z->n > 0 && at <= z->at_s[z->n - 1]))
            return false;
        /* Changes of name alone are no changes of the clock. */
        int32_t before = z->n > 0 ? z->offset_s[z->n - 1] : z->first_offset_s;
        if (offsets[index[i]] == before && i + 1 < c->time)
            continue;
        z->at_s[z->n] = at;
        z->offset_s[z->n] = offsets[index[i]];
        z->n++;
    }
    return true;
}

static int refuse(struct err *err)
{
    return err_set(err, E_CORRUPT, "this is not a TZif time zone file that can be read");
}

int tzif_parse(struct str bytes, struct zone *ret, struct err *err)
{
    struct tzif_counts c;
    struct zone z = { 0 };
    size_t at = TZIF_HEADER_SIZE, time_size = 4;
    if (bytes.len > ZONE_FILE_MAX || !read_counts(bytes, 0, &c))
        return refuse(err);
    char version = bytes.ptr[4];
    if (version >= '2') {
        at += block_size(&c, 4);
        if (!read_counts(bytes, at, &c))
            return refuse(err);
        at += TZIF_HEADER_SIZE;
        time_size = 8;
    }
    if (c.leap > 0)
        return err_set(err, E_UNSUPPORTED,
                       "this zone file counts leap seconds; use the one without 'right/'");
    size_t size = block_size(&c, time_size);
    if (at > bytes.len || bytes.len - at < size ||
        !read_block((const unsigned char *)bytes.ptr + at, &c, time_size, &z))
        return refuse(err);
    if (version >= '2') {
        struct str footer = str_slice(bytes, at + size, bytes.len);
        ptrdiff_t end = take_char(&footer, '\n') ? str_find(footer, '\n') : -1;
        if (end < 0)
            return refuse(err);
        footer = str_slice(footer, 0, (size_t)end);
        z.has_rule = footer.len > 0;
        if (z.has_rule && !parse_rule(footer, &z))
            return refuse(err);
    }
    *ret = z;
    return 0;
}

/* ---- looking up ---- */

/* The instant of a change in a year, given the offset in force before it. */
static int64_t change_utc_s(const struct zone_change *c, int year, int32_t offset_s)
{
    int64_t day;
    if (c->form == 'M')
        day = civil_nth_weekday(year, c->month, c->week, (enum weekday)((c->weekday + 6) % 7));
    else if (c->form == 'J')
        day = civil_day(year, 1, c->day + (civil_is_leap(year) && c->day >= 60 ? 1 : 0));
    else
        day = civil_day(year, 1, 1 + c->day);
    return day * CIVIL_DAY_S + c->time_s - offset_s;
}

/* Changes of the rule around utc_s: the last at or before it and the first after it.  Those of
 * three years are enough: a change is never more than a week outside its year (|time_s| <= 167 h).
 */
static int32_t rule_stretch(const struct zone *z, int64_t utc_s, int64_t *ret_from,
                            int64_t *ret_until)
{
    int year, month, day;
    int32_t offset = z->std_offset_s;
    int64_t from = INT64_MIN, until = INT64_MAX;
    if (!z->has_dst) {
        *ret_from = from;
        *ret_until = until;
        return offset;
    }
    civil_from_day(floor_div(utc_s, CIVIL_DAY_S), &year, &month, &day);
    for (int y = year - 1; y <= year + 1; y++) {
        int64_t change[2] = { change_utc_s(&z->dst_from, y, z->std_offset_s),
                              change_utc_s(&z->dst_until, y, z->dst_offset_s) };
        for (int k = 0; k < 2; k++) {
            if (change[k] <= utc_s && change[k] >= from) {
                /* Equal instants: "all year DST" is written so; summer time then wins. */
                if (change[k] > from || k == 0)
                    offset = k == 0 ? z->dst_offset_s : z->std_offset_s;
                from = change[k];
            } else if (change[k] > utc_s && change[k] < until) {
                until = change[k];
            }
        }
    }
    *ret_from = from;
    *ret_until = until;
    return offset;
}

int32_t zone_stretch(const struct zone *z, int64_t utc_s, int64_t *ret_from, int64_t *ret_until)
{
    int lo = 0, hi = z->n; /* the first transition after utc_s */
    while (lo < hi) {
        int mid = lo + (hi - lo) / 2;
        if (z->at_s[mid] <= utc_s)
            lo = mid + 1;
        else
            hi = mid;
    }
    if (lo == z->n && z->has_rule) {
        int32_t offset = rule_stretch(z, utc_s, ret_from, ret_until);
        if (z->n > 0 && *ret_from < z->at_s[z->n - 1])
            *ret_from = z->at_s[z->n - 1];
        return offset;
    }
    *ret_from = lo > 0 ? z->at_s[lo - 1] : INT64_MIN;
    *ret_until = lo < z->n ? z->at_s[lo] : INT64_MAX;
    return lo > 0 ? z->offset_s[lo - 1] : z->first_offset_s;
}

int32_t zone_offset_s(const struct zone *zone, int64_t utc_s)
{
    int64_t from, until;
    return zone_stretch(zone, utc_s, &from, &until);
}

int64_t zone_to_local_s(const struct zone *zone, int64_t utc_s)
{
    return utc_s + zone_offset_s(zone, utc_s);
}

/* Walk the stretches from well before the time: the first that contains it wins; if one is already
 * past it, the time was in the gap between the two. */
static enum zone_fit find_local(const struct zone *z, int64_t local_s, int64_t *ret_utc_s,
                                int64_t *ret_jump)
{
    int64_t at = local_s - 2 * ZONE_OFFSET_MAX_S;
    int64_t from, until, before = 0;
    for (;;) {
        int64_t utc = local_s - zone_stretch(z, at, &from, &until);
        if (utc < from) {
            *ret_jump = from;
            *ret_utc_s = before;
            return ZONE_GAP;
        }
        if (utc < until) {
            *ret_utc_s = utc;
            if (until == INT64_MAX || until - utc > 2 * ZONE_OFFSET_MAX_S)
                return ZONE_ONCE;
            int64_t next_until;
            int64_t again = local_s - zone_stretch(z, until, &from, &next_until);
            return again >= from && again < next_until ? ZONE_TWICE : ZONE_ONCE;
        }
        before = utc;
        at = until;
    }
}

enum zone_fit zone_to_utc_s(const struct zone *zone, int64_t local_s, int64_t *ret_utc_s)
{
    int64_t jump;
    return find_local(zone, local_s, ret_utc_s, &jump);
}

int64_t zone_edge_utc_s(const struct zone *zone, int64_t local_s)
{
    int64_t utc, jump;
    return find_local(zone, local_s, &utc, &jump) == ZONE_GAP ? jump : utc;
}

int64_t zone_week_s(const struct zone *zone, int64_t utc_s)
{
    int64_t day = floor_div(zone_to_local_s(zone, utc_s), CIVIL_DAY_S);
    return zone_edge_utc_s(zone, (day - (int64_t)civil_weekday(day)) * CIVIL_DAY_S);
}
