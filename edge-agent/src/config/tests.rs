use std::path::Path;

use super::load::parse;
use super::*;

fn error(text: &str) -> String {
    parse(Path::new("muster-edge.toml"), text).unwrap_err().to_string()
}

fn folder_with(text: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join(FILE), text).unwrap();
    folder
}

fn no_environment(_: &str) -> Option<String> {
    None
}

#[test]
fn the_default_file_says_what_the_program_assumes() {
    let path = Path::new("default.toml");
    assert_eq!(parse(path, DEFAULT).unwrap(), Config::default());
    let uncommented: String =
        DEFAULT.lines().map(|line| line.strip_prefix("#: ").unwrap_or(line).to_owned() + "\n").collect();
    assert_eq!(parse(path, &uncommented).unwrap(), Config::default());
}

#[test]
fn every_key_is_explained_in_the_default_file() {
    let cloud = CloudConfig { proxy: Some(Secret::new("x".to_owned())), ca_file: Some("x".into()) };
    let toml::Value::Table(sections) = toml::Value::try_from(Config { cloud, ..Config::default() }).unwrap()
    else {
        panic!("a table")
    };
    for (section, keys) in sections {
        let at = DEFAULT.find(&format!("\n[{section}]\n")).unwrap();
        let lines: Vec<&str> = DEFAULT[at + 2..].split("\n[").next().unwrap().lines().collect();
        for (key, _) in keys.as_table().unwrap() {
            let shown = [format!("#: {key} = "), format!("# {key} = ")];
            let line = lines.iter().position(|line| shown.iter().any(|shown| line.starts_with(shown)));
            let line = line.unwrap_or_else(|| panic!("{section}.{key} is not in the default file"));
            let above = lines[line - 1];
            assert!(
                above.starts_with("# ") && !above.starts_with("#: "),
                "{section}.{key} has no explanation"
            );
        }
    }
}

#[test]
fn an_unknown_key_is_shown_with_its_place_and_what_there_is() {
    let text = error("[ui]\nlisten = \"127.0.0.1:1\"\nhost = []\n");
    assert!(
        text.starts_with("muster-edge.toml:3:1: unknown field `host`, expected one of `listen`"),
        "{text}"
    );
    assert!(text.ends_with("\n  |\n3 | host = []\n  | ^^^^"), "{text}");
}

#[test]
fn a_number_outside_its_bounds_is_shown_with_them() {
    let text = error("# clocks\n[poll]\ninterval_seconds = 0\n");
    let shown = "\n  |\n3 | interval_seconds = 0\n  |                    ^";
    assert_eq!(text, format!("muster-edge.toml:3:20: 0 is outside 1 to 86400{shown}"));
}

#[test]
fn text_that_is_no_toml_and_values_of_another_type_are_shown_with_their_place() {
    assert!(error("[ui\n").starts_with("muster-edge.toml:1:"), "{}", error("[ui\n"));
    assert!(error("[ui]\nlisten = 8470\n").starts_with("muster-edge.toml:2:10: "));
    assert!(error("[log]\nformat = \"xml\"\n").starts_with("muster-edge.toml:2:10: unknown variant `xml`"));
}

#[test]
fn values_that_mean_nothing_are_shown_with_their_place() {
    let open = "[push]\nenabled = false\n[ui]\n  listen = \"0.0.0.0:8470\"\n";
    let text = error(open);
    assert!(text.starts_with("muster-edge.toml:4:3: 0.0.0.0:8470 is not this machine alone"), "{text}");
    assert!(text.ends_with("4 |   listen = \"0.0.0.0:8470\"\n  |   ^^^^^^"), "{text}");
    let nameless = parse(Path::new("x"), &format!("{open}tls = true\n")).unwrap_err().to_string();
    assert!(nameless.contains("say in ui.hosts"), "{nameless}");
    parse(Path::new("x"), &format!("{open}tls = true\nhosts = [\"192.0.2.7\"]\n")).unwrap();
    let one =
        parse(Path::new("x"), "[ui]\nlisten = \"[2001:db8::7]:8470\"\ntls = true\nhosts = [\"a.example\"]\n");
    assert_eq!(one.unwrap().ui.names(), ["a.example", "[2001:db8::7]"]);
    assert!(error("[log]\nfilter = \"a=b=c\"\n").starts_with("muster-edge.toml:2:1: "));
}

#[test]
fn the_file_is_over_the_defaults_and_flags_are_over_the_file() {
    let folder = folder_with("[ui]\nlisten = \"127.0.0.1:9000\"\n[push]\nlisten = \"0.0.0.0:9001\"\n");
    let flags = Flags { push_listen: Some("127.0.0.1:0".parse().unwrap()), ..Flags::default() };
    let loaded = load(folder.path(), None, no_environment, &flags).unwrap();
    assert_eq!(loaded.config.ui.listen, "127.0.0.1:9000".parse().unwrap());
    assert_eq!(loaded.config.push.listen, "127.0.0.1:0".parse().unwrap());
    assert_eq!(loaded.config.poll, PollConfig::default());
    assert_eq!(loaded.file, Some(folder.path().join(FILE)));
}

#[test]
fn a_flag_is_checked_like_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let flags = Flags { ui_listen: Some("0.0.0.0:0".parse().unwrap()), ..Flags::default() };
    let error = load(folder.path(), None, no_environment, &flags).unwrap_err().to_string();
    assert!(error.starts_with("--ui-listen: 0.0.0.0:0 is not this machine alone"), "{error}");
}

#[test]
fn a_folder_without_a_file_has_the_defaults_but_a_named_file_must_be_there() {
    let folder = tempfile::tempdir().unwrap();
    let loaded = load(folder.path(), None, no_environment, &Flags::default()).unwrap();
    assert_eq!((loaded.config, loaded.file), (Config::default(), None));
    let missing = folder.path().join("other.toml");
    let error = load(folder.path(), Some(&missing), no_environment, &Flags::default()).unwrap_err();
    assert!(error.to_string().contains("other.toml"), "{error}");
}

#[test]
fn a_secret_of_the_environment_is_over_the_file_and_never_shown() {
    let folder = folder_with("\u{feff}[cloud]\nproxy = \"http://a:hunter2@proxy:3128\"\n");
    let environment =
        |name: &str| (name == "MUSTER_CLOUD_PROXY").then(|| "http://b:hunter3@proxy:3128".to_owned());
    let of_file = load(folder.path(), None, no_environment, &Flags::default()).unwrap();
    let of_environment = load(folder.path(), None, environment, &Flags::default()).unwrap();
    let proxy = |loaded: &Loaded| loaded.config.cloud.proxy.as_ref().map(|p| p.reveal().to_owned()).unwrap();
    assert!(proxy(&of_file).contains("hunter2") && proxy(&of_environment).contains("hunter3"));
    for loaded in [of_file, of_environment] {
        let shown = format!("{loaded:?}{}", toml::to_string(&loaded.config).unwrap());
        assert!(!shown.contains("hunter"), "{shown}");
    }
}

#[test]
fn a_proxy_that_is_none_is_refused_without_repeating_it() {
    let folder = folder_with("[cloud]\nproxy = \"user:hunter2@proxy\"\n");
    let error = load(folder.path(), None, no_environment, &Flags::default()).unwrap_err().to_string();
    assert!(error.contains(":2:1: a proxy is written as") && !error.contains("hunter2"), "{error}");
    let environment = |_: &str| Some("hunter2".to_owned());
    let folder = tempfile::tempdir().unwrap();
    let error = load(folder.path(), None, environment, &Flags::default()).unwrap_err().to_string();
    assert!(error.starts_with("MUSTER_CLOUD_PROXY") && !error.contains("hunter2"), "{error}");
}
