/* world.h - a local engine in a directory of its own, for tests: start, wait for an event, look.
 * Every wait is bounded: what does not come within WORLD_WAIT_MS fails the test. */
#ifndef EOUL_TEST_WORLD_H
#define EOUL_TEST_WORLD_H

#include <stdbool.h>
#include <stdint.h>

#include "engine/engine.h"
#include "engine/local.h"
#include "supervisor/request.h"

#define WORLD_WAIT_MS 20000

struct world {
    char dir[64];  /* removed by world_finish */
    int dir_fd;
    int state_fd;
    struct engine *engine;
};

struct world_job { /* everything may be missing */
    const char *argv[8];
    const char *script;
    const char *cwd;    /* NULL: world's directory */
    const char *in;
    const char *out;    /* NULL: "out" */
    const char *err;    /* NULL: same as out */
    const char *open;   /* NULL: truncate */
    const char *gpu;
    const char *warn;
    const char *rlimit;
    uint64_t limit_us;
    uint64_t grace_us;  /* 0: 1 s */
    uint64_t output_max;
    uint64_t output_rate;
    const char *pty;    /* "ROWS COLUMNS" */
    const char *meet;   /* "UID NAME" */
    bool feed;          /* input from whoever is met */
    bool shell;         /* argv[0] is a command line for /bin/sh */
};

void world_init(struct world *w);
void world_open(struct world *w);  /* the engine; the environment counts */
void world_close(struct world *w); /* the daemon dies; what runs goes on */
void world_finish(struct world *w);

int world_request(const struct world *w, const struct world_job *j); /* memfd */
int world_start(struct world *w, uint32_t job, uint32_t attempt, const struct world_job *j);
/* The next event of a job; fails the test if none comes. */
struct engine_event world_next(struct world *w, uint32_t job);
/* The next event of any job: false if none comes within ms. */
bool world_wait(struct world *w, struct engine_event *ret, int ms);
/* Start, see STARTED, and return the end. */
struct engine_event world_run(struct world *w, uint32_t job, const struct world_job *j);
/* Content of a file in the world's directory (static; NULL if it is not there). */
const char *world_read(const struct world *w, const char *name);
/* Wait until a file in the world's directory has at least so many bytes, or with -1 is gone (inotify). */
void world_wait_file(const struct world *w, const char *name, int bytes);
/* pid of the supervisor of an attempt. */
int world_supervisor(const struct world *w, uint32_t job, uint32_t attempt);
/* True once no process with that pid lives (it may be a zombie); false after ms. */
bool world_wait_gone(int pid, int ms);

#endif
