use chrono::{NaiveDate, TimeDelta};
use fluent_templates::langid;
use http::{HeaderValue, header};
use rstest::rstest;

use super::*;

fn english() -> Texts {
    Arc::new(Locales::kit()).texts_in(langid!("en"))
}

/// The kit ships no Bangla file yet; numbers and digits are ready for it, words fall back to English.
fn bangla() -> Texts {
    Arc::new(Locales::kit()).texts_in(langid!("bn"))
}

#[rstest]
#[case(0, "0", "০")]
#[case(999, "999", "৯৯৯")]
#[case(1_000, "1,000", "১,০০০")]
#[case(12_345, "12,345", "১২,৩৪৫")]
#[case(1_234_567, "1,234,567", "১২,৩৪,৫৬৭")]
#[case(123_456_789, "123,456,789", "১২,৩৪,৫৬,৭৮৯")]
#[case(-4_500, "−4,500", "−৪,৫০০")]
fn numbers_are_grouped_by_language(#[case] number: i64, #[case] en: &str, #[case] bn: &str) {
    assert_eq!(english().int(number), en);
    assert_eq!(bangla().int(number), bn);
}

#[rstest]
#[case(0, "0:00")]
#[case(59, "0:00")]
#[case(-59, "0:00")]
#[case(29_100, "8:05")]
#[case(-3_600, "−1:00")]
#[case(360_000, "100:00")]
fn durations_are_rounded_down_to_minutes(#[case] seconds: i64, #[case] expected: &str) {
    assert_eq!(english().hours_minutes(seconds), expected);
}

#[rstest]
#[case(0, 0, "0%")]
#[case(999, 1_000, "99%")]
#[case(1_000, 1_000, "100%")]
#[case(u64::MAX, u64::MAX, "100%")]
fn percent_never_claims_all_for_less(#[case] part: u64, #[case] whole: u64, #[case] expected: &str) {
    assert_eq!(english().percent(part, whole), expected);
}

#[rstest]
#[case(3, "just now")]
#[case(-30, "just now")]
#[case(45, "45 s ago")]
#[case(720, "12 min ago")]
#[case(7_300, "2 h ago")]
#[case(400_000, "4 d ago")]
fn ages_use_the_largest_unit(#[case] seconds: i64, #[case] expected: &str) {
    assert_eq!(english().ago(TimeDelta::seconds(seconds)), expected);
}

#[test]
fn dates_and_times_are_written_by_the_locale_file() {
    let day = NaiveDate::from_ymd_opt(2026, 11, 21).unwrap();
    let at = day.and_hms_opt(8, 5, 9).unwrap();
    let texts = english();
    assert_eq!(texts.date(day), "21 Nov 2026");
    assert_eq!(texts.date_as(day, DateStyle::Short), "Sat 21 Nov");
    assert_eq!(texts.date_time(at), "21 Nov 2026, 08:05");
    assert_eq!(texts.time_seconds(at.time()), "08:05:09");
    assert_eq!(bangla().time(at.time()), "০৮:০৫");
    assert_eq!(texts.hundredths(-123_450), "−1,234.50");
}

#[rstest]
#[case(None, None, "en")]
#[case(None, Some("bn-BD,bn;q=0.9,en;q=0.8"), "bn")]
#[case(None, Some("fr, en;q=0.4, bn;q=0.5"), "bn")]
#[case(None, Some("bn;q=0, en"), "en")]
#[case(None, Some("zz-!!;q=x,,,"), "en")]
#[case(Some("lang=bn"), Some("en"), "bn")]
#[case(Some("lang=klingon"), Some("bn"), "bn")]
fn language_is_chosen_by_cookie_then_header(
    #[case] cookie: Option<&'static str>,
    #[case] accept: Option<&'static str>,
    #[case] expected: &str,
) {
    let mut headers = HeaderMap::new();
    if let Some(cookie) = cookie {
        headers.insert(header::COOKIE, HeaderValue::from_static(cookie));
    }
    if let Some(accept) = accept {
        headers.insert(header::ACCEPT_LANGUAGE, HeaderValue::from_static(accept));
    }
    let offered = [langid!("en"), langid!("bn")];
    assert_eq!(language::choose(&offered, &headers).to_string(), expected);
}

#[test]
fn only_offered_languages_can_be_kept_in_the_cookie() {
    let offered = [langid!("en")];
    assert!(language_cookie(&offered, "en").is_some());
    assert_eq!(language_cookie(&offered, "bn"), None);
    assert_eq!(language_cookie(&offered, "en; Domain=evil"), None);
}

#[test]
fn texts_take_words_and_numbers() {
    let texts = english();
    assert_eq!(texts.t("span-minutes").with("number", 1_200_u64).to_string(), "1,200 min");
    assert_eq!(texts.t("ago").with("span", "<b>").to_string(), "<b> ago");
    assert_eq!(texts.t("no-such-key").to_string(), "no-such-key");
}
