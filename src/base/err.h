/* err.h - a code to act on and a sentence to read.
 *
 * Functions return 0 or a negative E_*.  An optional last `struct err *` carries one complete
 * sentence: what, where, what would be right.  Library code fills it and never prints; the program
 * that talks to the person prints it once.  Every function here accepts err == NULL.
 *
 * The sentence is made in the reader's language: whoever creates the err names a translator
 * (i18n's tr() bound to a language), and err_set() passes the format through it before filling it
 * in.  Formats are therefore whole sentences and may use %1$s positions.  Text is cut at
 * ERR_TEXT_MAX bytes, at a character boundary.  Nothing here allocates.
 */
#ifndef EOUL_BASE_ERR_H
#define EOUL_BASE_ERR_H

#include <stdint.h>

/* X(code, value, word, exit status of the programs, HTTP status) - the one table. */
#define ERR_LIST(X) \
    X(E_OK,           0, "ok",           0, 200) \
    X(E_INVALID,     -1, "invalid",      1, 400) /* a value that cannot be right */ \
    X(E_USAGE,       -2, "usage",        2, 400) /* the call itself is malformed */ \
    X(E_NOT_FOUND,   -3, "not-found",    1, 404) \
    X(E_EXISTS,      -4, "exists",       1, 409) \
    X(E_DENIED,      -5, "denied",       1, 403) \
    X(E_STATE,       -6, "wrong-state",  1, 409) /* not possible for the thing as it is now */ \
    X(E_TOO_LARGE,   -7, "too-large",    1, 413) /* over a named limit */ \
    X(E_LIMIT,       -8, "limit",        1, 429) /* over a quota of this person */ \
    X(E_FULL,        -9, "full",         1, 503) /* the caller's memory must grow first */ \
    X(E_BUSY,       -10, "busy",         1, 503) \
    X(E_IO,         -11, "io",           1, 500) \
    X(E_NO_SPACE,   -12, "no-space",     1, 507) \
    X(E_CORRUPT,    -13, "corrupt",      1, 500) \
    X(E_NEWER,      -14, "newer",        1, 500) /* written by a newer eoul */ \
    X(E_TIMEOUT,    -15, "timeout",      1, 504) \
    X(E_UNSUPPORTED,-16, "unsupported",  1, 501) \
    X(E_UNAVAILABLE,-17, "unavailable",  1, 503) /* nobody answers there */ \
    X(E_NO_MEMORY,  -18, "no-memory",    1, 500) \
    X(E_INTERNAL,   -19, "internal",     1, 500)

enum err_code {
#define X(code, value, word, status, http) code = value,
    ERR_LIST(X)
#undef X
};

/* Marks a sentence for po/ko.po where it does not stand in a call that translates it. */
#define N_(sentence) sentence

#define ERR_TEXT_MAX 512 /* a sentence; longer ones are not read */

/* What a refusal by a rule compared, for whoever explains it afterwards. */
struct err_rule {
    uint32_t rule;              /* in the caller's own numbering; 0: none */
    int64_t limit, used, need;  /* what is allowed, what was taken of it, what was asked for; what of the three a rule has */
    int64_t change_at;          /* the instant at which that changes by itself; 0: not known */
};

struct err {
    int code;                                    /* E_OK or the negative code last set */
    const char *(*translate)(const char *format); /* NULL: English as written */
    struct err_rule rule;                        /* of the last failure */
    char text[ERR_TEXT_MAX];
};

/* Forget the last failure, keep the translator. */
void err_clear(struct err *err);

/* Fill err and return code, so that a refusal is one line: return err_set(err, E_INVALID, ...).
 * errno is preserved. */
int err_set(struct err *err, int code, const char *format, ...) __attribute__((format(printf, 3, 4)));

#if defined __clang_analyzer__ || defined EOUL_ANALYZER /* they cannot look into err.c: it returns the code it is given */
#define err_set(err, code, ...) ((void)err_set(err, code, __VA_ARGS__), (code))
#endif

/* Say which rule that was: return err_by_rule(err, err_set(err, E_LIMIT, ...), (struct err_rule){ ... }); */
static inline int err_by_rule(struct err *err, int code, struct err_rule rule)
{
    if (err)
        err->rule = rule;
    return code;
}

/* Put a sentence before the one already there ("%s: " is not glued: the format holds one %s that
 * receives the old sentence).  Keeps the code. */
int err_wrap(struct err *err, const char *format);

const char *err_word(int code);   /* "not-found"; static */
int err_exit_status(int code);    /* 0, 1 or 2 */
int err_http_status(int code);

#endif
