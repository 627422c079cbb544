//! The edge agent as a process of its own.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use rusqlite::{Connection, OpenFlags};
use serde_json::Value;
use shared_model::punch::PunchId;

use crate::binary::{Program, Variant};
use crate::cloud::run_command;
use crate::process::Process;

const START: Duration = Duration::from_secs(60);
const STOP: Duration = Duration::from_secs(30);

/// An edge agent that outlives its process: what it holds is in its folder.
pub struct Edge {
    data: PathBuf,
    logs: PathBuf,
    variant: Variant,
    process: Option<Process>,
    ui: Option<String>,
    push: Option<String>,
    network: Option<String>,
}

impl Edge {
    /// An agent on this folder that does not run yet.
    #[must_use]
    pub fn new(data: &Path, logs: &Path, variant: Variant) -> Self {
        Self {
            data: data.to_owned(),
            logs: logs.to_owned(),
            variant,
            process: None,
            ui: None,
            push: None,
            network: None,
        }
    }

    /// Starts it, again at the same addresses where it ran before.
    ///
    /// # Errors
    /// When it does not start or, with a fault in its environment, ends before it listens.
    pub fn run(&mut self, environment: &[(&str, &str)]) -> Result<()> {
        self.configure()?;
        let mut command = Command::new(Program::Edge.path(self.variant)?);
        command.arg("run").arg("--data").arg(&self.data).arg("--config").arg(self.settings());
        command.envs(environment.iter().copied());
        let process = self.process.insert(Process::spawn("edge", &command, &self.logs)?);
        process.event("that it is ready", START, |event| (event["event"] == "ready").then_some(()))?;
        self.ui = process.told("ui");
        self.push = process.told("push");
        Ok(())
    }

    /// Serves the pages to the network over TLS from the next start on, under this name.
    pub fn serve_network(&mut self, name: &str) {
        self.network = Some(name.to_owned());
    }

    /// Writes the settings in which a test differs from a factory: ports, and shorter intervals.
    fn configure(&self) -> Result<()> {
        let listen = |address: &Option<String>| address.clone().unwrap_or_else(|| "127.0.0.1:0".to_owned());
        let (mut ui, push) = (listen(&self.ui), listen(&self.push));
        let mut tls = String::new();
        if let Some(name) = &self.network {
            "0.0.0.0:0".clone_into(&mut ui);
            tls = format!("tls = true\nhosts = [\"{name}\"]\n");
        }
        let text = format!(
            "[ui]\nlisten = \"{ui}\"\n{tls}[push]\nlisten = \"{push}\"\nsettled_seconds = 5\n\
             [poll]\ninterval_seconds = 2\nretry_first_ms = 100\nretry_longest_seconds = 2\n"
        );
        std::fs::write(self.settings(), text)?;
        Ok(())
    }

    /// Beside the data folder, which may be a small disk.
    fn settings(&self) -> PathBuf {
        self.data.with_extension("toml")
    }

    /// Where its pages are.
    ///
    /// # Errors
    /// When it never ran.
    pub fn url(&self) -> Result<String> {
        Ok(format!("http://{}", self.ui.as_deref().context("the edge never ran")?))
    }

    /// Where clocks post to.
    ///
    /// # Errors
    /// When it never ran.
    pub fn push_url(&self) -> Result<String> {
        Ok(format!("http://{}", self.push.as_deref().context("the edge never ran")?))
    }

    /// The path of the link by which who installs it makes the first account.
    ///
    /// # Errors
    /// When it tells none: it does so while there is no account.
    pub fn set_up_link(&mut self) -> Result<String> {
        let process = self.process.as_mut().context("the edge does not run")?;
        let url = process.event("the set-up link", START, |event| {
            (event["event"] == "setup_token").then(|| event["token"].as_str().map(str::to_owned)).flatten()
        })?;
        Ok(format!("/set-up?token={url}"))
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

    /// Ends it as a power cut would.
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
        let status = process.stop(STOP)?;
        if !status.success() {
            bail!("the edge ended with {status}");
        }
        Ok(())
    }

    /// Runs a command of its program and returns the JSON it prints.
    ///
    /// # Errors
    /// When it fails.
    pub fn command(&self, arguments: &[&str]) -> Result<Value> {
        self.command_with(&[], arguments)
    }

    /// As [`Self::command`], with more in its environment.
    ///
    /// # Errors
    /// When it fails.
    pub fn command_with(&self, environment: &[(&str, &str)], arguments: &[&str]) -> Result<Value> {
        if !self.settings().exists() {
            self.configure()?;
        }
        let mut command = Command::new(Program::Edge.path(self.variant)?);
        command.args(arguments).arg("--data").arg(&self.data).arg("--json");
        command.arg("--config").arg(self.settings());
        command.envs(environment.iter().copied());
        run_command(command)
    }

    /// A connection to its file that cannot write.
    ///
    /// # Errors
    /// When there is no file yet.
    pub fn file(&self) -> Result<Connection> {
        let path = self.data.join("muster-edge.db");
        let connection = Connection::open_with_flags(&path, OpenFlags::SQLITE_OPEN_READ_ONLY)
            .with_context(|| format!("opening {}", path.display()))?;
        connection.busy_timeout(Duration::from_secs(10))?;
        Ok(connection)
    }

    /// The ids in its ledger.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn ledger(&self) -> Result<BTreeSet<PunchId>> {
        let file = self.file()?;
        let mut statement = file.prepare("SELECT punch_id FROM ledger")?;
        let ids = statement.query_map([], |row| row.get(0))?;
        Ok(ids.collect::<Result<_, _>>()?)
    }

    /// The ids of the punches that the cloud has told it to have taken.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn acknowledged(&self) -> Result<BTreeSet<PunchId>> {
        let file = self.file()?;
        let mut statement = file.prepare(
            "SELECT punch FROM ledger_log JOIN stream USING (origin) WHERE stream = 'L' AND entry = 1 AND seq <= acked",
        )?;
        let ids = statement.query_map([], |row| row.get(0))?;
        Ok(ids.collect::<Result<_, _>>()?)
    }

    /// The number that a query counts.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn count(&self, sql: &str) -> Result<i64> {
        Ok(self.file()?.query_row(sql, [], |row| row.get(0))?)
    }
}
