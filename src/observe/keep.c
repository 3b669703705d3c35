/* keep.c - see keep.h. */
#include "observe/keep.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "client/place.h"

#define OPEN_MAX  (512u << 10) /* RUNS_MAX lines */
#define NAME_MAX_ 64

/* --- rows ---------------------------------------------------------------------------------------------- */

static void run_name(const struct keep *k, const struct run *run, struct buf *out)
{
    buf_printf(out, "%s-%d-%" PRIu64, k->boot, (int)run->pid, run->ticks);
}

/* A name that another user chose: between quotes, without quotes and control characters. */
static void quoted(struct buf *out, const char *name)
{
    buf_char(out, '"');
    for (const char *c = name; *c; c++)
        buf_char(out, *c == '"' ? '\'' : (unsigned char)*c < ' ' || *c == 127 ? ' ' : *c);
    buf_char(out, '"');
}

static void put_row(const struct keep *k, const struct run *run, usec_t end_at, struct buf *out)
{
    char user[NAME_MAX_];
    usec_t ran_us = usec_max(end_at - run->start_at, USEC_PER_SEC);
    int64_t milliwatts = run_mean_mw(run);
    place_user_name("/etc/passwd", run->uid, user, sizeof user);
    buf_printf(out, "%" PRId64 ",%" PRId64 ",%u,", run->start_at / USEC_PER_SEC, ran_us / USEC_PER_SEC, run->gpus_n);
    quoted(out, user);
    buf_char(out, ',');
    quoted(out, run->command);
    buf_char(out, ',');
    if (milliwatts > 0)
        buf_printf(out, "%" PRId64, milliwatts / 1000);
    buf_char(out, ',');
    run_name(k, run, out);
    buf_char(out, '\n');
}

static void write_row(const struct run *run, usec_t end_at, void *data)
{
    struct keep *k = data;
    char memory[512];
    struct buf row;
    if (run->gpus_n == 0)
        return;
    buf_init_fixed(&row, memory, sizeof memory);
    put_row(k, run, end_at, &row);
    int code = row.failed ? row.failed : record_append(&k->record, run->uid, buf_look(&row));
    k->failed = k->failed ? k->failed : code;
}

/* Was its row written before the recorder was killed, and `open` was not? */
static bool written(const struct keep *k, const struct run *run)
{
    char memory[64];
    struct buf name;
    buf_init_fixed(&name, memory, sizeof memory);
    run_name(k, run, &name);
    return record_has(&k->record, run->uid, buf_look(&name));
}

/* --- open ---------------------------------------------------------------------------------------------- */

static int save(const struct keep *k)
{
    struct buf b;
    buf_init(&b, OPEN_MAX);
    buf_printf(&b, "boot %s\n", k->boot);
    for (uint32_t i = 0; i < k->runs.n; i++) {
        const struct run *r = &k->runs.at[i];
        buf_printf(&b, "%u %d %d %d %" PRIu64 " %" PRId64 " %" PRId64 " %" PRId64 " %" PRIu64 " %u %" PRIu64 " %u %s %s\n",
                   r->uid, (int)r->pid, (int)r->parent, (int)r->group, r->ticks, r->start_at, r->newest_at, r->seen_at,
                   r->gpus, r->gpus_n, r->watts_mw_sum, r->watts_n, r->attempt[0] ? r->attempt : "-", r->command);
    }
    int code = b.failed ? b.failed : io_replace_file(k->record.fd, "open", b.ptr, b.len, 0600);
    buf_finish(&b);
    return code;
}

static bool take_number(struct str *line, int64_t low, int64_t high, int64_t *ret)
{
    struct str word = { 0 };
    return str_next(line, ' ', &word) && str_i64(word, ret) == 0 && *ret >= low && *ret <= high;
}

static void copy(char *to, size_t size, struct str s)
{
    size_t n = s.len < size ? s.len : size - 1;
    if (n)
        memcpy(to, s.ptr, n);
    to[n] = '\0';
}

/* A line of `open`; false: it is none of ours. */
static bool load_run(struct str line, struct run *ret)
{
    int64_t n[12];
    static const int64_t high[12] = { UINT32_MAX, INT32_MAX, INT32_MAX, INT32_MAX, INT64_MAX, INT64_MAX, INT64_MAX,
                                      INT64_MAX, INT64_MAX, 64, INT64_MAX, UINT32_MAX };
    struct str attempt = { 0 };
    for (int i = 0; i < 12; i++)
        if (!take_number(&line, i == 8 ? INT64_MIN : 0, high[i], &n[i]))
            return false;
    if (!str_next(&line, ' ', &attempt))
        return false;
    *ret = (struct run){ .uid = (uint32_t)n[0], .pid = (int32_t)n[1], .parent = (int32_t)n[2], .group = (int32_t)n[3],
                         .ticks = (uint64_t)n[4], .start_at = n[5], .newest_at = n[6], .seen_at = n[7],
                         .gpus = (uint64_t)n[8], .gpus_n = (uint32_t)n[9], .watts_mw_sum = (uint64_t)n[10],
                         .watts_n = (uint32_t)n[11] };
    if (!str_is(attempt, "-"))
        copy(ret->attempt, sizeof ret->attempt, attempt);
    copy(ret->command, sizeof ret->command, line);
    return true;
}

static bool never_alive(const struct run *run, void *data)
{
    (void)run, (void)data;
    return false;
}

static bool still_alive(const struct run *run, void *data)
{
    (void)data;
    return record_lives(run->pid, run->ticks);
}

static int load(struct keep *k)
{
    struct buf text;
    struct str rest, line;
    char boot[sizeof k->boot] = "", now[sizeof k->boot];
    buf_init(&text, OPEN_MAX);
    int code = io_read_file(k->record.fd, "open", &text);
    rest = buf_look(&text);
    if (code == 0 && str_next(&rest, '\n', &line) && str_starts(line, "boot "))
        copy(boot, sizeof boot, str_slice(line, 5, line.len));
    memcpy(now, k->boot, sizeof now);
    bool same_boot = strcmp(boot, now) == 0;
    memcpy(k->boot, boot, sizeof boot); /* their names are of that boot */
    while (code == 0 && k->runs.n < RUNS_MAX && str_next(&rest, '\n', &line)) {
        struct run *run = &k->runs.at[k->runs.n];
        usec_t since_at;
        k->runs.n += load_run(line, run) && record_agreed(&k->record, run->uid, &since_at) && !written(k, run);
    }
    buf_finish(&text);
    runs_resume(&k->runs, same_boot ? still_alive : never_alive, write_row, k);
    memcpy(k->boot, now, sizeof now);
    return code == E_NOT_FOUND ? 0 : code;
}

static void trim_daily(struct keep *k, usec_t now_at)
{
    uid_t people[RECORD_PEOPLE_MAX];
    if (now_at / USEC_PER_DAY == k->trimmed_day)
        return;
    k->trimmed_day = now_at / USEC_PER_DAY;
    for (uint32_t i = 0, n = record_people(&k->record, people); i < n; i++)
        (void)record_trim(&k->record, people[i], now_at - RECORD_KEEP_US);
}

int keep_begin(struct keep *k, struct err *err)
{
    char boot[37];
    unsigned long long ticks = 0;
    struct record_about before;
    usec_t every_us = k->about.every_us;
    int code = io_boot_id(boot);
    if (code == 0)
        code = io_start_time(getpid(), &ticks);
    if (code < 0)
        return err_set(err, code, "/proc does not say which process this is.");
    copy(k->boot, sizeof k->boot, str_of(boot));
    sight_init(&k->source);
    k->about = record_about_read(&k->record, &before) == 0 ? before : (struct record_about){ .since_at = io_wall_now() };
    k->about.every_us = every_us;
    k->about.pid = getpid();
    k->about.ticks = ticks;
    record_forget(&k->record);
    trim_daily(k, io_wall_now()); /* a torn line must not become the beginning of the next */
    code = load(k);
    return code < 0 ? err_set(err, code, "The record in \"%s\" cannot be read: %s.", k->record.path, err_word(code)) : 0;
}

/* --- a round ------------------------------------------------------------------------------------------- */

static struct record_week *this_week(struct record_about *a, usec_t now_at)
{
    int64_t day = now_at / USEC_PER_DAY, monday = day - (day + 3) % 7; /* 1 January 1970 was a Thursday */
    uint32_t n = 0;
    while (n < RECORD_WEEKS && a->weeks[n].monday)
        n++;
    if (n && a->weeks[n - 1].monday >= monday)
        return &a->weeks[n - 1];
    if (n == RECORD_WEEKS)
        memmove(a->weeks, a->weeks + 1, --n * sizeof a->weeks[0]);
    a->weeks[n] = (struct record_week){ .monday = monday };
    return &a->weeks[n];
}

/* Leaves in the round what may be kept: nothing of those who have not agreed, nothing from before they did.  Of the
 * others their GPU-time goes into the week's sum. */
static void sift(struct keep *k, usec_t length_us)
{
    uint64_t named = 0, others = 0;
    uint32_t kept = 0;
    usec_t since_at;
    for (uint32_t i = 0; i < k->look.round.sights_n; i++) {
        struct sight s = k->look.sights[i];
        bool agreed = s.uid != UINT32_MAX && record_agreed(&k->record, s.uid, &since_at);
        *(agreed ? &named : &others) |= UINT64_C(1) << s.gpu;
        if (!agreed)
            continue;
        s.start_at = usec_max(s.start_at, since_at);
        k->look.sights[kept++] = s;
    }
    memset(k->look.sights + kept, 0, (k->look.round.sights_n - kept) * sizeof k->look.sights[0]);
    k->look.round.sights_n = kept;
    struct record_week *week = this_week(&k->about, k->look.round.now_at);
    week->named_s += __builtin_popcountll(named) * length_us / USEC_PER_SEC;
    week->others_s += __builtin_popcountll(others & ~named) * length_us / USEC_PER_SEC;
}

static void forget_those_who_left(struct keep *k)
{
    usec_t since_at;
    for (uint32_t i = k->runs.n; i-- > 0;) {
        uint32_t uid = k->runs.at[i].uid;
        if (record_agreed(&k->record, uid, &since_at))
            continue;
        runs_forget(&k->runs, uid);
        i = k->runs.n;
    }
    record_forget(&k->record);
}

int keep_round(struct keep *k, struct err *err)
{
    int code = sight_look(&k->source, &k->look, err);
    if (code < 0)
        return code;
    if (k->look.state != PROBE_READY || k->look.gpus_n == 0)
        return err_set(err, E_UNAVAILABLE, "No GPU can be seen here (%s).",
                       k->look.why[0] ? k->look.why : "the driver knows none");
    usec_t since_us = k->about.round_at ? k->look.round.now_at - k->about.round_at : 0;
    sift(k, usec_min(usec_max(since_us, 0), 2 * k->about.every_us));
    k->failed = 0;
    forget_those_who_left(k);
    trim_daily(k, k->look.round.now_at);
    runs_round(&k->runs, &k->look.round, write_row, k);
    k->about.round_at = k->look.round.now_at;
    k->about.gpus = k->look.gpus_n;
    code = save(k);
    k->failed = k->failed ? k->failed : code;
    code = record_about_write(&k->record, &k->about);
    k->failed = k->failed ? k->failed : code;
    return k->failed ? err_set(err, k->failed, "The record in \"%s\" cannot be written: %s.", k->record.path,
                               err_word(k->failed)) : 0;
}

void keep_finish(struct keep *k)
{
    sight_finish(&k->source);
    record_close(&k->record);
}
