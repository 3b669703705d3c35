/* when.c - when what waits may leave; see notice.h. */
#include "notice/notice.h"

/* The first instant from `at` on at which the person can look for long enough. */
static usec_t next_look(const struct span *look, size_t n, usec_t at)
{
    for (size_t i = 0; i < n; i++) {
        usec_t from_at = usec_max(look[i].from_at, at);
        if (look[i].until_at - from_at >= NOTICE_MARGIN_US)
            return from_at;
    }
    return USEC_NEVER;
}

usec_t notice_hold_at(usec_t at, usec_t now_at)
{
    return at > now_at && at <= now_at + NOTICE_AGAIN_US_MAX ? at : 0;
}

usec_t notice_due_at(const struct notice_wait *w, const struct span *look, size_t look_n, usec_t now_at,
                     bool *ret_only_pages)
{
    usec_t from_at = usec_max(notice_hold_at(w->not_before_at, now_at), now_at);
    usec_t page_at = w->pages ? from_at : USEC_NEVER;
    usec_t at = w->others ? next_look(look, look_n, from_at) : USEC_NEVER;
    *ret_only_pages = page_at < at;
    return usec_min(page_at, at);
}

usec_t notice_again_us(uint32_t tries, usec_t said_us)
{
    usec_t grown_us = tries < 8 ? NOTICE_AGAIN_US << tries : NOTICE_AGAIN_US_MAX;
    return usec_min(said_us > 0 ? said_us : grown_us, NOTICE_AGAIN_US_MAX);
}
