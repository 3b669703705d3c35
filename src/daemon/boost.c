/* boost.c - see boost.h. */
#include "daemon/boost.h"

#include <string.h>

#include "base/utf8.h"
#include "daemon/internal.h"

void boost_reason(struct buf *out, const struct boost *b)
{
    const uint64_t parts[] = {
#define F(type, name) b->name,
        BOOST_REASON(F)
#undef F
    };
    char bytes[BOOST_REASON_MAX];
    _Static_assert(sizeof parts == sizeof bytes, "all of them");
    memcpy(bytes, parts, sizeof bytes);
    buf_add(out, bytes, strnlen(bytes, sizeof bytes));
}

#define ACCOUNT_PREFIX "account:" /* no person's name has a colon */

static int find_account(struct daemon *d, struct str name, struct ev_boost *ret, struct err *err)
{
    ret->kind = BOOST_ACCOUNT;
    ret->target = daemon_account_find(d, name);
    return ret->target ? 0 : daemon_account_refuse(d, name, err);
}

/* "account:vision"; a person of that name, else a live job, task or array. */
static int find_target(struct daemon *d, struct str of, struct ev_boost *ret, struct err *err)
{
    struct job_ref ref;
    struct core_job job;
    person_no person = people_find_name(d->people, of);
    if (str_starts(of, ACCOUNT_PREFIX))
        return find_account(d, str_slice(of, sizeof ACCOUNT_PREFIX - 1, of.len), ret, err);
    if (person) {
        ret->kind = BOOST_PERSON;
        ret->target = person;
        return 0;
    }
    bool number = of.len > 0 && of.ptr[0] >= '0' && of.ptr[0] <= '9'; /* a job's, whatever accounts are called */
    if (!number && daemon_account_find(d, of))
        return err_set(err, E_NOT_FOUND, "There is neither a job nor a person \"%.*s\"; for the account of that name write "
                       "account:%.*s.", STR_ARG(of), STR_ARG(of));
    if (!number)
        return err_set(err, E_NOT_FOUND, "There is neither a job nor a person \"%.*s\"; \"eoul queue\" and \"eoul people\" "
                       "list them.", STR_ARG(str_slice(of, 0, 64)));
    int code = daemon_job_find(d, of, &ref, err);
    if (code < 0)
        return code;
    const struct live_request *r = index_find(&d->index, ref.id);
    if (ref.whole_array ? !r || !r->live : !core_job_get(d->core, ref.id, &job))
        return err_set(err, E_STATE, "Job %.*s is already over.", STR_ARG(of));
    ret->kind = ref.whole_array ? BOOST_ARRAY : BOOST_JOB;
    ret->target = ref.id;
    return 0;
}

static int add(struct daemon *d, struct op *op, person_no by)
{
    const struct boost_change *c = op->boost.change;
    struct core_event ev = { .kind = EVENT_BOOST };
    uint64_t parts[BOOST_REASON_MAX / 8] = { 0 };
    uint32_t part = 0;
    ev.boost = (struct ev_boost){ .boost = core_last_boost(d->core) + 1, .by = by, .until_at = c->until_at };
    int code = find_target(d, c->of, &ev.boost, &op->err);
    if (code < 0)
        return code;
    if (str_trim(c->reason).len == 0)
        return err_set(&op->err, E_INVALID, "Say why: a boost has a reason, for those whose work it passes.");
    if (c->reason.len > BOOST_REASON_MAX || !utf8_valid(c->reason) || str_find(c->reason, '\n') >= 0)
        return err_set(&op->err, E_INVALID, "A boost's reason is one line of at most %d bytes.", BOOST_REASON_MAX);
    if (c->until_at <= d->now.wall_at)
        return err_set(&op->err, E_INVALID, "That time is already over.");
    memcpy(parts, c->reason.ptr, c->reason.len);
#define F(type, name) ev.boost.name = parts[part++];
    BOOST_REASON(F)
#undef F
    code = daemon_event(d, &ev, &op->err);
    op->boost.ret_id = ev.boost.boost;
    if (code == 0)
        log_line("boost", "boost=%u person=%u until=%lld", ev.boost.boost, by, (long long)(c->until_at / USEC_PER_SEC));
    return code;
}

static int end(struct daemon *d, struct op *op, person_no by)
{
    const struct boost_change *c = op->boost.change;
    struct core_event ev = { .kind = EVENT_UNBOOST };
    uint64_t id = 0;
    if (str_u64(c->id, &id) < 0 || id > UINT32_MAX)
        return err_set(&op->err, E_NOT_FOUND, "There is no boost \"%.*s\"; \"eoul boost --list\" lists them.",
                       STR_ARG(str_slice(c->id, 0, 32)));
    ev.unboost = (struct ev_unboost){ .boost = (uint32_t)id, .by = by };
    op->boost.ret_id = (uint32_t)id;
    return daemon_event(d, &ev, &op->err);
}

int boost_op(struct daemon *d, struct op *op)
{
    person_no by = 0;
    if (!daemon_is_operator(d, &op->peer))
        return err_by_rule(&op->err, err_set(&op->err, E_DENIED, "Only an operator may put work before others'; \"eoul submit "
                                             "--urgent\" is everybody's, a few times a week."),
                           (struct err_rule){ .rule = REFUSED_OPERATOR });
    int code = people_of_uid(d->people, d, op->peer.uid, &by, &op->err);
    if (code == 0)
        code = op->boost.change->remove ? end(d, op, by) : add(d, op, by);
    op->changed = code == 0;
    return code;
}
