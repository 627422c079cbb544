-- What is computed from the ledger and the records. Never synced: both sides compute it, and compare digests.

-- Which punch counted for which employee and day.
CREATE TABLE day_punch (
    company_id uuid NOT NULL,
    employee uuid NOT NULL,
    work_date date NOT NULL,
    punch_id uuid NOT NULL,
    PRIMARY KEY (company_id, employee, work_date, punch_id)
);
SELECT company_table('day_punch');
SELECT app_may('day_punch', 'SELECT, INSERT, DELETE');

-- `record` is the engine's whole result; the columns are what lists and sums need. Durations in seconds.
CREATE TABLE attendance_day (
    company_id uuid NOT NULL,
    employee uuid NOT NULL,
    work_date date NOT NULL,
    status text NOT NULL,
    provisional boolean NOT NULL,
    shift uuid,
    first_in timestamptz,
    last_out timestamptz,
    late_s bigint NOT NULL,
    early_s bigint NOT NULL,
    worked_s bigint NOT NULL,
    overtime_s bigint NOT NULL,
    record jsonb NOT NULL,
    explanation jsonb NOT NULL,
    digest bytea NOT NULL,
    engine_version text NOT NULL,
    computed_at timestamptz NOT NULL,
    PRIMARY KEY (company_id, employee, work_date)
);
CREATE INDEX attendance_day_date ON attendance_day (company_id, work_date);
SELECT company_table('attendance_day');
SELECT app_may('attendance_day', 'SELECT, INSERT, UPDATE, DELETE');

CREATE TABLE attendance_period (
    company_id uuid NOT NULL,
    employee uuid NOT NULL,
    period_from date NOT NULL,
    period_to date NOT NULL,
    record jsonb NOT NULL,
    digest bytea NOT NULL,
    engine_version text NOT NULL,
    computed_at timestamptz NOT NULL,
    PRIMARY KEY (company_id, employee, period_from, period_to)
);
SELECT company_table('attendance_period');
SELECT app_may('attendance_period', 'SELECT, INSERT, UPDATE, DELETE');

-- What must be computed anew, written in the transaction of what changed. Either a span of an origin's ledger log
-- (the punches at those places), or employees and dates: NULL employee = everybody, NULL date = no bound.
CREATE TABLE recompute_queue (
    company_id uuid NOT NULL,
    entry_id uuid NOT NULL,
    origin bigint,
    from_seq bigint,
    to_seq bigint,
    employee uuid,
    from_date date,
    to_date date,
    queued_at timestamptz NOT NULL,
    PRIMARY KEY (company_id, entry_id),
    CHECK ((origin IS NULL) = (from_seq IS NULL) AND (origin IS NULL) = (to_seq IS NULL))
);
SELECT company_table('recompute_queue');
SELECT app_may('recompute_queue', 'SELECT, INSERT, DELETE');

-- What an edge says its own results are, for comparison with ours.
CREATE TABLE edge_digest (
    company_id uuid NOT NULL,
    edge_id uuid NOT NULL,
    employee uuid NOT NULL,
    month date NOT NULL,
    digest bytea NOT NULL,
    engine_version text NOT NULL,
    reported_at timestamptz NOT NULL,
    PRIMARY KEY (company_id, edge_id, employee, month),
    FOREIGN KEY (company_id, edge_id) REFERENCES edge (company_id, edge_id)
);
SELECT company_table('edge_digest');
SELECT app_may('edge_digest', 'SELECT, INSERT, UPDATE, DELETE');
