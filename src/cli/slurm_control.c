/* slurm_control.c - scontrol and scancel: what is done to jobs, and the names of hosts. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "cli/slurm.h"

#define HOSTS_MAX 65536u /* names one list may stand for */

/* --- names of hosts -------------------------------------------------------------------------------- */

struct host_range {
    uint64_t from, until;
    int digits; /* leading zeros are kept */
};

static bool read_range(struct str text, struct host_range *ret)
{
    struct str first;
    ret->digits = 0;
    if (!str_next(&text, '-', &first) || str_u64(first, &ret->from) < 0)
        return false;
    if (first.len > 1 && first.ptr[0] == '0')
        ret->digits = (int)first.len;
    ret->until = ret->from;
    return text.len == 0 || (str_u64(text, &ret->until) == 0 && ret->until >= ret->from);
}

/* "gpu[1-3,7]-ib": one pair of brackets a name, as Slurm writes them. */
static bool put_hosts(struct buf *out, struct str name, uint32_t *left)
{
    ptrdiff_t open = str_find(name, '['), close = str_find(name, ']');
    if (open < 0) {
        if (!*left || name.len == 0)
            return false;
        --*left;
        buf_str(out, name);
        buf_char(out, '\n');
        return true;
    }
    struct str inside, one;
    if (close < open)
        return false;
    inside = str_slice(name, (size_t)open + 1, (size_t)close);
    while (str_next(&inside, ',', &one)) {
        struct host_range r;
        if (!read_range(one, &r) || r.until - r.from >= *left)
            return false;
        for (uint64_t i = r.from; i <= r.until; i++, --*left) {
            buf_str(out, str_slice(name, 0, (size_t)open));
            buf_printf(out, "%0*llu", r.digits, (unsigned long long)i);
            buf_str(out, str_slice(name, (size_t)close + 1, name.len));
            buf_char(out, '\n');
        }
    }
    return true;
}

/* Commas outside brackets part the names. */
static int hostnames(struct cli *cli, const char *list)
{
    uint32_t left = HOSTS_MAX;
    const char *from = list;
    int depth = 0;
    for (const char *p = list;; p++) {
        depth += *p == '[' ? 1 : *p == ']' ? -1 : 0;
        if (*p && (*p != ',' || depth > 0))
            continue;
        if (!put_hosts(&cli->out, (struct str){from, (size_t)(p - from)}, &left))
            return err_set(&cli->err, E_INVALID, "\"%s\" is no list of hosts.", list);
        if (!*p)
            return 0;
        from = p + 1;
    }
}

/* --- scontrol show --------------------------------------------------------------------------------- */

static void pair(struct cli *cli, const json_t *job, const char *word, const char *field, bool last)
{
    buf_printf(&cli->out, "%s=", word);
    slurm_field(cli, job, str_of(field), &cli->out);
    buf_char(&cli->out, last ? '\n' : ' ');
}

static int show_job(struct cli *cli, const char *id, bool one_line)
{
    char path[64];
    json_t *job = NULL;
    if (cli_check_id(cli, id) < 0)
        return E_INVALID;
    snprintf(path, sizeof path, "/v1/jobs/%s", id);
    int r = cli_call(cli, "GET", path, NULL, &job);
    if (r < 0)
        return r;
    size_t begin = cli->out.len;
    pair(cli, job, "JobId", "JobIDRaw", false);
    if (json_i64(job, "array_id") > 0)
        buf_printf(&cli->out, "ArrayJobId=%lld ArrayTaskId=%lld ", (long long)json_i64(job, "array_id"),
                   (long long)json_i64(job, "array_index"));
    pair(cli, job, "JobName", "JobName", true);
    buf_c(&cli->out, "   ");
    pair(cli, job, "UserId", "User", true);
    buf_printf(&cli->out, "   Priority=1 Nice=%lld Account=", (long long)json_i64(job, "nice"));
    cli_clean(&cli->out, json_text(job, "account")[0] ? json_text(job, "account") : "(null)");
    buf_c(&cli->out, " QOS=normal\n   ");
    pair(cli, job, "JobState", "State", false);
    pair(cli, job, "Reason", "Reason", false);
    buf_printf(&cli->out, "Dependency=%s\n   Requeue=1 Restarts=%lld BatchFlag=1 Reboot=0 ",
               json_text(job, "dependencies")[0] ? json_text(job, "dependencies") : "(null)",
               (long long)(json_i64(job, "attempt") > 1 ? json_i64(job, "attempt") - 1 : 0));
    pair(cli, job, "ExitCode", "ExitCode", true);
    buf_c(&cli->out, "   ");
    pair(cli, job, "RunTime", "Elapsed", false);
    pair(cli, job, "TimeLimit", "Timelimit", true);
    buf_c(&cli->out, "   ");
    pair(cli, job, "SubmitTime", "SubmitTime", true);
    buf_c(&cli->out, "   ");
    pair(cli, job, "StartTime", "StartTime", false);
    pair(cli, job, "EndTime", "EndTime", true);
    buf_c(&cli->out, "   ");
    pair(cli, job, "Partition", "Partition", false);
    pair(cli, job, "NodeList", "NodeList", true);
    buf_c(&cli->out, "   ");
    pair(cli, job, "NumNodes", "NNodes", false);
    pair(cli, job, "NumCPUs", "NCPUS", false);
    pair(cli, job, "TRES", "AllocTRES", true);
    if (json_text(job, "cwd")[0]) { /* shown to its submitter only */
        buf_c(&cli->out, "   WorkDir=");
        cli_clean(&cli->out, json_text(job, "cwd"));
        buf_c(&cli->out, "\n   StdErr=");
        cli_clean(&cli->out, json_text(job, "stderr"));
        buf_c(&cli->out, "\n   StdOut=");
        cli_clean(&cli->out, json_text(job, "stdout"));
        buf_char(&cli->out, '\n');
    }
    if (one_line)
        for (size_t i = begin; i + 1 < cli->out.len; i++)
            if (cli->out.ptr[i] == '\n')
                cli->out.ptr[i] = ' ';
    buf_char(&cli->out, '\n');
    json_decref(job);
    return 0;
}

static int show(struct cli *cli, int argc, char **argv, bool one_line)
{
    const char *what = argc > 0 ? argv[0] : "", *which = argc > 1 ? argv[1] : NULL;
    json_t *rows = NULL, *row;
    size_t i;
    if (strncmp(what, "hostn", 5) == 0) {
        const char *list = which ? which : getenv("SLURM_JOB_NODELIST");
        return list ? hostnames(cli, list)
                    : err_set(&cli->err, E_USAGE, "Name the hosts, as in \"scontrol show hostnames gpu[1-4]\".");
    }
    if (strncmp(what, "job", 3) != 0)
        return err_set(&cli->err, E_UNSUPPORTED,
                       "\"scontrol show %s\" has no meaning here; there are \"job\" and \"hostnames\".", what);
    cli->cmd = cmd_find("show");
    if (which)
        return show_job(cli, strncmp(which, "JobId=", 6) == 0 ? which + 6 : which, one_line);
    int r = slurm_rows(cli, "live", true, &rows);
    json_array_foreach(rows, i, row)
        if (r == 0 && json_text(row, "owner")[0]) /* else it is not shown to us */
            r = show_job(cli, json_text(row, "name_id"), one_line);
    json_decref(rows);
    return r;
}

/* --- scontrol update ------------------------------------------------------------------------------- */

/* "JobId=12 TimeLimit=2:00:00" is "eoul set 12 --time=2:00:00". */
static int update(struct cli *cli, int argc, char **argv)
{
    static const struct { const char *slurm, *own; } words[] = {
        {"TimeLimit", "time"}, {"StartTime", "begin"}, {"Deadline", "deadline"}, {"Nice", "nice"},
        {"NumCPUs", "cpus-per-task"}, {"MinMemoryNode", "mem"}, {"ArrayTaskThrottle", "at-once"}, {"Gres", "gpus"},
    };
    char memory[8][256], *out[9];
    int n = 0;
    const char *id = NULL;
    for (int i = 0; i < argc; i++) {
        struct str rest = str_of(argv[i]), name;
        str_next(&rest, '=', &name);
        size_t k = 0;
        if (str_is_nocase(name, "JobId") || str_is_nocase(name, "Job")) {
            id = rest.ptr;
            continue;
        }
        while (k < sizeof words / sizeof words[0] && !str_is_nocase(name, words[k].slurm))
            k++;
        if (k == sizeof words / sizeof words[0] || n == 7) {
            err_set(&cli->err, E_UNSUPPORTED, "\"%s\" cannot be changed here; \"eoul help set\" shows what can.", argv[i]);
            return cli_fail(cli);
        }
        if (strcmp(words[k].own, "gpus") == 0 && rest.len > 4 && memcmp(rest.ptr, "gpu:", 4) == 0)
            rest = str_slice(rest, 4, rest.len);
        snprintf(memory[n], sizeof memory[n], "--%s=%.*s", words[k].own, STR_ARG(rest));
        out[n] = memory[n];
        n++;
    }
    if (!id || !n) {
        err_set(&cli->err, E_USAGE, "Name the job and what to change, as in \"scontrol update JobId=12 TimeLimit=60\".");
        return cli_fail(cli);
    }
    snprintf(memory[n], sizeof memory[n], "%s", id);
    out[n] = memory[n];
    n++;
    out[n] = NULL;
    return slurm_verb(cli, "set", n, out);
}

int slurm_scontrol(struct cli *cli, int argc, char **argv)
{
    static const struct slurm_opt opts[] = {
        {"oneliner", 'o', false}, {"details", 'd', false}, {"quiet", 'Q', false}, {"all", 'a', false}, {0},
    };
    static const struct { const char *slurm, *own; } same[] = {
        {"hold", "hold"}, {"uhold", "hold"}, {"release", "release"}, {"requeue", "requeue"}, {"top", "first"},
    };
    struct slurm_args a;
    if (slurm_args(cli, opts, true, argc, argv, &a) < 0)
        return cli_fail(cli);
    const char *verb = a.rest_n > 0 ? a.rest[0] : "";
    if (strcmp(verb, "show") == 0)
        return show(cli, a.rest_n - 1, a.rest + 1, slurm_value(&a, "oneliner") != NULL) < 0 ? cli_fail(cli) : 0;
    if (strcmp(verb, "update") == 0)
        return update(cli, a.rest_n - 1, a.rest + 1);
    if (strcmp(verb, "ping") == 0)
        return slurm_verb(cli, "status", 0, (char *[]){NULL});
    for (size_t i = 0; i < sizeof same / sizeof same[0]; i++) {
        if (strcmp(verb, same[i].slurm) != 0)
            continue;
        for (int k = 1; k < a.rest_n; k++) /* "12,13" and "JobId=12" are Slurm's too */
            if (strncmp(a.rest[k], "JobId=", 6) == 0)
                a.rest[k] += 6;
        return slurm_verb(cli, same[i].own, a.rest_n - 1, a.rest + 1);
    }
    err_set(&cli->err, E_USAGE, "\"scontrol %s\" has no meaning here; there are show, update, hold, release, requeue, "
            "top and ping.", verb);
    return cli_fail(cli);
}

/* --- scancel --------------------------------------------------------------------------------------- */

static bool chosen(const json_t *row, const struct slurm_args *a, const char *user)
{
    const char *name = slurm_value(a, "name"), *state = slurm_value(a, "state");
    return (!user || strcmp(user, json_text(row, "owner")) == 0) && (!name || strcmp(name, json_text(row, "name")) == 0) &&
           (!state || str_is_nocase(str_of(state), json_text(row, "state")) ||
            (str_is_nocase(str_of(state), "PD") && strcmp(json_text(row, "state"), "PENDING") == 0) ||
            (str_is_nocase(str_of(state), "R") && strcmp(json_text(row, "state"), "RUNNING") == 0));
}

/* Cancel them, or with --signal send one: KILL is what cancelling is, as in Slurm. */
static int cancel_one(struct cli *cli, const struct slurm_args *a, char *id)
{
    const char *signal = slurm_value(a, "signal");
    bool kills = !signal || str_is_nocase(str_of(signal), "KILL") || str_is_nocase(str_of(signal), "SIGKILL") ||
                 strcmp(signal, "9") == 0;
    char *words[5];
    int n = 0;
    if (!kills) {
        words[n++] = "--signal";
        words[n++] = (char *)signal;
        if (slurm_value(a, "batch"))
            words[n++] = "--batch";
        else if (slurm_value(a, "full"))
            words[n++] = "--full";
    }
    words[n++] = id;
    words[n] = NULL;
    int status = slurm_verb(cli, "cancel", n, words);
    buf_clear(&cli->out); /* scancel says nothing when it went well */
    return status;
}

/* "12", "12_3", or "12_[0-3,7]": each of these tasks. */
static int cancel_named(struct cli *cli, const struct slurm_args *a, char *id)
{
    struct str text = str_of(id), inside, one;
    ptrdiff_t open = str_find(text, '[');
    int status = 0;
    if (open < 0)
        return cancel_one(cli, a, id);
    inside = str_slice(text, (size_t)open + 1, text.len > (size_t)open + 1 ? text.len - 1 : text.len);
    bool right = text.ptr[text.len - 1] == ']' && inside.len > 0 && open > 0 && text.ptr[open - 1] == '_';
    for (struct str rest = inside; right && str_next(&rest, ',', &one);) {
        struct host_range r;
        right = read_range(one, &r) && r.until - r.from < HOSTS_MAX;
    }
    if (!right) {
        err_set(&cli->err, E_USAGE, "\"%s\" names no tasks; write for example 12_3 or 12_[0-3,7].", id);
        return cli_fail(cli);
    }
    while (str_next(&inside, ',', &one)) {
        struct host_range r = {0};
        if (!read_range(one, &r))
            break; /* it was right above */
        for (uint64_t i = r.from; i <= r.until; i++) {
            char task[64];
            snprintf(task, sizeof task, "%.*s%llu", (int)(open < 24 ? open : 24), id, (unsigned long long)i);
            int code = cancel_one(cli, a, task);
            status = status ? status : code;
            err_clear(&cli->err);
        }
    }
    return status;
}

static int cancel_chosen(struct cli *cli, const struct slurm_args *a, const char *user)
{
    json_t *rows = NULL, *row;
    size_t i;
    int status = 0;
    cli->cmd = cmd_find("queue");
    if (slurm_rows(cli, "live", true, &rows) < 0)
        return cli_fail(cli);
    json_array_foreach(rows, i, row)
    {
        char id[32];
        snprintf(id, sizeof id, "%s", json_text(row, "name_id"));
        if (!chosen(row, a, user) || (slurm_value(a, "signal") && strcmp(json_text(row, "state"), "RUNNING") != 0))
            continue; /* a signal is for what runs */
        int one = cancel_one(cli, a, id);
        status = status ? status : one;
    }
    json_decref(rows);
    return status;
}

int slurm_scancel(struct cli *cli, int argc, char **argv)
{
    static const struct slurm_opt opts[] = {
        {"user", 'u', true}, {"me", 0, false}, {"name", 'n', true}, {"jobname", 0, true}, {"state", 't', true},
        {"signal", 's', true}, {"batch", 'b', false}, {"full", 'f', false}, {"quiet", 'Q', false},
        {"partition", 'p', true}, {"interactive", 'i', false}, {0},
    };
    struct slurm_args a;
    char name[256];
    if (slurm_args(cli, opts, false, argc, argv, &a) < 0)
        return cli_fail(cli);
    const char *user = slurm_value(&a, "user");
    if (a.rest_n > 0) {
        int status = 0;
        for (int i = 0; i < a.rest_n; i++) {
            int one = cancel_named(cli, &a, a.rest[i]);
            status = status ? status : one;
            err_clear(&cli->err);
        }
        return status;
    }
    if (slurm_value(&a, "me")) {
        place_user_name("/etc/passwd", geteuid(), name, sizeof name);
        user = name;
    }
    if (!user && !slurm_value(&a, "name") && !slurm_value(&a, "state")) {
        err_set(&cli->err, E_USAGE, "Name the jobs to cancel, as in \"scancel 12\" or \"scancel --me\".");
        return cli_fail(cli);
    }
    return cancel_chosen(cli, &a, user);
}
