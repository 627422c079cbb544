//! The change that last set each field of a record.
//!
//! ```text
//! format byte 1 · (tag u16 BE · dot 16 bytes)…     sorted by tag
//! ```

use std::collections::BTreeMap;

use shared_model::FieldTag;
use sync_protocol::Dot;

const FORMAT: u8 = 1;
const ENTRY: usize = 2 + Dot::BYTES;

/// The change that last set each field.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct FieldDots(BTreeMap<FieldTag, Dot>);

impl FieldDots {
    pub(super) fn of(&self, tag: FieldTag) -> Option<Dot> {
        self.0.get(&tag).copied()
    }

    pub(super) fn set(&mut self, tag: FieldTag, dot: Dot) {
        self.0.insert(tag, dot);
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        let mut blob = Vec::with_capacity(1 + self.0.len() * ENTRY);
        blob.push(FORMAT);
        for (tag, dot) in &self.0 {
            blob.extend_from_slice(&tag.0.to_be_bytes());
            blob.extend_from_slice(&dot.to_bytes());
        }
        blob
    }

    pub(super) fn decode(blob: &[u8]) -> Option<Self> {
        let (format, entries) = blob.split_first()?;
        let (entries, rest) = entries.as_chunks::<ENTRY>();
        if *format != FORMAT || !rest.is_empty() {
            return None;
        }
        let read = |entry: &[u8; ENTRY]| {
            let (tag, dot) = entry.split_first_chunk::<2>()?;
            Some((FieldTag(u16::from_be_bytes(*tag)), Dot::from_bytes(dot)?))
        };
        entries.iter().map(read).collect::<Option<_>>().map(Self)
    }
}
