//! What can go wrong with the store.

use shared_model::record::BadField;

/// Why the store did not do what was asked. Nothing of the failed call has been stored.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The disk (or the allowed size of the database) is full. Nothing may be acknowledged; trying again helps
    /// once there is room, without a restart.
    #[error("the disk that holds the database is full: free some space and it goes on by itself")]
    DiskFull,
    /// The database was written by a newer program.
    #[error(
        "the database has schema version {found}, this program knows up to {known}: \
         it was used by a newer version, so run that version or restore the backup made before the upgrade"
    )]
    SchemaTooNew {
        /// Version in the file.
        found: i64,
        /// Newest version this program knows.
        known: i64,
    },
    /// Another process has the data folder open for writing.
    #[error("another muster-edge is running on this data folder")]
    InUse,
    /// The file is no database, or its pages do not fit together.
    #[error(
        "the database is damaged ({0}): stop the agent, keep a copy of the data folder, and restore a backup; what the \
         clocks still hold is read again"
    )]
    Damaged(String),
    /// A stored value that cannot be read back.
    #[error("{table}.{column} of {id} cannot be read: {cause}")]
    Corrupt {
        /// The table.
        table: &'static str,
        /// The column.
        column: &'static str,
        /// The row.
        id: String,
        /// What is wrong with it.
        cause: String,
    },
    /// The database's own rules refused it.
    #[error("refused by the database: {0}")]
    Refused(String),
    /// A field has a value it cannot take.
    #[error(transparent)]
    BadField(#[from] BadField),
    /// Somebody changed the same fields since the form was opened.
    #[error("{} changed meanwhile: reload and try again", fields.join(", "))]
    Stale {
        /// The names of those fields.
        fields: Vec<&'static str>,
    },
    /// There is no such thing.
    #[error("there is no {what} {id}")]
    Missing {
        /// What was asked for.
        what: &'static str,
        /// Its key or name.
        id: String,
    },
    /// There is such a thing already.
    #[error("{what} {id} exists already")]
    Exists {
        /// What it is.
        what: &'static str,
        /// Its key or name.
        id: String,
    },
    /// What was asked makes no sense now; the text says why and what to do.
    #[error("{0}")]
    Invalid(String),
    /// The writer has stopped: the program is ending.
    #[error("the store is closed")]
    Closed,
    /// The closure given to the store panicked.
    #[error("a write failed inside the program")]
    Panicked,
    /// Anything else that SQLite reports.
    #[error("database error")]
    Sqlite(#[source] rusqlite::Error),
    /// The schema could not be brought up to date.
    #[error("the database could not be upgraded")]
    Migration(#[source] rusqlite_migration::Error),
    /// A file or folder could not be used.
    #[error("{path}{}", hint(cause))]
    File {
        /// The file or folder.
        path: String,
        /// Why not.
        #[source]
        cause: std::io::Error,
    },
}

/// What to do about a file, where that is known.
fn hint(cause: &std::io::Error) -> &'static str {
    if cause.kind() == std::io::ErrorKind::PermissionDenied {
        " (run this as the user to whom the data folder belongs, or give that user the folder)"
    } else {
        ""
    }
}

impl StoreError {
    /// Whether the same call may succeed later without anybody changing it.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            Self::DiskFull | Self::InUse => true,
            Self::Sqlite(rusqlite::Error::SqliteFailure(e, _)) => matches!(
                e.code,
                rusqlite::ErrorCode::DatabaseBusy
                    | rusqlite::ErrorCode::DatabaseLocked
                    | rusqlite::ErrorCode::SystemIoFailure
            ),
            Self::SchemaTooNew { .. }
            | Self::Damaged(_)
            | Self::Corrupt { .. }
            | Self::Refused(_)
            | Self::BadField(_)
            | Self::Stale { .. }
            | Self::Missing { .. }
            | Self::Exists { .. }
            | Self::Invalid(_)
            | Self::Closed
            | Self::Panicked
            | Self::Sqlite(_)
            | Self::Migration(_)
            | Self::File { .. } => false,
        }
    }

    /// Reads a stored text back into its type.
    /// Whether the disk or the database's file is to blame, not what was asked.
    pub(super) fn is_broken_storage(&self) -> bool {
        use rusqlite::ErrorCode as Code;
        let Self::Sqlite(rusqlite::Error::SqliteFailure(error, _)) = self else { return false };
        [Code::SystemIoFailure, Code::ReadOnly, Code::DatabaseCorrupt, Code::CannotOpen, Code::NotADatabase]
            .contains(&error.code)
    }

    pub(crate) fn corrupt(
        table: &'static str,
        column: &'static str,
        id: impl std::fmt::Display,
        cause: impl std::fmt::Display,
    ) -> Self {
        Self::Corrupt { table, column, id: id.to_string(), cause: cause.to_string() }
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::ErrorCode;
        if let rusqlite::Error::SqliteFailure(failure, text) = &error {
            // A write that the file system refuses for lack of room shows as SQLITE_FULL or, on some systems and
            // for the WAL's shared memory, as an I/O error of the write or truncate kind.
            if failure.code == ErrorCode::DiskFull
                || failure.extended_code == rusqlite::ffi::SQLITE_IOERR_SHMSIZE
            {
                return Self::DiskFull;
            }
            if matches!(failure.code, ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) {
                return Self::Damaged(text.clone().unwrap_or_else(|| failure.to_string()));
            }
            if failure.extended_code == rusqlite::ffi::SQLITE_CONSTRAINT_TRIGGER {
                return Self::Refused(text.clone().unwrap_or_default());
            }
        }
        Self::Sqlite(error)
    }
}
