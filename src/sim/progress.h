/* progress.h - a line that says how far a long run is, on a terminal only. */
#ifndef EOUL_SIM_PROGRESS_H
#define EOUL_SIM_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct progress {
    bool shown;     /* standard error is a terminal and something was drawn */
    bool wanted;
    char what[32];
    uint32_t at, of; /* this is run `at` (from 0) of `of` */
    double begun_s, drawn_s;
};

void progress_begin(struct progress *p, bool quiet, const char *what, uint32_t at, uint32_t of);
/* A hook of drive.h; user is a struct progress. */
void progress_jobs(void *user, size_t over, size_t known);
void progress_end(struct progress *p); /* takes the line away */

#endif
