-- What is computed from the ledger and the records. Never synced: both sides compute it, and compare digests.

-- Which punch counted for which employee and day, and as what.
CREATE TABLE day_punch (
    company_id uuid NOT NULL,
    employee uuid NOT NULL,
    work_date date NOT NULL,
    punch_id uuid NOT NULL,
    part text NOT NULL,
    PRIMARY KEY (company_id, employee, work_date, punch_id)
);
CREATE INDEX day_punch_punch ON day_punch (company_id, punch_id);
SELECT company_table('day_punch');
SELECT app_may('day_punch', 'SELECT, INSERT, UPDATE, DELETE');

-- `record` is the engine's whole record with its explanation, as the engine writes it; the columns beside it are what
-- lists and totals read.
CREATE TABLE attendance_day (
    company_id uuid NOT NULL,
    work_date date NOT NULL,
    employee uuid NOT NULL,
    status text NOT NULL,
    provisional boolean NOT NULL,
    shift uuid,
    first_in timestamptz,
    last_out timestamptz,
    scheduled_seconds bigint NOT NULL,
    worked_seconds bigint NOT NULL,
    late_seconds bigint NOT NULL,
    early_seconds bigint NOT NULL,
    overtime_seconds bigint NOT NULL,
    record text NOT NULL,
    digest bytea NOT NULL,
    engine text NOT NULL,
    computed_at timestamptz NOT NULL,
    PRIMARY KEY (company_id, work_date, employee)
);
CREATE INDEX attendance_day_employee ON attendance_day (company_id, employee, work_date);
CREATE INDEX attendance_day_provisional ON attendance_day (company_id, work_date) WHERE provisional;
SELECT company_table('attendance_day');
SELECT app_may('attendance_day', 'SELECT, INSERT, UPDATE, DELETE');

CREATE TABLE attendance_period (
    company_id uuid NOT NULL,
    employee uuid NOT NULL,
    period_from date NOT NULL,
    period_to date NOT NULL,
    provisional boolean NOT NULL,
    record text NOT NULL,
    digest bytea NOT NULL,
    engine text NOT NULL,
    computed_at timestamptz NOT NULL,
    PRIMARY KEY (company_id, employee, period_from, period_to)
);
SELECT company_table('attendance_period');
SELECT app_may('attendance_period', 'SELECT, INSERT, UPDATE, DELETE');

-- What must be worked out again, written in the transaction of what changed. Entries repeat each other; who takes some
-- removes exactly those. Scope `log`: the punches at places from_seq..to_seq of an origin's ledger stream, one entry a
-- batch, so that a push pays for one row. Other scopes: `key` names an employee, department or site by its id, or a
-- clock's user code; NULL dates are open ends. An entry for many (department, site, everyone) is worked through in the
-- order of people's ids: `after` is the last who was worked out.
CREATE TABLE recompute_queue (
    company_id uuid NOT NULL,
    entry_id uuid NOT NULL,
    scope text NOT NULL CHECK (scope IN ('log', 'employee', 'code', 'department', 'site', 'everyone')),
    key text NOT NULL,
    date_from date,
    date_to date,
    origin bigint,
    from_seq bigint,
    to_seq bigint,
    after uuid,
    queued_at timestamptz NOT NULL,
    PRIMARY KEY (company_id, entry_id),
    CHECK ((scope = 'log') = (origin IS NOT NULL AND from_seq IS NOT NULL AND to_seq IS NOT NULL))
);
SELECT company_table('recompute_queue');
SELECT app_may('recompute_queue', 'SELECT, INSERT, UPDATE, DELETE');

-- What an edge says its own results are, for comparison with ours: one digest a month over the final days of its
-- sites' people, as cloud-server/src/store/digest.rs says. `our_*` is what we had when a job last compared.
CREATE TABLE edge_digest (
    company_id uuid NOT NULL,
    edge_id uuid NOT NULL,
    month date NOT NULL,
    days bigint NOT NULL,
    digest bytea NOT NULL,
    engine text NOT NULL,
    reported_at timestamptz NOT NULL,
    our_days bigint,
    our_digest bytea,
    our_engine text,
    compared_at timestamptz,
    PRIMARY KEY (company_id, edge_id, month),
    FOREIGN KEY (company_id, edge_id) REFERENCES edge (company_id, edge_id)
);
SELECT company_table('edge_digest');
SELECT app_may('edge_digest', 'SELECT, INSERT, UPDATE, DELETE');
