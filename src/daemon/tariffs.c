/* tariffs.c - the tariff that eoul.yaml names, told to the core as steps of one price each.
 *
 * `tariff:` is the name of one that is built in (tariffs/) or the path of a file of that form
 * (energy/tariff.h).  It is read at the start and each day, when the steps are told anew as far ahead as people's
 * hours are.  A tariff that cannot be read, or that lacks hours, is said in `eoul status` and the log; the plan
 * then goes on with what it was told last, or without prices.  A change takes effect at the next start or day.
 *
 * Public holidays are billed as Sundays where the tariff names a list: /etc/eoul/holidays/KR.txt, else the one that
 * is built in.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/io.h"
#include "cal/civil.h"
#include "cal/holiday.h"
#include "daemon/internal.h"
#include "energy/tariff.h"

#define AHEAD_DAYS 60 /* as people's windows */
#define GPU_MW     300000 /* of a GPU that tells no power: a card of the middle */
#define HOLIDAYS_DIR "/etc/eoul/holidays"

extern const char tariff_kepco_b2[], tariff_holidays_kr[]; /* tariffs/, holidays/, as they were when this was built */

struct days { /* what one reading needs besides the tariff */
    struct holiday at[HOLIDAYS_MAX];
    struct holidays list;
    struct buf text;
};

static int read_text(const char *path, size_t max, struct buf *ret)
{
    buf_init(ret, max);
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    int code = fd < 0 ? io_from_errno(errno) : io_read_to_end(fd, ret);
    io_close(&fd);
    return code;
}

static int read_tariff(const char *named, struct tariff *ret, struct err *err)
{
    struct buf text;
    struct err what = { .translate = err->translate };
    if (strcmp(named, "kepco-industrial-b-high-a-2") == 0)
        return tariff_parse(str_of(tariff_kepco_b2), ret, err);
    if (named[0] != '/')
        return err_set(err, E_NOT_FOUND, "The tariff \"%s\" is not built in; write kepco-industrial-b-high-a-2, or the "
                       "full path of a file.", named);
    int code = read_text(named, TARIFF_TEXT_MAX, &text);
    if (code < 0)
        err_set(err, code, "The tariff \"%s\" cannot be read: %s.", named, err_word(code));
    else if ((code = tariff_parse(buf_look(&text), ret, &what)) < 0)
        err_set(err, code, "The tariff \"%s\" cannot be used, so electricity has no price: %s", named, what.text);
    buf_finish(&text);
    return code;
}

/* A list that is not there is an empty one: days then bill as their weekdays. */
static void read_holidays(const char *country, struct days *ret)
{
    char path[sizeof HOLIDAYS_DIR + 16];
    struct err ignored = { 0 };
    ret->list = (struct holidays){ 0 };
    buf_init(&ret->text, HOLIDAY_FILE_MAX);
    if (!country[0] || strchr(country, '/'))
        return;
    snprintf(path, sizeof path, HOLIDAYS_DIR "/%s.txt", country);
    buf_finish(&ret->text);
    int code = read_text(path, HOLIDAY_FILE_MAX, &ret->text);
    struct str text = buf_look(&ret->text);
    if (code < 0 && strcmp(country, "KR") == 0)
        text = str_of(tariff_holidays_kr);
    else if (code < 0)
        return;
    if (holidays_parse(text, ret->at, HOLIDAYS_MAX, &ret->list, &ignored) < 0) {
        log_line("tariff", "holidays=%s error=\"%s\"", country, ignored.text);
        ret->list = (struct holidays){ 0 };
    }
}

/* Hour by hour from the beginning of today. */
static usec_t expand(const struct tariff *t, const struct days *days, const struct zone *zone, usec_t now_at,
                     struct tariff_steps *steps)
{
    int64_t at_s = now_at / USEC_PER_SEC / CIVIL_DAY_S * CIVIL_DAY_S, until_s = at_s + AHEAD_DAYS * CIVIL_DAY_S;
    for (; at_s < until_s; at_s += 3600) {
        int64_t local_s = zone_to_local_s(zone, at_s), day = civil_day_of(local_s);
        struct civil c = civil_from_local_s(local_s);
        bool holiday = holiday_on(&days->list, day, HOLIDAY_FOR_TARIFFS);
        if (!tariff_step_add(steps, t, at_s, (uint32_t)(c.year * 10000 + c.month * 100 + c.day),
                             holiday ? 6 : (uint32_t)civil_weekday(day), (uint32_t)c.hour))
            break;
    }
    return at_s * USEC_PER_SEC;
}

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

static int tell_steps(struct daemon *d, const struct tariff *t, struct err *err)
{
    struct tariff_step at[CORE_RATES_MAX];
    struct rate rates[CORE_RATES_MAX];
    struct tariff_steps steps = { at, 0, CORE_RATES_MAX };
    struct days *days = calloc(1, sizeof *days);
    if (!days)
        return err_set(err, E_NO_MEMORY, "There is not enough memory for the tariff's holidays.");
    read_holidays(t->holidays, days);
    usec_t until_at = expand(t, days, people_system_zone(d->people), d->now.wall_at, &steps);
    buf_finish(&days->text);
    free(days);
    for (uint32_t i = 0; i < steps.n; i++)
        rates[i] = (struct rate){ at[i].from_s * USEC_PER_SEC, at[i].price_milli };
    const struct ev_tariff e = { .until_at = until_at, .hour_milli = (int64_t)d->config->person_hour * 1000,
                                 .gpu_mw = GPU_MW, .rates = rates, .rates_n = steps.n };
    return tell(d, &e, err);
}

int tariffs_refresh(struct daemon *d, struct err *err)
{
    d->tariff_due_at = (d->now.wall_at / USEC_PER_DAY + 1) * USEC_PER_DAY;
    d->tariff_trouble[0] = '\0';
    if (!d->config->tariff)
        return tell(d, &(struct ev_tariff){ 0 }, err);
    struct tariff *t = calloc(1, sizeof *t);
    struct err what = { 0 };
    if (!t)
        return err_set(err, E_NO_MEMORY, "There is not enough memory for the tariff.");
    int code = read_tariff(d->config->tariff, t, &what);
    if (code == 0) {
        snprintf(d->tariff_currency, sizeof d->tariff_currency, "%s", t->currency);
        code = tell_steps(d, t, err);
    } else {
        snprintf(d->tariff_trouble, sizeof d->tariff_trouble, "%s", what.text);
        log_line("tariff", "error=\"%s\"", what.text);
        code = 0; /* the rest goes on */
    }
    free(t);
    return code;
}

const char *daemon_currency(const struct daemon *d)
{
    return d->tariff_currency[0] ? d->tariff_currency : NULL;
}
