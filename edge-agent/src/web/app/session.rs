//! Sessions in the agent's own database.

use chrono::{DateTime, Utc};
use web_kit::session::{Lifetime, SessionStore, StoredSession, TokenHash};

use super::Person;
use crate::store::{Store, StoreError};

/// The rows of sessions.
#[derive(Debug, Clone)]
pub struct Sessions {
    store: Store,
}

impl Sessions {
    pub(super) fn new(store: Store) -> Self {
        Self { store }
    }
}

impl SessionStore for Sessions {
    type User = Person;
    type Error = StoreError;

    async fn find(&self, key: &TokenHash) -> Result<Option<StoredSession<Person>>, StoreError> {
        let key = *key.as_bytes();
        let found = self.store.read(move |tx| tx.session(&key)).await?;
        Ok(found.map(|session| StoredSession {
            user: Person::of(session.user),
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
