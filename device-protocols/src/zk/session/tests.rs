use bytes::BytesMut;
use rstest::rstest;
use tokio_util::codec::{Decoder, Encoder};

use super::*;
use crate::zk::event::LiveEvent;
use crate::zk::frame::TcpCodec;

mod any_peer;
mod lock;
mod opening;
mod part;
mod reply;
mod request;
mod table;

const SESSION: u16 = 0x1234;

/// A session and the time it is told.
struct Talk {
    session: Session,
    now: Instant,
}

impl Talk {
    /// A session that is not open yet.
    fn closed() -> Self {
        Self { session: Session::new(Timing::default()), now: Instant::now() }
    }

    /// An open session whose next request has this reply id.
    fn open(next_reply: u16) -> Self {
        let mut talk = Self::closed();
        talk.session.id = SESSION;
        talk.session.last_reply = next_reply - 1;
        talk.session.ids = ReplyIds::Echoed;
        talk
    }

    /// All packets to be sent, in hex without the TCP prefix.
    fn sent(&mut self) -> Vec<String> {
        let mut all = Vec::new();
        while let Some(packet) = self.session.poll_transmit() {
            let mut bytes = BytesMut::new();
            packet.write(&mut bytes);
            all.push(hex::encode(bytes));
        }
        all
    }

    fn hear(&mut self, packet: &str) {
        let received = Packet::read(hex::decode(packet).unwrap().into()).unwrap();
        self.session.handle_packet(received, self.now);
    }

    /// The clock answers the last request.
    fn reply(&mut self, code: Code, data: &[u8]) {
        let packet = Packet::new(code, SESSION, self.session.last_reply, data.to_vec());
        self.hear_packet(packet);
    }

    fn hear_packet(&mut self, packet: Packet) {
        self.session.handle_packet(Received { packet, checksum_ok: true }, self.now);
    }

    fn outcome(&mut self) -> Option<Outcome> {
        self.session.poll_outcome()
    }

    fn failure(&mut self) -> SessionError {
        match self.outcome() {
            Some(Outcome::Failed(error)) => error,
            other => panic!("no failure: {other:?}"),
        }
    }

    fn chunk(&mut self) -> Bytes {
        match self.outcome() {
            Some(Outcome::Chunk { bytes, .. }) => bytes,
            other => panic!("no chunk: {other:?}"),
        }
    }

    fn read_log(&mut self) {
        self.session.read_table(Table::Attendance, self.now);
    }

    fn resume(&mut self) {
        self.session.resume(self.now);
    }

    /// Lets the time pass until the session wants to be told.
    fn wait(&mut self) {
        self.now = self.session.poll_timeout().expect("the session waits for something");
        self.session.handle_timeout(self.now);
    }

    /// Announces a log of `total` bytes and takes the first request for a chunk.
    fn prepared(total: u32) -> Self {
        let mut talk = Self::open(1);
        talk.read_log();
        talk.sent();
        let mut size = vec![0];
        size.extend(total.to_le_bytes());
        talk.reply(Code::ACK_OK, &size);
        assert_eq!(talk.sent().len(), 1);
        talk
    }
}

/// The recorded body, five records of 40 bytes, as a DATA packet with reply id 0x16.
const BODY: &str = "c80000000100310000000000000000000000000000000000000000000000016080cf310000000000ff00000002003130303100000000000000000000000000000000000000000f9d80cf310100000000ff000000030039383736353433323100000000000000000000000000000004da80cf310000000000ff0000000100310000000000000000000000000000000000000000000000001781cf310100000000ff0000000200313030310000000000000000000000000000000000000000015481cf310000000000ff000000";
const DATA_HEADER: &str = "dd054bf734121600";

fn lock(talk: &mut Talk, seconds: u32) {
    talk.session.ask(Code::DISABLE_DEVICE, Bytes::copy_from_slice(&seconds.to_le_bytes()), talk.now);
    talk.sent();
}
