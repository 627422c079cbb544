//! What became of a punch.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use shared_model::{PunchId, ShiftId};

use super::named;
use crate::time::Instant;

/// What became of one punch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PunchUse {
    /// The punch.
    pub punch: PunchId,
    /// Its instant, zone corrections applied.
    pub at: Instant,
    /// The work date it counted for; for a punch that counted nowhere, its local date.
    pub date: NaiveDate,
    /// The shift it counted for.
    pub shift: Option<ShiftId>,
    /// What it was.
    pub role: PunchRole,
}

named! {
    /// What a punch was.
    PunchRole {
        /// An in.
        In = "in",
        /// An out.
        Out = "out",
        /// Between first in and last out, or an odd one: kept, not counted.
        Between = "between",
        /// The same act as the punch just before it.
        Folded = "folded",
        /// The same punch by another way, as a note says.
        Same = "same",
        /// Void, as a note says.
        Void = "void",
        /// No shift's.
        Unassigned = "unassigned",
        /// Of a date on which the person was not employed.
        NotEmployed = "not_employed",
    }
}

impl PunchRole {
    /// Whether the punch belongs to a work date.
    #[must_use]
    pub const fn counts(self) -> bool {
        matches!(self, Self::In | Self::Out | Self::Between | Self::Folded)
    }
}
