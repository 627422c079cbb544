//! One scratch PostgreSQL for a whole test run, and a fresh database from a template for each test.
//!
//! nextest runs each test in a process of its own, so the server belongs to none of them: the first that needs it
//! starts it, every user holds a shared lock on `users.lock`, and a janitor (a shell in its own session) ends the server
//! some seconds after the last lock is gone. Durability is off; what is lost here is made anew.
//!
//! Tests of separation connect as [`APP_ROLE`]: superusers and owners see through row-level security.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use chrono::Datelike as _;
use cloud_server::clock::{OsEntropy, SystemClock};
use cloud_server::private_postgres::{APP_ROLE, Installation, OWNER_ROLE, ServiceUser};
use cloud_server::store::{Store, schema};
use shared_model::{Clock as _, Entropy as _};
use sqlx::postgres::{PgConnectOptions, PgConnection, PgSslMode};
use sqlx::{AssertSqlSafe, Connection as _};

const SUPERUSER: &str = "test_admin";
const PORT: u16 = 5432;

/// Ends the server when nobody has held `users.lock` for a while, and clears its data.
const JANITOR: &str = r#"
exec 9>>"$1/users.lock"
while :; do
    flock -x 9
    flock -u 9
    sleep 15
    flock -n -x 9 && break
done
pid=$(head -n 1 "$1/cluster/postmaster.pid" 2>/dev/null)
if [ -n "$pid" ]; then
    kill -INT "$pid"
    while kill -0 "$pid" 2>/dev/null; do sleep 0.1; done
fi
rm -rf "$1/cluster"
"#;

/// A database of its own for one test; dropped with this value.
#[derive(Debug)]
pub struct TestDatabase {
    folder: PathBuf,
    name: String,
    /// Held while the server is needed.
    _user: File,
}

impl TestDatabase {
    /// Makes a database with the program's schema.
    ///
    /// # Errors
    /// When no PostgreSQL is installed or it does not start.
    pub async fn migrated() -> Result<Self> {
        let month = SystemClock.now().date_naive();
        let mut schema_hash = blake3::Hasher::new();
        for migration in schema::MIGRATIONS.iter() {
            schema_hash.update(&migration.checksum);
        }
        let hash = schema_hash.finalize().to_hex();
        let template = format!("template_{}_{:02}_{}", month.year(), month.month(), &hash[..16]);
        Self::make(Some(&template)).await
    }

    /// Makes a database without tables, owned by the owner's role.
    ///
    /// # Errors
    /// When no PostgreSQL is installed or it does not start.
    pub async fn empty() -> Result<Self> {
        Self::make(None).await
    }

    async fn make(template: Option<&str>) -> Result<Self> {
        let user = ServiceUser::choose()?;
        let folder = std::env::temp_dir()
            .join(format!("muster-test-postgres-{}", rustix::process::geteuid().as_raw()));
        user.own_folder(&folder)?;
        let users = lock_file(&folder.join("users.lock"))?;
        users.lock_shared().context("waiting for the test server's last run to end")?;
        hire_janitor(&folder)?;
        let name = format!("t_{:016x}", OsEntropy.next_u64());
        {
            let starting = lock_file(&folder.join("start.lock"))?;
            starting.lock()?;
            ensure_server(&folder, user).await?;
            if let Some(template) = template {
                ensure_template(&folder, template).await?;
            }
        }
        let mut admin = PgConnection::connect_with(&options(&folder, SUPERUSER, "postgres")).await?;
        let of = template.map(|template| format!(" TEMPLATE {template}")).unwrap_or_default();
        execute(&mut admin, format!("CREATE DATABASE {name} OWNER {OWNER_ROLE}{of}")).await?;
        admin.close().await?;
        Ok(Self { folder, name, _user: users })
    }

    /// How the serving role connects.
    #[must_use]
    pub fn app(&self) -> PgConnectOptions {
        self.as_role(APP_ROLE)
    }

    /// How the schema's owner connects.
    #[must_use]
    pub fn owner(&self) -> PgConnectOptions {
        self.as_role(OWNER_ROLE)
    }

    /// How the superuser connects: for looking at everything, never for what a test asserts about separation.
    #[must_use]
    pub fn superuser(&self) -> PgConnectOptions {
        self.as_role(SUPERUSER)
    }

    /// How any role connects.
    #[must_use]
    pub fn as_role(&self, role: &str) -> PgConnectOptions {
        options(&self.folder, role, &self.name)
    }

    /// The address of a role, for `DATABASE_URL` and `DATABASE_OWNER_URL`.
    #[must_use]
    pub fn url(&self, role: &str) -> String {
        let socket = self.folder.join("run").display().to_string().replace('/', "%2F");
        format!("postgres://{role}@{socket}:{PORT}/{}?sslmode=disable", self.name)
    }

    /// Opens the store as the serving role.
    ///
    /// # Errors
    /// When the store refuses.
    pub async fn store(&self) -> Result<Store> {
        Ok(Store::open(self.app(), 8).await?)
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        let admin = options(&self.folder, SUPERUSER, "postgres");
        let drop_it = format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name);
        // A runtime of its own: this one may be shutting down. A database left behind goes with the server.
        let dropping = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(async {
                let mut connection = PgConnection::connect_with(&admin).await?;
                execute(&mut connection, drop_it).await
            })
        });
        let _ = dropping.join();
    }
}

fn options(folder: &Path, role: &str, database: &str) -> PgConnectOptions {
    PgConnectOptions::new_without_pgpass()
        .socket(folder.join("run"))
        .port(PORT)
        .username(role)
        .database(database)
        .ssl_mode(PgSslMode::Disable)
}

/// Names in `statement` are of this module's own making.
async fn execute(connection: &mut PgConnection, statement: String) -> Result<()> {
    sqlx::raw_sql(AssertSqlSafe(statement)).execute(connection).await?;
    Ok(())
}

fn lock_file(path: &Path) -> Result<File> {
    File::options()
        .create(true)
        .append(true)
        .open(path)
        .with_context(|| format!("cannot open {}", path.display()))
}

fn hire_janitor(folder: &Path) -> Result<()> {
    Command::new("setsid")
        .args(["--fork", "flock", "--nonblock"])
        .arg(folder.join("janitor.lock"))
        .args(["sh", "-c", JANITOR, "sh"])
        .arg(folder)
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .context("cannot start the test server's janitor (setsid and flock of util-linux)")?;
    Ok(())
}

async fn ensure_server(folder: &Path, user: ServiceUser) -> Result<()> {
    let admin = options(folder, SUPERUSER, "postgres");
    if PgConnection::connect_with(&admin).await.is_ok() {
        return Ok(());
    }
    let installation = Installation::find(None)?;
    let cluster = folder.join("cluster");
    let socket = folder.join("run");
    if cluster.exists() {
        std::fs::remove_dir_all(&cluster)?;
    }
    user.own_folder(&cluster)?;
    user.own_folder(&socket)?;
    let mut initdb = Command::new(installation.program("initdb"));
    initdb
        .args(["--encoding=UTF8", "--no-locale", "--no-sync", "--auth-local=trust", "--auth-host=reject"])
        .arg(format!("--username={SUPERUSER}"))
        .arg("--pgdata")
        .arg(&cluster)
        .current_dir(&cluster)
        .stdin(Stdio::null());
    user.apply(&mut initdb);
    let made = initdb.output().context("cannot run initdb")?;
    ensure!(made.status.success(), "initdb failed: {}", String::from_utf8_lossy(&made.stderr));
    let mut log = File::options().create(true).append(true).open(folder.join("postgres.log"))?;
    writeln!(log, "-- a new test server")?;
    let mut server = Command::new("setsid");
    server.arg("--fork").arg(installation.program("postgres")).arg("-D").arg(&cluster);
    let socket_setting = format!("unix_socket_directories={}", socket.display());
    for setting in [
        "listen_addresses=",
        &socket_setting,
        "fsync=off",
        "synchronous_commit=off",
        "full_page_writes=off",
        "max_connections=300",
        "shared_buffers=256MB",
        "autovacuum_naptime=5s",
    ] {
        server.arg("-c").arg(setting);
    }
    server.current_dir(&cluster).stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
    user.apply(&mut server);
    server.status().context("cannot start postgres")?;
    let mut connection = None;
    for _ in 0..600 {
        match PgConnection::connect_with(&admin).await {
            Ok(open) => {
                connection = Some(open);
                break;
            }
            Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
    let log = folder.join("postgres.log");
    let mut connection =
        connection.with_context(|| format!("the test server does not start, see {}", log.display()))?;
    execute(&mut connection, format!("CREATE ROLE {OWNER_ROLE} LOGIN")).await?;
    execute(&mut connection, format!("CREATE ROLE {APP_ROLE} LOGIN")).await?;
    connection.close().await?;
    Ok(())
}

async fn ensure_template(folder: &Path, template: &str) -> Result<()> {
    let mut admin = PgConnection::connect_with(&options(folder, SUPERUSER, "postgres")).await?;
    let exists = "SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)";
    if sqlx::query_scalar(exists).bind(template).fetch_one(&mut admin).await? {
        return Ok(());
    }
    // Migrated under another name: a template half made by a killed test must not be taken for a whole one.
    let half = format!("{template}_half");
    execute(&mut admin, format!("DROP DATABASE IF EXISTS {half} WITH (FORCE)")).await?;
    execute(&mut admin, format!("CREATE DATABASE {half} OWNER {OWNER_ROLE}")).await?;
    schema::migrate(&options(folder, OWNER_ROLE, &half), APP_ROLE, SystemClock.now()).await?;
    execute(&mut admin, format!("ALTER DATABASE {half} RENAME TO {template}")).await?;
    admin.close().await?;
    Ok(())
}
