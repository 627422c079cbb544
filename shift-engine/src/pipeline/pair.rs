//! Pairing: from punches in order to pairs of in and out, and sessions of them.

use std::borrow::Cow;

use super::mark::{Direction, Mark};
use super::plan::PlannedShift;
use crate::interval::Interval;
use crate::policy::{Pairing, PolicyRules, SessionRule, SinglePunch};
use crate::time::{Instant, Seconds};

/// An in and its out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Pair {
    pub(super) interval: Interval,
    /// Whether the out was set by rule.
    pub(super) auto_out: bool,
}

/// Pairs that belong together, and what did not become one.
#[derive(Debug, Clone, Default)]
pub(super) struct Session {
    pub(super) pairs: Vec<Pair>,
    /// An in without an out.
    pub(super) open: Vec<Mark>,
    /// An out without an in.
    pub(super) orphans: Vec<Mark>,
    /// Every mark, with whether it was an in, an out, or counted for nothing.
    pub(super) marks: Vec<(Mark, Option<Direction>)>,
}

impl Session {
    /// A session that is to hold so many marks.
    fn of(marks: usize) -> Self {
        Self { marks: Vec::with_capacity(marks), ..Self::default() }
    }

    fn pair(&mut self, from: Mark, to: Mark) {
        self.pairs.push(Pair { interval: Interval::new(from.at, to.at), auto_out: false });
        self.marks.extend([(from, Some(Direction::In)), (to, Some(Direction::Out))]);
    }

    fn leave_open(&mut self, mark: Mark) {
        self.open.push(mark);
        self.marks.push((mark, Some(Direction::In)));
    }

    fn orphan(&mut self, mark: Mark) {
        self.orphans.push(mark);
        self.marks.push((mark, Some(Direction::Out)));
    }

    fn skip(&mut self, mark: Mark) {
        self.marks.push((mark, None));
    }

    fn is_empty(&self) -> bool {
        self.marks.is_empty()
    }

    /// Whether anything in it counts.
    pub(super) fn holds_something(&self) -> bool {
        !(self.pairs.is_empty() && self.open.is_empty() && self.orphans.is_empty())
    }
}

/// Pairs the marks of one shift's window.
pub(super) fn in_window(marks: &[Mark], rules: &PolicyRules, shift: &PlannedShift) -> Vec<Session> {
    match rules.pairing {
        Pairing::FirstLast => vec![first_last(marks, rules.single_punch, Some(shift))],
        Pairing::DirectedFirstLast => vec![directed_first_last(marks)],
        Pairing::Alternate => in_turn(marks, Bounds::of_window(rules), |_| None),
        Pairing::DirectedPairs => in_turn(marks, Bounds::of_window(rules), |mark| mark.direction),
    }
}

/// Pairs a stream of marks that no window holds together.
pub(super) fn in_stream(marks: &[Mark], rules: &PolicyRules) -> Vec<Session> {
    let bounds = Bounds::of_stream(rules);
    match rules.pairing {
        Pairing::FirstLast => {
            let clusters = clusters(marks, bounds).into_iter();
            clusters.map(|marks| first_last(marks, SinglePunch::In, None)).collect()
        }
        Pairing::DirectedFirstLast => clusters(marks, bounds).into_iter().map(directed_first_last).collect(),
        Pairing::Alternate => in_turn(marks, bounds, |_| None),
        Pairing::DirectedPairs => in_turn(marks, bounds, |mark| mark.direction),
    }
}

/// What ends a session.
#[derive(Debug, Clone, Copy)]
struct Bounds {
    /// So long out, and the next in begins a new one.
    gap: Seconds,
    /// An out later than this after its in does not close it; `None` = any does.
    longest: Option<Seconds>,
}

impl Bounds {
    fn of_window(rules: &PolicyRules) -> Self {
        rules.sessions.map_or(Self { gap: Seconds::ZERO, longest: None }, Self::by_rule)
    }

    /// Without a rule nobody is in for more than a day: otherwise one missing out would turn ins into outs for ever.
    fn of_stream(rules: &PolicyRules) -> Self {
        rules.sessions.map_or(Self { gap: Seconds::ZERO, longest: Some(Seconds::DAY) }, Self::by_rule)
    }

    fn by_rule(rule: SessionRule) -> Self {
        Self { gap: rule.new_session_gap_min.seconds(), longest: Some(rule.max_session_min.seconds()) }
    }

    fn too_long(self, from: &Mark, to: &Mark) -> bool {
        self.longest.is_some_and(|longest| to.at - from.at > longest)
    }
}

/// Cuts a stream where nobody punched for long, and where a session would grow too long.
fn clusters(marks: &[Mark], bounds: Bounds) -> Vec<&[Mark]> {
    let mut clusters = Vec::new();
    let mut start = 0;
    for at in 1..=marks.len() {
        let ends = at == marks.len()
            || bounds.too_long(&marks[start], &marks[at])
            || (at - start >= 2 && marks[at].at - marks[at - 1].at >= bounds.gap);
        if ends {
            clusters.push(&marks[start..at]);
            start = at;
        }
    }
    clusters
}

fn first_last(marks: &[Mark], single: SinglePunch, shift: Option<&PlannedShift>) -> Session {
    let mut session = Session::of(marks.len());
    match marks {
        [] => {}
        [only] => {
            let is_out = single == SinglePunch::Nearest
                && shift.is_some_and(|shift| {
                    let distance = |at: Instant| (only.at - at).get().abs();
                    distance(shift.end) < distance(shift.start)
                });
            if is_out { session.orphan(*only) } else { session.leave_open(*only) }
        }
        [first, between @ .., last] => {
            between.iter().for_each(|mark| session.skip(*mark));
            session.pair(*first, *last);
        }
    }
    session
}

fn directed_first_last(marks: &[Mark]) -> Session {
    let mut session = Session::of(marks.len());
    let first_in = marks.iter().position(|mark| mark.direction != Some(Direction::Out));
    let last_out = marks.iter().rposition(|mark| mark.direction != Some(Direction::In));
    let pair = first_in.zip(last_out).filter(|(first, last)| first < last);
    for (at, mark) in marks.iter().enumerate() {
        let alone = pair.is_none() && (Some(at) == first_in || (first_in.is_none() && Some(at) == last_out));
        match pair {
            Some((first, last)) if at == last => session.pair(marks[first], *mark),
            Some((first, _)) if at == first => {}
            None if alone && first_in.is_some() => session.leave_open(*mark),
            None if alone => session.orphan(*mark),
            _ => session.skip(*mark),
        }
    }
    session
}

/// In and out in turn. A mark without a direction closes what is open and opens where nothing is.
fn in_turn(marks: &[Mark], bounds: Bounds, direction: impl Fn(&Mark) -> Option<Direction>) -> Vec<Session> {
    let mut done = Vec::new();
    let mut session = Session::default();
    let mut open: Option<Mark> = None;
    let mut last_out: Option<Mark> = None;
    let mut finish = |session: &mut Session| {
        if !session.is_empty() {
            done.push(std::mem::take(session));
        }
    };
    for &mark in settled_order(marks).iter() {
        let apart = |out: Mark| mark.at - out.at >= bounds.gap;
        if let Some(from) = open.filter(|from| bounds.too_long(from, &mark)) {
            session.leave_open(from);
            finish(&mut session);
            (open, last_out) = (None, None);
        }
        let way = direction(&mark).unwrap_or(if open.is_some() { Direction::Out } else { Direction::In });
        match (open, way) {
            (Some(from), Direction::Out) => {
                session.pair(from, mark);
                (open, last_out) = (None, Some(mark));
            }
            (Some(_), Direction::In) => session.skip(mark),
            (None, way) => {
                if last_out.is_some_and(apart) {
                    finish(&mut session);
                }
                match way {
                    Direction::In => open = Some(mark),
                    Direction::Out => {
                        session.orphan(mark);
                        last_out = Some(mark);
                    }
                }
            }
        }
    }
    if let Some(from) = open {
        session.leave_open(from);
    }
    finish(&mut session);
    done
}

/// Marks of one instant in the order that makes sense: who is in goes out first, who is out comes in first.
fn settled_order(marks: &[Mark]) -> Cow<'_, [Mark]> {
    if marks.windows(2).all(|two| two[0].at < two[1].at) {
        return Cow::Borrowed(marks);
    }
    let mut order = marks.to_vec();
    let mut inside = false;
    let mut at = 0;
    while at < order.len() {
        let same = order[at..].iter().take_while(|mark| mark.at == order[at].at).count();
        if same > 1 && !inside {
            order[at..at + same].sort_by_key(|mark| mark.direction != Some(Direction::In));
        }
        for mark in &order[at..at + same] {
            inside = match mark.direction {
                Some(direction) => direction == Direction::In,
                None => !inside,
            };
        }
        at += same;
    }
    Cow::Owned(order)
}
