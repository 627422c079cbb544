//! Today over all sites: how many are in, late, absent, and not yet certain.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use shared_model::{DepartmentId, SiteId};

use super::company::{self, SiteRow};
use super::{StoreError, TenantTx};

/// Numbers of people. Everybody is in exactly one of `present`, `absent`, `uncertain` and `off`; `late` are part of `present`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Headcount {
    /// Active people.
    pub people: i64,
    /// Have come.
    pub present: i64,
    /// Came after the grace.
    pub late: i64,
    /// Did not come, and every clock has reported.
    pub absent: i64,
    /// Not come yet, or a clock has not reported, or not yet worked out.
    pub uncertain: i64,
    /// Weekly off, holiday, or leave.
    pub off: i64,
}

impl Headcount {
    fn add(&mut self, other: Self) {
        self.people += other.people;
        self.present += other.present;
        self.late += other.late;
        self.absent += other.absent;
        self.uncertain += other.uncertain;
        self.off += other.off;
    }
}

/// A department's people of one site.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DepartmentToday {
    /// The department; `None` = people without one.
    pub name: Option<String>,
    /// Its numbers.
    pub count: Headcount,
}

/// One site's day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SiteToday {
    /// The site.
    pub site: SiteRow,
    /// The date that it is there.
    pub date: NaiveDate,
    /// Its numbers.
    pub count: Headcount,
    /// By department, by name; people without one last.
    pub departments: Vec<DepartmentToday>,
    /// Its clocks in use, by name.
    pub clocks: Vec<ClockToday>,
}

/// How far a clock was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClockToday {
    /// What it is called.
    pub name: String,
    /// Every punch before this instant has been read; `None` = nothing is known.
    pub through: Option<DateTime<Utc>>,
}

/// A clock that was not read past this age is named as silent. An edge tells of every ten minutes at least.
const SILENT: TimeDelta = TimeDelta::minutes(30);

impl SiteToday {
    /// Up to when all its clocks were read; `None` where one was never read, or there is none.
    #[must_use]
    pub fn read_through(&self) -> Option<DateTime<Utc>> {
        self.clocks.iter().map(|clock| clock.through).min().flatten()
    }

    /// The names of clocks that hold punches nobody knows of, perhaps.
    pub fn silent(&self, now: DateTime<Utc>) -> impl Iterator<Item = &str> {
        let is_silent = move |clock: &&ClockToday| clock.through.is_none_or(|through| now - through > SILENT);
        self.clocks.iter().filter(is_silent).map(|clock| clock.name.as_str())
    }
}

/// The whole company's day.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Today {
    /// All sites together.
    pub count: Headcount,
    /// Each active site.
    pub sites: Vec<SiteToday>,
}

/// The day that it is at each site at `now`.
///
/// # Errors
/// The database's.
pub async fn today(tx: &mut TenantTx, now: DateTime<Utc>) -> Result<Today, StoreError> {
    let sites: Vec<SiteRow> = company::sites(tx).await?.into_iter().filter(|site| site.active).collect();
    let date = |site: &SiteRow| now.with_timezone(&site.zones.latest()).date_naive();
    let mut departments = departments(tx, &sites, &sites.iter().map(date).collect::<Vec<_>>()).await?;
    let mut clocks = clocks(tx).await?;
    let mut whole = Today::default();
    for site in sites {
        let departments = departments.remove(&site.id).unwrap_or_default();
        let mut count = Headcount::default();
        departments.iter().for_each(|department| count.add(department.count));
        whole.count.add(count);
        let (date, clocks) = (date(&site), clocks.remove(&site.id).unwrap_or_default());
        whole.sites.push(SiteToday { site, date, count, departments, clocks });
    }
    Ok(whole)
}

async fn departments(
    tx: &mut TenantTx,
    sites: &[SiteRow],
    dates: &[NaiveDate],
) -> Result<BTreeMap<SiteId, Vec<DepartmentToday>>, StoreError> {
    #[derive(sqlx::FromRow)]
    struct Row {
        site: SiteId,
        department: Option<DepartmentId>,
        name: Option<String>,
        people: i64,
        present: i64,
        late: i64,
        absent: i64,
        off: i64,
    }
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT e.site, e.department, min(p.name) AS name, count(*) AS people,
                count(*) FILTER (WHERE d.first_in IS NOT NULL) AS present,
                count(*) FILTER (WHERE d.first_in IS NOT NULL AND d.late_seconds > 0) AS late,
                count(*) FILTER (WHERE d.first_in IS NULL AND d.status = 'absent' AND NOT d.provisional) AS absent,
                count(*) FILTER (WHERE d.first_in IS NULL
                                   AND d.status IN ('weekly_off', 'holiday', 'on_leave')) AS off
         FROM unnest($2::uuid[], $3::date[]) AS today (site, work_date)
         JOIN rec_employee e ON e.company_id = $1 AND e.site = today.site AND e.deleted_dot IS NULL AND e.active
              AND (e.joined IS NULL OR e.joined <= today.work_date)
              AND (e.\"left\" IS NULL OR e.\"left\" >= today.work_date)
         LEFT JOIN attendance_day d ON d.company_id = $1 AND d.work_date = today.work_date AND d.employee = e.key
         LEFT JOIN rec_department p ON p.company_id = $1 AND p.key = e.department AND p.deleted_dot IS NULL
         GROUP BY e.site, e.department",
    )
    .bind(tx.company())
    .bind(sites.iter().map(|site| site.id).collect::<Vec<_>>())
    .bind(dates)
    .fetch_all(tx.connection())
    .await?;
    let mut by_site: BTreeMap<SiteId, Vec<DepartmentToday>> = BTreeMap::new();
    for row in rows {
        let Row { people, present, late, absent, off, .. } = row;
        let count =
            Headcount { people, present, late, absent, off, uncertain: people - present - absent - off };
        let name = row.name.filter(|_| row.department.is_some());
        by_site.entry(row.site).or_default().push(DepartmentToday { name, count });
    }
    for departments in by_site.values_mut() {
        departments.sort_by_key(|department| {
            (department.name.is_none(), department.name.as_ref().map(|name| name.to_lowercase()))
        });
    }
    Ok(by_site)
}

/// The clocks in use of each site, and how far each was read.
async fn clocks(tx: &mut TenantTx) -> Result<BTreeMap<SiteId, Vec<ClockToday>>, StoreError> {
    let rows: Vec<(SiteId, String, Option<DateTime<Utc>>)> = sqlx::query_as(
        "SELECT d.site, coalesce(d.name, d.serial),
                (SELECT max(w.through) FROM watermark w WHERE w.company_id = $1 AND w.serial = d.serial)
         FROM rec_device d
         WHERE d.company_id = $1 AND d.deleted_dot IS NULL AND d.state = 'active' AND d.site IS NOT NULL
               AND d.serial IS NOT NULL
         ORDER BY 2",
    )
    .bind(tx.company())
    .fetch_all(tx.connection())
    .await?;
    let mut by_site: BTreeMap<SiteId, Vec<ClockToday>> = BTreeMap::new();
    for (site, name, through) in rows {
        by_site.entry(site).or_default().push(ClockToday { name, through });
    }
    Ok(by_site)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_site_is_read_as_far_as_its_last_clock_and_not_at_all_without_it() {
        let at = |minutes| DateTime::from_timestamp(minutes * 60, 0).unwrap();
        let clock =
            |name: &str, through: Option<i64>| ClockToday { name: name.to_owned(), through: through.map(at) };
        let zones = shared_model::ZoneHistory::single(chrono_tz::Tz::Asia__Dhaka);
        let id = SiteId::from_uuid(uuid::Uuid::nil());
        let site = SiteRow { id, name: String::new(), code: String::new(), zones, active: true };
        let mut day = SiteToday {
            site,
            date: NaiveDate::default(),
            count: Headcount::default(),
            departments: Vec::new(),
            clocks: vec![clock("A", Some(100)), clock("B", Some(65))],
        };
        assert_eq!(day.read_through(), Some(at(65)));
        assert_eq!(day.silent(at(100)).collect::<Vec<_>>(), ["B"]);
        assert_eq!(day.silent(at(95)).count(), 0);
        day.clocks.push(clock("C", None));
        assert_eq!(day.read_through(), None);
        assert_eq!(day.silent(at(95)).collect::<Vec<_>>(), ["C"]);
        day.clocks.clear();
        assert_eq!(day.read_through(), None);
    }
}
