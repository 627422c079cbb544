//! The browser harness notices what the page tests rely on it to notice.

use std::io::{Read, Write};
use std::net::TcpListener;

use system_tests::browser::{Browser, Screen};

/// What styles a page may bring: files only, or its own text.
const FILES: &str = "'self'";
const INLINE: &str = "'unsafe-inline'";

/// Answers every request with one page, as long as the test runs.
fn serve(styles: &'static str, page: &'static str) -> std::io::Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { break };
            // A browser opens connections in advance and says nothing on them.
            std::thread::spawn(move || {
                let mut request = [0; 4096];
                let _ = stream.read(&mut request);
                let _ = write!(
                    stream,
                    "HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: {}\r\n\
                 Content-Security-Policy: default-src 'none'; style-src {styles}\r\nConnection: close\r\n\r\n{page}",
                    page.len()
                );
            });
        }
    });
    Ok(format!("http://{address}/"))
}

#[tokio::test]
async fn faults_of_a_bad_page_are_found() {
    let logs = tempfile::tempdir().unwrap();
    let browser = Browser::start(logs.path()).await.unwrap();
    let url = serve(
        FILES,
        "<!doctype html><html><head><meta name=\"viewport\" content=\"width=device-width\"><style>p{color:red}</style></head>\
         <body><img src=\"/x.png\"><input><pre>a_line_that_is_far_wider_than_a_phone_held_upright_can_show_on_its_screen</pre></body></html>",
    )
    .unwrap();
    browser.page.goto(&url).await.unwrap();
    let faults = browser.accessibility_faults().await.unwrap();
    for rule in ["document-title", "html-has-lang", "image-alt", "label"] {
        assert!(faults.iter().any(|fault| fault.starts_with(rule)), "{rule} not in {faults:#?}");
    }
    let complaints = browser.complaints().await.unwrap();
    assert!(complaints.iter().any(|line| line.contains("Content Security Policy")), "{complaints:#?}");
    browser.set_screen(Screen::PHONE).await.unwrap();
    assert!(browser.scrolls_sideways().await.unwrap());
}

#[tokio::test]
async fn what_cannot_be_read_in_dark_colours_is_found() {
    let logs = tempfile::tempdir().unwrap();
    let browser = Browser::start(logs.path()).await.unwrap();
    let url = serve(
        INLINE,
        "<!doctype html><html lang=\"en\"><head><title>Today</title><meta name=\"viewport\" content=\"width=device-width\">\
         <style>@media (prefers-color-scheme: dark){body{background:#111;color:#222}}</style></head>\
         <body><main><h1>Today</h1></main></body></html>",
    )
    .unwrap();
    browser.page.goto(&url).await.unwrap();
    let faults = browser.faults().await.unwrap();
    assert!(!faults.is_empty());
    for fault in faults {
        assert!(fault.contains(", dark: color-contrast"), "{fault}");
    }
}

#[tokio::test]
async fn a_good_page_has_none() {
    let logs = tempfile::tempdir().unwrap();
    let browser = Browser::start(logs.path()).await.unwrap();
    let url = serve(
        FILES,
        "<!doctype html><html lang=\"en\"><head><title>Today</title><meta name=\"viewport\" content=\"width=device-width\">\
         <link rel=\"icon\" href=\"data:,\"></head><body><main><h1>Today</h1></main></body></html>",
    )
    .unwrap();
    browser.page.goto(&url).await.unwrap();
    assert_eq!(browser.faults().await.unwrap(), Vec::<String>::new());
    browser.set_screen(Screen::PHONE).await.unwrap();
    assert!(!browser.scrolls_sideways().await.unwrap());
    let picture = logs.path().join("page.png");
    browser.picture(Screen::PHONE, &picture).await.unwrap();
    assert!(std::fs::read(&picture).unwrap().starts_with(b"\x89PNG"));
}
