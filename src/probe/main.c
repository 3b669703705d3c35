/* main.c - eoul-probe: NVML and nothing else, in a process of its own.
 *
 * The driver's library may hang, crash or lie; whatever it does, it does it here.  Started by the
 * launcher; answers on stdout what is asked on stdin (probe.h) and ends with stdin.  Has no rights
 * beyond the user's, writes no file, opens no connection: once the library is loaded it shuts itself in (sandbox.h).  Two threads: one waits for Xid events (the
 * call blocks), one does the rest; records are shorter than PIPE_BUF, so they never mix.
 *
 * $EOUL_NVML names another library, for tests.  `eoul-probe --text` prints one round for people.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/io.h"
#include "base/str.h"
#include "probe/nvml.h"
#include "probe/probe.h"
#include "probe/sandbox.h"

_Static_assert(sizeof(struct probe_record) <= PIPE_BUF, "a record is written whole or not at all");

struct probe {
    struct nvml nvml;
    bool text;
    nvml_device devices[PROBE_GPUS_MAX];
    char uuids[PROBE_GPUS_MAX][96];
    unsigned device_n;
    nvml_events events;
};

static void say_text(const struct probe_record *r)
{
    if (r->kind == PROBE_HELLO)
        printf("state %u, %s\n", (unsigned)r->state, r->text);
    if (r->kind == PROBE_GPU)
        printf("gpu %u %s \"%s\" flags %u, memory %lld of %lld MiB, %lld of %lld mW, %lld mJ, "
               "busy %lld ppm, %u processes\n", (unsigned)r->gpu.index, r->gpu.uuid, r->gpu.name,
               (unsigned)r->gpu.flags, (long long)r->gpu.memory_used_mib,
               (long long)r->gpu.memory_total_mib, (long long)r->gpu.power_mw,
               (long long)r->gpu.power_limit_mw, (long long)r->gpu.energy_mj,
               (long long)r->gpu.busy_ppm, (unsigned)r->gpu.process_n);
    if (r->kind == PROBE_PROCESS)
        printf("  pid %d uid %u memory %lld MiB attempt \"%s\"\n", (int)r->process.pid,
               (unsigned)r->process.uid, (long long)r->process.memory_used_mib, r->process.attempt);
}

static void say(const struct probe *p, struct probe_record *r)
{
    r->magic = PROBE_MAGIC;
    r->version = PROBE_VERSION;
    if (p->text)
        say_text(r);
    else if (io_write_all(1, r, sizeof *r) < 0)
        exit(0); /* nobody listens any more */
}

/* --- processes -------------------------------------------------------------------------------- */

static int read_proc(int pid, const char *file, char *text, size_t size)
{
    char path[64];
    struct buf b;
    snprintf(path, sizeof path, "/proc/%d/%s", pid, file);
    buf_init_fixed(&b, text, size);
    int r = io_read_file(AT_FDCWD, path, &b);
    return r == E_TOO_LARGE ? 0 : r; /* as much as fits */
}

static uint32_t owner(int pid)
{
    char text[4096];
    if (read_proc(pid, "status", text, sizeof text) < 0)
        return UINT32_MAX;
    const char *line = strstr(text, "\nUid:\t");
    return line ? (uint32_t)strtoul(line + 6, NULL, 10) : UINT32_MAX;
}

/* cgroups of attempts are named eoul-<32 digits>; without one the environment has it. */
static void find_attempt(int pid, char ret[40])
{
    static char text[1 << 17];
    ret[0] = 0;
    if (read_proc(pid, "cgroup", text, sizeof text) == 0) {
        const char *at = strstr(text, "/eoul-");
        if (at && strspn(at + 6, "0123456789abcdef") == 32) {
            const char *hex = at + 6;
            snprintf(ret, 40, "%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8, hex + 12, hex + 16, hex + 20);
            return;
        }
    }
    memset(text, 0, sizeof text);
    if (read_proc(pid, "environ", text, sizeof text) < 0)
        return;
    for (const char *at = text; at < text + sizeof text - 64 && *at; at += strlen(at) + 1)
        if (strncmp(at, "EOUL_ATTEMPT=", 13) == 0 && strlen(at + 13) == 36)
            memcpy(ret, at + 13, 37);
}

static void say_process(const struct probe *p, const char *uuid, const struct nvml_process *seen)
{
    struct probe_record r = { .kind = PROBE_PROCESS };
    unsigned long long ticks = 0;
    memcpy(r.process.gpu_uuid, uuid, sizeof r.process.gpu_uuid);
    r.process.pid = (int32_t)seen->pid;
    r.process.uid = owner(r.process.pid);
    r.process.ticks = io_start_time(r.process.pid, &ticks) == 0 ? ticks : 0;
    r.process.memory_used_mib = seen->memory == NVML_UNKNOWN_MEMORY ? PROBE_UNKNOWN :
                                (int64_t)(seen->memory >> 20);
    find_attempt(r.process.pid, r.process.attempt);
    char command[64];
    if (read_proc(r.process.pid, "comm", command, sizeof command) == 0)
        snprintf(r.process.command, sizeof r.process.command, "%.*s", (int)strcspn(command, "\n"),
                 command);
    say(p, &r);
}

/* --- GPUs ------------------------------------------------------------------------------------- */

/* One number of a device; PROBE_UNKNOWN if it cannot be had.  A lost GPU says so in *flags. */
#define ASK(call, result, expression) \
    (probe_ok(call ? call(device, &(result)) : NVML_NOT_SUPPORTED, &g->flags) ? (int64_t)(expression) \
                                                                             : PROBE_UNKNOWN)

static bool probe_ok(int r, uint32_t *flags)
{
    if (r == NVML_GPU_IS_LOST)
        *flags |= PROBE_GPU_LOST;
    return r == NVML_OK;
}

static void say_gpu(struct probe *p, unsigned index)
{
    static struct nvml_process list[PROBE_PROCESSES_MAX];
    const struct nvml *n = &p->nvml;
    nvml_device device = p->devices[index];
    struct probe_record r = { .kind = PROBE_GPU };
    struct probe_gpu *g = &r.gpu;
    struct nvml_memory memory = { 0 };
    struct nvml_utilization busy;
    unsigned milliwatts, limit, mig = 0, pending, minor;
    unsigned long long millijoules;
    memcpy(g->uuid, p->uuids[index], sizeof g->uuid);
    g->index = index;
    if (!n->name || !probe_ok(n->name(device, g->name, sizeof g->name), &g->flags))
        g->name[0] = 0;
    g->minor1 = (uint32_t)(ASK(n->minor_number, minor, minor) + 1);
    g->memory_total_mib = ASK(n->memory, memory, memory.total >> 20);
    g->memory_used_mib = g->memory_total_mib < 0 ? PROBE_UNKNOWN : (int64_t)(memory.used >> 20);
    g->power_mw = ASK(n->power, milliwatts, milliwatts);
    g->power_limit_mw = ASK(n->power_limit, limit, limit);
    g->energy_mj = ASK(n->energy, millijoules, millijoules);
    g->busy_ppm = ASK(n->utilization, busy, busy.gpu * 10000);
    if (n->mig_mode && n->mig_mode(device, &mig, &pending) == NVML_OK && mig == 1)
        g->flags |= PROBE_GPU_MIG;
    bool more = false;
    int count = nvml_processes(n, device, memory.total, list, PROBE_PROCESSES_MAX, &more);
    g->flags |= (count < 0 ? PROBE_GPU_NO_PROCESSES : 0) | (more ? PROBE_GPU_MORE_PROCESSES : 0);
    g->process_n = count < 0 ? 0 : (uint32_t)count;
    say(p, &r);
    for (int i = 0; i < count; i++)
        say_process(p, g->uuid, &list[i]);
}

static void round_of(struct probe *p, uint64_t number)
{
    for (unsigned i = 0; i < p->device_n; i++)
        say_gpu(p, i);
    struct probe_record r = { .kind = PROBE_ROUND, .state = p->device_n, .value = number };
    say(p, &r);
}

/* --- Xid events ------------------------------------------------------------------------------- */

static void *wait_for_xids(void *data)
{
    struct probe *p = data;
    for (;;) {
        struct nvml_event event = { 0 };
        /* One minute at a time; any failure but a timeout (10) ends it: no events is not an error. */
        int r = p->nvml.events_wait(p->events, &event, 60000);
        if (r != NVML_OK && r != 10)
            return NULL;
        if (r != NVML_OK || event.type != NVML_EVENT_XID)
            continue;
        struct probe_record record = { .kind = PROBE_XID, .value = event.data };
        for (unsigned i = 0; i < p->device_n; i++)
            if (p->devices[i] == event.device)
                memcpy(record.gpu.uuid, p->uuids[i], sizeof record.gpu.uuid);
        say(p, &record);
    }
}

static void begin_xids(struct probe *p)
{
    const struct nvml *n = &p->nvml;
    pthread_t thread;
    if (p->text || !n->events_create || !n->events_register || !n->events_wait ||
        n->events_create(&p->events) != NVML_OK)
        return;
    bool any = false;
    for (unsigned i = 0; i < p->device_n; i++)
        any |= n->events_register(p->devices[i], NVML_EVENT_XID, p->events) == NVML_OK;
    if (any && pthread_create(&thread, NULL, wait_for_xids, p) == 0)
        pthread_detach(thread);
}

/* --- beginning and waiting -------------------------------------------------------------------- */

static void find_devices(struct probe *p)
{
    const struct nvml *n = &p->nvml;
    unsigned count = 0;
    if (n->count(&count) != NVML_OK)
        return;
    for (unsigned i = 0; i < count && p->device_n < PROBE_GPUS_MAX; i++) {
        unsigned at = p->device_n;
        /* A GPU that does not even say its name cannot be given to anybody. */
        if (n->by_index(i, &p->devices[at]) == NVML_OK &&
            n->uuid(p->devices[at], p->uuids[at], sizeof p->uuids[at]) == NVML_OK)
            p->device_n++;
    }
}

static void begin(struct probe *p)
{
    struct probe_record hello = { .kind = PROBE_HELLO };
    const char *named = getenv("EOUL_NVML"), *why;
    if (nvml_open(&p->nvml, named && named[0] ? named : "libnvidia-ml.so.1", &why) < 0) {
        hello.state = PROBE_NO_LIBRARY;
        snprintf(hello.text, sizeof hello.text, "%s", why);
    } else if (!p->nvml.init || !p->nvml.count || !p->nvml.by_index || !p->nvml.uuid) {
        hello.state = PROBE_NO_SYMBOL;
    } else {
        int r = p->nvml.init();
        hello.value = (uint64_t)r;
        hello.state = r == NVML_OK ? PROBE_READY : PROBE_NO_DRIVER;
        if (r == NVML_OK) {
            if (p->nvml.driver_version)
                (void)p->nvml.driver_version(hello.text, sizeof hello.text);
            find_devices(p);
        }
    }
    if (!p->text && sandbox_shut_in() < 0)
        _exit(1);
    say(p, &hello);
    begin_xids(p);
}

/* Answer until stdin ends.  Several asks at once: the last one counts. */
static void serve(struct probe *p)
{
    struct probe_ask ask = { 0 };
    usec_t next_boot_at = 0;
    for (;;) {
        usec_t left = ask.period_ms ? next_boot_at - io_boot_now() : 0;
        struct pollfd in = { .fd = 0, .events = POLLIN };
        int timeout = !ask.period_ms ? -1 : left <= 0 ? 0 : (int)(left / USEC_PER_MSEC) + 1;
        if (poll(&in, 1, timeout) < 0 && errno != EINTR)
            return;
        if (in.revents) {
            struct probe_ask got;
            ssize_t n = read(0, &got, sizeof got);
            if (n < 0 && errno == EINTR)
                continue;
            if (n != (ssize_t)sizeof got || got.magic != PROBE_MAGIC)
                return;
            ask = got;
        } else if (!ask.period_ms || io_boot_now() < next_boot_at) {
            continue;
        }
        next_boot_at = io_boot_now() + ask.period_ms * USEC_PER_MSEC;
        round_of(p, ask.number);
    }
}

int main(int argc, char **argv)
{
    static struct probe p;
    (void)signal(SIGPIPE, SIG_IGN);
    p.text = argc == 2 && strcmp(argv[1], "--text") == 0;
    if (argc > 1 && !p.text) {
        fprintf(stderr, "eoul-probe: \"%s\" is not understood; use --text to see the GPUs\n", argv[1]);
        return 2;
    }
    begin(&p);
    if (p.text)
        round_of(&p, 0);
    else
        serve(&p);
    fflush(stdout);
    _exit(0); /* a hanging event thread or library destructor must not keep us */
}
