-- Version 9: people without an account.  What opens a person's page is a token that stands nowhere; this is its SHA-256.
CREATE TABLE link (
    id INTEGER PRIMARY KEY AUTOINCREMENT, -- a number is never another link's
    person INTEGER NOT NULL,
    hash TEXT NOT NULL UNIQUE,
    add_at INTEGER NOT NULL
) STRICT;

-- Answers out of notices that were given: what opened them (its SHA-256) opens nothing more.  Until it would have expired.
CREATE TABLE tapped (
    hash TEXT PRIMARY KEY,
    expire_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
