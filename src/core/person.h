/* person.h - records of people and GPUs in the core's hash. */
#ifndef EOUL_CORE_PERSON_H
#define EOUL_CORE_PERSON_H

#include "core/state.h"

void person_changed(struct core *c, uint32_t person); /* after any change of its saved fields */
void persons_settle(struct core *c); /* before the sum is read: those that have changed */
uint64_t person_hash(const struct core *c, uint32_t person); /* 0: nothing known */
uint64_t gpu_hash(const struct core *c, uint32_t gpu);       /* 0: unknown */
uint64_t head_hash(const struct core *c);

#endif
