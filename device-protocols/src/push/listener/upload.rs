//! Uploads: read line by line, kept batch by batch.

use std::time::Duration;

use axum::body::{Body, BodyDataStream};
use axum::http::StatusCode;
use bytes::Bytes;
use futures_util::StreamExt;
use tokio::time::Instant;

use super::{Answer, Caller, Host, MAX_BODY, MAX_SMALL, Service, UploadTable};
use crate::clock::Clock;
use crate::driver::{BadRow, BadRowReason, ClockUser, Observed, Origin, Sink};
use crate::operation::Operation;
use crate::push::handshake::Stamp;
use crate::push::line::{Line, LineSplitter, MAX_ATTLOG, MAX_OTHER};
use crate::push::operlog::OperLine;
use crate::push::request::Parameters;
use crate::push::{attlog, fact, operlog};
use crate::row::{AttendanceRow, RawRow};
use crate::serial::Serial;

/// Lines kept at once.
const BATCH: usize = 512;

/// For the next piece of a body.
const PIECE: Duration = Duration::from_secs(30);
/// For a whole body, however it comes.
const BODY: Duration = Duration::from_secs(30 * 60);
/// A body may lag behind its pace by so much.
const GRACE: Duration = Duration::from_secs(30);
/// Bytes a second that a body must at least bring, once its grace is used up: half of what the slowest modem does.
const PACE: u64 = 512;

/// The body of a request, in pieces, with a limit on each wait, on the pace and on the whole.
///
/// Only waiting for the sender counts: what our own disk takes does not.
struct Pieces {
    stream: BodyDataStream,
    left: u64,
    received: u64,
    waited: Duration,
}

impl Pieces {
    fn new(body: Body, max: u64) -> Self {
        Self { stream: body.into_data_stream(), left: max, received: 0, waited: Duration::ZERO }
    }

    /// How long the sender may still be waited for.
    fn patience(&self) -> Duration {
        let earned = GRACE + Duration::from_secs(self.received / PACE);
        earned.min(BODY).saturating_sub(self.waited).min(PIECE)
    }

    async fn next(&mut self) -> Result<Option<Bytes>, Answer> {
        let begun = Instant::now();
        let piece = tokio::time::timeout(self.patience(), self.stream.next()).await;
        self.waited += begun.elapsed();
        let Some(piece) = piece.map_err(|_| Answer::Slow)? else { return Ok(None) };
        let piece = piece.map_err(|_| Answer::Not(StatusCode::BAD_REQUEST))?;
        let length = u64::try_from(piece.len()).unwrap_or(u64::MAX);
        self.left = self.left.checked_sub(length).ok_or(Answer::Not(StatusCode::PAYLOAD_TOO_LARGE))?;
        self.received += length;
        Ok(Some(piece))
    }
}

/// A body of at most `max` bytes.
pub(super) async fn whole(body: Body, max: usize) -> Result<Vec<u8>, Answer> {
    let mut pieces = Pieces::new(body, u64::try_from(max).unwrap_or(u64::MAX));
    let mut bytes = Vec::new();
    while let Some(piece) = pieces.next().await? {
        bytes.extend_from_slice(&piece);
    }
    Ok(bytes)
}

/// Reads a body and keeps nothing of it.
pub(super) async fn drain(body: Body) -> Result<(), Answer> {
    let mut pieces = Pieces::new(body, MAX_BODY);
    while pieces.next().await?.is_some() {}
    Ok(())
}

/// Lines of a body with their place.
struct Lines {
    pieces: Pieces,
    splitter: LineSplitter,
    ended: bool,
    position: u64,
}

impl Lines {
    fn new(body: Body, max: usize) -> Self {
        Self {
            pieces: Pieces::new(body, MAX_BODY),
            splitter: LineSplitter::new(max),
            ended: false,
            position: 0,
        }
    }

    async fn next(&mut self) -> Result<Option<(u64, Line)>, Answer> {
        let line = loop {
            if let Some(line) = self.splitter.next_line() {
                break line;
            }
            if self.ended {
                match self.splitter.last_line() {
                    Some(line) => break line,
                    None => return Ok(None),
                }
            }
            match self.pieces.next().await? {
                Some(piece) => self.splitter.push(&piece),
                None => self.ended = true,
            }
        };
        let position = self.position;
        self.position += 1;
        Ok(Some((position, line)))
    }
}

#[derive(Default)]
struct Batch {
    rows: Vec<AttendanceRow>,
    users: Vec<ClockUser>,
    operations: Vec<Operation>,
    bad: Vec<BadRow>,
}

impl Batch {
    fn is_full(&self) -> bool {
        self.rows.len() + self.users.len() + self.operations.len() + self.bad.len() >= BATCH
    }
}

/// The beginning of a table's name, for the log.
fn short(table: &str) -> String {
    table.chars().filter(|c| !c.is_control()).take(32).collect()
}

impl<S: Sink, H: Host, C: Clock> Service<S, H, C> {
    pub(super) async fn upload(
        &self,
        origin: &Origin,
        caller: &Caller,
        query: &Parameters,
        body: Body,
    ) -> Result<Answer, Answer> {
        let table = query.get("table").unwrap_or_default().to_ascii_uppercase();
        let stamp = query.get("stamp").or_else(|| query.get("opstamp")).and_then(Stamp::parse);
        match table.as_str() {
            "ATTLOG" => {
                let (lines, rows) = self.punches(origin, body).await?;
                self.uploaded(caller, UploadTable::Attendance, stamp, rows).await?;
                Ok(Answer::Count(lines))
            }
            "OPTIONS" => {
                let body = whole(body, MAX_SMALL).await?;
                let options = fact::parse_options(&String::from_utf8_lossy(&body));
                self.sink.accept(origin, Observed::Facts(fact::of_options(options))).await?;
                Ok(Answer::Ok)
            }
            "ATTPHOTO" => {
                self.sink.accept(origin, Observed::Heard).await?;
                drain(body).await?;
                Ok(Answer::Ok)
            }
            // Punches in a form that is not known: acknowledged, the clock would drop them.
            _ if table.starts_with("ATTLOG") => {
                if let Some(times) = self.unknown.now() {
                    tracing::warn!(
                        clock.serial = %caller.serial.as_str(),
                        table = %short(&table),
                        times,
                        "an upload of an unknown table of punches was refused"
                    );
                }
                self.host.kept_back(caller).await;
                Err(Answer::Not(StatusCode::NOT_IMPLEMENTED))
            }
            _ => {
                let lines = self.operations(origin, &caller.serial, &table, body).await?;
                self.uploaded(caller, UploadTable::Operations, stamp, lines).await?;
                Ok(Answer::Count(lines))
            }
        }
    }

    /// Tells of a kept upload, if it brought something.
    async fn uploaded(
        &self,
        caller: &Caller,
        table: UploadTable,
        stamp: Option<Stamp>,
        brought: u64,
    ) -> Result<(), Answer> {
        match stamp.filter(|_| brought > 0) {
            Some(stamp) => Ok(self.host.uploaded(caller, table, stamp).await?),
            None => Ok(()),
        }
    }

    /// Keeps an upload of punches: its lines, and how many of them are rows.
    async fn punches(&self, origin: &Origin, body: Body) -> Result<(u64, u64), Answer> {
        let latest = self.latest();
        let mut lines = Lines::new(body, MAX_ATTLOG);
        let (mut batch, mut rows) = (Batch::default(), 0);
        while let Some((position, line)) = lines.next().await? {
            match attlog::parse(&line, position, latest) {
                Ok(row) => {
                    rows += 1;
                    batch.rows.push(row);
                }
                Err(bad) => batch.bad.push(bad),
            }
            if batch.is_full() {
                self.keep_punches(origin, std::mem::take(&mut batch)).await?;
            }
        }
        self.keep_punches(origin, batch).await?;
        Ok((lines.position, rows))
    }

    async fn keep_punches(&self, origin: &Origin, batch: Batch) -> Result<(), Answer> {
        let Batch { rows, bad, .. } = batch;
        let seen =
            if rows.is_empty() && bad.is_empty() { Observed::Heard } else { Observed::Rows { rows, bad } };
        Ok(self.sink.accept(origin, seen).await?)
    }

    async fn operations(
        &self,
        origin: &Origin,
        serial: &Serial,
        table: &str,
        body: Body,
    ) -> Result<u64, Answer> {
        let encoding = self.encoding(serial);
        let mut lines = Lines::new(body, MAX_OTHER);
        let (mut batch, mut unread) = (Batch::default(), 0_usize);
        while let Some((position, line)) = lines.next().await? {
            let (raw, parsed) = match &line {
                Line::Whole(raw) => (raw, operlog::parse(raw, table, encoding)),
                Line::TooLong(raw) => (raw, Err(BadRowReason::TooLong)),
            };
            match parsed {
                Ok(OperLine::User(user)) => batch.users.push(user),
                Ok(OperLine::Operation(operation)) => batch.operations.push(operation),
                Ok(OperLine::PassedOver) => {}
                Err(reason) => {
                    let kept = raw.get(..raw.len().min(crate::push::line::KEPT)).unwrap_or_default();
                    batch.bad.push(BadRow { position, reason, raw: RawRow::new(kept) });
                }
            }
            if batch.is_full() {
                unread += batch.bad.len();
                self.keep_operations(origin, std::mem::take(&mut batch)).await?;
            }
        }
        unread += batch.bad.len();
        if unread > 0
            && let Some(times) = self.unread.now()
        {
            tracing::warn!(
                clock.serial = %serial.as_str(),
                table = %short(table),
                lines = unread,
                times,
                "lines of an upload without punches could not be read and are passed over"
            );
        }
        // Also without any row: only an adopted clock may be told that its upload arrived.
        self.sink.accept(origin, Observed::Heard).await?;
        self.keep_operations(origin, batch).await?;
        Ok(lines.position)
    }

    /// Lines of other tables that cannot be read hold no punches; they are counted, logged and passed over.
    async fn keep_operations(&self, origin: &Origin, batch: Batch) -> Result<(), Answer> {
        if !batch.operations.is_empty() {
            self.sink.accept(origin, Observed::Operations(batch.operations)).await?;
        }
        if !batch.users.is_empty() {
            self.sink.accept(origin, Observed::Users { users: batch.users, whole: false }).await?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use futures_util::stream;

    use super::*;

    /// A body that brings so many bytes every so often, for ever.
    fn dripping(bytes: usize, every: Duration) -> Pieces {
        let piece = Bytes::from(vec![b'1'; bytes]);
        let drops = stream::unfold((), move |()| {
            let piece = piece.clone();
            async move {
                tokio::time::sleep(every).await;
                Some((Ok::<_, std::convert::Infallible>(piece), ()))
            }
        });
        Pieces::new(Body::from_stream(drops), MAX_BODY)
    }

    /// How long a body is borne, and why it ends.
    async fn borne(mut pieces: Pieces) -> (u64, StatusCode) {
        let begun = Instant::now();
        loop {
            match pieces.next().await {
                Ok(_) => {}
                Err(answer) => return (begun.elapsed().as_secs(), answer.into_response().status()),
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_only_drips_is_cut_after_its_grace() {
        let slow = StatusCode::REQUEST_TIMEOUT;
        assert_eq!(borne(dripping(1, Duration::from_secs(1))).await, (30, slow));
        // One that brings half of its pace lasts nearly twice its grace, and none lasts for ever.
        assert_eq!(borne(dripping(256, Duration::from_secs(1))).await, (59, slow));
        assert_eq!(borne(dripping(600, Duration::from_secs(1))).await, (1800, slow));
        assert_eq!(borne(dripping(64 << 10, Duration::from_secs(31))).await, (30, slow));
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_line_is_waited_for() {
        // A modem: a kilobyte a second, a long body.
        let (borne, end) = borne(dripping(10 << 10, Duration::from_secs(1))).await;
        assert_eq!((borne, end), (MAX_BODY / (10 << 10) + 1, StatusCode::PAYLOAD_TOO_LARGE));
    }
}
