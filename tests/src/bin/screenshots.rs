//! `cargo xtask screenshots`: every page of the edge agent and of the cloud, empty, full and with an error, on a desk and on a phone.

use std::path::Path;
use std::time::Duration;

use anyhow::Result;
use system_tests::album::Album;
use system_tests::binary::Variant::Plain;
use system_tests::browser::Browser;
use system_tests::cloud_pages;
use system_tests::demo::{self, Live};
use system_tests::edge::Edge;
use system_tests::folder::RunFolder;
use system_tests::pages::{PLAIN, Pages, USER, new_password};
use system_tests::wait::until;

const PATIENCE: Duration = Duration::from_secs(240);

async fn each(album: &Album, pages: &Pages<'_>, state: &str) -> Result<()> {
    for (name, path) in PLAIN {
        pages.open(path).await?;
        album.take(pages.browser(), name, state).await?;
    }
    Ok(())
}

// One thread starts all processes: each dies with the thread that started it.
#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/screenshots");
    std::fs::create_dir_all(&folder)?;
    let album = Album::new(folder);
    empty(&album).await?;
    cloud_pages::picture_empty(&album).await?;
    full(&album).await
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
    pages.open("/set-up").await?;
    album.take(&browser, "set-up", "empty").await?;
    pages
        .send(&[("token", "no such token"), ("company", "Karnaphuli Garments"), ("password", "short")])
        .await?;
    album.take(&browser, "set-up", "error").await?;
    pages.set_up(&edge.set_up_link()?, &password).await?;
    each(album, &pages, "empty").await?;
    pages.forget().await?;
    pages.open("/sign-in").await?;
    album.take(&browser, "sign-in", "empty").await?;
    pages.send(&[("name", USER), ("password", "not the password")]).await?;
    album.take(&browser, "sign-in", "error").await
}

/// A factory at work, and the same when clocks and cloud are gone and people type nonsense.
async fn full(album: &Album) -> Result<()> {
    let mut product = demo::start(Plain, Live::Some)?;
    product.collected(PATIENCE).await?;
    product.settled(PATIENCE).await?;
    until("the days to be worked out", PATIENCE, || {
        let waiting = product.edge.count("SELECT count(*) FROM recompute_queue")?;
        Ok((waiting == 0 && product.edge.count("SELECT count(*) FROM attendance_day")? > 0).then_some(()))
    })?;
    let browser = Browser::start(&product.folder.sub("logs")?).await?;
    let pages = Pages::of(&browser, &product.edge)?;
    pages.set_up(&product.edge.set_up_link()?, &new_password()).await?;
    each(album, &pages, "full").await?;
    let mut single = Vec::new();
    for (name, list, beginning) in [
        ("person", "/people", "/people/0"),
        ("clock", "/clocks", "/clocks/0"),
        ("shift", "/rules", "/rules/shifts/0"),
    ] {
        pages.open(list).await?;
        if let Some(path) = pages.links(beginning).await?.into_iter().next() {
            pages.open(&path).await?;
            album.take(&browser, name, "full").await?;
            single.push((name, path));
        }
    }

    cloud_pages::picture_full(album, &mut product).await?;

    // The clocks and the cloud are away.
    product.clocks.clear();
    product.cloud.kill()?;
    until("the clocks to be missed", PATIENCE, || {
        Ok((product.edge.count("SELECT count(*) FROM device_state WHERE link = 'offline'")? > 0)
            .then_some(()))
    })?;
    for (name, path) in [("today", "/"), ("clocks", "/clocks"), ("sync", "/sync")] {
        pages.open(path).await?;
        album.take(&browser, name, "error").await?;
    }
    for (name, path) in single.iter().filter(|(name, _)| *name == "clock") {
        pages.open(path).await?;
        album.take(&browser, name, "error").await?;
    }
    pages.open("/people/new").await?;
    pages.send(&[("code", ""), ("name", "")]).await?;
    album.take(&browser, "person-new", "error").await?;
    pages.open("/clocks/new").await?;
    pages.send(&[("name", ""), ("address", "not an address")]).await?;
    album.take(&browser, "clock-new", "error").await?;
    pages.open("/rules/shifts/new").await?;
    pages.send(&[("code", ""), ("name", "")]).await?;
    album.take(&browser, "shift-new", "error").await?;
    pages.open("/no-such-page").await?;
    album.take(&browser, "not-found", "error").await?;
    drop(browser);
    product.stop()
}
