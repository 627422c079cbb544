//! `start`: from the start of a process to its first answer.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Instant;

use anyhow::{Result, ensure};

use super::figure::{Figure, Target};
use super::median;
use crate::binary::Variant;
use crate::cloud::Cloud;
use crate::edge::Edge;
use crate::folder::RunFolder;

const STARTS: usize = 7;

/// Runs it.
///
/// # Errors
/// When a program does not start or answer.
pub fn run() -> Result<Vec<Figure>> {
    let folder = RunFolder::new("start")?;
    let (data, logs) = (folder.sub("edge")?, folder.sub("logs")?);
    let mut edge = Edge::new(&data, &logs, Variant::Plain);
    let agent_first = start(&mut edge)?;
    let agent_again = (0..STARTS).map(|_| start(&mut edge)).collect::<Result<_>>()?;

    let begun = Instant::now();
    let mut cloud = Cloud::start(&folder.sub("cloud")?, &logs, Variant::Plain)?;
    let cloud_first = answered(&cloud.url()?, begun)?;
    let again = |_| {
        cloud.stop()?;
        let begun = Instant::now();
        cloud.run(&[])?;
        answered(&cloud.url()?, begun)
    };
    let cloud_again = (0..STARTS).map(again).collect::<Result<_>>()?;

    let figure = |what: &str, value| Figure {
        bench: "start",
        what: what.to_owned(),
        value,
        unit: "ms",
        peer: None,
        target: Target::None,
    };
    Ok(vec![
        figure("agent, first start in an empty folder", agent_first),
        figure(&format!("agent, later starts (median of {STARTS})"), median(agent_again)),
        figure("cloud, first start, which makes a PostgreSQL cluster", cloud_first),
        figure(&format!("cloud and its PostgreSQL, later starts (median of {STARTS})"), median(cloud_again)),
    ])
}

/// Milliseconds from the start of the agent's process to an HTTP answer.
fn start(edge: &mut Edge) -> Result<u64> {
    let begun = Instant::now();
    edge.run(&[])?;
    let took = answered(&edge.url()?, begun)?;
    edge.stop()?;
    Ok(took)
}

/// Milliseconds from a moment to an HTTP answer.
fn answered(url: &str, begun: Instant) -> Result<u64> {
    let host = url.trim_start_matches("http://");
    let mut stream = TcpStream::connect(host)?;
    write!(stream, "GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n")?;
    let mut answer = [0; 12];
    stream.read_exact(&mut answer)?;
    let took = begun.elapsed();
    ensure!(answer.starts_with(b"HTTP/1.1 "), "{host} answered {answer:?}");
    Ok(u64::try_from(took.as_millis())?)
}
