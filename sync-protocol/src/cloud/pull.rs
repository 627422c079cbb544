//! Handing out the feed: a page after a cursor, or a page of a snapshot.

use super::feed::{FeedRow, FeedStore};
use super::store::{CompanyState, LogState};
use super::{Enrolled, SessionError};
use crate::body::pack;
use crate::compress::Effort;
use crate::message::{
    Lease, Page, PageHead, PageRequest, Scope, SnapshotHead, SnapshotPage, SnapshotPlace, SnapshotRequest,
};
use crate::mutation::{Rule, is_off};
use crate::{Origin, Stream, limit};

/// An answer with its lines, ready to be packed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer<H> {
    /// The head.
    pub head: H,
    /// The items, each a line with its break.
    pub lines: Vec<u8>,
}

impl<H: serde::Serialize> Answer<H> {
    const fn bare(head: H) -> Self {
        Self { head, lines: Vec::new() }
    }

    /// The body that is sent.
    ///
    /// # Errors
    /// What zstd or the head's JSON report; neither has a reason to.
    pub fn body(&self) -> std::io::Result<Vec<u8>> {
        pack(&self.head, &self.lines, Effort::Usual)
    }
}

/// Answers a pull. Nothing waits here: a program that holds the request asks again when the feed has grown.
///
/// `now_ms` is the server's time, milliseconds since 1970.
///
/// # Errors
/// [`SessionError::Contradiction`] for impossible numbers; otherwise the store's.
pub async fn pull<S: FeedStore>(
    store: &mut S,
    edge: &Enrolled,
    request: &PageRequest,
    now_ms: i64,
) -> Result<Answer<PageHead>, SessionError<S::Error>> {
    if request.cursor < 0 || request.head_r < 0 || request.limit == 0 {
        return Err(SessionError::Contradiction("a pull's numbers are out of range"));
    }
    page(store, edge, request, now_ms).await.map_err(SessionError::Store)
}

async fn page<S: FeedStore>(
    store: &mut S,
    edge: &Enrolled,
    request: &PageRequest,
    now_ms: i64,
) -> Result<Answer<PageHead>, S::Error> {
    let company = store.company().await?;
    let lease = Lease { no: request.lease_no, nonce: request.nonce };
    let session =
        Session { origin: request.origin, lease, epoch: request.epoch, scope_ver: request.scope_ver };
    let below = request.cursor < company.horizon && !is_off(Rule::Horizon);
    let Some(log) = session.entitled(store, edge, &company).await? else {
        return Ok(Answer::bare(PageHead::Hello));
    };
    if below || log.expired || request.cursor > company.feed_head {
        return Ok(Answer::bare(PageHead::Hello));
    }
    store.note_cursor(request.origin, request.cursor, request.head_r.max(log.applied), false).await?;
    let limit = rows(request.limit, edge);
    let found = store.feed(request.cursor, company.feed_head, limit).await?;
    let all = found.len() < limit;
    let (lines, items, reached) = write(found, edge, &edge.scope);
    let (cursor, more) = match reached {
        // A row that did not fit, or rows behind the limit, wait for the next page.
        Reached::Before(place) => (place, true),
        Reached::End(place) if !all => (place.unwrap_or(request.cursor), true),
        Reached::End(_) => (company.feed_head, false),
    };
    let page = Page {
        nonce: request.nonce,
        start: request.cursor,
        cursor,
        more,
        horizon: company.horizon,
        feed_head: company.feed_head,
        server_time: now_ms,
        items,
    };
    Ok(Answer { head: PageHead::Ok(page), lines })
}

/// Answers a request for a snapshot's page.
///
/// The first page notes the feed's head and holds the collection of tombstones there until the edge reads on from it.
///
/// # Errors
/// [`SessionError::Contradiction`] for impossible numbers; otherwise the store's.
pub async fn snapshot<S: FeedStore>(
    store: &mut S,
    edge: &Enrolled,
    request: &SnapshotRequest,
    now_ms: i64,
) -> Result<Answer<SnapshotHead>, SessionError<S::Error>> {
    let begun = request.from.is_some();
    if request.head_r < 0 || request.limit == 0 || (!begun && request.at != SnapshotPlace::START) {
        return Err(SessionError::Contradiction("a snapshot's numbers are out of range"));
    }
    snapshot_page(store, edge, request, now_ms).await.map_err(SessionError::Store)
}

async fn snapshot_page<S: FeedStore>(
    store: &mut S,
    edge: &Enrolled,
    request: &SnapshotRequest,
    now_ms: i64,
) -> Result<Answer<SnapshotHead>, S::Error> {
    let company = store.company().await?;
    let lease = Lease { no: request.lease_no, nonce: request.nonce };
    let session =
        Session { origin: request.origin, lease, epoch: request.epoch, scope_ver: request.scope_ver };
    let Some(log) = session.entitled(store, edge, &company).await? else {
        return Ok(Answer::bare(SnapshotHead::Hello));
    };
    let from = request.from.unwrap_or(company.feed_head);
    // A snapshot that began above the horizon lacks nothing that was collected since.
    if from < company.horizon || from > company.feed_head {
        return Ok(Answer::bare(SnapshotHead::Hello));
    }
    store.note_cursor(request.origin, from, request.head_r.max(log.applied), true).await?;
    let limit = rows(request.limit, edge);
    let found = store.snapshot(edge.edge, &edge.scope, request.at, limit).await?;
    let part_ends = found.len() < limit;
    let places: Vec<SnapshotPlace> = found.iter().map(FeedRow::snapshot_place).collect();
    let (lines, items, written) = write_some(found, edge, &edge.scope);
    let next = if written < places.len() || !part_ends {
        // At least one row was looked at: an empty part has ended.
        places.get(written.saturating_sub(1)).copied()
    } else {
        request.at.next_part()
    };
    let page = SnapshotPage {
        nonce: request.nonce,
        at: request.at,
        from,
        next,
        horizon: company.horizon,
        feed_head: company.feed_head,
        server_time: now_ms,
        items,
    };
    Ok(Answer { head: SnapshotHead::Ok(page), lines })
}

/// Who asks, and on what it relies.
struct Session {
    origin: Origin,
    lease: Lease,
    epoch: u32,
    scope_ver: u32,
}

impl Session {
    /// The origin's record log, if this is its newest session, in the present epoch and scope.
    async fn entitled<S: FeedStore>(
        &self,
        store: &mut S,
        edge: &Enrolled,
        company: &CompanyState,
    ) -> Result<Option<LogState>, S::Error> {
        let log = store.logs(&[(self.origin, Stream::Records)]).await?.pop().flatten();
        let fits = self.epoch == company.feed_epoch && self.scope_ver == edge.scope_ver && !edge.retired;
        Ok(log.filter(|log| fits && log.edge == edge.edge && log.is_led_by(self.lease)))
    }
}

fn rows(asked: u32, edge: &Enrolled) -> usize {
    usize::try_from(asked.min(edge.limits.bounded().batch_rows)).unwrap_or(limit::BATCH_ROWS)
}

/// How far a page came.
enum Reached {
    /// The last of the rows, at this place.
    End(Option<i64>),
    /// The row after this place did not fit.
    Before(i64),
}

fn write(rows: Vec<FeedRow>, edge: &Enrolled, scope: &Scope) -> (Vec<u8>, u32, Reached) {
    let places: Vec<i64> = rows.iter().map(FeedRow::fseq).collect();
    let (lines, items, written) = write_some(rows, edge, scope);
    let last = written.checked_sub(1).and_then(|nth| places.get(nth)).copied();
    let reached = match last {
        Some(place) if written < places.len() => Reached::Before(place),
        last => Reached::End(last),
    };
    (lines, items, reached)
}

/// Writes the rows that are the edge's business, as many as fit; returns how many rows were dealt with.
fn write_some(rows: Vec<FeedRow>, edge: &Enrolled, scope: &Scope) -> (Vec<u8>, u32, usize) {
    let room = limit::BODY_RAW - limit::HEAD;
    let mut lines = Vec::new();
    let mut items = 0;
    let mut dealt_with = 0;
    for row in rows {
        if matches!(row, FeedRow::Left(_)) && is_off(Rule::LeaveMarkers) {
            dealt_with += 1;
            continue;
        }
        if let Some(item) = row.item_for(edge.edge, scope) {
            let line = item.line();
            if items > 0 && lines.len() + line.len() + 1 > room {
                break;
            }
            lines.extend(line);
            lines.push(b'\n');
            items += 1;
        }
        dealt_with += 1;
    }
    (lines, items, dealt_with)
}
