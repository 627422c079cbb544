//! What must be worked out again: rows of a queue, written in the transaction of whatever changed.

use chrono::NaiveDate;
use rusqlite::{Connection, params};
use shared_model::{DepartmentId, EmployeeId, SiteId, UserCode};
use uuid::Uuid;

use super::{ReadTx, StoreError, StoreEvent, WriteTx};

pub use shift_engine::{DateSpan, Scope as RecomputeScope};

/// A row of the queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recompute {
    /// Whose.
    pub scope: RecomputeScope,
    /// Which dates.
    pub dates: DateSpan,
    /// Rises each time the same row is asked for again.
    pub stamp: i64,
}

fn columns(scope: &RecomputeScope) -> (&'static str, Vec<u8>) {
    match scope {
        RecomputeScope::Employee(id) => ("employee", id.uuid().as_bytes().to_vec()),
        RecomputeScope::Code(code) => ("code", code.as_str().as_bytes().to_vec()),
        RecomputeScope::Department(id) => ("department", id.uuid().as_bytes().to_vec()),
        RecomputeScope::Site(id) => ("site", id.uuid().as_bytes().to_vec()),
        RecomputeScope::Everyone => ("everyone", Vec::new()),
    }
}

fn parse(scope: &str, key: &[u8]) -> Option<RecomputeScope> {
    let uuid = || Uuid::from_slice(key).ok();
    match scope {
        "employee" => Some(RecomputeScope::Employee(EmployeeId::from_uuid(uuid()?))),
        "code" => Some(RecomputeScope::Code(UserCode::parse(std::str::from_utf8(key).ok()?).ok()?)),
        "department" => Some(RecomputeScope::Department(DepartmentId::from_uuid(uuid()?))),
        "site" => Some(RecomputeScope::Site(SiteId::from_uuid(uuid()?))),
        "everyone" => Some(RecomputeScope::Everyone),
        _ => None,
    }
}

fn date_text(date: Option<NaiveDate>) -> String {
    date.map(|date| date.to_string()).unwrap_or_default()
}

impl WriteTx {
    /// Asks for a recomputation.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn ask_recompute(&self, scope: &RecomputeScope, dates: DateSpan) -> Result<(), StoreError> {
        let (name, key) = columns(scope);
        self.connection
            .prepare_cached(
                "INSERT INTO recompute_queue (scope, key, date_from, date_to, queued_at) VALUES (?1, ?2, ?3, ?4, ?5)
                 ON CONFLICT DO UPDATE SET stamp = stamp + 1",
            )?
            .execute(params![name, key, date_text(dates.from), date_text(dates.to), self.now_ms()])?;
        self.tell(StoreEvent::Recompute);
        Ok(())
    }

    /// Removes a row that has been worked out, unless it was asked for again since it was read.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn recomputed(&self, row: &Recompute) -> Result<(), StoreError> {
        let (name, key) = columns(&row.scope);
        self.connection
            .prepare_cached(
                "DELETE FROM recompute_queue
                 WHERE scope = ?1 AND key = ?2 AND date_from = ?3 AND date_to = ?4 AND stamp = ?5",
            )?
            .execute(params![name, key, date_text(row.dates.from), date_text(row.dates.to), row.stamp])?;
        Ok(())
    }
}

impl ReadTx {
    /// The next rows of the queue: fresh punches first, then the oldest.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] for a row that cannot be read.
    pub fn recompute_queue(&self, limit: u32) -> Result<Vec<Recompute>, StoreError> {
        queue(&self.connection, limit)
    }

    /// How many rows the queue has.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn recompute_waiting(&self) -> Result<i64, StoreError> {
        Ok(self.connection.query_row("SELECT count(*) FROM recompute_queue", [], |row| row.get(0))?)
    }
}

fn queue(connection: &Connection, limit: u32) -> Result<Vec<Recompute>, StoreError> {
    let mut query = connection.prepare_cached(
        "SELECT scope, key, date_from, date_to, stamp FROM recompute_queue
         ORDER BY scope <> 'code', queued_at, scope, key LIMIT ?1",
    )?;
    let mut rows = query.query([limit])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let (scope, key): (String, Vec<u8>) = (row.get(0)?, row.get(1)?);
        let bad = |cause: &str| StoreError::corrupt("recompute_queue", "scope", &scope, cause);
        let date = |column: usize| -> Result<Option<NaiveDate>, StoreError> {
            let text: String = row.get(column)?;
            if text.is_empty() {
                return Ok(None);
            }
            text.parse().map(Some).map_err(|_| bad("its dates are none"))
        };
        found.push(Recompute {
            scope: parse(&scope, &key).ok_or_else(|| bad("unknown scope or key"))?,
            dates: DateSpan { from: date(2)?, to: date(3)? },
            stamp: row.get(4)?,
        });
    }
    Ok(found)
}
