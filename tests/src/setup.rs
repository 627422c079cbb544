//! Sets up a company as an administrator would: through the command lines of the two programs.

use std::path::Path;

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

/// Makes the site of an edge that no cloud tells one.
///
/// # Errors
/// When the command fails.
pub fn own_site(edge: &Edge) -> Result<()> {
    edge.command(&["site", "set", "--code", "F1", "--name", "Factory 1", "--zone", ZONE])?;
    Ok(())
}

/// Enrols an edge by its one-time code.
///
/// # Errors
/// When the command fails.
pub fn enrol(edge: &Edge, url: &str, organisation: &Organisation) -> Result<()> {
    enrol_with(edge, &[], url, organisation)
}

/// As [`enrol`], with more in the command's environment.
///
/// # Errors
/// When the command fails.
pub fn enrol_with(
    edge: &Edge,
    environment: &[(&str, &str)],
    url: &str,
    organisation: &Organisation,
) -> Result<()> {
    edge.command_with(environment, &["enroll", "--cloud", url, "--code", &organisation.code])?;
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
    let edge = Edge::new(&data, &product.folder.sub("logs")?, Variant::FaultPoints);
    Ok((edge, organisation))
}

/// Adds a clock that is read over TCP.
///
/// # Errors
/// When the command fails.
pub fn add_tcp(edge: &Edge, clock: &SimulatedClock) -> Result<()> {
    edge.command(&["device", "add", clock.address()?, "--name", clock.serial()])?;
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

/// People at one clock: the codes from the first on, of whom one in ten works at night (as `muster-sim` makes them).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Crew {
    /// The first person's user code and employee code.
    pub first_code: u32,
    /// How many.
    pub people: u32,
}

/// Seeds people, a day and a night shift, who works when, and a policy.
///
/// # Errors
/// When a command fails.
pub fn factory(edge: &Edge, folder: &Path, crews: &[Crew]) -> Result<()> {
    edge.command(&["department", "add", "--code", "SEW", "--name", "Sewing", "--level", "department"])?;
    edge.command(&["department", "add", "--code", "SEC", "--name", "Security", "--level", "department"])?;
    let day = ["--start", "08:00", "--end", "17:00", "--break", "13:00-14:00"];
    let night = ["--start", "20:00", "--end", "05:00", "--break", "00:30-01:30"];
    let window = ["--before", "90", "--after", "300"];
    edge.command(&[&["shift", "add", "--code", "G", "--name", "General"][..], &day, &window].concat())?;
    edge.command(&[&["shift", "add", "--code", "N", "--name", "Night"][..], &night, &window].concat())?;
    edge.command(&["roster", "set", "--company", "--shift", "G", "--from", "2026-01-01"])?;
    edge.command(&["roster", "set", "--department", "SEC", "--shift", "N", "--from", "2026-01-01"])?;
    let policy = file(folder, "policy.json", r#"{"grace":{"late_min":10,"early_min":5}}"#)?;
    edge.command(&["policy", "set", &policy, "--from", "2026-01-01", "--name", "Factory rules"])?;
    let people = file(folder, "people.csv", &people(crews))?;
    edge.command(&["employee", "import", &people])?;
    Ok(())
}

fn people(crews: &[Crew]) -> String {
    const GIVEN: [&str; 12] = [
        "Amina", "Rahim", "Salma", "Karim", "Nasrin", "Jamal", "Rokeya", "Habib", "Shirin", "Faruk", "Mitu",
        "Sohel",
    ];
    const FAMILY: [&str; 10] =
        ["Akter", "Hossain", "Begum", "Mia", "Khatun", "Uddin", "Sultana", "Islam", "Parvin", "Ahmed"];
    let mut text = "code,name,department,designation,joined\n".to_owned();
    for crew in crews {
        let nights = crew.people / 10;
        for (place, code) in (0..crew.people).zip(crew.first_code..) {
            let (department, work) =
                if place < crew.people - nights { ("SEW", "Operator") } else { ("SEC", "Guard") };
            let given = GIVEN.iter().cycle().nth(code as usize % GIVEN.len()).unwrap_or(&"");
            let family = FAMILY.iter().cycle().nth(code as usize / GIVEN.len() % FAMILY.len()).unwrap_or(&"");
            text.push_str(&format!("{code},{given} {family},{department},{work},2024-03-01\n"));
        }
    }
    text
}

fn file(folder: &Path, name: &str, text: &str) -> Result<String> {
    let path = folder.join(name);
    std::fs::write(&path, text)?;
    Ok(path.to_str().context("folders of a run have plain names")?.to_owned())
}

fn text(answer: &Value, name: &str) -> Result<String> {
    answer[name].as_str().map(str::to_owned).with_context(|| format!("no {name} in {answer}"))
}
