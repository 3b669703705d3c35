/* rise.h - how much later somebody sees a result whose job starts later (policy_blend.c).
 *
 * For a run of a known length, with nothing due and nobody's presence still going on, the sum over the later starts is a
 * function of the length alone, for everybody who looks: straight between two lengths at which one of the ends crosses an
 * edge of their windows.  Jobs of one person are of some hours each, so few such stretches do for thousands of them; they
 * are remembered, and a decision that makes ten thousand values anew looks into the windows some dozen times.
 *
 * In 64 bits: the caller sees to it that all instants lie within RISE_WITHIN_US of the base, and that in RISE_LATEST_AT.
 */
#ifndef EOUL_CORE_RISE_H
#define EOUL_CORE_RISE_H

#include "core/policy.h"

#define RISE_WITHIN_US ((usec_t)1 << 46) /* two years */
#define RISE_LATEST_AT ((usec_t)1 << 59) /* NODES such instants fit */

extern const int64_t rise_inverse_60[POLICY_STARTS - 1]; /* 60/m for the m of the later starts (policy_ctx.start_us) */

struct rise {
    int64_t seen_at; /* if it starts now */
    int64_t sum;     /* over the later starts of how much later it is then, times 60/m */
};
/* Of a run of run_us; presence_at: until when whoever looks is there whatever their windows say, 0: not now. */
struct rise rise_of_run(const struct policy_ctx *ctx, uint32_t person, usec_t base_at, usec_t presence_at, usec_t run_us);

#endif
