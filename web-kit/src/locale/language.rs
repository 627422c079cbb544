//! Which language a request gets.

use fluent_templates::{LanguageIdentifier, langid};
use http::{HeaderMap, HeaderValue, header};

use crate::session::cookie;

/// The name of the cookie that keeps a chosen language.
pub const LANGUAGE_COOKIE: &str = "lang";

/// How many entries of an `Accept-Language` are looked at.
const MAX_ENTRIES: usize = 16;

/// The `Set-Cookie` value that keeps a choice for a year, or `None` for a language not offered.
#[must_use]
pub fn language_cookie(offered: &[LanguageIdentifier], choice: &str) -> Option<HeaderValue> {
    let language = matching(offered, choice)?;
    HeaderValue::from_str(&format!(
        "{LANGUAGE_COOKIE}={language}; Path=/; Max-Age=31536000; HttpOnly; SameSite=Strict"
    ))
    .ok()
}

pub(super) fn choose(offered: &[LanguageIdentifier], headers: &HeaderMap) -> LanguageIdentifier {
    if let Some(language) = cookie::value(headers, LANGUAGE_COOKIE).and_then(|tag| matching(offered, tag)) {
        return language.clone();
    }
    let accepted = headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok()).unwrap_or("");
    let mut wishes: Vec<(u16, &str)> = accepted
        .split(',')
        .take(MAX_ENTRIES)
        .map(|entry| {
            let (tag, weight) = entry.split_once(';').unwrap_or((entry, ""));
            (weight_in_thousandths(weight), tag.trim())
        })
        .filter(|(weight, _)| *weight > 0)
        .collect();
    // The sort is stable: equal weights stay in the order they were sent.
    wishes.sort_by_key(|(weight, _)| std::cmp::Reverse(*weight));
    wishes.iter().find_map(|(_, tag)| matching(offered, tag)).cloned().unwrap_or(langid!("en"))
}

/// Reads `q=0.8` as 800; what is absent or unreadable counts as 1000 (RFC 9110, 12.4.2).
fn weight_in_thousandths(parameter: &str) -> u16 {
    let Some(value) = parameter.trim().strip_prefix("q=") else { return 1000 };
    let (whole, fraction) = value.split_once('.').unwrap_or((value, ""));
    match whole {
        "0" => format!("{fraction:0<3}").get(..3).and_then(|digits| digits.parse().ok()).unwrap_or(0),
        _ => 1000,
    }
}

fn matching<'a>(offered: &'a [LanguageIdentifier], tag: &str) -> Option<&'a LanguageIdentifier> {
    let wanted: LanguageIdentifier = tag.parse().ok()?;
    offered
        .iter()
        .find(|language| **language == wanted)
        .or_else(|| offered.iter().find(|language| language.language == wanted.language))
}
