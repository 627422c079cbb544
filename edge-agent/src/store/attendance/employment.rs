//! Since when people are missed, and the dates from which that follows.

use std::collections::HashMap;

use chrono::{DateTime, Days, NaiveDate, Utc};
use rusqlite::{Connection, OptionalExtension as _, ToSql, params};
use shared_model::{ClockSerial, EmployeeId};
use shift_engine::Employment;
use shift_engine::employment::stretch_end;

use super::date_of;
use crate::store::{ReadTx, StoreError, WriteTx};

/// First and last date of each stretch of dates, up to a last one: see [`stretch_end`].
fn stretches(
    connection: &Connection,
    (table, column, filter): (&'static str, &'static str, &'static str),
    key: &dyn ToSql,
    until: NaiveDate,
) -> Result<Vec<NaiveDate>, StoreError> {
    let found = |condition: &str, order: &str, bound: String| -> Result<Option<NaiveDate>, StoreError> {
        let sql = format!(
            "SELECT {column} FROM {table} WHERE {filter} AND {column} {condition} AND {column} <= ?3
             ORDER BY {column} {order} LIMIT 1"
        );
        let mut query = connection.prepare_cached(&sql)?;
        let text = query.query_row(params![key, bound, until.to_string()], |row| row.get(0)).optional()?;
        text.map(|text: String| date_of(table, column, &text)).transpose()
    };
    let (mut dates, mut after) = (Vec::new(), String::new());
    while let Some(first) = found("> ?2", "ASC", after)? {
        let last = found("<= ?2", "DESC", stretch_end(first).to_string())?.unwrap_or(first);
        dates.extend([first, last]);
        after = last.to_string();
    }
    Ok(dates)
}

const OF_PERSON: (&str, &str, &str) = ("day_punch", "work_date", "employee = ?1 AND part <> 'void'");
const OF_CLOCK: (&str, &str, &str) = ("attendance_clock_date", "date", "serial = ?1");

fn known(connection: &Connection, employee: EmployeeId) -> Result<Option<Employment>, StoreError> {
    let mut query = connection
        .prepare_cached("SELECT counted_from, joined FROM attendance_employment WHERE employee = ?1")?;
    let row: Option<(String, Option<String>)> =
        query.query_row([employee], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
    let date = |text: String| date_of("attendance_employment", "counted_from", &text);
    row.map(|(from, joined)| {
        Ok(Employment { counted_from: date(from)?, joined: joined.map(date).transpose()? })
    })
    .transpose()
}

impl ReadTx {
    /// Dates on which each clock has punches, up to today wherever that is: first and last of each stretch.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn clock_dates(
        &self,
        now: DateTime<Utc>,
    ) -> Result<HashMap<ClockSerial, Vec<NaiveDate>>, StoreError> {
        let today = now.date_naive();
        let until = today.checked_add_days(Days::new(1)).unwrap_or(today);
        // Every clock that ever delivered.
        let mut query = self.connection().prepare_cached("SELECT serial FROM clock")?;
        let serials: Vec<String> = query.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
        let mut found = HashMap::new();
        for text in serials {
            let bad = |cause| StoreError::corrupt("clock", "serial", &text, cause);
            let serial = ClockSerial::parse(&text).map_err(bad)?;
            found.insert(serial, stretches(self.connection(), OF_CLOCK, &text, until)?);
        }
        Ok(found)
    }

    /// Dates on which a person punched, up to today: first and last of each stretch.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn punched_dates(
        &self,
        employee: EmployeeId,
        today: NaiveDate,
    ) -> Result<Vec<NaiveDate>, StoreError> {
        stretches(self.connection(), OF_PERSON, &employee, today)
    }

    /// Since when a person is missed, as the days are worked out; `None` = they never were.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn employment(&self, employee: EmployeeId) -> Result<Option<Employment>, StoreError> {
        known(self.connection(), employee)
    }

    /// Since when each person without a joining date is missed.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn counted_from_without_joining_date(&self) -> Result<HashMap<EmployeeId, NaiveDate>, StoreError> {
        let mut query = self.connection().prepare_cached(
            "SELECT m.employee, m.counted_from FROM attendance_employment m
             JOIN rec_employee e ON e.key = m.employee WHERE e.joined IS NULL",
        )?;
        let mut rows = query.query([])?;
        let mut found = HashMap::new();
        while let Some(row) = rows.next()? {
            let text: String = row.get(1)?;
            found.insert(row.get(0)?, date_of("attendance_employment", "counted_from", &text)?);
        }
        Ok(found)
    }

    /// The date of a person's oldest record.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn oldest_record(&self, employee: EmployeeId) -> Result<Option<NaiveDate>, StoreError> {
        let mut query = self
            .connection()
            .prepare_cached("SELECT min(work_date) FROM attendance_day WHERE employee = ?1")?;
        let text: Option<String> = query.query_row([employee], |row| row.get(0))?;
        text.map(|text| date_of("attendance_day", "work_date", &text)).transpose()
    }
}

impl WriteTx {
    /// Dates on which a person punched, as [`ReadTx::punched_dates`] has them.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn punched_dates(
        &self,
        employee: EmployeeId,
        today: NaiveDate,
    ) -> Result<Vec<NaiveDate>, StoreError> {
        stretches(self.connection(), OF_PERSON, &employee, today)
    }

    /// Keeps since when a person is missed.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn set_employment(&self, employee: EmployeeId, now: Employment) -> Result<(), StoreError> {
        if known(self.connection(), employee)? == Some(now) {
            return Ok(());
        }
        let mut insert = self.connection().prepare_cached(
            "INSERT INTO attendance_employment (employee, counted_from, joined) VALUES (?1, ?2, ?3)
             ON CONFLICT (employee) DO UPDATE SET counted_from = excluded.counted_from, joined = excluded.joined",
        )?;
        let joined = now.joined.map(|date| date.to_string());
        insert.execute(params![employee, now.counted_from.to_string(), joined])?;
        Ok(())
    }
}
