/* met.c - see met.h. */
#include "daemon/met.h"

#include <stdio.h>

#include "daemon/internal.h"

int met_note(struct daemon *d, const struct core_event *ev, struct str line)
{
    char what[32];
    struct store_met m = { .wall_at = ev->wall_at, .line = line };
    switch (ev->kind) {
    case EVENT_GPU: snprintf(what, sizeof what, "gpu %u", ev->gpu.gpu); break;
    case EVENT_QUEUE: snprintf(what, sizeof what, "queue"); break;
    case EVENT_RESERVE:
        snprintf(what, sizeof what, "reserve %u", ev->reserve.reservation);
        m.until_at = ev->reserve.until_at;
        break;
    case EVENT_UNRESERVE:
        snprintf(what, sizeof what, "reserve %u", ev->unreserve.reservation);
        m.until_at = ev->wall_at;
        break;
    case EVENT_BOOST:
        snprintf(what, sizeof what, "boost %u", ev->boost.boost);
        m.until_at = ev->boost.until_at;
        break;
    case EVENT_UNBOOST:
        snprintf(what, sizeof what, "boost %u", ev->unboost.boost);
        m.until_at = ev->wall_at;
        break;
    default: return 0;
    }
    m.what = str_of(what);
    return store_met_add(d->store, &m);
}
