/* verdict.h - the first thing that was wrong in a run, in one sentence. */
#ifndef EOUL_SIM_VERDICT_H
#define EOUL_SIM_VERDICT_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>

#define VERDICT_RULE_MAX 32
#define VERDICT_TEXT_MAX 400

struct verdict {
    bool broken;
    char rule[VERDICT_RULE_MAX]; /* which invariant: a short stable word, as doc/simulator.md lists */
    char text[VERDICT_TEXT_MAX]; /* numbers; the caller puts the time before it */
};

/* Only the first is kept: what follows a broken promise is noise. */
static inline void __attribute__((format(printf, 3, 4)))
verdict_break(struct verdict *v, const char *rule, const char *format, ...)
{
    if (v->broken)
        return;
    va_list args;
    v->broken = true;
    snprintf(v->rule, sizeof(v->rule), "%s", rule);
    va_start(args, format);
    vsnprintf(v->text, sizeof(v->text), format, args);
    va_end(args);
}

#endif
