/* doctor_system.c - see doctor.h: is system mode whole?
 *
 * Directories are looked at by owner and mode as systemd/eoul.tmpfiles makes them; the daemon's user is whoever owns its
 * state, as for the launcher.  $EOUL_DOCTOR_ROOT, for tests, stands before every path.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/io.h"
#include "cli/doctor.h"

#define CONFIGURATION "/etc/eoul/eoul.yaml"
#define DAEMON_STATE "/var/lib/eoul"
#define LAUNCHER_SOCKET "/run/eoul-launcher/socket"

static const char *const unit_places[] = { "/etc/systemd/system", "/usr/local/lib/systemd/system",
                                           "/usr/lib/systemd/system", "/lib/systemd/system" };
#define UNIT_PLACES_N (sizeof unit_places / sizeof unit_places[0])

static bool look(const char *path, struct stat *ret)
{
    char full[PLACE_PATH_MAX];
    const char *root = getenv("EOUL_DOCTOR_ROOT");
    return (size_t)snprintf(full, sizeof full, "%s%s", root ? root : "", path) < sizeof full && lstat(full, ret) == 0;
}

static bool unit_is_installed(const char *unit)
{
    char path[256];
    struct stat st;
    for (size_t i = 0; i < UNIT_PLACES_N; i++) {
        snprintf(path, sizeof path, "%s/%s", unit_places[i], unit);
        if (look(path, &st))
            return true;
    }
    return false;
}

/* Directories: whose they are, and what nobody else may. */
static void check_places(struct doctor *d, uid_t daemon_uid)
{
    enum owner { ROOT, DAEMON, HELPER };
    static const struct { const char *path; enum owner owner; mode_t refused; } places[] = {
        { DAEMON_STATE, DAEMON, 0077 }, { "/var/lib/eoul-fetch", HELPER, 0077 }, { "/var/lib/eoul-launcher", ROOT, 0022 },
        { "/run/eoul", DAEMON, 0022 }, { "/run/eoul-launcher", ROOT, 0022 } };
    int wrong = 0;
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        struct stat st;
        bool there = look(places[i].path, &st) && S_ISDIR(st.st_mode);
        bool owned = there && (places[i].owner == ROOT     ? st.st_uid == 0
                               : places[i].owner == DAEMON ? st.st_uid != 0 && st.st_uid == daemon_uid
                                                           : st.st_uid != 0 && st.st_uid != daemon_uid);
        if (!there)
            doctor_say(d, BAD, "system", tr(d->cli->lang, "%s is not there; run \"systemd-sysusers && systemd-tmpfiles --create\"."),
                       places[i].path);
        else if (!owned)
            doctor_say(d, BAD, "system", tr(d->cli->lang, "%1$s belongs to user %2$u, which is wrong; run \"systemd-tmpfiles "
                                                          "--create\"."), places[i].path, (unsigned)st.st_uid);
        else if (st.st_mode & places[i].refused)
            doctor_say(d, BAD, "system", tr(d->cli->lang, "%1$s is open to others (%2$04o); run \"systemd-tmpfiles --create\"."),
                       places[i].path, (unsigned)(st.st_mode & 07777));
        wrong += !there || !owned || (st.st_mode & places[i].refused) != 0;
    }
    if (wrong == 0)
        doctor_say(d, GOOD, "system", tr(d->cli->lang, "Its directories belong to whom they should."));
}

static void check_configuration(struct doctor *d)
{
    struct stat st;
    if (look(CONFIGURATION, &st) && (st.st_uid != 0 || (st.st_mode & 0022)))
        doctor_say(d, BAD, "system", tr(d->cli->lang, "%s can be changed by others than root; run \"chown root:root\" and \"chmod "
                                                      "644\" on it."), CONFIGURATION);
}

static void check_units(struct doctor *d)
{
    static const char *const units[] = { "eould.service", "eoul-launcher.service", "eoul-launcher.socket",
                                         "eoul-jobs.service" };
    static const char *const enabled[] = { "/etc/systemd/system/multi-user.target.wants/eould.service",
                                           "/etc/systemd/system/sockets.target.wants/eoul-launcher.socket" };
    struct stat st;
    bool all = true, on = true;
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        if (unit_is_installed(units[i]))
            continue;
        all = false;
        doctor_say(d, NOTE, "units", tr(d->cli->lang, "%s is not installed, so system mode does not come back by itself after a "
                                                      "restart; reinstall eoul."), units[i]);
    }
    for (size_t i = 0; i < sizeof enabled / sizeof enabled[0]; i++)
        on = on && look(enabled[i], &st);
    if (all && !on)
        doctor_say(d, NOTE, "units", tr(d->cli->lang, "Not all of them start with the machine; run \"systemctl enable --now "
                                                      "eoul-launcher.socket eould\"."));
    else if (all)
        doctor_say(d, GOOD, "units", tr(d->cli->lang, "All of them are installed and start with the machine."));
}

static void check_launcher(struct doctor *d)
{
    struct sockaddr_un name = { .sun_family = AF_UNIX };
    const char *root = getenv("EOUL_DOCTOR_ROOT");
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    errno = ENAMETOOLONG;
    bool fits = (size_t)snprintf(name.sun_path, sizeof name.sun_path, "%s%s", root ? root : "", LAUNCHER_SOCKET) <
                sizeof name.sun_path;
    if (fits && fd >= 0 && connect(fd, (struct sockaddr *)&name, sizeof name) == 0)
        doctor_say(d, GOOD, "launcher", tr(d->cli->lang, "It can be reached."));
    else
        doctor_say(d, BAD, "launcher", tr(d->cli->lang, "%1$s does not answer (%2$s), so nothing can be submitted or started; run "
                                                        "\"systemctl start eoul-launcher.socket eoul-launcher\"."),
                   LAUNCHER_SOCKET, strerror(errno));
    io_close(&fd);
}

/* Only root can see these. */
static void check_as_root(struct doctor *d)
{
    struct stat st;
    if (!look("/var/lib/eoul-launcher/key", &st))
        return; /* it is made when the launcher first begins */
    if (st.st_uid != 0 || (st.st_mode & 0077))
        doctor_say(d, BAD, "launcher", tr(d->cli->lang, "/var/lib/eoul-launcher/key, which signs tickets, could be read by others: "
                                                        "remove it and run \"systemctl restart eoul-launcher\". Jobs that wait "
                                                        "must then be submitted again."));
    else
        doctor_say(d, GOOD, "launcher", tr(d->cli->lang, "Its key is root's alone."));
}

void doctor_system(struct doctor *d)
{
    struct stat state;
    bool there = look(DAEMON_STATE, &state);
    if (d->cli->place.mode != PLACE_SYSTEM && !there && !getenv("EOUL_DOCTOR_ROOT"))
        return; /* nobody set it up */
    check_places(d, there ? state.st_uid : 0);
    check_configuration(d);
    check_units(d);
    check_launcher(d);
    if (geteuid() == 0)
        check_as_root(d);
    else
        doctor_say(d, NOTE, "system", tr(d->cli->lang, "\"sudo eoul doctor\" sees more."));
    if (d->cli->place.mode == PLACE_SYSTEM)
        doctor_space(d, DAEMON_STATE);
}
