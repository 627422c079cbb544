//! A simulated clock as a process of its own.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::Value;
use shared_model::punch::PunchId;

use crate::binary::{Program, Variant};
use crate::process::Process;
use crate::sent::SentList;
use crate::wait::until;

const START: Duration = Duration::from_secs(60);

/// A server's own intervals are for real clocks.
const IMPATIENT: [&str; 4] = ["--retry-ms", "250", "--poll-ms", "250"];

/// A simulated clock that outlives its process: what it kept is in files.
pub struct SimulatedClock {
    serial: String,
    kind: &'static str,
    arguments: Vec<String>,
    folder: PathBuf,
    process: Option<Process>,
    tcp: Option<String>,
    control: Option<String>,
}

impl SimulatedClock {
    /// A clock that is read over TCP; starts it.
    ///
    /// `arguments` are those of `muster-sim tcp`.
    ///
    /// # Errors
    /// When it does not start.
    pub fn tcp(serial: &str, folder: &Path, arguments: &[&str]) -> Result<Self> {
        Self::start(serial, "tcp", folder, arguments)
    }

    /// A clock that posts to an address; starts it.
    ///
    /// # Errors
    /// When it does not start.
    pub fn push(serial: &str, server: &str, folder: &Path, arguments: &[&str]) -> Result<Self> {
        let mut all = vec!["--server", server];
        all.extend(IMPATIENT);
        all.extend(arguments);
        Self::start(serial, "push", folder, &all)
    }

    /// A clock that is read over TCP and posts to an address at once; starts it.
    ///
    /// # Errors
    /// When it does not start.
    pub fn both(serial: &str, server: &str, folder: &Path, arguments: &[&str]) -> Result<Self> {
        let mut all = vec!["--server", server];
        all.extend(IMPATIENT);
        all.extend(arguments);
        Self::start(serial, "tcp", folder, &all)
    }

    fn start(serial: &str, kind: &'static str, folder: &Path, arguments: &[&str]) -> Result<Self> {
        let mut clock = Self {
            serial: serial.to_owned(),
            kind,
            arguments: arguments.iter().map(|&argument| argument.to_owned()).collect(),
            folder: folder.to_owned(),
            process: None,
            tcp: None,
            control: None,
        };
        clock.run()?;
        Ok(clock)
    }

    /// Starts it, again at the same address with the same memory where it ran before.
    ///
    /// # Errors
    /// When it does not start.
    pub fn run(&mut self) -> Result<()> {
        let mut command = Command::new(Program::Sim.path(Variant::Plain)?);
        command.arg(self.kind).args(["--serial", &self.serial]).args(&self.arguments);
        command.arg("--state-file").arg(self.file("state")).arg("--sent-file").arg(self.sent_file());
        command.args(["--control", self.control.as_deref().unwrap_or("127.0.0.1:0")]);
        if self.kind != "push" {
            command.args(["--listen", self.tcp.as_deref().unwrap_or("127.0.0.1:0")]);
        }
        let name = format!("clock-{}", self.serial);
        let mut process = Process::spawn(&name, &command, &self.folder)?;
        let line = process.event("its addresses", START, |line| {
            (line["serial"] == self.serial.as_str()).then(|| line.clone())
        })?;
        self.tcp = line["tcp"].as_str().map(str::to_owned);
        self.control = line["control"].as_str().map(str::to_owned);
        self.process = Some(process);
        Ok(())
    }

    /// Its serial number.
    #[must_use]
    pub fn serial(&self) -> &str {
        &self.serial
    }

    /// Where it is read over TCP.
    ///
    /// # Errors
    /// When it only posts.
    pub fn address(&self) -> Result<&str> {
        self.tcp.as_deref().context("this clock only posts")
    }

    /// Ends it as a power cut would.
    ///
    /// # Errors
    /// When the system does not say.
    pub fn kill(&mut self) -> Result<()> {
        self.process.take().map_or(Ok(()), |mut process| process.kill())
    }

    /// What it has kept, each record once.
    ///
    /// # Errors
    /// When the list cannot be read.
    pub fn sent(&self) -> Result<SentList> {
        SentList::read(&self.sent_file())
    }

    /// Its own account of counts and state.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn status(&self) -> Result<Value> {
        Ok(self.control(reqwest::Method::GET, "/status", None).await?.json().await?)
    }

    /// The punches that it believes to be safe, because its posts of them were answered.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn acknowledged(&self) -> Result<BTreeSet<PunchId>> {
        let count = self.status().await?["acknowledged"].as_u64().context("no count in its account")?;
        let list = self.control(reqwest::Method::GET, "/sent", None).await?.text().await?;
        Ok(SentList::parse(&list, usize::try_from(count)?)?.punches)
    }

    /// Lets people punch now; returns when the clock has kept them.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn punch(&self, count: u32) -> Result<()> {
        self.control(reqwest::Method::POST, &format!("/punch?count={count}"), None).await?;
        Ok(())
    }

    /// Lets a pushing clock send its whole history again.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn resend(&self) -> Result<()> {
        self.control(reqwest::Method::POST, "/resend", None).await?;
        Ok(())
    }

    /// Puts faults in force, and ends all that are not named.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn faults(&self, faults: &Value) -> Result<()> {
        self.control(reqwest::Method::POST, "/faults", Some(faults)).await?;
        Ok(())
    }

    async fn control(
        &self,
        method: reqwest::Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<reqwest::Response> {
        let address = self.control.as_deref().context("no control address")?;
        let mut request = crate::http::client()?.request(method, format!("http://{address}{path}"));
        if let Some(body) = body {
            request = request.json(body);
        }
        Ok(request.send().await?.error_for_status()?)
    }

    fn sent_file(&self) -> PathBuf {
        self.file("sent.jsonl")
    }

    fn file(&self, ending: &str) -> PathBuf {
        self.folder.join(format!("clock-{}.{ending}", self.serial))
    }

    /// Waits until its list holds at least so many punches.
    ///
    /// # Errors
    /// When it does not within `patience`.
    pub fn wait_for(&self, punches: usize, patience: Duration) -> Result<SentList> {
        until(&format!("{punches} punches at {}", self.serial), patience, || {
            let list = self.sent()?;
            Ok((list.punches.len() >= punches).then_some(list))
        })
    }
}
