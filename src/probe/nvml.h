/* nvml.h - as much of NVML as we use, found at run time, with prototypes of our own.
 *
 * From the documentation of NVML (docs.nvidia.com/deploy/nvml-api).  Every function may be missing and
 * is NULL then.  Process lists have three layouts under three names, and drivers have mixed them up
 * (some 535 drivers answer _v3 with the 32-byte one): nvml_processes finds out from what was written.
 */
#ifndef EOUL_PROBE_NVML_H
#define EOUL_PROBE_NVML_H

#include <stdint.h>
#include <stdbool.h>

#define NVML_OK 0
#define NVML_NOT_SUPPORTED 3
#define NVML_INSUFFICIENT_SIZE 7
#define NVML_GPU_IS_LOST 15
#define NVML_UNKNOWN_MEMORY UINT64_MAX /* "not available" in a process's memory */
#define NVML_EVENT_XID 8u

typedef struct nvml_device_opaque *nvml_device; /* opaque in NVML, too */
typedef struct nvml_events_opaque *nvml_events;

struct nvml_memory { unsigned long long total, free, used; };
struct nvml_utilization { unsigned gpu, memory; };
struct nvml_event {
    nvml_device device;
    unsigned long long type;
    unsigned long long data;
    unsigned gpu_instance;
    unsigned compute_instance;
};

/* X(result, field, symbol, arguments) */
#define NVML_LIST(X) \
    X(init, "nvmlInit_v2", (void)) \
    X(shutdown, "nvmlShutdown", (void)) \
    X(driver_version, "nvmlSystemGetDriverVersion", (char *, unsigned)) \
    X(count, "nvmlDeviceGetCount_v2", (unsigned *)) \
    X(by_index, "nvmlDeviceGetHandleByIndex_v2", (unsigned, nvml_device *)) \
    X(uuid, "nvmlDeviceGetUUID", (nvml_device, char *, unsigned)) \
    X(name, "nvmlDeviceGetName", (nvml_device, char *, unsigned)) \
    X(minor_number, "nvmlDeviceGetMinorNumber", (nvml_device, unsigned *)) \
    X(memory, "nvmlDeviceGetMemoryInfo", (nvml_device, struct nvml_memory *)) \
    X(power, "nvmlDeviceGetPowerUsage", (nvml_device, unsigned *)) \
    X(power_limit, "nvmlDeviceGetEnforcedPowerLimit", (nvml_device, unsigned *)) \
    X(energy, "nvmlDeviceGetTotalEnergyConsumption", (nvml_device, unsigned long long *)) \
    X(utilization, "nvmlDeviceGetUtilizationRates", (nvml_device, struct nvml_utilization *)) \
    X(mig_mode, "nvmlDeviceGetMigMode", (nvml_device, unsigned *, unsigned *)) \
    X(compute_v3, "nvmlDeviceGetComputeRunningProcesses_v3", (nvml_device, unsigned *, void *)) \
    X(compute_v2, "nvmlDeviceGetComputeRunningProcesses_v2", (nvml_device, unsigned *, void *)) \
    X(compute_v1, "nvmlDeviceGetComputeRunningProcesses", (nvml_device, unsigned *, void *)) \
    X(graphics_v3, "nvmlDeviceGetGraphicsRunningProcesses_v3", (nvml_device, unsigned *, void *)) \
    X(graphics_v2, "nvmlDeviceGetGraphicsRunningProcesses_v2", (nvml_device, unsigned *, void *)) \
    X(graphics_v1, "nvmlDeviceGetGraphicsRunningProcesses", (nvml_device, unsigned *, void *)) \
    X(events_create, "nvmlEventSetCreate", (nvml_events *)) \
    X(events_register, "nvmlDeviceRegisterEvents", \
      (nvml_device, unsigned long long, nvml_events)) \
    X(events_wait, "nvmlEventSetWait_v2", (nvml_events, struct nvml_event *, unsigned))

struct nvml {
    void *library;
#define X(field, symbol, arguments) int (*field) arguments;
    NVML_LIST(X)
#undef X
};

struct nvml_process {
    uint32_t pid;
    uint64_t memory; /* bytes, or NVML_UNKNOWN_MEMORY */
};

/* dlopen and look everything up: 0, or -1 with *ret_why (static or of the dynamic linker). */
int nvml_open(struct nvml *n, const char *path, const char **ret_why);

/* Processes of a device, compute and graphics, each pid once.  Number of them (at most max; *ret_more
 * then says if there were more), or -1: not to be had, or not to be believed. */
int nvml_processes(const struct nvml *n, nvml_device device, uint64_t memory_total,
                   struct nvml_process *ret, unsigned max, bool *ret_more);

#endif
