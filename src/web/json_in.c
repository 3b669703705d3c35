/* json_in.c - see json_in.h. */
#include "web/json_in.h"

#include <string.h>

#include "base/buf.h"

/* Nesting is counted on the bytes before jansson recurses into them. */
static bool too_deep(struct str body)
{
    unsigned depth = 0;
    bool in_string = false;
    for (size_t i = 0; i < body.len; i++) {
        char c = body.ptr[i];
        if (in_string) {
            if (c == '\\')
                i++;
            else if (c == '"')
                in_string = false;
        } else if (c == '"') {
            in_string = true;
        } else if (c == '{' || c == '[') {
            if (++depth > JSON_IN_DEPTH_MAX)
                return true;
        } else if ((c == '}' || c == ']') && depth > 0) {
            depth--;
        }
    }
    return false;
}

int json_in_parse(struct str body, json_t **ret, struct err *err)
{
    json_error_t why;
    if (body.len == 0) {
        json_t *empty = json_object();
        if (!empty)
            return err_set(err, E_NO_MEMORY, "There is not enough memory to read the request.");
        *ret = empty;
        return 0;
    }
    if (too_deep(body))
        return err_set(err, E_TOO_LARGE, "The request's JSON is nested deeper than %d levels.",
                       JSON_IN_DEPTH_MAX);
    json_t *root = json_loadb(body.ptr, body.len, JSON_REJECT_DUPLICATES, &why);
    if (!root)
        return err_set(err, E_INVALID, "The request is not valid JSON: %s (line %d, column %d).",
                       why.text, why.line, why.column);
    if (!json_is_object(root)) {
        json_decref(root);
        return err_set(err, E_INVALID, "The request must be one JSON object, such as {}.");
    }
    *ret = root;
    return 0;
}

static int refuse_unknown(const char *key, const char *where, const struct json_in_field *fields,
                          size_t n, struct err *err)
{
    char known[256];
    struct buf list;
    buf_init_fixed(&list, known, sizeof known);
    for (size_t i = 0; i < n; i++) {
        buf_c(&list, i ? ", " : "");
        buf_c(&list, fields[i].name);
    }
    if (n == 0)
        return err_set(err, E_INVALID, "There is no field \"%.64s\" in %s; it takes none.", key,
                       where);
    return err_set(err, E_INVALID, "There is no field \"%.64s\" in %s; it may have: %s.", key, where,
                   known);
}

static bool is_kind(const json_t *value, enum json_kind kind)
{
    switch (kind) {
    case JSON_IN_STR: return json_is_string(value);
    case JSON_IN_INT: return json_is_integer(value);
    case JSON_IN_ARRAY: return json_is_array(value);
    case JSON_IN_BOOL: return json_is_boolean(value);
    }
    return false;
}

static int refuse_kind(const struct json_in_field *field, const char *where, struct err *err)
{
    switch (field->kind) {
    case JSON_IN_STR:
        return err_set(err, E_INVALID, "\"%s\" in %s must be a string.", field->name, where);
    case JSON_IN_INT:
        return err_set(err, E_INVALID, "\"%s\" in %s must be a whole number.", field->name, where);
    case JSON_IN_ARRAY:
        return err_set(err, E_INVALID, "\"%s\" in %s must be a list.", field->name, where);
    case JSON_IN_BOOL:
        return err_set(err, E_INVALID, "\"%s\" in %s must be true or false.", field->name, where);
    }
    return E_INTERNAL;
}

int json_in_object(const json_t *object, const char *where, struct json_in_field *fields, size_t n,
                   struct err *err)
{
    const char *key;
    json_t *value;
    if (!json_is_object(object))
        return err_set(err, E_INVALID, "%s must be a JSON object.", where);
    for (size_t i = 0; i < n; i++)
        fields[i].value = NULL;
    json_object_foreach((json_t *)object, key, value) {
        size_t i = 0;
        while (i < n && strcmp(fields[i].name, key) != 0)
            i++;
        if (i == n)
            return refuse_unknown(key, where, fields, n, err);
        if (json_is_null(value))
            continue; /* null says the same as leaving it out */
        if (!is_kind(value, fields[i].kind))
            return refuse_kind(&fields[i], where, err);
        fields[i].value = value;
    }
    for (size_t i = 0; i < n; i++)
        if (fields[i].required && !fields[i].value)
            return err_set(err, E_INVALID, "\"%s\" is missing in %s.", fields[i].name, where);
    return 0;
}

struct str json_in_str(const struct json_in_field *field)
{
    if (!field->value)
        return (struct str){ NULL, 0 };
    return (struct str){ json_string_value(field->value), json_string_length(field->value) };
}

int64_t json_in_int(const struct json_in_field *field, int64_t otherwise)
{
    return field->value ? json_integer_value(field->value) : otherwise;
}

bool json_in_true(const struct json_in_field *field)
{
    return json_is_true(field->value);
}
