/* step.c - see step.h. */
#include "supervisor/step.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "supervisor/job.h"
#include "supervisor/supervisor.h"

static void refuse(struct supervisor *s, int place, uint32_t stage, int error)
{
    struct wire_msg m = { .type = WIRE_REFUSED, .arg = error, .arg2 = stage };
    (void)peers_send(&s->peers, place, &m);
}

/* "program NUL word NUL ..." of a file: the words into steps.argv.  0 or an errno. */
static int read_words(struct steps *t, int fd)
{
    struct stat st;
    uint32_t n = 0;
    if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
        return EBADMSG;
    if (st.st_size > (off_t)sizeof t->text)
        return E2BIG;
    ssize_t len = pread(fd, t->text, sizeof t->text, 0);
    if (len <= 1 || t->text[len - 1] != '\0')
        return EBADMSG;
    for (const char *at = t->text, *end = t->text + len; at < end; at += strlen(at) + 1) {
        if (n == STEP_WORDS_MAX)
            return E2BIG;
        t->argv[n++] = at;
    }
    t->argv[n] = NULL;
    return n >= 2 ? 0 : EBADMSG; /* a program has a name to be called by */
}

static struct step *free_place(struct steps *t)
{
    for (int i = 0; i < STEPS_MAX; i++)
        if (t->at[i].pid == 0)
            return &t->at[i];
    return NULL;
}

/* 0, or an errno with *ret_stage. */
static int start(struct supervisor *s, const struct wire_msg *m, const int fds[WIRE_FDS], struct step *step,
                 uint32_t *ret_stage)
{
    struct request request = s->request; /* what the job has, but its program */
    struct job_setup setup = { .request = &request, .job = s->head.job, .uuid = s->uuid, .stdin_fd = fds[0],
                               .stdout_fd = fds[1], .stderr_fd = fds[2], .cgroup_fd = s->cgroup_fd, .alive_fd = -1,
                               .is_pty = m->arg == 1 };
    struct job_failure failure = { 0 };
    int pidfd = -1;
    int error = read_words(&s->steps, fds[3]);
    *ret_stage = STAGE_REQUEST;
    if (error)
        return error;
    setup.script = s->steps.argv[0];
    request.argv = s->steps.argv + 1;
    request.before = NULL;
    *ret_stage = STAGE_CWD;
    setup.cwd_fd = open(request.cwd, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (setup.cwd_fd < 0)
        return errno;
    int r = job_start(&setup, &step->pid, &pidfd, &failure);
    io_close(&pidfd);
    io_close(&setup.cwd_fd);
    *ret_stage = failure.stage;
    s->children_gone = false;
    return r < 0 ? (failure.error ? failure.error : EIO) : 0;
}

void steps_start(struct supervisor *s, int place, const struct wire_msg *m, int fds[WIRE_FDS])
{
    struct step *step = free_place(&s->steps);
    uint32_t stage = STAGE_NONE;
    int error = s->status.phase != PHASE_RUNNING ? ESRCH : !step ? EUSERS : 0;
    for (int i = 0; i < WIRE_FDS && !error; i++)
        if (fds[i] < 0)
            error = EBADMSG;
    if (!error)
        error = start(s, m, fds, step, &stage);
    for (int i = 0; i < WIRE_FDS; i++)
        io_close(&fds[i]);
    if (error) {
        refuse(s, place, stage, error);
        return;
    }
    step->place = place;
    struct wire_msg answer = { .type = WIRE_STEP_STARTED, .arg = step->pid };
    (void)peers_send(&s->peers, place, &answer);
}

void steps_signal(struct supervisor *s, int place, int signo)
{
    for (int i = 0; i < STEPS_MAX; i++)
        if (s->steps.at[i].pid > 0 && s->steps.at[i].place == place)
            (void)kill(s->steps.at[i].pid, signo); /* not reaped yet, so the number is still its */
}

void steps_reaped(struct supervisor *s, pid_t pid, int status)
{
    for (int i = 0; i < STEPS_MAX; i++) {
        struct step *step = &s->steps.at[i];
        if (step->pid != pid)
            continue;
        struct wire_msg m = { .type = WIRE_STEP_ENDED, .arg = status };
        if (step->place >= 0 && s->peers.fds[step->place] >= 0)
            (void)peers_send(&s->peers, step->place, &m);
        step->pid = 0;
    }
}

void steps_sweep(struct supervisor *s)
{
    for (int i = 0; i < STEPS_MAX; i++) {
        struct step *step = &s->steps.at[i];
        if (step->pid == 0 || step->place < 0 || s->peers.fds[step->place] >= 0)
            continue;
        step->place = -1;
        (void)kill(step->pid, SIGTERM);
    }
}
