/* internal.h - what the files of src/store share: the handle, the statements, binding and failing. */
#ifndef EOUL_STORE_INTERNAL_H
#define EOUL_STORE_INTERNAL_H

#include <sqlite3.h>

#include "store/store.h"

#define STORE_APPLICATION_ID 0x656f756c /* "eoul", in the header of the file */
#define STORE_LOCK    "lock"
#define STORE_BALLAST "ballast"

/* Every statement there is, prepared at first use and kept.  X(NAME, sql) */
#define STATEMENT_LIST(X) \
    X(BEGIN, "BEGIN IMMEDIATE") X(COMMIT, "COMMIT") X(ROLLBACK, "ROLLBACK") \
    X(MARK, "SAVEPOINT part") X(BACK, "ROLLBACK TO part") X(UNMARK, "RELEASE part") \
    X(JOURNAL_ADD, "INSERT INTO journal (seq, wall_at, hash, line) VALUES (?, ?, ?, ?)") \
    X(JOURNAL_LAST, "SELECT max(coalesce((SELECT max(seq) FROM journal), 0), " \
                    "coalesce((SELECT max(seq) FROM snapshot), 0))") \
    X(JOURNAL_EACH, "SELECT seq, wall_at, hash, line FROM journal WHERE seq > ? ORDER BY seq") \
    X(JOURNAL_FIRST, "SELECT coalesce(min(seq), 0) FROM journal") \
    X(SNAPSHOT_ADD, "INSERT OR REPLACE INTO snapshot (seq, wall_at, hash, text) VALUES (?, ?, ?, ?)") \
    X(SNAPSHOT_GET, "SELECT seq, wall_at, hash, text FROM snapshot WHERE seq < ? " \
                    "ORDER BY seq DESC LIMIT 1") \
    X(SNAPSHOT_FIRST, "SELECT seq, wall_at, hash, text FROM snapshot ORDER BY seq LIMIT 1") \
    X(ENV_FIND, "SELECT id FROM env WHERE hash = ? AND block = ?") \
    X(ENV_ADD, "INSERT INTO env (hash, block) VALUES (?, ?)") \
    X(ENV_GET, "SELECT block FROM env WHERE id = ?") \
    X(REQUEST_ADD, "INSERT INTO request (id, tasks, is_array, call, uid, gid, owner, submitter, " \
                   "submit_at, env, name, ranges, spec) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)") \
    X(REQUEST_GET, "SELECT id, tasks, is_array, call, uid, gid, owner, submitter, submit_at, env, " \
                   "name, ranges, spec FROM request WHERE id <= ? ORDER BY id DESC LIMIT 1") \
    X(CALL_EACH, "SELECT id, tasks, call FROM request WHERE id >= ? ORDER BY id") \
    X(KEY_ADD, "INSERT INTO submit_key (uid, key, call, digest, wall_at) VALUES (?, ?, ?, ?, ?)") \
    X(KEY_GET, "SELECT call, digest FROM submit_key WHERE uid = ? AND key = ?") \
    X(ATTEMPT_ADD, "INSERT INTO attempt (job, number, uuid, state, is_open, gpus, decided_at, " \
                   "plan_start_at, trade, canary_us) VALUES (?, ?, ?, 'STARTING', 1, ?, ?, ?, ?, ?)") \
    X(ATTEMPT_RUNNING, "UPDATE attempt SET state = 'RUNNING', start_at = ?3 " \
                       "WHERE job = ?1 AND number = ?2 AND state IN ('STARTING', 'RUNNING')") \
    X(ATTEMPT_END, "UPDATE attempt SET state = ?3, is_open = ?4, start_at = ?5, end_at = ?6, " \
                   "exit_code = ?7, signal = ?8, user_us = ?9, system_us = ?10, rss_max_kib = ?11, " \
                   "output_bytes = ?12, output_lost = ?13, cause = ?14, " \
                   "message = CASE WHEN ?15 IS NULL OR ?15 = '' THEN message ELSE ?15 END " \
                   "WHERE job = ?1 AND number = ?2 AND is_open") \
    X(ATTEMPT_NOTE, "UPDATE attempt SET message = ?3 WHERE job = ?1 AND number = ?2 AND is_open") \
    X(ATTEMPT_WAY, "UPDATE attempt SET way_for = ?3 WHERE job = ?1 AND number = ?2") \
    X(ATTEMPTS_WAY, "SELECT job, number, uuid, state, is_open, gpus, decided_at, plan_start_at, " \
                    "start_at, end_at, exit_code, signal, user_us, system_us, rss_max_kib, " \
                    "output_bytes, output_lost, cause, message, trade, way_for, canary_us FROM attempt " \
                    "WHERE way_for = ? AND way_for != 0 ORDER BY job, number") \
    X(ATTEMPT_CLOSE, "UPDATE attempt SET is_open = 0 WHERE job = ? AND number = ? AND is_open") \
    X(ATTEMPTS_OF, "SELECT job, number, uuid, state, is_open, gpus, decided_at, plan_start_at, " \
                   "start_at, end_at, exit_code, signal, user_us, system_us, rss_max_kib, " \
                   "output_bytes, output_lost, cause, message, trade, way_for, canary_us FROM attempt WHERE job = ? " \
                   "ORDER BY number") \
    X(ATTEMPTS_OPEN, "SELECT job, number, uuid, state, is_open, gpus, decided_at, plan_start_at, " \
                     "start_at, end_at, exit_code, signal, user_us, system_us, rss_max_kib, " \
                     "output_bytes, output_lost, cause, message, trade, way_for, canary_us FROM attempt WHERE is_open " \
                     "ORDER BY job, number") \
    X(JOB_PUT, "INSERT OR REPLACE INTO job (id, request, array_index, owner, submitter, state, " \
               "reason, attempts, gpus, cpus, gpu_mask, mem_mib, nice, submit_at, begin_at, " \
               "deadline_at, start_at, end_at, limit_us, exit_code, signal, account, watts_mw) " \
               "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)") \
    X(JOB_REMOVE, "DELETE FROM job WHERE id = ?") \
    X(JOB_GET, "SELECT " STORE_JOB_COLUMNS " WHERE job.id = ?") \
    X(JOBS_ALL, "SELECT " STORE_JOB_COLUMNS " WHERE end_at < ?1 AND (?4 = 0 OR account = ?4) " \
                "ORDER BY end_at DESC, job.id DESC LIMIT ?2") \
    X(JOBS_OWNER, "SELECT " STORE_JOB_COLUMNS " WHERE end_at < ?1 AND job.owner = ?3 AND (?4 = 0 OR account = ?4) " \
                  "ORDER BY end_at DESC, job.id DESC LIMIT ?2") \
    X(JOBS_REQUEST, "SELECT " STORE_JOB_COLUMNS " WHERE job.id >= ?1 AND job.id < ?1 + ?2 ORDER BY job.id") \
    X(JOBS_COUNT, "SELECT count(*) FROM job") \
    X(JOBS_COUNT_ACCOUNT, "SELECT count(*) FROM job WHERE account = ?2 AND (?1 = 0 OR owner = ?1)") \
    X(JOBS_COUNT_OWNER, "SELECT count(*) FROM job WHERE owner = ?") \
    X(RESULT_PUT, "INSERT OR REPLACE INTO result (job, attempt, at, done_ppm, text, rung) " \
                  "VALUES (?, ?, ?, ?, ?, ?)") \
    X(RESULTS_EACH, "SELECT job, attempt, at, done_ppm, text, rung FROM result " \
                    "WHERE job >= ?1 AND job < ?1 + ?2 ORDER BY job") \
    X(PERSON_PUT, "INSERT OR REPLACE INTO person (no, uid, name, lang, zone, hours, work, focus, " \
                  "leaves, here_until_at, cap_us, buffer_us, defer) " \
                  "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)") \
    X(PERSONS, "SELECT no, uid, name, lang, zone, hours, work, focus, leaves, " \
               "here_until_at, cap_us, buffer_us, defer FROM person ORDER BY no") \
    X(CALENDAR_PUT, "INSERT OR REPLACE INTO calendar (person, name, kind, place, self, read_at, " \
                    "tried_at, trouble, until_at, events, issues_n, issues, marks, busy, takes_us) " \
                    "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)") \
    X(CALENDAR_TRIED, "UPDATE calendar SET read_at = ?, tried_at = ?, trouble = ?, marks = ? " \
                      "WHERE person = ? AND name = ?") \
    X(CALENDAR_REMOVE, "DELETE FROM calendar WHERE person = ? AND name = ?") \
    X(CALENDARS, "SELECT person, name, kind, place, self, read_at, tried_at, trouble, until_at, " \
                 "events, issues_n, issues, marks, busy, takes_us FROM calendar ORDER BY person, name") \
    X(LISTED_PUT, "INSERT OR REPLACE INTO listed (person, list, item, todo, state, begin_at, due_at, takes_us, " \
                  "done_at, tries, next_at, trouble) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)") \
    X(LISTED_REMOVE, "DELETE FROM listed WHERE person = ? AND list = ? AND item = ?") \
    X(LISTED_OF_TODO, "SELECT person, list, item, todo, state, begin_at, due_at, takes_us, done_at, tries, next_at, " \
                      "trouble FROM listed WHERE todo = ?") \
    X(LISTED, "SELECT person, list, item, todo, state, begin_at, due_at, takes_us, done_at, tries, next_at, trouble " \
              "FROM listed WHERE person = ? AND list = ? ORDER BY item") \
    X(CHANNEL_PUT, "INSERT INTO channel (person, name, kind, place, page, add_at, trouble, trouble_at, " \
                   "brief, morning_at, evening_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (person, name) DO UPDATE SET " \
                   "kind = excluded.kind, place = excluded.place, page = excluded.page, " \
                   "trouble = excluded.trouble, trouble_at = excluded.trouble_at, brief = excluded.brief, " \
                   "morning_at = excluded.morning_at, evening_at = excluded.evening_at") \
    X(CHANNEL_REMOVE, "DELETE FROM channel WHERE person = ? AND name = ?") \
    X(CHANNELS, "SELECT person, name, kind, place, page, add_at, trouble, trouble_at, brief, " \
                "morning_at, evening_at FROM channel " \
                "ORDER BY person, name") \
    X(NOTICE_ADD, "INSERT INTO notice (person, channel, kind, subject, dedupe, n, page, made_at, " \
                  "not_before_at, expire_at, tries) VALUES (?, ?, ?, ?, ?, 1, ?, ?, 0, ?, 0) " \
                  "ON CONFLICT (person, channel, dedupe) DO UPDATE SET n = n + 1, " \
                  "subject = excluded.subject, made_at = excluded.made_at, expire_at = excluded.expire_at, " \
                  "id = (SELECT max(id) + 1 FROM notice)") /* a delivery under way does not take it along */ \
    X(NOTICES_REMOVE, "DELETE FROM notice WHERE person = ? AND channel = ?") \
    X(NOTICES_WAITING, "SELECT person, channel, page, sum(n), max(not_before_at) FROM notice " \
                       "GROUP BY person, channel, page") \
    X(NOTICES, "SELECT id, kind, subject, n, page, made_at, tries FROM notice WHERE person = ? AND " \
               "channel = ? AND page >= ? ORDER BY id LIMIT ?") \
    X(NOTICES_TOLD, "DELETE FROM notice WHERE person = ? AND channel = ? AND page >= ? AND id <= ?") \
    X(NOTICES_LATER, "UPDATE notice SET not_before_at = ?5, tries = tries + (page >= ?3 AND id <= ?4) " \
                     "WHERE person = ?1 AND channel = ?2") /* what a service asks for holds for all it is sent */ \
    X(NOTICES_FREE, "UPDATE notice SET not_before_at = 0, tries = 0 WHERE person = ? AND channel = ?") \
    X(NOTICES_EXPIRE, "DELETE FROM notice WHERE expire_at <= ?") \
    X(REFUSAL_PUT, "INSERT OR REPLACE INTO refusal (id, uid, at, last_at, times, operation, code, rule, limit_n, used, " \
                   "need, change_at, person, job, tasks, gpus, model, from_at, until_at, asked, sentence) " \
                   "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)") \
    X(REFUSAL_REMOVE, "DELETE FROM refusal WHERE id = ?") \
    X(REFUSALS, "SELECT id, uid, at, last_at, times, operation, code, rule, limit_n, used, need, change_at, person, job, " \
                "tasks, gpus, model, from_at, until_at, asked, sentence FROM refusal ORDER BY id") \
    X(FEED_PUT, "INSERT OR REPLACE INTO feed (person, name, hash, busy, add_at) VALUES (?, ?, ?, ?, ?)") \
    X(FEED_REMOVE, "DELETE FROM feed WHERE person = ? AND name = ?") \
    X(FEED_FIND, "SELECT person, name, hash, busy, add_at FROM feed WHERE hash = ?") \
    X(FEEDS, "SELECT person, name, hash, busy, add_at FROM feed ORDER BY person, name") \
    X(LINK_ADD, "INSERT INTO link (person, hash, add_at) VALUES (?, ?, ?)") \
    X(LINK_REMOVE, "DELETE FROM link WHERE id = ?") \
    X(LINK_FIND, "SELECT id, person, hash, add_at FROM link WHERE hash = ?") \
    X(LINKS, "SELECT id, person, hash, add_at FROM link ORDER BY id") \
    X(TAP_PUT, "INSERT INTO tapped (hash, expire_at) VALUES (?, ?)") \
    X(TAP_FIND, "SELECT 1 FROM tapped WHERE hash = ?") \
    X(TAPS_EXPIRE, "DELETE FROM tapped WHERE expire_at <= ?") \
    X(TODO_ADD, "INSERT INTO todo (id, asker, who, title, link, review_of, takes_us, add_at, state, " \
                "reason, end_at, end_by) VALUES (?, ?, ?, ?, ?, ?, ?, ?, 'OPEN', '', 0, 0)") \
    X(TODO_TITLE, "UPDATE todo SET title = ?2 WHERE id = ?1") \
    X(TODO_END, "UPDATE todo SET state = ?2, reason = ?3, end_at = ?4, end_by = ?5 WHERE id = ?1") \
    X(TODO_GET, "SELECT " STORE_TODO_COLUMNS " FROM todo WHERE id = ?") \
    X(TODOS_ENDED, "SELECT " STORE_TODO_COLUMNS " FROM todo WHERE state != 'OPEN' " \
                   "ORDER BY end_at DESC, id DESC LIMIT ?") \
    X(TODOS_UNNAME, "UPDATE todo SET title = '', link = '' WHERE asker = ? AND state != 'OPEN'") \
    X(TODO_FORGET, "DELETE FROM todo WHERE id = ? AND state != 'OPEN'") \
    X(GPU_PUT, "INSERT OR REPLACE INTO gpu (no, type, drained, uuid, model) VALUES (?, ?, ?, ?, ?)") \
    X(GPUS, "SELECT no, type, drained, uuid, model FROM gpu ORDER BY no") \
    X(REQUEST_LAST, "SELECT coalesce(max(id + tasks - 1), 0) FROM request") \
    X(META_PUT, "INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)") \
    X(META_GET, "SELECT value FROM meta WHERE key = ?") \
    X(KEEP_JOURNAL_UNTIL, "SELECT coalesce(max(seq), 0) FROM snapshot WHERE wall_at < ?") \
    X(KEEP_JOURNAL, "DELETE FROM journal WHERE seq IN " \
                    "(SELECT seq FROM journal WHERE seq <= ? ORDER BY seq LIMIT ?)") \
    X(KEEP_SNAPSHOT, "DELETE FROM snapshot WHERE seq < ?") \
    X(KEEP_JOBS, "SELECT id, end_at FROM job ORDER BY end_at, id LIMIT ?") \
    X(KEEP_ATTEMPTS, "DELETE FROM attempt WHERE job = ? AND NOT is_open") \
    X(KEEP_RESULT, "DELETE FROM result WHERE job = ?") \
    X(KEEP_REQUESTS, "SELECT id, tasks, submit_at FROM request WHERE id > ? AND NOT EXISTS " \
                     "(SELECT 1 FROM job WHERE job.id >= request.id AND " \
                     "job.id < request.id + request.tasks) ORDER BY id LIMIT ?") \
    X(KEEP_REQUEST_GO, "DELETE FROM request WHERE id = ?") \
    X(MET_ADD, "INSERT INTO met (wall_at, until_at, what, line) VALUES (?, ?, ?, ?)") \
    X(MET_EACH, "SELECT seq, wall_at, until_at, what, line FROM met WHERE seq > ? ORDER BY seq LIMIT ?") \
    X(MET_NEWEST, "SELECT seq FROM met ORDER BY seq DESC LIMIT 1 OFFSET ?") \
    X(MET_SAME_GO, "DELETE FROM met WHERE seq IN (SELECT seq FROM met WHERE what = ? ORDER BY seq DESC LIMIT ? OFFSET ?)") \
    X(MET_GO, "DELETE FROM met WHERE seq IN (SELECT seq FROM met WHERE until_at > 0 ORDER BY seq DESC LIMIT ? OFFSET ?)") \
    X(KEEP_MET, "DELETE FROM met WHERE seq IN (SELECT seq FROM met AS m WHERE m.wall_at < ?1 AND " \
                "((m.until_at > 0 AND m.until_at < ?1) OR EXISTS (SELECT 1 FROM met AS n WHERE n.what = m.what AND " \
                "n.seq > m.seq AND n.wall_at < ?1)) LIMIT ?2)") \
    X(KEEP_TODOS, "DELETE FROM todo WHERE id IN (SELECT id FROM todo WHERE end_at < ? AND " \
                  "state != 'OPEN' ORDER BY end_at LIMIT ?)") \
    X(KEEP_ENV, "DELETE FROM env WHERE id IN (SELECT id FROM env WHERE NOT EXISTS " \
                "(SELECT 1 FROM request WHERE request.env = env.id) LIMIT ?)") \
    X(KEEP_KEYS, "DELETE FROM submit_key WHERE (uid, key) IN " \
                 "(SELECT uid, key FROM submit_key WHERE wall_at < ? ORDER BY call LIMIT ?)")

#define STORE_TODO_COLUMNS \
    "id, asker, who, title, link, review_of, takes_us, add_at, state, reason, end_at, end_by"

#define STORE_JOB_COLUMNS \
    "job.id, job.request, is_array, array_index, job.owner, job.submitter, state, reason, " \
    "attempts, gpus, cpus, gpu_mask, mem_mib, nice, job.submit_at, begin_at, deadline_at, " \
    "start_at, end_at, limit_us, exit_code, signal, name, account, watts_mw " \
    "FROM job JOIN request ON request.id = job.request"

enum statement {
#define X(name, sql) ST_##name,
    STATEMENT_LIST(X)
#undef X
    ST_COUNT
};

struct store {
    sqlite3 *db;
    int lock_fd;
    int dir_fd;
    int failed;           /* the open transaction's first failure */
    uint64_t journal_seq; /* last one, the open transaction's included */
    uint64_t journal_seq_committed;
    uint64_t journal_seq_marked;
    int wal_pages;
    int64_t env_last;     /* the environment put last, its hash and committed-ness: most repeat it */
    uint64_t env_last_hash;
    struct buf env_last_block;
    bool ballast;
    sqlite3_stmt *lent;   /* whose row was handed out */
    sqlite3_stmt *st[ST_COUNT];
};

/* A negative E_* for SQLite's code; remembered as the transaction's failure. */
int store_fail(struct store *s, int rc);
/* A failure of eoul's own while in a transaction. */
int store_fail_with(struct store *s, int code);

/* The statement, reset and ready for binding; NULL: store_failed says why. */
sqlite3_stmt *store_st(struct store *s, enum statement which);
int store_run(struct store *s, enum statement which); /* one without parameters or rows */
int store_done(struct store *s, sqlite3_stmt *st);    /* step to the end, reset */

/* One change of the open transaction: parameters in their order, num(...) or text(...). */
struct bound {
    int64_t number;
    struct str text; /* ptr NULL: it is the number */
};
static inline struct bound num(int64_t number)
{
    return (struct bound){ .number = number };
}
static inline struct bound text(struct str text)
{
    return (struct bound){ .text = text.ptr ? text : (struct str){ "", 0 } };
}
int store_write(struct store *s, enum statement which, const struct bound *values, int n);
#define STORE_WRITE(s, which, ...) \
    store_write(s, which, (const struct bound[]){ __VA_ARGS__ }, \
                (int)(sizeof((const struct bound[]){ __VA_ARGS__ }) / sizeof(struct bound)))

/* The next row, as long as *code >= 0; at the end false, the statement reset, and *code 0 or what failed. */
bool store_next(struct store *s, sqlite3_stmt *st, int *code);
/* The only row, lent until store_reset: 0, E_NOT_FOUND or what failed. */
int store_lend(struct store *s, sqlite3_stmt *st);

static inline void bind_i64(sqlite3_stmt *st, int at, int64_t value)
{
    sqlite3_bind_int64(st, at, value);
}
static inline void bind_u64(sqlite3_stmt *st, int at, uint64_t value)
{
    sqlite3_bind_int64(st, at, (int64_t)value);
}
static inline void bind_str(sqlite3_stmt *st, int at, struct str value)
{
    sqlite3_bind_text64(st, at, value.ptr ? value.ptr : "", value.len, SQLITE_STATIC, SQLITE_UTF8);
}
static inline void bind_blob(sqlite3_stmt *st, int at, struct str value)
{
    sqlite3_bind_blob64(st, at, value.ptr ? value.ptr : "", value.len, SQLITE_STATIC);
}
static inline int64_t col_i64(sqlite3_stmt *st, int at) { return sqlite3_column_int64(st, at); }
static inline uint64_t col_u64(sqlite3_stmt *st, int at)
{
    return (uint64_t)sqlite3_column_int64(st, at);
}
static inline uint32_t col_u32(sqlite3_stmt *st, int at)
{
    return (uint32_t)sqlite3_column_int64(st, at);
}
static inline int32_t col_i32(sqlite3_stmt *st, int at) { return sqlite3_column_int(st, at); }
static inline struct str col_str(sqlite3_stmt *st, int at)
{
    const void *text = sqlite3_column_blob(st, at); /* no conversion: what is stored is UTF-8 */
    return (struct str){ text ? text : "", (size_t)sqlite3_column_bytes(st, at) };
}

#endif
