//! A simulated clock's TCP side.

mod body;
mod connection;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::SimClock;
use crate::clock::Clock;
use connection::{Connection, End};

/// A simulated clock being served over TCP until dropped.
#[derive(Debug)]
pub struct TcpServer {
    address: SocketAddr,
    stop: CancellationToken,
}

impl TcpServer {
    /// Serves a clock at an address; port 0 takes a free one.
    ///
    /// # Errors
    /// When the address cannot be listened on.
    pub async fn start(
        sim: Arc<SimClock>,
        address: SocketAddr,
        clock: impl Clock + Clone,
    ) -> std::io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let stop = CancellationToken::new();
        tokio::spawn(serve(sim, listener, clock, stop.clone()));
        Ok(Self { address, stop })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for TcpServer {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

async fn serve(
    sim: Arc<SimClock>,
    listener: TcpListener,
    clock: impl Clock + Clone,
    stop: CancellationToken,
) {
    // Each restart is a new boot; connections of an earlier one end.
    let (boot, booted) = watch::channel(0_u32);
    let boot = Arc::new(boot);
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        let Ok((stream, _)) = accepted else { continue };
        sim.tally().count_connection();
        let session = u16::try_from(0x1000 + sim.tally().connections() % 0x7000).unwrap_or(0x1234);
        let (sim, clock, stop) = (Arc::clone(&sim), clock.clone(), stop.clone());
        let (boot, mut booted) = (Arc::clone(&boot), booted.clone());
        booted.mark_unchanged();
        tokio::spawn(async move {
            let mut connection = Connection::new(Arc::clone(&sim), stream, clock, session);
            let end = tokio::select! {
                () = stop.cancelled() => return,
                _ = booted.changed() => return,
                end = connection.run() => end,
            };
            if end == End::Reboot {
                drop(connection);
                sim.free_keypad();
                sim.start_reboot(Duration::from_millis(sim.faults().reboot_ms));
                boot.send_modify(|boots| *boots += 1);
            }
        });
    }
}
