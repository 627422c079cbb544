//! Which companies have something new for the program's own workers.
//!
//! A hint, not a queue: the work itself is in the database, and a worker looks there by itself from time to time.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use shared_model::CompanyId;
use tokio::sync::Notify;

/// What is new at a company.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum News {
    /// All that was sent is there.
    Whole,
    /// More is on its way: a backlog comes in.
    Part,
}

/// Companies that were named since somebody last asked.
#[derive(Debug, Default)]
pub struct Wake {
    companies: Mutex<BTreeMap<CompanyId, News>>,
    notify: Notify,
}

impl Wake {
    /// Names a company, after the commit of what is new there.
    pub fn company(&self, company: CompanyId) {
        self.name(company, News::Whole);
    }

    /// Names a company, after the commit of a part of what comes in there.
    pub fn backlog(&self, company: CompanyId) {
        self.name(company, News::Part);
    }

    fn name(&self, company: CompanyId, news: News) {
        let mut companies = self.companies();
        let known = companies.entry(company).or_insert(news);
        *known = news.max(*known);
        drop(companies);
        self.notify.notify_one();
    }

    /// Takes the companies that were named until now.
    pub fn named(&self) -> BTreeMap<CompanyId, News> {
        std::mem::take(&mut *self.companies())
    }

    /// Waits until a company was named and takes all that were. For one waiting worker.
    pub async fn next(&self) -> BTreeMap<CompanyId, News> {
        loop {
            let named = self.named();
            if !named.is_empty() {
                return named;
            }
            self.notify.notified().await;
        }
    }

    fn companies(&self) -> MutexGuard<'_, BTreeMap<CompanyId, News>> {
        self.companies.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
