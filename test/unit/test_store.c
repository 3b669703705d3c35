/* test_store.c - what the store promises, also when the disk does not. */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "../lib/fault_vfs.h"
#include "base/io.h"
#include "store/store.h"

static char dir[64];

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st, (void)type, (void)ftw;
    return remove(path);
}

static int set_up(void **state)
{
    (void)state;
    fault_vfs_register();
    memset(&fault_plan, 0, sizeof fault_plan);
    snprintf(dir, sizeof dir, "/tmp/eoul-store-XXXXXX");
    return mkdtemp(dir) ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    return nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static struct store *opened(const char *vfs)
{
    struct store *s = NULL;
    struct err err = { 0 };
    const struct store_options o = { .dir = dir, .vfs = vfs };
    if (store_open(&o, &s, &err) < 0)
        fail_msg("%s", err.text);
    return s;
}

static int open_code(struct err *err)
{
    struct store *s = NULL;
    const struct store_options o = { .dir = dir };
    int code = store_open(&o, &s, err);
    store_close(s);
    return code;
}

static char *path(const char *name)
{
    static char memory[128];
    snprintf(memory, sizeof memory, "%s/%s", dir, name);
    return memory;
}

/* --- opening -------------------------------------------------------------------------------------- */

static void test_second_is_refused(void **state)
{
    struct err err = { 0 };
    char pid[32];
    (void)state;
    struct store *s = opened(NULL);
    assert_int_equal(open_code(&err), E_BUSY);
    snprintf(pid, sizeof pid, "%d", (int)getpid());
    assert_non_null(strstr(err.text, pid));
    store_close(s);
    assert_int_equal(open_code(&err), 0);
}

static void test_needs_no_shared_memory(void **state)
{
    (void)state;
    struct store *s = opened(FAULT_VFS);
    assert_int_equal(access(path("eoul.db-shm"), F_OK), -1);
    assert_int_equal(access(path("eoul.db-wal"), F_OK), 0);
    struct stat st;
    assert_int_equal(stat(path("eoul.db-wal"), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    store_close(s);
}

static void test_loose_directory(void **state)
{
    struct err err = { 0 };
    (void)state;
    assert_int_equal(chmod(dir, 0755), 0);
    assert_int_equal(open_code(&err), E_DENIED);
    assert_non_null(strstr(err.text, "chmod 700"));
    assert_int_equal(chmod(dir, 0700), 0);
}

static void slurp(const char *name, struct buf *out)
{
    int fd = open(path(name), O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(io_read_to_end(fd, out), 0);
    close(fd);
}

static void test_newer_is_untouched(void **state)
{
    struct err err = { 0 };
    struct buf before, after;
    (void)state;
    store_close(opened(NULL));
    int fd = open(path("eoul.db"), O_RDWR | O_CLOEXEC);
    assert_int_equal(pwrite(fd, "\0\0\0\143", 4, 60), 4); /* user_version 99 */
    close(fd);
    buf_init(&before, 1 << 20);
    buf_init(&after, 1 << 20);
    slurp("eoul.db", &before);
    assert_int_equal(open_code(&err), E_NEWER);
    assert_non_null(strstr(err.text, "99"));
    slurp("eoul.db", &after);
    assert_true(str_eq(buf_look(&before), buf_look(&after)));
    assert_int_equal(access(path("eoul.db-wal"), F_OK), -1);
    buf_finish(&before);
    buf_finish(&after);
}

static void test_not_a_store(void **state)
{
    struct err err = { 0 };
    (void)state;
    int fd = open(path("eoul.db"), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_int_equal(write(fd, "my diary, not a database at all\n", 32), 32);
    close(fd);
    assert_int_equal(open_code(&err), E_CORRUPT);
    assert_non_null(strstr(err.text, "not a store"));
    sqlite3 *other = NULL;
    unlink(path("eoul.db"));
    sqlite3_open(path("eoul.db"), &other);
    sqlite3_exec(other, "CREATE TABLE mine (x)", NULL, NULL, NULL);
    sqlite3_close(other);
    chmod(path("eoul.db"), 0600);
    assert_int_equal(open_code(&err), E_CORRUPT);
}

static void test_damage_is_found(void **state)
{
    struct err err = { 0 };
    char junk[2048];
    (void)state;
    memset(junk, 0x5a, sizeof junk);
    struct store *s = opened(NULL);
    assert_int_equal(store_check(s, &err), 0);
    store_close(s);
    int fd = open(path("eoul.db"), O_RDWR | O_CLOEXEC);
    for (off_t at = 4096 * 2; at < 4096 * 12; at += 4096)
        assert_int_equal(pwrite(fd, junk, sizeof junk, at), (int)sizeof junk);
    close(fd);
    struct store *again = NULL;
    const struct store_options o = { .dir = dir };
    int code = store_open(&o, &again, &err);
    if (code == 0)
        code = store_check(again, &err);
    assert_int_equal(code, E_CORRUPT);
    store_close(again);
}

/* --- journal --------------------------------------------------------------------------------------- */

struct seen {
    uint64_t n, first, last, hash;
};

static int see_row(const struct store_journal_row *row, void *data)
{
    struct seen *seen = data;
    char line[32];
    snprintf(line, sizeof line, "row %llu", (unsigned long long)row->seq);
    assert_true(str_is(row->line, line));
    assert_int_equal(row->hash, row->seq * 0x9e3779b97f4a7c15u);
    if (!seen->n++)
        seen->first = row->seq;
    seen->last = row->seq;
    return 0;
}

static int add_row(struct store *s, usec_t at, uint64_t *ret_seq)
{
    char line[32];
    uint64_t seq = store_journal_last(s) + 1;
    snprintf(line, sizeof line, "row %llu", (unsigned long long)seq);
    return store_journal_add(s, str_of(line), at, seq * 0x9e3779b97f4a7c15u, ret_seq);
}

static void add_rows(struct store *s, int n, usec_t at)
{
    uint64_t seq;
    assert_int_equal(store_begin(s), 0);
    for (int i = 0; i < n; i++)
        assert_int_equal(add_row(s, at, &seq), 0);
    assert_int_equal(store_commit(s), 0);
}

static struct seen look(struct store *s, uint64_t after)
{
    struct seen seen = { 0 };
    assert_int_equal(store_journal_each(s, after, see_row, &seen), 0);
    return seen;
}

static void test_journal(void **state)
{
    uint64_t seq;
    (void)state;
    struct store *s = opened(NULL);
    add_rows(s, 5, 1);
    assert_int_equal(store_begin(s), 0);
    assert_int_equal(add_row(s, 1, &seq), 0);
    assert_int_equal(seq, 6);
    store_rollback(s);
    assert_int_equal(store_journal_last(s), 5);
    assert_int_equal(store_begin(s), 0);
    assert_int_equal(add_row(s, 1, &seq), 0);
    assert_int_equal(store_mark(s), 0);
    assert_int_equal(add_row(s, 1, &seq), 0);
    assert_int_equal(store_back(s), 0);
    assert_int_equal(add_row(s, 1, &seq), 0);
    assert_int_equal(seq, 7);
    assert_int_equal(store_commit(s), 0);
    store_close(s);
    s = opened(NULL);
    assert_int_equal(store_journal_last(s), 7);
    struct seen seen = look(s, 2);
    assert_int_equal(seen.first, 3);
    assert_int_equal(seen.n, 5);
    store_close(s);
}

static void snapshot_at(struct store *s, uint64_t seq, usec_t at, const char *text)
{
    const struct store_snapshot snapshot = { .seq = seq, .wall_at = at, .hash = seq + 0x8000000000000000u,
                                             .text = str_of(text) };
    assert_int_equal(store_begin(s), 0);
    assert_int_equal(store_snapshot_add(s, &snapshot), 0);
    assert_int_equal(store_commit(s), 0);
}

static void test_export(void **state)
{
    struct buf text;
    (void)state;
    struct store *s = opened(NULL);
    add_rows(s, 2, 1);
    snapshot_at(s, 2, 1, "two\nlines\n");
    add_rows(s, 1, 1);
    int fd = open(path("out"), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    struct err err = { 0 };
    assert_int_equal(store_journal_export(s, fd, false, &err), 0);
    close(fd);
    buf_init(&text, 4096);
    slurp("out", &text);
    assert_string_equal(text.ptr, "eoul-journal 1\nsnapshot 2 8000000000000002 10\ntwo\nlines\n\n"
                                  "3 daa66d2c7ddf743f row 3\n");
    buf_clear(&text);
    fd = open(path("out"), O_RDWR | O_TRUNC | O_CLOEXEC);
    assert_int_equal(store_journal_export(s, fd, true, &err), 0); /* whole: from the first row */
    close(fd);
    slurp("out", &text);
    assert_true(str_starts(buf_look(&text), "eoul-journal 1\n1 9e3779b97f4a7c15 row 1\n"));
    buf_finish(&text);
    store_close(s);
}

/* --- rows -------------------------------------------------------------------------------------------- */

static void add_request(struct store *s, uint32_t id, uint32_t tasks, const char *env)
{
    struct store_request r = { .id = id, .tasks = tasks, .array = tasks > 1, .call = id, .uid = 7,
                               .owner = 1, .submitter = 2, .submit_at = id, .name = STR("이름"),
                               .ranges = STR("1-5"), .spec = STR("argv=true\n") };
    assert_int_equal(store_env_put(s, str_of(env), &r.env), 0);
    assert_int_equal(store_request_add(s, &r), 0);
}

static void test_requests(void **state)
{
    struct store_request r;
    int64_t env[3];
    struct buf block;
    (void)state;
    struct store *s = opened(NULL);
    assert_int_equal(store_begin(s), 0);
    add_request(s, 1, 5, "A=1");
    add_request(s, 6, 1, "A=2");
    assert_int_equal(store_env_put(s, STR("A=1"), &env[0]), 0);
    assert_int_equal(store_env_put(s, STR("A=2"), &env[1]), 0);
    assert_int_equal(store_env_put(s, STR("A=1"), &env[2]), 0);
    assert_int_equal(store_commit(s), 0);
    assert_int_equal(env[0], env[2]);
    assert_int_not_equal(env[0], env[1]);
    assert_int_equal(store_request_get(s, 4, &r), 0);
    assert_int_equal(r.id, 1);
    assert_true(str_is(r.name, "이름"));
    assert_int_equal(store_request_get(s, 6, &r), 0);
    assert_int_equal(r.id, 6);
    assert_int_equal(store_request_get(s, 7, &r), E_NOT_FOUND);
    assert_int_equal(store_request_get(s, 0, &r), E_NOT_FOUND);
    buf_init(&block, 100);
    assert_int_equal(store_env_get(s, env[1], &block), 0);
    assert_string_equal(block.ptr, "A=2");
    buf_finish(&block);
    store_close(s);
}

/* An environment put in a turn that is taken back must not be remembered as stored. */
static void test_env_of_a_rolled_back_turn(void **state)
{
    int64_t env = 0;
    struct buf block;
    (void)state;
    struct store *s = opened(NULL);
    assert_int_equal(store_begin(s), 0);
    assert_int_equal(store_env_put(s, STR("A=1"), &env), 0);
    store_rollback(s);
    assert_int_equal(store_begin(s), 0);
    assert_int_equal(store_mark(s), 0);
    assert_int_equal(store_env_put(s, STR("A=1"), &env), 0);
    assert_int_equal(store_back(s), 0);
    assert_int_equal(store_env_put(s, STR("A=1"), &env), 0);
    assert_int_equal(store_commit(s), 0);
    buf_init(&block, 100);
    assert_int_equal(store_env_get(s, env, &block), 0);
    assert_string_equal(block.ptr, "A=1");
    buf_finish(&block);
    store_close(s);
}

static int count_item(uint32_t id, uint32_t tasks, void *data)
{
    (void)id;
    *(uint32_t *)data += tasks;
    return 0;
}

static void test_keys(void **state)
{
    uint32_t call = 0;
    uint32_t tasks = 0;
    uint64_t digest = 0;
    (void)state;
    struct store *s = opened(NULL);
    assert_int_equal(store_begin(s), 0);
    struct store_request r = { .id = 3, .tasks = 2, .call = 3 };
    assert_int_equal(store_request_add(s, &r), 0);
    r = (struct store_request){ .id = 5, .tasks = 1, .call = 3 };
    assert_int_equal(store_request_add(s, &r), 0);
    r = (struct store_request){ .id = 6, .tasks = 9, .call = 6 };
    assert_int_equal(store_request_add(s, &r), 0);
    assert_int_equal(store_key_add(s, 7, STR("k"), 3, UINT64_MAX, 1), 0);
    assert_int_equal(store_key_get(s, 7, STR("k"), &call, &digest), 0); /* within the turn */
    assert_int_equal(store_commit(s), 0);
    store_close(s);
    s = opened(NULL);
    assert_int_equal(store_key_get(s, 7, STR("k"), &call, &digest), 0);
    assert_int_equal(call, 3);
    assert_true(digest == UINT64_MAX);
    assert_int_equal(store_key_get(s, 8, STR("k"), &call, &digest), E_NOT_FOUND);
    assert_int_equal(store_key_get(s, 7, STR("K"), &call, &digest), E_NOT_FOUND);
    assert_int_equal(store_call_each(s, 3, count_item, &tasks), 0);
    assert_int_equal(tasks, 3);
    store_close(s);
}

static int count_attempt(const struct store_attempt *a, void *data)
{
    uint32_t *n = data;
    n[a->state]++;
    n[ATTEMPT_STATE_COUNT] += a->open;
    return 0;
}

static void test_attempts(void **state)
{
    (void)state;
    struct store *s = opened(NULL);
    assert_int_equal(store_begin(s), 0);
    for (uint32_t job = 1; job <= 4; job++) {
        struct store_attempt a = { .job = job, .number = 1, .gpus = UINT64_MAX, .decided_at = 5 };
        assert_int_equal(store_attempt_add(s, &a), 0);
    }
    assert_int_equal(store_attempt_running(s, 2, 1, 6), 0);
    struct store_attempt ended = { .job = 3, .number = 1, .state = ATTEMPT_ENDED, .end_at = 9,
                                   .exit_code = 3, .cause = STR("exit") };
    assert_int_equal(store_attempt_end(s, &ended), 0);
    ended.exit_code = 4; /* told again: the first word stands */
    assert_int_equal(store_attempt_end(s, &ended), 0);
    ended = (struct store_attempt){ .job = 4, .number = 1, .state = ATTEMPT_LOST, .open = true };
    assert_int_equal(store_attempt_end(s, &ended), 0);
    assert_int_equal(store_attempt_running(s, 3, 1, 6), 0); /* never back from the end */
    assert_int_equal(store_commit(s), 0);
    uint32_t n[ATTEMPT_STATE_COUNT + 1] = { 0 };
    assert_int_equal(store_attempts_open(s, count_attempt, n), 0);
    assert_int_equal(n[ATTEMPT_STARTING], 1);
    assert_int_equal(n[ATTEMPT_RUNNING], 1);
    assert_int_equal(n[ATTEMPT_LOST], 1);
    assert_int_equal(n[ATTEMPT_ENDED], 0);
    memset(n, 0, sizeof n);
    assert_int_equal(store_attempts_each(s, 3, count_attempt, n), 0);
    assert_int_equal(n[ATTEMPT_ENDED], 1);
    assert_int_equal(n[ATTEMPT_STATE_COUNT], 0);
    store_close(s);
}

/* --- retention ----------------------------------------------------------------------------------------- */

static bool only_30(uint32_t request, void *data)
{
    (void)data;
    return request == 30;
}

static int count_job(const struct store_job *j, void *data)
{
    (void)j;
    ++*(uint32_t *)data;
    return 0;
}

static void ended_job(struct store *s, uint32_t id, usec_t end_at)
{
    struct store_job j = { .id = id, .request = id, .owner = 1, .state = STR("COMPLETED"),
                           .reason = STR("None"), .end_at = end_at };
    struct store_attempt a = { .job = id, .number = 1, .state = ATTEMPT_ENDED, .end_at = end_at };
    assert_int_equal(store_attempt_add(s, &a), 0);
    assert_int_equal(store_attempt_end(s, &a), 0);
    assert_int_equal(store_job_put(s, &j), 0);
}

struct told {
    uint32_t n, waiting;
    uint64_t last;
    usec_t not_before_at;
};

static int count_notice(const struct store_notice *n, void *data)
{
    struct told *t = data;
    t->n++;
    assert_true(n->id > t->last); /* oldest first */
    t->last = n->id;
    return 0;
}

static int count_waiting(const struct store_waiting *w, void *data)
{
    struct told *t = data;
    assert_int_equal(w->person, 3);
    t->waiting += w->n;
    t->not_before_at = usec_max(t->not_before_at, w->not_before_at);
    return 0;
}

static struct told notices_now(struct store *s, bool only_pages)
{
    struct told t = { 0 };
    assert_int_equal(store_notices_each(s, 3, STR("slack"), only_pages, 100, count_notice, &t), 0);
    assert_int_equal(store_notices_waiting(s, count_waiting, &t), 0);
    return t;
}

static void add_notice(struct store *s, uint32_t job, const char *dedupe, bool page, usec_t expire_at)
{
    const struct store_notice n = { .person = 3, .channel = STR("slack"), .kind = STR("job-done"),
                                    .subject = job, .dedupe = str_of(dedupe), .page = page,
                                    .made_at = job, .expire_at = expire_at };
    assert_int_equal(store_begin(s), 0);
    assert_int_equal(store_notice_add(s, &n), 0);
    assert_int_equal(store_commit(s), 0);
}

/* What waits is counted up and moves behind what is being delivered; told rows go, others are put off. */
static void test_notices(void **state)
{
    struct store *s = opened(NULL);
    struct told t;
    (void)state;
    for (uint32_t i = 1; i <= 5; i++) {
        char dedupe[16];
        snprintf(dedupe, sizeof dedupe, "job-done/%u", i);
        add_notice(s, i, dedupe, i == 5, 1000 * i);
    }
    t = notices_now(s, false);
    assert_int_equal(t.n, 5);
    assert_int_equal(notices_now(s, true).n, 1);
    uint64_t last = t.last;
    add_notice(s, 9, "job-done/2", false, 2000); /* while those are under way */
    assert_int_equal(notices_now(s, false).waiting, 6);
    assert_int_equal(store_begin(s), 0);
    assert_int_equal(store_notices_later(s, 3, STR("slack"), false, last, 777), 0);
    assert_int_equal(store_commit(s), 0);
    t = notices_now(s, false);
    assert_int_equal(t.n, 5);
    assert_int_equal(t.not_before_at, 777);
    assert_int_equal(store_begin(s), 0);
    assert_int_equal(store_notices_told(s, 3, STR("slack"), false, last), 0);
    assert_int_equal(store_commit(s), 0);
    t = notices_now(s, false);
    assert_int_equal(t.n, 1); /* the one that came meanwhile, with its count */
    assert_int_equal(t.waiting, 2);
    assert_int_equal(t.not_before_at, 777); /* a refusal holds for it too, until something has come */
    assert_int_equal(store_begin(s), 0);
    assert_int_equal(store_notices_later(s, 3, STR("slack"), true, 0, 888), 0);
    assert_int_equal(store_commit(s), 0);
    assert_int_equal(notices_now(s, false).not_before_at, 888);
    assert_int_equal(store_begin(s), 0);
    assert_int_equal(store_notices_free(s, 3, STR("slack")), 0);
    assert_int_equal(store_commit(s), 0);
    assert_int_equal(notices_now(s, false).not_before_at, 0);
    add_notice(s, 7, "job-done/7", false, 5000);
    assert_int_equal(store_begin(s), 0);
    assert_int_equal(store_notices_expire(s, 2000), 0);
    assert_int_equal(store_commit(s), 0);
    assert_int_equal(notices_now(s, false).n, 1);
    assert_int_equal(store_begin(s), 0);
    assert_int_equal(store_channel_remove(s, 3, STR("slack")), 0);
    assert_int_equal(store_commit(s), 0);
    assert_int_equal(notices_now(s, false).n, 0);
    store_close(s);
}

static void test_retention(void **state)
{
    struct store_request r;
    struct store_snapshot snapshot;
    bool more = true;
    uint32_t n = 0;
    (void)state;
    struct store *s = opened(NULL);
    add_rows(s, 10, 100);
    snapshot_at(s, 4, 100, "a");
    snapshot_at(s, 8, 200, "b");
    add_rows(s, 5, 1000);
    snapshot_at(s, 15, 1000, "c");
    assert_int_equal(store_begin(s), 0);
    char env[8];
    for (uint32_t id = 10; id <= 40; id += 10) {
        snprintf(env, sizeof env, "E=%u", id);
        add_request(s, id, 1, env);
    }
    ended_job(s, 10, 150);
    ended_job(s, 20, 990);
    assert_int_equal(store_key_add(s, 1, STR("old"), 10, 0, 100), 0);
    assert_int_equal(store_key_add(s, 1, STR("new"), 20, 0, 950), 0);
    assert_int_equal(store_commit(s), 0);
    const struct store_retention keep = { .journal_us = 500, .jobs_us = 500, .jobs_max = 100,
                                          .keys_us = 500 };
    for (int i = 0; more && i < 20; i++)
        assert_int_equal(store_retain(s, &keep, 1000, 2, only_30, NULL, &more), 0);
    assert_false(more);
    /* The journal starts after the newest snapshot that is older than the limit. */
    struct seen seen = look(s, 0);
    assert_int_equal(seen.first, 9);
    assert_int_equal(seen.last, 15);
    assert_int_equal(store_snapshot_get(s, 15, &snapshot), 0);
    assert_int_equal(snapshot.seq, 8);
    assert_int_equal(store_snapshot_get(s, 8, &snapshot), E_NOT_FOUND);
    /* 10 is old; 20 is young; 30 lives; 40 has neither a live nor an ended job. */
    assert_int_equal(store_request_get(s, 10, &r), E_NOT_FOUND);
    assert_int_equal(store_request_get(s, 20, &r), 0);
    assert_int_equal(store_request_get(s, 30, &r), 0);
    assert_int_equal(store_request_get(s, 40, &r), E_NOT_FOUND);
    store_reset(s);
    assert_int_equal(store_jobs_each(s, 0, 0, USEC_NEVER, 0, count_job, &n), 0);
    assert_int_equal(n, 1);
    uint32_t attempts[ATTEMPT_STATE_COUNT + 1] = { 0 };
    assert_int_equal(store_attempts_each(s, 10, count_attempt, attempts), 0);
    assert_int_equal(attempts[ATTEMPT_ENDED], 0);
    uint32_t call;
    uint64_t digest;
    assert_int_equal(store_key_get(s, 1, STR("old"), &call, &digest), E_NOT_FOUND);
    assert_int_equal(store_key_get(s, 1, STR("new"), &call, &digest), 0);
    struct buf block;
    buf_init(&block, 100);
    assert_int_equal(store_env_get(s, 1, &block), E_NOT_FOUND); /* nobody's any more */
    assert_int_equal(store_env_get(s, 2, &block), 0);
    buf_finish(&block);
    store_close(s);
}

static int note_result(const struct store_result *r, void *data)
{
    struct buf *out = data;
    buf_u64(out, r->job);
    buf_char(out, '.');
    buf_u64(out, r->attempt);
    buf_char(out, ' ');
    buf_i64(out, r->done_ppm);
    buf_char(out, ' ');
    buf_str(out, r->text);
    buf_str(out, r->rung);
    buf_char(out, ';');
    return 0;
}

static void results_are(struct store *s, uint32_t from, uint32_t n, const char *want)
{
    struct buf got;
    buf_init(&got, 1000);
    buf_c(&got, "");
    assert_int_equal(store_results_each(s, from, n, note_result, &got), 0);
    assert_string_equal(got.ptr ? got.ptr : "", want);
    buf_finish(&got);
}

/* What a job said last stands in place of what it said before, and goes with the job. */
static void test_results(void **state)
{
    bool more = true;
    (void)state;
    struct store *s = opened(NULL);
    assert_int_equal(store_begin(s), 0);
    for (uint32_t id = 10; id <= 30; id += 10) {
        add_request(s, id, 1, "A=1");
        ended_job(s, id, id);
        assert_int_equal(store_result_put(s, &(struct store_result){ .job = id, .attempt = 1, .at = id, .done_ppm = -1,
                                                                     .text = STR("loss=3\n"), .rung = STR("") }), 0);
    }
    assert_int_equal(store_result_put(s, &(struct store_result){ .job = 20, .attempt = 2, .at = 9, .done_ppm = 500000,
                                                                 .text = STR("loss=2\n"), .rung = STR("2") }), 0);
    assert_int_equal(store_commit(s), 0);
    results_are(s, 10, 11, "10.1 -1 loss=3\n;20.2 500000 loss=2\n2;");
    results_are(s, 11, 9, "");
    store_close(s);
    s = opened(NULL);
    results_are(s, 20, 11, "20.2 500000 loss=2\n2;30.1 -1 loss=3\n;");
    const struct store_retention keep = { .jobs_max = 1 };
    for (int i = 0; more && i < 20; i++)
        assert_int_equal(store_retain(s, &keep, 1000, 3, only_30, NULL, &more), 0);
    results_are(s, 1, 100, "30.1 -1 loss=3\n;");
    store_close(s);
}

static void test_retention_by_number(void **state)
{
    bool more = true;
    uint32_t n = 0;
    (void)state;
    struct store *s = opened(NULL);
    assert_int_equal(store_begin(s), 0);
    for (uint32_t id = 1; id <= 10; id++) {
        add_request(s, id, 1, "A=1");
        ended_job(s, id, id);
    }
    assert_int_equal(store_commit(s), 0);
    const struct store_retention keep = { .jobs_max = 4 };
    for (int i = 0; more && i < 20; i++)
        assert_int_equal(store_retain(s, &keep, 1000, 3, only_30, NULL, &more), 0);
    assert_int_equal(store_jobs_each(s, 0, 0, USEC_NEVER, 0, count_job, &n), 0);
    assert_int_equal(n, 4);
    struct store_job j;
    assert_int_equal(store_job_get(s, 6, &j), E_NOT_FOUND);
    assert_int_equal(store_job_get(s, 7, &j), 0);
    store_close(s);
}

/* --- a disk that fails ------------------------------------------------------------------------------------ */

static void test_ballast(void **state)
{
    struct stat st;
    (void)state;
    struct store *s = opened(NULL);
    assert_int_equal(stat(path("ballast"), &st), 0);
    assert_int_equal(st.st_size, STORE_BALLAST_BYTES);
    assert_true(st.st_blocks * 512 >= STORE_BALLAST_BYTES); /* really taken */
    store_ballast_free(s);
    assert_int_equal(access(path("ballast"), F_OK), -1);
    assert_int_equal(store_ballast_make(s), 0);
    assert_int_equal(access(path("ballast"), F_OK), 0);
    store_close(s);
}

/* One turn: a journal row, a request and a large environment, so that a turn is many writes. */
static int one_turn(struct store *s, uint32_t i)
{
    static char env[20000];
    uint64_t seq;
    struct store_request r = { .id = i, .tasks = 1, .call = i, .name = STR("n"), .spec = STR("s") };
    memset(env, 'a' + (int)(i % 26), sizeof env);
    int code = store_begin(s);
    if (code < 0)
        return code;
    store_env_put(s, (struct str){ env, sizeof env }, &r.env);
    store_request_add(s, &r);
    add_row(s, i, &seq);
    code = store_commit(s);
    if (code == 0)
        code = store_tidy(s);
    return code;
}

static void copy_file(const char *from, const char *to)
{
    struct buf bytes;
    buf_init(&bytes, 64u << 20);
    slurp(from, &bytes);
    int fd = open(path(to), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    assert_int_equal(io_write_all(fd, bytes.ptr, bytes.len), 0);
    close(fd);
    buf_finish(&bytes);
}

static off_t log_bytes(void)
{
    struct stat st;
    assert_int_equal(stat(path("eoul.db-wal"), &st), 0);
    return st.st_size;
}

/* The log has its length ahead of the commits; what is read of it after a crash is what was committed. */
static void test_room_in_the_log(void **state)
{
    struct store_request r;
    (void)state;
    struct store *s = opened(NULL);
    assert_int_equal(one_turn(s, 1), 0);
    assert_int_equal(store_log_room(s), 0);
    off_t bytes = log_bytes();
    assert_true(bytes > 4 << 20);
    assert_int_equal(store_log_room(s), 0);
    for (uint32_t i = 2; i <= 400; i++) { /* more than once around */
        assert_int_equal(one_turn(s, i), 0);
        assert_int_equal(log_bytes(), bytes);
    }
    assert_int_equal(mkdir(path("copy"), 0700), 0);
    copy_file("eoul.db", "copy/eoul.db"); /* what a crash leaves */
    copy_file("eoul.db-wal", "copy/eoul.db-wal");
    store_close(s);
    char copy[128];
    snprintf(copy, sizeof copy, "%s", path("copy"));
    struct err err = { 0 };
    if (store_open(&(struct store_options){ .dir = copy }, &s, &err) < 0)
        fail_msg("%s", err.text);
    assert_int_equal(store_check(s, &err), 0);
    assert_int_equal(store_journal_last(s), 400);
    assert_int_equal(store_request_get(s, 400, &r), 0);
    store_close(s);
}

/* The k-th call fails with "disk full", for every k: refused turns leave nothing, the others
 * everything, and the store goes on. */
static void test_full_at_every_call(void **state)
{
    bool failed = true;
    (void)state;
    for (uint32_t k = 1; failed; k++) {
        struct store *s = opened(FAULT_VFS);
        uint64_t before = store_journal_last(s);
        uint32_t id = (uint32_t)before + 1;
        fault_plan = (struct fault_plan){ .kinds = FAULT_WRITE, .countdown = k, .rc = SQLITE_FULL,
                                          .times = 3 };
        for (int turn = 0; turn < 4; turn++) {
            uint64_t last = store_journal_last(s);
            int code = one_turn(s, id);
            assert_true(code == 0 || code == E_NO_SPACE);
            assert_int_equal(store_journal_last(s), last + (code == 0));
            assert_false(store_in_transaction(s));
            id += code == 0;
        }
        failed = fault_plan.failed > 0;
        memset(&fault_plan, 0, sizeof fault_plan);
        assert_int_equal(one_turn(s, id), 0);
        store_close(s);
        s = opened(NULL);
        struct seen seen = look(s, 0);
        assert_int_equal(seen.n, id);
        assert_int_equal(seen.last, id);
        struct store_request r;
        assert_int_equal(store_request_get(s, id, &r), 0);
        assert_int_equal(store_request_get(s, id + 1, &r), E_NOT_FOUND);
        store_close(s);
        assert_true(k < 2000);
    }
}

/* Turns until a failure, in a child that then dies as the daemon would; acks go up a pipe. */
static uint32_t turns_in_child(const struct fault_plan *plan, int *ret_status)
{
    int pipe_fd[2];
    assert_int_equal(pipe(pipe_fd), 0);
    pid_t pid = fork();
    if (pid == 0) {
        struct store *s = NULL;
        const struct store_options o = { .dir = dir, .vfs = FAULT_VFS };
        if (store_open(&o, &s, NULL) < 0)
            _exit(9);
        uint32_t id = (uint32_t)store_journal_last(s) + 1;
        fault_plan = *plan;
        for (int turn = 0; turn < 3; turn++, id++) {
            if (one_turn(s, id) < 0)
                _exit(70);
            if (write(pipe_fd[1], &id, sizeof id) != sizeof id)
                _exit(9);
        }
        _exit(fault_plan.failed ? 71 : 0);
    }
    close(pipe_fd[1]);
    uint32_t id = 0;
    uint32_t acked = 0;
    while (read(pipe_fd[0], &id, sizeof id) == sizeof id)
        acked = id;
    close(pipe_fd[0]);
    assert_int_equal(waitpid(pid, ret_status, 0), pid);
    return acked;
}

/* The k-th call fails with an I/O error: the daemon aborts without an answer; what was answered is
 * there, what was not is there whole or not at all. */
static void io_error_at_every_call(uint32_t kinds, int rc)
{
    uint32_t acked_ever = 0;
    for (uint32_t k = 1;; k++) {
        int status = 0;
        const struct fault_plan plan = { .kinds = kinds, .countdown = k, .rc = rc,
                                         .times = UINT32_MAX };
        uint32_t acked = turns_in_child(&plan, &status);
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) != 9);
        assert_int_not_equal(WEXITSTATUS(status), 71); /* a failure nobody noticed */
        if (acked > acked_ever)
            acked_ever = acked;
        struct store *s = opened(NULL);
        struct seen seen = look(s, 0);
        struct store_request r;
        assert_true(seen.last >= acked_ever);
        assert_int_equal(seen.n, seen.last);
        if (seen.last) {
            assert_int_equal(store_request_get(s, (uint32_t)seen.last, &r), 0);
            assert_int_equal(r.id, seen.last);
        }
        assert_int_equal(store_request_get(s, (uint32_t)seen.last + 1, &r), E_NOT_FOUND);
        store_close(s);
        if (WEXITSTATUS(status) == 0) {
            assert_true(k > 4); /* there were calls to fail */
            break;
        }
        assert_true(k < 500);
    }
    assert_true(acked_ever > 0);
}

static void test_write_error_at_every_call(void **state)
{
    (void)state;
    io_error_at_every_call(FAULT_WRITE, SQLITE_IOERR_WRITE);
}

static void test_sync_error_at_every_call(void **state)
{
    (void)state;
    io_error_at_every_call(FAULT_SYNC, SQLITE_IOERR_FSYNC);
}

/* --- migrations ------------------------------------------------------------------------------------------- */

extern const char store_schema_1[];

static int open_version(uint32_t n, const char *vfs, struct store **ret, struct err *err)
{
    const struct store_migration list[] = {
        { store_schema_1 },
        { "CREATE TABLE more (x INTEGER) STRICT; INSERT INTO more SELECT seq FROM journal;"
          "ALTER TABLE person ADD COLUMN email TEXT NOT NULL DEFAULT ''; CREATE INDEX more_x ON more (x)" },
        { "DROP TABLE more; UPDATE meta SET value = value || '3'" },
    };
    const struct store_options o = { .dir = dir, .vfs = vfs, .migrations = list, .migrations_n = n };
    return store_open(&o, ret, err);
}

static uint32_t version_on_disk(void)
{
    sqlite3 *db = NULL;
    sqlite3_stmt *st = NULL;
    assert_int_equal(sqlite3_open(path("eoul.db"), &db), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, "PRAGMA user_version", -1, &st, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(st), SQLITE_ROW);
    uint32_t version = (uint32_t)sqlite3_column_int(st, 0);
    sqlite3_finalize(st);
    /* Each version is whole: table and columns of 2 are there in 2 only. */
    bool more = sqlite3_prepare_v2(db, "SELECT x FROM more", -1, &st, NULL) == SQLITE_OK;
    sqlite3_finalize(st);
    bool email = sqlite3_prepare_v2(db, "SELECT email FROM person", -1, &st, NULL) == SQLITE_OK;
    sqlite3_finalize(st);
    assert_int_equal(more, version == 2);
    assert_int_equal(email, version >= 2);
    sqlite3_close(db);
    return version;
}

static void test_migration_killed_anywhere(void **state)
{
    struct err err = { 0 };
    struct store *s = NULL;
    bool seen[4] = { false };
    (void)state;
    for (uint32_t k = 1;; k++) {
        int status = 0;
        set_up(NULL);
        assert_int_equal(open_version(1, NULL, &s, &err), 0);
        add_rows(s, 3, 1);
        store_close(s);
        pid_t pid = fork();
        if (pid == 0) {
            fault_plan = (struct fault_plan){ .kinds = FAULT_ANY, .countdown = k,
                                              .rc = SQLITE_IOERR_WRITE, .times = UINT32_MAX };
            int code = open_version(3, FAULT_VFS, &s, NULL);
            _exit(code == 0 && !fault_plan.failed ? 0 : 1);
        }
        assert_int_equal(waitpid(pid, &status, 0), pid);
        uint32_t version = version_on_disk();
        assert_true(version >= 1 && version <= 3);
        seen[version] = true;
        assert_true(version == 1 || access(path("eoul.db.v1"), F_OK) == 0); /* the copy came first */
        if (open_version(3, NULL, &s, &err) < 0)
            fail_msg("k=%u: %s", k, err.text);
        assert_int_equal(look(s, 0).n, 3);
        store_close(s);
        assert_int_equal(version_on_disk(), 3);
        assert_int_equal(open_version(2, NULL, &s, &err), E_NEWER);
        tear_down(NULL);
        if (WEXITSTATUS(status) == 0)
            break;
        assert_true(k < 500);
    }
    assert_true(seen[1] && seen[3]);
    set_up(NULL);
}

struct met_seen {
    uint32_t n, same;
    usec_t first_at, last_at;
};

static int see_met(const struct store_met *m, void *data)
{
    struct met_seen *seen = data;
    seen->first_at = seen->n++ ? seen->first_at : m->wall_at;
    assert_true(seen->n == 1 || m->wall_at > seen->last_at);
    seen->last_at = m->wall_at;
    seen->same += str_is(m->what, "gpu 1");
    return 0;
}

/* However often a GPU comes and goes and GPUs are reserved, a GPU that went once is still known to be away. */
static void test_met_is_bounded(void **state)
{
    const usec_t n = STORE_MET_MAX + 1000;
    struct met_seen all = { 0 }, one = { 0 };
    int64_t seq = 0, from = 0;
    (void)state;
    struct store *s = opened(NULL);
    assert_int_equal(store_begin(s), 0);
    assert_int_equal(store_met_add(s, &(struct store_met){ .wall_at = 1, .what = STR("gpu 2"), .line = STR("gpu") }), 0);
    for (usec_t at = 2; at < n; at++) {
        bool gpu = at % 11 == 0;
        struct store_met m = { .wall_at = at, .until_at = gpu ? 0 : at + 5, .what = gpu ? STR("gpu 1") : STR("reserve 7"),
                               .line = STR("gpu") };
        char what[32];
        if (!gpu) {
            snprintf(what, sizeof what, "reserve %lld", (long long)at);
            m.what = str_of(what);
        }
        assert_int_equal(store_met_add(s, &m), 0);
    }
    for (usec_t at = n; at < n + STORE_MET_MAX; at++) {
        char what[32];
        snprintf(what, sizeof what, "reserve %lld", (long long)at);
        assert_int_equal(store_met_add(s, &(struct store_met){ .wall_at = at, .until_at = at + 5, .what = str_of(what),
                                                               .line = STR("gpu") }), 0);
    }
    assert_int_equal(store_commit(s), 0);
    for (uint32_t before = 1; all.n != before;) { /* a page at a time, none twice and none left out */
        before = all.n;
        assert_int_equal(store_met_each(s, &seq, 100, see_met, &all), 0);
        assert_true(all.n - before <= 100);
    }
    assert_int_equal(all.first_at, 1);
    assert_int_equal(all.last_at, n + STORE_MET_MAX - 1);
    assert_int_equal(all.same, STORE_MET_SAME_MAX);
    assert_true(all.n >= 1 + STORE_MET_SAME_MAX + STORE_MET_MAX && all.n < 1 + STORE_MET_SAME_MAX + STORE_MET_MAX + 2 * STORE_MET_LOOK);
    assert_int_equal(store_met_newest(s, 3, &from), 0);
    assert_int_equal(store_met_each(s, &from, 100, see_met, &one), 0);
    assert_int_equal(one.n, 3);
    assert_int_equal(one.last_at, all.last_at);
    store_close(s);
}

static void test_backup(void **state)
{
    struct err err = { 0 };
    char copy[128];
    (void)state;
    struct store *s = opened(NULL);
    add_rows(s, 50, 1);
    snprintf(copy, sizeof copy, "%s", path("copy.db"));
    assert_int_equal(store_backup(s, copy, false, &err), 0);
    assert_int_equal(store_backup(s, copy, false, &err), E_EXISTS);
    assert_int_equal(store_backup(s, copy, true, &err), 0);
    add_rows(s, 1, 1);
    store_close(s);
    assert_int_equal(rename(copy, path("eoul.db")), 0);
    s = opened(NULL);
    assert_int_equal(store_journal_last(s), 50);
    assert_int_equal(store_backup(s, "/nonexistent/copy", false, &err), E_NOT_FOUND);
    store_close(s);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(test_second_is_refused), T(test_needs_no_shared_memory), T(test_loose_directory),
        T(test_newer_is_untouched), T(test_not_a_store), T(test_damage_is_found), T(test_journal),
        T(test_export), T(test_requests), T(test_env_of_a_rolled_back_turn), T(test_keys),
        T(test_attempts), T(test_notices), T(test_retention), T(test_results), T(test_retention_by_number), T(test_ballast),
        T(test_room_in_the_log),
        T(test_full_at_every_call), T(test_write_error_at_every_call),
        T(test_sync_error_at_every_call), T(test_migration_killed_anywhere), T(test_met_is_bounded), T(test_backup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
