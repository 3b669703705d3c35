/* passed.c - see passed.h. */
#include "daemon/passed.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "daemon/internal.h"

#define HEADER    "eoul-passed 1\n"
#define BYTES_MAX (16u << 20) /* everybody's spans, 40 bytes each */

struct passed_person {
    usec_t since_at, until_at; /* known of; until_at 0: nothing yet */
    struct span *at;
    size_t n, size;
};

struct passed {
    struct passed_person of[CORE_PERSONS_MAX + 1];
    bool changed;
};

static bool add_span(struct passed_person *p, struct span s)
{
    if (p->n && p->at[p->n - 1].until_at == s.from_at) {
        p->at[p->n - 1].until_at = s.until_at;
        return true;
    }
    if (p->n == PASSED_SPANS_MAX)
        return false;
    if (p->n == p->size) {
        size_t size = p->size ? p->size * 2 : 16;
        struct span *more = realloc(p->at, size * sizeof *more);
        if (!more)
            return false;
        p->at = more;
        p->size = size;
    }
    p->at[p->n++] = s;
    return true;
}

static void drop(struct passed_person *p)
{
    free(p->at);
    *p = (struct passed_person){ 0 };
}

/* A clock that was set back: what lies ahead now has not passed. */
static void cut_after(struct passed_person *p, usec_t now_at)
{
    while (p->n && p->at[p->n - 1].from_at >= now_at)
        p->n--;
    if (p->n)
        p->at[p->n - 1].until_at = usec_min(p->at[p->n - 1].until_at, now_at);
    p->until_at = usec_min(p->until_at, now_at);
}

static void cut_before(struct passed_person *p, usec_t old_at)
{
    size_t gone = 0;
    while (gone < p->n && p->at[gone].until_at <= old_at)
        gone++;
    p->n -= gone;
    if (gone)
        memmove(p->at, p->at + gone, p->n * sizeof *p->at);
    if (p->n)
        p->at[0].from_at = usec_max(p->at[0].from_at, old_at);
    p->since_at = usec_max(p->since_at, old_at);
}

/* While the clock is in doubt nothing is noted: it would be of another time. */
static bool sure(const struct daemon *d, struct loop_now now)
{
    return believed_doubt_us(&d->believed, now.wall_at, now.boot_at) == 0;
}

/* Spans of [until_at, now_at), as the core has them; it was told from a day ago on. */
static void note(struct daemon *d, person_no no, usec_t now_at)
{
    struct passed_person *p = &d->passed->of[no];
    if (p->until_at > now_at || p->since_at > now_at)
        cut_after(p, now_at);
    usec_t at = p->until_at;
    if (at == 0 || at < now_at - CONFIG_PRESENCE_US) { /* of the time before nothing is known */
        drop(p);
        p->since_at = p->until_at = now_at;
        d->passed->changed = true;
        return;
    }
    while (at < now_at) {
        struct span s = { core_eyes_at(d->core, no, at), 0 };
        if (s.from_at >= now_at)
            break;
        s.until_at = usec_min(core_present_until(d->core, no, s.from_at), now_at);
        if (s.until_at <= s.from_at)
            break;
        if (!add_span(p, s)) { /* of what comes nothing can be noted: as if it began then */
            drop(p);
            p->since_at = now_at;
            break;
        }
        at = s.until_at;
    }
    d->passed->changed |= p->until_at != now_at;
    p->until_at = now_at;
}

void passed_note(struct daemon *d, person_no no)
{
    if (d->passed && sure(d, d->now))
        note(d, no, d->now.wall_at);
}

bool passed_get(const struct daemon *d, person_no no, struct span *ret_known, const struct span **ret_at, size_t *ret_n)
{
    const struct passed_person *p = d->passed && no <= CORE_PERSONS_MAX ? &d->passed->of[no] : NULL;
    if (!p || p->until_at <= p->since_at)
        return false;
    *ret_known = (struct span){ p->since_at, p->until_at };
    *ret_at = p->at;
    *ret_n = p->n;
    return true;
}

/* --- the file ------------------------------------------------------------------------------------------- */

static void write_all(struct daemon *d)
{
    struct buf text;
    buf_init(&text, BYTES_MAX);
    buf_c(&text, HEADER);
    for (uint32_t no = 1; no <= CORE_PERSONS_MAX; no++) {
        const struct passed_person *p = &d->passed->of[no];
        if (p->until_at == 0)
            continue;
        buf_printf(&text, "%u %lld %lld", no, (long long)p->since_at, (long long)p->until_at);
        for (size_t i = 0; i < p->n; i++)
            buf_printf(&text, " %lld %lld", (long long)p->at[i].from_at, (long long)p->at[i].until_at);
        buf_char(&text, '\n');
    }
    int code = text.failed ? text.failed : io_replace_file(d->state_fd, PASSED_FILE, text.ptr, text.len, 0600);
    buf_finish(&text);
    if (code < 0 && code != E_NO_SPACE)
        log_line("passed", "code=%s", err_word(code));
    d->passed->changed = code < 0;
}

static bool take_at(struct str *rest, usec_t least, usec_t *ret)
{
    struct str word;
    return str_next(rest, ' ', &word) && str_i64(word, ret) == 0 && *ret >= least && *ret < USEC_NEVER;
}

static bool read_person(struct passed *passed, struct str line)
{
    struct str word;
    uint64_t no;
    struct passed_person p = { 0 };
    if (!str_next(&line, ' ', &word) || str_u64(word, &no) < 0 || no < 1 || no > CORE_PERSONS_MAX ||
        !take_at(&line, 1, &p.since_at) || !take_at(&line, p.since_at, &p.until_at))
        return false;
    usec_t least = p.since_at;
    bool ok = true;
    while (line.len && ok) {
        struct span s = { 0 };
        ok = take_at(&line, least, &s.from_at) && take_at(&line, s.from_at + 1, &s.until_at) && s.until_at <= p.until_at &&
             add_span(&p, s);
        least = s.until_at;
    }
    drop(&passed->of[no]);
    if (ok)
        passed->of[no] = p;
    else
        drop(&p);
    return ok;
}

static void read_all(struct daemon *d)
{
    struct buf text;
    struct str rest, line;
    buf_init(&text, BYTES_MAX);
    int code = io_read_file(d->state_fd, PASSED_FILE, &text);
    rest = buf_look(&text);
    bool ok = code == E_NOT_FOUND || (code == 0 && str_starts(rest, HEADER));
    if (code == 0 && ok) {
        rest = str_slice(rest, sizeof HEADER - 1, rest.len);
        while (rest.len && str_next(&rest, '\n', &line))
            ok &= read_person(d->passed, line);
    }
    if (!ok)
        log_line("passed", "error=\"what it says is not understood; noted anew\"");
    buf_finish(&text);
}

void passed_step(struct daemon *d)
{
    const struct loop_now now = loop_now(d->loop);
    if (!sure(d, now))
        return;
    for (uint32_t no = 1; no <= people_n(d->people) && no <= CORE_PERSONS_MAX; no++) {
        note(d, (person_no)no, now.wall_at);
        cut_before(&d->passed->of[no], now.wall_at - CONFIG_PRESENCE_US);
    }
    if (d->passed->changed && !d->disk_full)
        write_all(d);
}

void passed_forget(struct daemon *d, person_no no)
{
    if (!d->passed || no > CORE_PERSONS_MAX)
        return;
    drop(&d->passed->of[no]);
    write_all(d); /* at once: deleted is gone from the disk, too */
}

int passed_load(struct daemon *d, struct err *err)
{
    d->passed = calloc(1, sizeof *d->passed);
    if (!d->passed)
        return err_set(err, E_NO_MEMORY, "There is not enough memory to begin.");
    read_all(d);
    return 0;
}

void passed_finish(struct daemon *d)
{
    if (!d->passed)
        return;
    if (d->passed->changed && !d->disk_full)
        write_all(d);
    for (uint32_t no = 0; no <= CORE_PERSONS_MAX; no++)
        drop(&d->passed->of[no]);
    free(d->passed);
    d->passed = NULL;
}
