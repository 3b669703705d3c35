/* output.c - see output.h. */
#include "supervisor/output.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/err.h"
#include "base/hash.h"
#include "base/io.h"
#include "spec/marks.h"
#include "supervisor/terminal.h"

#define CHUNK (64 * 1024)              /* one read: the size of a pipe */
#define DRAIN_MAX (16u << 20)          /* after the end of the job: more was never in two pipes */
#define ROOM_US        USEC_PER_SEC /* between looks at how much is free */
#define RATE_WINDOW_US (USEC_PER_SEC / 4)

static int open_sink(struct output_sink *s, int cwd_fd, const char *path)
{
    /* O_NONBLOCK: opening a FIFO without a reader must fail, not hang.  No O_TRUNC: see head. */
    int flags = O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY | O_NONBLOCK;
    s->fd = openat(cwd_fd, path ? path : "/dev/null", flags, 0666);
    struct stat st;
    if (s->fd < 0 || fstat(s->fd, &st) < 0)
        return -1;
    s->regular = S_ISREG(st.st_mode);
    return 0;
}

static bool same_target(const struct request *r)
{
    const char *a = r->stdout_path, *b = r->stderr_path;
    return (!a && !b) || (a && b && strcmp(a, b) == 0);
}

/* --- the tail --------------------------------------------------------------------------------- */

static char ring[WIRE_TAIL_SIZE]; /* one attempt a process */

static void write_tail_head(const struct output *o, bool readable)
{
    /* In the reserved part of the file: this write needs no space. */
    struct wire_tail head = { .magic = readable ? WIRE_MAGIC : 0, .version = WIRE_VERSION,
                              .written = o->total, .ring_size = WIRE_TAIL_SIZE,
                              .free_mib1 = o->free_mib1 };
    (void)io_pwrite_all(o->record_fd, &head, sizeof head, WIRE_TAIL_AT);
}

static bool write_ring(const struct output *o, size_t at, size_t len)
{
    return len == 0 ||
           io_pwrite_all(o->record_fd, ring + at, len, (off_t)(WIRE_RING_AT + at)) == 0;
}

/* --- what it says of itself ---------------------------------------------------------------------- */

static struct marks marks; /* one attempt a process */

_Static_assert(MARKS_RESULTS_MAX * (MARKS_NAME_MAX + MARKS_VALUE_MAX) <=
               sizeof((struct wire_marks){ 0 }.text), "all results have room");

static void write_marks(struct output *o)
{
    struct wire_marks w = { .magic = WIRE_MAGIC, .version = WIRE_VERSION, .changes = marks.version,
                            .done_ppm = marks.done_ppm };
    struct buf text;
    if (o->marks_written == marks.version)
        return;
    buf_init_fixed(&text, w.text, sizeof w.text);
    for (uint32_t i = 0; i < marks.results_n; i++) {
        buf_c(&text, marks.result[i].name);
        buf_char(&text, '=');
        buf_c(&text, marks.result[i].value);
        buf_char(&text, '\n');
    }
    w.text_len = (uint32_t)text.len;
    w.checksum = hash_bytes(w.changes, &w.text_len, sizeof w - offsetof(struct wire_marks, text_len));
    if (io_pwrite_all(o->record_fd, &w, sizeof w, WIRE_MARKS_AT) == 0)
        o->marks_written = marks.version;
}

/* Our end and the job's: a pipe, or the terminal. */
static int open_ends(struct output *o, int which)
{
    int ends[2];
    if (o->terminal) {
        o->pipes[which] = o->terminal->master_fd; /* is non-blocking already */
        o->job_ends[which] = fcntl(o->terminal->slave_fd, F_DUPFD_CLOEXEC, 0);
        return o->job_ends[which] < 0 ? -1 : 0;
    }
    if (pipe2(ends, O_CLOEXEC) < 0)
        return -1;
    o->pipes[which] = ends[0];
    o->job_ends[which] = ends[1];
    return fcntl(ends[0], F_SETFL, O_NONBLOCK);
}

int output_open(struct output *o, const struct request *r, struct terminal *terminal, int cwd_fd,
                int record_fd, uint32_t *ret_stage)
{
    *o = (struct output){ .pipes = { -1, -1 }, .job_ends = { -1, -1 },
                          .sinks = { { .fd = -1 }, { .fd = -1 } } };
    o->max = r->output_max;
    o->rate = r->output_rate;
    o->terminal = terminal;
    o->joined = terminal || same_target(r);
    *ret_stage = STAGE_STDOUT;
    if (open_sink(&o->sinks[0], cwd_fd, r->stdout_path) < 0 || open_ends(o, 0) < 0)
        return -1;
    *ret_stage = STAGE_STDERR;
    if (!o->joined && (open_sink(&o->sinks[1], cwd_fd, r->stderr_path) < 0 || open_ends(o, 1) < 0))
        return -1;
    o->record_fd = record_fd;
    marks_init(&marks, str_of(r->result));
    write_tail_head(o, true);
    return 0;
}

int output_begin(struct output *o, const struct request *r, uint32_t *ret_stage)
{
    for (int i = 0; i < 2 && !r->append; i++) {
        *ret_stage = i == 0 ? STAGE_STDOUT : STAGE_STDERR;
        if (o->sinks[i].fd >= 0 && o->sinks[i].regular && ftruncate(o->sinks[i].fd, 0) < 0)
            return -1;
    }
    return 0;
}

void output_started(struct output *o)
{
    io_close(&o->job_ends[0]);
    io_close(&o->job_ends[1]);
}

/* Bytes written of `len`; stops at the first failure, which is left in errno. */
static size_t write_some(int fd, const char *bytes, size_t len)
{
    size_t done = 0;
    errno = 0;
    while (done < len) {
        ssize_t n = write(fd, bytes + done, len - done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            break;
        done += (size_t)n;
    }
    return done;
}

/* Say in the file what is missing.  True if the file takes bytes again. */
static bool close_gap(struct output_sink *s)
{
    char text[160];
    if (s->gap == 0)
        return true;
    int len = snprintf(text, sizeof text, "\n[eoul: %llu bytes of output are missing here: %s]\n",
                       (unsigned long long)s->gap, strerror(s->gap_error));
    if (len <= 0 || write_some(s->fd, text, (size_t)len) < (size_t)len)
        return false;
    s->gap = 0;
    return true;
}

static void lose(struct output *o, struct output_sink *s, uint64_t bytes, int error)
{
    if (bytes == 0)
        return;
    s->gap += bytes;
    s->gap_error = error;
    o->lost += bytes;
}

static void to_sink(struct output *o, struct output_sink *s, const char *bytes, size_t len)
{
    size_t allowed = len;
    if (o->max && s->written + len > o->max)
        allowed = s->written < o->max ? (size_t)(o->max - s->written) : 0;
    size_t done = 0;
    int error = EFBIG;
    if (allowed > 0) {
        if (close_gap(s))
            done = write_some(s->fd, bytes, allowed);
        if (done < allowed)
            error = errno ? errno : EIO;
    }
    s->written += done;
    lose(o, s, len - done, error);
}

/* The newest bytes into the ring in memory, and from there into the file. */
static void to_tail(struct output *o, const char *bytes, size_t len)
{
    uint64_t until = o->total + len;
    if (len > WIRE_TAIL_SIZE) {
        bytes += len - WIRE_TAIL_SIZE;
        len = WIRE_TAIL_SIZE;
    }
    size_t place = (size_t)((until - len) % WIRE_TAIL_SIZE);
    size_t first = WIRE_TAIL_SIZE - place < len ? WIRE_TAIL_SIZE - place : len;
    memcpy(ring + place, bytes, first);
    memcpy(ring, bytes + first, len - first);
    o->total = until;
    bool whole = o->tail_broken;
    bool good = whole ? write_ring(o, 0, until < WIRE_TAIL_SIZE ? (size_t)until : WIRE_TAIL_SIZE) :
                        write_ring(o, place, first) && write_ring(o, 0, len - first);
    /* Broken is said once, and that it is whole again. */
    if (good || !whole)
        write_tail_head(o, good);
    o->tail_broken = !good;
}

/* The rate cap counts in short windows; over it, the pipes rest until the window ends. */
static void count_rate(struct output *o, size_t len, usec_t boot_at)
{
    if (o->rate == 0)
        return;
    if (boot_at >= o->window_at + RATE_WINDOW_US) {
        o->window_at = boot_at;
        o->window_bytes = 0;
    }
    o->window_bytes += len;
    if (o->window_bytes >= o->rate / (USEC_PER_SEC / RATE_WINDOW_US) + 1)
        o->pause_until_boot_at = o->window_at + RATE_WINDOW_US;
}

/* A file system that hangs here would hang in the next write. */
static void look_at_room(struct output *o, usec_t boot_at)
{
    struct statvfs fs;
    if (o->room_at && boot_at < o->room_at + ROOM_US)
        return;
    o->room_at = boot_at;
    bool known = o->sinks[0].regular && fstatvfs(o->sinks[0].fd, &fs) == 0;
    uint64_t mib = known ? (uint64_t)fs.f_bavail * fs.f_frsize >> 20 : 0;
    o->free_mib1 = known ? (mib < UINT32_MAX - 1 ? (uint32_t)mib : UINT32_MAX - 1) + 1 : 0;
}

/* One read.  Bytes taken; 0 when the pipe is empty or was closed. */
static size_t pump_once(struct output *o, int which, usec_t boot_at)
{
    static char chunk[CHUNK];
    struct output_sink *s = &o->sinks[o->joined ? 0 : which];
    ssize_t n;
    while ((n = read(o->pipes[which], chunk, sizeof chunk)) < 0 && errno == EINTR)
        ;
    if (n < 0 && errno == EAGAIN)
        return 0;
    if (n <= 0) { /* of a terminal: nobody can write to it any more */
        if (o->terminal)
            terminal_hang_up(o->terminal);
        io_close(&o->pipes[which]);
        return 0;
    }
    look_at_room(o, boot_at);
    to_sink(o, s, chunk, (size_t)n);
    to_tail(o, chunk, (size_t)n);
    marks_feed(&marks, which, chunk, (size_t)n);
    write_marks(o);
    if (o->terminal)
        terminal_printed(o->terminal, chunk, (size_t)n, boot_at);
    return (size_t)n;
}

void output_pump(struct output *o, int which, usec_t boot_at)
{
    if (o->pause_until_boot_at > boot_at || o->pipes[which] < 0)
        return;
    o->pause_until_boot_at = 0;
    count_rate(o, pump_once(o, which, boot_at), boot_at);
}

void output_finish(struct output *o)
{
    if (o->terminal)
        terminal_hang_up(o->terminal); /* first: only then reading comes to an end */
    for (int i = 0; i < 2; i++) {
        size_t taken = 0, n;
        while (o->pipes[i] >= 0 && taken < DRAIN_MAX && (n = pump_once(o, i, io_boot_now())) > 0)
            taken += n;
        io_close(&o->pipes[i]);
    }
    marks_end(&marks);
    write_marks(o);
    for (int i = 0; i < 2; i++) {
        if (o->sinks[i].fd >= 0)
            (void)close_gap(&o->sinks[i]);
        io_close(&o->sinks[i].fd);
    }
}
