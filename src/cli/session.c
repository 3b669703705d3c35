/* session.c - see session.h.  One poll over the keyboard, the job's terminal, its supervisor, the signals. */
#include "cli/session.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>

#include "base/io.h"
#include "cli/meet.h"
#include "term/vt.h"

#define READ_BYTES 16384
#define TYPED_MAX 65536 /* pasted and not yet taken by the job; above it the keyboard waits */
#define KEY_WAIT_MS 50  /* a key's sequence comes in one piece: what began like ours and stops is not it */
#define ATTACH_US (10 * USEC_PER_SEC)
#define LAST_WORD_US (15 * USEC_PER_SEC) /* from the last byte to the record of the end: processes may linger */

struct session {
    struct cli *cli;
    const char *id;
    int ctl_fd, stream_fd, signal_fd;
    struct termios modes; /* our terminal's own */
    bool raw, gone; /* gone: our terminal is */
    bool leaves, over, stream_over, ctl_over;
    struct key_watch keys;
    struct vt vt;         /* what our terminal was shown */
    struct wire_end end;
    size_t typed_n;
    char typed[TYPED_MAX + READ_BYTES + KEY_HELD_MAX];
};

bool session_is_possible(void)
{
    return isatty(STDIN_FILENO) && isatty(STDOUT_FILENO) && tcgetpgrp(STDIN_FILENO) == getpgrp();
}

void session_size(uint16_t *ret_rows, uint16_t *ret_columns)
{
    struct winsize size = {0};
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) < 0)
        (void)ioctl(STDIN_FILENO, TIOCGWINSZ, &size);
    *ret_rows = size.ws_row;
    *ret_columns = size.ws_col;
}

int session_key(struct cli *cli, const char *given, struct key *ret)
{
    const char *text = given ? given : getenv("EOUL_DETACH_KEY");
    char why[ERR_TEXT_MAX];
    if (key_parse(str_of(text && text[0] ? text : KEY_DEFAULT), ret, &cli->err) == 0)
        return 0;
    memcpy(why, cli->err.text, sizeof why);
    return err_set(&cli->err, E_USAGE, "%1$s: %2$s", given ? "--detach-key" : "EOUL_DETACH_KEY", why);
}

/* --- our terminal ---------------------------------------------------------------------------------- */

/* What was typed before stays in the queue and becomes the job's. */
static void enter(struct session *s)
{
    struct termios raw = s->modes;
    cfmakeraw(&raw);
    if (tcsetattr(STDIN_FILENO, TCSADRAIN, &raw) == 0)
        s->raw = true;
}

static void show(struct session *s, const char *bytes, size_t n)
{
    if (!s->gone && io_write_all(STDOUT_FILENO, bytes, n) < 0)
        s->gone = true;
}

static void bring_out(struct session *s)
{
    char out[VT_MODES_MAX];
    size_t n = vt_leave(&s->vt.modes, out);
    if (!s->raw)
        return;
    if (s->vt.fed > 0)
        show(s, out, n);
    (void)tcsetattr(STDIN_FILENO, TCSADRAIN, &s->modes); /* fails where there is no terminal any more */
    s->raw = false;
}

static void tell_size(struct session *s)
{
    uint16_t rows, columns;
    session_size(&rows, &columns);
    (void)meet_tell(s->ctl_fd, WIRE_SIZE, rows, columns);
}

/* Somebody sent SIGTSTP: our terminal is given back for as long as we are stopped.  Then the job's program
 * is made to draw again by two changes of its window. */
static void stop_for_now(struct session *s)
{
    char out[VT_MODES_MAX];
    uint16_t rows, columns;
    bring_out(s);
    (void)raise(SIGSTOP);
    enter(s);
    show(s, out, vt_enter(&s->vt.modes, out));
    session_size(&rows, &columns);
    (void)meet_tell(s->ctl_fd, WIRE_SIZE, rows > 1 ? rows - 1 : 2, columns);
    tell_size(s);
}

static void on_signal(struct session *s)
{
    struct signalfd_siginfo info;
    while (read(s->signal_fd, &info, sizeof info) == (ssize_t)sizeof info)
        switch (info.ssi_signo) {
        case SIGWINCH: tell_size(s); break;
        case SIGTSTP: stop_for_now(s); break;
        case SIGHUP: s->gone = true; break;
        default: s->leaves = true;
        }
}

/* --- the job --------------------------------------------------------------------------------------- */

static void send_typed(struct session *s)
{
    size_t done = 0;
    while (done < s->typed_n) {
        ssize_t n = send(s->stream_fd, s->typed + done, s->typed_n - done, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno != EAGAIN)
            n = (ssize_t)(s->typed_n - done); /* nobody reads any more; the end is on its way */
        if (n < 0)
            break;
        done += (size_t)n;
    }
    s->typed_n -= done;
    memmove(s->typed, s->typed + done, s->typed_n);
}

static void read_keys(struct session *s)
{
    char in[READ_BYTES];
    size_t out_n, taken;
    ssize_t n = read(STDIN_FILENO, in, sizeof in);
    if (n < 0 && (errno == EINTR || errno == EAGAIN))
        return;
    if (n <= 0) { /* in raw mode no key means the end of input: the terminal is gone */
        s->gone = true;
        return;
    }
    s->leaves |= key_pass(&s->keys, in, (size_t)n, s->typed + s->typed_n, &out_n, &taken);
    s->typed_n += out_n;
    send_typed(s);
}

static void read_stream(struct session *s)
{
    char block[READ_BYTES];
    ssize_t n = recv(s->stream_fd, block, sizeof block, MSG_DONTWAIT);
    if (n < 0 && (errno == EINTR || errno == EAGAIN))
        return;
    if (n <= 0) {
        s->stream_over = true;
        return;
    }
    (void)vt_pass(&s->vt, block, (size_t)n, 0, NULL);
    show(s, block, (size_t)n);
}

static void read_ctl(struct session *s, usec_t timeout_us)
{
    struct wire_msg m;
    int fd = -1;
    int r = meet_hear(s->ctl_fd, timeout_us, &m, &fd);
    io_close(&fd);
    s->ctl_over = r == 0;
    if (r == 1 && (m.type == WIRE_ENDED || m.type == WIRE_FAILED)) {
        s->end = m.end;
        s->over = true;
    }
}

/* The answer to WIRE_ATTACH, or what is given unasked. */
static int attach(struct session *s, bool asks)
{
    uint16_t rows, columns;
    struct wire_msg m;
    usec_t until = io_boot_now() + ATTACH_US;
    session_size(&rows, &columns);
    if (asks)
        (void)meet_tell(s->ctl_fd, WIRE_ATTACH, rows, columns);
    for (;;) {
        usec_t left = until - io_boot_now();
        int r = meet_hear(s->ctl_fd, left > 0 ? left : 0, &m, &s->stream_fd);
        if (r != 1)
            return err_set(&s->cli->err, E_UNAVAILABLE,
                           "Whoever runs job %s does not answer; \"eoul show %s\" says how it is.", s->id, s->id);
        if (m.type == WIRE_ATTACHED && s->stream_fd >= 0)
            break;
        io_close(&s->stream_fd);
        if (m.type == WIRE_REFUSED && m.arg == EUSERS)
            return err_set(&s->cli->err, E_FULL,
                           "As many terminals as there can be are attached to job %s; leave one of them first.",
                           s->id);
        if (m.type == WIRE_REFUSED && m.arg == ENOTTY)
            return err_set(&s->cli->err, E_STATE, "Job %s has no terminal; \"eoul logs -f %s\" follows it.", s->id,
                           s->id);
        if (m.type == WIRE_REFUSED)
            return err_set(&s->cli->err, io_from_errno((int)m.arg), "Attaching to job %s failed: %s.", s->id,
                           strerror((int)m.arg));
        if (m.type == WIRE_ENDED || m.type == WIRE_FAILED) {
            s->end = m.end;
            s->over = true;
            return 0;
        }
    }
    if (!asks) /* it may have another size than when it was asked for */
        tell_size(s);
    return 0;
}

/* --- the loop -------------------------------------------------------------------------------------- */

static void wait_once(struct session *s)
{
    char held[KEY_HELD_MAX];
    bool room = s->typed_n < TYPED_MAX;
    bool holds = s->keys.held_n > 0 && !s->keys.armed;
    struct pollfd set[] = {
        {.fd = room ? STDIN_FILENO : -1, .events = POLLIN},
        {.fd = s->stream_fd, .events = (short)(s->typed_n ? POLLIN | POLLOUT : POLLIN)},
        {.fd = s->ctl_over ? -1 : s->ctl_fd, .events = POLLIN},
        {.fd = s->signal_fd, .events = POLLIN},
    };
    int n = poll(set, sizeof set / sizeof set[0], holds ? KEY_WAIT_MS : -1);
    if (n < 0)
        return; /* EINTR */
    if (n == 0 && holds) {
        size_t len = key_flush(&s->keys, held);
        memcpy(s->typed + s->typed_n, held, len);
        s->typed_n += len;
        send_typed(s);
    }
    if (set[3].revents)
        on_signal(s);
    if (set[0].revents)
        read_keys(s);
    if (set[1].revents & POLLOUT)
        send_typed(s);
    if (set[1].revents & (POLLIN | POLLHUP | POLLERR))
        read_stream(s);
    if (set[2].revents)
        read_ctl(s, 0);
}

static void catch_signals(struct session *s, sigset_t *old)
{
    static const int caught[] = {SIGINT, SIGQUIT, SIGTERM, SIGHUP, SIGWINCH, SIGTSTP};
    sigset_t mask;
    sigemptyset(&mask);
    for (size_t i = 0; i < sizeof caught / sizeof caught[0]; i++)
        sigaddset(&mask, caught[i]);
    sigprocmask(SIG_BLOCK, &mask, old);
    s->signal_fd = signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK);
}

static void last_word(struct session *s)
{
    usec_t until = io_boot_now() + LAST_WORD_US;
    while (!s->over && !s->ctl_over && io_boot_now() < until)
        read_ctl(s, until - io_boot_now());
}

static int hold(struct session *s, const struct session_options *o, enum session_end *ret)
{
    int r = attach(s, o->asks);
    if (r < 0)
        return r;
    if (!s->over) {
        enter(s);
        while (!s->leaves && !s->gone && !s->stream_over)
            wait_once(s);
    }
    bool mid_line = s->leaves && s->raw;
    bring_out(s);
    if (mid_line)
        show(s, "\r\n", 2);
    if (s->stream_over && !s->leaves)
        last_word(s);
    *ret = s->gone ? SESSION_HUNG_UP : s->leaves ? SESSION_LEFT : s->over ? SESSION_OVER : SESSION_LOST;
    return 0;
}

int session_run(struct cli *cli, const char *id, const struct session_options *o, enum session_end *ret,
                struct wire_end *ret_end)
{
    sigset_t old;
    struct session *s = calloc(1, sizeof *s);
    if (!s)
        return err_set(&cli->err, E_NO_MEMORY, "There is not enough memory for a terminal.");
    s->cli = cli;
    s->id = id;
    s->ctl_fd = o->ctl_fd;
    s->stream_fd = s->signal_fd = -1;
    s->keys.key = o->key;
    vt_init(&s->vt);
    cli_flush(cli);
    int r = tcgetattr(STDIN_FILENO, &s->modes) < 0
                ? err_set(&cli->err, E_STATE, "The terminal's modes cannot be read: %s.", strerror(errno))
                : 0;
    if (r == 0) {
        catch_signals(s, &old);
        r = hold(s, o, ret);
        sigprocmask(SIG_SETMASK, &old, NULL);
    }
    if (r == 0)
        *ret_end = s->end;
    io_close(&s->stream_fd);
    io_close(&s->signal_fd);
    free(s);
    return r;
}
