-- What doubts about a punch's time are judged by.
-- The wall time of the last row of the clock's log that was read, seconds since 1970 of the same wall.
ALTER TABLE device_state ADD COLUMN last_raw INTEGER;
-- Every punch that was made on the clock before this true time is in the ledger; milliseconds UTC.
ALTER TABLE device_state ADD COLUMN complete_to INTEGER;

-- How far this machine's time was off whenever the cloud told, so that times of receipt can be judged again.
CREATE TABLE time_anchor (
    id        INTEGER PRIMARY KEY,
    at        INTEGER NOT NULL,          -- this machine's time, milliseconds UTC
    offset_ms INTEGER NOT NULL           -- to be added to get the cloud's time
) STRICT;
CREATE TRIGGER time_anchor_update BEFORE UPDATE ON time_anchor
BEGIN SELECT RAISE(ABORT, 'append-only: what the cloud told of the time is never rewritten'); END;
CREATE TRIGGER time_anchor_delete BEFORE DELETE ON time_anchor
BEGIN SELECT RAISE(ABORT, 'append-only: what the cloud told of the time is never deleted'); END;
