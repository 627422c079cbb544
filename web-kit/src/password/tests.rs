use rstest::rstest;

use super::*;

fn hasher() -> Passwords {
    Passwords::new([1; 16], [2; 32]).unwrap()
}

#[tokio::test]
async fn a_password_is_known_again_and_another_is_not() {
    let passwords = hasher();
    let typed = "correct horse battery staple";
    let stored = passwords.hash(NewPassword::parse(typed, &[]).unwrap(), [3; 16]).await.unwrap();
    assert!(stored.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{stored}");
    assert!(passwords.verify(typed, Some(&stored)).await.unwrap());
    assert!(!passwords.verify("correct horse battery stapler", Some(&stored)).await.unwrap());
    assert!(!passwords.verify("", Some(&stored)).await.unwrap());
    let other = passwords.hash(NewPassword::parse(typed, &[]).unwrap(), [4; 16]).await.unwrap();
    assert_ne!(stored, other);
}

#[tokio::test]
async fn an_unknown_user_costs_the_same_work_and_never_matches() {
    let passwords = hasher();
    assert!(!passwords.verify("anything", None).await.unwrap());
    // Not even the dummy's own secret.
    assert!(!passwords.verify(&hex::encode([2; 32]), None).await.unwrap());
    assert!(passwords.dummy.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
}

#[rstest]
#[case("")]
#[case("plain text")]
#[case("$argon2id$v=19$m=4194304,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$c29tZWhhc2hzb21laGFzaHNvbWVoYXNoc29tZWhhc2g")]
#[case(
    "$argon2id$v=19$m=19456,t=1000,p=1$c29tZXNhbHRzb21lc2FsdA$c29tZWhhc2hzb21laGFzaHNvbWVoYXNoc29tZWhhc2g"
)]
#[tokio::test]
async fn a_damaged_or_greedy_hash_is_refused(#[case] stored: &str) {
    let result = hasher().verify("anything", Some(stored)).await;
    assert!(matches!(result, Err(PasswordError::Corrupt)), "{result:?}");
}

#[tokio::test]
async fn a_storm_of_sign_ins_is_turned_away() {
    let passwords = hasher();
    let places = passwords.queue.clone().acquire_many_owned(64).await.unwrap();
    assert!(matches!(passwords.verify("anything", None).await, Err(PasswordError::Busy)));
    drop(places);
    assert!(!passwords.verify("anything", None).await.unwrap());
}

#[rstest]
#[case("short", PolicyError::TooShort)]
#[case("আমারনা", PolicyError::TooShort)]
#[case("password", PolicyError::TooCommon)]
#[case("P@ssw0rd", PolicyError::TooCommon)]
#[case("Password2026!", PolicyError::TooCommon)]
#[case("Attendance123", PolicyError::TooCommon)]
#[case("admin12345", PolicyError::TooCommon)]
#[case("12345678", PolicyError::TooCommon)]
#[case("87654321", PolicyError::TooCommon)]
#[case("abcdefgh", PolicyError::TooCommon)]
#[case("qwertyuiop", PolicyError::TooCommon)]
#[case("asdf1234", PolicyError::TooCommon)]
#[case("1qaz2wsx", PolicyError::TooCommon)]
#[case("aaaaaaaaaaaa", PolicyError::TooCommon)]
#[case("121212121212", PolicyError::TooCommon)]
#[case("Meghna2026", PolicyError::TooCommon)]
#[case("meghna-knitwear-1", PolicyError::TooCommon)]
fn guessable_passwords_are_refused(#[case] text: &str, #[case] expected: PolicyError) {
    assert_eq!(NewPassword::parse(text, &["Meghna Knitwear"]).unwrap_err(), expected);
}

#[rstest]
#[case("blue mango ferry")]
#[case("tXq7-mm2k")]
#[case("my password is a long sentence")]
#[case("আমার বাগানের নীল আম")]
#[case("kobita shuni raate")]
fn others_are_taken(#[case] text: &str) {
    let password = NewPassword::parse(text, &["Meghna Knitwear"]).unwrap();
    assert!(!format!("{password:?}").contains(text));
}

#[test]
fn the_length_is_counted_in_characters() {
    let long: String = "আমার বাগান ".chars().cycle().take(MAX_CHARS).collect();
    assert!(NewPassword::parse(&long, &[]).is_ok());
    assert_eq!(NewPassword::parse(&format!("{long}x"), &[]).unwrap_err(), PolicyError::TooLong);
}
