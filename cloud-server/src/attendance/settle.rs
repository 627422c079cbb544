//! What time alone changes: a new date begins, a window closes, a clock catches up.

use std::collections::{BTreeMap, HashMap};

use chrono::NaiveDate;
use shared_model::CompanyId;
use shift_engine::Instant;

use super::Attendance;
use super::portion::PEOPLE;
use crate::store::StoreError;
use crate::store::attendance::{employment, load, site};
use crate::store::recompute::{self, DateSpan, Scope};

impl Attendance {
    /// Asks for everybody's day once it begins, for the days by which the site's beginning moves when a clock brings older
    /// punches, and for provisional days whose wait is over and whose clocks have been read past them.
    pub(super) async fn ask_for_dates(&mut self, company: CompanyId) -> Result<(), StoreError> {
        let now = self.clock.now();
        let Some((mut tx, directory)) = self.begin(company).await? else { return Ok(()) };
        let (known, dates) = (site::spans(&mut tx).await?, employment::clock_dates(&mut tx, now).await?);
        let mut asked = Vec::new();
        for (id, rules) in directory.sites() {
            let Some(since) = rules.began(&dates).map(|began| began.begins) else { continue };
            let today = rules.date(now.into());
            let before = known.get(&id);
            let mut ask = |from: NaiveDate, to: NaiveDate| {
                asked.push((Scope::Site(id), DateSpan { from: Some(from), to: Some(to) }));
            };
            match before {
                None => ask(since, today),
                Some(before) => {
                    if let Some(last) = before.since.max(since).pred_opt().filter(|_| since != before.since) {
                        ask(before.since.min(since), last);
                    }
                    if let Some(first) = before.until.succ_opt().filter(|_| before.until < today) {
                        ask(first, today);
                    }
                }
            }
            let after = site::SiteSpan { since, until: today, rules: rules.book().label() };
            if before != Some(&after) {
                site::keep(&mut tx, id, &after).await?;
            }
        }
        let settling = load::settling(&mut tx, now).await?;
        if !settling.is_empty() {
            let read_to = site::read_to(&mut tx).await?;
            let clocks: HashMap<_, _> =
                directory.sites().map(|(id, rules)| (id, rules.completeness(&read_to))).collect();
            let mut settled: BTreeMap<_, Vec<_>> = BTreeMap::new();
            for day in settling {
                let past = Instant::from_unix(day.closes_at.timestamp() + 1);
                if clocks.get(&day.site).is_some_and(|clocks| clocks.waits_for(past).is_none()) {
                    settled.entry((day.site, day.work_date)).or_default().push(day.employee);
                }
            }
            for ((site, date), people) in settled {
                if people.len() > PEOPLE {
                    asked.push((Scope::Site(site), DateSpan::day(date)));
                } else {
                    asked.extend(people.into_iter().map(|one| (Scope::Employee(one), DateSpan::day(date))));
                }
            }
        }
        recompute::ask(&mut tx, &asked, now).await?;
        tx.commit().await
    }
}
