-- What is known of each clock beside its record. Local: another edge has its own view.
CREATE TABLE device_state (
    clock           INTEGER PRIMARY KEY REFERENCES clock (id),
    link            TEXT NOT NULL DEFAULT 'unknown',    -- unknown, online, offline, wrong_clock
    last_seen       INTEGER,             -- milliseconds UTC of the last word from it
    last_read       INTEGER,             -- of the last complete reading of its log
    last_error      TEXT,
    last_error_at   INTEGER,
    drift_seconds   INTEGER,             -- clock minus true time
    drift_at        INTEGER,
    right_at        INTEGER,             -- when its time was last found right
    firmware        TEXT,
    model           TEXT,
    platform        TEXT,
    log_count       INTEGER,             -- rows in the clock's log, as it says
    log_capacity    INTEGER,
    user_count      INTEGER,
    user_capacity   INTEGER,
    read_rows       INTEGER NOT NULL DEFAULT 0,         -- = new + repeat + quarantined
    new_rows        INTEGER NOT NULL DEFAULT 0,
    repeat_rows     INTEGER NOT NULL DEFAULT 0,
    quarantine_rows INTEGER NOT NULL DEFAULT 0,
    log_position    INTEGER NOT NULL DEFAULT 0,         -- rows of its log read and committed
    prefix_hash     BLOB,                -- of the bytes of those rows
    newest_raw      INTEGER,             -- newest plausible raw time read
    through         INTEGER,             -- every punch before this instant has been read
    internal_codes  INTEGER NOT NULL DEFAULT 0,         -- 1 = has punches under internal serial numbers
    stamps          TEXT NOT NULL DEFAULT '{}'          -- push clocks: their own stamps
) STRICT;

-- The users a clock holds, over time: an internal serial number is used again after a deletion.
CREATE TABLE clock_user (
    clock      INTEGER NOT NULL REFERENCES clock (id),
    sn         INTEGER NOT NULL,
    user_code  TEXT NOT NULL,
    name       TEXT NOT NULL DEFAULT '',
    privilege  INTEGER NOT NULL DEFAULT 0,
    first_seen INTEGER NOT NULL,
    gone_at    INTEGER,
    PRIMARY KEY (clock, sn, first_seen)
) STRICT, WITHOUT ROWID;
CREATE INDEX clock_user_code ON clock_user (clock, user_code);

-- Clocks that posted to us and that nobody adopted yet: at most a few rows each, for display only.
CREATE TABLE pending_device (
    serial     TEXT PRIMARY KEY,
    address    TEXT NOT NULL,
    model      TEXT NOT NULL DEFAULT '',
    firmware   TEXT NOT NULL DEFAULT '',
    first_seen INTEGER NOT NULL,
    last_seen  INTEGER NOT NULL,
    rows       TEXT NOT NULL DEFAULT '[]'
) STRICT, WITHOUT ROWID;

-- Keys and passwords of clocks. Never synced, never shown.
CREATE TABLE device_secret (
    clock    INTEGER PRIMARY KEY REFERENCES clock (id),
    comm_key TEXT NOT NULL
) STRICT;
