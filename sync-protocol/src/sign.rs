//! Signed requests: Ed25519 over what a request is, by the key the edge made itself.
//!
//! ```text
//! muster-sync-v1 LF
//! METHOD LF
//! PATH[?QUERY] LF                exactly as sent
//! edge id, or "-" at enrolment LF
//! milliseconds since 1970, server's time as the edge knows it, decimal LF
//! blake3-256 of the body as sent (compressed), hexadecimal LF
//! ```
//!
//! The three headers are `muster-edge`, `muster-time` and `muster-signature` (128 hexadecimal digits). The time must
//! be within [`WINDOW_MS`] of the server's; an edge whose clock is off is told the server's time and tries again.
//! A replay inside the window changes nothing: a push is idempotent and fenced by its lease, and a hello with a used
//! lease number is stale.

use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use shared_model::EdgeId;

/// How far a request's time may be from the server's, in milliseconds: five minutes.
pub const WINDOW_MS: i64 = 5 * 60 * 1000;
/// The header that names the edge.
pub const HEADER_EDGE: &str = "muster-edge";
/// The header with the request's time.
pub const HEADER_TIME: &str = "muster-time";
/// The header with the signature.
pub const HEADER_SIGNATURE: &str = "muster-signature";

/// What is signed.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// `GET` or `POST`.
    pub method: &'a str,
    /// The path with its query, as it stands in the request line.
    pub path_and_query: &'a str,
    /// The edge; `None` at enrolment, where the signature proves possession of the new key.
    pub edge: Option<EdgeId>,
    /// Milliseconds since 1970 as the edge believes the server counts them.
    pub time_ms: i64,
    /// The body as sent.
    pub body: &'a [u8],
}

/// A request that is not taken as the edge's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Its time is too far from the server's.
    #[error("the request's time is {skew_ms} ms from the server's")]
    Time {
        /// Request minus server, in milliseconds.
        skew_ms: i64,
    },
    /// The signature is malformed or not by this key over this request.
    #[error("the signature does not fit the request")]
    Signature,
    /// The key is no Ed25519 public key, or a weak one.
    #[error("the key is no usable Ed25519 public key")]
    Key,
}

impl Request<'_> {
    /// The text that is signed.
    #[must_use]
    pub fn canonical(&self) -> String {
        let edge = self.edge.map_or_else(|| "-".to_owned(), |edge| edge.to_string());
        let body = blake3::hash(self.body).to_hex();
        let Self { method, path_and_query, time_ms, .. } = self;
        format!("muster-sync-v1\n{method}\n{path_and_query}\n{edge}\n{time_ms}\n{body}\n")
    }

    /// The signature's text for the header.
    #[must_use]
    pub fn sign(&self, key: &SigningKey) -> String {
        hex::encode(key.sign(self.canonical().as_bytes()).to_bytes())
    }

    /// Checks time and signature. The comparison inside is the curve's, free of secret-dependent timing.
    ///
    /// # Errors
    /// [`Refused`] names what does not fit.
    pub fn verify(&self, key: &VerifyingKey, signature: &str, server_ms: i64) -> Result<(), Refused> {
        let skew_ms = self.time_ms.saturating_sub(server_ms);
        if skew_ms.checked_abs().is_none_or(|skew| skew > WINDOW_MS) {
            return Err(Refused::Time { skew_ms });
        }
        let mut bytes = [0; 64];
        hex::decode_to_slice(signature, &mut bytes).map_err(|_| Refused::Signature)?;
        key.verify_strict(self.canonical().as_bytes(), &Signature::from_bytes(&bytes))
            .map_err(|_| Refused::Signature)
    }
}

/// Reads a public key from 64 hexadecimal digits.
///
/// # Errors
/// [`Refused::Key`] for anything but a key of full order.
pub fn public_key(text: &str) -> Result<VerifyingKey, Refused> {
    let mut bytes = [0; 32];
    hex::decode_to_slice(text, &mut bytes).map_err(|_| Refused::Key)?;
    let key = VerifyingKey::from_bytes(&bytes).map_err(|_| Refused::Key)?;
    if key.is_weak() { Err(Refused::Key) } else { Ok(key) }
}

/// A public key as 64 hexadecimal digits.
#[must_use]
pub fn public_key_text(key: &VerifyingKey) -> String {
    hex::encode(key.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_795_000_000_000;

    fn request<'a>(body: &'a [u8], path: &'a str) -> Request<'a> {
        let edge = EdgeId::from_uuid(uuid::Uuid::from_u128(0x0192_f0c1_0000_7000_8000_0000_0000_0001));
        Request { method: "POST", path_and_query: path, edge: Some(edge), time_ms: NOW, body }
    }

    #[test]
    fn the_signed_text_is_frozen() {
        assert_eq!(
            request(b"body", "/sync/v1/push?x=1").canonical(),
            "muster-sync-v1\nPOST\n/sync/v1/push?x=1\n0192f0c1-0000-7000-8000-000000000001\n1795000000000\n\
             0be9c598ae63835518e7fb422dc3027f452d75f3dbdb94c90d843298b1180ad9\n"
        );
    }

    #[test]
    fn only_the_same_request_by_the_same_key_within_the_window_is_taken() {
        let key = SigningKey::from_bytes(&[7; 32]);
        let good = request(b"body", "/sync/v1/push");
        let signature = good.sign(&key);
        let check = |request: &Request<'_>, key: &SigningKey, now| {
            request.verify(&key.verifying_key(), &signature, now)
        };
        assert_eq!(check(&good, &key, NOW), Ok(()));
        assert_eq!(check(&good, &key, NOW + WINDOW_MS), Ok(()));
        assert_eq!(check(&good, &key, NOW + WINDOW_MS + 1), Err(Refused::Time { skew_ms: -WINDOW_MS - 1 }));
        assert_eq!(check(&good, &SigningKey::from_bytes(&[8; 32]), NOW), Err(Refused::Signature));
        let others = [
            request(b"Body", "/sync/v1/push"),
            request(b"body", "/sync/v1/push?"),
            Request { method: "GET", ..good },
            Request { edge: None, ..good },
            Request { time_ms: NOW + 1, ..good },
        ];
        for other in others {
            assert_eq!(check(&other, &key, NOW), Err(Refused::Signature), "{other:?}");
        }
        for bad in ["", "00", &"zz".repeat(64), &"0".repeat(128)] {
            assert_eq!(good.verify(&key.verifying_key(), bad, NOW), Err(Refused::Signature));
        }
    }

    #[test]
    fn a_public_key_survives_text_and_a_weak_one_is_refused() {
        let key = SigningKey::from_bytes(&[7; 32]).verifying_key();
        assert_eq!(public_key(&public_key_text(&key)), Ok(key));
        // The identity point.
        let weak = format!("01{}", "00".repeat(31));
        assert_eq!(public_key(&weak), Err(Refused::Key));
        assert_eq!(public_key("short"), Err(Refused::Key));
    }
}
