-- Edges, their logs' places, and what is published to them.

CREATE TABLE edge (
    company_id uuid NOT NULL,
    edge_id uuid NOT NULL,
    name text NOT NULL,
    state text NOT NULL CHECK (state IN ('active', 'retired')),
    enrolled_at timestamptz NOT NULL,
    retired_at timestamptz,
    last_seen timestamptz,
    app_version text,
    -- Rises whenever the edge's sites or kinds change.
    scope_ver integer NOT NULL,
    -- The last hello's own words: counts, disk, clocks, wall time.
    hello jsonb,
    PRIMARY KEY (company_id, edge_id)
);
SELECT company_table('edge');
SELECT app_may('edge', 'SELECT, INSERT, UPDATE');

-- The sites whose rows an edge may see and write: that of its enrolment code, and those it made itself.
CREATE TABLE edge_site (
    company_id uuid NOT NULL,
    edge_id uuid NOT NULL,
    site_id uuid NOT NULL,
    PRIMARY KEY (company_id, edge_id, site_id),
    FOREIGN KEY (company_id, edge_id) REFERENCES edge (company_id, edge_id)
);
SELECT company_table('edge_site');
SELECT app_may('edge_site', 'SELECT, INSERT, DELETE');

-- Where each origin's streams stand. `stream`: R = records, L = ledger.
CREATE TABLE origin_state (
    company_id uuid NOT NULL,
    origin bigint NOT NULL,
    stream text NOT NULL CHECK (stream IN ('R', 'L')),
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
    stream text NOT NULL,
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

-- Two versions of which one counts; both are kept. Dots are 16 bytes each, one after the other.
CREATE TABLE conflict (
    company_id uuid NOT NULL,
    conflict_id uuid NOT NULL,
    cause text NOT NULL,
    kind smallint NOT NULL,
    key uuid NOT NULL,
    -- A field's tag x 2, or a group's number x 2 + 1; NULL = the whole record.
    slot integer,
    standing jsonb NOT NULL,
    standing_dots bytea NOT NULL,
    arriving jsonb NOT NULL,
    arriving_dots bytea NOT NULL,
    kept text NOT NULL CHECK (kept IN ('standing', 'arriving')),
    actor uuid NOT NULL,
    hlc bigint NOT NULL,
    rec_fseq bigint NOT NULL,
    state text NOT NULL CHECK (state IN ('open', 'resolved', 'overtaken')),
    noticed_at timestamptz NOT NULL,
    PRIMARY KEY (company_id, conflict_id)
);
CREATE INDEX conflict_record ON conflict (company_id, kind, key);
SELECT company_table('conflict');
SELECT app_may('conflict', 'SELECT, INSERT, UPDATE');

-- Every record change applied, by its hash: a change that two clones of a disk carry is applied once.
CREATE TABLE applied_change (
    company_id uuid NOT NULL,
    change_hash bytea NOT NULL,
    origin bigint NOT NULL,
    seq bigint NOT NULL,
    PRIMARY KEY (company_id, change_hash)
);
SELECT company_table('applied_change');
SELECT app_may('applied_change', 'SELECT, INSERT');

-- Rows that could not be applied. The log went on past them; they wait for a person or a newer version.
CREATE TABLE quarantine (
    company_id uuid NOT NULL,
    origin bigint NOT NULL,
    stream text NOT NULL,
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

-- Who did what, written in the transaction of what it tells; chained per writer as store/audit.rs says.
-- `before` and `after` are JSON or empty.
CREATE TABLE audit (
    company_id uuid NOT NULL,
    writer text NOT NULL,
    seq bigint NOT NULL,
    at timestamptz NOT NULL,
    actor uuid NOT NULL,
    via text NOT NULL,
    action text NOT NULL,
    subject text NOT NULL,
    before text NOT NULL,
    after text NOT NULL,
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
