/* forks.c - what jobs do that mean no good, each as small as a program can be (linked statically).
 *
 *     forks bomb         fork for ever, in every process of it, and never mind a refusal
 *     forks memory MIB   take and touch so many MiB, say so, then sleep
 *     forks daemon FILE  leave as daemons do: two forks, a session of its own, no descriptor, no environment, no heed of
 *                        signals; its number goes to FILE.  If it is set-uid, it becomes that user wholly first.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define USEC_BETWEEN_LOOKS 100000

static __attribute__((noreturn)) void bomb(void)
{
    for (;;)
        (void)fork();
}

static int memory(size_t mib)
{
    char *p = mmap(NULL, mib << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED)
        return 3;
    memset(p, 1, mib << 20);
    puts("taken");
    fflush(stdout);
    for (;;)
        pause();
}

static int leave(const char *path)
{
    char text[16];
    if (fork() > 0)
        return 0;
    (void)setsid();
    if (fork() > 0)
        return 0;
    for (int signo = 1; signo < NSIG; signo++)
        (void)signal(signo, SIG_IGN);
    (void)clearenv();
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0666);
    int n = snprintf(text, sizeof text, "%d\n", (int)getpid());
    if (fd < 0 || write(fd, text, (size_t)n) != n)
        return 3;
    (void)syscall(SYS_close_range, 0u, ~0u, 0);
    for (;;)
        usleep(USEC_BETWEEN_LOOKS);
}

int main(int argc, char **argv)
{
    if (setresgid(getegid(), getegid(), getegid()) < 0 || setresuid(geteuid(), geteuid(), geteuid()) < 0)
        return 3;
    if (argc == 2 && strcmp(argv[1], "bomb") == 0)
        bomb();
    if (argc == 3 && strcmp(argv[1], "memory") == 0)
        return memory(strtoul(argv[2], NULL, 10));
    if (argc == 3 && strcmp(argv[1], "daemon") == 0)
        return leave(argv[2]);
    fputs("forks bomb | memory MIB | daemon FILE\n", stderr);
    return 2;
}
