use super::*;

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
