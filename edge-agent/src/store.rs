//! The agent's database: one SQLite file, one writer, some readers.
//!
//! ```text
//! write(closure) ─┐
//! write(closure) ─┼─ bounded channel ─ writer thread: BEGIN · savepoint each · COMMIT (WAL, synchronous=FULL)
//! write(closure) ─┘                        └─ only after COMMIT: replies, then events
//! read(closure)  ─── one of a few read-only connections, each closure in one snapshot
//! ```
//!
//! Rules that hold here: a reply means the change is on disk; a full disk is [`StoreError::DiskFull`], nothing of
//! that group happened, and the next write that fits works (what a full disk means for the agent, [`crate::reserve`]
//! says); the ledger and the audit log only grow; a record
//! changes only through [`WriteTx::change`], together with its change row, its audit row and what must be
//! recomputed. Only this module and its children know SQL.

mod account;
mod attendance;
mod audit;
mod bundle;
mod change;
mod clock_event;
mod clock_user;
mod device;
mod device_command;
mod drift;
mod error;
mod event;
mod figures;
mod health;
mod job;
mod ledger;
mod ledger_log;
mod meta;
mod new_life;
pub mod page;
mod pending;
mod phone_punch;
mod punch_flag;
mod push_trust;
mod quarantine;
mod reader;
mod recompute;
mod record;
mod schema;
mod sync;
mod writer;

#[cfg(test)]
pub(crate) mod tests;

use std::fs::File;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rusqlite::Connection;
use shared_model::{Clock, Entropy};
use tokio::sync::{broadcast, watch};

pub use account::{LocalSession, LocalUser, SessionOrigin, SessionRow};
pub use attendance::{Cursor, Settling, SiteSpan, Stray};
pub use audit::{AuditRow, Via};
pub use bundle::Lease;
pub use change::{Author, Edit};
pub use clock_event::{ClockAct, ClockEvent, NewClockEvent};
pub use clock_user::{ClockUser, UsersTaken};
pub use device::{AdoptedDevice, DeviceCounters, DeviceReport, DeviceRow, Link, LogPlace, Stamps};
pub use device_command::{CommandState, DeviceCommand, Queueing};
pub use error::StoreError;
pub use event::StoreEvent;
pub use figures::Figured;
pub use health::{Health, LedgerTotals, Unfinished};
pub use job::Job;
pub use ledger::{Delivered, Delivery, Taken};
pub use meta::{Meta, MetaValue, StreamState};
pub use new_life::{LifeCause, NewLife};
pub use pending::{DroppedAnnouncements, PendingDevice};
pub use phone_punch::{ListedPunch, NotDecided, OwnDecision, Standing};
pub use punch_flag::{Doubtful, FlaggedPunch};
pub use push_trust::{DISBELIEF_ADDRESSES, Disbelief, DisbeliefReason};
pub use quarantine::{BadRow, QuarantineReason, QuarantinedRow};
pub use reader::ReadTx;
pub use recompute::{DateSpan, Recompute, RecomputeScope};
pub use record::Stored;
pub use sync::{Backlog, KeptAside, LedgerCounts, Parked, Rekey};
pub use writer::WriteTx;

/// The name of the database file in the data folder.
pub const FILE: &str = "muster-edge.db";

/// The name of the file that the writing process holds locked.
pub const LOCK: &str = "muster-edge.lock";

/// Events kept for a listener that is slow.
const EVENTS: usize = 256;

/// The open database. Clones share it.
#[derive(Debug, Clone)]
pub struct Store {
    writer: writer::Writer,
    reader: reader::Reader,
    events: broadcast::Sender<StoreEvent>,
    full: watch::Sender<bool>,
    fails: Arc<AtomicBool>,
    thread: Arc<std::thread::JoinHandle<()>>,
    lock: Arc<File>,
}

impl Store {
    /// Opens the database of a data folder, makes it if there is none, and brings its schema up to date.
    ///
    /// # Errors
    /// [`StoreError::SchemaTooNew`] for a file of a newer program; otherwise what SQLite says.
    pub fn open(folder: &Path, clock: Arc<dyn Clock>, entropy: Arc<dyn Entropy>) -> Result<Self, StoreError> {
        let lock = lock_folder(folder)?;
        let path = folder.join(FILE);
        let mut connection = Connection::open(&path)?;
        schema::check(&connection)?;
        prepare(&connection)?;
        schema::migrate(&mut connection)?;
        let (events, _) = broadcast::channel(EVENTS);
        let full = watch::Sender::new(false);
        let fails = Arc::new(AtomicBool::new(false));
        let (writer, thread) = writer::Writer::start(
            connection,
            clock,
            entropy,
            events.clone(),
            full.clone(),
            Arc::clone(&fails),
        )?;
        let store = Self {
            writer,
            reader: reader::Reader::new(&path),
            events,
            full,
            fails,
            thread: Arc::new(thread),
            lock: Arc::new(lock),
        };
        store.write_blocking(WriteTx::begin_life)?;
        Ok(store)
    }

    /// Runs a closure in a transaction of the writer; the answer comes after the commit.
    ///
    /// # Errors
    /// What the closure returns, or why it could not be committed; then nothing of it has happened.
    pub async fn write<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&WriteTx) -> Result<T, StoreError> + Send + 'static,
    {
        self.writer.write(work).await
    }

    /// The same for code that is not on a runtime worker (start-up, commands).
    ///
    /// # Errors
    /// As [`Store::write`].
    pub fn write_blocking<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&WriteTx) -> Result<T, StoreError> + Send + 'static,
    {
        self.writer.write_blocking(work)
    }

    /// Runs a closure over one snapshot of the database, on a thread for blocking work.
    ///
    /// # Errors
    /// What the closure returns, or why the database cannot be read.
    pub async fn read<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&ReadTx) -> Result<T, StoreError> + Send + 'static,
    {
        self.reader.read(work).await
    }

    /// The same for code that is not on a runtime worker.
    ///
    /// # Errors
    /// As [`Store::read`].
    pub fn read_blocking<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        F: FnOnce(&ReadTx) -> Result<T, StoreError>,
    {
        self.reader.read_blocking(work)
    }

    /// Reads the database of a folder without holding it, whether an agent runs on it or not.
    ///
    /// # Errors
    /// What the closure returns, or why the database cannot be read.
    pub fn read_folder<T>(
        folder: &Path,
        work: impl FnOnce(&ReadTx) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        reader::Reader::new(&folder.join(FILE)).read_blocking(work)
    }

    /// What is committed from now on. A listener that falls behind loses the oldest events.
    #[must_use]
    pub fn listen(&self) -> broadcast::Receiver<StoreEvent> {
        self.events.subscribe()
    }

    /// Whether a write found no room, and nobody has said since that there is some.
    #[must_use]
    pub fn is_full(&self) -> bool {
        *self.full.borrow()
    }

    /// Whether the last write found the disk or the file broken.
    #[must_use]
    pub fn fails(&self) -> bool {
        self.fails.load(Ordering::Relaxed)
    }

    /// Follows [`Self::is_full`].
    #[must_use]
    pub fn watch_full(&self) -> watch::Receiver<bool> {
        self.full.subscribe()
    }

    /// Says that there is room again, or that there is none.
    pub fn set_full(&self, full: bool) {
        self.full.send_replace(full);
    }

    /// Lets go of the database. The last clone to do so waits until all writes are on disk and the file is closed.
    pub fn close(self) {
        let Self { writer, reader, events: _, full: _, fails: _, thread, lock: _lock } = self;
        drop(reader);
        drop(writer);
        if let Some(thread) = Arc::into_inner(thread)
            && thread.join().is_err()
        {
            tracing::error!("the store's writer thread ended badly");
        }
    }
}

/// Whether a process holds a data folder.
///
/// # Errors
/// When the folder cannot be looked at.
pub fn is_held(folder: &Path) -> Result<bool, StoreError> {
    match lock_folder(folder) {
        Ok(_) => Ok(false),
        Err(StoreError::InUse) => Ok(true),
        Err(error) => Err(error),
    }
}

/// What every write connection is set to.
fn prepare(connection: &Connection) -> Result<(), StoreError> {
    connection.busy_timeout(std::time::Duration::from_secs(5))?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    // Otherwise INSERT OR REPLACE would delete rows past the triggers that forbid it.
    connection.pragma_update(None, "recursive_triggers", true)?;
    // Fewer, larger checkpoints: bulk inserts go half as fast again.
    connection.pragma_update(None, "wal_autocheckpoint", 16_000)?;
    connection.pragma_update(None, "journal_size_limit", 64 * 1024 * 1024)?;
    connection.pragma_update(None, "cache_size", -4096)?;
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    connection.set_prepared_statement_cache_capacity(96);
    Ok(())
}

/// One process writes to a data folder. The lock goes when the process ends, however it ends.
fn lock_folder(folder: &Path) -> Result<File, StoreError> {
    let path = folder.join(LOCK);
    let wrap = |cause| StoreError::File { path: path.display().to_string(), cause };
    let file = File::options().create(true).truncate(false).write(true).open(&path).map_err(wrap)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(std::fs::TryLockError::WouldBlock) => Err(StoreError::InUse),
        Err(std::fs::TryLockError::Error(cause)) => Err(wrap(cause)),
    }
}
