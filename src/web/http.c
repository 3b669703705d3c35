/* http.c - see http.h.
 *
 * libmicrohttpd 0.9.7x runs in its external epoll mode: its epoll descriptor is one watch of our
 * loop.  Deadlines are ours: every connection that we wait for has the same patience, so a list in
 * order of the last state change has the next one to expire at its head, and one timer suffices.
 */
#include "web/http.h"

#include <assert.h>
#include <errno.h>
#include <microhttpd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/io.h"

#define RUNS_PER_WAKE 8         /* rounds of libmicrohttpd before others get theirs */
#define HEADERS_MAX (32 * 1024) /* request line and headers of one connection */
#define BODY_KEEP_MAX (64 * 1024) /* body memory kept for a connection's next request */
#define USERS_MAX HTTP_CONNECTIONS_MAX

enum conn_state { CONN_READING, CONN_HANDLING, CONN_WRITING };

struct user { /* what one uid holds; a slot with no connections is free */
    uid_t uid;
    uint32_t connections;
    size_t bytes;
};

struct conn {
    struct http_request request; /* first: http_reply and friends get back to the conn */
    struct http *http;
    struct user *user;
    struct MHD_Connection *mhd;
    int fd;
    enum conn_state state;
    bool suspended;   /* parked in libmicrohttpd */
    bool replied;     /* http_reply was called; for want of memory there may be no response all the same */
    bool in_handler;
    bool closing;     /* no further request is served */
    bool too_large;
    int refused;      /* E_*: this request is answered with a refusal of ours */
    struct buf body;
    size_t held;      /* bytes counted on user */
    struct MHD_Response *response;
    unsigned status;
    void (*gone)(void *data, struct http_request *r);
    void *gone_data;
    struct loop_watch hangup;
    usec_t since_boot_at;     /* of the state, for the deadline */
    struct conn *older, *newer; /* READING and WRITING ones, oldest first */
    bool listed;
};

struct http {
    struct loop *loop;
    struct http_options o;
    struct MHD_Daemon *mhd;
    struct loop_watch mhd_watch;
    struct loop_timer expiry, again;
    struct conn *oldest, *newest;
    struct by_fd { struct conn *conn; } *by_fd; /* set before libmicrohttpd knows the descriptor */
    size_t by_fd_n;
    bool stopping; /* nothing new is taken up: it would be parked, and libmicrohttpd cannot stop with that */
    struct user users[USERS_MAX];
    uint32_t users_n;    /* slots ever used */
    struct http_counts counts;
    bool running;        /* inside MHD_run */
    bool again_set, expiry_set; /* the timers */
};

/* --- deadlines -------------------------------------------------------------------------------- */

static void on_expiry(struct loop_timer *t, void *data);

/* Deadlines only ever move later, so a timer that is set is soon enough: it finds nothing to do and
 * is set anew, instead of once for every request. */
static void arm_expiry(struct http *h)
{
    if (!h->oldest || h->expiry_set)
        return;
    h->expiry_set = true;
    loop_timer_set(h->loop, &h->expiry, h->oldest->since_boot_at + h->o.patience_us, on_expiry, h);
}

static void unlist(struct conn *c)
{
    struct http *h = c->http;
    if (!c->listed)
        return;
    *(c->older ? &c->older->newer : &h->oldest) = c->newer;
    *(c->newer ? &c->newer->older : &h->newest) = c->older;
    c->older = c->newer = NULL;
    c->listed = false;
}

/* Enter a state; those in which the client must do something count against its patience. */
static void enter(struct conn *c, enum conn_state state)
{
    struct http *h = c->http;
    unlist(c);
    c->state = state;
    if (state != CONN_HANDLING) {
        c->since_boot_at = loop_now(h->loop).boot_at;
        c->older = h->newest;
        *(h->newest ? &h->newest->newer : &h->oldest) = c;
        h->newest = c;
        c->listed = true;
    }
    arm_expiry(h);
}

static void run_mhd(struct http *h);
static void on_again(struct loop_timer *t, void *data);

/* A resumed connection makes libmicrohttpd's epoll descriptor readable no more than an added one
 * does: unless http_flush comes first, run in the loop's next round. */
static void want_run(struct http *h)
{
    if (h->running || h->again_set)
        return;
    h->again_set = true;
    loop_timer_set(h->loop, &h->again, loop_now(h->loop).boot_at, on_again, h);
}

static void on_expiry(struct loop_timer *t, void *data)
{
    struct http *h = data;
    usec_t now = loop_now(h->loop).boot_at;
    (void)t;
    h->expiry_set = false;
    while (h->oldest && h->oldest->since_boot_at + h->o.patience_us <= now) {
        struct conn *c = h->oldest;
        unlist(c);
        c->closing = true;
        h->counts.expired++;
        shutdown(c->fd, SHUT_RDWR); /* libmicrohttpd sees the end and closes */
    }
    arm_expiry(h);
    run_mhd(h);
}

/* --- users ------------------------------------------------------------------------------------ */

static struct user *user_of(struct http *h, uid_t uid)
{
    struct user *vacant = NULL;
    for (uint32_t i = 0; i < h->users_n; i++) {
        if (h->users[i].connections == 0)
            vacant = vacant ? vacant : &h->users[i];
        else if (h->users[i].uid == uid)
            return &h->users[i];
    }
    if (!vacant) {
        assert(h->users_n < USERS_MAX); /* as many slots as connections */
        vacant = &h->users[h->users_n++];
    }
    *vacant = (struct user){ .uid = uid };
    return vacant;
}

static bool hold(struct conn *c, size_t bytes)
{
    if (c->user->bytes + bytes > HTTP_USER_BYTES_MAX)
        return false;
    c->user->bytes += bytes;
    c->held += bytes;
    return true;
}

static void release_held(struct conn *c)
{
    assert(c->user->bytes >= c->held);
    c->user->bytes -= c->held;
    c->held = 0;
}

/* --- replies ---------------------------------------------------------------------------------- */

static void drop_response(struct conn *c)
{
    if (c->response)
        MHD_destroy_response(c->response);
    c->response = NULL;
}

static void add_header(struct MHD_Response *response, const char *name, const char *value)
{
    /* Only memory can fail here; a reply without the header is still the right reply. */
    if (MHD_add_response_header(response, name, value) != MHD_YES)
        return;
}

static void set_response(struct conn *c, int status, const char *content_type, struct buf *body)
{
    static char nothing[] = "";
    size_t len = body->ptr ? body->len : 0;
    c->response = body->ptr
        ? MHD_create_response_from_buffer_with_free_callback(len, body->ptr, free)
        : MHD_create_response_from_buffer(0, nothing, MHD_RESPMEM_PERSISTENT);
    if (!c->response)
        buf_finish(body);
    *body = (struct buf){ 0 };
    c->status = c->request.allow ? MHD_HTTP_METHOD_NOT_ALLOWED : (unsigned)status;
    if (c->response && c->request.allow)
        add_header(c->response, "Allow", c->request.allow);
    if (c->response) {
        add_header(c->response, "Content-Type", content_type);
        add_header(c->response, "X-Content-Type-Options", "nosniff");
        add_header(c->response, "Cache-Control", c->request.etag[0] ? "private, no-cache" : "no-store");
        if (c->request.etag[0])
            add_header(c->response, "ETag", c->request.etag);
        for (uint32_t i = 0; i < c->request.more_n; i++)
            add_header(c->response, c->request.more[i].name, c->request.more[i].value);
        c->request.more_n = 0;
    }
}

static void set_refusal(struct conn *c, int code)
{
    struct buf b;
    const char *sentence = code == E_TOO_LARGE
        ? N_("The request is larger than the daemon takes at once; submit in several calls.")
        : N_("Too many requests of yours are being answered at this moment; try again shortly.");
    drop_response(c);
    buf_init(&b, 1024);
    buf_printf(&b, "{\"error\":{\"code\":\"%s\",\"message\":\"%s\"}}", err_word(code),
               tr(c->request.lang, sentence));
    set_response(c, err_http_status(code), "application/json", &b);
}

static enum MHD_Result send_response(struct conn *c)
{
    enum MHD_Result queued;
    if (!c->response)
        return MHD_NO; /* out of memory: close, the client may ask again */
    if (c->closing)
        add_header(c->response, "Connection", "close");
    enter(c, CONN_WRITING);
    queued = MHD_queue_response(c->mhd, c->status, c->response);
    drop_response(c);
    return queued;
}

void http_reply(struct http_request *r, int status, const char *content_type, struct buf *take_body)
{
    struct conn *c = (struct conn *)r;
    assert(c->state == CONN_HANDLING && !c->response);
    c->replied = true;
    if (take_body->failed || !hold(c, take_body->len)) {
        buf_finish(take_body);
        *take_body = (struct buf){ 0 };
        set_refusal(c, E_BUSY);
    } else {
        set_response(c, status, content_type, take_body);
    }
    loop_watch_remove(&c->hangup);
    c->gone = NULL;
    if (c->in_handler)
        return; /* on_request sends it as soon as the handler returns */
    c->http->counts.parked--;
    c->suspended = false;
    MHD_resume_connection(c->mhd);
    want_run(c->http);
}

static void on_hangup(struct loop_watch *w, uint32_t events, void *data)
{
    struct conn *c = data;
    struct http *h = c->http;
    (void)w, (void)events;
    loop_watch_remove(&c->hangup);
    if (c->gone) {
        void (*gone)(void *, struct http_request *) = c->gone;
        c->gone = NULL;
        gone(c->gone_data, &c->request);
    }
    c->closing = true;
    h->counts.parked--;
    c->suspended = false;
    MHD_resume_connection(c->mhd); /* on_request is called again, finds no reply and closes */
    run_mhd(h);
}

void http_await(struct http_request *r, void (*gone)(void *data, struct http_request *r), void *data)
{
    struct conn *c = (struct conn *)r;
    assert(c->state == CONN_HANDLING && !c->response);
    c->gone = gone;
    c->gone_data = data;
    /* If the watch cannot be had (memory), the answer simply comes too late for whoever left. */
    (void)loop_watch_add(c->http->loop, &c->hangup, c->fd, LOOP_HANGUP, on_hangup, c);
}

/* --- requests --------------------------------------------------------------------------------- */

static void start_request(struct conn *c, const char *url, const char *method)
{
    struct http_request *r = &c->request;
    const char *accept = MHD_lookup_connection_value(c->mhd, MHD_HEADER_KIND, "Accept-Language");
    const char *length = MHD_lookup_connection_value(c->mhd, MHD_HEADER_KIND, "Content-Length");
    uint64_t announced;
    r->is_post = strcmp(method, "POST") == 0;
    r->path = str_of(url);
    r->lang = lang_from_accept(str_of(accept), LANG_EN);
    r->allow = NULL;
    r->etag[0] = '\0';
    r->more_n = 0;
    c->replied = false;
    const char *known = MHD_lookup_connection_value(c->mhd, MHD_HEADER_KIND, "If-None-Match");
    r->if_none_match = known ? str_of(known) : (struct str){ "", 0 };
    c->refused = 0;
    buf_clear(&c->body);
    if (length && str_u64(str_of(length), &announced) == 0 && announced > c->http->o.body_max)
        c->refused = E_TOO_LARGE;
}

static enum MHD_Result refuse_method(struct conn *c)
{
    struct buf b;
    buf_init(&b, 512);
    buf_printf(&b, "{\"error\":{\"code\":\"usage\",\"message\":\"%s\"}}",
               tr(c->request.lang, N_("The daemon answers GET and POST only.")));
    c->closing = true;
    c->request.allow = "GET, POST";
    set_response(c, MHD_HTTP_METHOD_NOT_ALLOWED, "application/json", &b);
    return send_response(c);
}

static void add_body(struct conn *c, const char *bytes, size_t len)
{
    if (c->refused)
        return; /* read on to the end so that the client gets to read why */
    if (c->body.len + len > c->http->o.body_max)
        c->refused = E_TOO_LARGE;
    else if (!hold(c, len))
        c->refused = E_BUSY;
    else
        buf_add(&c->body, bytes, len);
    if (c->body.failed)
        c->refused = E_BUSY;
}

static enum MHD_Result finish_request(struct conn *c)
{
    struct http *h = c->http;
    if (c->refused) {
        set_refusal(c, c->refused);
        return send_response(c);
    }
    c->request.body = buf_look(&c->body);
    enter(c, CONN_HANDLING);
    c->in_handler = true;
    h->o.handler(h->o.data, &c->request);
    c->in_handler = false;
    if (c->replied)
        return send_response(c);
    c->suspended = true;
    h->counts.parked++;
    MHD_suspend_connection(c->mhd);
    return MHD_YES;
}

/* libmicrohttpd calls this when the headers are there, for each piece of body, at the end of the
 * body, and again after a resume. */
static enum MHD_Result on_request(void *cls, struct MHD_Connection *mhd, const char *url,
                                  const char *method, const char *version, const char *upload,
                                  size_t *upload_size, void **request_cls)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    struct conn *c = info ? info->socket_context : NULL;
    (void)cls, (void)version;
    if (!c || ((c->closing || c->http->stopping) && !c->response))
        return MHD_NO;
    c->mhd = mhd;
    if (!*request_cls) {
        *request_cls = c;
        start_request(c, url, method);
        if (strcmp(method, "GET") != 0 && strcmp(method, "POST") != 0)
            return refuse_method(c);
        if (c->refused) { /* announced too large: say so before it is sent */
            c->closing = true;
            set_refusal(c, c->refused);
            return send_response(c);
        }
        return MHD_YES;
    }
    if (*upload_size > 0) {
        add_body(c, upload, *upload_size);
        *upload_size = 0;
        return MHD_YES;
    }
    if (c->state == CONN_HANDLING)
        return send_response(c); /* resumed */
    return finish_request(c);
}

static void on_completed(void *cls, struct MHD_Connection *mhd, void **request_cls,
                         enum MHD_RequestTerminationCode code)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    struct conn *c = info ? info->socket_context : NULL;
    (void)cls, (void)code;
    *request_cls = NULL;
    if (!c)
        return;
    release_held(c);
    if (c->body.size > BODY_KEEP_MAX)
        buf_finish(&c->body);
    buf_clear(&c->body);
    enter(c, CONN_READING);
}

struct str http_header(struct http_request *r, const char *name)
{
    struct conn *c = (struct conn *)r;
    const char *value = MHD_lookup_connection_value(c->mhd, MHD_HEADER_KIND, name);
    return value ? str_of(value) : (struct str){ NULL, 0 };
}

struct str http_query(struct http_request *r, const char *name)
{
    struct conn *c = (struct conn *)r;
    const char *value = MHD_lookup_connection_value(c->mhd, MHD_GET_ARGUMENT_KIND, name);
    return value ? str_of(value) : (struct str){ NULL, 0 };
}

struct unknown_search {
    const char *const *known;
    const char *found;
};

static enum MHD_Result look_at_parameter(void *cls, enum MHD_ValueKind kind, const char *key,
                                         const char *value)
{
    struct unknown_search *s = cls;
    (void)kind, (void)value;
    for (const char *const *k = s->known; *k; k++)
        if (strcmp(*k, key) == 0)
            return MHD_YES;
    s->found = key;
    return MHD_NO;
}

const char *http_query_unknown(struct http_request *r, const char *const *known)
{
    struct conn *c = (struct conn *)r;
    struct unknown_search s = { .known = known };
    MHD_get_connection_values(c->mhd, MHD_GET_ARGUMENT_KIND, look_at_parameter, &s);
    return s.found;
}

/* --- connections ------------------------------------------------------------------------------ */

static void on_connection(void *cls, struct MHD_Connection *mhd, void **socket_context,
                          enum MHD_ConnectionNotificationCode code)
{
    struct http *h = cls;
    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        const union MHD_ConnectionInfo *info =
            MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD);
        struct conn *c = h->by_fd[info->connect_fd].conn;
        c->mhd = mhd;
        *socket_context = c;
        return;
    }
    struct conn *c = *socket_context;
    *socket_context = NULL;
    if (!c)
        return;
    loop_watch_remove(&c->hangup);
    unlist(c);
    release_held(c);
    c->user->connections--;
    h->counts.connections--;
    h->by_fd[c->fd].conn = NULL;
    drop_response(c);
    buf_finish(&c->body);
    free(c);
}

static int remember_fd(struct http *h, int fd, struct conn *c)
{
    size_t need = (size_t)fd + 1;
    if (need > h->by_fd_n) {
        size_t n = need + 64;
        struct by_fd *bigger = realloc(h->by_fd, n * sizeof *bigger);
        if (!bigger)
            return E_NO_MEMORY;
        memset(bigger + h->by_fd_n, 0, (n - h->by_fd_n) * sizeof *bigger);
        h->by_fd = bigger;
        h->by_fd_n = n;
    }
    h->by_fd[fd].conn = c;
    return 0;
}

/* "Busy" without reading the request.  A small write to a fresh socket does not block. */
void http_turn_away(struct http *h, int fd)
{
    static const char body[] =
        "{\"error\":{\"code\":\"busy\",\"message\":"
        "\"Too many connections are open to the daemon; try again shortly.\"}}\n";
    char text[512];
    struct buf b;
    buf_init_fixed(&b, text, sizeof text);
    buf_printf(&b, "HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\n"
                   "Connection: close\r\nContent-Length: %zu\r\n\r\n%s", sizeof body - 1, body);
    ssize_t sent = send(fd, b.ptr, b.len, MSG_NOSIGNAL | MSG_DONTWAIT);
    (void)sent; /* who does not even take this sees the close */
    h->counts.refused++;
    close(fd);
}

void http_take(struct http *h, int fd, const struct http_peer *who)
{
    if (h->counts.connections >= h->o.connections_max) {
        http_turn_away(h, fd);
        return;
    }
    struct user *user = user_of(h, who->uid);
    if (h->o.per_user_max && user->connections >= h->o.per_user_max) {
        http_turn_away(h, fd);
        return;
    }
    struct conn *c = calloc(1, sizeof *c);
    if (!c || remember_fd(h, fd, c) < 0) {
        free(c);
        http_turn_away(h, fd);
        return;
    }
    c->http = h;
    c->fd = fd;
    c->user = user;
    c->hangup.fd = -1;
    c->request.peer = *who;
    buf_init(&c->body, h->o.body_max);
    user->connections++;
    h->counts.connections++;
    enter(c, CONN_READING);
    struct sockaddr nobody = { .sa_family = AF_UNIX };
    if (MHD_add_connection(h->mhd, fd, &nobody, sizeof nobody) == MHD_YES) {
        run_mhd(h); /* its epoll descriptor does not announce a connection added in turbo mode */
        return;
    }
    /* It closed fd, and told on_connection only if it had told it of the start. */
    if (h->by_fd[fd].conn == c) {
        unlist(c);
        user->connections--;
        h->counts.connections--;
        h->by_fd[fd].conn = NULL;
        buf_finish(&c->body);
        free(c);
    }
}

/* --- libmicrohttpd in the loop ------------------------------------------------------------------ */

static void on_again(struct loop_timer *t, void *data)
{
    (void)t;
    run_mhd(data); /* cancels what has fired already, which is nothing */
}

static void run_mhd(struct http *h)
{
    MHD_UNSIGNED_LONG_LONG timeout_ms = 0;
    if (h->running)
        return; /* a handler's reply inside MHD_run: that run goes on anyway */
    if (h->again_set)
        loop_timer_cancel(h->loop, &h->again);
    h->again_set = false;
    h->running = true;
    bool more = true;
    for (int i = 0; more && i < RUNS_PER_WAKE; i++) {
        MHD_run(h->mhd);
        more = MHD_get_timeout(h->mhd, &timeout_ms) == MHD_YES && timeout_ms == 0;
    }
    h->running = false;
    if (more)
        want_run(h);
}

static void on_mhd(struct loop_watch *w, uint32_t events, void *data)
{
    (void)w, (void)events;
    run_mhd(data);
}

void http_flush(struct http *h)
{
    run_mhd(h);
}

struct http_counts http_count(const struct http *h)
{
    return h->counts;
}

static int watch_all(struct http *h, struct err *err)
{
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(h->mhd, MHD_DAEMON_INFO_EPOLL_FD);
    if (!info)
        return err_set(err, E_INTERNAL, "The HTTP library does not offer its epoll descriptor.");
    if (loop_watch_add(h->loop, &h->mhd_watch, info->epoll_fd, LOOP_READ, on_mhd, h) < 0)
        return err_set(err, io_from_errno(errno), "The HTTP library's sockets cannot be watched: %s.",
                       strerror(errno));
    return 0;
}

/* A NUL would end the path where it stands, and "/v1/jobs/1%00x" would be job 1; as another control character
 * it is no name of anything. */
static size_t unescape(void *data, struct MHD_Connection *connection, char *s)
{
    (void)data, (void)connection;
    for (char *at = s; (at = strstr(at, "%00")) != NULL; at++)
        at[2] = '1';
    return MHD_http_unescape(s);
}

int http_create(struct loop *loop, const struct http_options *options, struct http **ret,
                struct err *err)
{
    struct http *h = calloc(1, sizeof *h);
    int code;
    if (!h)
        return err_set(err, E_NO_MEMORY, "There is not enough memory for the HTTP server.");
    h->loop = loop;
    h->o = *options;
    h->o.connections_max = h->o.connections_max ? h->o.connections_max : HTTP_CONNECTIONS_MAX;
    h->o.connections_max = h->o.connections_max < USERS_MAX ? h->o.connections_max : USERS_MAX;
    h->o.body_max = h->o.body_max ? h->o.body_max : HTTP_BODY_MAX;
    h->o.patience_us = h->o.patience_us ? h->o.patience_us : HTTP_PATIENCE_US;
    h->mhd_watch.fd = -1;
    /* Turbo: read and write before asking whether that is possible; most requests fit one of each. */
    h->mhd = MHD_start_daemon(MHD_USE_EPOLL | MHD_USE_NO_LISTEN_SOCKET | MHD_ALLOW_SUSPEND_RESUME |
                                  MHD_USE_TURBO | MHD_USE_SUPPRESS_DATE_NO_CLOCK,
                              0, NULL, NULL, on_request, h,
                              MHD_OPTION_NOTIFY_COMPLETED, on_completed, h,
                              MHD_OPTION_NOTIFY_CONNECTION, on_connection, h,
                              MHD_OPTION_CONNECTION_LIMIT, (unsigned)h->o.connections_max,
                              MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)HEADERS_MAX,
                              MHD_OPTION_CONNECTION_TIMEOUT, 0u,
                              MHD_OPTION_UNESCAPE_CALLBACK, unescape, NULL,
                              MHD_OPTION_SIGPIPE_HANDLED_BY_APP, 1, MHD_OPTION_END);
    if (!h->mhd) {
        http_destroy(h);
        return err_set(err, E_INTERNAL, "The HTTP library could not be started.");
    }
    code = watch_all(h, err);
    if (code < 0) {
        http_destroy(h);
        return code;
    }
    *ret = h;
    return 0;
}

static void abandon_parked(struct http *h)
{
    for (size_t i = 0; i < h->by_fd_n; i++) {
        struct conn *c = h->by_fd[i].conn;
        if (!c || !c->suspended)
            continue;
        loop_watch_remove(&c->hangup);
        if (c->gone)
            c->gone(c->gone_data, &c->request);
        c->gone = NULL;
        c->closing = true;
        c->suspended = false;
        h->counts.parked--;
        MHD_resume_connection(c->mhd);
    }
}

void http_destroy(struct http *h)
{
    if (!h)
        return;
    loop_watch_remove(&h->mhd_watch);
    if (h->mhd) {
        h->stopping = true;
        abandon_parked(h);
        run_mhd(h);
        MHD_stop_daemon(h->mhd);
    }
    loop_timer_cancel(h->loop, &h->expiry);
    loop_timer_cancel(h->loop, &h->again);
    free(h->by_fd);
    free(h);
}
