/* fuzz_http.c - bytes on a client's connection: whatever comes, every answer is a whole HTTP answer or none, and every
 * request that reaches the handler is one that may be answered.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/utf8.h"
#include "loop/loop.h"
#include "web/http.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool fact)
{
    if (!fact)
        abort();
}

static void handler(void *data, struct http_request *r)
{
    struct buf body;
    int *handled = data;
    ++*handled;
    must(r->body.len <= HTTP_BODY_MAX && r->peer.uid == 1234);
    must(r->lang == LANG_EN || r->lang == LANG_KO);
    static const char *const known[] = { "state", "limit", NULL };
    (void)http_query_unknown(r, known);
    (void)http_query(r, "state");
    buf_init(&body, 1 << 20);
    buf_str(&body, r->path);
    buf_str(&body, r->body);
    http_reply(r, 200, "application/json", &body);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct loop *loop;
    static char answer[1 << 16];
    const struct http_peer who = { 1234, 1234, 1 };
    int pair[2], handled = 0;
    const struct http_options o = { .handler = handler, .data = &handled };
    struct http *http;
    must(loop || loop_create(&loop) == 0);
    must(http_create(loop, &o, &http, NULL) == 0);
    must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) == 0);
    if (size > 0)
        must(send(pair[1], data, size, MSG_NOSIGNAL) == (ssize_t)size);
    (void)shutdown(pair[1], SHUT_WR);
    http_take(http, pair[0], &who);
    http_destroy(http);
    ssize_t n = recv(pair[1], answer, sizeof answer, 0);
    must(n <= 0 || (n > 12 && memcmp(answer, "HTTP/1.", 7) == 0));
    close(pair[1]);
    return 0;
}
