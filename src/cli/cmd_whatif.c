/* cmd_whatif.c - `eoul whatif`: the simulator on the running daemon's own history.
 *
 * What the daemon tells everybody of ended jobs (owner, name, GPUs, times, what they took), with its power cap and what a GPU takes, is written as a trace into memory and
 * given to eoul-sim as its standard input; nothing is stored.  Hours of other people are nobody's business here:
 * calendars are the office's, or as --calendars says.  With --from observed it is what `eoul observe` recorded, handed on
 * in the same way; then, and with --from FILE, no daemon is asked.
 *
 * `eoul whatif mode` hands the same history to `eoul sim mode`: which mode of the week would have served best. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/io.h"
#include "cli/observe.h"
#include "cli/program.h"
#include "observe/record.h"

#define ARGS_MAX 64
#define CAP_MAX  512 /* of a power cap, with its hours */
#define ROWS_MAX 200000 /* of history; each is about 500 bytes of the daemon's answer */

/* A name between quotes; its own quotes become apostrophes, so that every reader reads it alike. */
static void quoted(struct buf *out, const char *name)
{
    buf_char(out, '"');
    for (const char *c = name; *c; c++)
        buf_char(out, *c == '"' ? '\'' : (unsigned char)*c < ' ' ? ' ' : *c);
    buf_char(out, '"');
}

static void put_row(struct buf *out, const json_t *row, bool slots)
{
    usec_t submit_at = json_i64(row, "submit_at"), start_at = json_i64(row, "start_at");
    usec_t run_us = json_i64(row, "end_at") - start_at, limit_us = json_i64(row, "limit_us");
    int64_t watts_mw = json_i64(row, "watts_mw");
    if (start_at <= 0 || run_us <= 0) /* never ran: nobody knows how long it takes */
        return;
    buf_printf(out, "%lld.%06lld,%lld.%06lld,%lld,", (long long)(submit_at / USEC_PER_SEC),
               (long long)(submit_at % USEC_PER_SEC), (long long)(run_us / USEC_PER_SEC), (long long)(run_us % USEC_PER_SEC),
               (long long)json_i64(row, slots ? "cpus" : "gpus"));
    quoted(out, json_text(row, "owner")[0] ? json_text(row, "owner") : "others");
    buf_char(out, ',');
    if (limit_us > 0)
        buf_printf(out, "%lld", (long long)(limit_us / USEC_PER_SEC));
    buf_char(out, ',');
    quoted(out, json_text(row, "name"));
    buf_char(out, ',');
    if (watts_mw > 0)
        buf_printf(out, "%lld.%03lld", (long long)(watts_mw / 1000), (long long)(watts_mw % 1000));
    buf_char(out, '\n');
}

/* The GPUs there are, but those that are gone, the most that one takes, and the cap on all; with none, the CPUs are the
 * slots, and nobody knows what one takes. */
struct machine {
    int64_t have, full_mw;
    bool slots;
    char power_cap[CAP_MAX]; /* empty: none */
};

static int machine(struct cli *cli, struct machine *ret)
{
    json_t *gpus, *gpu;
    size_t i;
    int r = cli_call(cli, "GET", "/v1/gpus", NULL, &gpus);
    if (r < 0)
        return r;
    *ret = (struct machine){ 0 };
    json_array_foreach(json_object_get(gpus, "gpus"), i, gpu) {
        bool there = strcmp(json_text(gpu, "state"), "gone") != 0;
        int64_t full_mw = there ? json_i64(gpu, "full_mw") : 0;
        ret->have += there;
        ret->full_mw = full_mw > ret->full_mw ? full_mw : ret->full_mw;
    }
    ret->slots = ret->have == 0;
    if (ret->slots)
        ret->have = json_i64(gpus, "cpus");
    else
        snprintf(ret->power_cap, sizeof ret->power_cap, "%s", json_text(gpus, "power_cap"));
    json_decref(gpus);
    return 0;
}

static int history(struct cli *cli, struct buf *csv, struct machine *ret)
{
    json_t *list = NULL, *row;
    size_t i, lines = 0;
    char path[64];
    int r = cli_connect(cli);
    if (r == 0)
        r = machine(cli, ret);
    snprintf(path, sizeof path, "/v1/jobs?state=ended&limit=%d", ROWS_MAX);
    if (r == 0)
        r = cli_call(cli, "GET", path, NULL, &list);
    if (r < 0)
        return r;
    buf_c(csv, "submit,runtime,gpus,user,limit,command,watts\n");
    size_t head = csv->len;
    json_array_foreach(json_object_get(list, "rows"), i, row) {
        put_row(csv, row, ret->slots);
        lines++;
    }
    json_decref(list);
    if (csv->failed)
        return err_set(&cli->err, csv->failed, "The history is too long to be held in memory.");
    if (csv->len == head || lines == 0)
        return err_set(&cli->err, E_STATE, "No job has run to its end yet, so there is nothing to compare; with "
                       "\"--from FILE\" another log can be used.");
    return 0;
}

/* Its text as our standard input. */
static int lend(struct cli *cli, const struct buf *csv)
{
    int fd = memfd_create("eoul-whatif", MFD_CLOEXEC);
    if (fd < 0 || io_write_all(fd, csv->ptr, csv->len) < 0 || lseek(fd, 0, SEEK_SET) < 0 || dup2(fd, 0) < 0) {
        int error = errno;
        io_close(&fd);
        return err_set(&cli->err, io_from_errno(error), "The history cannot be handed on: %s.", strerror(error));
    }
    io_close(&fd);
    return 0;
}

/* The record of `eoul observe`; it must have something to compare. */
static int observed(struct cli *cli, struct buf *csv, int64_t *ret_have)
{
    int r = observe_trace(cli, csv, ret_have);
    if (r == 0 && csv->len <= sizeof RECORD_HEADER - 1)
        return err_set(&cli->err, E_STATE, "No run has been recorded to its end yet; \"eoul observe status\" tells who is in the record.");
    return r;
}

/* Is a trace named, with --from, or as `eoul sim mode` calls it with --trace?  "mine" and "observed" (*ret_observed) are none;
 * *ret_at is where that stands. */
static bool from_elsewhere(char **rest, int n, bool of_modes, int *ret_at, bool *ret_observed)
{
    *ret_at = -1;
    *ret_observed = false;
    for (int i = 0; i < n; i++) {
        const char *word = rest[i] ? rest[i] : "";
        const char *value = strncmp(word, "--from=", 7) == 0 ? word + 7
                          : strcmp(word, "--from") == 0 && i + 1 < n ? rest[i + 1] : NULL;
        if (!value && (strcmp(word, "--help") == 0 ||
                       (of_modes && (strcmp(word, "--trace") == 0 || strncmp(word, "--trace=", 8) == 0))))
            return true;
        if (!value)
            continue;
        *ret_at = i;
        *ret_observed = str_is(str_of(value), "observed");
        return !*ret_observed && !str_is(str_of(value), "mine");
    }
    return false;
}

static int run_whatif(struct cli *cli, struct args *args)
{
    bool of_modes = args->rest_n > 0 && args->rest[0] && strcmp(args->rest[0], "mode") == 0;
    char *argv[ARGS_MAX + 12] = { "eoul-sim", of_modes ? "mode" : "whatif" }, have_text[24], watts_text[32];
    int n = 2, at, r = 0;
    args->rest += of_modes;
    args->rest_n -= of_modes;
    struct machine m = { 0 };
    bool of_record;
    if (args->rest_n > ARGS_MAX) {
        err_set(&cli->err, E_USAGE, "There are more than %d words.", ARGS_MAX);
        return cli_fail(cli);
    }
    if (!from_elsewhere(args->rest, args->rest_n, of_modes, &at, &of_record)) {
        struct buf csv;
        buf_init(&csv, 256u << 20);
        r = of_record ? observed(cli, &csv, &m.have) : history(cli, &csv, &m);
        if (r == 0)
            r = lend(cli, &csv);
        buf_finish(&csv);
        if (r < 0) {
            int status = cli_fail(cli);
            if (r == E_UNAVAILABLE || r == E_STATE)
                fprintf(stderr, "%s\n", tr(cli->lang, "\"eoul whatif --from sample\" shows a made-up team."));
            return status;
        }
        snprintf(have_text, sizeof have_text, "%lld", (long long)m.have);
        argv[n++] = of_modes ? "--trace" : "--from";
        argv[n++] = "-";
        argv[n++] = of_modes ? "--gpus" : "--have";
        argv[n++] = have_text;
        if (m.full_mw > 0) { /* what is typed comes behind, and holds */
            snprintf(watts_text, sizeof watts_text, "%lld", (long long)(m.full_mw + 999) / 1000);
            argv[n++] = "--watts";
            argv[n++] = watts_text;
        }
        if (m.power_cap[0]) {
            argv[n++] = "--power-cap";
            argv[n++] = m.power_cap;
        }
        http_close(&cli->http);
    } else {
        at = -1;
    }
    for (int i = 0; i < args->rest_n; i++) {
        if (i == at) {
            i += strcmp(args->rest[i], "--from") == 0;
            continue;
        }
        argv[n++] = args->rest[i];
    }
    program_become(cli, "eoul-sim", argv);
    return cli_fail(cli);
}

const struct cmd cmd_whatif = {
    .name = "whatif",
    .group = "think",
    .usage = "[--gpus +2,+4] [--policy blend,easy] [--goal TEXT] [--from mine|observed|sample|FILE] [ARG...]",
    .flags = CMD_RAW,
    .run = run_whatif,
    .summary = N_("Compare: two more GPUs, or another order? From the team's own jobs."),
    .examples =
        (const char *const[]){"eoul whatif --gpus +2,+4", N_("what more GPUs would change, and cost"),
                              "eoul whatif --goal 'p90 eyes delay < 4h'", N_("the cheapest way to get there"),
                              "eoul whatif --from jobs.csv --have 16 --gpus +2", N_("another team's jobs"),
                              "eoul whatif --from sample --policy booked,blend --gpus +2",
                              N_("a made-up team: two more GPUs, or the nights?"),
                              "eoul whatif mode", N_("which mode of the week would have served best"),
                              "eoul whatif --help", N_("all it takes"), NULL},
};
