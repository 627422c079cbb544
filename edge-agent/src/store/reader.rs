//! Read-only connections.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::{Connection, OpenFlags};
use tokio::sync::Semaphore;

use super::{StoreError, schema};

/// Readings at the same time; each connection keeps a page cache.
const CONNECTIONS: usize = 3;

/// A reading in progress: one snapshot of the database.
#[derive(Debug)]
pub struct ReadTx {
    pub(super) connection: Connection,
}

impl ReadTx {
    /// The connection, for modules that keep their SQL beside the store's.
    #[must_use]
    pub fn connection(&self) -> &Connection {
        &self.connection
    }
}

/// Opens connections as needed, keeps a few.
#[derive(Debug, Clone)]
pub(super) struct Reader {
    path: PathBuf,
    idle: Arc<Mutex<Vec<ReadTx>>>,
    permits: Arc<Semaphore>,
}

impl Reader {
    pub(super) fn new(path: &Path) -> Self {
        Self { path: path.to_owned(), idle: Arc::default(), permits: Arc::new(Semaphore::new(CONNECTIONS)) }
    }

    pub(super) async fn read<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&ReadTx) -> Result<T, StoreError> + Send + 'static,
    {
        let permit = Arc::clone(&self.permits).acquire_owned().await.map_err(|_| StoreError::Closed)?;
        let this = self.clone();
        let outcome = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            this.read_blocking(work)
        })
        .await;
        outcome.unwrap_or(Err(StoreError::Panicked))
    }

    pub(super) fn read_blocking<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        F: FnOnce(&ReadTx) -> Result<T, StoreError>,
    {
        let kept = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let tx = match kept {
            Some(tx) => tx,
            None => ReadTx { connection: open(&self.path)? },
        };
        // A connection whose snapshot could not be begun or ended is dropped, not kept.
        tx.connection.execute_batch("BEGIN")?;
        let result = work(&tx);
        tx.connection.execute_batch("COMMIT")?;
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(tx);
        result
    }
}

/// Opens a database for reading only, also while an agent writes to it.
pub(super) fn open(path: &Path) -> Result<Connection, StoreError> {
    let connection = Connection::open_with_flags(
        path,
        OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )?;
    connection.busy_timeout(std::time::Duration::from_secs(5))?;
    connection.pragma_update(None, "query_only", true)?;
    connection.pragma_update(None, "cache_size", -1024)?;
    connection.set_prepared_statement_cache_capacity(32);
    schema::check(&connection)?;
    Ok(connection)
}
