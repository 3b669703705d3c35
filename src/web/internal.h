/* internal.h - what the files of web/ share: the context, replies, one struct per operation under way. */
#ifndef EOUL_WEB_INTERNAL_H
#define EOUL_WEB_INTERNAL_H

#include <jansson.h>

#include "daemon/calendars.h"
#include "daemon/daemon.h"
#include "daemon/feeds.h"
#include "daemon/links.h"
#include "daemon/notices.h"
#include "daemon/people.h"
#include "daemon/accounts.h"
#include "daemon/boost.h"
#include "daemon/reserve.h"
#include "daemon/todos.h"
#include "daemon/view.h"
#include "feed/feed.h"
#include "web/http.h"
#include "web/json_in.h"
#include "web/json_out.h"
#include "web/web.h"

#define WEB_REPLY_MAX (128u << 20) /* 300,000 rows; what one user may hold at once is less (http.h) */
#define WEB_ROWS_DEFAULT 50        /* a screen */
#define WEB_ROWS_MAX 1000000
#define HOLD_S_MAX 600
#define HOLD_NAME_MAX CALENDAR_NAME_MAX /* the longest name of what may be under way */
#define WEB_GRAIN_US HOURS_GRAIN_US
#define WEB_ID_MAX 32              /* "4294967295_4294967295" */

struct door;
struct hold;
struct waiter;
struct web_op;
struct batch;

struct web {
    struct daemon *daemon;
    struct loop *loop;
    struct http *http;
    struct web_op *ops;     /* enqueued, not done */
    struct waiter *waiters; /* parked /wait requests */
    struct hold *holds;     /* answers kept back until something is over */
    struct loop_timer recheck; /* of the waiters' places in the plan */
    bool recheck_set;
    struct door *door;      /* what is served over TCP; NULL: nothing */
    bool door_failed;       /* it should be, and its port is taken */
    usec_t rechecked_boot_at;
};

struct call { /* one request on its way through a route */
    struct web *web;
    struct http_request *r;
    struct str part[2]; /* the {...} of the path */
    struct op_peer peer;
    struct err err;     /* speaks the caller's language */
};

/* --- web.c: routes and replies */
void web_reply_error(struct web *web, struct http_request *r, const struct err *err, int64_t item);
/* ... that is kept to be explained; 0: it is not. */
void web_reply_refusal(struct web *web, struct http_request *r, const struct err *err, int64_t item, uint32_t refusal);
/* Sends what `b` holds with 200, or a refusal if building it failed. */
void web_reply_json(struct web *web, struct http_request *r, struct buf *b);
void web_start(struct buf *b, struct json_out *j); /* an object is open */

/* Query values with limits; err has the sentence. */
int web_query_u64(struct call *c, const char *name, uint64_t otherwise, uint64_t max, uint64_t *ret);
int web_query_flag(struct call *c, const char *name, bool *ret);

/* May the caller act for others?  0, or E_DENIED with a sentence. */
int web_may_act_for(const struct web *web, const struct op_peer *peer, struct err *err);
/* How much of the job (or array) the caller may see; E_DENIED with a sentence where that is only that it is there. */
int web_may_look(struct web *web, const struct op_peer *peer, const struct job_ref *ref, enum config_shown *ret,
                 struct err *err);
/* Who is meant: the query's `for`, else the caller (0: not known yet).  err has the sentence. */
int web_whom(struct call *c, person_no *ret);
/* ... whose own things the caller may see. */
int web_whose(struct call *c, person_no *ret);

/* --- ops.c: operations */
struct web_op {
    struct op op; /* first */
    struct web *web;
    struct http_request *r;
    json_t *body;
    struct op_item *items;
    struct buf env;         /* environments of all items */
    struct person_change change;
    struct calendar_change calendar;
    struct todo_change todo;
    struct channel_change channel;
    struct feed_change feed;
    struct reserve_change reserve;
    struct boost_change boost;
    struct link_change link;
    struct tap tap;         /* of one answer */
    void *form;             /* page.c, tap.c: what a form said; goes with it */
    struct calendar_issue *issues; /* of calendar */
    struct busy *busy;
    char place[320]; /* of calendar, to be shown; of a feed or link its token */
    char hash[65];   /* of that */
    char id[WEB_ID_MAX];
    char where[WEB_ID_MAX];
    uint32_t changed;       /* of a chain of `set` */
    const json_t *fields;   /* `set`: what is still to do */
    void *iterator;
    void (*answer)(struct web_op *o);
    struct batch *batch;    /* it is one of many (batch.c) */
    struct web_op *previous, *next;
};

void ops_drop_all(struct web *web);
/* NULL with a sentence in c->err.  `answer` replies, and frees or enqueues again. */
struct web_op *op_new(struct call *c, enum op_kind kind, void (*answer)(struct web_op *));
void op_free(struct web_op *o); /* accepts NULL */
void op_enqueue(struct web_op *o);
int op_try_enqueue(struct web_op *o, struct err *err); /* without replying when it is refused */
void op_refuse(struct web_op *o, int64_t item);                          /* by o->op.err; frees */
void op_refuse_call(struct call *c, struct web_op *o, int64_t item);     /* by c->err; frees */
/* An operation whose body `take` reads (NULL: it is empty), to be filled in and enqueued; NULL: it has been refused. */
struct web_op *op_read(struct call *c, enum op_kind kind, void (*answer)(struct web_op *),
                       int (*take)(struct call *, struct web_op *));
/* POST .../NUMBER/ACTION, where ACTION can be remove only. */
struct web_op *op_read_remove(struct call *c, enum op_kind kind, void (*answer)(struct web_op *));
/* POST .../NAME/ACTION, where ACTION is remove or `other`, for the person of "for": to be filled in and
 * enqueued; NULL: it has been refused. */
struct web_op *op_remove_or(struct call *c, enum op_kind kind, const char *other, void (*answer)(struct web_op *),
                            bool *ret_removes);
/* A token of 160 random bits in o->place, shown once in the answer; only its hash (o->hash) goes on. */
int op_make_token(struct web_op *o, struct err *err);
int op_take_for(struct call *c, struct web_op *o, const struct json_in_field *field);

/* --- handlers, by file */
void jobs_list(struct call *c);
void jobs_show(struct call *c);
void jobs_why(struct call *c);
/* The reader's own language and zone: the zone their terminal keeps (query `zone`; *own is filled), else theirs. */
struct why_facts;
void web_reader(struct call *c, struct why_facts *f, struct zone *own);
void refusals_list(struct call *c);
void refusals_put(struct json_out *j, struct web *web, uid_t uid); /* "refusals", the newest first */
void refusals_why(struct call *c);
void jobs_tail(struct call *c);
/* Writes the Job object; used by /wait too.  0 or a refusal in c->err. */
int jobs_write(struct web *web, const struct op_peer *peer, struct str id, struct json_out *j,
               struct err *err);
/* State and version of what `ref` means now, without its details. */
struct jobs_glance {
    bool ended;
    uint64_t version;
};
int jobs_glance(struct web *web, const struct job_ref *ref, struct jobs_glance *ret, struct err *err);

void attach_job(struct call *c);

void sweeps_show(struct call *c);
/* "done_ppm" and "results" of one job; its point's values. */
struct sweep;
void sweeps_write_one(struct json_out *j, struct daemon *d, job_id id);
void sweeps_write_point(struct json_out *j, const struct sweep *s, uint32_t index);

void ops_submit(struct call *c);
void ops_action(struct call *c);
/* cancel, hold, release, requeue, set, first, signal, code; or a refusal that names them. */
int ops_find_action(struct str word, enum op_kind *ret, struct err *err);
void ops_gpu(struct call *c);
void ops_me_change(struct call *c);
void ops_reload(struct call *c);
void ops_down(struct call *c);

#define BATCH_IDS_MAX 1000u
void batch_action(struct call *c);
void batch_drop(struct batch *b); /* one of its operations goes unanswered */

void calendars_list(struct call *c);
void calendars_put(struct call *c);
void calendars_action(struct call *c);

void feeds_list(struct call *c);
/* "feeds": of this person. */
void feeds_write(struct json_out *j, struct web *web, person_no no);
void feeds_add(struct call *c);
void feeds_remove(struct call *c);
#define FEED_REPLY_MAX (FEED_BYTES_MAX * 2)
/* Replies with a feed, or 304 to who has it.  Takes *body. */
void feeds_send(struct http_request *r, struct buf *take_body);

void habit_show(struct call *c);

void links_list(struct call *c);
void links_add(struct call *c);
void links_action(struct call *c);
/* "links": of this person. */
void links_write(struct json_out *j, struct web *web, person_no no);

void notify_list(struct call *c);
void notify_add(struct call *c);
void notify_action(struct call *c);

/* "calendars", with `busy` every stretch kept of them too. */
void calendars_write(struct json_out *j, const struct web *web, person_no no, enum lang lang, bool busy);

/* "channels": where this person is told what happened. */
void notify_write(struct json_out *j, struct web *web, person_no no, enum lang lang);

/* All of the above, for the person alone. */
void data_show(struct call *c);

void todos_list(struct call *c);
void todos_show(struct call *c);
void todos_add(struct call *c);
void todos_action(struct call *c);
/* "todos": all that this person asked for or was asked for, live and kept. */
int todos_write_all(struct json_out *j, struct web *web, person_no me);
/* "todos": the pieces this person may see. */
void todos_write_plan(struct json_out *j, struct web *web, const struct core_plan *plan, person_no me,
                      bool *shown /* by number: has a piece here; or NULL */);

void boosts_list(struct call *c);
void boosts_add(struct call *c);
void boosts_action(struct call *c);
/* A boost as this peer may see it. */
struct boost_view {
    const char *kind, *by;
    char of[256]; /* "12", "12_3", a person; empty: not to be seen */
    char reason[BOOST_REASON_MAX + 1];
    usec_t until_at;
};
void boosts_of(struct web *web, const struct boost *b, const struct op_peer *peer, struct boost_view *ret);
void boosts_write_one(struct json_out *j, struct web *web, const struct boost *b, const struct op_peer *peer);
/* "boosts": those that are not over. */
void boosts_write(struct json_out *j, struct web *web, const struct op_peer *peer);
void reserve_list(struct call *c);
void reserve_add(struct call *c);
void reserve_action(struct call *c);
/* "reservations": those that are not over. */
void reserve_write(struct json_out *j, struct web *web, const struct op_peer *peer);

void team_status(struct call *c);
void team_write_guards(struct json_out *j, struct daemon *d); /* "guards": what holds for what starts now */
void team_backup(struct call *c);
void team_plan(struct call *c);
void team_gpus(struct call *c);
void team_people(struct call *c);
void team_me(struct call *c);
/* Writes the Me object. */
void team_write_me(struct web *web, person_no no, enum lang lang, struct json_out *j);

void waits_wait(struct call *c);
void waits_on_change(const struct daemon_change *changes, uint32_t n, void *web);
/* Something was changed that no state tells of (held, set, hours): look at the places in the plan. */
void waits_recheck(struct web *web);
void waits_finish(struct web *web);

/* --- holds.c: what is asked with `timeout_s` is answered when nothing of it is under way any more */
struct hold_kind {
    bool (*busy)(struct web *web, person_no no, struct str name); /* name.len 0: any of that person's */
    void (*reply)(struct web *web, struct http_request *r, person_no no);
};
void holds_reply(struct call *c, const struct hold_kind *kind); /* at once without `timeout_s` */
void holds_look(struct web *web);                               /* before the loop sleeps */

#endif
