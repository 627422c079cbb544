//! What goes in, beside the rulebook: one person's facts, and the question.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use shared_model::entity::{DayDecision, DirectionUse, Employee, Entity, Leave, PunchNote, RosterDay};
use shared_model::punch::Reading;
use shared_model::{ClockSerial, EmployeeId, PunchId, PunchState, RawTime};

use crate::record::DayRecord;
use crate::time::Instant;

/// A record under its key.
pub type Keyed<E> = (<E as Entity>::Id, E);

/// A punch of the person, by whichever clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PunchFact {
    /// The punch.
    pub id: PunchId,
    /// What the clock said.
    pub raw_time: RawTime,
    /// When it was.
    pub instant: Instant,
    /// The in/out key, where the clock's keys count: see [`direction_key`].
    pub state: Option<PunchState>,
}

/// The in/out key of a reading at a clock whose keys are worth this much.
#[must_use]
pub fn direction_key(reading: &Reading, worth: DirectionUse) -> Option<PunchState> {
    match worth {
        DirectionUse::Ignore => None,
        DirectionUse::Trust => reading.punch_state(),
        DirectionUse::AlwaysIn => Some(PunchState::In),
        DirectionUse::AlwaysOut => Some(PunchState::Out),
    }
}

/// One person's facts. Slices may hold more than is needed and in any order; what does not count for the person or
/// the dates is passed over.
#[derive(Debug, Clone, Copy)]
pub struct Person<'a> {
    /// Who.
    pub id: EmployeeId,
    /// Home site, department, first and last day.
    pub record: &'a Employee,
    /// The first date on which a day without punches is missed: [`crate::Employment::counted_from`]. Before it only what
    /// was punched or decided makes a record.
    pub counted_from: NaiveDate,
    /// The person's punches, from the dates that [`crate::reach()`] names: [`MARGIN_DAYS`] before the first date asked for
    /// (or [`LOOKBACK_DAYS`]) to [`MARGIN_DAYS`] after the last.
    pub punches: &'a [PunchFact],
    /// Notes on those punches.
    pub notes: &'a [Keyed<PunchNote>],
    /// Edited roster cells, the margin's too.
    pub cells: &'a [Keyed<RosterDay>],
    /// Leaves, whatever their state.
    pub leaves: &'a [Keyed<Leave>],
    /// Decisions about days, whatever their state.
    pub decisions: &'a [Keyed<DayDecision>],
    /// Stored records: of days outside the dates asked for that share a week or period with them, and of locked days.
    pub stored: &'a [DayRecord],
}

/// How many days before and after the dates asked for must be known, because a shift, session or border may reach
/// over them.
pub const MARGIN_DAYS: i64 = 2;

/// How many days before the dates asked for are looked at where shifts are found from punches, or punches become
/// sessions before they are dated. What belongs to a day then depends on the punches before it, back to the last time
/// off that is longer than any shift or session: somebody who has a day off a week had one within these days.
pub const LOOKBACK_DAYS: i64 = 9;

/// The question.
#[derive(Debug, Clone)]
pub struct Ask<'a> {
    /// First work date wanted.
    pub from: NaiveDate,
    /// Last work date wanted.
    pub to: NaiveDate,
    /// The moment of the calculation.
    pub as_of: Instant,
    /// How far the clocks that could hold the person's punches have been read.
    pub completeness: &'a Completeness,
    /// Whether to explain each figure.
    pub explain: bool,
}

/// How far the clocks of a site have been read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Completeness {
    /// Each clock in use, and how far. A site that has none is complete at any time.
    Clocks(Vec<ClockProgress>),
    /// Clocks are expected and none is there yet: nothing is complete.
    NoClockYet,
}

/// Why a day is not complete.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WaitsFor<'a> {
    /// This clock has not been read far enough.
    Clock(&'a ClockSerial),
    /// The first clock.
    FirstClock,
}

/// How far one clock has been read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClockProgress {
    /// The clock.
    pub serial: ClockSerial,
    /// Everything punched there before this instant is in the ledger; `None` = it was never read.
    pub read_to: Option<Instant>,
}

impl Completeness {
    /// What keeps a day that ends at an instant from being complete.
    #[must_use]
    pub fn waits_for(&self, until: Instant) -> Option<WaitsFor<'_>> {
        let behind = |clock: &&ClockProgress| clock.read_to.is_none_or(|read_to| read_to < until);
        match self {
            Self::Clocks(clocks) => clocks.iter().find(behind).map(|clock| WaitsFor::Clock(&clock.serial)),
            Self::NoClockYet => Some(WaitsFor::FirstClock),
        }
    }
}
