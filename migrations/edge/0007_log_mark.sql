-- Where a reading of only what follows the known rows of a clock's log may begin, in the protocol's own form.
ALTER TABLE device_state ADD COLUMN log_mark BLOB;
-- When the log was last read from its first row, milliseconds UTC.
ALTER TABLE device_state ADD COLUMN whole_read_at INTEGER;
