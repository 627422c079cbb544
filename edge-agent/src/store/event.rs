//! What happened in the store, told to whoever listens, after it is on disk.

use shared_model::{ClockSerial, EmployeeId, Kind};

/// Something that was committed. Listeners that fall behind lose the oldest: an event says "look again", the
/// database says what is true.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoreEvent {
    /// A clock's rows were taken.
    Punches {
        /// The clock.
        serial: ClockSerial,
        /// How many were new.
        new: u32,
    },
    /// The ledger stream grew: punches, observations or watermarks wait to be sent.
    LedgerGrew,
    /// Records of a kind changed.
    Records(Kind),
    /// There is something to recompute.
    Recompute,
    /// Attendance of people was computed anew.
    Attendance {
        /// Whose; empty = many.
        employees: Vec<EmployeeId>,
    },
    /// A clock's state changed.
    Device(ClockSerial),
    /// A clock that nobody adopted posted.
    PendingDevice(ClockSerial),
    /// The state of sync changed.
    Sync,
}
