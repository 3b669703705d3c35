/* fault.h - named places where a test kills us.
 *
 * EOUL_FAULT="NAME" makes the process kill itself with SIGKILL when it passes FAULT("NAME");
 * "NAME:K" at the K-th pass in this process; "NAME~MS" so many milliseconds after it came there, in which
 * others go on with what it has begun; "NAME@PATH" only if it can unlink PATH first, which makes it once over all
 * processes.  In this order: NAME~MS:K@PATH.  Always compiled in: what is tested is what is shipped.  Without
 * the variable a point costs one test of a static flag.
 */
#ifndef EOUL_SUPERVISOR_FAULT_H
#define EOUL_SUPERVISOR_FAULT_H

/* Read the environment once, at the start of main. */
void fault_init(void);
void fault_pass(const char *name);

extern int fault_armed; /* written by fault_init only */
#define FAULT(name) \
    do { \
        if (__builtin_expect(fault_armed, 0)) \
            fault_pass(name); \
    } while (0)

#endif
