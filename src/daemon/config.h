/* config.h - eoul.yaml: what a team may say about its machine and itself.  All of it optional.
 *
 * One struct for the whole file.  Reading is strict: an unknown setting, a setting given twice, a value
 * of the wrong form, anchors and aliases are refused with one sentence that names file, line and what
 * would be right.  The first fault is reported; nothing is ever half taken over.
 *
 * libcyaml fills the structs by its schema (config.c); the sentences come from a walk over the same
 * schema beforehand (config_check.c), because libcyaml reports in a developer's words and not always
 * on the right line.  What the settings mean is in man/eoul.yaml.5.scd; keep both in step.
 * A struct config owns its strings; it is freed by config_destroy, which accepts NULL.
 */
#ifndef EOUL_DAEMON_CONFIG_H
#define EOUL_DAEMON_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"
#include "base/usec.h"
#include "core/core.h"
#include "core/mode.h"
#include "i18n/tr.h"

#define CONFIG_FILE_MAX (256 * 1024) /* bytes; a team of 50 needs 10 KB */
#define CONFIG_PEOPLE_MAX 200        /* CORE_PERSONS_MAX less room for Unix users who are not listed */
#define CONFIG_URGENT_MAX 8          /* what the core keeps (core/urgent.h) */
#define CONFIG_URGENT 2              /* so few that each of them still means something */
#define CONFIG_QUOTA_DAYS 30         /* of GPU-hours without days */
#define CONFIG_HOST_MAX 200
#define CONFIG_NAME_MAX 64           /* bytes of a person's name */

struct config_limits { /* of one person; 0: none */
    uint32_t running;  /* jobs at once */
    uint32_t gpus;     /* GPUs at once */
    uint32_t queued;   /* live jobs in the queue */
    uint32_t gpu_hours, days; /* GPU-hours in so many days; days 0: CONFIG_QUOTA_DAYS */
};

struct config_gpu {
    char *model;       /* may be NULL */
    uint32_t count;    /* 0: not written, means 1 */
    uint32_t watts;    /* 0: unknown */
};

/* In system mode; roles.c says what each may. */
enum config_role { ROLE_USER, ROLE_OPERATOR, ROLE_VIEWER, ROLE_NONE };

struct config_person {
    char *name;
    char *user;        /* Unix user; NULL: the name is one, or the person has none */
    char *email;
    char *zone;
    char *hours;
    char *work;
    char *lang;
    char *role;
    enum config_role role_is;    /* what it says; ROLE_USER */
    struct config_limits limits; /* 0: the team's */
};

struct config_account { /* a project: --account */
    char *name;
    char **members;    /* names of people; NULL: everybody */
    uint32_t members_count;
    uint32_t gpus;     /* GPUs at once of all its jobs; 0: no quota */
    uint32_t gpu_hours, days;
};

/* What may be seen of jobs that are somebody else's; privacy.c says by whom. */
enum config_shown {
    SHOWN_FULL,     /* name, owner, times */
    SHOWN_NO_NAMES, /* who and when, not what */
    SHOWN_BUSY,     /* that something is there, and until when */
};

enum config_gpu_ids { CONFIG_GPU_UUID, CONFIG_GPU_INDEX };

struct config {
    bool gpus_given;            /* false: detect them */
    uint32_t gpus_n;            /* GPUs declared, all groups together */
    struct config_gpu *gpus;    /* groups; NULL when only a number was given */
    bool loaded_list;           /* the file itself gives groups, whosever hold (config_keep_start) */
    uint32_t gpu_groups;
    enum config_gpu_ids gpu_ids; /* what CUDA_VISIBLE_DEVICES is made of */
    usec_t half_life_us;        /* of what people have had lately (core/share.h) */
    uint32_t urgent_week;       /* --urgent, of each person in seven days */
    uint32_t feeds_port;        /* of 127.0.0.1, where feeds are served; 0: nowhere */
    const char *address;        /* https://... where a proxy passes that port on; NULL: nowhere */
    uint32_t cpus;              /* 0: what the machine has */
    uint64_t mem_mib;           /* 0: what the machine has */
    enum policy policy;
    bool mode_given;            /* a mode of blend, for good; false: picked each week (week.h) */
    enum mode mode;
    const char *zone;           /* the team's; NULL: the system's */
    const char *tariff;         /* a name or a path (tariffs.c); NULL: none */
    const char *power_cap;      /* what jobs may take together (energy/powercap.h); NULL: no cap */
    uint32_t person_hour;       /* what an hour of a person is worth, in its currency */
    const char *hours;          /* look hours of whoever says none; CONFIG_HOURS if not given */
    const char *work;           /* hours offered for todos by whoever says none; "none" if not given */
    usec_t cap_us, buffer_us;   /* hands-on time planned a day; free time around events */
    enum lang lang;
    bool lang_given;
    struct config_limits limits;
    usec_t guess_us;            /* run time assumed without history */
    usec_t grace_us;            /* between SIGTERM and SIGKILL */
    uint64_t output_mib;        /* of a job's output that is kept, each file */
    uint64_t output_rate_mib;   /* a second; a job that prints more waits */
    usec_t keep_journal_us, keep_logs_us, keep_jobs_us;
    struct config_person *people;
    uint32_t people_n;
    struct config_account *accounts;
    uint32_t accounts_n;
    enum config_role others;    /* of whoever is not among them */
    enum config_shown others_jobs;
    void *loaded; /* libcyaml's, which owns what the pointers above point to */
};

#define CONFIG_PRESENCE_US (7 * USEC_PER_DAY) /* the journal tells when people could look: no longer than this */
#define CONFIG_HANDS_ON_US (3 * USEC_PER_HOUR) /* nobody is planned full unless they say so */
#define CONFIG_OUTPUT_MIB 20480u   /* no training prints as much; a log bomb leaves the disk to others */
#define CONFIG_OUTPUT_RATE_MIB 32u /* less than any disk takes */
#define CONFIG_PERSON_HOUR 30000 /* won: an engineer's hour, roughly */
#define CONFIG_WEEKLY "weekly"
#define CONFIG_HOURS "Mon-Fri 09:00-18:00"

/* Read text; `name` is how sentences call the file.  text of nothing but comments is the defaults. */
int config_parse(struct str text, const char *name, struct config **ret, struct err *err);
/* Read a file; E_NOT_FOUND if there is none. */
int config_load(const char *path, struct config **ret, struct err *err);
int config_defaults(struct config **ret, struct err *err);
void config_destroy(struct config *config);

/* Settings as bits: the word of one (NULL after the last), those in which two configurations differ, and those that hold
 * from a start on only. */
const char *config_setting(uint32_t bit);
uint64_t config_differ(const struct config *a, const struct config *b);
uint64_t config_at_start(void);
/* next gets those of the start, which must live as long. */
void config_keep_start(struct config *next, const struct config *start);

/* What holds, a line a setting, for people. */
void config_tell(const struct config *config, const char *path, enum lang lang, struct buf *out);

/* "512M", "64G", "1T", "64GiB": a whole number with its unit; a bare number is MiB.  0 or E_INVALID. */
int config_size_mib(struct str text, uint64_t *ret_mib);

int config_role_parse(struct str text, enum config_role *ret);
const char *config_role_word(enum config_role role);
int config_shown_parse(struct str text, enum config_shown *ret);
const char *config_shown_word(enum config_shown shown);

/* Can this be a person's name?  It stands in tables, terminals and options: at most CONFIG_NAME_MAX
 * bytes of UTF-8 without control characters, / : , or blanks at its ends. */
bool config_name_ok(struct str name);

#endif
