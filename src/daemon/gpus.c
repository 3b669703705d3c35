/* gpus.c - which GPUs this machine has, under which numbers, and whether somebody else is on them.
 *
 * A GPU's number is given once to its UUID and kept in the store: the journal speaks of numbers.  A
 * GPU that is not there now stays in the table and is told to the core as gone.  Declared GPUs
 * (`gpus: 4`) are called declared-0...: their lock files are shared by all users of the machine
 * who declare them.
 *
 * A GPU whose lock is held outside is foreign until the lock is free.  Nobody tells when a lock is
 * let go, but closing its file is seen by inotify; a slow look besides catches the holder that
 * unlocks without closing.
 */
#include <assert.h>
#include <errno.h>
#include <pwd.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "base/io.h"
#include "daemon/internal.h"
#include "engine/gpulock.h"

#define LOOK_US        (30 * USEC_PER_SEC) /* at a foreign lock nobody closed */
#define LOOK_SOON_US   (100 * USEC_PER_MSEC) /* after a close: its supervisor may just be starting */

/* --- the table ------------------------------------------------------------------------------------- */

static void copy(char *to, size_t size, struct str s)
{
    struct buf out;
    buf_init_fixed(&out, to, size);
    buf_str(&out, str_slice(s, 0, size - 1));
}

static int known_row(const struct store_gpu *row, void *data)
{
    struct daemon *d = data;
    if (row->no >= CORE_GPUS_MAX || row->type == 0 || row->type > sizeof d->types / sizeof d->types[0])
        return E_CORRUPT;
    struct gpu *g = &d->gpus[row->no];
    copy(g->uuid, sizeof g->uuid, row->uuid);
    copy(g->model, sizeof g->model, row->model);
    copy(d->types[row->type - 1], sizeof d->types[0], row->model);
    g->type = row->type;
    g->drained = row->drained;
    g->present = false;
    d->gpus_n = d->gpus_n > row->no + 1 ? d->gpus_n : row->no + 1;
    d->types_n = d->types_n > row->type ? d->types_n : row->type;
    return 0;
}

int gpus_load(struct daemon *d, struct err *err)
{
    d->gpus_n = d->types_n = 0;
    int code = store_gpus_each(d->store, known_row, d);
    return code < 0 ? err_set(err, code, "the table of GPUs cannot be read: %s",
                              store_last_error(d->store)) : 0;
}

static uint32_t type_of_model(struct daemon *d, const char *model)
{
    for (uint32_t i = 0; i < d->types_n; i++)
        if (strcmp(d->types[i], model) == 0)
            return i + 1;
    if (d->types_n == sizeof d->types / sizeof d->types[0])
        return d->types_n; /* more models than the core tells apart: like the last one */
    copy(d->types[d->types_n], sizeof d->types[0], str_of(model));
    return ++d->types_n;
}

uint32_t gpus_type_named(const struct daemon *d, struct str name)
{
    for (uint32_t i = 0; i < d->types_n; i++)
        if (str_is_nocase(name, d->types[i]))
            return i + 1;
    uint32_t found = 0; /* "h100" for "NVIDIA H100 80GB HBM3", if only one model has it */
    for (uint32_t i = 0; i < d->types_n; i++) {
        struct str model = str_of(d->types[i]);
        for (size_t at = 0; at + name.len <= model.len; at++) {
            char word[96];
            copy(word, sizeof word, str_slice(model, at, at + name.len));
            if (str_is_nocase(name, word)) {
                if (found)
                    return 0;
                found = i + 1;
                break;
            }
        }
    }
    return found;
}

/* A GPU that is there now: its old number, or a new one. */
static int present(struct daemon *d, const char *uuid, const char *model, uint32_t index, uint32_t minor1,
                   int64_t watts_mw)
{
    struct gpu *g = NULL;
    for (uint32_t i = 0; i < d->gpus_n && !g; i++)
        if (strcmp(d->gpus[i].uuid, uuid) == 0)
            g = &d->gpus[i];
    bool is_new = !g;
    if (is_new) {
        if (d->gpus_n == CORE_GPUS_MAX)
            return 0; /* said by the caller once, as a note */
        g = &d->gpus[d->gpus_n++];
        *g = (struct gpu){ 0 };
        copy(g->uuid, sizeof g->uuid, str_of(uuid));
    }
    if (is_new || strcmp(g->model, model) != 0) {
        copy(g->model, sizeof g->model, str_of(model));
        g->type = type_of_model(d, model);
        struct store_gpu row = { .no = (uint32_t)(g - d->gpus), .type = g->type,
                                 .drained = g->drained, .uuid = str_of(g->uuid),
                                 .model = str_of(g->model) };
        int code = store_gpu_put(d->store, &row);
        if (code < 0)
            return code;
    }
    g->present = true;
    g->index = index;
    g->minor1 = minor1;
    g->watts_mw = watts_mw;
    g->memory_mib = g->memory_used_mib = g->power_mw = g->utilisation = -1;
    return 0;
}

static int detected_or_declared(struct daemon *d)
{
    const struct config *c = d->config;
    uint32_t index = 0;
    if (!c->gpus_given && look_begin(d) == 0) {
        d->gpu_source = "nvml";
        return look_each(d, present);
    }
    d->gpu_source = c->gpus_n ? "declared" : "none";
    for (uint32_t k = 0; k < (c->gpu_groups ? c->gpu_groups : 1u); k++) {
        const struct config_gpu *group = c->gpu_groups ? &c->gpus[k] : NULL;
        uint32_t count = group ? (group->count ? group->count : 1) : c->gpus_n;
        for (uint32_t i = 0; i < count; i++, index++) {
            char uuid[32];
            struct buf name;
            buf_init_fixed(&name, uuid, sizeof uuid);
            buf_c(&name, "declared-");
            buf_u64(&name, index);
            int code = present(d, uuid, group && group->model ? group->model : "GPU", index, 0,
                               group ? (int64_t)group->watts * 1000 : 0);
            if (code < 0)
                return code;
        }
    }
    return 0;
}

/* --- telling the core --------------------------------------------------------------------------------- */

static enum gpu_state state_of(const struct gpu *g)
{
    if (!g->present)
        return GPU_GONE;
    if (g->drained)
        return GPU_DRAINED;
    return g->foreign || g->seen_foreign ? GPU_FOREIGN : GPU_UP;
}

static int tell(struct daemon *d, uint32_t no, bool free_quarantine, struct err *err)
{
    struct gpu *g = &d->gpus[no];
    struct core_gpu now;
    enum gpu_state state = state_of(g);
    bool known = core_gpu_get(d->core, no, &now);
    if (known && now.state == GPU_QUARANTINED && !free_quarantine && state != GPU_GONE)
        return 0;
    if (known && now.state == state && now.type == g->type && now.watts_mw == g->watts_mw)
        return 0;
    struct core_event ev = { .kind = EVENT_GPU };
    ev.gpu = (struct ev_gpu){ .gpu = no, .type = g->type, .state = state, .watts_mw = g->watts_mw };
    return daemon_event(d, &ev, err);
}

int gpus_changed(struct daemon *d, uint32_t no, struct err *err) { return tell(d, no, true, err); }

int gpus_drain(struct daemon *d, uint32_t no, bool drained, struct err *err)
{
    struct gpu *g = &d->gpus[no];
    bool before = g->drained;
    g->drained = drained;
    int code = tell(d, no, false, err);
    if (code < 0) {
        g->drained = before;
        return code;
    }
    struct store_gpu row = { .no = no, .type = g->type, .drained = drained, .uuid = str_of(g->uuid),
                             .model = str_of(g->model) };
    code = store_gpu_put(d->store, &row);
    if (code < 0)
        d->broken = err_set(err, code, "The change could not be written down.");
    return code;
}

static int machine(struct daemon *d, struct err *err)
{
    struct engine_capacity has = { 0 };
    cpu_set_t set;
    if (d->engine)
        engine_capacity(d->engine, &has);
    if (!has.cpus)
        has.cpus = sched_getaffinity(0, sizeof set, &set) == 0 ? (uint32_t)CPU_COUNT(&set) : 1;
    d->cpus = d->config->cpus ? d->config->cpus : has.cpus;
    d->mem_mib = d->config->mem_mib ? d->config->mem_mib : has.mem_mib;
    struct core_counts now = core_count(d->core);
    if (now.cpus_n == d->cpus && now.mem_mib == d->mem_mib)
        return 0;
    struct core_event ev = { .kind = EVENT_MACHINE };
    ev.machine = (struct ev_machine){ .cpus = d->cpus, .mem_mib = d->mem_mib };
    return daemon_event(d, &ev, err);
}

int gpus_tell_settings(struct daemon *d, struct err *err)
{
    int code = week_turn(d, err); /* the journal's first event */
    return code < 0 ? code : machine(d, err);
}

int gpus_tell(struct daemon *d, struct err *err)
{
    int code = gpus_tell_settings(d, err);
    if (code == 0)
        code = detected_or_declared(d);
    for (uint32_t i = 0; i < d->gpus_n && code == 0; i++)
        code = tell(d, i, false, err);
    return code;
}

/* --- foreign holders ------------------------------------------------------------------------------------ */

static void look_again(struct daemon *d, usec_t after_us);

static void name_holder(struct gpu *g, uid_t uid)
{
    struct passwd entry, *found = NULL;
    char memory[4096];
    g->foreign_uid = uid;
    bool named = getpwuid_r(uid, &entry, memory, sizeof memory, &found) == 0 && found;
    copy(g->foreign_name, sizeof g->foreign_name, str_of(named ? entry.pw_name : ""));
}

/* In a turn, after a start that found the lock taken. */
void gpus_busy(struct daemon *d, const char *uuid)
{
    struct err err = { 0 };
    for (uint32_t i = 0; i < d->gpus_n; i++) {
        if (strcmp(d->gpus[i].uuid, uuid) != 0)
            continue;
        struct gpu *g = &d->gpus[i];
        struct gpulock_holder h = { .uid = (uid_t)-1 };
        if (g->seen_before_start) {
            g->seen_foreign = true;
            name_holder(g, g->seen_uid);
        } else {
            gpulock_look(d->lock_dir_fd, uuid, &h);
            g->foreign = true;
            name_holder(g, h.uid);
            look_again(d, LOOK_US);
        }
        tell(d, i, false, &err);
    }
}

/* In a turn, when it was time to look. */
int gpus_look(struct daemon *d, struct err *err)
{
    bool still = false;
    d->look_due = false;
    for (uint32_t i = 0; i < d->gpus_n; i++) {
        struct gpu *g = &d->gpus[i];
        struct gpulock_holder h = { .uid = (uid_t)-1 };
        if (g->foreign)
            still |= g->foreign = gpulock_look(d->lock_dir_fd, g->uuid, &h) > 0;
        if (g->foreign || g->seen_foreign)
            name_holder(g, g->foreign ? h.uid : g->seen_uid);
        int code = tell(d, i, false, err);
        if (code < 0)
            return code;
    }
    if (still)
        look_again(d, LOOK_US);
    return 0;
}

static void look_fired(struct loop_timer *t, void *data)
{
    (void)t;
    ((struct daemon *)data)->look_due = true;
}

static void look_again(struct daemon *d, usec_t after_us)
{
    loop_timer_set(d->loop, &d->look, loop_now(d->loop).boot_at + after_us, look_fired, d);
}

static void closed(struct loop_watch *w, uint32_t events, void *data)
{
    char memory[4096] __attribute__((aligned(8)));
    struct daemon *d = data;
    bool any = false;
    (void)events;
    while (read(w->fd, memory, sizeof memory) > 0)
        any = true;
    for (uint32_t i = 0; i < d->gpus_n && any; i++)
        if (d->gpus[i].foreign) {
            look_again(d, LOOK_SOON_US);
            break;
        }
}

void gpus_watch(struct daemon *d)
{
    d->lock_dir_fd = gpulock_directory();
    d->lock_fd_watch.fd = -1;
    if (d->lock_dir_fd < 0)
        return;
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", d->lock_dir_fd);
    ssize_t n = readlink(link, d->lock_dir, sizeof d->lock_dir - 1);
    d->lock_dir[n > 0 ? n : 0] = '\0';
    int fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (fd < 0)
        return;
    if (inotify_add_watch(fd, link, IN_CLOSE) < 0 ||
        loop_watch_add(d->loop, &d->lock_fd_watch, fd, LOOP_READ, closed, d) < 0)
        io_close(&fd);
}

void gpus_finish(struct daemon *d)
{
    int fd = d->lock_fd_watch.loop ? d->lock_fd_watch.fd : -1;
    loop_watch_remove(&d->lock_fd_watch);
    io_close(&fd);
    io_close(&d->lock_dir_fd);
}

/* --- looking ---------------------------------------------------------------------------------------------- */

uint32_t daemon_gpus_n(const struct daemon *d) { return d->gpus_n; }

const char *daemon_gpu_model(const struct daemon *d, uint32_t type)
{
    return type >= 1 && type <= d->types_n ? d->types[type - 1] : "";
}

bool daemon_gpu_get(const struct daemon *d, uint32_t no, struct daemon_gpu *ret)
{
    if (no >= d->gpus_n)
        return false;
    const struct gpu *g = &d->gpus[no];
    *ret = (struct daemon_gpu){
        .uuid = g->uuid, .model = g->model, .drained = g->drained, .gone = !g->present,
        .foreign_uid = g->foreign_uid, .foreign = g->foreign || g->seen_foreign,
        .foreign_name = (g->foreign || g->seen_foreign) && g->foreign_name[0] ? g->foreign_name : NULL,
        .memory_mib = g->memory_mib, .memory_used_mib = g->memory_used_mib,
        .power_mw = g->power_mw, .utilisation = g->utilisation,
    };
    return true;
}
