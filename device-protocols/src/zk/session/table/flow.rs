//! Length of a body that comes without being asked for in chunks.

use crate::zk::code::Code;
use crate::zk::frame::Packet;
use crate::zk::u32_at;

/// That length, and how far it can be believed.
#[derive(Debug, Clone, Copy)]
pub(super) enum Flow {
    /// `PREPARE_DATA` told it: less is a failure, and `ACK_OK` ends it.
    Announced(u64),
    /// Only the body's own length word tells it, which may be larger than the body: when nothing more comes, what came
    /// is all there is. Nothing follows it.
    Unannounced(u64),
}

impl Flow {
    /// The length told by the first packet of a body.
    pub(super) fn of(packet: &Packet) -> Self {
        let told = u32_at(&packet.data, 0).map(u64::from);
        match packet.command {
            Code::PREPARE_DATA => Self::Announced(told.unwrap_or(0)),
            _ => Self::Unannounced(told.map_or(0, |records| records + 4)),
        }
    }

    pub(super) fn is_reached(self, done: u64) -> bool {
        let (Self::Announced(length) | Self::Unannounced(length)) = self;
        done >= length
    }

    pub(super) fn total(self) -> Option<u64> {
        match self {
            Self::Announced(length) => Some(length),
            Self::Unannounced(_) => None,
        }
    }
}
