-- The dates on which each clock has punches: with them attendance of its site begins.
DROP TABLE attendance_clock;
DELETE FROM app_privilege WHERE table_name = 'attendance_clock';
CREATE TABLE attendance_clock_date (
    company_id uuid NOT NULL,
    serial text NOT NULL,
    date date NOT NULL,
    PRIMARY KEY (company_id, serial, date)
);

-- Since when a person's missing days count, and the joining date from which that was taken. What is worked out follows
-- it: when it moves, the days between are worked out again.
CREATE TABLE attendance_employment (
    company_id uuid NOT NULL,
    employee uuid NOT NULL,
    counted_from date NOT NULL,
    joined date,
    PRIMARY KEY (company_id, employee)
);

-- Every company's rows at once, while nobody else can see the tables.
ALTER TABLE ledger NO FORCE ROW LEVEL SECURITY;
ALTER TABLE attendance_day NO FORCE ROW LEVEL SECURITY;
ALTER TABLE recompute_queue NO FORCE ROW LEVEL SECURITY;
INSERT INTO attendance_clock_date (company_id, serial, date)
SELECT DISTINCT company_id, serial, raw_time::date FROM ledger;
-- Days that another rule made are worked out again.
INSERT INTO recompute_queue (company_id, entry_id, scope, key, queued_at)
SELECT company_id, gen_random_uuid(), 'everyone', '', now() FROM (SELECT DISTINCT company_id FROM attendance_day) AS had;
ALTER TABLE ledger FORCE ROW LEVEL SECURITY;
ALTER TABLE attendance_day FORCE ROW LEVEL SECURITY;
ALTER TABLE recompute_queue FORCE ROW LEVEL SECURITY;

SELECT company_table('attendance_clock_date');
SELECT app_may('attendance_clock_date', 'SELECT, INSERT');
SELECT company_table('attendance_employment');
SELECT app_may('attendance_employment', 'SELECT, INSERT, UPDATE');
