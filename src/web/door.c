/* door.c - see door.h: listening, who may ask, what every answer has in common. */
#include "web/door.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/io.h"
#include "daemon/config.h"

#define LISTEN_BACKLOG 64
#define LISTEN_BATCH 16u
#define READERS_MAX 64u       /* a proxy and some impatient phones */
#define READ_BODY_MAX 4096u   /* the largest form */
#define READ_PATIENCE_US (15 * USEC_PER_SEC)
#define MISSERS_MAX 256u      /* who sent wrong tokens lately; the oldest gives way */

struct misser {
    uint64_t who;
    usec_t since_boot_at;     /* 0: free */
    uint32_t n;
};

struct door {
    struct web *web;
    struct http *http;
    struct loop_watch listener;
    const char *address;      /* https://HOST; NULL: feeds only */
    struct misser missers[MISSERS_MAX];
};

/* --- answers ----------------------------------------------------------------------------------------- */

int door_nonce(char ret[DOOR_NONCE_TEXT])
{
    static const char letters[] = "0123456789abcdef";
    uint8_t bytes[DOOR_NONCE_TEXT / 2];
    if (getrandom(bytes, sizeof bytes, 0) != (ssize_t)sizeof bytes)
        return E_IO;
    for (size_t i = 0; i < sizeof bytes; i++) {
        ret[2 * i] = letters[bytes[i] >> 4];
        ret[2 * i + 1] = letters[bytes[i] & 15];
    }
    ret[DOOR_NONCE_TEXT - 1] = '\0';
    return 0;
}

void door_reply(struct http_request *r, int status, const char *nonce, struct buf *take_body)
{
    char policy[200];
    snprintf(policy, sizeof policy, "default-src 'none'; style-src 'nonce-%s'; form-action 'self'; base-uri 'none'; "
                                    "frame-ancestors 'none'", nonce);
    const struct http_header more[] = {
        { "Content-Security-Policy", policy },
        { "Referrer-Policy", "same-origin" }, /* "no-referrer" would make a form's Origin "null" */
        { "X-Robots-Tag", "noindex, nofollow" },
        { "Vary", "Accept-Language" },
    };
    r->more = more;
    r->more_n = sizeof more / sizeof more[0];
    http_reply(r, status, "text/html; charset=utf-8", take_body);
}

static void plainly(struct http_request *r, int status, const char *sentence)
{
    struct buf b;
    buf_init(&b, 512);
    buf_c(&b, sentence);
    buf_char(&b, '\n');
    http_reply(r, status, "text/plain; charset=utf-8", &b);
}

static void not_there(struct http_request *r)
{
    plainly(r, 404, tr(r->lang, "There is nothing here."));
}

/* --- wrong tokens ------------------------------------------------------------------------------------ */

static struct misser *misser_of(struct door *d, struct http_request *r, bool make)
{
    struct str who = http_header(r, "X-Real-IP");
    uint64_t hash = hash_bytes(5, who.ptr ? who.ptr : "", who.len);
    usec_t now = loop_now(d->web->loop).boot_at;
    struct misser *oldest = &d->missers[0];
    for (uint32_t i = 0; i < MISSERS_MAX; i++) {
        struct misser *m = &d->missers[i];
        if (m->since_boot_at && m->since_boot_at + DOOR_MISS_US <= now)
            *m = (struct misser){ 0 };
        if (m->since_boot_at && m->who == hash)
            return m;
        if (m->since_boot_at < oldest->since_boot_at)
            oldest = m;
    }
    if (!make)
        return NULL;
    *oldest = (struct misser){ .who = hash, .since_boot_at = now };
    return oldest;
}

/* false: too many wrong ones came from there; answered. */
static bool may_try(struct door *d, struct http_request *r)
{
    static const struct http_header later[] = { { "Retry-After", "60" } };
    const struct misser *m = misser_of(d, r, false);
    if (!m || m->n < DOOR_MISSES_MAX)
        return true;
    r->more = later;
    r->more_n = 1;
    plainly(r, 429, tr(r->lang, "Too many wrong addresses came from there; try again in a minute."));
    return false;
}

static void miss(struct door *d, struct http_request *r)
{
    misser_of(d, r, true)->n++;
    not_there(r);
}

/* --- routes -------------------------------------------------------------------------------------------- */

static bool between(struct str path, const char *before, const char *behind, struct str *ret)
{
    size_t front = strlen(before), back = strlen(behind);
    if (!str_starts(path, before) || path.len <= front + back ||
        !str_is(str_slice(path, path.len - back, path.len), behind))
        return false;
    *ret = str_slice(path, front, path.len - back);
    return str_find(*ret, '/') < 0;
}

/* Under the proxy's name, and a form's from our own page.  false: answered. */
static bool is_ours(const struct door *d, struct http_request *r)
{
    struct str host = http_header(r, "Host"), origin = http_header(r, "Origin"),
               site = http_header(r, "Sec-Fetch-Site");
    if (!d->address) {
        not_there(r);
        return false;
    }
    if (!str_is_nocase(host, d->address + sizeof "https://" - 1)) {
        plainly(r, 421, tr(r->lang, "This door has another name: the proxy must pass on Host, and eoul.yaml say its "
                                    "address."));
        return false;
    }
    if (r->is_post && ((origin.ptr && !str_is_nocase(origin, d->address)) ||
                       (site.ptr && !str_is(site, "same-origin") && !str_is(site, "none")))) {
        plainly(r, 403, tr(r->lang, "This form was sent by another site; nothing was done."));
        return false;
    }
    return true;
}

static void at_feed(struct door *d, struct http_request *r, struct str token)
{
    struct buf b;
    buf_init(&b, FEED_REPLY_MAX);
    int code = feeds_read(d->web->daemon, token, &b);
    if (code == 0) {
        feeds_send(r, &b);
        return;
    }
    buf_finish(&b);
    if (code == E_NOT_FOUND)
        miss(d, r);
    else
        not_there(r); /* of a fault inside, a stranger learns nothing either */
}

static void at_page(struct door *d, struct http_request *r, struct str token, bool feed)
{
    person_no no = 0;
    struct buf b;
    if (!is_ours(d, r))
        return;
    if (links_open(d->web->daemon, token, &no) < 0) {
        miss(d, r);
    } else if (r->is_post && !feed) {
        page_change(d->web, r, no);
    } else if (r->is_post) {
        not_there(r);
    } else if (feed) {
        buf_init(&b, FEED_REPLY_MAX);
        if (feeds_of_link(d->web->daemon, no, token, &b) == 0) {
            feeds_send(r, &b);
            return;
        }
        buf_finish(&b);
        not_there(r);
    } else {
        page_show(d->web, r, no);
    }
}

static void at_tap(struct door *d, struct http_request *r, struct str text)
{
    struct tap tap;
    if (!is_ours(d, r))
        return;
    int code = taps_read(d->web->daemon, text, &tap);
    if (code == E_TIMEOUT || code == E_EXISTS)
        tap_over(d->web, r, &tap, code);
    else if (code < 0)
        miss(d, r);
    else if (r->is_post)
        tap_give(d->web, r, &tap);
    else
        tap_show(d->web, r, &tap);
}

static void on_read(void *data, struct http_request *r)
{
    struct door *d = data;
    struct str part;
    if (!may_try(d, r))
        return;
    if (!r->is_post && between(r->path, "/feeds/", ".ics", &part))
        at_feed(d, r, part);
    else if (!r->is_post && between(r->path, "/p/", "/eoul.ics", &part))
        at_page(d, r, part, true);
    else if (between(r->path, "/p/", "", &part))
        at_page(d, r, part, false);
    else if (between(r->path, "/t/", "", &part))
        at_tap(d, r, part);
    else
        not_there(r);
}

/* --- life ------------------------------------------------------------------------------------------------ */

static void accepts(struct loop_watch *w, uint32_t events, void *data)
{
    static const struct http_peer nobody = { (uid_t)-1, (gid_t)-1, 0 };
    struct door *d = data;
    (void)events;
    for (uint32_t i = 0; i < LISTEN_BATCH; i++) {
        int fd = accept4(w->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd < 0)
            return;
        http_take(d->http, fd, &nobody);
    }
}

static int listen_at(struct door *d, uint16_t port)
{
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(port),
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    int one = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return io_from_errno(errno);
    int code = 0;
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) < 0 ||
        bind(fd, (struct sockaddr *)&address, sizeof address) < 0 || listen(fd, LISTEN_BACKLOG) < 0)
        code = io_from_errno(errno);
    if (code == 0)
        code = loop_watch_add(d->web->loop, &d->listener, fd, LOOP_READ, accepts, d);
    if (code < 0)
        io_close(&fd);
    return code;
}

int door_open(struct web *web)
{
    const struct config *config = daemon_config(web->daemon);
    if (!config->feeds_port)
        return 0;
    struct door *d = calloc(1, sizeof *d);
    if (!d)
        return E_NO_MEMORY;
    d->web = web;
    d->address = config->address;
    const struct http_options options = { .connections_max = READERS_MAX, .body_max = READ_BODY_MAX,
                                          .patience_us = READ_PATIENCE_US, .handler = on_read,
                                          .data = d };
    int code = http_create(web->loop, &options, &d->http, NULL);
    if (code == 0)
        code = listen_at(d, (uint16_t)config->feeds_port);
    if (code < 0) {
        http_destroy(d->http);
        free(d);
        return code;
    }
    web->door = d;
    return 0;
}

void door_flush(struct web *web)
{
    if (web->door)
        http_flush(web->door->http);
}

void door_close(struct web *web)
{
    struct door *d = web->door;
    if (!d)
        return;
    int fd = d->listener.fd;
    loop_watch_remove(&d->listener);
    io_close(&fd);
    http_destroy(d->http);
    free(d);
    web->door = NULL;
}
