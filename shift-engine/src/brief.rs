//! A day in the words of people: wall times, minutes, names. What is nothing is left out.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use shared_model::{ShiftId, ZoneHistory};

use crate::civil::Civil;
use crate::explain::{Explanation, Fact, Figure, Rule, Step};
use crate::record::{DayRecord, DayState, Flag, OvertimeState};
use crate::time::{Instant, Seconds};

/// Turns records into words.
#[derive(Debug, Clone, Copy)]
pub struct Brief<'a> {
    civil: Civil<'a>,
    shifts: &'a BTreeMap<ShiftId, String>,
}

impl<'a> Brief<'a> {
    /// In the zones of a site, with the names of its shifts.
    #[must_use]
    pub const fn new(zones: &'a ZoneHistory, shifts: &'a BTreeMap<ShiftId, String>) -> Self {
        Self { civil: Civil::new(zones), shifts }
    }

    /// The name of a shift; `?` for one that is not known.
    #[must_use]
    pub fn shift(&self, id: ShiftId) -> &'a str {
        self.shifts.get(&id).map_or("?", String::as_str)
    }

    /// The wall time of an instant: `2026-11-16 08:06`, with seconds where there are any.
    #[must_use]
    pub fn time(&self, at: Instant) -> String {
        let wall = self.civil.wall(at);
        let whole = self.civil.second_of_day(at).get() % 60 == 0;
        wall.format(if whole { "%Y-%m-%d %H:%M" } else { "%Y-%m-%d %H:%M:%S" }).to_string()
    }

    /// A day as members of an object.
    #[must_use]
    pub fn day(&self, day: &DayRecord) -> Map<String, Value> {
        let mut brief = Map::new();
        let mut set = |name: &str, value: Option<Value>| {
            if let Some(value) = value {
                brief.insert(name.to_owned(), value);
            }
        };
        let texts = |texts: Vec<&str>| (!texts.is_empty()).then(|| Value::from(texts));
        set("status", Some(day.status.as_str().into()));
        set("kind", Some(day.kind.as_str().into()));
        set("final", Some((day.state == DayState::Final).into()));
        set("locked", day.locked.then(|| true.into()));
        let shifts = day.shifts.iter().filter_map(|shift| shift.shift).map(|id| self.shift(id));
        set("shifts", texts(shifts.collect()));
        set("in", day.first_in.map(|at| self.time(at).into()));
        set("out", day.last_out.map(|at| self.time(at).into()));
        set("other_half", day.other_half.map(|status| status.as_str().into()));
        let (figures, overtime) = (&day.figures, &day.overtime);
        let times = [
            ("worked", figures.worked),
            ("regular", figures.regular),
            ("expected", figures.expected),
            ("credited", figures.credited),
            ("late", figures.late),
            ("early", figures.early),
            ("undertime", figures.undertime),
            ("night", figures.night),
            ("breaks", figures.breaks),
            ("gaps", figures.gaps),
            ("overtime_found", overtime.found),
            ("overtime", overtime.counted),
            ("overtime_payable", overtime.payable),
            ("overtime_above_limit", overtime.above_limit),
        ];
        for (name, seconds) in times {
            set(name, (!seconds.is_zero()).then(|| length(seconds).into()));
        }
        let approval = match overtime.approval {
            OvertimeState::None | OvertimeState::Automatic => None,
            OvertimeState::ToApprove => Some("to_approve"),
            OvertimeState::Approved => Some("approved"),
            OvertimeState::Rejected => Some("rejected"),
        };
        set("overtime_approval", approval.map(Value::from));
        let mut tiers = Map::new();
        for tier in &overtime.tiers {
            let rate = format!("{}:{} x{}", tier.kind, tier.id, tier.rate);
            tiers.insert(rate, length(tier.seconds).into());
        }
        set("tiers", (!tiers.is_empty()).then_some(Value::Object(tiers)));
        set("flags", texts(day.flags.iter().map(Flag::as_str).collect()));
        set("company_flags", texts(day.company_flags.iter().map(shared_model::text::Code::as_str).collect()));
        let mut allowances = Map::new();
        for given in &day.allowances {
            let text = format!("{} min, {} minor units", given.seconds.whole_minutes(), given.minor_units);
            allowances.insert(given.code.to_string(), text.into());
        }
        set("allowances", (!allowances.is_empty()).then_some(Value::Object(allowances)));
        set("exceptions", texts(day.exceptions.iter().map(|exception| exception.kind.as_str()).collect()));
        brief
    }
}

/// A step of an explanation in the words of people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BriefStep {
    /// The figure it is about.
    pub figure: Figure,
    /// Which shift of the day; `None` = the whole day.
    pub part: Option<u16>,
    /// The rule.
    pub rule: Rule,
    /// What it adds to the figure, or takes, in seconds.
    pub effect: Seconds,
    /// What it looked at, as `name value`.
    pub facts: Vec<String>,
}

impl Brief<'_> {
    /// An explanation's steps.
    #[must_use]
    pub fn steps(&self, explanation: &Explanation) -> Vec<BriefStep> {
        let step = |step: &Step| BriefStep {
            figure: step.figure,
            part: step.part,
            rule: step.rule,
            effect: step.effect,
            facts: step.facts.iter().map(|(name, fact)| format!("{name} {}", self.fact(fact))).collect(),
        };
        explanation.steps.iter().map(step).collect()
    }

    fn fact(&self, fact: &Fact) -> String {
        match fact {
            Fact::Seconds(seconds) => length(*seconds),
            Fact::At(at) => self.time(*at),
            Fact::Date(date) => date.to_string(),
            Fact::Count(count) => count.to_string(),
            Fact::Punch(punch) => punch.to_string(),
            Fact::Shift(shift) => self.shift(*shift).to_owned(),
            Fact::Policy(policy) => policy.to_string(),
            Fact::Name(name) => name.to_string(),
        }
    }
}

/// A day with its explanation, as tables for people: what it is, then each figure as the sum of its terms.
#[must_use]
pub fn text(day: &Map<String, Value>, steps: &[BriefStep]) -> String {
    let mut lines = Vec::new();
    for (name, value) in day {
        let shown = match value {
            Value::String(text) => text.clone(),
            Value::Array(items) => items.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(", "),
            Value::Object(members) => {
                let member = |(name, value): (&String, &Value)| {
                    format!("{name}: {}", value.as_str().unwrap_or_default())
                };
                members.iter().map(member).collect::<Vec<_>>().join(", ")
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => value.to_string(),
        };
        lines.push(format!("  {name:<22} {shown}"));
    }
    for figure in Figure::ALL {
        let own: Vec<_> = steps.iter().filter(|step| step.figure == *figure).collect();
        if own.is_empty() {
            continue;
        }
        let total: Seconds = own.iter().map(|step| step.effect).sum();
        let shown = if *figure == Figure::Status { String::new() } else { length(total) };
        lines.push(format!("  why {:<18} {shown}", format!("{figure}")).trim_end().to_owned());
        for step in own {
            let sign = if step.effect < Seconds::ZERO { "" } else { "+" };
            let effect =
                if step.effect.is_zero() { String::new() } else { format!("{sign}{}", length(step.effect)) };
            let line = format!("    {effect:>9}  {:<16} {}", step.rule.as_str(), step.facts.join(", "));
            lines.push(line.trim_end().to_owned());
        }
    }
    lines.join("\n")
}

/// A length as `H:MM`, with seconds where there are any.
#[must_use]
pub fn length(seconds: Seconds) -> String {
    let (sign, all) = (if seconds < Seconds::ZERO { "-" } else { "" }, seconds.get().unsigned_abs());
    let (hours, minutes, rest) = (all / 3600, all / 60 % 60, all % 60);
    let whole = format!("{sign}{hours}:{minutes:02}");
    if rest == 0 { whole } else { format!("{whole}:{rest:02}") }
}
