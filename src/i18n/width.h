/* width.h - how many columns text takes in a terminal.
 *
 * Hangul, Chinese characters, kana and emoji take two columns, combining marks none, also when Hangul
 * is decomposed (NFD, as macOS writes file names).  The own table does not depend on the locale or the
 * C library.  Control characters count as nothing: clean foreign text first (utf8_clean).  Known weak:
 * emoji joined by U+200D are counted one by one, and what Unicode calls ambiguous (box drawing, some
 * Greek) is counted as one column though a Korean terminal may be set to draw two.  Pure.
 */
#ifndef EOUL_I18N_WIDTH_H
#define EOUL_I18N_WIDTH_H

#include "base/buf.h"
#include "base/str.h"

unsigned width_char(uint32_t code_point); /* 0, 1 or 2 */
size_t width_of(struct str utf8);

/* The longest start of s that fits; never splits a character from its combining marks. */
struct str width_fit(struct str s, size_t columns);
/* s if it fits, else its start and an ellipsis (one column). */
void width_cut(struct buf *out, struct str s, size_t columns);

/* Exactly `columns` columns: cut or filled with spaces. */
enum width_align { WIDTH_LEFT, WIDTH_RIGHT };
void width_cell(struct buf *out, struct str s, size_t columns, enum width_align align);

#endif
