//! Opening the database, private or elsewhere, for serving and for commands.

use std::path::Path;

use chrono::{DateTime, Utc};
use sqlx::postgres::PgConnectOptions;

use crate::config::DatabaseSource;
use crate::private_postgres::{self, DataLock, PrivatePostgres, StartError};
use crate::store::schema::{self, Migrated, MigrationError};
use crate::store::{OpenError, Store};

/// An open database.
#[derive(Debug)]
pub struct Database {
    /// The store, as the serving role.
    pub store: Store,
    /// The private server, where we started it.
    pub server: Option<PrivatePostgres>,
}

/// Why the database cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DatabaseError {
    /// The private server does not start.
    #[error(transparent)]
    Start(#[from] StartError),
    /// The schema cannot be brought to this version.
    #[error(transparent)]
    Migrate(#[from] MigrationError),
    /// The store refuses.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// There is nothing to migrate as.
    #[error("DATABASE_OWNER_URL is not set: the schema can only be migrated as its owner")]
    NoOwner,
}

impl Database {
    /// Opens it to serve: starts the private server or connects as the owner, migrates, and connects as the serving role.
    ///
    /// # Errors
    /// [`DatabaseError`]; the private server is stopped again.
    pub async fn serve(
        source: &DatabaseSource,
        data: &Path,
        connections: u32,
        now: DateTime<Utc>,
    ) -> Result<Self, DatabaseError> {
        match source {
            DatabaseSource::Private => {
                Self::open_private(PrivatePostgres::start(data).await?, connections, now).await
            }
            DatabaseSource::External { owner, app } => {
                if let Some(owner) = owner {
                    schema::migrate(owner, app.get_username(), now).await?;
                }
                Ok(Self { store: Store::open(named(app), connections).await?, server: None })
            }
        }
    }

    /// Opens it for a command: through the server that runs, else through a private one started for the while.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn attach(
        source: &DatabaseSource,
        data: &Path,
        now: DateTime<Utc>,
    ) -> Result<Self, DatabaseError> {
        match source {
            DatabaseSource::Private => match DataLock::try_take(data)? {
                DataLock::Ours(lock) => {
                    Self::open_private(PrivatePostgres::start_locked(data, lock).await?, 2, now).await
                }
                DataLock::Theirs => {
                    let store = Store::open(private_postgres::app_of_running(data), 2).await?;
                    Ok(Self { store, server: None })
                }
            },
            DatabaseSource::External { app, .. } => {
                Ok(Self { store: Store::open(named(app), 2).await?, server: None })
            }
        }
    }

    async fn open_private(
        server: PrivatePostgres,
        connections: u32,
        now: DateTime<Utc>,
    ) -> Result<Self, DatabaseError> {
        let opened = async {
            schema::migrate(&server.owner(), private_postgres::APP_ROLE, now).await?;
            Ok::<_, DatabaseError>(Store::open(server.app(), connections).await?)
        };
        match opened.await {
            Ok(store) => Ok(Self { store, server: Some(server) }),
            Err(error) => {
                server.stop().await;
                Err(error)
            }
        }
    }

    /// Only migrates.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn migrate(
        source: &DatabaseSource,
        data: &Path,
        now: DateTime<Utc>,
    ) -> Result<Migrated, DatabaseError> {
        match source {
            DatabaseSource::Private => match DataLock::try_take(data)? {
                DataLock::Ours(lock) => {
                    let server = PrivatePostgres::start_locked(data, lock).await?;
                    let done = schema::migrate(&server.owner(), private_postgres::APP_ROLE, now).await;
                    server.stop().await;
                    Ok(done?)
                }
                DataLock::Theirs => {
                    let owner = private_postgres::owner_of_running(data);
                    Ok(schema::migrate(&owner, private_postgres::APP_ROLE, now).await?)
                }
            },
            DatabaseSource::External { owner, app } => {
                let owner = owner.as_ref().ok_or(DatabaseError::NoOwner)?;
                Ok(schema::migrate(owner, app.get_username(), now).await?)
            }
        }
    }

    /// Closes it, and ends the private server where we started it.
    pub async fn close(self) {
        self.store.close().await;
        if let Some(server) = self.server {
            server.stop().await;
        }
    }
}

fn named(options: &PgConnectOptions) -> PgConnectOptions {
    options.clone().application_name("muster-cloud")
}
