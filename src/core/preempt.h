/* preempt.h - running jobs that may make way, as candidates for the room they have.
 *
 * A job whose owner said --preempt=requeue or =checkpoint stands, once it has run for the quantum, in the
 * same order as those that wait: by the same policy's value of what it has left to do, times the
 * settings' advantage, times what stopping it would cost:
 *
 *     value x advantage x (left + lost) / left
 *
 * lost is a restart for a job that keeps its work, a restart and all it has done for one that begins
 * anew.  dispatch.c walks both together; a runner that finds its room gone to better ones makes way.
 *
 * Values are of quantised time (policy.h): between ticks the same runners stand in the same order.
 */
#ifndef EOUL_CORE_PREEMPT_H
#define EOUL_CORE_PREEMPT_H

#include "core/policy.h"

#define PREEMPT_ANEW_MAX    3 /* a job that begins anew each time makes way so often at most */
#define PREEMPT_PATIENCE_US (5 * USEC_PER_MIN) /* so long room that is being made counts as made */

/* Is it making way, and soon gone? */
bool preempt_leaving(const struct job *j, usec_t boot_at);

/* Runners, best first, and the room they and those that are leaving have.  best: by person the first of
 * those that wait, NULL if nobody was sent first.  marks[job.prev] is 1 for
 * each of them (prev: a busy job's place in the list), else 0.  *ret_again_at: when another may become
 * one, or a leaving one has taken too long. */
uint32_t preempt_runners(struct policy_ctx *ctx, const struct order_key *best,
                         struct order_key *runners, uint8_t *marks, struct room *ret_room,
                         usec_t *ret_again_at);

#endif
