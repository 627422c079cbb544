//! The local web pages: set-up, sign-in, today, people, clocks, sync, rules.
//!
//! ```text
//! socket ─ TLS when not on loopback ─ hyper (head limits) ─ harden (headers, hosts, cross-site, sizes) ─ route guard ─ page
//! ```
//!
//! Each page module owns its routes, and every route names who may use it. Handlers read through
//! [`crate::store::page`] and write through the store's one function for records; no page holds SQL, and no text
//! stands outside `locales/`.

mod account;
mod app;
mod approval;
mod certificate;
mod clock;
mod listing;
mod live;
mod local_time;
mod mark;
mod metrics;
mod peer;
mod people;
mod person;
mod rule;
mod server;
mod set_up;
mod sign_in;
mod sync;
mod text;
mod today;
mod version;

#[cfg(test)]
mod tests;

use axum::Router;
use web_kit::harden::{Config, HostList};
use web_kit::{Access, RouteTable, Tone, harden};

pub use app::{App, Person};
pub use certificate::{Certificate, CertificateError};
pub use server::{Listen, Serving, serve};

// Templates name tones by these.
const GOOD: Tone = Tone::Good;
const WARN: Tone = Tone::Warn;
const BAD: Tone = Tone::Bad;
const INFO: Tone = Tone::Info;
const ACCENT: Tone = Tone::Accent;
const NEUTRAL: Tone = Tone::Neutral;

/// Every route of the pages with who may use it.
#[must_use]
pub fn routes() -> RouteTable<App> {
    RouteTable::new()
        .get("/health", Access::Public, async || "ok\n")
        .extend(metrics::routes())
        .extend(set_up::routes())
        .extend(sign_in::routes())
        .extend(account::routes())
        .extend(today::routes())
        .extend(people::routes())
        .extend(person::routes())
        .extend(approval::routes())
        .extend(clock::routes())
        .extend(rule::routes())
        .extend(sync::routes())
}

/// The pages as a service, behind all protections. `hosts` are the names and addresses people type, beside those of
/// this machine itself.
pub fn router(app: &App, hosts: &[String]) -> Router {
    let hosts = hosts.iter().fold(HostList::loopback(), HostList::with);
    let config = Config::new(app.serves_tls(), hosts);
    app.requests().counting(harden(routes().build(app.clone()), web_kit::WebApp::kit(app), config))
}
