-- Edges, their logs' places, and what is published to them.

CREATE TABLE edge (
    company_id uuid NOT NULL,
    edge_id uuid NOT NULL,
    site_id uuid NOT NULL,
    name text NOT NULL,
    state text NOT NULL CHECK (state IN ('active', 'retired')),
    enrolled_at timestamptz NOT NULL,
    retired_at timestamptz,
    last_seen timestamptz,
    app_version text,
    -- The last hello's own words: counts, disk, clocks, wall time.
    hello jsonb,
    PRIMARY KEY (company_id, edge_id)
);
SELECT company_table('edge');
SELECT app_may('edge', 'SELECT, INSERT, UPDATE');

-- Where each origin's streams stand. `stream`: 1 = ledger, 2 = records.
CREATE TABLE origin_state (
    company_id uuid NOT NULL,
    origin bigint NOT NULL,
    stream smallint NOT NULL CHECK (stream IN (1, 2)),
    -- NULL = the cloud's own origin.
    edge_id uuid,
    applied_seq bigint NOT NULL,
    chain bytea NOT NULL,
    durable_seq bigint NOT NULL,
    lease_no bigint NOT NULL,
    lease_nonce bytea NOT NULL,
    epoch_born integer NOT NULL,
    state text NOT NULL CHECK (state IN ('open', 'expired', 'closed')),
    final_seq bigint,
    acked_fseq bigint NOT NULL,
    head_at_ack bigint NOT NULL,
    last_seen timestamptz NOT NULL,
    PRIMARY KEY (company_id, origin, stream),
    FOREIGN KEY (company_id, edge_id) REFERENCES edge (company_id, edge_id)
);
CREATE INDEX origin_state_edge ON origin_state (company_id, edge_id);
SELECT company_table('origin_state');
SELECT app_may('origin_state', 'SELECT, INSERT, UPDATE');

CREATE TABLE chain_mark (
    company_id uuid NOT NULL,
    origin bigint NOT NULL,
    stream smallint NOT NULL,
    seq bigint NOT NULL,
    chain bytea NOT NULL,
    PRIMARY KEY (company_id, origin, stream, seq),
    FOREIGN KEY (company_id, origin, stream) REFERENCES origin_state (company_id, origin, stream)
);
SELECT company_table('chain_mark');
SELECT app_may('chain_mark', 'SELECT, INSERT, DELETE');

-- The company's place in its downward feed. Taken last in a transaction, in blocks: commit order is fseq order.
CREATE TABLE feed_head (
    company_id uuid PRIMARY KEY,
    next_fseq bigint NOT NULL,
    feed_epoch integer NOT NULL,
    horizon bigint NOT NULL,
    cloud_origin bigint NOT NULL
) WITH (fillfactor = 50);
SELECT company_table('feed_head');
SELECT app_may('feed_head', 'SELECT, INSERT, UPDATE');

-- What the feed carries beside records: conflict rows, quarantine notices, leave markers, ledger rows others need.
CREATE TABLE feed_side (
    company_id uuid NOT NULL,
    fseq bigint NOT NULL,
    what text NOT NULL,
    payload jsonb NOT NULL,
    PRIMARY KEY (company_id, fseq)
);
SELECT company_table('feed_side');
SELECT app_may('feed_side', 'SELECT, INSERT');

CREATE TABLE conflict (
    company_id uuid NOT NULL,
    conflict_id uuid NOT NULL,
    kind smallint NOT NULL,
    key uuid NOT NULL,
    what text NOT NULL,
    -- NULL = the whole record (a deletion against an edit).
    field smallint,
    cloud_value jsonb,
    cloud_dot bytea,
    edge_value jsonb,
    edge_dot bytea,
    actor uuid NOT NULL,
    hlc bigint NOT NULL,
    rec_fseq bigint NOT NULL,
    state text NOT NULL CHECK (state IN ('open', 'resolved', 'overtaken')),
    resolved_by uuid,
    noticed_at timestamptz NOT NULL,
    PRIMARY KEY (company_id, conflict_id)
);
CREATE INDEX conflict_record ON conflict (company_id, kind, key);
SELECT company_table('conflict');
SELECT app_may('conflict', 'SELECT, INSERT, UPDATE');

-- Rows that could not be applied. The log went on past them; they wait for a person or a newer version.
CREATE TABLE quarantine (
    company_id uuid NOT NULL,
    origin bigint NOT NULL,
    stream smallint NOT NULL,
    seq bigint NOT NULL,
    raw bytea NOT NULL,
    code text NOT NULL,
    detail text NOT NULL,
    blocked_by bytea,
    state text NOT NULL CHECK (state IN ('open', 'replayed', 'discarded')),
    noticed_at timestamptz NOT NULL,
    PRIMARY KEY (company_id, origin, stream, seq),
    FOREIGN KEY (company_id, origin, stream) REFERENCES origin_state (company_id, origin, stream)
);
SELECT company_table('quarantine');
SELECT app_may('quarantine', 'SELECT, INSERT, UPDATE');

-- Messages to the world (mail, webhooks), written with what they are about and sent by a job.
CREATE TABLE outbox (
    company_id uuid NOT NULL,
    message_id uuid NOT NULL,
    topic text NOT NULL,
    payload jsonb NOT NULL,
    created_at timestamptz NOT NULL,
    sent_at timestamptz,
    PRIMARY KEY (company_id, message_id)
);
SELECT company_table('outbox');
SELECT app_may('outbox', 'SELECT, INSERT, UPDATE');

-- Append-only, chained per writer: hash = SHA-256("v1" ‖ previous hash ‖ the entry in length-prefixed form).
CREATE TABLE audit (
    company_id uuid NOT NULL,
    writer text NOT NULL,
    seq bigint NOT NULL,
    at timestamptz NOT NULL,
    actor uuid NOT NULL,
    action text NOT NULL,
    subject text NOT NULL,
    detail jsonb NOT NULL,
    hash bytea NOT NULL,
    PRIMARY KEY (company_id, writer, seq)
);
SELECT company_table('audit');
SELECT append_only('audit');
SELECT app_may('audit', 'SELECT, INSERT');

CREATE TABLE audit_head (
    company_id uuid NOT NULL,
    writer text NOT NULL,
    seq bigint NOT NULL,
    hash bytea NOT NULL,
    PRIMARY KEY (company_id, writer)
) WITH (fillfactor = 50);
SELECT company_table('audit_head');
SELECT app_may('audit_head', 'SELECT, INSERT, UPDATE');
