//! What people do on the local pages, in a real browser: the first day of a factory, and whom the pages turn away.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::io::{Read, Write};
use std::net::TcpListener;
use std::time::Duration;

use chrono::{Offset as _, TimeZone as _, Timelike as _};
use chrono_tz::{OffsetComponents as _, Tz};
use cloud_server::clock::SystemClock;
use shared_model::Clock as _;
use system_tests::binary::Variant::Plain;
use system_tests::browser::Browser;
use system_tests::clock::SimulatedClock;
use system_tests::edge::Edge;
use system_tests::folder::RunFolder;
use system_tests::pages::{Pages, USER, new_password};
use system_tests::showcase;
use thirtyfour::prelude::*;

const PATIENCE: Duration = Duration::from_secs(180);

/// A zone in which it is past ten in the morning now, and its minutes east of UTC: the shifts of a test are then where
/// the test expects them, at whatever hour it runs.
fn zone_past_ten() -> (Tz, i32) {
    let now = SystemClock.now();
    let is_past_ten = |zone: &&Tz| {
        let offset = zone.offset_from_utc_datetime(&now.naive_utc());
        now.with_timezone(*zone).hour() == 10
            && offset.dst_offset().is_zero()
            && zone.name().contains('/')
            && !zone.name().starts_with("Etc/")
    };
    let zone = *chrono_tz::TZ_VARIANTS.iter().find(is_past_ten).unwrap();
    let offset = zone.offset_from_utc_datetime(&now.naive_utc()).fix();
    (zone, offset.local_minus_utc() / 60)
}

async fn assert_faultless(pages: &Pages<'_>) {
    assert_eq!(pages.faults().await.unwrap(), Vec::<String>::new(), "{}", pages.path().await.unwrap());
}

/// The number of a tile of the day.
async fn tile(browser: &Browser, label: &str) -> String {
    let script = format!(
        "return [...document.querySelectorAll('.tile')].find(t => t.querySelector('.tile-label').innerText.trim() === \
         '{label}')?.querySelector('.tile-value').innerText"
    );
    browser.ask(&script).await.unwrap().as_str().unwrap_or_default().to_owned()
}

#[tokio::test]
async fn a_clock_in_trouble_says_what_is_wrong_and_what_to_do() {
    let folder = RunFolder::new("trouble").unwrap();
    let logs = folder.sub("logs").unwrap();
    let mut edge = Edge::new(&folder.sub("edge").unwrap(), &logs, Plain);
    edge.run(&[]).unwrap();
    let browser = Browser::start(&logs).await.unwrap();
    let pages = Pages::of(&browser, &edge).unwrap();
    let (link, password) = (edge.set_up_link().unwrap(), new_password());
    pages.set_up_in(&link, &password, "Asia/Dhaka", &[]).await.unwrap();
    let clock = showcase::troubled_clock(&edge, &folder.sub("clocks").unwrap()).await.unwrap();

    pages.open("/clocks").await.unwrap();
    pages.says("6 h behind", PATIENCE).await.unwrap();
    assert_faultless(&pages).await;
    let path = pages.links("/clocks/0").await.unwrap().remove(0);
    for language in ["en", "bn"] {
        pages.choose_language(language).await.unwrap();
        pages.open(&path).await.unwrap();
        assert_faultless(&pages).await;
    }
    pages.choose_language("en").await.unwrap();
    pages.open(&path).await.unwrap();
    for wanted in
        ["The clock’s time is wrong", "Posts from an unexpected address", "127.0.0.2", "Impossible date"]
    {
        pages.says(wanted, PATIENCE).await.unwrap();
    }
    // Also before it is added.
    pages.open("/clocks/new").await.unwrap();
    let field = browser.page.find(By::Name("address")).await.unwrap();
    field.send_keys(clock.address().unwrap()).await.unwrap();
    browser.page.find(By::Css("button[value=test]")).await.unwrap().click().await.unwrap();
    pages.says("The clock’s time is wrong", PATIENCE).await.unwrap();
    assert_faultless(&pages).await;
}

#[tokio::test]
async fn the_first_day_of_a_factory_by_pages_alone() {
    let folder = RunFolder::new("first-day").unwrap();
    let logs = folder.sub("logs").unwrap();
    let mut edge = Edge::new(&folder.sub("edge").unwrap(), &logs, Plain);
    edge.run(&[]).unwrap();
    let browser = Browser::start(&logs).await.unwrap();
    let pages = Pages::of(&browser, &edge).unwrap();
    let (zone, minutes_east) = zone_past_ten();
    let no_day_off = [("weekly_off", "")];
    let (link, password) = (edge.set_up_link().unwrap(), new_password());
    pages.set_up_in(&link, &password, zone.name(), &no_day_off).await.unwrap();
    pages.says("connect the first clock", PATIENCE).await.unwrap();

    // A clock with two users at whom nobody has punched yet.
    let minutes_east = minutes_east.to_string();
    let arguments = ["--users", "2", "--first-code", "1001", "--utc-offset-minutes", &minutes_east];
    let clock = SimulatedClock::tcp("SIMFIRST1", &folder.sub("clocks").unwrap(), &arguments).unwrap();
    pages.open("/clocks/new").await.unwrap();
    pages.send(&[("address", clock.address().unwrap()), ("name", "Main gate")]).await.unwrap();
    pages.says("Main gate was added", PATIENCE).await.unwrap();
    assert_faultless(&pages).await;

    // The list of people, as a spreadsheet leaves it.
    let list = "\u{feff}code;name;department\r\n1001;Amina Akter;Day\r\n1002;Rahim Mia;Afternoon\r\n\
                1003;Salma Begum;Dawn\r\n1004;Karim Uddin;Dawn\r\n1005;Nasrin Khatun;Day\r\n1006;Jamal Islam;Afternoon\r\n";
    let file = folder.path().join("people.csv");
    std::fs::write(&file, list).unwrap();
    pages.open("/people/import").await.unwrap();
    pages.send(&[("file", file.to_str().unwrap())]).await.unwrap();
    pages.says("Every line was taken", PATIENCE).await.unwrap();
    assert_faultless(&pages).await;

    // Who works when: a shift that is over, and one that has not begun.
    for (code, start, end, before, after) in
        [("DAWN", "05:00", "08:00", "30", "60"), ("PM", "12:30", "21:00", "180", "60")]
    {
        pages.open("/rules/shifts/new").await.unwrap();
        let hours = [("start", start), ("end", end), ("before", before), ("after", after)];
        pages.send(&[&[("name", code), ("code", code)][..], &hours].concat()).await.unwrap();
        pages.says(&format!("{code} was saved"), PATIENCE).await.unwrap();
    }
    for (department, shift) in [("Dawn", "DAWN"), ("Afternoon", "PM")] {
        pages.open("/rules").await.unwrap();
        choose(&browser, "whom", department).await;
        choose(&browser, "shift", shift).await;
        let today = SystemClock.now().with_timezone(&zone).date_naive();
        pages.send(&[("from", &today.to_string())]).await.unwrap();
        pages.says("The shift was assigned", PATIENCE).await.unwrap();
    }
    assert_faultless(&pages).await;

    // The page stays open while people come.
    pages.open("/").await.unwrap();
    pages.says("Live", PATIENCE).await.unwrap();
    browser.page.execute("window.stayed = true", vec![]).await.unwrap();
    clock.punch(2).await.unwrap();
    pages.says("Main gate", PATIENCE).await.unwrap();
    let expected = [("Present", "2"), ("Late", "1"), ("Absent", "2"), ("Provisional", "2")];
    let numbers = async || {
        let mut numbers = Vec::new();
        for (label, _) in expected {
            numbers.push((label, tile(&browser, label).await));
        }
        numbers
    };
    let right = system_tests::wait::until_async("the numbers of the day", PATIENCE, async || {
        let now = numbers().await;
        Ok(now.iter().zip(expected).all(|((_, is), (_, should))| is == should).then_some(()))
    });
    if let Err(error) = right.await {
        panic!("{error}: {:?}", numbers().await);
    }
    // So does the list below.
    for wanted in ["Late", "Absent", "Not in yet", "Not started", "Working"] {
        let script = format!(
            "return [...document.querySelectorAll('[data-live-refresh] .chip')].some(c => c.innerText.trim() === '{wanted}')"
        );
        system_tests::wait::until_async(wanted, PATIENCE, async || {
            Ok((browser.ask(&script).await? == true).then_some(()))
        })
        .await
        .unwrap();
    }
    assert_eq!(browser.ask("return window.stayed").await.unwrap(), true, "the page was not loaded again");
    assert_faultless(&pages).await;
    pages.open("/?show=absent").await.unwrap();
    pages.says("Absent: 2 people", PATIENCE).await.unwrap();
    assert_faultless(&pages).await;

    pages.sign_out().await.unwrap();
    pages.open("/people").await.unwrap();
    assert_eq!(pages.path().await.unwrap(), "/sign-in");
    drop(browser);
    edge.stop().unwrap();
}

/// Chooses the entry of a list that is shown as this.
async fn choose(browser: &Browser, field: &str, shown: &str) {
    let path = format!("//select[@name='{field}']/option[contains(., '{shown}')]");
    browser.page.find(By::XPath(path)).await.unwrap().click().await.unwrap();
}

/// A page of another site whose button posts to the agent.
fn other_site(target: &str) -> String {
    let page = format!(
        "<!doctype html><html lang=en><title>x</title><form method=post action='{target}'><button>x</button></form></html>"
    );
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let (Ok(mut stream), page) = (stream, page.clone()) else { break };
            std::thread::spawn(move || {
                let _ = stream.read(&mut [0; 4096]);
                let _ = write!(
                    stream,
                    "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{page}",
                    page.len()
                );
            });
        }
    });
    // Another name is another site, though the machine is the same.
    format!("http://localhost:{port}/")
}

#[tokio::test]
async fn who_has_no_business_here_is_turned_away_and_told_what_to_do() {
    let folder = RunFolder::new("turned-away").unwrap();
    let logs = folder.sub("logs").unwrap();
    let mut edge = Edge::new(&folder.sub("edge").unwrap(), &logs, Plain);
    edge.run(&[]).unwrap();
    let browser = Browser::start(&logs).await.unwrap();
    let pages = Pages::of(&browser, &edge).unwrap();
    let password = new_password();
    pages.set_up(&edge.set_up_link().unwrap(), &password).await.unwrap();

    // A button on another site's page changes nothing here.
    browser.page.goto(other_site(&format!("{}/sign-out", edge.url().unwrap()))).await.unwrap();
    browser.page.find(By::Tag("button")).await.unwrap().click().await.unwrap();
    pages.says("The request came from another site", PATIENCE).await.unwrap();
    assert_eq!(browser.faults().await.unwrap(), Vec::<String>::new());
    pages.open("/account").await.unwrap();
    assert_eq!(pages.path().await.unwrap(), "/account", "nobody was signed out");

    // A session that was ended elsewhere says so, and leads back after signing in.
    let password = edge.command(&["user", "reset-password", USER]).unwrap();
    let password = password["password"].as_str().unwrap().to_owned();
    pages.open("/people?q=amina").await.unwrap();
    assert_eq!(pages.path().await.unwrap(), "/sign-in");
    pages.says("Your session has ended", PATIENCE).await.unwrap();
    browser.complaints().await.unwrap();
    assert_faultless(&pages).await;
    pages.send(&[("name", USER), ("password", &password)]).await.unwrap();
    assert_eq!(pages.path().await.unwrap(), "/people");

    // A wrong password is told from nothing, and guessing is slowed down.
    pages.sign_out().await.unwrap();
    pages.send(&[("name", USER), ("password", "not-the-password")]).await.unwrap();
    pages.says("The name or the password is not right", PATIENCE).await.unwrap();
    assert_faultless(&pages).await;
    system_tests::wait::until_async("the pause between guesses", PATIENCE, async || {
        pages.send(&[("name", USER), ("password", "not-the-password")]).await?;
        Ok(pages.text().await?.contains("Too many tries").then_some(()))
    })
    .await
    .unwrap();
    pages.send(&[("name", USER), ("password", &password)]).await.unwrap();
    assert_eq!(pages.path().await.unwrap(), "/sign-in", "the right password must wait as well");
    assert_eq!(browser.faults().await.unwrap(), Vec::<String>::new());
    drop(browser);
    edge.stop().unwrap();
}

#[tokio::test]
async fn the_pages_can_be_used_without_a_mouse() {
    let folder = RunFolder::new("keyboard").unwrap();
    let logs = folder.sub("logs").unwrap();
    let mut edge = Edge::new(&folder.sub("edge").unwrap(), &logs, Plain);
    edge.run(&[]).unwrap();
    let browser = Browser::start(&logs).await.unwrap();
    let pages = Pages::of(&browser, &edge).unwrap();
    pages.set_up(&edge.set_up_link().unwrap(), &new_password()).await.unwrap();
    pages.open("/people").await.unwrap();
    let press =
        async |key: Key| browser.page.active_element().await.unwrap().send_keys(key + "").await.unwrap();
    let focus = async || {
        let script = "const e = document.activeElement; return e.id || e.className || e.tagName";
        browser.ask(script).await.unwrap().as_str().unwrap_or_default().to_owned()
    };

    press(Key::Tab).await;
    assert_eq!(focus().await, "skip");
    press(Key::Enter).await;
    assert_eq!(focus().await, "content", "the first link leads past the navigation");

    // The menu opens by Enter and closes by Escape, which gives the focus back.
    browser.page.execute("document.querySelector('.user-button').focus()", vec![]).await.unwrap();
    press(Key::Enter).await;
    assert_eq!(browser.ask("return document.querySelector('.menu').open").await.unwrap(), true);
    press(Key::Escape).await;
    assert_eq!(browser.ask("return document.querySelector('.menu').open").await.unwrap(), false);
    assert_eq!(focus().await, "user-button");

    // A form that comes back begins at its first mistake.
    pages.open("/people/new").await.unwrap();
    pages.send(&[("code", "1001"), ("name", "")]).await.unwrap();
    assert_eq!(focus().await, "name");
    drop(browser);
    edge.stop().unwrap();
}
