//! Reading the attendance log piece by piece.

use bytes::Bytes;
use chrono::NaiveDateTime;
use tokio::time::Instant;

use super::{Client, ClientError, Hold, Part, part};
use crate::zk::attendance::decoder::LogContext;
use crate::zk::attendance::{LogDecoder, LogMark, LogPiece, LogSummary, Misfit};
use crate::zk::code::Code;
use crate::zk::session::{Outcome, Session, Table};

/// An attendance log being read.
///
/// Take [pieces](Self::next) until there are none, keep each before taking the next, then [finish](Self::finish). The
/// next part is asked of the clock only when it is wanted, so nothing piles up here or there. Rows that were handed out
/// stay true when a later part fails: read the log again and keep what is new.
///
/// Dropped before it is finished, it releases the clock's buffer and enables the clock.
#[derive(Debug)]
pub struct AttendanceRead<'a> {
    client: &'a mut Client,
    decoder: LogDecoder,
    deadline: Instant,
    progress: Progress,
}

/// What a clock gives of a log of which a part is known.
#[derive(Debug)]
pub enum Tail<'a> {
    /// The rows after the known ones.
    After(AttendanceRead<'a>),
    /// The whole log, since the clock sent it at once.
    AtOnce(AttendanceRead<'a>),
    /// Nothing: the log is not the known one. It is to be read whole.
    Misfit(Misfit),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Progress {
    NotAsked,
    Reading,
    Whole,
    Finished,
}

impl<'a> AttendanceRead<'a> {
    pub(super) async fn start(client: &'a mut Client, now: NaiveDateTime) -> Result<Self, ClientError> {
        let options = client.options;
        let context = LogContext { count: None, body_bytes: None, now, order: options.medium_order };
        let deadline = Instant::now() + options.table_timeout;
        // Made first, so that its destructor enables the clock whatever fails from here on.
        let mut read =
            Self { client, decoder: LogDecoder::new(context), deadline, progress: Progress::NotAsked };
        if let Hold::Locked { seconds } = options.hold {
            // A clock that refuses is read unlocked.
            read.client.ask(Code::DISABLE_DEVICE, Bytes::copy_from_slice(&seconds.to_le_bytes())).await?;
        }
        let count = read.client.sizes().await?.records;
        read.decoder = LogDecoder::new(LogContext { count, ..context });
        Ok(read)
    }

    /// Begins behind a mark. The clock is not locked, since it is soon done: a punch that comes meanwhile comes next time.
    pub(super) async fn start_after(
        client: &'a mut Client,
        mark: &LogMark,
        now: NaiveDateTime,
    ) -> Result<Tail<'a>, ClientError> {
        let options = client.options;
        let deadline = Instant::now() + options.table_timeout;
        let count = client.sizes().await?.records;
        let context = LogContext { count, body_bytes: None, now, order: options.medium_order };
        let decoder = LogDecoder::new(context);
        let mut read = Self { client, decoder, deadline, progress: Progress::Reading };
        let prepared = read.step(|session, now| session.prepare_table(Table::Attendance, now)).await?;
        let Outcome::Prepared { total } = prepared else {
            return Ok(match read.take(part(prepared)?) {
                Progress::Whole => Tail::Misfit(Misfit::Shorter),
                Progress::NotAsked | Progress::Reading | Progress::Finished => Tail::AtOnce(read),
            });
        };
        if let Err(misfit) = mark.check_size(total, options.medium_order) {
            return read.give_back(misfit).await;
        }
        let outcome = read.step(|session, now| session.begin_at(mark.start(), now)).await?;
        // The overlap is shorter than a chunk and the body reaches beyond it, so the first chunk holds all of it.
        let fresh = match part(outcome)? {
            Part::Chunk { bytes, .. } => mark.strip_overlap(bytes),
            Part::End => Err(Misfit::Changed),
        };
        match fresh {
            Ok(fresh) => {
                read.decoder = LogDecoder::after(context, mark, total);
                read.decoder.push(&fresh);
                Ok(Tail::After(read))
            }
            Err(misfit) => read.give_back(misfit).await,
        }
    }

    /// Lets the clock release a log of which no more is wanted.
    async fn give_back(mut self, misfit: Misfit) -> Result<Tail<'a>, ClientError> {
        part(self.step(Session::release).await?)?;
        self.progress = Progress::Finished;
        Ok(Tail::Misfit(misfit))
    }

    /// The next part of the log; `None` after the last.
    ///
    /// # Errors
    /// [`ClientError`]; the log is given up then and the clock enabled.
    pub async fn next(&mut self) -> Result<Option<LogPiece>, ClientError> {
        loop {
            if let Some(piece) = self.decoder.next_piece() {
                return Ok(Some(piece));
            }
            let outcome = match self.progress {
                Progress::Whole | Progress::Finished => return Ok(None),
                Progress::NotAsked => {
                    self.step(|session, now| session.read_table(Table::Attendance, now)).await?
                }
                Progress::Reading => self.step(Session::resume).await?,
            };
            self.progress = Progress::Reading;
            self.take(part(outcome)?);
        }
    }

    /// Takes a step of the table; gives how far the read is then.
    fn take(&mut self, part: Part) -> Progress {
        match part {
            Part::Chunk { bytes, total } => {
                if let Some(total) = total {
                    self.decoder.set_body_bytes(total);
                }
                self.decoder.push(&bytes);
            }
            Part::End => {
                self.decoder.end();
                self.progress = Progress::Whole;
            }
        }
        self.progress
    }

    async fn step(
        &mut self,
        start: impl FnOnce(&mut Session, std::time::Instant),
    ) -> Result<Outcome, ClientError> {
        let limit = self.client.options.table_timeout;
        let run = self.client.wire.run(start);
        tokio::time::timeout_at(self.deadline, run).await.map_err(|_| ClientError::TableTimeout(limit))?
    }

    /// Reads what is left, enables the clock and tells what came of the log.
    ///
    /// # Errors
    /// [`ClientError`], as [`next`](Self::next), or when the clock does not answer that it is enabled.
    pub async fn finish(mut self) -> Result<LogSummary, ClientError> {
        while self.next().await?.is_some() {}
        if self.client.wire.session().holds_clock() {
            self.client.ask(Code::ENABLE_DEVICE, Bytes::new()).await?;
        }
        self.progress = Progress::Finished;
        let context =
            LogContext { count: None, body_bytes: None, now: NaiveDateTime::default(), order: None };
        Ok(std::mem::replace(&mut self.decoder, LogDecoder::new(context)).into_summary())
    }
}

impl Drop for AttendanceRead<'_> {
    fn drop(&mut self) {
        if self.progress != Progress::Finished {
            self.client.wire.abort();
        }
    }
}
