//! News for the pages that are open: punches that arrived, and the counts of the day.
//!
//! One task looks at the database when something was committed, however many pages are open, and only while one is.
//! Each page has a bounded queue: who is slow loses news, never the server.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::broadcast::Receiver;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, broadcast};
use tokio_util::sync::CancellationToken;
use web_kit::WebApp as _;

use super::App;
use crate::store::page::feed::SeenPunch;
use crate::store::page::today::DayCounts;
use crate::store::{StoreError, StoreEvent};

/// Pages that may have their feed open at the same time.
const PAGES: usize = 32;

/// News a slow page may be behind.
const QUEUE: usize = 16;

/// Punches told at once; more than fit on a screen help nobody.
const PUNCHES: u32 = 12;

/// The shortest time between two looks at the database.
const PAUSE: Duration = Duration::from_millis(500);

/// Something an open page shows at once.
#[derive(Debug, Clone)]
pub(super) enum News {
    /// Punches that arrived, oldest first.
    Punches(Arc<[SeenPunch]>),
    /// How many stand how today.
    Counts(DayCounts),
}

/// The feed of a process.
#[derive(Debug)]
pub(super) struct Live {
    places: Arc<Semaphore>,
    news: broadcast::Sender<News>,
}

/// An open page's end of the feed; its place is free again when this is dropped.
#[derive(Debug)]
pub(super) struct Subscription {
    pub(super) news: broadcast::Receiver<News>,
    _place: OwnedSemaphorePermit,
}

impl Live {
    pub(super) fn new() -> Self {
        Self { places: Arc::new(Semaphore::new(PAGES)), news: broadcast::Sender::new(QUEUE) }
    }

    /// `None` when too many pages are open.
    pub(super) fn subscribe(&self) -> Option<Subscription> {
        let place = Arc::clone(&self.places).try_acquire_owned().ok()?;
        Some(Subscription { news: self.news.subscribe(), _place: place })
    }

    fn tell(&self, news: News) {
        // Nobody listening is no failure.
        let _ = self.news.send(news);
    }

    fn is_watched(&self) -> bool {
        self.news.receiver_count() > 0
    }
}

/// What has to be looked at.
#[derive(Debug, Clone, Copy, Default)]
struct Dirty {
    punches: bool,
    counts: bool,
}

impl Dirty {
    fn note(&mut self, event: &StoreEvent) {
        match event {
            StoreEvent::Punches { .. } | StoreEvent::LedgerGrew => self.punches = true,
            StoreEvent::Attendance { .. } | StoreEvent::Records(_) => self.counts = true,
            StoreEvent::Recompute
            | StoreEvent::Device(_)
            | StoreEvent::PendingDevice(_)
            | StoreEvent::Sync => {}
        }
    }
}

/// What looks at the database when something was committed. Whatever is committed once it is made, is news.
pub(super) struct Watcher {
    app: App,
    events: Receiver<StoreEvent>,
    place: i64,
}

impl Watcher {
    pub(super) async fn new(app: App) -> Self {
        let events = app.store().listen();
        let place = app.store().read(crate::store::ReadTx::ledger_head).await.unwrap_or(0);
        Self { app, events, place }
    }

    /// Watches until `stop`.
    pub(super) async fn run(self, stop: CancellationToken) {
        let Self { app, events, place } = self;
        watch(app, events, place, stop).await;
    }
}

async fn watch(app: App, mut events: Receiver<StoreEvent>, mut place: i64, stop: CancellationToken) {
    loop {
        let mut dirty = Dirty::default();
        let first = tokio::select! {
            () = stop.cancelled() => return,
            event = events.recv() => event,
        };
        match first {
            Ok(event) => dirty.note(&event),
            Err(broadcast::error::RecvError::Lagged(_)) => dirty = Dirty { punches: true, counts: true },
            Err(broadcast::error::RecvError::Closed) => return,
        }
        // What comes within the pause is looked at together.
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(PAUSE) => {}
        }
        loop {
            match events.try_recv() {
                Ok(event) => dirty.note(&event),
                Err(broadcast::error::TryRecvError::Lagged(_)) => {
                    dirty = Dirty { punches: true, counts: true }
                }
                Err(broadcast::error::TryRecvError::Empty | broadcast::error::TryRecvError::Closed) => break,
            }
        }
        if let Err(error) = look(&app, dirty, &mut place).await {
            tracing::warn!(error = %error, "the live feed could not look at the database");
        }
    }
}

async fn look(app: &App, dirty: Dirty, place: &mut i64) -> Result<(), StoreError> {
    let watched = app.live().is_watched();
    if dirty.punches {
        let (since, wall) = (*place, app.local_time().await?.wall_now());
        let (punches, head) = app
            .store()
            .read(move |tx| {
                let punches = if watched { tx.punches_since(since, wall, PUNCHES)? } else { Vec::new() };
                Ok((punches, tx.ledger_head()?))
            })
            .await?;
        *place = head;
        if !punches.is_empty() {
            app.live().tell(News::Punches(punches.into()));
        }
    }
    if dirty.counts && watched {
        let (today, now) = (app.today().await?, app.now());
        let counts = app.store().read(move |tx| tx.day_counts(today, now)).await?;
        app.live().tell(News::Counts(counts));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_so_many_pages_get_a_feed_and_closing_one_makes_room() {
        let live = Live::new();
        let mut open: Vec<Subscription> = (0..PAGES).map_while(|_| live.subscribe()).collect();
        assert_eq!(open.len(), PAGES);
        assert!(live.subscribe().is_none());
        open.pop();
        assert!(live.subscribe().is_some());
    }
}
