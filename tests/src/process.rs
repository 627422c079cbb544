//! A process under test: its events, its log, and an end in every case.
//!
//! Each is started through `setpriv --pdeathsig KILL`, so the kernel ends it when the test itself is killed, and is
//! ended by its id when the value is dropped. The signal follows the *thread* that started the process: start
//! processes from a thread that lives as long as the test (its main thread), never from a pool.

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, kill_process};
use serde_json::Value;

pub use rustix::process::Signal;

use crate::wait::until;

/// How many of the last lines of a log are shown when a test fails.
const LINES_SHOWN: usize = 60;

/// A running process; ended when dropped.
pub struct Process {
    name: String,
    child: Child,
    log: PathBuf,
    events: Arc<Mutex<Vec<Value>>>,
}

impl Process {
    /// Starts a command; what it prints goes to a file of this name in `logs`, JSON lines also to [`Self::event`].
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn spawn(name: &str, command: &Command, logs: &Path) -> Result<Self> {
        let log = logs.join(format!("{name}.log"));
        let mut file = File::options().create(true).append(true).open(&log)?;
        let mut guarded = Command::new("setpriv");
        guarded.args(["--pdeathsig", "KILL", "--"]).arg(command.get_program()).args(command.get_args());
        for (key, value) in command.get_envs() {
            match value {
                Some(value) => guarded.env(key, value),
                None => guarded.env_remove(key),
            };
        }
        if let Some(folder) = command.get_current_dir() {
            guarded.current_dir(folder);
        }
        let mut child = guarded
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(file.try_clone()?)
            .spawn()
            .with_context(|| format!("starting {name}"))?;
        let events = Arc::new(Mutex::new(Vec::new()));
        let stdout = child.stdout.take().context("standard output is a pipe")?;
        let seen = Arc::clone(&events);
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                // A log that cannot be written must not stop the process under test.
                let _ = writeln!(file, "{line}");
                if let Ok(event @ Value::Object(_)) = serde_json::from_str(&line) {
                    seen.lock().unwrap_or_else(PoisonError::into_inner).push(event);
                }
            }
        });
        Ok(Self { name: name.to_owned(), child, log, events })
    }

    /// Its process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// The file that holds what it printed.
    #[must_use]
    pub fn log(&self) -> &Path {
        &self.log
    }

    /// Its standard input, once.
    pub fn stdin(&mut self) -> Option<ChildStdin> {
        self.child.stdin.take()
    }

    /// Waits for a JSON line that `pick` takes.
    ///
    /// # Errors
    /// When none came within `patience`, or the process ended before.
    pub fn event<T>(
        &mut self,
        what: &str,
        patience: Duration,
        pick: impl Fn(&Value) -> Option<T>,
    ) -> Result<T> {
        let (child, events) = (&mut self.child, &self.events);
        let name = &self.name;
        until(&format!("{name}: {what}"), patience, || {
            let ended = child.try_wait()?;
            if let Some(found) = events.lock().unwrap_or_else(PoisonError::into_inner).iter().find_map(&pick)
            {
                return Ok(Some(found));
            }
            match ended {
                Some(status) => bail!("{name} ended ({status}) before: {what}"),
                None => Ok(None),
            }
        })
    }

    /// Waits for the line that tells where it listens, and returns the address.
    ///
    /// # Errors
    /// As [`Self::event`].
    pub fn listening(&mut self, what: &str, patience: Duration) -> Result<String> {
        self.event(&format!("listening for {what}"), patience, |event| address_of(event, what))
    }

    /// The address at which it has said so far that it listens.
    #[must_use]
    pub fn told(&self, what: &str) -> Option<String> {
        let events = self.events.lock().unwrap_or_else(PoisonError::into_inner);
        events.iter().find_map(|event| address_of(event, what))
    }

    /// Tells whether it has ended, and how.
    ///
    /// # Errors
    /// When the system does not say.
    pub fn ended(&mut self) -> Result<Option<ExitStatus>> {
        Ok(self.child.try_wait()?)
    }

    /// Waits for its end.
    ///
    /// # Errors
    /// When it has not ended within `patience`.
    pub fn wait(&mut self, patience: Duration) -> Result<ExitStatus> {
        let child = &mut self.child;
        until(&format!("the end of {}", self.name), patience, || Ok(child.try_wait()?))
    }

    /// Ends it as a power cut would, and waits until it is gone.
    ///
    /// # Errors
    /// When the system does not say.
    pub fn kill(&mut self) -> Result<()> {
        // A process that ended by itself is as dead as is wanted.
        let _ = self.child.kill();
        self.child.wait()?;
        Ok(())
    }

    /// Sends it a signal.
    ///
    /// # Errors
    /// When the signal cannot be sent.
    pub fn signal(&self, signal: Signal) -> Result<()> {
        signal_process(self.child.id(), signal)
    }

    /// Asks it to stop and waits for its end.
    ///
    /// # Errors
    /// When it has not ended within `patience`.
    pub fn stop(&mut self, patience: Duration) -> Result<ExitStatus> {
        self.signal(Signal::TERM)?;
        self.wait(patience)
    }
}

fn address_of(event: &Value, what: &str) -> Option<String> {
    let told = event["event"] == "listening" && event["what"] == what;
    told.then(|| event["address"].as_str().map(str::to_owned)).flatten()
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.kill();
        if std::thread::panicking() {
            let text = std::fs::read_to_string(&self.log).unwrap_or_default();
            let lines: Vec<_> = text.lines().collect();
            let last = &lines[lines.len().saturating_sub(LINES_SHOWN)..];
            let mut out = std::io::stderr().lock();
            let _ = writeln!(out, "--- {} (last lines)\n{}", self.name, last.join("\n"));
        }
    }
}

/// Sends a signal to a process.
///
/// # Errors
/// When it cannot be sent: mostly because the process is gone.
pub fn signal_process(id: u32, signal: Signal) -> Result<()> {
    let id = i32::try_from(id).ok().and_then(Pid::from_raw).context("a process id is a positive number")?;
    kill_process(id, signal).with_context(|| format!("no signal to process {}", id.as_raw_nonzero()))
}

/// Whether this process may mount disks and make namespaces without one of its own.
#[must_use]
pub fn running_as_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// The processes that descend from this one, children first.
#[must_use]
pub fn descendants(id: u32) -> Vec<u32> {
    let mut parents: Vec<(u32, u32)> = Vec::new();
    for entry in std::fs::read_dir("/proc").into_iter().flatten().flatten() {
        let Some(process) = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else {
            continue;
        };
        let Ok(stat) = std::fs::read_to_string(entry.path().join("stat")) else { continue };
        // The name in brackets may hold anything; what follows the last bracket is state and parent.
        let parent: Option<u32> =
            stat.rsplit(')').next().and_then(|rest| rest.split_ascii_whitespace().nth(1)?.parse().ok());
        if let Some(parent) = parent {
            parents.push((process, parent));
        }
    }
    let mut found = vec![id];
    let mut next = 0;
    while let Some(&parent) = found.get(next) {
        found.extend(parents.iter().filter(|(_, of)| *of == parent).map(|(process, _)| *process));
        next += 1;
    }
    found.split_off(1)
}

/// The command lines of all processes that name `folder`: what a run left behind.
#[must_use]
pub fn naming(folder: &Path) -> Vec<(u32, String)> {
    let needle = folder.to_string_lossy().into_owned();
    let mut found = Vec::new();
    for entry in std::fs::read_dir("/proc").into_iter().flatten().flatten() {
        let Some(process) = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else {
            continue;
        };
        let Ok(bytes) = std::fs::read(entry.path().join("cmdline")) else { continue };
        let line = String::from_utf8_lossy(&bytes).replace('\0', " ");
        if process != std::process::id() && line.contains(&needle) {
            found.push((process, line));
        }
    }
    found
}
