/* misstate.h - `eoul sim team --misstate N`: what does it bring to say other hours than one's own?
 *
 * Each seed is one made-up team.  Once everybody says when they can look; then, one at a time, one of its first N people
 * says something else while all others stay honest, and everybody is there when they are there.  What is compared is the
 * mean time from that person's submits until they can look, by their true hours.  gain = 1 - misstated / honest: 0.02
 * is two per cent sooner, below 0 the wrong hours cost their teller.
 *
 *     narrower   an hour and a half less at either end of every stretch
 *     wider      two hours more before and three behind every stretch
 *     mornings   the first half of every stretch
 *     always     round the clock
 */
#ifndef EOUL_SIM_MISSTATE_H
#define EOUL_SIM_MISSTATE_H

#include "sim/team.h"

#define MISSTATE_LIST(X) \
    X(MISSTATE_NARROWER, "narrower") X(MISSTATE_WIDER, "wider") X(MISSTATE_MORNINGS, "mornings") \
    X(MISSTATE_ALWAYS, "always")
enum misstate {
#define X(name, word) name,
    MISSTATE_LIST(X)
#undef X
    MISSTATE_COUNT
};
const char *misstate_word(enum misstate how);

/* `w` as that says it, in [from_at, until_at); sorted and disjoint.  The caller frees ret->spans. */
void misstate_windows(enum misstate how, const struct windows *w, usec_t from_at, usec_t until_at,
                      struct windows *ret);
/* All families, loads and seeds with the first policy; prints a table or JSON.  An exit status. */
int misstate_run(const struct team_options *t, enum lang lang);

#endif
