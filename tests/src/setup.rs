//! Sets up a company as an administrator would: through the command lines of the two programs.

use anyhow::{Context, Result};
use serde_json::Value;

use crate::binary::Variant;
use crate::clock::SimulatedClock;
use crate::cloud::Cloud;
use crate::edge::Edge;
use crate::product::Product;

/// The zone of the demonstration site, and its minutes east of UTC (it has no summer time).
pub const ZONE: &str = "Asia/Dhaka";
/// Minutes east of UTC in [`ZONE`], as a clock there shows them.
pub const ZONE_MINUTES: &str = "360";

/// A company in the cloud, and the code by which one edge joins it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Organisation {
    /// The company's id.
    pub company: String,
    /// The site's id.
    pub site: String,
    /// The one-time code.
    pub code: String,
}

/// Makes a company with one site and a code for one edge.
///
/// # Errors
/// When a command fails.
pub fn organisation(cloud: &mut Cloud) -> Result<Organisation> {
    let company = text(&cloud.command(&["company", "add", "--name", "Karnaphuli Garments"])?, "company")?;
    let site = text(
        &cloud.command(&[
            "site",
            "add",
            "--company",
            &company,
            "--name",
            "Factory 1",
            "--code",
            "F1",
            "--zone",
            ZONE,
        ])?,
        "site",
    )?;
    let code = text(&cloud.command(&["edge", "add", "--company", &company, "--site", &site])?, "code")?;
    Ok(Organisation { company, site, code })
}

/// Enrols an edge by its one-time code.
///
/// # Errors
/// When the command fails.
pub fn enrol(edge: &Edge, url: &str, organisation: &Organisation) -> Result<()> {
    edge.command(&["enroll", "--cloud", url, "--code", &organisation.code])?;
    Ok(())
}

/// An edge that was never enrolled, and a code for it.
///
/// # Errors
/// When a command fails.
pub fn second_edge(product: &Product) -> Result<(Edge, Organisation)> {
    let Organisation { company, site, .. } = &product.organisation;
    let code = text(&product.cloud.command(&["edge", "add", "--company", company, "--site", site])?, "code")?;
    let organisation = Organisation { code, ..product.organisation.clone() };
    let data = product.folder.sub(&format!("edge-{}", &organisation.code))?;
    let edge = Edge::new(&data, &product.folder.sub("logs")?, Variant::Plain);
    Ok((edge, organisation))
}

/// Adds a clock that is read over TCP.
///
/// # Errors
/// When the command fails.
pub fn add_tcp(edge: &Edge, clock: &SimulatedClock) -> Result<()> {
    edge.command(&[
        "device",
        "add",
        "--transport",
        "tcp",
        "--address",
        clock.address()?,
        "--name",
        clock.serial(),
    ])?;
    Ok(())
}

/// Adopts a clock that posts.
///
/// # Errors
/// When the command fails.
pub fn add_push(edge: &Edge, serial: &str) -> Result<()> {
    edge.command(&["device", "add", "--transport", "push", "--serial", serial, "--name", serial])?;
    Ok(())
}

fn text(answer: &Value, name: &str) -> Result<String> {
    answer[name].as_str().map(str::to_owned).with_context(|| format!("no {name} in {answer}"))
}

/// Seeds people, a day and a night shift, who works when, and a policy.
///
/// # Errors
/// When a command fails.
pub fn factory(_edge: &Edge, _organisation: &Organisation, _first_code: u32, _people: u32) -> Result<()> {
    anyhow::bail!("the agent has no commands for these yet")
}
