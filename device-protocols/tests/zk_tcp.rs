//! The client against simulated clocks on real sockets.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on fails")]

use std::sync::Arc;
use std::task::Poll;

use bytes::Bytes;
use chrono::{NaiveDate, NaiveDateTime};
use device_protocols::clock::SystemClock;
use device_protocols::row::{AttendanceRow, UserCode};
use device_protocols::sim::live::punch_now;
use device_protocols::sim::tcp::TcpServer;
use device_protocols::sim::{Faults, Generator, SimClock, SimConfig, Transfer};
use device_protocols::text::TextEncoding;
use device_protocols::zk::client::{ClientOptions, Hold};
use device_protocols::zk::event::MASK_ATTENDANCE;
use device_protocols::zk::key::CommKey;
use device_protocols::zk::session::{SessionError, Timing};
use device_protocols::zk::user::{UserWidth, lowest_free_sn};
use device_protocols::zk::{
    Client, ClientError, Code, LiveEvent, LogPiece, LogSummary, Packet, TcpCodec, UserRecord,
};
use futures_util::{SinkExt, StreamExt};
use rstest::rstest;
use tokio::io::AsyncWriteExt;
use tokio::time::Duration;
use tokio_util::codec::Framed;

fn now() -> NaiveDateTime {
    NaiveDate::from_ymd_opt(2026, 11, 21).unwrap().and_hms_opt(12, 0, 0).unwrap()
}

/// Deadlines that a loaded machine keeps and a failing test still reaches.
fn options() -> ClientOptions {
    let timing = Timing {
        reply: Duration::from_secs(5),
        prepare: Duration::from_secs(5),
        tail: Duration::from_secs(1),
    };
    ClientOptions { timing, table_timeout: Duration::from_secs(120), ..ClientOptions::default() }
}

fn config(format: &str, records: u64) -> SimConfig {
    let mut config = SimConfig::new("SIM0000000001");
    config.format = format.parse().unwrap();
    config.records = records;
    config
}

async fn start(config: SimConfig) -> (Arc<SimClock>, TcpServer) {
    let sim = SimClock::open(config).unwrap();
    let server =
        TcpServer::start(Arc::clone(&sim), "127.0.0.1:0".parse().unwrap(), SystemClock).await.unwrap();
    (sim, server)
}

async fn connect(server: &TcpServer) -> Client {
    Client::connect(server.address(), options()).await.unwrap()
}

async fn read_log(client: &mut Client) -> Result<(Vec<AttendanceRow>, LogSummary), ClientError> {
    let mut log = client.attendance(now()).await?;
    let mut all = Vec::new();
    while let Some(piece) = log.next().await? {
        match piece {
            LogPiece::Rows(rows) => all.extend(rows),
            LogPiece::Raw { .. } => panic!("raw bytes in a plausible log"),
        }
    }
    Ok((all, log.finish().await?))
}

/// What the clock says it holds, as (user, time).
fn sent(sim: &SimClock) -> Vec<(String, String)> {
    sim.sent().map(|line| (line.code, line.time)).collect()
}

fn read(rows: &[AttendanceRow]) -> Vec<(String, String)> {
    let time = |row: &AttendanceRow| match &row.time {
        Ok(time) => time.to_string(),
        Err(bad) => bad.said().to_owned(),
    };
    rows.iter().map(|row| (row.user.to_string(), time(row))).collect()
}

#[rstest]
#[tokio::test]
async fn every_layout_is_read_whole_however_it_is_sent(
    #[values("8a", "8b", "16s", "16v", "40", "49", "52")] format: &str,
    #[values(Transfer::Chunks, Transfer::Pieces, Transfer::Inline)] transfer: Transfer,
    #[values(0, 1, 5, 2_000, 5_000)] records: u64,
) {
    let mut config = config(format, records);
    config.faults.transfer = transfer;
    let (sim, server) = start(config).await;
    let mut client = connect(&server).await;
    let (rows, summary) = read_log(&mut client).await.unwrap();
    assert_eq!(read(&rows), sent(&sim));
    assert!(summary.is_whole(), "{summary:?}");
    assert_eq!((summary.rows, summary.bad_times, summary.doubtful), (records, 0, 0));
    client.close().await.unwrap();
    assert!(sim.is_enabled());
}

/// A clock of 3,000 records (two chunks of 40 bytes and more) with one fault, read once.
async fn read_with(
    format: &str,
    fault: impl FnOnce(&mut Faults),
) -> (Arc<SimClock>, Vec<AttendanceRow>, LogSummary) {
    let mut config = config(format, 3_000);
    fault(&mut config.faults);
    let (sim, server) = start(config).await;
    let mut client = connect(&server).await;
    let (rows, summary) = read_log(&mut client).await.unwrap();
    client.close().await.unwrap();
    assert!(sim.is_enabled());
    assert_eq!(read(&rows), sent(&sim));
    (sim, rows, summary)
}

#[rstest]
#[tokio::test]
async fn torn_writes_change_nothing(#[values(1, 3, 7, 1000)] size: usize) {
    let mut config = config("40", 200);
    config.faults.torn = Some(size);
    let (sim, server) = start(config).await;
    let mut client = connect(&server).await;
    let (rows, _) = read_log(&mut client).await.unwrap();
    assert_eq!(read(&rows), sent(&sim));
}

#[rstest]
#[case::coalesced(|faults: &mut Faults| faults.coalesce = true)]
#[case::event_before_each_reply(|faults: &mut Faults| faults.event_before_reply = true)]
#[case::count_too_high(|faults: &mut Faults| faults.count_off = 1)]
#[case::count_too_low(|faults: &mut Faults| faults.count_off = -1)]
#[case::count_of_none(|faults: &mut Faults| faults.count_off = -3_000)]
#[case::reply_ids_of_zero(|faults: &mut Faults| faults.zero_reply_ids = true)]
#[case::other_session_ids(|faults: &mut Faults| faults.change_session = true)]
#[case::wrong_checksums(|faults: &mut Faults| faults.wrong_checksums = true)]
#[case::no_buffer(|faults: &mut Faults| faults.refuse_buffer = true)]
#[case::peer_answers_acknowledgements(|faults: &mut Faults| {
    faults.answer_acks = true;
    faults.event_before_reply = true;
})]
#[case::no_end_of_chunks(|faults: &mut Faults| faults.no_chunk_ack = true)]
#[case::too_long_a_chunk(|faults: &mut Faults| faults.long_chunk = Some(1))]
#[case::junk(|faults: &mut Faults| faults.junk_before_row = Some(1_700))]
#[case::short_sizes(|faults: &mut Faults| faults.sizes_length = Some(68))]
#[case::old_sizes(|faults: &mut Faults| faults.sizes_length = Some(80))]
#[case::long_sizes(|faults: &mut Faults| faults.sizes_length = Some(120))]
#[case::no_sizes(|faults: &mut Faults| faults.sizes_length = Some(0))]
#[case::all_in_pieces(|faults: &mut Faults| faults.transfer = Transfer::Pieces)]
#[tokio::test]
async fn a_fault_costs_no_row(
    #[case] fault: fn(&mut Faults),
    #[values("8a", "8b", "16s", "16v", "40", "49")] format: &str,
) {
    let (_, rows, summary) = read_with(format, fault).await;
    assert_eq!(rows.len(), 3_000);
    assert!(summary.is_whole(), "{summary:?}");
}

#[tokio::test]
async fn replies_that_take_long_are_waited_for() {
    let mut config = config("40", 5);
    config.faults.delay_ms = 300;
    let (sim, server) = start(config).await;
    let mut client = connect(&server).await;
    assert_eq!(read(&read_log(&mut client).await.unwrap().0), sent(&sim));
}

#[rstest]
#[tokio::test]
async fn an_impossible_date_costs_no_other_row(#[values("8a", "8b", "16s", "40")] format: &str) {
    let (_, rows, summary) = read_with(format, |faults| faults.bad_date_rows = [50, 2_999].into()).await;
    assert_eq!((summary.rows, summary.bad_times), (3_000, 2));
    assert!(rows[50].time.as_ref().unwrap_err().said().contains("-02-31 "));
}

#[tokio::test]
async fn a_length_word_larger_than_the_body_is_told_and_costs_no_row() {
    for transfer in [Transfer::Chunks, Transfer::Inline] {
        let (_, _, summary) = read_with("40", |faults| {
            faults.length_word_extra = 400;
            faults.transfer = transfer;
        })
        .await;
        assert_eq!(summary.missing_bytes, 400);
    }
}

#[rstest]
#[case::dropped(|faults: &mut Faults| faults.drop_after_chunk = Some(2))]
#[case::restarted(|faults: &mut Faults| faults.reboot_after_chunk = Some(2))]
#[tokio::test]
async fn a_line_that_breaks_in_a_read_loses_nothing(#[case] fault: fn(&mut Faults)) {
    let mut config = config("40", 10_000);
    fault(&mut config.faults);
    let (sim, server) = start(config).await;
    let mut client = connect(&server).await;
    let mut log = client.attendance(now()).await.unwrap();
    let mut before = Vec::new();
    let error = loop {
        match log.next().await {
            Ok(Some(LogPiece::Rows(rows))) => before.extend(rows),
            Ok(other) => panic!("{other:?}"),
            Err(error) => break error,
        }
    };
    assert!(error.is_transient(), "{error}");
    drop(log);
    drop(client);
    // What was handed out is true: it is the log's beginning.
    assert!(!before.is_empty() && before.len() < 10_000);
    assert_eq!(read(&before), sent(&sim)[..before.len()]);
    let mut client = connect(&server).await;
    assert!(sim.is_enabled(), "enabled by the next connection at the latest");
    let (rows, _) = read_log(&mut client).await.unwrap();
    assert_eq!(read(&rows), sent(&sim));
}

#[tokio::test]
async fn a_clock_that_falls_silent_fails_the_read_in_bounded_time_and_is_left_enabled() {
    let mut config = config("40", 3_000);
    // CONNECT, ENABLE, DISABLE, sizes, PREPARE_BUFFER are answered, the first chunk is not.
    config.faults.silent_after = Some(5);
    let (sim, server) = start(config).await;
    let mut options = options();
    options.timing.reply = Duration::from_millis(50);
    let mut client = Client::connect(server.address(), options).await.unwrap();
    let error = read_log(&mut client).await.unwrap_err();
    assert!(matches!(error, ClientError::Session(SessionError::TimedOut(_))), "{error}");
    // The ENABLE of the failed read is not heard by this deaf clock; its own time limit frees it. The next is heard.
    drop(client);
    sim.change_faults(|faults| faults.silent_after = None);
    connect(&server).await;
    assert!(sim.is_enabled());
}

#[rstest]
#[case::right(88_888_888, true)]
#[case::wrong(88_888_889, false)]
#[tokio::test]
async fn a_key_is_presented_exactly_once(#[case] key: u32, #[case] right: bool) {
    let mut config = config("40", 5);
    config.comm_key = 88_888_888;
    let (sim, server) = start(config).await;
    let options = ClientOptions { key: Some(CommKey::new(key)), ..options() };
    let connected = Client::connect(server.address(), options).await;
    assert_eq!(sim.tally().keys_tried(), 1);
    match connected {
        Ok(mut client) => {
            assert!(right);
            assert_eq!(read_log(&mut client).await.unwrap().0.len(), 5);
        }
        Err(error) => {
            assert!(!right && matches!(error, ClientError::Session(SessionError::KeyRefused)), "{error}");
            assert!(!error.is_transient());
        }
    }
    let without = Client::connect(server.address(), self::options()).await.unwrap_err();
    assert!(matches!(without, ClientError::Session(SessionError::KeyNeeded)), "{without}");
}

#[rstest]
#[tokio::test]
async fn a_clock_tells_who_it_is(#[values(false, true)] bare: bool) {
    let mut config = config("40", 5);
    config.faults.bare_options = bare;
    let (_, server) = start(config).await;
    let mut client = connect(&server).await;
    let info = client.info().await.unwrap();
    assert_eq!(info.serial.as_deref(), Some("SIM0000000001"));
    assert_eq!(info.firmware.as_deref(), Some("Ver 6.60 Apr 28 2018"));
    assert_eq!((info.sizes.users, info.sizes.records), (Some(3), Some(5)));
    assert_eq!(client.option("~NoSuchThing").await.unwrap(), None);
}

#[tokio::test]
async fn a_clocks_time_is_read_and_set() {
    let (_, server) = start(config("40", 0)).await;
    let mut client = connect(&server).await;
    let leap = NaiveDate::from_ymd_opt(2024, 2, 29).unwrap().and_hms_opt(23, 59, 58).unwrap();
    client.set_time(leap).await.unwrap();
    let read = client.time().await.unwrap().unwrap();
    assert!(read >= leap && read < leap + chrono::TimeDelta::minutes(5), "{read}");
    let before = NaiveDate::from_ymd_opt(1999, 1, 1).unwrap().into();
    assert!(matches!(client.set_time(before).await, Err(ClientError::Time(_))));
}

#[rstest]
#[tokio::test]
async fn users_are_read_and_written_in_the_clocks_width(#[values("16s", "40")] format: &str) {
    let (_, server) = start(config(format, 0)).await;
    let mut client = connect(&server).await;
    let users = client.users().await.unwrap();
    let codes: Vec<_> = users.iter().map(|user| (user.sn(), user.user().to_string())).collect();
    assert_eq!(codes, [(1, "1".into()), (2, "1001".into()), (3, "987654321".into())]);
    assert!(users[0].privilege().is_privileged());
    let sn = lowest_free_sn(&users).unwrap();
    let new = match users[0].width() {
        UserWidth::Wide => UserRecord::new_wide(sn, UserCode::parse("70007").unwrap()),
        UserWidth::Narrow => UserRecord::new_narrow(sn, 70_007),
    };
    client.write_user(&new.with_name("Nina", TextEncoding::Utf8).unwrap()).await.unwrap();
    let users = client.users().await.unwrap();
    let last = users.last().unwrap();
    assert_eq!((last.sn(), last.user().to_string()), (4, "70007".into()));
    assert_eq!(last.name(TextEncoding::Utf8), "Nina");
}

#[rstest]
#[tokio::test]
async fn punches_are_told_live(#[values("40", "8a")] format: &str, #[values(false, true)] answers: bool) {
    let mut config = config(format, 0);
    config.faults.answer_acks = answers;
    let (sim, server) = start(config).await;
    let mut client = connect(&server).await;
    client.watch(MASK_ATTENDANCE).await.unwrap();
    for _ in 0..5 {
        punch_now(&sim, &SystemClock).unwrap();
    }
    // Also across a request.
    client.time().await.unwrap().unwrap();
    let mut told = Vec::new();
    while told.len() < 5 {
        match client.next_event(Duration::from_secs(10)).await.unwrap() {
            Some(LiveEvent::Punches(punches)) => {
                told.extend(
                    punches
                        .into_iter()
                        .map(|punch| (punch.user.to_string(), punch.time.unwrap().to_string())),
                );
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(told, sent(&sim));
    assert_eq!(client.next_event(Duration::from_millis(20)).await.unwrap(), None);
    client.time().await.unwrap().unwrap();
    assert_eq!(sim.tally().events_acknowledged(), 5);
    client.close().await.unwrap();
}

#[tokio::test]
async fn a_peer_that_is_no_clock_is_found_out() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
        std::future::pending::<()>().await;
    });
    let error = Client::connect(address, options()).await.unwrap_err();
    assert!(matches!(error, ClientError::Frame(_)), "{error}");
    let nobody = "127.0.0.1:1".parse().unwrap();
    let error = Client::connect(nobody, options()).await.unwrap_err();
    assert!(matches!(error, ClientError::Connect { .. }), "{error}");
}

#[tokio::test]
async fn five_events_in_one_write_are_five_events() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let mut framed = Framed::new(stream, TcpCodec);
        // CONNECT, ENABLE, REG_EVENT.
        for _ in 0..3 {
            let request = framed.next().await.unwrap().unwrap().packet;
            framed.send(&Packet::new(Code::ACK_OK, 0x1234, request.reply, Bytes::new())).await.unwrap();
        }
        let mut data = b"1001".to_vec();
        data.resize(24, 0);
        data.extend([15, 1, 0x1a, 0x0b, 0x14, 0x09, 0x1e, 0x0f]);
        for _ in 0..5 {
            framed.feed(&Packet::new(Code::REG_EVENT, 1, 0, data.clone())).await.unwrap();
        }
        framed.flush().await.unwrap();
        for _ in 0..5 {
            assert_eq!(framed.next().await.unwrap().unwrap().packet.command, Code::ACK_OK);
        }
    });
    let mut client = Client::connect(address, options()).await.unwrap();
    client.watch(MASK_ATTENDANCE).await.unwrap();
    for _ in 0..5 {
        let event = client.next_event(Duration::from_secs(10)).await.unwrap();
        assert!(matches!(event, Some(LiveEvent::Punches(punches)) if punches.len() == 1));
    }
}

/// Polls a future this many times and drops it if it is not done then.
async fn cut_after<F: Future>(polls: u32, future: F) -> Option<F::Output> {
    let mut future = std::pin::pin!(future);
    let mut polled = 0;
    std::future::poll_fn(|cx| {
        if polled == polls {
            return Poll::Ready(None);
        }
        polled += 1;
        future.as_mut().poll(cx).map(Some)
    })
    .await
}

async fn until_enabled(sim: &SimClock) {
    let enabled = async {
        while !sim.is_enabled() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), enabled).await.expect("the clock is never enabled again");
}

/// The sim locks for an hour here, so only an ENABLE can free it within the test.
fn locking() -> ClientOptions {
    ClientOptions { hold: Hold::Locked { seconds: 3_600 }, ..options() }
}

#[tokio::test]
async fn a_read_dropped_at_any_moment_leaves_the_clock_enabled_and_the_client_usable() {
    let mut config = config("40", 5_000);
    config.faults.transfer = Transfer::Pieces;
    let (sim, server) = start(config).await;
    let mut cut = 0;
    for polls in 0.. {
        let mut client = Client::connect(server.address(), locking()).await.unwrap();
        if cut_after(polls, read_log(&mut client)).await.is_some() {
            break;
        }
        cut += 1;
        // The same session goes on: first asks something, then reads the whole log.
        client.time().await.unwrap().unwrap();
        until_enabled(&sim).await;
        if polls % 5 == 0 {
            assert_eq!(read_log(&mut client).await.unwrap().0.len(), 5_000);
        }
        client.close().await.unwrap();
    }
    assert!(cut > 5, "the read was cut only {cut} times");
    assert!(sim.tally().locks() > 5);
}

#[tokio::test]
async fn a_client_dropped_at_any_moment_leaves_the_clock_enabled() {
    let (sim, server) = start(config("40", 5_000)).await;
    for polls in 0.. {
        let whole = async {
            let mut client = Client::connect(server.address(), locking()).await.unwrap();
            read_log(&mut client).await.unwrap()
        };
        let done = cut_after(polls, whole).await.is_some();
        // A lock that is still on its way comes before the ENABLE that follows it.
        until_enabled(&sim).await;
        if done {
            break;
        }
    }
    assert!(sim.tally().locks() > 3);
    // Once all connections are gone nothing locks it again.
    until_enabled(&sim).await;
}

#[tokio::test]
async fn a_task_that_is_aborted_leaves_the_clock_enabled() {
    let (sim, server) = start(config("40", 5_000)).await;
    let address = server.address();
    let task = tokio::spawn(async move {
        let mut client = Client::connect(address, locking()).await.unwrap();
        let mut log = client.attendance(now()).await.unwrap();
        log.next().await.unwrap();
        std::future::pending::<()>().await;
    });
    let locked = async {
        while sim.is_enabled() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), locked).await.unwrap();
    task.abort();
    until_enabled(&sim).await;
}

#[tokio::test]
async fn a_long_log_comes_in_bounded_batches() {
    let mut config = config("40", 200_000);
    let from = NaiveDate::from_ymd_opt(2025, 1, 1).unwrap();
    config.generator = Generator::Shifts { users: 500, first_code: 1001, seed: 3, from };
    let (sim, server) = start(config).await;
    let mut client = connect(&server).await;
    let mut log = client.attendance(now()).await.unwrap();
    let mut expected = sim.sent();
    let mut rows = 0;
    while let Some(piece) = log.next().await.unwrap() {
        let LogPiece::Rows(batch) = piece else { panic!("raw bytes in a plausible log") };
        assert!(batch.len() <= 2_100);
        rows += batch.len();
        for row in batch {
            let line = expected.next().unwrap();
            assert_eq!((row.user.to_string(), row.time.unwrap().to_string()), (line.code, line.time));
        }
    }
    assert_eq!(rows, 200_000);
    assert!(log.finish().await.unwrap().is_whole());
}

#[rstest]
#[tokio::test]
async fn an_unlocked_read_locks_nobody_out(#[values(Hold::Open, Hold::Locked { seconds: 60 })] hold: Hold) {
    let (sim, server) = start(config("40", 5)).await;
    let mut client = Client::connect(server.address(), ClientOptions { hold, ..options() }).await.unwrap();
    read_log(&mut client).await.unwrap();
    assert_eq!(sim.tally().locks(), u64::from(hold != Hold::Open));
    assert!(sim.tally().tables_freed() > 0);
}
