-- Version 10: todos out of CalDAV lists.  What they are called stands with the todo; nothing of a server's paths is here.
ALTER TABLE calendar ADD COLUMN takes_us INTEGER NOT NULL DEFAULT 0; -- of a todo that does not say; kind "todos" only

CREATE TABLE listed (
    person INTEGER NOT NULL,
    list TEXT NOT NULL,         -- the name of the calendar
    item INTEGER NOT NULL,      -- a hash of the VTODO's UID
    todo INTEGER NOT NULL,
    state TEXT NOT NULL,        -- OPEN; TICK: done here, the list does not know yet; LEFT: dropped here, open there
    begin_at INTEGER NOT NULL,  -- what the list last said, 0: nothing
    due_at INTEGER NOT NULL,
    takes_us INTEGER NOT NULL,
    done_at INTEGER NOT NULL,   -- of TICK
    tries INTEGER NOT NULL,     -- that failed, in a row
    next_at INTEGER NOT NULL,   -- not tried again before
    trouble TEXT NOT NULL,      -- of the last of them
    PRIMARY KEY (person, list, item)
) STRICT, WITHOUT ROWID;
CREATE INDEX listed_todo ON listed (todo);
