/* guard.h - what the kernel keeps an attempt to, through its cgroup: memory, number of processes, a share of the
 * CPUs, and which NVIDIA GPUs it can open.
 *
 * Each of these depends on what this process may do, so each is tried out once (guard_begin) and its bit is told to
 * the daemon, which says plainly what does not hold.  What was found to work and then fails for an attempt is an error:
 * nothing is started without the guards that were promised.
 *
 * Memory is a hard limit without swap, and a job that runs over it is killed as a whole: half a job is no use.  CPUs are
 * a weight, not a cap: whoever asked for one and finds the others idle may use them.
 *
 * GPUs: a BPF program at the cgroup (BPF_PROG_TYPE_CGROUP_DEVICE) refuses to open NVIDIA's character devices
 * (major 195, documented in the kernel's devices.txt) but those with the minors given, and 254 and above, which are the
 * driver's own nodes (nvidia-modeset, nvidiactl).  nvidia-uvm and everything that is no NVIDIA GPU is left to
 * the files' rights, as without it.  MIG instances (/dev/nvidia-caps) and GPUs of other makers are not told apart.
 */
#ifndef EOUL_SUPERVISOR_GUARD_H
#define EOUL_SUPERVISOR_GUARD_H

#include <stdint.h>

/* X(code, bit, word) */
#define GUARD_LIST(X) \
    X(GUARD_TREE, 1u, "tree")     /* its processes are found and ended together */ \
    X(GUARD_MEMORY, 2u, "memory") /* memory.max, memory.swap.max, memory.oom.group */ \
    X(GUARD_PIDS, 4u, "pids")     /* pids.max */ \
    X(GUARD_CPU, 8u, "cpu")       /* cpu.weight */ \
    X(GUARD_GPUS, 16u, "gpus")    /* the device filter */
enum guard {
#define X(code, bit, word) code = bit,
    GUARD_LIST(X)
#undef X
};

struct guard_bounds { /* a part of struct launcher_order: fixed in size */
    uint64_t mem_bytes;  /* 0: no limit */
    uint32_t pids_max;   /* 0: no limit */
    uint32_t cpu_weight; /* 1 .. 10000; 0: as it is */
    uint32_t gpus_known; /* 1: of NVIDIA's GPUs only those in `minors`; 0: no filter */
    uint32_t reserved;
    uint8_t minors[32];  /* a bit for each minor number */
};

/* Which GUARD_* can be kept below this directory: tries a device filter at `trial_fd`, a cgroup in it without processes,
 * and, if `controllers`, switches on in `place_fd` what there is. */
uint32_t guard_begin(int place_fd, int trial_fd, int controllers);
int guard_delegate(int dir_fd, uint32_t guards); /* the same for the cgroups in this one */
/* 0, or a negative E_* with errno. */
int guard_limit(int dir_fd, const struct guard_bounds *b, uint32_t guards);
int guard_devices(int dir_fd, const struct guard_bounds *b, uint32_t guards);

#endif
