//! Reading only what follows the known part of a log, from simulated clocks on real sockets.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on fails")]

use std::sync::Arc;
use std::time::Duration;

use chrono::NaiveDate;
use device_protocols::clock::SystemClock;
use device_protocols::driver::{
    Ask, Carried, Driver, DriverError, LogEnd, LogKind, LogMark, Misfit, Observed, Order, Origin, Refused,
    Sink, WholeReason,
};
use device_protocols::row::AttendanceRow;
use device_protocols::sim::live::punch_now;
use device_protocols::sim::tcp::TcpServer;
use device_protocols::sim::{Faults, Generator, SimClock, SimConfig, Transfer};
use device_protocols::text::TextEncoding;
use device_protocols::zk::client::{ClientOptions, Hold};
use device_protocols::zk::session::Timing;
use device_protocols::zk::{Client, ZkDriver, ZkTarget};
use parking_lot::Mutex;
use rstest::rstest;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// Keeps the rows of a log by their positions, and how each reading ended.
#[derive(Default)]
struct Kept {
    log: Mutex<Vec<AttendanceRow>>,
    /// Rows of the reading that is going on.
    delivered: Mutex<u64>,
    ends: Mutex<Vec<LogEnd>>,
    refuse_at: Mutex<Option<u64>>,
}

#[derive(Clone, Default)]
struct Keeper(Arc<Kept>);

impl Sink for Keeper {
    async fn accept(&self, _: &Origin, observed: Observed) -> Result<(), Refused> {
        match observed {
            Observed::Rows { rows, bad } => {
                assert!(bad.is_empty());
                *self.0.delivered.lock() += u64::try_from(rows.len()).unwrap();
                if self.0.refuse_at.lock().is_some_and(|at| *self.0.delivered.lock() > at) {
                    return Err(Refused::Unavailable);
                }
                let mut log = self.0.log.lock();
                for row in rows {
                    let at = usize::try_from(row.position).unwrap();
                    assert!(at <= log.len(), "row {at} after {}", log.len());
                    // A whole read replaces what was known.
                    log.truncate(at);
                    log.push(row);
                }
            }
            Observed::LogEnd(end) => self.0.ends.lock().push(end),
            Observed::Facts(_) | Observed::Hint(_) | Observed::Time(_) | Observed::Heard => {}
            Observed::Users { .. } | Observed::Operations(_) | Observed::Unread { .. } => {
                panic!("nobody asked for that")
            }
        }
        Ok(())
    }
}

fn options(hold: Hold) -> ClientOptions {
    let timing = Timing {
        reply: Duration::from_secs(5),
        prepare: Duration::from_secs(5),
        tail: Duration::from_secs(1),
    };
    ClientOptions { timing, hold, table_timeout: Duration::from_secs(120), ..ClientOptions::default() }
}

/// A simulated clock and a driver that reads it.
struct Bench {
    sim: Arc<SimClock>,
    server: TcpServer,
    kept: Arc<Kept>,
    orders: mpsc::Sender<Order>,
    stop: CancellationToken,
}

impl Bench {
    async fn new(format: &str, records: u64, fault: impl FnOnce(&mut Faults)) -> Self {
        let mut config = SimConfig::new("SIM0000000001");
        config.format = format.parse().unwrap();
        config.records = records;
        let from = NaiveDate::from_ymd_opt(2026, 8, 1).unwrap();
        config.generator = Generator::Shifts { users: 40, first_code: 1001, seed: 5, from };
        fault(&mut config.faults);
        let sim = SimClock::open(config).unwrap();
        let server =
            TcpServer::start(Arc::clone(&sim), "127.0.0.1:0".parse().unwrap(), SystemClock).await.unwrap();
        let (orders, inbox) = mpsc::channel(1);
        let (keeper, stop) = (Keeper::default(), CancellationToken::new());
        let target = ZkTarget {
            address: server.address(),
            options: options(Hold::Locked { seconds: 30 }),
            encoding: TextEncoding::Utf8,
            live: false,
        };
        let kept = Arc::clone(&keeper.0);
        tokio::spawn(ZkDriver::new(target, SystemClock).serve(keeper, inbox, stop.clone()));
        Self { sim, server, kept, orders, stop }
    }

    async fn order(&self, after: Option<LogMark>) -> Result<Carried, DriverError> {
        *self.kept.delivered.lock() = 0;
        let (order, outcome) = Order::new(None, Ask::Pull { unless_count: None, after });
        self.orders.send(order).await.unwrap();
        tokio::time::timeout(Duration::from_secs(60), outcome).await.unwrap().unwrap()
    }

    /// Reads; gives how that ended and what it cost in bytes of tables.
    async fn pull(&self, after: Option<LogMark>) -> (LogEnd, u64) {
        let before = self.sim.tally().table_bytes();
        assert_eq!(self.order(after).await, Ok(Carried::Out));
        let end = self.kept.ends.lock().pop().expect("a reading that was carried out has an end");
        assert!(self.kept.ends.lock().is_empty());
        (end, self.sim.tally().table_bytes() - before)
    }

    /// The mark after a whole read.
    async fn mark(&self) -> LogMark {
        let (end, _) = self.pull(None).await;
        assert_eq!(end.kind, LogKind::Whole(WholeReason::Asked));
        end.mark.unwrap()
    }

    fn punch(&self, times: u64) {
        for _ in 0..times {
            punch_now(&self.sim, &SystemClock).unwrap();
        }
    }

    /// What is kept is what the clock's log holds, row by row.
    #[track_caller]
    fn assert_all_kept(&self) {
        let kept: Vec<(String, String)> = self.kept.log.lock().iter().map(name).collect();
        let config = self.sim.config();
        let held: Vec<(String, String)> = self
            .sim
            .logged()
            .filter_map(|index| self.sim.punch_at(index))
            .map(|punch| config.sent_line(&punch))
            .map(|line| (line.code, line.time))
            .collect();
        assert_eq!(kept, held);
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

fn name(row: &AttendanceRow) -> (String, String) {
    let time = row.time.as_ref().map_or_else(|bad| bad.said().to_owned(), ToString::to_string);
    (row.user.to_string(), time)
}

#[rstest]
#[tokio::test]
async fn a_grown_log_costs_only_what_is_new(
    #[values("8a", "8b", "16s", "16v", "40", "49")] format: &str,
    #[values(Transfer::Chunks, Transfer::Pieces)] transfer: Transfer,
) {
    let bench = Bench::new(format, 3_000, |faults| faults.transfer = transfer).await;
    let mut mark = bench.mark().await;
    let locks = bench.sim.tally().locks();
    assert_eq!(locks, 1);
    let stride = u64::try_from(mark.layout().stride()).unwrap();
    for new in [1, 0, 5, 40] {
        bench.punch(new);
        let (end, bytes) = bench.pull(Some(mark.clone())).await;
        assert_eq!(end.kind, LogKind::Tail { from: mark.rows() });
        assert_eq!((end.rows, end.whole, &end.notes), (new, true, &vec![]));
        assert_eq!(bytes, (32 + new) * stride);
        bench.assert_all_kept();
        mark = end.mark.unwrap();
        assert_eq!(mark.rows(), bench.sim.count());
    }
    assert_eq!(bench.sim.tally().locks(), locks, "a tail locks nobody out");
    assert_eq!(bench.sim.tally().tables_freed(), 5);
    let (_, whole) = bench.pull(None).await;
    bench.assert_all_kept();
    assert_eq!(whole, 4 + bench.sim.count() * stride);
}

#[tokio::test]
async fn a_tail_of_several_chunks_is_read_to_its_end() {
    let bench = Bench::new("40", 100, |_| {}).await;
    let mark = bench.mark().await;
    bench.punch(4_000);
    let (end, _) = bench.pull(Some(mark)).await;
    assert_eq!((end.kind, end.rows), (LogKind::Tail { from: 100 }, 4_000));
    bench.assert_all_kept();
}

#[rstest]
#[case::coalesced(|faults: &mut Faults| faults.coalesce = true)]
#[case::torn(|faults: &mut Faults| faults.torn = Some(3))]
#[case::event_before_each_reply(|faults: &mut Faults| faults.event_before_reply = true)]
#[case::count_too_high(|faults: &mut Faults| faults.count_off = 3)]
#[case::count_too_low(|faults: &mut Faults| faults.count_off = -3)]
#[case::count_of_none(|faults: &mut Faults| faults.count_off = -10_000)]
#[case::no_sizes(|faults: &mut Faults| faults.sizes_length = Some(0))]
#[case::reply_ids_of_zero(|faults: &mut Faults| faults.zero_reply_ids = true)]
#[case::other_session_ids(|faults: &mut Faults| faults.change_session = true)]
#[case::no_end_of_chunks(|faults: &mut Faults| faults.no_chunk_ack = true)]
#[case::too_long_a_chunk(|faults: &mut Faults| faults.long_chunk = Some(2))]
#[case::junk(|faults: &mut Faults| faults.junk_before_row = Some(190))]
#[case::early_junk(|faults: &mut Faults| faults.junk_before_row = Some(2))]
#[tokio::test]
async fn what_is_odd_about_a_clock_makes_no_tail_impossible(
    #[case] fault: fn(&mut Faults),
    #[values("8a", "16v", "40")] format: &str,
) {
    let bench = Bench::new(format, 200, fault).await;
    let mark = bench.mark().await;
    bench.punch(3);
    let (end, _) = bench.pull(Some(mark)).await;
    assert_eq!((end.kind, end.rows), (LogKind::Tail { from: 200 }, 3));
    bench.assert_all_kept();
}

#[rstest]
#[case::rotated(|faults: &mut Faults| faults.capacity = Some(200), Misfit::Changed)]
#[case::oldest_lost(|faults: &mut Faults| faults.capacity = Some(150), Misfit::Shorter)]
#[case::cleared(|faults: &mut Faults| faults.capacity = Some(0), Misfit::Shorter)]
#[case::last_known_rewritten(|faults: &mut Faults| faults.bad_date_rows = [199].into(), Misfit::Changed)]
#[case::junk_came(|faults: &mut Faults| faults.junk_before_row = Some(201), Misfit::Layout)]
#[tokio::test]
async fn a_log_that_is_not_the_known_one_is_read_whole(
    #[case] fault: fn(&mut Faults),
    #[case] misfit: Misfit,
    #[values("8a", "16v", "40")] format: &str,
) {
    let bench = Bench::new(format, 200, |_| {}).await;
    let mark = bench.mark().await;
    bench.sim.change_faults(fault);
    bench.punch(3);
    bench.kept.log.lock().clear();
    let (end, _) = bench.pull(Some(mark)).await;
    assert_eq!(end.kind, LogKind::Whole(WholeReason::Misfit(misfit)));
    assert!(end.whole, "{end:?}");
    bench.assert_all_kept();
    assert_eq!(bench.sim.tally().locks(), 2, "a whole read keeps to the lock");
    assert!(bench.sim.is_enabled());
    assert_eq!(end.mark.map_or(0, |mark| mark.rows()), end.rows);
}

#[tokio::test]
async fn a_full_log_that_loses_its_oldest_gives_every_new_row() {
    let bench = Bench::new("40", 500, |faults| faults.capacity = Some(500)).await;
    let mut mark = bench.mark().await;
    let mut seen: Vec<(String, String)> = bench.kept.log.lock().iter().map(name).collect();
    for new in [1, 7, 40] {
        bench.punch(new);
        let (end, _) = bench.pull(Some(mark)).await;
        assert_eq!(end.kind, LogKind::Whole(WholeReason::Misfit(Misfit::Changed)));
        bench.assert_all_kept();
        seen.extend(bench.kept.log.lock().iter().skip(500 - usize::try_from(new).unwrap()).map(name));
        mark = end.mark.unwrap();
    }
    let sent: Vec<(String, String)> = bench.sim.sent().map(|line| (line.code, line.time)).collect();
    assert_eq!(seen, sent);
}

#[tokio::test]
async fn a_change_before_the_overlap_shows_in_the_next_whole_read() {
    let bench = Bench::new("40", 200, |_| {}).await;
    let mark = bench.mark().await;
    bench.sim.change_faults(|faults| faults.bad_date_rows = [100].into());
    bench.punch(1);
    let (end, _) = bench.pull(Some(mark)).await;
    assert_eq!(end.kind, LogKind::Tail { from: 200 });
    bench.pull(None).await;
    bench.assert_all_kept();
}

#[tokio::test]
async fn a_count_that_runs_ahead_of_what_came_causes_a_whole_read() {
    let bench = Bench::new("40", 200, |_| {}).await;
    let mark = bench.mark().await;
    bench.sim.change_faults(|faults| faults.count_off = 1);
    bench.punch(2);
    let (end, _) = bench.pull(Some(mark)).await;
    assert_eq!((end.kind, end.rows), (LogKind::Whole(WholeReason::Count), 202));
    bench.assert_all_kept();
    // If the count stays ahead, that is this clock's way of counting.
    bench.punch(1);
    let (end, _) = bench.pull(end.mark).await;
    assert_eq!((end.kind, end.rows), (LogKind::Tail { from: 202 }, 1));
    bench.assert_all_kept();
}

#[rstest]
#[case::at_once(|faults: &mut Faults| faults.transfer = Transfer::Inline, WholeReason::OnlyWhole)]
#[case::no_buffer(|faults: &mut Faults| faults.refuse_buffer = true, WholeReason::OnlyWhole)]
#[case::no_parts(|faults: &mut Faults| faults.chunks_in_order = true, WholeReason::Denied)]
#[tokio::test]
async fn a_clock_that_gives_no_part_gives_everything(
    #[case] fault: fn(&mut Faults),
    #[case] why: WholeReason,
) {
    let bench = Bench::new("40", 3_000, fault).await;
    let mark = bench.mark().await;
    bench.punch(3);
    let (end, bytes) = bench.pull(Some(mark)).await;
    assert_eq!((end.kind, end.rows), (LogKind::Whole(why), 3_003));
    assert_eq!(bytes, 4 + 3_003 * 40, "nothing comes twice");
    bench.assert_all_kept();
    assert!(bench.sim.is_enabled());
}

#[tokio::test]
async fn rows_that_were_refused_come_again_after_the_same_mark() {
    let bench = Bench::new("40", 200, |_| {}).await;
    let mark = bench.mark().await;
    bench.punch(5);
    *bench.kept.refuse_at.lock() = Some(0);
    let refused = bench.order(Some(mark.clone())).await;
    assert_eq!(refused, Err(DriverError::Refused(Refused::Unavailable)));
    *bench.kept.refuse_at.lock() = None;
    let (end, _) = bench.pull(Some(mark)).await;
    assert_eq!((end.kind, end.rows), (LogKind::Tail { from: 200 }, 5));
    bench.assert_all_kept();
}

#[tokio::test]
async fn a_line_that_breaks_in_a_tail_loses_nothing() {
    let bench = Bench::new("40", 200, |_| {}).await;
    let mark = bench.mark().await;
    bench.punch(4_000);
    bench.sim.change_faults(|faults| faults.drop_after_chunk = Some(2));
    assert!(matches!(bench.order(Some(mark.clone())).await, Err(DriverError::Clock { transient: true, .. })));
    let (end, _) = bench.pull(Some(mark)).await;
    assert_eq!((end.kind, end.rows), (LogKind::Tail { from: 200 }, 4_000));
    bench.assert_all_kept();
}

#[tokio::test]
async fn a_tail_that_is_dropped_releases_the_log() {
    let bench = Bench::new("40", 200, |_| {}).await;
    let mark = bench.mark().await;
    bench.punch(4_000);
    let now = NaiveDate::from_ymd_opt(2026, 11, 21).unwrap().and_time(chrono::NaiveTime::MIN);
    let mut client = Client::connect(bench.server.address(), options(Hold::Open)).await.unwrap();
    let freed = bench.sim.tally().tables_freed();
    drop(client.attendance_after(&mark, now).await.unwrap());
    // The session goes on in step.
    assert!(client.sizes().await.unwrap().records == Some(4_200));
    assert_eq!(bench.sim.tally().tables_freed(), freed + 1);
    client.close().await.unwrap();
}
