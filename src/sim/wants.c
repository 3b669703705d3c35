/* wants.c - see wants.h. */
#include "sim/wants.h"

#include <string.h>

#define WORD_MAX 32

static const struct {
    const char *name, *wants; /* NULL: it takes no value */
} options[] = {
    { "--agreed", N_("everybody or nobody") },
    { "--bound", N_("a number of steps, 0 to 100000") },
    { "--calendars", N_("office, infer, always or a folder") },
    { "--canary", N_("minutes, 0 to 30") },
    { "--checkpoint", N_("trace, none, all, a share such as 0.3, or a length such as over:4h") },
    { "--closed-loop", NULL },
    { "--early-fail", N_("a share, 0 to 1") },
    { "--estimates", N_("exact, sigma:0.5 (0 to 5), limit or history") },
    { "--export", N_("a file") },
    { "--family", N_("some of office16, office64, leave, zones, overload, sweeps, deadline, long, always, capped, with commas between") },
    { "--first", N_("a number") },
    { "--format", N_("swf, philly, openb, sacct, csv or journal") },
    { "--from", N_("mine, observed, sample or a file") },
    { "--goal", N_("a goal such as \"p90 eyes delay < 4h\"") },
    { "--gpu-price", N_("an amount of money") },
    { "--gpu-years", N_("years, 0.1 to 50") },
    { "--gpus", N_("a number of GPUs; of whatif also some of them, as in +2,+4 or 18,20") },
    { "--have", N_("a number of GPUs") },
    { "--help", NULL },
    { "--json", NULL },
    { "--load", N_("shares of the GPUs' hours, 0.05 to 3, with commas between") },
    { "--misstate", N_("a number of people") },
    { "--mode", N_("weekly, later, plan or area") },
    { "--no-eta", NULL },
    { "--people", N_("a number of people") },
    { "--person-hour", N_("an amount of money") },
    { "--policy", N_("some of booked, fifo, easy, sjf, saf, las, srsf, blend, with commas between and -np or -p behind one") },
    { "--power-cap", N_("kW, as in 6, or \"6 kW; 4 kW Mon-Fri 10:00-18:00\", or none") },
    { "--presence", N_("calendar or sessions") },
    { "--quiet", NULL },
    { "--replay", N_("a file") },
    { "--seed", N_("a number") },
    { "--seeds", N_("a number") },
    { "--set", N_("a setting and a number, as in search_moves=100") },
    { "--shake", N_("a share, 0 to 1") },
    { "--spread", N_("a number, 0 to 2") },
    { "--svg", N_("a file") },
    { "--tariff", N_("a name, a file, or none") },
    { "--team", N_("a name") },
    { "--trace", N_("a file") },
    { "--until", N_("seconds since 1970") },
    { "--watts", N_("watts, 0 to 10000") },
    { "--week", N_("what --json said of a week: its end, its results and 21 sums, with colons between") },
    { "--weeks", N_("a number of weeks, 2 to 110") },
    { "--zone", N_("a zone such as Asia/Seoul") },
};
#define OPTIONS (sizeof options / sizeof options[0])

/* Letters to change, add or leave out between two words. */
static unsigned edits(const char *a, const char *b)
{
    unsigned row[WORD_MAX + 1];
    size_t n = strlen(b);
    for (size_t j = 0; j <= n; j++)
        row[j] = (unsigned)j;
    for (size_t i = 0; a[i]; i++) {
        unsigned corner = row[0];
        row[0] = (unsigned)i + 1;
        for (size_t j = 0; j < n; j++) {
            unsigned least = corner + (a[i] != b[j]);
            corner = row[j + 1];
            least = corner + 1 < least ? corner + 1 : least;
            row[j + 1] = row[j] + 1 < least ? row[j] + 1 : least;
        }
    }
    return row[n];
}

static const char *nearest(const char *name)
{
    const char *found = NULL;
    unsigned best = 3;
    for (size_t i = 0; i < OPTIONS && strlen(name) < WORD_MAX; i++) {
        unsigned n = edits(name, options[i].name);
        if (n < best) {
            best = n;
            found = options[i].name;
        }
    }
    return found;
}

int wants_complain(const char *name, const char *value, enum lang lang, struct err *err)
{
    size_t at = 0;
    if (err->code)
        return err->code;
    while (at < OPTIONS && strcmp(options[at].name, name) != 0)
        at++;
    if (at == OPTIONS) {
        const char *near = nearest(name);
        return near ? err_set(err, E_USAGE, "There is no \"%.60s\" here; did you mean %s?", name, near)
                    : err_set(err, E_USAGE, "There is no \"%.60s\" here.", name);
    }
    if (!options[at].wants)
        return err_set(err, E_USAGE, "%s takes no value.", name);
    const char *wants = tr(lang, options[at].wants);
    if (!value || strncmp(value, "--", 2) == 0)
        return err_set(err, E_USAGE, "%s needs a value: %s.", name, wants);
    return err_set(err, E_USAGE, "%s is not \"%.60s\" here but %s.", name, value, wants);
}

int wants_elsewhere(const char *name, const char *verb, struct err *err)
{
    return err_set(err, E_USAGE, "%s is of \"%s\" and means nothing here.", name, verb);
}
