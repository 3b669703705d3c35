/* test_http.c - the HTTP server against clients good and bad.
 *
 * The server runs in this process, each client in a child that says by its exit status which of its
 * lines was disappointed (0: none).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/io.h"
#include "web/http.h"

#define CLIENTS_MAX 300

/* --- the server --------------------------------------------------------------------------------------- */

struct server {
    struct loop *loop;
    struct http *http;
    struct loop_watch child;
    struct loop_timer late, watchdog, settle;
    struct http_request *parked;
    unsigned gone, served;
};

static void text(struct http_request *r, const char *s)
{
    struct buf b;
    buf_init(&b, 4096);
    buf_c(&b, s);
    http_reply(r, 200, "text/plain", &b);
}

static void on_late(struct loop_timer *t, void *data)
{
    struct server *s = data;
    struct http_request *r = s->parked;
    (void)t;
    s->parked = NULL;
    if (r)
        text(r, "late\n");
}

static void on_gone(void *data, struct http_request *r)
{
    struct server *s = data;
    assert_ptr_equal(r, s->parked);
    s->parked = NULL;
    s->gone++;
}

static void handler(void *data, struct http_request *r)
{
    struct server *s = data;
    struct buf b;
    static const char *const known[] = { "n", NULL };
    s->served++;
    if (str_is(r->path, "/echo")) {
        buf_init(&b, 64 << 20);
        buf_str(&b, r->body);
        http_reply(r, 200, "application/octet-stream", &b);
    } else if (str_is(r->path, "/who")) {
        buf_init(&b, 256);
        buf_printf(&b, "%u %d %s %.*s %s", (unsigned)r->peer.uid, r->peer.pid > 0,
                   r->lang == LANG_KO ? "ko" : "en", STR_ARG(http_query(r, "n")),
                   http_query_unknown(r, known) ? "unknown" : "known");
        http_reply(r, 200, "text/plain", &b);
    } else if (str_is(r->path, "/late")) {
        s->parked = r;
        http_await(r, on_gone, s);
        loop_timer_set(s->loop, &s->late, loop_now(s->loop).boot_at + 50 * USEC_PER_MSEC, on_late, s);
    } else if (str_is(r->path, "/wait")) {
        s->parked = r;
        http_await(r, on_gone, s);
    } else if (str_is(r->path, "/big")) {
        buf_init(&b, 64 << 20);
        char *room = buf_reserve(&b, 8 << 20);
        memset(room, 'x', 8 << 20);
        buf_added(&b, 8 << 20);
        http_reply(r, 200, "text/plain", &b);
    } else {
        text(r, "hello\n");
    }
}

/* --- clients --------------------------------------------------------------------------------------------- */

#define CHECK(what) do { if (!(what)) _exit(__LINE__ % 251 + 1); } while (0)

static void put(int fd, const char *s)
{
    CHECK(send(fd, s, strlen(s), MSG_NOSIGNAL) == (ssize_t)strlen(s));
}

/* Everything until the server closes or `until` was seen; the length. */
static size_t get(int fd, char *to, size_t size, const char *until)
{
    size_t n = 0;
    for (;;) {
        struct pollfd p = { .fd = fd, .events = POLLIN };
        CHECK(poll(&p, 1, 10000) == 1);
        ssize_t got = read(fd, to + n, size - 1 - n);
        if (got <= 0)
            break;
        n += (size_t)got;
        to[n] = '\0';
        if (until && strstr(to, until))
            break;
    }
    to[n] = '\0';
    return n;
}

static bool closed_by_server(int fd)
{
    char c;
    struct pollfd p = { .fd = fd, .events = POLLIN };
    return poll(&p, 1, 10000) == 1 && read(fd, &c, 1) <= 0;
}

static void keep_alive(int *fd)
{
    char in[4096];
    for (int i = 0; i < 3; i++) {
        put(fd[0], "GET /who?n=5 HTTP/1.1\r\nHost: eoul\r\nAccept-Language: ko-KR,en;q=0.5\r\n\r\n");
        get(fd[0], in, sizeof in, " known");
        char want[64];
        snprintf(want, sizeof want, "\r\n\r\n%u 1 ko 5 known", (unsigned)getuid());
        CHECK(strstr(in, want));
        CHECK(strncmp(in, "HTTP/1.1 200 OK\r\n", 17) == 0);
        CHECK(strstr(in, "X-Content-Type-Options: nosniff"));
    }
    put(fd[0], "GET /who?m=1 HTTP/1.1\r\nHost: eoul\r\n\r\n");
    get(fd[0], in, sizeof in, "known");
    CHECK(strstr(in, "en  unknown"));
}

static void pipelined(int *fd)
{
    char in[4096];
    put(fd[0], "GET /a HTTP/1.1\r\nHost: e\r\n\r\nGET /late HTTP/1.1\r\nHost: e\r\n\r\n"
               "GET /c HTTP/1.1\r\nHost: e\r\nConnection: close\r\n\r\n");
    get(fd[0], in, sizeof in, NULL);
    char *first = strstr(in, "hello\n"), *second = strstr(in, "late\n");
    CHECK(first && second && second > first && strstr(second, "hello\n"));
}

static void bodies(int *fd)
{
    enum { N = 3 << 20 };
    char *out = malloc(N), *in = malloc(N + 4096);
    CHECK(out && in);
    for (int i = 0; i < N; i++)
        out[i] = (char)('a' + i % 23);
    put(fd[0], "POST /echo HTTP/1.1\r\nHost: e\r\nContent-Length: 3145728\r\nConnection: close\r\n\r\n");
    for (size_t at = 0; at < N;) {
        ssize_t n = send(fd[0], out + at, N - at, MSG_NOSIGNAL);
        CHECK(n > 0);
        at += (size_t)n;
    }
    size_t n = get(fd[0], in, N + 4096, NULL);
    CHECK(n > N && memcmp(in + n - N, out, N) == 0);

    put(fd[1], "POST /echo HTTP/1.1\r\nHost: e\r\nTransfer-Encoding: chunked\r\n"
               "Connection: close\r\n\r\n5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n");
    get(fd[1], in, 4096, NULL);
    CHECK(strstr(in, "\r\n\r\nhello world"));
    free(out);
    free(in);
}

static void too_large(int *fd)
{
    char in[4096];
    put(fd[0], "POST /echo HTTP/1.1\r\nHost: e\r\nContent-Length: 99999999\r\n\r\n");
    get(fd[0], in, sizeof in, NULL);
    CHECK(strncmp(in, "HTTP/1.1 413 ", 13) == 0);
    CHECK(strstr(in, "{\"error\":{\"code\":\"too-large\",\"message\":\"The request is larger"));

    /* Unannounced: refused at its end, the connection lives on. */
    put(fd[1], "POST /echo HTTP/1.1\r\nHost: e\r\nTransfer-Encoding: chunked\r\n\r\n");
    char *chunk = malloc(65536 + 16);
    CHECK(chunk);
    memcpy(chunk, "10000\r\n", 7);
    memset(chunk + 7, 'x', 65536);
    memcpy(chunk + 7 + 65536, "\r\n", 2);
    for (int i = 0; i < 80; i++) { /* 5 MiB of 4 */
        size_t at = 0;
        while (at < 65536 + 9) {
            ssize_t n = send(fd[1], chunk + at, 65536 + 9 - at, MSG_NOSIGNAL);
            CHECK(n > 0);
            at += (size_t)n;
        }
    }
    free(chunk);
    put(fd[1], "0\r\n\r\n");
    get(fd[1], in, sizeof in, "several calls");
    CHECK(strncmp(in, "HTTP/1.1 413 ", 13) == 0);
    put(fd[1], "GET / HTTP/1.1\r\nHost: e\r\n\r\n");
    get(fd[1], in, sizeof in, "hello\n");
    CHECK(strncmp(in, "HTTP/1.1 200 ", 13) == 0);
}

static void methods_and_garbage(int *fd)
{
    char in[4096];
    put(fd[0], "DELETE /a HTTP/1.1\r\nHost: e\r\n\r\n");
    get(fd[0], in, sizeof in, NULL);
    CHECK(strncmp(in, "HTTP/1.1 405 ", 13) == 0 && strstr(in, "Allow: GET, POST\r\n"));
    put(fd[1], "\x16\x03\x01 this is not HTTP\r\n\r\n");
    CHECK(closed_by_server(fd[1]) || get(fd[1], in, sizeof in, NULL) < sizeof in);
    char *head = malloc(70000);
    CHECK(head);
    memset(head, 'a', 70000);
    memcpy(head, "GET / HTTP/1.1\r\nX: ", 19);
    (void)!send(fd[2], head, 70000, MSG_NOSIGNAL | MSG_DONTWAIT);
    free(head);
    get(fd[2], in, sizeof in, NULL);
    CHECK(strncmp(in, "HTTP/1.1 431 ", 13) == 0 || strncmp(in, "HTTP/1.1 4", 10) == 0);
}

static void leaves(int *fd)
{
    put(fd[0], "GET /wait HTTP/1.1\r\nHost: e\r\n\r\n");
    struct pollfd p = { .fd = fd[1], .events = POLLIN };
    char in[256];
    put(fd[1], "GET / HTTP/1.1\r\nHost: e\r\n\r\n"); /* answered after the other was parked */
    CHECK(poll(&p, 1, 10000) == 1 && read(fd[1], in, sizeof in) > 0);
    close(fd[0]);
}

static void slow_writer(int *fd)
{
    put(fd[0], "POST /echo HTTP/1.1\r\nHost: e\r\nContent-Length: 100\r\n\r\n");
    for (int i = 0; i < 100; i++) { /* a byte now and then does not buy more time */
        struct pollfd p = { .fd = fd[0], .events = POLLIN };
        if (poll(&p, 1, 20) == 1) {
            char c;
            CHECK(read(fd[0], &c, 1) <= 0);
            _exit(0);
        }
        if (send(fd[0], "x", 1, MSG_NOSIGNAL) < 0)
            _exit(0);
    }
    CHECK(!"closed by the server");
}

static void slow_reader(int *fd)
{
    static char in[1 << 16];
    size_t sum = 0;
    put(fd[0], "GET /big HTTP/1.1\r\nHost: e\r\n\r\n");
    struct pollfd p = { .fd = fd[0], .events = POLLIN };
    CHECK(poll(&p, 1, 10000) == 1);
    put(fd[1], "GET / HTTP/1.1\r\nHost: e\r\n\r\n");
    get(fd[1], in, sizeof in, "hello\n");
    CHECK(closed_by_server(fd[1])); /* its patience began later: by now that of both is over */
    for (ssize_t n; (n = read(fd[0], in, sizeof in)) > 0;)
        sum += (size_t)n;
    CHECK(sum < 8 << 20); /* it never got all of it */
}

static void half_open(int *fd)
{
    for (int i = 0; i < CLIENTS_MAX; i++)
        CHECK(closed_by_server(fd[i]));
}

static void crowd(int *fd)
{
    unsigned busy = 0, served = 0;
    for (int i = 0; i < 8; i++) {
        char in[1024] = "";
        (void)!send(fd[i], "GET / HTTP/1.1\r\nHost: e\r\n\r\n", 27, MSG_NOSIGNAL);
        struct pollfd p = { .fd = fd[i], .events = POLLIN };
        CHECK(poll(&p, 1, 10000) == 1 && read(fd[i], in, sizeof in - 1) > 0);
        busy += strncmp(in, "HTTP/1.1 503 ", 13) == 0 && strstr(in, "\"code\":\"busy\"") != NULL;
        served += strncmp(in, "HTTP/1.1 200 ", 13) == 0;
        if (served == 4 && busy == 4)
            _exit(0);
    }
    CHECK(!"four served, four told that it is busy");
}

/* --- one scene ---------------------------------------------------------------------------------------------- */

static void quit(struct loop_timer *t, void *data)
{
    struct server *s = data;
    (void)t;
    loop_quit(s->loop, 0);
}

static void on_child(struct loop_watch *w, uint32_t events, void *data)
{
    struct server *s = data;
    (void)events;
    loop_watch_remove(w);
    /* Let the server see the ends of the child's connections before counting. */
    loop_timer_set(s->loop, &s->settle, loop_now(s->loop).boot_at + 20 * USEC_PER_MSEC, quit, s);
}

static void too_long(struct loop_timer *t, void *data)
{
    struct server *s = data;
    (void)t;
    loop_quit(s->loop, 99);
}

static struct http_counts play(struct http_options o, void (*client)(int *), int n, struct server *s)
{
    static int ours[CLIENTS_MAX], theirs[CLIENTS_MAX];
    *s = (struct server){ 0 };
    assert_int_equal(loop_create(&s->loop), 0);
    o.handler = handler;
    o.data = s;
    assert_int_equal(http_create(s->loop, &o, &s->http, NULL), 0);
    for (int i = 0; i < n; i++) {
        int pair[2];
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
        ours[i] = pair[0];
        theirs[i] = pair[1];
    }
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        for (int i = 0; i < n; i++)
            close(ours[i]);
        client(theirs);
        _exit(0);
    }
    const struct http_peer me = { getuid(), getgid(), pid };
    for (int i = 0; i < n; i++) {
        close(theirs[i]);
        http_take(s->http, ours[i], &me);
    }
    int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
    assert_true(pidfd >= 0);
    assert_int_equal(loop_watch_add(s->loop, &s->child, pidfd, LOOP_READ, on_child, s), 0);
    loop_timer_set(s->loop, &s->watchdog, io_boot_now() + 20 * USEC_PER_SEC, too_long, s);
    int code = loop_run(s->loop);
    if (code != 0)
        kill(pid, SIGKILL);
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(code, 0);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        fail_msg("the client was disappointed in the line that is %d modulo 251 plus 1",
                 WIFEXITED(status) ? WEXITSTATUS(status) : -1);
    struct http_counts counts = http_count(s->http);
    loop_watch_remove(&s->child);
    loop_timer_cancel(s->loop, &s->late);
    loop_timer_cancel(s->loop, &s->watchdog);
    close(pidfd);
    http_destroy(s->http);
    loop_destroy(s->loop);
    return counts;
}

static const struct http_options plain = { .body_max = 4 << 20 };

static void good_clients(void **state)
{
    struct server s;
    (void)state;
    assert_int_equal(play(plain, keep_alive, 1, &s).connections, 0);
    assert_int_equal(s.served, 4);
    assert_int_equal(play(plain, pipelined, 1, &s).connections, 0);
    assert_int_equal(s.served, 3);
    assert_int_equal(play(plain, bodies, 2, &s).connections, 0);
}

static void bad_clients(void **state)
{
    struct server s;
    (void)state;
    assert_int_equal(play(plain, too_large, 2, &s).connections, 0);
    assert_int_equal(s.served, 1);
    assert_int_equal(play(plain, methods_and_garbage, 3, &s).connections, 0);
    assert_int_equal(s.served, 0);
}

static void who_leaves_is_noticed(void **state)
{
    struct server s;
    (void)state;
    struct http_counts n = play(plain, leaves, 2, &s);
    assert_int_equal(s.gone, 1);
    assert_null(s.parked);
    assert_int_equal(n.parked, 0);
    assert_int_equal(n.connections, 0);
}

static const struct http_options hasty = { .body_max = 4 << 20, .patience_us = USEC_PER_SEC };

static void slow_clients(void **state)
{
    struct server s;
    (void)state;
    assert_int_equal(play(hasty, slow_writer, 1, &s).expired, 1);
    assert_int_equal(s.served, 0);
    assert_int_equal(play(hasty, slow_reader, 2, &s).expired, 2);
}

static long rss_pages(void)
{
    long total = 0, resident = 0;
    FILE *f = fopen("/proc/self/statm", "r");
    assert_non_null(f);
    assert_int_equal(fscanf(f, "%ld %ld", &total, &resident), 2);
    fclose(f);
    return resident;
}

static void half_open_clients(void **state)
{
    struct server s;
    (void)state;
    long before = rss_pages();
    struct http_counts n = play(hasty, half_open, CLIENTS_MAX, &s);
    assert_int_equal(n.expired, CLIENTS_MAX);
    assert_int_equal(n.connections, 0);
    assert_true(rss_pages() - before < 4096); /* 16 MiB for 300 of them */
}

static void crowds(void **state)
{
    struct server s;
    struct http_options o = plain;
    (void)state;
    o.per_user_max = 4;
    assert_int_equal(play(o, crowd, 8, &s).refused, 4);
    o.per_user_max = 0;
    o.connections_max = 4;
    assert_int_equal(play(o, crowd, 8, &s).refused, 4);
}

static const char waits[] = "GET /wait HTTP/1.1\r\nHost: e\r\n\r\n";

/* A server with one client, whose end is returned; what it has sent is served at once if it `sends_first`, and else
 * lies there when the server is brought to its end. */
static int serve_one(struct server *s, bool sends_first)
{
    int pair[2];
    struct http_options o = { .handler = handler, .data = s };
    const struct http_peer me = { getuid(), getgid(), getpid() };
    assert_int_equal(loop_create(&s->loop), 0);
    assert_int_equal(http_create(s->loop, &o, &s->http, NULL), 0);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair), 0);
    if (!sends_first)
        http_take(s->http, pair[0], &me);
    assert_true(write(pair[1], waits, sizeof waits - 1) == (ssize_t)sizeof waits - 1);
    if (sends_first)
        http_take(s->http, pair[0], &me);
    return pair[1];
}

static void end_and_find_closed(struct server *s, int fd)
{
    char c;
    http_destroy(s->http);
    errno = 0;
    assert_true(read(fd, &c, 1) <= 0 && errno != EAGAIN);
    close(fd);
    loop_destroy(s->loop);
}

/* A request that comes in while it ends is not taken up: parked, it would be there for ever. */
static void end_with_a_late_one(void **state)
{
    struct server s = { 0 };
    (void)state;
    end_and_find_closed(&s, serve_one(&s, false));
    assert_int_equal(s.served, 0);
}

/* Parked requests are told that it is over. */
static void end_with_parked(void **state)
{
    struct server s = { 0 };
    (void)state;
    int fd = serve_one(&s, true);
    assert_non_null(s.parked);
    end_and_find_closed(&s, fd);
    assert_int_equal(s.gone, 1);
}

int main(void)
{
    struct rlimit files = { 2048, 2048 };
    signal(SIGPIPE, SIG_IGN);
    (void)setrlimit(RLIMIT_NOFILE, &files);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_clients), cmocka_unit_test(bad_clients),
        cmocka_unit_test(who_leaves_is_noticed), cmocka_unit_test(slow_clients),
        cmocka_unit_test(half_open_clients), cmocka_unit_test(crowds),
        cmocka_unit_test(end_with_parked), cmocka_unit_test(end_with_a_late_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
