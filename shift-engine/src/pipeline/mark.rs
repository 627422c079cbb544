//! The person's punches as they count: notes applied, in order, duplicates folded.

use shared_model::entity::{PunchNote, PunchNoteType};
use shared_model::text::Code;
use shared_model::{PunchId, PunchState};

use super::plan::DayPlan;
use crate::civil::instant_in;
use crate::input::{Keyed, Person};
use crate::record::{PunchRole, PunchUse};
use crate::time::{Instant, Seconds};

/// Which way somebody went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Direction {
    Out,
    In,
}

/// A punch that counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Mark {
    pub(super) at: Instant,
    pub(super) direction: Option<Direction>,
    pub(super) id: PunchId,
}

/// The marks, and what became of the punches that are none.
#[derive(Debug, Default)]
pub(super) struct Marks {
    pub(super) counted: Vec<Mark>,
    pub(super) settled: Vec<PunchUse>,
    /// Punches folded onto a mark.
    pub(super) folded: Vec<(PunchId, Mark)>,
    pub(super) flagged: Vec<(PunchId, Code)>,
}

fn direction_of(state: PunchState) -> Direction {
    match state {
        PunchState::In | PunchState::BreakIn | PunchState::OvertimeIn => Direction::In,
        PunchState::Out | PunchState::BreakOut | PunchState::OvertimeOut => Direction::Out,
    }
}

/// The plan of the date on which an instant lies.
pub(super) fn day_at(plans: &[DayPlan<'_>], at: Instant) -> Option<usize> {
    let after = plans.partition_point(|plan| plan.day.start <= at);
    let index = after.checked_sub(1)?;
    (at < plans[index].day.end).then_some(index)
}

/// Applies notes, sorts, and folds duplicates. The order in which punches are handed over does not matter.
pub(super) fn gather(person: &Person<'_>, plans: &[DayPlan<'_>]) -> Marks {
    let mut marks = Marks::default();
    let mut notes: Vec<&Keyed<PunchNote>> = person.notes.iter().collect();
    notes.sort_by_key(|(id, note)| (note.punch, *id));
    let mut all = Vec::with_capacity(person.punches.len());
    for punch in person.punches {
        let mut mark = Mark { at: punch.instant, direction: punch.state.map(direction_of), id: punch.id };
        let mut role = None;
        let from = notes.partition_point(|(_, note)| note.punch < punch.id);
        for (_, note) in notes[from..].iter().take_while(|(_, note)| note.punch == punch.id) {
            match note.note_type {
                PunchNoteType::Void => role = Some(PunchRole::Void),
                PunchNoteType::SamePunch if counts_elsewhere(person, &notes, note) => {
                    role = role.or(Some(PunchRole::Same));
                }
                PunchNoteType::SamePunch => {}
                PunchNoteType::ZoneCorrection => {
                    if let Some(zone) = note.zone.as_ref().and_then(|zone| zone.as_str().parse().ok()) {
                        mark.at = instant_in(zone, punch.raw_time.wall());
                    }
                }
                PunchNoteType::Flag => {
                    marks.flagged.extend(note.flag.iter().map(|flag| (punch.id, flag.clone())));
                }
            }
        }
        all.push((mark, role));
    }
    all.sort();
    all.dedup();
    marks.counted.reserve(all.len());
    for (mark, role) in all {
        let Some(day) = day_at(plans, mark.at) else { continue };
        match role {
            Some(role) => {
                let (punch, at) = (mark.id, mark.at);
                marks.settled.push(PunchUse { punch, at, date: plans[day].date, shift: None, role });
            }
            None => marks.take(mark, &plans[day]),
        }
    }
    marks
}

/// Whether the punch that a note calls the same is there and counts: two sides may each have noted the other one as
/// the repetition, and then the lower id counts.
fn counts_elsewhere(person: &Person<'_>, notes: &[&Keyed<PunchNote>], note: &PunchNote) -> bool {
    let Some(other) = note.other.filter(|other| person.punches.iter().any(|punch| punch.id == *other)) else {
        return false;
    };
    let back = |(_, back): &&&Keyed<PunchNote>| {
        back.punch == other && back.note_type == PunchNoteType::SamePunch && back.other == Some(note.punch)
    };
    note.punch > other || !notes.iter().any(|back_note| back(&back_note))
}

impl Marks {
    fn take(&mut self, mark: Mark, plan: &DayPlan<'_>) {
        let within = Seconds::new(plan.rules.fold_within_sec.into());
        let directed = plan.rules.pairing.uses_directions();
        let repeats = |last: &&Mark| {
            let alike = !directed
                || last.direction.is_none()
                || mark.direction.is_none()
                || last.direction == mark.direction;
            !within.is_zero() && mark.at - last.at <= within && alike
        };
        match self.counted.last().filter(repeats) {
            Some(last) => self.folded.push((mark.id, *last)),
            None => self.counted.push(mark),
        }
    }
}
