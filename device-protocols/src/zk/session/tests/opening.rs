use super::*;

#[test]
fn a_session_is_opened_without_a_key() {
    let mut talk = Talk::closed();
    talk.session.connect(None, talk.now);
    assert_eq!(talk.sent(), ["e80317fc00000000"]);
    talk.hear("d007fbe534120000");
    assert_eq!(talk.outcome(), Some(Outcome::Connected));
    assert_eq!(talk.session.id(), SESSION);
}

#[test]
fn a_session_is_opened_with_a_key() {
    let mut talk = Talk::closed();
    talk.session.connect(Some(CommKey::new(1234)), talk.now);
    talk.sent();
    talk.hear("d507f6e534120000");
    assert_eq!(talk.sent(), ["4e040948341201004136326b"]);
    talk.hear("d007fae534120100");
    assert_eq!(talk.outcome(), Some(Outcome::Connected));
}

#[test]
fn a_wrong_key_is_tried_exactly_once() {
    let mut talk = Talk::closed();
    talk.session.connect(Some(CommKey::new(1)), talk.now);
    talk.sent();
    talk.hear("d507f6e534120000");
    assert_eq!(talk.sent(), ["4e04e8803412010061fd326b"]);
    talk.hear("d507f5e534120100");
    assert_eq!(talk.failure(), SessionError::KeyRefused);
    assert_eq!((talk.sent(), talk.session.poll_timeout()), (vec![], None));
}

#[test]
fn a_key_that_is_needed_is_asked_for() {
    let mut talk = Talk::closed();
    talk.session.connect(None, talk.now);
    talk.hear("d507f6e534120000");
    assert_eq!(talk.failure(), SessionError::KeyNeeded);
}
