/* canon.c - see spec.h: the canonical text of a spec, and back. */
#include <string.h>

#include "base/sha256.h"
#include "base/utf8.h"
#include "spec/option.h"
#include "spec/value.h"

static void put_hex(struct buf *out, unsigned char byte)
{
    static const char digits[] = "0123456789abcdef";
    buf_c(out, "\\x");
    buf_char(out, digits[byte >> 4]);
    buf_char(out, digits[byte & 15]);
}

static void put_escaped(struct buf *out, struct str value)
{
    while (value.len > 0) {
        const char *at = value.ptr;
        int32_t c = utf8_next(&value);
        size_t n = (size_t)(value.ptr - at);
        if (c == '\\')
            buf_c(out, "\\\\");
        else if (c == '\n')
            buf_c(out, "\\n");
        else if (c == '\r')
            buf_c(out, "\\r");
        else if (c == '\t')
            buf_c(out, "\\t");
        else if (c < 0x20 || c == 0x7F)
            for (size_t i = 0; i < n; i++)
                put_hex(out, (unsigned char)at[i]);
        else
            buf_add(out, at, n);
    }
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return -1;
}

static int take_escaped(struct buf *out, struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (c != '\\') {
            buf_char(out, c);
            continue;
        }
        char kind = ++i < text.len ? text.ptr[i] : '\0';
        if (kind == '\\' || kind == 'n' || kind == 'r' || kind == 't') {
            buf_char(out, kind == 'n' ? '\n' : kind == 'r' ? '\r' : kind == 't' ? '\t' : '\\');
        } else if (kind == 'x' && i + 2 < text.len && hex_digit(text.ptr[i + 1]) >= 0 &&
                   hex_digit(text.ptr[i + 2]) >= 0) {
            buf_char(out, (char)(hex_digit(text.ptr[i + 1]) << 4 | hex_digit(text.ptr[i + 2])));
            i += 2;
        } else {
            return E_INVALID;
        }
    }
    return out->failed;
}

static void print_line(struct buf *out, const struct option_def *def, struct str value)
{
    buf_c(out, def->name);
    buf_char(out, '=');
    put_escaped(out, value);
    buf_char(out, '\n');
}

/* Not for the user to sign: when it runs is the scheduler's business, within what was asked. */
static bool is_outside_order(const char *name)
{
    static const char *const outside[] = { "time", "time-min", "begin", "deadline", "nice", "hold", "ticket" };
    for (size_t i = 0; i < sizeof outside / sizeof outside[0]; i++)
        if (strcmp(name, outside[i]) == 0)
            return true;
    return false;
}

static void print(struct buf *out, const struct spec *spec, bool order_only)
{
    struct buf value;
    buf_init(&value, SPEC_BYTES_MAX);
    for (uint32_t i = 0; i < option_table_n; i++) {
        const struct option_def *def = &option_table[i];
        if (spec->source[i] == SPEC_UNSET || def->support == OPTION_REQUEST ||
            value_types[def->kind].size == 0 || (order_only && is_outside_order(def->name)))
            continue;
        if (def->kind == VALUE_LIST) {
            const struct spec_list *list =
                (const struct spec_list *)(const void *)((const char *)spec + def->offset);
            for (uint32_t k = 0; k < list->n; k++)
                print_line(out, def, list->item[k]);
            continue;
        }
        if (value_types[def->kind].size == sizeof(struct str) &&
            (def->kind == VALUE_BYTES || def->kind == VALUE_TEXT)) { /* no copy of the script */
            print_line(out, def, *(const struct str *)(const void *)((const char *)spec + def->offset));
            continue;
        }
        buf_clear(&value);
        option_print_value(&value, spec, def);
        if (value.failed && !out->failed)
            out->failed = value.failed;
        print_line(out, def, buf_look(&value));
    }
    buf_finish(&value);
}

void spec_print(struct buf *out, const struct spec *spec) { print(out, spec, false); }
void spec_print_order(struct buf *out, const struct spec *spec) { print(out, spec, true); }

int spec_order_hash(const struct spec *spec, struct str environment_block, uint8_t ret_hash[32])
{
    struct sha256 hash;
    struct buf text;
    buf_init(&text, SPEC_PRINT_MAX);
    spec_print_order(&text, spec);
    int code = text.failed;
    sha256_init(&hash);
    sha256_add(&hash, STR("eoul order 1\n"));
    sha256_add(&hash, buf_look(&text));
    sha256_add(&hash, (struct str){ "", 1 }); /* no NUL is in the text: it ends here */
    sha256_add(&hash, environment_block);
    buf_finish(&text);
    if (code == 0)
        sha256_end(&hash, ret_hash);
    return code;
}

static const struct option_def *find_key(struct str key)
{
    for (uint32_t i = 0; i < option_table_n; i++)
        if (option_table[i].support != OPTION_REQUEST && option_table[i].support != OPTION_REFUSED &&
            value_types[option_table[i].kind].size > 0 && str_is(key, option_table[i].name))
            return &option_table[i];
    return NULL;
}

static int parse_line(struct spec *spec, struct str line, struct buf *value, unsigned number,
                      struct err *err)
{
    ptrdiff_t equals = str_find(line, '=');
    if (equals <= 0)
        return err_set(err, E_CORRUPT, "line %u of the job's text is not key=value", number);
    struct str key = str_slice(line, 0, (size_t)equals);
    const struct option_def *def = find_key(key);
    if (!def)
        return err_set(err, E_NEWER,
                       "this eoul does not know \"%s\" in a job's text; a newer one wrote it",
                       value_show(key).text);
    buf_clear(value);
    if (take_escaped(value, str_slice(line, (size_t)equals + 1, line.len)) < 0)
        return value->failed < 0
            ? err_set(err, value->failed, "there is not enough memory for this request")
            : err_set(err, E_CORRUPT, "line %u of the job's text has a wrong \\ in it", number);
    if (def->kind != VALUE_LIST && spec->source[def - option_table] != SPEC_UNSET)
        return err_set(err, E_CORRUPT, "\"%s\" stands twice in a job's text", value_show(key).text);
    void *field = (char *)spec + def->offset;
    struct err why = { .translate = err ? err->translate : NULL };
    int r = value_types[def->kind].read(spec, field, def, buf_look(value), &why);
    if (r < 0)
        return err_set(err, r, "line %u of the job's text, %s: %s", number, def->name, why.text);
    spec->source[def - option_table] = SPEC_FROM_COMMAND;
    return 0;
}

int spec_parse(struct spec *empty, struct str text, struct err *err)
{
    struct buf value;
    buf_init(&value, SPEC_BYTES_MAX);
    int r = 0;
    unsigned number = 0;
    for (struct str line; r == 0 && str_next(&text, '\n', &line);)
        r = parse_line(empty, line, &value, ++number, err);
    buf_finish(&value);
    return r;
}
