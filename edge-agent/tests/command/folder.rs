//! A data folder and the commands on it.

use std::ffi::OsStr;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};
use serde_json::Value;
use tempfile::TempDir;

/// Longer than anything here takes; what waits so long has failed.
const PATIENCE: Duration = Duration::from_secs(60);

/// A folder in which an agent may live.
pub(crate) struct Folder {
    parent: TempDir,
}

/// How a command ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Ended {
    /// What it printed, having ended well.
    pub(crate) fn done(self) -> String {
        assert_eq!(self.code, 0, "{self:?}");
        self.out
    }

    /// The JSON it printed, having ended well.
    pub(crate) fn json(self) -> Value {
        assert_eq!(self.code, 0, "{self:?}");
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// Its complaint, having ended with this code.
    pub(crate) fn refused(self, code: i32) -> String {
        assert_eq!(self.code, code, "{self:?}");
        assert!(self.err.starts_with("muster-edge: "), "{self:?}");
        self.err
    }
}

impl Folder {
    /// A folder that is not there yet.
    pub(crate) fn new() -> Self {
        Self { parent: TempDir::new().unwrap() }
    }

    /// A folder with an agent that has a site and listens on free ports.
    pub(crate) fn with_site() -> Self {
        let folder = Self::new();
        folder.run(["site", "set", "--code", "F1", "--name", "Factory 1", "--zone", "Asia/Dhaka"]).done();
        folder.write(
            "edge/muster-edge.toml",
            "[ui]\nlisten = \"127.0.0.1:0\"\n[push]\nlisten = \"127.0.0.1:0\"\n[poll]\ninterval_seconds = 1\n",
        );
        folder
    }

    /// The data folder.
    pub(crate) fn path(&self) -> PathBuf {
        self.parent.path().join("edge")
    }

    /// Writes a file beside (or in) the data folder and returns its path.
    pub(crate) fn write(&self, name: &str, text: &str) -> String {
        let path = self.parent.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    }

    fn command<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_muster-edge"));
        command.arg("--data").arg(self.path()).args(arguments).env_remove("MUSTER_COMM_KEY");
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Runs a command to its end.
    pub(crate) fn run<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> Ended {
        ended(self.command(arguments).output().unwrap())
    }

    /// The same with something in the environment.
    pub(crate) fn run_with<A: AsRef<OsStr>>(
        &self,
        variable: (&str, &str),
        arguments: impl IntoIterator<Item = A>,
    ) -> Ended {
        ended(self.command(arguments).env(variable.0, variable.1).output().unwrap())
    }

    /// The same with something to read.
    pub(crate) fn run_reading<A: AsRef<OsStr>>(
        &self,
        input: &str,
        arguments: impl IntoIterator<Item = A>,
    ) -> Ended {
        let mut child = self.command(arguments).stdin(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        ended(child.wait_with_output().unwrap())
    }

    /// Starts a command and does not wait for it.
    pub(crate) fn spawn<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> Child {
        self.command(arguments).spawn().unwrap()
    }

    /// Starts the agent and waits until it is ready.
    pub(crate) fn start(&self) -> Running {
        let arguments = ["run", "--ui-listen", "127.0.0.1:0", "--push-listen", "127.0.0.1:0"];
        let mut child = self.command(arguments).stderr(Stdio::inherit()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let (tell, told) = mpsc::channel();
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                // Nobody listens any more once the agent is ready.
                let _ = tell.send(serde_json::from_str::<Value>(&line).unwrap());
            }
        });
        let mut running = Running { child, push: String::new() };
        loop {
            let event = told.recv_timeout(PATIENCE).expect("the agent says that it is ready");
            if event["event"] == "listening" && event["what"] == "push" {
                event["address"].as_str().unwrap().clone_into(&mut running.push);
            }
            if event["event"] == "ready" {
                return running;
            }
        }
    }

    /// A number out of the database.
    pub(crate) fn count(&self, sql: &str) -> i64 {
        let path = self.path().join("muster-edge.db");
        let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap();
        connection.query_row(sql, [], |row| row.get(0)).unwrap()
    }
}

pub(crate) fn ended(output: std::process::Output) -> Ended {
    Ended {
        code: output.status.code().unwrap_or(-1),
        out: String::from_utf8(output.stdout).unwrap().trim_end().to_owned(),
        err: String::from_utf8(output.stderr).unwrap().trim_end().to_owned(),
    }
}

/// A running agent, ended when dropped.
pub(crate) struct Running {
    child: Child,
    pub(crate) push: String,
}

impl Running {
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Asks it to stop and waits for its end.
    pub(crate) fn stop(mut self) -> ExitStatus {
        let asked = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status().unwrap();
        assert!(asked.success());
        self.child.wait().unwrap()
    }

    /// Ends it as a power cut would.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // One that has ended already is as wanted.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Whether a file is there.
pub(crate) fn exists(path: &Path) -> bool {
    path.try_exists().unwrap()
}
