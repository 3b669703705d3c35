/* settings.c - the policy's numbers, told to the core: a journal's first event, and again when one of them changes.
 *
 * They come from eoul.yaml, read at the start, and from the mode of the week (week.c).  What was told last is kept in the
 * store as a text, so that a start with the same numbers tells nothing.
 */
#include <errno.h>
#include <string.h>
#include <sys/random.h>

#include "daemon/internal.h"

#define PLAN_DEPTH 64u
#define AGE_US     (3 * USEC_PER_DAY)
#define TEXT_MAX   256
#define VERSION    5 /* grows when a number that is not in the text changes its default */

/* The seed of what was told last, or a new one. */
static int find_seed(struct str was, uint64_t *ret, struct err *err)
{
    struct str first;
    *ret = 0;
    if (str_next(&was, ' ', &first))
        (void)str_u64(first, ret);
    if (*ret)
        return 0;
    if (getrandom(ret, sizeof *ret, 0) != (ssize_t)sizeof *ret)
        return err_set(err, E_IO, "the system gives no random numbers: %s", strerror(errno));
    *ret = (*ret >> 1) | 1;
    return 0;
}

struct ev_settings settings_of(const struct daemon *d, enum mode mode)
{
    struct ev_settings s = CORE_SETTINGS_DEFAULT;
    s.policy = d->config->policy;
    s.plan_depth = PLAN_DEPTH;
    s.runtime_guess_us = d->config->guess_us;
    s.age_us = AGE_US;
    s.half_life_us = d->config->half_life_us;
    s.urgent_week = d->config->urgent_week;
    if (s.policy == POLICY_BLEND)
        mode_apply(mode, s.preempt, &s.policy, &s);
    return s;
}

static void put_text(const struct ev_settings *s, struct buf *out)
{
    buf_u64(out, s->seed);
    buf_char(out, ' ');
    buf_u64(out, s->policy);
    buf_char(out, ' ');
    buf_i64(out, s->runtime_guess_us);
    buf_char(out, ' ');
    buf_u64(out, s->urgent_week);
    buf_char(out, ' ');
    buf_i64(out, s->half_life_us);
    buf_char(out, ' ');
    buf_u64(out, VERSION);
    if (s->defer != CORE_SETTINGS_DEFAULT.defer)
        buf_c(out, " stay"); /* nobody's start is moved */
}

int settings_tell(struct daemon *d, struct err *err)
{
    char was_memory[TEXT_MAX], now_memory[TEXT_MAX];
    struct buf was, now;
    struct core_event ev = { .kind = EVENT_SETTINGS };
    buf_init_fixed(&was, was_memory, sizeof was_memory);
    buf_init_fixed(&now, now_memory, sizeof now_memory);
    if (store_meta_get(d->store, "settings", &was) < 0)
        buf_clear(&was);
    ev.settings = settings_of(d, week_mode(d));
    int code = find_seed(buf_look(&was), &ev.settings.seed, err);
    if (code < 0)
        return code;
    put_text(&ev.settings, &now);
    if (was.len && str_eq(buf_look(&was), buf_look(&now)))
        return 0;
    code = daemon_event(d, &ev, err);
    return code < 0 ? code : store_meta_put(d->store, "settings", buf_look(&now));
}
