-- Version 8: who agreed that starts of their jobs are moved later inside their slack.
ALTER TABLE person ADD COLUMN defer INTEGER NOT NULL DEFAULT 0;
