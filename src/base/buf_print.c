/* buf_print.c - printf into a buf; apart from buf.c so that pure code links without stdio. */
#include <stdio.h>

#include "base/buf.h"
#include "base/err.h"

void buf_vprintf(struct buf *b, const char *format, va_list args)
{
    va_list again;
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, format, args);
    char *at = len < 0 ? NULL : buf_reserve(b, (size_t)len);
    if (at) {
        vsnprintf(at, (size_t)len + 1, format, again);
        buf_added(b, (size_t)len);
    } else if (!b->failed) {
        b->failed = E_INVALID;
    }
    va_end(again);
}

void buf_printf(struct buf *b, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    buf_vprintf(b, format, args);
    va_end(args);
}
