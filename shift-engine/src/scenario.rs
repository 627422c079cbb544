//! A small factory written down in one document: rules, one person, some punches. For trying a policy before it is
//! saved, for `muster-edge shift eval`, for the examples of `docs/shift-rules.md`, and for tests.
//!
//! ```json
//! {
//!   "zone":    "Asia/Dhaka",
//!   "shifts":  {"A": {"hours": {"fixed": {"start": "08:00", "end": "17:00"}}}},
//!   "rosters": [{"fixed": {"shifts": ["A"]}}],
//!   "policy":  {"grace": {"late_min": 5}},
//!   "punches": ["2026-11-16 08:06 in", "2026-11-16 17:00 out"]
//! }
//! ```
//!
//! Shifts have names here instead of ids; wherever a document of the change log lists shift ids, a scenario lists names.
//! Everything else is what the change log holds. What is left out is empty, or as the engine has it by default.

mod line;
mod setting;

use std::collections::BTreeMap;

use chrono::{NaiveDate, NaiveDateTime};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use shared_model::ZoneHistory;
use shared_model::entity::{
    DayDecisionType, EmployeeCategory, HolidayType, LeavePortion, PayPeriodState, RequestState, RosterBasis,
    Weekday,
};
use shared_model::text::Code;

pub use line::{BadPunchLine, PunchLine};
pub use setting::{BadScenario, Setting};

/// A small factory: rules, one person, some punches.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Scenario {
    /// The site's zone, or its zones from dates on.
    pub zone: ScenarioZone,
    /// First day of the week.
    pub week_starts_on: Weekday,
    /// Definitions of shifts by code.
    pub shifts: BTreeMap<String, Value>,
    /// Roster assignments of the person, by pattern.
    pub rosters: Vec<ScenarioRoster>,
    /// Edited roster cells: the shifts of a date; none = off.
    pub cells: BTreeMap<NaiveDate, Vec<String>>,
    /// The policy's rules from the beginning on.
    pub policy: Value,
    /// Later versions of them, by first work date.
    pub policy_from: BTreeMap<NaiveDate, Value>,
    /// The company's own rules.
    pub company_rules: Vec<Value>,
    /// Holidays.
    pub holidays: BTreeMap<NaiveDate, HolidayType>,
    /// Leaves of the person.
    pub leaves: Vec<ScenarioLeave>,
    /// Decisions about the person's days.
    pub decisions: Vec<ScenarioDecision>,
    /// Pay periods.
    pub pay_periods: Vec<ScenarioPeriod>,
    /// The person.
    pub employee: ScenarioEmployee,
    /// What was punched.
    pub punches: Vec<PunchLine>,
    /// First work date; that of the first punch where it is not given.
    pub from: Option<NaiveDate>,
    /// Last work date; that of the last punch where it is not given.
    pub to: Option<NaiveDate>,
    /// The moment of the calculation, wall time; 60 days after the last date where it is not given.
    pub as_of: Option<NaiveDateTime>,
    /// Clocks, and the wall time up to which each was read; a clock that was never read has none. Without any, all is
    /// complete.
    pub clocks: BTreeMap<String, Option<NaiveDateTime>>,
}

/// A zone, or several with their first dates.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum ScenarioZone {
    /// One zone at all times.
    One(chrono_tz::Tz),
    /// Zones with the dates from which they count.
    History(ZoneHistory),
}

/// A roster assignment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScenarioRoster {
    /// Roster or default.
    #[serde(default = "planned")]
    pub basis: RosterBasis,
    /// First work date; always where it is not given.
    #[serde(default)]
    pub from: Option<NaiveDate>,
    /// Last work date.
    #[serde(default)]
    pub to: Option<NaiveDate>,
    /// The pattern: a member `fixed`, `cycle` or `weekly`.
    #[serde(flatten)]
    pub pattern: BTreeMap<String, Value>,
}

const fn planned() -> RosterBasis {
    RosterBasis::Roster
}

/// A leave.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScenarioLeave {
    /// First date.
    pub from: NaiveDate,
    /// Last date; the first where it is not given.
    #[serde(default)]
    pub to: Option<NaiveDate>,
    /// How much of each day.
    pub portion: LeavePortion,
    /// Start of an hourly leave, wall time.
    #[serde(default)]
    pub start: Option<NaiveDateTime>,
    /// End of an hourly leave, wall time.
    #[serde(default)]
    pub end: Option<NaiveDateTime>,
    /// Whether it is paid.
    #[serde(default)]
    pub paid: bool,
    /// Where the request stands.
    #[serde(default = "approved")]
    pub state: RequestState,
}

const fn approved() -> RequestState {
    RequestState::Approved
}

/// A decision about a day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScenarioDecision {
    /// Work date.
    pub date: NaiveDate,
    /// What is decided.
    #[serde(rename = "type")]
    pub decision_type: DayDecisionType,
    /// Minutes of overtime that are approved; all of it where they are not given.
    #[serde(default)]
    pub minutes: Option<i64>,
    /// Start of duty elsewhere, wall time; the whole day where it is not given.
    #[serde(default)]
    pub start: Option<NaiveDateTime>,
    /// Its end.
    #[serde(default)]
    pub end: Option<NaiveDateTime>,
    /// A status set by hand, such as `present+late`.
    #[serde(default)]
    pub status: Option<Code>,
    /// Where it stands.
    #[serde(default = "approved")]
    pub state: RequestState,
}

/// A pay period.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScenarioPeriod {
    /// First date.
    pub from: NaiveDate,
    /// Last date.
    pub to: NaiveDate,
    /// Open or locked.
    pub state: PayPeriodState,
}

/// The person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ScenarioEmployee {
    /// First day of work.
    pub joined: Option<NaiveDate>,
    /// Last day of work.
    pub left: Option<NaiveDate>,
    /// Worker or staff.
    pub category: EmployeeCategory,
    /// Whether the person counts.
    pub active: bool,
    /// Since when missing days count.
    pub missed: ScenarioMissed,
}

/// Since when a person's missing days count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ScenarioMissed {
    /// On all dates of the scenario.
    #[default]
    Always,
    /// As the joining date and the punches say, at a site that began long ago.
    ByPunches,
}

impl Default for ScenarioEmployee {
    fn default() -> Self {
        Self {
            joined: None,
            left: None,
            category: EmployeeCategory::Worker,
            active: true,
            missed: ScenarioMissed::Always,
        }
    }
}

impl Default for Scenario {
    fn default() -> Self {
        Self {
            zone: ScenarioZone::One(chrono_tz::Tz::UTC),
            week_starts_on: Weekday::Monday,
            shifts: BTreeMap::new(),
            rosters: Vec::new(),
            cells: BTreeMap::new(),
            policy: Value::Object(serde_json::Map::new()),
            policy_from: BTreeMap::new(),
            company_rules: Vec::new(),
            holidays: BTreeMap::new(),
            leaves: Vec::new(),
            decisions: Vec::new(),
            pay_periods: Vec::new(),
            employee: ScenarioEmployee::default(),
            punches: Vec::new(),
            from: None,
            to: None,
            as_of: None,
            clocks: BTreeMap::new(),
        }
    }
}

impl Scenario {
    /// Reads a file. Its member `expect`, which says what should come out, is passed over.
    ///
    /// # Errors
    /// The first member that is unknown or of another form.
    pub fn parse(mut file: Value) -> Result<Self, BadScenario> {
        if let Some(members) = file.as_object_mut() {
            members.remove("expect");
        }
        serde_path_to_error::deserialize(file).map_err(|e| BadScenario::Document {
            place: "scenario".into(),
            error: crate::BadDocument::new(e.path().to_string(), e.inner().to_string()),
        })
    }

    /// The zones of the site.
    #[must_use]
    pub fn zones(&self) -> ZoneHistory {
        match &self.zone {
            ScenarioZone::One(zone) => ZoneHistory::single(*zone),
            ScenarioZone::History(history) => history.clone(),
        }
    }

    /// Makes records and facts of it.
    ///
    /// # Errors
    /// The first document that breaks its rules, by its place in the scenario.
    pub fn setting(&self) -> Result<Setting, BadScenario> {
        setting::of(self)
    }
}
