/* program.c - see program.h. */
#include "cli/program.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/io.h"

#define PATHS_MAX 4096

bool program_exists(const char *name)
{
    const char *path = getenv("PATH");
    struct str rest = str_of(path ? path : "/usr/bin:/bin"), directory;
    while (str_next(&rest, ':', &directory)) {
        char file[PATHS_MAX];
        if (directory.len > 0 &&
            (size_t)snprintf(file, sizeof file, "%.*s/%s", STR_ARG(directory), name) <
                sizeof file &&
            access(file, X_OK) == 0)
            return true;
    }
    return false;
}

int program_run(const char *const *argv, struct str input, struct buf *out)
{
    int in_pipe[2], out_pipe[2];
    if (pipe2(in_pipe, O_CLOEXEC) < 0)
        return -1;
    if (pipe2(out_pipe, O_CLOEXEC) < 0) {
        close(in_pipe[0]);
        close(in_pipe[1]);
        return -1;
    }
    pid_t child = fork();
    if (child == 0) {
        int null_fd = open("/dev/null", O_WRONLY);
        if (null_fd >= 0 && dup2(in_pipe[0], 0) == 0 && dup2(out_pipe[1], 1) == 1 &&
            dup2(null_fd, 2) == 2)
            execvp(argv[0], (char *const *)(const void *)argv);
        _exit(127);
    }
    close(in_pipe[0]);
    close(out_pipe[1]);
    /* The texts are small (a crontab): a pipe holds them, so writing first cannot block for ever.
     */
    void (*old)(int) = signal(SIGPIPE, SIG_IGN);
    if (input.len > 0 && child > 0)
        (void)io_write_all(in_pipe[1], input.ptr, input.len);
    signal(SIGPIPE, old);
    close(in_pipe[1]);
    struct buf dropped;
    buf_init(&dropped, 1024 * 1024);
    if (child > 0)
        (void)io_read_to_end(out_pipe[0], out ? out : &dropped);
    buf_finish(&dropped);
    close(out_pipe[0]);
    int status = -1;
    while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR)
        ;
    return child > 0 && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

int program_become(struct cli *cli, const char *name, char *const *argv)
{
    static const char *const places[] = {"", "../libexec/eoul/", "../lib/eoul/"};
    char self[PATHS_MAX], file[PATHS_MAX + 64];
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    cli_flush(cli);
    if (n > 0) {
        self[n] = '\0';
        char *slash = strrchr(self, '/');
        if (slash)
            slash[1] = '\0';
        for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
            snprintf(file, sizeof file, "%s%s%s", self, places[i], name);
            if (access(file, X_OK) == 0) {
                execv(file, argv);
                return err_set(&cli->err, io_from_errno(errno), "\"%s\" cannot be run: %s.", file,
                               strerror(errno));
            }
        }
    }
    return err_set(&cli->err, E_NOT_FOUND,
                   "The program %s is not installed beside eoul; reinstall eoul.", name);
}
