/* json_walk.h - JSON text (RFC 8259) read where it lies, once, forwards: no tree, no allocation.
 *
 * For lists of 100,000 rows, of which a tree costs more than everything that is done with them.
 *
 *     struct json_walk w;
 *     json_walk_begin(&w, text);
 *     json_walk_down(&w);                          into the object
 *     while (json_walk_next(&w, &key))             each member, to the end of the object
 *         if (str_is(key, "rows"))
 *             for (json_walk_down(&w); json_walk_next(&w, NULL);)   each item of that list
 *                 json_walk_value(&w, &item);
 *     if (json_walk_end(&w) < 0)
 *         not JSON
 *
 * A value that nobody took or went down into is passed over.  Values come out as slices of the text and live as
 * long as it.  Whatever is JSON is read as what it says; text that is not may be read in part before
 * json_walk_end says so, and the inside of values passed over is looked at for quotes and brackets only.
 * Pure.
 */
#ifndef EOUL_BASE_JSON_WALK_H
#define EOUL_BASE_JSON_WALK_H

#include "base/buf.h"
#include "base/str.h"

#define JSON_WALK_DEPTH_MAX 64 /* arrays and objects inside each other */

struct json_walk {
    struct str rest;
    int code;      /* 0 or E_CORRUPT: nothing more comes then */
    bool first;    /* nothing of this level has been passed */
    bool at_value; /* one stands here and was not taken */
    unsigned depth;
    char closers[JSON_WALK_DEPTH_MAX];
};

void json_walk_begin(struct json_walk *w, struct str text);
/* Into the object or array that stands here; E_CORRUPT if it is something else. */
void json_walk_down(struct json_walk *w);
/* To the next value of this level; at its end false, and up again.  *ret_key: as written, without quotes;
 * empty in an array; may be NULL. */
bool json_walk_next(struct json_walk *w, struct str *ret_key);
/* The value that stands here, whole. */
bool json_walk_value(struct json_walk *w, struct str *ret);
/* 0 if all was read, to the end of the text. */
int json_walk_end(struct json_walk *w);

/* A value as a whole number; 0 if it is something else, or too large. */
int64_t json_value_i64(struct str value);
/* The text of a string, in place where nothing in it is escaped, else written to `memory` (which is cleared
 * first); empty if the value is something else. */
struct str json_value_text(struct str value, struct buf *memory);

#endif
