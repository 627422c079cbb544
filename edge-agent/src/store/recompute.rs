//! What must be worked out again: rows of a queue, written in the transaction of whatever changed.

use std::collections::BTreeSet;

use chrono::NaiveDate;
use rusqlite::{Connection, params};
use serde_json::Value;
use shared_model::entity::ScopeKind;
use shared_model::{DepartmentId, EmployeeId, FieldMap, FieldTag, Kind, SiteId, UserCode};
use uuid::Uuid;

use super::{ReadTx, StoreError, StoreEvent, WriteTx};

/// Whose attendance must be worked out again.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum RecomputeScope {
    /// One person's.
    Employee(EmployeeId),
    /// Of whoever has this code on any clock.
    Code(UserCode),
    /// A department's people.
    Department(DepartmentId),
    /// A site's people.
    Site(SiteId),
    /// Everybody's.
    Everyone,
}

/// Work dates, both included; `None` = open at that end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct DateSpan {
    /// The first.
    pub from: Option<NaiveDate>,
    /// The last.
    pub to: Option<NaiveDate>,
}

impl DateSpan {
    /// Every date.
    pub const ALWAYS: Self = Self { from: None, to: None };

    /// One date.
    #[must_use]
    pub const fn day(date: NaiveDate) -> Self {
        Self { from: Some(date), to: Some(date) }
    }
}

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

impl RecomputeScope {
    fn columns(&self) -> (&'static str, Vec<u8>) {
        match self {
            Self::Employee(id) => ("employee", id.uuid().as_bytes().to_vec()),
            Self::Code(code) => ("code", code.as_str().as_bytes().to_vec()),
            Self::Department(id) => ("department", id.uuid().as_bytes().to_vec()),
            Self::Site(id) => ("site", id.uuid().as_bytes().to_vec()),
            Self::Everyone => ("everyone", Vec::new()),
        }
    }

    fn parse(scope: &str, key: &[u8]) -> Option<Self> {
        let uuid = || Uuid::from_slice(key).ok();
        match scope {
            "employee" => Some(Self::Employee(EmployeeId::from_uuid(uuid()?))),
            "code" => Some(Self::Code(UserCode::parse(std::str::from_utf8(key).ok()?).ok()?)),
            "department" => Some(Self::Department(DepartmentId::from_uuid(uuid()?))),
            "site" => Some(Self::Site(SiteId::from_uuid(uuid()?))),
            "everyone" => Some(Self::Everyone),
            _ => None,
        }
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
        let (name, key) = scope.columns();
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
        let (name, key) = row.scope.columns();
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
            scope: RecomputeScope::parse(&scope, &key).ok_or_else(|| bad("unknown scope or key"))?,
            dates: DateSpan { from: date(2)?, to: date(3)? },
            stamp: row.get(4)?,
        });
    }
    Ok(found)
}

/// What a record with these fields has a say in. Called for a record as it was and as it is.
pub(super) fn affected(kind: Kind, key: Uuid, fields: &FieldMap) -> BTreeSet<(RecomputeScope, DateSpan)> {
    let text = |tag: u16| fields.get(&FieldTag(tag)).and_then(Value::as_str);
    let id = |tag: u16| text(tag).and_then(|text| Uuid::parse_str(text).ok());
    // Dates and instants both begin with the date. An instant's date in UTC may be a day off the local one: the
    // span is widened by the caller's margin, which the engine has anyway.
    let date = |tag: u16| text(tag).and_then(|text| text.get(..10)).and_then(|text| text.parse().ok());
    let span = |from: u16, to: u16| DateSpan { from: date(from), to: date(to) };
    let scoped = |kind_tag: u16, scope_tag: u16| {
        match text(kind_tag).and_then(ScopeKind::parse) {
            Some(ScopeKind::Employee) => {
                id(scope_tag).map(|id| RecomputeScope::Employee(EmployeeId::from_uuid(id)))
            }
            Some(ScopeKind::Department) => {
                id(scope_tag).map(|id| RecomputeScope::Department(DepartmentId::from_uuid(id)))
            }
            Some(ScopeKind::Site) => id(scope_tag).map(|id| RecomputeScope::Site(SiteId::from_uuid(id))),
            Some(ScopeKind::Company) | None => None,
        }
        .unwrap_or(RecomputeScope::Everyone)
    };
    let employee = |tag: u16| id(tag).map(|id| RecomputeScope::Employee(EmployeeId::from_uuid(id)));
    let site =
        |tag: u16| id(tag).map_or(RecomputeScope::Everyone, |id| RecomputeScope::Site(SiteId::from_uuid(id)));

    let found = match kind {
        Kind::Site => Some((RecomputeScope::Site(SiteId::from_uuid(key)), DateSpan::ALWAYS)),
        Kind::Department => {
            Some((RecomputeScope::Department(DepartmentId::from_uuid(key)), DateSpan::ALWAYS))
        }
        Kind::Employee => Some((RecomputeScope::Employee(EmployeeId::from_uuid(key)), DateSpan::ALWAYS)),
        Kind::Company | Kind::Shift => Some((RecomputeScope::Everyone, DateSpan::ALWAYS)),
        Kind::Roster => Some((scoped(1, 2), span(4, 5))),
        Kind::RosterDay | Kind::DayDecision => employee(1).map(|who| (who, span(2, 2))),
        Kind::Policy => Some((scoped(3, 4), DateSpan { from: date(2), to: None })),
        Kind::Holiday => Some((site(4), span(1, 1))),
        Kind::Leave => employee(1).map(|who| (who, span(2, 3))),
        Kind::Device => Some((site(3), DateSpan::ALWAYS)),
        Kind::Identity => employee(3).map(|who| (who, span(4, 5))),
        Kind::PunchNote => None,
        Kind::PayPeriod => Some((site(1), span(2, 3))),
        Kind::CompanyRule => Some((RecomputeScope::Everyone, DateSpan { from: date(2), to: None })),
    };
    found.into_iter().collect()
}
