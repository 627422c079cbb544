use proptest::prelude::*;

use super::*;

const NARROW: &str = concat!(
    "5400000001000e0000000000557365722031000000000000000000000100000002000000000000",
    "0055736572203200000000000000000000e903000003000000000000005573657220330000000000",
    "0000000000b168de3a",
);

fn body(hex: &str) -> Vec<u8> {
    hex::decode(hex).unwrap()
}

#[test]
fn the_wide_vector_is_read() {
    let users = UserRecord::parse_table(&body(&wide_vector()), Some(3)).unwrap();
    let seen: Vec<_> = users
        .iter()
        .map(|user| {
            (user.sn(), user.user().to_string(), user.name(TextEncoding::Utf8), user.card(), user.group())
        })
        .collect();
    assert_eq!(
        seen,
        [
            (1, "1".into(), "User 1".into(), 0, 0x31),
            (2, "1001".into(), "User 2".into(), 12_345_678, 0x31),
            (3, "987654321".into(), "User 3".into(), 0, 0x31),
        ]
    );
    assert_eq!(users[0].privilege(), Privilege::ADMIN);
    assert!(users[0].has_password() && !users[1].has_password());
}

/// The data of the recorded DATA packet, without its 8-byte packet header.
fn wide_vector() -> String {
    let packet = "dd05481d34120e00d800000001000e31323334000000005573657220310000000000000000000000000000000000000000000031000000000000000031000000000000000000000000000000000000000000000002000000000000000000005573657220320000000000000000000000000000000000004e61bc00310000000000000000313030310000000000000000000000000000000000000000030000000000000000000055736572203300000000000000000000000000000000000000000000310000000000000000393837363534333231000000000000000000000000000000";
    packet[16..].to_owned()
}

#[test]
fn the_narrow_vector_is_read() {
    let users = UserRecord::parse_table(&body(NARROW), Some(3)).unwrap();
    let seen: Vec<_> =
        users.iter().map(|user| (user.sn(), user.user(), user.name(TextEncoding::Utf8))).collect();
    assert_eq!(
        seen,
        [
            (1, UserRef::Number(1), "User 1".into()),
            (2, UserRef::Number(1001), "User 2".into()),
            (3, UserRef::Number(987_654_321), "User 3".into()),
        ]
    );
}

#[test]
fn a_written_record_changes_only_what_was_asked() {
    let users = UserRecord::parse_table(&body(&wide_vector()), Some(3)).unwrap();
    let before = users[1].clone();
    let after = before.clone().with_name("Nina", TextEncoding::Utf8).unwrap().with_card(7);
    assert_eq!(after.name(TextEncoding::Utf8), "Nina");
    assert_eq!(after.card(), 7);
    assert_eq!(after.as_bytes()[39..], before.as_bytes()[39..]);
    assert_eq!(after.as_bytes()[..11], before.as_bytes()[..11]);
}

#[test]
fn the_write_vectors_differ_from_ours_only_in_pyzks_group_digit() {
    let vector = body(
        "07000035350000000000004e696e6100000000000000000000000000000000000000008ee82100003100000000000000373030303700000000000000000000000000000000000000",
    );
    let ours = UserRecord::new_wide(7, UserCode::parse("70007").unwrap())
        .with_name("Nina", TextEncoding::Utf8)
        .unwrap()
        .with_password("55")
        .unwrap()
        .with_card(2_222_222);
    let different: Vec<usize> = (0..72).filter(|at| ours.as_bytes()[*at] != vector[*at]).collect();
    assert_eq!(different, [40]);

    let vector = body("0000000000000000" /* sn, privilege, password */)
        .into_iter()
        .chain(body("5a65640000000000" /* "Zed" */))
        .chain(body("0000000000000000e1100000"))
        .collect::<Vec<_>>();
    let ours = UserRecord::new_narrow(0, 4321).with_name("Zed", TextEncoding::Utf8).unwrap();
    assert_eq!(ours.as_bytes(), vector);
}

#[test]
fn a_body_that_fits_both_widths_is_decided_by_count_and_looks() {
    let wide: Vec<u8> = (1..=7_u16)
        .flat_map(|sn| UserRecord::new_wide(sn, UserCode::parse(&sn.to_string()).unwrap()).raw)
        .collect();
    let narrow: Vec<u8> = (1..=18_u16).flat_map(|sn| UserRecord::new_narrow(sn, sn.into()).raw).collect();
    for (records, count) in [(wide, 7), (narrow, 18)] {
        assert_eq!(records.len(), 504);
        let mut body = 504_u32.to_le_bytes().to_vec();
        body.extend_from_slice(&records);
        for count_said in [Some(count), Some(0), None] {
            let users = UserRecord::parse_table(&body, count_said).unwrap();
            assert_eq!(users.len(), usize::try_from(count).unwrap(), "{count_said:?}");
        }
    }
}

#[test]
fn names_are_cut_between_characters() {
    let user = UserRecord::new_wide(1, UserCode::parse("1").unwrap());
    let named = user.with_name("রহিমা বেগম খাতুন", TextEncoding::Utf8).unwrap();
    assert!("রহিমা বেগম খাতুন".starts_with(&named.name(TextEncoding::Utf8)));
    assert!(named.name(TextEncoding::Utf8).len() <= 23);
    assert_eq!(named.as_bytes()[34], 0);
    assert!(named.with_password("123456789").is_none());
}

#[test]
fn new_users_get_the_lowest_free_serial() {
    let users: Vec<_> = [1, 2, 4].map(|sn| UserRecord::new_narrow(sn, sn.into())).into();
    assert_eq!(lowest_free_sn(&users), Some(3));
    assert_eq!(lowest_free_sn(&[]), Some(1));
}

proptest! {
    #[test]
    fn no_table_panics_and_none_yields_more_than_it_holds(
        body in prop::collection::vec(any::<u8>(), 0..600),
        count in prop::option::of(any::<u32>()),
    ) {
        if let Some(users) = UserRecord::parse_table(&body, count) {
            let bytes: usize = users.iter().map(|user| user.as_bytes().len()).sum();
            prop_assert!(bytes <= body.len());
            for user in users {
                let _ = (user.user(), user.name(TextEncoding::Gb2312), user.card());
            }
        }
    }
}
