/* seeds.c - workers, their pipes, the closing line. */
#include "sim/seeds.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/io.h"
#ifdef EOUL_MUTANTS
#include "core/mutant.h"
#endif

struct report { /* through a pipe: one write, shorter than PIPE_BUF */
    uint64_t seed;
    struct week_result week;
};
_Static_assert(sizeof(struct report) < 4096, "one write is whole");

struct worker {
    pid_t pid;
    int fd;
    uint64_t next; /* seed it works on */
};

struct run {
    const struct seeds_options *options;
    struct seeds_result result;
    struct worker workers[SEEDS_JOBS_MAX];
    uint32_t workers_n;
    uint64_t jobs, rows, decisions, restarts, faults, submits, checks, told, messages;
};

static uint64_t end_of(const struct run *run)
{
    return run->options->first + run->options->n;
}

static void work(const struct run *run, uint64_t seed, int fd)
{
    const struct seeds_options *o = run->options;
    for (; seed < end_of(run); seed += run->workers_n) {
        struct report report = { .seed = seed };
        struct week_options week = { .seed = seed, .mutant = o->mutant, .bug = o->bug,
                                     .twice = o->twice && seed % o->twice == 0,
                                     .without_core_check = o->without_core_check };
        bool sound = week_run(&week, &report.week);
        if (io_write_all(fd, &report, sizeof(report)) < 0 || (!sound && o->stop_at_first))
            break;
    }
    _exit(0);
}

static int worker_start(struct run *run, struct worker *w, uint64_t seed)
{
    int fds[2];
    *w = (struct worker){ .fd = -1, .next = seed };
    if (seed >= end_of(run))
        return 0;
    if (pipe2(fds, 0) < 0)
        return io_from_errno(errno);
    fflush(NULL);
    w->pid = fork();
    if (w->pid < 0) {
        int r = io_from_errno(errno);
        close(fds[0]);
        close(fds[1]);
        return r;
    }
    if (w->pid == 0) {
        close(fds[0]);
        signal(SIGPIPE, SIG_DFL);
        work(run, seed, fds[1]);
    }
    close(fds[1]);
    w->fd = fds[0];
    return 0;
}

static void failed(struct run *run, uint64_t seed, const char *rule, const char *clock,
                   const char *text)
{
    const struct seeds_options *o = run->options;
    run->result.failed++;
    if (run->result.first_failed == 0 || seed < run->result.first_failed) {
        run->result.first_failed = seed;
        snprintf(run->result.rule, sizeof(run->result.rule), "%s", rule);
    }
    if (!o->out)
        return;
    fprintf(o->out, "seed %" PRIu64 ": %s: %s: %s\n    again: eoul sim --seed %" PRIu64 " --trace",
            seed, rule, clock, text, seed);
    if (o->mutant)
        fprintf(o->out, " --mutant %u", o->mutant);
    if (o->bug)
        fprintf(o->out, " --bug %s", shell_bug_word(o->bug));
    fputc('\n', o->out);
    fflush(o->out);
}

static void take(struct run *run, const struct report *r)
{
    const struct week_result *w = &r->week;
    run->result.run++;
    run->jobs += w->jobs;
    run->rows += w->rows;
    run->decisions += w->decisions;
    run->restarts += w->restarts;
    run->faults += w->faults;
    run->submits += w->submits;
    run->checks += w->checks;
    run->told += w->told;
    run->messages += w->messages;
    if (w->verdict.broken)
        failed(run, r->seed, w->verdict.rule, w->clock, w->verdict.text);
    else if (run->options->verbose && run->options->out)
        fprintf(run->options->out, "seed %" PRIu64 ": %016" PRIx64 " %u jobs, %" PRIu64 " events, %"
                PRIu64 " starts, %" PRIu64 " restarts, ended %s\n", r->seed, w->digest, w->jobs,
                w->rows, w->starts, w->restarts, w->clock);
}

/* The worker's pipe is closed: it is done, or the seed it worked on ended it. */
static void worker_gone(struct run *run, struct worker *w)
{
    int status = 0;
    char text[120];
    close(w->fd);
    w->fd = -1;
    while (waitpid(w->pid, &status, 0) < 0 && errno == EINTR)
        ;
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return;
    if (WIFSIGNALED(status))
        snprintf(text, sizeof(text), "it ended its process by signal %d", WTERMSIG(status));
    else
        snprintf(text, sizeof(text), "it ended its process with status %d", WEXITSTATUS(status));
    run->result.run++;
    failed(run, w->next, "crash", "-", text);
    if (!run->options->stop_at_first && worker_start(run, w, w->next + run->workers_n) < 0)
        w->fd = -1;
}

static bool worker_read(struct run *run, struct worker *w)
{
    struct report report;
    size_t got = 0;
    while (got < sizeof(report)) {
        ssize_t n = read(w->fd, (char *)&report + got, sizeof(report) - got);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        got += (size_t)n;
    }
    w->next = report.seed + run->workers_n;
    take(run, &report);
    return true;
}

static void follow(struct run *run)
{
    for (;;) {
        struct pollfd fds[SEEDS_JOBS_MAX];
        struct worker *of[SEEDS_JOBS_MAX];
        nfds_t n = 0;
        for (uint32_t i = 0; i < run->workers_n; i++) {
            if (run->workers[i].fd < 0)
                continue;
            of[n] = &run->workers[i];
            fds[n++] = (struct pollfd){ .fd = run->workers[i].fd, .events = POLLIN };
        }
        if (n == 0)
            return;
        if (poll(fds, n, -1) < 0)
            continue;
        for (nfds_t i = 0; i < n; i++) {
            if (fds[i].revents && !worker_read(run, of[i]))
                worker_gone(run, of[i]);
        }
    }
}

static double seconds_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

int seeds_run(const struct seeds_options *options, struct seeds_result *ret)
{
    struct run *run = calloc(1, sizeof(*run));
    double begin = seconds_now();
    int r = 0;
    if (!run)
        return E_NO_MEMORY;
    run->options = options;
    run->workers_n = options->jobs < 1 ? 1 : options->jobs > SEEDS_JOBS_MAX ? SEEDS_JOBS_MAX
                                                                            : options->jobs;
    for (uint32_t i = 0; i < run->workers_n; i++)
        run->workers[i].fd = -1;
    for (uint32_t i = 0; i < run->workers_n && r == 0; i++)
        r = worker_start(run, &run->workers[i], options->first + i);
    follow(run);
    if (options->out) {
        double took = seconds_now() - begin;
        fprintf(options->out, "%" PRIu64 " submits, %" PRIu64 " jobs, %" PRIu64 " events, %" PRIu64
                " decisions, %" PRIu64 " restarts, %" PRIu64 " faults, %" PRIu64 " checks, %" PRIu64
                " notices in %" PRIu64 " messages; %.1f seeds/s\n", run->submits, run->jobs, run->rows,
                run->decisions, run->restarts, run->faults, run->checks, run->told, run->messages, took > 0 ? run->result.run / took : 0.0);
        fprintf(options->out, "%u seeds, %u failed\n", run->result.run, run->result.failed);
    }
    *ret = run->result;
    free(run);
    return r;
}

/* --- planted bugs --------------------------------------------------------------------------------- */

/* Caught is: by its own rule, as the first thing that was wrong in some seed. */
static uint32_t one_bug(uint64_t first, uint32_t seeds, uint32_t mutant, enum shell_bug bug,
                        const char *word, const char *rule, FILE *out)
{
    uint64_t at = first, end = first + seeds;
    struct seeds_result result = { 0 };
    char other[VERDICT_RULE_MAX] = "nothing";
    while (at < end) {
        struct seeds_options options = { .first = at, .n = (uint32_t)(end - at), .jobs = 1,
                                         .mutant = mutant, .bug = bug, .stop_at_first = true,
                                         .without_core_check = true, .twice = bug == BUG_TELL_FATE };
        if (seeds_run(&options, &result) < 0)
            return 1;
        if (result.failed == 0 || strcmp(result.rule, rule) == 0)
            break;
        snprintf(other, sizeof(other), "%s", result.rule);
        at = result.first_failed + 1;
    }
    bool caught = at < end && result.failed;
    if (caught)
        fprintf(out, "%-26s caught at seed %" PRIu64 " by %s\n", word, result.first_failed, rule);
    else
        fprintf(out, "%-26s NOT CAUGHT by %s in %u seeds (but by %s)\n", word, rule, seeds, other);
    fflush(out);
    return caught ? 0 : 1;
}

uint32_t seeds_mutants(uint64_t first, uint32_t seeds, FILE *out)
{
    uint32_t missed = 0, n = 0;
#ifdef EOUL_MUTANTS
    static const char *const words[] = {
#define X(name, word, rule) [name] = "core: " word,
        MUTANT_LIST(X)
#undef X
    };
    static const char *const rules[] = {
#define X(name, word, rule) [name] = rule,
        MUTANT_LIST(X)
#undef X
    };
    for (uint32_t m = 1; m < MUTANT_COUNT; m++, n++)
        missed += one_bug(first, seeds, m, SHELL_SOUND, words[m], rules[m], out);
#endif
    for (enum shell_bug b = 1; b < SHELL_BUG_COUNT; b++, n++) {
        char word[40];
        snprintf(word, sizeof(word), "shell: %s", shell_bug_word(b));
        missed += one_bug(first, seeds, 0, b, word, shell_bug_rule(b), out);
    }
    fprintf(out, "%u planted bugs, %u not caught\n", n, missed);
    return missed;
}
