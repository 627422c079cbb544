//! `start`: from the start of the agent's process to its first answer.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Instant;

use anyhow::{Result, ensure};

use super::figure::{Figure, Target};
use super::median;
use crate::binary::Variant;
use crate::edge::Edge;
use crate::folder::RunFolder;

const STARTS: usize = 7;

/// Runs it.
///
/// # Errors
/// When the agent does not start or answer.
pub fn run() -> Result<Vec<Figure>> {
    let folder = RunFolder::new("start")?;
    let mut edge = Edge::new(&folder.sub("edge")?, &folder.sub("logs")?, Variant::Plain);
    let first = start(&mut edge)?;
    let mut again = Vec::new();
    for _ in 0..STARTS {
        again.push(start(&mut edge)?);
    }
    let figure = |what: &str, value| Figure {
        bench: "start",
        what: what.to_owned(),
        value,
        unit: "ms",
        peer: None,
        target: Target::None,
    };
    Ok(vec![
        figure("agent, first start in an empty folder", first),
        figure(&format!("agent, later starts (median of {STARTS})"), median(again)),
    ])
}

/// Milliseconds from the start of the process to an HTTP answer.
fn start(edge: &mut Edge) -> Result<u64> {
    let begun = Instant::now();
    edge.run(&[])?;
    let address = edge.url()?;
    let host = address.trim_start_matches("http://");
    let mut stream = TcpStream::connect(host)?;
    write!(stream, "GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n")?;
    let mut answer = [0; 12];
    stream.read_exact(&mut answer)?;
    let took = begun.elapsed();
    ensure!(answer.starts_with(b"HTTP/1.1 "), "the agent answered {answer:?}");
    edge.stop()?;
    Ok(u64::try_from(took.as_millis())?)
}
