/* spawn.h - start the person's own daemon, once, whoever else is starting it too.
 *
 * eould is executed as
 *
 *     eould --ready-fd 3 [--team GROUP] [--config FILE]
 *
 * by a child that has left the session (setsid, second fork), with standard input /dev/null,
 * standard output and error appended to STATE/eould.log (0600), working directory /, umask 077, no
 * inherited signal mask, an environment of the few variables below, and descriptor 3, on which it
 * writes one line and closes it:
 *
 *     ok             the socket listens
 *     other PID      another daemon holds STATE/lock; that one will do
 *     anything else  the sentence that says why it cannot start (it then exits)
 *
 * A daemon that dies without a line: the last line of its log is shown.  After "other" the socket
 * of that daemon is awaited; should it not appear at once (a cleaned /tmp), the daemon gets
 * SIGUSR1, which asks it to make its socket again.  All waiting is bounded by SPAWN_US_MAX.
 *
 * Passed on: PATH HOME USER LOGNAME LANG LC_ALL LC_MESSAGES LANGUAGE TZ XDG_STATE_HOME
 * XDG_CONFIG_HOME and every EOUL_*.  A job's environment comes with its submit, never from the
 * daemon's.
 */
#ifndef EOUL_CLIENT_SPAWN_H
#define EOUL_CLIENT_SPAWN_H

#include "base/err.h"
#include "base/usec.h"
#include "client/http.h"
#include "client/place.h"

#define SPAWN_US_MAX (20 * USEC_PER_SEC) /* a store of 100,000 jobs opens in a second */
#define SPAWN_LINE_MAX 1024

struct spawn_options {
    const char *eould; /* path; NULL: beside this program, else in the directory it was built for */
    const char *team;  /* group, or NULL */
    const char *config; /* file, or NULL */
};

/* Start it and connect.  *ret_started: false when somebody else's start was first. */
int spawn_daemon(const struct place *p, const struct spawn_options *o, const char *lang,
                 struct http *ret, bool *ret_started, struct err *err);

/* Wait until the place can be connected to (a daemon that restarts), at most timeout_us. */
int spawn_await(const struct place *p, const char *lang, usec_t timeout_us, struct http *ret,
                struct err *err);

#endif
