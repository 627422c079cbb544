//! A day in the words of people: wall times, minutes, names. What is nothing is left out.

use std::collections::BTreeMap;

use serde_json::{Map, Value};
use shared_model::{ShiftId, ZoneHistory};

use crate::civil::Civil;
use crate::record::{DayRecord, DayState, OvertimeState};
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
        set("flags", texts(day.flags.iter().map(|flag| flag.as_str()).collect()));
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

/// A length as `H:MM`, with seconds where there are any.
#[must_use]
pub fn length(seconds: Seconds) -> String {
    let (sign, all) = (if seconds < Seconds::ZERO { "-" } else { "" }, seconds.get().unsigned_abs());
    let (hours, minutes, rest) = (all / 3600, all / 60 % 60, all % 60);
    let whole = format!("{sign}{hours}:{minutes:02}");
    if rest == 0 { whole } else { format!("{whole}:{rest:02}") }
}
