-- What taking the cloud's feed keeps.

-- A record as the cloud had it, where the agent shows another one: changes of its own wait and are merged onto it. Where
-- there is no row, a record with a place in the feed is as the cloud had it, and one without is not known there.
CREATE TABLE base_record (
    kind    INTEGER NOT NULL,
    key     BLOB NOT NULL,
    fseq    INTEGER NOT NULL,            -- its place in the feed
    deleted INTEGER NOT NULL CHECK (deleted IN (0, 1)),
    record  TEXT NOT NULL,               -- JSON, as the feed brings it
    PRIMARY KEY (kind, key)
) STRICT, WITHOUT ROWID;

-- oplog.state: 0 open, 1 the cloud keeps it aside, 2 settled (the cloud's records show what became of it).
CREATE INDEX oplog_waiting ON oplog (origin, ack_fseq) WHERE state = 0;

-- Records that the cloud has not shown.
CREATE INDEX rec_company_own ON rec_company (key) WHERE fseq = 0;
CREATE INDEX rec_site_own ON rec_site (key) WHERE fseq = 0;
CREATE INDEX rec_department_own ON rec_department (key) WHERE fseq = 0;
CREATE INDEX rec_employee_own ON rec_employee (key) WHERE fseq = 0;
CREATE INDEX rec_shift_own ON rec_shift (key) WHERE fseq = 0;
CREATE INDEX rec_roster_own ON rec_roster (key) WHERE fseq = 0;
CREATE INDEX rec_roster_day_own ON rec_roster_day (key) WHERE fseq = 0;
CREATE INDEX rec_policy_own ON rec_policy (key) WHERE fseq = 0;
CREATE INDEX rec_holiday_own ON rec_holiday (key) WHERE fseq = 0;
CREATE INDEX rec_leave_own ON rec_leave (key) WHERE fseq = 0;
CREATE INDEX rec_device_own ON rec_device (key) WHERE fseq = 0;
CREATE INDEX rec_identity_own ON rec_identity (key) WHERE fseq = 0;
CREATE INDEX rec_punch_note_own ON rec_punch_note (key) WHERE fseq = 0;
CREATE INDEX rec_day_decision_own ON rec_day_decision (key) WHERE fseq = 0;
CREATE INDEX rec_pay_period_own ON rec_pay_period (key) WHERE fseq = 0;
CREATE INDEX rec_company_rule_own ON rec_company_rule (key) WHERE fseq = 0;

-- Two versions of which one counts, as the cloud tells it.
CREATE TABLE conflict (
    id    BLOB PRIMARY KEY,
    kind  INTEGER NOT NULL,
    key   BLOB NOT NULL,
    state TEXT NOT NULL,
    row   TEXT NOT NULL                  -- JSON, as the feed brings it
) STRICT, WITHOUT ROWID;
CREATE INDEX conflict_of_record ON conflict (kind, key);

-- Rows of this agent's logs that the cloud keeps aside.
CREATE TABLE cloud_notice (
    origin     INTEGER NOT NULL,
    stream     TEXT NOT NULL CHECK (stream IN ('L', 'R')),
    seq        INTEGER NOT NULL,
    code       TEXT NOT NULL,
    detail     TEXT NOT NULL,
    fseq       INTEGER NOT NULL,
    noticed_at INTEGER NOT NULL,         -- milliseconds UTC
    PRIMARY KEY (origin, stream, seq)
) STRICT, WITHOUT ROWID;

-- Lines of the feed that this version cannot take, each once: for a person, or for a newer version.
CREATE TABLE inbox_bad (
    id        INTEGER PRIMARY KEY,
    hash      BLOB NOT NULL UNIQUE,      -- of the line
    line      BLOB NOT NULL,
    code      TEXT NOT NULL,
    detail    TEXT NOT NULL,
    parked_at INTEGER NOT NULL           -- milliseconds UTC
) STRICT;

-- Lines of a snapshot until it is whole.
CREATE TABLE inbox_snapshot (
    n    INTEGER PRIMARY KEY,
    line BLOB NOT NULL
) STRICT;

-- Punches that came by the feed, in the order of their arrival. They stand in no log to the cloud, unless it was put back
-- to an earlier time and may have lost them.
CREATE TABLE feed_punch (
    n      INTEGER PRIMARY KEY AUTOINCREMENT,
    punch  BLOB NOT NULL UNIQUE REFERENCES ledger (punch_id),
    logged INTEGER NOT NULL DEFAULT 0 CHECK (logged IN (0, 1))
) STRICT;
CREATE INDEX feed_punch_unlogged ON feed_punch (punch) WHERE logged = 0;

-- Renumberings of the record log, in their order: a form that was opened before one names rows by their former numbers.
CREATE TABLE relog (
    n         INTEGER PRIMARY KEY,
    origin_of INTEGER NOT NULL,          -- the former life
    origin_to INTEGER NOT NULL,          -- the next one
    common    INTEGER NOT NULL           -- the last row that kept its number
) STRICT;

-- Which of this disk's lives a log is of, counted up: rows of former lives that the cloud lacks go up in the order in which
-- they were written.
ALTER TABLE stream ADD COLUMN life INTEGER NOT NULL DEFAULT 0;
