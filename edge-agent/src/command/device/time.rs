//! `device time`.

use chrono::{DateTime, NaiveDateTime, Timelike as _, Utc};
use chrono_tz::Tz;
use device_protocols::zk::client::ClientError;
use serde::Serialize;
use shared_model::entity::Transport;
use shared_model::text::Code;

use super::address::Target;
use super::session::Session;
use super::{TargetArgs, ask_agent, explain};
use crate::command::context::Context;
use crate::command::exit::Exit;
use crate::control::Refusal;
use crate::control::device::{DeviceWish, FindDevice, NoteTimeSet};
use crate::control::organisation::{ListSites, SiteRow};
use crate::store::FILE;

/// A clock's time beside the true one.
#[derive(Debug, Serialize)]
struct Told {
    /// What the clock showed.
    clock: Option<NaiveDateTime>,
    /// What it said where that is no time.
    said: Option<String>,
    /// The true wall time at that moment, where the zone is known.
    expected: Option<NaiveDateTime>,
    zone: Option<Tz>,
    drift_seconds: Option<i64>,
    /// Whether it was set, and how far off it is since.
    set: bool,
    drift_after_seconds: Option<i64>,
}

/// How far off a clock is, in words.
pub(in crate::command) fn off(drift: i64) -> String {
    match drift {
        0 => "right to the second".to_owned(),
        1.. => format!("{} fast", span(drift)),
        ..0 => format!("{} slow", span(-drift)),
    }
}

fn span(seconds: i64) -> String {
    let (hours, minutes, rest) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    match (hours, minutes) {
        (0, 0) => format!("{rest} s"),
        (0, _) => format!("{minutes} min {rest} s"),
        _ => format!("{hours} h {minutes} min"),
    }
}

/// Shows a clock's time, and sets it.
pub(super) async fn time(
    context: &Context,
    target: TargetArgs,
    set: bool,
    zone: Option<Tz>,
) -> anyhow::Result<Exit> {
    if let Target::Serial(serial) = &target.target {
        let route = context.read(FindDevice { serial: serial.clone() }).await?;
        if route.supervised && route.transport == Transport::Tcp {
            let wish = if set { DeviceWish::SetTime } else { DeviceWish::Test };
            return ask_agent(context, serial.clone(), wish).await;
        }
    }
    let mut session = Session::open(context, &target).await?;
    let known = session.route.as_ref().and_then(|route| route.zone);
    let zone = match zone.or(known) {
        Some(zone) => Some(zone),
        None => site_zone(context).await?,
    };
    if set && zone.is_none() {
        let message = "in which zone is the clock? Give --zone, such as --zone Asia/Dhaka";
        return Err(Refusal::refused(message).into());
    }
    let address = session.address;
    let trouble = |error: ClientError| explain::trouble(address, &error);
    let (mut told, _) = read(context, &mut session, zone).await.map_err(trouble)?;
    if let (true, Some(zone)) = (set, zone) {
        session.client.set_time(wall(context.clock.now(), zone)).await.map_err(trouble)?;
        let (after, _) = read(context, &mut session, Some(zone)).await.map_err(trouble)?;
        told.set = true;
        told.drift_after_seconds = after.drift_seconds;
    }
    session.close().await;
    if let (true, Target::Serial(serial)) = (told.set, &target.target) {
        context.write(NoteTimeSet { serial: serial.clone(), drift_seconds: told.drift_seconds }).await?;
    }
    context.output.answer(&told, || told.text())?;
    Ok(Exit::Done)
}

fn wall(now: DateTime<Utc>, zone: Tz) -> NaiveDateTime {
    now.with_timezone(&zone).naive_local()
}

/// What the clock shows, by our time in the middle of asking.
async fn read(
    context: &Context,
    session: &mut Session,
    zone: Option<Tz>,
) -> Result<(Told, DateTime<Utc>), ClientError> {
    let asked = context.clock.now();
    let said = session.client.time().await?;
    let answered = context.clock.now();
    let middle = asked + (answered - asked) / 2;
    let expected = zone.map(|zone| wall(middle, zone).with_nanosecond(0).unwrap_or_default());
    let (clock, said) = match said {
        Ok(clock) => (Some(clock), None),
        Err(bad) => (None, Some(bad.said().to_owned())),
    };
    let drift_seconds = clock.zip(expected).map(|(clock, expected)| (clock - expected).num_seconds());
    Ok((Told { clock, said, expected, zone, drift_seconds, set: false, drift_after_seconds: None }, answered))
}

/// What a clock showed, and when by our time.
pub(super) struct Shows {
    pub(super) wall: NaiveDateTime,
    pub(super) at: DateTime<Utc>,
}

/// How far off a clock of a zone is that showed this.
pub(super) fn drift(shows: &Shows, zone: Tz) -> Option<i64> {
    let expected = wall(shows.at, zone).with_nanosecond(0)?;
    Some((shows.wall - expected).num_seconds())
}

/// The zone of this agent's site.
pub(super) async fn site_zone(context: &Context) -> anyhow::Result<Option<Tz>> {
    zone_of_site(context, None).await
}

/// The zone of a site, of this agent's where none is named; where there is an agent.
pub(super) async fn zone_of_site(context: &Context, code: Option<&Code>) -> anyhow::Result<Option<Tz>> {
    if !context.data.join(FILE).exists() {
        return Ok(None);
    }
    let sites = context.read(ListSites {}).await?;
    let meant = |site: &SiteRow| code.map_or(site.own, |code| site.code == *code);
    Ok(sites.into_iter().find(meant).map(|site| site.zone))
}

impl Told {
    fn text(&self) -> String {
        let clock = match (&self.clock, &self.said) {
            (Some(clock), _) => format!("The clock shows {clock}"),
            (None, said) => {
                format!("The clock shows {}, which is no time", said.as_deref().unwrap_or("nothing"))
            }
        };
        let off = match (self.drift_seconds, self.zone) {
            (Some(drift), Some(zone)) => format!(": {} ({zone}).", off(drift)),
            _ => ".".to_owned(),
        };
        let set = match (self.set, self.drift_after_seconds) {
            (true, Some(drift)) => format!(" It was set and is now {}.", self::off(drift)),
            (true, None) => " It was set.".to_owned(),
            (false, _) => String::new(),
        };
        format!("{clock}{off}{set}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_far_off_is_told_in_words() {
        let told: Vec<String> = [0, 5, -65, 7_260].into_iter().map(off).collect();
        assert_eq!(told, ["right to the second", "5 s fast", "1 min 5 s slow", "2 h 1 min fast"]);
    }
}
