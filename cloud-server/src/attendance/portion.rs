//! A portion of the queue: punches to their owners, people through the engine.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use shared_model::{CompanyId, EmployeeId, PunchId};
use shift_engine::recompute::{clamped, merged};
use shift_engine::{Directory, Instant, Reach, Recomputed, Shared};

use super::Attendance;
use crate::store::attendance::{intake, load, save, site};
use crate::store::recompute::{self, DateSpan, Scope};
use crate::store::{StoreError, TenantTx};

/// Entries of the queue looked at together.
const ENTRIES: i64 = 200;
/// People worked out in one transaction; of a scope with more, each gets an entry of his own.
const PEOPLE: usize = 200;

/// People with the dates that are asked of them, open ends included.
type Asked = BTreeMap<EmployeeId, Vec<(Option<NaiveDate>, Option<NaiveDate>)>>;

impl Attendance {
    /// Works off a portion of a company's queue; `false` when there is none, or another server is at it.
    pub(super) async fn work_portion(&mut self, company: CompanyId) -> Result<bool, StoreError> {
        let now = self.clock.now();
        let Some((mut tx, directory)) = self.begin(company).await? else { return Ok(false) };
        let waiting = recompute::waiting(&mut tx, ENTRIES).await?;
        if waiting.entries.is_empty() {
            tx.rollback().await?;
            return Ok(false);
        }
        let punches = intake::punches_of_entries(&mut tx, &waiting.entries).await?;
        let found = directory.distribute(&punches);
        intake::distribute(&mut tx, &found).await?;
        let mut asked = Asked::new();
        for (scope, dates) in waiting.work {
            let people = match &scope {
                Scope::Code(code) => directory.identities().owners_of_code(code).collect(),
                Scope::Employee(_) | Scope::Department(_) | Scope::Site(_) | Scope::Everyone => {
                    load::people_of(&mut tx, &scope).await?
                }
            };
            for employee in people {
                asked.entry(employee).or_default().push((dates.from, dates.to));
            }
        }
        if asked.len() > PEOPLE {
            let each = asked.into_iter().flat_map(|(employee, spans)| {
                let row = move |(from, to)| (Scope::Employee(employee), DateSpan { from, to });
                spans.into_iter().map(row)
            });
            let each: BTreeSet<_> = each.collect();
            recompute::ask(&mut tx, &Vec::from_iter(each), now).await?;
        } else {
            let portion = Portion { directory: &directory, now: now.into() };
            let done = portion.compute(&mut tx, asked).await?;
            save::people(&mut tx, &done, now).await?;
            let lost = directory.distribute(done.iter().flat_map(|person| &person.lost));
            intake::distribute(&mut tx, &lost).await?;
            recompute::ask(&mut tx, &days_of(&lost.owned), now).await?;
        }
        recompute::done(&mut tx, &waiting.entries).await?;
        tx.commit().await?;
        Ok(true)
    }
}

/// The days of punches that found their owner late.
pub(super) fn days_of(owned: &[(EmployeeId, NaiveDate, PunchId)]) -> Vec<(Scope, DateSpan)> {
    let days: BTreeSet<_> = owned.iter().map(|(employee, date, _)| (*employee, *date)).collect();
    days.into_iter().map(|(employee, date)| (Scope::Employee(employee), DateSpan::day(date))).collect()
}

struct Portion<'a> {
    directory: &'a Directory,
    now: Instant,
}

impl Portion<'_> {
    /// Works people out. Spans of one person far apart come one after the other, because a month's sum builds on what is
    /// stored: all but the first are asked for again.
    async fn compute(&self, tx: &mut TenantTx, asked: Asked) -> Result<Vec<Recomputed>, StoreError> {
        let ids: Vec<_> = asked.keys().copied().collect();
        let records = load::employees(tx, &ids).await?;
        let first_dates = site::first_dates(tx).await?;
        let read_to = site::read_to(tx).await?;
        let mut reaches: Vec<(EmployeeId, Reach)> = Vec::new();
        let mut later = Vec::new();
        for (employee, spans) in asked {
            let Some(record) = records.get(&employee) else { continue };
            let Some(site) = self.directory.site(record.site) else { continue };
            let Some(since) = site.since(&first_dates) else { continue };
            let today = site.date(self.now);
            let spans = spans.into_iter().map(|span| clamped(span, since, today)).collect();
            let mut spans = merged(spans).into_iter();
            let Some((from, to)) = spans.next() else { continue };
            let mut reach = shift_engine::reach(site.book(), employee, record, from, to);
            // Neither before attendance begins nor in the future is anybody absent.
            reach.ask = (reach.ask.0.max(since), reach.ask.1.min(today));
            reaches.push((employee, reach));
            let rest = spans.map(|(from, to)| DateSpan { from: Some(from), to: Some(to) });
            later.extend(rest.map(|span| (Scope::Employee(employee), span)));
        }
        recompute::ask(tx, &later, self.now.to_utc()).await?;
        let mut facts = load::facts(tx, &reaches).await?;
        let mut done = Vec::with_capacity(reaches.len());
        for (employee, reach) in reaches {
            let Some(record) = records.get(&employee) else { continue };
            let Some(site) = self.directory.site(record.site) else { continue };
            let completeness = site.completeness(&read_to);
            let shared =
                Shared { directory: self.directory, site, completeness: &completeness, as_of: self.now };
            let facts = facts.remove(&employee).unwrap_or_default();
            done.push(shift_engine::recompute(&shared, employee, record, &facts, &reach));
        }
        Ok(done)
    }
}
