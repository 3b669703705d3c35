/* missing.c - see missing.h. */
#include "cli/missing.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "spec/value.h"

/* Relative to the job's directory.  False: it does not fit, so nothing can be said. */
static bool path_of(const struct spec *spec, struct str file, char ret[2 * PATH_MAX])
{
    bool absolute = file.len > 0 && file.ptr[0] == '/';
    int len = snprintf(ret, 2 * PATH_MAX, "%.*s%s%.*s", absolute ? 0 : (int)spec->chdir.len, spec->chdir.ptr,
                       absolute ? "" : "/", STR_ARG(file));
    return len >= 0 && len < 2 * PATH_MAX;
}

static void missing_directory(struct cli *cli, struct spec *spec, const char *option, struct str file)
{
    char path[2 * PATH_MAX];
    struct stat st;
    size_t len = file.len;
    while (len > 0 && file.ptr[len - 1] != '/')
        len--;
    struct str dir = str_slice(file, 0, len);
    if (len <= 1 || str_find(dir, '%') >= 0 || str_find(dir, '{') >= 0 || str_find(dir, '\\') >= 0)
        return;
    if (path_of(spec, dir, path) && stat(path, &st) < 0 && errno == ENOENT)
        spec_note(spec, &cli->err, 0, N_("%1$s=%2$s: there is no directory \"%3$s\" yet; without it the job will fail at its "
                  "start."), option, value_show(file).text, value_show(dir).text);
}

void missing_directories(struct cli *cli, struct spec *spec)
{
    missing_directory(cli, spec, "--output", spec->output);
    missing_directory(cli, spec, "--error", spec->error);
}

/* PATH in "NAME=value\0..."; empty: not there, so nothing can be said. */
static struct str path_in(struct str env)
{
    struct str rest = env, variable;
    while (str_next(&rest, '\0', &variable))
        if (str_starts(variable, "PATH="))
            return str_slice(variable, strlen("PATH="), variable.len);
    return (struct str){ 0 };
}

static bool on_path(const struct spec *spec, struct str program, struct str path)
{
    char file[2 * PATH_MAX], name[PATH_MAX];
    struct str directory;
    while (str_next(&path, ':', &directory)) {
        int len = snprintf(name, sizeof name, "%.*s%s%.*s", STR_ARG(directory), directory.len > 0 ? "/" : "",
                           STR_ARG(program));
        if (len < 0 || (size_t)len >= sizeof name || !path_of(spec, str_of(name), file) || access(file, X_OK) == 0)
            return true;
    }
    return false;
}

void missing_program(struct cli *cli, struct spec *spec, struct str env)
{
    char path[2 * PATH_MAX];
    if (spec->script.len > 0 || spec->argv.n == 0)
        return;
    struct str program = spec->argv.item[0], dirs = path_in(env);
    if (str_find(program, '{') >= 0)
        return;
    if (str_find(program, '/') < 0) {
        if (dirs.len > 0 && !on_path(spec, program, dirs))
            spec_note(spec, &cli->err, 0, N_("There is no program \"%s\" in PATH now; without it the job will fail at its "
                      "start."), value_show(program).text);
        return;
    }
    if (!path_of(spec, program, path) || access(path, X_OK) == 0)
        return;
    if (errno == ENOENT)
        spec_note(spec, &cli->err, 0, N_("There is no program \"%s\" now; without it the job will fail at its start."),
                  value_show(program).text);
    else if (errno == EACCES && access(path, F_OK) == 0)
        spec_note(spec, &cli->err, 0, N_("\"%1$s\" may not be executed; \"chmod +x %1$s\" would allow it."),
                  value_show(program).text);
}
