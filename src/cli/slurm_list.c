/* slurm_list.c - squeue, sacct, sinfo and seff: eoul's rows in Slurm's columns.
 *
 * A field has one name (sacct's); squeue's letters and long names are translated to it.  Widths cut and
 * pad as Slurm's do: "%.8j" to the right, "%8j" to the left, no number: as long as it is.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "cli/slurm.h"
#include "i18n/width.h"

#define RECENT_US (300 * USEC_PER_SEC) /* Slurm's MinJobAge: an ended job is in squeue -t all so long */

/* --- rows ------------------------------------------------------------------------------------------ */

int slurm_rows(struct cli *cli, const char *state, bool each_task, json_t **ret)
{
    char path[96];
    json_t *answer = NULL;
    snprintf(path, sizeof path, "/v1/jobs?state=%s&limit=0%s", state, each_task ? "&all=1" : "");
    int r = cli_call(cli, "GET", path, NULL, &answer);
    if (r == 0) {
        *ret = json_incref(json_object_get(answer, "rows"));
        if (!*ret)
            *ret = json_array();
    }
    json_decref(answer);
    return r;
}

static const struct {
    const char *word, *letters;
} states[] = {
    {"PENDING", "PD"}, {"CONFIGURING", "CF"}, {"RUNNING", "R"}, {"COMPLETING", "CG"}, {"COMPLETED", "CD"},
    {"FAILED", "F"}, {"CANCELLED", "CA"}, {"TIMEOUT", "TO"}, {"OUT_OF_MEMORY", "OOM"}, {"NODE_FAIL", "NF"},
    {"DEADLINE", "DL"}, {"SUSPENDED", "S"}, {"PREEMPTED", "PR"},
};

static const char *letters_of(const char *state)
{
    for (size_t i = 0; i < sizeof states / sizeof states[0]; i++)
        if (strcmp(states[i].word, state) == 0)
            return states[i].letters;
    return state;
}

/* Is the row's state in "PD,running"?  "all" and NULL take every one. */
static bool state_listed(const char *state, const char *list)
{
    struct str rest = str_of(list ? list : "all"), word;
    while (str_next(&rest, ',', &word))
        if (str_is_nocase(word, "all") || str_is_nocase(word, state) || str_is_nocase(word, letters_of(state)))
            return true;
    return false;
}

static bool word_listed(const char *word, const char *list)
{
    struct str rest = str_of(list ? list : ""), one;
    while (str_next(&rest, ',', &one))
        if (str_is(one, word))
            return true;
    return !list;
}

/* "12" names a job or the tasks of an array, "12_3" one task; "12.batch" is a step of 12. */
static bool id_listed(const json_t *row, const char *list)
{
    struct str rest = str_of(list ? list : ""), one;
    struct str name = str_of(json_text(row, "name_id"));
    ptrdiff_t under = str_find(name, '_');
    char id[24];
    snprintf(id, sizeof id, "%lld", (long long)json_i64(row, "id"));
    while (str_next(&rest, ',', &one)) {
        ptrdiff_t dot = str_find(one, '.');
        if (dot >= 0)
            one = str_slice(one, 0, (size_t)dot);
        if (str_eq(one, name) || str_is(one, id) || (under > 0 && str_eq(one, str_slice(name, 0, (size_t)under))))
            return true;
    }
    return !list;
}

/* --- fields ---------------------------------------------------------------------------------------- */

static const char *host(void)
{
    static char name[256];
    if (!name[0] && gethostname(name, sizeof name - 1) < 0)
        memcpy(name, "localhost", sizeof "localhost");
    name[strcspn(name, ".")] = '\0';
    return name;
}

static bool is_live(const json_t *row) { return json_i64(row, "end_at") == 0; }

static bool has_begun(const json_t *row)
{
    const char *state = json_text(row, "state");
    return strcmp(state, "PENDING") != 0 && json_i64(row, "start_at") > 0;
}

static usec_t elapsed(const struct cli *cli, const json_t *row)
{
    return has_begun(row) ? (is_live(row) ? cli->now_at : json_i64(row, "end_at")) - json_i64(row, "start_at") : 0;
}

static void put_tres(struct buf *out, const json_t *row)
{
    buf_printf(out, "billing=%lld,cpu=%lld", (long long)json_i64(row, "cpus"), (long long)json_i64(row, "cpus"));
    if (json_i64(row, "gpus") > 0)
        buf_printf(out, ",gres/gpu=%lld", (long long)json_i64(row, "gpus"));
    buf_c(out, ",node=1");
}

static void put_limit(struct buf *out, const json_t *row, bool hours)
{
    if (json_i64(row, "limit_us") > 0)
        slurm_length(out, json_i64(row, "limit_us"), hours);
    else
        buf_c(out, "UNLIMITED");
}

static void put_base(struct buf *out, const json_t *row)
{
    struct str name = str_of(json_text(row, "name_id"));
    ptrdiff_t under = str_find(name, '_');
    buf_str(out, under > 0 ? str_slice(name, 0, (size_t)under) : name);
}

enum field {
    JOBID, JOBIDRAW, ARRAYJOBID, ARRAYTASKID, JOBNAME, USER, UID_, STATE, STATECOMPACT, REASON, REASONLIST,
    EXITCODE, NCPUS, NNODES, NODELIST, PARTITION, ACCOUNT, QOS, GRES, TRES, SUBMIT, START, END, ELAPSED,
    ELAPSEDRAW, TIMEUSED, TIMELEFT, TIMELIMIT, TIMELIMITRAW, PRIORITY, CLUSTER, CPUTIMERAW, CPUTIME, NOTHING
};
static const struct {
    const char *name;
    enum field field;
    uint16_t width; /* of sacct's own table */
    const char *head; /* of squeue */
} fields[] = {
    {"JobID", JOBID, 12, "JOBID"}, {"JobIDRaw", JOBIDRAW, 12, "JOBID"}, {"ArrayJobID", ARRAYJOBID, 12, "ARRAY_JOB_ID"},
    {"JobArrayID", JOBID, 20, "JOBID"}, {"ArrayTaskID", ARRAYTASKID, 12, "ARRAY_TASK_ID"},
    {"JobName", JOBNAME, 10, "NAME"}, {"Name", JOBNAME, 20, "NAME"}, {"User", USER, 9, "USER"},
    {"UserName", USER, 20, "USER"}, {"State", STATE, 10, "STATE"}, {"StateCompact", STATECOMPACT, 20, "ST"},
    {"Reason", REASON, 22, "REASON"}, {"ReasonList", REASONLIST, 20, "NODELIST(REASON)"},
    {"ExitCode", EXITCODE, 8, "EXIT_CODE"}, {"DerivedExitCode", EXITCODE, 15, "EXIT_CODE"}, {"AllocCPUS", NCPUS, 10, "CPUS"},
    {"NCPUS", NCPUS, 10, "CPUS"}, {"ReqCPUS", NCPUS, 8, "CPUS"}, {"NumCPUs", NCPUS, 20, "CPUS"}, {"NNodes", NNODES, 8, "NODES"},
    {"AllocNodes", NNODES, 10, "NODES"}, {"NumNodes", NNODES, 20, "NODES"}, {"NodeList", NODELIST, 15, "NODELIST"},
    {"Partition", PARTITION, 10, "PARTITION"}, {"Account", ACCOUNT, 10, "ACCOUNT"}, {"QOS", QOS, 10, "QOS"},
    {"tres-per-node", GRES, 20, "TRES_PER_NODE"}, {"Gres", GRES, 20, "TRES_PER_NODE"}, {"AllocTRES", TRES, 10, "TRES_ALLOC"},
    {"ReqTRES", TRES, 10, "TRES"}, {"tres-alloc", TRES, 20, "TRES_ALLOC"}, {"Submit", SUBMIT, 19, "SUBMIT_TIME"},
    {"SubmitTime", SUBMIT, 20, "SUBMIT_TIME"}, {"Start", START, 19, "START_TIME"}, {"StartTime", START, 20, "START_TIME"},
    {"End", END, 19, "END_TIME"}, {"EndTime", END, 20, "END_TIME"}, {"Elapsed", ELAPSED, 10, "TIME"},
    {"ElapsedRaw", ELAPSEDRAW, 10, "TIME"}, {"TimeUsed", TIMEUSED, 20, "TIME"}, {"TimeLeft", TIMELEFT, 20, "TIME_LEFT"},
    {"Timelimit", TIMELIMIT, 10, "TIME_LIMIT"}, {"TimelimitRaw", TIMELIMITRAW, 12, "TIME_LIMIT"},
    {"Priority", PRIORITY, 10, "PRIORITY"}, {"PriorityLong", PRIORITY, 20, "PRIORITY"}, {"Cluster", CLUSTER, 10, "CLUSTER"},
    {"CPUTimeRAW", CPUTIMERAW, 10, "CPU_TIME"}, {"CPUTime", CPUTIME, 10, "CPU_TIME"}, {"AllocGRES", GRES, 12, "GRES"},
    {"Comment", NOTHING, 14, "COMMENT"}, {"MaxRSS", NOTHING, 10, "MAX_RSS"}, {"AveRSS", NOTHING, 10, "AVE_RSS"},
    {"TotalCPU", NOTHING, 10, "CPU"}, {"WorkDir", NOTHING, 20, "WORK_DIR"}, {"ReqMem", NOTHING, 10, "MIN_MEMORY"},
    {"Dependency", NOTHING, 20, "DEPENDENCY"}, {"Feature", NOTHING, 20, "FEATURES"}, {"Group", NOTHING, 9, "GROUP"},
};
#define FIELDS_N (sizeof fields / sizeof fields[0])

static size_t field_find(struct str name)
{
    size_t i = 0;
    while (i < FIELDS_N && !str_is_nocase(name, fields[i].name))
        i++;
    return i;
}

static void put_field(struct cli *cli, const json_t *row, enum field field, struct buf *out)
{
    const char *state = json_text(row, "state");
    struct str name = str_of(json_text(row, "name_id"));
    ptrdiff_t under = str_find(name, '_');
    switch (field) {
    case JOBID: buf_str(out, name); break;
    case JOBIDRAW: buf_i64(out, json_i64(row, "id")); break;
    case ARRAYJOBID: put_base(out, row); break;
    case ARRAYTASKID: buf_str(out, under > 0 ? str_slice(name, (size_t)under + 1, name.len) : STR("N/A")); break;
    case JOBNAME: cli_clean(out, json_told(row, "name")); break;
    case USER: cli_clean(out, json_told(row, "owner")); break;
    case UID_: case NOTHING: break;
    case STATE: buf_c(out, state); break;
    case STATECOMPACT: buf_c(out, letters_of(state)); break;
    case REASON: buf_c(out, json_text(row, "reason")); break;
    case REASONLIST:
        if (strcmp(state, "PENDING") == 0)
            buf_printf(out, "(%s)", json_text(row, "reason"));
        else
            buf_c(out, host());
        break;
    case EXITCODE:
        buf_printf(out, "%lld:%lld", (long long)json_i64(row, "exit_code"), (long long)json_i64(row, "signal"));
        break;
    case NCPUS: buf_i64(out, json_i64(row, "cpus")); break;
    case NNODES: buf_c(out, "1"); break;
    case NODELIST: buf_c(out, has_begun(row) ? host() : ""); break;
    case PARTITION: case CLUSTER: buf_c(out, "eoul"); break;
    case ACCOUNT: cli_clean(out, json_text(row, "account")); break;
    case QOS: buf_c(out, "normal"); break;
    case GRES:
        if (json_i64(row, "gpus") > 0)
            buf_printf(out, "gres:gpu:%lld", (long long)json_i64(row, "gpus"));
        else
            buf_c(out, "N/A");
        break;
    case TRES: put_tres(out, row); break;
    case SUBMIT: slurm_time(cli, out, json_i64(row, "submit_at")); break;
    case START: slurm_time(cli, out, json_i64(row, "start_at")); break;
    case END:
        slurm_time(cli, out, !is_live(row) ? json_i64(row, "end_at")
                             : has_begun(row) && json_i64(row, "limit_us") > 0
                                 ? json_i64(row, "start_at") + json_i64(row, "limit_us") : 0);
        break;
    case ELAPSED: slurm_length(out, elapsed(cli, row), true); break;
    case ELAPSEDRAW: buf_i64(out, elapsed(cli, row) / USEC_PER_SEC); break;
    case TIMEUSED: slurm_length(out, elapsed(cli, row), false); break;
    case TIMELEFT:
        if (json_i64(row, "limit_us") > 0)
            slurm_length(out, json_i64(row, "limit_us") - elapsed(cli, row), false);
        else
            buf_c(out, "UNLIMITED");
        break;
    case TIMELIMIT: put_limit(out, row, strcmp(cli->program, "sacct") == 0); break;
    case TIMELIMITRAW: buf_i64(out, json_i64(row, "limit_us") / (60 * USEC_PER_SEC)); break;
    case PRIORITY: buf_i64(out, 1000000 - json_i64(row, "position")); break;
    case CPUTIMERAW: buf_i64(out, elapsed(cli, row) / USEC_PER_SEC * json_i64(row, "cpus")); break;
    case CPUTIME: slurm_length(out, elapsed(cli, row) * json_i64(row, "cpus"), true); break;
    }
}

bool slurm_field(struct cli *cli, const json_t *row, struct str name, struct buf *out)
{
    size_t i = field_find(name);
    if (i == FIELDS_N)
        return false;
    put_field(cli, row, fields[i].field, out);
    return true;
}

/* --- squeue ---------------------------------------------------------------------------------------- */

static const struct {
    char letter;
    const char *name;
} letters[] = {
    {'i', "JobID"}, {'A', "JobIDRaw"}, {'F', "ArrayJobID"}, {'K', "ArrayTaskID"}, {'j', "JobName"}, {'u', "User"},
    {'t', "StateCompact"}, {'T', "State"}, {'M', "TimeUsed"}, {'l', "Timelimit"}, {'L', "TimeLeft"}, {'D', "NNodes"},
    {'R', "ReasonList"}, {'r', "Reason"}, {'N', "NodeList"}, {'B', "NodeList"}, {'P', "Partition"}, {'C', "NCPUS"},
    {'b', "tres-per-node"}, {'S', "StartTime"}, {'V', "SubmitTime"}, {'e', "EndTime"}, {'Q', "Priority"}, {'p', "Priority"},
    {'a', "Account"}, {'q', "QOS"}, {'m', "ReqMem"}, {'k', "Comment"}, {'Z', "WorkDir"}, {'o', "WorkDir"}, {'E', "Dependency"},
    {'f', "Feature"}, {'g', "Group"},
};

/* What a column holds, cut and padded; width 0: as it is. */
static void put_cell(struct buf *out, struct str text, size_t width, bool right)
{
    if (width == 0) {
        buf_str(out, text);
        return;
    }
    width_cell(out, width_fit(text, width), width, right ? WIDTH_RIGHT : WIDTH_LEFT);
}

static int bad_format(struct cli *cli, const char *format)
{
    return err_set(&cli->err, E_USAGE, "The format \"%s\" is not understood; write for example \"%%i %%j %%t\".",
                   format);
}

/* One line by squeue's -o format; row NULL: the headings. */
static int put_line(struct cli *cli, const char *format, const json_t *row)
{
    struct buf cell;
    buf_init(&cell, 1 << 16);
    for (const char *p = format; *p; p++) {
        if (*p != '%') {
            buf_char(&cli->out, *p);
            continue;
        }
        bool right = p[1] == '.';
        char *end;
        unsigned long width = strtoul(p + 1 + right, &end, 10);
        size_t i = 0;
        while (i < sizeof letters / sizeof letters[0] && letters[i].letter != *end)
            i++;
        if (i == sizeof letters / sizeof letters[0] || width > 1000) {
            buf_finish(&cell);
            return bad_format(cli, format);
        }
        size_t field = field_find(str_of(letters[i].name));
        buf_clear(&cell);
        if (row)
            put_field(cli, row, fields[field].field, &cell);
        else
            buf_c(&cell, fields[field].head);
        put_cell(&cli->out, buf_look(&cell), width, right);
        p = end;
    }
    buf_char(&cli->out, '\n');
    buf_finish(&cell);
    return 0;
}

/* -O "jobid:10,name:.20": 20 columns unless said. */
static int put_long(struct cli *cli, const char *format, const json_t *row)
{
    struct str rest = str_of(format), one, name, width;
    struct buf cell;
    buf_init(&cell, 1 << 16);
    while (str_next(&rest, ',', &one)) {
        uint64_t columns = 20;
        bool right = false;
        str_next(&one, ':', &name);
        if (str_next(&one, ':', &width)) {
            right = width.len > 0 && width.ptr[0] == '.';
            if (str_u64(right ? str_slice(width, 1, width.len) : width, &columns) < 0)
                columns = 20;
        }
        size_t field = field_find(name);
        if (field == FIELDS_N || columns > 1000) {
            buf_finish(&cell);
            return bad_format(cli, format);
        }
        buf_clear(&cell);
        if (row)
            put_field(cli, row, fields[field].field, &cell);
        else
            buf_c(&cell, fields[field].head);
        put_cell(&cli->out, buf_look(&cell), columns, right);
    }
    buf_char(&cli->out, '\n');
    buf_finish(&cell);
    return 0;
}

static bool wanted(struct cli *cli, const struct slurm_args *a, const json_t *row, const char *users)
{
    const char *said = slurm_value(a, "states");
    if (!is_live(row) && (!said || json_i64(row, "end_at") < cli->now_at - RECENT_US))
        return false;
    return state_listed(json_text(row, "state"), said) && word_listed(json_text(row, "owner"), users) &&
           word_listed(json_text(row, "name"), slurm_value(a, "name")) && id_listed(row, slurm_value(a, "jobs")) &&
           word_listed(json_text(row, "account"), slurm_value(a, "account"));
}

static const char *self_name(void)
{
    static char name[256];
    place_user_name("/etc/passwd", geteuid(), name, sizeof name);
    return name;
}

static int put_rows(struct cli *cli, const struct slurm_args *a, const char *state, const char *users)
{
    const char *format = slurm_value(a, "format"), *wide = slurm_value(a, "Format");
    json_t *rows = NULL, *row;
    size_t i;
    int r = slurm_rows(cli, state, slurm_value(a, "array") != NULL, &rows);
    json_array_foreach(rows, i, row)
        if (r == 0 && wanted(cli, a, row, users))
            r = wide ? put_long(cli, wide, row) : put_line(cli, format, row);
    json_decref(rows);
    return r;
}

int slurm_squeue(struct cli *cli, int argc, char **argv)
{
    static const struct slurm_opt opts[] = {
        {"noheader", 'h', false}, {"format", 'o', true}, {"Format", 'O', true}, {"user", 'u', true},
        {"users", 0, true}, {"me", 0, false}, {"jobs", 'j', true}, {"states", 't', true}, {"name", 'n', true},
        {"partition", 'p', true}, {"account", 'A', true}, {"array", 'r', false}, {"long", 'l', false},
        {"all", 'a', false}, {"sort", 'S', true}, {"start", 0, false}, {"json", 0, false}, {"clusters", 'M', true},
        {"nodelist", 'w', true}, {"federation", 0, false}, {"local", 0, false}, {0},
    };
    struct slurm_args a;
    if (slurm_args(cli, opts, false, argc, argv, &a) < 0)
        return cli_fail(cli);
    if (slurm_value(&a, "json"))
        return slurm_verb(cli, "queue", 2, (char *[]){"--all", "--json", NULL});
    const char *users = slurm_value(&a, "me") ? self_name() : slurm_value(&a, "user");
    int format = 0;
    while (strcmp(opts[format].name, "format") != 0)
        format++;
    if (!a.value[format])
        a.value[format] = slurm_value(&a, "start")  ? "%.18i %.9P %.8j %.8u %.2t %.19S %.6D %20R"
                          : slurm_value(&a, "long") ? "%.18i %.9P %.8j %.8u %.8T %.10M %.9l %.6D %R"
                                                    : "%.18i %.9P %.8j %.8u %.2t %.10M %.6D %R";
    const char *wide = slurm_value(&a, "Format"), *said = slurm_value(&a, "states");
    int r = 0;
    cli->cmd = cmd_find("queue");
    if (!slurm_value(&a, "noheader"))
        r = wide ? put_long(cli, wide, NULL) : put_line(cli, a.value[format], NULL);
    if (r == 0)
        r = put_rows(cli, &a, "live", users ? users : slurm_value(&a, "users"));
    if (r == 0 && said)
        r = put_rows(cli, &a, "ended", users ? users : slurm_value(&a, "users"));
    return r < 0 ? cli_fail(cli) : 0;
}

/* --- sacct ----------------------------------------------------------------------------------------- */

static int accounts_line(struct cli *cli, const char *format, const json_t *row, char separator, bool last)
{
    struct str rest = str_of(format), one;
    struct buf cell;
    bool first = true;
    buf_init(&cell, 1 << 16);
    while (str_next(&rest, ',', &one)) {
        ptrdiff_t percent = str_find(one, '%');
        int64_t width = 0;
        struct str name = percent < 0 ? one : str_slice(one, 0, (size_t)percent);
        size_t field = field_find(name);
        if (field == FIELDS_N || (percent >= 0 && str_i64(str_slice(one, (size_t)percent + 1, one.len), &width) < 0)) {
            buf_finish(&cell);
            return err_set(&cli->err, E_USAGE, "There is no field \"%.*s\" here.", STR_ARG(one));
        }
        buf_clear(&cell);
        if (row)
            put_field(cli, row, fields[field].field, &cell);
        else
            buf_c(&cell, row ? "" : fields[field].name);
        if (separator) {
            if (!first)
                buf_char(&cli->out, separator);
            buf_str(&cli->out, buf_look(&cell));
        } else {
            width = width ? width : fields[field].width;
            put_cell(&cli->out, buf_look(&cell), (size_t)(width < 0 ? -width : width), width > 0);
            buf_char(&cli->out, ' ');
        }
        first = false;
    }
    if (separator && last)
        buf_char(&cli->out, separator);
    buf_char(&cli->out, '\n');
    buf_finish(&cell);
    return 0;
}

static void accounts_rule(struct cli *cli, const char *format)
{
    struct str rest = str_of(format), one;
    while (str_next(&rest, ',', &one)) {
        ptrdiff_t percent = str_find(one, '%');
        int64_t width = 0;
        size_t field = field_find(percent < 0 ? one : str_slice(one, 0, (size_t)percent));
        if (percent >= 0 && str_i64(str_slice(one, (size_t)percent + 1, one.len), &width) < 0)
            width = 0;
        width = width ? width : fields[field].width;
        for (int64_t i = 0; i < (width < 0 ? -width : width); i++)
            buf_char(&cli->out, '-');
        buf_char(&cli->out, ' ');
    }
    buf_char(&cli->out, '\n');
}

static int accounts_rows(struct cli *cli, const struct slurm_args *a, const char *state, const char *format,
                         char separator)
{
    const char *jobs = slurm_value(a, "jobs"), *user = slurm_value(a, "user");
    json_t *rows = NULL, *row;
    size_t i;
    int r = slurm_rows(cli, state, true, &rows);
    if (!user && !jobs && !slurm_value(a, "allusers"))
        user = self_name();
    json_array_foreach(rows, i, row)
        if (r == 0 && id_listed(row, jobs) && word_listed(json_text(row, "owner"), user) &&
            word_listed(json_text(row, "name"), slurm_value(a, "name")) &&
            state_listed(json_text(row, "state"), slurm_value(a, "state")) &&
            word_listed(json_text(row, "account"), slurm_value(a, "accounts")))
            r = accounts_line(cli, format, row, separator, slurm_value(a, "parsable") != NULL);
    json_decref(rows);
    return r;
}

/* Several -j are one list, as people write them (submitit does). */
static char *join_jobs(int argc, char **argv)
{
    struct buf all;
    buf_init(&all, 1 << 20);
    for (int i = 0; i < argc; i++) {
        const char *value = NULL;
        if (strncmp(argv[i], "--jobs=", 7) == 0)
            value = argv[i] + 7;
        else if (strncmp(argv[i], "-j", 2) == 0 && argv[i][2])
            value = argv[i] + 2;
        else if ((strcmp(argv[i], "-j") == 0 || strcmp(argv[i], "--jobs") == 0) && i + 1 < argc)
            value = argv[++i];
        if (value) {
            if (all.len)
                buf_char(&all, ',');
            buf_c(&all, value);
        }
    }
    char *text = all.len ? strdup(all.ptr) : NULL;
    buf_finish(&all);
    return text;
}

int slurm_sacct(struct cli *cli, int argc, char **argv)
{
    static const struct slurm_opt opts[] = {
        {"jobs", 'j', true}, {"format", 'o', true}, {"parsable2", 'P', false}, {"parsable", 'p', false},
        {"delimiter", 0, true}, {"noheader", 'n', false}, {"allocations", 'X', false}, {"user", 'u', true},
        {"allusers", 'a', false}, {"state", 's', true}, {"name", 0, true}, {"starttime", 'S', true},
        {"endtime", 'E', true}, {"duplicates", 'D', false}, {"units", 0, true}, {"brief", 'b', false},
        {"long", 'l', false}, {"array", 0, false}, {"partition", 'r', true}, {"cluster", 'M', true},
        {"accounts", 'A', true}, {0},
    };
    struct slurm_args a;
    char *jobs = join_jobs(argc, argv);
    if (slurm_args(cli, opts, false, argc, argv, &a) < 0) {
        free(jobs);
        return cli_fail(cli);
    }
    a.value[0] = jobs;
    const char *format = slurm_value(&a, "format"), *delimiter = slurm_value(&a, "delimiter");
    if (!format)
        format = slurm_value(&a, "brief") ? "JobID,State,ExitCode" : "JobID,JobName,Partition,Account,AllocCPUS,State,ExitCode";
    bool plain = slurm_value(&a, "parsable") || slurm_value(&a, "parsable2");
    char separator = plain ? (delimiter && delimiter[0] ? delimiter[0] : '|') : '\0';
    int r = 0;
    cli->cmd = cmd_find("history");
    if (!slurm_value(&a, "noheader")) {
        r = accounts_line(cli, format, NULL, separator, slurm_value(&a, "parsable") != NULL);
        if (r == 0 && !plain)
            accounts_rule(cli, format);
    }
    if (r == 0)
        r = accounts_rows(cli, &a, "ended", format, separator);
    if (r == 0)
        r = accounts_rows(cli, &a, "live", format, separator);
    free(jobs);
    return r < 0 ? cli_fail(cli) : 0;
}

/* --- sinfo, seff ----------------------------------------------------------------------------------- */

static const struct {
    char letter;
    const char *head;
} heads[] = {
    {'P', "PARTITION"}, {'R', "PARTITION"}, {'a', "AVAIL"}, {'l', "TIMELIMIT"}, {'D', "NODES"}, {'t', "STATE"},
    {'T', "STATE"}, {'N', "NODELIST"}, {'G', "GRES"}, {'c', "CPUS"}, {'m', "MEMORY"}, {'C', "CPUS(A/I/O/T)"},
};
#define HEADS_N (sizeof heads / sizeof heads[0])

static const char *node_state(const json_t *status, bool compact)
{
    const json_t *n = json_object_get(status, "counts");
    int64_t cpus = json_i64(n, "cpus"), busy = json_i64(n, "cpus_busy");
    if (json_is_true(json_object_get(status, "queue_closed")))
        return compact ? "drain" : "drained";
    if (busy == 0)
        return "idle";
    return busy < cpus ? compact ? "mix" : "mixed" : compact ? "alloc" : "allocated";
}

static void put_node(struct buf *out, const json_t *status, char letter)
{
    const json_t *n = json_object_get(status, "counts");
    int64_t cpus = json_i64(n, "cpus"), busy = json_i64(n, "cpus_busy");
    switch (letter) {
    case 'P': buf_c(out, "eoul*"); break;
    case 'R': buf_c(out, "eoul"); break;
    case 'a': buf_c(out, json_is_true(json_object_get(status, "queue_closed")) ? "drain" : "up"); break;
    case 'l': buf_c(out, "infinite"); break;
    case 'D': buf_c(out, "1"); break;
    case 'T': case 't': buf_c(out, node_state(status, letter == 't')); break;
    case 'N': buf_c(out, host()); break;
    case 'G':
        if (json_i64(n, "gpus") > 0)
            buf_printf(out, "gpu:%lld", (long long)json_i64(n, "gpus"));
        else
            buf_c(out, "(null)");
        break;
    case 'c': buf_i64(out, cpus); break;
    case 'm': buf_i64(out, json_i64(n, "mem_mib")); break;
    default: buf_printf(out, "%lld/%lld/0/%lld", (long long)busy, (long long)(cpus - busy), (long long)cpus);
    }
}

/* status NULL: the headings. */
static int put_partition(struct cli *cli, const char *format, const json_t *status)
{
    struct buf cell;
    buf_init(&cell, 1024);
    for (const char *p = format; *p; p++) {
        char *end;
        size_t i = 0;
        if (*p != '%') {
            buf_char(&cli->out, *p);
            continue;
        }
        bool right = p[1] == '.';
        unsigned long width = strtoul(p + 1 + right, &end, 10);
        while (i < HEADS_N && heads[i].letter != *end)
            i++;
        if (i == HEADS_N || width > 1000) {
            buf_finish(&cell);
            return bad_format(cli, format);
        }
        buf_clear(&cell);
        if (status)
            put_node(&cell, status, *end);
        else
            buf_c(&cell, heads[i].head);
        put_cell(&cli->out, buf_look(&cell), width, right);
        p = end;
    }
    buf_char(&cli->out, '\n');
    buf_finish(&cell);
    return 0;
}

int slurm_sinfo(struct cli *cli, int argc, char **argv)
{
    static const struct slurm_opt opts[] = {
        {"noheader", 'h', false}, {"format", 'o', true}, {"partition", 'p', true}, {"Node", 'N', false},
        {"long", 'l', false}, {"summarize", 's', false}, {"all", 'a', false}, {0},
    };
    struct slurm_args a;
    json_t *status = NULL;
    if (slurm_args(cli, opts, false, argc, argv, &a) < 0)
        return cli_fail(cli);
    cli->cmd = cmd_find("status");
    if (cli_call(cli, "GET", "/v1/status", NULL, &status) < 0)
        return cli_fail(cli);
    const char *format = slurm_value(&a, "format") ? slurm_value(&a, "format") : "%9P %.5a %.10l %.6D %.6t %N";
    int r = slurm_value(&a, "noheader") ? 0 : put_partition(cli, format, NULL);
    if (r == 0)
        r = put_partition(cli, format, status);
    json_decref(status);
    return r < 0 ? cli_fail(cli) : 0;
}

/* How well a job used what it had: of its last attempt. */
int slurm_seff(struct cli *cli, int argc, char **argv)
{
    char path[64];
    json_t *job = NULL;
    cli->cmd = cmd_find("show");
    if (argc != 1) {
        err_set(&cli->err, E_USAGE, "Name one job, as in \"seff 12\".");
        return cli_fail(cli);
    }
    if (cli_check_id(cli, argv[0]) < 0)
        return cli_fail(cli);
    snprintf(path, sizeof path, "/v1/jobs/%s", argv[0]);
    if (cli_call(cli, "GET", path, NULL, &job) < 0)
        return cli_fail(cli);
    const json_t *attempts = json_object_get(job, "attempts");
    const json_t *last = json_array_get(attempts, json_array_size(attempts) - 1);
    usec_t used = json_i64(last, "user_us") + json_i64(last, "system_us"), wall = elapsed(cli, job);
    usec_t had = wall * json_i64(job, "cpus");
    buf_printf(&cli->out, "Job ID: %s\nCluster: eoul\nUser: %s\nState: %s (exit code %lld)\nCores: %lld\nCPU Utilized: ",
               json_text(job, "name_id"), json_told(job, "owner"), json_text(job, "state"),
               (long long)json_i64(job, "exit_code"), (long long)json_i64(job, "cpus"));
    slurm_length(&cli->out, used, true);
    buf_printf(&cli->out, "\nCPU Efficiency: %.2f%% of ", had > 0 ? 100.0 * (double)used / (double)had : 0.0);
    slurm_length(&cli->out, had, true);
    buf_c(&cli->out, " core-walltime\nJob Wall-clock time: ");
    slurm_length(&cli->out, wall, true);
    buf_printf(&cli->out, "\nMemory Utilized: %.2f MB\n", (double)json_i64(last, "rss_max_kib") / 1024.0);
    json_decref(job);
    return 0;
}
