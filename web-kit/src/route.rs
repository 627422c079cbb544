//! Routes with their permissions in one table.
//!
//! A route cannot be added without saying who may use it, and the list stays readable after the router is built:
//! each binary has a test that walks [`RouteTable::entries`] and compares [`RouteTable::listing`] with a reviewed file.

mod guard;

use std::fmt;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::handler::Handler;
use axum::routing::{MethodFilter, MethodRouter, on};
use http::Method;
use tower_http::limit::RequestBodyLimitLayer;

use crate::app::WebApp;
use crate::failure::Refusal;
use crate::session::Activity;

pub(crate) use guard::{ask_to_sign_in, wants_page};

/// The body a route takes when it says nothing else: enough for any form, in bytes.
pub const FORM_LIMIT: usize = 256 * 1024;

/// Who may use a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access<P> {
    /// Anyone who can reach the port.
    Public,
    /// Anyone signed in.
    SignedIn,
    /// Those who hold the permission.
    Needs(P),
}

/// A method as routes use them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Verb {
    Get,
    Post,
    Put,
    Patch,
    Delete,
}

impl Verb {
    const fn filter(self) -> MethodFilter {
        match self {
            Self::Get => MethodFilter::GET,
            Self::Post => MethodFilter::POST,
            Self::Put => MethodFilter::PUT,
            Self::Patch => MethodFilter::PATCH,
            Self::Delete => MethodFilter::DELETE,
        }
    }

    const fn method(self) -> Method {
        match self {
            Self::Get => Method::GET,
            Self::Post => Method::POST,
            Self::Put => Method::PUT,
            Self::Patch => Method::PATCH,
            Self::Delete => Method::DELETE,
        }
    }
}

/// What the table knows of a route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry<P> {
    verb: Verb,
    path: &'static str,
    access: Access<P>,
    activity: Activity,
    body_limit: usize,
}

impl<P: Copy> Entry<P> {
    /// The method; a GET route also answers HEAD.
    #[must_use]
    pub const fn method(&self) -> Method {
        self.verb.method()
    }

    /// The path as axum writes it, such as `/devices/{id}`.
    #[must_use]
    pub const fn path(&self) -> &'static str {
        self.path
    }

    /// Who may use it.
    #[must_use]
    pub const fn access(&self) -> Access<P> {
        self.access
    }
}

/// One route: an entry and its handler.
pub struct Route<A: WebApp> {
    entry: Entry<A::Permission>,
    handler: MethodRouter<A>,
}

impl<A: WebApp> fmt::Debug for Route<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.entry.fmt(f)
    }
}

impl<A: WebApp> Route<A> {
    fn new<H: Handler<T, A>, T: 'static>(
        verb: Verb,
        path: &'static str,
        access: Access<A::Permission>,
        handler: H,
    ) -> Self {
        let entry = Entry { verb, path, access, activity: Activity::Active, body_limit: FORM_LIMIT };
        Self { entry, handler: on(verb.filter(), handler) }
    }

    /// A page, a fragment or a download. It must change nothing: cross-site requests may reach it.
    pub fn get<H: Handler<T, A>, T: 'static>(
        path: &'static str,
        access: Access<A::Permission>,
        handler: H,
    ) -> Self {
        Self::new(Verb::Get, path, access, handler)
    }

    /// A form.
    pub fn post<H: Handler<T, A>, T: 'static>(
        path: &'static str,
        access: Access<A::Permission>,
        handler: H,
    ) -> Self {
        Self::new(Verb::Post, path, access, handler)
    }

    /// A replacement through an API.
    pub fn put<H: Handler<T, A>, T: 'static>(
        path: &'static str,
        access: Access<A::Permission>,
        handler: H,
    ) -> Self {
        Self::new(Verb::Put, path, access, handler)
    }

    /// A change through an API.
    pub fn patch<H: Handler<T, A>, T: 'static>(
        path: &'static str,
        access: Access<A::Permission>,
        handler: H,
    ) -> Self {
        Self::new(Verb::Patch, path, access, handler)
    }

    /// A removal.
    pub fn delete<H: Handler<T, A>, T: 'static>(
        path: &'static str,
        access: Access<A::Permission>,
        handler: H,
    ) -> Self {
        Self::new(Verb::Delete, path, access, handler)
    }

    /// Requests a page makes by itself (live feeds, polling): they do not keep a session from going idle.
    #[must_use]
    pub fn passive(mut self) -> Self {
        self.entry.activity = Activity::Passive;
        self
    }

    /// Takes bodies up to this many bytes instead of [`FORM_LIMIT`], up to the ceiling of [`crate::harden::Config`].
    #[must_use]
    pub fn body_limit(mut self, bytes: usize) -> Self {
        self.entry.body_limit = bytes;
        self
    }
}

/// All routes of a web UI.
pub struct RouteTable<A: WebApp> {
    routes: Vec<Route<A>>,
}

impl<A: WebApp> fmt::Debug for RouteTable<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(&self.routes).finish()
    }
}

impl<A: WebApp> Default for RouteTable<A> {
    fn default() -> Self {
        Self::new()
    }
}

impl<A: WebApp> RouteTable<A> {
    /// An empty table.
    #[must_use]
    pub const fn new() -> Self {
        Self { routes: Vec::new() }
    }

    /// Adds a GET route.
    #[must_use]
    pub fn get<H: Handler<T, A>, T: 'static>(
        self,
        path: &'static str,
        access: Access<A::Permission>,
        handler: H,
    ) -> Self {
        self.route(Route::get(path, access, handler))
    }

    /// Adds a POST route.
    #[must_use]
    pub fn post<H: Handler<T, A>, T: 'static>(
        self,
        path: &'static str,
        access: Access<A::Permission>,
        handler: H,
    ) -> Self {
        self.route(Route::post(path, access, handler))
    }

    /// Adds a route with settings of its own.
    #[must_use]
    pub fn route(mut self, route: Route<A>) -> Self {
        self.routes.push(route);
        self
    }

    /// Adds the routes of another table, as each page module keeps its own.
    #[must_use]
    pub fn extend(mut self, other: Self) -> Self {
        self.routes.extend(other.routes);
        self
    }

    /// Every route, in the order added.
    pub fn entries(&self) -> impl Iterator<Item = &Entry<A::Permission>> {
        self.routes.iter().map(|route| &route.entry)
    }

    /// One line a route, sorted by path, for a reviewed file: `GET    /devices  Needs(ViewDevices)`.
    #[must_use]
    pub fn listing(&self) -> String {
        let mut lines: Vec<(&str, Verb, String)> = self
            .entries()
            .map(|entry| {
                let line = format!("{:6} {}  {:?}\n", entry.verb.method().as_str(), entry.path, entry.access);
                (entry.path, entry.verb, line)
            })
            .collect();
        lines.sort();
        lines.into_iter().map(|(_, _, line)| line).collect()
    }

    /// Builds the router: every route behind its guard, the assets, and pages for what does not exist.
    ///
    /// # Panics
    /// When two routes have the same method and path, as axum does.
    pub fn build(self, app: A) -> Router {
        let mut router = Router::new();
        for Route { entry, handler } in self.routes {
            let limited = handler
                .route_layer(DefaultBodyLimit::disable())
                .route_layer(RequestBodyLimitLayer::new(entry.body_limit));
            let guard = guard::Guard { app: app.clone(), access: entry.access, activity: entry.activity };
            let guarded = limited.route_layer(axum::middleware::from_fn_with_state(guard, guard::check::<A>));
            router = router.route(entry.path, guarded);
        }
        router
            .merge(app.kit().assets.router())
            .fallback(async || Refusal::NotFound)
            .method_not_allowed_fallback(async || Refusal::MethodNotAllowed)
            .with_state(app)
    }
}

#[cfg(test)]
mod tests;
