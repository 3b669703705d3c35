/* probe.h - what eoul-probe says about GPUs, and how the daemon asks.
 *
 * The probe is alone because the driver's library can hang for ever; the daemon gives a round a time
 * limit and kills the probe over it.  Both directions are fixed records on its stdin and stdout.  It
 * ends at the end of stdin.  All numbers may be missing: PROBE_UNKNOWN then, never a guess.
 *
 * A round is: one PROBE_GPU for each GPU, one PROBE_PROCESS for each process on it, PROBE_ROUND.
 * PROBE_XID may come between.  First of all comes PROBE_HELLO, which says whether there is a library.
 */
#ifndef EOUL_PROBE_PROBE_H
#define EOUL_PROBE_PROBE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define PROBE_MAGIC   0x62726f65u
#define PROBE_VERSION 1u
#define PROBE_UNKNOWN (-1)
#define PROBE_GPUS_MAX 64u
#define PROBE_PROCESSES_MAX 512u /* on one GPU; more are counted, not listed */

enum probe_kind { PROBE_HELLO = 1, PROBE_GPU, PROBE_PROCESS, PROBE_XID, PROBE_ROUND };

/* Why there are no GPUs. */
enum probe_state {
    PROBE_READY,
    PROBE_NO_LIBRARY, /* libnvidia-ml.so.1 is not here: no NVIDIA GPUs, nothing wrong */
    PROBE_NO_DRIVER,  /* the library is here, the driver does not answer: worth telling somebody */
    PROBE_NO_SYMBOL,  /* a library without what we cannot do without */
};

#define PROBE_GPU_LOST 1u           /* fell off the bus (Xid 79); only uuid and index are right */
#define PROBE_GPU_MIG 2u            /* MIG is on: its slices are the slots */
#define PROBE_GPU_NO_PROCESSES 4u   /* the process list cannot be had or cannot be believed */
#define PROBE_GPU_MORE_PROCESSES 8u /* more than PROBE_PROCESSES_MAX */

struct probe_gpu {
    char uuid[96];
    char name[96];
    uint32_t index;
    uint32_t flags; /* PROBE_GPU_* */
    int64_t memory_total_mib;
    int64_t memory_used_mib;
    int64_t power_mw;
    int64_t power_limit_mw;
    int64_t energy_mj;  /* since the driver was loaded */
    int64_t busy_ppm;   /* utilisation in millionths */
    uint32_t process_n;
    uint32_t minor1; /* N + 1 of /dev/nvidiaN; 0: not known */
};

struct probe_process {
    char gpu_uuid[96];
    int32_t pid;
    uint32_t uid;        /* UINT32_MAX: not to be seen from here */
    uint64_t ticks;      /* start time: with pid and boot id its name for ever; 0: gone already */
    int64_t memory_used_mib;
    char attempt[40];    /* uuid of the attempt it belongs to, from its cgroup or environment */
    char command[16];    /* foreign text: sanitize before showing */
};

struct probe_record {
    uint32_t magic;
    uint32_t version;
    uint32_t kind;  /* enum probe_kind */
    uint32_t state; /* HELLO: enum probe_state; ROUND: number of GPUs */
    uint64_t value; /* XID: its number; ROUND: the number asked with; HELLO: NVML's return code */
    union {
        struct probe_gpu gpu; /* XID: uuid of the GPU only */
        struct probe_process process;
        char text[256]; /* HELLO: driver version, or the dynamic linker's reason */
    };
};

struct probe_ask {
    uint32_t magic;
    uint32_t period_ms; /* 0: once; else again and again until the next ask */
    uint64_t number;    /* comes back in PROBE_ROUND */
};

/* --- the daemon's side ------------------------------------------------------------------------ */
struct probe_reader { /* zeroed to begin with */
    size_t len;
    char bytes[sizeof(struct probe_record)];
};

/* Read one record without blocking (the descriptor must be O_NONBLOCK): 1 a record, 0 nothing yet,
 * E_UNAVAILABLE at the end of file, E_CORRUPT for what is none, other negative E_*. */
int probe_read(struct probe_reader *r, int fd, struct probe_record *ret);
int probe_ask(int fd, uint32_t period_ms, uint64_t number);

#endif
