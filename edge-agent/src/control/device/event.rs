//! What was done at a clock itself.

use serde::{Deserialize, Serialize};
use shared_model::ClockSerial;

use super::super::find::Records as _;
use super::super::{Act, Agent, Progress, Refusal};
use super::DeviceRow;
use crate::store::{ClockEvent, DeviceCommand};

/// The most that is listed at once.
const MOST: u32 = 10_000;

/// Lists what was done at a clock, the newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListClockEvents {
    /// Its serial number.
    pub serial: ClockSerial,
    /// How much of it.
    pub limit: u32,
}

/// What was done at a clock.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ClockEventList(pub Vec<ClockEvent>);

/// A clock with what it was asked to do and what was done at it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceDetail {
    /// The clock.
    #[serde(flatten)]
    pub device: DeviceRow,
    /// What it was asked to do when it comes by, the newest first (clocks that post).
    pub commands: Vec<DeviceCommand>,
    /// What was done at it, the newest first.
    pub events: Vec<ClockEvent>,
}

impl Act for ListClockEvents {
    async fn act(self, agent: &Agent, _: &Progress) -> Result<ClockEventList, Refusal> {
        agent
            .read(move |tx| {
                tx.device(&self.serial)?;
                Ok(ClockEventList(tx.clock_events(&self.serial, self.limit.min(MOST))?))
            })
            .await
    }
}
