//! From stored facts to what must be stored: the same on both sides, whatever database holds them.

use std::collections::HashMap;

use chrono::NaiveDate;
use shared_model::entity::{DayDecision, DirectionUse, Employee, Leave, PunchNote, RosterDay};
use shared_model::punch::Reading;
use shared_model::{ClockSerial, EmployeeId, PunchId, RawTime, Route, UserCode};

use crate::directory::{Directory, SiteDirectory};
use crate::employment::Employment;
use crate::identity::best_reading;
use crate::input::{Ask, Completeness, Keyed, Person, PunchFact, direction_key};
use crate::pipeline::{Output, compute};
use crate::reach::Reach;
use crate::record::{DayRecord, PeriodRecord, PunchRole};
use crate::rulebook::engine_label;
use crate::time::Instant;

/// A punch as a ledger holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredPunch {
    /// The punch.
    pub id: PunchId,
    /// Its clock.
    pub serial: ClockSerial,
    /// The person as the clock names him.
    pub code: UserCode,
    /// What the clock said.
    pub raw_time: RawTime,
    /// When it was.
    pub instant: Instant,
    /// The way by which it came first.
    pub route: Route,
    /// What that way read.
    pub reading: Reading,
}

/// One person's facts, as they are stored.
#[derive(Debug, Clone, Default)]
pub struct StoredFacts {
    /// Punches that may be the person's.
    pub punches: Vec<StoredPunch>,
    /// Other readings of those punches.
    pub observations: Vec<(PunchId, Route, Reading)>,
    /// Notes on them.
    pub notes: Vec<Keyed<PunchNote>>,
    /// Edited roster cells.
    pub cells: Vec<Keyed<RosterDay>>,
    /// Leaves.
    pub leaves: Vec<Keyed<Leave>>,
    /// Decisions.
    pub decisions: Vec<Keyed<DayDecision>>,
    /// Stored records around the dates to compute, and of locked days among them.
    pub records: Vec<DayRecord>,
    /// Digests of the records that are stored for the dates to compute.
    pub digests: Vec<(NaiveDate, [u8; 32])>,
}

/// What is the same for many people of a site at one moment.
#[derive(Debug, Clone, Copy)]
pub struct Shared<'a> {
    /// The company's directory.
    pub directory: &'a Directory,
    /// The site in it.
    pub site: &'a SiteDirectory,
    /// How far the site's clocks have been read.
    pub completeness: &'a Completeness,
    /// The moment of the calculation.
    pub as_of: Instant,
}

/// One person: who, and since when.
#[derive(Debug, Clone, Copy)]
pub struct Whom<'a> {
    /// The person.
    pub id: EmployeeId,
    /// The person's record.
    pub record: &'a Employee,
    /// Since when missing days count.
    pub employment: Employment,
}

/// What must be stored for a person.
#[derive(Debug, Clone)]
pub struct Recomputed {
    /// Who.
    pub employee: EmployeeId,
    /// Records that are new or other than they are stored.
    pub changed: Vec<DayRecord>,
    /// Dates that have a record no longer.
    pub gone: Vec<NaiveDate>,
    /// Every punch of the dates, and what it was.
    pub punches: Vec<PunchRow>,
    /// Punches that were taken for the person's and are another's now, or nobody's.
    pub lost: Vec<StoredPunch>,
    /// Sums of the weeks, months and pay periods that hold one of the dates.
    pub periods: Vec<PeriodRecord>,
    /// Those that hold no day any more: what is stored of them goes.
    pub empty_periods: Vec<PeriodRecord>,
    /// The engine and zone data by which it was worked out.
    pub engine: String,
}

/// What one punch was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PunchRow {
    /// The punch.
    pub id: PunchId,
    /// The date it counted for, or was made on.
    pub date: NaiveDate,
    /// What it was.
    pub role: PunchRole,
}

/// Works out a person's days.
#[must_use]
pub fn recompute(shared: &Shared<'_>, whom: &Whom<'_>, facts: &StoredFacts, reach: &Reach) -> Recomputed {
    let (output, lost) = worked_out(shared, whom, facts, reach, false);
    let stored: HashMap<_, _> = facts.digests.iter().copied().collect();
    let is_new = |day: &DayRecord| stored.get(&day.date) != Some(day.digest().as_bytes());
    let has_record = |date: &NaiveDate| output.days.iter().any(|day| day.date == *date);
    let gone = facts.digests.iter().map(|(date, _)| *date).filter(|date| !has_record(date)).collect();
    let row = |used: &crate::record::PunchUse| PunchRow { id: used.punch, date: used.date, role: used.role };
    Recomputed {
        employee: whom.id,
        gone,
        punches: output.punches.iter().map(row).collect(),
        changed: output.days.into_iter().filter(is_new).collect(),
        lost,
        periods: output.periods,
        empty_periods: output.empty_periods,
        engine: engine_label(),
    }
}

/// Works out a person's days and says why they are what they are, for somebody who looks at them; stores nothing.
#[must_use]
pub fn explain(shared: &Shared<'_>, whom: &Whom<'_>, facts: &StoredFacts, reach: &Reach) -> Output {
    worked_out(shared, whom, facts, reach, true).0
}

/// The outcome, and the punches that are not the person's.
fn worked_out(
    shared: &Shared<'_>,
    whom: &Whom<'_>,
    facts: &StoredFacts,
    reach: &Reach,
    explain: bool,
) -> (Output, Vec<StoredPunch>) {
    let owner =
        |punch: &StoredPunch| shared.directory.identities().owner(&punch.serial, &punch.code, punch.instant);
    let (own, lost): (Vec<_>, Vec<_>) =
        facts.punches.iter().cloned().partition(|punch| owner(punch) == Some(whom.id));
    let punches: Vec<_> = own.iter().map(|punch| fact(shared, punch, &facts.observations)).collect();
    let person = Person {
        id: whom.id,
        record: whom.record,
        counted_from: whom.employment.counted_from,
        punches: &punches,
        notes: &facts.notes,
        cells: &facts.cells,
        leaves: &facts.leaves,
        decisions: &facts.decisions,
        stored: &facts.records,
    };
    let (from, to) = reach.ask;
    let ask = Ask { from, to, as_of: shared.as_of, completeness: shared.completeness, explain };
    (compute(shared.site.book(), &person, &ask), lost)
}

/// A stored punch as the engine takes it: by its best reading and the worth of its clock's keys.
fn fact(shared: &Shared<'_>, punch: &StoredPunch, observations: &[(PunchId, Route, Reading)]) -> PunchFact {
    let worth = shared.directory.directions().get(&punch.serial).copied().unwrap_or(DirectionUse::Ignore);
    let state = match worth {
        DirectionUse::Trust => {
            let others = observations.iter().filter(|(id, _, _)| *id == punch.id);
            let readings = others.map(|(_, route, reading)| (*route, reading.clone()));
            let own = (punch.route, punch.reading.clone());
            best_reading(readings.chain([own])).and_then(|reading| direction_key(&reading, worth))
        }
        DirectionUse::Ignore | DirectionUse::AlwaysIn | DirectionUse::AlwaysOut => {
            direction_key(&punch.reading, worth)
        }
    };
    PunchFact { id: punch.id, raw_time: punch.raw_time, instant: punch.instant, state }
}

/// The longest time back that an open span means.
const HISTORY: chrono::Days = chrono::Days::new(400);

/// The dates that a row of the queue asks for: none before attendance begins or after today, and of an open span no
/// more than a little over a year.
#[must_use]
pub fn clamped(
    (from, to): (Option<NaiveDate>, Option<NaiveDate>),
    since: NaiveDate,
    today: NaiveDate,
) -> (NaiveDate, NaiveDate) {
    let oldest = today.checked_sub_days(HISTORY).unwrap_or(since).max(since);
    let first = match (from, to) {
        (Some(from), Some(_)) => from.max(since),
        (Some(from), None) => from.max(oldest),
        (None, _) => oldest,
    };
    (first, to.map_or(today, |to| to.min(today)))
}

/// Spans of dates, both ends included, with those that touch or nearly touch made one: dates are worked out week by
/// week anyway.
#[must_use]
pub fn merged(mut spans: Vec<(NaiveDate, NaiveDate)>) -> Vec<(NaiveDate, NaiveDate)> {
    spans.retain(|(from, to)| from <= to);
    spans.sort();
    let mut merged: Vec<(NaiveDate, NaiveDate)> = Vec::new();
    for (from, to) in spans {
        match merged.last_mut() {
            Some(last) if (from - last.1).num_days() <= 7 => last.1 = last.1.max(to),
            _ => merged.push((from, to)),
        }
    }
    merged
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_that_nearly_touch_become_one() {
        let span = |from: &str, to: &str| (from.parse().unwrap(), to.parse().unwrap());
        let spans = vec![
            span("2026-11-20", "2026-11-20"),
            span("2026-01-01", "2026-01-02"),
            span("2026-11-14", "2026-11-15"),
            span("2026-12-02", "2026-12-01"),
        ];
        assert_eq!(merged(spans), [span("2026-01-01", "2026-01-02"), span("2026-11-14", "2026-11-20")]);
    }
}
