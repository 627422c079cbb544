use std::fs;
use std::path::PathBuf;

use rstest::rstest;

use super::*;

fn here() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn the_kits_templates_hold_no_literal_text_and_no_inline_code() {
    assert_eq!(templates(&here().join("templates")).unwrap(), []);
}

#[test]
fn the_kits_texts_are_complete_and_all_used() {
    let sources = [here().join("src"), here().join("templates")];
    let found = texts(&[&sources[0], &sources[1]], &here().join("locales"), &[]).unwrap();
    assert_eq!(found, []);
}

#[test]
fn every_icon_used_is_in_the_sprite() {
    let sprite = include_str!("../../assets/image/icons.svg");
    let folders = [here().join("src"), here().join("templates"), here().join("examples")];
    let found = icons(&[&folders[0], &folders[1], &folders[2]], sprite).unwrap();
    assert_eq!(found, []);
    for mark in crate::DayMark::ALL {
        assert!(sprite.contains(&format!("id=\"{}\"", mark.icon())), "{mark:?}");
    }
}

#[rstest]
#[case("<p>Hello</p>", "literal text: Hello")]
#[case("<p>{{ name }} late</p>", "literal text: late")]
#[case("<p>নাম</p>", "literal text: নাম")]
#[case("<input placeholder=\"Name\">", "literal text in `placeholder`: Name")]
#[case("<a aria-label='Go {{ x }}'>", "literal text in `aria-label`: Go")]
#[case("<input type=\"submit\" value=\"Save\">", "literal text in `value`: Save")]
#[case("{% call ui::empty(\"x\", \"Nothing here\") %}", "literal text in an expression: Nothing here")]
#[case("<td style=\"color:red\">", "inline style: use a class")]
#[case("<a onclick=\"go()\">", "inline script in `onclick`")]
#[case("<a hx-on:click=\"go()\">", "inline script in `hx-on:click`")]
#[case("<script>go()</script>", "inline script")]
#[case("<style>p {}</style>", "inline style sheet")]
fn what_must_not_be_in_a_template_is_found(#[case] template: &str, #[case] expected: &str) {
    let found = template::check(Path::new("x.html"), template);
    let problems: Vec<&str> = found.iter().map(|finding| finding.problem.as_str()).collect();
    assert!(problems.iter().any(|problem| problem.starts_with(expected)), "{problems:?}");
}

#[rstest]
#[case("<!doctype html>\n<p class=\"lead\">{{ page.t(\"some-key\") }} · 12&nbsp;%</p>")]
#[case("{# A comment with words. #}<!-- another one -->")]
#[case("<input type=\"hidden\" name=\"next\" value=\"{{ next }}\">")]
#[case("<a title=\"{{ page.t(\"go\") }}\"{% if x > 3 %} aria-current=\"page\"{% endif %}>→</a>")]
#[case("<script src=\"{{ page.asset(\"kit.js\") }}\" defer></script>")]
#[case("{% call ui::text_field(form, \"name\", page.t(\"name\"), kind=\"date\") %}{% endcall %}")]
#[case("<option value=\"a\"{% if form.value(name) == *value %} selected{% endif %}>{{ text }}</option>")]
fn what_may_be_in_a_template_passes(#[case] template: &str) {
    assert_eq!(template::check(Path::new("x.html"), template), []);
}

#[test]
fn lines_are_counted_through_expressions() {
    let found = template::check(Path::new("x.html"), "{% if\n x %}\n<p>\n{{ a }}\nword</p>");
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].line, 5, "{found:?}");
}

#[test]
fn keys_are_compared_in_both_directions_and_between_languages() {
    let folder = tempfile::tempdir().unwrap();
    let write = |path: &str, text: &str| {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    write("src/a.rs", "fn a() { t.t(\n    \"used\"); Key::new(\"missing\"); x.t(\"kit\") }\n");
    write("src/a/tests.rs", "fn b() { t.t(\"only-in-tests\") }\n");
    write("locales/en/a.ftl", "# words = none\nused = With { $name }\nunused = x\nused = twice\n");
    write("locales/bn/a.ftl", "used = { $nam }\n    more\n");
    write("kit/en/kit.ftl", "kit = x\n");
    let kit = folder.path().join("kit");
    let found = texts(&[&folder.path().join("src")], &folder.path().join("locales"), &[&kit]).unwrap();
    let problems: Vec<&str> = found.iter().map(|finding| finding.problem.as_str()).collect();
    for expected in [
        "no text `missing` in `en`",
        "no text `missing` in `bn`",
        "no text `kit` in `bn`",
        "`unused` is used nowhere",
        "`unused` is missing in `bn`",
        "`used` is written twice",
        "`used` takes other arguments in `en`",
    ] {
        assert!(problems.contains(&expected), "{expected}: {problems:?}");
    }
    assert_eq!(problems.iter().filter(|problem| problem.contains("only-in-tests")).count(), 0);
}
