/* marks.c - see marks.h. */
#include "spec/marks.h"

#include <string.h>

#include "base/utf8.h"
#include "spec/decimal.h"

#define MILLION 1000000u
#define NEAR_END 900000u   /* a count that was here ... */
#define NEAR_START 200000u /* ... and is here again has begun anew */
#define LITERAL_MIN 2      /* letters of a pattern besides its numbers: "{x}" alone is every line */

static bool is_digit(char c) { return c >= '0' && c <= '9'; }
static bool is_blank(char c) { return c == ' ' || c == '\t'; }
static bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
static char lower(char c) { return c >= 'A' && c <= 'Z' ? (char)(c + 'a' - 'A') : c; }

void marks_init(struct marks *m, struct str pattern)
{
    memset(m, 0, sizeof *m);
    m->done_ppm = MARKS_UNKNOWN;
    if (pattern.len > 0 && pattern.len < MARKS_PATTERN_MAX) {
        memcpy(m->pattern, pattern.ptr, pattern.len);
        m->pattern_len = (uint32_t)pattern.len;
    }
}

/* --- numbers in a line ------------------------------------------------------------------------- */

/* Bytes of the number that s begins with: 3, -0.5, 1e-4, nan, inf; 0: none. */
static size_t number_len(struct str s)
{
    static const char *const words[] = { "nan", "inf" };
    size_t i = s.len > 0 && (s.ptr[0] == '-' || s.ptr[0] == '+'), digits = 0;
    for (size_t w = 0; w < 2; w++)
        if (str_is_nocase(str_slice(s, i, i + 3), words[w]) && (i + 3 >= s.len || !is_letter(s.ptr[i + 3])))
            return i + 3;
    for (bool point = false; i < s.len && (is_digit(s.ptr[i]) || (s.ptr[i] == '.' && !point)); i++) {
        point = point || s.ptr[i] == '.';
        digits += is_digit(s.ptr[i]);
    }
    if (digits == 0)
        return 0;
    if (s.ptr[i - 1] == '.') /* a full stop */
        i--;
    size_t e = i + 1 < s.len && lower(s.ptr[i]) == 'e' ? i + 1 : 0;
    if (e && (s.ptr[e] == '-' || s.ptr[e] == '+'))
        e++;
    if (e && e < s.len && is_digit(s.ptr[e]))
        for (i = e; i < s.len && is_digit(s.ptr[i]); i++)
            ;
    return i;
}

bool marks_number(struct str value, double *ret)
{
    struct decimal d;
    bool minus = value.len > 0 && value.ptr[0] == '-';
    struct str bare = str_slice(value, value.len > 0 && (minus || value.ptr[0] == '+'), value.len);
    if (str_is_nocase(bare, "inf") || str_is_nocase(bare, "infinity")) {
        *ret = minus ? -__builtin_inf() : __builtin_inf();
        return true;
    }
    if (number_len(value) != value.len || value.len == 0)
        return false;
    /* More digits than can be told apart are of no use: cut them. */
    size_t e = 0, digits = 0;
    while (e < value.len && lower(value.ptr[e]) != 'e')
        digits += is_digit(value.ptr[e++]);
    char memory[MARKS_VALUE_MAX + 8];
    struct buf cut;
    buf_init_fixed(&cut, memory, sizeof memory);
    bool point = memchr(value.ptr, '.', e) != NULL;
    size_t drop = digits > 17 && point ? digits - 17 : 0;
    ptrdiff_t dot = str_find(value, '.');
    if (drop && (ptrdiff_t)(e - drop) <= dot)
        drop = (size_t)((ptrdiff_t)e - dot - 1);
    buf_str(&cut, str_slice(value, 0, e - drop));
    buf_str(&cut, str_slice(value, e, value.len));
    if (cut.failed || decimal_parse(buf_look(&cut), &d) < 0)
        return false;
    *ret = decimal_double(d);
    return true;
}

/* "420/1000", "420 of 1000" at the front: true, and what share that is. */
static bool take_ratio(struct str *s, uint32_t *ret_n, uint32_t *ret_of)
{
    uint64_t n = 0, of = 0;
    size_t i = 0, from;
    while (i < s->len && is_digit(s->ptr[i]))
        i++;
    if (i == 0 || i > 9 || str_u64(str_slice(*s, 0, i), &n) < 0)
        return false;
    while (i < s->len && is_blank(s->ptr[i]))
        i++;
    if (i < s->len && s->ptr[i] == '/')
        i++;
    else if (str_starts(str_slice(*s, i, s->len), "of "))
        i += 2;
    else
        return false;
    while (i < s->len && is_blank(s->ptr[i]))
        i++;
    for (from = i; i < s->len && is_digit(s->ptr[i]); i++)
        ;
    if (i == from || i - from > 9 || str_u64(str_slice(*s, from, i), &of) < 0 || of == 0 || n > of)
        return false;
    *ret_n = (uint32_t)n;
    *ret_of = (uint32_t)of;
    *s = str_slice(*s, i, s->len);
    return true;
}

static uint32_t share(uint32_t n, uint32_t of)
{
    return (uint32_t)((uint64_t)n * MILLION / of);
}

/* --- results ------------------------------------------------------------------------------------ */

static void put_word(char *to, size_t size, struct str word)
{
    size_t n = word.len < size - 1 ? word.len : size - 1;
    while (n > 0 && n < word.len && ((unsigned char)word.ptr[n] & 0xC0) == 0x80)
        n--;
    memset(to, 0, size);
    memcpy(to, word.ptr, n);
}

static bool is_name(struct str s)
{
    for (size_t i = 0; i < s.len; i++)
        if (!(is_letter(s.ptr[i]) || s.ptr[i] == '_' ||
              (i > 0 && (is_digit(s.ptr[i]) || s.ptr[i] == '.' || s.ptr[i] == '-' || s.ptr[i] == '/'))))
            return false;
    return s.len > 0 && s.len < MARKS_NAME_MAX;
}

static bool is_word(struct str s)
{
    for (size_t i = 0; i < s.len; i++)
        if ((unsigned char)s.ptr[i] <= ' ' || s.ptr[i] == 0x7F)
            return false;
    return s.len > 0 && utf8_valid(s);
}

bool marks_text_sound(struct str text)
{
    struct str line;
    uint32_t n = 0;
    if (text.len > 0 && text.ptr[text.len - 1] != '\n')
        return false;
    while (str_next(&text, '\n', &line)) {
        ptrdiff_t equals = str_find(line, '=');
        struct str value = str_slice(line, equals < 0 ? line.len : (size_t)equals + 1, line.len);
        if (equals < 0 || !is_name(str_slice(line, 0, (size_t)equals)) || !is_word(value) ||
            value.len >= MARKS_VALUE_MAX || ++n > MARKS_RESULTS_MAX)
            return false;
    }
    return true;
}

static void result(struct marks *m, struct str name, struct str value)
{
    struct marks_result r;
    uint32_t i = 0;
    if (!is_name(name) || !is_word(value))
        return;
    put_word(r.name, sizeof r.name, name);
    put_word(r.value, sizeof r.value, value);
    while (i < m->results_n && strcmp(m->result[i].name, r.name) != 0)
        i++;
    if (i == MARKS_RESULTS_MAX)
        return;
    m->results_n += i == m->results_n;
    if (memcmp(&m->result[i], &r, sizeof r) == 0)
        return;
    m->result[i] = r;
    m->version++;
}

/* loss=0.12, acc=0.93   or one number */
static void read_results(struct marks *m, struct str rest)
{
    while (rest.len > 0) {
        size_t i = 0;
        while (i < rest.len && (is_blank(rest.ptr[i]) || rest.ptr[i] == ',' || rest.ptr[i] == ';'))
            i++;
        size_t from = i;
        while (i < rest.len && !is_blank(rest.ptr[i]) && rest.ptr[i] != ',' && rest.ptr[i] != ';')
            i++;
        struct str word = str_slice(rest, from, i);
        ptrdiff_t equals = str_find(word, '=');
        if (equals > 0)
            result(m, str_slice(word, 0, (size_t)equals), str_slice(word, (size_t)equals + 1, word.len));
        else if (equals < 0 && word.len > 0 && number_len(word) == word.len)
            result(m, STR("result"), word);
        rest = str_slice(rest, i, rest.len);
    }
}

/* --- the person's own pattern --------------------------------------------------------------------- */

/* One part of a pattern off its front. */
enum part { PART_END, PART_TEXT, PART_BLANKS, PART_NUMBER, PART_ANYTHING };
static enum part next_part(struct str *rest, struct str *ret)
{
    struct str s = *rest;
    size_t i = 0;
    enum part part = PART_TEXT;
    const char *close = s.len > 0 && s.ptr[0] == '{' ? memchr(s.ptr, '}', s.len) : NULL;
    if (s.len == 0)
        return PART_END;
    if (close && is_name(str_slice(s, 1, (size_t)(close - s.ptr)))) {
        i = (size_t)(close - s.ptr) + 1;
        *ret = str_slice(s, 1, i - 1);
        part = PART_NUMBER;
    } else if (s.ptr[0] == '*') {
        i = 1;
        part = PART_ANYTHING;
    } else if (is_blank(s.ptr[0])) {
        while (i < s.len && is_blank(s.ptr[i]))
            i++;
        part = PART_BLANKS;
    } else {
        for (i = 1; i < s.len && s.ptr[i] != '{' && s.ptr[i] != '*' && !is_blank(s.ptr[i]); i++)
            ;
        *ret = str_slice(s, 0, i);
    }
    *rest = str_slice(s, i, s.len);
    return part;
}

int marks_pattern_check(struct str pattern, struct err *err)
{
    struct str rest = pattern, part = { 0 };
    size_t numbers = 0, letters = 0;
    if (pattern.len >= MARKS_PATTERN_MAX)
        return err_set(err, E_TOO_LARGE, "a pattern for results can have at most %u bytes",
                       MARKS_PATTERN_MAX - 1);
    for (enum part kind; (kind = next_part(&rest, &part)) != PART_END;) {
        numbers += kind == PART_NUMBER;
        letters += kind == PART_TEXT ? part.len : 0;
    }
    if (numbers == 0 || letters < LITERAL_MIN)
        return err_set(err, E_INVALID,
                       "the pattern must be text of your output with {name} where the number stands, for "
                       "example 'val_loss: {loss}'");
    return 0;
}

static bool at(struct str line, size_t from, struct str text)
{
    return text.len <= line.len - from && memcmp(line.ptr + from, text.ptr, text.len) == 0;
}

/* Skip to where `part` could stand; line.len + 1: nowhere. */
static size_t seek(struct str line, size_t from, enum part kind, struct str text)
{
    for (; from <= line.len; from++)
        if (kind == PART_TEXT ? at(line, from, text)
                              : kind != PART_NUMBER || number_len(str_slice(line, from, line.len)) > 0)
            return from;
    return line.len + 1;
}

/* Does the pattern match from here?  With `m` what it caught is kept. */
static bool match_from(const struct marks *pattern, struct str line, size_t i, struct marks *m)
{
    struct str rest = { pattern->pattern, pattern->pattern_len }, text = { 0 };
    bool anything = false;
    for (enum part kind; (kind = next_part(&rest, &text)) != PART_END;) {
        if (anything && kind == PART_BLANKS)
            continue; /* they are anything too */
        if (anything)
            i = seek(line, i, kind, text);
        anything = kind == PART_ANYTHING;
        if (i > line.len)
            return false;
        size_t n = 0;
        switch (kind) {
        case PART_TEXT:
            if (!at(line, i, text))
                return false;
            i += text.len;
            break;
        case PART_BLANKS:
            while (i + n < line.len && is_blank(line.ptr[i + n]))
                n++;
            if (n == 0)
                return false;
            i += n;
            break;
        case PART_NUMBER:
            n = number_len(str_slice(line, i, line.len));
            if (n == 0)
                return false;
            if (m)
                result(m, text, str_slice(line, i, i + n));
            i += n;
            break;
        case PART_ANYTHING: case PART_END: break;
        }
    }
    return true;
}

static void read_pattern(struct marks *m, struct str line)
{
    struct str rest = { m->pattern, m->pattern_len }, text = { 0 };
    if (m->pattern_len == 0)
        return;
    enum part first = next_part(&rest, &text);
    for (size_t i = 0; i <= line.len; i++) {
        if (first == PART_TEXT) {
            const char *found = memmem(line.ptr + i, line.len - i, text.ptr, text.len);
            if (!found)
                return;
            i = (size_t)(found - line.ptr);
        }
        if (match_from(m, line, i, NULL)) {
            match_from(m, line, i, m);
            return;
        }
    }
}

/* --- progress ----------------------------------------------------------------------------------- */

static void done(struct marks *m, enum marks_source source, uint32_t ppm)
{
    if (source < m->source || (m->done_ppm == ppm && m->source == source))
        return;
    m->source = source;
    m->done_ppm = ppm;
    m->version++;
}

static void disbelieve(struct marks *m, enum marks_source source)
{
    m->disbelieved[source] = true;
    if (m->source != source)
        return;
    m->source = MARKS_NONE;
    m->done_ppm = MARKS_UNKNOWN;
    m->version++;
}

/* A bar or a count of steps stands here. */
static void part(struct marks *m, enum marks_source source, uint32_t ppm)
{
    uint32_t before = m->part_ppm[source];
    m->part_ppm[source] = ppm;
    if (m->epochs) {
        m->inner_ppm = ppm;
        done(m, MARKS_STEP, (uint32_t)(((uint64_t)(m->epoch - 1) * MILLION + ppm) / m->epochs));
        return;
    }
    if (before >= NEAR_END && ppm <= NEAR_START)
        disbelieve(m, source);
    if (!m->disbelieved[source])
        done(m, source, ppm);
}

static void epoch(struct marks *m, uint32_t n, uint32_t of)
{
    n = n ? n : 1;
    if (n == m->epoch && of == m->epochs) /* said again, within it */
        return;
    m->epoch = n;
    m->epochs = of;
    m->inner_ppm = 0;
    done(m, MARKS_STEP, share(n - 1, of));
}

static void read_said(struct marks *m, struct str rest)
{
    uint32_t n, of;
    struct decimal d;
    rest = str_trim(rest);
    struct str copy = rest;
    if (take_ratio(&copy, &n, &of)) {
        done(m, MARKS_SAID, share(n, of));
        return;
    }
    size_t len = number_len(rest);
    if (len == 0 || len > 12 || decimal_parse(str_slice(rest, 0, len), &d) < 0)
        return;
    double value = decimal_double(d);
    if (len < rest.len && rest.ptr[len] == '%')
        value /= 100;
    if (value >= 0 && value <= 1)
        done(m, MARKS_SAID, (uint32_t)(value * MILLION + 0.5));
}

/* "Step 300/1000", "iter [3/10]", "Epoch: 3 of 10": the words before the number. */
static void read_steps(struct marks *m, struct str line)
{
    static const struct { const char *word; bool epoch; } words[] = {
        { "epoch", true }, { "step", false }, { "iteration", false }, { "iter", false },
        { "batch", false },
    };
    for (size_t i = 0; i + 4 < line.len; i++) {
        if (!strchr("eEsSiIbB", line.ptr[i]) || (i > 0 && is_letter(line.ptr[i - 1])))
            continue;
        for (size_t w = 0; w < sizeof words / sizeof words[0]; w++) {
            size_t len = strlen(words[w].word), k = i + len;
            uint32_t n, of;
            if (!str_is_nocase(str_slice(line, i, k), words[w].word))
                continue;
            while (k < line.len && k < i + len + 4 && (is_blank(line.ptr[k]) || strchr("[(:=#", line.ptr[k])))
                k++;
            struct str rest = str_slice(line, k, line.len);
            if (k == i + len || !take_ratio(&rest, &n, &of))
                continue;
            if (words[w].epoch)
                epoch(m, n, of);
            else
                part(m, MARKS_STEP, share(n, of));
            i = (size_t)(rest.ptr - line.ptr) - 1;
            break;
        }
    }
}

/* " 42%|####    | 42/100 [": tqdm's; the count is finer than the per cent. */
static void read_bar(struct marks *m, struct str line)
{
    for (size_t i = 1; i + 1 < line.len; i++) {
        if (line.ptr[i] != '%' || line.ptr[i + 1] != '|' || !is_digit(line.ptr[i - 1]))
            continue;
        size_t from = i;
        uint64_t percent;
        uint32_t n, of;
        while (from > 0 && i - from < 3 && is_digit(line.ptr[from - 1]))
            from--;
        if (str_u64(str_slice(line, from, i), &percent) < 0 || percent > 100)
            continue;
        uint32_t ppm = (uint32_t)percent * (MILLION / 100);
        struct str rest = str_slice(line, i + 2, line.len);
        ptrdiff_t bar = str_find(rest, '|');
        if (bar >= 0) {
            rest = str_trim(str_slice(rest, (size_t)bar + 1, rest.len));
            if (take_ratio(&rest, &n, &of))
                ppm = share(n, of);
        }
        part(m, MARKS_BAR, ppm);
        return;
    }
}

/* --- lines -------------------------------------------------------------------------------------- */

static struct str behind(struct str line, const char *word)
{
    struct str rest = { 0 };
    size_t len = strlen(word);
    const char *found = memmem(line.ptr, line.len, word, len);
    if (found && (found == line.ptr || !is_letter(found[-1])))
        rest = str_slice(line, (size_t)(found - line.ptr) + len, line.len);
    return rest;
}

static void read_line(struct marks *m, struct str line)
{
    struct str rest;
    if (line.len == 0)
        return;
    if ((rest = behind(line, "eoul:result ")).ptr)
        read_results(m, rest);
    else if ((rest = behind(line, "eoul:progress ")).ptr)
        read_said(m, rest);
    else
        read_pattern(m, line);
    if (m->source == MARKS_SAID)
        return;
    bool slash = line.len > 0 && (memchr(line.ptr, '/', line.len) || memmem(line.ptr, line.len, " of ", 4));
    if (slash)
        read_steps(m, line);
    if (memchr(line.ptr, '%', line.len))
        read_bar(m, line);
}

static void line_add(struct marks_line *l, const char *bytes, size_t len)
{
    if (l->skipping || len == 0)
        return;
    size_t room = MARKS_LINE_MAX - l->len;
    memcpy(l->text + l->len, bytes, len < room ? len : room);
    l->len += (uint32_t)(len < room ? len : room);
    l->skipping = len > room;
}

static void line_end(struct marks *m, struct marks_line *l)
{
    read_line(m, (struct str){ l->text, l->len });
    l->len = 0;
    l->skipping = false;
}

void marks_feed(struct marks *m, int stream, const char *bytes, size_t len)
{
    struct marks_line *l = &m->line[stream == 0 ? 0 : 1];
    while (len > 0) {
        const char *newline = memchr(bytes, '\n', len);
        size_t n = newline ? (size_t)(newline - bytes) : len;
        const char *at_return;
        while ((at_return = memchr(bytes, '\r', n))) { /* bars write over themselves */
            size_t k = (size_t)(at_return - bytes);
            line_add(l, bytes, k);
            line_end(m, l);
            bytes += k + 1;
            len -= k + 1;
            n -= k + 1;
        }
        line_add(l, bytes, n);
        if (!newline)
            return;
        line_end(m, l);
        bytes += n + 1;
        len -= n + 1;
    }
}

void marks_end(struct marks *m)
{
    for (int i = 0; i < MARKS_STREAMS; i++)
        line_end(m, &m->line[i]);
}
