//! The people and grants that the cloud signed for this agent: kept whole, and as accounts that sign in here.

use chrono::{DateTime, Utc};
use rusqlite::{Connection, OptionalExtension as _, params};
use shared_model::{ActorId, UserId};
use sync_protocol::authority::{BadBundle, Bundle, BundlePerson, SignedBundle};

use super::{Meta, ReadTx, StoreError, StoreEvent, Via, WriteTx};

/// What a person's account is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lease {
    /// Everything that the role may: an account of this agent, or one of the cloud's within its lease.
    Full,
    /// Looking only: the cloud has not renewed the account for a week.
    Look,
    /// Nothing: not for a month.
    Over,
}

fn kept(connection: &Connection) -> Result<Option<Bundle>, StoreError> {
    let text: Option<String> =
        connection.prepare_cached("SELECT bundle FROM bundle")?.query_row([], |row| row.get(0)).optional()?;
    let read = |text: String| {
        serde_json::from_str(&text).map_err(|e| StoreError::corrupt("bundle", "bundle", "1", e.to_string()))
    };
    text.map(read).transpose()
}

/// The lease of a bundle at a time.
fn lease(issued_at: DateTime<Utc>, now: DateTime<Utc>) -> Lease {
    if now < Bundle::decide_until(issued_at) {
        Lease::Full
    } else if now < Bundle::read_until(issued_at) {
        Lease::Look
    } else {
        Lease::Over
    }
}

impl ReadTx {
    /// The bundle that is kept.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] for one that cannot be read.
    pub fn bundle(&self) -> Result<Option<Bundle>, StoreError> {
        kept(&self.connection)
    }

    /// The cloud's time as far as it is known here, never before what was known: setting the machine's clock back prolongs
    /// no lease. `wall` is the machine's clock.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn cloud_time(&self, wall: DateTime<Utc>) -> Result<DateTime<Utc>, StoreError> {
        let offset = self.meta(Meta::CLOUD_OFFSET_MS)?.unwrap_or(0);
        let seen = self.meta(Meta::HLC)?.and_then(sync_protocol::Hlc::instant);
        Ok(latest(wall, offset, seen))
    }

    /// What a person's account is good for now.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn lease_of(&self, user: UserId, wall: DateTime<Utc>) -> Result<Lease, StoreError> {
        let from_cloud: Option<bool> = self
            .connection
            .prepare_cached("SELECT from_cloud FROM local_user WHERE id = ?1")?
            .query_row([user], |row| row.get(0))
            .optional()?;
        if from_cloud != Some(true) {
            return Ok(Lease::Full);
        }
        let issued: Option<i64> = self
            .connection
            .prepare_cached("SELECT issued_at FROM bundle")?
            .query_row([], |row| row.get(0))
            .optional()?;
        let issued = issued.and_then(DateTime::from_timestamp_millis);
        let now = self.cloud_time(wall)?;
        Ok(issued.map_or(Lease::Over, |issued| lease(issued, now)))
    }
}

fn latest(wall: DateTime<Utc>, offset_ms: i64, seen: Option<DateTime<Utc>>) -> DateTime<Utc> {
    let now = wall + chrono::TimeDelta::milliseconds(offset_ms);
    seen.map_or(now, |seen| seen.max(now))
}

impl WriteTx {
    /// The bundle that is kept.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] for one that cannot be read.
    pub fn bundle(&self) -> Result<Option<Bundle>, StoreError> {
        kept(&self.connection)
    }

    /// The cloud's time as far as it is known here; see [`ReadTx::cloud_time`].
    ///
    /// # Errors
    /// What SQLite says.
    pub fn cloud_time(&self) -> Result<DateTime<Utc>, StoreError> {
        let offset = self.meta(Meta::CLOUD_OFFSET_MS)?.unwrap_or(0);
        let seen = self.meta(Meta::HLC)?.and_then(sync_protocol::Hlc::instant);
        Ok(latest(self.clock().now(), offset, seen))
    }

    /// Takes a bundle whose signature was checked: its people become accounts, those who are not in it no longer sign in.
    ///
    /// # Errors
    /// [`BadBundle::Older`] inside for one that is older than the one kept; else what SQLite says.
    pub fn take_bundle(
        &self,
        signed: &SignedBundle,
        bundle: &Bundle,
    ) -> Result<Result<(), BadBundle>, StoreError> {
        let before = kept(&self.connection)?;
        let place = |bundle: &Bundle| (bundle.epoch, bundle.issued_at);
        if before.as_ref().is_some_and(|before| place(bundle) < place(before)) {
            return Ok(Err(BadBundle::Older));
        }
        self.connection.execute(
            "INSERT INTO bundle (only_row, bundle, signature, epoch, issued_at) VALUES (1, ?1, ?2, ?3, ?4)
             ON CONFLICT (only_row) DO UPDATE SET bundle = excluded.bundle, signature = excluded.signature,
                epoch = excluded.epoch, issued_at = excluded.issued_at",
            params![signed.bundle, signed.signature, bundle.epoch, bundle.issued_at.timestamp_millis()],
        )?;
        if before.as_ref().is_some_and(|before| before.epoch == bundle.epoch) {
            return Ok(Ok(()));
        }
        for person in &bundle.people {
            self.put_person(person)?;
        }
        self.drop_absent(bundle)?;
        let after = serde_json::json!({ "epoch": bundle.epoch, "people": bundle.people.len() }).to_string();
        self.audit(ActorId::SYSTEM, Via::Sync, "bundle.take", &bundle.epoch.to_string(), "", &after)?;
        self.tell(StoreEvent::Sync);
        Ok(Ok(()))
    }

    fn put_person(&self, person: &BundlePerson) -> Result<(), StoreError> {
        let Some(password) = &person.password else { return Ok(()) };
        let taken: bool = self
            .connection
            .prepare_cached("SELECT EXISTS (SELECT 1 FROM local_user WHERE name = ?1 AND id <> ?2)")?
            .query_row(params![person.email, person.id], |row| row.get(0))?;
        if taken {
            // An account made here keeps its name: whoever has the console decides about it.
            tracing::warn!(user.id = %person.id, "an account of the cloud has the name of one made here: it is left out");
            return Ok(());
        }
        // Whoever's password, role or state changed signs in anew.
        self.connection
            .prepare_cached(
                "DELETE FROM session WHERE user IN (SELECT id FROM local_user
                 WHERE id = ?1 AND (password_hash <> ?2 OR role <> ?3 OR state <> 'active'))",
            )?
            .execute(params![person.id, password, person.role.as_str()])?;
        self.connection
            .prepare_cached(
                "INSERT INTO local_user (id, name, full_name, role, password_hash, state, created_at, from_cloud)
                 VALUES (?1, ?2, ?3, ?4, ?5, 'active', ?6, 1)
                 ON CONFLICT (id) DO UPDATE SET name = excluded.name, full_name = excluded.full_name,
                    role = excluded.role, password_hash = excluded.password_hash, state = 'active', from_cloud = 1",
            )?
            .execute(params![
                person.id,
                person.email,
                person.name,
                person.role.as_str(),
                password,
                self.now_ms()
            ])?;
        Ok(())
    }

    fn drop_absent(&self, bundle: &Bundle) -> Result<(), StoreError> {
        let mut query = self
            .connection
            .prepare_cached("SELECT id FROM local_user WHERE from_cloud = 1 AND state = 'active'")?;
        let here: Vec<UserId> = query.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
        for gone in here.into_iter().filter(|id| bundle.person(*id).is_none()) {
            self.connection
                .prepare_cached("UPDATE local_user SET state = 'disabled' WHERE id = ?1")?
                .execute([gone])?;
            self.end_sessions_of(gone, None)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
