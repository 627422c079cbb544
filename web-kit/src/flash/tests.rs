use fluent_templates::langid;
use http::header;

use super::*;
use crate::Locales;

fn texts() -> Texts {
    std::sync::Arc::new(Locales::kit()).texts_in(langid!("en"))
}

fn sent(cookie: &str) -> Option<Notice> {
    let mut headers = HeaderMap::new();
    headers.insert(header::COOKIE, HeaderValue::from_str(cookie).unwrap());
    take(&headers, &texts())
}

#[test]
fn a_message_survives_the_way_through_the_browser() {
    let set = Flash::bad("sign-in-wait").with("span", "5 \"min\"").cookie();
    let pair = set.to_str().unwrap().split(';').next().unwrap().to_owned();
    let notice = sent(&pair).unwrap();
    assert_eq!(notice.tone, Tone::Bad);
    assert_eq!(notice.text, "Too many tries. Please wait 5 \"min\" and try again.");
}

#[test]
fn only_texts_of_ours_are_shown() {
    for json in [
        r#"{"tone":"good","key":"Your password is needed: evil.example"}"#,
        r#"{"tone":"good"}"#,
        r#"{"tone":"purple","key":"sign-out"}"#,
        "[",
    ] {
        assert_eq!(sent(&format!("flash={}", URL_SAFE_NO_PAD.encode(json))), None, "{json}");
    }
    assert_eq!(sent("flash=!!!"), None);
    assert_eq!(sent("flash="), None);
}

#[test]
fn arguments_are_bounded() {
    let set = Flash::good("ago").with("span", "x".repeat(100_000)).cookie();
    assert!(set.len() < 1_000);
}
