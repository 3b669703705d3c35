/* open.c - opening the store: lock, file system, version, migrations.
 *
 * Order matters.  The lock comes first (a second daemon touches nothing), then the header is read as
 * bytes (a newer store is refused before SQLite opens it, which could replay its log), then SQLite.
 */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/io.h"
#include "client/place.h"
#include "store/internal.h"

extern const char store_schema_1[], store_schema_2[], store_schema_results[],
    store_schema_todos[], store_schema_notices[], store_schema_briefs[],
    store_schema_feeds[], store_schema_defer[], store_schema_links[],
    store_schema_lists[], store_schema_trade[], store_schema_canary[],
    store_schema_account[], store_schema_refusals[],
    store_schema_met[];

static const struct store_migration migrations_real[] = {
    { store_schema_1 },
    { store_schema_2 },
    { store_schema_results },
    { store_schema_todos },
    { store_schema_notices },
    { store_schema_briefs },
    { store_schema_feeds },
    { store_schema_defer },
    { store_schema_links },
    { store_schema_lists },
    { store_schema_trade },
    { store_schema_canary },
    { store_schema_account },
    { store_schema_refusals },
    { store_schema_met },
};
#define MIGRATIONS_REAL_N (sizeof migrations_real / sizeof migrations_real[0])

#define HEADER_USER_VERSION   60 /* offsets in the database file, big-endian: sqlite.org/fileformat2 */
#define HEADER_APPLICATION_ID 68
#define HEADER_SIZE           100

static int refuse_holder(int fd, const char *dir, struct err *err)
{
    char who[32] = "";
    ssize_t n = pread(fd, who, sizeof who - 1, 0);
    uint64_t pid = 0;
    if (n > 0 && str_u64(str_trim((struct str){ who, (size_t)n }), &pid) == 0)
        return err_set(err, E_BUSY, "another eould (process %llu) already works on %s",
                       (unsigned long long)pid, dir);
    return err_set(err, E_BUSY, "another eould already works on %s", dir);
}

int store_lock(const char *dir, int *ret_lock_fd, struct err *err)
{
    int code = 0;
    int dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct stat st;
    int fd = -1;
    if (dir_fd < 0 || fstat(dir_fd, &st) < 0) {
        code = err_set(err, io_from_errno(errno), "cannot open the state directory %s: %s", dir,
                       strerror(errno));
        goto out;
    }
    if (st.st_uid != geteuid() || (st.st_mode & 077)) {
        code = err_set(err, E_DENIED,
                       "the state directory %s must belong to you and have mode 0700 (chmod 700 %s)",
                       dir, dir);
        goto out;
    }
    fd = openat(dir_fd, STORE_LOCK, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) {
        code = err_set(err, io_from_errno(errno), "cannot open the lock file in %s: %s", dir,
                       strerror(errno));
        goto out;
    }
    if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
        code = errno == EWOULDBLOCK
                   ? refuse_holder(fd, dir, err)
                   : err_set(err, io_from_errno(errno), "cannot lock the state directory %s: %s", dir,
                             strerror(errno));
        goto out;
    }
    struct buf pid;
    char memory[32];
    buf_init_fixed(&pid, memory, sizeof memory);
    buf_u64(&pid, (uint64_t)getpid());
    buf_char(&pid, '\n');
    /* Only a help for people: a full disk must not keep the daemon from recording endings. */
    if (ftruncate(fd, 0) < 0 || pwrite(fd, pid.ptr, pid.len, 0) < 0)
        errno = 0;
    *ret_lock_fd = fd;
    fd = -1;
out:
    io_close(&fd);
    io_close(&dir_fd);
    return code;
}

static uint32_t big_endian(const unsigned char *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static int refuse_newer(const char *dir, uint32_t version, uint32_t known, struct err *err)
{
    return err_set(err, E_NEWER,
                   "the store in %s was written by a newer eoul (its version is %u, this one knows %u); "
                   "nothing was changed", dir, version, known);
}

/* Is there a write-ahead log?  The power may have gone while its pages were being moved into the file: then
 * the file's own head may be torn, and SQLite makes it whole out of the log. */
static bool has_log(const struct store *s)
{
    struct stat st;
    return fstatat(s->dir_fd, STORE_FILE "-wal", &st, AT_SYMLINK_NOFOLLOW) == 0 && st.st_size > 0;
}

/* Make the file with its mode, or look at the header of the one that is there.  Read-only. */
static int look_at_file(const struct store *s, const char *dir, uint32_t known, struct err *err)
{
    int fd = openat(s->dir_fd, STORE_FILE, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return err_set(err, io_from_errno(errno), "cannot open the store in %s: %s", dir,
                       strerror(errno));
    int code = 0;
    struct stat st;
    unsigned char header[HEADER_SIZE];
    ssize_t n = pread(fd, header, sizeof header, 0);
    if (n < 0 || fstat(fd, &st) < 0)
        code = err_set(err, E_IO, "cannot read the store in %s: %s", dir, strerror(errno));
    else if (st.st_uid != geteuid() || (st.st_mode & 077) || !S_ISREG(st.st_mode))
        code = err_set(err, E_DENIED, "%s/%s must be a file of yours with mode 0600", dir, STORE_FILE);
    else if (n > 0 && (n < HEADER_SIZE || memcmp(header, "SQLite format 3", 16) != 0) &&
             !has_log(s)) /* with one, migrate() looks again */
        code = err_set(err, E_CORRUPT, "%s/%s is not a store of eoul", dir, STORE_FILE);
    else if (n == HEADER_SIZE && big_endian(header + HEADER_APPLICATION_ID) == STORE_APPLICATION_ID &&
             big_endian(header + HEADER_USER_VERSION) > known)
        code = refuse_newer(dir, big_endian(header + HEADER_USER_VERSION), known, err);
    io_close(&fd);
    return code;
}

/* The only place that runs SQL not in the statement list: pragmas and migrations, all constant. */
static int exec(struct store *s, const char *text)
{
    int rc = sqlite3_exec(s->db, text, NULL, NULL, NULL);
    return rc == SQLITE_OK ? 0 : store_fail(s, rc);
}

static int pragma_u32(struct store *s, const char *text, uint32_t *ret)
{
    sqlite3_stmt *st = NULL;
    int rc = sqlite3_prepare_v2(s->db, text, -1, &st, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_step(st);
    if (rc == SQLITE_ROW)
        *ret = (uint32_t)sqlite3_column_int64(st, 0);
    sqlite3_finalize(st);
    return rc == SQLITE_ROW ? 0 : store_fail(s, rc);
}

static int wal_hook(void *data, sqlite3 *db, const char *name, int pages)
{
    (void)db, (void)name;
    ((struct store *)data)->wal_pages = pages;
    return SQLITE_OK;
}

static int set_up(struct store *s)
{
    int code = exec(s, "PRAGMA journal_mode = WAL");
    if (code == 0)
        code = exec(s, "PRAGMA synchronous = FULL");
    if (code == 0)
        code = exec(s, "PRAGMA wal_autocheckpoint = 0");
    if (code == 0)
        code = exec(s, "PRAGMA journal_size_limit = 8388608");
    if (code == 0)
        code = exec(s, "PRAGMA foreign_keys = OFF; PRAGMA trusted_schema = OFF");
    if (code == 0) /* what a person deletes does not stay in free pages */
        code = exec(s, "PRAGMA secure_delete = ON");
    sqlite3_wal_hook(s->db, wal_hook, s);
    return code;
}

static int migrate_one(struct store *s, const struct store_migration *m, uint32_t to)
{
    char version[64];
    struct buf text;
    buf_init_fixed(&text, version, sizeof version);
    buf_c(&text, "PRAGMA user_version = ");
    buf_u64(&text, to);
    assert(!text.failed);
    int code = exec(s, "BEGIN IMMEDIATE");
    if (code == 0)
        code = exec(s, m->sql);
    if (code == 0 && to == 1)
        code = exec(s, "PRAGMA application_id = 1701803372"); /* STORE_APPLICATION_ID */
    if (code == 0)
        code = exec(s, version);
    if (code == 0)
        code = exec(s, "COMMIT");
    if (code < 0)
        store_rollback(s);
    return code;
}

/* A copy of what was there, before anything is changed. */
static int copy_before_migration(struct store *s, const char *dir, uint32_t version, struct err *err)
{
    struct buf path;
    buf_init(&path, PLACE_PATH_MAX + 64);
    buf_printf(&path, "%s/%s.v%u", dir, STORE_FILE, version);
    int code = path.failed ? path.failed : store_backup(s, path.ptr, true, err);
    buf_finish(&path);
    return code;
}

static int migrate(struct store *s, const struct store_options *o, struct err *err)
{
    uint32_t version = 0;
    uint32_t application = 0;
    uint32_t tables = 0;
    if (pragma_u32(s, "PRAGMA user_version", &version) < 0 ||
        pragma_u32(s, "PRAGMA application_id", &application) < 0 ||
        pragma_u32(s, "SELECT count(*) FROM sqlite_schema", &tables) < 0)
        return s->failed;
    if (tables ? application != STORE_APPLICATION_ID : version != 0)
        return err_set(err, E_CORRUPT, "%s/%s is not a store of eoul", o->dir, STORE_FILE);
    if (version > o->migrations_n)
        return refuse_newer(o->dir, version, o->migrations_n, err);
    if (version > 0 && version < o->migrations_n) {
        int code = copy_before_migration(s, o->dir, version, err);
        if (code < 0)
            return code;
    }
    for (uint32_t to = version + 1; to <= o->migrations_n; to++)
        if (migrate_one(s, &o->migrations[to - 1], to) < 0)
            return s->failed;
    if (version < o->migrations_n) /* so that an older eoul sees the version in the header */
        sqlite3_wal_checkpoint_v2(s->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
    return 0;
}

static int open_database(struct store *s, const struct store_options *o, struct err *err)
{
    struct buf path;
    buf_init(&path, PLACE_PATH_MAX + 64);
    buf_printf(&path, "%s/%s", o->dir, STORE_FILE);
    if (path.failed) {
        buf_finish(&path);
        return err_set(err, E_TOO_LARGE, "the path of the state directory is too long");
    }
    int rc = sqlite3_open_v2(path.ptr, &s->db,
                             SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_NOFOLLOW |
                                 SQLITE_OPEN_PRIVATECACHE,
                             o->vfs);
    buf_finish(&path);
    if (rc != SQLITE_OK)
        return store_fail(s, rc);
    sqlite3_extended_result_codes(s->db, 1);
    /* Set before anything is read: a store we refuse stays as it was, log and all. */
    sqlite3_db_config(s->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    sqlite3_db_config(s->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite3_db_config(s->db, SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0, NULL);
    char cache[64];
    struct buf text;
    buf_init_fixed(&text, cache, sizeof cache);
    buf_c(&text, "PRAGMA cache_size = -");
    buf_u64(&text, STORE_CACHE_KIB);
    /* Before anything that reads the file: then the log's index lives in our heap, and there is no
     * shared-memory file for anybody else to join. */
    int code = exec(s, "PRAGMA locking_mode = EXCLUSIVE");
    if (code == 0)
        code = exec(s, cache);
    uint32_t version = 0;
    if (code == 0)
        code = pragma_u32(s, "PRAGMA user_version", &version);
    if (code == 0 && version > o->migrations_n)
        return refuse_newer(o->dir, version, o->migrations_n, err);
    if (code == 0)
        code = set_up(s);
    if (code == 0)
        code = migrate(s, o, err);
    sqlite3_db_config(s->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0, NULL);
    return code;
}

static int read_last_seq(struct store *s)
{
    sqlite3_stmt *st = store_st(s, ST_JOURNAL_LAST);
    if (!st)
        return s->failed;
    int rc = sqlite3_step(st);
    if (rc == SQLITE_ROW)
        s->journal_seq = s->journal_seq_committed = col_u64(st, 0);
    sqlite3_reset(st);
    return rc == SQLITE_ROW ? 0 : store_fail(s, rc);
}

int store_open_locked(const struct store_options *options, int take_lock_fd, struct store **ret,
                      struct err *err)
{
    struct store_options o = *options;
    if (!o.migrations) {
        o.migrations = migrations_real;
        o.migrations_n = MIGRATIONS_REAL_N;
    }
    struct store *s = calloc(1, sizeof *s);
    if (!s) {
        io_close(&take_lock_fd);
        return err_set(err, E_NO_MEMORY, "out of memory");
    }
    s->lock_fd = take_lock_fd;
    s->dir_fd = open(o.dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    buf_init(&s->env_last_block, 64u << 20);
    struct err e = { .translate = err ? err->translate : NULL };
    int code = 0;
    const char *fs = o.network_fs ? NULL : place_network_fs(o.dir);
    if (s->dir_fd < 0)
        code = err_set(&e, io_from_errno(errno), "cannot open the state directory %s: %s", o.dir,
                       strerror(errno));
    else if (fs)
        code = err_set(&e, E_UNSUPPORTED,
                       "%s is on a network file system (%s), where a store cannot be kept safe; name a "
                       "local directory with EOUL_STATE", o.dir, fs);
    if (code == 0)
        code = look_at_file(s, o.dir, o.migrations_n, &e);
    if (code == 0)
        code = open_database(s, &o, &e);
    if (code == 0)
        code = read_last_seq(s);
    if (code == 0) {
        code = store_ballast_make(s);
        if (code == E_NO_SPACE) /* a daemon starts on a full disk, to record endings */
            code = 0;
    }
    if (code == E_BUSY && !e.text[0]) /* not another eould, which the lock keeps out: nothing that ends by itself */
        code = err_set(&e, E_STATE, "Another program has %s/%s open (sqlite3?); close it and try again.", o.dir, STORE_FILE);
    if (code < 0) {
        if (!e.text[0])
            err_set(&e, code, "cannot open the store in %s: %s", o.dir, store_last_error(s));
        if (err)
            *err = e;
        store_close(s);
        return code;
    }
    s->failed = 0;
    *ret = s;
    return 0;
}

int store_open(const struct store_options *o, struct store **ret, struct err *err)
{
    int lock_fd = -1;
    int code = store_lock(o->dir, &lock_fd, err);
    return code < 0 ? code : store_open_locked(o, lock_fd, ret, err);
}

void store_close(struct store *s)
{
    if (!s)
        return;
    store_reset(s);
    if (s->db && store_in_transaction(s))
        store_rollback(s);
    for (int i = 0; i < ST_COUNT; i++)
        sqlite3_finalize(s->st[i]);
    sqlite3_close(s->db);
    buf_finish(&s->env_last_block);
    io_close(&s->dir_fd);
    io_close(&s->lock_fd); /* last: until here nobody else may open it */
    free(s);
}
