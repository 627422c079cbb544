use super::*;

fn announce(store: &Store, name: &str, address: &str) {
    let (serial, address) = (serial(name), address.to_owned());
    let rows: Vec<String> = (0..9).map(|n| format!("row {n}")).collect();
    store.write_blocking(move |tx| tx.remember_pending(&serial, &address, "", "", &rows)).unwrap();
}

fn waiting(store: &Store) -> Vec<String> {
    let pending = store.read_blocking(ReadTx::pending_devices).unwrap();
    assert!(pending.iter().all(|device| device.rows.len() == 5));
    pending.into_iter().map(|device| device.serial.to_string()).collect()
}

#[test]
fn whoever_invents_clocks_displaces_only_its_own() {
    let (_folder, store) = fresh();
    announce(&store, "GATE1", "10.0.0.7");
    for n in 0..200 {
        announce(&store, &format!("S{n}"), "10.0.0.9");
    }
    let found = waiting(&store);
    assert_eq!(found.len(), 17);
    assert!(found.contains(&"GATE1".to_owned()) && found.contains(&"S199".to_owned()), "{found:?}");
    let dropped = store.read_blocking(|tx| tx.dropped_announcements(tx_now())).unwrap().unwrap();
    assert_eq!((dropped.clocks, dropped.address.as_str()), (184, "10.0.0.9"));
}

#[test]
fn where_many_addresses_invent_clocks_those_with_most_give_way() {
    let (_folder, store) = fresh();
    announce(&store, "GATE1", "10.0.0.7");
    for n in 0..100 {
        announce(&store, &format!("S{n}"), &format!("10.0.1.{}", n % 8));
    }
    // The list is full, and a clock that is really there comes last.
    announce(&store, "GATE2", "10.0.0.8");
    let found = waiting(&store);
    assert_eq!(found.len(), 64);
    assert!(found.contains(&"GATE1".to_owned()) && found.contains(&"GATE2".to_owned()), "{found:?}");
    assert_eq!(store.read_blocking(|tx| tx.dropped_announcements(tx_now())).unwrap().unwrap().clocks, 38);
}

#[test]
fn a_clock_that_comes_again_takes_no_room() {
    let (_folder, store) = fresh();
    for _ in 0..100 {
        announce(&store, "GATE1", "10.0.0.7");
    }
    assert_eq!(waiting(&store), ["GATE1"]);
    assert_eq!(store.read_blocking(|tx| tx.dropped_announcements(tx_now())).unwrap(), None);
}

fn tx_now() -> DateTime<Utc> {
    NOW.parse().unwrap()
}
