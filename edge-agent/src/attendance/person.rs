//! A portion of people through the engine.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, Utc};
use shared_model::EmployeeId;
use shared_model::entity::Employee;
use shift_engine::recompute::merged;
use shift_engine::{Recomputed, Shared, recompute};

use super::Attendance;
use super::distribute::{ask_for_days, sorted};
use super::rules::{Rules, SiteRules};
use super::settle::{read_to, since};
use super::spread::{Portion, clamped};
use crate::store::{Cursor, DateSpan, ReadTx, Recompute, StoreError};

impl Attendance {
    /// Works out a portion. Spans of one person far apart are worked out one after the other, because a month's sum
    /// builds on what is stored; the rows leave the queue together with the last of them.
    pub(super) fn compute(&self, portion: Portion, now: DateTime<Utc>) -> Result<(), StoreError> {
        let Some(rules) = &self.rules else { return Ok(()) };
        let Portion { mut people, rows } = portion;
        let mut rows = Some(rows);
        while rows.is_some() {
            let (done, later) = self.store.read_blocking(|tx| {
                let round = Round { rules, tx, now };
                round.first_spans(&people)
            })?;
            people = later;
            let finished = if people.is_empty() { rows.take() } else { None };
            self.save(done, finished.unwrap_or_default())?;
        }
        Ok(())
    }

    fn save(&self, done: Vec<Recomputed>, rows: Vec<Recompute>) -> Result<(), StoreError> {
        let Some(rules) = &self.rules else { return Ok(()) };
        let lost: Vec<_> = done.iter().flat_map(|person| person.lost.iter().cloned()).collect();
        let moved = sorted(rules, &lost);
        let is_news = |person: &&Recomputed| !person.changed.is_empty() || !person.gone.is_empty();
        let told: Vec<EmployeeId> = done.iter().filter(is_news).map(|person| person.employee).collect();
        self.store.write_blocking(move |tx| {
            done.iter().try_for_each(|person| tx.save_attendance(person))?;
            tx.distribute(&moved, &Cursor::new())?;
            ask_for_days(tx, &moved.owned)?;
            rows.iter().try_for_each(|row| tx.recomputed(row))?;
            if !told.is_empty() {
                tx.tell_attendance(told);
            }
            Ok(())
        })
    }
}

/// People with the spans of dates that are still to be worked out.
type Spans = BTreeMap<EmployeeId, Vec<DateSpan>>;

/// One snapshot of the store, and what is computed from it.
struct Round<'a> {
    rules: &'a Rules,
    tx: &'a ReadTx,
    now: DateTime<Utc>,
}

impl Round<'_> {
    /// Works out each person's first span; what is left for later.
    fn first_spans(&self, people: &Spans) -> Result<(Vec<Recomputed>, Spans), StoreError> {
        let read_to = read_to(self.tx)?;
        let first = since(self.tx)?;
        let (mut done, mut later) = (Vec::new(), Spans::new());
        for (employee, spans) in people {
            let Some(record) = self.tx.record::<Employee>(*employee)?.map(|stored| stored.record) else {
                continue;
            };
            let Some(site) = self.rules.site(record.site) else {
                tracing::warn!(employee.id = %employee, site.id = %record.site, "a person's site is not known");
                continue;
            };
            let completeness = site.completeness(&read_to);
            let shared = Shared {
                book: &site.book,
                identities: &self.rules.identities,
                directions: &self.rules.directions,
                completeness: &completeness,
                as_of: self.now.into(),
            };
            let mut dates = self.dates(site, spans, first).into_iter();
            let Some((from, to)) = dates.next() else { continue };
            let mut reach = shift_engine::reach(&site.book, *employee, &record, from, to);
            // Neither before attendance begins nor in the future is anybody absent.
            reach.ask.0 = reach.ask.0.max(first.unwrap_or(from));
            reach.ask.1 = reach.ask.1.min(site.date(self.now));
            let facts = self.tx.person_facts(*employee, &reach)?;
            done.push(recompute(&shared, *employee, &record, &facts, &reach));
            let rest: Vec<_> = dates.map(|(from, to)| DateSpan { from: Some(from), to: Some(to) }).collect();
            if !rest.is_empty() {
                later.insert(*employee, rest);
            }
        }
        Ok((done, later))
    }

    fn dates(
        &self,
        site: &SiteRules,
        spans: &[DateSpan],
        first: Option<NaiveDate>,
    ) -> Vec<(NaiveDate, NaiveDate)> {
        let today = site.date(self.now);
        merged(spans.iter().map(|span| clamped(*span, first.unwrap_or(today), today)).collect())
    }
}
