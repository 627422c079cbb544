//! Punches as a factory makes them, in the order of time, for benchmarks that need no clock.

use anyhow::{Context, Result};
use chrono::{DateTime, TimeDelta, Utc};
use shared_model::punch::{ClockSerial, Punch, PunchId, RawTime, Reading, Route, UserCode};

/// Workers in the made factory.
const WORKERS: u64 = 2_000;

/// The punch at a place: each worker in turn, one every second.
///
/// # Errors
/// Past the end of the calendar.
pub fn at(place: u64, serial: &ClockSerial) -> Result<Punch> {
    let user_code = UserCode::parse(&(1001 + place % WORKERS).to_string())?;
    let seconds = 1_750_000_000 + i64::try_from(place)?;
    let raw_time = RawTime::from_seconds(seconds).context("within the calendar")?;
    let instant: DateTime<Utc> = raw_time.wall().and_utc() - TimeDelta::hours(6);
    Ok(Punch {
        id: PunchId::of_clock(serial, &user_code, raw_time),
        serial: serial.clone(),
        user_code,
        raw_time,
        zone: chrono_tz::Asia::Dhaka,
        instant,
        reading: Reading { state: Some(0), verify: Some(1), work_code: "".into() },
        route: Route::Pull,
        received_at: instant,
        raw: vec![0; 40].into(),
    })
}
