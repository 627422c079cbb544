//! A portion of people through the engine.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use shared_model::EmployeeId;
use shared_model::entity::Employee;
use shift_engine::recompute::{clamped, merged};
use shift_engine::{Directory, Instant, Recomputed, Shared, recompute};

use super::Attendance;
use super::distribute::ask_for_days;
use super::settle::read_to;
use super::spread::Portion;
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
                Round { directory: &rules.directory, tx, now: now.into() }.first_spans(&people)
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
        let moved = rules.directory.distribute(&lost);
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
    directory: &'a Directory,
    tx: &'a ReadTx,
    now: Instant,
}

impl Round<'_> {
    /// Works out each person's first span; what is left for later.
    fn first_spans(&self, people: &Spans) -> Result<(Vec<Recomputed>, Spans), StoreError> {
        let (read_to, first_dates) = (read_to(self.tx)?, self.tx.first_dates()?);
        let (mut done, mut later) = (Vec::new(), Spans::new());
        for (employee, spans) in people {
            let Some(record) = self.tx.record::<Employee>(*employee)?.map(|stored| stored.record) else {
                continue;
            };
            let Some(site) = self.directory.site(record.site) else {
                tracing::warn!(employee.id = %employee, site.id = %record.site, "a person's site is not known");
                continue;
            };
            let Some(since) = site.since(&first_dates) else { continue };
            let today = site.date(self.now);
            let spans = spans.iter().map(|span| clamped((span.from, span.to), since, today));
            let mut spans = merged(spans.collect()).into_iter();
            let Some((from, to)) = spans.next() else { continue };
            let mut reach = shift_engine::reach(site.book(), *employee, &record, from, to);
            // Neither before attendance begins nor in the future is anybody absent.
            reach.ask = (reach.ask.0.max(since), reach.ask.1.min(today));
            let completeness = site.completeness(&read_to);
            let shared =
                Shared { directory: self.directory, site, completeness: &completeness, as_of: self.now };
            let facts = self.tx.person_facts(*employee, &reach)?;
            done.push(recompute(&shared, *employee, &record, &facts, &reach));
            let rest: Vec<_> = spans.map(|(from, to)| DateSpan { from: Some(from), to: Some(to) }).collect();
            if !rest.is_empty() {
                later.insert(*employee, rest);
            }
        }
        Ok((done, later))
    }
}
