/* solving.h - what `eoul sim rcpsp` and `eoul sim joint` have in common: options, time, files, JSON.
 *
 * Searches count iterations and know no clock.  Seconds are processor time (neighbours on the machine must
 * not count) and are handed out in slices of iterations, as many as the pace so far gives for 5 ms.
 */
#ifndef EOUL_SIM_SOLVING_H
#define EOUL_SIM_SOLVING_H

#include <stdio.h>

#include "base/buf.h"
#include "i18n/tr.h"

struct solving {
    enum lang language;
    const char *verb;    /* "eoul sim rcpsp": before each sentence */
    double seconds;
    uint64_t iterations; /* 0: by time */
    uint64_t seed;
    bool json, starts;
    uint64_t make;       /* --make, --tasks: only where `can_make` */
    uint32_t tasks;
    bool can_make, makes;
    char **files;        /* in argv */
    int files_n;
};

/* Options and files from argv[1..]; argv is reordered.  0, or an exit status after a sentence;
 * *ret_help: --help was asked for. */
int solving_parse(struct solving *s, int argc, char **argv, bool *ret_help);

/* One sentence on standard error. */
void solving_complain(const struct solving *s, const char *path, const char *sentence);

/* The bytes of a file; 0, or 1 after a sentence.  Initialises *text in any case. */
int solving_read(const struct solving *s, const char *path, size_t max, struct buf *text);

/* Hand out the budget: `run` is called with more and more iterations until it says that it is done,
 * they are over, or the time since `begin` (solving_cpu) is. */
double solving_cpu(void);
void solving_spend(const struct solving *s, double begin, bool (*run)(void *what, uint64_t iterations),
                   void *what);

void solving_put_text(const char *text); /* as a JSON string */
const char *solving_name(const char *path); /* behind the last slash */
void solving_put_starts(const struct solving *s, const int32_t *start, uint32_t n); /* if asked for */

#endif
