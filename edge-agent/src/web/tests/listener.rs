//! The listener: clear only on this machine, TLS elsewhere, and an end that comes.

use std::net::SocketAddr;
use std::sync::Arc;

use rustls::pki_types::ServerName;
use rustls::pki_types::pem::PemObject as _;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;

use super::browser::Site;
use crate::web::{Certificate, Listen, serve};

async fn health<S: AsyncRead + AsyncWrite + Unpin>(mut stream: S) -> String {
    stream.write_all(b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    String::from_utf8(answer).unwrap()
}

#[tokio::test]
async fn on_this_machine_the_pages_are_served_in_clear_and_stop_when_told() {
    let site = Site::founded().await;
    let stop = CancellationToken::new();
    let listen =
        Listen { address: SocketAddr::from(([127, 0, 0, 1], 0)), hosts: Vec::new(), certificate: None };
    let serving = serve(site.app.clone(), listen, stop.clone()).await.unwrap();
    assert_eq!(serving.scheme, "http");
    let answer = health(TcpStream::connect(serving.address).await.unwrap()).await;
    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("ok\n"), "{answer}");
    // An idle connection does not hold up the end.
    let _idle = TcpStream::connect(serving.address).await.unwrap();
    stop.cancel();
    serving.ended().await;
}

#[tokio::test]
async fn the_network_gets_nothing_without_a_certificate() {
    let site = Site::founded().await;
    let listen =
        Listen { address: SocketAddr::from(([0, 0, 0, 0], 0)), hosts: Vec::new(), certificate: None };
    let error = serve(site.app.clone(), listen, CancellationToken::new()).await.unwrap_err();
    assert!(error.to_string().contains("only with TLS"), "{error}");
}

#[tokio::test]
async fn with_a_certificate_the_pages_are_served_over_tls() {
    let site = Site::founded().await;
    let folder = tempfile::tempdir().unwrap();
    let certificate = Certificate::of_folder(folder.path(), &["muster.factory.example".to_owned()]).unwrap();
    let stop = CancellationToken::new();
    let listen = Listen {
        address: SocketAddr::from(([127, 0, 0, 1], 0)),
        hosts: vec!["muster.factory.example".to_owned()],
        certificate: Some(certificate),
    };
    let serving = serve(site.app.clone(), listen, stop.clone()).await.unwrap();
    assert_eq!(serving.scheme, "https");

    let mut roots = rustls::RootCertStore::empty();
    let made = folder.path().join("ui-certificate.pem");
    roots.add(rustls::pki_types::CertificateDer::from_pem_file(made).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let connector = tokio_rustls::TlsConnector::from(Arc::new(config));
    for name in ["muster.factory.example", "localhost"] {
        let stream = TcpStream::connect(serving.address).await.unwrap();
        let stream = connector.connect(ServerName::try_from(name).unwrap(), stream).await.unwrap();
        let answer = health(stream).await;
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }
    stop.cancel();
    serving.ended().await;
}
