-- The newest addresses from which something came in a clock's name that was not believed.
CREATE TABLE push_disbelief_source (
    clock    INTEGER NOT NULL REFERENCES clock (id),
    address  TEXT NOT NULL,
    reason   TEXT NOT NULL CHECK (reason IN ('address', 'key')),
    turn     INTEGER NOT NULL,           -- one more than the last one of the clock: which is the newest
    last_at  INTEGER NOT NULL,           -- milliseconds UTC
    PRIMARY KEY (clock, address)
) STRICT, WITHOUT ROWID;
