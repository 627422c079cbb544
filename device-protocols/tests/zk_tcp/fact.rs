use super::*;

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
