/* links.c - page links over the socket: made, listed, taken back.  See daemon/links.h, door.h. */
#include <stdio.h>
#include <string.h>

#include "daemon/config.h"
#include "web/internal.h"

struct listing {
    struct json_out *j;
    struct web *web;
    person_no no;               /* of this one; 0: of all whose links the peer may see */
    const struct op_peer *peer;
};

static int put_link(const struct link *l, void *data)
{
    struct listing *to = data;
    const struct people *people = daemon_people(to->web->daemon);
    if (to->no ? l->person != to->no : calendars_may(people, to->web->daemon, to->peer, l->person, NULL) < 0)
        return 0;
    out_object(to->j);
    out_put_u64(to->j, "id", l->id);
    out_put_clean(to->j, "person", str_of(people_name(people, l->person)));
    out_put_at(to->j, "add_at", l->add_at);
    out_end(to->j);
    return 0;
}

static void put_links(struct listing *l)
{
    out_key(l->j, "links");
    out_array(l->j);
    (void)links_each(l->web->daemon, put_link, l);
    out_end(l->j);
}

void links_write(struct json_out *j, struct web *web, person_no no)
{
    struct listing l = { .j = j, .web = web, .no = no };
    if (no)
        put_links(&l);
}

static void reply(struct web *web, struct http_request *r, const struct op_peer *peer, const char *token)
{
    struct buf b;
    struct json_out j;
    struct listing l = { .j = &j, .web = web, .peer = peer };
    web_start(&b, &j);
    if (token) {
        char url[512];
        snprintf(url, sizeof url, "%s/p/%s", daemon_config(web->daemon)->address, token);
        out_put_c(&j, "url", url);
        explicit_bzero(url, sizeof url);
    }
    put_links(&l);
    out_end(&j);
    web_reply_json(web, r, &b);
}

void links_list(struct call *c)
{
    reply(c->web, c->r, &c->peer, NULL);
}

static void answer_link(struct web_op *o)
{
    if (o->op.result < 0) {
        op_refuse(o, -1);
        return;
    }
    reply(o->web, o->r, &o->op.peer, o->link.remove ? NULL : o->place);
    explicit_bzero(o->place, sizeof o->place);
    op_free(o);
}

void links_add(struct call *c)
{
    struct json_in_field f[] = { { "for", JSON_IN_STR, false, NULL } };
    struct web_op *o = op_new(c, OP_LINK, answer_link);
    const struct config *config = daemon_config(c->web->daemon);
    int code = o ? json_in_parse(c->r->body, &o->body, &c->err) : E_NO_MEMORY;
    if (code == 0)
        code = json_in_object(o->body, "request", f, 1, &c->err);
    if (code == 0)
        code = op_take_for(c, o, &f[0]);
    if (code == 0 && (!config->feeds_port || !config->address))
        code = err_set(&c->err, E_STATE, "Nobody can come in by a link yet; \"feeds: 8321\" and \"address: "
                                         "https://eoul.example.org\" in eoul.yaml let them, behind a TLS proxy.");
    if (code == 0)
        code = op_make_token(o, &c->err);
    if (code < 0) {
        op_refuse_call(c, o, -1);
        return;
    }
    o->link = (struct link_change){ .hash = str_of(o->hash) };
    o->op.link.change = &o->link;
    op_enqueue(o);
}

void links_action(struct call *c)
{
    struct web_op *o = op_new(c, OP_LINK, answer_link);
    uint64_t id = 0;
    int code = o ? json_in_parse(c->r->body, &o->body, &c->err) : E_NO_MEMORY;
    if (code == 0 && !str_is(c->part[1], "remove"))
        code = err_set(&c->err, E_NOT_FOUND, "There is no action \"%.*s\"; there are: %s.",
                       (int)(c->part[1].len < 32 ? c->part[1].len : 32), c->part[1].ptr, "remove");
    if (code == 0)
        code = json_in_object(o->body, "request", NULL, 0, &c->err);
    if (code == 0 && (str_u64(c->part[0], &id) < 0 || !id))
        code = err_set(&c->err, E_INVALID, "A link has a number; \"eoul people list\" shows it.");
    if (code < 0) {
        op_refuse_call(c, o, -1);
        return;
    }
    o->link = (struct link_change){ .remove = true, .id = id };
    o->op.link.change = &o->link;
    op_enqueue(o);
}
