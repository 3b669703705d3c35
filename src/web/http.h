/* http.h - HTTP/1.1 on connected sockets: connections in, whole requests out, replies when ready.
 *
 * libmicrohttpd parses; the waiting is the loop's.  Whoever listens accepts and hands connections
 * over with what the kernel says about the peer, for three reasons: identity comes from SO_PEERCRED
 * alone, connections are counted per user, and a client that leaves while its request is parked is
 * noticed (libmicrohttpd drops a suspended connection's descriptor from its own epoll set and would
 * never know).
 *
 * A request reaches the handler once, whole.  The handler answers with http_reply() at once or
 * later (the daemon holds answers until its turn is committed).  Until the reply the request stays
 * valid; after it, it must not be touched.  http_await() asks to be told if the client leaves first:
 * `gone` is then called instead of a reply being possible.  A half-close counts as leaving there.
 *
 *   accept ──▶ READING ──whole──▶ HANDLING ──http_reply──▶ WRITING ──sent──▶ READING (keep-alive)
 *                 │                  │ http_await: hang-up ──▶ gone, closed
 *                 ╰── patience over ─┴───────────────────────╯──▶ closed
 *
 * What one user can cost the others is bounded: connections and bytes held (bodies and replies) per
 * user, connections in all, patience with slow readers and writers.  The program ignores SIGPIPE.
 *
 * Ownership: http owns the connections it took and their requests.
 */
#ifndef EOUL_WEB_HTTP_H
#define EOUL_WEB_HTTP_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"
#include "base/usec.h"
#include "i18n/tr.h"
#include "loop/loop.h"

#define HTTP_CONNECTIONS_MAX 1024      /* each holds a descriptor and at most 32 KiB of headers */
#define HTTP_BODY_MAX (64u << 20)      /* a submit of 10,000 jobs with an environment each */
#define HTTP_USER_BYTES_MAX (160u << 20) /* one user's bodies and replies held at once */
#define HTTP_PATIENCE_US (60 * USEC_PER_SEC) /* for a whole request, and again for a whole reply */

struct http;

struct http_peer { /* SO_PEERCRED */
    uid_t uid;
    gid_t gid;
    pid_t pid; /* for notes only: pids are reused */
};

struct http_header {
    const char *name, *value;
};

struct http_request {
    bool is_post;      /* else GET */
    struct str path;   /* "/v1/jobs/12": decoded, without the query */
    struct str body;
    struct http_peer peer;
    enum lang lang;    /* Accept-Language */
    struct str if_none_match; /* empty: not said */
    const struct http_header *more; /* the handler may set them: further headers of the reply, copied */
    uint32_t more_n;
    char etag[24];     /* the handler may set it: the reply's ETag */
    const char *allow; /* the handler may set a literal: the reply's Allow header (405) */
};

struct http_options {
    uint32_t connections_max;     /* 0: HTTP_CONNECTIONS_MAX */
    uint32_t per_user_max;        /* 0: no cap but the total */
    size_t body_max;              /* 0: HTTP_BODY_MAX */
    usec_t patience_us;           /* 0: HTTP_PATIENCE_US */
    void (*handler)(void *data, struct http_request *r);
    void *data;
};

int http_create(struct loop *loop, const struct http_options *options, struct http **ret,
                struct err *err);
/* Parked requests are told `gone`; what was already answered is sent as far as it goes at once. */
void http_destroy(struct http *h);

/* Take over a connected, non-blocking, close-on-exec stream socket.  What it has sent already is
 * served at once. */
void http_take(struct http *h, int fd, const struct http_peer *who);
/* Say "busy" and close: for a connection that nobody has the means to serve. */
void http_turn_away(struct http *h, int fd);

/* A header of the request, or an empty str with ptr NULL.  Borrowed until the reply. */
struct str http_header(struct http_request *r, const char *name);
/* The query parameter, or an empty str with ptr NULL.  Borrowed until the reply. */
struct str http_query(struct http_request *r, const char *name);
/* A parameter not in the NULL-terminated list, or NULL if there is none. */
const char *http_query_unknown(struct http_request *r, const char *const *known);

/* Answer and forget r.  With r->allow the status is 405 whatever `status` says.  Takes what *body holds (and leaves it zeroed).  content_type is a literal. */
void http_reply(struct http_request *r, int status, const char *content_type,
                struct buf *take_body);
/* Tell me if the client leaves before I reply. */
void http_await(struct http_request *r, void (*gone)(void *data, struct http_request *r), void *data);

/* Send what was answered now instead of at the loop's next wake-up. */
void http_flush(struct http *h);

struct http_counts {
    uint32_t connections, parked; /* parked: waiting for http_reply */
    uint64_t refused;             /* connections told "busy" since the start */
    uint64_t expired;             /* connections closed because patience was over */
};
struct http_counts http_count(const struct http *h);

#endif
