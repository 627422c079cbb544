//! Everything that speaks SQL.
//!
//! A [`Store`] is the pool of the serving role, checked to be harmless before it serves. Global tables are reached
//! through functions here; a company's tables only through a [`TenantTx`], which is begun with a [`CompanyAccess`].

mod access;
mod admission;
pub mod attendance;
pub mod attention;
pub mod audit;
pub mod bundle;
mod change;
pub mod company;
pub mod conflict;
pub mod digest;
pub mod edge;
mod feed;
mod feed_wake;
pub mod figures;
pub mod grant;
pub mod job;
mod ledger;
pub mod mobile;
mod origin;
pub mod own_change;
pub mod people;
pub mod phone_punch;
pub mod quarantine;
pub mod recompute;
pub mod record;
pub mod record_digest;
pub mod restored;
pub mod schema;
mod serving_role;
pub mod sync_tx;
pub mod tally;
mod tenant_tx;
pub mod today;
pub mod user;
pub mod web_session;

use std::sync::Arc;
use std::time::Duration;

use sqlx::Connection as _;
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};

pub use access::CompanyAccess;
pub use feed_wake::FeedGrowth;
pub use serving_role::Unfit;
pub use sync_tx::SyncTx;
use tenant_tx::Sight;
pub use tenant_tx::TenantTx;

/// A failure of the database or of what it holds.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database refused or is away.
    #[error("the database failed")]
    Database(#[from] sqlx::Error),
    /// A row that this version cannot read.
    #[error("{table} row {id}: {cause}")]
    Corrupt {
        /// The table.
        table: &'static str,
        /// The row's key.
        id: String,
        /// What is wrong.
        cause: String,
    },
    /// Rows were neither added to the ledger nor there already.
    #[error("{sent} punches were sent, {there} are in the ledger")]
    Vanished {
        /// Distinct punches sent.
        sent: usize,
        /// How many of them are there.
        there: i64,
    },
}

impl StoreError {
    /// Whether the same call may succeed later: the server was away, busy, or chose this transaction to end a deadlock.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Database(error) => is_transient(error),
            Self::Corrupt { .. } | Self::Vanished { .. } => false,
        }
    }
}

impl StoreError {
    /// Whether the data is at fault (classes 22 and 23), so that the same batch fails again until its row is found.
    #[must_use]
    pub fn is_data_fault(&self) -> bool {
        let Self::Database(sqlx::Error::Database(error)) = self else { return false };
        error.code().is_some_and(|code| code.starts_with("22") || code.starts_with("23"))
    }
}

/// Classes 08 (connection), 40 (rollback), 53 (resources), 55P03 (lock), 57 (operator) pass with time.
pub(crate) fn is_transient(error: &sqlx::Error) -> bool {
    if let Some(code) = error.as_database_error().and_then(sqlx::error::DatabaseError::code) {
        return ["08", "40", "53", "57"].iter().any(|class| code.starts_with(class)) || code == "55P03";
    }
    matches!(error, sqlx::Error::Io(_) | sqlx::Error::PoolTimedOut | sqlx::Error::Protocol(_))
}

/// The database as the serving role sees it.
#[derive(Debug, Clone)]
pub struct Store {
    pool: PgPool,
    feed_wake: Arc<feed_wake::FeedWake>,
}

/// Why a store could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// No connection.
    #[error("cannot connect to the database")]
    Connect(#[from] sqlx::Error),
    /// The role must not serve.
    #[error(transparent)]
    Unfit(#[from] Unfit),
    /// The schema is not this program's.
    #[error(transparent)]
    Schema(#[from] schema::WrongSchema),
}

impl Store {
    /// Connects as the serving role with at most `connections`, after checking that the role owns nothing, cannot
    /// bypass row-level security, and that the schema is this program's.
    ///
    /// # Errors
    /// [`OpenError`]; nothing is served then.
    pub async fn open(options: PgConnectOptions, connections: u32) -> Result<Self, OpenError> {
        // A client that stalls in the middle of a transaction must not hold its locks for good.
        let options = options.options([
            ("timezone", "UTC"),
            ("idle_in_transaction_session_timeout", "60s"),
            ("lock_timeout", "20s"),
            ("statement_timeout", "120s"),
        ]);
        let pool = PgPoolOptions::new()
            .max_connections(connections)
            .acquire_timeout(Duration::from_secs(10))
            .test_before_acquire(false)
            .before_acquire(|connection, meta| {
                Box::pin(async move {
                    // After a restart of the server every idle connection is dead; a busy one would have noticed.
                    if meta.idle_for > Duration::from_secs(1) {
                        connection.ping().await?;
                    }
                    Ok(true)
                })
            })
            .after_release(|connection, _| Box::pin(tenant_tx::has_no_company(connection)))
            .connect_with(options)
            .await?;
        let mut connection = pool.acquire().await?;
        serving_role::check(&mut connection).await?;
        schema::check(&mut connection).await?;
        drop(connection);
        Ok(Self { pool, feed_wake: Arc::default() })
    }

    /// Begins a transaction on one company's tables.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn begin(&self, access: &CompanyAccess) -> Result<TenantTx, StoreError> {
        TenantTx::begin(self, access, Sight::Latest).await
    }

    /// Begins a transaction whose statements all see the company as its first one did. Changing a row that somebody else
    /// changed meanwhile fails and passes ([`StoreError::is_transient`]).
    ///
    /// # Errors
    /// When the database is away.
    pub async fn begin_frozen(&self, access: &CompanyAccess) -> Result<TenantTx, StoreError> {
        TenantTx::begin(self, access, Sight::Frozen).await
    }

    /// Closes every connection.
    pub async fn close(&self) {
        self.pool.close().await;
    }
}
