/* why_say.c - see why_say.h. */
#include "daemon/why_say.h"

#include <stdarg.h>
#include <string.h>

#include "base/utf8.h"
#include "cal/format.h"
#include "i18n/particle.h"

struct why_part why_at(const struct why *w, usec_t at)
{
    struct why_part p = {""};
    struct buf b;
    buf_init_fixed(&b, p.text, sizeof p.text);
    cal_format(&b, w->f->zone, w->lang == LANG_KO ? CAL_KOREAN : CAL_ENGLISH, CAL_SHORT, at,
               w->f->now_at);
    return p;
}

struct why_part why_length(const struct why *w, usec_t length_us)
{
    struct why_part p = {""};
    struct buf b;
    buf_init_fixed(&b, p.text, sizeof p.text);
    cal_format_length(&b, w->lang == LANG_KO ? CAL_KOREAN : CAL_ENGLISH, length_us);
    return p;
}

/* A forecast is not known to the second: "59 min 57 s" claims more than it knows. */
usec_t why_rough(usec_t length_us)
{
    usec_t grain = length_us < 2 * USEC_PER_MIN     ? USEC_PER_SEC
                   : length_us < 10 * USEC_PER_MIN  ? 10 * USEC_PER_SEC
                   : length_us < 2 * USEC_PER_HOUR  ? USEC_PER_MIN
                   : length_us < 12 * USEC_PER_HOUR ? 5 * USEC_PER_MIN
                                                    : 30 * USEC_PER_MIN;
    return (length_us + grain / 2) / grain * grain;
}

struct why_part why_about(const struct why *w, usec_t length_us)
{
    return why_length(w, why_rough(length_us));
}

/* "410 won", "1.20 EUR": of thousandths. */
struct why_part why_money(const struct why *w, int64_t milli)
{
    struct why_part p = {""};
    struct buf b;
    buf_init_fixed(&b, p.text, sizeof p.text);
    if (strcmp(w->f->currency, "KRW") == 0)
        buf_printf(&b, tr(w->lang, "%lld won"), (long long)(milli + 500) / 1000);
    else
        buf_printf(&b, "%lld.%02lld %s", (long long)milli / 1000, (long long)milli % 1000 / 10, w->f->currency);
    return p;
}

/* "9 (train)": a job's name is foreign text. */
struct why_part why_job(const char *id, struct str called)
{
    struct why_part p = {""};
    struct buf b;
    buf_init_fixed(&b, p.text, sizeof p.text - 4);
    buf_c(&b, id);
    if (called.len) {
        char clean[3 * 40 + 1];
        struct buf name;
        buf_init_fixed(&name, clean, sizeof clean);
        utf8_clean(&name, str_slice(called, 0, 40));
        buf_c(&b, " (");
        buf_str(&b, buf_look(&name));
        buf_c(&b, ")");
    }
    return p;
}

void why_say(const struct why *w, const char *format, ...)
{
    char raw[WHY_SENTENCE_MAX], resolved[WHY_SENTENCE_MAX];
    struct buf b, out;
    va_list args;
    buf_init_fixed(&b, raw, sizeof raw);
    va_start(args, format);
    buf_vprintf(&b, format, args);
    va_end(args);
    buf_init_fixed(&out, resolved, sizeof resolved);
    if (w->lang == LANG_KO)
        ko_particles(&out, buf_look(&b));
    out_clean(w->j, buf_look(w->lang == LANG_KO && !out.failed ? &out : &b));
}

bool why_is_time(usec_t at)
{
    return at != 0 && at != USEC_NEVER;
}
