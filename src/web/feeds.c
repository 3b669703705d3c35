/* feeds.c - feeds by address: made and removed over the socket, read over TCP on loopback.
 *
 * The listener exists only where the configuration asks for it, on 127.0.0.1: a TLS proxy in front of it
 * is what the world sees.  It knows one thing, GET /feeds/TOKEN.ics; whoever asks is nobody, the token says
 * whose feed it is.  Nothing of a request is logged.
 */
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
#include "daemon/feeds.h"
#include "feed/feed.h"
#include "web/internal.h"

#define LISTEN_BACKLOG 64
#define LISTEN_BATCH 16u
#define READERS_MAX 64u       /* a proxy and some impatient phones */
#define READ_BODY_MAX 1024u   /* nobody sends one */
#define READ_PATIENCE_US (15 * USEC_PER_SEC)

struct feeds {
    struct web *web;
    struct http *http;
    struct loop_watch listener;
};

/* --- reading over TCP ---------------------------------------------------------------------------------- */

static void not_there(struct http_request *r)
{
    struct buf b;
    buf_init(&b, 64);
    buf_c(&b, "There is nothing here.\n");
    http_reply(r, 404, "text/plain; charset=utf-8", &b);
}

static void on_read(void *data, struct http_request *r)
{
    static const struct { const char *before, *behind; } shape = { "/feeds/", ".ics" };
    struct feeds *f = data;
    struct buf b;
    size_t front = strlen(shape.before), back = strlen(shape.behind);
    if (r->is_post || !str_starts(r->path, shape.before) || r->path.len <= front + back ||
        !str_is(str_slice(r->path, r->path.len - back, r->path.len), shape.behind)) {
        not_there(r);
        return;
    }
    buf_init(&b, FEED_BYTES_MAX * 2);
    int code = feeds_read(f->web->daemon, str_slice(r->path, front, r->path.len - back), &b);
    if (code < 0) {
        buf_finish(&b);
        not_there(r); /* of a fault inside, a stranger learns nothing either */
        return;
    }
    snprintf(r->etag, sizeof r->etag, "\"%016llx\"", (unsigned long long)hash_bytes(3, b.ptr, b.len));
    bool same = r->if_none_match.len && str_find(r->if_none_match, '*') != 0 &&
                memmem(r->if_none_match.ptr, r->if_none_match.len, r->etag, strlen(r->etag));
    if (same)
        buf_finish(&b);
    http_reply(r, same ? 304 : 200, "text/calendar; charset=utf-8", &b);
}

static void accepts(struct loop_watch *w, uint32_t events, void *data)
{
    static const struct http_peer nobody = { (uid_t)-1, (gid_t)-1, 0 };
    struct feeds *f = data;
    (void)events;
    for (uint32_t i = 0; i < LISTEN_BATCH; i++) {
        int fd = accept4(w->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd < 0)
            return;
        http_take(f->http, fd, &nobody);
    }
}

static int listen_at(struct feeds *f, uint16_t port)
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
        code = loop_watch_add(f->web->loop, &f->listener, fd, LOOP_READ, accepts, f);
    if (code < 0)
        io_close(&fd);
    return code;
}

int feeds_listen(struct web *web)
{
    const struct config *config = daemon_config(web->daemon);
    if (!config->feeds_port)
        return 0;
    struct feeds *f = calloc(1, sizeof *f);
    if (!f)
        return E_NO_MEMORY;
    f->web = web;
    const struct http_options options = { .connections_max = READERS_MAX, .body_max = READ_BODY_MAX,
                                          .patience_us = READ_PATIENCE_US, .handler = on_read,
                                          .data = f };
    int code = http_create(web->loop, &options, &f->http, NULL);
    if (code == 0)
        code = listen_at(f, (uint16_t)config->feeds_port);
    if (code < 0) {
        http_destroy(f->http);
        free(f);
        return code;
    }
    web->feeds = f;
    return 0;
}

void feeds_flush(struct web *web)
{
    if (web->feeds)
        http_flush(web->feeds->http);
}

void feeds_close(struct web *web)
{
    struct feeds *f = web->feeds;
    if (!f)
        return;
    int fd = f->listener.fd;
    loop_watch_remove(&f->listener);
    io_close(&fd);
    http_destroy(f->http);
    free(f);
    web->feeds = NULL;
}

/* --- over the socket -------------------------------------------------------------------------------------- */

struct listing {
    struct json_out *j;
    person_no no;
};

static int put_feed(const struct store_feed *row, void *data)
{
    struct listing *l = data;
    if (row->person != l->no)
        return 0;
    out_object(l->j);
    out_put_clean(l->j, "name", row->name);
    out_put_bool(l->j, "busy", row->busy);
    out_put_at(l->j, "add_at", row->add_at);
    out_end(l->j);
    return 0;
}

void feeds_write(struct json_out *j, struct web *web, person_no no)
{
    struct listing l = { j, no };
    out_key(j, "feeds");
    out_array(j);
    (void)store_feeds_each(daemon_store(web->daemon), put_feed, &l);
    out_end(j);
}

static void reply(struct web *web, struct http_request *r, person_no no, const char *token)
{
    struct buf b;
    struct json_out j;
    web_start(&b, &j);
    out_put_u64(&j, "port", daemon_config(web->daemon)->feeds_port);
    if (token) {
        char path[FEED_TOKEN_TEXT + 16];
        snprintf(path, sizeof path, "/feeds/%s.ics", token);
        out_put_c(&j, "path", path);
    }
    feeds_write(&j, web, no);
    out_end(&j);
    web_reply_json(web, r, &b);
}

void feeds_list(struct call *c)
{
    person_no no;
    if (web_whose(c, &no) < 0) {
        web_reply_error(c->web, c->r, &c->err, -1);
        return;
    }
    reply(c->web, c->r, no, NULL);
}

static void answer_feeds(struct web_op *o)
{
    const struct people *people = daemon_people(o->web->daemon);
    if (o->op.result < 0) {
        op_refuse(o, -1);
        return;
    }
    person_no no = o->op.for_person.len ? people_find_name(people, o->op.for_person)
                                        : people_find_uid(people, o->op.peer.uid);
    reply(o->web, o->r, no, o->feed.remove ? NULL : o->place);
    explicit_bzero(o->place, sizeof o->place);
    op_free(o);
}

/* The token is made here, shown once in the answer, and only its hash goes on. */
static int make_token(struct web_op *o, struct err *err)
{
    static const char letters[] = "0123456789abcdef";
    uint8_t bytes[FEED_TOKEN_BYTES];
    _Static_assert(sizeof o->place > FEED_TOKEN_TEXT && sizeof o->hash == 65, "they fit");
    if (getrandom(bytes, sizeof bytes, 0) != (ssize_t)sizeof bytes)
        return err_set(err, E_IO, "The system gives no random numbers.");
    for (int i = 0; i < FEED_TOKEN_BYTES; i++) {
        o->place[2 * i] = letters[bytes[i] >> 4];
        o->place[2 * i + 1] = letters[bytes[i] & 15];
    }
    o->place[FEED_TOKEN_TEXT] = '\0';
    feeds_hash(str_of(o->place), o->hash);
    o->feed.hash = str_of(o->hash);
    return 0;
}

void feeds_add(struct call *c)
{
    struct json_in_field f[] = { { "for", JSON_IN_STR, false, NULL }, { "name", JSON_IN_STR, true, NULL },
                                 { "busy", JSON_IN_BOOL, false, NULL } };
    struct web_op *o = op_new(c, OP_FEED, answer_feeds);
    int code = o ? json_in_parse(c->r->body, &o->body, &c->err) : E_NO_MEMORY;
    if (code == 0)
        code = json_in_object(o->body, "request", f, 3, &c->err);
    if (code == 0)
        code = op_take_for(c, o, &f[0]);
    if (code == 0 && !daemon_config(c->web->daemon)->feeds_port)
        code = err_set(&c->err, E_STATE, "This daemon serves no feeds; \"feeds: 8321\" in eoul.yaml lets it, "
                                         "and \"eoul me feed --file\" writes one without.");
    if (code == 0)
        code = make_token(o, &c->err);
    if (code < 0) {
        op_refuse_call(c, o, -1);
        return;
    }
    o->feed.name = json_in_str(&f[1]);
    o->feed.busy = json_in_true(&f[2]);
    o->op.feed.change = &o->feed;
    op_enqueue(o);
}

void feeds_remove(struct call *c)
{
    struct json_in_field f[] = { { "for", JSON_IN_STR, false, NULL } };
    struct web_op *o = op_new(c, OP_FEED, answer_feeds);
    int code = o ? json_in_parse(c->r->body, &o->body, &c->err) : E_NO_MEMORY;
    if (code == 0 && !str_is(c->part[1], "remove"))
        code = err_set(&c->err, E_NOT_FOUND, "There is no action \"%.*s\"; there are: %s.",
                       (int)(c->part[1].len < 32 ? c->part[1].len : 32), c->part[1].ptr, "remove");
    if (code == 0)
        code = json_in_object(o->body, "request", f, 1, &c->err);
    if (code == 0)
        code = op_take_for(c, o, &f[0]);
    if (code < 0) {
        op_refuse_call(c, o, -1);
        return;
    }
    o->feed = (struct feed_change){ .remove = true, .name = c->part[0] };
    o->op.feed.change = &o->feed;
    op_enqueue(o);
}
