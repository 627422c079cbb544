//! The only way to a company's tables.

use shared_model::{ActorId, CompanyId};
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Postgres, Transaction};

use super::{CompanyAccess, Store, StoreError};

/// A transaction in which row-level security shows one company's rows and takes rows of that company only.
///
/// Dropping it rolls back.
#[derive(Debug)]
pub struct TenantTx {
    tx: Transaction<'static, Postgres>,
    access: CompanyAccess,
    store: Store,
    feed_grows: bool,
}

/// What a transaction sees of others that commit meanwhile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sight {
    /// Each statement sees what was committed before it.
    Latest,
    /// Every statement sees what the first one saw.
    Frozen,
}

impl TenantTx {
    pub(super) async fn begin(
        store: &Store,
        access: &CompanyAccess,
        sight: Sight,
    ) -> Result<Self, StoreError> {
        let mut tx = store.pool.begin().await?;
        // A literal, because set_config() does not reach the workers of a distributed PostgreSQL; it is the text of a
        // typed UUID. LOCAL, because a setting that outlives the transaction would be the next borrower's.
        let isolation = match sight {
            Sight::Latest => "",
            Sight::Frozen => "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ; ",
        };
        let set = format!("{isolation}SET LOCAL app.company_id = '{}'", access.company().uuid());
        sqlx::raw_sql(AssertSqlSafe(set)).execute(&mut *tx).await?;
        Ok(Self { tx, access: *access, store: store.clone(), feed_grows: false })
    }

    /// The company.
    #[must_use]
    pub fn company(&self) -> CompanyId {
        self.access.company()
    }

    /// Who acts in it.
    #[must_use]
    pub fn actor(&self) -> ActorId {
        self.access.actor()
    }

    /// The connection, for statements of the store's own modules.
    pub fn connection(&mut self) -> &mut PgConnection {
        &mut self.tx
    }

    /// Makes everything done in it last.
    ///
    /// # Errors
    /// When the commit fails; then nothing of it lasts, unless the connection broke in the very commit.
    pub async fn commit(self) -> Result<(), StoreError> {
        let Self { tx, access, store, feed_grows } = self;
        tx.commit().await?;
        if feed_grows {
            store.feed_wake.grown(&store.pool, access.company()).await;
        }
        Ok(())
    }

    /// Notes that places of the feed were taken: whoever waits for them is told after the commit.
    pub(super) fn feed_grows(&mut self) {
        self.feed_grows = true;
    }

    /// Undoes everything done in it.
    ///
    /// # Errors
    /// When the connection broke; it is undone then too.
    pub async fn rollback(self) -> Result<(), StoreError> {
        Ok(self.tx.rollback().await?)
    }
}

/// The pool's check of a connection that comes back: one that still names a company is closed, not lent again.
pub(super) async fn has_no_company(connection: &mut PgConnection) -> Result<bool, sqlx::Error> {
    let left: Option<String> =
        sqlx::query_scalar("SELECT NULLIF(current_setting('app.company_id', true), '')")
            .fetch_one(connection)
            .await?;
    if left.is_some() {
        tracing::error!("a connection came back with a company set; closing it");
    }
    Ok(left.is_none())
}
