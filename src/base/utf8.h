/* utf8.h - bytes to characters, strictly.  Pure. */
#ifndef EOUL_BASE_UTF8_H
#define EOUL_BASE_UTF8_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/str.h"

/* Take one character off the front of *rest.  Returns its code point, or -1 on an ill-formed
 * sequence (one byte is then consumed).  rest->len must be > 0. */
int32_t utf8_next(struct str *rest);
bool utf8_valid(struct str s);
void utf8_add(struct buf *b, uint32_t code_point);

/* The one sanitizer for foreign text that goes to a terminal, a log line or a page: C0, DEL, C1,
 * bidirectional controls, line/paragraph separators and ill-formed bytes become U+FFFD, newline and
 * tab a space.  What comes out is valid UTF-8 on one line that cannot move a cursor. */
void utf8_clean(struct buf *out, struct str foreign);

#endif
