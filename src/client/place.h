/* place.h - where the socket and the state live, and whether those places can be trusted.
 *
 *   system mode    /run/eoul/socket, /var/lib/eoul.  If that socket is there, it is the one: when
 * it refuses, nobody falls back to a daemon of their own. personal mode  /tmp/eoul-UID/socket (not
 * the XDG runtime directory, which goes at logout) and $XDG_STATE_HOME/eoul or ~/.local/state/eoul;
 * when the home directory is on a network file system, where SQLite cannot be trusted,
 * /var/tmp/eoul-UID. team           /tmp/eoul-team-GID/socket, made by whoever says `eoul up --team
 * GROUP`, when the person has no socket of their own.  The directory's group proves that its maker
 *                  belonged to it: nobody else may give a directory to that group.
 *   named          EOUL_SOCKET and EOUL_STATE override both (tests, several daemons on one
 * machine). EOUL_STATE alone puts the socket beside it (STATE/socket); EOUL_SOCKET alone keeps the
 * personal state.
 *
 * place_find only looks; place_open_run and place_open_state make what is missing, with 0700, and
 * prove by descriptor that it is a directory of this user that nobody else may enter: a symlink, a
 * foreign owner or a loose mode is refused in one sentence.
 *
 * What eould promises in return: it holds flock() on STATE/lock for life (that settles a race of
 * two starts) with its pid and a newline inside, and makes its socket again on SIGUSR1, so that a
 * cleaned /tmp stops nothing (client/spawn.h sends it).
 *
 * No memory is owned.  Depends on base only: eould uses this file too.
 */
#ifndef EOUL_CLIENT_PLACE_H
#define EOUL_CLIENT_PLACE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/err.h"

#define PLACE_PATH_MAX 1024  /* a state directory; longer ones are refused, not cut */
#define PLACE_SOCKET_MAX 108 /* sun_path, with its NUL */
#define PLACE_GROUPS_MAX 256 /* groups of a person that are looked at for a team's socket */

#define PLACE_SYSTEM_SOCKET "/run/eoul/socket"
#define PLACE_SYSTEM_STATE "/var/lib/eoul"

enum place_mode { PLACE_PERSONAL, PLACE_TEAM, PLACE_SYSTEM, PLACE_NAMED };

struct place {
    enum place_mode mode;
    uid_t uid; /* who asks */
    gid_t gid; /* PLACE_TEAM: the team's group */
    char socket[PLACE_SOCKET_MAX];
    char run_dir[PLACE_SOCKET_MAX]; /* the directory of the socket */
    char state[PLACE_PATH_MAX];
    char home_fs[16]; /* not empty: state is in /var/tmp because home is on this ("nfs") */
    bool run_is_ours; /* run_dir is ours to make: 0700 and owner are insisted on */
};

/* What place_find looks at; a test makes its own.  NULL fields: not set. */
struct place_env {
    uid_t uid;
    const char *socket, *state;         /* EOUL_SOCKET, EOUL_STATE */
    const char *home, *xdg_state_home;  /* home NULL: from /etc/passwd */
    const char *system_socket;          /* PLACE_SYSTEM_SOCKET */
    const char *tmp, *var_tmp, *passwd; /* "/tmp", "/var/tmp", "/etc/passwd" */
    const gid_t *groups;
    size_t groups_n;
    gid_t groups_own[PLACE_GROUPS_MAX]; /* memory for place_env_of_process */
};

void place_env_of_process(struct place_env *ret);

/* Where things are for this person.  Makes nothing. */
int place_find(const struct place_env *env, struct place *ret, struct err *err);
/* The same for the system's daemon and for a team's. */
int place_of_system(struct place *ret, struct err *err);
int place_of_team(const struct place_env *env, gid_t gid, struct place *ret, struct err *err);

/* Make (if missing), check and open the directory: a descriptor, or a negative E_*.  open_run on a
 * PLACE_TEAM place gives it group access (0750). */
int place_open_run(const struct place *p, struct err *err);
int place_open_state(const struct place *p, struct err *err);

/* May a client speak to the socket here?  E_NOT_FOUND (no directory yet: nobody runs) or E_DENIED
 * with a sentence. */
int place_check_run(const struct place *p, struct err *err);

/* The kind of network file system `path`, or its nearest existing parent, is on ("nfs", "cifs",
 * ...), or NULL.  Static. */
const char *place_network_fs(const char *path);

/* Home directory of a user from a passwd file, without NSS; E_NOT_FOUND if it is not there. */
int place_home(const char *passwd, uid_t uid, char *ret, size_t size);
/* Login name of a user likewise; its number as text if it has none. */
void place_user_name(const char *passwd, uid_t uid, char *ret, size_t size);

#endif
