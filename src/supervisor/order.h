/* order.h - system mode: what a user signed, on its way through a daemon that need not be believed.
 *
 * The order is the job's canonical text and the environment captured with it; its hash (spec_order_hash) is
 * in the user's ticket (launcher/ticket.h), and the launcher tells it to the supervisor it starts.  Between
 * them stands the daemon, which keeps the order and adds facts: numbers and GPUs, nothing that says what runs.
 *
 *     daemon      order_request    order + environment + facts ─▶ request
 *     supervisor  order_take       hash again, compare, make the real request from the order and the facts
 *
 * What a daemon that was taken over can still do with an order: run it later, on other GPUs, with another
 * time limit, or again, as often as the ticket allows.  Not: run anything else, or in another's name.
 */
#ifndef EOUL_SUPERVISOR_ORDER_H
#define EOUL_SUPERVISOR_ORDER_H

#include "supervisor/make.h"
#include "supervisor/request.h"

/* What the launcher tells a supervisor in its arguments. */
struct order_terms {
    uint8_t hash[32];
    uint32_t task;    /* of an array, from 0 */
    uid_t daemon_uid; /* may follow the attempt beside the job's own user and root */
};

int order_request(const struct spec *spec, struct str environment_block, const struct make_facts *facts,
                  struct request_builder *b);

/* Replace *r, which holds an order, by the request it means.  E_DENIED: it is not what was signed, or the facts
 * go beyond it; other errors as request_read.  On failure *r is as it was. */
int order_take(struct request *r, const struct order_terms *terms, struct err *err);

#endif
