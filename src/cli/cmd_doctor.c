/* cmd_doctor.c - `eoul doctor`: what could be wrong on this machine, and how to mend it.
 *
 * Looks only; changes nothing and starts nothing.  Exit status 1 if something is bad (jobs cannot
 * run), 0 otherwise; what merely could be better does not fail.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/timex.h>
#include <unistd.h>

#include "base/io.h"
#include "cal/zone_load.h"
#include "cli/doctor.h"
#include "i18n/text.h"
#include "i18n/width.h"

#define SPACE_BAD_MIB 200 /* the store's ballast and some logs */
#define SPACE_LOW_MIB 2048
#define FILES_LOW 4096 /* descriptors: a client, an attempt and a log each need some */
#define SANE_YEAR_AT                                                                               \
    (INT64_C(1704067200) * USEC_PER_SEC) /* 2024: a clock before it was never set */

static const char *const grade_words[] = {"ok", "note", "bad"};

void doctor_say(struct doctor *d, enum grade grade, const char *what, const char *sentence, ...)
{
    static const enum paint paints[] = {PAINT_GREEN, PAINT_YELLOW, PAINT_RED};
    char text[2048];
    struct buf clean;
    va_list args;
    va_start(args, sentence);
    vsnprintf(text, sizeof text, sentence, args);
    va_end(args);
    d->bad += grade == BAD;
    buf_init(&clean, 4 * sizeof text);
    cli_clean(&clean, text);
    if (d->json) {
        json_t *check = json_object();
        json_object_set_new(check, "grade", json_string(grade_words[grade]));
        json_object_set_new(check, "what", json_string(what));
        json_object_set_new(check, "sentence", json_string(clean.ptr ? clean.ptr : ""));
        json_array_append_new(d->checks, check);
    } else {
        buf_c(&d->cli->out, paint_on(d->cli, paints[grade]));
        width_cell(&d->cli->out, str_of(grade_words[grade]), 5, WIDTH_LEFT);
        buf_c(&d->cli->out, paint_off(d->cli));
        width_cell(&d->cli->out, str_of(what), 9, WIDTH_LEFT);
        buf_printf(&d->cli->out, "%s\n", clean.ptr ? clean.ptr : "");
    }
    buf_finish(&clean);
}

/* --- places
 * ------------------------------------------------------------------------------------------ */

static bool check_place(struct doctor *d)
{
    struct cli *cli = d->cli;
    struct place_env env;
    place_env_of_process(&env);
    if (place_find(&env, &cli->place, &cli->err) < 0) {
        doctor_say(d, BAD, "place", "%s", cli->err.text);
        return false;
    }
    int r = place_check_run(&cli->place, &cli->err);
    if (r == 0)
        doctor_say(d, GOOD, "socket", tr(d->cli->lang, "%s can be trusted."), cli->place.run_dir);
    else if (r == E_NOT_FOUND)
        doctor_say(d, GOOD, "socket", tr(d->cli->lang, "%s will be made when a daemon starts."),
            cli->place.run_dir);
    else
        doctor_say(d, BAD, "socket", "%s", cli->err.text);
    return true;
}

void doctor_space(struct doctor *d, const char *path)
{
    struct statvfs fs;
    char memory[64];
    struct buf text;
    if (statvfs(path, &fs) < 0)
        return;
    uint64_t free_mib = (uint64_t)fs.f_bavail * fs.f_frsize >> 20;
    buf_init_fixed(&text, memory, sizeof memory);
    text_mib(&text, free_mib);
    if (free_mib < SPACE_BAD_MIB)
        doctor_say(d, BAD, "space",
            tr(d->cli->lang, "Only %1$s are free where the state is kept (%2$s); submits will be "
                             "refused: make room."),
            memory, path);
    else if (free_mib < SPACE_LOW_MIB)
        doctor_say(d, NOTE, "space",
            tr(d->cli->lang, "%1$s are free where the state is kept (%2$s); that is little."),
            memory, path);
    else
        doctor_say(d, GOOD, "space", tr(d->cli->lang, "%1$s are free where the state is kept (%2$s)."),
            memory, path);
    if (fs.f_files > 0 && fs.f_favail < 1000)
        doctor_say(d, BAD, "space",
            tr(d->cli->lang, "The file system of %s has no room for more files; remove some."),
            path);
}

static void check_state(struct doctor *d)
{
    const struct place *p = &d->cli->place;
    struct stat st;
    char path[PLACE_PATH_MAX];
    if (p->mode == PLACE_SYSTEM)
        return; /* not ours to look at */
    if (p->home_fs[0])
        doctor_say(d, NOTE, "state",
            tr(d->cli->lang, "Your home directory is on %1$s, where the store cannot be kept "
                             "safely; it is kept in %2$s."),
            p->home_fs, p->state);
    memcpy(path, p->state, sizeof path);
    while (stat(path, &st) < 0) { /* what will hold it */
        char *slash = strrchr(path, '/');
        if (!slash || slash == path)
            return;
        *slash = '\0';
    }
    if (strcmp(path, p->state) == 0 && st.st_uid != p->uid)
        doctor_say(d, BAD, "state",
            tr(d->cli->lang, "%1$s belongs to user %2$u; give it back (chown) or name another "
                             "directory with EOUL_STATE."),
            path, st.st_uid);
    else if (strcmp(path, p->state) == 0 && (st.st_mode & 077))
        doctor_say(d, BAD, "state", tr(d->cli->lang, "%1$s is open to others; run \"chmod 700 %1$s\"."),
            path);
    else if (access(path, W_OK) < 0)
        doctor_say(d, BAD, "state",
            tr(d->cli->lang, "%1$s cannot be written (%2$s); mend its rights or name another "
                             "directory with EOUL_STATE."),
            path, strerror(errno));
    else
        doctor_say(d, GOOD, "state",
            strcmp(path, p->state) == 0 ? tr(d->cli->lang, "%s is yours alone.")
                                        : tr(d->cli->lang, "%s will be made when a daemon starts."),
            p->state);
    doctor_space(d, path);
}

static void check_programs(struct doctor *d)
{
    static const char *const names[] = {"eould", "eoul-launcher", "eoul-supervisor", "eoul-probe"};
    static const char *const places[] = {"", "../libexec/eoul/", "../lib/eoul/"};
    char self[PLACE_PATH_MAX], file[PLACE_PATH_MAX + 64];
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    int missing = 0;
    if (n < 0)
        return;
    self[n] = '\0';
    char *slash = strrchr(self, '/');
    if (!slash)
        return;
    slash[1] = '\0';
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        bool found = false;
        for (size_t k = 0; k < sizeof places / sizeof places[0] && !found; k++) {
            snprintf(file, sizeof file, "%s%s%s", self, places[k], names[i]);
            found = access(file, X_OK) == 0;
        }
        if (!found)
            doctor_say(d, BAD, "programs",
                tr(d->cli->lang, "%1$s is missing beside eoul (%2$s); reinstall eoul."), names[i],
                self);
        missing += !found;
    }
    if (missing == 0)
        doctor_say(d, GOOD, "programs", tr(d->cli->lang, "All of them lie with eoul in %s."), self);
}

/* --- the daemon
 * ---------------------------------------------------------------------------------------- */

static void check_daemon(struct doctor *d)
{
    struct cli *cli = d->cli;
    json_t *status = NULL, *gpus = NULL, *note;
    size_t i;
    if (http_connect(&cli->place, lang_word(cli->lang), &cli->http, &cli->err) < 0) {
        if (cli->err.code == E_NOT_FOUND || cli->err.code == E_UNAVAILABLE)
            doctor_say(d, cli->place.mode == PLACE_SYSTEM ? BAD : NOTE, "daemon",
                tr(d->cli->lang, "None runs; \"eoul up\" starts one."));
        else
            doctor_say(d, BAD, "daemon", "%s", cli->err.text);
        return;
    }
    if (cli_call(cli, "GET", "/v1/status", NULL, &status) < 0) {
        doctor_say(d, BAD, "daemon", "%s", cli->err.text);
        return;
    }
    doctor_say(d, GOOD, "daemon", tr(d->cli->lang, "eould %1$s answers (process %2$lld)."),
        json_text(status, "version"), (long long)json_i64(status, "pid"));
    if (strcmp(json_text(status, "version"), EOUL_VERSION) != 0)
        doctor_say(d, NOTE, "daemon",
            tr(d->cli->lang, "It is eould %1$s and this is eoul %2$s; \"eoul down\" and \"eoul "
                             "up\" bring them together, jobs run on."),
            json_text(status, "version"), EOUL_VERSION);
    json_array_foreach(json_object_get(status, "notes"), i, note)
        doctor_say(d, NOTE, "daemon", "%s", json_string_value(note));
    doctor_guards(d, status);
    json_decref(status);
    if (cli_call(cli, "GET", "/v1/gpus", NULL, &gpus) == 0) {
        doctor_say(d, GOOD, "gpus",
            tr(d->cli->lang, "The daemon knows %1$zu (source: %2$s), and %3$lld CPUs."),
            json_array_size(json_object_get(gpus, "gpus")), json_text(gpus, "source"),
            (long long)json_i64(gpus, "cpus"));
        json_decref(gpus);
    }
    doctor_calendars(d);
    doctor_notices(d);
}

/* --- the machine
 * --------------------------------------------------------------------------------------- */

static void check_cgroup(struct doctor *d)
{
    struct buf text;
    char path[PLACE_PATH_MAX];
    struct str rest, line;
    buf_init(&text, 64 * 1024);
    if (access("/sys/fs/cgroup/cgroup.controllers", F_OK) < 0) {
        doctor_say(d, NOTE, "cgroup",
            tr(d->cli->lang, "There is no cgroup v2 here; the processes of a job are followed by a "
                             "mark in their environment, which a "
                             "job could remove."));
        buf_finish(&text);
        return;
    }
    (void)io_read_file(AT_FDCWD, "/proc/self/cgroup", &text);
    rest = buf_look(&text);
    while (str_next(&rest, '\n', &line))
        if (str_starts(line, "0::")) {
            snprintf(path, sizeof path, "/sys/fs/cgroup%.*s", (int)line.len - 3, line.ptr + 3);
            if (access(path, W_OK) == 0)
                doctor_say(d, GOOD, "cgroup",
                    tr(d->cli->lang,
                       "cgroup v2 may be used here, so a job's processes cannot get away."));
            else
                doctor_say(d, NOTE, "cgroup",
                    tr(d->cli->lang, "cgroup v2 is not delegated to you; a job's processes are "
                                     "followed by a mark in their environment. "
                                     "\"systemctl --user\" sessions have it (Delegate=yes)."));
        }
    buf_finish(&text);
}

static void check_gpu_library(struct doctor *d)
{
    static const char *const places[] = {"/usr/lib/x86_64-linux-gnu",
                                         "/usr/lib/aarch64-linux-gnu",
                                         "/usr/lib64",
                                         "/usr/lib",
                                         "/usr/lib/wsl/lib",
                                         "/usr/local/cuda/lib64",
                                         "/usr/local/nvidia/lib64"};
    bool device = access("/dev/nvidiactl", F_OK) == 0 || access("/dev/dxg", F_OK) == 0;
    const char *found = NULL;
    char path[256];
    for (size_t i = 0; i < sizeof places / sizeof places[0] && !found; i++) {
        snprintf(path, sizeof path, "%s/libnvidia-ml.so.1", places[i]);
        if (access(path, R_OK) == 0)
            found = path;
    }
    if (device && found)
        doctor_say(d, GOOD, "nvidia", tr(d->cli->lang, "NVIDIA's library is in %s."), found);
    else if (device)
        doctor_say(d, BAD, "nvidia",
            tr(d->cli->lang, "There is an NVIDIA device but no libnvidia-ml.so.1; install the "
                             "driver's libraries (Debian: libnvidia-ml1)."));
    else
        doctor_say(d, NOTE, "nvidia",
            tr(d->cli->lang, "There is no NVIDIA device; name your GPUs in eoul.yaml (gpus: 4), or "
                             "jobs share the CPUs."));
    if (device && access("/dev/nvidiactl", F_OK) == 0 && access("/dev/nvidiactl", R_OK | W_OK) < 0)
        doctor_say(d, BAD, "nvidia",
            tr(d->cli->lang, "/dev/nvidiactl may not be used by you (%s); ask an administrator to "
                             "add you to its group."),
            strerror(errno));
}

static void check_clock(struct doctor *d)
{
    struct timex clock = {.modes = 0};
    int state = adjtimex(&clock);
    if (io_wall_now() < SANE_YEAR_AT)
        doctor_say(d, BAD, "clock",
            tr(d->cli->lang,
               "The clock is years behind; set it (timedatectl set-time, or chrony)."));
    else if (state == TIME_ERROR || (clock.status & STA_UNSYNC))
        doctor_say(d, NOTE, "clock",
            tr(d->cli->lang, "Nothing keeps the clock right; look hours and begin times follow it. "
                             "Install chrony or systemd-timesyncd."));
    else
        doctor_say(d, GOOD, "clock", tr(d->cli->lang, "It is kept in step with others."));
}

static void check_zones(struct doctor *d)
{
    struct cli *cli = d->cli;
    static struct zone zone;
    char name[ZONE_NAME_MAX] = "";
    if (zone_load(STR("Asia/Seoul"), &zone, NULL, &cli->err) < 0) {
        doctor_say(d, BAD, "zones",
            tr(d->cli->lang, "There is no time zone data in /usr/share/zoneinfo; install tzdata."));
        return;
    }
    cli_zone(cli);
    if (zone_load_system(&zone, name, &cli->err) < 0)
        doctor_say(d, NOTE, "zones",
            tr(d->cli->lang,
               "The system's zone cannot be read from /etc/localtime; UTC is taken."));
    else
        doctor_say(d, GOOD, "zones", tr(d->cli->lang, "Time zone data is there; yours is %s."),
            cli->zone_name[0] ? cli->zone_name : "UTC");
}

static void check_limits(struct doctor *d)
{
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_max != RLIM_INFINITY &&
        files.rlim_max < FILES_LOW)
        doctor_say(d, NOTE, "limits",
            tr(d->cli->lang, "At most %llu files may be open at once; a busy daemon wants %d: "
                             "raise it (ulimit -Hn)."),
            (unsigned long long)files.rlim_max, FILES_LOW);
    else
        doctor_say(d, GOOD, "limits", tr(d->cli->lang, "Enough files may be open at once."));
}

static int run_doctor(struct cli *cli, struct args *args)
{
    struct doctor d = {.cli = cli, .json = args_flag(args, "json"), .checks = json_array()};
    if (args_operands(cli, args, 0, 0, "[--json]") < 0) {
        json_decref(d.checks);
        return cli_fail(cli);
    }
    if (check_place(&d)) {
        check_state(&d);
        check_daemon(&d);
    }
    check_programs(&d);
    if (!d.guards_said)
        check_cgroup(&d);
    check_gpu_library(&d);
    check_clock(&d);
    check_zones(&d);
    check_limits(&d);
    doctor_slurm(&d);
    doctor_system(&d);
    if (d.json) {
        cli_put_json(cli, d.checks);
    }
    json_decref(d.checks);
    return d.bad > 0 ? CLI_FAILED : 0;
}

static const struct opt doctor_opts[] = {
    {"json", 0, NULL, N_("Print the checks as JSON.")},
    {0},
};

const struct cmd cmd_doctor = {
    .name = "doctor",
    .group = "keep",
    .usage = "[--json]",
    .opts = doctor_opts,
    .run = run_doctor,
    .summary = N_("Look for what could be wrong on this machine, and say how to mend it."),
    .examples =
        (const char *const[]){"eoul doctor",
                              N_("a line for each check; exit code 1 if something is bad"), NULL},
};
