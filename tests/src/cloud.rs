//! The cloud as a process of its own with its private PostgreSQL.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::Value;
use shared_model::punch::PunchId;
use sqlx::postgres::{PgConnectOptions, PgConnection, PgSslMode};
use sqlx::{AssertSqlSafe, Connection};
use uuid::Uuid;

use crate::binary::{Program, Variant};
use crate::process::{Process, Signal, signal_process};
use crate::wait::until;

/// A start makes a database cluster, or recovers one after a kill.
const START: Duration = Duration::from_secs(120);
const COMMAND: Duration = Duration::from_secs(60);
/// The cluster's superuser: row-level security hides every company's rows from all others.
const SUPERUSER: &str = "muster_admin";
const DATABASE: &str = "muster";

/// A cloud that outlives its process: what it holds is in its folder.
pub struct Cloud {
    data: PathBuf,
    logs: PathBuf,
    variant: Variant,
    process: Option<Process>,
    address: Option<String>,
}

impl Cloud {
    /// Starts a cloud in this folder.
    ///
    /// # Errors
    /// When it does not start.
    pub fn start(data: &Path, logs: &Path, variant: Variant) -> Result<Self> {
        let mut cloud =
            Self { data: data.to_owned(), logs: logs.to_owned(), variant, process: None, address: None };
        cloud.run(&[])?;
        Ok(cloud)
    }

    /// Starts it, again at the same address where it ran before.
    ///
    /// # Errors
    /// When it does not start or, with a fault in its environment, ends before it listens.
    pub fn run(&mut self, environment: &[(&str, &str)]) -> Result<()> {
        let mut command = Command::new(Program::Cloud.path(self.variant)?);
        command.arg("serve").arg("--data").arg(&self.data);
        command.args(["--listen", self.address.as_deref().unwrap_or("127.0.0.1:0")]);
        command.envs(environment.iter().copied());
        let process = self.process.insert(Process::spawn("cloud", &command, &self.logs)?);
        self.address = Some(process.listening("http", START)?);
        Ok(())
    }

    /// Where its pages and the sync endpoints are.
    ///
    /// # Errors
    /// When it never ran.
    pub fn url(&self) -> Result<String> {
        Ok(format!("http://{}", self.address.as_deref().context("the cloud never ran")?))
    }

    /// The one-time token by which the first superuser is made.
    ///
    /// # Errors
    /// When it tells none: it does so while there is no superuser.
    pub fn setup_token(&mut self) -> Result<String> {
        let process = self.process.as_mut().context("the cloud does not run")?;
        process.event("the set-up token", START, |event| {
            (event["event"] == "setup_token").then(|| event["token"].as_str().map(str::to_owned)).flatten()
        })
    }

    /// Its data folder.
    #[must_use]
    pub fn data(&self) -> &Path {
        &self.data
    }

    /// The running process.
    pub fn process(&mut self) -> Option<&mut Process> {
        self.process.as_mut()
    }

    /// Ends it as a power cut would; its PostgreSQL notices and shuts down.
    ///
    /// # Errors
    /// When the system does not say.
    pub fn kill(&mut self) -> Result<()> {
        self.process.take().map_or(Ok(()), |mut process| process.kill())
    }

    /// Asks it to stop and waits for its end.
    ///
    /// # Errors
    /// When it does not end or ends with an error.
    pub fn stop(&mut self) -> Result<()> {
        let Some(mut process) = self.process.take() else { return Ok(()) };
        let status = process.stop(COMMAND)?;
        if !status.success() {
            bail!("the cloud ended with {status}");
        }
        Ok(())
    }

    /// Ends its PostgreSQL as a power cut would.
    ///
    /// # Errors
    /// When none runs.
    pub fn kill_postgres(&self) -> Result<()> {
        let file = self.data.join("postgres/cluster/postmaster.pid");
        let text = std::fs::read_to_string(&file).with_context(|| format!("reading {}", file.display()))?;
        let id = text.lines().next().context("the first line is the process id")?.trim().parse()?;
        signal_process(id, Signal::KILL)
    }

    /// Runs a command of its program and returns the JSON it prints.
    ///
    /// # Errors
    /// When it fails.
    pub fn command(&self, arguments: &[&str]) -> Result<Value> {
        let mut command = Command::new(Program::Cloud.path(self.variant)?);
        command.args(arguments).arg("--data").arg(&self.data).arg("--json");
        run_command(command)
    }

    /// A connection to its database past row-level security.
    ///
    /// # Errors
    /// When the database does not answer in time.
    pub async fn database(&self) -> Result<PgConnection> {
        let options = PgConnectOptions::new_without_pgpass()
            .socket(self.data.join("postgres/run"))
            .username(SUPERUSER)
            .database(DATABASE)
            .ssl_mode(PgSslMode::Disable);
        crate::wait::until_async("the cloud's database", COMMAND, async || {
            Ok(PgConnection::connect_with(&options).await.ok())
        })
        .await
    }

    /// The ids in its ledger, of all companies.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn ledger(&self) -> Result<BTreeSet<PunchId>> {
        let mut database = self.database().await?;
        let ids: Vec<Uuid> =
            sqlx::query_scalar("SELECT punch_id FROM ledger").fetch_all(&mut database).await?;
        let count = ids.len();
        let set: BTreeSet<_> = ids.into_iter().map(PunchId::from_uuid).collect();
        if set.len() != count {
            bail!("the cloud's ledger holds {} ids twice", count - set.len());
        }
        Ok(set)
    }

    /// The number that a query counts.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn count(&self, sql: &str) -> Result<i64> {
        let mut database = self.database().await?;
        Ok(sqlx::query_scalar(AssertSqlSafe(sql)).fetch_one(&mut database).await?)
    }
}

impl Drop for Cloud {
    fn drop(&mut self) {
        // Its PostgreSQL would outlive a kill by the time of a checkpoint, and write into a folder that is going away.
        if !std::thread::panicking() {
            let _ = self.stop();
        }
    }
}

/// Runs a command to its end and returns the JSON it prints last.
///
/// # Errors
/// When it fails, with what it said.
pub fn run_command(mut command: Command) -> Result<Value> {
    let text = format!("{command:?}");
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    // What a command prints fits into a pipe: it is waited for with a limit first and read then.
    let ended = until(&text, COMMAND, || Ok(child.try_wait()?));
    if ended.is_err() {
        child.kill()?;
    }
    let output = child.wait_with_output()?;
    ended?;
    let printed = String::from_utf8_lossy(&output.stdout);
    if !output.status.success() {
        let error = String::from_utf8_lossy(&output.stderr);
        bail!("{text} ended with {}: {error}{printed}", output.status);
    }
    let last = printed.lines().rfind(|line| !line.trim().is_empty()).unwrap_or("null");
    serde_json::from_str(last)
        .or_else(|_| serde_json::from_str(&printed))
        .with_context(|| format!("{text} printed {printed}"))
}
