use std::path::Path;
use std::sync::Arc;

use serde_json::Value;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;

use super::file::Place;
use super::*;
use crate::clock::{OsEntropy, SystemClock};
use crate::control::organisation::{AddDepartment, ListSites};
use crate::control::{Agent, Progress};
use crate::store::Author;

struct Running {
    folder: TempDir,
    stop: CancellationToken,
    serving: Serving,
}

impl Running {
    async fn start() -> Self {
        let folder = TempDir::new().unwrap();
        let agent = Agent {
            author: Author::CONSOLE,
            pages: Arc::default(),
            store: crate::store::tests::open(&folder),
            folder: folder.path().to_owned(),
            clock: Arc::new(SystemClock::start()),
            entropy: Arc::new(OsEntropy),
            cloud: crate::config::CloudConfig::default(),
            fleet: None,
        };
        let stop = CancellationToken::new();
        let serving = serve(agent, stop.clone()).await.unwrap();
        Self { folder, stop, serving }
    }

    fn place(&self) -> Value {
        serde_json::from_slice(&std::fs::read(self.folder.path().join(CHANNEL)).unwrap()).unwrap()
    }

    /// Says something and returns all that is answered until the agent hangs up.
    async fn say(&self, text: &str) -> String {
        let mut stream = TcpStream::connect(self.place()["address"].as_str().unwrap()).await.unwrap();
        stream.write_all(text.as_bytes()).await.unwrap();
        stream.shutdown().await.unwrap();
        let mut answer = String::new();
        // Whoever is hung up on while still talking sees a reset connection.
        let _ = stream.read_to_string(&mut answer).await;
        answer
    }

    fn greeting(&self) -> String {
        format!("{{\"muster_control\":1,\"token\":{}}}\n", self.place()["token"])
    }

    async fn end(self) {
        self.stop.cancel();
        self.serving.ended().await;
        assert!(!self.folder.path().join(CHANNEL).exists());
    }
}

async fn client(folder: &Path) -> Option<Client> {
    Client::connect(folder).await.unwrap()
}

#[tokio::test]
async fn who_has_the_token_is_answered() {
    let running = Running::start().await;
    let client = client(running.folder.path()).await.unwrap();
    assert_eq!(client.pid(), std::process::id());
    assert_eq!(client.ask(ListSites {}, &Progress::silent()).await.unwrap(), []);
    running.end().await;
}

#[tokio::test]
async fn a_refusal_arrives_as_one() {
    let running = Running::start().await;
    let add = AddDepartment {
        code: "SEW".parse().unwrap(),
        name: "Sewing".parse().unwrap(),
        level: shared_model::entity::DepartmentLevel::Department,
        parent: Some("NONE".parse().unwrap()),
        site: None,
    };
    let client = client(running.folder.path()).await.unwrap();
    let error = client.ask(add, &Progress::silent()).await.unwrap_err();
    let ClientError::Refused(refusal) = error else { panic!("{error}") };
    assert_eq!(refusal, Refusal::refused("there is no department NONE"));
    running.end().await;
}

#[tokio::test]
async fn who_does_not_have_the_token_is_hung_up_on() {
    let running = Running::start().await;
    for text in [
        "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
        "{\"muster_control\":1,\"token\":\"\"}\n{\"list_sites\":{}}\n",
        "{\"muster_control\":1,\"token\":\"00\"}\n{\"list_sites\":{}}\n",
        "{\"list_sites\":{}}\n",
        "",
        &"x".repeat(10_000),
    ] {
        assert_eq!(running.say(text).await, "", "{}", &text[..text.len().min(40)]);
    }
    running.end().await;
}

#[tokio::test]
async fn another_versions_requests_are_told_apart() {
    let running = Running::start().await;
    let greeting = running.greeting();
    let answer = running.say(&format!("{greeting}{{\"fly\":{{}}}}\n")).await;
    assert!(answer.contains("does not know this request"), "{answer}");
    let answer = running.say(&greeting.replace(":1,", ":2,")).await;
    assert!(answer.starts_with("{\"refusal\"") && answer.contains("another version"), "{answer}");
    running.end().await;
}

#[tokio::test]
async fn a_file_of_a_dead_agent_is_passed_over() {
    let folder = TempDir::new().unwrap();
    assert!(client(folder.path()).await.is_none());
    let gone = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    Place::new(gone, &OsEntropy).write(folder.path()).unwrap();
    assert!(client(folder.path()).await.is_none());
    // Another program has the port by now, and answers something.
    let other = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    Place::new(other.local_addr().unwrap(), &OsEntropy).write(folder.path()).unwrap();
    tokio::spawn(async move {
        let (mut stream, _) = other.accept().await.unwrap();
        stream.write_all(b"220 ready\n").await.unwrap();
    });
    assert!(client(folder.path()).await.is_none());
    // Half a file.
    std::fs::write(folder.path().join(CHANNEL), "{\"address\":\"127.0").unwrap();
    assert!(client(folder.path()).await.is_none());
}
