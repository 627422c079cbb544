//! Night minutes: net worked time inside the night window.

use super::measure::Part;
use super::plan::DayPlan;
use crate::civil::{Civil, dates, previous};
use crate::explain::{Fact, Figure, Rule, Trace};
use crate::interval::shared_length;
use crate::shift::weekday_of;

/// Measures one shift's night work. The window is that of the wall clock on the actual day, not of the work date.
pub(super) fn measure(civil: Civil<'_>, plan: &DayPlan<'_>, part: &mut Part, trace: &mut Trace) {
    let (Some(rule), Some(first), Some(last)) = (&plan.rules.night_window, part.net.first(), part.net.last())
    else {
        return;
    };
    // A window that started the evening before may reach into the first date.
    let span = dates(previous(civil.date(first.start)), civil.date(last.end));
    for date in span.filter(|date| rule.days.as_ref().is_none_or(|days| days.contains(&weekday_of(*date)))) {
        let window = civil.window(date, rule.start, rule.end);
        let worked = shared_length(&part.net, window);
        let facts = || [("from", Fact::At(window.start)), ("to", Fact::At(window.end))];
        trace.effect(Figure::Night, Rule::NightWindow, worked, facts);
        part.figures.night += worked;
    }
}
