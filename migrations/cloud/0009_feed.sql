-- The feed goes down: places by day, conflict rows by place, the end of tombstones.

-- Where the feed stood when a day was first looked at: tells the age of a place.
CREATE TABLE feed_place (
    company_id uuid NOT NULL,
    day date NOT NULL,
    fseq bigint NOT NULL,
    PRIMARY KEY (company_id, day)
);
SELECT company_table('feed_place');
SELECT app_may('feed_place', 'SELECT, INSERT, DELETE');

-- The place where the row was last published.
ALTER TABLE conflict ADD COLUMN fseq bigint NOT NULL DEFAULT 0;
CREATE INDEX conflict_open ON conflict (company_id, conflict_id) WHERE state = 'open';

-- A punch travels down once, however often its edge delivers it.
CREATE UNIQUE INDEX feed_side_punch ON feed_side (company_id, (payload ->> 'id')) WHERE what = 'punch';

-- A tombstone may go when every edge has it. A living record is never removed, whoever asks.
DO $$
DECLARE
    r record;
BEGIN
    FOR r IN SELECT relname FROM pg_class
             WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND relname LIKE 'rec\_%' LOOP
        EXECUTE format('CREATE TRIGGER refuse_delete_of_living BEFORE DELETE ON %I
                        FOR EACH ROW WHEN (OLD.deleted_dot IS NULL) EXECUTE FUNCTION refuse_change()', r.relname);
        EXECUTE format('CREATE TRIGGER refuse_truncate BEFORE TRUNCATE ON %I
                        FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()', r.relname);
        EXECUTE format('CREATE INDEX %I ON %I (company_id, fseq) WHERE deleted_dot IS NOT NULL',
                       r.relname || '_tombstone', r.relname);
        PERFORM app_may(r.relname, 'SELECT, INSERT, UPDATE, DELETE');
    END LOOP;
END
$$;
