//! After the database was put back to an earlier time (sync.md 2.9).
//!
//! Places in the feed and numbers of the cloud's own log may have been given out after that time: edges know them, the
//! database does not. So each company's feed begins a new epoch, the cloud writes under a new origin, and every edge begins
//! a new life at its next hello and sends again what this database lacks. What had been ended since (sessions, one-time
//! tokens and codes) would be alive again: all of it ends.

use serde_json::json;
use shared_model::{CompanyId, Entropy};
use sync_protocol::Origin;

use super::audit::{self, Author, Entry};
use super::{CompanyAccess, Store, StoreError, TenantTx, feed, origin};

/// A company whose feed began a new epoch.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct NewEpoch {
    /// Which.
    pub company: CompanyId,
    /// Its name.
    pub name: String,
    /// The epoch that begins.
    pub epoch: u32,
    /// The cloud's origin that ends, at which place of its log.
    pub closed: (Origin, i64),
    /// The cloud's origin that begins.
    pub origin: Origin,
}

/// What was ended, in numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize)]
pub struct Ended {
    /// Sessions: everybody signs in again.
    pub sessions: u64,
    /// One-time tokens for a first password.
    pub tokens: u64,
    /// Unused codes of edges and phones.
    pub codes: u64,
}

impl Store {
    /// Begins a new epoch for every company and ends what must not come alive again. Doing it again does no harm.
    ///
    /// # Errors
    /// The database's; companies done before it stay done.
    pub async fn restored(
        &self,
        author: Author,
        entropy: &(impl Entropy + ?Sized),
    ) -> Result<(Vec<NewEpoch>, Ended), StoreError> {
        let mut begun = Vec::new();
        for company in self.companies().await? {
            let mut tx = self.begin(&CompanyAccess::of_operator(company.company_id, author.actor)).await?;
            begun.push(begin_epoch(&mut tx, company.name, author, entropy).await?);
            tx.commit().await?;
        }
        let mut tx = self.pool.begin().await?;
        let ended = Ended {
            sessions: sqlx::query("DELETE FROM session").execute(&mut *tx).await?.rows_affected(),
            tokens: sqlx::query("DELETE FROM password_token").execute(&mut *tx).await?.rows_affected(),
            // A used one answers the edge that used it; it is not good for another.
            codes: sqlx::query("DELETE FROM enrolment_code WHERE used_at IS NULL")
                .execute(&mut *tx)
                .await?
                .rows_affected()
                + sqlx::query("DELETE FROM mobile_code WHERE used_at IS NULL")
                    .execute(&mut *tx)
                    .await?
                    .rows_affected(),
        };
        let entry =
            Entry::new("cloud.restored", "database").after(&json!({ "epochs": begun, "ended": ended }));
        audit::write_operator(&mut tx, author, None, &entry).await?;
        tx.commit().await?;
        Ok((begun, ended))
    }
}

async fn begin_epoch(
    tx: &mut TenantTx,
    name: String,
    author: Author,
    entropy: &(impl Entropy + ?Sized),
) -> Result<NewEpoch, StoreError> {
    let origin = Origin::mint(entropy);
    let (former, epoch) = feed::begin_epoch(tx, origin).await?;
    let applied = origin::close(tx, former).await?;
    origin::open(tx, origin, None, epoch, author.at).await?;
    // What edges were told before is answered by this.
    sqlx::query("UPDATE edge SET hello = hello - 'verdict' WHERE company_id = $1")
        .bind(tx.company())
        .execute(tx.connection())
        .await?;
    let begun = NewEpoch { company: tx.company(), name, epoch, closed: (former, applied), origin };
    let entry = Entry::new("cloud.restored", tx.company().to_string())
        .before(&json!({ "epoch": epoch - 1, "origin": former, "applied": applied }))
        .after(&json!({ "epoch": epoch, "origin": origin }));
    audit::write(tx, author, &[entry]).await?;
    Ok(begun)
}
