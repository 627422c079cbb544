//! One UUIDv7 newtype per entity, made by one macro.
//!
//! A raw [`Uuid`] stops at the edge of the process: inside, an employee's id cannot be passed for a
//! site's. Ids lead with their time of making, so that both databases append.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{Clock, Entropy};

/// Text that is no id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is no {what} id: expected a UUID such as 0192f0c1-…")]
pub struct BadId {
    what: &'static str,
    text: String,
}

/// Makes the UUIDv7 whose time is `clock`'s and whose other bits are `entropy`'s.
#[must_use]
pub fn uuid_v7(clock: &(impl Clock + ?Sized), entropy: &(impl Entropy + ?Sized)) -> Uuid {
    let mut random = [0; 10];
    entropy.fill(&mut random);
    let ms = u64::try_from(clock.now().timestamp_millis()).unwrap_or(0);
    uuid::Builder::from_unix_timestamp_millis(ms, &random).into_uuid()
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident = $what:literal;)+) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            /// Mints a new id.
            #[must_use]
            pub fn mint(clock: &(impl Clock + ?Sized), entropy: &(impl Entropy + ?Sized)) -> Self {
                Self(uuid_v7(clock, entropy))
            }

            /// Takes an id that was minted elsewhere (a database row, a wire message).
            #[must_use]
            pub const fn from_uuid(uuid: Uuid) -> Self {
                Self(uuid)
            }

            /// The id as a plain UUID, for storage and the wire.
            #[must_use]
            pub const fn uuid(self) -> Uuid {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl From<Uuid> for $name {
            fn from(uuid: Uuid) -> Self {
                Self(uuid)
            }
        }

        impl From<$name> for Uuid {
            fn from(id: $name) -> Self {
                id.0
            }
        }

        impl FromStr for $name {
            type Err = BadId;
            fn from_str(text: &str) -> Result<Self, BadId> {
                Uuid::parse_str(text).map(Self).map_err(|_| BadId { what: $what, text: text.chars().take(64).collect() })
            }
        }

        impl crate::record::FieldValue for $name {
            const TYPE: crate::record::FieldType = crate::record::FieldType::Id;
        }

        #[cfg(feature = "rusqlite")]
        impl rusqlite::ToSql for $name {
            fn to_sql(&self) -> rusqlite::Result<rusqlite::types::ToSqlOutput<'_>> {
                Ok(rusqlite::types::ToSqlOutput::Owned(self.0.as_bytes().to_vec().into()))
            }
        }

        #[cfg(feature = "rusqlite")]
        impl rusqlite::types::FromSql for $name {
            fn column_result(value: rusqlite::types::ValueRef<'_>) -> rusqlite::types::FromSqlResult<Self> {
                uuid_from_sql(value).map(Self)
            }
        }

        #[cfg(feature = "sqlx")]
        impl sqlx::Type<sqlx::Postgres> for $name {
            fn type_info() -> sqlx::postgres::PgTypeInfo {
                <Uuid as sqlx::Type<sqlx::Postgres>>::type_info()
            }
            fn compatible(ty: &sqlx::postgres::PgTypeInfo) -> bool {
                <Uuid as sqlx::Type<sqlx::Postgres>>::compatible(ty)
            }
        }

        #[cfg(feature = "sqlx")]
        impl sqlx::postgres::PgHasArrayType for $name {
            fn array_type_info() -> sqlx::postgres::PgTypeInfo {
                <Uuid as sqlx::postgres::PgHasArrayType>::array_type_info()
            }
        }

        #[cfg(feature = "sqlx")]
        impl sqlx::Encode<'_, sqlx::Postgres> for $name {
            fn encode_by_ref(
                &self,
                buffer: &mut sqlx::postgres::PgArgumentBuffer,
            ) -> Result<sqlx::encode::IsNull, sqlx::error::BoxDynError> {
                <Uuid as sqlx::Encode<'_, sqlx::Postgres>>::encode_by_ref(&self.0, buffer)
            }
        }

        #[cfg(feature = "sqlx")]
        impl<'r> sqlx::Decode<'r, sqlx::Postgres> for $name {
            fn decode(value: sqlx::postgres::PgValueRef<'r>) -> Result<Self, sqlx::error::BoxDynError> {
                <Uuid as sqlx::Decode<'r, sqlx::Postgres>>::decode(value).map(Self)
            }
        }
    )+};
}

#[cfg(feature = "rusqlite")]
pub(crate) fn uuid_from_sql(value: rusqlite::types::ValueRef<'_>) -> rusqlite::types::FromSqlResult<Uuid> {
    Uuid::from_slice(value.as_blob()?).map_err(|e| rusqlite::types::FromSqlError::Other(Box::new(e)))
}

ids! {
    /// A company: the boundary that no row crosses.
    CompanyId = "company";
    /// A factory or office of a company; the unit of visibility for edges.
    SiteId = "site";
    /// An enrolment of an edge agent (a key pair); may outlive disks.
    EdgeId = "edge";
    /// A person who signs in.
    UserId = "user";
    /// Whoever caused a change: a user, an edge's local owner, or the system.
    ActorId = "actor";
    /// A department, section or line.
    DepartmentId = "department";
    /// A worker.
    EmployeeId = "employee";
    /// A shift's definition.
    ShiftId = "shift";
    /// A roster assignment (a shift or a pattern for somebody, from a date on).
    RosterId = "roster";
    /// One edited cell of the roster: one employee on one date.
    RosterDayId = "roster day";
    /// A version of an attendance policy.
    PolicyId = "policy";
    /// A holiday.
    HolidayId = "holiday";
    /// A leave of an employee.
    LeaveId = "leave";
    /// A clock on a wall.
    DeviceId = "clock";
    /// The belonging of a clock's user code to an employee for a time.
    IdentityId = "identity";
    /// A note on a punch: void, same as another, zone correction, flag.
    PunchNoteId = "punch note";
    /// A decision about an employee's day: overtime, on duty, manual record.
    DayDecisionId = "day decision";
    /// A pay period, open or closed.
    PayPeriodId = "pay period";
    /// A company's own rule over a day's facts.
    CompanyRuleId = "company rule";
    /// A punch made on a phone.
    PhonePunchId = "phone punch";
}

impl From<UserId> for ActorId {
    fn from(user: UserId) -> Self {
        Self(user.0)
    }
}

impl ActorId {
    /// The program itself (ingest, scheduled work).
    pub const SYSTEM: Self = Self(Uuid::nil());
}
