//! What is known of each site's attendance, and what is said of it to the cloud.

use std::collections::{BTreeMap, HashMap};

use chrono::NaiveDate;
use rusqlite::params;
use shared_model::{EmployeeId, SiteId};
use shift_engine::digest::{DayHasher, MonthDigest, label_of_sites};

use crate::store::{ReadTx, StoreError, WriteTx};

/// For which dates everybody of a site has been asked for, and by which rules.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SiteSpan {
    /// The first date.
    pub since: Option<NaiveDate>,
    /// The last.
    pub until: Option<NaiveDate>,
    /// The rules in short: [`shift_engine::Rulebook::label`].
    pub rules: String,
}

fn date(text: Option<String>) -> Option<NaiveDate> {
    text.and_then(|text| text.parse().ok())
}

impl ReadTx {
    /// What is known of each site's attendance.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn attendance_sites(&self) -> Result<HashMap<SiteId, SiteSpan>, StoreError> {
        let sql = "SELECT site, since, until, rules FROM attendance_site";
        let mut query = self.connection().prepare_cached(sql)?;
        let rows = query.query_map([], |row| {
            let span = SiteSpan { since: date(row.get(1)?), until: date(row.get(2)?), rules: row.get(3)? };
            Ok((row.get(0)?, span))
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// What a month of everybody comes to, or of one employee, for comparison with the cloud.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn month_digest(
        &self,
        first: NaiveDate,
        only: Option<EmployeeId>,
    ) -> Result<MonthDigest, StoreError> {
        let last = first.checked_add_months(chrono::Months::new(1)).and_then(|next| next.pred_opt());
        let mut query = self.connection().prepare_cached(
            "SELECT work_date, employee, digest FROM attendance_day
             WHERE work_date BETWEEN ?1 AND ?2 AND provisional = 0 AND (?3 IS NULL OR employee = ?3)
             ORDER BY work_date, employee",
        )?;
        let mut rows = query.query(params![first.to_string(), last.unwrap_or(first).to_string(), only])?;
        let mut days = DayHasher::default();
        while let Some(row) = rows.next()? {
            let text: String = row.get(0)?;
            let bad = || StoreError::corrupt("attendance_day", "work_date", &text, "no date");
            let digest: [u8; 32] = row.get(2)?;
            days.day(text.parse().map_err(|_| bad())?, row.get(1)?, &digest);
        }
        Ok(days.finish())
    }

    /// What a hello says of the months around a date: rules in short, then the month before and this one.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn attendance_digest(&self, today: NaiveDate) -> Result<serde_json::Value, StoreError> {
        use chrono::Datelike as _;
        let sites = self.attendance_sites()?;
        let engine = label_of_sites(sites.values().map(|site| site.rules.as_str()));
        let this = today.with_day(1).unwrap_or(today);
        let before = this.checked_sub_months(chrono::Months::new(1)).unwrap_or(this);
        let mut months = BTreeMap::new();
        for first in [before, this] {
            let month = self.month_digest(first, None)?;
            let said = serde_json::json!({ "days": month.days, "digest": hex::encode(month.digest) });
            months.insert(first.format("%Y-%m").to_string(), said);
        }
        Ok(serde_json::json!({ "attendance": { "engine": engine, "months": months } }))
    }
}

impl WriteTx {
    /// Keeps what is known of a site's attendance.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn set_attendance_site(&self, site: SiteId, span: &SiteSpan) -> Result<(), StoreError> {
        let text = |date: Option<NaiveDate>| date.map(|date| date.to_string());
        self.connection()
            .prepare_cached(
                "INSERT INTO attendance_site (site, since, until, rules) VALUES (?1, ?2, ?3, ?4)
                 ON CONFLICT (site) DO UPDATE SET
                    since = excluded.since, until = excluded.until, rules = excluded.rules",
            )?
            .execute(params![site, text(span.since), text(span.until), span.rules])?;
        Ok(())
    }
}
