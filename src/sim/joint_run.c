/* joint_run.c - see joint_run.h. */
#include "sim/joint_run.h"

#include <stdlib.h>
#include <string.h>

#include "sim/joint.h"
#include "sim/joint_referee.h"
#include "sim/solving.h"

struct answer {
    uint32_t tasks;
    int64_t cost, bound;
    bool found, feasible;
    uint64_t iterations;
    double seconds;
    int32_t *start;
};

static bool spend(void *what, uint64_t iterations)
{
    struct cheapest *search = what;
    cheapest_run(search, iterations, search->least);
    return search->best <= search->least;
}

static int search(const struct problem *p, const struct costs *costs, const struct solving *s, double begin,
                  struct answer *ret, struct err *err)
{
    struct cheapest c;
    void *block = malloc(cheapest_size(p));
    ret->start = malloc((size_t)p->tasks_n * sizeof(*ret->start));
    if (!block || !ret->start) {
        free(block);
        return err_set(err, E_NO_MEMORY, "there is not enough memory for this file");
    }
    cheapest_init(&c, p, costs, s->seed, block);
    if (c.least == SCHEDULE_NEVER) {
        free(block);
        return err_set(err, E_INVALID, "tasks that wait for each other cannot all be done before the end of time");
    }
    solving_spend(s, begin, spend, &c);
    *ret = (struct answer){ .tasks = p->tasks_n, .cost = c.best, .bound = c.least,
        .found = c.best != SCHEDULE_NEVER, .iterations = c.steps, .seconds = solving_cpu() - begin,
        .start = ret->start };
    memcpy(ret->start, c.best_start, p->tasks_n * sizeof(*ret->start));
    free(block);
    return 0;
}

static int solve(struct str text, const struct solving *s, struct answer *ret, struct err *err)
{
    struct joint week;
    struct joint_tables tables = { 0 };
    struct problem problem;
    void *block = NULL;
    double begin = solving_cpu();
    int r = joint_read(text, &week, err);
    if (r < 0)
        return r;
    r = joint_tables(&week, &tables, err);
    if (r == 0)
        r = problem_check(&tables.input, err);
    if (r == 0 && !(block = malloc(problem_size(&tables.input))))
        r = err_set(err, E_NO_MEMORY, "there is not enough memory for this file");
    if (r == 0)
        r = problem_init(&problem, &tables.input, block, err);
    struct costs costs = { tables.cost, tables.end };
    if (r == 0)
        r = cheapest_check(&problem, &costs, err);
    if (r == 0)
        r = search(&problem, &costs, s, begin, ret, err);
    free(block);
    joint_tables_finish(&tables);
    joint_finish(&week);
    return r;
}

static void put_json(const char *path, const struct solving *s, const struct answer *a)
{
    printf("{\"instance\": ");
    solving_put_text(solving_name(path));
    printf(", \"file\": ");
    solving_put_text(path);
    printf(", \"tasks\": %u, ", a->tasks);
    if (a->found)
        printf("\"cost\": %lld, \"won\": %.3f, ", (long long)a->cost, (double)a->cost / JOINT_UNITS_PER_WON);
    else
        printf("\"cost\": null, \"won\": null, ");
    printf("\"lower_bound\": %lld, \"optimal\": %s, \"feasible\": %s, \"iterations\": %llu, \"seed\": %llu, \"seconds\": %.3f",
           (long long)a->bound, a->feasible && a->cost == a->bound ? "true" : "false",
           a->feasible ? "true" : "false", (unsigned long long)a->iterations, (unsigned long long)s->seed,
           a->seconds);
    if (a->found)
        solving_put_starts(s, a->start, a->tasks);
    printf("}\n");
}

static void put_line(const char *path, const struct solving *s, const struct answer *a)
{
    if (!a->found)
        printf(tr(s->language, "%s: no schedule found in %llu iterations"), path,
               (unsigned long long)a->iterations);
    else if (a->cost == a->bound)
        printf(tr(s->language, "%s: %.0f won, proved cheapest; %llu iterations, %.3f s"), path,
               (double)a->cost / JOINT_UNITS_PER_WON, (unsigned long long)a->iterations, a->seconds);
    else
        printf(tr(s->language, "%s: %.0f won, none costs less than %.0f; %llu iterations, %.3f s"), path,
               (double)a->cost / JOINT_UNITS_PER_WON, (double)a->bound / JOINT_UNITS_PER_WON,
               (unsigned long long)a->iterations, a->seconds);
    putchar('\n');
    if (a->found)
        solving_put_starts(s, a->start, a->tasks);
}

/* 0, or 1 after a sentence. */
static int one(const char *path, const struct solving *s)
{
    struct err err = { .translate = tr_of(s->language) };
    struct answer a = { 0 };
    struct buf text;
    if (solving_read(s, path, JOINT_BYTES_MAX, &text) != 0) {
        buf_finish(&text);
        return 1;
    }
    int r = solve(buf_look(&text), s, &a, &err);
    if (r == 0) {
        int64_t counted = -1;
        if (a.found)
            r = joint_referee_judge(buf_look(&text), a.start, a.tasks, &counted, &err);
        if (r == 0 && a.found && counted != a.cost)
            r = err_set(&err, E_INTERNAL, "the search counts %lld for its schedule, the referee %lld",
                        (long long)a.cost, (long long)counted);
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

static int make(const struct solving *s)
{
    struct joint week;
    struct buf out;
    buf_init(&out, JOINT_BYTES_MAX);
    joint_make(s->make, s->tasks, &week);
    joint_write(&week, &out);
    if (!out.failed)
        fwrite(out.ptr, 1, out.len, stdout);
    joint_finish(&week);
    buf_finish(&out);
    return out.failed || fflush(stdout) != 0;
}

static int usage(enum lang language, FILE *out)
{
    fprintf(out, "%s", tr(language,
        "Examples:\n"
        "  eoul sim joint week.txt --seconds 1        the cheapest plan found for people, GPUs, power and tariff\n"
        "  eoul sim joint --make 7 --tasks 12         write a made-up week of 12 tasks\n"
        "  eoul sim joint week.txt --iterations 20000 --seed 7 --json --starts\n"));
    return out == stdout ? 0 : 2;
}

int joint_main(int argc, char **argv, enum lang language)
{
    struct solving s = { .language = language, .verb = "eoul sim joint", .seconds = 1, .seed = 1,
                         .can_make = true, .tasks = 12 };
    bool help;
    int r = solving_parse(&s, argc, argv, &help), failed = 0;
    if (r != 0)
        return r;
    if (s.makes)
        return make(&s);
    if (help || s.files_n == 0)
        return usage(language, help ? stdout : stderr);
    for (int i = 0; i < s.files_n; i++)
        failed |= one(s.files[i], &s);
    return failed;
}
