/* Every planted bug is noticed: by the core's invariants, by the engine's own books, by people's rules
 * or by the hash.  Without a bug nothing is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/mutant.h"
#include "core_luck.h"

/* What the test knows of each job from the events alone. */
#define JOBS 4000
struct known {
    bool held;
    bool never; /* makes way for nobody */
    bool waits_for_live; /* afterok of one job that was live: dep */
    job_id dep;
};

static const char *rules(const struct luck *l, struct known *known, const bool *completed)
{
    if (l->ev.kind == EVENT_SUBMIT) {
        const struct ev_submit *e = &l->ev.submit;
        if (e->tasks_n == 0 && e->job < JOBS) {
            known[e->job].never = e->preempt == PREEMPT_NEVER;
            known[e->job].held = e->flags & JOB_HELD;
            known[e->job].waits_for_live = e->deps_n == 1 && e->deps[0].kind == DEP_AFTEROK &&
                                           e->deps[0].outcome == DEP_LIVE && !e->deps[0].scope;
            known[e->job].dep = e->deps_n ? e->deps[0].job : 0;
        }
    }
    if (l->ev.kind == EVENT_RELEASE && !l->ev.release.scope && l->ev.release.job < JOBS)
        known[l->ev.release.job].held = false;
    if (l->ev.kind == EVENT_RELEASE && l->ev.release.scope) /* whole arrays: not followed here */
        for (int i = 0; i < JOBS; i++)
            known[i].held = false;
    for (uint32_t i = 0; i < l->updates_n; i++) {
        const struct core_update *u = &l->updates[i];
        if (u->kind == UPDATE_STOP && u->reason == REASON_PREEMPTED && u->job < JOBS &&
            known[u->job].never)
            return "a job that allows no preemption makes way";
        if (u->kind != UPDATE_START || u->job >= JOBS)
            continue;
        if (known[u->job].held)
            return "a held job started";
        if (known[u->job].waits_for_live && u->attempt == 1 && !completed[known[u->job].dep])
            return "a job started before the one it waits for completed";
    }
    return NULL;
}

/* NULL if this life shows nothing wrong. */
static const char *live(uint64_t seed, enum mutant mutant, uint64_t *ret_hash)
{
    static struct known known[JOBS];
    static bool completed[JOBS];
    struct luck l;
    const char *wrong = NULL;
    memset(known, 0, sizeof known);
    memset(completed, 0, sizeof completed);
    luck_begin(&l, seed, 64);
    core_mutant_set(l.core, mutant);
    uint64_t hash = 0;
    for (int i = 0; i < 600 && !wrong; i++) {
        if (!luck_event(&l))
            continue;
        luck_apply(&l);
        hash = hash * 31 + core_hash(l.core);
        wrong = l.wrong ? l.wrong : core_broken(l.core);
        for (uint32_t u = 0; u < l.updates_n && !wrong; u++)
            if (l.updates[u].kind == UPDATE_STATE && l.updates[u].to == JOB_COMPLETED && l.updates[u].job < JOBS)
                completed[l.updates[u].job] = true;
        wrong = wrong ? wrong : rules(&l, known, completed);
    }
    luck_end(&l);
    *ret_hash = hash;
    return wrong;
}

#define SEEDS 40

static void test_each_is_caught(void **state)
{
    (void)state;
    static const char *const words[] = {
#define X(name, word, rule) word,
        MUTANT_LIST(X)
#undef X
    };
    for (int mutant = MUTANT_NONE; mutant <= MUTANT_BY_ITSELF_MAX; mutant++) {
        int caught = 0, hashes = 0;
        const char *how = "nothing";
        for (uint64_t seed = 1; seed <= SEEDS && caught < 3 && hashes < 3; seed++) {
            uint64_t hash, good;
            const char *wrong = live(seed, (enum mutant)mutant, &hash);
            caught += wrong != NULL;
            how = wrong ? wrong : how;
            if (mutant == MUTANT_AGE) {
                live(seed, MUTANT_NONE, &good);
                hashes += hash != good;
            }
        }
        print_message("%-20s caught in %d lives (%s), hash parts in %d\n", words[mutant], caught, how, hashes);
        if (mutant == MUTANT_NONE)
            assert_int_equal(caught, 0);
        else if (mutant == MUTANT_AGE)
            assert_true(hashes > 0 && caught == 0);
        else
            assert_true(caught > 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_each_is_caught) };
    return cmocka_run_group_tests_name("core_mutant", tests, NULL, NULL);
}
