//! Codes that people type once: enrolment of an edge, the first password.
//!
//! Crockford's base 32 (no I, L, O, U), in groups of four. Reading forgives small letters, spaces, dashes, and O, I, L for
//! 0, 1, 1. Only a code's hash is stored; a code has at least 80 random bits, so a plain hash cannot be searched.

use std::fmt;

use shared_model::Entropy;

const DIGITS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const SHORTEST: usize = 16;
const LONGEST: usize = 32;

/// A one-time code. `Display` is the form that people type; `Debug` shows nothing.
#[derive(Clone, PartialEq, Eq)]
pub struct OneTimeCode(String);

/// A text that is no code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no one-time code: expected groups of four letters and digits")]
pub struct BadCode;

impl OneTimeCode {
    /// A code of 80 random bits, for the enrolment of an edge.
    #[must_use]
    pub fn enrolment(entropy: &(impl Entropy + ?Sized)) -> Self {
        Self::draw(entropy, 16)
    }

    /// A code of 120 random bits, for setting a password.
    #[must_use]
    pub fn password(entropy: &(impl Entropy + ?Sized)) -> Self {
        Self::draw(entropy, 24)
    }

    fn draw(entropy: &(impl Entropy + ?Sized), digits: usize) -> Self {
        let mut bytes = vec![0; digits];
        entropy.fill(&mut bytes);
        Self(bytes.iter().map(|byte| char::from(DIGITS[usize::from(byte & 31)])).collect())
    }

    /// Reads what a person typed.
    ///
    /// # Errors
    /// [`BadCode`] for other characters or another length than codes have.
    pub fn parse(text: &str) -> Result<Self, BadCode> {
        let mut digits = String::with_capacity(LONGEST);
        for typed in text.chars().filter(|c| !matches!(c, '-' | ' ')) {
            let digit = match typed.to_ascii_uppercase() {
                'O' => '0',
                'I' | 'L' => '1',
                other => other,
            };
            if digits.len() == LONGEST || !DIGITS.iter().any(|known| char::from(*known) == digit) {
                return Err(BadCode);
            }
            digits.push(digit);
        }
        if digits.len() < SHORTEST { Err(BadCode) } else { Ok(Self(digits)) }
    }

    /// What is stored of it.
    #[must_use]
    pub fn hash(&self) -> [u8; 32] {
        let mut hash = blake3::Hasher::new();
        hash.update(b"muster one-time code v1").update(self.0.as_bytes());
        *hash.finalize().as_bytes()
    }
}

impl fmt::Display for OneTimeCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (nth, digit) in self.0.chars().enumerate() {
            if nth > 0 && nth % 4 == 0 {
                f.write_str("-")?;
            }
            write!(f, "{digit}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for OneTimeCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OneTimeCode(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::OsEntropy;

    #[test]
    fn a_code_is_read_back_as_people_write_it() {
        for code in [OneTimeCode::enrolment(&OsEntropy), OneTimeCode::password(&OsEntropy)] {
            let text = code.to_string();
            for typed in [text.clone(), text.to_lowercase(), text.replace('-', " "), text.replace('-', "")] {
                assert_eq!(OneTimeCode::parse(&typed).unwrap().hash(), code.hash(), "{typed}");
            }
            assert_ne!(OneTimeCode::enrolment(&OsEntropy), code);
        }
        assert_eq!(OneTimeCode::parse("oil0-0000-0000-0000").unwrap().to_string(), "0110-0000-0000-0000");
        for bad in ["", "ABC", "U000-0000-0000-0000", &"0".repeat(33), "0000-0000-0000-000é"] {
            assert_eq!(OneTimeCode::parse(bad), Err(BadCode), "{bad}");
        }
    }

    #[test]
    fn an_enrolment_code_has_eighty_bits_in_four_groups() {
        let text = OneTimeCode::enrolment(&OsEntropy).to_string();
        assert_eq!(text.split('-').map(str::len).collect::<Vec<_>>(), [4, 4, 4, 4]);
    }
}
