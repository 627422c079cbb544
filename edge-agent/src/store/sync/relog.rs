//! A new life of the disk: what is common becomes a closed segment, the rest is logged again under a new origin.
//!
//! No row is changed or removed: the tail's old rows stay behind the closed segment's head, where nobody reads them, and
//! the ledger's own rows are only named again.

use std::collections::BTreeMap;

use rusqlite::params;
use shared_model::Kind;
use sync_protocol::edge::Relog;
use sync_protocol::{Chain, Dot, Origin, Stream, VersionVector};
use uuid::Uuid;

use super::rekey::{Moving, Rekey};
use super::rows;
use crate::store::{Meta, StoreError, StoreEvent, WriteTx, ledger_log, record};

/// Rows read at a time.
const PAGE: u32 = 1000;

impl WriteTx {
    /// Closes both logs of `from` at their common places, up to which the cloud has them, and logs the rest again under `to`.
    /// Does nothing when `from` is not the present origin.
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
                "UPDATE stream SET head = ?3, chain = ?4, acked = ?3, durable = min(durable, ?3), closed = 1
                 WHERE origin = ?1 AND stream = ?2",
                params![from.number(), stream.as_str(), place, chain.as_bytes()],
            )?;
        }
        self.begin_logs(to)?;
        self.set_meta(Meta::ORIGIN, &to)?;
        self.relog_ledger(from, at(Stream::Ledger))?;
        self.relog_records(&Relog::new(from, to, common), &Rekey::default())?;
        self.tell(StoreEvent::Sync);
        Ok(())
    }

    /// Begins the life of an agent that was founded alone and is enrolled now: nothing was sent yet. Its changes are logged
    /// again by the cloud's keys. Its punches name no key: they stay where they are logged, as a closed segment which the
    /// cloud lacks and asks for, so that an enrolment takes no longer for a million of them.
    ///
    /// # Errors
    /// What SQLite says; [`StoreError::Corrupt`] for a row that cannot be read.
    pub fn origin_of_enrolment(&self, from: Origin, to: Origin, rekey: &Rekey) -> Result<(), StoreError> {
        if self.meta(Meta::ORIGIN)? != Some(from) {
            return Ok(());
        }
        self.connection.execute("UPDATE stream SET closed = 1 WHERE origin = ?1", [from.number()])?;
        self.connection.execute(
            "UPDATE stream SET head = 0, chain = ?3 WHERE origin = ?1 AND stream = ?2",
            params![from.number(), Stream::Records.as_str(), Chain::start(from, Stream::Records).as_bytes()],
        )?;
        self.begin_logs(to)?;
        self.set_meta(Meta::ORIGIN, &to)?;
        self.relog_records(&Relog::new(from, to, &BTreeMap::new()), rekey)?;
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

    fn relog_records(&self, relog: &Relog, rekey: &Rekey) -> Result<(), StoreError> {
        self.connection.execute(
            "INSERT INTO relog (origin_of, origin_to, common) VALUES (?1, ?2, ?3)",
            params![relog.from.number(), relog.to.number(), relog.common],
        )?;
        let mut stream = self.stream(Stream::Records)?;
        let mut touched: BTreeMap<(Kind, Uuid), i64> = BTreeMap::new();
        let mut moving = Moving::default();
        let mut done = relog.common;
        loop {
            let page = rows::records(&self.connection, relog.from, done + 1, PAGE as usize)?;
            let Some(last) = page.last() else { break };
            done = last.dot.seq;
            for former in &page {
                let Some(mut change) = relog.change(former) else { continue };
                moving.change(self, rekey, former.dot, &mut change)?;
                stream.head += 1;
                stream.chain = stream.chain.then(&change.chain_item());
                self.insert_change(&change, &stream)?;
                let kind = change.known_kind().filter(|kind| !moving.holds(*kind, change.key));
                if let Some(kind) = kind {
                    touched.insert((kind, change.key), change.dot.seq);
                }
                if stream.head % Chain::MARK_EVERY == 0 {
                    self.mark_chain(&stream)?;
                }
            }
        }
        self.set_head(&stream)?;
        moving.end(self)?;
        for ((kind, key), seq) in touched {
            self.renumber(relog, rekey, (kind, key), Dot::new(stream.origin, seq))?;
        }
        Ok(())
    }

    /// Renumbers what a record says of the tail's changes. Its values stay, but for keys that are other ones now.
    fn renumber(
        &self,
        relog: &Relog,
        rekey: &Rekey,
        (kind, key): (Kind, Uuid),
        newest: Dot,
    ) -> Result<(), StoreError> {
        let Some(mut record) = record::load(&self.connection, kind, key)? else { return Ok(()) };
        let old = record.clone();
        relog.record(&mut record);
        let rekeyed = record.fields.values_mut().fold(false, |any, value| rekey.value(value) | any);
        if record == old {
            return Ok(());
        }
        self.keep_base((kind, key), Some(&old))?;
        self.open_gate(kind, key, newest)?;
        record::save(self, kind, key, &record)?;
        self.close_gate(kind, key)?;
        if rekeyed {
            self.ask_for_affected(kind, key, &old.fields, &record.fields)?;
            self.tell(StoreEvent::Records(kind));
        }
        Ok(())
    }

    /// What a form had seen, by the numbers that rows have now: it may have been opened before this disk began a new life.
    /// `now` is the record's vector.
    pub(in crate::store) fn renumbered(
        &self,
        mut seen: VersionVector,
        now: Option<&VersionVector>,
    ) -> Result<VersionVector, StoreError> {
        if now == Some(&seen) {
            // The record as it is was shown, by the numbers of now.
            return Ok(seen);
        }
        let mut query =
            self.connection.prepare_cached("SELECT origin_of, origin_to, common FROM relog ORDER BY n")?;
        let mut rows = query.query([])?;
        while let Some(row) = rows.next()? {
            let (from, to, common): (i64, i64, i64) = (row.get(0)?, row.get(1)?, row.get(2)?);
            if let (Some(from), Some(to)) = (Origin::from_number(from), Origin::from_number(to)) {
                Relog { from, to, common }.vector(&mut seen);
            }
        }
        Ok(seen)
    }

    /// Opens the gate to a record for a change that is in the log.
    pub(super) fn open_gate(&self, kind: Kind, key: Uuid, change: Dot) -> Result<(), StoreError> {
        self.connection
            .prepare_cached("INSERT INTO record_gate (kind, key, origin, seq) VALUES (?1, ?2, ?3, ?4)")?
            .execute(params![kind.number(), key.as_bytes(), change.origin.number(), change.seq])?;
        Ok(())
    }
}
