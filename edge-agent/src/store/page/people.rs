//! People, and one person's month.

use chrono::{DateTime, NaiveDate, Utc};
use rusqlite::types::Value;
use rusqlite::{OptionalExtension as _, params};
use shared_model::{DepartmentId, EmployeeId, PunchFlag, PunchId, RawTime};

use super::super::{ReadTx, StoreError, WriteTx};
use super::today::{CELLS, DayCells, cells};
use super::{CODE_SORT, List, Listed, Order, Place, searched};

/// What the list of people is sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PeopleSort {
    /// Employee code.
    #[default]
    Code,
    /// Name.
    Name,
    /// Department.
    Department,
    /// First day of work.
    Joined,
}

impl PeopleSort {
    fn sql(self) -> &'static str {
        match self {
            Self::Code => CODE_SORT,
            Self::Name => "lower(coalesce(e.name, ''))",
            Self::Department => "lower(coalesce(d.name, ''))",
            Self::Joined => "coalesce(e.joined, '')",
        }
    }
}

/// Who is listed, and how.
#[derive(Debug, Clone, Default)]
pub struct PeopleFilter {
    /// Part of a name, code, designation, telephone or card number.
    pub text: String,
    /// Only this department.
    pub department: Option<DepartmentId>,
    /// `Some(true)`: only people who work here now; `Some(false)`: only people who left.
    pub active: Option<bool>,
    /// Sorted by.
    pub sort: PeopleSort,
    /// Up or down.
    pub order: Order,
    /// Where to begin.
    pub place: Place,
}

/// A person as the list shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PersonRow {
    /// Who.
    pub id: EmployeeId,
    /// Employee code.
    pub code: String,
    /// Name.
    pub name: String,
    /// Department.
    pub department: Option<String>,
    /// Nature of work.
    pub designation: Option<String>,
    /// First day of work.
    pub joined: Option<NaiveDate>,
    /// Without that, since when missing days count.
    pub counted_from: Option<NaiveDate>,
    /// Whether the person works here now.
    pub active: bool,
}

/// A person's day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PersonDay {
    /// Work date.
    pub date: NaiveDate,
    /// What it came to.
    pub day: DayCells,
}

/// A punch that was looked at for a person's day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PersonPunch {
    /// The work date.
    pub date: NaiveDate,
    /// Which punch.
    pub id: PunchId,
    /// When, as the clock said.
    pub raw_time: Option<RawTime>,
    /// The clock's name, or its serial.
    pub clock: String,
    /// What the engine took it for.
    pub part: String,
    /// Why its time is in doubt.
    pub flags: Vec<PunchFlag>,
}

/// A code under which clocks know a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PersonCode {
    /// The code.
    pub code: String,
    /// The clock's name or serial; `None` = every clock.
    pub clock: Option<String>,
    /// The clock's serial; `None` = every clock.
    pub serial: Option<String>,
    /// From when on.
    pub from: Option<DateTime<Utc>>,
    /// Until when.
    pub to: Option<DateTime<Utc>>,
}

fn holder_of_code(connection: &rusqlite::Connection, code: &str) -> Result<Option<EmployeeId>, StoreError> {
    let mut query = connection.prepare_cached(
        "SELECT employee FROM rec_identity
         WHERE user_code = ?1 AND serial IS NULL AND \"to\" IS NULL AND deleted_dot IS NULL
         AND employee IS NOT NULL LIMIT 1",
    )?;
    Ok(query.query_row([code], |row| row.get(0)).optional()?)
}

impl WriteTx {
    /// When a code on every clock was last somebody else's than this person's; `None` = it never was.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn code_ended(&self, code: &str, employee: EmployeeId) -> Result<Option<DateTime<Utc>>, StoreError> {
        let mut query = self.connection().prepare_cached(
            "SELECT \"to\" FROM rec_identity
             WHERE user_code = ?1 AND serial IS NULL AND employee <> ?2 AND \"to\" IS NOT NULL AND deleted_dot IS NULL",
        )?;
        let rows = query.query_map(params![code, employee], |row| row.get::<_, String>(0))?;
        let texts: Vec<String> = rows.collect::<Result<_, _>>()?;
        Ok(texts.iter().filter_map(|text| text.parse().ok()).max())
    }

    /// Whose a code is now on every clock.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn holder_of_code(&self, code: &str) -> Result<Option<EmployeeId>, StoreError> {
        holder_of_code(self.connection(), code)
    }
}

impl ReadTx {
    /// Whose a code is now on every clock.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn holder_of_code(&self, code: &str) -> Result<Option<EmployeeId>, StoreError> {
        holder_of_code(self.connection(), code)
    }

    /// People, one page of them.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn people(&self, filter: &PeopleFilter) -> Result<Listed<PersonRow>, StoreError> {
        let list = List {
            columns: "e.key, coalesce(e.code, ''), coalesce(e.name, ''), d.name, e.designation, e.joined,
                      coalesce(e.active, 0), CASE WHEN e.joined IS NULL THEN m.counted_from END",
            from: "rec_employee e LEFT JOIN rec_department d ON d.key = e.department AND d.deleted_dot IS NULL
                   LEFT JOIN attendance_employment m ON m.employee = e.key",
            filter: "e.deleted_dot IS NULL AND (?1 IS NULL OR e.department = ?1) AND (?2 IS NULL OR e.active = ?2)
                     AND (?3 IS NULL OR instr(lower(e.name), lower(?3)) > 0 OR instr(lower(e.code), lower(?3)) > 0
                          OR instr(lower(e.designation), lower(?3)) > 0 OR instr(e.phone, ?3) > 0 OR e.card = ?3)",
            sort: filter.sort.sql(),
            order: filter.order,
            place: filter.place,
        };
        let values = [
            filter.department.map_or(Value::Null, |id| Value::Blob(id.uuid().as_bytes().to_vec())),
            filter.active.map_or(Value::Null, |active| Value::Integer(active.into())),
            searched(&filter.text),
        ];
        list.read(self.connection(), &values, |row| {
            let date = |at: usize| -> rusqlite::Result<Option<NaiveDate>> {
                Ok(row.get::<_, Option<String>>(at)?.and_then(|text| text.parse().ok()))
            };
            Ok(PersonRow {
                id: row.get(0)?,
                code: row.get(1)?,
                name: row.get(2)?,
                department: row.get(3)?,
                designation: row.get(4)?,
                joined: date(5)?,
                active: row.get(6)?,
                counted_from: date(7)?,
            })
        })
    }

    /// A person's days between two work dates, both included, at most a year of them.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn person_days(
        &self,
        employee: EmployeeId,
        from: NaiveDate,
        to: NaiveDate,
    ) -> Result<Vec<PersonDay>, StoreError> {
        let sql = format!(
            "SELECT a.work_date, {CELLS} FROM attendance_day a LEFT JOIN rec_shift s ON s.key = a.shift
             WHERE a.employee = ?1 AND a.work_date BETWEEN ?2 AND ?3 ORDER BY a.work_date LIMIT 366"
        );
        let mut query = self.connection().prepare_cached(&sql)?;
        let mut rows = query.query(params![employee, from.to_string(), to.to_string()])?;
        let mut found = Vec::new();
        while let Some(row) = rows.next()? {
            found.push(PersonDay { date: date_of(row, 0, "attendance_day")?, day: cells(row, 1)? });
        }
        Ok(found)
    }

    /// The punches of a person's days between two work dates, in the order of their times.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn person_punches(
        &self,
        employee: EmployeeId,
        from: NaiveDate,
        to: NaiveDate,
    ) -> Result<Vec<PersonPunch>, StoreError> {
        let mut query = self.connection().prepare_cached(
            "SELECT p.work_date, p.punch_id, l.raw_time, coalesce(d.name, c.serial, ''), p.part,
                    (SELECT group_concat(n.flag, ' ') FROM rec_punch_note n
                     WHERE n.punch = p.punch_id AND n.note_type = 'flag' AND n.deleted_dot IS NULL)
             FROM day_punch p
             LEFT JOIN ledger l ON l.punch_id = p.punch_id
             LEFT JOIN clock c ON c.id = l.clock
             LEFT JOIN rec_device d ON d.serial = c.serial AND d.deleted_dot IS NULL
             WHERE p.employee = ?1 AND p.work_date BETWEEN ?2 AND ?3 ORDER BY p.work_date, p.punch_id LIMIT 5000",
        )?;
        let mut rows = query.query(params![employee, from.to_string(), to.to_string()])?;
        let mut found = Vec::new();
        while let Some(row) = rows.next()? {
            let id: [u8; 16] = row.get(1)?;
            found.push(PersonPunch {
                date: date_of(row, 0, "day_punch")?,
                id: PunchId::from_uuid(uuid::Uuid::from_bytes(id)),
                raw_time: row.get::<_, Option<i64>>(2)?.and_then(RawTime::from_seconds),
                clock: row.get(3)?,
                part: row.get(4)?,
                flags: row
                    .get::<_, Option<String>>(5)?
                    .map(|names| names.split(' ').filter_map(PunchFlag::parse).collect())
                    .unwrap_or_default(),
            });
        }
        Ok(found)
    }

    /// The codes under which clocks know a person.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn person_codes(&self, employee: EmployeeId) -> Result<Vec<PersonCode>, StoreError> {
        let mut query = self.connection().prepare_cached(
            "SELECT i.user_code, coalesce(d.name, i.serial), i.\"from\", i.\"to\", i.serial FROM rec_identity i
             LEFT JOIN rec_device d ON d.serial = i.serial AND d.deleted_dot IS NULL
             WHERE i.employee = ?1 AND i.deleted_dot IS NULL AND i.user_code IS NOT NULL
             ORDER BY i.serial IS NOT NULL, i.user_code LIMIT 200",
        )?;
        let rows = query.query_map([employee], |row| {
            let instant = |at: usize| -> rusqlite::Result<Option<DateTime<Utc>>> {
                Ok(row.get::<_, Option<String>>(at)?.and_then(|text| text.parse().ok()))
            };
            Ok(PersonCode {
                code: row.get(0)?,
                clock: row.get(1)?,
                from: instant(2)?,
                to: instant(3)?,
                serial: row.get(4)?,
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// How many people are known, and how many of them work here now.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn people_counts(&self) -> Result<(u32, u32), StoreError> {
        Ok(self.connection().query_row(
            "SELECT count(*), coalesce(sum(active = 1), 0) FROM rec_employee WHERE deleted_dot IS NULL",
            [],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )?)
    }
}

fn date_of(row: &rusqlite::Row<'_>, at: usize, table: &'static str) -> Result<NaiveDate, StoreError> {
    let text: String = row.get(at)?;
    text.parse().map_err(|cause| StoreError::corrupt(table, "work_date", &text, cause))
}
