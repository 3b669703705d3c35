/* boot.c - see boot.h. */
#include "cli/boot.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "cli/program.h"

#define CRON_MARK "# eoul: starts at boot (eoul up --no-boot removes this line)"
#define CRONTAB_MAX (256 * 1024)

static bool has_user_systemd(void)
{
    char path[128];
    snprintf(path, sizeof path, "/run/user/%u/systemd", geteuid());
    return program_exists("systemctl") && access("/run/systemd/system", F_OK) == 0 &&
           access(path, F_OK) == 0;
}

/* A word for ExecStart= and for cron's shell: what needs quoting is refused rather than quoted
 * twice. */
static int check_word(struct cli *cli, const char *word)
{
    for (const char *c = word; *c; c++)
        if (strchr(" \t\n\"'\\$%`;&|<>*?()", *c))
            return err_set(&cli->err, E_UNSUPPORTED,
                           "\"%s\" cannot be written into a boot entry because of its \"%c\"; use "
                           "a path without.",
                           word, *c);
    return 0;
}

static int command_line(struct cli *cli, struct buf *out, const char *team, const char *config)
{
    char self[4096];
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    if (n < 0)
        return err_set(&cli->err, E_NOT_FOUND, "eoul cannot find its own path: %s.",
                       strerror(errno));
    self[n] = '\0';
    int r = check_word(cli, self);
    buf_printf(out, "%s up", self);
    if (r == 0 && team && (r = check_word(cli, team)) == 0)
        buf_printf(out, " --team %s", team);
    if (r == 0 && config && (r = check_word(cli, config)) == 0)
        buf_printf(out, " --config %s", config);
    return r;
}

/* --- systemd
 * ---------------------------------------------------------------------------------------- */

static int unit_path(struct cli *cli, char *ret, size_t size)
{
    const char *config = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
    char found[PLACE_PATH_MAX];
    if (!home && place_home("/etc/passwd", geteuid(), found, sizeof found) == 0)
        home = found;
    if (config && config[0] == '/')
        snprintf(ret, size, "%s/systemd/user/eoul.service", config);
    else if (home)
        snprintf(ret, size, "%s/.config/systemd/user/eoul.service", home);
    else
        return err_set(&cli->err, E_NOT_FOUND,
                       "HOME is not set, so there is no place for a boot entry.");
    return 0;
}

static int write_unit(struct cli *cli, const char *path, const char *command)
{
    struct buf text;
    char directory[PLACE_PATH_MAX + 64];
    snprintf(directory, sizeof directory, "%s", path);
    for (char *slash = strchr(directory + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        mkdir(directory, 0755); /* the last open says what is wrong */
        *slash = '/';
    }
    *strrchr(directory, '/') = '\0';
    int dir_fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    buf_init(&text, 16 * 1024);
    /* KillMode=process: jobs outlive a restart of the daemon; the supervisors look after them. */
    buf_printf(&text,
               "[Unit]\nDescription=eoul, one plan of the GPUs of "
               "%s\n\n[Service]\nType=forking\nExecStart=%s\n"
               "ExecStop=%.*s "
               "down\nKillMode=process\nRestart=on-failure\n\n[Install]\nWantedBy=default.target\n",
               "this person", command, (int)strcspn(command, " "), command);
    int r = dir_fd < 0 || text.failed
                ? E_IO
                : io_replace_file(dir_fd, "eoul.service", text.ptr, text.len, 0644);
    if (r < 0)
        err_set(&cli->err, r, "\"%s\" cannot be written: %s.", path, strerror(errno));
    buf_finish(&text);
    io_close(&dir_fd);
    return r;
}

static int install_unit(struct cli *cli, const char *command)
{
    char path[PLACE_PATH_MAX + 64];
    int r = unit_path(cli, path, sizeof path);
    if (r == 0)
        r = write_unit(cli, path, command);
    if (r < 0)
        return r;
    buf_printf(&cli->out, tr(cli->lang, "Wrote %s."), path);
    buf_char(&cli->out, '\n');
    if (program_run((const char *const[]){"systemctl", "--user", "daemon-reload", NULL},
                    (struct str){0}, NULL) != 0 ||
        program_run((const char *const[]){"systemctl", "--user", "enable", "eoul.service", NULL},
                    (struct str){0}, NULL) != 0)
        return err_set(&cli->err, E_UNAVAILABLE,
                       "The unit is written but could not be enabled; run \"systemctl --user "
                       "enable eoul.service\".");
    buf_printf(&cli->out, "%s\n",
               tr(cli->lang, "Enabled it for every boot (systemctl --user enable eoul.service)."));
    if (program_run((const char *const[]){"loginctl", "enable-linger", NULL}, (struct str){0},
                    NULL) != 0)
        return err_set(&cli->err, E_DENIED,
                       "It is enabled, but starts only at your first login: lingering was refused; "
                       "ask an administrator "
                       "for \"loginctl enable-linger %u\".",
                       geteuid());
    buf_printf(&cli->out, "%s\n",
               tr(cli->lang, "Keeps running after logout (loginctl enable-linger)."));
    return 0;
}

/* --- cron
 * --------------------------------------------------------------------------------------------- */

/* The crontab without our lines. */
static void crontab_without(struct buf *out)
{
    struct buf now;
    struct str rest, line;
    buf_init(&now, CRONTAB_MAX);
    (void)program_run((const char *const[]){"crontab", "-l", NULL}, (struct str){0},
                      &now); /* none yet: empty */
    rest = buf_look(&now);
    bool ours = false;
    while (str_next(&rest, '\n', &line)) {
        bool mark = str_is(line, CRON_MARK);
        if (!mark && !(ours && str_starts(line, "@reboot "))) {
            buf_str(out, line);
            buf_char(out, '\n');
        }
        ours = mark;
    }
    buf_finish(&now);
}

static int set_crontab(struct cli *cli, const struct buf *text)
{
    if (text->failed || text->len > 60000 ||
        program_run((const char *const[]){"crontab", "-", NULL}, buf_look(text), NULL) != 0)
        return err_set(&cli->err, E_UNAVAILABLE,
                       "Your crontab could not be changed; \"crontab -e\" may say why.");
    return 0;
}

static int install_cron(struct cli *cli, const char *command)
{
    struct buf text;
    buf_init(&text, CRONTAB_MAX);
    crontab_without(&text);
    buf_printf(&text, CRON_MARK "\n@reboot %s\n", command);
    int r = set_crontab(cli, &text);
    if (r == 0)
        buf_printf(
            &cli->out,
            tr(cli->lang,
               "There is no systemd for users here, so your crontab has a new line: @reboot %s"),
            command);
    if (r == 0)
        buf_char(&cli->out, '\n');
    buf_finish(&text);
    return r;
}

/* --- both
 * -----------------------------------------------------------------------------------------------
 */

int boot_install(struct cli *cli, const char *team, const char *config)
{
    struct buf command;
    buf_init(&command, 16 * 1024);
    int r = command_line(cli, &command, team, config);
    if (r == 0 && has_user_systemd())
        r = install_unit(cli, command.ptr);
    else if (r == 0 && program_exists("crontab"))
        r = install_cron(cli, command.ptr);
    else if (r == 0)
        r = err_set(&cli->err, E_UNSUPPORTED,
                    "Nothing here can start eoul at boot for you: there is neither systemd for "
                    "users nor cron.");
    buf_finish(&command);
    return r;
}

int boot_remove(struct cli *cli)
{
    char path[PLACE_PATH_MAX + 64];
    struct buf text;
    bool found = false;
    int r = unit_path(cli, path, sizeof path);
    if (r == 0 && access(path, F_OK) == 0) {
        (void)program_run(
            (const char *const[]){"systemctl", "--user", "disable", "eoul.service", NULL},
            (struct str){0}, NULL);
        if (unlink(path) < 0)
            r = err_set(&cli->err, io_from_errno(errno), "\"%s\" cannot be removed: %s.", path,
                        strerror(errno));
        else
            buf_printf(&cli->out, tr(cli->lang, "Removed %s."), path), buf_char(&cli->out, '\n');
        found = true;
    }
    if (r == 0 && program_exists("crontab")) {
        struct buf now;
        buf_init(&now, CRONTAB_MAX);
        buf_init(&text, CRONTAB_MAX);
        (void)program_run((const char *const[]){"crontab", "-l", NULL}, (struct str){0}, &now);
        if (now.ptr && strstr(now.ptr, CRON_MARK)) {
            crontab_without(&text);
            r = set_crontab(cli, &text);
            if (r == 0)
                buf_printf(&cli->out, "%s\n", tr(cli->lang, "Removed the line from your crontab."));
            found = true;
        }
        buf_finish(&text);
        buf_finish(&now);
    }
    if (r == 0 && !found)
        buf_printf(&cli->out, "%s\n", tr(cli->lang, "There was no boot entry."));
    return r;
}
