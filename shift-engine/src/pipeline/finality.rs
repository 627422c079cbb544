//! When a day is final: its windows are closed, the policy's wait is over, and every clock has reported past them.

use super::measure::Part;
use super::plan::DayPlan;
use crate::explain::{Fact, Rule, Trace};
use crate::input::{Ask, WaitsFor};
use crate::policy::Attribution;
use crate::time::{Instant, Seconds};

/// When a day is over.
#[derive(Debug, Clone, Copy)]
pub(super) struct Finality {
    /// The last instant of which a punch can still count.
    pub(super) closes: Instant,
    /// The policy's wait after that.
    pub(super) settles: Instant,
    pub(super) is_final: bool,
}

/// The last instant of which a punch, or an out that a rule sets, can still count for the day.
fn closes(plan: &DayPlan<'_>, parts: &[Part]) -> Instant {
    let punched = last_punch(plan, parts);
    parts.iter().filter_map(|part| part.auto_out).fold(punched, Instant::max)
}

fn last_punch(plan: &DayPlan<'_>, parts: &[Part]) -> Instant {
    let windows = parts.iter().filter_map(|part| Some(part.shift.as_ref()?.window.1));
    let end_of_date = plan.day.end - Seconds::new(1);
    let windows_end = windows.max();
    let streams = plan.rules.attribution != Attribution::ShiftStart;
    match (windows_end, streams) {
        (Some(end), false) => end,
        (Some(end), true) => end.max(end_of_date),
        (None, _) => {
            let longest = plan.rules.sessions.map(|rule| rule.max_session_min.seconds());
            let open = parts.iter().flat_map(|part| &part.open).map(|mark| mark.at);
            let open = open.max().zip(longest).map(|(at, longest)| at + longest);
            open.map_or(end_of_date, |end| end.max(end_of_date))
        }
    }
}

/// Judges whether a day is over, and for whom it waits.
pub(super) fn judge(plan: &DayPlan<'_>, parts: &[Part], ask: &Ask<'_>, trace: &mut Trace) -> Finality {
    let closes = closes(plan, parts);
    let settles = closes + plan.rules.absent_final_after_min.seconds();
    let missing = ask.completeness.waits_for(closes + Seconds::new(1));
    let waits = ask.as_of <= settles;
    if waits {
        trace.decided(Rule::Waiting, || [("until", Fact::At(settles))]);
    } else if let Some(missing) = missing {
        let clock = match missing {
            WaitsFor::Clock(serial) => serial.as_str(),
            WaitsFor::FirstClock => "",
        };
        trace.decided(Rule::Waiting, || {
            [("clock", Fact::Name(clock.to_owned().into())), ("until", Fact::At(closes))]
        });
    }
    Finality { closes, settles, is_final: !waits && missing.is_none() }
}
