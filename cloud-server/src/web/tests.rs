use std::path::Path;

use web_kit::check;

fn here() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn the_routes_are_those_that_were_reviewed() {
    assert_eq!(super::routes().listing(), include_str!("routes.txt"), "review src/web/routes.txt");
}

#[test]
fn every_text_is_from_a_locale_file() {
    assert_eq!(check::templates(&here().join("templates")).unwrap(), []);
}

#[test]
fn every_key_exists_and_is_used() {
    let sources = [&*here().join("src/web"), &*here().join("templates")];
    let kit = here().join("../web-kit/locales");
    assert_eq!(check::texts(&sources, &here().join("locales"), &[&kit]).unwrap(), []);
}

#[test]
fn the_pages_speak_english_and_bangla() {
    let languages = super::text::locales().languages().iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(languages, ["bn", "en"]);
}

#[test]
fn every_icon_exists() {
    let sprite = std::fs::read_to_string(here().join("../web-kit/assets/image/icons.svg")).unwrap();
    assert_eq!(check::icons(&[&here().join("src/web"), &here().join("templates")], &sprite).unwrap(), []);
}
