//! From the delivery log to people.

use std::collections::{BTreeMap, HashSet};

use rusqlite::{Row, params};
use shared_model::punch::Reading;
use shared_model::{ClockSerial, PunchId, RawTime, Route, UserCode};
use shift_engine::{Distribution, Instant, StoredPunch};

use crate::store::{ReadTx, StoreError, WriteTx};

/// Places in the delivery logs up to which punches have been distributed, by origin; 0 stands for those of the
/// cloud's feed.
pub type Cursor = BTreeMap<i64, i64>;

/// Stands for the cloud's feed among the origins, none of which is 0.
const FED: i64 = 0;

/// A code with punches that were nobody's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stray {
    /// The code.
    pub code: UserCode,
    /// The first raw time of such a punch.
    pub from: RawTime,
    /// The last.
    pub to: RawTime,
}

/// The columns of a [`StoredPunch`], of `ledger l` and `clock c`.
pub(super) const PUNCH: &str = "l.punch_id, c.serial, l.user_code, l.raw_time, l.instant, l.route, l.state, \
    l.verify, l.work_code";

pub(super) fn punch(row: &Row<'_>, at: usize) -> Result<StoredPunch, StoreError> {
    let id: PunchId = row.get(at)?;
    let bad = |column: &'static str, cause: String| StoreError::corrupt("ledger", column, id, cause);
    let serial: String = row.get(at + 1)?;
    let code: String = row.get(at + 2)?;
    let raw_time = RawTime::from_seconds(row.get(at + 3)?);
    let route = Route::from_number(row.get(at + 5)?);
    let work_code: String = row.get(at + 8)?;
    Ok(StoredPunch {
        id,
        serial: ClockSerial::parse(&serial).map_err(|e| bad("clock", e.to_string()))?,
        code: UserCode::parse(&code).map_err(|e| bad("user_code", e.to_string()))?,
        raw_time: raw_time.ok_or_else(|| bad("raw_time", "out of range".to_owned()))?,
        instant: Instant::from_unix(row.get(at + 4)?),
        route: route.ok_or_else(|| bad("route", "unknown".to_owned()))?,
        reading: Reading { state: row.get(at + 6)?, verify: row.get(at + 7)?, work_code: work_code.into() },
    })
}

impl ReadTx {
    /// The next punches of the delivery logs that have not been distributed, and the places after them. No punch and
    /// no place means there is nothing new.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] for a ledger row that cannot be read.
    pub fn undistributed(&self, limit: u32) -> Result<(Vec<StoredPunch>, Cursor), StoreError> {
        let connection = self.connection();
        let mut heads = connection.prepare_cached(
            "SELECT s.origin, coalesce(i.seq, 0) FROM stream s LEFT JOIN attendance_intake i ON i.origin = s.origin
             WHERE s.stream = 'L' AND s.head > coalesce(i.seq, 0)",
        )?;
        let heads: Vec<(i64, i64)> =
            heads.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<Result<_, _>>()?;
        let sql = format!(
            "SELECT o.seq, o.entry, {PUNCH} FROM ledger_log o
             LEFT JOIN ledger l ON l.punch_id = o.punch LEFT JOIN clock c ON c.id = l.clock
             WHERE o.origin = ?1 AND o.seq > ?2 ORDER BY o.seq LIMIT ?3"
        );
        let (mut found, mut cursor) = (Vec::new(), Cursor::new());
        for (origin, seq) in heads {
            let mut query = connection.prepare_cached(&sql)?;
            let mut rows = query.query(params![origin, seq, limit])?;
            while let Some(row) = rows.next()? {
                cursor.insert(origin, row.get(0)?);
                let is_punch = row.get::<_, i64>(1)? == 1;
                let in_ledger = row.get::<_, Option<PunchId>>(2)?.is_some();
                if is_punch && in_ledger {
                    found.push(punch(row, 2)?);
                }
            }
        }
        let sql = format!(
            "SELECT f.n, {PUNCH} FROM feed_punch f JOIN ledger l ON l.punch_id = f.punch JOIN clock c ON c.id = l.clock
             WHERE f.n > coalesce((SELECT seq FROM attendance_intake WHERE origin = ?1), 0) ORDER BY f.n LIMIT ?2"
        );
        let mut query = connection.prepare_cached(&sql)?;
        let mut rows = query.query(params![FED, limit])?;
        while let Some(row) = rows.next()? {
            cursor.insert(FED, row.get(0)?);
            found.push(punch(row, 1)?);
        }
        Ok((found, cursor))
    }

    /// The codes with punches that were nobody's.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] for a row that cannot be read.
    pub fn strays(&self) -> Result<Vec<Stray>, StoreError> {
        let mut query =
            self.connection().prepare_cached("SELECT user_code, raw_from, raw_to FROM attendance_stray")?;
        let mut rows = query.query([])?;
        let mut found = Vec::new();
        while let Some(row) = rows.next()? {
            let code: String = row.get(0)?;
            let bad = |cause: &str| StoreError::corrupt("attendance_stray", "user_code", &code, cause);
            let time = |seconds| RawTime::from_seconds(seconds).ok_or_else(|| bad("its times are none"));
            found.push(Stray {
                code: UserCode::parse(&code).map_err(|e| bad(&e.to_string()))?,
                from: time(row.get(1)?)?,
                to: time(row.get(2)?)?,
            });
        }
        Ok(found)
    }

    /// Punches of these codes, from one place of the ledger on up to a raw time. Looks at no more than `look` rows;
    /// the place to go on from, `None` at the end.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] for a ledger row that cannot be read.
    pub fn punches_of_codes(
        &self,
        codes: &HashSet<UserCode>,
        after: PunchId,
        to: RawTime,
        look: usize,
    ) -> Result<(Vec<StoredPunch>, Option<PunchId>), StoreError> {
        let sql = format!(
            "SELECT {PUNCH} FROM ledger l JOIN clock c ON c.id = l.clock
             WHERE l.punch_id > ?1 AND l.punch_id < ?2 ORDER BY l.punch_id LIMIT ?3"
        );
        let end = RawTime::from_seconds(to.seconds() + 1).unwrap_or(to);
        let limit = i64::try_from(look).unwrap_or(i64::MAX);
        let mut query = self.connection().prepare_cached(&sql)?;
        let mut rows = query.query(params![after, PunchId::lower_bound(end), limit])?;
        let (mut found, mut last, mut seen) = (Vec::new(), None, 0);
        while let Some(row) = rows.next()? {
            seen += 1;
            last = Some(row.get(0)?);
            let code: String = row.get(2)?;
            if UserCode::parse(&code).is_ok_and(|code| codes.contains(&code)) {
                found.push(punch(row, 0)?);
            }
        }
        Ok((found, last.filter(|_| seen == look)))
    }
}

impl WriteTx {
    /// Puts punches to their owners, and moves the cursor.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn distribute(&self, found: &Distribution, cursor: &Cursor) -> Result<(), StoreError> {
        let connection = self.connection();
        let mut insert = connection.prepare_cached(
            "INSERT INTO day_punch (employee, work_date, punch_id)
             SELECT ?1, ?2, ?3 WHERE NOT EXISTS (SELECT 1 FROM day_punch WHERE punch_id = ?3 AND employee = ?1)",
        )?;
        for (employee, date, punch) in &found.owned {
            insert.execute(params![employee, date.to_string(), punch])?;
        }
        let mut stray = connection.prepare_cached(
            "INSERT INTO attendance_stray (user_code, raw_from, raw_to) VALUES (?1, ?2, ?3)
             ON CONFLICT (user_code) DO UPDATE SET
                raw_from = min(raw_from, excluded.raw_from), raw_to = max(raw_to, excluded.raw_to)",
        )?;
        for (code, (from, to)) in &found.strays {
            stray.execute(params![code.as_str(), from.seconds(), to.seconds()])?;
        }
        let mut on_date = connection.prepare_cached(
            "INSERT INTO attendance_clock_date (serial, date) VALUES (?1, ?2) ON CONFLICT DO NOTHING",
        )?;
        for (serial, dates) in &found.dates {
            for date in dates {
                on_date.execute(params![serial.as_str(), date.to_string()])?;
            }
        }
        let mut place = connection.prepare_cached(
            "INSERT INTO attendance_intake (origin, seq) VALUES (?1, ?2)
             ON CONFLICT (origin) DO UPDATE SET seq = max(seq, excluded.seq)",
        )?;
        for (origin, seq) in cursor {
            place.execute(params![origin, seq])?;
        }
        Ok(())
    }

    /// Forgets strays that have been looked for, unless there are more of them since.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn strays_settled(&self, strays: &[Stray]) -> Result<(), StoreError> {
        let mut delete = self.connection().prepare_cached(
            "DELETE FROM attendance_stray WHERE user_code = ?1 AND raw_from = ?2 AND raw_to = ?3",
        )?;
        for one in strays {
            delete.execute(params![one.code.as_str(), one.from.seconds(), one.to.seconds()])?;
        }
        Ok(())
    }
}
