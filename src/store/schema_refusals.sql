-- Version 14: what was refused to somebody, to be explained afterwards (src/daemon/refusal.h): the last few of each Unix
-- user.  Numbers are those of struct err_rule; what a rule does not have is 0.
CREATE TABLE refusal (
    id INTEGER PRIMARY KEY,
    uid INTEGER NOT NULL,
    at INTEGER NOT NULL,        -- the first time
    last_at INTEGER NOT NULL,   -- the last
    times INTEGER NOT NULL,
    operation TEXT NOT NULL,    -- "submit", "set", ...
    code TEXT NOT NULL,
    rule TEXT NOT NULL,         -- words of src/core/refused.h
    limit_n INTEGER NOT NULL,
    used INTEGER NOT NULL,
    need INTEGER NOT NULL,
    change_at INTEGER NOT NULL,
    person INTEGER NOT NULL,    -- for whom it was asked; 0: not known here yet
    job INTEGER NOT NULL,       -- which it was asked of; 0: none
    tasks INTEGER NOT NULL,
    gpus INTEGER NOT NULL,
    model TEXT NOT NULL,
    from_at INTEGER NOT NULL,   -- of a reservation
    until_at INTEGER NOT NULL,
    asked TEXT NOT NULL,        -- in the words of the command line
    sentence TEXT NOT NULL      -- as it was told
) STRICT;
