/* terminal.h - the job's terminal (a pty), and whoever has attached one of their own to it.
 *
 * The master end stays here, so the job outlives every client and the daemon.  What the job prints goes
 * through output.h first (file, tail) and then into a ring from which each client is served at its own
 * pace.  Nobody is waited for: a client that falls behind by more than the ring misses a piece and is
 * told how much; the job and the others do not notice.  What a client types waits here, bounded, until
 * the job takes it; then that client's socket fills.
 *
 * A client that comes gets what was printed lately, without the questions, bells and alternate screens
 * in it, and the modes the terminal is in.  A program that fills the screen is shown what it drew since
 * it last wiped the screen and is made to draw again by a change of the window's size.
 *
 * One client at a time is the leading one: whoever typed, came or changed its size last.  The window has
 * its size, and only it is asked what a program asks of its terminal.
 */
#ifndef EOUL_SUPERVISOR_TERMINAL_H
#define EOUL_SUPERVISOR_TERMINAL_H

#include <poll.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/usec.h"
#include "supervisor/peers.h"
#include "supervisor/request.h"
#include "term/vt.h"

#define TERMINAL_CLIENTS_MAX 6u          /* fewer than peers: the daemon can always come back */
#define TERMINAL_RING   (256u * 1024)    /* how far a client may fall behind */
#define TERMINAL_REPLAY (64u * 1024)     /* what a client that comes is shown; as much as the tail keeps */
#define TERMINAL_CATCH_UP (16u * 1024)   /* what one that fell behind is shown */
#define TERMINAL_CHUNK  4096u            /* copied to a client at once */
#define TERMINAL_TYPED_MAX 4096u         /* typed and not yet taken; a line of a terminal has as many */
#define TERMINAL_POLLS  (1 + TERMINAL_CLIENTS_MAX)

struct terminal_client {
    int fd;                /* -1: this place is free */
    int peer;              /* its place among the peers */
    uint16_t rows, columns;
    uint64_t at;           /* next byte of the output for it */
    uint64_t replay_until; /* up to here it is shown old output */
    unsigned replay_drop;  /* ... without this (enum vt_drop) */
    struct vt vt;          /* what it was shown */
    struct vt_modes modes; /* to bring it into when the old output is over */
    bool enters;           /* ... that is not done yet */
    bool blocked;          /* its socket took no more */
    char out[2 * VT_MODES_MAX + TERMINAL_CHUNK + VT_HELD_MAX + 128];
    size_t out_at, out_n;
    char typed[TERMINAL_TYPED_MAX];
    size_t typed_n;
    usec_t led_boot_at;    /* when it last became or was the leading one */
};

struct terminal {
    int master_fd; /* -1: none; closed by output_finish, which reads it to its end */
    int slave_fd;  /* kept open, so that the master has no end before the job has */
    uint16_t rows, columns;
    uint64_t total;
    struct vt vt;  /* all the job printed */
    struct terminal_client clients[TERMINAL_CLIENTS_MAX];
    int leading;   /* -1: nobody */
    usec_t size_again_boot_at; /* the window gets its size back; 0: it has it */
    usec_t input_boot_at, output_boot_at;
};

void terminal_init(struct terminal *t);
/* A pty of the requested size.  0, or -1 with errno. */
int terminal_open(struct terminal *t, const struct request *r);
uint32_t terminal_attached(const struct terminal *t);

/* The job printed this. */
void terminal_printed(struct terminal *t, const char *bytes, size_t len, usec_t boot_at);

/* A peer wants in: it is sent WIRE_ATTACHED with its end, or WIRE_REFUSED.  rows or columns 0: not
 * known. */
void terminal_attach(struct terminal *t, struct peers *p, int place, int64_t rows, int64_t columns,
                     usec_t boot_at);
void terminal_size(struct terminal *t, int place, int64_t rows, int64_t columns, usec_t boot_at);
/* Is this peer one of the clients? */
bool terminal_is_client(const struct terminal *t, int place);
/* Drop the clients whose peer is gone; before new peers are taken. */
void terminal_sweep(struct terminal *t, const struct peers *p);

void terminal_fill(const struct terminal *t, struct pollfd set[TERMINAL_POLLS]);
void terminal_serve(struct terminal *t, const struct pollfd set[TERMINAL_POLLS], usec_t boot_at);
/* Send what there is to whoever takes it. */
void terminal_pump(struct terminal *t);
void terminal_timer(struct terminal *t, usec_t boot_at);

/* The job is over: let its end of the terminal go, so that the last bytes can be read... */
void terminal_hang_up(struct terminal *t);
/* ... and wait, at most `patience_us`, until the clients have what was printed. */
void terminal_drain(struct terminal *t, usec_t patience_us);

#endif
