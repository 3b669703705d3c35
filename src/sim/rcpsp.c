/* rcpsp.c - see rcpsp.h. */
#include "sim/rcpsp.h"

#include <stdlib.h>
#include <string.h>

#include "schedule/bound.h"
#include "schedule/evolve.h"
#include "sim/psplib.h"
#include "sim/referee.h"
#include "sim/solving.h"

struct answer {
    uint32_t jobs;
    int32_t makespan, bound;
    bool found, feasible;
    uint64_t iterations;
    double seconds;
    int32_t *start;
};

struct task {
    struct evolve search;
    int32_t bound;
};

static bool spend(void *what, uint64_t iterations)
{
    struct task *t = what;
    evolve_run(&t->search, iterations, t->bound);
    return t->search.best <= t->bound;
}

static int solve(struct str text, const struct solving *s, struct answer *ret, struct err *err)
{
    struct psplib file;
    struct problem problem;
    struct task task;
    void *problem_block = NULL, *search_block = NULL;
    double begin = solving_cpu();
    int r = psplib_read(text, &file, err);
    if (r < 0)
        return r;
    r = problem_check(&file.input, err);
    if (r == 0 && !(problem_block = malloc(problem_size(&file.input))))
        r = err_set(err, E_NO_MEMORY, "there is not enough memory for this file");
    if (r == 0)
        r = problem_init(&problem, &file.input, problem_block, err);
    if (r == 0 && !(search_block = malloc(evolve_size(&problem))))
        r = err_set(err, E_NO_MEMORY, "there is not enough memory for this file");
    if (r == 0 && !(ret->start = malloc((size_t)problem.tasks_n * sizeof(*ret->start))))
        r = err_set(err, E_NO_MEMORY, "there is not enough memory for this file");
    if (r == 0) {
        task.bound = bound_makespan(&problem);
        evolve_init(&task.search, &problem, s->seed, search_block);
        solving_spend(s, begin, spend, &task);
        *ret = (struct answer){ .jobs = problem.tasks_n, .bound = task.bound,
            .found = task.search.best != EVOLVE_NONE, .iterations = task.search.steps,
            .seconds = solving_cpu() - begin, .start = ret->start };
        memcpy(ret->start, task.search.best_start, problem.tasks_n * sizeof(*ret->start));
    }
    free(search_block);
    free(problem_block);
    psplib_finish(&file);
    return r;
}

static void put_json(const char *path, const struct solving *s, const struct answer *a)
{
    printf("{\"instance\": ");
    solving_put_text(solving_name(path));
    printf(", \"file\": ");
    solving_put_text(path);
    printf(", \"jobs\": %u, \"makespan\": ", a->jobs);
    if (a->found)
        printf("%d", a->makespan);
    else
        printf("null");
    printf(", \"lower_bound\": %d, \"optimal\": %s, \"feasible\": %s, \"iterations\": %llu, \"seed\": %llu, \"seconds\": %.3f",
           a->bound, a->feasible && a->makespan == a->bound ? "true" : "false", a->feasible ? "true" : "false",
           (unsigned long long)a->iterations, (unsigned long long)s->seed, a->seconds);
    if (a->found)
        solving_put_starts(s, a->start, a->jobs);
    printf("}\n");
}

static void put_line(const char *path, const struct solving *s, const struct answer *a)
{
    if (!a->found)
        printf(tr(s->language, "%s: no schedule found; none is shorter than %d"), path, a->bound);
    else if (a->makespan == a->bound)
        printf(tr(s->language, "%s: %d, proved shortest; %llu iterations, %.3f s"), path, a->makespan,
               (unsigned long long)a->iterations, a->seconds);
    else
        printf(tr(s->language, "%s: %d, none is shorter than %d; %llu iterations, %.3f s"), path,
               a->makespan, a->bound, (unsigned long long)a->iterations, a->seconds);
    putchar('\n');
    if (a->found)
        solving_put_starts(s, a->start, a->jobs);
}

/* 0, or 1 after a sentence. */
static int one(const char *path, const struct solving *s)
{
    struct err err = { .translate = tr_of(s->language) };
    struct answer a = { 0 };
    struct buf text;
    if (solving_read(s, path, PSPLIB_BYTES_MAX, &text) != 0) {
        buf_finish(&text);
        return 1;
    }
    int r = solve(buf_look(&text), s, &a, &err);
    if (r == 0) {
        if (a.found)
            r = referee_judge(buf_look(&text), a.start, a.jobs, &a.makespan, &err);
        a.feasible = a.found && r == 0;
        if (s->json)
            put_json(path, s, &a);
        else
            put_line(path, s, &a);
        fflush(stdout);
    }
    if (r < 0)
        solving_complain(s, path, err.text);
    free(a.start);
    buf_finish(&text);
    return r < 0;
}

static int usage(enum lang language, FILE *out)
{
    fprintf(out, "%s", tr(language,
        "Examples:\n"
        "  eoul sim rcpsp j301_1.sm --seconds 1       the shortest schedule found in a second\n"
        "  eoul sim rcpsp *.sm --seconds 0.1 --json   one object a file\n"
        "  eoul sim rcpsp j301_1.sm --iterations 20000 --seed 7 --starts\n"
        "                                             the same again on every machine, with every start\n"
        "Reads PSPLIB's .sm, single-mode .mm, and Patterson's .rcp.\n"));
    return out == stdout ? 0 : 2;
}

int rcpsp_main(int argc, char **argv, enum lang language)
{
    struct solving s = { .language = language, .verb = "eoul sim rcpsp", .seconds = 1, .seed = 1 };
    bool help;
    int r = solving_parse(&s, argc, argv, &help), failed = 0;
    if (r != 0)
        return r;
    if (help || s.files_n == 0)
        return usage(language, help ? stdout : stderr);
    for (int i = 0; i < s.files_n; i++)
        failed |= one(s.files[i], &s);
    return failed;
}
