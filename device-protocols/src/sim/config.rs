//! How a simulated clock is made.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use super::fault::Faults;
use super::generator::Generator;
use super::memory::SentLine;
use super::record::{SimPunch, SimUser};

/// The layout of a simulated clock's records over TCP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecordFormat {
    /// 8 bytes: serial, verify, time, state.
    ShortA,
    /// 8 bytes: serial, verify, state, time.
    ShortB,
    /// 16 bytes, state before verify.
    MediumStateFirst,
    /// 16 bytes, verify before state.
    MediumVerifyFirst,
    /// 40 bytes or more.
    Long(u16),
}

impl RecordFormat {
    /// Bytes of a record.
    #[must_use]
    pub fn stride(self) -> usize {
        match self {
            Self::ShortA | Self::ShortB => 8,
            Self::MediumStateFirst | Self::MediumVerifyFirst => 16,
            Self::Long(stride) => usize::from(stride).max(40),
        }
    }

    /// Whether users have 72 bytes.
    #[must_use]
    pub fn has_wide_users(self) -> bool {
        matches!(self, Self::Long(_))
    }

    /// The name under which the log knows a user.
    #[must_use]
    pub fn log_name(self, user: &SimUser) -> String {
        match self {
            Self::ShortA | Self::ShortB => format!("sn:{}", user.sn),
            Self::MediumStateFirst | Self::MediumVerifyFirst => number(user).to_string(),
            Self::Long(_) => user.code.clone(),
        }
    }

    /// Appends a record.
    pub fn write(self, punch: &SimPunch, user: &SimUser, out: &mut Vec<u8>) {
        let time = punch.time.pack().to_le_bytes();
        let (verify, state) = (punch.method.tcp_code(), punch.tcp_state());
        match self {
            Self::ShortA => {
                out.extend_from_slice(&user.sn.to_le_bytes());
                out.push(verify);
                out.extend_from_slice(&time);
                out.push(state);
            }
            Self::ShortB => {
                out.extend_from_slice(&user.sn.to_le_bytes());
                out.extend_from_slice(&[verify, state]);
                out.extend_from_slice(&time);
            }
            Self::MediumStateFirst | Self::MediumVerifyFirst => {
                out.extend_from_slice(&number(user).to_le_bytes());
                out.extend_from_slice(&time);
                let codes = if self == Self::MediumStateFirst { [state, verify] } else { [verify, state] };
                out.extend_from_slice(&codes);
                out.extend_from_slice(&[0; 6]);
            }
            Self::Long(_) => {
                let end = out.len() + self.stride();
                out.extend_from_slice(&user.sn.to_le_bytes());
                pad(out, user.code.as_bytes(), 24);
                out.push(verify);
                out.extend_from_slice(&time);
                out.extend_from_slice(&[state, 0, 0, 0, 0, 0xff, 0, 0, 0]);
                // What newer firmware adds: a mask flag, a temperature in tenths, zeros.
                out.extend([1, 0x6d, 1].into_iter().chain(std::iter::repeat(0)).take(end - out.len()));
            }
        }
    }

    /// Appends a user record.
    pub fn write_user(self, user: &SimUser, out: &mut Vec<u8>) {
        out.extend_from_slice(&user.sn.to_le_bytes());
        out.push(if user.admin { 14 } else { 0 });
        if self.has_wide_users() {
            pad(out, b"", 8);
            pad(out, user.name.as_bytes(), 24);
            out.extend_from_slice(&[0; 13]);
            pad(out, user.code.as_bytes(), 24);
        } else {
            pad(out, b"", 5);
            pad(out, user.name.as_bytes(), 8);
            out.extend_from_slice(&[0; 5]);
            out.extend_from_slice(&[1, 0, 0]);
            out.extend_from_slice(&number(user).to_le_bytes());
        }
    }
}

fn number(user: &SimUser) -> u32 {
    user.code.parse().unwrap_or_else(|_| user.sn.into())
}

fn pad(out: &mut Vec<u8>, text: &[u8], width: usize) {
    out.extend(text.iter().copied().chain(std::iter::repeat(0)).take(width));
}

impl FromStr for RecordFormat {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.to_ascii_lowercase().as_str() {
            "8" | "8a" => Ok(Self::ShortA),
            "8b" => Ok(Self::ShortB),
            "16" | "16s" => Ok(Self::MediumStateFirst),
            "16v" => Ok(Self::MediumVerifyFirst),
            other => match other.parse() {
                Ok(stride @ 40..=256) => Ok(Self::Long(stride)),
                Ok(_) | Err(_) => {
                    Err("a record format is 8a, 8b, 16s, 16v or a number from 40 to 256".into())
                }
            },
        }
    }
}

impl fmt::Display for RecordFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ShortA => f.write_str("8a"),
            Self::ShortB => f.write_str("8b"),
            Self::MediumStateFirst => f.write_str("16s"),
            Self::MediumVerifyFirst => f.write_str("16v"),
            Self::Long(stride) => write!(f, "{stride}"),
        }
    }
}

/// How a simulated clock is made.
#[derive(Debug, Clone)]
pub struct SimConfig {
    /// Serial number.
    pub serial: String,
    /// Record layout over TCP.
    pub format: RecordFormat,
    /// Where its first punches and its users come from.
    pub generator: Generator,
    /// Punches it holds from the start.
    pub records: u64,
    /// Communication key; 0 for none.
    pub comm_key: u32,
    /// Where live punches are kept over a crash; in memory only if `None`.
    pub state_file: Option<PathBuf>,
    /// Where the sent list is written.
    pub sent_file: Option<PathBuf>,
    /// Minutes east of UTC of the clock's wall time.
    pub utc_offset_minutes: i32,
    /// What goes wrong.
    pub faults: Faults,
}

impl SimConfig {
    /// A clock of 40-byte records with the test-vector generator and no records.
    #[must_use]
    pub fn new(serial: &str) -> Self {
        Self {
            serial: serial.to_owned(),
            format: RecordFormat::Long(40),
            generator: Generator::Vector,
            records: 0,
            comm_key: 0,
            state_file: None,
            sent_file: None,
            utc_offset_minutes: 0,
            faults: Faults::default(),
        }
    }

    /// A line of the sent list.
    #[must_use]
    pub fn sent_line(&self, punch: &SimPunch) -> SentLine {
        let user = self.generator.user(punch.user);
        SentLine {
            serial: self.serial.clone(),
            code: self.format.log_name(&user),
            user: user.code,
            time: punch.time.to_string(),
            ok: punch.time.existing().is_some(),
        }
    }
}
