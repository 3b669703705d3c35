/* sandbox.c - see sandbox.h. */
#include "fetch/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/callfilter.h"
#include "base/err.h"
#include "base/io.h"

/* --- limits ---------------------------------------------------------------------------------------- */

static int limit(int what, rlim_t value)
{
    const struct rlimit l = { value, value };
    return setrlimit((__rlimit_resource_t)what, &l) < 0 ? io_from_errno(errno) : 0;
}

static int set_limits(void)
{
    int code = limit(RLIMIT_CORE, 0);
#if !defined __SANITIZE_ADDRESS__ /* its shadow memory is larger than any limit */
    if (code == 0)
        code = limit(RLIMIT_AS, SANDBOX_MEMORY_MAX);
#endif
    if (code == 0)
        code = limit(RLIMIT_NOFILE, SANDBOX_FILES_MAX);
    if (code == 0)
        code = limit(RLIMIT_FSIZE, 0);
    if (code == 0 && (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 ||
                      prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0))
        code = io_from_errno(errno);
    return code;
}

/* --- Landlock --------------------------------------------------------------------------------------- */

/* What names and certificates need; a path that is not there is no loss. */
static const char *const readable[] = {
    "/etc/resolv.conf", "/etc/hosts", "/etc/host.conf", "/etc/nsswitch.conf", "/etc/gai.conf",
    "/etc/services", "/etc/protocols", "/etc/ld.so.cache", "/etc/ssl", "/etc/pki",
    "/etc/ca-certificates", "/etc/crypto-policies", "/usr/share/zoneinfo", "/usr/share/ca-certificates", "/usr/local/share/ca-certificates",
    "/usr/lib", "/lib", "/usr/lib64", "/lib64", "/run/systemd/resolve", "/run/resolvconf",
    "/usr/share/zoneinfo-icu", "/dev/urandom", "/dev/null",
};

static bool allow(int ruleset, const char *path, uint64_t rights)
{
    int fd = open(path, O_PATH | O_CLOEXEC);
    struct landlock_path_beneath_attr beneath = { .allowed_access = rights, .parent_fd = fd };
    bool ok = fd >= 0 && syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &beneath,
                                 0) == 0;
    if (fd >= 0)
        close(fd);
    return ok;
}

/* 0, or 1 without Landlock; negative: the one rule that a reader of files lives by could not be made. */
static int restrict_files(bool network, const char *test_ca)
{
    const uint64_t reading = LANDLOCK_ACCESS_FS_READ_FILE, listing = LANDLOCK_ACCESS_FS_READ_DIR;
    const uint64_t writing =
        LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR |
        LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_DIR |
        LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_MAKE_FIFO |
        LANDLOCK_ACCESS_FS_MAKE_BLOCK | LANDLOCK_ACCESS_FS_MAKE_SYM;
    struct landlock_ruleset_attr attr = { .handled_access_fs = reading | listing | writing };
    int ruleset = (int)syscall(SYS_landlock_create_ruleset, &attr, sizeof attr, 0);
    if (ruleset < 0)
        return 1;
    if (!network && !allow(ruleset, "/", reading | listing)) {
        close(ruleset);
        return E_UNAVAILABLE;
    }
    for (size_t i = 0; network && i < sizeof readable / sizeof readable[0]; i++)
        if (!allow(ruleset, readable[i], reading | listing))
            (void)allow(ruleset, readable[i], reading); /* a file has no list */
    if (network && test_ca)
        allow(ruleset, test_ca, reading);
    bool ok = syscall(SYS_landlock_restrict_self, ruleset, 0) == 0;
    close(ruleset);
    return ok ? 0 : 1;
}

int sandbox_shut_in(bool network, const char *test_ca)
{
    int code = set_limits();
    if (code < 0)
        return code;
    int files = restrict_files(network, test_ca);
    if (files < 0)
        return files;
    bool calls = callfilter_set(network ? CALLS_OUTSIDE : 0);
    return calls ? files : 2;
}
