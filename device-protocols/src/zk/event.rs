//! Live events (`command` 500).
//!
//! Events have no sequence number and are lost when nobody listens. They are hints to show a punch at once and to read
//! the log soon; the log is the truth.

use bytes::Bytes;
use chrono::NaiveDateTime;

use super::time::Parts;
use super::{u16_at, u32_at};
use crate::row::{BadTime, UserCode, UserRef};

/// Event mask for attendance only.
pub const MASK_ATTENDANCE: u32 = 1;
/// Event mask for everything.
pub const MASK_ALL: u32 = 0xFFFF;

/// Event code of a punch.
const ATTENDANCE: u16 = 1;
/// Most punches taken from one packet.
const MAX_PUNCHES: usize = 64;
/// Exact lengths of one punch, longest first.
const LENGTHS: [usize; 7] = [52, 37, 36, 32, 14, 12, 10];

/// Something happened at the clock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LiveEvent {
    /// Somebody punched.
    Punches(Vec<LivePunch>),
    /// Anything else, raw: 2 finger pressed, 4 user enrolled, 8 finger enrolled, 16 key, 32 unlock, 128 verify,
    /// 256 finger quality, 512 alarm. Also a punch of unknown layout (code 1).
    Other {
        /// The event's code.
        code: u16,
        /// What came with it.
        data: Bytes,
    },
}

/// A punch as an event tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LivePunch {
    /// Whom the clock means.
    pub user: UserRef,
    /// How the person was verified.
    pub verify: u8,
    /// In/out key.
    pub state: u8,
    /// The clock's wall time.
    pub time: Result<NaiveDateTime, BadTime>,
}

impl LiveEvent {
    /// Reads an event by its code (the packet's session field) and data.
    #[must_use]
    pub fn parse(code: u16, data: &Bytes) -> Self {
        let punches = if code == ATTENDANCE { punches(data) } else { None };
        punches.map_or_else(|| Self::Other { code, data: data.clone() }, Self::Punches)
    }
}

/// Several punches may share a packet: stepped only by an exact known size at which every one of them is plausible.
/// Beyond that a long packet tells its first punch.
fn punches(data: &[u8]) -> Option<Vec<LivePunch>> {
    if LENGTHS.contains(&data.len()) {
        return punch(data).map(|punch| vec![punch]);
    }
    let stepped =
        LENGTHS.into_iter().filter(|length| data.len().is_multiple_of(*length)).find_map(|length| {
            data.chunks_exact(length)
                .take(MAX_PUNCHES)
                .map(|one| punch(one).filter(is_plausible))
                .collect::<Option<Vec<_>>>()
                .filter(|punches| !punches.is_empty())
        });
    stepped.or_else(|| (data.len() > 32).then(|| punch(data.get(..32)?).map(|punch| vec![punch])).flatten())
}

fn is_plausible(punch: &LivePunch) -> bool {
    let id = match punch.user {
        UserRef::Code(_) => true,
        UserRef::Number(number) => number > 0,
        UserRef::Internal(sn) => sn > 0,
        UserRef::Unreadable => false,
    };
    id && punch.time.is_ok() && (punch.state <= 5 || punch.state == 255)
}

fn punch(one: &[u8]) -> Option<LivePunch> {
    let (user, at) = match one.len() {
        10 | 14 => (UserRef::Internal(u16_at(one, 0)?), 2),
        12 => (UserRef::Number(u32_at(one, 0)?), 4),
        _ => (UserCode::from_padded(one.get(..24)?).map_or(UserRef::Unreadable, UserRef::Code), 24),
    };
    let [verify, state, rest @ ..] = one.get(at..)? else { return None };
    let time = Parts::from_event(*rest.first_chunk()?).checked();
    Some(LivePunch { user, verify: *verify, state: *state, time })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::super::frame::Packet;
    use super::*;

    fn parse(packet: &str) -> LiveEvent {
        let read = Packet::read(hex::decode(packet).unwrap().into()).unwrap();
        assert!(read.checksum_ok);
        LiveEvent::parse(read.packet.session, &read.packet.data)
    }

    fn told(event: LiveEvent) -> Vec<(String, u8, u8, String)> {
        let LiveEvent::Punches(punches) = event else { panic!("no punches: {event:?}") };
        let tell = |punch: LivePunch| {
            (punch.user.to_string(), punch.verify, punch.state, punch.time.unwrap().to_string())
        };
        punches.into_iter().map(tell).collect()
    }

    const AT: &str = "2026-11-20 09:30:15";

    #[rstest]
    #[case("f4012e3701000000b168de3a01001a0b14091e0f", "987654321", 1, 0, AT)]
    #[case(
        "f4014e78010000003130303100000000000000000000000000000000000000000f011a0b14091e0f",
        "1001",
        15,
        1,
        AT
    )]
    #[case(
        "f4014e78010000003130303100000000000000000000000000000000000000000f011a0b14091e0f00000000",
        "1001",
        15,
        1,
        AT
    )]
    #[case(
        "f401b1050100000039383736353433323100000000000000000000000000000004001a0b14091e0f0000000000000000000000000000000000000000",
        "987654321",
        4,
        0,
        AT
    )]
    #[case::real(
        "f401ac12010000003939393131313333330000000000000000000000000000000100120619112905",
        "999111333",
        1,
        0,
        "2018-06-25 17:41:05"
    )]
    fn each_layout_is_read(
        #[case] packet: &str,
        #[case] user: &str,
        #[case] verify: u8,
        #[case] state: u8,
        #[case] time: &str,
    ) {
        assert_eq!(told(parse(packet)), [(user.into(), verify, state, time.into())]);
    }

    #[rstest]
    #[case("020001001a0b14091e0f")]
    #[case("020001001a0b14091e0f00000000")]
    fn old_layouts_name_the_internal_serial(#[case] data: &str) {
        let event = LiveEvent::parse(1, &hex::decode(data).unwrap().into());
        assert_eq!(told(event), [("sn:2".into(), 1, 0, AT.into())]);
    }

    #[rstest]
    #[case("020001001a0b14091e0f", 10)]
    #[case("b168de3a01001a0b14091e0f", 12)]
    #[case("3130303100000000000000000000000000000000000000000f011a0b14091e0f", 32)]
    fn punches_that_share_a_packet_are_all_read(#[case] one: &str, #[case] length: usize) {
        let data = hex::decode(one).unwrap().repeat(5);
        assert_eq!(data.len(), length * 5);
        assert_eq!(told(LiveEvent::parse(1, &data.into())).len(), 5);
    }

    #[test]
    fn an_unknown_length_tells_the_first_punch_or_stays_raw() {
        let mut long =
            hex::decode("3130303100000000000000000000000000000000000000000f011a0b14091e0f").unwrap();
        long.extend_from_slice(&[0xEE; 9]);
        assert_eq!(told(LiveEvent::parse(1, &long.into())), [("1001".into(), 15, 1, AT.into())]);
        let odd = Bytes::from_static(&[1, 2, 3]);
        assert_eq!(LiveEvent::parse(1, &odd), LiveEvent::Other { code: 1, data: odd });
    }

    proptest! {
        #[test]
        fn no_event_panics(code in 0..600_u16, data in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = LiveEvent::parse(code, &data.into());
        }
    }
}
