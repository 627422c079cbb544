//! Phone punches: what waits, and deciding it at the console by a person's own password.

use std::sync::Arc;

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};
use shared_model::PhonePunchId;
use shared_model::entity::{PhoneDirection, RequestState};
use shared_model::text::Line;
use web_kit::password::Passwords;

use super::hidden::Hidden;
use super::{Act, Agent, Progress, Refusal};
use crate::store::{Author, Lease, ListedPunch, Via};

/// How long a decision is listed.
const DECIDED_SHOWN: TimeDelta = TimeDelta::days(7);

/// Lists the phone punches that wait, and those decided lately.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListApprovals {}

/// Decides phone punches.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DecideApprovals {
    /// Which.
    pub ids: Vec<PhonePunchId>,
    /// For or against.
    pub approve: bool,
    /// Why.
    pub reason: Option<Line>,
    /// The address under which the person signs in who decides.
    pub person: String,
    /// That person's password.
    pub password: Hidden,
}

/// A phone punch in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApprovalRow {
    /// Its id.
    pub id: PhonePunchId,
    /// The number on the person's card.
    pub code: String,
    /// What the person is called.
    pub name: String,
    /// When, at the site's wall time.
    pub time: String,
    /// In or out.
    pub direction: PhoneDirection,
    /// Metres from the centre of the allowed place.
    pub distance_m: Option<u32>,
    /// Whether that is within it.
    pub inside: Option<bool>,
    /// How exact the place is, metres.
    pub accuracy_m: Option<i64>,
    /// The phone.
    pub phone: String,
    /// How long the phone kept it, seconds.
    pub offline_s: i64,
    /// Approved and rejected in the thirty days before.
    pub history: (i64, i64),
    /// Where it stands.
    pub state: RequestState,
    /// What became of the decision made here: decided_here, confirmed, overruled or refused.
    pub decision: Option<String>,
    /// Who made it.
    pub decided_by: Option<String>,
    /// Why the cloud refused it.
    pub refused: Option<String>,
}

/// What became of one that was to be decided.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decided {
    /// Which.
    pub id: PhonePunchId,
    /// Why it was not decided.
    pub refused: Option<String>,
}

impl From<ListedPunch> for ApprovalRow {
    fn from(listed: ListedPunch) -> Self {
        let ListedPunch { id, punch, employee, distance_m, history, decided } = listed;
        let zone: chrono_tz::Tz = punch.zone.as_str().parse().unwrap_or(chrono_tz::UTC);
        let refused = decided.as_ref().and_then(|own| match &own.standing {
            crate::store::Standing::Refused { code } => Some(code.clone()),
            crate::store::Standing::Here
            | crate::store::Standing::Confirmed
            | crate::store::Standing::Overruled => None,
        });
        Self {
            id,
            code: employee.as_ref().map(|person| person.code.to_string()).unwrap_or_default(),
            name: employee.as_ref().map(|person| person.name.to_string()).unwrap_or_default(),
            time: punch.instant.with_timezone(&zone).format("%Y-%m-%d %H:%M:%S").to_string(),
            direction: punch.direction,
            distance_m: distance_m.map(|(distance, _)| distance),
            inside: distance_m.map(|(distance, radius)| distance <= radius),
            accuracy_m: punch.accuracy_m,
            phone: punch.phone.to_string(),
            offline_s: punch.offline_s,
            history,
            state: punch.state,
            decision: decided.as_ref().map(|own| own.standing.as_str().to_owned()),
            decided_by: decided.map(|own| own.name),
            refused,
        }
    }
}

impl Act for ListApprovals {
    async fn act(self, agent: &Agent, _: &Progress) -> Result<Vec<ApprovalRow>, Refusal> {
        let since = agent.clock.now() - DECIDED_SHOWN;
        agent
            .read(move |tx| {
                let mut rows = tx.waiting_phone_punches()?;
                rows.extend(tx.decided_phone_punches(since)?);
                Ok(rows.into_iter().map(ApprovalRow::from).collect())
            })
            .await
    }
}

impl Act for DecideApprovals {
    async fn act(self, agent: &Agent, _: &Progress) -> Result<Vec<Decided>, Refusal> {
        let author = self.author(agent).await?;
        let mut decided = Vec::with_capacity(self.ids.len());
        // One transaction each: what a transaction holds is taken or refused by the cloud as a whole.
        for id in self.ids {
            let (approve, reason) = (self.approve, self.reason.clone());
            let outcome =
                agent.store.write(move |tx| tx.decide_phone_punch(&author, id, approve, reason)).await?;
            decided.push(Decided { id, refused: outcome.err().map(|error| error.to_string()) });
        }
        Ok(decided)
    }
}

impl DecideApprovals {
    /// The person, when the password is right: whoever has the console decides nothing by that alone.
    async fn author(&self, agent: &Agent) -> Result<Author, Refusal> {
        let (name, now) = (self.person.clone(), agent.clock.now());
        let found = agent.read(move |tx| {
            let Some(user) = tx.local_user_named(&name)? else { return Ok(None) };
            let lease = tx.lease_of(user.id, now)?;
            Ok(Some((user, lease)))
        });
        let found = found.await?.filter(|(user, lease)| user.active && *lease == Lease::Full);
        let stored = found.as_ref().map(|(user, _)| user.password_hash.as_str());
        let mut random = [0; 48];
        Arc::clone(&agent.entropy).fill(&mut random);
        let (salt, secret) = random.split_at(16);
        let failed = |error: web_kit::password::PasswordError| Refusal::failed(error.to_string());
        let passwords =
            Passwords::new(salt.try_into().unwrap_or_default(), secret.try_into().unwrap_or_default())
                .map_err(failed)?;
        let right = passwords.verify(self.password.reveal(), stored).await.map_err(failed)?;
        match found {
            Some((user, _)) if right => Ok(Author { actor: user.id.into(), via: Via::Console }),
            Some(_) | None => {
                Err(Refusal::refused("no account with this name and password decides at this agent"))
            }
        }
    }
}
