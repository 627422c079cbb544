//! The server's folders: making them, and taking them over from a server that was killed.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal};

use super::{Installation, NoServiceUser, ServiceUser};

/// The cluster's superuser. Used once, to make the roles and the database.
pub(super) const SUPERUSER: &str = "muster_admin";
/// Names the socket file; there is no TCP port.
pub(super) const PORT: u16 = 5432;
/// `sun_path` holds 108 bytes with its end; the file's own name takes 18.
const LONGEST_SOCKET_FOLDER: usize = 88;
/// A server that was told to stop writes a checkpoint first.
const HANDOVER_LIMIT: Duration = Duration::from_secs(120);

/// Where the private server's files are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folders {
    root: PathBuf,
    marker: PathBuf,
    socket: PathBuf,
}

/// Why a data folder cannot be served from.
#[derive(Debug, thiserror::Error)]
pub enum ClusterError {
    /// A folder cannot be made or given to the server's account.
    #[error(transparent)]
    Account(#[from] NoServiceUser),
    /// `initdb` or `setpriv` could not be started.
    #[error("cannot run {program}")]
    Run {
        /// The program.
        program: PathBuf,
        /// The cause.
        #[source]
        source: std::io::Error,
    },
    /// `initdb` failed.
    #[error("initdb failed: {0}")]
    Initdb(String),
    /// A file of the cluster cannot be read, moved or removed.
    #[error("cannot change {path}")]
    Io {
        /// The file.
        path: PathBuf,
        /// The cause.
        #[source]
        source: std::io::Error,
    },
    /// There was a database here, and it is gone.
    #[error(
        "this data folder had a database, but {cluster} is gone: put it back from a backup (or mount its disk). To begin \
         with an empty cloud instead, remove {marker}"
    )]
    Vanished {
        /// Where it was.
        cluster: PathBuf,
        /// What remembers it.
        marker: PathBuf,
    },
    /// The database is not the one that was here.
    #[error(
        "{cluster} is another database (system identifier {found}) than this data folder had ({remembered}): if you put it \
         there on purpose, a dump restored into a new one for example, remove {marker}, start again, and then run \
         `muster-cloud restored`"
    )]
    Another {
        /// The database's folder.
        cluster: PathBuf,
        /// What remembers the one that was here.
        marker: PathBuf,
        /// The identifier found.
        found: String,
        /// The identifier remembered.
        remembered: String,
    },
    /// A server of an earlier life does not go away.
    #[error("processes {0:?} of an earlier PostgreSQL still use the data folder: end them and try again")]
    StillInUse(Vec<i32>),
}

impl Folders {
    /// The folders below a data folder (an absolute path).
    #[must_use]
    pub fn new(data: &Path) -> Self {
        let root = data.join("postgres");
        let near = root.join("run");
        // A deep data folder leaves no room for a socket's path: then the socket is in a short one named after it.
        let socket = if near.as_os_str().len() <= LONGEST_SOCKET_FOLDER {
            near
        } else {
            let mut name = String::from("muster-cloud-");
            for byte in &blake3::hash(near.as_os_str().as_encoded_bytes()).as_bytes()[..8] {
                let _ = write!(name, "{byte:02x}");
            }
            std::env::temp_dir().join(name)
        };
        Self { root, marker: data.join("muster-cloud.cluster"), socket }
    }

    /// The folder of the unix socket.
    #[must_use]
    pub fn socket(&self) -> &Path {
        &self.socket
    }

    /// The server's own data folder.
    #[must_use]
    pub fn cluster(&self) -> PathBuf {
        self.root.join("cluster")
    }

    /// Where the server's first words go, before its log files are open.
    pub(super) fn start_log(&self) -> PathBuf {
        self.root.join("start.log")
    }

    fn log(&self) -> PathBuf {
        self.root.join("log")
    }

    /// Makes what is missing and returns the server whose version fits.
    pub(super) fn prepare(&self, user: ServiceUser) -> Result<Installation, PrepareError> {
        for folder in [&self.root, &self.socket, &self.log()] {
            user.own_folder(folder).map_err(ClusterError::from)?;
        }
        let version = self.cluster().join("PG_VERSION");
        if let Ok(text) = std::fs::read_to_string(&version) {
            let major = text.trim().parse().ok();
            return Ok(Installation::find(major)?);
        }
        if self.marker.exists() {
            let (cluster, marker) = (self.cluster(), self.marker.clone());
            return Err(ClusterError::Vanished { cluster, marker }.into());
        }
        let installation = Installation::find(None)?;
        self.initdb(&installation, user)?;
        Ok(installation)
    }

    /// Compares the database's system identifier with the one remembered beside its folder; the first one is remembered.
    pub(super) fn recognise(&self, found: &str) -> Result<(), ClusterError> {
        let io = |source| ClusterError::Io { path: self.marker.clone(), source };
        match std::fs::read_to_string(&self.marker) {
            Ok(remembered) if remembered.trim() == found => Ok(()),
            Ok(remembered) => Err(ClusterError::Another {
                cluster: self.cluster(),
                marker: self.marker.clone(),
                found: found.to_owned(),
                remembered: remembered.trim().to_owned(),
            }),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                // Beside it first and then renamed, so that a kill leaves no empty one.
                let fresh = self.marker.with_extension("cluster.new");
                let mut file = std::fs::File::create(&fresh).map_err(io)?;
                file.write_all(format!("{found}\n").as_bytes()).and_then(|()| file.sync_all()).map_err(io)?;
                std::fs::rename(&fresh, &self.marker).map_err(io)
            }
            Err(error) => Err(io(error)),
        }
    }

    fn initdb(&self, installation: &Installation, user: ServiceUser) -> Result<(), ClusterError> {
        let fresh = self.root.join("cluster.new");
        let io = |path: &Path| {
            let path = path.to_owned();
            move |source| ClusterError::Io { path, source }
        };
        if fresh.exists() {
            std::fs::remove_dir_all(&fresh).map_err(io(&fresh))?;
        }
        user.own_folder(&fresh)?;
        let mut command = dying_with_us("KILL", &installation.program("initdb"));
        command
            .args([
                "--encoding=UTF8",
                "--no-locale",
                "--auth-local=trust",
                "--auth-host=reject",
                "--data-checksums",
            ])
            .arg(format!("--username={SUPERUSER}"))
            .arg("--pgdata")
            .arg(&fresh)
            .current_dir(&fresh)
            .stdin(Stdio::null());
        user.apply(&mut command);
        tracing::info!(
            postgres.version = installation.major(),
            "making the private PostgreSQL's data folder"
        );
        let program = installation.program("initdb");
        let output = command.output().map_err(|source| ClusterError::Run { program, source })?;
        if !output.status.success() {
            return Err(ClusterError::Initdb(String::from_utf8_lossy(&output.stderr).trim().to_owned()));
        }
        let cluster = self.cluster();
        std::fs::rename(&fresh, &cluster).map_err(io(&cluster))
    }

    /// The command that becomes the server.
    pub(super) fn server(&self, installation: &Installation, user: ServiceUser) -> Command {
        let mut command = dying_with_us("INT", &installation.program("postgres"));
        command.arg("-D").arg(self.cluster()).arg("-p").arg(PORT.to_string());
        let socket = format!("unix_socket_directories={}", self.socket.display());
        let log = format!("log_directory={}", self.log().display());
        let settings = [
            "listen_addresses=",
            &socket,
            "unix_socket_permissions=0700",
            "logging_collector=on",
            &log,
            "log_filename=%a.log",
            "log_rotation_size=0",
            "log_truncate_on_rotation=on",
            "max_wal_size=4GB",
        ];
        for setting in settings {
            command.arg("-c").arg(setting);
        }
        command.current_dir(self.cluster()).stdin(Stdio::null()).stdout(Stdio::null());
        user.apply(&mut command);
        command
    }

    /// Waits for what is left of an earlier server, then clears what it left behind.
    ///
    /// The pid in a stale `postmaster.pid` may by now be another's (in a container it nearly always is), and then
    /// PostgreSQL refuses to start. It may only be removed when no process of the cluster lives: it is the server's
    /// own guard against two servers on one folder. Every server process has the folder as its working directory.
    pub(super) fn take_over(&self) -> Result<(), ClusterError> {
        let cluster = self.cluster();
        let pid_file = cluster.join("postmaster.pid");
        if !pid_file.exists() {
            return Ok(());
        }
        let postmaster =
            std::fs::read_to_string(&pid_file).ok().and_then(|text| text.lines().next()?.parse().ok());
        let mut waited = Duration::ZERO;
        loop {
            let living = processes_in(&cluster);
            if living.is_empty() {
                break;
            }
            if waited >= HANDOVER_LIMIT {
                return Err(ClusterError::StillInUse(living));
            }
            if waited.is_zero() {
                tracing::info!(processes = ?living, "waiting for an earlier PostgreSQL to end");
                if let Some(pid) = postmaster.filter(|pid| living.contains(pid)).and_then(Pid::from_raw) {
                    let _ = rustix::process::kill_process(pid, Signal::INT);
                }
            }
            std::thread::sleep(Duration::from_millis(20));
            waited += Duration::from_millis(20);
        }
        let socket_lock = self.socket.join(format!(".s.PGSQL.{PORT}.lock"));
        for stale in [pid_file, socket_lock] {
            match std::fs::remove_file(&stale) {
                Err(source) if source.kind() != std::io::ErrorKind::NotFound => {
                    return Err(ClusterError::Io { path: stale, source });
                }
                Ok(()) | Err(_) => {}
            }
        }
        Ok(())
    }
}

/// Why the folder is not ready.
#[derive(Debug, thiserror::Error)]
pub(super) enum PrepareError {
    #[error(transparent)]
    NotInstalled(#[from] super::NotInstalled),
    #[error(transparent)]
    Cluster(#[from] ClusterError),
}

/// A command that gets a signal when the thread that spawned it ends.
fn dying_with_us(signal: &str, program: &Path) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", signal, "--"]).arg(program);
    command
}

/// The processes whose working directory is `folder`. Processes of others cannot be looked into and are not of it.
fn processes_in(folder: &Path) -> Vec<i32> {
    let Ok(entries) = std::fs::read_dir("/proc") else { return Vec::new() };
    let ours = entries.flatten().filter_map(|entry| {
        let pid = entry.file_name().to_str()?.parse().ok()?;
        let cwd = std::fs::read_link(entry.path().join("cwd")).ok()?;
        (cwd == folder).then_some(pid)
    });
    ours.collect()
}
