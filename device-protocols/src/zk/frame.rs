//! Packets and their TCP framing.
//!
//! ```text
//! TCP frame: 50 50 82 7D | u32 length of the packet | packet
//! packet:    u16 command | u16 checksum | u16 session | u16 reply id | data
//! ```
//!
//! TCP is a byte stream: one read may hold half a packet or three. [`TcpCodec`] keeps what is left over. A wrong
//! magic or length ends the stream, since nothing in it can be trusted to start a packet again. A wrong checksum
//! does not: senders that are off by one exist, so the packet is handed on with the finding.

use std::io;

use bytes::{Buf, BufMut, Bytes, BytesMut};
use tokio_util::codec::{Decoder, Encoder};

use super::code::Code;
use super::{u16_at, u32_at};

/// Largest packet accepted or sent: 1 MiB, sixteen times the largest chunk a client asks for.
pub const MAX_PACKET: usize = 1 << 20;
/// Length of the packet header.
pub const HEADER: usize = 8;
/// First bytes of every TCP frame.
pub const MAGIC: [u8; 4] = [0x50, 0x50, 0x82, 0x7D];
/// Length of the TCP prefix: magic and packet length.
const PREFIX: usize = 8;
/// Most bytes reserved ahead of data that has not come yet.
const RESERVE: usize = 64 * 1024;

/// One request, reply or event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packet {
    /// What is asked, answered or told.
    pub command: Code,
    /// The session; an event's code; the clock's state in a reply to [`Code::STATE_RRQ`].
    pub session: u16,
    /// The number by which a reply finds its request.
    pub reply: u16,
    /// What belongs to the command.
    pub data: Bytes,
}

/// A packet from the wire, and whether its checksum was right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Received {
    /// The packet.
    pub packet: Packet,
    /// Whether the checksum was the one computed over the packet.
    pub checksum_ok: bool,
}

/// Why the byte stream cannot be followed any further.
#[derive(Debug, thiserror::Error)]
pub enum FrameError {
    /// A frame does not begin with [`MAGIC`].
    #[error("the stream does not begin a frame: {0:02x?}")]
    Magic([u8; 4]),
    /// A packet is announced that is shorter than a header or longer than [`MAX_PACKET`].
    #[error("a packet of {0} bytes is announced")]
    Length(u32),
    /// The socket failed.
    #[error("the connection failed")]
    Io(#[from] io::Error),
}

/// The checksum of a packet: complement of the one's-complement sum of its little-endian words, the checksum field
/// being zero and an odd last byte padded with zero.
#[must_use]
pub fn checksum(packet: &Packet) -> u16 {
    let header = u64::from(packet.command.0) + u64::from(packet.session) + u64::from(packet.reply);
    let mut words = packet.data.chunks_exact(2);
    let mut sum = words.by_ref().fold(header, |sum, word| sum + u64::from(u16_at(word, 0).unwrap_or(0)));
    sum += words.remainder().first().copied().map_or(0, u64::from);
    while sum > 0xFFFF {
        sum = (sum & 0xFFFF) + (sum >> 16);
    }
    !u16::try_from(sum).unwrap_or(u16::MAX)
}

impl Packet {
    /// A packet with data.
    #[must_use]
    pub fn new(command: Code, session: u16, reply: u16, data: impl Into<Bytes>) -> Self {
        Self { command, session, reply, data: data.into() }
    }

    /// Appends the packet without a TCP prefix.
    pub fn write(&self, out: &mut BytesMut) {
        out.reserve(HEADER + self.data.len());
        out.put_u16_le(self.command.0);
        out.put_u16_le(checksum(self));
        out.put_u16_le(self.session);
        out.put_u16_le(self.reply);
        out.put_slice(&self.data);
    }

    /// Reads a packet without a TCP prefix; `None` when it is shorter than a header.
    #[must_use]
    pub fn read(mut bytes: Bytes) -> Option<Received> {
        if bytes.len() < HEADER {
            return None;
        }
        let command = Code(bytes.get_u16_le());
        let declared = bytes.get_u16_le();
        let packet = Self { command, session: bytes.get_u16_le(), reply: bytes.get_u16_le(), data: bytes };
        let checksum_ok = checksum(&packet) == declared;
        Some(Received { packet, checksum_ok })
    }
}

/// The TCP framing, at most [`MAX_PACKET`] bytes a packet.
#[derive(Debug, Clone, Copy, Default)]
pub struct TcpCodec;

impl Decoder for TcpCodec {
    type Item = Received;
    type Error = FrameError;

    fn decode(&mut self, src: &mut BytesMut) -> Result<Option<Received>, FrameError> {
        // A wrong magic is reported as soon as it shows, not when a whole prefix has come.
        let seen = src.len().min(MAGIC.len());
        if src.get(..seen) != MAGIC.get(..seen) {
            let mut found = [0; 4];
            for (to, from) in found.iter_mut().zip(src.iter()) {
                *to = *from;
            }
            return Err(FrameError::Magic(found));
        }
        let Some(declared) = u32_at(src, MAGIC.len()) else {
            return Ok(None);
        };
        let length = usize::try_from(declared).unwrap_or(usize::MAX);
        if !(HEADER..=MAX_PACKET).contains(&length) {
            return Err(FrameError::Length(declared));
        }
        if src.len() < PREFIX + length {
            src.reserve((PREFIX + length - src.len()).min(RESERVE));
            return Ok(None);
        }
        src.advance(PREFIX);
        Ok(Packet::read(src.split_to(length).freeze()))
    }
}

impl Encoder<&Packet> for TcpCodec {
    type Error = FrameError;

    fn encode(&mut self, packet: &Packet, dst: &mut BytesMut) -> Result<(), FrameError> {
        let length = HEADER + packet.data.len();
        let declared = u32::try_from(length).unwrap_or(u32::MAX);
        if length > MAX_PACKET {
            return Err(FrameError::Length(declared));
        }
        dst.reserve(PREFIX + length);
        dst.put_slice(&MAGIC);
        dst.put_u32_le(declared);
        packet.write(dst);
        Ok(())
    }
}

#[cfg(test)]
mod tests;
