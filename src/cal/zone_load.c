/* zone_load.c - see zone_load.h. */
#include "cal/zone_load.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cal/shown.h"

struct zone_cache_entry {
    struct zone_cache_entry *next;
    bool known;
    struct zone zone;
    size_t name_len;
    char name[];
};

/* Read fd whole into bytes[ZONE_FILE_MAX]; regular files only: a device or FIFO must not block us.
 */
static ptrdiff_t read_regular(int fd, char *bytes)
{
    struct stat st;
    size_t len = 0;
    if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size > ZONE_FILE_MAX)
        return -1;
    while (len < ZONE_FILE_MAX) {
        ssize_t n = read(fd, bytes + len, ZONE_FILE_MAX - len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        if (n == 0)
            break;
        len += (size_t)n;
    }
    return (ptrdiff_t)len;
}

static int load_file(int dir, const char *name, struct zone *ret, struct err *err)
{
    char bytes[ZONE_FILE_MAX];
    int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0)
        return E_NOT_FOUND;
    ptrdiff_t len = read_regular(fd, bytes);
    close(fd);
    if (len < 0)
        return E_NOT_FOUND;
    return tzif_parse((struct str){ bytes, (size_t)len }, ret, err);
}

int zone_load(struct str name, struct zone *ret, char ret_name[ZONE_NAME_MAX], struct err *err)
{
    char candidate[ZONE_NAME_MAX];
    if (zone_name_is_utc(name)) { /* known without any file: minimal systems have no tzdata */
        zone_init_fixed(ret, 0);
        if (ret_name)
            memcpy(ret_name, "Etc/UTC", sizeof("Etc/UTC"));
        return 0;
    }
    int dir = open(ZONE_DIR, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (dir < 0)
        return err_set(err, E_NOT_FOUND,
                       "there are no time zones in %s; install the package tzdata", ZONE_DIR);
    int r = E_NOT_FOUND;
    for (unsigned k = 0; r < 0 && zone_name_candidate(name, k, candidate); k++)
        r = load_file(dir, candidate, ret, NULL);
    close(dir);
    struct shown quoted = shown(name);
    if (r < 0)
        return err_set(err, E_NOT_FOUND,
                       "the time zone '%.*s' is not known; use a name such as Asia/Seoul",
                       SHOWN_ARG(quoted));
    if (ret_name)
        memcpy(ret_name, candidate, ZONE_NAME_MAX);
    return 0;
}

int zone_load_system(struct zone *ret, char ret_name[ZONE_NAME_MAX], struct err *err)
{
    char link[4096];
    static const char marker[] = "/zoneinfo/";
    ret_name[0] = 0;
    int r = load_file(AT_FDCWD, "/etc/localtime", ret, err);
    if (r == E_NOT_FOUND) { /* as the C library does */
        zone_init_fixed(ret, 0);
        memcpy(ret_name, "Etc/UTC", sizeof("Etc/UTC"));
        return 0;
    }
    if (r < 0)
        return r;
    ssize_t len = readlink("/etc/localtime", link, sizeof(link) - 1);
    if (len > 0) {
        link[len] = 0;
        char *at = strstr(link, marker);
        struct str name = str_of(at ? at + sizeof(marker) - 1 : "");
        if (zone_name_valid(name))
            memcpy(ret_name, name.ptr, name.len + 1);
    }
    return 0;
}

void zone_cache_init(struct zone_cache *cache) { *cache = (struct zone_cache){ 0 }; }

void zone_cache_finish(struct zone_cache *cache)
{
    while (cache && cache->first) {
        struct zone_cache_entry *next = cache->first->next;
        free(cache->first);
        cache->first = next;
    }
    if (cache)
        cache->n = 0;
}

const struct zone *zone_cache_find(void *data, struct str name)
{
    struct zone_cache *cache = data;
    for (struct zone_cache_entry *e = cache->first; e; e = e->next)
        if (str_eq((struct str){ e->name, e->name_len }, name))
            return e->known ? &e->zone : NULL;
    if (cache->n >= ZONE_CACHE_MAX || name.len > 4 * ZONE_NAME_MAX)
        return NULL;
    struct zone_cache_entry *e = calloc(1, sizeof(*e) + name.len);
    if (e == NULL)
        return NULL;
    memcpy(e->name, name.ptr, name.len);
    e->name_len = name.len;
    e->known = zone_load(name, &e->zone, NULL, NULL) == 0;
    e->next = cache->first;
    cache->first = e;
    cache->n++;
    return e->known ? &e->zone : NULL;
}
