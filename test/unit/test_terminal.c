/* test_terminal.c - a job's terminal through the real supervisor: what is typed and shown, by one client,
 * several, slow ones and none; what it costs the job (nothing); how it ends.  Every wait is bounded. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/io.h"
#include "engine/attempt.h"
#include "world.h"

static struct world w;

static int setup(void **state)
{
    (void)state;
    world_init(&w);
    world_open(&w);
    return 0;
}

/* What a failed test left running holds on to our standard output, too. */
static void kill_left(void)
{
    struct wire_status status;
    int attempts = openat(w.state_fd, "attempts", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    for (uint32_t job = 1; job <= 30; job++) {
        int dir = attempt_open(attempts, job, 1);
        if (dir >= 0 && attempt_locked(dir) && attempt_read_status(dir, &status) == 0)
            kill(status.supervisor_pid, SIGKILL); /* and its job with it */
        io_close(&dir);
    }
    io_close(&attempts);
}

static int teardown(void **state)
{
    (void)state;
    kill_left();
    world_finish(&w);
    return 0;
}

/* --- a client ----------------------------------------------------------------------------------- */

struct client {
    int ctl_fd, fd;
    char seen[1 << 20]; /* all it was shown */
    size_t seen_n;
    struct wire_msg last; /* not a status */
};

static usec_t deadline(void) { return io_boot_now() + WORLD_WAIT_MS * USEC_PER_MSEC; }

static bool readable(int fd, usec_t until)
{
    struct pollfd p = { .fd = fd, .events = POLLIN };
    usec_t left = until - io_boot_now();
    return left > 0 && poll(&p, 1, (int)(left / USEC_PER_MSEC) + 1) == 1;
}

/* The next record that is no status; its descriptor or -1. */
static int receive(struct client *c)
{
    usec_t until = deadline();
    for (;;) {
        union {
            char bytes[CMSG_SPACE(sizeof(int))];
            struct cmsghdr header;
        } control;
        struct iovec part = { &c->last, sizeof c->last };
        struct msghdr header = { .msg_iov = &part, .msg_iovlen = 1, .msg_control = control.bytes,
                                 .msg_controllen = sizeof control.bytes };
        if (!readable(c->ctl_fd, until))
            fail_msg("the supervisor does not speak");
        ssize_t n = recvmsg(c->ctl_fd, &header, MSG_CMSG_CLOEXEC);
        assert_int_equal(n, sizeof c->last);
        if (c->last.type == WIRE_STATUS || c->last.type == WIRE_RUNNING)
            continue;
        struct cmsghdr *got = CMSG_FIRSTHDR(&header);
        int fd = -1;
        if (got)
            memcpy(&fd, CMSG_DATA(got), sizeof fd);
        return fd;
    }
}

static void tell(struct client *c, uint32_t type, int64_t arg, int64_t arg2)
{
    struct wire_msg m = { .magic = WIRE_MAGIC, .version = WIRE_VERSION, .type = type, .arg = arg, .arg2 = arg2 };
    assert_int_equal(send(c->ctl_fd, &m, sizeof m, MSG_NOSIGNAL), sizeof m);
}

static struct client *client_new(uint32_t job)
{
    struct client *c = calloc(1, sizeof *c);
    assert_non_null(c);
    c->fd = -1;
    c->ctl_fd = engine_contact(w.engine, job, 1);
    assert_true(c->ctl_fd >= 0);
    return c;
}

static struct client *attach(uint32_t job, int rows, int columns)
{
    struct client *c = client_new(job);
    tell(c, WIRE_ATTACH, rows, columns);
    c->fd = receive(c);
    assert_int_equal(c->last.type, WIRE_ATTACHED);
    assert_true(c->fd >= 0);
    return c;
}

static void leave(struct client *c)
{
    io_close(&c->ctl_fd);
    io_close(&c->fd);
    free(c);
}

static void type(struct client *c, const char *text)
{
    assert_int_equal(send(c->fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

static bool read_more(struct client *c, usec_t until)
{
    if (!readable(c->fd, until))
        return false;
    assert_true(c->seen_n < sizeof c->seen - 1);
    ssize_t n = recv(c->fd, c->seen + c->seen_n, sizeof c->seen - 1 - c->seen_n, 0);
    if (n <= 0)
        return false;
    c->seen_n += (size_t)n;
    c->seen[c->seen_n] = 0;
    return true;
}

static void see(struct client *c, const char *text)
{
    usec_t until = deadline();
    while (!memmem(c->seen, c->seen_n, text, strlen(text)))
        if (!read_more(c, until))
            fail_msg("did not see \"%s\" in \"%s\"", text, c->seen);
}

static void see_end(struct client *c)
{
    usec_t until = deadline();
    while (read_more(c, until))
        ;
    assert_true(io_boot_now() < until);
}

static void forget_seen(struct client *c)
{
    c->seen_n = 0;
    c->seen[0] = 0;
}

static void start(uint32_t job, const struct world_job *j)
{
    assert_int_equal(world_start(&w, job, 1, j), 0);
    assert_int_equal(world_next(&w, job).kind, ENGINE_STARTED);
}

/* --- the terminal -------------------------------------------------------------------------------- */

static void it_is_a_terminal(void **state)
{
    (void)state;
    start(1, &(struct world_job){ .pty = "30 100", .shell = 1, .argv = {
        "test -t 0 && test -t 1 && test -t 2 && echo all three; stty size; stty -a | grep -o ' iutf8'; "
        "cut -d' ' -f4-8 /proc/$$/stat; tty; read line; echo got $line; exit 3" } });
    struct client *c = attach(1, 0, 0);
    see(c, "all three\r\n30 100\r\n iutf8\r\n");
    see(c, "\r\n/dev/pts/");
    type(c, "한글 입력\n");
    see(c, "got 한글 입력\r\n");
    struct engine_event e = world_next(&w, 1);
    assert_int_equal(e.kind, ENGINE_ENDED);
    assert_int_equal(e.code, 3);
    see_end(c);
    (void)receive(c);
    assert_int_equal(c->last.type, WIRE_ENDED);
    assert_int_equal(c->last.end.code, 3);
    /* leader of its session, in the foreground of its terminal */
    int parent, group, session, tty, foreground;
    const char *log = strstr(world_read(&w, "out"), "iutf8");
    assert_non_null(log);
    assert_int_equal(sscanf(strchr(log, '\n'), "%d %d %d %d %d", &parent, &group, &session, &tty, &foreground), 5);
    assert_true(group == session && group == foreground && tty != 0);
    assert_non_null(strstr(log, "한글 입력\r\ngot")); /* the log has what the screen had */
    leave(c);
}

static void keys_signal_and_stop(void **state)
{
    (void)state;
    start(1, &(struct world_job){ .pty = "24 80", .argv = { "bash", "--norc", "-i" } });
    struct client *c = attach(1, 24, 80);
    see(c, "bash-"); /* its prompt: it reads by now */
    type(c, "sh -c 'echo is\"\"up; exec sleep 1000'\n");
    see(c, "isup"); /* in the foreground by now */
    type(c, "\003"); /* its echo may be flushed with what it interrupts: not waited for */
    type(c, "echo code $?\n");
    see(c, "code 130");
    type(c, "sh -c 'trap \"echo on\\\"\\\"again\" CONT; echo is\"\"too; while :; do sleep 1001 & wait; done'\n");
    see(c, "istoo");
    type(c, "\032");
    see(c, "Stopped");
    forget_seen(c);
    type(c, "fg\n");
    see(c, "onagain"); /* continued, so it has the terminal */
    type(c, "\003");
    type(c, "exit 7\n");
    struct engine_event e = world_next(&w, 1);
    assert_int_equal(e.code, 7);
    leave(c);
}

static void sizes_follow_whoever_leads(void **state)
{
    (void)state;
    start(1, &(struct world_job){ .pty = "24 80", .shell = 1, .argv = {
        "trap 'stty size' WINCH; echo ready; while :; do read line || :; test \"$line\" = end && exit; done" } });
    struct client *a = attach(1, 30, 90);
    see(a, "ready");
    struct client *b = attach(1, 40, 120); /* comes last: leads */
    see(b, "40 120\r\n");
    see(a, "40 120\r\n");
    type(a, "x\n"); /* types: leads */
    see(b, "30 90\r\n");
    tell(b, WIRE_SIZE, 50, 150);
    see(a, "50 150\r\n");
    forget_seen(a);
    leave(b); /* the other one leads again */
    see(a, "30 90\r\n");
    tell(a, WIRE_SIZE, 0, 5);
    tell(a, WIRE_SIZE, -1, 1 << 20); /* nonsense changes nothing */
    type(a, "end\n");
    assert_int_equal(world_next(&w, 1).kind, ENGINE_ENDED);
    assert_null(strstr(a->seen + 10, " 5\r\n"));
    leave(a);
}

/* What a client that comes later is shown: the lines, without editors and questions, and the modes. */
static void a_later_client_is_shown_what_was(void **state)
{
    (void)state;
    start(1, &(struct world_job){ .pty = "24 80", .shell = 1, .argv = {
        "printf 'one\\033[6n\\a\\n\\033[?1049h\\033[2JEDITOR\\033[?1049ltwo\\n\\033[?2004h'; touch go; "
        "read x; printf '\\033[?1049h\\033[H\\033[2J\\033[?25lFULL\\033[5;1Hscreen'; touch full; read x; exit 0" } });
    world_wait_file(&w, "go", 0);
    struct client *c = attach(1, 24, 80);
    see(c, "two\r\n");
    see(c, "\033[?2004h");
    assert_null(strstr(c->seen, "EDITOR"));
    assert_null(strstr(c->seen, "\033[6n"));
    assert_null(strchr(c->seen, '\a'));
    type(c, "\n");
    world_wait_file(&w, "full", 0);
    see(c, "screen");
    struct client *d = attach(1, 24, 80);
    see(d, "\033[?1049h");
    see(d, "FULL\033[5;1Hscreen");
    assert_null(strstr(d->seen, "two"));
    type(d, "\n");
    assert_int_equal(world_next(&w, 1).kind, ENGINE_ENDED);
    leave(c);
    leave(d);
}

static void a_full_screen_program_draws_again(void **state)
{
    (void)state;
    start(1, &(struct world_job){ .pty = "24 80", .shell = 1, .argv = {
        "printf '\\033[?1049h'; trap 'set -- $(stty size); printf \"drawn$1 \"' WINCH; "
        "head -c 400000 /dev/zero | tr '\\0' x; touch go; while :; do read x || :; test \"$x\" = end && exit; done" } });
    world_wait_file(&w, "go", 0);
    struct client *c = attach(1, 24, 80); /* the wipe is long forgotten: clear, and let it draw */
    see(c, "\033[?1049h\033[H\033[2J");
    see(c, "drawn23 ");
    see(c, "drawn24 ");
    assert_true(c->seen_n < 1000);
    type(c, "end\n");
    assert_int_equal(world_next(&w, 1).kind, ENGINE_ENDED);
    leave(c);
}

static void only_the_leading_one_is_asked(void **state)
{
    (void)state;
    start(1, &(struct world_job){ .pty = "24 80", .shell = 1, .argv = {
        "echo ready; read x; printf 'a\\033[6nb\\n'; read x; printf 'c\\033[6nd\\n'; read x" } });
    struct client *a = attach(1, 24, 80), *b = attach(1, 24, 80);
    see(a, "ready");
    see(b, "ready");
    type(a, "\n");
    see(a, "a\033[6nb");
    see(b, "ab\r\n");
    type(b, "\n");
    see(b, "c\033[6nd");
    see(a, "cd\r\n");
    type(b, "\n");
    assert_int_equal(world_next(&w, 1).kind, ENGINE_ENDED);
    leave(a);
    leave(b);
}

/* --- what it must not cost ------------------------------------------------------------------------- */

static void a_client_that_does_not_read_holds_up_nobody(void **state)
{
    (void)state;
    start(1, &(struct world_job){ .pty = "24 80", .shell = 1, .argv = {
        "read x; seq 1 200000; touch done; read x; exit 5" } });
    struct client *stopped = attach(1, 24, 80), *reads = attach(1, 24, 80);
    type(reads, "\n");
    usec_t until = deadline();
    struct stat st;
    while (fstatat(w.dir_fd, "done", &st, 0) < 0) { /* nobody waits for anybody */
        assert_true(io_boot_now() < until);
        (void)read_more(reads, io_boot_now() + 20 * USEC_PER_MSEC);
        if (reads->seen_n > sizeof reads->seen / 2)
            forget_seen(reads);
    }
    see(reads, "200000\r\n");
    see(stopped, "bytes were not shown here]");
    see(stopped, "200000\r\n");
    assert_true(stopped->seen_n < 600000); /* a socket's worth, and the last lines */
    type(reads, "\n");
    assert_int_equal(world_next(&w, 1).code, 5);
    /* and the log has every line */
    FILE *log = fopen("/dev/null", "r");
    assert_non_null(log);
    fclose(log);
    char path[128];
    snprintf(path, sizeof path, "%s/out", w.dir);
    log = fopen(path, "r");
    assert_non_null(log);
    char line[64];
    long expect = 1;
    while (fgets(line, sizeof line, log))
        if (line[0] >= '1' && line[0] <= '9')
            assert_int_equal(atol(line), expect++);
    assert_int_equal(expect, 200001);
    fclose(log);
    leave(stopped);
    leave(reads);
}

static void what_the_job_does_not_read_waits_bounded(void **state)
{
    (void)state;
    start(1, &(struct world_job){ .pty = "24 80", .shell = 1, .argv = {
        "stty raw -echo; printf ready; while [ ! -e go ]; do sleep 0.05; done; head -c 300000 | cksum; touch sum; "
        "stty sane; read x" } });
    struct client *c = attach(1, 24, 80), *other = attach(1, 24, 80);
    see(c, "ready");
    char block[1000];
    size_t sent = 0;
    memset(block, 'k', sizeof block);
    while (sent < 300000) {
        ssize_t n = send(c->fd, block, sizeof block, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n < 0)
            break; /* the client is held up, nobody else */
        sent += (size_t)n;
    }
    assert_true(sent < 300000);
    tell(other, WIRE_SIZE, 31, 77);
    assert_int_equal(io_replace_file(w.dir_fd, "go", "", 0, 0600), 0);
    while (sent < 300000) {
        ssize_t n = send(c->fd, block, sizeof block, MSG_NOSIGNAL);
        assert_true(n > 0);
        sent += (size_t)n;
    }
    see(other, " 300000"); /* all of it arrived */
    type(other, "\n");
    assert_int_equal(world_next(&w, 1).kind, ENGINE_ENDED);
    leave(c);
    leave(other);
}

static void clients_come_and_die_the_job_stays(void **state)
{
    (void)state;
    start(1, &(struct world_job){ .pty = "24 80", .shell = 1, .argv = {
        "echo ready; while read x; do echo got $x; test $x = end && exit 9; done; exit 1" } });
    for (int i = 0; i < 40; i++) {
        struct client *c = attach(1, 24 + i, 80);
        see(c, "ready");
        char text[32];
        snprintf(text, sizeof text, "n%d\n", i);
        type(c, text);
        snprintf(text, sizeof text, "got n%d\r\n", i);
        see(c, text);
        if (i % 2)
            io_close(&c->ctl_fd); /* either end may go first */
        leave(c);
    }
    world_close(&w); /* and so does the daemon */
    world_open(&w);
    assert_int_equal(engine_recover(w.engine, 1, 1), 0);
    assert_int_equal(world_next(&w, 1).kind, ENGINE_STARTED);
    struct client *c = attach(1, 24, 80);
    see(c, "got n39\r\n");
    type(c, "end\n");
    see(c, "got end\r\n");
    see_end(c);
    assert_int_equal(world_next(&w, 1).code, 9);
    leave(c);
}

static void there_is_a_limit_and_the_daemon_still_gets_in(void **state)
{
    (void)state;
    struct client *all[6];
    start(1, &(struct world_job){ .pty = "24 80", .shell = 1, .argv = { "read x; exit 2" } });
    for (int i = 0; i < 6; i++)
        all[i] = attach(1, 24, 80);
    struct client *more = client_new(1);
    tell(more, WIRE_ATTACH, 24, 80);
    assert_int_equal(receive(more), -1);
    assert_int_equal(more->last.type, WIRE_REFUSED);
    assert_int_equal(more->last.arg, EUSERS);
    tell(all[0], WIRE_ATTACH, 24, 80); /* twice by one */
    assert_int_equal(receive(all[0]), -1);
    assert_int_equal(all[0]->last.type, WIRE_REFUSED);
    world_close(&w);
    world_open(&w);
    assert_int_equal(engine_recover(w.engine, 1, 1), 0);
    assert_int_equal(world_next(&w, 1).kind, ENGINE_STARTED);
    struct engine_use use;
    assert_int_equal(engine_use(w.engine, 1, 1, &use), 0);
    assert_int_equal(use.terminals, 6);
    type(all[5], "\n");
    assert_int_equal(world_next(&w, 1).code, 2);
    for (int i = 0; i < 6; i++)
        leave(all[i]);
    leave(more);
    start(2, &(struct world_job){ .argv = { "read x" }, .shell = 1, .feed = false, .in = "/dev/zero" });
    struct client *batch = client_new(2);
    tell(batch, WIRE_ATTACH, 24, 80);
    assert_int_equal(receive(batch), -1);
    assert_int_equal(batch->last.arg, ENOTTY);
    assert_int_equal(engine_use(w.engine, 2, 1, &use), E_NOT_FOUND);
    assert_int_equal(engine_stop(w.engine, 2, 1, 0), 0);
    world_next(&w, 2);
    leave(batch);
}

static void the_daemon_knows_when_it_was_used(void **state)
{
    (void)state;
    struct engine_use use = { 0 };
    struct engine_event e;
    usec_t before = io_boot_now();
    start(1, &(struct world_job){ .pty = "24 80", .shell = 1, .argv = { "echo hello; read x; read x" } });
    struct client *c = attach(1, 24, 80);
    see(c, "hello");
    usec_t until = deadline();
    while (use.terminals != 1 || !use.output_boot_at) { /* told by the supervisor: nobody asks it */
        assert_true(io_boot_now() < until);
        assert_false(world_wait(&w, &e, 10));
        assert_int_equal(engine_use(w.engine, 1, 1, &use), 0);
    }
    assert_true(use.output_boot_at >= before);
    assert_int_equal(use.input_boot_at, 0);
    type(c, "x\n");
    see(c, "x\r\n");
    usec_t typed = io_boot_now();
    leave(c);
    until = deadline();
    while (use.terminals != 0) {
        assert_true(io_boot_now() < until);
        assert_false(world_wait(&w, &e, 10));
        assert_int_equal(engine_use(w.engine, 1, 1, &use), 0);
    }
    assert_true(use.input_boot_at >= before && use.input_boot_at <= typed);
    assert_int_equal(engine_stop(w.engine, 1, 1, 0), 0);
    world_next(&w, 1);
}

/* --- the start and the end -------------------------------------------------------------------------- */

static int listen_as(const char *name)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    memcpy(address.sun_path + 1, name, strlen(name));
    socklen_t len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + strlen(name));
    assert_int_equal(bind(fd, (struct sockaddr *)&address, len), 0);
    assert_int_equal(listen(fd, 4), 0);
    return fd;
}

static void whoever_waits_for_the_start_misses_nothing(void **state)
{
    (void)state;
    char name[64], meet[96];
    snprintf(name, sizeof name, "eoul-test-%d", getpid());
    snprintf(meet, sizeof meet, "%d %s", (int)getuid(), name);
    int fd = listen_as(name);
    struct engine_event e = world_run(&w, 1, &(struct world_job){ .pty = "24 80", .meet = meet, .shell = 1,
                                                                  .argv = { "printf 'a\\033[6n'; exit 4" } });
    assert_int_equal(e.code, 4); /* over before anybody looked */
    struct client *c = calloc(1, sizeof *c);
    assert_non_null(c);
    c->ctl_fd = accept(fd, NULL, NULL);
    c->fd = receive(c);
    assert_int_equal(c->last.type, WIRE_ATTACHED);
    see_end(c);
    assert_string_equal(c->seen, "a\033[6n"); /* and as it was: this one may answer */
    (void)receive(c);
    assert_int_equal(c->last.end.code, 4);
    leave(c);
    io_close(&fd);
    /* Nobody waits any more: it runs all the same. */
    e = world_run(&w, 2, &(struct world_job){ .pty = "24 80", .meet = meet, .shell = 1, .argv = { "exit 6" } });
    assert_int_equal(e.code, 6);
    /* A stranger took the name: he gets nothing. */
    snprintf(meet, sizeof meet, "%d %s", (int)getuid() + 1, name);
    fd = listen_as(name);
    e = world_run(&w, 3, &(struct world_job){ .feed = true, .meet = meet, .shell = 1, .argv = { "cat; exit 8" } });
    assert_int_equal(e.code, 8);
    c = calloc(1, sizeof *c);
    assert_non_null(c);
    c->ctl_fd = accept(fd, NULL, NULL);
    assert_int_equal(recv(c->ctl_fd, &c->last, sizeof c->last, 0), 0);
    io_close(&c->ctl_fd);
    free(c);
    io_close(&fd);
}

static void input_is_fed_to_its_end(void **state)
{
    (void)state;
    char name[64], meet[96];
    snprintf(name, sizeof name, "eoul-test-%d", getpid());
    snprintf(meet, sizeof meet, "%d %s", (int)getuid(), name);
    int fd = listen_as(name);
    assert_int_equal(world_start(&w, 1, 1, &(struct world_job){ .feed = true, .meet = meet, .argv = { "cat" } }), 0);
    struct client *c = calloc(1, sizeof *c);
    assert_non_null(c);
    c->ctl_fd = accept(fd, NULL, NULL);
    c->fd = receive(c);
    assert_int_equal(c->last.type, WIRE_STDIN);
    assert_int_equal(write(c->fd, "fed\n", 4), 4);
    io_close(&c->fd);
    assert_int_equal(world_next(&w, 1).kind, ENGINE_STARTED);
    assert_int_equal(world_next(&w, 1).code, 0);
    assert_string_equal(world_read(&w, "out"), "fed\n");
    io_close(&c->ctl_fd);
    free(c);
    /* Whoever would feed it is killed before he took it: an end, not a wait without one. */
    assert_int_equal(world_start(&w, 2, 1, &(struct world_job){ .feed = true, .meet = meet, .argv = { "cat" } }), 0);
    assert_int_equal(world_next(&w, 2).kind, ENGINE_STARTED);
    io_close(&fd);
    assert_int_equal(world_next(&w, 2).code, 0);
}

static void stopping_a_shell_lets_its_work_end_first(void **state)
{
    (void)state;
    start(1, &(struct world_job){ .pty = "24 80", .grace_us = 20000000, .argv = { "bash", "--norc", "-i" } });
    struct client *c = attach(1, 24, 80);
    see(c, "bash-");
    type(c, "bash -c 'trap \"sleep 0.6; echo saved >saved; exit\" TERM; touch up; while :; do sleep 0.1; done'\n");
    world_wait_file(&w, "up", 0);
    usec_t before = io_boot_now();
    assert_int_equal(engine_stop(w.engine, 1, 1, 0), 0);
    struct engine_event e = world_next(&w, 1);
    assert_int_equal(e.cause, ATTEMPT_STOPPED);
    assert_string_equal(world_read(&w, "saved"), "saved\n"); /* not hung up on before it was done */
    assert_true(io_boot_now() - before < 15 * USEC_PER_SEC); /* nor was the whole grace needed */
    leave(c);
}

static void the_last_words_arrive(void **state)
{
    (void)state;
    for (uint32_t job = 1; job <= 30; job++) {
        start(job, &(struct world_job){ .pty = "24 80", .shell = 1, .argv = {
            "read x; seq 1 2000; printf last" } });
        struct client *c = attach(job, 24, 80);
        type(c, "\n");
        see_end(c);
        assert_string_equal(c->seen + c->seen_n - 10, "2000\r\nlast");
        assert_int_equal(world_next(&w, job).kind, ENGINE_ENDED);
        leave(c);
    }
}

static void a_job_may_close_its_terminal(void **state)
{
    (void)state;
    start(1, &(struct world_job){ .pty = "24 80", .shell = 1, .argv = {
        "echo out; tty=$(tty); exec </dev/null >/dev/null 2>&1; sleep 0.3; echo again >$tty; sleep 0.2; exit 3" } });
    struct client *c = attach(1, 24, 80);
    see(c, "out\r\nagain\r\n");
    see_end(c);
    assert_int_equal(world_next(&w, 1).code, 3);
    leave(c);
}

static void no_terminal_to_be_had_is_said(void **state)
{
    (void)state;
    struct err err = { 0 };
    attempt_explain(ATTEMPT_LAUNCH, STAGE_PTY, ENOSPC, "", &err);
    assert_non_null(strstr(err.text, "terminal"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
        CASE(it_is_a_terminal), CASE(keys_signal_and_stop), CASE(sizes_follow_whoever_leads),
        CASE(a_later_client_is_shown_what_was), CASE(a_full_screen_program_draws_again),
        CASE(only_the_leading_one_is_asked), CASE(a_client_that_does_not_read_holds_up_nobody),
        CASE(what_the_job_does_not_read_waits_bounded), CASE(clients_come_and_die_the_job_stays),
        CASE(there_is_a_limit_and_the_daemon_still_gets_in), CASE(the_daemon_knows_when_it_was_used),
        CASE(whoever_waits_for_the_start_misses_nothing), CASE(input_is_fed_to_its_end),
        CASE(stopping_a_shell_lets_its_work_end_first), CASE(the_last_words_arrive),
        CASE(a_job_may_close_its_terminal), CASE(no_terminal_to_be_had_is_said),
#undef CASE
    };
    return cmocka_run_group_tests_name("terminal", tests, NULL, NULL);
}
