//! The public Python client reads `muster-sim`: a second opinion on what the simulated clocks speak.
//!
//! Needs python3 with its `venv` module and the Python package index, once; the environment is kept in the target folder.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use device_protocols::sim::SentLine;
use rstest::rstest;
use serde::Deserialize;

#[derive(Deserialize)]
struct Read {
    serial: String,
    firmware: String,
    counted: u64,
    seconds_later: f64,
    users: Vec<User>,
    rows: Vec<Row>,
}

#[derive(Deserialize)]
struct User {
    sn: u32,
    code: String,
    name: String,
    privilege: u32,
}

#[derive(Deserialize)]
struct Row {
    code: serde_json::Value,
    time: String,
    status: u16,
    punch: u16,
}

/// A python with pyzk, made once for all tests of all runs.
fn python() -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let requirements = scripts().join("requirements.txt");
    let wanted = std::fs::read_to_string(&requirements).unwrap();
    // Other tests, in this process or another, wait here until it is made.
    let lock = File::create(folder.join("pyzk.lock")).unwrap();
    lock.lock().unwrap();
    let environment = folder.join("pyzk");
    let python = environment.join("bin").join("python");
    let made = environment.join("made-for");
    if std::fs::read_to_string(&made).is_ok_and(|found| found == wanted) {
        return python;
    }
    let _ = std::fs::remove_dir_all(&environment);
    run(
        Command::new("python3").args(["-m", "venv"]).arg(&environment),
        "python3 with its venv module is needed",
    );
    let install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement"];
    run(Command::new(&python).args(install).arg(requirements), "pyzk cannot be installed");
    std::fs::write(made, wanted).unwrap();
    python
}

fn scripts() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/pyzk")
}

fn run(command: &mut Command, what: &str) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{what}: {command:?}: {error}"));
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{what}: {command:?}: {}\n{out}{err}", output.status);
    out.into_owned()
}

/// A `muster-sim` of its own.
struct Sim {
    process: Child,
    port: u16,
    sent: PathBuf,
    _folder: tempfile::TempDir,
}

impl Sim {
    fn start(arguments: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let sent = folder.path().join("sent.jsonl");
        let mut process = Command::new(env!("CARGO_BIN_EXE_muster-sim"))
            .args(["tcp", "--listen", "127.0.0.1:0", "--sent-file"])
            .arg(&sent)
            .args(arguments)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        let told: serde_json::Value = serde_json::from_str(&line).unwrap();
        let address: std::net::SocketAddr = told["tcp"].as_str().unwrap().parse().unwrap();
        Self { process, port: address.port(), sent, _folder: folder }
    }

    fn sent(&self) -> Vec<SentLine> {
        let text = std::fs::read_to_string(&self.sent).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    fn read_with_pyzk(&self, key: u32) -> Read {
        let mut command = Command::new(python());
        command.arg(scripts().join("read.py")).args(["127.0.0.1", &self.port.to_string(), &key.to_string()]);
        serde_json::from_str(run(&mut command, "pyzk cannot read the simulated clock").trim()).unwrap()
    }
}

impl Drop for Sim {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn code(value: &serde_json::Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

#[rstest]
#[case::colour("40", &[])]
#[case::colour_with_a_key("40", &["--comm-key", "88888888"])]
#[case::colour_inline("40", &["--transfer", "inline"])]
#[case::black_and_white("16s", &[])]
#[case::old("8a", &[])]
fn pyzk_reads_what_the_clock_says_it_holds(#[case] stride: &str, #[case] more: &[&str]) {
    let arguments = [&["--stride", stride, "--records", "2000", "--users", "50"][..], more].concat();
    let sim = Sim::start(&arguments);
    let key =
        more.iter().skip_while(|word| **word != "--comm-key").nth(1).map_or(0, |key| key.parse().unwrap());
    let read = sim.read_with_pyzk(key);

    assert_eq!((read.serial.as_str(), read.counted), ("SIM0000000001", 2_000));
    assert_eq!(read.firmware, "Ver 6.60 Apr 28 2018");
    assert!((0.0..600.0).contains(&read.seconds_later), "{}", read.seconds_later);

    assert_eq!(read.users.len(), 50);
    for (at, user) in (1..).zip(&read.users) {
        let code = 1_000 + at;
        let name = format!("Worker {code}");
        // Narrow records cut names at eight bytes.
        let name = if stride == "40" { &name } else { &name[..8] };
        assert_eq!((user.sn, user.code.as_str(), user.name.as_str()), (at, code.to_string().as_str(), name));
        assert_eq!(user.privilege, 0);
    }

    let sent = sim.sent();
    assert_eq!((sent.len(), read.rows.len()), (2_000, 2_000));
    for (sent, row) in sent.iter().zip(&read.rows) {
        // pyzk looks up the user ids of 8-byte records in the user table.
        assert_eq!((code(&row.code), &row.time), (sent.user.clone(), &sent.time));
    }
    // pyzk calls the first code of 16-byte records the status, which it otherwise calls the verify mode.
    let states: fn(&Row) -> u16 = if stride == "16s" { |row| row.status } else { |row| row.punch };
    assert!(read.rows.iter().all(|row| states(row) <= 1));
    let verify: fn(&Row) -> u16 = if stride == "16s" { |row| row.punch } else { |row| row.status };
    assert!(read.rows.iter().any(|row| verify(row) == 15));
}
