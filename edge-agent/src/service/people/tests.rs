use chrono_tz::Tz;
use shared_model::entity::{Department, EmployeeCategory, Gender};
use shared_model::text::{Code, EmployeeCode, Name};
use tempfile::TempDir;

use super::file::BadLine;
use super::*;
use crate::service::founding::{Founding, found};
use crate::store::Store;
use crate::store::tests::open;

fn factory() -> (TempDir, Store) {
    let folder = TempDir::new().unwrap();
    let store = open(&folder);
    let new = Founding {
        company: Name::parse("Company").unwrap(),
        site: Name::parse("Unit 1").unwrap(),
        code: Code::parse("U1").unwrap(),
        zone: Tz::Asia__Dhaka,
        hours: None,
    };
    store.write_blocking(move |tx| found(tx, &Author::CONSOLE, &new)).unwrap();
    (folder, store)
}

fn take(store: &Store, text: &str) -> Imported {
    let file = read_csv(text.as_bytes()).unwrap();
    tokio::runtime::Runtime::new().unwrap().block_on(import(store, Author::CONSOLE, file)).unwrap()
}

fn employee(store: &Store, code: &str) -> Employee {
    store.read_blocking(|tx| tx.record_with::<Employee>(CODE, code)).unwrap().unwrap().record
}

#[test]
fn a_file_is_taken_once_and_again_changes_nothing() {
    let (_folder, store) = factory();
    let text = "\u{feff}Code;Name;Section;Gender;Join date;Left;Phone\r\n\
                1001;Rahima Begum;Sewing;f;01/02/2024;;01700-000000\r\n\
                1002;\"Karim; Junior\";sewing;male;2024-02-01;2026-01-31;\r\n\
                ;;;;;;\r\n";
    let first = take(&store, text);
    assert_eq!((first.added, first.changed, first.same, first.departments), (2, 0, 0, 1));
    assert_eq!(first.refused, []);
    let rahima = employee(&store, "1001");
    assert_eq!(rahima.gender, Some(Gender::Female));
    assert_eq!(rahima.joined.unwrap().to_string(), "2024-02-01");
    assert!(rahima.active);
    assert!(!employee(&store, "1002").active, "who has left works here no longer");
    assert_eq!(store.read_blocking(crate::store::ReadTx::records::<Department>).unwrap().len(), 1);

    let again = take(&store, text);
    assert_eq!((again.added, again.changed, again.same, again.departments), (0, 0, 2, 0));
}

#[test]
fn columns_that_a_file_lacks_stay_as_they_are() {
    let (_folder, store) = factory();
    take(&store, "code,name,department,category,phone\n1,Rahima,Sewing,staff,017\n");
    let second = take(&store, "name,code\nRahima Begum,1\n");
    assert_eq!(second.changed, 1);
    let rahima = employee(&store, "1");
    assert_eq!(rahima.name.as_str(), "Rahima Begum");
    assert_eq!(rahima.category, EmployeeCategory::Staff);
    assert!(rahima.phone.is_some() && rahima.department.is_some());
}

#[test]
fn a_bad_line_is_told_with_its_number_and_stops_no_other() {
    let (_folder, store) = factory();
    let done = take(&store, "code,name,joined\n1,A,2026-02-30\n,B,\n2,,\n3,C,1/1/24\n4,D,\n4,E,\n5 5,F,\n");
    assert_eq!(done.added, 1);
    let told: Vec<(u64, String)> = done.refused.iter().map(|(line, bad)| (*line, bad.to_string())).collect();
    assert_eq!(
        told,
        [
            (2, "joined cannot be \"2026-02-30\"".to_owned()),
            (3, "code cannot be \"\"".to_owned()),
            (4, "name cannot be \"\"".to_owned()),
            (5, "joined cannot be \"1/1/24\"".to_owned()),
            (7, "the code 4 stands in an earlier line".to_owned()),
            (8, "code cannot be \"5 5\"".to_owned()),
        ]
    );
    assert!(matches!(done.refused[4].1, BadLine::Twice(_)));
}

#[test]
fn a_file_that_is_none_says_what_to_do() {
    let error = |bytes: &[u8]| read_csv(bytes).unwrap_err();
    assert_eq!(error(b""), BadFile::Empty);
    assert_eq!(error(b"\n\n"), BadFile::Empty);
    assert_eq!(error(b"code,department\n"), BadFile::NoColumn("name"));
    assert_eq!(error(b"code,name,shoe size\n"), BadFile::UnknownColumn("shoe size".to_owned()));
    assert_eq!(error(b"code,name\n1,\xff\n"), BadFile::Encoding);
    assert_eq!(error(&vec![b'a'; file::MAX_BYTES + 1]), BadFile::TooLarge);
    assert_eq!(
        error(format!("code,name\n{}", "1,a\n".repeat(file::MAX_LINES + 1)).as_bytes()),
        BadFile::TooLarge
    );
}

#[test]
fn a_code_belongs_to_the_first_who_has_it() {
    let (_folder, store) = factory();
    take(&store, "code,name\n7,Rahima\n");
    let holder = || store.read_blocking(|tx| tx.holder_of_code("7")).unwrap();
    let first = holder().unwrap();

    // The badge gets a new number; the old one, with its punches, stays tied.
    store
        .write_blocking(move |tx| {
            let Some(mut known) = tx.record::<Employee>(first)? else { return Ok(false) };
            known.record.code = EmployeeCode::parse("8").unwrap();
            change(tx, &Author::CONSOLE, first, Some(known.vv), &known.record)
        })
        .unwrap();
    take(&store, "code,name\n7,Karim\n");
    assert_eq!(holder(), Some(first));
    assert_eq!(store.read_blocking(|tx| tx.holder_of_code("8")).unwrap(), Some(first));
}
