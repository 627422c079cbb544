//! The schema: migrations run as its owner, and the check that a database has exactly this program's.

use chrono::{DateTime, Datelike as _, Months, NaiveDate, Utc};
use sqlx::Connection as _;
use sqlx::migrate::Migrator;
use sqlx::postgres::{PgConnectOptions, PgConnection};

/// Every migration, compiled in.
pub static MIGRATIONS: Migrator = sqlx::migrate!("../migrations/cloud");

/// How far back the ledger has a partition a month: clocks keep a few months of log, imports bring more.
const MONTHS_BACK: u32 = 24;
/// How far ahead; a server that runs longer than this without a restart uses the default partition.
const MONTHS_AHEAD: u32 = 18;

/// Why the schema could not be brought to this version.
#[derive(Debug, thiserror::Error)]
pub enum MigrationError {
    /// No connection as the owner, or a statement failed.
    #[error("cannot migrate the database")]
    Database(#[from] sqlx::Error),
    /// A migration failed, or the database is newer than this program.
    #[error("cannot migrate the database: {0}")]
    Migrate(#[from] sqlx::migrate::MigrateError),
}

/// The database's schema is another version's.
#[derive(Debug, thiserror::Error)]
pub enum WrongSchema {
    /// Made by a newer program.
    #[error(
        "the database has migration {found}, which this program does not know: it was migrated by a newer version"
    )]
    Newer {
        /// The newest migration there.
        found: i64,
    },
    /// Not yet migrated.
    #[error("the database lacks migration {missing}: run `muster-cloud migrate` with DATABASE_OWNER_URL")]
    Older {
        /// The first missing one.
        missing: i64,
    },
    /// A migration differs from the one compiled in.
    #[error("migration {0} in the database differs from this program's")]
    Differs(i64),
    /// The check itself failed.
    #[error("cannot read the schema's version: run `muster-cloud migrate` with DATABASE_OWNER_URL first")]
    Database(#[from] sqlx::Error),
}

/// What a migration did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct Migrated {
    /// The schema's version now.
    pub version: i64,
    /// Ledger partitions made.
    pub partitions: i32,
}

/// Brings the schema to this version, makes the ledger's partitions around `now`, and gives `app_role` its
/// privileges. Connects as the owner and closes that connection.
///
/// # Errors
/// [`MigrationError`]; a failed migration is rolled back.
pub async fn migrate(
    owner: &PgConnectOptions,
    app_role: &str,
    now: DateTime<Utc>,
) -> Result<Migrated, MigrationError> {
    let mut connection = PgConnection::connect_with(owner).await?;
    MIGRATIONS.run(&mut connection).await?;
    let month = NaiveDate::from_ymd_opt(now.year(), now.month(), 1).unwrap_or_else(|| now.date_naive());
    let partitions = sqlx::query_scalar("SELECT ensure_ledger_partitions($1, $2)")
        .bind(month - Months::new(MONTHS_BACK))
        .bind(month + Months::new(MONTHS_AHEAD))
        .fetch_one(&mut connection)
        .await?;
    sqlx::query("SELECT grant_app($1::text::name)").bind(app_role).execute(&mut connection).await?;
    connection.close().await?;
    Ok(Migrated { version: newest(), partitions })
}

/// The newest migration compiled in.
#[must_use]
pub fn newest() -> i64 {
    MIGRATIONS.iter().map(|migration| migration.version).max().unwrap_or(0)
}

/// Checks, as the serving role, that the database has exactly this program's migrations.
///
/// # Errors
/// [`WrongSchema`] tells which side is behind.
pub async fn check(connection: &mut PgConnection) -> Result<(), WrongSchema> {
    let applied: Vec<(i64, Vec<u8>)> =
        sqlx::query_as("SELECT version, checksum FROM _sqlx_migrations WHERE success ORDER BY version")
            .fetch_all(connection)
            .await?;
    for (version, checksum) in &applied {
        let Some(ours) = MIGRATIONS.iter().find(|migration| migration.version == *version) else {
            return Err(WrongSchema::Newer { found: *version });
        };
        if ours.checksum.as_ref() != checksum.as_slice() {
            return Err(WrongSchema::Differs(*version));
        }
    }
    match MIGRATIONS.iter().find(|ours| !applied.iter().any(|(version, _)| *version == ours.version)) {
        Some(missing) => Err(WrongSchema::Older { missing: missing.version }),
        None => Ok(()),
    }
}
