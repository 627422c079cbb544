//! Field values written the same way in every build.
//!
//! Whether `serde_json` keeps the order in which an object's members were read is a Cargo feature that any crate of a
//! build can turn on; the bytes that a chain runs over must not depend on it. Members are written in the order of their
//! names.

use std::collections::BTreeMap;

use serde::{Serialize, Serializer};
use serde_json::Value;
use shared_model::FieldMap;

/// Serializes a change's fields.
pub(super) fn fields<S: Serializer>(fields: &FieldMap, to: S) -> Result<S::Ok, S::Error> {
    to.collect_map(fields.iter().map(|(tag, value)| (tag, Canonical(value))))
}

/// One value's bytes.
pub(crate) fn bytes(value: &Value) -> Vec<u8> {
    // Every key is text and every value is JSON already.
    serde_json::to_vec(&Canonical(value)).unwrap_or_default()
}

struct Canonical<'a>(&'a Value);

impl Serialize for Canonical<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Value::Object(members) => {
                let sorted: BTreeMap<_, _> =
                    members.iter().map(|(name, value)| (name, Self(value))).collect();
                to.collect_map(sorted)
            }
            Value::Array(items) => to.collect_seq(items.iter().map(Self)),
            plain @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_)) => {
                plain.serialize(to)
            }
        }
    }
}
