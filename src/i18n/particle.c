/* particle.c - see particle.h. */
#include "i18n/particle.h"

#include <string.h>

#include "base/utf8.h"

static const struct {
    const char *consonant;
    const char *vowel;
} particles[] = {
#define X(constant, consonant, vowel) { consonant, vowel },
    PARTICLE_LIST(X)
#undef X
};
_Static_assert(sizeof particles / sizeof particles[0] == PARTICLE_COUNT, "one row a particle");

enum ending { ENDS_VOWEL, ENDS_RIEUL, ENDS_CONSONANT };

#define HANGUL_FIRST 0xAC00 /* syllables: 28 final consonants each, the 8th is ㄹ */
#define HANGUL_LAST  0xD7A3
#define FINALS       28
#define FINAL_RIEUL  8

static bool is_digit(char c) { return c >= '0' && c <= '9'; }
static bool is_upper(char c) { return c >= 'A' && c <= 'Z'; }
static bool is_lower(char c) { return c >= 'a' && c <= 'z'; }
static bool is_vowel(char c) { return c && strchr("aeiouy", c); }

/* 영 일 이 삼 사 오 육 칠 팔 구; a number that ends in zeros ends in 십 백 천 만 억: a consonant. */
static enum ending digit_ending(struct str word)
{
    switch (word.ptr[word.len - 1]) {
    case '1': case '7': case '8': return ENDS_RIEUL;
    case '2': case '4': case '5': case '9': return ENDS_VOWEL;
    default: return ENDS_CONSONANT;
    }
}

static enum ending latin_ending(struct str word)
{
    size_t from = word.len;
    while (from > 0 && (is_upper(word.ptr[from - 1]) || is_lower(word.ptr[from - 1])))
        from--;
    char text[4] = { 0 }; /* the last letters in lower case, the last one first */
    bool capitals = true;
    for (size_t i = 0; i < word.len - from; i++) {
        char c = word.ptr[word.len - 1 - i];
        capitals = capitals && is_upper(c);
        if (i < sizeof text)
            text[i] = is_upper(c) ? (char)(c - 'A' + 'a') : c;
    }
    char a = text[0], b = text[1], c = text[2];
    if (capitals) /* letter by letter: 엘 and 알, 엠 and 엔 */
        return a == 'l' || a == 'r' ? ENDS_RIEUL : a == 'm' || a == 'n' ? ENDS_CONSONANT : ENDS_VOWEL;
    if (a == 'e' && b && strchr("lmn", b) && is_vowel(c)) /* a silent e: file, time, line */
        return b == 'l' ? ENDS_RIEUL : ENDS_CONSONANT;
    if (a == 'e' && b == 'l') /* table, sample */
        return ENDS_RIEUL;
    if (a == 'l')
        return ENDS_RIEUL;
    if (a == 'm' || a == 'n' || (a == 'g' && b == 'n'))
        return ENDS_CONSONANT;
    /* One stop behind one short vowel closes the syllable: job, set, map, book, tick. */
    if (a && strchr("bckpt", a) && (is_vowel(b) || (a == 'k' && b == 'c')))
        return ENDS_CONSONANT;
    return ENDS_VOWEL;
}

static enum ending ending_of(struct str word)
{
    while (word.len > 0) { /* back over what is not read aloud */
        size_t at = word.len - 1;
        while (at > 0 && ((unsigned char)word.ptr[at] & 0xC0) == 0x80)
            at--;
        struct str last = str_slice(word, at, word.len);
        int32_t c = utf8_next(&last);
        if (c >= HANGUL_FIRST && c <= HANGUL_LAST) {
            int final = (c - HANGUL_FIRST) % FINALS;
            return final == 0 ? ENDS_VOWEL : final == FINAL_RIEUL ? ENDS_RIEUL : ENDS_CONSONANT;
        }
        if (c >= 0x11A8 && c <= 0x11C2) /* a decomposed final consonant */
            return c == 0x11AF ? ENDS_RIEUL : ENDS_CONSONANT;
        if (c >= 0x1161 && c <= 0x1175)
            return ENDS_VOWEL;
        if (c >= 0x3131 && c <= 0x314E) /* a consonant alone is read by its name: 기역, 리을 */
            return c == 0x3139 ? ENDS_RIEUL : ENDS_CONSONANT;
        if (c == '%') /* 퍼센트 */
            return ENDS_VOWEL;
        if (c > 0 && c < 0x80 && is_digit((char)c))
            return digit_ending(word);
        if (c > 0 && c < 0x80 && (is_upper((char)c) || is_lower((char)c)))
            return latin_ending(word);
        word.len = at;
    }
    return ENDS_VOWEL;
}

const char *ko_particle(struct str word, enum particle particle)
{
    enum ending ending = ending_of(word);
    if (ending == ENDS_VOWEL || (ending == ENDS_RIEUL && particle == PARTICLE_EURO))
        return particles[particle].vowel;
    return particles[particle].consonant;
}

void ko_particles(struct buf *out, struct str text)
{
    size_t copied = 0;
    for (size_t at = 0; at < text.len; at++) {
        if (text.ptr[at] != '{')
            continue;
        struct str rest = str_slice(text, at + 1, text.len);
        ptrdiff_t close = str_find(rest, '}');
        if (close < 0)
            break;
        struct str name = str_slice(rest, 0, (size_t)close);
        for (int i = 0; i < PARTICLE_COUNT; i++) {
            if (!str_is(name, particles[i].consonant))
                continue;
            buf_str(out, str_slice(text, copied, at));
            buf_c(out, ko_particle(str_slice(text, 0, at), (enum particle)i));
            copied = at + name.len + 2;
        }
    }
    buf_str(out, str_slice(text, copied, text.len));
}
