/* fuzz_dav.c - what a CalDAV server answers (fetch/dav.h): a multi-status of resources.
 *
 * What an answer comes to is written down as a plain one and must come to the same when read again, but for white
 * space, which XML may change.  Anything may be refused; nothing may be read differently twice.
 */
#include <stdlib.h>
#include <string.h>

#include "fetch/dav.h"

#define TEXT_MAX (4u << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool fact)
{
    if (!fact)
        abort();
}

struct reading {
    struct buf facts; /* what was read, without white space */
    struct buf plain; /* the same as an answer */
};

static void fact(struct buf *out, const char *name, struct str value)
{
    buf_c(out, name);
    for (size_t i = 0; i < value.len; i++)
        if (!strchr(" \t\r\n", value.ptr[i]))
            buf_char(out, value.ptr[i]);
    buf_char(out, ';');
}

static void element(struct buf *out, const char *start, struct str value, const char *end)
{
    if (value.len == 0)
        return;
    buf_c(out, start);
    dav_escape(out, value);
    buf_c(out, end);
}

static int take(const struct dav_resource *r, void *data)
{
    struct reading *to = data;
    struct buf *out = &to->plain;
    fact(&to->facts, "href=", r->href);
    fact(&to->facts, "etag=", r->etag);
    fact(&to->facts, "data=", r->data);
    fact(&to->facts, "principal=", r->principal);
    fact(&to->facts, "home=", r->home);
    buf_printf(&to->facts, "%ld %d %d %d;", r->status, r->calendar, r->components_said, r->events);
    buf_c(out, "<response>");
    element(out, "<href>", r->href, "</href>");
    if (r->status)
        buf_printf(out, "<status>HTTP/1.1 %ld x</status>", r->status);
    buf_c(out, "<propstat><prop>");
    element(out, "<getetag>", r->etag, "</getetag>");
    element(out, "<c:calendar-data>", r->data, "</c:calendar-data>");
    element(out, "<current-user-principal><href>", r->principal, "</href></current-user-principal>");
    element(out, "<c:calendar-home-set><href>", r->home, "</href></c:calendar-home-set>");
    if (r->calendar)
        buf_c(out, "<resourcetype><c:calendar/></resourcetype>");
    if (r->components_said)
        buf_printf(out, "<c:supported-calendar-component-set>%s</c:supported-calendar-component-set>",
                   r->events ? "<c:comp name='VEVENT'/>" : "<c:comp name='VTODO'/>");
    buf_c(out, "</prop><status>HTTP/1.1 200 x</status></propstat></response>");
    return out->failed || to->facts.failed ? -1 : 0;
}

static void start(struct reading *r)
{
    buf_init(&r->facts, TEXT_MAX);
    buf_init(&r->plain, TEXT_MAX);
    buf_c(&r->plain, "<multistatus xmlns='DAV:' xmlns:c='urn:ietf:params:xml:ns:caldav'>");
}

static void finish(struct reading *r)
{
    buf_finish(&r->facts);
    buf_finish(&r->plain);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct reading first, second;
    struct dav_answer answer, again;
    start(&first);
    if (dav_read((struct str){ (const char *)data, size }, take, &first, &answer) == TROUBLE_NONE) {
        must(memchr(answer.sync_token, '\0', sizeof answer.sync_token) != NULL);
        buf_c(&first.plain, "</multistatus>");
        if (!first.plain.failed) {
            start(&second);
            must(dav_read(buf_look(&first.plain), take, &second, &again) == TROUBLE_NONE);
            must(str_eq(buf_look(&first.facts), buf_look(&second.facts)));
            finish(&second);
        }
    }
    finish(&first);
    return 0;
}
