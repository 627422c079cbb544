-- People who sign in to this agent.
CREATE TABLE local_user (
    id            BLOB PRIMARY KEY,
    name          TEXT NOT NULL UNIQUE COLLATE NOCASE,
    full_name     TEXT NOT NULL DEFAULT '',
    role          TEXT NOT NULL,
    password_hash TEXT NOT NULL,         -- argon2id, PHC text
    state         TEXT NOT NULL DEFAULT 'active' CHECK (state IN ('active', 'disabled')),
    locale        TEXT NOT NULL DEFAULT '',
    failures      INTEGER NOT NULL DEFAULT 0,
    locked_until  INTEGER,
    last_sign_in  INTEGER,
    created_at    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Only hashes of tokens are stored.
CREATE TABLE session (
    token_hash BLOB PRIMARY KEY,
    user       BLOB NOT NULL REFERENCES local_user (id) ON DELETE CASCADE,
    created_at INTEGER NOT NULL,
    last_seen  INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    address    TEXT NOT NULL DEFAULT '',
    agent      TEXT NOT NULL DEFAULT ''
) STRICT, WITHOUT ROWID;
CREATE INDEX session_user ON session (user);

CREATE TABLE setup_token (
    token_hash BLOB PRIMARY KEY,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    used_at    INTEGER
) STRICT, WITHOUT ROWID;

-- Who did what, chained: hash = SHA-256("v1" || hash of the row before || length-prefixed fields).
CREATE TABLE audit (
    seq          INTEGER PRIMARY KEY,
    at           INTEGER NOT NULL,       -- milliseconds UTC
    monotonic_ms INTEGER NOT NULL,
    actor        BLOB NOT NULL,
    via          TEXT NOT NULL,          -- from where: console, ui, sync, device, system
    action       TEXT NOT NULL,
    subject      TEXT NOT NULL,
    before       TEXT NOT NULL,
    after        TEXT NOT NULL,
    hash         BLOB NOT NULL
) STRICT;
CREATE TRIGGER audit_update BEFORE UPDATE ON audit
BEGIN SELECT RAISE(ABORT, 'append-only: the audit log is never updated'); END;
CREATE TRIGGER audit_delete BEFORE DELETE ON audit
BEGIN SELECT RAISE(ABORT, 'append-only: the audit log is never deleted from'); END;

-- Durable queue of work.
CREATE TABLE job (
    id          INTEGER PRIMARY KEY,
    name        TEXT NOT NULL,
    payload     TEXT NOT NULL DEFAULT '{}',
    once_key    TEXT UNIQUE,             -- a second job with the same key is the same job
    due_at      INTEGER NOT NULL,
    attempts    INTEGER NOT NULL DEFAULT 0,
    taken_until INTEGER,
    state       TEXT NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'done', 'failed')),
    last_error  TEXT,
    created_at  INTEGER NOT NULL
) STRICT;
CREATE INDEX job_open ON job (due_at) WHERE state = 'open';
