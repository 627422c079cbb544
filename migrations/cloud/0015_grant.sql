-- Who may decide about phone punches, and how people's phones sign in.

-- The company's key for bundles, and the epoch of people and grants. `people_hash` tells whether people changed since the
-- epoch began.
CREATE TABLE bundle_state (
    company_id uuid PRIMARY KEY,
    signing_key bytea NOT NULL CHECK (octet_length(signing_key) = 32),
    epoch integer NOT NULL,
    people_hash bytea NOT NULL
);
SELECT company_table('bundle_state');
SELECT app_may('bundle_state', 'SELECT, INSERT, UPDATE');

-- Since when each epoch was in force: a decision names the one it was taken by.
CREATE TABLE bundle_epoch (
    company_id uuid NOT NULL,
    epoch integer NOT NULL,
    since timestamptz NOT NULL,
    PRIMARY KEY (company_id, epoch)
);
SELECT company_table('bundle_epoch');
SELECT app_may('bundle_epoch', 'SELECT, INSERT');

-- A grant is never changed but by its end: who had what when must be found for good. NULL sites or departments = all.
CREATE TABLE approver_grant (
    company_id uuid NOT NULL,
    grant_id uuid NOT NULL,
    user_id uuid NOT NULL,
    sites uuid[],
    departments uuid[],
    valid_from timestamptz NOT NULL,
    valid_to timestamptz,
    since_epoch integer NOT NULL,
    granted_by uuid NOT NULL,
    granted_at timestamptz NOT NULL,
    revoked_by uuid,
    revoked_at timestamptz,
    PRIMARY KEY (company_id, grant_id),
    CHECK (valid_to IS NULL OR valid_from < valid_to)
);
CREATE INDEX approver_grant_user ON approver_grant (company_id, user_id);
SELECT company_table('approver_grant');
SELECT app_may('approver_grant', 'SELECT, INSERT, UPDATE');

-- Which employee a person who signs in is: nobody decides about himself.
CREATE TABLE user_employee (
    company_id uuid NOT NULL,
    user_id uuid NOT NULL,
    employee uuid NOT NULL,
    PRIMARY KEY (company_id, user_id)
);
SELECT company_table('user_employee');
SELECT app_may('user_employee', 'SELECT, INSERT, UPDATE, DELETE');

-- Look-up: one-time codes with which an employee's phone signs in.
CREATE TABLE mobile_code (
    code_hash bytea PRIMARY KEY,
    company_id uuid NOT NULL REFERENCES company,
    employee uuid NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    used_at timestamptz
);
CREATE INDEX mobile_code_employee ON mobile_code (company_id, employee);
SELECT app_may('mobile_code', 'SELECT, INSERT, UPDATE, DELETE');

-- Look-up: the phones that are signed in, by the hash of their token.
CREATE TABLE mobile_session (
    token_hash bytea PRIMARY KEY,
    company_id uuid NOT NULL REFERENCES company,
    employee uuid NOT NULL,
    phone text NOT NULL,
    signed_in_at timestamptz NOT NULL,
    last_seen_at timestamptz NOT NULL,
    ended_at timestamptz
);
CREATE INDEX mobile_session_employee ON mobile_session (company_id, employee);
SELECT app_may('mobile_session', 'SELECT, INSERT, UPDATE, DELETE');
