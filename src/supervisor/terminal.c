/* terminal.c - see terminal.h. */
#include "supervisor/terminal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>

#include "base/io.h"
#include "supervisor/wire.h"

#define SIZE_MAX_CELLS 10000
#define SIZE_AGAIN_US (100 * USEC_PER_MSEC) /* long enough for a program to notice the other size */
#define CLEAR "\033[H\033[2J"

static char ring[TERMINAL_RING]; /* one attempt a process; byte n of the output at n modulo its size */

void terminal_init(struct terminal *t)
{
    t->master_fd = t->slave_fd = t->leading = -1;
    for (unsigned i = 0; i < TERMINAL_CLIENTS_MAX; i++)
        t->clients[i].fd = -1;
    vt_init(&t->vt);
}

/* --- the pty ------------------------------------------------------------------------------------ */

static void apply_size(const struct terminal *t, unsigned rows)
{
    struct winsize size = { .ws_row = (unsigned short)rows, .ws_col = t->columns };
    if (t->master_fd >= 0)
        (void)ioctl(t->master_fd, TIOCSWINSZ, &size); /* tells the job, if it is another one */
}

static bool is_size(int64_t rows, int64_t columns)
{
    return rows > 0 && columns > 0 && rows <= SIZE_MAX_CELLS && columns <= SIZE_MAX_CELLS;
}

int terminal_open(struct terminal *t, const struct request *r)
{
    int unlocked = 0;
    struct termios modes;
    t->master_fd = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
    if (t->master_fd < 0 || ioctl(t->master_fd, TIOCSPTLCK, &unlocked) < 0)
        return -1;
    /* By the master, not by name: /dev/pts may be another one here. */
    t->slave_fd = ioctl(t->master_fd, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (t->slave_fd < 0 || tcgetattr(t->slave_fd, &modes) < 0)
        return -1;
    modes.c_iflag |= IUTF8; /* erasing takes a whole 한, not its last byte */
    if (tcsetattr(t->slave_fd, TCSANOW, &modes) < 0)
        return -1;
    bool known = is_size(r->pty_rows, r->pty_columns);
    t->rows = known ? r->pty_rows : 24;
    t->columns = known ? r->pty_columns : 80;
    apply_size(t, t->rows);
    return 0;
}

void terminal_hang_up(struct terminal *t)
{
    io_close(&t->slave_fd);
    t->master_fd = -1; /* output_finish reads and closes it */
    for (unsigned i = 0; i < TERMINAL_CLIENTS_MAX; i++)
        t->clients[i].typed_n = 0;
}

/* --- clients ------------------------------------------------------------------------------------ */

uint32_t terminal_attached(const struct terminal *t)
{
    uint32_t n = 0;
    for (unsigned i = 0; i < TERMINAL_CLIENTS_MAX; i++)
        n += t->clients[i].fd >= 0;
    return n;
}

static struct terminal_client *client_of(struct terminal *t, int place)
{
    for (unsigned i = 0; i < TERMINAL_CLIENTS_MAX; i++)
        if (t->clients[i].fd >= 0 && t->clients[i].peer == place)
            return &t->clients[i];
    return NULL;
}

bool terminal_is_client(const struct terminal *t, int place)
{
    return client_of((struct terminal *)(uintptr_t)t, place) != NULL;
}

static void set_size(struct terminal *t, uint16_t rows, uint16_t columns)
{
    if (rows == 0 || columns == 0)
        return;
    t->rows = rows;
    t->columns = columns;
    t->size_again_boot_at = 0;
    apply_size(t, rows);
}

static void lead(struct terminal *t, struct terminal_client *c, usec_t boot_at)
{
    t->leading = (int)(c - t->clients);
    c->led_boot_at = boot_at;
    if (c->rows != t->rows || c->columns != t->columns)
        set_size(t, c->rows, c->columns);
}

static void drop(struct terminal *t, struct terminal_client *c)
{
    struct terminal_client *next = NULL;
    io_close(&c->fd);
    if (t->leading != (int)(c - t->clients))
        return;
    t->leading = -1;
    for (unsigned i = 0; i < TERMINAL_CLIENTS_MAX; i++) {
        struct terminal_client *other = &t->clients[i];
        if (other->fd >= 0 && (!next || other->led_boot_at > next->led_boot_at))
            next = other;
    }
    if (next)
        lead(t, next, next->led_boot_at);
}

void terminal_sweep(struct terminal *t, const struct peers *p)
{
    for (unsigned i = 0; i < TERMINAL_CLIENTS_MAX; i++)
        if (t->clients[i].fd >= 0 && p->fds[t->clients[i].peer] < 0)
            drop(t, &t->clients[i]);
}

void terminal_size(struct terminal *t, int place, int64_t rows, int64_t columns, usec_t boot_at)
{
    struct terminal_client *c = client_of(t, place);
    if (!c || !is_size(rows, columns))
        return;
    c->rows = (uint16_t)rows;
    c->columns = (uint16_t)columns;
    lead(t, c, boot_at);
}

/* --- what was printed --------------------------------------------------------------------------- */

void terminal_printed(struct terminal *t, const char *bytes, size_t len, usec_t boot_at)
{
    t->output_boot_at = boot_at;
    (void)vt_pass(&t->vt, bytes, len, 0, NULL);
    if (len > TERMINAL_RING) {
        t->total += len - TERMINAL_RING;
        bytes += len - TERMINAL_RING;
        len = TERMINAL_RING;
    }
    size_t place = (size_t)(t->total % TERMINAL_RING);
    size_t first = TERMINAL_RING - place < len ? TERMINAL_RING - place : len;
    memcpy(ring + place, bytes, first);
    memcpy(ring, bytes + first, len - first);
    t->total += len;
}

static uint64_t oldest(const struct terminal *t, uint64_t most)
{
    return t->total > most ? t->total - most : 0;
}

/* The first whole line at or behind `at`, if one begins before the end. */
static uint64_t line_from(const struct terminal *t, uint64_t at)
{
    if (at == 0)
        return 0;
    for (uint64_t i = at; i < t->total; i++)
        if (ring[i % TERMINAL_RING] == '\n')
            return i + 1;
    return at;
}

static void say(struct terminal_client *c, const char *bytes, size_t len)
{
    memcpy(c->out + c->out_n, bytes, len);
    c->out_n += len;
}

static void say_modes(struct terminal_client *c, const struct vt_modes *m)
{
    c->out_n += vt_enter(m, c->out + c->out_n);
}

/* The window becomes another size for a moment: whoever fills it draws again. */
static void draw_again(struct terminal *t, usec_t boot_at)
{
    apply_size(t, t->rows > 1 ? t->rows - 1u : 2u);
    t->size_again_boot_at = boot_at + SIZE_AGAIN_US;
}

/* On the alternate screen only what is on it matters: from its last wipe, if that is still here. */
static void show_alternate(struct terminal *t, struct terminal_client *c)
{
    bool here = t->vt.wiped_at >= oldest(t, TERMINAL_RING);
    const struct vt_modes *modes = here ? &t->vt.wiped_modes : &t->vt.modes;
    c->at = here ? t->vt.wiped_at : c->replay_until;
    vt_go_on(&c->vt, modes);
    say_modes(c, modes);
    say(c, CLEAR, sizeof CLEAR - 1);
    c->replay_drop = VT_DROP_QUERIES | VT_DROP_NOISE;
}

/* Else the last lines; what editors drew meanwhile is left out. */
static void show_lines(struct terminal *t, struct terminal_client *c)
{
    struct vt begin;
    uint64_t from = oldest(t, TERMINAL_REPLAY);
    c->at = t->vt.wiped_at > from ? t->vt.wiped_at : line_from(t, from);
    vt_init(&begin);
    if (c->at > c->replay_until)
        c->at = c->replay_until;
    size_t place = (size_t)(c->at % TERMINAL_RING), len = (size_t)(c->replay_until - c->at);
    size_t first = TERMINAL_RING - place < len ? TERMINAL_RING - place : len;
    (void)vt_pass(&begin, ring + place, first, 0, NULL);
    (void)vt_pass(&begin, ring, len - first, 0, NULL);
    if (vt_began_alt(&begin))
        c->vt.modes.changed |= UINT32_C(1) << VT_ALT;
    c->replay_drop = VT_DROP_QUERIES | VT_DROP_NOISE | VT_DROP_ALT;
    c->modes = t->vt.modes;
    c->enters = true;
}

static void show(struct terminal *t, struct terminal_client *c, usec_t boot_at)
{
    vt_init(&c->vt);
    c->out_at = c->out_n = 0;
    c->blocked = false;
    c->enters = false;
    c->replay_until = vt_is_whole(&t->vt) ? t->total : t->vt.sequence_at;
    if (t->total == 0) {
        c->at = 0;
    } else if (vt_has(&t->vt.modes, VT_ALT)) {
        bool new_size = c->rows && (c->rows != t->rows || c->columns != t->columns);
        show_alternate(t, c);
        if (!new_size) /* a new size makes it draw anyway */
            draw_again(t, boot_at);
    } else {
        show_lines(t, c);
    }
}

/* It fell behind what is kept: say how much it misses and go on with the last lines. */
static void skip(struct terminal *t, struct terminal_client *c)
{
    char text[128];
    uint64_t from = vt_has(&t->vt.modes, VT_ALT) ? t->total : line_from(t, oldest(t, TERMINAL_CATCH_UP));
    int len = snprintf(text, sizeof text, "\030\033[m\r\n[eoul: %llu bytes were not shown here]\r\n",
                       (unsigned long long)(from - c->at));
    say(c, text, len > 0 ? (size_t)len : 0);
    say_modes(c, &t->vt.modes);
    vt_go_on(&c->vt, &t->vt.modes);
    c->at = c->replay_until = from;
    c->enters = false;
    if (vt_has(&t->vt.modes, VT_ALT)) {
        say(c, CLEAR, sizeof CLEAR - 1);
        draw_again(t, io_boot_now());
    }
}

/* The next piece for it; false when it has all there is. */
static bool next_piece(struct terminal *t, struct terminal_client *c)
{
    c->out_at = c->out_n = 0;
    if (c->at < oldest(t, TERMINAL_RING))
        skip(t, c);
    bool replays = c->at < c->replay_until;
    if (!replays && c->enters) {
        c->enters = false;
        say_modes(c, &c->modes);
        vt_go_on(&c->vt, &c->modes);
    }
    uint64_t until = replays ? c->replay_until : t->total;
    size_t place = (size_t)(c->at % TERMINAL_RING);
    size_t len = TERMINAL_RING - place;
    if (len > until - c->at)
        len = (size_t)(until - c->at);
    if (len > TERMINAL_CHUNK)
        len = TERMINAL_CHUNK;
    unsigned left_out = replays ? c->replay_drop :
                        t->leading == (int)(c - t->clients) ? 0 : VT_DROP_QUERIES;
    c->out_n += vt_pass(&c->vt, ring + place, len, left_out, c->out + c->out_n);
    c->at += len;
    return c->out_n > 0 || len > 0;
}

static void pump(struct terminal *t, struct terminal_client *c)
{
    while (c->out_at < c->out_n || next_piece(t, c)) {
        ssize_t n = send(c->fd, c->out + c->out_at, c->out_n - c->out_at, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno != EAGAIN) {
            drop(t, c);
            return;
        }
        c->blocked = n < 0;
        if (n < 0)
            return;
        c->out_at += (size_t)n;
    }
}

void terminal_pump(struct terminal *t)
{
    for (unsigned i = 0; i < TERMINAL_CLIENTS_MAX; i++)
        if (t->clients[i].fd >= 0 && !t->clients[i].blocked)
            pump(t, &t->clients[i]);
}

/* --- coming ------------------------------------------------------------------------------------- */

static void refuse(struct peers *p, int place, int error)
{
    struct wire_msg m = { .type = WIRE_REFUSED, .arg = error };
    (void)peers_send(p, place, &m);
}

void terminal_attach(struct terminal *t, struct peers *p, int place, int64_t rows, int64_t columns,
                     usec_t boot_at)
{
    struct terminal_client *c = NULL;
    int pair[2];
    for (unsigned i = 0; i < TERMINAL_CLIENTS_MAX && !c; i++)
        if (t->clients[i].fd < 0)
            c = &t->clients[i];
    if (t->master_fd < 0 || !c || client_of(t, place)) {
        refuse(p, place, t->master_fd < 0 ? ENOTTY : c ? EBUSY : EUSERS);
        return;
    }
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0) {
        refuse(p, place, errno);
        return;
    }
    struct wire_msg m = { .type = WIRE_ATTACHED };
    bool sent = peers_send_fd(p, place, &m, pair[1]);
    io_close(&pair[1]);
    if (!sent) {
        io_close(&pair[0]);
        return;
    }
    bool sized = is_size(rows, columns);
    c->fd = pair[0];
    c->peer = place;
    c->rows = sized ? (uint16_t)rows : 0;
    c->columns = sized ? (uint16_t)columns : 0;
    c->typed_n = 0;
    show(t, c, boot_at);
    lead(t, c, boot_at);
    pump(t, c);
}

/* --- waiting ------------------------------------------------------------------------------------ */

void terminal_fill(const struct terminal *t, struct pollfd set[TERMINAL_POLLS])
{
    set[0] = (struct pollfd){ .fd = -1, .events = POLLOUT };
    for (unsigned i = 0; i < TERMINAL_CLIENTS_MAX; i++) {
        const struct terminal_client *c = &t->clients[i];
        short events = c->typed_n ? 0 : POLLIN;
        set[1 + i] = (struct pollfd){ .fd = c->fd };
        set[1 + i].events = c->blocked ? (short)(events | POLLOUT) : events;
        if (c->fd >= 0 && c->typed_n)
            set[0].fd = t->master_fd;
    }
}

/* Give the job what was typed, as far as it takes it. */
static void type(struct terminal *t, struct terminal_client *c)
{
    size_t done = 0;
    while (done < c->typed_n) {
        ssize_t n = t->master_fd < 0 ? -1 : write(t->master_fd, c->typed + done, c->typed_n - done);
        if (n < 0 && t->master_fd >= 0 && errno == EINTR)
            continue;
        if (n < 0 && t->master_fd >= 0 && errno == EAGAIN)
            break;
        if (n < 0) { /* nobody reads any more */
            done = c->typed_n;
            break;
        }
        done += (size_t)n;
    }
    c->typed_n -= done;
    memmove(c->typed, c->typed + done, c->typed_n);
}

static void receive(struct terminal *t, struct terminal_client *c, usec_t boot_at)
{
    ssize_t n = recv(c->fd, c->typed, sizeof c->typed, MSG_DONTWAIT);
    if (n < 0 && (errno == EINTR || errno == EAGAIN))
        return;
    if (n <= 0) {
        drop(t, c);
        return;
    }
    c->typed_n = (size_t)n;
    t->input_boot_at = boot_at;
    /* A window that is left says so where a program asked for it: that is not typing. */
    bool left = n == 3 && memcmp(c->typed, "\033[O", 3) == 0;
    if (!left)
        lead(t, c, boot_at);
    type(t, c);
}

void terminal_serve(struct terminal *t, const struct pollfd set[TERMINAL_POLLS], usec_t boot_at)
{
    for (unsigned i = 0; i < TERMINAL_CLIENTS_MAX; i++) {
        struct terminal_client *c = &t->clients[i];
        short got = c->fd >= 0 && c->fd == set[1 + i].fd ? set[1 + i].revents : 0;
        if (set[0].revents && c->fd >= 0 && c->typed_n)
            type(t, c);
        if (got & POLLOUT)
            c->blocked = false;
        if (got & (POLLIN | POLLHUP | POLLERR) && !c->typed_n)
            receive(t, c, boot_at);
        else if (got & (POLLHUP | POLLERR)) /* gone, and what it typed last is not taken */
            drop(t, c);
    }
    terminal_pump(t);
}

void terminal_timer(struct terminal *t, usec_t boot_at)
{
    if (t->size_again_boot_at && t->size_again_boot_at <= boot_at) {
        t->size_again_boot_at = 0;
        apply_size(t, t->rows);
    }
}

void terminal_drain(struct terminal *t, usec_t patience_us)
{
    usec_t until = io_boot_now() + patience_us;
    for (;;) {
        struct pollfd set[TERMINAL_CLIENTS_MAX];
        bool waits = false;
        terminal_pump(t);
        for (unsigned i = 0; i < TERMINAL_CLIENTS_MAX; i++) {
            bool blocked = t->clients[i].fd >= 0 && t->clients[i].blocked;
            set[i] = (struct pollfd){ .fd = blocked ? t->clients[i].fd : -1, .events = POLLOUT };
            waits |= blocked;
        }
        usec_t left = until - io_boot_now();
        if (!waits || left <= 0)
            break;
        (void)poll(set, TERMINAL_CLIENTS_MAX, (int)(left / USEC_PER_MSEC) + 1);
        for (unsigned i = 0; i < TERMINAL_CLIENTS_MAX; i++)
            if (set[i].revents)
                t->clients[i].blocked = false;
    }
    for (unsigned i = 0; i < TERMINAL_CLIENTS_MAX; i++)
        io_close(&t->clients[i].fd);
}
