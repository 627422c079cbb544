use proptest::prelude::*;
use rstest::rstest;

use super::*;

fn udp_form(packet: &Packet) -> String {
    let mut out = BytesMut::new();
    packet.write(&mut out);
    hex::encode(out)
}

#[rstest]
#[case::connect(1000, 0, 0, "", "e80317fc00000000")]
#[case::exit(1001, 0x1234, 5, "", "e903dde934120500")]
#[case::get_time(201, 0x1234, 2, "", "c90000ed34120200")]
#[case::event_ack(2000, 0x1234, 0, "", "d007fbe534120000")]
#[case::serial(11, 0x1234, 3, "7e53657269616c4e756d62657200", "0b00baa4341203007e53657269616c4e756d62657200")]
#[case::set_time(202, 0x1234, 4, "fe69492e", "ca00b65434120400fe69492e")]
#[case::odd_length(14, 0xFFFE, 9, "01", "0e00e8fffeff090001")]
#[case::exit_65535(1001, 0x1234, 65535, "", "e903e2e93412ffff")]
fn packets_are_written_with_their_checksum(
    #[case] command: u16,
    #[case] session: u16,
    #[case] reply: u16,
    #[case] data: &str,
    #[case] expected: &str,
) {
    let packet = Packet::new(Code(command), session, reply, hex::decode(data).unwrap());
    assert_eq!(udp_form(&packet), expected);
    let read = Packet::read(hex::decode(expected).unwrap().into()).unwrap();
    assert_eq!(read, Received { packet, checksum_ok: true });
}

#[test]
fn checksum_of_all_ones_and_all_zeros() {
    let ones = Packet::new(Code(0xFFFF), 0xFFFF, 0xFFFF, vec![0xFF, 0xFF]);
    assert_eq!(checksum(&ones), 0);
    assert_eq!(checksum(&Packet::new(Code(0), 0, 0, Bytes::new())), 0xFFFF);
}

/// Packets of real clocks, published by others.
#[rstest]
#[case("0b005a17f38d03005a4b4661636556657273696f6e00", true)]
#[case("d007296af38d0a0009", true)]
#[case("0b0058efc5c005007e4f5300", true)]
#[case("d007f6f702003700", true)]
#[case("f401a7fc0001000064", true)]
#[case("f401ac12010000003939393131313333330000000000000000000000000000000100120619112905", true)]
#[case::off_by_one("d00746f4e8030000", false)]
#[case::off_by_one("d0072879e8030200", false)]
fn real_packets_are_read_and_off_by_one_is_found_but_not_dropped(#[case] hex: &str, #[case] ok: bool) {
    let read = Packet::read(hex::decode(hex).unwrap().into()).unwrap();
    assert_eq!(read.checksum_ok, ok);
    if !ok {
        assert_eq!(read.packet.command, Code::ACK_OK);
    }
}

#[test]
fn the_off_by_one_sender_is_one_below_the_right_sum() {
    let read = Packet::read(hex::decode("d00746f4e8030000").unwrap().into()).unwrap();
    assert_eq!(checksum(&read.packet).to_le_bytes(), [0x47, 0xf4]);
}

#[rstest]
#[case(0)]
#[case(7)]
#[case(u32::try_from(MAX_PACKET).unwrap() + 1)]
#[case(u32::MAX)]
fn an_absurd_length_ends_the_stream_without_allocating_it(#[case] length: u32) {
    let mut bytes = BytesMut::from(&MAGIC[..]);
    bytes.put_u32_le(length);
    let before = bytes.capacity();
    assert!(matches!(TcpCodec.decode(&mut bytes), Err(FrameError::Length(found)) if found == length));
    assert_eq!(bytes.capacity(), before);
}

#[test]
fn a_wrong_magic_is_found_at_its_first_byte() {
    let mut bytes = BytesMut::from(&b"HTTP/1.1"[..]);
    assert!(matches!(TcpCodec.decode(&mut bytes), Err(FrameError::Magic([b'H', b'T', b'T', b'P']))));
    let mut bytes = BytesMut::from(&[0x50, 0x51][..]);
    assert!(TcpCodec.decode(&mut bytes).is_err());
}

#[test]
fn a_long_packet_is_awaited_without_reserving_its_length() {
    let mut bytes = BytesMut::from(&MAGIC[..]);
    bytes.put_u32_le(u32::try_from(MAX_PACKET).unwrap());
    assert!(TcpCodec.decode(&mut bytes).unwrap().is_none());
    assert!(bytes.capacity() < 2 * RESERVE);
}

#[test]
fn a_packet_beyond_the_maximum_is_not_sent() {
    let packet = Packet::new(Code::DATA, 1, 1, vec![0; MAX_PACKET]);
    assert!(matches!(TcpCodec.encode(&packet, &mut BytesMut::new()), Err(FrameError::Length(_))));
}

/// Decodes all that comes of `bytes` cut into pieces at `cuts`, and how the stream ended.
fn decode_in_pieces(bytes: &[u8], cuts: &[usize]) -> (Vec<Received>, bool) {
    let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut % (bytes.len() + 1)).collect();
    cuts.push(bytes.len());
    cuts.sort_unstable();
    let (mut buffer, mut frames, mut from) = (BytesMut::new(), Vec::new(), 0);
    for cut in cuts {
        buffer.extend_from_slice(&bytes[from..cut]);
        from = cut;
        loop {
            match TcpCodec.decode(&mut buffer) {
                Ok(Some(frame)) => frames.push(frame),
                Ok(None) => break,
                Err(_) => return (frames, false),
            }
        }
    }
    (frames, true)
}

fn packets() -> impl Strategy<Value = Vec<Packet>> {
    let packet = (any::<u16>(), any::<u16>(), any::<u16>(), prop::collection::vec(any::<u8>(), 0..200))
        .prop_map(|(command, session, reply, data)| Packet::new(Code(command), session, reply, data));
    prop::collection::vec(packet, 0..6)
}

proptest! {
    #[test]
    fn any_bytes_in_any_split_give_the_same_frames(
        noise in prop::collection::vec(any::<u8>(), 0..300),
        packets in packets(),
        cuts in prop::collection::vec(any::<usize>(), 0..12),
    ) {
        let mut bytes = BytesMut::new();
        for packet in &packets {
            TcpCodec.encode(packet, &mut bytes).unwrap();
        }
        bytes.extend_from_slice(&noise);
        prop_assert_eq!(decode_in_pieces(&bytes, &cuts), decode_in_pieces(&bytes, &[]));
    }

    #[test]
    fn what_is_encoded_is_decoded(packets in packets(), cuts in prop::collection::vec(any::<usize>(), 0..12)) {
        let mut bytes = BytesMut::new();
        for packet in &packets {
            TcpCodec.encode(packet, &mut bytes).unwrap();
        }
        let (frames, clean) = decode_in_pieces(&bytes, &cuts);
        prop_assert!(clean);
        prop_assert!(frames.iter().all(|frame| frame.checksum_ok));
        prop_assert_eq!(frames.into_iter().map(|frame| frame.packet).collect::<Vec<_>>(), packets);
    }
}
