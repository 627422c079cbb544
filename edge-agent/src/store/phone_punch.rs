//! Punches made on phones: what waits here, the decision about it, and what became of decisions made here.
//!
//! ```text
//! pending ── decide ──> approved or rejected here, waiting ─┬─ the cloud took it ──────────────> confirmed
//!                        (a waiting change like any other)  ├─ somebody else was first ────────> overruled
//!                                                           └─ the cloud keeps it aside ───────> refused; pending again
//! ```
//!
//! An approved one counts at once in the attendance worked out here. It enters the ledger when the cloud, which confirmed
//! it, sends the punch: under the same id, so that it is never there twice.

use chrono::{DateTime, NaiveDate, SubsecRound as _, Utc};
use rusqlite::{OptionalExtension as _, params};
use shared_model::entity::{Employee, PhonePunch, RequestState, Site};
use shared_model::text::Line;
use shared_model::{ActorId, EmployeeId, FieldMap, Kind, PhonePunchId, UserId};
use shift_engine::geofence::{Place, distance_m};
use shift_engine::{Instant, StoredPunch};
use sync_protocol::Op;
use sync_protocol::authority::{Decision, Known, Refusal, Subject, verify};

use super::record::all;
use super::{Author, Edit, Meta, ReadTx, StoreError, Stored, WriteTx};

/// The most rows of a list.
const LIMIT: usize = 500;

/// A phone punch as lists show it.
#[derive(Debug, Clone, PartialEq)]
pub struct ListedPunch {
    /// Its id.
    pub id: PhonePunchId,
    /// What it says.
    pub punch: PhonePunch,
    /// The person, where the record is here.
    pub employee: Option<Employee>,
    /// Metres from the centre of the site's allowed place, and that place's radius; `None` where the site has none.
    pub distance_m: Option<(u32, u32)>,
    /// Phone punches of the person in the thirty days before: approved and rejected.
    pub history: (i64, i64),
    /// The last decision about it made here, with what became of it.
    pub decided: Option<OwnDecision>,
}

/// A decision made here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnDecision {
    /// What was decided.
    pub decision: Decision,
    /// What the decider is called.
    pub name: String,
    /// What became of it.
    pub standing: Standing,
}

/// What became of a decision made here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// Decided here; the cloud has not said anything yet.
    Here,
    /// The cloud has taken it.
    Confirmed,
    /// Somebody else had decided otherwise before it arrived.
    Overruled,
    /// The cloud keeps it aside, and the punch waits again.
    Refused {
        /// Why: a [`Refusal::code`], or one of a newer cloud.
        code: String,
    },
}

impl Standing {
    /// Its name in JSON.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Here => "decided_here",
            Self::Confirmed => "confirmed",
            Self::Overruled => "overruled",
            Self::Refused { .. } => "refused",
        }
    }
}

/// Why a decision was not taken here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotDecided {
    /// There is no such phone punch.
    #[error("there is no such phone punch")]
    NotFound,
    /// Somebody has decided it.
    #[error("it was {} already", .0.as_str())]
    Already(RequestState),
    /// The cloud has not told this agent who may decide.
    #[error("the cloud has not told this agent yet who may decide")]
    NoGrants,
    /// The person may not.
    #[error(transparent)]
    Refused(#[from] Refusal),
}

impl ReadTx {
    /// The phone punches that wait, the oldest first.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn waiting_phone_punches(&self) -> Result<Vec<ListedPunch>, StoreError> {
        let mut found = all::<PhonePunch>(&self.connection, "state = 'pending'", &[])?;
        found.sort_by_key(|stored| (stored.record.instant, stored.id));
        found.truncate(LIMIT);
        found.into_iter().map(|stored| self.listed(stored)).collect()
    }

    /// How many wait.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn waiting_phone_punch_count(&self) -> Result<i64, StoreError> {
        let sql = "SELECT count(*) FROM rec_phone_punch WHERE state = 'pending' AND deleted_dot IS NULL";
        Ok(self.connection.prepare_cached(sql)?.query_row([], |row| row.get(0))?)
    }

    /// The phone punches that were decided here since a time, and those that are approved; the newest decision first.
    /// Rejected ones leave the list when the cloud has confirmed it.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn decided_phone_punches(&self, since: DateTime<Utc>) -> Result<Vec<ListedPunch>, StoreError> {
        let since = since.to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
        let found =
            all::<PhonePunch>(&self.connection, "state <> 'pending' AND decided_at >= ?1", &[&since])?;
        let mut listed: Vec<ListedPunch> =
            found.into_iter().map(|stored| self.listed(stored)).collect::<Result<_, _>>()?;
        listed.retain(|one| {
            let waits = one.decided.as_ref().is_some_and(|own| own.standing == Standing::Here);
            one.punch.is_approved() || waits
        });
        listed.sort_by_key(|one| std::cmp::Reverse((one.punch.decided_at, one.id)));
        listed.truncate(LIMIT);
        Ok(listed)
    }

    fn listed(&self, stored: Stored<PhonePunch>) -> Result<ListedPunch, StoreError> {
        let punch = stored.record;
        let site = self.record::<Site>(punch.site)?;
        Ok(ListedPunch {
            id: stored.id,
            employee: self.record::<Employee>(punch.employee)?.map(|stored| stored.record),
            distance_m: site.and_then(|site| distance(&punch, &site.record)),
            history: self.history(&punch)?,
            decided: self.own_decision(stored.id, &punch)?,
            punch,
        })
    }

    fn history(&self, punch: &PhonePunch) -> Result<(i64, i64), StoreError> {
        let text = |at: DateTime<Utc>| at.to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
        let from = text(punch.instant - chrono::TimeDelta::days(30));
        Ok(self
            .connection
            .prepare_cached(
                "SELECT count(*) FILTER (WHERE state = 'approved'), count(*) FILTER (WHERE state = 'rejected')
                 FROM rec_phone_punch WHERE employee = ?1 AND instant >= ?2 AND instant < ?3 AND deleted_dot IS NULL",
            )?
            .query_row(params![punch.employee, from, text(punch.instant)], |row| Ok((row.get(0)?, row.get(1)?)))?)
    }

    fn own_decision(&self, id: PhonePunchId, punch: &PhonePunch) -> Result<Option<OwnDecision>, StoreError> {
        let last: Option<(Vec<u8>, UserId, i64, Option<String>)> = self
            .connection
            .prepare_cached(
                "SELECT o.fields, o.actor, o.state, n.code FROM oplog o
                 LEFT JOIN cloud_notice n ON n.origin = o.origin AND n.stream = 'R' AND n.seq = o.seq
                 WHERE o.kind = ?1 AND o.key = ?2 AND o.op = ?3 ORDER BY o.hlc DESC LIMIT 1",
            )?
            .query_row(params![Kind::PhonePunch.number(), id.uuid().as_bytes(), Op::Decide.number()], |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
            })
            .optional()?;
        let Some((fields, actor, state, code)) = last else { return Ok(None) };
        let fields: FieldMap = serde_json::from_slice(&fields)
            .map_err(|e| StoreError::corrupt("oplog", "fields", id, e.to_string()))?;
        let Some(decision) = Decision::of(&fields) else { return Ok(None) };
        let agrees = punch.is_approved() == decision.approve && punch.state != RequestState::Pending;
        let standing = match (state, code) {
            (_, Some(code)) => Standing::Refused { code },
            (1, None) => Standing::Refused { code: String::new() },
            (0, None) => Standing::Here,
            (_, None) if agrees => Standing::Confirmed,
            (_, None) => Standing::Overruled,
        };
        let name = self
            .connection
            .prepare_cached("SELECT full_name FROM local_user WHERE id = ?1")?
            .query_row([actor], |row| row.get(0))
            .optional()?
            .unwrap_or_else(|| actor.to_string());
        Ok(Some(OwnDecision { decision, name, standing }))
    }

    /// A person's approved phone punches of these wall dates that the ledger does not have: what the engine counts until the
    /// cloud sends them.
    ///
    /// # Errors
    /// What SQLite says.
    pub(super) fn approved_not_in_ledger(
        &self,
        employee: EmployeeId,
        from: NaiveDate,
        to: NaiveDate,
    ) -> Result<Vec<StoredPunch>, StoreError> {
        let Some(company) = self.meta(Meta::COMPANY)? else { return Ok(Vec::new()) };
        // A day of margin at both ends: an instant's date may be another than that on the wall.
        let (first, last) = (from.pred_opt().unwrap_or(from), to.succ_opt().unwrap_or(to));
        let (first, last) = (first.to_string(), format!("{last}T99"));
        let filter = "employee = ?1 AND state = 'approved' AND instant BETWEEN ?2 AND ?3";
        let mut found = Vec::new();
        for stored in all::<PhonePunch>(&self.connection, filter, &[&employee, &first, &last])? {
            let Some(punch) = stored.record.punch(company, stored.id) else { continue };
            let date = punch.raw_time.wall().date();
            let known: bool = self
                .connection
                .prepare_cached("SELECT EXISTS (SELECT 1 FROM ledger WHERE punch_id = ?1)")?
                .query_row([punch.id], |row| row.get(0))?;
            if known || date < from || date > to {
                continue;
            }
            found.push(StoredPunch {
                id: punch.id,
                serial: punch.serial,
                code: punch.user_code,
                raw_time: punch.raw_time,
                instant: Instant::from(punch.instant),
                route: punch.route,
                reading: punch.reading,
            });
        }
        Ok(found)
    }
}

fn distance(punch: &PhonePunch, site: &Site) -> Option<(u32, u32)> {
    let allowed = Place { latitude_e7: site.latitude_e7?, longitude_e7: site.longitude_e7? };
    let phone = Place { latitude_e7: punch.latitude_e7?, longitude_e7: punch.longitude_e7? };
    Some((distance_m(allowed, phone), u32::try_from(site.radius_m?).ok()?))
}

impl WriteTx {
    /// Decides a phone punch here, as `author`, whose password was checked. It takes effect at once; the cloud judges it
    /// again by the same rules. One transaction a punch: what a transaction holds is taken or refused as a whole.
    ///
    /// # Errors
    /// [`NotDecided`] inside; else what SQLite says.
    pub fn decide_phone_punch(
        &self,
        author: &Author,
        id: PhonePunchId,
        approve: bool,
        reason: Option<Line>,
    ) -> Result<Result<(), NotDecided>, StoreError> {
        let Some(stored) = self.record::<PhonePunch>(id)? else { return Ok(Err(NotDecided::NotFound)) };
        let punch = stored.record;
        if punch.state != RequestState::Pending {
            return Ok(Err(NotDecided::Already(punch.state)));
        }
        let Some(bundle) = self.bundle()? else { return Ok(Err(NotDecided::NoGrants)) };
        let person = person_of(author.actor);
        let now = self.cloud_time()?.trunc_subsecs(3);
        let (epoch, bundle_at) = (bundle.epoch, Some(bundle.issued_at));
        let decision = Decision { approve, by: person, at: now, epoch, bundle_at, reason };
        let subject = Subject { employee: punch.employee, site: punch.site, department: punch.department };
        let standing = bundle.standing(person);
        let known = Known { standing: standing.as_ref(), grants: &bundle.grants, epoch, now };
        if let Err(refusal) = verify(&decision, author.actor, &subject, &known) {
            return Ok(Err(refusal.into()));
        }
        let (kind, key, fields) = (Kind::PhonePunch, id.uuid(), decision.fields());
        self.change(
            author,
            Edit { kind, key, op: Op::Decide, seen: Some(stored.vv), fields, resolves: None },
        )?;
        Ok(Ok(()))
    }
}

/// Who signs in is the person of the same id.
fn person_of(actor: ActorId) -> UserId {
    UserId::from_uuid(actor.uuid())
}

#[cfg(test)]
mod tests;
