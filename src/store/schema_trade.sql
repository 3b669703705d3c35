-- Version 11: what each start rested on, and whom an attempt made way for, to be told afterwards.
ALTER TABLE attempt ADD COLUMN trade TEXT NOT NULL DEFAULT '';       -- field=value, as src/daemon/trade.h reads it
ALTER TABLE attempt ADD COLUMN way_for INTEGER NOT NULL DEFAULT 0;   -- a job
CREATE INDEX attempt_way ON attempt (way_for) WHERE way_for != 0;
