/* http.c - see http.h. */
#include "fetch/http.h"

#include <curl/curl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "fetch/address.h"

#define ADDRESSES_MAX 16
#define AGENT "eoul/" EOUL_VERSION

struct http {
    CURL *curl;
    bool loopback; /* tests only */
};

struct exchange { /* one request on the wire */
    struct http *h;
    struct http_answer *to;
    size_t out_max, headers;
    unsigned layers;   /* of packing */
    bool too_large, refused, odd_packing;
    char location[HTTP_URL_MAX];
};

/* --- addresses ------------------------------------------------------------------------------------ */

struct parts {
    char scheme[16], host[256], port[8];
};

static bool part(CURLU *u, CURLUPart which, char *ret, size_t size, unsigned flags)
{
    char *text = NULL;
    bool found = curl_url_get(u, which, &text, flags) == CURLUE_OK &&
                 snprintf(ret, size, "%s", text) < (int)size;
    curl_free(text);
    return found;
}

static bool take_apart(const char *url, struct parts *ret)
{
    CURLU *u = curl_url();
    char none[256];
    bool ok = u && curl_url_set(u, CURLUPART_URL, url, 0) == CURLUE_OK &&
              part(u, CURLUPART_SCHEME, ret->scheme, sizeof ret->scheme, 0) &&
              part(u, CURLUPART_HOST, ret->host, sizeof ret->host, 0) &&
              part(u, CURLUPART_PORT, ret->port, sizeof ret->port, CURLU_DEFAULT_PORT) &&
              !part(u, CURLUPART_USER, none, sizeof none, 0) &&
              !part(u, CURLUPART_PASSWORD, none, sizeof none, 0);
    curl_url_cleanup(u);
    return ok;
}

static bool may_loopback(void)
{
    const char *said = getenv("EOUL_FETCH_LOOPBACK");
    return said && *said;
}

static bool port_ok(const struct parts *p)
{
    return strcmp(p->port, "443") == 0 || strcmp(p->port, "8443") == 0;
}

static bool mail_ok(const struct parts *p)
{
    return (strcmp(p->scheme, "smtps") == 0 && strcmp(p->port, "465") == 0) ||
           (strcmp(p->scheme, "smtp") == 0 && strcmp(p->port, "587") == 0);
}

/* The addresses of a host that may be connected to, as curl's CURLOPT_RESOLVE wants them. */
static enum trouble resolve(const struct http *h, const struct parts *p, struct curl_slist **ret)
{
    struct addrinfo wanted = { .ai_socktype = SOCK_STREAM }, *list = NULL;
    char bare[256];
    size_t len = strlen(p->host);
    bool bracket = len > 2 && p->host[0] == '[';
    snprintf(bare, sizeof bare, "%.*s", (int)(bracket ? len - 2 : len), p->host + bracket);
    if (getaddrinfo(bare, p->port, &wanted, &list) != 0)
        return TROUBLE_NO_HOST;
    struct buf text;
    unsigned n = 0;
    bool outside = (strcmp(p->scheme, "https") == 0 && port_ok(p)) || mail_ok(p);
    buf_init(&text, 4096);
    buf_printf(&text, "%s:%s:", bare, p->port);
    for (struct addrinfo *a = list; a && n < ADDRESSES_MAX; a = a->ai_next) {
        char shown[INET6_ADDRSTRLEN];
        if (!address_is_public(a->ai_addr, false) &&
            !(h->loopback && address_is_public(a->ai_addr, true)))
            continue;
        if (!outside && address_is_public(a->ai_addr, false))
            continue; /* other ports and no TLS are for tests on this machine */
        if (getnameinfo(a->ai_addr, a->ai_addrlen, shown, sizeof shown, NULL, 0, NI_NUMERICHOST) != 0)
            continue;
        buf_printf(&text, a->ai_family == AF_INET6 ? "%s[%s]" : "%s%s", n ? "," : "", shown);
        n++;
    }
    freeaddrinfo(list);
    *ret = n && !text.failed ? curl_slist_append(NULL, text.ptr) : NULL;
    buf_finish(&text);
    return n == 0 ? outside ? TROUBLE_INNER : TROUBLE_URL : *ret ? TROUBLE_NONE : TROUBLE_MEMORY;
}

bool http_url_ok(const char *url, char ret[HTTP_URL_MAX])
{
    struct parts p;
    bool webcal = strncasecmp(url, "webcal://", 9) == 0;
    if (snprintf(ret, HTTP_URL_MAX, "%s%s", webcal ? "https://" : "", url + (webcal ? 9 : 0)) >=
            HTTP_URL_MAX || !take_apart(ret, &p))
        return false;
    if (strcmp(p.scheme, "https") == 0 && port_ok(&p))
        return true;
    return may_loopback() && (strcmp(p.scheme, "https") == 0 || strcmp(p.scheme, "http") == 0);
}

bool http_same_host(const char *a, const char *b)
{
    struct parts pa, pb;
    return take_apart(a, &pa) && take_apart(b, &pb) && strcmp(pa.scheme, pb.scheme) == 0 &&
           strcasecmp(pa.host, pb.host) == 0 && strcmp(pa.port, pb.port) == 0;
}

bool http_join(const char *base, struct str href, char ret[HTTP_URL_MAX])
{
    char text[HTTP_URL_MAX];
    CURLU *u = curl_url();
    bool ok = u && href.len > 0 && href.len < sizeof text && !memchr(href.ptr, '\0', href.len) &&
              snprintf(text, sizeof text, "%.*s", STR_ARG(href)) > 0 &&
              curl_url_set(u, CURLUPART_URL, base, 0) == CURLUE_OK &&
              curl_url_set(u, CURLUPART_URL, text, 0) == CURLUE_OK &&
              part(u, CURLUPART_URL, ret, HTTP_URL_MAX, 0);
    curl_url_cleanup(u);
    return ok;
}

/* --- curl asks ------------------------------------------------------------------------------------ */

static curl_socket_t open_socket(void *data, curlsocktype purpose, struct curl_sockaddr *address)
{
    struct exchange *x = data;
    (void)purpose;
    if (!address_is_public(&address->addr, x->h->loopback)) {
        x->refused = true;
        return CURL_SOCKET_BAD;
    }
    return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

static size_t take_body(char *bytes, size_t size, size_t n, void *data)
{
    struct exchange *x = data;
    size_t len = size * n;
    if (x->to->body.len + len > x->out_max) {
        x->too_large = true;
        return 0;
    }
    buf_add(&x->to->body, bytes, len);
    return x->to->body.failed ? 0 : len;
}

static void keep(char *to, size_t size, struct str value)
{
    if (value.len < size)
        snprintf(to, size, "%.*s", STR_ARG(value));
}

static bool plain_packing(struct str value)
{
    return str_is_nocase(value, "gzip") || str_is_nocase(value, "x-gzip") ||
           str_is_nocase(value, "deflate") || str_is_nocase(value, "identity");
}

static size_t take_header(char *bytes, size_t size, size_t n, void *data)
{
    struct exchange *x = data;
    size_t len = size * n;
    struct str name, value = str_trim((struct str){ bytes, len });
    uint64_t wait_s;
    x->headers += len;
    if (x->headers > HTTP_HEADERS_MAX) {
        x->too_large = true;
        return 0;
    }
    if (str_starts(value, "HTTP/")) { /* of a further answer, after a 100 Continue */
        x->to->etag[0] = x->to->last_modified[0] = x->location[0] = '\0';
        x->layers = 0;
        return len;
    }
    if (!str_next(&value, ':', &name))
        return len;
    value = str_trim(value);
    if (str_is_nocase(name, "ETag"))
        keep(x->to->etag, sizeof x->to->etag, value);
    else if (str_is_nocase(name, "Last-Modified"))
        keep(x->to->last_modified, sizeof x->to->last_modified, value);
    else if (str_is_nocase(name, "Retry-After"))
        x->to->retry_after_s = str_u64(value, &wait_s) == 0 && wait_s < 86400 ? (long)wait_s : 0;
    else if (str_is_nocase(name, "Location"))
        keep(x->location, sizeof x->location, value);
    else if (str_is_nocase(name, "Content-Encoding") && value.len) {
        x->layers++;
        x->odd_packing = x->layers > 1 || !plain_packing(value);
    }
    return x->odd_packing ? 0 : len;
}

static int look_at_progress(void *data, curl_off_t want, curl_off_t got, curl_off_t up_want,
                            curl_off_t up)
{
    struct exchange *x = data;
    (void)want, (void)up_want, (void)up;
    if (got <= HTTP_IN_MAX)
        return 0;
    x->too_large = true;
    return 1;
}

/* --- one request ---------------------------------------------------------------------------------- */

static void add_header(struct curl_slist **list, bool *failed, const char *name, const char *value)
{
    char text[HTTP_URL_MAX];
    if (!value || !*value)
        return;
    snprintf(text, sizeof text, "%s: %s", name, value);
    struct curl_slist *longer = curl_slist_append(*list, text);
    *failed = *failed || !longer;
    *list = longer ? longer : *list;
}

static void add_lines(struct curl_slist **list, bool *failed, struct str lines)
{
    struct str line;
    while (lines.len && str_next(&lines, '\n', &line)) {
        char text[HTTP_URL_MAX];
        if (line.len == 0)
            continue;
        bool fits = snprintf(text, sizeof text, "%.*s", STR_ARG(line)) < (int)sizeof text;
        struct curl_slist *longer = fits ? curl_slist_append(*list, text) : NULL;
        explicit_bzero(text, sizeof text); /* a key may stand there */
        *failed = *failed || !longer;
        *list = longer ? longer : *list;
    }
}

static void set_limits(CURL *c, struct exchange *x)
{
    curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(c, CURLOPT_TIMEOUT_MS, HTTP_MS_MAX);
    curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT_MS, HTTP_CONNECT_MS_MAX);
    curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, x->h->loopback ? "https,http" : "https");
    curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 0L); /* each hop goes through resolve() */
    curl_easy_setopt(c, CURLOPT_PROXY, "");
    curl_easy_setopt(c, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(c, CURLOPT_USERAGENT, AGENT);
    curl_easy_setopt(c, CURLOPT_ACCEPT_ENCODING, "gzip, deflate");
    curl_easy_setopt(c, CURLOPT_OPENSOCKETFUNCTION, open_socket);
    curl_easy_setopt(c, CURLOPT_OPENSOCKETDATA, x);
    curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, take_body);
    curl_easy_setopt(c, CURLOPT_WRITEDATA, x);
    curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, take_header);
    curl_easy_setopt(c, CURLOPT_HEADERDATA, x);
    curl_easy_setopt(c, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(c, CURLOPT_XFERINFOFUNCTION, look_at_progress);
    curl_easy_setopt(c, CURLOPT_XFERINFODATA, x);
    const char *ca = x->h->loopback ? getenv("EOUL_FETCH_CA") : NULL;
    if (ca)
        curl_easy_setopt(c, CURLOPT_CAINFO, ca);
}

static enum trouble trouble_of(CURLcode code, const struct exchange *x)
{
    if (x->too_large)
        return TROUBLE_TOO_LARGE;
    if (x->refused)
        return TROUBLE_INNER;
    if (x->odd_packing)
        return TROUBLE_ENCODING;
    switch (code) {
    case CURLE_OK: return TROUBLE_NONE;
    case CURLE_OPERATION_TIMEDOUT: return TROUBLE_TIMEOUT;
    case CURLE_COULDNT_RESOLVE_HOST: return TROUBLE_NO_HOST;
    case CURLE_COULDNT_CONNECT:
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
    case CURLE_GOT_NOTHING: return TROUBLE_CONNECT;
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CONNECT_ERROR: return TROUBLE_CERTIFICATE;
    case CURLE_BAD_CONTENT_ENCODING: return TROUBLE_ENCODING;
    case CURLE_PARTIAL_FILE: return TROUBLE_IO;
    case CURLE_LOGIN_DENIED: return TROUBLE_LOGIN;
    case CURLE_OUT_OF_MEMORY: return TROUBLE_MEMORY;
    case CURLE_URL_MALFORMAT: return TROUBLE_URL;
    default: return TROUBLE_PROTOCOL;
    }
}

static enum trouble once(struct exchange *x, const struct http_ask *ask, const char *url,
                         bool with_user, long *detail)
{
    CURL *c = x->h->curl;
    struct parts p;
    struct curl_slist *headers = NULL, *pinned = NULL;
    bool failed = false;
    if (!take_apart(url, &p))
        return TROUBLE_URL;
    enum trouble t = resolve(x->h, &p, &pinned);
    if (t != TROUBLE_NONE)
        return t;
    curl_easy_reset(c); /* connections stay open for the next request to the same host */
    set_limits(c, x);
    curl_easy_setopt(c, CURLOPT_URL, url);
    curl_easy_setopt(c, CURLOPT_RESOLVE, pinned);
    if (ask->plain)
        curl_easy_setopt(c, CURLOPT_ACCEPT_ENCODING, NULL);
    if (with_user && ask->user) {
        curl_easy_setopt(c, CURLOPT_HTTPAUTH, (long)CURLAUTH_BASIC);
        curl_easy_setopt(c, CURLOPT_USERNAME, ask->user);
        curl_easy_setopt(c, CURLOPT_PASSWORD, ask->password ? ask->password : "");
    }
    if (strcmp(ask->method, "GET") != 0) {
        curl_easy_setopt(c, CURLOPT_POSTFIELDS, ask->body.ptr ? ask->body.ptr : "");
        curl_easy_setopt(c, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)ask->body.len);
        curl_easy_setopt(c, CURLOPT_CUSTOMREQUEST, ask->method);
        if (!ask->headers.len)
            add_header(&headers, &failed, "Content-Type", "application/xml; charset=utf-8");
    }
    add_lines(&headers, &failed, ask->headers);
    add_header(&headers, &failed, "Depth", ask->depth);
    add_header(&headers, &failed, "If-None-Match", ask->etag);
    add_header(&headers, &failed, "If-Modified-Since", ask->last_modified);
    curl_easy_setopt(c, CURLOPT_HTTPHEADER, headers);
    CURLcode code = failed ? CURLE_OUT_OF_MEMORY : curl_easy_perform(c);
    t = trouble_of(code, x);
    if (t == TROUBLE_NONE)
        curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &x->to->status);
    else
        *detail = (long)code;
    curl_easy_setopt(c, CURLOPT_HTTPHEADER, NULL);
    curl_easy_setopt(c, CURLOPT_RESOLVE, NULL);
    curl_slist_free_all(headers);
    curl_slist_free_all(pinned);
    return t;
}

static bool redirects(long status)
{
    return status == 301 || status == 302 || status == 307 || status == 308;
}

enum trouble http_do(struct http *h, const struct http_ask *ask, struct http_answer *ret, long *detail)
{
    *ret = (struct http_answer){ 0 };
    *detail = 0;
    buf_init(&ret->body, HTTP_OUT_MAX);
    char first[HTTP_URL_MAX];
    if (!http_url_ok(ask->url, first))
        return TROUBLE_URL;
    memcpy(ret->url, first, sizeof first);
    for (int hop = 0; hop <= HTTP_REDIRECTS_MAX; hop++) {
        struct exchange x = { .h = h, .to = ret,
                              .out_max = ask->out_max ? ask->out_max : (size_t)HTTP_OUT_MAX };
        char next[HTTP_URL_MAX];
        buf_clear(&ret->body);
        bool at_home = http_same_host(ret->url, ask->home ? ask->home : first);
        enum trouble t = once(&x, ask, ret->url, at_home, detail);
        if (t != TROUBLE_NONE)
            return t;
        if (ask->no_redirects || !redirects(ret->status) || !x.location[0])
            return TROUBLE_NONE;
        if (!http_join(ret->url, str_of(x.location), next))
            return TROUBLE_REDIRECTS;
        if (!http_url_ok(next, ret->url))
            return TROUBLE_URL;
    }
    return TROUBLE_REDIRECTS;
}

/* --- mail ------------------------------------------------------------------------------------------ */

static size_t give_mail(char *to, size_t size, size_t n, void *data)
{
    struct str *left = data;
    size_t len = size * n < left->len ? size * n : left->len;
    memcpy(to, left->ptr, len);
    *left = str_slice(*left, len, left->len);
    return len;
}

static void set_mail(CURL *c, const struct http_ask *ask, const char *from, struct curl_slist *to,
                     struct str *left, bool loopback)
{
    curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "smtps,smtp");
    curl_easy_setopt(c, CURLOPT_USE_SSL, (long)(loopback ? CURLUSESSL_TRY : CURLUSESSL_ALL));
    curl_easy_setopt(c, CURLOPT_MAIL_FROM, from);
    curl_easy_setopt(c, CURLOPT_MAIL_RCPT, to);
    curl_easy_setopt(c, CURLOPT_UPLOAD, 1L);
    curl_easy_setopt(c, CURLOPT_READFUNCTION, give_mail);
    curl_easy_setopt(c, CURLOPT_READDATA, left);
    if (ask->user) {
        curl_easy_setopt(c, CURLOPT_USERNAME, ask->user);
        curl_easy_setopt(c, CURLOPT_PASSWORD, ask->password ? ask->password : "");
    }
}

enum trouble http_mail(struct http *h, const struct http_ask *ask, const char *from, const char *to,
                       struct http_answer *ret, long *detail)
{
    struct parts p;
    struct curl_slist *pinned = NULL, *receivers = NULL;
    struct str left = ask->body;
    struct exchange x = { .h = h, .to = ret, .out_max = ask->out_max };
    *ret = (struct http_answer){ 0 };
    *detail = 0;
    buf_init(&ret->body, HTTP_OUT_MAX);
    if (!take_apart(ask->url, &p) || (!mail_ok(&p) && !h->loopback) ||
        (strcmp(p.scheme, "smtps") != 0 && strcmp(p.scheme, "smtp") != 0))
        return TROUBLE_URL;
    enum trouble t = resolve(h, &p, &pinned);
    if (t != TROUBLE_NONE)
        return t;
    receivers = curl_slist_append(NULL, to);
    curl_easy_reset(h->curl);
    set_limits(h->curl, &x);
    set_mail(h->curl, ask, from, receivers, &left, h->loopback);
    curl_easy_setopt(h->curl, CURLOPT_URL, ask->url);
    curl_easy_setopt(h->curl, CURLOPT_RESOLVE, pinned);
    curl_easy_setopt(h->curl, CURLOPT_HEADERFUNCTION, NULL); /* SMTP's lines are no head */
    CURLcode code = receivers ? curl_easy_perform(h->curl) : CURLE_OUT_OF_MEMORY;
    t = trouble_of(code, &x);
    curl_easy_getinfo(h->curl, CURLINFO_RESPONSE_CODE, &ret->status);
    if (t == TROUBLE_NONE)
        ret->status = 250;
    else if (ret->status >= 400 && ret->status < 600 && t != TROUBLE_LOGIN)
        t = TROUBLE_NONE; /* it answered: no */
    *detail = (long)code;
    curl_easy_setopt(h->curl, CURLOPT_MAIL_RCPT, NULL);
    curl_easy_setopt(h->curl, CURLOPT_RESOLVE, NULL);
    curl_slist_free_all(receivers);
    curl_slist_free_all(pinned);
    return t;
}

void http_answer_finish(struct http_answer *a)
{
    buf_finish(&a->body);
}

struct http *http_new(void)
{
    struct http *h = calloc(1, sizeof *h);
    if (!h)
        return NULL;
    h->loopback = may_loopback();
    h->curl = curl_global_init(CURL_GLOBAL_DEFAULT) == 0 ? curl_easy_init() : NULL;
    if (!h->curl) {
        free(h);
        return NULL;
    }
    return h;
}

void http_free(struct http *h)
{
    if (!h)
        return;
    curl_easy_cleanup(h->curl);
    curl_global_cleanup();
    free(h);
}
