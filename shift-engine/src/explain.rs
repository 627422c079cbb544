//! Why a figure is what it is: the rules that made it, in order, each with what it looked at and its signed effect.
//!
//! The effects of a figure's steps sum to the figure. Explanations are worked out when somebody asks, never stored.

use std::borrow::Cow;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use shared_model::{PolicyId, PunchId, ShiftId};

use crate::record::named;
use crate::time::{Instant, Seconds};

named! {
    /// The figures that are explained.
    Figure {
        /// Net worked time.
        Worked = "worked",
        /// Late.
        Late = "late",
        /// Left early.
        Early = "early",
        /// Short of what is owed.
        Undertime = "undertime",
        /// Night work.
        Night = "night",
        /// Overtime that the rules find.
        OvertimeFound = "overtime_found",
        /// Overtime that counts.
        OvertimeCounted = "overtime_counted",
        /// Overtime that is paid.
        OvertimePayable = "overtime_payable",
        /// Worked time that is no overtime.
        Regular = "regular",
        /// What the day is: its steps have no effect in seconds.
        Status = "status",
    }
}

named! {
    /// The rules, by the names of docs/shift-rules.md.
    Rule {
        /// From first in to last out.
        Span = "span",
        /// Time punched out.
        Gap = "gap",
        /// Rounding of an in.
        RoundIn = "round_in",
        /// Rounding of an out.
        RoundOut = "round_out",
        /// Rounding of a punched break.
        RoundBreak = "round_break",
        /// A scheduled unpaid break.
        ScheduledBreak = "scheduled_break",
        /// Time off between the blocks of a split shift.
        BlockGap = "block_gap",
        /// An automatic deduction.
        AutoDeduct = "auto_deduct",
        /// Punched break time that is paid.
        PaidBreak = "paid_break",
        /// Rounding of the day's total.
        RoundTotal = "round_total",
        /// The out was set by rule.
        AutoOut = "auto_out",
        /// From scheduled start to in.
        AfterStart = "after_start",
        /// From out to scheduled end.
        BeforeEnd = "before_end",
        /// Within grace.
        Grace = "grace",
        /// Forgiven by a decision.
        Waived = "waived",
        /// Covered by leave or duty elsewhere.
        Covered = "covered",
        /// Time owed.
        Owed = "owed",
        /// Time worked.
        Done = "done",
        /// Short by no more than is forgiven.
        Forgiven = "forgiven",
        /// Work in the night window.
        NightWindow = "night_window",
        /// Overtime of a tier.
        Tier = "tier",
        /// Below the minimum that counts.
        Minimum = "minimum",
        /// The unit in which it counts.
        Unit = "unit",
        /// Above the cap.
        Cap = "cap",
        /// Not approved.
        NotApproved = "not_approved",
        /// Set by hand.
        Manual = "manual",
        /// Full leave.
        FullLeave = "full_leave",
        /// Half a day's leave.
        HalfLeave = "half_leave",
        /// Public holiday.
        Holiday = "holiday",
        /// Weekly off.
        WeeklyOff = "weekly_off",
        /// On duty elsewhere.
        OnDuty = "on_duty",
        /// Punches and thresholds.
        Thresholds = "thresholds",
        /// No punch, and every clock has reported.
        NoPunch = "no_punch",
        /// A clock has not reported, or the window is open.
        Waiting = "waiting",
        /// The shift came from the roster, a default, an edited cell or the punches.
        ShiftFrom = "shift_from",
    }
}

/// Something a rule looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fact {
    /// A duration.
    Seconds(Seconds),
    /// An instant.
    At(Instant),
    /// A date.
    Date(NaiveDate),
    /// A number.
    Count(i64),
    /// A punch.
    Punch(PunchId),
    /// A shift.
    Shift(ShiftId),
    /// A policy version.
    Policy(PolicyId),
    /// A name: a tier, a leave type, a clock, a source.
    Name(Cow<'static, str>),
}

/// One rule's part in one figure.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// The figure.
    pub figure: Figure,
    /// The shift of the day that it is about, by its place in the record; `None` = the whole day.
    pub part: Option<u16>,
    /// The rule.
    pub rule: Rule,
    /// What it adds to the figure, or takes.
    pub effect: Seconds,
    /// What it looked at, by name.
    pub facts: Vec<(Cow<'static, str>, Fact)>,
}

/// Why one day's record is what it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Explanation {
    /// The work date.
    pub date: NaiveDate,
    /// The steps, in the order in which the rules applied.
    pub steps: Vec<Step>,
}

impl Explanation {
    /// A figure of the day, from its steps alone.
    #[must_use]
    pub fn total(&self, figure: Figure) -> Seconds {
        self.steps.iter().filter(|step| step.figure == figure).map(|step| step.effect).sum()
    }

    /// The steps of one figure.
    pub fn of(&self, figure: Figure) -> impl Iterator<Item = &Step> {
        self.steps.iter().filter(move |step| step.figure == figure)
    }
}

/// Collects steps while a day is worked out; does nothing unless somebody asked.
#[derive(Debug, Default)]
pub(crate) struct Trace {
    steps: Option<Vec<Step>>,
    part: Option<u16>,
}

impl Trace {
    pub(crate) fn new(wanted: bool) -> Self {
        Self { steps: wanted.then(Vec::new), part: None }
    }

    pub(crate) fn on_part(&mut self, part: Option<usize>) {
        self.part = part.and_then(|part| u16::try_from(part).ok());
    }

    /// Notes a rule's effect; an effect of nothing is left out.
    pub(crate) fn effect<const N: usize>(
        &mut self,
        figure: Figure,
        rule: Rule,
        effect: Seconds,
        facts: impl FnOnce() -> [(&'static str, Fact); N],
    ) {
        if !effect.is_zero() {
            self.note(figure, rule, effect, facts);
        }
    }

    /// Notes that a rule decided.
    pub(crate) fn decided<const N: usize>(
        &mut self,
        rule: Rule,
        facts: impl FnOnce() -> [(&'static str, Fact); N],
    ) {
        self.note(Figure::Status, rule, Seconds::ZERO, facts);
    }

    fn note<const N: usize>(
        &mut self,
        figure: Figure,
        rule: Rule,
        effect: Seconds,
        facts: impl FnOnce() -> [(&'static str, Fact); N],
    ) {
        if let Some(steps) = &mut self.steps {
            let facts = facts().into_iter().map(|(name, fact)| (Cow::Borrowed(name), fact)).collect();
            steps.push(Step { figure, part: self.part, rule, effect, facts });
        }
    }

    pub(crate) fn into_explanation(self, date: NaiveDate) -> Option<Explanation> {
        self.steps.map(|steps| Explanation { date, steps })
    }
}
