//! Enrolment: a one-time code from the cloud makes this agent one of its company's edges.
//!
//! The key is on disk before the code is spent, so that a lost answer costs nothing: the same code with the same key gives
//! the same edge again. What was collected before stays and is sent from the beginning; a company and a site that were
//! founded here become the enrolment's ([`Rekey`]).

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use shared_model::entity::{Company, Site};
use shared_model::{Clock, CompanyId, EdgeId, Entropy, FieldTag, SiteId};
use sync_protocol::body::{BadBody, pack_message, unpack_message};
use sync_protocol::message::{self, EnrollReply, EnrollRequest, FeedRecord, PROTOCOL};
use sync_protocol::sign::public_key_text;
use sync_protocol::{Origin, Stream};

use uuid::Uuid;

use super::boot::{self, TokenFile};
use super::client::{Client, ClientError};
use super::key::{self, KeyError};
use super::status::Trouble;
use super::url::CloudUrl;
use crate::config::CloudConfig;
use crate::store::{Author, Meta, ReadTx, Rekey, Store, StoreError, StoreEvent, WriteTx};

/// What a person gives.
#[derive(Debug, Clone)]
pub struct Application {
    /// Where the cloud is.
    pub url: CloudUrl,
    /// The one-time code as typed.
    pub code: String,
    /// What to call this agent.
    pub name: String,
}

/// What this agent now is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Enrolled {
    /// Its id.
    pub edge: EdgeId,
    /// Its company.
    pub company: CompanyId,
    /// The company's name.
    pub company_name: String,
    /// The site it stands at.
    pub site: Option<SiteId>,
    /// Sites founded here that became sites of the cloud, by their code or as the only one.
    #[serde(default)]
    pub joined: Vec<JoinedSite>,
}

/// A site that was founded here and was joined with one of the cloud's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JoinedSite {
    /// What it was called here, with its code.
    pub here: String,
    /// What it is called in the cloud, with its code.
    pub cloud: String,
}

/// Why this agent is not enrolled.
#[derive(Debug, thiserror::Error)]
pub enum EnrollError {
    /// It is already.
    #[error("this agent is enrolled already, as edge {0}: retire it in the cloud first")]
    Already(EdgeId),
    /// It belonged to another company, whose data it holds.
    #[error("this agent holds the data of another company: enrol a fresh data folder instead")]
    OtherCompany,
    /// The cloud did not take it or could not be asked.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// Its key cannot be kept.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<BadBody> for EnrollError {
    fn from(cause: BadBody) -> Self {
        Self::Client(cause.into())
    }
}

/// Enrols this agent.
///
/// # Errors
/// [`EnrollError`] tells what to do.
pub async fn enroll(
    store: &Store,
    folder: &Path,
    config: &CloudConfig,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    application: &Application,
) -> Result<Enrolled, EnrollError> {
    let known = |tx: &ReadTx| Ok((tx.meta(Meta::EDGE)?, tx.meta(Meta::RETIRED)?, tx.sync_trouble()?));
    let (edge, retired, trouble) = store.read(known).await?;
    // A cloud that was put back to a time before the enrolment cannot retire what it does not know.
    if let (Some(edge), None) = (edge, retired)
        && trouble != Some(Trouble::Unknown)
    {
        return Err(EnrollError::Already(edge));
    }
    let key = key::prepare(folder, &*entropy)?;
    let public = public_key_text(&key.verifying_key());
    let client = Client::new(application.url.clone(), config, key, None, clock)?;
    let request = EnrollRequest {
        code: application.code.trim().to_owned(),
        public_key: public.clone(),
        name: application.name.clone(),
        app_version: env!("CARGO_PKG_VERSION").to_owned(),
        protocol: PROTOCOL,
        capabilities: super::session::capabilities(),
    };
    let body = pack_message(&request).map_err(ClientError::Write)?;
    let answer = match client.post(message::ENROLL, body).await {
        Ok(answer) => answer,
        Err(error) => {
            // After any other failure the cloud may have taken it: the same key makes the next try the same enrolment.
            if matches!(error, ClientError::Refused(_)) && !error.is_transient() {
                key::discard(folder);
            }
            return Err(error.into());
        }
    };
    let reply: EnrollReply = unpack_message(&answer.body)?;
    client.learn(&answer, reply.server_time);

    crate::fault_point!("sync.enroll_answered");
    let url = application.url.to_string();
    let new_origin = Origin::mint(&*entropy);
    let outcome = store.write(move |tx| accept(tx, &reply, &url, &public, new_origin)).await;
    let enrolled = outcome?.ok_or(EnrollError::OtherCompany)?;
    key::settle(folder)?;
    let (store, file) = (store.clone(), TokenFile::of(folder));
    let remembered = tokio::task::spawn_blocking(move || boot::remember(&store, &file)).await;
    remembered.unwrap_or(Err(StoreError::Panicked))?;
    Ok(enrolled)
}

/// Stores an enrolment; `None` for one of another company than the one whose data is here.
fn accept(
    tx: &WriteTx,
    reply: &EnrollReply,
    url: &str,
    public: &str,
    new_origin: Origin,
) -> Result<Option<Enrolled>, StoreError> {
    if tx.meta(Meta::COMPANY)?.is_some_and(|company| company != reply.company_id) {
        return Ok(None);
    }
    let former = tx.meta(Meta::EDGE)?;
    if former.is_some() {
        // The former enrolment's origin stays its own. The cloud has what it acknowledged under it.
        let acked = |stream| Ok::<_, StoreError>((stream, tx.stream(stream)?.acked));
        let common: BTreeMap<Stream, i64> = Stream::ALL.into_iter().map(acked).collect::<Result<_, _>>()?;
        if let Some(former) = tx.meta(Meta::ORIGIN)? {
            tx.re_origin(former, new_origin, &common)?;
        }
        tx.set_meta(Meta::LEASE_NO, &0)?;
        // The scope of another enrolment: what is in it comes as a snapshot.
        tx.set_meta(Meta::SCOPE_VER, &0)?;
    }
    tx.set_meta(Meta::COMPANY, &reply.company_id)?;
    tx.set_meta(Meta::EDGE, &reply.edge_id)?;
    tx.set_meta(Meta::EDGE_KEY, &public.to_owned())?;
    tx.set_meta(Meta::CLOUD_URL, &url.to_owned())?;
    if let Some(key) = &reply.bundle_key {
        tx.set_meta(Meta::BUNDLE_KEY, key)?;
    }
    tx.clear_meta(Meta::RETIRED)?;
    tx.clear_meta(Meta::SYNC_ERROR)?;
    let rekey = if former.is_none() { founded_here(tx, reply)? } else { Rekey::default() };
    let joined = joined(tx, reply, &rekey)?;
    for record in &reply.records {
        if let Err(error) = tx.take_from_feed(record.clone()) {
            // The feed brings it again; without it the agent can still collect.
            tracing::warn!(error = %error, kind = record.kind, "a record that came with the enrolment is left out");
        }
    }
    let site = match tx.meta(Meta::SITE)? {
        Some(own) => {
            rekey.iter().find(|(here, _)| *here == own.uuid()).map(|(_, cloud)| SiteId::from_uuid(cloud))
        }
        None => None,
    };
    if let (false, Some(origin)) = (rekey.is_empty(), tx.meta(Meta::ORIGIN)?) {
        // Nothing was sent yet: all of it is told by the keys of the cloud.
        tx.origin_of_enrolment(origin, new_origin, &rekey)?;
    }
    let site = site.map_or_else(|| self::site(tx, &reply.sites), |site| Ok(Some(site)))?;
    if let Some(site) = site {
        tx.set_meta(Meta::SITE, &site)?;
    }
    let adopted: BTreeMap<String, String> =
        rekey.iter().map(|(here, cloud)| (here.to_string(), cloud.to_string())).collect();
    let after = serde_json::json!({ "company": reply.company_id, "cloud": url, "keys": adopted }).to_string();
    let Author { actor, via } = Author::CONSOLE;
    tx.audit(actor, via, "edge.enrol", &reply.edge_id.to_string(), "", &after)?;
    tx.tell(StoreEvent::Sync);
    Ok(Some(Enrolled {
        edge: reply.edge_id,
        company: reply.company_id,
        company_name: reply.company.clone(),
        site,
        joined,
    }))
}

/// The company and the sites that were founded here and that the enrolment names: its own site is the named one of the
/// same code, else the first; further ones are only taken for one of the same code.
fn founded_here(tx: &WriteTx, reply: &EnrollReply) -> Result<Rekey, StoreError> {
    let mut rekey = Rekey::default();
    for company in tx.records::<Company>()? {
        if company.id != reply.company_id {
            rekey.take(company.id, reply.company_id);
        }
    }
    let code_of =
        |record: &FeedRecord| Some((record.key, record.fields.get(&FieldTag(2))?.as_str()?.to_lowercase()));
    let codes: BTreeMap<Uuid, String> = reply.records.iter().filter_map(code_of).collect();
    let mut free: Vec<SiteId> = reply.sites.clone();
    let own = tx.meta(Meta::SITE)?;
    let mut sites = tx.records::<Site>()?;
    sites.retain(|site| !reply.sites.contains(&site.id));
    sites.sort_by_key(|site| (Some(site.id) != own, site.id));
    for site in sites {
        let code = site.record.code.as_str().to_lowercase();
        let same = free.iter().position(|named| codes.get(&named.uuid()) == Some(&code));
        let first = (Some(site.id) == own && !free.is_empty()).then_some(0);
        if let Some(at) = same.or(first) {
            rekey.take(site.id, free.remove(at));
        }
    }
    Ok(rekey)
}

/// The sites founded here that become sites of the cloud, in words, before their records are rewritten.
fn joined(tx: &WriteTx, reply: &EnrollReply, rekey: &Rekey) -> Result<Vec<JoinedSite>, StoreError> {
    let mut joined = Vec::new();
    for site in tx.records::<Site>()? {
        let Some((_, cloud)) = rekey.iter().find(|(here, _)| *here == site.id.uuid()) else { continue };
        let words = |record: &FeedRecord| {
            let text = |tag| record.fields.get(&FieldTag(tag)).and_then(serde_json::Value::as_str);
            Some(format!("{} ({})", text(1)?, text(2)?))
        };
        let named = reply.records.iter().find(|record| record.key == cloud).and_then(words);
        joined.push(JoinedSite {
            here: format!("{} ({})", site.record.name, site.record.code.as_str()),
            cloud: named.unwrap_or_else(|| cloud.to_string()),
        });
    }
    Ok(joined)
}

/// The site this agent stands at: the one founded here, else the first that the cloud names.
fn site(tx: &WriteTx, named: &[SiteId]) -> Result<Option<SiteId>, StoreError> {
    if let Some(site) = tx.meta(Meta::SITE)?
        && tx.record::<Site>(site)?.is_some()
    {
        return Ok(Some(site));
    }
    Ok(named.first().copied())
}
