/* bench_cal.c - what reading calendars costs, beside what it cannot avoid.
 *
 * Prints `name TAB value TAB unit` lines: ten people with five calendars of 1,000 events each over
 * 400 days, the floor for it (one pass over the same bytes), a single calendar, and the worst of
 * the calendars made to be slow.  Processor time: the machine may be busy.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cal/expand.h"
#include "cal/zone_load.h"
#include "slow_calendars.h"

#define PEOPLE 10
#define CALENDARS 5
#define WINDOW_FROM (1793491200 * USEC_PER_SEC) /* 2026-11-01 */

static double now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static double expand_ms(struct str bytes, const struct cal_settings *settings, void *memory,
                        size_t *ret_n)
{
    struct cal_expansion e = { 0 };
    double before = now_ms();
    cal_expand(bytes, settings, memory, CAL_MEMORY, &e, NULL);
    *ret_n = e.n;
    return now_ms() - before;
}

static double pass_ms(struct str bytes)
{
    double before = now_ms();
    size_t lines = 0;
    for (const char *p = bytes.ptr, *end = p + bytes.len; (p = memchr(p, '\n', (size_t)(end - p)));
         p++)
        lines++;
    return lines ? now_ms() - before : 0;
}

int main(void)
{
    struct zone seoul;
    struct zone_cache cache;
    struct buf b;
    void *memory = calloc(1, CAL_MEMORY); /* touched before it is timed */
    double all = 0, floor = 0, one = 0, worst = 0;
    const char *name, *worst_name = "";
    size_t n, occurrences = 0;
    zone_cache_init(&cache);
    if (memory == NULL || zone_load(STR("Asia/Seoul"), &seoul, NULL, NULL) < 0)
        return 1;
    memset(memory, 1, CAL_MEMORY);
    struct cal_settings settings = {
        .window = { WINDOW_FROM, WINDOW_FROM + 400 * USEC_PER_DAY },
        .zone = &seoul, .find_zone = zone_cache_find, .find_data = &cache,
    };
    buf_init(&b, CAL_BYTES_MAX);
    for (uint64_t seed = 0; seed < PEOPLE * CALENDARS; seed++) {
        usual_calendar(seed, &b);
        one = expand_ms(buf_look(&b), &settings, memory, &n);
        all += one;
        occurrences += n;
        floor += pass_ms(buf_look(&b));
    }
    printf("calendars: floor, one pass over 10 people x 5 calendars x 1,000 events\t%.1f\tms\t-\tok\n", floor);
    printf("calendars: expand them over 400 days\t%.1f\tms\t-\tok\n", all);
    printf("calendars: each occurrence\t%.3f\tus\t-\tok\n", occurrences ? all * 1e3 / (double)occurrences : 0);
    printf("calendars: one of 1,000 events\t%.2f\tms\t<=200\t%s\n", one, one <= 200 ? "ok" : "short");
    for (unsigned i = 0; (name = slow_calendar(i, &b)) != NULL; i++) {
        double ms = expand_ms(buf_look(&b), &settings, memory, &n);
        fprintf(stderr, "%-26s %7.1f ms\n", name, ms);
        if (ms > worst) {
            worst = ms;
            worst_name = name;
        }
    }
    printf("calendars: slowest of those made to be slow (%s)\t%.1f\tms\t<=200\t%s\n", worst_name, worst,
           worst <= 200 ? "ok" : "short");
    buf_finish(&b);
    free(memory);
    zone_cache_finish(&cache);
    return 0;
}
