//! The configuration file: what is needed before the database is open. Everything else is set in the agent itself.
//!
//! Unknown keys are refused with their place in the file. [`Config::default`] is what the commented default file says;
//! a test holds the two together.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// The name of the file in the data folder.
pub const FILE: &str = "muster-edge.toml";

/// The default file, commented.
pub const DEFAULT: &str = include_str!("default.toml");

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
}

impl Default for PushConfig {
    fn default() -> Self {
        Self { enabled: true, listen: SocketAddr::from(([0, 0, 0, 0], 8471)) }
    }
}

/// How clocks are polled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PollConfig {
    /// Between looks at a clock, seconds.
    pub interval_seconds: u32,
    /// Keep the session with each clock and read its log as soon as it tells of a punch.
    pub live: bool,
    /// Seconds for which a clock is locked while its log is read; 0 = people go on punching.
    pub hold_seconds: u32,
    /// A clock that is off by more is set, where its record allows it, seconds.
    pub max_drift_seconds: i64,
    /// The first pause after a failure, milliseconds.
    pub retry_first_ms: u32,
    /// The longest pause after failures, seconds.
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
        Duration::from_secs(self.interval_seconds.max(1).into())
    }

    /// The first pause after a failure.
    #[must_use]
    pub fn retry_first(&self) -> Duration {
        Duration::from_millis(self.retry_first_ms.max(1).into())
    }

    /// The longest pause after failures.
    #[must_use]
    pub fn retry_longest(&self) -> Duration {
        Duration::from_secs(self.retry_longest_seconds.max(1).into())
    }
}

/// What is logged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LogConfig {
    /// A level, or filters by module such as `info,edge_agent::device=debug`.
    pub filter: String,
}

impl Default for LogConfig {
    fn default() -> Self {
        Self { filter: "info".to_owned() }
    }
}

/// A file that is no configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// It cannot be read.
    #[error("{path} cannot be read")]
    Read {
        /// The file.
        path: String,
        /// Why not.
        #[source]
        cause: std::io::Error,
    },
    /// It is not TOML, or has a key or value that it cannot have. The text shows the place.
    #[error("{path}: {cause}")]
    Parse {
        /// The file.
        path: String,
        /// What is wrong where.
        cause: toml::de::Error,
    },
    /// Two values do not go together.
    #[error("{path}: {cause}")]
    Invalid {
        /// The file.
        path: String,
        /// What is wrong and what to do.
        cause: &'static str,
    },
}

impl Config {
    /// Reads a file; without one, the defaults.
    ///
    /// # Errors
    /// [`ConfigError`].
    pub fn read(path: &Path) -> Result<Self, ConfigError> {
        match std::fs::read_to_string(path) {
            Ok(text) => Self::parse(&path.display().to_string(), &text),
            Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => Ok(Self::default()),
            Err(cause) => Err(ConfigError::Read { path: path.display().to_string(), cause }),
        }
    }

    /// Reads the text of a file named `path`.
    ///
    /// # Errors
    /// [`ConfigError`].
    pub fn parse(path: &str, text: &str) -> Result<Self, ConfigError> {
        let config: Self =
            toml::from_str(text).map_err(|cause| ConfigError::Parse { path: path.to_owned(), cause })?;
        let invalid = |cause| Err(ConfigError::Invalid { path: path.to_owned(), cause });
        if !config.ui.tls && !config.ui.listen.ip().is_loopback() {
            return invalid(
                "ui.listen is not on this machine alone: set ui.tls = true, or listen on 127.0.0.1",
            );
        }
        if config.poll.max_drift_seconds < 1 {
            return invalid("poll.max_drift_seconds must be at least 1");
        }
        Ok(config)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_file_says_what_the_program_assumes() {
        assert_eq!(Config::parse("default", DEFAULT).unwrap(), Config::default());
        // With every comment sign before a key removed it says the same: examples are the defaults.
        let uncommented: String =
            DEFAULT.lines().map(|line| line.strip_prefix("#: ").unwrap_or(line).to_owned() + "\n").collect();
        assert_eq!(Config::parse("default", &uncommented).unwrap(), Config::default());
    }

    #[test]
    fn an_unknown_key_is_refused_with_its_line() {
        let error = Config::parse("x.toml", "[poll]\nintervall_seconds = 5\n").unwrap_err().to_string();
        assert!(error.contains("line 2") && error.contains("intervall_seconds"), "{error}");
    }

    #[test]
    fn pages_beyond_this_machine_need_tls() {
        let open = "[ui]\nlisten = \"0.0.0.0:8470\"\n";
        assert!(Config::parse("x.toml", open).unwrap_err().to_string().contains("tls = true"));
        assert!(Config::parse("x.toml", &format!("{open}tls = true\n")).is_ok());
    }
}
