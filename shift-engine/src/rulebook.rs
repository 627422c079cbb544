//! What is the same for everybody at a site: zone, shifts, rosters, policies, holidays, locked periods, company rules.
//!
//! Built once from the records, then shared by every computation. A record whose document cannot be read does not stop
//! the others: it is left out and listed in [`Rulebook::problems`].

mod version;

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};

use chrono::NaiveDate;
use shared_model::entity::{
    Company, CompanyRule, Department, Employee, Holiday, HolidayType, PayPeriod, PayPeriodState, Policy,
    Roster, RosterBasis, ScopeKind, Shift, Weekday,
};
use shared_model::text::Code;
use shared_model::{
    CompanyRuleId, DepartmentId, EmployeeId, Kind, PolicyId, RosterId, ShiftId, SiteId, ZoneHistory,
};
use uuid::Uuid;

use crate::ENGINE_VERSION;
use crate::civil::{Civil, ZONE_DATA};
use crate::company_rule::CompanyRuleDefinition;
use crate::document::{BadDocument, Typed};
use crate::input::Keyed;
use crate::policy::PolicyRules;
use crate::roster::{PatternDay, RosterPattern};
use crate::shift::ShiftDefinition;

/// The records a rulebook is built from. They may hold more than the site's; the order does not matter.
#[derive(Debug, Clone, Copy)]
pub struct Sources<'a> {
    /// The company.
    pub company: &'a Company,
    /// The site.
    pub site: SiteId,
    /// Its zones.
    pub zones: &'a ZoneHistory,
    /// Departments: a person belongs to the own one and all above it.
    pub departments: &'a [Keyed<Department>],
    /// Shifts.
    pub shifts: &'a [Keyed<Shift>],
    /// Roster assignments.
    pub rosters: &'a [Keyed<Roster>],
    /// Policy versions.
    pub policies: &'a [Keyed<Policy>],
    /// Holidays.
    pub holidays: &'a [Keyed<Holiday>],
    /// Pay periods.
    pub pay_periods: &'a [Keyed<PayPeriod>],
    /// Company rules.
    pub company_rules: &'a [Keyed<CompanyRule>],
}

/// Engine and zone data of this build, such as `1/2025b`.
#[must_use]
pub fn engine_label() -> String {
    format!("{ENGINE_VERSION}/{ZONE_DATA}")
}

/// A record that could not be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The record's kind.
    pub kind: Kind,
    /// Its key.
    pub key: Uuid,
    /// What is wrong.
    pub error: BadDocument,
}

/// What is the same for everybody at a site.
#[derive(Debug)]
pub struct Rulebook {
    zones: ZoneHistory,
    site: SiteId,
    week_starts_on: Weekday,
    parents: BTreeMap<DepartmentId, Option<DepartmentId>>,
    shifts: BTreeMap<ShiftId, KnownShift>,
    assignments: HashMap<Scope, Vec<Assignment>>,
    policies: HashMap<Scope, Vec<PolicyVersion>>,
    holidays: BTreeMap<NaiveDate, Vec<KnownHoliday>>,
    pay_periods: Vec<KnownPeriod>,
    company_rules: Vec<KnownRule>,
    fallback: PolicyRules,
    problems: Vec<Problem>,
    version: [u8; 32],
}

/// A shift whose definition was read.
#[derive(Debug)]
pub(crate) struct KnownShift {
    pub(crate) code: Code,
    pub(crate) active: bool,
    pub(crate) definition: ShiftDefinition,
}

#[derive(Debug)]
struct Assignment {
    id: RosterId,
    basis: RosterBasis,
    from: NaiveDate,
    to: Option<NaiveDate>,
    pattern: RosterPattern,
}

#[derive(Debug)]
struct PolicyVersion {
    id: PolicyId,
    effective_from: NaiveDate,
    rules: PolicyRules,
}

#[derive(Debug)]
struct KnownHoliday {
    kind: HolidayType,
    group: Option<Code>,
}

/// A pay period, open or locked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct KnownPeriod {
    pub(crate) from: NaiveDate,
    pub(crate) to: NaiveDate,
    pub(crate) locked: bool,
}

/// A company rule that compiles.
#[derive(Debug)]
pub(crate) struct KnownRule {
    pub(crate) id: CompanyRuleId,
    pub(crate) effective_from: NaiveDate,
    pub(crate) definition: CompanyRuleDefinition,
    pub(crate) program: cel::Program,
}

/// Whom a roster or policy is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Scope {
    Company,
    Site(SiteId),
    Department(DepartmentId),
    Employee(EmployeeId),
}

impl Scope {
    fn of(kind: ScopeKind, id: Option<Uuid>) -> Result<Self, BadDocument> {
        let missing = || BadDocument::new("scope", "is missing");
        Ok(match kind {
            ScopeKind::Company => Self::Company,
            ScopeKind::Site => Self::Site(SiteId::from_uuid(id.ok_or_else(missing)?)),
            ScopeKind::Department => Self::Department(DepartmentId::from_uuid(id.ok_or_else(missing)?)),
            ScopeKind::Employee => Self::Employee(EmployeeId::from_uuid(id.ok_or_else(missing)?)),
        })
    }
}

/// What counts for a person because of a scope that the person belongs to, the narrowest scope first.
#[derive(Debug)]
pub(crate) struct Memberships<'a> {
    policies: Vec<&'a [PolicyVersion]>,
    assignments: Vec<&'a [Assignment]>,
}

/// Where a date's shifts come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ShiftSource {
    /// An edited cell.
    Cell,
    /// A roster assignment.
    Roster,
    /// A default assignment.
    Default,
    /// Nothing.
    Nothing,
}

impl ShiftSource {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Cell => "cell",
            Self::Roster => "roster",
            Self::Default => "default",
            Self::Nothing => "nothing",
        }
    }
}

/// The shifts that assignments give for a date.
#[derive(Debug)]
pub(crate) struct Assigned<'a> {
    pub(crate) shifts: Cow<'a, [ShiftId]>,
    /// Whether the pattern itself says which days are off.
    pub(crate) explicit: bool,
    pub(crate) source: ShiftSource,
}

impl Rulebook {
    /// Reads the records.
    #[must_use]
    pub fn build(sources: &Sources<'_>) -> Self {
        let mut book = Self {
            zones: sources.zones.clone(),
            site: sources.site,
            week_starts_on: sources.company.week_starts_on,
            parents: sources.departments.iter().map(|(id, record)| (*id, record.parent)).collect(),
            shifts: BTreeMap::new(),
            assignments: HashMap::new(),
            policies: HashMap::new(),
            holidays: BTreeMap::new(),
            pay_periods: Vec::new(),
            company_rules: Vec::new(),
            fallback: PolicyRules::default(),
            problems: Vec::new(),
            version: version::of(sources),
        };
        for (id, shift) in sources.shifts {
            if let Some(definition) =
                book.checked(Kind::Shift, id.uuid(), ShiftDefinition::parse(&shift.definition))
            {
                let known = KnownShift { code: shift.code.clone(), active: shift.active, definition };
                book.shifts.insert(*id, known);
            }
        }
        for (id, roster) in sources.rosters {
            let read = Scope::of(roster.scope_kind, roster.scope)
                .and_then(|scope| RosterPattern::parse(&roster.pattern).map(|pattern| (scope, pattern)));
            if let Some((scope, pattern)) = book.checked(Kind::Roster, id.uuid(), read) {
                let (basis, from, to) = (roster.basis, roster.from, roster.to);
                let known = Assignment { id: *id, basis, from, to, pattern };
                book.assignments.entry(scope).or_default().push(known);
            }
        }
        for of_scope in book.assignments.values_mut() {
            of_scope.sort_by_key(|assignment| assignment.id);
        }
        for (id, policy) in sources.policies {
            let read = Scope::of(policy.scope_kind, policy.scope)
                .and_then(|scope| PolicyRules::parse(&policy.rules).map(|rules| (scope, rules)));
            if let Some((scope, rules)) = book.checked(Kind::Policy, id.uuid(), read) {
                let known = PolicyVersion { id: *id, effective_from: policy.effective_from, rules };
                book.policies.entry(scope).or_default().push(known);
            }
        }
        for (_, holiday) in sources.holidays {
            if holiday.site.is_none_or(|site| site == sources.site) {
                let known = KnownHoliday { kind: holiday.holiday_type, group: holiday.group.clone() };
                book.holidays.entry(holiday.date).or_default().push(known);
            }
        }
        for (_, period) in sources.pay_periods {
            if period.site.is_none_or(|site| site == sources.site) {
                let locked = period.state == PayPeriodState::Locked;
                book.pay_periods.push(KnownPeriod { from: period.from, to: period.to, locked });
            }
        }
        book.pay_periods.sort_by_key(|period| (period.from, period.to));
        for (id, rule) in sources.company_rules.iter().filter(|(_, rule)| rule.active) {
            let read = CompanyRuleDefinition::parse(&rule.rule).and_then(|definition| {
                let program = cel::Program::compile(&definition.when);
                let program = program.map_err(|e| BadDocument::new("when", e.to_string()))?;
                Ok(KnownRule { id: *id, effective_from: rule.effective_from, definition, program })
            });
            if let Some(known) = book.checked(Kind::CompanyRule, id.uuid(), read) {
                book.company_rules.push(known);
            }
        }
        book.company_rules.sort_by_key(|rule| rule.id);
        book
    }

    fn checked<T>(&mut self, kind: Kind, key: Uuid, read: Result<T, BadDocument>) -> Option<T> {
        read.map_err(|error| self.problems.push(Problem { kind, key, error })).ok()
    }

    /// The records that could not be used.
    #[must_use]
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    /// The site it is for.
    #[must_use]
    pub const fn site(&self) -> SiteId {
        self.site
    }

    /// What everything in it hashes to, engine and zone data included: digests are compared only between equal ones.
    #[must_use]
    pub const fn version(&self) -> &[u8; 32] {
        &self.version
    }

    /// Engine, zone data and rules in short: what two sides compare before they compare digests.
    #[must_use]
    pub fn label(&self) -> String {
        let version: String = self.version[..8].iter().map(|byte| format!("{byte:02x}")).collect();
        format!("{}/{version}", engine_label())
    }

    /// The first day of the week.
    #[must_use]
    pub const fn week_starts_on(&self) -> Weekday {
        self.week_starts_on
    }

    /// Whether a date lies in a locked pay period.
    #[must_use]
    pub fn is_locked(&self, date: NaiveDate) -> bool {
        self.pay_periods.iter().any(|period| period.locked && period.from <= date && date <= period.to)
    }

    pub(crate) fn pay_periods(&self) -> &[KnownPeriod] {
        &self.pay_periods
    }

    pub(crate) fn company_rules(&self) -> &[KnownRule] {
        &self.company_rules
    }

    pub(crate) const fn civil(&self) -> Civil<'_> {
        Civil::new(&self.zones)
    }

    pub(crate) fn shift(&self, id: ShiftId) -> Option<&KnownShift> {
        self.shifts.get(&id)
    }

    pub(crate) fn active_shifts(&self) -> impl Iterator<Item = ShiftId> {
        self.shifts.iter().filter(|(_, shift)| shift.active).map(|(id, _)| *id)
    }

    /// What counts for a person: own department first, then those above it.
    pub(crate) fn memberships(&self, employee: EmployeeId, record: &Employee) -> Memberships<'_> {
        let mut departments = Vec::new();
        let mut next = record.department;
        while let Some(id) = next.filter(|id| !departments.contains(id)) {
            departments.push(id);
            next = self.parents.get(&id).copied().flatten();
        }
        let mut scopes = vec![Scope::Employee(employee)];
        scopes.extend(departments.into_iter().map(Scope::Department));
        scopes.extend([Scope::Site(record.site), Scope::Company]);
        Memberships {
            policies: scopes.iter().filter_map(|scope| self.policies.get(scope)).map(Vec::as_slice).collect(),
            assignments: scopes
                .iter()
                .filter_map(|scope| self.assignments.get(scope))
                .map(Vec::as_slice)
                .collect(),
        }
    }

    /// The policy in force: of the narrowest scope, the version that took effect last; of two on one day, the later id.
    pub(crate) fn policy<'a>(
        &'a self,
        who: &Memberships<'a>,
        date: NaiveDate,
    ) -> (Option<PolicyId>, &'a PolicyRules) {
        let in_force = who.policies.iter().find_map(|of_scope| {
            let versions = of_scope.iter().filter(|version| version.effective_from <= date);
            versions.max_by_key(|version| (version.effective_from, version.id))
        });
        in_force.map_or((None, &self.fallback), |version| (Some(version.id), &version.rules))
    }

    /// Every policy version that may ever count for a person.
    pub(crate) fn policies<'a>(&'a self, who: &Memberships<'a>) -> impl Iterator<Item = &'a PolicyRules> {
        let versions = who.policies.iter().copied().flatten();
        versions.map(|version| &version.rules).chain([&self.fallback])
    }

    /// What assignments say of a date: rosters before defaults, the narrowest scope that says anything, and of that
    /// scope all assignments together.
    pub(crate) fn assigned<'a>(who: &Memberships<'a>, date: NaiveDate) -> Assigned<'a> {
        for (basis, source) in
            [(RosterBasis::Roster, ShiftSource::Roster), (RosterBasis::Default, ShiftSource::Default)]
        {
            let found = who.assignments.iter().find_map(|of_scope| {
                let covers = |assignment: &&Assignment| {
                    assignment.basis == basis
                        && assignment.from <= date
                        && assignment.to.is_none_or(|to| date <= to)
                };
                together(of_scope.iter().filter(covers).map(|assignment| assignment.pattern.on(date)), source)
            });
            if let Some(found) = found {
                return found;
            }
        }
        Assigned { shifts: Cow::default(), explicit: false, source: ShiftSource::Nothing }
    }

    /// The holiday of a date for somebody of these groups: a whole one before a half one.
    pub(crate) fn holiday(&self, date: NaiveDate, groups: &[Code]) -> Option<HolidayType> {
        let all = self.holidays.get(&date)?;
        let counts =
            |holiday: &&KnownHoliday| holiday.group.as_ref().is_none_or(|group| groups.contains(group));
        all.iter().filter(counts).map(|holiday| holiday.kind).min()
    }
}

/// What the assignments of one scope say together; `None` = nothing.
fn together<'a>(patterns: impl Iterator<Item = PatternDay<'a>>, source: ShiftSource) -> Option<Assigned<'a>> {
    let mut found: Option<Assigned<'a>> = None;
    for pattern in patterns {
        let (shifts, explicit) = match pattern {
            PatternDay::Silent => continue,
            PatternDay::Usual(shifts) => (shifts, false),
            PatternDay::Explicit(shifts) => (shifts, true),
        };
        let Some(found) = &mut found else {
            found = Some(Assigned { shifts: Cow::Borrowed(shifts), explicit, source });
            continue;
        };
        found.explicit |= explicit;
        for shift in shifts {
            if !found.shifts.contains(shift) {
                found.shifts.to_mut().push(*shift);
            }
        }
    }
    found
}
