//! Fetching the people and grants of the company: a small request a minute, beside the session.
//!
//! So a grant, or its end, reaches an agent in touch within a minute, and one that is not goes on by its lease.

use std::sync::Arc;
use std::time::Duration;

use shared_model::{CompanyId, EdgeId};
use sync_protocol::authority::BadBundle;
use sync_protocol::message::{self, BundleHead, BundleRequest};
use sync_protocol::sign::public_key;
use tokio_util::sync::CancellationToken;

use super::Sync;
use super::client::{Client, ClientError};
use super::key;
use super::url::CloudUrl;
use crate::store::{Meta, StoreError};

/// How often the bundle is asked for. Somewhat less than a minute, so that a minute is kept.
const EVERY: Duration = Duration::from_secs(50);
/// How much of that may be added, so that not all agents ask at once.
const JITTER_MS: u64 = 8_000;

/// Why there is no bundle.
#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    /// The cloud did not answer, or refused.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// What came is not taken.
    #[error(transparent)]
    Bundle(#[from] BadBundle),
    /// The enrolment's key cannot be read.
    #[error(transparent)]
    Key(#[from] key::KeyError),
    /// The store's.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What asking for the bundle came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fetched {
    /// Nobody has enrolled this agent, or the cloud has retired it.
    NotEnrolled,
    /// What is kept is of the present epoch and young.
    Unchanged,
    /// It was taken.
    Taken,
}

/// What a request needs.
struct Enrolment {
    edge: EdgeId,
    company: CompanyId,
    url: CloudUrl,
    public: String,
    bundle_key: String,
    has: BundleRequest,
}

impl Sync {
    /// Fetches the bundle until `stop` is cancelled.
    pub async fn keep_bundle(self, stop: CancellationToken) {
        while !stop.is_cancelled() {
            let mut events = self.store.listen();
            let fetched = self.fetch_bundle().await;
            if let Err(error) = &fetched {
                // The session says loudly what is wrong with the cloud; this is only its echo.
                tracing::debug!(%error, "sync: the people of the company were not fetched");
            }
            // Whoever has just enrolled does not wait for it.
            let alone = matches!(fetched, Ok(Fetched::NotEnrolled));
            let mut random = [0; 8];
            self.entropy.fill(&mut random);
            let jitter = Duration::from_millis(u64::from_le_bytes(random) % JITTER_MS);
            tokio::select! {
                () = stop.cancelled() => return,
                () = super::sync_changed(&mut events), if alone => {}
                () = tokio::time::sleep(EVERY + jitter) => {}
            }
        }
    }

    /// Fetches the bundle once.
    ///
    /// # Errors
    /// [`BundleError`]; what is kept stays then.
    pub async fn fetch_bundle(&self) -> Result<Fetched, BundleError> {
        let Some(enrolment) = self.enrolment().await? else { return Ok(Fetched::NotEnrolled) };
        let key = key::load(&self.folder, &enrolment.public)?;
        let Enrolment { edge, company, url, bundle_key, has, .. } = enrolment;
        let client = Client::new(url, &self.cloud, key, Some(edge), Arc::clone(&self.clock))?;
        let answer = client.get(&format!("{}?{}", message::BUNDLE, has.query())).await?;
        let (_, signed) = BundleHead::unpack(&answer.body).map_err(ClientError::from)?;
        let Some(signed) = signed else { return Ok(Fetched::Unchanged) };
        let key = public_key(&bundle_key).map_err(|_| BadBundle::Signature)?;
        let bundle = signed.open(&key, company, edge)?;
        let epoch = bundle.epoch;
        self.store.write(move |tx| tx.take_bundle(&signed, &bundle)).await??;
        tracing::info!(epoch, "sync: the people of the company are known");
        Ok(Fetched::Taken)
    }

    async fn enrolment(&self) -> Result<Option<Enrolment>, StoreError> {
        self.store
            .read(|tx| {
                let bundle = tx.bundle()?.map(|bundle| (bundle.epoch, bundle.issued_at));
                let url = tx.meta(Meta::CLOUD_URL)?.and_then(|url| url.parse().ok());
                let known = (tx.meta(Meta::EDGE)?, tx.meta(Meta::COMPANY)?, url);
                let keys = (tx.meta(Meta::EDGE_KEY)?, tx.meta(Meta::BUNDLE_KEY)?);
                let retired = tx.meta(Meta::RETIRED)?.is_some();
                Ok(match (known, keys) {
                    ((Some(edge), Some(company), Some(url)), (Some(public), Some(bundle_key)))
                        if !retired =>
                    {
                        Some(Enrolment {
                            edge,
                            company,
                            url,
                            public,
                            bundle_key,
                            has: BundleRequest::of(bundle),
                        })
                    }
                    _ => None,
                })
            })
            .await
    }
}
