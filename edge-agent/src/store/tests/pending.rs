use super::*;

#[test]
fn clocks_nobody_adopted_are_bounded_and_keep_few_rows() {
    let (_folder, store) = fresh();
    let rows: Vec<String> = (0..9).map(|n| format!("row {n}")).collect();
    let remembered = store
        .write_blocking(move |tx| {
            (0..70)
                .map(|n| tx.remember_pending(&serial(&format!("S{n}")), "10.0.0.9", "", "", &rows))
                .collect::<Result<Vec<bool>, _>>()
        })
        .unwrap();
    assert_eq!(remembered.iter().filter(|kept| **kept).count(), 64);
    let pending = store.read_blocking(ReadTx::pending_devices).unwrap();
    assert!(pending.iter().all(|device| device.rows.len() == 5));
}
