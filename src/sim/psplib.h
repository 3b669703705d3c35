/* psplib.h - project scheduling benchmarks as files: bytes in, tasks and resources out.
 *
 * Two notations are read, told apart by what is in them:
 *   .sm, .mm  PSPLIB (Kolisch and Sprecher 1996): sections with headings.  Of the multi-mode files only
 *             those in which every job has one mode.
 *   .rcp      Patterson's: numbers only.  Jobs and resources; capacities; then for each job its length,
 *             its needs, how many follow it and which.
 * Jobs are numbered from 1 in files and sentences, from 0 here.  What cannot be read is refused with a
 * sentence that names the line and what was expected; nothing is guessed.
 *
 * A struct psplib owns its arrays; psplib_finish frees them and accepts a zeroed one.
 */
#ifndef EOUL_SIM_PSPLIB_H
#define EOUL_SIM_PSPLIB_H

#include "base/str.h"
#include "schedule/problem.h"

#define PSPLIB_BYTES_MAX (16u << 20)

struct psplib {
    struct schedule_input input; /* points into the arrays below */
    int32_t *lengths;
    struct schedule_link *links;
    struct schedule_demand *demands;
    struct schedule_capacity *capacities;
};

int psplib_read(struct str text, struct psplib *ret, struct err *err);
void psplib_finish(struct psplib *p);

#endif
