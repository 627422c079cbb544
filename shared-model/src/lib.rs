//! Ids, entities, roles, permissions and state machines of Muster.
//!
//! Pure: no I/O, no async, no clock, no randomness of its own. Everything here means the same on the
//! edge, in the cloud and in tests. Rules that both sides must judge alike (what a punch is, what a
//! record's fields are, who may do what) live here once.

pub mod access;
pub mod clock;
pub mod entity;
pub mod flag;
pub mod id;
pub mod punch;
pub mod record;
pub mod text;
pub mod zone;

pub use clock::{Clock, Entropy};
pub use flag::PunchFlag;
pub use id::{
    ActorId, CompanyId, CompanyRuleId, DayDecisionId, DepartmentId, DeviceId, EdgeId, EmployeeId, HolidayId,
    IdentityId, LeaveId, PayPeriodId, PhonePunchId, PolicyId, PunchNoteId, RosterDayId, RosterId, ShiftId,
    SiteId, UserId,
};
pub use punch::{ClockSerial, Punch, PunchId, PunchState, RawTime, Route, UserCode};
pub use record::{FieldMap, FieldTag, Kind};
pub use zone::ZoneHistory;
