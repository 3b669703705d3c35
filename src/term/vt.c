/* vt.c - see vt.h. */
#include "term/vt.h"

#include <string.h>

#include "base/buf.h"

#define PARAMS_MAX 16
#define ESC '\033'

enum state { GROUND, ESCAPE, ESCAPE_MORE, CSI, STRING, STRING_ESC };

static const uint16_t mode_numbers[] = {
#define X(bit, number, fresh) [bit] = number,
    VT_MODE_LIST(X)
#undef X
};
static const uint8_t mode_fresh[] = {
#define X(bit, number, fresh) [bit] = fresh,
    VT_MODE_LIST(X)
#undef X
};
#define NUMBERED (sizeof mode_numbers / sizeof mode_numbers[0])
_Static_assert(VT_MODE_COUNT <= 32, "a bit for each mode");

void vt_init(struct vt *v)
{
    *v = (struct vt){ 0 };
}

void vt_go_on(struct vt *v, const struct vt_modes *modes)
{
    v->modes = *modes;
    v->state = 0;
    v->held_n = 0;
    v->at_home = false;
}

/* --- what a sequence says ---------------------------------------------------------------------- */

struct params {
    char prefix;       /* '?' '>' '=' '<' or 0 */
    char intermediate; /* the last of them, or 0 */
    char final;
    uint32_t number[PARAMS_MAX]; /* 0 if left out */
    unsigned n;
};

static void read_params(const struct vt *v, struct params *p)
{
    unsigned i = 2; /* behind ESC [ */
    *p = (struct params){ .final = v->held[v->held_n - 1] };
    if (i < v->held_n - 1u && v->held[i] >= '<' && v->held[i] <= '?')
        p->prefix = v->held[i++];
    p->n = 1;
    for (; i < v->held_n - 1u; i++) {
        char c = v->held[i];
        uint32_t *number = &p->number[p->n - 1];
        if (c >= '0' && c <= '9' && *number < 100000)
            *number = *number * 10 + (uint32_t)(c - '0');
        else if ((c == ';' || c == ':') && p->n < PARAMS_MAX)
            p->n++;
        else if (c >= ' ' && c <= '/')
            p->intermediate = c;
    }
}

static void set_bit(struct vt_modes *m, enum vt_mode mode, bool changed)
{
    uint32_t bit = UINT32_C(1) << mode;
    m->changed = changed ? m->changed | bit : m->changed & ~bit;
}

/* From here on the screen holds nothing older. */
static void wiped(struct vt *v, uint64_t at)
{
    v->wiped_at = at;
    v->wiped_modes = v->modes;
}

static void private_mode(struct vt *v, uint32_t number, bool set)
{
    if (number == 47 || number == 1047 || number == 1049) {
        set_bit(&v->modes, VT_ALT, set);
        if (!v->first_alt)
            v->first_alt = set ? 'h' : 'l';
        wiped(v, v->sequence_at);
        return;
    }
    for (unsigned i = 0; i < NUMBERED; i++)
        if (mode_numbers[i] == number)
            set_bit(&v->modes, (enum vt_mode)i, set != (mode_fresh[i] != 0));
}

static void soft_reset(struct vt_modes *m)
{
    static const enum vt_mode reset[] = { VT_ORIGIN, VT_CURSOR, VT_WRAP, VT_INSERT, VT_KEYPAD,
                                          VT_APP_CURSOR, VT_SHIFTED };
    for (size_t i = 0; i < sizeof reset / sizeof reset[0]; i++)
        set_bit(m, reset[i], false);
    m->top = m->bottom = 0;
    m->charset = 0;
}

static void keyboard(struct vt_modes *m, const struct params *p)
{
    if (p->prefix == '>' && m->keys_n < VT_KEYS_MAX)
        m->keys[m->keys_n++] = (uint8_t)p->number[0];
    else if (p->prefix == '<')
        for (uint32_t i = p->number[0] ? p->number[0] : 1; i > 0 && m->keys_n > 0; i--)
            m->keys[--m->keys_n] = 0;
    else if (p->prefix == '=' && m->keys_n > 0)
        m->keys[m->keys_n - 1] = (uint8_t)p->number[0];
}

/* Sequences with neither prefix nor intermediate. */
static void plain_csi(struct vt *v, const struct params *p)
{
    switch (p->final) {
    case 'H': case 'f':
        v->at_home = p->number[0] <= 1 && (p->n < 2 || p->number[1] <= 1);
        v->home_at = v->sequence_at;
        return;
    case 'J':
        if (p->number[0] == 2 || (p->number[0] == 0 && v->at_home))
            wiped(v, v->at_home ? v->home_at : v->sequence_at);
        return;
    case 'r':
        v->modes.top = v->modes.bottom = 0;
        if (p->number[0] > 1 || p->number[1] > 0) {
            v->modes.top = (uint16_t)(p->number[0] ? p->number[0] : 1);
            v->modes.bottom = (uint16_t)p->number[1];
        }
        v->at_home = true;
        v->home_at = v->sequence_at;
        return;
    case 'h': case 'l':
        if (p->number[0] == 4)
            set_bit(&v->modes, VT_INSERT, p->final == 'h');
        return;
    case 'm': case 'K': return; /* colours and the like do not move it */
    default: v->at_home = false;
    }
}

static void csi_means(struct vt *v, const struct params *p)
{
    if (p->intermediate == ' ' && p->final == 'q')
        v->modes.cursor_shape = (uint8_t)p->number[0];
    else if (p->intermediate == '!' && p->final == 'p')
        soft_reset(&v->modes);
    else if (p->intermediate)
        return;
    else if (p->prefix == '?' && (p->final == 'h' || p->final == 'l'))
        for (unsigned i = 0; i < p->n; i++)
            private_mode(v, p->number[i], p->final == 'h');
    else if (p->prefix && p->final == 'u')
        keyboard(&v->modes, p);
    else if (p->prefix == '>' && p->final == 'm' && p->number[0] == 4)
        v->modes.other_keys = (uint8_t)p->number[1];
    else if (!p->prefix)
        plain_csi(v, p);
}

/* Will a terminal answer this? */
static bool csi_asks(const struct params *p)
{
    switch (p->final) {
    case 'c': return p->prefix != '?';                   /* who are you */
    case 'n': return p->prefix != '>';                   /* how are you, where is the cursor */
    case 'p': return p->intermediate == '$';             /* is that mode set */
    case 'q': return p->prefix == '>';                   /* which version */
    case 'u': return p->prefix == '?' || p->intermediate == '$';
    case 'm': return p->prefix == '?';
    case 'S': return p->prefix == '?';                   /* graphics */
    case 't': return p->number[0] >= 11 && p->number[0] <= 21; /* where is the window, how large */
    case 'w': return p->intermediate == '$';
    case 'x': return p->intermediate == 0;
    case 'y': return p->intermediate == '*';
    case 'v': return p->intermediate == '&' || p->intermediate == '"';
    default: return false;
    }
}

/* Erasing what lies above the screen: once was enough. */
static bool csi_is_noise(const struct params *p)
{
    return p->final == 'J' && !p->prefix && !p->intermediate && p->number[0] == 3;
}

static bool csi_toggles_alt(const struct params *p)
{
    if (p->prefix != '?' || (p->final != 'h' && p->final != 'l'))
        return false;
    for (unsigned i = 0; i < p->n; i++)
        if (p->number[i] == 47 || p->number[i] == 1047 || p->number[i] == 1049)
            return true;
    return false;
}

static void escape_means(struct vt *v)
{
    char c = v->held[1];
    v->at_home = false;
    if (c == '=' || c == '>')
        set_bit(&v->modes, VT_KEYPAD, c == '=');
    else if (c == 'c') {
        v->modes = (struct vt_modes){ 0 };
        wiped(v, v->sequence_at);
    } else if (c == '(' && v->held_n == 3)
        v->modes.charset = v->held[2] == 'B' ? 0 : v->held[2];
}

/* OSC 11;? and its like: one of its fields is a question mark. */
static bool osc_asks(const struct vt *v)
{
    for (unsigned i = 2; i < v->held_n; i++) {
        bool ends = i + 1u == v->held_n || v->held[i + 1] == ';' || v->held[i + 1] == '\a' ||
                    v->held[i + 1] == ESC;
        if (v->held[i] == '?' && v->held[i - 1] == ';' && ends)
            return true;
    }
    return false;
}

/* OSC 9, 52, 99, 777: notifications and the clipboard.  OSC 8 (links) and titles may be said twice. */
static bool osc_is_noise(const struct vt *v)
{
    static const char *const noisy[] = { "9;", "52;", "99;", "777;" };
    for (size_t i = 0; i < sizeof noisy / sizeof noisy[0]; i++) {
        size_t n = strlen(noisy[i]);
        if (v->held_n > 2 + n && memcmp(v->held + 2, noisy[i], n) == 0)
            return true;
    }
    return false;
}

static bool string_is_dropped(const struct vt *v)
{
    bool queries = v->drop & VT_DROP_QUERIES;
    switch (v->string) {
    case ']': return (queries && osc_asks(v)) || ((v->drop & VT_DROP_NOISE) && osc_is_noise(v));
    case 'P': /* DCS + q and DCS $ q ask for capabilities and settings */
        return queries && v->held_n > 3 && (v->held[2] == '+' || v->held[2] == '$') &&
               v->held[3] == 'q';
    case '_': return queries && v->held_n > 2 && v->held[2] == 'G'; /* pictures, which are answered */
    default: return false;
    }
}

/* --- the stream -------------------------------------------------------------------------------- */

struct copy {
    char *out;
    size_t n;
};

static bool hidden(const struct vt *v, unsigned drop)
{
    return (drop & VT_DROP_ALT) && vt_has(&v->modes, VT_ALT);
}

static void put(struct copy *c, const char *bytes, size_t n)
{
    if (c->out)
        memcpy(c->out + c->n, bytes, n);
    c->n += n;
}

static void begin(struct vt *v, uint64_t at, unsigned drop)
{
    v->state = ESCAPE;
    v->sequence_at = at;
    v->drop = (uint8_t)drop;
    v->passing = drop == 0;
    v->dropping = false;
    v->held_n = 0;
}

/* One more byte of the sequence: held, or passed on at once. */
static void keep(struct vt *v, char c, struct copy *copy)
{
    if (v->held_n == VT_HELD_MAX && !v->passing) {
        /* Long strings are pictures and titles, and what is to be dropped shows early. */
        v->dropping = v->dropping || hidden(v, v->drop) || string_is_dropped(v);
        if (!v->dropping)
            put(copy, v->held, v->held_n);
        v->passing = true;
    }
    if (v->passing && !v->dropping)
        put(copy, &c, 1);
    if (v->held_n < VT_HELD_MAX)
        v->held[v->held_n++] = c;
}

static void end(struct vt *v, bool drop_it, struct copy *copy)
{
    if (!v->passing && !drop_it)
        put(copy, v->held, v->held_n);
    v->state = GROUND;
    v->held_n = 0;
}

static void end_csi(struct vt *v, struct copy *copy)
{
    struct params p;
    bool drop_it = hidden(v, v->drop);
    if (v->held_n < VT_HELD_MAX) {
        read_params(v, &p);
        drop_it = drop_it || ((v->drop & VT_DROP_QUERIES) && csi_asks(&p)) ||
                  ((v->drop & VT_DROP_NOISE) && csi_is_noise(&p)) ||
                  ((v->drop & VT_DROP_ALT) && csi_toggles_alt(&p));
        csi_means(v, &p);
    }
    end(v, drop_it, copy);
}

static void end_escape(struct vt *v, struct copy *copy)
{
    bool asks = v->held[1] == 'Z' && (v->drop & VT_DROP_QUERIES);
    bool drop_it = hidden(v, v->drop) || asks;
    escape_means(v);
    end(v, drop_it, copy);
}

static void in_escape(struct vt *v, char c, struct copy *copy)
{
    keep(v, c, copy);
    if (v->state == ESCAPE_MORE) {
        if (c < ' ' || c > '/')
            end_escape(v, copy);
    } else if (c == '[') {
        v->state = CSI;
    } else if (c == ']' || c == 'P' || c == '_' || c == '^' || c == 'X') {
        v->state = STRING;
        v->string = c;
    } else if (c >= ' ' && c <= '/') {
        v->state = ESCAPE_MORE;
    } else {
        end_escape(v, copy);
    }
}

static void in_string(struct vt *v, char c, struct copy *copy)
{
    bool over = v->state == STRING_ESC ? c == '\\' : c == '\a' && v->string == ']';
    keep(v, c, copy);
    if (over)
        end(v, hidden(v, v->drop) || string_is_dropped(v), copy);
    else
        v->state = c == ESC ? STRING_ESC : STRING;
}

static void in_ground(struct vt *v, char c, unsigned drop, struct copy *copy)
{
    if (c == '\016' || c == '\017')
        set_bit(&v->modes, VT_SHIFTED, c == '\016');
    else if ((unsigned char)c >= ' ' || c == '\n')
        v->at_home = false;
    bool asks = c == '\005' && (drop & VT_DROP_QUERIES);
    bool noise = c == '\a' && (drop & VT_DROP_NOISE);
    if (!asks && !noise && !hidden(v, drop))
        put(copy, &c, 1);
}

/* A byte within a sequence. */
static void in_sequence(struct vt *v, char c, unsigned drop, struct copy *copy)
{
    bool in_text = v->state == STRING || v->state == STRING_ESC;
    if (c == '\030' || c == '\032') { /* CAN, SUB: it was none */
        keep(v, c, copy);
        end(v, hidden(v, v->drop), copy);
    } else if (c == ESC && !in_text) { /* a new one begins, the old one was none */
        end(v, hidden(v, v->drop), copy);
        begin(v, v->fed, drop);
        keep(v, c, copy);
    } else if (in_text) {
        in_string(v, c, copy);
    } else if ((unsigned char)c < ' ') { /* obeyed at once, wherever it stands */
        in_ground(v, c, drop, copy);
    } else if (v->state != CSI) {
        in_escape(v, c, copy);
    } else {
        keep(v, c, copy);
        if ((unsigned char)c >= '@')
            end_csi(v, copy);
    }
}

/* Bytes that only print: most of them. */
static size_t run_of_text(const char *in, size_t len)
{
    size_t n = 0;
    while (n < len && (unsigned char)in[n] >= ' ')
        n++;
    return n;
}

size_t vt_pass(struct vt *v, const char *in, size_t len, unsigned drop, char *out)
{
    struct copy copy = { out, 0 };
    for (size_t i = 0; i < len;) {
        size_t text = v->state == GROUND ? run_of_text(in + i, len - i) : 0;
        if (text > 0) {
            v->at_home = false;
            if (!hidden(v, drop))
                put(&copy, in + i, text);
            v->fed += text;
            i += text;
            continue;
        }
        if (v->state != GROUND) {
            in_sequence(v, in[i], drop, &copy);
        } else if (in[i] == ESC) {
            begin(v, v->fed, drop);
            keep(v, in[i], &copy);
        } else {
            in_ground(v, in[i], drop, &copy);
        }
        v->fed++;
        i++;
    }
    return copy.n;
}

/* --- in and out -------------------------------------------------------------------------------- */

static void say_mode(struct buf *b, uint32_t number, bool set)
{
    buf_c(b, "\033[?");
    buf_u64(b, number);
    buf_char(b, set ? 'h' : 'l');
}

static void say_modes(struct buf *b, const struct vt_modes *m, bool enter)
{
    for (unsigned i = 0; i < NUMBERED; i++)
        if (vt_has(m, (enum vt_mode)i))
            say_mode(b, mode_numbers[i], (mode_fresh[i] != 0) != enter);
}

size_t vt_enter(const struct vt_modes *m, char out[VT_MODES_MAX])
{
    struct buf b;
    buf_init_fixed(&b, out, VT_MODES_MAX);
    if (vt_has(m, VT_ALT))
        say_mode(&b, 1049, true);
    if (m->top || m->bottom) {
        buf_c(&b, "\033[");
        buf_u64(&b, m->top ? m->top : 1);
        buf_char(&b, ';');
        if (m->bottom)
            buf_u64(&b, m->bottom);
        buf_char(&b, 'r');
    }
    if (m->charset) {
        buf_c(&b, "\033(");
        buf_char(&b, m->charset);
    }
    buf_c(&b, vt_has(m, VT_SHIFTED) ? "\016" : "");
    buf_c(&b, vt_has(m, VT_INSERT) ? "\033[4h" : "");
    buf_c(&b, vt_has(m, VT_KEYPAD) ? "\033=" : "");
    say_modes(&b, m, true);
    if (m->cursor_shape) {
        buf_c(&b, "\033[");
        buf_u64(&b, m->cursor_shape);
        buf_c(&b, " q");
    }
    if (m->other_keys) {
        buf_c(&b, "\033[>4;");
        buf_u64(&b, m->other_keys);
        buf_char(&b, 'm');
    }
    for (unsigned i = 0; i < m->keys_n; i++) {
        buf_c(&b, "\033[>");
        buf_u64(&b, m->keys[i]);
        buf_char(&b, 'u');
    }
    return b.failed ? 0 : b.len;
}

size_t vt_leave(const struct vt_modes *m, char out[VT_MODES_MAX])
{
    struct buf b;
    buf_init_fixed(&b, out, VT_MODES_MAX);
    if (m->keys_n) {
        buf_c(&b, "\033[<");
        buf_u64(&b, m->keys_n);
        buf_char(&b, 'u');
    }
    buf_c(&b, m->other_keys ? "\033[>4m" : "");
    say_modes(&b, m, false);
    buf_c(&b, vt_has(m, VT_KEYPAD) ? "\033>" : "");
    buf_c(&b, vt_has(m, VT_INSERT) ? "\033[4l" : "");
    buf_c(&b, vt_has(m, VT_SHIFTED) ? "\017" : "");
    buf_c(&b, m->charset ? "\033(B" : "");
    if (m->top || m->bottom)
        buf_c(&b, "\0337\033[r\0338"); /* resetting the region moves the cursor */
    buf_c(&b, m->cursor_shape ? "\033[0 q" : "");
    buf_c(&b, "\033[m");
    if (vt_has(m, VT_ALT))
        say_mode(&b, 1049, false);
    return b.failed ? 0 : b.len;
}
