-- Two records in use may share a key that people gave (sync.md 2.5): both keep it, and a conflict row says so. The
-- indexes stay for looking a key up.
DROP INDEX rec_site_code, rec_department_code, rec_employee_code, rec_shift_code, rec_device_serial;
CREATE INDEX rec_site_code ON rec_site (company_id, code) WHERE deleted_dot IS NULL;
CREATE INDEX rec_department_code ON rec_department (company_id, code) WHERE deleted_dot IS NULL;
CREATE INDEX rec_employee_code ON rec_employee (company_id, code) WHERE deleted_dot IS NULL;
CREATE INDEX rec_shift_code ON rec_shift (company_id, code) WHERE deleted_dot IS NULL;
CREATE INDEX rec_device_serial ON rec_device (company_id, serial) WHERE deleted_dot IS NULL;
CREATE INDEX conflict_shared_key ON conflict (company_id, kind, key) WHERE state = 'open' AND cause = 'duplicate_key';
