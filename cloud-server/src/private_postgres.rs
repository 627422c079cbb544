//! A PostgreSQL server of our own, for those who configured none.
//!
//! ```text
//! DATA/                     ours; lock file muster-cloud.lock; muster-cloud.cluster remembers which database is below
//! DATA/postgres/            the server's account, 0700
//! DATA/postgres/cluster/    its data (initdb into a folder beside it, then renamed: a kill leaves none half made)
//! DATA/postgres/run/        its unix socket; it listens nowhere else
//! DATA/postgres/log/        a week of its logs
//! ```
//!
//! The server is a direct child, started through `setpriv --pdeathsig`, so that it shuts down cleanly when this process
//! is killed. The death signal follows the *thread* that spawned the child: a thread of its own spawns the server,
//! waits for it, and starts it again if it dies while it is wanted.

mod cluster;
mod guardian;
mod installation;
mod service_user;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgConnection, PgSslMode};
use sqlx::{Connection as _, Executor as _};

pub use cluster::{ClusterError, Folders};
pub use guardian::Failure;
pub use installation::{Installation, NotInstalled};
pub use service_user::{NoServiceUser, ServiceUser};

use guardian::{Guardian, State};

/// Role that owns the database and runs migrations.
pub const OWNER_ROLE: &str = "muster_owner";
/// Role that serves; owns nothing.
pub const APP_ROLE: &str = "muster_app";
/// The database.
pub const DATABASE: &str = "muster";

/// How long a start may take; crash recovery after a busy day replays up to some gigabytes.
const START_LIMIT: Duration = Duration::from_secs(600);

/// Why the private server does not run.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Another process holds the data folder.
    #[error("another muster-cloud uses the data folder {0}")]
    Locked(PathBuf),
    /// No account, or no way to the folder for it.
    #[error(transparent)]
    NoServiceUser(#[from] NoServiceUser),
    /// A file operation of ours failed.
    #[error("cannot prepare {folder}")]
    Io {
        /// The file or folder.
        folder: PathBuf,
        /// The cause.
        #[source]
        source: std::io::Error,
    },
    /// The server is not installed, or its folder cannot be used, or it ended again and again.
    #[error(transparent)]
    Server(#[from] Arc<Failure>),
    /// The database is not the one that belongs here, or that cannot be told.
    #[error(transparent)]
    Cluster(#[from] ClusterError),
    /// The server did not answer in time.
    #[error("the private PostgreSQL did not answer within {} minutes", START_LIMIT.as_secs() / 60)]
    Timeout,
    /// Making roles and database failed.
    #[error("cannot make the roles and the database")]
    Bootstrap(#[from] sqlx::Error),
}

/// The running private server. Dropping it without [`PrivatePostgres::stop`] leaves the shutdown to the death signal.
#[derive(Debug)]
pub struct PrivatePostgres {
    guardian: Guardian,
    folders: Folders,
    /// Held for as long as we may write to the folder.
    _lock: File,
}

/// The lock on a data folder, or the knowledge that somebody else has it.
#[derive(Debug)]
pub enum DataLock {
    /// We hold it.
    Ours(File),
    /// A server of ours runs there.
    Theirs,
}

impl DataLock {
    /// Tries to take the folder, making it if missing.
    ///
    /// # Errors
    /// When the lock file cannot be made.
    pub fn try_take(data: &Path) -> Result<Self, StartError> {
        let path = data.join("muster-cloud.lock");
        let io = |source| StartError::Io { folder: path.clone(), source };
        std::fs::create_dir_all(data).map_err(io)?;
        let file = File::options().create(true).truncate(false).write(true).open(&path).map_err(io)?;
        match file.try_lock() {
            Ok(()) => Ok(Self::Ours(file)),
            Err(std::fs::TryLockError::WouldBlock) => Ok(Self::Theirs),
            Err(std::fs::TryLockError::Error(source)) => Err(io(source)),
        }
    }
}

impl PrivatePostgres {
    /// Starts the server of a data folder, making both as needed, and waits until it answers.
    ///
    /// # Errors
    /// [`StartError`] says what to do.
    pub async fn start(data: &Path) -> Result<Self, StartError> {
        match DataLock::try_take(data)? {
            DataLock::Ours(lock) => Self::start_locked(data, lock).await,
            DataLock::Theirs => Err(StartError::Locked(data.to_owned())),
        }
    }

    /// Starts the server of a data folder whose lock is held.
    ///
    /// # Errors
    /// [`StartError`] says what to do.
    pub async fn start_locked(data: &Path, lock: File) -> Result<Self, StartError> {
        let data = std::fs::canonicalize(data)
            .map_err(|source| StartError::Io { folder: data.to_owned(), source })?;
        let user = ServiceUser::choose()?;
        user.open_way_to(&data)?;
        let folders = Folders::new(&data);
        let guardian = Guardian::start(folders.clone(), user);
        let server = Self { guardian, folders, _lock: lock };
        tokio::time::timeout(START_LIMIT, server.ready()).await.map_err(|_| StartError::Timeout)??;
        if let Err(error) = server.bootstrap().await {
            server.stop().await;
            return Err(error);
        }
        Ok(server)
    }

    /// Ends the server: sessions are cut, what was committed is on disk, and the process is gone afterwards.
    pub async fn stop(self) {
        let guardian = self.guardian;
        // The guardian's thread ends with the server; joining it may block.
        let _ = tokio::task::spawn_blocking(move || guardian.stop()).await;
        // Empty now; below DATA it stays for the next start.
        if !self.folders.socket().starts_with(self.folders.cluster().parent().unwrap_or(Path::new("/"))) {
            let _ = std::fs::remove_dir(self.folders.socket());
        }
    }

    /// Waits until the server has failed for good; it is restarted by itself before that.
    pub async fn failed(&self) -> StartError {
        self.guardian.failed().await.into()
    }

    /// How the schema's owner connects.
    #[must_use]
    pub fn owner(&self) -> PgConnectOptions {
        options(&self.folders, OWNER_ROLE)
    }

    /// How the serving role connects.
    #[must_use]
    pub fn app(&self) -> PgConnectOptions {
        options(&self.folders, APP_ROLE)
    }

    async fn ready(&self) -> Result<(), StartError> {
        let admin = options(&self.folders, cluster::SUPERUSER).database("postgres");
        loop {
            if let State::Failed(failure) = self.guardian.state() {
                return Err(failure.into());
            }
            if let Ok(connection) = PgConnection::connect_with(&admin).await {
                let _ = connection.close().await;
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    async fn bootstrap(&self) -> Result<(), StartError> {
        let admin = options(&self.folders, cluster::SUPERUSER).database("postgres");
        let mut connection = PgConnection::connect_with(&admin).await?;
        let identifier: String =
            sqlx::query_scalar("SELECT system_identifier::text FROM pg_control_system()")
                .fetch_one(&mut connection)
                .await?;
        self.folders.recognise(&identifier)?;
        let exists = "SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = $1)";
        if !sqlx::query_scalar::<_, bool>(exists).bind(OWNER_ROLE).fetch_one(&mut connection).await? {
            connection.execute("CREATE ROLE muster_owner LOGIN NOSUPERUSER NOBYPASSRLS").await?;
        }
        if !sqlx::query_scalar::<_, bool>(exists).bind(APP_ROLE).fetch_one(&mut connection).await? {
            connection.execute("CREATE ROLE muster_app LOGIN NOSUPERUSER NOBYPASSRLS").await?;
        }
        let exists = "SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)";
        if !sqlx::query_scalar::<_, bool>(exists).bind(DATABASE).fetch_one(&mut connection).await? {
            connection.execute("CREATE DATABASE muster OWNER muster_owner").await?;
        }
        Ok(connection.close().await?)
    }
}

/// How the serving role connects to the private server that another process of ours runs in a data folder.
#[must_use]
pub fn app_of_running(data: &Path) -> PgConnectOptions {
    let data = std::fs::canonicalize(data).unwrap_or_else(|_| data.to_owned());
    options(&Folders::new(&data), APP_ROLE)
}

/// How the owner connects to the private server that another process of ours runs in a data folder.
#[must_use]
pub fn owner_of_running(data: &Path) -> PgConnectOptions {
    let data = std::fs::canonicalize(data).unwrap_or_else(|_| data.to_owned());
    options(&Folders::new(&data), OWNER_ROLE)
}

/// Every setting is named, so that PG* variables meant for another server change nothing.
fn options(folders: &Folders, role: &str) -> PgConnectOptions {
    PgConnectOptions::new_without_pgpass()
        .socket(folders.socket())
        .port(cluster::PORT)
        .username(role)
        .database(DATABASE)
        .ssl_mode(PgSslMode::Disable)
        .application_name("muster-cloud")
}
