//! What a binary gives the kit.

use std::fmt::Debug;
use std::future::Future;
use std::sync::Arc;

use chrono::{DateTime, Utc};

use crate::asset::Assets;
use crate::locale::{Locales, Texts};
use crate::page::Frame;
use crate::session::{CookieRules, Lifetime, SessionStore};

/// The unchanging part of a web UI, shared by all requests.
#[derive(Clone, Debug)]
pub struct Kit {
    /// The product's name, in titles and on the sign-in page.
    pub product: String,
    /// Texts of the kit and the binary.
    pub locales: Arc<Locales>,
    /// Files of the kit and the binary.
    pub assets: Arc<Assets>,
    /// The session cookie.
    pub cookies: CookieRules,
    /// How long sessions live.
    pub lifetime: Lifetime,
    /// Where signed-out visitors are sent.
    pub sign_in_path: &'static str,
}

impl Kit {
    /// A kit with the standard lifetime and `/sign-in`.
    #[must_use]
    pub fn new(product: impl Into<String>, locales: Locales, assets: Assets, cookies: CookieRules) -> Self {
        Self {
            product: product.into(),
            locales: Arc::new(locales),
            assets: Arc::new(assets),
            cookies,
            lifetime: Lifetime::default(),
            sign_in_path: "/sign-in",
        }
    }
}

/// The state of a binary's web UI: axum's state type, cheap to clone.
pub trait WebApp: Clone + Send + Sync + 'static {
    /// A signed-in person.
    type User: Clone + Send + Sync + 'static;
    /// What a route can require.
    type Permission: Copy + Debug + Eq + Send + Sync + 'static;
    /// Where sessions are kept.
    type Sessions: SessionStore<User = Self::User>;

    /// The kit as this listener serves it.
    fn kit(&self) -> &Arc<Kit>;

    /// The session rows.
    fn sessions(&self) -> &Self::Sessions;

    /// The time, from the binary's clock.
    fn now(&self) -> DateTime<Utc>;

    /// Bytes from the system's random source.
    fn random(&self) -> [u8; 32];

    /// Whether the person holds the permission at all. Whether it reaches the object at hand is for the service
    /// that loads the object.
    fn allows(&self, user: &Self::User, permission: Self::Permission) -> bool;

    /// The site's name, navigation, state and user menu around a page.
    fn frame(&self, user: Option<&Self::User>, texts: &Texts) -> impl Future<Output = Frame> + Send;
}

#[cfg(test)]
pub(crate) mod fixture;
