use super::*;

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
