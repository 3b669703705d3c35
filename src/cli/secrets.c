/* secrets.c - see secrets.h. */
#include "cli/secrets.h"

#include <string.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

static int read_line(FILE *from, char ret[SECRETS_LINE_MAX])
{
    if (!fgets(ret, SECRETS_LINE_MAX, from))
        return E_NOT_FOUND;
    ret[strcspn(ret, "\r\n")] = '\0';
    return 0;
}

int secrets_read(struct cli *cli, const char *path, struct secrets *ret)
{
    char line[SECRETS_LINE_MAX];
    struct stat st;
    FILE *from = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
    if (!from)
        return err_set(&cli->err, E_NOT_FOUND, "The file '%s' cannot be read.", path);
    if (from != stdin && fstat(fileno(from), &st) == 0 && (st.st_mode & 077))
        cli_say(cli, tr(cli->lang, "'%s' can be read by others; chmod 600 keeps it yours."), path);
    while (read_line(from, line) == 0) {
        const char *value = strchr(line, ' ');
        char *to = !value ? NULL
                 : strncmp(line, "url ", 4) == 0 ? ret->url
                 : strncmp(line, "user ", 5) == 0 ? ret->user
                 : strncmp(line, "password ", 9) == 0 ? ret->password : NULL;
        if (to)
            snprintf(to, SECRETS_LINE_MAX, "%s", value + 1);
    }
    explicit_bzero(line, sizeof line);
    if (from != stdin)
        fclose(from);
    return 0;
}

int secrets_ask_password(struct cli *cli, struct secrets *s)
{
    struct termios before, quiet;
    bool terminal = tcgetattr(STDIN_FILENO, &before) == 0;
    if (terminal) {
        fputs(tr(cli->lang, "Password: "), stderr);
        quiet = before;
        quiet.c_lflag &= ~(tcflag_t)ECHO;
        tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet);
    }
    int code = read_line(stdin, s->password);
    if (terminal) {
        tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
        fputc('\n', stderr);
    }
    return code < 0 ? err_set(&cli->err, E_USAGE, "There was no password.") : 0;
}
