/* feed.h - our standard input, copied to a job's.
 *
 * Nothing is read before the job takes it: at most one block waits here.  The job's end of it may close at
 * any time; then the rest stays unread.  Our end of input closes the job's.
 */
#ifndef EOUL_CLI_FEED_H
#define EOUL_CLI_FEED_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>

#define FEED_BLOCK 65536
#define FEED_POLLS 2

struct feed {
    int to_fd; /* -1: not begun, or over */
    size_t at, n;
    char block[FEED_BLOCK];
};

/* Is standard input something to copy: not a terminal, not /dev/null, not closed? */
bool feed_is_wanted(void);
void feed_begin(struct feed *f, int take_to_fd);
void feed_fill(const struct feed *f, struct pollfd set[FEED_POLLS]);
void feed_serve(struct feed *f, const struct pollfd set[FEED_POLLS]);

#endif
