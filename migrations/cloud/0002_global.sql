-- Global tables: what must be found before the company is known, and what belongs to the operator.
-- None of them has row-level security; the reviewed list of those with a company_id is in the catalog test.

CREATE TABLE plan (
    plan text PRIMARY KEY,
    -- NULL = no limit.
    max_sites integer,
    max_employees integer
);
INSERT INTO plan VALUES ('standard', NULL, NULL);
SELECT app_may('plan', 'SELECT');

CREATE TABLE company (
    company_id uuid PRIMARY KEY,
    name text NOT NULL,
    plan text NOT NULL REFERENCES plan,
    state text NOT NULL CHECK (state IN ('active', 'suspended')),
    created_at timestamptz NOT NULL
);
SELECT app_may('company', 'SELECT, INSERT, UPDATE');

-- People who sign in. `password` is an argon2id string; NULL = none set yet, so nobody signs in.
CREATE TABLE app_user (
    user_id uuid PRIMARY KEY,
    email text NOT NULL,
    name text NOT NULL,
    password text,
    operator boolean NOT NULL,
    state text NOT NULL CHECK (state IN ('active', 'disabled')),
    created_at timestamptz NOT NULL
);
CREATE UNIQUE INDEX app_user_email ON app_user (lower(email));
SELECT app_may('app_user', 'SELECT, INSERT, UPDATE');

-- Look-up: in which companies a user works, and as what.
CREATE TABLE membership (
    user_id uuid NOT NULL REFERENCES app_user,
    company_id uuid NOT NULL REFERENCES company,
    role text NOT NULL,
    -- NULL = every site.
    sites uuid[],
    created_at timestamptz NOT NULL,
    PRIMARY KEY (user_id, company_id)
);
CREATE INDEX membership_company ON membership (company_id);
SELECT app_may('membership', 'SELECT, INSERT, UPDATE, DELETE');

-- `company_id` = the company whose pages the session shows.
CREATE TABLE session (
    token_hash bytea PRIMARY KEY,
    user_id uuid NOT NULL REFERENCES app_user,
    company_id uuid REFERENCES company,
    signed_in_at timestamptz NOT NULL,
    last_seen_at timestamptz NOT NULL
);
CREATE INDEX session_by_user ON session (user_id);
SELECT app_may('session', 'SELECT, INSERT, UPDATE, DELETE');

-- One-time tokens for a first password: printed once, only their hash is kept.
CREATE TABLE password_token (
    token_hash bytea PRIMARY KEY,
    -- NULL = makes the first superuser.
    user_id uuid REFERENCES app_user,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    used_at timestamptz
);
SELECT app_may('password_token', 'SELECT, INSERT, UPDATE, DELETE');

-- Look-up: one-time enrolment codes.
CREATE TABLE enrolment_code (
    code_hash bytea PRIMARY KEY,
    company_id uuid NOT NULL REFERENCES company,
    site_id uuid NOT NULL,
    created_by uuid NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    used_at timestamptz,
    edge_id uuid
);
SELECT app_may('enrolment_code', 'SELECT, INSERT, UPDATE, DELETE');

-- Look-up: an edge's key, its company and site. A request is believed because of this row only.
CREATE TABLE edge_key (
    edge_id uuid PRIMARY KEY,
    company_id uuid NOT NULL REFERENCES company,
    site_id uuid NOT NULL,
    public_key bytea NOT NULL CHECK (octet_length(public_key) = 32),
    state text NOT NULL CHECK (state IN ('active', 'retired')),
    enrolled_at timestamptz NOT NULL,
    retired_at timestamptz
);
CREATE INDEX edge_key_company ON edge_key (company_id);
SELECT app_may('edge_key', 'SELECT, INSERT, UPDATE');

-- Look-up: in which companies a clock's serial is known.
CREATE TABLE clock_serial (
    serial text NOT NULL,
    company_id uuid NOT NULL REFERENCES company,
    PRIMARY KEY (serial, company_id)
);
SELECT app_may('clock_serial', 'SELECT, INSERT, DELETE');

-- Durable work, as cloud-server/src/store/job.rs says. One row a queue, company and key; asking again for what already
-- waits raises `generation`, and a worker removes a job only in the generation it took, so nothing asked for meanwhile is
-- forgotten.
CREATE TABLE job (
    job_id uuid PRIMARY KEY,
    queue text NOT NULL,
    company_id uuid REFERENCES company,
    key text NOT NULL,
    generation bigint NOT NULL,
    attempts integer NOT NULL,
    run_at timestamptz NOT NULL,
    leased_until timestamptz,
    last_error text,
    UNIQUE NULLS NOT DISTINCT (queue, company_id, key)
);
CREATE INDEX job_due ON job (run_at);
SELECT app_may('job', 'SELECT, INSERT, UPDATE, DELETE');

-- What the operator did and who signed in, chained like a company's own log.
CREATE TABLE operator_audit (
    seq bigint PRIMARY KEY,
    at timestamptz NOT NULL,
    actor uuid NOT NULL,
    via text NOT NULL,
    action text NOT NULL,
    -- The company concerned, where there is one.
    company_id uuid,
    subject text NOT NULL,
    before text NOT NULL,
    after text NOT NULL,
    hash bytea NOT NULL
);
SELECT append_only('operator_audit');
SELECT app_may('operator_audit', 'SELECT, INSERT');

-- One row: the end of that chain. Locked by whoever adds to it.
CREATE TABLE operator_audit_head (
    only_row boolean PRIMARY KEY CHECK (only_row),
    seq bigint NOT NULL,
    hash bytea NOT NULL
);
INSERT INTO operator_audit_head VALUES (true, 0, decode(repeat('00', 32), 'hex'));
SELECT app_may('operator_audit_head', 'SELECT, UPDATE');
