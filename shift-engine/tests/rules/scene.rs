//! Scenarios written small: a garments factory, what differs from it, and what a day should show.

use serde_json::{Map, Value, json};
use shift_engine::scenario::Setting;
use shift_engine::{Output, Scenario};

/// A scenario in the making.
#[derive(Clone)]
pub(crate) struct Scene(Value);

impl Scene {
    /// Dhaka; shift A from 08:00 to 17:00 with lunch from 13:00 to 14:00, rostered every day; the default policy, which
    /// has Friday off. 2026-11-16 is a Monday.
    pub(crate) fn factory() -> Self {
        let lunch = json!([{"start": "13:00", "end": "14:00"}]);
        Self(json!({
            "zone": "Asia/Dhaka",
            "week_starts_on": "saturday",
            "shifts": {"A": {"hours": {"fixed": {"start": "08:00", "end": "17:00", "breaks": lunch}}}},
            "rosters": [{"fixed": {"shifts": ["A"]}}],
            "punches": [],
        }))
    }

    /// The same with some members replaced.
    pub(crate) fn with(mut self, members: Value) -> Self {
        let (Value::Object(own), Value::Object(new)) = (&mut self.0, members) else { unreachable!() };
        own.extend(new);
        self
    }

    /// The same by other rules.
    pub(crate) fn policy(self, rules: Value) -> Self {
        self.with(Value::Object([("policy".to_owned(), rules)].into_iter().collect()))
    }

    /// Adds punches of a date: `08:00 17:00`, `08:00/in`, `+06:00` for the next morning.
    pub(crate) fn punched(mut self, date: &str, times: &str) -> Self {
        let lines = times.split_ascii_whitespace().map(|time| {
            let (date, time) = match time.strip_prefix('+') {
                Some(time) => (next(date), time),
                None => (date.to_owned(), time),
            };
            Value::from(format!("{date} {}", time.replace('/', " ")))
        });
        self.0["punches"].as_array_mut().unwrap().extend(lines);
        self
    }

    pub(crate) fn scenario(&self) -> Scenario {
        serde_json::from_value(self.0.clone()).unwrap()
    }

    pub(crate) fn setting(&self) -> Setting {
        self.scenario().setting().unwrap()
    }

    pub(crate) fn output(&self) -> Output {
        self.setting().compute()
    }

    /// A day in the words of people; empty where it has no record.
    pub(crate) fn day(&self, date: &str) -> Map<String, Value> {
        let mut scene = self.clone();
        let known = scene.scenario();
        let asked = date.parse().unwrap();
        if known.setting().map_or(true, |setting| asked < setting.from || setting.to < asked) {
            scene = scene.with(json!({"from": date, "to": date}));
        }
        let setting = scene.setting();
        let output = setting.compute();
        let day = output.days.iter().find(|day| day.date == asked);
        day.map(|day| setting.brief().day(day)).unwrap_or_default()
    }

    /// What a day shows of some members: `late 0:06, flags late+missing_out`; `-` for what it does not have.
    pub(crate) fn shows(&self, date: &str, members: &str) -> String {
        let day = self.day(date);
        let show = |name: &str| format!("{name} {}", day.get(name).map_or("-".to_owned(), text));
        let shown: Vec<_> = members.split(", ").map(show).collect();
        shown.join(", ")
    }

    /// Asserts what a day shows: `late 0:06, flags late+missing_out, overtime -`.
    #[track_caller]
    pub(crate) fn gives(&self, date: &str, expected: &str) {
        let members: Vec<_> = expected.split(", ").map(|member| member.split_once(' ').unwrap().0).collect();
        assert_eq!(self.shows(date, &members.join(", ")), expected, "{date}: {:?}", self.day(date));
    }
}

/// The day after a date.
pub(crate) fn next(date: &str) -> String {
    date.parse::<chrono::NaiveDate>().unwrap().succ_opt().unwrap().to_string()
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(text).collect::<Vec<_>>().join("+"),
        Value::Object(members) => members
            .iter()
            .map(|(name, value)| format!("{name} {}", text(value)))
            .collect::<Vec<_>>()
            .join("; "),
        Value::Null | Value::Bool(_) | Value::Number(_) => value.to_string(),
    }
}
