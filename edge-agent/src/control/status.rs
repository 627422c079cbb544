//! The whole agent at a glance, and what a doctor needs to know of its database.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use shared_model::entity::{Company, Device, DeviceState, Site};

use super::device::is_wrong;
use super::{Act, Agent, Progress, Refusal};
use crate::reserve;
use crate::store::{Health, LedgerTotals, Link, Meta, StoreError, Unfinished};
use crate::sync::status::SyncStatus;

/// Asks for the whole agent at a glance.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentState {}

/// The whole agent at a glance.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AgentReport {
    /// Whether an agent runs; otherwise a command has looked into the store.
    pub running: bool,
    /// The program's version.
    pub version: String,
    /// The company's name.
    pub company: Option<String>,
    /// This agent's site.
    pub site: Option<String>,
    /// The zone of its wall time now.
    pub zone: Option<String>,
    /// People who work here now.
    pub people: u32,
    /// Accounts that may sign in on the pages.
    pub accounts: usize,
    /// The clocks.
    pub clocks: ClockCounts,
    /// What they delivered.
    pub ledger: LedgerTotals,
    /// What of attendance is not final.
    pub attendance: Unfinished,
    /// How things stand with the cloud.
    pub sync: SyncStatus,
    /// Bytes of the database.
    pub database_bytes: i64,
    /// Whether the disk is full: then what clocks bring is refused, and they keep it.
    pub disk_full: bool,
}

/// How many clocks there are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClockCounts {
    /// At work.
    pub active: u32,
    /// Of them, that answered last time.
    pub online: u32,
    /// Of them, that did not, want another key, or are another clock.
    pub trouble: u32,
    /// That wait for adoption.
    pub waiting: u32,
    /// Of those at work, with a time so wrong that the time of each punch is in doubt.
    pub wrong_time: u32,
    /// Of those at work, in whose name something came that was not believed.
    pub disbelieved: u32,
}

/// Asks for a look through the whole database.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Examine {}

/// What the look found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Examined {
    /// The database.
    pub health: Health,
    /// Milliseconds to add to this machine's clock to get the cloud's time.
    pub cloud_offset_ms: Option<i64>,
    /// Codes that punched lately and belong to nobody.
    pub unknown_codes: Vec<String>,
}

impl Act for AgentState {
    async fn act(self, agent: &Agent, _: &Progress) -> Result<AgentReport, Refusal> {
        let (running, now) = (agent.fleet.is_some(), agent.clock.now());
        let disk_full = reserve::is_spent(&agent.folder);
        agent
            .read(move |tx| {
                let site = tx.site_head()?;
                let company = tx.records::<Company>()?.into_iter().next();
                Ok(AgentReport {
                    running,
                    version: env!("CARGO_PKG_VERSION").to_owned(),
                    company: company.map(|company| company.record.name.to_string()),
                    zone: site
                        .as_ref()
                        .map(|site| site.zones.zone_on(now.naive_utc().date()).name().to_owned()),
                    site: match &site {
                        Some(head) => tx.record::<Site>(head.id)?.map(|site| site.record.name.to_string()),
                        None => None,
                    },
                    people: tx.people_counts()?.0,
                    accounts: tx.local_users()?.iter().filter(|user| user.active).count(),
                    clocks: clocks(tx, now)?,
                    ledger: tx.ledger_totals()?,
                    attendance: tx.unfinished()?,
                    sync: tx.sync_status()?,
                    database_bytes: tx.file_bytes()?,
                    disk_full,
                })
            })
            .await
    }
}

fn clocks(tx: &crate::store::ReadTx, now: DateTime<Utc>) -> Result<ClockCounts, StoreError> {
    let mut counts = ClockCounts::default();
    let waiting = tx.pending_devices()?.len();
    counts.waiting = u32::try_from(waiting).unwrap_or(u32::MAX);
    for device in tx.devices()? {
        let record: &Device = &device.device.record;
        if record.state != DeviceState::Active {
            continue;
        }
        counts.active += 1;
        counts.disbelieved += u32::from(tx.disbelief(&record.serial, now)?.is_some());
        let drift = device.state.as_ref().and_then(|state| state.drift_seconds);
        counts.wrong_time += u32::from(drift.is_some_and(is_wrong));
        match device.state.map(|state| state.link).unwrap_or_default() {
            Link::Online => counts.online += 1,
            Link::Offline | Link::WrongClock | Link::WrongKey => counts.trouble += 1,
            Link::Unknown => {}
        }
    }
    Ok(counts)
}

impl Act for Examine {
    async fn act(self, agent: &Agent, progress: &Progress) -> Result<Examined, Refusal> {
        let now = agent.clock.now();
        progress.tell("the database", 0, None);
        agent
            .read(move |tx| {
                let codes = tx.unknown_codes(now)?.into_iter().map(|unknown| unknown.code).collect();
                Ok(Examined {
                    health: tx.health()?,
                    cloud_offset_ms: tx.meta(Meta::CLOUD_OFFSET_MS)?,
                    unknown_codes: codes,
                })
            })
            .await
    }
}
