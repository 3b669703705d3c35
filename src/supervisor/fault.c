/* fault.c - see fault.h. */
#include "supervisor/fault.h"

#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/str.h"

#define LINGER_MS_MAX 10000u

int fault_armed;

static struct {
    struct str name;
    uint64_t linger_ms;
    uint64_t countdown;
    const char *token;
} fault;

void fault_init(void)
{
    struct str spec = str_of(getenv("EOUL_FAULT"));
    if (spec.len == 0)
        return;
    fault.countdown = 1;
    ptrdiff_t at = str_find(spec, '@');
    if (at >= 0) {
        fault.token = spec.ptr + at + 1;
        spec.len = (size_t)at;
    }
    ptrdiff_t colon = str_find(spec, ':');
    if (colon >= 0) {
        struct str count = str_slice(spec, (size_t)colon + 1, spec.len);
        if (str_u64(count, &fault.countdown) < 0 || fault.countdown == 0)
            fault.countdown = 1;
        spec.len = (size_t)colon;
    }
    ptrdiff_t tilde = str_find(spec, '~');
    if (tilde >= 0) {
        struct str linger = str_slice(spec, (size_t)tilde + 1, spec.len);
        if (str_u64(linger, &fault.linger_ms) < 0 || fault.linger_ms > LINGER_MS_MAX)
            fault.linger_ms = 0;
        spec.len = (size_t)tilde;
    }
    fault.name = spec;
    fault_armed = 1;
}

void fault_pass(const char *name)
{
    if (!str_is(fault.name, name) || fault.countdown == 0 || --fault.countdown > 0)
        return;
    if (fault.token && unlink(fault.token) < 0)
        return;
    (void)poll(NULL, 0, (int)fault.linger_ms);
    kill(getpid(), SIGKILL);
    for (;;)
        pause();
}
