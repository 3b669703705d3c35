/* refused.h - the rules by which something that was asked for in good order is refused, core's and shell's.
 *
 * A word for programs and for the store; the numbers that a rule compared go with the refusal (struct err_rule): what is
 * allowed, what was taken of it, what was asked for.  Text is the shell's (daemon/refusal_say.h).
 */
#ifndef EOUL_CORE_REFUSED_H
#define EOUL_CORE_REFUSED_H

/* X(rule, word) */
#define REFUSED_LIST(X) \
    X(REFUSED_NONE, "") \
    X(REFUSED_WAITING, "waiting")               /* jobs of a person that wait: allowed, there, asked for */ \
    X(REFUSED_URGENT, "urgent")                 /* submits in seven days: allowed, used, 1; when one is free */ \
    X(REFUSED_POWER, "power-cap")               /* W: the most there is, how needed is known (1 + enum power_source), needed */ \
    X(REFUSED_RESERVED, "reserved")             /* GPUs: of the machine, reserved in that time, asked for */ \
    X(REFUSED_GPUS, "gpus")                     /* GPUs: that there are, 0, asked for */ \
    X(REFUSED_RESERVE_LENGTH, "reserve-length") /* us */ \
    X(REFUSED_RESERVE_AHEAD, "reserve-ahead")   /* us from now; when it is near enough */ \
    X(REFUSED_RESERVATIONS, "reservations")     /* how many at a time; when the first is over */ \
    X(REFUSED_BOOSTS, "boosts")                 /* the same of boosts */ \
    X(REFUSED_BOOSTED, "boosted")               /* used: number of the boost that is of the same already; its end */ \
    X(REFUSED_BOOST_LENGTH, "boost-length")     /* us */ \
    X(REFUSED_QUEUE, "queue")                   /* live jobs of everybody: allowed, there, asked for */ \
    X(REFUSED_ARRAY, "array")                   /* tasks */ \
    X(REFUSED_CONDITIONS, "conditions")         /* jobs that one waits for */ \
    X(REFUSED_CIRCLE, "circle")                 /* need: who would wait for itself */ \
    X(REFUSED_RANGE, "range")                   /* of a value: the most, the least, asked for */ \
    X(REFUSED_STATE, "state")                   /* of a job: need: enum job_state; 0: it is over */ \
    X(REFUSED_ADMIN_HOLD, "admin-hold") \
    X(REFUSED_ROLE, "role")                     /* looks, and changes nothing */ \
    X(REFUSED_OPERATOR, "operator")             /* operators only */ \
    X(REFUSED_OTHERS, "others")                 /* somebody else's */ \
    X(REFUSED_ACCOUNT, "account")               /* need: the account that its owner is no member of */ \
    X(REFUSED_OTHER, "other")                   /* said by its sentence alone */
enum refused {
#define X(rule, word) rule,
    REFUSED_LIST(X)
#undef X
    REFUSED_COUNT
};
const char *refused_word(enum refused rule);

#endif
