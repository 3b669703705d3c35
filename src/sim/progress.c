/* progress.c - drawn at most five times a second, and not before a second has gone. */
#include "sim/progress.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define CELLS 30

static double now_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

void progress_begin(struct progress *p, bool quiet, const char *what, uint32_t at, uint32_t of)
{
    *p = (struct progress){ .wanted = !quiet && isatty(2), .at = at, .of = of ? of : 1 };
    snprintf(p->what, sizeof(p->what), "%s", what);
    if (p->wanted)
        p->begun_s = now_s();
}

void progress_jobs(void *user, size_t over, size_t known)
{
    struct progress *p = user;
    char bar[CELLS + 1];
    if (!p->wanted)
        return;
    double now = now_s();
    if (now - p->begun_s < 1 || now - p->drawn_s < 0.2)
        return;
    double part = ((double)p->at + (known ? (double)over / (double)known : 0)) / p->of;
    int full = (int)(part * CELLS);
    memset(bar, '.', CELLS);
    memset(bar, '#', (size_t)(full < 0 ? 0 : full > CELLS ? CELLS : full));
    bar[CELLS] = '\0';
    fprintf(stderr, "\r[%s] %3d%% %-12s", bar, (int)(part * 100), p->what);
    fflush(stderr);
    p->drawn_s = now;
    p->shown = true;
}

void progress_end(struct progress *p)
{
    if (p->shown)
        fprintf(stderr, "\r\033[K");
}
