/* main.c - eoul-observe: records who uses the GPUs, of those who agreed, and schedules nothing.
 *
 *     eoul-observe [--every 30s] [--foreground]          reached as `eoul observe start`
 *
 * Runs as whoever starts it, with or without a daemon beside it, and needs no rights: the driver lists everybody's
 * processes and /proc tells whose they are.  In the background it leaves the terminal; one recorder a folder
 * (record.h).  What it writes survives kill -9; it goes on from there when it is started again.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "client/place.h"
#include "i18n/tr.h"
#include "observe/keep.h"

/* Where pam_motd finds what it says at login; only root can put it there. */
#define MOTD_FOLDER "/run/motd.d"
#define MOTD        MOTD_FOLDER "/eoul-observe"
#define MOTD_TEXT \
    "eoul: the use of this machine's GPUs is recorded, of those who agree: eoul observe status | join | leave\n" \
    "eoul: 이 컴퓨터의 GPU 사용을 동의한 사람에 한해 기록하고 있습니다: eoul observe status | join | leave\n"

static enum lang language;

static int complain(const char *sentence, int status)
{
    fprintf(stderr, "eoul observe: %s\n", sentence);
    return status;
}

/* "30s", "2m", "1h", "45": seconds if it does not say. */
static bool length(struct str s, usec_t *ret)
{
    usec_t unit = USEC_PER_SEC;
    uint64_t n;
    if (s.len && s.ptr[s.len - 1] == 'h')
        unit = USEC_PER_HOUR;
    else if (s.len && s.ptr[s.len - 1] == 'm')
        unit = USEC_PER_MIN;
    if (s.len && (unit != USEC_PER_SEC || s.ptr[s.len - 1] == 's'))
        s = str_slice(s, 0, s.len - 1);
    if (str_u64(s, &n) < 0 || n > 1000000)
        return false;
    *ret = (usec_t)n * unit;
    return *ret >= RECORD_EVERY_MIN_US && *ret <= RECORD_EVERY_MAX_US;
}

/* --- one recorder a folder ------------------------------------------------------------------------------- */

static int open_record(struct keep *k, struct err *err)
{
    char name[64];
    int code = record_open(&k->record, true, err);
    if (code < 0)
        return code;
    if (k->record.owner != geteuid()) {
        place_user_name("/etc/passwd", k->record.owner, name, sizeof name);
        return err_set(err, E_EXISTS, "%s records the use of this machine's GPUs already (\"%s\"); \"eoul observe join\" lets "
                       "yours count.", name, k->record.path);
    }
    int fd = openat(k->record.fd, "lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600); /* open until the end */
    if (fd < 0)
        return err_set(err, io_from_errno(errno), "The record in \"%s\" cannot be written: %s.", k->record.path,
                       strerror(errno));
    if (flock(fd, LOCK_EX | LOCK_NB) == 0)
        return 0;
    return err_set(err, E_EXISTS, "You are recording already; \"eoul observe status\" tells more.");
}

static void announce(bool begin)
{
    const char *named = getenv("EOUL_OBSERVE");
    if (geteuid() != 0 || (named && named[0]))
        return;
    if (!begin) {
        (void)unlink(MOTD);
        return;
    }
    (void)mkdir(MOTD_FOLDER, 0755);
    int fd = open(MOTD, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0644);
    if (fd >= 0)
        (void)io_write_all(fd, MOTD_TEXT, sizeof MOTD_TEXT - 1);
    io_close(&fd);
}

/* --- the loop --------------------------------------------------------------------------------------------- */

static void hold_signals(sigset_t *set)
{
    sigemptyset(set);
    sigaddset(set, SIGTERM);
    sigaddset(set, SIGINT);
    sigaddset(set, SIGHUP);
    sigprocmask(SIG_BLOCK, set, NULL);
    (void)signal(SIGPIPE, SIG_IGN);
}

/* Until a signal.  A round that fails is tried again at the next one's time: `status` shows when the last was. */
static void go_on(struct keep *k, const sigset_t *set)
{
    usec_t next_boot_at = io_boot_now();
    for (;;) {
        struct err err = { 0 };
        next_boot_at += k->about.every_us;
        usec_t left_us = usec_max(next_boot_at - io_boot_now(), 0);
        struct timespec left = { left_us / USEC_PER_SEC, left_us % USEC_PER_SEC * 1000 };
        if (sigtimedwait(set, NULL, &left) > 0)
            return;
        if (io_boot_now() < next_boot_at) /* something else woke us */
            next_boot_at -= k->about.every_us;
        else
            (void)keep_round(k, &err);
    }
}

/* What the waiting parent is told: "ok GPUS", or the sentence that says why not. */
static int record(struct keep *k, int told_fd)
{
    struct err err = { .translate = tr_of(language) };
    char text[ERR_TEXT_MAX + 32];
    sigset_t set;
    hold_signals(&set);
    int code = keep_begin(k, &err);
    if (code == 0)
        code = keep_round(k, &err);
    int n = code == 0 ? snprintf(text, sizeof text, "ok %" PRId64, k->about.gpus)
                      : snprintf(text, sizeof text, "%s", err.text);
    if (told_fd < 0 && code < 0)
        complain(err.text, 1);
    else if (told_fd >= 0)
        (void)io_write_all(told_fd, text, (size_t)n);
    io_close(&told_fd);
    if (code == 0) {
        announce(true);
        go_on(k, &set);
        (void)keep_round(k, &err); /* what was running until now was seen until now */
        announce(false);
    }
    keep_finish(k);
    return code == 0 ? 0 : 1;
}

static int detach(struct keep *k)
{
    int told[2], null = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (null < 0 || pipe2(told, O_CLOEXEC) < 0)
        return complain(strerror(errno), 1);
    pid_t pid = fork();
    if (pid < 0)
        return complain(strerror(errno), 1);
    if (pid == 0) {
        io_close(&told[0]);
        (void)setsid();
        if (chdir("/") < 0 || dup2(null, 0) < 0 || dup2(null, 1) < 0 || dup2(null, 2) < 0)
            _exit(1);
        _exit(record(k, told[1]));
    }
    struct buf text;
    buf_init(&text, ERR_TEXT_MAX + 64);
    io_close(&told[1]);
    (void)io_read_to_end(told[0], &text);
    struct str s = buf_look(&text);
    int status = 0;
    if (str_starts(s, "ok "))
        printf(tr(language, "%.*s GPUs are looked at every %lld s. Nobody is recorded who has not agreed: tell your "
                            "colleagues of \"eoul observe join\", and join yourself.\n"),
               STR_ARG(str_slice(s, 3, s.len)), (long long)(k->about.every_us / USEC_PER_SEC));
    else
        status = complain(s.len ? text.ptr : tr(language, "the recorder ended before its first look"), 1);
    buf_finish(&text);
    return status;
}

int main(int argc, char **argv)
{
    static struct keep k = { .record = { .fd = -1 }, .about = { .every_us = 30 * USEC_PER_SEC } };
    struct err err = { 0 };
    bool foreground = false;
    language = lang_from_env(getenv("LC_ALL"), getenv("LC_MESSAGES"), getenv("LANG"), getenv("LANGUAGE"));
    err.translate = tr_of(language);
    for (int i = 1; i < argc; i++) {
        bool every = strcmp(argv[i], "--every") == 0 && i + 1 < argc;
        if (strcmp(argv[i], "--foreground") == 0) {
            foreground = true;
        } else if (!every || !length(str_of(argv[++i]), &k.about.every_us)) {
            return complain(tr(language, "Write \"eoul observe start [--every 30s]\", from 1s to 1h."), 2);
        }
    }
    umask(022);
    if (open_record(&k, &err) < 0)
        return complain(err.text, 1);
    return foreground ? record(&k, -1) : detach(&k);
}
