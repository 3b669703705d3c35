/* refusal_say.c - see refusal_say.h. */
#include "daemon/refusal_say.h"

#include "daemon/daemon.h"
#include "daemon/why_say.h"
#include "i18n/text.h"

struct told {
    struct why w; /* first: what sentences are made with */
    const struct refusal *r;
    const struct refusal_facts *f;
};

static struct why_part watts_text(int64_t watts)
{
    struct why_part p = {""};
    struct buf b;
    buf_init_fixed(&b, p.text, sizeof p.text);
    text_watts(&b, (uint32_t)watts);
    return p;
}

#define SAY(t, ...) why_say(&(t)->w, __VA_ARGS__)
#define LANG(t) (t)->w.lang

static void say_head(const struct told *t)
{
    const struct refusal *r = t->r;
    struct why_part at = why_at(&t->w, r->at), last = why_at(&t->w, r->last_at);
    if (r->times > 1)
        SAY(t, tr(LANG(t), "\"%1$s\" was refused %2$u times, first at %3$s and last at %4$s."), r->asked, r->times, at.text,
            last.text);
    else
        SAY(t, tr(LANG(t), "\"%1$s\" was refused at %2$s."), r->asked, at.text);
}

/* Its rule would let it in now. */
static void say_passes(const struct told *t)
{
    SAY(t, tr(LANG(t), "That does not stand in the way any more: ask again."));
}

/* --- one rule each ----------------------------------------------------------------------------------------- */

static void say_waiting(const struct told *t)
{
    const struct err_rule *u = &t->r->rule;
    const struct refusal_now *n = &t->f->now;
    SAY(t, trn(LANG(t), "%1$s may have %2$u job waiting; %3$u waited then, and this asked for %4$u more.",
               "%1$s may have %2$u jobs waiting; %3$u waited then, and this asked for %4$u more.", (size_t)u->limit),
        t->f->person, (unsigned)u->limit, (unsigned)u->used, (unsigned)u->need);
    if (n->passes) {
        say_passes(t);
        return;
    }
    if (n->never)
        SAY(t, trn(LANG(t), "It is more than may ever wait at a time; submit it in parts of %u job.",
                   "It is more than may ever wait at a time; submit it in parts of at most %u jobs.", (size_t)n->limit),
            (unsigned)n->limit);
    else if (why_is_time(n->change_at))
        SAY(t, tr(LANG(t), "Now %1$u wait; by the plan enough of them have started by about %2$s. It can be sooner if some are cancelled."),
            (unsigned)n->used, why_at(&t->w, n->change_at).text);
    else
        SAY(t, tr(LANG(t), "Now %u wait; nobody can say yet when enough of them have started, but some can be cancelled."),
            (unsigned)n->used);
    if (n->most > 0)
        SAY(t, trn(LANG(t), "%u job more would be accepted now.", "%u jobs more would be accepted now.", (size_t)n->most),
            (unsigned)n->most);
}

static void say_urgent(const struct told *t)
{
    const struct err_rule *u = &t->r->rule;
    const struct refusal_now *n = &t->f->now;
    SAY(t, tr(LANG(t), "%1$s had used %2$u of %3$u urgent submits in seven days."), t->f->person, (unsigned)u->used,
        (unsigned)u->limit);
    if (n->passes) {
        say_passes(t);
        return;
    }
    if (why_is_time(n->change_at))
        SAY(t, tr(LANG(t), "The next is free on %s."), why_at(&t->w, n->change_at).text);
    SAY(t, tr(LANG(t), "Without --urgent it would have been accepted, to wait for its turn."));
}

static void say_power(const struct told *t)
{
    const struct err_rule *u = &t->r->rule;
    const struct refusal_now *n = &t->f->now;
    SAY(t, tr(LANG(t), "It takes %1$s, and the power cap is never above %2$s: it could not start."), watts_text(u->need).text,
        watts_text(u->limit).text);
    if (n->passes) {
        say_passes(t);
        return;
    }
    if (u->used == 1 + POWER_TOLD)
        SAY(t, tr(LANG(t), "Only another power_cap in eoul.yaml changes that, or a lower --watts if it takes less."));
    else
        SAY(t, tr(LANG(t), "Only another power_cap in eoul.yaml changes that; if it takes less, say so with --watts."));
    if (n->most > 0)
        SAY(t, trn(LANG(t), "%u such GPU at full load fits under that cap.",
                   "At most %u such GPUs at full load fit under that cap.", (size_t)n->most), (unsigned)n->most);
}

static void say_reserved(const struct told *t)
{
    const struct err_rule *u = &t->r->rule;
    const struct refusal_now *n = &t->f->now;
    struct why_part from = why_at(&t->w, t->r->from_at), until = why_at(&t->w, t->r->until_at);
    SAY(t, tr(LANG(t), "Of %1$u GPUs %2$u were reserved at some time from %3$s to %4$s, and this asked for %5$u."),
        (unsigned)u->limit, (unsigned)u->used, from.text, until.text, (unsigned)u->need);
    if (n->passes) {
        say_passes(t);
        return;
    }
    if (why_is_time(n->change_at))
        SAY(t, tr(LANG(t), "From %s that many are free for as long."), why_at(&t->w, n->change_at).text);
    if (n->most > 0)
        SAY(t, trn(LANG(t), "In that time %u GPU can be reserved now.", "In that time at most %u GPUs can be reserved now.",
                   (size_t)n->most), (unsigned)n->most);
    else
        SAY(t, tr(LANG(t), "In that time none can be reserved now; \"eoul reserve\" says who has them."));
}

static void say_gpus(const struct told *t)
{
    const struct err_rule *u = &t->r->rule;
    const struct refusal_now *n = &t->f->now;
    if (t->r->operation == OP_RESERVE)
        SAY(t, trn(LANG(t), "There is %1$u such GPU here; %2$u can never be reserved.",
                   "There are %1$u such GPUs here; %2$u can never be reserved.", (size_t)u->limit), (unsigned)u->limit,
            (unsigned)u->need);
    else
        SAY(t, tr(LANG(t), "A job can have at most %1$u GPUs, and this asked for %2$u: it can never fit."), (unsigned)u->limit,
            (unsigned)u->need);
    if (n->passes)
        say_passes(t);
    else if (t->r->operation != OP_RESERVE)
        SAY(t, trn(LANG(t), "This machine has %u GPU.", "This machine has %u GPUs.", (size_t)n->most), (unsigned)n->most);
    else if (n->most != u->limit)
        SAY(t, trn(LANG(t), "Now there is %u.", "Now there are %u.", (size_t)n->most), (unsigned)n->most);
}

static void say_length(const struct told *t)
{
    const struct err_rule *u = &t->r->rule;
    struct why_part most = why_length(&t->w, u->limit), need = why_length(&t->w, u->need);
    if (t->r->rule.rule == REFUSED_BOOST_LENGTH)
        SAY(t, tr(LANG(t), "A boost lasts at most %1$s; this one was to last %2$s."), most.text, need.text);
    else
        SAY(t, tr(LANG(t), "A reservation is at most %1$s long; this one was to be %2$s."), most.text, need.text);
    if (t->r->from_at)
        SAY(t, tr(LANG(t), "From the same time until %s it would be accepted, if there is room."),
            why_at(&t->w, usec_add(t->r->from_at, u->limit)).text);
}

static void say_ahead(const struct told *t)
{
    SAY(t, tr(LANG(t), "GPUs can be reserved at most a year ahead."));
    if (t->f->now.passes)
        say_passes(t);
    else
        SAY(t, tr(LANG(t), "It can be asked for from %s on."), why_at(&t->w, t->r->rule.change_at).text);
}

static void say_list_full(const struct told *t)
{
    const struct refusal_now *n = &t->f->now;
    if (t->r->rule.rule == REFUSED_BOOSTS)
        SAY(t, tr(LANG(t), "There were %u boosts, which is the most."), (unsigned)t->r->rule.used);
    else
        SAY(t, tr(LANG(t), "There were %u reservations, which is the most."), (unsigned)t->r->rule.used);
    if (n->passes)
        say_passes(t);
    else if (why_is_time(n->change_at))
        SAY(t, tr(LANG(t), "The first of them is over on %s."), why_at(&t->w, n->change_at).text);
}

static void say_boosted(const struct told *t)
{
    const struct err_rule *u = &t->r->rule;
    SAY(t, tr(LANG(t), "Boost %1$u puts the same before others already, until %2$s."), (unsigned)u->used, why_at(&t->w, u->change_at).text);
    if (t->f->now.passes)
        say_passes(t);
    else
        SAY(t, tr(LANG(t), "\"eoul boost --cancel %u\" ends it before; then another can be given."), (unsigned)u->used);
}

static void say_queue(const struct told *t)
{
    const struct err_rule *u = &t->r->rule;
    const struct refusal_now *n = &t->f->now;
    SAY(t, tr(LANG(t), "The queue holds at most %1$u jobs and held %2$u; this asked for %3$u more."), (unsigned)u->limit,
        (unsigned)u->used, (unsigned)u->need);
    if (n->passes)
        say_passes(t);
    else
        SAY(t, tr(LANG(t), "Now it holds %1$u; %2$u more would be accepted, and more as jobs end."), (unsigned)n->used,
            (unsigned)n->most);
}

static void say_most(const struct told *t)
{
    const struct err_rule *u = &t->r->rule;
    if (u->rule == REFUSED_ARRAY)
        SAY(t, tr(LANG(t), "An array can have at most %1$u tasks; this has %2$u. Submit it in parts."), (unsigned)u->limit,
            (unsigned)u->need);
    else if (u->rule == REFUSED_CONDITIONS)
        SAY(t, tr(LANG(t), "A job can wait for at most %1$u others; this names %2$u. An array counts as one."),
            (unsigned)u->limit, (unsigned)u->need);
    else
        SAY(t, tr(LANG(t), "The value was %1$lld; from %2$lld to %3$lld would be accepted."), (long long)u->need,
            (long long)u->used, (long long)u->limit);
}

static void say_operators(const struct told *t)
{
    if (t->f->operators.len)
        SAY(t, tr(LANG(t), "Operators are: %.*s."), STR_ARG(t->f->operators));
}

static void say_who(const struct told *t)
{
    const struct refusal *r = t->r;
    switch ((enum refused)r->rule.rule) {
    case REFUSED_ROLE: SAY(t, tr(LANG(t), "Whoever asked may look here, but not change anything.")); break;
    case REFUSED_ADMIN_HOLD: SAY(t, tr(LANG(t), "Job %u is held by an administrator."), r->job); break;
    case REFUSED_OTHERS:
        if (r->job)
            SAY(t, tr(LANG(t), "Job %u belongs to somebody else."), r->job);
        else
            SAY(t, tr(LANG(t), "That is somebody else's."));
        break;
    default: SAY(t, tr(LANG(t), "Only an operator may do that."));
    }
}

static void say_role(const struct told *t)
{
    say_who(t);
    if (t->f->now.known && t->f->now.passes) {
        say_passes(t);
        return;
    }
    if (t->r->rule.rule == REFUSED_OTHERS)
        SAY(t, tr(LANG(t), "Whose it is may do that, and an operator."));
    else
        SAY(t, tr(LANG(t), "That changes only when an operator changes it."));
    say_operators(t);
    if (t->r->operation == OP_BOOST && t->r->rule.rule == REFUSED_OPERATOR && t->f->urgent.used < t->f->urgent.most)
        SAY(t, tr(LANG(t), "\"eoul submit --urgent\" would be accepted: %1$u of %2$u are used in seven days."),
            t->f->urgent.used, t->f->urgent.most);
}

static void say_account(const struct told *t)
{
    SAY(t, tr(LANG(t), "Account \"%1$s\" had no member %2$s."), t->f->account, t->f->person);
    if (t->f->now.passes)
        say_passes(t);
    else if (t->f->accounts.len)
        SAY(t, tr(LANG(t), "With one of these accounts it would be accepted: %.*s."), STR_ARG(t->f->accounts));
}

static void say_sentence(const struct told *t)
{
    const struct err_rule *u = &t->r->rule;
    if (u->rule != REFUSED_STATE || !t->r->job || u->need < 0 || u->need > JOB_DEADLINE)
        SAY(t, "%s", t->r->sentence);
    else if (u->need == JOB_NONE)
        SAY(t, tr(LANG(t), "Job %u was over already."), t->r->job);
    else
        SAY(t, tr(LANG(t), "Job %1$u was %2$s; that cannot be done to it then."), t->r->job,
            job_state_word((enum job_state)u->need));
    if (t->f->job_state)
        SAY(t, tr(LANG(t), "The job is %s now."), t->f->job_state);
    else if (t->r->job && t->r->tasks && t->r->operation != OP_REQUEUE)
        SAY(t, tr(LANG(t), "No waiting changes that; \"eoul requeue %u\" would run it again."), t->r->job);
    if (t->f->job_state && t->r->operation == OP_SET)
        SAY(t, tr(LANG(t), "What it asks for is changed while it waits; how long it may run, while it runs too."));
}

static void say_circle(const struct told *t)
{
    SAY(t, tr(LANG(t), "%u would have to be over before it may begin; no waiting ends that."), (unsigned)t->r->rule.need);
    SAY(t, tr(LANG(t), "Without one of the two conditions it would be accepted."));
}

static void say_rule(const struct told *t)
{
    switch ((enum refused)t->r->rule.rule) {
    case REFUSED_WAITING: say_waiting(t); break;
    case REFUSED_URGENT: say_urgent(t); break;
    case REFUSED_POWER: say_power(t); break;
    case REFUSED_RESERVED: say_reserved(t); break;
    case REFUSED_GPUS: say_gpus(t); break;
    case REFUSED_RESERVE_LENGTH: case REFUSED_BOOST_LENGTH: say_length(t); break;
    case REFUSED_RESERVE_AHEAD: say_ahead(t); break;
    case REFUSED_RESERVATIONS: case REFUSED_BOOSTS: say_list_full(t); break;
    case REFUSED_BOOSTED: say_boosted(t); break;
    case REFUSED_QUEUE: say_queue(t); break;
    case REFUSED_ARRAY: case REFUSED_CONDITIONS: case REFUSED_RANGE: say_most(t); break;
    case REFUSED_CIRCLE: say_circle(t); break;
    case REFUSED_ROLE: case REFUSED_OPERATOR: case REFUSED_OTHERS: case REFUSED_ADMIN_HOLD: say_role(t); break;
    case REFUSED_ACCOUNT: say_account(t); break;
    case REFUSED_NONE: case REFUSED_STATE: case REFUSED_OTHER: case REFUSED_COUNT: say_sentence(t); break;
    }
}

void refusal_sentences(const struct refusal *r, const struct refusal_facts *f, struct json_out *j)
{
    const struct told t = {{f->reader.lang, NULL, &f->reader, j}, r, f};
    out_array(j);
    say_head(&t);
    say_rule(&t);
    out_end(j);
}

void refusal_numbers(const struct refusal *r, const struct refusal_facts *f, struct json_out *j)
{
    out_object(j);
    out_put_i64(j, "limit", r->rule.limit);
    out_put_i64(j, "used", r->rule.used);
    out_put_i64(j, "need", r->rule.need);
    out_put_at(j, "change_at", r->rule.change_at);
    out_put_u64(j, "gpus", r->gpus);
    out_put_at(j, "from_at", r->from_at);
    out_put_at(j, "until_at", r->until_at);
    out_key(j, "now");
    out_object(j);
    out_put_bool(j, "known", f->now.known);
    out_put_bool(j, "passes", f->now.passes);
    out_put_bool(j, "never", f->now.never);
    out_put_i64(j, "limit", f->now.limit);
    out_put_i64(j, "used", f->now.used);
    out_put_i64(j, "most", f->now.most);
    out_put_at(j, "change_at", f->now.change_at);
    out_put_u64(j, "urgent_used", f->urgent.used);
    out_put_u64(j, "urgent_most", f->urgent.most);
    out_end(j);
    out_end(j);
}
