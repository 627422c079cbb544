//! From the sources to one configuration.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use super::error::key_place;
use super::{Config, ConfigError, LogFormat, Secret, UiConfig};

/// The configuration's name in the data folder.
pub const FILE: &str = "muster-edge.toml";

/// The longest configuration read, bytes.
const LONGEST: u64 = 1024 * 1024;

/// The environment's variable for the proxy.
const PROXY: &str = "MUSTER_CLOUD_PROXY";

/// What the command line sets over everything else.
#[derive(Debug, Clone, Default, PartialEq, Eq, clap::Args)]
pub struct Flags {
    /// Serve the pages here instead of where the configuration says
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub ui_listen: Option<SocketAddr>,
    /// Listen for clocks that post here instead
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub push_listen: Option<SocketAddr>,
    /// Log this instead: a level, or filters such as info,edge_agent::device=debug
    #[arg(long, value_name = "FILTER")]
    pub log: Option<String>,
    /// Log in this form instead
    #[arg(long, value_name = "FORM")]
    pub log_format: Option<LogFormat>,
}

/// A configuration and where it comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loaded {
    /// What is in force.
    pub config: Config,
    /// The file that was read, if there is one.
    pub file: Option<PathBuf>,
    /// Variables of the environment that were used.
    pub environment: Vec<&'static str>,
}

/// Reads the configuration: defaults, then `file` (or the one in the data folder, where there is one), then secrets of
/// the environment, then flags.
///
/// # Errors
/// [`ConfigError`] names the source, in a file line and column. A file that was named must be there.
pub fn load(
    data: &Path,
    file: Option<&Path>,
    environment: impl Fn(&str) -> Option<String>,
    flags: &Flags,
) -> Result<Loaded, ConfigError> {
    let path = file.map_or_else(|| data.join(FILE), Path::to_owned);
    let text = match read(&path) {
        Ok(text) => Some(text),
        Err(cause) if cause.kind() == ErrorKind::NotFound && file.is_none() => None,
        Err(cause) => return Err(ConfigError::File { path, cause }),
    };
    let mut config = match &text {
        Some(text) => parse(&path, text)?,
        None => Config::default(),
    };
    let mut used = Vec::new();
    if let Some(proxy) = environment(PROXY).filter(|proxy| !proxy.is_empty()) {
        let cause = "a proxy is written as http://host:port or http://user:password@host:port";
        if !is_proxy(&proxy) {
            return Err(ConfigError::Environment { name: PROXY, cause });
        }
        config.cloud.proxy = Some(Secret::new(proxy));
        used.push(PROXY);
    }
    if let Some(listen) = flags.ui_listen {
        config.ui.listen = listen;
        check_pages(&config).map_err(|cause| ConfigError::Flag { name: "--ui-listen", cause })?;
    }
    if let Some(listen) = flags.push_listen {
        config.push.listen = listen;
    }
    if let Some(filter) = &flags.log {
        config.log.filter.clone_from(filter);
        check_filter(filter).map_err(|cause| ConfigError::Flag { name: "--log", cause })?;
    }
    if let Some(format) = flags.log_format {
        config.log.format = format;
    }
    Ok(Loaded { config, file: text.map(|_| path), environment: used })
}

/// Reads a configuration's text.
///
/// # Errors
/// [`ConfigError::Text`] with the place.
pub(super) fn parse(path: &Path, text: &str) -> Result<Config, ConfigError> {
    let config: Config =
        toml::from_str(text).map_err(|error| ConfigError::in_text(path.to_owned(), text, &error))?;
    let at = |section, key, cause| key_place(path, text, section, key, cause);
    check_pages(&config).map_err(|cause| at("ui", "listen", cause))?;
    check_filter(&config.log.filter).map_err(|cause| at("log", "filter", cause))?;
    if config.cloud.proxy.as_ref().is_some_and(|proxy| !is_proxy(proxy.reveal())) {
        let cause = "a proxy is written as http://host:port or http://user:password@host:port";
        return Err(at("cloud", "proxy", cause.to_owned()).without_line("proxy = (hidden)"));
    }
    Ok(config)
}

fn read(path: &Path) -> std::io::Result<String> {
    use std::io::Read as _;
    let mut text = String::new();
    std::fs::File::open(path)?.take(LONGEST).read_to_string(&mut text)?;
    // Notepad's mark at the front of a text.
    match text.strip_prefix('\u{feff}') {
        Some(rest) => Ok(rest.to_owned()),
        None => Ok(text),
    }
}

fn check_pages(config: &Config) -> Result<(), String> {
    let UiConfig { listen, tls, .. } = &config.ui;
    if listen.ip().is_loopback() {
        return Ok(());
    }
    if !tls {
        return Err(format!("{listen} is not this machine alone: set ui.tls = true, or listen on 127.0.0.1"));
    }
    if config.ui.names().is_empty() {
        return Err(format!(
            "{listen} is every address of this machine: say in ui.hosts which of them people type, such as \
             [\"192.168.1.10\"]"
        ));
    }
    Ok(())
}

fn check_filter(filter: &str) -> Result<(), String> {
    match tracing_subscriber::EnvFilter::builder().parse(filter) {
        Ok(_) => Ok(()),
        Err(error) => Err(format!("{filter:?} is no log filter: {error}")),
    }
}

fn is_proxy(text: &str) -> bool {
    text.split_once("://")
        .is_some_and(|(scheme, rest)| matches!(scheme, "http" | "https") && !rest.is_empty())
}
