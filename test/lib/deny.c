/* deny.c - deny CALL ERRNO PROGRAM ARG...: run a program in which one system call fails with ERRNO, or, with 0, only
 * says that it worked.  For root, whose calls do not fail by themselves. */
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static int number_of(const char *name)
{
    static const struct {
        const char *name;
        int number;
    } calls[] = { { "setgroups", SYS_setgroups }, { "setresgid", SYS_setresgid }, { "setresuid", SYS_setresuid } };
    for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++)
        if (strcmp(name, calls[i].name) == 0)
            return calls[i].number;
    return -1;
}

int main(int argc, char **argv)
{
    int call = argc > 3 ? number_of(argv[1]) : -1;
    if (call < 0)
        return 2;
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)call, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (unsigned)(argv[2][0] - '0')),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    const struct sock_fprog program = { sizeof code / sizeof code[0], code };
    if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0) {
        perror("deny");
        return 2;
    }
    execv(argv[3], argv + 3);
    perror("deny");
    return 2;
}
