//! The local pages in a real browser, as a person uses them.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use thirtyfour::prelude::*;

use crate::browser::Browser;
use crate::edge::Edge;
use crate::setup::ZONE;
use crate::wait::until_async;

const PATIENCE: Duration = Duration::from_secs(20);

/// The sign-in name that the tests and the demonstration use.
pub const USER: &str = "owner";

/// A password nobody else has: made for one run.
#[must_use]
pub fn new_password() -> String {
    let part = || u32::from(rand::random::<u16>());
    format!("gate-{:05}-loom-{:05}", part(), part())
}

/// The local pages and the browser that shows them.
pub struct Pages<'b> {
    browser: &'b Browser,
    url: String,
}

impl<'b> Pages<'b> {
    /// The pages of an agent.
    ///
    /// # Errors
    /// When it does not run.
    pub fn of(browser: &'b Browser, edge: &Edge) -> Result<Self> {
        Ok(Self::at(browser, edge.url()?))
    }

    /// The pages at an address, such as a cloud's.
    #[must_use]
    pub fn at(browser: &'b Browser, url: String) -> Self {
        Self { browser, url }
    }

    /// The browser that shows them.
    #[must_use]
    pub fn browser(&self) -> &'b Browser {
        self.browser
    }

    /// Opens a page and waits until it is there.
    ///
    /// # Errors
    /// When the browser does not answer.
    pub async fn open(&self, path: &str) -> Result<()> {
        self.browser.page.goto(format!("{}{path}", self.url)).await?;
        Ok(())
    }

    /// The path of the page that is shown.
    ///
    /// # Errors
    /// When the browser does not answer.
    pub async fn path(&self) -> Result<String> {
        Ok(self.browser.page.current_url().await?.path().to_owned())
    }

    /// Types into fields, by their names, and sends their form.
    ///
    /// # Errors
    /// When there is no such field.
    pub async fn send(&self, fields: &[(&str, &str)]) -> Result<()> {
        let page = &self.browser.page;
        let mut form = None;
        for (name, value) in fields {
            let field = page
                .find(By::Name(*name))
                .await
                .with_context(|| format!("a field {name} on {}", self.url))?;
            if field.tag_name().await? == "select" {
                field.find(By::Css(format!("option[value='{value}']"))).await?.click().await?;
            } else {
                // A file is chosen, not typed over; a date or a time takes its value as forms send it.
                match field.attr("type").await?.as_deref() {
                    Some("file") => field.send_keys(*value).await?,
                    Some("date" | "time") => {
                        let script = "arguments[0].value = arguments[1]";
                        page.execute(script, vec![field.to_json()?, (*value).into()]).await?;
                    }
                    _ => {
                        field.clear().await?;
                        field.send_keys(*value).await?;
                    }
                }
            }
            form = Some(field.find(By::XPath("ancestor::form")).await?);
        }
        let form = form.context("at least one field")?;
        let before = page.find(By::Tag("html")).await?;
        // As a click does, and past what the browser itself would refuse: the answer of the server is wanted.
        self.browser.page.execute("arguments[0].noValidate = true", vec![form.to_json()?]).await?;
        form.find(By::Css("button[type=submit]")).await?.click().await?;
        until_async("the next page", PATIENCE, async || {
            // The old page is gone once its elements are.
            let gone = before.is_displayed().await.is_err();
            Ok((gone && self.browser.ask("return document.readyState").await? == "complete").then_some(()))
        })
        .await
    }

    /// Makes the first account by the link that the agent told, as who installs it does.
    ///
    /// # Errors
    /// When the agent does not take it.
    pub async fn set_up(&self, link: &str, password: &str) -> Result<()> {
        self.set_up_in(link, password, ZONE, &[]).await
    }

    /// As [`Self::set_up`], in a zone, with more answers.
    ///
    /// # Errors
    /// When the agent does not take it.
    pub async fn set_up_in(
        &self,
        link: &str,
        password: &str,
        zone: &str,
        more: &[(&str, &str)],
    ) -> Result<()> {
        self.open(link).await?;
        let mut fields = Vec::new();
        let place = [("company", "Karnaphuli Garments"), ("site", "Factory 1"), ("zone", zone)];
        if self.browser.page.find_all(By::Name("company")).await?.is_empty() {
            // The cloud has told company and site.
        } else {
            fields.extend(place);
            fields.extend(more);
        }
        fields.extend([("full_name", "Factory Owner"), ("user_name", USER), ("password", password)]);
        self.send(&fields).await?;
        let path = self.path().await?;
        ensure!(path == "/clocks", "after the set-up: {path}");
        Ok(())
    }

    /// Signs in.
    ///
    /// # Errors
    /// When it is refused.
    pub async fn sign_in(&self, password: &str) -> Result<()> {
        self.open("/sign-in").await?;
        self.send(&[("name", USER), ("password", password)]).await?;
        let path = self.path().await?;
        ensure!(path == "/", "after signing in: {path}");
        Ok(())
    }

    /// Chooses the language of the pages.
    ///
    /// # Errors
    /// When there is no such language.
    pub async fn choose_language(&self, code: &str) -> Result<()> {
        self.open("/account").await?;
        let page = &self.browser.page;
        page.find(By::Css(format!("button[name=language][value={code}]"))).await?.click().await?;
        until_async("the pages in the other language", PATIENCE, async || {
            let now = self.browser.ask("return document.documentElement.lang").await;
            Ok((now.is_ok_and(|now| now == code)).then_some(()))
        })
        .await
    }

    /// The text of the page that is shown.
    ///
    /// # Errors
    /// When the browser does not answer.
    pub async fn text(&self) -> Result<String> {
        let text = self.browser.ask("return document.body.innerText").await?;
        Ok(text.as_str().unwrap_or_default().to_owned())
    }

    /// Waits until the page that is shown says something, by itself.
    ///
    /// # Errors
    /// When it does not within `patience`; tells what it says.
    pub async fn says(&self, wanted: &str, patience: Duration) -> Result<()> {
        let said = until_async("a text on the page", patience, async || {
            Ok(self.text().await?.contains(wanted).then_some(()))
        });
        let Err(error) = said.await else { return Ok(()) };
        Err(error.context(format!("{wanted:?} is not in: {}", self.text().await?)))
    }

    /// Signs out by the menu, as a person does.
    ///
    /// # Errors
    /// When there is no menu, or it does not lead to the sign-in.
    pub async fn sign_out(&self) -> Result<()> {
        let page = &self.browser.page;
        page.find(By::Css("summary.user-button")).await?.click().await?;
        page.find(By::Css("form[action='/sign-out'] button")).await?.click().await?;
        until_async("the sign-in", PATIENCE, async || Ok((self.path().await? == "/sign-in").then_some(())))
            .await
    }

    /// Forgets who is signed in.
    ///
    /// # Errors
    /// When the browser does not answer.
    pub async fn forget(&self) -> Result<()> {
        self.browser.page.delete_all_cookies().await?;
        Ok(())
    }

    /// What is wrong with the page that is shown: [`Browser::faults`], what the browser complained about, nothing on it.
    ///
    /// # Errors
    /// When the browser does not answer.
    pub async fn faults(&self) -> Result<Vec<String>> {
        let mut faults = self.browser.faults().await?;
        faults.extend(self.browser.complaints().await?);
        let text = self.browser.ask("return document.body.innerText").await?;
        if text.as_str().is_none_or(|text| text.trim().is_empty()) {
            faults.push("an empty page".to_owned());
        }
        Ok(faults)
    }

    /// The links on the page that is shown which stay on these pages and begin so.
    ///
    /// # Errors
    /// When the browser does not answer.
    pub async fn links(&self, beginning: &str) -> Result<Vec<String>> {
        let mut paths = Vec::new();
        for link in self.browser.page.find_all(By::Css("a[href]")).await? {
            if let Some(path) = link.attr("href").await?
                && path.starts_with(beginning)
                && !paths.contains(&path)
            {
                paths.push(path);
            }
        }
        Ok(paths)
    }
}

/// Pages that can be opened without knowing what is in the database.
pub const PLAIN: &[(&str, &str)] = &[
    ("today", "/"),
    ("people", "/people"),
    ("person-new", "/people/new"),
    ("people-import", "/people/import"),
    ("people-unknown", "/people/unknown"),
    ("clocks", "/clocks"),
    ("approvals", "/approvals"),
    ("clock-new", "/clocks/new"),
    ("rules", "/rules"),
    ("shift-new", "/rules/shifts/new"),
    ("policy", "/rules/policy"),
    ("sync", "/sync"),
    ("account", "/account"),
];
