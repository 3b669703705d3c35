-- Version 15: what the replay of a week (src/daemon/history.h) wants to know of it besides its jobs and people.
ALTER TABLE job ADD COLUMN watts_mw INTEGER NOT NULL DEFAULT 0; -- what its GPUs took at most, together; 0: not known

-- What jobs met: GPUs in and out of use, a closed queue, reservations, boosts.  Nothing of when anybody was there.
CREATE TABLE met (
    seq INTEGER PRIMARY KEY,
    wall_at INTEGER NOT NULL,
    until_at INTEGER NOT NULL, -- it is over then; 0: holds until the next of the same `what`
    what TEXT NOT NULL,        -- "gpu 3", "queue", "reserve 7", "boost 2"
    line TEXT NOT NULL         -- event_print
) STRICT;
CREATE INDEX met_what ON met (what, seq);
