-- What recomputation fills. Every row here can be made again from ledger and records.

-- Which punch counted for which employee-day, and as what.
CREATE TABLE day_punch (
    employee  BLOB NOT NULL,
    work_date TEXT NOT NULL,
    punch_id  BLOB NOT NULL,
    part      TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (employee, work_date, punch_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX day_punch_punch ON day_punch (punch_id);

-- One row an employee-day. `record` is the engine's whole record with its explanation; the columns beside it
-- are what lists and totals read. Durations in seconds, instants in seconds UTC.
CREATE TABLE attendance_day (
    work_date         TEXT NOT NULL,
    employee          BLOB NOT NULL,
    status            TEXT NOT NULL,
    provisional       INTEGER NOT NULL CHECK (provisional IN (0, 1)),
    shift             BLOB,
    first_in          INTEGER,
    last_out          INTEGER,
    scheduled_seconds INTEGER NOT NULL DEFAULT 0,
    worked_seconds    INTEGER NOT NULL DEFAULT 0,
    late_seconds      INTEGER NOT NULL DEFAULT 0,
    early_seconds     INTEGER NOT NULL DEFAULT 0,
    overtime_seconds  INTEGER NOT NULL DEFAULT 0,
    record            TEXT NOT NULL,
    digest            BLOB NOT NULL,
    engine            TEXT NOT NULL,
    computed_at       INTEGER NOT NULL,
    PRIMARY KEY (work_date, employee)
) STRICT, WITHOUT ROWID;
CREATE INDEX attendance_day_employee ON attendance_day (employee, work_date);
CREATE INDEX attendance_day_provisional ON attendance_day (work_date) WHERE provisional = 1;

CREATE TABLE attendance_period (
    employee    BLOB NOT NULL,
    period_from TEXT NOT NULL,
    period_to   TEXT NOT NULL,
    provisional INTEGER NOT NULL CHECK (provisional IN (0, 1)),
    record      TEXT NOT NULL,
    digest      BLOB NOT NULL,
    engine      TEXT NOT NULL,
    computed_at INTEGER NOT NULL,
    PRIMARY KEY (employee, period_from, period_to)
) STRICT, WITHOUT ROWID;

-- What must be worked out again, written in the transaction of whatever changed. `stamp` rises when a row is
-- asked for again: who takes a row deletes it only at the stamp he read.
CREATE TABLE recompute_queue (
    scope     TEXT NOT NULL CHECK (scope IN ('employee', 'code', 'department', 'site', 'everyone')),
    key       BLOB NOT NULL,
    date_from TEXT NOT NULL,             -- '' = from the first day there is
    date_to   TEXT NOT NULL,             -- '' = to the last day there is
    stamp     INTEGER NOT NULL DEFAULT 1,
    queued_at INTEGER NOT NULL,
    PRIMARY KEY (scope, key, date_from, date_to)
) STRICT, WITHOUT ROWID;
