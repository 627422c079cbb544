use axum::body::Body;
use fluent_templates::langid;
use http::{Request, header};
use rstest::rstest;

use super::*;
use crate::Locales;

async fn read(body: &'static str) -> Result<FormState, Refusal> {
    let request = Request::post("/")
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(Body::from(body))
        .unwrap();
    FormState::from_request(request, &()).await
}

fn texts() -> Texts {
    std::sync::Arc::new(Locales::kit()).texts_in(langid!("en"))
}

#[tokio::test]
async fn values_are_decoded_and_trimmed() {
    let form = read("name=+%E0%A6%95+b%26c+&day=mon&day=tue&empty=&flag").await.unwrap();
    assert_eq!(form.value("name"), "ক b&c");
    assert_eq!(form.raw("name"), " ক b&c ");
    assert_eq!(form.all("day").collect::<Vec<_>>(), ["mon", "tue"]);
    assert!(form.has("day", "tue") && !form.has("day", "wed"));
    assert_eq!((form.value("empty"), form.value("flag"), form.value("none")), ("", "", ""));
}

#[rstest]
#[case("name=%")]
#[case("name=%4")]
#[case("name=%zz")]
#[case("name=%FF")]
#[tokio::test]
async fn what_cannot_be_read_is_refused(#[case] body: &'static str) {
    assert_eq!(read(body).await.unwrap_err(), Refusal::BadRequest);
}

#[tokio::test]
async fn more_fields_than_any_form_has_are_refused() {
    let body: &'static str = "a=1&".repeat(MAX_FIELDS + 1).leak();
    assert_eq!(read(body).await.unwrap_err(), Refusal::TooLarge);
}

#[test]
fn errors_stay_beside_their_fields() {
    let texts = texts();
    let mut form = FormState::filled([("code", "x y".to_owned()), ("number", "12".to_owned())]);
    assert_eq!(form.required(&texts, "name"), None);
    let number = form.parse(&texts, "number", str::parse::<u8>, |_| Key::new("form-required"));
    assert_eq!(number, Some(12));
    let code = form.parse(&texts, "code", str::parse::<u8>, |_| Key::new("form-required"));
    assert_eq!(code, None);
    form.fail("code", "a second error of the same field");
    assert_eq!(form.error("name"), Some("Please fill this in."));
    assert_eq!(form.error("code"), Some("Please fill this in."));
    assert_eq!(form.error("number"), None);
    assert!(form.has_errors());
    assert_eq!(form.value("code"), "x y");
    form.forget("code");
    assert_eq!(form.value("code"), "");
}
