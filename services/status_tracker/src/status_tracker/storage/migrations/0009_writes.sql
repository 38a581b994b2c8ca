-- What may be done twice is not done three times: attempts that only looked are not counted.
ALTER TABLE tracker.effect ADD COLUMN writes integer NOT NULL DEFAULT 0;
