/* http.h - one request over https, within limits, to the outside only.
 *
 * The name is resolved here, its addresses are looked at (address.h), the connection is pinned to
 * those that passed, and the address connected to is looked at once more.  Every redirect starts
 * again from there, at most HTTP_REDIRECTS_MAX; user and password go to the host they were given
 * for, no other.  Bytes on the wire, bytes unpacked, layers of packing and time are limited.
 *
 * Tests set EOUL_FETCH_LOOPBACK: then, and only then, this machine's loopback addresses may be
 * connected to, on any port, also without TLS; and EOUL_FETCH_CA names certificates to trust.
 */
#ifndef EOUL_FETCH_HTTP_H
#define EOUL_FETCH_HTTP_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/str.h"
#include "fetch/trouble.h"

#define HTTP_URL_MAX 2048
#define HTTP_IN_MAX (5l << 20)  /* on the wire */
#define HTTP_OUT_MAX (20l << 20) /* unpacked */
#define HTTP_MS_MAX 15000l      /* for one request and its answer */
#define HTTP_CONNECT_MS_MAX 5000l
#define HTTP_REDIRECTS_MAX 5
#define HTTP_HEADERS_MAX (64u << 10)

struct http;

struct http_ask {
    const char *method;       /* "GET", "PROPFIND", "REPORT" */
    const char *url;
    const char *user, *password; /* NULL: none */
    const char *home;         /* the URL user and password were given for; NULL: url */
    struct str body;          /* sent as application/xml, unless `headers` are given */
    struct str headers;       /* lines "Name: value", ended by '\n' */
    bool no_redirects;        /* the answer is taken as it is */
    bool plain;               /* not packed: an ETag is then that of the very bytes */
    const char *depth;        /* NULL: no Depth header */
    const char *etag, *last_modified; /* what is known; NULL or "": nothing */
    size_t out_max;           /* unpacked; 0: HTTP_OUT_MAX */
};

struct http_answer {
    long status;
    struct buf body;
    char url[HTTP_URL_MAX];   /* where it came from in the end */
    char etag[256], last_modified[64];
    long retry_after_s;       /* 0: not said, or said as a date */
};

/* NULL: not enough memory. */
struct http *http_new(void);
void http_free(struct http *h); /* accepts NULL */

/* Any status is an answer (TROUBLE_NONE); *detail is the status or curl's number where a trouble has
 * one.  http_answer_finish it in any case. */
enum trouble http_do(struct http *h, const struct http_ask *ask, struct http_answer *ret, long *detail);
/* A mail (ask->body: head and text, lines ended by CRLF) to a server at smtps://HOST (465) or smtp://HOST
 * (587, never without STARTTLS).  status 250: it was taken. */
enum trouble http_mail(struct http *h, const struct http_ask *ask, const char *from, const char *to,
                       struct http_answer *ret, long *detail);
void http_answer_finish(struct http_answer *a);

/* `href` seen at `base`, as a whole URL. */
bool http_join(const char *base, struct str href, char ret[HTTP_URL_MAX]);
/* Same scheme, host and port? */
bool http_same_host(const char *a, const char *b);
/* Scheme https, port in the list, no user in it; webcal: is rewritten to https:.  Without a look at
 * addresses. */
bool http_url_ok(const char *url, char ret[HTTP_URL_MAX]);

#endif
