-- From where a posting clock that has a key is believed: where it last introduced itself with that key.
CREATE TABLE push_greeting (
    clock   INTEGER PRIMARY KEY REFERENCES clock (id),
    address TEXT NOT NULL,
    at      INTEGER NOT NULL             -- milliseconds UTC, as the others
) STRICT;

-- What came in a clock's name and was not believed. The last of it stands for the rest.
CREATE TABLE push_disbelief (
    clock    INTEGER PRIMARY KEY REFERENCES clock (id),
    address  TEXT NOT NULL,
    reason   TEXT NOT NULL CHECK (reason IN ('address', 'key')),
    first_at INTEGER NOT NULL,
    last_at  INTEGER NOT NULL,
    requests INTEGER NOT NULL
) STRICT;

-- Announcements of unknown clocks that fell out of the list of those that wait, for want of room.
CREATE TABLE pending_dropped (
    one     INTEGER PRIMARY KEY CHECK (one = 1),
    clocks  INTEGER NOT NULL,
    address TEXT NOT NULL,               -- where the one came from for which the last had to go
    last_at INTEGER NOT NULL
) STRICT;

-- How often a row that cannot be a punch came, and when last; NULL = once.
ALTER TABLE quarantine ADD COLUMN times INTEGER NOT NULL DEFAULT 1;
ALTER TABLE quarantine ADD COLUMN last_at INTEGER;

-- How many such rows were kept a day, and how many not: what nobody can read is kept within bounds.
CREATE TABLE quarantine_day (
    clock      INTEGER NOT NULL REFERENCES clock (id),
    day        INTEGER NOT NULL,         -- days since 1970-01-01, UTC
    unreadable INTEGER NOT NULL DEFAULT 0,
    undated    INTEGER NOT NULL DEFAULT 0,
    dropped    INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (clock, day)
) STRICT, WITHOUT ROWID;
