/* form.h - what browsers send from a form, and text that goes into HTML.  Pure. */
#ifndef EOUL_WEB_FORM_H
#define EOUL_WEB_FORM_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/str.h"

/* The first field of this name in an application/x-www-form-urlencoded body, decoded and ended by NUL.
 * Absent: empty and false.  Too long, a broken escape or a control character: false, and not taken in part. */
bool form_get(struct str body, const char *name, char *ret, size_t size);

/* Foreign text as text of an HTML element or a quoted attribute: cleaned (utf8.h) and escaped. */
void form_html(struct buf *out, struct str foreign);

#endif
