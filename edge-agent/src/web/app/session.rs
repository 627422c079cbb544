//! Sessions in the agent's own database.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use shared_model::Clock;
use web_kit::session::{Lifetime, SessionStore, StoredSession, TokenHash};

use super::Person;
use crate::store::{Lease, Store, StoreError};

/// The rows of sessions.
#[derive(Clone)]
pub struct Sessions {
    store: Store,
    clock: Arc<dyn Clock>,
}

impl Sessions {
    pub(super) fn new(store: Store, clock: Arc<dyn Clock>) -> Self {
        Self { store, clock }
    }
}

impl SessionStore for Sessions {
    type User = Person;
    type Error = StoreError;

    async fn find(&self, key: &TokenHash) -> Result<Option<StoredSession<Person>>, StoreError> {
        let (key, now) = (*key.as_bytes(), self.clock.now());
        let found = self.store.read(move |tx| {
            let Some(session) = tx.session(&key)? else { return Ok(None) };
            let lease = tx.lease_of(session.user.id, now)?;
            Ok(Some((session, lease)))
        });
        let Some((session, lease)) = found.await? else { return Ok(None) };
        if lease == Lease::Over {
            return Ok(None);
        }
        Ok(Some(StoredSession {
            user: Person { looks_only: lease == Lease::Look, ..Person::of(session.user) },
            signed_in_at: session.signed_in_at,
            last_seen_at: session.last_seen_at,
        }))
    }

    async fn insert(&self, key: &TokenHash, person: &Person, now: DateTime<Utc>) -> Result<(), StoreError> {
        let (key, user, origin) = (*key.as_bytes(), person.id, person.origin.clone());
        let expires = now + Lifetime::default().absolute;
        self.store.write(move |tx| tx.begin_session(&key, user, &origin, now, expires)).await
    }

    async fn touch(&self, key: &TokenHash, now: DateTime<Utc>) -> Result<(), StoreError> {
        let key = *key.as_bytes();
        self.store.write(move |tx| tx.touch_session(&key, now)).await
    }

    async fn delete(&self, key: &TokenHash) -> Result<(), StoreError> {
        let key = *key.as_bytes();
        self.store.write(move |tx| tx.end_session(&key)).await
    }
}
