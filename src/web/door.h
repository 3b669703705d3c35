/* door.h - what the world may open over TCP: feeds, people's own pages, single answers.
 *
 * The listener exists only where the configuration asks for it (`feeds`), on 127.0.0.1: a TLS proxy in
 * front of it is what the world sees.  Pages and answers exist only where the proxy's `address` is said,
 * and only under that name (Host).  Whoever asks is nobody; the token says whose door it is.
 *
 *     GET  /feeds/TOKEN.ics     a feed (feeds.c)
 *     GET  /p/TOKEN             a person's page, /p/TOKEN/eoul.ics their feed (page.c); POST: its forms
 *     GET  /t/TEXT              asks whether this answer is meant (tap.c); POST: gives it
 *
 * GET changes nothing, ever: previews of links in messengers fetch them.  A POST that a browser says comes
 * from another site is refused; none could know the address anyway.  Wrong tokens are counted by who sends
 * them (X-Real-IP of the proxy): after DOOR_MISSES_MAX of them nothing is looked up for that one until the
 * minute is over.  Nothing of a request is logged, no answer is kept by a cache or named to another site.
 */
#ifndef EOUL_WEB_DOOR_H
#define EOUL_WEB_DOOR_H

#include "daemon/links.h"
#include "web/internal.h"

#define DOOR_MISSES_MAX 10u
#define DOOR_MISS_US USEC_PER_MIN

struct door;

/* The listener, if the configuration asks for one. */
int door_open(struct web *web);
void door_flush(struct web *web);
void door_close(struct web *web);

/* Replies with an HTML page; `nonce` is what its style carries.  Takes *body. */
#define DOOR_NONCE_TEXT 33
int door_nonce(char ret[DOOR_NONCE_TEXT]);
void door_reply(struct http_request *r, int status, const char *nonce, struct buf *take_body);

/* --- page.c, tap.c ---------------------------------------------------------------------------------- */
void page_show(struct web *web, struct http_request *r, person_no no);
void page_change(struct web *web, struct http_request *r, person_no no);
void tap_show(struct web *web, struct http_request *r, const struct tap *tap);
void tap_give(struct web *web, struct http_request *r, const struct tap *tap);
/* A link that opens nothing any more: E_TIMEOUT or E_EXISTS. */
void tap_over(struct web *web, struct http_request *r, const struct tap *tap, int code);

/* --- page_view.c: HTML ----------------------------------------------------------------------------- */
struct page {
    struct web *web;
    person_no no;
    enum lang lang;
    const struct zone *zone;
    usec_t now_at;
    struct person person;
    char nonce[DOOR_NONCE_TEXT];
    const char *said; /* a sentence at the top; NULL: none */
    bool bad;         /* it is a refusal */
    struct str path;  /* /p/TOKEN */
};
/* E_NOT_FOUND: there is no such person. */
int page_init(struct page *p, struct web *web, struct http_request *r, person_no no);
void page_begin(const struct page *p, struct buf *out); /* up to the body's header, its name in it */
void page_end(const struct page *p, struct buf *out);
int page_write(const struct page *p, struct buf *out); /* the person's page, whole */
/* A choice of instants (until: of ends of an absence) that when_parse (when_parse_span) reads. */
void page_choice(const struct page *p, struct buf *out, bool until);

#endif
