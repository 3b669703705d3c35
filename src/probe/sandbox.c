/* sandbox.c - see sandbox.h. */
#include "probe/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/callfilter.h"
#include "base/err.h"
#include "base/io.h"

static int set_limits(void)
{
    static const struct { __rlimit_resource_t what; rlim_t value; } limits[] = {
        { RLIMIT_CORE, 0 }, { RLIMIT_FSIZE, 0 }, { RLIMIT_NOFILE, SANDBOX_FILES_MAX } };
    for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++) {
        struct rlimit now;
        if (getrlimit(limits[i].what, &now) < 0)
            return io_from_errno(errno);
        if (now.rlim_max > limits[i].value)
            now.rlim_max = limits[i].value;
        now.rlim_cur = now.rlim_max;
        if (setrlimit(limits[i].what, &now) < 0)
            return io_from_errno(errno);
    }
    (void)signal(SIGXFSZ, SIG_IGN); /* a library's log that cannot be written is no reason to die */
    if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        return io_from_errno(errno);
    return 0;
}

static void allow(int ruleset, const char *path, uint64_t rights)
{
    int fd = open(path, O_PATH | O_CLOEXEC);
    struct landlock_path_beneath_attr beneath = { .allowed_access = rights, .parent_fd = fd };
    if (fd >= 0) /* a place that is not there is no loss */
        (void)syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &beneath, 0);
    io_close(&fd);
}

static bool restrict_files(void)
{
    static const char *const readable[] = { "/proc", "/sys", "/dev", "/usr/lib", "/lib", "/usr/lib64", "/lib64",
                                            "/usr/local", "/usr/share/nvidia" };
    const uint64_t reading = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR;
    const uint64_t writing =
        LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR | LANDLOCK_ACCESS_FS_REMOVE_FILE |
        LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG |
        LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_MAKE_FIFO | LANDLOCK_ACCESS_FS_MAKE_BLOCK |
        LANDLOCK_ACCESS_FS_MAKE_SYM | LANDLOCK_ACCESS_FS_EXECUTE;
    struct landlock_ruleset_attr attr = { .handled_access_fs = reading | writing };
    int ruleset = (int)syscall(SYS_landlock_create_ruleset, &attr, sizeof attr, 0);
    if (ruleset < 0)
        return false;
    for (size_t i = 0; i < sizeof readable / sizeof readable[0]; i++)
        allow(ruleset, readable[i], reading);
    allow(ruleset, "/dev", reading | LANDLOCK_ACCESS_FS_WRITE_FILE);
    bool ok = syscall(SYS_landlock_restrict_self, ruleset, 0) == 0;
    io_close(&ruleset);
    return ok;
}

int sandbox_shut_in(void)
{
    struct stat asker;
    int code = set_limits();
    if (code < 0)
        return code;
    /* Whoever made the pipe on which we are asked is the daemon's user. */
    bool other = fstat(0, &asker) == 0 && asker.st_uid != geteuid();
    bool files = !other || restrict_files();
    return callfilter_set(CALLS_DEVICES) && files ? 0 : 1;
}
