//! Asking an address which clock is there, before it is added.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use chrono::{NaiveDateTime, TimeDelta};
use device_protocols::zk::client::{Client, ClientError, ClientOptions, Hold};
use device_protocols::zk::key::CommKey;
use device_protocols::zk::session::{SessionError, Timing};
use shared_model::ClockSerial;
use shared_model::text::HostAddress;

use super::address::resolve;

/// The longest a probe takes: a person waits for it.
const PATIENCE: Duration = Duration::from_secs(15);

/// What the clock at an address says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Probed {
    /// Its serial number.
    pub serial: ClockSerial,
    /// Its model.
    pub model: Option<String>,
    /// Its firmware.
    pub firmware: Option<String>,
    /// Users it holds.
    pub users: Option<u32>,
    /// Rows in its log.
    pub records: Option<u32>,
    /// Rows its log has room for.
    pub record_capacity: Option<u32>,
    /// Its wall time minus the site's; `None` where it told no time.
    pub drift: Option<TimeDelta>,
}

/// Why no clock was found.
#[derive(Debug, thiserror::Error)]
pub enum ProbeError {
    /// The name stands for no address, or for one that is no clock's.
    #[error("the address cannot be used")]
    Address(#[source] Option<std::io::Error>),
    /// Nothing answers there.
    #[error("nothing answers at this address")]
    Silent(#[source] Option<ClientError>),
    /// Something answers that is no clock.
    #[error("what answers at this address is no clock")]
    NoClock(#[source] Option<ClientError>),
    /// The clock wants a communication key.
    #[error("the clock wants a communication key")]
    KeyNeeded,
    /// The communication key is wrong.
    #[error("the clock refused the communication key")]
    KeyWrong,
    /// It does not tell its serial number.
    #[error("the clock tells no serial number")]
    NoSerial,
}

/// Asks the clock at an address who it is. `wall` tells the site's wall time at the moment of asking.
///
/// # Errors
/// [`ProbeError`] in words that a person at a form can act on.
pub async fn probe(
    address: &HostAddress,
    key: Option<u32>,
    wall: impl Fn() -> NaiveDateTime,
) -> Result<Probed, ProbeError> {
    match tokio::time::timeout(PATIENCE, ask(address, key, wall)).await {
        Ok(outcome) => outcome,
        Err(_) => Err(ProbeError::Silent(None)),
    }
}

async fn ask(
    address: &HostAddress,
    key: Option<u32>,
    wall: impl Fn() -> NaiveDateTime,
) -> Result<Probed, ProbeError> {
    let socket = usable(address.as_str()).await?;
    let options = ClientOptions {
        key: key.map(CommKey::new),
        timing: Timing::default(),
        hold: Hold::Open,
        ..ClientOptions::default()
    };
    let mut client = Client::connect(socket, options).await.map_err(explain)?;
    let info = client.info().await.map_err(explain)?;
    let said = client.time().await.map_err(explain)?;
    let drift = said.ok().map(|said| said.signed_duration_since(wall()));
    // What was asked has been answered; how the clock takes the farewell does not matter.
    let _ = client.close().await;
    let serial = info.serial.as_deref().and_then(|serial| ClockSerial::parse(serial).ok());
    Ok(Probed {
        serial: serial.ok_or(ProbeError::NoSerial)?,
        model: info.model,
        firmware: info.firmware,
        users: info.sizes.users,
        records: info.sizes.records,
        record_capacity: info.sizes.record_capacity,
        drift,
    })
}

/// The socket of an address. A clock hangs in the factory: addresses that lead elsewhere by nature are refused.
async fn usable(address: &str) -> Result<SocketAddr, ProbeError> {
    let socket = resolve(address).await.map_err(|error| ProbeError::Address(Some(error)))?;
    if is_usable(socket.ip().to_canonical()) { Ok(socket) } else { Err(ProbeError::Address(None)) }
}

fn is_usable(ip: IpAddr) -> bool {
    let special = match ip {
        IpAddr::V4(ip) => ip.is_link_local() || ip.is_broadcast(),
        IpAddr::V6(ip) => ip.is_unicast_link_local(),
    };
    !(special || ip.is_unspecified() || ip.is_multicast())
}

fn explain(error: ClientError) -> ProbeError {
    match error {
        ClientError::ConnectTimeout(_)
        | ClientError::Connect { .. }
        | ClientError::Closed
        | ClientError::TableTimeout(_) => ProbeError::Silent(Some(error)),
        ClientError::Session(SessionError::KeyNeeded) => ProbeError::KeyNeeded,
        ClientError::Session(SessionError::KeyRefused) => ProbeError::KeyWrong,
        ClientError::Session(SessionError::TimedOut(_)) => ProbeError::Silent(Some(error)),
        ClientError::Frame(_)
        | ClientError::Session(
            SessionError::Refused { .. }
            | SessionError::ChunkLength { .. }
            | SessionError::TableLength(_)
            | SessionError::Broken,
        )
        | ClientError::Answer(_)
        | ClientError::Time(_) => ProbeError::NoClock(Some(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("192.168.1.201", true)]
    #[case("10.0.0.7", true)]
    #[case("127.0.0.1", true)]
    #[case("169.254.169.254", false)]
    #[case("::ffff:169.254.169.254", false)]
    #[case("0.0.0.0", false)]
    #[case("224.0.0.1", false)]
    #[case("255.255.255.255", false)]
    #[case("fe80::1", false)]
    fn only_addresses_where_a_clock_can_hang_are_asked(#[case] ip: &str, #[case] usable: bool) {
        assert_eq!(is_usable(ip.parse::<IpAddr>().unwrap().to_canonical()), usable);
    }

    #[tokio::test]
    async fn a_closed_port_is_silent_and_a_name_without_address_is_none() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        drop(listener);
        let found = probe(&HostAddress::parse(&address).unwrap(), None, NaiveDateTime::default).await;
        assert!(matches!(found, Err(ProbeError::Silent(_))), "{found:?}");
        let found =
            probe(&HostAddress::parse("169.254.169.254").unwrap(), None, NaiveDateTime::default).await;
        assert!(matches!(found, Err(ProbeError::Address(None))), "{found:?}");
    }
}
