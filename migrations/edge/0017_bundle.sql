-- The people and grants of the company as the cloud signed them for this agent; one row.
CREATE TABLE bundle (
    only_row  INTEGER PRIMARY KEY CHECK (only_row = 1),
    bundle    TEXT NOT NULL,             -- JSON, as it was signed
    signature TEXT NOT NULL,
    epoch     INTEGER NOT NULL,
    issued_at INTEGER NOT NULL           -- milliseconds UTC, by the cloud's time
) STRICT;

-- Whose account is the cloud's: it comes and goes with the bundle.
ALTER TABLE local_user ADD COLUMN from_cloud INTEGER NOT NULL DEFAULT 0 CHECK (from_cloud IN (0, 1));

-- Decisions made here, the newest first.
CREATE INDEX oplog_decision ON oplog (kind, hlc) WHERE op = 5;

-- Records that the cloud has not shown.
CREATE INDEX rec_phone_punch_own ON rec_phone_punch (key) WHERE fseq = 0;
