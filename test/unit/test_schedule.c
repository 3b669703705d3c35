/* test_schedule.c - schedules: allowed, short, the same again; and files that are not what they should be.
 *
 * Random projects are written as files and go the whole way: reader, search, referee.  Small ones are
 * also solved by trying every order.  Capacities that change are checked step by step here, since the
 * files cannot say them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "base/prng.h"
#include "schedule/bound.h"
#include "schedule/evolve.h"
#include "sim/psplib.h"
#include "sim/referee.h"

#define TASKS_MAX 64
#define RESOURCES_MAX 20

/* --- made-up projects ------------------------------------------------------------------------------ */

struct project {
    uint32_t n, m;
    int32_t length[TASKS_MAX], need[TASKS_MAX][RESOURCES_MAX], capacity[RESOURCES_MAX];
    bool before[TASKS_MAX][TASKS_MAX]; /* [a][b]: a before b; a < b */
};

static int32_t between(struct prng *luck, int32_t low, int32_t high)
{
    return low + (int32_t)prng_below(luck, (uint64_t)(high - low + 1));
}

static void project_make(struct project *p, struct prng *luck, uint32_t n, uint32_t m, int32_t most)
{
    memset(p, 0, sizeof(*p));
    p->n = n;
    p->m = m;
    for (uint32_t r = 0; r < m; r++)
        p->capacity[r] = between(luck, 1, most);
    for (uint32_t i = 0; i < n; i++) {
        p->length[i] = between(luck, i % 7 == 0 ? 0 : 1, 9);
        for (uint32_t r = 0; r < m; r++)
            if (prng_below(luck, 2))
                p->need[i][r] = between(luck, 0, p->capacity[r]);
        for (uint32_t j = i + 1; j < n && j < i + 6; j++)
            p->before[i][j] = prng_below(luck, 4) == 0;
    }
}

static void write_sm(const struct project *p, struct buf *out)
{
    buf_printf(out, "jobs (incl. supersource/sink ):  %u\nhorizon : 1\nRESOURCES\n  - renewable : %u   R\n"
               "  - nonrenewable : 0   N\n  - doubly constrained : 0   D\nPRECEDENCE RELATIONS:\n"
               "jobnr.    #modes  #successors   successors\n", p->n, p->m);
    for (uint32_t i = 0; i < p->n; i++) {
        uint32_t count = 0;
        for (uint32_t j = 0; j < p->n; j++)
            count += p->before[i][j];
        buf_printf(out, "%u 1 %u", i + 1, count);
        for (uint32_t j = 0; j < p->n; j++)
            if (p->before[i][j])
                buf_printf(out, " %u", j + 1);
        buf_c(out, "\n");
    }
    buf_c(out, "****\nREQUESTS/DURATIONS:\njobnr. mode duration  R 1  R 2\n----\n");
    for (uint32_t i = 0; i < p->n; i++) {
        buf_printf(out, "%u 1 %d", i + 1, p->length[i]);
        for (uint32_t r = 0; r < p->m; r++)
            buf_printf(out, " %d", p->need[i][r]);
        buf_c(out, "\r\n");
    }
    buf_c(out, "****\nRESOURCEAVAILABILITIES:\n  R 1  R 2\n");
    for (uint32_t r = 0; r < p->m; r++)
        buf_printf(out, " %d", p->capacity[r]);
    buf_c(out, "\n****\n");
}

static void write_rcp(const struct project *p, struct buf *out)
{
    buf_printf(out, "%u %u\n", p->n, p->m);
    for (uint32_t r = 0; r < p->m; r++)
        buf_printf(out, "%d ", p->capacity[r]);
    for (uint32_t i = 0; i < p->n; i++) {
        uint32_t count = 0;
        buf_printf(out, "\n%d ", p->length[i]);
        for (uint32_t r = 0; r < p->m; r++)
            buf_printf(out, "%d\n", p->need[i][r]);
        for (uint32_t j = 0; j < p->n; j++)
            count += p->before[i][j];
        buf_printf(out, "  %u", count);
        for (uint32_t j = 0; j < p->n; j++)
            if (p->before[i][j])
                buf_printf(out, " %u", j + 1);
    }
}

/* --- every order ------------------------------------------------------------------------------------ */

struct trial {
    const struct project *p;
    int32_t start[TASKS_MAX], use[RESOURCES_MAX][TASKS_MAX * 10], best;
    bool placed[TASKS_MAX];
};

static bool room_at(const struct trial *t, uint32_t i, int32_t at)
{
    for (uint32_t r = 0; r < t->p->m; r++)
        for (int32_t s = at; s < at + t->p->length[i]; s++)
            if (t->use[r][s] + t->p->need[i][r] > t->p->capacity[r])
                return false;
    return true;
}

static void occupy(struct trial *t, uint32_t i, int32_t sign)
{
    for (uint32_t r = 0; r < t->p->m; r++)
        for (int32_t s = t->start[i]; s < t->start[i] + t->p->length[i]; s++)
            t->use[r][s] += sign * t->p->need[i][r];
}

/* Some order's earliest schedule is a shortest one (active schedules: Sprecher, Kolisch, Drexl 1995). */
static void try_all(struct trial *t, uint32_t placed, int32_t makespan)
{
    if (makespan >= t->best)
        return;
    if (placed == t->p->n) {
        t->best = makespan;
        return;
    }
    for (uint32_t i = 0; i < t->p->n; i++) {
        int32_t at = 0;
        bool ready = !t->placed[i];
        for (uint32_t j = 0; j < t->p->n && ready; j++) {
            if (t->p->before[j][i] && !t->placed[j])
                ready = false;
            else if (t->p->before[j][i] && t->start[j] + t->p->length[j] > at)
                at = t->start[j] + t->p->length[j];
        }
        if (!ready)
            continue;
        while (!room_at(t, i, at))
            at++;
        t->start[i] = at;
        t->placed[i] = true;
        occupy(t, i, 1);
        int32_t end = at + t->p->length[i];
        try_all(t, placed + 1, end > makespan ? end : makespan);
        occupy(t, i, -1);
        t->placed[i] = false;
    }
}

static int32_t shortest(const struct project *p)
{
    static struct trial t;
    memset(&t, 0, sizeof(t));
    t.p = p;
    t.best = INT32_MAX;
    try_all(&t, 0, 0);
    return t.best;
}

/* --- the whole way ---------------------------------------------------------------------------------- */

struct run {
    struct psplib file;
    struct problem problem;
    struct evolve search;
    void *problem_block, *search_block;
};

static void run_open(struct run *run, struct str text, uint64_t seed)
{
    struct err err = { 0 };
    memset(run, 0, sizeof(*run));
    if (psplib_read(text, &run->file, &err) < 0 || problem_check(&run->file.input, &err) < 0)
        fail_msg("%s", err.text);
    run->problem_block = test_malloc(problem_size(&run->file.input));
    if (problem_init(&run->problem, &run->file.input, run->problem_block, &err) < 0)
        fail_msg("%s", err.text);
    run->search_block = test_malloc(evolve_size(&run->problem));
    evolve_init(&run->search, &run->problem, seed, run->search_block);
}

static void run_close(struct run *run)
{
    test_free(run->search_block);
    test_free(run->problem_block);
    psplib_finish(&run->file);
}

static int32_t judged(struct str text, const struct evolve *e)
{
    struct err err = { 0 };
    int32_t makespan = -1;
    if (referee_judge(text, e->best_start, e->problem->tasks_n, &makespan, &err) < 0)
        fail_msg("%s", err.text);
    assert_int_equal(makespan, e->best);
    return makespan;
}

static void small_projects_are_solved(void **state)
{
    (void)state;
    struct prng luck;
    static struct project p;
    prng_init(&luck, 20261125, 1);
    for (int k = 0; k < 300; k++) {
        struct buf text;
        struct run run;
        project_make(&p, &luck, (uint32_t)between(&luck, 1, 7), (uint32_t)between(&luck, 0, 4), 9);
        buf_init(&text, 1 << 20);
        if (k % 2)
            write_sm(&p, &text);
        else
            write_rcp(&p, &text);
        run_open(&run, buf_look(&text), (uint64_t)k);
        int32_t bound = bound_makespan(&run.problem), best = shortest(&p);
        evolve_run(&run.search, 4000, bound);
        assert_int_equal(judged(buf_look(&text), &run.search), best);
        assert_true(bound <= best);
        run_close(&run);
        buf_finish(&text);
    }
}

/* Twenty resources need more than one word of lanes. */
static void larger_projects_are_allowed(void **state)
{
    (void)state;
    struct prng luck;
    static struct project p;
    prng_init(&luck, 7, 2);
    for (int k = 0; k < 60; k++) {
        struct buf text;
        struct run run;
        project_make(&p, &luck, (uint32_t)between(&luck, 8, TASKS_MAX),
                     (uint32_t)between(&luck, 1, RESOURCES_MAX), k % 3 ? 30 : 1000);
        buf_init(&text, 1 << 20);
        write_sm(&p, &text);
        run_open(&run, buf_look(&text), (uint64_t)k);
        evolve_run(&run.search, 1500, 0);
        assert_true(judged(buf_look(&text), &run.search) >= bound_makespan(&run.problem));
        run_close(&run);
        buf_finish(&text);
    }
}

static void slices_do_not_matter(void **state)
{
    (void)state;
    struct prng luck;
    static struct project p;
    struct buf text;
    struct run whole, sliced;
    prng_init(&luck, 11, 3);
    project_make(&p, &luck, 40, 3, 10);
    buf_init(&text, 1 << 20);
    write_rcp(&p, &text);
    run_open(&whole, buf_look(&text), 5);
    run_open(&sliced, buf_look(&text), 5);
    evolve_run(&whole.search, 6000, 0);
    for (uint64_t steps = 1; sliced.search.steps < 6000; steps++)
        evolve_run(&sliced.search, sliced.search.steps + steps % 13 < 6000 ? sliced.search.steps + steps % 13 : 6000, 0);
    assert_int_equal(whole.search.best, sliced.search.best);
    assert_memory_equal(whole.search.best_start, sliced.search.best_start, 40 * sizeof(int32_t));
    assert_memory_equal(whole.search.print, sliced.search.print, EVOLVE_POPULATION * sizeof(uint64_t));
    run_close(&whole);
    run_close(&sliced);
    buf_finish(&text);
}

/* --- capacities that change ------------------------------------------------------------------------- */

static void changing_room_is_kept(void **state)
{
    (void)state;
    struct prng luck;
    prng_init(&luck, 99, 4);
    for (int k = 0; k < 100; k++) {
        enum { N = 12, M = 3, H = 400 };
        static int32_t cap[M][H];
        int32_t lengths[N], releases[N];
        struct schedule_demand demands[N * M];
        struct schedule_link links[N];
        struct schedule_capacity caps[M * H];
        struct schedule_input in = { .tasks_n = N, .resources_n = M, .horizon = H, .lengths = lengths,
            .releases = releases, .demands = demands, .links = links, .capacities = caps };
        for (uint32_t r = 0; r < M; r++) {
            int32_t now = 0;
            for (int32_t t = 0; t < H; t++) {
                if (t == 0 || prng_below(&luck, 8) == 0) {
                    now = t == H / 2 ? 9 : between(&luck, 0, 9); /* sometimes there is all */
                    caps[in.capacities_n++] = (struct schedule_capacity){ r, t, now };
                }
                cap[r][t] = now;
            }
        }
        for (uint32_t i = 0; i < N; i++) {
            lengths[i] = between(&luck, 0, 6);
            releases[i] = between(&luck, 0, 20);
            for (uint32_t r = 0; r < M; r++)
                demands[in.demands_n++] = (struct schedule_demand){ i, r, between(&luck, 0, 4) };
            if (i > 0 && prng_below(&luck, 2))
                links[in.links_n++] = (struct schedule_link){ i - 1, i };
        }
        struct err err = { 0 };
        if (problem_check(&in, &err) < 0)
            fail_msg("%s", err.text);
        struct problem p;
        void *block = test_malloc(problem_size(&in));
        assert_int_equal(problem_init(&p, &in, block, &err), 0);
        struct evolve e;
        void *search = test_malloc(evolve_size(&p));
        evolve_init(&e, &p, (uint64_t)k, search);
        evolve_run(&e, 1000, 0);
        if (e.best != EVOLVE_NONE) {
            for (uint32_t i = 0; i < N; i++)
                assert_true(e.best_start[i] >= releases[i]);
            for (uint32_t i = 0; i < in.links_n; i++)
                assert_true(e.best_start[links[i].after] >=
                            e.best_start[links[i].before] + lengths[links[i].before]);
            for (uint32_t r = 0; r < M; r++) {
                for (int32_t t = 0; t < H; t++) {
                    int32_t use = 0;
                    for (uint32_t i = 0; i < N; i++)
                        if (e.best_start[i] <= t && t < e.best_start[i] + lengths[i])
                            use += demands[i * M + r].amount;
                    assert_true(use <= cap[r][t]);
                }
            }
            assert_true(bound_makespan(&p) <= e.best);
        }
        test_free(search);
        test_free(block);
    }
}

/* --- the referee can say no -------------------------------------------------------------------------- */

static void the_referee_objects(void **state)
{
    (void)state;
    static struct project p;
    struct buf text;
    struct err err = { 0 };
    int32_t makespan;
    memset(&p, 0, sizeof(p));
    p.n = 3;
    p.m = 1;
    p.capacity[0] = 2;
    for (uint32_t i = 0; i < 3; i++) {
        p.length[i] = 4;
        p.need[i][0] = 1;
    }
    p.before[0][2] = true;
    for (int form = 0; form < 2; form++) {
        buf_init(&text, 1 << 16);
        if (form)
            write_sm(&p, &text);
        else
            write_rcp(&p, &text);
        assert_int_equal(referee_judge(buf_look(&text), (int32_t[]){ 0, 0, 4 }, 3, &makespan, &err), 0);
        assert_int_equal(makespan, 8);
        assert_int_equal(referee_judge(buf_look(&text), (int32_t[]){ 0, 0, 3 }, 3, &makespan, &err), E_INVALID);
        assert_string_equal(err.text, "job 3 starts at 3, before job 1 has ended at 4");
        p.need[0][0] = 2;
        buf_clear(&text);
        if (form)
            write_sm(&p, &text);
        else
            write_rcp(&p, &text);
        assert_int_equal(referee_judge(buf_look(&text), (int32_t[]){ 1, 0, 5 }, 3, &makespan, &err), E_INVALID);
        assert_string_equal(err.text, "at step 1, 3 of resource 1 are in use; there are 2");
        assert_int_equal(referee_judge(buf_look(&text), (int32_t[]){ 0, -1, 4 }, 3, &makespan, &err), E_INVALID);
        assert_int_equal(referee_judge(buf_look(&text), (int32_t[]){ 0, 4 }, 2, &makespan, &err), E_INVALID);
        p.need[0][0] = 1;
        buf_finish(&text);
    }
}

/* --- files that are not right ------------------------------------------------------------------------ */

static int whole_way(struct str text, struct err *err)
{
    struct psplib file;
    struct problem p;
    int r = psplib_read(text, &file, err);
    if (r < 0)
        return r;
    r = problem_check(&file.input, err);
    if (r == 0) {
        void *block = test_malloc(problem_size(&file.input));
        r = problem_init(&p, &file.input, block, err);
        test_free(block);
    }
    psplib_finish(&file);
    return r;
}

static void bad_files_are_told(void **state)
{
    (void)state;
    static const struct { const char *text, *says; } cases[] = {
        { "", "the file is empty" },
        { " \n\n", "the file is empty" },
        { "hello", "it is neither a PSPLIB file (there is no heading \"PRECEDENCE RELATIONS\") nor Patterson's numbers" },
        { "2 1\n4\n3 1 1 2\n2 x 0\n", "line 4, word 2 is \"x\"; a whole number from 0 to 1073741824 is expected there" },
        { "2 1\n4\n3 1 1 2\n2 1", "the file ends after line 4, where one more number is expected" },
        { "2 1\n4\n-3 1 1 2\n2 1 0", "line 3, word 1 is \"-3\"; a whole number from 0 to 100000 is expected there" },
        { "2 1\n4\n3 1 1 3\n2 1 0", "line 3, word 4 is \"3\"; a whole number from 1 to 2 is expected there" },
        { "2 1\n4\n3 1 0\n2 1 0\n7", "line 5 goes on with \"7\" where it should end" },
        { "2 1\n4\n3 1 1 2\n2 1 1 1\n", "The tasks wait for each other in a circle." },
        { "2 1\n4\n3 5 1 2\n2 1 0\n", "Task 1 needs 5 of resource 1, of which there are never more than 4." },
        { "1 0\n3 0\n99999999999999999999", "line 3 goes on with \"99999999999999999999\" where it should end" },
        { "1 1 2 [0]\n", "it gives time lags in brackets (RCPSP/max), which are not understood; PSPLIB's .sm and Patterson's .rcp are" },
        { "5000 1\n", "line 1, word 1 is \"5000\"; a whole number from 1 to 4000 is expected there" },
        { "PRECEDENCE RELATIONS:\n", "no line \"jobs (incl. supersource/sink )\" with a number stands before \"PRECEDENCE RELATIONS\"" },
        { "jobs : 2\nPRECEDENCE RELATIONS:\n", "no line \"- renewable\" with a number stands before \"PRECEDENCE RELATIONS\"" },
        { "jobs : 2\n- renewable : 1\n- doubly constrained : 1\nPRECEDENCE RELATIONS:\n",
          "it has doubly constrained resources, which are not understood; renewable and used-up ones are" },
        { "jobs : 2\n- renewable : 1\nPRECEDENCE RELATIONS:\nnames\n1 3 0\n",
          "line 5: job 1 can be done in 3 ways; only projects whose jobs have one mode each can be planned" },
        { "jobs : 2\n- renewable : 1\nPRECEDENCE RELATIONS:\nnames\n1 1 1 2\n****\n",
          "line 6: of the 2 jobs' successors only 1 are listed" },
        { "jobs : 2\n- renewable : 1\nPRECEDENCE RELATIONS:\nnames\n1 1 1 2\n1 1 0\n",
          "line 6 lists job 1 a second time" },
        { "jobs : 1\n- renewable : 1\nPRECEDENCE RELATIONS:\nnames\n1 1 0\n", "the section \"REQUESTS/DURATIONS\" is missing" },
        { "jobs : 1\n- renewable : 1\nPRECEDENCE RELATIONS:\nnames\n1 1 0\nREQUESTS/DURATIONS\nnames\n---\n",
          "line 8: of the 1 jobs' durations only 0 are listed" },
        { "jobs : 1\n- renewable : 1\nPRECEDENCE RELATIONS:\nnames\n1 1 0\nREQUESTS/DURATIONS\nnames\n---\n1 1 5\n",
          "line 9 ends behind its word 3, where one more number is expected" },
        { "jobs : 1\n- renewable : 1\n- nonrenewable : 1\nPRECEDENCE RELATIONS:\nnames\n1 1 0\nREQUESTS/DURATIONS\nnames\n---\n1 1 5 1 9\nRESOURCEAVAILABILITIES\nnames\n3 8\n",
          "the jobs use up 9 of nonrenewable resource 1, of which there is only 8: no schedule is possible" },
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct err err = { 0 };
        assert_true(whole_way(str_of(cases[i].text), &err) < 0);
        assert_string_equal(err.text, cases[i].says);
    }
}

/* Every file cut short, and with each byte changed: a sentence or a project, never a crash. */
static void broken_files_do_no_harm(void **state)
{
    (void)state;
    struct prng luck;
    static struct project p;
    prng_init(&luck, 3, 5);
    project_make(&p, &luck, 5, 2, 6);
    for (int form = 0; form < 2; form++) {
        struct buf text;
        buf_init(&text, 1 << 16);
        if (form)
            write_sm(&p, &text);
        else
            write_rcp(&p, &text);
        for (size_t n = 0; n < text.len; n++) {
            struct err err = { 0 };
            char old = text.ptr[n];
            static const char bytes[] = { '9', '-', ' ', '\n', '\0', 'x', '[' };
            if (whole_way((struct str){ text.ptr, n }, &err) < 0)
                assert_true(err.text[0] != '\0');
            text.ptr[n] = bytes[n % sizeof(bytes)];
            if (whole_way(buf_look(&text), &err) < 0)
                assert_true(err.text[0] != '\0');
            text.ptr[n] = old;
        }
        buf_finish(&text);
    }
}

/* --- the libraries' own instances, where they are ----------------------------------------------------- */

static bool listed(const char *list, const char *name, int32_t *ret_lower, int32_t *ret_known)
{
    const char *line = strstr(list, name);
    int32_t lower = 0, known = 0;
    if (!line || !(line = strchr(line, ',')))
        return false;
    for (int column = 2; column < 7; column++) /* file,par,inst,horizon,capacities,lb,ub */
        if (column > 2 && !(line = strchr(line + 1, ',')))
            return false;
    sscanf(line, ",%d", &lower);
    line = strchr(line + 1, ',');
    if (!line || sscanf(line, ",%d", &known) != 1)
        return false;
    *ret_lower = lower;
    *ret_known = known;
    return true;
}

static void published_instances(void **state)
{
    (void)state;
    const char *data = getenv("EOUL_DATA");
    char path[1024];
    struct buf list, text;
    snprintf(path, sizeof(path), "%s/rcpsp/psplib_best.csv", data ? data : "");
    buf_init(&list, 1 << 20);
    if (!data || access(path, R_OK) != 0 || io_read_file(AT_FDCWD, path, &list) < 0) {
        print_message("skipped: the published instances are not at %s\n", path);
        buf_finish(&list);
        skip();
    }
    snprintf(path, sizeof(path), "%s/rcpsp/psplib", data);
    DIR *dir = opendir(path);
    assert_non_null(dir);
    int seen = 0, over = 0, sum = 0;
    for (struct dirent *d; (d = readdir(dir));) {
        int32_t lower = 0, known;
        if (!strstr(d->d_name, ".sm") || !listed(list.ptr, d->d_name, &lower, &known))
            continue;
        struct run run;
        snprintf(path, sizeof(path), "%s/rcpsp/psplib/%s", data, d->d_name);
        buf_init(&text, PSPLIB_BYTES_MAX);
        assert_int_equal(io_read_file(AT_FDCWD, path, &text), 0);
        run_open(&run, buf_look(&text), 1);
        int32_t bound = bound_makespan(&run.problem);
        evolve_run(&run.search, 6000, bound);
        int32_t makespan = judged(buf_look(&text), &run.search);
        assert_true(makespan >= lower); /* nobody is better than what has been proved */
        assert_true(bound <= known);
        seen++;
        over += makespan - known;
        sum += known;
        run_close(&run);
        buf_finish(&text);
    }
    closedir(dir);
    buf_finish(&list);
    assert_true(seen > 0);
    print_message("%d instances, %d.%02d %% over the best known\n", seen, 100 * over / sum,
                  10000 * over / sum % 100);
    assert_true(100 * over < 4 * sum); /* a tenth of a second each; far more would be a mistake */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(small_projects_are_solved),
        cmocka_unit_test(larger_projects_are_allowed),
        cmocka_unit_test(slices_do_not_matter),
        cmocka_unit_test(changing_room_is_kept),
        cmocka_unit_test(the_referee_objects),
        cmocka_unit_test(bad_files_are_told),
        cmocka_unit_test(broken_files_do_no_harm),
        cmocka_unit_test(published_instances),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
