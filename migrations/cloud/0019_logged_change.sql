-- Records are written by one function only: the one that logs the change, merges it and publishes the result. It names
-- the logged change for the length of its statements; whoever writes a record without is refused, whatever its role.

CREATE FUNCTION refuse_unlogged_change() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, public AS $$
BEGIN
    IF NOT EXISTS (
        SELECT FROM applied_change
        WHERE company_id = NULLIF(current_setting('app.company_id', true), '')::uuid
          AND change_hash = decode(NULLIF(current_setting('app.change', true), ''), 'hex')
    ) THEN
        RAISE EXCEPTION '% is written with a logged change only: % is refused', TG_TABLE_NAME, TG_OP
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NULL;
END
$$;
REVOKE EXECUTE ON FUNCTION refuse_unlogged_change FROM PUBLIC;

DO $$
DECLARE
    r record;
BEGIN
    FOR r IN SELECT relname FROM pg_class
             WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND relname LIKE 'rec\_%' LOOP
        EXECUTE format('CREATE TRIGGER refuse_unlogged_change BEFORE INSERT OR UPDATE ON %I
                        FOR EACH STATEMENT EXECUTE FUNCTION refuse_unlogged_change()', r.relname);
    END LOOP;
END
$$;
