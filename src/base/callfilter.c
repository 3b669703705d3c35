/* callfilter.c - see callfilter.h.
 *
 * The filter is a list of what is refused rather than of what is allowed: libcurl, TLS, the resolver and drivers'
 * libraries use what they like of the rest, and differ from one machine to the next.  What is refused answers EPERM, so
 * that a library that only tries goes on.
 */
#include "base/callfilter.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined __x86_64__
#define ARCHITECTURE AUDIT_ARCH_X86_64
#elif defined __aarch64__
#define ARCHITECTURE AUDIT_ARCH_AARCH64
#endif

#ifdef ARCHITECTURE

#define LOAD(field) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define ARG_LOW(n) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[n]))
#define ANSWER(what) BPF_STMT(BPF_RET | BPF_K, (what))
#define REFUSE ANSWER(SECCOMP_RET_ERRNO | EPERM)
#define PASS ANSWER(SECCOMP_RET_ALLOW)
#define IF_EQ(value, yes, no) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (value), (yes), (no))
#define REFUSE_CALL(name) IF_EQ(SYS_##name, 0, 1), REFUSE

#define RULES_MAX 256

struct rules {
    struct sock_filter at[RULES_MAX];
    unsigned short n;
};

static void add(struct rules *r, const struct sock_filter *list, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (r->n < RULES_MAX)
            r->at[r->n++] = list[i];
}

static void refuse_calls(struct rules *r, uint32_t opening)
{
    const struct sock_filter list[] = {
        LOAD(arch), IF_EQ(ARCHITECTURE, 1, 0), ANSWER(SECCOMP_RET_KILL_PROCESS),
        LOAD(nr),
#if defined __x86_64__
        BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, 0x40000000, 0, 1), REFUSE, /* x32: the same calls, other numbers */
#endif
        REFUSE_CALL(execve), REFUSE_CALL(execveat),
#ifdef SYS_fork
        REFUSE_CALL(fork), REFUSE_CALL(vfork), REFUSE_CALL(unlink), REFUSE_CALL(rename),
        REFUSE_CALL(mkdir), REFUSE_CALL(rmdir), REFUSE_CALL(link), REFUSE_CALL(symlink),
        REFUSE_CALL(chmod), REFUSE_CALL(chown), REFUSE_CALL(mknod), REFUSE_CALL(creat),
#endif
        REFUSE_CALL(unlinkat), REFUSE_CALL(renameat2), REFUSE_CALL(mkdirat), REFUSE_CALL(linkat),
        REFUSE_CALL(symlinkat), REFUSE_CALL(fchmodat), REFUSE_CALL(fchownat), REFUSE_CALL(mknodat),
        REFUSE_CALL(truncate), REFUSE_CALL(kill), REFUSE_CALL(tkill), REFUSE_CALL(pidfd_open),
        REFUSE_CALL(pidfd_send_signal), REFUSE_CALL(ptrace), REFUSE_CALL(process_vm_readv),
        REFUSE_CALL(process_vm_writev), REFUSE_CALL(mount), REFUSE_CALL(umount2),
        REFUSE_CALL(pivot_root), REFUSE_CALL(chroot), REFUSE_CALL(setns), REFUSE_CALL(unshare),
        REFUSE_CALL(init_module), REFUSE_CALL(finit_module), REFUSE_CALL(kexec_load),
        REFUSE_CALL(bpf), REFUSE_CALL(perf_event_open), REFUSE_CALL(userfaultfd),
        REFUSE_CALL(keyctl), REFUSE_CALL(add_key), REFUSE_CALL(request_key),
        REFUSE_CALL(io_uring_setup), REFUSE_CALL(open_by_handle_at), REFUSE_CALL(bind),
        REFUSE_CALL(listen), REFUSE_CALL(accept4), REFUSE_CALL(accept),
        /* threads only; clone3's flags cannot be looked at, so it is not there */
        IF_EQ(SYS_clone3, 0, 1), ANSWER(SECCOMP_RET_ERRNO | ENOSYS),
        IF_EQ(SYS_clone, 0, 4), ARG_LOW(0), BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 0x10000),
        IF_EQ(0x10000, 1, 0), REFUSE, LOAD(nr),
        /* flags of an open that are refused */
        IF_EQ(SYS_openat, 0, 4), ARG_LOW(2),
        BPF_STMT(BPF_ALU | BPF_AND | BPF_K, opening), IF_EQ(0, 1, 0),
        REFUSE, LOAD(nr),
        IF_EQ(SYS_openat2, 0, 1), ANSWER(SECCOMP_RET_ERRNO | ENOSYS),
#ifdef SYS_open
        IF_EQ(SYS_open, 0, 4), ARG_LOW(1),
        BPF_STMT(BPF_ALU | BPF_AND | BPF_K, opening), IF_EQ(0, 1, 0),
        REFUSE, LOAD(nr),
#endif
    };
    add(r, list, sizeof list / sizeof list[0]);
}

static void refuse_sockets(struct rules *r, bool network)
{
    /* AF_NETLINK is how the resolver asks which kinds of addresses this machine has. */
    const struct sock_filter outside[] = {
        IF_EQ(SYS_socket, 0, 5), ARG_LOW(0), IF_EQ(AF_INET, 4, 0), IF_EQ(AF_INET6, 3, 0),
        IF_EQ(AF_NETLINK, 2, 0), REFUSE, PASS, PASS,
    };
    const struct sock_filter none[] = { REFUSE_CALL(socket), REFUSE_CALL(connect), PASS };
    if (network)
        add(r, outside, sizeof outside / sizeof outside[0]);
    else
        add(r, none, sizeof none / sizeof none[0]);
}

bool callfilter_set(unsigned calls)
{
    struct rules r = { .n = 0 };
    refuse_calls(&r, (calls & CALLS_DEVICES ? 0 : O_ACCMODE) | O_CREAT | O_TRUNC);
    refuse_sockets(&r, (calls & CALLS_OUTSIDE) != 0);
    const struct sock_fprog program = { .len = r.n, .filter = r.at };
    return r.n < RULES_MAX &&
           syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &program) == 0;
}

#else
bool callfilter_set(unsigned calls)
{
    (void)calls;
    return false; /* the numbers of other machines' calls were not checked */
}
#endif
