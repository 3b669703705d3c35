/* tiny.c - three static programs that do almost nothing, for measuring everything around them.
 *   nothing          exits 0
 *   stamp FILE       writes the monotonic clock in ms (a double) to FILE: "my first instruction"
 *   append FILE      adds one byte to FILE
 */
#include <fcntl.h>
#include <time.h>
#include <unistd.h>

int main(int argc, char **argv)
{
#ifdef STAMP
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    double ms = (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
    int fd = argc > 1 ? open(argv[1], O_WRONLY | O_CREAT | O_TRUNC, 0600) : -1;
    return write(fd, &ms, sizeof ms) == sizeof ms ? 0 : 1;
#elif defined APPEND
    int fd = argc > 1 ? open(argv[1], O_WRONLY | O_CREAT | O_APPEND, 0600) : -1;
    return write(fd, "x", 1) == 1 ? 0 : 1;
#else
    (void)argc, (void)argv;
    return 0;
#endif
}
