/* main.c - eould: arguments, places, and the order in which things start and stop.
 *
 *   state directory ─▶ its lock ─▶ configuration ─▶ launcher (forked before the store is open) ─▶ store ─▶ core (replay)
 *   ─▶ attempts are asked after ─▶ first turn ─▶ socket ─▶ "ok" to whoever waits ─▶ turns
 *
 * SIGTERM, SIGINT and POST /v1/down stop it; running jobs go on and are found again.  SIGUSR1 makes
 * the socket again, SIGHUP reads eoul.yaml again (reload.c).  Exit status: 0 stopped, 1 refused with a sentence, 2 usage, 3 another daemon
 * has the state directory, 70 the disk failed and only a restart can say what is on it.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "client/ticket.h"
#include "daemon/internal.h"
#include "engine/gpulock.h"
#include "engine/local.h"
#include "i18n/tr.h"
#include "web/web.h"

#define STATUS_OTHER 3
#define SYSTEM_CONFIG "/etc/eoul/eoul.yaml"
#define NOFILE_WANTED 65536 /* clients and attempts each hold descriptors */

struct arguments {
    const char *state, *socket, *config, *team, *export, *check_config, *restore;
    int ready_fd;
    bool system, foreground, check, accept_divergence, whole;
    bool other; /* another eould has the state directory */
};

static const char usage[] = N_(
    "usage: eould [--state DIR] [--socket PATH] [--config FILE] [--team GROUP] [--foreground]\n"
    "             [--ready-fd N] [--accept-divergence]\n"
    "       eould --system [--state DIR --socket PATH] [--config FILE]   for all users of this machine\n"
    "       eould --check            look through the store, change nothing\n"
    "       eould --check-config FILE   is this eoul.yaml right, and what holds with it\n"
    "       eould --export-journal FILE [--whole]   for eoul sim --replay\n"
    "       eould --restore FILE     put a copy in the place of the store\n"
    "       eould --version\n"
    "eoul up starts it for you.\n");

static int parse(int argc, char **argv, enum lang lang, struct arguments *a)
{
    static const struct option options[] = {
        { "state", required_argument, NULL, 's' }, { "socket", required_argument, NULL, 'S' },
        { "config", required_argument, NULL, 'c' }, { "team", required_argument, NULL, 't' },
        { "system", no_argument, NULL, 'y' },
        { "ready-fd", required_argument, NULL, 'r' }, { "foreground", no_argument, NULL, 'f' },
        { "check", no_argument, NULL, 'k' }, { "export-journal", required_argument, NULL, 'x' },
        { "check-config", required_argument, NULL, 'C' }, { "restore", required_argument, NULL, 'R' },
        { "whole", no_argument, NULL, 'w' }, { "accept-divergence", no_argument, NULL, 'd' },
        { "version", no_argument, NULL, 'v' }, { "help", no_argument, NULL, 'h' },
        { NULL, 0, NULL, 0 },
    };
    uint64_t n;
    *a = (struct arguments){ .ready_fd = -1 };
    for (int c; (c = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        switch (c) {
        case 's': a->state = optarg; break;
        case 'S': a->socket = optarg; break;
        case 'c': a->config = optarg; break;
        case 't': a->team = optarg; break;
        case 'y': a->system = true; break;
        case 'f': a->foreground = true; break;
        case 'k': a->check = true; break;
        case 'C': a->check_config = optarg; break;
        case 'x': a->export = optarg; break;
        case 'R': a->restore = optarg; break;
        case 'w': a->whole = true; break;
        case 'd': a->accept_divergence = true; break;
        case 'r':
            if (str_u64(str_of(optarg), &n) < 0 || n > 1000000) {
                fprintf(stderr, tr(lang, "eould: \"%s\" is not a descriptor.\n"), optarg);
                return 2;
            }
            a->ready_fd = (int)n;
            break;
        case 'v': puts("eould " EOUL_VERSION); return 0;
        case 'h': fputs(tr(lang, usage), stdout); return 0;
        default: fputs(tr(lang, usage), stderr); return 2;
        }
    }
    if (optind < argc) {
        fprintf(stderr, tr(lang, "eould: \"%s\" is not understood here.\n"), argv[optind]);
        return 2;
    }
    return -1;
}

/* --- places ------------------------------------------------------------------------------------------ */

static int find_team(struct daemon *d, const char *group, struct err *err)
{
    struct group *g = getgrnam(group);
    if (!g)
        return err_set(err, E_NOT_FOUND, "There is no group \"%s\" on this machine.", group);
    d->team = true;
    d->team_gid = g->gr_gid;
    d->mode = "team";
    return 0;
}

/* System mode: the places are the system's, or named in full. */
static int find_system(struct daemon *d, const struct arguments *a, struct err *err)
{
    struct place_env env = { .uid = geteuid(), .state = a->state, .socket = a->socket };
    if (geteuid() == 0)
        return err_set(err, E_DENIED, "eould --system runs as a user of its own (eoul), never as root; only "
                       "eoul-launcher is root.");
    if (a->team || !a->state != !a->socket)
        return err_set(err, E_USAGE, "--system goes with both or neither of --state and --socket, and not with "
                       "--team.");
    d->system = true;
    d->mode = "system";
    int code = a->state ? place_find(&env, &d->place, err) : place_of_system(&d->place, err);
    if (code < 0)
        return code;
    d->state_fd = place_open_state(&d->place, err);
    return d->state_fd < 0 ? d->state_fd : 0;
}

static int find_places(struct daemon *d, const struct arguments *a, struct err *err)
{
    struct place_env env;
    if (a->system)
        return find_system(d, a, err);
    int code = a->team ? find_team(d, a->team, err) : 0;
    if (code < 0)
        return code;
    place_env_of_process(&env);
    if (a->state)
        env.state = a->state;
    if (a->socket)
        env.socket = a->socket;
    if (!d->team || env.socket || env.state)
        env.system_socket = "/nonexistent"; /* this daemon is nobody's client */
    code = d->team && !env.socket && !env.state ? place_of_team(&env, d->team_gid, &d->place, err)
                                                : place_find(&env, &d->place, err);
    if (code < 0)
        return code;
    d->state_fd = place_open_state(&d->place, err);
    return d->state_fd < 0 ? d->state_fd : 0;
}

static int load_config(struct daemon *d, const struct arguments *a, struct err *err)
{
    const char *named = a->config ? a->config : getenv("EOUL_CONFIG"), *base = getenv("XDG_CONFIG_HOME");
    const char *home = getenv("HOME");
    char *path = d->config_path;
    size_t size = sizeof d->config_path;
    int n;
    d->config_named = named && *named;
    if (d->config_named)
        n = snprintf(path, size, "%s", named);
    else if (d->system)
        n = snprintf(path, size, SYSTEM_CONFIG);
    else if (base && *base == '/')
        n = snprintf(path, size, "%s/eoul/eoul.yaml", base);
    else
        n = snprintf(path, size, "%s/.config/eoul/eoul.yaml", home ? home : "");
    if (n < 0 || (size_t)n >= size) {
        path[0] = '\0';
        if (d->config_named)
            return err_set(err, E_TOO_LARGE, "The path of the configuration is too long.");
    }
    int code = reload_read(d, &d->config, err);
    d->config_start = d->config;
    return code;
}

static void raise_descriptors(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || getenv("EOUL_KEEP_NOFILE"))
        return;
    rlim_t want = limit.rlim_max < NOFILE_WANTED ? limit.rlim_max : NOFILE_WANTED;
    if (limit.rlim_cur >= want)
        return;
    limit.rlim_cur = want;
    setrlimit(RLIMIT_NOFILE, &limit); /* else as few as there are: starts then wait */
}

/* --- starting ---------------------------------------------------------------------------------------- */

static void engine_ready(struct loop_watch *w, uint32_t events, void *data)
{
    struct daemon *d = data;
    (void)w, (void)events;
    engine_poll(d->engine);
}

static void caught_stop(int signo, void *data)
{
    struct daemon *d = data;
    log_line("stop", "signal=%d", signo);
    d->stopping = true;
    d->stop_when_idle = false;
}

static void caught_again(int signo, void *data)
{
    (void)signo;
    socket_again(data);
}

static void caught_reload(int signo, void *data)
{
    (void)signo;
    reload_by_signal(data);
}

static void clock_stepped(struct loop *l, void *data)
{
    struct daemon *d = data;
    (void)l;
    log_line("clock", "state=stepped");
    d->plan_fresh = false;
}

static int open_store(struct daemon *d, int lock_fd, struct err *err)
{
    const struct store_options o = { .dir = d->place.state };
    int code = store_open_locked(&o, lock_fd, &d->store, err);
    return code;
}

static int start_engine(struct daemon *d, struct err *err)
{
    const struct engine_local_options o = { .state_fd = d->state_fd,
                                            .libexec = getenv("EOUL_LIBEXEC"),
                                            .launcher = d->system ? ticket_socket() : NULL };
    return engine_local_open(&o, &d->engine, err);
}

static int start_loop(struct daemon *d, struct err *err)
{
    int code = loop_create(&d->loop);
    if (code == 0)
        code = loop_watch_add(d->loop, &d->engine_watch, engine_fd(d->engine), LOOP_READ,
                              engine_ready, d);
    if (code == 0)
        code = loop_signal(d->loop, SIGTERM, caught_stop, d);
    if (code == 0)
        code = loop_signal(d->loop, SIGINT, caught_stop, d);
    if (code == 0)
        code = loop_signal(d->loop, SIGUSR1, caught_again, d);
    if (code == 0)
        code = loop_signal(d->loop, SIGHUP, caught_reload, d);
    if (code == 0)
        signal(SIGHUP, SIG_DFL); /* it was ignored until somebody listened: what is ignored is not heard either */
    if (code < 0)
        return err_set(err, code, "cannot wait for events: %s", strerror(errno));
    loop_before_sleep(d->loop, turn_run, d);
    loop_on_clock_step(d->loop, clock_stepped, d);
    return 0;
}

static int start(struct daemon *d, int lock_fd, struct err *err)
{
    int code = start_engine(d, err);
    if (code < 0) {
        io_close(&lock_fd);
        return code;
    }
    code = open_store(d, lock_fd, err);
    if (code == 0)
        code = start_loop(d, err);
    if (code == 0 && d->system)
        code = roles_load(d, err);
    if (code == 0)
        code = people_create(d->config, &d->people, err);
    if (code == 0)
        code = notices_load(d, err);
    if (code == 0)
        code = refusals_load(d, err);
    if (code == 0)
        code = state_load(d, err);
    if (code == 0)
        code = week_load(d, err);
    if (code == 0)
        code = passed_load(d, err);
    if (code == 0)
        code = gpus_load(d, err);
    if (code < 0)
        return code;
    keep_begin(d);
    gpus_watch(d);
    request_links(d);
    code = run_recover(d, err);
    if (code == 0)
        code = turn_first(d, err);
    if (code == 0)
        code = web_create(&d->web, d, d->loop);
    if (code == 0)
        code = socket_open(d, err);
    keep_start(d);
    d->retain_due = true; /* one that never runs for an hour keeps no longer than others */
    backup_start(d);
    snapshots_look(d);
    if (code == 0)
        code = fetch_start(d);
    if (code == 0)
        notices_start(d);
    else if (!err->text[0])
        err_set(err, code, "the daemon cannot start (%s)", err_word(code));
    return code;
}

/* --- stopping ---------------------------------------------------------------------------------------- */

static void stop(struct daemon *d)
{
    signal(SIGHUP, SIG_IGN);
    socket_close(d);
    if (d->core && d->events_since_snapshot && !d->disk_full && d->web) {
        int code = state_snapshot(d); /* the next start need not replay, nor an upgrade agree */
        if (code < 0)
            log_line("snapshot", "code=%s", err_word(code));
    }
    if (d->web)
        refusals_flush(d);
    web_destroy(d->web);
    if (d->loop) {
        look_finish(d);
        gpus_finish(d);
        notices_finish(d);
        fetch_finish(d);
        week_finish(d);
    }
    if (d->loop)
        loop_watch_remove(&d->engine_watch);
    engine_destroy(d->engine);
    turn_finish(d);
    refusals_finish(d);
    index_clear(&d->index);
    passed_finish(d);
    state_finish(d);
    people_destroy(d->people);
    roles_forget(d);
    reload_finish(d);
    loop_destroy(d->loop);
    backup_stop(d);
    list_finish(&d->restored);
    store_close(d->store);
    io_close(&d->state_fd);
}

/* --- main -------------------------------------------------------------------------------------------- */

static void say_ready(int *fd, const char *word, const char *rest)
{
    if (*fd < 0)
        return;
    dprintf(*fd, "%s%s\n", word, rest);
    io_close(fd);
}

/* Whoever waited for us was told; the number is by now that of another descriptor, perhaps the store's. */
static void drop_ready(char **argv)
{
    char **to = argv;
    for (char **from = argv; *from; from++) {
        if (strcmp(*from, "--ready-fd") == 0 && from[1])
            from++;
        else if (strncmp(*from, "--ready-fd=", sizeof "--ready-fd=" - 1) != 0)
            *to++ = *from;
    }
    *to = NULL;
}

static int refuse(struct arguments *a, const struct err *err)
{
    if (a->ready_fd >= 0 && a->other) {
        char pid[32] = "0";
        const char *open = strstr(err->text, "(process ");
        if (open)
            sscanf(open, "(process %20[0-9]", pid);
        say_ready(&a->ready_fd, "other ", pid);
    }
    say_ready(&a->ready_fd, err->text, "");
    fprintf(stderr, "eould: %s\n", err->text);
    return a->other ? STATUS_OTHER : 1;
}

static int check_store(const struct store_options *o, struct err *err)
{
    struct store *s = NULL;
    int code = store_open(o, &s, err);
    if (code == 0)
        code = store_check(s, err);
    store_close(s);
    return code;
}

static int export_journal(const struct store_options *o, const char *path, bool whole, struct err *err)
{
    struct store *s = NULL;
    int code = store_open(o, &s, err);
    if (code < 0)
        return code;
    int fd = strcmp(path, "-") == 0 ? STDOUT_FILENO
                                    : open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    code = fd < 0 ? err_set(err, io_from_errno(errno), "cannot write %s: %s", path, strerror(errno))
                  : store_journal_export(s, fd, whole, err);
    if (fd > STDOUT_FILENO && close(fd) < 0 && code == 0)
        code = err_set(err, io_from_errno(errno), "cannot write %s: %s", path, strerror(errno));
    store_close(s);
    return code;
}

static int restore(struct daemon *d, const char *file, enum lang lang, struct err *err)
{
    int code = backup_restore(d->place.state, d->state_fd, file, err);
    if (code == E_BUSY)
        err_set(err, E_BUSY, "The daemon of %s is up; \"eoul down\" stops it, then restore again.", d->place.state);
    if (code == 0)
        printf(tr(lang, "The copy is in place; the store before it is kept as %s/%s.replaced.\n"
                        "\"eoul up\" starts with it: what waits in it is held until \"eoul release\".\n"),
               d->place.state, STORE_FILE);
    return code;
}

static int serve(struct daemon *d, struct arguments *a, struct err *err)
{
    int lock_fd = -1;
    int code = store_lock(d->place.state, &lock_fd, err);
    a->other = code == E_BUSY;
    if (code < 0)
        return code;
    code = load_config(d, a, err);
    if (code < 0) {
        io_close(&lock_fd);
        return code;
    }
    log_open(d);
    code = start(d, lock_fd, err);
    if (code == 0) {
        log_line("start", "version=" EOUL_VERSION " state=%s socket=%s jobs=%u seq=%llu",
                 d->place.state, d->place.socket, core_jobs_n(d->core),
                 (unsigned long long)store_journal_last(d->store));
        say_ready(&a->ready_fd, "ok", "");
        (void)store_log_room(d->store); /* now, when nobody waits for it */
        code = loop_run(d->loop);
        if (code < 0)
            err_set(err, code, "waiting for events failed (%s)", err_word(code));
        log_line("stopped", "restart=%s", d->restart ? "yes" : "no");
    } else {
        log_line("refused", "error=\"%s\"", err->text);
    }
    return code;
}

static int check_config(const char *path, enum lang lang)
{
    struct err err = { .translate = tr_of(lang) };
    struct config *c = NULL;
    struct buf out;
    int code = config_load(path, &c, &err);
    if (code < 0) {
        fprintf(stderr, "%s\n", err.text);
        return err_exit_status(code);
    }
    buf_init(&out, 1 << 20);
    config_tell(c, path, lang, &out);
    fputs(out.failed ? "" : out.ptr, stdout);
    buf_finish(&out);
    config_destroy(c);
    return 0;
}

int main(int argc, char **argv)
{
    struct arguments a;
    enum lang lang = lang_from_env(getenv("LC_ALL"), getenv("LC_MESSAGES"), getenv("LANG"),
                                   getenv("LANGUAGE"));
    struct err err = { .translate = tr_of(lang) };
    int status = parse(argc, argv, lang, &a);
    if (status >= 0)
        return status;
    if (a.check_config)
        return check_config(a.check_config, lang);
    umask(077);
    fault_init();
    signal(SIGPIPE, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    struct daemon *d = calloc(1, sizeof *d);
    if (!d)
        return 1;
    d->state_fd = d->lock_dir_fd = -1;
    d->lock_fd_watch.fd = -1;
    d->ops_end = &d->ops;
    d->own_end = &d->own;
    d->mode = "personal";
    d->gpu_source = "none";
    d->foreground = a.foreground;
    d->accept_divergence = a.accept_divergence;
    d->started_at = io_wall_now();
    int code = find_places(d, &a, &err);
    if (code < 0 || io_boot_id(d->boot_id) < 0)
        return refuse(&a, &err);
    const struct store_options o = { .dir = d->place.state };
    if (a.check)
        code = check_store(&o, &err);
    else if (a.export)
        code = export_journal(&o, a.export, a.whole, &err);
    else if (a.restore)
        code = restore(d, a.restore, lang, &err);
    else {
        raise_descriptors();
        code = serve(d, &a, &err);
    }
    if (a.check || a.export || a.restore)
        a.other = code == E_BUSY; /* these open no socket and start nothing: it is the lock */
    status = code < 0 ? refuse(&a, &err) : 0;
    bool restart = code >= 0 && d->restart;
    stop(d);
    free(d);
    if (restart) {
        drop_ready(argv);
        execv("/proc/self/exe", argv); /* signals are blocked in the loop only */
        perror("eould: cannot start again");
        return 1;
    }
    return status;
}
