//! The way to the cloud: enrolment, sessions, what waits.
//!
//! ```text
//! not enrolled ── enroll() ──> say hello ──> push both logs, records first ──> wait for more, or the next hello
//!                                  │         a request for the next page of the feed, which the cloud holds, beside it
//!                                  ^                       │
//!                                  └── pause (full jitter, 1 s … 5 min; a timer, not an event) <── anything unexpected
//! ```
//!
//! Collecting never waits for any of this. A row counts as delivered only when the cloud has answered this session's push
//! with it, and the answer is on disk; after a crash at any point the next hello finds out where both sides stand.

pub mod boot;
pub mod bundle;
pub mod client;
mod digest;
pub mod enroll;
pub mod key;
mod reading;
mod session;
pub mod status;
pub mod url;
mod work;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use shared_model::{Clock, Entropy};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio_util::sync::CancellationToken;

use crate::backoff::Backoff;
use crate::config::CloudConfig;
use crate::run::Agent;
use crate::store::{Meta, Store, StoreError, StoreEvent};

pub use session::Ended;

use status::Trouble;

/// The first pause after a failure.
const RETRY_FIRST: Duration = Duration::from_secs(1);
/// The longest.
const RETRY_LONGEST: Duration = Duration::from_secs(5 * 60);
/// How often a cloud that cannot or will not go on is asked again.
const ASK_AGAIN: Duration = Duration::from_secs(15 * 60);
/// How often the store is asked whether somebody enrolled, beside being told.
const NOT_ENROLLED: Duration = Duration::from_secs(30);

/// What syncing needs of the agent.
#[derive(Clone)]
pub struct Sync {
    /// The data folder, where the key is.
    pub folder: PathBuf,
    /// The store.
    pub store: Store,
    /// The way out.
    pub cloud: CloudConfig,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub entropy: Arc<dyn Entropy>,
}

impl std::fmt::Debug for Sync {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sync").field("folder", &self.folder).finish_non_exhaustive()
    }
}

impl Sync {
    /// Sync for a running agent.
    #[must_use]
    pub fn of(agent: &Agent) -> Self {
        Self {
            folder: agent.folder.clone(),
            store: agent.store.clone(),
            cloud: agent.config.cloud.clone(),
            clock: Arc::clone(&agent.clock),
            entropy: Arc::clone(&agent.entropy),
        }
    }

    /// Syncs until `stop` is cancelled.
    pub async fn run(self, stop: CancellationToken) {
        let mut backoff = Backoff::new(RETRY_FIRST, RETRY_LONGEST);
        let mut told = digest::Told::default();
        let mut stales = 0;
        while !stop.is_cancelled() {
            let mut events = self.store.listen();
            let ended = tokio::select! {
                () = stop.cancelled() => return,
                ended = session::run(&self, &mut backoff, &mut told, &mut stales) => ended,
            };
            let pause = match &ended {
                Ended::NotEnrolled => NOT_ENROLLED,
                Ended::Over => Duration::ZERO,
                Ended::Failed { least, .. } => backoff.next_pause(&*self.entropy).max(*least),
                Ended::Told(..) | Ended::Retired(_) => ASK_AGAIN,
            };
            self.note(&ended).await;
            // Of the waits, only those for a person end early.
            let by_person = matches!(ended, Ended::NotEnrolled | Ended::Retired(_));
            tokio::select! {
                () = stop.cancelled() => return,
                () = sync_changed(&mut events), if by_person => {}
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    /// Keeps for people how the last session ended.
    async fn note(&self, ended: &Ended) {
        let (error, trouble, retired) = match ended {
            Ended::NotEnrolled | Ended::Over => return,
            Ended::Failed { cause, trouble, .. } | Ended::Told(cause, trouble) => {
                (cause.clone(), *trouble, None)
            }
            Ended::Retired(reason) => (reason.clone(), Trouble::Other, Some(reason.clone())),
        };
        tracing::warn!(error = %error, "sync: the session ended");
        let noted = self.store.write(move |tx| {
            let unchanged =
                tx.meta(Meta::SYNC_ERROR)?.as_ref() == Some(&error) && tx.meta(Meta::RETIRED)? == retired;
            if !unchanged {
                tx.set_meta(Meta::SYNC_ERROR, &error)?;
                tx.set_meta(Meta::SYNC_TROUBLE, &trouble.as_str().to_owned())?;
                if let Some(reason) = &retired {
                    tx.set_meta(Meta::RETIRED, reason)?;
                }
                tx.tell(StoreEvent::Sync);
            }
            Ok::<(), StoreError>(())
        });
        if let Err(error) = noted.await {
            tracing::error!(error = %error, "sync: its state could not be noted");
        }
    }
}

/// Waits until somebody changed what concerns sync; a lost event costs the rest of the pause.
async fn sync_changed(events: &mut Receiver<StoreEvent>) {
    loop {
        match events.recv().await {
            Ok(StoreEvent::Sync) | Err(RecvError::Lagged(_)) => return,
            Ok(_) => {}
            Err(RecvError::Closed) => std::future::pending().await,
        }
    }
}

#[cfg(test)]
mod tests;
