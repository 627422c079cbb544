use super::*;

#[test]
fn a_full_disk_acknowledges_nothing_and_goes_on_without_a_restart() {
    let (_folder, store) = fresh();
    deliver(&store, "A1", Route::Pull, punches("A1", Route::Pull, 1, &[("7", "2026-11-20T09:00:00")]));
    let limit = |pages: i64| {
        store
            .write_blocking(move |tx| {
                Ok(tx.connection().query_row(&format!("PRAGMA max_page_count = {pages}"), [], |_| Ok(()))?)
            })
            .unwrap();
    };
    let pages = count(&store, "PRAGMA page_count");
    limit(pages + 4);
    let many: Vec<String> = (0..4000)
        .map(|n| format!("2026-11-{:02}T09:{:02}:{:02}", n / 3600 + 1, n / 60 % 60, n % 60))
        .collect();
    let rows: Vec<(&str, &str)> = many.iter().map(|wall| ("8", wall.as_str())).collect();
    let mut acknowledged = 1;
    let mut refused = Vec::new();
    for chunk in rows.chunks(200) {
        match try_deliver(&store, "A1", Route::Pull, punches("A1", Route::Pull, 1, chunk)) {
            Ok(taken) => acknowledged += i64::try_from(taken.new).unwrap(),
            Err(StoreError::DiskFull) => refused.push(chunk),
            Err(other) => panic!("{other}"),
        }
    }
    assert!(!refused.is_empty());
    assert_eq!(count(&store, "SELECT count(*) FROM ledger"), acknowledged);
    assert_eq!(count(&store, "SELECT count(*) FROM ledger_log WHERE entry = 1"), acknowledged);
    limit(1_000_000);
    for chunk in refused {
        deliver(&store, "A1", Route::Pull, punches("A1", Route::Pull, 1, chunk));
    }
    assert_eq!(count(&store, "SELECT count(*) FROM ledger"), 4001);
    let state = store.read_blocking(|tx| tx.device_state(&serial("A1"))).unwrap().unwrap();
    assert_eq!(state.counters.new, 4001);
}

#[test]
fn a_write_that_panics_takes_nothing_with_it() {
    let (_folder, store) = fresh();
    let outcome: Result<(), StoreError> = store.write_blocking(|tx| {
        tx.set_meta(Meta::CLOUD_URL, &"x".to_owned())?;
        panic!("on purpose");
    });
    assert!(matches!(outcome, Err(StoreError::Panicked)));
    assert_eq!(store.read_blocking(|tx| tx.meta(Meta::CLOUD_URL)).unwrap(), None);
    create(&store, site()).unwrap();
}

#[tokio::test]
async fn writes_that_wait_together_are_all_answered_and_events_follow_the_commit() {
    let (_folder, store) = fresh();
    let mut events = store.listen();
    let writes = (0..200).map(|n| {
        let store = store.clone();
        async move {
            let wall = format!("2026-11-20T{:02}:{:02}:00", n / 60, n % 60);
            let rows = punches("A1", Route::Push, 1, &[("7", &wall)]);
            store
                .write(move |tx| {
                    tx.take(&Delivery { serial: serial("A1"), route: Route::Push, after: None, rows })
                })
                .await
        }
    });
    let taken = futures_util::future::join_all(writes).await;
    assert!(taken.iter().all(|taken| taken.as_ref().unwrap().new == 1));
    assert_eq!(store.read(ReadTx::punch_count).await.unwrap(), 200);
    assert!(matches!(events.recv().await, Ok(_) | Err(tokio::sync::broadcast::error::RecvError::Lagged(_))));
}
