-- Mutable records, one table a kind, one column a field (shared-model's names).
--
-- A field may be NULL although the kind asks for it: a change with a taken business key is stored with that field
-- blank and a conflict row. Fields that this version does not know are kept in `ext` by their tags. `vv` and `dots`
-- are the record's version vector and its fields' dots; a deleted record stays as a row with `deleted_dot`.

CREATE TABLE rec_company (
    company_id uuid NOT NULL,
    key uuid NOT NULL,
    name text,
    week_starts_on text,
    locale text,
    ext jsonb,
    vv bytea NOT NULL,
    dots bytea NOT NULL,
    deleted_dot bytea,
    fseq bigint NOT NULL,
    PRIMARY KEY (company_id, key),
    UNIQUE (company_id, fseq)
);
SELECT company_table('rec_company');
SELECT app_may('rec_company', 'SELECT, INSERT, UPDATE');

CREATE TABLE rec_site (
    company_id uuid NOT NULL,
    key uuid NOT NULL,
    name text,
    code text,
    zones jsonb,
    address text,
    latitude_e7 bigint,
    longitude_e7 bigint,
    radius_m bigint,
    active boolean,
    ext jsonb,
    vv bytea NOT NULL,
    dots bytea NOT NULL,
    deleted_dot bytea,
    fseq bigint NOT NULL,
    PRIMARY KEY (company_id, key),
    UNIQUE (company_id, fseq)
);
CREATE UNIQUE INDEX rec_site_code ON rec_site (company_id, code) WHERE deleted_dot IS NULL;
SELECT company_table('rec_site');
SELECT app_may('rec_site', 'SELECT, INSERT, UPDATE');

CREATE TABLE rec_department (
    company_id uuid NOT NULL,
    key uuid NOT NULL,
    name text,
    code text,
    level text,
    parent uuid,
    site uuid,
    active boolean,
    ext jsonb,
    vv bytea NOT NULL,
    dots bytea NOT NULL,
    deleted_dot bytea,
    fseq bigint NOT NULL,
    PRIMARY KEY (company_id, key),
    UNIQUE (company_id, fseq)
);
CREATE UNIQUE INDEX rec_department_code ON rec_department (company_id, code) WHERE deleted_dot IS NULL;
SELECT company_table('rec_department');
SELECT app_may('rec_department', 'SELECT, INSERT, UPDATE');

CREATE TABLE rec_employee (
    company_id uuid NOT NULL,
    key uuid NOT NULL,
    code text,
    name text,
    site uuid,
    department uuid,
    designation text,
    category text,
    gender text,
    joined date,
    "left" date,
    active boolean,
    phone text,
    card text,
    ext jsonb,
    vv bytea NOT NULL,
    dots bytea NOT NULL,
    deleted_dot bytea,
    fseq bigint NOT NULL,
    PRIMARY KEY (company_id, key),
    UNIQUE (company_id, fseq)
);
CREATE UNIQUE INDEX rec_employee_code ON rec_employee (company_id, code) WHERE deleted_dot IS NULL;
CREATE INDEX rec_employee_site ON rec_employee (company_id, site);
SELECT company_table('rec_employee');
SELECT app_may('rec_employee', 'SELECT, INSERT, UPDATE');

CREATE TABLE rec_shift (
    company_id uuid NOT NULL,
    key uuid NOT NULL,
    code text,
    name text,
    definition jsonb,
    active boolean,
    ext jsonb,
    vv bytea NOT NULL,
    dots bytea NOT NULL,
    deleted_dot bytea,
    fseq bigint NOT NULL,
    PRIMARY KEY (company_id, key),
    UNIQUE (company_id, fseq)
);
CREATE UNIQUE INDEX rec_shift_code ON rec_shift (company_id, code) WHERE deleted_dot IS NULL;
SELECT company_table('rec_shift');
SELECT app_may('rec_shift', 'SELECT, INSERT, UPDATE');

CREATE TABLE rec_roster (
    company_id uuid NOT NULL,
    key uuid NOT NULL,
    scope_kind text,
    scope uuid,
    basis text,
    "from" date,
    "to" date,
    pattern jsonb,
    ext jsonb,
    vv bytea NOT NULL,
    dots bytea NOT NULL,
    deleted_dot bytea,
    fseq bigint NOT NULL,
    PRIMARY KEY (company_id, key),
    UNIQUE (company_id, fseq)
);
SELECT company_table('rec_roster');
SELECT app_may('rec_roster', 'SELECT, INSERT, UPDATE');

CREATE TABLE rec_roster_day (
    company_id uuid NOT NULL,
    key uuid NOT NULL,
    employee uuid,
    "date" date,
    shifts jsonb,
    note text,
    ext jsonb,
    vv bytea NOT NULL,
    dots bytea NOT NULL,
    deleted_dot bytea,
    fseq bigint NOT NULL,
    PRIMARY KEY (company_id, key),
    UNIQUE (company_id, fseq)
);
CREATE INDEX rec_roster_day_employee ON rec_roster_day (company_id, employee, date);
SELECT company_table('rec_roster_day');
SELECT app_may('rec_roster_day', 'SELECT, INSERT, UPDATE');

CREATE TABLE rec_policy (
    company_id uuid NOT NULL,
    key uuid NOT NULL,
    name text,
    effective_from date,
    scope_kind text,
    scope uuid,
    rules jsonb,
    ext jsonb,
    vv bytea NOT NULL,
    dots bytea NOT NULL,
    deleted_dot bytea,
    fseq bigint NOT NULL,
    PRIMARY KEY (company_id, key),
    UNIQUE (company_id, fseq)
);
SELECT company_table('rec_policy');
SELECT app_may('rec_policy', 'SELECT, INSERT, UPDATE');

CREATE TABLE rec_holiday (
    company_id uuid NOT NULL,
    key uuid NOT NULL,
    "date" date,
    name text,
    holiday_type text,
    site uuid,
    "group" text,
    ext jsonb,
    vv bytea NOT NULL,
    dots bytea NOT NULL,
    deleted_dot bytea,
    fseq bigint NOT NULL,
    PRIMARY KEY (company_id, key),
    UNIQUE (company_id, fseq)
);
SELECT company_table('rec_holiday');
SELECT app_may('rec_holiday', 'SELECT, INSERT, UPDATE');

CREATE TABLE rec_leave (
    company_id uuid NOT NULL,
    key uuid NOT NULL,
    employee uuid,
    "from" date,
    "to" date,
    portion text,
    "start" timestamp,
    "end" timestamp,
    leave_type text,
    paid boolean,
    state text,
    reason text,
    ext jsonb,
    vv bytea NOT NULL,
    dots bytea NOT NULL,
    deleted_dot bytea,
    fseq bigint NOT NULL,
    PRIMARY KEY (company_id, key),
    UNIQUE (company_id, fseq)
);
CREATE INDEX rec_leave_employee ON rec_leave (company_id, employee);
SELECT company_table('rec_leave');
SELECT app_may('rec_leave', 'SELECT, INSERT, UPDATE');

CREATE TABLE rec_device (
    company_id uuid NOT NULL,
    key uuid NOT NULL,
    serial text,
    name text,
    site uuid,
    transport text,
    address text,
    state text,
    zones jsonb,
    direction_use text,
    model text,
    firmware text,
    set_time boolean,
    ext jsonb,
    vv bytea NOT NULL,
    dots bytea NOT NULL,
    deleted_dot bytea,
    fseq bigint NOT NULL,
    PRIMARY KEY (company_id, key),
    UNIQUE (company_id, fseq)
);
CREATE UNIQUE INDEX rec_device_serial ON rec_device (company_id, serial) WHERE deleted_dot IS NULL;
SELECT company_table('rec_device');
SELECT app_may('rec_device', 'SELECT, INSERT, UPDATE');

CREATE TABLE rec_identity (
    company_id uuid NOT NULL,
    key uuid NOT NULL,
    serial text,
    user_code text,
    employee uuid,
    "from" timestamptz,
    "to" timestamptz,
    ext jsonb,
    vv bytea NOT NULL,
    dots bytea NOT NULL,
    deleted_dot bytea,
    fseq bigint NOT NULL,
    PRIMARY KEY (company_id, key),
    UNIQUE (company_id, fseq)
);
CREATE INDEX rec_identity_code ON rec_identity (company_id, user_code);
SELECT company_table('rec_identity');
SELECT app_may('rec_identity', 'SELECT, INSERT, UPDATE');

CREATE TABLE rec_punch_note (
    company_id uuid NOT NULL,
    key uuid NOT NULL,
    punch uuid,
    note_type text,
    other uuid,
    zone text,
    flag text,
    reason text,
    ext jsonb,
    vv bytea NOT NULL,
    dots bytea NOT NULL,
    deleted_dot bytea,
    fseq bigint NOT NULL,
    PRIMARY KEY (company_id, key),
    UNIQUE (company_id, fseq)
);
CREATE INDEX rec_punch_note_punch ON rec_punch_note (company_id, punch);
SELECT company_table('rec_punch_note');
SELECT app_may('rec_punch_note', 'SELECT, INSERT, UPDATE');

CREATE TABLE rec_day_decision (
    company_id uuid NOT NULL,
    key uuid NOT NULL,
    employee uuid,
    "date" date,
    decision_type text,
    seconds bigint,
    "start" timestamp,
    "end" timestamp,
    status text,
    state text,
    reason text,
    ext jsonb,
    vv bytea NOT NULL,
    dots bytea NOT NULL,
    deleted_dot bytea,
    fseq bigint NOT NULL,
    PRIMARY KEY (company_id, key),
    UNIQUE (company_id, fseq)
);
CREATE INDEX rec_day_decision_employee ON rec_day_decision (company_id, employee, date);
SELECT company_table('rec_day_decision');
SELECT app_may('rec_day_decision', 'SELECT, INSERT, UPDATE');

CREATE TABLE rec_pay_period (
    company_id uuid NOT NULL,
    key uuid NOT NULL,
    site uuid,
    "from" date,
    "to" date,
    state text,
    ext jsonb,
    vv bytea NOT NULL,
    dots bytea NOT NULL,
    deleted_dot bytea,
    fseq bigint NOT NULL,
    PRIMARY KEY (company_id, key),
    UNIQUE (company_id, fseq)
);
SELECT company_table('rec_pay_period');
SELECT app_may('rec_pay_period', 'SELECT, INSERT, UPDATE');

CREATE TABLE rec_company_rule (
    company_id uuid NOT NULL,
    key uuid NOT NULL,
    name text,
    effective_from date,
    rule jsonb,
    active boolean,
    ext jsonb,
    vv bytea NOT NULL,
    dots bytea NOT NULL,
    deleted_dot bytea,
    fseq bigint NOT NULL,
    PRIMARY KEY (company_id, key),
    UNIQUE (company_id, fseq)
);
SELECT company_table('rec_company_rule');
SELECT app_may('rec_company_rule', 'SELECT, INSERT, UPDATE');
