/* feed.c - see feed.h.  An event is written as
 *
 *     BEGIN:VEVENT  UID  DTSTAMP  SEQUENCE  DTSTART ... STATUS  END:VEVENT
 *
 * and what stands from DTSTART on is compared, byte by byte, with what was published last.
 */
#include "feed/feed.h"

#include <string.h>

#include "cal/civil.h"

#define LINE_MAX_BYTES 75
#define PRODID "PRODID:-//eoul//plan//EN\r\n"
#define BEGIN "BEGIN:VEVENT\r\n"
#define END "END:VEVENT\r\n"
#define CANCELLED "STATUS:CANCELLED\r\n"
#define CONFIRMED "STATUS:CONFIRMED\r\n"

struct old_event { /* of what was published last, in its bytes */
    struct str uid, stamp, contents; /* contents: from DTSTART to before END */
    int64_t sequence;
    usec_t stamp_at, until_at;
    bool cancelled, known;           /* known: one of today's */
};

/* --- lines ------------------------------------------------------------------------------------------ */

/* One line, folded: continuation lines begin with a blank, which counts. */
static void line(struct buf *out, struct str text)
{
    size_t room = LINE_MAX_BYTES;
    while (text.len > room) {
        size_t n = room;
        while (n > 1 && ((unsigned char)text.ptr[n] & 0xc0) == 0x80)
            n--;
        buf_str(out, str_slice(text, 0, n));
        buf_c(out, "\r\n ");
        text = str_slice(text, n, text.len);
        room = LINE_MAX_BYTES - 1;
    }
    buf_str(out, text);
    buf_c(out, "\r\n");
}

static void text_line(struct buf *out, struct buf *scratch, const char *name, const char *value)
{
    if (!value[0])
        return;
    buf_clear(scratch);
    buf_c(scratch, name);
    buf_char(scratch, ':');
    for (const char *p = value; *p; p++) {
        if (*p == '\n') {
            buf_c(scratch, "\\n");
            continue;
        }
        if ((unsigned char)*p < ' ' || *p == 0x7f)
            continue;
        if (*p == '\\' || *p == ';' || *p == ',')
            buf_char(scratch, '\\');
        buf_char(scratch, *p);
    }
    line(out, buf_look(scratch));
}

static void digits(struct buf *out, int64_t value, int width)
{
    char text[8];
    for (int i = width - 1; i >= 0; i--, value /= 10)
        text[i] = (char)('0' + value % 10);
    buf_add(out, text, (size_t)width);
}

static void time_value(struct buf *out, usec_t at)
{
    struct civil c = civil_from_local_s(floor_div(at, USEC_PER_SEC));
    digits(out, c.year, 4);
    digits(out, c.month, 2);
    digits(out, c.day, 2);
    buf_char(out, 'T');
    digits(out, c.hour, 2);
    digits(out, c.minute, 2);
    digits(out, c.second, 2);
    buf_char(out, 'Z');
}

static void time_line(struct buf *out, const char *name, usec_t at)
{
    buf_c(out, name);
    buf_char(out, ':');
    time_value(out, at);
    buf_c(out, "\r\n");
}

/* --- what was published last -------------------------------------------------------------------------- */

static bool number_at(struct str s, size_t at, size_t width, int *ret)
{
    int value = 0;
    for (size_t i = at; i < at + width; i++) {
        if (i >= s.len || s.ptr[i] < '0' || s.ptr[i] > '9')
            return false;
        value = value * 10 + (s.ptr[i] - '0');
    }
    *ret = value;
    return true;
}

static bool time_read(struct str s, usec_t *ret)
{
    struct civil c;
    if (s.len != 16 || s.ptr[8] != 'T' || s.ptr[15] != 'Z' || !number_at(s, 0, 4, &c.year) ||
        !number_at(s, 4, 2, &c.month) || !number_at(s, 6, 2, &c.day) || !number_at(s, 9, 2, &c.hour) ||
        !number_at(s, 11, 2, &c.minute) || !number_at(s, 13, 2, &c.second) || !civil_valid(c))
        return false;
    *ret = civil_local_s(c) * USEC_PER_SEC;
    return true;
}

static long find(struct str in, const char *what, size_t from)
{
    size_t len = strlen(what);
    for (size_t i = from; i + len <= in.len; i++)
        if (memcmp(in.ptr + i, what, len) == 0)
            return (long)i;
    return -1;
}

/* The value of the line that begins with `name`, which is in every event of ours and never folded. */
static bool value_of(struct str block, const char *name, struct str *ret)
{
    long at = find(block, name, 0);
    long end = at < 0 ? -1 : find(block, "\r\n", (size_t)at);
    if (end < 0)
        return false;
    *ret = str_slice(block, (size_t)at + strlen(name), (size_t)end);
    return true;
}

static bool read_event(struct str block, struct old_event *ret)
{
    struct str sequence, until;
    long contents = find(block, "DTSTART:", 0);
    *ret = (struct old_event){ 0 };
    if (contents < 0 || !value_of(block, "UID:", &ret->uid) || !value_of(block, "DTSTAMP:", &ret->stamp) ||
        !value_of(block, "SEQUENCE:", &sequence) || !value_of(block, "DTEND:", &until) ||
        str_i64(sequence, &ret->sequence) < 0 || ret->sequence < 0 || ret->sequence > INT32_MAX - 2 ||
        !time_read(ret->stamp, &ret->stamp_at) || !time_read(until, &ret->until_at))
        return false;
    ret->contents = str_slice(block, (size_t)contents, block.len);
    ret->cancelled = find(ret->contents, "\r\n" CANCELLED, 0) >= 0;
    return true;
}

/* The next event of `old` from *at on; what is damaged is left out. */
static bool next_old(struct str old, size_t *at, struct old_event *ret)
{
    for (;;) {
        long begin = find(old, BEGIN, *at);
        long end = begin < 0 ? -1 : find(old, "\r\n" END, (size_t)begin);
        if (end < 0)
            return false;
        *at = (size_t)end + 2;
        if (read_event(str_slice(old, (size_t)begin + sizeof BEGIN - 1, (size_t)end + 2), ret))
            return true;
    }
}

static bool find_old(struct str old, struct str uid, struct old_event *ret)
{
    for (size_t at = 0; next_old(old, &at, ret);)
        if (str_eq(ret->uid, uid))
            return true;
    return false;
}

/* --- what is published now ------------------------------------------------------------------------------ */

static void put(struct buf *out, struct str uid, usec_t stamp_at, int64_t sequence, struct str contents)
{
    buf_c(out, BEGIN);
    buf_c(out, "UID:");
    buf_str(out, uid);
    buf_c(out, "\r\n");
    time_line(out, "DTSTAMP", stamp_at);
    buf_c(out, "SEQUENCE:");
    buf_i64(out, sequence);
    buf_c(out, "\r\n");
    buf_str(out, contents);
    buf_c(out, END);
}

static void contents_of(struct buf *out, struct buf *scratch, const struct feed_event *e)
{
    buf_clear(out);
    time_line(out, "DTSTART", e->from_at);
    time_line(out, "DTEND", usec_max(e->until_at, e->from_at + USEC_PER_SEC));
    text_line(out, scratch, "SUMMARY", e->title);
    text_line(out, scratch, "DESCRIPTION", e->text);
    if (e->link[0]) {
        buf_clear(scratch);
        buf_c(scratch, "URL:");
        buf_c(scratch, e->link);
        line(out, buf_look(scratch));
    }
    buf_c(out, e->busy ? "TRANSP:OPAQUE\r\n" : "TRANSP:TRANSPARENT\r\n");
    buf_c(out, CONFIRMED);
}

static void put_events(struct buf *out, const struct feed *f, struct str old)
{
    struct buf contents, scratch;
    buf_init(&contents, FEED_BYTES_MAX);
    buf_init(&scratch, FEED_BYTES_MAX);
    for (size_t i = 0; i < f->events_n && i < FEED_EVENTS_MAX; i++) {
        const struct feed_event *e = &f->events[i];
        struct old_event was;
        contents_of(&contents, &scratch, e);
        if (!find_old(old, str_of(e->uid), &was))
            put(out, str_of(e->uid), f->now_at, 0, buf_look(&contents));
        else if (str_eq(was.contents, buf_look(&contents)))
            put(out, str_of(e->uid), was.stamp_at, was.sequence, was.contents);
        else
            put(out, str_of(e->uid), f->now_at, was.sequence + 1, buf_look(&contents));
    }
    if (contents.failed || scratch.failed)
        out->failed = E_TOO_LARGE;
    buf_finish(&contents);
    buf_finish(&scratch);
}

static bool is_now(const struct feed *f, struct str uid)
{
    for (size_t i = 0; i < f->events_n && i < FEED_EVENTS_MAX; i++)
        if (str_is(uid, f->events[i].uid))
            return true;
    return false;
}

/* Events that are not there any more: over, or taken back. */
static void put_old(struct buf *out, const struct feed *f, struct str old)
{
    struct old_event was;
    for (size_t at = 0; next_old(old, &at, &was);) {
        if (is_now(f, was.uid))
            continue;
        long status = find(was.contents, CONFIRMED, 0);
        if (was.cancelled ? f->now_at - was.stamp_at < FEED_KEEP_US
                          : was.until_at <= f->now_at && f->now_at - was.until_at < FEED_KEEP_US) {
            put(out, was.uid, was.stamp_at, was.sequence, was.contents);
        } else if (!was.cancelled && was.until_at > f->now_at && status >= 0) {
            struct buf contents;
            buf_init(&contents, FEED_BYTES_MAX);
            buf_str(&contents, str_slice(was.contents, 0, (size_t)status));
            buf_c(&contents, CANCELLED);
            put(out, was.uid, f->now_at, was.sequence + 1, buf_look(&contents));
            buf_finish(&contents);
        }
    }
}

int feed_write(struct buf *out, const struct feed *f, struct str old, bool *ret_changed, struct err *err)
{
    struct buf scratch;
    if (old.len && find(old, PRODID, 0) < 0)
        return err_set(err, E_STATE, "There is a file of that name already, and it is no feed of eoul; "
                                     "nothing was changed. Choose another name.");
    buf_c(out, "BEGIN:VCALENDAR\r\nVERSION:2.0\r\n" PRODID "CALSCALE:GREGORIAN\r\nMETHOD:PUBLISH\r\n");
    buf_init(&scratch, 4096);
    text_line(out, &scratch, "NAME", f->name);
    text_line(out, &scratch, "X-WR-CALNAME", f->name);
    buf_finish(&scratch);
    buf_c(out, "REFRESH-INTERVAL;VALUE=DURATION:PT1H\r\nX-PUBLISHED-TTL:PT1H\r\n");
    put_events(out, f, old);
    put_old(out, f, old);
    buf_c(out, "END:VCALENDAR\r\n");
    if (out->failed || out->len > FEED_BYTES_MAX)
        return err_set(err, E_TOO_LARGE, "The feed is larger than %u KiB.", FEED_BYTES_MAX >> 10);
    *ret_changed = !str_eq(buf_look(out), old);
    return 0;
}
