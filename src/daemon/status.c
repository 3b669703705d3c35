/* status.c - what the daemon says about itself, and the last words of a job. */
#include <string.h>
#include <unistd.h>

#include "daemon/internal.h"
#include "engine/local.h"
#include "i18n/tr.h"

void daemon_status(const struct daemon *d, struct daemon_status *ret)
{
    *ret = (struct daemon_status){
        .mode = d->mode, .socket_path = d->place.socket, .state_dir = d->place.state,
        .gpu_source = d->gpu_source, .lock_dir = d->lock_dir, .pid = getpid(),
        .owner_uid = geteuid(), .started_at = d->started_at,
        .journal_seq = store_journal_last(d->store), .hash = core_hash(d->core),
        .queue_closed = d->queue_closed, .stopping = d->stopping, .disk_full = d->disk_full,
        .policy = d->config->policy,
    };
}

const char *daemon_guard(const struct daemon *d, uint32_t i)
{
    static const struct { uint32_t guard; const char *word; } guards[] = {
#define X(code, bit, word) { bit, word },
        GUARD_LIST(X)
#undef X
    };
    uint32_t have = engine_local_guards(d->engine);
    for (size_t k = 0; k < sizeof guards / sizeof guards[0]; k++)
        if ((have & guards[k].guard) && i-- == 0)
            return guards[k].word;
    return NULL;
}

static uint32_t days(usec_t length_us)
{
    return (uint32_t)usec_min(length_us / USEC_PER_DAY, UINT32_MAX);
}

void daemon_notes(struct daemon *d, const char *(*translate)(const char *),
                  void (*note)(const char *sentence, void *data), void *data)
{
    struct err e = { .translate = translate };
    if (d->disk_full) {
        err_set(&e, E_NO_SPACE, "The disk that holds %s is full: nothing can be submitted until there "
                "is room.", d->place.state);
        note(e.text, data);
    }
    if (d->queue_closed) {
        err_set(&e, E_STATE, "The queue is drained: running jobs go on, nothing starts.");
        note(e.text, data);
    }
    if (d->place.home_fs[0]) {
        err_set(&e, E_UNSUPPORTED, "The home directory is on a network file system (%s), so the state is "
                "kept in %s.", d->place.home_fs, d->place.state);
        note(e.text, data);
    }
    if (d->team) {
        err_set(&e, E_STATE, "Everybody's jobs here run with the rights of whoever started this daemon.");
        note(e.text, data);
    }
    if (d->driver_silent) {
        err_set(&e, E_UNAVAILABLE, "The NVIDIA library is here but its driver does not answer, so no GPU is "
                "used.");
        note(e.text, data);
    }
    const struct loop_now now = loop_now(d->loop);
    usec_t doubt_us = believed_doubt_us(&d->believed, now.wall_at, now.boot_at);
    if (doubt_us > 0)
        err_set(&e, E_STATE, "The clock is %u days ahead of what it was; until it has been so for %u hours, nothing old is "
                "deleted. Set it if it is wrong.", days(doubt_us), (uint32_t)(BELIEVED_AFTER_US / USEC_PER_HOUR));
    else if (doubt_us < 0)
        err_set(&e, E_STATE, "The clock is %u days behind what it was; until it has been so for %u hours, nothing old is "
                "deleted by it. Set it if it is wrong.", days(-doubt_us), (uint32_t)(BELIEVED_AFTER_US / USEC_PER_HOUR));
    if (doubt_us)
        note(e.text, data);
    uint32_t newer = engine_local_newer(d->engine);
    if (newer > 0) {
        err_set(&e, E_NEWER, "%u jobs were started by a newer eoul, which this one cannot follow; they run on. Start that "
                "version again to hear how they end.", newer);
        note(e.text, data);
    }
    const char *tariff = tariffs_trouble(d, translate);
    if (tariff)
        note(tariff, data);
    for (job_id id = 0; (id = marks_stalled_after(d, id)) != 0;) {
        err_set(&e, E_STATE, "Job %u seems to hang: no step for long, its CPUs and GPUs idle.", id);
        note(e.text, data);
    }
    uint32_t mib = 0;
    usec_t left_us = 0;
    job_id writer = marks_room_least(d, &mib, &left_us);
    if (writer && left_us > 0)
        err_set(&e, E_NO_SPACE, "The disk that job %u writes to is filling up: %u MiB are left, for about %u "
                "minutes at the present rate.", writer, mib, (uint32_t)(left_us / USEC_PER_MIN));
    else if (writer)
        err_set(&e, E_NO_SPACE, "The disk that job %u writes to has only %u MiB left.", writer, mib);
    if (writer)
        note(e.text, data);
    for (uint32_t i = 0; i < d->gpus_n; i++) {
        if (!d->gpus[i].foreign && !d->gpus[i].seen_foreign)
            continue;
        err_set(&e, E_BUSY, "GPU %u is used by %s outside this queue.", i,
                d->gpus[i].foreign_name[0] ? d->gpus[i].foreign_name : "somebody");
        note(e.text, data);
    }
}

struct last {
    uint32_t number;
};

static int last_attempt(const struct store_attempt *a, void *data)
{
    ((struct last *)data)->number = a->number;
    return 0;
}

int daemon_tail(struct daemon *d, job_id id, size_t max, struct buf *out, uint64_t *ret_total)
{
    struct last last = { 0 };
    *ret_total = 0;
    int code = store_attempts_each(d->store, id, last_attempt, &last);
    if (code < 0 || last.number == 0)
        return code;
    return keep_tail_read(d, id, last.number, max < TAIL_BYTES ? max : TAIL_BYTES, out, ret_total);
}
