//! The one-time token: 120 random bits in letters and digits that cannot be mistaken when read aloud.

use std::fmt;

use sha2::{Digest as _, Sha256};
use shared_model::Entropy;

/// Crockford's base 32: no I, L, O, U.
const DIGITS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// Characters of a token, five bits each.
const LENGTH: usize = 24;

/// A token as digits of base 32.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct SetUpToken([u8; LENGTH]);

impl SetUpToken {
    pub(super) fn mint(entropy: &dyn Entropy) -> Self {
        let mut random = [0; LENGTH];
        entropy.fill(&mut random);
        // Of each byte five bits: 256 is a multiple of 32, so every digit is as likely.
        Self(random.map(|byte| byte % 32))
    }

    /// Reads what was typed: case, hyphens and spaces do not count, and O is 0, I and L are 1.
    pub(super) fn parse(text: &str) -> Result<Self, ()> {
        let mut digits = Vec::with_capacity(LENGTH);
        for c in text.chars().filter(|c| !matches!(c, '-' | ' ')) {
            let c = match c.to_ascii_uppercase() {
                'O' => '0',
                'I' | 'L' => '1',
                other => other,
            };
            let digit = DIGITS.iter().position(|digit| char::from(*digit) == c).ok_or(())?;
            digits.push(u8::try_from(digit).map_err(|_| ())?);
        }
        digits.try_into().map(Self).map_err(|_| ())
    }

    /// What is stored.
    pub(super) fn hash(&self) -> [u8; 32] {
        Sha256::digest(self.0).into()
    }
}

impl fmt::Display for SetUpToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, digit) in self.0.iter().enumerate() {
            if at > 0 && at % 4 == 0 {
                f.write_str("-")?;
            }
            let digit = DIGITS.get(usize::from(*digit)).copied().unwrap_or(b'0');
            write!(f, "{}", char::from(digit))?;
        }
        Ok(())
    }
}

impl fmt::Debug for SetUpToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SetUpToken(hidden)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Counting;

    impl Entropy for Counting {
        fn fill(&self, target: &mut [u8]) {
            for (byte, value) in target.iter_mut().zip(0..) {
                *byte = value;
            }
        }
    }

    #[test]
    fn a_token_is_read_back_however_it_is_typed() {
        let token = SetUpToken::mint(&Counting);
        let text = token.to_string();
        assert_eq!(text, "0123-4567-89AB-CDEF-GHJK-MNPQ");
        for typed in [
            text.clone(),
            text.to_lowercase(),
            text.replace('-', " "),
            text.replace('0', "O").replace('1', "l"),
        ] {
            assert_eq!(SetUpToken::parse(&typed), Ok(token.clone()), "{typed}");
        }
    }

    #[test]
    fn anything_else_is_none() {
        for text in ["", "0123", "0123-4567-89AB-CDEF-GHJK-MNPQ-R", "U123-4567-89AB-CDEF-GHJK-MNPQ", "ü"] {
            assert_eq!(SetUpToken::parse(text), Err(()), "{text}");
        }
    }
}
