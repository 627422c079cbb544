//! The local pages on the network: only over TLS, with the certificate made at the start, under the names that are set.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::process::Command;

use system_tests::binary::{Program, Variant::Plain};
use system_tests::edge::Edge;
use system_tests::folder::RunFolder;

const NAME: &str = "muster.factory.example";

fn browser(edge: &Edge, port: u16) -> reqwest::Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let pem = std::fs::read(edge.data().join("ui-certificate.pem")).unwrap();
    let certificate = reqwest::Certificate::from_pem(&pem).unwrap();
    reqwest::Client::builder()
        .tls_certs_only([certificate])
        .resolve(NAME, ([127, 0, 0, 1], port).into())
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .build()
        .unwrap()
}

#[tokio::test]
async fn on_the_network_the_pages_speak_tls_under_their_names_and_the_first_account_is_made_at_the_machine() {
    let folder = RunFolder::new("network").unwrap();
    let mut edge = Edge::new(&folder.sub("edge").unwrap(), &folder.sub("logs").unwrap(), Plain);
    edge.serve_network(NAME);
    edge.run(&[]).unwrap();
    let port: u16 = edge.url().unwrap().rsplit(':').next().unwrap().parse().unwrap();
    let client = browser(&edge, port);

    let health = client.get(format!("https://{NAME}:{port}/health")).send().await.unwrap();
    assert_eq!(health.status(), 200);
    let start =
        client.get(format!("https://{NAME}:{port}/")).header("accept", "text/html").send().await.unwrap();
    assert_eq!(start.headers()["location"], "/sign-in");
    assert!(start.headers().contains_key("strict-transport-security"), "{:?}", start.headers());
    let elsewhere = client
        .get(format!("https://{NAME}:{port}/"))
        .header("host", format!("evil.example:{port}"))
        .send()
        .await
        .unwrap();
    assert_eq!(elsewhere.status(), 421, "a name that is not set gets nothing");
    let clear = client.get(format!("http://127.0.0.1:{port}/health")).send().await;
    assert!(clear.is_err(), "nothing is answered without TLS: {clear:?}");
    edge.stop().unwrap();
}

#[test]
fn the_agent_does_not_start_with_pages_on_the_network_in_clear() {
    let folder = RunFolder::new("clear").unwrap();
    let data = folder.sub("edge").unwrap();
    for (settings, told) in [
        ("[ui]\nlisten = \"0.0.0.0:0\"\n", "set ui.tls = true"),
        ("[ui]\nlisten = \"0.0.0.0:0\"\ntls = true\n", "say in ui.hosts"),
    ] {
        std::fs::write(data.join("muster-edge.toml"), settings).unwrap();
        let mut command = Command::new(Program::Edge.path(Plain).unwrap());
        let ended = command.arg("run").arg("--data").arg(&data).output().unwrap();
        let said = String::from_utf8_lossy(&ended.stderr);
        assert_eq!(ended.status.code(), Some(2), "{said}");
        assert!(said.contains(told), "{said}");
    }
}
