/* config_schema.h - what eoul.yaml may hold: for config.c to fill, for config_check.c to judge.
 *
 * libcyaml's schema says names, nesting and types; the rule of a scalar says which values are right.
 * A rule is found by its path: "people[].hours".
 */
#ifndef EOUL_DAEMON_CONFIG_SCHEMA_H
#define EOUL_DAEMON_CONFIG_SCHEMA_H

#include <cyaml/cyaml.h>

#include "daemon/config.h"

struct raw_defaults {
    char *time;
    char *grace;
    char *output;
    char *output_rate;
};

struct raw_retention {
    char *journal;
    char *logs;
    char *jobs;
};

struct raw_config {
    uint32_t *gpus; /* NULL: not said, which is not the same as 0 */
    struct config_gpu *gpu_list;
    uint32_t gpu_list_count;
    char *gpu_ids;
    uint32_t cpus;
    char *half_life;
    uint32_t *urgent; /* NULL: not said; 0 is none */
    uint32_t feeds;
    char *address;
    char *memory;
    char *policy;
    char *mode;
    char *tariff;
    char *power_cap;
    uint32_t person_hour;
    char *zone;
    char *hours;
    char *work;
    char *hands_on;
    char *buffer;
    char *lang;
    char *others;
    char *others_jobs;
    struct config_limits limits;
    struct raw_defaults defaults;
    struct raw_retention retention;
    struct config_person *people;
    uint32_t people_count;
    struct config_account *accounts;
    uint32_t accounts_count;
};

enum rule_kind {
    RULE_NUMBER, RULE_TEXT, RULE_NAME, RULE_EMAIL, RULE_ZONE, RULE_HOURS, RULE_LANG, RULE_POLICY, RULE_MODE,
    RULE_GPU_IDS, RULE_SIZE, RULE_ADDRESS, RULE_TARIFF, RULE_POWER, RULE_LENGTH, RULE_ROLE, RULE_SHOWN,
};

struct rule {
    const char *path;
    enum rule_kind kind;
    int64_t min, max; /* RULE_NUMBER: the value; RULE_LENGTH: microseconds */
};

const struct rule *config_rule(const char *path); /* every scalar of the schema has one */
const struct rule *config_rule_at(size_t i);      /* all of them; NULL after the last */

extern const cyaml_schema_value_t config_schema_count; /* gpus: 4 */
extern const cyaml_schema_value_t config_schema_list;  /* gpus: [...] */

/* Refuse what is wrong in one sentence.  *ret_schema is the schema that fits, NULL when the file
 * says nothing at all. */
int config_check(struct str text, const char *name, const cyaml_schema_value_t **ret_schema,
                 struct err *err);

#endif
