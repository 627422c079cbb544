//! How a day's status is shown: the same word, colour and icon on every page of both web UIs.

use crate::component::Tone;
use crate::locale::Key;

/// A status as the reader sees it. What it follows from is decided elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DayMark {
    /// In time.
    Present,
    /// In after the grace.
    Late,
    /// Out before the grace.
    LeftEarly,
    /// Half of the hours.
    HalfDay,
    /// In, not yet out.
    Working,
    /// Neither in nor out.
    Absent,
    /// In or out is missing.
    MissingPunch,
    /// Not certain until the clocks have reported.
    Provisional,
    /// Not yet begun.
    NotStarted,
    /// Begun, and not in so far.
    NotIn,
    /// On leave.
    Leave,
    /// Weekly off.
    WeeklyOff,
    /// Holiday.
    Holiday,
    /// Working elsewhere.
    OnDuty,
    /// Not rostered.
    Unscheduled,
}

impl DayMark {
    /// Every mark, for legends and filters.
    pub const ALL: [Self; 15] = [
        Self::Present,
        Self::Late,
        Self::LeftEarly,
        Self::HalfDay,
        Self::Working,
        Self::Absent,
        Self::MissingPunch,
        Self::Provisional,
        Self::NotStarted,
        Self::NotIn,
        Self::Leave,
        Self::WeeklyOff,
        Self::Holiday,
        Self::OnDuty,
        Self::Unscheduled,
    ];

    /// The colour.
    #[must_use]
    pub const fn tone(self) -> Tone {
        match self {
            Self::Present | Self::Working => Tone::Good,
            Self::Late | Self::LeftEarly | Self::HalfDay => Tone::Warn,
            Self::Absent | Self::MissingPunch => Tone::Bad,
            Self::Provisional | Self::NotIn => Tone::Pending,
            Self::Leave | Self::OnDuty => Tone::Accent,
            Self::Holiday => Tone::Info,
            Self::WeeklyOff | Self::NotStarted | Self::Unscheduled => Tone::Neutral,
        }
    }

    /// The icon.
    #[must_use]
    pub const fn icon(self) -> &'static str {
        match self {
            Self::Present => "check",
            Self::Late => "clock",
            Self::LeftEarly => "door",
            Self::HalfDay => "half",
            Self::Working => "play",
            Self::Absent => "cross",
            Self::MissingPunch => "question",
            Self::Provisional => "hourglass",
            Self::NotStarted => "dash",
            Self::NotIn => "door",
            Self::Leave => "palm",
            Self::WeeklyOff => "moon",
            Self::Holiday => "star",
            Self::OnDuty => "briefcase",
            Self::Unscheduled => "calendar",
        }
    }

    /// The word.
    #[must_use]
    pub const fn key(self) -> Key {
        match self {
            Self::Present => Key::new("mark-present"),
            Self::Late => Key::new("mark-late"),
            Self::LeftEarly => Key::new("mark-left-early"),
            Self::HalfDay => Key::new("mark-half-day"),
            Self::Working => Key::new("mark-working"),
            Self::Absent => Key::new("mark-absent"),
            Self::MissingPunch => Key::new("mark-missing-punch"),
            Self::Provisional => Key::new("mark-provisional"),
            Self::NotStarted => Key::new("mark-not-started"),
            Self::NotIn => Key::new("mark-not-in"),
            Self::Leave => Key::new("mark-leave"),
            Self::WeeklyOff => Key::new("mark-weekly-off"),
            Self::Holiday => Key::new("mark-holiday"),
            Self::OnDuty => Key::new("mark-on-duty"),
            Self::Unscheduled => Key::new("mark-unscheduled"),
        }
    }
}

impl From<&Self> for DayMark {
    fn from(mark: &Self) -> Self {
        *mark
    }
}
