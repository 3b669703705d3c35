/* tr.c - see tr.h.  The catalogue is sorted by msgid in bytes; looking up is a binary search. */
#include "i18n/tr.h"

#include <string.h>

#include "base/err.h"
#include "i18n/catalogue.h"

static const struct {
    const char *word;
    const char *name;
} langs[] = {
#define X(constant, word, name) { word, name },
    LANG_LIST(X)
#undef X
};
_Static_assert(sizeof langs / sizeof langs[0] == LANG_COUNT, "one row a language");

static const char *korean(const char *msgid)
{
    size_t low = 0;
    size_t high = catalogue_ko_n;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        int order = strcmp(msgid, catalogue_ko_text + catalogue_ko[mid].id);
        if (order == 0)
            return catalogue_ko_text + catalogue_ko[mid].str;
        if (order < 0)
            high = mid;
        else
            low = mid + 1;
    }
    return msgid;
}

const char *tr_en(const char *msgid)
{
    return msgid;
}

const char *tr_ko(const char *msgid)
{
    return msgid ? korean(msgid) : NULL;
}

const char *tr(enum lang lang, const char *msgid)
{
    return lang == LANG_KO ? tr_ko(msgid) : msgid;
}

const char *trn(enum lang lang, const char *one, const char *many, unsigned long long n)
{
    if (lang == LANG_KO) { /* nplurals=1; the entry is found by its singular */
        const char *found = korean(one);
        return found != one ? found : many;
    }
    return n == 1 ? one : many;
}

const char *(*tr_of(enum lang lang))(const char *msgid)
{
    return lang == LANG_KO ? tr_ko : tr_en;
}

const char *lang_word(enum lang lang)
{
    return lang < LANG_COUNT ? langs[lang].word : langs[LANG_EN].word;
}

/* "ko", "ko_KR.UTF-8", "ko-KR": what stands before the first of _ - . @ */
static struct str primary(struct str tag)
{
    size_t n = 0;
    while (n < tag.len && !strchr("_-.@", tag.ptr[n]))
        n++;
    return str_slice(tag, 0, n);
}

int lang_parse(struct str word, enum lang *ret_lang)
{
    if (str_is_nocase(word, "korean") || str_is(word, "한국어")) {
        *ret_lang = LANG_KO;
        return 0;
    }
    if (str_is_nocase(word, "english")) {
        *ret_lang = LANG_EN;
        return 0;
    }
    struct str first = primary(word);
    for (int i = 0; i < LANG_COUNT; i++) {
        if (str_is_nocase(first, langs[i].word)) {
            *ret_lang = (enum lang)i;
            return 0;
        }
    }
    return E_INVALID;
}

static bool shows_utf8(struct str locale)
{
    ptrdiff_t dot = str_find(locale, '.');
    if (dot < 0)
        return true; /* no character set named: today's systems mean UTF-8 */
    struct str charset = str_slice(locale, (size_t)dot + 1, locale.len);
    ptrdiff_t at = str_find(charset, '@');
    if (at >= 0)
        charset = str_slice(charset, 0, (size_t)at);
    return str_is_nocase(charset, "UTF-8") || str_is_nocase(charset, "UTF8");
}

enum lang lang_from_env(const char *lc_all, const char *lc_messages, const char *lang,
                        const char *language)
{
    const char *named = lc_all && *lc_all ? lc_all
        : lc_messages && *lc_messages ? lc_messages
        : lang && *lang ? lang : "C";
    struct str locale = str_of(named);
    if (str_is(locale, "C") || str_is(locale, "POSIX") || !shows_utf8(locale))
        return LANG_EN;
    struct str rest = str_of(language);
    struct str piece;
    enum lang found;
    while (str_next(&rest, ':', &piece))
        if (lang_parse(piece, &found) == 0)
            return found;
    return lang_parse(locale, &found) == 0 ? found : LANG_EN;
}

/* The q of one Accept-Language item in thousandths; 1000 when it has none, 0 when it is malformed. */
static unsigned quality(struct str params)
{
    params = str_trim(params);
    if (params.len == 0)
        return 1000;
    if (!str_starts(params, "q="))
        return 0;
    struct str value = str_slice(params, 2, params.len);
    if (value.len == 0 || value.len > 5 || (value.ptr[0] != '0' && value.ptr[0] != '1'))
        return 0;
    unsigned q = (unsigned)(value.ptr[0] - '0') * 1000;
    unsigned unit = 100;
    for (size_t i = 1; i < value.len; i++) {
        char c = value.ptr[i];
        if (i == 1 ? c != '.' : c < '0' || c > '9')
            return 0;
        if (i > 1) {
            q += (unsigned)(c - '0') * unit;
            unit /= 10;
        }
    }
    return q > 1000 ? 0 : q;
}

enum lang lang_from_accept(struct str header, enum lang otherwise)
{
    unsigned best = 0;
    struct str item;
    while (str_next(&header, ',', &item)) {
        ptrdiff_t semicolon = str_find(item, ';');
        size_t end = semicolon < 0 ? item.len : (size_t)semicolon;
        enum lang found;
        if (lang_parse(str_trim(str_slice(item, 0, end)), &found) < 0)
            continue;
        unsigned q = quality(semicolon < 0 ? STR("") : str_slice(item, end + 1, item.len));
        if (q > best) {
            best = q;
            otherwise = found;
        }
    }
    return otherwise;
}
