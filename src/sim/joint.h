/* joint.h - a team's week as one problem: people's hours, GPUs, watts and tariff together.
 *
 * Time is in steps of `minutes` from Monday 00:00 local.  A job runs unattended: it needs GPUs and watts, and
 * its owner waits for it until they next look after its end.  A todo is a person's work: it advances
 * only in hours that person offers, pauses outside of them unless it must be done whole, and nothing
 * else of that person's runs meanwhile; it is seen when it is done.  Costs: what waiting is worth per hour,
 * from the task's release until it is seen, and electricity at the tariff of each step.
 *
 * The file says one thing a line; `#` begins a comment.  Intervals are half-open, in steps.
 *
 *     steps 336 minutes 30
 *     gpus 4                             how many, and where it differs:
 *     gpus 2 from 96 until 144
 *     watts 3000
 *     watts 2000 from 18 until 36
 *     price 62 from 0 until 336          won per kWh; every step must have one, the last said counts
 *     person mina look 18-44 66-92 work 18-24 26-36
 *     job 1 length 6 gpus 2 watts 700 release 18 owner mina wait 5000
 *     todo 2 length 3 release 18 owner mina wait 5000 whole
 *     link 1 2                           2 starts when 1 has ended, or later
 *
 * Tasks are numbered from 1 in order.  `wait` is won per hour.  Whoever does not look again before the end
 * of time is taken to look then.
 *
 * Costs are counted in 1/60000 won (watts x won per kWh x minutes), which makes them whole.
 *
 * A struct joint owns its arrays; joint_finish frees them and accepts a zeroed one.
 */
#ifndef EOUL_SIM_JOINT_H
#define EOUL_SIM_JOINT_H

#include "base/buf.h"
#include "schedule/cheapest.h"

#define JOINT_BYTES_MAX  (4u << 20)
#define JOINT_PEOPLE_MAX 50
#define JOINT_STEPS_MAX  10000
#define JOINT_NAME_MAX   32
#define JOINT_UNITS_PER_WON 60000

struct joint_span {
    int32_t from, until;
};

struct joint_person {
    char name[JOINT_NAME_MAX];
    uint8_t *look, *work; /* [steps + 1] 1: in that step they look, offer work */
};

struct joint_task {
    bool todo, whole;
    int32_t length, gpus, watts, release;
    int64_t wait;         /* won per hour */
    uint32_t owner;
};

struct joint {
    int32_t steps, minutes;
    int32_t *gpus, *watts, *price; /* [steps] */
    struct joint_person people[JOINT_PEOPLE_MAX];
    uint32_t people_n;
    struct joint_task *tasks;
    uint32_t tasks_n;
    struct schedule_link *links;
    uint32_t links_n;
};

int joint_read(struct str text, struct joint *ret, struct err *err);
void joint_finish(struct joint *j);
void joint_write(const struct joint *j, struct buf *out);

/* The same as the search wants it. */
struct joint_tables {
    struct schedule_input input;
    int32_t *lengths, *releases;
    struct schedule_demand *demands;
    struct schedule_capacity *capacities;
    int64_t *cost; /* [tasks][steps + 1] */
    int32_t *end;  /* [tasks][steps + 1] */
};

/* 0, or E_INVALID with a sentence for a task that fits nowhere (the tables say only where it does). */
int joint_tables(const struct joint *j, struct joint_tables *ret, struct err *err);
void joint_tables_finish(struct joint_tables *t);

/* A made-up week with so many tasks: the same for the same seed and number everywhere. */
void joint_make(uint64_t seed, uint32_t tasks, struct joint *ret);

#endif
