/* notice.c - what happened, in words; see notice.h. */
#include "notice/notice.h"

#include <string.h>

#include "cal/format.h"

static bool word_is(const char *a, const char *b)
{
    return strcmp(a, b) == 0;
}

const char *notice_kind_word(enum notice_kind kind)
{
    static const char *const words[] = {
#define X(kind, word) [kind] = word,
        NOTICE_KIND_LIST(X)
#undef X
    };
    return kind < NOTICE_KINDS ? words[kind] : "?";
}

bool notice_kind_read(struct str word, enum notice_kind *ret)
{
    for (int i = 0; i < NOTICE_KINDS; i++)
        if (str_is(word, notice_kind_word((enum notice_kind)i))) {
            *ret = (enum notice_kind)i;
            return true;
        }
    return false;
}

static size_t count(const struct notice_text *t, enum notice_kind kind)
{
    size_t n = 0;
    for (size_t i = 0; i < t->items_n; i++)
        if (t->items[i].kind == kind)
            n += t->items[i].n;
    return n;
}

static void title_of_one(struct buf *out, const struct notice_text *t)
{
    const struct notice_item *i = &t->items[0];
    switch (i->kind) {
    case NOTICE_DONE: buf_printf(out, tr(t->lang, "Done: %1$s %2$s"), i->id, i->name); break;
    case NOTICE_FAILED: buf_printf(out, tr(t->lang, "Failed: %1$s %2$s"), i->id, i->name); break;
    case NOTICE_HELD: buf_printf(out, tr(t->lang, "Held: %1$s %2$s"), i->id, i->name); break;
    case NOTICE_STALLED: buf_printf(out, tr(t->lang, "Seems to hang: %1$s %2$s"), i->id, i->name); break;
    case NOTICE_ASKED: buf_printf(out, tr(t->lang, "Asked of you: %1$s %2$s"), i->id, i->name); break;
    case NOTICE_TICKED: buf_printf(out, tr(t->lang, "Todo done: %1$s %2$s"), i->id, i->name); break;
    case NOTICE_DROPPED: buf_printf(out, tr(t->lang, "Todo dropped: %1$s %2$s"), i->id, i->name); break;
    case NOTICE_TEST: buf_c(out, tr(t->lang, "A test of eoul's notices")); break;
    case NOTICE_KINDS: break;
    }
}

void notice_title(struct buf *out, const struct notice_text *t)
{
    if (t->items_n == 1 && t->more == 0 && t->items[0].n == 1) {
        title_of_one(out, t);
        return;
    }
    size_t failed = count(t, NOTICE_FAILED), done = count(t, NOTICE_DONE), all = t->more;
    for (size_t i = 0; i < t->items_n; i++)
        all += t->items[i].n;
    buf_printf(out, tr(t->lang, "eoul: %1$zu failed, %2$zu done, %3$zu other"), failed, done,
               all - failed - done);
}

static void how(struct buf *out, const struct notice_text *t, const struct notice_item *i)
{
    if (word_is(i->state, "TIMEOUT"))
        buf_c(out, tr(t->lang, "its time limit was over"));
    else if (word_is(i->state, "OUT_OF_MEMORY"))
        buf_c(out, tr(t->lang, "it used more memory than it had"));
    else if (word_is(i->state, "NODE_FAIL"))
        buf_c(out, tr(t->lang, "nobody knows how it ended"));
    else if (word_is(i->state, "DEADLINE"))
        buf_c(out, tr(t->lang, "it could not end before its deadline"));
    else if (word_is(i->reason, "JobLaunchFailure"))
        buf_c(out, tr(t->lang, "it could not be started"));
    else if (i->signal > 0)
        buf_printf(out, tr(t->lang, "signal %d"), i->signal);
    else
        buf_printf(out, tr(t->lang, "exit code %d"), i->exit_code);
}

static void what(struct buf *out, const struct notice_text *t, const struct notice_item *i)
{
    switch (i->kind) {
    case NOTICE_DONE: buf_c(out, tr(t->lang, "is done")); break;
    case NOTICE_FAILED:
        buf_c(out, tr(t->lang, "failed"));
        buf_c(out, " (");
        how(out, t, i);
        buf_char(out, ')');
        break;
    case NOTICE_HELD:
        if (strcmp(i->reason, "JobHeldCanary") == 0) {
            buf_printf(out, tr(t->lang, "failed its canary run and is held; \"eoul logs %1$s\", mend it, then \"eoul "
                                        "release %1$s\""), i->id);
            break;
        }
        buf_printf(out, tr(t->lang, "is held because tasks of its array failed alike; mend it, then "
                                    "\"eoul release %s\""), i->id);
        break;
    case NOTICE_STALLED:
        buf_printf(out, tr(t->lang, "seems to hang: no step for long, its CPUs and GPUs idle; \"eoul logs %1$s\" or "
                                    "\"eoul requeue %1$s\""), i->id);
        break;
    case NOTICE_ASKED:
        buf_printf(out, tr(t->lang, "is asked of you; \"eoul todo accept %1$s\" or \"eoul todo decline "
                                    "%1$s\""), i->id);
        break;
    case NOTICE_TICKED: buf_c(out, tr(t->lang, "was done")); break;
    case NOTICE_DROPPED: buf_c(out, tr(t->lang, "was dropped")); break;
    case NOTICE_TEST: buf_c(out, tr(t->lang, "This is how a notice arrives here.")); break;
    case NOTICE_KINDS: break;
    }
}

void notice_lines(struct buf *out, const struct notice_text *t)
{
    enum cal_language language = t->lang == LANG_KO ? CAL_KOREAN : CAL_ENGLISH;
    for (size_t k = 0; k < t->items_n; k++) {
        const struct notice_item *i = &t->items[k];
        if (i->kind != NOTICE_TEST) {
            cal_format(out, t->zone, language, CAL_SHORT, i->at, t->now_at);
            buf_printf(out, "  %s %s: ", i->id, i->name);
        }
        what(out, t, i);
        if (i->n > 1)
            buf_printf(out, tr(t->lang, " (%u tasks of the array)"), i->n);
        buf_char(out, '\n');
    }
    if (t->more)
        buf_printf(out, trn(t->lang, "and %zu more; \"eoul brief --morning\" names them\n",
                            "and %zu more; \"eoul brief --morning\" names them\n", t->more), t->more);
}
