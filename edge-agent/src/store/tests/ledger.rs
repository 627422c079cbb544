use super::*;

#[test]
fn each_row_is_new_once_and_a_repeat_ever_after() {
    let (_folder, store) = fresh();
    let rows = [("7", "2026-11-20T09:00:00"), ("007", "2026-11-20T09:00:00"), ("7", "2026-11-20T18:00:00")];
    let first = deliver(&store, "A1", Route::Pull, punches("A1", Route::Pull, 1, &rows));
    assert_eq!(first, Taken { read: 3, new: 3, repeat: 0, quarantined: 0 });
    let again = deliver(&store, "A1", Route::Pull, punches("A1", Route::Pull, 1, &rows));
    assert_eq!(again, Taken { read: 3, new: 0, repeat: 3, quarantined: 0 });
    assert_eq!(count(&store, "SELECT count(*) FROM observation"), 0);

    let state = store.read_blocking(|tx| tx.device_state(&serial("A1"))).unwrap().unwrap();
    assert_eq!(state.counters, DeviceCounters { read: 6, new: 3, repeat: 3, quarantined: 0 });
    assert_eq!(state.newest_raw.unwrap().to_string(), "2026-11-20 18:00:00");
}

#[test]
fn another_route_adds_its_reading_and_no_punch() {
    let (_folder, store) = fresh();
    let rows = [("7", "2026-11-20T09:00:00")];
    deliver(&store, "A1", Route::Pull, punches("A1", Route::Pull, 1, &rows));
    for _ in 0..2 {
        let pushed = deliver(&store, "A1", Route::Push, punches("A1", Route::Push, 15, &rows));
        assert_eq!(pushed, Taken { read: 1, new: 0, repeat: 1, quarantined: 0 });
    }
    let entries = store
        .read_blocking(|tx| {
            let origin = tx.meta(Meta::ORIGIN)?.unwrap();
            tx.ledger_entries(origin, 0, 10)
        })
        .unwrap();
    assert_eq!(entries.iter().map(|(seq, _)| *seq).collect::<Vec<_>>(), [1, 2]);
    let LedgerEntry::Punch(punch) = &entries[0].1 else { panic!("{entries:?}") };
    let LedgerEntry::Observation(seen) = &entries[1].1 else { panic!("{entries:?}") };
    assert_eq!((punch.reading.verify, punch.route), (Some(1), Route::Pull));
    assert_eq!((seen.reading.verify, seen.route, seen.punch), (Some(15), Route::Push, punch.id));
}

#[test]
fn a_bad_row_is_kept_with_its_bytes_and_counted_once() {
    let (_folder, store) = fresh();
    let mut rows = punches("A1", Route::Pull, 1, &[("7", "2026-11-20T09:00:00")]);
    rows.push(bad(b"\x01\x02"));
    assert_eq!(deliver(&store, "A1", Route::Pull, rows.clone()).quarantined, 1);
    assert_eq!(
        deliver(&store, "A1", Route::Pull, rows),
        Taken { read: 2, new: 0, repeat: 2, quarantined: 0 }
    );
    let kept = store.read_blocking(|tx| tx.quarantined_before(i64::MAX, 10)).unwrap();
    assert_eq!((kept.len(), kept[0].raw.as_str(), kept[0].detail.as_str()), (1, "0102", "31 February"));
}

#[test]
fn the_chain_of_the_delivery_log_can_be_computed_again_from_its_entries() {
    let (_folder, store) = fresh();
    let many: Vec<String> = (0..300).map(|n| format!("2026-11-20T09:{:02}:{:02}", n / 60, n % 60)).collect();
    let rows: Vec<(&str, &str)> = many.iter().map(|wall| ("7", wall.as_str())).collect();
    deliver(&store, "A1", Route::Pull, punches("A1", Route::Pull, 1, &rows));
    deliver(&store, "A1", Route::Push, punches("A1", Route::Push, 4, &rows[..3]));
    store.write_blocking(|tx| tx.read_through(&serial("A1"), NOW.parse().unwrap(), true)).unwrap();
    let (stream, entries) = store
        .read_blocking(|tx| {
            let stream = tx.streams()?.into_iter().find(|s| s.stream == Stream::Ledger).unwrap();
            let entries = tx.ledger_entries(stream.origin, 0, 1000)?;
            Ok((stream, entries))
        })
        .unwrap();
    assert_eq!((stream.head, entries.len()), (304, 304));
    let start = sync_protocol::Chain::start(stream.origin, Stream::Ledger);
    let chain = entries.iter().fold(start, |chain, (_, entry)| chain.then(&entry.chain_item()));
    assert_eq!(chain, stream.chain);
    assert_eq!(count(&store, "SELECT count(*) FROM chain_mark WHERE stream = 'L' AND seq = 256"), 1);
}

#[test]
fn a_watermark_never_goes_back_and_is_logged_when_it_matters() {
    let (_folder, store) = fresh();
    let now: DateTime<Utc> = NOW.parse().unwrap();
    let step = |seconds: i64, grew: bool| {
        store
            .write_blocking(move |tx| {
                tx.read_through(&serial("A1"), now + chrono::Duration::seconds(seconds), grew)
            })
            .unwrap();
        count(&store, "SELECT count(*) FROM watermark")
    };
    assert_eq!(
        [step(0, false), step(60, false), step(61, true), step(-50, true), step(700, false)],
        [1, 1, 2, 2, 3]
    );
}

#[test]
fn what_nobody_can_read_is_kept_within_bounds_and_what_is_left_out_is_counted() {
    let (_folder, store) = fresh();
    let unreadable = |n: u32| {
        Delivered::Bad(BadRow {
            reason: QuarantineReason::Malformed,
            detail: String::new(),
            raw: n.to_le_bytes().into(),
        })
    };
    let taken = deliver(&store, "A1", Route::Push, (0..1_500).map(unreadable).collect());
    assert_eq!((taken.read, taken.quarantined), (1_500, 1_500));
    let left_out = || store.read_blocking(|tx| tx.left_out_of_quarantine(&serial("A1"))).unwrap();
    assert_eq!((count(&store, "SELECT count(*) FROM quarantine"), left_out()), (1_000, 500));
    // The same again is no more of it, and another clock has room of its own.
    deliver(&store, "A1", Route::Push, (0..1_000).map(unreadable).collect());
    deliver(&store, "B1", Route::Push, vec![unreadable(7)]);
    assert_eq!((count(&store, "SELECT count(*) FROM quarantine"), left_out()), (1_001, 500));
    let kept = store.read_blocking(|tx| tx.quarantined_before(2, 1)).unwrap();
    assert_eq!(kept[0].times, 2);
}

#[test]
fn a_row_that_could_be_a_punch_is_never_left_out() {
    let (_folder, store) = fresh();
    let doubtful = |n: u32| {
        Delivered::Bad(BadRow {
            reason: QuarantineReason::ImplausibleDate,
            detail: String::new(),
            raw: n.to_le_bytes().into(),
        })
    };
    deliver(&store, "A1", Route::Push, (0..3_000).map(doubtful).collect());
    assert_eq!(count(&store, "SELECT count(*) FROM quarantine"), 3_000);
    assert_eq!(store.read_blocking(|tx| tx.left_out_of_quarantine(&serial("A1"))).unwrap(), 0);
}
