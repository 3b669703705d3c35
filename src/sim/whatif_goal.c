/* whatif_goal.c - what a person wants, in a line: "p90 eyes delay < 4h". */
#include <stdio.h>
#include <string.h>

#include "sim/whatif.h"

static const struct { const char *words; enum goal_what what; } whats[] = {
    { "eyes delay", GOAL_DELAY }, { "delay until seen", GOAL_DELAY }, { "delay", GOAL_DELAY },
    { "time to eyes", GOAL_TTE }, { "time-to-eyes", GOAL_TTE }, { "tte", GOAL_TTE },
    { "wait", GOAL_WAIT }, { "results", GOAL_RESULTS }, { "utilisation", GOAL_UTILISATION },
    { "utilization", GOAL_UTILISATION },
};
static const struct { const char *word; enum goal_of of; } ofs[] = {
    { "mean", GOAL_MEAN }, { "p50", GOAL_P50 }, { "median", GOAL_P50 }, { "p90", GOAL_P90 }, { "p95", GOAL_P95 },
};

/* Does `s` begin with this word?  Takes it off. */
static bool take(struct str *s, const char *word)
{
    size_t n = strlen(word);
    if (s->len < n || !str_is_nocase(str_slice(*s, 0, n), word))
        return false;
    *s = str_trim(str_slice(*s, n, s->len));
    return true;
}

/* "4h", "90m", "1.5d", "30 min"; a bare number only where no length is meant. */
static bool amount(struct str s, bool length, double *ret)
{
    static const struct { const char *unit; double hours; } units[] = {
        { "min", 1 / 60.0 }, { "m", 1 / 60.0 }, { "hours", 1 }, { "h", 1 }, { "days", 24 }, { "d", 24 },
        { "%", 0.01 } };
    size_t n = 0;
    usec_t value;
    while (n < s.len && ((s.ptr[n] >= '0' && s.ptr[n] <= '9') || s.ptr[n] == '.'))
        n++;
    struct str unit = str_trim(str_slice(s, n, s.len));
    if (n == 0 || !trace_seconds(str_slice(s, 0, n), &value))
        return false;
    *ret = (double)value / 1e6;
    if (unit.len == 0)
        return !length;
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        if (str_is_nocase(unit, units[i].unit) && (units[i].unit[0] == '%') != length) {
            *ret *= units[i].hours;
            return true;
        }
    }
    return false;
}

static int not_understood(struct str text, struct err *err)
{
    text = str_slice(text, 0, 60);
    return err_set(err, E_INVALID, "The goal \"%.*s\" is not understood; write for example \"p90 eyes delay < 4h\", "
                   "\"mean time to eyes < 1d\", \"results > 20\" or \"utilisation < 0.8\".", STR_ARG(text));
}

int goal_parse(struct str text, struct goal *ret, struct err *err)
{
    struct goal g = { .given = true, .of = GOAL_MEAN };
    struct str s = str_trim(text);
    bool known = false;
    for (size_t i = 0; i < sizeof ofs / sizeof ofs[0]; i++) {
        if (take(&s, ofs[i].word)) {
            g.of = ofs[i].of;
            break;
        }
    }
    for (size_t i = 0; i < sizeof whats / sizeof whats[0] && !known; i++) {
        known = take(&s, whats[i].words);
        g.what = whats[i].what;
    }
    g.below = take(&s, "<=") || take(&s, "<");
    bool length = g.what == GOAL_DELAY || g.what == GOAL_TTE || g.what == GOAL_WAIT;
    if (!known || (!g.below && !take(&s, ">=") && !take(&s, ">")) || !amount(s, length, &g.value)
        || (g.of != GOAL_MEAN && g.what != GOAL_DELAY && g.what != GOAL_TTE) || text.len >= sizeof(g.text))
        return not_understood(text, err);
    snprintf(g.text, sizeof(g.text), "%.*s", STR_ARG(str_trim(text)));
    *ret = g;
    return 0;
}
