/* message.c - see message.h. */
#include "daemon/message.h"

#include <string.h>

#include "base/err.h"
#include "engine/attempt.h"

#define LAUNCH "=launch"
#define CODE   "=code"

void message_of_launch(struct buf *out, uint32_t cause, uint32_t stage, int error, const char *detail)
{
    buf_printf(out, LAUNCH " %s %s %d %s", attempt_cause_word(cause), attempt_stage_word(stage), error, detail);
}

void message_of_code(struct buf *out, struct str was, struct str is)
{
    buf_printf(out, CODE " %.*s %.*s", STR_ARG(was), STR_ARG(is));
}

/* The number of a word; count if there is none. */
static uint32_t number_of(struct str text, const char *(*word)(uint32_t), uint32_t count)
{
    uint32_t i = 0;
    while (i < count && !str_is(text, word(i)))
        i++;
    return i;
}

static bool tell_launch(struct buf *out, struct str rest, struct err *err)
{
    struct str cause, stage, error;
    int64_t number;
    char detail[ERR_TEXT_MAX];
    struct buf b;
    if (!str_next(&rest, ' ', &cause) || !str_next(&rest, ' ', &stage) || !str_next(&rest, ' ', &error) ||
        str_i64(error, &number) < 0)
        return false;
    uint32_t by = number_of(cause, attempt_cause_word, ATTEMPT_CAUSE_COUNT);
    uint32_t at = number_of(stage, attempt_stage_word, ATTEMPT_STAGE_COUNT);
    if (by == ATTEMPT_CAUSE_COUNT || at == ATTEMPT_STAGE_COUNT)
        return false;
    buf_init_fixed(&b, detail, sizeof detail);
    buf_str(&b, str_slice(rest, 0, sizeof detail - 1));
    attempt_explain(by, at, (int)number, detail, err);
    buf_c(out, err->text);
    return true;
}

/* "0123456789ab+9f3e5c77": enough of it to compare by eye. */
static void put_code(struct buf *out, struct str code)
{
    struct str commit;
    str_next(&code, '+', &commit);
    buf_str(out, str_slice(commit, 0, commit.len < 12 ? commit.len : 12));
    if (code.len) {
        buf_char(out, '+');
        buf_str(out, str_slice(code, 0, code.len < 8 ? code.len : 8));
    }
}

static bool tell_code(struct buf *out, struct str is, struct err *err)
{
    struct str was;
    char first[64], second[64];
    struct buf a, b;
    if (!str_next(&is, ' ', &was))
        return false;
    buf_init_fixed(&a, first, sizeof first);
    buf_init_fixed(&b, second, sizeof second);
    put_code(&a, was);
    put_code(&b, is);
    err_set(err, E_STATE, "Its code changed between the submit (%1$s) and this start (%2$s); it ran as it was at the start.",
            first, second);
    buf_c(out, err->text);
    return true;
}

void message_tell(struct buf *out, struct str kept, const char *(*translate)(const char *))
{
    struct err err = { .translate = translate };
    struct str rest = kept, word;
    bool told = false;
    if (kept.len && kept.ptr[0] == '=' && str_next(&rest, ' ', &word))
        told = str_is(word, LAUNCH) ? tell_launch(out, rest, &err) : str_is(word, CODE) && tell_code(out, rest, &err);
    if (!told)
        buf_str(out, kept);
}
