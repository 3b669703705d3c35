/* secrets.h - what opens a calendar or a channel of notices: from a file or the terminal, never from the
 * arguments, which others can see. */
#ifndef EOUL_CLI_SECRETS_H
#define EOUL_CLI_SECRETS_H

#include "cli/cli.h"

#define SECRETS_LINE_MAX 4096

struct secrets { /* wiped after use */
    char url[SECRETS_LINE_MAX], user[SECRETS_LINE_MAX], password[SECRETS_LINE_MAX];
};

/* "url ADDRESS", "user NAME", "password WORD", a line each; "-" is standard input. */
int secrets_read(struct cli *cli, const char *path, struct secrets *ret);
/* From the terminal without echo, or a line of standard input. */
int secrets_ask_password(struct cli *cli, struct secrets *s);

#endif
