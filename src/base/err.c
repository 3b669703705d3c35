/* err.c - see err.h. */
#include "base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const struct {
    int code;
    const char *word;
    int exit_status;
    int http_status;
} table[] = {
#define X(code, value, word, status, http) { code, word, status, http },
    ERR_LIST(X)
#undef X
};

void err_clear(struct err *err)
{
    if (!err)
        return;
    err->code = E_OK;
    err->rule = (struct err_rule){ 0 };
    err->text[0] = '\0';
}

/* vsnprintf may have cut inside a UTF-8 character; step back to its start. */
static void cut_at_character(char *text, size_t size)
{
    size_t len = strlen(text);
    if (len + 1 < size)
        return;
    while (len > 0 && ((unsigned char)text[len - 1] & 0xC0) == 0x80)
        len--;
    if (len > 0 && ((unsigned char)text[len - 1] & 0x80))
        len--;
    text[len] = '\0';
}

#undef err_set /* err.h wraps it for the analyzer */
int err_set(struct err *err, int code, const char *format, ...)
{
    if (!err)
        return code;
    int saved = errno;
    const char *chosen = err->translate ? err->translate(format) : format;
    va_list args;
    va_start(args, format);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    vsnprintf(err->text, sizeof err->text, chosen, args);
#pragma GCC diagnostic pop
    va_end(args);
    cut_at_character(err->text, sizeof err->text);
    err->code = code;
    err->rule = (struct err_rule){ 0 };
    errno = saved;
    return code;
}

int err_wrap(struct err *err, const char *format)
{
    if (!err)
        return E_INTERNAL;
    char old[ERR_TEXT_MAX];
    memcpy(old, err->text, sizeof old);
    const char *chosen = err->translate ? err->translate(format) : format;
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    snprintf(err->text, sizeof err->text, chosen, old);
#pragma GCC diagnostic pop
    cut_at_character(err->text, sizeof err->text);
    return err->code;
}

static size_t find(int code)
{
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
        if (table[i].code == code)
            return i;
    return sizeof table / sizeof table[0] - 1; /* E_INTERNAL: an unknown code is our mistake */
}

const char *err_word(int code)   { return table[find(code)].word; }
int err_exit_status(int code)    { return table[find(code)].exit_status; }
int err_http_status(int code)    { return table[find(code)].http_status; }
