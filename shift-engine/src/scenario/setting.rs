//! From a scenario to the records and facts that the engine takes.

use std::collections::BTreeMap;

use chrono::{Days, NaiveDate, NaiveDateTime, TimeDelta};
use serde_json::Value;
use shared_model::entity::{
    Company, CompanyRule, DayDecision, Employee, Holiday, HolidayType, Leave, PayPeriod, Policy, PunchNote,
    PunchNoteType, Roster, RosterDay, ScopeKind, Shift,
};
use shared_model::record::Document;
use shared_model::text::BadText;
use shared_model::{
    ClockSerial, CompanyRuleId, DayDecisionId, EmployeeId, HolidayId, LeaveId, PayPeriodId, PolicyId,
    PunchId, PunchNoteId, PunchState, RawTime, RosterDayId, RosterId, ShiftId, SiteId, UserCode, ZoneHistory,
};
use uuid::Uuid;

use super::{PunchLine, Scenario, ScenarioMissed};
use crate::brief::Brief;
use crate::document::BadDocument;
use crate::employment::Employment;
use crate::input::{Ask, ClockProgress, Completeness, Keyed, Person, PunchFact};
use crate::pipeline::{Output, compute};
use crate::record::DayRecord;
use crate::rulebook::{Problem, Rulebook, Sources};
use crate::time::Instant;

/// A scenario as the engine's input.
#[derive(Debug)]
pub struct Setting {
    /// The rules.
    pub book: Rulebook,
    /// The person's record.
    pub record: Employee,
    /// Since when missing days count.
    pub counted_from: NaiveDate,
    /// The person's punches.
    pub punches: Vec<PunchFact>,
    /// Notes on them.
    pub notes: Vec<Keyed<PunchNote>>,
    /// Edited roster cells.
    pub cells: Vec<Keyed<RosterDay>>,
    /// Leaves.
    pub leaves: Vec<Keyed<Leave>>,
    /// Decisions.
    pub decisions: Vec<Keyed<DayDecision>>,
    /// How far the clocks were read.
    pub completeness: Completeness,
    /// First work date.
    pub from: NaiveDate,
    /// Last work date.
    pub to: NaiveDate,
    /// The moment of the calculation.
    pub as_of: Instant,
    /// The site's zones.
    pub zones: ZoneHistory,
    codes: BTreeMap<ShiftId, String>,
}

/// Why a scenario makes no sense.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadScenario {
    /// A document breaks its rules.
    #[error("{place}: {error}")]
    Document {
        /// Which one, such as `shifts.A`.
        place: String,
        /// What is wrong.
        error: BadDocument,
    },
    /// A text breaks its rules.
    #[error(transparent)]
    Text(#[from] BadText),
    /// Neither punches nor dates say which days are meant.
    #[error("no dates: give punches, or from and to")]
    NoDates,
    /// More dates than anybody looks at.
    #[error("from {from} to {to} is more than {max} days")]
    TooLong {
        /// First date.
        from: NaiveDate,
        /// Last date.
        to: NaiveDate,
        /// The most days taken.
        max: i64,
    },
}

/// The most days of a scenario.
const MAX_DAYS: i64 = 800;

/// Ids of records of a scenario: fixed, so that the same scenario gives the same bytes.
fn id<I: From<Uuid>>(space: u128, index: usize) -> I {
    I::from(Uuid::from_u128((space << 64) | (index as u128 + 1)))
}

const EMPLOYEE: u128 = 2;
const SHIFT: u128 = 3;
const POLICY: u128 = 4;
const ROSTER: u128 = 5;
const RULE: u128 = 10;

/// Puts ids in the place of shift names in the lists of a document.
fn with_ids(value: &Value, ids: &BTreeMap<&str, ShiftId>) -> Value {
    let in_list = |item: &Value| match item.as_str().and_then(|name| ids.get(name)) {
        Some(id) => Value::String(id.to_string()),
        None => with_ids(item, ids),
    };
    match value {
        Value::Array(items) => Value::Array(items.iter().map(in_list).collect()),
        Value::Object(members) => {
            Value::Object(members.iter().map(|(name, value)| (name.clone(), with_ids(value, ids))).collect())
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.clone(),
    }
}

pub(super) fn of(scenario: &Scenario) -> Result<Setting, BadScenario> {
    let codes: Vec<&str> = scenario.shifts.keys().map(String::as_str).collect();
    let ids: BTreeMap<&str, ShiftId> =
        codes.iter().enumerate().map(|(at, code)| (*code, id(SHIFT, at))).collect();
    let records = Records { scenario, ids: &ids };
    let zones = scenario.zones();
    let (from, to) = span(scenario)?;
    let after = to.checked_add_days(Days::new(60)).unwrap_or(to).and_time(chrono::NaiveTime::MIN);
    let at = |wall: NaiveDateTime| Instant::from(zones.resolve(wall).0);
    let book = records.book(&zones)?;
    let (punches, notes) = records.punches(&zones)?;
    Ok(Setting {
        book,
        record: records.employee()?,
        counted_from: counted_from(scenario),
        punches,
        notes,
        cells: records.cells(),
        leaves: records.leaves()?,
        decisions: records.decisions(),
        completeness: records.completeness(at)?,
        from,
        to,
        as_of: at(scenario.as_of.unwrap_or(after)),
        zones: zones.clone(),
        codes: ids.iter().map(|(code, id)| (*id, (*code).to_owned())).collect(),
    })
}

/// The dates meant: those given, else those of the punches.
fn span(scenario: &Scenario) -> Result<(NaiveDate, NaiveDate), BadScenario> {
    let dates = || scenario.punches.iter().map(|line| line.at.date());
    let from = scenario.from.or_else(|| dates().min()).ok_or(BadScenario::NoDates)?;
    let to = scenario.to.or_else(|| dates().max()).unwrap_or(from);
    if (to - from).num_days() > MAX_DAYS {
        return Err(BadScenario::TooLong { from, to, max: MAX_DAYS });
    }
    Ok((from, to))
}

fn counted_from(scenario: &Scenario) -> NaiveDate {
    let punched = scenario.punches.iter().filter(|line| !line.void).map(|line| line.at.date());
    match scenario.employee.missed {
        ScenarioMissed::Always => NaiveDate::MIN,
        ScenarioMissed::ByPunches => {
            Employment::of(scenario.employee.joined, punched, NaiveDate::MIN).counted_from
        }
    }
}

struct Records<'a> {
    scenario: &'a Scenario,
    ids: &'a BTreeMap<&'a str, ShiftId>,
}

impl Records<'_> {
    fn book(&self, zones: &ZoneHistory) -> Result<Rulebook, BadScenario> {
        let company = Company {
            name: "Scenario".parse()?,
            week_starts_on: self.scenario.week_starts_on,
            locale: "en".parse()?,
        };
        let book = Rulebook::build(&Sources {
            company: &company,
            site: id(1, 0),
            zones,
            departments: &[],
            shifts: &self.shifts()?,
            rosters: &self.rosters(),
            policies: &self.policies()?,
            holidays: &self.holidays()?,
            pay_periods: &self.pay_periods(),
            company_rules: &self.company_rules()?,
        });
        match book.problems().first() {
            None => Ok(book),
            Some(problem) => {
                Err(BadScenario::Document { place: self.place(problem), error: problem.error.clone() })
            }
        }
    }

    /// Where in the scenario a record with a problem stands.
    fn place(&self, problem: &Problem) -> String {
        use shared_model::Kind;
        let index = usize::try_from(problem.key.as_u128() & u128::from(u32::MAX)).unwrap_or_default();
        let index = index.saturating_sub(1);
        if problem.kind == Kind::Shift {
            let code = self.ids.iter().find(|(_, id)| id.uuid() == problem.key).map(|(code, _)| *code);
            return format!("shifts.{}", code.unwrap_or_default());
        }
        if problem.kind == Kind::Policy {
            let version = index.checked_sub(1);
            let date = version.and_then(|version| self.scenario.policy_from.keys().nth(version));
            return date.map_or_else(|| "policy".into(), |date| format!("policy_from.{date}"));
        }
        let list = if problem.kind == Kind::Roster { "rosters" } else { "company_rules" };
        format!("{list}[{index}]")
    }

    fn shifts(&self) -> Result<Vec<Keyed<Shift>>, BadScenario> {
        let one = |(code, definition): (&String, &Value)| {
            let definition = Document(definition.clone());
            let record = Shift { code: code.parse()?, name: code.parse()?, definition, active: true };
            Ok((self.ids[code.as_str()], record))
        };
        self.scenario.shifts.iter().map(one).collect()
    }

    fn rosters(&self) -> Vec<Keyed<Roster>> {
        let employee: EmployeeId = id(EMPLOYEE, 0);
        let one = |(at, roster): (usize, &super::ScenarioRoster)| {
            let pattern = serde_json::to_value(&roster.pattern).unwrap_or_default();
            let record = Roster {
                scope_kind: ScopeKind::Employee,
                scope: Some(employee.uuid()),
                basis: roster.basis,
                from: roster.from.unwrap_or(NaiveDate::MIN),
                to: roster.to,
                pattern: Document(with_ids(&pattern, self.ids)),
            };
            (id::<RosterId>(ROSTER, at), record)
        };
        self.scenario.rosters.iter().enumerate().map(one).collect()
    }

    fn policies(&self) -> Result<Vec<Keyed<Policy>>, BadScenario> {
        let first = (&NaiveDate::MIN, &self.scenario.policy);
        let one = |(at, (from, rules)): (usize, (&NaiveDate, &Value))| {
            let record = Policy {
                name: "Policy".parse()?,
                effective_from: *from,
                scope_kind: ScopeKind::Company,
                scope: None,
                rules: Document(with_ids(rules, self.ids)),
            };
            Ok((id::<PolicyId>(POLICY, at), record))
        };
        std::iter::once(first).chain(&self.scenario.policy_from).enumerate().map(one).collect()
    }

    fn holidays(&self) -> Result<Vec<Keyed<Holiday>>, BadScenario> {
        let one = |(at, (date, holiday_type)): (usize, (&NaiveDate, &HolidayType))| {
            let (date, holiday_type) = (*date, *holiday_type);
            let record = Holiday { date, name: "Holiday".parse()?, holiday_type, site: None, group: None };
            Ok((id::<HolidayId>(6, at), record))
        };
        self.scenario.holidays.iter().enumerate().map(one).collect()
    }

    fn pay_periods(&self) -> Vec<Keyed<PayPeriod>> {
        let one = |(at, period): (usize, &super::ScenarioPeriod)| {
            let record = PayPeriod { site: None, from: period.from, to: period.to, state: period.state };
            (id::<PayPeriodId>(9, at), record)
        };
        self.scenario.pay_periods.iter().enumerate().map(one).collect()
    }

    fn company_rules(&self) -> Result<Vec<Keyed<CompanyRule>>, BadScenario> {
        let one = |(at, rule): (usize, &Value)| {
            let record = CompanyRule {
                name: "Rule".parse()?,
                effective_from: NaiveDate::MIN,
                rule: Document(rule.clone()),
                active: true,
            };
            Ok((id::<CompanyRuleId>(RULE, at), record))
        };
        self.scenario.company_rules.iter().enumerate().map(one).collect()
    }

    fn employee(&self) -> Result<Employee, BadScenario> {
        let employee = &self.scenario.employee;
        Ok(Employee {
            code: "1".parse()?,
            name: "Scenario".parse()?,
            site: id::<SiteId>(1, 0),
            department: None,
            designation: None,
            category: employee.category,
            gender: None,
            joined: employee.joined,
            left: employee.left,
            active: employee.active,
            phone: None,
            card: None,
        })
    }

    /// Punches, each with an id that does not depend on its place in the list.
    fn punches(&self, zones: &ZoneHistory) -> Result<(Vec<PunchFact>, Vec<Keyed<PunchNote>>), BadScenario> {
        let code: UserCode = "1".parse()?;
        let mut met: BTreeMap<PunchLine, usize> = BTreeMap::new();
        let (mut punches, mut notes) = (Vec::new(), Vec::new());
        for line in &self.scenario.punches {
            let times = met.entry(*line).or_default();
            *times += 1;
            let way = line.is_in.map_or("x", |is_in| if is_in { "i" } else { "o" });
            let offset = line.offset.unwrap_or_default().unsigned_abs();
            let serial: ClockSerial = format!("{way}{}{offset}-{times}", u8::from(line.void)).parse()?;
            let raw_time = RawTime::new(line.at);
            let instant = match line.offset {
                Some(offset) => Instant::from((line.at - TimeDelta::seconds(offset.into())).and_utc()),
                None => zones.resolve(line.at).0.into(),
            };
            let state = line.is_in.map(|is_in| if is_in { PunchState::In } else { PunchState::Out });
            let punch =
                PunchFact { id: PunchId::of_clock(&serial, &code, raw_time), raw_time, instant, state };
            if line.void {
                notes.push((id::<PunchNoteId>(11, notes.len()), void(punch.id)));
            }
            punches.push(punch);
        }
        Ok((punches, notes))
    }

    fn cells(&self) -> Vec<Keyed<RosterDay>> {
        let one = |(at, (date, shifts)): (usize, (&NaiveDate, &Vec<String>))| {
            let names = Value::from(shifts.clone());
            let record = RosterDay {
                employee: id(EMPLOYEE, 0),
                date: *date,
                shifts: Document(with_ids(&names, self.ids)),
                note: None,
            };
            (id::<RosterDayId>(12, at), record)
        };
        self.scenario.cells.iter().enumerate().map(one).collect()
    }

    fn leaves(&self) -> Result<Vec<Keyed<Leave>>, BadScenario> {
        let one = |(at, leave): (usize, &super::ScenarioLeave)| {
            let record = Leave {
                employee: id(EMPLOYEE, 0),
                from: leave.from,
                to: leave.to.unwrap_or(leave.from),
                portion: leave.portion,
                start: leave.start,
                end: leave.end,
                leave_type: "L".parse()?,
                paid: leave.paid,
                state: leave.state,
                reason: None,
            };
            Ok((id::<LeaveId>(7, at), record))
        };
        self.scenario.leaves.iter().enumerate().map(one).collect()
    }

    fn decisions(&self) -> Vec<Keyed<DayDecision>> {
        let one = |(at, decision): (usize, &super::ScenarioDecision)| {
            let record = DayDecision {
                employee: id(EMPLOYEE, 0),
                date: decision.date,
                decision_type: decision.decision_type,
                seconds: decision.minutes.map(|minutes| minutes.saturating_mul(60)),
                start: decision.start.map(RawTime::new),
                end: decision.end.map(RawTime::new),
                status: decision.status.clone(),
                state: decision.state,
                reason: None,
            };
            (id::<DayDecisionId>(8, at), record)
        };
        self.scenario.decisions.iter().enumerate().map(one).collect()
    }

    fn completeness(&self, at: impl Fn(NaiveDateTime) -> Instant) -> Result<Completeness, BadScenario> {
        let one = |(serial, read_to): (&String, &Option<NaiveDateTime>)| {
            Ok(ClockProgress { serial: serial.parse()?, read_to: read_to.map(&at) })
        };
        let clocks: Result<_, BadScenario> = self.scenario.clocks.iter().map(one).collect();
        Ok(Completeness::Clocks(clocks?))
    }
}

fn void(punch: PunchId) -> PunchNote {
    PunchNote { punch, note_type: PunchNoteType::Void, other: None, zone: None, flag: None, reason: None }
}

impl Setting {
    /// The person, with records that are stored already.
    #[must_use]
    pub fn person<'a>(&'a self, stored: &'a [DayRecord]) -> Person<'a> {
        Person {
            id: id(EMPLOYEE, 0),
            record: &self.record,
            counted_from: self.counted_from,
            punches: &self.punches,
            notes: &self.notes,
            cells: &self.cells,
            leaves: &self.leaves,
            decisions: &self.decisions,
            stored,
        }
    }

    /// The question about all its dates, with explanations.
    #[must_use]
    pub fn ask(&self) -> Ask<'_> {
        Ask {
            from: self.from,
            to: self.to,
            as_of: self.as_of,
            completeness: &self.completeness,
            explain: true,
        }
    }

    /// Works out all its dates.
    #[must_use]
    pub fn compute(&self) -> Output {
        compute(&self.book, &self.person(&[]), &self.ask())
    }

    /// Its days in the words of people.
    #[must_use]
    pub const fn brief(&self) -> Brief<'_> {
        Brief::new(&self.zones, &self.codes)
    }
}
