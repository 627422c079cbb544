//! Punches made on phones: made here, held until somebody with the right decides, then in the ledger.
//!
//! ```text
//! a phone sends it        record of kind 17, pending, at the next place of the feed: one transaction
//! decided on a page here  judged, then a change of the cloud's own
//! decided at an edge      judged when it is admitted; a refused one goes to quarantine and the punch stays pending
//! approved                the transaction that stores the decision also enters the punch into the ledger and the feed
//! ```

mod approval;
mod waiting;

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use chrono::{DateTime, SubsecRound as _, Utc};
use shared_model::entity::{Employee, Entity as _, PhoneDirection, PhonePunch, RequestState, Site};
use shared_model::text::{Code, Line};
use shared_model::{EmployeeId, Kind, PhonePunchId, UserId};
use sync_protocol::authority::{Decision, Grant, Known, Refusal, Standing, Subject, verify};
use sync_protocol::cloud::Poison;
use sync_protocol::{Change, Op, Record};
use uuid::Uuid;

use super::audit::Author;
use super::mobile::MobileSession;
use super::own_change::{self, OwnChangeError};
use super::{StoreError, TenantTx, bundle, grant, record};

use waiting::out_of_use;

pub(super) use approval::entered;
pub use waiting::{SecondLook, Waiting, decided, second_looks, waiting};

/// What a phone tells of a punch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// The app's own id of it.
    pub client_id: Uuid,
    /// When the person punched.
    pub at: DateTime<Utc>,
    /// In or out.
    pub direction: PhoneDirection,
    /// Degrees north times 10^7.
    pub latitude_e7: i64,
    /// Degrees east times 10^7.
    pub longitude_e7: i64,
    /// How far off that may be, metres.
    pub accuracy_m: i64,
    /// How long the phone kept it, seconds.
    pub offline_s: i64,
}

/// A phone punch that is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kept {
    /// Its id.
    pub id: PhonePunchId,
    /// Where it stands.
    pub state: RequestState,
    /// Whether it was there already.
    pub repeated: bool,
}

/// Why a phone punch was not taken.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// The person is no employee any more, or his record is not whole.
    #[error("the person does not work here")]
    NotEmployed,
    /// Another punch was sent under the same client id.
    #[error("another punch was sent under this id")]
    OtherContent,
    /// The database's, or a field that cannot be.
    #[error(transparent)]
    Write(#[from] OwnChangeError),
}

impl From<StoreError> for Refused {
    fn from(error: StoreError) -> Self {
        Self::Write(error.into())
    }
}

/// Keeps a punch that a phone sent, pending. Sent again under the same client id, it is the same punch.
///
/// # Errors
/// [`Refused`]; nothing is written then.
pub async fn keep(
    tx: &mut TenantTx,
    session: &MobileSession,
    id: PhonePunchId,
    told: &Told,
    author: Author,
) -> Result<Kept, Refused> {
    let at = told.at.trunc_subsecs(0);
    if let Some((id, there)) = by_client_id(tx, session.employee, told.client_id).await? {
        // How long the phone kept it grows until it is told that the punch is here.
        let place = (there.latitude_e7, there.longitude_e7, there.accuracy_m);
        let same = (there.instant, there.direction) == (at, told.direction)
            && place == (Some(told.latitude_e7), Some(told.longitude_e7), Some(told.accuracy_m));
        return if same {
            Ok(Kept { id, state: there.state, repeated: true })
        } else {
            Err(Refused::OtherContent)
        };
    }
    let employee = record::one(tx, Kind::Employee, session.employee.uuid()).await?;
    let employee = employee.filter(|record| record.deleted.is_none());
    let employee = employee.and_then(|record| Employee::from_fields(&record.fields).ok());
    let employee = employee.filter(|employee| employee.active).ok_or(Refused::NotEmployed)?;
    let site = record::one(tx, Kind::Site, employee.site.uuid()).await?;
    let site = site.and_then(|record| Site::from_fields(&record.fields).ok()).ok_or(Refused::NotEmployed)?;
    let zone = site.zones.zone_on(at.date_naive());
    let punch = PhonePunch {
        employee: session.employee,
        site: employee.site,
        department: employee.department,
        instant: at,
        zone: Code::parse(zone.name()).map_err(|_| Refused::NotEmployed)?,
        direction: told.direction,
        latitude_e7: Some(told.latitude_e7),
        longitude_e7: Some(told.longitude_e7),
        accuracy_m: Some(told.accuracy_m),
        phone: session.phone.clone(),
        client_id: told.client_id,
        offline_s: told.offline_s,
        received_at: author.at.trunc_subsecs(3),
        state: RequestState::Pending,
        decided_by: None,
        decided_at: None,
        epoch: None,
        bundle_at: None,
        reason: None,
    };
    own_change::create(tx, id.uuid(), &punch, author).await?;
    Ok(Kept { id, state: RequestState::Pending, repeated: false })
}

async fn by_client_id(
    tx: &mut TenantTx,
    employee: EmployeeId,
    client_id: Uuid,
) -> Result<Option<(PhonePunchId, PhonePunch)>, StoreError> {
    let key: Option<Uuid> = sqlx::query_scalar(
        "SELECT key FROM rec_phone_punch WHERE company_id = $1 AND employee = $2 AND client_id = $3",
    )
    .bind(tx.company())
    .bind(employee)
    .bind(client_id)
    .fetch_optional(tx.connection())
    .await?;
    let Some(key) = key else { return Ok(None) };
    Ok(one(tx, PhonePunchId::from_uuid(key)).await?.map(|(punch, _)| (PhonePunchId::from_uuid(key), punch)))
}

/// A phone punch with its record.
async fn one(tx: &mut TenantTx, id: PhonePunchId) -> Result<Option<(PhonePunch, Record)>, StoreError> {
    let Some(record) = record::one(tx, Kind::PhonePunch, id.uuid()).await? else { return Ok(None) };
    let punch = PhonePunch::from_fields(&record.fields).map_err(|e| StoreError::Corrupt {
        table: "rec_phone_punch",
        id: id.to_string(),
        cause: e.to_string(),
    })?;
    Ok(Some((punch, record)))
}

fn subject(punch: &PhonePunch) -> Subject {
    Subject { employee: punch.employee, site: punch.site, department: punch.department }
}

/// What the cloud knows of those who decide, read once a person.
#[derive(Default)]
struct People {
    known: BTreeMap<UserId, (Option<Standing>, Vec<Grant>)>,
}

impl People {
    async fn of(
        &mut self,
        tx: &mut TenantTx,
        person: UserId,
    ) -> Result<&(Option<Standing>, Vec<Grant>), StoreError> {
        match self.known.entry(person) {
            Entry::Occupied(known) => Ok(known.into_mut()),
            Entry::Vacant(place) => {
                let found = (grant::standing(tx, person).await?, grant::of_person(tx, person).await?);
                Ok(place.insert(found))
            }
        }
    }
}

/// Judges the decisions about phone punches among an edge's changes; `answers` are those of the judges before.
pub(super) async fn judge(
    tx: &mut TenantTx,
    changes: &[&Change],
    answers: &mut [Result<(), Poison>],
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let mut people = People::default();
    for (change, answer) in changes.iter().zip(answers) {
        let decides = change.known_kind() == Some(Kind::PhonePunch) && change.op == Op::Decide;
        if !decides || answer.is_err() {
            continue;
        }
        let Some(decision) = Decision::of(&change.fields) else {
            let detail = "a decision names its author, its time and its epoch".to_owned();
            *answer = Err(Poison { code: "authority", detail });
            continue;
        };
        // One about a punch that is not there is an orphan, which merging finds.
        let Some((punch, _)) = one(tx, PhonePunchId::from_uuid(change.key)).await? else { continue };
        let epoch = match decision.bundle_at {
            Some(at) => bundle::epoch_at(tx, at).await?,
            // An edge always decides by a bundle.
            None => {
                *answer = Err(Refusal::Lease.into());
                continue;
            }
        };
        let (standing, grants) = people.of(tx, decision.by).await?;
        let known = Known { standing: standing.as_ref(), grants, epoch, now };
        *answer = verify(&decision, change.actor, &subject(&punch), &known).map_err(Poison::from);
        if answer.is_ok() && decision.approve && !out_of_use(tx, &[change.key]).await?.is_empty() {
            let detail = NotDecided::OutOfUse.to_string();
            *answer = Err(Poison { code: Refusal::SecondLook.code(), detail });
        }
    }
    Ok(())
}

/// Why a decision on a page was not taken.
#[derive(Debug, thiserror::Error)]
pub enum NotDecided {
    /// There is no such phone punch.
    #[error("there is no such phone punch")]
    NotFound,
    /// Somebody has decided it.
    #[error("it was {} already", .0.as_str())]
    Already(RequestState),
    /// The time would go to a record that nobody uses.
    #[error(
        "the person's record is out of use: bring it back into use, or reject the punch and enter the time for the record in use"
    )]
    OutOfUse,
    /// The person may not.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The database's.
    #[error(transparent)]
    Write(#[from] OwnChangeError),
}

impl From<StoreError> for NotDecided {
    fn from(error: StoreError) -> Self {
        Self::Write(error.into())
    }
}

/// Decides a phone punch as `person`, on a page of the cloud.
///
/// # Errors
/// [`NotDecided`]; nothing is written then.
pub async fn decide(
    tx: &mut TenantTx,
    id: PhonePunchId,
    approve: bool,
    reason: Option<Line>,
    person: UserId,
    author: Author,
) -> Result<(), NotDecided> {
    let (punch, record) = one(tx, id).await?.ok_or(NotDecided::NotFound)?;
    if record.deleted.is_some() {
        return Err(NotDecided::NotFound);
    }
    if punch.state != RequestState::Pending {
        return Err(NotDecided::Already(punch.state));
    }
    let at = author.at.trunc_subsecs(3);
    let epoch = bundle::epoch_at(tx, author.at).await?;
    let decision = Decision { approve, by: person, at, epoch, bundle_at: None, reason };
    let (standing, grants) = (grant::standing(tx, person).await?, grant::of_person(tx, person).await?);
    let known = Known { standing: standing.as_ref(), grants: &grants, epoch, now: author.at };
    verify(&decision, author.actor, &subject(&punch), &known)?;
    if approve && !out_of_use(tx, &[id.uuid()]).await?.is_empty() {
        return Err(NotDecided::OutOfUse);
    }
    own_change::decide(tx, Kind::PhonePunch, id.uuid(), decision.fields(), record.vv, author).await?;
    waiting::close_second_looks(tx, id).await?;
    Ok(())
}
