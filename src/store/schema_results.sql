-- What a job last said of itself in its output (src/spec/marks.h).  One row a job: of its latest
-- attempt that said anything.
CREATE TABLE result (
    job INTEGER PRIMARY KEY,
    attempt INTEGER NOT NULL,
    at INTEGER NOT NULL,       -- when it was read
    done_ppm INTEGER NOT NULL, -- how far it was; -1: it did not say
    text TEXT NOT NULL,        -- name=value, one a line
    rung TEXT NOT NULL         -- the compared value when it came to its sweep's --after; empty: not yet
) STRICT;
