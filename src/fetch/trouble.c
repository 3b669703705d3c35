/* trouble.c - see trouble.h. */
#include "fetch/trouble.h"

static const struct {
    const char *word, *sentence;
} troubles[TROUBLES] = {
    [TROUBLE_NONE] = { "", "" },
#define X(code, word, sentence) [code] = { word, sentence },
    TROUBLE_LIST(X)
#undef X
};

const char *trouble_word(enum trouble t)
{
    return t < TROUBLES ? troubles[t].word : "";
}

const char *trouble_sentence(enum trouble t)
{
    return t < TROUBLES ? troubles[t].sentence : "";
}

enum trouble trouble_read(struct str text, struct str *ret_detail)
{
    struct str word = { "", 0 };
    (void)str_next(&text, ' ', &word);
    if (ret_detail)
        *ret_detail = text;
    for (unsigned i = TROUBLE_NONE + 1; i < TROUBLES; i++)
        if (str_is(word, troubles[i].word))
            return (enum trouble)i;
    return TROUBLE_NONE;
}
