/* engine.c - what the local engine costs beside what it cannot avoid, without store and daemon.
 *
 * Prints `name TAB value TAB unit` lines: the floors first (start and wait for a static program that does
 * nothing; a file made and synced with its directory, as the claim is), then one job at a time and many
 * on some slots.  usage: bench_engine PROGRAM [JOBS [SLOTS]] */
#include <fcntl.h>
#include <setjmp.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/io.h"
#include "world.h"

extern char **environ;

static void print(const char *name, double value, const char *unit)
{
    printf("%s\t%.1f\t%s\n", name, value, unit);
}

static double spawn_floor(char *program, int n)
{
    usec_t before = io_boot_now();
    for (int i = 0; i < n; i++) {
        pid_t pid;
        char *argv[] = { program, NULL };
        if (posix_spawn(&pid, program, NULL, NULL, argv, environ) != 0)
            exit(1);
        waitpid(pid, NULL, 0);
    }
    return (double)(io_boot_now() - before) / n;
}

static double claim_floor(const struct world *w, int n)
{
    usec_t before = io_boot_now();
    for (int i = 0; i < n; i++) {
        char name[32];
        snprintf(name, sizeof name, "claim%d", i);
        int fd = openat(w->dir_fd, name, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
        (void)io_fsync(fd);
        io_close(&fd);
        (void)io_fsync_dir(w->dir_fd);
    }
    return (double)(io_boot_now() - before) / n;
}

static void one_by_one(struct world *w, const struct world_job *j, uint32_t n)
{
    double started = 0, ended = 0;
    struct engine_event e;
    for (uint32_t i = 1; i <= n; i++) {
        usec_t before = io_boot_now();
        world_start(w, i, 1, j);
        (void)world_wait(w, &e, WORLD_WAIT_MS);
        started += (double)(io_boot_now() - before);
        (void)world_wait(w, &e, WORLD_WAIT_MS);
        ended += (double)(io_boot_now() - before);
    }
    print("engine_dispatch", started / n, "us");
    print("engine_turnaround", ended / n, "us");
}

static void array(struct world *w, const struct world_job *j, uint32_t n, uint32_t slots)
{
    uint32_t first = 1000001, next = first, running = 0, ended = 0;
    usec_t before = io_boot_now();
    while (ended < n) {
        struct engine_event e;
        for (; running < slots && next < first + n; running++)
            world_start(w, next++, 1, j);
        if (!world_wait(w, &e, WORLD_WAIT_MS))
            exit(1);
        if (e.kind == ENGINE_ENDED) {
            running--;
            ended++;
        }
    }
    print("engine_array", (double)n * 1e6 / (double)(io_boot_now() - before), "jobs/s");
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        fprintf(stderr, "usage: bench_engine PROGRAM [JOBS [SLOTS]]\n");
        return 2;
    }
    uint32_t n = argc > 2 ? (uint32_t)strtoul(argv[2], NULL, 10) : 1000;
    uint32_t slots = argc > 3 ? (uint32_t)strtoul(argv[3], NULL, 10) : 8;
    const struct world_job j = { .argv = { argv[1] } };
    struct world w;
    world_init(&w);
    double spawn = spawn_floor(argv[1], 500);
    print("floor_spawn", spawn, "us");
    print("floor_spawn_rate", 1e6 / spawn, "jobs/s");
    print("floor_claim", claim_floor(&w, 200), "us");
    world_open(&w);
    one_by_one(&w, &j, n < 300 ? n : 300);
    array(&w, &j, n, slots);
    world_finish(&w);
    return 0;
}
