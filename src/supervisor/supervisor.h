/* supervisor.h - what the parts of a supervisor share: supervise.c prepares, watch.c waits and acts. */
#ifndef EOUL_SUPERVISOR_SUPERVISOR_H
#define EOUL_SUPERVISOR_SUPERVISOR_H

#include <stdbool.h>
#include <sys/types.h>

#include "supervisor/order.h"
#include "supervisor/output.h"
#include "supervisor/peers.h"
#include "supervisor/request.h"
#include "supervisor/step.h"
#include "supervisor/terminal.h"
#include "supervisor/wire.h"

/* Descriptors the launcher starts it with; 0 1 2 are /dev/null. */
enum supervisor_fd {
    SUPERVISOR_REQUEST_FD = 3,
    SUPERVISOR_DIR_FD,
    SUPERVISOR_LOCK_FD,
    SUPERVISOR_LISTEN_FD,
    SUPERVISOR_PEER_FD,   /* may be missing */
    SUPERVISOR_CGROUP_FD, /* may be missing */
    SUPERVISOR_SCRIPT_FD, /* system mode: the empty file that a script is written to */
    SUPERVISOR_FD_COUNT
};

struct supervisor {
    struct wire_head head;
    struct wire_status status;
    struct wire_end end;
    char uuid[37];
    const struct order_terms *terms; /* NULL: personal mode */
    struct request request;
    struct output output;
    struct terminal terminal;
    int feed_fd;      /* the other end of the job's standard input; -1: none */
    struct peers peers;
    struct steps steps;
    int dir_fd;
    int lock_fd;
    int cgroup_fd;
    int events_fd;    /* cgroup.events */
    int alive_fd;
    int gpu_fds[REQUEST_GPUS_MAX];
    /* while it runs */
    int main_pidfd;
    bool main_ended;
    bool children_gone;
    bool told_to_end;     /* SIGTERM went out */
    bool quarantined;
    bool warned;
    uint32_t stop_cause;  /* enum attempt_cause: why we ended it; 0: we did not */
    usec_t limit_boot_at; /* 0: none */
    usec_t deadline_boot_at; /* 0: none */
    usec_t grace_us;
    usec_t hang_up_boot_at; /* look whether its shell is alone; 0: do not */
    usec_t told_boot_at;    /* when its terminal's use was told last */
    int stray_pidfd;      /* without a cgroup: somebody with our lock who is not below us */
};

/* All of it, from the descriptors to the end; the exit status of the process.  terms: system mode, what the
 * launcher says of the job; NULL: the request is run as it is. */
int supervisor_main(const struct order_terms *terms);

void supervisor_phase(struct supervisor *s, enum attempt_phase phase); /* and the status file */
/* Record the end (exit file, synced, renamed), give back the GPUs, tell everybody. */
void supervisor_finish(struct supervisor *s, enum wire_type type);
/* From RUNNING to the end. */
void supervisor_watch(struct supervisor *s);

#endif
