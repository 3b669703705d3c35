/* sight.c - see sight.h. */
#include "observe/sight.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/io.h"

void sight_init(struct sight_source *s) { *s = (struct sight_source){ .in = -1, .out = -1 }; }

void sight_finish(struct sight_source *s)
{
    io_close(&s->in);
    io_close(&s->out);
    if (s->pid > 0) {
        (void)kill(s->pid, SIGKILL);
        while (waitpid(s->pid, NULL, 0) < 0 && errno == EINTR)
            ;
    }
    sight_init(s);
}

/* --- the probe ---------------------------------------------------------------------------------------- */

static void become_probe(int in, int out)
{
    static const char *const places[] = { "", "../libexec/eoul/", "../lib/eoul/" };
    char self[PATH_MAX], file[PATH_MAX + 64];
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    char *slash;
    if (n <= 0 || dup2(in, 0) < 0 || dup2(out, 1) < 0)
        return;
    self[n] = '\0';
    if ((slash = strrchr(self, '/')))
        slash[1] = '\0';
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        snprintf(file, sizeof file, "%s%seoul-probe", self, places[i]);
        execl(file, "eoul-probe", (char *)NULL);
    }
}

static int start(struct sight_source *s, struct err *err)
{
    int ask[2] = { -1, -1 }, answer[2] = { -1, -1 };
    bool pipes = pipe2(ask, O_CLOEXEC) == 0 && pipe2(answer, O_CLOEXEC) == 0
                 && fcntl(answer[0], F_SETFL, O_NONBLOCK) == 0;
    pid_t pid = pipes ? fork() : -1;
    if (pid == 0) {
        become_probe(ask[0], answer[1]);
        _exit(127);
    }
    io_close(&ask[0]);
    io_close(&answer[1]);
    if (pid < 0) {
        int error = errno;
        io_close(&ask[1]);
        io_close(&answer[0]);
        return err_set(err, io_from_errno(error), "eoul-probe cannot be started: %s.", strerror(error));
    }
    *s = (struct sight_source){ .pid = pid, .in = ask[1], .out = answer[0] };
    return 0;
}

/* --- one process --------------------------------------------------------------------------------------- */

/* Parent, group and session, from /proc/PID/stat; false for what has ended, waited for or not. */
static bool family(int pid, int ret[3])
{
    char path[64], text[1024];
    struct buf b;
    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    buf_init_fixed(&b, text, sizeof text);
    if (io_read_file(AT_FDCWD, path, &b) < 0)
        return false;
    const char *at = strrchr(text, ')');
    char state;
    return at && sscanf(at + 1, " %c %d %d %d", &state, &ret[0], &ret[1], &ret[2]) == 4 && state != 'Z';
}

static void look_at(struct look *l, const struct probe_process *p, uint32_t gpu)
{
    int own[3], above[3];
    if (p->ticks == 0 || !family(p->pid, own)) /* gone meanwhile */
        return;
    if (l->round.sights_n == SIGHTS_MAX) {
        l->left_out++;
        return;
    }
    struct sight *s = &l->sights[l->round.sights_n++];
    usec_t tick_us = USEC_PER_SEC / usec_max(sysconf(_SC_CLK_TCK), 1);
    usec_t ago_us = usec_max(io_boot_now() - (usec_t)p->ticks * tick_us, 0);
    *s = (struct sight){ .uid = p->uid, .pid = p->pid, .group = own[1], .ticks = p->ticks, .gpu = gpu,
                         .start_at = l->round.now_at - ago_us };
    /* A session's first process is a shell, or init's child: what it begins are command lines of their own. */
    if (own[0] > 1 && family(own[0], above) && above[2] != own[0])
        s->parent = own[0];
    memcpy(s->attempt, p->attempt, sizeof s->attempt);
    memcpy(s->command, p->command, sizeof s->command);
}

/* --- a look -------------------------------------------------------------------------------------------- */

struct gpu_names {
    char uuid[PROBE_GPUS_MAX][96];
};

static void take(struct look *l, struct gpu_names *names, const struct probe_record *r)
{
    if (r->kind == PROBE_HELLO) {
        l->state = (enum probe_state)r->state;
        memcpy(l->why, r->text, sizeof l->why);
    } else if (r->kind == PROBE_GPU && l->gpus_n < PROBE_GPUS_MAX) {
        uint32_t at = l->gpus_n++;
        memcpy(names->uuid[at], r->gpu.uuid, sizeof names->uuid[at]);
        l->round.gpu_mw[at] = r->gpu.power_mw;
        if (r->gpu.flags & (PROBE_GPU_LOST | PROBE_GPU_NO_PROCESSES | PROBE_GPU_MORE_PROCESSES))
            l->round.blind |= UINT64_C(1) << at;
    } else if (r->kind == PROBE_PROCESS) {
        for (uint32_t i = 0; i < l->gpus_n; i++)
            if (strcmp(names->uuid[i], r->process.gpu_uuid) == 0)
                look_at(l, &r->process, i);
    }
}

static int silent(struct sight_source *s, struct err *err)
{
    sight_finish(s); /* what it was doing, it will not do again */
    return err_set(err, E_UNAVAILABLE, "The driver's library does not answer, so nothing can be seen now.");
}

int sight_look(struct sight_source *s, struct look *ret, struct err *err)
{
    struct gpu_names names;
    struct probe_record record;
    usec_t until_boot_at = io_boot_now() + SIGHT_US_MAX;
    int code = s->pid > 0 ? 0 : start(s, err);
    if (code < 0)
        return code;
    ret->round = (struct round){ .now_at = io_wall_now(), .sights = ret->sights };
    ret->gpus_n = ret->left_out = 0; /* the state stays: a probe says hello once */
    if (probe_ask(s->in, 0, ++s->number) < 0)
        return silent(s, err);
    for (;;) {
        usec_t left_us = until_boot_at - io_boot_now();
        struct pollfd in = { .fd = s->out, .events = POLLIN };
        code = probe_read(&s->reader, s->out, &record);
        if (code == 1 && record.kind == PROBE_ROUND && record.value == s->number)
            return 0;
        if (code == 1)
            take(ret, &names, &record);
        else if (code < 0 || left_us <= 0)
            return silent(s, err);
        else
            (void)poll(&in, 1, (int)(left_us / USEC_PER_MSEC) + 1);
    }
}
