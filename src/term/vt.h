/* vt.h - what a stream of terminal output leaves behind in a terminal.
 *
 * A program that is left and come back to has switched its terminal into modes (alternate screen,
 * mouse, bracketed paste, ...).  Whoever attaches must be brought into them, whoever leaves must be
 * brought out.  This follows the bytes and knows the modes; it is no emulator and keeps no screen.
 *
 * It also copies the bytes and can leave some out on the way:
 *   VT_DROP_QUERIES  what makes a terminal answer (where is the cursor, who are you, which colours):
 *                    of several terminals one may answer, of a repetition of old output none
 *   VT_DROP_ALT      all that was drawn on the alternate screen: old output without the editors
 *   VT_DROP_NOISE    bells, clipboard, notifications: not once more
 * A sequence that is cut by the end of the input is held until its end comes; with nothing to drop
 * bytes pass at once.
 *
 * Pure.  Sequences as ECMA-48 and xterm's "Control Sequences" have them, in UTF-8 streams (so no 8-bit
 * C1); known to be weak: modes that a program saves and restores (CSI ? s, CSI ? r) are not followed.
 */
#ifndef EOUL_TERM_VT_H
#define EOUL_TERM_VT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define VT_HELD_MAX  128 /* a longer sequence is none that we must know */
#define VT_MODES_MAX 384 /* bytes of vt_enter and vt_leave */
#define VT_KEYS_MAX  8   /* keyboard modes a program may have pushed */

/* X(bit, number of the private mode, is it set in a fresh terminal) */
#define VT_MODE_LIST(X) \
    X(VT_APP_CURSOR, 1, 0) X(VT_REVERSE, 5, 0) X(VT_ORIGIN, 6, 0) X(VT_WRAP, 7, 1) \
    X(VT_MOUSE_PRESS, 9, 0) X(VT_CURSOR, 25, 1) X(VT_MOUSE, 1000, 0) X(VT_MOUSE_DRAG, 1002, 0) \
    X(VT_MOUSE_MOVE, 1003, 0) X(VT_FOCUS, 1004, 0) X(VT_MOUSE_UTF8, 1005, 0) \
    X(VT_MOUSE_SGR, 1006, 0) X(VT_MOUSE_URXVT, 1015, 0) X(VT_MOUSE_PIXEL, 1016, 0) \
    X(VT_PASTE, 2004, 0) X(VT_HOLD_SCREEN, 2026, 0) X(VT_SCHEME, 2031, 0)
enum vt_mode {
#define X(bit, number, fresh) bit,
    VT_MODE_LIST(X)
#undef X
    VT_ALT,     /* 47, 1047, 1049 */
    VT_KEYPAD,  /* ESC = */
    VT_INSERT,  /* CSI 4 h */
    VT_SHIFTED, /* SO */
    VT_MODE_COUNT
};

struct vt_modes {
    uint32_t changed;        /* 1 << enum vt_mode: not as in a fresh terminal */
    uint16_t top, bottom;    /* scroll region; 0: the whole screen */
    char charset;            /* of G0; 0: ASCII */
    uint8_t cursor_shape;    /* 0: the terminal's own */
    uint8_t other_keys;      /* xterm's modifyOtherKeys */
    uint8_t keys[VT_KEYS_MAX]; /* keyboard modes pushed (CSI > n u) */
    uint8_t keys_n;
};

enum vt_drop { VT_DROP_QUERIES = 1, VT_DROP_ALT = 2, VT_DROP_NOISE = 4 };

struct vt {
    struct vt_modes modes;
    uint64_t fed;            /* bytes so far */
    uint64_t wiped_at;       /* where the screen was last wiped: what came before is not on it */
    struct vt_modes wiped_modes; /* as they were then */
    /* inside */
    uint64_t sequence_at, home_at;
    bool at_home;            /* the cursor is in the corner, and nothing was drawn since */
    bool passing, dropping;  /* the rest of this sequence */
    uint8_t state;
    uint8_t drop;            /* as it was when this sequence began */
    char first_alt;          /* 'h', 'l': how the alternate screen was switched first; 0: never */
    char string;             /* which kind: ']' 'P' '_' '^' 'X' */
    uint16_t held_n;
    char held[VT_HELD_MAX];
};

void vt_init(struct vt *v);
/* Follow `len` bytes; copies what is not dropped to `out` (room for len + VT_HELD_MAX bytes) and
 * returns how much that is.  out NULL: only follow. */
size_t vt_pass(struct vt *v, const char *in, size_t len, unsigned drop, char *out);
/* Did what was followed begin on the alternate screen?  True if it left it before it entered it. */
static inline bool vt_began_alt(const struct vt *v) { return v->first_alt == 'l'; }
/* No sequence is under way. */
static inline bool vt_is_whole(const struct vt *v) { return v->state == 0; }
/* Forget what was under way and go on in these modes, as if all before had been fed. */
void vt_go_on(struct vt *v, const struct vt_modes *modes);

static inline bool vt_has(const struct vt_modes *m, enum vt_mode mode)
{
    return m->changed >> mode & 1;
}

/* What brings a fresh terminal into the modes, and back out of them; bytes written to `out`. */
size_t vt_enter(const struct vt_modes *m, char out[VT_MODES_MAX]);
size_t vt_leave(const struct vt_modes *m, char out[VT_MODES_MAX]);

#endif
