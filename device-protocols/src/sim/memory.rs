//! A simulated clock's memory: punches computed from their place, then punches made live.
//!
//! State file, one JSON object a line: first the clock's make (serial and number of generated records), then each live
//! punch, synced before it counts. A last line without its end was never counted and is cut off at start.

use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::SimConfig;
use super::generator::Generator;
use super::record::{Method, SimPunch};
use crate::zk::time::Parts;

/// A record of the sent list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SentLine {
    /// The clock's serial number.
    pub serial: String,
    /// The user as the log over TCP names it.
    pub code: String,
    /// The user's id, which push and longer records name.
    pub user: String,
    /// The clock's wall time.
    pub time: String,
    /// Whether the time exists.
    pub ok: bool,
}

/// Why a memory cannot be opened or written.
#[derive(Debug, thiserror::Error)]
pub enum MemoryError {
    /// A file failed.
    #[error("{path}")]
    File {
        /// Which.
        path: PathBuf,
        /// How.
        #[source]
        source: io::Error,
    },
    /// A line of the state file is not this program's.
    #[error("{path}, line {line}: not a simulated clock's state")]
    Line {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What is wrong.
        #[source]
        source: serde_json::Error,
    },
    /// The state file belongs to another clock.
    #[error("{path} belongs to clock {serial} with {records} generated records")]
    OtherClock {
        /// The file.
        path: PathBuf,
        /// Whose it is.
        serial: String,
        /// Its generated records.
        records: u64,
    },
}

#[derive(Serialize, Deserialize)]
struct Make {
    serial: String,
    records: u64,
}

#[derive(Serialize, Deserialize)]
struct Line {
    user: u32,
    time: u32,
    method: Method,
    key: u8,
}

/// What a clock holds.
#[derive(Debug)]
pub struct Memory {
    generator: Generator,
    generated: u64,
    kept: Vec<SimPunch>,
    state: Option<(PathBuf, File)>,
    sent: Option<(PathBuf, File)>,
}

impl Memory {
    pub(super) fn open(config: &SimConfig) -> Result<Self, MemoryError> {
        let mut memory = Self {
            generator: config.generator,
            generated: config.records,
            kept: Vec::new(),
            state: None,
            sent: None,
        };
        if let Some(path) = &config.state_file {
            let at = |source| MemoryError::File { path: path.clone(), source };
            let options = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path);
            let mut file = options.map_err(at)?;
            memory.load(config, path, &mut file)?;
            file.sync_all().map_err(at)?;
            memory.state = Some((path.clone(), file));
        }
        if let Some(path) = &config.sent_file {
            let file =
                File::create(path).map_err(|source| MemoryError::File { path: path.clone(), source })?;
            memory.sent = Some((path.clone(), file));
        }
        Ok(memory)
    }

    fn load(&mut self, config: &SimConfig, path: &Path, file: &mut File) -> Result<(), MemoryError> {
        let at = |source| MemoryError::File { path: path.to_path_buf(), source };
        let mut text = String::new();
        file.read_to_string(&mut text).map_err(at)?;
        let whole = text.rfind('\n').map_or(0, |end| end + 1);
        let mut lines = text.get(..whole).unwrap_or_default().lines().enumerate();
        let broken =
            |line: usize, source| MemoryError::Line { path: path.to_path_buf(), line: line + 1, source };
        if let Some((number, first)) = lines.next() {
            let make: Make = serde_json::from_str(first).map_err(|error| broken(number, error))?;
            if make.serial != config.serial || make.records != config.records {
                let Make { serial, records } = make;
                return Err(MemoryError::OtherClock { path: path.to_path_buf(), serial, records });
            }
        }
        for (number, line) in lines {
            let line: Line = serde_json::from_str(line).map_err(|error| broken(number, error))?;
            let Line { user, time, method, key } = line;
            self.kept.push(SimPunch { user, time: Parts::unpack(time), method, key });
        }
        let whole = u64::try_from(whole).unwrap_or(u64::MAX);
        file.set_len(whole).map_err(at)?;
        file.seek(SeekFrom::Start(whole)).map_err(at)?;
        if whole == 0 {
            let make = Make { serial: config.serial.clone(), records: config.records };
            write_line(file, &make).map_err(at)?;
        }
        Ok(())
    }

    /// Records held.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.generated + u64::try_from(self.kept.len()).unwrap_or(u64::MAX)
    }

    /// A record by its place.
    #[must_use]
    pub fn get(&self, index: u64) -> Option<SimPunch> {
        match index.checked_sub(self.generated) {
            None => Some(self.generator.punch(index)),
            Some(live) => self.kept.get(usize::try_from(live).ok()?).copied(),
        }
    }

    pub(super) fn keep(&mut self, punch: SimPunch, sent: &SentLine) -> Result<(), MemoryError> {
        if let Some((path, file)) = &mut self.state {
            let SimPunch { user, time, method, key } = punch;
            let line = Line { user, time: time.pack(), method, key };
            write_line(file, &line)
                .and_then(|()| file.sync_data())
                .map_err(|source| MemoryError::File { path: path.clone(), source })?;
        }
        self.kept.push(punch);
        if let Some((path, file)) = &mut self.sent {
            write_line(file, sent).map_err(|source| MemoryError::File { path: path.clone(), source })?;
        }
        Ok(())
    }

    /// Writes the sent list of what is held at the start.
    pub(super) fn write_sent(&mut self, line: impl Fn(u64, SimPunch) -> SentLine) -> Result<(), MemoryError> {
        let Some((path, file)) = self.sent.take() else { return Ok(()) };
        let at = |source| MemoryError::File { path: path.clone(), source };
        let mut out = BufWriter::new(file);
        for index in 0..self.count() {
            if let Some(punch) = self.get(index) {
                write_line(&mut out, &line(index, punch)).map_err(at)?;
            }
        }
        let file = out.into_inner().map_err(|error| at(error.into_error()))?;
        self.sent = Some((path, file));
        Ok(())
    }
}

/// One write a line, so that a crash leaves at most one torn line.
fn write_line(out: &mut impl Write, line: &impl Serialize) -> io::Result<()> {
    let mut text = serde_json::to_string(line)?;
    text.push('\n');
    out.write_all(text.as_bytes())
}
