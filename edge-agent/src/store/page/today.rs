//! One work date: who is present, late, absent, not yet known.

use chrono::{DateTime, NaiveDate, Utc};
use rusqlite::types::Value;
use rusqlite::{Row, params};
use shared_model::{DepartmentId, EmployeeId};

use super::super::{ReadTx, StoreError};
use super::{CODE_SORT, List, Listed, Order, Place, searched};

/// Where a person's day stands, in the words of the tiles.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Has come.
    Present,
    /// Has come, beyond grace.
    Late,
    /// Has not come, and every clock has reported.
    Absent,
    /// Nothing is certain yet.
    Open,
    /// On leave.
    Leave,
    /// Weekly off or holiday.
    Off,
}

impl Standing {
    /// Every standing, as the tiles are ordered.
    pub const ALL: [Self; 6] = [Self::Present, Self::Late, Self::Absent, Self::Open, Self::Leave, Self::Off];

    /// Its name in links.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Present => "present",
            Self::Late => "late",
            Self::Absent => "absent",
            Self::Open => "open",
            Self::Leave => "leave",
            Self::Off => "off",
        }
    }

    /// The standing of a name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|standing| standing.as_str() == text)
    }

    const fn sql(self) -> &'static str {
        match self {
            Self::Present => {
                "(a.status IN ('present', 'half_day') OR (a.status = 'pending' AND a.first_in IS NOT NULL))"
            }
            Self::Late => "(a.late_seconds > 0)",
            Self::Absent => "(a.status = 'absent')",
            Self::Open => "(a.status IS NULL OR (a.status = 'pending' AND a.first_in IS NULL))",
            Self::Leave => "(a.status = 'on_leave')",
            Self::Off => "(a.status IN ('weekly_off', 'holiday'))",
        }
    }
}

/// How many people stand how. [`Standing::Late`] is part of [`Standing::Present`]; the others add up to `people`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DayCounts {
    /// People employed on the date.
    pub people: u32,
    /// Have come.
    pub present: u32,
    /// Have come and not gone.
    pub inside: u32,
    /// Came beyond grace.
    pub late: u32,
    /// Did not come, for certain.
    pub absent: u32,
    /// Not known yet.
    pub open: u32,
    /// Of those not known yet: their shift has begun, and they have not come.
    pub awaited: u32,
    /// On leave.
    pub leave: u32,
    /// Weekly off or holiday.
    pub off: u32,
}

impl DayCounts {
    /// The number of a standing.
    #[must_use]
    pub const fn of(&self, standing: Standing) -> u32 {
        match standing {
            Standing::Present => self.present,
            Standing::Late => self.late,
            Standing::Absent => self.absent,
            Standing::Open => self.open,
            Standing::Leave => self.leave,
            Standing::Off => self.off,
        }
    }
}

/// The counts of a department.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DepartmentCounts {
    /// Which; `None` = people without one.
    pub department: Option<DepartmentId>,
    /// What it is called.
    pub name: String,
    /// Its counts.
    pub counts: DayCounts,
}

/// What the list of a day is sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DaySort {
    /// Employee code.
    #[default]
    Code,
    /// Name.
    Name,
    /// First in; who has none comes last.
    In,
    /// Worked time.
    Worked,
    /// Lateness.
    Late,
}

impl DaySort {
    fn sql(self) -> &'static str {
        match self {
            Self::Code => CODE_SORT,
            Self::Name => "lower(coalesce(e.name, ''))",
            Self::In => "coalesce(a.first_in, 9223372036854775807)",
            Self::Worked => "coalesce(a.worked_seconds, 0)",
            Self::Late => "coalesce(a.late_seconds, 0)",
        }
    }
}

/// Whose day is listed, and how.
#[derive(Debug, Clone, Default)]
pub struct DayFilter {
    /// Part of a name or a code.
    pub text: String,
    /// Only this department.
    pub department: Option<DepartmentId>,
    /// Only this standing.
    pub standing: Option<Standing>,
    /// Sorted by.
    pub sort: DaySort,
    /// Up or down.
    pub order: Order,
    /// Where to begin.
    pub place: Place,
}

/// A person's day as a list shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DayRow {
    /// Who.
    pub employee: EmployeeId,
    /// Employee code.
    pub code: String,
    /// Name.
    pub name: String,
    /// Department.
    pub department: Option<String>,
    /// What the day came to.
    pub day: DayCells,
}

/// What a day came to, as the columns of `attendance_day` tell it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DayCells {
    /// The engine's status; `None` = nothing was worked out yet.
    pub status: Option<String>,
    /// Whether it can still change by itself.
    pub provisional: bool,
    /// The shift's name.
    pub shift: Option<String>,
    /// When the first shift of the day begins.
    pub starts: Option<DateTime<Utc>>,
    /// The last instant of which a punch can still count for the day.
    pub closes: Option<DateTime<Utc>>,
    /// First in.
    pub first_in: Option<DateTime<Utc>>,
    /// Last out.
    pub last_out: Option<DateTime<Utc>>,
    /// Worked, seconds.
    pub worked: i64,
    /// Late, seconds.
    pub late: i64,
    /// Left early, seconds.
    pub early: i64,
    /// Overtime, seconds.
    pub overtime: i64,
}

/// The columns of [`DayCells`], of `attendance_day a` and `rec_shift s`.
pub(super) const CELLS: &str = "a.status, coalesce(a.provisional, 1), coalesce(s.name, s.code), a.first_in, \
    a.last_out, coalesce(a.worked_seconds, 0), coalesce(a.late_seconds, 0), coalesce(a.early_seconds, 0), \
    coalesce(a.overtime_seconds, 0), json_extract(a.record, '$.shifts[0].scheduled_start'), a.closes_at";

pub(super) fn cells(row: &Row<'_>, at: usize) -> rusqlite::Result<DayCells> {
    let seconds = |column: usize| -> rusqlite::Result<Option<DateTime<Utc>>> {
        Ok(row.get::<_, Option<i64>>(column)?.and_then(|seconds| DateTime::from_timestamp(seconds, 0)))
    };
    Ok(DayCells {
        status: row.get(at)?,
        provisional: row.get(at + 1)?,
        shift: row.get(at + 2)?,
        first_in: seconds(at + 3)?,
        last_out: seconds(at + 4)?,
        worked: row.get(at + 5)?,
        late: row.get(at + 6)?,
        early: row.get(at + 7)?,
        overtime: row.get(at + 8)?,
        starts: seconds(at + 9)?,
        closes: seconds(at + 10)?,
    })
}

/// Whether somebody whose day is open should be here: the shift has begun and its window is not closed. Parameter 2 is
/// the present, seconds UTC; a day without a shift awaits nobody.
const AWAITED: &str = "a.status = 'pending' AND a.first_in IS NULL AND a.closes_at >= ?2
    AND json_extract(a.record, '$.shifts[0].scheduled_start') <= ?2";

/// Parameter 1 is the date.
const FROM: &str = "rec_employee e
    LEFT JOIN rec_department d ON d.key = e.department AND d.deleted_dot IS NULL
    LEFT JOIN attendance_day a ON a.work_date = ?1 AND a.employee = e.key
    LEFT JOIN rec_shift s ON s.key = a.shift";

const EMPLOYED: &str = "e.deleted_dot IS NULL AND e.active = 1
    AND coalesce(e.joined, ?1) <= ?1 AND coalesce(e.\"left\", ?1) >= ?1";

fn count_columns() -> String {
    let sums: Vec<String> =
        Standing::ALL.iter().map(|standing| format!("coalesce(sum({}), 0)", standing.sql())).collect();
    format!(
        "count(*), {}, coalesce(sum(a.first_in IS NOT NULL AND a.last_out IS NULL AND a.provisional), 0),
         coalesce(sum({AWAITED}), 0)",
        sums.join(", ")
    )
}

fn counts(row: &Row<'_>, at: usize) -> rusqlite::Result<DayCounts> {
    Ok(DayCounts {
        people: row.get(at)?,
        present: row.get(at + 1)?,
        late: row.get(at + 2)?,
        absent: row.get(at + 3)?,
        open: row.get(at + 4)?,
        leave: row.get(at + 5)?,
        off: row.get(at + 6)?,
        inside: row.get(at + 7)?,
        awaited: row.get(at + 8)?,
    })
}

impl ReadTx {
    /// How many of all people stand how on a date, as things are at an instant.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn day_counts(&self, date: NaiveDate, now: DateTime<Utc>) -> Result<DayCounts, StoreError> {
        let sql = format!("SELECT {} FROM {FROM} WHERE {EMPLOYED}", count_columns());
        let mut query = self.connection().prepare_cached(&sql)?;
        Ok(query.query_row(params![date.to_string(), now.timestamp()], |row| counts(row, 0))?)
    }

    /// The same for each department, by name; people without one come last.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn day_counts_by_department(
        &self,
        date: NaiveDate,
        now: DateTime<Utc>,
    ) -> Result<Vec<DepartmentCounts>, StoreError> {
        let sql = format!(
            "SELECT d.key, coalesce(d.name, ''), {} FROM {FROM} WHERE {EMPLOYED}
             GROUP BY d.key ORDER BY d.key IS NULL, lower(d.name) LIMIT 500",
            count_columns()
        );
        let mut query = self.connection().prepare_cached(&sql)?;
        let rows = query.query_map(params![date.to_string(), now.timestamp()], |row| {
            Ok(DepartmentCounts { department: row.get(0)?, name: row.get(1)?, counts: counts(row, 2)? })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// People with their day, one page of them.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn day_list(&self, date: NaiveDate, filter: &DayFilter) -> Result<Listed<DayRow>, StoreError> {
        let standing = filter.standing.map_or("TRUE", Standing::sql);
        let wanted = format!(
            "{EMPLOYED} AND {standing} AND (?2 IS NULL OR e.department = ?2)
             AND (?3 IS NULL OR instr(lower(e.name), lower(?3)) > 0 OR instr(lower(e.code), lower(?3)) > 0)"
        );
        let department =
            filter.department.map_or(Value::Null, |id| Value::Blob(id.uuid().as_bytes().to_vec()));
        let list = List {
            columns: &format!("e.key, coalesce(e.code, ''), coalesce(e.name, ''), d.name, {CELLS}"),
            from: FROM,
            filter: &wanted,
            sort: filter.sort.sql(),
            order: filter.order,
            place: filter.place,
        };
        let values = [Value::Text(date.to_string()), department, searched(&filter.text)];
        list.read(self.connection(), &values, |row| {
            Ok(DayRow {
                employee: row.get(0)?,
                code: row.get(1)?,
                name: row.get(2)?,
                department: row.get(3)?,
                day: cells(row, 4)?,
            })
        })
    }
}
