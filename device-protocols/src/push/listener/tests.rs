use std::net::SocketAddr;

use chrono::{DateTime, FixedOffset};
use rstest::rstest;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::watch;

use super::*;
use crate::clock::FixedClock;
use crate::driver::{BadRow, BadRowReason, ClockUser};
use crate::operation::Operation;
use crate::row::AttendanceRow;

/// An agent that knows one clock and writes down what it keeps.
#[derive(Default)]
struct Agent {
    rows: Mutex<Vec<AttendanceRow>>,
    bad: Mutex<Vec<BadRow>>,
    users: Mutex<Vec<ClockUser>>,
    operations: Mutex<Vec<Operation>>,
    facts: Mutex<Vec<crate::driver::ClockFacts>>,
    heard: Mutex<u32>,
    kept_back: Mutex<u32>,
    stamps: Mutex<Vec<(UploadTable, String)>>,
    results: Mutex<Vec<(String, i64)>>,
    hellos: Mutex<Vec<Hello>>,
    commands: Mutex<Vec<(CommandId, PushCommand)>>,
    /// Batches it will still keep; then its disk is full.
    room: Mutex<Option<u32>>,
    /// Keeps nothing before this is true.
    gate: Mutex<Option<watch::Receiver<bool>>>,
}

const KNOWN: &str = "SIM0000000001";

impl Sink for Arc<Agent> {
    async fn accept(&self, origin: &Origin, observed: Observed) -> Result<(), Refused> {
        if origin.serial.as_ref().map(Serial::as_str) != Some(KNOWN) {
            return Err(Refused::UnknownClock);
        }
        if let Some(room) = &mut *self.room.lock() {
            *room = room.checked_sub(1).ok_or(Refused::Unavailable)?;
        }
        let gate = self.gate.lock().clone();
        if let Some(mut gate) = gate {
            gate.wait_for(|open| *open).await.unwrap();
        }
        match observed {
            Observed::Rows { rows, bad } => {
                self.rows.lock().extend(rows);
                self.bad.lock().extend(bad);
            }
            Observed::Users { users, .. } => self.users.lock().extend(users),
            Observed::Operations(operations) => self.operations.lock().extend(operations),
            Observed::Facts(facts) => self.facts.lock().push(facts),
            Observed::Heard => *self.heard.lock() += 1,
            Observed::Time(_) | Observed::Unread { .. } | Observed::LogEnd(_) | Observed::Hint(_) => {
                panic!("no push clock brings that")
            }
        }
        Ok(())
    }
}

impl Host for Agent {
    async fn greet(&self, hello: &Hello) -> Result<HandshakeOptions, Refused> {
        self.hellos.lock().push(hello.clone());
        if hello.caller.serial.as_str() != KNOWN {
            return Err(Refused::UnknownClock);
        }
        Ok(HandshakeOptions { zone: FixedOffset::east_opt(19_800), ..HandshakeOptions::default() })
    }

    async fn commands(&self, _: &Caller) -> Result<Vec<(CommandId, PushCommand)>, Refused> {
        Ok(std::mem::take(&mut *self.commands.lock()))
    }

    async fn results(&self, _: &Caller, results: Vec<CommandResult>) -> Result<(), Refused> {
        let told = results.into_iter().map(|result| (result.id.as_str().to_owned(), result.code));
        self.results.lock().extend(told);
        Ok(())
    }

    async fn uploaded(&self, _: &Caller, table: UploadTable, stamp: Stamp) -> Result<(), Refused> {
        self.stamps.lock().push((table, stamp.as_str().to_owned()));
        Ok(())
    }

    async fn kept_back(&self, _: &Caller) {
        *self.kept_back.lock() += 1;
    }

    async fn enqueue(&self, _: &Serial, command: PushCommand) -> Result<(), Refused> {
        self.commands.lock().push((CommandId::parse("q1").unwrap(), command));
        Ok(())
    }
}

struct Served {
    agent: Arc<Agent>,
    address: SocketAddr,
    stop: CancellationToken,
}

impl Drop for Served {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

async fn start() -> Served {
    let agent = Arc::new(Agent::default());
    let now: DateTime<chrono::Utc> = "2026-11-21T12:00:00Z".parse().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let stop = CancellationToken::new();
    let router = router(Arc::clone(&agent), Arc::clone(&agent), FixedClock(now));
    tokio::spawn(serve(listener, router, stop.clone()));
    Served { agent, address, stop }
}

/// A raw answer.
struct Heard {
    status: u16,
    head: String,
    body: String,
}

impl Served {
    /// Sends raw bytes and reads the answer until the line closes.
    async fn send(&self, request: &[u8]) -> Heard {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        // A server that answers before it read everything may close on us.
        let _ = stream.write_all(request).await;
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        let answer = String::from_utf8(answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
        let status = head.split(' ').nth(1).and_then(|text| text.parse().ok()).unwrap_or(0);
        Heard { status, head: head.to_ascii_lowercase(), body: body.into() }
    }

    async fn get(&self, target: &str) -> Heard {
        self.send(format!("GET {target} HTTP/1.1\r\nConnection: close\r\n\r\n").as_bytes()).await
    }

    async fn post(&self, target: &str, body: impl AsRef<[u8]>) -> Heard {
        let body = body.as_ref();
        let head = format!(
            "POST {target} HTTP/1.1\r\nHost: x\r\nUser-Agent: iClock Proxy/1.09\r\nContent-Type: application/x-www-form-urlencoded\r\n\
             Accept-Encoding: gzip\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        self.send(&[head.as_bytes(), body].concat()).await
    }

    async fn attlog(&self, body: impl AsRef<[u8]>) -> Heard {
        self.post("/iclock/cdata?SN=SIM0000000001&table=ATTLOG&Stamp=9999", body).await
    }

    fn times(&self) -> Vec<String> {
        let told = |row: &AttendanceRow| match &row.time {
            Ok(time) => time.to_string(),
            Err(bad) => format!("! {}", bad.said()),
        };
        self.agent.rows.lock().iter().map(told).collect()
    }
}

#[tokio::test]
async fn the_captured_conversation_is_answered() {
    let served = start().await;
    let heard = served.get("/iclock/cdata?SN=SIM0000000001&options=all&pushver=2.4.1&language=69").await;
    assert_eq!(heard.status, 200);
    assert!(heard.body.starts_with("GET OPTION FROM: SIM0000000001\nATTLOGStamp=None\n"), "{}", heard.body);
    assert!(
        heard.body.contains("\nTimeZone=330\n") && heard.body.ends_with("PushProtVer=2.4.1\n"),
        "{}",
        heard.body
    );
    let user = "USER PIN=1001\tName=Test Employee 1001\tPri=0\tPasswd=\tCard=0\tGrp=1\tTZ=0000000000000000";
    let heard = served.post("/iclock/cdata?SN=SIM0000000001&table=OPERLOG", user).await;
    assert_eq!((heard.status, heard.body.as_str()), (200, "OK: 1"));
    assert_eq!(served.agent.users.lock()[0].name, "Test Employee 1001");
    let heard = served.attlog("1001\t2026-11-20 23:47:08\t0\t1\t0\t0\t0").await;
    assert_eq!((heard.status, heard.body.as_str()), (200, "OK: 1"));
    assert_eq!(served.times(), ["2026-11-20 23:47:08"]);
    assert_eq!(*served.agent.stamps.lock(), [(UploadTable::Attendance, "9999".into())]);
    let heard = served.get("/iclock/getrequest?SN=SIM0000000001").await;
    assert_eq!((heard.status, heard.body.as_str()), (200, "OK"));
}

#[tokio::test]
async fn answers_are_plain_text_with_length_and_date() {
    let served = start().await;
    for heard in [
        served.attlog("").await,
        served.get("/iclock/getrequest?SN=SIM0000000001").await,
        served.get("/iclock/getrequest?SN=OTHER1").await,
        served.get("/").await,
    ] {
        let head = &heard.head;
        assert!(head.contains("\r\ncontent-type: text/plain\r\n"), "{head}");
        assert!(head.contains(&format!("\r\ncontent-length: {}\r\n", heard.body.len())), "{head}");
        assert!(head.contains("\r\ndate: "), "{head}");
        for bad in ["content-encoding", "transfer-encoding", "location", "set-cookie", "html"] {
            assert!(!head.contains(bad), "{head}");
        }
    }
}

#[rstest]
#[case("", 0)]
#[case("\r\n\n", 0)]
#[case("1\t2026-11-20 08:00:00\t0\t1\r\n2\t2026-11-20 08:00:01\t0\t1\r\n", 2)]
#[case("1\t2026-11-20 08:00:00\t0\t1", 1)]
#[case("1\t2026-11-20 08:00:00\t0\t1\t0\t0\t0\t0\t0\t0\t19800", 1)]
#[tokio::test]
async fn bodies_of_all_kinds_are_counted(#[case] body: &str, #[case] lines: usize) {
    let served = start().await;
    let heard = served.attlog(body).await;
    assert_eq!((heard.status, heard.body), (200, format!("OK: {lines}")));
    assert_eq!(served.agent.rows.lock().len(), lines);
    // The same again gets the same answer; repeats are the keeper's business.
    assert_eq!(served.attlog(body).await.body, format!("OK: {lines}"));
}

#[rstest]
#[case::nothing("ATTLOG", "", 0)]
#[case::no_row("ATTLOG", "nonsense\n", 0)]
#[case::a_row("ATTLOG", "nonsense\n1\t2026-11-20 08:00:00\t0\t1\n", 1)]
#[case::nothing_done("OPERLOG", "", 0)]
// Else a table that is not asked for would be sent again and again.
#[case::something_passed_over("OPERLOG", "FP PIN=1\tFID=1\tTMP=abc\n", 1)]
#[tokio::test]
async fn only_an_upload_that_brought_something_moves_its_stamp(
    #[case] table: &str,
    #[case] body: &str,
    #[case] stamps: usize,
) {
    let served = start().await;
    let target = format!("/iclock/cdata?SN=SIM0000000001&table={table}&Stamp=99999999");
    assert!(served.post(&target, body).await.body.starts_with("OK: "));
    assert_eq!(served.agent.stamps.lock().len(), stamps);
}

#[tokio::test]
async fn whoever_comes_is_told_with_its_address() {
    let served = start().await;
    served.get("/iclock/cdata?SN=SIM0000000001&options=all").await;
    assert_eq!(served.agent.hellos.lock()[0].caller.address, IpAddr::from([127, 0, 0, 1]));
}

#[tokio::test]
async fn a_bad_line_holds_up_nobody() {
    let served = start().await;
    let body = "1\t2026-11-20 08:00:00\t0\t1\n1\t2024-02-31 08:00:00\t0\t1\nnonsense\n2\t2026-11-20 08:00:02\t0\t1\n";
    assert_eq!(served.attlog(body).await.body, "OK: 4");
    assert_eq!(served.times(), ["2026-11-20 08:00:00", "! 2024-02-31 08:00:00", "2026-11-20 08:00:02"]);
    let bad = served.agent.bad.lock();
    assert_eq!((bad.len(), bad[0].position, bad[0].reason), (1, 2, BadRowReason::TooFewFields));
    assert_eq!(&*bad[0].raw, b"nonsense");
}

#[tokio::test]
async fn a_line_too_long_holds_up_nobody() {
    let served = start().await;
    let long = "9".repeat(5 * 1024);
    let body = format!("1\t2026-11-20 08:00:00\t0\t1\n{long}\n2\t2026-11-20 08:00:02\t0\t1");
    assert_eq!(served.attlog(body).await.body, "OK: 3");
    assert_eq!(served.agent.rows.lock().len(), 2);
    assert_eq!(served.agent.bad.lock()[0].reason, BadRowReason::TooLong);
}

#[tokio::test]
async fn a_long_upload_is_kept_in_batches() {
    let served = start().await;
    let lines: String = (0..5_000)
        .map(|i| format!("{}\t2026-11-20 08:{:02}:{:02}\t0\t1\n", i % 7 + 1, i / 60 % 60, i % 60))
        .collect();
    assert_eq!(served.attlog(&lines).await.body, "OK: 5000");
    let rows = served.agent.rows.lock();
    assert_eq!(rows.len(), 5_000);
    assert!(rows.iter().enumerate().all(|(at, row)| row.position == u64::try_from(at).unwrap()));
}

#[tokio::test]
async fn nothing_is_acknowledged_when_the_store_fills_up_in_the_middle() {
    let served = start().await;
    *served.agent.room.lock() = Some(2);
    let lines = "1\t2026-11-20 08:00:00\t0\t1\n".repeat(5_000);
    let heard = served.attlog(&lines).await;
    assert_eq!(heard.status, 503);
    assert!(!heard.body.contains("OK"));
    assert!(served.agent.stamps.lock().is_empty());
    assert!(served.agent.rows.lock().len() < 5_000);
    // Also an upload without rows is only acknowledged by a store that works.
    assert_eq!(served.attlog("").await.status, 503);
    *served.agent.room.lock() = None;
    assert_eq!(served.attlog(&lines).await.body, "OK: 5000");
}

#[tokio::test]
async fn nothing_is_answered_before_it_is_kept() {
    let served = start().await;
    let (gate, shut) = watch::channel(false);
    *served.agent.gate.lock() = Some(shut.clone());
    let posting = served.attlog("1\t2026-11-20 08:00:00\t0\t1");
    let mut posting = std::pin::pin!(posting);
    // Wait until the row is at the gate, then a good while: the answer must not come.
    let mut turns = 0;
    while turns < 1_000 {
        tokio::select! {
            biased;
            heard = &mut posting => panic!("answered {} before it was kept", heard.status),
            () = tokio::task::yield_now() => turns += u32::from(gate.receiver_count() > 2),
        }
    }
    assert!(served.agent.rows.lock().is_empty());
    gate.send_replace(true);
    assert_eq!(posting.await.body, "OK: 1");
    assert_eq!(served.agent.rows.lock().len(), 1);
}

#[rstest]
#[case("/iclock/cdata?sn=SIM0000000001&TABLE=attlog&stamp=1")]
#[case("/iclock/iclock/cdata?SN=SIM0000000001&table=ATTLOG")]
#[case("/iclock/cdata.aspx?SN=SIM0000000001&table=ATTLOG")]
#[case("/ICLOCK/CDATA?SN=SIM0000000001&table=ATTLOG")]
#[case("/customer/7/iclock/cdata?Sn=SIM0000000001&table=ATTLOG")]
#[tokio::test]
async fn spellings_of_path_and_query_make_no_difference(#[case] target: &str) {
    let served = start().await;
    assert_eq!(served.post(target, "1\t2026-11-20 08:00:00\t0\t1").await.body, "OK: 1");
    assert_eq!(served.agent.rows.lock().len(), 1);
}

#[rstest]
#[case::unknown("SN=OTHER1&table=ATTLOG", 503)]
#[case::missing("table=ATTLOG", 400)]
#[case::nonsense("SN=../etc&table=ATTLOG", 400)]
#[tokio::test]
async fn a_stranger_is_never_told_ok(#[case] query: &str, #[case] status: u16) {
    let served = start().await;
    for heard in [
        served.post(&format!("/iclock/cdata?{query}"), "1\t2026-11-20 08:00:00\t0\t1").await,
        served.post(&format!("/iclock/cdata?{}", query.replace("ATTLOG", "OPERLOG")), "").await,
        served.post(&format!("/iclock/fdata?{query}"), "jpeg").await,
        served.get(&format!("/iclock/cdata?{query}&options=all").replace("&table=ATTLOG", "")).await,
        served.get(&format!("/iclock/getrequest?{query}")).await,
        served.get(&format!("/iclock/ping?{query}")).await,
    ] {
        assert_eq!(heard.status, status, "{}", heard.head);
        assert!(!heard.body.contains("OK"));
    }
    assert!(served.agent.rows.lock().is_empty() && served.agent.users.lock().is_empty());
}

#[tokio::test]
async fn names_are_read_in_the_language_of_the_handshake() {
    let served = start().await;
    let line = b"USER PIN=7\tName=\xd5\xc5\xc8\xfd\tPri=0\n";
    let target = "/iclock/cdata?SN=SIM0000000001&table=OPERLOG&OpStamp=5";
    served.get("/iclock/cdata?SN=SIM0000000001&options=all&language=83").await;
    assert_eq!(served.post(target, line).await.body, "OK: 1");
    served.get("/iclock/cdata?SN=SIM0000000001&options=all&language=69").await;
    assert_eq!(served.post(target, line).await.body, "OK: 1");
    let names: Vec<_> = served.agent.users.lock().iter().map(|user| user.name.clone()).collect();
    assert_eq!(names[0], "张三");
    assert_ne!(names[1], "张三");
}

#[tokio::test]
async fn commands_are_handed_out_and_their_results_told() {
    let served = start().await;
    served.agent.commands.lock().push((CommandId::parse("a1").unwrap(), PushCommand::Check));
    let poll = "/iclock/getrequest?SN=SIM0000000001&INFO=Ver%208.0,12,20,3456,192.168.1.201";
    assert_eq!(served.get(poll).await.body, "C:a1:CHECK\n");
    assert_eq!(served.agent.facts.lock()[0].records, Some(3456));
    assert_eq!(served.get(poll).await.body, "OK");
    let heard = served.post("/iclock/devicecmd?SN=SIM0000000001", "ID=a1&Return=0&CMD=CHECK\n").await;
    assert_eq!(heard.body, "OK");
    assert_eq!(*served.agent.results.lock(), [("a1".to_owned(), 0)]);
}

#[tokio::test]
async fn options_pictures_and_signs_of_life_are_answered_ok() {
    let served = start().await;
    let heard = served.post("/iclock/cdata?SN=SIM0000000001&table=options", "~DeviceName=X,MAC=1").await;
    assert_eq!((heard.body.as_str(), served.agent.facts.lock()[0].model.as_deref()), ("OK", Some("X")));
    let photo = b"PIN=20261120080000-1.jpg\nSN=SIM0000000001\nsize=3\nCMD=uploadphoto\0\xff\xd8\xff";
    assert_eq!(served.post("/iclock/cdata?SN=SIM0000000001&table=ATTPHOTO", photo).await.body, "OK");
    assert_eq!(served.post("/iclock/fdata?SN=SIM0000000001", photo).await.body, "OK");
    assert_eq!(served.get("/iclock/ping?SN=SIM0000000001").await.body, "OK");
    let heard = served.get("/iclock/cdata?SN=SIM0000000001&type=time").await;
    assert_eq!(heard.body, "Time=2026-11-21T12:00:00+00:00");
    let operlog = "OPLOG 21\t0\t2026-11-20 08:00:00\t0\t0\t0\t0\nFP PIN=1\tFID=1\tTMP=abc\nwhat?\n";
    assert_eq!(served.post("/iclock/cdata?SN=SIM0000000001&table=OPERLOG", operlog).await.body, "OK: 3");
    let operations = served.agent.operations.lock();
    assert_eq!(operations.iter().map(|operation| operation.code).collect::<Vec<_>>(), [21]);
}

#[rstest]
#[case("gzip", 415)]
#[case("deflate", 415)]
#[case("identity, gzip", 415)]
#[case("Identity", 200)]
#[tokio::test]
async fn a_body_in_an_encoding_is_refused_and_nothing_of_it_is_kept(
    #[case] encoding: &str,
    #[case] status: u16,
) {
    let served = start().await;
    let body = "1\t2026-11-20 08:00:00\t0\t1\n";
    let request = format!(
        "POST /iclock/cdata?SN=SIM0000000001&table=ATTLOG&Stamp=1 HTTP/1.1\r\nConnection: close\r\n\
         Content-Encoding: {encoding}\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let heard = served.send(request.as_bytes()).await;
    assert_eq!((heard.status, served.times().len()), (status, usize::from(status == 200)));
    assert!(served.agent.bad.lock().is_empty());
    assert_eq!(served.agent.stamps.lock().is_empty(), status != 200);
    assert_eq!(*served.agent.kept_back.lock(), u32::from(status != 200));
}

#[tokio::test]
async fn an_unknown_table_of_punches_is_not_acknowledged() {
    let served = start().await;
    let body = "1\t2026-11-20 08:00:00\t0\t1\n";
    let heard = served.post("/iclock/cdata?SN=SIM0000000001&table=ATTLOGX&Stamp=1", body).await;
    assert_eq!((heard.status, heard.body.as_str()), (501, "ERROR"));
    assert!(served.times().is_empty() && served.agent.stamps.lock().is_empty());
    assert_eq!(*served.agent.kept_back.lock(), 1);
    let heard = served.post("/iclock/cdata?SN=SIM0000000001&table=FUTURE&Stamp=1", "x y\n").await;
    assert_eq!(heard.body, "OK: 1", "a dialect's own table holds no punches");
}

#[rstest]
#[case("GET", "/", 404)]
#[case("GET", "/index.html", 404)]
#[case("GET", "/iclock/exchange?SN=SIM0000000001", 404)]
#[case("POST", "/iclock/registry?SN=SIM0000000001", 404)]
#[case("DELETE", "/iclock/cdata?SN=SIM0000000001", 405)]
#[case("GET", "/iclock/devicecmd?SN=SIM0000000001", 405)]
#[tokio::test]
async fn nothing_else_is_served(#[case] method: &str, #[case] target: &str, #[case] status: u16) {
    let served = start().await;
    let request = format!("{method} {target} HTTP/1.1\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
    assert_eq!(served.send(request.as_bytes()).await.status, status);
}

#[tokio::test]
async fn an_absurd_body_ends_with_413() {
    let served = start().await;
    let line = format!("1\t2026-11-20 08:00:00\t0\t1\t{}\n", "x".repeat(3_000));
    let body = line.repeat(usize::try_from(MAX_BODY).unwrap() / line.len() + 2);
    // The server may close while we still send; whatever it answers, it is not OK.
    let heard = served.attlog(&body).await;
    assert!(matches!(heard.status, 413 | 0), "{}", heard.head);
    assert!(served.agent.stamps.lock().is_empty());
}
