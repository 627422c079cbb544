//! Version vectors: for each origin, up to which of its numbers something is known.
//!
//! ```text
//! byte      format, 1
//! varint    number of entries, at most 64
//! entries   by rising origin: varint (origin - origin before), varint seq
//! ```

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::varint;
use crate::{Dot, Origin};

/// For each origin the highest number that is known; absent = none.
///
/// A vector only claims what it covers: too small a vector costs a needless conflict, too large a one would lose a
/// value silently. That is why a full vector may forget an entry but never guesses one.
#[derive(Clone, PartialEq, Eq, Default, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "BTreeMap<Origin, i64>", into = "BTreeMap<Origin, i64>")]
pub struct VersionVector(BTreeMap<Origin, i64>);

/// Bytes or JSON that are no version vector.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadVersionVector {
    /// The first byte names no format that this version reads.
    #[error("version vector of an unknown format")]
    Format,
    /// More entries than [`VersionVector::MAX`].
    #[error("version vector of more than {} entries", VersionVector::MAX)]
    TooMany,
    /// Cut off, out of order, a number out of range, or bytes left over.
    #[error("malformed version vector")]
    Malformed,
}

/// The vector has [`VersionVector::MAX`] entries and none for this origin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("version vector is full")]
pub struct Full;

impl VersionVector {
    /// The most entries that are kept, sent or read.
    pub const MAX: usize = 64;

    const FORMAT: u8 = 1;

    /// A vector that knows nothing.
    #[must_use]
    pub const fn new() -> Self {
        Self(BTreeMap::new())
    }

    /// Whether `dot` is covered.
    #[must_use]
    pub fn covers(&self, dot: Dot) -> bool {
        self.seq_of(dot.origin) >= dot.seq
    }

    /// The highest known number of an origin; 0 = none.
    #[must_use]
    pub fn seq_of(&self, origin: Origin) -> i64 {
        self.0.get(&origin).copied().unwrap_or(0)
    }

    /// Covers `dot` and everything before it of its origin.
    ///
    /// # Errors
    /// [`Full`] when the origin is new and there is no room.
    pub fn raise(&mut self, dot: Dot) -> Result<(), Full> {
        if let Some(seq) = self.0.get_mut(&dot.origin) {
            *seq = dot.seq.max(*seq);
            return Ok(());
        }
        if self.0.len() >= Self::MAX {
            return Err(Full);
        }
        if dot.seq >= 1 {
            self.0.insert(dot.origin, dot.seq);
        }
        Ok(())
    }

    /// Forgets an origin, returning what was known of it.
    pub fn forget(&mut self, origin: Origin) -> Option<i64> {
        self.0.remove(&origin)
    }

    /// Lowers an origin's entry to `seq` (0 forgets it); never raises it.
    pub fn clip(&mut self, origin: Origin, seq: i64) {
        if self.seq_of(origin) > seq {
            if seq >= 1 {
                self.0.insert(origin, seq);
            } else {
                self.0.remove(&origin);
            }
        }
    }

    /// The entries, by rising origin.
    pub fn iter(&self) -> impl Iterator<Item = Dot> + '_ {
        self.0.iter().map(|(&origin, &seq)| Dot { origin, seq })
    }

    /// The number of entries.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether it knows nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether it covers all that `other` covers.
    #[must_use]
    pub fn dominates(&self, other: &Self) -> bool {
        other.iter().all(|dot| self.covers(dot))
    }

    /// The bytes that are stored.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = vec![Self::FORMAT];
        varint::put(&mut out, self.0.len() as u64);
        let mut before = 0;
        for (origin, seq) in &self.0 {
            varint::put(&mut out, (origin.number() - before).cast_unsigned());
            varint::put(&mut out, seq.cast_unsigned());
            before = origin.number();
        }
        out
    }

    /// Reads [`VersionVector::encode`]'s bytes; equal vectors have equal bytes, so nothing else is taken.
    ///
    /// # Errors
    /// [`BadVersionVector`] for bytes of another format, size or order.
    pub fn decode(bytes: &[u8]) -> Result<Self, BadVersionVector> {
        use BadVersionVector::{Format, Malformed, TooMany};
        let (&format, mut input) = bytes.split_first().ok_or(Malformed)?;
        if format != Self::FORMAT {
            return Err(Format);
        }
        let count = varint::take(&mut input).map_err(|_| Malformed)?;
        if count > Self::MAX as u64 {
            return Err(TooMany);
        }
        let mut entries = BTreeMap::new();
        let mut before = 0i64;
        for _ in 0..count {
            let step = varint::take(&mut input).ok().and_then(|step| i64::try_from(step).ok());
            let number = step.filter(|step| *step > 0).and_then(|step| before.checked_add(step));
            let origin = number.and_then(Origin::from_number).ok_or(Malformed)?;
            let seq = varint::take(&mut input).ok().and_then(|seq| i64::try_from(seq).ok());
            entries.insert(origin, seq.filter(|seq| *seq >= 1).ok_or(Malformed)?);
            before = origin.number();
        }
        if input.is_empty() { Ok(Self(entries)) } else { Err(Malformed) }
    }
}

impl fmt::Debug for VersionVector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

impl TryFrom<BTreeMap<Origin, i64>> for VersionVector {
    type Error = BadVersionVector;
    fn try_from(entries: BTreeMap<Origin, i64>) -> Result<Self, BadVersionVector> {
        if entries.len() > Self::MAX {
            return Err(BadVersionVector::TooMany);
        }
        if entries.values().any(|seq| *seq < 1) {
            return Err(BadVersionVector::Malformed);
        }
        Ok(Self(entries))
    }
}

impl From<VersionVector> for BTreeMap<Origin, i64> {
    fn from(vv: VersionVector) -> Self {
        vv.0
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use proptest::prelude::*;

    use super::*;

    pub(crate) fn any_vv() -> impl Strategy<Value = VersionVector> {
        let entry = (1..=i64::MAX, 1..=i64::MAX);
        proptest::collection::btree_map(entry.0, entry.1, 0..=VersionVector::MAX).prop_map(|map| {
            VersionVector(map.into_iter().filter_map(|(o, s)| Some((Origin::from_number(o)?, s))).collect())
        })
    }

    proptest! {
        #[test]
        fn a_vector_survives_bytes_and_json(vv in any_vv()) {
            prop_assert_eq!(VersionVector::decode(&vv.encode()), Ok(vv.clone()));
            let json = serde_json::to_string(&vv).unwrap();
            prop_assert_eq!(serde_json::from_str::<VersionVector>(&json).unwrap(), vv);
        }

        #[test]
        fn any_bytes_are_refused_or_are_the_only_form(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            if let Ok(vv) = VersionVector::decode(&bytes) {
                prop_assert_eq!(vv.encode(), bytes);
            }
        }

        #[test]
        fn raising_is_monotone(vv in any_vv(), origin in 1i64..5, seq in 1i64..100) {
            let dot = Dot::new(Origin::from_number(origin).unwrap(), seq);
            let mut raised = vv.clone();
            match raised.raise(dot) {
                Ok(()) => prop_assert!(raised.covers(dot) && raised.dominates(&vv)),
                Err(Full) => prop_assert_eq!(raised, vv),
            }
        }
    }

    #[test]
    fn a_declared_count_allocates_nothing_and_too_many_are_refused() {
        let mut bytes = vec![VersionVector::FORMAT];
        varint::put(&mut bytes, u64::MAX);
        assert_eq!(VersionVector::decode(&bytes), Err(BadVersionVector::TooMany));
        assert_eq!(VersionVector::decode(&[9, 0]), Err(BadVersionVector::Format));
        assert_eq!(VersionVector::decode(&[1, 0, 0]), Err(BadVersionVector::Malformed));
    }

    #[test]
    fn clipping_only_lowers() {
        let origin = Origin::from_number(3).unwrap();
        let mut vv = VersionVector::new();
        vv.raise(Dot::new(origin, 5)).unwrap();
        vv.clip(origin, 9);
        assert_eq!(vv.seq_of(origin), 5);
        vv.clip(origin, 2);
        assert_eq!(vv.seq_of(origin), 2);
        vv.clip(origin, 0);
        assert!(vv.is_empty());
    }
}
