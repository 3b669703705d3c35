/* office.h - made-up teams: who is there when, and what they run.  The recipe of doc/planner.md.
 *
 * A *family* is one kind of team; a seed, one such team.  People are at their desks nine to six, an hour more or
 * less at either end, Monday to Friday, with days off.  Each has eight scripts in use; every week a quarter of them
 * is replaced.  A script has a width and a typical length, its runs differ by `spread` (log standard deviation).
 * All together lengths are 60 % around 8 min (log-sd 1.0), 28 % around 3 h (.8), 12 % around 14 h (.6); widths 1, 2, 4,
 * 8 at 62, 18, 14, 6 %.  15 % of submissions come between 18 and 25 h, a quarter are bursts of up to six.
 *
 *     office16    12 people, 16 GPUs                    zones       half in Seoul, half in Berlin
 *     office64    32 people, 64 GPUs                    sweeps      two thirds of the work in sweeps of 10 to 60 short runs
 *     leave       20 % days off, leaves, three holidays deadline    in two weeks all want twice as much
 *     overload    asks for more than there is           long        few short runs: 25 % around 14 h, 15 % around 30 h
 *     always      the control: submits and looks around the clock
 *     capped      scripts that take 40 to 100 % of their GPUs' 300 W, under a cap of 170 W for each GPU there is
 */
#ifndef EOUL_SIM_OFFICE_H
#define EOUL_SIM_OFFICE_H

#include "energy/powercap.h"
#include "sim/presence.h"

#define OFFICE_FAMILY_LIST(X) \
    X(OFFICE_16, "office16") X(OFFICE_64, "office64") X(OFFICE_LEAVE, "leave") X(OFFICE_ZONES, "zones") \
    X(OFFICE_OVERLOAD, "overload") X(OFFICE_SWEEPS, "sweeps") X(OFFICE_DEADLINE, "deadline") \
    X(OFFICE_LONG, "long") X(OFFICE_ALWAYS, "always") X(OFFICE_CAPPED, "capped")
enum office_family {
#define X(name, word) name,
    OFFICE_FAMILY_LIST(X)
#undef X
    OFFICE_FAMILY_COUNT
};

struct office_options {
    enum office_family family;
    uint32_t gpus, people; /* 0: the family's; people given GPUs alone: 3 for each 4 */
    uint32_t weeks;
    double load;           /* share of the GPUs' hours that is asked for; 0: the family's */
    double spread;         /* of the runs of a script */
    uint64_t seed;
};

struct office {
    struct trace trace;       /* jobs of `weeks` weeks from Monday 2 March 2026 */
    struct presence presence; /* until half a year later */
    struct zone zone;         /* the first person's */
    uint32_t gpus, people;
    bool capped;
    struct powercap cap;      /* on power, where it is capped: the family's, until the caller has its own */
};

const char *office_family_word(enum office_family family);
int office_family_parse(struct str word, enum office_family *ret);

void office_make(const struct office_options *o, struct office *ret);
void office_finish(struct office *o);

#endif
