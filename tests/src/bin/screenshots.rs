//! `cargo xtask screenshots`: every page of the edge agent and of the cloud, empty, full and with an error, on a desk
//! and on a phone.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use system_tests::album::Album;
use system_tests::binary::Variant::Plain;
use system_tests::browser::Browser;
use system_tests::cloud_pages;
use system_tests::edge::Edge;
use system_tests::folder::RunFolder;
use system_tests::pages::{PLAIN, Pages, USER, new_password};
use system_tests::product::Product;
use system_tests::showcase;
use system_tests::wait::{until, until_async};

const PATIENCE: Duration = Duration::from_secs(240);

// One thread starts all processes: each dies with the thread that started it.
#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/screenshots");
    let album = Album::new(&folder)?;
    empty(&album).await?;
    cloud_pages::picture_empty(&album).await?;
    let mut product = showcase::start().await?;
    let browser = Browser::start(&product.folder.sub("logs")?).await?;
    let pages = Pages::of(&browser, &product.edge)?;
    pages.set_up(&product.edge.set_up_link()?, &new_password()).await?;
    // Once shown, what the set-up said is gone.
    pages.open("/").await?;
    let single = full(&album, &browser, &pages).await?;
    mistaken(&album, &browser, &pages, &product).await?;
    cloud_pages::picture_full(&album, &mut product).await?;
    troubled(&album, &browser, &pages, &mut product).await?;
    cut_off(&album, &browser, &pages, &mut product, &single).await?;
    drop(browser);
    product.stop()?;
    album.finish()
}

/// A new agent: its set-up, and its pages while nothing is there yet.
async fn empty(album: &Album) -> Result<()> {
    let folder = RunFolder::new("pictures")?;
    let logs = folder.sub("logs")?;
    let mut edge = Edge::new(&folder.sub("edge")?, &logs, Plain);
    edge.run(&[])?;
    let browser = Browser::start(&logs).await?;
    let pages = Pages::of(&browser, &edge)?;
    let password = new_password();
    let link = edge.set_up_link()?;
    pages.open("/set-up").await?;
    album.take(&browser, "set-up", "empty").await?;
    pages
        .send(&[("token", "no such token"), ("company", "Karnaphuli Garments"), ("password", "short")])
        .await?;
    album.take(&browser, "set-up", "error").await?;
    pages.set_up(&link, &password).await?;
    album.take(&browser, "clocks", "after-set-up").await?;
    for (name, path) in PLAIN {
        pages.open(path).await?;
        album.take(&browser, name, "empty").await?;
    }
    pages.forget().await?;
    pages.open("/sign-in").await?;
    album.take(&browser, "sign-in", "empty").await?;
    pages.send(&[("name", USER), ("password", "not the password")]).await?;
    album.take(&browser, "sign-in", "error").await?;
    Ok(())
}

/// A factory at work; returns the paths of the pages that are about one thing.
async fn full(album: &Album, browser: &Browser, pages: &Pages<'_>) -> Result<Vec<(&'static str, String)>> {
    // The others look as they did while nothing was there.
    let lists = ["today", "people", "people-unknown", "clocks", "rules", "sync"];
    for (name, path) in PLAIN.iter().filter(|(name, _)| lists.contains(name)) {
        pages.open(path).await?;
        if *path == "/" {
            until_async("the live feed", PATIENCE, async || {
                let on = browser.ask("return !!document.querySelector('[data-live-state][data-state=on]')");
                Ok((on.await? == true).then_some(()))
            })
            .await?;
        }
        album.take(browser, name, "full").await?;
    }
    for name in ["today", "clocks", "sync"] {
        let path = PLAIN.iter().find(|(known, _)| *known == name).context("a page of this name")?.1;
        pages.open(path).await?;
        album.take_dark(browser, name, "full").await?;
    }
    pages.open(&format!("/?date={}", showcase::finished_day())).await?;
    album.take(browser, "day", "full").await?;
    pages.open(&format!("/?date={}&show=absent", showcase::finished_day())).await?;
    album.take(browser, "day-absent", "full").await?;
    let mut single = Vec::new();
    for (name, list, beginning, ending) in [
        ("person", "/people", "/people/0", ""),
        ("person-edit", "/people", "/people/0", "/edit"),
        ("clock", "/clocks", "/clocks/0", ""),
        ("clock-edit", "/clocks", "/clocks/0", "/edit"),
        ("clock-waiting", "/clocks", "/clocks/waiting/", ""),
        ("shift-edit", "/rules", "/rules/shifts/0", ""),
    ] {
        pages.open(list).await?;
        let path = pages.links(beginning).await?.into_iter().next();
        let path = path.with_context(|| format!("a link to {beginning} on {list}"))? + ending;
        pages.open(&path).await?;
        album.take(browser, name, "full").await?;
        single.push((name, path));
    }
    pages.choose_language("bn").await?;
    for (name, path) in [("today", "/"), ("clocks", "/clocks"), ("people-import", "/people/import")] {
        pages.open(path).await?;
        album.take(browser, name, "full-bn").await?;
    }
    pages.choose_language("en").await?;
    Ok(single)
}

/// What the pages say to people who type nonsense, and to lists that hold some.
async fn mistaken(album: &Album, browser: &Browser, pages: &Pages<'_>, product: &Product) -> Result<()> {
    for (name, path, fields) in [
        ("person-new", "/people/new", &[("code", "10 01"), ("name", ""), ("phone", "call me")][..]),
        ("clock-new", "/clocks/new", &[("name", ""), ("address", "not an address")]),
        ("clock-silent", "/clocks/new", &[("name", "Gate 4"), ("address", "127.0.0.1:9")]),
        ("shift-new", "/rules/shifts/new", &[("code", ""), ("name", ""), ("start", "")]),
        ("policy", "/rules/policy", &[("late", "soon"), ("name", "")]),
        ("account", "/account", &[("old", "not the password"), ("new", "short")]),
    ] {
        pages.open(path).await?;
        pages.send(fields).await?;
        album.take(browser, name, "error").await?;
    }
    pages.open("/people?q=nobody+of+this+name").await?;
    album.take(browser, "people", "none-found").await?;
    let list = "code,name,department,joined\n1001,Amina Akter,Cutting,2019-01-01\n9001,,Cutting,2026-11-01\n\
                9002,Rina Begum,Cutting,31/02/2026\n9003,Lipi Khatun,Washing,01/11/2026\n";
    let file = showcase::write(product.folder.path(), "new.csv", list)?;
    pages.open("/people/import").await?;
    pages.send(&[("file", &file)]).await?;
    album.take(browser, "people-imported", "full").await?;
    let file = showcase::write(product.folder.path(), "wrong.csv", "number,who\n1,Amina\n")?;
    pages.open("/people/import").await?;
    pages.send(&[("file", &file)]).await?;
    album.take(browser, "people-import", "error").await?;
    pages.open("/no-such-page").await?;
    album.take(browser, "not-found", "error").await
}

/// A clock whose time is wrong and in whose name something else posts.
async fn troubled(album: &Album, browser: &Browser, pages: &Pages<'_>, product: &mut Product) -> Result<()> {
    let clock = showcase::troubled_clock(&product.edge, &product.folder.sub("clocks")?).await?;
    product.clocks.push(clock);
    pages.open("/clocks").await?;
    album.take(browser, "clocks", "trouble").await?;
    let path = browser
        .ask("return [...document.querySelectorAll('a.row-link')].find(a => a.innerText === 'Side gate').getAttribute('href')")
        .await?;
    pages.open(path.as_str().context("the clock is in the list")?).await?;
    album.take(browser, "clock", "trouble").await?;
    album.take_dark(browser, "clock", "trouble").await
}

/// Clocks and cloud are away.
async fn cut_off(
    album: &Album,
    browser: &Browser,
    pages: &Pages<'_>,
    product: &mut Product,
    single: &[(&str, String)],
) -> Result<()> {
    product.cloud.kill()?;
    product.clocks.clear();
    until("clocks and cloud to be missed", PATIENCE, || {
        let clocks = product.edge.count("SELECT count(*) FROM device_state WHERE link = 'offline'")?;
        let cloud = product.edge.count("SELECT count(*) FROM meta WHERE name = 'sync_error'")?;
        Ok((clocks > 0 && cloud > 0).then_some(()))
    })?;
    for (name, path) in [("today", "/"), ("clocks", "/clocks"), ("sync", "/sync")] {
        pages.open(path).await?;
        album.take(browser, name, "error").await?;
    }
    for (name, path) in single.iter().filter(|(name, _)| *name == "clock") {
        pages.open(path).await?;
        album.take(browser, name, "error").await?;
    }
    Ok(())
}
