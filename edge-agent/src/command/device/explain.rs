//! Why a clock cannot be spoken to, in plain words, and what to do.

use std::io::ErrorKind;
use std::net::SocketAddr;

use device_protocols::zk::client::ClientError;
use device_protocols::zk::session::SessionError;

use crate::control::Refusal;
use crate::store::Link;

const NOT_THERE: &str = "Is the clock on, with its network light blinking? Does its menu (Comm., Ethernet) show this \
    address, and is this machine in the same network (`ping` it)? Is a firewall between them that stops TCP port 4370?";
const REFUSED: &str = "Something has this address, but nothing listens on this port. Is it the clock's address and not \
    another machine's? Is the port the one in the clock's menu (Comm., TCP COMM. Port, usually 4370)? A clock that only \
    posts (ADMS) is not read: add it with `device add --transport push`.";
const KEY_NEEDED: &str =
    "Its menu has it under Comm., PC Connection, Comm Key: give that number with --comm-key.";
const KEY_REFUSED: &str = "Look it up in the clock's menu (Comm., PC Connection, Comm Key) before you try again: some \
    clocks lock themselves after a few wrong keys.";
const BUSY: &str = "Many clocks serve one client at a time: end the vendor's software, another agent or another `device` \
    command that is connected to it. If nothing is, switch the clock off and on.";
const NO_CLOCK: &str = "What answers there does not speak the clocks' protocol: is it another machine's address, or the \
    port of the clock's own web page?";

/// What went wrong with the clock at an address, with what to do. Exit code 4, but for a key, which somebody must correct.
pub(super) fn trouble(address: SocketAddr, error: &ClientError) -> Refusal {
    let (what, hint) = words(error);
    Refusal::unreachable(format!("{address}: {what}. {hint}"))
}

fn words(error: &ClientError) -> (String, &'static str) {
    match error {
        ClientError::ConnectTimeout(_) => ("nothing answers".to_owned(), NOT_THERE),
        ClientError::Connect { source, .. } => connection(source),
        ClientError::Closed => ("the clock hangs up".to_owned(), BUSY),
        ClientError::Frame(cause) => (format!("the answer makes no sense ({cause})"), NO_CLOCK),
        ClientError::Session(SessionError::KeyNeeded) => {
            ("the clock wants a communication key".to_owned(), KEY_NEEDED)
        }
        ClientError::Session(SessionError::KeyRefused) => {
            ("the clock refuses this communication key".to_owned(), KEY_REFUSED)
        }
        ClientError::Session(cause @ SessionError::TimedOut(_)) => {
            (format!("the clock takes the connection and then says nothing ({cause})"), BUSY)
        }
        ClientError::Session(cause @ SessionError::Refused { .. }) => {
            (format!("the clock refuses: {cause}"), "Its model or settings may not allow this from outside.")
        }
        ClientError::Session(
            cause @ (SessionError::ChunkLength { .. } | SessionError::TableLength(_) | SessionError::Broken),
        ) => (format!("the conversation broke off: {cause}"), BUSY),
        ClientError::TableTimeout(_) => (
            error.to_string(),
            "The line to the clock is very slow, or the clock is busy: try again at a quiet time.",
        ),
        ClientError::Answer(_) => (error.to_string(), NO_CLOCK),
        ClientError::Time(_) => (error.to_string(), "Is this machine's own time right?"),
    }
}

fn connection(error: &std::io::Error) -> (String, &'static str) {
    let kind = error.kind();
    if kind == ErrorKind::ConnectionRefused {
        ("the connection is refused".to_owned(), REFUSED)
    } else if kind == ErrorKind::ConnectionReset {
        ("the connection is taken and dropped at once".to_owned(), BUSY)
    } else {
        (format!("no way leads there ({error})"), NOT_THERE)
    }
}

/// What a supervised clock's state means.
pub(super) fn of_link(link: &str) -> String {
    let hint = match Link::ALL.into_iter().find(|known| known.as_str() == link) {
        Some(Link::WrongKey) => KEY_REFUSED,
        Some(Link::WrongClock) => {
            "Correct its address with `device set`, or add the clock that answers there."
        }
        Some(Link::Offline) => NOT_THERE,
        Some(Link::Online | Link::Unknown) | None => BUSY,
    };
    format!("the running agent does not get through to the clock. {hint}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_failure_is_told_with_what_to_do() {
        let address: SocketAddr = "192.0.2.1:4370".parse().unwrap();
        let connect = |kind: ErrorKind| ClientError::Connect { address, source: kind.into() };
        for (error, words) in [
            (ClientError::ConnectTimeout(address), "firewall"),
            (connect(ErrorKind::ConnectionRefused), "nothing listens on this port"),
            (connect(ErrorKind::HostUnreachable), "same network"),
            (ClientError::Closed, "one client at a time"),
            (SessionError::KeyNeeded.into(), "--comm-key"),
            (SessionError::KeyRefused.into(), "lock themselves"),
        ] {
            let text = trouble(address, &error).to_string();
            assert!(text.starts_with("192.0.2.1:4370: ") && text.contains(words), "{text}");
        }
    }
}
