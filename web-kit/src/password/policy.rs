//! Which passwords are taken: long enough, and not among the first that anyone would try.
//!
//! No rules on character classes and no expiry (OWASP ASVS 6.2): they make people choose worse ones.

use std::fmt;

/// The fewest characters.
pub const MIN_CHARS: usize = 8;

/// The most characters; far above any password manager's, so that hashing stays bounded.
pub const MAX_CHARS: usize = 128;

/// Why a password is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PolicyError {
    /// Fewer than [`MIN_CHARS`] characters.
    #[error("password is too short")]
    TooShort,
    /// More than [`MAX_CHARS`] characters.
    #[error("password is too long")]
    TooLong,
    /// Among the first guesses, or made of the person's or the site's own name.
    #[error("password is too easy to guess")]
    TooCommon,
}

impl PolicyError {
    /// The text for the field.
    #[must_use]
    pub const fn key(self) -> crate::Key {
        match self {
            Self::TooShort => crate::Key::new("password-too-short"),
            Self::TooLong => crate::Key::new("password-too-long"),
            Self::TooCommon => crate::Key::new("password-too-common"),
        }
    }
}

/// A password that may be set.
#[derive(Clone, PartialEq, Eq)]
pub struct NewPassword(String);

impl NewPassword {
    /// Judges a typed password. `personal` are words an attacker knows: the user's name, the site, the company.
    ///
    /// # Errors
    /// The reason it is refused.
    pub fn parse(text: &str, personal: &[&str]) -> Result<Self, PolicyError> {
        let chars = text.chars().count();
        if chars < MIN_CHARS {
            return Err(PolicyError::TooShort);
        }
        if chars > MAX_CHARS {
            return Err(PolicyError::TooLong);
        }
        if is_guessable(text, personal) {
            return Err(PolicyError::TooCommon);
        }
        Ok(Self(text.to_owned()))
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for NewPassword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NewPassword(hidden)")
    }
}

/// Words that lists of leaked passwords are full of, and those of this trade.
const WORDS: [&str; 56] = [
    "access",
    "admin",
    "administrator",
    "attendance",
    "azerty",
    "bangladesh",
    "baseball",
    "changeme",
    "chittagong",
    "company",
    "default",
    "dhaka",
    "dragon",
    "employee",
    "factory",
    "fingerprint",
    "flower",
    "football",
    "freedom",
    "garment",
    "garments",
    "guest",
    "hello",
    "iloveyou",
    "india",
    "internet",
    "letmein",
    "login",
    "master",
    "michael",
    "monkey",
    "muster",
    "office",
    "passw",
    "password",
    "payroll",
    "princess",
    "punch",
    "qazwsx",
    "qwerty",
    "qwertyuiop",
    "root",
    "secret",
    "shadow",
    "starwars",
    "summer",
    "sunshine",
    "super",
    "superman",
    "test",
    "trustno",
    "user",
    "welcome",
    "whatever",
    "winter",
    "zkteco",
];

/// Rows of keys and alphabets, which people walk along.
const WALKS: [&str; 7] = [
    "abcdefghijklmnopqrstuvwxyz",
    "01234567890",
    "qwertyuiop",
    "asdfghjkl",
    "zxcvbnm",
    "1qaz2wsx3edc4rfv5tgb6yhn7ujm",
    "1q2w3e4r5t6y7u8i9o0p",
];

fn is_guessable(text: &str, personal: &[&str]) -> bool {
    let lower = text.to_lowercase();
    let personal = personal.iter().flat_map(|name| name.split(|c: char| !c.is_alphanumeric()));
    let personal: Vec<String> =
        personal.filter(|word| word.chars().count() >= 3).map(str::to_lowercase).collect();
    let mut words: Vec<&str> = WORDS.into_iter().chain(personal.iter().map(String::as_str)).collect();
    words.sort_by_key(|word| std::cmp::Reverse(word.len()));
    let plain: String = lower.chars().map(plain_letter).collect();
    is_around_words(&lower, &words)
        || is_around_words(&plain, &words)
        || is_walk(&lower)
        || has_few_different(&lower)
}

/// Little is left when the words an attacker tries first are taken away: digits and signs around them.
fn is_around_words(text: &str, words: &[&str]) -> bool {
    let mut rest = text.to_owned();
    for word in words {
        rest = rest.replace(word, "");
    }
    let unknown_letters = rest.chars().filter(|c| c.is_alphabetic()).count();
    rest.len() < text.len() && unknown_letters < 4 && rest.chars().count() < MIN_CHARS
}

/// Undoes the replacements everybody knows.
fn plain_letter(c: char) -> char {
    match c {
        '@' | '4' => 'a',
        '3' => 'e',
        '1' | '!' => 'i',
        '0' => 'o',
        '$' | '5' => 's',
        '7' => 't',
        other => other,
    }
}

/// All of it is made of walks of four keys or more, forward or backward.
fn is_walk(lower: &str) -> bool {
    let chars: Vec<char> = lower.chars().collect();
    let backward: Vec<String> = WALKS.iter().map(|walk| walk.chars().rev().collect()).collect();
    let mut at = 0;
    while at < chars.len() {
        let longest = (4..=chars.len() - at).rev().find(|length| {
            let piece: String = chars.iter().skip(at).take(*length).collect();
            WALKS.iter().any(|walk| walk.contains(&piece))
                || backward.iter().any(|walk| walk.contains(&piece))
        });
        let Some(length) = longest else { return false };
        at += length;
    }
    true
}

/// `aaaaaaaa`, `12121212`, `abcabcabc`: at most three different characters.
fn has_few_different(lower: &str) -> bool {
    let mut seen: Vec<char> = lower.chars().collect();
    seen.sort_unstable();
    seen.dedup();
    seen.len() <= 3
}
