use super::*;

#[test]
fn a_new_punch_asks_for_its_code_and_a_crowd_for_the_date() {
    let (_folder, store) = fresh();
    deliver(&store, "A1", Route::Pull, punches("A1", Route::Pull, 1, &[("7", "2026-11-20T09:00:00")]));
    let codes: Vec<String> = (0..100).map(|n| n.to_string()).collect();
    let rows: Vec<(&str, &str)> = codes.iter().map(|code| (code.as_str(), "2026-11-19T09:00:00")).collect();
    deliver(&store, "A1", Route::Pull, punches("A1", Route::Pull, 1, &rows));
    let queue = store.read_blocking(|tx| tx.recompute_queue(1000)).unwrap();
    let asked: Vec<(RecomputeScope, DateSpan)> =
        queue.into_iter().map(|row| (row.scope, row.dates)).collect();
    assert_eq!(
        asked,
        [
            (
                RecomputeScope::Code(UserCode::parse("7").unwrap()),
                DateSpan::day("2026-11-20".parse().unwrap())
            ),
            (RecomputeScope::Everyone, DateSpan::day("2026-11-19".parse().unwrap())),
        ]
    );
}

#[test]
fn what_was_asked_for_again_while_it_was_worked_out_stays_in_the_queue() {
    let (_folder, store) = fresh();
    let ask =
        || store.write_blocking(|tx| tx.ask_recompute(&RecomputeScope::Everyone, DateSpan::ALWAYS)).unwrap();
    ask();
    let row = store.read_blocking(|tx| tx.recompute_queue(1)).unwrap().remove(0);
    ask();
    store.write_blocking(move |tx| tx.recomputed(&row)).unwrap();
    let row = store.read_blocking(|tx| tx.recompute_queue(1)).unwrap().remove(0);
    store.write_blocking(move |tx| tx.recomputed(&row)).unwrap();
    assert_eq!(store.read_blocking(ReadTx::recompute_waiting).unwrap(), 0);
}
