//! A relay between an edge and its cloud: counts what passes, and can cut the line.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Result;

/// A relay on loopback, until the process ends.
pub struct Proxy {
    address: SocketAddr,
    line: Arc<Line>,
}

#[derive(Default)]
struct Line {
    up: AtomicU64,
    down: AtomicU64,
    cut: AtomicBool,
    open: Mutex<Vec<TcpStream>>,
}

impl Proxy {
    /// Relays to `server` (host and port).
    ///
    /// # Errors
    /// When no port can be listened on.
    pub fn start(server: &str) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        let line = Arc::new(Line::default());
        let (shared, server) = (Arc::clone(&line), server.to_owned());
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                // A line that is cut answers as a cable that was pulled behind the next switch: it closes.
                if shared.cut.load(Ordering::SeqCst) {
                    continue;
                }
                if let Ok(server) = TcpStream::connect(&server) {
                    shared.relay(client, server);
                }
            }
        });
        Ok(Self { address, line })
    }

    /// Where to connect instead of to the server.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Cuts the line, or mends it.
    pub fn cut(&self, cut: bool) {
        self.line.cut.store(cut, Ordering::SeqCst);
        if cut {
            for stream in self.line.open.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
                // A stream that is closed already needs no cutting.
                let _ = stream.shutdown(Shutdown::Both);
            }
        }
    }

    /// Bytes that went to the server since the start.
    #[must_use]
    pub fn bytes_up(&self) -> u64 {
        self.line.up.load(Ordering::SeqCst)
    }

    /// Bytes that came from the server since the start.
    #[must_use]
    pub fn bytes_down(&self) -> u64 {
        self.line.down.load(Ordering::SeqCst)
    }
}

impl Line {
    fn relay(self: &Arc<Self>, client: TcpStream, server: TcpStream) {
        let copies = client.try_clone().and_then(|client| Ok((client, server.try_clone()?)));
        let Ok((client_out, server_out)) = copies else { return };
        if let Ok(held) = client.try_clone() {
            self.open.lock().unwrap_or_else(PoisonError::into_inner).push(held);
        }
        if let Ok(held) = server.try_clone() {
            self.open.lock().unwrap_or_else(PoisonError::into_inner).push(held);
        }
        let (line, other) = (Arc::clone(self), Arc::clone(self));
        std::thread::spawn(move || copy(client, server_out, &line.up));
        std::thread::spawn(move || copy(server, client_out, &other.down));
    }
}

fn copy(mut from: TcpStream, mut to: TcpStream, passed: &AtomicU64) {
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(count @ 1..) = from.read(&mut buffer) {
        let Some(bytes) = buffer.get(..count) else { break };
        if to.write_all(bytes).is_err() {
            break;
        }
        passed.fetch_add(u64::try_from(count).unwrap_or(0), Ordering::SeqCst);
    }
    let _ = to.shutdown(Shutdown::Write);
}
