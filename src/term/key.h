/* key.h - the key that leaves a terminal: read, shown, and found in what is typed.
 *
 * One control key, or a control key and a second one after it (tmux's habit).  Written "ctrl-\", "^]",
 * "C-b d"; "none" for no key at all.  A program may have switched the keyboard so that control keys
 * come as sequences (CSI 92;5u, CSI 27;5;92~): those are found too.
 *
 * With two keys, the first pressed twice is sent once; anything else behind it is sent with it.  Pure.
 */
#ifndef EOUL_TERM_KEY_H
#define EOUL_TERM_KEY_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/str.h"

#define KEY_DEFAULT  "ctrl-\\"
#define KEY_TEXT_MAX 24
#define KEY_HELD_MAX 32 /* the longest form of a key */

struct key {
    char first;  /* the control character; 0: none */
    char second; /* 0: none */
};

/* E_INVALID with a sentence. */
int key_parse(struct str text, struct key *ret, struct err *err);
/* As people write it: Ctrl-\, or Ctrl-B D as "Ctrl-B d". */
void key_print(const struct key *key, char ret[KEY_TEXT_MAX]);

struct key_watch {
    struct key key;
    bool armed;  /* the first of two was typed */
    char held[KEY_HELD_MAX]; /* what may become the key, or was the first one */
    unsigned held_n;
};

/* Copy what was typed to `out` (room for len + KEY_HELD_MAX bytes), up to the key.  True: the key was
 * typed; *ret_taken bytes of the input lie before or belong to it. */
bool key_pass(struct key_watch *w, const char *in, size_t len, char *out, size_t *ret_out,
              size_t *ret_taken);
/* What was held back and turns out to be typed text: nothing more came for a moment. */
size_t key_flush(struct key_watch *w, char out[KEY_HELD_MAX]);

#endif
