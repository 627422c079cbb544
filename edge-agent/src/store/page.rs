//! What the pages read: lists with search, sorting and paging by key, and sums.
//!
//! Everything here is bounded: a list gives at most [`PAGE`] rows, whatever was asked for.

pub mod clock;
pub mod feed;
pub mod outline;
pub mod people;
pub mod sync;
pub mod today;

#[cfg(test)]
mod tests;

use rusqlite::types::Value;
use uuid::Uuid;

/// Rows of a list on one page.
pub const PAGE: u32 = 50;

/// Where a page of a list begins. The row itself is named: its place is looked up by the list's own order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Place {
    /// At the start.
    #[default]
    First,
    /// After this row.
    After(Uuid),
    /// So that this row comes next.
    Before(Uuid),
}

/// A page of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed<T> {
    /// The rows, in order.
    pub rows: Vec<T>,
    /// How many rows the whole list has.
    pub total: u64,
    /// Whether rows come before these.
    pub has_before: bool,
    /// Whether rows come after these.
    pub has_after: bool,
}

impl<T> Default for Listed<T> {
    fn default() -> Self {
        Self { rows: Vec::new(), total: 0, has_before: false, has_after: false }
    }
}

/// Which way a list is sorted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Order {
    /// Smallest first.
    #[default]
    Up,
    /// Largest first.
    Down,
}

/// The parts of a list's statement: what is listed is a table aliased `e` with a `key`.
struct List<'s> {
    columns: &'s str,
    from: &'s str,
    filter: &'s str,
    sort: &'s str,
    order: Order,
    place: Place,
}

impl List<'_> {
    /// Reads one page. `values` are the parameters of `from` and `filter`, numbered from 1.
    fn read<T>(
        &self,
        connection: &rusqlite::Connection,
        values: &[Value],
        read: impl Fn(&rusqlite::Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Listed<T>, super::StoreError> {
        let Self { columns, from, filter, sort, order, place } = self;
        let total: i64 = connection
            .prepare_cached(&format!("SELECT count(*) FROM {from} WHERE {filter}"))?
            .query_row(rusqlite::params_from_iter(values), |row| row.get(0))?;

        let (backwards, start) = match place {
            Place::First => (false, None),
            Place::After(key) => (false, Some(key)),
            Place::Before(key) => (true, Some(key)),
        };
        let descending = (*order == Order::Down) != backwards;
        let (direction, sign) = if descending { ("DESC", "<") } else { ("ASC", ">") };
        let key_at = values.len() + 1;
        let limit_at = values.len() + 2;
        let sql = format!(
            "SELECT {columns} FROM {from} WHERE {filter}
             AND (?{key_at} IS NULL
                  OR ({sort}, e.key) {sign} (SELECT {sort}, e.key FROM {from} WHERE e.key = ?{key_at}))
             ORDER BY {sort} {direction}, e.key {direction} LIMIT ?{limit_at}"
        );
        let mut all: Vec<Value> = values.to_vec();
        all.push(start.map_or(Value::Null, |key| Value::Blob(key.as_bytes().to_vec())));
        all.push(Value::Integer(i64::from(PAGE) + 1));
        let mut query = connection.prepare_cached(&sql)?;
        let found = query.query_map(rusqlite::params_from_iter(&all), |row| read(row))?;
        let mut rows: Vec<T> = found.collect::<Result<_, _>>()?;

        let page = usize::try_from(PAGE).unwrap_or(usize::MAX);
        let more = rows.len() > page;
        rows.truncate(page);
        if backwards {
            rows.reverse();
        }
        let begun_inside = start.is_some();
        Ok(Listed {
            rows,
            total: u64::try_from(total).unwrap_or(0),
            has_before: if backwards { more } else { begun_inside },
            has_after: if backwards { true } else { more },
        })
    }
}

/// A search text as a parameter: `NULL` where nothing is searched.
fn searched(text: &str) -> Value {
    let text = text.trim();
    if text.is_empty() { Value::Null } else { Value::Text(text.chars().take(80).collect()) }
}

/// The column of employee codes that sorts numbers as numbers.
const CODE_SORT: &str = "CASE WHEN e.code NOT GLOB '*[^0-9]*' \
    THEN substr('00000000000000000000000000000000' || e.code, -32) ELSE coalesce(e.code, '') END";
