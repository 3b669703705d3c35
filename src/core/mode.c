/* mode.c - see mode.h. */
#include "core/mode.h"

static const char *const words[] = { "later", "plan", "area" };
_Static_assert(sizeof words / sizeof words[0] == MODE_COUNT, "a word for each mode");

const char *mode_word(enum mode mode)
{
    return words[mode];
}

int mode_parse(struct str word, enum mode *ret)
{
    for (int m = 0; m < MODE_COUNT; m++) {
        if (str_is(word, words[m])) {
            *ret = (enum mode)m;
            return 0;
        }
    }
    return E_INVALID;
}

void mode_apply(enum mode mode, bool preempt, uint32_t *policy, struct ev_settings *settings)
{
    *policy = mode != MODE_AREA ? POLICY_BLEND : preempt ? POLICY_SRSF : POLICY_SAF;
    if (mode != MODE_LATER)
        settings->defer = 0;
}
