/* key.c - see key.h. */
#include "term/key.h"

#include <string.h>

#include "base/buf.h"

/* --- reading and showing ----------------------------------------------------------------------- */

static bool take_prefix(struct str *text)
{
    static const char *const prefixes[] = { "ctrl-", "Ctrl-", "CTRL-", "ctrl+", "Ctrl+", "C-", "^" };
    for (size_t i = 0; i < sizeof prefixes / sizeof prefixes[0]; i++)
        if (str_starts(*text, prefixes[i])) {
            *text = str_slice(*text, strlen(prefixes[i]), text->len);
            return true;
        }
    return false;
}

/* The byte a terminal sends for control and this key; 0: there is none that could be used.  Enter, Tab
 * and Escape are needed for other things. */
static char control_of(char c)
{
    if (c >= 'a' && c <= 'z')
        c = (char)(c - 'a' + 'A');
    bool usable = (c >= 'A' && c <= '_') && c != 'I' && c != 'J' && c != 'M' && c != '[';
    return usable ? (char)(c - '@') : 0;
}

int key_parse(struct str text, struct key *ret, struct err *err)
{
    struct key key = { 0 };
    struct str rest = str_trim(text);
    if (str_is_nocase(rest, "none")) {
        *ret = key;
        return 0;
    }
    if (take_prefix(&rest) && rest.len >= 1)
        key.first = control_of(rest.ptr[0]);
    rest = str_trim(str_slice(rest, 1, rest.len));
    if (key.first && rest.len == 1 && rest.ptr[0] > ' ' && rest.ptr[0] < 0x7f)
        key.second = rest.ptr[0];
    else if (rest.len)
        key.first = 0;
    if (!key.first)
        return err_set(err, E_INVALID,
                       "\"%.*s\" is no key to detach with; write for example ctrl-\\, ctrl-] or "
                       "\"ctrl-b d\", or none.", (int)(text.len < 40 ? text.len : 40), text.ptr);
    *ret = key;
    return 0;
}

void key_print(const struct key *key, char ret[KEY_TEXT_MAX])
{
    struct buf b;
    buf_init_fixed(&b, ret, KEY_TEXT_MAX);
    if (!key->first) {
        buf_c(&b, "none");
        return;
    }
    buf_c(&b, "Ctrl-");
    buf_char(&b, (char)(key->first + '@'));
    if (key->second) {
        buf_char(&b, ' ');
        buf_char(&b, key->second);
    }
}

/* --- finding ------------------------------------------------------------------------------------ */

enum match { NO, PART, WHOLE };

static enum match compare(const char *typed, size_t n, const char *form, size_t form_n)
{
    size_t both = n < form_n ? n : form_n;
    if (memcmp(typed, form, both) != 0)
        return NO;
    return n < form_n ? PART : WHOLE;
}

/* Is what stands at `typed` the first key, in one of its forms?  *ret_n: the length of the form. */
static enum match find_first(const struct key *key, const char *typed, size_t n, size_t *ret_n)
{
    static const char *const formats[] = { "u", ":1u" };
    char letter = (char)(key->first + '@');
    uint64_t code = letter >= 'A' && letter <= 'Z' ? (uint64_t)(letter + 32) : (uint64_t)letter;
    enum match best = NO;
    if (typed[0] == key->first) {
        *ret_n = 1;
        return WHOLE;
    }
    for (int i = 0; i < 3; i++) {
        char form[KEY_HELD_MAX];
        struct buf b;
        buf_init_fixed(&b, form, sizeof form);
        buf_c(&b, i < 2 ? "\033[" : "\033[27;5;");
        buf_u64(&b, code);
        buf_c(&b, i < 2 ? ";5" : "~");
        buf_c(&b, i < 2 ? formats[i] : "");
        enum match m = compare(typed, n, form, b.len);
        *ret_n = m == WHOLE ? b.len : *ret_n;
        if (m > best)
            best = m;
    }
    return best;
}

static void give(struct key_watch *w, char *out, size_t *ret_out)
{
    memcpy(out + *ret_out, w->held, w->held_n);
    *ret_out += w->held_n;
    w->held_n = 0;
}

/* The byte after the first of two keys. */
static bool second(struct key_watch *w, char c, char *out, size_t *ret_out)
{
    w->armed = false;
    if (c == w->key.second) {
        w->held_n = 0;
        return true;
    }
    bool twice = c == w->key.first;
    give(w, out, ret_out);
    if (!twice)
        out[(*ret_out)++] = c;
    return false;
}

bool key_pass(struct key_watch *w, const char *in, size_t len, char *out, size_t *ret_out,
              size_t *ret_taken)
{
    *ret_out = *ret_taken = 0;
    for (size_t i = 0; i < len; i++) {
        size_t n = 0;
        *ret_taken = i + 1;
        if (!w->key.first) {
            out[(*ret_out)++] = in[i];
            continue;
        }
        if (w->armed) {
            if (second(w, in[i], out, ret_out))
                return true;
            continue;
        }
        w->held[w->held_n++] = in[i];
        /* A byte that does not go on with what was held may begin something itself. */
        while (w->held_n > 0) {
            enum match m = find_first(&w->key, w->held, w->held_n, &n);
            if (m == PART)
                break;
            if (m == WHOLE && !w->key.second) {
                w->held_n = 0;
                return true;
            }
            if (m == WHOLE) {
                w->armed = true;
                break;
            }
            out[(*ret_out)++] = w->held[0];
            memmove(w->held, w->held + 1, --w->held_n);
        }
    }
    return false;
}

size_t key_flush(struct key_watch *w, char out[KEY_HELD_MAX])
{
    size_t n = 0;
    if (!w->armed) /* the first of two waits for the second as long as it takes */
        give(w, out, &n);
    return n;
}
