/* supervise.c - one per attempt, its parent and its witness.
 *
 * It outlives the daemon and holds the attempt's lock for as long as it lives; whatever it knows is on
 * disk (exit) or told over `ctl`.  It promises: the command is executed at most once, only after the
 * claim is on disk; the exit is recorded only when no process of the attempt is left; GPU locks are
 * held from before the claim until then.  It may not: open a network connection, read the store, wait
 * for the daemon.  Begun by the launcher with the descriptors of supervisor.h, by fork or by executing
 * eoul-supervisor; runs with the rights of the job's user.  doc/attempts.md numbers the steps.
 */
#include "supervisor/supervisor.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <linux/close_range.h>
#include <unistd.h>

#include "base/err.h"
#include "base/hash.h"
#include "base/io.h"
#include "engine/attempt.h"
#include "engine/gpulock.h"
#include "supervisor/claim.h"
#include "supervisor/fault.h"
#include "supervisor/job.h"
#include "supervisor/tree.h"

void supervisor_phase(struct supervisor *s, enum attempt_phase phase)
{
    s->status.phase = phase;
    /* For looking only: nothing is proven by it, so nothing depends on it. */
    (void)io_pwrite_all(s->lock_fd, &s->status, sizeof s->status, WIRE_STATUS_AT);
}

/* Without hard links: a file of its own.  Its space is not reserved; the systems without links are not
 * those that fill up at night. */
static int copy_exit(struct supervisor *s, const struct wire_exit *record)
{
    int fd = openat(s->dir_fd, "exit.new", O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    int r = fd < 0 ? io_from_errno(errno) :
            io_pwrite_all(fd, record, sizeof *record, WIRE_EXIT_AT);
    if (r == 0)
        r = io_fsync(fd);
    io_close(&fd);
    if (r == 0 && renameat(s->dir_fd, "exit.new", s->dir_fd, "exit") < 0)
        r = io_from_errno(errno);
    return r;
}

/* The record and its name; *ret_named: they are there for whoever looks. */
static void write_exit(struct supervisor *s, bool *ret_named)
{
    struct wire_exit record = { .magic = WIRE_MAGIC, .version = WIRE_VERSION, .job = s->head.job,
                                .attempt = s->head.attempt, .end = s->end };
    memcpy(record.uuid, s->head.uuid, sizeof record.uuid);
    record.checksum = hash_bytes(0, &record, offsetof(struct wire_exit, checksum));
    FAULT("exit-before");
    /* A failure here leaves no exit record: if the daemon hears us it will know, else it will say
     * LOST.  Both are true. */
    if (io_pwrite_all(s->lock_fd, &record, sizeof record, WIRE_EXIT_AT) < 0)
        return;
    FAULT("exit-written");
    /* The name before the sync: one journal commit for both.  Whoever finds the name after a crash
     * trusts the checksum, not the name. */
    if (linkat(s->dir_fd, "lock", s->dir_fd, "exit", 0) < 0 && copy_exit(s, &record) < 0)
        return;
    FAULT("exit-named");
    *ret_named = true;
}

/* The daemon is told between naming the end and syncing it: both syncs, its own and ours, then go on at the
 * same time.  Whoever of the two is first has made the end safe; a power cut before either is LOST, as it is
 * while we are alone.  A SIGKILL in between takes nothing away from the page cache. */
void supervisor_finish(struct supervisor *s, enum wire_type type)
{
    struct flock unlock = { .l_type = F_UNLCK, .l_whence = SEEK_SET };
    bool named = false;
    write_exit(s, &named);
    /* The next attempt may be started on these GPUs the moment the daemon hears us. */
    for (uint32_t i = 0; i < s->request.gpu_n; i++)
        io_close(&s->gpu_fds[i]);
    supervisor_phase(s, PHASE_OVER);
    /* Nor may the directory still look alive: the daemon may say "forget" at once.  The exit is named, so
     * whoever finds the lock free finds the end, too. */
    (void)fcntl(s->lock_fd, F_OFD_SETLK, &unlock);
    struct wire_msg m = { .type = type, .end = s->end };
    peers_tell(&s->peers, &m);
    FAULT("told");
    if (named && io_fsync(s->lock_fd) == 0)
        (void)io_fsync_dir(s->dir_fd);
    io_close(&s->lock_fd);
    FAULT("exit-synced");
    if (s->head.cgroup[0])
        (void)rmdir(s->head.cgroup);
}

/* --- before the claim: every failure here proves that nothing ran ------------------------------ */

static int refuse(struct supervisor *s, uint32_t stage, int error, const char *detail)
{
    s->end.cause = stage == STAGE_GPU && error == EBUSY ? ATTEMPT_GPU_BUSY : ATTEMPT_LAUNCH;
    s->end.stage = stage;
    s->end.error = error;
    snprintf(s->end.detail, sizeof s->end.detail, "%.255s", detail ? detail : "");
    s->end.ended_wall_at = io_wall_now();
    s->end.ended_boot_at = io_boot_now();
    return -1;
}

static int read_head(struct supervisor *s)
{
    struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
    if (pread(s->lock_fd, &s->head, sizeof s->head, 0) != sizeof s->head ||
        s->head.magic != WIRE_MAGIC || s->head.version != WIRE_VERSION)
        return refuse(s, STAGE_LOCK, EBADMSG, "lock");
    /* The launcher took it for us on this very description; taking it again only makes sure. */
    if (fcntl(s->lock_fd, F_OFD_SETLK, &lock) < 0)
        return refuse(s, STAGE_LOCK, errno, "lock");
    FAULT("lock");
    /* The record's space now, while there is room: the exit may not find the disk full. */
    int error = posix_fallocate(s->lock_fd, 0, WIRE_RING_AT);
    if (error)
        return refuse(s, STAGE_DIRECTORY, error, "lock");
    attempt_uuid(s->head.uuid, s->uuid);
    s->status.magic = WIRE_MAGIC;
    s->status.version = WIRE_VERSION;
    s->status.job = s->head.job;
    s->status.attempt = s->head.attempt;
    memcpy(s->status.uuid, s->head.uuid, sizeof s->status.uuid);
    memcpy(s->status.boot_id, s->head.boot_id, sizeof s->status.boot_id);
    s->status.supervisor_pid = getpid();
    unsigned long long ticks = 0;
    (void)io_start_time(getpid(), &ticks);
    s->status.supervisor_ticks = ticks;
    supervisor_phase(s, PHASE_PREPARING);
    return 0;
}

static int take_gpus(struct supervisor *s)
{
    const struct request *r = &s->request;
    struct gpulock_holder self = { .uid = getuid(), .pid = getpid(), .job = s->head.job };
    if (r->gpu_n == 0)
        return 0;
    int dir = gpulock_directory();
    if (dir < 0)
        return refuse(s, STAGE_GPU, dir == E_DENIED ? EACCES : errno, r->gpus[0]);
    for (uint32_t i = 0; i < r->gpu_n; i++) {
        s->gpu_fds[i] = gpulock_take(dir, r->gpus[i], &self, NULL);
        if (s->gpu_fds[i] < 0) {
            int error = s->gpu_fds[i] == E_BUSY ? EBUSY : s->gpu_fds[i] == E_INVALID ? EINVAL : errno;
            io_close(&dir);
            return refuse(s, STAGE_GPU, error, r->gpus[i]);
        }
    }
    io_close(&dir);
    FAULT("gpu-locked");
    return 0;
}

/* The script becomes a file of the attempt: executed by its #! line, or by /bin/sh without one. */
static int write_script(struct supervisor *s, char path[4096])
{
    const struct str script = s->request.script;
    if (script.len == 0)
        return 0;
    /* System mode: no way leads into our directory; the launcher made an empty file where one does. */
    int fd = s->terms ? fcntl(SUPERVISOR_SCRIPT_FD, F_DUPFD_CLOEXEC, 0)
                      : openat(s->dir_fd, "script", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0700);
    int r = fd < 0 ? -1 : io_write_all(fd, script.ptr, script.len);
    char link[32];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = r < 0 ? -1 : readlink(link, path, 4096 - 1);
    io_close(&fd); /* nobody may have it open for writing when it is executed */
    if (s->terms)
        close(SUPERVISOR_SCRIPT_FD);
    if (n <= 0)
        return refuse(s, STAGE_SCRIPT, errno, "script");
    path[n] = 0;
    return 0;
}

/* What the job reads: its terminal, a pipe that a client will fill, or a file. */
static int open_input(struct supervisor *s, int cwd_fd)
{
    int ends[2];
    if (s->request.pty) {
        int slave = terminal_open(&s->terminal, &s->request) < 0 ? -1 :
                    fcntl(s->terminal.slave_fd, F_DUPFD_CLOEXEC, 0);
        return slave < 0 ? refuse(s, STAGE_PTY, errno, "") : slave;
    }
    if (s->request.feed) {
        if (pipe2(ends, O_CLOEXEC) < 0)
            return refuse(s, STAGE_STDIN, errno, "");
        s->feed_fd = ends[1];
        return ends[0];
    }
    const char *path = s->request.stdin_path;
    int fd = openat(cwd_fd, path ? path : "/dev/null", O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0)
        return refuse(s, STAGE_STDIN, errno, path);
    return fd;
}

/* The lock that the job's processes inherit where no cgroup lists them. */
static int open_alive(struct supervisor *s)
{
    struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
    if (s->cgroup_fd >= 0)
        return 0;
    s->alive_fd = openat(s->dir_fd, "alive", O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (s->alive_fd < 0 || fcntl(s->alive_fd, F_OFD_SETLK, &lock) < 0)
        return refuse(s, STAGE_LOCK, errno, "alive");
    return 0;
}

/* System mode: what is run is made here, from what was signed; nothing else is. */
static int take_order(struct supervisor *s)
{
    struct err err = { 0 };
    int e = s->terms ? order_take(&s->request, s->terms, &err) : s->request.order.len ? E_DENIED : 0;
    if (e == 0)
        return 0;
    return refuse(s, e == E_DENIED ? STAGE_TICKET : STAGE_REQUEST,
                  e == E_DENIED ? EKEYREJECTED : e == E_NEWER ? EPROTONOSUPPORT : EBADMSG, err.text);
}

static int prepare(struct supervisor *s, struct job_setup *setup, char script[4096])
{
    const struct request *r = &s->request;
    uint32_t stage;
    if (read_head(s) < 0)
        return -1;
    int e = request_read(SUPERVISOR_REQUEST_FD, &s->request);
    if (e < 0)
        return refuse(s, STAGE_REQUEST, e == E_NEWER ? EPROTONOSUPPORT : EBADMSG, "");
    if (take_order(s) < 0)
        return -1;
    if (take_gpus(s) < 0)
        return -1;
    setup->cwd_fd = open(r->cwd, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (setup->cwd_fd < 0)
        return refuse(s, STAGE_CWD, errno, r->cwd);
    if ((setup->stdin_fd = open_input(s, setup->cwd_fd)) < 0)
        return -1;
    umask(r->umask); /* for the output files */
    struct terminal *terminal = r->pty ? &s->terminal : NULL;
    if (output_open(&s->output, r, terminal, setup->cwd_fd, s->lock_fd, &stage) < 0)
        return refuse(s, stage, errno, stage == STAGE_STDOUT ? r->stdout_path : r->stderr_path);
    umask(077);
    if (write_script(s, script) < 0 || open_alive(s) < 0)
        return -1;
    int claim = claim_take(s->dir_fd);
    if (claim < 0)
        return refuse(s, STAGE_CLAIM, claim == E_EXISTS ? EEXIST : errno ? errno : EIO, "claim");
    return 0;
}

/* Claimed, and it did not come to run after all: that is an end, and is recorded as one. */
static void fail_after_claim(struct supervisor *s, const struct job_failure *f)
{
    const struct request *r = &s->request;
    const char *detail = f->stage == STAGE_EXEC ? r->argv[0] :
                         f->stage == STAGE_CWD ? r->cwd :
                         f->stage == STAGE_STDOUT ? r->stdout_path :
                         f->stage == STAGE_STDERR ? r->stderr_path : "";
    (void)refuse(s, f->stage, f->error, detail);
    output_finish(&s->output);
    supervisor_finish(s, WIRE_FAILED);
}

/* Whoever waits for the start gets its terminal or its input before it runs: nothing of it is missed.
 * Nobody there: input that nobody will write is at its end. */
static void meet(struct supervisor *s)
{
    const struct request *r = &s->request;
    int place = r->meet ? peers_meet(&s->peers, r->meet, r->meet_uid) : -1;
    struct wire_msg m = { .type = WIRE_STDIN };
    if (place >= 0 && r->pty)
        terminal_attach(&s->terminal, &s->peers, place, r->pty_rows, r->pty_columns, io_boot_now());
    else if (place >= 0 && s->feed_fd >= 0)
        (void)peers_send_fd(&s->peers, place, &m, s->feed_fd);
    io_close(&s->feed_fd);
}

static int begin(struct supervisor *s, struct job_setup *setup, const char *script)
{
    struct job_failure failure = { 0 };
    pid_t pid;
    setup->request = &s->request;
    setup->job = s->head.job;
    setup->uuid = s->uuid;
    setup->script = s->request.script.len ? script : NULL;
    setup->cgroup_fd = s->cgroup_fd;
    setup->alive_fd = s->alive_fd;
    supervisor_phase(s, PHASE_STARTING);
    if (output_begin(&s->output, &s->request, &failure.stage) < 0) {
        failure.error = errno;
        fail_after_claim(s, &failure);
        return -1;
    }
    setup->stdout_fd = s->output.job_ends[0];
    setup->stderr_fd = s->output.joined ? s->output.job_ends[0] : s->output.job_ends[1];
    setup->is_pty = s->request.pty != 0;
    meet(s);
    s->status.started_wall_at = s->end.started_wall_at = io_wall_now();
    s->status.started_boot_at = s->end.started_boot_at = io_boot_now();
    if (job_start(setup, &pid, &s->main_pidfd, &failure) < 0) {
        fail_after_claim(s, &failure);
        return -1;
    }
    io_close(&setup->cwd_fd);
    io_close(&setup->stdin_fd);
    io_close(&s->alive_fd); /* from here on only the job's processes hold it */
    output_started(&s->output);
    s->status.pid = pid;
    unsigned long long ticks = 0;
    (void)io_start_time(pid, &ticks);
    s->status.ticks = ticks;
    s->status.limit_us = s->request.limit_us;
    s->status.flags = s->request.pty ? WIRE_STATUS_PTY : 0;
    s->status.terminals = terminal_attached(&s->terminal);
    supervisor_phase(s, PHASE_RUNNING);
    struct wire_msg m = { .type = WIRE_RUNNING, .status = s->status };
    peers_tell(&s->peers, &m);
    return 0;
}

static int optional(int fd)
{
    return fcntl(fd, F_GETFD) < 0 ? -1 : fd;
}

static void harden(void)
{
    sigset_t mask;
    sigemptyset(&mask);
    sigaddset(&mask, SIGCHLD);
    sigaddset(&mask, SIGTERM);
    sigaddset(&mask, SIGURG); /* eoul-jobs.service is stopped */
    sigprocmask(SIG_SETMASK, &mask, NULL);
    (void)signal(SIGCHLD, SIG_DFL);
    (void)signal(SIGPIPE, SIG_IGN);
    (void)signal(SIGHUP, SIG_IGN);
    (void)signal(SIGINT, SIG_IGN);
    (void)signal(SIGXFSZ, SIG_IGN); /* a size limit on our files is an error, not our death */
    (void)prctl(PR_SET_DUMPABLE, 0);
    (void)prctl(PR_SET_CHILD_SUBREAPER, 1);
    umask(077);
    (void)syscall(SYS_close_range, 0u, (unsigned)SUPERVISOR_FD_COUNT - 1, CLOSE_RANGE_CLOEXEC);
}

int supervisor_main(const struct order_terms *terms)
{
    static struct supervisor s; /* zeroed; too large for comfort on a stack */
    static char script[4096];
    struct job_setup setup = { .cwd_fd = -1, .stdin_fd = -1 };
    harden();
    s.dir_fd = SUPERVISOR_DIR_FD;
    s.lock_fd = SUPERVISOR_LOCK_FD;
    s.alive_fd = s.main_pidfd = s.stray_pidfd = s.feed_fd = -1;
    s.terms = terms;
    terminal_init(&s.terminal);
    s.cgroup_fd = optional(SUPERVISOR_CGROUP_FD);
    s.events_fd = s.cgroup_fd >= 0 ? tree_cgroup_events(s.cgroup_fd) : -1;
    peers_init(&s.peers, SUPERVISOR_LISTEN_FD, optional(SUPERVISOR_PEER_FD));
    s.peers.daemon_uid = terms ? terms->daemon_uid : geteuid();
    if (prepare(&s, &setup, script) < 0) {
        struct wire_msg m = { .type = WIRE_FAILED, .end = s.end };
        peers_tell(&s.peers, &m);
        if (s.head.cgroup[0])
            (void)rmdir(s.head.cgroup);
        return 1;
    }
    if (begin(&s, &setup, script) < 0)
        return 1;
    supervisor_watch(&s);
    return 0;
}
