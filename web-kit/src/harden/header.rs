//! Security headers on every answer.

use std::fmt;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use http::{HeaderMap, HeaderName, HeaderValue, header};

/// What pages may not use, unless a handler sets the header itself.
pub const PERMISSIONS_POLICY: HeaderValue = HeaderValue::from_static(
    "accelerometer=(), autoplay=(), camera=(), display-capture=(), geolocation=(), gyroscope=(), \
     hid=(), magnetometer=(), microphone=(), midi=(), payment=(), publickey-credentials-get=(self), \
     screen-wake-lock=(self), serial=(), usb=(), xr-spatial-tracking=()",
);

/// A content security policy that allows nothing but this site's own files.
///
/// Inline scripts, inline styles and `eval` stay forbidden; a page that seems to need them needs another solution.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Csp(Vec<(&'static str, String)>);

impl Default for Csp {
    fn default() -> Self {
        let own = |directive| (directive, "'self'".to_owned());
        let none = |directive| (directive, "'none'".to_owned());
        Self(vec![
            none("default-src"),
            own("script-src"),
            own("style-src"),
            ("img-src", "'self' data:".to_owned()),
            own("connect-src"),
            own("font-src"),
            own("manifest-src"),
            own("form-action"),
            none("base-uri"),
            none("frame-ancestors"),
            none("object-src"),
        ])
    }
}

impl Csp {
    /// Adds a source to a directive, such as `worker-src 'self'` for a service worker.
    #[must_use]
    pub fn allow(mut self, directive: &'static str, source: &str) -> Self {
        if let Some((_, sources)) = self.0.iter_mut().find(|(name, _)| *name == directive) {
            if sources == "'none'" {
                sources.clear();
            } else {
                sources.push(' ');
            }
            sources.push_str(source);
        } else {
            self.0.push((directive, source.to_owned()));
        }
        self
    }
}

impl fmt::Display for Csp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (directive, sources)) in self.0.iter().enumerate() {
            let separator = if index == 0 { "" } else { "; " };
            write!(f, "{separator}{directive} {sources}")?;
        }
        Ok(())
    }
}

/// The values, made once.
pub(super) struct Headers {
    csp: HeaderValue,
    tls: bool,
}

impl Headers {
    pub(super) fn new(tls: bool, csp: &Csp) -> Self {
        let csp =
            HeaderValue::from_str(&csp.to_string()).unwrap_or(HeaderValue::from_static("default-src 'none'"));
        Self { csp, tls }
    }

    fn apply(&self, headers: &mut HeaderMap) {
        let fixed = [
            (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
            (header::X_FRAME_OPTIONS, "DENY"),
            (header::REFERRER_POLICY, "same-origin"),
            (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
            (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
        ];
        for (name, value) in fixed {
            headers.insert(name, HeaderValue::from_static(value));
        }
        headers.insert(header::CONTENT_SECURITY_POLICY, self.csp.clone());
        if self.tls {
            headers.insert(
                header::STRICT_TRANSPORT_SECURITY,
                HeaderValue::from_static("max-age=31536000; includeSubDomains"),
            );
        }
        // These two a handler may have decided otherwise: assets are cached, a page that needs the position says so.
        headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
        headers.entry(HeaderName::from_static("permissions-policy")).or_insert(PERMISSIONS_POLICY);
    }
}

pub(super) async fn add(State(rules): State<Arc<Headers>>, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    rules.apply(response.headers_mut());
    response
}
