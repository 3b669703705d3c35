/* follow.c - see follow.h.  One poll over the daemon's answer, the files and the signals. */
#include "cli/follow.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "cli/feed.h"
#include "cli/job.h"
#include "client/spawn.h"
#include "i18n/width.h"

#define COPY_BYTES 65536
#define WATCH_AFTER_MS 40 /* closing an inotify descriptor waits some 12 ms in the kernel, longer than a short
                           * job takes: its files are watched only once it has lasted this long */
#define MEET_US (5 * USEC_PER_SEC) /* it had something to bring before it came */
#define DAEMON_AWAY_US (120 * USEC_PER_SEC) /* an upgrade; longer and somebody should be told */

struct stream {
    char path[4096];
    int fd; /* -1: not open yet */
    off_t at;
    int to; /* STDOUT_FILENO or STDERR_FILENO */
    bool wanted;
    bool unreadable;
};

struct follower {
    struct cli *cli;
    const char *id;
    const struct follow_options *o;
    json_t *job;
    struct stream stream[2];
    int watch_fd, signal_fd;
    bool watches; /* watch_fd was asked for: the job is not a short one */
    bool line_shown; /* a line without newline stands on the terminal */
    bool copied;     /* some output has been shown */
    int presses;
    bool left;
    struct feed feed;
    sigset_t old_mask;
};

/* --- the line that says where it stands
 * ----------------------------------------------------------- */

static void wipe_line(struct follower *f)
{
    if (f->line_shown)
        (void)io_write_all(STDERR_FILENO, "\r\033[K", 4);
    f->line_shown = false;
}

static void draw_line(struct follower *f)
{
    struct cli *cli = f->cli;
    if (f->o->quiet || !cli->err_tty || (f->copied && cli->out_tty && f->o->output))
        return;
    struct buf text, line;
    buf_init(&text, 8192);
    buf_init(&line, 8192);
    job_sentence(cli, &text, f->job);
    const char *last = json_text(f->job, "last_line");
    if (!job_is_waiting(f->job) && last[0]) {
        buf_c(&text, "  ");
        cli_clean(&text, last);
    }
    size_t columns = cli->columns > 1 ? (size_t)cli->columns - 1 : 79;
    buf_c(&line, "\r\033[K");
    buf_str(&line, width_fit(buf_look(&text), columns));
    if (!line.failed)
        (void)io_write_all(STDERR_FILENO, line.ptr, line.len);
    f->line_shown = true;
    buf_finish(&text);
    buf_finish(&line);
}

/* --- output
 * ----------------------------------------------------------------------------------------- */

/* Start `lines` lines before the end of what is already there. */
static off_t start_of_last_lines(int fd, off_t size, int64_t lines)
{
    char block[4096];
    off_t at = size;
    if (lines == 0)
        return size;
    while (at > 0) {
        size_t n = at > (off_t)sizeof block ? sizeof block : (size_t)at;
        ssize_t got = pread(fd, block, n, at - (off_t)n);
        if (got <= 0)
            return size;
        for (ssize_t i = got; i-- > 0;) {
            off_t place = at - (off_t)n + i;
            if (block[i] == '\n' && place != size - 1 && lines-- <= 1)
                return place + 1;
        }
        at -= (off_t)n;
    }
    return 0;
}

/* The file itself, or the directory in which it will appear. */
static void watch_stream(struct follower *f, const struct stream *s)
{
    char directory[4096];
    memcpy(directory, s->path, sizeof directory);
    char *slash = strrchr(directory, '/');
    if (f->watch_fd < 0 || !s->wanted || !slash)
        return;
    slash[slash == directory] = '\0';
    if (s->fd >= 0)
        inotify_add_watch(f->watch_fd, s->path, IN_MODIFY | IN_MOVE_SELF | IN_DELETE_SELF);
    else
        inotify_add_watch(f->watch_fd, directory, IN_CREATE | IN_MOVED_TO | IN_ATTRIB);
}

static void open_stream(struct follower *f, struct stream *s)
{
    s->fd = open(s->path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (s->fd < 0) {
        if (errno != ENOENT)
            s->unreadable = true;
        watch_stream(f, s);
        return;
    }
    struct stat st;
    if (fstat(s->fd, &st) < 0 || !S_ISREG(st.st_mode)) { /* /dev/null, a fifo: nothing to follow */
        io_close(&s->fd);
        s->unreadable = true;
        return;
    }
    s->unreadable = false;
    s->at = f->o->lines >= 0 ? start_of_last_lines(s->fd, st.st_size, f->o->lines) : 0;
    watch_stream(f, s);
}

/* Copy what has been written since; 0 or a negative E_* of the copy. */
static int pump(struct follower *f, struct stream *s)
{
    char block[COPY_BYTES];
    if (!s->wanted || s->path[0] == '\0')
        return 0;
    if (s->fd < 0)
        open_stream(f, s);
    if (s->fd < 0)
        return 0;
    struct stat st;
    if (fstat(s->fd, &st) == 0 && st.st_size < s->at)
        s->at = 0; /* truncated: a new attempt began */
    for (;;) {
        ssize_t n = pread(s->fd, block, sizeof block, s->at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return 0;
        wipe_line(f);
        f->copied = true;
        int r = io_write_all(s->to, block, (size_t)n);
        if (r < 0)
            return err_set(&f->cli->err, r, "The output cannot be written: %s.", strerror(errno));
        s->at += n;
    }
}

static void name_streams(struct follower *f)
{
    const char *out = json_text(f->job, "stdout"), *errors = json_text(f->job, "stderr");
    const char *path[2] = {out, errors[0] && strcmp(out, errors) != 0 ? errors : ""};
    for (int i = 0; i < 2; i++) {
        struct stream *s = &f->stream[i];
        if (strcmp(s->path, path[i]) == 0 || strlen(path[i]) >= sizeof s->path)
            continue;
        io_close(&s->fd);
        snprintf(s->path, sizeof s->path, "%s", path[i]);
    }
}

static int pump_both(struct follower *f)
{
    if (!f->o->output || job_is_waiting(f->job))
        return 0;
    int r = pump(f, &f->stream[0]);
    return r < 0 ? r : pump(f, &f->stream[1]);
}

/* Somebody else's file: what the daemon keeps of it. */
static void show_tail(struct follower *f)
{
    char path[64];
    struct http_answer answer;
    snprintf(path, sizeof path, "/v1/jobs/%.40s/tail", f->id);
    if (cli_connect(f->cli) == 0 &&
        http_call(&f->cli->http, "GET", path, (struct str){0}, &answer, &f->cli->err) == 0 &&
        answer.status == 200)
        (void)io_write_all(STDOUT_FILENO, answer.body.ptr, answer.body.len);
}

/* --- signals
 * ------------------------------------------------------------------------------------------ */

static int cancel(struct follower *f)
{
    /* The connection is busy with the long poll; a second one asks. */
    char path[64];
    struct http other = {0};
    struct http_answer answer;
    snprintf(path, sizeof path, "/v1/jobs/%.40s/cancel", f->id);
    int r = http_connect(&f->cli->place, lang_word(f->cli->lang), &other, &f->cli->err);
    if (r == 0)
        r = http_call(&other, "POST", path, STR("{}"), &answer, &f->cli->err);
    http_close(&other);
    return r;
}

static int on_signal(struct follower *f, int number)
{
    struct cli *cli = f->cli;
    f->line_shown = f->line_shown || cli->err_tty; /* the terminal has written ^C there */
    wipe_line(f);
    if (number != SIGINT || !f->o->cancels) {
        f->left = true;
        return 0;
    }
    f->presses++;
    int cancel_at = cli->err_tty ? 2 : 1;
    if (f->presses < cancel_at) {
        cli_say(cli,
                tr(cli->lang, "Ctrl-C again cancels job %1$s. Ctrl-\\ leaves it to itself; \"eoul "
                              "logs -f %1$s\" comes back "
                              "to it."),
                f->id);
        return 0;
    }
    if (f->presses == cancel_at) {
        cli_say(cli, tr(cli->lang, "Job %s is being cancelled; Ctrl-C again returns at once."),
                f->id);
        return cancel(f);
    }
    f->left = true;
    return 0;
}

static void catch_signals(struct follower *f)
{
    sigset_t mask;
    sigemptyset(&mask);
    sigaddset(&mask, SIGINT);
    sigaddset(&mask, SIGQUIT);
    sigaddset(&mask, SIGTERM);
    sigaddset(&mask, SIGHUP);
    sigprocmask(SIG_BLOCK, &mask, &f->old_mask);
    f->signal_fd = signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK);
}

/* --- the loop
 * ------------------------------------------------------------------------------------------- */

static int take_answer(struct follower *f)
{
    json_t *job;
    int r = cli_answer(f->cli, JOB_WATCH_US, &job, NULL);
    if (r == 0) {
        json_decref(f->job);
        f->job = job;
        if (f->o->allocation)
            allocation_say(f->cli, f->o->allocation, f->id, job_is_waiting(job));
        name_streams(f);
        return 0;
    }
    return r;
}

/* The daemon went away: wait for it to come back, and ask again. */
static int reconnect(struct follower *f)
{
    http_close(&f->cli->http);
    int r = spawn_await(&f->cli->place, lang_word(f->cli->lang), DAEMON_AWAY_US, &f->cli->http,
                        &f->cli->err);
    if (r < 0)
        return err_set(&f->cli->err, E_UNAVAILABLE,
                       "The daemon went away and has not come back; job %s runs on without it.",
                       f->id);
    return 0;
}

/* --- whoever runs it ------------------------------------------------------------------------------- */

static bool has_come(const struct follower *f)
{
    return f->o->meet && f->o->meet->came_fd >= 0;
}

/* The supervisor is here, with the terminal or the input of the job. */
static void welcome(struct follower *f)
{
    struct wire_msg m;
    int fd = -1, came_fd = meet_accept(f->o->meet);
    if (came_fd < 0)
        return;
    if (!f->o->feeds) {
        f->o->meet->came_fd = came_fd;
        f->o->meet->asks = false;
        return;
    }
    if (meet_hear(came_fd, MEET_US, &m, &fd) == 1 && m.type == WIRE_STDIN && fd >= 0 && f->feed.to_fd < 0)
        feed_begin(&f->feed, fd);
    else
        io_close(&fd);
    io_close(&came_fd);
}

/* It runs, so its supervisor was here before, or must be asked for.  The connection to the daemon is
 * free. */
static int look_for(struct follower *f)
{
    struct meet *meet = f->o->meet;
    if (!meet || f->o->feeds || strcmp(json_text(f->job, "state"), "RUNNING") != 0)
        return 0;
    welcome(f);
    if (has_come(f))
        return 0;
    int r = meet_job(f->cli, meet, f->id, &meet->came_fd);
    meet->asks = true;
    if (r != E_STATE)
        return r;
    err_clear(&f->cli->err); /* it has just ended: the daemon will say so */
    return 0;
}

static int start_watching(struct follower *f)
{
    f->watch_fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    f->watches = true;
    watch_stream(f, &f->stream[0]);
    watch_stream(f, &f->stream[1]);
    return pump_both(f); /* what came before the watch */
}

static int wait_once(struct follower *f)
{
    struct cli *cli = f->cli;
    bool first = f->o->output && !f->watches;
    struct pollfd fds[4 + FEED_POLLS] = {
        {.fd = http_fd(&cli->http), .events = POLLIN},
        {.fd = f->signal_fd, .events = POLLIN},
        {.fd = f->watch_fd, .events = POLLIN},
        {.fd = f->o->meet ? f->o->meet->listen_fd : -1, .events = POLLIN},
    };
    feed_fill(&f->feed, fds + 4);
    int n = poll(fds, 4 + FEED_POLLS, first ? WATCH_AFTER_MS : (int)(JOB_WATCH_US / 1000));
    if (n < 0)
        return errno == EINTR ? 0
                              : err_set(&cli->err, E_IO, "Waiting failed: %s.", strerror(errno));
    if (n == 0 && first)
        return start_watching(f);
    if (fds[1].revents) {
        struct signalfd_siginfo info;
        if (read(f->signal_fd, &info, sizeof info) == (ssize_t)sizeof info) {
            int r = on_signal(f, (int)info.ssi_signo);
            if (r < 0 || f->left)
                return r;
        }
    }
    if (fds[2].revents) {
        char drop[4096] __attribute__((aligned(8)));
        while (read(f->watch_fd, drop, sizeof drop) > 0)
            ;
        int r = pump_both(f);
        if (r < 0)
            return r;
    }
    if (fds[3].revents)
        welcome(f);
    feed_serve(&f->feed, fds + 4);
    if ((!fds[0].revents && n > 0) || has_come(f))
        return 0;
    int r = take_answer(f);
    if (r == E_UNAVAILABLE)
        r = reconnect(f);
    if (r < 0)
        return r;
    r = pump_both(f);
    if (r == 0)
        r = look_for(f);
    if (r == 0 && !job_is_over(f->job) && !has_come(f)) {
        draw_line(f);
        r = job_watch(cli, f->id, f->job);
    }
    return r;
}

static int follow(struct follower *f)
{
    int r = job_get(f->cli, f->id, &f->job);
    if (r < 0)
        return r;
    if (f->o->allocation)
        allocation_say(f->cli, f->o->allocation, f->id, job_is_waiting(f->job));
    name_streams(f);
    r = pump_both(f);
    if (f->o->once) {
        if (r == 0 && job_is_waiting(f->job))
            r = err_set(
                &f->cli->err, E_STATE,
                "Job %1$s has not started, so it has printed nothing yet; \"eoul why %1$s\" says "
                "what it waits for.",
                f->id);
        if (r == 0 && f->stream[0].fd < 0 && f->o->stream != 2)
            show_tail(f);
        return r;
    }
    if (r == 0)
        r = look_for(f);
    if (r == 0 && !job_is_over(f->job) && !has_come(f)) {
        draw_line(f);
        r = job_watch(f->cli, f->id, f->job);
    }
    while (r == 0 && !f->left && !job_is_over(f->job) && !has_come(f))
        r = wait_once(f);
    wipe_line(f);
    if (has_come(f)) /* its answer would be taken for another's */
        http_close(&f->cli->http);
    if (r == 0 && !f->left && f->o->output) {
        r = pump_both(f); /* the last words */
        if (f->stream[0].fd < 0 && f->stream[0].unreadable)
            show_tail(f);
    }
    return r;
}

int follow_job(struct cli *cli, const char *id, const struct follow_options *o, json_t **ret_job,
               bool *ret_left)
{
    struct follower f = {
        .cli = cli,
        .id = id,
        .o = o,
        .stream = {{.fd = -1, .to = STDOUT_FILENO, .wanted = o->stream != 2},
                   {.fd = -1,
                    .to = o->stream == 2 ? STDOUT_FILENO : STDERR_FILENO,
                    .wanted = o->stream != 1}},
        .watch_fd = -1,
        .signal_fd = -1,
        .feed = {.to_fd = -1},
    };
    catch_signals(&f);
    cli_flush(cli);
    int r = follow(&f);
    io_close(&f.watch_fd);
    io_close(&f.signal_fd);
    io_close(&f.stream[0].fd);
    io_close(&f.stream[1].fd);
    sigprocmask(SIG_SETMASK, &f.old_mask, NULL);
    io_close(&f.feed.to_fd);
    *ret_left = f.left;
    *ret_job = NULL;
    if (r == 0 && !f.left && !has_come(&f))
        *ret_job = f.job;
    else
        json_decref(f.job);
    return r;
}
