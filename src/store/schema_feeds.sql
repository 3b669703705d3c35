-- Version 7: feeds by address.  What opens one is a token that stands nowhere; this is its SHA-256.
CREATE TABLE feed (
    person INTEGER NOT NULL,
    name TEXT NOT NULL,
    hash TEXT NOT NULL UNIQUE,
    busy INTEGER NOT NULL, -- 1: only when its person is busy by hand, without names
    add_at INTEGER NOT NULL,
    PRIMARY KEY (person, name)
) STRICT, WITHOUT ROWID;
