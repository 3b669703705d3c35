-- Version 4: hands-on work.  Titles and links are for the people concerned; the core knows numbers only.
CREATE TABLE todo (
    id INTEGER PRIMARY KEY,     -- from the same sequence as jobs
    asker INTEGER NOT NULL,
    who TEXT NOT NULL,          -- persons who were asked, "3,4"
    title TEXT NOT NULL,
    link TEXT NOT NULL,
    review_of INTEGER NOT NULL, -- the job whose result is looked at; 0: no review
    takes_us INTEGER NOT NULL,
    add_at INTEGER NOT NULL,
    state TEXT NOT NULL,        -- OPEN, DONE, DROPPED
    reason TEXT NOT NULL,
    end_at INTEGER NOT NULL,
    end_by INTEGER NOT NULL     -- 0: nobody
) STRICT;
CREATE INDEX todo_end ON todo (end_at);

-- Absences that are not over: "from/until/deputy,..."; deputy 0: nobody looks at results meanwhile.
ALTER TABLE person ADD COLUMN leaves TEXT NOT NULL DEFAULT '';
UPDATE person SET leaves = away_from_at || '/' || away_until_at || '/0'
    WHERE away_until_at > away_from_at;
ALTER TABLE person DROP COLUMN away_from_at;
ALTER TABLE person DROP COLUMN away_until_at;

ALTER TABLE person ADD COLUMN work TEXT NOT NULL DEFAULT '';      -- hours offered for todos
ALTER TABLE person ADD COLUMN focus TEXT NOT NULL DEFAULT '';     -- blocks that stay whole
ALTER TABLE person ADD COLUMN cap_us INTEGER NOT NULL DEFAULT 0;  -- of a day; 0: as configured
ALTER TABLE person ADD COLUMN buffer_us INTEGER NOT NULL DEFAULT -1; -- around events; -1: as configured
