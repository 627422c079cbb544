//! Figures counted again from an explanation alone.
//!
//! Reads the explanation as the JSON that a page or a program gets, knows none of the engine's types, and believes no
//! step: an effect must follow from the facts that stand beside it, or lie within what they allow, and a figure is the
//! sum of its effects. Anybody can do the same with paper.

use std::collections::BTreeMap;

use serde_json::Value;

/// The figures of one day, in seconds by name.
pub(super) type Figures = BTreeMap<String, i64>;

/// A step as it is written.
struct Step<'a> {
    rule: &'a str,
    effect: i64,
    facts: BTreeMap<&'a str, i64>,
}

/// Counts a day's figures.
///
/// # Errors
/// The step that does not follow from its facts, or the figures that contradict one another.
pub(super) fn recount(explanation: &Value) -> Result<Figures, String> {
    // A rule that looks at "what there is so far" means the same figure of the same shift.
    let mut sums: BTreeMap<(String, Option<u64>), i64> = BTreeMap::new();
    let mut figures = Figures::new();
    let steps = explanation["steps"].as_array().ok_or("an explanation has no steps")?;
    for written in steps {
        let (figure, step) = read(written).ok_or_else(|| format!("not a step: {written}"))?;
        let so_far = sums.entry((figure.to_owned(), written["part"].as_u64())).or_default();
        if !follows(&step, *so_far) {
            return Err(format!("{figure} has {so_far} s, which this does not follow from: {written}"));
        }
        *so_far += step.effect;
        *figures.entry(figure.to_owned()).or_default() += step.effect;
    }
    let of = |name: &str| figures.get(name).copied().unwrap_or_default();
    if of("regular") + of("overtime_found") != of("worked") {
        return Err("regular time and overtime found are not the worked time".to_owned());
    }
    if of("overtime_payable") > of("overtime_counted") {
        return Err("more overtime is payable than counts".to_owned());
    }
    Ok(figures)
}

fn read(written: &Value) -> Option<(&str, Step<'_>)> {
    let mut facts = BTreeMap::new();
    for fact in written["facts"].as_array()? {
        let value = fact[1].as_object()?.values().next()?;
        if let Some(number) = value.as_i64() {
            facts.insert(fact[0].as_str()?, number);
        }
    }
    let step = Step { rule: written["rule"].as_str()?, effect: written["effect"].as_i64()?, facts };
    Some((written["figure"].as_str()?, step))
}

/// Whether a step's effect follows from its facts and what the figure was before it.
fn follows(step: &Step<'_>, so_far: i64) -> bool {
    let fact = |name: &str| step.facts.get(name).copied();
    let between = |from: &str, to: &str| Some(fact(to)? - fact(from)?);
    let effect = step.effect;
    let exactly = |wanted: Option<i64>| wanted == Some(effect);
    let part_of = |whole: Option<i64>| whole.is_some_and(|whole| (0..=whole).contains(&-effect));
    match step.rule {
        "span" => exactly(between("in", "out")),
        "gap" => exactly(between("in", "out")),
        "round_in" => exactly(between("rounded", "punch")),
        "round_out" => exactly(between("punch", "rounded")),
        "round_break" => fact("punched").is_some_and(|punched| -effect >= -punched),
        "scheduled_break" | "block_gap" => part_of(between("from", "to")),
        "auto_deduct" => effect <= 0 && fact("worked") > fact("after"),
        "paid_break" => effect > 0 && Some(effect) <= fact("punched") && Some(effect) <= fact("limit"),
        "round_total" => fact("total") == Some(so_far),
        "after_start" | "before_end" => exactly(between("from", "to")),
        "covered" => part_of(Some(so_far)) && fact("covered") == Some(-effect),
        "grace" => effect == -so_far && Some(so_far) <= fact("grace"),
        "waived" | "not_approved" => effect <= 0 && so_far + effect >= 0,
        "owed" => exactly(fact("expected")),
        "done" => fact("worked").is_some_and(|worked| effect.abs() == worked),
        "forgiven" => effect == -so_far && Some(so_far) <= fact("up_to"),
        "night_window" => effect > 0 && Some(effect) <= between("from", "to"),
        "tier" => true,
        "minimum" => effect == -so_far && Some(so_far) <= fact("limit"),
        "unit" => fact("limit").is_some_and(|unit| effect.abs() < unit),
        "cap" => fact("limit").is_some_and(|cap| so_far + effect == cap),
        // What a day is, is decided, not added up.
        _ => effect == 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn step(figure: &str, rule: &str, effect: i64, facts: &Value) -> Value {
        json!({"figure": figure, "part": 0, "rule": rule, "effect": effect, "facts": facts})
    }

    fn day(steps: &[Value]) -> Value {
        let regular = json!({"figure": "regular", "part": null, "rule": "done", "effect": 3600,
            "facts": [["worked", {"seconds": 3600}]]});
        let steps: Vec<_> = steps.iter().cloned().chain([regular]).collect();
        json!({ "steps": steps })
    }

    #[test]
    fn figures_are_the_sums_of_effects_that_follow_from_their_facts() {
        let span = step("worked", "span", 4200, &json!([["in", {"at": 100}], ["out", {"at": 4300}]]));
        let pause =
            step("worked", "scheduled_break", -600, &json!([["from", {"at": 200}], ["to", {"at": 1000}]]));
        let figures = recount(&day(&[span, pause])).unwrap();
        assert_eq!(figures["worked"], 3600);
    }

    #[test]
    fn a_step_that_does_not_follow_from_its_facts_is_found() {
        let span = step("worked", "span", 3600, &json!([["in", {"at": 100}], ["out", {"at": 4300}]]));
        assert!(recount(&day(&[span])).unwrap_err().contains("span"));
        let pause =
            step("worked", "scheduled_break", -900, &json!([["from", {"at": 200}], ["to", {"at": 1000}]]));
        assert!(recount(&day(&[pause])).unwrap_err().contains("scheduled_break"));
        let forgiven = step("late", "grace", -60, &json!([["grace", {"seconds": 300}]]));
        assert!(recount(&day(&[forgiven])).unwrap_err().contains("grace"));
    }

    #[test]
    fn figures_that_contradict_one_another_are_found() {
        let span = step("worked", "span", 4200, &json!([["in", {"at": 100}], ["out", {"at": 4300}]]));
        assert!(recount(&day(&[span])).unwrap_err().contains("regular"));
    }
}
