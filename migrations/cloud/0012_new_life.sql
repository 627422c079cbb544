-- When an edge last came under a new origin without being enrolled again or asked to: its data folder was put back from a
-- copy, or is one. `new_life_rows` = what it said it had to send then, which includes what it logged again.
ALTER TABLE edge ADD COLUMN new_life_at timestamptz;
ALTER TABLE edge ADD COLUMN new_life_rows bigint;
