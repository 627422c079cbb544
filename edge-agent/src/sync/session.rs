//! One session: hello, then pushes and pulls until something unexpected happens.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::try_join_all;
use serde::de::DeserializeOwned;
use serde_json::Value;
use sync_protocol::body::{pack_message, unpack_message};
use sync_protocol::edge::{
    About, After, Next, Outgoing, Session, Stop, TWIN_STALES, answered_with_feed, leave_twin, open,
};
use sync_protocol::message::{self, Capabilities, Hello, HelloReply, Nonce, PushReply, Verdict};
use sync_protocol::{Origin, Stream};
use tokio::sync::broadcast::Receiver;
use tokio::time::Instant;
use tokio_util::task::AbortOnDropHandle;

use super::client::{Answer, Client, ClientError};
use super::digest::Told;
use super::key::{self, KeyError};
use super::reading::{Reading, Taken};
use super::status::Trouble;
use super::work::{self, Wake};
use super::{Sync, url};
use crate::backoff::Backoff;
use crate::store::{LifeCause, Meta, ReadTx, Store, StoreError, StoreEvent};

/// Hellos in a row after which something is wrong with one side.
const HELLOS: u32 = 8;

/// What this program can do beyond the protocol's number.
pub(super) fn capabilities() -> Capabilities {
    Capabilities::of(&[Capabilities::OBSERVATIONS, Capabilities::PULL])
}

/// Pushes that may be on their way at once.
const IN_FLIGHT: usize = 8;
/// A change of the clocks' difference that is worth keeping, milliseconds.
const OFFSET_STEP_MS: i64 = 500;

/// How a session ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ended {
    /// Nobody has enrolled this agent.
    NotEnrolled,
    /// After work was done, something called for the next hello at once.
    Over,
    /// It is tried again after a pause.
    Failed {
        /// What people are told.
        cause: String,
        /// The least pause.
        least: Duration,
        /// What kind of failure it is.
        trouble: Trouble,
    },
    /// The cloud told why nothing can be exchanged; it is asked again later.
    Told(String, Trouble),
    /// The cloud revoked the enrolment.
    Retired(String),
}

/// Why a session cannot go on.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    #[error(transparent)]
    Client(#[from] ClientError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Key(#[from] KeyError),
    #[error("the enrolment cannot be used: {0}")]
    Enrolment(String),
    #[error("an exchange was not brought to its end")]
    Ended,
    #[error("the cloud and this agent do not agree where they stand; {HELLOS} tries did not settle it")]
    Hellos,
}

impl From<Failure> for Ended {
    fn from(failure: Failure) -> Self {
        let cause = in_words(&failure);
        match &failure {
            Failure::Client(error) if error.is_retired() => Self::Retired(cause),
            Failure::Client(error) => {
                Self::Failed { cause, least: error.least_pause(), trouble: error.trouble() }
            }
            Failure::Store(_)
            | Failure::Key(_)
            | Failure::Enrolment(_)
            | Failure::Ended
            | Failure::Hellos => Self::Failed { cause, least: Duration::ZERO, trouble: Trouble::Other },
        }
    }
}

/// An error with its causes, in one line.
fn in_words(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        source = cause.source();
    }
    text
}

/// Runs one session to its end. `backoff` is reset when the cloud has taken something; `stales` counts hellos in a row whose
/// number had been used.
pub(super) async fn run(sync: &Sync, backoff: &mut Backoff, told: &mut Told, stales: &mut u32) -> Ended {
    match begin(sync).await {
        Ok(Some(mut line)) => match line.run(backoff, told, stales).await {
            Ok(ended) => ended,
            Err(failure) => failure.into(),
        },
        Ok(None) => Ended::NotEnrolled,
        Err(failure) => failure.into(),
    }
}

async fn begin(sync: &Sync) -> Result<Option<Line<'_>>, Failure> {
    let known = |tx: &ReadTx| Ok((tx.meta(Meta::EDGE)?, tx.meta(Meta::CLOUD_URL)?, tx.meta(Meta::EDGE_KEY)?));
    let (Some(edge), Some(url), Some(public)) = sync.store.read(known).await? else { return Ok(None) };
    let url: url::CloudUrl = url.parse().map_err(|e: url::BadCloudUrl| Failure::Enrolment(e.to_string()))?;
    let key = key::load(&sync.folder, &public)?;
    let client = Client::new(url, &sync.cloud, key, Some(edge), Arc::clone(&sync.clock))?;
    Ok(Some(Line { sync, client: Arc::new(client), events: sync.store.listen() }))
}

/// What a hello led to.
struct Opened {
    session: Session,
    /// To be waited before the first exchange.
    not_before: Duration,
    /// Whether the cloud hands out its feed.
    pulls: bool,
}

/// The line to the cloud while a session lasts.
struct Line<'a> {
    sync: &'a Sync,
    client: Arc<Client>,
    events: Receiver<StoreEvent>,
}

/// A push on its way.
struct Flight {
    push: Outgoing,
    /// Another was on its way before it, which it may overtake.
    behind: bool,
    answer: AbortOnDropHandle<Result<Answer, ClientError>>,
}

impl Line<'_> {
    fn store(&self) -> &Store {
        &self.sync.store
    }

    async fn run(
        &mut self,
        backoff: &mut Backoff,
        told: &mut Told,
        stales: &mut u32,
    ) -> Result<Ended, Failure> {
        let digest = told.again(self.store(), &*self.sync.clock).await?;
        let Opened { mut session, not_before, pulls } = match self.hello(&digest, stales).await? {
            Ok(opened) => opened,
            Err(Stop::Retired) => {
                return Ok(Ended::Retired("the cloud has retired this agent's enrolment".to_owned()));
            }
            Err(stop) => return Ok(Ended::Told(reason(stop), trouble(stop))),
        };
        tokio::time::sleep(not_before).await;
        let mut worked = false;
        let mut reading = Reading::new(self.store().clone(), Arc::clone(&self.client), pulls);
        let renew = Instant::now() + Duration::from_secs(session.limits().idle_s.into());
        loop {
            match self.drain(&mut session, &mut reading).await? {
                After::Continue => {}
                After::Hello if worked && !reading.was_refused_at_once() => return Ok(Ended::Over),
                After::Hello => {
                    // Refused at the first exchange after a hello: another disk with this origin may be talking.
                    let cause = "the cloud asks for another hello".to_owned();
                    return Ok(Ended::Failed { cause, least: Duration::ZERO, trouble: Trouble::Other });
                }
            }
            worked = true;
            backoff.reset();
            reading.ask(&session).await?;
            tokio::select! {
                wake = work::wait(&self.sync.store, &session, &mut self.events, renew) => match wake? {
                    Wake::Send => {}
                    Wake::Renew => return Ok(Ended::Over),
                },
                () = reading.arrival() => {}
            }
        }
    }

    /// Says hello until there is a session or a reason why there is none.
    async fn hello(&self, digest: &Value, stales: &mut u32) -> Result<Result<Opened, Stop>, Failure> {
        let about = About {
            app_version: env!("CARGO_PKG_VERSION").to_owned(),
            schema_ver: 1,
            capabilities: capabilities(),
        };
        let mut ask = BTreeMap::new();
        for attempt in 0..HELLOS {
            let nonce = Nonce::draw(&*self.sync.entropy);
            let wall = self.sync.clock.now().timestamp_millis();
            let mut hello = open(self.store(), &about, nonce, &ask, wall).await?;
            hello.digest = Some(digest.clone());
            let body = pack_message(&hello).map_err(ClientError::Write)?;
            let answer = self.client.post(message::HELLO, body).await?;
            let reply: HelloReply = read(&answer)?;
            self.client.learn(&answer, reply.server_time);
            self.keep_offset().await?;
            crate::fault_point!("sync.hello_answered");
            let new_origin = Origin::mint(&*self.sync.entropy);
            let next = answered_with_feed(self.store(), &hello, &reply, new_origin).await?;
            match reply.verdict {
                Verdict::Stale { .. } => *stales += 1,
                // A number that nobody had used, at the first try.
                Verdict::Ok | Verdict::Snapshot if attempt == 0 => *stales = 0,
                Verdict::Ok
                | Verdict::Snapshot
                | Verdict::Marks { .. }
                | Verdict::Fork { .. }
                | Verdict::CloudRegressed
                | Verdict::Upgrade { .. }
                | Verdict::Retired
                | Verdict::Unknown => {}
            }
            if *stales >= TWIN_STALES {
                *stales = 0;
                let rows = leave_twin(self.store(), new_origin).await?;
                self.note_new_life(&hello, &reply, new_origin, rows).await?;
                ask = BTreeMap::new();
                continue;
            }
            match next {
                Next::Session(session) => {
                    let wait = u64::try_from(reply.not_before.clamp(0, 600_000)).unwrap_or(0);
                    return Ok(Ok(Opened {
                        session: *session,
                        not_before: Duration::from_millis(wait),
                        pulls: reply.capabilities.has(Capabilities::PULL),
                    }));
                }
                Next::Again(places) => ask = places,
                Next::Forked { origin, relogged } => {
                    self.note_new_life(&hello, &reply, origin, relogged).await?;
                    ask = BTreeMap::new();
                }
                Next::Stop(stop) => return Ok(Err(stop)),
            }
        }
        Err(Failure::Hellos)
    }

    /// Tells people that this disk's history and the cloud's went apart, and why.
    async fn note_new_life(
        &self,
        hello: &Hello,
        reply: &HelloReply,
        origin: Origin,
        relogged: i64,
    ) -> Result<(), StoreError> {
        let restored = hello.feed_epoch != 0 && hello.feed_epoch != reply.feed_epoch;
        let cause = if restored { LifeCause::CloudRestored } else { LifeCause::Copied };
        tracing::warn!(
            former = %hello.origin, origin = %origin, rows = relogged, cause = ?cause, "sync: this disk has a new life"
        );
        let former = hello.origin;
        self.store().write(move |tx| tx.note_new_life(cause, former, relogged)).await
    }

    /// Sends all that waits, a few pushes at once: while the cloud commits some, the next are made and on their way. Takes the
    /// pages that arrive meanwhile.
    async fn drain(&self, session: &mut Session, reading: &mut Reading) -> Result<After, Failure> {
        let mut heads = work::heads(self.store()).await?;
        let mut flying = VecDeque::new();
        loop {
            // A page may show changes of which the push is still to be answered: nothing new is sent before it is taken, and
            // what is on its way lands first. Otherwise it would look as if another disk had written them.
            if !reading.has_arrived() {
                self.fill(session, &heads, &mut flying).await?;
            }
            if flying.is_empty() {
                match reading.take(session).await? {
                    Taken::Nothing => {}
                    Taken::Page => continue,
                    Taken::Hello => return Ok(After::Hello),
                }
                let grown = work::heads(self.store()).await?;
                if grown == heads {
                    return Ok(After::Continue);
                }
                heads = grown;
                continue;
            }
            let Some(landed) = self.land(&mut flying).await? else { return Ok(After::Hello) };
            if reading.has_arrived() {
                self.keep(&landed).await?;
            } else {
                tokio::try_join!(self.keep(&landed), self.fill(session, &heads, &mut flying))?;
            }
        }
    }

    /// Sends what may be on its way.
    async fn fill(
        &self,
        session: &mut Session,
        heads: &[(Stream, i64); 2],
        flying: &mut VecDeque<Flight>,
    ) -> Result<(), Failure> {
        while flying.len() < IN_FLIGHT
            && let Some(push) = self.next(session, heads).await?
        {
            let behind = !flying.is_empty();
            flying.push_back(self.send(push, behind));
        }
        Ok(())
    }

    fn send(&self, push: Outgoing, behind: bool) -> Flight {
        crate::fault_point!("sync.before_push");
        let (client, body) = (Arc::clone(&self.client), push.body.clone());
        let answer = tokio::spawn(async move { client.post(message::PUSH, body).await });
        Flight { push, behind, answer: AbortOnDropHandle::new(answer) }
    }

    /// Waits for the oldest push, and takes those after it that have landed too; `None` when the session is over.
    async fn land(
        &self,
        flying: &mut VecDeque<Flight>,
    ) -> Result<Option<Vec<(Outgoing, PushReply)>>, Failure> {
        let mut landed = Vec::new();
        while let Some(flight) =
            flying.pop_front_if(|oldest| landed.is_empty() || oldest.answer.is_finished())
        {
            let Flight { push, behind, answer } = flight;
            let answer = answer.await.map_err(|_| Failure::Ended)??;
            let reply: PushReply = read(&answer)?;
            match reply {
                PushReply::Ok { applied, server_time, .. } if applied >= push.to.seq => {
                    self.client.learn(&answer, server_time);
                    tracing::debug!(stream = %push.stream, rows = push.rows, bytes = push.body.len(), "sync.push");
                    landed.push((push, reply));
                }
                // It overtook one that has landed since.
                PushReply::Gap { .. } if behind => flying.push_front(self.send(push, false)),
                PushReply::Ok { .. } | PushReply::Gap { .. } | PushReply::Hello => {
                    tracing::info!(reply = ?reply, "sync: a push was not taken");
                    return Ok(None);
                }
            }
        }
        Ok(Some(landed))
    }

    /// Stores that the cloud has taken some pushes.
    async fn keep(&self, landed: &[(Outgoing, PushReply)]) -> Result<(), Failure> {
        crate::fault_point!("sync.before_ack");
        try_join_all(landed.iter().map(|(push, reply)| push.taken(self.store(), reply))).await?;
        crate::fault_point!("sync.after_ack");
        Ok(())
    }

    /// The next push: record changes before ledger rows, so that a decision overtakes a backlog of punches.
    async fn next(
        &self,
        session: &mut Session,
        heads: &[(Stream, i64); 2],
    ) -> Result<Option<Outgoing>, StoreError> {
        for (stream, head) in heads {
            if let Some(push) = session.next_push(self.store(), *stream, *head).await? {
                return Ok(Some(push));
            }
        }
        Ok(None)
    }

    /// Keeps the difference between the cloud's clock and this machine's, for times that are written offline.
    async fn keep_offset(&self) -> Result<(), StoreError> {
        let offset = self.client.cloud_ms() - self.sync.clock.now().timestamp_millis();
        let known = self.store().read(|tx| tx.meta(Meta::CLOUD_OFFSET_MS)).await?;
        if known.is_some_and(|known| (known - offset).abs() < OFFSET_STEP_MS) {
            return Ok(());
        }
        self.store().write(move |tx| tx.anchor(offset)).await
    }
}

fn read<M: DeserializeOwned>(answer: &Answer) -> Result<M, ClientError> {
    Ok(unpack_message(&answer.body)?)
}

const fn trouble(stop: Stop) -> Trouble {
    match stop {
        Stop::CloudRegressed => Trouble::CloudRegressed,
        Stop::Upgrade { .. } | Stop::Unknown => Trouble::TooOld,
        Stop::Snapshot | Stop::Retired => Trouble::Other,
    }
}

fn reason(stop: Stop) -> String {
    match stop {
        Stop::Snapshot => "the cloud asks for a snapshot, which this version cannot take".to_owned(),
        Stop::CloudRegressed => {
            "the cloud knows less than it had confirmed: its operator must tell it that it was restored"
                .to_owned()
        }
        Stop::Upgrade { min } => {
            format!("this version is too old for the cloud, which speaks protocol {min} and later")
        }
        Stop::Retired => "the cloud has retired this agent's enrolment".to_owned(),
        Stop::Unknown => "the cloud gave an answer that only a newer version understands".to_owned(),
    }
}
