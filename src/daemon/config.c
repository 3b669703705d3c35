/* config.c - see config.h: the schema, its rules, and from what libcyaml read to struct config. */
#include "daemon/config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/io.h"
#include "cal/when.h"
#include "daemon/config_schema.h"

#define OPTIONAL (CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL)
#define TEXT_MAX 1024 /* bytes of one value: hours are the longest */

static const cyaml_schema_field_t limits_fields[] = {
    CYAML_FIELD_UINT("running", CYAML_FLAG_OPTIONAL, struct config_limits, running),
    CYAML_FIELD_UINT("gpus", CYAML_FLAG_OPTIONAL, struct config_limits, gpus),
    CYAML_FIELD_UINT("queued", CYAML_FLAG_OPTIONAL, struct config_limits, queued),
    CYAML_FIELD_UINT("gpu_hours", CYAML_FLAG_OPTIONAL, struct config_limits, gpu_hours),
    CYAML_FIELD_UINT("days", CYAML_FLAG_OPTIONAL, struct config_limits, days),
    CYAML_FIELD_END
};

static const cyaml_schema_field_t gpu_fields[] = {
    CYAML_FIELD_STRING_PTR("model", OPTIONAL, struct config_gpu, model, 1, TEXT_MAX),
    CYAML_FIELD_UINT("count", CYAML_FLAG_OPTIONAL, struct config_gpu, count),
    CYAML_FIELD_UINT("watts", CYAML_FLAG_OPTIONAL, struct config_gpu, watts),
    CYAML_FIELD_END
};
static const cyaml_schema_value_t gpu_value = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct config_gpu, gpu_fields),
};

static const cyaml_schema_field_t person_fields[] = {
    CYAML_FIELD_STRING_PTR("name", CYAML_FLAG_POINTER, struct config_person, name, 1, TEXT_MAX),
    CYAML_FIELD_STRING_PTR("user", OPTIONAL, struct config_person, user, 1, TEXT_MAX),
    CYAML_FIELD_STRING_PTR("email", OPTIONAL, struct config_person, email, 1, TEXT_MAX),
    CYAML_FIELD_STRING_PTR("zone", OPTIONAL, struct config_person, zone, 1, TEXT_MAX),
    CYAML_FIELD_STRING_PTR("hours", OPTIONAL, struct config_person, hours, 1, TEXT_MAX),
    CYAML_FIELD_STRING_PTR("work", OPTIONAL, struct config_person, work, 1, TEXT_MAX),
    CYAML_FIELD_STRING_PTR("lang", OPTIONAL, struct config_person, lang, 1, TEXT_MAX),
    CYAML_FIELD_STRING_PTR("role", OPTIONAL, struct config_person, role, 1, TEXT_MAX),
    CYAML_FIELD_MAPPING("limits", CYAML_FLAG_OPTIONAL, struct config_person, limits, limits_fields),
    CYAML_FIELD_END
};
static const cyaml_schema_value_t person_value = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct config_person, person_fields),
};

static const cyaml_schema_value_t member_value = {
    CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char, 1, TEXT_MAX),
};
static const cyaml_schema_field_t account_fields[] = {
    CYAML_FIELD_STRING_PTR("name", CYAML_FLAG_POINTER, struct config_account, name, 1, TEXT_MAX),
    CYAML_FIELD_SEQUENCE("members", OPTIONAL, struct config_account, members, &member_value, 1, CONFIG_PEOPLE_MAX),
    CYAML_FIELD_UINT("gpus", CYAML_FLAG_OPTIONAL, struct config_account, gpus),
    CYAML_FIELD_UINT("gpu_hours", CYAML_FLAG_OPTIONAL, struct config_account, gpu_hours),
    CYAML_FIELD_UINT("days", CYAML_FLAG_OPTIONAL, struct config_account, days),
    CYAML_FIELD_END
};
static const cyaml_schema_value_t account_value = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct config_account, account_fields),
};

static const cyaml_schema_field_t defaults_fields[] = {
    CYAML_FIELD_STRING_PTR("time", OPTIONAL, struct raw_defaults, time, 1, TEXT_MAX),
    CYAML_FIELD_STRING_PTR("grace", OPTIONAL, struct raw_defaults, grace, 1, TEXT_MAX),
    CYAML_FIELD_STRING_PTR("output", OPTIONAL, struct raw_defaults, output, 1, TEXT_MAX),
    CYAML_FIELD_STRING_PTR("output_rate", OPTIONAL, struct raw_defaults, output_rate, 1, TEXT_MAX),
    CYAML_FIELD_END
};

static const cyaml_schema_field_t retention_fields[] = {
    CYAML_FIELD_STRING_PTR("journal", OPTIONAL, struct raw_retention, journal, 1, TEXT_MAX),
    CYAML_FIELD_STRING_PTR("logs", OPTIONAL, struct raw_retention, logs, 1, TEXT_MAX),
    CYAML_FIELD_STRING_PTR("jobs", OPTIONAL, struct raw_retention, jobs, 1, TEXT_MAX),
    CYAML_FIELD_END
};

/* All but gpus, which is a number or a list: libcyaml has no "either", so there are two schemas. */
#define ROOT_FIELDS \
    CYAML_FIELD_STRING_PTR("gpu_ids", OPTIONAL, struct raw_config, gpu_ids, 1, TEXT_MAX), \
    CYAML_FIELD_UINT("cpus", CYAML_FLAG_OPTIONAL, struct raw_config, cpus), \
    CYAML_FIELD_STRING_PTR("half_life", OPTIONAL, struct raw_config, half_life, 1, TEXT_MAX), \
    CYAML_FIELD_UINT_PTR("urgent", OPTIONAL, struct raw_config, urgent), \
    CYAML_FIELD_UINT("feeds", CYAML_FLAG_OPTIONAL, struct raw_config, feeds), \
    CYAML_FIELD_STRING_PTR("address", OPTIONAL, struct raw_config, address, 1, TEXT_MAX), \
    CYAML_FIELD_STRING_PTR("memory", OPTIONAL, struct raw_config, memory, 1, TEXT_MAX), \
    CYAML_FIELD_STRING_PTR("policy", OPTIONAL, struct raw_config, policy, 1, TEXT_MAX), \
    CYAML_FIELD_STRING_PTR("mode", OPTIONAL, struct raw_config, mode, 1, TEXT_MAX), \
    CYAML_FIELD_STRING_PTR("tariff", OPTIONAL, struct raw_config, tariff, 1, TEXT_MAX), \
    CYAML_FIELD_UINT("person_hour", CYAML_FLAG_OPTIONAL, struct raw_config, person_hour), \
    CYAML_FIELD_STRING_PTR("power_cap", OPTIONAL, struct raw_config, power_cap, 1, TEXT_MAX), \
    CYAML_FIELD_STRING_PTR("zone", OPTIONAL, struct raw_config, zone, 1, TEXT_MAX), \
    CYAML_FIELD_STRING_PTR("hours", OPTIONAL, struct raw_config, hours, 1, TEXT_MAX), \
    CYAML_FIELD_STRING_PTR("work", OPTIONAL, struct raw_config, work, 1, TEXT_MAX), \
    CYAML_FIELD_STRING_PTR("hands_on", OPTIONAL, struct raw_config, hands_on, 1, TEXT_MAX), \
    CYAML_FIELD_STRING_PTR("buffer", OPTIONAL, struct raw_config, buffer, 1, TEXT_MAX), \
    CYAML_FIELD_STRING_PTR("lang", OPTIONAL, struct raw_config, lang, 1, TEXT_MAX), \
    CYAML_FIELD_STRING_PTR("others", OPTIONAL, struct raw_config, others, 1, TEXT_MAX), \
    CYAML_FIELD_STRING_PTR("others_jobs", OPTIONAL, struct raw_config, others_jobs, 1, TEXT_MAX), \
    CYAML_FIELD_MAPPING("limits", CYAML_FLAG_OPTIONAL, struct raw_config, limits, limits_fields), \
    CYAML_FIELD_MAPPING("defaults", CYAML_FLAG_OPTIONAL, struct raw_config, defaults, \
                        defaults_fields), \
    CYAML_FIELD_MAPPING("retention", CYAML_FLAG_OPTIONAL, struct raw_config, retention, \
                        retention_fields), \
    CYAML_FIELD_SEQUENCE("people", OPTIONAL, struct raw_config, people, &person_value, 0, \
                         CONFIG_PEOPLE_MAX), \
    CYAML_FIELD_SEQUENCE("accounts", OPTIONAL, struct raw_config, accounts, &account_value, 0, \
                         ACCOUNTS_MAX), \
    CYAML_FIELD_END

static const cyaml_schema_field_t count_fields[] = {
    CYAML_FIELD_UINT_PTR("gpus", OPTIONAL, struct raw_config, gpus), ROOT_FIELDS
};
static const cyaml_schema_field_t list_fields[] = {
    CYAML_FIELD_SEQUENCE("gpus", OPTIONAL, struct raw_config, gpu_list, &gpu_value, 1,
                         CORE_GPUS_MAX), ROOT_FIELDS
};
const cyaml_schema_value_t config_schema_count = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct raw_config, count_fields),
};
const cyaml_schema_value_t config_schema_list = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct raw_config, list_fields),
};

#define LENGTH_MAX (3650 * USEC_PER_DAY)
static const struct rule rules[] = {
    { "gpus", RULE_NUMBER, 0, CORE_GPUS_MAX },
    { "gpus[].model", RULE_TEXT, 0, 0 },
    { "gpus[].count", RULE_NUMBER, 1, CORE_GPUS_MAX },
    { "gpus[].watts", RULE_NUMBER, 1, 5000 },
    { "gpu_ids", RULE_GPU_IDS, 0, 0 },
    { "cpus", RULE_NUMBER, 1, 4096 },
    { "half_life", RULE_LENGTH, USEC_PER_DAY, 366 * USEC_PER_DAY },
    { "urgent", RULE_NUMBER, 0, CONFIG_URGENT_MAX },
    { "feeds", RULE_NUMBER, 1024, 65535 },
    { "address", RULE_ADDRESS, 0, 0 },
    { "memory", RULE_SIZE, 0, 0 },
    { "policy", RULE_POLICY, 0, 0 },
    { "mode", RULE_MODE, 0, 0 },
    { "tariff", RULE_TARIFF, 0, 0 },
    { "person_hour", RULE_NUMBER, 1, 1000000000 },
    { "power_cap", RULE_POWER, 0, 0 },
    { "zone", RULE_ZONE, 0, 0 },
    { "hours", RULE_HOURS, 0, 0 },
    { "work", RULE_HOURS, 0, 0 },
    { "hands_on", RULE_LENGTH, USEC_PER_MIN, 24 * USEC_PER_HOUR },
    { "buffer", RULE_LENGTH, USEC_PER_MIN, 4 * USEC_PER_HOUR },
    { "lang", RULE_LANG, 0, 0 },
    { "others", RULE_ROLE, 0, 0 },
    { "others_jobs", RULE_SHOWN, 0, 0 },
    { "limits.running", RULE_NUMBER, 0, CORE_JOBS_MAX },
    { "limits.gpus", RULE_NUMBER, 0, CORE_GPUS_MAX },
    { "limits.queued", RULE_NUMBER, 0, CORE_JOBS_MAX },
    { "limits.gpu_hours", RULE_NUMBER, 0, 1000000 },
    { "limits.days", RULE_NUMBER, 1, QUOTA_DAYS_MAX },
    { "defaults.time", RULE_LENGTH, USEC_PER_MIN, 30 * USEC_PER_DAY },
    { "defaults.grace", RULE_LENGTH, USEC_PER_SEC, USEC_PER_HOUR },
    { "defaults.output", RULE_SIZE, 0, 0 },
    { "defaults.output_rate", RULE_SIZE, 0, 0 },
    { "retention.journal", RULE_LENGTH, 3 * USEC_PER_DAY, CONFIG_PRESENCE_US },
    { "retention.logs", RULE_LENGTH, USEC_PER_HOUR, LENGTH_MAX },
    { "retention.jobs", RULE_LENGTH, USEC_PER_DAY, LENGTH_MAX },
    { "people[].name", RULE_NAME, 0, 0 },
    { "people[].user", RULE_NAME, 0, 0 },
    { "people[].email", RULE_EMAIL, 0, 0 },
    { "people[].zone", RULE_ZONE, 0, 0 },
    { "people[].hours", RULE_HOURS, 0, 0 },
    { "people[].work", RULE_HOURS, 0, 0 },
    { "people[].lang", RULE_LANG, 0, 0 },
    { "people[].role", RULE_ROLE, 0, 0 },
    { "people[].limits.running", RULE_NUMBER, 0, CORE_JOBS_MAX },
    { "people[].limits.gpus", RULE_NUMBER, 0, CORE_GPUS_MAX },
    { "people[].limits.queued", RULE_NUMBER, 0, CORE_JOBS_MAX },
    { "people[].limits.gpu_hours", RULE_NUMBER, 0, 1000000 },
    { "people[].limits.days", RULE_NUMBER, 1, QUOTA_DAYS_MAX },
    { "accounts[].name", RULE_NAME, 0, 0 },
    { "accounts[].members[]", RULE_NAME, 0, 0 },
    { "accounts[].gpus", RULE_NUMBER, 0, CORE_GPUS_MAX },
    { "accounts[].gpu_hours", RULE_NUMBER, 0, 1000000 },
    { "accounts[].days", RULE_NUMBER, 1, QUOTA_DAYS_MAX },
};

const struct rule *config_rule(const char *path)
{
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++)
        if (strcmp(rules[i].path, path) == 0)
            return &rules[i];
    return NULL;
}

const struct rule *config_rule_at(size_t i)
{
    return i < sizeof rules / sizeof rules[0] ? &rules[i] : NULL;
}

int config_size_mib(struct str text, uint64_t *ret_mib)
{
    static const struct { const char *unit; uint64_t mib; } units[] = {
        { "", 1 }, { "M", 1 }, { "MB", 1 }, { "MiB", 1 }, { "G", 1024 }, { "GB", 1024 },
        { "GiB", 1024 }, { "T", 1u << 20 }, { "TB", 1u << 20 }, { "TiB", 1u << 20 },
    };
    size_t digits = 0;
    uint64_t number;
    while (digits < text.len && text.ptr[digits] >= '0' && text.ptr[digits] <= '9')
        digits++;
    if (str_u64(str_slice(text, 0, digits), &number) < 0)
        return E_INVALID;
    struct str unit = str_trim(str_slice(text, digits, text.len));
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        if (!str_is_nocase(unit, units[i].unit))
            continue;
        if (number == 0 || number > ((uint64_t)1 << 40) / units[i].mib)
            return E_INVALID;
        *ret_mib = number * units[i].mib;
        return 0;
    }
    return E_INVALID;
}

static const char *const role_words[] = { [ROLE_USER] = "user", [ROLE_OPERATOR] = "operator",
                                          [ROLE_VIEWER] = "viewer", [ROLE_NONE] = "none" };

const char *config_role_word(enum config_role role) { return role_words[role]; }

int config_role_parse(struct str text, enum config_role *ret)
{
    for (size_t i = 0; i < sizeof role_words / sizeof role_words[0]; i++) {
        if (!str_is(text, role_words[i]))
            continue;
        *ret = (enum config_role)i;
        return 0;
    }
    return E_INVALID;
}

static const char *const shown_words[] = { [SHOWN_FULL] = "full", [SHOWN_NO_NAMES] = "no-names",
                                           [SHOWN_BUSY] = "busy-only" };

const char *config_shown_word(enum config_shown shown) { return shown_words[shown]; }

int config_shown_parse(struct str text, enum config_shown *ret)
{
    for (size_t i = 0; i < sizeof shown_words / sizeof shown_words[0]; i++) {
        if (!str_is(text, shown_words[i]))
            continue;
        *ret = (enum config_shown)i;
        return 0;
    }
    return E_INVALID;
}

/* --- from what was read to what it means -------------------------------------------------------- */

/* libcyaml says what it dislikes to a log function only; keep its first line. */
static void keep_first(cyaml_log_t level, void *data, const char *format, va_list args)
{
    struct buf *first = data;
    if (level >= CYAML_LOG_ERROR && first->len == 0)
        buf_vprintf(first, format, args);
}

static usec_t length_or(const char *text, usec_t otherwise)
{
    usec_t us = otherwise;
    if (text && when_parse_length(str_of(text), &us, NULL) < 0)
        return otherwise; /* config_check has refused it before */
    return us;
}

static void take_gpus(struct config *c, const struct raw_config *raw, bool is_list)
{
    if (!is_list) {
        c->gpus_given = raw->gpus != NULL;
        c->gpus_n = raw->gpus ? *raw->gpus : 0;
        return;
    }
    c->gpus_given = true;
    c->gpus = raw->gpu_list;
    c->gpu_groups = raw->gpu_list_count;
    for (uint32_t i = 0; i < c->gpu_groups; i++) {
        if (c->gpus[i].count == 0)
            c->gpus[i].count = 1;
        c->gpus_n += c->gpus[i].count;
    }
}

static void take_raw(struct config *c, const struct raw_config *raw)
{
    if (raw->gpu_ids)
        c->gpu_ids = strcmp(raw->gpu_ids, "index") == 0 ? CONFIG_GPU_INDEX : CONFIG_GPU_UUID;
    c->cpus = raw->cpus;
    c->half_life_us = length_or(raw->half_life, c->half_life_us);
    c->urgent_week = raw->urgent ? *raw->urgent : c->urgent_week;
    c->feeds_port = raw->feeds;
    c->address = raw->address;
    if (raw->memory)
        (void)config_size_mib(str_of(raw->memory), &c->mem_mib); /* checked before */
    if (raw->policy)
        (void)policy_parse(str_of(raw->policy), &c->policy);
    c->mode_given = raw->mode && mode_parse(str_of(raw->mode), &c->mode) == 0;
    c->tariff = raw->tariff;
    c->power_cap = raw->power_cap;
    c->person_hour = raw->person_hour ? raw->person_hour : c->person_hour;
    c->zone = raw->zone;
    c->hours = raw->hours ? raw->hours : c->hours;
    c->work = raw->work ? raw->work : c->work;
    c->cap_us = length_or(raw->hands_on, c->cap_us);
    c->buffer_us = length_or(raw->buffer, c->buffer_us);
    c->lang_given = raw->lang && lang_parse(str_of(raw->lang), &c->lang) == 0;
    c->limits = raw->limits;
    c->guess_us = length_or(raw->defaults.time, c->guess_us);
    c->grace_us = length_or(raw->defaults.grace, c->grace_us);
    if (raw->defaults.output)
        (void)config_size_mib(str_of(raw->defaults.output), &c->output_mib);
    if (raw->defaults.output_rate)
        (void)config_size_mib(str_of(raw->defaults.output_rate), &c->output_rate_mib);
    c->keep_journal_us = length_or(raw->retention.journal, c->keep_journal_us);
    c->keep_logs_us = length_or(raw->retention.logs, c->keep_logs_us);
    c->keep_jobs_us = length_or(raw->retention.jobs, c->keep_jobs_us);
    c->people = raw->people;
    c->people_n = raw->people_count;
    c->accounts = raw->accounts;
    c->accounts_n = raw->accounts_count;
    if (raw->others)
        (void)config_role_parse(str_of(raw->others), &c->others); /* checked before, as the roles */
    if (raw->others_jobs)
        (void)config_shown_parse(str_of(raw->others_jobs), &c->others_jobs);
    for (uint32_t i = 0; i < c->people_n; i++)
        if (c->people[i].role)
            (void)config_role_parse(str_of(c->people[i].role), &c->people[i].role_is);
}

int config_defaults(struct config **ret, struct err *err)
{
    struct config *c = calloc(1, sizeof *c);
    if (!c)
        return err_set(err, E_NO_MEMORY, "There is not enough memory for the configuration.");
    c->policy = POLICY_BLEND;
    c->hours = CONFIG_HOURS;
    c->work = "none";
    c->person_hour = CONFIG_PERSON_HOUR;
    c->cap_us = CONFIG_HANDS_ON_US;
    c->urgent_week = CONFIG_URGENT;
    c->half_life_us = CORE_SETTINGS_DEFAULT.half_life_us;
    c->guess_us = USEC_PER_HOUR;
    c->grace_us = 30 * USEC_PER_SEC;
    c->output_mib = CONFIG_OUTPUT_MIB;
    c->output_rate_mib = CONFIG_OUTPUT_RATE_MIB;
    c->keep_journal_us = CONFIG_PRESENCE_US;
    c->keep_logs_us = 30 * USEC_PER_DAY;
    c->keep_jobs_us = 365 * USEC_PER_DAY;
    *ret = c;
    return 0;
}

static const cyaml_config_t *cyaml_settings(struct buf *said, cyaml_config_t *memory)
{
    *memory = (cyaml_config_t){
        .log_fn = said ? keep_first : NULL, .log_ctx = said, .mem_fn = cyaml_mem,
        .log_level = CYAML_LOG_ERROR, .flags = CYAML_CFG_NO_ALIAS,
    };
    return memory;
}

int config_parse(struct str text, const char *name, struct config **ret, struct err *err)
{
    const cyaml_schema_value_t *schema = NULL;
    char memory[256];
    struct buf said;
    cyaml_config_t settings;
    struct config *c = NULL;
    void *raw = NULL;
    int code = config_check(text, name, &schema, err);
    if (code < 0)
        return code;
    code = config_defaults(&c, err);
    if (code < 0)
        return code;
    if (!schema) {
        *ret = c;
        return 0;
    }
    buf_init_fixed(&said, memory, sizeof memory);
    cyaml_err_t failed = cyaml_load_data((const uint8_t *)text.ptr, text.len,
                                         cyaml_settings(&said, &settings), schema, &raw, NULL);
    if (failed != CYAML_OK) {
        config_destroy(c);
        if (failed == CYAML_ERR_OOM)
            return err_set(err, E_NO_MEMORY, "There is not enough memory for the configuration.");
        return err_set(err, E_INVALID, "%s cannot be read: %s", name,
                       said.len ? said.ptr : cyaml_strerror(failed));
    }
    c->loaded = raw;
    const struct raw_config *r = raw;
    bool is_list = schema == &config_schema_list;
    c->loaded_list = is_list;
    take_gpus(c, r, is_list);
    take_raw(c, r);
    *ret = c;
    return 0;
}

int config_load(const char *path, struct config **ret, struct err *err)
{
    struct buf text;
    buf_init(&text, CONFIG_FILE_MAX);
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK); /* may well be a link */
    int code = fd < 0 ? io_from_errno(errno) : io_read_to_end(fd, &text);
    io_close(&fd);
    if (code == E_TOO_LARGE)
        err_set(err, code, "%s is larger than %d KiB; a configuration is a page or two.", path,
                CONFIG_FILE_MAX / 1024);
    else if (code == E_NOT_FOUND)
        err_set(err, code, "There is no file %s.", path);
    else if (code < 0)
        err_set(err, code, "%s cannot be read: %s.", path, strerror(errno));
    else
        code = config_parse(buf_look(&text), path, ret, err);
    buf_finish(&text);
    return code;
}

void config_destroy(struct config *config)
{
    cyaml_config_t settings;
    if (!config)
        return;
    /* Either schema frees all the file's pointers but the gpus of the other form. */
    if (config->loaded)
        (void)cyaml_free(cyaml_settings(NULL, &settings),
                         config->loaded_list ? &config_schema_list : &config_schema_count,
                         config->loaded, 0);
    free(config);
}
