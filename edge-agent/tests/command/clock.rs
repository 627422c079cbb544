//! `device`, against simulated clocks that speak the real protocol.

use std::sync::Arc;

use device_protocols::clock::SystemClock;
use device_protocols::sim::tcp::TcpServer;
use device_protocols::sim::{SimClock, SimConfig};
use serde_json::Value;

use crate::folder::{Folder, exists};

async fn clock(change: impl FnOnce(&mut SimConfig)) -> (Arc<SimClock>, TcpServer, String) {
    let mut config = SimConfig::new("GATE0001");
    config.records = 300;
    change(&mut config);
    let sim = SimClock::open(config).unwrap();
    let server =
        TcpServer::start(Arc::clone(&sim), "127.0.0.1:0".parse().unwrap(), SystemClock).await.unwrap();
    let address = server.address().to_string();
    (sim, server, address)
}

/// What the clock says it holds, as (user, time, whether that time exists).
fn sent(sim: &SimClock) -> Vec<(String, String, bool)> {
    sim.sent().map(|line| (line.code, line.time, line.ok)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_is_printed_whole_and_nothing_is_stored() {
    let (sim, _server, address) = clock(|config| config.faults.bad_date_rows = [3].into()).await;
    let folder = Folder::new();
    let ended = folder.run(["device", "pull", &address]);
    assert!(ended.err.contains("300 rows (1 with a date that does not exist"), "{ended:?}");
    let rows: Vec<(String, String, bool)> = ended
        .done()
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .map(|row| {
            let time = row["time"].as_str().unwrap().replace('T', " ");
            (row["user"].as_str().unwrap().to_owned(), time, row["ok"].as_bool().unwrap())
        })
        .collect();
    let wanted: Vec<(String, String, bool)> =
        sent(&sim).into_iter().map(|(user, time, ok)| (user, time.replace('T', " "), ok)).collect();
    assert_eq!(rows, wanted);
    assert!(!exists(&folder.path()));
    assert!(sim.is_enabled());
}

#[tokio::test(flavor = "multi_thread")]
async fn who_reads_only_the_first_lines_is_no_failure() {
    let (sim, _server, address) = clock(|config| config.records = 3000).await;
    for format in ["csv", "jsonl"] {
        let mut pull = Folder::new().spawn(["device", "pull", &address, "--format", format]);
        // Nobody reads at all: the first write finds that out.
        drop(pull.stdout.take());
        let ended = crate::folder::ended(pull.wait_with_output().unwrap());
        assert_eq!((ended.code, ended.err.contains("muster-edge:")), (0, false), "{format}: {ended:?}");
    }
    assert!(sim.is_enabled());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_is_printed_as_a_table_too() {
    let (sim, _server, address) = clock(|_| ()).await;
    let table = Folder::new().run(["device", "pull", &address, "--format", "csv"]).done();
    let mut reader = csv::Reader::from_reader(table.as_bytes());
    assert_eq!(reader.headers().unwrap().get(1), Some("user"));
    let users: Vec<String> = reader.records().map(|row| row.unwrap()[1].to_owned()).collect();
    let wanted: Vec<String> = sent(&sim).into_iter().map(|(user, ..)| user).collect();
    assert_eq!(users, wanted);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_hinders_a_connection_is_told_with_what_to_do() {
    let (sim, server, address) = clock(|config| config.comm_key = 4711).await;
    let folder = Folder::new();
    let error = folder.run(["device", "test", &address]).refused(4);
    assert!(error.contains("wants a communication key") && error.contains("--comm-key"), "{error}");
    let error = folder.run(["device", "test", &address, "--comm-key", "1"]).refused(4);
    assert!(
        error.contains("refuses this communication key") && error.contains("before you try again"),
        "{error}"
    );
    let told = folder.run_with(("MUSTER_COMM_KEY", "4711"), ["device", "test", &address]).done();
    assert!(told.contains("answers") && told.contains("GATE0001"), "{told}");
    assert_eq!(sim.tally().keys_tried(), 2, "a wrong key is tried once");
    drop(server);
    let gone = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let error = folder.run(["device", "test", &gone, "--json"]);
    assert_eq!(error.code, 4);
    assert!(error.err.contains("nothing listens on this port"), "{error:?}");
    let json: Value = serde_json::from_str(&error.out).unwrap();
    assert_eq!(json["error"]["kind"], "unreachable");
}

#[tokio::test(flavor = "multi_thread")]
async fn something_that_is_no_clock_is_told() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            use tokio::io::AsyncWriteExt as _;
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
        }
    });
    let error = Folder::new().run(["device", "test", &address]).refused(4);
    assert!(error.contains("does not speak the clocks' protocol"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_tells_its_serial_when_it_is_added() {
    let (_sim, _server, address) = clock(|config| config.comm_key = 9).await;
    let folder = Folder::with_site();
    folder.run(["device", "add", &address, "--name", "Gate 1"]).refused(4);
    folder.run(["device", "add", &address, "--name", "Gate 1", "--comm-key", "9"]).done();
    let shown = folder.run(["device", "info", "GATE0001", "--json"]).json();
    assert_eq!((&shown["name"], &shown["model"]), (&Value::from("Gate 1"), &Value::from("muster-sim")));
    let error = folder.run(["device", "add", &address, "--comm-key", "9"]).refused(3);
    assert!(error.contains("at work already") && error.contains("device set"), "{error}");
    // By its serial number, with the stored key, while no agent runs.
    assert!(folder.run(["device", "pull", "GATE0001"]).done().lines().count() == 300);
    folder.run(["device", "retire", "GATE0001"]).done();
    let list = folder.run(["device", "list", "--json"]).json();
    assert!(list["devices"].as_array().unwrap().is_empty());
    assert_eq!(folder.count("SELECT count(*) FROM ledger"), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_is_set_to_the_time_of_its_zone() {
    let (_sim, _server, address) = clock(|_| ()).await;
    let folder = Folder::new();
    let error = folder.run(["device", "time", &address, "--set"]).refused(3);
    assert!(error.contains("--zone"), "{error}");
    let told = folder.run(["device", "time", &address, "--zone", "Asia/Dhaka", "--set", "--json"]).json();
    let off = told["drift_seconds"].as_i64().unwrap();
    assert!((-6 * 3600 - 30..=-6 * 3600 + 30).contains(&off), "{told}");
    assert!(told["drift_after_seconds"].as_i64().unwrap().abs() <= 30, "{told}");

    let folder = Folder::with_site();
    folder.run(["device", "add", &address]).done();
    let told = folder.run(["device", "time", "GATE0001", "--set", "--json"]).json();
    assert_eq!((&told["zone"], &told["set"]), (&Value::from("Asia/Dhaka"), &Value::from(true)));
    assert_eq!(folder.count("SELECT count(*) FROM audit WHERE action = 'device.set_time'"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_whose_hours_are_wrong_is_told_wherever_it_is_shown() {
    let (_sim, _server, address) = clock(|_| ()).await;
    let folder = Folder::with_site();
    let told = folder.run(["device", "test", &address]).done();
    assert!(told.contains("6 h 0 min slow") && told.contains("THE CLOCK'S TIME IS WRONG"), "{told}");
    let running = folder.start();
    let added = folder.run(["device", "add", &address, "--name", "Gate 1"]);
    assert!(
        added.err.contains("WARNING: GATE0001 is 6 h 0 min slow") && added.err.contains("zone"),
        "{added:?}"
    );
    folder.run(["device", "read", "GATE0001"]).done();
    let told = folder.run(["device", "test", "GATE0001"]).done();
    assert!(told.contains("THE CLOCK'S TIME IS WRONG"), "{told}");
    let list = folder.run(["device", "list"]).done();
    assert!(list.contains("online, wrong time") && list.contains("! Gate 1 (GATE0001) is 6 h"), "{list}");
    assert!(folder.run(["device", "info", "GATE0001"]).done().contains("! Gate 1 (GATE0001) is 6 h"));
    assert!(folder.run(["status"]).done().contains("1 WITH A WRONG TIME"));
    let doctor = folder.run(["doctor"]);
    assert_eq!(doctor.code, 6, "{doctor:?}");
    assert!(doctor.out.contains("PROBLEM  clocks: Gate 1 (GATE0001) is 6 h"), "{doctor:?}");
    assert!(running.stop().success());
}

#[tokio::test(flavor = "multi_thread")]
async fn posts_from_elsewhere_and_invented_clocks_are_told() {
    let (_sim, _server, address) = clock(|config| config.utc_offset_minutes = 360).await;
    let folder = Folder::with_site();
    folder.run(["device", "add", &address, "--name", "Gate 1", "--serial", "GATE0001"]).done();
    // The clock is read elsewhere, and this machine's posts are therefore none of its.
    folder.run(["device", "set", "GATE0001", "--address", "127.0.0.3:1"]).done();
    let running = folder.start();
    assert!(says_hello(&running.push, "GATE0001").contains("503"));
    for n in 0..17 {
        assert!(says_hello(&running.push, &format!("NEW{n}")).contains("503"));
    }
    let list = folder.run(["device", "list"]).done();
    assert!(list.contains("posts from an unexpected address") && list.contains("127.0.0.1"), "{list}");
    assert!(list.contains("one unknown clock fell out"), "{list}");
    let row = &folder.run(["device", "list", "--json"]).json();
    assert_eq!(row["devices"][0]["disbelief"]["reason"], "address");
    assert_eq!(row["waiting"][0]["address"], "127.0.0.1");
    assert!(folder.run(["status"]).done().contains("1 IN WHOSE NAME SOMETHING ELSE POSTS"));
    let doctor = folder.run(["doctor"]);
    assert!(
        doctor.out.contains("PROBLEM  clocks: Gate 1 (GATE0001): posts from an unexpected address"),
        "{doctor:?}"
    );
    assert!(doctor.out.contains("PROBLEM  clocks: one unknown clock"), "{doctor:?}");
    assert!(running.stop().success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_agent_reads_tests_and_sets_its_clocks_itself() {
    let (_sim, _server, address) = clock(|config| config.utc_offset_minutes = 360).await;
    let folder = Folder::with_site();
    let running = folder.start();
    // Said to the running agent, which begins to read the clock by itself.
    folder.run(["device", "add", &address, "--name", "Gate 1"]).done();
    let read = folder.run(["device", "read", "GATE0001", "--json"]).json();
    assert_eq!(read["read"], 300);
    assert_eq!(folder.count("SELECT count(*) FROM ledger"), 300);
    let told = folder.run(["device", "test", "GATE0001", "--json"]).json();
    assert!(told["drift_seconds"].as_i64().unwrap().abs() <= 30, "{told}");
    folder.run(["device", "time", "GATE0001", "--set"]).done();
    let error = folder.run(["device", "pull", "GATE0001"]).refused(3);
    assert!(error.contains("device read"), "{error}");
    let status = folder.run(["status", "--json"]).json();
    assert_eq!((&status["running"], &status["ledger"]["new"]), (&Value::from(true), &Value::from(300)));
    assert!(running.stop().success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_posts_waits_until_it_is_adopted() {
    let folder = Folder::with_site();
    let error = folder.run(["device", "adopt", "PUSH1"]).refused(3);
    assert!(error.contains("no clock PUSH1 waits"), "{error}");
    folder.run(["device", "add", "--transport", "push"]).refused(3);
    let running = folder.start();
    assert!(!says_hello(&running.push, "PUSH1").starts_with("HTTP/1.1 2"));
    let list = folder.run(["device", "list", "--json"]).json();
    assert_eq!(list["waiting"][0]["serial"], "PUSH1");
    folder.run(["device", "adopt", "PUSH1", "--name", "Gate 2"]).done();
    let list = folder.run(["device", "list", "--json"]).json();
    assert_eq!(
        (&list["devices"][0]["name"], list["waiting"].as_array().unwrap().len()),
        (&Value::from("Gate 2"), 0)
    );
    assert!(running.stop().success());
}

/// Posts the first greeting of a clock and returns the first line of the answer.
fn says_hello(listener: &str, serial: &str) -> String {
    use std::io::{BufRead as _, BufReader, Write as _};
    let mut stream = std::net::TcpStream::connect(listener).unwrap();
    write!(stream, "GET /iclock/cdata?SN={serial}&options=all HTTP/1.1\r\nHost: {listener}\r\n\r\n").unwrap();
    BufReader::new(stream).lines().next().unwrap().unwrap()
}
