//! Waiting for a company's feed to grow.
//!
//! A hint, not a queue: whoever waits looks into the feed by itself after a while. Within a process the hint is direct. To
//! other processes on the same database it goes by NOTIFY, after the commit and on a connection of its own: inside the
//! writing transaction it would put all commits into one line. A server sends what gathers in a moment as one message;
//! a command sends its own.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use parking_lot::Mutex;
use shared_model::{CompanyId, Entropy};
use sqlx::postgres::{PgListener, PgPool};
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::Store;

/// The channel's name.
const CHANNEL: &str = "muster_feed";
/// How long companies are gathered into one message.
const GATHER: Duration = Duration::from_millis(50);
/// Companies in one message; PostgreSQL takes 8000 bytes.
const MESSAGE: usize = 200;
/// The wait before a lost connection is tried again.
const RETRY: Duration = Duration::from_secs(2);

/// Who waits for which company, and the way to other processes.
#[derive(Debug, Default)]
pub(super) struct FeedWake {
    waiting: Mutex<HashMap<CompanyId, watch::Sender<()>>>,
    outgoing: Mutex<Option<mpsc::UnboundedSender<CompanyId>>>,
    ended: CancellationToken,
}

/// One who waits for a company's feed.
#[derive(Debug)]
pub struct FeedGrowth {
    receiver: watch::Receiver<()>,
    ended: CancellationToken,
}

impl FeedGrowth {
    /// Waits until the feed has grown since it was last asked, or since this was made. Says whether it is worth to wait
    /// again: not when the server ends.
    pub async fn wait(&mut self) -> bool {
        tokio::select! {
            changed = self.receiver.changed() => changed.is_ok(),
            () = self.ended.cancelled() => false,
        }
    }
}

impl FeedWake {
    fn of(&self, company: CompanyId) -> FeedGrowth {
        let mut waiting = self.waiting.lock();
        waiting.retain(|_, sender| sender.receiver_count() > 0);
        let receiver = waiting.entry(company).or_insert_with(|| watch::channel(()).0).subscribe();
        FeedGrowth { receiver, ended: self.ended.clone() }
    }

    fn here(&self, company: CompanyId) {
        if let Some(sender) = self.waiting.lock().get(&company) {
            sender.send_replace(());
        }
    }

    /// Tells everybody, after the commit.
    pub(super) async fn grown(&self, pool: &PgPool, company: CompanyId) {
        self.here(company);
        let relayed = self.outgoing.lock().as_ref().is_some_and(|outgoing| outgoing.send(company).is_ok());
        if !relayed {
            send(pool, "", &[company]).await;
        }
    }
}

impl Store {
    /// Waits for a company's feed. To be made before the feed is looked at, so that nothing is missed in between.
    #[must_use]
    pub fn feed_growth(&self, company: CompanyId) -> FeedGrowth {
        self.feed_wake.of(company)
    }

    /// Carries hints between the servers on this database until it is stopped; then nobody here waits any longer.
    pub async fn relay_feed_growth(self, entropy: &(impl Entropy + ?Sized), stop: CancellationToken) {
        let mut name = [0; 8];
        entropy.fill(&mut name);
        let name = hex::encode(name);
        let (outgoing, mut told) = mpsc::unbounded_channel();
        *self.feed_wake.outgoing.lock() = Some(outgoing);
        tokio::select! {
            () = stop.cancelled() => {}
            () = self.listen(&name) => {}
            () = async {
                while let Some(first) = told.recv().await {
                    tokio::time::sleep(GATHER).await;
                    let mut companies = BTreeSet::from([first]);
                    while let Ok(company) = told.try_recv() {
                        companies.insert(company);
                    }
                    let companies: Vec<CompanyId> = companies.into_iter().collect();
                    for some in companies.chunks(MESSAGE) {
                        send(&self.pool, &name, some).await;
                    }
                }
            } => {}
        }
        *self.feed_wake.outgoing.lock() = None;
        self.feed_wake.ended.cancel();
    }

    async fn listen(&self, name: &str) {
        loop {
            if let Err(error) = self.hear(name).await {
                tracing::debug!(%error, "hints of other servers are not heard");
            }
            tokio::time::sleep(RETRY).await;
        }
    }

    async fn hear(&self, name: &str) -> Result<(), sqlx::Error> {
        let mut listener = PgListener::connect_with(&self.pool).await?;
        listener.listen(CHANNEL).await?;
        loop {
            let notification = listener.recv().await?;
            let Some((sender, companies)) = notification.payload().split_once(':') else { continue };
            if sender == name {
                continue;
            }
            for company in companies.split(',').filter_map(|text| Uuid::parse_str(text).ok()) {
                self.feed_wake.here(CompanyId::from_uuid(company));
            }
        }
    }
}

/// A message that is lost costs a wait, not a row.
async fn send(pool: &PgPool, name: &str, companies: &[CompanyId]) {
    let list: Vec<String> = companies.iter().map(|company| company.uuid().to_string()).collect();
    let sent = sqlx::query("SELECT pg_notify($1, $2)")
        .bind(CHANNEL)
        .bind(format!("{name}:{}", list.join(",")))
        .execute(pool)
        .await;
    if let Err(error) = sent {
        tracing::debug!(%error, "other servers were not told");
    }
}
