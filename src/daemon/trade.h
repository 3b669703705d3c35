/* trade.h - what a start rested on (core_trade), as text that a store keeps and gives back.
 *
 *     ready_at=... end_p50_at=... passed=3
 *
 * Decimal numbers by the names of struct core_trade; those that are zero are left out, and those that this build does
 * not know are passed over.  Pure.
 */
#ifndef EOUL_DAEMON_TRADE_H
#define EOUL_DAEMON_TRADE_H

#include <stdbool.h>

#include "base/buf.h"
#include "core/core.h"

#define TRADE_TEXT_MAX 400 /* twelve names and numbers of twenty digits */

void trade_print(struct buf *out, const struct core_trade *t);
/* false: nothing was kept, or it cannot be read. */
bool trade_parse(struct str kept, struct core_trade *ret);

#endif
