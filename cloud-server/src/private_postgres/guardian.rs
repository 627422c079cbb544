//! The thread that holds the server: starts it, waits for it, starts it again.

use std::fs::File;
use std::io;
use std::process::Child;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions};
use tokio::sync::watch;

use super::cluster::{ClusterError, Folders, PrepareError};
use super::{NotInstalled, ServiceUser};

/// A server that lived this long was a working one: its end is an accident, not a bad setting.
const WORKING: Duration = Duration::from_secs(30);
/// Early ends in a row until we give up.
const TRIES: u32 = 10;

/// What the thread knows.
#[derive(Debug, Clone)]
pub(super) enum State {
    /// The server runs or is being started.
    Running,
    /// It does not start.
    Failed(Arc<Failure>),
}

/// Why the private server does not run.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// No fitting server is installed.
    #[error(transparent)]
    NotInstalled(#[from] NotInstalled),
    /// Its folder cannot be made or taken over.
    #[error(transparent)]
    Cluster(#[from] ClusterError),
    /// `setpriv` is missing.
    #[error("cannot run setpriv (package util-linux)")]
    Spawn(#[source] io::Error),
    /// It ends as soon as it is started.
    #[error("the private PostgreSQL ended {TRIES} times ({status}); its last words: {words}")]
    KeepsEnding {
        /// How it ended.
        status: String,
        /// What it printed last.
        words: String,
    },
}

impl From<PrepareError> for Failure {
    fn from(error: PrepareError) -> Self {
        match error {
            PrepareError::NotInstalled(e) => Self::NotInstalled(e),
            PrepareError::Cluster(e) => Self::Cluster(e),
        }
    }
}

#[derive(Debug, Default)]
struct Wanted {
    stopping: bool,
    /// Set while the child exists and is not reaped, so that a signal cannot hit another process.
    server: Option<Pid>,
}

/// The handle on the thread.
#[derive(Debug)]
pub(super) struct Guardian {
    wanted: Arc<Mutex<Wanted>>,
    state: watch::Receiver<State>,
    thread: JoinHandle<()>,
}

impl Guardian {
    /// Starts the thread, which starts the server.
    pub(super) fn start(folders: Folders, user: ServiceUser) -> Self {
        let wanted = Arc::new(Mutex::new(Wanted::default()));
        let (report, state) = watch::channel(State::Running);
        let theirs = Arc::clone(&wanted);
        let thread = std::thread::spawn(move || {
            if let Err(failure) = hold(&folders, user, &theirs) {
                tracing::error!(error = %failure, "the private PostgreSQL does not run");
                report.send_replace(State::Failed(Arc::new(failure)));
            }
        });
        Self { wanted, state, thread }
    }

    pub(super) fn state(&self) -> State {
        self.state.borrow().clone()
    }

    /// Waits for the failure that ended the thread.
    pub(super) async fn failed(&self) -> Arc<Failure> {
        let mut state = self.state.clone();
        loop {
            if let State::Failed(failure) = &*state.borrow_and_update() {
                return Arc::clone(failure);
            }
            if state.changed().await.is_err() {
                // Stopped as asked: there is no failure to come.
                std::future::pending::<()>().await;
            }
        }
    }

    /// Ends the server and waits for the thread.
    pub(super) fn stop(self) {
        {
            let mut wanted = lock(&self.wanted);
            wanted.stopping = true;
            if let Some(pid) = wanted.server {
                // SIGINT: a fast shutdown, which cuts sessions and writes a checkpoint.
                let _ = rustix::process::kill_process(pid, Signal::INT);
            }
        }
        let _ = self.thread.join();
    }
}

fn lock(wanted: &Mutex<Wanted>) -> MutexGuard<'_, Wanted> {
    wanted.lock().unwrap_or_else(PoisonError::into_inner)
}

fn hold(folders: &Folders, user: ServiceUser, wanted: &Mutex<Wanted>) -> Result<(), Failure> {
    let mut early_ends = 0;
    loop {
        let installation = folders.prepare(user)?;
        folders.take_over()?;
        let started = Instant::now();
        let start_log = folders.start_log();
        let words = File::create(&start_log)
            .map_err(|source| ClusterError::Io { path: start_log.clone(), source })?;
        let mut command = folders.server(&installation, user);
        command.stderr(words);
        let child = {
            let mut wanted = lock(wanted);
            if wanted.stopping {
                return Ok(());
            }
            let child = command.spawn().map_err(Failure::Spawn)?;
            wanted.server = pid_of(&child);
            child
        };
        let status = wait(child, wanted);
        if lock(wanted).stopping {
            return Ok(());
        }
        early_ends = if started.elapsed() < WORKING { early_ends + 1 } else { 1 };
        if early_ends >= TRIES {
            let words = std::fs::read_to_string(&start_log).unwrap_or_default();
            let words: Vec<&str> = words.lines().rev().take(3).collect();
            return Err(Failure::KeepsEnding { status, words: words.join("; ") });
        }
        tracing::warn!(status, "the private PostgreSQL ended by itself; starting it again");
        std::thread::sleep(Duration::from_millis(100) * (early_ends * early_ends));
    }
}

fn pid_of(child: &Child) -> Option<Pid> {
    i32::try_from(child.id()).ok().and_then(Pid::from_raw)
}

/// Waits without reaping, so that the pid stays the child's until `wanted` no longer names it.
fn wait(mut child: Child, wanted: &Mutex<Wanted>) -> String {
    if let Some(pid) = pid_of(&child) {
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
        while matches!(rustix::process::waitid(WaitId::Pid(pid), options), Err(rustix::io::Errno::INTR)) {}
    }
    let mut wanted = lock(wanted);
    wanted.server = None;
    child.wait().map_or_else(|e| e.to_string(), |status| status.to_string())
}
