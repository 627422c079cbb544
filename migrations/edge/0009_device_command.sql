-- What posting clocks are asked to do when they come by. A command is done only when the clock has told its result.
CREATE TABLE device_command (
    id       INTEGER PRIMARY KEY AUTOINCREMENT,         -- never given twice: clocks answer by it
    clock    INTEGER NOT NULL REFERENCES clock (id),
    name     TEXT NOT NULL,
    command  TEXT NOT NULL,              -- the whole of it as JSON
    state    TEXT NOT NULL DEFAULT 'queued' CHECK (state IN ('queued', 'sent', 'answered', 'failed')),
    asked_at INTEGER NOT NULL,           -- milliseconds UTC, as the others
    attempts INTEGER NOT NULL DEFAULT 0,
    sent_at  INTEGER,
    ended_at INTEGER,
    code     INTEGER,                    -- the clock's result: 0 and above = done
    error    TEXT
) STRICT;
CREATE INDEX device_command_of_clock ON device_command (clock, state, id);

-- What was done at the clocks themselves, as their operation logs tell it. Each once, however often it is told.
CREATE TABLE clock_event (
    id          INTEGER PRIMARY KEY,
    clock       INTEGER NOT NULL REFERENCES clock (id),
    code        INTEGER NOT NULL,        -- of the clock's operation log: 21 clock set, 23 attendance cleared, ...
    admin       TEXT NOT NULL,           -- by whom, as the clock tells it; 0 = nobody in particular
    said        TEXT NOT NULL,           -- the clock's wall time as it told it
    objects     TEXT NOT NULL,           -- what it was done to, in the clock's numbers, parted by commas
    instant     INTEGER,                 -- seconds UTC; NULL where the time does not exist
    through     INTEGER,                 -- every punch before this instant had been read when it was told; seconds UTC
    received_at INTEGER NOT NULL,        -- milliseconds UTC
    UNIQUE (clock, said, code, admin, objects)
) STRICT;
CREATE INDEX clock_event_of_clock ON clock_event (clock, id);
CREATE TRIGGER clock_event_update BEFORE UPDATE ON clock_event
BEGIN SELECT RAISE(ABORT, 'append-only: what was done at a clock is never rewritten'); END;
CREATE TRIGGER clock_event_delete BEFORE DELETE ON clock_event
BEGIN SELECT RAISE(ABORT, 'append-only: what was done at a clock is never deleted'); END;
