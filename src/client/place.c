/* place.c - see place.h. */
#include "client/place.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/io.h"
#include "base/str.h"

#define PASSWD_BYTES_MAX                                                                           \
    (4 * 1024 * 1024) /* a large site's file; more belongs into a directory service */

void place_env_of_process(struct place_env *ret)
{
    *ret = (struct place_env){
        .uid = geteuid(),
        .socket = getenv("EOUL_SOCKET"),
        .state = getenv("EOUL_STATE"),
        .home = getenv("HOME"),
        .xdg_state_home = getenv("XDG_STATE_HOME"),
        .system_socket = PLACE_SYSTEM_SOCKET,
        .tmp = "/tmp",
        .var_tmp = "/var/tmp",
        .passwd = "/etc/passwd",
    };
    int n = getgroups(PLACE_GROUPS_MAX - 1, ret->groups_own);
    ret->groups = ret->groups_own;
    ret->groups_n = n < 0 ? 0 : (size_t)n;
    ret->groups_own[ret->groups_n++] = getegid(); /* not always among the others */
}

/* --- who -------------------------------------------------------------------------------------- */

/* The line of a user in passwd, split into its first six fields. */
static int passwd_line(const char *passwd, uid_t uid, struct buf *text, struct str field[6])
{
    int r = io_read_file(AT_FDCWD, passwd, text);
    if (r < 0)
        return r;
    struct str rest = buf_look(text);
    struct str line;
    while (str_next(&rest, '\n', &line)) {
        size_t n = 0;
        struct str piece;
        while (n < 6 && str_next(&line, ':', &piece))
            field[n++] = piece;
        uint64_t number;
        if (n == 6 && str_u64(field[2], &number) == 0 && number == uid)
            return 0;
    }
    return E_NOT_FOUND;
}

static int copy_field(struct str from, char *ret, size_t size)
{
    if (from.len == 0 || from.len >= size || memchr(from.ptr, '\0', from.len))
        return E_NOT_FOUND;
    memcpy(ret, from.ptr, from.len);
    ret[from.len] = '\0';
    return 0;
}

int place_home(const char *passwd, uid_t uid, char *ret, size_t size)
{
    struct buf text;
    struct str field[6];
    buf_init(&text, PASSWD_BYTES_MAX);
    int r = passwd_line(passwd, uid, &text, field);
    if (r == 0)
        r = copy_field(field[5], ret, size);
    buf_finish(&text);
    return r;
}

void place_user_name(const char *passwd, uid_t uid, char *ret, size_t size)
{
    struct buf text;
    struct str field[6];
    buf_init(&text, PASSWD_BYTES_MAX);
    if (passwd_line(passwd, uid, &text, field) < 0 || copy_field(field[0], ret, size) < 0)
        snprintf(ret, size, "%u", uid);
    buf_finish(&text);
}

/* --- what the file system is -------------------------------------------------------------------
 */

/* Magic numbers of linux/magic.h and of the out-of-tree ones in statfs(2).  FUSE is on the list
 * because sshfs and its kin are; a local FUSE home loses nothing but the default place. */
static const struct {
    uint32_t magic;
    const char *name;
} network_fs[] = {
    {0x6969, "nfs"},       {0x517B, "smb"},      {0xFF534D42, "cifs"},     {0xFE534D42, "smb"},
    {0x73757245, "coda"},  {0x5346414F, "afs"},  {0x6B414653, "afs"},      {0x01021997, "9p"},
    {0x65735546, "fuse"},  {0x00C36400, "ceph"}, {0x47504653, "gpfs"},     {0x0BD00BD0, "lustre"},
    {0x7461636F, "ocfs2"}, {0x01161970, "gfs2"}, {0x19830326, "beegfs"},   {0x786F4256, "vboxsf"},
    {0xAAD7AAEA, "panfs"}, {0x564C, "ncp"},      {0x20030528, "orangefs"},
};

const char *place_network_fs(const char *path)
{
    char at[PLACE_PATH_MAX];
    size_t len = strlen(path);
    if (len == 0 || len >= sizeof at)
        return NULL;
    memcpy(at, path, len + 1);
    struct statfs fs;
    while (statfs(at, &fs) < 0) {
        char *slash = strrchr(at, '/');
        if (!slash || errno == EACCES)
            return NULL;
        if (slash == at) {
            if (at[1] == '\0')
                return NULL;
            slash++; /* keep the root's own slash */
        }
        *slash = '\0';
    }
    for (size_t i = 0; i < sizeof network_fs / sizeof network_fs[0]; i++)
        if ((uint32_t)fs.f_type == network_fs[i].magic)
            return network_fs[i].name;
    return NULL;
}

/* --- where ------------------------------------------------------------------------------------ */

__attribute__((format(printf, 4, 5))) static int set_path(char *ret, size_t size, struct err *err,
                                                          const char *format, ...)
{
    char whole[2 * PLACE_PATH_MAX];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(whole, sizeof whole, format, args);
    va_end(args);
    if (n < 0 || (size_t)n >= size)
        return err_set(
            err, E_TOO_LARGE,
            "The path \"%.60s...\" is longer than the %zu bytes it may have here; name a shorter "
            "one with EOUL_SOCKET or EOUL_STATE.",
            whole, size - 1);
    memcpy(ret, whole, (size_t)n + 1);
    return 0;
}

static int set_run_dir(struct place *p, struct err *err)
{
    const char *slash = strrchr(p->socket, '/');
    if (p->socket[0] != '/' || !slash || slash[1] == '\0')
        return err_set(err, E_INVALID,
                       "EOUL_SOCKET is \"%s\"; it must be the full path of a socket, such as "
                       "/tmp/eoul-1000/socket.",
                       p->socket);
    size_t len = slash == p->socket ? 1 : (size_t)(slash - p->socket);
    memcpy(p->run_dir, p->socket, len);
    p->run_dir[len] = '\0';
    return 0;
}

/* ~/.local/state/eoul or its like; /var/tmp/eoul-UID if that is on a network. */
static int personal_state(const struct place_env *env, struct place *p, struct err *err)
{
    char home[PLACE_PATH_MAX];
    int r;
    if (env->xdg_state_home &&
        env->xdg_state_home[0] == '/') { /* the XDG rule: relative is ignored */
        r = set_path(p->state, sizeof p->state, err, "%s/eoul", env->xdg_state_home);
    } else if (env->home && env->home[0] == '/') {
        r = set_path(p->state, sizeof p->state, err, "%s/.local/state/eoul", env->home);
    } else if (place_home(env->passwd, env->uid, home, sizeof home) == 0 && home[0] == '/') {
        r = set_path(p->state, sizeof p->state, err, "%s/.local/state/eoul", home);
    } else {
        return err_set(err, E_NOT_FOUND,
                       "eoul does not know your home directory: HOME is not set and user %u "
                       "is not in %s; set HOME or EOUL_STATE.",
                       p->uid, env->passwd);
    }
    if (r < 0)
        return r;
    const char *fs = place_network_fs(p->state);
    if (!fs)
        return 0;
    snprintf(p->home_fs, sizeof p->home_fs, "%s", fs);
    return set_path(p->state, sizeof p->state, err, "%s/eoul-%u", env->var_tmp, p->uid);
}

static int named(const struct place_env *env, struct place *p, struct err *err)
{
    int r;
    p->mode = PLACE_NAMED;
    if (env->state) {
        if (env->state[0] != '/')
            return err_set(err, E_INVALID,
                           "EOUL_STATE is \"%s\"; it must be the full path of a directory.",
                           env->state);
        const char *fs = place_network_fs(env->state);
        if (fs)
            return err_set(err, E_UNSUPPORTED,
                           "EOUL_STATE is on a network file system (%s), where the store "
                           "cannot be kept safely; name a directory on a local disk.",
                           fs);
        r = set_path(p->state, sizeof p->state, err, "%s", env->state);
    } else {
        r = personal_state(env, p, err);
    }
    if (r < 0)
        return r;
    if (env->socket)
        r = set_path(p->socket, sizeof p->socket, err, "%s", env->socket);
    else
        r = set_path(p->socket, sizeof p->socket, err, "%s/socket", env->state);
    if (r < 0)
        return r;
    p->run_is_ours = !env->socket;
    return set_run_dir(p, err);
}

int place_of_team(const struct place_env *env, gid_t gid, struct place *ret, struct err *err)
{
    struct place p = {.mode = PLACE_TEAM, .uid = env->uid, .gid = gid, .run_is_ours = true};
    int r = set_path(p.socket, sizeof p.socket, err, "%s/eoul-team-%u/socket", env->tmp, gid);
    if (r == 0)
        r = set_run_dir(&p, err);
    if (r == 0)
        r = personal_state(env, &p, err);
    if (r == 0)
        *ret = p;
    return r;
}

/* A team's socket counts only if its directory belongs to the group it is named for. */
static bool team_is_there(const struct place *p)
{
    struct stat st;
    return lstat(p->run_dir, &st) == 0 && S_ISDIR(st.st_mode) && st.st_gid == p->gid &&
           (st.st_mode & S_IRWXO) == 0 && (st.st_mode & S_IWGRP) == 0 && lstat(p->socket, &st) == 0;
}

int place_find(const struct place_env *env, struct place *ret, struct err *err)
{
    struct place p = {.uid = env->uid};
    struct stat st;
    int r;
    if ((env->socket && env->socket[0]) || (env->state && env->state[0])) {
        struct place_env e = *env;
        e.socket = e.socket && e.socket[0] ? e.socket : NULL;
        e.state = e.state && e.state[0] ? e.state : NULL;
        r = named(&e, &p, err);
        if (r == 0)
            *ret = p;
        return r;
    }
    if (env->system_socket && (lstat(env->system_socket, &st) == 0 || errno == EACCES)) {
        p.mode = PLACE_SYSTEM;
        r = set_path(p.socket, sizeof p.socket, err, "%s", env->system_socket);
        if (r == 0)
            r = set_path(p.state, sizeof p.state, err, "%s", PLACE_SYSTEM_STATE);
        if (r == 0)
            r = set_run_dir(&p, err);
        if (r == 0)
            *ret = p;
        return r;
    }
    p.mode = PLACE_PERSONAL;
    p.run_is_ours = true;
    r = set_path(p.socket, sizeof p.socket, err, "%s/eoul-%u/socket", env->tmp, p.uid);
    if (r == 0)
        r = set_run_dir(&p, err);
    if (r < 0)
        return r;
    if (lstat(p.socket, &st) < 0) {
        struct place team;
        for (size_t i = 0; i < env->groups_n; i++)
            if (place_of_team(env, env->groups[i], &team, NULL) == 0 && team_is_there(&team)) {
                *ret = team;
                return 0;
            }
    }
    r = personal_state(env, &p, err);
    if (r == 0)
        *ret = p;
    return r;
}

int place_of_system(struct place *ret, struct err *err)
{
    struct place p = {.mode = PLACE_SYSTEM, .uid = geteuid()};
    int r = set_path(p.socket, sizeof p.socket, err, "%s", PLACE_SYSTEM_SOCKET);
    if (r == 0)
        r = set_path(p.state, sizeof p.state, err, "%s", PLACE_SYSTEM_STATE);
    if (r == 0)
        r = set_run_dir(&p, err);
    if (r == 0)
        *ret = p;
    return r;
}

/* --- making and checking ------------------------------------------------------------------------
 */

static int make_parents(const char *path, struct err *err)
{
    char at[PLACE_PATH_MAX];
    size_t len = strlen(path);
    if (len == 0 || len >= sizeof at)
        return err_set(err, E_TOO_LARGE, "The path \"%.60s...\" is too long.", path);
    memcpy(at, path, len + 1);
    for (char *slash = strchr(at + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        if (mkdir(at, 0700) < 0 && errno != EEXIST && errno != EROFS)
            return err_set(err, io_from_errno(errno), "The directory \"%s\" cannot be made: %s.",
                           at, strerror(errno));
        *slash = '/';
    }
    return 0;
}

/* One rule for what is ours alone (mode 0700) and for what a group may enter (0750, `gid`). */
static int check_dir(const struct stat *st, const char *path, uid_t uid, const gid_t *gid,
                     struct err *err)
{
    if (!S_ISDIR(st->st_mode))
        return err_set(err, E_DENIED,
                       "\"%s\" is not a directory; eoul will not use it, because somebody else may "
                       "have put it there: move it away.",
                       path);
    if (st->st_uid != uid)
        return err_set(
            err, E_DENIED,
            "\"%s\" belongs to user %u and not to you; eoul will not use it: ask them to "
            "remove it, or set EOUL_SOCKET and EOUL_STATE.",
            path, st->st_uid);
    if (gid ? st->st_gid != *gid || (st->st_mode & 027) : (st->st_mode & 077))
        return err_set(err, E_DENIED,
                       "\"%s\" is open to other users (mode %03o); eoul will not use it: run "
                       "\"chmod %s %s\".",
                       path, st->st_mode & 0777u, gid ? "750" : "700", path);
    return 0;
}

static int open_checked(const char *path, uid_t uid, const gid_t *gid, struct err *err)
{
    bool made = mkdir(path, 0700) == 0;
    if (!made && errno != EEXIST)
        return err_set(err, io_from_errno(errno), "The directory \"%s\" cannot be made: %s.", path,
                       strerror(errno));
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    struct stat st;
    if (fd < 0) {
        int error = errno;
        if (lstat(path, &st) == 0 && (!S_ISDIR(st.st_mode) || st.st_uid != uid))
            return check_dir(&st, path, uid, gid, err);
        return err_set(err, io_from_errno(error), "The directory \"%s\" cannot be opened: %s.",
                       path, strerror(error));
    }
    if (made && gid && (fchown(fd, (uid_t)-1, *gid) < 0 || fchmod(fd, 0750) < 0)) {
        int r = err_set(err, io_from_errno(errno), "\"%s\" cannot be given to group %u: %s.", path,
                        *gid, strerror(errno));
        io_close(&fd);
        rmdir(path);
        return r;
    }
    int r = fstat(fd, &st) < 0 ? E_IO : check_dir(&st, path, uid, gid, err);
    if (r < 0) {
        io_close(&fd);
        return r;
    }
    return fd;
}

int place_open_run(const struct place *p, struct err *err)
{
    if (!p->run_is_ours) { /* system: made by systemd; named: made by whoever named it */
        int fd = open(p->run_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        return fd >= 0 ? fd
                       : err_set(err, io_from_errno(errno),
                                 "The directory \"%s\" cannot be opened: %s.", p->run_dir,
                                 strerror(errno));
    }
    int r = make_parents(p->run_dir, err);
    return r < 0 ? r
                 : open_checked(p->run_dir, p->uid, p->mode == PLACE_TEAM ? &p->gid : NULL, err);
}

int place_open_state(const struct place *p, struct err *err)
{
    int r = make_parents(p->state, err);
    return r < 0 ? r : open_checked(p->state, p->uid, NULL, err);
}

int place_check_run(const struct place *p, struct err *err)
{
    struct stat st;
    if (lstat(p->run_dir, &st) < 0)
        return err_set(err, io_from_errno(errno), "\"%s\" cannot be looked at: %s.", p->run_dir,
                       strerror(errno));
    if (!p->run_is_ours)
        return 0;
    if (p->mode == PLACE_TEAM) /* its owner is another member: the group is what counts */
        return check_dir(&st, p->run_dir, st.st_uid, &p->gid, err);
    return check_dir(&st, p->run_dir, p->uid, NULL, err);
}
