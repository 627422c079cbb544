//! What is set in the configuration file: what is needed before the database is open.
//!
//! Four sources, each over the one before: the defaults (`muster-edge config default` prints them with their
//! explanation), the file, the environment for secrets, the flags of the command line. A key that nobody knows is an
//! error that names file, line and column. Everything that an administrator changes while the agent runs (clocks,
//! people, shifts, policies) is not here but in the database.

mod bounded;
mod error;
mod load;
mod secret;

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use error::{ConfigError, Place};
pub use load::{FILE, Flags, Loaded, load};
pub use secret::Secret;

use bounded::within;

/// The default configuration with its explanation: what [`Config::default`] is, as text.
pub const DEFAULT: &str = include_str!("config/default.toml");

/// The whole configuration.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// The local web pages.
    pub ui: UiConfig,
    /// The listener for clocks that post.
    pub push: PushConfig,
    /// How clocks are polled.
    pub poll: PollConfig,
    /// The way to the cloud.
    pub cloud: CloudConfig,
    /// What is logged.
    pub log: LogConfig,
}

/// The local web pages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct UiConfig {
    /// Where they are served. Beyond this machine only with TLS.
    pub listen: SocketAddr,
    /// Serve them with the certificate made at set-up.
    pub tls: bool,
    /// Names under which browsers on the network may call them, beside the address.
    pub hosts: Vec<String>,
}

impl UiConfig {
    /// The names and addresses under which browsers on the network may call the pages: `hosts`, and the address where
    /// they are served if it is one address.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        let ip = self.listen.ip();
        let own = match ip {
            _ if ip.is_unspecified() || ip.is_loopback() => None,
            IpAddr::V4(ip) => Some(ip.to_string()),
            IpAddr::V6(ip) => Some(format!("[{ip}]")),
        };
        self.hosts.iter().cloned().chain(own.filter(|own| !self.hosts.contains(own))).collect()
    }
}

impl Default for UiConfig {
    fn default() -> Self {
        Self { listen: SocketAddr::from(([127, 0, 0, 1], 8470)), tls: false, hosts: Vec::new() }
    }
}

/// The listener for clocks that post.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PushConfig {
    /// Whether there is one.
    pub enabled: bool,
    /// Where it listens.
    pub listen: SocketAddr,
    /// Seconds after which what a clock had to post is here, if it was heard all the while.
    #[serde(deserialize_with = "within::<1, 86_400, _, _>")]
    pub settled_seconds: u32,
}

impl Default for PushConfig {
    fn default() -> Self {
        Self { enabled: true, listen: SocketAddr::from(([0, 0, 0, 0], 8471)), settled_seconds: 120 }
    }
}

/// How clocks are polled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PollConfig {
    /// Between looks at a clock, seconds.
    #[serde(deserialize_with = "within::<1, 86_400, _, _>")]
    pub interval_seconds: u32,
    /// Keep the session with each clock and read what is new in its log as soon as it tells of a punch.
    pub live: bool,
    /// Seconds for which a clock is locked while its whole log is read; 0 = people go on punching.
    #[serde(deserialize_with = "within::<0, 3600, _, _>")]
    pub hold_seconds: u32,
    /// A clock that is off by more is set, where its record allows it, seconds.
    #[serde(deserialize_with = "within::<1, 86_400, _, _>")]
    pub max_drift_seconds: i64,
    /// The first pause after a failure, milliseconds.
    #[serde(deserialize_with = "within::<1, 60_000, _, _>")]
    pub retry_first_ms: u32,
    /// The longest pause after failures, seconds.
    #[serde(deserialize_with = "within::<1, 86_400, _, _>")]
    pub retry_longest_seconds: u32,
}

impl Default for PollConfig {
    fn default() -> Self {
        Self {
            interval_seconds: 60,
            live: true,
            hold_seconds: 0,
            max_drift_seconds: 60,
            retry_first_ms: 1000,
            retry_longest_seconds: 300,
        }
    }
}

impl PollConfig {
    /// Between looks at a clock.
    #[must_use]
    pub fn interval(&self) -> Duration {
        Duration::from_secs(self.interval_seconds.into())
    }

    /// The first pause after a failure.
    #[must_use]
    pub fn retry_first(&self) -> Duration {
        Duration::from_millis(self.retry_first_ms.into())
    }

    /// The longest pause after failures.
    #[must_use]
    pub fn retry_longest(&self) -> Duration {
        Duration::from_secs(self.retry_longest_seconds.into())
    }
}

/// The way to the cloud. Where the cloud is, `enroll` tells.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CloudConfig {
    /// An HTTP proxy, with its password if it wants one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proxy: Option<Secret>,
    /// Certificates (PEM) of an authority of one's own, beside those built in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca_file: Option<PathBuf>,
}

/// What is logged, on standard error.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LogConfig {
    /// A level, or filters by module such as `info,edge_agent::device=debug`.
    pub filter: String,
    /// As what.
    pub format: LogFormat,
}

impl Default for LogConfig {
    fn default() -> Self {
        Self { filter: "info".to_owned(), format: LogFormat::Text }
    }
}

/// How messages are written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// A line for people.
    #[default]
    Text,
    /// A line of JSON.
    Json,
}

#[cfg(test)]
mod tests;
