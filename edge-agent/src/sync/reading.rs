//! Reading the cloud's feed while a session lasts: one request at a time, which the cloud holds until there is something.

use std::sync::Arc;

use sync_protocol::edge::{AfterPull, Pull, Session};
use tokio_util::task::AbortOnDropHandle;

use super::client::{Answer, Client, ClientError};
use super::session::Failure;
use crate::store::Store;

/// The feed of one session.
pub(super) struct Reading {
    store: Store,
    client: Arc<Client>,
    /// Whether the cloud hands out its feed.
    pulls: bool,
    asked: Option<Asked>,
    /// Pages that were taken.
    pages: u32,
    /// Whether everything up to some moment of this session was taken: only then is it worth waiting for more.
    level: bool,
}

/// A request on its way, or its answer.
struct Asked {
    pull: Pull,
    answer: AbortOnDropHandle<Result<Answer, ClientError>>,
    arrived: Option<Result<Answer, ClientError>>,
}

/// What became of a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Taken {
    /// There was none.
    Nothing,
    /// It was taken, and the next is asked for.
    Page,
    /// The session is over: say hello.
    Hello,
}

impl Reading {
    pub(super) const fn new(store: Store, client: Arc<Client>, pulls: bool) -> Self {
        Self { store, client, pulls, asked: None, pages: 0, level: false }
    }

    /// Asks for the next page, unless one is asked for.
    pub(super) async fn ask(&mut self, session: &Session) -> Result<(), Failure> {
        if !self.pulls || self.asked.is_some() {
            return Ok(());
        }
        let wait = if self.level { session.limits().poll_wait_s } else { 0 };
        let Some(pull) = session.next_pull(&self.store, wait).await? else { return Ok(()) };
        let (client, target) = (Arc::clone(&self.client), pull.target());
        let answer = tokio::spawn(async move { client.get(&target).await });
        self.asked = Some(Asked { pull, answer: AbortOnDropHandle::new(answer), arrived: None });
        Ok(())
    }

    /// Waits for the answer; for ever where nothing is asked.
    pub(super) async fn arrival(&mut self) {
        match &mut self.asked {
            Some(Asked { arrived: Some(_), .. }) => {}
            Some(asked) => {
                let answer = (&mut asked.answer).await;
                asked.arrived = Some(answer.unwrap_or(Err(ClientError::Ended)));
            }
            None => std::future::pending().await,
        }
    }

    /// Whether an answer is here and not taken.
    pub(super) fn has_arrived(&self) -> bool {
        self.asked.as_ref().is_some_and(|asked| asked.arrived.is_some() || asked.answer.is_finished())
    }

    /// Whether the session's first request was answered with the wish for another hello.
    pub(super) const fn was_refused_at_once(&self) -> bool {
        self.pulls && self.pages == 0
    }

    /// Takes the answer that is here, page and new place in one transaction, and asks for the next.
    pub(super) async fn take(&mut self, session: &Session) -> Result<Taken, Failure> {
        if !self.has_arrived() {
            return Ok(Taken::Nothing);
        }
        self.arrival().await;
        let Some(Asked { pull, arrived: Some(answer), .. }) = self.asked.take() else {
            return Ok(Taken::Nothing);
        };
        let answer = answer?;
        crate::fault_point!("pull.before_page");
        let after = session.pulled(&self.store, &pull, &answer.body).await?.map_err(ClientError::Body)?;
        crate::fault_point!("pull.after_page");
        match after {
            AfterPull::More => {}
            AfterPull::Clean(place) => {
                tracing::debug!(place, "sync.pull");
                self.level = true;
            }
            AfterPull::Hello => {
                tracing::info!("sync: a page was not taken");
                return Ok(Taken::Hello);
            }
        }
        self.pages += 1;
        self.ask(session).await?;
        Ok(Taken::Page)
    }
}
