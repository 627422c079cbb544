//! Comparing what edge and cloud hold of records (sync.md 2.18).
//!
//! ```text
//! in a hello   "digest": {"records": {"at": 812, "kinds": {"4": {"count": 950, "sum": "00112233aabbccdd"}, …}}}
//! ```
//!
//! Of each kind the living records in the edge's scope are counted and hashed, and the hashes are added, so that no order
//! matters. `at` is the place in the feed at which the edge was level with the cloud: it sums up the cloud's state as it has
//! it, without its own waiting changes. A difference at equal places is a fault of one side's store.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use shared_model::Kind;
use uuid::Uuid;

use crate::Record;
use crate::change::canonical;

/// Kinds that are taken from an edge at most.
const KINDS: usize = 256;

/// The records of one kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct KindSum {
    /// How many there are.
    pub count: u64,
    /// The sum of their hashes.
    #[serde(with = "sixteen_digits")]
    pub sum: u64,
}

/// What a side holds at a place in the feed.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct RecordSums {
    /// The place.
    pub at: i64,
    /// By kind's number; a kind without records may be absent.
    pub kinds: BTreeMap<u16, KindSum>,
}

impl RecordSums {
    /// The name under which a hello's digests carry it.
    pub const NAME: &'static str = "records";

    /// Nothing, at a place.
    #[must_use]
    pub fn at(place: i64) -> Self {
        Self { at: place, kinds: BTreeMap::new() }
    }

    /// Adds a record as the cloud has it; one that is deleted counts for nothing.
    pub fn add(&mut self, kind: Kind, key: Uuid, record: &Record) {
        if record.deleted.is_some() {
            return;
        }
        let place = self.kinds.entry(kind.number().into()).or_default();
        place.count += 1;
        place.sum = place.sum.wrapping_add(hash(kind, key, record));
    }

    /// The kinds of which the two hold different records.
    #[must_use]
    pub fn differing(&self, other: &Self) -> Vec<u16> {
        let of = |sums: &Self, kind: &u16| sums.kinds.get(kind).copied().unwrap_or_default();
        let mut kinds: Vec<u16> = self.kinds.keys().chain(other.kinds.keys()).copied().collect();
        kinds.sort_unstable();
        kinds.dedup();
        kinds.retain(|kind| of(self, kind) != of(other, kind));
        kinds
    }

    /// Reads them from a hello's digests; `None` for another form.
    #[must_use]
    pub fn parse(digests: &serde_json::Value) -> Option<Self> {
        let sums: Self = serde_json::from_value(digests.get(Self::NAME)?.clone()).ok()?;
        (sums.at >= 0 && sums.kinds.len() <= KINDS).then_some(sums)
    }
}

/// A value that was never set and one set to nothing are the same value.
fn hash(kind: Kind, key: Uuid, record: &Record) -> u64 {
    let mut hasher = blake3::Hasher::new();
    let mut part = |bytes: &[u8]| {
        hasher.update(&u64::try_from(bytes.len()).unwrap_or(u64::MAX).to_le_bytes()).update(bytes);
    };
    part(b"muster record v1");
    part(&[kind.number()]);
    part(key.as_bytes());
    part(&record.vv.encode());
    for (tag, value) in record.fields.iter().filter(|(_, value)| !value.is_null()) {
        part(&tag.0.to_le_bytes());
        part(&canonical::bytes(value));
    }
    let mut first = [0; 8];
    hasher.finalize_xof().fill(&mut first);
    u64::from_le_bytes(first)
}

/// A number as sixteen hexadecimal digits: JSON's readers lose the last bits of large ones.
mod sixteen_digits {
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(sum: &u64, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(&format_args!("{sum:016x}"))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<u64, D::Error> {
        let text = String::deserialize(from)?;
        u64::from_str_radix(&text, 16).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use shared_model::{FieldMap, FieldTag};

    use super::*;
    use crate::{Dot, Origin};

    fn record(name: &str, seq: i64) -> Record {
        let mut record = Record { fields: FieldMap::from([(FieldTag(2), json!(name))]), ..Record::default() };
        record.consider(Dot::new(Origin::from_number(7).unwrap(), seq));
        record
    }

    fn sums(records: &[(u128, Record)]) -> RecordSums {
        let mut sums = RecordSums::at(5);
        for (key, record) in records {
            sums.add(Kind::Employee, Uuid::from_u128(*key), record);
        }
        sums
    }

    #[test]
    fn the_same_records_in_any_order_have_the_same_sums() {
        let (a, b) = ((1, record("Rahima", 1)), (2, record("Karim", 2)));
        assert_eq!(sums(&[a.clone(), b.clone()]), sums(&[b, a]));
    }

    #[test]
    fn a_value_a_version_a_key_or_a_missing_record_makes_a_difference() {
        let whole = sums(&[(1, record("Rahima", 1)), (2, record("Karim", 2))]);
        let number = u16::from(Kind::Employee.number());
        for other in [
            sums(&[(1, record("Rahime", 1)), (2, record("Karim", 2))]),
            sums(&[(1, record("Rahima", 3)), (2, record("Karim", 2))]),
            sums(&[(3, record("Rahima", 1)), (2, record("Karim", 2))]),
            sums(&[(1, record("Rahima", 1))]),
            sums(&[]),
        ] {
            assert_eq!(whole.differing(&other), [number]);
            assert_eq!(other.differing(&whole), [number]);
        }
        assert_eq!(whole.differing(&whole), Vec::<u16>::new());
    }

    #[test]
    fn what_is_deleted_or_set_to_nothing_makes_none() {
        let mut deleted = record("gone", 4);
        deleted.deleted = Some(Dot::new(Origin::from_number(7).unwrap(), 4));
        let mut emptied = record("Rahima", 1);
        emptied.fields.insert(FieldTag(4), serde_json::Value::Null);
        assert_eq!(sums(&[(1, emptied), (9, deleted)]), sums(&[(1, record("Rahima", 1))]));
    }

    #[test]
    fn they_travel_in_a_hello() {
        let whole = sums(&[(1, record("Rahima", 1))]);
        let sent = json!({ RecordSums::NAME: whole });
        assert_eq!(RecordSums::parse(&sent), Some(whole));
        for bad in [
            json!({}),
            json!({"records": {"at": -1, "kinds": {}}}),
            json!({"records": {"at": 1, "kinds": {"4": 3}}}),
        ] {
            assert_eq!(RecordSums::parse(&bad), None);
        }
    }
}
