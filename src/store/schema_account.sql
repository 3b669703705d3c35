-- For which project an ended job ran: its number (meta "accounts" has the names); 0: none, or it ended before this was kept.
ALTER TABLE job ADD COLUMN account INTEGER NOT NULL DEFAULT 0;
