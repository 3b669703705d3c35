/* config_check.c - see config_schema.h: one sentence for the first thing that is wrong.
 *
 * libyaml makes a tree with line numbers; it is walked along libcyaml's schema.  The tree shares
 * nodes for aliases, but anchors are refused at the first sight of one, so a walk visits each node
 * once.  Depth is the schema's, hence at most four.
 */
#include "daemon/config_schema.h"

#include <stdio.h>
#include <string.h>
#include <yaml.h>

#include "base/utf8.h"
#include "cal/hours.h"
#include "cal/when.h"
#include "cal/zone_load.h"
#include "energy/powercap.h"

#define PATH_MAX_LEN 128 /* "people[199].limits.running" */
#define SHOWN_MAX 64     /* bytes of a wrong value in a sentence */

struct check {
    struct str text;
    const char *name; /* of the file */
    yaml_document_t *doc;
    struct err *err;
    char shown[3 * SHOWN_MAX + 1]; /* a bad byte grows to three */
};

struct place { /* where in the file a value stands */
    char shown[PATH_MAX_LEN]; /* people[2].hours: counted from 1 as people do */
    char rule[PATH_MAX_LEN];  /* people[].hours */
    int line;
};

static int line_of(const yaml_node_t *node)
{
    return (int)node->start_mark.line + 1;
}

static struct str scalar(const yaml_node_t *node)
{
    return (struct str){ (const char *)node->data.scalar.value, node->data.scalar.length };
}

/* A value as a sentence shows it: on one line, at most SHOWN_MAX bytes, nothing that moves a cursor. */
static struct str shown(struct check *k, struct str s)
{
    struct buf b;
    size_t cut = s.len;
    if (cut > SHOWN_MAX)
        for (cut = SHOWN_MAX; cut > 0 && ((unsigned char)s.ptr[cut] & 0xc0) == 0x80;)
            cut--; /* not inside a character */
    buf_init_fixed(&b, k->shown, sizeof k->shown);
    utf8_clean(&b, str_slice(s, 0, cut));
    return buf_look(&b);
}

/* --- scalars ---------------------------------------------------------------------------------- */

static int check_number(struct check *k, const struct place *at, const struct rule *rule, struct str s)
{
    int64_t value;
    bool digits = s.len > 0 && s.len <= 18;
    for (size_t i = 0; i < s.len; i++)
        digits = digits && s.ptr[i] >= '0' && s.ptr[i] <= '9'; /* 0x10 and 1e3 are not what they seem */
    if (digits && s.len > 1 && s.ptr[0] == '0')
        digits = false; /* 010 is ten to some and eight to others */
    if (digits && str_i64(s, &value) == 0 && value >= rule->min && value <= rule->max)
        return 0;
    return err_set(k->err, E_INVALID,
                   "%s line %d: %s is \"%.*s\", but must be a whole number from %lld to %lld.",
                   k->name, at->line, at->shown, STR_ARG(shown(k, s)), (long long)rule->min,
                   (long long)rule->max);
}

static int check_length(struct check *k, const struct place *at, const struct rule *rule, struct str s)
{
    usec_t us;
    if (when_parse_length(s, &us, NULL) < 0)
        return err_set(k->err, E_INVALID,
                       "%s line %d: %s is \"%.*s\", but must be a length such as 30s, 2h or 90d.",
                       k->name, at->line, at->shown, STR_ARG(shown(k, s)));
    if (us >= rule->min && us <= rule->max)
        return 0;
    return err_set(k->err, E_INVALID,
                   "%s line %d: %s is \"%.*s\", but must lie between %lld s and %lld s.", k->name,
                   at->line, at->shown, STR_ARG(shown(k, s)),
                   (long long)(rule->min / USEC_PER_SEC), (long long)(rule->max / USEC_PER_SEC));
}

static int check_words(struct check *k, const struct place *at, struct str s, bool right,
                       const char *words)
{
    if (right)
        return 0;
    return err_set(k->err, E_INVALID, "%s line %d: %s is \"%.*s\", but must be one of: %s.", k->name,
                   at->line, at->shown, STR_ARG(shown(k, s)), words);
}

static int check_policy(struct check *k, const struct place *at, struct str s)
{
    char words[128];
    struct buf b;
    enum policy policy;
    buf_init_fixed(&b, words, sizeof words);
    for (int i = 0; i < POLICY_COUNT; i++) {
        buf_c(&b, i ? ", " : "");
        buf_c(&b, policy_word((enum policy)i));
    }
    return check_words(k, at, s, policy_parse(s, &policy) == 0, words);
}

/* A sentence of another reader, with the place before it. */
static int prefix(struct check *k, const struct place *at, int code, const char *sentence)
{
    char clean[3 * ERR_TEXT_MAX + 1]; /* it may quote what it could not read */
    struct buf b;
    buf_init_fixed(&b, clean, sizeof clean);
    utf8_clean(&b, str_of(sentence));
    return err_set(k->err, code, "%s line %d, %s: %s", k->name, at->line, at->shown, clean);
}

static int check_hours(struct check *k, const struct place *at, struct str s)
{
    struct hours hours;
    struct err why = { .translate = k->err ? k->err->translate : NULL };
    int code = hours_parse(s, &hours, &why);
    return code < 0 ? prefix(k, at, code, why.text) : 0;
}

static int check_zone(struct check *k, const struct place *at, struct str s)
{
    struct zone zone;
    if (zone_load(s, &zone, NULL, NULL) == 0)
        return 0;
    return err_set(k->err, E_INVALID,
                   "%s line %d: %s is \"%.*s\", but must be a time zone of this machine such as "
                   "Asia/Seoul.", k->name, at->line, at->shown, STR_ARG(shown(k, s)));
}

bool config_name_ok(struct str s)
{
    struct str rest = s;
    if (s.len == 0 || s.len > CONFIG_NAME_MAX || str_trim(s).len != s.len)
        return false;
    while (rest.len > 0) {
        int32_t c = utf8_next(&rest);
        if (c < 0x20 || (c >= 0x7f && c < 0xa0) || c == '/' || c == ':' || c == ',')
            return false;
    }
    return true;
}

static int check_name(struct check *k, const struct place *at, struct str s)
{
    if (config_name_ok(s))
        return 0;
    return err_set(k->err, E_INVALID,
                   "%s line %d: %s must be a name of 1 to %d bytes without / : , or control "
                   "characters.", k->name, at->line, at->shown, CONFIG_NAME_MAX);
}

/* A name, or where a file is. */
static int check_tariff(struct check *k, const struct place *at, struct str s)
{
    bool right = config_name_ok(s) || (s.ptr[0] == '/' && s.len > 1 && s.len < 1024);
    for (size_t i = 0; i < s.len; i++)
        right = right && (unsigned char)s.ptr[i] >= ' ' && s.ptr[i] != 0x7f;
    return right ? 0 : err_set(k->err, E_INVALID,
                               "%s line %d: %s is \"%.*s\", but must be the name of a tariff, or the full path of its "
                               "file.", k->name, at->line, at->shown, STR_ARG(shown(k, s)));
}

static int check_power(struct check *k, const struct place *at, struct str s)
{
    struct powercap cap;
    struct err why = { .translate = k->err ? k->err->translate : NULL };
    if (powercap_parse(s, &cap, &why) == 0)
        return 0;
    return err_set(k->err, E_INVALID, "%s line %d: %s is \"%.*s\". %s", k->name, at->line, at->shown, STR_ARG(shown(k, s)),
                   why.text);
}

static int check_email(struct check *k, const struct place *at, struct str s)
{
    ptrdiff_t sign = str_find(s, '@');
    bool right = sign > 0 && (size_t)sign + 1 < s.len && s.len <= 254;
    for (size_t i = 0; i < s.len; i++)
        right = right && (unsigned char)s.ptr[i] > ' ' && s.ptr[i] != 0x7f;
    if (right)
        return 0;
    return err_set(k->err, E_INVALID,
                   "%s line %d: %s is \"%.*s\", but must be an address such as minsu@example.com.",
                   k->name, at->line, at->shown, STR_ARG(shown(k, s)));
}

/* Links are this and a path, and a browser's Origin is compared with it: no path, query, user or blank. */
static int check_address(struct check *k, const struct place *at, struct str s)
{
    struct str host = str_slice(s, sizeof "https://" - 1, s.len);
    bool right = str_starts(s, "https://") && host.len > 0 && host.len <= CONFIG_HOST_MAX;
    for (size_t i = 0; i < host.len; i++) {
        char c = host.ptr[i];
        right = right && ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '-' ||
                          c == ':' || c == '[' || c == ']');
    }
    if (right)
        return 0;
    return err_set(k->err, E_INVALID,
                   "%s line %d: %s is \"%.*s\", but must be https:// and a server in small letters, such as "
                   "https://eoul.example.org.", k->name, at->line, at->shown, STR_ARG(shown(k, s)));
}

static int check_size(struct check *k, const struct place *at, struct str s)
{
    uint64_t mib;
    if (config_size_mib(s, &mib) == 0)
        return 0;
    return err_set(k->err, E_INVALID,
                   "%s line %d: %s is \"%.*s\", but must be a size such as 512M or 64G.", k->name,
                   at->line, at->shown, STR_ARG(shown(k, s)));
}

static int check_scalar(struct check *k, const struct place *at, struct str s)
{
    const struct rule *rule = config_rule(at->rule);
    enum lang lang;
    enum mode mode;
    enum config_role role;
    enum config_shown seen;
    if (!rule)
        return err_set(k->err, E_INTERNAL, "%s line %d: %s has no rule in this build.", k->name,
                       at->line, at->shown);
    if (s.len == 0)
        return err_set(k->err, E_INVALID,
                       "%s line %d: %s has no value; write one, or remove the line.", k->name,
                       at->line, at->shown);
    switch (rule->kind) {
    case RULE_NUMBER: return check_number(k, at, rule, s);
    case RULE_LENGTH: return check_length(k, at, rule, s);
    case RULE_NAME: case RULE_TEXT: return check_name(k, at, s);
    case RULE_TARIFF: return check_tariff(k, at, s);
    case RULE_POWER: return check_power(k, at, s);
    case RULE_EMAIL: return check_email(k, at, s);
    case RULE_ZONE: return check_zone(k, at, s);
    case RULE_HOURS: return check_hours(k, at, s);
    case RULE_LANG: return check_words(k, at, s, lang_parse(s, &lang) == 0, "en, ko");
    case RULE_POLICY: return check_policy(k, at, s);
    case RULE_MODE:
        return check_words(k, at, s, str_is(s, CONFIG_WEEKLY) || mode_parse(s, &mode) == 0, "weekly, later, plan, area");
    case RULE_GPU_IDS:
        return check_words(k, at, s, str_is(s, "uuid") || str_is(s, "index"), "uuid, index");
    case RULE_ADDRESS: return check_address(k, at, s);
    case RULE_SIZE: return check_size(k, at, s);
    case RULE_ROLE:
        return check_words(k, at, s, config_role_parse(s, &role) == 0, "user, operator, viewer, none");
    case RULE_SHOWN:
        return check_words(k, at, s, config_shown_parse(s, &seen) == 0, "full, no-names, busy-only");
    }
    return E_INTERNAL;
}

/* --- nesting ---------------------------------------------------------------------------------- */

static int check_value(struct check *k, const yaml_node_t *node, const cyaml_schema_value_t *schema,
                       const struct place *at);

static const cyaml_schema_field_t *find_field(const cyaml_schema_field_t *fields, struct str key)
{
    for (; fields->key; fields++)
        if (str_is(key, fields->key))
            return fields;
    return NULL;
}

/* Letters that differ, moved ones counted twice: enough to see a slip of the keyboard. */
static unsigned distance(struct str a, const char *b)
{
    unsigned row[33];
    size_t n = strlen(b);
    if (a.len > 32 || n > 32)
        return 99;
    for (unsigned j = 0; j <= n; j++)
        row[j] = j;
    for (size_t i = 0; i < a.len; i++) {
        unsigned diagonal = row[0];
        row[0] = (unsigned)i + 1;
        for (size_t j = 0; j < n; j++) {
            unsigned replace = diagonal + (a.ptr[i] != b[j]);
            unsigned shorter = row[j] < row[j + 1] ? row[j] + 1 : row[j + 1] + 1;
            diagonal = row[j + 1];
            row[j + 1] = replace < shorter ? replace : shorter;
        }
    }
    return row[n];
}

static int refuse_key(struct check *k, struct str key, int line, const struct place *at,
                      const cyaml_schema_field_t *fields)
{
    char list[256];
    struct buf b;
    const char *near = NULL;
    unsigned best = 3; /* two slips at most */
    buf_init_fixed(&b, list, sizeof list);
    for (const cyaml_schema_field_t *f = fields; f->key; f++) {
        unsigned d = distance(key, f->key);
        if (d < best) {
            best = d;
            near = f->key;
        }
        buf_c(&b, f == fields ? "" : ", ");
        buf_c(&b, f->key);
    }
    if (near)
        return err_set(k->err, E_INVALID,
                       "%s line %d: there is no setting \"%.*s\"; did you mean \"%s\"?", k->name,
                       line, STR_ARG(shown(k, key)), near);
    if (at->shown[0])
        return err_set(k->err, E_INVALID,
                       "%s line %d: there is no setting \"%.*s\" in %s; it may have: %s.", k->name,
                       line, STR_ARG(shown(k, key)), at->shown, list);
    return err_set(k->err, E_INVALID,
                   "%s line %d: there is no setting \"%.*s\"; there are: %s.", k->name, line,
                   STR_ARG(shown(k, key)), list);
}

static const yaml_node_t *node_at(struct check *k, int index)
{
    return yaml_document_get_node(k->doc, index);
}

/* The line on which the same key stands earlier in this mapping, or 0. */
static int given_before(struct check *k, const yaml_node_t *map, const yaml_node_pair_t *pair)
{
    struct str key = scalar(node_at(k, pair->key));
    for (const yaml_node_pair_t *p = map->data.mapping.pairs.start; p < pair; p++)
        if (str_eq(scalar(node_at(k, p->key)), key))
            return line_of(node_at(k, p->key));
    return 0;
}

static int check_mapping(struct check *k, const yaml_node_t *map, const cyaml_schema_field_t *fields,
                         const struct place *at)
{
    const char *dot = at->shown[0] ? "." : "";
    for (const yaml_node_pair_t *p = map->data.mapping.pairs.start;
         p < map->data.mapping.pairs.top; p++) {
        const yaml_node_t *key_node = node_at(k, p->key);
        if (key_node->type != YAML_SCALAR_NODE)
            return err_set(k->err, E_INVALID, "%s line %d: a setting's name must be a word.", k->name,
                           line_of(key_node));
        struct str key = scalar(key_node);
        const cyaml_schema_field_t *field = find_field(fields, key);
        if (!field)
            return refuse_key(k, key, line_of(key_node), at, fields);
        int before = given_before(k, map, p);
        if (before)
            return err_set(k->err, E_INVALID,
                           "%s line %d: \"%s\" is given twice; it is already on line %d.", k->name,
                           line_of(key_node), field->key, before);
        struct place inner = { .line = line_of(key_node) };
        snprintf(inner.shown, sizeof inner.shown, "%.64s%s%s", at->shown, dot, field->key);
        snprintf(inner.rule, sizeof inner.rule, "%.64s%s%s", at->rule, dot, field->key);
        int code = check_value(k, node_at(k, p->value), &field->value, &inner);
        if (code < 0)
            return code;
    }
    for (const cyaml_schema_field_t *f = fields; f->key; f++) {
        bool there = false;
        for (const yaml_node_pair_t *p = map->data.mapping.pairs.start;
             p < map->data.mapping.pairs.top; p++)
            there = there || str_is(scalar(node_at(k, p->key)), f->key);
        if (!there && !(f->value.flags & CYAML_FLAG_OPTIONAL))
            return err_set(k->err, E_INVALID, "%s line %d: %s needs the setting \"%s\".", k->name,
                           line_of(map), at->shown, f->key);
    }
    return 0;
}

static int check_sequence(struct check *k, const yaml_node_t *list,
                          const cyaml_schema_value_t *schema, const struct place *at)
{
    ptrdiff_t n = list->data.sequence.items.top - list->data.sequence.items.start;
    if (n < (ptrdiff_t)schema->sequence.min || n > (ptrdiff_t)schema->sequence.max)
        return err_set(k->err, E_INVALID,
                       "%s line %d: %s has %td entries, but may have from %u to %u.", k->name,
                       at->line, at->shown, n, schema->sequence.min, schema->sequence.max);
    for (ptrdiff_t i = 0; i < n; i++) {
        const yaml_node_t *item = node_at(k, list->data.sequence.items.start[i]);
        struct place inner = { .line = line_of(item) };
        snprintf(inner.shown, sizeof inner.shown, "%.64s[%td]", at->shown, i + 1);
        snprintf(inner.rule, sizeof inner.rule, "%.64s[]", at->rule);
        int code = check_value(k, item, schema->sequence.entry, &inner);
        if (code < 0)
            return code;
    }
    return 0;
}

static int check_value(struct check *k, const yaml_node_t *node, const cyaml_schema_value_t *schema,
                       const struct place *at)
{
    switch (schema->type) {
    case CYAML_MAPPING:
        if (node->type != YAML_MAPPING_NODE)
            return err_set(k->err, E_INVALID,
                           "%s line %d: %s must be settings, each on a line of its own such as "
                           "\"%s: ...\".", k->name, at->line, at->shown[0] ? at->shown : k->name,
                           schema->mapping.fields[0].key);
        return check_mapping(k, node, schema->mapping.fields, at);
    case CYAML_SEQUENCE:
        if (node->type != YAML_SEQUENCE_NODE)
            return err_set(k->err, E_INVALID,
                           "%s line %d: %s must be a list; begin each entry with \"- \".", k->name,
                           at->line, at->shown);
        return check_sequence(k, node, schema, at);
    default:
        if (node->type != YAML_SCALAR_NODE)
            return err_set(k->err, E_INVALID, "%s line %d: %s must be one value, not a list.",
                           k->name, at->line, at->shown);
        return check_scalar(k, at, scalar(node));
    }
}

/* --- what only the whole tells -------------------------------------------------------------------- */

static const yaml_node_t *child(struct check *k, const yaml_node_t *map, const char *key)
{
    if (!map || map->type != YAML_MAPPING_NODE)
        return NULL;
    for (const yaml_node_pair_t *p = map->data.mapping.pairs.start;
         p < map->data.mapping.pairs.top; p++) {
        const yaml_node_t *name = node_at(k, p->key);
        if (name->type == YAML_SCALAR_NODE && str_is(scalar(name), key))
            return node_at(k, p->value);
    }
    return NULL;
}

static int check_differ(struct check *k, const yaml_node_t *root, const char *list, const char *key)
{
    const yaml_node_t *people = child(k, root, list);
    bool of_people = strcmp(list, "people") == 0;
    if (!people || people->type != YAML_SEQUENCE_NODE)
        return 0;
    for (yaml_node_item_t *i = people->data.sequence.items.start;
         i < people->data.sequence.items.top; i++) {
        const yaml_node_t *mine = child(k, node_at(k, *i), key);
        for (yaml_node_item_t *j = people->data.sequence.items.start; mine && j < i; j++) {
            const yaml_node_t *other = child(k, node_at(k, *j), key);
            if (other && !of_people && str_eq(scalar(mine), scalar(other)))
                return err_set(k->err, E_INVALID, "%s line %d: there is an account \"%.*s\" on line %d already.", k->name,
                               line_of(mine), STR_ARG(shown(k, scalar(mine))), line_of(other));
            if (other && str_eq(scalar(mine), scalar(other)))
                return err_set(k->err, E_INVALID,
                               "%s line %d: the %s \"%.*s\" is already that of the person on line "
                               "%d; two people cannot share it.", k->name, line_of(mine), key,
                               STR_ARG(shown(k, scalar(mine))), line_of(other));
        }
    }
    return 0;
}

static int check_gpu_sum(struct check *k, const yaml_node_t *root)
{
    const yaml_node_t *gpus = child(k, root, "gpus");
    int64_t sum = 0;
    if (!gpus || gpus->type != YAML_SEQUENCE_NODE)
        return 0;
    for (yaml_node_item_t *i = gpus->data.sequence.items.start;
         i < gpus->data.sequence.items.top; i++) {
        const yaml_node_t *count = child(k, node_at(k, *i), "count");
        int64_t n = 1;
        if (count)
            (void)str_i64(scalar(count), &n); /* checked before */
        sum += n;
    }
    if (sum <= CORE_GPUS_MAX)
        return 0;
    return err_set(k->err, E_INVALID, "%s line %d: gpus adds up to %lld GPUs; the most is %d.",
                   k->name, line_of(gpus), (long long)sum, CORE_GPUS_MAX);
}

static int refuse_syntax(struct str text, const char *name, const yaml_parser_t *parser, struct err *err)
{
    /* What is missing at the end of the text began where the context began. */
    bool at_end = parser->context && parser->problem_mark.index >= text.len;
    int line = (int)(at_end ? parser->context_mark.line : parser->problem_mark.line) + 1;
    if (parser->error == YAML_MEMORY_ERROR)
        return err_set(err, E_NO_MEMORY, "There is not enough memory for the configuration.");
    if (parser->error == YAML_READER_ERROR)
        return err_set(err, E_INVALID, "%s is not UTF-8 text (byte %zu: %s).", name,
                       parser->problem_offset, parser->problem);
    return err_set(err, E_INVALID,
                   "%s line %d is not valid YAML (%s); look at indentation, quotes and brackets "
                   "there.", name, line, parser->problem ? parser->problem : "?");
}

/* Anchors and aliases let a page stand for a billion lines; a configuration needs neither. */
static int refuse_anchors(struct str text, const char *name, struct err *err)
{
    yaml_parser_t parser;
    yaml_token_t token;
    int code = 0;
    if (!yaml_parser_initialize(&parser))
        return err_set(err, E_NO_MEMORY, "There is not enough memory for the configuration.");
    yaml_parser_set_input_string(&parser, (const unsigned char *)text.ptr, text.len);
    for (bool more = true; more && code == 0;) {
        if (!yaml_parser_scan(&parser, &token)) {
            code = refuse_syntax(text, name, &parser, err);
            break;
        }
        more = token.type != YAML_STREAM_END_TOKEN;
        if (token.type == YAML_ANCHOR_TOKEN || token.type == YAML_ALIAS_TOKEN ||
            token.type == YAML_TAG_TOKEN)
            code = err_set(err, E_INVALID,
                           "%s line %d: anchors (&), aliases (*) and tags (!) are not used here; "
                           "write the value itself, in quotes if it begins so.", name,
                           (int)token.start_mark.line + 1);
        yaml_token_delete(&token);
    }
    yaml_parser_delete(&parser);
    return code;
}

static int check_document(struct check *k, yaml_parser_t *parser,
                          const cyaml_schema_value_t **ret_schema)
{
    yaml_document_t second;
    const struct place top = { .line = 1 };
    const yaml_node_t *root = yaml_document_get_root_node(k->doc);
    if (!root || (root->type == YAML_SCALAR_NODE && scalar(root).len == 0 &&
                  root->data.scalar.style == YAML_PLAIN_SCALAR_STYLE))
        return 0; /* "---" and nothing else */
    const yaml_node_t *gpus = child(k, root, "gpus");
    bool is_list = gpus && gpus->type == YAML_SEQUENCE_NODE;
    const cyaml_schema_value_t *schema = is_list ? &config_schema_list : &config_schema_count;
    int code = check_value(k, root, schema, &top);
    if (code == 0)
        code = check_gpu_sum(k, root);
    if (code == 0)
        code = check_differ(k, root, "people", "name");
    if (code == 0)
        code = check_differ(k, root, "accounts", "name");
    if (code == 0)
        code = check_differ(k, root, "people", "user");
    if (code < 0)
        return code;
    if (!yaml_parser_load(parser, &second))
        return refuse_syntax(k->text, k->name, parser, k->err);
    if (yaml_document_get_root_node(&second))
        code = err_set(k->err, E_INVALID,
                       "%s line %d begins a second document (---); write one only.", k->name,
                       line_of(yaml_document_get_root_node(&second)));
    yaml_document_delete(&second);
    if (code == 0)
        *ret_schema = schema;
    return code;
}

int config_check(struct str text, const char *name, const cyaml_schema_value_t **ret_schema,
                 struct err *err)
{
    yaml_parser_t parser;
    yaml_document_t doc;
    struct check k = { .text = text, .name = name, .doc = &doc, .err = err };
    *ret_schema = NULL;
    if (text.len == 0)
        return 0;
    if (memchr(text.ptr, '\0', text.len))
        return err_set(err, E_INVALID, "%s holds a NUL byte; it must be text.", name);
    int code = refuse_anchors(text, name, err);
    if (code < 0)
        return code;
    if (!yaml_parser_initialize(&parser))
        return err_set(err, E_NO_MEMORY, "There is not enough memory for the configuration.");
    yaml_parser_set_input_string(&parser, (const unsigned char *)text.ptr, text.len);
    if (!yaml_parser_load(&parser, &doc)) {
        code = refuse_syntax(text, name, &parser, err);
    } else {
        code = check_document(&k, &parser, ret_schema);
        yaml_document_delete(&doc);
    }
    yaml_parser_delete(&parser);
    return code;
}
