//! What every template gets: texts, assets, icons, and the frame around the page.

use std::fmt;
use std::sync::Arc;

use askama::Template;
use askama::filters::HtmlSafe;
use axum::extract::FromRequestParts;
use axum::response::{Html, IntoResponse, Response};
use http::request::Parts;

use crate::app::{Kit, WebApp};
use crate::component::Tone;
use crate::failure::{Failure, Refusal};
use crate::flash::{self, Notice};
use crate::locale::{Key, Text, Texts};
use crate::session::Current;

/// A template as a response: `View(TodayPage { page, … })`.
#[derive(Clone, Copy, Debug)]
pub struct View<T>(pub T);

impl<T: Template> IntoResponse for View<T> {
    fn into_response(self) -> Response {
        match self.0.render() {
            Ok(html) => Html(html).into_response(),
            Err(error) => Failure::new(Refusal::Internal, error).into_response(),
        }
    }
}

/// What surrounds a page's content. A binary makes it once, in [`WebApp::frame`].
#[derive(Clone, Debug, Default)]
pub struct Frame {
    /// The factory's or company's name.
    pub site: String,
    /// The navigation, most used first: phones show the first four in the bottom bar.
    pub nav: Vec<NavItem>,
    /// How the site stands, in the top bar.
    pub pill: Option<Pill>,
    /// Who is signed in.
    pub user: Option<UserMenu>,
    /// What is wrong with the whole program, on every page until it is mended.
    pub alarm: Option<Alarm>,
}

/// What is wrong with the whole program, in the reader's language.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alarm {
    /// What is wrong.
    pub heading: String,
    /// What that means and what to do.
    pub advice: String,
}

/// One entry of the navigation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NavItem {
    /// The page's path.
    pub href: &'static str,
    /// Its name in the reader's language.
    pub label: String,
    /// A name from the icon sprite.
    pub icon: &'static str,
    /// How many things wait there.
    pub waiting: Option<usize>,
}

impl NavItem {
    /// An entry without a count.
    #[must_use]
    pub fn new(href: &'static str, label: impl Into<String>, icon: &'static str) -> Self {
        Self { href, label: label.into(), icon, waiting: None }
    }

    /// Shows how many things wait there, unless none do.
    #[must_use]
    pub fn waiting(mut self, count: usize) -> Self {
        self.waiting = (count > 0).then_some(count);
        self
    }
}

/// A short state with a link to where it is explained.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pill {
    /// How it is coloured.
    pub tone: Tone,
    /// The words beside the dot.
    pub label: String,
    /// Where it leads.
    pub href: String,
}

/// The signed-in person in the top bar.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserMenu {
    /// The person's name.
    pub name: String,
    /// What they are here, in the reader's language.
    pub role: String,
    /// Links above "Sign out": label and path.
    pub links: Vec<(String, String)>,
    /// Where the sign-out form posts.
    pub sign_out: &'static str,
}

impl UserMenu {
    /// One or two letters for the round mark.
    #[must_use]
    pub fn initials(&self) -> String {
        let mut words = self.name.split_whitespace().filter_map(|word| word.chars().next());
        let first = words.next();
        let last = words.next_back();
        first.into_iter().chain(last).flat_map(char::to_uppercase).collect()
    }
}

/// What a template needs besides its own data. Every page template has a field `page: Page`.
///
/// As an extractor it resolves the language, the signed-in person's frame and a pending flash.
#[derive(Clone, Debug)]
pub struct Page {
    kit: Arc<Kit>,
    /// Texts, numbers and dates in the reader's language.
    pub texts: Texts,
    /// The path of the request.
    pub path: String,
    /// What surrounds the content.
    pub frame: Frame,
    /// The message of the request before.
    pub notice: Option<Notice>,
}

impl Page {
    /// A page of given parts; handlers take it as an extractor instead.
    #[must_use]
    pub fn new(kit: Arc<Kit>, texts: Texts, path: &str, frame: Frame, notice: Option<Notice>) -> Self {
        Self { kit, texts, path: path.to_owned(), frame, notice }
    }

    /// The text of a key in the reader's language.
    pub fn t(&self, key: impl Into<Key>) -> Text<'_> {
        self.texts.t(key)
    }

    /// The URL of a file by its plain name.
    #[must_use]
    pub fn asset(&self, name: &str) -> &str {
        self.kit.assets.url(name)
    }

    /// The product's name.
    #[must_use]
    pub fn product(&self) -> &str {
        &self.kit.product
    }

    /// An icon of the sprite, hidden from screen readers: words stand beside it.
    #[must_use]
    pub fn icon<'a>(&'a self, name: &'a str) -> Icon<'a> {
        Icon { sprite: self.asset("icons.svg"), name }
    }

    /// Whether a navigation entry is where the reader is.
    #[must_use]
    pub fn is_at(&self, href: &str) -> bool {
        if href == "/" {
            return self.path == "/";
        }
        self.path.strip_prefix(href).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }

    /// The entries in the bottom bar of a phone.
    #[must_use]
    pub fn nav_first(&self) -> &[NavItem] {
        self.frame.nav.get(..4).unwrap_or(&self.frame.nav)
    }

    /// The entries behind "More" on a phone.
    #[must_use]
    pub fn nav_rest(&self) -> &[NavItem] {
        self.frame.nav.get(4..).unwrap_or_default()
    }
}

impl<A: WebApp> FromRequestParts<A> for Page {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, app: &A) -> Result<Self, Self::Rejection> {
        let current =
            <Option<Current<A::User>> as FromRequestParts<A>>::from_request_parts(parts, app).await?;
        let texts = app.kit().locales.texts(&parts.headers);
        let frame = app.frame(current.as_ref().map(|current| &current.user), &texts).await;
        let notice = flash::take(&parts.headers, &texts);
        Ok(Self::new(Arc::clone(app.kit()), texts, parts.uri.path(), frame, notice))
    }
}

/// An icon as markup.
#[derive(Clone, Copy, Debug)]
pub struct Icon<'a> {
    sprite: &'a str,
    name: &'a str,
}

impl fmt::Display for Icon<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = askama::filters::escape(self.name, askama::filters::Html).map_err(|_| fmt::Error)?;
        write!(
            f,
            r##"<svg class="icon" width="20" height="20" aria-hidden="true" focusable="false"><use href="{}#{name}"/></svg>"##,
            self.sprite
        )
    }
}

impl HtmlSafe for Icon<'_> {}

#[cfg(test)]
mod tests;
