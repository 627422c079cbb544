//! What was founded here before the enrolment becomes part of the company that the enrolment names.
//!
//! An agent that was set up without a cloud made its own company and site under keys of its own. At the enrolment they are
//! taken for the cloud's: every row of the record log is logged again under a new origin with the cloud's keys, before any
//! of it was sent. Making such a record becomes a change by somebody who had seen nothing of the cloud's: what the cloud's
//! record lacks is filled in, the same value changes nothing, and where both say something the cloud's counts and both
//! are kept as a conflict.

use std::collections::BTreeMap;

use serde_json::Value;
use shared_model::Kind;
use sync_protocol::merge::{Rules, merge};
use sync_protocol::record::Record;
use sync_protocol::{Change, Dot, Op, VersionVector};
use uuid::Uuid;

use crate::store::{StoreError, StoreEvent, WriteTx, record};

/// The keys of records made here, and the cloud's keys of the same things.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rekey(BTreeMap<Uuid, Uuid>);

impl Rekey {
    /// Takes a thing made here for one of the cloud's.
    pub fn take(&mut self, made_here: impl Into<Uuid>, of_cloud: impl Into<Uuid>) {
        self.0.insert(made_here.into(), of_cloud.into());
    }

    /// Whether everything keeps its key.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The pairs, key made here first.
    pub fn iter(&self) -> impl Iterator<Item = (Uuid, Uuid)> {
        self.0.iter().map(|(here, cloud)| (*here, *cloud))
    }

    /// Names the cloud's keys in a value, documents included; whether it named others before.
    pub(super) fn value(&self, value: &mut Value) -> bool {
        match value {
            Value::String(text) => {
                let new = text.parse().ok().and_then(|key: Uuid| self.0.get(&key));
                if let Some(new) = new {
                    *text = new.to_string();
                }
                new.is_some()
            }
            Value::Array(items) => items.iter_mut().fold(false, |any, item| self.value(item) | any),
            Value::Object(members) => members.values_mut().fold(false, |any, item| self.value(item) | any),
            Value::Null | Value::Bool(_) | Value::Number(_) => false,
        }
    }

    /// Names the cloud's keys in a row that is logged again; whether it named others before.
    fn change(&self, change: &mut Change) -> bool {
        let new = self.0.get(&change.key).copied();
        change.key = new.unwrap_or(change.key);
        change.fields.values_mut().fold(new.is_some(), |any, value| self.value(value) | any)
    }
}

/// Records whose keys change, on their way.
#[derive(Debug, Default)]
pub(super) struct Moving {
    records: BTreeMap<(Kind, Uuid), Moved>,
}

#[derive(Debug)]
struct Moved {
    /// The key made here, with a row of the former log that names it.
    here: Uuid,
    former: Dot,
    /// The newest row that names the cloud's key.
    newest: Dot,
    /// The cloud's record with the changes made here.
    record: Option<Record>,
}

impl Moving {
    /// Turns a row that is logged again (once `former`) to the cloud's keys.
    pub(super) fn change(
        &mut self,
        tx: &WriteTx,
        rekey: &Rekey,
        former: Dot,
        change: &mut Change,
    ) -> Result<(), StoreError> {
        let here = change.key;
        if !rekey.change(change) {
            return Ok(());
        }
        // Under other keys it says something else than its first telling.
        change.relog_of = None;
        let Some(kind) = change.known_kind().filter(|_| change.key != here) else { return Ok(()) };
        let moved = match self.records.entry((kind, change.key)) {
            std::collections::btree_map::Entry::Occupied(entry) => entry.into_mut(),
            std::collections::btree_map::Entry::Vacant(entry) => {
                let record = record::load(&tx.connection, kind, change.key)?;
                entry.insert(Moved { here, former, newest: change.dot, record })
            }
        };
        moved.newest = change.dot;
        if change.op == Op::Create && moved.record.is_some() {
            change.op = Op::Update;
            change.ctx = VersionVector::new();
        }
        let (before, folded) = (moved.record.clone(), VersionVector::new());
        if let Ok(merged) = merge(before, change, Rules::of(kind, &change.ctx, &folded)) {
            moved.record = Some(merged.record);
        }
        Ok(())
    }

    /// Whether a record's row is written by [`Self::end`].
    pub(super) fn holds(&self, kind: Kind, key: Uuid) -> bool {
        self.records.contains_key(&(kind, key))
    }

    /// Puts the records in their new places.
    pub(super) fn end(self, tx: &WriteTx) -> Result<(), StoreError> {
        for ((kind, key), moved) in self.records {
            let Moved { here, former, newest, record } = moved;
            let old = record::load(&tx.connection, kind, here)?.unwrap_or_default();
            tx.open_gate(kind, here, former)?;
            record::remove(tx, kind, here)?;
            tx.close_gate(kind, here)?;
            if let Some(new) = record {
                tx.keep_base((kind, key), record::load(&tx.connection, kind, key)?.as_ref())?;
                tx.open_gate(kind, key, newest)?;
                record::save(tx, kind, key, &new)?;
                tx.close_gate(kind, key)?;
                tx.ask_for_affected(kind, key, &old.fields, &new.fields)?;
            }
            tx.connection.execute("DELETE FROM attendance_site WHERE site = ?1", [here.as_bytes()])?;
            tx.tell(StoreEvent::Records(kind));
        }
        Ok(())
    }
}
