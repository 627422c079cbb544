//! One ZKTeco clock over TCP as a [`Driver`]: it is asked, it goes and reads.

use std::net::SocketAddr;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::client::{AttendanceRead, Client, ClientError, ClientOptions, Tail};
use super::code::Code;
use super::event::{LiveEvent, MASK_ATTENDANCE};
use super::option::ClockInfo;
use super::session::SessionError;
use super::{LogPiece, LogSummary, UserRecord};
use crate::clock::Clock;
use crate::driver::{
    Ask, Carried, ClockFacts, ClockReading, ClockUser, Driver, DriverError, HEARTBEAT, Hint, LogEnd, LogKind,
    LogMark, Observed, Order, Origin, Route, Sink, WholeReason, chain,
};
use crate::text::TextEncoding;

/// Operations handed on at once.
const OPERATIONS: usize = 512;

/// Which clock, and how to talk to it.
#[derive(Debug, Clone, Copy)]
pub struct ZkTarget {
    /// Where it listens.
    pub address: SocketAddr,
    /// Key, deadlines, locking.
    pub options: ClientOptions,
    /// How it writes names.
    pub encoding: TextEncoding,
    /// Keep the session and listen for punches between orders. Otherwise each order has a session of its own.
    pub live: bool,
}

/// Serves one clock.
#[derive(Debug)]
pub struct ZkDriver<C> {
    target: ZkTarget,
    clock: C,
    client: Option<Client>,
    origin: Origin,
}

/// An open session and what it takes to use it.
struct Open<'a, C> {
    client: &'a mut Client,
    origin: &'a Origin,
    target: &'a ZkTarget,
    clock: &'a C,
}

impl<C: Clock> ZkDriver<C> {
    /// A driver that is not connected yet.
    #[must_use]
    pub fn new(target: ZkTarget, clock: C) -> Self {
        let origin = Origin { route: Route::ZkTcp, serial: None, address: None };
        Self { target, clock, client: None, origin }
    }

    /// The open session, or a new one, which begins with the clock's facts.
    async fn open<S: Sink>(&mut self, sink: &S) -> Result<Open<'_, C>, DriverError> {
        let client = match self.client.take().filter(Client::is_usable) {
            Some(client) => client,
            None => self.connect(sink).await?,
        };
        let client = self.client.insert(client);
        Ok(Open { client, origin: &self.origin, target: &self.target, clock: &self.clock })
    }

    async fn connect<S: Sink>(&mut self, sink: &S) -> Result<Client, DriverError> {
        let mut client = Client::connect(self.target.address, self.target.options).await?;
        let info = client.info().await?;
        self.origin.serial = info.serial.as_deref().and_then(|serial| serial.parse().ok());
        sink.accept(&self.origin, Observed::Facts(facts(info))).await?;
        if self.target.live {
            // A clock that does not tell live is read on schedule all the same.
            match client.watch(MASK_ATTENDANCE).await {
                Ok(()) | Err(ClientError::Session(SessionError::Refused { .. })) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(client)
    }

    async fn carry_out<S: Sink>(&mut self, what: Ask, sink: &S) -> Result<Carried, DriverError> {
        let done = self.try_carry_out(what, sink).await;
        if done.is_err() {
            self.client = None;
        } else if !self.target.live
            && let Some(client) = self.client.take()
        {
            // What was wanted is kept; an unconfirmed goodbye does not take it back.
            let _ = client.close().await;
        }
        done
    }

    async fn try_carry_out<S: Sink>(&mut self, what: Ask, sink: &S) -> Result<Carried, DriverError> {
        let fresh = !self.client.as_ref().is_some_and(Client::is_usable);
        match what {
            Ask::Facts => {
                let Open { client, origin, .. } = self.open(sink).await?;
                if !fresh {
                    sink.accept(origin, Observed::Facts(facts(client.info().await?))).await?;
                }
            }
            Ask::Time => {
                let Open { client, origin, clock, .. } = self.open(sink).await?;
                read_time(client, clock, origin, sink).await?;
            }
            Ask::SetTime(offset) => {
                let Open { client, origin, clock, .. } = self.open(sink).await?;
                client.set_time(clock.now().with_timezone(&offset).naive_local()).await?;
                read_time(client, clock, origin, sink).await?;
            }
            Ask::Users => {
                let Open { client, origin, target, .. } = self.open(sink).await?;
                let users = client.users().await?;
                let users = users.iter().map(|user| clock_user(user, target.encoding)).collect();
                sink.accept(origin, Observed::Users { users, whole: true }).await?;
            }
            Ask::Operations => {
                let Open { client, origin, .. } = self.open(sink).await?;
                for some in client.operations().await?.chunks(OPERATIONS) {
                    sink.accept(origin, Observed::Operations(some.to_vec())).await?;
                }
            }
            Ask::Pull { unless_count, after } => {
                return self.pull(unless_count, after.as_ref(), sink).await;
            }
        }
        Ok(Carried::Out)
    }

    async fn pull<S: Sink>(
        &mut self,
        unless_count: Option<u32>,
        after: Option<&LogMark>,
        sink: &S,
    ) -> Result<Carried, DriverError> {
        if unless_count.is_some() && self.open(sink).await?.client.sizes().await?.records == unless_count {
            return Ok(Carried::Unchanged);
        }
        let why = match after {
            None => WholeReason::Asked,
            Some(mark) => match self.pull_after(mark, sink).await {
                Ok(None) => return Ok(Carried::Out),
                Ok(Some(why)) => why,
                Err(PullError::Client(error)) => whole_after(&error).ok_or(error)?,
                Err(PullError::Driver(error)) => return Err(error),
            },
        };
        // The session may not have survived what went before.
        let Open { client, origin, clock, .. } = self.open(sink).await?;
        let log = client.attendance(clock.now().naive_utc()).await?;
        let summary = deliver(log, origin, sink).await.map_err(PullError::into_driver)?;
        sink.accept(origin, Observed::LogEnd(log_end(summary, LogKind::Whole(why)))).await?;
        Ok(Carried::Out)
    }

    /// Reads what follows a mark; or tells why the whole log must be read.
    async fn pull_after<S: Sink>(
        &mut self,
        mark: &LogMark,
        sink: &S,
    ) -> Result<Option<WholeReason>, PullError> {
        let Open { client, origin, clock, .. } = self.open(sink).await.map_err(PullError::Driver)?;
        let (log, kind) = match client.attendance_after(mark, clock.now().naive_utc()).await? {
            Tail::After(log) => (log, LogKind::Tail { from: mark.rows() }),
            Tail::AtOnce(log) => (log, LogKind::Whole(WholeReason::OnlyWhole)),
            Tail::Misfit(misfit) => return Ok(Some(misfit.into())),
        };
        let summary = deliver(log, origin, sink).await?;
        if let (LogKind::Tail { .. }, Err(shortfall)) = (kind, mark.check_summary(&summary)) {
            return Ok(Some(shortfall.into()));
        }
        let end = Observed::LogEnd(log_end(summary, kind));
        sink.accept(origin, end).await.map_err(|refused| PullError::Driver(refused.into()))?;
        Ok(None)
    }

    /// Waits for a punch, or makes sure that the clock is still there.
    async fn listen<S: Sink>(&mut self, sink: &S) -> Result<(), DriverError> {
        let Some(client) = &mut self.client else { return std::future::pending().await };
        match client.next_event(HEARTBEAT).await? {
            Some(LiveEvent::Punches(punches)) => {
                let hints = punches
                    .into_iter()
                    .map(|punch| Hint {
                        user: punch.user,
                        time: punch.time,
                        state: punch.state.into(),
                        verify: punch.verify.into(),
                    })
                    .collect();
                // Nothing hangs on a hint: the row is in the log.
                let _ = sink.accept(&self.origin, Observed::Hint(hints)).await;
            }
            Some(LiveEvent::Other { .. }) => {}
            None => match read_time(client, &self.clock, &self.origin, sink).await {
                Ok(()) | Err(DriverError::Refused(_)) => {}
                Err(error) => return Err(error),
            },
        }
        Ok(())
    }
}

impl<C: Clock> Driver for ZkDriver<C> {
    fn route(&self) -> Route {
        Route::ZkTcp
    }

    async fn serve<S: Sink>(
        mut self,
        sink: S,
        mut orders: mpsc::Receiver<Order>,
        stop: CancellationToken,
    ) -> Result<(), DriverError> {
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                order = orders.recv() => {
                    let Some(Order { what, reply, .. }) = order else { break };
                    let carried = tokio::select! {
                        biased;
                        () = stop.cancelled() => break,
                        carried = self.carry_out(what, &sink) => carried,
                    };
                    let _ = reply.send(carried);
                }
                heard = self.listen(&sink) => if heard.is_err() {
                    // The owner notices by its next order, which connects anew.
                    self.client = None;
                },
            }
        }
        if let Some(client) = self.client.take() {
            let _ = client.close().await;
        }
        Ok(())
    }
}

async fn read_time<S: Sink>(
    client: &mut Client,
    clock: &impl Clock,
    origin: &Origin,
    sink: &S,
) -> Result<(), DriverError> {
    let asked = clock.now();
    let said = client.time().await?;
    let reading = ClockReading { said, asked, answered: clock.now() };
    Ok(sink.accept(origin, Observed::Time(reading)).await?)
}

/// Why a log was not read to its end.
enum PullError {
    Client(ClientError),
    Driver(DriverError),
}

impl PullError {
    fn into_driver(self) -> DriverError {
        match self {
            Self::Client(error) => error.into(),
            Self::Driver(error) => error,
        }
    }
}

impl From<ClientError> for PullError {
    fn from(error: ClientError) -> Self {
        Self::Client(error)
    }
}

/// Whether a read of a part failed in a way in which a read of the whole need not.
fn whole_after(error: &ClientError) -> Option<WholeReason> {
    let ClientError::Session(error) = error else { return None };
    match error {
        SessionError::Refused { command: Code::PREPARE_BUFFER, .. } => Some(WholeReason::OnlyWhole),
        SessionError::ChunkLength { .. } | SessionError::TimedOut(Code::READ_CHUNK) => {
            Some(WholeReason::Denied)
        }
        SessionError::TimedOut(_)
        | SessionError::KeyNeeded
        | SessionError::KeyRefused
        | SessionError::Refused { .. }
        | SessionError::TableLength(_)
        | SessionError::Broken => None,
    }
}

/// Puts all that a log has into the sink.
async fn deliver<S: Sink>(
    mut log: AttendanceRead<'_>,
    origin: &Origin,
    sink: &S,
) -> Result<LogSummary, PullError> {
    while let Some(piece) = log.next().await? {
        let observed = match piece {
            LogPiece::Rows(rows) => Observed::Rows { rows, bad: Vec::new() },
            LogPiece::Raw { offset, bytes } => Observed::Unread { offset, bytes },
        };
        sink.accept(origin, observed).await.map_err(|refused| PullError::Driver(refused.into()))?;
    }
    Ok(log.finish().await?)
}

fn facts(info: ClockInfo) -> ClockFacts {
    ClockFacts {
        firmware: info.firmware,
        model: info.model,
        platform: info.platform,
        mac: info.mac,
        records: info.sizes.records,
        record_capacity: info.sizes.record_capacity,
        users: info.sizes.users,
        user_capacity: info.sizes.user_capacity,
        operations: info.sizes.operations,
        options: info.options,
    }
}

fn clock_user(user: &UserRecord, encoding: TextEncoding) -> ClockUser {
    ClockUser {
        user: user.user(),
        internal: Some(user.sn()),
        name: user.name(encoding),
        card: Some(user.card()).filter(|card| *card != 0).map(|card| card.to_string()),
        privilege: user.privilege().0,
        raw: user.to_raw_row(),
    }
}

fn log_end(summary: LogSummary, kind: LogKind) -> LogEnd {
    let mut notes = Vec::new();
    let mut note = |count: u64, what: &str| {
        if count > 0 {
            notes.push(format!("{count} {what}"));
        }
    };
    note(summary.bad_times, "rows with a date that does not exist");
    note(summary.doubtful, "doubtful rows");
    note(summary.junk_blocks, "junk blocks skipped");
    note(summary.trailing_bytes, "bytes after the last whole record");
    note(summary.missing_bytes, "bytes declared but not sent");
    note(summary.excess_bytes, "bytes sent beyond those declared");
    if let Some(unread) = summary.unread {
        notes.push(format!("{} bytes from {} kept unread: {}", unread.bytes, unread.offset, unread.reason));
    }
    LogEnd {
        kind,
        counted: summary.counted,
        rows: summary.rows,
        whole: summary.is_whole(),
        notes,
        mark: summary.mark,
    }
}

impl From<ClientError> for DriverError {
    fn from(error: ClientError) -> Self {
        if matches!(error, ClientError::Session(SessionError::KeyNeeded | SessionError::KeyRefused)) {
            Self::Key(chain(&error))
        } else {
            Self::Clock { reason: chain(&error), transient: error.is_transient() }
        }
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::no_buffer(SessionError::Refused { command: Code::PREPARE_BUFFER, code: Code::ACK_UNKNOWN }, Some(WholeReason::OnlyWhole))]
    #[case::no_such_chunk(SessionError::ChunkLength { start: 44, wanted: 80, got: 0 }, Some(WholeReason::Denied))]
    #[case::no_answer_for_a_chunk(SessionError::TimedOut(Code::READ_CHUNK), Some(WholeReason::Denied))]
    #[case::no_answer_at_all(SessionError::TimedOut(Code::GET_FREE_SIZES), None)]
    #[case::no_sizes(SessionError::Refused { command: Code::GET_FREE_SIZES, code: Code::ACK_ERROR }, None)]
    #[case::out_of_step(SessionError::Broken, None)]
    fn a_part_that_fails_may_leave_the_whole(
        #[case] error: SessionError,
        #[case] expected: Option<WholeReason>,
    ) {
        assert_eq!(whole_after(&ClientError::Session(error)), expected);
        assert_eq!(whole_after(&ClientError::Closed), None);
    }
}
