/* tariffs.c - the tariff and the power cap that eoul.yaml names, told to the core as steps of one price or cap each.
 *
 * `tariff:` is the name of one that is built in (tariffs/) or the path of a file of that form
 * (energy/billing.h).  It is read at the start and each day, when the steps are told anew as far ahead as people's
 * hours are.  A tariff that cannot be read, or that lacks hours or holidays, is said in `eoul status` and
 * the log; the plan then goes on with what it was told last, or without prices.  A change takes effect at the next start, reload or day.
 */
#include <stdio.h>
#include <string.h>

#include "daemon/internal.h"
#include "energy/billing.h"
#include "energy/powercap.h"

#define AHEAD_DAYS 60 /* as people's windows */
#define CAP_DAYS   14 /* a lower cap further ahead stops no start of today */
#define GPU_MW     300000 /* of a GPU that tells no power: a card of the middle */
#define DAY_S      86400

static bool known(const struct daemon *d, const struct ev_tariff *e)
{
    struct ev_tariff now = core_tariff(d->core);
    return now.until_at == e->until_at && now.hour_milli == e->hour_milli && now.gpu_mw == e->gpu_mw &&
           now.rates_n == e->rates_n &&
           (e->rates_n == 0 || memcmp(now.rates, e->rates, e->rates_n * sizeof *e->rates) == 0);
}

static int tell(struct daemon *d, const struct ev_tariff *e, struct err *err)
{
    struct core_event ev = { .kind = EVENT_TARIFF, .tariff = *e };
    return known(d, e) ? 0 : daemon_event(d, &ev, err);
}

/* From the beginning of today. */
static int tell_steps(struct daemon *d, const struct billing *b, struct err *err)
{
    struct tariff_step at[CORE_RATES_MAX];
    struct rate rates[CORE_RATES_MAX];
    struct tariff_steps steps = { at, 0, CORE_RATES_MAX };
    int64_t today_s = d->now.wall_at / USEC_PER_SEC / DAY_S * DAY_S;
    int64_t until_s = billing_steps(b, people_system_zone(d->people), today_s, today_s + AHEAD_DAYS * DAY_S, &steps);
    for (uint32_t i = 0; i < steps.n; i++)
        rates[i] = (struct rate){ at[i].from_s * USEC_PER_SEC, at[i].price_milli };
    const struct ev_tariff e = { .until_at = until_s * USEC_PER_SEC, .hour_milli = (int64_t)d->config->person_hour * 1000,
                                 .gpu_mw = GPU_MW, .rates = rates, .rates_n = steps.n };
    return tell(d, &e, err);
}

/* What is wrong with it, in err's language, as far as it will be asked. */
static int load(struct daemon *d, const char *named, struct billing **ret, struct err *err)
{
    if (named[0] != '/' && !billing_is_built_in(named))
        return err_set(err, E_NOT_FOUND, "The tariff \"%s\" is not built in; write kepco-industrial-b-high-a-2, or the "
                       "full path of a file.", named);
    int code = billing_load(named, ret, err);
    if (code < 0)
        return code;
    billing_check_holidays(*ret, people_system_zone(d->people), d->now.wall_at / USEC_PER_SEC + AHEAD_DAYS * DAY_S,
                           err->translate);
    snprintf(err->text, sizeof err->text, "%s", (*ret)->trouble);
    return 0;
}

int tariffs_check(struct daemon *d, const struct config *config, struct err *err)
{
    struct billing *b = NULL;
    struct err what = { .translate = err->translate };
    int code = config->tariff ? load(d, config->tariff, &b, &what) : 0;
    billing_destroy(b);
    if (code < 0) /* hours or holidays that lack are said in eoul status, as at a start */
        *err = what;
    return code;
}

/* The same trouble in every language: whoever asks reads their own. */
static void keep_trouble(struct daemon *d, const struct err *first)
{
    if (first->text[0])
        log_line("tariff", "error=\"%s\"", first->text);
    for (int lang = 0; lang < LANG_COUNT; lang++) {
        struct err again = { .translate = tr_of((enum lang)lang) };
        struct billing *b = NULL;
        if (first->text[0])
            (void)load(d, d->config->tariff, &b, &again);
        snprintf(d->tariff_trouble[lang], sizeof d->tariff_trouble[lang], "%s", again.text);
        billing_destroy(b);
    }
}

const char *tariffs_trouble(const struct daemon *d, const char *(*translate)(const char *))
{
    for (int lang = 0; lang < LANG_COUNT; lang++)
        if (d->tariff_trouble[lang][0] && tr_of((enum lang)lang) == translate)
            return d->tariff_trouble[lang];
    return NULL;
}

/* The power cap of eoul.yaml, as steps.  Told only where there is one, or was. */
static int tell_cap(struct daemon *d, struct err *err)
{
    struct tariff_step at[CORE_CAPS_MAX];
    struct cap caps[CORE_CAPS_MAX];
    struct tariff_steps steps = { at, 0, CORE_CAPS_MAX };
    struct powercap cap;
    struct ev_power now = core_power(d->core), e = { 0 };
    int64_t today_s = d->now.wall_at / USEC_PER_SEC / DAY_S * DAY_S;
    if (d->config->power_cap && powercap_parse(str_of(d->config->power_cap), &cap, err) == 0)
        e.until_at = powercap_steps(&cap, people_system_zone(d->people), today_s, today_s + CAP_DAYS * DAY_S, &steps) *
                     USEC_PER_SEC;
    for (uint32_t i = 0; i < steps.n; i++)
        caps[i] = (struct cap){ at[i].from_s * USEC_PER_SEC, at[i].price_milli };
    e.caps = caps;
    e.caps_n = steps.n;
    if (now.caps_n == e.caps_n &&
        (e.caps_n == 0 || (now.until_at == e.until_at && memcmp(now.caps, caps, e.caps_n * sizeof *caps) == 0)))
        return 0;
    struct core_event ev = { .kind = EVENT_POWER, .power = e };
    return daemon_event(d, &ev, err);
}

static int tell_tariff(struct daemon *d, struct err *err)
{
    struct billing *b = NULL;
    struct err what = { 0 };
    int code = d->config->tariff ? load(d, d->config->tariff, &b, &what) : 0;
    keep_trouble(d, &what);
    if (!d->config->tariff)
        return tell(d, &(struct ev_tariff){ 0 }, err);
    if (code < 0)
        return 0; /* the rest goes on */
    snprintf(d->tariff_currency, sizeof d->tariff_currency, "%s", b->tariff.currency);
    code = tell_steps(d, b, err);
    billing_destroy(b);
    return code;
}

int tariffs_refresh(struct daemon *d, struct err *err)
{
    d->tariff_due_at = (d->now.wall_at / USEC_PER_DAY + 1) * USEC_PER_DAY;
    int code = tell_cap(d, err);
    return code < 0 ? code : tell_tariff(d, err);
}

const char *daemon_currency(const struct daemon *d)
{
    return d->tariff_currency[0] ? d->tariff_currency : NULL;
}

const char *daemon_power_cap(const struct daemon *d) { return d->config->power_cap; }
