//! Paths inside this site: the only targets a redirect may take from a request.

use std::fmt;

/// The longest path kept, in bytes.
const MAX_BYTES: usize = 1024;

/// An absolute path of this site with its query, safe as a redirect target.
///
/// Browsers read `//host` and `/\host` as another site and drop tabs and line breaks inside a URL, so all of
/// these are refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalPath(String);

impl LocalPath {
    /// Reads a path a browser sent.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut bytes = text.bytes();
        let local = text.len() <= MAX_BYTES
            && bytes.next() == Some(b'/')
            && bytes.next() != Some(b'/')
            && text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
        local.then(|| Self(text.to_owned()))
    }

    /// The start page.
    #[must_use]
    pub fn root() -> Self {
        Self("/".to_owned())
    }

    /// The path with its query.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for LocalPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Writes text so that it can stand as a value in a query (RFC 3986, unreserved characters stay).
#[must_use]
pub fn encode_query_value(text: &str) -> String {
    use fmt::Write as _;
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~' | b'/') {
            out.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("/")]
    #[case("/devices?sort=name&page=2")]
    #[case("/people/%E0%A6%95")]
    fn paths_of_this_site_are_kept(#[case] text: &str) {
        assert_eq!(LocalPath::parse(text).map(|path| path.to_string()), Some(text.to_owned()));
    }

    #[rstest]
    #[case("")]
    #[case("devices")]
    #[case("//evil.example")]
    #[case("/\\evil.example")]
    #[case("/\t/evil.example")]
    #[case("/a\r\nSet-Cookie: x=1")]
    #[case("https://evil.example/")]
    #[case("javascript:alert(1)")]
    #[case("/people/\u{9}\u{202e}")]
    fn everything_else_is_refused(#[case] text: &str) {
        assert_eq!(LocalPath::parse(text), None);
    }

    #[test]
    fn overlong_paths_are_refused() {
        assert_eq!(LocalPath::parse(&format!("/{}", "a".repeat(MAX_BYTES))), None);
    }

    #[test]
    fn query_values_cannot_end_their_parameter() {
        assert_eq!(encode_query_value("/a?b=c&d=é"), "/a%3Fb%3Dc%26d%3D%C3%A9");
    }
}
