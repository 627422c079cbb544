use fluent_templates::langid;
use rstest::rstest;

use super::*;
use crate::session::CookieRules;
use crate::{Assets, Locales};

fn page(path: &str) -> Page {
    let kit = Arc::new(Kit::new("Sample", Locales::kit(), Assets::kit(), CookieRules::new("sample", false)));
    let texts = kit.locales.texts_in(langid!("en"));
    let nav = (0..6).map(|_| NavItem::new("/x", "X", "today")).collect();
    Page::new(kit, texts, path, Frame { nav, ..Frame::default() }, None)
}

#[rstest]
#[case("/", "/", true)]
#[case("/devices", "/", false)]
#[case("/devices", "/devices", true)]
#[case("/devices/7", "/devices", true)]
#[case("/devices-old", "/devices", false)]
fn the_navigation_shows_where_the_reader_is(#[case] path: &str, #[case] href: &str, #[case] here: bool) {
    assert_eq!(page(path).is_at(href), here);
}

#[test]
fn phones_show_four_entries_and_the_rest_behind_more() {
    let page = page("/");
    assert_eq!(page.nav_first().len(), 4);
    assert_eq!(page.nav_rest().len(), 2);
    let mut short = page;
    short.frame.nav.truncate(3);
    assert_eq!(short.nav_first().len(), 3);
    assert!(short.nav_rest().is_empty());
}

#[rstest]
#[case("Sample Person", "SP")]
#[case("one", "O")]
#[case("a b c", "AC")]
#[case("", "")]
#[case("ব্যক্তি চার", "বচ")]
fn initials_are_of_the_first_and_last_word(#[case] name: &str, #[case] expected: &str) {
    let user = UserMenu { name: name.to_owned(), role: String::new(), links: vec![], sign_out: "/sign-out" };
    assert_eq!(user.initials(), expected);
}

#[test]
fn chips_escape_their_words_and_name_their_icon() {
    let page = page("/");
    let chip = page.chip(Tone::Warn, "<b>").to_string();
    assert!(chip.starts_with("<span class=\"chip chip-warn\"><svg"), "{chip}");
    assert!(chip.contains("#alert\"/>") && !chip.contains("<b>"), "{chip}");
    assert!(page.mark(crate::DayMark::Late).to_string().ends_with("</svg>Late</span>"));
}

#[test]
fn a_count_of_nothing_is_not_shown() {
    assert_eq!(NavItem::new("/", "X", "today").waiting(0).waiting, None);
    assert_eq!(NavItem::new("/", "X", "today").waiting(3).waiting, Some(3));
}
