/* coverage.c - linked into every program by `make coverage` (--wrap), so that what a process counted is written down.
 *
 * gcov writes at exit().  Forked workers, the launcher's children and supervisors leave by _exit, so that no destructor
 * of their parent runs twice: here they write first.  eoul-fetch and eoul-probe shut themselves in, and could write nothing
 * after that: in this build they do not, and the tests of that (EOUL_COVERAGE is set) are left out; `make test` has them.
 * What is killed by a signal stays uncounted.  Nothing in the product is there for gcov. */
void __gcov_dump(void);
void __real__exit(int status) __attribute__((noreturn));
void __wrap__exit(int status) __attribute__((noreturn));
int __wrap_sandbox_shut_in(void);

void __wrap__exit(int status)
{
    __gcov_dump();
    __real__exit(status);
}

int __wrap_sandbox_shut_in(void) { return 0; } /* whatever it is asked for */
