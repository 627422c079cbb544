//! The list of names a site answers to: a page elsewhere that points its own name at this address (DNS rebinding)
//! gets nothing.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::{header, uri::Authority};

use crate::failure::Refusal;

/// Host names and addresses, without ports.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HostList(Vec<String>);

impl HostList {
    /// This machine as a browser on it writes it.
    #[must_use]
    pub fn loopback() -> Self {
        Self(vec!["localhost".to_owned(), "127.0.0.1".to_owned(), "[::1]".to_owned()])
    }

    /// Adds a DNS name or an address; an IPv6 address is written in brackets.
    #[must_use]
    pub fn with(mut self, name: impl AsRef<str>) -> Self {
        self.0.push(name.as_ref().trim_end_matches('.').to_ascii_lowercase());
        self
    }

    fn allows(&self, authority: &str) -> bool {
        let Ok(authority) = authority.parse::<Authority>() else { return false };
        if authority.as_str().contains('@') {
            return false;
        }
        let host = authority.host().trim_end_matches('.').to_ascii_lowercase();
        self.0.contains(&host)
    }
}

pub(super) async fn check(State(hosts): State<Arc<HostList>>, request: Request, next: Next) -> Response {
    let mut named = request.headers().get_all(header::HOST).iter();
    let header = named.next();
    if named.next().is_some() {
        return Refusal::BadRequest.into_response();
    }
    // HTTP/2 and absolute-form requests name the host in the target; where both are given, both must be ours.
    let target = request.uri().authority().map(Authority::as_str);
    let header = match header.map(http::HeaderValue::to_str) {
        Some(Ok(text)) => Some(text),
        Some(Err(_)) => return Refusal::BadRequest.into_response(),
        None => None,
    };
    if header.is_none() && target.is_none() {
        return Refusal::BadRequest.into_response();
    }
    if header.into_iter().chain(target).all(|name| hosts.allows(name)) {
        next.run(request).await
    } else {
        Refusal::UnknownHost.into_response()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("localhost", true)]
    #[case("localhost:8080", true)]
    #[case("LOCALHOST.:8080", true)]
    #[case("127.0.0.1:8080", true)]
    #[case("[::1]:8080", true)]
    #[case("muster.factory.example", true)]
    #[case("evil.example", false)]
    #[case("localhost.evil.example", false)]
    #[case("localhost@evil.example", false)]
    #[case("evil.example@localhost", false)]
    #[case("127.0.0.1.evil.example", false)]
    #[case("", false)]
    #[case("local host", false)]
    fn only_listed_names_are_answered(#[case] authority: &str, #[case] allowed: bool) {
        let hosts = HostList::loopback().with("Muster.factory.example.");
        assert_eq!(hosts.allows(authority), allowed);
    }
}
