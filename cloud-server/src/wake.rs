//! Which companies have something new for the program's own workers.
//!
//! A hint, not a queue: the work itself is in the database, and a worker looks there by itself from time to time.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use shared_model::CompanyId;
use tokio::sync::Notify;

/// Companies that were named since somebody last asked.
#[derive(Debug, Default)]
pub struct Wake {
    companies: Mutex<BTreeSet<CompanyId>>,
    notify: Notify,
}

impl Wake {
    /// Names a company, after the commit of what is new there.
    pub fn company(&self, company: CompanyId) {
        self.companies.lock().unwrap_or_else(PoisonError::into_inner).insert(company);
        self.notify.notify_one();
    }

    /// Takes the companies that were named until now.
    pub fn named(&self) -> BTreeSet<CompanyId> {
        std::mem::take(&mut *self.companies.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Waits until a company was named and takes all that were. For one waiting worker.
    pub async fn next(&self) -> BTreeSet<CompanyId> {
        loop {
            let named = self.named();
            if !named.is_empty() {
                return named;
            }
            self.notify.notified().await;
        }
    }
}
