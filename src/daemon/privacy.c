/* privacy.c - how much of other people's jobs is shown: `others_jobs` of eoul.yaml.
 *
 * Everything is shown to whoever submitted a job, whom it belongs to, and operators.  To all others, viewers too:
 *
 *     full       its name, owner, state, times; never arguments, directory, environment, script, output
 *     no-names   the same without its name and whatever else is its author's own words
 *     busy-only  that something runs or waits there, how large it is and until when
 *
 * This is the only place that decides; view.c empties the rows, and what shows more than a row (one job, why, a
 * sweep, who holds a GPU, what is kept for whom) asks here.
 */
#include "daemon/calendars.h"
#include "daemon/internal.h"

enum config_shown daemon_shown(const struct daemon *d, const struct op_peer *peer, int64_t submitter_uid,
                               person_no owner)
{
    if (!peer || d->config->others_jobs == SHOWN_FULL || submitter_uid == (int64_t)peer->uid ||
        daemon_is_operator(d, peer))
        return SHOWN_FULL;
    return owner && owner == people_find_uid(d->people, peer->uid) ? SHOWN_FULL : d->config->others_jobs;
}

usec_t daemon_eyes_shown(const struct daemon *d, const struct op_peer *peer, const struct core_job *job,
                         usec_t eyes_at, usec_t end_at)
{
    person_no looks = job->reviewer ? job->reviewer : job->owner;
    bool exact = !peer || eyes_at == 0 || eyes_at == USEC_NEVER || eyes_at == end_at ||
                 calendars_may(d->people, d, peer, looks, NULL) == 0;
    return exact ? eyes_at : (eyes_at + HOURS_GRAIN_US - 1) / HOURS_GRAIN_US * HOURS_GRAIN_US;
}
