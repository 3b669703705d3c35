/* test_crash.c - the power goes at any moment: what was answered is in the store afterwards.
 *
 * A store lives on crash_vfs.h; before every write, truncation and sync, images of what the disk may hold
 * then are opened as a daemon would after a boot.  EOUL_CRASH_IMAGES says how many in all, EOUL_SEED where
 * luck begins.
 */
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "../lib/crash_vfs.h"
#include "store/store.h"

#define IMAGES    2000u
#define TURNS_MAX 60u /* of one life */
#define ENV_MAX   6000u

struct life {
    struct prng luck;
    uint32_t every;  /* an image before each so many-th call */
    uint32_t calls, images, wanted, broken;
    uint32_t acked;  /* turns that were answered */
    uint32_t asked;  /* turns begun */
};
static char base[64];

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st, (void)type, (void)ftw;
    return remove(path);
}

static void make_dir(char *path, size_t size, const char *name)
{
    snprintf(path, size, "%.60s/%s", base, name);
    (void)nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    assert_int_equal(mkdir(path, 0700), 0);
}

static int see_row(const struct store_journal_row *row, void *data)
{
    char line[32];
    uint64_t *n = data;
    ++*n;
    snprintf(line, sizeof line, "row %llu", (unsigned long long)*n);
    return row->seq == *n && str_is(row->line, line) ? 0 : E_CORRUPT;
}

/* NULL: everything answered is there, everything else whole or not there. */
static const char *judge(struct store *s, const struct life *life)
{
    struct err err = { 0 };
    struct store_request r;
    uint64_t n = 0;
    if (store_check(s, &err) < 0)
        return "the check finds damage";
    if (store_journal_each(s, 0, see_row, &n) < 0)
        return "the journal has a row that was never written";
    if (n < life->acked)
        return "an answered row is not there";
    if (n > life->asked)
        return "there are rows nobody asked for";
    for (uint32_t id = 1; id <= n; id++)
        if (store_request_get(s, id, &r) < 0 || r.id != id)
            return "a row is there without its request";
    if (store_request_get(s, (uint32_t)n + 1, &r) != E_NOT_FOUND)
        return "a request is there without its row";
    return NULL;
}

static void power_goes(void *data)
{
    struct life *life = data;
    char dir[128];
    struct store *s = NULL;
    struct err err = { 0 };
    if (life->images >= life->wanted || ++life->calls % life->every != 0)
        return;
    make_dir(dir, sizeof dir, "image");
    crash_image(dir, &life->luck);
    life->images++;
    const struct store_options o = { .dir = dir };
    int code = store_open(&o, &s, &err);
    const char *wrong = code < 0 ? err.text : judge(s, life);
    store_close(s);
    if (wrong && !life->broken++ && !crash_vfs_lies)
        fail_msg("image %u, %u of %u turns answered: %s", life->images, life->acked, life->asked, wrong);
}

/* Turns of one to four rows' worth of bytes; now and then the log is moved into the database, a snapshot is
 * written, old rows are looked at. */
static void turn(struct store *s, struct life *life)
{
    static char env[ENV_MAX];
    char line[32];
    uint64_t seq;
    uint32_t id = life->asked + 1;
    struct store_request r = { .id = id, .tasks = 1, .call = id, .name = STR("n"), .spec = STR("s") };
    size_t n = 1 + prng_below(&life->luck, ENV_MAX);
    memset(env, 'a' + (int)(id % 26), n);
    snprintf(line, sizeof line, "row %u", id);
    assert_int_equal(store_begin(s), 0);
    assert_int_equal(store_env_put(s, (struct str){ env, n }, &r.env), 0);
    assert_int_equal(store_request_add(s, &r), 0);
    assert_int_equal(store_journal_add(s, str_of(line), id, id, &seq), 0);
    life->asked = id;
    assert_int_equal(store_commit(s), 0);
    life->acked = id;
    assert_int_equal(store_tidy(s), 0);
}

static void live(struct life *life)
{
    char dir[128];
    struct err err = { 0 };
    struct store *s = NULL;
    crash_vfs_register();
    crash_vfs_reset();
    make_dir(dir, sizeof dir, "store");
    life->acked = life->asked = 0;
    bool lies = life->every == 0;
    life->every = 1 + (uint32_t)prng_below(&life->luck, 7);
    crash_vfs_lies = lies;
    crash_vfs_hook = power_goes;
    crash_vfs_data = life;
    const struct store_options o = { .dir = dir, .vfs = CRASH_VFS };
    if (store_open(&o, &s, &err) < 0)
        fail_msg("%s", err.text);
    uint32_t room_at = (uint32_t)prng_below(&life->luck, 4 * TURNS_MAX); /* in one life of four or so */
    for (uint32_t i = 0; i < TURNS_MAX && life->images < life->wanted; i++) {
        turn(s, life);
        if (i == room_at)
            assert_int_equal(store_log_room(s), 0);
        if (prng_below(&life->luck, 20) == 0) { /* and the daemon is stopped and started */
            store_close(s);
            if (store_open(&o, &s, &err) < 0)
                fail_msg("%s", err.text);
        }
    }
    store_close(s);
    crash_vfs_reset();
}

static uint64_t number(const char *name, uint64_t otherwise)
{
    const char *text = getenv(name);
    uint64_t n;
    return text && str_u64(str_of(text), &n) == 0 ? n : otherwise;
}

static void test_power_cuts(void **state)
{
    struct life life = { .wanted = (uint32_t)number("EOUL_CRASH_IMAGES", IMAGES), .every = 1 };
    uint64_t seed = number("EOUL_SEED", 1);
    (void)state;
    prng_init(&life.luck, seed, 0);
    while (life.images < life.wanted)
        live(&life);
    print_message("%u crash images, 0 broken; seed %llu\n", life.images, (unsigned long long)seed);
}

/* A disk that answers syncs and does nothing must be noticed, or the images prove nothing. */
static void test_a_lying_disk_is_noticed(void **state)
{
    struct life life = { .wanted = 200 };
    (void)state;
    prng_init(&life.luck, 2, 0);
    live(&life); /* every == 0: it lies */
    assert_true(life.images > 20);
    assert_true(life.broken > life.images / 4);
}

int main(void)
{
    const char *shm = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_power_cuts), cmocka_unit_test(test_a_lying_disk_is_noticed),
    };
    snprintf(base, sizeof base, "%s/eoul-crash-XXXXXX", shm);
    if (!mkdtemp(base))
        return 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    (void)nftw(base, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    return failed;
}
