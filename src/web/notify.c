/* notify.c - a person's channels: where they are told what happened, to look at, to add, to try, to take
 * out.  Of an address only scheme and host are shown; only the owner sees any of it. */
#include <stdio.h>
#include <string.h>

#include "daemon/notices.h"
#include "fetch/trouble.h"
#include "web/internal.h"

static void put_channel(struct json_out *j, const struct channel *c, enum lang lang)
{
    out_object(j);
    out_put_clean(j, "name", str_of(c->name));
    out_put_c(j, "kind", channel_kind_word(c->kind));
    out_put_clean(j, "place", str_of(c->place));
    out_put_clean(j, "page", str_of(c->page));
    out_put_clean(j, "brief", str_of(c->brief));
    out_put_u64(j, "waiting", c->waiting);
    out_put_at(j, "next_at", c->next_at);
    out_put_bool(j, "sending", c->sending);
    out_put_c(j, "trouble", c->trouble);
    enum trouble t = trouble_read(str_of(c->trouble), NULL);
    out_put_c(j, "trouble_sentence", t == TROUBLE_NONE ? "" : tr(lang, trouble_sentence(t)));
    out_put_at(j, "trouble_at", c->trouble_at);
    out_end(j);
}

void notify_write(struct json_out *j, struct web *web, person_no no, enum lang lang)
{
    struct channel c;
    out_key(j, "channels");
    out_array(j);
    for (uint32_t i = 0; notices_channel(web->daemon, no, i, &c); i++)
        put_channel(j, &c, lang);
    out_end(j);
}

static void reply(struct web *web, struct http_request *r, person_no no)
{
    struct buf b;
    struct json_out j;
    web_start(&b, &j);
    out_put_at(&j, "now_at", daemon_now(web->daemon).wall_at);
    notify_write(&j, web, no, r->lang);
    out_end(&j);
    web_reply_json(web, r, &b);
}

/* A notice waits whose time has come, or is on its way. */
static bool busy(struct web *web, person_no no, struct str name)
{
    struct channel c;
    usec_t now_at = daemon_now(web->daemon).wall_at;
    for (uint32_t i = 0; notices_channel(web->daemon, no, i, &c); i++)
        if ((name.len == 0 || str_is(name, c.name)) &&
            (c.sending || (c.waiting > 0 && c.next_at <= now_at)))
            return true;
    return false;
}

void notify_list(struct call *c)
{
    static const struct hold_kind kind = { busy, reply };
    holds_reply(c, &kind);
}

static void answer_notify(struct web_op *o)
{
    const struct people *people = daemon_people(o->web->daemon);
    if (o->op.result < 0) {
        op_refuse(o, -1);
        return;
    }
    reply(o->web, o->r, o->op.for_person.len ? people_find_name(people, o->op.for_person)
                                             : people_find_uid(people, o->op.peer.uid));
    op_free(o);
}

enum add_field { ADD_FOR, ADD_NAME, ADD_KIND, ADD_ADDRESS, ADD_USER, ADD_SECRET, ADD_PAGE, ADD_BRIEF, ADD_FIELDS };

static int take_add(struct web_op *o, const struct json_in_field *f, struct err *err)
{
    struct channel_change *to = &o->channel;
    *to = (struct channel_change){ .action = CHANNEL_ADD, .name = json_in_str(&f[ADD_NAME]),
                                   .address = json_in_str(&f[ADD_ADDRESS]),
                                   .user = json_in_str(&f[ADD_USER]),
                                   .secret = json_in_str(&f[ADD_SECRET]),
                                   .page = json_in_str(&f[ADD_PAGE]),
                                   .brief = json_in_str(&f[ADD_BRIEF]) };
    if (!channel_kind_read(json_in_str(&f[ADD_KIND]), &to->kind))
        return err_set(err, E_INVALID, "The kind of a channel is webhook, ntfy, slack, discord, teams, "
                                       "kakaowork, smtp or command.");
    for (int i = ADD_ADDRESS; i <= ADD_SECRET; i++) {
        struct str s = json_in_str(&f[i]);
        if (s.len && (memchr(s.ptr, '\n', s.len) || memchr(s.ptr, '\r', s.len)))
            return err_set(err, E_INVALID, "\"%s\" must be one line.", f[i].name);
        if (s.len > NOTICE_ADDRESS_MAX)
            return err_set(err, E_TOO_LARGE, "The address is too long.");
    }
    return 0;
}

void notify_add(struct call *c)
{
    struct json_in_field f[ADD_FIELDS] = {
        [ADD_FOR] = { "for", JSON_IN_STR, false, NULL }, [ADD_NAME] = { "name", JSON_IN_STR, true, NULL },
        [ADD_KIND] = { "kind", JSON_IN_STR, true, NULL },
        [ADD_ADDRESS] = { "address", JSON_IN_STR, true, NULL },
        [ADD_USER] = { "user", JSON_IN_STR, false, NULL },
        [ADD_SECRET] = { "secret", JSON_IN_STR, false, NULL },
        [ADD_PAGE] = { "page", JSON_IN_STR, false, NULL },
        [ADD_BRIEF] = { "brief", JSON_IN_STR, false, NULL },
    };
    struct web_op *o = op_new(c, OP_CHANNEL, answer_notify);
    int code = o ? json_in_parse(c->r->body, &o->body, &c->err) : E_NO_MEMORY;
    if (code == 0)
        code = json_in_object(o->body, "request", f, ADD_FIELDS, &c->err);
    if (code == 0)
        code = op_take_for(c, o, &f[ADD_FOR]);
    if (code == 0)
        code = take_add(o, f, &c->err);
    if (code < 0) {
        op_refuse_call(c, o, -1);
        return;
    }
    o->op.channel.change = &o->channel;
    op_enqueue(o);
}

void notify_action(struct call *c)
{
    bool removes;
    struct web_op *o = op_remove_or(c, OP_CHANNEL, "test", answer_notify, &removes);
    if (!o)
        return;
    o->channel = (struct channel_change){ .action = removes ? CHANNEL_REMOVE : CHANNEL_TEST,
                                          .name = c->part[0] };
    o->op.channel.change = &o->channel;
    op_enqueue(o);
}
