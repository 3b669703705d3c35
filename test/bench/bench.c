/* bench.c - how long eoul takes, beside what the machine needs for the bare minimum.
 *
 *     bench PROGRAMS_DIR SCRATCH_DIR
 *
 * Prints `name<TAB>value<TAB>unit<TAB>target<TAB>ok|short`, one figure a line.  Times on a shared
 * machine mean little by themselves, so a figure is a ratio to a floor measured in the same run on
 * the same file system (spawning a static program that does nothing, a round trip on a Unix socket,
 * an SQLite commit with synchronous=FULL, fdatasync), or to a peer (task-spooler, nq) doing the same.
 * Never fails on a time; exits 1 only when something does not work at all.
 *
 * A private daemon with 8 CPU slots lives in SCRATCH_DIR for the length of the run, and jobs are
 * submitted from a plain directory there, as the peers' are.  From a git work tree the state of the
 * code is recorded too, which the peers do not do: that has a figure of its own, beside git's own time.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

enum { SAMPLES_MAX = 4096, PATH_LEN = 512, SLOTS = 8 };

static char programs[PATH_LEN], scratch[PATH_LEN], socket_path[PATH_LEN];

static double now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static void die(const char *what)
{
    fprintf(stderr, "bench: %s: %s\n", what, strerror(errno));
    exit(1);
}

static const char *path_of(const char *format, ...) __attribute__((format(printf, 1, 2)));
static const char *path_of(const char *format, ...)
{
    static char ring[8][PATH_LEN * 2];
    static unsigned next;
    char *at = ring[next++ % 8];
    va_list args;
    va_start(args, format);
    vsnprintf(at, sizeof ring[0], format, args);
    va_end(args);
    return at;
}

/* --- samples ----------------------------------------------------------------------------------- */

struct samples {
    double v[SAMPLES_MAX];
    int n;
};

static void take(struct samples *s, double value)
{
    if (s->n < SAMPLES_MAX)
        s->v[s->n++] = value;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double quantile(struct samples *s, double q)
{
    qsort(s->v, (size_t)s->n, sizeof s->v[0], by_value);
    return s->n ? s->v[(int)(q * (s->n - 1))] : 0;
}

/* more: true when larger is better */
static void figure(const char *name, double value, const char *unit, double target, bool more)
{
    bool ok = more ? value >= target : value <= target;
    printf("%s\t%.3g\t%s\t%s%.3g\t%s\n", name, value, unit, more ? ">=" : "<=", target, ok ? "ok" : "short");
    fflush(stdout);
}

static void note(const char *name, double value, const char *unit)
{
    printf("%s\t%.3g\t%s\t-\tok\n", name, value, unit);
    fflush(stdout);
}

/* --- processes --------------------------------------------------------------------------------- */

static pid_t start(char *const argv[], const char *output)
{
    posix_spawn_file_actions_t files;
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&files, 1, output ? output : "/dev/null",
                                     O_WRONLY | O_CREAT | O_TRUNC, 0600);
    pid_t pid;
    int r = posix_spawnp(&pid, argv[0], &files, NULL, argv, environ);
    posix_spawn_file_actions_destroy(&files);
    if (r != 0) {
        errno = r;
        die(argv[0]);
    }
    return pid;
}

static int finish(pid_t pid)
{
    int status;
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            die("waitpid");
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static void must(char *const argv[])
{
    int r = finish(start(argv, NULL));
    if (r != 0) {
        fprintf(stderr, "bench: %s %s: exit %d\n", argv[0], argv[1] ? argv[1] : "", r);
        exit(1);
    }
}

static double timed(char *const argv[])
{
    double from = now_ms();
    must(argv);
    return now_ms() - from;
}


/* --- floors ------------------------------------------------------------------------------------ */

static struct { double spawn, exec_client, round_trip, commit, fdatasync; } least;

static double floor_commit(void)
{
    sqlite3 *db;
    sqlite3_stmt *insert;
    static struct samples s;
    s.n = 0;
    if (sqlite3_open(path_of("%s/floor.db", scratch), &db) != SQLITE_OK)
        die("sqlite");
    sqlite3_exec(db, "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; CREATE TABLE t(a INTEGER PRIMARY KEY, b)",
                 NULL, NULL, NULL);
    sqlite3_prepare_v2(db, "INSERT INTO t(b) VALUES (zeroblob(300))", -1, &insert, NULL);
    for (int i = 0; i < 300; i++) {
        double from = now_ms();
        sqlite3_step(insert); /* outside a transaction: one commit each */
        sqlite3_reset(insert);
        take(&s, now_ms() - from);
    }
    sqlite3_finalize(insert);
    sqlite3_close(db);
    return quantile(&s, 0.5);
}

static double floor_fdatasync(void)
{
    static struct samples s;
    s.n = 0;
    char block[300] = { 0 };
    int fd = open(path_of("%s/floor.bin", scratch), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    for (int i = 0; i < 300; i++) {
        double from = now_ms();
        if (write(fd, block, sizeof block) < 0 || fdatasync(fd) < 0)
            die("fdatasync");
        take(&s, now_ms() - from);
    }
    close(fd);
    return quantile(&s, 0.5);
}

static int listen_at(const char *path)
{
    struct sockaddr_un at = { .sun_family = AF_UNIX };
    strncpy(at.sun_path, path, sizeof at.sun_path - 1);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof at) < 0 || listen(fd, 64) < 0)
        die(path);
    return fd;
}

static int connect_to(const char *path)
{
    struct sockaddr_un at = { .sun_family = AF_UNIX };
    strncpy(at.sun_path, path, sizeof at.sun_path - 1);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&at, sizeof at) < 0)
        die(path);
    return fd;
}

static double floor_round_trip(void)
{
    static struct samples s;
    s.n = 0;
    const char *path = path_of("%s/floor.sock", scratch);
    int listener = listen_at(path);
    pid_t server = fork();
    if (server == 0) {
        char block[512];
        for (;;) {
            int fd = accept(listener, NULL, NULL);
            ssize_t n = read(fd, block, sizeof block);
            if (n > 0 && write(fd, block, (size_t)n) < 0)
                _exit(1);
            close(fd);
        }
    }
    char block[300] = { 0 };
    for (int i = 0; i < 500; i++) {
        double from = now_ms();
        int fd = connect_to(path);
        if (write(fd, block, sizeof block) < 0 || read(fd, block, sizeof block) <= 0)
            die("round trip");
        close(fd);
        take(&s, now_ms() - from);
    }
    kill(server, SIGKILL);
    finish(server);
    close(listener);
    return quantile(&s, 0.5);
}

static double floor_spawn(char *const argv[])
{
    static struct samples s;
    s.n = 0;
    for (int i = 0; i < 300; i++)
        take(&s, timed(argv));
    return quantile(&s, 0.5);
}

/* 1,000 runs of nothing, SLOTS at a time: milliseconds. */
static double floor_thousand(void)
{
    char *argv[] = { (char *)path_of("%s/test/bench/nothing", programs), NULL };
    char nothing[PATH_LEN * 2];
    snprintf(nothing, sizeof nothing, "%s", argv[0]);
    argv[0] = nothing;
    double from = now_ms();
    int running = 0;
    for (int i = 0; i < 1000; i++) {
        if (running == SLOTS) {
            wait(NULL);
            running--;
        }
        start(argv, NULL);
        running++;
    }
    while (running-- > 0)
        wait(NULL);
    return now_ms() - from;
}

static void measure_floors(void)
{
    char nothing[PATH_LEN * 2], client[PATH_LEN * 2];
    snprintf(nothing, sizeof nothing, "%s/test/bench/nothing", programs);
    snprintf(client, sizeof client, "%s/eoul", programs);
    char *run_nothing[] = { nothing, NULL };
    char *run_client[] = { client, "--version", NULL };
    least.spawn = floor_spawn(run_nothing);
    least.exec_client = floor_spawn(run_client);
    least.round_trip = floor_round_trip();
    least.commit = floor_commit();
    least.fdatasync = floor_fdatasync();
    note("floor: spawn of a static program", least.spawn, "ms");
    note("floor: connect and round trip", least.round_trip, "ms");
    note("floor: SQLite FULL commit", least.commit, "ms");
    note("floor: append and fdatasync", least.fdatasync, "ms");
    figure("eoul --version / spawn of a static program", least.exec_client / least.spawn, "x", 2, false);
}

/* --- the daemon -------------------------------------------------------------------------------- */

static char eoul_path[PATH_LEN * 2];

static pid_t daemon_pid(void)
{
    char line[64] = "";
    FILE *pipe = popen(path_of("%s status --json | jq .pid", eoul_path), "r"); /* fixed words, our own */
    if (!pipe || !fgets(line, sizeof line, pipe))
        die("eoul status");
    pclose(pipe);
    return (pid_t)strtol(line, NULL, 10);
}

static double rss_mib(pid_t pid)
{
    FILE *file = fopen(path_of("/proc/%d/status", (int)pid), "r");
    char line[256];
    double kib = 0;
    while (file && fgets(line, sizeof line, file))
        if (strncmp(line, "VmRSS:", 6) == 0)
            kib = strtod(line + 6, NULL);
    if (file)
        fclose(file);
    return kib / 1024;
}

static void up(void)
{
    char *argv[] = { eoul_path, "up", NULL };
    must(argv);
}

static void down(void)
{
    char *argv[] = { eoul_path, "down", NULL };
    finish(start(argv, NULL));
}

static void cancel_all(void)
{
    char *argv[] = { eoul_path, "cancel", "--mine", NULL };
    finish(start(argv, NULL));
}

/* --- figures ----------------------------------------------------------------------------------- */

static double repeat(char *const argv[], int times)
{
    static struct samples s;
    s.n = 0;
    for (int i = 0; i < times; i++)
        take(&s, timed(argv));
    return quantile(&s, 0.5);
}

static void submit_one_by_one(void)
{
    static struct samples s;
    s.n = 0;
    char *argv[] = { eoul_path, "submit", "--parsable", "--hold", "--output=/dev/null", "--", "true", NULL };
    for (int i = 0; i < 300; i++)
        take(&s, timed(argv));
    double least_ms = least.exec_client + least.round_trip + least.commit;
    note("submit one by one, median", quantile(&s, 0.5), "ms");
    figure("submit one by one: (client exec + round trip + commit) / submit", least_ms / quantile(&s, 0.5),
           "x", 0.80, true);
    cancel_all();
}

/* The same from a clean work tree of 300 files: what a submit then takes beyond `git status` itself. */
static void submit_from_git(void)
{
    static const char make[] = "mkdir -p \"$0\" && cd \"$0\" && git init -q . && for i in $(seq 300); do echo $i >f$i; done && "
                               "git add . && git -c user.name=b -c user.email=b@localhost commit -qm first";
    char tree[PATH_LEN * 2];
    snprintf(tree, sizeof tree, "%s/repository", scratch);
    char *argv[] = { eoul_path, "submit", "--parsable", "--hold", "--output=/dev/null", "--", "true", NULL };
    char *git[] = { "git", "status", "--porcelain=v2", "--branch", NULL };
    must((char *[]){ "sh", "-c", (char *)make, tree, NULL });
    double plain_ms = repeat(argv, 60);
    if (chdir(tree) < 0)
        die(tree);
    double git_ms = repeat(git, 60), both_ms = repeat(argv, 60);
    if (chdir(scratch) < 0)
        die(scratch);
    note("submit from a git work tree, median", both_ms, "ms");
    figure("submit from a git work tree / (submit elsewhere + git status)", both_ms / (plain_ms + git_ms), "x", 1.25, false);
    cancel_all();
}

static void submit_array(void)
{
    static struct samples s;
    s.n = 0;
    for (int i = 0; i < 5; i++) {
        char *argv[] = { eoul_path, "submit", "--hold", "--array=0-9999", "--output=/dev/null", "--", "true", NULL };
        take(&s, timed(argv));
        cancel_all();
    }
    figure("array of 10,000 in one call", quantile(&s, 0.5), "ms", 60, false);
}

/* One request on a kept connection; reads the whole answer; exits on anything but 200. */
static void post(int fd, const char *body)
{
    char request[2048], answer[4096];
    int len = snprintf(request, sizeof request,
                       "POST /v1/jobs HTTP/1.1\r\nHost: eoul\r\nContent-Type: application/json\r\n"
                       "Content-Length: %zu\r\n\r\n%s", strlen(body), body);
    if (write(fd, request, (size_t)len) != len)
        _exit(1);
    size_t have = 0;
    for (;;) {
        ssize_t n = read(fd, answer + have, sizeof answer - 1 - have);
        if (n <= 0)
            _exit(1);
        have += (size_t)n;
        answer[have] = '\0';
        char *end = strstr(answer, "\r\n\r\n"), *length = strcasestr(answer, "content-length:");
        if (end && length && have >= (size_t)(end + 4 - answer) + strtoul(length + 15, NULL, 10))
            break;
    }
    if (strncmp(answer, "HTTP/1.1 200", 12) != 0) {
        fprintf(stderr, "bench: %s\n", answer);
        _exit(1);
    }
}

static void submit_from_sixteen(void)
{
    enum { CLIENTS = 16, EACH = 500 };
    pid_t clients[CLIENTS];
    double from = now_ms();
    for (int i = 0; i < CLIENTS; i++) {
        clients[i] = fork();
        if (clients[i] == 0) {
            int fd = connect_to(socket_path);
            for (int k = 0; k < EACH; k++)
                post(fd, "{\"jobs\":[{\"spec\":\"chdir=/tmp\\noutput=/dev/null\\nhold=yes\\nargv=true\",\"env\":[\"PATH=/usr/bin:/bin\"]}]}");
            _exit(0);
        }
    }
    for (int i = 0; i < CLIENTS; i++)
        if (finish(clients[i]) != 0) {
            fprintf(stderr, "bench: a client failed\n");
            exit(1);
        }
    figure("16 clients, durable submits", CLIENTS * EACH / ((now_ms() - from) / 1e3), "/s", 5000, true);
    cancel_all();
}

static void thousand_through(void)
{
    static struct samples ratio;
    ratio.n = 0;
    char nothing[PATH_LEN * 2];
    snprintf(nothing, sizeof nothing, "%s/test/bench/nothing", programs);
    double least_ms = 0, taken = 0;
    for (int i = 0; i < 3; i++) {
        least_ms = floor_thousand();
        char *argv[] = { eoul_path, "submit", "--wait", "--array=0-999", "--output=/dev/null", "--", nothing, NULL };
        taken = timed(argv);
        take(&ratio, least_ms / taken);
    }
    note("array of 1,000 on 8 slots, end to end", taken, "ms");
    figure("array of 1,000 on 8 slots: spawn floor / end to end", quantile(&ratio, 0.5), "x", 0.40, true);
}

static bool have(const char *program)
{
    return finish(start((char *[]){ "sh", "-c", (char *)path_of("command -v %s", program), NULL }, NULL)) == 0;
}

/* Wait for a file to grow to `size`, by looking: the peers offer nothing to wait on. */
static void await_size(const char *path, off_t size)
{
    struct stat st;
    while (stat(path, &st) < 0 || st.st_size < size)
        usleep(50);
}

/* Submit to first instruction, on an idle machine. */
static double dispatch(char *const argv[], const char *stamp)
{
    static struct samples s;
    s.n = 0;
    for (int i = 0; i < 60; i++) {
        unlink(stamp);
        double from = now_ms(), at = 0;
        must(argv);
        await_size(stamp, sizeof at);
        int fd = open(stamp, O_RDONLY | O_CLOEXEC);
        if (read(fd, &at, sizeof at) != sizeof at)
            die(stamp);
        close(fd);
        take(&s, at - from);
        usleep(5000); /* let the previous one end: the machine is to be idle */
    }
    return quantile(&s, 0.5);
}

static void latency(void)
{
    char nothing[PATH_LEN * 2], stamper[PATH_LEN * 2], stamp[PATH_LEN * 2];
    snprintf(nothing, sizeof nothing, "%s/test/bench/nothing", programs);
    snprintf(stamper, sizeof stamper, "%s/test/bench/stamp", programs);
    snprintf(stamp, sizeof stamp, "%s/stamp", scratch);

    char *submit[] = { eoul_path, "submit", "--parsable", "--output=/dev/null", "--", stamper, stamp, NULL };
    char *run[] = { eoul_path, "run", "--", nothing, NULL };
    double first = dispatch(submit, stamp);
    double whole = repeat(run, 60);
    /* client, supervisor, job; the submit's round trip and commit; the commit of the start; the
     * claim's two syncs. */
    double floor_first = least.exec_client + 2 * least.spawn + least.round_trip + 2 * least.commit +
                         2 * least.fdatasync;
    /* and then the exit's two syncs and the commit of the end, with one more round trip. */
    double floor_whole = floor_first + least.round_trip + 2 * least.fdatasync + least.commit;
    note("submit to first instruction", first, "ms");
    note("run to exit", whole, "ms");
    figure("dispatch on an idle machine / its floor", first / floor_first, "x", 1.6, false);
    figure("turnaround / its floor", whole / floor_whole, "x", 1.6, false);

    if (!have("tsp")) {
        fprintf(stderr, "bench: task-spooler (tsp) is not installed: its figures are left out\n");
        return;
    }
    setenv("TS_SOCKET", path_of("%s/tsp.sock", scratch), 1);
    setenv("TMPDIR", scratch, 1);
    char *tsp_submit[] = { "tsp", "-n", stamper, stamp, NULL };
    char *tsp_run[] = { "tsp", "-nf", nothing, NULL };
    double peer_first = dispatch(tsp_submit, stamp);
    double peer_whole = repeat(tsp_run, 60);
    note("task-spooler: submit to first instruction", peer_first, "ms");
    note("task-spooler: run to exit", peer_whole, "ms");
    figure("dispatch / task-spooler's", first / peer_first, "x", 1.5, false);
    figure("turnaround / task-spooler's", whole / peer_whole, "x", 1.5, false);
}

/* 300 jobs submitted one by one, on one slot each, until the last has ended: jobs a second. */
static void one_by_one_through(void)
{
    enum { JOBS = 300 };
    char witness[PATH_LEN * 2], appender[PATH_LEN * 2];
    snprintf(appender, sizeof appender, "%s/test/bench/append", programs);
    snprintf(witness, sizeof witness, "%s/witness", scratch);

    char *submit[] = { eoul_path, "submit", "--parsable", "--output=/dev/null", "--", appender, witness, NULL };
    unlink(witness);
    double from = now_ms();
    for (int i = 0; i < JOBS; i++)
        must(submit);
    await_size(witness, JOBS);
    double ours = now_ms() - from;
    note("300 jobs one by one", JOBS / ours * 1e3, "jobs/s");

    if (have("tsp")) {
        char *slots[] = { "tsp", "-S", "8", NULL }, *peer[] = { "tsp", "-n", appender, witness, NULL };
        must(slots);
        unlink(witness);
        from = now_ms();
        for (int i = 0; i < JOBS; i++)
            must(peer);
        await_size(witness, JOBS);
        double theirs = now_ms() - from;
        note("task-spooler: 300 jobs one by one", JOBS / theirs * 1e3, "jobs/s");
        figure("one by one: our jobs a second / task-spooler's", theirs / ours, "x", 0.8, true);
        char *end[] = { "tsp", "-K", NULL };
        finish(start(end, NULL));
    }
    if (have("nq")) {
        setenv("NQDIR", path_of("%s/nq", scratch), 1);
        mkdir(path_of("%s/nq", scratch), 0700);
        char *peer[] = { "nq", "-q", appender, witness, NULL };
        unlink(witness);
        from = now_ms();
        for (int i = 0; i < JOBS; i++)
            must(peer);
        await_size(witness, JOBS);
        note("nq: 300 jobs one by one", JOBS / (now_ms() - from) * 1e3, "jobs/s");
    }
}

/* Jobs of their own, not an array: the harder case for every list. */
static void queued(unsigned long tasks, double screen_ms, double all_ms, double rss)
{
    const char *list = path_of("%s/list", scratch);
    FILE *file = fopen(list, "w");
    for (unsigned long i = 0; i < tasks && i < 10000; i++)
        fprintf(file, "--begin=now+10days --job-name=j%lu --output=/dev/null -- true %lu\n", i % 300, i);
    fclose(file);
    char *argv[] = { eoul_path, "submit", "--from", (char *)list, NULL };
    for (unsigned long done = 0; done < tasks; done += 10000) /* the list of 10,000, as often as needed */
        must(argv);
    char *screen[] = { eoul_path, "queue", NULL }, *all[] = { eoul_path, "queue", "--all", NULL };
    figure(path_of("%lu queued: first screen", tasks), repeat(screen, 40), "ms", screen_ms, false);
    if (all_ms > 0)
        figure(path_of("%lu queued: all rows", tasks), repeat(all, 5), "ms", all_ms, false);
    figure(path_of("%lu queued: daemon's memory", tasks), rss_mib(daemon_pid()), "MiB", rss, false);
}

static void restart(void)
{
    static struct samples s;
    s.n = 0;
    for (int i = 0; i < 5; i++) {
        pid_t pid = daemon_pid();
        kill(pid, SIGKILL);
        while (kill(pid, 0) == 0)
            usleep(200);
        double from = now_ms();
        up(); /* returns when it answers */
        take(&s, now_ms() - from);
    }
    figure("10,000 queued: back after kill -9", quantile(&s, 0.5), "ms", 200, false);
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "usage: bench PROGRAMS_DIR SCRATCH_DIR\n");
        return 2;
    }
    snprintf(programs, sizeof programs, "%s", argv[1]);
    snprintf(scratch, sizeof scratch, "%s", argv[2]);
    snprintf(eoul_path, sizeof eoul_path, "%s/eoul", programs);
    snprintf(socket_path, sizeof socket_path, "%s", getenv("EOUL_SOCKET") ? getenv("EOUL_SOCKET") : "");

    if (chdir(scratch) < 0)
        die(scratch);
    measure_floors();
    up();
    submit_one_by_one();
    submit_from_git();
    submit_array();
    submit_from_sixteen();
    latency();
    one_by_one_through();
    thousand_through();
    queued(10000, 10, 100, 20);
    restart();
    cancel_all();
    queued(100000, 50, 0, 80);
    down();
    return 0;
}
