/* refusals.c - what was refused to somebody, and why: GET /v1/refusals, GET /v1/refusals/ID/why.
 *
 * A person sees their own; operators see anybody's.  Of another's, others learn not even that it is there.
 */
#include <string.h>

#include "daemon/refusal_say.h"
#include "web/internal.h"

#define NAMES_MAX 512

static void refuse(struct call *c) { web_reply_error(c->web, c->r, &c->err, -1); }

static void write_one(struct json_out *j, const struct refusal *r)
{
    out_put_u64(j, "id", r->id);
    out_put_at(j, "at", r->at);
    out_put_at(j, "last_at", r->last_at);
    out_put_u64(j, "times", r->times);
    out_put_c(j, "operation", op_word((enum op_kind)r->operation));
    out_put_clean(j, "asked", str_of(r->asked));
    out_put_c(j, "code", err_word(r->code));
    out_put_c(j, "rule", refused_word((enum refused)r->rule.rule));
    out_put_clean(j, "message", str_of(r->sentence));
    out_put_u64(j, "job", r->job);
    out_put_at(j, "from_at", r->from_at);
    out_put_at(j, "until_at", r->until_at);
}

/* Whose are asked for: the caller's, or with `for` somebody's. */
static int whose(struct call *c, uid_t *ret)
{
    struct str name = http_query(c->r, "for");
    struct person p;
    const struct people *people = daemon_people(c->web->daemon);
    *ret = c->peer.uid;
    if (name.len == 0)
        return 0;
    bool there = people_get(people, people_find_name(people, name), &p) && p.uid >= 0;
    bool own = there && p.uid == (int64_t)c->peer.uid;
    if (!own && !daemon_is_operator(c->web->daemon, &c->peer))
        return err_set(&c->err, E_DENIED, "What was refused to others only operators may see.");
    if (!there)
        return err_set(&c->err, E_NOT_FOUND, "Nobody of the team is called \"%.*s\".", STR_ARG(str_slice(name, 0, 64)));
    *ret = (uid_t)p.uid;
    return 0;
}

void refusals_put(struct json_out *j, struct web *web, uid_t uid)
{
    const struct refusal *r;
    out_key(j, "refusals");
    out_array(j);
    for (uint32_t i = 0; (r = daemon_refusal_at(web->daemon, uid, i)); i++) {
        out_object(j);
        write_one(j, r);
        out_end(j);
    }
    out_end(j);
}

void refusals_list(struct call *c)
{
    struct buf b;
    struct json_out j;
    uid_t uid;
    if (whose(c, &uid) < 0) {
        refuse(c);
        return;
    }
    web_start(&b, &j);
    out_put_at(&j, "now_at", daemon_now(c->web->daemon).wall_at);
    refusals_put(&j, c->web, uid);
    out_end(&j);
    web_reply_json(c->web, c->r, &b);
}

/* "12", "r12", "last". */
static const struct refusal *find(struct call *c)
{
    struct str text = c->part[0];
    uint64_t id = 0;
    if (str_is(text, "last"))
        return daemon_refusal_last(c->web->daemon, c->peer.uid);
    if (str_starts(text, "r"))
        text = str_slice(text, 1, text.len);
    const struct refusal *r = str_u64(text, &id) == 0 && id <= UINT32_MAX ? daemon_refusal(c->web->daemon, (uint32_t)id) : NULL;
    return r && (r->uid == c->peer.uid || daemon_is_operator(c->web->daemon, &c->peer)) ? r : NULL;
}

static struct str names_of(struct buf *b) { return b->failed ? STR("...") : buf_look(b); }

static void reply(struct call *c, const struct refusal *r, struct refusal_facts *f)
{
    struct buf b;
    struct json_out j;
    web_start(&b, &j);
    out_put_at(&j, "now_at", f->reader.now_at);
    write_one(&j, r);
    out_key(&j, "sentences");
    refusal_sentences(r, f, &j);
    out_key(&j, "numbers");
    refusal_numbers(r, f, &j);
    out_end(&j);
    web_reply_json(c->web, c->r, &b);
}

void refusals_why(struct call *c)
{
    struct daemon *d = c->web->daemon;
    const struct refusal *r = find(c);
    struct refusal_facts f = { 0 };
    struct zone own;
    struct core_job job;
    char operators[NAMES_MAX], accounts[NAMES_MAX];
    struct buf names, open;
    int code = 0;
    if (!r)
        code = str_is(c->part[0], "last")
                   ? err_set(&c->err, E_NOT_FOUND, "Nothing was refused to you in the last %d days.",
                             (int)(REFUSALS_US / USEC_PER_DAY))
                   : err_set(&c->err, E_NOT_FOUND, "No refusal \"%.*s\" of yours is kept; \"eoul why\" lists those that are.",
                             STR_ARG(str_slice(c->part[0], 0, 16)));
    else if ((code = daemon_refusal_now(d, r, &f.now)) < 0)
        err_set(&c->err, code, "The plan of this moment cannot be made.");
    if (code < 0) {
        refuse(c);
        return;
    }
    f.reader.now_at = daemon_now(d).wall_at;
    web_reader(c, &f.reader, &own);
    f.person = people_name(daemon_people(d), r->person);
    f.account = r->rule.rule == REFUSED_ACCOUNT ? daemon_account_name(d, (uint32_t)r->rule.need) : "";
    f.urgent = core_urgent(daemon_core(d), r->person, f.reader.now_at);
    if (r->job && core_job_get(daemon_core(d), r->job, &job))
        f.job_state = job_state_word(job.state);
    buf_init_fixed(&names, operators, sizeof operators);
    daemon_operators(d, &names);
    f.operators = names_of(&names);
    buf_init_fixed(&open, accounts, sizeof accounts);
    daemon_accounts_of(d, f.person, &open);
    f.accounts = names_of(&open);
    reply(c, r, &f);
}
