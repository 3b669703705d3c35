/* main.c - eoul-sim: the simulator's own program, reached as `eoul sim`.
 *
 *     eoul sim seeds --first 1 --seeds 1000 [--jobs 2] [--verbose]
 *     eoul sim --seed 17 [--trace] [--export FILE]
 *     eoul sim --replay JOURNAL
 *     eoul sim story FILE...
 *     eoul sim team --gpus 16 --load 0.7 --policy easy,saf,blend --weeks 10 --seed 1 --seeds 5
 *     eoul sim --trace FILE [--format swf] [--gpus 16] [--policy easy,saf,blend] [--json] ...   (compare.h)
 *     eoul sim mode --trace FILE [--gpus 16] [--json] ...                                          (weekly.h)
 *     eoul whatif ...                                                                              (whatif.h)
 *     eoul sim mutants
 *     eoul sim rcpsp FILE... [--seconds 1] [--json]
 *
 * Planted bugs need another core: with --mutant, and for `mutants`, the program beside this one that
 * has them (eoul-sim-mutant) is executed in its place.
 */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "i18n/tr.h"
#include "sim/compare.h"
#include "sim/joint_run.h"
#include "sim/misstate.h"
#include "sim/rcpsp.h"
#include "sim/replay.h"
#include "sim/seeds.h"
#include "sim/story.h"
#include "sim/team.h"
#include "sim/wants.h"
#include "sim/weekly.h"
#include "sim/whatif.h"

#define MUTANT_PROGRAM "-mutant" /* after our own name */
#define FILES_MAX 256

static enum lang language;

struct args {
    const char *verb;        /* NULL: by option */
    const char *replay, *export;
    const char *files[FILES_MAX];
    uint32_t files_n;
    uint64_t seed, first;
    bool seed_given, trace, verbose, snapshot;
    uint32_t seeds, jobs, mutant, twice;
    enum shell_bug bug;
    struct team_options team;
    struct compare_options compare;
    char of_team[32], of_trace[32]; /* the last option that only the one verb takes; "" */
};

static int usage(FILE *out)
{
    fprintf(out, "%s", tr(language,
        "Examples:\n"
        "  eoul sim seeds --first 1 --seeds 1000      simulated team-weeks with faults\n"
        "  eoul sim --seed 17 --trace                 one of them, everything that happens\n"
        "  eoul sim --seed 17 --export FILE           its journal\n"
        "  eoul sim --replay FILE                     recompute a journal, compare every hash\n"
        "  eoul sim story FILE...                     made-up days with what is expected of them\n"
        "  eoul sim team --gpus 16 --load 0.7 --policy easy,saf,blend --weeks 10\n"
        "                                             compare policies on a made-up team\n"
        "  eoul sim mode --trace jobs.csv --gpus 16   which mode serves best, by its last four weeks\n"
        "  eoul sim mutants                           is every planted bug caught?\n"
        "  eoul sim rcpsp FILE.sm... --seconds 1      published scheduling problems through the search\n"
        "  eoul sim joint --make 7 --tasks 12         people, GPUs, power and tariff as one problem\n"));
    fprintf(out, "%s", tr(language,
        "  eoul sim --trace jobs.csv --gpus 16 --policy easy,saf,blend --estimates history\n"
        "                                             compare policies on somebody's own log\n"
        "\nOf a trace:\n"
        "  --format F       swf, philly, openb, sacct, csv or journal; seen from the file if left out\n"
        "                   (csv: submit,runtime,gpus,user and if wanted limit,checkpoint,deadline,watts)\n"
        "  --team NAME      that team's jobs only\n"
        "  --gpus N         GPUs of the machine, if the trace does not say\n"
        "  --policy P,P     booked, fifo, easy, sjf, saf, las, srsf, blend; with -np nobody makes way,\n"
        "                   with -p whoever may\n"
        "  --estimates E    what is known of run times: exact, sigma:0.5, limit or history\n"
        "  --calendars C    when people can look: office, infer, always, or a folder of USER.ics, USER.hours;\n"
        "                   told: as a journal says they were told\n"
        "  --mode M         of blend: later, plan or area, or weekly: picked by replaying the last four weeks\n"
        "  --agreed A       whose starts may be moved later: everybody's, or nobody's\n"
        "  --presence P     what is true of them: calendar, or sessions (there after each submit too)\n"
        "  --checkpoint C   who may be interrupted: trace, none, all, 0.3 (of all), over:4h\n"
        "  --zone Z         local time, for example Asia/Seoul\n"
        "  --tariff FILE    prices of electricity, or none; --watts N: of a GPU in use\n"
        "  --power-cap KW   what jobs may take together, also \"6 kW; 4 kW Mon-Fri 10:00-18:00\"\n"
        "  --person-hour N  the plan minds them, beside people at so much an hour (0: it does not)\n"
        "  --seed S         of what is drawn;  --no-eta: no forecasts;  --json: figures for programs\n"
        "  --shake X        every run time and submit a little other, by seed (0.1: a tenth)\n"
        "  --set NAME=N     a number of the policies' settings (src/core/event.h)\n"
        "  --closed-loop    the next is asked for when the last was seen: results per person-week\n"
        "  --bound STEPS    beside it what could be had at best: the least mean time until seen, or\n"
        "                   the most results of the closed loop\n"));
    fprintf(out, "%s", tr(language,
        "\nOf a team, besides policy, estimates, mode, agreed, presence, checkpoint, tariff, power-cap, closed-loop and bound as above:\n"
        "  --family F,F     office16, office64, leave, zones, overload, sweeps, deadline, long, always, capped\n"
        "  --load L,L       share of the GPUs' hours that is asked for;  --weeks N;  --gpus N;  --people N\n"
        "  --seeds N        so many teams from --seed on: ratios with half the width of their 95 % interval\n"
        "  --spread X       how much the runs of one script differ (log standard deviation)\n"
        "  --misstate N     what N of its people would gain by saying other hours than theirs\n"
        "  --early-fail X   so many of its jobs fail in their first minutes until they are mended\n"
        "  --canary N       every job asks for a canary of N minutes\n"));
    return out == stdout ? 0 : 2;
}

/* One sentence on standard error; gives the exit status.  A macro: the analyzer takes a file that is
 * compiled into two programs for one, and its second va_list for uninitialised. */
#define complain(code, ...) \
    (fprintf(stderr, "eoul sim: "), fprintf(stderr, __VA_ARGS__), fputc('\n', stderr), said(code))
static int said(int code) { return code; }

/* --- the command line ----------------------------------------------------------------------------- */

static bool number(const char *text, uint64_t max, uint64_t *ret)
{
    return text && str_u64(str_of(text), ret) == 0 && *ret <= max;
}

static bool small(const char *text, uint32_t min, uint32_t max, uint32_t *ret)
{
    uint64_t value;
    if (!number(text, max, &value) || value < min)
        return false;
    *ret = (uint32_t)value;
    return true;
}

static bool bug_of(const char *text, enum shell_bug *ret)
{
    for (enum shell_bug b = 0; text && b < SHELL_BUG_COUNT; b++) {
        if (strcmp(text, shell_bug_word(b)) == 0) {
            *ret = b;
            return true;
        }
    }
    return false;
}

/* What compare.h takes and a made-up team has no use for. */
static bool of_trace(const char *name)
{
    static const char *const words[] = { "--format", "--team", "--calendars", "--zone", "--shake" };
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (strcmp(name, words[i]) == 0)
            return true;
    return false;
}

/* One option and its value; *ret_took says whether the value was used. */
static bool option(struct args *a, const char *name, const char *value, bool *ret_took, struct err *err)
{
    *ret_took = false;
    if (strcmp(name, "--trace") == 0) { /* of a seed: everything that happens; else the file to run */
        if (!value || (value[0] == '-' && value[1]))
            return a->trace = true;
        a->compare.trace = value;
        return *ret_took = true;
    }
    if (strcmp(name, "--verbose") == 0)
        return a->verbose = true;
    if (strcmp(name, "--snapshot") == 0)
        return a->snapshot = true;
    *ret_took = true;
    if (strcmp(name, "--seed") == 0) {
        a->seed_given = number(value, UINT64_MAX, &a->seed);
        a->compare.seed = a->seed;
        return a->seed_given;
    }
    if (strcmp(name, "--first") == 0)
        return number(value, UINT64_MAX / 2, &a->first);
    if (strcmp(name, "--seeds") == 0)
        return small(value, 1, 100000000, &a->seeds);
    if (strcmp(name, "--jobs") == 0)
        return small(value, 1, SEEDS_JOBS_MAX, &a->jobs);
    if (strcmp(name, "--twice") == 0)
        return small(value, 0, 1000000, &a->twice);
    if (strcmp(name, "--mutant") == 0)
        return small(value, 0, 1000, &a->mutant);
    if (strcmp(name, "--bug") == 0)
        return bug_of(value, &a->bug);
    if (strcmp(name, "--replay") == 0)
        return (a->replay = value) != NULL;
    if (strcmp(name, "--export") == 0)
        return (a->export = value) != NULL;
    /* Of --seed, --gpus and --policy either verb takes its own meaning; which one it is comes later. */
    bool team = team_option(&a->team, name, value), compare_took;
    bool compare = compare_option(&a->compare, name, value, &compare_took, err);
    if (compare)
        *ret_took = compare_took;
    if (team && !compare)
        snprintf(a->of_team, sizeof(a->of_team), "%s", name);
    if (compare && !team && of_trace(name))
        snprintf(a->of_trace, sizeof(a->of_trace), "%s", name);
    return team || compare;
}

static int parse(struct args *a, int argc, char **argv)
{
    struct err err = { .translate = tr_of(language) };
    if (argc == 2 && strcmp(argv[1], "--help") == 0) {
        a->verb = "help";
        return 0;
    }
    for (int i = 1; i < argc; i++) {
        bool took;
        const char *value = i + 1 < argc ? argv[i + 1] : NULL, *equals = strchr(argv[i], '=');
        char name[32];
        err_clear(&err);
        if (argv[i][0] != '-' || !argv[i][1]) {
            if (!a->verb && !a->replay && !a->seed_given)
                a->verb = argv[i];
            else if (a->files_n < FILES_MAX)
                a->files[a->files_n++] = argv[i];
            else
                return complain(2, tr(language, "at most %d files can be given at once"), FILES_MAX);
            continue;
        }
        bool joined = equals && (size_t)(equals - argv[i]) < sizeof(name);
        snprintf(name, sizeof(name), "%.*s", joined ? (int)(equals - argv[i]) : (int)sizeof(name) - 1, argv[i]);
        value = joined ? equals + 1 : value;
        bool right = option(a, name, value, &took, &err);
        if (!right || (joined && !took)) {
            wants_complain(name, value, language, &err);
            return complain(2, tr(language, "%s See \"eoul sim help\"."), err.text);
        }
        i += took && !joined;
    }
    return 0;
}

/* --- verbs ---------------------------------------------------------------------------------------- */

static int do_replay(const struct args *a)
{
    struct err err = { .translate = tr_of(language) };
    struct replay_result result;
    int r = replay_file(a->replay, a->mutant, &result, &err);
    if (r == 0) {
        printf("%llu events, all hashes agree\n", (unsigned long long)result.events);
        return 0;
    }
    return complain(err_exit_status(r), "%s", err.text);
}

static int do_seed(const struct args *a)
{
    struct week_result result;
    struct week_options week = { .seed = a->seed, .mutant = a->mutant, .bug = a->bug,
                                 .trace = a->trace || a->verbose ? stdout : NULL, .twice = true,
                                 .with_snapshot = a->snapshot };
    if (a->export && !(week.journal = fopen(a->export, "we")))
        return complain(1, tr(language, "\"%s\" cannot be written: %s"), a->export, strerror(errno));
    bool sound = week_run(&week, &result);
    if (week.journal && fclose(week.journal) != 0)
        return complain(1, tr(language, "\"%s\" cannot be written: %s"), a->export, strerror(errno));
    if (sound)
        printf("seed %" PRIu64 ": %016" PRIx64 " %u jobs, %" PRIu64 " events, %" PRIu64 " decisions, %"
               PRIu64 " starts, %" PRIu64 " lost, %" PRIu64 " restarts, %" PRIu64 " looks\n", a->seed,
               result.digest, result.jobs, result.rows, result.decisions, result.starts, result.lost,
               result.restarts, result.looks);
    else
        printf("seed %" PRIu64 ": %s: %s: %s\n", a->seed, result.verdict.rule, result.clock,
               result.verdict.text);
    printf("1 seeds, %d failed\n", !sound);
    return !sound;
}

static int do_seeds(const struct args *a)
{
    struct seeds_result result;
    struct seeds_options options = { .first = a->first, .n = a->seeds ? a->seeds : 100, .jobs = a->jobs,
                                     .twice = a->twice, .mutant = a->mutant, .bug = a->bug,
                                     .verbose = a->verbose, .out = stdout };
    if (seeds_run(&options, &result) < 0)
        return complain(1, tr(language, "a process for the seeds cannot be started: %s"), strerror(errno));
    return result.failed > 0;
}

static int do_stories(const struct args *a)
{
    uint32_t told = 0, failed = 0;
    for (uint32_t i = 0; i < a->files_n; i++) {
        struct err err = { .translate = tr_of(language) };
        struct story_options options = { .trace = a->trace ? stdout : NULL, .mutant = a->mutant };
        struct story_result result;
        int r = story_run_file(a->files[i], &options, &result, &err);
        told++;
        if (r < 0 || result.failed > 0)
            failed++;
        if (r < 0)
            complain(1, "%s", err.text);
        else if (a->verbose)
            printf("%s: %u of %u as told\n", a->files[i], result.expects - result.failed,
                   result.expects);
    }
    if (told == 0)
        return complain(2, tr(language, "name the stories to tell, for example \"eoul sim story test/story/*.story\""));
    printf("%u stories, %u failed\n", told, failed);
    return failed > 0;
}

static int elsewhere(const char *name, const char *verb)
{
    struct err err = { .translate = tr_of(language) };
    wants_elsewhere(name, verb, &err);
    return complain(2, tr(language, "%s See \"eoul sim help\"."), err.text);
}

static int do_trace(const struct args *a)
{
    if (a->of_team[0])
        return elsewhere(a->of_team, "eoul sim team");
    return compare_run(&a->compare, language);
}

static int do_team(struct args *a)
{
    if (a->compare.trace || a->of_trace[0])
        return elsewhere(a->compare.trace ? "--trace" : a->of_trace, "eoul sim --trace");
    if (a->seed_given)
        a->team.seed = a->seed;
    a->team.seeds = a->seeds ? a->seeds : 1;
    a->team.compare = &a->compare;
    if (a->team.seeds > TEAM_SEEDS_MAX)
        return complain(2, tr(language, "at most %d seeds can be compared at once"), TEAM_SEEDS_MAX);
    return a->team.misstate ? misstate_run(&a->team, language) : team_run(&a->team, language);
}

/* The program that has planted bugs lies beside this one. */
static int become_mutant(char **argv)
{
    char path[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - sizeof(MUTANT_PROGRAM));
    if (n > 0) {
        memcpy(path + n, MUTANT_PROGRAM, sizeof(MUTANT_PROGRAM));
        execv(path, argv);
    }
    return complain(1, tr(language, "planted bugs are in a program of their own, which is not here: %s"), path);
}

int main(int argc, char **argv)
{
    struct args a = { .first = 1, .jobs = 1, .twice = 8 };
    language = lang_from_env(getenv("LC_ALL"), getenv("LC_MESSAGES"), getenv("LANG"),
                             getenv("LANGUAGE"));
    team_defaults(&a.team);
    if (argc > 1 && strcmp(argv[1], "rcpsp") == 0)
        return rcpsp_main(argc - 1, argv + 1, language);
    if (argc > 1 && strcmp(argv[1], "whatif") == 0)
        return whatif_main(argc - 1, argv + 1, language);
    if (argc > 1 && strcmp(argv[1], "mode") == 0)
        return weekly_main(argc - 1, argv + 1, language);
    compare_defaults(&a.compare);
    if (argc > 1 && strcmp(argv[1], "joint") == 0)
        return joint_main(argc - 1, argv + 1, language);
    int r = parse(&a, argc, argv);
    if (r)
        return r;
    bool mutants = a.verb && strcmp(a.verb, "mutants") == 0;
    if ((a.mutant || mutants) && !core_box_has_mutants())
        return become_mutant(argv);
    if (a.replay)
        return do_replay(&a);
    if (a.compare.trace && !a.verb)
        return do_trace(&a);
    if (!a.verb)
        return a.seed_given ? do_seed(&a) : usage(stderr);
    if (strcmp(a.verb, "help") == 0) /* and --help */
        return usage(stdout);
    if (strcmp(a.verb, "seeds") == 0)
        return do_seeds(&a);
    if (strcmp(a.verb, "story") == 0)
        return do_stories(&a);
    if (strcmp(a.verb, "team") == 0)
        return do_team(&a);
    if (mutants)
        return seeds_mutants(a.first, a.seeds ? a.seeds : 100, stdout) > 0;
    return complain(2, tr(language, "\"%s\" is not something the simulator does; see \"eoul sim help\""), a.verb);
}
