/* str.h - a look at bytes somebody else owns.
 *
 * A struct str borrows: it is valid as long as what it points into.  It need not end in NUL and may
 * hold any byte.  Pure: nothing here allocates, prints or depends on the locale.
 */
#ifndef EOUL_BASE_STR_H
#define EOUL_BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct str {
    const char *ptr;
    size_t len;
};

#define STR(literal) ((struct str){ (literal), sizeof(literal) - 1 })
#define STR_ARG(s) (int)(s).len, (s).ptr /* for "%.*s" */

struct str str_of(const char *c_string); /* NULL gives the empty str */
bool str_eq(struct str a, struct str b);
bool str_is(struct str a, const char *c_string);
bool str_is_nocase(struct str a, const char *c_string); /* ASCII only */
bool str_starts(struct str s, const char *prefix);
bool str_is_loopback(struct str host); /* a host, perhaps with a port, that can only be this machine */
struct str str_trim(struct str s); /* space, tab, CR, LF at both ends */
struct str str_slice(struct str s, size_t from, size_t until); /* clamped to s */
ptrdiff_t str_find(struct str s, char c); /* index of the first c, or -1 */

/* Take the next piece up to `separator` off the front of *rest; false when nothing is left.
 * "a,,b" gives "a", "", "b"; the empty str gives nothing. */
bool str_next(struct str *rest, char separator, struct str *ret_piece);

/* Whole-string decimal numbers, no sign for u64, no blanks; 0 or E_INVALID (also on overflow). */
int str_u64(struct str s, uint64_t *ret);
int str_i64(struct str s, int64_t *ret);

#endif
