//! The state behind the pages.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use http::HeaderMap;
use http::request::Parts;
use parking_lot::Mutex;
use shared_model::access::{Permission, Role};
use shared_model::{Clock, CompanyId, Entropy, UserId};
use web_kit::password::{PasswordError, Passwords};
use web_kit::session::{CookieRules, StoredSession, TokenHash};
use web_kit::throttle::{Source, Throttle};
use web_kit::{Assets, Failure, Frame, Key, Kit, NavItem, Refusal, SessionStore, Texts, UserMenu, WebApp};

use super::text;
use crate::http_server::ClientAddress;
use crate::store::audit::{Author, Via};
use crate::store::{CompanyAccess, Store, StoreError};

/// A signed-in person, and the company whose pages the session shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// Who.
    pub id: UserId,
    /// What the person is called.
    pub name: String,
    /// The address under which the person signs in.
    pub email: String,
    /// Whether the person operates the cloud.
    pub operator: bool,
    /// The company, its name, and the person's role there.
    pub company: Option<(CompanyId, String, Role)>,
}

impl Person {
    /// Access to the company that the session shows.
    ///
    /// # Errors
    /// `NotFound` for a person without a company.
    pub(super) fn access(&self) -> Result<CompanyAccess, Failure> {
        match &self.company {
            Some((company, ..)) => Ok(CompanyAccess::of_member(*company, self.id)),
            None => Err(Refusal::NotFound.into()),
        }
    }

    /// The person as the author of a change made on a page.
    pub(super) fn author(&self, at: DateTime<Utc>) -> Author {
        Author { actor: self.id.into(), via: Via::Web, at }
    }

    fn may(&self, permission: Permission) -> bool {
        (self.operator && Role::Operator.may(permission))
            || self.company.as_ref().is_some_and(|(.., role)| role.may(permission))
    }
}

/// The state of the pages; clones share it.
#[derive(Clone)]
pub struct App {
    inner: Arc<Inner>,
}

struct Inner {
    kit: Arc<Kit>,
    https: bool,
    sessions: Sessions,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    passwords: Passwords,
    throttle: Mutex<Throttle>,
}

impl std::fmt::Debug for App {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("App").finish_non_exhaustive()
    }
}

impl App {
    /// The pages over a store. With `https` cookies are for encrypted connections only.
    ///
    /// # Errors
    /// When the password hash of nobody cannot be made, which it always can.
    pub fn new(
        store: Store,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
        https: bool,
    ) -> Result<Self, PasswordError> {
        let mut salt = [0; 16];
        let mut secret = [0; 32];
        entropy.fill(&mut salt);
        entropy.fill(&mut secret);
        let passwords = Passwords::new(salt, secret)?;
        let kit = Kit::new("Muster", text::locales(), Assets::kit(), CookieRules::new("muster-cloud", https));
        let inner = Inner {
            kit: Arc::new(kit),
            https,
            sessions: Sessions { store },
            clock,
            entropy,
            passwords,
            throttle: Mutex::default(),
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    pub(super) fn store(&self) -> &Store {
        &self.inner.sessions.store
    }

    pub(super) fn clock(&self) -> &dyn Clock {
        &*self.inner.clock
    }

    pub(super) fn entropy(&self) -> &dyn Entropy {
        &*self.inner.entropy
    }

    pub(super) fn passwords(&self) -> &Passwords {
        &self.inner.passwords
    }

    pub(super) fn throttle(&self) -> &Mutex<Throttle> {
        &self.inner.throttle
    }

    /// The cloud's address as this request has it; its host is one that we answer to.
    pub(super) fn address(&self, headers: &HeaderMap) -> String {
        let scheme = if self.inner.https { "https" } else { "http" };
        let host = headers.get(http::header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
        format!("{scheme}://{host}")
    }

    /// New salt for a password.
    pub(super) fn salt(&self) -> [u8; 16] {
        let mut salt = [0; 16];
        self.entropy().fill(&mut salt);
        salt
    }
}

impl WebApp for App {
    type User = Person;
    type Permission = Permission;
    type Sessions = Sessions;

    fn kit(&self) -> &Arc<Kit> {
        &self.inner.kit
    }

    fn sessions(&self) -> &Sessions {
        &self.inner.sessions
    }

    fn now(&self) -> DateTime<Utc> {
        self.inner.clock.now()
    }

    fn random(&self) -> [u8; 32] {
        let mut bytes = [0; 32];
        self.inner.entropy.fill(&mut bytes);
        bytes
    }

    fn allows(&self, person: &Person, permission: Permission) -> bool {
        person.may(permission)
    }

    async fn frame(&self, person: Option<&Person>, texts: &Texts) -> Frame {
        let product = || self.inner.kit.product.clone();
        let Some(person) = person else { return Frame { site: product(), ..Frame::default() } };
        let site = person.company.as_ref().map_or_else(product, |(_, name, _)| name.clone());
        let role = person.company.as_ref().map_or(Role::Operator, |(.., role)| *role);
        Frame {
            alarm: None,
            site,
            nav: navigation(person, texts),
            pill: None,
            user: Some(UserMenu {
                name: person.name.clone(),
                role: texts.t(text::role(role)).to_string(),
                links: vec![
                    (texts.t("account-title").to_string(), "/account".to_owned()),
                    (texts.t("switch-title").to_string(), "/switch".to_owned()),
                ],
                sign_out: "/sign-out",
            }),
        }
    }
}

fn navigation(person: &Person, texts: &Texts) -> Vec<NavItem> {
    [
        (Permission::AttendanceView, "/", Key::new("nav-today"), "today"),
        (Permission::ApprovalsView, "/approvals", Key::new("nav-approvals"), "approve"),
        (Permission::SitesView, "/sites", Key::new("nav-sites"), "factory"),
        (Permission::ClocksView, "/clocks", Key::new("nav-clocks"), "device"),
        (Permission::PeopleView, "/people", Key::new("nav-people"), "people"),
        (Permission::SyncView, "/edges", Key::new("nav-edges"), "sync"),
        (Permission::PeopleView, "/attention", Key::new("nav-attention"), "alert"),
        (Permission::SyncView, "/conflicts", Key::new("nav-conflicts"), "half"),
        (Permission::CompaniesEdit, "/companies", Key::new("nav-companies"), "building"),
    ]
    .into_iter()
    .filter(|(permission, ..)| person.may(*permission))
    .map(|(_, href, label, icon)| NavItem::new(href, texts.t(label), icon))
    .collect()
}

/// Sessions in the cloud's database.
#[derive(Debug, Clone)]
pub struct Sessions {
    store: Store,
}

impl SessionStore for Sessions {
    type User = Person;
    type Error = StoreError;

    async fn find(&self, key: &TokenHash) -> Result<Option<StoredSession<Person>>, StoreError> {
        let found = self.store.web_session(key.as_bytes()).await?;
        Ok(found.map(|row| StoredSession {
            user: Person {
                id: row.user,
                name: row.name,
                email: row.email,
                operator: row.operator,
                company: row.company,
            },
            signed_in_at: row.signed_in_at,
            last_seen_at: row.last_seen_at,
        }))
    }

    async fn insert(&self, key: &TokenHash, person: &Person, now: DateTime<Utc>) -> Result<(), StoreError> {
        self.store.add_web_session(key.as_bytes(), person.id, now).await
    }

    async fn touch(&self, key: &TokenHash, now: DateTime<Utc>) -> Result<(), StoreError> {
        self.store.touch_web_session(key.as_bytes(), now).await
    }

    async fn delete(&self, key: &TokenHash) -> Result<(), StoreError> {
        self.store.end_web_session(key.as_bytes()).await
    }
}

/// Where a request comes from, for slowing down guesses.
#[derive(Debug, Clone, Copy)]
pub(super) struct Peer(pub(super) Source);

impl<S: Send + Sync> axum::extract::FromRequestParts<S> for Peer {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        let address = parts.extensions.get::<ClientAddress>();
        Ok(Self(address.map_or(Source::Console, |ClientAddress(address)| Source::of_peer(*address))))
    }
}
