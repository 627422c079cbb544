//! What the clock at an address says of itself.

use chrono::NaiveDateTime;
use device_protocols::zk::client::ClientError;
use device_protocols::zk::option::ClockInfo;
use serde::Serialize;
use shared_model::ClockSerial;
use shared_model::text::HostAddress;

use super::alarm::OFF;
use super::session::{Session, connect};
use super::time::{Shows, drift, off, site_zone};
use super::{TargetArgs, explain};
use crate::command::context::Context;
use crate::command::exit::Exit;
use crate::control::Refusal;
use crate::control::device::is_wrong;

/// A clock's own words.
#[derive(Debug, Serialize)]
struct Said {
    address: String,
    serial: Option<String>,
    model: Option<String>,
    vendor: Option<String>,
    platform: Option<String>,
    firmware: Option<String>,
    mac: Option<String>,
    users: Option<u32>,
    user_capacity: Option<u32>,
    records: Option<u32>,
    record_capacity: Option<u32>,
    /// Its wall time.
    time: Option<NaiveDateTime>,
    /// How far off that is, seconds, where its zone is known.
    drift_seconds: Option<i64>,
    /// What it said in place of a time that exists.
    said: Option<String>,
    /// Minutes within which the clock drops a second punch of the same person.
    repeat_window: Option<String>,
    options: Vec<(String, String)>,
    /// What was noticed that should not be.
    remarks: Vec<String>,
}

/// `device info ADDRESS`.
pub(super) async fn info(context: &Context, target: &TargetArgs) -> anyhow::Result<Exit> {
    let said = ask(context, target).await?;
    context.output.answer(&said, || said.text())?;
    Ok(Exit::Done)
}

/// `device test`.
pub(super) async fn test(context: &Context, target: &TargetArgs) -> anyhow::Result<Exit> {
    let said = ask(context, target).await?;
    context.output.answer(&said, || {
        let mut text = format!("The clock at {} answers.\n{}", said.address, said.text());
        if said.serial.is_none() {
            text.push_str("\nIt tells no serial number: add it with --serial.");
        }
        text
    })?;
    Ok(Exit::Done)
}

/// Serial number, model and firmware of the clock at an address, and what time it shows.
pub(super) async fn who(
    context: &Context,
    address: &HostAddress,
    key: Option<u32>,
) -> anyhow::Result<(ClockSerial, Option<String>, Option<String>, Option<Shows>)> {
    let key = key.map(|key| key.to_string());
    let (socket, mut client) = connect(context, address, key.as_deref()).await?;
    let info = client.info().await.map_err(|error| explain::trouble(socket, &error))?;
    // A clock without a readable time can be added; the agent tells of it.
    let said = client.time().await.ok().and_then(Result::ok);
    let shows = said.map(|wall| Shows { wall, at: context.clock.now() });
    let _ = client.close().await;
    let serial = info.serial.as_deref().and_then(|serial| ClockSerial::parse(serial).ok());
    let serial = serial.ok_or_else(|| {
        Refusal::refused("the clock tells no usable serial number: give the one on its label with --serial")
    })?;
    Ok((serial, info.model, info.firmware, shows))
}

async fn ask(context: &Context, target: &TargetArgs) -> anyhow::Result<Said> {
    let mut session = Session::open(context, target).await?;
    let trouble = |error: ClientError| explain::trouble(session.address, &error);
    let info = session.client.info().await.map_err(trouble)?;
    let time = session.client.time().await.map_err(trouble)?;
    let shows = time.as_ref().ok().map(|wall| Shows { wall: *wall, at: context.clock.now() });
    let known = session.route.as_ref().and_then(|route| route.zone);
    let zone = if known.is_some() { known } else { site_zone(context).await? };
    let odd = session.client.oddities();
    let mut remarks = Vec::new();
    let mut remark = |count: u64, text: &str| {
        if count > 0 {
            remarks.push(format!("{count} {text}"));
        }
    };
    remark(
        odd.foreign_sessions,
        "replies of another session: some other program talks to this clock at the same time",
    );
    remark(odd.strays, "replies that belonged to no request");
    remark(odd.checksums, "packets with a wrong checksum: look at cable and switch");
    let address = session.address;
    session.close().await;
    let ClockInfo { serial, firmware, model, platform, mac, vendor, repeat_window, options, sizes } = info;
    Ok(Said {
        address: address.to_string(),
        serial,
        model,
        vendor,
        platform,
        firmware,
        mac,
        users: sizes.users,
        user_capacity: sizes.user_capacity,
        records: sizes.records,
        record_capacity: sizes.record_capacity,
        said: time.as_ref().err().map(|bad| bad.said().to_owned()),
        time: time.ok(),
        drift_seconds: shows.zip(zone).and_then(|(shows, zone)| drift(&shows, zone)),
        repeat_window,
        options,
        remarks,
    })
}

impl Said {
    fn text(&self) -> String {
        let mut lines = Vec::new();
        let mut line = |name: &str, value: Option<String>| {
            if let Some(value) = value {
                lines.push(format!("{name:<16}{value}"));
            }
        };
        let of = |count: Option<u32>, capacity: Option<u32>| match (count, capacity) {
            (Some(count), Some(capacity)) => Some(format!("{count} of {capacity}")),
            (Some(count), None) => Some(count.to_string()),
            (None, _) => None,
        };
        line("Serial number", self.serial.clone());
        line("Model", self.model.clone());
        line("Brand", self.vendor.clone());
        line("Platform", self.platform.clone());
        line("Firmware", self.firmware.clone());
        line("MAC", self.mac.clone());
        line("Users", of(self.users, self.user_capacity));
        line("Log", of(self.records, self.record_capacity));
        let off = self.drift_seconds.map(|drift| format!(", {}", off(drift))).unwrap_or_default();
        line("Its time", self.time.map(|time| format!("{time}{off}")));
        line("", self.drift_seconds.filter(|drift| is_wrong(*drift)).map(|_| OFF.to_owned()));
        let set = "no such time: set it with `device time --set`";
        line("Its time", self.said.as_ref().map(|said| format!("{said} ({set})")));
        let dropped = self.repeat_window.as_deref().filter(|window| *window != "0");
        line(
            "Drops repeats",
            dropped.map(|window| format!("within {window} minutes: such punches are in no log")),
        );
        for remark in &self.remarks {
            line("Noticed", Some(remark.clone()));
        }
        lines.join("\n")
    }
}
