-- Which attempts were canaries: short runs that prove that a job starts at all.
ALTER TABLE attempt ADD COLUMN canary_us INTEGER NOT NULL DEFAULT 0;
