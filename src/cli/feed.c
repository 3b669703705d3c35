/* feed.c - see feed.h. */
#include "cli/feed.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

#include "base/io.h"

bool feed_is_wanted(void)
{
    struct stat st;
    if (fstat(STDIN_FILENO, &st) < 0 || S_ISDIR(st.st_mode))
        return false;
    return !S_ISCHR(st.st_mode) || (st.st_rdev != makedev(1, 3) && !isatty(STDIN_FILENO));
}

void feed_begin(struct feed *f, int take_to_fd)
{
    int flags = fcntl(take_to_fd, F_GETFL);
    f->to_fd = take_to_fd;
    f->at = f->n = 0;
    if (flags < 0 || fcntl(take_to_fd, F_SETFL, flags | O_NONBLOCK) < 0)
        io_close(&f->to_fd); /* rather no input than a client that hangs in a write */
}

void feed_fill(const struct feed *f, struct pollfd set[FEED_POLLS])
{
    bool waits = f->at < f->n;
    set[0] = (struct pollfd){.fd = f->to_fd >= 0 && !waits ? STDIN_FILENO : -1, .events = POLLIN};
    set[1] = (struct pollfd){.fd = f->to_fd, .events = (short)(waits ? POLLOUT : 0)}; /* 0: its end is told */
}

/* A reader that left is no reason to die: SIGPIPE is taken away where it comes up. */
static ssize_t write_quietly(int fd, const void *bytes, size_t n)
{
    static const struct timespec at_once;
    sigset_t pipe_only, old, pending;
    sigemptyset(&pipe_only);
    sigaddset(&pipe_only, SIGPIPE);
    sigpending(&pending);
    sigprocmask(SIG_BLOCK, &pipe_only, &old);
    ssize_t done = write(fd, bytes, n);
    int error = errno;
    if (done < 0 && error == EPIPE && !sigismember(&pending, SIGPIPE))
        (void)sigtimedwait(&pipe_only, NULL, &at_once);
    sigprocmask(SIG_SETMASK, &old, NULL);
    errno = error;
    return done;
}

void feed_serve(struct feed *f, const struct pollfd set[FEED_POLLS])
{
    if (f->to_fd < 0)
        return;
    if (set[0].revents) {
        ssize_t n = read(STDIN_FILENO, f->block, sizeof f->block);
        if (n == 0 || (n < 0 && errno != EINTR && errno != EAGAIN)) {
            io_close(&f->to_fd);
            return;
        }
        f->at = 0;
        f->n = n > 0 ? (size_t)n : 0;
    }
    while (f->at < f->n) {
        ssize_t n = write_quietly(f->to_fd, f->block + f->at, f->n - f->at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN)
            return;
        if (n < 0) {
            io_close(&f->to_fd);
            return;
        }
        f->at += (size_t)n;
    }
    if (set[1].revents & (POLLERR | POLLHUP))
        io_close(&f->to_fd);
}
