-- A week, a month and a pay period may have the same first and last day.
DROP TABLE attendance_period;
CREATE TABLE attendance_period (
    company_id uuid NOT NULL,
    employee uuid NOT NULL,
    kind text NOT NULL,
    period_from date NOT NULL,
    period_to date NOT NULL,
    provisional boolean NOT NULL,
    record text NOT NULL,
    digest bytea NOT NULL,
    engine text NOT NULL,
    computed_at timestamptz NOT NULL,
    PRIMARY KEY (company_id, employee, kind, period_from, period_to)
);
SELECT company_table('attendance_period');
SELECT app_may('attendance_period', 'SELECT, INSERT, UPDATE, DELETE');

-- When a provisional day may be final at the earliest: its windows are closed and the policy's wait is over
-- (settles_at), and every clock has been read past the windows (closes_at).
ALTER TABLE attendance_day ADD COLUMN closes_at timestamptz NOT NULL DEFAULT 'epoch';
ALTER TABLE attendance_day ADD COLUMN settles_at timestamptz NOT NULL DEFAULT 'epoch';
DROP INDEX attendance_day_provisional;
CREATE INDEX attendance_day_provisional ON attendance_day (company_id, settles_at) WHERE provisional;

-- Codes with punches that were nobody's when they came, and the raw times between which those lie.
CREATE TABLE attendance_stray (
    company_id uuid NOT NULL,
    user_code text NOT NULL,
    raw_from timestamp NOT NULL,
    raw_to timestamp NOT NULL,
    PRIMARY KEY (company_id, user_code)
);
SELECT company_table('attendance_stray');
SELECT app_may('attendance_stray', 'SELECT, INSERT, UPDATE, DELETE');

-- The oldest date at which a clock has a punch: attendance of a site begins with the oldest of its clocks.
CREATE TABLE attendance_clock (
    company_id uuid NOT NULL,
    serial text NOT NULL,
    first date NOT NULL,
    PRIMARY KEY (company_id, serial)
);
SELECT company_table('attendance_clock');
SELECT app_may('attendance_clock', 'SELECT, INSERT, UPDATE');

-- For which dates everybody of a site has been asked for, and by which rules its days are worked out.
CREATE TABLE attendance_site (
    company_id uuid NOT NULL,
    site uuid NOT NULL,
    since date NOT NULL,
    until date NOT NULL,
    rules text NOT NULL,
    PRIMARY KEY (company_id, site)
);
SELECT company_table('attendance_site');
SELECT app_may('attendance_site', 'SELECT, INSERT, UPDATE');
