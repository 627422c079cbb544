//! One conversation with a clock, without a socket and without a clock of its own.
//!
//! The owner feeds it packets and the time, and takes from it packets to send and outcomes. One request is open at a
//! time; what the clock sends besides is sorted here:
//!
//! * **Events** (command 500) may come at any moment, also between a request and its reply. They are acknowledged and
//!   queued. Nothing else is ever acknowledged: a peer that answers acknowledgements would keep both busy for ever.
//! * **Late replies** to a request given up are told by their reply id and dropped. Most clocks echo the id. Of one that
//!   does not (known from its first reply), any fitting reply is taken while nothing was given up; after a time-out its
//!   replies can no longer be told apart and the session is [over](SessionError::Broken).
//! * **Wrong checksums** are counted, not dropped: senders that are off by one exist.
//!
//! The session knows whether it has disabled the clock. [`Session::abort`] puts everything right without waiting: it may
//! be called at any moment, also from a destructor.

mod outcome;
mod table;

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::code::Code;
use super::event::LiveEvent;
use super::frame::{Packet, Received};
use super::key::CommKey;
pub use outcome::{Oddities, Outcome, Reply, SessionError, Timing};
pub use table::{Table, TableEnd, TableVia};
use table::{TableRead, TableStep};

/// Events kept for the owner; beyond this the oldest are dropped, since they are hints.
const MAX_EVENTS: usize = 1024;
/// Wait before a request is sent again that the clock asked to repeat.
const REPEAT_AFTER: Duration = Duration::from_secs(1);

/// Whether the peer echoes reply ids, as far as seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ReplyIds {
    Unknown,
    Echoed,
    Ignored,
}

#[derive(Debug)]
struct Pending {
    reply: u16,
    command: Code,
    data: Bytes,
    deadline: Instant,
    repeated: bool,
    /// Waiting to send again what the clock asked to repeat.
    backing_off: bool,
}

#[derive(Debug)]
enum State {
    Idle,
    Connecting(Pending, Option<CommKey>),
    Authenticating(Pending),
    Asking(Pending),
    Reading(Box<TableRead>),
}

/// A lock on the clock's keypad.
#[derive(Debug, Clone, Copy)]
struct Lock {
    /// The clock frees itself after this many seconds; `None`: only when told.
    seconds: Option<u32>,
    since: Instant,
}

/// One conversation with a clock.
#[derive(Debug)]
pub struct Session {
    timing: Timing,
    id: u16,
    last_reply: u16,
    ids: ReplyIds,
    /// A request was given up: its reply may still come.
    gave_up: bool,
    acknowledged_events: bool,
    broken: bool,
    state: State,
    lock: Option<Lock>,
    out: VecDeque<Packet>,
    outcomes: VecDeque<Outcome>,
    events: VecDeque<LiveEvent>,
    oddities: Oddities,
}

impl Session {
    /// A session that is not open yet.
    #[must_use]
    pub fn new(timing: Timing) -> Self {
        Self {
            timing,
            id: 0,
            last_reply: 0,
            ids: ReplyIds::Unknown,
            gave_up: false,
            acknowledged_events: false,
            broken: false,
            state: State::Idle,
            lock: None,
            out: VecDeque::new(),
            outcomes: VecDeque::new(),
            events: VecDeque::new(),
            oddities: Oddities::default(),
        }
    }

    /// The session id the clock gave; 0 before it answered.
    #[must_use]
    pub fn id(&self) -> u16 {
        self.id
    }

    /// What was noticed about the peer.
    #[must_use]
    pub fn oddities(&self) -> Oddities {
        self.oddities
    }

    /// Whether replies can no longer be told from late ones.
    #[must_use]
    pub fn is_broken(&self) -> bool {
        self.broken
    }

    /// Whether this session has locked the clock's keypad.
    #[must_use]
    pub fn holds_clock(&self) -> bool {
        self.lock.is_some()
    }

    /// Opens the session; a wrong key is tried exactly once. Ends in [`Outcome::Connected`] or [`Outcome::Failed`].
    pub fn connect(&mut self, key: Option<CommKey>, now: Instant) {
        let packet = Packet::new(Code::CONNECT, 0, 0, Bytes::new());
        let pending = Pending::new(&packet, now + self.timing.reply);
        self.out.push_back(packet);
        self.state = State::Connecting(pending, key);
    }

    /// Asks something that has one answer. Ends in [`Outcome::Reply`] or [`Outcome::Failed`].
    pub fn ask(&mut self, command: Code, data: impl Into<Bytes>, now: Instant) {
        if self.broken {
            self.outcomes.push_back(Outcome::Failed(SessionError::Broken));
            return;
        }
        let data = data.into();
        let pending = self.send(command, data, self.timing.reply, now);
        self.note_lock(&pending, now);
        self.state = State::Asking(pending);
    }

    /// Reads a table. Gives [`Outcome::Chunk`]s, and ends in [`Outcome::TableEnd`] or [`Outcome::Failed`].
    pub fn read_table(&mut self, table: Table, now: Instant) {
        self.open_table(table, false, now);
    }

    /// Prepares a table of which a part may be enough. Gives [`Outcome::Prepared`]; go on with [`begin_at`](Self::begin_at)
    /// or [`release`](Self::release). A clock that sends the whole body at once gives its [`Outcome::Chunk`]s instead,
    /// from the body's first byte; one that cannot prepare tables ends in [`Outcome::Failed`].
    pub fn prepare_table(&mut self, table: Table, now: Instant) {
        self.open_table(table, true, now);
    }

    fn open_table(&mut self, table: Table, owner_begins: bool, now: Instant) {
        if self.broken {
            self.outcomes.push_back(Outcome::Failed(SessionError::Broken));
            return;
        }
        let pending = self.send(Code::PREPARE_BUFFER, table.request(), self.timing.prepare, now);
        self.state = State::Reading(Box::new(TableRead::new(table, owner_begins, pending)));
    }

    /// Reads a prepared table from an offset of its body to its end, as [`read_table`](Self::read_table) does.
    pub fn begin_at(&mut self, start: u32, now: Instant) {
        self.step_table(now, |table, cx| table.begin_at(start, cx));
    }

    /// Gives up the rest of a table between two chunks, in order: ends in [`Outcome::TableEnd`].
    pub fn release(&mut self, now: Instant) {
        self.step_table(now, TableRead::release);
    }

    /// Goes on with a table after a chunk was taken.
    pub fn resume(&mut self, now: Instant) {
        self.step_table(now, TableRead::resume);
    }

    /// Gives up what is open, releases the table buffer and frees the keypad, without waiting for answers: the packets
    /// wait in [`poll_transmit`](Self::poll_transmit).
    pub fn abort(&mut self) {
        let was_idle = matches!(self.state, State::Idle);
        let had_table = matches!(self.state, State::Reading(_));
        self.state = State::Idle;
        self.outcomes.clear();
        if !was_idle {
            self.give_up();
        }
        if had_table {
            self.send_blindly(Code::FREE_DATA);
        }
        if self.lock.take().is_some() {
            self.send_blindly(Code::ENABLE_DEVICE);
        }
    }

    /// Says goodbye without waiting for the answer.
    pub fn exit(&mut self) {
        self.abort();
        if self.id != 0 {
            self.send_blindly(Code::EXIT);
        }
    }

    /// Takes a packet from the clock.
    pub fn handle_packet(&mut self, received: Received, now: Instant) {
        let Received { packet, checksum_ok } = received;
        self.oddities.checksums += u64::from(!checksum_ok);
        if packet.command == Code::REG_EVENT {
            self.take_event(&packet);
        } else if !packet.command.is_reply() {
            self.oddities.unexpected += 1;
        } else if self.belongs(&packet) {
            self.take_reply(packet, now);
        } else {
            self.oddities.strays += 1;
        }
    }

    /// Notices that time has passed.
    pub fn handle_timeout(&mut self, now: Instant) {
        if self.poll_timeout().is_none_or(|deadline| now < deadline) {
            return;
        }
        match std::mem::replace(&mut self.state, State::Idle) {
            State::Idle => {}
            State::Asking(mut pending) if pending.backing_off => {
                let again = self.send(pending.command, pending.data.clone(), self.timing.reply, now);
                pending = Pending { repeated: true, ..again };
                self.state = State::Asking(pending);
            }
            State::Connecting(pending, _) | State::Authenticating(pending) | State::Asking(pending) => {
                self.give_up();
                self.outcomes.push_back(Outcome::Failed(SessionError::TimedOut(pending.command)));
            }
            State::Reading(table) => {
                self.state = State::Reading(table);
                self.step_table(now, TableRead::time_out);
            }
        }
    }

    /// When [`handle_timeout`](Self::handle_timeout) is to be called next.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        match &self.state {
            State::Idle => None,
            State::Connecting(pending, _) | State::Authenticating(pending) | State::Asking(pending) => {
                Some(pending.deadline)
            }
            State::Reading(table) => table.deadline(),
        }
    }

    /// The next packet to send.
    pub fn poll_transmit(&mut self) -> Option<Packet> {
        self.out.pop_front()
    }

    /// The next outcome of the open request.
    pub fn poll_outcome(&mut self) -> Option<Outcome> {
        self.outcomes.pop_front()
    }

    /// The next live event.
    pub fn poll_event(&mut self) -> Option<LiveEvent> {
        self.events.pop_front()
    }

    fn take_event(&mut self, packet: &Packet) {
        // Of a peer that ignores reply ids, an answer to the acknowledgement could be taken for the open reply.
        if self.id != 0 && self.ids != ReplyIds::Ignored {
            self.acknowledged_events = true;
            self.out.push_back(Packet::new(Code::ACK_OK, self.id, 0, Bytes::new()));
        }
        if self.events.len() == MAX_EVENTS {
            self.events.pop_front();
            self.oddities.lost_events += 1;
        }
        self.events.push_back(LiveEvent::parse(packet.session, &packet.data));
    }

    /// Whether a reply belongs to the open request.
    fn belongs(&mut self, packet: &Packet) -> bool {
        let expected = match &self.state {
            State::Idle => return false,
            State::Connecting(..) => return true,
            State::Authenticating(pending) | State::Asking(pending) => {
                if pending.backing_off {
                    return false;
                }
                pending.reply
            }
            State::Reading(table) => match table.reply() {
                Some(reply) => reply,
                None => return false,
            },
        };
        if packet.reply == expected {
            if self.ids == ReplyIds::Unknown {
                self.ids = ReplyIds::Echoed;
            }
            return true;
        }
        match self.ids {
            ReplyIds::Echoed => false,
            ReplyIds::Ignored => true,
            ReplyIds::Unknown => {
                let certain = !self.gave_up && !self.acknowledged_events;
                if certain {
                    self.ids = ReplyIds::Ignored;
                }
                certain
            }
        }
    }

    fn take_reply(&mut self, packet: Packet, now: Instant) {
        match std::mem::replace(&mut self.state, State::Idle) {
            State::Idle => {}
            State::Connecting(_, key) => self.connected(&packet, key, now),
            State::Authenticating(_) => self.outcomes.push_back(match packet.command {
                Code::ACK_OK => Outcome::Connected,
                _ => Outcome::Failed(SessionError::KeyRefused),
            }),
            State::Asking(pending) => self.answered(packet, pending, now),
            State::Reading(table) => {
                self.note_session(packet.session);
                self.state = State::Reading(table);
                self.step_table(now, |table, cx| table.take(&packet, cx));
            }
        }
    }

    fn connected(&mut self, packet: &Packet, key: Option<CommKey>, now: Instant) {
        self.id = packet.session;
        match (packet.command, key) {
            (Code::ACK_OK, _) => self.outcomes.push_back(Outcome::Connected),
            (Code::ACK_UNAUTH, None) => self.outcomes.push_back(Outcome::Failed(SessionError::KeyNeeded)),
            (Code::ACK_UNAUTH, Some(key)) => {
                let answer = key.answer(self.id).to_vec();
                let pending = self.send(Code::AUTH, answer.into(), self.timing.reply, now);
                self.state = State::Authenticating(pending);
            }
            (code, _) => {
                let refused = SessionError::Refused { command: Code::CONNECT, code };
                self.outcomes.push_back(Outcome::Failed(refused));
            }
        }
    }

    fn answered(&mut self, packet: Packet, mut pending: Pending, now: Instant) {
        if pending.command != Code::STATE_RRQ {
            self.note_session(packet.session);
        }
        let again = matches!(packet.command, Code::ACK_RETRY | Code::ACK_REPEAT) && !pending.repeated;
        if again {
            pending.backing_off = true;
            pending.deadline = now + REPEAT_AFTER;
            self.state = State::Asking(pending);
            return;
        }
        match (pending.command, packet.command.is_success()) {
            (Code::DISABLE_DEVICE, false) | (Code::ENABLE_DEVICE, true) => self.lock = None,
            _ => {}
        }
        let Packet { command, session, data, .. } = packet;
        self.outcomes.push_back(Outcome::Reply(Reply { code: command, field: session, data }));
    }

    /// From the moment `DISABLE` is sent the clock may be locked, answered or not.
    fn note_lock(&mut self, pending: &Pending, now: Instant) {
        if pending.command == Code::DISABLE_DEVICE {
            self.lock = Some(Lock { seconds: super::u32_at(&pending.data, 0), since: now });
        }
    }

    fn note_session(&mut self, session: u16) {
        self.oddities.foreign_sessions += u64::from(session != self.id);
    }

    fn give_up(&mut self) {
        self.gave_up = true;
        self.broken |= self.ids == ReplyIds::Ignored;
    }

    fn send(&mut self, command: Code, data: Bytes, wait: Duration, now: Instant) -> Pending {
        // 65535 is never used, as other clients do.
        self.last_reply = if self.last_reply >= 65_534 { 0 } else { self.last_reply + 1 };
        let packet = Packet::new(command, self.id, self.last_reply, data);
        let pending = Pending::new(&packet, now + wait);
        self.out.push_back(packet);
        pending
    }

    /// Sends a request whose answer nobody waits for.
    fn send_blindly(&mut self, command: Code) {
        self.last_reply = if self.last_reply >= 65_534 { 0 } else { self.last_reply + 1 };
        self.out.push_back(Packet::new(command, self.id, self.last_reply, Bytes::new()));
        self.give_up();
    }

    /// Runs one step of the open table and does what it asks for.
    fn step_table(&mut self, now: Instant, step: impl FnOnce(&mut TableRead, &table::Context) -> TableStep) {
        let State::Reading(table) = &mut self.state else { return };
        let lock_due = self.lock.and_then(|lock| {
            let seconds = lock.seconds?;
            (now >= lock.since + Duration::from_secs(u64::from(seconds) / 2)).then_some(seconds)
        });
        let context =
            table::Context { now, timing: self.timing, lock_due, may_retry: self.ids != ReplyIds::Ignored };
        let step = step(table, &context);
        self.follow(step, now);
    }

    fn follow(&mut self, step: TableStep, now: Instant) {
        match step {
            TableStep::Wait => {}
            TableStep::Prepared { total } => self.outcomes.push_back(Outcome::Prepared { total }),
            TableStep::Chunk { bytes, total } => self.outcomes.push_back(Outcome::Chunk { bytes, total }),
            TableStep::Send { command, data, wait, given_up, retry } => {
                if given_up {
                    self.give_up();
                }
                self.oddities.chunk_retries += u64::from(retry);
                let pending = self.send(command, data, wait, now);
                self.note_lock(&pending, now);
                if let State::Reading(table) = &mut self.state {
                    table.sent(pending);
                }
            }
            TableStep::Done { end, given_up } => {
                if given_up {
                    self.give_up();
                }
                self.state = State::Idle;
                self.outcomes.push_back(Outcome::TableEnd(end));
            }
            TableStep::Failed { error, given_up } => {
                if given_up {
                    self.give_up();
                }
                self.state = State::Idle;
                self.outcomes.push_back(Outcome::Failed(error));
            }
        }
    }
}

impl Pending {
    fn new(packet: &Packet, deadline: Instant) -> Self {
        Self {
            reply: packet.reply,
            command: packet.command,
            data: packet.data.clone(),
            deadline,
            repeated: false,
            backing_off: false,
        }
    }
}

#[cfg(test)]
mod tests;
