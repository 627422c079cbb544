//! Where a clock is reached: a number or a name, with or without a port.

use std::io;
use std::net::{IpAddr, SocketAddr};

use device_protocols::zk::PORT;

/// Finds the socket address of a clock's address.
///
/// # Errors
/// Why there is none.
pub async fn resolve(text: &str) -> io::Result<SocketAddr> {
    if let Ok(ip) = text.trim_matches(['[', ']']).parse::<IpAddr>() {
        return Ok(SocketAddr::new(ip, PORT));
    }
    if let Ok(socket) = text.parse() {
        return Ok(socket);
    }
    let with_port = if text.contains(':') { text.to_owned() } else { format!("{text}:{PORT}") };
    let mut found = tokio::net::lookup_host(with_port).await?;
    found.next().ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, "the name stands for no address"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_address_without_a_port_has_the_clocks_own() {
        let socket = async |text: &str| resolve(text).await.unwrap().to_string();
        assert_eq!(socket("192.168.1.201").await, "192.168.1.201:4370");
        assert_eq!(socket("127.0.0.1:99").await, "127.0.0.1:99");
        assert_eq!(socket("[2001:db8::7]:4370").await, "[2001:db8::7]:4370");
        assert_eq!(socket("[2001:db8::7]").await, "[2001:db8::7]:4370");
        assert_eq!(socket("2001:db8::7").await, "[2001:db8::7]:4370");
    }
}
