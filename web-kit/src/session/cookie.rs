//! Reading and writing cookies.

use http::{HeaderMap, HeaderValue, header};

use super::{Lifetime, SessionToken};

/// The longest cookie value looked at, in bytes.
const MAX_VALUE: usize = 2048;

/// The value of a cookie. When a browser sends two of that name, neither is believed.
#[must_use]
pub fn value<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let mut found = None;
    for line in headers.get_all(header::COOKIE) {
        let Ok(line) = line.to_str() else { continue };
        for pair in line.split(';') {
            let Some((key, value)) = pair.trim().split_once('=') else { continue };
            if key == name {
                if found.is_some() || value.len() > MAX_VALUE {
                    return None;
                }
                found = Some(value);
            }
        }
    }
    found
}

/// The `Set-Cookie` value that removes a cookie of this site.
pub(crate) fn cleared(name: &str, secure: bool) -> HeaderValue {
    let secure = if secure { "; Secure" } else { "" };
    header_value(&format!("{name}=; Path=/; Max-Age=0; HttpOnly; SameSite=Strict{secure}"))
}

pub(crate) fn header_value(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).unwrap_or(HeaderValue::from_static(""))
}

/// How the session cookie is named and guarded.
///
/// Cookies are shared between ports of a host, so each binary uses a name of its own. Behind TLS the name starts with
/// `__Host-`, which makes browsers insist on `Secure`, `Path=/` and no `Domain`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CookieRules {
    name: String,
    secure: bool,
}

impl CookieRules {
    /// Rules for a binary's own cookie `name` (letters, digits, `-`), served over TLS or not.
    #[must_use]
    pub fn new(name: &'static str, tls: bool) -> Self {
        debug_assert!(name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-'), "a plain name");
        Self { name: if tls { format!("__Host-{name}") } else { name.to_owned() }, secure: tls }
    }

    /// The cookie's full name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether cookies are marked `Secure`.
    #[must_use]
    pub const fn secure(&self) -> bool {
        self.secure
    }

    pub(crate) fn read(&self, headers: &HeaderMap) -> Option<SessionToken> {
        value(headers, &self.name).and_then(SessionToken::parse)
    }

    pub(crate) fn set(&self, token: &SessionToken, lifetime: Lifetime) -> HeaderValue {
        let secure = if self.secure { "; Secure" } else { "" };
        header_value(&format!(
            "{}={}; Path=/; Max-Age={}; HttpOnly; SameSite=Strict{secure}",
            self.name,
            token.text(),
            lifetime.absolute.num_seconds()
        ))
    }

    pub(crate) fn clear(&self) -> HeaderValue {
        cleared(&self.name, self.secure)
    }
}
