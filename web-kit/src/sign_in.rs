//! The sign-in page, the same on both sides.

use askama::Template;

use crate::form::FormState;
use crate::locale::Text;
use crate::page::Page;
use crate::path::LocalPath;

/// The sign-in page. Its form posts `name`, `password` and `next` to the path the page was asked for.
#[derive(Clone, Debug, Template)]
#[template(path = "kit/sign_in.html")]
pub struct SignInPage {
    /// The page's frame.
    pub page: Page,
    /// What was typed, without the password.
    pub form: FormState,
    /// Where to go afterwards.
    pub next: LocalPath,
    /// Whether names are e-mail addresses.
    pub by_email: bool,
    /// A sentence above the form, such as how this site was set up.
    pub note: Option<String>,
    /// What to do about a forgotten password; shown to whoever asks for it.
    pub help: Option<String>,
}

impl SignInPage {
    /// An empty page that leads to `next` (the query's value, as the browser sent it).
    #[must_use]
    pub fn new(page: Page, next: Option<&str>) -> Self {
        let next = next.and_then(LocalPath::parse).unwrap_or_else(LocalPath::root);
        Self { page, form: FormState::default(), next, by_email: false, note: None, help: None }
    }

    /// The page again after a failed try: one text for a wrong name and a wrong password.
    #[must_use]
    pub fn refused(page: Page, mut form: FormState) -> Self {
        form.forget("password");
        form.fail_all(page.t("sign-in-refused"));
        Self::again(page, form)
    }

    /// The page again when the next try must wait.
    #[must_use]
    pub fn must_wait(page: Page, mut form: FormState, seconds: u32) -> Self {
        form.forget("password");
        form.fail_all(
            page.t("sign-in-wait").with("span", page.texts.span(chrono::TimeDelta::seconds(seconds.into()))),
        );
        Self::again(page, form)
    }

    fn again(page: Page, form: FormState) -> Self {
        let next = LocalPath::parse(form.raw("next")).unwrap_or_else(LocalPath::root);
        Self { page, form, next, by_email: false, note: None, help: None }
    }

    fn name_label(&self) -> Text<'_> {
        if self.by_email { self.page.t("sign-in-email") } else { self.page.t("sign-in-name") }
    }

    fn name_autocomplete(&self) -> &'static str {
        if self.by_email { "email" } else { "username" }
    }
}
