//! A punch in a simulated clock's memory.

use serde::{Deserialize, Serialize};

use crate::zk::time::Parts;

/// A user of a simulated clock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SimUser {
    /// Internal serial, from 1.
    pub sn: u16,
    /// User id.
    pub code: String,
    /// Name shown.
    pub name: String,
    /// Whether the user administers the clock.
    pub admin: bool,
}

/// How somebody was verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Method {
    /// A finger.
    Finger,
    /// A face.
    Face,
    /// A card.
    Card,
    /// A password.
    Password,
}

impl Method {
    /// The code in TCP records.
    #[must_use]
    pub fn tcp_code(self) -> u8 {
        match self {
            Self::Finger => 1,
            Self::Face => 15,
            Self::Card => 4,
            Self::Password => 0,
        }
    }

    /// The code in push lines: for each method another than over TCP, as firmware does it.
    #[must_use]
    pub fn push_code(self) -> u8 {
        match self {
            Self::Finger => 5,
            Self::Face => 16,
            Self::Card => 6,
            Self::Password => 3,
        }
    }
}

/// A punch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SimPunch {
    /// Index of the user.
    pub user: u32,
    /// The clock's wall time, which need not exist.
    pub time: Parts,
    /// How the person was verified.
    pub method: Method,
    /// In (0) or out (1).
    pub key: u8,
}

impl SimPunch {
    /// The same punch by a clock that lost its battery: on 31 February.
    #[must_use]
    pub fn on_impossible_date(self) -> Self {
        Self { time: Parts { month: 2, day: 31, ..self.time }, ..self }
    }

    /// The in/out key in TCP records.
    #[must_use]
    pub fn tcp_state(&self) -> u8 {
        self.key
    }

    /// The in/out key in push lines: the overtime keys, so that the routes disagree.
    #[must_use]
    pub fn push_state(&self) -> u8 {
        4 + self.key
    }
}

/// Something done in a simulated clock's menu.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SimOperation {
    /// What.
    pub code: u8,
    /// By whom; 0 for nobody.
    pub admin: u16,
    /// The clock's wall time.
    pub time: Parts,
    /// What it was done to.
    pub objects: [u16; 4],
}
