/* solving.c - see solving.h. */
#include "sim/solving.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/io.h"

#define SECONDS_MAX 86400.0
#define SLICE_S 0.005
#define SLICE_FIRST 16 /* iterations */

void solving_complain(const struct solving *s, const char *path, const char *sentence)
{
    fprintf(stderr, "%s: %s%s%s\n", s->verb, path ? path : "", path ? ": " : "", sentence);
}

/* --- the command line ------------------------------------------------------------------------- */

static bool seconds_of(const char *text, double *ret)
{
    char *end;
    double value = strtod(text, &end);
    if (*end || end == text || !(value > 0 && value <= SECONDS_MAX))
        return false;
    *ret = value;
    return true;
}

static bool option(struct solving *s, const char *name, const char *value)
{
    uint64_t n;
    if (strcmp(name, "--seconds") == 0)
        return value && seconds_of(value, &s->seconds);
    if (!value || str_u64(str_of(value), &n) < 0)
        return false;
    if (strcmp(name, "--seed") == 0) {
        s->seed = n;
    } else if (strcmp(name, "--iterations") == 0 && n > 0) {
        s->iterations = n;
    } else if (strcmp(name, "--make") == 0 && s->can_make) {
        s->make = n;
        s->makes = true;
    } else if (strcmp(name, "--tasks") == 0 && s->can_make && n > 0 && n <= 1000) {
        s->tasks = (uint32_t)n;
    } else {
        return false;
    }
    return true;
}

static bool flag(struct solving *s, const char *name, bool *ret_help)
{
    if (strcmp(name, "--json") == 0)
        return s->json = true;
    if (strcmp(name, "--starts") == 0)
        return s->starts = true;
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0)
        return *ret_help = true;
    return false;
}

int solving_parse(struct solving *s, int argc, char **argv, bool *ret_help)
{
    *ret_help = false;
    s->files = argv + 1;
    for (int i = 1; i < argc; i++) {
        char name[32];
        const char *equals = strchr(argv[i], '=');
        bool split = equals && (size_t)(equals - argv[i]) < sizeof(name);
        if (argv[i][0] != '-' || !argv[i][1]) {
            s->files[s->files_n++] = argv[i];
            continue;
        }
        if (split)
            snprintf(name, sizeof(name), "%.*s", (int)(equals - argv[i]), argv[i]);
        if (flag(s, argv[i], ret_help) || (split && option(s, name, equals + 1)))
            continue;
        if (!split && option(s, argv[i], i + 1 < argc ? argv[i + 1] : NULL)) {
            i++;
            continue;
        }
        fprintf(stderr, "%s: ", s->verb);
        fprintf(stderr, tr(s->language, "\"%s\" is not understood here, or its value is missing or out of range; see \"eoul sim help\""),
                argv[i]);
        fputc('\n', stderr);
        return 2;
    }
    return 0;
}

/* --- files ------------------------------------------------------------------------------------ */

int solving_read(const struct solving *s, const char *path, size_t max, struct buf *text)
{
    buf_init(text, max);
    int fd = open(path, O_RDONLY | O_CLOEXEC), r = fd < 0 ? io_from_errno(errno) : io_read_to_end(fd, text);
    io_close(&fd);
    if (r >= 0)
        return 0;
    fprintf(stderr, "%s: ", s->verb);
    if (r == E_TOO_LARGE)
        fprintf(stderr, tr(s->language, "\"%s\" is too large: at most %u bytes are read"), path, (unsigned)max);
    else
        fprintf(stderr, tr(s->language, "\"%s\" cannot be read: %s"), path, strerror(errno));
    fputc('\n', stderr);
    return 1;
}

/* --- time ------------------------------------------------------------------------------------- */

double solving_cpu(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

void solving_spend(const struct solving *s, double begin, bool (*run)(void *what, uint64_t iterations),
                   void *what)
{
    if (s->iterations) {
        run(what, s->iterations);
        return;
    }
    uint64_t sum = 0, slice = SLICE_FIRST;
    for (double before = solving_cpu(); before - begin < s->seconds;) {
        sum += slice;
        if (run(what, sum))
            break;
        double after = solving_cpu(), took = after - before;
        if (took < SLICE_S / 2 && slice < (1u << 20))
            slice *= 2;
        else if (took > SLICE_S && slice > SLICE_FIRST)
            slice /= 2;
        before = after;
    }
}

/* --- what is printed -------------------------------------------------------------------------- */

void solving_put_text(const char *text)
{
    putchar('"');
    for (const unsigned char *c = (const unsigned char *)text; *c; c++) {
        if (*c == '"' || *c == '\\')
            printf("\\%c", *c);
        else if (*c < 0x20 || *c == 0x7f)
            printf("\\u%04x", *c);
        else
            putchar(*c);
    }
    putchar('"');
}

const char *solving_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

void solving_put_starts(const struct solving *s, const int32_t *start, uint32_t n)
{
    if (!s->starts)
        return;
    if (s->json)
        printf(", \"starts\": [");
    for (uint32_t i = 0; i < n; i++) {
        if (s->json)
            printf("%s%d", i ? ", " : "", start[i]);
        else
            printf("%u\t%d\n", i + 1, start[i]);
    }
    if (s->json)
        printf("]");
}
