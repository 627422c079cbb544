-- What handing out the feed needs.

-- The record's site when the row was last published; NULL = every site sees it.
ALTER TABLE conflict ADD COLUMN site uuid;

-- Where records went from: judges a change that was written before its edge could know.
CREATE INDEX feed_side_left ON feed_side (company_id, (payload ->> 'key')) WHERE what = 'left';
