-- What an edge last said of the records it holds, and how that compared with ours at the same place of the feed.
CREATE TABLE record_digest (
    company_id uuid NOT NULL,
    edge_id uuid NOT NULL,
    -- As it was said, place and sums.
    said jsonb NOT NULL,
    feed_epoch integer NOT NULL,
    scope_ver integer NOT NULL,
    reported_at timestamptz NOT NULL,
    -- `moved`: something in its scope had changed after that place, so there was nothing to compare.
    agreement text NOT NULL CHECK (agreement IN ('waiting', 'moved', 'same', 'different')),
    -- The kinds, by number, of which the two sides held different records.
    differing smallint[] NOT NULL,
    compared_at timestamptz,
    -- How often a difference was found, and when the edge was last sent for a snapshot because of one.
    differences bigint NOT NULL,
    healed_at timestamptz,
    PRIMARY KEY (company_id, edge_id),
    FOREIGN KEY (company_id, edge_id) REFERENCES edge (company_id, edge_id)
);
SELECT company_table('record_digest');
SELECT app_may('record_digest', 'SELECT, INSERT, UPDATE');
