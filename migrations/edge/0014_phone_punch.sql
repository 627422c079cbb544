-- Punches made on phones, kind 17: made by the cloud, decided once on either side.
CREATE TABLE rec_phone_punch (
    key         BLOB PRIMARY KEY,
    employee    BLOB,
    site        BLOB,
    department  BLOB,
    instant     TEXT,
    zone        TEXT,
    direction   TEXT,
    latitude_e7 INTEGER,
    longitude_e7 INTEGER,
    accuracy_m  INTEGER,
    phone       TEXT,
    client_id   BLOB,
    offline_s   INTEGER,
    received_at TEXT,
    state       TEXT,
    decided_by  BLOB,
    decided_at  TEXT,
    epoch       INTEGER,
    bundle_at   TEXT,
    reason      TEXT,
    ext         TEXT NOT NULL DEFAULT '{}',
    vv          BLOB NOT NULL,
    dots        BLOB NOT NULL,
    deleted_dot BLOB,
    fseq        INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;
CREATE TRIGGER rec_phone_punch_insert BEFORE INSERT ON rec_phone_punch
WHEN NOT EXISTS (SELECT 1 FROM record_gate WHERE kind = 17 AND key = NEW.key)
BEGIN SELECT RAISE(ABORT, 'a record changes only together with its change row'); END;
CREATE TRIGGER rec_phone_punch_update BEFORE UPDATE ON rec_phone_punch
WHEN NOT EXISTS (SELECT 1 FROM record_gate WHERE kind = 17 AND key = NEW.key)
BEGIN SELECT RAISE(ABORT, 'a record changes only together with its change row'); END;
CREATE TRIGGER rec_phone_punch_delete BEFORE DELETE ON rec_phone_punch
WHEN NOT EXISTS (SELECT 1 FROM record_gate WHERE kind = 17 AND key = OLD.key)
BEGIN SELECT RAISE(ABORT, 'a record changes only together with its change row'); END;
CREATE INDEX rec_phone_punch_state ON rec_phone_punch (state, instant);
CREATE INDEX rec_phone_punch_employee ON rec_phone_punch (employee, instant);
