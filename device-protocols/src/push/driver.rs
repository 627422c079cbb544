//! All push clocks as one [`Driver`]: they come and tell, orders wait for their next poll.

use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::command::PushCommand;
use super::listener::{self, Host};
use crate::clock::Clock;
use crate::driver::{Ask, Carried, Driver, DriverError, Order, Route, Sink};
use crate::serial::Serial;

/// Serves all clocks that push to one listener.
#[derive(Debug)]
pub struct PushDriver<H, C> {
    listener: TcpListener,
    host: Arc<H>,
    clock: C,
}

impl<H: Host, C: Clock + Clone> PushDriver<H, C> {
    /// A driver on a listener that is bound already.
    #[must_use]
    pub fn new(listener: TcpListener, host: Arc<H>, clock: C) -> Self {
        Self { listener, host, clock }
    }
}

impl<H: Host, C: Clock + Clone> Driver for PushDriver<H, C> {
    fn route(&self) -> Route {
        Route::Push
    }

    async fn serve<S: Sink>(
        self,
        sink: S,
        mut orders: mpsc::Receiver<Order>,
        stop: CancellationToken,
    ) -> Result<(), DriverError> {
        let router = listener::router(sink, Arc::clone(&self.host), self.clock.clone());
        let serving = listener::serve(self.listener, router, stop.clone());
        let ordering = async {
            while let Some(Order { serial, what, reply }) = orders.recv().await {
                let carried = match serial {
                    Some(serial) => queue(&*self.host, &self.clock, &serial, what).await,
                    None => Err(DriverError::Unable),
                };
                let _ = reply.send(carried);
            }
            // Nobody orders any more; clocks still tell.
            std::future::pending::<()>().await;
        };
        tokio::select! {
            served = serving => served.map_err(|error| DriverError::Listener(error.to_string())),
            () = ordering => Ok(()),
        }
    }
}

async fn queue(
    host: &impl Host,
    clock: &impl Clock,
    serial: &Serial,
    what: Ask,
) -> Result<Carried, DriverError> {
    let command = match what {
        Ask::Facts => PushCommand::Info,
        Ask::Users => PushCommand::SendUsers,
        Ask::Pull { .. } => PushCommand::whole_log(clock.now().naive_utc()),
        // These clocks set themselves from our `Date` and cannot be asked for theirs; their operations come by themselves.
        Ask::Time | Ask::SetTime(_) | Ask::Operations => return Err(DriverError::Unable),
    };
    host.enqueue(serial, command).await?;
    Ok(Carried::Queued)
}
