//! The pages.
//!
//! Every route says in one table who may use it. A page reads through a [`crate::store::CompanyAccess`] that is made from the
//! signed-in person's membership, so a person can only ever see the company that the session shows.

mod account;
mod app;
mod approval;
mod attention;
mod clock;
mod clock_name;
mod company;
mod conflict;
mod edge;
mod operator;
mod password;
mod people;
mod seen;
mod setup;
mod sign_in;
mod site;
mod text;
mod today;

use axum::Router;
use shared_model::access::Permission;
use web_kit::RouteTable;
use web_kit::harden::{Config as Hardening, HostList, harden};

use crate::config::Config;

pub use app::{App, Person};

/// All pages' routes.
#[must_use]
pub fn routes() -> RouteTable<App> {
    RouteTable::new()
        .extend(setup::routes())
        .extend(sign_in::routes())
        .extend(password::routes())
        .extend(account::routes())
        .extend(today::routes())
        .extend(approval::routes())
        .extend(site::routes())
        .extend(people::routes())
        .extend(clock::routes())
        .extend(clock_name::routes())
        .extend(edge::routes())
        .extend(attention::routes())
        .extend(conflict::routes())
        .extend(company::routes())
        .extend(operator::routes())
}

/// The pages behind all protections.
#[must_use = "a router serves nothing by itself"]
pub fn router(app: &App, config: &Config) -> Router {
    let public = config.public();
    let https = public.as_ref().is_some_and(|(https, _)| *https);
    let mut hosts = HostList::loopback();
    if let Some((_, host)) = &public {
        // The list names hosts without their port.
        let name = host.rsplit_once(':').filter(|(_, port)| port.bytes().all(|b| b.is_ascii_digit()));
        hosts = hosts.with(name.map_or(host.as_str(), |(name, _)| name));
    }
    let pages = routes().build(app.clone());
    harden(pages, web_kit::WebApp::kit(app), Hardening::new(https, hosts))
}

/// What a route needs when only the operator may use it.
const OPERATOR: web_kit::Access<Permission> = web_kit::Access::Needs(Permission::CompaniesEdit);

#[cfg(test)]
mod tests;
