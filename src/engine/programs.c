/* programs.c - see programs.h. */
#include "engine/programs.h"

#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"

int programs_directory(const char *given, char *ret, size_t size)
{
    static const char *const places[] = { "", "/../lib/eoul", "/../libexec/eoul" };
    char self[PATH_MAX], launcher[PATH_MAX + 64];
    if (given)
        return snprintf(ret, size, "%s", given) < (int)size ? 0 : E_TOO_LARGE;
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    if (n <= 0)
        return E_NOT_FOUND;
    self[n] = 0;
    char *slash = strrchr(self, '/');
    if (slash)
        *slash = 0;
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        if (snprintf(ret, size, "%s%s", self, places[i]) >= (int)size)
            return E_TOO_LARGE;
        snprintf(launcher, sizeof launcher, "%s/eoul-launcher", ret);
        if (access(launcher, X_OK) == 0)
            break;
    }
    return 0;
}

extern char **environ;

void programs_environment(char *ret[PROGRAMS_ENV_MAX + 1])
{
    int n = 0;
    for (char **e = environ; *e && n < PROGRAMS_ENV_MAX; e++) {
        bool ours = strncmp(*e, "EOUL_", 5) == 0 || strncmp(*e, "ASAN_", 5) == 0 ||
                    strncmp(*e, "UBSAN_", 6) == 0;
        bool attempt = strncmp(*e, "EOUL_ATTEMPT=", 13) == 0 || strncmp(*e, "EOUL_JOB_ID=", 12) == 0;
        if (ours && !attempt)
            ret[n++] = *e;
    }
    ret[n] = NULL;
}
