//! What syncing keeps: how far the cloud has come, sessions, former lives, records taken from the feed.

mod aside;
mod base;
mod count;
mod fed_punch;
mod feed;
mod rekey;
mod relog;
mod rows;

use std::collections::BTreeMap;

use rusqlite::params;
use sync_protocol::edge::{Acknowledged, Adopted, EdgeLog, EdgeState, EdgeStore};
use sync_protocol::message::{Counts, Segment};
use sync_protocol::{Change, LedgerEntry, Mark, Origin, Stream};

pub use aside::{KeptAside, Parked};
pub use count::LedgerCounts;
pub use rekey::Rekey;

use super::{Meta, ReadTx, Store, StoreError, StoreEvent, WriteTx};

/// What waits to be sent, as people see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Backlog {
    /// Ledger rows that the cloud has not applied.
    pub ledger: i64,
    /// Record changes that the cloud has not applied.
    pub records: i64,
    /// Rows that are applied but not yet durable in the cloud, both logs.
    pub not_durable: i64,
    /// When the oldest of what waits was received or written, milliseconds UTC.
    pub oldest_ms: Option<i64>,
}

impl ReadTx {
    /// The bookkeeping of sync.
    ///
    /// # Errors
    /// [`StoreError::Missing`] before enrolment.
    pub fn sync_state(&self) -> Result<EdgeState, StoreError> {
        let missing = |what| StoreError::Missing { what, id: "meta".to_owned() };
        let origin = self.meta(Meta::ORIGIN)?.ok_or_else(|| missing("origin"))?;
        let mut logs = BTreeMap::new();
        let mut closed = Vec::new();
        let mut outbox = 0;
        for state in self.streams()? {
            let (head, chain, stream) = (state.head, state.chain, state.stream);
            outbox += head - state.acked;
            if state.origin == origin {
                let log = EdgeLog { head, chain, acked: state.acked, durable: state.durable };
                logs.insert(stream, log);
            } else if head > 0 {
                closed.push(Segment { origin: state.origin, stream, head, chain });
            }
        }
        let quarantined = self.connection.query_row(
            "SELECT (SELECT count(*) FROM quarantine) + (SELECT count(*) FROM inbox_bad)",
            [],
            |row| row.get(0),
        )?;
        let number = |which| Ok::<i64, StoreError>(self.meta(which)?.unwrap_or(0));
        Ok(EdgeState {
            edge_id: self.meta(Meta::EDGE)?.ok_or_else(|| missing("enrolment"))?,
            origin,
            lease_no: number(Meta::LEASE_NO)?,
            feed_epoch: u32::try_from(number(Meta::FEED_EPOCH)?).unwrap_or(0),
            cursor: number(Meta::CURSOR)?,
            clean: number(Meta::CLEAN)?,
            scope_ver: u32::try_from(number(Meta::SCOPE_VER)?).unwrap_or(0),
            hlc: self.meta(Meta::HLC)?.unwrap_or_default(),
            logs,
            closed,
            counts: Counts { outbox, quarantined, disk_free: None },
        })
    }

    /// What waits to be sent.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn backlog(&self) -> Result<Backlog, StoreError> {
        let mut backlog = Backlog::default();
        for state in self.streams()? {
            let waits = state.head - state.acked;
            if state.closed && waits == 0 {
                continue;
            }
            if !state.closed {
                backlog.not_durable += state.acked - state.durable;
            }
            let oldest = match state.stream {
                Stream::Ledger => {
                    backlog.ledger += waits;
                    rows::received_at(&self.connection, state.origin, state.acked)?
                }
                Stream::Records => {
                    backlog.records += waits;
                    rows::written_at(&self.connection, state.origin, state.acked)?
                }
            };
            backlog.oldest_ms = [backlog.oldest_ms, oldest].into_iter().flatten().min();
        }
        Ok(backlog)
    }
}

impl WriteTx {
    /// Notes what the cloud has applied, of a former origin up to the end of what was left to it.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn acknowledge(&self, what: &Acknowledged) -> Result<(), StoreError> {
        let before = self.stream(what.stream)?;
        if before.origin != what.origin {
            let changed = self
                .connection
                .prepare_cached(
                    "UPDATE stream SET acked = min(?3, head)
                     WHERE origin = ?1 AND stream = ?2 AND closed = 1 AND acked < min(?3, head)",
                )?
                .execute(params![what.origin.number(), what.stream.as_str(), what.applied])?;
            if changed > 0 {
                self.tell(StoreEvent::Sync);
            }
            return Ok(());
        }
        let applied = what.applied.min(before.head);
        let (acked, durable) = if what.restart {
            (applied, what.durable.min(applied))
        } else {
            let acked = applied.max(before.acked);
            (acked, what.durable.min(acked).max(before.durable))
        };
        let log = params![what.origin.number(), what.stream.as_str(), acked, durable];
        self.connection
            .prepare_cached("UPDATE stream SET acked = ?3, durable = ?4 WHERE origin = ?1 AND stream = ?2")?
            .execute(log)?;
        for Mark { seq, chain } in &what.marks {
            self.connection
                .prepare_cached(
                    "INSERT INTO chain_mark (origin, stream, seq, chain) VALUES (?1, ?2, ?3, ?4)
                     ON CONFLICT DO NOTHING",
                )?
                .execute(params![what.origin.number(), what.stream.as_str(), seq, chain.as_bytes()])?;
        }
        if what.stream == Stream::Records {
            self.note_feed_head(what, if what.restart { 0 } else { before.acked }, acked)?;
        }
        self.set_meta(Meta::SYNCED_AT, &self.now_ms())?;
        self.tell(StoreEvent::Sync);
        Ok(())
    }

    fn note_feed_head(&self, what: &Acknowledged, from: i64, to: i64) -> Result<(), StoreError> {
        let origin = what.origin.number();
        if what.restart {
            // What the cloud had made of them it has forgotten: they wait again.
            self.connection.execute(
                "UPDATE oplog SET ack_fseq = NULL, state = 0 WHERE origin = ?1 AND seq > ?2",
                [origin, to],
            )?;
        }
        self.connection
            .prepare_cached(
                "UPDATE oplog SET ack_fseq = ?4
                 WHERE origin = ?1 AND seq > ?2 AND seq <= ?3 AND ack_fseq IS NULL",
            )?
            .execute([origin, from, to, what.feed_head])?;
        Ok(())
    }

    /// Notes what a hello taught.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn adopt(&self, what: &Adopted) -> Result<(), StoreError> {
        self.set_meta(Meta::FEED_EPOCH, &i64::from(what.feed_epoch))?;
        self.set_meta(Meta::SCOPE_VER, &i64::from(what.scope_ver))?;
        self.clear_meta(Meta::RETIRED)?;
        self.clear_meta(Meta::SYNC_ERROR)?;
        self.set_meta(Meta::SYNCED_AT, &self.now_ms())?;
        self.tell(StoreEvent::Sync);
        Ok(())
    }

    /// Stores the number of the session that is about to begin; never lowers it.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn take_lease(&self, no: i64) -> Result<(), StoreError> {
        let known = self.meta(Meta::LEASE_NO)?.unwrap_or(0);
        self.set_meta(Meta::LEASE_NO, &known.max(no))
    }
}

impl EdgeStore for Store {
    type Error = StoreError;

    async fn state(&self) -> Result<EdgeState, StoreError> {
        self.read(ReadTx::sync_state).await
    }

    async fn take_lease(&self, no: i64) -> Result<(), StoreError> {
        self.write(move |tx| tx.take_lease(no)).await
    }

    async fn chain_at(
        &self,
        origin: Origin,
        stream: Stream,
        places: &[i64],
    ) -> Result<Vec<Mark>, StoreError> {
        let places = places.to_vec();
        self.read(move |tx| {
            let head = rows::head(&tx.connection, origin, stream)?;
            let inside = places.into_iter().filter(|seq| (0..=head).contains(seq));
            inside
                .map(|seq| Ok(Mark { seq, chain: rows::chain_at(&tx.connection, origin, stream, seq)? }))
                .collect()
        })
        .await
    }

    async fn ledger_rows(
        &self,
        origin: Origin,
        from: i64,
        rows: usize,
    ) -> Result<Vec<LedgerEntry>, StoreError> {
        self.read(move |tx| rows::ledger(&tx.connection, origin, from, rows)).await
    }

    async fn record_rows(&self, origin: Origin, from: i64, rows: usize) -> Result<Vec<Change>, StoreError> {
        self.read(move |tx| rows::records(&tx.connection, origin, from, rows)).await
    }

    async fn acknowledge(&self, what: &Acknowledged) -> Result<(), StoreError> {
        let what = what.clone();
        self.write(move |tx| tx.acknowledge(&what)).await
    }

    async fn adopt(&self, what: &Adopted) -> Result<(), StoreError> {
        let what = what.clone();
        self.write(move |tx| tx.adopt(&what)).await
    }

    async fn re_origin(
        &self,
        from: Origin,
        to: Origin,
        common: &BTreeMap<Stream, i64>,
    ) -> Result<(), StoreError> {
        let common = common.clone();
        self.write(move |tx| tx.re_origin(from, to, &common)).await
    }
}
