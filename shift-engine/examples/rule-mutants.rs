//! Whether each rule is held by a test: breaks one rule at a time in a copy of the sources, and runs the tests.
//!
//!     cargo run -p shift-engine --example rule-mutants [NAME]
//!
//! Each mutant is one change to one line, named after the rule that it breaks. A mutant that no test notices survives and
//! makes the program end with 1; so does one whose line is no longer there, so that the list cannot rot.
#![expect(clippy::print_stdout, reason = "a command-line tool talks on its standard streams")]

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

/// A broken rule.
struct Mutant {
    rule: &'static str,
    file: &'static str,
    from: &'static str,
    to: &'static str,
}

const fn mutant(rule: &'static str, file: &'static str, from: &'static str, to: &'static str) -> Mutant {
    Mutant { rule, file, from, to }
}

const MUTANTS: &[Mutant] = &[
    mutant("window end", "pipeline/plan.rs", "at <= self.window.1", "at < self.window.1"),
    mutant("window start", "pipeline/plan.rs", "self.window.0 <= at", "self.window.0 < at"),
    mutant(
        "border minute",
        "pipeline/attribute.rs",
        "_ => mark.at >= border && !in_border_minute",
        "_ => mark.at >= border",
    ),
    mutant(
        "border direction",
        "pipeline/attribute.rs",
        "direction == Direction::In,",
        "direction == Direction::Out,",
    ),
    mutant(
        "detection tie",
        "pipeline/attribute.rs",
        "(mark.at - shift.start).get().abs(), shift.start, known",
        "(mark.at - shift.start).get().abs(), Instant::from_unix(-shift.start.unix()), known",
    ),
    mutant(
        "detection code",
        "pipeline/attribute.rs",
        "shift.start, known.code.as_str())",
        "shift.start, \"\")",
    ),
    mutant(
        "majority",
        "pipeline/attribute.rs",
        "worked).max().unwrap_or_default()",
        "worked).min().unwrap_or_default()",
    ),
    mutant(
        "last punch",
        "pipeline/attribute.rs",
        "Attribution::LastPunch => vec![(last, session)]",
        "Attribution::LastPunch => vec![(first, session)]",
    ),
    mutant("fold", "pipeline/mark.rs", "mark.at - last.at <= within", "mark.at - last.at < within"),
    mutant(
        "repeated in",
        "pipeline/pair.rs",
        "(Some(_), Direction::In) => session.skip(mark)",
        "(Some(_), Direction::In) => open = Some(mark)",
    ),
    mutant(
        "session gap",
        "pipeline/pair.rs",
        "let apart = |out: Mark| mark.at - out.at >= bounds.gap",
        "let apart = |out: Mark| mark.at - out.at > bounds.gap",
    ),
    mutant("longest session", "pipeline/pair.rs", "to.at - from.at > longest", "to.at - from.at >= longest"),
    mutant(
        "single punch",
        "pipeline/pair.rs",
        "distance(shift.end) < distance(shift.start)",
        "distance(shift.end) <= distance(shift.start)",
    ),
    mutant(
        "scheduled break",
        "pipeline/measure.rs",
        "(false, false) if rules.breaks.deduct_scheduled",
        "(false, false) if !rules.breaks.deduct_scheduled",
    ),
    mutant(
        "block gap",
        "pipeline/measure.rs",
        "(true, _) => Some((pause.interval, Rule::BlockGap))",
        "(true, _) => None",
    ),
    mutant(
        "automatic deduction",
        "pipeline/measure.rs",
        "gross > deduction.after_min.seconds()",
        "gross >= deduction.after_min.seconds()",
    ),
    mutant("paid break", "pipeline/measure.rs", "gaps.or_zero().min(limit)", "gaps.or_zero().max(limit)"),
    mutant(
        "rounding grace",
        "policy/rounding.rs",
        "RoundMode::Up => past > grace",
        "RoundMode::Up => past >= grace",
    ),
    mutant("rounding down", "policy/rounding.rs", "unit - past <= grace", "unit - past < grace"),
    mutant("rounding middle", "policy/rounding.rs", "past * 2 >= unit", "past * 2 > unit"),
    mutant("grace", "pipeline/lateness.rs", "if left <= grace", "if left < grace"),
    mutant(
        "covered by leave",
        "pipeline/lateness.rs",
        "let mut left = missed.length() - covered",
        "let mut left = missed.length()",
    ),
    mutant("undertime", "pipeline/lateness.rs", "if short <= forgiven", "if short < forgiven"),
    mutant(
        "half holiday owed",
        "pipeline/lateness.rs",
        "Seconds::new(shift.expected.get() / 2)",
        "shift.expected",
    ),
    mutant("absent threshold", "pipeline/status.rs", "else { worked < limit }", "else { worked <= limit }"),
    mutant("halved thresholds", "pipeline/status.rs", "worked + worked < limit", "worked < limit"),
    mutant("minimum overtime", "pipeline/overtime.rs", "if counted <= minimum", "if counted < minimum"),
    mutant("cap", "pipeline/overtime.rs", "counted.min(cap.seconds())", "counted.max(cap.seconds())"),
    mutant(
        "approval",
        "pipeline/overtime.rs",
        "OvertimeDecision::Nothing if manual =>",
        "OvertimeDecision::Nothing if !manual =>",
    ),
    mutant("partly approved", "pipeline/overtime.rs", "at_most.min(counted)", "at_most.max(counted)"),
    mutant(
        "before the shift",
        "pipeline/overtime.rs",
        "OvertimeBasis::BeforeShiftStart => outside(parts, true, false)",
        "OvertimeBasis::BeforeShiftStart => outside(parts, false, true)",
    ),
    mutant(
        "above the limit",
        "pipeline/overtime.rs",
        "worked - limit.seconds());",
        "limit.seconds() - worked);",
    ),
    mutant(
        "weekly off rate",
        "pipeline/overtime.rs",
        "rules.off_day_rate.unwrap_or(rules.rate)",
        "rules.rate",
    ),
    mutant(
        "holiday rate",
        "pipeline/overtime.rs",
        "whole(TierKind::Holiday, \"holiday\", rules.holiday_rate.unwrap_or(rules.rate), worked)",
        "whole(TierKind::Holiday, \"holiday\", rules.rate, worked)",
    ),
    mutant("run of days", "pipeline/period.rs", "run >= rule.from_day", "run > rule.from_day"),
    mutant("better rate", "pipeline/period.rs", "other.rate > own.rate", "other.rate < own.rate"),
    mutant(
        "week feeds",
        "pipeline/period.rs",
        "        fed += feeds;\n        worked += day.worked;",
        "        fed += day.worked;\n        worked += day.worked;",
    ),
    mutant(
        "late penalty",
        "pipeline/period.rs",
        "period.late_count / rule.every.max(1)",
        "period.late_count",
    ),
    mutant(
        "settling",
        "pipeline/finality.rs",
        "let waits = ask.as_of <= settles",
        "let waits = ask.as_of < settles",
    ),
    mutant(
        "completeness",
        "pipeline/finality.rs",
        "is_final: !waits && missing.is_none()",
        "is_final: !waits",
    ),
    mutant(
        "automatic out",
        "pipeline/measure.rs",
        "< target { low = middle + 1 }",
        "<= target { low = middle + 1 }",
    ),
    mutant(
        "night weekdays",
        "pipeline/night.rs",
        "days.contains(&weekday_of(*date))",
        "!days.contains(&weekday_of(*date))",
    ),
    mutant(
        "weekly off",
        "pipeline/plan.rs",
        "_ if off => DayKind::WeeklyOff",
        "_ if !off => DayKind::WeeklyOff",
    ),
    mutant(
        "two halves of leave",
        "pipeline/plan.rs",
        "mark.portion = LeavePortion::Full",
        "mark.portion = LeavePortion::FirstHalf",
    ),
    mutant(
        "holiday punches",
        "pipeline/status.rs",
        "plan.rules.holiday_punches == HolidayPunches::Ignore",
        "plan.rules.holiday_punches == HolidayPunches::Count",
    ),
    mutant(
        "week limit",
        "pipeline/limit.rs",
        "(!above.is_zero() && !own.is_zero())",
        "(above.is_zero() && !own.is_zero())",
    ),
    mutant(
        "days without off",
        "pipeline/limit.rs",
        "run_until(&line, day.date) > u32::from(most)",
        "run_until(&line, day.date) >= u32::from(most)",
    ),
    mutant(
        "locked period",
        "pipeline.rs",
        "let frozen = DayRecord { locked: true, ..stored.clone() }",
        "let frozen = DayRecord { locked: true, ..computed.clone() }",
    ),
    mutant(
        "roster before default",
        "rulebook.rs",
        "[(RosterBasis::Roster, ShiftSource::Roster), (RosterBasis::Default, ShiftSource::Default)]",
        "[(RosterBasis::Default, ShiftSource::Default), (RosterBasis::Roster, ShiftSource::Roster)]",
    ),
    mutant(
        "policy version",
        "rulebook.rs",
        "versions.max_by_key(|version| (version.effective_from, version.id))",
        "versions.min_by_key(|version| (version.effective_from, version.id))",
    ),
    mutant("company rule", "pipeline/company.rs", "=> Some(holds)", "=> Some(!holds)"),
    mutant(
        "season before weekday",
        "shift.rs",
        "Some(season) => season.weekdays.get(&day).unwrap_or(&season.hours)",
        "Some(season) => self.weekdays.get(&day).unwrap_or(&season.hours)",
    ),
];

/// What became of a mutant.
enum Fate {
    Caught,
    Survived,
    Unusable(String),
}

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let only = std::env::args().nth(1);
    let engine = Path::new(env!("CARGO_MANIFEST_DIR"));
    let root = engine.parent().ok_or("the engine is in a workspace")?;
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
    let copy = target.join("rule-mutants").join("workspace");
    lay_out(root, &copy)?;
    let (mut caught, mut other) = (0, 0);
    for mutant in
        MUTANTS.iter().filter(|mutant| only.as_deref().is_none_or(|only| mutant.rule.contains(only)))
    {
        match fate(mutant, engine, &copy)? {
            Fate::Caught => {
                caught += 1;
                println!("caught    {}", mutant.rule);
            }
            Fate::Survived => {
                other += 1;
                println!("SURVIVED  {}", mutant.rule);
            }
            Fate::Unusable(why) => {
                other += 1;
                println!("UNUSABLE  {}: {why}", mutant.rule);
            }
        }
    }
    println!("{caught} caught, {other} not");
    Ok(if other == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn fate(mutant: &Mutant, engine: &Path, copy: &Path) -> Result<Fate, Box<dyn Error>> {
    let original = fs::read_to_string(engine.join("src").join(mutant.file))?;
    let found = original.matches(mutant.from).count();
    if found != 1 {
        return Ok(Fate::Unusable(format!("its line is there {found} times")));
    }
    let path = copy.join("shift-engine/src").join(mutant.file);
    fs::write(&path, original.replace(mutant.from, mutant.to))?;
    let built = cargo(copy, &["test", "--no-run"])?;
    let noticed = built && !cargo(copy, &["test"])?;
    fs::write(&path, original)?;
    Ok(match (built, noticed) {
        (false, _) => Fate::Unusable("it does not build".to_owned()),
        (true, true) => Fate::Caught,
        (true, false) => Fate::Survived,
    })
}

/// Runs cargo on the tests of the rules; properties are left out, they take long.
fn cargo(copy: &Path, command: &[&str]) -> Result<bool, Box<dyn Error>> {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(command).args(["--offline", "-q", "-p", "shift-engine", "--test", "rules", "--lib"]);
    if !command.contains(&"--no-run") {
        cargo.args(["--", "--skip", "property::"]);
    }
    let target = copy.parent().unwrap_or(copy).join("target");
    let cargo = cargo.current_dir(copy).env("CARGO_TARGET_DIR", target).env("CARGO_INCREMENTAL", "1");
    Ok(cargo.stdout(Stdio::null()).stderr(Stdio::null()).status()?.success())
}

/// A workspace of the engine and what it is built on.
fn lay_out(root: &Path, copy: &Path) -> Result<(), Box<dyn Error>> {
    for part in ["shared-model", "shift-engine", "docs"] {
        let _ = fs::remove_dir_all(copy.join(part));
        copy_folder(&root.join(part), &copy.join(part))?;
    }
    let manifest = fs::read_to_string(root.join("Cargo.toml"))?;
    let (before, rest) = manifest.split_once("members = [").ok_or("the manifest lists members")?;
    let (_, after) = rest.split_once(']').ok_or("the list of members ends")?;
    let members = "members = [\"shared-model\", \"shift-engine\"]";
    fs::write(copy.join("Cargo.toml"), format!("{before}{members}{after}"))?;
    fs::copy(root.join("Cargo.lock"), copy.join("Cargo.lock"))?;
    Ok(())
}

fn copy_folder(from: &Path, to: &Path) -> Result<(), Box<dyn Error>> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (path, new) = (entry.path(), to.join(entry.file_name()));
        if entry.file_type()?.is_dir() {
            copy_folder(&path, &new)?;
        } else {
            fs::copy(&path, &new)?;
        }
    }
    Ok(())
}
