-- Version 1 of the store.  Each file schema*.sql is one migration and runs in one transaction with
-- the change of user_version.  Never edit a released one; add the next.
--
-- Instants are UTC microseconds, words are eoul's own (COMPLETED, TimeLimit), masks and hashes are
-- unsigned 64-bit numbers kept in SQLite's signed ones.  doc/data.md says how long rows live.

CREATE TABLE meta (
    key TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- Every event the core was given.  Events are inputs: the rest follows from them.
CREATE TABLE journal (
    seq INTEGER PRIMARY KEY,
    wall_at INTEGER NOT NULL,
    hash INTEGER NOT NULL, -- core_hash after it
    line TEXT NOT NULL     -- event_print
) STRICT;

CREATE TABLE snapshot (
    seq INTEGER PRIMARY KEY, -- of the last event in it
    wall_at INTEGER NOT NULL,
    hash INTEGER NOT NULL,
    text BLOB NOT NULL       -- core_save
) STRICT;

-- Environments are large and mostly alike: kept once, compared whole.
CREATE TABLE env (
    id INTEGER PRIMARY KEY,
    hash INTEGER NOT NULL,
    block BLOB NOT NULL
) STRICT;
CREATE INDEX env_hash ON env (hash);

-- What was submitted.  One row for an item, an array of 10,000 is one item.
CREATE TABLE request (
    id INTEGER PRIMARY KEY,  -- its first job
    tasks INTEGER NOT NULL,
    is_array INTEGER NOT NULL,
    call INTEGER NOT NULL,   -- first request of the same submit
    uid INTEGER NOT NULL,
    gid INTEGER NOT NULL,
    owner INTEGER NOT NULL,
    submitter INTEGER NOT NULL,
    submit_at INTEGER NOT NULL,
    env INTEGER NOT NULL,    -- 0: none
    name TEXT NOT NULL,
    ranges TEXT NOT NULL,
    spec TEXT NOT NULL
) STRICT;
CREATE INDEX request_env ON request (env);

CREATE TABLE submit_key (
    uid INTEGER NOT NULL,
    key TEXT NOT NULL,
    call INTEGER NOT NULL,
    digest INTEGER NOT NULL,
    wall_at INTEGER NOT NULL,
    PRIMARY KEY (uid, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX submit_key_call ON submit_key (call);

CREATE TABLE attempt (
    job INTEGER NOT NULL,
    number INTEGER NOT NULL,
    uuid BLOB NOT NULL,
    state TEXT NOT NULL,
    is_open INTEGER NOT NULL,
    gpus INTEGER NOT NULL,
    decided_at INTEGER NOT NULL,
    plan_start_at INTEGER NOT NULL,
    start_at INTEGER NOT NULL DEFAULT 0,
    end_at INTEGER NOT NULL DEFAULT 0,
    exit_code INTEGER NOT NULL DEFAULT 0,
    signal INTEGER NOT NULL DEFAULT 0,
    user_us INTEGER NOT NULL DEFAULT 0,
    system_us INTEGER NOT NULL DEFAULT 0,
    rss_max_kib INTEGER NOT NULL DEFAULT 0,
    output_bytes INTEGER NOT NULL DEFAULT 0,
    output_lost INTEGER NOT NULL DEFAULT 0,
    cause TEXT NOT NULL DEFAULT '',
    message TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (job, number)
) STRICT, WITHOUT ROWID;
CREATE INDEX attempt_open ON attempt (job, number) WHERE is_open;

-- Ended jobs.  Live ones are in the core, that is in snapshot and journal.
CREATE TABLE job (
    id INTEGER PRIMARY KEY,
    request INTEGER NOT NULL,
    array_index INTEGER NOT NULL,
    owner INTEGER NOT NULL,
    submitter INTEGER NOT NULL,
    state TEXT NOT NULL,
    reason TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    gpus INTEGER NOT NULL,
    cpus INTEGER NOT NULL,
    gpu_mask INTEGER NOT NULL,
    mem_mib INTEGER NOT NULL,
    nice INTEGER NOT NULL,
    submit_at INTEGER NOT NULL,
    begin_at INTEGER NOT NULL,
    deadline_at INTEGER NOT NULL,
    start_at INTEGER NOT NULL,
    end_at INTEGER NOT NULL,
    limit_us INTEGER NOT NULL,
    exit_code INTEGER NOT NULL,
    signal INTEGER NOT NULL
) STRICT;
CREATE INDEX job_end ON job (end_at);
CREATE INDEX job_owner ON job (owner, end_at);

CREATE TABLE person (
    no INTEGER PRIMARY KEY,
    uid INTEGER NOT NULL, -- -1: no Unix user
    name TEXT NOT NULL UNIQUE,
    lang TEXT NOT NULL,
    zone TEXT NOT NULL,
    hours TEXT NOT NULL,
    away_from_at INTEGER NOT NULL,
    away_until_at INTEGER NOT NULL,
    here_until_at INTEGER NOT NULL
) STRICT;

-- Numbers of GPUs never change: the core knows them by number, the world by UUID.
CREATE TABLE gpu (
    no INTEGER PRIMARY KEY,
    type INTEGER NOT NULL,
    drained INTEGER NOT NULL,
    uuid TEXT NOT NULL UNIQUE,
    model TEXT NOT NULL
) STRICT;
