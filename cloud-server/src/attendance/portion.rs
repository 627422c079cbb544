//! A portion of the queue: punches to their owners, people through the engine.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use chrono::NaiveDate;
use shared_model::entity::Employee;
use shared_model::{CompanyId, EmployeeId, PunchId, UserCode};
use shift_engine::recompute::{clamped, merged};
use shift_engine::{Began, Directory, Employment, Instant, Oldest, Reach, Recomputed, Shared, Whom};

use super::Attendance;
use crate::store::attendance::{employment, intake, load, save, site};
use crate::store::recompute::{self, DateSpan, Scope, Wide};
use crate::store::{StoreError, TenantTx};

/// Entries of the queue looked at together.
const ENTRIES: i64 = 200;
/// People worked out in one transaction. Where punches are of more, each person gets an entry; an entry for many is
/// worked through so many at a time.
pub(super) const PEOPLE: usize = 200;

/// People with the dates that are asked of them, open ends included.
type Asked = BTreeMap<EmployeeId, Vec<(Option<NaiveDate>, Option<NaiveDate>)>>;

impl Attendance {
    /// Works off a portion of a company's queue: punches and single people first, then what is for many. `false` when there
    /// is none, or another server is at it.
    ///
    /// # Errors
    /// The database's; nothing of the portion is stored then.
    pub async fn work_portion(&mut self, company: CompanyId) -> Result<bool, StoreError> {
        let now = self.clock.now();
        let Some((mut tx, directory)) = self.begin(company).await? else { return Ok(false) };
        let portion = Portion { directory: &directory, now: now.into() };
        let waiting = recompute::waiting(&mut tx, ENTRIES).await?;
        if !waiting.entries.is_empty() {
            let owned = portion.work_punches(&mut tx, waiting).await?;
            if directory.sites().nth(1).is_some() {
                intake::send_home(&mut tx, &owned).await?;
            }
        } else if let Some(wide) = recompute::next_wide(&mut tx).await? {
            portion.work_wide(&mut tx, &wide).await?;
        } else {
            tx.rollback().await?;
            return Ok(false);
        }
        tx.commit().await?;
        Ok(true)
    }
}

/// The days of punches that found their owner late.
pub(super) fn days_of(owned: &[(EmployeeId, NaiveDate, PunchId)]) -> Vec<(Scope, DateSpan)> {
    let days: BTreeSet<_> = owned.iter().map(|(employee, date, _)| (*employee, *date)).collect();
    days.into_iter().map(|(employee, date)| (Scope::Employee(employee), DateSpan::day(date))).collect()
}

/// Since when a person is missed, and what that was taken from.
#[derive(Debug, Clone, Copy)]
struct Missed {
    employee: EmployeeId,
    employment: Employment,
    began: Began,
    today: NaiveDate,
}

struct Portion<'a> {
    directory: &'a Directory,
    now: Instant,
}

impl Portion<'_> {
    /// Punches to their owners, and the people they and single entries ask for. Returns whose the punches are.
    async fn work_punches(
        &self,
        tx: &mut TenantTx,
        mut waiting: recompute::Asked,
    ) -> Result<Vec<(EmployeeId, NaiveDate, PunchId)>, StoreError> {
        let punches = intake::punches_of_entries(tx, &waiting.entries).await?;
        let days: BTreeSet<_> =
            punches.iter().map(|punch| (&punch.code, punch.raw_time.wall().date())).collect();
        let of_code = |(code, date): (&UserCode, _)| (Scope::Code(code.clone()), DateSpan::day(date));
        waiting.work.extend(days.into_iter().map(of_code));
        let distribution = self.directory.distribute(&punches);
        intake::distribute(tx, &distribution).await?;
        let mut asked = Asked::new();
        for (scope, dates) in waiting.work {
            let people: Vec<EmployeeId> = match scope {
                Scope::Code(code) => self.directory.identities().owners_of_code(&code).collect(),
                Scope::Employee(id) => vec![id],
                // Entries for many are never among these.
                Scope::Department(_) | Scope::Site(_) | Scope::Everyone => continue,
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
            recompute::ask(tx, &Vec::from_iter(each), self.now.to_utc()).await?;
        } else {
            self.work_out(tx, asked).await?;
        }
        recompute::done(tx, &waiting.entries).await?;
        Ok(distribution.owned)
    }

    /// The next people of an entry for many.
    async fn work_wide(&self, tx: &mut TenantTx, wide: &Wide) -> Result<(), StoreError> {
        let people = load::people_of(tx, &wide.scope, wide.after, PEOPLE).await?;
        let dates = (wide.dates.from, wide.dates.to);
        self.work_out(tx, people.iter().map(|employee| (*employee, vec![dates])).collect()).await?;
        match people.last().filter(|_| people.len() == PEOPLE) {
            Some(last) => recompute::advance(tx, wide.entry, *last).await,
            None => recompute::done(tx, &[wide.entry]).await,
        }
    }

    /// Works people out, stores the results, and asks for the owners of punches that are theirs no longer.
    async fn work_out(&self, tx: &mut TenantTx, asked: Asked) -> Result<(), StoreError> {
        let now = self.now.to_utc();
        let (done, missed) = self.compute(tx, asked).await?;
        save::people(tx, &done, now).await?;
        let lost = self.directory.distribute(done.iter().flat_map(|person| &person.lost));
        intake::distribute(tx, &lost).await?;
        recompute::ask(tx, &days_of(&lost.owned), now).await?;
        self.keep(tx, &missed).await
    }

    /// Keeps since when people are missed, and asks for the days by which that moved while they were worked out (punches
    /// turned out to be another's).
    async fn keep(&self, tx: &mut TenantTx, missed: &[Missed]) -> Result<(), StoreError> {
        let until: Vec<_> = missed.iter().map(|one| (one.employee, one.today)).collect();
        let mut punched = employment::punched_dates(tx, &until).await?;
        let (mut asked, mut kept) = (Vec::new(), Vec::new());
        for one in missed {
            let dates = punched.remove(&one.employee).unwrap_or_default();
            let now = Employment::of(one.employment.joined, dates, one.began.begins);
            if let Some((from, to)) =
                Employment::moved(Some(one.employment), now, Oldest::default(), one.today)
            {
                asked.push((Scope::Employee(one.employee), DateSpan { from: Some(from), to: Some(to) }));
            }
            kept.push((one.employee, now));
        }
        recompute::ask(tx, &asked, self.now.to_utc()).await?;
        employment::keep(tx, &kept).await
    }

    /// Works people out. Spans of one person far apart come one after the other, because a month's sum builds on what is
    /// stored: all but the first are asked for again.
    async fn compute(
        &self,
        tx: &mut TenantTx,
        asked: Asked,
    ) -> Result<(Vec<Recomputed>, Vec<Missed>), StoreError> {
        let ids: Vec<_> = asked.keys().copied().collect();
        let records = load::employees(tx, &ids).await?;
        let read_to = site::read_to(tx).await?;
        let people = self.missed(tx, &ids, &records).await?;
        let mut reaches: Vec<(EmployeeId, Reach)> = Vec::new();
        let mut missed = Vec::new();
        let mut later = Vec::new();
        for (one, moved) in people {
            let (Missed { employee, began, today, .. }, Some(record)) = (one, records.get(&one.employee))
            else {
                continue;
            };
            let Some(site) = self.directory.site(record.site) else { continue };
            let asked = asked.get(&employee).into_iter().flatten().copied();
            let spans = asked.chain(moved.map(|(from, to)| (Some(from), Some(to))));
            let spans = spans.map(|span| clamped(span, began.first, today)).collect();
            let mut spans = merged(spans).into_iter();
            let Some((from, to)) = spans.next() else { continue };
            let mut reach = shift_engine::reach(site.book(), employee, record, from, to);
            // Neither before the first punch nor in the future is there anything to know.
            reach.ask = (reach.ask.0.max(began.first), reach.ask.1.min(today));
            reaches.push((employee, reach));
            missed.push(one);
            let rest = spans.map(|(from, to)| DateSpan { from: Some(from), to: Some(to) });
            later.extend(rest.map(|span| (Scope::Employee(employee), span)));
        }
        recompute::ask(tx, &later, self.now.to_utc()).await?;
        let mut facts = load::facts(tx, &reaches).await?;
        let mut done = Vec::with_capacity(reaches.len());
        for ((employee, reach), one) in reaches.into_iter().zip(&missed) {
            let Some(record) = records.get(&employee) else { continue };
            let Some(site) = self.directory.site(record.site) else { continue };
            let completeness = site.completeness(&read_to);
            let shared =
                Shared { directory: self.directory, site, completeness: &completeness, as_of: self.now };
            let facts = facts.remove(&employee).unwrap_or_default();
            let whom = Whom { id: employee, record, employment: one.employment };
            done.push(shift_engine::recompute(&shared, &whom, &facts, &reach));
        }
        Ok((done, missed))
    }

    /// Since when each person is missed, and the dates to work out again because that was otherwise before.
    async fn missed(
        &self,
        tx: &mut TenantTx,
        ids: &[EmployeeId],
        records: &HashMap<EmployeeId, Employee>,
    ) -> Result<Vec<(Missed, Option<(NaiveDate, NaiveDate)>)>, StoreError> {
        let clocks = employment::clock_dates(tx, self.now.to_utc()).await?;
        let mut people = Vec::with_capacity(ids.len());
        for employee in ids {
            let Some(record) = records.get(employee) else { continue };
            let Some(site) = self.directory.site(record.site) else { continue };
            let Some(began) = site.began(&clocks) else { continue };
            people.push((*employee, record.joined, began, site.date(self.now)));
        }
        let until: Vec<_> = people.iter().map(|(employee, _, _, today)| (*employee, *today)).collect();
        let mut punched = employment::punched_dates(tx, &until).await?;
        let known = employment::known(tx, ids).await?;
        let one = |(employee, joined, began, today): (EmployeeId, Option<NaiveDate>, Began, NaiveDate)| {
            let dates = punched.remove(&employee).unwrap_or_default();
            let known = known.get(&employee);
            let oldest =
                Oldest { record: known.and_then(|known| known.oldest_record), punch: dates.first().copied() };
            let employment = Employment::of(joined, dates, began.begins);
            let before = known.and_then(|known| known.employment);
            let moved = Employment::moved(before, employment, oldest, today);
            (Missed { employee, employment, began, today }, moved)
        };
        Ok(people.into_iter().map(one).collect())
    }
}
