-- Version 2: calendars.  Of their contents only when their owner is busy, and how; no titles.
CREATE TABLE calendar (
    person INTEGER NOT NULL,
    name TEXT NOT NULL,       -- unique for the person, as they call it
    kind TEXT NOT NULL,       -- file, ...
    place TEXT NOT NULL,      -- where it is read from; no secrets
    self TEXT NOT NULL,       -- own e-mail addresses, separated by commas
    read_at INTEGER NOT NULL, -- the copy below is as old as this
    tried_at INTEGER NOT NULL,
    trouble TEXT NOT NULL,    -- why the last try failed; empty: it did not
    until_at INTEGER NOT NULL,-- known until here
    events INTEGER NOT NULL,
    issues_n INTEGER NOT NULL,
    issues TEXT NOT NULL,     -- what was not understood, a line each: WORD LINE DETAIL
    marks TEXT NOT NULL,      -- what a server said to tell a change by; nothing that opens anything
    busy TEXT NOT NULL,       -- busy_print
    PRIMARY KEY (person, name)
) STRICT, WITHOUT ROWID;
