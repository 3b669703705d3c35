/* billing.c - see billing.h. */
#include "energy/billing.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/io.h"
#include "cal/civil.h"

#define HOLIDAYS_DIR "/etc/eoul/holidays"
#define QUARTER_S    900

extern const char billing_kepco_b2[], billing_holidays_kr[]; /* tariffs/, holidays/, as they were when this was built */

/* --- reading -------------------------------------------------------------------------------------- */

static int open_file(const char *path) { return open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK); }

bool billing_is_built_in(const char *name) { return strcmp(name, BILLING_BUILT_IN) == 0; }

static int read_tariff(const char *named, struct tariff *ret, struct err *err)
{
    struct buf text;
    struct err what = { .translate = err->translate };
    if (billing_is_built_in(named))
        return tariff_parse(str_of(billing_kepco_b2), ret, err);
    int fd = open_file(named), code;
    buf_init(&text, TARIFF_TEXT_MAX);
    if (fd < 0)
        code = err_set(err, E_NOT_FOUND, "The tariff \"%s\" cannot be opened: %m.", named);
    else if ((code = io_read_to_end(fd, &text)) < 0)
        err_set(err, code, "The tariff \"%s\" cannot be read: %s.", named, err_word(code));
    else if ((code = tariff_parse(buf_look(&text), ret, &what)) < 0)
        err_set(err, code, "The tariff \"%s\" cannot be used, so electricity has no price: %s", named, what.text);
    io_close(&fd);
    buf_finish(&text);
    return code;
}

/* A list that is not there, or of no use, is an empty one: days then bill as their weekdays. */
static void read_holidays(struct billing *b, struct err *trouble)
{
    const char *country = b->tariff.holidays;
    char path[sizeof HOLIDAYS_DIR + sizeof b->tariff.holidays + 8];
    snprintf(path, sizeof path, HOLIDAYS_DIR "/%s.txt", country);
    int fd = strchr(country, '/') ? -1 : open_file(path), code = fd < 0 ? E_NOT_FOUND : io_read_to_end(fd, &b->text);
    io_close(&fd);
    struct str text = buf_look(&b->text);
    if (code < 0 && strcmp(country, "KR") == 0) {
        text = str_of(billing_holidays_kr);
        code = 0;
    }
    struct err what = { .translate = trouble->translate };
    if (code < 0)
        err_set(trouble, code, "The tariff bills the public holidays of \"%s\" as Sundays, but there is no list of them; "
                "put one at %s.", country, path);
    else if (holidays_parse(text, b->day, HOLIDAYS_MAX, &b->holidays, &what) < 0)
        err_set(trouble, E_INVALID, "The tariff's public holidays cannot be used, so they bill as their weekdays: %s",
                what.text);
    else
        return;
    b->holidays = (struct holidays){ 0 };
}

int billing_load(const char *named, struct billing **ret, struct err *err)
{
    struct billing *b = calloc(1, sizeof *b);
    if (!b)
        return err_set(err, E_NO_MEMORY, "There is not enough memory for the tariff.");
    buf_init(&b->text, HOLIDAY_FILE_MAX);
    int code = read_tariff(named, &b->tariff, err);
    if (code < 0) {
        billing_destroy(b);
        return code;
    }
    struct err trouble = { .translate = err->translate };
    if (b->tariff.holidays[0])
        read_holidays(b, &trouble);
    snprintf(b->trouble, sizeof b->trouble, "%s", trouble.text);
    *ret = b;
    return 0;
}

void billing_destroy(struct billing *b)
{
    if (b)
        buf_finish(&b->text);
    free(b);
}

void billing_check_holidays(struct billing *b, const struct zone *zone, int64_t until_s,
                            const char *(*translate)(const char *))
{
    struct err trouble = { .translate = translate };
    int64_t last_day = civil_day_of(zone_to_local_s(zone, until_s - 1));
    if (b->trouble[0] || !b->tariff.holidays[0] || last_day <= b->holidays.known_until_day)
        return;
    int year, month, day;
    civil_from_day(b->holidays.known_until_day, &year, &month, &day);
    err_set(&trouble, E_NOT_FOUND, "The list of public holidays (%s) ends with %04d-%02d-%02d; later ones are billed as their "
            "weekdays.", b->tariff.holidays, year, month, day);
    snprintf(b->trouble, sizeof b->trouble, "%s", trouble.text);
}

/* --- asking --------------------------------------------------------------------------------------- */

struct moment { /* as a tariff counts */
    uint32_t date, weekday, hour;
};

static struct moment moment_of(const struct billing *b, const struct zone *zone, int64_t at_s)
{
    int64_t local_s = zone_to_local_s(zone, at_s), day = civil_day_of(local_s);
    struct civil c = civil_from_local_s(local_s);
    bool holiday = holiday_on(&b->holidays, day, HOLIDAY_FOR_TARIFFS);
    return (struct moment){ (uint32_t)(c.year * 10000 + c.month * 100 + c.day),
                            holiday ? 6 : (uint32_t)civil_weekday(day), (uint32_t)c.hour };
}

int64_t billing_milli(const struct billing *b, const struct zone *zone, int64_t at_s)
{
    struct moment m = moment_of(b, zone, at_s);
    return tariff_milli(&b->tariff, m.date, m.weekday, m.hour);
}

int64_t billing_steps(const struct billing *b, const struct zone *zone, int64_t from_s, int64_t until_s,
                      struct tariff_steps *steps)
{
    for (; from_s < until_s; from_s += QUARTER_S) {
        struct moment m = moment_of(b, zone, from_s);
        if (!tariff_step_add(steps, &b->tariff, from_s, m.date, m.weekday, m.hour))
            return from_s;
    }
    return until_s;
}
