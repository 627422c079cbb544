//! ZKTeco standalone clocks on port 4370, over TCP.
//!
//! The protocol is little-endian requests and replies with tables moved in chunks. The layers, each usable and
//! tested alone:
//!
//! * [`frame`]: packet, checksum and TCP framing; [`code`]: command and reply codes; [`key`]: communication key;
//!   [`time`]: packed times; [`size`], [`option`], [`user`], [`operation`], [`attendance`], [`event`]: the layouts.
//! * [`session`]: what to send and what to make of replies, without a socket or a clock.
//! * [`client`]: the session on a TCP socket.

pub mod attendance;
pub mod client;
pub mod code;
pub mod driver;
pub mod event;
pub mod frame;
pub mod key;
pub mod operation;
pub mod option;
pub mod session;
pub mod size;
pub mod time;
pub mod user;

pub use attendance::{LogMark, LogPiece, LogSummary};
pub use client::{AttendanceRead, Client, ClientError, ClientOptions, Tail};
pub use code::Code;
pub use driver::{ZkDriver, ZkTarget};
pub use event::LiveEvent;
pub use frame::{Packet, TcpCodec};
pub use option::ClockInfo;
pub use size::Sizes;
pub use user::UserRecord;

/// The TCP port these clocks listen on unless their `TCPPort` option says otherwise.
pub const PORT: u16 = 4370;

/// Reads a `u16` in little-endian order at `at`.
pub(crate) fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(bytes.get(at..)?.first_chunk().copied()?))
}

/// Reads a `u32` in little-endian order at `at`.
pub(crate) fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..)?.first_chunk().copied()?))
}
