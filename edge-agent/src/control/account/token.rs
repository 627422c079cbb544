//! The one-time token of the first set-up: 120 random bits in letters and digits that cannot be mistaken when read aloud.

use std::fmt;

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use shared_model::{Clock, Entropy};

use super::super::hidden::Hidden;
use super::super::{Act, Agent, Progress, Refusal};
use crate::store::{Store, StoreError};

/// Crockford's base 32: no I, L, O, U.
const DIGITS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// Characters of a token, five bits each.
const LENGTH: usize = 24;

/// How long a token may be used.
const VALID: TimeDelta = TimeDelta::hours(24);

/// Makes a new one-time token for the first set-up of a running agent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FreshSetUp {}

/// The token with the page where it is used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetUpAnswer {
    /// The one-time token as it is typed.
    pub token: Hidden,
    /// The page with the token; only a browser on the same machine may open it.
    pub url: Hidden,
    /// How long it may be used, hours.
    pub valid_hours: i64,
}

/// The link of a first set-up. Who has it makes the first account: show it to whoever installs, and keep it nowhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetUpLink {
    /// The one-time token as it is typed.
    pub token: String,
    /// The path with the token, to follow the address of the pages.
    pub path: String,
}

/// Makes a new one-time token, if nobody has an account yet; tokens made before are void.
///
/// # Errors
/// What the store says.
pub async fn set_up_link(
    store: &Store,
    clock: &dyn Clock,
    entropy: &dyn Entropy,
) -> Result<Option<SetUpLink>, StoreError> {
    if store.read(crate::store::ReadTx::has_local_user).await? {
        return Ok(None);
    }
    let token = SetUpToken::mint(entropy);
    let (hash, expires) = (token.hash(), clock.now() + VALID);
    store.write(move |tx| tx.put_setup_token(&hash, expires)).await?;
    let token = token.to_string();
    let path = format!("/set-up?token={token}");
    Ok(Some(SetUpLink { token, path }))
}

/// A token as digits of base 32.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct SetUpToken([u8; LENGTH]);

impl SetUpToken {
    pub(crate) fn mint(entropy: &dyn Entropy) -> Self {
        let mut random = [0; LENGTH];
        entropy.fill(&mut random);
        // Of each byte five bits: 256 is a multiple of 32, so every digit is as likely.
        Self(random.map(|byte| byte % 32))
    }

    /// Reads what was typed: case, hyphens and spaces do not count, and O is 0, I and L are 1.
    pub(crate) fn parse(text: &str) -> Result<Self, ()> {
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
    pub(crate) fn hash(&self) -> [u8; 32] {
        Sha256::digest(self.0).into()
    }
}

impl Act for FreshSetUp {
    async fn act(self, agent: &Agent, _: &Progress) -> Result<SetUpAnswer, Refusal> {
        let Some(pages) = agent.pages.get() else {
            return Err(Refusal::refused(
                "no agent serves its pages on this folder: start it with `muster-edge run`, which prints a token by itself",
            ));
        };
        let link = set_up_link(&agent.store, &*agent.clock, &*agent.entropy).await?;
        let link = link.ok_or_else(|| {
            Refusal::refused(
                "somebody has an account already, so nothing is to be set up: sign in, or help them back in with `user \
                 reset-password`",
            )
        })?;
        Ok(SetUpAnswer {
            url: Hidden::new(format!("{pages}{}", link.path)),
            token: Hidden::new(link.token),
            valid_hours: VALID.num_hours(),
        })
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
