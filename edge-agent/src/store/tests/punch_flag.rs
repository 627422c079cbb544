//! Doubts about times: what is marked, and what is not.

use shared_model::PunchFlag;

use super::*;

/// The marks in the store: wall time of the punch, mark, reason.
fn marks(store: &Store) -> Vec<(String, String, String)> {
    let all = |tx: &ReadTx| {
        let (from, to) = ("2000-01-01T00:00:00", "2100-01-01T00:00:00");
        let raw = |text: &str| RawTime::new(text.parse().unwrap());
        tx.flagged_punches(raw(from), raw(to), 100)
    };
    let found = store.read_blocking(all).unwrap();
    found.into_iter().map(|at| (at.raw_time.to_string(), at.flag, at.reason.unwrap())).collect()
}

fn named(marks: &[(String, String, String)]) -> Vec<(&str, &str)> {
    marks.iter().map(|(time, flag, _)| (&time[11..], flag.as_str())).collect()
}

/// Rows that follow the row of a time in a clock's log. It is 12:00:00 in Dhaka.
fn follow(store: &Store, after: Option<&str>, rows: &[&str]) -> Taken {
    follow_in(store, Tz::Asia__Dhaka, after, rows)
}

fn follow_in(store: &Store, zone: Tz, after: Option<&str>, rows: &[&str]) -> Taken {
    let row = |wall: &&str| {
        let punch = punch_of("A1", "1", wall, Route::Pull, 1);
        let instant = resolve_in(zone, punch.raw_time.wall()).0;
        Delivered::Punch(Punch { zone, instant, ..punch })
    };
    let after = after.map(|wall| RawTime::new(wall.parse().unwrap()));
    let rows = rows.iter().map(row).collect();
    let delivery = Delivery { serial: serial("A1"), route: Route::Pull, after, rows };
    store.write_blocking(move |tx| tx.take(&delivery)).unwrap()
}

fn complete_to(store: &Store, at: &str) {
    let at = at.parse().unwrap();
    store.write_blocking(move |tx| tx.read_complete(&serial("A1"), at)).unwrap();
}

#[test]
fn the_tolerance_is_two_minutes_on_both_sides() {
    let (_folder, store) = fresh();
    complete_to(&store, "2026-11-20T05:00:00Z");
    follow(
        &store,
        None,
        &["2026-11-20T10:57:59", "2026-11-20T10:58:00", "2026-11-20T12:02:00", "2026-11-20T12:02:01"],
    );
    let found = marks(&store);
    assert_eq!(named(&found), [("10:57:59", "device_skew"), ("12:02:01", "device_skew")]);
    assert_eq!(found[0].2, "the clock was at least 121 s behind");
    assert_eq!(found[1].2, "the clock was 121 s ahead");
}

#[test]
fn every_row_of_a_posting_clock_that_is_known_to_be_behind_is_marked_until_it_is_right() {
    let (_folder, store) = fresh();
    let drift = |seconds| {
        let report = DeviceReport { drift_seconds: Some(seconds), ..DeviceReport::default() };
        store.write_blocking(move |tx| tx.report(&serial("A1"), &report)).unwrap();
    };
    let post = |wall| deliver(&store, "A1", Route::Push, punches("A1", Route::Push, 1, &[("1", wall)]));
    post("2026-11-20T05:58:00");
    drift(-21_600);
    post("2026-11-20T05:59:00");
    post("2026-11-20T06:00:00");
    post("2026-11-20T11:59:00");
    drift(0);
    post("2026-11-20T06:01:00");
    let found = marks(&store);
    let marked = [("05:59:00", "device_skew"), ("06:00:00", "device_skew")];
    assert_eq!(named(&found), marked, "neither before it was known, nor a fresh row, nor afterwards");
    assert_eq!(found[0].2, "the clock was known to be 21600 s behind");
}

#[test]
fn a_week_s_backlog_after_an_outage_is_in_order() {
    let (_folder, store) = fresh();
    complete_to(&store, "2026-11-13T06:00:00Z");
    let days: Vec<String> = (13..20).map(|day| format!("2026-11-{day}T12:30:00")).collect();
    follow(&store, Some("2026-11-13T11:59:00"), &days.iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!(marks(&store), []);
}

#[test]
fn a_fall_is_told_of_the_row_at_which_it_happened_and_only_of_new_ones() {
    let (_folder, store) = fresh();
    // The last row says an hour less than the one before, which was read earlier.
    let after = Some("2026-11-20T11:00:00");
    follow(&store, after, &["2026-11-20T10:00:00", "2026-11-20T10:01:00", "2026-11-20T09:59:30"]);
    let found = marks(&store);
    assert_eq!(named(&found), [("10:00:00", "device_backwards")], "ninety seconds are within the tolerance");
    assert_eq!(found[0].2, "the clock's time fell by 3600 s from the punch before");
    let again = follow(&store, Some("2026-11-20T11:30:00"), &["2026-11-20T10:01:00"]);
    assert_eq!((again.repeat, marks(&store).len()), (1, 1));
}

#[test]
fn an_hour_that_the_zone_repeats_is_no_fall() {
    let (_folder, store) = fresh();
    let berlin = |after, wall| follow_in(&store, Tz::Europe__Berlin, Some(after), &[wall]);
    berlin("2026-10-25T02:59:00", "2026-10-25T02:01:00");
    assert_eq!(marks(&store), []);
    berlin("2026-10-25T03:30:00", "2026-10-25T02:02:00");
    assert_eq!(named(&marks(&store)), [("02:02:00", "device_backwards")]);
}

#[test]
fn while_the_machine_s_time_has_gone_back_it_is_that_which_is_told() {
    let folder = TempDir::new().unwrap();
    let store = open(&folder);
    complete_to(&store, "2026-11-20T05:59:00Z");
    store.close();
    // The battery of the machine's own clock is empty.
    let store = open_at(&folder, "2026-11-19T06:00:00Z").unwrap();
    let of_new_clock = punches("B1", Route::Pull, 1, &[("1", "2026-11-20T11:59:30")]);
    deliver(&store, "B1", Route::Pull, of_new_clock);
    assert_eq!(marks(&store), [], "a log that is read for the first time needs no time of receipt");
    follow(&store, None, &["2026-11-20T12:01:00"]);
    let found = marks(&store);
    assert_eq!(named(&found), [("12:01:00", PunchFlag::EdgeBackwards.as_str())]);
    assert!(found[0].2.starts_with("the agent's own time had gone back by at least 863"), "{found:?}");
    complete_to(&store, "2026-11-19T06:00:00Z");
    assert_eq!(count(&store, "SELECT complete_to FROM device_state WHERE clock = 1"), 1_795_154_340_000);
}

#[test]
fn a_mark_that_a_person_took_away_does_not_come_back() {
    let (_folder, store) = fresh();
    follow(&store, None, &["2026-11-20T13:00:00"]);
    let punch = punch_of("A1", "1", "2026-11-20T13:00:00", Route::Pull, 1).id;
    let id = PunchFlag::DeviceSkew.note_on(punch);
    store.write_blocking(move |tx| tx.delete::<PunchNote>(&Author::CONSOLE, id, None)).unwrap();
    assert_eq!(marks(&store), []);
    store.write_blocking(move |tx| tx.flag(punch, PunchFlag::DeviceSkew, "again")).unwrap();
    assert_eq!(marks(&store), []);
}

#[test]
fn marks_are_changes_of_their_own_that_travel() {
    let (_folder, store) = fresh();
    follow(&store, None, &["2026-11-20T13:00:00", "2026-11-20T14:00:00"]);
    assert_eq!(count(&store, "SELECT count(*) FROM oplog WHERE kind = 13 AND grp = seq"), 2);
}

#[test]
fn the_first_contact_judges_what_was_received_before_it() {
    for (offset, marked) in [(90_000, 0), (-600_000, 2)] {
        let (_folder, store) = fresh();
        follow(&store, None, &["2026-11-20T08:00:00", "2026-11-20T09:00:00"]);
        store.write_blocking(move |tx| tx.anchor(offset)).unwrap();
        store.write_blocking(|tx| tx.anchor(3_600_000)).unwrap();
        assert_eq!(marks(&store).len(), marked);
        assert!(
            marks(&store)
                .iter()
                .all(|(_, flag, reason)| flag == "unanchored" && reason.contains("600 s ahead"))
        );
        assert_eq!(count(&store, "SELECT count(*) FROM time_anchor"), 2);
        let told = "SELECT count(*) FROM audit WHERE action = 'edge.time_anchored'";
        assert_eq!(count(&store, told), i64::from(marked > 0));
    }
}
