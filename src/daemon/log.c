/* log.c - what the daemon did, one logfmt record a line, on standard error.
 *
 * In the background that is STATE/eould.log, renamed to eould.log.1 and begun anew at LOG_BYTES_MAX.
 * Foreign text in a record is made harmless here, so no caller can forget to.
 */
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/io.h"
#include "base/utf8.h"
#include "daemon/internal.h"

#define LOG_BYTES_MAX (4 << 20)
#define LOG_LINE_MAX  2048

static int log_dir_fd = -1; /* with the log level's kind of global: set once, by log_open */

static void begin(void)
{
    int fd = openat(log_dir_fd, "eould.log", O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW,
                    0600);
    if (fd < 0)
        return; /* what was there stays the log */
    dup2(fd, STDERR_FILENO);
    dup2(fd, STDOUT_FILENO);
    io_close(&fd);
}

void log_open(struct daemon *d)
{
    if (d->foreground)
        return;
    log_dir_fd = d->state_fd;
    begin();
}

static void rotate(void)
{
    struct stat st;
    if (log_dir_fd < 0 || fstat(STDERR_FILENO, &st) < 0 || st.st_size < LOG_BYTES_MAX)
        return;
    if (renameat(log_dir_fd, "eould.log", log_dir_fd, "eould.log.1") == 0)
        begin();
}

void log_line(const char *what, const char *format, ...)
{
    char memory[LOG_LINE_MAX];
    char clean_memory[3 * LOG_LINE_MAX];
    char at[40];
    struct buf line;
    struct buf clean;
    struct tm tm;
    va_list args;
    usec_t now_at = io_wall_now();
    time_t seconds = (time_t)(now_at / USEC_PER_SEC);
    gmtime_r(&seconds, &tm);
    snprintf(at, sizeof at, "%04d-%02d-%02dT%02d:%02d:%02d", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday,
             tm.tm_hour, tm.tm_min, tm.tm_sec);
    char text[LOG_LINE_MAX - 128];
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    buf_init_fixed(&line, memory, sizeof memory);
    buf_printf(&line, "at=%s.%06dZ what=%s %s", at, (int)(now_at % USEC_PER_SEC), what, text);
    buf_init_fixed(&clean, clean_memory, sizeof clean_memory);
    utf8_clean(&clean, buf_look(&line));
    buf_char(&clean, '\n');
    rotate();
    if (io_write_all(STDERR_FILENO, clean.ptr, clean.len) < 0)
        return; /* a full disk must not stop the daemon */
}
