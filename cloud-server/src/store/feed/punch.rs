//! Punches on their way down.

use chrono::{DateTime, NaiveDateTime, Utc};
use shared_model::punch::Reading;
use shared_model::{ClockSerial, Punch, PunchId, RawTime, Route, UserCode};
use uuid::Uuid;

use super::super::StoreError;

/// The columns of [`Row`], of `ledger l`. The raw bytes stay where they were received.
pub(super) const COLUMNS: &str = "l.punch_id, l.serial, l.user_code, l.raw_time, l.zone, l.instant, l.state, l.verify, \
     l.work_code, l.route, l.received_at";

/// A row of the ledger.
#[derive(Debug, sqlx::FromRow)]
pub(super) struct Row {
    punch_id: Uuid,
    serial: String,
    user_code: String,
    raw_time: NaiveDateTime,
    zone: String,
    instant: DateTime<Utc>,
    state: Option<i16>,
    verify: Option<i16>,
    work_code: String,
    route: i16,
    received_at: DateTime<Utc>,
}

impl Row {
    pub(super) fn read(self) -> Result<Punch, StoreError> {
        let id = self.punch_id;
        let bad = |cause: String| StoreError::Corrupt { table: "ledger", id: id.to_string(), cause };
        let route = u8::try_from(self.route).ok().and_then(Route::from_number);
        let number = |value: Option<i16>| value.and_then(|value| u8::try_from(value).ok());
        Ok(Punch {
            id: PunchId::from_uuid(id),
            serial: ClockSerial::parse(&self.serial).map_err(|e| bad(e.to_string()))?,
            user_code: UserCode::parse(&self.user_code).map_err(|e| bad(e.to_string()))?,
            raw_time: RawTime::new(self.raw_time),
            zone: self.zone.parse().map_err(|_| bad(format!("the zone {:?} is unknown", self.zone)))?,
            instant: self.instant,
            reading: Reading {
                state: number(self.state),
                verify: number(self.verify),
                work_code: self.work_code.into(),
            },
            route: route.ok_or_else(|| bad(format!("the route {} is unknown", self.route)))?,
            received_at: self.received_at,
            raw: Box::default(),
        })
    }
}
