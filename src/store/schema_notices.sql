-- Version 5: notices.  Where each person wants to be told, and what is still to be told there.  Addresses and keys are not
-- here (daemon/credentials.c); what jobs and todos are called is read when a notice leaves.
CREATE TABLE channel (
    person INTEGER NOT NULL,
    name TEXT NOT NULL,
    kind TEXT NOT NULL,      -- ntfy, slack, ...
    place TEXT NOT NULL,     -- scheme and host
    page TEXT NOT NULL,      -- kinds of notices that may come at any time, "job-failed,..."; most: none
    add_at INTEGER NOT NULL,
    trouble TEXT NOT NULL,   -- of the last try; empty: it arrived
    trouble_at INTEGER NOT NULL,
    PRIMARY KEY (person, name)
) STRICT, WITHOUT ROWID;

-- A row goes when it was delivered, so what stands here is still to be told.
CREATE TABLE notice (
    id INTEGER PRIMARY KEY,
    person INTEGER NOT NULL,
    channel TEXT NOT NULL,
    kind TEXT NOT NULL,
    subject INTEGER NOT NULL,   -- a job or a todo
    dedupe TEXT NOT NULL,       -- one row of each: tasks of an array are counted
    n INTEGER NOT NULL,
    page INTEGER NOT NULL,
    made_at INTEGER NOT NULL,
    not_before_at INTEGER NOT NULL,
    expire_at INTEGER NOT NULL,
    tries INTEGER NOT NULL,
    UNIQUE (person, channel, dedupe)
) STRICT;
