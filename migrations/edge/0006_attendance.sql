-- A week, a month and a pay period may have the same first and last day.
DROP TABLE attendance_period;
CREATE TABLE attendance_period (
    employee    BLOB NOT NULL,
    kind        TEXT NOT NULL,           -- week, month, pay_period
    period_from TEXT NOT NULL,
    period_to   TEXT NOT NULL,
    provisional INTEGER NOT NULL CHECK (provisional IN (0, 1)),
    record      TEXT NOT NULL,
    digest      BLOB NOT NULL,
    engine      TEXT NOT NULL,
    computed_at INTEGER NOT NULL,
    PRIMARY KEY (employee, kind, period_from, period_to)
) STRICT, WITHOUT ROWID;

-- When a provisional day may be final at the earliest: its windows are closed and the policy's wait is over
-- (settles_at), and every clock has been read past the windows (closes_at). Seconds UTC.
ALTER TABLE attendance_day ADD COLUMN closes_at INTEGER NOT NULL DEFAULT 0;
ALTER TABLE attendance_day ADD COLUMN settles_at INTEGER NOT NULL DEFAULT 0;
DROP INDEX attendance_day_provisional;
CREATE INDEX attendance_day_provisional ON attendance_day (settles_at) WHERE provisional = 1;

-- Up to where the delivery log has been distributed: its punches are in day_punch, by owner, from then on. A row there
-- whose part is '' has not been worked out yet.
CREATE TABLE attendance_intake (
    origin INTEGER PRIMARY KEY,
    seq    INTEGER NOT NULL
) STRICT;

-- Codes with punches that were nobody's when they were distributed, and the raw times between which those lie.
CREATE TABLE attendance_stray (
    user_code TEXT PRIMARY KEY,
    raw_from  INTEGER NOT NULL,
    raw_to    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- The oldest date at which a clock has a punch: attendance of a site begins with the oldest of its clocks.
CREATE TABLE attendance_clock (
    serial TEXT PRIMARY KEY,
    first  TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- For which dates everybody of a site has been asked for, and by which rules its days are worked out.
CREATE TABLE attendance_site (
    site  BLOB PRIMARY KEY,
    since TEXT,
    until TEXT,
    rules TEXT NOT NULL DEFAULT ''
) STRICT, WITHOUT ROWID;
