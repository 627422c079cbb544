//! `docs/shift-rules.md` says what the engine does: its examples are run, and every name is in it.

use serde_json::{Map, Value};
use shift_engine::policy::PolicyRules;
use shift_engine::{ExceptionKind, Flag, Output, PeriodKind, Rule, Scenario, Typed};

const DOCUMENT: &str = include_str!("../../../docs/shift-rules.md");

/// The blocks with a mark, each with the number of its first line.
fn blocks(mark: &str) -> Vec<(usize, String)> {
    let fence = format!("```json {mark}");
    let mut found = Vec::new();
    let mut lines = DOCUMENT.lines().enumerate();
    while let Some((at, line)) = lines.next() {
        if line == fence {
            let text = lines.by_ref().map(|(_, line)| line).take_while(|line| *line != "```");
            found.push((at + 2, text.collect::<Vec<_>>().join("\n")));
        }
    }
    found
}

/// What an example says and what comes out, where they differ.
fn differences(example: &str) -> Vec<String> {
    let mut members: Map<String, Value> = serde_json::from_str(&blocks("base")[0].1).unwrap();
    let mut own: Map<String, Value> = serde_json::from_str(example).unwrap();
    let Some(Value::Object(expected)) = own.remove("expect") else { return vec!["expects nothing".into()] };
    members.extend(own);
    let scenario: Scenario = serde_json::from_value(Value::Object(members)).unwrap();
    let setting = match scenario.setting() {
        Ok(setting) => setting,
        Err(error) => return vec![error.to_string()],
    };
    let output = setting.compute();
    let mut differences = Vec::new();
    for (place, expected) in expected {
        let got = if place == "month" {
            month(&output)
        } else {
            let date = place.parse().unwrap();
            assert!(setting.from <= date && date <= setting.to, "{place} is not asked for");
            output.days.iter().find(|day| day.date == date).map(|day| setting.brief().day(day))
        };
        match (expected, got) {
            (Value::Null, None) => {}
            (Value::Object(expected), Some(got)) => {
                for (name, value) in expected {
                    let shown = got.get(&name).cloned().unwrap_or_default();
                    if shown != value {
                        differences.push(format!("{place} {name}: expected {value}, got {shown}"));
                    }
                }
            }
            (expected, got) => differences.push(format!("{place}: expected {expected}, got {got:?}")),
        }
    }
    differences
}

fn month(output: &Output) -> Option<Map<String, Value>> {
    let month = output.periods.iter().find(|period| period.kind == PeriodKind::Month)?;
    serde_json::to_value(month).unwrap().as_object().cloned()
}

#[test]
fn the_examples_of_the_document_are_true() {
    let examples = blocks("example");
    assert!(examples.len() > 40, "{} examples", examples.len());
    let wrong: Vec<String> = examples
        .iter()
        .flat_map(|(line, text)| {
            differences(text).into_iter().map(move |difference| format!("line {line}: {difference}"))
        })
        .collect();
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

fn is_named(name: &str) -> bool {
    DOCUMENT.contains(&format!("`{name}`")) || DOCUMENT.contains(&format!(".{name}`"))
}

/// The names of a policy document's fields, those of its parts after a dot.
fn fields(rules: &Value, before: &str, found: &mut Vec<String>) {
    for (name, value) in rules.as_object().into_iter().flatten() {
        let path = if before.is_empty() { name.clone() } else { format!("{before}.{name}") };
        match value {
            Value::Object(_)
                if ["grace", "breaks", "overtime", "limits", "rounding", "undertime"]
                    .contains(&path.as_str()) =>
            {
                fields(value, &path, found);
            }
            Value::Object(_)
            | Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::String(_)
            | Value::Array(_) => found.push(path),
        }
    }
}

#[test]
fn every_field_of_a_policy_is_in_the_document() {
    let mut all = Vec::new();
    fields(&PolicyRules::default().to_document().0, "", &mut all);
    assert!(all.len() > 40, "{all:?}");
    let missing: Vec<_> = all.iter().filter(|field| !is_named(field)).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn every_rule_flag_exception_and_fact_is_in_the_document() {
    let rules = Rule::ALL.iter().map(|rule| rule.as_str());
    let exceptions = ExceptionKind::ALL.iter().map(|kind| kind.as_str());
    let facts = shift_engine::company_rule::FACTS.iter().copied();
    let missing: Vec<_> = rules.chain(exceptions).chain(facts).filter(|name| !is_named(name)).collect();
    assert!(missing.is_empty(), "{missing:?}");
    let flags = Flag::ALL.iter().map(|flag| flag.as_str());
    let unshown: Vec<_> = flags.filter(|flag| !DOCUMENT.contains(flag)).collect();
    assert!(unshown.is_empty(), "{unshown:?}");
}

#[test]
fn each_exception_stands_under_its_severity() {
    for kind in ExceptionKind::ALL {
        let severity = serde_json::to_value(kind.severity()).unwrap();
        let start = format!("| {}", severity.as_str().unwrap());
        let row = DOCUMENT.lines().find(|line| line.starts_with(&start)).unwrap();
        assert!(row.contains(&format!("`{}`", kind.as_str())), "{}", kind.as_str());
    }
}

#[test]
fn the_figures_of_every_preset_are_in_the_document_with_their_sources() {
    for preset in shift_engine::preset::all() {
        assert!(DOCUMENT.contains(&format!("### {} (`{}`", preset.title, preset.id)), "{}", preset.id);
        for figure in &preset.figures {
            let value = figure.field.split('.').fold(&preset.rules, |value, name| &value[name]);
            let value = value.as_str().map_or_else(|| by_name(value), str::to_owned);
            let mark = if figure.verify { " *verify*" } else { "" };
            let row =
                format!("| `{}` | `{value}` | {} | {}{mark} |", figure.field, figure.says, figure.source);
            assert!(DOCUMENT.contains(&row), "{}: {row}", preset.id);
        }
        for provision in &preset.beside {
            let row = format!("| {} | {}", provision.says, provision.source);
            assert!(DOCUMENT.contains(&row), "{}: {row}", preset.id);
        }
    }
}

/// A value as text with the members of objects by name, whatever order a build keeps them in.
fn by_name(value: &Value) -> String {
    match value {
        Value::Object(members) => {
            let mut members: Vec<_> = members.iter().collect();
            members.sort_by_key(|(name, _)| *name);
            let members: Vec<_> =
                members.iter().map(|(name, value)| format!("\"{name}\":{}", by_name(value))).collect();
            format!("{{{}}}", members.join(","))
        }
        Value::Array(items) => format!("[{}]", items.iter().map(by_name).collect::<Vec<_>>().join(",")),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.to_string(),
    }
}
