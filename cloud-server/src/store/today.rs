//! Today over all sites: how many are in, late, absent, and not yet certain.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, Utc};
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
    /// The oldest of the instants up to which its clocks were read.
    pub read_through: Option<DateTime<Utc>>,
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
    let read = read_through(tx).await?;
    let mut whole = Today::default();
    for site in sites {
        let departments = departments.remove(&site.id).unwrap_or_default();
        let mut count = Headcount::default();
        departments.iter().for_each(|department| count.add(department.count));
        whole.count.add(count);
        let (date, read_through) = (date(&site), read.get(&site.id).copied());
        whole.sites.push(SiteToday { site, date, count, departments, read_through });
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

/// For each site the clock that lags most: up to when it was read.
async fn read_through(tx: &mut TenantTx) -> Result<BTreeMap<SiteId, DateTime<Utc>>, StoreError> {
    let rows: Vec<(SiteId, DateTime<Utc>)> = sqlx::query_as(
        "SELECT site, min(through) FROM (
             SELECT d.site, d.serial, max(w.through) AS through
             FROM rec_device d JOIN watermark w ON w.company_id = d.company_id AND w.serial = d.serial
             WHERE d.company_id = $1 AND d.deleted_dot IS NULL AND d.state = 'active' AND d.site IS NOT NULL
             GROUP BY d.site, d.serial
         ) clock GROUP BY site",
    )
    .bind(tx.company())
    .fetch_all(tx.connection())
    .await?;
    Ok(rows.into_iter().collect())
}
