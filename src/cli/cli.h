/* cli.h - what every verb of `eoul` shares: the table of verbs, options, the daemon, the screen.
 *
 * A verb is a file cmd_*.c with one const struct cmd per verb.  main.c finds it in the table, reads
 * the language, parses the options (args.c) and calls run(), which returns the exit status:
 *
 *     0 done    1 refused or failed (one sentence on stderr)    2 usage
 *     run, wait: the job's own code, and 125 for a failure of eoul itself
 *
 * Text for people is collected in cli->out and written when the verb ends (cli_flush) so that a
 * screen appears at once; foreign text goes through cli_clean.  Nothing typed is lost: what was
 * refused is said with its place, and what was accepted before stays accepted.
 *
 * Help, man pages' checks and shell completion are made from these tables: an option that is not in
 * a table does not exist.  src/cli depends on client, spec, cal, i18n, base and jansson; never on
 * daemon.
 */
#ifndef EOUL_CLI_CLI_H
#define EOUL_CLI_CLI_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"
#include "base/usec.h"
#include "cal/tzif.h"
#include "cal/zone_names.h"
#include "client/http.h"
#include "client/place.h"
#include "i18n/tr.h"

#define CLI_OPTS_MAX 80                 /* options of one verb; submit has some sixty */
#define CLI_OUT_MAX (512 * 1024 * 1024) /* a screen: the largest is every row of a large queue */
#define CLI_FAILED 1
#define CLI_USAGE 2
#define CLI_OWN_FAILURE 125 /* of run and wait */

enum cmd_flags {
    CMD_NEEDS_DAEMON = 1 << 0,  /* speaks to it; says how to start one when none runs */
    CMD_STARTS_DAEMON = 1 << 1, /* starts the person's own if none runs */
    CMD_OWN_CODE = 1 << 2,      /* a failure of eoul itself is CLI_OWN_FAILURE */
    CMD_RAW = 1 << 3,           /* reads its own arguments */
    CMD_HIDDEN = 1 << 4,        /* not in the list of help */
    CMD_JOB_OPTS = 1 << 5,      /* takes every option of a job (src/spec's table) before its own */
};

struct opt {
    const char *name; /* without the dashes */
    char letter;      /* 0: none */
    const char *arg;  /* what stands for the value in help, "FILE"; NULL: a flag */
    const char *help; /* N_() sentence */
};

struct args;
struct cli;

struct cmd {
    const char *name;
    const char *group;           /* work, look, people, think, keep: the headings of help */
    const char *summary;         /* N_() */
    const char *usage;           /* "JOB..." behind the verb; not translated */
    const char *const *examples; /* "command", N_("what it does"), ..., NULL */
    const struct opt *opts;      /* ends with a NULL name; may be NULL */
    unsigned flags;
    const char *more; /* N_() paragraph below the options, or NULL */
    int (*run)(struct cli *cli, struct args *args);
};

struct args {
    const struct cmd *cmd;
    const char *values[CLI_OPTS_MAX]; /* by index in cmd->opts; NULL: not given; "" for a flag */
    char **rest;                      /* operands */
    int rest_n;
    int dashes_at; /* index in rest of the first operand behind "--"; -1: none */
};

struct cli {
    enum lang lang;
    bool ascii; /* no characters but ASCII may be drawn */
    bool out_tty, err_tty, color;
    int columns;         /* of the terminal; 0: not a terminal, lines may be long */
    const char *program; /* "eoul" */
    const struct cmd *cmd;
    struct place place;
    struct http http;
    struct err err;
    uint32_t refusal; /* the daemon's number of the refusal in `err`, to be asked about; 0: none */
    struct buf out;
    struct zone zone;
    char zone_name[ZONE_NAME_MAX];
    bool zone_known;
    struct { /* where in it the last times lay; see cli_when */
        int64_t from_s, until_s, today;
        int32_t offset_s;
        usec_t today_of;
    } zone_last;
    usec_t now_at; /* the daemon's, from the last answer that had it; else ours */
};

extern const struct cmd *const cmds[]; /* ends with NULL */

/* --- args.c -------------------------------------------------------------------------------------
 */

/* Options that every verb takes; parsed into struct cli. */
extern const struct opt common_opts[];

/* Fills *ret.  On failure cli->err has the sentence: E_USAGE.  "--help" gives E_OK with *ret_help.
 */
int args_parse(struct cli *cli, const struct cmd *cmd, int argc, char **argv, struct args *ret,
               bool *ret_help);
const char *args_value(const struct args *args, const char *name); /* NULL: not given */
bool args_flag(const struct args *args, const char *name);
/* A number from 0 to max; `otherwise` if not given.  Refuses with a sentence. */
int args_number(struct cli *cli, const struct args *args, const char *name, int64_t otherwise,
                int64_t max, int64_t *ret);
/* Refuses operands outside [min, max]; max < 0: any number. */
int args_operands(struct cli *cli, const struct args *args, int min, int max, const char *what);

/* The word in `words` nearest to `typed` (at most a third of its letters wrong), or NULL. */
const char *nearest(const char *typed, const char *const *words, size_t words_n);

/* --- help.c -------------------------------------------------------------------------------------
 */

int help_all(struct cli *cli);
int help_cmd(struct cli *cli, const struct cmd *cmd);
const struct cmd *cmd_find(const char *name);
int completion_bash(struct cli *cli);

/* --- call.c: the daemon --------------------------------------------------------------------------
 */

/* Connect as the verb's flags say (starting one if they allow it). */
int cli_connect(struct cli *cli);
/* One request and its JSON answer (the caller's reference).  A refusal by the daemon becomes its
 * code with its sentence in cli->err; *ret_item, if not NULL, the item it names or -1. */
int cli_call(struct cli *cli, const char *method, const char *path, json_t *body, json_t **ret);
int cli_call_item(struct cli *cli, const char *method, const char *path, json_t *body, json_t **ret,
                  int64_t *ret_item);
/* GET WHERE, and if there is a person KEY ("?for=") and their name behind it. */
int cli_get_for(struct cli *cli, const char *where, const char *key, const char *person, json_t **ret);
/* GET WHERE held by the daemon until nothing there (or only NAME, if not NULL) is under way any more, at most so
 * long: the answer says which. */
int cli_get_settled(struct cli *cli, const char *where, const char *person, const char *name, unsigned timeout_s,
                    json_t **ret);
/* What --json prints, wherever it is not the daemon's answer as it came: one line, compact as the daemon's. */
void cli_put_json(struct cli *cli, const json_t *json);
/* POST WHERE + NAME/ACTION for the person of --for; where ends in '/'. */
int cli_post_action(struct cli *cli, const struct args *args, const char *where, const char *name, const char *action,
                    json_t **ret);
/* An "error" object of an answer, taken the same way: {"error": {"code", "message", "item"}}, its sentence in our
 * language already. */
int cli_refusal(struct cli *cli, int status, const json_t *answer, int64_t *ret_item);
/* The answer to a request already sent (http_send). */
int cli_answer(struct cli *cli, usec_t timeout_us, json_t **ret, int64_t *ret_item);
/* GET; what comes, if it is no refusal, as it lies in the connection: until the next request. */
int cli_get(struct cli *cli, const char *path, struct str *ret_body);
/* GET and print the JSON as it came. */
int cli_print_json(struct cli *cli, const char *path);
/* Say cli->err and give the exit status that fits. */
int cli_fail(struct cli *cli);
/* One sentence that is not a failure, on stderr. */
void cli_say(struct cli *cli, const char *sentence, ...) __attribute__((format(printf, 2, 3)));

int64_t json_i64(const json_t *object, const char *key);      /* 0 if absent */
const char *json_text(const json_t *object, const char *key); /* "" if absent */
const char *json_told(const json_t *object, const char *key); /* "-" where the daemon does not tell it */

int64_t json_waiting(const json_t *counts); /* pending jobs that are not held */

/* Job ids as people write them, 12 or 12_3: E_INVALID with a sentence. */
int cli_check_id(struct cli *cli, const char *id);

/* --- screen.c: what people read
 * ------------------------------------------------------------------- */

void screen_init(struct cli *cli, bool force_ascii);
int cli_flush(struct cli *cli);
void cli_clean(struct buf *out, const char *foreign);
/* Load the reader's zone: TZ, else what they told eoul, else the system's. */
const struct zone *cli_zone(struct cli *cli);
void cli_when(struct cli *cli, struct buf *out,
              usec_t at); /* 09:05, Wed 09:05, 24 Nov 09:05; "-" for 0 */
void cli_length(struct cli *cli, struct buf *out, usec_t length_us);
const char *cli_ellipsis(const struct cli *cli);

enum paint {
    PAINT_NONE,
    PAINT_DIM,
    PAINT_BOLD,
    PAINT_RED,
    PAINT_GREEN,
    PAINT_YELLOW,
    PAINT_BLUE,
    PAINT_CYAN
};
const char *paint_on(const struct cli *cli, enum paint paint); /* "" without colour */
const char *paint_off(const struct cli *cli);
enum paint paint_of_state(const char *state);

/* A table: columns as wide as what is in them; the flexible one gives way when the terminal is too
 * narrow.  Cells are added row by row. */
struct column {
    const char *title; /* already translated */
    bool right;        /* align */
    bool flexible;     /* may be cut, to no less than 8 columns */
    bool optional;     /* not shown if all its cells are empty */
};
struct table;
struct table *table_create(const struct column *columns, size_t columns_n);
/* The cell is copied; it must be clean. */
void table_cell(struct table *t, struct str text, enum paint paint);
/* Prints to cli->out and frees. */
void table_finish(struct table *t, struct cli *cli);
void table_drop(struct table *t); /* nothing of it is shown */

#endif
