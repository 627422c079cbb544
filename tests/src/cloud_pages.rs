//! The cloud's pages in a real browser: the operator, who makes companies, and a company's owner.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use thirtyfour::prelude::*;

use crate::album::Album;
use crate::binary::Variant::Plain;
use crate::browser::Browser;
use crate::cloud::Cloud;
use crate::folder::RunFolder;
use crate::pages::{Pages, new_password};
use crate::product::Product;
use crate::wait::until_async;

const PATIENCE: Duration = Duration::from_secs(60);
/// A posting clock counts as complete some minutes after its first words; an edge tells its results once a minute.
const COMPARED: Duration = Duration::from_secs(400);

/// The operator's sign-in name.
pub const OPERATOR: &str = "operator@example.com";
/// The sign-in name of a company's owner.
pub const OWNER: &str = "owner@example.com";

/// A company's pages, with the names of their pictures.
pub const COMPANY: &[(&str, &str)] = &[
    ("attention", "/attention"),
    ("cloud-today", "/"),
    ("cloud-approvals", "/approvals"),
    ("cloud-grants", "/approvals/grants"),
    ("cloud-sites", "/sites"),
    ("cloud-site-new", "/sites/new"),
    ("cloud-clocks", "/clocks"),
    ("cloud-people", "/people"),
    ("cloud-person-new", "/people/new"),
    ("cloud-edges", "/edges"),
    ("cloud-conflicts", "/conflicts"),
    ("cloud-switch", "/switch"),
    ("cloud-account", "/account"),
];

/// Becomes the first superuser by the one-time token.
///
/// # Errors
/// When the cloud does not take it.
pub async fn set_up(pages: &Pages<'_>, token: &str, password: &str) -> Result<()> {
    pages.open("/setup").await?;
    let who = [("token", token), ("name", "Cloud Operator"), ("email", OPERATOR), ("password", password)];
    pages.send(&who).await?;
    let path = pages.path().await?;
    ensure!(path == "/companies", "after the set-up: {path}");
    Ok(())
}

/// Signs in, as nobody else any more.
///
/// # Errors
/// When it is refused.
pub async fn sign_in(pages: &Pages<'_>, email: &str, password: &str) -> Result<()> {
    pages.forget().await?;
    pages.open("/sign-in").await?;
    pages.send(&[("name", email), ("password", password)]).await?;
    let path = pages.path().await?;
    ensure!(path == "/" || path == "/companies", "after signing in: {path}");
    Ok(())
}

/// Adds a company on the operator's list and leaves its page open; the page's path.
///
/// # Errors
/// When it is not added.
pub async fn add_company(pages: &Pages<'_>, name: &str) -> Result<String> {
    pages.open("/companies").await?;
    pages.send(&[("name", name)]).await?;
    let path = pages.path().await?;
    ensure!(path.starts_with("/companies/"), "after adding a company: {path}");
    Ok(path)
}

/// Makes [`OWNER`] the owner of the company whose page is open, and leaves the page with the one-time token open.
///
/// # Errors
/// When no token is shown.
pub async fn add_owner(pages: &Pages<'_>) -> Result<String> {
    pages.send(&[("name", "Company Owner"), ("email", OWNER)]).await?;
    let token = pages.browser().page.find(By::Css("[data-secret]")).await.context("the token is shown")?;
    Ok(token.text().await?)
}

/// Sets the first password by a token, and signs in.
///
/// # Errors
/// When it is refused.
pub async fn begin(pages: &Pages<'_>, token: &str, password: &str) -> Result<()> {
    pages.forget().await?;
    pages.open("/password").await?;
    pages.send(&[("token", token), ("password", password)]).await?;
    sign_in(pages, OWNER, password).await
}

/// Chooses the language on the page of one's own account.
///
/// # Errors
/// When it is not offered.
pub async fn speak(pages: &Pages<'_>, language: &str) -> Result<()> {
    pages.open("/account").await?;
    let choice = By::Css(format!("button[name=language][value={language}]"));
    pages.browser().page.find(choice).await?.click().await?;
    until_async("the language", PATIENCE, async || {
        let shown = pages.browser().ask("return document.documentElement.lang").await?;
        Ok((shown == language).then_some(()))
    })
    .await
}

/// Waits until the pages say that both sides hold and compute the same.
///
/// # Errors
/// When it does not within some minutes.
pub async fn compared(pages: &Pages<'_>) -> Result<()> {
    for (what, path, mark) in [
        ("equal digests of edge and cloud", "/edges", "[data-agreement=same]"),
        (
            "counters of every clock",
            "/clocks",
            "body:has([data-standing]):not(:has([data-standing=unknown]))",
        ),
    ] {
        until_async(what, COMPARED, async || {
            pages.open(path).await?;
            Ok(pages.browser().page.find(By::Css(mark)).await.ok().map(drop))
        })
        .await?;
    }
    Ok(())
}

/// Pictures of a new cloud: its set-up, and its pages while nothing is there yet or something wrong was typed.
///
/// # Errors
/// When the cloud or the browser fails.
pub async fn picture_empty(album: &Album) -> Result<()> {
    let folder = RunFolder::new("cloud-pictures")?;
    let logs = folder.sub("logs")?;
    let mut cloud = Cloud::start(&folder.sub("cloud")?, &logs, Plain)?;
    let browser = Browser::start(&logs).await?;
    let pages = Pages::at(&browser, cloud.url()?);
    let password = new_password();

    pages.open("/sign-in").await?;
    album.take(&browser, "cloud-setup", "empty").await?;
    pages.send(&[("token", "nonsense"), ("name", ""), ("email", "nobody"), ("password", "short")]).await?;
    album.take(&browser, "cloud-setup", "error").await?;
    set_up(&pages, &cloud.setup_token()?, &password).await?;
    album.take(&browser, "cloud-companies", "empty").await?;
    pages.send(&[("name", "")]).await?;
    album.take(&browser, "cloud-companies", "error").await?;
    let company = add_company(&pages, "Karnaphuli Garments").await?;
    album.take(&browser, "cloud-company", "empty").await?;
    pages.send(&[("name", ""), ("email", "nobody")]).await?;
    album.take(&browser, "cloud-company", "error").await?;
    pages.open(&company).await?;
    let token = add_owner(&pages).await?;
    album.take(&browser, "cloud-token", "full").await?;

    pages.forget().await?;
    pages.open("/password").await?;
    album.take(&browser, "cloud-password", "empty").await?;
    pages.send(&[("token", "nonsense"), ("password", "short")]).await?;
    album.take(&browser, "cloud-password", "error").await?;
    pages.open("/sign-in").await?;
    album.take(&browser, "cloud-sign-in", "empty").await?;
    pages.send(&[("name", OWNER), ("password", "not the password")]).await?;
    album.take(&browser, "cloud-sign-in", "error").await?;
    begin(&pages, &token, &password).await?;
    for (name, path) in COMPANY {
        pages.open(path).await?;
        album.take(&browser, name, "empty").await?;
    }
    pages.open("/sites/new").await?;
    pages.send(&[("name", ""), ("code", "F 1")]).await?;
    album.take(&browser, "cloud-site-new", "error").await?;
    pages.open("/account").await?;
    pages.send(&[("old", "not the password"), ("new", "short")]).await?;
    album.take(&browser, "cloud-account", "error").await?;
    pages.open("/companies").await?;
    album.take(&browser, "cloud-forbidden", "error").await?;
    pages.open("/no-such-page").await?;
    album.take(&browser, "cloud-not-found", "error").await?;
    drop(browser);
    cloud.stop()
}

/// Pictures of the pages of a cloud at work.
///
/// # Errors
/// When the cloud or the browser fails.
pub async fn picture_full(album: &Album, product: &mut Product) -> Result<()> {
    let browser = Browser::start(&product.folder.sub("logs")?).await?;
    let pages = Pages::at(&browser, product.cloud.url()?);
    let password = new_password();
    set_up(&pages, &product.cloud.setup_token()?, &password).await?;
    let other = add_company(&pages, "Meghna Textiles").await?;
    pages.open("/companies").await?;
    album.take(&browser, "cloud-companies", "full").await?;
    let ours = format!("/companies/{}", product.organisation.company);
    pages.open(&ours).await?;
    add_owner(&pages).await?;
    pages.open(&other).await?;
    // Without a password yet, the person gets another token with the second company.
    let token = add_owner(&pages).await?;
    pages.open(&ours).await?;
    album.take(&browser, "cloud-company", "full").await?;

    begin(&pages, &token, &password).await?;
    compared(&pages).await?;
    for (name, path) in COMPANY.iter().filter(|(_, path)| *path != "/sites/new") {
        pages.open(path).await?;
        album.take(&browser, name, "full").await?;
    }
    pages.open("/sites").await?;
    browser.page.find(By::Css("form[action$='/code'] button")).await?.click().await?;
    until_async("the code", PATIENCE, async || {
        Ok(browser.page.find(By::Css("[data-secret]")).await.ok().map(drop))
    })
    .await?;
    album.take(&browser, "cloud-code", "full").await?;
    speak(&pages, "bn").await?;
    for (name, path) in COMPANY {
        pages.open(path).await?;
        album.take(&browser, name, "bangla").await?;
    }
    speak(&pages, "en").await
}
