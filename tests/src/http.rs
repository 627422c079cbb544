//! The HTTP client of the tests.

use std::time::Duration;

use anyhow::Result;

/// A client with a time limit, no proxies and no redirects followed.
///
/// # Errors
/// When the TLS provider is unusable.
pub fn client() -> Result<reqwest::Client> {
    // Another part of the same program may have installed it.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Ok(reqwest::Client::builder()
        .timeout(Duration::from_secs(30))
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .build()?)
}
