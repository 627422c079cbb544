//! A new life of the disk: what is common becomes a closed segment, the rest is logged again under a new origin.
//!
//! No row is changed or removed: the tail's old rows stay behind the closed segment's head, where nobody reads them, and
//! the ledger's own rows are only named again.

use std::collections::BTreeMap;

use rusqlite::params;
use shared_model::Kind;
use sync_protocol::edge::Relog;
use sync_protocol::{Chain, Origin, Stream};
use uuid::Uuid;

use super::rows;
use crate::store::meta::StreamState;
use crate::store::{Meta, StoreError, StoreEvent, WriteTx, ledger_log, record};

/// Rows read at a time.
const PAGE: u32 = 1000;

impl WriteTx {
    /// Closes both logs of `from` at their common places and logs the rest again under `to`. Does nothing when `from` is
    /// not the present origin.
    ///
    /// # Errors
    /// What SQLite says; [`StoreError::Corrupt`] for a row that cannot be read.
    pub fn re_origin(
        &self,
        from: Origin,
        to: Origin,
        common: &BTreeMap<Stream, i64>,
    ) -> Result<(), StoreError> {
        if self.meta(Meta::ORIGIN)? != Some(from) {
            return Ok(());
        }
        let at = |stream| common.get(&stream).copied().unwrap_or(0);
        for stream in Stream::ALL {
            let place = at(stream).min(rows::head(&self.connection, from, stream)?);
            let chain = rows::chain_at(&self.connection, from, stream, place)?;
            self.connection.execute(
                "UPDATE stream SET head = ?3, chain = ?4, acked = min(acked, ?3), durable = min(durable, ?3), closed = 1
                 WHERE origin = ?1 AND stream = ?2",
                params![from.number(), stream.as_str(), place, chain.as_bytes()],
            )?;
            self.connection.execute(
                "INSERT INTO stream (origin, stream, chain) VALUES (?1, ?2, ?3)",
                params![to.number(), stream.as_str(), Chain::start(to, stream).as_bytes()],
            )?;
        }
        self.set_meta(Meta::ORIGIN, &to)?;
        self.relog_ledger(from, at(Stream::Ledger))?;
        self.relog_records(&Relog::new(from, to, common))?;
        self.tell(StoreEvent::Sync);
        Ok(())
    }

    fn relog_ledger(&self, from: Origin, common: i64) -> Result<(), StoreError> {
        let mut stream = self.stream(Stream::Ledger)?;
        let mut copy = self.connection.prepare_cached(
            "INSERT INTO ledger_log (origin, seq, entry, punch, ref)
             SELECT ?1, ?2, entry, punch, ref FROM ledger_log WHERE origin = ?3 AND seq = ?4",
        )?;
        let mut done = common;
        loop {
            let page = ledger_log::entries(&self.connection, from, done, PAGE)?;
            let Some((last, _)) = page.last() else { break };
            done = *last;
            for (seq, entry) in page {
                stream.head += 1;
                stream.chain = stream.chain.then(&entry.chain_item());
                copy.execute(params![stream.origin.number(), stream.head, from.number(), seq])?;
                if stream.head % Chain::MARK_EVERY == 0 {
                    self.mark_chain(&stream)?;
                }
            }
        }
        self.set_head(&stream)
    }

    fn relog_records(&self, relog: &Relog) -> Result<(), StoreError> {
        let mut stream = self.stream(Stream::Records)?;
        let mut touched: BTreeMap<(Kind, Uuid), i64> = BTreeMap::new();
        let mut done = relog.common;
        loop {
            let page = rows::records(&self.connection, relog.from, done + 1, PAGE as usize)?;
            let Some(last) = page.last() else { break };
            done = last.dot.seq;
            for change in page.iter().filter_map(|change| relog.change(change)) {
                stream.head += 1;
                stream.chain = stream.chain.then(&change.chain_item());
                self.insert_change(&change, &stream)?;
                if let Some(kind) = change.known_kind() {
                    touched.insert((kind, change.key), change.dot.seq);
                }
                if stream.head % Chain::MARK_EVERY == 0 {
                    self.mark_chain(&stream)?;
                }
            }
        }
        self.set_head(&stream)?;
        touched.into_iter().try_for_each(|((kind, key), seq)| self.renumber(relog, &stream, kind, key, seq))
    }

    /// Renumbers what a record says of the tail's changes; its values stay.
    fn renumber(
        &self,
        relog: &Relog,
        stream: &StreamState,
        kind: Kind,
        key: Uuid,
        seq: i64,
    ) -> Result<(), StoreError> {
        let Some(mut record) = record::load(&self.connection, kind, key)? else { return Ok(()) };
        relog.record(&mut record);
        self.connection
            .prepare_cached("INSERT INTO record_gate (kind, key, origin, seq) VALUES (?1, ?2, ?3, ?4)")?
            .execute(params![kind.number(), key.as_bytes(), stream.origin.number(), seq])?;
        record::save(self, kind, key, &record)?;
        self.close_gate(kind, key)
    }
}
