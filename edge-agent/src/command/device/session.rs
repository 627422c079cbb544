//! A session of this command with a clock, beside any that the agent has.

use std::net::SocketAddr;
use std::time::Duration;

use device_protocols::zk::client::{Client, ClientOptions};
use device_protocols::zk::session::Timing;
use shared_model::entity::Transport;
use shared_model::text::HostAddress;

use super::address::{Target, socket};
use super::{TargetArgs, explain};
use crate::command::context::Context;
use crate::config::Flags;
use crate::control::Refusal;
use crate::control::device::{DeviceRoute, FindDevice};
use crate::device::supervisor::client_options;

/// How long a person waits for an answer; the agent has more patience.
const REPLY: Duration = Duration::from_secs(6);

/// An open session.
pub(super) struct Session {
    pub(super) address: SocketAddr,
    pub(super) client: Client,
    /// What the agent knows of the clock, where it was named by its serial number.
    pub(super) route: Option<DeviceRoute>,
}

impl Session {
    /// Connects to the clock that is meant.
    ///
    /// # Errors
    /// In plain words, with what to do.
    pub(super) async fn open(context: &Context, target: &TargetArgs) -> anyhow::Result<Self> {
        let (address, key, route) = match &target.target {
            Target::Address(address) => (address.clone(), target.comm_key.map(|key| key.to_string()), None),
            Target::Serial(serial) => {
                let route = context.read(FindDevice { serial: serial.clone() }).await?;
                let address = reachable(&route)?;
                let key = target.comm_key.map(|key| key.to_string());
                let key =
                    key.or_else(|| Some(route.comm_key.reveal().to_owned()).filter(|key| !key.is_empty()));
                (address, key, Some(route))
            }
        };
        let (address, client) = connect(context, &address, key.as_deref()).await?;
        Ok(Self { address, client, route })
    }

    /// Says goodbye. What was wanted is here; how the clock takes the farewell does not matter.
    pub(super) async fn close(self) {
        let _ = self.client.close().await;
    }
}

fn reachable(route: &DeviceRoute) -> Result<HostAddress, Refusal> {
    if route.supervised && route.transport == Transport::Tcp {
        return Err(Refusal::refused(
            "the running agent has a session with this clock: `device read` lets it read the log, and with the clock's \
             address instead of its serial number this command connects beside it",
        ));
    }
    match (&route.address, route.transport) {
        (Some(address), Transport::Tcp) => Ok(address.clone()),
        (_, Transport::Tcp | Transport::Udp | Transport::Push | Transport::File) => {
            Err(Refusal::refused("this clock posts to us, it cannot be called"))
        }
    }
}

/// Connects to an address.
pub(super) async fn connect(
    context: &Context,
    address: &HostAddress,
    key: Option<&str>,
) -> anyhow::Result<(SocketAddr, Client)> {
    let socket = socket(address).await?;
    let hold = context.config(&Flags::default())?.config.poll.hold_seconds;
    let options = client_options(key, hold);
    let options = ClientOptions { timing: Timing { reply: REPLY, ..options.timing }, ..options };
    let client = Client::connect(socket, options).await.map_err(|error| explain::trouble(socket, &error))?;
    Ok((socket, client))
}
