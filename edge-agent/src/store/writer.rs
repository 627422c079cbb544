//! The one writer.
//!
//! A thread owns the write connection and takes closures over a channel with so many places. Closures that wait together are
//! committed together: one `BEGIN … COMMIT`, a savepoint for each, so that one that fails leaves the others. A reply
//! is sent after the commit, never before; if the commit fails, every closure of the group gets the error and none
//! has happened.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};

use rusqlite::Connection;
use shared_model::{Clock, Entropy};
use tokio::sync::{Semaphore, broadcast, oneshot, watch};

use super::{StoreError, StoreEvent};

/// At most this many closures share a commit.
const GROUP: usize = 64;
/// Rows after which no further closure joins a group, so that a bulk insert does not make small writes wait for
/// several of its kind.
const GROUP_ROWS: u64 = 4096;
/// Closures that may wait before callers are held back.
const QUEUE: usize = 256;

/// A closure with its caller. Given the open transaction it runs; given an error it only passes it on. What comes
/// back answers the caller, with the commit's failure in place of the closure's result.
type Job = Box<dyn FnOnce(Result<&WriteTx, StoreError>) -> Reply + Send>;
type Reply = Box<dyn FnOnce(Option<StoreError>) + Send>;

/// Small numbers of serials and zones that are known to be on disk or in this group.
#[derive(Debug, Default)]
pub(super) struct Dictionary {
    pub(super) clocks: HashMap<Box<str>, i64>,
    pub(super) zones: HashMap<&'static str, i64>,
}

/// A write in progress: what a closure given to [`super::Store::write`] sees.
///
/// All that one closure does is one transaction and one change group; it happens whole or not at all.
pub struct WriteTx {
    pub(super) connection: Connection,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    pub(super) dictionary: RefCell<Dictionary>,
    /// What the present closure has told so far, and what the closures before it in the group have.
    events: RefCell<Vec<StoreEvent>>,
    told: RefCell<Vec<StoreEvent>>,
    pub(super) group: Cell<Option<i64>>,
    /// Set when there is no room on the disk; somebody else says when there is again.
    full: watch::Sender<bool>,
    /// Whether a write of the present group found the disk or the file broken.
    broken: Cell<bool>,
    /// The same of the last group, for everybody to see.
    fails: Arc<AtomicBool>,
}

impl std::fmt::Debug for WriteTx {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WriteTx").finish_non_exhaustive()
    }
}

impl WriteTx {
    /// The present time, milliseconds UTC.
    #[must_use]
    pub fn now_ms(&self) -> i64 {
        self.clock.now().timestamp_millis()
    }

    /// The clock.
    #[must_use]
    pub fn clock(&self) -> &dyn Clock {
        &*self.clock
    }

    /// The source of randomness.
    #[must_use]
    pub fn entropy(&self) -> &dyn Entropy {
        &*self.entropy
    }

    /// Tells listeners something once this write is on disk.
    pub fn tell(&self, event: StoreEvent) {
        let mut events = self.events.borrow_mut();
        if !events.contains(&event) {
            events.push(event);
        }
    }

    fn note_trouble(&self, error: &StoreError) {
        if matches!(error, StoreError::DiskFull) {
            self.full.send_if_modified(|full| !std::mem::replace(full, true));
        } else if error.is_broken_storage() {
            self.broken.set(true);
        }
    }

    /// The connection, for modules that keep their SQL beside the store's.
    #[must_use]
    pub fn connection(&self) -> &Connection {
        &self.connection
    }
}

/// The sending end: clone it freely. The thread ends when the last clone is dropped and its work is done.
#[derive(Clone)]
pub(super) struct Writer {
    jobs: mpsc::Sender<Job>,
    /// The places of the queue. A caller without a runtime needs none: it waits for its one closure.
    places: Arc<Semaphore>,
}

impl std::fmt::Debug for Writer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Writer").finish_non_exhaustive()
    }
}

impl Writer {
    /// Starts the thread on a connection.
    pub(super) fn start(
        connection: Connection,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
        events: broadcast::Sender<StoreEvent>,
        full: watch::Sender<bool>,
        fails: Arc<AtomicBool>,
    ) -> Result<(Self, std::thread::JoinHandle<()>), StoreError> {
        let (jobs, queue) = mpsc::channel();
        let thread = std::thread::Builder::new()
            .name("store-writer".to_owned())
            .spawn(move || {
                let tx = WriteTx {
                    connection,
                    clock,
                    entropy,
                    dictionary: RefCell::default(),
                    events: RefCell::default(),
                    told: RefCell::default(),
                    group: Cell::new(None),
                    full,
                    broken: Cell::new(false),
                    fails,
                };
                run(&tx, &events, &queue);
            })
            .map_err(|cause| StoreError::File { path: "the writer thread".to_owned(), cause })?;
        Ok((Self { jobs, places: Arc::new(Semaphore::new(QUEUE)) }, thread))
    }

    /// Runs a closure in a transaction and waits until it is committed.
    pub(super) async fn write<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&WriteTx) -> Result<T, StoreError> + Send + 'static,
    {
        let place = Arc::clone(&self.places).acquire_owned().await.map_err(|_| StoreError::Closed)?;
        let (reply, answer) = oneshot::channel();
        let job = package(work, move |result| {
            // Whoever asked may have gone away; what he asked for has happened all the same.
            let _ = reply.send(result);
        });
        let queued = self.jobs.send(Box::new(move |tx| {
            drop(place);
            job(tx)
        }));
        queued.map_err(|_| StoreError::Closed)?;
        answer.await.unwrap_or(Err(StoreError::Closed))
    }

    /// The same for callers without a runtime. Never call it on a runtime worker.
    pub(super) fn write_blocking<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&WriteTx) -> Result<T, StoreError> + Send + 'static,
    {
        let (reply, answer) = mpsc::sync_channel(1);
        let job = package(work, move |result| {
            let _ = reply.send(result);
        });
        self.jobs.send(job).map_err(|_| StoreError::Closed)?;
        answer.recv().unwrap_or(Err(StoreError::Closed))
    }
}

fn package<T, F, R>(work: F, reply: R) -> Job
where
    T: Send + 'static,
    F: FnOnce(&WriteTx) -> Result<T, StoreError> + Send + 'static,
    R: FnOnce(Result<T, StoreError>) + Send + 'static,
{
    Box::new(move |tx| {
        let result = tx.and_then(|tx| in_savepoint(tx, work));
        Box::new(move |failed| reply(failed.map_or(result, Err)))
    })
}

fn in_savepoint<T, F>(tx: &WriteTx, work: F) -> Result<T, StoreError>
where
    F: FnOnce(&WriteTx) -> Result<T, StoreError>,
{
    let connection = &tx.connection;
    connection.execute_batch("SAVEPOINT one")?;
    tx.group.set(None);
    let result = std::panic::catch_unwind(AssertUnwindSafe(|| work(tx))).unwrap_or(Err(StoreError::Panicked));
    let result = result.and_then(|value| Ok(connection.execute_batch("RELEASE one").map(|()| value)?));
    let mut events = tx.events.borrow_mut();
    match result {
        Ok(value) => {
            tx.told.borrow_mut().append(&mut events);
            Ok(value)
        }
        Err(error) => {
            tx.note_trouble(&error);
            events.clear();
            // What the closure put in the dictionary goes with it.
            tx.dictionary.take();
            // A full disk may already have undone the whole transaction; then there is no savepoint to go back to,
            // and the group's commit reports it.
            if !connection.is_autocommit() {
                connection.execute_batch("ROLLBACK TO one; RELEASE one")?;
            }
            Err(error)
        }
    }
}

fn run(tx: &WriteTx, events: &broadcast::Sender<StoreEvent>, queue: &mpsc::Receiver<Job>) {
    while let Ok(first) = queue.recv() {
        let mut replies = Vec::new();
        let outcome = group(tx, first, queue, &mut replies);
        let told = tx.told.take();
        match &outcome {
            Ok(()) => told.into_iter().for_each(|event| {
                // No listener is no error.
                let _ = events.send(event);
            }),
            Err(error) => {
                tx.note_trouble(error);
                tx.dictionary.take();
                tracing::error!(error = %error, writes = replies.len(), "a group of writes was not committed");
            }
        }
        tx.fails.store(tx.broken.take(), Ordering::Relaxed);
        for reply in replies {
            reply(outcome.as_ref().err().map(same));
        }
    }
}

fn group(
    tx: &WriteTx,
    first: Job,
    queue: &mpsc::Receiver<Job>,
    replies: &mut Vec<Reply>,
) -> Result<(), StoreError> {
    let connection = &tx.connection;
    if let Err(error) = connection.execute_batch("BEGIN IMMEDIATE").map_err(StoreError::from) {
        replies.push(first(Err(same(&error))));
        return Err(error);
    }
    let before = connection.total_changes();
    replies.push(first(Ok(tx)));
    while replies.len() < GROUP
        && !connection.is_autocommit()
        && connection.total_changes() - before < GROUP_ROWS
        && let Ok(next) = queue.try_recv()
    {
        replies.push(next(Ok(tx)));
    }
    if connection.is_autocommit() {
        // SQLite rolled the transaction back by itself, which it does when there is no room.
        return Err(StoreError::DiskFull);
    }
    #[cfg(feature = "ack-before-commit")]
    answer_early(tx, queue, replies);
    crate::fault_point!("store.before_commit");
    if let Err(error) = connection.execute_batch("COMMIT") {
        if !connection.is_autocommit() {
            // Nothing more can be done here than to undo; a failure of that too is told by the next BEGIN.
            let _ = connection.execute_batch("ROLLBACK");
        }
        return Err(error.into());
    }
    crate::fault_point!("store.after_commit");
    Ok(())
}

/// The fault that the crash tests must find: what clocks brought is answered at once, with all that is written about it
/// before the answer goes out, and committed when nobody has asked for anything for a while.
///
/// Only what clocks bring: an agent that forgot its own start would not come far enough to lose a punch.
#[cfg(feature = "ack-before-commit")]
fn answer_early(tx: &WriteTx, queue: &mpsc::Receiver<Job>, replies: &mut Vec<Reply>) {
    const QUIET: std::time::Duration = std::time::Duration::from_millis(250);
    if !tx.told.borrow().iter().any(|event| matches!(event, StoreEvent::Punches { .. })) {
        return;
    }
    replies.drain(..).for_each(|reply| reply(None));
    let following = std::iter::from_fn(|| queue.recv_timeout(QUIET).ok());
    following.take(GROUP).for_each(|next| next(Ok(tx))(None));
}

/// The same failure for another caller of the group.
fn same(error: &StoreError) -> StoreError {
    if let StoreError::Sqlite(rusqlite::Error::SqliteFailure(code, text)) = error {
        StoreError::Sqlite(rusqlite::Error::SqliteFailure(*code, text.clone()))
    } else if matches!(error, StoreError::DiskFull) {
        StoreError::DiskFull
    } else {
        StoreError::Refused(error.to_string())
    }
}
