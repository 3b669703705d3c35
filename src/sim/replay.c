/* replay.c - lines of a journal, read strictly. */
#include "sim/replay.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/io.h"
#include "sim/journal.h"
#include "sim/timer.h"

struct replay {
    struct core_box box;
    void *memory;
    size_t memory_size;
    uint64_t line; /* of the text, for sentences */
    uint64_t seq;  /* of the last row */
    bool first;    /* no row yet */
    struct core_limits limits; /* what a core without a snapshot begins with */
};

static int hex64(struct str s, uint64_t *ret)
{
    uint64_t value = 0;
    if (s.len != 16)
        return E_INVALID;
    for (size_t i = 0; i < 16; i++) {
        char c = s.ptr[i];
        if (c >= '0' && c <= '9')
            value = value << 4 | (uint64_t)(c - '0');
        else if (c >= 'a' && c <= 'f')
            value = value << 4 | (uint64_t)(c - 'a' + 10);
        else
            return E_INVALID;
    }
    *ret = value;
    return 0;
}

static int differs(struct replay *r, uint64_t hash, struct err *err)
{
    uint64_t now = core_hash(r->box.core);
    if (now == hash)
        return 0;
    return err_set(err, E_CORRUPT, "Event %" PRIu64 " differs: the journal has the hash %016" PRIx64
                   ", this core %016" PRIx64 ".", r->seq, hash, now);
}

/* `eoul-journal 1`, and how many groups of history its core began with if that is not a daemon's
 * number. */
static int read_head(struct replay *r, struct str line, struct err *err)
{
    uint64_t groups = CORE_FIRST_GROUPS;
    struct str rest = line;
    const char *known = "eoul-journal 1";
    bool named = str_starts(line, "eoul-journal 1 groups=");
    if (named)
        rest = str_slice(line, sizeof "eoul-journal 1 groups=" - 1, line.len);
    if (!r->first || r->box.core || (named ? str_u64(rest, &groups) < 0 : !str_is(line, known))
        || groups == 0 || groups > 1u << 20)
        return err_set(err, E_NEWER, "Line %" PRIu64 " says \"%.*s\"; this eoul reads "
                       "\"eoul-journal 1\".", r->line, STR_ARG(str_slice(line, 0, 40)));
    r->limits.groups = (uint32_t)groups;
    return 0;
}

/* `snapshot SEQ HASH BYTES`, the bytes, a newline; all taken off *rest. */
static int read_snapshot(struct replay *r, struct str line, struct str *rest, struct err *err)
{
    struct str word, seq, hash, bytes;
    uint64_t want = 0, size = 0;
    bool whole = str_next(&line, ' ', &word) && str_next(&line, ' ', &seq)
                 && str_next(&line, ' ', &hash) && str_next(&line, ' ', &bytes) && line.len == 0;
    if (!whole || str_u64(seq, &r->seq) < 0 || hex64(hash, &want) < 0 || str_u64(bytes, &size) < 0
        || !r->first)
        return err_set(err, E_INVALID, "Line %" PRIu64 " should be \"snapshot NUMBER HASH BYTES\", "
                       "before the first event.", r->line);
    if (size >= rest->len || rest->ptr[size] != '\n')
        return err_set(err, E_INVALID, "The snapshot in line %" PRIu64 " ends before its %" PRIu64
                       " bytes.", r->line, size);
    struct str saved = str_slice(*rest, 0, size);
    for (size_t i = 0; i < size; i++)
        r->line += saved.ptr[i] == '\n';
    r->line++;
    *rest = str_slice(*rest, size + 1, rest->len);
    int result = core_box_load(&r->box, saved, err);
    r->first = false;
    return result < 0 ? result : differs(r, want, err);
}

static int read_row(struct replay *r, struct str line, struct err *err)
{
    struct core_event ev;
    struct str seq_text, hash_text;
    uint64_t seq, hash;
    uint32_t n;
    if (!str_next(&line, ' ', &seq_text) || !str_next(&line, ' ', &hash_text)
        || str_u64(seq_text, &seq) < 0 || hex64(hash_text, &hash) < 0)
        return err_set(err, E_INVALID, "Line %" PRIu64 " should be \"NUMBER HASH EVENT\".", r->line);
    if ((!r->first || r->seq > 0) && seq <= r->seq)
        return err_set(err, E_INVALID, "Event %" PRIu64 " in line %" PRIu64 " comes after event %" PRIu64
                       "; they should rise.", seq, r->line, r->seq);
    if (!r->box.core)
        core_box_init(&r->box, &r->limits);
    r->first = false;
    r->seq = seq;
    r->memory = sim_grow(r->memory, &r->memory_size, EVENT_LIST_BYTES(line.len), 1);
    int result = event_parse(line, r->memory, r->memory_size, &ev, err);
    if (result < 0)
        return result;
    result = core_box_check(&r->box, &ev, err);
    if (result < 0)
        return result;
    core_box_step(&r->box, &ev, &n);
    return differs(r, hash, err);
}

int replay_text(struct str text, uint32_t mutant, struct replay_result *ret, struct err *err)
{
    struct replay r = { .box = { .mutant = mutant }, .limits = CORE_FIRST_LIMITS, .first = true };
    struct str rest = text, line;
    int result = 0;
    *ret = (struct replay_result){ 0 };
    while (result == 0 && rest.len > 0 && str_next(&rest, '\n', &line)) {
        r.line++;
        if (line.len == 0 || line.ptr[0] == '#')
            continue;
        if (str_starts(line, "eoul-journal ")) {
            result = read_head(&r, line, err);
            continue;
        }
        if (str_starts(line, "snapshot ")) {
            result = read_snapshot(&r, line, &rest, err);
            continue;
        }
        result = read_row(&r, line, err);
        ret->events += result == 0;
    }
    if (result == 0 && r.first)
        result = err_set(err, E_INVALID, "There is no event in this journal.");
    if (result < 0)
        ret->seq = r.seq;
    free(r.memory);
    core_box_finish(&r.box);
    return result;
}

int replay_file(const char *path, uint32_t mutant, struct replay_result *ret, struct err *err)
{
    struct buf text;
    *ret = (struct replay_result){ 0 };
    buf_init(&text, JOURNAL_BYTES_MAX);
    int r = 0, fd = strcmp(path, "-") == 0 ? fcntl(0, F_DUPFD_CLOEXEC, 0)
                                           : open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        r = err_set(err, E_NOT_FOUND, "The journal \"%s\" cannot be opened: %m.", path);
    if (r == 0 && (r = io_read_to_end(fd, &text)) < 0)
        err_set(err, r, "The journal \"%s\" cannot be read: %s.", path, err_word(r));
    if (r == 0)
        r = replay_text(buf_look(&text), mutant, ret, err);
    io_close(&fd);
    buf_finish(&text);
    return r;
}
