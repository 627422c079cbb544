//! zstd with a declared and enforced size.
//!
//! The frame header must name the size of the content; a reader refuses it when it is missing, above the caller's
//! limit or untrue, and allocates only what has really come out.

use std::io::Read;

/// How hard to compress.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effort {
    /// The usual (zstd level 3).
    Usual,
    /// While a backlog drains (zstd level 1).
    Backlog,
}

/// A compressed body that is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadCompression {
    /// More compressed bytes than [`crate::limit::BODY_COMPRESSED`] allows.
    #[error("compressed body of {0} bytes is too large")]
    Body(usize),
    /// The frame does not say how much it holds.
    #[error("compressed body does not declare its size")]
    Undeclared,
    /// It declares or holds more than is allowed here.
    #[error("body of more than {max} bytes after decompression")]
    TooLarge {
        /// The limit, in bytes.
        max: usize,
    },
    /// It is no zstd frame, is cut off, or holds another size than declared.
    #[error("damaged compressed body")]
    Damaged,
}

/// The largest window a sender may make us keep, as a power of two: the largest body.
const WINDOW_LOG_MAX: u32 = 20;

/// Compresses `raw`, declaring its size.
///
/// # Errors
/// What zstd reports; it has no reason to for bytes in memory.
pub fn compress(raw: &[u8], effort: Effort) -> std::io::Result<Vec<u8>> {
    let level = match effort {
        Effort::Usual => 3,
        Effort::Backlog => 1,
    };
    zstd::bulk::compress(raw, level)
}

/// Decompresses a body of at most `max` bytes.
///
/// # Errors
/// [`BadCompression`] for anything that is not one whole frame of a declared size within `max`.
pub fn decompress(body: &[u8], max: usize) -> Result<Vec<u8>, BadCompression> {
    use BadCompression::{Body, Damaged, TooLarge, Undeclared};
    if body.len() > crate::limit::BODY_COMPRESSED {
        return Err(Body(body.len()));
    }
    let declared = zstd::zstd_safe::get_frame_content_size(body).map_err(|_| Damaged)?.ok_or(Undeclared)?;
    let declared = usize::try_from(declared).ok().filter(|size| *size <= max).ok_or(TooLarge { max })?;
    let mut decoder = zstd::stream::read::Decoder::with_buffer(body).map_err(|_| Damaged)?.single_frame();
    decoder.window_log_max(WINDOW_LOG_MAX).map_err(|_| Damaged)?;
    let mut raw = Vec::new();
    let limit = u64::try_from(declared).unwrap_or(u64::MAX).saturating_add(1);
    decoder.by_ref().take(limit).read_to_end(&mut raw).map_err(|_| Damaged)?;
    let whole = raw.len() == declared && decoder.finish().is_empty();
    if whole { Ok(raw) } else { Err(Damaged) }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use proptest::prelude::*;

    use super::*;
    use crate::limit::BODY_RAW;

    proptest! {
        #[test]
        fn what_goes_in_comes_out(raw in proptest::collection::vec(any::<u8>(), 0..5000)) {
            for effort in [Effort::Usual, Effort::Backlog] {
                let body = compress(&raw, effort).unwrap();
                prop_assert_eq!(decompress(&body, BODY_RAW), Ok(raw.clone()));
            }
        }

        #[test]
        fn any_bytes_are_refused_without_harm(body in proptest::collection::vec(any::<u8>(), 0..400)) {
            let mut framed = vec![0x28, 0xb5, 0x2f, 0xfd];
            framed.extend(&body);
            for bytes in [body, framed] {
                if let Ok(raw) = decompress(&bytes, 4096) {
                    prop_assert!(raw.len() <= 4096);
                }
            }
        }
    }

    #[test]
    fn the_largest_body_passes_and_one_byte_more_does_not() {
        let body = compress(&vec![7; BODY_RAW], Effort::Usual).unwrap();
        assert_eq!(decompress(&body, BODY_RAW).unwrap().len(), BODY_RAW);
        let bomb = compress(&vec![7; BODY_RAW + 1], Effort::Usual).unwrap();
        assert_eq!(decompress(&bomb, BODY_RAW), Err(BadCompression::TooLarge { max: BODY_RAW }));
    }

    #[test]
    fn an_undeclared_size_a_cut_and_a_tail_are_refused() {
        let mut encoder = zstd::stream::write::Encoder::new(Vec::new(), 3).unwrap();
        encoder.include_contentsize(false).unwrap();
        encoder.write_all(&[1; 1000]).unwrap();
        let undeclared = encoder.finish().unwrap();
        assert_eq!(decompress(&undeclared, BODY_RAW), Err(BadCompression::Undeclared));

        let body = compress(&[1; 1000], Effort::Usual).unwrap();
        assert_eq!(decompress(&body[..body.len() - 1], BODY_RAW), Err(BadCompression::Damaged));
        let mut tail = body.clone();
        tail.push(0);
        assert_eq!(decompress(&tail, BODY_RAW), Err(BadCompression::Damaged));
    }

    #[test]
    fn a_header_that_lies_about_its_size_is_refused() {
        let mut encoder = zstd::stream::write::Encoder::new(Vec::new(), 3).unwrap();
        encoder.set_pledged_src_size(Some(1000)).unwrap();
        encoder.include_contentsize(true).unwrap();
        encoder.write_all(&[1; 1000]).unwrap();
        let body = encoder.finish().unwrap();
        // The content size stands behind the 4 magic bytes and the descriptor byte.
        let mut lie = body;
        let at = lie.windows(2).position(|pair| pair == (1000u16 - 256).to_le_bytes()).unwrap();
        lie[at..at + 2].copy_from_slice(&(900u16 - 256).to_le_bytes());
        assert!(decompress(&lie, BODY_RAW).is_err());
    }
}
