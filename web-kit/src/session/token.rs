//! The secret in the cookie and the hash that is stored for it.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

const BYTES: usize = 32;

/// A session's secret: 256 random bits. It exists in the browser's cookie and, during a request, here.
pub struct SessionToken([u8; BYTES]);

impl SessionToken {
    /// Makes a token of bytes from the system's random source.
    #[must_use]
    pub const fn from_random(random: [u8; BYTES]) -> Self {
        Self(random)
    }

    /// Reads the cookie's form: 43 characters of unpadded base64url.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() != 43 {
            return None;
        }
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        bytes.try_into().ok().map(Self)
    }

    /// What is stored and looked up. A thief of the database cannot make a cookie from it.
    #[must_use]
    pub fn hash(&self) -> TokenHash {
        TokenHash(Sha256::digest(self.0).into())
    }

    /// The form in which its holder keeps it: a browser's cookie, an app. Never stored or logged here.
    #[must_use]
    pub fn text(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.0)
    }
}

impl fmt::Debug for SessionToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SessionToken(hidden)")
    }
}

/// SHA-256 of a session's token: the key of its row.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TokenHash([u8; BYTES]);

impl TokenHash {
    /// The key as it is stored.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; BYTES] {
        &self.0
    }

    /// The key of a stored row.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; BYTES]) -> Self {
        Self(bytes)
    }
}

impl fmt::Debug for TokenHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TokenHash({})", hex::encode(&self.0[..4]))
    }
}
