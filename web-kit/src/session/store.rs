//! What a binary's database must do for sessions.

use std::error::Error;
use std::future::Future;

use chrono::{DateTime, Utc};

use super::TokenHash;

/// A session as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredSession<U> {
    /// The person, loaded anew on every request.
    pub user: U,
    /// When the person signed in.
    pub signed_in_at: DateTime<Utc>,
    /// The last activity written.
    pub last_seen_at: DateTime<Utc>,
}

/// The rows of sessions in a binary's own database.
pub trait SessionStore: Send + Sync + 'static {
    /// A signed-in person with whatever the binary needs to decide on permissions.
    type User: Clone + Send + Sync + 'static;
    /// What can go wrong in the database.
    type Error: Error + Send + Sync + 'static;

    /// The session of this key with its user, who must still be allowed to sign in (active, not suspended, lease
    /// not over); anything else is `None`.
    fn find(
        &self,
        key: &TokenHash,
    ) -> impl Future<Output = Result<Option<StoredSession<Self::User>>, Self::Error>> + Send;

    /// Keeps a new session.
    fn insert(
        &self,
        key: &TokenHash,
        user: &Self::User,
        now: DateTime<Utc>,
    ) -> impl Future<Output = Result<(), Self::Error>> + Send;

    /// Writes the time of last activity.
    fn touch(
        &self,
        key: &TokenHash,
        now: DateTime<Utc>,
    ) -> impl Future<Output = Result<(), Self::Error>> + Send;

    /// Removes a session; removing one that is not there is no error.
    fn delete(&self, key: &TokenHash) -> impl Future<Output = Result<(), Self::Error>> + Send;
}
