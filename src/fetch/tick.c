/* tick.c - see tick.h. */
#include "fetch/tick.h"

#include <stdio.h>
#include <time.h>

#include "cal/vtodo.h"

#define TRIES_MAX 2
#define GROWTH_MAX 1024u /* six lines */

static enum trouble refused(long status, long *detail)
{
    *detail = status;
    return status == 401 ? TROUBLE_LOGIN : TROUBLE_HTTP;
}

/* *ret_again: it was changed between reading and writing. */
static enum trouble put(struct http *h, const struct http_ask *like, const char *etag, struct str body, long *detail,
                        bool *ret_again)
{
    char headers[512];
    struct http_answer answer;
    int n = snprintf(headers, sizeof headers, "Content-Type: text/calendar; charset=utf-8\nIf-Match: %s\n", etag);
    struct http_ask ask = *like;
    ask.method = "PUT";
    ask.body = body;
    ask.headers = (struct str){ headers, (size_t)n };
    ask.no_redirects = true;
    enum trouble t = n < (int)sizeof headers ? http_do(h, &ask, &answer, detail) : TROUBLE_PROTOCOL;
    if (n >= (int)sizeof headers)
        return t;
    *ret_again = t == TROUBLE_NONE && answer.status == 412;
    if (t == TROUBLE_NONE && (answer.status < 200 || answer.status > 299))
        t = refused(answer.status, detail);
    http_answer_finish(&answer);
    return t;
}

static enum trouble once(struct http *h, const struct http_ask *like, usec_t done_at, void *memory, long *detail,
                         bool *ret_again)
{
    struct http_answer answer;
    struct http_ask ask = *like;
    struct buf ticked;
    ask.method = "GET";
    ask.plain = true;
    ask.out_max = CAL_BYTES_MAX;
    *ret_again = false;
    enum trouble t = http_do(h, &ask, &answer, detail);
    bool gone = t == TROUBLE_NONE && (answer.status == 404 || answer.status == 410);
    if (t == TROUBLE_NONE && !gone && answer.status != 200)
        t = refused(answer.status, detail);
    if (t != TROUBLE_NONE || gone) {
        http_answer_finish(&answer);
        return t;
    }
    buf_init(&ticked, CAL_BYTES_MAX + GROWTH_MAX);
    int code = vtodo_tick(buf_look(&answer.body), done_at, (usec_t)time(NULL) * USEC_PER_SEC, memory, CAL_MEMORY,
                          &ticked);
    if (code == 0 && ticked.failed)
        t = TROUBLE_MEMORY;
    else if (code == 0)
        t = answer.etag[0] ? put(h, like, answer.etag, buf_look(&ticked), detail, ret_again) : TROUBLE_PROTOCOL;
    else if (code != E_STATE) /* that is: done already */
        t = TROUBLE_NO_CALENDAR;
    buf_finish(&ticked);
    http_answer_finish(&answer);
    return t;
}

enum trouble tick_resource(struct http *h, const struct http_ask *like, usec_t done_at, void *memory, long *detail)
{
    bool again = true;
    enum trouble t = TROUBLE_NONE;
    for (int i = 0; i < TRIES_MAX && again; i++)
        t = once(h, like, done_at, memory, detail, &again);
    return t;
}
