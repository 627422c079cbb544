//! Mutable records as the change log sees them: a kind, a key, and tagged fields.
//!
//! Kinds and tags are append-only numbers (sync.md 2.16): they are stored and sent, never reused, and a side that
//! does not know a tag keeps its value. Fields of one [`FieldDef::group`] are merged as one, because half of each
//! would be nonsense (a shift's start from one author and its end from another).

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::punch::numbered;

/// The number of a field within its kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct FieldTag(pub u16);

/// Tagged values of a record or of a change to it. JSON values; `null` clears an optional field.
pub type FieldMap = BTreeMap<FieldTag, Value>;

numbered! {
    /// A kind of mutable record. The number is stored and sent.
    Kind {
        /// The company's own settings.
        Company = 1 "company",
        /// A factory or office.
        Site = 2 "site",
        /// A department, section or line.
        Department = 3 "department",
        /// A worker.
        Employee = 4 "employee",
        /// A shift's definition.
        Shift = 5 "shift",
        /// A roster assignment.
        Roster = 6 "roster",
        /// One edited roster cell.
        RosterDay = 7 "roster_day",
        /// A version of an attendance policy.
        Policy = 8 "policy",
        /// A holiday.
        Holiday = 9 "holiday",
        /// A leave.
        Leave = 10 "leave",
        /// A clock.
        Device = 11 "device",
        /// Whose a clock's user code is.
        Identity = 12 "identity",
        /// A note on a punch.
        PunchNote = 13 "punch_note",
        /// A decision about an employee's day.
        DayDecision = 14 "day_decision",
        /// A pay period.
        PayPeriod = 15 "pay_period",
        /// A company's own rule.
        CompanyRule = 16 "company_rule",
        /// A punch made on a phone, which counts once it is approved.
        PhonePunch = 17 "phone_punch",
    }
}

/// How a field's value looks as JSON. A side without the typed entity can still check a value by this.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldType {
    /// `true` or `false`.
    Bool,
    /// A whole number within 64 bits, signed.
    Int,
    /// A text of at most `max` bytes.
    Text {
        /// The limit, in bytes of UTF-8.
        max: usize,
    },
    /// A UUID as text.
    Id,
    /// `YYYY-MM-DD`.
    Date,
    /// `YYYY-MM-DDThh:mm:ss`, wall time without a zone.
    WallTime,
    /// RFC 3339, UTC.
    Instant,
    /// Any JSON whose text is at most `max` bytes.
    Json {
        /// The limit, in bytes of compact text.
        max: usize,
    },
}

/// A type that can be a field's value.
pub trait FieldValue: Serialize + DeserializeOwned {
    /// How it looks as JSON.
    const TYPE: FieldType;
    /// Whether `null` is a value of it.
    const OPTIONAL: bool = false;
}

impl FieldValue for bool {
    const TYPE: FieldType = FieldType::Bool;
}
impl FieldValue for i64 {
    const TYPE: FieldType = FieldType::Int;
}
impl FieldValue for i32 {
    const TYPE: FieldType = FieldType::Int;
}
impl FieldValue for u32 {
    const TYPE: FieldType = FieldType::Int;
}
impl FieldValue for chrono::NaiveDate {
    const TYPE: FieldType = FieldType::Date;
}
impl FieldValue for chrono::NaiveDateTime {
    const TYPE: FieldType = FieldType::WallTime;
}
impl FieldValue for chrono::DateTime<chrono::Utc> {
    const TYPE: FieldType = FieldType::Instant;
}
impl FieldValue for crate::punch::RawTime {
    const TYPE: FieldType = FieldType::WallTime;
}
impl<T: FieldValue> FieldValue for Option<T> {
    const TYPE: FieldType = T::TYPE;
    const OPTIONAL: bool = true;
}

/// JSON whose meaning another crate knows (a shift's definition, a policy's rules, a roster's pattern).
/// Here it is only bounded; the shift engine parses and judges it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(transparent)]
pub struct Document(pub Value);

impl Document {
    /// The longest document taken, in bytes of compact JSON.
    pub const MAX: usize = 32 * 1024;
}

impl FieldValue for Document {
    const TYPE: FieldType = FieldType::Json { max: Self::MAX };
}

/// What is known of one field of a kind.
#[derive(Debug, Clone, Copy)]
pub struct FieldDef {
    /// Its number.
    pub tag: FieldTag,
    /// Its name in storage and the API.
    pub name: &'static str,
    /// How its value looks.
    pub ty: FieldType,
    /// Whether it may be `null` or absent.
    pub optional: bool,
    /// The group it is merged with; fields of group 0 are merged alone.
    pub group: u8,
}

/// A value that a field cannot take. Names kind, field and cause.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadField {
    /// A create lacks a field that must be there.
    #[error("{kind}.{field} is missing")]
    Missing {
        /// The kind's name.
        kind: &'static str,
        /// The field's name.
        field: &'static str,
    },
    /// The value is of another type or breaks the type's rule.
    #[error("{kind}.{field}: {cause}")]
    Value {
        /// The kind's name.
        kind: &'static str,
        /// The field's name.
        field: &'static str,
        /// What is wrong.
        cause: String,
    },
}

impl Kind {
    /// The fields of the kind, by rising tag.
    #[must_use]
    pub fn fields(self) -> &'static [FieldDef] {
        crate::entity::fields(self)
    }

    /// The field of a tag; `None` for one that this version does not know.
    #[must_use]
    pub fn field(self, tag: FieldTag) -> Option<&'static FieldDef> {
        let fields = self.fields();
        fields.binary_search_by_key(&tag, |def| def.tag).ok().map(|at| &fields[at])
    }

    /// The field by which people know a record of this kind, where there is one: no two records in use should share it
    /// (sync.md 2.5).
    #[must_use]
    pub const fn business_key(self) -> Option<FieldTag> {
        match self {
            Self::Employee | Self::Shift | Self::Device => Some(FieldTag(1)),
            Self::Site | Self::Department => Some(FieldTag(2)),
            Self::Company
            | Self::Roster
            | Self::RosterDay
            | Self::Policy
            | Self::Holiday
            | Self::Leave
            | Self::Identity
            | Self::PunchNote
            | Self::DayDecision
            | Self::PayPeriod
            | Self::CompanyRule
            | Self::PhonePunch => None,
        }
    }

    /// Checks the values of a change: known fields by their types; unknown tags pass, bounded in size.
    ///
    /// # Errors
    /// The first [`BadField`]; with `whole`, also the first field that must be there and is not.
    pub fn check(self, fields: &FieldMap, whole: bool) -> Result<(), BadField> {
        if whole {
            crate::entity::check_whole(self, fields)
        } else {
            crate::entity::check_changed(self, fields)
        }
    }
}

/// Reads one field out of a map: absent reads as `null`.
pub(crate) fn read_field<T: FieldValue>(
    kind: Kind,
    def: &FieldDef,
    fields: &FieldMap,
) -> Result<T, BadField> {
    let (kind, field) = (kind.as_str(), def.name);
    let value = fields.get(&def.tag).unwrap_or(&Value::Null);
    if value.is_null() && !def.optional {
        return Err(BadField::Missing { kind, field });
    }
    check_size(kind, def, value)?;
    serde_json::from_value(value.clone()).map_err(|e| BadField::Value { kind, field, cause: e.to_string() })
}

fn check_size(kind: &'static str, def: &FieldDef, value: &Value) -> Result<(), BadField> {
    let FieldType::Json { max } = def.ty else { return Ok(()) };
    let size = value.to_string().len();
    if size > max {
        let cause = format!("{size} bytes of JSON, at most {max} are taken");
        return Err(BadField::Value { kind, field: def.name, cause });
    }
    Ok(())
}

/// Writes one field's value.
pub(crate) fn write_field<T: FieldValue>(value: &T) -> Value {
    // Field types are texts, numbers, ids and bounded JSON: none has a map key or number that JSON lacks.
    serde_json::to_value(value).unwrap_or(Value::Null)
}
