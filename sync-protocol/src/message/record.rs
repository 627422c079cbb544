//! A record on its way down: its whole state, as the cloud holds it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use shared_model::{FieldMap, Kind};
use uuid::Uuid;

use crate::record::{Record, Slot};
use crate::{Dot, Dots, VersionVector, limit};

/// A record's state at its place in the feed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FeedRecord {
    /// Its kind by number: a newer peer's kind is carried without being understood.
    pub kind: u16,
    /// Its key.
    pub key: Uuid,
    /// Its place in the feed.
    pub fseq: i64,
    /// Its values.
    pub fields: FieldMap,
    /// Where each slot's value came from, by the slot's number.
    pub dots: BTreeMap<u32, Dot>,
    /// Which changes to it have been considered.
    pub vv: VersionVector,
    /// The delete that removed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deleted: Option<Dot>,
}

/// A record that cannot be taken from the feed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadFeedRecord {
    /// A kind that this version does not know: it is parked until the program is upgraded.
    #[error("kind {0} is not known here")]
    Kind(u16),
    /// A slot that cannot be, or more fields than [`limit::FIELDS`].
    #[error("a record with impossible fields")]
    Fields,
}

impl FeedRecord {
    /// A record as it is sent.
    #[must_use]
    pub fn new(kind: Kind, key: Uuid, record: &Record) -> Self {
        Self {
            kind: kind.number().into(),
            key,
            fseq: record.fseq,
            fields: record.fields.clone(),
            dots: record.dots.0.iter().map(|(slot, dot)| (slot.number(), *dot)).collect(),
            vv: record.vv.clone(),
            deleted: record.deleted,
        }
    }

    /// The record with its kind.
    ///
    /// # Errors
    /// [`BadFeedRecord`] for a kind or slot that cannot be read.
    pub fn into_record(self) -> Result<(Kind, Uuid, Record), BadFeedRecord> {
        let kind = u8::try_from(self.kind).ok().and_then(Kind::from_number);
        let kind = kind.ok_or(BadFeedRecord::Kind(self.kind))?;
        if self.fields.len() > limit::FIELDS || self.dots.len() > limit::FIELDS {
            return Err(BadFeedRecord::Fields);
        }
        let slot = |(number, dot)| Some((Slot::from_number(u64::from(number))?, dot));
        let dots = self.dots.into_iter().map(|entry| slot(entry).ok_or(BadFeedRecord::Fields));
        let dots = Dots(dots.collect::<Result<_, _>>()?);
        let Self { key, fields, vv, deleted, fseq, .. } = self;
        Ok((kind, key, Record { fields, dots, vv, deleted, fseq }))
    }
}
