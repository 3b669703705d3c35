-- Version 6: briefs as notices.
ALTER TABLE channel ADD COLUMN brief TEXT NOT NULL DEFAULT '';          -- "morning,evening"; most: none
ALTER TABLE channel ADD COLUMN morning_at INTEGER NOT NULL DEFAULT 0;  -- when the last was told
ALTER TABLE channel ADD COLUMN evening_at INTEGER NOT NULL DEFAULT 0;
