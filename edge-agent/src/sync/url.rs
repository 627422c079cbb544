//! Where a cloud is.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use reqwest::Url;

/// A cloud's address: `https://host[:port]`, or `http://` on this machine only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CloudUrl(Url);

/// Text that is no cloud's address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadCloudUrl {
    /// Not an address at all.
    #[error("{0:?} is no address: expected https://host")]
    Syntax(String),
    /// Plain HTTP to another machine: punches and names would travel in the open.
    #[error("the cloud must be called with https:// (http:// is for this machine only)")]
    Plain,
    /// A path, a query or a name and password, none of which a cloud has.
    #[error("the cloud's address has only a host and a port: leave out everything after it")]
    More,
}

impl CloudUrl {
    /// The address of a path.
    #[must_use]
    pub fn at(&self, path_and_query: &str) -> String {
        format!("{}{path_and_query}", self.0.origin().ascii_serialization())
    }

    /// Whether it is on this machine.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        let host = self.0.host_str().unwrap_or_default();
        let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
        host == "localhost" || address.is_ok_and(|address| address.is_loopback())
    }
}

impl FromStr for CloudUrl {
    type Err = BadCloudUrl;

    fn from_str(text: &str) -> Result<Self, BadCloudUrl> {
        let text = text.trim();
        let syntax = || BadCloudUrl::Syntax(text.chars().take(100).collect());
        let url = Url::parse(text).map_err(|_| syntax())?;
        if url.host_str().is_none_or(str::is_empty) {
            return Err(syntax());
        }
        let bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
        if !bare || !url.username().is_empty() || url.password().is_some() {
            return Err(BadCloudUrl::More);
        }
        let url = Self(url);
        match url.0.scheme() {
            "https" => Ok(url),
            "http" if url.is_loopback() => Ok(url),
            "http" => Err(BadCloudUrl::Plain),
            _ => Err(syntax()),
        }
    }
}

impl fmt::Display for CloudUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.origin().ascii_serialization())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn https_anywhere_and_http_on_this_machine() {
        for good in [
            "https://cloud.example",
            "https://cloud.example:8443/",
            " http://127.0.0.1:8480 ",
            "http://[::1]:1",
            "http://localhost",
        ] {
            let url: CloudUrl = good.parse().unwrap();
            assert!(
                url.at("/sync/v1/hello").ends_with("/sync/v1/hello") && !url.to_string().ends_with('/'),
                "{url}"
            );
        }
        assert_eq!("http://cloud.example".parse::<CloudUrl>(), Err(BadCloudUrl::Plain));
        assert_eq!("http://127.0.0.1.example".parse::<CloudUrl>(), Err(BadCloudUrl::Plain));
        for more in
            ["https://a.example/x", "https://a.example?x", "https://u:p@a.example", "https://a.example/#x"]
        {
            assert_eq!(more.parse::<CloudUrl>(), Err(BadCloudUrl::More), "{more}");
        }
        for bad in ["", "cloud.example", "ftp://a.example", "https://"] {
            assert!(matches!(bad.parse::<CloudUrl>(), Err(BadCloudUrl::Syntax(_))), "{bad}");
        }
    }
}
