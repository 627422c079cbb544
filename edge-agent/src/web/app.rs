//! The state behind the pages.

mod session;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, NaiveDate, Utc};
use shared_model::access::{Permission, Role};
use shared_model::{ActorId, Clock, Entropy, UserId};
use web_kit::metrics::RequestCounts;
use web_kit::page::{Alarm, Pill};
use web_kit::password::{PasswordError, Passwords};
use web_kit::session::CookieRules;
use web_kit::throttle::Throttle;
use web_kit::{Assets, Frame, Key, Kit, NavItem, Texts, Tone, UserMenu, WebApp};

use super::live::Live;
use super::local_time::LocalTime;
use super::text;
use crate::control;
use crate::device::FleetHandle;
use crate::store::page::outline::{Outline, SyncStanding, SyncState};
use crate::store::{Author, LocalUser, SessionOrigin, Store, StoreError, Via};

use crate::sync::Sync;
use session::Sessions;

/// A signed-in person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// Who.
    pub id: UserId,
    /// The name typed at sign-in.
    pub name: String,
    /// The name shown.
    pub full_name: String,
    /// What the person may do.
    pub role: Role,
    /// Whether the account may look and nothing else: the cloud, whose it is, has not renewed it.
    pub looks_only: bool,
    /// From where a new session comes; empty for one that was found.
    pub(super) origin: SessionOrigin,
}

impl Person {
    pub(super) fn of(user: LocalUser) -> Self {
        Self {
            id: user.id,
            name: user.name,
            full_name: user.full_name,
            role: user.role,
            looks_only: false,
            origin: SessionOrigin::default(),
        }
    }

    /// The person as the author of a change made on a page.
    pub(super) fn author(&self) -> Author {
        Author { actor: ActorId::from(self.id), via: Via::Ui }
    }
}

/// The state of the pages; clones share it.
#[derive(Clone)]
pub struct App {
    inner: Arc<Inner>,
}

struct Inner {
    kit: Arc<Kit>,
    store: Store,
    sessions: Sessions,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    passwords: Passwords,
    throttle: Mutex<Throttle>,
    requests: RequestCounts,
    live: Live,
    sync: Sync,
    fleet: Option<FleetHandle>,
}

impl std::fmt::Debug for App {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("App").finish_non_exhaustive()
    }
}

impl App {
    /// The pages over an agent's store and its ways to the cloud and to the clocks. With `tls` cookies are for
    /// encrypted connections only.
    ///
    /// # Errors
    /// When the password hash cannot be made, which it always can.
    pub fn new(sync: Sync, fleet: Option<FleetHandle>, tls: bool) -> Result<Self, PasswordError> {
        let Sync { store, clock, entropy, .. } = sync.clone();
        let mut random = [0; 48];
        entropy.fill(&mut random);
        let (salt, secret) = random.split_at(16);
        let passwords =
            Passwords::new(salt.try_into().unwrap_or_default(), secret.try_into().unwrap_or_default())?;
        let cookies = CookieRules::new("muster-edge", tls);
        let kit = Kit::new("Muster", text::locales(), Assets::kit(), cookies);
        let inner = Inner {
            kit: Arc::new(kit),
            sessions: Sessions::new(store.clone(), Arc::clone(&clock)),
            live: Live::new(),
            store,
            clock,
            entropy,
            passwords,
            throttle: Mutex::default(),
            requests: RequestCounts::default(),
            sync,
            fleet,
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    pub(super) fn serves_tls(&self) -> bool {
        self.inner.kit.cookies.secure()
    }

    pub(super) fn store(&self) -> &Store {
        &self.inner.store
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

    pub(super) fn throttle(&self) -> MutexGuard<'_, Throttle> {
        self.inner.throttle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many requests were answered.
    pub(super) fn requests(&self) -> &RequestCounts {
        &self.inner.requests
    }

    /// The agent, asked by somebody at a page.
    pub(super) fn asked_by(&self, author: Author) -> control::Agent {
        let Sync { folder, store, cloud, clock, entropy } = self.sync().clone();
        let (pages, fleet) = (Arc::default(), self.inner.fleet.clone());
        control::Agent { store, author, folder, clock, entropy, cloud, pages, fleet }
    }

    /// The way to the cloud.
    pub(super) fn sync(&self) -> &Sync {
        &self.inner.sync
    }

    /// The way to the clocks, while any are looked after.
    pub(super) fn fleet(&self) -> Option<&FleetHandle> {
        self.inner.fleet.as_ref()
    }

    pub(super) fn live(&self) -> &Live {
        &self.inner.live
    }

    /// New salt for a password.
    pub(super) fn salt(&self) -> [u8; 16] {
        let mut salt = [0; 16];
        self.entropy().fill(&mut salt);
        salt
    }

    /// The site's local time; UTC before the set-up.
    pub(super) async fn local_time(&self) -> Result<LocalTime, StoreError> {
        let site = self.store().read(crate::store::ReadTx::site_head).await?;
        Ok(LocalTime::new(self.now(), site.map(|site| site.zones)))
    }

    /// What is wrong with the disk, for everybody who looks at a page.
    fn alarm(&self, texts: &Texts) -> Option<Alarm> {
        let (heading, advice) = if self.store().is_full() {
            (texts.t(Key::new("alarm-disk-full")), texts.t(Key::new("alarm-disk-full-advice")))
        } else if self.store().fails() {
            (texts.t(Key::new("alarm-storage")), texts.t(Key::new("alarm-storage-advice")))
        } else {
            return None;
        };
        Some(Alarm { heading: heading.to_string(), advice: advice.to_string() })
    }

    /// The date it is at the site.
    pub(super) async fn today(&self) -> Result<NaiveDate, StoreError> {
        Ok(self.local_time().await?.today())
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
        person.role.may(permission) && (!person.looks_only || permission.looks())
    }

    async fn frame(&self, person: Option<&Person>, texts: &Texts) -> Frame {
        let outline = match self.store().read(crate::store::ReadTx::outline).await {
            Ok(outline) => outline,
            Err(error) => {
                // The page itself will say that the database cannot be read; its frame need not.
                tracing::error!(error = %error, "the frame of a page could not be read");
                Outline::default()
            }
        };
        let site =
            outline.site.as_ref().map_or_else(|| self.inner.kit.product.clone(), |site| site.name.clone());
        let alarm = self.alarm(texts);
        let Some(person) = person else { return Frame { site, alarm, ..Frame::default() } };
        Frame {
            site,
            alarm,
            nav: navigation(person.role, &outline, texts),
            pill: person.role.may(Permission::SyncView).then(|| pill(&outline.sync, self.now(), texts)),
            user: Some(UserMenu {
                name: if person.full_name.is_empty() {
                    person.name.clone()
                } else {
                    person.full_name.clone()
                },
                role: texts.t(text::role(person.role)).to_string(),
                links: vec![(texts.t("account-title").to_string(), "/account".to_owned())],
                sign_out: "/sign-out",
            }),
        }
    }
}

fn navigation(role: Role, outline: &Outline, texts: &Texts) -> Vec<NavItem> {
    let item = |href, key: Key, icon| NavItem::new(href, texts.t(key), icon);
    let waiting = usize::try_from(outline.pending_clocks).unwrap_or_default();
    let approvals = usize::try_from(outline.pending_approvals).unwrap_or_default();
    [
        (Permission::AttendanceView, item("/", Key::new("nav-today"), "today")),
        (Permission::PeopleView, item("/people", Key::new("nav-people"), "people")),
        (Permission::ClocksView, item("/clocks", Key::new("nav-clocks"), "device").waiting(waiting)),
        (
            Permission::ApprovalsView,
            item("/approvals", Key::new("nav-approvals"), "approve").waiting(approvals),
        ),
        (Permission::SyncView, item("/sync", Key::new("nav-sync"), "sync")),
        (Permission::RulesView, item("/rules", Key::new("nav-rules"), "calendar")),
    ]
    .into_iter()
    .filter(|(permission, _)| role.may(*permission))
    .map(|(_, item)| item)
    .collect()
}

fn pill(sync: &SyncStanding, now: DateTime<Utc>, texts: &Texts) -> Pill {
    let waiting = sync.waiting();
    let (tone, label) = match sync.state(now) {
        SyncState::Alone => (Tone::Neutral, texts.t("pill-alone")),
        SyncState::Retired => (Tone::Bad, texts.t("pill-retired")),
        SyncState::Connecting => (Tone::Info, texts.t("pill-connecting")),
        SyncState::Away => (Tone::Warn, texts.t("pill-offline").with("count", waiting)),
        SyncState::Sending => (Tone::Info, texts.t("pill-sending").with("count", waiting)),
        SyncState::InStep => (Tone::Good, texts.t("pill-in-step")),
    };
    Pill { tone, label: label.to_string(), href: "/sync".to_owned() }
}
