//! Waiting for something to send, and for a little company for it.

use std::time::Duration;

use sync_protocol::Stream;
use sync_protocol::edge::Session;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::{Instant, timeout_at};

use crate::store::{Store, StoreError, StoreEvent};

/// The least time between two looks at the logs while they grow.
const LOOK: Duration = Duration::from_millis(20);

/// Why the wait ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wake {
    /// There is something to send.
    Send,
    /// The session is so old that the cloud should hear more of us than rows.
    Renew,
}

/// The last rows of both logs.
pub(super) async fn heads(store: &Store) -> Result<[(Stream, i64); 2], StoreError> {
    let streams = store.read(crate::store::ReadTx::streams).await?;
    let head = |stream| {
        let present = streams.iter().find(|state| !state.closed && state.stream == stream);
        (stream, present.map_or(0, |state| state.head))
    };
    Ok(Stream::ALL.map(head))
}

/// Waits until rows wait that are worth a push: record changes after a moment, ledger rows when they are many or have
/// waited a while. Ends at `renew` in any case.
pub(super) async fn wait(
    store: &Store,
    session: &Session,
    events: &mut Receiver<StoreEvent>,
    renew: Instant,
) -> Result<Wake, StoreError> {
    let limits = session.limits();
    let linger = |stream| match stream {
        Stream::Records => Duration::from_millis(limits.record_linger_ms.into()),
        Stream::Ledger => Duration::from_millis(limits.linger_ms.into()),
    };
    let mut since: [Option<Instant>; 2] = [None; 2];
    loop {
        let now = Instant::now();
        let mut next = renew;
        for ((stream, head), since) in heads(store).await?.into_iter().zip(&mut since) {
            let waits = head - session.sent(stream);
            if waits <= 0 {
                *since = None;
                continue;
            }
            let due = *since.get_or_insert(now) + linger(stream);
            let many = stream == Stream::Ledger && waits >= i64::from(limits.linger_rows);
            if many || due <= now {
                return Ok(Wake::Send);
            }
            next = next.min(due);
        }
        if now >= renew {
            return Ok(Wake::Renew);
        }
        grown(events, next).await?;
    }
}

/// Waits until a log may have grown, or until `deadline`.
async fn grown(events: &mut Receiver<StoreEvent>, deadline: Instant) -> Result<(), StoreError> {
    loop {
        match timeout_at(deadline, events.recv()).await {
            Err(_) => return Ok(()),
            Ok(Ok(StoreEvent::LedgerGrew | StoreEvent::Records(_)) | Err(RecvError::Lagged(_))) => {
                tokio::time::sleep_until(deadline.min(Instant::now() + LOOK)).await;
                return Ok(());
            }
            Ok(Ok(_)) => {}
            Ok(Err(RecvError::Closed)) => return Err(StoreError::Closed),
        }
    }
}
