//! What was done at a clock itself, as its operation log tells it.

use chrono::NaiveDateTime;

use crate::row::BadTime;

/// Something done at a clock: in its menu, by its power switch, by a program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operation {
    /// What: 0 power on, 4 menu, 5 setting, 9 user deleted, 13 data cleared, 21 clock set, 22 factory reset, 23 attendance
    /// cleared, 30 user enrolled; others are the vendor's own.
    pub code: u16,
    /// By whom, as the clock tells it; `0` for nobody in particular. At most [`Self::TEXT`] bytes.
    pub admin: String,
    /// The clock's wall time.
    pub time: Result<NaiveDateTime, BadTime>,
    /// What it was done to, in the clock's numbers; at most [`Self::OBJECTS`], each at most [`Self::TEXT`] bytes.
    pub objects: Vec<String>,
}

impl Operation {
    /// The most objects of an operation.
    pub const OBJECTS: usize = 4;
    /// The longest name of an administrator or an object, in bytes.
    pub const TEXT: usize = 24;
}
