-- What the agent knows of itself. One row a name; the names and types are in store/meta.rs.
CREATE TABLE meta (
    name  TEXT PRIMARY KEY,
    value ANY NOT NULL
) STRICT, WITHOUT ROWID;

-- One row a log stream: 'L' punches, 'R' records. Segments of former origins stay, closed.
CREATE TABLE stream (
    origin  INTEGER NOT NULL,
    stream  TEXT NOT NULL CHECK (stream IN ('L', 'R')),
    head    INTEGER NOT NULL DEFAULT 0,   -- last sequence number written
    chain   BLOB NOT NULL,                -- chain hash at head
    acked   INTEGER NOT NULL DEFAULT 0,   -- applied by the cloud
    durable INTEGER NOT NULL DEFAULT 0,   -- safe in the cloud
    closed  INTEGER NOT NULL DEFAULT 0 CHECK (closed IN (0, 1)),
    PRIMARY KEY (origin, stream)
) STRICT, WITHOUT ROWID;

-- Chain hashes at known places, to find the last common row after a fork.
CREATE TABLE chain_mark (
    origin INTEGER NOT NULL,
    stream TEXT NOT NULL,
    seq    INTEGER NOT NULL,
    chain  BLOB NOT NULL,
    PRIMARY KEY (origin, stream, seq)
) STRICT, WITHOUT ROWID;

-- Serial numbers and zones by small numbers, so that a punch costs few bytes.
CREATE TABLE clock (
    id     INTEGER PRIMARY KEY,
    serial TEXT NOT NULL UNIQUE
) STRICT;

CREATE TABLE zone (
    id   INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE
) STRICT;

-- The punches. Facts only; what refers to them stands in other tables. The key leads with the raw time, so a
-- backlog arrives in its order; there is deliberately no index led by person.
CREATE TABLE ledger (
    punch_id    BLOB PRIMARY KEY,
    clock       INTEGER NOT NULL REFERENCES clock (id),
    user_code   TEXT NOT NULL,
    raw_time    INTEGER NOT NULL,        -- the clock's wall time, seconds since 1970 of the same wall
    zone        INTEGER NOT NULL REFERENCES zone (id),
    instant     INTEGER NOT NULL,        -- seconds since 1970, UTC
    state       INTEGER,                 -- as the first route to arrive read them
    verify      INTEGER,
    work_code   TEXT NOT NULL,
    route       INTEGER NOT NULL,
    received_at INTEGER NOT NULL,        -- milliseconds since 1970, UTC
    raw         BLOB NOT NULL
) STRICT, WITHOUT ROWID;

-- Other readings of a punch that is already in the ledger.
CREATE TABLE observation (
    id          INTEGER PRIMARY KEY,
    punch_id    BLOB NOT NULL REFERENCES ledger (punch_id),
    route       INTEGER NOT NULL,
    state       INTEGER NOT NULL,        -- -1 = the route told none
    verify      INTEGER NOT NULL,        -- -1 = the route told none
    work_code   TEXT NOT NULL,
    received_at INTEGER NOT NULL,
    UNIQUE (punch_id, route, state, verify, work_code)
) STRICT;

-- Up to where a clock's log has been read. History, because each step travels on the ledger stream.
CREATE TABLE watermark (
    id           INTEGER PRIMARY KEY,
    clock        INTEGER NOT NULL REFERENCES clock (id),
    log_position INTEGER NOT NULL,       -- rows of the clock's log that have been read
    raw_time     INTEGER,                -- newest raw time among them
    through      INTEGER NOT NULL,       -- every punch before this instant has been read; seconds UTC
    observed_at  INTEGER NOT NULL
) STRICT;
CREATE INDEX watermark_clock ON watermark (clock, through);

-- The delivery order of the ledger stream.
CREATE TABLE ledger_log (
    origin INTEGER NOT NULL,
    seq    INTEGER NOT NULL,
    entry  INTEGER NOT NULL CHECK (entry IN (1, 2, 3)),   -- 1 punch, 2 observation, 3 watermark
    punch  BLOB,                                          -- the punch, for entry 1
    ref    INTEGER,                                       -- observation.id or watermark.id, else
    PRIMARY KEY (origin, seq)
) STRICT, WITHOUT ROWID;

-- Rows that a clock delivered and that cannot be punches. One row however often it is delivered.
CREATE TABLE quarantine (
    id          INTEGER PRIMARY KEY,
    clock       INTEGER NOT NULL REFERENCES clock (id),
    hash        BLOB NOT NULL,           -- of the bytes
    route       INTEGER NOT NULL,
    reason      TEXT NOT NULL,
    detail      TEXT NOT NULL,
    raw         BLOB NOT NULL,
    received_at INTEGER NOT NULL,
    UNIQUE (clock, hash)
) STRICT;

CREATE TRIGGER ledger_update BEFORE UPDATE ON ledger
BEGIN SELECT RAISE(ABORT, 'append-only: the ledger is never updated'); END;
CREATE TRIGGER ledger_delete BEFORE DELETE ON ledger
BEGIN SELECT RAISE(ABORT, 'append-only: the ledger is never deleted from'); END;
CREATE TRIGGER ledger_log_update BEFORE UPDATE ON ledger_log
BEGIN SELECT RAISE(ABORT, 'append-only: the ledger log is never updated'); END;
CREATE TRIGGER ledger_log_delete BEFORE DELETE ON ledger_log
BEGIN SELECT RAISE(ABORT, 'append-only: the ledger log is never deleted from'); END;
CREATE TRIGGER observation_update BEFORE UPDATE ON observation
BEGIN SELECT RAISE(ABORT, 'append-only: observations are never updated'); END;
CREATE TRIGGER observation_delete BEFORE DELETE ON observation
BEGIN SELECT RAISE(ABORT, 'append-only: observations are never deleted'); END;
CREATE TRIGGER watermark_update BEFORE UPDATE ON watermark
BEGIN SELECT RAISE(ABORT, 'append-only: watermarks are never updated'); END;
CREATE TRIGGER watermark_delete BEFORE DELETE ON watermark
BEGIN SELECT RAISE(ABORT, 'append-only: watermarks are never deleted'); END;
