/* words.c - see words.h. */
#include "cal/words.h"

#include <string.h>

static bool is_letter(char c) { return (c | 32) >= 'a' && (c | 32) <= 'z'; }
static bool is_digit(char c) { return c >= '0' && c <= '9'; }

void words_skip_blanks(struct str *s)
{
    while (s->len > 0 && (s->ptr[0] == ' ' || s->ptr[0] == '\t' || s->ptr[0] == '\r'))
        *s = str_slice(*s, 1, s->len);
}

bool words_take(struct str *s, const char *word)
{
    struct str rest = *s;
    size_t len = strlen(word);
    words_skip_blanks(&rest);
    if (!str_is_nocase(str_slice(rest, 0, len), word))
        return false;
    if (is_letter(word[len - 1]) && rest.len > len && is_letter(rest.ptr[len]))
        return false;
    *s = str_slice(rest, len, rest.len);
    return true;
}

bool words_take_any(struct str *s, const char *const *words)
{
    for (; *words; words++)
        if (words_take(s, *words))
            return true;
    return false;
}

bool words_take_digits(struct str *s, unsigned digits_max, int64_t *ret, unsigned *ret_digits)
{
    struct str rest = *s;
    int64_t value = 0;
    unsigned n = 0;
    words_skip_blanks(&rest);
    while (n < rest.len && is_digit(rest.ptr[n])) {
        if (n == digits_max)
            return false;
        value = value * 10 + (rest.ptr[n++] - '0');
    }
    if (n == 0)
        return false;
    *ret = value;
    if (ret_digits)
        *ret_digits = n;
    *s = str_slice(rest, n, rest.len);
    return true;
}

bool words_take_weekday(struct str *s, enum weekday *ret)
{
    static const char *const names[7][7] = { /* the last of each is NULL */
        { "monday", "mon", "월요일", "월" },
        { "tuesday", "tues", "tue", "화요일", "화" },
        { "wednesday", "weds", "wed", "수요일", "수" },
        { "thursday", "thurs", "thur", "thu", "목요일", "목" },
        { "friday", "fri", "금요일", "금" },
        { "saturday", "sat", "토요일", "토" },
        { "sunday", "sun", "일요일", "일" },
    };
    for (int day = 0; day < 7; day++) {
        if (words_take_any(s, names[day])) {
            *ret = (enum weekday)day;
            return true;
        }
    }
    return false;
}

/* The half of the day, said before or after the number. */
enum half { HALF_NONE, HALF_AM, HALF_PM, HALF_NIGHT };

static enum half take_half_before(struct str *s)
{
    static const char *const am[] = { "오전", "아침", "새벽", NULL };
    static const char *const pm[] = { "오후", "낮", "저녁", NULL };
    if (words_take_any(s, am))
        return HALF_AM;
    if (words_take_any(s, pm))
        return HALF_PM;
    return words_take(s, "밤") ? HALF_NIGHT : HALF_NONE;
}

static enum half take_half_after(struct str *s)
{
    static const char *const am[] = { "am", "a.m.", NULL };
    static const char *const pm[] = { "pm", "p.m.", NULL };
    return words_take_any(s, am) ? HALF_AM : words_take_any(s, pm) ? HALF_PM : HALF_NONE;
}

static bool apply_half(enum half half, int64_t *hour)
{
    if (half == HALF_NONE)
        return true;
    if (*hour < 1 || *hour > 12)
        return half == HALF_AM ? *hour == 0 : *hour >= 12 && *hour < 24; /* 오후 15시 */
    if (half == HALF_NIGHT) { /* 밤 10시 is 22:00, 밤 12시 midnight, 밤 2시 02:00 */
        *hour = *hour >= 6 && *hour < 12 ? *hour + 12 : *hour % 12;
        return true;
    }
    *hour = *hour % 12 + (half == HALF_PM ? 12 : 0);
    return true;
}

static bool take_minutes(struct str *s, int64_t *minute, int64_t *second, bool *korean)
{
    struct str rest = *s;
    unsigned digits;
    if (words_take(&rest, "시")) {
        *korean = true;
        if (words_take(&rest, "반")) {
            *minute = 30;
        } else {
            struct str after = rest;
            if (words_take_digits(&after, 2, minute, NULL) && words_take(&after, "분"))
                rest = after;
            else
                *minute = 0;
        }
    } else if (rest.len > 0 && rest.ptr[0] == ':') {
        rest = str_slice(rest, 1, rest.len);
        if (!words_take_digits(&rest, 2, minute, &digits) || digits != 2)
            return false;
        if (rest.len > 0 && rest.ptr[0] == ':') {
            rest = str_slice(rest, 1, rest.len);
            if (!words_take_digits(&rest, 2, second, &digits) || digits != 2)
                return false;
        }
    }
    *s = rest;
    return true;
}

bool words_take_clock(struct str *s, struct words_clock *ret)
{
    static const char *const noon[] = { "noon", "정오", NULL };
    static const char *const midnight[] = { "midnight", "자정", NULL };
    struct str rest = *s;
    int64_t hour, minute = 0, second = 0;
    bool korean = false;
    if (words_take_any(&rest, noon) || words_take_any(&rest, midnight)) {
        bool is_noon = words_take_any(s, noon);
        *s = rest;
        *ret = (struct words_clock){ .s = is_noon ? 12 * 3600 : 0 };
        return true;
    }
    enum half half = take_half_before(&rest);
    if (!words_take_digits(&rest, 2, &hour, NULL))
        return false;
    size_t left = rest.len;
    if (!take_minutes(&rest, &minute, &second, &korean))
        return false;
    bool bare = rest.len == left && half == HALF_NONE;
    if (half == HALF_NONE && !korean) {
        half = take_half_after(&rest);
        bare = bare && half == HALF_NONE;
    }
    if (!apply_half(half, &hour) || hour > 24 || minute > 59 || second > 59 ||
        (hour == 24 && minute + second > 0))
        return false;
    *s = rest;
    *ret = (struct words_clock){ (int)(hour * 3600 + minute * 60 + second), bare };
    return true;
}
