//! The schema and its history.
//!
//! Migrations are only ever added; a test holds the checksum of each one that was released. A database that a newer
//! program has upgraded is refused with a message, never touched.

use rusqlite::Connection;
use rusqlite_migration::{M, Migrations};

use super::StoreError;

const STEPS: &[(&str, &str)] = &[
    ("0001_ledger", include_str!("../../../migrations/edge/0001_ledger.sql")),
    ("0002_record", include_str!("../../../migrations/edge/0002_record.sql")),
    ("0003_derived", include_str!("../../../migrations/edge/0003_derived.sql")),
    ("0004_device", include_str!("../../../migrations/edge/0004_device.sql")),
    ("0005_account", include_str!("../../../migrations/edge/0005_account.sql")),
    ("0006_attendance", include_str!("../../../migrations/edge/0006_attendance.sql")),
    ("0007_log_mark", include_str!("../../../migrations/edge/0007_log_mark.sql")),
    ("0008_punch_flag", include_str!("../../../migrations/edge/0008_punch_flag.sql")),
    ("0009_device_command", include_str!("../../../migrations/edge/0009_device_command.sql")),
    ("0010_feed", include_str!("../../../migrations/edge/0010_feed.sql")),
    ("0014_phone_punch", include_str!("../../../migrations/edge/0014_phone_punch.sql")),
    ("0016_push_trust", include_str!("../../../migrations/edge/0016_push_trust.sql")),
    ("0017_bundle", include_str!("../../../migrations/edge/0017_bundle.sql")),
    ("0018_employment", include_str!("../../../migrations/edge/0018_employment.sql")),
    ("0019_push_refusal", include_str!("../../../migrations/edge/0019_push_refusal.sql")),
];

/// The schema version this program knows.
pub(super) fn known_version() -> i64 {
    i64::try_from(STEPS.len()).unwrap_or(i64::MAX)
}

/// The schema version of a file; 0 = empty.
pub(super) fn version(connection: &Connection) -> Result<i64, StoreError> {
    Ok(connection.query_row("PRAGMA user_version", [], |row| row.get(0))?)
}

/// Refuses a database from the future.
pub(super) fn check(connection: &Connection) -> Result<(), StoreError> {
    let (found, known) = (version(connection)?, known_version());
    if found > known { Err(StoreError::SchemaTooNew { found, known }) } else { Ok(()) }
}

/// Brings a database up to date.
pub(super) fn migrate(connection: &mut Connection) -> Result<(), StoreError> {
    check(connection)?;
    let steps = STEPS.iter().map(|(_, sql)| M::up(sql)).collect();
    Migrations::new(steps).to_latest(connection).map_err(|error| {
        if let rusqlite_migration::Error::RusqliteError { err, .. } = error {
            StoreError::from(err)
        } else {
            StoreError::Migration(error)
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use shared_model::Kind;
    use shared_model::record::FieldType;

    /// First 8 bytes of the blake3 of each migration. A line may be added, never changed.
    const CHECKSUMS: &[(&str, &str)] = &[
        ("0001_ledger", "1eedceaaba20a598"),
        ("0002_record", "85a527b387964720"),
        ("0003_derived", "572c363d7aa061f4"),
        ("0004_device", "fbad894c3891ccd1"),
        ("0005_account", "cf862e75497be131"),
        ("0006_attendance", "bd7d60211e5d3e7f"),
        ("0007_log_mark", "5099572dac32b47f"),
        ("0008_punch_flag", "777cf161d8ae80f9"),
        ("0009_device_command", "f3ee2578223a8181"),
        ("0010_feed", "9eaaafb038951edf"),
        ("0014_phone_punch", "9f192d8a4fc49d2c"),
        ("0016_push_trust", "f5e814ac8d105bd7"),
        ("0017_bundle", "38e531db6a0ecf7c"),
        ("0018_employment", "4350cab73bd0843c"),
        ("0019_push_refusal", "37b361609331750b"),
    ];

    fn fresh() -> Connection {
        let mut connection = Connection::open_in_memory().unwrap();
        migrate(&mut connection).unwrap();
        connection
    }

    #[test]
    fn migrations_are_as_released() {
        let found: Vec<(&str, String)> = STEPS
            .iter()
            .map(|(name, sql)| (*name, hex::encode(&blake3::hash(sql.as_bytes()).as_bytes()[..8])))
            .collect();
        let known: Vec<(&str, String)> =
            CHECKSUMS.iter().map(|(name, sum)| (*name, (*sum).to_owned())).collect();
        assert_eq!(found, known);
    }

    #[test]
    fn a_database_from_a_newer_program_is_refused_and_left_alone() {
        let mut connection = fresh();
        connection.pragma_update(None, "user_version", known_version() + 1).unwrap();
        let error = migrate(&mut connection).unwrap_err();
        assert!(matches!(error, StoreError::SchemaTooNew { .. }), "{error}");
        assert!(error.to_string().contains("newer version"));
        assert_eq!(version(&connection).unwrap(), known_version() + 1);
    }

    #[test]
    fn every_kind_has_a_table_with_a_column_for_each_field() {
        let connection = fresh();
        for kind in Kind::ALL {
            let mut columns: Vec<(String, String)> = connection
                .prepare("SELECT name, type FROM pragma_table_info(?1) ORDER BY cid")
                .unwrap()
                .query_map([format!("rec_{}", kind.as_str())], |row| Ok((row.get(0)?, row.get(1)?)))
                .unwrap()
                .collect::<Result<_, _>>()
                .unwrap();
            let mut wanted = vec![("key".to_owned(), "BLOB".to_owned())];
            wanted.extend(kind.fields().iter().map(|def| {
                let ty = match def.ty {
                    FieldType::Bool | FieldType::Int => "INTEGER",
                    FieldType::Id => "BLOB",
                    FieldType::Text { .. }
                    | FieldType::Date
                    | FieldType::WallTime
                    | FieldType::Instant
                    | FieldType::Json { .. } => "TEXT",
                };
                (def.name.to_owned(), ty.to_owned())
            }));
            let rest = columns.split_off(wanted.len());
            assert_eq!(columns, wanted);
            let rest: Vec<&str> = rest.iter().map(|(name, _)| name.as_str()).collect();
            assert_eq!(rest, ["ext", "vv", "dots", "deleted_dot", "fseq"]);
        }
    }
}
