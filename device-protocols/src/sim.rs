//! Simulated clocks, for tests and demonstrations.
//!
//! A [`SimClock`] has a memory of punches, generated or made live, and may be served over [TCP](tcp) and [`push`] at
//! once, as real clocks are. It shares the packet codec with the client and none of its logic: layouts, sessions and
//! push texts are written here a second time, from the protocol, so that a mistake in the client is not mirrored here.
//!
//! A punch counts as kept by the clock when its line is in the state file and synced. What the clock has kept is its
//! *sent list*: the truth against which tests count.

pub mod config;
pub mod control;
pub mod fault;
pub mod generator;
pub mod live;
pub mod memory;
pub mod push;
pub mod record;
pub mod tcp;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use chrono::{DateTime, NaiveDateTime, TimeDelta, Utc};
use parking_lot::Mutex;
use tokio::sync::{broadcast, watch};
use tokio::time::{Duration, Instant};

use crate::clock::Clock;
pub use config::{RecordFormat, SimConfig};
pub use fault::{Faults, Transfer};
pub use generator::Generator;
pub use memory::{Memory, SentLine};
pub use record::{Method, SimOperation, SimPunch, SimUser};

use crate::zk::time::Parts;

/// A simulated clock.
#[derive(Debug)]
pub struct SimClock {
    config: SimConfig,
    memory: Mutex<Memory>,
    faults: Mutex<Faults>,
    /// Milliseconds by which the clock differs from the computer, zone included.
    offset: Mutex<TimeDelta>,
    lock: Mutex<Option<Instant>>,
    rebooting: Mutex<Option<Instant>>,
    /// Records the push server has acknowledged, in order from the first.
    acknowledged: watch::Sender<u64>,
    extra_users: Mutex<Vec<Vec<u8>>>,
    operations: Mutex<Vec<SimOperation>>,
    /// Records before this one were cleared from the log.
    cleared: AtomicU64,
    live: broadcast::Sender<SimPunch>,
    tally: Tally,
}

/// What happened to a simulated clock, for tests.
#[derive(Debug, Default)]
pub struct Tally {
    connections: AtomicU64,
    keys_tried: AtomicU64,
    chunks: AtomicU64,
    tables_freed: AtomicU64,
    locks: AtomicU64,
    events_acknowledged: AtomicU64,
    requests: AtomicU64,
    table_bytes: AtomicU64,
}

macro_rules! tally {
    ($($(#[$doc:meta])+ $field:ident, $count:ident;)+) => {
        impl Tally {
            $($(#[$doc])+
            #[must_use]
            pub fn $field(&self) -> u64 {
                self.$field.load(Ordering::Relaxed)
            }

            fn $count(&self) {
                self.$field.fetch_add(1, Ordering::Relaxed);
            }
            )+
        }
    };
}

tally! {
    /// TCP connections taken.
    connections, count_connection;
    /// Communication keys presented, right or wrong.
    keys_tried, count_key;
    /// Chunks sent.
    chunks, count_chunk;
    /// Table buffers released on request.
    tables_freed, count_freed;
    /// Times the keypad was locked.
    locks, count_lock;
    /// Acknowledgements of events received.
    events_acknowledged, count_event_ack;
    /// Requests received over TCP.
    requests, count_request;
}

impl Tally {
    /// Bytes of tables sent over TCP.
    #[must_use]
    pub fn table_bytes(&self) -> u64 {
        self.table_bytes.load(Ordering::Relaxed)
    }

    fn count_table_bytes(&self, bytes: usize) {
        self.table_bytes.fetch_add(u64::try_from(bytes).unwrap_or(0), Ordering::Relaxed);
    }
}

impl SimClock {
    /// A clock with its memory read from its state file, if it has one.
    ///
    /// # Errors
    /// [`memory::MemoryError`].
    pub fn open(config: SimConfig) -> Result<Arc<Self>, memory::MemoryError> {
        let mut memory = Memory::open(&config)?;
        memory.write_sent(|index, punch| config.sent_line(&config.faults.as_kept(index, punch)))?;
        let faults = Mutex::new(config.faults.clone());
        let offset = Mutex::new(TimeDelta::minutes(config.utc_offset_minutes.into()));
        let (live, _) = broadcast::channel(4096);
        Ok(Arc::new(Self {
            memory: Mutex::new(memory),
            faults,
            offset,
            lock: Mutex::new(None),
            rebooting: Mutex::new(None),
            acknowledged: watch::Sender::new(0),
            extra_users: Mutex::new(Vec::new()),
            operations: Mutex::default(),
            cleared: AtomicU64::new(0),
            live,
            tally: Tally::default(),
            config,
        }))
    }

    /// How the clock was set up.
    #[must_use]
    pub fn config(&self) -> &SimConfig {
        &self.config
    }

    /// What happened to it.
    #[must_use]
    pub fn tally(&self) -> &Tally {
        &self.tally
    }

    /// Records the clock holds.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.memory.lock().count()
    }

    /// The records that the clock still has: all, unless there is room for fewer or its log was cleared.
    #[must_use]
    pub fn logged(&self) -> std::ops::Range<u64> {
        let count = self.count();
        let room = self.faults.lock().capacity.unwrap_or(count);
        count.saturating_sub(room).max(self.cleared.load(Ordering::Relaxed))..count
    }

    /// Does something in the clock's menu: its operation log has it afterwards.
    pub fn operate(&self, code: u8, admin: u16, clock: &impl Clock) {
        let time = Parts::from(self.wall_time(clock));
        self.operations.lock().push(SimOperation { code, admin, time, objects: [0; 4] });
        // Whoever pushes looks whether there is something new.
        self.acknowledged.send_modify(|_| ());
    }

    /// Clears the attendance log in the clock's menu: what nobody has read is gone.
    pub fn clear_log(&self, admin: u16, clock: &impl Clock) {
        let count = self.count();
        self.cleared.store(count, Ordering::Relaxed);
        self.acknowledged.send_replace(count);
        self.operate(23, admin, clock);
    }

    /// The operation log.
    #[must_use]
    pub fn operations(&self) -> Vec<SimOperation> {
        self.operations.lock().clone()
    }

    /// A record by its place among all it ever kept.
    #[must_use]
    pub fn punch_at(&self, index: u64) -> Option<SimPunch> {
        let punch = self.memory.lock().get(index)?;
        Some(self.faults.lock().as_kept(index, punch))
    }

    /// The users the clock was made with.
    pub fn users(&self) -> impl Iterator<Item = SimUser> + '_ {
        (0..self.config.generator.users()).map(|index| self.config.generator.user(index))
    }

    /// The sent list: every record the clock holds, as its log names it.
    pub fn sent(&self) -> impl Iterator<Item = SentLine> + '_ {
        (0..self.count()).filter_map(|index| self.punch_at(index)).map(|punch| self.config.sent_line(&punch))
    }

    /// Makes a punch now. It is kept (synced to the state file) when this returns, and told to whoever listens.
    ///
    /// # Errors
    /// [`memory::MemoryError`] when it could not be kept: the clock shows an error and the person tries again.
    pub fn keep(&self, punch: SimPunch) -> Result<(), memory::MemoryError> {
        let line = self.config.sent_line(&punch);
        self.memory.lock().keep(punch, &line)?;
        // Nobody listening is no fault.
        let _ = self.live.send(punch);
        Ok(())
    }

    /// Records the push server has acknowledged in the present round.
    #[must_use]
    pub fn acknowledged(&self) -> u64 {
        *self.acknowledged.borrow()
    }

    /// Makes the push side send its whole history again.
    pub fn resend_all(&self) {
        self.acknowledged.send_replace(0);
    }

    /// The punches made from now on.
    #[must_use]
    pub fn listen(&self) -> broadcast::Receiver<SimPunch> {
        self.live.subscribe()
    }

    /// The faults in force.
    #[must_use]
    pub fn faults(&self) -> Faults {
        self.faults.lock().clone()
    }

    /// Changes the faults in force.
    pub fn change_faults(&self, change: impl FnOnce(&mut Faults)) {
        change(&mut self.faults.lock());
    }

    /// The clock's wall time.
    #[must_use]
    pub fn wall_time(&self, clock: &impl Clock) -> NaiveDateTime {
        let now: DateTime<Utc> = clock.now();
        (now + *self.offset.lock()).naive_utc()
    }

    /// Sets the clock's wall time.
    pub fn set_wall_time(&self, time: NaiveDateTime, clock: &impl Clock) {
        *self.offset.lock() = time.and_utc() - clock.now();
    }

    /// Whether people can punch: not locked, or locked for a time that has passed.
    #[must_use]
    pub fn is_enabled(&self) -> bool {
        self.lock.lock().is_none_or(|until| until <= Instant::now())
    }

    fn lock_keypad(&self, seconds: Option<u32>) {
        self.tally.count_lock();
        let seconds = seconds.map_or(Duration::from_secs(365 * 86_400), |s| Duration::from_secs(s.into()));
        *self.lock.lock() = Some(Instant::now() + seconds);
    }

    fn start_reboot(&self, takes: Duration) {
        *self.rebooting.lock() = Some(Instant::now() + takes);
    }

    /// Whether the clock is starting and takes no connections yet.
    #[must_use]
    pub fn is_rebooting(&self) -> bool {
        self.rebooting.lock().is_some_and(|until| until > Instant::now())
    }

    fn free_keypad(&self) {
        *self.lock.lock() = None;
    }
}
