/* forget.c - what a person has deleted of themself, in one turn (OP_ME with `forget`).
 *
 * Their calendars, channels, feeds and links and how these are opened, what they said of their hours, zone and language, what was
 * refused to them, and what they called work by hand that is over.  The number and the name stay: the journal and the jobs speak of them.
 */
#include "daemon/calendars.h"
#include "daemon/feeds.h"
#include "daemon/internal.h"
#include "daemon/links.h"
#include "daemon/notices.h"

int forget_op(struct daemon *d, const struct op *op, struct err *err)
{
    person_no own = people_find_uid(d->people, op->peer.uid);
    person_no no = op->for_person.len ? people_find_name(d->people, op->for_person) : own;
    if (!no && !op->for_person.len && refusals_forget(d, &op->peer.uid, 0) > 0)
        return 0; /* who only looked, and was refused something, is nobody yet */
    if (!no)
        return err_set(err, E_NOT_FOUND, "There is nothing stored that could be deleted.");
    int code = calendars_may(d->people, d, &op->peer, no, err);
    if (code == 0)
        code = calendars_remove_all(d->people, d, no, err);
    if (code == 0)
        code = notices_remove_all(d, no, err);
    if (code == 0)
        code = feeds_remove_all(d, no, err);
    if (code == 0)
        code = links_remove_all(d, no, err);
    if (code == 0)
        code = people_unsay(d->people, d, no, err);
    if (code < 0)
        return code;
    passed_forget(d, no);
    refusals_forget(d, no == own ? &op->peer.uid : NULL, no);
    code = store_todos_unname(d->store, no);
    return code < 0 ? d->broken = err_set(err, code, "The change could not be stored.") : 0;
}
