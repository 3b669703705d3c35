/* faults.h - what breaks in a made-up week, and when; at the end of it everything is whole again.
 *
 *     of the daemon    crash at a point of its turn, kill between turns
 *     of its disk      full at a commit; an I/O error, after which the commit is there or is not
 *     of the clock     the wall clock is set
 *     of the machine   power failure, suspend, a supervisor that dies, a GPU that falls off the bus, a foreign process on one
 *
 * Drawn from two streams: what was added later has its own, so that a seed keeps the rest of its week.
 */
#ifndef EOUL_SIM_FAULTS_H
#define EOUL_SIM_FAULTS_H

#include "sim/world.h"

enum { FAULTS_FIRST = WORLD_KINDS, FAULTS_LATER, FAULTS_FOREIGN_ENDS, FAULTS_GPU_BACK, FAULTS_KINDS }; /* timers */

struct faults {
    struct world *world;
    struct prng first, later;
    uint32_t gpus_n;
    usec_t clock_off_us; /* sum of the jumps, taken back when calm returns */
    uint64_t n;          /* that happened */
};

void faults_init(struct faults *f, struct world *world, uint64_t seed);
/* Five at least of the first stream, two of the later one. */
void faults_plan(struct faults *f, uint32_t gpus_n, usec_t from_at, usec_t for_us);
/* A timer of theirs; false: it is somebody else's. */
bool faults_timer(struct faults *f, uint32_t kind, uint32_t what);
/* No more of them: the clock is right, disks and GPUs are there, nobody else uses them. */
void faults_end(struct faults *f);

#endif
