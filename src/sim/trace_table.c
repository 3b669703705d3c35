/* trace_table.c - traces with a header line: csv, philly, openb, sacct.  A column is found by its name.
 *
 * What each format calls a thing stands in one table; reading a row is the same for all.  A row whose
 * number of fields is not the header's is a bad row: a cut-off line must not pass as a short one.
 */
#include <inttypes.h>
#include <string.h>

#include "base/hash.h"
#include "base/utf8.h"
#include "sim/trace.h"

#define COLUMNS_MAX 256 /* of a header: sacct knows 120 */

enum column { C_SUBMIT, C_RUN, C_GPUS, C_USER, C_LIMIT, C_LIMIT_MIN, C_CHECKPOINT, C_RESTART, C_DEADLINE,
              C_COMMAND, C_TEAM, C_WATTS, C_ID, C_START, C_END, C_STATE, C_GPU_MILLI, C_TRES, C_GRES,
              C_NODES, C_CPUS, C_COUNT };

struct name {
    const char *word;
    enum column column;
};

static const struct name csv_names[] = {
    { "submit", C_SUBMIT }, { "runtime", C_RUN }, { "gpus", C_GPUS }, { "user", C_USER },
    { "limit", C_LIMIT }, { "checkpoint", C_CHECKPOINT }, { "restart", C_RESTART },
    { "deadline", C_DEADLINE }, { "command", C_COMMAND }, { "team", C_TEAM }, { "watts", C_WATTS },
    { NULL, C_COUNT } };
static const struct name philly_names[] = {
    { "timestamp", C_SUBMIT }, { "duration", C_RUN }, { "num_gpus", C_GPUS }, { "cluster", C_TEAM },
    { "user", C_USER }, { NULL, C_COUNT } };
static const struct name openb_names[] = {
    { "creation_time", C_SUBMIT }, { "deletion_time", C_END }, { "scheduled_time", C_START },
    { "num_gpu", C_GPUS }, { "gpu_milli", C_GPU_MILLI }, { "qos", C_USER }, { "gpu_spec", C_TEAM },
    { NULL, C_COUNT } };
/* Of two columns for one thing the one that stands later in this list wins. */
static const struct name sacct_names[] = {
    { "JobID", C_ID }, { "JobIDRaw", C_ID }, { "User", C_USER }, { "Account", C_TEAM },
    { "JobName", C_COMMAND }, { "Submit", C_SUBMIT }, { "Start", C_START }, { "End", C_END },
    { "Elapsed", C_RUN }, { "ElapsedRaw", C_RUN }, { "Timelimit", C_LIMIT },
    { "TimelimitRaw", C_LIMIT_MIN }, { "State", C_STATE }, { "ReqGRES", C_GRES },
    { "AllocGRES", C_GRES }, { "ReqTRES", C_TRES }, { "AllocTRES", C_TRES }, { "NNodes", C_NODES },
    { "NCPUS", C_CPUS }, { "AllocCPUS", C_CPUS }, { NULL, C_COUNT } };

struct table {
    struct trace *trace;
    const struct trace_options *options;
    struct zone utc;
    const struct zone *zone;
    char separator;
    struct str header;     /* the first line */
    int at[C_COUNT];       /* field of each column; -1: there is none */
    uint32_t columns_n;
    bool cpus_as_gpus;     /* an accounting without any GPU: its CPUs are the slots */
    uint32_t line;
    struct str field[COLUMNS_MAX];
};

/* --- lines and fields ----------------------------------------------------------------------------- */

/* Fields of one line; quoted ones without their quotes (sacct quotes nothing: a quotation mark there is part of a
 * name).  Returns how many, COLUMNS_MAX + 1, or 0 if a quotation mark is not closed: a field does not go on in the
 * next line, so that one mark in a log cannot swallow the rest of it. */
static uint32_t split(struct str line, char separator, struct str *out)
{
    uint32_t n = 0;
    size_t at = 0;
    for (;;) {
        if (n == COLUMNS_MAX)
            return COLUMNS_MAX + 1;
        if (separator != '|' && at < line.len && line.ptr[at] == '"') {
            size_t from = ++at;
            while (at < line.len && (line.ptr[at] != '"' || (at + 1 < line.len
                                                             && line.ptr[at + 1] == '"' && ++at)))
                at++;
            if (at >= line.len)
                return 0;
            out[n++] = str_slice(line, from, at++);
            while (at < line.len && line.ptr[at] != separator)
                at++;
        } else {
            struct str rest = str_slice(line, at, line.len);
            ptrdiff_t end = str_find(rest, separator);
            size_t len = end < 0 ? rest.len : (size_t)end;
            out[n++] = str_trim(str_slice(rest, 0, len));
            at += len;
        }
        if (at >= line.len)
            return n;
        at++;
    }
}

static bool next_line(struct str *rest, struct str *ret)
{
    if (!str_next(rest, '\n', ret))
        return false;
    if (ret->len && ret->ptr[ret->len - 1] == '\r')
        ret->len--;
    return true;
}

static struct str field(const struct table *t, enum column c)
{
    return t->at[c] < 0 ? (struct str){ 0 } : t->field[t->at[c]];
}

static const struct name *names_of(enum trace_format format)
{
    switch (format) {
    case TRACE_PHILLY: return philly_names;
    case TRACE_OPENB: return openb_names;
    case TRACE_SACCT: return sacct_names;
    default: return csv_names;
    }
}

static const char *header_of(enum trace_format format)
{
    switch (format) {
    case TRACE_PHILLY: return "timestamp,duration,num_gpus,gpu_time,cluster";
    case TRACE_OPENB: return "name,num_gpu,gpu_milli,qos,creation_time,deletion_time,scheduled_time";
    case TRACE_SACCT: return "JobID|User|Submit|ElapsedRaw|AllocTRES|TimelimitRaw|State|JobName";
    default: return "submit,runtime,gpus,user";
    }
}

#define SHOWN_MAX 60 /* of a first line that is not what it should be */

static int missing(const struct table *t, const char *word, struct err *err)
{
    char memory[4 * SHOWN_MAX + 1]; /* a byte that is no character becomes three */
    struct buf shown;
    struct str line = str_slice(t->header, 0, SHOWN_MAX);
    buf_init_fixed(&shown, memory, sizeof memory);
    utf8_clean(&shown, line);
    return err_set(err, E_INVALID,
                   "This is no %s trace: its first line has no column \"%s\". The header is \"%s\"; here it is \"%.*s%s\".",
                   trace_format_word(t->options->format), word, header_of(t->options->format), STR_ARG(buf_look(&shown)),
                   line.len < t->header.len ? "..." : "");
}

/* Which columns a format cannot do without. */
static int required(const struct table *t, struct err *err)
{
    enum trace_format f = t->options->format;
    if (t->at[C_SUBMIT] < 0)
        return missing(t, f == TRACE_PHILLY ? "timestamp" : f == TRACE_OPENB ? "creation_time"
                       : f == TRACE_SACCT ? "Submit" : "submit", err);
    if (t->at[C_RUN] < 0 && (f == TRACE_CSV || f == TRACE_PHILLY))
        return missing(t, f == TRACE_CSV ? "runtime" : "duration", err);
    if (f == TRACE_SACCT && t->at[C_RUN] < 0 && (t->at[C_START] < 0 || t->at[C_END] < 0))
        return missing(t, "ElapsedRaw", err);
    if (f == TRACE_OPENB && t->at[C_END] < 0)
        return missing(t, "deletion_time", err);
    if (t->at[C_GPUS] < 0 && f != TRACE_SACCT)
        return missing(t, f == TRACE_CSV ? "gpus" : f == TRACE_PHILLY ? "num_gpus" : "num_gpu", err);
    if (f == TRACE_SACCT && t->at[C_TRES] < 0 && t->at[C_GRES] < 0 && t->at[C_CPUS] < 0)
        return missing(t, "AllocTRES", err);
    if (t->at[C_USER] < 0 && (f == TRACE_CSV || f == TRACE_SACCT))
        return missing(t, f == TRACE_CSV ? "user" : "User", err);
    return 0;
}

/* Commas, but where a spreadsheet of another country, or sacct, has put something else. */
static char separator_of(enum trace_format format, struct str header)
{
    static const char others[] = { ';', '\t' };
    if (format == TRACE_SACCT && str_find(header, '|') >= 0)
        return '|';
    for (size_t i = 0; i < sizeof(others) && str_find(header, ',') < 0; i++)
        if (str_find(header, others[i]) >= 0)
            return others[i];
    return ',';
}

static int read_header(struct table *t, struct str line, struct err *err)
{
    const struct name *names = names_of(t->options->format);
    t->header = line;
    t->separator = separator_of(t->options->format, line);
    t->columns_n = split(line, t->separator, t->field);
    for (int c = 0; c < C_COUNT; c++)
        t->at[c] = -1;
    if (t->columns_n > COLUMNS_MAX)
        return err_set(err, E_TOO_LARGE, "The header has more than %d columns.", COLUMNS_MAX);
    for (const struct name *n = names; n->word; n++)
        for (uint32_t i = 0; i < t->columns_n; i++)
            if (str_is_nocase(t->field[i], n->word))
                t->at[n->column] = (int)i;
    /* sacct -P with a trailing separator (--parsable) has an empty last column. */
    return required(t, err);
}

/* --- values --------------------------------------------------------------------------------------- */

/* The text that is wrong, cut to what fits in a sentence; for "%.*s". */
#define TEXT(t, c) STR_ARG(str_slice(field(t, c), 0, 40))

/* "cpu=4,mem=8G,gres/gpu=2,gres/gpu:a100=2": the count of all GPUs, or of the models together. */
static bool tres_gpus(struct str s, uint64_t *ret)
{
    struct str piece;
    uint64_t all = 0, models = 0, n;
    bool found = false, found_all = false;
    while (str_next(&s, ',', &piece)) {
        ptrdiff_t equals = str_find(piece, '=');
        if (!str_starts(piece, "gres/gpu") || equals < 0
            || str_u64(str_slice(piece, (size_t)equals + 1, piece.len), &n) < 0)
            continue;
        found = true;
        if (piece.ptr[sizeof "gres/gpu" - 1] == '=') {
            all = n;
            found_all = true;
        } else {
            models += n;
        }
    }
    *ret = found_all ? all : models;
    return found;
}

/* "gpu:2", "gpu:a100:2", "gres:gpu:2(S:0-1)"; of each node. */
static bool gres_gpus(struct str s, uint64_t *ret)
{
    struct str piece, part, last = { 0 };
    *ret = 0;
    while (str_next(&s, ',', &piece)) {
        bool gpu = false;
        ptrdiff_t bracket = str_find(piece, '(');
        uint64_t n = 1;
        if (bracket >= 0)
            piece = str_slice(piece, 0, (size_t)bracket);
        while (str_next(&piece, ':', &part)) {
            gpu |= str_is(part, "gpu");
            last = part;
        }
        if (gpu) {
            if (str_u64(last, &n) < 0)
                n = 1;
            *ret += n;
        }
    }
    return *ret > 0;
}

static bool gpus_of(struct table *t, uint32_t *ret)
{
    uint64_t n = 0, nodes = 1;
    usec_t count; /* philly and openb write "8" or "8.0" */
    if (t->options->format != TRACE_SACCT) {
        if (!trace_seconds(field(t, C_GPUS), &count) || count % USEC_PER_SEC || count < 0)
            return trace_bad(t->trace, err_set(&t->trace->say, E_INVALID,
                                           "Line %u: the number of GPUs \"%.*s\" is not a whole "
                                           "number.", t->line, TEXT(t, C_GPUS)));
        n = (uint64_t)(count / USEC_PER_SEC);
    } else if (t->cpus_as_gpus) {
        (void)str_u64(field(t, C_CPUS), &n);
    } else if (!(t->at[C_TRES] >= 0 && tres_gpus(field(t, C_TRES), &n))
               && t->at[C_GRES] >= 0 && gres_gpus(field(t, C_GRES), &n)) {
        if (t->at[C_NODES] >= 0 && str_u64(field(t, C_NODES), &nodes) == 0 && nodes < 100000)
            n *= nodes;
    }
    if (n == 0)
        return trace_bad(t->trace, err_set(&t->trace->say, E_INVALID,
                                           "Line %u asks for no GPU.", t->line));
    if (n > TRACE_GPUS_MAX)
        return trace_bad(t->trace, err_set(&t->trace->say, E_TOO_LARGE,
                                           "Line %u asks for %" PRIu64 " GPUs, more than any machine "
                                           "has.", t->line, n));
    *ret = (uint32_t)n;
    return true;
}

static bool submit_of(struct table *t, usec_t *ret)
{
    if (trace_when(field(t, C_SUBMIT), t->zone, ret))
        return true;
    return trace_bad(t->trace, err_set(&t->trace->say, E_INVALID,
                                           "Line %u: the submit time \"%.*s\" is neither a date "
                                           "such as 2026-03-02T09:00:00 nor a number of "
                                           "seconds.", t->line, TEXT(t, C_SUBMIT)));
}

/* How long it ran: told, or from its start (openb: its creation, if that is all there is) to its end. */
static bool run_of(struct table *t, usec_t submit_at, usec_t *ret)
{
    usec_t from_at = submit_at, until_at, us;
    if (t->at[C_RUN] >= 0) {
        if (!trace_seconds(field(t, C_RUN), &us))
            return trace_bad(t->trace, err_set(&t->trace->say, E_INVALID,
                                           "Line %u: the run time \"%.*s\" is not a length in "
                                           "seconds.", t->line, TEXT(t, C_RUN)));
    } else {
        if (field(t, C_START).len && !trace_when(field(t, C_START), t->zone, &from_at))
            return trace_bad(t->trace, err_set(&t->trace->say, E_INVALID,
                                           "Line %u: the start \"%.*s\" is not a time.",
                                           t->line, TEXT(t, C_START)));
        if (!trace_when(field(t, C_END), t->zone, &until_at))
            return trace_bad(t->trace, err_set(&t->trace->say, E_INVALID,
                                           "Line %u: the job had not ended: its end is "
                                           "\"%.*s\".", t->line, TEXT(t, C_END)));
        us = until_at - from_at;
    }
    if (us <= 0 || us > TRACE_RUN_MAX_US)
        return trace_bad(t->trace, err_set(&t->trace->say, E_INVALID,
                                           "Line %u: the job ran for %lld s; a run time is more than "
                                           "zero and less than ten years.", t->line,
                                           (long long)(us / USEC_PER_SEC)));
    *ret = us;
    return true;
}

static bool limit_of(struct table *t, usec_t *ret)
{
    struct str minutes = field(t, C_LIMIT_MIN), limit = field(t, C_LIMIT);
    uint64_t n;
    *ret = 0;
    if (str_u64(minutes, &n) == 0 && n < 10000000) {
        *ret = (usec_t)n * USEC_PER_MIN;
        return true;
    }
    /* sacct writes UNLIMITED and Partition_Limit. */
    if (limit.len == 0 || (t->options->format == TRACE_SACCT && (limit.ptr[0] < '0' || limit.ptr[0] > '9')))
        return true;
    if (!trace_seconds(limit, ret) || *ret < 0)
        return trace_bad(t->trace, err_set(&t->trace->say, E_INVALID,
                                           "Line %u: the time limit \"%.*s\" is not a length in "
                                           "seconds.", t->line, TEXT(t, C_LIMIT)));
    return true;
}

static bool checkpoint_of(struct table *t, bool *ret)
{
    static const char *const yes[] = { "1", "yes", "true", "y" }, *const no[] = { "0", "no", "false", "n", "" };
    struct str s = field(t, C_CHECKPOINT);
    for (size_t i = 0; i < sizeof yes / sizeof yes[0]; i++)
        if (str_is_nocase(s, yes[i]))
            return *ret = true;
    for (size_t i = 0; i < sizeof no / sizeof no[0]; i++)
        if (str_is_nocase(s, no[i]))
            return true;
    return trace_bad(t->trace, err_set(&t->trace->say, E_INVALID,
                                           "Line %u: checkpoint is \"%.*s\"; it should be 1 or "
                                           "0.", t->line, TEXT(t, C_CHECKPOINT)));
}

static bool extras_of(struct table *t, struct trace_job *j)
{
    usec_t watts;
    if (!limit_of(t, &j->limit_us) || !checkpoint_of(t, &j->checkpoint))
        return false;
    if (field(t, C_DEADLINE).len && !trace_when(field(t, C_DEADLINE), t->zone, &j->deadline_at))
        return trace_bad(t->trace, err_set(&t->trace->say, E_INVALID,
                                           "Line %u: the deadline \"%.*s\" is neither a date "
                                           "such as 2026-03-02T09:00:00 nor a number of "
                                           "seconds.", t->line, TEXT(t, C_DEADLINE)));
    if (field(t, C_RESTART).len && (!trace_seconds(field(t, C_RESTART), &j->restart_us) || j->restart_us < 0))
        return trace_bad(t->trace, err_set(&t->trace->say, E_INVALID,
                                           "Line %u: the restart cost \"%.*s\" is not a length "
                                           "in seconds.", t->line, TEXT(t, C_RESTART)));
    if (field(t, C_WATTS).len) {
        if (!trace_seconds(field(t, C_WATTS), &watts) || watts < 0 || watts > 100000 * USEC_PER_SEC)
            return trace_bad(t->trace, err_set(&t->trace->say, E_INVALID,
                                           "Line %u: the power \"%.*s\" is not a number of "
                                           "watts.", t->line, TEXT(t, C_WATTS)));
        j->watts_mw = watts / 1000;
    }
    return true;
}

/* Job steps ("12.batch") are parts of a job, not jobs. */
static bool is_step(const struct table *t)
{
    return t->options->format == TRACE_SACCT && str_find(field(t, C_ID), '.') > 0;
}

static bool user_of(struct table *t, struct str *ret)
{
    *ret = field(t, C_USER);
    if (t->at[C_USER] < 0) /* philly: a cluster is all we know */
        *ret = field(t, C_TEAM).len ? field(t, C_TEAM) : STR("all");
    if (ret->len)
        return true;
    return trace_bad(t->trace, err_set(&t->trace->say, E_INVALID, "Line %u names no user.", t->line));
}

static void read_row(struct table *t, struct str line)
{
    struct trace_job job = { .line = t->line };
    struct str user, command, state;
    uint32_t n = split(line, t->separator, t->field);
    t->trace->rows++;
    if (n == 0) {
        trace_bad(t->trace, err_set(&t->trace->say, E_INVALID,
                                    "Line %u opens a quotation mark and does not close it.", t->line));
        return;
    }
    if (n != t->columns_n) {
        trace_bad(t->trace, err_set(&t->trace->say, E_INVALID,
                                    "Line %u has %u fields; the header has %u.", t->line, n, t->columns_n));
        return;
    }
    if (is_step(t)) {
        t->trace->rows--;
        return;
    }
    if (t->options->team.len && !str_eq(field(t, C_TEAM), t->options->team)) {
        t->trace->other_teams++;
        return;
    }
    if (!user_of(t, &user) || !submit_of(t, &job.submit_at) || !gpus_of(t, &job.gpus)
        || !run_of(t, job.submit_at, &job.run_us) || !extras_of(t, &job))
        return;
    command = field(t, C_COMMAND);
    state = field(t, C_STATE);
    job.command = command.len ? hash_bytes(2, command.ptr, command.len) | 1 : 0;
    job.failed = state.len > 0 && !str_is(state, "COMPLETED");
    job.user = trace_user(t->trace, user);
    *trace_add(t->trace) = job;
}

/* An accounting in which no row has a GPU is one of a machine without: its CPUs are what is shared. */
static bool has_gpus(struct table *t, struct str rest)
{
    struct str line;
    uint64_t n;
    while (next_line(&rest, &line)) {
        if (split(line, t->separator, t->field) != t->columns_n)
            continue;
        if (tres_gpus(field(t, C_TRES), &n) || gres_gpus(field(t, C_GRES), &n))
            return true;
    }
    return false;
}

int trace_read_table(struct trace *trace, struct str text, const struct trace_options *options,
                     struct err *err)
{
    struct table t = { .trace = trace, .options = options };
    struct str line = { 0 }, rest = text;
    zone_init_fixed(&t.utc, 0);
    t.zone = options->zone ? options->zone : &t.utc;
    while (line.len == 0 && next_line(&rest, &line)) /* blank lines before the header */
        t.line++;
    int r = read_header(&t, line, err);
    if (r < 0)
        return r;
    if (options->team.len && t.at[C_TEAM] < 0)
        return err_set(err, E_INVALID, "This trace does not say which team a job belongs to.");
    if (options->format == TRACE_SACCT)
        t.cpus_as_gpus = t.at[C_CPUS] >= 0 && !has_gpus(&t, rest);
    while (next_line(&rest, &line)) {
        t.line++;
        if (line.len == 0)
            continue;
        if (trace->jobs_n == TRACE_JOBS_MAX)
            return err_set(err, E_TOO_LARGE, "The trace has more than %u jobs.", TRACE_JOBS_MAX);
        read_row(&t, line);
    }
    return 0;
}
