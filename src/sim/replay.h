/* replay.h - a journal from somewhere else, its inputs given to this core, every hash compared. */
#ifndef EOUL_SIM_REPLAY_H
#define EOUL_SIM_REPLAY_H

#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

struct replay_result {
    uint64_t events; /* that agree */
    uint64_t seq;    /* of the row that differs or cannot be read; 0: none */
};

/* The form is journal.h's, with or without its first line `eoul-journal 1` and its snapshot.
 * E_CORRUPT: a hash differs (seq names the first); E_INVALID: not such a file; E_NEWER. */
int replay_file(const char *path, uint32_t mutant, struct replay_result *ret, struct err *err);
int replay_text(struct str text, uint32_t mutant, struct replay_result *ret, struct err *err);

#endif
