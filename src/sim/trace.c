/* trace.c - a workload in memory: loading, users, order, what does not fit. */
#include "sim/trace.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "base/hash.h"
#include "base/io.h"
#include "base/utf8.h"
#include "sim/timer.h"

#define READ_STEP (1u << 20)

static const char *const words[] = { "csv", "swf", "philly", "openb", "sacct", "journal" };
_Static_assert(sizeof words / sizeof words[0] == TRACE_FORMAT_COUNT, "one word a format");

const char *trace_format_word(enum trace_format format)
{
    return (unsigned)format < TRACE_FORMAT_COUNT ? words[format] : "?";
}

int trace_format_parse(struct str word, enum trace_format *ret)
{
    for (enum trace_format f = 0; f < TRACE_FORMAT_COUNT; f++) {
        if (str_is(word, words[f])) {
            *ret = f;
            return 0;
        }
    }
    return E_INVALID;
}

/* --- what readers call ---------------------------------------------------------------------------- */

static char *copy(struct str s)
{
    char *c = malloc(s.len + 1);
    if (!c)
        abort();
    if (s.len)
        memcpy(c, s.ptr, s.len);
    c[s.len] = '\0';
    return c;
}

uint32_t trace_user(struct trace *t, struct str name)
{
    uint64_t key = hash_bytes(1, name.ptr, name.len) | 1;
    uint32_t at;
    /* Two names of one hash: step on until the name is met or a place is free. */
    while (map_get(&t->user_of, key, &at)) {
        if (str_is(name, t->users[at].name))
            return at;
        key = hash_mix(key, 1) | 1;
    }
    at = (uint32_t)t->users_n;
    t->users = sim_grow(t->users, &t->users_size, t->users_n + 1, sizeof(*t->users));
    t->users[t->users_n++] = (struct trace_user){ .name = copy(name) };
    if (map_set(&t->user_of, key, at) < 0)
        abort();
    return at;
}

struct trace_job *trace_add(struct trace *t)
{
    t->jobs = sim_grow(t->jobs, &t->jobs_size, t->jobs_n + 1, sizeof(*t->jobs));
    t->jobs[t->jobs_n] = (struct trace_job){ 0 };
    return &t->jobs[t->jobs_n++];
}

bool trace_bad(struct trace *t, int code)
{
    (void)code;
    t->faults_n++;
    if (t->faults_shown < TRACE_FAULTS_SHOWN) {
        struct buf clean; /* it quotes the file: no bytes of it may move a cursor or break a line */
        buf_init(&clean, 4 * ERR_TEXT_MAX);
        utf8_clean(&clean, str_of(t->say.text));
        t->faults[t->faults_shown++] = copy(buf_look(&clean));
        buf_finish(&clean);
    }
    return false;
}

static int by_submit(const void *a, const void *b)
{
    const struct trace_job *x = a, *y = b;
    if (x->submit_at != y->submit_at)
        return x->submit_at < y->submit_at ? -1 : 1;
    return x->line < y->line ? -1 : x->line > y->line;
}

void trace_sort(struct trace *t)
{
    if (t->jobs_n)
        qsort(t->jobs, t->jobs_n, sizeof(*t->jobs), by_submit);
}

static void count_users(struct trace *t)
{
    for (size_t i = 0; i < t->users_n; i++)
        t->users[i].jobs = 0;
    for (size_t i = 0; i < t->jobs_n; i++)
        t->users[t->jobs[i].user].jobs++;
}

bool trace_interrupts(const struct trace *t)
{
    for (size_t i = 0; i < t->jobs_n; i++)
        if (t->jobs[i].checkpoint)
            return true;
    return false;
}

void trace_fit(struct trace *t, uint32_t gpus)
{
    size_t kept = 0;
    for (size_t i = 0; i < t->jobs_n; i++) {
        const struct trace_job *j = &t->jobs[i];
        if (j->gpus > gpus)
            trace_bad(t, err_set(&t->say, E_TOO_LARGE,
                                 "Line %u asks for %u GPUs at once; the machine has %u.", j->line,
                                 j->gpus, gpus));
        else
            t->jobs[kept++] = *j;
    }
    t->jobs_n = kept;
    count_users(t);
}

struct rank {
    uint32_t jobs, user;
};

static int by_jobs(const void *a, const void *b)
{
    const struct rank *x = a, *y = b;
    if (x->jobs != y->jobs)
        return x->jobs > y->jobs ? -1 : 1;
    return x->user < y->user ? -1 : 1;
}

/* Users without jobs go (rows that were bad, teams not asked for); of the others the n busiest stay. */
void trace_fold_users(struct trace *t, size_t n)
{
    if (t->users_n == 0)
        return;
    struct rank *rank = calloc(t->users_n, sizeof(*rank));
    uint32_t *to = calloc(t->users_n, sizeof(*to));
    struct trace_user *users = calloc(t->users_n + 1, sizeof(*users));
    size_t kept = 0;
    if (!rank || !to || !users)
        abort();
    count_users(t);
    for (size_t i = 0; i < t->users_n; i++)
        rank[i] = (struct rank){ t->users[i].jobs, (uint32_t)i };
    qsort(rank, t->users_n, sizeof(*rank), by_jobs);
    /* Numbers in the order of first sight, so that a user more does not renumber the others. */
    for (size_t i = 0; i < t->users_n; i++)
        to[rank[i].user] = i < n && rank[i].jobs > 0;
    for (size_t i = 0; i < t->users_n; i++) {
        if (to[i]) {
            users[kept] = t->users[i];
            to[i] = (uint32_t)++kept;
        }
    }
    bool folded = false;
    for (size_t i = 0; i < t->users_n; i++) {
        if (to[i])
            continue;
        folded |= t->users[i].jobs > 0;
        free(t->users[i].name);
        free(t->users[i].look);
    }
    if (folded)
        users[kept].name = copy(STR("(everyone else)"));
    for (size_t i = 0; i < t->jobs_n; i++)
        t->jobs[i].user = to[t->jobs[i].user] ? to[t->jobs[i].user] - 1 : (uint32_t)kept;
    free(t->users);
    t->users = users;
    t->users_n = t->users_size = kept + folded;
    map_finish(&t->user_of);
    t->user_of = (struct map){ 0 };
    count_users(t);
    free(rank);
    free(to);
}

void trace_finish(struct trace *t)
{
    for (size_t i = 0; i < t->users_n; i++) {
        free(t->users[i].name);
        free(t->users[i].look);
    }
    for (uint32_t i = 0; i < t->faults_shown; i++)
        free(t->faults[i]);
    free(t->jobs);
    free(t->users);
    free(t->met);
    map_finish(&t->user_of);
    *t = (struct trace){ 0 };
}

/* --- loading -------------------------------------------------------------------------------------- */

/* zlib reads plain files as they are, and gzip of one or several members. */
static int unpack(gzFile file, const char *path, struct buf *out, struct err *err)
{
    int n = 1, error, r = 0;
    while (n > 0) {
        char *room = buf_reserve(out, READ_STEP);
        if (!room)
            break;
        n = gzread(file, room, READ_STEP);
        if (n > 0)
            buf_added(out, (size_t)n);
    }
    (void)gzerror(file, &error);
    if (out->failed == E_TOO_LARGE)
        r = err_set(err, E_TOO_LARGE, "\"%s\" is larger than %zu MiB.", path, TRACE_BYTES_MAX >> 20);
    else if (out->failed)
        r = err_set(err, E_NO_MEMORY, "There is no memory to read \"%s\".", path);
    else if (n < 0 && error == Z_ERRNO)
        r = err_set(err, io_from_errno(errno), "\"%s\" cannot be read: %s.", path, strerror(errno));
    else if (n < 0 || error == Z_BUF_ERROR)
        r = err_set(err, E_CORRUPT, "\"%s\" is gzip, but damaged or cut off.", path);
    return r;
}

int trace_slurp(const char *path, struct buf *out, struct err *err)
{
    int fd = strcmp(path, "-") == 0 ? fcntl(0, F_DUPFD_CLOEXEC, 0) : open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return err_set(err, E_NOT_FOUND, "The trace \"%s\" cannot be opened: %m.", path);
    gzFile file = gzdopen(fd, "rb");
    if (!file) {
        io_close(&fd);
        return err_set(err, E_NO_MEMORY, "There is no memory to read \"%s\".", path);
    }
    (void)gzbuffer(file, READ_STEP);
    int r = unpack(file, path, out, err);
    (void)gzclose_r(file);
    return r;
}

/* Columns of the header line, wherever it stands in it, quoted or not. */
static bool has_column(struct str line, const char *name)
{
    struct str word;
    while (str_next(&line, ',', &word)) {
        word = str_trim(word);
        if (word.len >= 2 && word.ptr[0] == '"' && word.ptr[word.len - 1] == '"')
            word = str_slice(word, 1, word.len - 1);
        if (str_is_nocase(word, name))
            return true;
    }
    return false;
}

static struct str without_mark(struct str text) /* the byte order mark that some editors write first */
{
    return str_starts(text, "\xef\xbb\xbf") ? str_slice(text, 3, text.len) : text;
}

/* By the first line: what a person would see too. */
enum trace_format trace_guess(struct str text)
{
    struct str first = { 0 }, rest = without_mark(text);
    while (first.len == 0 && str_next(&rest, '\n', &first))
        first = str_trim(first);
    if (str_starts(first, ";"))
        return TRACE_SWF;
    if (str_starts(first, "eoul-journal"))
        return TRACE_JOURNAL;
    if (str_find(first, '|') >= 0)
        return TRACE_SACCT;
    if (has_column(first, "gpu_milli"))
        return TRACE_OPENB;
    if (has_column(first, "timestamp") && has_column(first, "num_gpus"))
        return TRACE_PHILLY;
    return TRACE_CSV;
}

static int nothing(const struct trace *t, const char *name, const struct trace_options *o,
                   struct err *err)
{
    if (o->team.len && t->other_teams)
        return err_set(err, E_NOT_FOUND, "\"%s\" has no job of a team \"%.*s\".", name,
                       STR_ARG(o->team));
    if (t->faults_shown)
        return err_set(err, E_INVALID,
                       "\"%1$s\" has no usable job as %2$s; of %3$" PRIu64 " rows none is right. "
                       "The first: %4$s", name, trace_format_word(o->format), t->rows, t->faults[0]);
    return err_set(err, E_INVALID, "\"%s\" has no job in it.", name);
}

/* Told by its first bytes: what programs save that mean well. */
static bool foreign(struct str text)
{
    return str_starts(text, "\xff\xfe") || str_starts(text, "\xfe\xff") || str_starts(text, "PK\x03\x04") ||
           (text.len >= 4 && (!text.ptr[0] || !text.ptr[1]) && (!text.ptr[2] || !text.ptr[3]));
}

int trace_read(struct str text, const char *name, const struct trace_options *options,
               struct trace *ret, struct err *err)
{
    struct trace t = { .say = { .translate = err ? err->translate : NULL } };
    int r;
    text = without_mark(text);
    if (foreign(text))
        return err_set(err, E_INVALID, "\"%s\" is no text in UTF-8 but UTF-16, a spreadsheet or an archive; save it as CSV in UTF-8.", name);
    if (str_trim(text).len == 0)
        return err_set(err, E_INVALID, "\"%s\" is empty.", name);
    switch (options->format) {
    case TRACE_SWF: r = trace_read_swf(&t, text, options, err); break;
    case TRACE_JOURNAL: r = trace_read_journal(&t, text, options, err); break;
    default: r = trace_read_table(&t, text, options, err); break;
    }
    if (r == 0 && t.jobs_n == 0)
        r = nothing(&t, name, options, err);
    if (r < 0) {
        trace_finish(&t);
        return r;
    }
    trace_sort(&t);
    *ret = t;
    return 0;
}
