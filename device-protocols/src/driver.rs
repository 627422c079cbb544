//! The one face that all clocks turn to the agent.
//!
//! A [`Driver`] brings what it [observes](Observed) on clocks into a [`Sink`], in the clock's own words, and takes
//! [orders](Order). Some drivers go and ask ([`ZkDriver`](crate::zk::ZkDriver): one clock, one session), some wait to be
//! told ([`PushDriver`](crate::push::PushDriver): one listener, many clocks). Both keep the same two promises:
//!
//! 1. **Kept, then acknowledged.** [`Sink::accept`] returns when what it was given is durable. Only then does a driver
//!    let the clock know (push) or go on reading (pull). What was refused stays with the clock and comes again.
//! 2. **Again is harmless.** Any row may be delivered any number of times; whoever keeps rows tells repeats apart.
//!
//! A driver does not schedule, back off or decide: it serves until stopped, and its owner supervises.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, FixedOffset, NaiveDateTime, Utc};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use crate::operation::Operation;
use crate::row::{AttendanceRow, BadTime, RawRow, UserRef};
use crate::serial::Serial;
use crate::zk::attendance::Shortfall;
pub use crate::zk::attendance::{LogMark, Misfit};

/// The way by which rows come from a clock. Routes of one clock disagree on verify codes, states and work codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Route {
    /// We read a ZKTeco clock's log over TCP.
    ZkTcp,
    /// The clock posts to us (ADMS).
    Push,
}

/// Where an observation comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// The way.
    pub route: Route,
    /// The clock's serial number, where it has told one.
    pub serial: Option<Serial>,
    /// The address it came from; `None` where we went to it.
    pub address: Option<IpAddr>,
}

/// Something seen on a clock, in its own words.
#[derive(Debug, Clone, PartialEq)]
pub enum Observed {
    /// Facts the clock states about itself.
    Facts(ClockFacts),
    /// The clock's time beside ours.
    Time(ClockReading),
    /// Users, or changes to users. `whole` when these are all users the clock has.
    Users {
        /// The users.
        users: Vec<ClockUser>,
        /// Whether users not among these do not exist on the clock.
        whole: bool,
    },
    /// What was done at the clock itself, in its order, at most a few hundred at once. The same may come again.
    Operations(Vec<Operation>),
    /// Attendance rows in the clock's order, at most a few thousand at once, and lines that are no rows.
    Rows {
        /// What could be read; dates may be impossible, rows may be doubtful.
        rows: Vec<AttendanceRow>,
        /// What could not.
        bad: Vec<BadRow>,
    },
    /// Log bytes whose layout could not be told, for keeping as they are.
    Unread {
        /// Offset among the log's record bytes.
        offset: u64,
        /// The bytes, at most 64 KiB at once.
        bytes: Bytes,
    },
    /// A log was read to its end.
    LogEnd(LogEnd),
    /// Somebody seems to have punched: worth showing and worth a read, but no record.
    Hint(Vec<Hint>),
    /// The clock came by without anything new.
    Heard,
}

/// Facts a clock states about itself; what it left out is `None`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ClockFacts {
    /// Firmware version.
    pub firmware: Option<String>,
    /// Model name.
    pub model: Option<String>,
    /// Hardware platform.
    pub platform: Option<String>,
    /// Network address of the hardware.
    pub mac: Option<String>,
    /// Attendance records held.
    pub records: Option<u32>,
    /// Room for attendance records.
    pub record_capacity: Option<u32>,
    /// Users held.
    pub users: Option<u32>,
    /// Room for users.
    pub user_capacity: Option<u32>,
    /// Records in its operation log.
    pub operations: Option<u32>,
    /// All options as the clock named and answered them.
    pub options: Vec<(String, String)>,
}

/// A clock's time and the moments between which it was told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClockReading {
    /// The clock's wall time, or what it said instead of a time.
    pub said: Result<NaiveDateTime, BadTime>,
    /// Our time before asking.
    pub asked: DateTime<Utc>,
    /// Our time when the answer was here.
    pub answered: DateTime<Utc>,
}

/// A user as a clock knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClockUser {
    /// Whom punches name.
    pub user: UserRef,
    /// The clock's internal serial, which 8-byte records use instead; reused after a deletion.
    pub internal: Option<u16>,
    /// The name shown on the clock.
    pub name: String,
    /// Card number as text; `None` for none.
    pub card: Option<String>,
    /// Privilege: 0 user, 2 enroller, 6 manager, 14 administrator; odd means switched off.
    pub privilege: u8,
    /// The record as it came.
    pub raw: RawRow,
}

/// A line or record that is no row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadRow {
    /// Place in what was read or uploaded, counted with the rows.
    pub position: u64,
    /// What is wrong.
    pub reason: BadRowReason,
    /// The bytes as they came, cut at 4 KiB.
    pub raw: RawRow,
}

/// What is wrong with a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadRowReason {
    /// Fewer fields than any version of the format has.
    #[error("too few fields")]
    TooFewFields,
    /// The user id is empty, too long or has control characters.
    #[error("no user id")]
    UserId,
    /// A code is no number.
    #[error("a code is no number")]
    Code,
    /// Longer than a line may be.
    #[error("longer than a line may be")]
    TooLong,
    /// Bytes that are no text in the clock's encoding.
    #[error("no text")]
    Encoding,
}

/// What came of reading a log to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogEnd {
    /// What of it was read.
    pub kind: LogKind,
    /// The clock's own count before the read.
    pub counted: Option<u32>,
    /// Rows delivered.
    pub rows: u64,
    /// Whether everything that the clock declared came and was read as rows.
    pub whole: bool,
    /// What was noticed on the way, for people.
    pub notes: Vec<String>,
    /// Where a later [`Ask::Pull`] may begin; `None` where it must read the whole log.
    pub mark: Option<LogMark>,
}

/// What of a log was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogKind {
    /// The rows after those that were known, which are still there.
    Tail {
        /// The place of the first of them, and how many were known.
        from: u64,
    },
    /// All of it, from its first row, which has the position 0.
    Whole(WholeReason),
}

/// Why the whole of a log was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WholeReason {
    /// It was asked for.
    #[error("it was asked for")]
    Asked,
    /// What was known of the log is not how it begins now.
    #[error(transparent)]
    Misfit(#[from] Misfit),
    /// The clock sends its log only as a whole.
    #[error("the clock sends its log only as a whole")]
    OnlyWhole,
    /// The clock did not give the part that was asked for. Asking again for a part would only take time.
    #[error("the clock did not give the part that was asked for")]
    Denied,
    /// The clock counts more records than were known with those that followed.
    #[error("the clock counts more records than came")]
    Count,
}

impl From<Shortfall> for WholeReason {
    fn from(shortfall: Shortfall) -> Self {
        match shortfall {
            Shortfall::Misfit(misfit) => Self::Misfit(misfit),
            Shortfall::Count => Self::Count,
        }
    }
}

/// A live event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hint {
    /// Whom the clock means.
    pub user: UserRef,
    /// The clock's wall time.
    pub time: Result<NaiveDateTime, BadTime>,
    /// In/out key.
    pub state: u16,
    /// How the person was verified.
    pub verify: u16,
}

/// Where observations go.
pub trait Sink: Send + Sync + 'static {
    /// Keeps an observation. Returns `Ok` only when everything in it is durable; the clock may forget it then.
    ///
    /// # Errors
    /// [`Refused`]: nothing of it may be counted as kept, and the clock is not told that it was.
    fn accept(&self, origin: &Origin, observed: Observed)
    -> impl Future<Output = Result<(), Refused>> + Send;
}

impl<S: Sink> Sink for Arc<S> {
    fn accept(
        &self,
        origin: &Origin,
        observed: Observed,
    ) -> impl Future<Output = Result<(), Refused>> + Send {
        S::accept(self, origin, observed)
    }
}

/// Why nothing was kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Nobody has adopted this clock.
    #[error("this clock is not adopted")]
    UnknownClock,
    /// The store cannot keep anything now (disk full, database gone, shutting down).
    #[error("nothing can be kept at the moment")]
    Unavailable,
}

/// Something a driver is asked to do.
#[derive(Debug)]
pub struct Order {
    /// Which clock, for drivers that serve several.
    pub serial: Option<Serial>,
    /// What.
    pub what: Ask,
    /// Where to tell what came of it; nobody need wait.
    pub reply: oneshot::Sender<Result<Carried, DriverError>>,
}

impl Order {
    /// An order, and where its outcome will be told.
    #[must_use]
    pub fn new(serial: Option<Serial>, what: Ask) -> (Self, oneshot::Receiver<Result<Carried, DriverError>>) {
        let (reply, outcome) = oneshot::channel();
        (Self { serial, what, reply }, outcome)
    }
}

/// What a driver can be asked. What it brings goes into the sink.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ask {
    /// Facts about the clock.
    Facts,
    /// The clock's time.
    Time,
    /// Set the clock to the present wall time at this offset from UTC.
    SetTime(FixedOffset),
    /// All users.
    Users,
    /// The operation log, whole.
    Operations,
    /// The log: what follows a mark in it, or all of it. Rows have their positions in the log either way; where what
    /// follows turns out to be not enough, all rows come, from position 0 on.
    Pull {
        /// The count at which a read is not worth it.
        unless_count: Option<u32>,
        /// How far the log is known: what an earlier [`LogEnd`] gave, once its rows were kept.
        after: Option<LogMark>,
    },
}

/// How an order was carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Carried {
    /// Done: what there was is in the sink.
    Out,
    /// Not needed: the clock holds as many records as before.
    Unchanged,
    /// Waits for the clock to come by.
    Queued,
}

/// Why an order or a driver failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DriverError {
    /// The clock cannot be reached or followed.
    #[error("{reason}")]
    Clock {
        /// What happened, with its causes.
        reason: String,
        /// Whether trying again later may help without anyone changing anything.
        transient: bool,
    },
    /// The clock wants another communication key. Trying again without a new one locks some clocks.
    #[error("{0}")]
    Key(String),
    /// The sink would not keep what came.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// This driver cannot do that.
    #[error("this kind of clock cannot do that")]
    Unable,
    /// The driver's own socket failed.
    #[error("the listener failed: {0}")]
    Listener(String),
}

/// A way to one clock or to many.
pub trait Driver: Send {
    /// The way this driver goes.
    fn route(&self) -> Route;

    /// Serves until `stop`: delivers into `sink` and carries out `orders`. A failed order does not end it.
    ///
    /// # Errors
    /// [`DriverError`] when it cannot go on at all.
    fn serve<S: Sink>(
        self,
        sink: S,
        orders: mpsc::Receiver<Order>,
        stop: CancellationToken,
    ) -> impl Future<Output = Result<(), DriverError>> + Send;
}

/// The causes of an error in one line.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}

/// How often a live session is asked something cheap, since a clock that lost its power leaves a silent socket.
pub const HEARTBEAT: Duration = Duration::from_secs(45);
