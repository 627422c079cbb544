//! Settings: the default file compiled in, a file, the environment for secrets, flags.

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::str::FromStr as _;

use serde::{Deserialize, Serialize};
use sqlx::postgres::PgConnectOptions;

/// The commented default file.
pub const DEFAULT_FILE: &str = include_str!("../muster-cloud.default.toml");
/// The file's name in the data folder.
pub const FILE_NAME: &str = "muster-cloud.toml";

/// What the file may say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Where pages and the edges' endpoints are served.
    pub listen: SocketAddr,
    /// Pages.
    pub web: Web,
    /// The database.
    pub database: Database,
    /// The edges' endpoints.
    pub sync: Sync,
    /// Figures for a monitoring program.
    pub metrics: Metrics,
}

/// Settings of the figures for a monitoring program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Metrics {
    /// Where `/metrics` is served; nowhere where not set.
    pub listen: Option<SocketAddr>,
}

/// Settings of the pages.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Web {
    /// The address that people use, `http://` or `https://` and a host.
    pub public_url: Option<String>,
    /// Reverse proxies whose `X-Forwarded-For` is believed.
    pub proxies: Vec<IpAddr>,
}

/// Settings of the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Database {
    /// The most connections, 2 to 500.
    pub connections: u32,
}

/// Settings of the edges' endpoints.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Sync {
    /// The most pushes worked on at once, 1 to 500.
    pub pushes: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8480)),
            web: Web::default(),
            database: Database::default(),
            sync: Sync::default(),
            metrics: Metrics::default(),
        }
    }
}

impl Default for Database {
    fn default() -> Self {
        Self { connections: 16 }
    }
}

impl Default for Sync {
    fn default() -> Self {
        Self { pushes: 32 }
    }
}

/// A configuration that cannot be used. Names file and line where there are any.
#[derive(Debug, thiserror::Error)]
pub enum BadConfig {
    /// The file cannot be read.
    #[error("cannot read {path}")]
    Read {
        /// The file.
        path: PathBuf,
        /// The cause.
        #[source]
        source: std::io::Error,
    },
    /// The file says something that is not understood.
    #[error("{path}: {source}")]
    Parse {
        /// The file.
        path: PathBuf,
        /// The cause, with its line.
        source: Box<toml::de::Error>,
    },
    /// A value that cannot be.
    #[error("{setting}: {cause}")]
    Value {
        /// The setting.
        setting: &'static str,
        /// What is wrong.
        cause: String,
    },
    /// One database address without the other.
    #[error("{0}")]
    Database(&'static str),
}

impl Config {
    /// Reads the named file, else the data folder's file if there is one, else takes the defaults.
    ///
    /// # Errors
    /// [`BadConfig`] names file and line.
    pub fn load(named: Option<&Path>, data: &Path) -> Result<Self, BadConfig> {
        let own = data.join(FILE_NAME);
        let config = match named {
            Some(path) => Self::read(path)?,
            None if own.exists() => Self::read(&own)?,
            None => Self::default(),
        };
        config.check()?;
        Ok(config)
    }

    fn read(path: &Path) -> Result<Self, BadConfig> {
        let path = path.to_owned();
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(source) => return Err(BadConfig::Read { path, source }),
        };
        toml::from_str(&text).map_err(|source| BadConfig::Parse { path, source: Box::new(source) })
    }

    fn check(&self) -> Result<(), BadConfig> {
        let value = |setting, cause: &str| Err(BadConfig::Value { setting, cause: cause.to_owned() });
        if !(2..=500).contains(&self.database.connections) {
            return value("database.connections", "must be 2 to 500");
        }
        if !(1..=500).contains(&self.sync.pushes) {
            return value("sync.pushes", "must be 1 to 500");
        }
        match &self.web.public_url {
            Some(url) if parse_public_url(url).is_none() => {
                value("web.public_url", "must be http:// or https:// and a host, without a path")
            }
            Some(_) | None => Ok(()),
        }
    }

    /// Whether people use https, and under which host; `None` where no public address is set.
    #[must_use]
    pub fn public(&self) -> Option<(bool, String)> {
        self.web.public_url.as_deref().and_then(parse_public_url)
    }
}

/// `(https, host with port)` of an address without path.
fn parse_public_url(url: &str) -> Option<(bool, String)> {
    let uri: http::Uri = url.parse().ok()?;
    let https = match uri.scheme_str()? {
        "https" => true,
        "http" => false,
        _ => return None,
    };
    let plain = uri.path() == "/" && uri.query().is_none();
    let authority = uri.authority().filter(|authority| !authority.as_str().contains('@'))?;
    plain.then(|| (https, authority.as_str().to_owned()))
}

/// Where the database is.
#[derive(Debug, Clone)]
pub enum DatabaseSource {
    /// A private server in the data folder.
    Private,
    /// A server elsewhere.
    External {
        /// The schema's owner; absent where somebody else migrates.
        owner: Option<Box<PgConnectOptions>>,
        /// The serving role.
        app: Box<PgConnectOptions>,
    },
}

impl DatabaseSource {
    /// Reads `DATABASE_URL` and `DATABASE_OWNER_URL`; neither = a private server.
    ///
    /// # Errors
    /// [`BadConfig`] for addresses that cannot be read, an owner without a serving role, or one role for both.
    pub fn from_environment() -> Result<Self, BadConfig> {
        let read = |name: &'static str| -> Result<Option<Box<PgConnectOptions>>, BadConfig> {
            let Some(url) = std::env::var(name).ok().filter(|url| !url.is_empty()) else { return Ok(None) };
            // The address holds a password: the error must not repeat it.
            let options = PgConnectOptions::from_str(&url).map_err(|_| BadConfig::Value {
                setting: name,
                cause: "is no address such as postgres://role:password@host/database".to_owned(),
            })?;
            Ok(Some(Box::new(options)))
        };
        match (read("DATABASE_OWNER_URL")?, read("DATABASE_URL")?) {
            (None, None) => Ok(Self::Private),
            (Some(owner), Some(app)) if owner.get_username() == app.get_username() => {
                Err(BadConfig::Database(
                    "DATABASE_OWNER_URL and DATABASE_URL name the same role: serve as a role that owns nothing",
                ))
            }
            (owner, Some(app)) => Ok(Self::External { owner, app }),
            (Some(_), None) => Err(BadConfig::Database(
                "DATABASE_OWNER_URL is set but DATABASE_URL is not: name the role that serves there",
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_file_says_what_is_the_default() {
        assert_eq!(toml::from_str::<Config>(DEFAULT_FILE).unwrap(), Config::default());
        let spoken: String = DEFAULT_FILE
            .lines()
            .map(|line| line.strip_prefix("# ").filter(|rest| rest.contains(" = ")).unwrap_or(line))
            .map(|line| format!("{line}\n"))
            .collect();
        let mut said = toml::from_str::<Config>(&spoken).unwrap();
        // Those are examples.
        (said.web, said.metrics) = (Web::default(), Metrics::default());
        assert_eq!(said, Config::default(), "the commented values are the defaults");
    }

    #[test]
    fn unknown_settings_and_impossible_values_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let refusal = |text: &str| {
            std::fs::write(folder.path().join(FILE_NAME), text).unwrap();
            Config::load(None, folder.path()).unwrap_err().to_string()
        };
        assert!(refusal("lisen = '127.0.0.1:1'").contains("lisen"));
        assert!(refusal("[database]\nconnections = 0").contains("2 to 500"));
        for url in ["ftp://x", "https://", "https://x/y", "https://a:b@x"] {
            assert!(refusal(&format!("[web]\npublic_url = '{url}'")).contains("public_url"), "{url}");
        }
    }

    #[test]
    fn a_public_address_gives_scheme_and_host() {
        assert_eq!(
            parse_public_url("https://muster.example.com"),
            Some((true, "muster.example.com".to_owned()))
        );
        assert_eq!(parse_public_url("http://localhost:8480/"), Some((false, "localhost:8480".to_owned())));
    }
}
