/* fail.c - lets the k-th call of one kind fail in one of our programs; linked into copies of them (meson.build).
 *
 * EOUL_FAIL names a file of one struct sheet, which all processes of a run map: what is to fail, how many calls of
 * each kind each program has made, whether the call was reached, and whether a program died of a fault of its own.
 * sweep.py writes and reads it.  Programs are told apart by the name the kernel has for them, because a supervisor is
 * a forked launcher.  A program's own definitions come before a library's, so calls out of SQLite and the like are
 * counted too; those that libc makes inside itself are not.  What the dynamic linker and the constructors of libraries do
 * is not: the count begins with our own constructor.
 *
 * Calls of malloc are also counted by who calls: with `site` it is the k-th call from there that fails.  The address is
 * the same in every process of a program only where addresses are not drawn by lot, which sweep.py sees to.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define KINDS(X) X(MALLOC) X(WRITE) X(FSYNC) X(FORK) X(OPEN) X(RENAME) X(MKDIR)
enum kind {
#define X(name) KIND_##name,
    KINDS(X)
#undef X
    KIND_COUNT
};

#define NAME_SIZE 16 /* as PR_GET_NAME has it */
static const char programs[][NAME_SIZE] = { "eould", "eoul-launcher", "eoul-supervisor", "eoul", "eoul-fetch" };
#define PROGRAMS_N (sizeof programs / sizeof programs[0])

#define SITES_MAX 4096 /* places that call malloc, of all programs and their libraries together: about 700 */
struct site {
    _Atomic uint64_t key; /* 0: empty; caller | (program's number + 1) << 56 */
    _Atomic uint64_t made;
};

/* Read and written by sweep.py with struct "<16s16sIiQIIQ40QqQ", then the sites "<QQ": keep both alike. */
struct sheet {
    char program[NAME_SIZE]; /* whose call fails */
    char crashed[NAME_SIZE]; /* who died of a signal that only a bug sends; "" nobody */
    uint32_t kind;
    int32_t error;           /* errno it fails with */
    uint64_t k;              /* from 1; 0: none fails */
    _Atomic uint32_t hit;    /* the call was reached */
    uint32_t signal;         /* that ended `crashed` */
    uint64_t caller;         /* address in the program that called, for addr2line; a library's is useless */
    _Atomic uint64_t made[PROGRAMS_N][8];
    _Atomic int64_t shift_s; /* how far the wall clock is off what it was; the boot clock never jumps */
    uint64_t site;           /* key of the one whose k-th call fails; 0: of all calls the k-th */
    struct site sites[SITES_MAX];
};
_Static_assert(sizeof(struct sheet) == 80 + PROGRAMS_N * 64 + SITES_MAX * sizeof(struct site), "sweep.py knows it so");

static struct sheet *sheet;
extern const char __executable_start[];

/* eoul-fetch shuts itself in and may not ask then; nor does it ever become another. */
#define FETCH (PROGRAMS_N - 1)
static bool is_fetch;

/* The number of the program this process is by now; PROGRAMS_N: none of ours. */
static size_t whoami(char name[NAME_SIZE])
{
    size_t i = 0;
    if (is_fetch)
        memcpy(name, programs[FETCH], NAME_SIZE);
    else
        (void)prctl(PR_GET_NAME, name);
    while (i < PROGRAMS_N && strncmp(programs[i], name, NAME_SIZE) != 0)
        i++;
    return i;
}

/* One more call from there: how many that makes, and who *ret_key is.  0: there is no room for another place. */
static uint64_t site_call(size_t who, const void *caller, uint64_t *ret_key)
{
    uint64_t key = (uint64_t)caller | (uint64_t)(who + 1) << 56;
    *ret_key = key;
    for (uint64_t i = 0, at = key * 0x9e3779b97f4a7c15u >> 52; i < SITES_MAX; i++, at++) {
        struct site *site = &sheet->sites[at % SITES_MAX];
        uint64_t empty = 0;
        if (atomic_compare_exchange_strong(&site->key, &empty, key) || empty == key)
            return atomic_fetch_add(&site->made, 1) + 1;
    }
    return 0;
}

/* One more call: true if it is the one that fails, with errno set. */
static bool fails(enum kind kind, const void *caller)
{
    char name[NAME_SIZE];
    size_t who = sheet ? whoami(name) : PROGRAMS_N;
    if (who == PROGRAMS_N)
        return false;
    uint64_t n = atomic_fetch_add(&sheet->made[who][kind], 1) + 1, key = 0;
    uint64_t from_there = kind == KIND_MALLOC ? site_call(who, caller, &key) : 0;
    if (sheet->site) {
        if (key != sheet->site)
            return false;
        n = from_there;
    }
    if (n != sheet->k || kind != (enum kind)sheet->kind || strncmp(sheet->program, name, NAME_SIZE) != 0)
        return false;
    sheet->caller = (uint64_t)((const char *)caller - __executable_start);
    atomic_store(&sheet->hit, 1);
    errno = sheet->error;
    return true;
}
#define FAILS(kind) fails(kind, __builtin_return_address(0))

static void crashed(int signo)
{
    (void)whoami(sheet->crashed);
    sheet->signal = (uint32_t)signo;
    struct sigaction usual = { .sa_handler = SIG_DFL };
    (void)sigaction(signo, &usual, NULL);
    (void)raise(signo);
}

static bool is_crash(int signo)
{
    return signo == SIGSEGV || signo == SIGBUS || signo == SIGILL || signo == SIGFPE || signo == SIGABRT;
}

static void __attribute__((constructor)) begin(void)
{
    const char *path = getenv("EOUL_FAIL");
    int fd = path ? (int)syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CLOEXEC) : -1;
    void *at = fd >= 0 ? mmap(NULL, sizeof *sheet, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) : MAP_FAILED;
    if (fd >= 0)
        close(fd);
    if (at == MAP_FAILED)
        return;
    for (int s = 1; s < NSIG; s++) {
        struct sigaction tell = { .sa_handler = crashed };
        if (is_crash(s))
            (void)sigaction(s, &tell, NULL);
    }
    sheet = at;
    char name[NAME_SIZE];
    is_fetch = whoami(name) == FETCH;
}

/* --- the calls ------------------------------------------------------------------------------------ */

static long real_syscall(long number, long a, long b, long c, long d, long e, long f)
{
    static long (*real)(long, ...);
    if (!real)
        real = (long (*)(long, ...))dlsym(RTLD_NEXT, "syscall");
    return real(number, a, b, c, d, e, f);
}

/* Programs put all signals back when they begin; those that tell of a crash stay. */
sighandler_t signal(int signo, sighandler_t handler)
{
    struct sigaction wanted = { .sa_handler = handler, .sa_flags = SA_RESTART }, old;
    if (sheet && is_crash(signo))
        return SIG_DFL;
    return sigaction(signo, &wanted, &old) < 0 ? SIG_ERR : old.sa_handler;
}

int clock_gettime(clockid_t clock, struct timespec *ret)
{
    long r = real_syscall(SYS_clock_gettime, clock, (long)ret, 0, 0, 0, 0);
    if (r == 0 && clock == CLOCK_REALTIME && sheet)
        ret->tv_sec += atomic_load(&sheet->shift_s);
    return (int)r;
}

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t n, size_t size);
extern void *__libc_realloc(void *old, size_t size);
extern pid_t __libc_fork(void);

void *malloc(size_t size) { return FAILS(KIND_MALLOC) ? NULL : __libc_malloc(size); }
void *calloc(size_t n, size_t size) { return FAILS(KIND_MALLOC) ? NULL : __libc_calloc(n, size); }
void *realloc(void *old, size_t size) { return FAILS(KIND_MALLOC) ? NULL : __libc_realloc(old, size); }

/* A plain system call: syscall() has set errno. */
#define CALL(kind, ...) (FAILS(kind) ? -1 : plain(__VA_ARGS__))
#define plain(...) plain_(__VA_ARGS__, 0, 0, 0, 0)
#define plain_(number, a, b, c, d, ...) real_syscall(number, (long)(a), (long)(b), (long)(c), (long)(d), 0, 0)

/* The supervisor begins a job with clone3, for which libc has no name. */
long syscall(long number, ...)
{
    va_list list;
    long a[6];
    va_start(list, number);
    for (int i = 0; i < 6; i++)
        a[i] = va_arg(list, long);
    va_end(list);
    if (number == SYS_clone3 && FAILS(KIND_FORK))
        return -1;
    return real_syscall(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

pid_t fork(void)
{
    static pid_t (*real)(void);
    if (FAILS(KIND_FORK))
        return -1;
    if (!real)
        real = (pid_t(*)(void))dlsym(RTLD_NEXT, "fork");
    return real();
}

ssize_t write(int fd, const void *bytes, size_t n) { return CALL(KIND_WRITE, SYS_write, fd, bytes, n); }
ssize_t writev(int fd, const struct iovec *v, int n) { return CALL(KIND_WRITE, SYS_writev, fd, v, n); }
ssize_t pwrite(int fd, const void *bytes, size_t n, off_t at) { return CALL(KIND_WRITE, SYS_pwrite64, fd, bytes, n, at); }
ssize_t pwrite64(int fd, const void *bytes, size_t n, off64_t at) { return CALL(KIND_WRITE, SYS_pwrite64, fd, bytes, n, at); }
int fsync(int fd) { return (int)CALL(KIND_FSYNC, SYS_fsync, fd, 0, 0); }
int fdatasync(int fd) { return (int)CALL(KIND_FSYNC, SYS_fdatasync, fd, 0, 0); }
int rename(const char *from, const char *to) { return (int)CALL(KIND_RENAME, SYS_rename, from, to, 0); }
int renameat(int d, const char *from, int e, const char *to) { return (int)CALL(KIND_RENAME, SYS_renameat, d, from, e, to); }
int renameat2(int d, const char *from, int e, const char *to, unsigned flags)
{
    return FAILS(KIND_RENAME) ? -1 : (int)real_syscall(SYS_renameat2, d, (long)from, e, (long)to, flags, 0);
}
int linkat(int d, const char *from, int e, const char *to, int flags)
{
    return FAILS(KIND_RENAME) ? -1 : (int)real_syscall(SYS_linkat, d, (long)from, e, (long)to, flags, 0);
}
int mkdir(const char *path, mode_t mode) { return (int)CALL(KIND_MKDIR, SYS_mkdir, path, mode, 0); }
int mkdirat(int d, const char *path, mode_t mode) { return (int)CALL(KIND_MKDIR, SYS_mkdirat, d, path, mode); }

static int open_at(int dir, const char *path, int flags, mode_t mode, const void *caller)
{
    return fails(KIND_OPEN, caller) ? -1 : (int)plain(SYS_openat, dir, path, flags, mode);
}

#define OPEN_MODE(flags, last) \
    mode_t mode = 0; \
    if ((flags) & (O_CREAT | (O_TMPFILE & ~O_DIRECTORY))) { \
        va_list list; \
        va_start(list, last); \
        mode = va_arg(list, mode_t); \
        va_end(list); \
    }

int open(const char *path, int flags, ...)
{
    OPEN_MODE(flags, flags)
    return open_at(AT_FDCWD, path, flags, mode, __builtin_return_address(0));
}

int open64(const char *path, int flags, ...)
{
    OPEN_MODE(flags, flags)
    return open_at(AT_FDCWD, path, flags, mode, __builtin_return_address(0));
}

int openat(int dir, const char *path, int flags, ...)
{
    OPEN_MODE(flags, flags)
    return open_at(dir, path, flags, mode, __builtin_return_address(0));
}

int openat64(int dir, const char *path, int flags, ...)
{
    OPEN_MODE(flags, flags)
    return open_at(dir, path, flags, mode, __builtin_return_address(0));
}
