/* shown.c - see shown.h. */
#include "cal/shown.h"

#include "base/buf.h"
#include "base/utf8.h"

struct shown shown(struct str foreign)
{
    struct shown s;
    struct buf b;
    foreign = str_trim(foreign);
    struct str rest = foreign;
    for (int n = 0; n < SHOWN_CHARACTERS && rest.len > 0; n++)
        utf8_next(&rest);
    buf_init_fixed(&b, s.text, sizeof(s.text));
    utf8_clean(&b, str_slice(foreign, 0, foreign.len - rest.len));
    s.len = (int)b.len;
    return s;
}
