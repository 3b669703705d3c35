/* guard.c - see guard.h. */
#include "supervisor/guard.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/err.h"
#include "base/io.h"

#define NVIDIA_MAJOR 195
#define NVIDIA_OWN_FROM 254 /* nvidia-modeset and nvidiactl: not GPUs */
#define MINORS 254
#define CODE_MAX (MINORS + 12)

/* One file of a cgroup; never made, never cut short: a cgroup's files are there or not. */
static int put(int dir_fd, const char *file, const char *text)
{
    int fd = openat(dir_fd, file, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return io_from_errno(errno);
    ssize_t n = write(fd, text, strlen(text));
    int error = n < 0 ? errno : n == (ssize_t)strlen(text) ? 0 : EIO;
    io_close(&fd);
    errno = error;
    return error ? io_from_errno(error) : 0;
}

static int put_u64(int dir_fd, const char *file, uint64_t value)
{
    char text[24];
    snprintf(text, sizeof text, "%llu", (unsigned long long)value);
    return put(dir_fd, file, text);
}

static const struct {
    uint32_t guard;
    const char *switch_on;
} controllers_of[] = { { GUARD_MEMORY, "+memory" }, { GUARD_PIDS, "+pids" }, { GUARD_CPU, "+cpu" } };
#define CONTROLLERS_N (sizeof controllers_of / sizeof controllers_of[0])

int guard_delegate(int dir_fd, uint32_t guards)
{
    int r = 0;
    for (size_t i = 0; i < CONTROLLERS_N && r == 0; i++)
        if (guards & controllers_of[i].guard)
            r = put(dir_fd, "cgroup.subtree_control", controllers_of[i].switch_on);
    return r;
}

int guard_limit(int dir_fd, const struct guard_bounds *b, uint32_t guards)
{
    int r = 0;
    if ((guards & GUARD_MEMORY) && b->mem_bytes) {
        r = put_u64(dir_fd, "memory.max", b->mem_bytes);
        if (r == 0)
            r = put(dir_fd, "memory.oom.group", "1");
        if (r == 0 && (r = put(dir_fd, "memory.swap.max", "0")) == E_NOT_FOUND)
            r = 0; /* a kernel that counts no swap */
    }
    if (r == 0 && (guards & GUARD_PIDS) && b->pids_max)
        r = put_u64(dir_fd, "pids.max", b->pids_max);
    if (r == 0 && (guards & GUARD_CPU) && b->cpu_weight)
        r = put_u64(dir_fd, "cpu.weight", b->cpu_weight);
    return r;
}

/* --- the device filter ---------------------------------------------------------------------------- */

struct program {
    struct bpf_insn code[CODE_MAX];
    unsigned n;
};

static void add(struct program *p, uint8_t code, unsigned to, unsigned from, int16_t ahead, int32_t value)
{
    struct bpf_insn *i = &p->code[p->n++];
    *i = (struct bpf_insn){ .code = code, .off = ahead, .imm = value };
    i->dst_reg = to & 15u;
    i->src_reg = from & 15u;
}

/* r1 is struct bpf_cgroup_dev_ctx; r0 is the answer: 1 it may, 0 EPERM.  Jumps count instructions ahead. */
static void make_program(struct program *p, const struct guard_bounds *b)
{
    enum { LOAD = BPF_LDX | BPF_MEM | BPF_W, MOVE = BPF_ALU64 | BPF_MOV | BPF_K, SAME = BPF_JMP | BPF_JEQ | BPF_K,
           OTHER = BPF_JMP | BPF_JNE | BPF_K, FROM = BPF_JMP | BPF_JGE | BPF_K, EXIT = BPF_JMP | BPF_EXIT };
    int16_t gpus = 0;
    for (unsigned i = 0; i < MINORS; i++)
        gpus = (int16_t)(gpus + (b->minors[i / 8] >> i % 8 & 1));
    p->n = 0;
    add(p, LOAD, BPF_REG_2, BPF_REG_1, offsetof(struct bpf_cgroup_dev_ctx, access_type), 0);
    add(p, BPF_ALU | BPF_AND | BPF_K, BPF_REG_2, 0, 0, 0xffff); /* the upper half is read, write, mknod */
    add(p, LOAD, BPF_REG_3, BPF_REG_1, offsetof(struct bpf_cgroup_dev_ctx, major), 0);
    add(p, LOAD, BPF_REG_4, BPF_REG_1, offsetof(struct bpf_cgroup_dev_ctx, minor), 0);
    int16_t to_may = (int16_t)(gpus + 4); /* from behind the next one */
    add(p, OTHER, BPF_REG_2, 0, to_may, BPF_DEVCG_DEV_CHAR);
    add(p, OTHER, BPF_REG_3, 0, (int16_t)(to_may - 1), NVIDIA_MAJOR);
    add(p, FROM, BPF_REG_4, 0, (int16_t)(to_may - 2), NVIDIA_OWN_FROM);
    for (unsigned i = 0; i < MINORS; i++)
        if (b->minors[i / 8] >> i % 8 & 1)
            add(p, SAME, BPF_REG_4, 0, (int16_t)(1 + gpus--), (int32_t)i);
    add(p, MOVE, BPF_REG_0, 0, 0, 0);
    add(p, EXIT, 0, 0, 0, 0);
    add(p, MOVE, BPF_REG_0, 0, 0, 1);
    add(p, EXIT, 0, 0, 0, 0);
}

static int bpf(int command, union bpf_attr *attr)
{
    return (int)syscall(SYS_bpf, command, attr, sizeof *attr);
}

int guard_devices(int dir_fd, const struct guard_bounds *b, uint32_t guards)
{
    struct program p;
    union bpf_attr attr;
    if (!(guards & GUARD_GPUS) || !b->gpus_known)
        return 0;
    make_program(&p, b);
    memset(&attr, 0, sizeof attr);
    attr.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE;
    attr.insns = (uintptr_t)p.code;
    attr.insn_cnt = p.n;
    attr.license = (uintptr_t)"Apache-2.0";
    int fd = bpf(BPF_PROG_LOAD, &attr);
    if (fd < 0)
        return io_from_errno(errno);
    memset(&attr, 0, sizeof attr);
    attr.target_fd = (uint32_t)dir_fd;
    attr.attach_bpf_fd = (uint32_t)fd;
    attr.attach_type = BPF_CGROUP_DEVICE;
    attr.attach_flags = BPF_F_ALLOW_MULTI; /* beside systemd's: what one refuses is refused */
    int error = bpf(BPF_PROG_ATTACH, &attr) < 0 ? errno : 0;
    io_close(&fd); /* the cgroup keeps it, and loses it when it is removed */
    errno = error;
    return error ? io_from_errno(error) : 0;
}

uint32_t guard_begin(int place_fd, int trial_fd, int controllers)
{
    const struct guard_bounds none = { .gpus_known = 1 };
    uint32_t guards = GUARD_TREE | (guard_devices(trial_fd, &none, GUARD_GPUS) == 0 ? GUARD_GPUS : 0u);
    for (size_t i = 0; controllers && i < CONTROLLERS_N; i++)
        if (put(place_fd, "cgroup.subtree_control", controllers_of[i].switch_on) == 0)
            guards |= controllers_of[i].guard;
    return guards;
}
