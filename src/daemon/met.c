/* met.c - see met.h. */
#include "daemon/met.h"

#include <stdio.h>

#include "daemon/internal.h"

#define LINE_MAX_BYTES 1024 /* twenty numbers with their names */

/* Without people's words and whose they are: no replay asks. */
static void unname(struct core_event *ev)
{
    switch (ev->kind) {
    case EVENT_RESERVE: ev->reserve.name0 = ev->reserve.name1 = ev->reserve.name2 = ev->reserve.name3 = 0; break;
    case EVENT_UNRESERVE: ev->unreserve.by = 0; break;
    case EVENT_BOOST:
        ev->boost = (struct ev_boost){ .boost = ev->boost.boost, .kind = ev->boost.kind, .target = ev->boost.target,
                                       .until_at = ev->boost.until_at };
        break;
    case EVENT_UNBOOST: ev->unboost.by = 0; break;
    default: break;
    }
}

int met_note(struct daemon *d, const struct core_event *ev)
{
    char what[32], memory[LINE_MAX_BYTES];
    struct core_event kept = *ev;
    struct store_met m = { .wall_at = ev->wall_at };
    struct buf line;
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
    unname(&kept);
    buf_init_fixed(&line, memory, sizeof memory);
    event_print(&line, &kept);
    if (line.failed)
        return line.failed;
    m.what = str_of(what);
    m.line = buf_look(&line);
    return store_met_add(d->store, &m);
}
