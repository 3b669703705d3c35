/* fake_nvml.c - a libnvidia-ml.so.1 that plays a scenario, for machines without GPUs.
 *
 * Built several times: FAKE_VERSION 1, 2 or 3 decides which process calls exist, FAKE_BARE leaves out
 * everything a driver may lack.  The scenario is the file $EOUL_FAKE_NVML, a fact a line:
 *
 *   gpu UUID MEMORY_MIB NAME...      in the order of their indices
 *   power INDEX MW MW MW ...         a curve: one value a call, the last one stays
 *   energy INDEX MJ                  grows by the last power reading each call
 *   busy INDEX PERCENT
 *   mig INDEX
 *   minor INDEX N                    of /dev/nvidiaN; without it the index
 *   lost INDEX                       fell off the bus: every call about it says so
 *   process INDEX PID MEMORY_MIB     MEMORY_MIB -1: not available
 *   graphics INDEX PID MEMORY_MIB
 *   layout 16|24|32                  what a process entry looks like, whatever the call is named
 *   garbage                          process entries that make no sense at any layout
 *   xid INDEX NUMBER AFTER_MS
 *   init CODE                        what nvmlInit_v2 says
 *   hang CALL                        init, power or processes never comes back
 *   mischief PATH                    each time a name is asked for, it is what a library in wrong hands could do:
 *                                    an errno for each of exec, socket, make a file beside PATH, write PATH, read PATH,
 *                                    open a device, signal its parent (0: it could)
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#ifndef FAKE_VERSION
#define FAKE_VERSION 3
#endif

#define GPUS 16
#define POINTS 64
#define PROCESSES 64

struct process { int gpu; int pid; long memory_mib; int graphics; };

static struct gpu {
    char uuid[96];
    char name[96];
    unsigned long long memory_mib;
    unsigned power[POINTS];
    int power_n, power_at;
    unsigned long long energy;
    int has_energy, busy, mig, lost, minor;
} gpus[GPUS];
static struct process processes[PROCESSES];
static int gpu_n, process_n, layout, garbage, init_code, xid_gpu = -1;
static unsigned long long xid_number;
static long xid_after_ms;
static char hang[32], mischief[200];

int nvmlInit_v2(void);
int nvmlShutdown(void);
int nvmlDeviceGetCount_v2(unsigned *n);
int nvmlDeviceGetHandleByIndex_v2(unsigned i, void **device);
int nvmlDeviceGetUUID(void *device, char *text, unsigned size);
int nvmlDeviceGetName(void *device, char *text, unsigned size);
int nvmlSystemGetDriverVersion(char *text, unsigned size);
int nvmlDeviceGetMemoryInfo(void *device, unsigned long long out[3]);
int nvmlDeviceGetPowerUsage(void *device, unsigned *out);
int nvmlDeviceGetMinorNumber(void *device, unsigned *out);
int nvmlDeviceGetEnforcedPowerLimit(void *device, unsigned *out);
int nvmlDeviceGetTotalEnergyConsumption(void *device, unsigned long long *out);
int nvmlDeviceGetUtilizationRates(void *device, unsigned out[2]);
int nvmlDeviceGetMigMode(void *device, unsigned *now, unsigned *pending);
int nvmlEventSetCreate(void **set);
int nvmlDeviceRegisterEvents(void *device, unsigned long long types, void *set);
int nvmlEventSetWait_v2(void *set, void *event, unsigned timeout_ms);

static void hang_if(const char *call)
{
    while (strcmp(hang, call) == 0)
        pause();
}

static void read_line(const char *line)
{
    int i = 0, pid, used = 0;
    long mib;
    unsigned mw;
    char word[96];
    if (sscanf(line, "gpu %95s %ld %95[^\n]", word, &mib, gpus[gpu_n].name) == 3 && gpu_n < GPUS) {
        memcpy(gpus[gpu_n].uuid, word, sizeof word);
        gpus[gpu_n].memory_mib = (unsigned long long)mib;
        gpus[gpu_n++].busy = -1;
    } else if (sscanf(line, "power %d %n", &i, &used) == 1 && used) {
        for (const char *at = line + used; gpus[i].power_n < POINTS && sscanf(at, "%u %n", &mw, &used) == 1;
             at += used)
            gpus[i].power[gpus[i].power_n++] = mw;
    } else if (sscanf(line, "energy %d %ld", &i, &mib) == 2) {
        gpus[i].energy = (unsigned long long)mib;
        gpus[i].has_energy = 1;
    } else if (sscanf(line, "busy %d %d", &i, &pid) == 2) {
        gpus[i].busy = pid;
    } else if (sscanf(line, "mig %d", &i) == 1) {
        gpus[i].mig = 1;
    } else if (sscanf(line, "mischief %199s", mischief) == 1) {
        return;
    } else if (sscanf(line, "minor %d %d", &i, &pid) == 2) {
        gpus[i].minor = pid + 1;
    } else if (sscanf(line, "lost %d", &i) == 1) {
        gpus[i].lost = 1;
    } else if (sscanf(line, "process %d %d %ld", &i, &pid, &mib) == 3 && process_n < PROCESSES) {
        processes[process_n++] = (struct process){ i, pid, mib, 0 };
    } else if (sscanf(line, "graphics %d %d %ld", &i, &pid, &mib) == 3 && process_n < PROCESSES) {
        processes[process_n++] = (struct process){ i, pid, mib, 1 };
    } else if (sscanf(line, "layout %d", &layout) == 1) {
    } else if (strncmp(line, "garbage", 7) == 0) {
        garbage = 1;
    } else if (sscanf(line, "xid %d %llu %ld", &i, &xid_number, &xid_after_ms) == 3) {
        xid_gpu = i;
    } else if (sscanf(line, "init %d", &init_code) == 1) {
    } else if (sscanf(line, "hang %31s", hang) == 1) {
    } else if (line[0] != '\n' && line[0] != '#') {
        fprintf(stderr, "fake_nvml: not understood: %s", line);
        abort();
    }
}

int nvmlInit_v2(void)
{
    char line[512];
    const char *path = getenv("EOUL_FAKE_NVML");
    FILE *f = path ? fopen(path, "re") : NULL;
    layout = FAKE_VERSION == 1 ? 16 : 24;
    while (f && fgets(line, sizeof line, f))
        read_line(line);
    if (f)
        fclose(f);
    hang_if("init");
    return init_code;
}

int nvmlShutdown(void) { return 0; }

int nvmlDeviceGetCount_v2(unsigned *n)
{
    *n = (unsigned)gpu_n;
    return 0;
}

int nvmlDeviceGetHandleByIndex_v2(unsigned i, void **device)
{
    if (i >= (unsigned)gpu_n)
        return 2;
    *device = &gpus[i];
    return 0;
}

int nvmlDeviceGetUUID(void *device, char *text, unsigned size)
{
    snprintf(text, size, "%s", ((struct gpu *)device)->uuid);
    return 0;
}

static int lost(void *device) { return ((struct gpu *)device)->lost ? 15 : 0; }

/* --- what a driver may lack ------------------------------------------------------------------- */
#ifndef FAKE_BARE

static int error_of(long result) { return result < 0 ? errno : 0; }

static int opened(const char *path, int flags, int writes)
{
    int fd = open(path, flags | O_CLOEXEC, 0600), error = error_of(fd);
    if (fd >= 0 && writes)
        error = error_of(write(fd, "x", 1));
    if (fd >= 0)
        close(fd);
    return error;
}

static void do_mischief(char *text, unsigned size)
{
    char beside[256];
    snprintf(beside, sizeof beside, "%s.made", mischief);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0), sockets = error_of(fd);
    if (fd >= 0)
        close(fd);
    snprintf(text, size, "exec %d socket %d make %d write %d read %d device %d kill %d",
             error_of(execl("/bin/true", "true", "-x", (char *)NULL)), sockets,
             opened(beside, O_WRONLY | O_CREAT, 0), opened(mischief, O_WRONLY, 1), opened(mischief, O_RDONLY, 0),
             opened("/dev/null", O_RDWR, 1), error_of(kill(getppid(), 0)));
}

int nvmlDeviceGetName(void *device, char *text, unsigned size)
{
    if (mischief[0]) {
        do_mischief(text, size);
        return 0;
    }
    snprintf(text, size, "%s", ((struct gpu *)device)->name);
    return lost(device);
}

int nvmlSystemGetDriverVersion(char *text, unsigned size)
{
    snprintf(text, size, "fake 1.0");
    return 0;
}

int nvmlDeviceGetMemoryInfo(void *device, unsigned long long out[3])
{
    struct gpu *g = device;
    unsigned long long used = 0;
    for (int i = 0; i < process_n; i++)
        if (&gpus[processes[i].gpu] == g && processes[i].memory_mib > 0)
            used += (unsigned long long)processes[i].memory_mib;
    out[0] = g->memory_mib << 20;
    out[2] = used << 20;
    out[1] = out[0] - out[2];
    return lost(device);
}

int nvmlDeviceGetMinorNumber(void *device, unsigned *out)
{
    struct gpu *g = device;
    *out = (unsigned)(g->minor ? g->minor - 1 : g - gpus);
    return 0;
}

int nvmlDeviceGetPowerUsage(void *device, unsigned *out)
{
    struct gpu *g = device;
    hang_if("power");
    if (g->lost || g->power_n == 0)
        return g->lost ? 15 : 3;
    *out = g->power[g->power_at];
    g->power_at += g->power_at < g->power_n - 1;
    return 0;
}

int nvmlDeviceGetEnforcedPowerLimit(void *device, unsigned *out)
{
    *out = 700000;
    return lost(device);
}

int nvmlDeviceGetTotalEnergyConsumption(void *device, unsigned long long *out)
{
    struct gpu *g = device;
    if (g->lost || !g->has_energy)
        return g->lost ? 15 : 3;
    g->energy += g->power_n ? g->power[g->power_at] : 0;
    *out = g->energy;
    return 0;
}

int nvmlDeviceGetUtilizationRates(void *device, unsigned out[2])
{
    struct gpu *g = device;
    if (g->lost || g->busy < 0)
        return g->lost ? 15 : 3;
    out[0] = (unsigned)g->busy;
    out[1] = 0;
    return 0;
}

int nvmlDeviceGetMigMode(void *device, unsigned *now, unsigned *pending)
{
    *now = *pending = (unsigned)((struct gpu *)device)->mig;
    return 0;
}

/* --- Xid -------------------------------------------------------------------------------------- */
struct event { void *device; unsigned long long type, data; unsigned instance[2]; };

int nvmlEventSetCreate(void **set)
{
    *set = gpus;
    return 0;
}

int nvmlDeviceRegisterEvents(void *device, unsigned long long types, void *set)
{
    (void)device, (void)types, (void)set;
    return 0;
}

int nvmlEventSetWait_v2(void *set, void *event, unsigned timeout_ms)
{
    (void)set;
    long ms = xid_gpu >= 0 ? xid_after_ms : (long)timeout_ms;
    struct timespec t = { ms / 1000, ms % 1000 * 1000000 };
    nanosleep(&t, NULL);
    if (xid_gpu < 0)
        return 10;
    *(struct event *)event = (struct event){ &gpus[xid_gpu], 8, xid_number, { 0, 0 } };
    xid_gpu = -1;
    return 0;
}

/* --- process lists ---------------------------------------------------------------------------- */

static int list(void *device, unsigned *count, unsigned char *out, int graphics)
{
    unsigned n = 0;
    hang_if("processes");
    if (lost(device))
        return 15;
    for (int i = 0; i < process_n; i++) {
        if (&gpus[processes[i].gpu] != (struct gpu *)device || processes[i].graphics != graphics)
            continue;
        if (n == *count)
            return 7;
        unsigned char *at = out + (size_t)n++ * (size_t)layout;
        uint32_t pid = (uint32_t)processes[i].pid, none = garbage ? 123456789u : UINT32_MAX;
        uint64_t memory = processes[i].memory_mib < 0 ? UINT64_MAX :
                          (uint64_t)processes[i].memory_mib << 20, zero = 0;
        if (garbage)
            pid = 0xdeadbeef;
        memcpy(at, &pid, 4);
        memcpy(at + 8, &memory, 8);
        if (layout >= 24) {
            memcpy(at + 16, &none, 4);
            memcpy(at + 20, &none, 4);
        }
        if (layout == 32)
            memcpy(at + 24, &zero, 8);
    }
    *count = n;
    return 0;
}

#define CALLS(suffix) \
    int nvmlDeviceGetComputeRunningProcesses##suffix(void *device, unsigned *count, void *out); \
    int nvmlDeviceGetGraphicsRunningProcesses##suffix(void *device, unsigned *count, void *out); \
    int nvmlDeviceGetComputeRunningProcesses##suffix(void *device, unsigned *count, void *out) \
    { \
        return list(device, count, out, 0); \
    } \
    int nvmlDeviceGetGraphicsRunningProcesses##suffix(void *device, unsigned *count, void *out) \
    { \
        return list(device, count, out, 1); \
    }

CALLS()
#if FAKE_VERSION >= 2
CALLS(_v2)
#endif
#if FAKE_VERSION >= 3
CALLS(_v3)
#endif

#endif
