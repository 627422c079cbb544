-- The punch ledger of all companies, and how it was delivered.

-- Immutable facts. The id leads with the clock's raw time, so months are ranges of ids, and a backlog arrives in
-- index order. `raw` is NULL for rows that an edge received: the bytes stay there.
CREATE TABLE ledger (
    company_id uuid NOT NULL,
    punch_id uuid NOT NULL,
    serial text NOT NULL,
    user_code text NOT NULL,
    raw_time timestamp NOT NULL,
    zone text NOT NULL,
    instant timestamptz NOT NULL,
    state smallint,
    verify smallint,
    work_code text NOT NULL,
    route smallint NOT NULL,
    received_at timestamptz NOT NULL,
    raw bytea,
    PRIMARY KEY (company_id, punch_id)
) PARTITION BY RANGE (punch_id);
SELECT company_table('ledger');
SELECT append_only('ledger');
SELECT app_may('ledger', 'SELECT, INSERT');

CREATE TABLE ledger_default PARTITION OF ledger DEFAULT;
SELECT company_table('ledger_default');
CREATE TRIGGER refuse_truncate BEFORE TRUNCATE ON ledger_default
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- The smallest punch id of a month: 48 bits of milliseconds, then zeros.
CREATE FUNCTION ledger_bound(month date) RETURNS uuid
LANGUAGE sql IMMUTABLE STRICT SET search_path = pg_catalog AS $$
    SELECT (lpad(to_hex(extract(epoch FROM month)::bigint * 1000), 12, '0') || repeat('0', 20))::uuid
$$;

-- Makes the partitions of the months from `first` to `last` that are missing; says how many. A month whose rows
-- already lie in the default partition stays there: rows are never moved.
CREATE FUNCTION ensure_ledger_partitions(first date, last date) RETURNS integer
LANGUAGE plpgsql SET search_path = pg_catalog, public AS $$
DECLARE
    month date := date_trunc('month', first)::date;
    made integer := 0;
    part text;
BEGIN
    WHILE month <= last LOOP
        part := 'ledger_' || to_char(month, 'YYYY_MM');
        IF to_regclass('public.' || part) IS NULL THEN
            BEGIN
                EXECUTE format('CREATE TABLE public.%I PARTITION OF public.ledger FOR VALUES FROM (%L) TO (%L)',
                               part, ledger_bound(month), ledger_bound((month + interval '1 month')::date));
                PERFORM company_table(('public.' || part)::regclass);
                EXECUTE format('CREATE TRIGGER refuse_truncate BEFORE TRUNCATE ON public.%I
                                FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()', part);
                made := made + 1;
            EXCEPTION WHEN check_violation THEN
                NULL;
            END;
        END IF;
        month := (month + interval '1 month')::date;
    END LOOP;
    RETURN made;
END
$$;
REVOKE EXECUTE ON FUNCTION ensure_ledger_partitions, ledger_bound FROM PUBLIC;

-- Which punch came at which place of which origin's ledger stream: one row a run of places without a gap, so that a
-- delivered punch costs 16 bytes instead of a row and an index entry. The ids hardly compress, so nobody tries.
CREATE TABLE ledger_log (
    company_id uuid NOT NULL,
    origin bigint NOT NULL,
    -- The place of the first id; the others follow one by one.
    first_seq bigint NOT NULL,
    punch_ids uuid[] NOT NULL,
    PRIMARY KEY (company_id, origin, first_seq)
);
ALTER TABLE ledger_log ALTER COLUMN punch_ids SET STORAGE EXTERNAL;
SELECT company_table('ledger_log');
SELECT append_only('ledger_log');
SELECT app_may('ledger_log', 'SELECT, INSERT');

-- Other routes' readings of a punch. -1 = the route gave none.
CREATE TABLE observation (
    company_id uuid NOT NULL,
    punch_id uuid NOT NULL,
    route smallint NOT NULL,
    state smallint NOT NULL,
    verify smallint NOT NULL,
    work_code text NOT NULL,
    received_at timestamptz NOT NULL,
    PRIMARY KEY (company_id, punch_id, route, state, verify, work_code)
);
SELECT company_table('observation');
SELECT append_only('observation');
SELECT app_may('observation', 'SELECT, INSERT');

-- How far each clock was read, by whom: completeness is an input of the shift engine.
CREATE TABLE watermark (
    company_id uuid NOT NULL,
    serial text NOT NULL,
    origin bigint NOT NULL,
    -- Rows of the clock's log that were read, and the newest raw time among them.
    position bigint NOT NULL,
    raw_time timestamp,
    -- Every punch before this instant has been read; found at `observed_at`.
    through timestamptz NOT NULL,
    observed_at timestamptz NOT NULL,
    PRIMARY KEY (company_id, serial, origin)
);
SELECT company_table('watermark');
SELECT app_may('watermark', 'SELECT, INSERT, UPDATE');

-- Punches in the ledger per clock, counted in the transaction that added them.
CREATE TABLE clock_tally (
    company_id uuid NOT NULL,
    serial text NOT NULL,
    punches bigint NOT NULL,
    last_instant timestamptz NOT NULL,
    PRIMARY KEY (company_id, serial)
);
SELECT company_table('clock_tally');
SELECT app_may('clock_tally', 'SELECT, INSERT, UPDATE');
