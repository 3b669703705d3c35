/* feeds.c - feeds by address: made and removed over the socket, read over TCP (door.h). */
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "base/hash.h"
#include "daemon/config.h"
#include "daemon/feeds.h"
#include "feed/feed.h"
#include "web/internal.h"

/* --- over TCP (door.c) ------------------------------------------------------------------------------------ */

void feeds_send(struct http_request *r, struct buf *take_body)
{
    snprintf(r->etag, sizeof r->etag, "\"%016llx\"",
             (unsigned long long)hash_bytes(3, take_body->ptr, take_body->len));
    bool same = r->if_none_match.len && str_find(r->if_none_match, '*') != 0 &&
                memmem(r->if_none_match.ptr, r->if_none_match.len, r->etag, strlen(r->etag));
    if (same)
        buf_finish(take_body);
    http_reply(r, same ? 304 : 200, "text/calendar; charset=utf-8", take_body);
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
    const struct config *config = daemon_config(web->daemon);
    out_put_u64(&j, "port", config->feeds_port);
    out_put_c(&j, "address", config->address ? config->address : "");
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
        code = op_make_token(o, &c->err);
    if (code < 0) {
        op_refuse_call(c, o, -1);
        return;
    }
    o->feed.hash = str_of(o->hash);
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
