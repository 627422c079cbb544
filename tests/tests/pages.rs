//! The local pages in a real browser: set-up by the one-time link, signing in, each page without a fault.
#![expect(clippy::unwrap_used, clippy::print_stderr, reason = "a test stops at the first surprise")]

use std::time::Duration;

use system_tests::binary::Variant::Plain;
use system_tests::browser::Browser;
use system_tests::demo::{self, Live};
use system_tests::edge::Edge;
use system_tests::folder::RunFolder;
use system_tests::pages::{PLAIN, Pages, USER, new_password};

const PATIENCE: Duration = Duration::from_secs(180);

/// Visits pages and says what is wrong with them.
async fn visit(pages: &Pages<'_>, paths: &[String]) -> Vec<String> {
    let mut faults = Vec::new();
    for path in paths {
        pages.open(path).await.unwrap();
        assert_eq!(pages.path().await.unwrap(), path.split('?').next().unwrap());
        faults.extend(pages.faults().await.unwrap().into_iter().map(|fault| format!("{path}: {fault}")));
    }
    eprintln!("pages: {} visited", paths.len());
    faults
}

fn plain() -> Vec<String> {
    PLAIN.iter().map(|(_, path)| (*path).to_owned()).collect()
}

#[tokio::test]
async fn who_installs_makes_the_first_account_and_nobody_else() {
    let folder = RunFolder::new("set-up").unwrap();
    let logs = folder.sub("logs").unwrap();
    let mut edge = Edge::new(&folder.sub("edge").unwrap(), &logs, Plain);
    edge.run(&[]).unwrap();
    let browser = Browser::start(&logs).await.unwrap();
    let pages = Pages::of(&browser, &edge).unwrap();

    // Nobody is let in before, and a made-up token is none.
    pages.open("/people").await.unwrap();
    assert_ne!(pages.path().await.unwrap(), "/people");
    let password = new_password();
    assert!(pages.set_up("/set-up?token=0000-0000-0000-0000-0000-0000", &password).await.is_err());
    assert_eq!(pages.faults().await.unwrap(), Vec::<String>::new());

    let link = edge.set_up_link().unwrap();
    pages.set_up(&link, &password).await.unwrap();
    assert_eq!(visit(&pages, &plain()).await, Vec::<String>::new());

    // The link is used up, and a wrong password lets nobody in.
    pages.forget().await.unwrap();
    pages.open(&link).await.unwrap();
    assert_eq!(pages.path().await.unwrap(), "/sign-in");
    assert_eq!(pages.faults().await.unwrap(), Vec::<String>::new());
    pages.send(&[("name", USER), ("password", "not-the-password")]).await.unwrap();
    assert_eq!(pages.path().await.unwrap(), "/sign-in");
    assert_eq!(pages.faults().await.unwrap(), Vec::<String>::new());
    pages.sign_in(&password).await.unwrap();
}

#[tokio::test]
async fn every_page_of_a_working_factory_is_without_fault() {
    let mut product = demo::start(Plain, Live::Some).unwrap();
    product.collected(PATIENCE).await.unwrap();
    let browser = Browser::start(&product.folder.sub("logs").unwrap()).await.unwrap();
    let pages = Pages::of(&browser, &product.edge).unwrap();
    pages.set_up(&product.edge.set_up_link().unwrap(), &new_password()).await.unwrap();
    let mut paths = plain();
    for (list, beginning) in
        [("/people", "/people/0"), ("/clocks", "/clocks/0"), ("/rules", "/rules/shifts/0")]
    {
        pages.open(list).await.unwrap();
        let links = pages.links(beginning).await.unwrap();
        assert!(!links.is_empty(), "no link to {beginning} on {list}");
        paths.extend(links.into_iter().take(2));
    }
    assert_eq!(visit(&pages, &paths).await, Vec::<String>::new());

    // The live feed shows a punch without a reload.
    pages.open("/").await.unwrap();
    let before = browser.ask("return document.body.innerText").await.unwrap();
    product.clocks[0].punch(1).await.unwrap();
    system_tests::wait::until_async("the punch on the page", PATIENCE, async || {
        Ok((browser.ask("return document.body.innerText").await? != before).then_some(()))
    })
    .await
    .unwrap();
    assert_eq!(browser.complaints().await.unwrap(), Vec::<String>::new());
    drop(browser);
    product.stop().unwrap();
}
