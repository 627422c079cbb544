//! Attendance kept up to date, company by company.
//!
//! The queue's rows are written in the transaction of whatever changed; a row leaves it in the transaction that stores
//! its result. One worker at a time has a company's queue (an advisory lock), whatever the number of servers. What is
//! computed here is computed on the factory's edge too, from the same inputs by the same crate: digests of the months
//! are compared.

mod portion;
mod settle;
mod stray;

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use shared_model::{Clock, CompanyId};
use shift_engine::Directory;
use tokio_util::sync::CancellationToken;

use crate::store::attendance::load;
use crate::store::{CompanyAccess, Store, StoreError, TenantTx};
use crate::wake::{News, Wake};

/// How long after new punches the worker waits for more: a few large portions cost less than many small ones.
const LINGER: Duration = Duration::from_millis(300);
/// How often time alone is looked at: days that end, windows that close.
const TICK: Duration = Duration::from_secs(60);
/// Companies whose directories are kept at once.
const KEPT: usize = 64;

/// Keeps attendance up to date.
pub struct Attendance {
    store: Store,
    clock: Arc<dyn Clock>,
    wake: Arc<Wake>,
    known: HashMap<CompanyId, Known>,
}

/// What is known of a company while nothing in its records changes.
struct Known {
    version: i64,
    directory: Arc<Directory>,
    /// Whether strays were looked for under these records.
    strays_seen: bool,
}

impl std::fmt::Debug for Attendance {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Attendance").finish_non_exhaustive()
    }
}

impl Attendance {
    /// Over a store, by a clock, woken by whoever brings something new.
    #[must_use]
    pub fn new(store: Store, clock: Arc<dyn Clock>, wake: Arc<Wake>) -> Self {
        Self { store, clock, wake, known: HashMap::new() }
    }

    /// Works until it is stopped.
    pub async fn run(mut self, stop: CancellationToken) {
        let wake = Arc::clone(&self.wake);
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            let companies = tokio::select! {
                () = stop.cancelled() => return,
                named = gathered(&wake) => named,
                _ = tick.tick() => self.every_company().await,
            };
            for company in companies {
                tokio::select! {
                    () = stop.cancelled() => return,
                    outcome = self.work_off(company) => if let Err(error) = outcome {
                        // Whatever was not stored is still in the queue; the next tick comes back to it.
                        tracing::error!(company.id = %company, error = %error, "attendance could not be worked out");
                    },
                }
            }
        }
    }

    async fn every_company(&self) -> BTreeSet<CompanyId> {
        match self.store.companies().await {
            Ok(companies) => companies.into_iter().map(|company| company.company_id).collect(),
            Err(error) => {
                tracing::error!(error = %error, "the companies cannot be listed");
                BTreeSet::new()
            }
        }
    }

    /// Works off everything there is to do for a company now.
    ///
    /// # Errors
    /// The database's; what was done before it stays done.
    pub async fn work_off(&mut self, company: CompanyId) -> Result<(), StoreError> {
        // A batch of punches may be the first word of a clock: dates are asked for after it was distributed.
        while self.work_portion(company).await? {}
        self.settle_strays(company).await?;
        self.ask_for_dates(company).await?;
        while self.work_portion(company).await? {}
        Ok(())
    }

    /// Begins a transaction as the company's only worker, with its directory; `None` where another server works for it or
    /// the company has no records yet.
    ///
    /// Whoever began it ends it: the turn of a transaction that is merely dropped lasts until the pool has looked after
    /// its connection.
    async fn begin(&mut self, company: CompanyId) -> Result<Option<(TenantTx, Arc<Directory>)>, StoreError> {
        let mut tx = self.store.begin(&CompanyAccess::of_system(company)).await?;
        if load::take_turn(&mut tx).await?
            && let Some(directory) = self.directory(&mut tx).await?
        {
            return Ok(Some((tx, directory)));
        }
        tx.rollback().await?;
        Ok(None)
    }

    /// The company's directory as its records are in this transaction; `None` before it has any.
    async fn directory(&mut self, tx: &mut TenantTx) -> Result<Option<Arc<Directory>>, StoreError> {
        let company = tx.company();
        let version = load::records_version(tx).await?;
        if let Some(known) = self.known.get(&company).filter(|known| known.version == version) {
            return Ok(Some(Arc::clone(&known.directory)));
        }
        let Some(records) = load::directory(tx).await? else { return Ok(None) };
        let directory = Arc::new(Directory::new(&records));
        report_problems(company, &directory);
        if self.known.len() >= KEPT {
            self.known.clear();
        }
        let known = Known { version, directory: Arc::clone(&directory), strays_seen: false };
        self.known.insert(company, known);
        Ok(Some(directory))
    }
}

/// The companies that were named, a moment after the first was. One whose backlog comes in waits for the end of it: what
/// takes punches in goes first, and the next tick looks at every company anyhow. Given up in its middle it forgets them: for
/// who then looks at all.
async fn gathered(wake: &Wake) -> BTreeSet<CompanyId> {
    loop {
        let mut named = wake.next().await;
        tokio::time::sleep(LINGER).await;
        for (company, news) in wake.named() {
            let known = named.entry(company).or_insert(news);
            *known = news.max(*known);
        }
        let mut settled = BTreeSet::new();
        for (company, news) in named {
            match news {
                News::Whole => {
                    settled.insert(company);
                }
                News::Part => wake.company(company),
            }
        }
        if !settled.is_empty() {
            return settled;
        }
    }
}

/// Says which records are of no use as they are.
fn report_problems(company: CompanyId, directory: &Directory) {
    for (site, rules) in directory.sites() {
        for problem in rules.book().problems() {
            tracing::warn!(
                company.id = %company,
                site.id = %site,
                record.kind = problem.kind.as_str(),
                record.key = %problem.key,
                cause = %problem.error,
                "a record is left out of attendance because it cannot be read"
            );
        }
    }
}
