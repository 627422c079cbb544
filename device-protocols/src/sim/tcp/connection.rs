//! One connection to a simulated clock.

use std::sync::Arc;
use std::time::Duration;

use bytes::{BufMut, Bytes, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::broadcast;
use tokio_util::codec::{Decoder, Encoder};

use super::body::Body;
use crate::clock::Clock;
use crate::sim::{SimClock, SimPunch, Transfer};
use crate::zk::code::Code;
use crate::zk::frame::{Packet, TcpCodec};
use crate::zk::time::Parts;

/// Data bytes of a packet where chunks are sent in pieces.
const PIECE: u64 = 1024;
/// Data bytes of a packet of a table sent the old way.
const OLD_PIECE: u64 = 16 * 1024;
/// Longest table sent at once.
const INLINE_MAX: u64 = 1_000_000;

/// How a connection ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// The client left, or a fault cut the line.
    Closed,
    /// The clock restarts.
    Reboot,
}

/// What becomes of the connection after a request.
enum Next {
    Go,
    Stop(End),
}

pub(super) struct Connection<C> {
    sim: Arc<SimClock>,
    stream: TcpStream,
    clock: C,
    session: u16,
    trusted: bool,
    open: bool,
    input: BytesMut,
    output: BytesMut,
    body: Option<Body>,
    chunks: u64,
    /// Where the last chunk of the body ended.
    next_chunk: u64,
    requests: u64,
    events: Option<broadcast::Receiver<SimPunch>>,
}

type Served<T> = Result<T, std::io::Error>;

impl<C: Clock> Connection<C> {
    pub(super) fn new(sim: Arc<SimClock>, stream: TcpStream, clock: C, session: u16) -> Self {
        Self {
            sim,
            stream,
            clock,
            session,
            trusted: false,
            open: false,
            input: BytesMut::new(),
            output: BytesMut::new(),
            body: None,
            chunks: 0,
            next_chunk: 0,
            requests: 0,
            events: None,
        }
    }

    pub(super) async fn run(&mut self) -> End {
        if self.sim.is_rebooting() {
            return End::Closed;
        }
        // Whatever breaks the line, the clock just waits for the next connection.
        self.converse().await.unwrap_or(End::Closed)
    }

    async fn converse(&mut self) -> Served<End> {
        loop {
            match TcpCodec.decode(&mut self.input) {
                Ok(Some(received)) => {
                    if let Next::Stop(end) = self.serve(received.packet).await? {
                        return Ok(end);
                    }
                    continue;
                }
                Ok(None) => {}
                Err(_) => return Ok(End::Closed),
            }
            tokio::select! {
                read = self.stream.read_buf(&mut self.input) => if read? == 0 {
                    return Ok(End::Closed);
                },
                punch = next_punch(&mut self.events) => {
                    self.put_event(&punch);
                    self.flush().await?;
                }
            }
        }
    }

    async fn serve(&mut self, request: Packet) -> Served<Next> {
        let faults = self.sim.faults();
        if request.command == Code::ACK_OK {
            self.sim.tally().count_event_ack();
            if faults.answer_acks {
                self.reply(&request, Code::ACK_OK, Bytes::new());
                self.flush().await?;
            }
            return Ok(Next::Go);
        }
        self.requests += 1;
        self.sim.tally().count_request();
        if faults.silent_after.is_some_and(|after| self.requests > after) {
            return Ok(Next::Go);
        }
        tokio::time::sleep(Duration::from_millis(faults.delay_ms)).await;
        if faults.event_before_reply && self.open {
            let punch = self.sim.config().generator.punch(self.requests);
            self.put_event(&punch);
        }
        let next = self.answer(&request).await?;
        if faults.coalesce && self.open {
            let punch = self.sim.config().generator.punch(self.requests);
            self.put_event(&punch);
        }
        self.flush().await?;
        Ok(next)
    }

    async fn answer(&mut self, request: &Packet) -> Served<Next> {
        if !self.open && request.command != Code::CONNECT {
            self.reply(request, Code::ACK_BAD_ORDER, Bytes::new());
            return Ok(Next::Go);
        }
        if !self.trusted && !matches!(request.command, Code::CONNECT | Code::AUTH | Code::EXIT) {
            self.reply(request, Code::ACK_UNAUTH, Bytes::new());
            return Ok(Next::Go);
        }
        match request.command {
            Code::CONNECT => self.connect(request),
            Code::AUTH => self.authenticate(request),
            Code::EXIT => {
                self.reply(request, Code::ACK_OK, Bytes::new());
                self.flush().await?;
                return Ok(Next::Stop(End::Closed));
            }
            Code::RESTART => return Ok(Next::Stop(End::Reboot)),
            Code::ENABLE_DEVICE => {
                self.sim.free_keypad();
                self.reply(request, Code::ACK_OK, Bytes::new());
            }
            Code::DISABLE_DEVICE => {
                let seconds = request.data.first_chunk().map(|bytes| u32::from_le_bytes(*bytes));
                self.sim.lock_keypad(seconds);
                self.reply(request, Code::ACK_OK, Bytes::new());
            }
            Code::GET_VERSION => {
                self.reply(request, Code::ACK_OK, Bytes::from_static(b"Ver 6.60 Apr 28 2018\0"));
            }
            Code::GET_TIME => {
                let now = Parts::from(self.sim.wall_time(&self.clock)).pack();
                self.reply(request, Code::ACK_OK, now.to_le_bytes().to_vec());
            }
            Code::SET_TIME => self.set_time(request),
            Code::OPTIONS_RRQ => self.option(request),
            Code::GET_FREE_SIZES => self.sizes(request),
            Code::STATE_RRQ => self.put(&Packet::new(Code::ACK_OK, 3, request.reply, Bytes::new())),
            Code::REG_EVENT => {
                let mask = request.data.first_chunk().map_or(0, |bytes| u32::from_le_bytes(*bytes));
                self.events = (mask & 1 == 1).then(|| self.sim.listen());
                self.reply(request, Code::ACK_OK, Bytes::new());
            }
            Code::USER_WRQ => {
                self.sim.extra_users.lock().push(request.data.to_vec());
                self.reply(request, Code::ACK_OK, Bytes::new());
            }
            Code::OPTIONS_WRQ | Code::REFRESH_DATA | Code::REFRESH_OPTION | Code::TEST_VOICE => {
                self.reply(request, Code::ACK_OK, Bytes::new());
            }
            Code::PREPARE_BUFFER => self.prepare(request),
            Code::READ_CHUNK => return self.chunk(request).await,
            Code::FREE_DATA => {
                self.body = None;
                self.sim.tally().count_freed();
                self.reply(request, Code::ACK_OK, Bytes::new());
            }
            Code::ATTLOG_RRQ | Code::USERTEMP_RRQ => self.old_way(request).await?,
            // 0xFFFF where a clock does not know a command, as most do.
            _ => self.reply(request, Code::ACK_UNKNOWN, Bytes::new()),
        }
        Ok(Next::Go)
    }

    fn connect(&mut self, request: &Packet) {
        self.open = true;
        self.trusted = self.sim.config().comm_key == 0;
        let code = if self.trusted { Code::ACK_OK } else { Code::ACK_UNAUTH };
        self.reply(request, code, Bytes::new());
    }

    fn authenticate(&mut self, request: &Packet) {
        self.sim.tally().count_key();
        self.trusted = presents(&request.data, self.session, self.sim.config().comm_key);
        let code = if self.trusted { Code::ACK_OK } else { Code::ACK_UNAUTH };
        self.reply(request, code, Bytes::new());
    }

    fn set_time(&mut self, request: &Packet) {
        let packed = request.data.first_chunk().map(|bytes| u32::from_le_bytes(*bytes));
        let code = match packed.and_then(|packed| Parts::unpack(packed).existing()) {
            Some(time) => {
                self.sim.set_wall_time(time, &self.clock);
                Code::ACK_OK
            }
            None => Code::ACK_BAD_DATA,
        };
        self.reply(request, code, Bytes::new());
    }

    fn option(&mut self, request: &Packet) {
        let ended = request.data.ends_with(&[0]);
        let name = request.data.strip_suffix(&[0]).unwrap_or(&request.data);
        let name = String::from_utf8_lossy(name).into_owned();
        let known = !(self.sim.faults().bare_options && ended);
        let value = match name.as_str() {
            "~SerialNumber" => Some(self.sim.config().serial.clone()),
            "~DeviceName" => Some("muster-sim".into()),
            "~Platform" => Some("SIM_TFT".into()),
            "MAC" => Some("00:17:61:00:00:01".into()),
            "~OEMVendor" => Some("Muster".into()),
            "~ZKFPVersion" => Some("10".into()),
            "~ExtendFmt" => Some("1".into()),
            "~PIN2Width" => Some("9".into()),
            "AlarmReRec" => Some("0".into()),
            _ => None,
        };
        match value.filter(|_| known) {
            Some(value) => self.reply(request, Code::ACK_OK, format!("{name}={value}\0").into_bytes()),
            None => self.reply(request, Code::ACK_ERROR, Bytes::new()),
        }
    }

    fn sizes(&mut self, request: &Packet) {
        let faults = self.sim.faults();
        let users = u64::from(self.sim.config().generator.users())
            + u64::try_from(self.sim.extra_users.lock().len()).unwrap_or(0);
        let logged = self.sim.logged();
        let records = logged.end - logged.start;
        let counted = records.saturating_add_signed(faults.count_off);
        let mut data = vec![0; 120];
        let room = faults.capacity.unwrap_or(2_000_000);
        for (at, value) in [
            (16, users),
            (32, counted),
            (40, u64::try_from(self.sim.operations().len()).unwrap_or(0)),
            (56, 3_000),
            (60, 70_000),
            (64, room),
            (72, 70_000 - users.min(70_000)),
            (76, room.saturating_sub(records)),
        ] {
            let value = u32::try_from(value).unwrap_or(u32::MAX).to_le_bytes();
            data.splice(at..at + 4, value);
        }
        data.truncate(faults.sizes_length.unwrap_or(92));
        self.reply(request, Code::ACK_OK, data);
    }

    fn table(&self, command: u16) -> Option<Body> {
        match Code(command) {
            Code::USERTEMP_RRQ => Some(Body::users(&self.sim)),
            Code::ATTLOG_RRQ => Some(Body::log(&self.sim)),
            Code::OPLOG_RRQ => Some(Body::operations(&self.sim)),
            Code(7) => Some(Body::empty()),
            _ => None,
        }
    }

    fn prepare(&mut self, request: &Packet) {
        let faults = self.sim.faults();
        let command =
            request.data.get(1..3).and_then(<[u8]>::first_chunk).map(|bytes| u16::from_le_bytes(*bytes));
        let body = command.and_then(|command| self.table(command)).filter(|_| !faults.refuse_buffer);
        let Some(body) = body else {
            self.reply(request, Code::ACK_ERROR, Bytes::new());
            return;
        };
        let length = body.length();
        if faults.transfer == Transfer::Inline && length <= INLINE_MAX {
            let bytes = body.bytes(0, length);
            self.sim.tally().count_table_bytes(bytes.len());
            self.reply(request, Code::DATA, bytes);
            return;
        }
        let length = u32::try_from(length).unwrap_or(u32::MAX);
        let mut data = BytesMut::new();
        data.put_u8(0);
        data.put_u32_le(length);
        data.put_u32_le(length);
        data.put_u32_le(0);
        self.body = Some(body);
        (self.chunks, self.next_chunk) = (0, 0);
        self.reply(request, Code::ACK_OK, data);
    }

    async fn chunk(&mut self, request: &Packet) -> Served<Next> {
        let faults = self.sim.faults();
        let word = |at: usize| {
            request.data.get(at..).and_then(<[u8]>::first_chunk).map_or(0, |bytes| u32::from_le_bytes(*bytes))
        };
        let (start, length) = (u64::from(word(0)), u64::from(word(4)));
        let Some(mut bytes) = self.body.as_ref().map(|body| body.bytes(start, length)) else {
            self.reply(request, Code::ACK_ERROR, Bytes::new());
            return Ok(Next::Go);
        };
        if faults.chunks_in_order && start != 0 && start != self.next_chunk {
            self.reply(request, Code::ACK_ERROR, Bytes::new());
            return Ok(Next::Go);
        }
        self.chunks += 1;
        self.sim.tally().count_chunk();
        self.sim.tally().count_table_bytes(bytes.len());
        self.next_chunk = start + u64::try_from(bytes.len()).unwrap_or(0);
        if faults.long_chunk == Some(self.chunks) {
            self.sim.change_faults(|faults| faults.long_chunk = None);
            bytes.extend_from_slice(&[0xEE; 3]);
        }
        let mut prepared = BytesMut::new();
        prepared.put_u32_le(u32::try_from(bytes.len()).unwrap_or(0));
        prepared.put_u32_le(0);
        self.reply(request, Code::PREPARE_DATA, prepared);
        let piece = if faults.transfer == Transfer::Pieces { PIECE } else { 1 << 20 };
        for part in bytes.chunks(usize::try_from(piece).unwrap_or(1024)) {
            self.reply(request, Code::DATA, part.to_vec());
        }
        if !faults.no_chunk_ack {
            self.reply(request, Code::ACK_OK, Bytes::new());
        }
        if faults.drop_after_chunk == Some(self.chunks) {
            self.sim.change_faults(|faults| faults.drop_after_chunk = None);
            self.flush().await?;
            return Ok(Next::Stop(End::Closed));
        }
        if faults.reboot_after_chunk == Some(self.chunks) {
            self.sim.change_faults(|faults| faults.reboot_after_chunk = None);
            self.flush().await?;
            return Ok(Next::Stop(End::Reboot));
        }
        Ok(Next::Go)
    }

    /// Without a buffer: length, pieces, done.
    async fn old_way(&mut self, request: &Packet) -> Served<()> {
        let Some(body) = self.table(request.command.0) else { return Ok(()) };
        let length = body.length();
        let mut prepared = BytesMut::new();
        prepared.put_u32_le(u32::try_from(length).unwrap_or(u32::MAX));
        prepared.put_u32_le(0x1000);
        self.reply(request, Code::PREPARE_DATA, prepared);
        let mut at = 0;
        while at < length {
            let bytes = body.bytes(at, OLD_PIECE);
            self.sim.tally().count_table_bytes(bytes.len());
            self.reply(request, Code::DATA, bytes);
            at += OLD_PIECE;
            self.flush().await?;
        }
        self.reply(request, Code::ACK_OK, Bytes::new());
        Ok(())
    }

    fn put_event(&mut self, punch: &SimPunch) {
        let user = self.sim.config().generator.user(punch.user);
        let mut data = Vec::new();
        if self.sim.config().format.has_wide_users() {
            data.extend(user.code.bytes().chain(std::iter::repeat(0)).take(24));
        } else {
            data.extend_from_slice(&user.sn.to_le_bytes());
        }
        data.extend_from_slice(&[punch.method.tcp_code(), punch.tcp_state()]);
        data.extend_from_slice(&punch.time.to_event());
        // An event's code takes the place of the session.
        self.put(&Packet::new(Code::REG_EVENT, 1, 0, data));
    }

    fn reply(&mut self, request: &Packet, code: Code, data: impl Into<Bytes>) {
        let faults = self.sim.faults();
        let reply = if faults.zero_reply_ids { 0 } else { request.reply };
        let session =
            if faults.change_session && self.requests > 1 { self.session ^ 0x0F0F } else { self.session };
        self.put(&Packet::new(code, session, reply, data));
    }

    fn put(&mut self, packet: &Packet) {
        let at = self.output.len();
        // Everything put here is far below the codec's limit.
        let _ = TcpCodec.encode(packet, &mut self.output);
        if self.sim.faults().wrong_checksums
            && let Some(field) = self.output.get_mut(at + 10..at + 12)
        {
            let sum = field.first_chunk().map_or(0, |bytes| u16::from_le_bytes(*bytes));
            field.copy_from_slice(&sum.wrapping_sub(1).to_le_bytes());
        }
    }

    async fn flush(&mut self) -> Served<()> {
        let faults = self.sim.faults();
        let output = self.output.split();
        let Some(size) = faults.torn else {
            return self.stream.write_all(&output).await;
        };
        self.stream.set_nodelay(true)?;
        for piece in output.chunks(size.max(1)) {
            self.stream.write_all(piece).await?;
            self.stream.flush().await?;
            tokio::task::yield_now().await;
        }
        Ok(())
    }
}

async fn next_punch(events: &mut Option<broadcast::Receiver<SimPunch>>) -> SimPunch {
    let Some(receiver) = events else { return std::future::pending().await };
    loop {
        match receiver.recv().await {
            Ok(punch) => return punch,
            // Nobody promised that all events come.
            Err(broadcast::error::RecvError::Lagged(_)) => {}
            Err(broadcast::error::RecvError::Closed) => return std::future::pending().await,
        }
    }
}

/// Whether an `AUTH` presents the key: the sum of reversed key and session, of which the lowest byte is not sent.
fn presents(data: &[u8], session: u16, key: u32) -> bool {
    let Some([third, fourth, tick, second]) = data.first_chunk::<4>() else { return false };
    let plain = [second ^ tick ^ b'K', third ^ tick ^ b'S', fourth ^ tick ^ b'O'];
    let sum = key.reverse_bits().wrapping_add(u32::from(session));
    sum.to_le_bytes().get(1..) == Some(&plain)
}
