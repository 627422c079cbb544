-- The dates on which each clock has punches: with them attendance of its site begins.
DROP TABLE attendance_clock;
CREATE TABLE attendance_clock_date (
    serial TEXT NOT NULL,
    date   TEXT NOT NULL,
    PRIMARY KEY (serial, date)
) STRICT, WITHOUT ROWID;
INSERT INTO attendance_clock_date (serial, date)
SELECT DISTINCT c.serial, date(l.raw_time, 'unixepoch') FROM ledger l JOIN clock c ON c.id = l.clock;

-- Since when a person's missing days count, and the joining date from which that was taken. What is worked out follows
-- it: when it moves, the days between are worked out again.
CREATE TABLE attendance_employment (
    employee     BLOB PRIMARY KEY,
    counted_from TEXT NOT NULL,
    joined       TEXT
) STRICT, WITHOUT ROWID;

-- Days that another rule made are worked out again.
INSERT INTO recompute_queue (scope, key, date_from, date_to, queued_at)
SELECT 'everyone', x'', '', '', 0 WHERE EXISTS (SELECT 1 FROM attendance_day)
ON CONFLICT DO UPDATE SET stamp = stamp + 1;
