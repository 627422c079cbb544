//! What the engine gave, into the database.

use chrono::NaiveDate;
use rusqlite::params;
use shared_model::EmployeeId;
use shift_engine::{DayRecord, DayState, PeriodRecord, Recomputed};

use crate::store::{ReadTx, StoreError, StoreEvent, WriteTx};

impl WriteTx {
    /// Stores what was worked out.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn save_attendance(&self, person: &Recomputed) -> Result<(), StoreError> {
        let now = self.now_ms();
        for day in &person.changed {
            self.save_day(person, day, now)?;
        }
        let mut delete = self
            .connection()
            .prepare_cached("DELETE FROM attendance_day WHERE work_date = ?1 AND employee = ?2")?;
        for date in &person.gone {
            delete.execute(params![date.to_string(), person.employee])?;
        }
        self.save_punches(person)?;
        for period in &person.periods {
            self.save_period(person, period, now)?;
        }
        let mut delete = self.connection().prepare_cached(
            "DELETE FROM attendance_period WHERE employee = ?1 AND kind = ?2 AND period_from = ?3 AND period_to = ?4",
        )?;
        for period in &person.empty_periods {
            let span = (period.from.to_string(), period.to.to_string());
            delete.execute(params![person.employee, period.kind.as_str(), span.0, span.1])?;
        }
        Ok(())
    }

    /// Tells that attendance of people is new; of many, only that it is.
    pub fn tell_attendance(&self, employees: Vec<EmployeeId>) {
        let employees = if employees.len() > 32 { Vec::new() } else { employees };
        self.tell(StoreEvent::Attendance { employees });
    }

    fn save_day(&self, person: &Recomputed, day: &DayRecord, now: i64) -> Result<(), StoreError> {
        let json = String::from_utf8(day.canonical().split_off(1)).unwrap_or_default();
        let scheduled =
            day.shifts.iter().filter_map(|part| Some(part.scheduled_end? - part.scheduled_start?));
        let scheduled: i64 = scheduled.map(shift_engine::Seconds::get).sum();
        self.connection()
            .prepare_cached(
                "INSERT INTO attendance_day (work_date, employee, status, provisional, shift, first_in, last_out,
                    scheduled_seconds, worked_seconds, late_seconds, early_seconds, overtime_seconds, record, digest,
                    engine, computed_at, closes_at, settles_at)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18)
                 ON CONFLICT (work_date, employee) DO UPDATE SET
                    status = excluded.status, provisional = excluded.provisional, shift = excluded.shift,
                    first_in = excluded.first_in, last_out = excluded.last_out,
                    scheduled_seconds = excluded.scheduled_seconds, worked_seconds = excluded.worked_seconds,
                    late_seconds = excluded.late_seconds, early_seconds = excluded.early_seconds,
                    overtime_seconds = excluded.overtime_seconds, record = excluded.record,
                    digest = excluded.digest, engine = excluded.engine, computed_at = excluded.computed_at,
                    closes_at = excluded.closes_at, settles_at = excluded.settles_at",
            )?
            .execute(params![
                day.date.to_string(),
                person.employee,
                day.status.as_str(),
                day.state == DayState::Provisional,
                day.shifts.first().and_then(|part| part.shift),
                day.first_in.map(shift_engine::Instant::unix),
                day.last_out.map(shift_engine::Instant::unix),
                scheduled,
                day.figures.worked.get(),
                day.figures.late.get(),
                day.figures.early.get(),
                day.overtime.counted.get(),
                json,
                day.digest().as_bytes(),
                person.engine,
                now,
                day.closes.unix(),
                day.settles.unix(),
            ])?;
        Ok(())
    }

    fn save_punches(&self, person: &Recomputed) -> Result<(), StoreError> {
        let mut place = self.connection().prepare_cached(
            "INSERT INTO day_punch (employee, work_date, punch_id, part) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (employee, work_date, punch_id) DO UPDATE SET part = excluded.part
             WHERE part <> excluded.part",
        )?;
        let mut elsewhere = self.connection().prepare_cached(
            "DELETE FROM day_punch WHERE punch_id = ?1 AND employee = ?2 AND work_date <> ?3",
        )?;
        for row in &person.punches {
            let date = row.date.to_string();
            elsewhere.execute(params![row.id, person.employee, date])?;
            place.execute(params![person.employee, date, row.id, row.role.as_str()])?;
        }
        for lost in &person.lost {
            elsewhere.execute(params![lost.id, person.employee, ""])?;
        }
        Ok(())
    }

    fn save_period(&self, person: &Recomputed, period: &PeriodRecord, now: i64) -> Result<(), StoreError> {
        let canonical = period.canonical();
        let digest = blake3::hash(&canonical);
        let json = std::str::from_utf8(&canonical[1..]).unwrap_or_default();
        self.connection()
            .prepare_cached(
                "INSERT INTO attendance_period (employee, kind, period_from, period_to, provisional, record, digest,
                    engine, computed_at)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
                 ON CONFLICT (employee, kind, period_from, period_to) DO UPDATE SET
                    provisional = excluded.provisional, record = excluded.record, digest = excluded.digest,
                    engine = excluded.engine, computed_at = excluded.computed_at
                 WHERE digest <> excluded.digest",
            )?
            .execute(params![
                person.employee,
                period.kind.as_str(),
                period.from.to_string(),
                period.to.to_string(),
                period.state == DayState::Provisional,
                json,
                digest.as_bytes(),
                person.engine,
                now,
            ])?;
        Ok(())
    }
}

impl ReadTx {
    /// One day's record.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] for one that cannot be read.
    pub fn attendance_record(
        &self,
        employee: EmployeeId,
        date: NaiveDate,
    ) -> Result<Option<DayRecord>, StoreError> {
        let mut query = self
            .connection()
            .prepare_cached("SELECT record FROM attendance_day WHERE work_date = ?1 AND employee = ?2")?;
        let mut rows = query.query(params![date.to_string(), employee])?;
        let Some(row) = rows.next()? else { return Ok(None) };
        let text: String = row.get(0)?;
        let read = serde_json::from_str(&text);
        read.map(Some).map_err(|cause| StoreError::corrupt("attendance_day", "record", employee, cause))
    }
}
