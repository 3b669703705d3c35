/* request.h - from what was typed to one submit: options, script or command, environment.
 *
 * One struct request holds the jobs of one call (all accepted or none).  What the client sees at
 * submit is recorded here: directory, umask, limits, host, environment.  Clock times (--begin,
 * --deadline) become instants in the reader's zone.
 */
#ifndef EOUL_CLI_REQUEST_H
#define EOUL_CLI_REQUEST_H

#include "cli/cli.h"
#include "spec/option.h"
#include "spec/spec.h"

#define REQUEST_JOBS_MAX 20000              /* of one call; the daemon's own limit */
#define REQUEST_FILE_MAX (64 * 1024 * 1024) /* --from: 20,000 lines of 3 KB */

enum request_form {
    REQUEST_SCRIPT,  /* submit: the operand is a script, "-" standard input */
    REQUEST_COMMAND, /* run: the operands are the command */
    REQUEST_SHELL,   /* shell: likewise, or nothing: one's own shell */
};

/* The client that will stay with the job; where the request says otherwise (--input, an array) it does
 * without. */
struct request_client {
    bool terminal; /* joins its terminal to the job's */
    bool feeds;    /* or brings its input */
    const char *meet;
    uint16_t rows, columns;
};

struct request {
    const struct request_client *client; /* NULL: none */
    enum request_form form;
    bool pty, feed; /* what the client will have to do */
    json_t *jobs; /* [{"spec", "env"}] */
    char key[65];
    char for_person[SPEC_NAME_MAX + 1];
    bool wait, parsable, test_only, quiet;
    bool json, help;
    const char *from;       /* --from */
    const char *queue_name; /* of the only job, for messages; borrowed */
    char name[SPEC_NAME_MAX + 1];
    char snapshot[40]; /* the name of the call's frozen tree; "": none */
    bool has_params; /* a sweep */
    bool had_env; /* the first job of the call carries it */
    struct buf env; /* as it was sent last: NAME=value strings, each ended by NUL; system mode signs it */
};

/* Options that submit and run have beside a job's; `help` shows them. */
extern const struct option_def request_extra[];
extern const uint32_t request_extra_n;

int request_read(struct cli *cli, int argc, char **argv, enum request_form form,
                 const struct request_client *client, struct request *ret);
/* One line of --from: what one would write behind "eoul submit" (quotes as in a shell), or a bare
 * command.  `defaults` are the options of the command line. */
void request_finish(struct request *r);

/* Submit; *ret_answer is SubmitAnswer.  Sent again with the same key if the connection breaks. */
int request_send(struct cli *cli, struct request *r, json_t **ret_answer);

/* Set an option, or what the client saw, as if it had been written behind the verb. */
int request_record(struct spec *spec, const char *name, struct str value, struct err *err);

/* Split a line into words as a shell does with quotes and backslashes, nothing else; in place.
 * Returns their number, or a negative E_* with a sentence. */
int words_split(char *line, char **words, int words_max, struct err *err);

#endif
