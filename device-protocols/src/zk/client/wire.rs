//! The socket and the session that owns it.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::BytesMut;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_util::codec::{Decoder, Encoder};

use super::ClientError;
use crate::zk::event::LiveEvent;
use crate::zk::frame::{FrameError, TcpCodec};
use crate::zk::session::{Outcome, Session};

/// First keep-alive probe after this silence.
const KEEP_ALIVE: Duration = Duration::from_secs(30);
/// Between keep-alive probes.
const KEEP_ALIVE_INTERVAL: Duration = Duration::from_secs(10);
/// How long a dropped connection is drained.
const LINGER: Duration = Duration::from_secs(2);
/// For writing what is due.
const WRITE_TIMEOUT: Duration = Duration::from_secs(10);

/// A socket with its session and buffers. All awaits may be cancelled: what was read stays in `input`, what is to be
/// written stays in `output`.
#[derive(Debug)]
pub(super) struct Wire {
    stream: Option<TcpStream>,
    session: Session,
    input: BytesMut,
    output: BytesMut,
    finished: bool,
}

impl Wire {
    pub(super) async fn open(
        address: SocketAddr,
        wait: Duration,
        session: Session,
    ) -> Result<Self, ClientError> {
        let connecting = tokio::time::timeout(wait, TcpStream::connect(address));
        let stream = connecting
            .await
            .map_err(|_| ClientError::ConnectTimeout(address))?
            .map_err(|source| ClientError::Connect { address, source })?;
        let prepare = || {
            stream.set_nodelay(true)?;
            let probes =
                socket2::TcpKeepalive::new().with_time(KEEP_ALIVE).with_interval(KEEP_ALIVE_INTERVAL);
            socket2::SockRef::from(&stream).set_tcp_keepalive(&probes)
        };
        prepare().map_err(|source| ClientError::Connect { address, source })?;
        Ok(Self {
            stream: Some(stream),
            session,
            input: BytesMut::new(),
            output: BytesMut::new(),
            finished: false,
        })
    }

    pub(super) fn session(&self) -> &Session {
        &self.session
    }

    /// The session ended in order: nothing is owed to the clock any more.
    pub(super) fn finish(&mut self) {
        self.finished = true;
    }

    /// Starts a step of the session and waits for its outcome. Dropping the future aborts what was started.
    pub(super) async fn run(
        &mut self,
        start: impl FnOnce(&mut Session, Instant),
    ) -> Result<Outcome, ClientError> {
        start(&mut self.session, now());
        let mut guard = Unfinished(self);
        let outcome = guard.wire().drive().await;
        // A connection that failed is not worth putting right, an outcome needs nothing put right.
        std::mem::forget(guard);
        outcome
    }

    /// Gives up what is open and tells the clock so, without waiting.
    pub(super) fn abort(&mut self) {
        self.session.abort();
        self.write_now();
    }

    pub(super) async fn next_event(&mut self, wait: Duration) -> Result<Option<LiveEvent>, ClientError> {
        let until = now() + wait;
        loop {
            // Acknowledged first: an event taken and then lost to a cancelled await would be lost for good.
            self.flush().await?;
            if let Some(event) = self.session.poll_event() {
                return Ok(Some(event));
            }
            if !self.receive(Some(until)).await? {
                return Ok(None);
            }
        }
    }

    async fn drive(&mut self) -> Result<Outcome, ClientError> {
        loop {
            if let Some(outcome) = self.session.poll_outcome() {
                return Ok(outcome);
            }
            let deadline = self.session.poll_timeout();
            if !self.receive(deadline).await? {
                self.session.handle_timeout(now());
            }
        }
    }

    /// Sends what is due and takes one packet; false when none came by the deadline.
    async fn receive(&mut self, deadline: Option<Instant>) -> Result<bool, ClientError> {
        self.flush().await?;
        loop {
            if let Some(frame) = TcpCodec.decode(&mut self.input)? {
                self.session.handle_packet(frame, now());
                return Ok(true);
            }
            let stream = self.stream.as_mut().ok_or(ClientError::Closed)?;
            let read = stream.read_buf(&mut self.input);
            let read = match deadline {
                Some(deadline) => match tokio::time::timeout_at(deadline.into(), read).await {
                    Ok(read) => read,
                    Err(_) => return Ok(false),
                },
                None => read.await,
            };
            if read.map_err(FrameError::from)? == 0 {
                return Err(ClientError::Closed);
            }
        }
    }

    async fn flush(&mut self) -> Result<(), ClientError> {
        self.queue()?;
        let stream = self.stream.as_mut().ok_or(ClientError::Closed)?;
        let write = async {
            while !self.output.is_empty() {
                if stream.write_buf(&mut self.output).await.map_err(FrameError::from)? == 0 {
                    return Err(FrameError::Io(std::io::ErrorKind::WriteZero.into()));
                }
            }
            Ok(())
        };
        match tokio::time::timeout(WRITE_TIMEOUT, write).await {
            Ok(written) => Ok(written?),
            Err(_) => Err(ClientError::Closed),
        }
    }

    fn queue(&mut self) -> Result<(), ClientError> {
        while let Some(packet) = self.session.poll_transmit() {
            TcpCodec.encode(&packet, &mut self.output)?;
        }
        Ok(())
    }

    /// Writes what is due as far as the kernel takes it at once: requests are tiny, so it takes them.
    fn write_now(&mut self) {
        if self.queue().is_err() {
            return;
        }
        let Some(stream) = &self.stream else { return };
        while !self.output.is_empty() {
            match stream.try_write(&self.output) {
                Ok(written) if written > 0 => drop(self.output.split_to(written)),
                Ok(_) | Err(_) => return,
            }
        }
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        if self.finished {
            return;
        }
        self.session.exit();
        self.write_now();
        let (Some(stream), Ok(runtime)) = (self.stream.take(), tokio::runtime::Handle::try_current()) else {
            return;
        };
        let rest = self.output.split();
        runtime.spawn(drain(stream, rest));
    }
}

/// Writes the rest and reads until the clock closes. Closing a socket with unread data resets the connection, and the
/// clock might never see what was written last.
async fn drain(mut stream: TcpStream, mut rest: BytesMut) {
    let drained = async {
        stream.write_all_buf(&mut rest).await?;
        stream.shutdown().await?;
        let mut sink = [0; 4096];
        while stream.read(&mut sink).await? > 0 {}
        std::io::Result::Ok(())
    };
    let _ = tokio::time::timeout(LINGER, drained).await;
}

/// A step of the session that is not finished: dropping it aborts.
struct Unfinished<'a>(&'a mut Wire);

impl Unfinished<'_> {
    fn wire(&mut self) -> &mut Wire {
        self.0
    }
}

impl Drop for Unfinished<'_> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}
