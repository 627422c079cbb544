//! Which clock is meant: one that the agent knows, or the one at an address.

use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use device_protocols::zk::PORT;
use shared_model::ClockSerial;
use shared_model::text::HostAddress;

use crate::control::Refusal;

/// A clock on the command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Target {
    /// By its serial number.
    Serial(ClockSerial),
    /// By where it is reached.
    Address(HostAddress),
}

impl FromStr for Target {
    type Err = String;

    /// What has a dot, a colon or brackets is an address, and so is `localhost`; serial numbers have none of these.
    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        if text == "localhost" || text.contains(['.', ':', '[']) {
            HostAddress::parse(text).map(Self::Address).map_err(|error| error.to_string())
        } else {
            ClockSerial::parse(text).map(Self::Serial).map_err(|error| error.to_string())
        }
    }
}

/// The socket of an address with or without port.
pub(in crate::command) async fn resolve(address: &HostAddress) -> Result<SocketAddr, Refusal> {
    let text = address.as_str();
    if let Ok(ip) = text.trim_matches(['[', ']']).parse::<IpAddr>() {
        return Ok(SocketAddr::new(ip, PORT));
    }
    if let Ok(socket) = text.parse() {
        return Ok(socket);
    }
    let with_port = if text.contains(':') { text.to_owned() } else { format!("{text}:{PORT}") };
    let cannot = |cause: String| {
        Refusal::unreachable(format!(
            "no address is known for {text}: {cause}. Look for a typing mistake, or give the clock's number as its menu \
             shows it (Comm., Ethernet), such as 192.168.1.201"
        ))
    };
    let mut found = tokio::net::lookup_host(with_port).await.map_err(|error| cannot(error.to_string()))?;
    found.next().ok_or_else(|| cannot("the name stands for nothing".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn serials_and_addresses_are_told_apart() {
        for text in ["CJDE203260123", "SIM-1", "4711"] {
            assert!(matches!(text.parse(), Ok(Target::Serial(_))), "{text}");
        }
        for text in
            ["192.168.1.201", "gate1.factory.example", "gate1:4370", "localhost", "[2001:db8::7]:4370"]
        {
            assert!(matches!(text.parse(), Ok(Target::Address(_))), "{text}");
        }
        assert!("two words".parse::<Target>().is_err());
    }

    #[tokio::test]
    async fn an_address_without_a_port_has_the_clocks_own() {
        let socket =
            async |text: &str| resolve(&HostAddress::parse(text).unwrap()).await.unwrap().to_string();
        assert_eq!(socket("192.168.1.201").await, "192.168.1.201:4370");
        assert_eq!(socket("127.0.0.1:99").await, "127.0.0.1:99");
        assert_eq!(socket("[2001:db8::7]").await, "[2001:db8::7]:4370");
    }
}
