//! The addresses the agent would listen on.

use std::net::{SocketAddr, TcpListener};

use super::Finding;
use crate::config::Config;

/// Tries the addresses. Only for an agent that does not run.
pub(super) fn look(config: &Config) -> Vec<Finding> {
    let push = config.push.enabled.then_some(("push.listen", config.push.listen));
    std::iter::once(("ui.listen", config.ui.listen))
        .chain(push)
        .map(|(key, address)| free(key, address))
        .collect()
}

fn free(key: &str, address: SocketAddr) -> Finding {
    match TcpListener::bind(address) {
        Ok(_) => Finding::ok("ports", format!("{address} is free ({key})")),
        Err(error) => Finding::problem(
            "ports",
            format!("{address} cannot be listened on ({key}): {error}"),
            format!(
                "end the program that has it (ss -ltnp shows which), or choose another {key} in muster-edge.toml"
            ),
        ),
    }
}
