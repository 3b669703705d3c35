/* stall.c - see stall.h. */
#include "daemon/stall.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "engine/attempt.h"

#define STAT_MAX      1024u
#define PROCESSES_MAX 4096u /* of the machine: bounds what a look costs; with more nobody knows */

void stall_step(struct stall *s, uint32_t done_ppm, usec_t boot_at)
{
    if (s->steps && s->done_ppm == done_ppm)
        return;
    if (s->steps && boot_at - s->step_boot_at > s->longest_us)
        s->longest_us = boot_at - s->step_boot_at;
    s->done_ppm = done_ppm;
    s->steps++;
    s->step_boot_at = boot_at;
    s->cpu_boot_at = s->idle_boot_at = 0;
}

usec_t stall_overdue_at(const struct stall *s, usec_t least_us)
{
    return s->step_boot_at + usec_max(least_us, s->longest_us * STALL_FOLD);
}

bool stall_overdue(const struct stall *s, usec_t least_us, usec_t boot_at)
{
    return s->steps >= STALL_STEPS && boot_at >= stall_overdue_at(s, least_us);
}

bool stall_hangs(struct stall *s, int64_t cpu_us, bool gpus_idle, usec_t idle_us, usec_t boot_at)
{
    usec_t since_us = boot_at - s->cpu_boot_at;
    int64_t used_us = cpu_us - s->cpu_us;
    bool measured = cpu_us >= 0 && s->cpu_boot_at > 0 && since_us > 0;
    bool idle = gpus_idle && measured && used_us >= 0 &&
                used_us <= (int64_t)((__int128)since_us * STALL_CPU_PPM / 1000000);
    if (!idle)
        s->idle_boot_at = 0;
    else if (!s->idle_boot_at)
        s->idle_boot_at = s->cpu_boot_at;
    s->cpu_us = cpu_us;
    s->cpu_boot_at = cpu_us >= 0 ? boot_at : 0;
    return idle && boot_at - s->idle_boot_at >= idle_us;
}

/* --- what its processes used ----------------------------------------------------------------------- */

/* usage_usec of cpu.stat, there in every cgroup of the second kind. */
static int64_t cgroup_cpu(const char *cgroup)
{
    char path[512];
    struct buf text;
    struct str rest, line;
    uint64_t used;
    int64_t ret = -1;
    if ((size_t)snprintf(path, sizeof path, "%s/cpu.stat", cgroup) >= sizeof path)
        return -1;
    buf_init(&text, 65536);
    if (io_read_file(AT_FDCWD, path, &text) == 0) {
        rest = buf_look(&text);
        while (ret < 0 && str_next(&rest, '\n', &line))
            if (str_starts(line, "usage_usec ") &&
                str_u64(str_slice(line, strlen("usage_usec "), line.len), &used) == 0 && used <= INT64_MAX)
                ret = (int64_t)used;
    }
    buf_finish(&text);
    return ret;
}

struct process {
    int32_t pid, parent;
    bool ours;
    int64_t ticks;
};

/* Parent, and CPU ticks of itself and of children that it has waited for.  The name may hold anything but
 * comes to an end with the last ')'. */
static bool read_process(int proc_fd, const char *name, struct process *p)
{
    char path[64], text[STAT_MAX];
    unsigned long user, system;
    long waited_user, waited_system;
    snprintf(path, sizeof path, "%.32s/stat", name);
    int fd = openat(proc_fd, path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
    io_close(&fd);
    if (n <= 0)
        return false;
    text[n] = '\0';
    const char *behind = strrchr(text, ')');
    if (!behind || sscanf(behind + 1, " %*c %d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu %ld %ld",
                          &p->parent, &user, &system, &waited_user, &waited_system) != 5)
        return false;
    p->pid = (int32_t)strtol(name, NULL, 10);
    p->ticks = (int64_t)(user + system) + waited_user + waited_system;
    return true;
}

/* Everything below the supervisor, which is the subreaper of all it started, and what it has reaped. */
static int64_t tree_cpu(int32_t supervisor)
{
    struct process *all = NULL;
    size_t n = 0, size = 0;
    int64_t ticks = 0;
    long hertz = sysconf(_SC_CLK_TCK);
    DIR *proc = opendir("/proc");
    bool found = false, more = true, whole = proc != NULL;
    for (struct dirent *e; whole && (e = readdir(proc));) {
        if (e->d_name[0] < '1' || e->d_name[0] > '9')
            continue;
        if (n == size) {
            size_t wanted = size ? 2 * size : 256;
            struct process *larger = realloc(all, wanted * sizeof *all);
            whole = larger && n < PROCESSES_MAX;
            all = larger ? larger : all;
            size = larger ? wanted : size;
        }
        if (!whole)
            break;
        all[n] = (struct process){ 0 };
        n += read_process(dirfd(proc), e->d_name, &all[n]);
    }
    for (size_t i = 0; i < n; i++)
        found |= all[i].ours = all[i].pid == supervisor;
    while (found && more) { /* as often as the tree is deep */
        more = false;
        for (size_t i = 0; i < n; i++)
            for (size_t k = 0; k < n && !all[i].ours; k++)
                if (all[k].ours && all[k].pid == all[i].parent)
                    more = all[i].ours = true;
    }
    for (size_t i = 0; i < n; i++)
        ticks += all[i].ours ? all[i].ticks : 0;
    free(all);
    if (proc)
        closedir(proc);
    return whole && found && hertz > 0 ? ticks * (USEC_PER_SEC / hertz) : -1;
}

int64_t stall_cpu(int dir_fd)
{
    struct wire_head head;
    struct wire_status status;
    if (attempt_read_head(dir_fd, &head) == 0 && head.cgroup[0] && memchr(head.cgroup, 0, sizeof head.cgroup)) {
        int64_t used = cgroup_cpu(head.cgroup);
        if (used >= 0)
            return used;
    }
    return attempt_locked(dir_fd) && attempt_read_status(dir_fd, &status) == 0
               ? tree_cpu(status.supervisor_pid) : -1;
}
