/* pattern.c - see pattern.h; the rules are those of slurmstepd's batch file names. */
#include "spec/pattern.h"

#define PAD_MAX 10 /* digits; Slurm's limit */

static void put_number(struct buf *out, uint64_t value, unsigned width)
{
    char digits[20];
    unsigned n = 0;
    do {
        digits[n++] = (char)('0' + value % 10);
        value /= 10;
    } while (value > 0);
    for (unsigned i = n; i < width; i++)
        buf_char(out, '0');
    while (n-- > 0)
        buf_char(out, digits[n]);
}

/* False: no symbol of ours. */
static bool put_symbol(struct buf *out, char symbol, unsigned width,
                       const struct pattern_facts *facts)
{
    uint32_t index = facts->array_job ? facts->array_index : PATTERN_NO_ARRAY;
    switch (symbol) {
    case '%': buf_char(out, '%'); return true;
    case 'A': put_number(out, facts->array_job ? facts->array_job : facts->job, width); return true;
    case 'a': put_number(out, index, width); return true;
    case 'b': put_number(out, index % 10, width); return true;
    case 'J':
    case 'j': put_number(out, facts->job, width); return true;
    case 'N': buf_str(out, facts->host); return true;
    case 'n': put_number(out, 0, width); return true;
    case 's': buf_c(out, "batch"); return true;
    case 't': put_number(out, 0, width); return true;
    case 'u': buf_str(out, facts->user); return true;
    case 'x': buf_str(out, facts->name); return true;
    default: return false;
    }
}

void pattern_expand(struct buf *out, struct str pattern, const struct pattern_facts *facts)
{
    bool plain = str_find(pattern, '\\') >= 0;
    for (size_t i = 0; i < pattern.len; i++) {
        char c = pattern.ptr[i];
        if (plain) {
            if (c != '\\')
                buf_char(out, c);
            continue;
        }
        if (c != '%') {
            buf_char(out, c);
            continue;
        }
        unsigned width = 0;
        size_t at = i + 1;
        while (at < pattern.len && pattern.ptr[at] >= '0' && pattern.ptr[at] <= '9') {
            width = width * 10 + (unsigned)(pattern.ptr[at] - '0');
            if (width > PAD_MAX)
                width = PAD_MAX;
            at++;
        }
        if (at < pattern.len && put_symbol(out, pattern.ptr[at], width, facts))
            i = at;
        else
            buf_char(out, c);
    }
}
