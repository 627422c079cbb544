use super::*;

#[test]
fn the_folder_has_one_writer_and_origin_and_boots_survive() {
    let (folder, store) = fresh();
    assert!(matches!(try_open(&folder), Err(StoreError::InUse)));
    let origin = store.read_blocking(|tx| tx.meta(Meta::ORIGIN)).unwrap();
    store.close();
    let store = open(&folder);
    assert_eq!(store.read_blocking(|tx| tx.meta(Meta::ORIGIN)).unwrap(), origin);
    assert_eq!(store.read_blocking(|tx| tx.meta(Meta::BOOTS)).unwrap(), Some(2));
}

#[test]
fn a_database_of_a_newer_program_is_refused() {
    let (folder, store) = fresh();
    store.close();
    let connection = Connection::open(folder.path().join(FILE)).unwrap();
    connection.pragma_update(None, "user_version", 99).unwrap();
    drop(connection);
    assert!(matches!(try_open(&folder), Err(StoreError::SchemaTooNew { found: 99, .. })));
}

#[test]
fn a_damaged_database_is_told_with_what_to_do() {
    let (folder, store) = fresh();
    store.close();
    std::fs::write(folder.path().join(FILE), [7; 8192]).unwrap();
    let error = try_open(&folder).unwrap_err();
    assert!(matches!(error, StoreError::Damaged(_)), "{error:?}");
    assert!(error.to_string().contains("restore a backup"), "{error}");
}
