//! The body of a push or a page: one line of JSON that says what follows, then the payload; all of it zstd.
//!
//! ```text
//! JSON LF            the head, at most 4 KiB
//! payload            ledger: one frame; records and feed items: lines of JSON, each ended by LF
//! ```
//!
//! Lines are read one by one, so that a broken one spoils nothing but itself.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::compress::{BadCompression, Effort, compress, decompress};
use crate::limit;

/// A body that is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadBody {
    /// Too large or damaged.
    #[error(transparent)]
    Compression(#[from] BadCompression),
    /// No head line within its limit.
    #[error("body without a head line of at most {max} bytes", max = limit::HEAD)]
    NoHead,
    /// The head or the message is not the JSON that was expected.
    #[error("unexpected JSON: {0}")]
    Json(String),
}

/// Writes head and payload.
///
/// # Errors
/// What zstd or the head's JSON report; neither has a reason to.
pub fn pack(head: &impl Serialize, payload: &[u8], effort: Effort) -> std::io::Result<Vec<u8>> {
    let mut raw = serde_json::to_vec(head)?;
    raw.push(b'\n');
    raw.extend(payload);
    compress(&raw, effort)
}

/// Reads the head and returns the payload with it.
///
/// # Errors
/// [`BadBody`] for a body that is too large, damaged, or has another head.
pub fn unpack<H: DeserializeOwned>(body: &[u8]) -> Result<(H, Vec<u8>), BadBody> {
    let mut raw = decompress(body, limit::BODY_RAW)?;
    let end = raw.iter().take(limit::HEAD).position(|byte| *byte == b'\n').ok_or(BadBody::NoHead)?;
    let head = serde_json::from_slice(&raw[..end]).map_err(|e| BadBody::Json(e.to_string()))?;
    raw.drain(..=end);
    Ok((head, raw))
}

/// Writes a message that has no payload.
///
/// # Errors
/// What zstd or the JSON report; neither has a reason to.
pub fn pack_message(message: &impl Serialize) -> std::io::Result<Vec<u8>> {
    compress(&serde_json::to_vec(message)?, Effort::Usual)
}

/// Reads a message that has no payload.
///
/// # Errors
/// [`BadBody`] for one that is too large, damaged or another message.
pub fn unpack_message<M: DeserializeOwned>(body: &[u8]) -> Result<M, BadBody> {
    let raw = decompress(body, limit::MESSAGE)?;
    serde_json::from_slice(&raw).map_err(|e| BadBody::Json(e.to_string()))
}

/// The lines of a payload, at most `max`; `None` when there are more or the last is not ended.
#[must_use]
pub fn lines(payload: &[u8], max: usize) -> Option<Vec<&[u8]>> {
    let Some(body) = payload.strip_suffix(b"\n") else {
        return payload.is_empty().then(Vec::new);
    };
    let lines: Vec<_> = body.split(|byte| *byte == b'\n').take(max + 1).collect();
    (lines.len() <= max).then_some(lines)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn head_and_payload_come_back() {
        let body = pack(&serde_json::json!({"a": 1}), b"one\ntwo\n", Effort::Usual).unwrap();
        let (head, payload): (serde_json::Value, _) = unpack(&body).unwrap();
        assert_eq!((head["a"].as_i64(), payload.as_slice()), (Some(1), &b"one\ntwo\n"[..]));
        assert_eq!(lines(&payload, 2), Some(vec![&b"one"[..], b"two"]));
        assert_eq!(lines(&payload, 1), None);
        assert_eq!(lines(b"one\ntw", 9), None);
        assert_eq!(lines(b"", 9), Some(vec![]));
    }

    #[test]
    fn a_body_without_a_head_is_refused() {
        let long = format!("\"{}\"\n", "x".repeat(limit::HEAD));
        for raw in ["", "{}", long.as_str()] {
            let body = compress(raw.as_bytes(), Effort::Usual).unwrap();
            assert_eq!(unpack::<serde_json::Value>(&body), Err(BadBody::NoHead));
        }
        let body = compress(b"{\n", Effort::Usual).unwrap();
        assert!(matches!(unpack::<serde_json::Value>(&body), Err(BadBody::Json(_))));
        assert!(matches!(unpack_message::<serde_json::Value>(b"x"), Err(BadBody::Compression(_))));
    }
}
