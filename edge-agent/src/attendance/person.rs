//! A portion of people through the engine.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, Utc};
use shared_model::EmployeeId;
use shared_model::entity::Employee;
use shift_engine::recompute::{clamped, merged};
use shift_engine::{Began, Directory, Employment, Instant, Oldest, Recomputed, Shared, Whom, recompute};

use super::Attendance;
use super::distribute::ask_for_days;
use super::settle::read_to;
use super::spread::Portion;
use crate::store::{Cursor, DateSpan, ReadTx, Recompute, RecomputeScope, StoreError, WriteTx};

impl Attendance {
    /// Works out a portion. Spans of one person far apart are worked out one after the other, because a month's sum
    /// builds on what is stored; the rows leave the queue together with the last of them.
    pub(super) fn compute(&self, portion: Portion, now: DateTime<Utc>) -> Result<(), StoreError> {
        let Some(rules) = &self.rules else { return Ok(()) };
        let Portion { people, rows } = portion;
        let mut people: Asked =
            people.into_iter().map(|(employee, spans)| (employee, Spans { spans, missed: None })).collect();
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

    fn save(&self, done: Vec<Done>, rows: Vec<Recompute>) -> Result<(), StoreError> {
        let Some(rules) = &self.rules else { return Ok(()) };
        let lost: Vec<_> = done.iter().flat_map(|person| person.outcome.lost.iter().cloned()).collect();
        let moved = rules.directory.distribute(&lost);
        let outcomes = || done.iter().map(|person| &person.outcome);
        let is_news = |person: &&Recomputed| !person.changed.is_empty() || !person.gone.is_empty();
        let told: Vec<EmployeeId> = outcomes().filter(is_news).map(|person| person.employee).collect();
        self.store.write_blocking(move |tx| {
            for person in &done {
                tx.save_attendance(&person.outcome)?;
                if person.is_last {
                    person.missed.keep(tx, person.outcome.employee)?;
                }
            }
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

/// Since when a person is missed, and what that was taken from.
#[derive(Debug, Clone, Copy)]
struct Missed {
    employment: Employment,
    began: Began,
    today: NaiveDate,
}

impl Missed {
    /// Keeps it, and asks for the days by which it moved while they were worked out (punches turned out to be another's, or
    /// came meanwhile).
    fn keep(self, tx: &WriteTx, employee: EmployeeId) -> Result<(), StoreError> {
        let punched = tx.punched_dates(employee, self.today)?;
        let now = Employment::of(self.employment.joined, punched, self.began.begins);
        if let Some((from, to)) = Employment::moved(Some(self.employment), now, Oldest::default(), self.today)
        {
            let span = DateSpan { from: Some(from), to: Some(to) };
            tx.ask_recompute(&RecomputeScope::Employee(employee), span)?;
        }
        tx.set_employment(employee, now)
    }
}

/// A person's spans of dates that are still to be worked out.
#[derive(Debug)]
struct Spans {
    spans: Vec<DateSpan>,
    /// The same for all of them; `None` = the first comes now.
    missed: Option<Missed>,
}

/// People with what is asked of them.
type Asked = BTreeMap<EmployeeId, Spans>;

/// A person's span that was worked out.
#[derive(Debug)]
struct Done {
    outcome: Recomputed,
    missed: Missed,
    is_last: bool,
}

/// One snapshot of the store, and what is computed from it.
struct Round<'a> {
    directory: &'a Directory,
    tx: &'a ReadTx,
    now: Instant,
}

impl Round<'_> {
    /// Works out each person's first span; what is left for later.
    fn first_spans(&self, people: &Asked) -> Result<(Vec<Done>, Asked), StoreError> {
        let (read_to, dates) = (read_to(self.tx)?, self.tx.clock_dates(self.now.to_utc())?);
        let (mut done, mut later) = (Vec::new(), Asked::new());
        for (employee, asked) in people {
            let Some(record) = self.tx.record::<Employee>(*employee)?.map(|stored| stored.record) else {
                continue;
            };
            let Some(site) = self.directory.site(record.site) else {
                tracing::warn!(employee.id = %employee, site.id = %record.site, "a person's site is not known");
                continue;
            };
            let Some(began) = site.began(&dates) else { continue };
            let today = site.date(self.now);
            let mut spans: Vec<_> = asked.spans.iter().map(|span| (span.from, span.to)).collect();
            let missed = match asked.missed {
                Some(missed) => missed,
                None => {
                    let (missed, moved) = self.missed(*employee, &record, began, today)?;
                    spans.extend(moved.map(|(from, to)| (Some(from), Some(to))));
                    missed
                }
            };
            let spans = spans.into_iter().map(|span| clamped(span, began.first, today)).collect();
            let mut spans = merged(spans).into_iter();
            let Some((from, to)) = spans.next() else { continue };
            let mut reach = shift_engine::reach(site.book(), *employee, &record, from, to);
            // Neither before the first punch nor in the future is there anything to know.
            reach.ask = (reach.ask.0.max(began.first), reach.ask.1.min(today));
            let completeness = site.completeness(&read_to);
            let shared =
                Shared { directory: self.directory, site, completeness: &completeness, as_of: self.now };
            let facts = self.tx.person_facts(*employee, &reach)?;
            let whom = Whom { id: *employee, record: &record, employment: missed.employment };
            let outcome = recompute(&shared, &whom, &facts, &reach);
            let rest: Vec<_> = spans.map(|(from, to)| DateSpan { from: Some(from), to: Some(to) }).collect();
            done.push(Done { outcome, missed, is_last: rest.is_empty() });
            if !rest.is_empty() {
                later.insert(*employee, Spans { spans: rest, missed: Some(missed) });
            }
        }
        Ok((done, later))
    }

    /// Since when a person is missed, and the dates to work out again because that was otherwise before.
    fn missed(
        &self,
        employee: EmployeeId,
        record: &Employee,
        began: Began,
        today: NaiveDate,
    ) -> Result<(Missed, Option<(NaiveDate, NaiveDate)>), StoreError> {
        let punched = self.tx.punched_dates(employee, today)?;
        let oldest = Oldest { record: self.tx.oldest_record(employee)?, punch: punched.first().copied() };
        let employment = Employment::of(record.joined, punched, began.begins);
        let moved = Employment::moved(self.tx.employment(employee)?, employment, oldest, today);
        Ok((Missed { employment, began, today }, moved))
    }
}
