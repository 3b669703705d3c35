/* spawn.c - see spawn.h. */
#include "client/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/io.h"
#include "base/utf8.h"

#define ENV_MAX 64                        /* variables passed on; there are a dozen */
#define LOG_TAIL 4096                     /* of eould.log, to find its last line */
#define SPAWN_OTHER_US (2 * USEC_PER_SEC) /* patience with a daemon that has no socket */
#define LOG_KEEP_MAX                                                                               \
    (1024 * 1024) /* a larger log starts anew: it says why starts fail, no more                    \
                   */

extern char **environ;

static const char *const passed[] = {
    "PATH",
    "HOME",
    "USER",
    "LOGNAME",
    "LANG",
    "LC_ALL",
    "LC_MESSAGES",
    "LANGUAGE",
    "TZ",
    "XDG_STATE_HOME",
    "XDG_CONFIG_HOME",
    "EOUL_LOCK_DIR",
    NULL,
};

static bool is_passed(const char *variable)
{
    if (strncmp(variable, "EOUL_", 5) == 0)
        return true;
    for (size_t i = 0; passed[i]; i++) {
        size_t len = strlen(passed[i]);
        if (strncmp(variable, passed[i], len) == 0 && variable[len] == '=')
            return true;
    }
    return false;
}

/* eould lies beside eoul, in the build tree as in /usr/bin. */
static int find_eould(const struct spawn_options *o, char *ret, size_t size, struct err *err)
{
    if (o->eould) {
        if ((size_t)snprintf(ret, size, "%s", o->eould) >= size)
            return err_set(err, E_TOO_LARGE, "The path of eould is too long.");
        return 0;
    }
    ssize_t n = readlink("/proc/self/exe", ret, size - 1);
    if (n < 0)
        return err_set(err, E_NOT_FOUND,
                       "eoul cannot find its own directory, where eould lies: %s.",
                       strerror(errno));
    ret[n] = '\0';
    char *slash = strrchr(ret, '/');
    if (!slash || (size_t)(slash - ret) + sizeof "/eould" > size)
        return err_set(err, E_TOO_LARGE, "The path of eould is too long.");
    memcpy(slash, "/eould", sizeof "/eould");
    if (access(ret, X_OK) < 0)
        return err_set(err, E_NOT_FOUND, "The daemon \"%s\" cannot be run: %s; reinstall eoul.",
                       ret, strerror(errno));
    return 0;
}

/* In the child that becomes eould: nothing of the terminal may come along.  Only calls that are
 * safe after fork; failures are said on the ready descriptor. */
static _Noreturn void become_daemon(const char *program, char *const *argv, char *const *env,
                                    int ready_fd, int log_fd)
{
    int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    int ready = fcntl(ready_fd, F_DUPFD_CLOEXEC, 10); /* out of the way of 0..3 */
    int log = fcntl(log_fd, F_DUPFD_CLOEXEC, 10);
    if (null_fd >= 0 && ready >= 0 && log >= 0 && dup2(null_fd, 0) == 0 && dup2(log, 1) == 1 &&
        dup2(log, 2) == 2 && dup2(ready, 3) == 3) {
        close_range(4, ~0u, 0);
        sigset_t none;
        sigemptyset(&none);
        sigprocmask(SIG_SETMASK, &none, NULL);
        for (int s = 1; s < NSIG; s++)
            if (s != SIGKILL && s != SIGSTOP)
                signal(s, SIG_DFL);
        umask(077);
        if (chdir("/") == 0)
            execve(program, argv, env);
        ready = 3;
    }
    const char *why = strerrordesc_np(errno);
    static const char said[] = "eould cannot be started: ";
    if (write(ready, said, sizeof said - 1) < 0 ||
        write(ready, why ? why : "", why ? strlen(why) : 0) < 0)
        _exit(126);
    _exit(127);
}

static int launch(const char *program, char *const *argv, char *const *env, int ready_fd,
                  int log_fd, struct err *err)
{
    pid_t child = fork();
    if (child < 0)
        return err_set(err, io_from_errno(errno), "No process can be started: %s.",
                       strerror(errno));
    if (child == 0) {
        setsid();
        pid_t grandchild = fork();
        if (grandchild != 0)
            _exit(grandchild < 0 ? 1 : 0);
        become_daemon(program, argv, env, ready_fd, log_fd);
    }
    int status;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
        ;
    return 0;
}

static int open_log(int state_fd, struct err *err)
{
    int fd =
        openat(state_fd, "eould.log", O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return err_set(err, io_from_errno(errno),
                       "The daemon's log (eould.log in the state directory) cannot be "
                       "opened: %s.",
                       strerror(errno));
    struct stat st;
    if (fstat(fd, &st) == 0 && st.st_size > LOG_KEEP_MAX && ftruncate(fd, 0) < 0)
        errno = 0; /* a long log is no reason not to start */
    return fd;
}

/* The last line of the log, for a daemon that died without a word. */
static int died(int state_fd, off_t log_from, const struct place *p, struct err *err)
{
    char tail[LOG_TAIL];
    int fd = openat(state_fd, "eould.log", O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    struct stat st;
    ssize_t n = 0;
    if (fd >= 0 && fstat(fd, &st) == 0 && st.st_size > log_from) {
        off_t from = st.st_size - log_from > LOG_TAIL ? st.st_size - LOG_TAIL : log_from;
        n = pread(fd, tail, sizeof tail, from);
    }
    io_close(&fd);
    struct str rest = str_trim((struct str){tail, n > 0 ? (size_t)n : 0});
    struct str line, last = {0};
    while (str_next(&rest, '\n', &line))
        last = line;
    if (last.len == 0)
        return err_set(err, E_UNAVAILABLE,
                       "The daemon died while it started and left no word in %s/eould.log.",
                       p->state);
    struct buf clean;
    buf_init(&clean, 4 * LOG_TAIL);
    utf8_clean(&clean, last);
    int r = err_set(err, E_UNAVAILABLE, "The daemon died while it started; its last word: %s",
                    clean.ptr ? clean.ptr : "");
    buf_finish(&clean);
    return r;
}

/* One line from the ready descriptor, without its newline; empty when it was closed without one. */
static int read_ready(int fd, usec_t deadline_boot_at, char *line, size_t size, struct err *err)
{
    size_t len = 0;
    while (len + 1 < size) {
        usec_t left_us = deadline_boot_at - io_boot_now();
        struct pollfd ready = {.fd = fd, .events = POLLIN};
        int n = left_us > 0 ? poll(&ready, 1, (int)((left_us + 999) / 1000)) : 0;
        if (n < 0 && errno == EINTR)
            continue;
        if (n == 0)
            return err_set(
                err, E_TIMEOUT,
                "The daemon was started but is not ready after %d seconds; \"eoul status\" "
                "will say when it is.",
                (int)(SPAWN_US_MAX / USEC_PER_SEC));
        ssize_t got = read(fd, line + len, size - 1 - len);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            break;
        len += (size_t)got;
        if (memchr(line, '\n', len))
            break;
    }
    line[len] = '\0';
    line[strcspn(line, "\n")] = '\0';
    return 0;
}

/* Ask the holder of the lock for its socket.  The pid is only believed while the lock is held. */
static void ask_for_socket(const struct place *p)
{
    char path[PLACE_PATH_MAX + 8];
    if ((size_t)snprintf(path, sizeof path, "%s/lock", p->state) >= sizeof path)
        return;
    struct buf text;
    buf_init(&text, 64);
    uint64_t pid;
    if (io_read_file(AT_FDCWD, path, &text) == 0 && str_u64(str_trim(buf_look(&text)), &pid) == 0 &&
        pid > 1)
        kill((pid_t)pid, SIGUSR1);
    buf_finish(&text);
}

static int await_socket(const struct place *p, const char *lang, usec_t deadline_boot_at, bool ask,
                        struct http *ret, struct err *err)
{
    int watch = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    int r = E_TIMEOUT;
    usec_t ask_at = io_boot_now() + USEC_PER_SEC / 2;
    for (;;) {
        /* watch first, then look: nothing can slip between */
        if (watch >= 0)
            inotify_add_watch(watch, p->run_dir, IN_CREATE | IN_MOVED_TO | IN_ATTRIB);
        r = http_connect(p, lang, ret, err);
        if (r != E_NOT_FOUND && r != E_UNAVAILABLE)
            break;
        usec_t now_boot = io_boot_now();
        if (now_boot >= deadline_boot_at)
            break;
        if (ask && now_boot >= ask_at) {
            ask_for_socket(p);
            ask_at = USEC_NEVER;
        }
        struct pollfd event = {.fd = watch, .events = POLLIN};
        usec_t left_us = usec_min(deadline_boot_at - now_boot, 500 * USEC_PER_MSEC);
        if (poll(&event, 1, (int)(left_us / 1000) + 1) > 0) {
            char drop[4096] __attribute__((aligned(8)));
            while (read(watch, drop, sizeof drop) > 0)
                ;
        }
    }
    io_close(&watch);
    return r;
}

int spawn_await(const struct place *p, const char *lang, usec_t timeout_us, struct http *ret,
                struct err *err)
{
    return await_socket(p, lang, usec_add(io_boot_now(), timeout_us), false, ret, err);
}

static size_t make_env(char **env)
{
    size_t n = 0;
    for (char **e = environ; *e && n + 1 < ENV_MAX; e++)
        if (is_passed(*e))
            env[n++] = *e;
    env[n] = NULL;
    return n;
}

/* Launch it and read its one line. */
static int start_once(const struct place *p, const char *program, const char *const *argv,
                      char *const *env, int state_fd, int log_fd, usec_t deadline_boot_at,
                      char line[SPAWN_LINE_MAX], struct err *err)
{
    int pipe_fd[2];
    struct stat st;
    if (pipe2(pipe_fd, O_CLOEXEC) < 0)
        return err_set(err, io_from_errno(errno), "No pipe can be made: %s.", strerror(errno));
    off_t log_from = fstat(log_fd, &st) == 0 ? st.st_size : 0;
    int r = launch(program, (char *const *)argv, env, pipe_fd[1], log_fd, err);
    io_close(&pipe_fd[1]);
    if (r == 0)
        r = read_ready(pipe_fd[0], deadline_boot_at, line, SPAWN_LINE_MAX, err);
    if (r == 0 && line[0] == '\0')
        r = died(state_fd, log_from, p, err);
    io_close(&pipe_fd[0]);
    return r;
}

int spawn_daemon(const struct place *p, const struct spawn_options *o, const char *lang,
                 struct http *ret, bool *ret_started, struct err *err)
{
    char program[PLACE_PATH_MAX];
    char line[SPAWN_LINE_MAX];
    char *env[ENV_MAX];
    const char *argv[8] = {program, "--ready-fd", "3"};
    size_t argc = 3;
    usec_t deadline_boot_at = io_boot_now() + SPAWN_US_MAX;
    int run_fd = -1, state_fd = -1, log_fd = -1;

    int r = find_eould(o, program, sizeof program, err);
    if (r < 0)
        return r;
    if (o->team) {
        argv[argc++] = "--team";
        argv[argc++] = o->team;
    }
    if (o->config) {
        argv[argc++] = "--config";
        argv[argc++] = o->config;
    }
    make_env(env);
    r = run_fd = place_open_run(p, err);
    if (r >= 0)
        r = state_fd = place_open_state(p, err);
    if (r >= 0)
        r = log_fd = open_log(state_fd, err);
    while (r >= 0) {
        r = start_once(p, program, argv, env, state_fd, log_fd, deadline_boot_at, line, err);
        if (r < 0)
            break;
        bool other = strncmp(line, "other", 5) == 0;
        *ret_started = strcmp(line, "ok") == 0;
        if (!*ret_started && !other) {
            r = err_set(err, E_UNAVAILABLE, "%s", line);
            break;
        }
        /* Another one that soon has no socket may be one that is just dying: its lock goes with it,
         * and the next start gets it. */
        usec_t until =
            other ? usec_min(io_boot_now() + SPAWN_OTHER_US, deadline_boot_at) : deadline_boot_at;
        r = await_socket(p, lang, until, other, ret, err);
        if (r != E_NOT_FOUND && r != E_UNAVAILABLE)
            break;
        if (!other || io_boot_now() >= deadline_boot_at)
            break;
        r = 0;
    }
    io_close(&log_fd);
    io_close(&state_fd);
    io_close(&run_fd);
    return r < 0 ? r : 0;
}
