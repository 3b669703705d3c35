/* setup.h - events SETTINGS, GPU and PERSON: what the team and its machine are.
 *
 * setup_check_* may refuse (E_INVALID, E_TOO_LARGE) and change nothing; the others cannot fail, given what a
 * check has passed.
 */
#ifndef EOUL_CORE_SETUP_H
#define EOUL_CORE_SETUP_H

#include "core/state.h"

int setup_check_settings(const struct ev_settings *e, struct err *err);
int setup_check_gpu(const struct ev_gpu *e, struct err *err);
int setup_check_person(uint32_t person, struct err *err);
void setup_settings(struct core *c, const struct ev_settings *e);
void setup_gpu(struct core *c, const struct ev_gpu *e);
void setup_person(struct core *c, const struct ev_person *e);

#endif
