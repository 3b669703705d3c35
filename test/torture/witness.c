/* witness.c - a job that leaves evidence of itself, and catches a GPU given twice.
 *
 *     witness DIR [MILLISECONDS]
 *
 * Appends "start ATTEMPT PID" to DIR/job.ID, works, appends "end ATTEMPT PID".  While it runs it holds
 * DIR/gpu.N for each GPU it was given; finding one held appends "doubled N".  Written with plain
 * system calls, so that a line is there or not, never half.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

static int evidence;

static void say(const char *what, const char *detail)
{
    char line[256];
    int len = snprintf(line, sizeof line, "%s %s %d\n", what, detail, (int)getpid());
    if (write(evidence, line, (size_t)len) != len)
        _exit(99);
}

int main(int argc, char **argv)
{
    const char *job = getenv("EOUL_JOB_ID"), *attempt = getenv("EOUL_ATTEMPT"),
               *gpus = getenv("CUDA_VISIBLE_DEVICES");
    char path[4096], gpu[256];
    if (argc < 2 || !job || !attempt)
        return 2;
    snprintf(path, sizeof path, "%s/job.%s", argv[1], job);
    evidence = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (evidence < 0)
        return 3;
    say("start", attempt);
    for (const char *at = gpus; at && *at;) {
        size_t len = strcspn(at, ",");
        snprintf(gpu, sizeof gpu, "%.*s", (int)(len < 200 ? len : 200), at);
        snprintf(path, sizeof path, "%s/gpu.%s", argv[1], gpu);
        int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600); /* held until this process ends */
        if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) < 0)
            say("doubled", gpu);
        at += len + (at[len] == ',');
    }
    long ms = argc > 2 ? strtol(argv[2], NULL, 10) : 5;
    nanosleep(&(struct timespec){ ms / 1000, ms % 1000 * 1000000 }, NULL);
    say("end", attempt);
    return 0;
}
