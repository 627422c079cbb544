//! Passwords: which are taken, and how they are kept.
//!
//! Argon2id with 19 MiB, two passes, one lane (OWASP's minimum) in PHC string form. Hashing runs on the blocking pool,
//! at most two at a time, and a storm of sign-ins is turned away instead of queued without end.

mod policy;

use std::sync::Arc;

use argon2::password_hash::phc::PasswordHash;
use argon2::{Algorithm, Argon2, Params, PasswordHasher as _, PasswordVerifier as _, Version};
use tokio::sync::Semaphore;

pub use policy::{MAX_CHARS, MIN_CHARS, NewPassword, PolicyError};

const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;

/// How many hashes are worked on at once.
const AT_ONCE: usize = 2;

/// How many sign-ins may wait for their turn.
const WAITING: usize = 64;

/// Why a password could not be hashed or compared.
#[derive(Debug, thiserror::Error)]
pub enum PasswordError {
    /// Too many sign-ins wait already; the same try may succeed later.
    #[error("too many sign-ins are being checked")]
    Busy,
    /// The stored text is no PHC string.
    #[error("stored password hash cannot be read")]
    Corrupt,
    /// The hash function refused its input.
    #[error("password hashing failed")]
    Hash(#[source] argon2::password_hash::Error),
    /// The runtime is shutting down.
    #[error("password hashing was stopped")]
    Stopped,
}

/// The password hasher of a process. Cheap to clone; clones share the bound.
#[derive(Clone, Debug)]
pub struct Passwords {
    work: Arc<Semaphore>,
    queue: Arc<Semaphore>,
    // Compared with when there is no such user, so that the answer takes as long.
    dummy: Arc<str>,
}

impl Passwords {
    /// Makes the hasher, which hashes once (some 30 ms): `salt` and `random` come from the system's random source.
    ///
    /// # Errors
    /// [`PasswordError::Hash`] when the hash function fails.
    pub fn new(salt: [u8; 16], random: [u8; 32]) -> Result<Self, PasswordError> {
        let dummy = hash_now(&hex::encode(random), salt)?;
        Ok(Self {
            work: Arc::new(Semaphore::new(AT_ONCE)),
            queue: Arc::new(Semaphore::new(WAITING)),
            dummy: dummy.into(),
        })
    }

    /// The PHC string to store. `salt` is 16 bytes from the system's random source, new for every password.
    ///
    /// # Errors
    /// Any but [`PasswordError::Corrupt`].
    pub async fn hash(&self, password: NewPassword, salt: [u8; 16]) -> Result<String, PasswordError> {
        self.bounded(move || hash_now(password.as_str(), salt)).await
    }

    /// Whether the password belongs to the stored PHC string. Give `None` when there is no such user: the comparison
    /// then takes the same time and fails.
    ///
    /// # Errors
    /// [`PasswordError::Corrupt`] for a stored text that is no PHC string, else as [`Passwords::hash`].
    pub async fn verify(&self, password: &str, stored: Option<&str>) -> Result<bool, PasswordError> {
        // Longer ones were never accepted; the work is done all the same.
        let possible = stored.is_some() && password.chars().count() <= MAX_CHARS;
        let password: String = password.chars().take(MAX_CHARS).collect();
        let phc: Arc<str> = stored.map_or_else(|| Arc::clone(&self.dummy), Arc::from);
        let matches = self.bounded(move || verify_now(&password, &phc)).await?;
        Ok(matches && possible)
    }

    async fn bounded<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, PasswordError> + Send + 'static,
    ) -> Result<T, PasswordError> {
        let _place = self.queue.try_acquire().map_err(|_| PasswordError::Busy)?;
        let permit = Arc::clone(&self.work).acquire_owned().await.map_err(|_| PasswordError::Stopped)?;
        // The permit moves along: a request that is given up does not free its thread's share.
        tokio::task::spawn_blocking(move || {
            let result = work();
            drop(permit);
            result
        })
        .await
        .map_err(|_| PasswordError::Stopped)?
    }
}

fn hasher() -> Result<Argon2<'static>, PasswordError> {
    let params =
        Params::new(MEMORY_KIB, PASSES, LANES, None).map_err(|error| PasswordError::Hash(error.into()))?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

fn hash_now(password: &str, salt: [u8; 16]) -> Result<String, PasswordError> {
    let hash: PasswordHash =
        hasher()?.hash_password_with_salt(password.as_bytes(), &salt).map_err(PasswordError::Hash)?;
    Ok(hash.to_string())
}

fn verify_now(password: &str, phc: &str) -> Result<bool, PasswordError> {
    let hash = PasswordHash::new(phc).map_err(|_| PasswordError::Corrupt)?;
    // A bundle from elsewhere could name parameters that eat the machine's memory.
    let params = Params::try_from(&hash).map_err(|_| PasswordError::Corrupt)?;
    if params.m_cost() > 4 * MEMORY_KIB || params.t_cost() > 8 || params.p_cost() > 4 {
        return Err(PasswordError::Corrupt);
    }
    match hasher()?.verify_password(password.as_bytes(), &hash) {
        Ok(()) => Ok(true),
        Err(argon2::password_hash::Error::PasswordInvalid) => Ok(false),
        Err(error) => Err(PasswordError::Hash(error)),
    }
}

#[cfg(test)]
mod tests;
