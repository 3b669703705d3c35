/* slurm_srun.c - srun: inside a job the ranks of one step, outside a job a job of its own.
 *
 * Inside a job (SLURM_JOB_ID is set) `srun -n 4 prog` starts four processes on this machine, in the job's
 * own process tree: they end with it, and are limited by what it has.  Each is told its rank
 * (SLURM_PROCID, SLURM_LOCALID, SLURM_STEP_*); with --gpus-per-task each sees its share of the job's GPUs.
 * A rank that does not read standard input gets none: with one rank it is srun's own, with more it is
 * rank 0's (or --input=N's), the others read the end of a file.  Output is written through, or by whole
 * lines behind "RANK: " with --label.  The exit status is the largest of the ranks', 128 and the signal's
 * number for one that a signal ended; --kill-on-bad-exit ends the others.
 *
 * Outside a job it is `eoul run` with the same options, or `eoul shell` with --pty; with --jobid a step of that
 * job (slurm_step.c).
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/io.h"
#include "cli/slurm.h"
#include "spec/option.h"
#include "spec/pattern.h"

#define RANKS_MAX 1024      /* processes one step may start on one machine */
#define LINE_MAX_BYTES 8192 /* a longer line comes out in pieces */

extern char **environ;

struct rank {
    pid_t pid;
    int out, err;   /* our ends, with --label; else -1 */
    int status;
    bool over;
    size_t n[2];
    char line[2][LINE_MAX_BYTES];
};

struct step {
    struct cli *cli;
    struct slurm_args args;
    uint32_t n;
    struct rank *rank;
    bool label, kill_all, told;
    uint32_t per_gpu; /* GPUs of a rank; 0: all see all */
    int worst;
};

static const struct slurm_opt opts[] = {
    {"ntasks", 'n', true}, {"nodes", 'N', true}, {"ntasks-per-node", 0, true}, {"cpus-per-task", 'c', true},
    {"label", 'l', false}, {"output", 'o', true}, {"error", 'e', true}, {"input", 'i', true}, {"chdir", 'D', true},
    {"export", 0, true}, {"kill-on-bad-exit", 'K', false}, {"wait", 'W', true}, {"unbuffered", 'u', false},
    {"jobid", 0, true}, {"pty", 0, false}, {"gpus", 'G', true}, {"gres", 0, true}, {"gpus-per-task", 0, true},
    {"gpus-per-node", 0, true}, {"mem", 0, true}, {"mem-per-cpu", 0, true}, {"exclusive", 0, false},
    {"overlap", 0, false}, {"exact", 0, false}, {"cpu-bind", 0, true}, {"gpu-bind", 0, true}, {"mpi", 0, true},
    {"job-name", 'J', true}, {"time", 't', true}, {"nodelist", 'w', true}, {"quiet", 'Q', false},
    {"verbose", 'v', false}, {"distribution", 'm', true}, {"partition", 'p', true}, {"account", 'A', true},
    {"oversubscribe", 's', false}, {"hint", 0, true}, {0},
};

static uint64_t number(struct cli *cli, const struct slurm_args *a, const char *name, uint64_t otherwise, int *ret_code)
{
    const char *said = slurm_value(a, name);
    uint64_t n = otherwise;
    if (said && (str_u64(str_of(said), &n) < 0 || n == 0 || n > RANKS_MAX))
        *ret_code = err_set(&cli->err, E_USAGE, "--%s=%s: it must be a number from 1 to %d.", name, said, RANKS_MAX);
    return n;
}

static uint64_t env_number(const char *name, uint64_t otherwise)
{
    const char *said = getenv(name);
    uint64_t n;
    return said && str_u64(str_of(said), &n) == 0 && n > 0 ? n : otherwise;
}

static int read_step(struct step *s)
{
    struct cli *cli = s->cli;
    int code = 0;
    uint64_t nodes = number(cli, &s->args, "nodes", 1, &code);
    uint64_t per_node = number(cli, &s->args, "ntasks-per-node", 0, &code);
    uint64_t n = number(cli, &s->args, "ntasks", per_node ? per_node : env_number("SLURM_NTASKS", 1), &code);
    s->per_gpu = (uint32_t)number(cli, &s->args, "gpus-per-task", 0, &code);
    if (code == 0 && nodes > 1)
        code = err_set(&cli->err, E_UNSUPPORTED, "--nodes=%llu: there is one machine here.", (unsigned long long)nodes);
    if (code == 0 && n > RANKS_MAX)
        code = err_set(&cli->err, E_TOO_LARGE, "%llu ranks are more than the %d one step may have.",
                       (unsigned long long)n, RANKS_MAX);
    s->n = (uint32_t)n;
    s->label = slurm_value(&s->args, "label") != NULL;
    s->kill_all = slurm_value(&s->args, "kill-on-bad-exit") != NULL;
    return code;
}

/* --- a rank's own surroundings, in its process ----------------------------------------------------- */

#define RANK_ENV_EXTRA 24 /* variables a rank may get that srun does not have */

struct rank_env {
    char **list; /* ends with NULL */
    size_t n;
};

static const char *env_find(const struct rank_env *e, const char *name, size_t *ret_at)
{
    size_t len = strlen(name);
    for (size_t i = 0; i < e->n; i++)
        if (strncmp(e->list[i], name, len) == 0 && e->list[i][len] == '=') {
            *ret_at = i;
            return e->list[i] + len + 1;
        }
    *ret_at = e->n;
    return NULL;
}

static void put_text(struct rank_env *e, const char *name, const char *value)
{
    size_t at, size = strlen(name) + strlen(value) + 2;
    char *text = malloc(size); /* lives until exec */
    (void)env_find(e, name, &at);
    if (!text)
        _exit(126);
    snprintf(text, size, "%s=%s", name, value);
    e->list[at] = text;
    e->n += at == e->n;
    e->list[e->n] = NULL;
}

static void put_number(struct rank_env *e, const char *name, uint64_t value)
{
    char text[24];
    snprintf(text, sizeof text, "%llu", (unsigned long long)value);
    put_text(e, name, text);
}

/* Its share of the job's visible GPUs: rank r has numbers r*k .. r*k+k-1 of the list. */
static void share_gpus(const struct step *s, uint32_t rank, struct rank_env *e, const char *name)
{
    char memory[8192];
    size_t at;
    const char *all = env_find(e, name, &at);
    struct str rest = str_of(all ? all : ""), one;
    struct buf out;
    uint32_t i = 0;
    if (!s->per_gpu || !all)
        return;
    buf_init_fixed(&out, memory, sizeof memory);
    buf_c(&out, "");
    for (; str_next(&rest, ',', &one); i++) {
        if (i / s->per_gpu != rank)
            continue;
        if (out.len)
            buf_char(&out, ',');
        buf_str(&out, one);
    }
    put_text(e, name, out.failed ? "" : out.ptr);
}

static char **rank_environment(const struct step *s, uint32_t rank)
{
    static const char *const ranks[] = {"SLURM_PROCID", "SLURM_LOCALID"};
    static const char *const sizes[] = {"SLURM_NTASKS", "SLURM_NPROCS", "SLURM_STEP_NUM_TASKS",
                                        "SLURM_STEP_TASKS_PER_NODE", "SLURM_TASKS_PER_NODE"};
    struct rank_env e = {0};
    size_t n = 0;
    while (environ[n])
        n++;
    e.list = calloc(n + RANK_ENV_EXTRA + 1, sizeof *e.list);
    if (!e.list)
        _exit(126);
    memcpy(e.list, environ, n * sizeof *e.list);
    e.n = n;
    for (size_t i = 0; i < sizeof ranks / sizeof ranks[0]; i++)
        put_number(&e, ranks[i], rank);
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
        put_number(&e, sizes[i], s->n);
    put_number(&e, "SLURM_NODEID", 0);
    put_number(&e, "SLURM_STEP_ID", 0);
    put_number(&e, "SLURM_STEPID", 0);
    put_number(&e, "SLURM_STEP_NUM_NODES", 1);
    put_number(&e, "SLURM_TASK_PID", (uint64_t)getpid());
    if (slurm_value(&s->args, "cpus-per-task"))
        put_text(&e, "SLURM_CPUS_PER_TASK", slurm_value(&s->args, "cpus-per-task"));
    if (getenv("SLURM_JOB_NODELIST"))
        put_text(&e, "SLURM_STEP_NODELIST", getenv("SLURM_JOB_NODELIST"));
    share_gpus(s, rank, &e, "CUDA_VISIBLE_DEVICES");
    share_gpus(s, rank, &e, "ROCR_VISIBLE_DEVICES");
    return e.list;
}

/* %t is the rank, %j the job, as srun has them. */
static int open_output(const char *pattern, uint32_t rank)
{
    char path[4096];
    struct buf out;
    buf_init_fixed(&out, path, sizeof path);
    for (const char *p = pattern; *p; p++) {
        if (*p != '%' || !p[1]) {
            buf_char(&out, *p);
            continue;
        }
        p++;
        if (*p == 't' || *p == 'n')
            buf_u64(&out, *p == 't' ? rank : 0);
        else if (*p == 'j' || *p == 'J')
            buf_c(&out, getenv("SLURM_JOB_ID") ? getenv("SLURM_JOB_ID") : "0");
        else if (*p == '%')
            buf_char(&out, '%');
        else
            buf_char(&out, *p);
    }
    /* Ranks that share a file each add to its end; one that has its own begins it anew. */
    int how = strstr(pattern, "%t") ? O_TRUNC : O_APPEND;
    return out.failed ? -1 : open(path, O_WRONLY | O_CREAT | O_CLOEXEC | how, 0666);
}

static _Noreturn void fail_rank(const struct step *s, const char *what)
{
    dprintf(STDERR_FILENO, "srun: error: %s: %s\n", what, strerror(errno));
    (void)s;
    _exit(errno == ENOENT ? 127 : 126);
}

static void rank_input(const struct step *s, uint32_t rank)
{
    const char *said = slurm_value(&s->args, "input");
    uint64_t reader = 0;
    bool mine = s->n == 1 || rank == 0;
    if (said && str_u64(str_of(said), &reader) == 0)
        mine = rank == reader;
    else if (said && strcmp(said, "none") == 0)
        mine = false;
    else if (said && strcmp(said, "all") != 0) {
        int fd = open(said, O_RDONLY | O_CLOEXEC);
        if (fd < 0 || dup2(fd, STDIN_FILENO) < 0)
            fail_rank(s, said);
        return;
    }
    int fd = mine ? STDIN_FILENO : open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (fd < 0 || (!mine && dup2(fd, STDIN_FILENO) < 0))
        fail_rank(s, "/dev/null");
}

static void rank_files(const struct step *s, uint32_t rank, const int out[2], const int err[2])
{
    const char *output = slurm_value(&s->args, "output"), *error = slurm_value(&s->args, "error");
    rank_input(s, rank);
    if (s->label && (dup2(out[1], STDOUT_FILENO) < 0 || dup2(err[1], STDERR_FILENO) < 0))
        fail_rank(s, "output");
    int fd = output ? open_output(output, rank) : -1;
    if (output && (fd < 0 || dup2(fd, STDOUT_FILENO) < 0 || (!error && dup2(fd, STDERR_FILENO) < 0)))
        fail_rank(s, output);
    fd = error ? open_output(error, rank) : -1;
    if (error && (fd < 0 || dup2(fd, STDERR_FILENO) < 0))
        fail_rank(s, error);
}

static int start_rank(struct step *s, uint32_t rank)
{
    struct rank *r = &s->rank[rank];
    int out[2] = {-1, -1}, err[2] = {-1, -1};
    r->out = r->err = -1;
    if (s->label && (pipe2(out, O_CLOEXEC) < 0 || pipe2(err, O_CLOEXEC) < 0))
        return err_set(&s->cli->err, io_from_errno(errno), "Rank %u cannot be started: %s.", rank, strerror(errno));
    r->pid = fork();
    if (r->pid < 0)
        return err_set(&s->cli->err, io_from_errno(errno), "Rank %u cannot be started: %s.", rank, strerror(errno));
    if (r->pid == 0) {
        sigset_t none;
        sigemptyset(&none);
        sigprocmask(SIG_SETMASK, &none, NULL);
        char **env = rank_environment(s, rank);
        rank_files(s, rank, out, err);
        const char *dir = slurm_value(&s->args, "chdir");
        if (dir && chdir(dir) < 0)
            fail_rank(s, dir);
        execvpe(s->args.rest[0], s->args.rest, env);
        fail_rank(s, s->args.rest[0]);
    }
    io_close(&out[1]);
    io_close(&err[1]);
    r->out = out[0];
    r->err = err[0];
    return 0;
}

/* --- while they run -------------------------------------------------------------------------------- */

static void put_labelled(struct step *s, uint32_t rank, int stream, bool whole)
{
    struct rank *r = &s->rank[rank];
    char *line = r->line[stream];
    size_t from = 0;
    for (size_t i = 0; i < r->n[stream]; i++) {
        if (line[i] != '\n' && !(i + 1 == LINE_MAX_BYTES - 1 && from == 0))
            continue;
        char head[16];
        int n = snprintf(head, sizeof head, "%u: ", rank);
        struct buf out;
        buf_init(&out, LINE_MAX_BYTES + 32);
        buf_add(&out, head, (size_t)n);
        buf_add(&out, line + from, i + 1 - from);
        if (line[i] != '\n')
            buf_char(&out, '\n');
        (void)io_write_all(stream ? STDERR_FILENO : STDOUT_FILENO, out.ptr, out.len);
        buf_finish(&out);
        from = i + 1;
    }
    memmove(line, line + from, r->n[stream] - from);
    r->n[stream] -= from;
    if (whole && r->n[stream] > 0) {
        line[r->n[stream]++] = '\n';
        put_labelled(s, rank, stream, false);
    }
}

static void read_labelled(struct step *s, uint32_t rank, int stream, int *fd)
{
    struct rank *r = &s->rank[rank];
    ssize_t n = read(*fd, r->line[stream] + r->n[stream], LINE_MAX_BYTES - 1 - r->n[stream]);
    if (n < 0 && (errno == EINTR || errno == EAGAIN))
        return;
    if (n > 0)
        r->n[stream] += (size_t)n;
    put_labelled(s, rank, stream, n <= 0);
    if (n <= 0)
        io_close(fd);
}

static void signal_all(const struct step *s, int signo)
{
    for (uint32_t i = 0; i < s->n; i++)
        if (!s->rank[i].over && s->rank[i].pid > 0)
            kill(s->rank[i].pid, signo);
}

static void ended(struct step *s, uint32_t i, int status)
{
    struct rank *r = &s->rank[i];
    r->over = true;
    r->status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
    if (r->status == 0)
        return;
    if (!slurm_value(&s->args, "quiet")) {
        if (WIFSIGNALED(status))
            dprintf(STDERR_FILENO, "srun: error: task %u: %s\n", i, strsignal(WTERMSIG(status)));
        else
            dprintf(STDERR_FILENO, "srun: error: task %u: Exited with exit code %d\n", i, r->status);
    }
    s->worst = r->status > s->worst ? r->status : s->worst;
    if (s->kill_all && !s->told) {
        s->told = true;
        signal_all(s, SIGTERM);
    }
}

static uint32_t reap(struct step *s)
{
    int status;
    pid_t pid;
    uint32_t n = 0;
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
        for (uint32_t i = 0; i < s->n; i++)
            if (s->rank[i].pid == pid && !s->rank[i].over) {
                ended(s, i, status);
                n++;
            }
    return n;
}

static bool any_open(const struct step *s)
{
    for (uint32_t i = 0; i < s->n; i++)
        if (s->rank[i].out >= 0 || s->rank[i].err >= 0)
            return true;
    return false;
}

/* Until every rank is over and its output is out. */
static void watch(struct step *s, int signal_fd, struct pollfd *set)
{
    uint32_t left = s->n;
    while (left > 0 || any_open(s)) {
        set[0] = (struct pollfd){.fd = signal_fd, .events = POLLIN};
        for (uint32_t i = 0; i < s->n; i++) {
            set[1 + 2 * i] = (struct pollfd){.fd = s->rank[i].out, .events = POLLIN};
            set[2 + 2 * i] = (struct pollfd){.fd = s->rank[i].err, .events = POLLIN};
        }
        if (poll(set, 1 + 2 * (nfds_t)s->n, -1) < 0 && errno != EINTR)
            break;
        for (uint32_t i = 0; i < s->n; i++) {
            if (set[1 + 2 * i].revents)
                read_labelled(s, i, 0, &s->rank[i].out);
            if (set[2 + 2 * i].revents)
                read_labelled(s, i, 1, &s->rank[i].err);
        }
        struct signalfd_siginfo info;
        while (read(signal_fd, &info, sizeof info) == (ssize_t)sizeof info)
            if (info.ssi_signo != SIGCHLD)
                signal_all(s, (int)info.ssi_signo);
        left -= reap(s);
    }
}

static int run_step(struct step *s)
{
    struct cli *cli = s->cli;
    if (s->n == 1 && !s->label && slurm_value(&s->args, "pty")) { /* the terminal, its keys and signals are its own */
        const char *dir = slurm_value(&s->args, "chdir");
        char **env = rank_environment(s, 0);
        if (dir && chdir(dir) < 0)
            fail_rank(s, dir);
        execvpe(s->args.rest[0], s->args.rest, env);
        fail_rank(s, s->args.rest[0]);
    }
    sigset_t set;
    sigemptyset(&set);
    const int caught[] = {SIGCHLD, SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2, SIGQUIT, SIGCONT};
    for (size_t i = 0; i < sizeof caught / sizeof caught[0]; i++)
        sigaddset(&set, caught[i]);
    sigprocmask(SIG_BLOCK, &set, NULL);
    int signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    s->rank = calloc(s->n, sizeof *s->rank);
    struct pollfd *polled = calloc(1 + 2 * (size_t)s->n, sizeof *polled);
    int code = signal_fd >= 0 && s->rank && polled
                   ? 0
                   : err_set(&cli->err, E_NO_MEMORY, "There is not enough memory for %u ranks.", s->n);
    for (uint32_t i = 0; i < s->n && code == 0; i++)
        code = start_rank(s, i);
    if (code == 0)
        watch(s, signal_fd, polled);
    else if (s->rank)
        signal_all(s, SIGKILL);
    io_close(&signal_fd);
    free(polled);
    free(s->rank);
    return code < 0 ? cli_fail(cli) : s->worst;
}

/* --- --multi-node words and the job of its own ------------------------------------------------------ */

static int outside(struct cli *cli, int argc, char **argv, bool pty)
{
    char **words = calloc((size_t)argc + 2, sizeof *words);
    int n = 0;
    if (!words)
        return CLI_FAILED;
    bool options = true;
    for (int i = 0; i < argc; i++) {
        options &= argv[i][0] == '-';
        if (!options || (strcmp(argv[i], "--pty") != 0 && strcmp(argv[i], "--label") != 0 && strcmp(argv[i], "-l") != 0 &&
                         strcmp(argv[i], "-u") != 0 && strcmp(argv[i], "--unbuffered") != 0))
            words[n++] = argv[i];
        else
            continue;
    }
    int status = slurm_verb(cli, pty && cmd_find("shell") ? "shell" : "run", n, words);
    free(words);
    return status;
}

/* The same words without --jobid, for the srun that runs inside the job. */
static int from_outside(struct cli *cli, const char *job, int argc, char **argv, bool pty, char **rest)
{
    char **words = calloc((size_t)argc + 1, sizeof *words);
    int n = 0;
    if (!words)
        return CLI_FAILED;
    for (int i = 0; i < argc; i++) {
        bool option = argv + i < rest;
        if (option && strcmp(argv[i], "--jobid") == 0)
            i++;
        else if (!option || strncmp(argv[i], "--jobid=", 8) != 0)
            words[n++] = argv[i];
    }
    int status = slurm_step(cli, job, pty, n, words);
    free(words);
    return status;
}

int slurm_srun(struct cli *cli, int argc, char **argv)
{
    struct step s = {.cli = cli};
    const char *own = getenv("SLURM_JOB_ID");
    bool inside = own != NULL;
    if (slurm_args(cli, opts, true, argc, argv, &s.args) < 0) {
        if (inside)
            return cli_fail(cli);
        err_clear(&cli->err); /* an option of a job that a step does not have */
        return outside(cli, argc, argv, false);
    }
    bool pty = slurm_value(&s.args, "pty") != NULL;
    const char *job = slurm_value(&s.args, "jobid");
    if (job && (!own || strcmp(job, own) != 0)) {
        if (s.args.rest_n > 0)
            return from_outside(cli, job, argc, argv, pty, s.args.rest);
        if (pty)
            return slurm_verb(cli, "attach", 1, (char *[]){(char *)job, NULL});
        err_set(&cli->err, E_USAGE, "There is nothing to run in job %s; \"eoul logs -f %s\" shows its output.", job, job);
        return cli_fail(cli);
    }
    if (!inside)
        return outside(cli, argc, argv, pty);
    if (s.args.rest_n == 0) {
        err_set(&cli->err, E_USAGE, "There is nothing to run; write for example \"srun -n 2 python train.py\".");
        return cli_fail(cli);
    }
    if (read_step(&s) < 0)
        return cli_fail(cli);
    return run_step(&s);
}
