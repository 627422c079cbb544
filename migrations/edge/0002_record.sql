-- The mutable records, one table a kind: typed columns named after the fields, and what merging needs.
-- Columns may be NULL even where a field must be set: a merge may leave a business key blank for a person to
-- settle. A tombstone is a row with `deleted_dot`.
-- Ids are 16-byte blobs; dates `YYYY-MM-DD`; wall times `YYYY-MM-DDThh:mm:ss`; instants RFC 3339; documents JSON.

-- The change log of this agent (stream R): one full row a change.
CREATE TABLE oplog (
    origin   INTEGER NOT NULL,
    seq      INTEGER NOT NULL,
    hlc      INTEGER NOT NULL,
    grp      INTEGER NOT NULL,           -- first seq of the local transaction
    kind     INTEGER NOT NULL,
    key      BLOB NOT NULL,
    op       INTEGER NOT NULL,
    ctx      BLOB NOT NULL,              -- what the author had seen of the record
    fields   BLOB NOT NULL,              -- JSON, tag -> value: only what was changed
    seen     INTEGER NOT NULL,           -- pull cursor at writing
    actor    BLOB NOT NULL,
    resolves BLOB,
    relog_of BLOB,
    ver      INTEGER NOT NULL,
    chain    BLOB NOT NULL,
    ack_fseq INTEGER,                    -- local: the cloud's feed head when it acknowledged the row
    state    INTEGER NOT NULL DEFAULT 0, -- local: 0 open, 1 quarantined
    PRIMARY KEY (origin, seq)
) STRICT, WITHOUT ROWID;
CREATE INDEX oplog_key ON oplog (kind, key);
CREATE TRIGGER oplog_update BEFORE UPDATE OF
    origin, seq, hlc, grp, kind, key, op, ctx, fields, seen, actor, resolves, relog_of, ver, chain ON oplog
BEGIN SELECT RAISE(ABORT, 'append-only: a change row is never rewritten'); END;
CREATE TRIGGER oplog_delete BEFORE DELETE ON oplog
WHEN OLD.seq > coalesce((SELECT durable FROM stream WHERE origin = OLD.origin AND stream = 'R'), 0)
BEGIN SELECT RAISE(ABORT, 'append-only: a change row is kept until the cloud has it for good'); END;

-- Open only inside the one function that writes records: for a change of our own it names the change row, for
-- a record taken from the feed its place there.
CREATE TABLE record_gate (
    kind   INTEGER NOT NULL,
    key    BLOB NOT NULL,
    origin INTEGER,
    seq    INTEGER,
    fseq   INTEGER,
    PRIMARY KEY (kind, key)
) STRICT, WITHOUT ROWID;
CREATE TRIGGER record_gate_insert BEFORE INSERT ON record_gate
WHEN NEW.fseq IS NULL AND NOT EXISTS
    (SELECT 1 FROM oplog WHERE origin = NEW.origin AND seq = NEW.seq AND kind = NEW.kind AND key = NEW.key)
BEGIN SELECT RAISE(ABORT, 'a record changes only together with its change row'); END;

CREATE TABLE rec_company (
    key         BLOB PRIMARY KEY,
    name        TEXT,
    week_starts_on TEXT,
    locale      TEXT,
    ext         TEXT NOT NULL DEFAULT '{}',
    vv          BLOB NOT NULL,
    dots        BLOB NOT NULL,
    deleted_dot BLOB,
    fseq        INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;
CREATE TRIGGER rec_company_insert BEFORE INSERT ON rec_company
WHEN NOT EXISTS (SELECT 1 FROM record_gate WHERE kind = 1 AND key = NEW.key)
BEGIN SELECT RAISE(ABORT, 'a record changes only together with its change row'); END;
CREATE TRIGGER rec_company_update BEFORE UPDATE ON rec_company
WHEN NOT EXISTS (SELECT 1 FROM record_gate WHERE kind = 1 AND key = NEW.key)
BEGIN SELECT RAISE(ABORT, 'a record changes only together with its change row'); END;
CREATE TRIGGER rec_company_delete BEFORE DELETE ON rec_company
WHEN NOT EXISTS (SELECT 1 FROM record_gate WHERE kind = 1 AND key = OLD.key)
BEGIN SELECT RAISE(ABORT, 'a record changes only together with its change row'); END;

CREATE TABLE rec_site (
    key         BLOB PRIMARY KEY,
    name        TEXT,
    code        TEXT,
    zones       TEXT,
    address     TEXT,
    latitude_e7 INTEGER,
    longitude_e7 INTEGER,
    radius_m    INTEGER,
    active      INTEGER,
    ext         TEXT NOT NULL DEFAULT '{}',
    vv          BLOB NOT NULL,
    dots        BLOB NOT NULL,
    deleted_dot BLOB,
    fseq        INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;
CREATE TRIGGER rec_site_insert BEFORE INSERT ON rec_site
WHEN NOT EXISTS (SELECT 1 FROM record_gate WHERE kind = 2 AND key = NEW.key)
BEGIN SELECT RAISE(ABORT, 'a record changes only together with its change row'); END;
CREATE TRIGGER rec_site_update BEFORE UPDATE ON rec_site
WHEN NOT EXISTS (SELECT 1 FROM record_gate WHERE kind = 2 AND key = NEW.key)
BEGIN SELECT RAISE(ABORT, 'a record changes only together with its change row'); END;
CREATE TRIGGER rec_site_delete BEFORE DELETE ON rec_site
WHEN NOT EXISTS (SELECT 1 FROM record_gate WHERE kind = 2 AND key = OLD.key)
BEGIN SELECT RAISE(ABORT, 'a record changes only together with its change row'); END;

CREATE TABLE rec_department (
    key         BLOB PRIMARY KEY,
    name        TEXT,
    code        TEXT,
    level       TEXT,
    parent      BLOB,
    site        BLOB,
    active      INTEGER,
    ext         TEXT NOT NULL DEFAULT '{}',
    vv          BLOB NOT NULL,
    dots        BLOB NOT NULL,
    deleted_dot BLOB,
    fseq        INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;
CREATE TRIGGER rec_department_insert BEFORE INSERT ON rec_department
WHEN NOT EXISTS (SELECT 1 FROM record_gate WHERE kind = 3 AND key = NEW.key)
BEGIN SELECT RAISE(ABORT, 'a record changes only together with its change row'); END;
CREATE TRIGGER rec_department_update BEFORE UPDATE ON rec_department
WHEN NOT EXISTS (SELECT 1 FROM record_gate WHERE kind = 3 AND key = NEW.key)
BEGIN SELECT RAISE(ABORT, 'a record changes only together with its change row'); END;
CREATE TRIGGER rec_department_delete BEFORE DELETE ON rec_department
WHEN NOT EXISTS (SELECT 1 FROM record_gate WHERE kind = 3 AND key = OLD.key)
BEGIN SELECT RAISE(ABORT, 'a record changes only together with its change row'); END;

CREATE TABLE rec_employee (
    key         BLOB PRIMARY KEY,
    code        TEXT,
    name        TEXT,
    site        BLOB,
    department  BLOB,
    designation TEXT,
    category    TEXT,
    gender      TEXT,
    joined      TEXT,
    left        TEXT,
    active      INTEGER,
    phone       TEXT,
    card        TEXT,
    ext         TEXT NOT NULL DEFAULT '{}',
    vv          BLOB NOT NULL,
    dots        BLOB NOT NULL,
    deleted_dot BLOB,
    fseq        INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;
CREATE TRIGGER rec_employee_insert BEFORE INSERT ON rec_employee
WHEN NOT EXISTS (SELECT 1 FROM record_gate WHERE kind = 4 AND key = NEW.key)
BEGIN SELECT RAISE(ABORT, 'a record changes only together with its change row'); END;
CREATE TRIGGER rec_employee_update BEFORE UPDATE ON rec_employee
WHEN NOT EXISTS (SELECT 1 FROM record_gate WHERE kind = 4 AND key = NEW.key)
BEGIN SELECT RAISE(ABORT, 'a record changes only together with its change row'); END;
CREATE TRIGGER rec_employee_delete BEFORE DELETE ON rec_employee
WHEN NOT EXISTS (SELECT 1 FROM record_gate WHERE kind = 4 AND key = OLD.key)
BEGIN SELECT RAISE(ABORT, 'a record changes only together with its change row'); END;
CREATE INDEX rec_employee_code ON rec_employee (code);
CREATE INDEX rec_employee_site ON rec_employee (site);

CREATE TABLE rec_shift (
    key         BLOB PRIMARY KEY,
    code        TEXT,
    name        TEXT,
    definition  TEXT,
    active      INTEGER,
    ext         TEXT NOT NULL DEFAULT '{}',
    vv          BLOB NOT NULL,
    dots        BLOB NOT NULL,
    deleted_dot BLOB,
    fseq        INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;
CREATE TRIGGER rec_shift_insert BEFORE INSERT ON rec_shift
WHEN NOT EXISTS (SELECT 1 FROM record_gate WHERE kind = 5 AND key = NEW.key)
BEGIN SELECT RAISE(ABORT, 'a record changes only together with its change row'); END;
CREATE TRIGGER rec_shift_update BEFORE UPDATE ON rec_shift
WHEN NOT EXISTS (SELECT 1 FROM record_gate WHERE kind = 5 AND key = NEW.key)
BEGIN SELECT RAISE(ABORT, 'a record changes only together with its change row'); END;
CREATE TRIGGER rec_shift_delete BEFORE DELETE ON rec_shift
WHEN NOT EXISTS (SELECT 1 FROM record_gate WHERE kind = 5 AND key = OLD.key)
BEGIN SELECT RAISE(ABORT, 'a record changes only together with its change row'); END;

CREATE TABLE rec_roster (
    key         BLOB PRIMARY KEY,
    scope_kind  TEXT,
    scope       BLOB,
    basis       TEXT,
    "from"      TEXT,
    "to"        TEXT,
    pattern     TEXT,
    ext         TEXT NOT NULL DEFAULT '{}',
    vv          BLOB NOT NULL,
    dots        BLOB NOT NULL,
    deleted_dot BLOB,
    fseq        INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;
CREATE TRIGGER rec_roster_insert BEFORE INSERT ON rec_roster
WHEN NOT EXISTS (SELECT 1 FROM record_gate WHERE kind = 6 AND key = NEW.key)
BEGIN SELECT RAISE(ABORT, 'a record changes only together with its change row'); END;
CREATE TRIGGER rec_roster_update BEFORE UPDATE ON rec_roster
WHEN NOT EXISTS (SELECT 1 FROM record_gate WHERE kind = 6 AND key = NEW.key)
BEGIN SELECT RAISE(ABORT, 'a record changes only together with its change row'); END;
CREATE TRIGGER rec_roster_delete BEFORE DELETE ON rec_roster
WHEN NOT EXISTS (SELECT 1 FROM record_gate WHERE kind = 6 AND key = OLD.key)
BEGIN SELECT RAISE(ABORT, 'a record changes only together with its change row'); END;

CREATE TABLE rec_roster_day (
    key         BLOB PRIMARY KEY,
    employee    BLOB,
    date        TEXT,
    shifts      TEXT,
    note        TEXT,
    ext         TEXT NOT NULL DEFAULT '{}',
    vv          BLOB NOT NULL,
    dots        BLOB NOT NULL,
    deleted_dot BLOB,
    fseq        INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;
CREATE TRIGGER rec_roster_day_insert BEFORE INSERT ON rec_roster_day
WHEN NOT EXISTS (SELECT 1 FROM record_gate WHERE kind = 7 AND key = NEW.key)
BEGIN SELECT RAISE(ABORT, 'a record changes only together with its change row'); END;
CREATE TRIGGER rec_roster_day_update BEFORE UPDATE ON rec_roster_day
WHEN NOT EXISTS (SELECT 1 FROM record_gate WHERE kind = 7 AND key = NEW.key)
BEGIN SELECT RAISE(ABORT, 'a record changes only together with its change row'); END;
CREATE TRIGGER rec_roster_day_delete BEFORE DELETE ON rec_roster_day
WHEN NOT EXISTS (SELECT 1 FROM record_gate WHERE kind = 7 AND key = OLD.key)
BEGIN SELECT RAISE(ABORT, 'a record changes only together with its change row'); END;
CREATE INDEX rec_roster_day_employee ON rec_roster_day (employee);

CREATE TABLE rec_policy (
    key         BLOB PRIMARY KEY,
    name        TEXT,
    effective_from TEXT,
    scope_kind  TEXT,
    scope       BLOB,
    rules       TEXT,
    ext         TEXT NOT NULL DEFAULT '{}',
    vv          BLOB NOT NULL,
    dots        BLOB NOT NULL,
    deleted_dot BLOB,
    fseq        INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;
CREATE TRIGGER rec_policy_insert BEFORE INSERT ON rec_policy
WHEN NOT EXISTS (SELECT 1 FROM record_gate WHERE kind = 8 AND key = NEW.key)
BEGIN SELECT RAISE(ABORT, 'a record changes only together with its change row'); END;
CREATE TRIGGER rec_policy_update BEFORE UPDATE ON rec_policy
WHEN NOT EXISTS (SELECT 1 FROM record_gate WHERE kind = 8 AND key = NEW.key)
BEGIN SELECT RAISE(ABORT, 'a record changes only together with its change row'); END;
CREATE TRIGGER rec_policy_delete BEFORE DELETE ON rec_policy
WHEN NOT EXISTS (SELECT 1 FROM record_gate WHERE kind = 8 AND key = OLD.key)
BEGIN SELECT RAISE(ABORT, 'a record changes only together with its change row'); END;

CREATE TABLE rec_holiday (
    key         BLOB PRIMARY KEY,
    date        TEXT,
    name        TEXT,
    holiday_type TEXT,
    site        BLOB,
    "group"     TEXT,
    ext         TEXT NOT NULL DEFAULT '{}',
    vv          BLOB NOT NULL,
    dots        BLOB NOT NULL,
    deleted_dot BLOB,
    fseq        INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;
CREATE TRIGGER rec_holiday_insert BEFORE INSERT ON rec_holiday
WHEN NOT EXISTS (SELECT 1 FROM record_gate WHERE kind = 9 AND key = NEW.key)
BEGIN SELECT RAISE(ABORT, 'a record changes only together with its change row'); END;
CREATE TRIGGER rec_holiday_update BEFORE UPDATE ON rec_holiday
WHEN NOT EXISTS (SELECT 1 FROM record_gate WHERE kind = 9 AND key = NEW.key)
BEGIN SELECT RAISE(ABORT, 'a record changes only together with its change row'); END;
CREATE TRIGGER rec_holiday_delete BEFORE DELETE ON rec_holiday
WHEN NOT EXISTS (SELECT 1 FROM record_gate WHERE kind = 9 AND key = OLD.key)
BEGIN SELECT RAISE(ABORT, 'a record changes only together with its change row'); END;

CREATE TABLE rec_leave (
    key         BLOB PRIMARY KEY,
    employee    BLOB,
    "from"      TEXT,
    "to"        TEXT,
    portion     TEXT,
    start       TEXT,
    end         TEXT,
    leave_type  TEXT,
    paid        INTEGER,
    state       TEXT,
    reason      TEXT,
    ext         TEXT NOT NULL DEFAULT '{}',
    vv          BLOB NOT NULL,
    dots        BLOB NOT NULL,
    deleted_dot BLOB,
    fseq        INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;
CREATE TRIGGER rec_leave_insert BEFORE INSERT ON rec_leave
WHEN NOT EXISTS (SELECT 1 FROM record_gate WHERE kind = 10 AND key = NEW.key)
BEGIN SELECT RAISE(ABORT, 'a record changes only together with its change row'); END;
CREATE TRIGGER rec_leave_update BEFORE UPDATE ON rec_leave
WHEN NOT EXISTS (SELECT 1 FROM record_gate WHERE kind = 10 AND key = NEW.key)
BEGIN SELECT RAISE(ABORT, 'a record changes only together with its change row'); END;
CREATE TRIGGER rec_leave_delete BEFORE DELETE ON rec_leave
WHEN NOT EXISTS (SELECT 1 FROM record_gate WHERE kind = 10 AND key = OLD.key)
BEGIN SELECT RAISE(ABORT, 'a record changes only together with its change row'); END;
CREATE INDEX rec_leave_employee ON rec_leave (employee);

CREATE TABLE rec_device (
    key         BLOB PRIMARY KEY,
    serial      TEXT,
    name        TEXT,
    site        BLOB,
    transport   TEXT,
    address     TEXT,
    state       TEXT,
    zones       TEXT,
    direction_use TEXT,
    model       TEXT,
    firmware    TEXT,
    set_time    INTEGER,
    ext         TEXT NOT NULL DEFAULT '{}',
    vv          BLOB NOT NULL,
    dots        BLOB NOT NULL,
    deleted_dot BLOB,
    fseq        INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;
CREATE TRIGGER rec_device_insert BEFORE INSERT ON rec_device
WHEN NOT EXISTS (SELECT 1 FROM record_gate WHERE kind = 11 AND key = NEW.key)
BEGIN SELECT RAISE(ABORT, 'a record changes only together with its change row'); END;
CREATE TRIGGER rec_device_update BEFORE UPDATE ON rec_device
WHEN NOT EXISTS (SELECT 1 FROM record_gate WHERE kind = 11 AND key = NEW.key)
BEGIN SELECT RAISE(ABORT, 'a record changes only together with its change row'); END;
CREATE TRIGGER rec_device_delete BEFORE DELETE ON rec_device
WHEN NOT EXISTS (SELECT 1 FROM record_gate WHERE kind = 11 AND key = OLD.key)
BEGIN SELECT RAISE(ABORT, 'a record changes only together with its change row'); END;
CREATE INDEX rec_device_serial ON rec_device (serial);

CREATE TABLE rec_identity (
    key         BLOB PRIMARY KEY,
    serial      TEXT,
    user_code   TEXT,
    employee    BLOB,
    "from"      TEXT,
    "to"        TEXT,
    ext         TEXT NOT NULL DEFAULT '{}',
    vv          BLOB NOT NULL,
    dots        BLOB NOT NULL,
    deleted_dot BLOB,
    fseq        INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;
CREATE TRIGGER rec_identity_insert BEFORE INSERT ON rec_identity
WHEN NOT EXISTS (SELECT 1 FROM record_gate WHERE kind = 12 AND key = NEW.key)
BEGIN SELECT RAISE(ABORT, 'a record changes only together with its change row'); END;
CREATE TRIGGER rec_identity_update BEFORE UPDATE ON rec_identity
WHEN NOT EXISTS (SELECT 1 FROM record_gate WHERE kind = 12 AND key = NEW.key)
BEGIN SELECT RAISE(ABORT, 'a record changes only together with its change row'); END;
CREATE TRIGGER rec_identity_delete BEFORE DELETE ON rec_identity
WHEN NOT EXISTS (SELECT 1 FROM record_gate WHERE kind = 12 AND key = OLD.key)
BEGIN SELECT RAISE(ABORT, 'a record changes only together with its change row'); END;
CREATE INDEX rec_identity_user_code ON rec_identity (user_code);
CREATE INDEX rec_identity_employee ON rec_identity (employee);

CREATE TABLE rec_punch_note (
    key         BLOB PRIMARY KEY,
    punch       BLOB,
    note_type   TEXT,
    other       BLOB,
    zone        TEXT,
    flag        TEXT,
    reason      TEXT,
    ext         TEXT NOT NULL DEFAULT '{}',
    vv          BLOB NOT NULL,
    dots        BLOB NOT NULL,
    deleted_dot BLOB,
    fseq        INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;
CREATE TRIGGER rec_punch_note_insert BEFORE INSERT ON rec_punch_note
WHEN NOT EXISTS (SELECT 1 FROM record_gate WHERE kind = 13 AND key = NEW.key)
BEGIN SELECT RAISE(ABORT, 'a record changes only together with its change row'); END;
CREATE TRIGGER rec_punch_note_update BEFORE UPDATE ON rec_punch_note
WHEN NOT EXISTS (SELECT 1 FROM record_gate WHERE kind = 13 AND key = NEW.key)
BEGIN SELECT RAISE(ABORT, 'a record changes only together with its change row'); END;
CREATE TRIGGER rec_punch_note_delete BEFORE DELETE ON rec_punch_note
WHEN NOT EXISTS (SELECT 1 FROM record_gate WHERE kind = 13 AND key = OLD.key)
BEGIN SELECT RAISE(ABORT, 'a record changes only together with its change row'); END;
CREATE INDEX rec_punch_note_punch ON rec_punch_note (punch);

CREATE TABLE rec_day_decision (
    key         BLOB PRIMARY KEY,
    employee    BLOB,
    date        TEXT,
    decision_type TEXT,
    seconds     INTEGER,
    start       TEXT,
    end         TEXT,
    status      TEXT,
    state       TEXT,
    reason      TEXT,
    ext         TEXT NOT NULL DEFAULT '{}',
    vv          BLOB NOT NULL,
    dots        BLOB NOT NULL,
    deleted_dot BLOB,
    fseq        INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;
CREATE TRIGGER rec_day_decision_insert BEFORE INSERT ON rec_day_decision
WHEN NOT EXISTS (SELECT 1 FROM record_gate WHERE kind = 14 AND key = NEW.key)
BEGIN SELECT RAISE(ABORT, 'a record changes only together with its change row'); END;
CREATE TRIGGER rec_day_decision_update BEFORE UPDATE ON rec_day_decision
WHEN NOT EXISTS (SELECT 1 FROM record_gate WHERE kind = 14 AND key = NEW.key)
BEGIN SELECT RAISE(ABORT, 'a record changes only together with its change row'); END;
CREATE TRIGGER rec_day_decision_delete BEFORE DELETE ON rec_day_decision
WHEN NOT EXISTS (SELECT 1 FROM record_gate WHERE kind = 14 AND key = OLD.key)
BEGIN SELECT RAISE(ABORT, 'a record changes only together with its change row'); END;
CREATE INDEX rec_day_decision_employee ON rec_day_decision (employee);

CREATE TABLE rec_pay_period (
    key         BLOB PRIMARY KEY,
    site        BLOB,
    "from"      TEXT,
    "to"        TEXT,
    state       TEXT,
    ext         TEXT NOT NULL DEFAULT '{}',
    vv          BLOB NOT NULL,
    dots        BLOB NOT NULL,
    deleted_dot BLOB,
    fseq        INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;
CREATE TRIGGER rec_pay_period_insert BEFORE INSERT ON rec_pay_period
WHEN NOT EXISTS (SELECT 1 FROM record_gate WHERE kind = 15 AND key = NEW.key)
BEGIN SELECT RAISE(ABORT, 'a record changes only together with its change row'); END;
CREATE TRIGGER rec_pay_period_update BEFORE UPDATE ON rec_pay_period
WHEN NOT EXISTS (SELECT 1 FROM record_gate WHERE kind = 15 AND key = NEW.key)
BEGIN SELECT RAISE(ABORT, 'a record changes only together with its change row'); END;
CREATE TRIGGER rec_pay_period_delete BEFORE DELETE ON rec_pay_period
WHEN NOT EXISTS (SELECT 1 FROM record_gate WHERE kind = 15 AND key = OLD.key)
BEGIN SELECT RAISE(ABORT, 'a record changes only together with its change row'); END;

CREATE TABLE rec_company_rule (
    key         BLOB PRIMARY KEY,
    name        TEXT,
    effective_from TEXT,
    rule        TEXT,
    active      INTEGER,
    ext         TEXT NOT NULL DEFAULT '{}',
    vv          BLOB NOT NULL,
    dots        BLOB NOT NULL,
    deleted_dot BLOB,
    fseq        INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;
CREATE TRIGGER rec_company_rule_insert BEFORE INSERT ON rec_company_rule
WHEN NOT EXISTS (SELECT 1 FROM record_gate WHERE kind = 16 AND key = NEW.key)
BEGIN SELECT RAISE(ABORT, 'a record changes only together with its change row'); END;
CREATE TRIGGER rec_company_rule_update BEFORE UPDATE ON rec_company_rule
WHEN NOT EXISTS (SELECT 1 FROM record_gate WHERE kind = 16 AND key = NEW.key)
BEGIN SELECT RAISE(ABORT, 'a record changes only together with its change row'); END;
CREATE TRIGGER rec_company_rule_delete BEFORE DELETE ON rec_company_rule
WHEN NOT EXISTS (SELECT 1 FROM record_gate WHERE kind = 16 AND key = OLD.key)
BEGIN SELECT RAISE(ABORT, 'a record changes only together with its change row'); END;
