/* notice.c - see notice.h.  What is sent was put together by the daemon; nothing of it is looked at here
 * but the address, and no redirect is followed: keys in the head go where they were meant to. */
#include "fetch/notice.h"

#include <stdio.h>
#include <string.h>

#include "fetch/message.h"

#define ANSWER_MAX 4096u  /* what a service says of itself */
#define ANSWER_TOLD 256u  /* of it */

static bool text_of(struct str fields, enum fetch_tag tag, char *ret, size_t size)
{
    struct str value = fetch_get(fields, tag);
    ret[0] = '\0';
    if (value.len >= size || (value.len && memchr(value.ptr, '\0', value.len)))
        return false;
    if (value.len)
        memcpy(ret, value.ptr, value.len);
    ret[value.len] = '\0';
    return true;
}

void notice_send(struct str ask, struct http *http, struct buf *out)
{
    char url[HTTP_URL_MAX], user[1024] = "", password[HTTP_URL_MAX], from[HTTP_URL_MAX];
    char to[HTTP_URL_MAX] = "";
    struct http_answer answer = { 0 };
    enum trouble t = TROUBLE_URL;
    long detail = 0;
    bool ok = http && text_of(ask, FETCH_URL_TAG, url, sizeof url) &&
              text_of(ask, FETCH_USER_TAG, user, sizeof user) &&
              text_of(ask, FETCH_PASSWORD_TAG, password, sizeof password) &&
              text_of(ask, FETCH_FROM_TAG, from, sizeof from) && text_of(ask, FETCH_TO_TAG, to, sizeof to);
    struct http_ask what = { .method = "POST", .url = url, .body = fetch_get(ask, FETCH_BODY_TAG),
                             .headers = fetch_get(ask, FETCH_HEADER_TAG), .no_redirects = true,
                             .user = user[0] ? user : NULL, .password = password,
                             .out_max = ANSWER_MAX };
    if (ok && to[0])
        t = http_mail(http, &what, from, to, &answer, &detail);
    else if (ok)
        t = http_do(http, &what, &answer, &detail);
    if (t == TROUBLE_TOO_LARGE && answer.status) /* it answered; what more it says is not needed */
        t = TROUBLE_NONE;
    if (t != TROUBLE_NONE)
        fetch_field(out, FETCH_TROUBLE_TAG, str_of(trouble_word(t)));
    fetch_field_i64(out, FETCH_STATUS_TAG, answer.status);
    fetch_field_i64(out, FETCH_RETRY_AFTER_S_TAG, answer.retry_after_s);
    fetch_field(out, FETCH_BODY_TAG, str_slice(buf_look(&answer.body), 0, ANSWER_TOLD));
    http_answer_finish(&answer);
    explicit_bzero(url, sizeof url);
    explicit_bzero(password, sizeof password);
}
