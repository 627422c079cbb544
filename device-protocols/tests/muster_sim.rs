//! `muster-sim` as a program: what it says, and what a kill leaves behind.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use device_protocols::sim::SentLine;
use device_protocols::zk::client::ClientOptions;
use device_protocols::zk::{Client, LogPiece};

struct Sim {
    process: Child,
    tcp: SocketAddr,
    control: SocketAddr,
}

impl Sim {
    fn start(folder: &Path, more: &[&str]) -> Self {
        let mut process = Command::new(env!("CARGO_BIN_EXE_muster-sim"))
            .args(["tcp", "--listen", "127.0.0.1:0", "--control", "127.0.0.1:0", "--users", "300"])
            .arg("--state-file")
            .arg(folder.join("state.jsonl"))
            .arg("--sent-file")
            .arg(folder.join("sent.jsonl"))
            .args(more)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        let told: serde_json::Value = serde_json::from_str(&line).unwrap();
        let address = |name: &str| told[name].as_str().unwrap().parse().unwrap();
        Self { process, tcp: address("tcp"), control: address("control") }
    }

    fn request(&self, head: &str, body: &str) -> String {
        let mut stream = TcpStream::connect(self.control).unwrap();
        let head = format!(
            "{head} HTTP/1.0\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(head.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.0 20"), "{answer}");
        body.to_owned()
    }

    async fn log(&self) -> Vec<(String, String)> {
        let mut client = Client::connect(self.tcp, ClientOptions::default()).await.unwrap();
        let now = chrono::NaiveDate::from_ymd_opt(2099, 1, 1).unwrap().into();
        let mut log = client.attendance(now).await.unwrap();
        let mut all = Vec::new();
        while let Some(piece) = log.next().await.unwrap() {
            let LogPiece::Rows(rows) = piece else { panic!("raw bytes in a plausible log") };
            all.extend(rows.into_iter().map(|row| {
                let time = row.time.map_or_else(|bad| bad.said().to_owned(), |time| time.to_string());
                (row.user.to_string(), time)
            }));
        }
        log.finish().await.unwrap();
        client.close().await.unwrap();
        all
    }
}

impl Drop for Sim {
    fn drop(&mut self) {
        // Not asked to stop: killed, as by a power cut.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn lines(text: &str) -> Vec<(String, String)> {
    let line = |line| serde_json::from_str::<SentLine>(line).map(|line| (line.code, line.time)).unwrap();
    text.lines().map(line).collect()
}

#[tokio::test]
async fn a_killed_clock_has_kept_every_punch_it_showed() {
    let folder = tempfile::tempdir().unwrap();
    let mut shown: Vec<(String, String)> = Vec::new();
    for round in 0..5 {
        let sim = Sim::start(folder.path(), &["--records", "100", "--every-ms", "1"]);
        let log = sim.log().await;
        assert!(log.starts_with(&shown), "round {round}: a punch that was read is gone");
        assert_eq!(
            lines(&std::fs::read_to_string(folder.path().join("sent.jsonl")).unwrap())[..log.len()],
            log
        );
        while sim.log().await.len() < log.len() + 20 {
            std::thread::yield_now();
        }
        shown = sim.log().await;
        drop(sim);
    }
    // The list is whole again after a start, whatever the kill tore.
    let sim = Sim::start(folder.path(), &["--records", "100"]);
    let sent = std::fs::read_to_string(folder.path().join("sent.jsonl")).unwrap();
    assert_eq!(lines(&sent), sim.log().await);
    assert!(lines(&sent).len() >= 200);
}

#[tokio::test]
async fn a_clock_is_controlled_over_http() {
    let folder = tempfile::tempdir().unwrap();
    let sim = Sim::start(folder.path(), &["--records", "50", "--bad-date-row", "7"]);
    assert_eq!(sim.request("POST /punch?count=3", ""), "53");
    let status: serde_json::Value = serde_json::from_str(&sim.request("GET /status", "")).unwrap();
    assert_eq!((status["records"].as_u64(), status["enabled"].as_bool()), (Some(53), Some(true)));
    let sent = sim.request("GET /sent", "");
    assert_eq!(lines(&sent), sim.log().await);
    let bad: Vec<_> = sent
        .lines()
        .map(|line| serde_json::from_str::<SentLine>(line).unwrap())
        .filter(|line| !line.ok)
        .collect();
    assert_eq!(bad.len(), 1);
    assert!(bad[0].time.contains("-02-31 "));
    sim.request("POST /faults", r#"{"count_off": 1, "transfer": "pieces"}"#);
    let faults: serde_json::Value = serde_json::from_str(&sim.request("GET /faults", "")).unwrap();
    assert_eq!((faults["count_off"].as_i64(), faults["transfer"].as_str()), (Some(1), Some("pieces")));
    // The impossible date was one of the faults that are off now.
    assert!(sim.log().await.iter().all(|(_, time)| !time.contains("-02-31 ")));
}

#[test]
fn anothers_memory_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    drop(Sim::start(folder.path(), &["--records", "50"]));
    let output = Command::new(env!("CARGO_BIN_EXE_muster-sim"))
        .args(["tcp", "--listen", "127.0.0.1:0", "--serial", "OTHER1", "--state-file"])
        .arg(folder.path().join("state.jsonl"))
        .output()
        .unwrap();
    assert!(!output.status.success());
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("SIM0000000001"), "{said}");
}

#[test]
fn the_people_of_a_long_log_are_who_they_should_be() {
    let folder = tempfile::tempdir().unwrap();
    let sim = Sim::start(folder.path(), &["--records", "3000"]);
    let sent = lines(&sim.request("GET /sent", ""));
    let people: BTreeSet<_> = sent.iter().map(|(code, _)| code.clone()).collect();
    assert_eq!((sent.len(), people.len()), (3_000, 300));
    assert!(people.contains("1001") && people.contains("1300"));
}
