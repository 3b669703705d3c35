/* tr.h - the sentences of eoul in the reader's language.
 *
 * English is in the source, Korean in po/ko.po, compiled into the binary by tools/po.c: no files are
 * looked for at run time, and no process locale is touched, because the daemon speaks to many people
 * at once.  The language is always an argument.
 *
 *     tr(lang, "The queue is empty.")                       a sentence now
 *     trn(lang, "%d job waits.", "%d jobs wait.", n)        one or many
 *     static const char *const help = N_("Submit a job.");  marked here, tr(lang, help) later
 *     struct err err = { .translate = tr_of(lang) };        err_set() then speaks that language
 *
 * `po check` (part of `meson test`) reads these calls, and those of err_set() and err_wrap(), in the
 * source: a sentence without its Korean, or with other % specifiers, fails the tests.  Whole sentences
 * only.  A format may use positions (%2$s %1$d) in its translation.  No particle follows an inserted
 * word unless it is written as a marker and resolved by ko_particles() (particle.h).
 *
 * Everything returned is static.  Pure.
 */
#ifndef EOUL_I18N_TR_H
#define EOUL_I18N_TR_H

#include "base/err.h" /* N_ */
#include "base/str.h"

/* X(constant, word, name in its own language) */
#define LANG_LIST(X) \
    X(LANG_EN, "en", "English") \
    X(LANG_KO, "ko", "한국어")
enum lang {
#define X(constant, word, name) constant,
    LANG_LIST(X)
#undef X
    LANG_COUNT
};

/* The translation, or msgid itself where there is none.  format_arg lets the compiler check the
 * arguments of printf(tr(lang, "..."), ...). */
const char *tr(enum lang lang, const char *msgid) __attribute__((format_arg(2)));
const char *trn(enum lang lang, const char *one, const char *many, unsigned long long n)
    __attribute__((format_arg(2), format_arg(3)));

/* tr with the language bound, for struct err. */
const char *tr_en(const char *msgid);
const char *tr_ko(const char *msgid);
const char *(*tr_of(enum lang lang))(const char *msgid);

const char *lang_word(enum lang lang);                  /* "ko" */
int lang_parse(struct str word, enum lang *ret_lang);   /* "ko", "ko_KR", "korean"...; or E_INVALID */

/* From the values of the four environment variables (NULL: not set), as gettext reads them, but
 * without asking whether the system has that locale: the first of LC_ALL, LC_MESSAGES and LANG that is
 * not empty decides; C and POSIX mean English whatever LANGUAGE says, C.UTF-8 lets LANGUAGE choose.
 * A locale whose character set is not UTF-8 cannot show Korean and gives English. */
enum lang lang_from_env(const char *lc_all, const char *lc_messages, const char *lang,
                        const char *language);
/* From an Accept-Language header (RFC 9110 section 12.5.4); `otherwise` if it names none of ours. */
enum lang lang_from_accept(struct str header, enum lang otherwise);

#endif
