//! A case as the engine's input.

use std::collections::BTreeMap;

use chrono::{Days, NaiveDate, NaiveDateTime};
use shared_model::entity::{
    Company, DayDecision, DayDecisionType, Employee, EmployeeCategory, Holiday, Leave, LeavePortion, Policy,
    RequestState, Roster, RosterBasis, ScopeKind, Shift,
};
use shared_model::text::{Code, Name};
use shared_model::{
    ClockSerial, DayDecisionId, EmployeeId, HolidayId, LeaveId, PolicyId, PunchId, PunchState, RawTime,
    RosterId, ShiftId, SiteId, UserCode, ZoneHistory,
};
use shift_engine::policy::PolicyRules;
use shift_engine::roster::{FixedPattern, RosterPattern};
use shift_engine::shift::{Break, FixedHours, Hours, PunchWindow, ShiftDefinition};
use shift_engine::{
    Ask, Completeness, DayRecord, Instant, Keyed, Minutes, Output, Person, PunchFact, Rulebook, Sources,
    Typed,
};
use uuid::Uuid;

use super::schema::{AssignmentKind, Case, CaseDirection, CasePortion, CaseShift, CorrectionKind};

/// Everything the engine wants of a case.
pub(super) struct Setting {
    book: Rulebook,
    employee: Employee,
    punches: Vec<PunchFact>,
    leaves: Vec<Keyed<Leave>>,
    pub(super) decisions: Vec<Keyed<DayDecision>>,
    pub(super) shifts: BTreeMap<String, ShiftId>,
    pub(super) zone: chrono_tz::Tz,
    from: NaiveDate,
    to: NaiveDate,
    as_of: Instant,
}

fn uuid(space: u128, index: usize) -> Uuid {
    Uuid::from_u128((space << 64) | (index as u128 + 1))
}

fn text<T: std::str::FromStr>(text: &str) -> Result<T, String>
where
    T::Err: std::fmt::Display,
{
    text.parse().map_err(|e| format!("{text:?}: {e}"))
}

/// The instant of a wall time in a case's zone.
pub(super) fn instant(zone: chrono_tz::Tz, wall: NaiveDateTime) -> Instant {
    shared_model::zone::resolve_in(zone, wall).0.into()
}

impl Setting {
    pub(super) fn new(case: &Case, rules: &PolicyRules) -> Result<Self, String> {
        let site = SiteId::from_uuid(uuid(1, 0));
        let id = EmployeeId::from_uuid(uuid(2, 0));
        let shift_ids: BTreeMap<_, _> = case
            .shifts
            .iter()
            .enumerate()
            .map(|(at, shift)| (shift.id.clone(), ShiftId::from_uuid(uuid(3, at))))
            .collect();
        let shifts = case.shifts.iter().map(|shift| Ok((shift_ids[&shift.id], shift_record(shift)?)));
        let shifts: Vec<Keyed<Shift>> = shifts.collect::<Result<_, String>>()?;
        let policy = Policy {
            name: text("case")?,
            effective_from: NaiveDate::MIN,
            scope_kind: ScopeKind::Company,
            scope: None,
            rules: rules.to_document(),
        };
        let zones = ZoneHistory::single(case.timezone);
        let book = Rulebook::build(&Sources {
            company: &Company {
                name: text("case")?,
                week_starts_on: case.week_starts_on,
                locale: text("en")?,
            },
            site,
            zones: &zones,
            departments: &[],
            shifts: &shifts,
            rosters: &rosters(case, &shift_ids)?,
            policies: &[(PolicyId::from_uuid(uuid(4, 0)), policy)],
            holidays: &holidays(case)?,
            pay_periods: &[],
            company_rules: &[],
        });
        if let Some(problem) = book.problems().first() {
            return Err(format!("{}: {}", problem.kind.as_str(), problem.error));
        }
        let employee = Employee {
            code: text("1")?,
            name: text("case")?,
            site,
            department: None,
            designation: None,
            category: EmployeeCategory::Worker,
            gender: None,
            joined: case.employee.joined,
            left: case.employee.left,
            active: case.employee.active.unwrap_or(true),
            phone: None,
            card: None,
        };
        let (from, to) = span(case);
        let after = to.checked_add_days(Days::new(60)).unwrap_or(to).and_time(chrono::NaiveTime::MIN);
        Ok(Self {
            book,
            employee,
            punches: punches(case)?,
            leaves: leaves(case, id)?,
            decisions: decisions(case, id)?,
            shifts: shift_ids,
            zone: case.timezone,
            from,
            to,
            as_of: instant(case.timezone, case.as_of.unwrap_or(after)),
        })
    }

    pub(super) fn employee(&self) -> EmployeeId {
        EmployeeId::from_uuid(uuid(2, 0))
    }

    /// Runs the engine, with what an earlier run stored.
    pub(super) fn compute(&self, stored: &[DayRecord]) -> Output {
        let person = Person {
            id: self.employee(),
            record: &self.employee,
            counted_from: NaiveDate::MIN,
            punches: &self.punches,
            notes: &[],
            cells: &[],
            leaves: &self.leaves,
            decisions: &self.decisions,
            stored,
        };
        let completeness = Completeness::Clocks(Vec::new());
        let ask = Ask {
            from: self.from,
            to: self.to,
            as_of: self.as_of,
            completeness: &completeness,
            explain: true,
        };
        shift_engine::compute(&self.book, &person, &ask)
    }
}

/// All dates a case speaks of, and the weeks around them.
fn span(case: &Case) -> (NaiveDate, NaiveDate) {
    let expected = case.expected.days.iter().filter_map(|day| day.0.get("date")?.as_str()?.parse().ok());
    let scheduled = case.expected.scheduled.iter().map(|entry| entry.date);
    let weeks = case.expected.week_totals.iter().map(|week| week.week_of);
    let punched = case.punches.iter().map(|punch| punch.at.date());
    let dates: Vec<NaiveDate> = expected.chain(scheduled).chain(weeks).chain(punched).collect();
    let first = dates.iter().min().copied().unwrap_or_default();
    let last = dates.iter().max().copied().unwrap_or_default();
    let week = Days::new(7);
    (first.checked_sub_days(week).unwrap_or(first), last.checked_add_days(week).unwrap_or(last))
}

fn shift_record(shift: &CaseShift) -> Result<Shift, String> {
    let breaks =
        shift.breaks.iter().map(|pause| Break { start: pause.start, end: pause.end, paid: pause.paid });
    // Where breaks are given without the paid time, a case means the time from start to end.
    let whole = shift.end.after(shift.start) - shift.start.seconds();
    let nominal = u32::try_from(whole.whole_minutes()).map_err(|e| e.to_string())?;
    let expected = shift.expected_min.or((!shift.breaks.is_empty()).then_some(nominal));
    let hours = Hours::Fixed(FixedHours {
        start: shift.start,
        end: shift.end,
        breaks: breaks.collect(),
        expected_min: expected.map(Minutes::new),
    });
    let window = PunchWindow {
        before_min: Minutes::new(shift.punch_window.before_min),
        after_min: Minutes::new(shift.punch_window.after_min),
    };
    let definition = ShiftDefinition { hours, window, ..ShiftDefinition::fixed(shift.start, shift.end) };
    Ok(Shift {
        code: text::<Code>(&shift.id)?,
        name: text::<Name>(&shift.id)?,
        definition: definition.to_document(),
        active: true,
    })
}

fn rosters(case: &Case, shifts: &BTreeMap<String, ShiftId>) -> Result<Vec<Keyed<Roster>>, String> {
    let one = |(at, assignment): (usize, &super::schema::CaseAssignment)| {
        let shift =
            shifts.get(&assignment.shift).ok_or_else(|| format!("no shift {:?}", assignment.shift))?;
        let weekdays = assignment.weekdays.as_ref().map(|days| days.iter().copied().collect());
        let pattern = RosterPattern::Fixed(FixedPattern { shifts: vec![*shift], weekdays });
        let basis = match assignment.kind {
            AssignmentKind::Roster => RosterBasis::Roster,
            AssignmentKind::Default => RosterBasis::Default,
        };
        let roster = Roster {
            scope_kind: ScopeKind::Company,
            scope: None,
            basis,
            from: assignment.from,
            to: assignment.to,
            pattern: pattern.to_document(),
        };
        Ok((RosterId::from_uuid(uuid(5, at)), roster))
    };
    case.assignments.iter().enumerate().map(one).collect()
}

fn holidays(case: &Case) -> Result<Vec<Keyed<Holiday>>, String> {
    let one = |(at, holiday): (usize, &super::schema::CaseHoliday)| {
        let (date, holiday_type) = (holiday.date, holiday.kind);
        let record = Holiday { date, name: text("holiday")?, holiday_type, site: None, group: None };
        Ok((HolidayId::from_uuid(uuid(6, at)), record))
    };
    case.calendar.holidays.iter().enumerate().map(one).collect()
}

fn leaves(case: &Case, employee: EmployeeId) -> Result<Vec<Keyed<Leave>>, String> {
    let one = |(at, leave): (usize, &super::schema::CaseLeave)| {
        let portion = match leave.portion {
            CasePortion::Full => LeavePortion::Full,
            CasePortion::Half => LeavePortion::FirstHalf,
        };
        let record = Leave {
            employee,
            from: leave.date,
            to: leave.date,
            portion,
            start: None,
            end: None,
            leave_type: text("L")?,
            paid: leave.paid,
            state: RequestState::Approved,
            reason: None,
        };
        Ok((LeaveId::from_uuid(uuid(7, at)), record))
    };
    case.calendar.leaves.iter().enumerate().map(one).collect()
}

/// A decision of a type about a date, approved, with nothing else set.
pub(super) fn decision(employee: EmployeeId, date: NaiveDate, decision_type: DayDecisionType) -> DayDecision {
    let state = RequestState::Approved;
    DayDecision {
        employee,
        date,
        decision_type,
        seconds: None,
        start: None,
        end: None,
        status: None,
        state,
        reason: None,
    }
}

pub(super) fn decision_id(index: usize) -> DayDecisionId {
    DayDecisionId::from_uuid(uuid(8, index))
}

fn decisions(case: &Case, employee: EmployeeId) -> Result<Vec<Keyed<DayDecision>>, String> {
    let mut decisions = Vec::new();
    for correction in &case.calendar.corrections {
        let kind = match correction.kind {
            CorrectionKind::OnDuty => DayDecisionType::OnDuty,
        };
        for date in correction.from.iter_days().take_while(|date| *date <= correction.to) {
            let record = DayDecision { state: correction.state, ..decision(employee, date, kind) };
            decisions.push((decision_id(decisions.len()), record));
        }
    }
    for manual in &case.calendar.manual {
        let late = if manual.late { "+late" } else { "" };
        let early = if manual.early_exit { "+early_exit" } else { "" };
        let status = Some(text(&format!("{}{late}{early}", manual.status))?);
        let record = DayDecision { status, ..decision(employee, manual.date, DayDecisionType::ManualStatus) };
        decisions.push((decision_id(decisions.len()), record));
    }
    Ok(decisions)
}

/// Each punch from a clock of its own: a case may have an in and an out, or two offsets, at one wall time.
fn punches(case: &Case) -> Result<Vec<PunchFact>, String> {
    let code: UserCode = text("1")?;
    let one = |(at, punch): (usize, &super::schema::CasePunch)| {
        let serial: ClockSerial = text(&format!("C{at}"))?;
        let raw_time = RawTime::new(punch.at);
        let local = punch.at.and_local_timezone(punch.offset).single();
        let instant = local.ok_or_else(|| format!("{} has no instant", punch.at))?.to_utc().into();
        let state = punch.dir.map(|dir| match dir {
            CaseDirection::In => PunchState::In,
            CaseDirection::Out => PunchState::Out,
        });
        Ok(PunchFact { id: PunchId::of_clock(&serial, &code, raw_time), raw_time, instant, state })
    };
    case.punches.iter().enumerate().map(one).collect()
}
