//! The shift engine: punches, roster and policy in; attendance records and their explanation out.
//!
//! Pure and deterministic: no I/O, no clock, no randomness, no floats. Durations are whole seconds between instants;
//! rules of the wall clock are judged in the site's zone. The same inputs give the same bytes on edge and cloud,
//! whatever the order in which they are handed over.
//!
//! ```text
//! Rulebook (site: zone, shifts, rosters, policies, holidays, locks, company rules)   built once, shared
//! Person   (employee, punches and notes, roster cells, leaves, decisions, stored records)
//! Ask      (dates, moment, how far the clocks are read, explain or not)
//!     -> Output (day records, period records, what each punch was, adjustments, explanations)
//! ```

pub mod brief;
pub mod civil;
pub mod company_rule;
pub mod digest;
pub mod directory;
pub mod document;
pub mod employment;
pub mod exception;
pub mod explain;
pub mod geofence;
pub mod identity;
pub mod input;
pub mod interval;
pub mod policy;
pub mod preset;
pub mod reach;
pub mod recompute;
pub mod record;
pub mod roster;
pub mod rulebook;
pub mod scenario;
pub mod scope;
pub mod shift;
pub mod time;
pub mod watch;

mod pipeline;

pub use company_rule::CompanyRuleDefinition;
pub use digest::MonthDigest;
pub use directory::{Began, Directory, DirectoryRecords, Distribution, SiteDirectory};
pub use document::{BadDocument, Typed};
pub use employment::{Employment, Oldest};
pub use exception::{Exception, ExceptionKind, Fix, Severity};
pub use explain::{Explanation, Fact, Figure, Rule, Step};
pub use identity::Identities;
pub use input::{
    Ask, ClockProgress, Completeness, Keyed, MARGIN_DAYS, Person, PunchFact, WaitsFor, direction_key,
};
pub use pipeline::{Output, compute};
pub use policy::PolicyRules;
pub use reach::{Reach, reach};
pub use recompute::{PunchRow, Recomputed, Shared, StoredFacts, StoredPunch, Whom, recompute};
pub use record::{
    Adjustment, DayKind, DayRecord, DayState, Digest, Figures, Flag, Flags, Overtime, OvertimeState,
    PeriodKind, PeriodRecord, PunchRole, PunchUse, ShiftRecord, Status, TierKind,
};
pub use roster::{RosterDayShifts, RosterPattern};
pub use rulebook::{Problem, Rulebook, Sources};
pub use scenario::Scenario;
pub use scope::{DateSpan, Scope};
pub use shift::ShiftDefinition;
pub use time::{Instant, Minutes, Seconds, TimeOfDay};

/// The version of the rules themselves: raised with every change that can change a figure.
pub const ENGINE_VERSION: u32 = 3;
