//! Taking pushes: many at once, one transaction, one reply each.

use std::collections::BTreeMap;

use super::apply::{self, Incoming};
use super::ledger;
use super::store::{CloudStore, CompanyState, LogId, LogMove, LogState};
use super::{Enrolled, SessionError};
use crate::body::{BadBody, lines, unpack};
use crate::chain::Item;
use crate::change::{BadChange, line_item};
use crate::frame::{self, BadFrame};
use crate::message::{PushHead, PushReply};
use crate::mutation::{Rule, is_off};
use crate::{Chain, Change, Mark, Stream, limit};

/// A push whose body cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadPush {
    /// Too large, damaged, or without a head.
    #[error(transparent)]
    Body(#[from] BadBody),
    /// The frame of ledger entries is broken.
    #[error(transparent)]
    Frame(#[from] BadFrame),
    /// Head and payload do not go together, or there are too many rows or none.
    #[error("the push's head and its rows do not go together")]
    Rows,
}

/// A push as it was read. Its rows may still be poison, one by one.
#[derive(Debug, Clone, PartialEq)]
pub struct Push {
    head: PushHead,
    rows: Vec<Row>,
}

#[derive(Debug, Clone, PartialEq)]
enum Row {
    Ledger(frame::Row),
    Record { line: Vec<u8>, item: Item, change: Result<Change, BadChange> },
}

impl Row {
    const fn item(&self) -> &Item {
        match self {
            Self::Ledger(row) => &row.item,
            Self::Record { item, .. } => item,
        }
    }
}

impl Push {
    /// Reads a push's body. Memory is bounded by [`limit::BODY_RAW`] and [`limit::BATCH_ROWS`].
    ///
    /// # Errors
    /// [`BadPush`] for a body that is no push; a row that is none is kept for quarantine.
    pub fn parse(body: &[u8]) -> Result<Self, BadPush> {
        let (head, payload): (PushHead, _) = unpack(body)?;
        let declared = usize::try_from(head.rows).map_err(|_| BadPush::Rows)?;
        let last = head.from_seq.checked_add(i64::from(head.rows));
        if declared == 0 || declared > limit::BATCH_ROWS || head.from_seq < 1 || last.is_none() {
            return Err(BadPush::Rows);
        }
        let rows: Vec<Row> = match head.stream {
            Stream::Ledger => frame::decode(&payload, declared)?.into_iter().map(Row::Ledger).collect(),
            Stream::Records => {
                let lines = lines(&payload, declared).ok_or(BadPush::Rows)?;
                let parse = |(seq, line): (i64, &[u8])| Row::Record {
                    line: line.to_vec(),
                    item: line_item(line),
                    change: Change::parse(head.origin, seq, line),
                };
                (head.from_seq..).zip(lines).map(parse).collect()
            }
        };
        if rows.len() == declared { Ok(Self { head, rows }) } else { Err(BadPush::Rows) }
    }

    /// What the push says of itself.
    #[must_use]
    pub const fn head(&self) -> &PushHead {
        &self.head
    }

    const fn log(&self) -> LogId {
        (self.head.origin, self.head.stream)
    }
}

/// Takes pushes of one company's edges in one transaction and answers each, in order.
///
/// The replies may be sent only after the commit. `now_ms` is the server's time, milliseconds since 1970.
///
/// # Errors
/// The store's: nothing of the transaction may be kept then.
pub async fn push_all<S: CloudStore>(
    store: &mut S,
    pushes: &[(&Enrolled, &Push)],
    now_ms: i64,
) -> Result<Vec<PushReply>, SessionError<S::Error>> {
    push_each(store, pushes, now_ms).await.map_err(SessionError::Store)
}

async fn push_each<S: CloudStore>(
    store: &mut S,
    pushes: &[(&Enrolled, &Push)],
    now_ms: i64,
) -> Result<Vec<PushReply>, S::Error> {
    let company = store.company().await?;
    let leader = |push: &Push| (push.head.leader(), push.head.stream);
    let mut wanted: Vec<LogId> = pushes.iter().flat_map(|(_, push)| [push.log(), leader(push)]).collect();
    wanted.sort_unstable();
    wanted.dedup();
    let states = store.logs(&wanted).await?;
    let mut logs: BTreeMap<LogId, LogState> =
        wanted.into_iter().zip(states).filter_map(|(log, state)| Some((log, state?))).collect();

    let mut moves = Vec::new();
    let mut fresh = Vec::new();
    let mut judged = Vec::new();
    for &(edge, push) in pushes {
        judged.push(match judge(store, edge, push, &company, &logs).await? {
            Judged::Refused(reply) => Err(reply),
            Judged::Rows(from) => {
                if let (Some(log), Some(grown)) = (logs.get_mut(&push.log()), grow(push, from)) {
                    (log.applied, log.chain) = (grown.to.seq, grown.to.chain);
                    moves.push(grown);
                    fresh.push((edge, push, from));
                }
                Ok(push.log())
            }
        });
    }
    store_rows(store, &company, &fresh).await?;
    if !moves.is_empty() {
        store.advance(&moves).await?;
    }
    let feed_head = store.company().await?.feed_head;
    let reply = |judged: Result<LogId, PushReply>| match judged {
        Err(refused) => refused,
        Ok(log) => logs.get(&log).map_or(PushReply::Hello, |log| PushReply::Ok {
            applied: log.applied,
            durable: if company.archived { log.durable } else { log.applied },
            feed_head,
            server_time: now_ms,
        }),
    };
    Ok(judged.into_iter().map(reply).collect())
}

enum Judged {
    Refused(PushReply),
    /// The rows from this one on are new.
    Rows(usize),
}

async fn judge<S: CloudStore>(
    store: &mut S,
    edge: &Enrolled,
    push: &Push,
    company: &CompanyState,
    logs: &BTreeMap<LogId, LogState>,
) -> Result<Judged, S::Error> {
    let refused = |reply| Ok(Judged::Refused(reply));
    let head = &push.head;
    let Some(log) = logs.get(&push.log()) else { return refused(PushReply::Hello) };
    let led = logs
        .get(&(head.leader(), head.stream))
        .is_some_and(|leader| leader.edge == edge.edge && leader.is_led_by(head.lease));
    let entitled = log.edge == edge.edge && !edge.retired && led;
    if !entitled || head.feed_epoch != company.feed_epoch {
        return refused(PushReply::Hello);
    }
    let spoilt = |row: &Row| match row {
        Row::Ledger(row) => row.entry.is_err(),
        Row::Record { change, .. } => !change.as_ref().is_ok_and(|change| change.check().is_ok()),
    };
    if is_off(Rule::Quarantine) && push.rows.iter().any(spoilt) {
        return refused(PushReply::Hello);
    }
    if head.from_seq > log.applied + 1 {
        return refused(PushReply::Gap { applied: log.applied });
    }
    let overlap = usize::try_from(log.applied + 1 - head.from_seq).unwrap_or(usize::MAX);
    let known = overlap.min(push.rows.len());
    let reached = push.rows[..known].iter().fold(head.prev_chain, |chain, row| chain.then(row.item()));
    let expected = if known == overlap {
        Some(log.chain)
    } else {
        // The push ends before `applied`: only a kept mark can tell whether it is our history.
        let end = head.from_seq + i64::from(head.rows) - 1;
        store.marks(push.log(), &[end]).await?.first().map(|mark| mark.chain)
    };
    if expected == Some(reached) || is_off(Rule::ChainCheck) {
        Ok(Judged::Rows(known))
    } else {
        refused(PushReply::Hello)
    }
}

/// Where a log stands after a push's new rows; `None` when none is new.
fn grow(push: &Push, from: usize) -> Option<LogMove> {
    let mut chain: Chain = push.head.prev_chain;
    let mut marks = Vec::new();
    let mut last = None;
    for (nth, (seq, row)) in (push.head.from_seq..).zip(&push.rows).enumerate() {
        chain = chain.then(row.item());
        if nth >= from {
            let mark = Mark { seq, chain };
            if seq % Chain::MARK_EVERY == 0 {
                marks.push(mark);
            }
            last = Some(mark);
        }
    }
    let to = last?;
    if marks.last() != Some(&to) {
        marks.push(to);
    }
    Some(LogMove { log: push.log(), to, marks })
}

async fn store_rows<S: CloudStore>(
    store: &mut S,
    company: &CompanyState,
    fresh: &[(&Enrolled, &Push, usize)],
) -> Result<(), S::Error> {
    let mut ledger_rows = Vec::new();
    let mut changes = Vec::new();
    for &(edge, push, from) in fresh {
        let origin = push.head.origin;
        for (seq, row) in (push.head.from_seq..).zip(&push.rows).skip(from) {
            match row {
                Row::Ledger(row) => ledger_rows.push(ledger::Incoming { edge: edge.edge, origin, seq, row }),
                Row::Record { line, change, .. } => {
                    let change = change.as_ref();
                    changes.push(Incoming { edge: Some(edge), origin, seq, line, change });
                }
            }
        }
    }
    if !ledger_rows.is_empty() {
        ledger::store(store, &ledger_rows).await?;
    }
    if !changes.is_empty() {
        apply::apply(store, company, &changes).await?;
    }
    Ok(())
}
