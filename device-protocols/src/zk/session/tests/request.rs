use super::*;

#[rstest]
#[case::version(
    1,
    Code::GET_VERSION,
    "",
    "4c047ee934120100",
    "d00779933412010056657220362e363020417072203238203230313800"
)]
#[case::serial(
    2,
    Code::OPTIONS_RRQ,
    "7e53657269616c4e756d62657200",
    "0b00bba4341202007e53657269616c4e756d62657200",
    "d0076425341202007e53657269616c4e756d6265723d53494d3030303030303030303100"
)]
#[case::mac(
    5,
    Code::OPTIONS_RRQ,
    "4d414300",
    "0b002bac341205004d414300",
    "d00788cf341205004d41433d30303a31373a36313a30303a30303a303100"
)]
#[case::time(7, Code::GET_TIME, "", "c900fbec34120700", "d0074c4334120700276f8133")]
#[case::sizes(
    10,
    Code::GET_FREE_SIZES,
    "",
    "32008fed34120a00",
    "d007656734120a000000000000000000000000000000000003000000000000000000000000000000050000000000000000000000000000000100000000000000b80b000010270000a0860100b80b00000d2700009b8601000000000000000000b80b0000"
)]
fn requests_and_replies_are_those_recorded(
    #[case] reply: u16,
    #[case] command: Code,
    #[case] data: &str,
    #[case] request: &str,
    #[case] answer: &str,
) {
    let mut talk = Talk::open(reply);
    talk.session.ask(command, hex::decode(data).unwrap(), talk.now);
    assert_eq!(talk.sent(), [request]);
    talk.hear(answer);
    let Some(Outcome::Reply(told)) = talk.outcome() else { panic!("no reply") };
    assert_eq!((told.code, hex::encode(told.data)), (Code::ACK_OK, answer[16..].to_owned()));
    assert_eq!(talk.session.oddities(), Oddities::default());
}

#[rstest]
#[case::set_time(8, Code::SET_TIME, "546f8133", "ca00244a34120800546f8133")]
#[case::disable(11, Code::DISABLE_DEVICE, "", "eb03d5e934120b00")]
#[case::disable_60_s(11, Code::DISABLE_DEVICE, "3c000000", "eb03a2e9341202003c000000")]
#[case::enable(28, Code::ENABLE_DEVICE, "", "ea03c5e934121c00")]
#[case::exit(29, Code::EXIT, "", "e903c5e934121d00")]
#[case::write_option(
    1,
    Code::OPTIONS_WRQ,
    "53444b4275696c643d3100",
    "0c0001683412010053444b4275696c643d3100"
)]
#[case::unlock(11, Code(31), "1e000000", "1f0083ed34120b001e000000")]
#[case::watch(7, Code::REG_EVENT, "01000000", "f401cfeb3412070001000000")]
#[case::unwatch(8, Code::REG_EVENT, "00000000", "f401cfeb3412080000000000")]
#[case::watch_all(17, Code::REG_EVENT, "ffff0000", "f401c6eb34121100ffff0000")]
#[case::delete_user(26, Code::DELETE_USER, "0700", "120098ed34121a000700")]
#[case::refresh(25, Code::REFRESH_DATA, "", "f503bde934121900")]
fn requests_are_those_recorded(
    #[case] reply: u16,
    #[case] command: Code,
    #[case] data: &str,
    #[case] request: &str,
) {
    // One of the recorded packets carries reply id 2 beside its neighbours' 11.
    let reply = if request.starts_with("eb03a2e9") { 2 } else { reply };
    let mut talk = Talk::open(reply);
    talk.session.ask(command, hex::decode(data).unwrap(), talk.now);
    assert_eq!(talk.sent(), [request]);
}

#[test]
fn the_state_comes_in_the_session_field() {
    let mut talk = Talk::open(6);
    talk.session.ask(Code::STATE_RRQ, Bytes::new(), talk.now);
    assert_eq!(talk.sent(), ["400085ed34120600"]);
    talk.hear("d00726f803000600");
    let Some(Outcome::Reply(reply)) = talk.outcome() else { panic!("no reply") };
    assert_eq!(reply.field, 3);
    assert_eq!(talk.session.oddities().foreign_sessions, 0);
}

#[test]
fn a_refusal_is_an_answer() {
    let mut talk = Talk::open(1);
    talk.session.ask(Code::OPTIONS_RRQ, Bytes::new(), talk.now);
    talk.hear("d107f9e534120100");
    let Some(Outcome::Reply(reply)) = talk.outcome() else { panic!("no reply") };
    assert_eq!(reply.code, Code::ACK_ERROR);
}
