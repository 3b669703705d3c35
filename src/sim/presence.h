/* presence.h - when the people of a workload can look at results: what the policies know, and the truth.
 *
 *     office   Monday to Friday 9 to 18, everybody
 *     infer    each user's usual days and hours, from when they submit (rule in presence.c)
 *     always   round the clock: time-to-eyes is then completion time
 *     told     what a journal says each was told to be there; whoever it says nothing of has the office's hours
 *     DIR      USER.hours (look hours as `eoul me hours` takes them; without it the office's), minus the
 *              busy times of USER.ics
 *
 * Windows are UTC, sorted, disjoint, and cover [from_at, until_at); later the person is taken as there, by
 * the core and here alike.  The half hour after a submit counts for that job (eyes_of_job).
 * Whoever could never look is taken as always there: when nobody will see a result, nothing but its end is left to count, and
 * to nobody's gain it would be seen at the end of the windows.  `known` is what the policies are told.  Truth is the same, or with sessions also half an hour after each
 * submit: somebody who submits on a Sunday night is there, whatever the calendar says.
 */
#ifndef EOUL_SIM_PRESENCE_H
#define EOUL_SIM_PRESENCE_H

#include "cal/hours.h"
#include "sim/trace.h"

#define PRESENCE_SUBMIT_US (30 * USEC_PER_MIN)

struct windows {
    struct span *spans;
    size_t n;
    bool always; /* no windows are needed: always there */
};

struct presence {
    struct windows *known; /* by user */
    struct windows *truth; /* the same pointer, unless sessions were added */
    size_t users_n;
    usec_t from_at, until_at;
    uint32_t inferred, assumed; /* infer: with a pattern of their own, with office hours */
    uint32_t never, never_first; /* users without any hour in which they could look, and one of them: taken as always there */
};

enum presence_kind { PRESENCE_OFFICE, PRESENCE_INFER, PRESENCE_ALWAYS, PRESENCE_TOLD, PRESENCE_DIR };

struct presence_options {
    enum presence_kind kind;
    const char *dir;
    const struct zone *zone;
    bool sessions;
    usec_t until_at; /* windows at least until here */
};

int presence_make(const struct trace *t, const struct presence_options *o, struct presence *ret,
                  struct err *err);
/* Truth parts from what is known: there for half an hour after each submit too. */
void presence_add_sessions(const struct trace *t, struct presence *p);
/* From each user's hours and absences (office.h). */
void presence_of_hours(struct windows *ret, const struct hours *hours, const struct zone *zone,
                       const struct span *away, size_t away_n, usec_t from_at, usec_t until_at);
/* The truth becomes: there for half an hour after each submit too. */
void presence_add_sessions(const struct trace *t, struct presence *p);
void presence_finish(struct presence *p);

/* First instant >= t at which the person is there. */
usec_t presence_eyes(const struct windows *w, usec_t until_at, usec_t t);
bool presence_there(const struct windows *w, usec_t until_at, usec_t t);
/* End of the window that holds t; t itself if the person is away then, USEC_NEVER if it has no end. */
usec_t presence_until(const struct windows *w, usec_t until_at, usec_t t);
/* The instant by which the person has been there for so long, from t on. */
usec_t presence_after(const struct windows *w, usec_t until_at, usec_t t, usec_t there_us);

#endif
