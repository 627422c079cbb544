//! What a command needs beside Rust, git and a C compiler, and how a Debian machine gets it.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

/// A program, or set of files, that some command needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Prerequisite {
    /// The server programs `initdb` and `postgres`.
    PostgreSql,
    /// The browser that shows the pages.
    Chromium,
    /// What steers the browser.
    ChromeDriver,
    /// Python with `venv`, for the public client that reads the simulated clocks back.
    PythonVenv,
    /// What compiles and links for Windows.
    MinGw,
    /// A font with Bangla letters, for pages and screenshots.
    BanglaFont,
}

impl Prerequisite {
    /// For `demo`.
    pub(crate) const DEMO: &'static [Self] = &[Self::PostgreSql];
    /// For `test`.
    pub(crate) const TEST: &'static [Self] =
        &[Self::PostgreSql, Self::Chromium, Self::ChromeDriver, Self::PythonVenv];
    /// For `bench`.
    pub(crate) const BENCH: &'static [Self] = &[Self::PostgreSql, Self::PythonVenv];
    /// For `dist --windows`.
    pub(crate) const WINDOWS: &'static [Self] = &[Self::MinGw];
    /// For `screenshots`.
    pub(crate) const SCREENSHOTS: &'static [Self] =
        &[Self::PostgreSql, Self::Chromium, Self::ChromeDriver, Self::BanglaFont];

    const fn package(self) -> &'static str {
        match self {
            Self::PostgreSql => "postgresql",
            Self::Chromium => "chromium",
            Self::ChromeDriver => "chromium-driver",
            Self::PythonVenv => "python3-venv",
            Self::MinGw => "gcc-mingw-w64-x86-64",
            Self::BanglaFont => "fonts-noto-core",
        }
    }

    fn is_there(self) -> bool {
        match self {
            Self::PostgreSql => postgres_bin().is_some(),
            Self::Chromium => on_path("chromium"),
            Self::ChromeDriver => on_path("chromedriver"),
            Self::PythonVenv => succeeds("python3", &["-c", "import venv, ensurepip"]),
            Self::MinGw => on_path("x86_64-w64-mingw32-gcc"),
            Self::BanglaFont => {
                Path::new("/usr/share/fonts/truetype/noto/NotoSansBengali-Regular.ttf").exists()
            }
        }
    }
}

/// Installs what is missing, saying what and asking nothing.
///
/// # Errors
/// Tells what to run by hand where this user may not install packages or the machine has no apt.
pub(crate) fn ensure(wanted: &[Prerequisite]) -> Result<()> {
    let missing: Vec<_> = wanted.iter().copied().filter(|one| !one.is_there()).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let packages: Vec<_> = missing.iter().map(|one| one.package()).collect();
    let by_hand = format!("apt-get update && apt-get install {}", packages.join(" "));
    if !on_path("apt-get") {
        bail!("missing: {packages:?} (names of Debian packages). Install their like and run this again.");
    }
    let as_root: &[&str] = if is_root() {
        &[]
    } else if succeeds("sudo", &["-n", "true"]) {
        &["sudo", "-n"]
    } else {
        bail!("missing: {}. Run as root: {by_hand}", packages.join(", "));
    };
    eprintln!("xtask: installing {} (Debian packages)", packages.join(", "));
    apt(as_root, &["update", "-qq"])?;
    let mut install = vec!["install", "-qq", "--yes", "--no-install-recommends"];
    install.extend(&packages);
    apt(as_root, &install).with_context(|| format!("by hand: {by_hand}"))?;
    match missing.iter().find(|one| !one.is_there()) {
        Some(one) => bail!("{} was installed and yet is not found", one.package()),
        None => Ok(()),
    }
}

fn apt(as_root: &[&str], arguments: &[&str]) -> Result<()> {
    let mut words = as_root.to_vec();
    words.extend(["env", "DEBIAN_FRONTEND=noninteractive", "apt-get"]);
    words.extend(arguments);
    let [program, rest @ ..] = words.as_slice() else { bail!("no command") };
    let status = Command::new(program)
        .args(rest)
        .stdin(Stdio::null())
        // What apt tells is progress: standard output is kept for results.
        .stdout(std::io::stderr())
        .status()
        .context("apt-get could not be started")?;
    if !status.success() {
        bail!("apt-get {} failed", arguments.join(" "));
    }
    Ok(())
}

/// The folder of the newest PostgreSQL server's programs, where the cloud looks for it too.
fn postgres_bin() -> Option<PathBuf> {
    if let Some(folder) = std::env::var_os("PG_BINDIR") {
        return Some(PathBuf::from(folder)).filter(|folder| folder.join("initdb").exists());
    }
    std::fs::read_dir("/usr/lib/postgresql")
        .ok()?
        .filter_map(|entry| Some(entry.ok()?.path().join("bin")))
        .find(|folder| folder.join("initdb").exists() && folder.join("postgres").exists())
}

/// Tells whether a program of this name is on the search path.
pub(crate) fn on_path(program: &str) -> bool {
    std::env::var_os("PATH")
        .is_some_and(|path| std::env::split_paths(&path).any(|folder| folder.join(program).is_file()))
}

fn succeeds(program: &str, arguments: &[&str]) -> bool {
    Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

fn is_root() -> bool {
    Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout.trim_ascii() == b"0")
}
