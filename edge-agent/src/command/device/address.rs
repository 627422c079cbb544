//! Which clock is meant: one that the agent knows, or the one at an address.

use std::net::SocketAddr;
use std::str::FromStr;

use shared_model::ClockSerial;
use shared_model::text::HostAddress;

use crate::control::Refusal;
use crate::device::address::resolve;

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
pub(in crate::command) async fn socket(address: &HostAddress) -> Result<SocketAddr, Refusal> {
    let text = address.as_str();
    resolve(text).await.map_err(|error| {
        Refusal::unreachable(format!(
            "no address is known for {text}: {error}. Look for a typing mistake, or give the clock's number as its menu \
             shows it (Comm., Ethernet), such as 192.168.1.201"
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn serials_and_addresses_are_told_apart() {
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
}
