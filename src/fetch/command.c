/* command.c - see command.h. */
#include "fetch/command.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/io.h"
#include "fetch/message.h"
#include "fetch/trouble.h"

#define PROGRAM_MAX 2048
#define ENVIRONMENT_MAX 1024

/* Whole in memory: a program that does not read holds nobody up. */
static int input_of(struct str body)
{
    int fd = memfd_create("notice", MFD_CLOEXEC);
    if (fd >= 0 && (io_write_all(fd, body.ptr, body.len) < 0 || lseek(fd, 0, SEEK_SET) < 0))
        io_close(&fd);
    return fd;
}

static char *variable(char memory[ENVIRONMENT_MAX], const char *name, const char *otherwise)
{
    const char *value = getenv(name);
    snprintf(memory, ENVIRONMENT_MAX, "%s=%s", name, value ? value : otherwise);
    return memory;
}

/* In the child: does not return. */
static void become(const char *program, int input, int nowhere)
{
    char home[ENVIRONMENT_MAX], path[ENVIRONMENT_MAX], lang[ENVIRONMENT_MAX], name[PROGRAM_MAX];
    char *const environment[] = { variable(home, "HOME", "/"), variable(path, "PATH", "/usr/local/bin:/usr/bin:/bin"),
                                  variable(lang, "LANG", "C.UTF-8"), NULL };
    sigset_t none;
    sigemptyset(&none);
    snprintf(name, sizeof name, "%s", program);
    char *const argv[] = { name, NULL };
    if (setpgid(0, 0) == 0 && dup2(input, STDIN_FILENO) >= 0 && dup2(nowhere, STDOUT_FILENO) >= 0 &&
        dup2(nowhere, STDERR_FILENO) >= 0 && chdir("/") == 0 && sigprocmask(SIG_SETMASK, &none, NULL) == 0 &&
        signal(SIGPIPE, SIG_DFL) != SIG_ERR && close_range(3, ~0u, 0) == 0)
        execve(program, argv, environment);
    _exit(127);
}

/* Waits for its end, but no longer than it may take: -1 then. */
static int status_of(pid_t pid)
{
    int pidfd = (int)syscall(SYS_pidfd_open, pid, 0), status = 0;
    struct pollfd end = { .fd = pidfd, .events = POLLIN };
    int ready;
    while ((ready = poll(&end, 1, COMMAND_SECONDS_MAX * 1000)) < 0 && errno == EINTR)
        ;
    kill(-pid, SIGKILL); /* what it left behind, or all of it */
    kill(pid, SIGKILL);
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    io_close(&pidfd);
    if (ready != 1)
        return -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static enum trouble run(const char *program, struct str body, int *ret_status)
{
    int input = input_of(body), nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
    pid_t pid = input >= 0 && nowhere >= 0 ? fork() : -1;
    if (pid == 0)
        become(program, input, nowhere);
    io_close(&input);
    io_close(&nowhere);
    if (pid < 0)
        return TROUBLE_MEMORY;
    *ret_status = status_of(pid);
    return *ret_status < 0 ? TROUBLE_HUNG : TROUBLE_NONE;
}

void command_run(struct str ask, struct buf *out)
{
    char program[PROGRAM_MAX];
    struct str path = fetch_get(ask, FETCH_URL_TAG);
    enum trouble t = TROUBLE_URL;
    int status = 0;
    if (path.len > 1 && path.len < sizeof program && path.ptr[0] == '/' && !memchr(path.ptr, '\0', path.len)) {
        snprintf(program, sizeof program, "%.*s", STR_ARG(path));
        t = run(program, fetch_get(ask, FETCH_BODY_TAG), &status);
    }
    if (t != TROUBLE_NONE)
        fetch_field(out, FETCH_TROUBLE_TAG, str_of(trouble_word(t)));
    fetch_field_i64(out, FETCH_STATUS_TAG, status);
}
