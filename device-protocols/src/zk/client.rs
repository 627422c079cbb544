//! The session on a TCP socket.
//!
//! A [`Client`] is one session. Every wait has a deadline. Dropping a future of the client at any await point, the
//! [`AttendanceRead`] or the client itself leaves the clock enabled: what is owed to the clock is written at once from
//! the destructor, and a client that is dropped goes on in a short task that drains the socket, so that the kernel
//! delivers what was written. Should all that fail (the process is killed, the cable is out), the clock frees itself
//! after the seconds it was locked for, and the next connection enables it first thing.

mod log;
mod wire;

use std::net::SocketAddr;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use chrono::NaiveDateTime;

pub use log::{AttendanceRead, Tail};
use wire::Wire;

use super::attendance::{LogMark, MediumOrder};
use super::code::Code;
use super::event::LiveEvent;
use super::frame::FrameError;
use super::key::CommKey;
use super::option::{self, ClockInfo, IDENTITY};
use super::session::{Oddities, Outcome, Reply, Session, SessionError, Table, Timing};
use super::size::Sizes;
use super::time::{Parts, is_writable};
use super::user::UserRecord;
use super::{operation, u32_at};
use crate::operation::Operation;
use crate::row::BadTime;
use crate::text::until_nul;

/// Longest user table read at once: 65,535 users of 72 bytes.
const MAX_USERS: u64 = 65_535 * 72 + 4;

/// Whether a clock is locked while its log is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hold {
    /// People go on punching. A punch may come between count and log; it is in the next read.
    Open,
    /// The keypad is locked for so many seconds, renewed on long reads; the clock frees itself after them.
    Locked {
        /// How long the clock stays locked when nothing more is heard.
        seconds: u32,
    },
}

/// How to talk to a clock.
#[derive(Debug, Clone, Copy)]
pub struct ClientOptions {
    /// The communication key, if the clock has one.
    pub key: Option<CommKey>,
    /// For the TCP connection.
    pub connect_timeout: Duration,
    /// For answers.
    pub timing: Timing,
    /// For a whole table.
    pub table_timeout: Duration,
    /// Whether the clock is locked while its log is read.
    pub hold: Hold,
    /// Order of the codes of 16-byte records, where it is known for this clock.
    pub medium_order: Option<MediumOrder>,
}

impl Default for ClientOptions {
    fn default() -> Self {
        Self {
            key: None,
            connect_timeout: Duration::from_secs(3),
            timing: Timing::default(),
            table_timeout: Duration::from_secs(30 * 60),
            hold: Hold::Locked { seconds: 60 },
            medium_order: None,
        }
    }
}

/// Why talking to a clock failed.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// No connection in time.
    #[error("no connection to {0} in time")]
    ConnectTimeout(SocketAddr),
    /// No connection.
    #[error("cannot connect to {address}")]
    Connect {
        /// Where to.
        address: SocketAddr,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// The clock closed the connection.
    #[error("the clock closed the connection")]
    Closed,
    /// What came is not this protocol.
    #[error("what came from the clock cannot be followed")]
    Frame(#[from] FrameError),
    /// The conversation failed.
    #[error(transparent)]
    Session(#[from] SessionError),
    /// The table took longer than allowed.
    #[error("the table did not arrive within {0:?}")]
    TableTimeout(Duration),
    /// An answer has another layout than expected.
    #[error("the answer to {0} cannot be read")]
    Answer(Code),
    /// A time the protocol cannot write.
    #[error("{0} cannot be written: clocks count from 2000 to 2099")]
    Time(NaiveDateTime),
}

impl ClientError {
    /// Whether trying again later may help without anyone changing anything.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            Self::ConnectTimeout(_) | Self::Connect { .. } | Self::Closed | Self::Frame(_) => true,
            Self::TableTimeout(_) => true,
            Self::Session(error) => match error {
                SessionError::TimedOut(_) | SessionError::ChunkLength { .. } | SessionError::Broken => true,
                SessionError::KeyNeeded
                | SessionError::KeyRefused
                | SessionError::Refused { .. }
                | SessionError::TableLength(_) => false,
            },
            Self::Answer(_) | Self::Time(_) => false,
        }
    }
}

/// One session with a clock.
#[derive(Debug)]
pub struct Client {
    wire: Wire,
    options: ClientOptions,
}

impl Client {
    /// Connects, presents the key if the clock asks (once), and enables the clock, which an earlier client may have left
    /// locked.
    ///
    /// # Errors
    /// [`ClientError`]; [`SessionError::KeyRefused`] must not be answered by trying again.
    pub async fn connect(address: SocketAddr, options: ClientOptions) -> Result<Self, ClientError> {
        let wire = Wire::open(address, options.connect_timeout, Session::new(options.timing)).await?;
        let mut client = Self { wire, options };
        match client.wire.run(|session, now| session.connect(options.key, now)).await? {
            Outcome::Connected => {}
            Outcome::Failed(error) => return Err(error.into()),
            Outcome::Reply(_) | Outcome::Prepared { .. } | Outcome::Chunk { .. } | Outcome::TableEnd(_) => {
                return Err(ClientError::Answer(Code::CONNECT));
            }
        }
        client.ask(Code::ENABLE_DEVICE, Bytes::new()).await?;
        Ok(client)
    }

    /// The session id, and what was noticed about the clock's manners.
    #[must_use]
    pub fn oddities(&self) -> Oddities {
        self.wire.session().oddities()
    }

    /// Whether the session can go on. One that gave up waiting for a clock that numbers no replies cannot.
    #[must_use]
    pub fn is_usable(&self) -> bool {
        !self.wire.session().is_broken()
    }

    /// Asks anything that has one answer; a refusal is an answer.
    ///
    /// # Errors
    /// [`ClientError`] when no answer came.
    pub async fn ask(&mut self, command: Code, data: impl Into<Bytes>) -> Result<Reply, ClientError> {
        let data = data.into();
        match self.wire.run(|session, now| session.ask(command, data, now)).await? {
            Outcome::Reply(reply) => Ok(reply),
            Outcome::Failed(error) => Err(error.into()),
            Outcome::Connected | Outcome::Prepared { .. } | Outcome::Chunk { .. } | Outcome::TableEnd(_) => {
                Err(ClientError::Answer(command))
            }
        }
    }

    async fn demand(&mut self, command: Code, data: impl Into<Bytes>) -> Result<Reply, ClientError> {
        let reply = self.ask(command, data).await?;
        if reply.code.is_success() {
            Ok(reply)
        } else {
            Err(SessionError::Refused { command, code: reply.code }.into())
        }
    }

    /// The firmware version, such as `Ver 6.60 Apr 28 2018`.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn firmware(&mut self) -> Result<String, ClientError> {
        let reply = self.demand(Code::GET_VERSION, Bytes::new()).await?;
        Ok(String::from_utf8_lossy(until_nul(&reply.data)).trim().to_owned())
    }

    /// An option by name; asked with a final NUL and, if refused, once more without, which some firmware wants.
    /// `None` when the clock does not know it.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn option(&mut self, name: &str) -> Result<Option<String>, ClientError> {
        for end in ["\0", ""] {
            let reply = self.ask(Code::OPTIONS_RRQ, Bytes::from(format!("{name}{end}"))).await?;
            if reply.code.is_success() {
                return Ok(option::value(&reply.data, name));
            }
        }
        Ok(None)
    }

    /// Counts and capacities.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn sizes(&mut self) -> Result<Sizes, ClientError> {
        Ok(Sizes::parse(&self.demand(Code::GET_FREE_SIZES, Bytes::new()).await?.data))
    }

    /// Who the clock is and what it holds. What it refuses to tell is left out.
    ///
    /// # Errors
    /// [`ClientError`] when the conversation itself fails.
    pub async fn info(&mut self) -> Result<ClockInfo, ClientError> {
        let mut info = ClockInfo::default();
        for name in IDENTITY {
            if let Some(value) = self.option(name).await? {
                info.put(name, value);
            }
        }
        info.firmware = match self.firmware().await {
            Ok(text) => Some(text),
            Err(ClientError::Session(SessionError::Refused { .. })) => None,
            Err(error) => return Err(error),
        };
        info.sizes = match self.sizes().await {
            Ok(sizes) => sizes,
            Err(ClientError::Session(SessionError::Refused { .. })) => Sizes::default(),
            Err(error) => return Err(error),
        };
        Ok(info)
    }

    /// The clock's time, which may be one that does not exist.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn time(&mut self) -> Result<Result<NaiveDateTime, BadTime>, ClientError> {
        let reply = self.demand(Code::GET_TIME, Bytes::new()).await?;
        let packed = u32_at(&reply.data, 0).ok_or(ClientError::Answer(Code::GET_TIME))?;
        Ok(Parts::unpack(packed).checked())
    }

    /// Sets the clock's time and makes it take effect.
    ///
    /// # Errors
    /// [`ClientError`]; [`ClientError::Time`] outside 2000 to 2099.
    pub async fn set_time(&mut self, time: NaiveDateTime) -> Result<(), ClientError> {
        if !is_writable(time) {
            return Err(ClientError::Time(time));
        }
        let packed = Parts::from(time).pack().to_le_bytes();
        self.demand(Code::SET_TIME, Bytes::copy_from_slice(&packed)).await?;
        self.ask(Code::REFRESH_DATA, Bytes::new()).await?;
        Ok(())
    }

    /// All users.
    ///
    /// # Errors
    /// [`ClientError`]; [`ClientError::Answer`] when the records are neither 28 nor 72 bytes.
    pub async fn users(&mut self) -> Result<Vec<UserRecord>, ClientError> {
        let count = self.sizes().await?.users;
        let body = self.small_table(Table::Users).await?;
        UserRecord::parse_table(&body, count).ok_or(ClientError::Answer(Code::USERTEMP_RRQ))
    }

    /// The operation log: what was done at the clock itself, oldest first.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn operations(&mut self) -> Result<Vec<Operation>, ClientError> {
        Ok(operation::parse_table(&self.small_table(Table::Operations).await?))
    }

    async fn small_table(&mut self, table: Table) -> Result<BytesMut, ClientError> {
        let limit = self.options.table_timeout;
        let read = async {
            let mut body = BytesMut::new();
            let mut outcome = self.wire.run(|session, now| session.read_table(table, now)).await?;
            while let Part::Chunk { bytes, .. } = part(outcome)? {
                body.extend_from_slice(&bytes);
                let length = u64::try_from(body.len()).unwrap_or(u64::MAX);
                if length > MAX_USERS {
                    self.wire.abort();
                    return Err(SessionError::TableLength(length).into());
                }
                outcome = self.wire.run(Session::resume).await?;
            }
            Ok(body)
        };
        tokio::time::timeout(limit, read).await.map_err(|_| ClientError::TableTimeout(limit))?
    }

    /// Writes a user and makes it take effect. Change a record that was read, so that what this program does not know
    /// stays as it is; give a new one the [lowest free serial](super::user::lowest_free_sn) and the width the clock uses.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn write_user(&mut self, user: &UserRecord) -> Result<(), ClientError> {
        self.demand(Code::USER_WRQ, Bytes::copy_from_slice(user.as_bytes())).await?;
        self.demand(Code::REFRESH_DATA, Bytes::new()).await?;
        Ok(())
    }

    /// Deletes a user by internal serial and makes it take effect. Past punches stay.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn delete_user(&mut self, sn: u16) -> Result<(), ClientError> {
        self.demand(Code::DELETE_USER, Bytes::copy_from_slice(&sn.to_le_bytes())).await?;
        self.demand(Code::REFRESH_DATA, Bytes::new()).await?;
        Ok(())
    }

    /// Starts reading the attendance log. `now` is the present as wall time anywhere: records more than a day ahead of
    /// it are doubted. Dropping what is returned, at any moment, releases the table and enables the clock.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn attendance(&mut self, now: NaiveDateTime) -> Result<AttendanceRead<'_>, ClientError> {
        AttendanceRead::start(self, now).await
    }

    /// Starts reading what follows a mark in the attendance log. The last known records are read again and compared.
    /// The clock is not locked meanwhile, whatever the options say.
    ///
    /// # Errors
    /// [`ClientError`]; [`SessionError::Refused`] of `PREPARE_BUFFER` when the clock gives its log only as a whole.
    pub async fn attendance_after(
        &mut self,
        mark: &LogMark,
        now: NaiveDateTime,
    ) -> Result<Tail<'_>, ClientError> {
        AttendanceRead::start_after(self, mark, now).await
    }

    /// Asks for live events; see [`event`](super::event) for masks, 0 ends them. They are hints, not records.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn watch(&mut self, mask: u32) -> Result<(), ClientError> {
        self.demand(Code::REG_EVENT, Bytes::copy_from_slice(&mask.to_le_bytes())).await?;
        Ok(())
    }

    /// The next live event, also one that came during an earlier request; `None` when none comes within `wait`. Ask
    /// something cheap now and then: a clock that lost its power leaves a connection that never fails by itself.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn next_event(&mut self, wait: Duration) -> Result<Option<LiveEvent>, ClientError> {
        self.wire.next_event(wait).await
    }

    /// Ends the session in order.
    ///
    /// # Errors
    /// [`ClientError`] when the clock did not confirm; the session is over all the same.
    pub async fn close(mut self) -> Result<(), ClientError> {
        if self.wire.session().holds_clock() {
            self.ask(Code::ENABLE_DEVICE, Bytes::new()).await?;
        }
        self.ask(Code::EXIT, Bytes::new()).await?;
        self.wire.finish();
        Ok(())
    }
}

/// A step of reading a table.
enum Part {
    Chunk { bytes: Bytes, total: Option<u64> },
    End,
}

/// The outcome of a table step.
fn part(outcome: Outcome) -> Result<Part, ClientError> {
    match outcome {
        Outcome::Chunk { bytes, total } => Ok(Part::Chunk { bytes, total }),
        Outcome::TableEnd(_) => Ok(Part::End),
        Outcome::Failed(error) => Err(error.into()),
        Outcome::Connected | Outcome::Reply(_) | Outcome::Prepared { .. } => {
            Err(ClientError::Answer(Code::PREPARE_BUFFER))
        }
    }
}
