/* week.c - see week.h.  What the child is given is made by history.c. */
#include "daemon/week.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <math.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/io.h"
#include "daemon/history.h"
#include "daemon/internal.h"
#include "engine/child.h"

#define LOOK_US      USEC_PER_HOUR          /* is a week over? */
#define STEP_US      (5 * USEC_PER_MSEC)    /* between pieces of the history: clients are answered there */
#define AGAIN_US     USEC_PER_HOUR          /* after a child that failed; doubles */
#define AGAIN_US_MAX USEC_PER_DAY
#define RUN_US_MAX   (2 * USEC_PER_HOUR)    /* at nice 19 on a machine whose CPUs are all taken */
#define RUN_CPU_S    600u                   /* a year of a busy team takes 20 s */
#define RUN_MEMORY   ((size_t)1 << 30)
#define ANSWER_MAX   16384u
#define KEPT_MAX     4096                   /* bytes of the store's text: 21 numbers a week */
#define SEEN_H_MAX   1e6
#define STOP_MS      200                    /* to see a killed child go, at our own end */

#define DAYS 7
#define DAY_MH_MAX (int64_t)1000000000000 /* of the results of one day */

struct kept_week { /* what a replay said of it, made while it was known when people could look */
    usec_t until_at;
    uint32_t results;
    int64_t seen_mh[MODE_COUNT][DAYS]; /* sums over what was submitted on each day */
};

struct kept { /* in the store, as "mode" */
    enum mode used, picked;
    usec_t since_at;     /* of `used` */
    enum week_state state;
    usec_t until_at;
    uint32_t weeks, results;
    int64_t seen_mh[MODE_COUNT];
    uint64_t how;        /* a hash of the machine and settings under which the weeks below were played */
    uint32_t known_n;
    struct kept_week known[MODE_WEEKS]; /* oldest first */
};

struct week {
    struct daemon *d;
    struct kept now;     /* as the store has it, or the open turn will */
    struct kept answer;  /* waits for a turn */
    bool waits, look, failed;
    struct loop_timer hourly, step, patience;
    usec_t again_us, again_boot_at, run_us_max;
    struct history *history; /* being gathered */
    usec_t until_at;         /* the end of the weeks that are being replayed */
    uint64_t how;            /* ... and how */
    struct child child;
    struct loop_watch out, gone;
    struct buf said;
    bool silent;             /* end of its output */
};

static const char *const state_words[] = { "none", "too-little", "picked" };
_Static_assert(sizeof state_words / sizeof state_words[0] == WEEK_STATE_COUNT, "a word for each state");

const char *week_state_word(enum week_state state)
{
    return state_words[state];
}

/* --- the store's text --------------------------------------------------------------------------------- */

/* Its end (by that many microseconds), its results and sums: for the store, and for the child's --week. */
static void put_week(const struct kept_week *w, char between, usec_t unit_us, struct buf *out)
{
    buf_printf(out, "%lld%c%u", (long long)(w->until_at / unit_us), between, w->results);
    for (int m = 0; m < MODE_COUNT; m++)
        for (int day = 0; day < DAYS; day++)
            buf_printf(out, "%c%lld", between, (long long)w->seen_mh[m][day]);
}

static void put_kept(const struct kept *k, struct buf *out)
{
    buf_printf(out, "%s %lld %s %s %lld %u %u", mode_word(k->used), (long long)k->since_at, mode_word(k->picked),
               week_state_word(k->state), (long long)k->until_at, k->weeks, k->results);
    for (int m = 0; m < MODE_COUNT; m++)
        buf_printf(out, " %lld", (long long)k->seen_mh[m]);
    buf_printf(out, " %llu", (unsigned long long)k->how);
    for (uint32_t i = 0; i < k->known_n; i++) {
        buf_char(out, ' ');
        put_week(&k->known[i], ' ', 1, out);
    }
}

static bool take_i64(struct str *rest, int64_t max, int64_t *ret)
{
    struct str word;
    return str_next(rest, ' ', &word) && str_i64(word, ret) == 0 && *ret >= 0 && *ret <= max;
}

static bool take_mode(struct str *rest, enum mode *ret)
{
    struct str word;
    return str_next(rest, ' ', &word) && mode_parse(word, ret) == 0;
}

static bool take_state(struct str *rest, enum week_state *ret)
{
    struct str word;
    if (!str_next(rest, ' ', &word))
        return false;
    for (int s = 0; s < WEEK_STATE_COUNT; s++) {
        if (!str_is(word, state_words[s]))
            continue;
        *ret = (enum week_state)s;
        return true;
    }
    return false;
}

static bool take_week(struct str *rest, struct kept_week *ret)
{
    int64_t results = 0;
    bool ok = take_i64(rest, USEC_NEVER, &ret->until_at) && take_i64(rest, HISTORY_JOBS_MAX, &results);
    ret->results = (uint32_t)results;
    for (int m = 0; m < MODE_COUNT && ok; m++)
        for (int day = 0; day < DAYS && ok; day++)
            ok = take_i64(rest, DAY_MH_MAX, &ret->seen_mh[m][day]);
    return ok;
}

/* An older eoul kept none: they are played again. */
static bool take_weeks(struct str rest, struct kept *ret)
{
    struct str word;
    if (rest.len == 0)
        return true;
    if (!str_next(&rest, ' ', &word) || str_u64(word, &ret->how) < 0)
        return false;
    for (; rest.len && ret->known_n < MODE_WEEKS; ret->known_n++)
        if (!take_week(&rest, &ret->known[ret->known_n]))
            return false;
    return rest.len == 0;
}

static bool take_kept(struct str text, struct kept *ret)
{
    struct kept k = { 0 };
    int64_t weeks = 0, results = 0;
    bool ok = take_mode(&text, &k.used) && take_i64(&text, USEC_NEVER, &k.since_at) && take_mode(&text, &k.picked) &&
              take_state(&text, &k.state) && take_i64(&text, USEC_NEVER, &k.until_at) && take_i64(&text, MODE_WEEKS, &weeks) &&
              take_i64(&text, UINT32_MAX, &results);
    for (int m = 0; m < MODE_COUNT && ok; m++)
        ok = take_i64(&text, INT64_MAX, &k.seen_mh[m]);
    k.weeks = (uint32_t)weeks;
    k.results = (uint32_t)results;
    ok = ok && take_weeks(text, &k);
    if (ok)
        *ret = k;
    return ok;
}

/* What nobody can read is as if nothing were known: it is found out again. */
static void read_kept(struct week *w)
{
    char memory[KEPT_MAX];
    struct buf text;
    buf_init_fixed(&text, memory, sizeof memory);
    w->now = (struct kept){ 0 };
    if (store_meta_get(w->d->store, "mode", &text) == 0 && !take_kept(buf_look(&text), &w->now))
        log_line("mode", "error=\"what the store says of it is not understood\"");
    store_reset(w->d->store);
}

/* --- in a turn ------------------------------------------------------------------------------------------ */

enum mode week_mode(const struct daemon *d)
{
    return d->week->now.used;
}

bool week_waits(const struct daemon *d)
{
    return d->week->waits;
}

int week_turn(struct daemon *d, struct err *err)
{
    struct week *w = d->week;
    struct kept next = w->waits ? w->answer : w->now;
    char was_memory[KEPT_MAX], now_memory[KEPT_MAX];
    struct buf was, now;
    enum mode used = d->config->mode_given ? d->config->mode : next.picked;
    if (used != next.used || next.since_at == 0) {
        next.used = used;
        next.since_at = d->now.wall_at;
    }
    buf_init_fixed(&was, was_memory, sizeof was_memory);
    buf_init_fixed(&now, now_memory, sizeof now_memory);
    put_kept(&w->now, &was);
    put_kept(&next, &now);
    w->now = next;
    w->look = true; /* eoul.yaml may have been read again */
    int code = str_eq(buf_look(&was), buf_look(&now)) ? 0 : store_meta_put(d->store, "mode", buf_look(&now));
    return code < 0 ? code : settings_tell(d, err);
}

void week_committed(struct daemon *d)
{
    struct week *w = d->week;
    if (!w->waits)
        return;
    w->waits = false;
    log_line("mode", "mode=%s state=%s weeks=%u results=%u until=%lld", mode_word(w->now.used), week_state_word(w->now.state),
             w->now.weeks, w->now.results, (long long)w->now.until_at);
}

void week_rolled_back(struct daemon *d)
{
    read_kept(d->week);
}

/* --- the end of a replay ---------------------------------------------------------------------------------- */

static void history_drop(struct week *w)
{
    history_destroy(w->history);
    w->history = NULL;
    loop_timer_cancel(w->d->loop, &w->step);
}

static void fail(struct week *w, const char *why)
{
    log_line("mode", "error=\"%s\"", why);
    history_drop(w);
    w->failed = true;
    w->again_boot_at = loop_now(w->d->loop).boot_at + w->again_us;
    w->again_us = usec_min(w->again_us * 2, AGAIN_US_MAX);
}

/* For the next turn. */
static void answer(struct week *w, const struct kept *k)
{
    w->answer = *k;
    w->waits = true;
    w->failed = false;
    w->again_us = AGAIN_US;
}

static void too_little(struct week *w)
{
    struct kept k = w->now; /* the mode stays */
    k.state = WEEK_LITTLE;
    k.until_at = w->until_at;
    k.weeks = k.results = k.known_n = 0;
    memset(k.seen_mh, 0, sizeof k.seen_mh);
    history_drop(w);
    answer(w, &k);
}

/* --- the child's answer ------------------------------------------------------------------------------------ */

static bool read_whole(const json_t *from, const char *name, int64_t least, int64_t most, int64_t *ret)
{
    const json_t *v = json_object_get(from, name);
    *ret = json_integer_value(v);
    return json_is_integer(v) && *ret >= least && *ret <= most;
}

static bool read_hours(const json_t *v, double max, int64_t *ret_mh)
{
    double h = json_number_value(v);
    if (!json_is_number(v) || !(h >= 0 && h < max))
        return false;
    *ret_mh = (int64_t)llround(h * 1000);
    return true;
}

static bool read_week(const json_t *j, usec_t until_at, struct kept_week *ret)
{
    int64_t results;
    if (!read_whole(j, "until_at", 1, until_at, &ret->until_at) || !read_whole(j, "results", 0, HISTORY_JOBS_MAX, &results))
        return false;
    ret->results = (uint32_t)results;
    for (int m = 0; m < MODE_COUNT; m++) {
        const json_t *days = json_object_get(json_object_get(j, "days_h"), mode_word((enum mode)m));
        if (json_array_size(days) != DAYS)
            return false;
        for (size_t day = 0; day < DAYS; day++)
            if (!read_hours(json_array_get(days, day), (double)DAY_MH_MAX / 1000, &ret->seen_mh[m][day]))
                return false;
    }
    return true;
}

static bool read_weeks(const json_t *j, struct kept *ret)
{
    const json_t *weeks = json_object_get(j, "by_week");
    size_t n = json_array_size(weeks);
    if (!json_is_array(weeks) || n > MODE_WEEKS)
        return false;
    ret->known_n = (uint32_t)n;
    for (size_t i = 0; i < n; i++)
        if (!read_week(json_array_get(weeks, i), ret->until_at, &ret->known[i]))
            return false;
    return true;
}

/* It is of our own making, and still it is checked like any input. */
static bool read_answer(const struct week *w, const json_t *j, struct kept *ret)
{
    int64_t until_at, weeks, results;
    const char *mode = json_string_value(json_object_get(j, "mode"));
    if (!mode || mode_parse(str_of(mode), &ret->picked) < 0 ||
        !read_whole(j, "until_at", w->until_at, w->until_at, &until_at) || !read_whole(j, "weeks", 0, MODE_WEEKS, &weeks) ||
        !read_whole(j, "results", weeks * MODE_JOBS_MIN, HISTORY_JOBS_MAX, &results))
        return false;
    for (int m = 0; m < MODE_COUNT; m++) {
        if (!read_hours(json_object_get(json_object_get(j, "seen_h"), mode_word((enum mode)m)), SEEN_H_MAX, &ret->seen_mh[m]))
            return false;
    }
    ret->state = weeks ? WEEK_PICKED : WEEK_LITTLE;
    ret->until_at = until_at;
    ret->weeks = (uint32_t)weeks;
    ret->results = (uint32_t)results;
    ret->how = w->how;
    return read_weeks(j, ret);
}

static void take_answer(struct week *w)
{
    struct kept k = w->now;
    struct str text = buf_look(&w->said);
    json_t *j = w->said.failed ? NULL : json_loadb(text.ptr ? text.ptr : "", text.len, JSON_REJECT_DUPLICATES, NULL);
    bool ok = json_is_object(j) && read_answer(w, j, &k);
    json_decref(j);
    if (!ok)
        fail(w, "what eoul-sim said is not understood");
    else if (k.state == WEEK_LITTLE)
        too_little(w);
    else
        answer(w, &k);
}

/* --- the child ---------------------------------------------------------------------------------------------- */

static bool child_runs(const struct week *w)
{
    return w->child.pid > 0;
}

static void child_over(struct week *w, int status)
{
    char why[64];
    loop_timer_cancel(w->d->loop, &w->patience);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
        take_answer(w);
    } else {
        snprintf(why, sizeof why, "eoul-sim ended with %s %d", WIFSIGNALED(status) ? "signal" : "status",
                 WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
        fail(w, why);
    }
    buf_finish(&w->said);
}

static void child_look(struct week *w)
{
    int status = 0;
    if (w->silent && child_reap(&w->child, &status)) /* closes what is watched: nothing is, then */
        child_over(w, status);
}

static void out_ready(struct loop_watch *watch, uint32_t events, void *data)
{
    struct week *w = data;
    char some[4096];
    ssize_t n;
    (void)events;
    while ((n = read(watch->fd, some, sizeof some)) > 0)
        buf_str(&w->said, (struct str){ some, (size_t)n });
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    loop_watch_remove(&w->out);
    w->silent = true;
    if (!w->gone.loop)
        child_look(w);
}

static void gone_ready(struct loop_watch *watch, uint32_t events, void *data)
{
    (void)watch;
    (void)events;
    struct week *w = data;
    loop_watch_remove(&w->gone);
    if (w->out.loop) /* what it said before it went; whoever else may still hold the pipe is not waited for */
        out_ready(&w->out, LOOP_READ, w);
    loop_watch_remove(&w->out);
    w->silent = true;
    child_look(w);
}

static void impatient(struct loop_timer *t, void *data)
{
    struct week *w = data;
    (void)t;
    log_line("mode", "state=hangs action=kill");
    child_kill(&w->child); /* gone_ready has the rest */
}

static int lend(struct str text, int *ret_fd)
{
    int fd = memfd_create("eoul-week", MFD_CLOEXEC);
    if (fd < 0 || io_write_all(fd, text.ptr, text.len) < 0 || lseek(fd, 0, SEEK_SET) < 0) {
        int error = errno;
        io_close(&fd);
        return io_from_errno(error);
    }
    *ret_fd = fd;
    return 0;
}

struct words { /* argv with the memory of its numbers */
    char text[8][64], weeks[MODE_WEEKS][KEPT_MAX / MODE_WEEKS];
    char *argv[48];
    uint32_t texts_n, n;
};

static void word(struct words *a, const char *s)
{
    a->argv[a->n++] = (char *)(uintptr_t)s; /* exec's, which changes none */
}

static void option(struct words *a, const char *name, const char *value)
{
    word(a, name);
    word(a, value);
}

static void option_i64(struct words *a, const char *name, const char *prefix, int64_t value)
{
    snprintf(a->text[a->texts_n], sizeof a->text[0], "%s%lld", prefix, (long long)value);
    option(a, name, a->text[a->texts_n++]);
}

/* What the machine and the settings are: weeks that were played under others are not added to those of now. */
static uint64_t how(const struct words *a)
{
    uint64_t hash = 1;
    for (uint32_t i = 0; i < a->n; i++)
        hash = hash_bytes(hash, a->argv[i], strlen(a->argv[i]) + 1);
    return hash;
}

/* Weeks that were played when they were over, by the hours that were told then: these are gone after a week (passed.h). */
static void put_known(const struct week *w, struct words *a)
{
    for (uint32_t i = 0; i < w->now.known_n && w->now.how == w->how; i++) {
        struct buf text;
        if (w->now.known[i].until_at >= w->until_at) /* of a clock that was ahead */
            continue;
        buf_init_fixed(&text, a->weeks[i], sizeof a->weeks[i]);
        put_week(&w->now.known[i], ':', USEC_PER_SEC, &text);
        if (!text.failed)
            option(a, "--week", a->weeks[i]);
    }
}

static void make_words(struct week *w, struct words *a)
{
    const struct daemon *d = w->d;
    const struct ev_settings s = settings_of(d, MODE_LATER);
    *a = (struct words){ 0 };
    option(a, "eoul-sim", "mode");
    option(a, "--trace", "-");
    option(a, "--format", "journal");
    option(a, "--calendars", "told");
    option(a, "--estimates", "history");
    option(a, "--zone", people_system_zone_name(d->people));
    option(a, "--tariff", d->config->tariff ? d->config->tariff : "none");
    option_i64(a, "--person-hour", "", d->config->tariff ? d->config->person_hour : 0);
    option_i64(a, "--gpus", "", history_gpus(d));
    option_i64(a, "--set", "runtime_guess_us=", s.runtime_guess_us);
    option_i64(a, "--set", "age_us=", s.age_us);
    option_i64(a, "--set", "half_life_us=", s.half_life_us);
    if (d->config->power_cap)
        option(a, "--power-cap", d->config->power_cap);
    w->how = how(a);
    option(a, "--mode", mode_word(w->now.picked));
    option_i64(a, "--until", "", w->until_at / USEC_PER_SEC);
    put_known(w, a);
    word(a, "--json");
    word(a, NULL);
}

static int child_watch(struct week *w)
{
    struct loop *l = w->d->loop;
    int code = loop_watch_add(l, &w->out, w->child.out_fd, LOOP_READ, out_ready, w);
    if (code == 0)
        code = loop_watch_add(l, &w->gone, w->child.pidfd, LOOP_READ, gone_ready, w);
    if (code == 0)
        code = loop_timer_set(l, &w->patience, loop_now(l).boot_at + w->run_us_max, impatient, w);
    return code;
}

static void child_end(struct week *w); /* at our own end, or when it cannot be watched */

static void begin(struct week *w)
{
    static const struct child_bounds bounds = { .cpu_s = RUN_CPU_S, .memory = RUN_MEMORY };
    struct words words;
    struct err err = { 0 };
    int fd = -1;
    int code = lend(history_text(w->history), &fd);
    history_drop(w);
    make_words(w, &words);
    if (code == 0)
        code = child_start(getenv("EOUL_LIBEXEC"), words.argv, fd, &bounds, &w->child, &err);
    io_close(&fd);
    if (code == 0) {
        w->silent = false;
        buf_init(&w->said, ANSWER_MAX);
        code = child_watch(w);
        if (code < 0)
            child_end(w);
    }
    if (code < 0)
        fail(w, err.text[0] ? err.text : err_word(code));
    else
        log_line("mode", "state=runs pid=%d", (int)w->child.pid);
}

static void child_end(struct week *w)
{
    struct pollfd p = { .fd = w->child.pidfd, .events = POLLIN };
    int status;
    loop_watch_remove(&w->out);
    loop_watch_remove(&w->gone);
    loop_timer_cancel(w->d->loop, &w->patience);
    buf_finish(&w->said);
    if (!child_runs(w))
        return;
    child_kill(&w->child);
    (void)poll(&p, 1, STOP_MS);
    if (!child_reap(&w->child, &status)) { /* in the kernel for good: ours as little as anybody's */
        io_close(&w->child.pidfd);
        io_close(&w->child.out_fd);
        w->child.pid = 0;
    }
}

/* --- gathering ------------------------------------------------------------------------------------------------ */

static void step_fired(struct loop_timer *t, void *data)
{
    struct week *w = data;
    (void)t;
    int code = history_step(w->history);
    if (code < 0)
        fail(w, code == E_TOO_LARGE ? "the history is too long to be handed on" : err_word(code));
    else if (code == 0)
        loop_timer_set(w->d->loop, &w->step, loop_now(w->d->loop).boot_at + STEP_US, step_fired, w);
    else if (history_recent(w->history) < MODE_JOBS_MIN)
        too_little(w);
    else
        begin(w);
}

/* --- when ------------------------------------------------------------------------------------------------------- */

static void look_fired(struct loop_timer *t, void *data)
{
    struct week *w = data;
    (void)t;
    w->look = true;
    loop_timer_set(w->d->loop, &w->hourly, loop_now(w->d->loop).boot_at + LOOK_US, look_fired, w);
}

static bool may(const struct week *w, const struct loop_now *now)
{
    const struct daemon *d = w->d;
    return d->config->policy == POLICY_BLEND && !d->config->mode_given && !w->history && !child_runs(w) && !w->waits &&
           !d->disk_full && !d->stopping && now->boot_at >= w->again_boot_at &&
           believed_doubt_us(&d->believed, now->wall_at, now->boot_at) == 0;
}

void week_step(struct daemon *d)
{
    struct week *w = d->week;
    if (!w->look)
        return;
    const struct loop_now now = loop_now(d->loop);
    w->look = false;
    passed_step(d); /* hourly, and first when the daemon begins: what grew old while there was none goes */
    w->until_at = zone_week_s(people_system_zone(d->people), now.wall_at / USEC_PER_SEC) * USEC_PER_SEC;
    /* Not only a later one: after a clock that was years ahead, this week counts again. */
    if (!may(w, &now) || w->until_at == w->now.until_at)
        return;
    int code = history_create(d, w->until_at, &w->history);
    if (code < 0)
        fail(w, err_word(code));
    else
        loop_timer_set(d->loop, &w->step, now.boot_at + STEP_US, step_fired, w);
}

/* --- outside ------------------------------------------------------------------------------------------------------ */

int week_load(struct daemon *d, struct err *err)
{
    uint64_t ms;
    const char *said = getenv("EOUL_WEEK_MS"); /* for tests: nobody waits hours for a child that hangs */
    struct week *w = calloc(1, sizeof *w);
    if (!w)
        return err_set(err, E_NO_MEMORY, "There is not enough memory to begin.");
    w->d = d;
    w->again_us = AGAIN_US;
    w->run_us_max = said && str_u64(str_of(said), &ms) == 0 && ms > 0 && ms <= 3600000 ? (usec_t)ms * USEC_PER_MSEC : RUN_US_MAX;
    w->child = (struct child){ .pidfd = -1, .out_fd = -1 };
    d->week = w;
    read_kept(w);
    w->look = true;
    return loop_timer_set(d->loop, &w->hourly, loop_now(d->loop).boot_at + LOOK_US, look_fired, w);
}

void week_finish(struct daemon *d)
{
    struct week *w = d->week;
    if (!w)
        return;
    child_end(w);
    history_drop(w);
    loop_timer_cancel(d->loop, &w->hourly);
    free(w);
    d->week = NULL;
}

void daemon_week(const struct daemon *d, struct week_now *ret)
{
    const struct week *w = d->week;
    const struct kept *k = &w->now;
    *ret = (struct week_now){ .of_blend = d->config->policy == POLICY_BLEND, .weekly = !d->config->mode_given, .mode = k->used,
        .since_at = k->since_at, .state = k->state, .until_at = k->until_at, .weeks = k->weeks, .results = k->results,
        .failed = w->failed, .running = w->history || child_runs(w) || w->waits };
    memcpy(ret->seen_mh, k->seen_mh, sizeof ret->seen_mh);
}
