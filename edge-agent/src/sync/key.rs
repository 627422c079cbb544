//! The edge's own key: made here, never sent, in a file that only this user may read.
//!
//! A new key waits beside the old one until its enrolment is in the database; the database names the public half, so that
//! after a crash between the two the right file is found.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use ed25519_dalek::SigningKey;
use shared_model::Entropy;
use sync_protocol::sign::public_key_text;

use crate::private_file;

/// The name of the key's file in the data folder.
pub const FILE: &str = "muster-edge.key";
/// The name of a key's file whose enrolment is not finished.
const NEW: &str = "muster-edge.key.new";

/// A key that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The file cannot be read or written.
    #[error("the key file {}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        cause: std::io::Error,
    },
    /// The file holds no key.
    #[error("{} holds no key: enrol this agent again", .0.display())]
    Content(PathBuf),
    /// No file holds the key that the enrolment names.
    #[error("the enrolment's key is missing: enrol this agent again")]
    Missing,
}

/// The key for an enrolment that is about to begin: the one of an unfinished try, so that the same code works again, or a
/// new one.
///
/// # Errors
/// [`KeyError`] when a file cannot be read or written.
pub fn prepare(folder: &Path, entropy: &(impl Entropy + ?Sized)) -> Result<SigningKey, KeyError> {
    let path = folder.join(NEW);
    if let Some(key) = read(&path)? {
        return Ok(key);
    }
    let mut seed = [0; 32];
    entropy.fill(&mut seed);
    private_file::write(&path, hex::encode(seed).as_bytes())
        .map_err(|cause| KeyError::File { path, cause })?;
    Ok(SigningKey::from_bytes(&seed))
}

/// Removes the prepared key of an enrolment that the cloud has refused for good. One that is not there is removed already.
pub fn discard(folder: &Path) {
    let path = folder.join(NEW);
    if let Err(error) = std::fs::remove_file(&path)
        && error.kind() != std::io::ErrorKind::NotFound
    {
        tracing::warn!(error = %error, path = %path.display(), "the key of a refused enrolment cannot be removed");
    }
}

/// Puts the prepared key in the old one's place, once the enrolment is in the database. Whoever enrols and the session
/// that is woken by the enrolment may both do so: the second finds it done.
///
/// # Errors
/// [`KeyError`] when the file cannot be moved.
pub fn settle(folder: &Path) -> Result<(), KeyError> {
    let path = folder.join(FILE);
    let moved = match private_file::rename(&folder.join(NEW), &path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && path.exists() => Ok(()),
        moved => moved,
    };
    moved.map_err(|cause| KeyError::File { path, cause })
}

/// The key whose public half is `public`.
///
/// # Errors
/// [`KeyError::Missing`] when neither file holds it.
pub fn load(folder: &Path, public: &str) -> Result<SigningKey, KeyError> {
    let fits = |key: &SigningKey| public_key_text(&key.verifying_key()) == public;
    if let Some(key) = read(&folder.join(FILE))?.filter(fits) {
        return Ok(key);
    }
    if let Some(key) = read(&folder.join(NEW))?.filter(fits) {
        settle(folder)?;
        return Ok(key);
    }
    // Between the two looks it may have been put in its place.
    read(&folder.join(FILE))?.filter(fits).ok_or(KeyError::Missing)
}

fn read(path: &Path) -> Result<Option<SigningKey>, KeyError> {
    let mut text = String::new();
    match File::open(path).and_then(|file| file.take(200).read_to_string(&mut text)) {
        Ok(_) => {}
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(cause) => return Err(KeyError::File { path: path.to_owned(), cause }),
    }
    let mut seed = [0; 32];
    hex::decode_to_slice(text.trim(), &mut seed).map_err(|_| KeyError::Content(path.to_owned()))?;
    Ok(Some(SigningKey::from_bytes(&seed)))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    struct Counting(std::sync::atomic::AtomicU8);

    impl Entropy for Counting {
        fn fill(&self, target: &mut [u8]) {
            target.fill(self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed));
        }
    }

    fn counting() -> Counting {
        Counting(1.into())
    }

    fn public(key: &SigningKey) -> String {
        public_key_text(&key.verifying_key())
    }

    #[test]
    fn a_key_that_another_has_put_in_its_place_is_settled() {
        let (folder, entropy) = (tempfile::TempDir::new().unwrap(), counting());
        assert!(settle(folder.path()).is_err(), "there is no key to settle");
        let key = prepare(folder.path(), &entropy).unwrap();
        settle(folder.path()).unwrap();
        settle(folder.path()).unwrap();
        assert_eq!(load(folder.path(), &public(&key)).unwrap(), key);
    }

    #[test]
    fn an_unfinished_enrolment_goes_on_with_the_same_key() {
        let (folder, entropy) = (tempfile::TempDir::new().unwrap(), counting());
        let first = prepare(folder.path(), &entropy).unwrap();
        assert_eq!(prepare(folder.path(), &entropy).unwrap(), first);
        settle(folder.path()).unwrap();
        assert_eq!(load(folder.path(), &public(&first)).unwrap(), first);
        assert_ne!(
            prepare(folder.path(), &entropy).unwrap(),
            first,
            "the next enrolment has a key of its own"
        );
    }

    #[test]
    fn a_refused_enrolment_leaves_no_key() {
        let (folder, entropy) = (tempfile::TempDir::new().unwrap(), counting());
        let refused = prepare(folder.path(), &entropy).unwrap();
        discard(folder.path());
        discard(folder.path());
        assert!(!folder.path().join(NEW).exists());
        assert_ne!(prepare(folder.path(), &entropy).unwrap(), refused);
    }

    #[test]
    fn after_a_crash_the_database_says_which_key_counts() {
        let (folder, entropy) = (tempfile::TempDir::new().unwrap(), counting());
        let old = prepare(folder.path(), &entropy).unwrap();
        settle(folder.path()).unwrap();
        let new = prepare(folder.path(), &entropy).unwrap();
        assert_eq!(load(folder.path(), &public(&old)).unwrap(), old, "the new enrolment never came to be");
        assert_eq!(
            load(folder.path(), &public(&new)).unwrap(),
            new,
            "it did, and the file was not moved yet"
        );
        assert!(matches!(load(folder.path(), &public(&old)), Err(KeyError::Missing)));
    }

    #[test]
    fn a_damaged_file_is_told_and_not_replaced() {
        let folder = tempfile::TempDir::new().unwrap();
        fs::write(folder.path().join(NEW), "no key").unwrap();
        assert!(matches!(prepare(folder.path(), &counting()), Err(KeyError::Content(_))));
    }

    #[cfg(unix)]
    #[test]
    fn only_this_user_may_read_it() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::TempDir::new().unwrap();
        prepare(folder.path(), &counting()).unwrap();
        settle(folder.path()).unwrap();
        let mode = fs::metadata(folder.path().join(FILE)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}
