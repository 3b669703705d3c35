/* dav.h - a WebDAV multi-status answer, as a stream of resources.
 *
 * expat reads it with namespaces, so any prefix will do.  Properties count only where their propstat
 * says 2xx.  A document type is refused (nothing here needs entities), and so is nesting deeper than
 * DAV_DEPTH_MAX.
 */
#ifndef EOUL_FETCH_DAV_H
#define EOUL_FETCH_DAV_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/str.h"
#include "fetch/trouble.h"

#define DAV_DEPTH_MAX 32
#define DAV_HREF_MAX 2048
#define DAV_TOKEN_MAX 1024
#define DAV_DATA_MAX (8u << 20)

struct dav_resource { /* strs live until the callback returns; empty: not said */
    struct str href, etag, data, principal, home;
    long status;          /* of the resource itself (404: gone); 0: not said */
    bool calendar;        /* resourcetype */
    bool components_said, events, todos; /* supported-calendar-component-set; VEVENT, VTODO are in it */
};

struct dav_answer {
    char sync_token[DAV_TOKEN_MAX];
    bool wants_valid_token; /* an error: the token we sent is not known any more */
};

/* each: a negative return ends the reading and is TROUBLE_MEMORY. */
enum trouble dav_read(struct str xml, int (*each)(const struct dav_resource *r, void *data), void *data,
                      struct dav_answer *ret);

/* Text inside XML. */
void dav_escape(struct buf *out, struct str text);

#endif
