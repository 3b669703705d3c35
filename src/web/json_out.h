/* json_out.h - JSON written straight into a buf, for answers of many rows.
 *
 * A tree of 10,000 rows costs more to build than to send, so lists are written as they are walked.
 * Keys are literals of this program, plain ASCII, and are copied as they stand.  Strings are escaped
 * (RFC 8259); bytes that are not UTF-8 become U+FFFD, so what comes out is always valid JSON.
 * Commas are kept here; that objects and arrays close in order is the caller's, and asserted.
 * Failure sticks in the buf (buf.h).
 */
#ifndef EOUL_WEB_JSON_OUT_H
#define EOUL_WEB_JSON_OUT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/str.h"

#define JSON_OUT_DEPTH_MAX 16 /* our deepest answer has 5 */

struct json_out {
    struct buf *out;
    uint8_t depth;
    bool first;    /* nothing written yet inside the innermost object or array */
    bool key_open; /* a key was written, its value comes next */
    char closers[JSON_OUT_DEPTH_MAX];
};

void out_init(struct json_out *j, struct buf *out);
void out_object(struct json_out *j);
void out_array(struct json_out *j);
void out_end(struct json_out *j); /* of the innermost object or array */
bool out_done(const struct json_out *j); /* one value, everything closed, no failure */

void out_key(struct json_out *j, const char *key);
void out_str(struct json_out *j, struct str s);   /* exactly, but for ill-formed bytes */
void out_clean(struct json_out *j, struct str s); /* foreign text to be shown on one line: utf8_clean */
void out_c(struct json_out *j, const char *c_string); /* NULL: null */
void out_i64(struct json_out *j, int64_t value);
void out_u64(struct json_out *j, uint64_t value);
void out_bool(struct json_out *j, bool value);
void out_null(struct json_out *j);

/* key and value in one call */
void out_put_str(struct json_out *j, const char *key, struct str s);
void out_put_clean(struct json_out *j, const char *key, struct str s);
void out_put_c(struct json_out *j, const char *key, const char *c_string);
void out_put_i64(struct json_out *j, const char *key, int64_t value);
void out_put_u64(struct json_out *j, const char *key, uint64_t value);
void out_put_bool(struct json_out *j, const char *key, bool value);
/* An instant: 0 where there is none (0 or USEC_NEVER). */
void out_put_at(struct json_out *j, const char *key, int64_t at);

#endif
