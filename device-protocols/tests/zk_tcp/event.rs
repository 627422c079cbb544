use super::*;

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
