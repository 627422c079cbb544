-- Punches made on phones, kind 17: made here, decided once on either side. Rejected ones stay, as audit only.
CREATE TABLE rec_phone_punch (
    company_id uuid NOT NULL,
    key uuid NOT NULL,
    employee uuid,
    site uuid,
    department uuid,
    instant timestamptz,
    zone text,
    direction text,
    latitude_e7 bigint,
    longitude_e7 bigint,
    accuracy_m bigint,
    phone text,
    client_id uuid,
    offline_s bigint,
    received_at timestamptz,
    state text,
    decided_by uuid,
    decided_at timestamptz,
    epoch bigint,
    bundle_at timestamptz,
    reason text,
    ext jsonb,
    vv bytea NOT NULL,
    dots bytea NOT NULL,
    deleted_dot bytea,
    fseq bigint NOT NULL,
    PRIMARY KEY (company_id, key),
    UNIQUE (company_id, fseq)
);
-- A phone that sends a punch again names it alike.
CREATE UNIQUE INDEX rec_phone_punch_client ON rec_phone_punch (company_id, employee, client_id);
CREATE INDEX rec_phone_punch_state ON rec_phone_punch (company_id, state, instant);
SELECT company_table('rec_phone_punch');
-- Like every record: a living one is never removed, whoever asks.
CREATE TRIGGER refuse_delete_of_living BEFORE DELETE ON rec_phone_punch
    FOR EACH ROW WHEN (OLD.deleted_dot IS NULL) EXECUTE FUNCTION refuse_change();
CREATE TRIGGER refuse_truncate BEFORE TRUNCATE ON rec_phone_punch
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE INDEX rec_phone_punch_tombstone ON rec_phone_punch (company_id, fseq) WHERE deleted_dot IS NOT NULL;
SELECT app_may('rec_phone_punch', 'SELECT, INSERT, UPDATE, DELETE');
