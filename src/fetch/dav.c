/* dav.c - see dav.h. */
#include "fetch/dav.h"

#include <expat.h>
#include <string.h>

#define DAV "DAV: "
#define CAL "urn:ietf:params:xml:ns:caldav "
#define ETAG_MAX 256
#define STATUS_MAX 64

/* X(id, name with namespace) */
#define ELEMENT_LIST(X) \
    X(MULTISTATUS, DAV "multistatus") X(RESPONSE, DAV "response") X(PROPSTAT, DAV "propstat") \
    X(PROP, DAV "prop") X(HREF, DAV "href") X(STATUS, DAV "status") X(GETETAG, DAV "getetag") \
    X(RESOURCETYPE, DAV "resourcetype") X(SYNC_TOKEN, DAV "sync-token") \
    X(VALID_TOKEN, DAV "valid-sync-token") X(PRINCIPAL, DAV "current-user-principal") \
    X(HOME, CAL "calendar-home-set") X(CALENDAR, CAL "calendar") X(DATA, CAL "calendar-data") \
    X(COMPONENTS, CAL "supported-calendar-component-set") X(COMPONENT, CAL "comp")

enum element {
    OTHER,
#define X(id, name) id,
    ELEMENT_LIST(X)
#undef X
};

struct props { /* of one propstat, until its status is known */
    struct buf etag, data, principal, home;
    bool calendar, components_said, events, todos;
};

struct reading {
    XML_Parser parser;
    int (*each)(const struct dav_resource *r, void *data);
    void *data;
    struct dav_answer *answer;
    enum trouble trouble;
    enum element stack[DAV_DEPTH_MAX];
    unsigned depth;
    struct buf *text;          /* where characters go; NULL: nowhere */
    struct buf href, status, propstat_status, token;
    struct props here, good;   /* of this propstat, and of those with 2xx */
};

static enum element element_of(const char *name)
{
    static const char *const names[] = {
        [OTHER] = "",
#define X(id, name) [id] = name,
        ELEMENT_LIST(X)
#undef X
    };
    for (unsigned i = OTHER + 1; i < sizeof names / sizeof names[0]; i++)
        if (strcmp(names[i], name) == 0)
            return (enum element)i;
    return OTHER;
}

static void stop(struct reading *r, enum trouble t)
{
    r->trouble = t;
    XML_StopParser(r->parser, XML_FALSE);
}

/* --- props ------------------------------------------------------------------------------------------ */

static void props_init(struct props *p)
{
    *p = (struct props){ 0 };
    buf_init(&p->etag, ETAG_MAX);
    buf_init(&p->data, DAV_DATA_MAX);
    buf_init(&p->principal, DAV_HREF_MAX);
    buf_init(&p->home, DAV_HREF_MAX);
}

static void props_clear(struct props *p)
{
    buf_clear(&p->etag);
    buf_clear(&p->data);
    buf_clear(&p->principal);
    buf_clear(&p->home);
    p->calendar = p->components_said = p->events = p->todos = false;
}

static void props_finish(struct props *p)
{
    buf_finish(&p->etag);
    buf_finish(&p->data);
    buf_finish(&p->principal);
    buf_finish(&p->home);
}

/* What a propstat with 2xx said goes to the resource. */
static void take(struct buf *to, struct buf *from)
{
    if (from->len == 0)
        return;
    struct buf swap = *to;
    *to = *from;
    *from = swap;
}

static void props_take(struct props *to, struct props *from)
{
    take(&to->etag, &from->etag);
    take(&to->data, &from->data);
    take(&to->principal, &from->principal);
    take(&to->home, &from->home);
    to->calendar = to->calendar || from->calendar;
    to->components_said = to->components_said || from->components_said;
    to->events = to->events || from->events;
    to->todos = to->todos || from->todos;
}

/* --- elements ---------------------------------------------------------------------------------------- */

static enum element above(const struct reading *r, unsigned n)
{
    return r->depth > n ? r->stack[r->depth - 1 - n] : OTHER;
}

static void component(struct reading *r, const char **attributes)
{
    for (; attributes[0]; attributes += 2) {
        const char *value = attributes[1];
        if (strcmp(attributes[0], "name") != 0)
            continue;
        if (strcmp(value, "VEVENT") == 0 || strcmp(value, "VFREEBUSY") == 0 || strcmp(value, "VAVAILABILITY") == 0)
            r->here.events = true;
        if (strcmp(value, "VTODO") == 0)
            r->here.todos = true;
    }
}

static struct buf *text_of(struct reading *r, enum element e)
{
    enum element parent = above(r, 1);
    switch (e) {
    case HREF:
        return parent == RESPONSE ? &r->href : parent == PRINCIPAL ? &r->here.principal
             : parent == HOME ? &r->here.home : NULL;
    case STATUS:
        return parent == PROPSTAT ? &r->propstat_status : parent == RESPONSE ? &r->status : NULL;
    case SYNC_TOKEN: return parent == MULTISTATUS ? &r->token : NULL;
    case GETETAG: return &r->here.etag;
    case DATA: return &r->here.data;
    default: return NULL;
    }
}

static void start(void *data, const char *name, const char **attributes)
{
    struct reading *r = data;
    enum element e = element_of(name);
    if (r->depth == DAV_DEPTH_MAX) {
        stop(r, TROUBLE_PROTOCOL);
        return;
    }
    r->stack[r->depth++] = e;
    r->text = text_of(r, e);
    if (r->text)
        buf_clear(r->text);
    switch (e) {
    case RESPONSE:
        buf_clear(&r->href);
        buf_clear(&r->status);
        props_clear(&r->good);
        break;
    case PROPSTAT:
        buf_clear(&r->propstat_status);
        props_clear(&r->here);
        break;
    case CALENDAR: r->here.calendar = r->here.calendar || above(r, 1) == RESOURCETYPE; break;
    case COMPONENTS: r->here.components_said = true; break;
    case COMPONENT: component(r, attributes); break;
    case VALID_TOKEN: r->answer->wants_valid_token = true; break;
    default: break;
    }
}

static void characters(void *data, const char *bytes, int len)
{
    struct reading *r = data;
    if (!r->text)
        return;
    buf_add(r->text, bytes, (size_t)len);
    if (r->text->failed)
        stop(r, r->text->failed == E_NO_MEMORY ? TROUBLE_MEMORY : TROUBLE_TOO_LARGE);
}

/* "HTTP/1.1 200 OK" */
static long status_of(const struct buf *b)
{
    struct str text = str_trim(buf_look(b)), word;
    uint64_t status = 0;
    (void)str_next(&text, ' ', &word);
    return str_next(&text, ' ', &word) && str_u64(word, &status) == 0 && status < 1000 ? (long)status
                                                                                       : 0;
}

static void hand_over(struct reading *r)
{
    struct dav_resource resource = {
        .href = str_trim(buf_look(&r->href)), .etag = str_trim(buf_look(&r->good.etag)),
        .data = buf_look(&r->good.data), .principal = str_trim(buf_look(&r->good.principal)),
        .home = str_trim(buf_look(&r->good.home)), .status = status_of(&r->status),
        .calendar = r->good.calendar, .components_said = r->good.components_said,
        .events = r->good.events, .todos = r->good.todos,
    };
    if (resource.href.len && r->each(&resource, r->data) < 0)
        stop(r, TROUBLE_MEMORY);
}

static void end(void *data, const char *name)
{
    struct reading *r = data;
    enum element e = r->depth ? r->stack[r->depth - 1] : OTHER;
    long status = e == PROPSTAT ? status_of(&r->propstat_status) : 0;
    (void)name;
    r->text = NULL;
    if (r->depth)
        r->depth--;
    if (e == PROPSTAT && status >= 200 && status < 300)
        props_take(&r->good, &r->here);
    else if (e == RESPONSE)
        hand_over(r);
}

static void doctype(void *data, const char *name, const char *system, const char *public, int subset)
{
    (void)name, (void)system, (void)public, (void)subset;
    stop(data, TROUBLE_PROTOCOL);
}

enum trouble dav_read(struct str xml, int (*each)(const struct dav_resource *r, void *data), void *data,
                      struct dav_answer *ret)
{
    struct reading r = { .each = each, .data = data, .answer = ret };
    *ret = (struct dav_answer){ 0 };
    r.parser = XML_ParserCreateNS(NULL, ' ');
    if (!r.parser)
        return TROUBLE_MEMORY;
    buf_init(&r.href, DAV_HREF_MAX);
    buf_init(&r.status, STATUS_MAX);
    buf_init(&r.propstat_status, STATUS_MAX);
    buf_init(&r.token, DAV_TOKEN_MAX - 1);
    props_init(&r.here);
    props_init(&r.good);
    XML_SetUserData(r.parser, &r);
    XML_SetElementHandler(r.parser, start, end);
    XML_SetCharacterDataHandler(r.parser, characters);
    XML_SetStartDoctypeDeclHandler(r.parser, doctype);
    enum XML_Status status = XML_Parse(r.parser, xml.ptr ? xml.ptr : "", (int)xml.len, 1);
    if (r.trouble == TROUBLE_NONE && status != XML_STATUS_OK)
        r.trouble = XML_GetErrorCode(r.parser) == XML_ERROR_NO_MEMORY ? TROUBLE_MEMORY
                                                                      : TROUBLE_PROTOCOL;
    struct str token = str_trim(buf_look(&r.token));
    if (token.len)
        memcpy(ret->sync_token, token.ptr, token.len);
    XML_ParserFree(r.parser);
    buf_finish(&r.href);
    buf_finish(&r.status);
    buf_finish(&r.propstat_status);
    buf_finish(&r.token);
    props_finish(&r.here);
    props_finish(&r.good);
    return r.trouble;
}

void dav_escape(struct buf *out, struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        switch (text.ptr[i]) {
        case '&': buf_c(out, "&amp;"); break;
        case '<': buf_c(out, "&lt;"); break;
        case '>': buf_c(out, "&gt;"); break;
        default: buf_char(out, text.ptr[i]);
        }
    }
}
