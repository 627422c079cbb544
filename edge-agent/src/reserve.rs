//! Room kept back on the disk, so that a full one does not stop the agent's own books.
//!
//! ```text
//! held    muster-edge.reserve has its full size
//! spent   a write found no room, and the file was emptied. What clocks bring is refused, and they keep it; the room is
//!         for accounts, states of clocks, the audit log, what the cloud acknowledges, and an orderly end
//! absent  the disk had no room for the file when the agent came to it
//! ```
//!
//! From *spent* back to *held* as soon as the disk has room for the file and some to go on with. The file stays, empty,
//! over a restart: an agent that was full when it ended must not fill with punches what it had kept back.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::store::Store;

/// The name of the file in the data folder.
pub const FILE: &str = "muster-edge.reserve";

/// Bytes kept back.
pub const SIZE: u64 = 64 * 1024 * 1024;

/// Bytes that must be free beside the file before clocks are heard again.
const MARGIN: u64 = 4 * 1024 * 1024;
/// How soon room is noticed by clocks that are refused.
const LOOK: Duration = Duration::from_secs(2);
/// How often an agent that could not make the file tries again.
const RETRY: Duration = Duration::from_secs(60);

/// Whether the file is there and was given up.
#[must_use]
pub fn is_spent(folder: &Path) -> bool {
    std::fs::metadata(folder.join(FILE)).is_ok_and(|file| file.len() == 0)
}

/// What is kept back at present.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Held,
    Spent,
    Absent,
}

/// The file, and what it is worth to the store.
#[derive(Debug)]
pub struct Reserve {
    path: PathBuf,
    store: Store,
    state: State,
}

impl Reserve {
    /// Makes the file, or finds it as it was left. Call it before clocks are heard.
    #[must_use]
    pub fn begin(folder: &Path, store: Store) -> Self {
        let path = folder.join(FILE);
        let found = std::fs::metadata(&path).map(|file| file.len());
        let state = match (&found, make(&path)) {
            (Ok(SIZE), _) | (_, Ok(())) => State::Held,
            (Ok(0), Err(_)) => State::Spent,
            (_, Err(error)) => {
                tracing::warn!(
                    path = %path.display(), error = %error,
                    "no room can be kept back on this disk: free some, or a full disk will stop sign-ins, too"
                );
                // What was made of it helps nobody, and an empty file would say that it had been used.
                let _ = std::fs::remove_file(&path);
                State::Absent
            }
        };
        let reserve = Self { path, store, state };
        if state == State::Spent {
            tracing::error!("the disk is full: clocks are refused and keep their punches");
            reserve.store.set_full(true);
        }
        reserve
    }

    /// Gives the room up when a write finds none, and takes it again, until stopped.
    pub async fn run(mut self, stop: CancellationToken) {
        let mut full = self.store.watch_full();
        loop {
            let pause = if self.state == State::Spent { LOOK } else { RETRY };
            let is_full = tokio::select! {
                () = stop.cancelled() => return,
                _ = full.wait_for(|full| *full), if self.state != State::Spent => true,
                () = tokio::time::sleep(pause) => self.store.is_full(),
            };
            let path = self.path.clone();
            let state = self.state;
            let turned = tokio::task::spawn_blocking(move || turn(&path, state, is_full)).await;
            let turned = turned.unwrap_or(state);
            if turned != self.state {
                self.state = turned;
                self.tell();
            }
        }
    }

    fn tell(&self) {
        match self.state {
            State::Spent => tracing::error!(
                "the disk is full: clocks are refused and keep their punches until there is room again"
            ),
            State::Held | State::Absent => tracing::info!("there is room on the disk: clocks are heard"),
        }
        self.store.set_full(self.state == State::Spent);
    }
}

/// The state after a look.
fn turn(path: &Path, state: State, full: bool) -> State {
    match state {
        State::Held | State::Absent if full => {
            // An empty file marks the state; where not even that can be made, a restart does not know of it.
            let _ = OpenOptions::new().create(true).truncate(true).write(true).open(path);
            State::Spent
        }
        State::Held => State::Held,
        State::Spent | State::Absent => {
            if free(path).is_some_and(|free| free < SIZE + MARGIN) {
                return state;
            }
            match make(path) {
                Ok(()) => State::Held,
                Err(_) => state,
            }
        }
    }
}

/// Makes the file with its full size, or leaves an empty one.
fn make(path: &Path) -> io::Result<()> {
    let file = OpenOptions::new().create(true).truncate(false).write(true).open(path)?;
    if file.metadata()?.len() == SIZE {
        return Ok(());
    }
    let made = allocate(&file).and_then(|()| file.sync_all());
    made.inspect_err(|_| {
        let _ = file.set_len(0);
    })
}

#[cfg(unix)]
fn allocate(file: &File) -> io::Result<()> {
    use rustix::fs::FallocateFlags;
    use rustix::io::Errno;
    match rustix::fs::fallocate(file, FallocateFlags::empty(), 0, SIZE) {
        Err(Errno::OPNOTSUPP | Errno::NOSYS) => write_out(file),
        done => Ok(done?),
    }
}

/// There a file of a length has its clusters.
#[cfg(not(unix))]
fn allocate(file: &File) -> io::Result<()> {
    file.set_len(SIZE)
}

/// For file systems that cannot give room without bytes.
#[cfg(unix)]
fn write_out(mut file: &File) -> io::Result<()> {
    use std::io::Write as _;
    let block = vec![0; 1024 * 1024];
    for _ in 0..SIZE / 1024 / 1024 {
        file.write_all(&block)?;
    }
    Ok(())
}

/// Bytes that are free beside the file; `None` where the system does not tell.
#[cfg(unix)]
fn free(path: &Path) -> Option<u64> {
    let stat = rustix::fs::statvfs(path.parent()?).ok()?;
    Some(stat.f_bavail.saturating_mul(stat.f_frsize))
}

#[cfg(not(unix))]
fn free(_path: &Path) -> Option<u64> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_room_is_given_up_when_the_disk_is_full_and_taken_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE);
        let length = || std::fs::metadata(&path).unwrap().len();
        make(&path).unwrap();
        assert_eq!((length(), is_spent(folder.path())), (SIZE, false));
        assert_eq!(turn(&path, State::Held, false), State::Held);
        assert_eq!(turn(&path, State::Held, true), State::Spent);
        assert_eq!((length(), is_spent(folder.path())), (0, true));
        assert_eq!(turn(&path, State::Spent, true), State::Held);
        assert_eq!((length(), is_spent(folder.path())), (SIZE, false));
    }
}
