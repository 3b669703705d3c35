/* json_in.h - a request's JSON body: strict, and with a sentence for what is wrong.
 *
 * jansson does the reading (strict UTF-8, no duplicate keys, no text after the value, depth limited
 * by its own 2048 which JSON_IN_DEPTH_MAX tightens).  What an object may hold is said in a table;
 * a field the table does not have is refused by name, so a misspelt option is never silently lost.
 */
#ifndef EOUL_WEB_JSON_IN_H
#define EOUL_WEB_JSON_IN_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

#define JSON_IN_DEPTH_MAX 8 /* a submit has 4 */

enum json_kind { JSON_IN_STR, JSON_IN_INT, JSON_IN_ARRAY, JSON_IN_BOOL };

struct json_in_field {
    const char *name;
    enum json_kind kind;
    bool required;
    const json_t *value; /* set by json_in_object; NULL: absent */
};

/* The body must be one JSON object (an empty body counts as {}).  The caller json_decref()s. */
int json_in_parse(struct str body, json_t **ret, struct err *err);

/* Fill `fields` from `object`.  `where` names the object in the sentence: "the request", "job 3". */
int json_in_object(const json_t *object, const char *where, struct json_in_field *fields, size_t n,
                   struct err *err);

struct str json_in_str(const struct json_in_field *field);      /* empty if absent */
int64_t json_in_int(const struct json_in_field *field, int64_t otherwise);
bool json_in_true(const struct json_in_field *field);           /* false if absent */

#endif
