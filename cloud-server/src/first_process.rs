//! Being a container's first process: nobody else reaps orphans or hands on signals there.
//!
//! A killed PostgreSQL leaves its workers to process 1. Waiting for any child would take the exits that the rest of the
//! program waits for, so process 1 starts this program once more and does nothing but reap and hand on signals.

use std::io;
use std::process::{Command, ExitCode};

use rustix::process::{Pid, Signal, WaitOptions, WaitStatus};
use tokio::signal::unix::{SignalKind, signal};

/// Runs this program as a child when this process is the first of its container. `None` otherwise.
///
/// # Errors
/// When the child cannot be started or signals cannot be received.
pub fn run_if_first() -> Option<io::Result<ExitCode>> {
    (std::process::id() == 1).then(|| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(run())
    })
}

async fn run() -> io::Result<ExitCode> {
    let mut arguments = std::env::args_os();
    arguments.next();
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut hang_up = signal(SignalKind::hangup())?;
    let mut quit = signal(SignalKind::quit())?;
    let mut child_ended = signal(SignalKind::child())?;
    let child = Command::new(std::env::current_exe()?).args(arguments).spawn()?;
    let child = i32::try_from(child.id()).ok().and_then(Pid::from_raw).ok_or(io::ErrorKind::InvalidData)?;
    loop {
        // The child may have ended before its signal was listened for.
        if let Some(code) = reap(child)? {
            return Ok(code);
        }
        let handed_on = tokio::select! {
            _ = child_ended.recv() => continue,
            _ = terminate.recv() => Signal::TERM,
            _ = interrupt.recv() => Signal::INT,
            _ = hang_up.recv() => Signal::HUP,
            _ = quit.recv() => Signal::QUIT,
        };
        let _ = rustix::process::kill_process(child, handed_on);
    }
}

/// Reaps everything that has ended; the exit code once `child` is among it.
fn reap(child: Pid) -> io::Result<Option<ExitCode>> {
    loop {
        match rustix::process::wait(WaitOptions::NOHANG) {
            Ok(Some((pid, status))) if pid == child => return Ok(Some(code_of(status))),
            Ok(Some(_)) | Err(rustix::io::Errno::INTR) => {}
            Ok(None) | Err(rustix::io::Errno::CHILD) => return Ok(None),
            Err(error) => return Err(error.into()),
        }
    }
}

fn code_of(status: WaitStatus) -> ExitCode {
    let number =
        status.exit_status().or_else(|| status.terminating_signal().map(|signal| 128 + signal)).unwrap_or(1);
    ExitCode::from(u8::try_from(number).unwrap_or(1))
}
