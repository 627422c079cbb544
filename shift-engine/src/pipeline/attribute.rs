//! Attribution: which work date, and which shift of it, each punch belongs to.
//!
//! With `shift_start`, a punch belongs to the shift in whose window it falls. Where windows of consecutive shifts
//! overlap, the border is the scheduled end of the earlier one, and that minute is still the earlier's; if both touch
//! there and the direction is known, an in opens the later and an out closes the earlier. With every other rule,
//! punches become sessions first and the session is dated.

use std::rc::Rc;

use super::mark::{Direction, Mark, day_at};
use super::pair::{Pair, Session, in_stream, in_window};
use super::plan::{DayPlan, PlannedShift};
use crate::civil::{Almanac, Civil};
use crate::interval::Interval;
use crate::policy::{Attribution, Unrostered};
use crate::record::DayKind;
use crate::rulebook::Rulebook;
use crate::time::{Instant, Seconds};

/// The sessions of one shift on one work date, or of the date where it has no shift.
#[derive(Debug)]
pub(super) struct Work {
    /// Which plan.
    pub(super) day: usize,
    /// Which shift of that plan.
    pub(super) shift: Option<usize>,
    pub(super) sessions: Vec<Session>,
}

/// What attribution gives.
#[derive(Debug, Default)]
pub(super) struct Attributed {
    pub(super) works: Vec<Work>,
    pub(super) unassigned: Vec<Mark>,
}

/// Distributes the marks. Detected shifts are added to their plans.
pub(super) fn attribute(book: &Rulebook, plans: &mut [DayPlan<'_>], marks: &[Mark]) -> Attributed {
    let mut found = Attributed { works: Vec::with_capacity(plans.len()), unassigned: Vec::new() };
    let rest = by_windows(plans, marks, &mut found.works);
    let (mut stream, mut loose) = (Vec::new(), Vec::new());
    for mark in rest {
        let windowed =
            day_at(plans, mark.at).is_none_or(|day| plans[day].rules.attribution == Attribution::ShiftStart);
        if windowed { loose.push(mark) } else { stream.push(mark) }
    }
    found.unassigned = detect(book, plans, &loose, &mut found.works);
    by_session(book.civil(), plans, &stream, &mut found);
    add_unworked(plans, &mut found.works);
    found.works.sort_by_key(|work| (work.day, work.shift));
    found
}

/// A planned shift by its place.
#[derive(Debug, Clone, Copy)]
struct Slot<'a> {
    day: usize,
    index: usize,
    shift: &'a PlannedShift,
}

fn by_windows(plans: &[DayPlan<'_>], marks: &[Mark], works: &mut Vec<Work>) -> Vec<Mark> {
    let windowed =
        plans.iter().enumerate().filter(|(_, plan)| plan.rules.attribution == Attribution::ShiftStart);
    let mut slots: Vec<Slot<'_>> = windowed
        .flat_map(|(day, plan)| {
            plan.shifts.iter().enumerate().map(move |(index, shift)| Slot { day, index, shift })
        })
        .collect();
    slots.sort_by_key(|slot| (slot.shift.start, slot.shift.end, slot.day, slot.index));
    let mut held = Vec::with_capacity(marks.len());
    let mut rest = Vec::new();
    // Marks come in order of time: only slots whose windows may be open are looked at.
    let earliest = slots.iter().map(|slot| slot.shift.start - slot.shift.window.0).max().unwrap_or_default();
    let mut over = 0;
    for mark in marks {
        over += slots[over..].iter().take_while(|slot| slot.shift.window.1 < mark.at).count();
        let open = slots[over..].iter().take_while(|slot| slot.shift.start - earliest <= mark.at);
        let holding = (over..).zip(open).filter(|(_, slot)| slot.shift.holds(mark.at));
        let best = holding.reduce(|earlier, later| {
            if belongs_to_later(mark, earlier.1.shift, later.1.shift) { later } else { earlier }
        });
        match best {
            Some((at, _)) => held.push((at, *mark)),
            None => rest.push(*mark),
        }
    }
    held.sort_by_key(|(at, _)| *at);
    let marks: Vec<Mark> = held.iter().map(|(_, mark)| *mark).collect();
    let mut rest_held = &marks[..];
    for of_slot in held.chunk_by(|(one, _), (other, _)| one == other) {
        let slot = slots[of_slot[0].0];
        let (marks, later) = rest_held.split_at(of_slot.len());
        rest_held = later;
        let sessions = in_window(marks, plans[slot.day].rules, slot.shift);
        works.push(Work { day: slot.day, shift: Some(slot.index), sessions });
    }
    rest
}

/// The border rule for a punch that two windows hold.
fn belongs_to_later(mark: &Mark, earlier: &PlannedShift, later: &PlannedShift) -> bool {
    let border = earlier.end;
    let in_border_minute = border <= mark.at && mark.at < border + Seconds::minutes(1);
    match mark.direction {
        Some(direction) if in_border_minute && later.start == border => direction == Direction::In,
        _ => mark.at >= border && !in_border_minute,
    }
}

/// Finds shifts from punches on days that have none.
fn detect(book: &Rulebook, plans: &mut [DayPlan<'_>], loose: &[Mark], works: &mut Vec<Work>) -> Vec<Mark> {
    let mut unassigned = Vec::new();
    let mut rest = loose;
    let Some((first_day, last_day)) = plans.first().zip(plans.last()).filter(|_| !loose.is_empty()) else {
        return unassigned;
    };
    let almanac = Almanac::new(book.civil(), first_day.date, last_day.date);
    while let Some((first, after)) = rest.split_first() {
        let Some((day, shift)) = nearest_candidate(book, &almanac, plans, first) else {
            unassigned.push(*first);
            rest = after;
            continue;
        };
        let held = rest.iter().take_while(|mark| shift.holds(mark.at)).count();
        let (marks, others) = rest.split_at(held.max(1));
        rest = others;
        let sessions = in_window(marks, plans[day].rules, &shift);
        let plan = &mut plans[day];
        plan.shifts = vec![Rc::new(shift)];
        plan.detected = true;
        works.push(Work { day, shift: Some(0), sessions });
    }
    unassigned
}

/// The candidate whose start is nearest: of two equally near the earlier, of equal starts the lower shift code.
fn nearest_candidate(
    book: &Rulebook,
    almanac: &Almanac<'_>,
    plans: &[DayPlan<'_>],
    mark: &Mark,
) -> Option<(usize, PlannedShift)> {
    let near = day_at(plans, mark.at)?;
    let days = near.saturating_sub(1)..(near + 2).min(plans.len());
    let mut best: Option<((i64, Instant, &str), usize, PlannedShift)> = None;
    for day in days {
        let plan = &plans[day];
        let Unrostered::Detect { among } = &plan.rules.unrostered else { continue };
        if !plan.is_free() {
            continue;
        }
        let all: Vec<_> = if among.is_empty() { book.active_shifts().collect() } else { among.clone() };
        for id in all {
            let Some(known) = book.shift(id) else { continue };
            let shift = PlannedShift::new(almanac, plan.date, id, &known.definition);
            let Some(shift) = shift.filter(|shift| shift.holds(mark.at)) else { continue };
            let rank = ((mark.at - shift.start).get().abs(), shift.start, known.code.as_str());
            if best.as_ref().is_none_or(|(best, _, _)| rank < *best) {
                best = Some((rank, day, shift));
            }
        }
    }
    best.map(|(_, day, shift)| (day, shift))
}

fn by_session(civil: Civil<'_>, plans: &[DayPlan<'_>], stream: &[Mark], found: &mut Attributed) {
    let mut rest = stream;
    // A policy that changes its attribution in between cuts the stream there.
    while let Some(rules) = rest.first().and_then(|mark| day_at(plans, mark.at)).map(|day| plans[day].rules) {
        let alike = rest.iter().take_while(|mark| {
            day_at(plans, mark.at).is_some_and(|day| plans[day].rules.attribution == rules.attribution)
        });
        let (marks, others) = rest.split_at(alike.count().max(1));
        rest = others;
        for session in in_stream(marks, rules) {
            for (at, part) in dated(civil, rules.attribution, session) {
                place(plans, at, part, found);
            }
        }
    }
}

/// A session with an instant on its work date; several where it is split at midnight.
fn dated(civil: Civil<'_>, attribution: Attribution, session: Session) -> Vec<(Instant, Session)> {
    let (Some(first), Some(last)) = (
        session.marks.iter().map(|(mark, _)| mark.at).min(),
        session.marks.iter().map(|(mark, _)| mark.at).max(),
    ) else {
        return Vec::new();
    };
    match attribution {
        Attribution::ShiftStart | Attribution::FirstPunch => vec![(first, session)],
        Attribution::LastPunch => vec![(last, session)],
        Attribution::Majority => {
            let days = midnights(civil, first, last);
            let worked = |day: &Interval| -> Seconds {
                session.pairs.iter().filter_map(|pair| pair.interval.shared(*day)).map(Interval::length).sum()
            };
            let most = days.iter().map(worked).max().unwrap_or_default();
            let day = days.iter().find(|day| worked(day) == most);
            vec![(day.map_or(first, |day| day.start), session)]
        }
        Attribution::SplitMidnight => split(civil, &session, first, last),
    }
}

/// The dates from one instant to another.
fn midnights(civil: Civil<'_>, first: Instant, last: Instant) -> Vec<Interval> {
    crate::civil::dates(civil.date(first), civil.date(last)).map(|date| civil.day(date)).collect()
}

fn split(civil: Civil<'_>, session: &Session, first: Instant, last: Instant) -> Vec<(Instant, Session)> {
    let days = midnights(civil, first, last);
    let day_of = |at: Instant| days.partition_point(|day| day.end <= at).min(days.len().saturating_sub(1));
    let mut parts: Vec<Session> = days
        .iter()
        .enumerate()
        .map(|(index, day)| {
            let cut = |pair: &Pair| Some(Pair { interval: pair.interval.shared(*day)?, ..*pair });
            let here = |mark: &&Mark| day_of(mark.at) == index;
            Session {
                pairs: session.pairs.iter().filter_map(cut).collect(),
                open: session.open.iter().filter(here).copied().collect(),
                orphans: session.orphans.iter().filter(here).copied().collect(),
                marks: Vec::new(),
            }
        })
        .collect();
    let holding: Vec<usize> = (0..parts.len()).filter(|index| parts[*index].holds_something()).collect();
    let Some(first_holding) = holding.first() else { return vec![(first, session.clone())] };
    for (mark, way) in &session.marks {
        let ends_here = |pair: &Pair| pair.interval.end == mark.at && pair.interval.start < mark.at;
        // An out at midnight closes the day that ends there.
        let closes = *way == Some(Direction::Out) && session.pairs.iter().any(ends_here);
        let own = if closes { day_of(mark.at - Seconds::new(1)) } else { day_of(mark.at) };
        // A punch that counts for nothing goes to a date that has something.
        let day = holding.iter().rev().find(|index| **index <= own).unwrap_or(first_holding);
        parts[*day].marks.push((*mark, *way));
    }
    let dated = days.iter().zip(parts).filter(|(_, part)| part.holds_something());
    dated.map(|(day, part)| (day.start, part)).collect()
}

/// Puts a dated session to its day, and to the shift of it whose start is nearest.
fn place(plans: &[DayPlan<'_>], at: Instant, session: Session, found: &mut Attributed) {
    let Some(day) = day_at(plans, at).filter(|day| plans[*day].employed) else {
        found.unassigned.extend(session.marks.iter().map(|(mark, _)| *mark));
        return;
    };
    let first = session.marks.first().map_or(at, |(mark, _)| mark.at);
    let shifts = plans[day].shifts.iter().enumerate();
    let shift = shifts.min_by_key(|(_, shift)| (first - shift.start).get().abs()).map(|(index, _)| index);
    match found.works.iter_mut().find(|work| work.day == day && work.shift == shift) {
        Some(work) => work.sessions.push(session),
        None => found.works.push(Work { day, shift, sessions: vec![session] }),
    }
}

/// Shifts at which nobody punched.
fn add_unworked(plans: &[DayPlan<'_>], works: &mut Vec<Work>) {
    for (day, plan) in plans.iter().enumerate() {
        for index in 0..plan.shifts.len() {
            let worked = works.iter().any(|work| work.day == day && work.shift == Some(index));
            if !worked {
                works.push(Work { day, shift: Some(index), sessions: Vec::new() });
            }
        }
        let bare = plan.employed && plan.shifts.is_empty() && plan.kind != DayKind::Unrostered;
        if bare && !works.iter().any(|work| work.day == day) {
            works.push(Work { day, shift: None, sessions: Vec::new() });
        }
    }
}
