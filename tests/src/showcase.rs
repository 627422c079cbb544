//! A garments factory at work, for pictures: 1,200 people in eight departments, three clocks, ten days of attendance.
//!
//! ```text
//! Main gate     ZKTeco over TCP, 40-byte records; one row with an impossible date
//! Sewing floor  ZKTeco over TCP, 16-byte records; a few of its users are not in the list of people
//! Back gate     ADMS push
//! Canteen       ADMS push, and nobody has adopted it yet
//! ```
//!
//! Of the present day those punches are there which the hour allows: whoever comes for the day shift is in from nine on.

use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use chrono::{Datelike as _, Days, NaiveDate, NaiveDateTime, Timelike as _, Weekday};
use cloud_server::clock::SystemClock;
use shared_model::Clock as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpSocket;

use crate::binary::Variant::Plain;
use crate::clock::SimulatedClock;
use crate::edge::Edge;
use crate::product::Product;
use crate::setup::ZONE_MINUTES;
use crate::wait::until;

const PATIENCE: Duration = Duration::from_secs(300);

/// Users of each clock, and people in the list for each.
const USERS: u32 = 400;
/// The code of the first user of the first clock.
const FIRST_CODE: u32 = 1001;
/// Days of history.
const DAYS: u32 = 10;
/// Of each clock's users so many have not come today yet.
const AWAITED: u32 = 11;
/// So many of the last clock's users are in nobody's list.
const STRANGERS: u32 = 3;
/// So many people are in the list and come to no clock.
const MISSED: u32 = 26;

/// Serial number, name, layout of its records.
const CLOCKS: [(&str, &str, &str); 3] = [
    ("CKPG221160042", "Main gate", "40"),
    ("CKPG221160043", "Sewing floor", "16v"),
    ("BYVT203460117", "Back gate", "40"),
];

const DEPARTMENTS: [(&str, &str); 8] = [
    ("Cutting", "Cutter"),
    ("Sewing line 1", "Operator"),
    ("Sewing line 2", "Operator"),
    ("Sewing line 3", "Helper"),
    ("Sewing line 4", "Operator"),
    ("Finishing", "Ironer"),
    ("Packing", "Packer"),
    ("Quality", "Inspector"),
];

/// The local time at the factory.
#[must_use]
pub fn wall_now() -> NaiveDateTime {
    SystemClock.now().with_timezone(&chrono_tz::Asia::Dhaka).naive_local()
}

/// The newest working day that is over.
#[must_use]
pub fn finished_day() -> NaiveDate {
    let today = wall_now().date();
    let before = (2..).map_while(|days| today.checked_sub_days(Days::new(days)));
    before.into_iter().find(|day| day.weekday() != Weekday::Fri).unwrap_or(today)
}

/// Starts everything, and waits until all days are worked out.
///
/// # Errors
/// When a part does not start, or the days are not worked out in time.
pub async fn start() -> Result<Product> {
    let mut product = Product::start("pictures", Plain, Plain)?;
    people(&product)?;
    let now = wall_now();
    let from = now.date().checked_sub_days(Days::new(DAYS.into())).context("a date")?;
    let today = if now.hour() >= 9 { USERS - AWAITED } else { 0 };
    let (users, records) = (USERS.to_string(), (2 * USERS * DAYS + today).to_string());
    for ((serial, name, stride), first) in CLOCKS.into_iter().zip((FIRST_CODE..).step_by(USERS as usize)) {
        let (first, from) = (first.to_string(), from.to_string());
        let mut arguments = vec!["--stride", stride, "--users", &users, "--first-code", &first];
        arguments.extend(["--records", &records, "--from", &from, "--seed", &first]);
        arguments.extend(["--utc-offset-minutes", ZONE_MINUTES]);
        let folder = product.folder.sub("clocks")?;
        let clock = if name == "Back gate" {
            product.edge.command(&[
                "device",
                "add",
                "--transport",
                "push",
                "--serial",
                serial,
                "--name",
                name,
            ])?;
            SimulatedClock::push(serial, &product.edge.push_url()?, &folder, &arguments)?
        } else {
            if name == "Main gate" {
                arguments.extend(["--bad-date-row", "17"]);
            }
            let clock = SimulatedClock::tcp(serial, &folder, &arguments)?;
            product.edge.command(&["device", "add", clock.address()?, "--name", name])?;
            clock
        };
        product.clocks.push(clock);
    }
    product.collected(PATIENCE).await?;
    product.settled(PATIENCE).await?;
    let folder = product.folder.sub("clocks")?;
    let few = ["--users", "40", "--records", "120", "--utc-offset-minutes", ZONE_MINUTES];
    product.clocks.push(SimulatedClock::push("BYVT203460118", &product.edge.push_url()?, &folder, &few)?);
    let day = finished_day();
    until("the days to be worked out", PATIENCE, || {
        let waiting = product.edge.count("SELECT count(*) FROM recompute_queue")?;
        let open = format!("SELECT count(*) FROM attendance_day WHERE work_date = '{day}' AND provisional");
        let known = product.edge.count("SELECT count(*) FROM attendance_day")?;
        let asking = product.edge.count("SELECT count(*) FROM pending_device")?;
        let done = waiting == 0 && known > 0 && asking > 0 && product.edge.count(&open)? == 0;
        Ok(done.then_some(()))
    })?;
    Ok(product)
}

/// Adds a clock whose time is that of another zone, one row of which has no date that exists, and in whose name another
/// machine posts. Waits until all of it is known.
///
/// # Errors
/// When a part does not start, or something is not noticed in time.
pub async fn troubled_clock(edge: &Edge, folder: &Path) -> Result<SimulatedClock> {
    let serial = "CKPG221160044";
    let arguments = ["--users", "20", "--records", "60", "--bad-date-row", "3", "--utc-offset-minutes", "0"];
    let clock = SimulatedClock::tcp(serial, folder, &arguments)?;
    edge.command(&["device", "add", clock.address()?, "--name", "Side gate"])?;
    // The clock is read at 127.0.0.1; this machine has other addresses too.
    let socket = TcpSocket::new_v4()?;
    socket.bind(([127, 0, 0, 2], 0).into())?;
    let server = edge.push_url()?;
    let server = server.trim_start_matches("http://").parse()?;
    let mut line = socket.connect(server).await?;
    let hello = format!("GET /iclock/cdata?SN={serial}&options=all HTTP/1.1\r\nConnection: close\r\n\r\n");
    line.write_all(hello.as_bytes()).await?;
    let mut answer = String::new();
    line.read_to_string(&mut answer).await?;
    ensure!(answer.starts_with("HTTP/1.1 503"), "a stranger is answered {answer}");
    until("the trouble to be known", PATIENCE, || {
        let wrong =
            "SELECT count(*) FROM device_state WHERE abs(drift_seconds) > 3600 AND quarantine_rows > 0";
        let known = edge.count(wrong)? == 1 && edge.count("SELECT count(*) FROM push_disbelief")? == 1;
        Ok(known.then_some(()))
    })?;
    Ok(clock)
}

/// Shifts, rules, holidays and people, as an administrator would bring them in.
fn people(product: &Product) -> Result<()> {
    let (edge, folder) = (&product.edge, product.folder.path());
    let window = ["--before", "90", "--after", "300"];
    let day = ["--start", "08:00", "--end", "17:00", "--break", "13:00-14:00"];
    let night = ["--start", "20:00", "--end", "05:00", "--break", "00:30-01:30"];
    edge.command(&[&["shift", "add", "--code", "G", "--name", "General"][..], &day, &window].concat())?;
    edge.command(&[&["shift", "add", "--code", "N", "--name", "Night"][..], &night, &window].concat())?;
    edge.command(&["department", "add", "--code", "SEC", "--name", "Security", "--level", "department"])?;
    edge.command(&["roster", "set", "--company", "--shift", "G", "--from", "2026-01-01"])?;
    edge.command(&["roster", "set", "--department", "SEC", "--shift", "N", "--from", "2026-01-01"])?;
    let policy = write(folder, "policy.json", r#"{"grace":{"late_min":12,"early_min":5}}"#)?;
    edge.command(&["policy", "set", &policy, "--from", "2026-01-01", "--name", "Factory rules"])?;
    let year = wall_now().year();
    edge.command(&["holiday", "add", "--date", &format!("{year}-12-16"), "--name", "Victory Day"])?;
    edge.command(&["holiday", "add", "--date", &format!("{year}-12-25"), "--name", "Christmas Day"])?;
    let list = write(folder, "people.csv", &list())?;
    edge.command(&["employee", "import", &list])?;
    Ok(())
}

/// The code of the first person who comes to no clock.
fn missed_from() -> u32 {
    FIRST_CODE + USERS * u32::try_from(CLOCKS.len()).unwrap_or(0)
}

/// A list as a factory exports it from a spreadsheet.
fn list() -> String {
    const GIVEN: [&str; 23] = [
        "Amina", "Rahim", "Salma", "Karim", "Nasrin", "Jamal", "Rokeya", "Habib", "Shirin", "Faruk", "Mitu",
        "Sohel", "Taslima", "Alamgir", "Hasina", "Babul", "Rina", "Shahin", "Momena", "Delwar", "Lipi",
        "Anwar", "Parul",
    ];
    const FAMILY: [&str; 14] = [
        "Akter", "Hossain", "Begum", "Mia", "Khatun", "Uddin", "Sultana", "Islam", "Parvin", "Ahmed",
        "Rahman", "Bibi", "Sarker", "Khan",
    ];
    let mut text = "code,name,department,designation,joined\n".to_owned();
    let known = missed_from() - STRANGERS;
    for code in (FIRST_CODE..known).chain(missed_from()..missed_from() + MISSED) {
        let place = code - FIRST_CODE;
        let pick =
            |names: &[&'static str], at: u32| names.get(at as usize % names.len()).copied().unwrap_or("");
        let name =
            format!("{} {}", pick(&GIVEN, place * 7 + place / 23), pick(&FAMILY, place * 5 + place / 14));
        // The simulated clocks let the last tenth of their users work at night.
        let (department, work) = if code < known && place % USERS >= USERS - USERS / 10 {
            ("Security", "Guard")
        } else {
            DEPARTMENTS.get((place / 3) as usize % DEPARTMENTS.len()).copied().unwrap_or_default()
        };
        let joined = NaiveDate::from_ymd_opt(2019, 1, 1).unwrap_or_default() + Days::new((place * 2).into());
        let _ = writeln!(text, "{code},{name},{department},{work},{joined}");
    }
    text
}

/// Writes a file of the run and returns its path as a command takes it.
///
/// # Errors
/// When it cannot be written.
pub fn write(folder: &Path, name: &str, text: &str) -> Result<String> {
    let path = folder.join(name);
    std::fs::write(&path, text)?;
    Ok(path.to_str().context("folders of a run have plain names")?.to_owned())
}
