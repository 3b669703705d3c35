/* http.c - see http.h. */
#include "client/http.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/io.h"

void http_close(struct http *h)
{
    if (h->open)
        close(h->fd);
    h->open = false;
    h->fd = -1;
    buf_finish(&h->in);
    buf_finish(&h->body);
}

static int lost(struct http *h, struct err *err)
{
    int r = err_set(err, E_UNAVAILABLE, "The connection to the daemon was lost.");
    http_close(h);
    return r;
}

static int nonsense(struct http *h, struct err *err)
{
    int r = err_set(err, E_CORRUPT,
                    "What answers on the socket does not speak like eould; is EOUL_SOCKET right?");
    http_close(h);
    return r;
}

/* --- connecting ------------------------------------------------------------------------------- */

/* Who listens?  In one's own directory only this user can; elsewhere a stranger's socket would be
 * given scripts and environments. */
static int check_peer(int fd, const struct place *p, struct err *err)
{
    struct ucred peer;
    socklen_t len = sizeof peer;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) < 0)
        return err_set(err, E_IO, "The daemon's identity cannot be read: %s.", strerror(errno));
    if (peer.uid == p->uid || peer.uid == 0)
        return 0;
    struct stat st;
    if (p->mode != PLACE_PERSONAL && lstat(p->run_dir, &st) == 0 && st.st_uid == peer.uid)
        return 0; /* the system's eoul user, or the member who opened the team's daemon */
    return err_set(
        err, E_DENIED,
        "The daemon at \"%s\" runs as user %u, who does not own that place; eoul will not "
        "speak to it.",
        p->socket, peer.uid);
}

int http_connect(const struct place *p, const char *lang, struct http *ret, struct err *err)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    memcpy(address.sun_path, p->socket, sizeof address.sun_path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return err_set(err, io_from_errno(errno), "No socket can be made: %s.", strerror(errno));
    struct timeval patience = {.tv_sec = HTTP_CONNECT_US / USEC_PER_SEC};
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    int r;
    if (connect(fd, (struct sockaddr *)&address, sizeof address) < 0) {
        int error = errno;
        if (error == ENOENT)
            r = err_set(err, E_NOT_FOUND, "No daemon runs: there is no socket \"%s\".", p->socket);
        else if (error == ECONNREFUSED)
            r = err_set(err, E_UNAVAILABLE, "No daemon runs: nobody listens at \"%s\".", p->socket);
        else if (error == EAGAIN)
            r = err_set(err, E_TIMEOUT,
                        "The daemon at \"%s\" is too busy to take a connection; try again.",
                        p->socket);
        else
            r = err_set(err, io_from_errno(error),
                        "The daemon's socket \"%s\" cannot be reached: %s.", p->socket,
                        strerror(error));
        io_close(&fd);
        return r;
    }
    r = check_peer(fd, p, err);
    if (r < 0) {
        io_close(&fd);
        return r;
    }
    *ret = (struct http){.fd = fd, .open = true};
    snprintf(ret->lang, sizeof ret->lang, "%s", lang);
    buf_init(&ret->in, HTTP_HEAD_MAX + HTTP_BODY_MAX);
    buf_init(&ret->body, HTTP_BODY_MAX);
    return 0;
}

/* --- sending ---------------------------------------------------------------------------------- */

static int send_all(int fd, const char *at, size_t len)
{
    while (len > 0) {
        ssize_t n = send(fd, at, len, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        at += n;
        len -= (size_t)n;
    }
    return 0;
}

int http_send(struct http *h, const char *method, const char *path, struct str body,
              struct err *err)
{
    if (!h->open)
        return lost(h, err);
    char head[HTTP_PATH_MAX + 256];
    int n = snprintf(head, sizeof head, "%s %s HTTP/1.1\r\nHost: eoul\r\nAccept-Language: %s\r\n",
                     method, path, h->lang);
    if (n < 0 || (size_t)n > HTTP_PATH_MAX)
        return err_set(err, E_TOO_LARGE, "The request is too long: %.60s...", path);
    size_t len = (size_t)n;
    if (body.ptr)
        len +=
            (size_t)snprintf(head + len, sizeof head - len,
                             "Content-Type: application/json\r\nContent-Length: %zu\r\n", body.len);
    len += (size_t)snprintf(head + len, sizeof head - len, "\r\n");
    buf_clear(&h->in);
    buf_clear(&h->body);
    /* One packet for small bodies: a server that waits for the body would otherwise wake up twice.
     */
    if (body.ptr && body.len <= 64 * 1024) {
        struct buf whole;
        buf_init(&whole, sizeof head + body.len);
        buf_add(&whole, head, len);
        buf_str(&whole, body);
        int r = whole.failed ? whole.failed : send_all(h->fd, whole.ptr, whole.len);
        buf_finish(&whole);
        return r < 0 ? lost(h, err) : 0;
    }
    if (send_all(h->fd, head, len) < 0 || (body.ptr && send_all(h->fd, body.ptr, body.len) < 0)) {
        /* A daemon that refuses early (413) answers and closes: its sentence is still to be read.
         */
        struct pollfd ready = {.fd = h->fd, .events = POLLIN};
        if (poll(&ready, 1, 0) == 1 && (ready.revents & POLLIN))
            return 0;
        return lost(h, err);
    }
    return 0;
}

/* --- receiving -------------------------------------------------------------------------------- */

struct reader {
    struct http *h;
    usec_t deadline_boot_at;
    struct err *err;
};

/* More bytes into h->in; 0 at the end of the stream. */
static int more(struct reader *r)
{
    struct http *h = r->h;
    for (;;) {
        usec_t left_us = r->deadline_boot_at - io_boot_now();
        if (left_us <= 0) {
            int code = err_set(r->err, E_TIMEOUT,
                               "The daemon does not answer; \"eoul doctor\" may say why.");
            http_close(h);
            return code;
        }
        struct pollfd ready = {.fd = h->fd, .events = POLLIN};
        int n = poll(&ready, 1, (int)usec_min((left_us + 999) / 1000, 1000 * 1000));
        if (n < 0 && errno != EINTR)
            return lost(h, r->err);
        if (n <= 0)
            continue;
        size_t want = 64 * 1024;
        char *at = buf_reserve(&h->in, want);
        if (!at)
            return nonsense(h, r->err);
        ssize_t got = recv(h->fd, at, want, 0);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return lost(h, r->err);
        buf_added(&h->in, (size_t)got);
        return (int)got;
    }
}

/* The line at `at`, without its CR LF; more is read as needed. */
static int line_at(struct reader *r, size_t at, size_t limit, struct str *ret, size_t *ret_next)
{
    size_t looked = at;
    for (;;) {
        struct http *h = r->h;
        char *end =
            h->in.len > looked ? memchr(h->in.ptr + looked, '\n', h->in.len - looked) : NULL;
        if (end) {
            size_t len = (size_t)(end - (h->in.ptr + at));
            *ret_next = at + len + 1;
            if (len > 0 && h->in.ptr[at + len - 1] == '\r')
                len--;
            *ret = (struct str){h->in.ptr + at, len};
            return 0;
        }
        looked = h->in.len;
        if (looked - at > limit)
            return nonsense(h, r->err);
        int n = more(r);
        if (n < 0)
            return n;
        if (n == 0)
            return lost(h, r->err);
    }
}

static int read_until(struct reader *r, size_t len)
{
    while (r->h->in.len < len) {
        int n = more(r);
        if (n < 0)
            return n;
        if (n == 0)
            return lost(r->h, r->err);
    }
    return 0;
}

static int hex_u64(struct str s, uint64_t *ret)
{
    uint64_t value = 0;
    size_t n = 0;
    for (; n < s.len && s.ptr[n] != ';' && s.ptr[n] != ' '; n++) {
        char c = s.ptr[n];
        int digit = c >= '0' && c <= '9'                 ? c - '0'
                    : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10
                                                         : -1;
        if (digit < 0 || n >= 15)
            return E_INVALID;
        value = value << 4 | (uint64_t)digit;
    }
    *ret = value;
    return n == 0 ? E_INVALID : 0;
}

static int chunked(struct reader *r, size_t at)
{
    struct http *h = r->h;
    for (;;) {
        struct str line;
        uint64_t size;
        int code = line_at(r, at, 256, &line, &at);
        if (code < 0)
            return code;
        if (hex_u64(line, &size) < 0 || size > HTTP_BODY_MAX)
            return nonsense(h, r->err);
        if (size == 0)
            break;
        code = read_until(r, at + size + 2);
        if (code < 0)
            return code;
        buf_add(&h->body, h->in.ptr + at, size);
        if (h->body.failed)
            return nonsense(h, r->err);
        at += size + 2;
    }
    for (;;) { /* trailers */
        struct str line;
        int code = line_at(r, at, HTTP_HEAD_MAX, &line, &at);
        if (code < 0 || line.len == 0)
            return code;
    }
}

struct head {
    int status;
    bool has_length, is_chunked, closes;
    uint64_t length;
};

static bool header_is(struct str line, const char *name, struct str *ret_value)
{
    ptrdiff_t colon = str_find(line, ':');
    if (colon < 0 || !str_is_nocase(str_slice(line, 0, (size_t)colon), name))
        return false;
    *ret_value = str_trim(str_slice(line, (size_t)colon + 1, line.len));
    return true;
}

static int read_head(struct reader *r, struct head *head, size_t *ret_at)
{
    struct str line;
    size_t at = 0;
    int code = line_at(r, 0, HTTP_HEAD_MAX, &line, &at);
    if (code < 0)
        return code;
    uint64_t status;
    if (!str_starts(line, "HTTP/1.1 ") || str_u64(str_slice(line, 9, 12), &status) < 0 ||
        status < 100)
        return nonsense(r->h, r->err);
    *head = (struct head){.status = (int)status};
    for (;;) {
        code = line_at(r, at, HTTP_HEAD_MAX, &line, &at);
        if (code < 0)
            return code;
        if (at > HTTP_HEAD_MAX)
            return nonsense(r->h, r->err);
        if (line.len == 0)
            break;
        struct str value;
        if (header_is(line, "Content-Length", &value)) {
            head->has_length = true;
            if (str_u64(value, &head->length) < 0 || head->length > HTTP_BODY_MAX)
                return nonsense(r->h, r->err);
        } else if (header_is(line, "Transfer-Encoding", &value)) {
            head->is_chunked = str_is_nocase(value, "chunked");
        } else if (header_is(line, "Connection", &value)) {
            head->closes = str_is_nocase(value, "close");
        }
    }
    *ret_at = at;
    return 0;
}

int http_receive(struct http *h, usec_t timeout_us, struct http_answer *ret, struct err *err)
{
    if (!h->open)
        return lost(h, err);
    struct reader r = {.h = h, .deadline_boot_at = usec_add(io_boot_now(), timeout_us), .err = err};
    struct head head;
    size_t at = 0;
    int code;
    for (;;) {
        code = read_head(&r, &head, &at);
        if (code < 0)
            return code;
        if (head.status >= 200)
            break;
        buf_consume(&h->in, at); /* 100 Continue and its like */
    }
    if (head.is_chunked) {
        code = chunked(&r, at);
        if (code < 0)
            return code;
        *ret = (struct http_answer){.status = head.status, .body = buf_look(&h->body)};
    } else if (head.has_length || head.status == 204) {
        code = read_until(&r, at + head.length);
        if (code < 0)
            return code;
        *ret = (struct http_answer){head.status, {h->in.ptr + at, (size_t)head.length}};
    } else { /* until it closes */
        while ((code = more(&r)) > 0)
            ;
        if (code < 0)
            return code;
        head.closes = true;
        *ret = (struct http_answer){head.status, {h->in.ptr + at, h->in.len - at}};
    }
    if (head.closes) {
        close(h->fd);
        h->open = false;
        h->fd = -1;
    }
    return 0;
}

int http_call(struct http *h, const char *method, const char *path, struct str body,
              struct http_answer *ret, struct err *err)
{
    int r = http_send(h, method, path, body, err);
    return r < 0 ? r : http_receive(h, HTTP_ANSWER_US, ret, err);
}

void http_encode(struct buf *out, struct str value)
{
    static const char digits[] = "0123456789ABCDEF";
    for (size_t i = 0; i < value.len; i++) {
        unsigned char c = (unsigned char)value.ptr[i];
        if ((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
            strchr("-._~", c ? c : ' ')) {
            buf_char(out, (char)c);
        } else {
            buf_char(out, '%');
            buf_char(out, digits[c >> 4]);
            buf_char(out, digits[c & 15]);
        }
    }
}
