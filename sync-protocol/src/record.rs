//! A mutable record with what merging needs: which change each value came from, and what has been considered.
//!
//! ```text
//! stored form of the dots
//!   byte      format, 1
//!   varint    number of origins, then the origins, rising: varint (origin - origin before)
//!   varint    number of slots, then by rising slot: varint slot, varint place among the origins, varint seq
//!   slot      field tag × 2, or group × 2 + 1
//! ```

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use shared_model::{FieldMap, FieldTag, Kind};

use crate::limit;
use crate::varint;
use crate::{Dot, Origin, VersionVector};

/// The unit of merging: one field, or a group of which half from one author and half from another would be nonsense.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Slot {
    /// A field that is merged alone.
    Field(FieldTag),
    /// The fields of one group.
    Group(u8),
}

impl Slot {
    /// The slot of a kind's field. A field that this version does not know is merged alone.
    #[must_use]
    pub fn of(kind: Kind, tag: FieldTag) -> Self {
        match kind.field(tag) {
            Some(def) if def.group > 0 => Self::Group(def.group),
            Some(_) | None => Self::Field(tag),
        }
    }

    /// The slot as one number: tag × 2, or group × 2 + 1.
    #[must_use]
    pub fn number(self) -> u32 {
        match self {
            Self::Field(tag) => u32::from(tag.0) << 1,
            Self::Group(group) => u32::from(group) << 1 | 1,
        }
    }

    /// The slot of a stored [`Slot::number`].
    #[must_use]
    pub fn from_stored(number: u32) -> Option<Self> {
        Self::from_number(number.into())
    }

    pub(crate) fn from_number(number: u64) -> Option<Self> {
        if number & 1 == 0 {
            u16::try_from(number >> 1).ok().map(|tag| Self::Field(FieldTag(tag)))
        } else {
            u8::try_from(number >> 1).ok().map(Self::Group)
        }
    }
}

/// Which change each slot's present value came from.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Dots(pub BTreeMap<Slot, Dot>);

/// Stored bytes that are no dots.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("malformed or unknown form of a record's dots")]
pub struct BadDots;

/// A record as the change log sees it. A tombstone keeps its last values.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Record {
    /// The values, unknown tags included.
    pub fields: FieldMap,
    /// Where each came from.
    pub dots: Dots,
    /// Which changes to this record have been considered.
    pub vv: VersionVector,
    /// The delete that removed it.
    pub deleted: Option<Dot>,
    /// Its place in the company's feed; 0 = not from the feed.
    pub fseq: i64,
}

impl Record {
    /// Notes that `dot` has been considered.
    ///
    /// A full vector forgets an origin that no present value came from: a vector that claims less costs at worst a
    /// needless conflict.
    pub fn consider(&mut self, dot: Dot) {
        while self.vv.raise(dot).is_err() {
            let live: BTreeSet<Origin> =
                self.dots.0.values().chain(&self.deleted).map(|d| d.origin).collect();
            let idle = self.vv.iter().map(|entry| entry.origin).find(|origin| !live.contains(origin));
            let Some(origin) = idle.or_else(|| self.vv.iter().next().map(|entry| entry.origin)) else {
                return;
            };
            self.vv.forget(origin);
        }
    }
}

impl Dots {
    const FORMAT: u8 = 1;

    /// The bytes that are stored.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let origins: BTreeSet<Origin> = self.0.values().map(|dot| dot.origin).collect();
        let places: BTreeMap<Origin, u64> = origins.iter().copied().zip(0..).collect();
        let mut out = vec![Self::FORMAT];
        varint::put(&mut out, origins.len() as u64);
        let mut before = 0;
        for origin in origins {
            varint::put(&mut out, (origin.number() - before).cast_unsigned());
            before = origin.number();
        }
        let mut slots: Vec<_> = self.0.iter().map(|(slot, dot)| (slot.number(), dot)).collect();
        slots.sort_unstable_by_key(|(slot, _)| *slot);
        varint::put(&mut out, slots.len() as u64);
        for (slot, dot) in slots {
            varint::put(&mut out, u64::from(slot));
            varint::put(&mut out, places.get(&dot.origin).copied().unwrap_or_default());
            varint::put(&mut out, dot.seq.cast_unsigned());
        }
        out
    }

    /// Reads [`Dots::encode`]'s bytes.
    ///
    /// # Errors
    /// [`BadDots`] for bytes of another form, out of order or out of range.
    pub fn decode(bytes: &[u8]) -> Result<Self, BadDots> {
        let (&format, mut input) = bytes.split_first().ok_or(BadDots)?;
        if format != Self::FORMAT {
            return Err(BadDots);
        }
        let mut number = || varint::take(&mut input).map_err(|_| BadDots);
        let mut origins = Vec::new();
        let mut before = 0i64;
        for _ in 0..number()? {
            let step = i64::try_from(number()?).ok().filter(|step| *step > 0).ok_or(BadDots)?;
            before = before.checked_add(step).ok_or(BadDots)?;
            origins.push(Origin::from_number(before).ok_or(BadDots)?);
        }
        let mut slots = BTreeMap::new();
        let mut last = None;
        for _ in 0..number()? {
            let slot = number()?;
            if last.is_some_and(|last| slot <= last) || slots.len() > limit::FIELDS * 2 {
                return Err(BadDots);
            }
            last = Some(slot);
            let place = usize::try_from(number()?).map_err(|_| BadDots)?;
            let seq = i64::try_from(number()?).ok().filter(|seq| *seq >= 1).ok_or(BadDots)?;
            let origin = *origins.get(place).ok_or(BadDots)?;
            slots.insert(Slot::from_number(slot).ok_or(BadDots)?, Dot { origin, seq });
        }
        if input.is_empty() { Ok(Self(slots)) } else { Err(BadDots) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn any_dots() -> impl Strategy<Value = Dots> {
        let slot = prop_oneof![
            any::<u16>().prop_map(|tag| Slot::Field(FieldTag(tag))),
            any::<u8>().prop_map(Slot::Group),
        ];
        let dot = (1i64..6, 1i64..=i64::MAX)
            .prop_map(|(origin, seq)| Dot::new(Origin::from_number(origin << 50).unwrap(), seq));
        proptest::collection::btree_map(slot, dot, 0..20).prop_map(Dots)
    }

    proptest! {
        #[test]
        fn dots_survive_storage(dots in any_dots()) {
            prop_assert_eq!(Dots::decode(&dots.encode()), Ok(dots));
        }

        #[test]
        fn any_bytes_are_refused_or_read(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            let mut framed = vec![Dots::FORMAT];
            framed.extend(&bytes);
            for input in [&bytes, &framed] {
                if let Ok(dots) = Dots::decode(input) {
                    prop_assert_eq!(Dots::decode(&dots.encode()), Ok(dots));
                }
            }
        }
    }

    #[test]
    fn a_record_of_eight_fields_by_two_authors_costs_few_bytes() {
        let origins = [i64::MAX / 3, i64::MAX / 2].map(|number| Origin::from_number(number).unwrap());
        let slots =
            (1..=8u16).map(|tag| (Slot::Field(FieldTag(tag)), Dot::new(origins[usize::from(tag) % 2], 4000)));
        let dots = Dots(slots.collect());
        assert!(dots.encode().len() <= 60, "{}", dots.encode().len());
    }

    #[test]
    fn a_full_vector_forgets_an_origin_without_a_present_value() {
        let origin = |number| Origin::from_number(number).unwrap();
        let mut record = Record::default();
        record.dots.0.insert(Slot::Field(FieldTag(1)), Dot::new(origin(1), 1));
        for number in 1..=64 {
            record.consider(Dot::new(origin(number), 1));
        }
        record.consider(Dot::new(origin(100), 1));
        assert_eq!(record.vv.len(), VersionVector::MAX);
        assert!(record.vv.covers(Dot::new(origin(1), 1)), "a present value's origin stays");
        assert!(!record.vv.covers(Dot::new(origin(2), 1)));
        assert!(record.vv.covers(Dot::new(origin(100), 1)));
    }
}
