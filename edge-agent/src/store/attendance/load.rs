//! What the engine needs of one person, and what waits to become final.

use chrono::{DateTime, NaiveDate, Utc};
use rusqlite::params;
use shared_model::entity::{Entity, PunchNote};
use shared_model::punch::Reading;
use shared_model::{EmployeeId, Route, SiteId};
use shift_engine::{DayRecord, Keyed, Reach, StoredFacts};

use super::date_of;
use super::intake::{PUNCH, punch};
use crate::store::record::all;
use crate::store::{ReadTx, StoreError, Stored};

/// A provisional day that waits for nothing but time and its clocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settling {
    /// Whose.
    pub employee: EmployeeId,
    /// The person's site.
    pub site: SiteId,
    /// The work date.
    pub date: NaiveDate,
    /// The last instant of which a punch can still count.
    pub closes: DateTime<Utc>,
}

fn keyed<E: Entity>(found: Vec<Stored<E>>) -> Vec<Keyed<E>> {
    found.into_iter().map(|stored| (stored.id, stored.record)).collect()
}

impl ReadTx {
    /// Reads what the engine needs of a person.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] for a row that cannot be read.
    pub fn person_facts(&self, employee: EmployeeId, reach: &Reach) -> Result<StoredFacts, StoreError> {
        let connection = self.connection();
        let (from, to) = (reach.punches.0.to_string(), reach.punches.1.to_string());
        let own = "p.employee = ?1 AND p.work_date BETWEEN ?2 AND ?3";
        let sql = format!(
            "SELECT {PUNCH} FROM day_punch p JOIN ledger l ON l.punch_id = p.punch_id
             JOIN clock c ON c.id = l.clock WHERE {own}"
        );
        let mut query = connection.prepare_cached(&sql)?;
        let mut rows = query.query(params![employee, from, to])?;
        let mut punches = Vec::new();
        while let Some(row) = rows.next()? {
            punches.push(punch(row, 0)?);
        }
        punches.extend(self.approved_not_in_ledger(employee, reach.punches.0, reach.punches.1)?);
        let sql = format!(
            "SELECT o.punch_id, o.route, o.state, o.verify, o.work_code
             FROM day_punch p JOIN observation o ON o.punch_id = p.punch_id WHERE {own}"
        );
        let mut query = connection.prepare_cached(&sql)?;
        let mut rows = query.query(params![employee, from, to])?;
        let mut observations = Vec::new();
        while let Some(row) = rows.next()? {
            // -1 stands for a value that the route did not tell.
            let told = |column| row.get::<_, i64>(column).map(|value| u8::try_from(value).ok());
            let work_code: String = row.get(4)?;
            let reading = Reading { state: told(2)?, verify: told(3)?, work_code: work_code.into() };
            if let Some(route) = Route::from_number(row.get(1)?) {
                observations.push((row.get(0)?, route, reading));
            }
        }
        let noted = format!("punch IN (SELECT p.punch_id FROM day_punch p WHERE {own})");
        let notes = all::<PunchNote>(connection, &noted, &[&employee, &from, &to])?;
        let (first, last) = (reach.ask.0.to_string(), reach.ask.1.to_string());
        let records = self.stored_records(employee, reach)?;
        let mut query = connection.prepare_cached(
            "SELECT work_date, digest FROM attendance_day WHERE employee = ?1 AND work_date BETWEEN ?2 AND ?3",
        )?;
        let mut rows = query.query(params![employee, first, last])?;
        let mut digests = Vec::new();
        while let Some(row) = rows.next()? {
            digests.push((date_of("attendance_day", "work_date", &row.get::<_, String>(0)?)?, row.get(1)?));
        }
        Ok(StoredFacts {
            punches,
            observations,
            notes: keyed(notes),
            cells: keyed(all(
                connection,
                "employee = ?1 AND date BETWEEN ?2 AND ?3",
                &[&employee, &from, &to],
            )?),
            leaves: keyed(all(
                connection,
                "employee = ?1 AND \"from\" <= ?3 AND \"to\" >= ?2",
                &[&employee, &from, &to],
            )?),
            decisions: keyed(all(
                connection,
                "employee = ?1 AND date BETWEEN ?2 AND ?3",
                &[&employee, &from, &to],
            )?),
            records,
            digests,
        })
    }

    fn stored_records(&self, employee: EmployeeId, reach: &Reach) -> Result<Vec<DayRecord>, StoreError> {
        let mut query = self.connection().prepare_cached(
            "SELECT record FROM attendance_day WHERE employee = ?1 AND work_date BETWEEN ?2 AND ?3",
        )?;
        let values = params![employee, reach.stored.0.to_string(), reach.stored.1.to_string()];
        let mut rows = query.query(values)?;
        let mut found = Vec::new();
        while let Some(row) = rows.next()? {
            // A row of an older shape is as good as none: it is worked out again.
            found.extend(serde_json::from_str(row.get_ref(0)?.as_str().unwrap_or_default()));
        }
        Ok(found)
    }

    /// Provisional days whose wait is over at an instant, the oldest first.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] for a row that cannot be read.
    pub fn settling(&self, now: DateTime<Utc>) -> Result<Vec<Settling>, StoreError> {
        let mut query = self.connection().prepare_cached(
            "SELECT a.employee, e.site, a.work_date, a.closes_at FROM attendance_day a
             JOIN rec_employee e ON e.key = a.employee
             WHERE a.provisional = 1 AND a.settles_at < ?1 AND e.site IS NOT NULL ORDER BY a.work_date",
        )?;
        let mut rows = query.query([now.timestamp()])?;
        let mut found = Vec::new();
        while let Some(row) = rows.next()? {
            let date = date_of("attendance_day", "work_date", &row.get::<_, String>(2)?)?;
            let closes = DateTime::from_timestamp(row.get(3)?, 0).unwrap_or(now);
            found.push(Settling { employee: row.get(0)?, site: row.get(1)?, date, closes });
        }
        Ok(found)
    }

    /// The people that a scope of the queue stands for: everybody, a site's, or a department's with all below it.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn people_of(&self, scope: &crate::store::RecomputeScope) -> Result<Vec<EmployeeId>, StoreError> {
        use crate::store::RecomputeScope as Scope;
        let (filter, key) = match scope {
            Scope::Employee(id) => return Ok(vec![*id]),
            // A code's people are known to whoever holds the identities.
            Scope::Code(_) => return Ok(Vec::new()),
            Scope::Everyone => ("?1 IS NOT NULL", uuid::Uuid::nil()),
            Scope::Site(id) => ("site = ?1", id.uuid()),
            Scope::Department(id) => (
                "department IN (WITH RECURSIVE own (key) AS (
                    SELECT ?1 UNION SELECT d.key FROM rec_department d JOIN own ON d.parent = own.key)
                 SELECT key FROM own)",
                id.uuid(),
            ),
        };
        let sql = format!("SELECT key FROM rec_employee WHERE deleted_dot IS NULL AND {filter} ORDER BY key");
        let mut query = self.connection().prepare_cached(&sql)?;
        let found = query.query_map([key.as_bytes()], |row| row.get(0))?;
        Ok(found.collect::<Result<_, _>>()?)
    }

    /// What rises whenever a record changes, here or by the cloud.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn records_version(&self) -> Result<(i64, i64), StoreError> {
        // A new life logs the same changes again, perhaps with other keys: it is another version by itself.
        let heads = "SELECT coalesce(sum(head), 0) + (count(*) << 40) FROM stream WHERE stream = 'R'";
        let own = self.connection().prepare_cached(heads)?.query_row([], |row| row.get(0))?;
        let pulled = self.meta(crate::store::Meta::PULLED)?.unwrap_or(0);
        Ok((own, pulled))
    }
}
