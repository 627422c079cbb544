-- Who may do what to which table, as data.
--
-- The program serves as a role that owns nothing. Each migration names what that role may do to a table
-- (app_may), and grant_app gives exactly that to the role the operator configured: whatever is not listed here
-- is taken away again, so a table added without a thought is closed.

CREATE TABLE app_privilege (
    table_name name PRIMARY KEY,
    privileges text NOT NULL CHECK (privileges ~ '^(SELECT|INSERT|UPDATE|DELETE)(, (SELECT|INSERT|UPDATE|DELETE))*$')
);

CREATE FUNCTION app_may(table_name name, privileges text) RETURNS void
LANGUAGE sql SET search_path = pg_catalog, public AS $$
    INSERT INTO app_privilege VALUES (table_name, privileges)
    ON CONFLICT ON CONSTRAINT app_privilege_pkey DO UPDATE SET privileges = excluded.privileges
$$;

-- Partitions are never granted: a partition addressed by its own name would bypass the parent's policy.
CREATE FUNCTION grant_app(app_role name) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, public AS $$
DECLARE
    r record;
BEGIN
    EXECUTE format('REVOKE ALL ON ALL TABLES IN SCHEMA public FROM %I', app_role);
    EXECUTE format('REVOKE ALL ON ALL SEQUENCES IN SCHEMA public FROM %I', app_role);
    EXECUTE format('GRANT USAGE ON SCHEMA public TO %I', app_role);
    FOR r IN SELECT table_name, privileges FROM app_privilege ORDER BY table_name LOOP
        EXECUTE format('GRANT %s ON TABLE public.%I TO %I', r.privileges, r.table_name, app_role);
    END LOOP;
END
$$;

-- A company's table: row-level security on, forced on the owner too, one policy for everything.
-- After SET LOCAL ends, the setting is the empty string, not NULL; both must mean "no company".
CREATE FUNCTION company_table(target regclass) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, public AS $$
BEGIN
    EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', target);
    EXECUTE format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', target);
    EXECUTE format($policy$
        CREATE POLICY own_company ON %s
        USING (company_id = NULLIF(current_setting('app.company_id', true), '')::uuid)
        WITH CHECK (company_id = NULLIF(current_setting('app.company_id', true), '')::uuid)
    $policy$, target);
END
$$;

CREATE FUNCTION refuse_change() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
    RAISE EXCEPTION '% is append-only: % is refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'restrict_violation';
END
$$;

-- Facts: rows are added and read, never changed, whoever asks.
CREATE FUNCTION append_only(target regclass) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, public AS $$
BEGIN
    EXECUTE format('CREATE TRIGGER refuse_row_change BEFORE UPDATE OR DELETE ON %s
                    FOR EACH ROW EXECUTE FUNCTION refuse_change()', target);
    EXECUTE format('CREATE TRIGGER refuse_truncate BEFORE TRUNCATE ON %s
                    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()', target);
END
$$;

REVOKE EXECUTE ON FUNCTION app_may, grant_app, company_table, append_only, refuse_change FROM PUBLIC;

-- A server without the owner's address still checks that the schema is its own.
SELECT app_may('_sqlx_migrations', 'SELECT');
