/* fuzz_store.c - a store file as a bad disk or a bad hand left it.
 *
 * A sound store is made once; the input is a list of changes to its file (offset, byte) or, with an odd first byte,
 * the place where it is cut off.  Opening, looking through and reading either work or are refused with a sentence;
 * nothing read is longer than a store may hold.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "store/store.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool fact)
{
    if (!fact)
        abort();
}

#define FILE_MAX (4u << 20)
static char dir[64];
static char sound[FILE_MAX];
static size_t sound_size;

static void path_of(const char *name, char ret[128])
{
    snprintf(ret, 128, "%s/%s", dir, name);
}

static void clear_away(void)
{
    static const char *const names[] = { STORE_FILE, STORE_FILE "-wal", STORE_FILE "-shm", "lock", "ballast" };
    char path[128];
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        path_of(names[i], path);
        (void)unlink(path);
    }
    (void)rmdir(dir);
}

static void make_sound(void)
{
    char path[128];
    struct buf text;
    struct store *s = NULL;
    snprintf(dir, sizeof dir, "/dev/shm/eoul-fuzz-XXXXXX");
    if (!mkdtemp(dir)) {
        snprintf(dir, sizeof dir, "/tmp/eoul-fuzz-XXXXXX");
        must(mkdtemp(dir) != NULL);
    }
    atexit(clear_away);
    const struct store_options o = { .dir = dir };
    must(store_open(&o, &s, NULL) == 0 && store_begin(s) == 0);
    for (uint32_t i = 1; i <= 40; i++) {
        struct store_request r = { .id = i, .tasks = 1, .call = i, .uid = 1000, .owner = 1, .submitter = 1,
                                   .submit_at = i, .name = STR("train"), .spec = STR("argv=python\nargv=train.py\n") };
        must(store_env_put(s, (struct str){ "A=1\0B=2", 8 }, &r.env) == 0 && store_request_add(s, &r) == 0);
    }
    must(store_commit(s) == 0);
    store_close(s);
    buf_init(&text, FILE_MAX);
    path_of(STORE_FILE, path);
    must(io_read_file(AT_FDCWD, path, &text) == 0);
    sound_size = text.len;
    memcpy(sound, text.ptr, text.len);
    buf_finish(&text);
}

static void write_changed(const uint8_t *data, size_t size)
{
    char path[128];
    path_of(STORE_FILE "-wal", path);
    (void)unlink(path);
    path_of(STORE_FILE "-shm", path);
    (void)unlink(path);
    path_of(STORE_FILE, path);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    must(fd >= 0 && io_write_all(fd, sound, sound_size) == 0);
    bool cut = size > 0 && data[0] & 1;
    for (size_t i = 1; i + 4 <= size; i += 4) {
        size_t at = ((size_t)data[i] << 16 | (size_t)data[i + 1] << 8 | data[i + 2]) % sound_size;
        if (cut) {
            must(ftruncate(fd, (off_t)at) == 0);
            break;
        }
        must(io_pwrite_all(fd, data + i + 3, 1, (off_t)at) == 0);
    }
    close(fd);
}

static int see(const struct store_person *p, void *data)
{
    (void)data;
    must(p->name.len <= FILE_MAX);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct store *s = NULL;
    struct store_request r;
    struct buf env;
    struct err err = { 0 };
    if (!sound_size)
        make_sound();
    write_changed(data, size);
    const struct store_options o = { .dir = dir };
    if (store_open(&o, &s, &err) < 0) {
        must(err.text[0] && !s);
        return 0;
    }
    (void)store_check(s, &err);
    for (uint32_t i = 1; i <= 40; i += 13) {
        if (store_request_get(s, i, &r) < 0)
            continue;
        must(r.spec.len <= FILE_MAX && r.name.len <= FILE_MAX && r.ranges.len <= FILE_MAX);
        int64_t number = r.env;
        buf_init(&env, 2u << 20);
        (void)store_env_get(s, number, &env);
        buf_finish(&env);
    }
    (void)store_persons_each(s, see, NULL);
    (void)store_journal_last(s);
    store_close(s);
    return 0;
}
